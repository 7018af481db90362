"""Rows from a spreadsheet as a person looks at them: what becomes of each, with its mistakes beside it."""

from __future__ import annotations

from collections import Counter, defaultdict

import msgspec

from openhall.app.configuration import checked
from openhall.app.language import say
from openhall.kernel.text import Language
from openhall.network import schema
from openhall.network.labels import choice
from openhall.network.outline import outline_of
from openhall.network.rows import Cell, RowChange, Taken, What
from openhall.network.schema import Key
from openhall.web.configuration_bodies import MistakeBody, mistakes_told
from openhall.web.configuration_places import Places


class CellBody(msgspec.Struct, frozen=True):
    """A cell that is another than before, names for ids."""

    column: str
    label: str
    before: str
    after: str


class RowBody(msgspec.Struct, frozen=True):
    """What becomes of one row. `line` is that of the rows that were handed in; 0 for one that is gone."""

    line: int
    id: str
    name: str
    branch: str
    what: What
    cells: tuple[CellBody, ...] = ()
    mistakes: tuple[MistakeBody, ...] = ()


class RowsBody(msgspec.Struct, frozen=True):
    """What becomes of all of them. `counts` by what; `mistakes`: in other places, and of no single row."""

    rows: tuple[RowBody, ...]
    counts: dict[What, int]
    mistakes: tuple[MistakeBody, ...]


def rows_told(taken: Taken, name: str, language: Language, branch: str | None = None) -> RowsBody:
    """Rows in a language for a reader of one branch or of all, those with mistakes first."""
    places = Places(outline_of(taken.files), language, branch)
    by_line: dict[int, list[MistakeBody]] = defaultdict(list)
    elsewhere: list[MistakeBody] = []
    for mistake in mistakes_told(checked(taken.files), language, branch):
        line = taken.lines.get(mistake.line or 0) if mistake.file == f"{name}.csv" else None
        elsewhere.append(mistake) if line is None else by_line[line].append(mistake)
    rows = [_row(places, name, row, tuple(by_line.get(row.line, ())), language) for row in taken.rows]
    return RowsBody(
        rows=tuple(sorted(rows, key=lambda row: not row.mistakes)),
        counts=_counts(taken.rows),
        mistakes=tuple(elsewhere),
    )


def _counts(rows: tuple[RowChange, ...]) -> dict[What, int]:
    found = Counter(row.what for row in rows)
    order: tuple[What, ...] = ("new", "changed", "gone", "same")
    return {what: found[what] for what in order}


def _row(
    places: Places, name: str, row: RowChange, mistakes: tuple[MistakeBody, ...], language: Language
) -> RowBody:
    title = say(language, "Window {n}", n=row.name) if name == "counters" else row.name
    return RowBody(
        line=row.line,
        id=row.id,
        name=title,
        branch=places.names("branches").get(row.branch, row.branch),
        what=row.what,
        cells=tuple(_cell(places, name, cell, language) for cell in row.cells),
        mistakes=tuple(
            msgspec.structs.replace(m, where=places.column(m.path) if m.path else m.where) for m in mistakes
        ),
    )


def _cell(places: Places, name: str, cell: Cell, language: Language) -> CellBody:
    key = schema.column_key(name, cell.column)
    before, after = (_words(places, key, text, language) for text in (cell.before, cell.after))
    return CellBody(cell.column, places.column(cell.column), before, after)


def _words(places: Places, key: Key | None, text: str, language: Language) -> str:
    """A cell as a person reads it."""
    if key is not None and key.kind == "truth" and not key.is_list:
        return say(language, text) if text in ("yes", "no") else text
    if key is None or key.kind not in ("choice", "reference"):
        return text
    names = places.names(key.refers)
    words = text.split() if key.is_list else [text]
    told = [
        names.get(word) or (say(language, choice(word)) if word in key.choices else word)
        for word in words
        if word
    ]
    return say(language, ", ").join(told)

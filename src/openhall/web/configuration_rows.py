"""Rows from a spreadsheet as a person looks at them: what becomes of each, with its mistakes beside it."""

from __future__ import annotations

from collections import Counter, defaultdict

import msgspec

from openhall.app.configuration import checked
from openhall.app.language import say
from openhall.kernel.text import Language
from openhall.log.configuration import Files
from openhall.network import schema
from openhall.network.labels import choice
from openhall.network.outline import outline_of
from openhall.network.rows import Cell, RowChange, Taken, What
from openhall.network.schema import Key
from openhall.web.configuration_bodies import MistakeBody, mistakes_told
from openhall.web.configuration_forms import Forms


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
    what: What
    cells: tuple[CellBody, ...] = ()
    mistakes: tuple[MistakeBody, ...] = ()


class RowsBody(msgspec.Struct, frozen=True):
    """What becomes of all of them. `counts` by what; `mistakes`: in other places, and of no single row."""

    rows: tuple[RowBody, ...]
    counts: dict[What, int]
    mistakes: tuple[MistakeBody, ...]


def rows_told(taken: Taken, name: str, language: Language) -> RowsBody:
    """Rows in a language, those with mistakes first."""
    forms = Forms(outline_of(taken.files), tuple(taken.files), language)
    by_line: dict[int, list[MistakeBody]] = defaultdict(list)
    elsewhere: list[MistakeBody] = []
    for mistake in _mistakes(taken.files, language):
        line = taken.lines.get(mistake.line or 0) if mistake.file == f"{name}.csv" else None
        elsewhere.append(mistake) if line is None else by_line[line].append(mistake)
    rows = [
        RowBody(
            row.line,
            row.id,
            row.name,
            row.what,
            tuple(_cell(forms, name, cell, language) for cell in row.cells),
            tuple(by_line.get(row.line, ())),
        )
        for row in taken.rows
    ]
    return RowsBody(
        rows=tuple(sorted(rows, key=lambda row: not row.mistakes)),
        counts=_counts(taken.rows),
        mistakes=tuple(elsewhere),
    )


def _mistakes(files: Files, language: Language) -> tuple[MistakeBody, ...]:
    return mistakes_told(checked(files).mistakes, language)


def _counts(rows: tuple[RowChange, ...]) -> dict[What, int]:
    found = Counter(row.what for row in rows)
    order: tuple[What, ...] = ("new", "changed", "gone", "same")
    return {what: found[what] for what in order}


def _cell(forms: Forms, name: str, cell: Cell, language: Language) -> CellBody:
    key = schema.column_key(name, cell.column)
    base, _, tongue = cell.column.rpartition("_")
    is_one_of_two = bool(base) and tongue in ("en", "zh")
    label = (
        forms.label(base) + (" · " + {"en": "English", "zh": "中文"}[tongue])
        if is_one_of_two
        else forms.label(cell.column)
    )
    return CellBody(
        cell.column,
        label,
        _words(forms, key, cell.before, language),
        _words(forms, key, cell.after, language),
    )


def _words(forms: Forms, key: Key | None, text: str, language: Language) -> str:
    """A cell as a person reads it."""
    if key is None or key.kind not in ("choice", "reference"):
        return text
    names = forms.names(key.refers)
    words = text.split() if key.is_list else [text]
    told = [
        names.get(word) or (say(language, choice(word)) if key.kind == "choice" else word)
        for word in words
        if word
    ]
    return say(language, ", ").join(told)

"""Rows of a list from a spreadsheet: what becomes of each of them, and the files once they are taken."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final, Literal

import msgspec
import tomlkit
from tomlkit.exceptions import TOMLKitError

from openhall.kernel.refusal import Refusal, refusals
from openhall.network import schema
from openhall.network.csv_rows import MARK, Row, Sheet, cell_of, rows_of
from openhall.network.outline import Item, outline_of
from openhall.network.reading import ROW_TYPES, tables
from openhall.network.schema import Key
from openhall.network.toml_places import take_out

IDENTITY: Final[dict[str, tuple[str, ...]]] = {
    "branches": ("id",),
    "counters": ("branch", "id"),
    "exceptions": ("branch", "date"),
    "leaves": ("person", "first"),
    "people": ("id",),
    "wishes": ("person", "date"),
}
"""The columns by which a row is the same one as before."""

What = Literal["new", "changed", "same", "gone"]

REFUSALS = refusals(
    configuration_rows_unreadable=(
        "The rows cannot be read: a quotation mark is left open, or stands in the middle of a cell.",
        "Copy the rows again, or save them as CSV and take that file.",
    ),
    configuration_rows_empty=(
        "There are no rows to take.",
        "Copy the rows with the names of the columns above them, and paste them again.",
    ),
    configuration_rows_nested=(
        "{file} holds more about {id} than a row can: {keys}.",
        "Change it on its own page.",
    ),
)


class Cell(msgspec.Struct, frozen=True):
    """One cell that is another than before."""

    column: str
    before: str
    after: str


class RowChange(msgspec.Struct, frozen=True):
    """What becomes of one row. `line` is that of the rows that were handed in; 0 for one that is gone.

    Of a new row `cells` are those that say something: neither who it is nor what holds anyway.
    """

    line: int
    id: str
    name: str
    branch: str
    what: What
    cells: tuple[Cell, ...] = ()


class Taken(msgspec.Struct, frozen=True):
    """The files with the rows in them.

    Parameters
    ----------
    lines : of the list's file, each with the line that was handed in.
    """

    files: dict[str, bytes]
    rows: tuple[RowChange, ...]
    lines: dict[int, int]


class _Given(msgspec.Struct, frozen=True):
    """A row as it was handed in: what its columns say, and cells beyond the last column."""

    line: int
    cells: dict[str, str]
    beyond: tuple[str, ...] = ()


def text_of(files: Mapping[str, bytes], name: str, branch: str = "") -> str:
    """A list as rows, under the columns of its file or the usual ones: to go on with in a spreadsheet."""
    columns = tables()[name].columns
    try:
        header = Sheet.read(files.get(f"{name}.csv", b""), columns).header.cells
    except (csv.Error, UnicodeDecodeError):  # Its own page says so.
        header = list(columns)
    sheet = Sheet.read(b"", tuple(cell.strip() for cell in header))
    for item in _own(files, name, branch):
        row = Row(0, "", [])
        sheet.rows.append(row)
        for column, text in _cells(item, columns).items():
            sheet.put(row, column, text)
    return sheet.write().decode()


def take(files: Mapping[str, bytes], name: str, text: str, branch: str = "") -> Taken | Refusal:
    """Put rows in the place of a list, or of the part that belongs to a branch.

    An item that stands in a TOML file moves into the list's CSV file. A column that is not handed in leaves
    what its rows have.
    """
    if name not in ROW_TYPES:
        return Refusal("configuration_place_unknown", "list", {"place": name})
    try:
        given = list(_given(text, name))
    except csv.Error:
        return Refusal("configuration_rows_unreadable", "text")
    if not given:
        return Refusal("configuration_rows_empty", "text")
    columns = tables()[name].columns
    own = _own(files, name, branch)
    if refusal := _refuse_nested(own, columns):
        return refusal
    before = {_identity(name, cells): (item, cells) for item in own if (cells := _cells(item, columns))}
    rows, wanted = [], []
    for each in given:
        cells = {**each.cells}
        if branch and not cells.get("branch"):
            cells["branch"] = branch
        known = before.pop(_identity(name, cells), None)
        was = known[1] if known else {}
        wanted.append(_Given(each.line, {**was, **cells}, each.beyond))
        rows.append(_said(name, each.line, was, cells))
    rows += [_said(name, 0, was, None) for _, was in before.values()]
    try:
        after, lines = _written(files, name, own, wanted)
    except (csv.Error, UnicodeDecodeError, TOMLKitError):
        file = f"{name}.csv"
        return Refusal("configuration_file_unreadable", file, {"file": file})
    return Taken(after, tuple(rows), lines)


def _given(text: str, name: str) -> Iterator[_Given]:
    """The rows that were handed in. A first row without names of columns gets the usual ones."""
    plain = text.removeprefix(MARK)
    is_tabbed = "\t" in plain.split("\n", 1)[0]
    found = list(rows_of(plain, "\t" if is_tabbed else ","))
    usual = tables()[name].columns
    if not found or not any(cell.strip() for cell in found[0].cells):
        return
    names = [cell.strip() for cell in found[0].cells]
    if set(names) & set(usual):
        found = found[1:]
    else:
        names = list(usual[: len(names)])
    for row in found:
        cells = [cell.strip() for cell in row.cells]
        beyond = tuple(cells[len(names) :])
        said = dict(zip(names, cells + [""] * len(names), strict=False))
        yield _Given(row.line, said, beyond if any(beyond) else ())


def _own(files: Mapping[str, bytes], name: str, branch: str) -> list[Item]:
    return outline_of(files).items(name, branch)


def _refuse_nested(own: list[Item], columns: tuple[str, ...]) -> Refusal | None:
    """Tables inside an item would be lost in a row."""
    known = {*columns, *(column.rpartition("_")[0] for column in columns)}
    for item in own:
        if more := sorted({*item.value} - known):
            detail: dict[str, str | int] = {"file": item.place.file, "id": item.id, "keys": ", ".join(more)}
            return Refusal("configuration_rows_nested", "list", detail)
    return None


def _cells(item: Item, columns: tuple[str, ...]) -> dict[str, str]:
    """What stands in a file of an item, as cells."""
    found = {}
    for column in columns:
        base, _, language = column.rpartition("_")
        both = item.value.get(base)
        value = both.get(language) if isinstance(both, dict) else item.value.get(column)
        if value is not None:
            found[column] = cell_of(value)
    if "branch" in columns and item.branch:
        found["branch"] = item.branch
    return found


def _identity(name: str, cells: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(cells.get(column, "") for column in IDENTITY[name])


def _said(name: str, line: int, was: Mapping[str, str], now: Mapping[str, str] | None) -> RowChange:
    """`was` is empty for a new row, `now` None for one that is gone."""
    either = was if now is None else {**was, **now}
    id_ = " ".join(either.get(c, "") for c in IDENTITY[name] if c != "branch")
    title = either.get("name") or either.get("name_zh") or either.get("number", "")
    cells = tuple(
        Cell(column, was.get(column, ""), text)
        for column, text in (now or {}).items()
        if column not in IDENTITY[name]
        and not _means_the_same(schema.column_key(name, column), was.get(column, ""), text)
    )
    what: What = "gone" if now is None else "new" if not was else "changed" if cells else "same"
    return RowChange(line, id_, title, either.get("branch", ""), what, cells)


def _means_the_same(key: Key | None, one: str, other: str) -> bool:
    """An empty cell is the default; words of a list and figures may be written in several ways."""
    if key is None:
        return one == other
    one, other = (text or cell_of(key.default) for text in (one, other))
    if key.is_list:
        return one.split() == other.split()
    if key.kind in ("number", "whole"):
        return one.lstrip("0") == other.lstrip("0")
    return cell_of(one) == cell_of(other)


# --- the files ----------------------------------------------------------------------------------------------


def _written(
    files: Mapping[str, bytes], name: str, own: list[Item], wanted: list[_Given]
) -> tuple[dict[str, bytes], dict[int, int]]:
    """The files with the wanted rows for the own ones, and which line of the list's file is which row."""
    file = f"{name}.csv"
    sheet = Sheet.read(files.get(file, b""), tables()[name].columns)
    gone = {item.place.line for item in own if item.place.file == file}
    first = next((n for n, row in enumerate(sheet.rows) if row.line in gone), len(sheet.rows))
    above = [row for row in sheet.rows[:first] if row.line not in gone]
    below = [row for row in sheet.rows[first:] if row.line not in gone]
    made = []
    for each in wanted:
        row = Row(0, "", [])
        for column, text in each.cells.items():
            sheet.put(row, column, text)
        if each.beyond:
            sheet.put_beyond(row, each.beyond)
        made.append(row)
    sheet.rows = [*above, *made, *below]
    after = {**files, **_without(files, own), file: sheet.write()}
    lines, line = {}, 1 + sheet.header.text.count("\n")
    numbers = {id(row): each.line for row, each in zip(made, wanted, strict=True)}
    for row in sheet.rows:
        if id(row) in numbers:
            lines[line] = numbers[id(row)]
        line += max(1, row.text.count("\n"))
    return after, lines


def _without(files: Mapping[str, bytes], own: list[Item]) -> dict[str, bytes]:
    """The TOML files that hold some of the items, without these."""
    by_file: dict[str, list[str]] = defaultdict(list)
    for item in own:
        if item.place.line is None:
            by_file[item.place.file].append(item.place.path)
    found = {}
    for file, paths in by_file.items():
        document = tomlkit.parse(files[file].decode("utf-8-sig"))
        for path in reversed(paths):
            take_out(document, path)
        found[file] = tomlkit.dumps(document).encode()
    return found

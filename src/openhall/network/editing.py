"""Changes of the files themselves: a value, an item of a list, a whole file.

A place in a file is the address of a change, as it is of a mistake. Comments and order stay: a TOML file is
changed through tomlkit, of a CSV file only the rows concerned are written anew. What somebody types is
written even when it is wrong; the loader then says what is wrong with it, at that place.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Final

import msgspec
import tomlkit
from msgspec import Meta
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, Array, InlineTable

from openhall.kernel.refusal import Refusal, refusals
from openhall.network import schema
from openhall.network.csv_rows import Row, Sheet, cell_of
from openhall.network.mistakes import Place
from openhall.network.reading import ROW_TYPES, tables
from openhall.network.rows import REFUSALS as ROW_REFUSALS
from openhall.network.rows import take
from openhall.network.schema import Key
from openhall.network.toml_places import holder_of, item_at, steps_of, take_out

FILE_NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,59}\.(toml|csv)$"
FILE_CHARACTERS_MAX: Final = 8_000_000
"""Ten thousand people with long names are two megabytes."""
VALUE_CHARACTERS_MAX: Final = 2_000
HOME: Final = "bank.toml"

REFUSALS = {
    **ROW_REFUSALS,
    **refusals(
        configuration_place_unknown=(
            "There is nothing at {place} in the draft that could be changed.",
            "Look at the draft as it is now, and make the change again.",
        ),
        configuration_file_unreadable=(
            "{file} cannot be read as it is, so no single value of it can be changed.",
            "Mend the file as text, at the line that is named.",
        ),
    ),
}

FileName = Annotated[str, Meta(pattern=FILE_NAME)]
PathText = Annotated[str, Meta(max_length=200, pattern=r"^[A-Za-z0-9_.\[\]]*$")]
Short = Annotated[str, Meta(max_length=VALUE_CHARACTERS_MAX)]
Both = Annotated[dict[Annotated[str, Meta(pattern="^(en|zh)$")], Short], Meta(max_length=2)]
Value = bool | int | float | Short | Annotated[list[Short | Both], Meta(max_length=500)] | Both | None


class SetValue(msgspec.Struct, frozen=True, tag="set", forbid_unknown_fields=True):
    """Give a key a value; None takes the key away. In a CSV file `path` is a column and `line` the row."""

    file: FileName
    path: PathText
    value: Value
    line: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None


class AddItem(msgspec.Struct, frozen=True, tag="add", forbid_unknown_fields=True):
    """Add an item to a list: at a path in a TOML file, or as a row of a CSV file."""

    file: FileName
    path: PathText
    values: Annotated[dict[Annotated[str, Meta(max_length=60)], Value], Meta(max_length=60)]


class RemoveItem(msgspec.Struct, frozen=True, tag="remove", forbid_unknown_fields=True):
    """Take an item out of a list."""

    file: FileName
    path: PathText = ""
    line: Annotated[int, Meta(ge=2, le=1_000_000)] | None = None


class MoveItem(msgspec.Struct, frozen=True, tag="move", forbid_unknown_fields=True):
    """Put an item of a list before its neighbour, or after it: `by` is -1 or 1. In a CSV file it is the row
    on `line`, and its neighbour the next row of the same branch."""

    file: FileName
    path: PathText
    by: Annotated[int, Meta(ge=-1, le=1)]
    line: Annotated[int, Meta(ge=2, le=1_000_000)] | None = None


class TakeRows(msgspec.Struct, frozen=True, tag="rows", forbid_unknown_fields=True):
    """Put rows from a spreadsheet in the place of a list, or of the part of it that belongs to a branch.

    Cells between tabs, or CSV. A column that is not there leaves what its rows have.
    """

    list: Annotated[str, Meta(pattern="^[a-z_]{1,40}$")]
    text: Annotated[str, Meta(max_length=FILE_CHARACTERS_MAX)]
    branch: Annotated[str, Meta(max_length=64)] = ""


class PutFile(msgspec.Struct, frozen=True, tag="file", forbid_unknown_fields=True):
    """Put a file in the place of another; None takes it away."""

    file: FileName
    text: Annotated[str, Meta(max_length=FILE_CHARACTERS_MAX)] | None


Change = SetValue | AddItem | RemoveItem | MoveItem | PutFile | TakeRows


class CannotChange(Exception):
    """Carries the refusal of a change."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal


def changed(files: Mapping[str, bytes], change: Change) -> dict[str, bytes] | Refusal:
    """The files after one change, or why it cannot be made. Other files stay as they are, to the byte."""
    if isinstance(change, TakeRows):
        taken = take(files, change.list, change.text, change.branch)
        return taken if isinstance(taken, Refusal) else taken.files
    after = dict(files)
    if isinstance(change, PutFile):
        after.pop(change.file, None)
        if change.text is not None:
            after[change.file] = change.text.encode()
        return after
    try:
        if change.file.endswith(".csv"):
            after[change.file] = _changed_csv(files, change)
        else:
            after[change.file] = _changed_toml(files.get(change.file, b""), change)
    except CannotChange as error:
        return error.refusal
    return after


def _unknown(change: SetValue | AddItem | RemoveItem | MoveItem) -> CannotChange:
    place = Place(change.file, change.path, getattr(change, "line", None))
    return CannotChange(Refusal("configuration_place_unknown", change.path, {"place": str(place)}))


# --- TOML -------------------------------------------------------------------------------------------------


def _changed_toml(body: bytes, change: SetValue | AddItem | RemoveItem | MoveItem) -> bytes:
    try:
        document = tomlkit.parse(body.decode("utf-8-sig"))
    except (TOMLKitError, UnicodeDecodeError) as error:
        raise CannotChange(
            Refusal("configuration_file_unreadable", change.file, {"file": change.file})
        ) from error
    key = schema.key_at(change.path)
    if key is None:
        raise _unknown(change)
    try:
        if isinstance(change, SetValue):
            _set(document, change, key)
        elif isinstance(change, AddItem):
            _add(document, change, key)
        elif isinstance(change, RemoveItem):
            take_out(document, change.path)
        else:
            _move(document, change)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, TOMLKitError) as error:
        # What stands there may be of another form than the key says: somebody is in the middle of a change.
        raise _unknown(change) from error
    return tomlkit.dumps(document).encode()


def _set(document: Any, change: SetValue, key: Key) -> None:
    steps = steps_of(change.path)
    holder = holder_of(document, steps, is_made=change.value is not None)
    last = steps[-1]
    if change.value is None:
        del holder[last]
    elif isinstance(last, str) or last < len(holder):
        if isinstance(last, str) and last not in holder and isinstance(holder, list):
            raise KeyError(last)
        holder[last] = _toml(change.value, key)
    else:
        raise IndexError(last)


def _add(document: Any, change: AddItem, key: Key) -> None:
    if key.table is None or not key.is_list:
        raise _unknown(change)
    steps = steps_of(change.path)
    holder, last = holder_of(document, steps, is_made=True), steps[-1]
    known = {each.name: each for each in schema.keys_of(key.table)}
    given = {name: value for name, value in change.values.items() if name in known and value is not None}
    found = holder.get(last)
    is_inline = isinstance(holder, InlineTable) or (
        isinstance(found, (Array, list)) and not isinstance(found, AoT)
    )
    table = tomlkit.inline_table() if is_inline else tomlkit.table()
    for name, value in given.items():
        table.append(name, _toml(value, known[name]))
    if found is None or not len(found):
        items: Any = tomlkit.array().multiline(True) if is_inline else tomlkit.aot()
        items.append(table)
        holder[last] = items
    elif isinstance(found, Array):
        found.multiline(found.as_string().count("\n") > 0)
        found.append(table)
    else:
        found.append(table)


def _move(document: Any, change: MoveItem) -> None:
    holder, index = item_at(document, change.path)
    other = index + change.by
    if not 0 <= other < len(holder):
        raise IndexError(change.path)
    first, second = sorted((index, other))
    item = holder[second]
    holder.insert(first, item) if isinstance(holder, AoT) else holder.insert(first, item.unwrap())
    del holder[second + 1]


def _toml(value: Any, key: Key) -> Any:
    """A value in the form that the key wants, as far as it can be brought into it."""
    if key.is_list:
        items = value.split() if isinstance(value, str) else value
        array = tomlkit.array()
        single = msgspec.structs.replace(key, is_list=False)
        for item in items if isinstance(items, list) else [items]:
            array.append(_toml(item, single))
        return array
    if isinstance(value, dict):
        table = tomlkit.inline_table()
        table.update({name: value[name] for name in ("en", "zh") if name in value})
        return table
    return _scalar(value, key)


def _scalar(value: Any, key: Key) -> Any:
    if not isinstance(value, str):
        return value
    text = value.strip()
    if key.kind == "whole" and re.fullmatch(r"-?\d{1,18}", text):
        return int(text)
    if key.kind == "number" and re.fullmatch(r"-?\d{1,15}(\.\d{1,9})?", text):
        return float(text) if "." in text else int(text)
    if key.kind == "truth" and text in ("true", "false", "yes", "no"):
        return text in ("true", "yes")
    if key.kind == "date":
        try:
            return date.fromisoformat(text)
        except ValueError:
            return text  # The loader says what is wrong with it.
    return text


# --- CSV --------------------------------------------------------------------------------------------------


def _changed_csv(files: Mapping[str, bytes], change: SetValue | AddItem | RemoveItem | MoveItem) -> bytes:
    name = change.file.removesuffix(".csv")
    if name not in ROW_TYPES:
        raise _unknown(change)
    try:
        sheet = Sheet.read(files.get(change.file, b""), tables()[name].columns)
    except (UnicodeDecodeError, csv.Error) as error:
        raise CannotChange(
            Refusal("configuration_file_unreadable", change.file, {"file": change.file})
        ) from error
    if isinstance(change, AddItem):
        row = Row(0, "", [])
        sheet.rows.append(row)
        for column, value in change.values.items():
            _put(sheet, row, name, column, value, change)
        return sheet.write()
    found = sheet.find(change.line)
    if found is None:
        raise _unknown(change)
    if isinstance(change, RemoveItem):
        sheet.rows.remove(found)
    elif isinstance(change, MoveItem):
        _move_row(sheet, found, change)
    else:
        _put(sheet, found, name, change.path, change.value, change)
    return sheet.write()


def _move_row(sheet: Sheet, row: Row, change: MoveItem) -> None:
    """Change places with the next row of the same branch; without a column `branch`, with the next row."""
    branch = sheet.at("branch")
    alike = [each for each in sheet.rows if each.cell(branch) == row.cell(branch)]
    place = alike.index(row) + change.by
    if not 0 <= place < len(alike):
        raise _unknown(change)
    one, other = sheet.rows.index(row), sheet.rows.index(alike[place])
    sheet.rows[one], sheet.rows[other] = sheet.rows[other], sheet.rows[one]


def _put(sheet: Sheet, row: Row, name: str, column: str, value: Any, change: SetValue | AddItem) -> None:
    if isinstance(value, dict):
        for language, text in value.items():
            _put(sheet, row, name, f"{column}_{language}", text, change)
        return
    if schema.column_key(name, column) is None or column not in tables()[name].columns:
        raise _unknown(change)
    sheet.put(row, column, cell_of(value))

"""Changes of the files themselves: a value, an item of a list, a whole file.

A place in a file is the address of a change, as it is of a mistake. Comments and order stay: a TOML file is
changed through tomlkit, of a CSV file only the rows concerned are written anew. What somebody types is
written even when it is wrong; the loader then says what is wrong with it, at that place.
"""

from __future__ import annotations

import csv
import io
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
from openhall.network.mistakes import Place
from openhall.network.reading import ROW_TYPES, tables
from openhall.network.schema import Key

FILE_NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,59}\.(toml|csv)$"
FILE_CHARACTERS_MAX: Final = 8_000_000
"""Ten thousand people with long names are two megabytes."""
VALUE_CHARACTERS_MAX: Final = 2_000
HOME: Final = "bank.toml"

REFUSALS = refusals(
    configuration_place_unknown=(
        "There is nothing at {place} in the draft that could be changed.",
        "Look at the draft as it is now, and make the change again.",
    ),
    configuration_file_unreadable=(
        "{file} cannot be read as it is, so no single value of it can be changed.",
        "Mend the file as text, at the line that is named.",
    ),
)

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
    """Put an item of a TOML list before its neighbour, or after it: `by` is -1 or 1."""

    file: FileName
    path: PathText
    by: Annotated[int, Meta(ge=-1, le=1)]


class PutFile(msgspec.Struct, frozen=True, tag="file", forbid_unknown_fields=True):
    """Put a file in the place of another; None takes it away."""

    file: FileName
    text: Annotated[str, Meta(max_length=FILE_CHARACTERS_MAX)] | None


Change = SetValue | AddItem | RemoveItem | MoveItem | PutFile


class CannotChange(Exception):
    """Carries the refusal of a change."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal


def changed(files: Mapping[str, bytes], change: Change) -> dict[str, bytes] | Refusal:
    """The files after one change, or why it cannot be made. Other files stay as they are, to the byte."""
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
            holder, index = _item(document, change.path)
            _take(holder, index)
        else:
            _move(document, change)
    except (KeyError, IndexError, TypeError, ValueError, TOMLKitError) as error:
        raise _unknown(change) from error
    return tomlkit.dumps(document).encode()


def _steps(path: str) -> list[str | int]:
    """`branches[0].week` as ["branches", 0, "week"]."""
    found: list[str | int] = []
    for part in path.split("."):
        name, *indices = part.replace("]", "").split("[")
        found += [name, *(int(index) for index in indices)]
    return found


def _holder(document: Any, steps: list[str | int], *, is_made: bool) -> Any:
    """What holds the last step; tables on the way are made when a value is to be put there."""
    holder, is_inline = document, False
    for step in steps[:-1]:
        if isinstance(step, str) and step not in holder:
            if not is_made:
                raise KeyError(step)
            holder[step] = tomlkit.inline_table() if is_inline else tomlkit.table()
        holder = holder[step]
        is_inline = is_inline or isinstance(holder, (InlineTable, Array))
    return holder


def _set(document: Any, change: SetValue, key: Key) -> None:
    steps = _steps(change.path)
    holder = _holder(document, steps, is_made=change.value is not None)
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
    steps = _steps(change.path)
    holder, last = _holder(document, steps, is_made=True), steps[-1]
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


def _item(document: Any, path: str) -> tuple[Any, int]:
    steps = _steps(path)
    holder, last = _holder(document, steps, is_made=False), steps[-1]
    if not isinstance(last, int) or last >= len(holder):
        raise IndexError(path)
    return holder, last


def _take(holder: Any, index: int) -> None:
    del holder[index]


def _move(document: Any, change: MoveItem) -> None:
    holder, index = _item(document, change.path)
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


class _Row(msgspec.Struct):
    line: int
    text: str
    cells: list[str]


def _changed_csv(files: Mapping[str, bytes], change: SetValue | AddItem | RemoveItem | MoveItem) -> bytes:
    name = change.file.removesuffix(".csv")
    if name not in ROW_TYPES or isinstance(change, MoveItem):
        raise _unknown(change)
    body = files.get(change.file, b"")
    try:
        text = body.decode("utf-8")
        mark = "\ufeff" if text.startswith("\ufeff") else ""
        rows = list(_rows(text.removeprefix("\ufeff")))
    except (UnicodeDecodeError, csv.Error) as error:
        raise CannotChange(
            Refusal("configuration_file_unreadable", change.file, {"file": change.file})
        ) from error
    end = "\r\n" if rows and rows[0].text.endswith("\r\n") else "\n"
    if not rows:
        rows.append(_Row(1, "", [*tables()[name].columns]))
        rows[0].text = _line(rows[0].cells, end)
    if isinstance(change, AddItem):
        row = _Row(rows[-1].line + 1, "", [])
        rows[-1].text = rows[-1].text.rstrip("\r\n") + end
        rows.append(row)
        for column, value in change.values.items():
            _put(rows, row, name, column, value, change, end)
    else:
        row = next((each for each in rows[1:] if each.line == change.line), _Row(0, "", []))
        if not row.line:
            raise _unknown(change)
        if isinstance(change, RemoveItem):
            rows.remove(row)
        else:
            _put(rows, row, name, change.path, change.value, change, end)
    return (mark + "".join(each.text for each in rows)).encode()


def _rows(text: str) -> list[_Row]:
    """Every row with the physical lines that it takes, blank ones hung on the row before."""
    lines = io.StringIO(text, newline="").readlines()
    reader = csv.reader(iter(lines), strict=True)
    found: list[_Row] = []
    before = 0
    for cells in reader:
        taken, first = "".join(lines[before : reader.line_num]), before + 1
        before = reader.line_num
        if any(cell.strip() for cell in cells) or not found:
            found.append(_Row(first, taken, cells))
        else:
            found[-1].text += taken
    return found


def _put(
    rows: list[_Row],
    row: _Row,
    name: str,
    column: str,
    value: Any,
    change: SetValue | AddItem | RemoveItem | MoveItem,
    end: str,
) -> None:
    if isinstance(value, dict):
        for language, text in value.items():
            _put(rows, row, name, f"{column}_{language}", text, change, end)
        return
    key = schema.column_key(name, column)
    if key is None or column not in tables()[name].columns:
        raise _unknown(change)
    header = rows[0]
    stripped = [cell.strip() for cell in header.cells]
    if column not in stripped:
        header.cells, stripped = [*header.cells, column], [*stripped, column]
        header.text = _line(header.cells, end)
    at = stripped.index(column)
    row.cells += [""] * (at + 1 - len(row.cells))
    row.cells[at] = _cell(value)
    row.text = _line(row.cells, end)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " ".join(str(item) for item in value)
    text = str(value).strip()
    return {"true": "yes", "false": "no"}.get(text, text)


def _line(cells: list[str], end: str) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator=end).writerow(cells)
    return out.getvalue()


def from_spreadsheet(text: str, name: str) -> str:
    """What was copied from a spreadsheet, as CSV; a first row without names gets the usual ones.

    Text without a tab in its first line is taken to be CSV already.
    """
    first = text.split("\n", 1)[0]
    if "\t" not in first:
        return text
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter="\t"))
    columns = list(tables()[name].columns)
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    if not {cell.strip() for cell in rows[0]} & set(columns):
        writer.writerow(columns[: len(rows[0])])
    writer.writerows(row for row in rows if any(cell.strip() for cell in row))
    return out.getvalue()

"""From bytes to raw values that remember where they stood: TOML documents and CSV rows alike."""

from __future__ import annotations

import csv
import io
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from openhall.kernel.words import Words
from openhall.network.mistakes import Findings, Place, nearest, one_of, shown


@dataclass(frozen=True)
class Raw:
    """A value as it stands in a file."""

    value: object
    place: Place
    is_text: bool = False
    """From a CSV cell: numbers, dates and lists come as text."""
    excused: frozenset[str] = frozenset()
    """Columns that the whole file lacks: said once, not once a row."""


@dataclass
class Sources:
    """All raw values of a configuration by top-level key; lists may be spread over files."""

    values: dict[str, list[Raw]] = field(default_factory=dict)
    is_complete: bool = True
    """False after a file that could not be read: nothing can then be said about what is missing."""


@dataclass(frozen=True)
class Table:
    """The columns of a CSV file and which of them it must have."""

    columns: tuple[str, ...]
    required: frozenset[str]


def read_sources(files: Mapping[str, bytes], tables: Mapping[str, Table], findings: Findings) -> Sources:
    """Read every `*.toml` file and the CSV files named in `tables` (`counters` for `counters.csv`).

    `bank.toml` comes first, the others follow by name, so that the order of a list is the same everywhere.
    Files with other endings are none of our business.
    """
    sources = Sources()
    for name in sorted(files, key=lambda n: (n != "bank.toml", n)):
        if name.endswith(".toml"):
            _read_toml(name, files[name], sources, findings)
        elif name.endswith(".csv") and name.removesuffix(".csv") in tables:
            key = name.removesuffix(".csv")
            _read_csv(name, files[name], key, tables[key], sources, findings)
        elif name.endswith(".csv"):
            known = [f"{key}.csv" for key in tables]
            findings.add(
                "unknown_file",
                Place(name),
                expected=one_of(known),
                found=shown(name),
                suggestion=nearest(name, known),
            )
            sources.is_complete = False
    return sources


def _decode(name: str, body: bytes, sources: Sources, findings: Findings) -> str | None:
    """Text of a file; spreadsheets put a byte order mark before UTF-8."""
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body[: error.start].count(b"\n") + 1
        findings.add(
            "encoding",
            Place(name, line=line),
            expected="UTF-8 text (in a spreadsheet: save as 'CSV UTF-8')",
            found=Words("byte {byte}", byte=f"0x{body[error.start]:02x}"),
        )
        sources.is_complete = False
        return None


def _read_toml(name: str, body: bytes, sources: Sources, findings: Findings) -> None:
    text = _decode(name, body, sources, findings)
    if text is None:
        return
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        at = re.search(r"line (\d+)", message)
        line = int(at.group(1)) if at else text.count("\n") + 1
        findings.add("syntax", Place(name, line=line), expected="valid TOML", found=message)
        sources.is_complete = False
        return
    for key, value in document.items():
        sources.values.setdefault(key, []).append(Raw(value, Place(name, key)))


def _read_csv(name: str, body: bytes, key: str, table: Table, sources: Sources, findings: Findings) -> None:
    text = _decode(name, body, sources, findings)
    if text is None:
        return
    rows = _rows(text)
    try:
        header_line, header = next(rows, (1, []))
        missing = _check_header(Place(name, line=header_line), header, table, findings)
        for line, cells in rows:
            place = Place(name, line=line)
            if len(cells) > len(header):
                findings.add(
                    "too_many_cells",
                    place,
                    expected=Words("at most {count} cells", count=len(header)),
                    found=Words("{count} (quote a cell that holds a comma)", count=len(cells)),
                )
            row = [Raw(_row(header, cells, table), place, is_text=True, excused=missing)]
            sources.values.setdefault(key, []).append(Raw(row, place))
    except csv.Error as error:
        findings.add("syntax", Place(name), expected="valid CSV", found=str(error))
        sources.is_complete = False


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that hold anything, each with the line on which it begins."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    for cells in reader:
        stripped = [cell.strip() for cell in cells]
        if any(stripped):
            yield line, stripped
        line = reader.line_num + 1


def _check_header(place: Place, header: list[str], table: Table, findings: Findings) -> frozenset[str]:
    for index, column in enumerate(header):
        if column not in table.columns:
            left = [c for c in table.columns if c not in header]
            findings.add(
                "unknown_column",
                place,
                expected=one_of(table.columns),
                found=shown(column),
                suggestion=nearest(column, left),
            )
        elif column in header[:index]:
            findings.add("given_twice", place, expected="each column once", found=shown(column))
    missing = table.required - set(header)
    for column in sorted(missing):
        findings.add("missing", place, expected=Words("a column {column!r}", column=column), found="none")
    return missing


def _row(header: list[str], cells: list[str], table: Table) -> dict[str, object]:
    """A row as a raw table: empty cells are absent, `name_en` and `name_zh` become the table `name`."""
    row: dict[str, object] = {}
    for column, cell in zip(header, cells, strict=False):
        if not cell or column not in table.columns:
            continue
        base, _, language = column.rpartition("_")
        if base and language in ("en", "zh"):
            inner = row.setdefault(base, {})
            if isinstance(inner, dict):
                inner[language] = cell
        else:
            row[column] = cell
    return row

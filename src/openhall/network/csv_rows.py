"""Rows of a CSV file with the lines that they take: what nobody touches stays as it is, to the byte."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import msgspec

MARK = "\ufeff"
"""Spreadsheets put a byte order mark before UTF-8."""


class Row(msgspec.Struct):
    """One row. `line` is where it begins; 0 for one that stands in no file yet."""

    line: int
    text: str
    cells: list[str]

    def cell(self, at: int) -> str:
        """A cell without the blanks around it; empty where the row is too short."""
        return self.cells[at].strip() if 0 <= at < len(self.cells) else ""


@dataclass
class Sheet:
    """A file of rows under a header."""

    header: Row
    rows: list[Row] = field(default_factory=list)
    mark: str = ""
    end: str = "\n"

    @classmethod
    def read(cls, body: bytes, columns: tuple[str, ...]) -> Self:
        """The rows of a file; an empty one has the usual columns. Raises UnicodeDecodeError, csv.Error."""
        text = body.decode("utf-8")
        mark = MARK if text.startswith(MARK) else ""
        found = list(rows_of(text.removeprefix(MARK)))
        end = "\r\n" if found and found[0].text.endswith("\r\n") else "\n"
        if not found:
            found = [Row(1, line_of(list(columns), end), list(columns))]
        return cls(found[0], found[1:], mark, end)

    def write(self) -> bytes:
        """The file, its last row ended."""
        texts = [row.text for row in (self.header, *self.rows)]
        ended = [text if text.endswith("\n") else text + self.end for text in texts[:-1]]
        return (self.mark + "".join((*ended, texts[-1]))).encode()

    def at(self, column: str) -> int:
        """Where a column stands; -1 where there is none."""
        names = [cell.strip() for cell in self.header.cells]
        return names.index(column) if column in names else -1

    def with_column(self, column: str) -> int:
        """Where a column stands, added at the end where it is missing."""
        if (found := self.at(column)) >= 0:
            return found
        self.header.cells = [*self.header.cells, column]
        self.header.text = line_of(self.header.cells, self.end)
        return len(self.header.cells) - 1

    def put(self, row: Row, column: str, text: str) -> None:
        """Give a row a cell; the row is written anew."""
        at = self.with_column(column)
        row.cells = row.cells + [""] * (at + 1 - len(row.cells))
        row.cells[at] = text
        row.text = line_of(row.cells, self.end)

    def put_beyond(self, row: Row, cells: Sequence[str]) -> None:
        """Give a row cells for which there is no column."""
        row.cells = [*row.cells, *[""] * (len(self.header.cells) - len(row.cells)), *cells]
        row.text = line_of(row.cells, self.end)

    def find(self, line: int | None) -> Row | None:
        """The row that begins on a line."""
        return next((row for row in self.rows if row.line == line), None)


def rows_of(text: str, delimiter: str = ",") -> Iterator[Row]:
    """Every row with the physical lines that it takes, blank ones hung on the row before."""
    lines = io.StringIO(text, newline="").readlines()
    reader = csv.reader(iter(lines), strict=True, delimiter=delimiter)
    last: Row | None = None
    before = 0
    for cells in reader:
        taken, first = "".join(lines[before : reader.line_num]), before + 1
        before = reader.line_num
        if last is not None and not any(cell.strip() for cell in cells):
            last.text += taken
            continue
        if last is not None:
            yield last
        last = Row(first, taken, cells)
    if last is not None:
        yield last


def line_of(cells: list[str], end: str) -> str:
    """Cells as one row."""
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator=end).writerow(cells)
    return out.getvalue()


def cell_of(value: Any) -> str:
    """A value as a cell holds it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " ".join(str(item) for item in value)
    text = str(value).strip()
    return {"true": "yes", "false": "no"}.get(text, text)

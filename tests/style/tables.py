"""Reads the tables of a Markdown page, so that a page can be held to what it says."""

import re


def rows(text: str, columns: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Rows of every table with exactly these headings, in the order of the page; code marks are taken off.

    Raises ValueError on a row with another number of cells, which a reader would see as a broken table.
    """
    found: list[tuple[str, ...]] = []
    inside = False
    for line in text.splitlines():
        if not line.startswith("|"):
            inside = False
            continue
        row = tuple(cell.strip().replace("`", "") for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1])
        if row == columns:
            inside = True
        elif inside and not all(re.fullmatch(r":?-+:?", cell) for cell in row):
            if len(row) != len(columns):
                raise ValueError(f"Expected {len(columns)} cells, got {len(row)}: {line}")
            found.append(row)
    return found

"""Which lines of the files belong to which branch, so that a branch's people are shown no row of another."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from openhall.network.outline import Item, Outline, outline_of

HEADER: Final = re.compile(r"\s*(\[\[?)\s*([A-Za-z][A-Za-z0-9_-]*)\s*([.\]])")
KEY: Final = re.compile(r"([A-Za-z][A-Za-z0-9_-]*)\s*[.=]")
OF_A_PERSON: Final = frozenset({"leaves", "wishes"})
"""Lists whose items name a person and no branch."""


def lines_of(body: bytes) -> list[str]:
    """A file's lines as its readers count them."""
    text = body.decode(errors="replace").replace("\r\n", "\n").replace("\r", "\n")
    return text.removesuffix("\n").split("\n") if text else []


def lines_of_others(files: Mapping[str, bytes], branch: str) -> dict[str, set[int]]:
    """By file the lines, counted from 1, of what belongs to another branch. A file that cannot be read is
    another's as a whole."""
    outline = outline_of(files)
    found: dict[str, set[int]] = {mistake.place.file: set() for mistake in outline.unreadable}
    for name in found:
        found[name] = set(range(1, len(lines_of(files.get(name, b""))) + 1))
    others = items_of_others(outline, branch)
    rows = {(item.place.file, item.place.line) for item in others}
    tables = {(item.place.file, item.place.path) for item in others if item.place.line is None}
    for name, body in files.items():
        if name in found:
            continue
        lines = lines_of(body)
        if name.endswith(".csv"):
            starts = {line for file, line in _rows(outline) if file == name}
            found[name] = _csv_lines(len(lines), starts, {line or 0 for file, line in rows if file == name})
        elif name.endswith(".toml"):
            found[name] = _toml_lines(lines, {path for file, path in tables if file == name})
    return found


def items_of_others(outline: Outline, branch: str) -> list[Item]:
    """What belongs to another branch."""
    own_people = {item.id for item in outline.items("people", branch)}
    every = (item for items in outline.lists.values() for item in items)
    return [item for item in every if _is_of_other(item, branch, own_people)]


def _is_of_other(item: Item, branch: str, own_people: set[str]) -> bool:
    if item.key in OF_A_PERSON:
        return item.value.get("person") not in own_people
    return bool(item.branch) and item.branch != branch


def _rows(outline: Outline) -> list[tuple[str, int]]:
    return [
        (item.place.file, item.place.line)
        for items in outline.lists.values()
        for item in items
        if item.place.line is not None
    ]


def _csv_lines(count: int, starts: set[int], others: set[int]) -> set[int]:
    """A row goes on until the next one begins."""
    found, is_other = set(), False
    for line in range(1, count + 1):
        is_other = line in others if line in starts else is_other
        if is_other:
            found.add(line)
    return found


def _toml_lines(lines: list[str], others: set[str]) -> set[int]:
    """A table goes on until the next one of the first level; so does a value outside of any."""
    found: set[int] = set()
    tables: dict[str, int] = {}
    is_other = is_in_table = False
    for number, line in enumerate(lines, 1):
        header, key = HEADER.match(line), KEY.match(line)
        if header:
            is_in_table = True
            name, is_item = header[2], header[1] == "[[" and header[3] == "]"
            if is_item:
                tables[name] = tables.get(name, -1) + 1
            at = f"{name}[{tables[name]}]" if name in tables else name
            is_other = at in others
        elif key and not is_in_table:
            is_other = any(path.startswith(f"{key[1]}[") for path in others)
        if is_other:
            found.add(number)
    return found

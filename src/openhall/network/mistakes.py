"""What is wrong with a configuration: every mistake with its place, what was expected and what was found."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

import msgspec

FOUND_LENGTH_MAX = 60
"""A longer value is cut: the place already says where to look."""


class Place(msgspec.Struct, frozen=True):
    """Where something stands: a file and a key path in it, or a line and a column of a CSV file."""

    file: str
    path: str = ""
    line: int | None = None

    def key(self, name: str) -> Place:
        """A key below this place. In a CSV file `name.zh` is the column `name_zh`."""
        joint = "_" if self.line is not None else "."
        return Place(self.file, f"{self.path}{joint}{name}" if self.path else name, self.line)

    def item(self, index: int) -> Place:
        """An item of the list at this place. A CSV cell is one place, however many ids it lists."""
        return self if self.line is not None else Place(self.file, f"{self.path}[{index}]")

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{where}: {self.path}" if self.path else where


class Mistake(msgspec.Struct, frozen=True):
    """One thing that a person has to put right. `code` is stable; the rest is for reading."""

    code: str
    place: Place
    expected: str
    found: str
    suggestion: str = ""
    """The nearest valid word, when something looks misspelt."""

    def __str__(self) -> str:
        hint = f" (did you mean {self.suggestion!r}?)" if self.suggestion else ""
        return f"{self.place}: expected {self.expected}, found {self.found}{hint}"


class Findings:
    """Collects mistakes; whoever reads on after one does so to find the others."""

    def __init__(self) -> None:
        self._mistakes: list[Mistake] = []

    def add(self, code: str, place: Place, *, expected: str, found: str, suggestion: str = "") -> None:
        """Note a mistake. `found` is already worded; `shown` words a raw value."""
        self._mistakes.append(Mistake(code, place, expected, found, suggestion))

    def has(self, path: str) -> bool:
        """Is there a mistake at or below this key path?"""
        return any(re.match(rf"{re.escape(path)}\b", m.place.path) for m in self._mistakes)

    def __len__(self) -> int:
        return len(self._mistakes)

    def in_order(self) -> list[Mistake]:
        """All mistakes by file and line; within a TOML file in the order in which they were met."""
        return sorted(self._mistakes, key=lambda m: (m.place.file, m.place.line or 0))


def shown(value: object) -> str:
    """A raw value as a person may recognise it, cut to a length."""
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, str):
        text = repr(value) if value.strip() else "an empty text"
    elif isinstance(value, dict):
        text = "a table"
    elif isinstance(value, list):
        text = f"a list of {len(value)}"
    else:
        text = str(value)
    return text if len(text) <= FOUND_LENGTH_MAX else text[: FOUND_LENGTH_MAX - 1] + "…"


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that was probably meant, or an empty text."""
    close = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return close[0] if close else ""


def one_of(words: Iterable[str], limit: int = 12) -> str:
    """The words to choose from, for a sentence; a long list is cut."""
    listed = list(words)
    more = f" or {len(listed) - limit} more" if len(listed) > limit else ""
    return "one of " + ", ".join(listed[:limit]) + more

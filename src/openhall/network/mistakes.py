"""What is wrong with a configuration: every mistake with its place, what was expected and what was found.

`expected` and `found` are English; where they are `Words`, a door says them in the reader's language.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Final

import msgspec

from openhall.kernel.words import Words

FOUND_LENGTH_MAX = 60
"""A longer value is cut: the place already says where to look."""


WITHOUT_HINT: Final = "{place}: expected {expected}, found {found}"
WITH_HINT: Final = "{place}: expected {expected}, found {found} (did you mean {suggestion!r}?)"

REMEDIES: Final[dict[str, str]] = {
    "bad_format": "Write it in the form that is expected.",
    "duplicate": "Change or remove one of the two.",
    "empty": "Fill it in.",
    "encoding": "Save the file anew as UTF-8.",
    "first_class": "The first class is the ordinary one: move the other below it, or take this out.",
    "guide_practice": "Give a choice with is_right = true and one without, or take the choices out.",
    "given_twice": "Keep it in one place.",
    "missing": "Add it.",
    "no_counter": "Give a counter the service and the class.",
    "no_lobby_manager": "Give somebody of the branch the post of lobby manager.",
    "no_teller": "Give a teller of the branch the skill, or take the service from its counters.",
    "not_one_of": "Choose one of those that are expected.",
    "out_of_range": "Choose a value within the bounds.",
    "overlap": "Let one end before the other begins.",
    "syntax": "Mend the line that is named; often a quotation mark or a bracket is missing above it.",
    "too_many_cells": "Put cells with commas between quotation marks.",
    "unknown_column": "Correct the name of the column, or remove it.",
    "unknown_file": "Correct the name of the file, or remove it from the folder.",
    "unknown_key": "Correct the spelling of the key, or remove it.",
    "unknown_reference": "Choose something that exists, or add it first.",
    "unknown_timezone": "Use the name of the IANA database.",
    "wrong_order": "Correct one of the two values.",
    "wrong_type": "Write a value of the kind that is expected.",
}
"""What to do about each kind of mistake in a bank's files."""


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
        return str(self.words)

    @property
    def words(self) -> Words:
        """The mistake as a sentence."""
        blanks = {"place": str(self.place), "expected": self.expected, "found": self.found}
        if self.suggestion:
            return Words(WITH_HINT, **blanks, suggestion=self.suggestion)
        return Words(WITHOUT_HINT, **blanks)

    @property
    def remedy(self) -> str:
        """What to do about it, in English."""
        return REMEDIES[self.code]


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
        return Words("true") if value else Words("false")
    if isinstance(value, str) and not value.strip():
        return Words("an empty text")
    if isinstance(value, dict):
        return Words("a table")
    if isinstance(value, list):
        return Words("a list of {count}", count=len(value))
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= FOUND_LENGTH_MAX else text[: FOUND_LENGTH_MAX - 1] + "…"


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that was probably meant, or an empty text."""
    close = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return close[0] if close else ""


def one_of(words: Iterable[str], limit: int = 12) -> Words:
    """The words to choose from, for a sentence; a long list is cut."""
    listed = list(words)
    choices = ", ".join(listed[:limit])
    if len(listed) > limit:
        return Words("one of {choices} or {count} more", choices=choices, count=len(listed) - limit)
    return Words("one of {choices}", choices=choices)

"""A sentence with blanks, made where something is known and said where somebody's language is known.

    Words("at most {count} cells", count=4)

reads as English text by itself, as in a log; a door looks the sentence up in the reader's language and fills
the same blanks. A blank can be text, a number, a name in both languages, other words, or a tuple of these.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openhall.kernel.text import Text

Blank = object
"""str, int, float, Text, Words, or a tuple of these."""


class Words(str):
    """English text that still knows the sentence and the blanks that it was made from."""

    sentence: str
    blanks: Mapping[str, Blank]

    def __new__(cls, sentence: str, /, **blanks: Blank) -> Words:
        """The sentence with its blanks filled in English."""
        text = sentence.format(**{name: in_english(value) for name, value in blanks.items()})
        made = super().__new__(cls, text if blanks else sentence)
        made.sentence, made.blanks = sentence, blanks
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (self.sentence, dict(self.blanks))


def _again(sentence: str, blanks: dict[str, Blank]) -> Words:
    return Words(sentence, **blanks)


def in_english(value: Blank) -> object:
    """A blank as it stands in the English text."""
    if isinstance(value, Text):
        return value.en
    if isinstance(value, tuple):
        return ", ".join(str(in_english(part)) for part in value)
    return value

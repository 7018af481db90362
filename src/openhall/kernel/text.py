"""A short text in both languages of the house."""

from __future__ import annotations

from typing import Literal

import msgspec

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")


class Text(msgspec.Struct, frozen=True):
    """A name or sentence that the bank configures, in English and Chinese."""

    en: str
    zh: str

    def get(self, language: str) -> str:
        """The text in one language."""
        return self.zh if language.startswith("zh") else self.en

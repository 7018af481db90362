"""Chinese and English through gettext: English sentences are the keys, Chinese lives in one catalogue."""

from __future__ import annotations

import io
from datetime import date
from functools import cache, lru_cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from typing import Any

from babel.dates import format_date
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from openhall.kernel.refusal import Refusal, RefusalText
from openhall.kernel.text import Language, Text
from openhall.kernel.words import Words
from openhall.network.mistakes import Mistake

CATALOGUE = "locale/zh.po"
DAYS_KEPT = 128
"""Written out and kept, in each language as asked for."""


@cache
def translations(language: Language) -> NullTranslations:
    """The catalogue of a language. Compiled when first asked for, so that no built file can be stale."""
    if language == "en":
        return NullTranslations()
    source = files("openhall").joinpath(CATALOGUE).read_bytes()
    compiled = io.BytesIO()
    write_mo(compiled, read_po(io.BytesIO(source), locale="zh_CN"))
    return GNUTranslations(io.BytesIO(compiled.getvalue()))


def say(language: Language, sentence: str, /, **blanks: str | int) -> str:
    """A sentence of ours in a language, its blanks filled."""
    text = translations(language).gettext(sentence)
    return text.format(**blanks) if blanks else text


def tell(language: Language, text: str) -> str:
    """Words in a language, and so each of their blanks that is words or a name; plain text is looked up."""
    if isinstance(text, Words):
        blanks = {name: _blank(language, value) for name, value in text.blanks.items()}
        return say(language, text.sentence, **blanks)
    return say(language, text) if text else ""


def _blank(language: Language, value: object) -> Any:
    if isinstance(value, Words):
        return tell(language, value)
    if isinstance(value, Text):
        return value.get(language)
    if isinstance(value, tuple):
        return say(language, ", ").join(str(_blank(language, part)) for part in value)
    return value


def tell_blanks(language: Language, words: Words) -> str:
    """Words whose blanks are plain sentences of ours, too."""
    blanks = {name: tell(language, str_or_words(value)) for name, value in words.blanks.items()}
    return tell(language, Words(words.sentence, **blanks))


def str_or_words(value: object) -> str:
    """A blank as text; words stay words."""
    return value if isinstance(value, str) else str(value)


def tell_mistake(language: Language, mistake: Mistake) -> str:
    """A mistake in a configuration as a sentence with its place."""
    return tell_blanks(language, mistake.words)


def explain(refusal: Refusal, texts: dict[str, RefusalText], language: Language) -> tuple[str, str]:
    """(sentence, remedy) of a refusal in a language."""
    text = texts[refusal.code]
    return say(language, text.sentence, **refusal.detail), say(language, text.remedy, **refusal.detail)


@lru_cache(maxsize=DAYS_KEPT)
def day_of_year(language: Language, day: date) -> str:
    """A day with its weekday and without the year."""
    # To write a date out took a sixth of a redraw of the branch's screen, and it is the same all day.
    pattern, locale = ("M月d日 EEEE", "zh_CN") if language == "zh" else ("EEEE d MMMM", "en_GB")
    return format_date(day, pattern, locale=locale)


def negotiate(accept_language: str) -> Language:
    """The language of a browser: the first of ours in its list, Chinese when it names neither."""
    for part in accept_language.lower().split(","):
        tag = part.split(";")[0].strip()
        if tag.startswith("zh"):
            return "zh"
        if tag.startswith("en"):
            return "en"
    return "zh"

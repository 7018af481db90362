"""What may be said aloud: sentences that this server itself made, each with a code that proves it.

A page carries a sentence and its code; whoever sends both back gets the sound. Nobody can have the server say
a text of their own, and nothing needs to be stored or looked up. The key is derived for this one purpose.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence

from openhall.app.language import say
from openhall.kernel.text import Language

PURPOSE = b"openhall: what may be said aloud"
CODE_BYTES = 12
DIGITS_ZH = str.maketrans("0123456789", "零一二三四五六七八九")


class SpokenCodes:
    """Makes codes for sentences, and knows them again."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        """The first key makes codes; all of them are believed, so that a new key file silences no page."""
        if not keys:
            raise ValueError("Expected a key or more, got none")
        self._keys = tuple(keys)

    def code(self, language: Language, text: str) -> str:
        """The code of a sentence of ours."""
        return _code(self._keys[0], language, text)

    def is_ours(self, language: Language, text: str, code: str) -> bool:
        """Whether we made this sentence."""
        return code.isascii() and any(
            hmac.compare_digest(_code(key, language, text), code) for key in self._keys
        )


def plain(text: str) -> str:
    """A text as it is said and signed: on one line, single spaces."""
    return " ".join(text.split())


def number_words(language: Language, number: str) -> str:
    """A ticket's number digit by digit: in a hall "one hundred and one" is easily misheard."""
    letters = "".join(c for c in number if not c.isdigit())
    digits = "".join(c for c in number if c.isdigit())
    if language == "zh":
        return letters + digits.translate(DIGITS_ZH)
    return " ".join([*letters, *digits])


def call_words(language: Language, number: str, window: int) -> str:
    """A call as it is said in the hall. It names nobody."""
    spelt = number_words(language, number)
    return say(language, "Number {number}, please go to window {window}.", number=spelt, window=window)


def _code(key: bytes, language: Language, text: str) -> str:
    code = hmac.digest(key, f"{language}\n{plain(text)}".encode(), hashlib.sha256)[:CODE_BYTES]
    return base64.urlsafe_b64encode(code).decode()

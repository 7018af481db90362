"""A refusal is an answer, not a failure: a stable code, the place it is about, and a way on."""

from __future__ import annotations

import msgspec


class Refusal(msgspec.Struct, frozen=True):
    """The rules do not allow this command now.

    `code` is public API. `place` names the field or thing at fault (`ticket_id`, `counter C3`).
    `detail` fills the blanks of the sentence and the remedy; it never holds personal data.
    """

    code: str
    place: str = ""
    detail: dict[str, str | int] = {}


class RefusalText(msgspec.Struct, frozen=True):
    """What a person reads about a code. English here; the translation is looked up by these sentences."""

    sentence: str
    remedy: str


def refusals(**texts: tuple[str, str]) -> dict[str, RefusalText]:
    """Collect a room's codes with their sentence and remedy."""
    return {code: RefusalText(sentence, remedy) for code, (sentence, remedy) in texts.items()}

"""What is said of something broken and what somebody can do: the same on the page and in the message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from openhall.app.device_words import STATES
from openhall.app.findings import TEXTS, readable
from openhall.app.language import say
from openhall.kernel.text import Language
from openhall.review.technical import LEVEL_OF

TECHNICAL: Final = "Technical"
ALL_BRANCHES: Final = "All branches"
OF_DEVICE: Final = "{device}: {says}"
MESSAGE: Final = "{branch}: {says} {remedy}"
WORDS: Final = dict(enumerate((TECHNICAL, ALL_BRANCHES, OF_DEVICE, MESSAGE)))
"""Everything said here, for the catalogue."""


def technical_words(language: Language, code: str, detail: Mapping[str, str | int]) -> tuple[str, str]:
    """(sentence, remedy) of a fault: of a device by its name, or of the installation."""
    text = TEXTS[code] if code in LEVEL_OF else STATES[code]
    says = say(language, text.sentence, **readable(detail, language))
    if "device" in detail:
        says = say(language, OF_DEVICE, device=detail["device"], says=says)
    return says, say(language, text.remedy)

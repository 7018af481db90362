"""Where a customer can be reached, as somebody typed it and as a gateway takes it."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

import msgspec

from openhall.kernel.refusal import Refusal
from openhall.web.problems import Refused

TO_CHARACTERS_MAX: Final = 254
"""Of an address, by RFC 5321."""

CustomerChannel = Literal["sms", "email", "app"]
To = Annotated[str, msgspec.Meta(min_length=1, max_length=TO_CHARACTERS_MAX)]

_SHAPES: Final[dict[CustomerChannel, re.Pattern[str]]] = {
    "sms": re.compile(r"\+?\d{7,15}"),
    "email": re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+"),
    "app": re.compile(r"[A-Za-z0-9._:@+-]{1,128}"),
}
_BETWEEN_DIGITS: Final = re.compile(r"[\s().-]")


def contact_of(channel: CustomerChannel, typed: str) -> str:
    """What was typed as a gateway takes it. Raises `Refused` for what cannot be one."""
    plain = typed.strip()
    if channel == "sms":
        plain = _BETWEEN_DIGITS.sub("", plain)
    if not _SHAPES[channel].fullmatch(plain):
        raise Refused(Refusal("contact_invalid", "to", {"channel": channel}))
    return plain

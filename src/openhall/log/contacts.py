"""Telephone numbers and mail addresses, found in what was written down and brought to one form.

The form serves to find a person's records again; it is only ever kept as a keyed hash.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

DIGITS_AT_LEAST: Final = 7
DIGITS_AT_MOST: Final = 15
"""Of a telephone number, country code included (ITU-T E.164)."""
COUNTRY_CODE: Final = "86"
"""Of the numbers that are written without one."""
FOUND_AT_MOST: Final = 8
"""Contacts looked for in one record: somebody leaves one or two."""

_MAIL = re.compile(r"[^\s@<>,;]{1,64}@[^\s@<>,;]{1,190}\.[^\s@<>,;.]{2,63}")
_PHONE = re.compile(r"\+?[(]?\d(?:[\s().-]{0,2}\d){6,}")


def normal(contact: str) -> str | None:
    """One form of a number or an address however it was typed; None when it is neither."""
    found = contacts_in([contact])
    return found[0] if len(found) == 1 else None


def contacts_in(texts: Iterable[str]) -> list[str]:
    """Every number and address in some texts, in their one form, each once."""
    found: dict[str, None] = {}
    for text in texts:
        plain = unicodedata.normalize("NFKC", text)
        for mail in _MAIL.findall(plain):
            found[mail.casefold()] = None
        for written in _PHONE.findall(_MAIL.sub(" ", plain)):
            found |= dict.fromkeys(_numbers(written))
    return list(found)[:FOUND_AT_MOST]


def _numbers(written: str) -> list[str]:
    """A number as its digits from the area code on; several when two were written one after the other."""
    parts = [written] if len(_digits(written)) <= DIGITS_AT_MOST else written.split()
    found = (_from_area_code(part) for part in parts if len(_digits(part)) <= DIGITS_AT_MOST)
    return [digits for digits in found if len(digits) >= DIGITS_AT_LEAST - 1]


def _digits(written: str) -> str:
    return re.sub(r"\D", "", written)


def _from_area_code(written: str) -> str:
    """Without the noughts and the own country's code in front; said again it stays the same."""
    digits = _digits(written)
    is_abroad = "+" in written or digits.startswith("00")
    digits = digits.lstrip("0")
    # Without a plus or two noughts only a number that is too long to be from here begins with the country.
    while digits.startswith(COUNTRY_CODE) and (is_abroad or len(digits) >= len(COUNTRY_CODE) + 10):
        digits, is_abroad = digits.removeprefix(COUNTRY_CODE).lstrip("0"), False
    return digits

"""Addresses of customers' own pages: who holds one may see one number's place, and nothing else [C16].

An address names the branch, the day and the ticket, and carries a code of 128 bits over them, so it can
neither be guessed nor turned into a neighbour's. Nothing is stored: the code is worked out again when it is
asked for. Its key is derived from the key file for this one purpose.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import date

from openhall.kernel.event import StreamId

PURPOSE = b"openhall: a customer's own page"
CODE_BYTES = 16
TOKEN_CHARACTERS_MAX = 160
"""An id has at most 40 characters, a ticket's at most 64."""


class TicketLinks:
    """Makes addresses, and reads them."""

    def __init__(self, keys: Sequence[bytes], public_address: str = "", page: str = "t") -> None:
        """The first key makes codes; all of them are believed, so that a new key file ends no address.

        `public_address` is how customers' phones reach this server, where that is configured; `page` is the
        first part of the address, which tells a ticket's from an appointment's.
        """
        if not keys:
            raise ValueError("Expected a key or more, got none")
        self._keys = tuple(keys)
        self._public_address = public_address
        self._page = page

    def address(self, stream: StreamId, ticket_id: str, site: str = "") -> str:
        """A ticket's whole address: under the public address where there is one, else under `site`, which is
        how the screen that asks was reached; empty when neither is known."""
        site = self._public_address or site
        return f"{site}/{self._page}/{self.token(stream, ticket_id)}" if site else ""

    def token(self, stream: StreamId, ticket_id: str) -> str:
        """The last part of a ticket's address."""
        named = f"{stream.place}.{stream.day:%Y%m%d}.{ticket_id}"
        return f"{named}.{_code(self._keys[0], named)}"

    def read(self, token: str) -> tuple[StreamId, str] | None:
        """(branch-day, ticket id) of an address that we made; None for any other."""
        named, _, code = token.rpartition(".")
        if len(token) > TOKEN_CHARACTERS_MAX or not token.isascii():
            return None
        if not any(hmac.compare_digest(_code(key, named), code) for key in self._keys):
            return None
        place, day, ticket_id = named.split(".")
        return StreamId(place, date.fromisoformat(day)), ticket_id


def _code(key: bytes, named: str) -> str:
    code = hmac.digest(key, named.encode(), hashlib.sha256)[:CODE_BYTES]
    return base64.urlsafe_b64encode(code).decode().rstrip("=")

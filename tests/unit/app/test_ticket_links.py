"""A customer's address opens one ticket of one day, and cannot be bent to another."""

from __future__ import annotations

import base64
from datetime import date

import pytest

from openhall.app.ticket_links import PURPOSE, TicketLinks
from openhall.kernel.event import StreamId
from openhall.log.keys import KeyRing

DAY = StreamId("lane-2", date(2026, 11, 23))
OLD, NEW = bytes(32), bytes(range(32))


def links(*keys: bytes) -> TicketLinks:
    return TicketLinks(KeyRing(keys).derive(PURPOSE))


def test_an_address_leads_back_to_its_ticket() -> None:
    token = links(OLD).token(DAY, "t31")
    assert links(OLD).read(token) == (DAY, "t31")
    assert token.startswith("lane-2.20261123.t31."), "it names what it opens, and nothing about a person"
    assert len(base64.urlsafe_b64decode(token.rsplit(".", 1)[1] + "==")) == 16, "128 bits"


TOKEN = links(OLD).token(DAY, "t31")
CODE = TOKEN.rsplit(".", 1)[1]


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (TOKEN.replace("t31", "t32"), "a neighbour's ticket"),
        (TOKEN.replace("20261123", "20261124"), "another day"),
        (TOKEN.replace("lane-2", "lane-1"), "another branch"),
        (TOKEN[:-1] + ("A" if TOKEN[-1] != "A" else "B"), "another code"),
        (TOKEN[:-1], "a code cut short"),
        ("lane-2.20261123.t31.", "no code"),
        (CODE, "a code alone"),
        ("", "nothing"),
        ("....", "dots"),
        ("云." + TOKEN, "letters that we never use"),
        ("a" * 5_000 + TOKEN, "longer than any of ours"),
        (links(NEW).token(DAY, "t31"), "made under another bank's key"),
    ],
)
def test_any_other_address_opens_nothing(token: str, reason: str) -> None:
    assert links(OLD).read(token) is None, reason


def test_after_a_new_key_old_addresses_still_open() -> None:
    assert links(NEW, OLD).read(TOKEN) == (DAY, "t31")
    assert links(NEW, OLD).token(DAY, "t31") == links(NEW).token(DAY, "t31")


def test_the_key_is_not_the_one_that_seals_nor_another_purpose_s() -> None:
    ring = KeyRing([OLD])
    assert ring.derive(PURPOSE) != ring.derive(b"another purpose")
    assert OLD not in ring.derive(PURPOSE)

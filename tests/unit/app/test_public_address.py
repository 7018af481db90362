"""The address under which customers' phones reach the server: safe, or refused at the start."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from openhall.app.settings import SettingsInvalid, read_settings
from openhall.app.ticket_links import TicketLinks
from openhall.kernel.event import StreamId

STREAM = StreamId("lane", date(2026, 11, 24))


@pytest.mark.parametrize(
    "address",
    [
        "https://hall.example.cn",
        "https://hall.example.cn:8443",
        "http://127.0.0.1:8207",
        "http://[::1]:9",
        "",
    ],
)
def test_an_address_that_phones_can_trust_is_taken(tmp_path: Path, address: str) -> None:
    settings = read_settings(tmp_path, {"OPENHALL_SERVER_PUBLIC_ADDRESS": address})
    assert settings.server.public_address == address


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("http://hall.example.cn", "anybody on the way could read and change it"),
        ("hall.example.cn", "a phone's camera takes it for a text"),
        ("https://", "no host"),
        ("https://hall.example.cn/", "a path would be doubled"),
        ("https://hall.example.cn/t?x=1", "a path and a query"),
        ("https://user@hall.example.cn", "names somebody"),
        ("https://hall.example.cn:port", "no port"),
        ('https://hall.example.cn"><b', "not an address"),
        ("ftp://hall.example.cn", "no web"),
    ],
)
def test_another_address_is_a_mistake_that_is_named(tmp_path: Path, address: str, why: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        read_settings(tmp_path, {"OPENHALL_SERVER_PUBLIC_ADDRESS": address})
    assert "server" in str(caught.value), why


@pytest.mark.parametrize(
    ("public", "site", "start"),
    [
        ("https://hall.example.cn", "http://10.0.0.7:8207", "https://hall.example.cn/t/lane.20261124.t7."),
        ("", "http://10.0.0.7:8207", "http://10.0.0.7:8207/t/lane.20261124.t7."),
        ("https://hall.example.cn", "", "https://hall.example.cn/t/lane.20261124.t7."),
    ],
)
def test_the_public_address_goes_before_the_screens_own(public: str, site: str, start: str) -> None:
    assert TicketLinks([b"k" * 32], public).address(STREAM, "t7", site).startswith(start)


def test_without_any_address_there_is_none() -> None:
    assert TicketLinks([b"k" * 32]).address(STREAM, "t7") == ""

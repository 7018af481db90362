"""The ways on which messages leave the house, in words."""

from __future__ import annotations

from typing import Final

from openhall.network.alerts import MessageChannel

CHANNEL_WORDS: Final[dict[MessageChannel, str]] = {
    "sms": "text messages",
    "email": "mail",
    "app": "the bank's app",
    "staff": "staff messenger",
}

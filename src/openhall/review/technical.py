"""What of ours is broken, as alerts beside the nine kinds: how grave each fault is, and the rule of its life.

A fault is there or not, so its value is its level (1, 2, 3) and the thresholds are these numbers: it is
raised, told again, taken on and ended by the same steps as an alert of the hall. What lasts shorter than
`LASTS_MS` is nobody's business: a screen whose page is loaded again, a gateway that answers badly once.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from openhall.kernel.clock import MINUTE_MS
from openhall.network.alerts import AlertLevel
from openhall.review.alerts import LEVELS

LASTS_MS: Final = MINUTE_MS
CALM_MS: Final = MINUTE_MS
"""Mended so long, it is over."""

LEVEL_OF: Final[dict[str, AlertLevel]] = {
    "backup_none": "yellow",
    "backup_old": "orange",
    "clock_jumped": "orange",
    "database_unread": "red",
    "disk_low": "orange",
    "disk_full": "red",
    "heads_lost": "red",
    "heads_unwritten": "orange",
    "messages_ill": "orange",
    "record_changed": "red",
    "record_cut_off": "red",
    "record_forged": "red",
    "record_missing": "red",
    "record_sealed_again": "red",
    "streams_full": "orange",
    "tls_soon": "yellow",
    "tls_kept": "yellow",
    "tls_over": "red",
    "tls_wrong": "red",
    "twin_ill": "yellow",
    "twin_late": "yellow",
    "writer_busy": "yellow",
    "writer_ill": "red",
}
"""By the code of a finding about the installation. What is not here is a state and no fault."""

DEVICE_LEVEL: Final[dict[str, AlertLevel]] = {"warning": "yellow", "down": "orange"}
"""By the state of a device: none of them stops the hall, so none is red."""

HALLS_FEEL: Final[frozenset[str]] = frozenset({"clock", "device", "messages", "twin", "writer"})
"""Parts whose faults are shown in the halls too; the others concern whoever looks after the machine."""


class TechnicalRule(msgspec.Struct, frozen=True):
    """The rule of every fault: its level is its value."""

    repeat_minutes: int
    kind: Literal["technical"] = "technical"
    yellow: float = 1
    orange: float = 2
    red: float = 3
    is_on: bool = True


class Fault(msgspec.Struct, frozen=True):
    """Something that is broken at one moment."""

    part: str
    code: str
    level: AlertLevel
    branch: str = ""
    """Empty is the whole installation."""
    place: str = ""
    """A device's id."""
    detail: dict[str, str | int] = {}

    @property
    def key(self) -> tuple[str, str, str]:
        """One part of one branch has one alert, however its state changes."""
        return self.branch, self.part, self.place

    @property
    def value(self) -> float:
        """Its level as a number."""
        return LEVELS.index(self.level) + 1


def level_of(code: str, *, is_failed: bool) -> AlertLevel | None:
    """How grave a finding about the installation is; None for one that is no fault."""
    level = LEVEL_OF.get(code)
    return "red" if level is not None and is_failed else level

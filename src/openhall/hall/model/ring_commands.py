"""What can be asked of the hall about rings for a colleague."""

from __future__ import annotations

from typing import Literal

from openhall.hall.model.fields import Id, OptionalId
from openhall.kernel.event import Command

RingPlace = Literal["kiosk", "phone", "window", "hall", "door"]
RingReason = Literal[
    "cannot_manage",
    "cannot_read",
    "unwell",
    "papers",
    "question",
    "staff_needed",
    "authorise",
    "calm",
]


class RingForColleague(Command, frozen=True):
    """Ask for a person, at once. A customer at the kiosk or with the phone's page, or staff at a window, in
    the hall or at the door.

    Who rang already is not rung for a second time until somebody has come.
    """

    place: RingPlace
    reason: RingReason = "cannot_manage"
    ticket_id: OptionalId = ""
    counter_id: OptionalId = ""
    """The window to come to, where staff there rings."""


class TakeRing(Command, frozen=True):
    """Somebody by name goes there; another may take over."""

    ring_id: Id
    person_id: Id


class FinishRing(Command, frozen=True):
    """Somebody was there."""

    ring_id: Id

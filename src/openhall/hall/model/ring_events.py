"""What happens when somebody rings for a colleague."""

from __future__ import annotations

from openhall.kernel.event import Event


class ColleagueRung(Event, frozen=True):
    """A person is asked for, at once."""

    ring_id: str
    place: str
    reason: str
    ticket_id: str = ""
    counter_id: str = ""


class RingTaken(Event, frozen=True):
    """A colleague is on the way."""

    ring_id: str
    person_id: str


class RingEscalated(Event, frozen=True):
    """Nobody took it in time: the manager is told."""

    ring_id: str


class RingFinished(Event, frozen=True):
    """Somebody was there."""

    ring_id: str

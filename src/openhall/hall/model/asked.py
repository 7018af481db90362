"""What people ask of the hall beside a number: an appointment, and somebody to come."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class AppointmentStatus(StrEnum):
    """What became of an appointment."""

    BOOKED = "booked"
    CANCELLED = "cancelled"
    CHECKED_IN = "checked_in"
    MISSED = "missed"
    """Nobody came in time; who still comes is served as somebody who walks in."""


@dataclass(slots=True)
class Appointment:
    """A slot that somebody booked [C17]. Times are ms; 0 means not yet."""

    id: str
    code: str
    service_id: str
    at_ms: int
    booked_ms: int
    channel: str
    contact_ref: str = ""
    status: AppointmentStatus = AppointmentStatus.BOOKED
    ticket_id: str = ""
    cancelled_by: str = ""
    cancelled_for: str = ""
    """The reason that was given."""

    @property
    def holds_slot(self) -> bool:
        """Whether the slot is taken by it."""
        return self.status is not AppointmentStatus.CANCELLED


@dataclass(slots=True)
class Ring:
    """Somebody asked for a colleague. Times are ms; 0 means not yet."""

    id: str
    place: str
    source: str
    """Who rang: the ticket from a phone, the window, else the account of the device or colleague."""
    reason: str
    ticket_id: str
    rung_ms: int
    counter_id: str = ""
    person_id: str = ""
    """Who is on the way."""
    taken_ms: int = 0
    escalated_ms: int = 0
    finished_ms: int = 0

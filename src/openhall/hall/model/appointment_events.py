"""What happens with appointments [C17]. A code and a time: nothing that says whose they are."""

from __future__ import annotations

from openhall.hall.booking import BookingTerms
from openhall.kernel.event import Event


class AppointmentsOffered(Event, frozen=True):
    """From now on this can be booked for the day."""

    terms: BookingTerms
    salt: str


class AppointmentBooked(Event, frozen=True):
    """A slot was booked, under a code that the customer knows."""

    appointment_id: str
    code: str
    service_id: str
    at_ms: int
    channel: str
    contact_ref: str = ""


class AppointmentCancelled(Event, frozen=True):
    """The slot is free again."""

    appointment_id: str
    reason: str


class AppointmentCheckedIn(Event, frozen=True):
    """The customer is here; the ticket is issued with it."""

    appointment_id: str
    ticket_id: str
    late_ms: int
    """Since the appointment; below 0 for who came before it."""


class AppointmentMissed(Event, frozen=True):
    """Nobody came by the end of the tolerance."""

    appointment_id: str

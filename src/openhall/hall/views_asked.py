"""Appointments and rings as the screens show them [C17]. A view decides nothing."""

from __future__ import annotations

import msgspec

from openhall.hall.booking import BookingTerms
from openhall.hall.model.asked import Appointment, AppointmentStatus, Ring
from openhall.hall.model.deciding.appointments import taken_count
from openhall.hall.model.state import HallState


class AppointmentView(msgspec.Struct, frozen=True):
    """Somebody's appointment. Times are ms since the epoch."""

    id: str
    code: str
    service_id: str
    at_ms: int
    status: str
    channel: str
    contact_ref: str
    ticket_id: str
    ticket_number: str
    """Empty until the customer has checked in."""
    ticket_status: str


class SlotView(msgspec.Struct, frozen=True):
    """The beginning of a slot, and how many can come for a service then."""

    at_ms: int
    service_id: str
    places: int
    free: int
    """0 for a time that has passed, too."""


class RingView(msgspec.Struct, frozen=True):
    """Somebody asks for a colleague."""

    id: str
    place: str
    source: str
    reason: str
    ticket_id: str
    ticket_number: str
    rung_ms: int
    person_id: str
    is_escalated: bool
    counter_number: int
    """Of the window to come to; 0 for none."""


def appointment_view(state: HallState, booked: Appointment) -> AppointmentView:
    """One appointment."""
    ticket = state.tickets.get(booked.ticket_id)
    return AppointmentView(
        booked.id,
        booked.code,
        booked.service_id,
        booked.at_ms,
        booked.status.value,
        booked.channel,
        booked.contact_ref,
        booked.ticket_id,
        ticket.number if ticket else "",
        ticket.status.value if ticket else "",
    )


def appointments(state: HallState) -> list[AppointmentView]:
    """All that were not cancelled, by time."""
    listed = (a for a in state.appointments.values() if a.holds_slot)
    return [appointment_view(state, a) for a in sorted(listed, key=lambda a: (a.at_ms, a.booked_ms, a.id))]


def expected(state: HallState) -> list[AppointmentView]:
    """Who is still to come."""
    return [a for a in appointments(state) if a.status == AppointmentStatus.BOOKED]


def slots(state: HallState, terms: BookingTerms | None, now_ms: int, service_id: str = "") -> list[SlotView]:
    """Every slot of a day in the order of time, of one service or of all; without terms there are none."""
    if terms is None:
        return []
    found = []
    for at_ms in terms.slots_ms():
        for each in terms.services:
            places = terms.places(each.service_id, at_ms)
            if not places or (service_id and each.service_id != service_id):
                continue
            left = max(0, places - taken_count(state, each.service_id, at_ms))
            found.append(SlotView(at_ms, each.service_id, places, left if at_ms > now_ms else 0))
    return found


def off_the_list(state: HallState, terms: BookingTerms | None) -> list[AppointmentView]:
    """Appointments at times that are not offered any more, because hours or services changed: somebody has to
    speak to these customers."""
    kept = {
        (s.service_id, at_ms)
        for at_ms in (terms.slots_ms() if terms else ())
        for s in (terms.services if terms else ())
    }
    return [a for a in expected(state) if (a.service_id, a.at_ms) not in kept]


def ring_view(state: HallState, ring: Ring) -> RingView:
    """One ring."""
    ticket = state.tickets.get(ring.ticket_id)
    return RingView(
        ring.id,
        ring.place,
        ring.source,
        ring.reason,
        ring.ticket_id,
        ticket.number if ticket else "",
        ring.rung_ms,
        ring.person_id,
        bool(ring.escalated_ms),
        state.counter_rules(ring.counter_id).number if ring.counter_id else 0,
    )


def open_rings(state: HallState, *, escalated_only: bool = False) -> list[RingView]:
    """Rings that nobody has dealt with, oldest first."""
    return [
        ring_view(state, ring)
        for ring in state.rings.values()
        if not ring.finished_ms and (ring.escalated_ms or not escalated_only)
    ]

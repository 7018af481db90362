"""Appointments: offered, booked, given up, and the check-in that makes a ticket of one [C17]."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from openhall.hall.booking import BookingTerms, code_of, counts_from_ms, read_code
from openhall.hall.model import commands as c
from openhall.hall.model import events as e
from openhall.hall.model.asked import Appointment, AppointmentStatus
from openhall.hall.model.deciding.dispatch import Decision, decides, next_ticket_id, refuse
from openhall.hall.model.deciding.tickets import Entitled, issued
from openhall.hall.model.state import Doors, HallState
from openhall.kernel.clock import MINUTE_MS, to_datetime
from openhall.kernel.event import Stamp

BY_APPOINTMENT = "appointment"
"""Why a ticket goes beyond the day's capacity: the time was promised."""


@decides(c.OfferAppointments)
def offer_appointments(state: HallState, command: c.OfferAppointments, _: Stamp) -> Decision:
    """What is booked stays, also where less is offered now."""
    if command.terms == state.terms:
        return []
    return [e.AppointmentsOffered(command.terms, state.code_salt or command.salt)]


def _terms(state: HallState) -> BookingTerms:
    if state.terms is None:
        raise refuse("appointments_not_offered")
    return state.terms


def taken_count(state: HallState, service_id: str, at_ms: int) -> int:
    """How many have booked a service at the beginning of a slot."""
    booked = (a for a in state.appointments.values() if a.holds_slot)
    return sum(a.service_id == service_id and a.at_ms == at_ms for a in booked)


@decides(c.BookAppointment)
def book_appointment(state: HallState, command: c.BookAppointment, now: Stamp) -> Decision:
    """A slot that is ahead and has a place left."""
    terms = _terms(state)
    if state.doors is Doors.CLOSED:
        raise refuse("doors_closed")
    bookable = [each.service_id for each in terms.services]
    if command.service_id not in bookable:
        known = ", ".join(bookable)
        raise refuse("service_not_bookable", "service_id", service=command.service_id, known=known)
    places = terms.places(command.service_id, command.at_ms)
    if places is None:
        raise refuse("slot_unknown", "at_ms")
    if command.at_ms <= now.at_ms:
        raise refuse("slot_past", "at_ms")
    if taken_count(state, command.service_id, command.at_ms) >= places:
        raise refuse("slot_full", "at_ms")
    number = len(state.appointments) + 1
    return [
        e.AppointmentBooked(
            f"b{number}",
            _new_code(state, number),
            command.service_id,
            command.at_ms,
            command.channel,
            command.contact_ref,
        )
    ]


def _new_code(state: HallState, number: int) -> str:
    """The first of a row of codes that nobody of this day has: later tries lie apart from later bookings."""
    tries = (code_of(state.code_salt, state.stream.day, number + 100_000 * n) for n in range(1_000))
    return next(code for code in tries if code not in state.codes)


def _appointment(state: HallState, id_or_code: str) -> Appointment:
    """By its id or by the code that the customer has; a code tells its day."""
    found = state.appointments.get(id_or_code)
    if found is not None:
        return found
    code = read_code(id_or_code)
    found = state.appointments.get(state.codes.get(code, ""))
    if found is not None:
        return found
    day = _day_of(code, state.stream.day)
    if day is not None and day != state.stream.day:
        raise refuse("appointment_other_day", "code", day=day.isoformat())
    raise refuse("appointment_unknown", "code")


def _day_of(code: str, today: date) -> date | None:
    """The day in a code, in the year in which it is nearest; None for no day."""
    if not code:
        return None
    found = []
    for year in (today.year - 1, today.year, today.year + 1):
        try:
            found.append(date(year, int(code[:2]), int(code[2:4])))
        except ValueError:
            continue
    return min(found, key=lambda day: abs(day - today), default=None)


def _refuse_ended(state: HallState, booked: Appointment) -> None:
    if booked.status is AppointmentStatus.CANCELLED:
        raise refuse("appointment_cancelled", "code")
    if booked.status is AppointmentStatus.CHECKED_IN:
        raise refuse("appointment_used", "code", number=state.tickets[booked.ticket_id].number)


@decides(c.CancelAppointment)
def cancel_appointment(state: HallState, command: c.CancelAppointment, _: Stamp) -> Decision:
    """Till the customer has a number, also when the time has passed."""
    booked = _appointment(state, command.appointment_id)
    _refuse_ended(state, booked)
    return [e.AppointmentCancelled(booked.id, command.reason)]


@decides(c.CheckInAppointment)
def check_in_appointment(state: HallState, command: c.CheckInAppointment, now: Stamp) -> Decision:
    """A ticket at the appointment's place; who comes too late stands as somebody who walks in.

    Not too early: till then there is nothing to gain, and who has the time may take an ordinary number.
    """
    booked = _appointment(state, command.code)
    _refuse_ended(state, booked)
    policy, visit = state.day_rules.appointments, state.visits.get(command.visit_id)
    arrived_ms = visit.joined_ms if visit is not None else now.at_ms
    opens_ms = booked.at_ms - policy.early_minutes * MINUTE_MS
    if now.at_ms < opens_ms:
        zone = ZoneInfo(state.day_rules.branch.timezone)
        raise refuse("appointment_too_early", "code", opens=to_datetime(opens_ms, zone).strftime("%H:%M"))
    service_id = command.service_id or booked.service_id
    if state.service(service_id) is None and not command.service_id:
        raise refuse("appointment_service_gone", "service_id", service=service_id)
    ticket = issued(
        state,
        c.IssueTicket(
            service_id,
            visit_id=command.visit_id,
            need=command.need,
            class_code=command.class_code,
            class_basis=command.class_basis,
            handling=command.handling,
            override_reason=BY_APPOINTMENT,
        ),
        now,
        Entitled(booked.id, booked.at_ms, counts_from_ms(policy, at_ms=booked.at_ms, arrived_ms=arrived_ms)),
    )
    return [
        e.AppointmentCheckedIn(booked.id, next_ticket_id(state), arrived_ms - booked.at_ms),
        ticket,
    ]


def missed(state: HallState, now_ms: int) -> list[Appointment]:
    """Whose tolerance is over. Before the doors open nobody can have come."""
    if state.doors is Doors.NOT_YET:
        return []
    tolerance_ms = state.day_rules.appointments.late_minutes * MINUTE_MS
    booked = (a for a in state.appointments.values() if a.status is AppointmentStatus.BOOKED)
    return [a for a in booked if a.at_ms + tolerance_ms < now_ms]

"""How appointments, and rings for a colleague, change a hall's day."""

from __future__ import annotations

from openhall.hall.model import events as e
from openhall.hall.model.applying import applies
from openhall.hall.model.asked import Appointment, AppointmentStatus, Ring
from openhall.hall.model.state import HallState
from openhall.kernel.event import Stamp


@applies(e.AppointmentsOffered)
def _appointments_offered(state: HallState, event: e.AppointmentsOffered, _: Stamp) -> None:
    state.terms, state.code_salt = event.terms, event.salt


@applies(e.AppointmentBooked)
def _appointment_booked(state: HallState, event: e.AppointmentBooked, stamp: Stamp) -> None:
    state.appointments[event.appointment_id] = Appointment(
        event.appointment_id,
        event.code,
        event.service_id,
        event.at_ms,
        stamp.at_ms,
        event.channel,
        event.contact_ref,
    )
    state.codes[event.code] = event.appointment_id


@applies(e.AppointmentCancelled)
def _appointment_cancelled(state: HallState, event: e.AppointmentCancelled, stamp: Stamp) -> None:
    booked = state.appointments[event.appointment_id]
    booked.status = AppointmentStatus.CANCELLED
    booked.cancelled_by, booked.cancelled_for = stamp.actor, event.reason


@applies(e.AppointmentCheckedIn)
def _appointment_checked_in(state: HallState, event: e.AppointmentCheckedIn, _: Stamp) -> None:
    booked = state.appointments[event.appointment_id]
    booked.status, booked.ticket_id = AppointmentStatus.CHECKED_IN, event.ticket_id


@applies(e.AppointmentMissed)
def _appointment_missed(state: HallState, event: e.AppointmentMissed, _: Stamp) -> None:
    state.appointments[event.appointment_id].status = AppointmentStatus.MISSED


@applies(e.ColleagueRung)
def _colleague_rung(state: HallState, event: e.ColleagueRung, stamp: Stamp) -> None:
    source = event.ticket_id or event.counter_id or stamp.actor
    state.rings[event.ring_id] = Ring(
        event.ring_id,
        event.place,
        source,
        event.reason,
        event.ticket_id,
        stamp.at_ms,
        event.counter_id,
    )


@applies(e.RingTaken)
def _ring_taken(state: HallState, event: e.RingTaken, stamp: Stamp) -> None:
    ring = state.rings[event.ring_id]
    ring.person_id, ring.taken_ms = event.person_id, stamp.at_ms


@applies(e.RingEscalated)
def _ring_escalated(state: HallState, event: e.RingEscalated, stamp: Stamp) -> None:
    state.rings[event.ring_id].escalated_ms = stamp.at_ms


@applies(e.RingFinished)
def _ring_finished(state: HallState, event: e.RingFinished, stamp: Stamp) -> None:
    state.rings[event.ring_id].finished_ms = stamp.at_ms

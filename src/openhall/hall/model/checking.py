"""What must hold of a hall's day at every moment; `openhall verify` and the rehearsals ask."""

from __future__ import annotations

from collections import Counter as Tally

from openhall.hall.model.asked import AppointmentStatus
from openhall.hall.model.planning import overlapping
from openhall.hall.model.state import (
    AT_COUNTER,
    DiversionStatus,
    HallState,
    TaskStatus,
    TicketStatus,
)


def check(state: HallState) -> list[str]:
    """Broken invariants, as sentences; empty when all is well."""
    broken: list[str] = []
    waiting = {t.id for t in state.tickets.values() if t.status is TicketStatus.WAITING}
    if [tid for _, tid in state.line] != [
        t.id for t in sorted((state.tickets[i] for i in waiting), key=lambda t: (t.key, t.id))
    ]:
        broken.append("the line is not exactly the waiting tickets in the order of their keys")
    for counter in state.counters.values():
        ticket = state.tickets.get(counter.ticket_id)
        if counter.ticket_id and (
            ticket is None or ticket.status not in AT_COUNTER or ticket.counter_id != counter.id
        ):
            broken.append(f"counter {counter.id} has {counter.ticket_id}, which is not there")
        if counter.is_closing and not counter.ticket_id:
            broken.append(f"counter {counter.id} is closing but has nobody to wait for")
        if counter.ticket_id and not counter.is_open:
            broken.append(f"counter {counter.id} is closed but has {counter.ticket_id}")
    at_counters = Tally(k.ticket_id for k in state.counters.values() if k.ticket_id)
    broken += [f"{tid} is at {n} counters" for tid, n in at_counters.items() if n > 1]
    broken += [
        f"{t.id} is {t.status} at no counter"
        for t in state.tickets.values()
        if t.status in AT_COUNTER and t.id not in at_counters
    ]
    seats = Tally(k.person_id for k in state.counters.values() if k.person_id)
    broken += [f"{person} sits at {n} counters" for person, n in seats.items() if n > 1]
    broken += [
        f"{person} sits at a counter and is {state.presence[person]}"
        for person in seats
        if not state.is_here(person)
    ]
    twice = overlapping(state.stints)
    if twice is not None:
        broken.append(f"{twice.person_id} is to be in two places at once")
    if len(state.numbers) != len(state.tickets):
        broken.append("two tickets share a number")
    if state.pending_count != sum(t.is_pending for t in state.tickets.values()):
        broken.append("the count of pending tickets is off")
    if len({t.key for t in state.tickets.values()}) != len(state.tickets):
        broken.append("two tickets share a place in the order")
    inside = sum(
        v.party_size for v in state.visits.values() if v.is_admitted and v.is_inside and not v.has_left
    )
    if inside != state.inside_count:
        broken.append(f"{state.inside_count} people are counted inside, {inside} are")
    broken += _loose_ends(state)
    if state.is_ended and (state.pending_count or state.pending_visit_count):
        broken.append("the day has ended with people pending")
    return broken


def _loose_ends(state: HallState) -> list[str]:
    """Tasks, offers and visits that do not fit the ticket they belong to."""
    broken: list[str] = []
    for task in state.escorts.values():
        ticket = state.tickets[task.ticket_id]
        if task.status is not TaskStatus.DONE and (
            ticket.escort_id != task.id or ticket.status is not TicketStatus.CALLED
        ):
            broken.append(f"escort task {task.id} is open, but {ticket.id} is {ticket.status}")
    under_way = {DiversionStatus.ACCEPTED, DiversionStatus.STARTED}
    for ticket in state.tickets.values():
        diversion = state.diversions.get(ticket.diversion_id)
        is_away = diversion is not None and diversion.status in under_way
        if is_away is not (ticket.status is TicketStatus.DIVERTING):
            broken.append(f"{ticket.id} is {ticket.status}, which does not fit its diversion")
        if state.visits[ticket.visit_id].ticket_id != ticket.id:
            broken.append(f"{ticket.id} is not the ticket of its visit")
    return [*broken, *_appointments(state)]


def _appointments(state: HallState) -> list[str]:
    """Appointments that do not fit their codes and tickets."""
    broken: list[str] = []
    if len(state.codes) != len(state.appointments):
        broken.append("two appointments share a code")
    for booked in state.appointments.values():
        is_here = booked.status is AppointmentStatus.CHECKED_IN
        ticket = state.tickets.get(booked.ticket_id)
        if is_here is not (ticket is not None and ticket.appointment_ms == booked.at_ms):
            broken.append(f"{booked.id} is {booked.status}, which does not fit its ticket")
    used = Tally(booked.ticket_id for booked in state.appointments.values() if booked.ticket_id)
    broken += [f"{ticket_id} is the ticket of {n} appointments" for ticket_id, n in used.items() if n > 1]
    return broken

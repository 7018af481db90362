"""Finding the decision for a command, and the questions that many decisions ask first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from openhall.hall.model import commands as c
from openhall.hall.model.events import CounterClosed
from openhall.hall.model.state import CounterState, HallState, Ticket, TicketStatus, Visit
from openhall.kernel.event import Command, Event, Stamp
from openhall.kernel.refusal import Refusal

Decision = Sequence[Event] | Refusal
Decider = Callable[[HallState, Any, Stamp], Decision]
DECIDERS: dict[type[Command], Decider] = {}


BEFORE_THE_DAY = frozenset({c.OfferAppointments, c.BookAppointment, c.CancelAppointment})
"""What a day can be asked before it opens: its appointments are in its own log [C17]."""


class Refused(Exception):
    """Carries a refusal out of the questions below to `decide`; never leaves this package."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal


def refuse(code: str, place: str = "", /, **detail: str | int) -> Refused:
    """A refusal, to be raised by a question that many decisions ask."""
    return Refused(Refusal(code, place, detail))


def decides(kind: type[Command]) -> Callable[[Decider], Decider]:
    """Register the function that decides one kind of command."""

    def register(decider: Decider) -> Decider:
        DECIDERS[kind] = decider
        return decider

    return register


def decide(state: HallState, command: Command, now: Stamp) -> Decision:
    """Decide a command against the day as it stands."""
    try:
        if not isinstance(command, c.OpenDay):
            if state.rules is None and type(command) not in BEFORE_THE_DAY:
                raise refuse("day_not_open")
            if state.is_ended:
                raise refuse("day_ended")
        return DECIDERS[type(command)](state, command, now)
    except Refused as refused:
        return refused.refusal


# --- questions ---------------------------------------------------------------------------------------


def known_service(state: HallState, service_id: str) -> None:
    """The service is offered today."""
    if state.service(service_id) is None:
        known = ", ".join(s.id for s in state.day_rules.services)
        raise refuse("service_unknown", "service_id", service=service_id, known=known)


def known_class(state: HallState, code: str) -> str:
    """The class exists; an empty code is the ordinary class."""
    classes = state.day_rules.classes
    if not code:
        return classes[0].code
    if state.class_(code) is None:
        known = ", ".join(k.code for k in classes)
        raise refuse("class_unknown", "class_code", class_code=code, known=known)
    return code


def known_person(state: HallState, person_id: str, place: str = "person_id") -> None:
    """The person is on the branch's staff."""
    if state.staff(person_id) is None:
        raise refuse("person_unknown", place, person=person_id)


def ticket_of(state: HallState, ticket_id: str) -> Ticket:
    """A ticket by its id or by the number printed on it."""
    ticket = state.find_ticket(ticket_id)
    if ticket is None:
        raise refuse("ticket_unknown", "ticket_id", ticket=ticket_id)
    return ticket


def refuse_status(code: str, ticket: Ticket) -> Refused:
    """A refusal because of where the ticket is."""
    return refuse(code, "ticket_id", number=ticket.number, status=ticket.status.value)


def waiting_ticket(state: HallState, ticket_id: str) -> Ticket:
    """A ticket that is waiting."""
    ticket = ticket_of(state, ticket_id)
    if ticket.status is not TicketStatus.WAITING:
        raise refuse_status("ticket_not_waiting", ticket)
    return ticket


def pending_ticket(state: HallState, ticket_id: str) -> Ticket:
    """A ticket that has not ended."""
    ticket = ticket_of(state, ticket_id)
    if not ticket.is_pending:
        raise refuse_status("ticket_ended", ticket)
    return ticket


def next_visit_id(state: HallState) -> str:
    """The id of the next visit: short enough to be called out at the door."""
    return f"v{len(state.visits) + 1}"


def next_ticket_id(state: HallState) -> str:
    """The id of the next ticket; the number that people see is another."""
    return f"t{len(state.tickets) + 1}"


def visit_known(state: HallState, visit_id: str) -> Visit:
    """A visit of today."""
    visit = state.visits.get(visit_id)
    if visit is None:
        raise refuse("visit_unknown", "visit_id", visit=visit_id)
    return visit


def visit_of(state: HallState, visit_id: str) -> Visit:
    """An admitted visit of somebody who is here and has no ticket yet."""
    visit = visit_known(state, visit_id)
    if not visit.is_admitted:
        raise refuse("visit_referred", "visit_id")
    if visit.ticket_id:
        number = state.tickets[visit.ticket_id].number
        raise refuse("visit_has_ticket", "visit_id", number=number)
    if visit.has_left:
        raise refuse("visit_has_left", "visit_id")
    return visit


def counter_of(state: HallState, counter_id: str) -> CounterState:
    """A counter of the branch."""
    counter = state.counters.get(counter_id)
    if counter is None:
        known = ", ".join(state.counters)
        raise refuse("counter_unknown", "counter_id", counter=counter_id, known=known)
    return counter


def open_counter(state: HallState, counter_id: str) -> CounterState:
    """A counter at which somebody sits."""
    counter = counter_of(state, counter_id)
    if not counter.is_open:
        raise refuse("counter_not_open", "counter_id", counter=counter_id)
    return counter


def free_counter(state: HallState, counter_id: str) -> CounterState:
    """A counter that can take a customer now."""
    counter = open_counter(state, counter_id)
    if counter.ticket_id:
        number = state.tickets[counter.ticket_id].number
        raise refuse("counter_busy", "counter_id", counter=counter_id, number=number)
    if counter.pause_reason:
        raise refuse("counter_paused", "counter_id", counter=counter_id)
    if counter.is_closing:
        raise refuse("counter_closing", "counter_id", counter=counter_id)
    return counter


def ticket_at(state: HallState, counter: CounterState) -> Ticket:
    """The ticket at a counter."""
    if not counter.ticket_id:
        raise refuse("counter_idle", "counter_id", counter=counter.id)
    return state.tickets[counter.ticket_id]


def freed(state: HallState, ticket: Ticket) -> list[Event]:
    """What follows when a ticket leaves its counter: one that was closing is closed now."""
    counter = state.counters.get(ticket.counter_id)
    if counter is not None and counter.ticket_id == ticket.id and counter.is_closing:
        return [CounterClosed(counter.id)]
    return []

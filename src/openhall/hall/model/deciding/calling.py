"""Calling: next, this one, again, started, done, absent; and fetching those who need it [C5, C6, C12]."""

from __future__ import annotations

from openhall.hall.model import commands as c
from openhall.hall.model import events as e
from openhall.hall.model.deciding.dispatch import (
    Decision,
    counter_of,
    decides,
    free_counter,
    freed,
    known_person,
    open_counter,
    refuse,
    ticket_at,
    waiting_ticket,
)
from openhall.hall.model.state import (
    CounterState,
    Doors,
    EscortTask,
    HallState,
    TaskStatus,
    Ticket,
    TicketStatus,
)
from openhall.hall.policy import grace_ms, is_fetched
from openhall.kernel.clock import SECOND_MS
from openhall.kernel.event import Event, Stamp


def _calling(state: HallState) -> None:
    """The hall calls people at all."""
    if state.doors is Doors.NOT_YET:
        raise refuse("doors_not_open")
    if state.pause_reason:
        raise refuse("hall_paused")


def _escort(ticket: Ticket, counter_id: str, tasks_count: int) -> list[Event]:
    """The task that goes before the call of somebody who is to be fetched, unless it is open already."""
    if not is_fetched(ticket.handling) or ticket.escort_id:
        return []
    return [e.EscortOpened(f"k{tasks_count + 1}", ticket.id, counter_id)]


def call(
    state: HallState,
    counter: CounterState,
    ticket: Ticket,
    *,
    reason: str = "",
    is_automatic: bool = False,
    tasks_count: int,
) -> list[Event]:
    """A call, after the task for a colleague where one is needed; `tasks_count` is of those there are."""
    return [
        *_escort(ticket, counter.id, tasks_count),
        e.TicketCalled(
            ticket.id,
            counter.id,
            counter.person_id,
            grace_ms(state.day_rules.call, ticket.handling),
            is_written="written" in ticket.handling,
            out_of_order_reason=reason,
            is_first=not ticket.first_called_ms,
            is_automatic=is_automatic,
        ),
    ]


@decides(c.CallNext)
def call_next(state: HallState, command: c.CallNext, _: Stamp) -> Decision:
    """The first in the one line whom this counter and this person can serve."""
    counter = free_counter(state, command.counter_id)
    _calling(state)
    ticket = state.next_for(counter)
    if ticket is None:
        raise refuse("nobody_waiting", "counter_id")
    return call(state, counter, ticket, tasks_count=len(state.escorts))


@decides(c.CallTicket)
def call_ticket(state: HallState, command: c.CallTicket, _: Stamp) -> Decision:
    """Out of order, on the record."""
    counter = free_counter(state, command.counter_id)
    _calling(state)
    ticket = waiting_ticket(state, command.ticket_id)
    if not state.serves(counter, ticket):
        raise refuse("counter_cannot_serve", "ticket_id", counter=counter.id, number=ticket.number)
    return call(state, counter, ticket, reason=command.reason, tasks_count=len(state.escorts))


def _called_at(state: HallState, counter_id: str) -> Ticket:
    ticket = ticket_at(state, open_counter(state, counter_id))
    if ticket.status is not TicketStatus.CALLED:
        raise refuse("not_called", "counter_id", counter=counter_id, status=ticket.status.value)
    return ticket


@decides(c.Recall)
def recall(state: HallState, command: c.Recall, _: Stamp) -> Decision:
    """The grace begins anew with each call, and a colleague goes (again) where one is needed by now."""
    ticket = _called_at(state, command.counter_id)
    return [
        *_escort(ticket, command.counter_id, len(state.escorts)),
        e.TicketRecalled(ticket.id, command.counter_id, grace_ms(state.day_rules.call, ticket.handling)),
    ]


@decides(c.StartService)
def start_service(state: HallState, command: c.StartService, _: Stamp) -> Decision:
    """The customer is there."""
    ticket = _called_at(state, command.counter_id)
    person = state.counters[command.counter_id].person_id
    return [e.ServiceStarted(ticket.id, command.counter_id, person)]


@decides(c.FinishService)
def finish_service(state: HallState, command: c.FinishService, _: Stamp) -> Decision:
    """The visit's next service waits at the original place, so it is soon called."""
    counter = open_counter(state, command.counter_id)
    ticket = ticket_at(state, counter)
    if ticket.status is not TicketStatus.SERVING:
        raise refuse("not_serving", "counter_id", counter=counter.id)
    return [
        e.ServiceFinished(ticket.id, counter.id, counter.person_id, ticket.next_service),
        *freed(state, ticket),
    ]


@decides(c.MarkNoShow)
def mark_no_show(state: HallState, command: c.MarkNoShow, now: Stamp) -> Decision:
    """Only after calling again, and after the grace since the last call."""
    ticket = _called_at(state, command.counter_id)
    if ticket.recall_count < state.day_rules.call.recalls_at_least:
        raise refuse("recall_first", "counter_id")
    left_ms = ticket.last_called_ms + ticket.grace_ms - now.at_ms
    if left_ms > 0:
        raise refuse("grace_not_over", "counter_id", seconds=-(-left_ms // SECOND_MS))
    return [e.TicketAbsent(ticket.id, command.counter_id), *freed(state, ticket)]


def _task(state: HallState, task_id: str) -> EscortTask:
    task = state.escorts.get(task_id)
    if task is None:
        raise refuse("task_unknown", "task_id", task=task_id)
    if task.status is TaskStatus.DONE:
        raise refuse("task_closed", "task_id", task=task_id)
    return task


@decides(c.TakeEscort)
def take_escort(state: HallState, command: c.TakeEscort, _: Stamp) -> Decision:
    """Somebody by name goes to fetch the customer; another may take over."""
    task = _task(state, command.task_id)
    known_person(state, command.person_id)
    return [e.EscortTaken(task.id, command.person_id)]


@decides(c.FinishEscort)
def finish_escort(state: HallState, command: c.FinishEscort, _: Stamp) -> Decision:
    """With or without the customer."""
    return [e.EscortFinished(_task(state, command.task_id).id, command.is_found)]


@decides(c.EnterPaperCall)
def enter_paper_call(state: HallState, command: c.EnterPaperCall, now: Stamp) -> Decision:
    """What was called by voice, with the times from the paper list [C12]."""
    ticket = waiting_ticket(state, command.ticket_id)
    counter_of(state, command.counter_id)
    known_person(state, command.person_id)
    if not ticket.joined_ms <= command.called_ms <= command.ended_ms <= now.at_ms:
        raise refuse("time_out_of_order", "called_ms")
    return [
        e.PaperCallEntered(
            ticket.id,
            command.counter_id,
            command.person_id,
            command.called_ms,
            command.ended_ms,
            command.outcome,
            next_service=ticket.next_service if command.outcome == "served" else "",
        )
    ]

"""How calls, counters and diversions change a hall's day."""

from __future__ import annotations

from sys import intern

from openhall.hall.model import events as e
from openhall.hall.model.applying import (
    applies,
    close_escort,
    come_in,
    end,
    free_counter,
    set_service,
    withdraw_offers,
)
from openhall.hall.model.state import (
    CounterState,
    Diversion,
    DiversionStatus,
    EscortTask,
    HallState,
    TaskStatus,
    Ticket,
    TicketStatus,
)
from openhall.kernel.event import Stamp

# --- calling -----------------------------------------------------------------------------------------


@applies(e.EscortOpened)
def _escort_opened(state: HallState, event: e.EscortOpened, stamp: Stamp) -> None:
    state.escorts[event.task_id] = EscortTask(event.task_id, event.ticket_id, event.counter_id, stamp.at_ms)
    state.tickets[event.ticket_id].escort_id = event.task_id


@applies(e.EscortTaken)
def _escort_taken(state: HallState, event: e.EscortTaken, _: Stamp) -> None:
    task = state.escorts[event.task_id]
    task.status = TaskStatus.TAKEN
    task.person_id = event.person_id


@applies(e.EscortFinished)
def _escort_finished(state: HallState, event: e.EscortFinished, _: Stamp) -> None:
    task = state.escorts[event.task_id]
    close_escort(state, state.tickets[task.ticket_id])


@applies(e.TicketCalled)
def _ticket_called(state: HallState, event: e.TicketCalled, stamp: Stamp) -> None:
    ticket = state.tickets[event.ticket_id]
    withdraw_offers(state, ticket)
    ticket.counter_id = intern(event.counter_id)
    ticket.person_id = intern(event.person_id)
    ticket.called_ms = ticket.last_called_ms = stamp.at_ms
    ticket.first_called_ms = ticket.first_called_ms or stamp.at_ms
    ticket.grace_ms = event.grace_ms
    ticket.recall_count = 0
    state.counters[event.counter_id].ticket_id = ticket.id
    state.calls.append((stamp.at_ms, ticket.service_id))
    state.move(ticket, TicketStatus.CALLED)


@applies(e.TicketRecalled)
def _ticket_recalled(state: HallState, event: e.TicketRecalled, stamp: Stamp) -> None:
    ticket = state.tickets[event.ticket_id]
    ticket.recall_count += 1
    ticket.last_called_ms = stamp.at_ms
    ticket.grace_ms = event.grace_ms


@applies(e.ServiceStarted)
def _service_started(state: HallState, event: e.ServiceStarted, stamp: Stamp) -> None:
    ticket = state.tickets[event.ticket_id]
    ticket.started_ms = stamp.at_ms
    come_in(state, state.visits[ticket.visit_id])
    close_escort(state, ticket)
    state.move(ticket, TicketStatus.SERVING)


@applies(e.ServiceFinished)
def _service_finished(state: HallState, event: e.ServiceFinished, stamp: Stamp) -> None:
    ticket = state.tickets[event.ticket_id]
    ticket.services_done += 1
    go_on(state, ticket, event.next_service, TicketStatus.SERVED, stamp.at_ms)


def go_on(state: HallState, ticket: Ticket, next_service: str, otherwise: TicketStatus, at_ms: int) -> None:
    """Wait at the same place for the visit's next service; without one the visit ends."""
    if not next_service:
        end(state, ticket, otherwise, at_ms)
        return
    withdraw_offers(state, ticket)
    free_counter(state, ticket, at_ms)
    at = ticket.later_services.index(next_service)
    ticket.later_services = ticket.later_services[:at] + ticket.later_services[at + 1 :]
    ticket.need = ""
    set_service(state, ticket, next_service)
    ticket.called_ms = ticket.started_ms = 0
    state.move(ticket, TicketStatus.WAITING)


@applies(e.TicketAbsent)
def _ticket_absent(state: HallState, event: e.TicketAbsent, stamp: Stamp) -> None:
    end(state, state.tickets[event.ticket_id], TicketStatus.NO_SHOW, stamp.at_ms)


@applies(e.PaperCallEntered)
def _paper_call_entered(state: HallState, event: e.PaperCallEntered, _: Stamp) -> None:
    ticket = state.tickets[event.ticket_id]
    ticket.counter_id = intern(event.counter_id)
    ticket.person_id = intern(event.person_id)
    ticket.called_ms = ticket.last_called_ms = event.called_ms
    ticket.first_called_ms = ticket.first_called_ms or event.called_ms
    if event.outcome == "no_show":
        end(state, ticket, TicketStatus.NO_SHOW, event.ended_ms)
        return
    ticket.started_ms = event.called_ms
    ticket.services_done += 1
    go_on(state, ticket, event.next_service, TicketStatus.SERVED, event.ended_ms)


# --- counters ----------------------------------------------------------------------------------------


def _vacate(counter: CounterState) -> None:
    counter.person_id = counter.pause_reason = ""
    counter.is_closing = False
    _allow_auto_call(counter)


def _allow_auto_call(counter: CounterState) -> None:
    counter.auto_call_from_ms, counter.auto_call_reason = 0, ""


@applies(e.CounterOpened)
def _counter_opened(state: HallState, event: e.CounterOpened, stamp: Stamp) -> None:
    counter = state.counters[event.counter_id]
    counter.person_id, counter.free_since_ms = event.person_id, stamp.at_ms


@applies(e.CounterHandedOver)
def _counter_handed_over(state: HallState, event: e.CounterHandedOver, stamp: Stamp) -> None:
    counter = state.counters[event.counter_id]
    counter.person_id, counter.free_since_ms = event.person_id, stamp.at_ms
    _allow_auto_call(counter)
    if counter.ticket_id:
        state.tickets[counter.ticket_id].person_id = event.person_id


@applies(e.CounterPaused)
def _counter_paused(state: HallState, event: e.CounterPaused, _: Stamp) -> None:
    state.counters[event.counter_id].pause_reason = event.reason


@applies(e.CounterResumed)
def _counter_resumed(state: HallState, event: e.CounterResumed, stamp: Stamp) -> None:
    counter = state.counters[event.counter_id]
    counter.pause_reason, counter.is_closing, counter.free_since_ms = "", False, stamp.at_ms


@applies(e.CounterClosing)
def _counter_closing(state: HallState, event: e.CounterClosing, _: Stamp) -> None:
    state.counters[event.counter_id].is_closing = True


@applies(e.CounterClosed)
def _counter_closed(state: HallState, event: e.CounterClosed, _: Stamp) -> None:
    _vacate(state.counters[event.counter_id])


@applies(e.AutoCallDelayed)
def _auto_call_delayed(state: HallState, event: e.AutoCallDelayed, _: Stamp) -> None:
    counter = state.counters[event.counter_id]
    counter.auto_call_from_ms, counter.auto_call_reason = event.until_ms, event.reason


@applies(e.AutoCallAllowed)
def _auto_call_allowed(state: HallState, event: e.AutoCallAllowed, _: Stamp) -> None:
    _allow_auto_call(state.counters[event.counter_id])


# --- diversion ---------------------------------------------------------------------------------------


@applies(e.DiversionOffered)
def _diversion_offered(state: HallState, event: e.DiversionOffered, stamp: Stamp) -> None:
    state.tickets[event.ticket_id].diversion_id = event.diversion_id
    state.diversions[event.diversion_id] = Diversion(
        event.diversion_id, event.ticket_id, event.channel, event.is_counted, stamp.at_ms
    )


@applies(e.DiversionAccepted)
def _diversion_accepted(state: HallState, event: e.DiversionAccepted, _: Stamp) -> None:
    diversion = state.diversions[event.diversion_id]
    diversion.status = DiversionStatus.ACCEPTED
    diversion.helper = event.helper
    state.move(state.tickets[diversion.ticket_id], TicketStatus.DIVERTING)


@applies(e.DiversionDeclined)
def _diversion_declined(state: HallState, event: e.DiversionDeclined, _: Stamp) -> None:
    diversion = state.diversions[event.diversion_id]
    diversion.status = DiversionStatus.DECLINED
    state.tickets[diversion.ticket_id].diversion_id = ""


@applies(e.DiversionStarted)
def _diversion_started(state: HallState, event: e.DiversionStarted, _: Stamp) -> None:
    state.diversions[event.diversion_id].status = DiversionStatus.STARTED


@applies(e.DiversionCompleted)
def _diversion_completed(state: HallState, event: e.DiversionCompleted, stamp: Stamp) -> None:
    diversion = state.diversions[event.diversion_id]
    diversion.status = DiversionStatus.COMPLETED
    ticket = state.tickets[diversion.ticket_id]
    ticket.diversion_id = ""
    ticket.services_done += 1
    go_on(state, ticket, event.next_service, TicketStatus.DIVERTED, stamp.at_ms)


@applies(e.DiversionFailed)
def _diversion_failed(state: HallState, event: e.DiversionFailed, _: Stamp) -> None:
    diversion = state.diversions[event.diversion_id]
    diversion.status = DiversionStatus.FAILED
    ticket = state.tickets[diversion.ticket_id]
    ticket.diversion_id = ""
    state.move(ticket, TicketStatus.WAITING)

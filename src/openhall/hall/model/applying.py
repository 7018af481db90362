"""How each event changes a hall's day. Nothing is decided here, and nothing is refused.

Codes of the configuration arrive as a new string with each event; of those that a ticket keeps, `intern`
holds one for all tickets.
"""

from __future__ import annotations

from collections.abc import Callable
from sys import intern
from typing import Any

from openhall.hall.model import events as e
from openhall.hall.model.state import (
    DiversionStatus,
    Doors,
    HallState,
    TaskStatus,
    Ticket,
    TicketStatus,
    Visit,
)
from openhall.hall.policy import place_in_order
from openhall.hall.told import Told, ToldAtIssue
from openhall.kernel.event import Event, Stamp

Applier = Callable[[HallState, Any, Stamp], None]
APPLIERS: dict[type[Event], Applier] = {}


def applies(kind: type[Event]) -> Callable[[Applier], Applier]:
    """Register the function that applies one kind of event."""

    def register(applier: Applier) -> Applier:
        APPLIERS[kind] = applier
        return applier

    return register


def apply(state: HallState, event: Event, stamp: Stamp) -> None:
    """Change the state by one event."""
    APPLIERS[type(event)](state, event, stamp)


# --- the day -----------------------------------------------------------------------------------------


@applies(e.DayOpened)
def _day_opened(state: HallState, event: e.DayOpened, _: Stamp) -> None:
    state.bind(event.rules)


@applies(e.DoorsOpened)
def _doors_opened(state: HallState, _: e.DoorsOpened, stamp: Stamp) -> None:
    state.doors = Doors.OPEN
    state.doors_opened_ms = stamp.at_ms


@applies(e.DoorsClosed)
def _doors_closed(state: HallState, _: e.DoorsClosed, stamp: Stamp) -> None:
    state.doors = Doors.CLOSED
    state.doors_closed_ms = stamp.at_ms


@applies(e.DayEnded)
def _day_ended(state: HallState, _: e.DayEnded, __: Stamp) -> None:
    state.is_ended = True


@applies(e.DayForceEnded)
def _day_force_ended(state: HallState, _: e.DayForceEnded, stamp: Stamp) -> None:
    for ticket in state.tickets.values():
        if ticket.is_pending:
            if ticket.status is TicketStatus.HELD:
                _end_hold(ticket, stamp.at_ms)
            end(state, ticket, TicketStatus.UNSERVED, stamp.at_ms)
    for visit in state.visits.values():
        if visit.is_pending:
            _leave(state, visit)
    state.is_ended = True


@applies(e.HallPaused)
def _hall_paused(state: HallState, event: e.HallPaused, stamp: Stamp) -> None:
    state.pause_since_ms = state.pause_since_ms or stamp.at_ms
    state.pause_reason = event.reason
    state.pause_until_ms = event.resume_ms


@applies(e.HallResumed)
def _hall_resumed(state: HallState, _: e.HallResumed, stamp: Stamp) -> None:
    state.pauses.append((state.pause_since_ms, stamp.at_ms))
    state.pause_reason = ""
    state.pause_since_ms = state.pause_until_ms = 0


# --- the door ----------------------------------------------------------------------------------------


def _join(state: HallState, visit: Visit) -> None:
    state.visits[visit.id] = visit
    if visit.is_admitted and visit.is_inside:
        state.inside_count += visit.party_size


def _leave(state: HallState, visit: Visit) -> None:
    visit.has_left = True
    if visit.is_inside:
        state.inside_count -= visit.party_size


def come_in(state: HallState, visit: Visit) -> None:
    """Somebody is inside from now on."""
    if not visit.is_inside:
        visit.is_inside = True
        state.inside_count += visit.party_size


def _step_out(state: HallState, visit: Visit) -> None:
    if visit.is_inside:
        visit.is_inside = False
        state.inside_count -= visit.party_size


def _check(
    state: HallState,
    event: e.EntryChecked | e.AdmittedWithoutCheck,
    stamp: Stamp,
    *,
    is_admitted: bool = True,
) -> None:
    """A visit begins with its check; one that has a place already keeps it."""
    visit = state.visits.get(event.visit_id)
    if visit is None:
        joined_ms, joined_seq = stamp.at_ms, stamp.seq
    else:
        joined_ms, joined_seq = visit.joined_ms, visit.joined_seq
        state.referred_count -= not visit.is_admitted
        _step_out(state, visit)
    state.referred_count += not is_admitted
    _join(
        state,
        Visit(
            event.visit_id,
            joined_ms,
            joined_seq,
            is_admitted=is_admitted,
            is_inside=event.is_inside,
            party_size=event.party_size,
            is_checked=True,
        ),
    )


@applies(e.EntryChecked)
def _entry_checked(state: HallState, event: e.EntryChecked, stamp: Stamp) -> None:
    _check(state, event, stamp, is_admitted=event.is_admitted)


@applies(e.AdmittedWithoutCheck)
def _admitted_without_check(state: HallState, event: e.AdmittedWithoutCheck, stamp: Stamp) -> None:
    _check(state, event, stamp)


@applies(e.RollVisitAdded)
def _roll_visit_added(state: HallState, event: e.RollVisitAdded, stamp: Stamp) -> None:
    _join(state, Visit(event.visit_id, stamp.at_ms, stamp.seq, is_inside=False))


@applies(e.VisitLetIn)
def _visit_let_in(state: HallState, event: e.VisitLetIn, _: Stamp) -> None:
    come_in(state, state.visits[event.visit_id])


@applies(e.VisitLeft)
def _visit_left(state: HallState, event: e.VisitLeft, _: Stamp) -> None:
    _leave(state, state.visits[event.visit_id])


# --- tickets -----------------------------------------------------------------------------------------


def _key(
    state: HallState, class_code: str, joined_ms: int, joined_seq: int, counts_from_ms: int = 0
) -> tuple[int, int, int]:
    class_ = state.class_(class_code)
    assert class_ is not None, class_code
    return place_in_order(
        state.day_rules.order,
        class_,
        joined_ms=joined_ms,
        joined_seq=joined_seq,
        counts_from_ms=counts_from_ms,
    )


def _told(at_issue: ToldAtIssue | None, now_ms: int) -> Told | None:
    """The twin's word at issue as moments; the plain rule's changes by the minute and is not held on to."""
    if at_issue is None or at_issue.source != "twin":
        return None
    return Told(now_ms, now_ms + at_issue.low_ms, now_ms + at_issue.middle_ms, now_ms + at_issue.high_ms)


@applies(e.TicketIssued)
def _ticket_issued(state: HallState, event: e.TicketIssued, stamp: Stamp) -> None:
    visit = state.visits.get(event.visit_id)
    if visit is None:
        visit = Visit(
            event.visit_id,
            stamp.at_ms,
            stamp.seq,
            is_inside=event.is_inside,
            party_size=event.party_size,
        )
        _join(state, visit)
    visit.ticket_id = event.ticket_id
    service = state.service(event.service_id)
    assert service is not None, event.service_id
    state.issued_by_letter[service.letter] = state.issued_by_letter.get(service.letter, 0) + 1
    state.join_line(
        Ticket(
            event.ticket_id,
            event.number,
            visit.id,
            intern(event.service_id),
            intern(event.class_code),
            _key(state, event.class_code, visit.joined_ms, visit.joined_seq, event.counts_from_ms),
            visit.joined_ms,
            visit.joined_seq,
            stamp.at_ms,
            appointment_ms=event.appointment_ms,
            counts_from_ms=event.counts_from_ms,
            claimed_class=intern(event.claimed_class),
            need=intern(event.need),
            handling=event.handling,
            party_size=visit.party_size,
            told_at_issue=event.told,
            told=_told(event.told, stamp.at_ms),
        )
    )


@applies(e.PaperTicketEntered)
def _paper_ticket_entered(state: HallState, event: e.PaperTicketEntered, stamp: Stamp) -> None:
    visit = state.visits.get(event.visit_id)
    if visit is None:
        visit = Visit(event.visit_id, event.joined_ms, stamp.seq, is_inside=event.is_inside)
        _join(state, visit)
    visit.ticket_id = event.ticket_id
    state.join_line(
        Ticket(
            event.ticket_id,
            event.number,
            visit.id,
            intern(event.service_id),
            intern(event.class_code),
            _key(state, event.class_code, visit.joined_ms, visit.joined_seq),
            visit.joined_ms,
            visit.joined_seq,
            event.joined_ms,
            claimed_class=intern(event.claimed_class),
            handling=event.handling,
            party_size=visit.party_size,
        )
    )


@applies(e.ClassCorrected)
def _class_corrected(state: HallState, event: e.ClassCorrected, _: Stamp) -> None:
    ticket = state.tickets[event.ticket_id]
    if ticket.class_code != event.class_code:
        ticket.told = ticket.told_at_issue = None  # it was said of another place
    ticket.class_code = intern(event.class_code)
    ticket.claimed_class = ""
    key = _key(state, event.class_code, ticket.joined_ms, ticket.joined_seq, ticket.counts_from_ms)
    state.rekey(ticket, key)


def set_service(state: HallState, ticket: Ticket, service_id: str) -> None:
    """A need goes along only to a service that knows it."""
    ticket.service_id = intern(service_id)
    service = state.service(service_id)
    if service is None or ticket.need not in {need.code for need in service.needs}:
        ticket.need = ""


@applies(e.ServiceAdded)
def _service_added(state: HallState, event: e.ServiceAdded, _: Stamp) -> None:
    state.tickets[event.ticket_id].later_services += (intern(event.service_id),)


@applies(e.ServiceTransferred)
def _service_transferred(state: HallState, event: e.ServiceTransferred, stamp: Stamp) -> None:
    ticket = state.tickets[event.ticket_id]
    withdraw_offers(state, ticket)
    set_service(state, ticket, event.service_id)
    if not ticket.first_called_ms:
        ticket.told = ticket.told_at_issue = None  # it was said of another line
    if ticket.status is not TicketStatus.WAITING:
        close_escort(state, ticket)
        free_counter(state, ticket, stamp.at_ms)
        ticket.called_ms = ticket.started_ms = 0
        state.move(ticket, TicketStatus.WAITING)


@applies(e.HandlingSet)
def _handling_set(state: HallState, event: e.HandlingSet, _: Stamp) -> None:
    state.tickets[event.ticket_id].handling = event.handling


@applies(e.Baulked)
def _baulked(state: HallState, _: e.Baulked, __: Stamp) -> None:
    state.baulk_count += 1


# --- stepping out ------------------------------------------------------------------------------------


def withdraw_offers(state: HallState, ticket: Ticket) -> None:
    """An open offer ends with the waiting it was made in."""
    diversion = state.diversions.get(ticket.diversion_id)
    if diversion and diversion.status in {
        DiversionStatus.OFFERED,
        DiversionStatus.ACCEPTED,
        DiversionStatus.STARTED,
    }:
        diversion.status = DiversionStatus.WITHDRAWN
    ticket.diversion_id = ""


def close_escort(state: HallState, ticket: Ticket) -> None:
    """A task ends with the call that it was opened for."""
    if ticket.escort_id:
        state.escorts[ticket.escort_id].status = TaskStatus.DONE
        ticket.escort_id = ""


def free_counter(state: HallState, ticket: Ticket, at_ms: int) -> None:
    """The counter is free of this ticket."""
    counter = state.counters.get(ticket.counter_id)
    if counter is not None and counter.ticket_id == ticket.id:
        counter.ticket_id = ""
        counter.free_since_ms = at_ms


def end(state: HallState, ticket: Ticket, status: TicketStatus, at_ms: int) -> None:
    """The visit is over, one way or another."""
    withdraw_offers(state, ticket)
    close_escort(state, ticket)
    free_counter(state, ticket, at_ms)
    ticket.ended_ms = at_ms
    state.move(ticket, status)


@applies(e.TicketHeld)
def _ticket_held(state: HallState, event: e.TicketHeld, stamp: Stamp) -> None:
    ticket = state.tickets[event.ticket_id]
    withdraw_offers(state, ticket)
    close_escort(state, ticket)
    free_counter(state, ticket, stamp.at_ms)
    ticket.called_ms = 0
    ticket.held_since_ms = stamp.at_ms
    ticket.held_until_ms = event.until_ms
    ticket.contact_person = event.contact_person
    ticket.hold_count += 1
    _step_out(state, state.visits[ticket.visit_id])
    state.move(ticket, TicketStatus.HELD)


def _end_hold(ticket: Ticket, at_ms: int) -> None:
    ticket.held_total_ms = ticket.held_ms_by(at_ms)
    ticket.held_since_ms = ticket.held_until_ms = 0


@applies(e.TicketResumed)
def _ticket_resumed(state: HallState, event: e.TicketResumed, stamp: Stamp) -> None:
    ticket = state.tickets[event.ticket_id]
    _end_hold(ticket, stamp.at_ms)
    if event.is_inside:
        come_in(state, state.visits[ticket.visit_id])
    state.move(ticket, TicketStatus.WAITING)


@applies(e.HoldLapsed)
def _hold_lapsed(state: HallState, event: e.HoldLapsed, stamp: Stamp) -> None:
    ticket = state.tickets[event.ticket_id]
    _end_hold(ticket, stamp.at_ms)
    end(state, ticket, TicketStatus.LAPSED, stamp.at_ms)


@applies(e.TicketReneged)
def _ticket_reneged(state: HallState, event: e.TicketReneged, stamp: Stamp) -> None:
    ticket = state.tickets[event.ticket_id]
    if ticket.status is TicketStatus.HELD:
        _end_hold(ticket, stamp.at_ms)
    end(state, ticket, TicketStatus.RENEGED, stamp.at_ms)


@applies(e.TicketReinstated)
def _ticket_reinstated(state: HallState, event: e.TicketReinstated, _: Stamp) -> None:
    ticket = state.tickets[event.ticket_id]
    ticket.ended_ms = ticket.called_ms = ticket.started_ms = ticket.recall_count = 0
    state.visits[ticket.visit_id].is_inside = event.is_inside  # `move` counts whoever is inside
    state.move(ticket, TicketStatus.WAITING)


# --- recorded, with no effect on the line ------------------------------------------------------------


@applies(e.Triaged)
def _triaged(state: HallState, event: e.Triaged, _: Stamp) -> None:
    """What the lobby manager heard is what a later offer is judged by."""
    ticket = state.tickets.get(event.ticket_id)
    service = state.service(ticket.service_id) if ticket else None
    if ticket and service and event.need in {need.code for need in service.needs}:
        ticket.need = event.need


def _nothing(_: HallState, __: Event, ___: Stamp) -> None:
    """Recorded for the day's review; the line is as it was."""


for _kind in (e.CareGiven, e.FeedbackGiven):
    APPLIERS[_kind] = _nothing

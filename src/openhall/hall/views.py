"""What the screens show: plain structures folded from the state, the same for pages, API and tests."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable

import msgspec

from openhall.hall.model.auto_calling import AutoCall, auto_calls
from openhall.hall.model.state import (
    AT_COUNTER,
    CounterState,
    Diversion,
    DiversionStatus,
    EscortTask,
    HallState,
    TaskStatus,
    Ticket,
    TicketStatus,
    Visit,
)
from openhall.hall.model.waits import Waits
from openhall.hall.policy import Wait, calls_by_itself, is_fetched, overtaking_bound_ms, shown_ms
from openhall.kernel.clock import MINUTE_MS
from openhall.network.model import Handling

RECENT_CALLS = 8
"""Calls that the hall display keeps in sight."""


class TicketView(msgspec.Struct, frozen=True):
    """A ticket as staff see it. Times are ms since the epoch, 0 for not yet."""

    id: str
    number: str
    visit_id: str
    service_id: str
    class_code: str
    claimed_class: str
    status: str
    handling: tuple[Handling, ...]
    need: str
    party_size: int
    joined_ms: int
    issued_ms: int
    called_ms: int
    recall_count: int
    started_ms: int
    ended_ms: int
    held_until_ms: int
    contact_person: str
    counter_id: str
    counter_number: int
    person_id: str
    later_services: tuple[str, ...]
    wait: Wait | None
    grace_ends_ms: int
    diversion: DiversionView | None
    appointment_ms: int
    """When the appointment is, of somebody who has one; 0 for nobody's."""
    is_fetched: bool
    """A colleague goes to them when they are called."""
    fetched_by: str
    """Who is on the way to them now."""


class DiversionView(msgspec.Struct, frozen=True):
    """An offer under way."""

    id: str
    ticket_id: str
    number: str
    channel: str
    status: str
    helper: str
    offered_ms: int


class CounterView(msgspec.Struct, frozen=True):
    """A counter as it stands: closed, idle, called, serving, paused or closing."""

    id: str
    number: int
    status: str
    person_id: str
    pause_reason: str
    services: tuple[str, ...]
    is_elastic: bool
    ticket_id: str
    ticket_number: str
    since_ms: int
    is_auto_call: bool
    """Calls its next customer by itself."""
    auto_call_ms: int
    """When it will call somebody by itself as things stand; 0 for nobody."""
    auto_call_from_ms: int
    """Not before, because the teller asked for a while; 0 for no wish."""
    auto_call_reason: str


class EscortView(msgspec.Struct, frozen=True):
    """Somebody to be fetched."""

    id: str
    ticket_id: str
    number: str
    handling: tuple[Handling, ...]
    counter_number: int
    status: str
    person_id: str
    opened_ms: int


class CallView(msgspec.Struct, frozen=True):
    """A call as the hall display shows it."""

    number: str
    counter_number: int
    called_ms: int
    recall_count: int
    is_written: bool
    """Shown large and by itself, for who may not hear it [C5]."""
    status: str
    is_bilingual: bool = False
    """Said in both languages, whatever the display's own are."""
    shown_until_ms: int = 0
    """In sight at least till then, whatever else is called."""


class VisitView(msgspec.Struct, frozen=True):
    """Somebody who has joined, as the door sees them."""

    id: str
    joined_ms: int
    is_inside: bool
    party_size: int
    is_to_check: bool
    """On the roll at closing, and the entry check is still to come [B1]."""
    ticket_number: str
    """Empty for somebody who has none yet."""
    is_called: bool


class ServiceView(msgspec.Struct, frozen=True):
    """A service's line, and what somebody joining it now would be told."""

    id: str
    waiting_count: int
    open_counters: int
    wait: Wait


class Board(msgspec.Struct, frozen=True):
    """The hall in numbers."""

    place: str
    day: str
    network_version: str
    regime: str
    is_ended: bool
    doors: str
    pause_reason: str
    pause_until_ms: int
    checkin_opens_ms: int
    opens_ms: int
    closes_ms: int
    is_check_required: bool
    inside_count: int
    inside_limit: int | None
    tickets_count: int
    tickets_daily: int | None
    pending_count: int
    baulk_count: int
    referred_count: int
    longest_wait_ms: int
    overtaking_bound_minutes: int | None
    """Of the ordinary class: nobody who joins that much later is called earlier. None: no bound."""
    status_counts: dict[str, int]
    services: tuple[ServiceView, ...]
    counters: tuple[CounterView, ...]


def ticket_view(state: HallState, ticket: Ticket, waits: Waits) -> TicketView:
    """One ticket."""
    is_there = ticket.status in AT_COUNTER
    diversion = state.diversions.get(ticket.diversion_id)
    return TicketView(
        id=ticket.id,
        number=ticket.number,
        visit_id=ticket.visit_id,
        service_id=ticket.service_id,
        class_code=ticket.class_code,
        claimed_class=ticket.claimed_class,
        status=ticket.status.value,
        handling=ticket.handling,
        need=ticket.need,
        party_size=ticket.party_size,
        joined_ms=ticket.joined_ms,
        issued_ms=ticket.issued_ms,
        called_ms=ticket.called_ms,
        recall_count=ticket.recall_count,
        started_ms=ticket.started_ms,
        ended_ms=ticket.ended_ms,
        held_until_ms=ticket.held_until_ms,
        contact_person=ticket.contact_person,
        counter_id=ticket.counter_id if is_there else "",
        counter_number=state.counter_rules(ticket.counter_id).number if is_there else 0,
        person_id=ticket.person_id,
        later_services=ticket.later_services,
        wait=waits.of_ticket(ticket.id),
        grace_ends_ms=ticket.last_called_ms + ticket.grace_ms if ticket.status is TicketStatus.CALLED else 0,
        diversion=diversion_view(state, diversion) if diversion else None,
        appointment_ms=ticket.appointment_ms,
        is_fetched=is_fetched(ticket.handling),
        fetched_by=state.escorts[ticket.escort_id].person_id if ticket.escort_id else "",
    )


def diversion_view(state: HallState, diversion: Diversion) -> DiversionView:
    """One offer."""
    return DiversionView(
        diversion.id,
        diversion.ticket_id,
        state.tickets[diversion.ticket_id].number,
        diversion.channel,
        diversion.status.value,
        diversion.helper,
        diversion.offered_ms,
    )


def counter_view(state: HallState, counter: CounterState, calls: Iterable[AutoCall] = ()) -> CounterView:
    """One counter; `calls` are those that are about to be made by themselves (`auto_calls`)."""
    rules = state.counter_rules(counter.id)
    ticket = state.tickets.get(counter.ticket_id)
    if not counter.is_open:
        status = "closed"
    elif counter.is_closing:
        status = "closing"
    elif ticket is not None:
        status = ticket.status.value
    else:
        status = "paused" if counter.pause_reason else "idle"
    return CounterView(
        id=counter.id,
        number=rules.number,
        status=status,
        person_id=counter.person_id,
        pause_reason=counter.pause_reason,
        services=rules.services,
        is_elastic=rules.is_elastic,
        ticket_id=counter.ticket_id,
        ticket_number=ticket.number if ticket else "",
        since_ms=(ticket.started_ms or ticket.called_ms) if ticket else 0,
        is_auto_call=calls_by_itself(state.day_rules, rules),
        auto_call_ms=next((call.due_ms for call in calls if call.counter_id == counter.id), 0),
        auto_call_from_ms=counter.auto_call_from_ms,
        auto_call_reason=counter.auto_call_reason,
    )


def waiting(state: HallState, waits: Waits, limit: int | None = None) -> list[TicketView]:
    """The line, first to be called first."""
    return [ticket_view(state, state.tickets[tid], waits) for _, tid in state.line[:limit]]


def in_status(state: HallState, waits: Waits, *statuses: TicketStatus) -> list[TicketView]:
    """Tickets in some statuses, in the order of their places."""
    found = [t for t in state.tickets.values() if t.status in statuses]
    return [ticket_view(state, t, waits) for t in sorted(found, key=lambda t: t.key)]


def to_confirm(state: HallState, waits: Waits) -> list[TicketView]:
    """Tickets whose claimed class waits for staff [C18]."""
    found = [t for t in state.tickets.values() if t.claimed_class and t.is_pending]
    return [ticket_view(state, t, waits) for t in sorted(found, key=lambda t: t.key)]


def escorts(state: HallState) -> list[EscortView]:
    """Open escort tasks, oldest first."""
    return [_escort(state, k) for k in state.escorts.values() if k.status is not TaskStatus.DONE]


def _escort(state: HallState, task: EscortTask) -> EscortView:
    ticket = state.tickets[task.ticket_id]
    number = state.counter_rules(task.counter_id).number
    return EscortView(
        task.id,
        ticket.id,
        ticket.number,
        ticket.handling,
        number,
        task.status.value,
        task.person_id,
        task.opened_ms,
    )


def diversions(state: HallState) -> list[DiversionView]:
    """Offers without an outcome yet, oldest first."""
    under_way = {DiversionStatus.OFFERED, DiversionStatus.ACCEPTED, DiversionStatus.STARTED}
    return [diversion_view(state, d) for d in state.diversions.values() if d.status in under_way]


def visits_without_ticket(state: HallState) -> list[VisitView]:
    """Who was checked in and is still to take a ticket, in the order of joining."""
    return [_visit(state, v) for v in state.visits.values() if v.is_pending]


def outside(state: HallState) -> list[VisitView]:
    """Who waits at the door to be let in, with or without a ticket, in the order of joining; not who has
    stepped out by their own wish."""
    found = [v for v in state.visits.values() if not v.is_inside and v.is_admitted and not v.has_left]
    still = [v for v in found if not v.ticket_id or state.tickets[v.ticket_id].status in _WAITING_OUTSIDE]
    return [_visit(state, v) for v in sorted(still, key=lambda v: (v.joined_ms, v.joined_seq))]


_WAITING_OUTSIDE = frozenset({TicketStatus.WAITING, TicketStatus.CALLED})


def _visit(state: HallState, visit: Visit) -> VisitView:
    ticket = state.tickets.get(visit.ticket_id)
    return VisitView(
        visit.id,
        visit.joined_ms,
        visit.is_inside,
        visit.party_size,
        is_to_check=state.day_rules.regime.entry.is_check_required and not visit.is_checked,
        ticket_number=ticket.number if ticket else "",
        is_called=ticket is not None and ticket.status is TicketStatus.CALLED,
    )


def recent_calls(state: HallState, limit: int = RECENT_CALLS) -> list[CallView]:
    """Who is called and who was called last, latest first."""
    called = sorted(
        (t for t in state.tickets.values() if t.called_ms and t.counter_id),
        key=lambda t: (t.status is TicketStatus.CALLED, t.last_called_ms, t.joined_seq),
        reverse=True,
    )
    return [
        CallView(
            t.number,
            state.counter_rules(t.counter_id).number,
            t.last_called_ms,
            t.recall_count,
            "written" in t.handling,
            t.status.value,
            is_bilingual="language" in t.handling,
            shown_until_ms=t.last_called_ms + shown_ms(state.day_rules.call, t.handling),
        )
        for t in called[:limit]
    ]


def board(state: HallState, now_ms: int, waits: Waits) -> Board:
    """The hall in numbers, at one moment."""
    rules = state.day_rules
    by_service = Tally(state.tickets[tid].service_id for _, tid in state.line)
    statuses = Tally(t.status for t in state.tickets.values())
    joined = [state.tickets[tid].joined_ms for _, tid in state.line]
    bound_ms = overtaking_bound_ms(rules.order, rules.classes, rules.classes[0], rules.appointments)
    calls = auto_calls(state, now_ms)
    counters = tuple(counter_view(state, k, calls) for k in state.counters.values())
    return Board(
        place=state.stream.place,
        day=state.stream.day.isoformat(),
        network_version=rules.network_version,
        regime=rules.regime.id,
        is_ended=state.is_ended,
        doors=state.doors.value,
        pause_reason=state.pause_reason,
        pause_until_ms=state.pause_until_ms,
        checkin_opens_ms=rules.checkin_opens_ms,
        opens_ms=rules.opens_ms,
        closes_ms=rules.closes_ms,
        is_check_required=rules.regime.entry.is_check_required,
        inside_count=state.inside_count,
        inside_limit=rules.inside_limit,
        tickets_count=len(state.tickets),
        tickets_daily=rules.tickets_daily,
        pending_count=state.pending_count + state.pending_visit_count,
        baulk_count=state.baulk_count,
        referred_count=state.referred_count,
        longest_wait_ms=max(0, now_ms - min(joined)) if joined else 0,
        overtaking_bound_minutes=None if bound_ms is None else bound_ms // MINUTE_MS,
        status_counts={status.value: statuses[status] for status in TicketStatus},
        services=tuple(
            ServiceView(
                s.id,
                by_service[s.id],
                sum(s.id in k.services and k.status not in {"closed", "paused"} for k in counters),
                waits.of_joining(s.id),
            )
            for s in rules.services
        ),
        counters=counters,
    )

"""A hall as it stands, small enough to be sent to another process: what the twin forks from.

Only what a simulation needs, in plain values; times are ms since the epoch. Taking it costs the serving
process well under a millisecond, and needs neither numpy nor numba in it.
"""

from __future__ import annotations

from collections import Counter as Tally
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from openhall.hall.model.deciding.diverting import ALWAYS_OFFERED, channels_for
from openhall.hall.model.state import CounterState, Doors, HallState, Ticket, TicketStatus
from openhall.kernel.clock import HOUR_MS, MINUTE_MS, from_datetime, to_datetime
from openhall.network.model import Channel

PersonKind = Literal["waiting", "away", "helped", "coming", "at_counter"]
Stage = Literal["free", "called", "serving"]


class Someone(msgspec.Struct, frozen=True):
    """A customer in the branch.

    `since_ms` is when the present hold or diversion began; `counter` the index of the counter for somebody
    who is there and has a further service to come, which is then `service`.
    """

    kind: PersonKind
    service: str
    class_code: str
    need: str
    joined_ms: int
    seq: int
    ticket_id: str = ""
    since_ms: int = 0
    counter: int = -1
    next_service: str = ""
    channel: Channel | None = None
    """Another way that could be offered; None where there is none, or where nobody should be asked."""


class Seat(msgspec.Struct, frozen=True):
    """A counter, and what it can serve with who sits there; without anybody, with nobody."""

    counter_id: str
    services: tuple[str, ...]
    classes: tuple[str, ...]
    """Empty is every class."""
    is_open: bool
    is_calling: bool
    is_paused: bool
    stage: Stage = "free"
    service: str = ""
    class_code: str = ""
    need: str = ""
    since_ms: int = 0
    seq: int = 0


class Sitter(msgspec.Struct, frozen=True):
    """Somebody who sits nowhere and could sit down at a counter."""

    person_id: str
    skills: tuple[str, ...]


class Snapshot(msgspec.Struct, frozen=True):
    """One hall at one moment."""

    branch: str
    network_version: str
    origin_ms: int
    """Local midnight of the business day."""
    now_ms: int
    next_seq: int
    """Above every customer's number."""
    is_open: bool
    """The doors are open."""
    checkin_opens_ms: int
    closes_ms: int
    overtime_ms: int
    sure_percent: int
    is_strict: bool
    late_after_ms: int
    resume_ms: int
    """Calls go on at this moment, after a pause or at opening; 0: they go on now."""
    classes: tuple[tuple[str, int, int], ...]
    """(code, head start in ms, rank)"""
    services: tuple[tuple[str, float], ...]
    """(id, configured mean service time in ms)"""
    people: tuple[Someone, ...]
    """Those in line first, in order."""
    seats: tuple[Seat, ...]
    sitters: tuple[Sitter, ...]
    recent: tuple[tuple[str, str, int], ...]
    """(service, class, people who joined in the hour just past)"""
    joined_today: int


def snapshot(state: HallState, now_ms: int, next_seq: int) -> Snapshot:
    """Take it; `next_seq` is above the number of every event so far."""
    rules = state.day_rules
    is_before = state.doors is Doors.NOT_YET
    resume_ms = rules.opens_ms if is_before else state.pause_until_ms if state.pause_reason else 0
    joined: Tally[tuple[str, str]] = Tally()
    for ticket in state.tickets.values():
        if ticket.joined_ms > now_ms - HOUR_MS:
            joined[ticket.service_id, ticket.class_code] += 1
    capacity = rules.regime.capacity
    return Snapshot(
        branch=state.stream.place,
        network_version=rules.network_version,
        origin_ms=_midnight(rules.opens_ms, rules.branch.timezone),
        now_ms=now_ms,
        next_seq=next_seq,
        is_open=state.doors is Doors.OPEN,
        checkin_opens_ms=rules.checkin_opens_ms,
        closes_ms=rules.closes_ms,
        overtime_ms=capacity.overtime_minutes * MINUTE_MS,
        sure_percent=capacity.sure_percent,
        is_strict=rules.order.kind == "strict",
        late_after_ms=rules.waits.late_after_minutes * MINUTE_MS,
        resume_ms=max(now_ms, resume_ms) if resume_ms else 0,
        classes=tuple((k.code, k.head_start_minutes * MINUTE_MS, k.rank) for k in rules.classes),
        services=tuple((s.id, s.mean_minutes * MINUTE_MS) for s in rules.services),
        people=_people(state),
        seats=tuple(_seat(state, counter) for counter in state.counters.values()),
        sitters=_sitters(state),
        recent=tuple((service, code, count) for (service, code), count in sorted(joined.items())),
        joined_today=len(state.tickets),
    )


def _midnight(at_ms: int, timezone: str) -> int:
    zone = ZoneInfo(timezone)
    return from_datetime(to_datetime(at_ms, zone).replace(hour=0, minute=0, second=0, microsecond=0))


def _people(state: HallState) -> tuple[Someone, ...]:
    line = [_someone(state, state.tickets[ticket_id], "waiting") for _, ticket_id in state.line]
    kinds: dict[TicketStatus, PersonKind] = {TicketStatus.HELD: "away", TicketStatus.DIVERTING: "helped"}
    out = [_someone(state, t, kinds[t.status]) for t in state.tickets.values() if t.status in kinds]
    further = [
        Someone("at_counter", at.next_service, at.class_code, "", at.joined_ms, at.joined_seq, counter=number)
        for number, counter in enumerate(state.counters.values())
        if (at := state.tickets.get(counter.ticket_id)) is not None and at.next_service
    ]
    coming = [
        Someone("coming", "", "", "", visit.joined_ms, visit.joined_seq)
        for visit in state.visits.values()
        if visit.is_pending
    ]
    return (*line, *out, *further, *coming)


def _someone(state: HallState, ticket: Ticket, kind: PersonKind) -> Someone:
    since_ms = ticket.held_since_ms
    if kind == "helped":
        since_ms = state.diversions[ticket.diversion_id].offered_ms
    return Someone(
        kind,
        ticket.service_id,
        ticket.class_code,
        ticket.need,
        ticket.joined_ms,
        ticket.joined_seq,
        ticket.id,
        since_ms,
        next_service=ticket.next_service,
        channel=_channel(state, ticket) if kind == "waiting" else None,
    )


def _channel(state: HallState, ticket: Ticket) -> Channel | None:
    """The first way that the triage rules know for this need. Never proposed to a class that the elderly are
    in: they may ask, and are helped, but nobody is told to ask them."""
    class_ = state.class_(ticket.claimed_class or ticket.class_code)
    if ticket.diversion_id or class_ is None or not class_.is_counted_in_diversion:
        return None
    possible = channels_for(state, ticket) - ALWAYS_OFFERED
    return next((rule.channel for rule in state.day_rules.triage if rule.channel in possible), None)


def _seat(state: HallState, counter: CounterState) -> Seat:
    rules = state.counter_rules(counter.id)
    ticket = state.tickets.get(counter.ticket_id)
    services = state.services_of(counter) if counter.is_open else frozenset(rules.services)
    is_serving = ticket is not None and ticket.status is TicketStatus.SERVING
    return Seat(
        counter.id,
        tuple(sorted(services)),
        rules.classes,
        is_open=counter.is_open,
        is_calling=counter.is_calling,
        is_paused=bool(counter.pause_reason) and not counter.is_closing,
        stage="free" if ticket is None else "serving" if is_serving else "called",
        service=ticket.service_id if ticket else "",
        class_code=ticket.class_code if ticket else "",
        need=ticket.need if ticket else "",
        since_ms=0 if ticket is None else ticket.started_ms if is_serving else ticket.called_ms,
        seq=ticket.joined_seq if ticket else 0,
    )


def _sitters(state: HallState) -> tuple[Sitter, ...]:
    seated = {counter.person_id for counter in state.counters.values()}
    return tuple(
        Sitter(person.id, person.skills)
        for person in state.day_rules.staff
        if "teller" in person.posts and person.id not in seated
    )

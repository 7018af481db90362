"""A hall as it stands, small enough to be sent to another process: what the twin forks from.

Only what a simulation needs, in plain values; times are ms since the epoch. Taking it costs the serving
process well under a millisecond, and needs neither numpy nor numba in it.
"""

from __future__ import annotations

from collections import Counter as Tally
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from openhall.hall.model.advising import Subject, resting
from openhall.hall.model.asked import AppointmentStatus
from openhall.hall.model.deciding.diverting import ALWAYS_OFFERED, channels_for
from openhall.hall.model.planning import Stints
from openhall.hall.model.state import CounterState, Doors, HallState, Presence, Ticket, TicketStatus
from openhall.hall.told import Move
from openhall.kernel.clock import HOUR_MS, MINUTE_MS, from_datetime, to_datetime
from openhall.network.model import Channel, Post

JOINED_EVERY_MS = 5 * MINUTE_MS

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
    stands_ms: int = 0
    """The moment of joining by which somebody with an appointment stands in line; 0: the real one."""


class Booked(msgspec.Struct, frozen=True):
    """Somebody who has an appointment today and is not here yet."""

    number: int
    """Of the day's bookings."""
    service: str
    at_ms: int


class BookedTerms(msgspec.Struct, frozen=True):
    """What an appointment counts for: the head start of who is on time, up to how late anything of it is
    left, and how many ms of the place each late ms takes."""

    head_start_ms: int = 0
    late_ms: int = 0
    slope: int = 0


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
    could_serve: tuple[str, ...] = ()
    """The counter's services, whoever sits there."""


class Worker(msgspec.Struct, frozen=True):
    """Somebody who can be given a post today."""

    person_id: str
    skills: tuple[str, ...]
    posts: tuple[Post, ...]
    counter_id: str = ""
    """Where they sit now; empty for nowhere."""
    here_from_ms: int = 0
    """Somebody who is on the way arrives then; 0 is here."""
    here_until_ms: int = 0
    """A colleague from another branch goes back then; 0 is not known."""


class Helper(msgspec.Struct, frozen=True):
    """Somebody of a neighbouring branch who could be asked for [D6]."""

    person_id: str
    from_branch: str
    skills: tuple[str, ...]
    travel_ms: int
    """One way."""
    until_ms: int
    """Has to leave here by then."""


class Terms(msgspec.Struct, frozen=True):
    """What every change of the day's plan has to keep; without a plan the hall's minimum."""

    stint_least_ms: int = 0
    switches_most: int = 100
    lobby_least: int = 0
    windows_least: int = 1


class Foreseen(msgspec.Struct, frozen=True):
    """The people that the plan reckoned with. Times are ms since the epoch."""

    from_ms: int
    interval_ms: int
    expected: tuple[float, ...]
    day_cv: float


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
    workers: tuple[Worker, ...]
    """Who is here or on the way, whether at a counter or not."""
    recent: tuple[tuple[str, str, int], ...]
    """(service, class, people who joined in the hour just past)"""
    joined: tuple[int, ...]
    """People who joined in each `JOINED_EVERY_MS` from check-in till now; the last one may not be over."""
    stints: Stints = ()
    """Of those in `workers`: the whole day's, with the moves that were taken."""
    meals: tuple[tuple[str, int], ...] = ()
    """(person, moment) of the meal breaks as published, wherever they have been moved since."""
    terms: Terms = Terms()
    foreseen: Foreseen | None = None
    helpers: tuple[Helper, ...] = ()
    shown: tuple[Move, ...] = ()
    """The moves of the advice that stands and that nobody has decided on."""
    resting: frozenset[Subject] = frozenset()
    """What was declined a little while ago, and is not proposed again yet."""
    booked: tuple[Booked, ...] = ()
    """By time."""
    booked_terms: BookedTerms = BookedTerms()

    @property
    def joined_today(self) -> int:
        """Everybody who has joined."""
        return sum(self.joined)


def snapshot(state: HallState, now_ms: int, next_seq: int, helpers: tuple[Helper, ...] = ()) -> Snapshot:
    """Take it; `next_seq` is above the number of every event so far, `helpers` could be borrowed."""
    rules = state.day_rules
    is_before = state.doors is Doors.NOT_YET
    resume_ms = rules.opens_ms if is_before else state.pause_until_ms if state.pause_reason else 0
    joined: Tally[tuple[str, str]] = Tally()
    for ticket in state.tickets.values():
        if ticket.joined_ms > now_ms - HOUR_MS:
            joined[ticket.service_id, ticket.class_code] += 1
    capacity = rules.regime.capacity
    asked = {request.person_id for request in state.requests.values() if not request.outcome}
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
        workers=(workers := _workers(state)),
        recent=tuple((service, code, count) for (service, code), count in sorted(joined.items())),
        joined=_joined(state, now_ms),
        stints=_stints(state, {worker.person_id for worker in workers}),
        meals=_meals(state),
        terms=_terms(state),
        foreseen=_foreseen(state),
        helpers=tuple(h for h in helpers if state.staff(h.person_id) is None and h.person_id not in asked),
        shown=_shown(state),
        resting=frozenset(resting(state, now_ms)),
        booked=_booked(state, now_ms),
        booked_terms=_booked_terms(state),
    )


def _midnight(at_ms: int, timezone: str) -> int:
    zone = ZoneInfo(timezone)
    return from_datetime(to_datetime(at_ms, zone).replace(hour=0, minute=0, second=0, microsecond=0))


def _people(state: HallState) -> tuple[Someone, ...]:
    line = [_someone(state, state.tickets[ticket_id], "waiting") for _, ticket_id in state.line]
    kinds: dict[TicketStatus, PersonKind] = {TicketStatus.HELD: "away", TicketStatus.DIVERTING: "helped"}
    out = [_someone(state, t, kinds[t.status]) for t in state.tickets.values() if t.status in kinds]
    further = [
        Someone(
            "at_counter",
            at.next_service,
            at.class_code,
            "",
            at.joined_ms,
            at.joined_seq,
            counter=number,
            stands_ms=_stands_ms(state, at),
        )
        for number, counter in enumerate(state.counters.values())
        if (at := state.tickets.get(counter.ticket_id)) is not None and at.next_service
    ]
    coming = [
        Someone("coming", "", "", "", visit.joined_ms, visit.joined_seq)
        for visit in state.visits.values()
        if visit.is_pending
    ]
    return (*line, *out, *further, *coming)


def _booked(state: HallState, now_ms: int) -> tuple[Booked, ...]:
    """Who may still come as promised; who is later than that walks in, if at all."""
    services = {service.id for service in state.day_rules.services}
    late_ms = state.day_rules.appointments.late_minutes * MINUTE_MS
    found = [
        Booked(number, one.service_id, one.at_ms)
        for number, one in enumerate(state.appointments.values())
        if one.status is AppointmentStatus.BOOKED
        and one.service_id in services
        and one.at_ms + late_ms >= now_ms
    ]
    return tuple(sorted(found, key=lambda one: (one.at_ms, one.number)))


def _booked_terms(state: HallState) -> BookedTerms:
    policy = state.day_rules.appointments
    late_minutes = 0 if policy.when_late == "walk_in" else policy.late_minutes
    slope = 2 if policy.when_late == "shrink" else 0
    return BookedTerms(policy.head_start_minutes * MINUTE_MS, late_minutes * MINUTE_MS, slope)


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
        stands_ms=_stands_ms(state, ticket),
    )


def _stands_ms(state: HallState, ticket: Ticket) -> int:
    """When somebody of the class would have joined who has the ticket's place."""
    if not ticket.counts_from_ms:
        return 0
    class_ = state.class_(ticket.class_code)
    is_ahead = class_ is not None and state.day_rules.order.kind == "head_start"
    return ticket.key[1] + (class_.head_start_minutes * MINUTE_MS if class_ and is_ahead else 0)


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
        could_serve=rules.services,
    )


def _workers(state: HallState) -> tuple[Worker, ...]:
    """Own people and colleagues; with a plan, of the own people those whom it has, or who were seen."""
    seated = {counter.person_id: counter.id for counter in state.counters.values() if counter.person_id}
    in_plan = {stint.person_id for stint in state.stints}
    found = []
    for person in state.staff_today:
        presence = state.presence.get(person.id)
        is_known = state.plan is None or person.id in in_plan or presence is not None or person.id in seated
        if not is_known or presence in {Presence.ABSENT, Presence.LEFT, Presence.LENT}:
            continue
        colleague = state.colleagues.get(person.id)
        is_coming = presence is Presence.COMING and colleague is not None
        found.append(
            Worker(
                person.id,
                person.skills,
                person.posts,
                seated.get(person.id, ""),
                here_from_ms=colleague.arrives_ms if colleague is not None and is_coming else 0,
                here_until_ms=colleague.until_ms if colleague is not None else 0,
            )
        )
    return tuple(found)


def _joined(state: HallState, now_ms: int) -> tuple[int, ...]:
    since_ms = state.day_rules.checkin_opens_ms
    counts = [0] * (1 + max(0, now_ms - since_ms) // JOINED_EVERY_MS)
    for ticket in state.tickets.values():
        counts[min(len(counts) - 1, max(0, ticket.joined_ms - since_ms) // JOINED_EVERY_MS)] += 1
    return tuple(counts)


def _stints(state: HallState, here: set[str]) -> Stints:
    return tuple(stint for stint in state.stints if stint.person_id in here)


def _meals(state: HallState) -> tuple[tuple[str, int], ...]:
    stints = state.plan.stints if state.plan is not None else ()
    return tuple((stint.person_id, stint.from_ms) for stint in stints if stint.post == "break")


def _terms(state: HallState) -> Terms:
    plan = state.plan
    if plan is None:
        return Terms()
    return Terms(plan.stint_least_ms, plan.switches_most, plan.lobby_least, plan.windows_least)


def _foreseen(state: HallState) -> Foreseen | None:
    plan = state.plan
    if plan is None:
        return None
    return Foreseen(plan.from_ms, plan.interval_ms, plan.expected, plan.day_cv)


def _shown(state: HallState) -> tuple[Move, ...]:
    last = list(state.advices.values())[-1] if state.advices else None
    if last is None:
        return ()
    return tuple(m for n, m in enumerate(last.moves) if n not in last.taken and n not in last.declined)

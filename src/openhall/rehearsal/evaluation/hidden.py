"""A hall whose truth is known: hidden habits, days drawn from them, and the real hall that they happen in.

The customers of a day are drawn by the engine from the hidden habits; then they and the tellers act in the
real hall, by commands, and leave a log like any other. So what is learned from it goes the way of a bank's
own days, and what was true can be asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import msgspec
import numpy as np

from openhall.flows.day import day_rules
from openhall.hall.model import commands as c
from openhall.hall.model.events import TicketIssued
from openhall.hall.model.state import CounterState, HallState, TicketStatus
from openhall.hall.policy import DayRules, Staff
from openhall.kernel.clock import DAY_MS, MINUTE_MS, SECOND_MS
from openhall.kernel.event import StreamId
from openhall.network.model import CapacityPolicy, Counter, EntryPolicy
from openhall.network.sample import sample_bank
from openhall.network.version import version_of
from openhall.rehearsal.cast import Cast, Scene, Steps, ask, until
from openhall.rehearsal.driver import Stage, Watch, drive
from openhall.rehearsal.invented import InventedParameters
from openhall.rehearsal.invented.people import event_of
from openhall.rehearsal.invented.staffing import able_to, placed, staffing
from openhall.rehearsal.people import GLANCE_MS, Seat, clock, house, leaves
from openhall.science import durations, engine, habits
from openhall.science.engine import Ints
from openhall.science.habits import Arrivals, GroupHabits, GroupRules, Habits
from openhall.science.samples import STRETCH_MS

BRANCH = "wutong"
FIRST_DAY = date(2026, 3, 2)
"""A Monday."""
CLASS_SHARES = (0.62, 0.33, 0.05)
NEEDS_APART = 2
"""Of each service: so many needs have a pace of their own."""
NEED_SHARE = 0.25
NORMAL_LOAD = 0.85
OPENS_MINUTE = 9 * 60
TAGGED_EVERY = 20
"""One customer in so many of a day that is forecast stays to the end, so that the wait is known in full. With
one in four the lines were longer than those of people who do leave, and every forecast too short."""
STAFFING = InventedParameters(staffing_profile=(0.6, 0.8, 0.9, 0.9, 0.7, 0.7, 0.8, 0.7))


class HiddenParameters(msgspec.Struct, frozen=True):
    """A simulated hall.

    Parameters
    ----------
    seed : of everything.
    surge : people, as a factor of a normal day's, which keeps the counters busy `NORMAL_LOAD` of their time.
    patience_minutes_mean : exponential; None: nobody leaves.
    past_days, test_days : learned from, and forecast.
    futures : simulated for each forecast.
    """

    seed: int = 20_200_224
    surge: float = 1.18
    patience_minutes_mean: float | None = None
    past_days: int = 20
    test_days: int = 60
    futures: int = 400

    def __post_init__(self) -> None:
        if not 0 < self.surge <= 5:
            raise ValueError(f"Expected surge above 0 and at most 5, got {self.surge}")
        if self.patience_minutes_mean is not None and self.patience_minutes_mean <= 0:
            raise ValueError(f"Expected patience_minutes_mean above 0, got {self.patience_minutes_mean}")
        if min(self.past_days, self.test_days) < 1 or max(self.past_days, self.test_days) > 400:
            raise ValueError(f"Expected 1 to 400 days, got {self.past_days} and {self.test_days}")
        if not 10 <= self.futures <= 10_000:
            raise ValueError(f"Expected futures between 10 and 10000, got {self.futures}")


class PlannedSeat(msgspec.Struct, frozen=True):
    """A counter for a stretch of the day, ms from local midnight; no closing: till nobody is left."""

    counter_id: str
    services: tuple[str, ...]
    opens_ms: int
    closes_ms: int | None


@dataclass(frozen=True)
class HiddenHall:
    """A branch, its tellers' plan, and what is true of it."""

    parameters: HiddenParameters
    truth: Habits
    plan: tuple[PlannedSeat, ...]

    def rules(self, day: date) -> DayRules:
        """The rules of a day."""
        return _rules(day)


def _rules(day: date) -> DayRules:
    """The sample bank's services and classes in a hall of ten counters, most of which do several services;
    nobody checks at the door, and there is room for everybody."""
    found = day_rules(version_of(sample_bank()), BRANCH, day)
    assert found is not None, "the sample branch is open on every working day"
    everything = tuple(service.id for service in found.services)
    chosen = (everything,) * 4 + (everything[:3],) * 3 + (everything[:1] + everything[2:],) * 3
    counters = tuple(Counter(f"C{n}", n, services) for n, services in enumerate(chosen, 1))
    tellers = tuple(Staff(f"t{n}", everything, ("teller", "lobby")) for n in range(1, len(chosen) + 1))
    regime = msgspec.structs.replace(
        found.regime,
        entry=EntryPolicy(is_check_required=False, checkin_minutes_before=0),
        capacity=CapacityPolicy(is_computed=False),
    )
    branch = msgspec.structs.replace(found.branch, counters=counters, tickets_daily=None, inside_limit=None)
    return msgspec.structs.replace(
        found,
        regime=regime,
        branch=branch,
        staff=tellers,
        checkin_opens_ms=found.opens_ms,
        triage=(),
    )


def hidden_hall(parameters: HiddenParameters) -> HiddenHall:
    """A hall with habits that nobody would guess from its configuration."""
    rules = _rules(FIRST_DAY)
    midnight_ms = rules.opens_ms - OPENS_MINUTE * MINUTE_MS
    rng = np.random.default_rng(parameters.seed)
    groups = _groups(rules, parameters, rng)
    mix = _mix(groups, rules)
    seats = staffing(rules, STAFFING)
    able = {counter.id: tuple(sorted(able_to(counter, person))) for counter, person in placed(rules)}
    plan = tuple(
        PlannedSeat(
            s.counter_id,
            able[s.counter_id],
            s.opens_ms - midnight_ms,
            s.closes_ms - midnight_ms if s.closes_ms else None,
        )
        for s in seats
    )
    arrivals = _arrivals(rules, groups, mix, seats, parameters.surge, rules.opens_ms - midnight_ms)
    truth = Habits("", BRANCH, 0, None, None, 1, groups, (), arrivals)
    return HiddenHall(parameters, truth, plan)


def _groups(
    rules: DayRules, parameters: HiddenParameters, rng: np.random.Generator
) -> tuple[GroupHabits, ...]:
    """Each service and class with its own truth, and two needs of each service with theirs."""
    found: list[GroupHabits] = []
    needs: list[GroupHabits] = []
    patience = parameters.patience_minutes_mean
    kept = durations.KEPT_POINTS
    walk, gap = rng.uniform(15, 40) * SECOND_MS, rng.uniform(10, 30) * SECOND_MS
    for service in rules.services:
        mean = service.mean_minutes * MINUTE_MS * rng.uniform(0.65, 1.35)
        cv = rng.uniform(0.5, 0.9)
        factors = [float(rng.uniform(0.4, 0.7)), float(rng.uniform(1.5, 2.0))]
        for number, class_ in enumerate(rules.classes):
            slower = 1.0 + 0.15 * number * float(rng.uniform(0.5, 1.5))
            group = GroupHabits(
                service=service.id,
                class_code=class_.code,
                service_time=durations.lognormal(mean * slower, cv, kept),
                walk=durations.lognormal(walk * slower, 0.5, kept),
                gap=durations.exponential(gap, kept),
                lost=durations.constant(2 * rules.call.grace_seconds * SECOND_MS),
                reinstated_after=durations.exponential(8 * MINUTE_MS, kept),
                out_after=durations.exponential(10 * MINUTE_MS, kept),
                away=durations.lognormal(12 * MINUTE_MS, 0.4, kept),
                elsewhere=durations.constant(6 * MINUTE_MS),
                patience=None if patience is None else durations.exponential(patience * MINUTE_MS, kept),
                absent_share=float(rng.uniform(0.0, 0.05)),
                reinstated_share=0.3,
                out_share=float(rng.uniform(0.02, 0.08)),
                second_share=float(rng.uniform(0.02, 0.08)),
            )
            found.append(group)
            if number < 2:
                needs += [
                    msgspec.structs.replace(
                        group, need=need.code, service_time=group.service_time.scaled(factor)
                    )
                    for need, factor in zip(service.needs[:NEEDS_APART], factors, strict=True)
                ]
    return (*found, *needs)


def _mix(groups: Sequence[GroupHabits], rules: DayRules) -> tuple[float, ...]:
    weights = {s.id: 1 / s.mean_minutes for s in rules.services}
    shares = dict(zip((k.code for k in rules.classes), CLASS_SHARES, strict=True))
    apart = {(g.service, g.class_code) for g in groups if g.need}
    found = []
    for g in groups:
        share = weights[g.service] * shares[g.class_code] / sum(weights.values())
        if g.need:
            share *= NEED_SHARE
        elif (g.service, g.class_code) in apart:
            share *= 1 - NEEDS_APART * NEED_SHARE
        found.append(share)
    return tuple(found)


PROFILE = (1.3, 1.4, 1.3, 1.2, 1.1, 1.0, 0.9, 0.8, 0.8, 0.9, 1.0, 1.0, 0.9, 0.8, 0.7, 0.6)


def _arrivals(
    rules: DayRules,
    groups: Sequence[GroupHabits],
    mix: Sequence[float],
    seats: Sequence[Seat],
    surge: float,
    opens_ms: int,
) -> Arrivals:
    """`surge` times a normal day's people, most of them early."""
    busy = sum(
        share * (g.walk.mean_ms + g.service_time.mean_ms * (1 + g.second_share) + g.gap.mean_ms)
        for g, share in zip(groups, mix, strict=True)
    )
    capacity = sum((s.closes_ms or rules.closes_ms) - s.opens_ms for s in seats) / busy
    stretches = (rules.closes_ms - rules.opens_ms) // STRETCH_MS
    shape = np.interp(np.linspace(0, 1, stretches), np.linspace(0, 1, len(PROFILE)), PROFILE)
    expected = shape / shape.sum() * capacity * surge * NORMAL_LOAD
    return Arrivals(
        from_ms=opens_ms,
        width_ms=STRETCH_MS,
        expected=tuple(float(e) for e in expected),
        mix=(tuple(mix),) * int(stretches),
    )


# --- one day -----------------------------------------------------------------------------------------


@dataclass
class _Day:
    """A drawn day while it is acted out."""

    hall: HiddenHall
    scene: Scene
    origin_ms: int
    table: Ints
    rows: dict[str, int]
    """Row of each ticket in the table."""

    def word(self, ticket_id: str, column: int) -> int:
        """What the table says of a ticket."""
        return int(self.table[self.rows[ticket_id], column])


def play(hall: HiddenHall, number: int, *, watch: Watch | None = None, is_test: bool = False) -> Stage:
    """Act a day out in the real hall; the stage with its log.

    `number` counts the days from the first; a test day's every twentieth customer, from the first on, does
    not leave, step out or miss the call. Customers take their tickets in the order of the drawn table.
    """
    day = day_of(number)
    rules = hall.rules(day)
    stream = StreamId(BRANCH, day)
    stage = Stage.build(stream, rules.opens_ms - MINUTE_MS)
    scene = stage.scene()
    origin_ms = rules.opens_ms - OPENS_MINUTE * MINUTE_MS
    acted = _Day(hall, scene, origin_ms, _drawn(hall, rules, number, origin_ms, is_test=is_test), {})
    cast = Cast(stream, scene)
    cast.enter(rules.opens_ms - MINUTE_MS, house(scene, rules))
    cast.enter(rules.opens_ms - MINUTE_MS, clock(scene))
    for seat in staffing(rules, STAFFING):
        cast.enter(seat.opens_ms, _teller(acted, seat))
        if seat.closes_ms is not None:
            cast.enter(seat.closes_ms, leaves(scene, seat))
    for row in range(len(acted.table)):
        cast.enter(origin_ms + int(acted.table[row, engine.ENTER]), _customer(acted, row))
    drive(cast, stage, watch=watch)
    return stage


def day_of(number: int) -> date:
    """Working days from the first on."""
    return FIRST_DAY + timedelta(days=number // 5 * 7 + number % 5)


def _drawn(hall: HiddenHall, rules: DayRules, number: int, origin_ms: int, *, is_test: bool) -> Ints:
    assert hall.truth.arrivals is not None
    model = habits.model_of(hall.truth.groups, [GroupRules() for _ in hall.truth.groups], hall.truth.arrivals)
    seed = hall.parameters.seed % (1 << 32)
    table = engine.draw(model, seed=seed, replication=number, until_ms=rules.closes_ms - origin_ms)
    if is_test:
        patient = np.arange(len(table)) % TAGGED_EVERY == 0
        table[patient, engine.GONE] = engine.NEVER
        table[patient, engine.OUT] = table[patient, engine.BACK] = engine.NEVER
        table[patient, engine.ABSENT] = 0
    return table


def _customer(day: _Day, row: int) -> Steps[None]:
    """Takes a number; then steps out, comes back, leaves, or comes back after a no-show, as drawn."""
    one = day.table[row]
    group = day.hall.truth.groups[int(one[engine.GROUP])]
    wish = c.IssueTicket(group.service, need=group.need, class_code=group.class_code, class_basis="staff")
    issued = event_of((yield from ask("lobby", wish)), TicketIssued)
    assert isinstance(issued, TicketIssued), "the doors are open and there is room"
    ticket_id = issued.ticket_id
    day.rows[ticket_id] = row
    ticket = day.scene.state.tickets[ticket_id]
    if one[engine.OUT] < min(one[engine.GONE], DAY_MS):
        yield from until(day.origin_ms + int(one[engine.OUT]))
        if ticket_of(day, ticket_id) is TicketStatus.WAITING and not ticket.first_called_ms:
            yield from ask("lobby", c.HoldTicket(ticket_id, _somebody(day)))
            yield from until(day.origin_ms + int(one[engine.BACK]))
            if ticket_of(day, ticket_id) is TicketStatus.HELD:
                yield from ask("lobby", c.ResumeTicket(ticket_id, _somebody(day)))
    if one[engine.GONE] < DAY_MS:
        yield from until(day.origin_ms + int(one[engine.GONE]))
        current = day.scene.state.tickets[ticket_id]
        if current.status is TicketStatus.WAITING and not current.first_called_ms:
            yield from ask("lobby", c.MarkReneged(ticket_id))
            return
    if one[engine.ABSENT] and one[engine.REINSTATED] < DAY_MS:
        yield from _comes_back(day, ticket_id, int(one[engine.REINSTATED]))


def ticket_of(day: _Day, ticket_id: str) -> TicketStatus:
    """How a ticket stands."""
    return day.scene.state.tickets[ticket_id].status


def _somebody(day: _Day) -> str:
    return day.scene.state.day_rules.staff[0].id


def _comes_back(day: _Day, ticket_id: str, after_ms: int) -> Steps[None]:
    while day.scene.state.tickets[ticket_id].is_pending:
        yield from until(day.scene.now_ms + GLANCE_MS)
    ticket = day.scene.state.tickets[ticket_id]
    if ticket.status is TicketStatus.NO_SHOW:
        yield from until(max(day.scene.now_ms, ticket.ended_ms + after_ms))
        if not day.scene.state.is_ended:
            yield from ask("lobby", c.Reinstate(ticket_id, "came_back"))


def _teller(day: _Day, seat: Seat) -> Steps[None]:
    """Calls, serves, and takes a breath after each customer, as drawn with the customer."""
    scene = day.scene
    yield from ask(seat.person_id, c.OpenCounter(seat.counter_id, seat.person_id))
    while not scene.state.is_ended:
        counter = scene.state.counters[seat.counter_id]
        if counter.person_id != seat.person_id:
            return
        if not _has_customer(scene.state, counter):
            yield from until(scene.now_ms + GLANCE_MS, or_news=True)
            continue
        yield from ask(seat.person_id, c.CallNext(seat.counter_id))
        ticket_id = scene.state.counters[seat.counter_id].ticket_id
        if ticket_id:
            yield from _attends(day, seat, ticket_id)


def _has_customer(state: HallState, counter: CounterState) -> bool:
    return counter.is_calling and state.next_for(counter) is not None


def _attends(day: _Day, seat: Seat, ticket_id: str) -> Steps[None]:
    """One customer from the call to the pause after, present or not."""
    scene, ticket = day.scene, day.scene.state.tickets[ticket_id]
    # Somebody who came back after a no-show is there.
    if day.word(ticket_id, engine.ABSENT) and ticket.first_called_ms == ticket.called_ms:
        grace_ms = ticket.grace_ms
        yield from until(scene.now_ms + grace_ms)
        yield from ask(seat.person_id, c.Recall(seat.counter_id))
        yield from until(scene.now_ms + grace_ms)
        yield from ask(seat.person_id, c.MarkNoShow(seat.counter_id))
        return
    yield from until(scene.now_ms + day.word(ticket_id, engine.WALK))
    yield from ask(seat.person_id, c.StartService(seat.counter_id))
    is_second = bool(scene.state.tickets[ticket_id].services_done)
    following = day.word(ticket_id, engine.NEXT_GROUP)
    if following >= 0 and not is_second:
        yield from ask(seat.person_id, c.AddService(ticket_id, day.hall.truth.groups[following].service))
    yield from until(scene.now_ms + day.word(ticket_id, engine.NEXT_WORK if is_second else engine.WORK))
    yield from ask(seat.person_id, c.FinishService(seat.counter_id))
    yield from until(scene.now_ms + day.word(ticket_id, engine.GAP))

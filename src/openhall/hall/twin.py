"""The twin of a hall: from a snapshot and a branch's habits to waits and room [C10, C16].

What could be done is in `hall.moves`, which plays its moves here.

Runs in a worker process, never where tickets are served: it brings the engine's machine code with it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import msgspec
import numpy as np
from scipy.special import ndtr

from openhall.hall import awaited
from openhall.hall.course import FAR_MS, Spell, spells_of
from openhall.hall.model.commands import TellWaits
from openhall.hall.snapshot import JOINED_EVERY_MS, Seat, Snapshot, Someone
from openhall.hall.told import JoiningWait, RoomLeft, TicketWait
from openhall.kernel.clock import HOUR_MS, MINUTE_MS
from openhall.science import engine, habits
from openhall.science.engine import Fork, Ints, Model
from openhall.science.forecast import intraday
from openhall.science.forecast.result import DayForecast
from openhall.science.forecast.straying import REPLAYED, IntradayParameters, Straying
from openhall.science.habits import Arrivals, GroupHabits, GroupRules, Habits

FUTURES = 400
"""For waits: the 10 % point of a wait then has a standard error of about 4 % of its spread."""

ROOM_FUTURES = 200
SCENARIOS = 8
"""Equally likely answers to how busy the rest of the day will be; the futures are shared out among them."""

PAUSE_LASTS_MS = 10 * MINUTE_MS
"""A counter that is paused is taken to call again after so long: nobody says when at the time."""

ROOM_AT_MOST = 2_000
FORESEEN_AT_MOST_MS = 12 * HOUR_MS
LEARNED_CV = 0.15
"""Of the people of an ordinary day, where no plan says how sure its number is."""

USUAL_DISPERSION = 2.0
"""Of a stretch's people, variance by mean: what recorded halls show."""

SEED = 20_200_224
"""Any number: the same one always, so that an answer moves with the hall and not with chance."""


@dataclass(frozen=True)
class Groups:
    """The engine's groups of one branch: pairs of service and class, and needs with a pace of their own."""

    habits: tuple[GroupHabits, ...]
    rules: tuple[GroupRules, ...]
    numbers: dict[tuple[str, str, str], int]

    def number(self, service: str, class_code: str, need: str = "") -> int:
        """The group of a ticket: that of its need where there is one."""
        found = self.numbers.get((service, class_code, need))
        return self.numbers[service, class_code, ""] if found is None else found

    def mask(self, services: Sequence[str], classes: Sequence[str]) -> int:
        """The groups that a counter serves; no classes are all of them."""
        mask = 0
        for number, group in enumerate(self.habits):
            if group.service in services and (not classes or group.class_code in classes):
                mask |= 1 << number
        return mask


def groups_of(shot: Snapshot, believed: Habits) -> Groups:
    """The branch's groups: learned ones first, as they are; what is new in the configuration is assumed."""
    classes = {k: (start, rank) for k, start, rank in shot.classes}
    known = habits.completed(believed.groups, shot.services, list(classes))
    rules = []
    for group in known:
        start, rank = classes[group.class_code]
        own = (0, rank) if shot.is_strict else (start, 0)
        rules.append(GroupRules(own[0], own[1], shot.late_after_ms))
    numbers = {(g.service, g.class_code, g.need): number for number, g in enumerate(known)}
    return Groups(known, tuple(rules), numbers)


@dataclass(frozen=True)
class Coming:
    """Who will come: an expected day, and by which factors the rest of it may be busier, equally likely."""

    arrivals: Arrivals
    factors: tuple[float, ...] = (1.0,)


def arrivals_of(shot: Snapshot, believed: Habits, groups: Groups) -> Coming:
    """Who will come: what the plan reckoned with, else what was learned, and what today says of it; without
    either the pace of the last hour."""
    now = shot.now_ms - shot.origin_ms
    expected = _expected(shot, believed, groups)
    if expected is None or expected.from_ms + expected.width_ms * len(expected.expected) <= now:
        return Coming(_as_lately(shot, groups, now))
    cv = shot.foreseen.day_cv if shot.foreseen else LEARNED_CV
    return Coming(expected, factors_of(shot, expected, cv))


def _expected(shot: Snapshot, believed: Habits, groups: Groups) -> Arrivals | None:
    """The plan's numbers of people, with the services and classes that were learned."""
    learned, plan = believed.arrivals, shot.foreseen
    if learned is not None:
        learned = msgspec.structs.replace(learned, mix=_mix_in(groups, believed.groups, learned.mix))
    if plan is None or not sum(plan.expected):
        return learned
    from_ms = plan.from_ms - shot.origin_ms
    lately = _as_lately(shot, groups, from_ms)
    mixes = []
    for number in range(len(plan.expected)):
        middle = from_ms + number * plan.interval_ms + plan.interval_ms // 2
        mixes.append(_mix_at(learned, middle) or lately.mix[0])
    dispersion = learned.dispersion if learned is not None else USUAL_DISPERSION
    return Arrivals(from_ms, plan.interval_ms, plan.expected, tuple(mixes), dispersion)


def _mix_at(learned: Arrivals | None, at: int) -> tuple[float, ...] | None:
    if learned is None or not learned.mix:
        return None
    return learned.mix[min(len(learned.mix) - 1, max(0, at - learned.from_ms) // learned.width_ms)]


def factors_of(shot: Snapshot, expected: Arrivals, cv: float) -> tuple[float, ...]:
    """By what the rest of the day may be busier than expected, equally likely, from who has come so far: the
    forecast's own reading of the day, ordinary or surge."""
    people = expected.expected
    counts = np.zeros(len(people))
    for number, came in enumerate(shot.joined):
        at = shot.checkin_opens_ms - shot.origin_ms + number * JOINED_EVERY_MS + JOINED_EVERY_MS // 2
        counts[min(len(people) - 1, max(0, (at - expected.from_ms) // expected.width_ms))] += came
    read = intraday.read_day(
        _day_ahead(shot, expected, cv),
        counts,
        minute=(shot.now_ms - shot.origin_ms) // MINUTE_MS,
        interval_minutes=expected.width_ms // MINUTE_MS,
        straying=Straying(np.zeros((0, len(people))), np.zeros(len(people)), 0.0, np.ones(len(REPLAYED))),
        parameters=READING,
        surge_share=READING.surge_share,
    )
    ahead = read.ahead[read.first :]
    if not ahead.sum():
        return (1.0,)
    logs = np.linspace(-intraday.LARGEST_LOG, intraday.LARGEST_LOG, 1_601)
    share = np.zeros(len(logs))
    for regime in read.regimes:
        middles = ahead * np.exp(regime.log_rate[read.first :])
        slope = regime.root[:, read.first :] @ (middles / middles.sum())
        spread = max(float(np.sqrt(slope @ slope)), 1e-3)
        share += regime.weight * ndtr((logs - np.log(middles.sum() / ahead.sum())) / spread)
    middle_shares = (np.arange(SCENARIOS) + 0.5) / SCENARIOS
    return tuple(float(f) for f in np.exp(np.interp(middle_shares, share, logs)))


READING = IntradayParameters()


def _day_ahead(shot: Snapshot, expected: Arrivals, cv: float) -> DayForecast:
    """What was expected of today, in the forecast's own form."""
    people, total = expected.expected, sum(expected.expected)
    return DayForecast(
        date=date(1970, 1, 1) + timedelta(milliseconds=shot.now_ms),
        first_minute=expected.from_ms // MINUTE_MS,
        mean=people,
        low=people,
        middle=people,
        high=people,
        total_mean=total,
        total_low=total,
        total_middle=total,
        total_high=total,
        cv=cv,
        dispersion=expected.dispersion,
    )


def _mix_in(
    groups: Groups, learned: Sequence[GroupHabits], mixes: Sequence[tuple[float, ...]]
) -> tuple[tuple[float, ...], ...]:
    """Shares by learned group as shares by the groups of today's configuration."""
    found = []
    for mix in mixes:
        row = [0.0] * len(groups.habits)
        for group, share in zip(learned, mix, strict=True):
            number = groups.numbers.get((group.service, group.class_code, group.need))
            if number is not None:
                row[number] += share
        total = sum(row)
        found.append(tuple(share / total for share in row) if total else tuple([1 / len(row)] * len(row)))
    return tuple(found)


def _as_lately(shot: Snapshot, groups: Groups, now: int) -> Arrivals:
    counts = [0.0] * len(groups.habits)
    for service, code, count in shot.recent:
        if (service, code, "") in groups.numbers:
            counts[groups.number(service, code)] += count
    total = sum(counts)
    mix = tuple(c / total for c in counts) if total else tuple([1 / len(counts)] * len(counts))
    width = 15 * MINUTE_MS
    # Never less than one stretch: a crowd that was there at once is no rate.
    seen_for = max(width, min(HOUR_MS, shot.now_ms - shot.checkin_opens_ms))
    expected = total * width / seen_for if shot.is_open else 0.0
    return Arrivals(now, width, (expected,) * 8, (mix,) * 8)


@dataclass(frozen=True)
class Twin:
    """One hall, ready to be simulated."""

    shot: Snapshot
    groups: Groups
    models: tuple[Model, ...]
    """One for each answer to how busy the rest of the day will be; they are equally likely."""
    fork: Fork
    """With the schedule that the plan makes."""
    probed: tuple[int, ...]
    """Groups that somebody could join, in the order of the probes behind the line."""

    @property
    def now(self) -> int:
        """The moment of the fork in the engine's time, from the day's origin."""
        return self.fork.now_ms

    def shares(self, count: int) -> list[tuple[Model, int, int]]:
        """So many futures, shared out: (model, first, count)."""
        edges = [count * n // len(self.models) for n in range(len(self.models) + 1)]
        return [
            (model, first, last - first)
            for model, first, last in zip(self.models, edges, edges[1:], strict=False)
            if last > first
        ]


def twin_of(shot: Snapshot, believed: Habits, *, with_probes: bool) -> Twin:
    """Everything that the engine needs of a hall."""
    groups = groups_of(shot, believed)
    coming = arrivals_of(shot, believed, groups)
    arrivals = awaited.walk_ins(coming.arrivals, shot, groups, believed)
    model = habits.model_of(groups.habits, groups.rules, arrivals)
    probed = tuple(groups.numbers[s, code, ""] for s, _ in shot.services for code, _, _ in shot.classes)
    booked = awaited.rows(shot, groups, model, believed)
    fork = _fork(shot, groups, model, probed if with_probes else ())
    if len(booked):
        fork = fork._replace(
            people=np.concatenate([fork.people, booked]),
            booked=awaited.terms(shot),
            coming=awaited.coming(believed),
        )
    models = tuple(_busier(model, factor) for factor in coming.factors)
    return Twin(shot, groups, models, fork, probed if with_probes else ())


def _busier(model: Model, factor: float) -> Model:
    bins = model.bins.copy()
    bins[:, 0] = np.rint(bins[:, 0] * factor).astype(np.int64)
    return model._replace(bins=bins)


def _fork(shot: Snapshot, groups: Groups, model: Model, probed: Sequence[int]) -> Fork:
    now = shot.now_ms - shot.origin_ms
    line = [one for one in shot.people if one.kind == "waiting"]
    others = [one for one in shot.people if one.kind != "waiting"]
    people = np.zeros((len(shot.people) + len(probed), engine.PERSON_COLUMNS), np.int64)
    for row, one in zip(people, line, strict=False):
        _write_person(row, shot, groups, model, one)
    for number, group in enumerate(probed):
        row = people[len(line) + number]
        row[engine.KIND], row[engine.HERE_GROUP], row[engine.NEXT] = engine.PROBE, group, -1
        row[engine.CUSTOMER] = row[engine.JOINED] = 0
        row[engine.JOINED] = now
        row[engine.HERE_PLACE] = _place(model, group, now, shot.next_seq + number)
    for row, one in zip(people[len(line) + len(probed) :], others, strict=True):
        _write_person(row, shot, groups, model, one)
    seats = np.zeros((len(shot.seats), engine.SEAT_COLUMNS), np.int64)
    for row, seat in zip(seats, shot.seats, strict=True):
        _write_seat(row, shot, groups, seat, line)
    schedule = schedule_of(shot, groups, spells_of(shot, shot.stints))
    return Fork(people, seats, schedule, now, len(line) + len(probed))


def _place(model: Model, group: int, joined: int, number: int) -> int:
    return int(model.groups[group, engine.BASE]) + (joined << engine.ORDER_SHIFT) + number


_NONE_NAMED = -2
"""The engine's word for a ticket that names no further service."""

_KINDS = {
    "waiting": engine.WAITING,
    "away": engine.AWAY,
    "helped": engine.HELPED,
    "coming": engine.COMING,
    "at_counter": engine.AT_A_COUNTER,
}


def _write_person(row: Ints, shot: Snapshot, groups: Groups, model: Model, one: Someone) -> None:
    joined = max(0, one.joined_ms - shot.origin_ms)
    group = _guess(shot, groups, one) if one.kind == "coming" else 0
    if one.kind != "coming":
        group = groups.number(one.service, one.class_code, one.need)
    own = groups.habits[group]
    lasted, floor = shot.now_ms - one.joined_ms, 0.0
    if one.kind == "waiting" and own.patience is not None:
        floor = own.patience.share_below(lasted)
    elif one.kind in {"away", "helped"}:
        lasted = shot.now_ms - one.since_ms
        floor = (own.away if one.kind == "away" else own.elsewhere).share_below(lasted)
    row[engine.KIND] = _KINDS[one.kind]
    row[engine.HERE_GROUP] = group
    stands = max(0, one.stands_ms - shot.origin_ms) if one.stands_ms else joined
    row[engine.HERE_PLACE] = _place(model, group, stands, one.seq)
    row[engine.JOINED] = one.since_ms - shot.origin_ms if one.since_ms else joined
    row[engine.FLOOR] = min(int(floor * habits.WORD), habits.WORD - 1)
    row[engine.CUSTOMER] = one.seq
    row[engine.NEXT] = _NONE_NAMED if one.kind != "coming" else -1
    if one.next_service:
        row[engine.NEXT] = groups.number(one.next_service, one.class_code)
    row[engine.AT_COUNTER] = max(0, one.counter)


def _guess(shot: Snapshot, groups: Groups, one: Someone) -> int:
    """What somebody without a ticket will ask for: the services of the last hour in turn, ordinary class."""
    code = shot.classes[0][0]
    services = [s for s, k, count in shot.recent if k == code for _ in range(count)]
    services = services or [s for s, _ in shot.services]
    return groups.number(services[one.seq * 7 % len(services)], code)


def _write_seat(row: Ints, shot: Snapshot, groups: Groups, seat: Seat, line: Sequence[Someone]) -> None:
    mask = groups.mask(seat.services, seat.classes)
    row[engine.SEAT_MASK] = mask if seat.is_calling else 0
    if seat.stage == "free":
        # A free counter with customers in line has its pause between two of them; one whose only customers
        # have just joined was idle, and calls at once.
        before = (one for one in line if one.joined_ms < shot.now_ms)
        numbers = (groups.number(one.service, one.class_code, one.need) for one in before)
        first = next((g for g in numbers if mask >> g & 1), -1)
        if seat.is_calling and first >= 0 and not shot.resume_ms:
            row[engine.STAGE], row[engine.SEAT_GROUP] = engine.BETWEEN, first
            row[engine.SEAT_CUSTOMER] = shot.next_seq
        return
    group = groups.number(seat.service, seat.class_code, seat.need)
    own = groups.habits[group]
    lasted = max(0, shot.now_ms - seat.since_ms)
    table = own.service_time if seat.stage == "serving" else own.walk
    row[engine.STAGE] = engine.SERVING if seat.stage == "serving" else engine.WALKING
    row[engine.SEAT_GROUP] = group
    row[engine.SEAT_FLOOR] = min(int(table.share_below(lasted) * habits.WORD), habits.WORD - 1)
    row[engine.ELAPSED] = lasted
    row[engine.SEAT_CUSTOMER] = seat.seq


def schedule_of(
    shot: Snapshot, groups: Groups, spells: Sequence[Spell], let_go: Collection[str] = ()
) -> Ints:
    """What is known of the rest of the day: the hall's pause, paused counters that will go on, and who opens
    and closes which counter when. `spells` are by counter and time; counters in `let_go` close now."""
    events: list[tuple[int, int, int]] = []
    if shot.resume_ms:
        events.append((shot.now_ms, engine.WHOLE_HALL, 0))
        events.append((shot.resume_ms, engine.WHOLE_HALL, 1))
    for number, seat in enumerate(shot.seats):
        if seat.counter_id in let_go:
            events.append((shot.now_ms, number, 0))
    for spell, after in zip(spells, [*spells[1:], None], strict=False):
        seat = shot.seats[spell.counter]
        begins_ms, is_now = spell.from_ms, spell.from_ms <= shot.now_ms
        if is_now and seat.is_paused:
            begins_ms, is_now = shot.now_ms + PAUSE_LASTS_MS, False
        if not is_now and begins_ms < spell.until_ms:
            events.append((begins_ms, spell.counter, groups.mask(spell.services, seat.classes)))
        is_taken_over = after and after.counter == spell.counter and after.from_ms == spell.until_ms
        if spell.until_ms < FAR_MS and not is_taken_over:
            events.append((spell.until_ms, spell.counter, 0))
    found = np.array(sorted(events, key=lambda e: e[0]), np.int64).reshape(-1, 3)
    found[:, engine.AT_MS] -= shot.origin_ms
    return found


# --- answers -----------------------------------------------------------------------------------------


def waits(shot: Snapshot, believed: Habits, *, futures: int = FUTURES) -> TellWaits:
    """What each waiting ticket and somebody joining now would wait, and how many more can be served today.

    The asker's own patience is left out: an interval is for somebody who stays.
    """
    twin = twin_of(shot, believed, with_probes=True)
    longest = max((r.head_start_ms for r in twin.groups.rules), default=0)
    overtaking = FORESEEN_AT_MOST_MS if shot.is_strict else longest
    reached = [
        engine.futures(
            model,
            twin.fork,
            np.zeros((1, engine.ACTION_COLUMNS), np.int64),
            count=count,
            seed=SEED,
            branch=0,
            first=first,
            arrive_until_ms=min(twin.now + overtaking, shot.closes_ms - shot.origin_ms)
            if shot.is_open
            else 0,
            number=shot.next_seq + len(twin.probed),
        ).reached
        for model, first, count in twin.shares(futures)
    ]
    turn = np.concatenate(reached)
    later = np.where(turn < 0, FORESEEN_AT_MOST_MS, turn - twin.now)
    low, middle, high = np.quantile(later, (0.1, 0.5, 0.9), axis=0, method="nearest").astype(int).tolist()
    line = [one for one in shot.people if one.kind == "waiting"]
    tickets = tuple(
        TicketWait(one.ticket_id, low[n], middle[n], high[n])
        for n, one in enumerate(line)
        if middle[n] < FORESEEN_AT_MOST_MS
    )
    asked = [(n, twin.groups.habits[group]) for n, group in enumerate(twin.probed, len(line))]
    joining = tuple(
        JoiningWait(own.service, own.class_code, low[n], middle[n], high[n])
        for n, own in asked
        if middle[n] < FORESEEN_AT_MOST_MS
    )
    return TellWaits(shot.now_ms, tickets, joining, _room(twin))


def _room(twin: Twin) -> RoomLeft | None:
    """How many more can be served, with the bank's stated probability; None while the doors are not open or
    no counter calls, when a count would say less about the day than about the minute."""
    shot = twin.shot
    deadlines = np.array([shot.closes_ms, shot.closes_ms + shot.overtime_ms], np.int64) - shot.origin_ms
    if not shot.is_open or shot.now_ms >= shot.closes_ms or not any(s.is_calling for s in shot.seats):
        return None
    joiners = 200
    while True:
        done = engine.room(
            twin.models[0],  # how busy the day will be does not matter: nobody else comes
            twin.fork,
            count=ROOM_FUTURES,
            seed=SEED,
            branch=0,
            joiners=joiners,
            number=shot.next_seq + len(twin.probed),
            deadlines_ms=deadlines,
        )
        sure = np.quantile(done, 1 - shot.sure_percent / 100, axis=0, method="lower").astype(int).tolist()
        if sure[1] < joiners * 0.9 or joiners >= ROOM_AT_MOST:
            return RoomLeft(sure[0], sure[1])
        joiners = min(ROOM_AT_MOST, 2 * joiners)

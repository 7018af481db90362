"""A change of the rules tried out: a branch's typical day, the same customers before and after.

Both configurations meet invented customers that are drawn alike, so what differs is the rules. Who comes, how
long things take and who walks out is as the branch's own days have shown; before any were seen it is assumed,
and the answer says so. Light to import: what computes is loaded where it runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec

from openhall.kernel.clock import MINUTE_MS
from openhall.kernel.refusal import Refusal, refusals
from openhall.network.calendar import hours_on, services_at
from openhall.network.hours import Hours
from openhall.network.model import Bank, Branch
from openhall.network.version import decode, encode
from openhall.science.believed import Arrivals, GroupHabits, GroupRules, Habits

if TYPE_CHECKING:
    from openhall.science.study.plan import Crowd, Hall

REPLICATIONS: Final = 300
SEED: Final = 20_260_301
DAYS_AHEAD: Final = 28
ORDINARY_SHARE: Final = 0.7
"""Of all customers, as long as nothing was learned; the other classes share the rest."""
CUSTOMERS_PER_COUNTER: Final = 25.0
PATIENCE_MINUTES: Final = 150.0
DISPERSION: Final = 2.0
"""Variance by mean of the people of a stretch: recorded halls show about so much."""

REFUSALS = refusals(
    simulation_not_possible=(
        "There is no day in the next weeks on which {branch} is open under both configurations.",
        "Look at the opening hours of the draft.",
    ),
    simulation_day_closed=(
        "{branch} is not open on {day} under both configurations.",
        "Choose another day, or leave the day out.",
    ),
)


class Question(msgspec.Struct, frozen=True):
    """What is compared, as bytes for another process. `believed`: what was learned, empty for nothing."""

    before: bytes
    after: bytes
    branch: str
    day: str
    believed: bytes = b""


class ClassEffect(msgspec.Struct, frozen=True):
    """One class. Minutes; None when nobody of it was called."""

    class_code: str
    wait_mean: float | None
    wait_p90: float | None
    wait_longest: float | None
    """The wait that one in a thousand exceeds: of so many days the very longest says little."""
    late_share: float | None


class DayEffect(msgspec.Struct, frozen=True):
    """A typical day under one configuration."""

    customers: float
    left_share: float
    late_share: float
    overtime_minutes: float
    classes: tuple[ClassEffect, ...]


class BranchEffect(msgspec.Struct, frozen=True):
    """Before and after. `days_learned`: how many of the branch's own days it rests on; 0: it is assumed."""

    branch: str
    day: str
    replications: int
    days_learned: int
    learned_from: str
    learned_to: str
    before: DayEffect
    after: DayEffect


def asked(
    before: Bank,
    after: Bank,
    branch: str,
    today: date,
    *,
    believed: bytes = b"",
    day: date | None = None,
) -> Question | Refusal:
    """The question for a day, or for the first one on which the branch opens under both."""
    places = [bank.branch(branch) for bank in (before, after)]

    def is_open(on: date) -> bool:
        return all(place is not None and hours_on(place, on) is not None for place in places)

    if day is not None and not is_open(day):
        return Refusal("simulation_day_closed", "day", {"branch": branch, "day": day.isoformat()})
    ahead = [today + timedelta(days=n) for n in range(1, DAYS_AHEAD + 1)] if day is None else [day]
    found = next((each for each in ahead if is_open(each)), None)
    if found is None:
        return Refusal("simulation_not_possible", "branch", {"branch": branch})
    return Question(encode(before), encode(after), branch, found.isoformat(), believed)


def compare(question: Question) -> BranchEffect:
    """Compute both days. For a worker process."""
    banks = [decode(question.before), decode(question.after)]
    day = date.fromisoformat(question.day)
    halls = [_hall_of(bank, question.branch, day) for bank in banks]
    believed = _learned(question.believed) or _assumed(halls[0])
    groups = _groups(believed, halls)
    days = [_day(hall, believed, groups, usual=_usual_doors(halls[0].branch)) for hall in halls]
    return BranchEffect(
        branch=question.branch,
        day=question.day,
        replications=REPLICATIONS,
        days_learned=believed.days,
        learned_from=believed.first_day.isoformat() if believed.first_day else "",
        learned_to=believed.last_day.isoformat() if believed.last_day else "",
        before=days[0],
        after=days[1],
    )


class _BranchDay(msgspec.Struct, frozen=True):
    """A branch on the day, under one of the configurations."""

    bank: Bank
    branch: Branch
    doors: Hours

    @property
    def services(self) -> list[tuple[str, float]]:
        """(id, configured mean service time in ms)"""
        return [(s.id, s.mean_minutes * MINUTE_MS) for s in services_at(self.bank, self.branch)]

    @property
    def classes(self) -> list[str]:
        return [c.code for c in self.bank.classes]

    def serves(self, group: GroupHabits) -> bool:
        """Does such a customer get a ticket here?"""
        return group.class_code in self.classes and group.service in dict(self.services)


def _hall_of(bank: Bank, branch_id: str, day: date) -> _BranchDay:
    branch = bank.branch(branch_id)
    doors = hours_on(branch, day) if branch else None
    assert branch is not None and doors is not None, "asked for a day on which it opens"  # noqa: PT018
    return _BranchDay(bank, branch, doors)


# --- who comes ----------------------------------------------------------------------------------------------


def _learned(body: bytes) -> Habits | None:
    """What the branch's own days have shown; None where that is nothing."""
    if not body:
        return None
    found = msgspec.json.decode(body, type=Habits)
    return found if found.days and found.arrivals and sum(found.arrivals.expected) else None


def _assumed(hall: _BranchDay) -> Habits:
    """A branch that has had no day: services in inverse proportion to their times, mostly ordinary class."""
    from openhall.rehearsal.invented.parameters import MORNING_RUSH
    from openhall.science import durations, habits

    found = habits.assumed_habits(hall.branch.id, hall.services, hall.classes)
    patience = durations.exponential(PATIENCE_MINUTES * MINUTE_MS)
    rest = len(hall.classes) - 1
    of_class = dict.fromkeys(hall.classes[1:], (1 - ORDINARY_SHARE) / max(rest, 1))
    of_class[hall.classes[0]] = ORDINARY_SHARE if rest else 1.0
    total = sum(1 / mean for _, mean in hall.services)
    of_service = {id_: 1 / mean / total for id_, mean in hall.services}
    mix = tuple(of_service[g.service] * of_class[g.class_code] for g in found.groups)
    customers = CUSTOMERS_PER_COUNTER * len(hall.branch.counters)
    parts = len(MORNING_RUSH)
    return msgspec.structs.replace(
        found,
        groups=tuple(msgspec.structs.replace(g, patience=patience) for g in found.groups),
        arrivals=Arrivals(
            from_ms=hall.doors.opens_minute * MINUTE_MS,
            width_ms=hall.doors.minutes * MINUTE_MS // parts,
            expected=tuple(customers * weight / sum(MORNING_RUSH) for weight in MORNING_RUSH),
            mix=(mix,) * parts,
            dispersion=DISPERSION,
        ),
    )


def _groups(believed: Habits, halls: Sequence[_BranchDay]) -> tuple[GroupHabits, ...]:
    """Everybody who can come under one of the two, in one order, so that both days draw the same people."""
    from openhall.science import habits

    services = {id_: mean for hall in reversed(halls) for id_, mean in hall.services}
    codes = dict.fromkeys(code for hall in halls for code in hall.classes)
    return habits.completed(believed.groups, list(services.items()), list(codes))


def _usual_doors(branch: Branch) -> Hours:
    """From the earliest opening of a week to the latest closing: what was learned spans these."""
    week = [hours for hours in branch.week if hours is not None]
    return Hours(min(h.opens_minute for h in week), max(h.closes_minute for h in week))


def stretched(arrivals: Arrivals, usual: Hours, doors: Hours) -> Arrivals:
    """A day's shape over other doors: as many people, their times moved in proportion; none after closing."""
    scale = doors.minutes / usual.minutes
    width_ms = round(arrivals.width_ms * scale)
    early_ms = (arrivals.from_ms - usual.opens_minute * MINUTE_MS) * scale
    from_ms = max(0, doors.opens_minute * MINUTE_MS + round(early_ms))
    within = max(1, -(-(doors.closes_minute * MINUTE_MS - from_ms) // width_ms))
    expected = list(arrivals.expected[:within])
    expected[-1] += sum(arrivals.expected[within:])
    return Arrivals(from_ms, width_ms, tuple(expected), arrivals.mix[:within], arrivals.dispersion)


def _coming(hall: _BranchDay, believed: Habits, groups: Sequence[GroupHabits], usual: Hours) -> Arrivals:
    """Who comes on the day, by `groups`; people of a service that is gone do not come."""
    assert believed.arrivals is not None, "learned or assumed"
    arrivals = stretched(believed.arrivals, usual, hall.doors)
    number = {(g.service, g.class_code, g.need): index for index, g in enumerate(groups)}
    expected, mixes = [], []
    for people, mix in zip(arrivals.expected, arrivals.mix, strict=True):
        row = [0.0] * len(groups)
        for group, share in zip(believed.groups, mix, strict=True):
            if hall.serves(group):
                own = number.get((group.service, group.class_code, group.need))
                row[number[group.service, group.class_code, ""] if own is None else own] += share
        kept = sum(row)
        expected.append(people * kept)
        mixes.append(tuple(share / kept if kept else 1 / len(row) for share in row))
    return msgspec.structs.replace(arrivals, expected=tuple(expected), mix=tuple(mixes))


# --- a day --------------------------------------------------------------------------------------------------


def _day(hall: _BranchDay, believed: Habits, groups: Sequence[GroupHabits], *, usual: Hours) -> DayEffect:
    import numpy as np

    from openhall.science.study import tasks
    from openhall.science.study.plan import SIZE_UNIT, Plan

    arrivals = _coming(hall, believed, groups, usual)
    tables, crowd, factor = _crowd(hall, groups, arrivals)
    plan = Plan(
        seed=SEED,
        policies=("configured",),
        groups=tuple(f"{g.service}/{g.class_code}/{g.need}" for g in groups),
        tables=tables,
        crowds=(crowd,),
        halls=(_counters(hall, groups),),
        branches=np.array([[0, 0, 0, round(sum(arrivals.expected) * SIZE_UNIT), factor]], np.int64),
        dispersion_percent=int(-(-arrivals.dispersion * 100 // 1)),
    )
    part = tasks.run(plan, tasks.Task(branch=0, branches=1, first=0, count=REPLICATIONS))
    return _figures([g.class_code for g in groups], hall.classes, part)


def _crowd(hall: _BranchDay, groups: Sequence[GroupHabits], arrivals: Arrivals) -> tuple[Any, Crowd, int]:
    """The tables that are drawn from, who comes, and the table of how much busier a stretch can be."""
    import numpy as np

    from openhall.science import habits
    from openhall.science.study.plan import Crowd

    model = habits.model_of(groups, _rules(hall.bank, groups), arrivals)
    shares = np.array(arrivals.expected) / max(sum(arrivals.expected), 1e-9)
    crowd = Crowd(
        opens_ms=arrivals.from_ms,
        width_ms=arrivals.width_ms,
        weights=np.rint(shares * habits.UNIT).astype(np.int64),
        mix=model.bins[:, 1:].copy(),
        groups=model.groups[np.newaxis],
        followings=model.followings[np.newaxis],
        gaps=int(model.clock[2]),
    )
    return model.tables, crowd, int(model.clock[3])


def _rules(bank: Bank, groups: Sequence[GroupHabits]) -> list[GroupRules]:
    is_strict = bank.order.kind == "strict"
    late_ms = bank.waits.late_after_minutes * MINUTE_MS
    known = {c.code: c for c in bank.classes}
    found = []
    for group in groups:
        head_start, rank = 0, 0
        if (own := known.get(group.class_code)) is not None:
            head_start, rank = (0, own.rank) if is_strict else (own.head_start_minutes, 0)
        found.append(GroupRules(head_start * MINUTE_MS, rank, late_ms))
    return found


def _counters(hall: _BranchDay, groups: Sequence[GroupHabits]) -> Hall:
    """The windows, opened over the day as studies of a network open them: most of them in the morning."""
    import numpy as np

    from openhall.rehearsal.study import model as m
    from openhall.rehearsal.study import planning
    from openhall.science import engine
    from openhall.science.study.plan import Hall

    masks = [
        sum(
            1 << number
            for number, group in enumerate(groups)
            if group.service in counter.services
            and (not counter.classes or group.class_code in counter.classes)
        )
        for counter in hall.branch.counters
    ]
    opens_ms, closes_ms = hall.doors.opens_minute * MINUTE_MS, hall.doors.closes_minute * MINUTE_MS
    order, at_least = planning.opening_order(masks)
    steps = planning.open_counters(
        m.Policy("configured"), opens_ms, closes_ms, counters=len(masks), at_least=at_least
    )
    return Hall(
        counters=len(masks),
        closes_ms=closes_ms,
        schedules=(planning.schedule(steps, order, masks),),
        divert_above=np.array([engine.NEVER], np.int64),
        open_ms=np.array([closes_ms - opens_ms], np.int64),
    )


def _figures(codes: Sequence[str], classes: Sequence[str], part: Any) -> DayEffect:
    """`codes`: the class of each group."""
    from openhall.science import engine
    from openhall.science.study import figures

    totals, waits, days = part.totals[0], part.waits[0], part.days[0]
    came = max(1, int(totals[:, engine.ARRIVED].sum()))
    by_class = []
    for code in classes:
        rows = [index for index, each in enumerate(codes) if each == code]
        own, own_waits = totals[rows].sum(axis=0), waits[rows].sum(axis=0)
        called, arrived = int(own[engine.COUNT_CALLED]), int(own[engine.ARRIVED])
        by_class.append(
            ClassEffect(
                class_code=code,
                wait_mean=_rounded(int(own[engine.WAIT_SUM]) / called / MINUTE_MS if called else None),
                wait_p90=_rounded(figures.wait_quantile_minutes(own_waits, 0.9)),
                wait_longest=_rounded(figures.wait_quantile_minutes(own_waits, 0.999)),
                late_share=_rounded(int(own[engine.COUNT_LATE]) / arrived if arrived else None, 4),
            )
        )
    return DayEffect(
        customers=round(int(totals[:, engine.ARRIVED].sum()) / REPLICATIONS, 1),
        left_share=round(int(totals[:, engine.COUNT_LEFT].sum()) / came, 4),
        late_share=round(int(totals[:, engine.COUNT_LATE].sum()) / came, 4),
        overtime_minutes=round(float(days[:, engine.DAY_OVERTIME].mean()) / MINUTE_MS, 1),
        classes=tuple(by_class),
    )


def _rounded(value: float | None, digits: int = 1) -> float | None:
    return None if value is None else round(value, digits)

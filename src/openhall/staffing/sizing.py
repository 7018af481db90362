"""A day's load sized: windows needed, the price of fewer, and what planned windows come to.

Brings numpy and numba along: for worker processes.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from openhall.network.model import Bank, Branch
from openhall.science.roster.week_price import corrected, late_minutes
from openhall.science.sizing.carrying import carrying
from openhall.science.sizing.demand import Demand, Limits, Targets
from openhall.science.sizing.finite_day import Day
from openhall.science.sizing.ladder import LadderParameters, size_day
from openhall.science.sizing.least_plan import SearchParameters
from openhall.science.sizing.result import DayFigures
from openhall.staffing.demand import DayDemand, DayLoad

SAVING_BLOCK = 2
"""Intervals that are given one window more together, when its saving is worked out."""


def targets_of(bank: Bank) -> Targets:
    """What the classes are promised: the first class's target, and the strictest of the others."""
    by_class = {target.class_code: target for target in bank.staffing.targets}
    first = by_class.get(bank.classes[0].code)
    others = [by_class[c.code] for c in bank.classes[1:] if c.code in by_class]
    late_after = float(bank.waits.late_after_minutes)
    strictest = min(others, key=lambda t: t.limit_minutes, default=None)
    return Targets(
        limit_minutes=float(first.limit_minutes) if first else late_after,
        allowed_share=first.late_percent / 100.0 if first else 0.1,
        green_limit_minutes=float(strictest.limit_minutes) if strictest else late_after,
        green_allowed_share=strictest.late_percent / 100.0 if strictest else 0.1,
    )


def service_minutes_of(load: DayLoad) -> float:
    """Mean minutes at the counter over all who come."""
    people = sum(load.total())
    if people <= 0.0:
        return max((each.minutes for each in load.loads), default=1.0)
    return sum(sum(each.mean) * each.minutes for each in load.loads) / people


def size(bank: Bank, branch: Branch, load: DayLoad) -> DayDemand:
    """Windows needed in each interval, and the price of every number of them."""
    if not load.is_open:
        return DayDemand(load)
    targets = targets_of(bank)
    late = late_minutes(
        np.array(load.total()),
        service_minutes=service_minutes_of(load),
        limit_minutes=targets.limit_minutes,
        windows=len(branch.counters),
        interval_minutes=load.interval_minutes,
        cv=load.cv,
    )
    needed, is_kept = _needed(bank, branch, load, targets)
    return DayDemand(
        load=load,
        needed=needed,
        late=tuple(tuple(row) for row in late.tolist()),
        limit_minutes=targets.limit_minutes,
        is_target_kept=is_kept,
    )


CARRYING_PRECISION = 0.01
"""Relative: nobody can promise it better."""

CLOSING_PRICE = 1.0
"""Windows for a stretch that a closing costs: people are not sent to and fro for a quarter of an hour."""


def _needed(bank: Bank, branch: Branch, load: DayLoad, targets: Targets) -> tuple[tuple[int, ...], bool]:
    """The least windows that keep every class's target by the finite day, and whether they do.

    In stretches of the shortest stint: a need that comes and goes within it is nobody's to fill.
    """
    policy, most = bank.staffing, len(branch.counters)
    block = max(1, -(-policy.stint_minutes_least // load.interval_minutes))
    people = load.total()
    whole = [sum(people[i : i + block]) for i in range(0, len(people), block)]
    green = load.green_share if len(bank.classes) > 1 else 0.0
    demand = Demand(
        ordinary=tuple(n * (1.0 - green) for n in whole),
        green=tuple(n * green for n in whole) if green else (),
        service_minutes=service_minutes_of(load),
        interval_minutes=float(load.interval_minutes * block),
        day_cv=load.cv,
    )
    limits = Limits(least=min(policy.windows_at_least, most) or 1, most=most)
    parameters = LadderParameters(search=SearchParameters(closing_price=CLOSING_PRICE))
    found = size_day(demand, targets, limits, parameters)
    each = [n for n in found.plan for _ in range(block)]
    return tuple(each[: len(people)]), found.is_met


def _all_together(load: DayLoad) -> Demand:
    """All services in one line, priority classes among the others."""
    return Demand(
        ordinary=load.total(),
        service_minutes=service_minutes_of(load),
        interval_minutes=float(load.interval_minutes),
        day_cv=load.cv,
    )


def day_of(bank: Bank, load: DayLoad) -> Day:
    """The finite day of all services together, priority classes among the others."""
    return Day(_all_together(load), targets_of(bank))


def carries(bank: Bank, load: DayLoad, windows: Sequence[int]) -> int:
    """The day's carrying capacity with planned windows: people on a day of the same profile."""
    demand = _all_together(load)
    if demand.total <= 0.0:
        return 0
    found = carrying(demand, targets_of(bank), [max(1, n) for n in windows], precision=CARRYING_PRECISION)
    return int(found.customers)


def figures(day: Day, windows: Sequence[int]) -> DayFigures:
    """What planned windows come to. The finite day knows no hall without a window: where none is planned one
    is counted, and the plan names the shortfall."""
    return day.figures([max(1, n) for n in windows])


def savings(day: Day, windows: Sequence[int], most: int) -> tuple[float, ...]:
    """Late minutes that one window more saves, interval by interval; where all are open, that the last one
    saves."""
    plan = [max(1, n) for n in windows]
    base = day.figures(plan).late_minutes_total
    found = [0.0] * len(plan)
    for first in range(0, len(plan), SAVING_BLOCK):
        block = range(first, min(first + SAVING_BLOCK, len(plan)))
        step = 1 if all(plan[i] < most for i in block) else -1
        tried = list(plan)
        for i in block:
            tried[i] = max(1, tried[i] + step)
        changed = sum(abs(tried[i] - plan[i]) for i in block)
        if changed:
            saved = max(0.0, step * (base - day.figures(tried).late_minutes_total)) / changed
            for i in block:
                found[i] = saved
    return tuple(found)


def repriced(demand: DayDemand, windows: Sequence[int], saved: Sequence[float]) -> DayDemand:
    """The same day with prices that agree with what one window more saves."""
    if not demand.late:
        return demand
    late = np.array(demand.late)
    most = late.shape[1] - 1
    fresh = corrected(late, np.array([min(n, most - 1) for n in windows]), np.array(saved))
    return msgspec.structs.replace(demand, late=tuple(tuple(row) for row in fresh.tolist()))

"""What a counter more or less costs in each interval, in late minutes of the whole day.

The definition. In one interval there are c counters, in every other one the plan's. The price is the expected
late minutes of the whole day: also those that a backlog from here causes later, while the plan's counters
work it off. So prices of neighbouring intervals are not independent: two shortages side by side cost more
than the sum. Whoever plans with them sizes the outcome again afterwards.

With a green channel everybody is measured against the ordinary limit in the order of coming: a curve is a
price, not a promise, and the two orders differ in who is late rather than in how much.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from openhall.science.sizing.demand import Demand, Targets
from openhall.science.sizing.finite_day import Day, DayParameters, Moment, Passed
from openhall.science.sizing.result import CostCurve, Step

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_SAME = 1e-9
"""Distributions that differ by less in sum have the same rest of the day."""


def cost_curve(
    demand: Demand,
    targets: Targets,
    plan: Sequence[int],
    *,
    most: int,
    parameters: DayParameters | None = None,
) -> CostCurve:
    """The price of each number of counters in each interval.

    Parameters
    ----------
    demand, targets : what is expected and promised.
    plan : counters of the other intervals, at least 1 each.
    most : counters up to which is priced, at least 1.
    parameters : how finely.

    Returns
    -------
    CostCurve; `late_minutes` is the largest convex falling curve that is nowhere above `raw`.

    Raises
    ------
    ValueError : for a plan of another length, an interval without a counter, a `most` below 1.
    """
    if len(plan) != len(demand.ordinary) or min(plan) < 1 or most < 1:
        raise ValueError(
            f"Expected {len(demand.ordinary)} intervals of 1 counter or more and a most of 1 or more, "
            f"got {list(plan)} and {most}"
        )
    merged = msgspec.structs.replace(demand, ordinary=demand.arrivals, green=())
    priced = _Priced(Day(merged, targets, parameters), np.asarray(plan, np.int64))
    steps = []
    for interval, needed in enumerate(plan):
        raw = [priced.late_minutes(interval, counters) for counters in range(1, most + 1)]
        steps.append(Step(int(needed), _convex(raw), tuple(raw)))
    return CostCurve(demand.interval_minutes, tuple(steps))


class _Priced:
    """A plan's day, and what it costs to leave it in one interval."""

    def __init__(self, day: Day, plan: Ints) -> None:
        self.day, self.plan = day, plan
        self.moments: list[Moment] = [day.opening()]
        self.passed: list[Passed] = []
        for interval, counters in enumerate(plan.tolist()):
            moment, one = day.step(self.moments[-1], interval, counters)
            self.moments.append(moment)
            self.passed.append(one)
        self.minutes = [self._minutes(i, one, plan) for i, one in enumerate(self.passed)]
        self.after = day.late_after(self.moments[-1])

    def _minutes(self, interval: int, passed: Passed, plan: Ints) -> float:
        """Late minutes that pass a limit after this interval's moments."""
        return self.day.late_line_minutes(passed, interval, plan)

    def late_minutes(self, at: int, counters: int) -> float:
        """Of the whole day with another number in one interval."""
        day, plan = self.day, self.plan.copy()
        plan[at] = counters
        first = max(0, at - day.lag)
        total = sum(self.minutes[:first])
        for interval in range(first, at):
            total += self._minutes(interval, self.passed[interval], plan)
        moment = self.moments[at]
        for interval in range(at, day.intervals):
            moment, one = day.step(moment, interval, int(plan[interval]))
            total += self._minutes(interval, one, plan)
            if interval > at and _are_same(moment, self.moments[interval + 1]):
                return total + sum(self.minutes[interval + 1 :]) + self.after
        return total + day.late_after(moment)


def _are_same(one: Moment, other: Moment) -> bool:
    size = min(one.people.shape[1], other.people.shape[1])
    apart = np.abs(one.people[:, :size] - other.people[:, :size]).sum()
    apart += one.people[:, size:].sum() + other.people[:, size:].sum()
    return bool(apart < _SAME)


def _convex(raw: Sequence[float]) -> tuple[float, ...]:
    """The lower convex hull, never rising."""
    falling = np.minimum.accumulate(np.asarray(raw, float))
    corners: list[int] = []
    for at in range(len(falling)):
        while len(corners) > 1:
            first, second = corners[-2], corners[-1]
            slope = (falling[at] - falling[first]) / (at - first)
            if falling[second] < falling[first] + slope * (second - first):
                break
            corners.pop()
        corners.append(at)
    hull = np.interp(np.arange(len(falling)), corners, falling[corners])
    return tuple(float(value) for value in hull)

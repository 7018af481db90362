"""The plan with the fewest window-hours that keeps the promise in every interval.

First a plan is repaired: with the least counters everywhere, the earliest failing interval gets one more,
there or next to it, where it helps most. Then plans near it are searched from opening to closing as
shortest paths with labels: a partial plan has a cost, a last number of counters and a distribution of
people, and of those with the same cost and last number the one with the fewest people goes on. At the end
counters are taken away wherever that still keeps the promise.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from openhall.science.sizing import varying
from openhall.science.sizing.demand import Limits
from openhall.science.sizing.finite_day import Day, Moment, Passed
from openhall.science.sizing.result import DayFigures, Rung, Sizing

Ints = NDArray[np.int64]


class SearchParameters(msgspec.Struct, frozen=True):
    """How far is searched for a cheaper plan.

    Parameters
    ----------
    band : counters above and below the repaired plan that are tried in each interval; 0 only repairs and
        trims.
    slack : a partial plan goes on while it costs at most so many counters (for an interval) more than the
        cheapest.
    closing_price : counters for an interval that a closing costs, besides the customer in hand whom it
        finishes. Without it plans flicker: a closing counter's last customer is served outside the counted
        hours.
    rounds_at_most : how often the least is raised where the green channel fails.
    """

    band: int = 1
    slack: float = 1.5
    closing_price: float = 0.3
    rounds_at_most: int = 40

    def __post_init__(self) -> None:
        bounds = (("band", 10), ("slack", 40), ("closing_price", 10), ("rounds_at_most", 1_000))
        for name, high in bounds:
            value = getattr(self, name)
            if not 0 <= value <= high:
                raise ValueError(f"Expected {name} between 0 and {high}, got {value}")


class _Label(NamedTuple):
    """A plan up to an interval."""

    cost: float
    plan: tuple[int, ...]
    moment: Moment
    passed: tuple[Passed, ...]
    """The last intervals, of which it is not yet known who is late."""


class _Search:
    """The search for one day."""

    def __init__(self, day: Day, limits: Limits, parameters: SearchParameters) -> None:
        self.day, self.parameters = day, parameters
        least, most = limits.bounds(day.intervals)
        self.least, self.most = list(least), list(most)
        self.allowed = day.targets.allowed_share
        self.closing_cost = day.demand.service_minutes / day.width + parameters.closing_price
        self.given_up: set[int] = set()
        """Intervals of which the promise cannot be kept."""

    def best(self) -> list[int]:
        """Repaired, searched, trimmed."""
        plan = self.repaired()
        if self.parameters.band:
            plan = self.searched(plan)
        return self.trimmed(plan)

    def cost(self, plan: Sequence[int]) -> float:
        """Counters by interval, with what closings cost."""
        return sum(plan) + self.closing_cost * _closings(plan)

    # --- repair -------------------------------------------------------------------------------------

    def repaired(self) -> list[int]:
        """A plan that fails nowhere but where it must."""
        plan = self._start()
        moments = [self.day.opening()]
        passed: list[Passed] = []
        failing = 0
        while failing < self.day.intervals:
            while len(passed) <= failing:
                moment, one = self.day.step(moments[-1], len(passed), plan[len(passed)])
                moments.append(moment)
                passed.append(one)
            if failing in self.given_up or self._share(passed[failing], failing, plan) <= self.allowed:
                failing += 1
                continue
            chosen = self._best_raise(plan, failing, moments)
            if chosen is None:
                self.given_up.add(failing)
                continue
            plan[chosen] += 1
            del moments[chosen + 1 :], passed[chosen:]
        return plan

    def _start(self) -> list[int]:
        """The offered load of an expected day: as a rule too few by one or two."""
        day = self.day
        load = varying.offered_load(day.rates.T @ day.probabilities, day.width, 1.0 / day.departures)
        bounds = zip(load, self.least, self.most, strict=True)
        return [min(most, max(least, int(erlangs))) for erlangs, least, most in bounds]

    def _share(self, passed: Passed, interval: int, plan: Sequence[int]) -> float:
        return self.day.late_share(passed, interval, np.asarray(plan, np.int64))

    def _best_raise(self, plan: list[int], failing: int, moments: list[Moment]) -> int | None:
        """Where one counter more makes the failing interval best; None when there is no room."""
        last = min(self.day.intervals - 1, failing + self.day.lag)
        shares = []
        for at in range(max(0, failing - 1 - self.day.lag), last + 1):
            if plan[at] >= self.most[at]:
                continue
            plan[at] += 1
            moment = moments[min(at, failing)]
            for interval in range(min(at, failing), failing + 1):
                moment, one = self.day.step(moment, interval, plan[interval])
            shares.append((self._share(one, failing, plan), -at))
            plan[at] -= 1
        return -min(shares)[1] if shares else None

    # --- labels -------------------------------------------------------------------------------------

    def searched(self, around: Sequence[int]) -> list[int]:
        """The cheapest plan within the band around one; that one when nothing is cheaper."""
        day, lag = self.day, self.day.lag
        labels = [_Label(0, (), day.opening(), ())]
        for interval in range(day.intervals):
            low = max(self.least[interval], around[interval] - self.parameters.band)
            high = min(self.most[interval], around[interval] + self.parameters.band)
            best: dict[tuple[float, int], tuple[float, _Label]] = {}
            for label in labels:
                for counters in range(low, high + 1):
                    grown = self._grown(label, interval, counters)
                    if grown is None:
                        continue
                    key = (round(2 * grown.cost) / 2, counters)
                    people = day.mean_people(grown.moment)
                    if key not in best or people < best[key][0]:
                        best[key] = (people, grown)
            labels = self._kept([label for _, label in best.values()])
        done = [label for label in labels if self._ends_well(label, lag)]
        if not done:
            return list(around)
        found = min(done, key=lambda label: (label.cost, day.mean_people(label.moment)))
        return list(found.plan if found.cost < self.cost(around) else around)

    def _grown(self, label: _Label, interval: int, counters: int) -> _Label | None:
        """One interval further; None when somebody is late too often."""
        day, lag = self.day, self.day.lag
        moment, one = day.step(label.moment, interval, counters)
        plan, passed = (*label.plan, counters), (*label.passed, one)[-(lag + 1) :]
        known = interval - lag
        if known >= 0 and known not in self.given_up and self._share(passed[0], known, plan) > self.allowed:
            return None
        if lag and interval not in self.given_up:
            # Nobody may open more than there are: who fails even so need not be kept.
            hoped = (*plan, *self.most[interval + 1 : interval + 1 + lag])
            if self._share(one, interval, hoped) > self.allowed:
                return None
        cost = label.cost + counters + self.closing_cost * _closings(plan[-2:])
        return _Label(cost, plan, moment, passed)

    def _kept(self, labels: list[_Label]) -> list[_Label]:
        cheapest = min((label.cost for label in labels), default=0)
        return [label for label in labels if label.cost <= cheapest + self.parameters.slack]

    def _ends_well(self, label: _Label, lag: int) -> bool:
        """Whether the last intervals, of which the counters stay as they are, keep the promise too."""
        for interval, passed in enumerate(label.passed, self.day.intervals - len(label.passed)):
            if interval + lag < self.day.intervals or interval in self.given_up:
                continue
            if self._share(passed, interval, label.plan) > self.allowed:
                return False
        return True

    # --- trim ---------------------------------------------------------------------------------------

    def trimmed(self, plan: list[int]) -> list[int]:
        """Without every counter that is not needed, tried from the busiest interval down."""
        moments = self._moments(plan)
        is_smaller = True
        while is_smaller:
            is_smaller = False
            for at in sorted(range(len(plan)), key=lambda i: (-plan[i], i)):
                if plan[at] <= self.least[at]:
                    continue
                before = self.cost(plan)
                plan[at] -= 1
                is_cheaper = self.cost(plan) < before
                if is_cheaper and self._holds(plan, at, moments[max(0, at - self.day.lag)]):
                    moments = self._moments(plan)
                    is_smaller = True
                else:
                    plan[at] += 1
        return plan

    def _moments(self, plan: Sequence[int]) -> list[Moment]:
        moments = [self.day.opening()]
        for interval, counters in enumerate(plan):
            moments.append(self.day.step(moments[-1], interval, counters)[0])
        return moments

    def _holds(self, plan: Sequence[int], changed: int, moment: Moment) -> bool:
        """Whether the promise is kept from the first interval on that a change touches."""
        for interval in range(max(0, changed - self.day.lag), self.day.intervals):
            moment, one = self.day.step(moment, interval, plan[interval])
            if interval not in self.given_up and self._share(one, interval, plan) > self.allowed:
                return False
        return True


def _closings(plan: Sequence[int]) -> int:
    return sum(max(0, before - after) for before, after in pairwise(plan))


def minimum_plan(
    day: Day, limits: Limits | None = None, parameters: SearchParameters | None = None
) -> Sizing:
    """The plan with the fewest window-hours that was found, and what it gives.

    Parameters
    ----------
    day : demand and targets.
    limits : counters that there can be.
    parameters : how far is searched.

    Returns
    -------
    Sizing; `unmet` names the intervals in which even all counters are too few.
    """
    parameters = parameters or SearchParameters()
    search = _Search(day, limits or Limits(), parameters)
    plan = search.best()
    figures = day.figures(plan)
    for _ in range(parameters.rounds_at_most):
        late = [share > day.targets.green_allowed_share for share in figures.green_late_share]
        short = [at for at, is_late in enumerate(late) if is_late and plan[at] < search.most[at]]
        if not short:
            break
        for at in short:
            plan[at] += 1
            search.least[at] = plan[at]
        plan = search.trimmed(plan)
        figures = day.figures(plan)
    return sizing_of(day, plan, figures)


def sizing_of(day: Day, plan: Sequence[int], figures: DayFigures, rung: Rung = Rung.FINITE_DAY) -> Sizing:
    """A plan with its figures, and where they are worst."""
    targets = day.targets
    ordinary = [share / targets.allowed_share for share in figures.late_share]
    green = [share / targets.green_allowed_share for share in figures.green_late_share]
    worst = int(np.argmax(ordinary))
    is_green = bool(green) and max(green) > ordinary[worst]
    if is_green:
        worst = int(np.argmax(green))
    shares = figures.green_late_share if is_green else figures.late_share
    over = [max(own, *green[i : i + 1], 0.0) for i, own in enumerate(ordinary)]
    return Sizing(
        rung=rung,
        plan=tuple(int(counters) for counters in plan),
        interval_minutes=day.width,
        window_hours=sum(plan) * day.width / 60.0,
        finishing_hours=_closings(plan) * day.demand.service_minutes / 60.0,
        figures=figures,
        unmet=tuple(i for i, ratio in enumerate(over) if ratio > 1.0 + 1e-9),
        worst=worst,
        worst_share=float(shares[worst]),
        worst_is_green=is_green,
    )

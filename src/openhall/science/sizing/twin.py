"""Sizing by simulation: the twin's engine plays the day under a plan, and says who was late in each interval.

For what the finite day's equations do not know: service times that are not exponential, a head start
instead of strict priority, patience, counters that do not serve everybody. Every plan meets the same
customers (common random numbers), so that the difference of two plans is theirs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from math import inf

import msgspec
import numpy as np
from numpy.typing import NDArray

from openhall.kernel.clock import MINUTE_MS
from openhall.science import durations, engine
from openhall.science.believed import Arrivals, GroupHabits, GroupRules
from openhall.science.habits import assumed, model_of
from openhall.science.sizing.demand import Demand, Limits, Targets
from openhall.science.sizing.finite_day import DayParameters, factors
from openhall.science.sizing.result import DayFigures

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ORDINARY, GREEN = 0, 1
_ALL = 3


class TwinParameters(msgspec.Struct, frozen=True):
    """How much is simulated.

    Parameters
    ----------
    days : replications of each plan.
    seed : of the customers, below 2**32.
    z : an interval fails when its late share is above the allowed one by more than so many standard errors.
    corrections_at_most : plans that are tried beyond the first.
    """

    days: int = 1_000
    seed: int = 1
    z: float = 0.0
    corrections_at_most: int = 60

    def __post_init__(self) -> None:
        if not 1 <= self.days <= 1_000_000:
            raise ValueError(f"Expected 1 to 1,000,000 days, got {self.days}")
        if not 0 <= self.seed < 1 << 32:
            raise ValueError(f"Expected a seed of 0 to 2**32 - 1, got {self.seed}")
        if not -10 <= self.z <= 10:
            raise ValueError(f"Expected z between -10 and 10, got {self.z}")
        if not 0 <= self.corrections_at_most <= 1_000:
            raise ValueError(f"Expected 0 to 1,000 corrections, got {self.corrections_at_most}")


class Played(msgspec.Struct, frozen=True):
    """What a plan gave in simulated days.

    Parameters
    ----------
    figures : as expectations.
    errors, green_errors : standard errors of the late shares, by the spread from day to day.
    """

    figures: DayFigures
    errors: tuple[float, ...]
    green_errors: tuple[float, ...] = ()


class Twin:
    """A demand that can be played under any plan.

    Parameters
    ----------
    demand, targets : what is expected and promised.
    limits : for the physical counters and whom they serve.
    parameters, day_parameters : how much is simulated, and the scenarios of the day's factor.
    """

    def __init__(
        self,
        demand: Demand,
        targets: Targets,
        limits: Limits,
        parameters: TwinParameters | None = None,
        day_parameters: DayParameters | None = None,
    ) -> None:
        if limits.most > engine.COUNTERS_AT_MOST:
            at_most = engine.COUNTERS_AT_MOST
            raise ValueError(f"Expected {at_most} counters or less for the twin, got {limits.most}")
        self.demand, self.targets, self.limits = demand, targets, limits
        self.parameters = parameters or TwinParameters()
        edges = (day_parameters or DayParameters()).edges
        self.factors, self.probabilities = factors(demand.day_cv, edges)
        self.width_ms = round(demand.interval_minutes * MINUTE_MS)
        self.closes_ms = self.width_ms * len(demand.ordinary)
        self.models = [self._model(float(factor)) for factor in self.factors]
        self.serves = limits.serves or (_ALL,) * limits.most
        self.at_most = int(2.0 * demand.total * self.factors[-1] + 200)

    def _model(self, factor: float) -> engine.Model:
        habits = [self._habits("ordinary")]
        rules = [self._rules(self.targets.limit_minutes, 1, 0.0)]
        greens = self.demand.green
        if greens:
            head_start = self.demand.head_start_minutes
            habits.append(self._habits("green"))
            rank = 0 if head_start is None else 1
            rules.append(self._rules(self.targets.green_limit_minutes, rank, head_start or 0.0))
        totals = self.demand.arrivals
        mix = tuple(
            (own / total, 1.0 - own / total)[: len(habits)] if total else (1.0, 0.0)[: len(habits)]
            for own, total in zip(self.demand.ordinary, totals, strict=True)
        )
        expected = tuple(total * factor for total in totals)
        return model_of(habits, rules, Arrivals(0, self.width_ms, expected, mix))

    def _habits(self, class_code: str) -> GroupHabits:
        """Nobody absent, nobody steps out: all counter time is in the service time."""
        mean_ms = self.demand.service_minutes * MINUTE_MS
        patience = self.demand.patience_minutes
        nothing = durations.constant(0)
        return msgspec.structs.replace(
            assumed("service", class_code, mean_ms),
            service_time=self.demand.service_table or durations.exponential(mean_ms),
            walk=nothing,
            gap=nothing,
            patience=None if patience == inf else durations.exponential(patience * MINUTE_MS),
            absent_share=0.0,
            out_share=0.0,
            takes_share=0.0,
        )

    @staticmethod
    def _rules(limit_minutes: float, rank: int, head_start_minutes: float) -> GroupRules:
        return GroupRules(
            head_start_ms=round(head_start_minutes * MINUTE_MS),
            rank=rank,
            late_after_ms=round(limit_minutes * MINUTE_MS),
        )

    def customers(self, scenario: int, replication: int) -> Ints:
        """Who comes on one day: a table for the engine, the crowd first."""
        model, seed = self.models[scenario], self.parameters.seed
        table = engine.draw(
            model,
            seed=seed,
            branch=scenario,
            replication=replication,
            until_ms=self.closes_ms,
            at_most=self.at_most,
        )
        crowd = self.demand.crowd
        if not crowd:
            return table
        first = self._crowd(model, scenario, replication)
        table[:, engine.PLACE] += crowd
        return np.concatenate([first, table])

    def _crowd(self, model: engine.Model, scenario: int, replication: int) -> Ints:
        """The crowd's rows: ordinary customers who come at the opening, with words of their own."""
        crowd = self.demand.crowd
        bins = np.zeros((1, model.bins.shape[1]), np.int64)
        bins[0, 0] = (4 * crowd + 60) << 20
        bins[0, 1:] = 1 << 32
        rows = engine.draw(
            model._replace(bins=bins),
            seed=self.parameters.seed,
            branch=len(self.models) + scenario,
            replication=replication,
            until_ms=self.width_ms,
            at_most=4 * crowd + 200,
        )[:crowd].copy()
        wait = rows[:, engine.GONE] - rows[:, engine.ENTER]
        rows[:, engine.GONE] = np.where(rows[:, engine.GONE] < engine.NEVER, wait, engine.NEVER)
        rows[:, engine.PLACE] = model.groups[ORDINARY, engine.BASE] + np.arange(crowd)
        rows[:, engine.ENTER] = 0
        return rows

    def schedule(self, plan: Sequence[int]) -> tuple[Ints, Ints]:
        """Counters at the opening, and what opens and closes later, for the engine.

        The counter that opened last closes first. With counters that differ the lowest number opens, else
        the one that has been closed the longest, so that its last customer is gone.
        """
        counters = np.zeros((len(self.serves), 2), np.int64)
        counters[: plan[0], engine.MASK] = self.serves[: plan[0]]
        opened = list(range(plan[0]))
        closed = deque(range(plan[0], len(self.serves)))
        events: list[tuple[int, int, int]] = []
        for interval, wanted in enumerate(plan):
            at_ms = interval * self.width_ms
            while len(opened) > wanted:
                closed.append(opened.pop())
                events.append((at_ms, closed[-1], 0))
            while len(opened) < wanted:
                number = min(closed) if self.limits.serves else closed[0]
                closed.remove(number)
                opened.append(number)
                events.append((at_ms, number, self.serves[number]))
        return counters, np.array(events, np.int64).reshape(-1, 3)

    def play(self, plan: Sequence[int], days: int | None = None) -> Played:
        """Simulate days under a plan; every scenario of the day's factor gets its share of them."""
        counters, schedule = self.schedule(plan)
        wanted = days or self.parameters.days
        tallies = []
        for scenario, chance in enumerate(self.probabilities):
            count = max(1, round(wanted * float(chance)))
            tally = _Tally(self)
            for replication in range(count):
                table = self.customers(scenario, replication)
                groups = len(self.models[scenario].groups)
                tally.add(table, engine.serve(table, counters, schedule, groups=groups))
            tallies.append(tally)
        return _played(self, tallies)


class _Tally:
    """What happened in one scenario, by interval and class."""

    def __init__(self, twin: Twin) -> None:
        shape = (2, len(twin.demand.ordinary))
        self.twin, self.days = twin, 0
        self.came, self.late = np.zeros(shape), np.zeros(shape)
        self.late_squared, self.came_squared, self.product = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self.minutes, self.in_line = np.zeros(shape[1]), np.zeros(shape[1])
        self.overtime, self.done = 0.0, 0

    def add(self, table: Ints, result: Ints) -> None:
        """One day."""
        twin, intervals = self.twin, self.came.shape[1]
        enter, group = table[:, engine.ENTER], table[:, engine.GROUP]
        reached, end = result[:, engine.REACHED], result[:, engine.END]
        limit_ms = twin.models[0].groups[group, engine.LIMIT]
        has_left = result[:, engine.OUTCOME] == engine.LEFT
        is_late = (reached - enter > limit_ms) | has_left
        cell = group * intervals + np.minimum(enter // twin.width_ms, intervals - 1)
        came = np.bincount(cell, minlength=2 * intervals).reshape(2, intervals)
        late = np.bincount(cell, is_late, minlength=2 * intervals).reshape(2, intervals)
        self.came += came
        self.late += late
        self.came_squared += came**2
        self.late_squared += late**2
        self.product += came * late
        self._add_minutes(enter + limit_ms, reached)
        ends = np.arange(1, intervals + 1) * twin.width_ms
        self.in_line += np.searchsorted(np.sort(enter), ends) - np.searchsorted(np.sort(reached), ends)
        over = max(0, int(end.max(initial=0)) - twin.closes_ms) / MINUTE_MS
        self.overtime += over
        self.done += over <= twin.targets.overtime_minutes
        self.days += 1

    def _add_minutes(self, since_ms: Ints, until_ms: Ints) -> None:
        """Late minutes by the interval in which they pass."""
        width, last = self.twin.width_ms, len(self.minutes) - 1
        late = until_ms > since_ms
        for since, until in zip(since_ms[late].tolist(), until_ms[late].tolist(), strict=True):
            at = min(last, since // width)
            while at < last and until > (at + 1) * width:
                self.minutes[at] += ((at + 1) * width - since) / MINUTE_MS
                since, at = (at + 1) * width, at + 1
            self.minutes[at] += (until - since) / MINUTE_MS


def _played(twin: Twin, tallies: Sequence[_Tally]) -> Played:
    """Scenarios weighted by their probability, whatever number of days each had."""
    weights = [float(p) / tally.days for p, tally in zip(twin.probabilities, tallies, strict=True)]

    def mean(name: str) -> Floats:
        return np.asarray(sum(w * getattr(t, name) for w, t in zip(weights, tallies, strict=True)))

    came = np.maximum(mean("came"), 1e-300)
    share = mean("late") / came
    spread = np.zeros_like(share)
    for weight, tally in zip(weights, tallies, strict=True):
        squares = tally.late_squared - 2 * share * tally.product + share**2 * tally.came_squared
        centred = squares - (tally.late - share * tally.came) ** 2 / tally.days
        spread += weight**2 * np.maximum(0.0, centred)
    errors = np.sqrt(spread) / came
    figures = DayFigures(
        late_share=tuple(share[ORDINARY].tolist()),
        late_minutes=tuple(mean("minutes").tolist()),
        in_line=tuple(mean("in_line").tolist()),
        overtime_minutes=float(mean("overtime")),
        done_by_overtime_share=float(mean("done")),
        green_late_share=tuple(share[GREEN].tolist()) if twin.demand.green else (),
    )
    green_errors = tuple(errors[GREEN].tolist()) if twin.demand.green else ()
    return Played(figures, tuple(errors[ORDINARY].tolist()), green_errors)

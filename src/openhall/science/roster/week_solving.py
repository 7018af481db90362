"""The best roster of a branch's week within a time box: HiGHS first, neighbourhoods after it."""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np

from openhall.science.roster.mip import (
    FEASIBILITY,
    INFINITY,
    Floats,
    Mip,
    Solution,
    SolverParameters,
    solve,
)
from openhall.science.roster.parts import Structure
from openhall.science.roster.search import IMPROVES, Stop
from openhall.science.roster.week import Rostered, Week
from openhall.science.roster.week_greedy import DayCosts, Work, greedy, presence
from openhall.science.roster.week_model import WeekModel

COMPLETE_SECONDS = 30.0
"""To work out what follows from a given roster: a small linear program, done in a blink."""


STEPS_SECONDS = 600.0
"""Nodes end the work long before; this only keeps a broken solver from going on for ever."""


class WeekParameters(msgspec.Struct, frozen=True):
    """How a week is solved.

    Attributes
    ----------
    gap : stop when the cost is proved to be within this of the best; relative.
    whole_share : of the time, for HiGHS on the whole week after the neighbourhoods: it proves the bound.
    slice_seconds : at most so long on one neighbourhood.
    days : freed together, for everybody.
    people : freed together, for the whole week.
    steps : of work instead of the clock: so many neighbourhoods of `nodes_most` nodes each, and as many nodes
        on the whole week. The same problem has the same answer then on the same build, however busy the
        machine. 0 for the clock.
    nodes_most : of each of those.
    """

    gap: float = 0.005
    whole_share: float = 0.3
    slice_seconds: float = 1.0
    days: int = 1
    people: int = 3
    steps: int = 0
    nodes_most: int = 50

    def __post_init__(self) -> None:
        if not 0.0 <= self.gap < 1.0:
            raise ValueError(f"Expected gap from 0 to less than 1, got {self.gap}")
        if not 0.0 <= self.whole_share <= 1.0:
            raise ValueError(f"Expected whole_share between 0 and 1, got {self.whole_share}")
        if self.slice_seconds <= 0.0 or self.days < 1 or self.people < 1:
            raise ValueError(f"Expected seconds, days and people above 0, got {self}")
        if self.steps < 0 or self.nodes_most < 1:
            raise ValueError(f"Expected steps of 0 or more and nodes_most of 1 or more, got {self}")


def roster(
    week: Week,
    *,
    stop: Stop,
    generator: np.random.Generator,
    before: Work | None = None,
    parameters: WeekParameters | None = None,
) -> Rostered:
    """A roster that keeps every rule that can be kept, and what it leaves open.

    Parameters
    ----------
    before : a roster to begin with, such as the one of the last round; ignored where it breaks a rule.
    """
    parameters = parameters or WeekParameters()
    plain = greedy(week)
    model = WeekModel(week)
    starts = [
        found for work in (before, plain) if work is not None and (found := complete(model, work)) is not None
    ]
    start = min(starts, key=model.mip.objective, default=None)
    run = _Run(model.mip, stop, generator, parameters, start)
    if start is not None:
        run.neighbourhoods()
    if parameters.whole_share > 0.0 or run.values is None:
        run.whole()
    if run.values is None:
        return _by_plain_rule(week, plain)
    status: Literal["optimal", "within_gap", "time_limit"] = "time_limit"
    if run.gap <= 1e-6:
        status = "optimal"
    elif run.gap <= parameters.gap:
        status = "within_gap"
    return Rostered(
        work=model.work_of(run.values),
        missing=model.missing_of(run.values),
        late_minutes=model.late_minutes_of(run.values),
        objective=run.objective,
        bound=run.bound,
        status=status,
    )


class _Run:
    """One week being solved: neighbourhoods first, which find; then the whole, which proves."""

    def __init__(
        self,
        mip: Mip,
        stop: Stop,
        generator: np.random.Generator,
        parameters: WeekParameters,
        start: Floats | None,
    ) -> None:
        self._mip, self._stop, self._generator, self._parameters = mip, stop, generator, parameters
        self._seconds = stop.seconds_left()
        self.values = start
        self.objective = mip.objective(start) if start is not None else INFINITY
        self.bound = -INFINITY

    @property
    def gap(self) -> float:
        """Relative, infinite while nothing is known."""
        if not np.isfinite(self.objective) or not np.isfinite(self.bound):
            return INFINITY
        return max(0.0, self.objective - self.bound) / max(1e-9, abs(self.objective))

    def neighbourhoods(self) -> None:
        """Some days of everybody, or all days of some people, again and again."""
        structure = Structure(self._mip)
        shape = (self._mip.person_count, self._mip.day_count)
        reserve = self._parameters.whole_share * self._seconds
        step = idle = 0
        while self.values is not None and idle < shape[0] * shape[1]:
            is_over = step >= self._parameters.steps if self._parameters.steps else self._left() <= reserve
            if is_over:
                return
            cells = np.zeros(shape, dtype=np.bool_)
            if step % 2:
                count = min(self._parameters.people, shape[0])
                cells[self._generator.permutation(shape[0])[:count]] = True
            else:
                count = min(self._parameters.days, shape[1])
                cells[:, self._generator.permutation(shape[1])[:count]] = True
            part = structure.part(structure.free(cells), self.values)
            solution = self._solve(part.mip, part.start, seconds=self._parameters.slice_seconds)
            idle += 1
            if solution.values is not None and solution.objective < self.objective - IMPROVES:
                self.values, self.objective, idle = part.whole(solution.values), solution.objective, 0
            step += 1

    def whole(self) -> None:
        """HiGHS on everything with the time that is left."""
        solution = self._solve(self._mip, self.values, seconds=self._left())
        if solution.values is not None and solution.objective < self.objective:
            self.values, self.objective = solution.values, solution.objective
        self.bound = max(self.bound, min(solution.bound, self.objective))

    def _left(self) -> float:
        return self._stop.seconds_left()

    def _solve(self, mip: Mip, start: Floats | None, *, seconds: float) -> Solution:
        parameters = self._parameters
        solver = SolverParameters(
            gap=parameters.gap,
            seed=int(self._generator.integers(0, 2**31)),
            nodes_most=parameters.nodes_most if parameters.steps else 0,
        )
        if parameters.steps:
            seconds = STEPS_SECONDS
        return solve(mip, seconds=seconds, start=start, parameters=solver)


def complete(model: WeekModel, work: Work) -> Floats | None:
    """The values of a roster with everything that follows from it; None if it breaks a rule."""
    given = model.start(work)
    if given is None:
        return None
    mip = model.mip
    known = ~np.isnan(given)
    lower = np.where(known, given, mip.lower)
    upper = np.where(known, given, mip.upper)
    if (lower < mip.lower - FEASIBILITY).any() or (upper > mip.upper + FEASIBILITY).any():
        return None
    held: Mip = msgspec.structs.replace(mip, lower=lower, upper=upper)
    return solve(held, seconds=COMPLETE_SECONDS).values


def _by_plain_rule(week: Week, work: Work) -> Rostered:
    late = cost = 0.0
    for day, numbers in enumerate(week.days):
        if not any(numbers.is_open):
            continue
        counts = np.zeros((len(week.groups), len(week.segments)))
        for worker, days in enumerate(work):
            if (given := days[day]) is not None:
                counts[week.workers[worker].group] += presence(week, given)
        lost, missing = DayCosts(week, day).losses(counts[None])
        late += float(lost[0])
        cost += float(lost[0] + missing[0])
    return Rostered(
        work=work, missing=(), late_minutes=late, objective=cost, bound=-INFINITY, status="fallback"
    )

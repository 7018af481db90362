"""The best roster of a branch's week within a time box: HiGHS first, neighbourhoods after it."""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np

from openhall.science.roster.mip import FEASIBILITY, INFINITY, Floats, Mip, SolverParameters, solve
from openhall.science.roster.search import SearchParameters, Stop, search
from openhall.science.roster.week import Rostered, Week
from openhall.science.roster.week_greedy import DayCosts, Work, greedy, presence
from openhall.science.roster.week_model import WeekModel

COMPLETE_SECONDS = 2.0
"""To work out what follows from a given roster: a small linear program."""


class WeekParameters(msgspec.Struct, frozen=True):
    """How a week is solved.

    Attributes
    ----------
    gap : stop when the cost is proved to be within this of the best; relative.
    whole_share : of the time, for HiGHS on the whole week before neighbourhoods are searched.
    slice_seconds : at most so long on one neighbourhood.
    nodes_most : HiGHS stops after so many nodes, and nothing is searched after it: the same problem has the
        same answer then, on any machine of the same build; 0 for the clock alone.
    """

    gap: float = 0.005
    whole_share: float = 0.85
    slice_seconds: float = 1.0
    nodes_most: int = 0

    def __post_init__(self) -> None:
        if not 0.0 <= self.gap < 1.0:
            raise ValueError(f"Expected gap from 0 to less than 1, got {self.gap}")

    def search(self, seed: int) -> SearchParameters:
        """The parameters of the search below."""
        return SearchParameters(
            whole_share=self.whole_share,
            slice_seconds=self.slice_seconds,
            solver=SolverParameters(gap=self.gap, seed=seed),
        )


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
    seed = int(generator.integers(0, 2**31))
    outcome = search(
        model.mip, stop=stop, generator=generator, start=start, parameters=parameters.search(seed)
    )
    solution = outcome.solution
    if solution.values is None:
        return _by_plain_rule(week, plain)
    status: Literal["optimal", "within_gap", "time_limit"] = "time_limit"
    if solution.gap <= 1e-6:
        status = "optimal"
    elif solution.gap <= parameters.gap:
        status = "within_gap"
    return Rostered(
        work=model.work_of(solution.values),
        missing=model.missing_of(solution.values),
        late_minutes=model.late_minutes_of(solution.values),
        objective=solution.objective,
        bound=solution.bound,
        status=status,
    )


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

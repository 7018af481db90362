"""How many customers a day carries: the largest day that keeps its promise with the counters that there
are."""

from __future__ import annotations

from collections.abc import Sequence

from openhall.science.sizing.demand import Demand, Targets
from openhall.science.sizing.finite_day import Day, DayParameters
from openhall.science.sizing.result import Carrying

_FACTOR_AT_MOST = 64.0


def carrying(
    demand: Demand,
    targets: Targets,
    plan: Sequence[int],
    *,
    parameters: DayParameters | None = None,
    precision: float = 0.002,
) -> Carrying:
    """The daily carrying capacity: how large the given day may grow, its profile kept.

    Parameters
    ----------
    demand : the day whose profile is scaled, the crowd with it; somebody must be expected.
    targets : the promise, in every interval, and by when everybody has to be done on how many days.
    plan : open counters of each interval: those of a roster, or all that there are.
    parameters : how finely.
    precision : of the factor, relative.

    Returns
    -------
    Carrying; 0 customers when the plan keeps the promise for nobody. Every share grows with the factor, so
    bisection finds the largest.

    Raises
    ------
    ValueError : for a day without anybody, or a plan of another length.
    """
    if demand.total <= 0:
        raise ValueError("Expected a day with customers, got one without")

    def broken(factor: float) -> str:
        return _broken(Day(demand.scaled(factor), targets, parameters), plan)

    low, high, held_by = 0.0, 1.0, ""
    while not (held_by := broken(high)):
        low, high = high, 2.0 * high
        if high > _FACTOR_AT_MOST:
            return Carrying(float(demand.scaled(low).total), low, "")
    while high - low > precision * high and high > 1e-6:
        middle = (low + high) / 2.0
        reason = broken(middle)
        if reason:
            high, held_by = middle, reason
        else:
            low = middle
    return Carrying(float(demand.scaled(low).total), low, held_by)


def _broken(day: Day, plan: Sequence[int]) -> str:
    """What gives first; empty when all is kept."""
    figures, targets = day.figures(plan), day.targets
    if max(figures.late_share) > targets.allowed_share:
        return "wait"
    if max(figures.green_late_share, default=0.0) > targets.green_allowed_share:
        return "green_wait"
    return "" if figures.done_by_overtime_share >= 1.0 - targets.overtime_share else "overtime"

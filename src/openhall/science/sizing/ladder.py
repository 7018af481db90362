"""The one door: a demand, a promise and what there is in; a plan with its figures out.

Three rungs, the lowest that is honest: Erlang's formulas when an answer is wanted at once, the finite day for
everything it knows of, the twin for what it does not. Whatever the rung, a plan is judged by a method that
knows backlog: a steady plan by the finite day, a twin's plan by the twin.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isinf

import msgspec

from openhall.science.sizing import erlang, priority
from openhall.science.sizing.demand import Demand, Limits, Targets
from openhall.science.sizing.finite_day import Day, DayParameters
from openhall.science.sizing.least_plan import SearchParameters, minimum_plan, sizing_of
from openhall.science.sizing.result import Rung, Sizing
from openhall.science.sizing.twin import Played, Twin, TwinParameters


class LadderParameters(msgspec.Struct, frozen=True):
    """Which rung, and how each works.

    Parameters
    ----------
    rung : the one to take; None for the lowest that knows of everything in the demand (never the steady one).
    """

    rung: Rung | None = None
    day: DayParameters = DayParameters()
    search: SearchParameters = SearchParameters()
    twin: TwinParameters = TwinParameters()


def rung_for(demand: Demand, limits: Limits) -> Rung:
    """The finite day, unless the demand or the counters have something only the twin knows of."""
    has_head_start = demand.head_start_minutes is not None and any(demand.green)
    has_skills = bool(set(limits.serves) - {3})
    if has_head_start or has_skills or demand.service_table is not None or not isinf(demand.patience_minutes):
        return Rung.TWIN
    return Rung.FINITE_DAY


def size_day(
    demand: Demand,
    targets: Targets,
    limits: Limits | None = None,
    parameters: LadderParameters | None = None,
) -> Sizing:
    """The fewest window-hours that keep the promise in every interval.

    Parameters
    ----------
    demand : who is expected.
    targets : what is promised.
    limits : how many counters there can be.
    parameters : which rung, and how it works.

    Returns
    -------
    Sizing; `unmet` names the intervals in which no permitted number of counters keeps the promise.

    Raises
    ------
    ValueError : for limits of another number of intervals.
    """
    limits, parameters = limits or Limits(), parameters or LadderParameters()
    limits.bounds(len(demand.ordinary))
    rung = parameters.rung or rung_for(demand, limits)
    day = Day(demand, targets, parameters.day)
    if rung is Rung.STEADY:
        plan = steady_plan(demand, targets, limits)
        return sizing_of(day, plan, day.figures(plan), rung)
    found = minimum_plan(day, limits, parameters.search)
    if rung is Rung.FINITE_DAY:
        return found
    twin = Twin(demand, targets, limits, parameters.twin, parameters.day)
    plan, played = corrected(twin, found.plan)
    return sizing_of(day, plan, played.figures, rung)


def steady_plan(demand: Demand, targets: Targets, limits: Limits) -> list[int]:
    """Each interval by itself in the steady state: Erlang C or A, with a green channel the two classes'
    formulas.

    With patience and a green channel together patience is left out, which is the safe side.
    """
    least, most = limits.bounds(len(demand.ordinary))
    wanted = _steady(demand, targets, max(most))
    return [
        min(high, max(low, int(counters) or high))
        for counters, low, high in zip(wanted, least, most, strict=True)
    ]


def _steady(demand: Demand, targets: Targets, at_most: int) -> list[int]:
    minutes, service = demand.interval_minutes, demand.service_minutes
    if any(demand.green):
        return [
            priority.required(
                green / minutes,
                ordinary / minutes,
                service,
                green_limit_minutes=targets.green_limit_minutes,
                green_allowed_share=targets.green_allowed_share,
                limit_minutes=targets.limit_minutes,
                allowed_share=targets.allowed_share,
                at_most=at_most,
            )
            for ordinary, green in zip(demand.ordinary, demand.green, strict=True)
        ]
    rates = [arrivals / minutes for arrivals in demand.ordinary]
    found = erlang.required(
        rates,
        service,
        targets.limit_minutes,
        targets.allowed_share,
        patience_minutes=demand.patience_minutes,
        at_most=at_most,
    )
    return [int(counters) for counters in found]


def corrected(twin: Twin, plan: Sequence[int]) -> tuple[list[int], Played]:
    """A plan verified and corrected by simulation: raised where it fails, then trimmed where it need not be.

    Each run of failing intervals gets one counter more in its first interval, or before it where that is
    full. Then the intervals that are furthest from failing try one less, one after another.
    """
    least, most = twin.limits.bounds(len(plan))
    counters, left = list(plan), twin.parameters.corrections_at_most
    played = twin.play(counters)
    while left > 0:
        raised = _raised(counters, most, failing(twin, played))
        if raised == counters:
            break
        counters, left = raised, left - 1
        played = twin.play(counters)
    if failing(twin, played):
        return counters, played
    for at in sorted(range(len(plan)), key=lambda i: played.figures.late_share[i]):
        if left <= 0:
            break
        if counters[at] <= least[at]:
            continue
        counters[at] -= 1
        left -= 1
        tried = twin.play(counters)
        if failing(twin, tried):
            counters[at] += 1
        else:
            played = tried
    return counters, played


def failing(twin: Twin, played: Played) -> list[int]:
    """Intervals whose late share is above the allowed one by more than the permitted standard errors."""
    figures, targets, z = played.figures, twin.targets, twin.parameters.z
    over = [s > targets.allowed_share + z * e for s, e in zip(figures.late_share, played.errors, strict=True)]
    for at, (share, error) in enumerate(zip(figures.green_late_share, played.green_errors, strict=True)):
        over[at] |= share > targets.green_allowed_share + z * error
    return [at for at, is_over in enumerate(over) if is_over]


def _raised(plan: Sequence[int], most: Sequence[int], short: Sequence[int]) -> list[int]:
    counters = list(plan)
    for at in short:
        if at - 1 in short:
            continue
        room = [i for i in range(at, max(-1, at - 3), -1) if plan[i] < most[i]]
        room += [i for i in short if i > at and plan[i] < most[i]]
        if room:
            counters[room[0]] += 1
    return counters


def warm() -> None:
    """Have the machine code of sizing ready; the engine's is `engine.warm`'s.

    After a change of its files that is some seconds of compiling, later a fraction of one.
    """
    erlang.warm()
    day = Demand(ordinary=(1.0, 1.0), green=(0.1, 0.1), service_minutes=6.0, crowd=3)
    size_day(day, Targets(), Limits(most=4), LadderParameters(rung=Rung.STEADY))
    size_day(day, Targets(), Limits(most=4), LadderParameters(rung=Rung.FINITE_DAY))

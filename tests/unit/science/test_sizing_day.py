"""Is the finite day exact where something exact is known, and its plan the cheapest that holds?"""

from __future__ import annotations

import re
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from scipy.stats import poisson

from openhall.science import durations
from openhall.science.sizing import erlang, priority, varying
from openhall.science.sizing.carrying import carrying
from openhall.science.sizing.cost_curve import cost_curve
from openhall.science.sizing.demand import Demand, Limits, Targets
from openhall.science.sizing.finite_day import Day, DayParameters, factors
from openhall.science.sizing.ladder import LadderParameters, rung_for, size_day
from openhall.science.sizing.least_plan import SearchParameters, minimum_plan
from openhall.science.sizing.result import Rung
from openhall.science.sizing.twin import Twin, TwinParameters

INTERVALS = 36
PROFILE = 1.0 - 0.85 * np.cos(4.0 * np.pi * (np.arange(INTERVALS) + 0.5) / INTERVALS)


def demand_of(load: float, service: float = 6.0, green_share: float = 0.0, **more: Any) -> Demand:
    """Two peaks a day."""
    arrivals = load / service * 15.0 * PROFILE
    return Demand(
        ordinary=tuple(((1.0 - green_share) * arrivals).tolist()),
        green=tuple((green_share * arrivals).tolist()) if green_share else (),
        service_minutes=service,
        **more,
    )


def steady_demand(rate: float, green: float = 0.0, service: float = 6.0) -> Demand:
    """The same rate for two days."""
    intervals = 48
    return Demand(
        ordinary=(rate * 60.0,) * intervals,
        green=(green * 60.0,) * intervals if green else (),
        service_minutes=service,
        interval_minutes=60.0,
    )


# --- what is known exactly ------------------------------------------------------------------------------


def test_with_a_counter_for_everybody_the_hall_is_poisson_with_the_offered_load() -> None:
    demand = demand_of(5.0)
    day = Day(demand, Targets())
    moment = day.opening()
    load = varying.offered_load(np.array(demand.ordinary) / 15.0, 15.0, 6.0)
    for interval in range(INTERVALS):
        moment, _ = day.step(moment, interval, 80)
        people = moment.people[0]
        exact = poisson.pmf(np.arange(len(people)), load[interval])
        assert np.abs(people - exact).max() < 1e-9


@pytest.mark.parametrize(
    ("counters", "load", "limit", "reason"),
    [
        (3, 2.0, 10.0, "a small branch"),
        (7, 5.5, 5.0, "a middling one"),
        (14, 12.0, 0.0, "whoever waits is late"),
    ],
)
def test_a_steady_day_becomes_erlang_c(counters: int, load: float, limit: float, reason: str) -> None:
    rate = load / 6.0
    targets = Targets(limit_minutes=limit)
    figures = Day(steady_demand(rate), targets).figures([counters] * 48)
    exact = erlang.late_share(counters, rate, 6.0, limit)
    assert figures.late_share[-2] == pytest.approx(exact, abs=1e-9), reason
    # E[(W - T)+] = P(W > T) / (c mu - rate), of all who come in an hour.
    minutes = exact / (counters / 6.0 - rate) * rate * 60.0
    assert figures.late_minutes[-2] == pytest.approx(minutes, rel=1e-6), reason
    in_line = rate * erlang.mean_wait_minutes(counters, rate, 6.0)
    assert figures.in_line[-1] == pytest.approx(in_line, abs=1e-6), reason


def test_a_steady_day_with_a_green_channel_becomes_the_priority_queue() -> None:
    ordinary, green, counters = 0.6, 0.2, 6
    targets = Targets(limit_minutes=10.0, green_limit_minutes=2.0)
    figures = Day(steady_demand(ordinary, green), targets).figures([counters] * 48)
    own = priority.green_late_share(counters, green, ordinary, 6.0, 2.0)
    other = priority.ordinary_late_share(counters, green, ordinary, 6.0, 10.0)
    assert figures.green_late_share[-2] == pytest.approx(own, abs=1e-8)
    assert figures.late_share[-2] == pytest.approx(other, abs=1e-8)
    # Late minutes of both: the tails added up.
    step = 0.1
    tail = [
        priority.ordinary_late_share(counters, green, ordinary, 6.0, 10.0 + (i + 0.5) * step)
        for i in range(900)
    ]
    exact = 60.0 * (ordinary * sum(tail) * step + green * own / (counters / 6.0 - green))
    assert figures.late_minutes[-2] == pytest.approx(exact, rel=2e-4)


CROWDS = [
    ((1, 1), 3, 10.0, "one counter: the second waits one service, the third two"),
    ((3, 3), 8, 10.0, "three counters"),
    ((2, 3), 6, 20.0, "a counter opens within the limit: one step for everybody"),
    ((4, 1), 9, 20.0, "three close within the limit and take nobody along"),
]


@pytest.mark.parametrize(("plan", "crowd", "limit", "reason"), CROWDS)
def test_a_crowd_without_arrivals_waits_erlang_times(
    plan: tuple[int, int], crowd: int, limit: float, reason: str
) -> None:
    demand = Demand(ordinary=(0.0, 0.0), service_minutes=6.0, crowd=crowd)
    figures = Day(demand, Targets(limit_minutes=limit)).figures(plan)
    within = min(limit, 15.0) * plan[0] / 6.0 + max(0.0, limit - 15.0) * plan[1] / 6.0
    opened = max(0, plan[1] - plan[0]) if limit >= 15.0 else 0
    ahead = np.arange(crowd - plan[0])
    late = poisson.cdf(ahead - opened, within).sum()
    assert figures.late_share[0] == pytest.approx(late / crowd, abs=1e-10), reason
    assert figures.late_share[1] == 0.0


def test_overtime_is_a_pure_death_process() -> None:
    demand = Demand(ordinary=(1e-12,), service_minutes=6.0, crowd=5, interval_minutes=1e-6)
    figures = Day(demand, Targets(overtime_minutes=12.0)).figures([2])
    assert figures.overtime_minutes == pytest.approx(6.0 * (1 + 4 / 2), rel=1e-4)
    # Five are done when the last of two has no more to do: by the forward equations of a tiny chain.
    rates = np.array([0.0, 1.0, 2.0, 2.0, 2.0, 2.0]) / 6.0
    generator = np.diag(-rates) + np.diag(rates[1:], -1)
    start = np.eye(6)[5]
    exact = start.copy()
    for _ in range(120_000):
        exact = exact + 12.0 / 120_000 * exact @ generator
    assert figures.done_by_overtime_share == pytest.approx(exact[0], abs=1e-4)


@pytest.mark.parametrize(
    ("counters", "changed", "before", "after", "reason"),
    [
        (3, 1, (0, 0, 0, 0, 0, 1), (0, 0, 0, 1), "of five in the hall two stay with their closing counters"),
        (3, 1, (0, 0, 1), (0, 1), "of two being served one counter is left with one"),
        (3, 5, (0, 0, 0, 0, 1), (0, 0, 0, 0, 1), "opening changes nobody's number"),
        (2, 1, (0.5, 0.25, 0.25), (0.5, 0.5), "an idle counter closes first"),
    ],
)
def test_a_closing_counter_finishes_its_customer_and_calls_nobody(
    counters: int, changed: int, before: tuple[float, ...], after: tuple[float, ...], reason: str
) -> None:
    from openhall.science.sizing import day_equations

    people = np.array([*before, 0.0, 0.0])
    high = day_equations._change(people, len(before) - 1, counters, changed)
    assert people[: len(after)].tolist() == list(after), reason
    assert people[len(after) :].sum() == 0.0, reason
    assert people[high + 1 :].sum() == 0.0, reason


@pytest.mark.parametrize("nodes", [3, 4])
def test_more_moments_change_nothing_that_anybody_reads(nodes: int) -> None:
    demand, plan = demand_of(9.0, crowd=25), [10] * INTERVALS
    coarse = Day(demand, Targets(), DayParameters(nodes=nodes)).figures(plan)
    fine = Day(demand, Targets(), DayParameters(nodes=10)).figures(plan)
    assert coarse.late_share == pytest.approx(fine.late_share, abs=2e-6)
    assert coarse.late_minutes_total == pytest.approx(fine.late_minutes_total, rel=1e-5)


def test_the_scenarios_of_a_busy_day_keep_the_mean() -> None:
    found, chances = factors(0.2, DayParameters().edges)
    assert found @ chances == pytest.approx(1.0, abs=1e-12)
    assert chances.sum() == pytest.approx(1.0)
    assert np.sqrt(chances @ (found - 1) ** 2) == pytest.approx(0.2, abs=0.01)
    assert factors(0.0, DayParameters().edges)[0].tolist() == [1.0]


# --- against simulation ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("demand", "reason"),
    [
        (demand_of(5.0), "an ordinary day"),
        (demand_of(6.0, crowd=25, green_share=0.2), "a crowd and a green channel"),
        (demand_of(5.0, day_cv=0.15), "a day that may be busier"),
    ],
)
def test_the_twin_plays_what_the_equations_say(demand: Demand, reason: str) -> None:
    targets, limits = Targets(), Limits(most=20)
    sized = minimum_plan(Day(demand, targets), limits)
    played = Twin(demand, targets, limits, TwinParameters(days=1_200, seed=3)).play(sized.plan)
    pairs = [(sized.figures.late_share, played.figures.late_share, played.errors)]
    pairs.append((sized.figures.green_late_share, played.figures.green_late_share, played.green_errors))
    for exact, simulated, errors in pairs:
        for share, other, error in zip(exact, simulated, errors, strict=True):
            # Counters close in the order they opened in, not idle ones first: a little less waiting than the
            # equations allow for.
            assert other - share < 4.5 * error + 0.004, reason
            assert share - other < 4.5 * error + 0.02, reason
    assert played.figures.overtime_minutes == pytest.approx(sized.figures.overtime_minutes, rel=0.12), reason


def test_the_plan_holds_where_sipps_fails() -> None:
    """The control: SIPP knows of no crowd and of no backlog."""
    demand, targets = demand_of(9.0, crowd=25), Targets()
    day, limits = Day(demand, targets), Limits(most=30)
    rates = np.array(demand.ordinary) / 15.0
    sipp = varying.sipp(rates, period_steps=1, service_minutes=6.0, limit_minutes=10.0, allowed_share=0.1)
    steady = np.maximum(sipp, 2)
    assert sum(share > 0.11 for share in day.figures(steady.tolist()).late_share) >= 4
    sized = minimum_plan(day, limits)
    assert sized.is_met
    assert max(sized.figures.late_share) <= 0.1 + 1e-12
    assert sized.window_hours <= 0.98 * steady.sum() / 4
    played = Twin(demand, targets, limits, TwinParameters(days=800, seed=5)).play(steady.tolist())
    assert max(played.figures.late_share) > 0.3


# --- the least plan -------------------------------------------------------------------------------------


def cost_of(plan: tuple[int, ...], service: float) -> float:
    closing = service / 15.0 + SearchParameters().closing_price
    return sum(plan) + closing * sum(max(0, a - b) for a, b in pairwise(plan))


def test_small_days_get_the_cheapest_of_all_plans() -> None:
    rng = np.random.default_rng(3)
    found = []
    for _ in range(6):
        service = float(rng.choice([4.0, 6.0, 10.0]))
        arrivals = tuple(rng.uniform(0.0, 6.0, 4).tolist())
        demand = Demand(arrivals, service, crowd=int(rng.integers(0, 6)))
        day = Day(demand, Targets())
        plans = product(range(1, 6), repeat=4)
        least = min(cost_of(p, service) for p in plans if max(day.figures(p).late_share) <= 0.1)
        sized = minimum_plan(day, Limits(least=1, most=5))
        assert sized.is_met
        found.append(cost_of(sized.plan, service) - least)
    assert min(found) >= -1e-9
    assert sum(extra < 1e-9 for extra in found) >= 5
    assert max(found) <= 1.0


def test_nothing_can_be_taken_from_the_plan() -> None:
    day = Day(demand_of(4.0), Targets())
    sized = minimum_plan(day)
    for at, counters in enumerate(sized.plan):
        fewer = (*sized.plan[:at], counters - 1, *sized.plan[at + 1 :])
        if counters > 2 and cost_of(fewer, 6.0) < cost_of(sized.plan, 6.0):
            assert max(day.figures(fewer).late_share) > 0.1, at


def test_the_limits_are_kept_and_what_cannot_be_promised_is_named() -> None:
    demand = demand_of(9.0)
    present = (4,) * 12 + (20,) * 24
    sized = size_day(demand, Targets(), Limits(least=3, most=12, most_at=present, least_at=(0,) * 35 + (5,)))
    assert all(counters <= min(12, most) for counters, most in zip(sized.plan, present, strict=True))
    assert min(sized.plan) >= 3
    assert sized.plan[-1] >= 5
    assert not sized.is_met
    assert all(sized.figures.late_share[at] > 0.1 for at in sized.unmet)
    kept = [share for at, share in enumerate(sized.figures.late_share) if at not in sized.unmet]
    assert max(kept) <= 0.1
    assert sized.worst in sized.unmet


def test_the_green_channel_can_ask_for_more() -> None:
    demand = demand_of(5.0, green_share=0.2)
    strict = Targets(green_limit_minutes=1.0, green_allowed_share=0.05)
    sized = size_day(demand, strict)
    assert sized.is_met
    assert max(sized.figures.green_late_share) <= 0.05
    assert sized.window_hours > size_day(demand, Targets(green_limit_minutes=30.0)).window_hours


def test_a_day_without_anybody_has_the_least_counters() -> None:
    sized = size_day(Demand(ordinary=(0.0,) * 8, service_minutes=6.0), Targets())
    assert sized.plan == (2,) * 8
    assert sized.figures.late_minutes_total == 0.0
    assert sized.window_hours == 4.0


# --- prices and capacity --------------------------------------------------------------------------------


def test_a_cost_curve_is_convex_falls_and_is_the_days_late_minutes_at_the_plan() -> None:
    demand, targets = demand_of(3.0, crowd=4), Targets()
    sized = size_day(demand, targets)
    curve = cost_curve(demand, targets, sized.plan, most=7)
    day = Day(demand, targets)
    for at, step in enumerate(curve.steps):
        assert step.needed == sized.plan[at]
        assert step.raw[step.needed - 1] == pytest.approx(sized.figures.late_minutes_total, rel=1e-6)
        slopes = np.diff(step.late_minutes)
        assert (slopes <= 1e-9).all()
        assert (np.diff(slopes) >= -1e-9).all()
        assert all(low <= high + 1e-9 for low, high in zip(step.late_minutes, step.raw, strict=True))
    fewer = list(sized.plan)
    fewer[8] -= 1
    assert curve.steps[8].raw[fewer[8] - 1] == pytest.approx(day.figures(fewer).late_minutes_total, rel=1e-6)


def test_a_day_carries_as_many_as_its_counters_can_keep_the_promise_to() -> None:
    demand, targets, plan = demand_of(4.0), Targets(), [6] * INTERVALS
    found = carrying(demand, targets, plan)
    assert found.held_by == "wait"
    assert found.customers == pytest.approx(found.factor * demand.total)
    largest = Day(demand.scaled(found.factor), targets).figures(plan)
    assert max(largest.late_share) <= 0.1
    beyond = Day(demand.scaled(1.01 * found.factor), targets).figures(plan)
    assert max(beyond.late_share) > 0.1
    assert carrying(demand, targets, [7] * INTERVALS).customers > found.customers


def test_what_holds_a_day_can_be_its_end() -> None:
    late_crowd = Demand(ordinary=(0.0,) * 3 + (20.0,), service_minutes=6.0)
    lenient = Targets(limit_minutes=120.0, overtime_minutes=10.0, overtime_share=0.5)
    assert carrying(late_crowd, lenient, [4] * 4).held_by == "overtime"


# --- the ladder -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "limits", "rung", "reason"),
    [
        ({}, Limits(), Rung.FINITE_DAY, "the equations know of all of it"),
        ({"head_start_minutes": 5.0}, Limits(), Rung.TWIN, "a head start is no strict order"),
        ({"patience_minutes": 30.0}, Limits(), Rung.TWIN, "some leave"),
        (
            {"service_table": durations.lognormal(360_000, 0.8)},
            Limits(),
            Rung.TWIN,
            "services not exponential",
        ),
        ({}, Limits(most=3, serves=(3, 3, 2)), Rung.TWIN, "a counter for green only"),
        ({}, Limits(most=3, serves=(3, 3, 3)), Rung.FINITE_DAY, "every counter serves both"),
    ],
)
def test_the_lowest_rung_that_knows_of_everything(
    more: dict[str, Any], limits: Limits, rung: Rung, reason: str
) -> None:
    assert rung_for(demand_of(2.0, green_share=0.2, **more), limits) is rung, reason


def test_the_steady_rung_is_erlangs_requirement_judged_by_the_finite_day() -> None:
    demand = demand_of(5.0)
    sized = size_day(demand, Targets(), Limits(least=1), LadderParameters(rung=Rung.STEADY))
    wanted = erlang.required(np.array(demand.ordinary) / 15.0, 6.0, 10.0, 0.1)
    assert sized.plan == tuple(wanted.tolist())
    assert sized.figures == Day(demand, Targets()).figures(sized.plan)
    with_green = demand_of(5.0, green_share=0.2)
    asked = size_day(with_green, Targets(), Limits(least=1), LadderParameters(rung=Rung.STEADY))
    assert sum(asked.plan) >= sum(sized.plan)


def test_the_twin_corrects_a_plan_for_what_the_equations_do_not_know() -> None:
    demand = demand_of(
        3.0, green_share=0.2, head_start_minutes=8.0, service_table=durations.lognormal(360_000, 1.6)
    )
    parameters = LadderParameters(twin=TwinParameters(days=150, corrections_at_most=40))
    sized = size_day(demand, Targets(), Limits(most=15), parameters)
    assert sized.rung is Rung.TWIN
    assert sized.is_met
    again = Twin(demand, Targets(), Limits(most=15), parameters.twin).play(sized.plan)
    assert again.figures == sized.figures


def test_counters_for_green_only_leave_ordinary_customers_waiting() -> None:
    demand = demand_of(2.0, green_share=0.2)
    plan = [4] * INTERVALS
    shared = Twin(demand, Targets(), Limits(most=4), TwinParameters(days=60)).play(plan)
    kept = Twin(demand, Targets(), Limits(most=4, serves=(3, 3, 2, 2)), TwinParameters(days=60)).play(plan)
    assert kept.figures.late_minutes_total > shared.figures.late_minutes_total


def test_who_leaves_counts_as_late_in_the_twin() -> None:
    demand = demand_of(6.0, patience_minutes=1.0)
    played = Twin(demand, Targets(), Limits(most=2), TwinParameters(days=60)).play([2] * INTERVALS)
    assert max(played.figures.late_share) > 0.5


# --- bad input ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: Demand((), 6.0), "Expected 1 to 1,440 intervals, got 0"),
        (lambda: Demand((1.0, -1.0), 6.0), "ordinary arrivals of 0 or more in each interval, got"),
        (lambda: Demand((1.0, float("nan")), 6.0), "Expected ordinary arrivals of 0 or more"),
        (lambda: Demand((1.0, 1.0), 6.0, green=(1.0,)), "Expected as many intervals of green arrivals"),
        (lambda: Demand((1.0,), 0.0), "Expected a mean service above 0 minutes, got 0.0"),
        (lambda: Demand((1.0,), 6.0, day_cv=2.0), "Expected a day_cv between 0 and 1.5, got 2.0"),
        (lambda: Demand((1.0,), 6.0, crowd=-1), "Expected a crowd of 0 to 1,000 people, got -1"),
        (lambda: Targets(allowed_share=1.0), "allowed_share between 0 and 1, both excluded"),
        (lambda: Targets(limit_minutes=-1.0), "Expected limit_minutes between 0 and 480, got -1.0"),
        (lambda: Limits(least=3, most=2), "Expected most between least and 500, got 2"),
        (lambda: Limits(most=3, serves=(3,)), "Expected serves of 1, 2 or 3 for 3 counters or more"),
        (lambda: Limits(most_at=(3,)).bounds(2), "Expected most_at for 2 intervals, got 1"),
        (lambda: DayParameters(edges=(0.0, 0.5)), "Expected ascending edges from 0 to 1"),
        (lambda: DayParameters(nodes=1), "Expected 2 to 12 nodes, got 1"),
        (lambda: SearchParameters(band=-1), "Expected band between 0 and 10, got -1"),
        (lambda: TwinParameters(days=0), "Expected 1 to 1,000,000 days, got 0"),
        (lambda: Day(Demand((1.0,), 6.0), Targets()).figures([0]), "Expected 1 intervals of"),
        (lambda: cost_curve(Demand((1.0,), 6.0), Targets(), [1, 1], most=3), "Expected 1 intervals"),
        (lambda: carrying(Demand((0.0,), 6.0), Targets(), [1]), "a day with customers, got one without"),
        (lambda: Twin(Demand((1.0,), 6.0), Targets(), Limits(most=99)), "62 counters or less for the twin"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_with_what_was_expected(made: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        made()


def test_results_are_plain_values() -> None:
    sized = size_day(demand_of(2.0, day_cv=0.1, crowd=3, green_share=0.1), Targets())
    assert msgspec.json.decode(msgspec.json.encode(sized), type=type(sized)) == sized


def test_the_example_of_the_page_runs() -> None:
    page = (Path(__file__).parents[3] / "docs" / "sizing.md").read_text(encoding="utf-8")
    [example] = re.findall(r"^```python\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    said: dict[str, Any] = {}
    exec(example, said)  # noqa: S102 - our own page
    assert said["sized"].is_met

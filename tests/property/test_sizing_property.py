"""What must hold of sizing whatever the numbers are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openhall.science.sizing import erlang, priority
from openhall.science.sizing.demand import Demand, Limits, Targets
from openhall.science.sizing.finite_day import Day
from openhall.science.sizing.least_plan import minimum_plan

rates = st.floats(0.01, 20.0)
services = st.floats(1.0, 15.0)
patiences = st.floats(0.5, 120.0)
limits = st.sampled_from([0.0, 1.0, 5.0, 10.0, 30.0, 120.0])
shares = st.sampled_from([0.01, 0.05, 0.1, 0.2, 0.5])
counters = st.integers(1, 60)
days = st.builds(
    Demand,
    ordinary=st.lists(st.floats(0.0, 12.0), min_size=4, max_size=4).map(tuple),
    service_minutes=st.floats(3.0, 12.0),
    crowd=st.integers(0, 12),
    day_cv=st.sampled_from([0.0, 0.0, 0.2]),
)
plans = st.lists(st.integers(1, 6), min_size=4, max_size=4)


@settings(deadline=None)
@given(rates, services, limits, counters)
def test_erlang_c_falls_in_counters_and_limit_and_rises_in_the_rate(
    rate: float, service: float, limit: float, count: int
) -> None:
    late = erlang.late_share(count, rate, service, limit)
    assert 0 <= late <= 1
    assert erlang.late_share(count + 1, rate, service, limit) <= late + 1e-15
    assert erlang.late_share(count, rate, service, limit + 1.0) <= late + 1e-15
    assert erlang.late_share(count, 1.05 * rate, service, limit) >= late - 1e-15


@settings(deadline=None)
@given(rates, services, patiences, limits, counters)
def test_erlang_a_falls_in_counters_and_nobody_is_lost(
    rate: float, service: float, patience: float, limit: float, count: int
) -> None:
    found = erlang.impatient(count, rate, service, patience, limit)
    more = erlang.impatient(count + 1, rate, service, patience, limit)
    assert more.late_or_left_share <= found.late_or_left_share + 1e-12
    assert more.left_share <= found.left_share + 1e-12
    assert -1e-15 <= found.left_share <= found.late_or_left_share + 1e-12
    assert found.late_or_left_share <= found.waits_share + 1e-12
    # Little's law in line: those who are there leave at the rate of their patience.
    assert found.left_share * patience == pytest.approx(found.queue_minutes_mean, rel=1e-9, abs=1e-12)
    later = erlang.impatient(count, rate, service, patience, limit + 2.0)
    assert later.late_or_left_share <= found.late_or_left_share + 1e-12


@settings(deadline=None)
@given(rates, services, limits, shares)
def test_a_requirement_of_erlang_c_is_what_trying_one_by_one_finds(
    rate: float, service: float, limit: float, share: float
) -> None:
    found = int(erlang.required(rate, service, limit, share))
    assert found == next(c for c in range(1, 2_000) if erlang.late_share(c, rate, service, limit) <= share)


@settings(deadline=None)
@given(rates, services, patiences, limits, shares)
def test_a_requirement_of_erlang_a_is_what_trying_one_by_one_finds(
    rate: float, service: float, patience: float, limit: float, share: float
) -> None:
    def gone(count: int) -> float:
        return erlang.impatient(count, rate, service, patience, limit).late_or_left_share

    found = int(erlang.required(rate, service, limit, share, patience_minutes=patience))
    assert found == next(c for c in range(1, 2_000) if gone(c) <= share)


@settings(deadline=None)
@given(rates, services, limits, shares)
def test_nobody_leaves_in_the_limit_of_patience(
    rate: float, service: float, limit: float, share: float
) -> None:
    found = int(erlang.required(rate, service, limit, share))
    patient = erlang.impatient(found, rate, service, 1e8, limit)
    assert patient.late_or_left_share == pytest.approx(
        erlang.late_share(found, rate, service, limit), abs=2e-3
    )


@settings(deadline=None)
@given(st.floats(0.01, 2.0), st.floats(0.01, 2.0), services, counters)
def test_an_order_of_classes_changes_no_mean_of_all(
    green: float, ordinary: float, service: float, count: int
) -> None:
    total = green + ordinary
    if total * service >= 0.999 * count:
        return
    waits = priority.mean_waits_minutes(count, (green, ordinary), service)
    together = (green * waits[0] + ordinary * waits[1]) / total
    assert together == pytest.approx(erlang.mean_wait_minutes(count, total, service), rel=1e-9)
    assert waits[0] <= waits[1]


@settings(max_examples=30, deadline=None)
@given(days, plans, limits)
def test_one_counter_more_all_day_makes_nobody_later(demand: Demand, plan: list[int], limit: float) -> None:
    """All day: a counter that is closed for a while and opens again can help, for its last customer is served
    outside the counted hours. That is why closings have a price in the search."""
    day = Day(demand, Targets(limit_minutes=limit))
    more = [count + 1 for count in plan]
    before, after = day.figures(plan), day.figures(more)
    assert np.all(np.array(after.late_share) <= np.array(before.late_share) + 1e-9)
    assert after.late_minutes_total <= before.late_minutes_total * (1 + 1e-9) + 1e-9
    assert all(-1e-12 <= share <= 1 + 1e-9 for share in before.late_share)


@settings(max_examples=30, deadline=None)
@given(days, plans)
def test_nobody_is_made_or_lost_on_the_way(demand: Demand, plan: list[int]) -> None:
    day = Day(demand, Targets())
    moment = day.opening()
    for interval, count in enumerate(plan):
        moment, passed = day.step(moment, interval, count)
        assert moment.people.sum(axis=1) == pytest.approx(1.0, abs=1e-8)
        assert moment.people.min() >= 0
        for s in range(len(day.factors)):
            for node in range(passed.high.shape[1]):
                seen = passed.nodes[s, node, : passed.high[s, node] + 1]
                assert seen.sum() == pytest.approx(1.0, abs=1e-8)


@settings(max_examples=20, deadline=None)
@given(days, st.floats(1.05, 1.5))
def test_a_busier_day_is_later_and_needs_no_fewer_counters(demand: Demand, factor: float) -> None:
    targets, most = Targets(), Limits(least=1, most=25)
    day, busier = Day(demand, targets), Day(demand.scaled(factor), targets)
    sized = minimum_plan(day, most)
    assert sized.is_met
    assert max(sized.figures.late_share) <= targets.allowed_share * (1 + 1e-9)
    arrivals_only = demand.crowd == demand.scaled(factor).crowd
    if arrivals_only:
        later = busier.figures(sized.plan)
        assert later.late_minutes_total >= sized.figures.late_minutes_total * (1 - 1e-9)

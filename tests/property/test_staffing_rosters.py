"""Does every invented branch week keep every rule, whatever the staff, the leave and the load?"""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openhall.cli.bench.weeks import invented_weeks
from openhall.kernel.refusal import Refusal
from openhall.science.roster.week_greedy import greedy
from openhall.science.roster.week_solving import _by_plain_rule
from openhall.staffing import planning
from openhall.staffing.asking import PlanRequest
from openhall.staffing.changing import MoveStint, SetShift, SetStint, carved, changed
from openhall.staffing.checking import broken, violations
from openhall.staffing.plan import Stint, WeekPlan
from openhall.staffing.roster import Translation

pytestmark = pytest.mark.property

SLOW = [HealthCheck.too_slow]


def by_the_plain_rule(request: PlanRequest) -> WeekPlan:
    """Rostered without a solver, seated as every plan is."""
    demands = planning.demands_of(request)
    translation = Translation(request, demands)
    answer = _by_plain_rule(translation.week, greedy(translation.week))
    days = planning.seats(translation, answer)
    return WeekPlan(
        request.branch,
        request.first,
        tuple(
            planning.day_plan(request, day, demand, None, duties)
            for day, demand, duties in zip(request.dates, demands, days, strict=True)
        ),
        "",
        "fallback",
        100.0,
    )


@settings(max_examples=5, deadline=None, suppress_health_check=SLOW)
@given(seed=st.integers(0, 10_000), number=st.integers(0, 12))
def test_no_week_breaks_a_rule(seed: int, number: int) -> None:
    request = list(invented_weeks(number + 1, seed, seconds=1.0))[-1]
    request = msgspec.structs.replace(request, days=4)
    plan = by_the_plain_rule(request)
    assert broken(violations(request.bank, plan)) == ()


stints = st.tuples(st.integers(500, 1_000), st.integers(1, 200)).map(
    lambda each: Stint("window", each[0], each[0] + each[1], "C1")
)


@given(old=st.lists(stints, max_size=4), new=stints)
def test_a_stint_that_is_put_in_leaves_nothing_beneath_it(old: list[Stint], new: Stint) -> None:
    found = carved(old, new)
    assert new in found
    others = [s for s in found if s is not new]
    assert all(s.from_minute < s.until_minute for s in others)
    assert all(s.until_minute <= new.from_minute or new.until_minute <= s.from_minute for s in others)


@cache
def two_days() -> tuple[PlanRequest, WeekPlan]:
    """The plan that changes are made to."""
    request = msgspec.structs.replace(next(invented_weeks(1, 5, seconds=1.0)), days=2)
    return request, by_the_plain_rule(request)


people = st.sampled_from(["b000-0", "b000-30", "b000-31", "nobody"])
minutes = st.integers(400, 1_100)


@settings(max_examples=20, deadline=None, suppress_health_check=SLOW)
@given(
    change=st.one_of(
        st.builds(SetShift, st.just(date(2026, 12, 7)), people, st.sampled_from(["full", "late", "", "no"])),
        st.builds(
            SetStint,
            st.just(date(2026, 12, 7)),
            people,
            st.sampled_from(["window", "lobby", "break"]),
            minutes,
            minutes,
            st.sampled_from(["C1", "C99", ""]),
        ),
        st.builds(MoveStint, st.just(date(2026, 12, 7)), people, minutes, people, minutes, minutes),
    )
)
def test_a_change_touches_no_other_day(change: SetShift | SetStint | MoveStint) -> None:
    request, plan = two_days()
    after = changed(plan, change, request.bank)
    if isinstance(after, Refusal):
        return
    assert after.days[1] == plan.days[1]
    assert after.days[0].day + timedelta(days=1) == after.days[1].day
    for duty in after.days[0].duties:
        assert all(s.from_minute < s.until_minute for s in duty.stints)

"""Is a small week's roster the true best, and are its parts right?"""

from __future__ import annotations

from itertools import product

import msgspec
import numpy as np
import pytest

from openhall.science.roster.mip import FEASIBILITY
from openhall.science.roster.week import (
    Bound,
    DayNumbers,
    Fixed,
    Flow,
    Group,
    Segment,
    ShiftNumbers,
    Week,
    Worker,
)
from openhall.science.roster.week_counters import CounterParameters, counters
from openhall.science.roster.week_greedy import greedy
from openhall.science.roster.week_model import WeekModel
from openhall.science.roster.week_posts import Hand, posts
from openhall.science.roster.week_price import corrected, late_minutes
from openhall.science.roster.week_solving import WeekParameters, complete, roster

pytestmark = pytest.mark.unit

LATE = (90.0, 40.0, 15.0, 5.0)


class Enough:
    """Never over."""

    def seconds_left(self) -> float:
        return 60.0


def worker(group: int, days: int, *, key: bool = False, most: int = 1) -> Worker:
    both = tuple((0, 1) for _ in range(days))
    return Worker(
        group=group,
        shifts=both,
        costs=tuple((0.0, 0.0) for _ in range(days)),
        idle_costs=(0.0,) * days,
        bounds=(Bound(tuple(range(days)), 480 * most, 0, most),),
        is_key_holder=key,
        burdens=tuple((0.0, 0.0) for _ in range(days)),
        is_fair=False,
    )


def small_week(days: int = 2) -> Week:
    """Two tellers who know the same service, one of another, and a lobby manager; one day each."""
    one = DayNumbers(
        is_open=(True, True, True),
        least={"window": 1, "lobby": 1},
        key_holders=0,
        opens=540,
        closes=900,
        late=(LATE,) * 3,
        shares=((0.7, 0.3),) * 3,
        flow=Flow((200.0, 250.0, 150.0), 8.0, 20.0),
    )
    return Week(
        interval_minutes=60,
        segments=(Segment(0, 2), Segment(2, 4), Segment(4, 6)),
        shifts=(
            ShiftNumbers(540, 900, 300, 0, (True, True, True), ((True, False, False), (False, True, False))),
            ShiftNumbers(540, 660, 120, 0, (True, False, False)),
        ),
        groups=(
            Group(("window",), (0,)),
            Group(("window", "lobby"), (1,)),
            Group(("lobby",)),
        ),
        workers=(worker(0, days), worker(0, days), worker(1, days), worker(2, days)),
        days=(one,) * days,
        counters=3,
        counters_by_service=(3, 2),
    )


def by_trying_everything(week: Week) -> float:
    """The least cost over every roster there is."""
    model = WeekModel(week)
    choices = (None, Fixed(0, 0), Fixed(0, 1), Fixed(1, -1))
    best = np.inf
    for flat in product(choices, repeat=len(week.workers) * len(week.days)):
        work = tuple(tuple(flat[i :: len(week.workers)]) for i in range(len(week.workers)))
        if all(sum(day is not None for day in days) <= 1 for days in work):
            values = complete(model, work)
            if values is not None:
                best = min(best, model.mip.objective(values))
    return float(best)


def test_the_roster_of_a_tiny_day_is_the_best_of_all() -> None:
    week = small_week(days=1)
    week = msgspec.structs.replace(week, workers=week.workers[1:])
    found = roster(
        week, stop=Enough(), generator=np.random.default_rng(0), parameters=WeekParameters(gap=0.0)
    )
    assert found.status == "optimal"
    assert found.objective == pytest.approx(by_trying_everything(week), abs=1e-4)
    assert found.bound == pytest.approx(found.objective, abs=1e-4)


def test_what_the_plain_rule_rosters_is_a_solution() -> None:
    week = small_week()
    model = WeekModel(week)
    values = complete(model, greedy(week))
    assert values is not None
    assert model.mip.misses(values) <= FEASIBILITY
    assert model.work_of(values) == greedy(week)


def test_the_same_steps_give_the_same_roster() -> None:
    week = small_week()
    both = [
        roster(week, stop=Enough(), generator=np.random.default_rng(3), parameters=WeekParameters(steps=3))
        for _ in range(2)
    ]
    assert both[0] == both[1]


def test_a_day_that_is_given_is_kept_even_against_the_hours() -> None:
    week = small_week(days=1)
    pinned = Worker(
        group=0,
        shifts=((0,),),
        costs=((0.0,),),
        idle_costs=(0.0,),
        bounds=(Bound((0,), 60, 0, 0),),
        fixed=(Fixed(0, 1),),
        burdens=((0.0,),),
    )
    given = Week(
        **{name: getattr(week, name) for name in Week.__struct_fields__ if name != "workers"},
        workers=(pinned, *week.workers[1:]),
    )
    found = roster(given, stop=Enough(), generator=np.random.default_rng(0))
    assert found.work[0] == (Fixed(0, 1),)


def test_prices_fall_and_are_convex() -> None:
    late = late_minutes(
        np.array([2.0, 8.0, 20.0, 0.0]),
        service_minutes=7.0,
        limit_minutes=20.0,
        windows=10,
        interval_minutes=15.0,
        cv=0.2,
    )
    savings = -np.diff(late, axis=1)
    assert (savings >= -1e-9).all()
    assert (np.diff(savings, axis=1) <= 1e-9).all()
    assert late[3].max() == 0.0


def test_a_corrected_price_saves_what_the_day_says() -> None:
    late = np.array([[60.0, 30.0, 10.0, 5.0]])
    better = corrected(late, np.array([1]), np.array([40.0]))
    assert better[0, 1] - better[0, 2] == pytest.approx(40.0, rel=0.05)


def test_posts_are_covered_without_short_stints() -> None:
    lobby = Hand(("lobby",), tuple(not 4 <= i < 8 for i in range(16)))
    both = Hand(("window", "lobby"), (True,) * 16)
    found = posts((lobby, both), {"lobby": 1}, is_open=(True,) * 16, window_worth=(3.0,) * 16, stint_least=2)
    assert all("lobby" in (found[0][i], found[1][i]) for i in range(16))
    assert found[1] == ("window",) * 4 + ("lobby",) * 4 + ("window",) * 8


def test_a_stint_too_short_to_send_somebody_is_made_longer() -> None:
    lobby = Hand(("lobby",), tuple(i != 5 for i in range(12)))
    both = Hand(("window", "lobby"), (True,) * 12)
    found = posts((lobby, both), {"lobby": 1}, is_open=(True,) * 12, window_worth=(1.0,) * 12, stint_least=2)
    assert sum(p == "lobby" for p in found[1]) == 2


def test_people_sit_where_their_skills_fit_and_stay() -> None:
    at_window = np.ones((2, 8), dtype=np.bool_)
    at_window[1, 4:6] = False
    fits = np.zeros((2, 3, 2), dtype=np.bool_)
    fits[0, 0, 0] = fits[0, 1, 0] = True
    fits[1, 1, 1] = fits[1, 2, 1] = True
    weights = np.full((8, 2), 5.0)
    taken = np.zeros((3, 8), dtype=np.bool_)
    found = counters(at_window, fits, weights, taken, CounterParameters())
    assert set(found[0]) <= {0, 1}
    assert len(set(found[0])) == 1
    assert set(found[1, :4]) == set(found[1, 6:])
    assert (found[1, 4:6] == -1).all()


def test_a_window_given_away_by_hand_stays_free() -> None:
    taken = np.zeros((1, 4), dtype=np.bool_)
    taken[0, 2:] = True
    fits = np.ones((1, 1, 1), dtype=np.bool_)
    found = counters(np.ones((1, 4), dtype=np.bool_), fits, np.ones((4, 1)), taken)
    assert found.tolist() == [[0, 0, -1, -1]]

"""A call centre as known at one moment, the line's order, the futures, the trees: worked examples."""

from __future__ import annotations

import doctest

import numpy as np
import pytest

from openhall.science.prediction import call_baselines, conformal
from openhall.science.prediction.call_centre import (
    INTERNET,
    NOBODY,
    PRIORITY,
    PROSPECT,
    REGULAR,
    UNTOLD,
    Asking,
    CallDay,
    is_ahead,
    is_served,
    known_at,
    waits,
)
from openhall.science.prediction.call_features import agents_at, features, last_taken, wait_of_next
from openhall.science.prediction.call_fork import (
    PATIENCES,
    SERVICES,
    WAIT_SECONDS_MAX,
    CallHabits,
    call_habits,
    fork,
)
from openhall.science.prediction.call_waits import CallWaitParameters, describe, fit_call_waits

NEVER = float("nan")
UNIFORMS = np.random.Generator(np.random.Philox(key=3)).random((32, 40))

Row = tuple[float, float, float, float, int, int, int]


def day_of(*rows: Row) -> CallDay:
    """Rows of (joined, left, started, ended, priority, kind, agent), each five seconds in the menu before."""
    table = np.array([row[:4] for row in rows], dtype=np.float64).reshape(-1, 4)
    first = np.fmin(table[:, 0], table[:, 2])
    numbers = np.array([row[4:] for row in rows], dtype=np.int64).reshape(-1, 3)
    return CallDay(first - 5.0, first, *table.T, *numbers.T)


def at(moment: float, *rows: Row, priority: int = 1, kind: int = REGULAR) -> Asking:
    """Somebody joins at this moment, as the last row of a day."""
    own = (moment, moment + 500, moment + 500, moment + 600, priority, kind, 1)
    return known_at(day_of(*rows, own), len(rows))


def steady(service: float = 100.0, pause: int = 0) -> CallHabits:
    """Every service and every pause takes as long; nobody hangs up."""
    pause_left = np.where(np.arange(WAIT_SECONDS_MAX + 1) < pause, 1.0, 0.0)
    return CallHabits(
        np.full(SERVICES, service),
        np.arange(SERVICES + 1),
        np.ones((PATIENCES, WAIT_SECONDS_MAX + 1)),
        pause_left,
        service,
        0.0,
    )


BUSY: Row = (900, 930, 930, 1090, 1, REGULAR, 7)
WAITING: Row = (960, 1200, 1200, 1300, 1, REGULAR, 8)


def test_what_happens_later_is_not_known() -> None:
    known = at(1000.0, BUSY, WAITING, (1000, 1010, 1010, 1020, 1, REGULAR, 9)).day
    assert known.started.tolist()[0] == 930
    assert np.isnan(known.ended[0])
    assert np.isnan(known.left[1])
    assert known.agent.tolist() == [7, NOBODY, NOBODY]
    assert known.kind.tolist() == [REGULAR, REGULAR, UNTOLD], "of a caller in the menu the wish is not known"


def test_the_caller_is_not_in_what_is_known() -> None:
    asking = at(1000.0)
    assert len(asking.day.joined) == 0
    assert (asking.moment, asking.kind, asking.priority) == (1000.0, REGULAR, 1)


def test_somebody_who_did_not_queue_cannot_ask() -> None:
    with pytest.raises(ValueError, match="Expected a caller who joined"):
        known_at(day_of((NEVER, NEVER, 930, 1000, 1, REGULAR, 1)), 0)


@pytest.mark.parametrize(
    ("other", "own", "is_first", "reason"),
    [
        ((950, 1), 1, True, "came earlier"),
        ((950, PRIORITY), 1, True, "came earlier, and has priority"),
        ((950, 1), PRIORITY, False, "waits for less than the head start"),
        ((905, 1), PRIORITY, True, "waits for longer than the head start"),
        ((950, PRIORITY), PRIORITY, True, "both have the head start"),
    ],
)
def test_priority_is_a_head_start(other: tuple[float, int], own: int, is_first: bool, reason: str) -> None:
    row: Row = (other[0], 1200, 1200, 1300, other[1], REGULAR, 1)
    assert is_ahead(at(1000.0, row, priority=own)).tolist() == [is_first], reason


def test_internet_support_has_a_line_of_its_own() -> None:
    assert not is_ahead(at(1000.0, (950, 1200, 1200, 1300, 1, INTERNET, 1))).any()


def test_somebody_with_an_agent_no_longer_waits() -> None:
    asking = at(1000.0, (950, 1010, 990, 1300, 1, REGULAR, 4))
    assert is_served(asking.day).tolist() == [True]
    assert not is_ahead(asking).any()


def test_waits_are_of_those_whose_service_started() -> None:
    day = day_of(BUSY, (960, 990, NEVER, NEVER, 1, REGULAR, NOBODY), (NEVER, NEVER, 970, 980, 0, PROSPECT, 2))
    np.testing.assert_array_equal(waits(day), [30.0, NEVER, 0.0])


def test_agents_are_busy_or_lately_seen() -> None:
    rows: tuple[Row, ...] = (
        BUSY,
        (940, 950, 950, 1400, 1, PROSPECT, 7),
        (700, 750, 750, 960, 1, REGULAR, 3),
        (10, 20, 20, 60, 1, REGULAR, 5),
    )
    agents = agents_at(at(1000.0, *rows))
    assert agents.busy.tolist() == [7], "one agent, whatever the log says"
    assert (agents.busy_since.tolist(), agents.busy_kind.tolist()) == ([950.0], [PROSPECT])
    assert (agents.free.tolist(), agents.free_since.tolist()) == ([3], [960.0]), "agent 5 has gone home"


def test_the_last_taken_are_in_the_order_of_their_services() -> None:
    asking = at(1000.0, (10, 990, 990, 1300, 1, REGULAR, 1), (20, 980, 980, 1300, 1, REGULAR, 2), WAITING)
    assert last_taken(asking).tolist() == [1, 0]


def test_the_wait_so_far_is_of_whoever_is_next() -> None:
    rows: tuple[Row, ...] = (WAITING, (970, 1200, 1200, 1300, PRIORITY, REGULAR, 2))
    assert wait_of_next(at(1000.0, *rows)) == 30.0, "the priority caller goes first"
    assert wait_of_next(at(1000.0)) == 0.0


def test_features_of_an_empty_day_have_the_same_names_and_no_nan() -> None:
    empty, full = at(1000.0), at(1000.0, BUSY, WAITING)
    few, many = features(empty, agents_at(empty)), features(full, agents_at(full))
    assert list(few) == list(many)
    assert np.isfinite([*few.values(), *many.values()]).all()
    assert (many["ahead"], many["busy"], many["age_oldest"]) == (1.0, 1.0, 40.0)


@pytest.mark.parametrize(
    ("rows", "pause", "wait", "reason"),
    [
        ((BUSY,), 0, 30.0, "the rest of a service of 100 s that has gone on for 70 s"),
        ((BUSY, WAITING), 0, 130.0, "and the service of the one ahead"),
        ((BUSY, WAITING), 5, 140.0, "and a pause after each"),
        ((BUSY, WAITING, (900, 960, 960, 1300, 1, REGULAR, 8)), 0, 60.0, "two agents"),
        ((), 7, 7.0, "nobody was seen yet: somebody is about to take the first call"),
        (((990, 1100, 1100, 1200, 1, REGULAR, 1),), 7, 114.0, "and so for two early callers"),
    ],
)
def test_where_nothing_is_left_to_chance_all_futures_agree(
    rows: tuple[Row, ...], pause: int, wait: float, reason: str
) -> None:
    asking = at(1000.0, *rows)
    played = fork(asking, agents_at(asking), steady(pause=pause), UNIFORMS)
    assert set(played.values()) == {wait}, reason


def test_a_wait_counts_by_the_chance_of_being_there_at_its_end() -> None:
    asking = at(1000.0, BUSY)
    habits = steady()._replace(services=np.tile([100.0, 300.0], 4), service_from=np.arange(5) * 2)
    patient = fork(asking, agents_at(asking), habits, UNIFORMS)["fork_mean"]
    leaves = np.where(np.arange(WAIT_SECONDS_MAX + 1) < 100, 1.0, 0.0)
    hasty = fork(asking, agents_at(asking), habits._replace(patience_left=np.tile(leaves, (3, 1))), UNIFORMS)
    assert patient > 60
    assert hasty["fork_mean"] == pytest.approx(30.0)


def test_habits_are_those_of_the_days() -> None:
    rows: tuple[Row, ...] = (
        (100, 110, 110, 200, 1, REGULAR, 1),
        (120, 203, 203, 300, 1, REGULAR, 1),
        (130, 190, NEVER, NEVER, 1, REGULAR, NOBODY),
        (140, 400, 400, 450, 0, PROSPECT, 2),
    )
    habits = call_habits([day_of(*rows)])
    assert habits.services[: habits.service_from[1]].tolist() == [90.0, 97.0]
    assert habits.service_mean == pytest.approx((90 + 97 + 50) / 3)
    assert habits.hang_up_rate == pytest.approx(1 / (10 + 83 + 60 + 260))
    assert habits.patience_left[0][[59, 60, 61]] == pytest.approx([1.0, 0.5, 0.5])
    assert habits.pause_left[[2, 3]] == pytest.approx([1.0, 0.5]), "3 s, and one cut short"


def test_days_without_calls_teach_nothing() -> None:
    with pytest.raises(ValueError, match="Expected days with services"):
        call_habits([])


def test_a_description_depends_on_nothing_but_the_past() -> None:
    rows = (BUSY, WAITING, (990, 1020, 1020, 1100, PRIORITY, PROSPECT, 3))
    later = ((900, 930, 930, 1001, 1, REGULAR, 7), (960, 1005, NEVER, NEVER, 1, REGULAR, NOBODY))
    habits = steady()
    first = describe(at(1000.0, *rows), habits, UNIFORMS)
    second = describe(at(1000.0, *later, (990, 2000, 2000, 2100, PRIORITY, PROSPECT, 9)), habits, UNIFORMS)
    assert first == second


def test_the_interval_holds_and_the_median_scales() -> None:
    chance = np.random.Generator(np.random.Philox(key=5))
    count = 3_000
    scale = chance.uniform(10, 100, 2 * count)
    wait = scale * chance.lognormal(0.0, 0.5, 2 * count)
    table = np.column_stack((scale, chance.random(2 * count)))
    day = np.arange(2 * count) % 6
    model = fit_call_waits(
        table[:count], scale[:count], wait[:count], day[:count], CallWaitParameters(rounds=40)
    )
    low, middle, high = model.forecast(table[count:], scale[count:])
    inside = (low <= wait[count:]) & (wait[count:] <= high)
    # 99.99 % of binomial draws of 3,000 at 0.8 lie within 0.028.
    assert inside.mean() == pytest.approx(0.8, abs=0.028)
    assert np.median(middle / scale[count:]) == pytest.approx(1.0, abs=0.05)
    longer = model.forecast(table[count:], 10 * scale[count:])[1]
    np.testing.assert_allclose(longer, 10 * middle)


def test_one_day_is_too_few_to_learn_from() -> None:
    with pytest.raises(ValueError, match="at least 2 days"):
        fit_call_waits(np.zeros((3, 1)), np.ones(3), np.ones(3), np.zeros(3, dtype=np.int64))


def test_a_single_fold_is_refused() -> None:
    with pytest.raises(ValueError, match="Expected folds of at least 2; got 1"):
        CallWaitParameters(folds=1)


def test_shifts_without_observations_are_refused() -> None:
    with pytest.raises(ValueError, match="Expected observations"):
        conformal.conformal_shift(np.zeros(0), 0.1)


def test_the_worked_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(call_baselines).failed == 0
    assert doctest.testmod(conformal).failed == 0

"""Does the wait model know what snapshots say, and do its intervals hold as often as they promise?"""

import numpy as np
import pytest

from openhall.science.prediction import baselines
from openhall.science.prediction.features import Told
from openhall.science.prediction.learnt import PastDay, learn, minutes_to_call
from openhall.science.prediction.lines import Asked, Day, Snapshots, day_of, is_called, people_ahead
from openhall.science.prediction.quantiles import (
    SPREAD_FEATURES,
    SPREAD_RATIOS,
    ModelParameters,
    fit_wait_model,
    weighted_quantile,
)

pytestmark = pytest.mark.unit

OFFICE = np.array([0])


def column(*values: float) -> np.ndarray:
    return np.array(values)[:, None]


@pytest.fixture
def slow_morning() -> Day:
    """Ten people come at once at 8:05; one is called every five minutes, by two counters."""
    called = column(np.nan, np.nan, 1, 2, 3, 4)
    return day_of(
        Snapshots(
            minute=np.arange(480.0, 510.0, 5.0),
            weekday=0,
            called=called,
            waiting=column(0, 10, 9, 8, 7, 6),
            counters=np.full((6, 1), 2.0),
            reported=np.full((6, 1), 10.0),
            operating=np.ones((6, 1)),
        )
    )


def asked(snapshot: int, number: float) -> Asked:
    return Asked(
        snapshot=np.array([snapshot]),
        line=np.array([0]),
        number=np.array([number]),
        span_minutes=np.array([5.0]),
    )


def test_people_ahead_are_issued_minus_called(slow_morning: Day) -> None:
    assert people_ahead(slow_morning, asked(1, 1)) == 0
    assert people_ahead(slow_morning, asked(4, 11)) == 7
    assert is_called(slow_morning, asked(4, 3))
    assert people_ahead(slow_morning, asked(4, 3)) == 0


def test_waits_are_known_from_snapshots_alone(slow_morning: Day) -> None:
    # Ticket 3 was issued in (8:00, 8:05] and called in (8:15, 8:20]: 10 to 20 minutes.
    assert slow_morning.waits.last[4, 0] == 15
    # Ticket 4 heads the line at 8:20, issued about 8:02:30.
    assert slow_morning.waits.head[4, 0] == 17.5
    assert np.isnan(slow_morning.waits.last[1, 0])
    assert slow_morning.waits.head[0, 0] == 0


def test_baselines_by_hand(slow_morning: Day) -> None:
    now = asked(4, 11)
    assert baselines.last_to_enter_service(slow_morning, now) == 15
    assert baselines.head_of_line(slow_morning, now) == 17.5
    # Three calls in twenty minutes, seven people ahead.
    assert baselines.pace_of_last_minutes(slow_morning, now) == pytest.approx(8 * 20 / 3)
    assert np.isnan(baselines.pace_of_last_minutes(slow_morning, asked(1, 5)))
    assert baselines.last_to_enter_service(slow_morning, asked(1, 5)) != 0


def test_minutes_per_position_is_a_median_of_past_waits(slow_morning: Day) -> None:
    tickets = Asked(
        snapshot=np.array([1, 1, 1]),
        line=np.zeros(3, dtype=np.int64),
        number=np.array([1.0, 2.0, 4.0]),
        span_minutes=np.full(3, 5.0),
    )
    learnt = learn([PastDay(day=slow_morning, asked=tickets, wait=np.array([5.0, 12.0, 12.0]))], OFFICE)
    assert learnt.minutes_per_position[0] == 5.0
    assert baselines.minutes_per_position(slow_morning, asked(4, 11), learnt) == 40
    assert baselines.queue_length(slow_morning, asked(4, 11), learnt) == pytest.approx(
        8 * learnt.service[0] / 2
    )
    wait = minutes_to_call(
        learnt,
        line=np.array([0, 0]),
        minute=np.array([500.0, 500.0]),
        people=np.array([2.0, 9.0]),
        factor=np.ones(2),
    )
    assert 0 < wait[0] < wait[1]


def test_a_snapshot_changes_nothing_before_it(slow_morning: Day) -> None:
    shorter = day_of(
        Snapshots(
            minute=np.arange(480.0, 500.0, 5.0),
            weekday=0,
            called=column(np.nan, np.nan, 1, 2),
            waiting=column(0, 10, 9, 8),
            counters=np.full((4, 1), 2.0),
            reported=np.full((4, 1), 10.0),
            operating=np.ones((4, 1)),
        )
    )
    for name in ("called_most", "issued", "calls_sum", "busy_sum", "since_call"):
        assert np.array_equal(getattr(shorter, name), getattr(slow_morning, name)[:4]), name
    for name in ("last", "recent", "head", "minutes", "people"):
        known = getattr(slow_morning.waits, name)[:4]
        assert np.array_equal(getattr(shorter.waits, name), known, equal_nan=True), name


def told_of(chance: np.random.Generator, count: int) -> tuple[Told, np.ndarray]:
    ahead = chance.integers(0, 30, count).astype(np.float64)
    rule = 4.0 * (ahead + 1)
    wait = np.clip(rule * chance.gamma(4.0, 0.25, count), 2.0, 240.0)
    names = (*SPREAD_FEATURES, *SPREAD_RATIOS)
    table = np.stack([ahead if name == "ahead" else rule for name in names], axis=1)
    told = Told(
        table=table,
        names=names,
        ahead=ahead,
        called=np.zeros(count, dtype=np.bool_),
        span_minutes=np.full(count, 5.0),
        rule=rule,
    )
    return told, wait


def test_intervals_hold_on_days_that_were_not_learnt() -> None:
    chance = np.random.default_rng(11)
    told, wait = told_of(chance, 6000)
    quick = ModelParameters(rounds=20, learning_rate=0.2, spread_rounds=10, folds=2)
    model = fit_wait_model(told, wait, np.repeat(np.arange(6), 1000), quick)
    asked_of, waited = told_of(chance, 4000)
    p10, p50, p90 = model.forecast(asked_of)
    assert np.all((p10 <= p50) & (p50 <= p90))
    # 4000 tickets: the share's standard error is 0.6 %, and the shifts' own about 0.7 %.
    assert np.mean((waited >= p10) & (waited <= p90)) == pytest.approx(0.8, abs=0.04)


def test_a_call_seen_with_the_ticket_is_known_to_within_the_span() -> None:
    chance = np.random.default_rng(3)
    told, wait = told_of(chance, 2000)
    quick = ModelParameters(rounds=5, spread_rounds=5, folds=2)
    model = fit_wait_model(told, wait, np.repeat(np.arange(4), 500), quick)
    told.called[:] = True
    p10, p50, p90 = model.forecast(told)
    assert (p10[0], p50[0], p90[0]) == pytest.approx((0.5, 2.5, 4.5))


def test_one_day_is_not_enough_to_learn_from() -> None:
    told, wait = told_of(np.random.default_rng(1), 100)
    with pytest.raises(ValueError, match="at least 2 days"):
        fit_wait_model(told, wait, np.zeros(100, dtype=np.int64))


@pytest.mark.parametrize(("field", "value"), [("folds", 1), ("day_memory", 0.0), ("day_memory", 1.1)])
def test_parameters_are_checked(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"Expected {field}"):
        ModelParameters(**{field: value})  # type: ignore[arg-type]


def test_a_weighted_quantile_counts_weights() -> None:
    assert weighted_quantile(np.array([1.0, 2.0, 3.0]), np.array([1.0, 1.0, 8.0]), 0.5) == 3

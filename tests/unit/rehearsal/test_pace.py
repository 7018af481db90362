"""Service times from the calling pace: worked examples."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from openhall.kernel.clock import HOUR_MS, MINUTE_MS
from openhall.rehearsal.recorded.day import Interval, RecordedDay, RecordedParameters, RecordedTicket
from openhall.rehearsal.recorded.pace import pace_of
from openhall.rehearsal.recorded.warsaw import Reading, intervals_of, spells_of, spread

NINE = 9 * HOUR_MS


def interval(number: int, *, counters: int, calls: int, waiting: int = 5) -> Interval:
    """Ten minutes each, from nine o'clock UTC on."""
    from_ms = NINE + number * 10 * MINUTE_MS
    return Interval(from_ms, from_ms + 10 * MINUTE_MS, counters, calls, waiting, waiting)


def day_of(*intervals: Interval, others: tuple[tuple[Interval, ...], ...] = ()) -> RecordedDay:
    ticket = RecordedTicket("1", NINE, "s")
    return RecordedDay(
        "test", "p", date(1970, 1, 1), "UTC", (ticket,), (), {}, intervals, others, NINE, NINE + HOUR_MS
    )


NARROW = RecordedParameters(window_minutes=10, window_calls_at_least=1)


def test_the_pace_is_counter_time_by_calls_about_the_moment() -> None:
    pace = pace_of(day_of(interval(0, counters=2, calls=4), interval(1, counters=2, calls=10)), NARROW)
    assert pace.at(NINE) == 5 * MINUTE_MS
    assert pace.at(NINE + 15 * MINUTE_MS) == 2 * MINUTE_MS
    assert pace.at(NINE - HOUR_MS) == 5 * MINUTE_MS
    assert pace.at(NINE + HOUR_MS) == 2 * MINUTE_MS


def test_a_wider_window_smooths() -> None:
    wide = RecordedParameters(window_minutes=60, window_calls_at_least=1)
    pace = pace_of(day_of(interval(0, counters=2, calls=4), interval(1, counters=2, calls=16)), wide)
    assert pace.at(NINE) == pace.at(NINE + 15 * MINUTE_MS) == 2 * MINUTE_MS


def test_a_window_without_calls_is_widened() -> None:
    day = day_of(
        interval(0, counters=1, calls=5), interval(1, counters=1, calls=0), interval(2, counters=1, calls=5)
    )
    assert pace_of(day, NARROW).at(NINE + 15 * MINUTE_MS) == 3 * MINUTE_MS


def test_counters_without_customers_are_not_work() -> None:
    idle = interval(1, counters=9, calls=1, waiting=0)
    pace = pace_of(day_of(interval(0, counters=2, calls=4), idle, interval(2, counters=2, calls=4)), NARROW)
    assert pace.at(NINE + 15 * MINUTE_MS) == 5 * MINUTE_MS


def test_calls_by_no_recorded_counter_count_as_one_counter() -> None:
    assert pace_of(day_of(interval(0, counters=0, calls=5)), NARROW).at(NINE) == 2 * MINUTE_MS


def test_one_mean_for_the_day_takes_everything_between_the_first_call_and_the_last() -> None:
    day = day_of(
        interval(0, counters=5, calls=0),
        interval(1, counters=1, calls=5),
        interval(2, counters=1, calls=5, waiting=0),
        interval(3, counters=5, calls=0),
    )
    pace = pace_of(day, RecordedParameters(pace="day_mean"))
    assert pace.at(NINE) == pace.at(NINE + HOUR_MS) == 2 * MINUTE_MS


def test_other_days_give_their_pace_at_that_time_of_day_and_their_mean_elsewhere() -> None:
    others = ((interval(0, counters=1, calls=10), interval(6, counters=1, calls=2)),)
    parameters = RecordedParameters(pace="other_days", window_calls_at_least=2)
    pace = pace_of(day_of(interval(0, counters=1, calls=1), others=others), parameters)
    assert pace.at(NINE) == MINUTE_MS
    assert pace.at(NINE + HOUR_MS) == 5 * MINUTE_MS
    assert pace.at(NINE + 3 * HOUR_MS) == round(20 / 12 * MINUTE_MS)


def test_a_record_without_calls_or_other_days_is_refused() -> None:
    with pytest.raises(ValueError, match="Expected a record with calls"):
        pace_of(day_of(interval(0, counters=1, calls=0)), NARROW)
    with pytest.raises(ValueError, match="Expected a record with other days"):
        pace_of(day_of(interval(0, counters=1, calls=1)), RecordedParameters(pace="other_days"))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("pace", "guess"),
        ("window_minutes", 0),
        ("window_calls_at_least", 0),
        ("extra_counters", -1),
        ("extra_from", "9"),
        ("head_start_minutes", {"gold": -5}),
    ],
)
def test_parameters_out_of_range_are_refused(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"^Expected {field} "):
        RecordedParameters(**{field: value})  # type: ignore[arg-type]


def test_counts_become_counters_last_opened_first_closed() -> None:
    counts = (2, 3, 1, 2)
    spells = spells_of([interval(n, counters=k, calls=1) for n, k in enumerate(counts)])
    at = [NINE + n * 10 * MINUTE_MS for n in range(4)]
    assert [(s.counter, s.opens_ms, s.closes_ms) for s in spells] == [
        ("C1", at[0], None),
        ("C2", at[0], at[2]),
        ("C3", at[1], at[2]),
        ("C2", at[3], None),
    ]


def test_after_the_last_call_the_counts_no_longer_speak_of_the_queue() -> None:
    spells = spells_of([interval(0, counters=2, calls=3), interval(1, counters=0, calls=0)])
    assert [(s.counter, s.closes_ms) for s in spells] == [("C1", None), ("C2", None)]


def test_tickets_of_one_interval_join_at_its_middle_points_in_order() -> None:
    nine, ten_past = datetime(2020, 1, 2, 9), datetime(2020, 1, 2, 9, 10)  # noqa: DTZ001 - as in the files
    first, second = spread([(nine, ten_past), (nine, ten_past)])
    assert second - first == 5 * MINUTE_MS
    assert spread([(None, nine)]) == spread([(nine, nine)])


def test_a_number_called_that_falls_is_no_call() -> None:
    readings = [Reading(datetime(2020, 1, 2, 9, m), 1, 3, called) for m, called in ((0, 5), (5, 3), (10, 6))]  # noqa: DTZ001
    assert [i.calls for i in intervals_of(readings)] == [0, 1]

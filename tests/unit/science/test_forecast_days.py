"""Are coming days forecast sensibly, also where little or nothing is known?"""

from dataclasses import replace
from datetime import timedelta

import msgspec
import numpy as np
import pytest

from openhall.science.forecast.days import ForecastModel, ForecastParameters, fit
from openhall.science.forecast.reopening import Reopening, burst, deferred_seen, multipliers, spill_over
from openhall.science.forecast.result import DayForecast
from tests.unit.science.forecast_days import SHAPE, expected, invented, next_days, plain_facts, working_days

pytestmark = pytest.mark.unit


def first_day(model: ForecastModel, branch: str = "A") -> DayForecast:
    told = model.predict({branch: next_days(model.history)})
    return told[0].days[0]


def test_a_weekday_pattern_is_found_and_its_truth_lies_near() -> None:
    history = invented(60)
    days = next_days(history, 5)
    told = fit(history).predict({"A": days})[0].days
    for facts, day in zip(days, told, strict=True):
        truth = expected(facts.date, 400.0)
        assert day.total_middle == pytest.approx(truth.sum(), rel=0.12)
        assert np.abs(np.array(day.middle) - truth).sum() < 0.15 * truth.sum()


@pytest.mark.parametrize(
    ("days", "why"), [(0, "nothing at all"), (1, "one day"), (2, "two days"), (6, "a week and a day")]
)
def test_a_short_history_gives_finite_and_wide_forecasts(days: int, why: str) -> None:
    history = invented(60).until(days)
    day = first_day(fit(history))
    values = np.array([day.low, day.middle, day.high])
    assert np.isfinite(values).all(), why
    assert (np.diff(values, axis=0) >= 0).all()
    assert day.cv > (0.03 if days else 0.1), why
    if days:
        assert 150 < day.total_middle < 1200, why


def test_a_new_branch_borrows_level_and_profile_from_the_others() -> None:
    history = invented(40, (300.0, 420.0, 360.0, 400.0))
    counts = history.counts.copy()
    counts[3] = np.nan
    told = fit(replace(history, counts=counts)).predict({"D": next_days(history)})[0]
    day = told.days[0]
    assert told.history_days == 0
    assert 200 < day.total_middle < 700
    assert np.array(day.middle) / day.total_middle == pytest.approx(SHAPE, abs=0.03)
    known = fit(history).predict({"D": next_days(history)})[0].days[0]
    assert day.cv > 1.5 * known.cv


def test_a_branch_without_a_monday_borrows_the_networks() -> None:
    history = invented(40, (300.0, 420.0, 360.0, 400.0))
    monday = next_days(history)[0]
    assert monday.weekday == 0
    counts = history.counts.copy()
    counts[3, :-4] = np.nan
    day = fit(replace(history, counts=counts)).predict({"D": [monday]})[0].days[0]
    assert all(known.weekday() != 0 for known in history.dates[-4:])
    assert day.total_middle == pytest.approx(expected(monday.date, 400.0).sum(), rel=0.12)


def test_a_service_without_arrivals_expects_nobody() -> None:
    history = invented(20)
    day = first_day(fit(replace(history, counts=np.zeros_like(history.counts))))
    assert day.total_mean == pytest.approx(0, abs=1e-6)
    assert max(day.high) < 0.5


def test_a_day_with_holes_counts_with_what_was_observed() -> None:
    history = invented(40)
    counts = history.counts.copy()
    counts[0, 30:, 4:] = np.nan
    day = first_day(fit(replace(history, counts=counts)))
    whole = first_day(fit(history))
    assert day.total_middle == pytest.approx(whole.total_middle, rel=0.06)


def test_an_outlier_hardly_moves_the_level() -> None:
    history = invented(40)
    counts = history.counts.copy()
    counts[0, 35] *= 0.05
    plain, moved = first_day(fit(history)), first_day(fit(replace(history, counts=counts)))
    assert moved.total_middle == pytest.approx(plain.total_middle, rel=0.05)


def test_a_closed_day_and_minutes_outside_the_hours_expect_nobody() -> None:
    history = invented(20)
    day = next_days(history)[0]
    model = fit(history)
    closed, short = model.predict(
        {
            "A": [
                msgspec.structs.replace(day, is_open=False),
                msgspec.structs.replace(day, closes_minute=540 + 4 * 30),
            ]
        }
    )[0].days
    assert closed.total_mean == closed.total_high == 0
    assert short.total_mean > 0
    assert max(short.high[4:]) == 0


def test_a_closed_neighbour_and_a_scenario_multiply() -> None:
    history = invented(20)
    day = next_days(history)[0]
    model = fit(history)
    plain = model.predict({"A": [day]})[0].days[0]
    more = model.predict({"A": [msgspec.structs.replace(day, neighbour_share=0.5)]})[0].days[0]
    burst_day = model.predict({"A": [day]}, multipliers={"A": {day.date: 2.0}})[0].days[0]
    assert more.total_middle == pytest.approx(1.5 * plain.total_middle)
    assert burst_day.total_middle == pytest.approx(2 * plain.total_middle)


def test_days_with_a_neighbours_customers_teach_the_usual_level() -> None:
    history = invented(30, day_sd=0.01)
    shared = tuple(
        msgspec.structs.replace(day, neighbour_share=0.5 if at >= 25 else 0.0)
        for at, day in enumerate(history.facts["A"])
    )
    counts = history.counts.copy()
    counts[0, 25:] *= 1.5
    told = fit(replace(history, counts=counts, facts={"A": shared})).predict({"A": next_days(history)})
    assert told[0].days[0].total_middle == pytest.approx(
        expected(next_days(history)[0].date, 400.0).sum(), rel=0.1
    )


def test_pension_days_are_learnt_and_foretold() -> None:
    days = working_days(90)
    rng = np.random.default_rng(4)
    pension = {day for day in days if day.day in (14, 15, 16) and day.weekday() < 3}
    history = invented(90, day_sd=0.02)
    known = tuple(
        msgspec.structs.replace(
            one,
            pension_cohort=100.0 if one.date in pension else 0.0,
            pension_days_since=0 if one.date in pension else None,
        )
        for one in plain_facts(days)
    )
    counts = history.counts.copy()
    for at, day in enumerate(days):
        if day in pension:
            counts[0, at] = rng.poisson(1.8 * expected(day, 400.0))
    model = fit(replace(history, counts=counts, facts={"A": known}))
    coming = next_days(history)[0]
    plain = model.predict({"A": [coming]})[0].days[0].total_middle
    paid = (
        model.predict({"A": [msgspec.structs.replace(coming, pension_cohort=100.0, pension_days_since=0)]})[0]
        .days[0]
        .total_middle
    )
    assert paid / plain == pytest.approx(1.8, rel=0.12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"history_days": 0}, "history_days"),
        ({"factors": -1}, "factors"),
        ({"calibration_days": 500}, "calibration_days"),
        ({"calibration_trust": 0.0}, "calibration_trust"),
    ],
)
def test_impossible_parameters_are_refused(change: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=f"Expected {message}"):
        ForecastParameters(**change)  # type: ignore[arg-type]


# --- scenarios ---------------------------------------------------------------------------------------


def test_a_burst_fades_and_brings_back_those_who_were_deferred() -> None:
    assumed = Reopening(deferral_share=0.5, first_day_share=0.4)
    days = [burst(10, day, assumed) for day in range(1, 60)]
    assert days == sorted(days, reverse=True)
    assert days[0] == pytest.approx(1 + 10 * 0.5 * 0.4)
    assert sum(day - 1 for day in days) == pytest.approx(5, rel=1e-6)
    assert burst(10, 0, assumed) == 1


def test_the_first_day_after_a_closure_overwrites_the_assumption() -> None:
    assumed = Reopening(deferral_share=0.35)
    truth = msgspec.structs.replace(assumed, deferral_share=0.8)
    came = [100 * burst(10, 1, truth)]
    seen = deferred_seen(assumed, closure_days=10, came=came, usual=[100.0])
    assert seen.deferral_share == pytest.approx(0.8, abs=0.05)
    assert deferred_seen(assumed, closure_days=10, came=[], usual=[]) == assumed


def test_multipliers_are_of_days_after_a_closure_only() -> None:
    open_days = [*working_days(40)[:10], *working_days(40)[16:]]
    told = plain_facts(open_days)
    factors = multipliers(told, Reopening())
    assert sorted(factors) == open_days[10:15]
    assert open_days[10] - open_days[9] > timedelta(5)


def test_what_moves_is_told_as_a_share_of_ones_own() -> None:
    assert spill_over({"B": 200.0, "C": 0.0}, {"B": 50.0, "C": 10.0, "D": 5.0}) == {"B": 0.25}

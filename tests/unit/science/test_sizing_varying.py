"""Do the rules for varying rates give the published and the exact values?"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import poisson

from openhall.science.sizing import erlang, varying
from openhall.science.sizing.varying import Period
from tests.unit.science.periodic_queue import distributions

STEP = 0.002
"""Hours."""

SHAPES = ("avg", "max", "lag avg", "lag mix", "lag max", "mol max")

# Load, mean service (min), relative amplitude, period (h); then for each shape staff-hours, worst period,
# share of periods in which more than 1.1 times the target are delayed.
SIPP_FAMILY = [
    (
        (8, 6, 0.5, 0.5),
        (
            (283, 0.204, 0),
            (288, 0.179, 0),
            (283, 0.192, 0),
            (286, 0.192, 0),
            (289, 0.192, 0),
            (289, 0.192, 0),
        ),
        "short services: the rate is followed at once, so every rule does",
    ),
    (
        (8, 30, 0.5, 0.5),
        (
            (283, 0.246, 0.125),
            (288, 0.223, 0.042),
            (283, 0.189, 0),
            (285.5, 0.185, 0),
            (288, 0.170, 0),
            (287, 0.184, 0),
        ),
        "long services: people are still busy with those who came before",
    ),
    (
        (8, 30, 1, 0.5),
        (
            (277, 0.503, 0.354),
            (287, 0.289, 0.208),
            (277, 0.268, 0.042),
            (282, 0.219, 0),
            (287, 0.165, 0),
            (286.5, 0.165, 0),
        ),
        "and the rate swings from nothing to the double",
    ),
    (
        (32, 15, 1, 0.5),
        (
            (920, 0.521, 0.417),
            (952, 0.227, 0.042),
            (917, 0.221, 0.021),
            (936.5, 0.194, 0),
            (956, 0.186, 0),
            (955, 0.186, 0),
        ),
        "large loads leave less slack",
    ),
    (
        (16, 12, 0.5, 1),
        (
            (508, 0.220, 0.042),
            (524, 0.169, 0),
            (504, 0.198, 0),
            (513, 0.198, 0),
            (523, 0.169, 0),
            (523, 0.169, 0),
        ),
        "periods of an hour",
    ),
]


def plans_of(case: tuple[float, ...], rates: np.ndarray) -> list[np.ndarray]:
    """Counters by period for each of the shapes; rates per minute."""
    load, service, amplitude, period = case
    hours = np.arange(len(rates)) * STEP
    lag, steps = round(service / 60 / STEP), round(period / STEP)
    frequency = 2 * np.pi / 24
    offered = varying.sinusoidal_load(load, amplitude, frequency, service / 60, hours) / service
    rules = [
        (rates, Period.MEAN, 0),
        (rates, Period.MAX, 0),
        (rates, Period.MEAN, lag),
        (rates, Period.MIX, lag),
        (rates, Period.MAX, lag),
        (offered, Period.MAX, 0),
    ]
    return [
        varying.sipp(
            source,
            period_steps=steps,
            service_minutes=service,
            limit_minutes=0.0,
            allowed_share=0.2,
            which=which,
            lag_steps=back,
        )
        for source, which, back in rules
    ]


@pytest.mark.parametrize(("case", "expected", "reason"), SIPP_FAMILY)
def test_the_sipp_family_needs_and_delays_what_the_exact_table_says(
    case: tuple[float, ...], expected: tuple[tuple[float, float, float], ...], reason: str
) -> None:
    load, service, amplitude, period = case
    hours = np.arange(round(24 / STEP) + 1) * STEP
    by_hour = load / (service / 60) * (1 + amplitude * np.sin(2 * np.pi * hours / 24))
    steps = round(period / STEP)
    weights = by_hour[:-1].reshape(-1, steps)
    for shape, plan, (staff_hours, worst, failing) in zip(
        SHAPES, plans_of(case, by_hour[:-1] / 60), expected, strict=True
    ):
        counters = np.repeat(plan, steps)
        people = distributions(by_hour, counters, 60 / service, STEP, int(plan.max()) + 90)
        delayed = np.where(np.arange(people.shape[1]) >= counters[:, None], people, 0.0).sum(axis=1)
        by_period = (delayed.reshape(-1, steps) * weights).sum(axis=1) / weights.sum(axis=1)
        assert plan.sum() * period == staff_hours, f"{shape}: {reason}"
        assert (by_period > 0.22).mean() == pytest.approx(failing, abs=0.0005), f"{shape}: {reason}"
        # The table was integrated in long steps: its third digit is one off in three places.
        assert by_period.max() == pytest.approx(worst, abs=0.0011), f"{shape}: {reason}"


POISSON_COUNTERS = [
    (0.1, (103, 125, 125, 129), (0.09578, 0.08546, 0.08546, 0.09136)),
    (0.2, (99, 120, 120, 124), (0.18413, 0.18171, 0.18171, 0.18950)),
    (0.5, (91, 111, 111, 115), (0.47200, 0.47467, 0.47467, 0.48043)),
    (0.8, (83, 102, 102, 106), (0.78351, 0.78962, 0.78962, 0.78919)),
    (0.9, (79, 98, 98, 102), (0.88905, 0.88480, 0.88480, 0.88304)),
]
"""Feldman, Mandelbaum, Massey and Whitt's example at t = 0, pi/2, pi and 3 pi/4: rate 100 + 20 sin t and
mu = theta = 1, where the number in the hall is Poisson whatever the counters."""


@pytest.mark.parametrize(("share", "counters", "busy"), POISSON_COUNTERS)
def test_counters_for_a_poisson_number_in_service(
    share: float, counters: tuple[int, ...], busy: tuple[float, ...]
) -> None:
    load = varying.sinusoidal_load(100, 0.2, 1.0, 1.0, np.array([0, np.pi / 2, np.pi, 3 * np.pi / 4]))
    assert load == pytest.approx([90, 110, 110, 100 + 10 * np.sqrt(2)], abs=1e-12)
    found = varying.poisson_counters(load, share)
    assert tuple(found.tolist()) == counters
    assert poisson.sf(found - 1, load) == pytest.approx(busy, abs=5.1e-6)


def test_the_number_in_an_ample_hall_is_poisson_with_the_offered_load() -> None:
    steps = 3_000
    times = np.arange(steps + 1) * 2 * np.pi / steps
    rates = 100 + 20 * np.sin(times)
    people = distributions(rates, np.full(steps, 400, np.int64), 1.0, 2 * np.pi / steps, 260)
    load = varying.sinusoidal_load(100, 0.2, 1.0, 1.0, times[:-1])
    exact = poisson.pmf(np.arange(260), load[:, None])
    # A cycle and a half after an empty start exp(-3 pi) of it is left.
    assert np.abs(people - exact)[steps // 2 :].max() < 2.1e-4


@pytest.mark.parametrize(
    ("period_hours", "lanes", "reason"),
    [
        (4, (111.3, 117.2, 137.2), "hours: a grid of an hour has to cover much of a cycle"),
        (1, (111.2, 134.0, 161.0), "as fast as the grid: the maximum all the time"),
        (24, (111.3, 112.4, 115.6), "a day: hardly anything moves within a quarter of an hour"),
    ],
)
def test_mean_lanes_on_grids_of_1_15_and_60_minutes(
    period_hours: float, lanes: tuple[float, ...], reason: str
) -> None:
    per_minute = 1
    cycle = round(max(1, 24 / period_hours) * period_hours * 60 * per_minute)
    times = np.arange(cycle) / per_minute
    frequency = 2 * np.pi / (period_hours * 60)
    load = varying.sinusoidal_load(100, 0.5, frequency, 3.0, times)
    found = []
    for grid in (1, 15, 60):
        highest = varying.period_rates(load, grid * per_minute, Period.MAX)
        found.append(float(erlang.required(highest / 3.0, 3.0, 0.0, 0.2).mean()))
    assert found == pytest.approx(lanes, abs=0.16), reason


def test_the_offered_load_follows_a_sinusoid_as_the_formula_says() -> None:
    step, service = 0.01, 6.0
    times = (np.arange(40_000) + 0.5) * step
    frequency = 2 * np.pi / 120
    rates = 10 / service * (1 + 0.5 * np.sin(frequency * times))
    found = varying.offered_load(rates, step, service, before=10.0)
    ends = (np.arange(40_000) + 1) * step
    exact = varying.sinusoidal_load(10, 0.5, frequency, service, ends)
    assert np.abs(found - exact)[20_000:].max() < 1e-6


@pytest.mark.parametrize(
    ("load", "counters"),
    [(3, (4, 5, 5, 6)), (8, (10, 10, 12, 13)), (20, (22, 24, 27, 31)), (60, (62, 70, 80, 91))],
)
def test_a_random_rate_needs_more_counters_the_larger_the_load(
    load: float, counters: tuple[int, ...]
) -> None:
    found = tuple(varying.required_mixed(load / 6, 6, 10, 0.1, cv) for cv in (0.0, 0.1, 0.2, 0.3))
    assert found == counters


def test_a_period_that_does_not_divide_the_cycle_is_refused() -> None:
    with pytest.raises(ValueError, match="Expected a period that divides 10 steps, got 3"):
        varying.period_rates([1.0] * 10, 3, Period.MEAN)

"""Does the engine agree with queueing theory? Exact values, inside intervals of independent replications.

Seeds are fixed, and a run of all these tests would fail by chance once in ten thousand: a sample is never
pinned. What theory has no formula for is held against another simulator in `tests/property`.
"""

from __future__ import annotations

import os
from itertools import pairwise
from math import exp, sqrt

import numpy as np
import pytest
from scipy.stats import binom, t

from openhall.science import durations, engine
from openhall.science.habits import Arrivals, GroupRules, model_of
from tests.unit.science.theory import (
    UNIT_MS,
    Z_AT_MOST,
    abandoned_share,
    cobham,
    erlang_c,
    forward_equations,
    habits_of,
    served,
    steady,
    z_of,
)

CUSTOMERS, WARM_UP = 24_000, 4_000
"""By replication. From empty, M/M/5 at 90 % forgets its start within some hundred customers."""


def test_the_values_of_the_books() -> None:
    assert erlang_c(5, 4.5) / 0.5 == pytest.approx(1.52499, abs=1e-5)
    assert erlang_c(5, 4.5) * exp(-0.5) == pytest.approx(0.46248, abs=1e-5)
    assert cobham(5, (0.9, 1.8, 1.8)) == pytest.approx([0.18597, 0.40429, 3.31519], abs=1e-5)
    assert cobham(5, (4.5,)) == pytest.approx([erlang_c(5, 4.5) / 0.5])
    assert abandoned_share(5, 4.5, 1e-9) == pytest.approx(0, abs=1e-6)


def test_waits_of_m_m_5() -> None:
    model = steady(4.5, CUSTOMERS, [habits_of()], [1.0])
    means, shares = [], []
    for replication in range(120):
        table, result = served(model, 5, replication, seed=11)
        waits = (result[:, engine.CALLED] - table[:, engine.ENTER])[WARM_UP:] / UNIT_MS
        means.append(waits.mean())
        shares.append((waits > 1).mean())
    assert abs(z_of(means, erlang_c(5, 4.5) / 0.5)) < Z_AT_MOST
    assert abs(z_of(shares, erlang_c(5, 4.5) * exp(-0.5))) < Z_AT_MOST


def test_waits_of_three_classes_in_strict_order() -> None:
    loads = (0.9, 1.8, 1.8)
    model = steady(4.5, CUSTOMERS, [habits_of(code) for code in "abc"], [load / 4.5 for load in loads])
    means: list[list[float]] = [[], [], []]
    for replication in range(120):
        table, result = served(model, 5, replication, seed=12)
        waits = (result[:, engine.CALLED] - table[:, engine.ENTER])[WARM_UP:] / UNIT_MS
        for group, found in enumerate(means):
            found.append(waits[table[WARM_UP:, engine.GROUP] == group].mean())
    for found, exact in zip(means, cobham(5, loads), strict=True):
        assert abs(z_of(found, exact)) < Z_AT_MOST


def test_who_leaves_m_m_5_with_impatience() -> None:
    impatient = habits_of(patience=durations.exponential(2 * UNIT_MS))
    model = steady(6.0, CUSTOMERS, [impatient], [1.0])
    shares = [
        (served(model, 5, replication, seed=13)[1][WARM_UP:, engine.OUTCOME] == engine.LEFT).mean()
        for replication in range(60)
    ]
    assert abs(z_of(shares, abandoned_share(5, 6.0, 0.5))) < Z_AT_MOST


# A day whose rate rises and falls, with counters that are only added.
RATES = (2.0, 4.0, 6.5, 8.0, 7.0, 5.0, 4.0, 2.0)
SERVERS = (2, 3, 4, 4, 5, 5, 6, 6)
WIDTH = 12.0
IMPATIENCE = 0.25


def days_of_it(count: int, seed: int) -> engine.Days:
    impatient = habits_of(patience=durations.exponential(UNIT_MS / IMPATIENCE))
    width_ms = round(WIDTH * UNIT_MS)
    expected = tuple(rate * WIDTH for rate in RATES)
    model = model_of([impatient], [GroupRules()], Arrivals(0, width_ms, expected, ((1.0,),) * len(RATES)))
    counters = np.array([(int(n < SERVERS[0]), 0) for n in range(max(SERVERS))], np.int64)
    schedule = np.array(
        [
            (stretch * width_ms, n, 1)
            for stretch, (before, after) in enumerate(pairwise(SERVERS), 1)
            for n in range(before, after)
        ],
        np.int64,
    )
    closes_ms = width_ms * len(RATES)
    return engine.days(
        model, counters, schedule, closes_ms=closes_ms, seed=seed, branch=0, first=0, count=count
    )


def test_a_day_of_m_t_m_s_t_with_impatience_against_the_forward_equations() -> None:
    exact = forward_equations(RATES, SERVERS, WIDTH, IMPATIENCE)
    found = days_of_it(8_000, seed=14)
    left = found.per_day[:, engine.DAY_LEFT].astype(float)
    assert abs(z_of(left, exact.abandoned)) < Z_AT_MOST
    # Impatience of constant rate: the line's time together is what leaves, by that rate.
    assert exact.waited * IMPATIENCE == pytest.approx(exact.abandoned)


@pytest.mark.soak
def test_intervals_of_95_percent_cover_the_truth_as_often() -> None:
    exact = forward_equations(RATES, SERVERS, WIDTH, IMPATIENCE).abandoned
    seed = int.from_bytes(os.urandom(4))
    experiments, days = 3_000, 30
    left = days_of_it(experiments * days, seed).per_day[:, engine.DAY_LEFT].astype(float)
    parts = left.reshape(experiments, days)
    half = t.ppf(0.975, days - 1) * parts.std(axis=1, ddof=1) / sqrt(days)
    covered = int((np.abs(parts.mean(axis=1) - exact) <= half).sum())
    low, high = binom.interval(1 - 1e-4, experiments, 0.95)
    # Of counts that are a little skewed the t interval covers a little less.
    assert low - 0.005 * experiments <= covered <= high, f"seed {seed}: {covered / experiments}"

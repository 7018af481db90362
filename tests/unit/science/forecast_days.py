"""Invented histories for the forecast's tests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np

from openhall.science.forecast.calendar import CalendarParameters, DayFacts, facts
from openhall.science.forecast.counts import History, Series

FIRST = date(2025, 3, 3)
NO_HOLIDAYS = CalendarParameters(country="")
SHAPE = np.array([0.5, 1.0, 1.5, 1.2, 0.8, 1.0, 1.2, 0.8])
SHAPE = SHAPE / SHAPE.sum()
WEEKDAYS = np.array([1.3, 1.0, 0.9, 0.9, 1.1])


def working_days(count: int, first: date = FIRST) -> tuple[date, ...]:
    days = (first + timedelta(n) for n in range(2 * count + 7))
    return tuple(day for day in days if day.weekday() < 5)[:count]


def plain_facts(days: Sequence[date]) -> tuple[DayFacts, ...]:
    return facts(days, open_days=days, parameters=NO_HOLIDAYS)


def expected(day: date, level: float) -> np.ndarray:
    return np.asarray(level * WEEKDAYS[day.weekday()] * SHAPE)


def invented(
    days: int, levels: Sequence[float] = (400.0,), *, seed: int = 1, day_sd: float = 0.05
) -> History:
    """Poisson counts of branches A, B, ... with weekdays; half hours from nine on."""
    rng = np.random.default_rng(seed)
    dates = working_days(days)
    shared = np.exp(day_sd * rng.standard_normal(days))
    counts = np.array(
        [
            [
                rng.poisson(expected(day, level) * shared[at] * np.exp(day_sd / 2 * rng.standard_normal()))
                for at, day in enumerate(dates)
            ]
            for level in levels
        ],
        float,
    ).reshape(len(levels), days, len(SHAPE))
    names = [chr(ord("A") + row) for row in range(len(levels))]
    return History(
        30,
        540,
        dates,
        tuple(Series(name, "cash") for name in names),
        counts,
        dict.fromkeys(names, plain_facts(dates)),
    )


def next_days(history: History, count: int = 1) -> tuple[DayFacts, ...]:
    days = working_days(len(history.dates) + count)
    return plain_facts(days)[len(history.dates) :]

"""Recorded arrivals of places, as counts by interval, and what of them was known before a day.

A place is counted in parts (the queues of an office), and a part may be missing from a day's record: that is
a hole in the record, not a day without people. What is learnt from is the whole place as it would have been
recorded: the parts that are there, scaled up by the weight of those that are not. What is foretold of a day
is scaled down to the parts that its record has, for every method alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from openhall.rehearsal.evaluation.scores import EvaluationImpossible
from openhall.science.forecast.calendar import CalendarParameters, DayFacts, HolidayKind, facts
from openhall.science.forecast.counts import History, Series

Numbers = NDArray[np.float64]

SERVICE = "arrivals"
LEAST_SHARE = 0.15
"""Recorded share of a place below which its day is a hole: too little to scale up."""
ALTERNATIONS = 6


@dataclass(frozen=True)
class Recorded:
    """Counts of parts of places on one grid.

    Attributes
    ----------
    interval_minutes, first_minute : the grid.
    dates : days of the record, in order.
    places : the place of each part.
    parts : a name for each part.
    counts : shape (parts, days, intervals); NaN where nothing was recorded.
    """

    interval_minutes: int
    first_minute: int
    dates: tuple[date, ...]
    places: tuple[str, ...]
    parts: tuple[str, ...]
    counts: Numbers


@dataclass(frozen=True)
class Known:
    """What was known before a day.

    Attributes
    ----------
    history : whole places; NaN where too little was recorded.
    weights : shape (parts,): people of a usual day of each part.
    """

    history: History
    weights: Numbers


def joined(fit: Recorded, test: Recorded) -> Recorded:
    """Both records as one; a day that both have must be the same in both."""
    if fit is test:
        return fit
    if fit.interval_minutes != test.interval_minutes:
        raise EvaluationImpossible("The two folders have different intervals")
    step = fit.interval_minutes
    first = min(fit.first_minute, test.first_minute)
    end = max(one.first_minute + step * one.counts.shape[2] for one in (fit, test))
    keys = sorted({*zip(fit.places, fit.parts, strict=True), *zip(test.places, test.parts, strict=True)})
    dates = sorted({*fit.dates, *test.dates})
    counts = np.full((len(keys), len(dates), (end - first) // step), np.nan)
    for one in (fit, test):
        rows = [keys.index(key) for key in zip(one.places, one.parts, strict=True)]
        columns = [dates.index(day) for day in one.dates]
        start = (one.first_minute - first) // step
        block = np.full((len(rows), len(columns), counts.shape[2]), np.nan)
        # Outside its own grid a record that has the day at all saw nobody.
        block[np.isfinite(one.counts).any(axis=2)] = 0.0
        block[:, :, start : start + one.counts.shape[2]] = one.counts
        there = counts[np.ix_(rows, columns)]
        _agreeing(there, block, [dates[column] for column in columns])
        counts[np.ix_(rows, columns)] = np.where(np.isfinite(block), block, there)
    return Recorded(step, first, tuple(dates), tuple(k[0] for k in keys), tuple(k[1] for k in keys), counts)


def _agreeing(there: Numbers, block: Numbers, days: Sequence[date]) -> None:
    differs = (np.isfinite(there) & np.isfinite(block) & (np.abs(there - block) > 1e-6)).any(axis=(0, 2))
    if differs.any():
        day = days[int(np.flatnonzero(differs)[0])]
        raise EvaluationImpossible("Both folders have this day, with different counts", place=str(day))


# --- the calendar ------------------------------------------------------------------------------------


def facts_of(recorded: Recorded, country: str) -> tuple[DayFacts, ...]:
    """Facts of the record's days.

    A weekday on which the place usually opens, that is no public holiday and has no record, is a hole in the
    record: people are not taken to have waited for the day after it.
    """
    parameters = CalendarParameters(country=country)
    first, last = recorded.dates[0], recorded.dates[-1]
    between = [first + timedelta(k) for k in range((last - first).days + 1)]
    weekdays = {day.weekday() for day in recorded.dates}
    usual = [day for day in between if day.weekday() in weekdays]
    kinds = {day.date: day.holiday for day in facts(usual, open_days=(), parameters=parameters)}
    opened = {*recorded.dates, *(day for day in usual if kinds[day] is not HolidayKind.HOLIDAY)}
    return facts(recorded.dates, open_days=opened, parameters=parameters)


# --- what was known ----------------------------------------------------------------------------------


def known_before(recorded: Recorded, days: int, of_days: Sequence[DayFacts]) -> Known:
    """What the first so many days say."""
    names = sorted(set(recorded.places))
    counts = recorded.counts[:, :days]
    rows = [np.array([at for at, place in enumerate(recorded.places) if place == name]) for name in names]
    weights = _weights(counts, rows)
    whole = np.full((len(names), days, counts.shape[2]), np.nan)
    for number, mine in enumerate(rows):
        there: NDArray[np.bool_] = np.isfinite(counts[mine])
        share = shares_of(there, weights[mine])
        people = np.where(there, counts[mine], 0.0).sum(axis=0)
        enough = (share > LEAST_SHARE) & there.any(axis=0)
        whole[number] = np.where(enough, people / np.maximum(share, LEAST_SHARE), np.nan)
    series = tuple(Series(name, SERVICE) for name in names)
    calendar = tuple(of_days[:days])
    history = History(
        recorded.interval_minutes,
        recorded.first_minute,
        recorded.dates[:days],
        series,
        whole,
        dict.fromkeys(names, calendar),
    )
    return Known(history, weights)


def shares_of(there: NDArray[np.bool_], weights: Numbers) -> Numbers:
    """Share of a place that is recorded, shape (days, intervals), from which parts are there."""
    total = weights.sum()
    if total <= 0:
        return there.any(axis=0).astype(float)
    return np.asarray(np.einsum("pdi,p->di", there.astype(float), weights) / total)


def _weights(counts: Numbers, rows: Sequence[NDArray[np.intp]]) -> Numbers:
    """People of a usual day of each part: its days, each measured by how busy its place was."""
    there: NDArray[np.bool_] = np.asarray(np.isfinite(counts).any(axis=2))
    people = np.where(np.isfinite(counts), counts, 0.0).sum(axis=2)
    weights = people.sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    for _alternation in range(ALTERNATIONS):
        for mine in rows:
            expected = (there[mine] * weights[mine, None]).sum(axis=0)
            busy = np.where(expected > 0, people[mine].sum(axis=0) / np.maximum(expected, 1e-9), 0.0)
            measured = (there[mine] * busy).sum(axis=1)
            weights[mine] = np.where(measured > 0, people[mine].sum(axis=1) / np.maximum(measured, 1e-9), 0.0)
    return np.asarray(weights)

"""How many came, by branch, service, day and interval: the input of the forecast, checked.

What becomes of bad input, so that nothing happens in silence:

| input | treatment |
|---|---|
| the same interval twice | refused |
| a negative count, or no number | refused |
| people on a day on which the branch was closed, or outside its hours | refused |
| a service that is not one of the bank's | refused, until it is named as the new or old code of one |
| a service that changed its code | its rows are joined to the code that it has now |
| an interval that was not observed (`None`) | a hole: the day counts with what was observed |
| an open day of which nothing is known | a hole of a whole day: learnt nothing from |
| an interval without a row on an observed day | nobody came |
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import msgspec
import numpy as np
from numpy.typing import NDArray

from openhall.kernel.trouble import Trouble
from openhall.science.forecast.calendar import DayFacts

Numbers = NDArray[np.float64]

INTERVALS_MINUTES = (5, 6, 10, 15, 30, 60)
DAY_MINUTES = 1440


class CountsUnusable(Trouble):
    """The counts contradict themselves or the calendar."""

    code = "counts_unusable"
    remedy = "Correct the row named, or leave out its day: a day without rows counts as not observed."


class Series(msgspec.Struct, frozen=True, order=True):
    """What is counted: one service at one branch."""

    branch: str
    service: str


class CountRow(msgspec.Struct, frozen=True):
    """People of one interval; `count` is None where nobody counted.

    `minute` is the minute of the day at which the interval begins.
    """

    branch: str
    service: str
    date: date
    minute: int
    count: float | None


@dataclass(frozen=True)
class History:
    """Counts of several series on one grid.

    Attributes
    ----------
    interval_minutes : length of an interval.
    first_minute : minute of the day at which the first begins.
    dates : the days, in order; the same for all series.
    series : what is counted.
    counts : shape (series, days, intervals), people; NaN where nothing was observed.
    facts : of each branch, a `DayFacts` for each of `dates`.

    Raises
    ------
    ValueError
        When the parts do not fit each other.
    """

    interval_minutes: int
    first_minute: int
    dates: tuple[date, ...]
    series: tuple[Series, ...]
    counts: Numbers
    facts: Mapping[str, tuple[DayFacts, ...]]

    def __post_init__(self) -> None:
        if self.interval_minutes not in INTERVALS_MINUTES:
            raise ValueError(f"Expected interval_minutes of {INTERVALS_MINUTES}, got {self.interval_minutes}")
        if self.counts.ndim != 3 or self.counts.shape[:2] != (len(self.series), len(self.dates)):
            raise ValueError(
                f"Expected counts of shape ({len(self.series)}, {len(self.dates)}, intervals), got"
                f" {self.counts.shape}"
            )
        end = self.first_minute + self.counts.shape[2] * self.interval_minutes
        if self.first_minute < 0 or end > DAY_MINUTES + self.interval_minutes:
            raise ValueError(f"Expected intervals inside one day, got minutes {self.first_minute} to {end}")
        if list(self.dates) != sorted(set(self.dates)):
            raise ValueError("Expected dates in order, each once")
        if len(set(self.series)) != len(self.series):
            raise ValueError("Expected each series once")
        if (self.counts < 0).any() or np.isinf(self.counts).any():
            raise ValueError("Expected counts of 0 or more, or NaN where nothing was observed")
        for branch in {one.branch for one in self.series}:
            if tuple(day.date for day in self.facts.get(branch, ())) != self.dates:
                raise ValueError(f"Expected facts of {branch} for each of the dates, in order")

    @property
    def intervals(self) -> int:
        """Intervals of a day."""
        return int(self.counts.shape[2])

    def until(self, days: int) -> History:
        """The first so many days: what was known then."""
        return History(
            self.interval_minutes,
            self.first_minute,
            self.dates[:days],
            self.series,
            self.counts[:, :days],
            {branch: facts[:days] for branch, facts in self.facts.items()},
        )


def exposed(
    facts: Iterable[DayFacts], *, first_minute: int, interval_minutes: int, intervals: int
) -> Numbers:
    """Share of each interval in which the doors are open: shape (days, intervals), 0-1."""
    starts = first_minute + interval_minutes * np.arange(intervals)
    rows = [
        np.clip(
            np.minimum(starts + interval_minutes, day.closes_minute) - np.maximum(starts, day.opens_minute),
            0,
            interval_minutes,
        )
        / interval_minutes
        * day.is_open
        for day in facts
    ]
    return np.array(rows, float).reshape(len(rows), intervals)


def history_of(
    rows: Iterable[CountRow],
    *,
    interval_minutes: int,
    facts: Mapping[str, tuple[DayFacts, ...]],
    services: Collection[str],
    renamed: Mapping[str, str] | None = None,
    first_minute: int | None = None,
    intervals: int | None = None,
) -> History:
    """Rows, checked and laid on one grid. See the table above for what becomes of bad ones.

    Parameters
    ----------
    rows : in any order.
    interval_minutes : length of an interval; every row must begin at a multiple of it.
    facts : of each branch, the same dates in order; they say when it was open.
    services : the codes that hold now; each is a series at every branch.
    renamed : the code that holds now, by a code that held before.
    first_minute, intervals : the grid; by default from the first row's minute of the day to the last's.

    Raises
    ------
    CountsUnusable
        With the row's branch, service, day and minute as its place.
    """
    known = {branch: {day.date: day for day in days} for branch, days in facts.items()}
    kept = [_checked(row, interval_minutes, known, services, renamed or {}) for row in rows]
    minutes = [row.minute for row in kept]
    start = first_minute if first_minute is not None else min(minutes, default=0)
    count = intervals if intervals is not None else (max(minutes, default=0) - start) // interval_minutes + 1
    branches = sorted(facts)
    dates = tuple(day.date for day in next(iter(facts.values()), ()))
    series = tuple(Series(branch, service) for branch in branches for service in services)
    number = {one: row for row, one in enumerate(series)}
    at = {day: column for column, day in enumerate(dates)}
    counts = np.zeros((len(series), len(dates), count))
    taken = np.zeros(counts.shape, bool)
    observed = {(row.branch, row.date) for row in kept}
    for one, row in number.items():
        for day, column in at.items():
            if (one.branch, day) not in observed:
                counts[row, column] = np.nan
    for row_given in kept:
        slot = (row_given.minute - start) // interval_minutes
        place = number[Series(row_given.branch, row_given.service)], at[row_given.date], slot
        if not 0 <= slot < count:
            raise CountsUnusable("This interval lies outside the grid", place=_place(row_given))
        if taken[place]:
            raise CountsUnusable("This interval is given twice", place=_place(row_given))
        taken[place] = True
        counts[place] = np.nan if row_given.count is None else row_given.count
    return History(interval_minutes, start, dates, series, counts, facts)


def _checked(
    row: CountRow,
    interval_minutes: int,
    known: Mapping[str, Mapping[date, DayFacts]],
    services: Collection[str],
    renamed: Mapping[str, str],
) -> CountRow:
    service = renamed.get(row.service, row.service)
    if service not in services:
        raise CountsUnusable(f"There is no service {row.service} now", place=_place(row))
    if row.branch not in known:
        raise CountsUnusable(f"There is no branch {row.branch}", place=_place(row))
    if row.minute % interval_minutes or not 0 <= row.minute < DAY_MINUTES:
        raise CountsUnusable(f"No interval of {interval_minutes} minutes begins here", place=_place(row))
    if row.count is not None and not (np.isfinite(row.count) and row.count >= 0):
        raise CountsUnusable(f"Nobody can count {row.count} people", place=_place(row))
    day = known[row.branch].get(row.date)
    if day is None:
        raise CountsUnusable("Nothing is known of this day: no facts were given", place=_place(row))
    outside = row.minute + interval_minutes <= day.opens_minute or row.minute >= day.closes_minute
    if row.count and (not day.is_open or outside):
        raise CountsUnusable("People are counted while the branch is closed", place=_place(row))
    return msgspec.structs.replace(row, service=service)


def _place(row: CountRow) -> str:
    return f"{row.branch}, {row.service}, {row.date} {row.minute // 60:02d}:{row.minute % 60:02d}"

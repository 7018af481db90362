"""How good an arrival forecast is: one set of figures for every format of recorded days.

WAPE is the sum of absolute errors over the sum of people: of intervals where nothing else is said. The middle
(P50) of the forecast is held against the count, because it is the value that makes absolute errors small.
"""

from __future__ import annotations

from datetime import date

import msgspec
import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

DECIMALS = 4
SMALLEST_EXPECTED = 0.05
"""Expected people below which an interval is closing time, and no test of an interval's width."""


class Pinball(msgspec.Struct, frozen=True):
    """Mean loss of quantiles, as a share of the mean count; smaller is better."""

    p10: float | None
    p50: float | None
    p90: float | None


class Coverage(msgspec.Struct, frozen=True):
    """Share of counts between P10 and P90: of intervals, and of whole days."""

    interval: float | None
    day: float | None


class Baseline(msgspec.Struct, frozen=True):
    """Errors of a method to compare with."""

    wape: float | None
    wape_day: float | None
    wape_by_horizon: dict[str, float | None]


class RestScores(msgspec.Struct, frozen=True):
    """Errors of what a method said of the rest of days.

    Attributes
    ----------
    days : how many.
    wape : of the intervals of the rest.
    total_error : absolute errors of the rest's totals by the people who came.
    total_bias : the same with their signs; above 0 is too many.
    """

    days: int
    wape: float | None
    total_error: float | None
    total_bias: float | None


class Moment(msgspec.Struct, frozen=True):
    """What was said at one time of the day, by method: on ordinary days and on surge days."""

    ordinary: dict[str, RestScores]
    surge: dict[str, RestScores]
    coverage: Coverage


class ArrivalScores(msgspec.Struct, frozen=True, kw_only=True):
    """An evaluation of one format.

    Attributes
    ----------
    format : of the files.
    interval_minutes, places : what was counted.
    fit_days : days that were known before the first test day.
    test_days : days foretold, each from all days before it.
    surge_days : test days on which a fifth more people came than on the last four same weekdays.
    people : who came on the test days.
    wape, wape_day : one day ahead, of intervals and of day totals.
    wape_by_horizon : of intervals, by calendar days ahead ("1" to "28").
    pinball, coverage : one day ahead.
    intraday : by time of the day.
    baselines : by name.
    notes : codes, explained in docs/evaluation.md.
    """

    format: str
    interval_minutes: int
    places: int
    fit_days: int
    test_days: tuple[date, ...]
    surge_days: tuple[date, ...]
    people: float
    wape: float | None
    wape_day: float | None
    wape_by_horizon: dict[str, float | None]
    pinball: Pinball
    coverage: Coverage
    intraday: dict[str, Moment]
    baselines: dict[str, Baseline]
    notes: tuple[str, ...]


class Errors:
    """Adds up absolute errors and people of intervals and of days."""

    def __init__(self) -> None:
        self._off = self._people = self._off_day = self._people_day = 0.0

    def add(self, told: Numbers, came: Numbers) -> None:
        """One day: shape (places, intervals); intervals without a record (NaN) are left out."""
        there = np.isfinite(came)
        people = np.where(there, came, 0.0)
        said = np.where(there, told, 0.0)
        self._off += float(np.abs(said - people).sum())
        self._people += float(people.sum())
        self._off_day += float(np.abs(said.sum(axis=1) - people.sum(axis=1)).sum())

    @property
    def wape(self) -> float | None:
        """Of intervals."""
        return share(self._off, self._people)

    @property
    def wape_day(self) -> float | None:
        """Of day totals."""
        return share(self._off_day, self._people)


class Quantiles:
    """Adds up how P10, P50 and P90 did."""

    def __init__(self) -> None:
        self._loss = np.zeros(3)
        self._people = 0.0
        self._inside = self._judged = self._inside_day = self._judged_day = 0

    def add(self, told: tuple[Numbers, Numbers, Numbers], came: Numbers) -> None:
        """Intervals of one day: P10, P50 and P90, each of the shape of `came`."""
        there = np.isfinite(came)
        people = came[there]
        for row, (part, said) in enumerate(zip((0.1, 0.5, 0.9), told, strict=True)):
            off = people - said[there]
            self._loss[row] += float(np.maximum(part * off, (part - 1) * off).sum())
        self._people += float(people.sum())
        judged = there & (told[1] > SMALLEST_EXPECTED)
        self._inside += int(((came >= told[0]) & (came <= told[2]) & judged).sum())
        self._judged += int(judged.sum())

    def add_totals(self, low: Numbers, high: Numbers, came: Numbers) -> None:
        """Totals of days or rests, one for each place; NaN for those not recorded whole."""
        there = np.isfinite(came) & (high > 0)
        self._inside_day += int(((came >= low) & (came <= high) & there).sum())
        self._judged_day += int(there.sum())

    @property
    def pinball(self) -> Pinball:
        """Mean losses as a share of the mean count."""
        return Pinball(*(share(float(loss), self._people) for loss in self._loss))

    @property
    def coverage(self) -> Coverage:
        """Shares inside P10-P90."""
        return Coverage(share(self._inside, self._judged), share(self._inside_day, self._judged_day))


class Rests:
    """Adds up what a method said of the rest of days."""

    def __init__(self) -> None:
        self._days = 0
        self._errors = Errors()
        self._off = self._signed = self._people = 0.0

    def add(self, told: Numbers, came: Numbers) -> None:
        """One day's rest: shape (places, intervals); the total is that of all places."""
        there = np.isfinite(came)
        people, said = float(came[there].sum()), float(told[there].sum())
        if people <= 0:
            return
        self._errors.add(told, came)
        self._days += 1
        self._off += abs(said - people)
        self._signed += said - people
        self._people += people

    @property
    def scores(self) -> RestScores:
        """The figures."""
        return RestScores(
            self._days,
            self._errors.wape,
            share(self._off, self._people),
            share(self._signed, self._people),
        )


def share(part: float, whole: float) -> float | None:
    """A ratio as it is printed; None of nothing."""
    return round(part / whole, DECIMALS) if whole > 0 else None

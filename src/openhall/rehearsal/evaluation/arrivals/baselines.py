"""Forecasts to compare with: plain rules, and two of statsforecast where it is installed.

Each takes whole places, shape (places, days, intervals) with NaN for holes, and foretells a later day.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

SEASONAL_NAIVE = "seasonal_naive"
FOUR_SAME_WEEKDAYS = "mean_of_four_same_weekdays"
MEAN_OF_DAYS = "mean_of_days"
AUTO_ETS = "auto_ets"
AUTO_THETA = "auto_theta"
SAME_WEEKDAYS = 4
LEAST_DAYS = 8
"""Days below which statsforecast's models are not asked: the mean of the days stands in."""

Rule = Callable[[Numbers, Sequence[date], date], Numbers]


def seasonal_naive(whole: Numbers, dates: Sequence[date], day: date) -> Numbers:
    """The last same weekday, else the last day."""
    return _mean_of(whole, _same_weekdays(dates, day)[-1:] or [len(dates) - 1])


def four_same_weekdays(whole: Numbers, dates: Sequence[date], day: date) -> Numbers:
    """The mean of the last four same weekdays, else of all days."""
    return _mean_of(whole, _same_weekdays(dates, day)[-SAME_WEEKDAYS:] or list(range(len(dates))))


def mean_of_days(whole: Numbers, dates: Sequence[date], _day: date) -> Numbers:
    """The mean of all days before."""
    return _mean_of(whole, list(range(len(dates))))


RULES: dict[str, Rule] = {
    SEASONAL_NAIVE: seasonal_naive,
    FOUR_SAME_WEEKDAYS: four_same_weekdays,
    MEAN_OF_DAYS: mean_of_days,
}


def _same_weekdays(dates: Sequence[date], day: date) -> list[int]:
    return [at for at, other in enumerate(dates) if other.weekday() == day.weekday()]


def _mean_of(whole: Numbers, days: Sequence[int]) -> Numbers:
    """Mean over days, hole by hole: over all days where the chosen have nothing, 0 where none has."""
    chosen, every = _mean(whole[:, list(days)]), _mean(whole)
    return np.asarray(np.nan_to_num(np.where(np.isfinite(chosen), chosen, every)))


def _mean(values: Numbers) -> Numbers:
    seen = np.isfinite(values)
    count = seen.sum(axis=1)
    total = np.where(seen, values, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


# --- statsforecast -----------------------------------------------------------------------------------


def installed() -> bool:
    """Whether the extra `forecast` is there."""
    return find_spec("statsforecast") is not None


def daily_models(season: int) -> dict[str, Any]:
    """AutoETS and AutoTheta on daily totals; imported here, because it takes seconds."""
    from statsforecast.models import AutoETS, AutoTheta

    return {AUTO_ETS: AutoETS(season_length=season), AUTO_THETA: AutoTheta(season_length=season)}


def by_daily_model(
    model: Any, whole: Numbers, dates: Sequence[date], days: Sequence[date], steps: Sequence[int]
) -> Numbers:
    """A model's daily totals, each times the profile of the last four same weekdays.

    Parameters
    ----------
    days : the days foretold.
    steps : how many open days after the last known one each of them is.

    Returns
    -------
    Shape (days, places, intervals).
    """
    told = np.stack([four_same_weekdays(whole, dates, day) for day in days])
    for place in range(len(whole)):
        seen = np.isfinite(whole[place]).any(axis=1)
        totals = np.nansum(whole[place][seen], axis=1)
        if len(totals) < LEAST_DAYS or not totals.any():
            continue
        ahead = np.maximum(model.forecast(y=totals, h=max(steps))["mean"], 0.0)
        for row, step in enumerate(steps):
            told[row, place] *= ahead[step - 1] / max(told[row, place].sum(), 1e-9)
    return told

"""What a forecast says, as plain values: no numpy, so that the process that serves people can show it."""

from __future__ import annotations

from datetime import date

import msgspec


class DayForecast(msgspec.Struct, frozen=True, kw_only=True):
    """Arrivals of one coming day, interval by interval.

    Attributes
    ----------
    date : the day.
    first_minute : minute of the day (0-1439) at which the first interval begins.
    mean, low, middle, high : one value per interval, people: expected value, P10, P50 and P90.
    total_mean, total_low, total_middle, total_high : the same of the day; the means add up to the mean.
    cv : coefficient of variation of the day's factor: how far the whole day may be busier or quieter.
    dispersion : variance by mean of an interval's count when the day's factor is known; 1 is Poisson.
    """

    date: date
    first_minute: int
    mean: tuple[float, ...]
    low: tuple[float, ...]
    middle: tuple[float, ...]
    high: tuple[float, ...]
    total_mean: float
    total_low: float
    total_middle: float
    total_high: float
    cv: float
    dispersion: float


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """Arrivals of one branch and service over the coming days.

    Attributes
    ----------
    branch, service : their ids.
    interval_minutes : length of every interval.
    days : one for each day asked about, in order; a closed day expects nobody.
    history_days : observed days of this very branch and service that it was learnt from.
    """

    branch: str
    service: str
    interval_minutes: int
    days: tuple[DayForecast, ...]
    history_days: int


class RestOfDay(msgspec.Struct, frozen=True, kw_only=True):
    """What is still to come today, given what has come.

    Attributes
    ----------
    date : today.
    first_minute : minute of the day from which on the intervals lie ahead.
    interval_minutes : length of every interval.
    mean, low, middle, high : one value per interval that lies ahead, people.
    total_mean, total_low, total_middle, total_high : of all that lies ahead.
    seen : people who have come.
    expected_by_now : how many the day-ahead forecast expected of them.
    surge_probability : 0-1, that today is no ordinary day.
    cv : coefficient of variation of the factor on what lies ahead.
    dispersion : variance by mean of an interval's count when the factor is known.
    """

    date: date
    first_minute: int
    interval_minutes: int
    mean: tuple[float, ...]
    low: tuple[float, ...]
    middle: tuple[float, ...]
    high: tuple[float, ...]
    total_mean: float
    total_low: float
    total_middle: float
    total_high: float
    seen: float
    expected_by_now: float
    surge_probability: float
    cv: float
    dispersion: float

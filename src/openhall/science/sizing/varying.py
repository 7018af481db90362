"""Rules for a rate that varies: the offered load, stationary formulas period by period, a random rate.

These are the baselines that the finite day is measured against, and its neighbours in the literature: SIPP
and its lagged forms (Green, Kolesar and Soares 2001; Green, Kolesar and Whitt 2007), the modified offered
load (Jennings, Mandelbaum, Massey and Whitt 1996), the gamma-Poisson mixture (Jongbloed and Koole 2001).
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaincinv
from scipy.stats import poisson

from openhall.science.sizing import erlang

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Period(StrEnum):
    """Which rate stands for a planning period."""

    MEAN = "mean"
    MAX = "max"
    MIX = "mix"
    """The mean where the rate rises over the period, the maximum where it falls."""


def offered_load(
    rates: ArrayLike, step_minutes: float, service_minutes: float, *, before: float = 0.0
) -> Floats:
    """Mean number in service if there were counters without end, at the end of each step.

    Parameters
    ----------
    rates : arrivals per minute, constant within each step.
    step_minutes, service_minutes : minutes; services are exponential.
    before : the same at the start of the first step, erlangs.

    Returns
    -------
    m(t) = int rate(t - u) P(S > u) du, exact for these rates: m' = rate - m / S.
    """
    given = np.asarray(rates, float)
    fade = float(np.exp(-step_minutes / service_minutes))
    found = np.empty(len(given))
    load = before
    for step, rate in enumerate(given):
        load = load * fade + rate * service_minutes * (1.0 - fade)
        found[step] = load
    return found


def sinusoidal_load(mean: float, amplitude: float, frequency: float, service: float, at: ArrayLike) -> Floats:
    """m(t) of rate(t) = mean / S (1 + amplitude sin(w t)), with mean offered load `mean`:
    m = a (1 + A / sqrt(1 + (w S)^2) sin(w t - arctan(w S)))."""
    turn = frequency * service
    times = np.asarray(at, float)
    swing = amplitude / np.sqrt(1.0 + turn**2) * np.sin(frequency * times - np.arctan(turn))
    return np.asarray(mean * (1.0 + swing), float)


def poisson_counters(load: ArrayLike, busy_share: float) -> Ints:
    """Least s with P(N >= s) <= busy_share, N being Poisson with the offered load: all busy no oftener
    than that."""
    return np.asarray(poisson.isf(busy_share, np.asarray(load, float)) + 1, np.int64)


def period_rates(rates: ArrayLike, period_steps: int, which: Period, *, lag_steps: int = 0) -> Floats:
    """The rate that stands for each planning period.

    Parameters
    ----------
    rates : of one cycle, in fine steps; it repeats.
    period_steps : steps of a period; divides the cycle.
    which : mean, maximum or their mix.
    lag_steps : so many steps earlier is looked at: people are busy with those who came a service ago.

    Raises
    ------
    ValueError : for a period that does not divide the cycle.
    """
    given: Floats = np.roll(np.asarray(rates, float), lag_steps)
    if period_steps < 1 or len(given) % period_steps:
        raise ValueError(f"Expected a period that divides {len(given)} steps, got {period_steps}")
    periods = given.reshape(-1, period_steps)
    means: Floats = periods.mean(axis=1)
    highest: Floats = periods.max(axis=1)
    if which is Period.MEAN:
        return means
    if which is Period.MAX:
        return highest
    return np.where(periods[:, -1] >= periods[:, 0], means, highest)


def sipp(
    rates: ArrayLike,
    *,
    period_steps: int,
    service_minutes: float,
    limit_minutes: float,
    allowed_share: float,
    which: Period = Period.MEAN,
    lag_steps: int = 0,
) -> Ints:
    """Stationary, independent, period by period: Erlang C's requirement of each period by itself.

    Parameters as of `period_rates` and `erlang.required`; rates are per minute.
    """
    chosen = period_rates(rates, period_steps, which, lag_steps=lag_steps)
    return erlang.required(chosen, service_minutes, limit_minutes, allowed_share)


def mixed_late_share(
    counters: int, rate: float, service_minutes: float, limit_minutes: float, rate_cv: float, nodes: int = 400
) -> float:
    """Share of arrivals that waits longer than a limit when the rate itself is gamma distributed.

    Parameters
    ----------
    counters, rate, service_minutes, limit_minutes : as of `erlang.late_share`; the rate is the mean one.
    rate_cv : coefficient of variation of the rate, >= 0.
    nodes : strips of equal probability.

    Returns
    -------
    E[R P(W > T | R)] / E[R]: busy days weigh more, as more people are there to wait. Where the counters do
    not keep up all are late.
    """
    if rate_cv == 0:
        return erlang.late_share(counters, rate, service_minutes, limit_minutes)
    factor, weight = _size_biased(rate_cv, nodes)
    return float(weight @ erlang.late_shares(counters, rate * factor, service_minutes, limit_minutes))


def _size_biased(cv: float, nodes: int) -> tuple[Floats, Floats]:
    """Quadrature for the gamma factor of unit mean as those who come see it: shape 1 / cv^2 + 1."""
    shape = 1.0 / cv**2
    shares = (np.arange(nodes) + 0.5) / nodes
    return gammaincinv(shape + 1.0, shares) / shape, np.full(nodes, 1.0 / nodes)


def required_mixed(
    rate: float, service_minutes: float, limit_minutes: float, allowed_share: float, rate_cv: float
) -> int:
    """Least counters for a gamma rate; see `mixed_late_share`. Raises ValueError beyond 20,000."""
    for counters in range(1, erlang.COUNTERS_AT_MOST + 1):
        if mixed_late_share(counters, rate, service_minutes, limit_minutes, rate_cv) <= allowed_share:
            return counters
    raise ValueError(f"Expected a load that {erlang.COUNTERS_AT_MOST} counters can serve, got rate {rate}")

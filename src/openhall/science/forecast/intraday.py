"""The rest of the day, given what has come so far.

Two explanations of the day compete. On an ordinary day the rates stray from the day-ahead forecast along a
few factors, as they did on past days: learnt from the errors of forecasts made the day before. On a surge day
(or a slump) the whole day is besides multiplied by something far from 1. Each is fitted to the counts so far
by penalised likelihood, and weighed by how well it foretold them (Bayes factor, Laplace approximation:
Tierney and Kadane, JASA 81, 1986). So an ordinary morning is hardly read into, and a surge is believed once
chance and ordinary movement no longer explain it. A day takes a few milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from openhall.science.forecast.days import HALF, Widths
from openhall.science.forecast.result import DayForecast, RestOfDay
from openhall.science.forecast.straying import REPLAYED, IntradayParameters, Straying

Numbers = NDArray[np.float64]

NEWTON_STEPS = 25
NEWTON_ENOUGH = 1e-8
LARGEST_STEP = 1.0
BISECTIONS = 24
LARGEST_LOG = 4.0
"""A rate may be up to 55 times what was forecast."""
SMALLEST_COUNT = 1e-9


@dataclass(frozen=True)
class Regime:
    """One explanation of a day, after the counts so far.

    Attributes
    ----------
    weight : its probability, 0-1.
    level : shape (intervals,): logarithm of rate by forecast that the whole day shares.
    strayed : shape (intervals,): what the factors of ordinary days add to it.
    belief : how much of that carries over to the rest of the day, 0-1.
    root : shape (factors, intervals): `root.T @ root` is the covariance of the logarithms.
    """

    weight: float
    level: Numbers
    strayed: Numbers
    belief: float
    root: Numbers

    @property
    def log_rate(self) -> Numbers:
        """Shape (intervals,): logarithm of rate by forecast."""
        return self.level + self.belief * self.strayed


@dataclass(frozen=True)
class Posterior:
    """What a day has shown. Made by `read_day`.

    Attributes
    ----------
    ahead : shape (intervals,): the day-ahead middle of what is still to come; 0 for what is over.
    first : number of the first interval that is not over.
    """

    date: date
    first_minute: int
    interval_minutes: int
    ahead: Numbers
    first: int
    regimes: tuple[Regime, ...]
    surge_probability: float
    dispersion: float
    leftover: Numbers
    interval_widths: Widths
    total_widths: Widths
    seen: float
    expected_by_now: float

    def rest(self) -> RestOfDay:
        """What is still to come, as plain values."""
        later = slice(self.first, None)
        ahead = self.ahead[later]
        rates = [_rates(regime, ahead, later) for regime in self.regimes]
        middles = [rate * ahead for rate, _variance in rates]
        means = [ahead * rate * np.exp(variance / 2) for rate, variance in rates]
        roots = [np.sqrt(middle) for middle in middles]
        spreads = [
            np.sqrt(self.dispersion / 4 + middle * (variance + self.leftover[later]) / 4)
            for middle, (_rate, variance) in zip(middles, rates, strict=True)
        ]
        weights = [regime.weight for regime in self.regimes]
        below, half, above = _mixed(weights, roots, spreads)
        below = half - (half - below) * self.interval_widths.low
        above = half + (above - half) * self.interval_widths.high
        low, middle, high = (
            np.where(ahead > 0, np.maximum(one, 0.0) ** 2, 0.0) for one in (below, half, above)
        )
        mean = sum((weight * one for weight, one in zip(weights, means, strict=True)), np.zeros(len(ahead)))
        totals = self._totals(middles, later)
        total_mean = float(mean.sum())
        second = sum(
            weight * float(one.sum()) ** 2 * np.exp(spread)
            for weight, one, (_level, spread) in zip(weights, means, totals, strict=True)
        )
        low_total, middle_total, high_total = self._total(totals)
        return RestOfDay(
            date=self.date,
            first_minute=self.first_minute + self.first * self.interval_minutes,
            interval_minutes=self.interval_minutes,
            mean=tuple(map(float, mean)),
            low=tuple(map(float, low)),
            middle=tuple(map(float, middle)),
            high=tuple(map(float, high)),
            total_mean=total_mean,
            total_low=low_total,
            total_middle=middle_total,
            total_high=high_total,
            seen=self.seen,
            expected_by_now=self.expected_by_now,
            surge_probability=self.surge_probability,
            cv=float(np.sqrt(max(second / total_mean**2 - 1, 0.0))) if total_mean > 0 else 0.0,
            dispersion=self.dispersion,
        )

    def _totals(self, middles: list[Numbers], later: slice) -> list[tuple[float, float]]:
        """Of each regime the logarithm of the rest's total, and its variance without chance."""
        told = []
        for regime, middle in zip(self.regimes, middles, strict=True):
            total = max(float(middle.sum()), SMALLEST_COUNT)
            slope = regime.root[:, later] @ (middle / total)
            told.append((float(np.log(total)), float(slope @ slope)))
        return told

    def _total(self, totals: list[tuple[float, float]]) -> tuple[float, float, float]:
        """P10, P50 and P90 of the rest's total."""
        if not self.ahead.any():
            return 0.0, 0.0, 0.0
        levels = [np.array([level]) for level, _variance in totals]
        spreads = [
            np.array([np.sqrt(variance + self.dispersion / max(np.exp(level), HALF))])
            for level, variance in totals
        ]
        below, half, above = _mixed([regime.weight for regime in self.regimes], levels, spreads)[:, 0]
        low = half - (half - below) * self.total_widths.low
        high = half + (above - half) * self.total_widths.high
        return float(np.exp(low)), float(np.exp(half)), float(np.exp(high))

    def scenarios(self, count: int, *, seed: int) -> Numbers:
        """Invented rests of the day, people: shape (count, intervals not yet over).

        Deterministic for a seed; surges are as frequent among them as they are probable.
        """
        rng = np.random.default_rng(seed)
        later = slice(self.first, None)
        ahead = self.ahead[later]
        shares = np.cumsum([regime.weight for regime in self.regimes])
        of_regime = np.searchsorted(shares, (np.arange(count) + 0.5) / count, side="right")
        rows = []
        for number in np.minimum(of_regime, len(self.regimes) - 1):
            regime = self.regimes[number]
            logs = regime.log_rate[later] + rng.standard_normal(len(regime.root)) @ regime.root[:, later]
            logs = logs + np.sqrt(self.leftover[later]) * rng.standard_normal(len(ahead))
            rows.append(ahead * np.exp(np.clip(logs, -LARGEST_LOG, LARGEST_LOG)))
        return _counted(np.array(rows).reshape(count, len(ahead)), self.dispersion, rng)


def _rates(regime: Regime, ahead: Numbers, later: slice) -> tuple[Numbers, Numbers]:
    """Median of rate by forecast, and variance of its logarithm, of the intervals to come."""
    variance = (regime.root[:, later] ** 2).sum(axis=0) if len(ahead) else np.zeros(0)
    return np.exp(np.clip(regime.log_rate[later], -LARGEST_LOG, LARGEST_LOG)), variance


def _mixed(weights: list[float], middles: list[Numbers], spreads: list[Numbers]) -> Numbers:
    """P10, P50 and P90 of a mixture of normal distributions: shape (3, n), by bisection."""
    parts = np.array([[0.1], [0.5], [0.9]])
    low = np.min([m - 2 * s for m, s in zip(middles, spreads, strict=True)], axis=0)
    high = np.max([m + 2 * s for m, s in zip(middles, spreads, strict=True)], axis=0)
    low, high = np.tile(low, (3, 1)), np.tile(high, (3, 1))
    for _step in range(BISECTIONS):
        at = (low + high) / 2
        below = sum(
            weight * ndtr((at - m) / s) for weight, m, s in zip(weights, middles, spreads, strict=True)
        )
        low, high = np.where(below < parts, at, low), np.where(below < parts, high, at)
    return np.asarray((low + high) / 2)


def _counted(rates: Numbers, dispersion: float, rng: np.random.Generator) -> Numbers:
    """Counts of rates: Poisson, or negative binomial where the dispersion is above 1."""
    if dispersion > 1 + 1e-6:
        rates = rng.gamma(np.maximum(rates, SMALLEST_COUNT) / (dispersion - 1), dispersion - 1)
    return rng.poisson(rates).astype(np.float64)


# --- reading a day -----------------------------------------------------------------------------------


def read_day(
    forecast: DayForecast,
    counts: Numbers,
    *,
    minute: int,
    interval_minutes: int,
    straying: Straying,
    parameters: IntradayParameters,
    surge_share: float,
) -> Posterior:
    """Weigh both explanations of a day. See `IntradayModel.read` for the parameters."""
    middle = np.array(forecast.middle)
    if counts.shape != middle.shape:
        raise ValueError(f"Expected {len(middle)} counts, one for each interval, got {len(counts)}")
    starts = forecast.first_minute + interval_minutes * np.arange(len(middle))
    over = np.clip((minute - starts) / interval_minutes, 0.0, 1.0)
    known = np.isfinite(counts) & (over > 0) & (middle > 0)
    exposure = np.where(known, over, 0.0)
    came = np.where(known, counts, 0.0)
    unsure = max(np.log1p(forecast.cv**2) - straying.usual_variance, 0.0)
    usual = np.vstack([straying.loadings, np.full(len(middle), np.sqrt(unsure))])
    surge = np.vstack([usual, np.full(len(middle), parameters.surge_log_sd)])
    spread = forecast.dispersion + straying.leftover * exposure * middle
    seen = float((over * middle).sum()) / max(float(middle.sum()), SMALLEST_COUNT)
    belief = float(np.interp(seen, REPLAYED, straying.belief))
    regimes, evidence = [], []
    for share, loadings in ((1 - surge_share, usual), (surge_share, surge)):
        if share > 0:
            at, precision, log_evidence = _fitted(came, exposure * middle, spread, loadings)
            root = np.linalg.solve(np.linalg.cholesky(precision), loadings)
            levels = slice(len(straying.loadings), None)
            level, strayed = at[levels] @ loadings[levels], at[: levels.start] @ loadings[: levels.start]
            regimes.append((level, strayed, 1.0 if loadings is surge else belief, root))
            evidence.append(np.log(share) + log_evidence)
    weights = np.exp(np.array(evidence) - max(evidence))
    weights /= weights.sum()
    return Posterior(
        date=forecast.date,
        first_minute=forecast.first_minute,
        interval_minutes=interval_minutes,
        ahead=middle * (1 - over),
        first=int(np.searchsorted(-over, -1.0, side="right")),
        regimes=tuple(
            Regime(float(weight), level, strayed, believed, root)
            for weight, (level, strayed, believed, root) in zip(weights, regimes, strict=True)
        ),
        surge_probability=float(weights[-1]) if surge_share > 0 else 0.0,
        dispersion=forecast.dispersion,
        leftover=straying.leftover,
        interval_widths=straying.interval_widths,
        total_widths=straying.total_widths,
        seen=float(came.sum()),
        expected_by_now=float((exposure * middle).sum()),
    )


def _fitted(
    came: Numbers, expected: Numbers, spread: Numbers, loadings: Numbers
) -> tuple[Numbers, Numbers, float]:
    """Most probable factors, the precision around them, and the logarithm of the evidence.

    Parameters
    ----------
    came, expected : shape (intervals,): people, and how many were expected; 0 where nothing is known.
    spread : shape (intervals,): variance by mean of each count.
    loadings : shape (factors, intervals), of standard normal factors.
    """
    at = np.zeros(len(loadings))
    unit = np.eye(len(loadings))
    precision = unit
    for _step in range(NEWTON_STEPS):
        rate = expected * np.exp(np.clip(at @ loadings, -LARGEST_LOG, LARGEST_LOG))
        precision = unit + (loadings * (rate / spread)) @ loadings.T
        step = np.linalg.solve(precision, loadings @ ((came - rate) / spread) - at)
        size = float(np.abs(step).max(initial=0.0))
        at = at + step * min(1.0, LARGEST_STEP / max(size, SMALLEST_COUNT))
        if size < NEWTON_ENOUGH:
            break
    logs = np.clip(at @ loadings, -LARGEST_LOG, LARGEST_LOG)
    likelihood = float(((came * logs - expected * np.exp(logs)) / spread).sum())
    determinant = float(np.log(np.diag(np.linalg.cholesky(precision))).sum())
    return at, precision, likelihood - float(at @ at) / 2 - determinant

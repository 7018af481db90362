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

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from openhall.science.forecast.calendar import DayFacts
from openhall.science.forecast.days import HALF, ForecastModel, ServiceModel
from openhall.science.forecast.result import DayForecast, RestOfDay

Numbers = NDArray[np.float64]

NEWTON_STEPS = 25
NEWTON_ENOUGH = 1e-8
LARGEST_STEP = 1.0
BISECTIONS = 45
LARGEST_LOG = 4.0
"""A rate may be up to 55 times what was forecast."""
NEIGHBOUR_INTERVALS = 4.0
"""Intervals over which an error fades, for branches of too few days to show it."""
SMALLEST_COUNT = 1e-9
UNKNOWN_VARIANCE = 0.05
"""Of the logarithm of a day's total, for a service without a past."""


class IntradayParameters(msgspec.Struct, frozen=True):
    """How the day is read.

    Parameters
    ----------
    surge_log_sd : standard deviation of the logarithm of a surge day's factor.
    surge_share : of days that are surges, before anything is seen, 0-1.
    reopening_share : the same of the first days after a closure.
    factors : along which ordinary days stray.
    prior_days : days of errors that an assumed pattern of them is worth.
    days : latest days whose errors are learnt from.
    """

    surge_log_sd: float = 0.35
    surge_share: float = 0.03
    reopening_share: float = 0.5
    factors: int = 6
    prior_days: float = 10.0
    days: int = 120

    def __post_init__(self) -> None:
        if not 0 < self.surge_log_sd <= 3:
            raise ValueError(f"Expected surge_log_sd above 0 and at most 3, got {self.surge_log_sd}")
        for name in ("surge_share", "reopening_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"Expected {name} between 0 and 1, got {getattr(self, name)}")
        if not 1 <= self.factors <= 20:
            raise ValueError(f"Expected factors between 1 and 20, got {self.factors}")
        if not 0 < self.prior_days <= 1_000:
            raise ValueError(f"Expected prior_days above 0 and at most 1000, got {self.prior_days}")
        if not 1 <= self.days <= 2_000:
            raise ValueError(f"Expected days between 1 and 2000, got {self.days}")


@dataclass(frozen=True)
class Straying:
    """How the rates of a service's ordinary days stray from their forecasts.

    Attributes
    ----------
    loadings : shape (factors, intervals): of standard normal factors on the logarithms of rates.
    leftover : shape (intervals,): variance of the logarithm that no factor carries.
    usual_variance : of the logarithm of a day's total, as forecast on a usual day.
    """

    loadings: Numbers
    leftover: Numbers
    usual_variance: float


@dataclass(frozen=True)
class Regime:
    """One explanation of a day, after the counts so far.

    Attributes
    ----------
    weight : its probability, 0-1.
    log_rate : shape (intervals,): mean of the logarithm of rate by forecast.
    root : shape (factors, intervals): `root.T @ root` is the covariance of those logarithms.
    """

    weight: float
    log_rate: Numbers
    root: Numbers


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
        low, middle, high = (
            np.where(ahead > 0, np.maximum(_mixed(part, weights, roots, spreads), 0.0) ** 2, 0.0)
            for part in (0.1, 0.5, 0.9)
        )
        mean = sum((weight * one for weight, one in zip(weights, means, strict=True)), np.zeros(len(ahead)))
        totals = self._totals(middles, later)
        total_mean = float(mean.sum())
        second = sum(
            weight * float(one.sum()) ** 2 * np.exp(spread)
            for weight, one, (_level, spread) in zip(weights, means, totals, strict=True)
        )
        return RestOfDay(
            date=self.date,
            first_minute=self.first_minute + self.first * self.interval_minutes,
            interval_minutes=self.interval_minutes,
            mean=tuple(map(float, mean)),
            low=tuple(map(float, low)),
            middle=tuple(map(float, middle)),
            high=tuple(map(float, high)),
            total_mean=total_mean,
            total_low=self._total(0.1, totals),
            total_middle=self._total(0.5, totals),
            total_high=self._total(0.9, totals),
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

    def _total(self, part: float, totals: list[tuple[float, float]]) -> float:
        if not self.ahead.any():
            return 0.0
        levels = [np.array([level]) for level, _variance in totals]
        spreads = [
            np.array([np.sqrt(variance + self.dispersion / max(np.exp(level), HALF))])
            for level, variance in totals
        ]
        weights = [regime.weight for regime in self.regimes]
        return float(np.exp(_mixed(part, weights, levels, spreads)[0]))

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


def _mixed(part: float, weights: list[float], middles: list[Numbers], spreads: list[Numbers]) -> Numbers:
    """Quantile of a mixture of normal distributions, each of shape (n,), by bisection."""
    low = np.min([m - 8 * s for m, s in zip(middles, spreads, strict=True)], axis=0)
    high = np.max([m + 8 * s for m, s in zip(middles, spreads, strict=True)], axis=0)
    for _step in range(BISECTIONS):
        at = (low + high) / 2
        below = sum(
            weight * ndtr((at - m) / s) for weight, m, s in zip(weights, middles, spreads, strict=True)
        )
        low, high = np.where(below < part, at, low), np.where(below < part, high, at)
    return np.asarray((low + high) / 2)


def _counted(rates: Numbers, dispersion: float, rng: np.random.Generator) -> Numbers:
    """Counts of rates: Poisson, or negative binomial where the dispersion is above 1."""
    if dispersion > 1 + 1e-6:
        rates = rng.gamma(np.maximum(rates, SMALLEST_COUNT) / (dispersion - 1), dispersion - 1)
    return rng.poisson(rates).astype(np.float64)


# --- what ordinary days do ---------------------------------------------------------------------------


def straying_of(service: ServiceModel, counts: Numbers, parameters: IntradayParameters) -> Straying:
    """Learn from the errors of the forecasts that were made the day before.

    Parameters
    ----------
    service : the fitted service.
    counts : its series' counts, shape (series, days, intervals), NaN where nothing was observed.
    """
    expected = service.ahead.mean
    size = expected.shape[2]
    order = np.cumsum(np.isfinite(counts).any(axis=2), axis=1)
    recent = (order > 3) & (order > order[:, -1:] - parameters.days)
    usable = np.isfinite(counts) & (expected > 0) & recent[:, :, None]
    errors = np.where(usable, np.log((np.where(usable, counts, 0) + HALF) / (expected + HALF)), 0.0)
    weight = np.where(usable, expected / (expected + 1.0), 0.0)
    dispersion = service.profiles.dispersion[:, None, None]
    chance = np.where(usable, dispersion / np.where(usable, expected + HALF, 1.0), 0.0)
    weight = weight * _ordinary(errors, weight)[:, :, None]
    rows, weights = errors.reshape(-1, size), weight.reshape(-1, size)
    pairs = weights.T @ weights
    found = (weights * rows).T @ (weights * rows)
    found[np.diag_indices(size)] -= (weights**2 * chance.reshape(-1, size)).sum(axis=0)
    assumed = _assumed(size, service)
    blended = (found + parameters.prior_days * assumed) / (pairs + parameters.prior_days)
    sizes, vectors = np.linalg.eigh((blended + blended.T) / 2)
    kept = slice(-min(parameters.factors, size), None)
    loadings = (np.sqrt(np.maximum(sizes[kept], 0.0)) * vectors[:, kept]).T[::-1]
    leftover = np.maximum(np.diag(blended) - (loadings**2).sum(axis=0), 0.0)
    return Straying(loadings, leftover, _usual_variance(service))


def _ordinary(errors: Numbers, weight: Numbers) -> Numbers:
    """Weight of each day, 0-1: a day that was far off as a whole says little of ordinary ones."""
    level = (weight * errors).sum(axis=2) / np.maximum(weight.sum(axis=2), SMALLEST_COUNT)
    some = weight.sum(axis=2) > 0
    usual = 1.4826 * float(np.median(np.abs(level[some]))) if some.any() else 1.0
    far = np.abs(level) / max(usual, 1e-3)
    return np.asarray(np.where(some, np.minimum(1.0, 3.0 / np.maximum(far, 3.0)), 0.0))


def _assumed(size: int, service: ServiceModel) -> Numbers:
    """What errors look like where no day has shown them: the whole day's, and neighbours alike."""
    apart = np.abs(np.arange(size)[:, None] - np.arange(size)[None, :])
    return np.asarray(_usual_variance(service) * (1.0 + 0.3 * np.exp(-apart / NEIGHBOUR_INTERVALS)))


def _usual_variance(service: ServiceModel) -> float:
    told = service.ahead.log_variance[np.isfinite(service.ahead.log_variance)]
    return float(np.median(told)) if len(told) else UNKNOWN_VARIANCE


# --- reading a day -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class IntradayModel:
    """A fitted forecast with what ordinary days do. Made by `learn`."""

    model: ForecastModel
    parameters: IntradayParameters
    straying: dict[tuple[str, str], Straying]

    def read(
        self,
        branch: str,
        service: str,
        forecast: DayForecast,
        counts: Numbers,
        *,
        minute: int,
        facts: DayFacts,
    ) -> Posterior:
        """What today has shown of one branch and service.

        Parameters
        ----------
        forecast : the day-ahead forecast of today.
        counts : shape (intervals,): people so far, NaN where nobody counted; what lies ahead is ignored.
        minute : minute of the day, now; an interval that it cuts counts with its part.
        facts : of today.
        """
        reopening = facts.reopening_day == 1
        return read_day(
            forecast,
            counts,
            minute=minute,
            interval_minutes=self.model.history.interval_minutes,
            straying=self.straying[branch, service],
            parameters=self.parameters,
            surge_share=self.parameters.reopening_share if reopening else self.parameters.surge_share,
        )


def learn(model: ForecastModel, parameters: IntradayParameters | None = None) -> IntradayModel:
    """Learn what ordinary days do, from the errors of a fitted forecast."""
    chosen = parameters or IntradayParameters()
    told: dict[tuple[str, str], Straying] = {}
    for service in model.services:
        straying = straying_of(service, model.history.counts[list(service.rows)], chosen)
        for row in service.rows:
            series = model.history.series[row]
            told[series.branch, series.service] = straying
    return IntradayModel(model, chosen, told)


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
    regimes, evidence = [], []
    for share, loadings in ((1 - surge_share, usual), (surge_share, surge)):
        if share > 0:
            at, precision, log_evidence = _fitted(came, exposure * middle, spread, loadings)
            root = np.linalg.solve(np.linalg.cholesky(precision), loadings)
            regimes.append((loadings is surge, at @ loadings, root))
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
            Regime(float(weight), log_rate, root)
            for weight, (_is_surge, log_rate, root) in zip(weights, regimes, strict=True)
        ),
        surge_probability=float(
            sum(weight for weight, (is_surge, _log, _root) in zip(weights, regimes, strict=True) if is_surge)
        ),
        dispersion=forecast.dispersion,
        leftover=straying.leftover,
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

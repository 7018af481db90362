"""How the rates of ordinary days stray from what was forecast the day before.

Learnt from the errors of past day-ahead forecasts, all branches of a service together: the covariance of the
logarithms of count by forecast, without the part that chance explains, and of that the strongest directions.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from openhall.science.forecast.days import HALF, ServiceModel, Widths

Numbers = NDArray[np.float64]

NEIGHBOUR_INTERVALS = 4.0
"""Intervals over which an error fades, for branches of too few days to show it."""
UNKNOWN_VARIANCE = 0.05
"""Of the logarithm of a day's total, for a service without a past."""
LARGEST_ERROR = 1.0
"""Logarithm of count by forecast beyond which an interval is something else, such as other hours."""
FEW_PEOPLE = 5.0
"""Expected people of an interval at which its error counts half."""
SMALLEST = 1e-9
REPLAYED = (0.1, 0.3, 0.6)
"""Shares of a day after which past days are read again, to see whether reading them helped."""
UNSTRETCHED = Widths(1.0, 1.0)


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
    belief : shape (len(REPLAYED),): how much of what an ordinary day shows carries over to its rest, 0-1, by
        the share of the day that has been seen.
    interval_widths, total_widths : by what the deviations of the rest are stretched.
    """

    loadings: Numbers
    leftover: Numbers
    usual_variance: float
    belief: Numbers
    interval_widths: Widths = UNSTRETCHED
    total_widths: Widths = UNSTRETCHED


def straying_of(
    service: ServiceModel, counts: Numbers, parameters: IntradayParameters, recent: NDArray[np.bool_]
) -> Straying:
    """Learn from the errors of the forecasts that were made the day before.

    Parameters
    ----------
    service : the fitted service.
    counts : its series' counts, shape (series, days, intervals), NaN where nothing was observed.
    recent : shape (series, days): which of them to learn from.
    """
    expected = service.ahead.mean
    size = expected.shape[2]
    usable = np.isfinite(counts) & (expected > 0) & recent[:, :, None]
    errors = np.log((np.where(usable, counts, HALF) + HALF) / (np.where(usable, expected, HALF) + HALF))
    errors = np.where(usable, np.clip(errors, -LARGEST_ERROR, LARGEST_ERROR), 0.0)
    weight = np.where(usable, expected / (expected + FEW_PEOPLE), 0.0)
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
    return Straying(loadings, leftover, _usual_variance(service), np.ones(len(REPLAYED)))


def _ordinary(errors: Numbers, weight: Numbers) -> Numbers:
    """Weight of each day, 0-1: a day that was far off as a whole says little of ordinary ones."""
    level = (weight * errors).sum(axis=2) / np.maximum(weight.sum(axis=2), SMALLEST)
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

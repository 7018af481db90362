"""Making tables of durations: from a formula, from what was seen, from another table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from openhall.science.quantile_table import Durations

__all__ = ["KEPT_POINTS", "Durations", "constant", "exponential", "lognormal", "of_samples", "thinned"]

KEPT_POINTS = 129
"""Of what is learned: an eighth of a percent is more than a month of one service can say."""


def constant(duration_ms: int) -> Durations:
    """Always the same."""
    return Durations((duration_ms, duration_ms))


def _with_mean(points: NDArray[np.float64], mean_ms: float) -> Durations:
    """Points of unit mean, the last of them unbounded, as a table with exactly this mean (to the
    rounding)."""
    steps = len(points) - 1
    points[-1] = 0.0
    rest = (points.sum() - points[0] / 2) / steps
    points[-1] = max(points[-2], 2 * steps * (1.0 - rest))
    scaled = np.rint(points * mean_ms).astype(np.int64)
    return Durations(tuple(int(p) for p in scaled))


def exponential(mean_ms: float, points: int = 1_025) -> Durations:
    """Memoryless, with this mean."""
    shares = np.linspace(0.0, 1.0, points)
    shares[-1] = 0.0
    return _with_mean(-np.log1p(-shares), mean_ms)


def lognormal(mean_ms: float, cv: float, points: int = 1_025) -> Durations:
    """Lognormal with this mean and coefficient of variation: the usual shape of service times."""
    variance = np.log1p(cv * cv)
    shares = np.linspace(0.0, 1.0, points)
    shares[0], shares[-1] = 0.2 / points, 0.5
    return _with_mean(np.exp(ndtri(shares) * np.sqrt(variance) - variance / 2), mean_ms)


def _ending(points: NDArray[np.float64], mean_ms: float) -> NDArray[np.float64]:
    """Points whose last one gives the table this mean, as far as it stays the largest.

    The largest of some durations is as uncertain as can be, and a straight line to it from the point before
    makes the mean of a long-tailed table too large.
    """
    steps = len(points) - 1
    rest = points[0] / 2 + points[1:-1].sum()
    points[-1] = max(points[-2], 2 * (mean_ms * steps - rest))
    return points


def _rounded(points: NDArray[np.float64]) -> tuple[int, ...]:
    return tuple(int(p) for p in np.rint(np.maximum(points, 0.0)))


def of_samples(samples_ms: Sequence[float] | NDArray[np.float64], points: int = KEPT_POINTS) -> Durations:
    """The durations that were seen, as a table with their mean. Raises ValueError for none."""
    if not len(samples_ms):
        raise ValueError("Expected durations, got none")
    samples = np.asarray(samples_ms, float)
    found = np.quantile(samples, np.linspace(0.0, 1.0, points))
    return Durations(_rounded(_ending(found, float(samples.mean()))), len(samples_ms), 1.0)


def thinned(table: Durations, points: int) -> Durations:
    """The same in fewer points, with the same mean (to the rounding)."""
    shares = np.linspace(0.0, 1.0, points)
    own = np.linspace(0.0, 1.0, len(table.points_ms))
    found = np.interp(shares, own, np.asarray(table.points_ms, float))
    return Durations(_rounded(_ending(found, table.mean_ms)), table.count, table.own_share)

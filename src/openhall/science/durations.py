"""Durations as quantiles: the one form in which times are learned, kept, drawn and shown.

A table of 2**k + 1 points holds the quantiles 0, 1/2**k, ... 1 in whole milliseconds. Between two points a
duration is evenly spread, so a table is a distribution: it has a mean, and a share that is shorter than a
time.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

KEPT_POINTS = 129
"""Of what is learned: an eighth of a percent is more than a month of one service can say."""


class Durations(msgspec.Struct, frozen=True):
    """A distribution of durations.

    Parameters
    ----------
    points_ms : quantiles from 0 to 1 in equal steps, ascending; 2**k + 1 of them, k at most 10.
    count : durations that were seen; 0 for an assumption.
    own_share : how much of it is the branch's own, the rest being borrowed where it has seen little [0, 1].
    """

    points_ms: tuple[int, ...]
    count: int = 0
    own_share: float = 0.0

    def __post_init__(self) -> None:
        steps = len(self.points_ms) - 1
        if not 1 <= steps <= 1_024 or steps & (steps - 1):
            raise ValueError(f"Expected 2**k + 1 points, k from 0 to 10, got {len(self.points_ms)}")
        if self.points_ms[0] < 0 or any(b < a for a, b in pairwise(self.points_ms)):
            raise ValueError("Expected ascending points from 0 ms up")

    @property
    def mean_ms(self) -> float:
        """The mean: half the ends and all between."""
        points = self.points_ms
        return (sum(points) - (points[0] + points[-1]) / 2) / (len(points) - 1)

    def quantile_ms(self, share: float) -> float:
        """The duration that a share of all is shorter than."""
        return float(np.interp(share, np.linspace(0.0, 1.0, len(self.points_ms)), self.points_ms))

    def share_below(self, duration_ms: float) -> float:
        """The share that is shorter than a duration."""
        grid = np.linspace(0.0, 1.0, len(self.points_ms))
        steps = np.arange(len(self.points_ms)) * 1e-6  # equal points must not hide each other
        return float(np.interp(duration_ms, np.asarray(self.points_ms) + steps, grid))

    def expand(self, points: int = 1_025) -> NDArray[np.int64]:
        """The same distribution in `points` points, for the engine: (points,) ms."""
        grid = np.linspace(0.0, 1.0, points)
        own = np.linspace(0.0, 1.0, len(self.points_ms))
        return np.rint(np.interp(grid, own, self.points_ms)).astype(np.int64)

    def thinned(self, points: int) -> Durations:
        """The same in fewer points, with the same mean (to the rounding)."""
        shares = np.linspace(0.0, 1.0, points)
        own = np.linspace(0.0, 1.0, len(self.points_ms))
        found = np.interp(shares, own, np.asarray(self.points_ms, float))
        return Durations(_rounded(_ending(found, self.mean_ms)), self.count, self.own_share)

    def scaled(self, factor: float) -> Durations:
        """Every duration times a factor."""
        return Durations(tuple(round(p * factor) for p in self.points_ms), self.count, self.own_share)


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

"""A distribution of durations by its quantiles: the one form in which times are learned, kept and drawn.

A table of 2**k + 1 points holds the quantiles 0, 1/2**k, ... 1 in whole milliseconds. Between two points a
duration is evenly spread, so a table is a distribution: it has a mean, and a share that is shorter than a
time. Reading and showing one needs no numpy: the process that serves tickets has none.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


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
        at = min(1.0, max(0.0, share)) * (len(self.points_ms) - 1)
        index = min(int(at), len(self.points_ms) - 2)
        low, high = self.points_ms[index], self.points_ms[index + 1]
        return low + (high - low) * (at - index)

    def share_below(self, duration_ms: float) -> float:
        """The share that is shorter than a duration."""
        points = self.points_ms
        index = bisect_left(points, duration_ms)
        if index == 0:
            return 0.0
        if index == len(points):
            return 1.0
        low, high = points[index - 1], points[index]
        return (index - 1 + (duration_ms - low) / (high - low)) / (len(points) - 1)

    def expand(self, points: int = 1_025) -> NDArray[np.int64]:
        """The same distribution in `points` points, for the engine: (points,) ms."""
        import numpy as np

        grid = np.linspace(0.0, 1.0, points)
        own = np.linspace(0.0, 1.0, len(self.points_ms))
        return np.rint(np.interp(grid, own, self.points_ms)).astype(np.int64)

    def scaled(self, factor: float) -> Durations:
        """Every duration times a factor."""
        return Durations(tuple(round(p * factor) for p in self.points_ms), self.count, self.own_share)

"""Durations of which some were cut short: the product-limit estimate, and the table that follows from it.

Kaplan and Meier, "Nonparametric estimation from incomplete observations", J. Amer. Statist. Assoc. 53 (1958):
at each moment at which somebody left, the share that stays on is 1 - (left / still there), and the surviving
share is the product. Observations may have weights: a borrowed one counts less than one's own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openhall.science.durations import KEPT_POINTS, Durations

Numbers = NDArray[np.float64]

FAR_MS = 24 * 3_600_000
"""Beyond any day: somebody whose patience lasts so long does not leave."""

STILL_THERE_AT_LEAST = 10.0
"""Weight of those still there below which the estimate is not followed any further: one leaving among a
handful would move it by tens of percent."""


class Curve(NamedTuple):
    """The share that left by each moment, as far as it can be told, and how fast they left.

    Parameters
    ----------
    moments_ms : (n,) ascending; somebody left at each.
    left : (n,) the share that left by then, (0, 1].
    rate : leavings by ms of being there, over all that was seen.
    """

    moments_ms: Numbers
    left: Numbers
    rate: float


def product_limit(
    durations_ms: Numbers,
    is_ended: NDArray[np.bool_],
    weights: Numbers | None = None,
    *,
    still_there_at_least: float = 0.0,
) -> Curve:
    """The Kaplan-Meier estimate.

    Parameters
    ----------
    durations_ms : (n,) how long each was there.
    is_ended : (n,) left of their own accord; the others were cut short, and at a tie stay the longer.
    weights : (n,) how much each counts; 1 without.
    still_there_at_least : weight below which it ends.

    >>> curve = product_limit(np.array([2.0, 3.0, 3.0, 5.0]), np.array([True, True, False, True]))
    >>> curve.moments_ms.tolist(), curve.left.tolist()
    ([2.0, 3.0, 5.0], [0.25, 0.5, 1.0])
    """
    weights = np.ones(len(durations_ms)) if weights is None else weights
    order = np.lexsort((~is_ended, durations_ms))
    times, ended, counts = durations_ms[order], is_ended[order], weights[order]
    there = counts[::-1].cumsum()[::-1]
    moments, first = np.unique(times[ended], return_index=True)
    leaving = np.add.reduceat(counts[ended], first) if len(first) else np.zeros(0)
    at_risk = there[np.searchsorted(times, moments)]
    is_told = at_risk >= still_there_at_least
    surviving = np.cumprod(1 - np.minimum(1.0, leaving[is_told] / at_risk[is_told]))
    person_ms = float((times * counts).sum())
    return Curve(moments[is_told], 1 - surviving, float(leaving.sum()) / person_ms if person_ms else 0.0)


def patience(curve: Curve, count: int = 0, own_share: float = 0.0) -> Durations | None:
    """The table of a curve of leavings; None when nobody left.

    Beyond the last leaving that the curve follows, people go on leaving at the mean rate of all that was
    seen: a table that said that nobody leaves any more would promise too long a wait just when the line is
    longer than ever, and one in which all leave would promise a short one.
    """
    if not len(curve.left) or not curve.rate:
        return None
    shares = np.linspace(0.0, 1.0, KEPT_POINTS)
    known = float(curve.left[-1])
    points = np.interp(shares, np.r_[0.0, curve.left], np.r_[curve.moments_ms[0], curve.moments_ms])
    beyond = (shares > known) & (shares < 1)
    points[beyond] = curve.moments_ms[-1] - np.log((1 - shares[beyond]) / (1 - known)) / curve.rate
    if known < 1:
        points[-1] = FAR_MS
    return _table(np.minimum(points, FAR_MS), count, own_share)


def ended_only(curve: Curve, count: int = 0, own_share: float = 0.0) -> Durations:
    """The table of those who left by the curve's end: what follows them is nobody's duration.

    Raises ValueError when nobody left.
    """
    if not len(curve.left):
        raise ValueError("Expected a curve with a leaving, got none")
    shares = np.linspace(0.0, 1.0, KEPT_POINTS) * curve.left[-1]
    points = np.interp(shares, np.r_[0.0, curve.left], np.r_[curve.moments_ms[0], curve.moments_ms])
    return _table(points, count, own_share)


def settled(curve: Curve, longest_ms: float, count: int = 0, own_share: float = 0.0) -> Durations:
    """The table of durations that all come to an end: what the curve leaves open ends at `longest_ms`, the
    longest that was seen, ended or cut (Efron's convention).

    Raises ValueError when none ended.
    """
    if not len(curve.left):
        raise ValueError("Expected a curve with an end, got none")
    shares = np.linspace(0.0, 1.0, KEPT_POINTS)
    left, moments = np.r_[0.0, curve.left], np.r_[curve.moments_ms[0], curve.moments_ms]
    points = np.interp(shares, left, moments)
    points[shares > left[-1] + 1e-12] = max(longest_ms, moments[-1])
    return _table(points, count, own_share)


def _table(points: Numbers, count: int, own_share: float) -> Durations:
    rounded = np.maximum.accumulate(np.rint(np.maximum(points, 0.0)))
    return Durations(tuple(int(p) for p in rounded), count, own_share)

"""Means, intervals and differences from the sums of a study.

Every metric is a ratio of two sums over days, R = sum x / sum y, so its interval is that of a ratio: with
d = x - R y of each replication, the half-width is t(n-1) s(d) / (mean(y) sqrt(n)) (Cochran, Sampling
Techniques, 3rd ed., section 6.4). Where y is a number of branches this is the plain interval of a mean. A
difference from the baseline is taken replication by replication, because both met the same customers.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from openhall.science.engine import WAIT_BIN_MS, WAIT_BINS, Ints
from openhall.science.study.sums import Sums
from openhall.science.study.tasks import IS_TIME, METRICS, fractions_of, whole

Floats = NDArray[np.float64]

CONFIDENCE: Final = 0.95
WITHIN_MINUTES: Final = (10, 15, 20, 30)
MINUTE_SECONDS: Final = 60.0
_ROUNDING: Final = 1e-13
"""A variance below that share of the squares it is the rest of is none: floats cannot tell it from 0."""


class Estimate(msgspec.Struct, frozen=True):
    """A mean and how far the true one may be: half the width of the 95 % interval, over `count`
    replications; None where fewer than two replications, or nobody at all, say nothing about it."""

    mean: float | None
    half_width: float | None
    count: int

    @property
    def low(self) -> float | None:
        """The lower end."""
        return None if self.mean is None or self.half_width is None else self.mean - self.half_width

    @property
    def high(self) -> float | None:
        """The upper end."""
        return None if self.mean is None or self.half_width is None else self.mean + self.half_width


class Difference(msgspec.Struct, frozen=True):
    """A policy less the baseline, on the same customers.

    `variance_ratio` is how many times the variance would be had each met customers of its own: the
    replications that common random numbers save.
    """

    estimate: Estimate
    variance_ratio: float | None


def student(count: int) -> float:
    """The 97.5 % point of Student's t for `count` replications, 2 or more."""
    return float(stdtrit(count - 1, (1 + CONFIDENCE) / 2))


# --- the network -------------------------------------------------------------------------------------


def network_values(sums: Sums) -> Floats:
    """(policies, replications, METRICS, 2) x and y of each whole replication; times in minutes."""
    count = sums.whole_replications
    found = fractions_of(sums.days[:, :count], sums.branch_count).astype(float)
    found[..., IS_TIME, 0] /= MINUTE_SECONDS * 1_000
    return found


def estimate(values: Floats) -> Estimate:
    """Of (replications, 2) x and y."""
    count = len(values)
    mean_y = float(values[:, 1].mean()) if count else 0.0
    if not mean_y:
        return Estimate(None, None, count)
    ratio = float(values[:, 0].mean()) / mean_y
    if count < 2:
        return Estimate(ratio, None, count)
    spread = float(np.std(_deviations(values), ddof=1))
    return Estimate(ratio, student(count) * spread / count**0.5, count)


def _deviations(values: Floats) -> Floats:
    """(x - R y) / mean(y): what each replication adds to the error of R."""
    ratio = values[:, 0].mean() / values[:, 1].mean()
    found: Floats = (values[:, 0] - ratio * values[:, 1]) / values[:, 1].mean()
    return found


def difference(values: Floats, baseline: Floats) -> Difference:
    """Of two (replications, 2) over the same replications."""
    count = len(values)
    ours, theirs = estimate(values), estimate(baseline)
    if ours.mean is None or theirs.mean is None:
        return Difference(Estimate(None, None, count), None)
    mean = ours.mean - theirs.mean
    if count < 2:
        return Difference(Estimate(mean, None, count), None)
    first, second = _deviations(values), _deviations(baseline)
    paired, apart = (
        float(np.var(first - second, ddof=1)),
        float(np.var(first, ddof=1) + np.var(second, ddof=1)),
    )
    half_width = student(count) * paired**0.5 / count**0.5
    return Difference(Estimate(mean, half_width, count), apart / paired if paired > 0 else None)


# --- branches ----------------------------------------------------------------------------------------


class BranchEstimates(NamedTuple):
    """(branches,) each; NaN where there is nothing to say."""

    mean: Floats
    half_width: Floats


def branch_estimates(sums: Sums, policy: int, metric: str) -> BranchEstimates:
    """A metric of every branch under a policy, with its interval over the replications."""
    count, m = sums.whole_replications, METRICS.index(metric)
    with np.errstate(divide="ignore", invalid="ignore"):
        squares = _branch_squares(sums, policy, m)[1]
        half_width = _half_width(squares, sums.sums[policy, :, m, 1].astype(float), count)
    return BranchEstimates(_branch_means(sums, policy, m), half_width / _unit(m))


def _unit(m: int) -> float:
    """Seconds in the unit of a metric."""
    return MINUTE_SECONDS if IS_TIME[m] else 1.0


def _branch_means(sums: Sums, policy: int, m: int) -> Floats:
    """From the ms of all days: whole seconds a day, as the squares have them, would be half a second low."""
    found = fractions_of(sums.branch_totals[policy], sums.whole_replications)[:, m].astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean: Floats = found[:, 0] / found[:, 1] / (_unit(m) * 1_000 if IS_TIME[m] else 1.0)
    return mean


def _branch_squares(sums: Sums, policy: int, m: int) -> tuple[Floats, Floats]:
    """Ratio of every branch in seconds, and its sum of squares of x - R y, whose mean is 0."""
    x, y = (sums.sums[policy, :, m, i].astype(float) for i in (0, 1))
    xx, xy, yy = (whole(sums.squares[policy, :, m, i]) for i in (0, 1, 2))
    ratio = x / y
    return ratio, _rest(xx - 2 * ratio * xy + ratio * ratio * yy, xx)


def _rest(squares: Floats, of: Floats) -> Floats:
    found: Floats = np.where(squares > _ROUNDING * of, squares, 0.0)
    return found


def _half_width(squares: Floats, y: Floats, count: int) -> Floats:
    """For sums over `count` replications of squared deviations and of y."""
    if count < 2:
        return np.full(len(squares), np.nan)
    found: Floats = student(count) * np.sqrt(squares / (count - 1) / count) / (y / count)
    return found


def branch_differences(sums: Sums, policy: int, metric: str) -> BranchEstimates:
    """A policy less the baseline in every branch, day by day on the same customers."""
    count, m = sums.whole_replications, METRICS.index(metric)
    with np.errstate(divide="ignore", invalid="ignore"):
        ours, our_squares = _branch_squares(sums, policy, m)
        theirs, their_squares = _branch_squares(sums, 0, m)
        y, base_y = (sums.sums[p, :, m, 1].astype(float) for p in (policy, 0))
        # e = (x - R y) / y~ - (x' - R' y') / y~', squared and added up, with y~ the sum of y.
        xx, xy, yx, yy = (whole(sums.products[policy, :, m, i]) for i in range(4))
        crossed = xx - theirs * xy - ours * yx + ours * theirs * yy
        parts = our_squares / y**2 + their_squares / base_y**2
        squares = _rest(parts - 2 * crossed / (y * base_y), parts)
        spread = np.sqrt(squares / (count - 1) * count) if count > 1 else np.full(len(y), np.nan)
        half_width = student(count) * spread if count > 1 else spread
    mean = _branch_means(sums, policy, m) - _branch_means(sums, 0, m)
    return BranchEstimates(mean, half_width / _unit(m))


# --- waits -------------------------------------------------------------------------------------------


def wait_quantile_minutes(waits: Ints, share: float) -> float | None:
    """The wait that a share of those called did not exceed; (WAIT_BINS,) counts of half minutes.

    Linear within a bin. 240 stands for four hours or more; None for nobody.
    """
    total = int(waits.sum())
    if not total:
        return None
    upto = np.cumsum(waits)
    found = int(np.searchsorted(upto, share * total))
    if found >= WAIT_BINS - 1:
        return (WAIT_BINS - 1) * WAIT_BIN_MS / 60_000
    before = int(upto[found - 1]) if found else 0
    return (found + (share * total - before) / int(waits[found])) * WAIT_BIN_MS / 60_000


def share_within(waits: Ints, minutes: int) -> float | None:
    """The share of those called who waited less than so many whole minutes."""
    total = int(waits.sum())
    return int(waits[: minutes * 60_000 // WAIT_BIN_MS].sum()) / total if total else None

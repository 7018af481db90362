"""How a day's people spread over its intervals.

The share of each interval is a usual share, the series' own as far as its counts carry it and its service's
for the rest, and moves from day to day along a few factors: singular vectors of the square roots of the
shares, whose scores are continued by the calendar like the totals (Shen and Huang, Interday forecasting and
intraday updating of call center arrivals, M&SOM 10, 2008). The square root makes the variance of a count the
same everywhere: a quarter of its dispersion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openhall.science.forecast.kriging import Days
from openhall.science.forecast.levels import Levels, levels_through

Numbers = NDArray[np.float64]

ROUNDS = 4
"""Of usual shares and full-day totals in turn; only days with holes need more than one."""
USUAL_DISPERSION = 2.0
DISPERSION_AT_MOST = 100.0
DISPERSION_DAYS = 10.0
"""Days at which a series' own dispersion weighs as much as its service's."""
SMALLEST_SHARE = 1e-9


@dataclass(frozen=True)
class Usual:
    """Usual shares of the series of one service, and what their days amount to.

    Attributes
    ----------
    shares : shape (series, intervals); each row adds up to 1.
    totals : shape (series, days): people of the full day; NaN where nothing was observed.
    seen : shape (series, days): share of the usual day that was observed, 0-1.
    """

    shares: Numbers
    totals: Numbers
    seen: Numbers


@dataclass(frozen=True)
class Profiles:
    """The profile of each series of one service.

    Attributes
    ----------
    roots : shape (series, intervals): square roots of the usual shares.
    factors : shape (factors, intervals), orthonormal.
    scores : of each factor, by series and day.
    dispersion : shape (series,): variance by mean of an interval's count, given the day.
    """

    roots: Numbers
    factors: Numbers
    scores: tuple[Levels, ...]
    dispersion: Numbers

    def predict(self, series: int, shared: Days, own: Days) -> tuple[Numbers, Numbers]:
        """Shares of coming days and the variance of their square roots, each of shape (days, intervals)."""
        told = [score.predict(series, shared, own) for score in self.scores]
        mean = np.array([one[0] for one in told]).reshape(len(told), len(own))
        variance = np.array([one[1] for one in told]).reshape(len(told), len(own))
        return shares_of(self.roots[series] + mean.T @ self.factors), variance.T @ self.factors**2

    def ahead(self, series: int, days: int) -> tuple[Numbers, Numbers]:
        """The same for each of so many past days, from the days before it; NaN where nothing was observed."""
        mean, variance = (np.zeros((len(self.scores), days)) for _ in range(2))
        for row, score in enumerate(self.scores):
            mean[row], variance[row] = score.ahead_mean[series], score.ahead_variance[series]
        return shares_of(self.roots[series] + mean.T @ self.factors), variance.T @ self.factors**2


def shares_of(roots: Numbers) -> Numbers:
    """Shares from their square roots; a root that a factor drove below zero is zero."""
    squares = np.maximum(roots, 0.0) ** 2
    return np.asarray(squares / np.maximum(squares.sum(axis=-1, keepdims=True), SMALLEST_SHARE))


def usual_of(counts: Numbers, open_shares: Numbers) -> Usual:
    """Usual shares and full-day totals, each from the other.

    Parameters
    ----------
    counts : shape (series, days, intervals), NaN where nothing was observed.
    open_shares : the same shape, 0-1: how much of each interval the doors were open.
    """
    seen = np.isfinite(counts) & (open_shares > 0)
    exposure = np.where(seen, open_shares, 0.0)
    people = np.where(seen, counts, 0.0)
    observed = exposure.any(axis=2)
    came = people.sum(axis=2)
    shares = np.full((counts.shape[0], counts.shape[2]), 1.0 / max(counts.shape[2], 1))
    for _round in range(ROUNDS):
        part = np.einsum("sdi,si->sd", exposure, shares)
        totals = came / np.maximum(part, SMALLEST_SHARE)
        expected = np.einsum("sdi,sd->si", exposure, totals)
        own = np.where(expected > 0, people.sum(axis=1) / np.maximum(expected, SMALLEST_SHARE), 0.0)
        shares = _borrowed(own, people.sum(axis=(1, 2)))
    part = np.einsum("sdi,si->sd", exposure, shares)
    usable = observed & (part > SMALLEST_SHARE)
    return Usual(shares, np.where(usable, came / np.maximum(part, SMALLEST_SHARE), np.nan), part * usable)


def _borrowed(own: Numbers, people: Numbers) -> Numbers:
    """Shares of each series, leaning on all of them together as far as its people are few.

    The people at which both weigh the same follow from how far the series differ beyond chance: of n people
    over I intervals the squared distance from the truth is dispersion * (I - 1) / n of that of a whole share.
    """
    size = own.shape[1]
    scaled = own / np.maximum(own.sum(axis=1, keepdims=True), SMALLEST_SHARE)
    weight = people / max(people.sum(), SMALLEST_SHARE)
    together = weight @ scaled if people.sum() > 0 else np.full(size, 1.0 / max(size, 1))
    together = together / max(together.sum(), SMALLEST_SHARE)
    some = people > 0
    if not some.any():
        return np.tile(together, (len(own), 1))
    distance = ((scaled - together) ** 2 / np.maximum(together, 1e-6)).sum(axis=1)
    by_chance = USUAL_DISPERSION * (size - 1) / np.maximum(people, 1.0)
    between = max(float((distance - by_chance)[some].mean()), 1e-4)
    trust = people / (people + USUAL_DISPERSION * (size - 1) / between)
    return np.asarray(trust[:, None] * scaled + (1 - trust[:, None]) * together)


def profiles_through(
    counts: Numbers,
    usual: Usual,
    open_shares: Numbers,
    *,
    shared: Days,
    own: Sequence[Days],
    factors: int,
) -> Profiles:
    """Fit the factors and their scores.

    Parameters
    ----------
    counts, open_shares : as for `usual_of`.
    usual : its answer.
    shared, own : the days as the network and each series' branch see them.
    factors : how many at most; fewer where there are fewer days.
    """
    roots = np.sqrt(usual.shares)
    seen = np.isfinite(counts) & (open_shares > 0)
    full = np.where(seen, counts, 0.0) / np.where(open_shares > 0, open_shares, 1.0)
    usable = np.isfinite(usual.totals) & (usual.totals > 0)
    totals = np.where(usable, usual.totals, 1.0)
    rest = np.where(seen & usable[:, :, None], np.sqrt(full / totals[:, :, None]) - roots[:, None, :], 0.0)
    weight = np.where(usable, totals * usual.seen, 0.0)
    found = _factors(rest, weight, factors)
    scores = np.einsum("sdi,ki->ksd", rest, found)
    left = rest - np.einsum("ksd,ki->sdi", scores, found)
    dispersion = _dispersion(left, weight, seen, len(found))
    noise = dispersion[:, None] / (4 * np.maximum(weight, 1e-6))
    lines = []
    for score in scores:
        values = np.where(usable, score, np.nan)
        spread = np.sqrt((weight * score**2).sum() / max(weight.sum(), SMALLEST_SHARE))
        lines.append(levels_through(values, noise, shared=shared, own=own, floor=max(float(spread), 1e-6)))
    return Profiles(roots, found, tuple(lines), dispersion)


def _factors(rest: Numbers, weight: Numbers, count: int) -> Numbers:
    """Orthonormal directions of most movement, shape (at most `count`, intervals)."""
    rows = (np.sqrt(weight)[:, :, None] * rest).reshape(-1, rest.shape[2])
    rows = rows[weight.reshape(-1) > 0]
    possible = min(count, len(rows) - 1, rest.shape[2] - 1)
    if possible < 1:
        return np.zeros((0, rest.shape[2]))
    _sizes, vectors = np.linalg.eigh(rows.T @ rows)
    return np.asarray(vectors[:, ::-1][:, :possible].T)


def _dispersion(left: Numbers, weight: Numbers, seen: NDArray[np.bool_], factors: int) -> Numbers:
    """Variance by mean of each series: four times that of the square roots, leaning on all series."""
    free = np.maximum(seen.sum(axis=2) - factors, 0) * (weight > 0)
    squares = 4 * (weight[:, :, None] * left**2).sum(axis=2)
    days = (free > 0).sum(axis=1)
    together = (squares.sum() + USUAL_DISPERSION) / (free.sum() + 1.0)
    own = np.where(days > 0, squares.sum(axis=1) / np.maximum(free.sum(axis=1), 1), together)
    blended = (days * own + DISPERSION_DAYS * together) / (days + DISPERSION_DAYS)
    return np.asarray(np.clip(blended, 1.0, DISPERSION_AT_MOST))

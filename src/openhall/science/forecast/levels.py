"""Two levels of values by day: what all branches share, and by how much each departs from it.

The shared part of a day is the robust mean of the branches after each branch's own usual value was taken off;
both parts are continued by `kriging`. A branch's departure has a constant with a variance that is found from
all branches together, so that a branch of few days leans on the network, and a new one is the network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openhall.science.forecast.kriging import (
    Days,
    Line,
    Observed,
    Variances,
    covariances,
    line_through,
    variances_of,
)

Numbers = NDArray[np.float64]

SEARCHED_SERIES = 12
"""Series that the variances are found from: those with most days."""
SEARCHED_DAYS = 200
MEDIAN_FROM = 5
"""Branches from which on a day's shared part is a median: one of them may be wrong by anything."""
ALTERNATIONS = 5
OWN_CONSTANT = 1.0
FLOOR_DAYS = 3.0
"""Days that the floor of a scale is worth."""


@dataclass(frozen=True)
class Levels:
    """Values of several series, fitted on both levels.

    Attributes
    ----------
    ahead_mean, ahead_variance : shape (series, days): what the days before each day said of it; NaN where
        nothing was observed.
    """

    network: Line
    own: tuple[Line, ...]
    ahead_mean: Numbers
    ahead_variance: Numbers

    def predict(self, series: int, shared: Days, own: Days) -> tuple[Numbers, Numbers]:
        """Mean and variance of a series' values on other days; the noise of a day is in the variance.

        Parameters
        ----------
        series : number of the series.
        shared, own : the same days as the network and the branch see them.
        """
        mean, variance = self.network.predict(shared)
        if self.own:
            departs, uncertain = self.own[series].predict(own)
            mean, variance = mean + departs, variance + uncertain
        return mean, variance


def levels_through(
    values: Numbers, noise: Numbers, *, shared: Days, own: Sequence[Days], floor: float
) -> Levels:
    """Fit both levels.

    Parameters
    ----------
    values : shape (series, days); NaN where nothing was observed.
    noise : shape (series, days): known variance of each value, as of a count that stands for a rate.
    shared : the days as the network sees them.
    own : the days as each series' branch sees them; the same object for branches with the same calendar.
    floor : standard deviation that the values have at least, for the first few days.
    """
    common, common_noise = _common(values, noise)
    network = _network_line(common, common_noise, shared, floor)
    seen = np.isfinite(values)
    mean, variance = (np.full(values.shape, np.nan) for _ in range(2))
    days = np.flatnonzero(np.isfinite(common))
    mean[:, days], variance[:, days] = network.ahead_mean, network.ahead_variance
    lines: tuple[Line, ...] = ()
    if len(values) > 1:
        lines = _own_lines(values - common, noise, own, floor)
        for row, line in enumerate(lines):
            mean[row, seen[row]] += line.ahead_mean
            variance[row, seen[row]] += line.ahead_variance
    mean[~seen], variance[~seen] = np.nan, np.nan
    return Levels(network, lines, mean, variance)


def _common(values: Numbers, noise: Numbers) -> tuple[Numbers, Numbers]:
    """What the series share on each day, and the variance of that estimate; NaN without an observation."""
    seen = np.isfinite(values)
    if len(values) == 1:
        return values[0].copy(), noise[0].copy()
    filled = np.where(seen, values, 0.0)
    usual = np.array(
        [np.median(row[ok]) if ok.any() else np.nan for row, ok in zip(values, seen, strict=True)]
    )
    level = float(np.nanmean(usual)) if np.isfinite(usual).any() else 0.0
    usual = np.where(np.isfinite(usual), usual, level)
    weight = np.where(seen, 1.0, 0.0)
    common = np.zeros(values.shape[1])
    for _alternation in range(ALTERNATIONS):
        common = _centre_of(filled - usual[:, None], weight, seen)
        rest = filled - common - usual[:, None]
        spread = float((weight * rest**2).sum() / max(weight.sum(), 1e-12))
        weight = np.where(seen, 1.0 / (noise + spread + 1e-12), 0.0)
        shift = (weight * rest).sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-12)
        usual = usual + shift
    total = weight.sum(axis=0)
    alone = np.where(total > 0, 1.0 / np.maximum(total, 1e-12), np.nan)
    return np.where(total > 0, common + usual.mean(), np.nan), alone


def _centre_of(rest: Numbers, weight: Numbers, seen: NDArray[np.bool_]) -> Numbers:
    """Weighted mean of each day over the series; their median where they are many."""
    mean: Numbers = (weight * rest).sum(axis=0) / np.maximum(weight.sum(axis=0), 1e-12)
    many = np.flatnonzero(seen.sum(axis=0) >= MEDIAN_FROM)
    for day in many:
        mean[day] = np.median(rest[seen[:, day], day])
    return mean


def _network_line(common: Numbers, noise: Numbers, days: Days, floor: float) -> Line:
    at = np.flatnonzero(np.isfinite(common))
    told = _observed(common, noise, at, days, covariances(days.rows(at), days.rows(at)))
    centre = float(np.median(told.values)) if len(at) else 0.0
    scale = _scale(told.values - centre, floor)
    searched = at[-SEARCHED_DAYS:]
    late = _observed(
        common, noise, searched, days, [c[-len(searched) :, -len(searched) :] for c in told.covariances]
    )
    found = variances_of([late], centre=centre, scale=scale)
    return line_through(told, found, centre=centre)


def _own_lines(departures: Numbers, noise: Numbers, own: Sequence[Days], floor: float) -> tuple[Line, ...]:
    known: dict[int, list[Numbers]] = {}
    for days in own:
        if id(days) not in known:
            known[id(days)] = covariances(days, days)
    told = []
    for row, days in enumerate(own):
        at = np.flatnonzero(np.isfinite(departures[row]))
        told.append(
            _observed(departures[row], noise[row], at, days, [c[np.ix_(at, at)] for c in known[id(days)]])
        )
    counts = [len(one.values) for one in told]
    chosen = sorted(range(len(told)), key=lambda row: (-counts[row], row))[:SEARCHED_SERIES]
    centre = 0.0
    within = [told[row].values - np.median(told[row].values) for row in chosen if counts[row]]
    scale = _scale(np.concatenate(within) if within else np.zeros(0), floor)
    found = variances_of(
        [_late(told[row]) for row in chosen], centre=centre, scale=scale, constant=OWN_CONSTANT
    )
    usual = np.array([np.median(one.values) for one in told if len(one.values)])
    between = float(np.mean((usual - centre) ** 2)) if len(usual) else 0.0
    found = Variances(found.effects, max(found.constant, between), found.noise)
    return tuple(line_through(one, found, centre=centre) for one in told)


def _late(one: Observed) -> Observed:
    """The latest days of a series: enough to find variances from."""
    last = slice(-SEARCHED_DAYS, None)
    return Observed(
        one.days.rows(last), [c[last, last] for c in one.covariances], one.values[last], one.noise[last]
    )


def _observed(
    values: Numbers, noise: Numbers, at: NDArray[np.intp], days: Days, between: list[Numbers]
) -> Observed:
    return Observed(days.rows(at), between, values[at], noise[at])


def _scale(rest: Numbers, floor: float) -> float:
    """Standard deviation, leaning on the floor for the first days and deaf to outliers."""
    robust = float((1.4826 * np.median(np.abs(rest - np.median(rest)))) ** 2) if len(rest) else 0.0
    return float(np.sqrt((len(rest) * robust + FLOOR_DAYS * floor**2) / (len(rest) + FLOOR_DAYS)))

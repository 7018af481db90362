"""Who comes when, from the days on which people came.

The expected people of a stretch are the mean over the days on which they could come then. Their dispersion is
variance by mean over the days: 1 is Poisson, halls show about 2. The services and classes they come for are
smoothed towards the whole day's, because a quarter of an hour has few people.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from openhall.science.habits import Arrivals
from openhall.science.samples import STRETCH_MS, DayArrivals, NeedKey

Numbers = NDArray[np.float64]

MIX_K = 20.0
"""People of a stretch at which its own mix weighs as much as the whole day's."""
DISPERSION_K = 10.0
"""Days at which a branch's own dispersion weighs as much as the network's."""
DISPERSION_AT_MOST = 20.0
SMALLEST_MEAN = 1.0
"""Stretches that expect fewer people say nothing about dispersion."""


def arrivals_of(
    own: Sequence[DayArrivals],
    keys: Sequence[NeedKey],
    *,
    usual_dispersion: float = 1.0,
) -> Arrivals | None:
    """An ordinary day of a branch; None without a day.

    Parameters
    ----------
    own : the branch's days.
    keys : services, classes and needs, in the order of the groups; whose need has no group is in that of the
        service and class, with an empty need.
    usual_dispersion : that of the other branches, to lean on where days are few.
    """
    if not own:
        return None
    first = min(day.from_ms for day in own) // STRETCH_MS
    last = -(-max(day.until_ms for day in own) // STRETCH_MS)
    counts = np.zeros((len(own), last - first, len(keys)))
    is_open = np.zeros((len(own), last - first), bool)
    numbers = {key: number for number, key in enumerate(keys)}
    for row, day in enumerate(own):
        is_open[row, day.from_ms // STRETCH_MS - first : -(-day.until_ms // STRETCH_MS) - first] = True
        for (service, code, need), moments in day.joined_ms.items():
            number = numbers.get((service, code, need), numbers.get((service, code, "")))
            if number is not None:
                stretch = np.asarray(moments) // STRETCH_MS - first
                # Somebody from outside the hours (on the roll, or entered later) is of the nearest stretch.
                np.add.at(counts[row, :, number], np.clip(stretch, 0, last - first - 1), 1)
    expected = counts.sum(axis=(0, 2)) / np.maximum(1, is_open.sum(axis=0))
    return Arrivals(
        from_ms=first * STRETCH_MS,
        width_ms=STRETCH_MS,
        expected=tuple(round(float(e), 4) for e in expected),
        mix=_mix(counts.sum(axis=0)),
        dispersion=_dispersion(own, usual_dispersion),
    )


def _mix(counts: Numbers) -> tuple[tuple[float, ...], ...]:
    """(stretches, groups) people over all days into shares, each stretch leaning on the whole day."""
    whole = counts.sum(axis=0)
    groups = counts.shape[1]
    day = whole / whole.sum() if whole.sum() else np.full(groups, 1 / groups)
    mix = (counts + MIX_K * day) / (counts.sum(axis=1, keepdims=True) + MIX_K)
    mix /= mix.sum(axis=1, keepdims=True)
    return tuple(tuple(round(float(share), 6) for share in row) for row in mix)


def _dispersion(own: Sequence[DayArrivals], usual: float) -> float:
    mine, days = dispersion_of(own)
    blended = usual if mine is None else (days * mine + DISPERSION_K * usual) / (days + DISPERSION_K)
    return float(np.clip(blended, 1.0, DISPERSION_AT_MOST))


def usual_dispersion(branches: Iterable[Sequence[DayArrivals]]) -> float:
    """The mean dispersion of several branches, each by its days; 1 where none can be told."""
    found = [dispersion_of(days) for days in branches]
    days = sum(days for dispersion, days in found if dispersion is not None)
    total = sum(dispersion * days for dispersion, days in found if dispersion is not None)
    return float(np.clip(total / days, 1.0, DISPERSION_AT_MOST)) if days else 1.0


def dispersion_of(days: Sequence[DayArrivals]) -> tuple[float | None, int]:
    """Variance by mean of the people of a stretch over one branch's days of the same hours, and how many days
    that is; None where that cannot be told."""
    alike: dict[tuple[int, int], list[Numbers]] = {}
    for day in days:
        stretches = max(1, -(-(day.until_ms - day.from_ms) // STRETCH_MS))
        counts = np.zeros(stretches)
        for moments in day.joined_ms.values():
            stretch = (np.asarray(moments) - day.from_ms) // STRETCH_MS
            np.add.at(counts, np.clip(stretch, 0, stretches - 1), 1)
        alike.setdefault((day.from_ms, day.until_ms), []).append(counts)
    variances = means = 0.0
    used = 0
    for rows in alike.values():
        if len(rows) < 2:
            continue
        table = np.stack(rows)
        mean = table.mean(axis=0)
        is_busy = mean >= SMALLEST_MEAN
        variances += float(table.var(axis=0, ddof=1)[is_busy].sum()) * len(rows)
        means += float(mean[is_busy].sum()) * len(rows)
        used += len(rows)
    return (variances / means if means else None), used

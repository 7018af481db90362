"""What each further window saves, at once: a first price that the finite day then corrects.

Erlang C gives the mean time waited beyond the limit where the windows keep up. Where they do not, a line
grows; its people wait longer the more the work exceeds the windows. `corrected` scales the price so that one
window more saves what the bank's finite day says it saves.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class PriceParameters(msgspec.Struct, frozen=True):
    """Where the steady formula is left.

    Attributes
    ----------
    excess_most : minutes beyond the limit, on average, where windows just keep up: a busy interval is too
        short for the steady line.
    nobody_minutes : minutes more where nobody serves at all. A line that grows because too few do is priced
        by the fluid line of the week's program, not here.
    quantiles : of the day's factor.
    correction_most : a price is corrected by at most so much, either way.
    """

    excess_most: float = 8.0
    nobody_minutes: float = 60.0
    quantiles: int = 5
    correction_most: float = 5.0

    def __post_init__(self) -> None:
        if not 1 <= self.quantiles <= 50:
            raise ValueError(f"Expected quantiles between 1 and 50, got {self.quantiles}")
        if self.correction_most < 1.0:
            raise ValueError(f"Expected correction_most of 1 or more, got {self.correction_most}")


def late_minutes(
    people: Floats,
    *,
    service_minutes: float,
    limit_minutes: float,
    windows: int,
    interval_minutes: float,
    cv: float = 0.0,
    parameters: PriceParameters | None = None,
) -> Floats:
    """Late minutes of each interval with 0, 1, ... windows.

    Parameters
    ----------
    people : (t,) expected in each interval.
    windows : at most.
    cv : of the factor of the whole day.

    Returns
    -------
    (t, windows + 1), convex and falling along the second axis, and 0 at its end where enough is enough.
    """
    parameters = parameters or PriceParameters()
    total = np.zeros((len(people), windows + 1))
    for factor in _factors(cv, parameters.quantiles):
        total += _steady(
            people * factor, service_minutes, limit_minutes, windows, interval_minutes, parameters
        )
    return _convex(total / parameters.quantiles)


def _factors(cv: float, count: int) -> list[float]:
    """Equally likely factors of mean 1 with about this coefficient of variation."""
    if count == 1 or cv == 0.0:
        return [1.0] * count
    steps = np.sqrt(3.0) * (2.0 * np.arange(count) + 1.0 - count) / count
    found = np.maximum(0.05, 1.0 + cv * steps)
    return [float(each) for each in found / found.mean()]


def _steady(
    people: Floats, service: float, limit: float, windows: int, width: float, parameters: PriceParameters
) -> Floats:
    rate = people / width
    load = rate * service
    late = np.zeros((len(people), windows + 1))
    blocking = np.ones(len(people))
    late[:, 0] = people * (parameters.excess_most + parameters.nobody_minutes)
    for n in range(1, windows + 1):
        blocking = load * blocking / (n + load * blocking)
        spare = np.maximum(1e-9, (n - load) / service)
        waits = n * blocking / np.maximum(1e-9, n - load * (1.0 - blocking))
        steady = np.minimum(1.0, waits) * np.exp(-spare * limit) / spare
        excess = np.where(load < n, np.minimum(parameters.excess_most, steady), parameters.excess_most)
        late[:, n] = people * excess
    return late


def _convex(late: Floats) -> Floats:
    """The largest convex falling curve below, from the right: each step saves at most the one before."""
    found = np.minimum.accumulate(late, axis=1)
    for row in found:
        hull = [0]
        for n in range(1, len(row)):
            while len(hull) > 1:
                a, b = hull[-2], hull[-1]
                if (row[b] - row[a]) * (n - a) < (row[n] - row[a]) * (b - a):
                    break
                hull.pop()
            hull.append(n)
        row[:] = np.interp(np.arange(len(row)), hull, row[hull])
    return found


def corrected(
    late: Floats, windows: NDArray[np.int64], saved: Floats, parameters: PriceParameters | None = None
) -> Floats:
    """The prices, scaled where one window more saves something else than they say.

    Parameters
    ----------
    late : (t, n + 1) prices so far.
    windows : (t,) planned.
    saved : (t,) late minutes that one window more in this interval saves in truth.
    """
    parameters = parameters or PriceParameters()
    found = late.copy()
    most = late.shape[1] - 1
    for i, (n, true) in enumerate(zip(windows, saved, strict=True)):
        at = min(int(n), most - 1)
        if at < 0:
            continue
        said = late[i, at] - late[i, at + 1]
        ratio = (true + 0.5) / (said + 0.5)
        found[i] *= float(np.clip(ratio, 1.0 / parameters.correction_most, parameters.correction_most))
    return found

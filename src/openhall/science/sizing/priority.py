"""A green channel in the steady state: two classes, the first called first, no service interrupted, one mean.

Cobham (1954) and Kella and Yechiali (1985) for the mean waits; who is called first waits as if only the own
class came to full counters. What an ordinary ticket with k ahead still waits is exact too: each departure
brings it one step on, each later green arrival one step back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from openhall.science.sizing import day_equations, erlang


class Wait(NamedTuple):
    """Minutes and minutes squared."""

    mean: float
    variance: float


def _expect(is_right: bool, what: str) -> None:
    if not is_right:
        raise ValueError(f"Expected {what}")


def mean_waits_minutes(counters: int, rates: Sequence[float], service_minutes: float) -> tuple[float, ...]:
    """Mean wait of each class, the first being called first.

    Parameters
    ----------
    counters : >= 1.
    rates : arrivals per minute of each class.
    service_minutes : of all classes alike.

    Returns
    -------
    (C / (c mu)) / ((1 - s_{k-1}) (1 - s_k)), s_k = sum_{i <= k} rate_i / (c mu); infinite from the class
    on that is not kept up with.
    """
    _expect(all(rate >= 0 for rate in rates), f"rates of 0 or more, got {tuple(rates)}")
    full = counters / service_minutes
    waits = erlang.wait_probability(counters, sum(rates) * service_minutes)
    before, found = 0.0, []
    for rate in rates:
        upto = before + rate / full
        found.append(waits / full / ((1.0 - before) * (1.0 - upto)) if upto < 1 else float("inf"))
        before = min(1.0, upto)
    return tuple(found)


def green_late_share(
    counters: int, green: float, ordinary: float, service_minutes: float, limit_minutes: float
) -> float:
    """Share of the green class that waits longer than a limit: C exp(-(c mu - green) T).

    Parameters
    ----------
    counters : >= 1.
    green, ordinary : arrivals per minute.
    service_minutes, limit_minutes : minutes.
    """
    spare = counters / service_minutes - green
    if spare <= 0:
        return 1.0
    waits = erlang.wait_probability(counters, (green + ordinary) * service_minutes)
    return waits * float(np.exp(-spare * limit_minutes))


def ordinary_late_share(
    counters: int, green: float, ordinary: float, service_minutes: float, limit_minutes: float
) -> float:
    """Share of the ordinary class that waits longer than a limit, later green ones overtaking it; exact.

    With all counters busy k are in line with probability (1 - rho) rho^k whatever the order among them;
    each k is followed through the limit (`day_equations`). Parameters as of `green_late_share`.
    """
    rho = (green + ordinary) * service_minutes / counters
    if rho >= 1:
        return 1.0
    waits, work = np.ones(4_096), np.zeros((2, 4_096))
    plan, nobody_else = np.array([counters], np.int64), np.array([green])
    width = limit_minutes + 1.0
    size = day_equations.still_waiting(
        plan, 0, 0.0, limit_minutes, width, 1.0 / service_minutes, nobody_else, waits, work
    )
    ahead = np.arange(size)
    busy = erlang.wait_probability(counters, (green + ordinary) * service_minutes)
    return busy * float((1.0 - rho) * (rho**ahead) @ waits[:size] + rho**size)


def ordinary_wait(ahead: int, counters: int, green: float, service_minutes: float) -> Wait:
    """What an ordinary ticket still waits with so many ahead of it, all counters busy.

    Parameters
    ----------
    ahead : people in line before it, of both classes, >= 0.
    counters : >= 1.
    green : green arrivals per minute, below the counters' departures.
    service_minutes : minutes.

    Returns
    -------
    Mean (k + 1) / (c mu - green) and variance (k + 1) (c mu + green) / (c mu - green)^3: k + 1 busy
    periods of the green class.

    Raises
    ------
    ValueError : for a negative line, or more green customers than the counters can serve.
    """
    _expect(ahead >= 0, f"0 or more ahead, got {ahead}")
    full = counters / service_minutes
    _expect(0 <= green < full, f"green arrivals below {full} a minute, got {green}")
    steps, spare = ahead + 1, full - green
    return Wait(steps / spare, steps * (full + green) / spare**3)


def required(
    green: float,
    ordinary: float,
    service_minutes: float,
    *,
    green_limit_minutes: float,
    green_allowed_share: float,
    limit_minutes: float,
    allowed_share: float,
    at_most: int = 500,
) -> int:
    """The least counters with which both classes keep their limit in the steady state; 0 when at_most are
    too few."""
    for counters in range(1, at_most + 1):
        own = green_late_share(counters, green, ordinary, service_minutes, green_limit_minutes)
        if green > 0 and own > green_allowed_share:
            continue
        if ordinary_late_share(counters, green, ordinary, service_minutes, limit_minutes) <= allowed_share:
            return counters
    return 0

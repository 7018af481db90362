"""A queue that repeats every day, by Runge and Kutta: an oracle that shares nothing with what is tested.

State M(t)/M/s(t), deaths min(n, s) mu: a counter that closes drops its customer back into the line. That is
the convention of the literature on SIPP, not of a bank.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_F = TypeVar("_F", bound=Callable[..., Any])


def _jit(function: _F) -> _F:
    return cast(_F, njit(cache=True)(function))


@_jit
def _slope(people: Floats, rate: float, counters: int, mu: float, found: Floats) -> None:
    last = len(people) - 1
    for n in range(last + 1):
        up = rate if n < last else 0.0
        found[n] = -(up + min(n, counters) * mu) * people[n]
        if n > 0:
            found[n] += rate * people[n - 1]
        if n < last:
            found[n] += min(n + 1, counters) * mu * people[n + 1]


@_jit
def distributions(rates: Floats, counters: NDArray[np.int64], mu: float, step: float, states: int) -> Floats:
    """(steps, states) at the beginning of each step of the second of two cycles that begin empty.

    rates : (steps + 1,) at the steps' ends, the last being the first again. counters : (steps,).
    """
    steps = len(counters)
    found = np.zeros((steps, states))
    people = np.zeros(states)
    people[0] = 1.0
    k1, k2, k3, k4 = np.zeros(states), np.zeros(states), np.zeros(states), np.zeros(states)
    for _ in range(2):
        for at in range(steps):
            found[at] = people
            middle = (rates[at] + rates[at + 1]) / 2
            _slope(people, rates[at], counters[at], mu, k1)
            _slope(people + step / 2 * k1, middle, counters[at], mu, k2)
            _slope(people + step / 2 * k2, middle, counters[at], mu, k3)
            _slope(people + step * k3, rates[at + 1], counters[at], mu, k4)
            people = people + step / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return found

"""The simple guesses that a forecast of a call's wait is held against: seconds, arrays of shape (n,).

NaN is no answer. The rules are those of Ibrahim and Whitt: "Real-time delay estimation based on delay
history", M&SOM 11 (2009), and for lines that people leave, Management Science 55 (2009).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


def queue_length(ahead: Numbers, busy: Numbers, service_seconds: float) -> Numbers:
    """One service at a time by each busy agent, at least one agent: (ahead + 1) services over the agents.

    >>> queue_length(np.array([3.0]), np.array([8.0]), 160.0).tolist()
    [80.0]
    """
    return (ahead + 1.0) * service_seconds / np.maximum(busy, 1.0)


def queue_length_with_abandonment(
    ahead: Numbers, busy: Numbers, service_seconds: float, hang_up_rate: float
) -> Numbers:
    """As `queue_length`, while each of those still ahead hangs up at a rate: the sum over 0 to `ahead` of
    1 / (agents / service + k x rate).

    >>> round(float(queue_length_with_abandonment(np.array([1.0]), np.array([8.0]), 160.0, 0.003)[0]), 2)
    38.87
    """
    rate = np.maximum(busy, 1.0) / service_seconds
    total = np.zeros_like(ahead)
    for number in range(int(ahead.max(initial=0.0)) + 1):
        total += np.where(number <= ahead, 1.0 / (rate + number * hang_up_rate), 0.0)
    return total


def pace(ahead: Numbers, taken: Numbers, window_seconds: float) -> Numbers:
    """As fast as calls were taken in the window; no answer when none was.

    >>> pace(np.array([4.0, 4.0]), np.array([90.0, 0.0]), 1800.0).tolist()
    [100.0, nan]
    """
    return (ahead + 1.0) * window_seconds / np.where(taken > 0, taken, np.nan)


def best_factor(guess: Numbers, wait: Numbers) -> float:
    """The factor on a guess that makes its mean absolute error smallest: the median of wait / guess, each
    weighing its guess. 1 when there is no guess above 0 to learn it from.

    >>> best_factor(np.array([10.0, 10.0, 20.0]), np.array([5.0, 30.0, 40.0]))
    2.0
    """
    known = guess > 0
    if not known.any():
        return 1.0
    ratio, weight = wait[known] / guess[known], guess[known]
    order = np.argsort(ratio, kind="stable")
    reached = np.cumsum(weight[order])
    return float(ratio[order][np.searchsorted(reached, 0.5 * reached[-1])])

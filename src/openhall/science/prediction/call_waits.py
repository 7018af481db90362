"""The wait of a caller who joins the line of a call centre: a median and the tenths on either side.

The fork (`call_fork`) plays out what it knows of: the line, the agents, the pauses, the patience. It does
not know which agent answers which kind of call, who is about to go home, how today differs. So boosted
trees learn, from past callers, the quantiles of the wait as a multiple of the fork's mean. Learning a
multiple and not the seconds lets a line longer than any learnt from still lengthen the forecast, as a tree
alone would not.

Only callers who were served are learnt from and foretold: what those who hung up would have waited is on no
record. The forecast reads "if you stay".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from openhall.science.prediction.call_centre import Asking, Counts, Seconds
from openhall.science.prediction.call_features import agents_at, features
from openhall.science.prediction.call_fork import CallHabits, fork
from openhall.science.prediction.conformal import conformal_shift

Numbers = NDArray[np.float64]

SCALE_SECONDS_MIN = 8.0
"""No multiple of less than this: the shortest waits on record are 3 s, and they say little."""
TAIL = 0.1
THREADS = 1
"""Of the trees: sums are added in one order on every machine, and where another job has the cores, threads
that wait for each other at every split take many times as long."""


@dataclass(frozen=True, kw_only=True)
class CallWaitParameters:
    """How the trees are grown.

    Parameters
    ----------
    rounds, learning_rate, leaves, leaf_callers, ridge, feature_share : of each quantile's boosted trees.
    folds : groups of days, each left out once to calibrate the interval; at least 2.
    seed : of the choice of features at each split.
    """

    rounds: int = 150
    learning_rate: float = 0.05
    leaves: int = 12
    leaf_callers: int = 50
    ridge: float = 5.0
    feature_share: float = 0.4
    folds: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        if self.folds < 2:
            raise ValueError(f"Expected folds of at least 2; got {self.folds}")


class Regressor(Protocol):
    """What is asked of a fitted model: a number for each row of a table."""

    def predict(self, X: Numbers) -> Numbers:  # noqa: N803 - scikit-learn's name
        """A number for each row."""


def describe(asking: Asking, habits: CallHabits, uniforms: Numbers) -> dict[str, float]:
    """All that a forecast is made from, by name, always in the same order; see `features` and `fork`."""
    agents = agents_at(asking)
    seen = features(asking, agents)
    played = fork(asking, agents, habits, uniforms)
    scale = max(played["fork_mean"], SCALE_SECONDS_MIN)
    shape = {f"{name}_share": seconds / scale for name, seconds in played.items() if name != "fork_mean"}
    return seen | played | shape


@dataclass(frozen=True, kw_only=True)
class CallWaits:
    """A fitted model.

    Attributes
    ----------
    low, middle, high : Regressor
        P10, P50 and P90 of wait / scale.
    low_shift, high_shift : float
        How far the ends of the interval are moved outwards, in units of the scale.
    """

    low: Regressor
    middle: Regressor
    high: Regressor
    low_shift: float
    high_shift: float

    def forecast(self, table: Numbers, scale: Seconds) -> tuple[Seconds, Seconds, Seconds]:
        """P10, P50 and P90 in seconds, each of shape (n,) and in this order of size.

        Parameters
        ----------
        table : ndarray, shape (n, f)
            As learnt from.
        scale : ndarray, shape (n,)
            Seconds, of `scale_of`.
        """
        if not len(table):
            return np.zeros(0), np.zeros(0), np.zeros(0)
        with threadpool_limits(THREADS):
            middle = np.maximum(self.middle.predict(table), 0.0)
            low = np.clip(self.low.predict(table) - self.low_shift, 0.0, middle)
            high = np.maximum(self.high.predict(table) + self.high_shift, middle)
        return low * scale, middle * scale, high * scale


def scale_of(fork_mean: Seconds) -> Seconds:
    """What the waits are multiples of: seconds, shape (n,)."""
    return np.maximum(fork_mean, SCALE_SECONDS_MIN)


def fit_call_waits(
    table: Numbers,
    scale: Seconds,
    wait: Seconds,
    day: Counts,
    parameters: CallWaitParameters | None = None,
) -> CallWaits:
    """Learn from callers of past days who were served.

    Parameters
    ----------
    table : ndarray, shape (n, f)
        Numbers of `describe`, one caller a row.
    scale, wait : ndarray, shape (n,)
        Seconds.
    day : ndarray of int, shape (n,)
        Number of the day; a day is left out as a whole, as its callers' waits hang together.

    Raises
    ------
    ValueError
        When there are callers of fewer than two days.
    """
    chosen = parameters or CallWaitParameters()
    days, order = np.unique(day, return_inverse=True)
    if len(days) < 2:
        raise ValueError(f"Expected served callers on at least 2 days, got {len(days)}")
    fold = order % min(chosen.folds, len(days))
    multiple = wait / scale

    def grown(share: float, rows: NDArray[np.bool_], weights: Seconds | None = None) -> Regressor:
        trees = HistGradientBoostingRegressor(
            loss="quantile",
            quantile=share,
            max_iter=chosen.rounds,
            learning_rate=chosen.learning_rate,
            max_leaf_nodes=chosen.leaves,
            min_samples_leaf=chosen.leaf_callers,
            l2_regularization=chosen.ridge,
            max_features=chosen.feature_share,
            early_stopping=False,
            random_state=chosen.seed,
        )
        with threadpool_limits(THREADS):
            trees.fit(table[rows], multiple[rows], sample_weight=None if weights is None else weights[rows])
        fitted: Regressor = trees
        return fitted

    def missed_by(share: float) -> Numbers:
        """How far each wait lay above the quantile learnt without its day's fold, in units of the scale."""
        above = np.empty(len(wait))
        for left_out in range(int(fold.max()) + 1):
            rows = fold == left_out
            trees = grown(share, ~rows)
            with threadpool_limits(THREADS):
                above[rows] = multiple[rows] - trees.predict(table[rows])
        return above

    everybody = np.ones(len(wait), dtype=np.bool_)
    return CallWaits(
        low=grown(TAIL, everybody),
        # Weighted by the scale, what is made small is the error in seconds, not in multiples.
        middle=grown(0.5, everybody, scale),
        high=grown(1 - TAIL, everybody),
        low_shift=conformal_shift(-missed_by(TAIL), TAIL),
        high_shift=conformal_shift(missed_by(1 - TAIL), TAIL),
    )

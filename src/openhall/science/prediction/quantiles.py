"""The wait model: a median in units of a rule of thumb, and a calibrated P10-P90 around it.

1. Boosted trees learn the median of wait / rule. The weight of a ticket is its rule, so that what is made
   small is the error in minutes, while the trees think in proportions and carry over to lines of any size.
2. The same trees, learnt without some days and asked about those, give honest errors. From them each band of
   people ahead learns how much of plain minutes per position to mix in (stacking, Wolpert 1992): of the
   longest lines the trees have seen too little to be left alone.
3. Two small models learn the 10th and 90th percentile of wait / median from the same errors (Koenker's
   pinball loss).
4. Conformalised quantile regression (Romano, Patterson, Candes 2019), by day and by people ahead: each
   percentile is shifted so that it holds on days left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor

from openhall.science.prediction.features import Told
from openhall.science.prediction.lines import WAIT_MAX_MINUTES, Floats, Whole

SHORTEST_MINUTES = 2.0
"""No recorded wait is shorter: half of the shortest time between two snapshots."""
TAIL = 0.1
CALIBRATION_EDGES = (0, 1, 3, 6, 11, 21, 41)
CALIBRATION_TICKETS_MIN = 300
"""A band with fewer tickets is calibrated with the one below it."""
PLAIN_SHARES = tuple(step / 20 for step in range(17))
"""What is tried: none to four fifths."""
SPREAD_FEATURES = (
    *("ahead", "minute", "to_end", "waiting", "counters", "span", "pace_60", "pace_today"),
    *("house_waiting", "past_waiting", "per_position", "head_wait", "since_call", "batch"),
)
SPREAD_RATIOS = ("to_call_past", "to_call_today", "to_call_hour", "by_position", "recent_wait")


@dataclass(frozen=True, kw_only=True)
class ModelParameters:
    """How the model learns; the seed makes it the same every time.

    Parameters
    ----------
    rounds, learning_rate, leaves, leaf_tickets, shrinkage : boosting of the median.
    spread_rounds, spread_leaves : boosting of the percentiles.
    folds : groups of days that are left out in turn, at least 2.
    day_memory : weight of a day relative to the day after it, in (0, 1].
    """

    rounds: int = 110
    learning_rate: float = 0.1
    leaves: int = 31
    leaf_tickets: int = 60
    shrinkage: float = 5.0
    spread_rounds: int = 60
    spread_leaves: int = 12
    folds: int = 4
    day_memory: float = 0.9
    seed: int = 7

    def __post_init__(self) -> None:
        if self.folds < 2:
            raise ValueError(f"Expected folds of at least 2; got {self.folds}")
        if not 0 < self.day_memory <= 1:
            raise ValueError(f"Expected day_memory in (0, 1]; got {self.day_memory}")


class Regressor(Protocol):
    """What is asked of a fitted model: a number for each row of a table."""

    def predict(self, X: Floats) -> Floats:  # noqa: N803 - scikit-learn's name
        """A number for each row."""


@dataclass(frozen=True, kw_only=True)
class WaitModel:
    """A fitted model.

    Attributes
    ----------
    median : Regressor
        Of wait / rule.
    low, high : Regressor
        10th and 90th percentile of wait / median.
    plain_share : ndarray, shape (bands,)
        Share of minutes per position in the middle, by band of people ahead.
    shifts : ndarray, shape (2, bands)
        What is added to low and high, by band of people ahead.
    """

    median: Regressor
    plain_share: Floats
    low: Regressor
    high: Regressor
    shifts: Floats
    edges: tuple[int, ...] = field(default=CALIBRATION_EDGES)

    def forecast(self, told: Told) -> tuple[Floats, Floats, Floats]:
        """P10, P50 and P90 in minutes of each ticket, each of shape (n,) and in this order of size.

        Where the call is seen together with the ticket, the wait is anything within the span between the two
        snapshots.
        """
        if not told.ahead.size:
            return np.zeros(0), np.zeros(0), np.zeros(0)
        band = band_of(told.ahead, self.edges)
        middle = _mixed(
            _minutes(self.median.predict(told.table) * told.rule), _plain(told), self.plain_share[band]
        )
        table = _spread_table(told, middle)
        low = self.low.predict(table) + self.shifts[0, band]
        high = self.high.predict(table) + self.shifts[1, band]
        span = told.span_minutes
        p10 = np.where(told.called, span * TAIL, np.clip(middle * low, 0.0, middle))
        p90 = np.where(told.called, span * (1 - TAIL), np.clip(middle * high, middle, WAIT_MAX_MINUTES))
        return p10, np.where(told.called, span / 2, middle), p90


def fit_wait_model(
    told: Told, wait: Floats, day: Whole, parameters: ModelParameters | None = None
) -> WaitModel:
    """Learn from the tickets of past days.

    Parameters
    ----------
    told : Told
        n tickets, each with features learnt from days other than its own.
    wait : ndarray, shape (n,)
        Minutes, at most `WAIT_MAX_MINUTES`.
    day : ndarray of int, shape (n,)
        0 for the first day, ascending with time.

    Raises
    ------
    ValueError
        When there are no tickets that were not called at once, or only one day.
    """
    chosen = parameters or ModelParameters()
    queued = ~told.called
    days = np.unique(day[queued])
    if days.size < 2:
        raise ValueError(f"Expected tickets in line on at least 2 days; got {days.size}")
    told, wait, day = _only(told, queued), wait[queued], day[queued]
    order = np.searchsorted(days, day)
    # A surge day has more tickets and longer waits than three others: no day may outvote the rest.
    day_weight = chosen.day_memory ** (days.size - 1 - order) / np.bincount(order, wait)[order]
    fold = order % min(chosen.folds, days.size)

    def fit_median(rows: NDArray[np.bool_]) -> Regressor:
        model = _boosted(chosen, 0.5, small=False)
        model.fit(told.table[rows], (wait / told.rule)[rows], sample_weight=(told.rule * day_weight)[rows])
        return cast(Regressor, model)

    trees = _minutes(_left_out(fit_median, told.table, fold) * told.rule)
    band, plain = band_of(told.ahead, CALIBRATION_EDGES), _plain(told)
    plain_share = _shares(trees, plain, wait, day_weight, band)
    middle = _mixed(trees, plain, plain_share[band])
    table, relative = _spread_table(told, middle), wait / middle
    ticket_weight = (chosen.day_memory ** (days.size - 1 - order)).astype(np.float64)
    # What misses together counts together: a day is one vote in each band, however many tickets it had.
    of_day = order * len(CALIBRATION_EDGES) + band
    calm_weight = ticket_weight / np.bincount(of_day)[of_day]
    fitted, shifts = [], []
    for level in (TAIL, 1 - TAIL):

        def fit_level(rows: NDArray[np.bool_], level: float = level) -> Regressor:
            model = _boosted(chosen, level, small=True)
            model.fit(table[rows], relative[rows], sample_weight=ticket_weight[rows])
            return cast(Regressor, model)

        missed = relative - _left_out(fit_level, table, fold)
        shifts.append(_shifts(missed, calm_weight, band, level))
        fitted.append(fit_level(np.ones_like(band, dtype=np.bool_)))
    everything = np.ones_like(band, dtype=np.bool_)
    return WaitModel(
        median=fit_median(everything),
        plain_share=plain_share,
        low=fitted[0],
        high=fitted[1],
        shifts=np.stack(shifts),
    )


def band_of(ahead: Floats, edges: tuple[int, ...]) -> Whole:
    """Index of the band of people ahead.

    >>> band_of(np.array([0.0, 2.0, 50.0]), (0, 1, 3)).tolist()
    [0, 1, 2]
    """
    return np.searchsorted(np.asarray(edges), ahead, side="right") - 1


def weighted_quantile(values: Floats, weights: Floats, level: float) -> float:
    """Smallest value with at least `level` of the weight at or below it.

    >>> weighted_quantile(np.array([3.0, 1.0, 2.0]), np.array([1.0, 1.0, 2.0]), 0.5)
    2.0
    """
    order = np.argsort(values, kind="stable")
    share = np.cumsum(weights[order]) / weights.sum()
    return float(values[order][min(int(np.searchsorted(share, level)), values.size - 1)])


def _boosted(chosen: ModelParameters, level: float, *, small: bool) -> HistGradientBoostingRegressor:
    return HistGradientBoostingRegressor(
        loss="quantile",
        quantile=level,
        max_iter=chosen.spread_rounds if small else chosen.rounds,
        learning_rate=chosen.learning_rate,
        max_leaf_nodes=chosen.spread_leaves if small else chosen.leaves,
        min_samples_leaf=chosen.leaf_tickets * (2 if small else 1),
        l2_regularization=chosen.shrinkage,
        early_stopping=False,
        random_state=chosen.seed,
    )


def _left_out(fit: Callable[[NDArray[np.bool_]], Regressor], table: Floats, fold: Whole) -> Floats:
    """Each ticket's answer from a model that saw no ticket of its fold."""
    answers = np.empty(len(table))
    for left_out in np.unique(fold):
        rows = fold == left_out
        answers[rows] = fit(~rows).predict(table[rows])
    return answers


def _shifts(missed: Floats, weights: Floats, band: Whole, level: float) -> Floats:
    shifts = np.full(len(CALIBRATION_EDGES), weighted_quantile(missed, weights, level))
    for number in range(len(CALIBRATION_EDGES)):
        rows = band == number
        if rows.sum() >= CALIBRATION_TICKETS_MIN:
            shifts[number] = weighted_quantile(missed[rows], weights[rows], level)
        elif number:
            shifts[number] = shifts[number - 1]
    return shifts


def _shares(trees: Floats, plain: Floats, wait: Floats, weights: Floats, band: Whole) -> Floats:
    """The share of plain with the least mean error in minutes, by band; 0 in the first, of nobody ahead."""
    shares = np.zeros(len(CALIBRATION_EDGES))
    for number in range(1, len(CALIBRATION_EDGES)):
        rows = band == number
        if rows.sum() < CALIBRATION_TICKETS_MIN:
            shares[number] = shares[number - 1]
            continue
        errors = [
            float(
                np.average(
                    np.abs(_mixed(trees[rows], plain[rows], share) - wait[rows]), weights=weights[rows]
                )
            )
            for share in PLAIN_SHARES
        ]
        shares[number] = PLAIN_SHARES[int(np.argmin(errors))]
    return shares


def _mixed(trees: Floats, plain: Floats, share: Floats | float) -> Floats:
    return trees * (1 - share) + plain * share


def _plain(told: Told) -> Floats:
    return _minutes(told.table[:, told.names.index("by_position")])


def _spread_table(told: Told, middle: Floats) -> Floats:
    column = {name: told.table[:, place] for place, name in enumerate(told.names)}
    return np.stack(
        [
            np.log(middle),
            middle / told.rule,
            *(column[name] for name in SPREAD_FEATURES),
            *(column[name] / middle for name in SPREAD_RATIOS),
        ],
        axis=1,
    )


def _only(told: Told, rows: NDArray[np.bool_]) -> Told:
    return Told(
        table=told.table[rows],
        names=told.names,
        ahead=told.ahead[rows],
        called=told.called[rows],
        span_minutes=told.span_minutes[rows],
        rule=told.rule[rows],
    )


def _minutes(wait: Floats) -> Floats:
    return np.clip(wait, SHORTEST_MINUTES, WAIT_MAX_MINUTES)

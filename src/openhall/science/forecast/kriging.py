"""Values that come day by day, smoothed and continued: Gaussian-process regression over the calendar.

A value of a day (the logarithm of its total, or a score of its profile) is a sum of effects, each a Gaussian
process over days with a variance of its own: a slow level, what carries over from day to day, the weekday,
the place in the month, closures, pension days, holidays, the regime. Their variances are found by maximising
the marginal likelihood under a weak prior, so that an effect that the days do not show goes to nothing and
one that few days show is believed a little. Rasmussen and Williams, Gaussian Processes for Machine Learning
(2006), chapters 2 and 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize

from openhall.science.forecast.calendar import DayFacts

Numbers = NDArray[np.float64]

EFFECTS = (
    "slow",
    "carried_over",
    "weekday",
    "closure",
    "month_turn",
    "day_of_month",
    "pension",
    "holiday",
    "regime",
)
"""Names of the effects, in the order of the variances."""
USUAL_VARIANCES = (0.3, 0.2, 0.3, 1.0, 0.3, 0.05, 0.3, 0.1, 0.1)
"""Of the effects, in units of the values' own variance: where the search begins and what few days lean on."""
USUAL_NOISE = 0.2
SLOW_DAYS = 90.0
CARRIED_OVER_DAYS = 7.0
CLOSED_WIDTH = 2.0
"""Closed days before a day over which their effect changes: a Tuesday after a holiday is like a Monday."""
CLOSED_AT_MOST = 5
TURN_DAYS = 2.0
"""Working days over which the effect of a month's turn fades."""
TURN_FROM, TURN_TO = -4, 6
DAY_OF_MONTH_WIDTH = 0.35
PENSION_FADES_DAYS = 2.0
CONSTANT_VARIANCE = 4.0
"""Of the constant, in units of the values' own variance: hardly shrunk."""
PRIOR_LOG_SD = 1.0
"""How far, as a logarithm, a variance may stray from its usual value at little cost."""
SMALLEST_LOG, LARGEST_LOG = -14.0, 4.0
JITTER = 1e-9
ONE_OF_A_KIND = ("holiday", "swapped_in", "day_before", "year_end")
"""Kinds of days that differ even among themselves: what they show of ordinary days is little."""
ONE_OF_A_KIND_NOISE = 10.0
"""Their noise, in units of an ordinary day's."""
ROBUST_BEYOND = 3.0
"""Standard errors from which on a day is an outlier; what lies beyond counts as noise of that day."""
ROBUST_ROUNDS = 2
SEARCH_STEPS = 40


@dataclass(frozen=True)
class Days:
    """The facts of days as columns."""

    ordinal: Numbers
    weekday: Numbers
    closed: Numbers
    turn: Numbers
    phase: Numbers
    pension: Numbers
    holiday: NDArray[np.str_]
    regime: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.ordinal)

    def rows(self, chosen: NDArray[np.intp] | NDArray[np.bool_] | slice) -> Days:
        """Some of the days."""
        return Days(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))


def days_of(facts: Sequence[DayFacts], *, usual_cohort: float) -> Days:
    """Columns of facts; `usual_cohort` is the size of a pension cohort that counts as 1."""
    pensions = [_pension(day, usual_cohort) for day in facts]
    return Days(
        ordinal=np.array([day.date.toordinal() for day in facts], float),
        weekday=np.array([day.weekday for day in facts], float),
        closed=np.array([min(day.days_since_open - 1, CLOSED_AT_MOST) for day in facts], float),
        turn=np.array(
            [
                -1 - day.business_days_left if day.business_days_left < day.business_day else day.business_day
                for day in facts
            ],
            float,
        ),
        phase=np.array([2 * np.pi * (day.date.day - 1) / _month_days(day) for day in facts], float),
        pension=np.array(pensions, float),
        holiday=np.array([_kind(day) for day in facts], np.str_),
        regime=np.array([day.regime for day in facts], np.str_),
    )


def _kind(day: DayFacts) -> str:
    """Kind of a special day; the year's end is one of its own unless a holiday is near."""
    return "year_end" if day.is_year_end else day.holiday.value


def _pension(day: DayFacts, usual_cohort: float) -> float:
    """Weight of the last pension day on this one: its cohort, fading over days."""
    if usual_cohort <= 0:
        return 0.0
    if day.pension_cohort > 0:
        return min(day.pension_cohort / usual_cohort, 5.0)
    if day.pension_days_since is None:
        return 0.0
    return float(np.exp(-day.pension_days_since / PENSION_FADES_DAYS))


def _month_days(day: DayFacts) -> int:
    first = day.date.replace(day=1)
    return (first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1) - first).days


def covariances(a: Days, b: Days) -> list[Numbers]:
    """Covariance of each effect between two sets of days, for a variance of 1.

    Returns
    -------
    One array of shape (len(a), len(b)) for each of `EFFECTS`.
    """
    apart = np.abs(a.ordinal[:, None] - b.ordinal[None, :])
    same_weekday = (a.weekday[:, None] == b.weekday[None, :]).astype(float)
    closed = np.abs(a.closed[:, None] - b.closed[None, :])
    turns = np.exp(-np.abs(a.turn[:, None] - b.turn[None, :]) / TURN_DAYS)
    near = _near_turn(a)[:, None] & _near_turn(b)[None, :]
    phase = np.sin((a.phase[:, None] - b.phase[None, :]) / 2)
    ordinary = "ordinary"
    same_kind = (a.holiday[:, None] == b.holiday[None, :]) & (a.holiday[:, None] != ordinary)
    return [
        np.exp(-apart / SLOW_DAYS),
        np.exp(-apart / CARRIED_OVER_DAYS),
        same_weekday,
        np.exp(-closed / CLOSED_WIDTH),
        turns * near,
        np.exp(-2 * phase**2 / DAY_OF_MONTH_WIDTH**2),
        a.pension[:, None] * b.pension[None, :],
        same_kind.astype(float),
        (a.regime[:, None] == b.regime[None, :]).astype(float),
    ]


def _near_turn(days: Days) -> NDArray[np.bool_]:
    return (days.turn >= TURN_FROM) & (days.turn <= TURN_TO)


# --- one series of values ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Variances:
    """How much each effect moves the values.

    Attributes
    ----------
    effects : shape (len(EFFECTS),), in squared units of the values.
    constant : of the level that never moves.
    noise : of a day by itself.
    """

    effects: Numbers
    constant: float
    noise: float

    @property
    def total(self) -> float:
        """Of a value of a day that nothing is known of."""
        return float(self.effects.sum()) + self.constant + self.noise


@dataclass(frozen=True)
class Observed:
    """Values of some days.

    Attributes
    ----------
    days : the days, in order of time.
    covariances : of each effect between them, as `covariances` gives them.
    values : shape (days,).
    noise : shape (days,): known variance of each, as of a count that stands for a rate.
    """

    days: Days
    covariances: list[Numbers]
    values: Numbers
    noise: Numbers


@dataclass(frozen=True)
class Line:
    """A series of values with what it says about other days.

    Attributes
    ----------
    ahead_mean, ahead_variance : shape (days,): what the days before each said of it; the variance holds the
        noise of a day, but not that of the observation.
    """

    days: Days
    variances: Variances
    centre: float
    lower: Numbers
    weights: Numbers
    ahead_mean: Numbers
    ahead_variance: Numbers

    def predict(self, days: Days) -> tuple[Numbers, Numbers]:
        """Mean and variance of the values of other days; the noise of a day is in the variance."""
        if not len(self.days):
            return np.full(len(days), self.centre), np.full(len(days), self.variances.total)
        shared = _summed(covariances(days, self.days), self.variances)
        mean = self.centre + shared @ self.weights
        half = solve_triangular(self.lower, shared.T, lower=True)
        variance = _own_variance(days, self.variances) - (half**2).sum(axis=0)
        return mean, np.maximum(variance, 0.0) + self.variances.noise * noise_factors(days)


def line_through(seen: Observed, variances: Variances, *, centre: float) -> Line:
    """Fit a series, given how much each effect moves it."""
    n = len(seen.values)
    if not n:
        empty = np.zeros(0)
        return Line(seen.days, variances, centre, np.zeros((0, 0)), empty, empty, empty)
    rest = seen.values - centre
    prior = _summed(seen.covariances, variances)
    by_day = variances.noise * noise_factors(seen.days)
    noise = seen.noise + by_day + JITTER * variances.total
    inflated = noise
    for _round in range(ROBUST_ROUNDS):
        inverse = _inverse(prior + np.diag(inflated))
        left_out = (inverse @ rest) / np.diag(inverse)
        spread = np.maximum(1 / np.diag(inverse) - inflated, 0.0) + noise
        beyond = np.maximum(left_out**2 / ROBUST_BEYOND**2 - spread, 0.0)
        inflated = noise + beyond
    lower = cholesky(prior + np.diag(inflated), lower=True)
    whitened = solve_triangular(lower, rest, lower=True)
    pivots = np.diag(lower)
    return Line(
        days=seen.days,
        variances=variances,
        centre=centre,
        lower=lower,
        weights=solve_triangular(lower, whitened, lower=True, trans="T"),
        ahead_mean=seen.values - pivots * whitened,
        ahead_variance=np.maximum(pivots**2 - inflated, 0.0) + by_day,
    )


def _summed(effects: Sequence[Numbers], variances: Variances) -> Numbers:
    total = np.full(effects[0].shape, variances.constant)
    for variance, effect in zip(variances.effects, effects, strict=True):
        total += variance * effect
    return total


def _own_variance(days: Days, variances: Variances) -> Numbers:
    """Variance of each day's value before anything was seen, without its noise."""
    near = _near_turn(days).astype(float)
    kinds = (days.holiday != "ordinary").astype(float)
    ones = np.ones(len(days))
    own = (ones, ones, ones, ones, near, ones, days.pension**2, kinds, ones)
    return variances.constant + sum(
        (variance * effect for variance, effect in zip(variances.effects, own, strict=True)),
        np.zeros(len(days)),
    )


def noise_factors(days: Days) -> Numbers:
    """How noisy each day is beside an ordinary one."""
    return np.where(np.isin(days.holiday, ONE_OF_A_KIND), ONE_OF_A_KIND_NOISE, 1.0)


def _inverse(matrix: Numbers) -> Numbers:
    lower = cholesky(matrix, lower=True)
    inverse: Numbers = cho_solve((lower, True), np.eye(len(matrix)))
    return inverse


# --- how much each effect moves ----------------------------------------------------------------------


def variances_of(
    series: Sequence[Observed], *, centre: float, scale: float, constant: float | None = None
) -> Variances:
    """Variances that several series share, by marginal likelihood under a weak prior.

    Parameters
    ----------
    series : fitted together; those without days add nothing.
    centre : what the values lie around.
    scale : standard deviation that the usual variances are multiples of.
    constant : variance of the level in units of scale**2, to be found from here; None holds it at
        `CONSTANT_VARIANCE`.
    """
    usual = [*USUAL_VARIANCES, USUAL_NOISE, *([] if constant is None else [constant])]
    start = np.log(np.array(usual))
    told = [one for one in series if len(one.values)]
    size = len(EFFECTS)

    def objective(logs: Numbers) -> tuple[float, Numbers]:
        sizes = np.exp(logs)
        cost = float(((logs - start) ** 2).sum()) / (2 * PRIOR_LOG_SD**2)
        slope = (logs - start) / PRIOR_LOG_SD**2
        level = CONSTANT_VARIANCE if constant is None else float(sizes[-1])
        chosen = Variances(sizes[:size], level, float(sizes[size]))
        for one in told:
            more, gradient = _misfit(
                one, chosen, centre=centre, scale=scale, with_constant=constant is not None
            )
            cost += more
            slope += gradient * sizes
        return cost, slope

    if told:
        found = minimize(
            objective,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=[(SMALLEST_LOG, LARGEST_LOG)] * len(start),
            options={"maxiter": SEARCH_STEPS},
        ).x
    else:
        found = start
    sizes = np.exp(found) * scale**2
    level = CONSTANT_VARIANCE * scale**2 if constant is None else float(sizes[-1])
    return Variances(sizes[:size], level, float(sizes[size]))


def _misfit(
    one: Observed, chosen: Variances, *, centre: float, scale: float, with_constant: bool
) -> tuple[float, Numbers]:
    """Negative logarithm of the marginal likelihood, and its slope by each variance."""
    rest = (one.values - centre) / scale
    matrix = _summed(one.covariances, chosen)
    factors = noise_factors(one.days)
    matrix[np.diag_indices_from(matrix)] += chosen.noise * factors + one.noise / scale**2 + JITTER
    lower = cholesky(matrix, lower=True)
    inverse: Numbers = cho_solve((lower, True), np.eye(len(rest)))
    weights = inverse @ rest
    cost = 0.5 * float(rest @ weights) + float(np.log(np.diag(lower)).sum())
    inner = inverse - np.outer(weights, weights)
    slope = [0.5 * float((inner * effect).sum()) for effect in one.covariances]
    slope.append(0.5 * float((np.diag(inner) * factors).sum()))
    if with_constant:
        slope.append(0.5 * float(inner.sum()))
    return cost, np.array(slope)

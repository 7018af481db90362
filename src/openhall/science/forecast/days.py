"""Arrivals of coming days: the total of a day times its profile, with intervals that held in the past.

    count of an interval = dispersion-Poisson( total of the day x share of the interval )

The logarithm of the total is a level, a weekday and calendar effects on two levels, network and branch
(`levels`); the shares are a profile with factors (`profile`). What the days before each past day said of it
is kept: its errors set the width of the intervals (split conformal prediction on rolling origins), and they
are what `intraday` learns from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import msgspec
import numpy as np
from numpy.typing import NDArray

from openhall.science.forecast.calendar import DayFacts
from openhall.science.forecast.counts import History, Series, exposed
from openhall.science.forecast.kriging import Days, days_of
from openhall.science.forecast.levels import Levels, levels_through
from openhall.science.forecast.profile import (
    USUAL_DISPERSION,
    Profiles,
    Usual,
    profiles_through,
    usual_of,
)
from openhall.science.forecast.result import DayForecast, Forecast

Numbers = NDArray[np.float64]

Z_80 = 1.2815515655446004
"""P90 of the standard normal distribution: the ends of an interval that holds eight in ten."""
HALF = 0.5
"""Added to a count before its logarithm is taken."""
TOTAL_FLOOR = 0.15
"""Standard deviation of a logarithm of totals that the first few days are believed to have."""
CV_AT_MOST = 3.0
SMALLEST_JUDGED = 0.05
"""Expected people from which on an interval's error says something."""
UNJUDGED_DAYS = 3
"""First days of a series, whose errors are those of not knowing it."""


class ForecastParameters(msgspec.Struct, frozen=True):
    """How the forecast learns.

    Parameters
    ----------
    history_days : latest days that are learnt from.
    factors : factors of the profile at most.
    calibration_days : latest days whose errors set the width of the intervals.
    calibration_trust : days at which those errors weigh as much as the model's own widths.
    """

    history_days: int = 400
    factors: int = 3
    calibration_days: int = 25
    calibration_trust: float = 2.0

    def __post_init__(self) -> None:
        if not 1 <= self.history_days <= 2_000:
            raise ValueError(f"Expected history_days between 1 and 2000, got {self.history_days}")
        if not 0 <= self.factors <= 20:
            raise ValueError(f"Expected factors between 0 and 20, got {self.factors}")
        if not 1 <= self.calibration_days <= self.history_days:
            raise ValueError(
                f"Expected calibration_days between 1 and history_days, got {self.calibration_days}"
            )
        if not 0 < self.calibration_trust <= 1_000:
            raise ValueError(
                f"Expected calibration_trust above 0 and at most 1000, got {self.calibration_trust}"
            )


@dataclass(frozen=True)
class Widths:
    """By how much the model's own deviations are stretched, below and above the middle."""

    low: float
    high: float


@dataclass(frozen=True)
class Ahead:
    """What the days before each day said of it.

    Attributes
    ----------
    mean : shape (series, days, intervals): middle of the count; NaN where nothing was observed.
    deviation : the same shape: standard deviation of the count's square root.
    log_total, log_variance : shape (series, days): of the logarithm of the full day's total.
    """

    mean: Numbers
    deviation: Numbers
    log_total: Numbers
    log_variance: Numbers


@dataclass(frozen=True)
class ServiceModel:
    """The series of one service, fitted together."""

    rows: tuple[int, ...]
    shared: tuple[DayFacts, ...]
    totals: Levels
    profiles: Profiles
    usual: Usual
    bias: Numbers
    """Shape (series,): what the expected totals are multiplied by, so that they add up to the people seen."""
    ahead: Ahead
    interval_widths: Widths
    total_widths: Widths


@dataclass(frozen=True)
class ForecastModel:
    """A fitted forecast. Made by `fit`."""

    history: History
    parameters: ForecastParameters
    services: tuple[ServiceModel, ...]
    usual_cohort: float

    def predict(
        self,
        coming: Mapping[str, Sequence[DayFacts]],
        *,
        multipliers: Mapping[str, Mapping[date, float]] | None = None,
    ) -> tuple[Forecast, ...]:
        """Forecasts of every series whose branch is asked about.

        Parameters
        ----------
        coming : facts of the coming days, by branch; days of all branches need not agree.
        multipliers : scenario factors by branch and day, as `reopening.multipliers` gives them.

        Returns
        -------
        One `Forecast` for each series of those branches, in the order of the history's series.
        """
        told: dict[int, Forecast] = {}
        for service in self.services:
            for place, row in enumerate(service.rows):
                series = self.history.series[row]
                if series.branch in coming:
                    scenario = (multipliers or {}).get(series.branch, {})
                    told[row] = self._forecast(service, place, series, coming[series.branch], scenario)
        return tuple(told[row] for row in sorted(told))

    def _forecast(
        self,
        service: ServiceModel,
        place: int,
        series: Series,
        facts: Sequence[DayFacts],
        multipliers: Mapping[date, float],
    ) -> Forecast:
        days = days_of(facts, usual_cohort=self.usual_cohort)
        log_total, log_variance = service.totals.predict(place, days, days)
        shares, root_variance = service.profiles.predict(place, days, days)
        factor = np.array([(1 + day.neighbour_share) * multipliers.get(day.date, 1.0) for day in facts])
        open_shares = exposed(
            facts,
            first_minute=self.history.first_minute,
            interval_minutes=self.history.interval_minutes,
            intervals=self.history.intervals,
        )
        told = []
        for number, day in enumerate(facts):
            middle = factor[number] * np.exp(log_total[number]) * service.bias[place]
            told.append(
                _day(
                    day.date,
                    self.history.first_minute,
                    middle * shares[number] * open_shares[number],
                    log_variance=float(log_variance[number]),
                    root_variance=middle * root_variance[number] * open_shares[number],
                    dispersion=float(service.profiles.dispersion[place]),
                    widths=(service.interval_widths, service.total_widths),
                )
            )
        return Forecast(
            branch=series.branch,
            service=series.service,
            interval_minutes=self.history.interval_minutes,
            days=tuple(told),
            history_days=int((service.usual.seen[place] > 0).sum()),
        )


def _day(
    day: date,
    first_minute: int,
    middle: Numbers,
    *,
    log_variance: float,
    root_variance: Numbers,
    dispersion: float,
    widths: tuple[Widths, Widths],
) -> DayForecast:
    """The values of a day from the middle of each interval's count."""
    lift = float(np.exp(min(log_variance, 2.0) / 2))
    deviation = root_deviation(
        middle, log_variance=log_variance, root_variance=root_variance, dispersion=dispersion
    )
    low, high = interval_of(middle, deviation, widths[0])
    total = float(middle.sum())
    spread = np.sqrt(log_variance + dispersion / max(total, HALF))
    return DayForecast(
        date=day,
        first_minute=first_minute,
        mean=_plain(middle * lift),
        low=_plain(low),
        middle=_plain(middle),
        high=_plain(high),
        total_mean=total * lift,
        total_low=total * float(np.exp(-Z_80 * widths[1].low * spread)),
        total_middle=total,
        total_high=total * float(np.exp(Z_80 * widths[1].high * spread)),
        cv=min(float(np.sqrt(np.expm1(min(log_variance, 2.0)))), CV_AT_MOST),
        dispersion=dispersion,
    )


def root_deviation(
    middle: Numbers, *, log_variance: Numbers | float, root_variance: Numbers, dispersion: Numbers | float
) -> Numbers:
    """Standard deviation of the square root of counts: by chance, the day's factor and the profile."""
    return np.asarray(np.sqrt(dispersion / 4 + middle * log_variance / 4 + root_variance))


def interval_of(middle: Numbers, deviation: Numbers, widths: Widths) -> tuple[Numbers, Numbers]:
    """P10 and P90 of counts, normal in the square root."""
    root = np.sqrt(middle)
    low = np.maximum(root - Z_80 * widths.low * deviation, 0.0) ** 2
    high = np.where(middle > 0, (root + Z_80 * widths.high * deviation) ** 2, 0.0)
    return np.minimum(low, middle), np.maximum(high, middle)


def _plain(values: Numbers) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


# --- fitting -----------------------------------------------------------------------------------------


def fit(history: History, parameters: ForecastParameters | None = None) -> ForecastModel:
    """Learn from counts.

    Parameters
    ----------
    history : at least one series; days may be holes, even all of them.
    parameters : how; the defaults were chosen on rolling origins (docs/forecast.md).

    Raises
    ------
    ValueError
        When there is no series or no interval.
    """
    chosen = parameters or ForecastParameters()
    if not history.series or not history.intervals:
        raise ValueError("Expected at least one series with at least one interval")
    recent = _latest(history, chosen.history_days)
    cohorts = [day.pension_cohort for days in recent.facts.values() for day in days if day.pension_cohort > 0]
    usual_cohort = float(np.mean(cohorts)) if cohorts else 0.0
    columns = {
        branch: days_of(facts, usual_cohort=usual_cohort) for branch, facts in sorted(recent.facts.items())
    }
    by_service: dict[str, list[int]] = {}
    for row, series in enumerate(recent.series):
        by_service.setdefault(series.service, []).append(row)
    services = tuple(
        _fit_service(recent, tuple(rows), columns, usual_cohort, chosen) for rows in by_service.values()
    )
    return ForecastModel(recent, chosen, services, usual_cohort)


def _latest(history: History, days: int) -> History:
    if len(history.dates) <= days:
        return history
    return History(
        history.interval_minutes,
        history.first_minute,
        history.dates[-days:],
        history.series,
        history.counts[:, -days:],
        {branch: facts[-days:] for branch, facts in history.facts.items()},
    )


def _fit_service(
    history: History,
    rows: tuple[int, ...],
    columns: Mapping[str, Days],
    usual_cohort: float,
    chosen: ForecastParameters,
) -> ServiceModel:
    branches = [history.series[row].branch for row in rows]
    counts = history.counts[list(rows)]
    open_shares = np.stack([_open_shares(history, branch) for branch in branches])
    usual = usual_of(counts, open_shares)
    shared_facts = _shared_facts(history, branches)
    shared = days_of(shared_facts, usual_cohort=usual_cohort)
    own = [columns[branch] for branch in branches]
    extra = np.array([[1 + day.neighbour_share for day in history.facts[branch]] for branch in branches])
    observed = usual.totals * usual.seen
    logs = np.log(
        (np.where(np.isfinite(observed), observed, 0.0) + HALF) / np.maximum(usual.seen, 1e-9) / extra
    )
    noise = USUAL_DISPERSION / (np.where(np.isfinite(observed), observed, 0.0) + HALF)
    logs = np.where(np.isfinite(usual.totals), logs, np.nan)
    totals = levels_through(logs, noise, shared=shared, own=own, floor=TOTAL_FLOOR)
    profiles = profiles_through(counts, usual, open_shares, shared=shared, own=own, factors=chosen.factors)
    bias = _bias(usual)
    ahead = _ahead(totals, profiles, open_shares * extra[:, :, None], bias)
    return ServiceModel(
        rows=rows,
        shared=shared_facts,
        totals=totals,
        profiles=profiles,
        usual=usual,
        bias=bias,
        ahead=ahead,
        interval_widths=_interval_widths(counts, ahead, chosen),
        total_widths=_total_widths(logs, noise, ahead, chosen),
    )


def _open_shares(history: History, branch: str) -> Numbers:
    return exposed(
        history.facts[branch],
        first_minute=history.first_minute,
        interval_minutes=history.interval_minutes,
        intervals=history.intervals,
    )


def _shared_facts(history: History, branches: Sequence[str]) -> tuple[DayFacts, ...]:
    """The days as the network sees them: those of the first open branch, with the mean pension cohort."""
    known = [history.facts[branch] for branch in sorted(set(branches))]
    shared = []
    for day in zip(*known, strict=True):
        chosen = next((one for one in day if one.is_open), day[0])
        cohort = float(np.mean([one.pension_cohort for one in day]))
        since = [one.pension_days_since for one in day if one.pension_days_since is not None]
        shared.append(
            msgspec.structs.replace(
                chosen, pension_cohort=cohort, pension_days_since=min(since) if since else None
            )
        )
    return tuple(shared)


def _bias(usual: Usual) -> Numbers:
    """What undoes the half that was added to each count: nothing for many people, all of it for none."""
    seen = np.isfinite(usual.totals)
    people = np.where(seen, usual.totals * usual.seen, 0.0).sum(axis=1)
    halves = HALF * seen.sum(axis=1)
    together = people.sum() / max(people.sum() + halves.sum(), HALF) if seen.any() else 1.0
    return np.asarray((people + HALF * together) / (people + halves + HALF))


def _ahead(totals: Levels, profiles: Profiles, exposure: Numbers, bias: Numbers) -> Ahead:
    mean, deviation = (np.full(exposure.shape, np.nan) for _ in range(2))
    for row in range(len(exposure)):
        shares, root_variance = profiles.ahead(row, exposure.shape[1])
        full = np.exp(totals.ahead_mean[row])[:, None] * bias[row]
        mean[row] = full * shares * exposure[row]
        deviation[row] = root_deviation(
            mean[row],
            log_variance=totals.ahead_variance[row][:, None],
            root_variance=full * root_variance * exposure[row],
            dispersion=float(profiles.dispersion[row]),
        )
    return Ahead(mean, deviation, totals.ahead_mean, totals.ahead_variance)


# --- how wide ----------------------------------------------------------------------------------------


def _calibrated(errors: Numbers, days: int, chosen: ForecastParameters) -> Widths:
    """Widths at which eight in ten past errors lay inside, leaning on the model's own for few days."""
    if not len(errors):
        return Widths(1.0, 1.0)
    trust = days / (days + chosen.calibration_trust)
    ends = -np.quantile(errors, 0.1) / Z_80, np.quantile(errors, 0.9) / Z_80
    low, high = (trust * float(np.clip(end, 0.1, 10.0)) + (1 - trust) for end in ends)
    return Widths(low, high)


def _interval_widths(counts: Numbers, ahead: Ahead, chosen: ForecastParameters) -> Widths:
    judged = _judged(np.asarray(np.isfinite(counts).any(axis=2)), chosen)
    usable = np.isfinite(counts) & (ahead.mean > SMALLEST_JUDGED) & judged[:, :, None]
    errors = (np.sqrt(counts[usable]) - np.sqrt(ahead.mean[usable])) / ahead.deviation[usable]
    return _calibrated(errors, int(usable.any(axis=(0, 2)).sum()), chosen)


def _total_widths(logs: Numbers, noise: Numbers, ahead: Ahead, chosen: ForecastParameters) -> Widths:
    usable: NDArray[np.bool_] = np.isfinite(logs + ahead.log_total)
    usable = usable & _judged(np.asarray(usable), chosen)
    errors = (logs - ahead.log_total)[usable] / np.sqrt(ahead.log_variance + noise)[usable]
    return _calibrated(errors, int(usable.any(axis=0).sum()), chosen)


def _judged(seen: NDArray[np.bool_], chosen: ForecastParameters) -> NDArray[np.bool_]:
    """The latest days of each series, without its first few: nothing was known before them."""
    order = np.cumsum(seen, axis=1)
    last = order[:, -1:] - chosen.calibration_days
    return np.asarray(seen & (order > UNJUDGED_DAYS) & (order > last))

"""Rolling origins: every test day is foretold from all days before it, and read as it goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped] # it ships no types

from openhall.rehearsal.evaluation.arrivals import baselines
from openhall.rehearsal.evaluation.arrivals.reading import (
    read_bank_calls,
    read_technion_counts,
    read_warsaw,
)
from openhall.rehearsal.evaluation.arrivals.recorded import (
    SERVICE,
    Known,
    Recorded,
    facts_of,
    joined,
    known_before,
    shares_of,
)
from openhall.rehearsal.evaluation.arrivals.scores import (
    ArrivalScores,
    Baseline,
    Errors,
    Moment,
    Quantiles,
    Rests,
    RestScores,
)
from openhall.rehearsal.evaluation.scores import EvaluationImpossible
from openhall.science.forecast.calendar import DayFacts
from openhall.science.forecast.days import ForecastParameters, fit
from openhall.science.forecast.intraday import read_day
from openhall.science.forecast.result import DayForecast, Forecast
from openhall.science.forecast.straying import IntradayParameters
from openhall.science.forecast.today import IntradayModel, learn

Numbers = NDArray[np.float64]
Progress = Callable[[int, int], None]

HORIZONS = 28
TOLD_BASELINES = (1, 7, 14, 28)
"""Horizons at which baselines are scored."""
TIMES = (7 * 60, 9 * 60, 11 * 60, 14 * 60)
SURGE_FROM = 1.2
"""People by the mean of the last four same weekdays from which on a day is a surge."""
TEST_SHARE = 3
"""Of one folder the last third is tested, unless a date says otherwise."""
LEAST_FIT_DAYS = 1
OURS, STATIC, RATIO, SVD_PLS = "openhall", "static", "ratio", "svd_pls"
AS_RECORDED = f"{baselines.MEAN_OF_DAYS}_as_recorded"

FORMATS: dict[str, tuple[Callable[[Path], Recorded], str]] = {
    "warsaw": (read_warsaw, "PL"),
    "bank-calls": (read_bank_calls, "US"),
    "technion-counts": (read_technion_counts, "IL"),
}
"""Reader and country of each format."""


@dataclass
class Tally:
    """Everything that is added up on the way."""

    errors: dict[str, Errors] = field(default_factory=dict)
    horizons: dict[str, dict[int, Errors]] = field(default_factory=dict)
    quantiles: Quantiles = field(default_factory=Quantiles)
    rests: dict[int, dict[tuple[str, bool], Rests]] = field(default_factory=dict)
    rest_quantiles: dict[int, Quantiles] = field(default_factory=dict)
    surges: list[date] = field(default_factory=list)
    people: float = 0.0

    def told(self, method: str, horizon: int, said: Numbers, came: Numbers) -> None:
        """A method's forecast of a day."""
        if horizon == 1:
            self.errors.setdefault(method, Errors()).add(said, came)
        self.horizons.setdefault(method, {}).setdefault(horizon, Errors()).add(said, came)


@dataclass(frozen=True)
class Run:
    """One evaluation: the record, its calendar and how to forecast."""

    recorded: Recorded
    facts: tuple[DayFacts, ...]
    parameters: ForecastParameters
    intraday: IntradayParameters
    models: bool

    def truth(self, day: int, known: Known) -> tuple[Numbers, Numbers]:
        """What came on a day by place, NaN where none of it is recorded, and the share recorded."""
        names = [one.branch for one in known.history.series]
        counts = self.recorded.counts[:, day]
        came, recorded = (np.full((len(names), counts.shape[1]), np.nan) for _ in range(2))
        for row, name in enumerate(names):
            mine = np.array([place == name for place in self.recorded.places])
            there = np.isfinite(counts[mine])
            people = np.where(there, counts[mine], 0.0).sum(axis=0)
            came[row] = np.where(there.any(axis=0), people, np.nan)
            recorded[row] = shares_of(there[:, None, :], known.weights[mine])[0]
        return came, recorded


def evaluate(
    fit_folder: Path,
    test_folder: Path,
    *,
    kind: str,
    test_from: date | None = None,
    parameters: ForecastParameters | None = None,
    intraday: IntradayParameters | None = None,
    progress: Progress | None = None,
) -> ArrivalScores:
    """Forecast each test day from all days before it.

    Parameters
    ----------
    fit_folder, test_folder : may be one; then the last third of its days is tested, or `test_from` on.
    kind : one of `FORMATS`.
    test_from : first day to test.
    progress : told after each test day how many are done, and of how many.

    Raises
    ------
    EvaluationImpossible
        When the folders do not hold what is needed.
    """
    reader, country = FORMATS[kind]
    fitted = reader(fit_folder)
    tested = fitted if fit_folder.resolve() == test_folder.resolve() else reader(test_folder)
    recorded = joined(fitted, tested)
    chosen = _test_days(fitted, tested, recorded, test_from)
    run = Run(
        recorded,
        facts_of(recorded, country),
        parameters or ForecastParameters(),
        intraday or IntradayParameters(),
        baselines.installed(),
    )
    tally = Tally()
    with threadpool_limits(limits=1):
        for number, day in enumerate(chosen, 1):
            _one_origin(run, day, chosen, tally)
            if progress:
                progress(number, len(chosen))
    return _scores(kind, run, chosen, tally)


def _test_days(
    fitted: Recorded, tested: Recorded, recorded: Recorded, test_from: date | None
) -> tuple[int, ...]:
    """Numbers of the days that are foretold."""
    first = test_from
    if first is None and tested is fitted:
        first = fitted.dates[-max(1, len(fitted.dates) // TEST_SHARE)]
    own = set(tested.dates)
    days = tuple(
        at
        for at, day in enumerate(recorded.dates)
        if day in own and at >= LEAST_FIT_DAYS and (first is None or day >= first)
    )
    if tested is not fitted and first is None:
        days = tuple(at for at in days if recorded.dates[at] not in set(fitted.dates))
    if not days:
        raise EvaluationImpossible("There is no day to test with a day before it")
    return days


# --- one origin --------------------------------------------------------------------------------------


def _one_origin(run: Run, first: int, chosen: Sequence[int], tally: Tally) -> None:
    """What is said on the eve of a day: of that day, of four weeks, and as the day goes on."""
    dates = run.recorded.dates
    known = known_before(run.recorded, first, run.facts)
    origin = dates[first]
    coming = [day for day in chosen if day >= first and (dates[day] - origin).days < HORIZONS]
    truths = {day: run.truth(day, known) for day in coming}
    names = [one.branch for one in known.history.series]
    model = fit(known.history, run.parameters)
    told = model.predict(
        {name: [run.facts[day] for day in coming] for name in names},
        multipliers={
            name: {dates[day]: _whole_share(truths[day][1][row]) for day in coming}
            for row, name in enumerate(names)
        },
    )
    for at, day in enumerate(coming):
        came, _share = truths[day]
        horizon = (dates[day] - origin).days + 1
        tally.told(OURS, horizon, np.array([one.days[at].middle for one in told]), came)
    _one_day_ahead(told, truths[first][0], tally)
    _plain_rules(run, known, first, coming, truths, tally)
    surge = _is_surge(known, origin, *truths[first])
    if surge:
        tally.surges.append(origin)
    tally.people += float(np.nansum(truths[first][0]))
    _as_the_day_goes(run, learn(model, run.intraday), told, truths[first][0], first, surge, tally)


def _whole_share(share: Numbers) -> float:
    """Recorded share of a place's day."""
    return float(share.max(initial=0.0))


def _one_day_ahead(told: Sequence[Forecast], came: Numbers, tally: Tally) -> None:
    days = [one.days[0] for one in told]
    low, middle, high = (np.array([getattr(day, name) for day in days]) for name in ("low", "middle", "high"))
    tally.quantiles.add((low, middle, high), came)
    tally.quantiles.add_totals(
        np.array([day.total_low for day in days]),
        np.array([day.total_high for day in days]),
        _totals(came),
    )


def _totals(came: Numbers) -> Numbers:
    """Of each place; NaN where an interval is missing."""
    return np.asarray(came.sum(axis=1))


def _plain_rules(
    run: Run,
    known: Known,
    first: int,
    coming: Sequence[int],
    truths: dict[int, tuple[Numbers, Numbers]],
    tally: Tally,
) -> None:
    dates, whole = run.recorded.dates, known.history.counts
    past = known.history.dates
    asked = [day for day in coming if (dates[day] - dates[first]).days + 1 in TOLD_BASELINES]
    said = {
        name: np.stack([rule(whole, past, dates[day]) for day in asked])
        for name, rule in baselines.RULES.items()
    }
    if run.models:
        season = len({day.weekday() for day in dates})
        season = season if len(past) >= 2 * season + 1 else 1
        steps = [day - first + 1 for day in asked]
        for name, model in baselines.daily_models(season).items():
            said[name] = baselines.by_daily_model(model, whole, past, [dates[day] for day in asked], steps)
    for name, values in said.items():
        for row, day in enumerate(asked):
            came, share = truths[day]
            tally.told(name, (dates[day] - dates[first]).days + 1, values[row] * share, came)
    _without_holes(run, known, first, truths[first][0], tally)


def _without_holes(run: Run, known: Known, first: int, came: Numbers, tally: Tally) -> None:
    """The mean of the days as they are recorded, holes and all."""
    if len(run.recorded.parts) == len(set(run.recorded.places)):
        return
    counts = np.nan_to_num(run.recorded.counts[:, :first])
    names = [one.branch for one in known.history.series]
    rows = [np.array([place == name for place in run.recorded.places]) for name in names]
    plain = np.stack([counts[mine].sum(axis=0).mean(axis=0) for mine in rows])
    tally.told(AS_RECORDED, 1, plain, came)


# --- the day itself ----------------------------------------------------------------------------------


def _is_surge(known: Known, day: date, came: Numbers, share: Numbers) -> bool:
    usual = baselines.four_same_weekdays(known.history.counts, known.history.dates, day) * share
    expected = float(usual[np.isfinite(came)].sum())
    return expected > 0 and float(np.nansum(came)) >= SURGE_FROM * expected


def _as_the_day_goes(
    run: Run,
    model: IntradayModel,
    told: Sequence[Forecast],
    came: Numbers,
    first: int,
    surge: bool,
    tally: Tally,
) -> None:
    facts = run.facts[first]
    step, start = run.recorded.interval_minutes, run.recorded.first_minute
    for minute in TIMES:
        at = (minute - start) // step
        if not 0 <= at < came.shape[1] or minute < start:
            continue
        said: dict[str, list[Numbers]] = {name: [] for name in (OURS, STATIC, RATIO, SVD_PLS)}
        ends: list[tuple[Numbers, Numbers, Numbers, float, float]] = []
        for row, forecast in enumerate(told):
            ahead = forecast.days[0]
            posterior = model.read(forecast.branch, SERVICE, ahead, came[row], minute=minute, facts=facts)
            rest = posterior.rest()
            middle = np.array(ahead.middle)
            said[OURS].append(np.array(rest.middle))
            said[STATIC].append(middle[at:])
            said[RATIO].append(middle[at:] * _ratio(posterior.seen, posterior.expected_by_now))
            said[SVD_PLS].append(
                middle[at:] * _svd_pls(model, forecast.branch, ahead, came[row], minute)[at:]
            )
            ends.append(
                (
                    np.array(rest.low),
                    np.array(rest.middle),
                    np.array(rest.high),
                    rest.total_low,
                    rest.total_high,
                )
            )
        rests = tally.rests.setdefault(minute, {})
        for name, values in said.items():
            rests.setdefault((name, surge), Rests()).add(np.stack(values), came[:, at:])
        quantiles = tally.rest_quantiles.setdefault(minute, Quantiles())
        low, middle_told, high = (np.stack([end[k] for end in ends]) for k in range(3))
        quantiles.add((low, middle_told, high), came[:, at:])
        quantiles.add_totals(
            np.array([end[3] for end in ends]), np.array([end[4] for end in ends]), _totals(came[:, at:])
        )


def _svd_pls(model: IntradayModel, place: str, ahead: DayForecast, came: Numbers, minute: int) -> Numbers:
    """Rate by forecast when every day is ordinary and all that it shows is believed (Shen and Huang 2008)."""
    straying = model.straying[place, SERVICE]
    read = read_day(
        ahead,
        came,
        minute=minute,
        interval_minutes=model.model.history.interval_minutes,
        straying=replace(straying, belief=np.ones(len(straying.belief))),
        parameters=model.parameters,
        surge_share=0.0,
    )
    return np.exp(read.regimes[0].log_rate)


def _ratio(seen: float, expected: float) -> float:
    return seen / expected if expected > 0 else 1.0


# --- adding up ---------------------------------------------------------------------------------------


def _scores(kind: str, run: Run, chosen: Sequence[int], tally: Tally) -> ArrivalScores:
    dates = run.recorded.dates
    others = {name: errors for name, errors in tally.errors.items() if name != OURS}
    notes = [] if run.models else ["statsforecast_not_installed"]
    if len(run.recorded.parts) > len(set(run.recorded.places)):
        notes.append("holes_in_parts")
    return ArrivalScores(
        format=kind,
        interval_minutes=run.recorded.interval_minutes,
        places=len(set(run.recorded.places)),
        fit_days=chosen[0],
        test_days=tuple(dates[day] for day in chosen),
        surge_days=tuple(tally.surges),
        people=round(tally.people, 1),
        wape=tally.errors[OURS].wape,
        wape_day=tally.errors[OURS].wape_day,
        wape_by_horizon=_by_horizon(tally, OURS),
        pinball=tally.quantiles.pinball,
        coverage=tally.quantiles.coverage,
        intraday={
            f"{minute // 60:02d}:{minute % 60:02d}": Moment(
                ordinary=_rest_scores(rests, surge=False),
                surge=_rest_scores(rests, surge=True),
                coverage=tally.rest_quantiles[minute].coverage,
            )
            for minute, rests in sorted(tally.rests.items())
        },
        baselines={
            name: Baseline(errors.wape, errors.wape_day, _by_horizon(tally, name))
            for name, errors in others.items()
        },
        notes=tuple(notes),
    )


def _by_horizon(tally: Tally, method: str) -> dict[str, float | None]:
    return {str(ahead): errors.wape for ahead, errors in sorted(tally.horizons[method].items())}


def _rest_scores(rests: dict[tuple[str, bool], Rests], *, surge: bool) -> dict[str, RestScores]:
    return {name: one.scores for (name, of_surge), one in rests.items() if of_surge is surge}

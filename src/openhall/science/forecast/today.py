"""Reading today: what ordinary days do, and whether reading a day as it goes on helped on days gone by.

An update is worth making as far as the morning's errors carry over to the rest of the day. Where days are
few, or openings follow their own rules, they do not. So past days are replayed: learnt from in two halves,
every other day, each half is read with what the other showed. That gives how much of an update to believe,
and how wide the intervals must be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from openhall.science.forecast.calendar import DayFacts
from openhall.science.forecast.days import UNJUDGED_DAYS, ForecastModel, ServiceModel, Widths
from openhall.science.forecast.intraday import Posterior, read_day
from openhall.science.forecast.result import DayForecast
from openhall.science.forecast.straying import REPLAYED, IntradayParameters, Straying, straying_of

Numbers = NDArray[np.float64]

REPLAYED_DAYS = 40
"""Latest days that are read again: mornings of long ago were forecast from little."""
REPLAYS_AT_MOST = 40
BELIEFS = (1.0, 0.75, 0.5, 0.25, 0.0)
TRUST_REPLAYS = 10.0
"""Replays at which their errors weigh as much as the model's own widths."""


@dataclass(frozen=True)
class IntradayModel:
    """A fitted forecast with what ordinary days do. Made by `learn`."""

    model: ForecastModel
    parameters: IntradayParameters
    straying: dict[tuple[str, str], Straying]

    def read(
        self,
        branch: str,
        service: str,
        forecast: DayForecast,
        counts: Numbers,
        *,
        minute: int,
        facts: DayFacts,
    ) -> Posterior:
        """What today has shown of one branch and service.

        Parameters
        ----------
        forecast : the day-ahead forecast of today.
        counts : shape (intervals,): people so far, NaN where nobody counted; what lies ahead is ignored.
        minute : minute of the day, now; an interval that it cuts counts with its part.
        facts : of today.
        """
        reopening = facts.reopening_day == 1
        return read_day(
            forecast,
            counts,
            minute=minute,
            interval_minutes=self.model.history.interval_minutes,
            straying=self.straying[branch, service],
            parameters=self.parameters,
            surge_share=self.parameters.reopening_share if reopening else self.parameters.surge_share,
        )


def learn(model: ForecastModel, parameters: IntradayParameters | None = None) -> IntradayModel:
    """Learn what ordinary days do, from the errors of a fitted forecast."""
    chosen = parameters or IntradayParameters()
    told: dict[tuple[str, str], Straying] = {}
    for service in model.services:
        straying = _proven(model, service, chosen)
        for row in service.rows:
            series = model.history.series[row]
            told[series.branch, series.service] = straying
    return IntradayModel(model, chosen, told)


# --- replaying past days -----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Replay:
    """A past day of a series, to be read again after a share of it."""

    ahead: DayForecast
    came: Numbers
    minute: int
    share: int
    half: Straying


def _proven(model: ForecastModel, service: ServiceModel, parameters: IntradayParameters) -> Straying:
    """What ordinary days do, and how far that helped on days that it was not learnt from."""
    counts = model.history.counts[list(service.rows)]
    order = np.cumsum(np.isfinite(counts).any(axis=2), axis=1)
    recent = np.asarray((order > UNJUDGED_DAYS) & (order > order[:, -1:] - parameters.days))
    straying = straying_of(service, counts, parameters, recent)
    even = np.arange(counts.shape[1]) % 2 == 0
    halves = [straying_of(service, counts, parameters, recent & half) for half in (even, ~even)]
    late = recent & (order > order[:, -1:] - REPLAYED_DAYS)
    replays = _replays(model, service, counts, late, halves)
    if not replays:
        return straying
    step = model.history.interval_minutes
    read = [(one, _read(one, step, parameters)) for one in replays]
    belief = _belief(read)
    errors = [_errors(one, _believed(posterior, float(belief[one.share]))) for one, posterior in read]
    return replace(
        straying,
        belief=belief,
        interval_widths=_widths(np.concatenate([error[0] for error in errors]), len(replays)),
        total_widths=_widths(np.array([error[1] for error in errors]), len(replays)),
    )


def _replays(
    model: ForecastModel,
    service: ServiceModel,
    counts: Numbers,
    recent: NDArray[np.bool_],
    halves: Sequence[Straying],
) -> list[_Replay]:
    """The latest days of all series, evenly chosen where they are too many."""
    whole = recent & np.isfinite(counts).all(axis=2) & np.isfinite(service.ahead.mean).all(axis=2)
    days = [(row, day) for day in range(counts.shape[1]) for row in range(len(counts)) if whole[row, day]]
    chosen = days[:: max(1, -(-len(days) // REPLAYS_AT_MOST))]
    told = []
    for row, day in chosen:
        middle = service.ahead.mean[row, day]
        seen = np.cumsum(middle) / max(float(middle.sum()), 1e-9)
        ahead = _as_forecast(model, service, row, day)
        for share, part in enumerate(REPLAYED):
            passed = int(np.searchsorted(seen, part)) + 1
            minute = model.history.first_minute + passed * model.history.interval_minutes
            if passed < len(middle):
                told.append(_Replay(ahead, counts[row, day], minute, share, halves[(day + 1) % 2]))
    return told


def _as_forecast(model: ForecastModel, service: ServiceModel, row: int, day: int) -> DayForecast:
    """What was forecast of a past day, as far as reading it needs."""
    middle = tuple(float(value) for value in service.ahead.mean[row, day])
    total = sum(middle)
    return DayForecast(
        date=model.history.dates[day],
        first_minute=model.history.first_minute,
        mean=middle,
        low=middle,
        middle=middle,
        high=middle,
        total_mean=total,
        total_low=total,
        total_middle=total,
        total_high=total,
        cv=float(np.sqrt(np.expm1(min(service.ahead.log_variance[row, day], 2.0)))),
        dispersion=float(service.profiles.dispersion[row]),
    )


def _read(one: _Replay, step: int, parameters: IntradayParameters) -> Posterior:
    return read_day(
        one.ahead,
        one.came,
        minute=one.minute,
        interval_minutes=step,
        straying=one.half,
        parameters=parameters,
        surge_share=parameters.surge_share,
    )


def _believed(posterior: Posterior, belief: float) -> Posterior:
    """The same with another belief in the first, ordinary regime."""
    ordinary, *others = posterior.regimes
    return replace(posterior, regimes=(replace(ordinary, belief=belief), *others))


def _belief(read: Sequence[tuple[_Replay, Posterior]]) -> Numbers:
    """The share of an update that made absolute errors smallest, after each share of a day."""
    losses = np.zeros((len(REPLAYED), len(BELIEFS)))
    for one, posterior in read:
        later = slice(posterior.first, None)
        ordinary = posterior.regimes[0]
        for number, belief in enumerate(BELIEFS):
            log_rate = replace(ordinary, belief=belief).log_rate
            told = posterior.ahead[later] * np.exp(log_rate[later])
            losses[one.share, number] += float(np.abs(told - one.came[later]).sum())
    return np.array([BELIEFS[int(np.argmin(row))] for row in losses])


def _errors(one: _Replay, posterior: Posterior) -> tuple[Numbers, float]:
    """Errors of intervals and of the total, in units of the distance from the middle to P10 or P90."""
    rest = posterior.rest()
    came = one.came[posterior.first :]
    low, middle, high = (np.sqrt(np.array(values)) for values in (rest.low, rest.middle, rest.high))
    off = np.sqrt(came) - middle
    room = np.where(off < 0, middle - low, high - middle)
    judged = room > 1e-6
    total = np.log(max(float(came.sum()), 0.5) / max(rest.total_middle, 1e-9))
    ends = rest.total_low if total < 0 else rest.total_high
    distance = abs(np.log(max(ends, 1e-9) / max(rest.total_middle, 1e-9)))
    return off[judged] / room[judged], float(total / max(distance, 1e-9))


def _widths(errors: Numbers, replays: int) -> Widths:
    """Stretches at which eight in ten errors lie inside, leaning on none for few replays."""
    trust = replays / (replays + TRUST_REPLAYS)
    if not len(errors):
        return Widths(1.0, 1.0)
    low, high = -np.quantile(errors, 0.1), np.quantile(errors, 0.9)
    return Widths(*(trust * float(np.clip(end, 0.2, 5.0)) + 1 - trust for end in (low, high)))

"""How good a wait forecast is: one set of figures for every format of recorded days.

All waits and forecasts are minutes. An error is forecast minus wait: a positive bias promises too long waits.
A forecast that is NaN is no answer: it enters no error, and its share is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from openhall.kernel.trouble import Trouble

Minutes = NDArray[np.float64]
Counts = NDArray[np.int64]
Chosen = NDArray[np.bool_]

BAND_EDGES = (0, 1, 3, 6, 11, 21, 41)
"""First number of people ahead of each band; the last band has no end."""
LONG_LINE_AHEAD = 3
"""Below so many people ahead, the five minutes between two snapshots decide what a recorded wait is."""
DECIMALS = 4
"""Of a figure, so that the same run prints the same text wherever it runs."""

LAST_TO_ENTER_SERVICE = "last_to_enter_service"
HEAD_OF_LINE = "head_of_line"
QUEUE_LENGTH = "queue_length"
MINUTES_PER_POSITION = "minutes_per_position"
PACE_LAST_30_MINUTES = "pace_last_30_minutes"
BASELINES = (LAST_TO_ENTER_SERVICE, HEAD_OF_LINE, QUEUE_LENGTH, MINUTES_PER_POSITION, PACE_LAST_30_MINUTES)
"""What every format compares with; a format may add more."""


class EvaluationImpossible(Trouble):
    """The folders do not hold what an evaluation needs."""

    code = "evaluation_impossible"
    remedy = "Check both folders, their format and the dates of the split."


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Errors over one group of tickets; a figure over no tickets is None.

    Attributes
    ----------
    tickets : int
        Tickets of the group, answered or not.
    mean_wait_minutes : float or None
        What they waited.
    mae_minutes, rmse_minutes, bias_minutes : float or None
        Over the answered tickets; bias is the mean of forecast minus wait.
    """

    tickets: int
    mean_wait_minutes: float | None
    mae_minutes: float | None
    rmse_minutes: float | None
    bias_minutes: float | None


class BandFigures(Figures, frozen=True, kw_only=True):
    """Errors over the tickets with so many people ahead.

    Attributes
    ----------
    ahead_from, ahead_to : int, int or None
        People ahead at issue, both included; None: no end.
    coverage : float or None
        Share of answered tickets whose wait lies between P10 and P90, both included.
    width_minutes : float or None
        Mean of P90 minus P10.
    """

    ahead_from: int
    ahead_to: int | None
    coverage: float | None
    width_minutes: float | None


class BaselineFigures(Figures, frozen=True, kw_only=True):
    """Errors of a simple predictor, and the model's on the very same tickets.

    Attributes
    ----------
    unanswered_share : float
        Share of tickets the baseline is silent on, in [0, 1].
    model_mae_minutes : float or None
        The model's error over the tickets that both answer.
    long_lines : Figures
        The same over tickets in long lines.
    """

    unanswered_share: float
    model_mae_minutes: float | None
    long_lines: Figures


class WaitScores(msgspec.Struct, frozen=True, kw_only=True):
    """The result of `openhall evaluate waits`.

    Attributes
    ----------
    format : str
        Format of the folders.
    fit_days, test_days : list of str
        ISO dates learnt from, and asked about.
    tickets, mean_wait_minutes : int, float or None
        Of the test days.
    mae_minutes, rmse_minutes, bias_minutes : float or None
        Of the model's point forecast, over the answered tickets.
    coverage : float or None
        Share of waits between P10 and P90, over answered tickets with at least `coverage_ahead_from` ahead.
    unanswered_share : float
        Share of test tickets without a forecast, in [0, 1].
    long_lines : BandFigures
        The figures over tickets with at least `coverage_ahead_from` people ahead.
    bands : dict of str to BandFigures
        By people ahead, such as `3-5` and `41+`; every band is named, an empty one too.
    baselines : dict of str to BaselineFigures
        By the names of `BASELINES`, and what a format adds.
    notes : list of str
        What a reader must know; each one translatable.
    """

    format: str
    fit_days: list[str]
    test_days: list[str]
    tickets: int
    mean_wait_minutes: float | None
    mae_minutes: float | None
    rmse_minutes: float | None
    bias_minutes: float | None
    coverage: float | None
    coverage_ahead_from: int
    unanswered_share: float
    long_lines: BandFigures
    bands: dict[str, BandFigures]
    baselines: dict[str, BaselineFigures]
    notes: list[str]


@dataclass(frozen=True, kw_only=True)
class Forecasts:
    """A model's answers to n tickets, as arrays of length n in minutes; NaN in `point` is no answer."""

    point: Minutes
    p10: Minutes
    p90: Minutes


def score_waits(
    *,
    format: str,  # noqa: A002 - the name of the option and of the result's key
    wait: Minutes,
    ahead: Counts,
    model: Forecasts,
    baselines: Mapping[str, Minutes],
    fit_days: Sequence[str],
    test_days: Sequence[str],
    band_edges: Sequence[int] = BAND_EDGES,
    coverage_ahead_from: int = LONG_LINE_AHEAD,
    notes: Sequence[str] = (),
) -> WaitScores:
    """Hold forecasts against what was waited.

    Parameters
    ----------
    format : str
        Format of the folders, such as `warsaw`.
    wait : ndarray of float, shape (n,)
        What each ticket waited, in minutes.
    ahead : ndarray of int, shape (n,)
        People ahead as known at issue.
    model : Forecasts
        The model's answers, each of shape (n,).
    baselines : mapping of str to ndarray of float, shape (n,)
        What each simple predictor answered; NaN is no answer.
    fit_days, test_days : sequence of str
        ISO dates.
    band_edges : sequence of int
        First number of people ahead of each band, ascending.
    coverage_ahead_from : int
        Coverage is told over tickets with at least so many people ahead; 0 for all.

    Raises
    ------
    EvaluationImpossible
        When there is no ticket to score.
    ValueError
        When an array is not as long as `wait`.
    """
    forecasts = {"point": model.point, "p10": model.p10, "p90": model.p90, "ahead": ahead, **baselines}
    for name, values in forecasts.items():
        if values.shape != wait.shape:
            raise ValueError(f"Expected {name} of shape {wait.shape}; got {values.shape}")
    if not wait.size:
        raise EvaluationImpossible("No ticket of the test days can be scored", place="test")
    everyone = np.ones(wait.size, dtype=np.bool_)
    long = ahead >= coverage_ahead_from
    overall = _figures(wait, model.point, everyone)
    ends = [*(edge - 1 for edge in band_edges[1:]), None]
    long_lines = _band(wait, ahead, model, coverage_ahead_from, None)
    return WaitScores(
        format=format,
        fit_days=list(fit_days),
        test_days=list(test_days),
        tickets=overall.tickets,
        mean_wait_minutes=overall.mean_wait_minutes,
        mae_minutes=overall.mae_minutes,
        rmse_minutes=overall.rmse_minutes,
        bias_minutes=overall.bias_minutes,
        coverage=long_lines.coverage,
        coverage_ahead_from=coverage_ahead_from,
        unanswered_share=_unanswered(model.point),
        long_lines=long_lines,
        bands={
            band_name(first, last): _band(wait, ahead, model, first, last)
            for first, last in zip(band_edges, ends, strict=True)
        },
        baselines={name: _baseline(wait, long, model, values) for name, values in baselines.items()},
        notes=list(notes),
    )


def band_name(first: int, last: int | None) -> str:
    """How a band is called in a result: `0`, `3-5`, `41+`.

    >>> band_name(0, 0), band_name(3, 5), band_name(41, None)
    ('0', '3-5', '41+')
    """
    if last is None:
        return f"{first}+"
    return str(first) if first == last else f"{first}-{last}"


def _figures(wait: Minutes, forecast: Minutes, chosen: Chosen) -> Figures:
    answered = chosen & ~np.isnan(forecast)
    error = forecast[answered] - wait[answered]
    return Figures(
        tickets=int(chosen.sum()),
        mean_wait_minutes=_mean(wait[chosen]),
        mae_minutes=_mean(np.abs(error)),
        rmse_minutes=round(float(np.sqrt(np.mean(error**2))), DECIMALS) if error.size else None,
        bias_minutes=_mean(error),
    )


def _band(wait: Minutes, ahead: Counts, model: Forecasts, first: int, last: int | None) -> BandFigures:
    chosen = ahead >= first
    if last is not None:
        chosen &= ahead <= last
    answered = chosen & ~np.isnan(model.point)
    inside = (wait >= model.p10) & (wait <= model.p90)
    return BandFigures(
        **msgspec.structs.asdict(_figures(wait, model.point, chosen)),
        ahead_from=first,
        ahead_to=last,
        coverage=_mean(inside[answered].astype(np.float64)),
        width_minutes=_mean((model.p90 - model.p10)[answered]),
    )


def _baseline(wait: Minutes, long: Chosen, model: Forecasts, values: Minutes) -> BaselineFigures:
    both = ~np.isnan(values) & ~np.isnan(model.point)
    return BaselineFigures(
        **msgspec.structs.asdict(_figures(wait, values, np.ones_like(long))),
        unanswered_share=_unanswered(values),
        model_mae_minutes=_mean(np.abs(model.point - wait)[both]),
        long_lines=_figures(wait, values, long),
    )


def _unanswered(forecast: Minutes) -> float:
    return round(float(np.isnan(forecast).mean()), DECIMALS)


def _mean(values: Minutes) -> float | None:
    return round(float(values.mean()), DECIMALS) if values.size else None

"""Wait forecasts held against the bank's call centre of the Technion, call by call.

A folder holds `calls_*.csv.gz`, one file or more. Asked about is every caller who queued in the shared line
and was served, at the second of joining. Left out are internet support, which has a line of its own,
services whose start is not recorded, and the odd row whose service is recorded to start over five minutes
before the caller left the line. Of February 1999 that leaves 4,005 callers in the last ten days.

Nothing is learnt from the days asked about: of those, a forecast sees what happened on the same day before
the caller joined (`openhall.science.prediction.call_centre.known_at`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openhall.rehearsal.evaluation.scores import (
    HEAD_OF_LINE,
    LAST_TO_ENTER_SERVICE,
    MINUTES_PER_POSITION,
    PACE_LAST_30_MINUTES,
    QUEUE_LENGTH,
    EvaluationImpossible,
    Forecasts,
    WaitScores,
    score_waits,
)
from openhall.science.prediction import call_baselines as baselines
from openhall.science.prediction.call_centre import INTERNET, KINDS, NOBODY, REGULAR, CallDay, known_at
from openhall.science.prediction.call_features import NOTHING, wait_of_next
from openhall.science.prediction.call_fork import CallHabits, call_habits
from openhall.science.prediction.call_waits import (
    CallWaitParameters,
    CallWaits,
    describe,
    fit_call_waits,
    scale_of,
)

Numbers = NDArray[np.float64]

FILES = "calls_*.csv.gz"
MOMENTS = ("vru_entry", "vru_exit", "q_start", "q_exit", "ser_start", "ser_exit")
COLUMNS = ("date", "priority", "type", "outcome", "agent", *MOMENTS)
MOMENT_FORM = "%Y-%m-%d %H:%M:%S"
SERVED = "AGENT"
START_BEFORE_LEAVING_SECONDS_MAX = 300.0
"""A service that starts longer before the caller left the line: one of the two moments is wrong."""

QUEUE_LENGTH_WITH_ABANDONMENT = "queue_length_with_abandonment"
CONSTANT = "constant"
FORK = "fork"
SCALED = "_scaled"
"""After a baseline's name: the same times one factor, learnt on the days to learn from."""

BANDS = (0, 1, 2, 3, 5, 8)
FUTURES, DRAWS = 128, 160
FUTURES_KEY = 1999
"""Of the uniforms of the futures: the same every time."""

NOTES = (
    "Asked about are callers of the shared line who queued and were served; what those who hung up would have"
    " waited is on no record.",
    "Coverage is told over all callers asked about.",
    "A baseline whose name ends in _scaled has one factor, learnt on the days to learn from.",
)


@dataclass(frozen=True, kw_only=True)
class Calls:
    """The calls of a day, and the rows of those asked about with what they waited, in seconds."""

    day: CallDay
    rows: NDArray[np.int64]
    wait: Numbers


@dataclass(frozen=True, kw_only=True)
class Asked:
    """All n callers asked about on some days.

    Attributes
    ----------
    columns : dict of str to ndarray, shape (n,)
        What is known of each when joining, by name.
    table : ndarray, shape (n, f)
        What the model reads of it.
    wait : ndarray, shape (n,)
        Seconds.
    day : ndarray of int, shape (n,)
        Number of the day, in the order given.
    """

    columns: dict[str, Numbers]
    table: Numbers
    wait: Numbers
    day: NDArray[np.int64]


def evaluate(
    fit: Path,
    test: Path,
    *,
    fit_to: date | None = None,
    test_from: date | None = None,
    parameters: CallWaitParameters | None = None,
) -> WaitScores:
    """Learn from the days of one folder, foretell each wait of another on joining, and hold the two together.

    Parameters
    ----------
    fit, test : Path
        Folders with `calls_*.csv.gz`; they may be the same.
    fit_to, test_from : date, optional
        Last day to learn from, first day to ask about; both included.
    parameters : CallWaitParameters, optional
        Of the model.

    Raises
    ------
    EvaluationImpossible
        When a folder has no such file, a column is missing or unreadable, the split leaves fewer than two
        days to learn from or nobody to ask about, or a day is in both.
    """
    read = {folder: read_calls(folder) for folder in dict.fromkeys((fit, test))}
    past = {day: calls for day, calls in read[fit].items() if fit_to is None or day <= fit_to}
    future = {day: calls for day, calls in read[test].items() if test_from is None or day >= test_from}
    _check_split(past, future, fit=fit, test=test)
    uniforms = np.random.Generator(np.random.Philox(key=FUTURES_KEY)).random((FUTURES, DRAWS))
    try:
        habits = call_habits(calls.day for calls in past.values())
        learnt = ask(past.values(), habits, uniforms)
        model = fit_call_waits(
            learnt.table, scale_of(learnt.columns["fork_mean"]), learnt.wait, learnt.day, parameters
        )
    except ValueError as error:
        raise EvaluationImpossible(str(error), place=str(fit)) from error
    asked = ask(future.values(), habits, uniforms)
    return score_waits(
        format="technion",
        wait=asked.wait / 60.0,
        ahead=asked.columns["ahead"].astype(np.int64),
        model=foretell(model, asked),
        baselines={name: seconds / 60.0 for name, seconds in _baselines(learnt, asked, habits).items()},
        fit_days=[day.isoformat() for day in past],
        test_days=[day.isoformat() for day in future],
        band_edges=BANDS,
        coverage_ahead_from=0,
        notes=NOTES,
    )


def ask(days: Iterable[Calls], habits: CallHabits, uniforms: Numbers) -> Asked:
    """Everybody asked about on these days, as known on joining."""
    told: list[dict[str, float]] = []
    waits, number = [np.zeros(0)], [np.zeros(0, dtype=np.int64)]
    names: tuple[str, ...] = ()
    for place, calls in enumerate(days):
        waits.append(calls.wait)
        number.append(np.full(len(calls.wait), place))
        for row in calls.rows:
            asking = known_at(calls.day, int(row))
            described = describe(asking, habits, uniforms)
            names = names or tuple(described)
            told.append(described | {HEAD_OF_LINE: wait_of_next(asking)})
    columns = {name: np.array([each[name] for each in told]) for name in (*names, HEAD_OF_LINE) if told}
    table = np.column_stack([columns[name] for name in names]) if told else np.zeros((0, 0))
    return Asked(columns=columns, table=table, wait=np.concatenate(waits), day=np.concatenate(number))


def foretell(model: CallWaits, asked: Asked) -> Forecasts:
    """What the model says to each, in minutes."""
    low, middle, high = model.forecast(asked.table, scale_of(asked.columns["fork_mean"]))
    return Forecasts(point=middle / 60.0, p10=low / 60.0, p90=high / 60.0)


def _check_split(past: dict[date, Calls], future: dict[date, Calls], *, fit: Path, test: Path) -> None:
    if len(past) < 2:
        raise EvaluationImpossible(f"Expected at least 2 days to learn from; got {len(past)}", place=str(fit))
    if not any(len(calls.rows) for calls in future.values()):
        raise EvaluationImpossible("No day is left to ask about", place=str(test))
    both = sorted(past.keys() & future.keys())
    if both:
        raise EvaluationImpossible(
            f"{both[0]} is a day to learn from and a day to ask about;"
            " part them with --fit-to and --test-from",
            place=str(test),
        )


# --- what it is compared with ------------------------------------------------------------------------


def _baselines(learnt: Asked, asked: Asked, habits: CallHabits) -> dict[str, Numbers]:
    """What each simple guess says, in seconds; each again with the factor that fits the days learnt from."""
    per_position = float(np.median(learnt.wait / (learnt.columns["ahead"] + 1.0)))
    then, now = (_guesses(each, habits, per_position) for each in (learnt, asked))
    scaled = {
        f"{name}{SCALED}": guess * baselines.best_factor(then[name], learnt.wait)
        for name, guess in now.items()
    }
    return now | scaled | {CONSTANT: np.full(len(asked.wait), np.median(learnt.wait))}


def _guesses(asked: Asked, habits: CallHabits, per_position: float) -> dict[str, Numbers]:
    known = asked.columns
    ahead, busy, last = known["ahead"], known["busy"], known["last_wait"]
    mean, rate = habits.service_mean, habits.hang_up_rate
    return {
        LAST_TO_ENTER_SERVICE: np.where(last == NOTHING, np.nan, last),
        HEAD_OF_LINE: known[HEAD_OF_LINE],
        QUEUE_LENGTH: baselines.queue_length(ahead, busy, mean),
        QUEUE_LENGTH_WITH_ABANDONMENT: baselines.queue_length_with_abandonment(ahead, busy, mean, rate),
        MINUTES_PER_POSITION: (ahead + 1.0) * per_position,
        PACE_LAST_30_MINUTES: baselines.pace(ahead, known["taken_30"], 1_800.0),
        FORK: known["fork_p50"],
    }


# --- reading -----------------------------------------------------------------------------------------


def read_calls(folder: Path) -> dict[date, Calls]:
    """The days of a folder, in order; see the module for who is asked about.

    Kinds of call that are not in `KINDS` are taken as regular. Moments are seconds after the midnight of the
    row's date, so a call after midnight belongs to the evening before. Raises `EvaluationImpossible`.
    """
    paths = sorted(folder.glob(FILES))
    if not paths:
        raise EvaluationImpossible(f"There is no {FILES} in {folder}", place=str(folder))
    frame = pl.concat([_file(path) for path in paths])
    agents = {name: number for number, name in enumerate(frame["agent"].drop_nulls().unique().sort())}
    days = frame.partition_by("date", as_dict=True, maintain_order=True)
    return {key[0]: _calls(days[key], agents) for key in sorted(days)}


def _file(path: Path) -> pl.DataFrame:
    try:
        frame = pl.read_csv(path, infer_schema=False)
        missing = [name for name in COLUMNS if name not in frame.columns]
        if missing:
            raise EvaluationImpossible(f"{path.name} lacks the columns {', '.join(missing)}", place=str(path))
        frame = frame.select(pl.col(COLUMNS).replace("", None)).with_columns(
            pl.col("date").str.to_date("%Y-%m-%d"), pl.col("priority").cast(pl.Int64)
        )
        midnight = pl.col("date").cast(pl.Datetime("us"))
        return frame.with_columns(
            (pl.col(name).str.to_datetime(MOMENT_FORM, time_unit="us") - midnight)
            .dt.total_seconds()
            .cast(pl.Float64)
            .fill_null(float("nan"))
            for name in MOMENTS
        )
    except (pl.exceptions.PolarsError, OSError) as error:
        raise EvaluationImpossible(f"{path.name} cannot be read: {error}", place=str(path)) from error


def _calls(frame: pl.DataFrame, agents: dict[str, int]) -> Calls:
    number = {name: place for place, name in enumerate(KINDS)}
    day = CallDay(
        **{column: frame[name].to_numpy() for column, name in zip(CallDay._fields, MOMENTS, strict=False)},
        priority=frame["priority"].fill_null(0).to_numpy(),
        kind=np.array([number.get(name, REGULAR) for name in frame["type"]], dtype=np.int64),
        agent=np.array([agents.get(name, NOBODY) for name in frame["agent"]], dtype=np.int64),
    )
    served = (frame["outcome"] == SERVED).fill_null(value=False).to_numpy()
    wait = day.left - day.joined
    # A missing moment is NaN, and no comparison with NaN holds.
    is_asked = served & (day.kind != INTERNET) & (wait >= 0.0)
    is_asked &= day.started >= day.left - START_BEFORE_LEAVING_SECONDS_MAX
    rows = np.flatnonzero(is_asked)
    return Calls(day=day, rows=rows, wait=wait[rows])

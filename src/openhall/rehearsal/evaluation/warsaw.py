"""Wait forecasts held against the Warsaw files: five-minute snapshots, and tickets reconstructed from them.

What is known of a ticket at issue: its number, its line, `issued_after` and `issued_by`, and every snapshot
of its day up to `issued_by`, of all lines. Columns that tell of the call (`called_*`, `wait_*`) are what is
foretold; they are learnt from on the days to learn from only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped] # it ships no types

from openhall.rehearsal.evaluation.scores import (
    BASELINES,
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
from openhall.science.prediction import baselines
from openhall.science.prediction.hall import HallForecaster, fit_hall
from openhall.science.prediction.learnt import PastDay
from openhall.science.prediction.lines import (
    WAIT_MAX_MINUTES,
    Asked,
    Day,
    Floats,
    Snapshots,
    Whole,
    day_of,
    people_ahead,
)
from openhall.science.prediction.quantiles import ModelParameters

SNAPSHOTS_FILE = "snapshots.parquet"
TICKETS_FILE = "tickets_reconstructed.parquet"
Kind = type[pl.DataType] | pl.DataType
LINE: dict[str, Kind] = {"office": pl.String, "service": pl.String, "queue_id": pl.Int64}
"""A line's key: the queue's number is unique only with the other two."""
SHOWN = {
    "called_no": "called",
    "waiting": "waiting",
    "open_counters": "counters",
    "service_min_reported": "reported",
    "status": "operating",
}
MOMENT = pl.Datetime("us")
BANDS = (0, 1, 3, 6, 11, 21)
BOUNDED = f"{MINUTES_PER_POSITION}_at_most_240"
"""Minutes per position is kept to its definition; this one is never longer than a wait can count."""
NOTES = (
    "Coverage is told over tickets with at least 3 people ahead: below, the five minutes between two"
    " snapshots decide what a recorded wait is.",
    "Waits over 240 minutes count as 240; a ticket called in the snapshot that first shows it has waited half"
    " of the time since the snapshot before.",
)


@dataclass(frozen=True, kw_only=True)
class RecordedTickets:
    """The n tickets of one day that are asked about; `wait` is what is foretold, in minutes, shape (n,)."""

    asked: Asked
    wait: Floats
    names: pl.DataFrame


@dataclass(frozen=True, kw_only=True)
class RecordedLines:
    """Days of one folder, over the lines of an evaluation."""

    days: dict[date, Day]
    tickets: dict[date, RecordedTickets]


def evaluate(
    fit: Path,
    test: Path,
    *,
    fit_to: date | None = None,
    test_from: date | None = None,
    parameters: ModelParameters | None = None,
) -> WaitScores:
    """Learn from the days of one folder, foretell each wait of another at issue, and hold the two together.

    Parameters
    ----------
    fit, test : Path
        Folders with `snapshots.parquet` and `tickets_reconstructed.parquet`; they may be the same.
    fit_to, test_from : date, optional
        Last day to learn from, first day to ask about; both included.
    parameters : ModelParameters, optional
        Of the model.

    Raises
    ------
    EvaluationImpossible
        When a folder, a file or a column is missing, when the split leaves fewer than two days to learn from
        or none to ask about, or when a day is in both.
    """
    asked = foretell(fit, test, fit_to=fit_to, test_from=test_from, parameters=parameters)
    table = asked.table
    columns = {name: table[name].to_numpy() for name in table.columns if table[name].dtype == pl.Float64}
    return score_waits(
        format="warsaw",
        wait=columns["wait"],
        ahead=columns["ahead"].astype(np.int64),
        model=Forecasts(point=columns["p50"], p10=columns["p10"], p90=columns["p90"]),
        baselines={name: columns[name] for name in (*BASELINES, BOUNDED)},
        fit_days=[day.isoformat() for day in asked.fit_days],
        test_days=[day.isoformat() for day in asked.test_days],
        band_edges=BANDS,
        notes=NOTES,
    )


@dataclass(frozen=True, kw_only=True)
class Foretold:
    """Each ticket of the test days with what was foretold.

    Attributes
    ----------
    table : DataFrame
        Line, `ticket_no`, `issued_by`, `ahead`, `p10`, `p50`, `p90`, the baselines and `wait`, in minutes;
        NaN where there is no answer.
    """

    table: pl.DataFrame
    fit_days: list[date]
    test_days: list[date]


def foretell(
    fit: Path,
    test: Path,
    *,
    fit_to: date | None = None,
    test_from: date | None = None,
    parameters: ModelParameters | None = None,
) -> Foretold:
    """What the model and the baselines say of every ticket of the test days; see `evaluate`."""
    # One thread: boosting's threads wait for each other by spinning, and where anything else runs on the
    # machine that made it four times slower. It also adds up in one order everywhere.
    with threadpool_limits(limits=1, user_api="openmp"):
        return _foretell(fit, test, fit_to=fit_to, test_from=test_from, parameters=parameters)


def _foretell(
    fit: Path,
    test: Path,
    *,
    fit_to: date | None,
    test_from: date | None,
    parameters: ModelParameters | None,
) -> Foretold:
    read = {folder: (_snapshots(folder), _tickets(folder)) for folder in {fit, test}}
    fit_days = [day for day in _days(read[fit][0]) if fit_to is None or day <= fit_to]
    test_days = [day for day in _days(read[test][0]) if test_from is None or day >= test_from]
    _check_split(fit_days, test_days, fit=fit, test=test)
    lines = pl.concat([snapshots.select(*LINE) for snapshots, _ in read.values()]).unique().sort(*LINE)
    lines = lines.with_row_index("line")
    office = lines["office"].rank("dense").to_numpy().astype(np.int64) - 1
    past = _recorded(*read[fit], lines=lines, days=fit_days)
    try:
        hall = fit_hall(
            [
                PastDay(day=past.days[day], asked=past.tickets[day].asked, wait=past.tickets[day].wait)
                for day in fit_days
            ],
            office,
            parameters,
        )
    except ValueError as error:
        raise EvaluationImpossible(str(error), place=str(fit)) from error
    asked = _recorded(*read[test], lines=lines, days=test_days)
    table = pl.concat([_answers(hall, asked.days[day], asked.tickets[day]) for day in test_days])
    return Foretold(table=table, fit_days=fit_days, test_days=test_days)


def _check_split(fit_days: list[date], test_days: list[date], *, fit: Path, test: Path) -> None:
    if len(fit_days) < 2:
        raise EvaluationImpossible(
            f"Expected at least 2 days to learn from; got {len(fit_days)}", place=str(fit)
        )
    if not test_days:
        raise EvaluationImpossible("No day is left to ask about", place=str(test))
    both = sorted(set(fit_days) & set(test_days))
    if both:
        raise EvaluationImpossible(
            f"{both[0]} is a day to learn from and a day to ask about: part them by --fit-to and --test-from",
            place=str(test),
        )


def _answers(hall: HallForecaster, day: Day, tickets: RecordedTickets) -> pl.DataFrame:
    asked = tickets.asked
    p10, p50, p90 = hall.forecast(day, asked)
    by_position = baselines.minutes_per_position(day, asked, hall.learnt)
    return tickets.names.with_columns(
        ahead=people_ahead(day, asked),
        p10=p10,
        p50=p50,
        p90=p90,
        wait=tickets.wait,
        **{
            LAST_TO_ENTER_SERVICE: baselines.last_to_enter_service(day, asked),
            HEAD_OF_LINE: baselines.head_of_line(day, asked),
            QUEUE_LENGTH: baselines.queue_length(day, asked, hall.learnt),
            MINUTES_PER_POSITION: by_position,
            BOUNDED: np.minimum(by_position, WAIT_MAX_MINUTES),
            PACE_LAST_30_MINUTES: baselines.pace_of_last_minutes(day, asked),
        },
    )


# --- reading -----------------------------------------------------------------------------------------


def _read(folder: Path, name: str, columns: dict[str, Kind]) -> pl.DataFrame:
    path = folder / name
    if not path.is_file():
        raise EvaluationImpossible(f"There is no {name} in {folder}", place=str(folder))
    try:
        frame = pl.scan_parquet(path)
        missing = [column for column in columns if column not in frame.collect_schema()]
        if missing:
            raise EvaluationImpossible(f"{name} lacks the columns {', '.join(missing)}", place=str(path))
        return frame.select(pl.col(column).cast(kind) for column, kind in columns.items()).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise EvaluationImpossible(f"{name} cannot be read: {error}", place=str(path)) from error


def _snapshots(folder: Path) -> pl.DataFrame:
    columns: dict[str, Kind] = {"ts": MOMENT, **LINE, **dict.fromkeys(SHOWN, pl.Float64)}
    return (
        _read(folder, SNAPSHOTS_FILE, columns)
        .unique(["ts", *LINE], keep="first", maintain_order=True)
        .with_columns(day=pl.col("ts").dt.date())
    )


def _tickets(folder: Path) -> pl.DataFrame:
    columns: dict[str, Kind] = {
        **LINE,
        "ticket_no": pl.Float64,
        "issued_after": MOMENT,
        "issued_by": MOMENT,
        "wait_min_mid": pl.Float64,
    }
    return (
        _read(folder, TICKETS_FILE, columns)
        .filter(pl.col("issued_after").is_not_null() & pl.col("wait_min_mid").is_not_null())
        .with_columns(day=pl.col("issued_by").dt.date())
        .sort(*LINE, "issued_by", "ticket_no")
    )


def _days(snapshots: pl.DataFrame) -> list[date]:
    return sorted(snapshots["day"].unique().to_list())


def _recorded(
    snapshots: pl.DataFrame, tickets: pl.DataFrame, *, lines: pl.DataFrame, days: list[date]
) -> RecordedLines:
    seen = snapshots.join(lines, on=list(LINE))
    issued = tickets.join(lines, on=list(LINE))
    of_day, of_tickets = {}, {}
    for day in days:
        rows = seen.filter(pl.col("day") == day)
        moments = rows["ts"].unique().sort()
        of_day[day] = _day(rows, moments, day, line_count=lines.height)
        of_tickets[day] = _asked(issued.filter(pl.col("day") == day), moments)
    return RecordedLines(days=of_day, tickets=of_tickets)


def _day(rows: pl.DataFrame, moments: pl.Series, day: date, *, line_count: int) -> Day:
    at = moments.search_sorted(rows["ts"]).to_numpy()
    line = rows["line"].to_numpy()
    shown: dict[str, Floats] = {}
    for column, name in SHOWN.items():
        shown[name] = np.full((moments.len(), line_count), np.nan)
        shown[name][at, line] = rows[column].to_numpy()
    midnight = datetime.combine(day, time())
    minute = ((moments - midnight).dt.total_seconds() / 60).to_numpy()
    return day_of(Snapshots(minute=minute, weekday=day.weekday(), **shown))


def _asked(rows: pl.DataFrame, moments: pl.Series) -> RecordedTickets:
    """Tickets of one day; one issued before the day's first snapshot knows nothing and is left out."""
    known: Whole = moments.search_sorted(rows["issued_by"], side="right").to_numpy().astype(np.int64) - 1
    kept = pl.Series(known >= 0)
    rows, known = rows.filter(kept), known[known >= 0]
    return RecordedTickets(
        asked=Asked(
            snapshot=known,
            line=rows["line"].to_numpy().astype(np.int64),
            number=rows["ticket_no"].to_numpy(),
            span_minutes=((rows["issued_by"] - rows["issued_after"]).dt.total_seconds() / 60).to_numpy(),
        ),
        wait=np.minimum(rows["wait_min_mid"].to_numpy(), WAIT_MAX_MINUTES),
        names=rows.select(*LINE, "ticket_no", "issued_by"),
    )

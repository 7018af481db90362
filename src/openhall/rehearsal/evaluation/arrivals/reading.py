"""Readers of the three formats. Each raises `EvaluationImpossible` with the file, or the row, at fault."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openhall.rehearsal.evaluation.arrivals.recorded import Recorded
from openhall.rehearsal.evaluation.scores import EvaluationImpossible

Numbers = NDArray[np.float64]

INTERVAL_MINUTES = 30
DAY_MINUTES = 1440
TICKETS_FILE = "tickets_reconstructed.parquet"
QUEUES_FILE = "queue_days.csv.gz"
OBSERVED = ("ok", "fewer than 3 tickets")
"""What the record says of a queue's day that was followed; any other word is the reason why it was not."""
MISSED_FROM = 15.0
"""Tickets of a usual day from which on a queue without any was not recorded, where no file says so."""


def read_bank_calls(folder: Path) -> Recorded:
    """`bank_calls*.csv[.gz]`: columns `ts` (start of 5 minutes) and `calls`."""
    return _series(folder, "bank_calls*.csv*", step=5, place="bank", whole_days=False)


def read_technion_counts(folder: Path) -> Recorded:
    """`arrivals_6min*.csv[.gz]`: columns `ts` (start of 6 minutes) and `calls`."""
    return _series(folder, "arrivals_6min*.csv*", step=6, place="call centre", whole_days=True)


def _series(folder: Path, pattern: str, *, step: int, place: str, whole_days: bool) -> Recorded:
    files = sorted(folder.glob(pattern))
    if not files:
        raise EvaluationImpossible(f"There is no {pattern} in this folder", place=str(folder))
    frame = pl.concat([_columns(file) for file in files]).unique().sort("ts")
    if frame.is_empty():
        raise EvaluationImpossible("This file has no rows", place=str(files[0]))
    _refuse(frame.filter(pl.col("ts").is_duplicated()), "This interval is there twice", files[0])
    _refuse(frame.filter(pl.col("calls") < 0), "Nobody can count fewer than no calls", files[0])
    minute = pl.col("ts").dt.hour().cast(pl.Int32) * 60 + pl.col("ts").dt.minute().cast(pl.Int32)
    frame = frame.with_columns(minute.alias("minute"), pl.col("ts").dt.date().alias("date"))
    _refuse(frame.filter(pl.col("minute") % step != 0), f"No {step} minutes begin here", files[0])
    first = 0 if whole_days else int(frame["minute"].min() // INTERVAL_MINUTES * INTERVAL_MINUTES)  # type: ignore[operator, arg-type]
    end = DAY_MINUTES if whole_days else int(frame["minute"].max()) + step  # type: ignore[arg-type]
    dates = frame["date"].unique().sort().to_list()
    fine = np.full((len(dates), -(-(end - first) // INTERVAL_MINUTES) * INTERVAL_MINUTES // step), np.nan)
    at = {day: row for row, day in enumerate(dates)}
    for day, minutes, calls in frame.select("date", "minute", "calls").iter_rows():
        fine[at[day], (minutes - first) // step] = np.nan if calls is None else calls
    return Recorded(
        INTERVAL_MINUTES,
        first,
        tuple(dates),
        (place,),
        (place,),
        _coarse(fine, INTERVAL_MINUTES // step)[None],
    )


def _columns(file: Path) -> pl.DataFrame:
    try:
        frame = pl.read_csv(
            file, columns=["ts", "calls"], schema_overrides={"ts": pl.String, "calls": pl.Float64}
        )
        return frame.with_columns(pl.col("ts").str.to_datetime("%Y-%m-%d %H:%M:%S"))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise EvaluationImpossible(f"Expected columns ts and calls: {error}", place=str(file)) from error


def _refuse(rows: pl.DataFrame, message: str, file: Path) -> None:
    if not rows.is_empty():
        raise EvaluationImpossible(message, place=f"{file}, {rows['ts'][0]}")


def _coarse(fine: Numbers, together: int) -> Numbers:
    """Sums of so many neighbours: NaN where one of them is a hole.

    Intervals that no day of the record has, such as what follows closing time, are nobody's time and count
    as nothing.
    """
    usual = np.isfinite(fine).any(axis=0)
    filled = np.where(usual, fine, 0.0)
    return np.asarray(filled.reshape(len(fine), -1, together).sum(axis=2))


# --- Warsaw ------------------------------------------------------------------------------------------


def read_warsaw(folder: Path) -> Recorded:
    """`tickets_reconstructed.parquet`, and `queue_days.csv.gz` where it is there.

    The tickets of one reading were issued somewhere in (issued_after, issued_by]: they are spread evenly over
    it. A queue's day that `queue_days` rejects is a hole. Without that file, a queue that usually has 15
    tickets or more and has none on a day is one.
    """
    file = folder / TICKETS_FILE
    if not file.is_file():
        raise EvaluationImpossible(f"There is no {TICKETS_FILE} in this folder", place=str(folder))
    tickets = _tickets(file)
    if tickets.is_empty():
        raise EvaluationImpossible("This file has no tickets", place=str(file))
    followed = _followed(folder / QUEUES_FILE)
    keys = sorted({(row[0], row[1]) for row in tickets.select("office", "part").unique().iter_rows()})
    dates = sorted(
        {*tickets["date"].unique().to_list(), *({day for *_part, day in followed} if followed else ())}
    )
    first = int(tickets["slot"].min())  # type: ignore[arg-type]
    last = int(tickets["slot"].max())  # type: ignore[arg-type]
    counts = np.zeros((len(keys), len(dates), last - first + 1))
    rows, columns = {key: row for row, key in enumerate(keys)}, {day: at for at, day in enumerate(dates)}
    for office, part, day, slot, people in (
        tickets.group_by("office", "part", "date", "slot").len().iter_rows()
    ):
        counts[rows[office, part], columns[day], slot - first] = people
    holes = _holes(counts, keys, dates, followed)
    counts[holes] = np.nan
    return Recorded(
        INTERVAL_MINUTES,
        first * INTERVAL_MINUTES,
        tuple(dates),
        tuple(key[0] for key in keys),
        tuple(key[1] for key in keys),
        counts,
    )


def _tickets(file: Path) -> pl.DataFrame:
    """One row for each ticket: office, part, date and the half hour of the day that it was issued in."""
    names = ("office", "queue_id", "service", "date", "issued_after", "issued_by")
    try:
        frame = pl.read_parquet(file, columns=list(names))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise EvaluationImpossible(
            f"Expected columns {', '.join(names)}: {error}", place=str(file)
        ) from error
    by = pl.col("issued_by").cast(pl.Datetime("us"))
    after = pl.coalesce(pl.col("issued_after").cast(pl.Datetime("us")), by)
    bounds = ("office", "part", "date", "after", "by")
    number, count = pl.int_range(pl.len()).over(bounds), pl.len().over(bounds)
    moment = pl.col("after") + (pl.col("by") - pl.col("after")) * ((2 * number + 1) / (2 * count))
    return (
        frame.select(
            pl.col("office").cast(pl.String),
            _part().alias("part"),
            pl.col("date").cast(pl.Date),
            after.alias("after"),
            by.alias("by"),
        )
        .with_columns(moment.alias("moment"))
        .select(
            "office",
            "part",
            "date",
            (
                (pl.col("moment").dt.hour().cast(pl.Int32) * 60 + pl.col("moment").dt.minute().cast(pl.Int32))
                // INTERVAL_MINUTES
            ).alias("slot"),
        )
    )


def _part() -> pl.Expr:
    """A queue's name in its office: its number is unique only with the service."""
    return pl.concat_str(pl.col("queue_id").cast(pl.String), pl.col("service").cast(pl.String), separator=" ")


def _followed(file: Path) -> dict[tuple[str, str, date], bool] | None:
    """Whether each queue's day was followed; None without the file."""
    if not file.is_file():
        return None
    try:
        frame = pl.read_csv(file, infer_schema_length=None).select(
            pl.col("office").cast(pl.String),
            _part().alias("part"),
            pl.col("date").cast(pl.String).str.slice(0, 10),
            pl.col("status").cast(pl.String),
        )
    except (pl.exceptions.PolarsError, OSError) as error:
        raise EvaluationImpossible(
            f"Expected columns office, queue_id, service, date, status: {error}", place=str(file)
        ) from error
    return {
        (office, part, datetime.strptime(day, "%Y-%m-%d").date()): status in OBSERVED  # noqa: DTZ007
        for office, part, day, status in frame.iter_rows()
    }


def _holes(
    counts: Numbers,
    keys: Sequence[tuple[str, str]],
    dates: Sequence[date],
    followed: dict[tuple[str, str, date], bool] | None,
) -> NDArray[np.bool_]:
    people = counts.sum(axis=2)
    if followed is None:
        seen = people > 0
        usual = people.sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
        return np.asarray(~seen & (usual >= MISSED_FROM)[:, None])
    told = [[followed.get((*key, day), False) for day in dates] for key in keys]
    return np.asarray(~np.array(told, bool) & (people == 0))

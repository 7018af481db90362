"""The result of a rehearsed day: as JSON, as a folder of files, and beside another."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import polars as pl

from openhall.flows.series import QueueSeries
from openhall.kernel.clock import to_datetime
from openhall.kernel.event import StreamId
from openhall.log.store import Store
from openhall.rehearsal.chart import Chart, Line, draw
from openhall.rehearsal.statistics import CounterUse, TicketRow, Waits, measure, play_back

RESULT_FILE = "result.json"
NAME_DIGITS = 12


class RehearsalResult(msgspec.Struct, frozen=True, kw_only=True):
    """What `openhall rehearse --json` prints. Definitions: `rehearsal.statistics`.

    `seconds` is the wall-clock time of the run; nothing else depends on the machine.
    """

    kind: str
    """recorded, ticket_log, invented or random."""
    place: str
    day: str
    timezone: str
    parameters: dict[str, Any]
    """What the run was asked for."""
    notes: tuple[str, ...] = ()
    """What a reader must know to judge the figures."""
    issued: int
    served: int
    no_show: int
    reneged: int
    diverted: int
    lapsed: int
    pending: int
    wait_minutes_mean: float | None
    wait_minutes_median: float | None
    wait_minutes_p90: float | None
    wait_minutes_max: float | None
    recorded_wait_minutes_median: float | None = None
    recorded_wait_minutes_p90: float | None = None
    share_over_minutes: dict[str, float]
    waits_with_holds: Waits
    waits_by_service: dict[str, Waits]
    waits_by_class: dict[str, Waits]
    longest_queue: int
    longest_queue_at: str
    counter_utilisation: float | None
    counters: dict[str, CounterUse]
    last_left: str | None
    """Local time, ISO 8601."""
    overtime_minutes: float
    referred: int
    baulked: int
    requests: int
    seconds: float


@dataclass(frozen=True)
class Rehearsal:
    """A result with what it was computed from."""

    result: RehearsalResult
    series: QueueSeries
    tickets: tuple[TicketRow, ...]
    recorded_line: Line | None = None
    """The line as the record shows it, to be drawn beside."""

    def to_json(self) -> bytes:
        """The result, indented."""
        return msgspec.json.format(msgspec.json.encode(self.result), indent=2)


@dataclass(frozen=True)
class Run:
    """What a source knows about its own run."""

    kind: str
    parameters: dict[str, Any]
    requests: int
    seconds: float
    notes: tuple[str, ...] = ()
    recorded_wait_minutes_median: float | None = None
    recorded_wait_minutes_p90: float | None = None
    recorded_line: Line | None = None


def result_of(stream: StreamId, store: Store, run: Run) -> Rehearsal:
    """Measure a day that is in a store."""
    trace = play_back(stream, store.read(stream=stream))
    figures = measure(trace)
    zone = ZoneInfo(trace.state.day_rules.branch.timezone)

    def local(at_ms: int | None) -> str | None:
        return to_datetime(at_ms, zone).isoformat(timespec="seconds") if at_ms else None

    result = RehearsalResult(
        kind=run.kind,
        place=stream.place,
        day=stream.day.isoformat(),
        timezone=zone.key,
        parameters=run.parameters,
        notes=run.notes,
        issued=figures.issued,
        **{
            outcome: figures.outcomes.get(outcome, 0)
            for outcome in ("served", "no_show", "reneged", "diverted", "lapsed", "pending")
        },
        wait_minutes_mean=figures.waits.mean,
        wait_minutes_median=figures.waits.median,
        wait_minutes_p90=figures.waits.p90,
        wait_minutes_max=figures.waits.max,
        recorded_wait_minutes_median=run.recorded_wait_minutes_median,
        recorded_wait_minutes_p90=run.recorded_wait_minutes_p90,
        share_over_minutes=figures.waits.share_over_minutes,
        waits_with_holds=figures.waits_with_holds,
        waits_by_service=figures.waits_by_service,
        waits_by_class=figures.waits_by_class,
        longest_queue=figures.longest_queue,
        longest_queue_at=local(figures.longest_queue_ms) or "",
        counter_utilisation=figures.counter_utilisation,
        counters=figures.counters,
        last_left=local(figures.last_left_ms),
        overtime_minutes=figures.overtime_minutes,
        referred=figures.referred,
        baulked=figures.baulked,
        requests=run.requests,
        seconds=round(run.seconds, 3),
    )
    return Rehearsal(result, trace.series, tuple(trace.rows()), run.recorded_line)


# --- files -------------------------------------------------------------------------------------------


def store_result(folder: Path, rehearsal: Rehearsal, *, chart: Chart | None = None) -> Path:
    """Write the result into a folder of its own under `folder`, named by its content; the folder's path.

    result.json, tickets.parquet, tickets.csv, queue.svg and queue.png. The same result again is the same
    folder.
    """
    run_folder = folder / folder_name(rehearsal)
    run_folder.mkdir(parents=True, exist_ok=True)
    tickets = _ticket_frame(rehearsal)
    tickets.write_parquet(run_folder / "tickets.parquet")
    tickets.write_csv(run_folder / "tickets.csv")
    for suffix in ("svg", "png"):
        draw_chart([rehearsal], run_folder / f"queue.{suffix}", chart)
    # Last, so that a folder with a result is complete.
    (run_folder / RESULT_FILE).write_bytes(rehearsal.to_json())
    return run_folder


def load_result(run_folder: Path) -> RehearsalResult:
    """Read a stored result again; `msgspec.ValidationError` when the file is none of ours."""
    return msgspec.json.decode((run_folder / RESULT_FILE).read_bytes(), type=RehearsalResult)


def folder_name(rehearsal: Rehearsal) -> str:
    """`<day>-<place>-<12 hex digits>`, of the result without its run time and of the tickets."""
    timeless = msgspec.structs.replace(rehearsal.result, seconds=0.0)
    digest = hashlib.sha256(msgspec.json.encode(timeless))
    digest.update(msgspec.json.encode(rehearsal.tickets))
    place = "".join(ch if ch.isalnum() or ch in "-_" else "_" for ch in rehearsal.result.place)
    return f"{rehearsal.result.day}-{place}-{digest.hexdigest()[:NAME_DIGITS]}"


def _ticket_frame(rehearsal: Rehearsal) -> pl.DataFrame:
    types: dict[str, type[pl.DataType]] = {
        "number": pl.String,
        "service": pl.String,
        "class_code": pl.String,
        "outcome": pl.String,
        "counter": pl.String,
        "joined_ms": pl.Int64,
        "first_called_ms": pl.Int64,
        "ended_ms": pl.Int64,
        "wait_minutes": pl.Float64,
        "wait_with_holds_minutes": pl.Float64,
    }
    return pl.DataFrame([msgspec.structs.asdict(row) for row in rehearsal.tickets], schema=types)


def draw_chart(
    rehearsals: Sequence[Rehearsal],
    path: Path,
    chart: Chart | None = None,
    *,
    names: Sequence[str] = (),
) -> None:
    """Draw one run beside its record (where there is one), or several runs overlaid, to an SVG or PNG file.

    Without a `chart` the time of day is that of the first run's branch. `names` is one a run, or none.
    """
    chart = chart or Chart(timezone=rehearsals[0].result.timezone)
    lines = [
        Line(name, tuple(run.series.minutes_ms), tuple(run.series.waiting), tuple(run.series.open_counters))
        for run, name in zip(rehearsals, names or [""] * len(rehearsals), strict=True)
    ]
    recorded = rehearsals[0].recorded_line
    if len(lines) == 1 and recorded is not None:
        lines = [msgspec.structs.replace(lines[0], name=names[0] if names else "rehearsed"), recorded]
    draw(lines, path, chart)


# --- side by side ------------------------------------------------------------------------------------

COMPARED = (
    "issued",
    "served",
    "no_show",
    "reneged",
    "diverted",
    "pending",
    "wait_minutes_mean",
    "wait_minutes_median",
    "wait_minutes_p90",
    "wait_minutes_max",
    "longest_queue",
    "counter_utilisation",
    "overtime_minutes",
)


class Row(msgspec.Struct, frozen=True):
    """One measure of two runs; `difference` is the second less the first."""

    measure: str
    first: float | None
    second: float | None
    difference: float | None


class Comparison(msgspec.Struct, frozen=True):
    """Two runs side by side."""

    first: str
    second: str
    rows: tuple[Row, ...]
    first_last_left: str | None
    second_last_left: str | None


def compare(
    first: RehearsalResult, second: RehearsalResult, *, names: tuple[str, str] = ("first", "second")
) -> Comparison:
    """Two results, measure by measure, with the shares over the waiting limits."""
    pairs: list[tuple[str, float | None, float | None]] = [
        (measure, getattr(first, measure), getattr(second, measure)) for measure in COMPARED
    ]
    pairs += [
        (f"share_over_{limit}_minutes", share, second.share_over_minutes.get(limit))
        for limit, share in first.share_over_minutes.items()
    ]
    return Comparison(
        *names,
        tuple(Row(measure, a, b, _difference(a, b)) for measure, a, b in pairs),
        first.last_left,
        second.last_left,
    )


def _difference(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else round(second - first, 4)

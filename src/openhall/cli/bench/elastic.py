"""`openhall bench elastic`: the same busy days with the plan alone, a rule of thumb, the twin's moves, and
hindsight."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import click
import msgspec
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from openhall.cli.bench.bars import Bar, show
from openhall.cli.bench.hall import bench
from openhall.cli.language import _
from openhall.cli.main import err, json_option, out, show_json

if TYPE_CHECKING:
    from openhall.hall.snapshot import Snapshot
    from openhall.rehearsal.elastic.bench import DayFigures

BARS = (
    Bar("late_minutes_static", "late minutes with the plan alone"),
    Bar("late_minutes_rule", "... with the rule of thumb"),
    Bar("late_minutes_openhall", "... with the twin's moves"),
    Bar("late_minutes_hindsight", "... with hindsight"),
    Bar("saved_share", "late minutes saved, of those with the plan alone", at_least=0.40),
    Bar("regret_closed", "of the way from the plan alone to hindsight", at_least=0.60),
    Bar("replan_p95_s", "an answer, 95th percentile, s", at_most=2),
    Bar("replan_cpu_p95_s", "... of the processor's time alone, s"),
    Bar("network_replan_s", "207 branches, two workers, s", at_most=60),
)

BRANCHES = 207
ASK_SECONDS = 60.0
QUESTIONS = 100
"""Answers that are timed one by one."""

RECORDED = Path("../shared/data/warsaw_hall")


@bench.command("elastic")
@json_option
@click.option("--seeds", default=4, show_default=True, type=click.IntRange(1, 100), help="Invented days.")
@click.option(
    "--tuning",
    default=2,
    show_default=True,
    type=click.IntRange(1, 100),
    help="Other invented days, on which the rule of thumb is tuned.",
)
@click.option(
    "--surge",
    default=2.85,
    show_default=True,
    type=click.FloatRange(0.1, 20),
    help="Times the people for whom the plan was made.",
)
@click.option(
    "--recorded",
    default=RECORDED,
    show_default=True,
    type=click.Path(path_type=Path),
    help="Folder with the recorded surge. Where it is not there, the invented days are played alone.",
)
@click.option(
    "--steps",
    default=4_000,
    show_default=True,
    type=click.IntRange(0, 1_000_000),
    help="Changes that hindsight tries from each start.",
)
@click.option(
    "--branches",
    default=BRANCHES,
    show_default=True,
    type=click.IntRange(1, 20_000),
    help="Branches of the network.",
)
def bench_elastic(
    as_json: bool, seeds: int, tuning: int, surge: float, recorded: Path, steps: int, branches: int
) -> None:
    """Moves within the day, in a closed loop: every five minutes the twin proposes, and the hall takes it.

    The same customers come under every policy, to the same people with the same shifts at the same counters;
    nobody knows of the surge beforehand. The hall is the real one. See docs/elastic-windows.md.
    """
    from openhall.rehearsal.elastic import bench as elastic  # brings numba, which no other command waits for

    folder = recorded if (recorded / "snapshots.parquet").is_file() else None
    parameters = elastic.ElasticParameters(
        seeds=tuple(range(1, seeds + 1)),
        tuning_seeds=tuple(range(101, 101 + tuning)),
        surge=surge,
        hindsight=elastic.HindsightParameters(steps),
    )
    days: list[DayFigures] = []
    asked: list[tuple[Snapshot, bytes]] = []
    seconds: list[float] = []
    with Progress(
        TextColumn("{task.description:42}"), BarColumn(), TimeElapsedColumn(), console=err, transient=True
    ) as progress:
        made = elastic.days_of(parameters, folder)
        task = progress.add_task(
            _("tuning the rule of thumb"), total=len(elastic.THUMB_OPENS) + len(made) + 2
        )
        rule = elastic.tuned(parameters, lambda _what: progress.advance(task))
        for make in made:
            day = make()
            progress.update(task, description=day.name)
            played = elastic.play(day, rule, parameters)
            days.append(played.figures)
            asked += played.asked
            seconds += played.seconds
            progress.advance(task)
        progress.update(task, description=_("a network of branches"))
        told = asyncio.run(_answers(asked, branches, lambda: progress.advance(task)))
        figures = elastic.totals(days) | told | {"replan_cpu_p95_s": round(_p95(seconds), 3)}
    if as_json:
        show_json(figures | {"rule": msgspec.to_builtins(rule), "days": msgspec.to_builtins(days)})
        return
    show(out, "openhall bench elastic", BARS, figures)
    out.print(_table(days))
    if folder is None:
        err.print(_("The recorded surge was left out: there is no {folder}.", folder=str(recorded)))


async def _answers(
    asked: Sequence[tuple[Snapshot, bytes]], branches: int, note: Callable[[], object]
) -> dict[str, float]:
    """Seconds from a snapshot to an answer by a worker process: one by one, and for a network at once."""
    from openhall.workers import twin
    from openhall.workers.pool import Workers

    workers = Workers(prepare=twin.prepare)
    try:
        await asyncio.gather(*(workers.ask(twin.advice, *asked[0], seconds=ASK_SECONDS) for _ in range(4)))
        seconds = []
        for shot, believed in _spread(asked, QUESTIONS):
            began = perf_counter()
            await workers.ask(twin.advice, shot, believed, seconds=ASK_SECONDS)
            seconds.append(perf_counter() - began)
        note()
        gate = asyncio.Semaphore(8)

        async def answer(shot: Snapshot, believed: bytes) -> None:
            async with gate:
                await workers.ask(twin.advice, shot, believed, seconds=ASK_SECONDS)

        began = perf_counter()
        await asyncio.gather(*(answer(*each) for each in _spread(asked, branches)))
        network_s = perf_counter() - began
        note()
    finally:
        workers.stop()
    return {"replan_p95_s": round(_p95(seconds), 3), "network_replan_s": round(network_s, 2)}


def _p95(seconds: Sequence[float]) -> float:
    return sorted(seconds)[min(len(seconds) - 1, int(0.95 * len(seconds)))]


def _spread(asked: Sequence[tuple[Snapshot, bytes]], count: int) -> list[tuple[Snapshot, bytes]]:
    """So many of them, from all hours of all days."""
    return [asked[number * len(asked) // count % len(asked)] for number in range(count)]


def _table(days: Sequence[DayFigures]) -> Table:
    table = Table(
        _("day"),
        _("customers"),
        _("plan alone"),
        _("rule of thumb"),
        "openhall",
        _("hindsight"),
        _("of the way"),
    )
    for day in days:
        cells = [
            f"{each.late_minutes:,.0f} ({each.window_hours:g} h)"
            for each in (day.static, day.rule, day.openhall, day.hindsight)
        ]
        table.add_row(day.day, str(day.customers), *cells, f"{day.regret_closed:.1%}")
    table.caption = _("late minutes, and hours at windows while the doors were open")
    return table

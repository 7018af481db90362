"""`openhall bench roster`: published rostering problems in a time box, beside the best rosters known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from openhall.cli.bench.hall import bench
from openhall.cli.language import _
from openhall.cli.main import err, json_option, out, show_json
from openhall.kernel.trouble import Trouble

if TYPE_CHECKING:
    from openhall.rehearsal.rosters.running import Result


@bench.command("roster")
@json_option
@click.option(
    "--instances",
    "places",
    multiple=True,
    required=True,
    type=click.Path(path_type=Path, exists=True),
    help="A folder of instances, or a file; further ones may follow it.",
)
@click.argument("more", nargs=-1, type=click.Path(path_type=Path, exists=True))
@click.option("--only", help="Of those, for example 1-7,9 or sprint_late*.")
@click.option(
    "--seconds",
    default=60.0,
    show_default=True,
    type=click.FloatRange(1.0, 86_400.0),
    help="Wall time for each instance.",
)
@click.option(
    "--processes",
    default=2,
    show_default=True,
    type=click.IntRange(1, 64),
    help="Searches beside each other.",
)
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0, 2**31 - 1))
def bench_roster(
    as_json: bool,
    places: tuple[Path, ...],
    more: tuple[Path, ...],
    only: str | None,
    seconds: float,
    processes: int,
    seed: int,
) -> None:
    """Rosters for published problems: cost, gap to the best known, rules broken.

    Files of the Curtois-Qu collection and of the first nurse rostering competition, told apart by their
    content. A file `best_known.csv` beside them gives the best costs known. Each roster is judged by a
    checker that shares no code with the search. An instance without a roster in time is in `troubles`.
    """
    from openhall.rehearsal.rosters import running  # brings numba, which no other command should wait for
    from openhall.workers.rosters import Searches

    chosen = running.chosen(running.files([*places, *more]), only)
    searches = Searches(seconds=seconds, processes=processes, seed=seed)
    results: list[Result] = []
    troubles: list[dict[str, str]] = []
    last: Trouble | None = None
    with Progress(
        TextColumn("{task.description:42}"), BarColumn(), TimeElapsedColumn(), console=err, transient=True
    ) as progress:
        task = progress.add_task(_("warming up"), total=len(chosen))
        # All are read first: a bad file shows before the first hour has passed.
        for instance in [running.read(path) for path in chosen]:
            progress.update(task, description=instance.problem.name)
            try:
                results.append(running.solve(instance, searches))
            except running.RosterNotInTime as trouble:
                last = trouble
                troubles.append({"name": trouble.place, "code": trouble.code, "message": str(trouble)})
            progress.advance(task)
    if last is not None and not results:
        raise last
    if as_json:
        show_json(_figures(results, troubles))
    else:
        _show(results, troubles)


def _figures(results: list[Result], troubles: list[dict[str, str]]) -> dict[str, Any]:
    gaps = [result.gap_percent for result in results if result.gap_percent is not None]
    return {
        "instances": [msgspec.to_builtins(result) for result in results],
        "mean_gap_percent": round(sum(gaps) / len(gaps), 3) if gaps else None,
        "max_gap_percent": max(gaps, default=None),
        "violations": sum(result.violations or 0 for result in results),
        "troubles": troubles,
    }


def _show(results: list[Result], troubles: list[dict[str, str]]) -> None:
    columns = [_("instance"), _("cost"), _("best known"), _("gap, %"), _("rules broken"), _("bound"), _("s")]
    table = Table(*columns, title="openhall bench roster", title_justify="left")
    for result in results:
        cells = (
            result.cost,
            result.best_known,
            result.gap_percent,
            result.violations,
            result.bound,
            result.seconds,
        )
        table.add_row(result.name, *("" if cell is None else f"{cell:,g}" for cell in cells))
    out.print(table)
    for result in results:
        if result.cost is None:
            out.print(f"{result.name}: {_('there is no roster that keeps all rules')}")
    for trouble in troubles:
        out.print(f"{trouble['name']}: {trouble['message']}", style="bold red")
    figures = _figures(results, [])
    if figures["mean_gap_percent"] is not None:
        mean, most = figures["mean_gap_percent"], figures["max_gap_percent"]
        out.print(_("gap to the best known: mean {mean} %, greatest {most} %").format(mean=mean, most=most))

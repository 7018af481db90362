"""`openhall bench soak`: a bank's morning under a surge, in time lapse, while its screens watch."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from pathlib import Path

import click
import msgspec
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from openhall.app.build import build
from openhall.app.clocks import SPEED_MAX
from openhall.app.folder import Folder
from openhall.cli.bench import soak_jobs as jobs
from openhall.cli.bench.bars import Bar, rounded, show
from openhall.cli.bench.client import HOST
from openhall.cli.bench.hall import bench
from openhall.cli.bench.soak_run import Sizes, soak
from openhall.cli.language import _
from openhall.cli.main import Doors, err, folder_option, json_option, out, show_json
from openhall.workers import twin
from openhall.workers.pool import Workers

SPEED = 16.0
SURGE = 2.85

BARS = (
    Bar("branches", "branches"),
    Bar("speed", "times real time"),
    Bar("events", "events"),
    Bar("missed", "events that a listener did not get", at_most=0),
    Bar("double_calls", "customers called to two counters at once", at_most=0),
    Bar("lost_answers", "calls that were answered and are not in the log", at_most=0),
    Bar("rss_growth_mb", "growth of the server's memory, MB"),
    Bar("rss_growth_mb_per_1000_tickets", "growth of the server's memory for 1,000 tickets, MB", at_most=5),
    Bar("p50_ms", "median of a command as its caller saw it, ms"),
    Bar("p99_ms", "99th percentile, ms"),
    Bar("server_cpu_share", "share of a core that the server took"),
)


@bench.command("soak-server", hidden=True)
@folder_option
@click.option("--port", type=int, required=True)
@click.option("--pace", required=True)
@click.option("--twin/--no-twin", "is_twin_on", default=True)
@click.pass_obj
def soak_server(doors: Doors, folder: Path, port: int, pace: str, *, is_twin_on: bool) -> None:
    """The server of the soak: as `openhall serve`, but in time lapse."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")

    async def run() -> None:
        app = build(
            Folder(folder),
            msgspec.json.decode(pace, type=jobs.Pace).clock(),
            workers=Workers(prepare=twin.prepare) if is_twin_on else None,
            planners=Workers(1),
        )
        await doors.serve(app, host=HOST, port=port)

    asyncio.run(run())


@bench.command("soak")
@json_option
@click.option(
    "--seconds", default=60.0, show_default=True, type=click.FloatRange(1, 86_400), help="Measured so long."
)
@click.option("--branches", default=207, show_default=True, type=click.IntRange(1, 999), help="Branches.")
@click.option(
    "--listeners", default=2_000, show_default=True, type=click.IntRange(1, 9_000), help="Open event streams."
)
@click.option(
    "--speed",
    default=SPEED,
    show_default=True,
    type=click.FloatRange(0.1, SPEED_MAX),
    help="Times real time.",
)
@click.option(
    "--surge", default=SURGE, show_default=True, type=click.FloatRange(0.1, 20), help="Times a normal day."
)
@click.option("--seed", default=1, show_default=True, help="The same seed brings the same people.")
@click.option("--twin/--no-twin", "is_twin_on", default=True, help="With the simulator, as in production.")
@click.option(
    "--where",
    type=click.Path(path_type=Path, file_okay=False, exists=True, writable=True),
    default=Path(),
    show_default="here",
    help="Folder on the disk to measure; a temporary folder in it is used and removed.",
)
def bench_soak(as_json: bool, where: Path, **options: float) -> None:
    """A bank's morning in a surge: every branch's customers and staff act through the API of one server.

    They are the invented people of `openhall demo`, in a process of their own, each with an account and a
    view of the branch by its event stream; listeners in further processes keep the positions that they are
    sent. In the end both are held against the log. The measurement follows a warm-up of at most two minutes.
    """
    sizes = msgspec.convert(options, Sizes, strict=False)
    with (
        tempfile.TemporaryDirectory(prefix=".openhall-soak-", dir=where) as folder,
        Progress(
            TextColumn("{task.description:42}"), BarColumn(), TimeElapsedColumn(), console=err, transient=True
        ) as progress,
    ):
        task = progress.add_task(_("installing"), total=sizes.seconds + sizes.warm_seconds)

        def note(what: str, done_seconds: float) -> None:
            progress.update(task, description=what, completed=done_seconds)

        figures = soak(Path(folder), sizes, note)
    plain = rounded({key: value for key, value in figures.items() if type(value) in (int, float)})
    rest = {key: value for key, value in figures.items() if key not in plain}
    if as_json:
        show_json(plain | rest)
        return
    show(out, "openhall bench soak", BARS, plain)
    for key, value in rest.items():
        out.print(f"{key}: {value}", style="dim")

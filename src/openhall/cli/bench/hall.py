"""`openhall bench hall`: halls under load, over HTTP, against what the same server could do at best."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import click
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from openhall.app.folder import Folder
from openhall.cli.bench import inside, measuring
from openhall.cli.bench.bars import Bar, rounded, show
from openhall.cli.bench.installation import COUNTERS_PER_BRANCH, install
from openhall.cli.bench.processes import client_of, server_over
from openhall.cli.language import _
from openhall.cli.main import err, json_option, out, program, show_json

RAW_SECONDS = 1.0
CLIENTS_AT_MOST = 512


BARS = (
    Bar("noop_rps", "no-op requests a second: the ceiling"),
    Bar("ops_rps", "issue, call, start, finish: operations a second"),
    Bar("ops_ratio", "... as a share of the ceiling", at_least=0.35),
    Bar("p50_ms", "median latency, ms"),
    Bar("p99_ms", "99th percentile, ms"),
    Bar("p99_over_p50", "... over the median", at_most=20),
    Bar("cpu_ms_per_op", "server CPU an operation, ms", at_most=1.0),
    Bar("double_calls", "tickets called twice in the drain", at_most=0),
    Bar("shared_numbers", "tickets that share a number", at_most=0),
    Bar("counter_p99_ratio", "worst counter's p99 of Next over the median Next", at_most=5),
    Bar("fanout_us_per_listener", "server CPU for one event to one listener, µs", at_most=100),
    Bar("replay_events_per_s", "events replayed a second of CPU", at_least=50_000),
)


class ClientCounts(click.ParamType[list[int]]):
    """Numbers of clients, as `8,64`."""

    name = "numbers"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> list[int]:
        """The numbers."""
        if isinstance(value, list):
            return value
        try:
            counts = [int(part) for part in str(value).split(",")]
        except ValueError:
            counts = [0]
        if not all(1 <= count <= CLIENTS_AT_MOST for count in counts):
            self.fail(
                _(
                    "Expected numbers from 1 to {most}, as 8,64; got {value}",
                    most=CLIENTS_AT_MOST,
                    value=repr(value),
                ),
                param,
                ctx,
            )
        return counts


@program.group()
def bench() -> None:
    """Measure openhall on this machine. Compare ratios within one run, not seconds between machines."""


@bench.command("hall")
@json_option
@click.option(
    "--seconds",
    default=8.0,
    show_default=True,
    type=click.FloatRange(0.5, 600),
    help="For the mix, and as long again for the no-op, at each number of clients.",
)
@click.option("--clients", default="8,64", show_default=True, type=ClientCounts(), help="Numbers of clients.")
@click.option(
    "--branches",
    default=16,
    show_default=True,
    type=click.IntRange(1, 200),
    help="Branches, of eight counters each.",
)
@click.option(
    "--where",
    type=click.Path(path_type=Path, file_okay=False, exists=True, writable=True),
    default=Path(),
    show_default="here",
    help="Folder on the disk to measure; a temporary folder in it is used and removed.",
)
def bench_hall(as_json: bool, seconds: float, clients: list[int], branches: int, where: Path) -> None:
    """Halls under load: a real server over SQLite (synchronous=FULL), driven over HTTP.

    The mix (issue, call, start, finish) takes turns with a no-op POST of the same body, sign-in and
    middleware, so that noise on the machine hits both. Then a drain of one branch by all of its counters,
    events to a thousand open streams, raw commits, and the replay of a day.
    Figures are for the last number of clients unless their name says otherwise.
    """
    seats_count = branches * COUNTERS_PER_BRANCH
    if max(clients) > seats_count:
        raise click.UsageError(
            _(
                "{branches} branches have {counters} counters: at most that many clients",
                branches=branches,
                counters=seats_count,
            )
        )
    with (
        tempfile.TemporaryDirectory(prefix=".openhall-bench-", dir=where) as folder,
        Progress(
            TextColumn("{task.description:42}"), BarColumn(), TimeElapsedColumn(), console=err, transient=True
        ) as progress,
    ):
        steps = len(clients) * measuring.TURNS + measuring.DRAIN_ROUNDS + 5
        task = progress.add_task(_("installing"), total=steps)

        def note(what: str, *, is_done: bool = True) -> None:
            progress.update(task, description=what, advance=int(is_done))

        figures = _measure(Path(folder), seconds, clients, branches, note)
    if as_json:
        show_json(figures)
    else:
        show(out, "openhall bench hall", BARS, figures)


def _measure(
    place: Path, seconds: float, clients: list[int], branches: int, note: Callable[..., None]
) -> dict[str, float]:
    folder = place / "bank"
    seats = install(folder, branches)
    figures: dict[str, float] = {}
    with server_over(folder) as server, client_of(server.port) as client:
        hall = measuring.Hall(server, client, seats, note)
        hall.open()
        for count in clients:
            measured = hall.mix(count, seconds)
            figures |= {f"{key}_at_{count}": value for key, value in measured.items()}
            if count == clients[-1]:
                figures |= measured
        figures |= hall.drain()
        figures |= hall.fan_out()
    note(_("raw commits"))
    figures["raw_commit_per_s"] = inside.raw_commits_per_second(
        place, seconds=RAW_SECONDS, group=inside.GROUP_COMMANDS
    )
    figures["raw_single_commit_per_s"] = inside.raw_commits_per_second(place, seconds=RAW_SECONDS, group=1)
    note(_("replay of a day"))
    figures["replay_events_per_s"] = inside.replayed_events_per_second(Folder(folder))
    return rounded(figures)

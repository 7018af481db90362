"""`openhall bench twin`: how fast the twin's engine is, beside SimPy and Ciw in the same run."""

from __future__ import annotations

from importlib.util import find_spec

import click
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from openhall.cli.bench.bars import Bar, rounded, show
from openhall.cli.bench.hall import bench
from openhall.cli.language import _
from openhall.cli.main import err, json_option, out, show_json
from openhall.kernel.trouble import Trouble

BARS = (
    Bar("customers_per_s", "customers drawn and served a second of CPU", at_least=5_000_000),
    Bar("simpy_per_s", "the same day by SimPy"),
    Bar("ratio_simpy", "... times as fast as SimPy", at_least=50),
    Bar("plain_per_s", "the day without skills and what comes between"),
    Bar("ciw_per_s", "the same plain day by Ciw"),
    Bar("ratio_ciw", "... times as fast as Ciw", at_least=250),
    Bar("fork_ms", "1,000 futures under 2 policies for an hour, 30 waiting: CPU ms", at_most=20),
    Bar("network_core_s", "207 branches, 500 customers, 300 replications: CPU s", at_most=10),
    Bar("advice_p95_ms", "advice about a live hall from a worker, 95th percentile, ms", at_most=250),
)

RIVALS = ("simpy", "ciw")


class RivalsMissing(Trouble):
    """What the bench compares with is not installed."""

    code = "rivals_missing"
    remedy = "Install the packages of the development group, as `make setup` does."


@bench.command("twin")
@json_option
@click.option(
    "--turns",
    default=8,
    show_default=True,
    type=click.IntRange(1, 1_000),
    help="Engine, SimPy and Ciw take turns so many times each.",
)
@click.option(
    "--branches",
    default=207,
    show_default=True,
    type=click.IntRange(1, 20_000),
    help="Branches of the network.",
)
@click.option(
    "--replications",
    default=300,
    show_default=True,
    type=click.IntRange(1, 10_000),
    help="Days of each branch.",
)
@click.option(
    "--customers",
    default=500,
    show_default=True,
    type=click.IntRange(10, 5_000),
    help="Customers of a day.",
)
@click.option(
    "--questions",
    default=60,
    show_default=True,
    type=click.IntRange(1, 10_000),
    help="How often advice is asked for.",
)
def bench_twin(
    as_json: bool, turns: int, branches: int, replications: int, customers: int, questions: int
) -> None:
    """The twin's engine: customers a second of one core, beside others in the same run.

    A day is drawn and served: 17 half-hours, three classes, ten counters with skills of which four to nine
    are open, lognormal services, patience, stepping out, no-shows, second services, offers of another way
    when the line is long. SimPy plays it with the same rules, and gives the same calls. Ciw has no skills
    within a node, so both play a plain day against each other: classes, patience, changing counters. All but
    the advice is CPU time.
    """
    missing = [name for name in RIVALS if find_spec(name) is None]
    if missing:
        raise RivalsMissing(f"not installed: {', '.join(missing)}", place="bench")
    from openhall.cli.bench import playing  # brings numba, which no other command should wait for

    with Progress(
        TextColumn("{task.description:42}"), BarColumn(), TimeElapsedColumn(), console=err, transient=True
    ) as progress:
        task = progress.add_task(_("warming up"), total=turns + playing.FORKS + branches + questions)

        def note(what: str) -> None:
            progress.update(task, description=what, advance=1)

        figures = playing.rates(customers, turns, lambda: note(_("engine, SimPy and Ciw in turns")))
        figures["fork_ms"] = playing.fork_ms(lambda: note(_("futures of a hall")))
        figures["network_core_s"] = playing.network_seconds(
            customers, branches, replications, lambda: note(_("a network of branches"))
        )
        figures["advice_p95_ms"] = playing.advice_p95_ms(
            questions, lambda: note(_("advice about a live hall"))
        )
    figures = rounded(figures)
    if as_json:
        show_json(figures)
    else:
        show(out, "openhall bench twin", BARS, figures)

"""`openhall bench size`: how fast and how tight the sizing of counters is, beside pyworkforce and SIPP."""

from __future__ import annotations

from typing import Any

import click
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from openhall.cli.bench.bars import Bar, rounded, show
from openhall.cli.bench.hall import bench
from openhall.cli.language import _
from openhall.cli.main import err, json_option, out, show_json

BARS = (
    Bar("erlang_c_per_s", "intervals sized by Erlang C a second of CPU"),
    Bar("ratio_pyworkforce_c", "... times as fast as pyworkforce", at_least=50),
    Bar("erlang_a_per_s", "intervals sized by Erlang A a second of CPU"),
    Bar("ratio_pyworkforce_a", "... times as fast as pyworkforce", at_least=500),
    Bar("is_minimum_always", "every requirement is the least there is (1 is yes)", at_least=1),
    Bar("failing", "quarter hours above 0.11 in simulated days, all cases", at_most=0),
    Bar("saved_share_least", "window-hours saved against SIPP, least of the cases", at_least=0.02),
    Bar("network_cpu_s", "a day of each of 207 branches: CPU s (2 minutes of 2 cores)", at_most=240),
)


@bench.command("size")
@json_option
@click.option(
    "--turns",
    default=3,
    show_default=True,
    type=click.IntRange(1, 100),
    help="We and pyworkforce take turns so many times each.",
)
@click.option(
    "--days",
    default=20_000,
    show_default=True,
    type=click.IntRange(10, 1_000_000),
    help="Simulated days of each plan.",
)
@click.option(
    "--branches",
    default=207,
    show_default=True,
    type=click.IntRange(1, 20_000),
    help="Branches of the network.",
)
@click.option(
    "--checks",
    default=2_000,
    show_default=True,
    type=click.IntRange(1, 1_000_000),
    help="Requirements that are compared with trying 1, 2, 3, ... counters.",
)
@click.option(
    "--rival-python",
    default=None,
    help="A Python of 3.12 or newer with pyworkforce 0.5.4, for Erlang A; else those on the path are tried.",
)
def bench_size(
    as_json: bool, turns: int, days: int, branches: int, checks: int, rival_python: str | None
) -> None:
    """Sizing: Erlang beside pyworkforce in the same run, and the finite day beside SIPP.

    pyworkforce runs in a process of its own. Erlang A needs its version 0.5.4 and so a newer Python; where
    there is none the ratio is null. The finite day's plans and SIPP's are played by the twin, which shares
    nothing with the equations that made them.
    """
    from openhall.cli.bench import sized  # brings numba, which no other command should wait for

    with Progress(
        TextColumn("{task.description:42}"), BarColumn(), TimeElapsedColumn(), console=err, transient=True
    ) as progress:
        task = progress.add_task(_("warming up"), total=5 + branches)

        def note(what: str) -> None:
            progress.update(task, description=what, advance=1)

        figures: dict[str, Any] = sized.rates(turns, rival_python, note)
        figures["is_minimum_always"] = sized.is_minimum_always(checks)
        cases = sized.finite_day_cases(days, note)
        figures |= sized.network(branches, lambda _what: note(_("a network of branches")))
    figures["failing"] = sum(case["failing"] for case in cases)
    figures["saved_share_least"] = min(case["saved_share"] for case in cases)
    plain = rounded({key: float(value) for key, value in figures.items() if value is not None})
    if as_json:
        missing = {key: None for key, value in figures.items() if value is None}
        known: dict[str, Any] = {**plain, **missing, "is_minimum_always": figures["is_minimum_always"]}
        show_json({**known, "finite_day_cases": [rounded(case) for case in cases]})
        return
    show(out, "openhall bench size", [bar for bar in BARS if bar.key in plain], plain)
    for case in cases:
        out.print("; ".join(f"{key} {value:,g}" for key, value in rounded(case).items()), style="dim")

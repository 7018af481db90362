"""`simulate`: policies side by side on the same customers, on this machine or a cluster."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from openhall.cli.language import _, language_of
from openhall.cli.main import EXIT_FOUND, err, json_option, out, program, show_json

if TYPE_CHECKING:
    # Half a second of numba and scipy, that only a study should cost.
    from openhall.rehearsal.study.planning import Planned
    from openhall.rehearsal.study.results import Interval, StudyResult
    from openhall.science.study.precision import Precision, Verdict
    from openhall.science.study.sums import Sums
    from openhall.workers import studies

LANGUAGES = ("en", "zh", "both")
JOBS_AT_MOST = 256
DECIMALS_AT_MOST = 4
SHARES = ("late_share", "left_share")
"""Metrics that are shown in percent."""
METRIC_WORDS = {
    "wait_minutes": "mean wait",
    "late_share": "waited beyond the limit",
    "late_minutes_daily": "beyond the limit, a branch and day",
    "overtime_minutes": "overtime",
    "left_share": "left unserved",
}
WORDS = tuple(METRIC_WORDS.values())
"""Looked up by a metric's code."""


@program.command()
@click.argument("study", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--example",
    type=click.Choice(["branch", "network"]),
    help="Write an example of one branch, or of 207, to STUDY, and run nothing.",
)
@click.option(
    "--out",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    show_default="STUDY-results beside STUDY",
    help="Where the results go.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, JOBS_AT_MOST),
    show_default="one for each processor",
    help="Processes on this machine.",
)
@click.option(
    "--cluster", metavar="ADDRESS", help="Compute on a Dask cluster: `tcp://HOST:PORT` or `tls://HOST:PORT`."
)
@click.option("--resume", is_flag=True, help="Go on with the finished parts of an interrupted run.")
@click.option(
    "--language",
    type=click.Choice(LANGUAGES),
    show_default="the program's",
    help="Of the charts.",
)
@json_option
def simulate(
    study: Path,
    example: str | None,
    folder: Path | None,
    jobs: int | None,
    cluster: str | None,
    resume: bool,
    language: str | None,
    as_json: bool,
) -> None:
    """Compare policies on simulated days of one branch or of thousands, to a stated precision.

    Every policy of the study file meets the same customers. Replications of the network's day are added until
    the 95 % interval is as narrow as the file asks, or their maximum is reached: then the exit code is 3.

    \b
    To begin with:      openhall simulate --example branch study.toml
    On this machine:    openhall simulate study.toml
    On a cluster:       openhall simulate study.toml --cluster ADDRESS
    After Ctrl-C:       openhall simulate study.toml --resume

    The results, equal to the bit wherever they are computed: study.json, Parquet tables of policies,
    differences, branches, days and waits, and charts. docs/studies.md says what they mean.
    """
    if example:
        _write_example(example, study)
        return
    if cluster and jobs:
        raise click.UsageError(
            _("--jobs is for this machine and --cluster for another: expected one of them.")
        )
    folder = folder or study.with_name(f"{study.stem}-results")
    chosen = language or language_of(os.environ)
    result = _run(study, folder, jobs=jobs, cluster=cluster, resume=resume, language=chosen)
    if as_json:
        show_json(result)
    else:
        _show(result, folder)
    if not result.verdict.is_reached:
        err.print(f"[bold yellow]{_('Precision not reached.')}[/] {_verdict(result.verdict)}")
        err.print(_("Raise `maximum` in the file and run again with --resume, or ask for less."))
        sys.exit(EXIT_FOUND)


def _write_example(name: str, path: Path) -> None:
    from openhall.rehearsal.study.examples import StudyFileExists, example

    try:
        with path.open("xb") as file:
            file.write(example(name))
    except FileExistsError as error:
        raise StudyFileExists(str(error), place=str(path)) from error
    out.print(_("Written: {path}", path=str(path)), markup=False)


def _run(
    study: Path, folder: Path, *, jobs: int | None, cluster: str | None, resume: bool, language: str
) -> StudyResult:
    import hashlib

    import msgspec

    from openhall.rehearsal.chart import Chart
    from openhall.rehearsal.study.charts import draw_all
    from openhall.rehearsal.study.planning import plan_of
    from openhall.rehearsal.study.reading import read_study
    from openhall.rehearsal.study.results import require_free, result_of, write_results
    from openhall.science.study.plan import name_of
    from openhall.science.study.precision import Precision
    from openhall.workers.likeness import likeness
    from openhall.workers.parts import PartsFile

    asked, bank = read_study(study)
    planned = plan_of(asked, bank, file=study.name)
    require_free(folder)
    precision = msgspec.convert(msgspec.structs.asdict(asked.precision), Precision)
    plan_name, code = name_of(planned.plan), likeness()
    # Parts of another plan or another code are not parts of this study.
    parts_name = hashlib.sha256(msgspec.json.encode((plan_name, code))).hexdigest()
    parts = PartsFile(folder.with_name(f"{folder.name}.parts"), parts_name, resume=resume)
    with parts, _progress(asked.name) as note:
        sums, verdict = _carry_out(planned, precision, parts, note, jobs=jobs, cluster=cluster)
        versions = msgspec.structs.asdict(code)
        result = result_of(asked, planned, sums, verdict, plan_name=plan_name, versions=versions)
        draw = None
        if asked.outputs.charts:
            draw = partial(draw_all, chart=Chart(language=language, width_inches=13.0))  # type: ignore[arg-type]
        write_results(folder, result, planned, sums, draw=draw)
        if verdict.is_reached:
            parts.remove()
    return result


def _carry_out(
    planned: Planned,
    precision: Precision,
    parts: Any,
    note: Any,
    *,
    jobs: int | None,
    cluster: str | None,
) -> tuple[Sums, Verdict]:
    from openhall.science.study.tasks import CUSTOMERS_PER_TASK
    from openhall.workers import studies
    from openhall.workers.cluster import Cluster

    plan = planned.plan
    count = jobs or len(os.sched_getaffinity(0))
    crew: studies.Crew
    if cluster:
        crew = Cluster(plan, cluster)
    elif count == 1 or plan.customers_daily() * precision.maximum <= CUSTOMERS_PER_TASK:
        # Done before a process has started.
        crew = studies.InProcess(plan)
    else:
        crew = studies.Processes(plan, count)
    with crew:
        return studies.carry_out(plan, precision, crew, parts=parts, note=note)


@contextmanager
def _progress(title: str) -> Iterator[Any]:
    """A bar on standard error of the replications that there may be at most; nothing without a terminal."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[precision]}", markup=False),
    )
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(title, total=None, precision="")

        def note(progress: studies.Progress) -> None:
            said = "" if progress.verdict is None else _verdict(progress.verdict)
            bar.update(
                task,
                completed=progress.branch_days,
                total=progress.branch_days_at_most,
                precision=said,
            )

        yield note


# --- showing -----------------------------------------------------------------------------------------


def _verdict(verdict: Verdict) -> str:
    """How wide the widest interval is, and how wide it may be."""
    return _(
        "After {count} replications: half-width {width}, asked for {aim} ({policy}).",
        count=verdict.replications,
        width="—" if verdict.half_width is None else f"{verdict.half_width:.4g}",
        aim="—" if verdict.aim is None else f"{verdict.aim:.4g}",
        policy=verdict.policy,
    )


def _show(result: StudyResult, folder: Path) -> None:
    out.print(f"[bold]{result.name}[/]", highlight=False)
    out.print(
        _(
            "Branches: {branches}; replications: {count}; customers simulated: {customers}",
            branches=result.branches,
            count=result.replications,
            customers=f"{result.customers:,}",
        )
    )
    if result.left_out:
        out.print(_("Left out (closed, or nobody serves them): {ids}", ids=", ".join(result.left_out)))
    out.print(_table(result))
    if any(policy.pending_daily for policy in result.policies):
        out.print(_("Note: some customers were never served, because no open counter could."))
    if result.verdict.is_reached:
        out.print(f"{_('Precision reached.')} {_verdict(result.verdict)}", markup=False)
    out.print(_("Kept in {folder}", folder=str(folder)), markup=False)


def _table(result: StudyResult) -> Table:
    """A column for each policy; under each metric its difference from the first."""
    others = result.policies[1:]
    title = _("Minutes, with 95 % intervals; differences are from the first policy")
    table = Table("", box=None, title=title, title_justify="left")
    for policy in result.policies:
        table.add_column(policy.name, justify="right")
    for index, (metric, words) in enumerate(METRIC_WORDS.items()):
        table.add_row(_(words), *(_interval(metric, p.metrics[metric]) for p in result.policies))
        if others:
            differences = (_interval(metric, p.compared[index].difference, sign="+") for p in others)
            table.add_row(f"  {_('difference')}", "", *differences)
    for words, figures in (
        (_("wait: median, p90"), [(p.wait_minutes_p50, p.wait_minutes_p90) for p in result.policies]),
        (_("counter hours a day"), [(p.counter_hours_daily,) for p in result.policies]),
    ):
        table.add_row(words, *(", ".join("—" if f is None else f"{f:,.1f}" for f in row) for row in figures))
    return table


def _interval(metric: str, found: Interval, *, sign: str = "") -> str:
    """`12.3 ± 0.4`: two digits of the half-width, and the mean as far. Shares in percent."""
    if found.mean is None:
        return "—"
    times, unit = (100, " %") if metric in SHARES else (1, "")
    width = (found.half_width or 0.0) * times
    decimals = min(DECIMALS_AT_MOST, max(0, 1 - math.floor(math.log10(width)))) if width else 2
    said = "" if found.half_width is None else f" ± {width:,.{decimals}f}"
    return f"{found.mean * times:{sign},.{decimals}f}{said}{unit}"

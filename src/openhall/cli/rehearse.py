"""`rehearse`: a recorded or an invented day through the real hall, measured, drawn and kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from openhall.app.folder import Folder
from openhall.cli.language import _
from openhall.cli.main import err, json_option, out, program, show_json
from openhall.flows.day import day_rules
from openhall.kernel.event import StreamId
from openhall.network.sample import sample_bank
from openhall.network.version import version_of
from openhall.rehearsal.chart import Chart
from openhall.rehearsal.invented import InventedParameters, rehearse_invented
from openhall.rehearsal.recorded import (
    ImportReport,
    LogOptions,
    RecordedDay,
    RecordedParameters,
    import_day,
    read_warsaw,
    rehearse_recorded,
)
from openhall.rehearsal.recorded.run import NOTES
from openhall.rehearsal.results import (
    COMPARED,
    Comparison,
    Rehearsal,
    RehearsalResult,
    compare,
    draw_chart,
    load_result,
    store_result,
)
from openhall.rehearsal.statistics import OVER_MINUTES

REJECTED_SHOWN = 20
LANGUAGES = ("en", "zh", "both")
WORDS = (
    *("recorded", "ticket_log", "invented"),
    *("as recorded", "other days", "extra counters"),
    *COMPARED,
    *(f"share_over_{minutes}_minutes" for minutes in OVER_MINUTES),
    *NOTES,
    "Every customer of this day is invented.",
)
"""What a result says, in codes and sentences, and a person reads in Chinese."""
Advance = Callable[[float], None]


@contextmanager
def progress(title: str) -> Iterator[Advance]:
    """A bar on standard error, for people; nothing where standard error is no terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(title, total=1.0)
        yield lambda share: bar.update(task, completed=share)


@program.command()
@click.option(
    "--recorded",
    type=click.Path(path_type=Path, exists=True),
    help="Folder of snapshots, or a ticket log (CSV).",
)
@click.option("--office", help="Office of the snapshots.")
@click.option("--queue", type=int, help="Queue of the office.")
@click.option("--date", "day", type=click.DateTime(["%Y-%m-%d"]), help="The day.")
@click.option("--timezone", default="Asia/Shanghai", show_default=True, help="Of a ticket log's times.")
@click.option("--counters", type=click.IntRange(1, 200), help="Counters open, for a log that names none.")
@click.option(
    "--pace",
    type=click.Choice(["interval", "day_mean", "other_days"]),
    default="interval",
    show_default=True,
    help="Where service times come from.",
)
@click.option(
    "--extra-counters",
    type=click.IntRange(0, 200),
    default=0,
    show_default=True,
    help="Run the day again with so many more counters, side by side.",
)
@click.option("--extra-from", default="09:00", show_default=True, metavar="HH:MM", help="When they open.")
@click.option("--invented", is_flag=True, help="Invent a day for a configured bank instead.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="The bank for --invented; else the sample bank.",
)
@click.option("--branch", help="Its branch; else the first.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="A parameter of the invented day; repeatable. See docs/rehearsal.md.",
)
@click.option(
    "--compare",
    "pair",
    nargs=2,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Put two stored runs side by side.",
)
@click.option(
    "--store",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("rehearsals"),
    show_default=True,
    help="Where runs are kept.",
)
@click.option(
    "--language", type=click.Choice(LANGUAGES), default="en", show_default=True, help="Of the chart."
)
@json_option
def rehearse(**options: Any) -> None:
    """Take a whole day through the real hall in seconds: its rules, commands and log, under a fast clock.

    \b
    A recorded surge:   openhall rehearse --recorded FOLDER --office UD_Bielany --queue 158 --date 2019-12-30
    Two more counters:  ... --extra-counters 2 --extra-from 09:00
    Your own day:       openhall rehearse --recorded tickets.csv --timezone Asia/Shanghai
    An invented day:    openhall rehearse --invented --set surge_factor=2.85 --set elderly_share=0.4
    Two stored runs:    openhall rehearse --compare rehearsals/RUN_A rehearsals/RUN_B

    A run is kept in a folder named by its content: result.json, tickets as Parquet and CSV, and the chart of
    queue length and open counters as SVG and PNG.
    """
    chosen = [name for name in ("recorded", "invented", "pair") if options[name]]
    if len(chosen) != 1:
        raise click.UsageError(_("Expected one of --recorded, --invented and --compare."))
    if options["pair"]:
        first, second = (load_result(path) for path in options["pair"])
        _show_comparison(
            compare(first, second, names=tuple(p.name for p in options["pair"])), options["as_json"]
        )
        return
    try:
        if options["recorded"]:
            _recorded(options)
        else:
            _invented(options)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


# --- recorded ----------------------------------------------------------------------------------------


def _recorded(options: dict[str, Any]) -> None:
    day, report = _read(options)
    parameters = RecordedParameters(pace=options["pace"])
    runs = {"": parameters}
    if day.other_days and options["pace"] != "other_days":
        runs["other_days"] = msgspec.structs.replace(parameters, pace="other_days")
    if options["extra_counters"]:
        runs["extra_counters"] = msgspec.structs.replace(
            parameters, extra_counters=options["extra_counters"], extra_from=options["extra_from"]
        )
    done: dict[str, Rehearsal] = {}
    for name, chosen in runs.items():
        with progress(_(name.replace("_", " ") or "as recorded")) as advance:
            done[name] = rehearse_recorded(day, chosen, progress=advance)
    main = done.pop("")
    stored = _keep(main, options)
    comparisons = {
        name: compare(main.result, other.result, names=("as recorded", name.replace("_", " ")))
        for name, other in done.items()
    }
    if "extra_counters" in done:
        for suffix in ("svg", "png"):
            draw_chart(
                [main, done["extra_counters"]],
                stored / f"queue-extra-counters.{suffix}",
                names=("as recorded", f"{options['extra_counters']} more counters"),
            )
    if options["as_json"]:
        show_json(
            msgspec.to_builtins(main.result)
            | {"stored_in": str(stored), "import": msgspec.to_builtins(report)}
            | {name: msgspec.to_builtins(run.result) for name, run in done.items()}
            | {"side_by_side": {name: msgspec.to_builtins(c) for name, c in comparisons.items()}}
        )
        return
    _show_result(main.result, stored)
    for comparison in comparisons.values():
        _show_comparison(comparison, as_json=False)
    if report is not None:
        _show_import(report)


def _read(options: dict[str, Any]) -> tuple[RecordedDay, ImportReport | None]:
    path: Path = options["recorded"]
    moment: datetime | None = options["day"]
    day: date | None = moment.date() if moment else None
    if path.is_file():
        log = LogOptions(
            day=day,
            timezone=options["timezone"],
            counters=options["counters"],
            place=options["branch"] or "hall",
        )
        return import_day(path, log)
    if not options["office"] or options["queue"] is None or day is None:
        raise click.UsageError(_("A folder of snapshots needs --office, --queue and --date."))
    return read_warsaw(path, office=options["office"], queue=options["queue"], day=day), None


# --- invented ----------------------------------------------------------------------------------------


def _invented(options: dict[str, Any]) -> None:
    bank = Folder(options["folder"]).read_bank() if options["folder"] else sample_bank()
    branch = bank.branch(options["branch"]) if options["branch"] else bank.branches[0]
    if branch is None:
        raise click.UsageError(
            _(
                "Expected one of {known}; got {value}.",
                known=", ".join(b.id for b in bank.branches),
                value=options["branch"],
            )
        )
    day = options["day"].date() if options["day"] else date(2026, 12, 15)
    rules = day_rules(version_of(bank), branch.id, day)
    if rules is None:
        raise click.UsageError(_("{branch} is closed on {day}.", branch=branch.id, day=str(day)))
    parameters = _parameters(options["settings"])
    with progress(_("invented day")) as advance:
        run = rehearse_invented(StreamId(branch.id, day), rules, parameters, progress=advance)
    stored = _keep(run, options)
    if options["as_json"]:
        show_json(msgspec.to_builtins(run.result) | {"stored_in": str(stored)})
    else:
        _show_result(run.result, stored)


def _parameters(settings: tuple[str, ...]) -> InventedParameters:
    """Parameters from NAME=VALUE; a value is read as JSON where it is JSON."""
    values: dict[str, Any] = {}
    for setting in settings:
        name, sign, value = setting.partition("=")
        if not sign or name not in InventedParameters.__struct_fields__:
            known = ", ".join(InventedParameters.__struct_fields__)
            raise click.UsageError(
                _("Expected NAME=VALUE with one of {known}; got {value}.", known=known, value=repr(setting))
            )
        try:
            values[name] = msgspec.json.decode(value)
        except msgspec.DecodeError:
            values[name] = value
    try:
        return msgspec.convert(values, InventedParameters)
    except msgspec.ValidationError as error:
        raise click.UsageError(str(error)) from error


# --- showing -----------------------------------------------------------------------------------------


def _keep(run: Rehearsal, options: dict[str, Any]) -> Path:
    return store_result(
        options["store"], run, chart=Chart(language=options["language"], timezone=run.result.timezone)
    )


def _show_result(result: RehearsalResult, stored: Path) -> None:
    out.print(f"[bold]{result.place}[/], {result.day} ({_(result.kind)})")
    table = Table(show_header=False, box=None)
    rows: list[tuple[str, object]] = [
        (_("tickets issued"), result.issued),
        (
            _("served / no-show / left / diverted / pending"),
            f"{result.served} / {result.no_show} / {result.reneged} / {result.diverted} / {result.pending}",
        ),
        (
            _("wait: mean, median, p90, longest (min)"),
            _minutes(
                result.wait_minutes_mean,
                result.wait_minutes_median,
                result.wait_minutes_p90,
                result.wait_minutes_max,
            ),
        ),
    ]
    if result.recorded_wait_minutes_median is not None:
        rows.append(
            (
                _("recorded wait: median, p90 (min)"),
                _minutes(result.recorded_wait_minutes_median, result.recorded_wait_minutes_p90),
            )
        )
    rows += [
        (
            _("waited over 10 / 15 / 20 / 30 min"),
            " / ".join(f"{share:.0%}" for share in result.share_over_minutes.values()),
        ),
        (
            _("longest queue"),
            _("{count} at {time}", count=result.longest_queue, time=result.longest_queue_at[11:16]),
        ),
        (
            _("counter utilisation"),
            "—" if result.counter_utilisation is None else f"{result.counter_utilisation:.0%}",
        ),
        (_("last customer left"), (result.last_left or "—")[11:16] or "—"),
        (_("seconds for the whole day"), result.seconds),
    ]
    for label, value in rows:
        table.add_row(label, str(value))
    out.print(table)
    for kind, waits in ((_("by class"), result.waits_by_class), (_("by service"), result.waits_by_service)):
        if len(waits) > 1:
            _show_waits(kind, waits)
    for note in result.notes:
        out.print(_("Note: {note}", note=_(note)), markup=False)
    out.print(_("Kept in {folder}", folder=str(stored)))


def _show_waits(kind: str, groups: dict[str, Any]) -> None:
    table = Table(kind, _("tickets"), _("mean"), _("median"), _("p90"), _("longest"), box=None)
    for name, waits in groups.items():
        shown = (waits.mean, waits.median, waits.p90, waits.max)
        table.add_row(
            name or _("ordinary"), str(waits.count), *("—" if m is None else f"{m:.1f}" for m in shown)
        )
    out.print(table)


def _minutes(*values: float | None) -> str:
    return ", ".join("—" if value is None else f"{value:.1f}" for value in values)


def _show_comparison(comparison: Comparison, as_json: bool) -> None:
    if as_json:
        show_json(comparison)
        return
    table = Table(
        "",
        _(comparison.first),
        _(comparison.second),
        _("difference"),
        title=_("Side by side"),
        title_justify="left",
    )
    for row in comparison.rows:
        table.add_row(
            _(row.measure), *("—" if v is None else f"{v:g}" for v in (row.first, row.second, row.difference))
        )
    out.print(table)


def _show_import(report: ImportReport) -> None:
    out.print(
        _(
            "{kept} of {read} rows taken ({encoding}).",
            kept=report.rows_kept,
            read=report.rows_read,
            encoding=report.encoding,
        )
    )
    for row in report.rejected[:REJECTED_SHOWN]:
        out.print(
            f"  {_('line {line}:', line=row.line)} {row.reason} {row.column} {row.value}".rstrip(),
            markup=False,
        )
    if len(report.rejected) > REJECTED_SHOWN:
        out.print(
            "  "
            + _(
                "… and {count} more: use --json for all of them.", count=len(report.rejected) - REJECTED_SHOWN
            )
        )

"""`verify`, `rebuild`, `backup`, `restore`: looking after the log."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from openhall.app import machine
from openhall.app.build import ROOMS
from openhall.app.clocks import SystemClock
from openhall.app.folder import Folder
from openhall.app.read_models import PROJECTIONS
from openhall.cli.language import _
from openhall.cli.main import EXIT_FOUND, err, folder_option, json_option, out, program, show_json
from openhall.log import backup as backups
from openhall.log.rebuild import Projector
from openhall.log.sqlite import SqliteStore
from openhall.log.verify import Anchor, Report
from openhall.log.verify import verify as verify_log


@contextmanager
def counted(title: str) -> Iterator[Callable[[int], None]]:
    """A count on standard error, for people; nothing where standard error is no terminal."""
    columns = (SpinnerColumn(), TextColumn("{task.description} {task.completed}"), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(title, total=None)
        yield lambda count: bar.update(task, completed=count)


def _show_report(report: Report) -> None:
    out.print(
        _(
            "{days} days, {events} events, {answers} answers read.",
            days=report.streams_count,
            events=report.events_count,
            answers=report.outcomes_count,
        )
    )
    for fault in report.faults:
        out.print(f"[bold red]{_('first bad event')}[/] {fault}")
    if report.is_sound:
        out.print(_("Everything holds together."))
    else:
        out.print(_("The log is not sound."), style="bold")


@program.command()
@folder_option
@click.option("--every-command", is_flag=True, help="Check the invariants after every command, not each day.")
@click.option(
    "--anchors",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Ends of days as an earlier `verify --json` printed them: each must still be in the log.",
)
@json_option
def verify(folder: Path, every_command: bool, anchors: Path | None, as_json: bool) -> None:
    """Recompute each hash chain and invariant; name the first bad event of each day.

    Reads only; a server may run meanwhile. A chain cannot show that the end of a day was cut off together
    with its hashes: keep the JSON of an earlier run elsewhere and give it as --anchors.
    """
    pinned: list[Anchor] = []
    if anchors is not None:
        try:
            pinned = list(msgspec.json.decode(anchors.read_bytes(), type=Report).anchors)
        except msgspec.DecodeError as error:
            raise click.UsageError(
                _(
                    "Expected {path} to be the output of verify --json: {error}",
                    path=str(anchors),
                    error=str(error),
                )
            ) from error
    with SqliteStore.open_to_read(Folder(folder).database) as store, counted(_("events")) as count:
        report = verify_log(
            store, ROOMS, is_each_command_checked=every_command, anchors=pinned, progress=count
        )
    if as_json:
        show_json(report)
    else:
        _show_report(report)
    if not report.is_sound:
        sys.exit(EXIT_FOUND)


@program.command()
@folder_option
@json_option
def rebuild(folder: Path, as_json: bool) -> None:
    """Drop the tables that are made from the log, and make the same rows again.

    Personal data, accounts and sessions are no such tables and stay as they are. The server must not run.
    """
    with SqliteStore.open(Folder(folder).database) as store, counted(_("events folded")) as count:
        folded = Projector(store, ROOMS, PROJECTIONS).rebuild(count)
    if as_json:
        show_json({"events_folded": folded, "read_models": [p.name for p in PROJECTIONS]})
    else:
        names = ", ".join(p.name for p in PROJECTIONS)
        out.print(_("{count} events folded into {tables}.", count=folded, tables=names))


@program.command()
@folder_option
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Write over TARGET.")
@json_option
def backup(folder: Path, target: Path, force: bool, as_json: bool) -> None:
    """Copy the database to TARGET, also while a server runs; the copy is verified before it gets its name.

    The copy holds sealed personal data but not the key. Keep FOLDER/openhall.key apart from it, and safe.
    """
    with counted(_("events verified")) as count:
        made = backups.backup(Folder(folder).database, target, ROOMS, is_forced=force, progress=count)
    machine.note_backup(folder, machine.LastBackup(SystemClock().now_ms(), made.path))
    if as_json:
        show_json(made)
    else:
        out.print(_("{path}: {size} bytes.", path=str(made.path), size=made.size_bytes))
        _show_report(made.report)


@program.command()
@folder_option
@click.argument("saved", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@json_option
def restore(folder: Path, saved: Path, as_json: bool) -> None:
    """Put the backup SAVED in the place of the database; the present one is kept beside it.

    The backup is verified first. The server must not run.
    """
    with counted(_("events verified")) as count:
        made = backups.restore(saved, Folder(folder).database, ROOMS, progress=count)
    if as_json:
        show_json(made)
    else:
        out.print(_("Restored to {path}.", path=str(made.path)))
        if made.kept_aside:
            out.print(_("Kept aside: {path}.", path=str(made.kept_aside)))
        _show_report(made.report)

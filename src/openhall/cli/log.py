"""`verify`, `rebuild`, `backup`, `restore`: looking after the log."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import msgspec
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from openhall.app import heads as heads_desk
from openhall.app import machine
from openhall.app.build import ROOMS
from openhall.app.clocks import SystemClock
from openhall.app.folder import Folder
from openhall.app.read_models import PROJECTIONS
from openhall.app.settings import read_settings
from openhall.cli.language import _
from openhall.cli.main import EXIT_FOUND, err, folder_option, json_option, out, program, show_json
from openhall.kernel.clock import to_datetime
from openhall.log import backup as backups
from openhall.log import heads
from openhall.log.access_record import AccessRecord, has_seals
from openhall.log.heads import Kept
from openhall.log.keys import KeyRing
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


def _statements(place: Folder, named: Path | None, keys: KeyRing) -> Kept | None:
    """The signed statements to compare with; None where there are none."""
    settings = read_settings(place.path, os.environ).heads
    where = named or heads_desk.place_of(settings, place.path)
    return heads.read(where, keys) if where.is_dir() else None


def _state_anew(place: Folder, keys: KeyRing) -> None:
    statements = heads_desk.place_of(read_settings(place.path, os.environ).heads, place.path)
    with SqliteStore.open_to_read(place.database) as store:
        record = AccessRecord(store, SystemClock(), keys)
        heads_desk.state_anew(statements, store, record, keys, SystemClock().now_ms())


def _show_statements(kept: Kept | None) -> None:
    if kept is None or not kept.statements:
        out.print(_("There are no signed statements of where the log ends to compare it with."))
        return
    until = f"{to_datetime(kept.newest.at_ms, ZoneInfo('UTC')):%Y-%m-%d %H:%M} UTC"
    out.print(
        _("Compared with {n} signed statements, the last of {moment}.", n=len(kept.statements), moment=until)
    )
    for each in kept.statements:
        if each.kind == "anew":
            moment = f"{to_datetime(each.at_ms, ZoneInfo('UTC')):%Y-%m-%d %H:%M} UTC"
            out.print(_("Stated anew at {moment}: a backup was put back, or a loss accepted.", moment=moment))


@program.command()
@folder_option
@click.option("--every-command", is_flag=True, help="Check the invariants after every command, not each day.")
@click.option(
    "--anchors",
    type=click.Path(path_type=Path, exists=True),
    help="What must still be there: a folder of signed statements, else as [heads] says; or the output of"
    " an earlier `verify --json`.",
)
@click.option(
    "--accept-loss", is_flag=True, help="State anew where the log ends, after a loss was looked into."
)
@json_option
def verify(folder: Path, every_command: bool, anchors: Path | None, accept_loss: bool, as_json: bool) -> None:
    """Recompute each hash chain and invariant; name the first bad event of each day.

    Reads only; a server may run meanwhile. The access record is looked at too, and both are compared with the
    signed statements that the server makes of where they end: a chain alone cannot show that its end was cut
    off together with its hashes.
    """
    place = Folder(folder)
    place.require()
    keys = KeyRing.read(place.key)
    kept = _statements(place, anchors, keys)
    pinned: list[Anchor] = [] if kept is None else kept.anchors
    if anchors is not None and anchors.is_file():
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
    with SqliteStore.open_to_read(place.database) as store, counted(_("events")) as count:
        report = verify_log(
            store, ROOMS, is_each_command_checked=every_command, anchors=pinned, progress=count
        )
        if has_seals(store):
            report = heads_desk.with_records(report, AccessRecord(store, SystemClock(), keys), kept)
    if as_json:
        show_json(report)
    else:
        _show_report(report)
        _show_statements(kept)
    if accept_loss:
        _state_anew(place, keys)
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

    The backup is verified first. The server must not run. That a backup was put back is stated, signed, among
    the statements of where the log ends: what came after the backup is not missed from then on.
    """
    place = Folder(folder)
    place.require()
    keys = KeyRing.read(place.key)
    with counted(_("events verified")) as count:
        made = backups.restore(saved, place.database, ROOMS, progress=count)
    _state_anew(place, keys)
    if as_json:
        show_json(made)
    else:
        out.print(_("Restored to {path}.", path=str(made.path)))
        if made.kept_aside:
            out.print(_("Kept aside: {path}.", path=str(made.kept_aside)))
        _show_report(made.report)

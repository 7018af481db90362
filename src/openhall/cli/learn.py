"""`learn`: what the log of past days says of each branch, shown and kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import click
import msgspec
from rich.table import Table

from openhall.app.clocks import SystemClock
from openhall.app.folder import Folder
from openhall.app.learning import (
    DAYS_AT_MOST,
    DAYS_USUAL,
    Learned,
    LearningHeld,
    Span,
    chosen,
    keep,
    learned_from,
)
from openhall.cli.language import _
from openhall.cli.log import counted
from openhall.cli.main import folder_option, json_option, out, program, show_json
from openhall.flows.beliefs import Beliefs, ClassBelief, ServiceBelief, beliefs
from openhall.log import learned
from openhall.log.sqlite import SqliteStore
from openhall.log.troubles import AlreadyOpen
from openhall.science.believed import Habits

SERVICE_ROWS_SHOWN = 62


class Shown(msgspec.Struct, frozen=True):
    """One branch in the result."""

    is_new: bool
    is_stored: bool
    version_before: str
    beliefs: Beliefs


@program.command()
@folder_option
@click.option("--branch", "branches", multiple=True, metavar="ID", help="Only this branch; repeatable.")
@click.option(
    "--days",
    type=click.IntRange(1, DAYS_AT_MOST),
    default=DAYS_USUAL,
    show_default=True,
    help="The latest so many ended days of each branch.",
)
@click.option("--from", "first", type=click.DateTime(["%Y-%m-%d"]), help="No day before this one.")
@click.option("--to", "last", type=click.DateTime(["%Y-%m-%d"]), help="No day after this one.")
@click.option("--dry-run", is_flag=True, help="Keep nothing; runs beside a server.")
@json_option
def learn(
    folder: Path,
    branches: tuple[str, ...],
    days: int,
    first: datetime | None,
    last: datetime | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Learn from the log how customers and counters of each branch behave: what told waits rest on.

    Service times, ways, pauses, patience, no-shows and holds: as tables by service and class, borrowed from
    other branches where a branch has seen little. Nothing is kept about a person. What was learned is kept as
    a version where it differs from the one before.

    A running server learns every night by itself, and holds the database: --dry-run shows beside it what it
    would learn now.
    """
    try:
        span = Span(days, first.date() if first else None, last.date() if last else None)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    place = Folder(folder)
    bank = place.read_bank()
    chosen(bank, branches)
    with _store(place, is_read_only=dry_run) as store:
        with counted(_("days read")) as count:
            habits = learned_from(store, bank, span, branches=branches, progress=count)
        if dry_run:
            found = [_as_if_kept(store, each) for each in habits]
        else:
            found = keep(store, habits, now_ms=SystemClock().now_ms())
    shown = [_shown(each, is_stored=each.is_new and not dry_run) for each in found]
    if as_json:
        show_json(shown)
        return
    for each in shown:
        _show(each)


@contextmanager
def _store(place: Folder, *, is_read_only: bool) -> Iterator[SqliteStore]:
    """The database: to look at, or our own."""
    try:
        opened = (
            SqliteStore.open_to_read(place.database) if is_read_only else SqliteStore.open(place.database)
        )
    except AlreadyOpen as error:
        raise LearningHeld(str(error), place=error.place) from error
    with opened as store:
        yield store


def _as_if_kept(store: SqliteStore, habits: Habits) -> Learned:
    before = learned.latest(store, habits.branch)
    named = learned.named(habits)
    return Learned(named, before, before is None or before.version != named.version)


def _shown(done: Learned, *, is_stored: bool) -> Shown:
    before = done.before.version if done.before else ""
    return Shown(done.is_new, is_stored, before, beliefs(done.habits, done.before))


def _show(shown: Shown) -> None:
    found = shown.beliefs
    out.print(f"[bold]{found.branch}[/]  {_status(shown)}")
    if found.days:
        out.print(
            _(
                "{days} days, {first} to {last}; {customers} customers; {share} of it the branch's own",
                days=found.days,
                first=str(found.first_day),
                last=str(found.last_day),
                customers=found.customers,
                share=f"{found.own_share:.0%}",
            )
        )
    else:
        out.print(_("No day of its own: all of it borrowed from other branches."))
    _show_services(found.services)
    _show_classes(found.classes)
    booked = found.booked
    late = (booked.p10_late_minutes, booked.p50_late_minutes, booked.p90_late_minutes)
    out.print(
        _(
            "booked: {n} seen here, {share} come; minutes after their time P10, P50, P90: {late}",
            n=booked.expected,
            share=f"{booked.show_share:.0%}",
            late=", ".join(f"{minutes:+.0f}" for minutes in late),
        )
        + (" " + _("(assumed)") if booked.is_assumed else "")
    )


def _status(shown: Shown) -> str:
    version = shown.beliefs.version
    if not shown.is_new:
        return _("version {version}, unchanged", version=version)
    if not shown.is_stored:
        return _("version {version}, not kept", version=version)
    return _("version {version}, new", version=version)


def _show_services(services: tuple[ServiceBelief, ...]) -> None:
    table = Table(
        _("service"),
        _("class"),
        _("need"),
        _("served"),
        _("own"),
        _("service time: P10, P50, P90 (min)"),
        _("mean"),
        _("change"),
        box=None,
    )
    for row in services[:SERVICE_ROWS_SHOWN]:
        table.add_row(
            row.service,
            row.class_code,
            row.need,
            str(row.count),
            f"{row.own_share:.0%}",
            f"{row.p10_minutes:.1f}, {row.p50_minutes:.1f}, {row.p90_minutes:.1f}",
            f"{row.mean_minutes:.1f}",
            "—" if row.change is None else f"{row.change:+.1%}",
        )
    out.print(table)


def _show_classes(classes: tuple[ClassBelief, ...]) -> None:
    table = Table(
        _("class"),
        _("customers"),
        _("way to the counter (s)"),
        _("pause after a customer (s)"),
        _("left after 30, 60 min"),
        _("absent when called"),
        _("step out"),
        box=None,
    )
    for row in classes:
        table.add_row(
            row.class_code,
            str(row.customers),
            f"{row.walk_seconds:.0f}",
            f"{row.gap_seconds:.0f}",
            ", ".join(f"{share:.0%}" for share in row.left_share.values()),
            f"{row.absent_share:.1%}",
            f"{row.out_share:.1%}",
        )
    out.print(table)

"""`plan`: people and windows of coming days, for one branch or the whole bank."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from openhall.app.clocks import SystemClock
from openhall.app.folder import Folder
from openhall.app.learning import chosen
from openhall.app.planning import NothingToPlan, borrowing, gather, with_others
from openhall.cli.language import _
from openhall.cli.main import EXIT_FOUND, err, folder_option, json_option, program, show_json
from openhall.cli.plan_tables import show_day, show_week
from openhall.kernel.clock import to_datetime
from openhall.log.sqlite import SqliteStore
from openhall.network import version as versions
from openhall.network.model import Bank, Branch
from openhall.staffing.asking import DAYS_AT_MOST, PlanRequest
from openhall.staffing.checking import broken, violations
from openhall.staffing.history import PastDays, read_history
from openhall.staffing.plan import Violation, WeekPlan

if TYPE_CHECKING:
    from openhall.workers.planning_crews import Crew

DAY = click.DateTime(["%Y-%m-%d"])
SECONDS_USUAL = 10.0
NO_HISTORY = "none"


class Planned(msgspec.Struct, frozen=True):
    """One branch in the result."""

    plan: WeekPlan
    violations: tuple[Violation, ...]


@program.group()
def plan() -> None:
    """Plan people and windows: who works when, and who sits where."""


def _shared(command: Any) -> Any:
    for option in (
        click.option(
            "--history",
            metavar="FILE|none",
            help="Past arrivals from a file (date,time,service,count), or none; else the branch's own log.",
        ),
        click.option(
            "--seconds",
            type=click.FloatRange(0.5, 3_600),
            default=SECONDS_USUAL,
            show_default=True,
            help="Time for each branch.",
        ),
        click.option(
            "--steps",
            type=click.IntRange(0, 10_000),
            default=0,
            help="Steps of work instead of time: the same plan again for the same seed.",
        ),
        click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the search."),
        folder_option,
    ):
        command = option(command)
    return command


@plan.command("week")
@_shared
@click.option("--branch", "branches", multiple=True, metavar="ID", help="Only this branch; repeatable.")
@click.option("--first", type=DAY, help="First day; else the next Monday.")
@click.option(
    "--days", type=click.IntRange(1, DAYS_AT_MOST), default=7, show_default=True, help="So many days."
)
@click.option("--jobs", type=click.IntRange(1, 256), help="Processes; else one for each core, at most two.")
@click.option("--cluster", metavar="ADDRESS", help="Plan on a Dask cluster, tcp://HOST:PORT.")
@click.option("--no-borrowing", is_flag=True, help="Nobody helps out at another branch.")
@click.option(
    "--export",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write each plan there as JSON, CSV, iCalendar and PDF.",
)
@json_option
def week(**options: Any) -> None:
    """Plan some days of some branches, a week of all if nothing else is said.

    Who is expected is forecast from the branch's own log, windows are sized, people are rostered under the
    labour rules, and each is given a post. Without a history the number of customers is assumed, and the
    plan says so. What cannot be covered is named, with the people who could have and what keeps them away.

    Nothing is kept: --export writes files, and the planning page makes plans that are published.
    """
    place = Folder(options["folder"])
    bank = place.read_bank()
    branches = chosen(bank, options["branches"])
    first = _first(options["first"], branches[0])
    requests = list(_requests(place, bank, branches, first, options))
    with err.status(_("Planning {count} branches …", count=len(requests))):
        made = _made(bank, requests, _crew(options), is_borrowing=not options["no_borrowing"])
    found = [_checked(bank, request, made) for request in requests]
    if options["export"]:
        _export(bank, found, options["export"])
    if options["as_json"]:
        show_json(found)
    else:
        for each in found:
            show_week(bank, each.plan, each.violations)
    if any(broken(each.violations) for each in found):
        raise SystemExit(EXIT_FOUND)


@plan.command("day")
@_shared
@click.option("--branch", required=True, metavar="ID", help="The branch.")
@click.option("--date", "day", type=DAY, required=True, help="The day.")
@click.option(
    "--plan",
    "file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The plan that the day belongs to, as --export wrote it: its other days stay as they are.",
)
@json_option
def one_day(**options: Any) -> None:
    """Plan one day: windows, who, and where. Other days of a plan stay as they are.

    Without --plan the day is planned by itself, or anew within the draft of its week if there is one.
    """
    place = Folder(options["folder"])
    bank = place.read_bank()
    branch = chosen(bank, [options["branch"]])[0]
    day = options["day"].date()
    given = _plan_file(options["file"]) if options["file"] else None
    monday = day - timedelta(days=day.weekday())
    first = given.first if given else monday
    request = next(_requests(place, bank, [branch], first, {**options, "days": 7}))
    current = given or request.current
    if current is None:
        request = msgspec.structs.replace(request, first=day, days=1)
    else:
        if current.branch != branch.id or day not in [each.day for each in current.days]:
            raise click.UsageError(_("The plan is not of this branch and day."))
        request = msgspec.structs.replace(
            request, current=current, first=current.first, days=len(current.days), only_days=(day,)
        )
    with err.status(_("Planning {count} branches …", count=1)):
        made = _made(bank, [request], _crew({**options, "jobs": 1, "cluster": None}), is_borrowing=False)
    found = _checked(bank, request, made)
    if options["as_json"]:
        show_json(found)
    else:
        show_day(bank, found.plan, day, found.violations)
    if broken(v for v in found.violations if v.day == day):
        raise SystemExit(EXIT_FOUND)


def _first(given: datetime | None, branch: Branch) -> date:
    """The day that is given, else the Monday after today."""
    if given:
        return given.date()
    from zoneinfo import ZoneInfo

    today = to_datetime(SystemClock().now_ms(), ZoneInfo(branch.timezone)).date()
    return today + timedelta(days=7 - today.weekday())


def _requests(
    place: Folder, bank: Bank, branches: Sequence[Branch], first: date, options: dict[str, Any]
) -> Iterator[PlanRequest]:
    if not bank.shifts:
        raise NothingToPlan("There are no shifts", place="bank.toml")
    version = versions.version_of(bank).version
    for branch in branches:
        past = _past(bank, branch, options["history"])
        if place.database.is_file():
            with SqliteStore.open_to_read(place.database) as store:
                request = gather(store, bank, version, branch.id, first, days=options["days"], past=past)
        else:
            request = PlanRequest(
                bank=bank,
                network_version=version,
                branch=branch.id,
                first=first,
                days=options["days"],
                past=past or PastDays(),
            )
        yield msgspec.structs.replace(
            request, seconds=options["seconds"], seed=options["seed"], work_limit=options["steps"]
        )


def _past(bank: Bank, branch: Branch, history: str | None) -> PastDays | None:
    """From a file, none at all, or None for the log."""
    if history is None:
        return None
    if history == NO_HISTORY:
        return PastDays()
    path = Path(history)
    if not path.is_file():
        raise click.BadParameter(_("There is no file {path}.", path=history), param_hint="--history")
    return read_history(path.read_text(encoding="utf-8"), bank, branch)


def _plan_file(path: Path) -> WeekPlan:
    try:
        return msgspec.json.decode(path.read_bytes(), type=WeekPlan)
    except msgspec.DecodeError as error:
        raise click.BadParameter(
            _("This is no plan: {error}", error=str(error)), param_hint="--plan"
        ) from error


def _crew(options: dict[str, Any]) -> Crew:
    from openhall.workers.planning_crews import in_processes, on_cluster

    if options["cluster"]:
        return on_cluster(options["cluster"])
    return in_processes(options["jobs"] or min(2, os.cpu_count() or 1))


def _made(
    bank: Bank, requests: Sequence[PlanRequest], crew: Crew, *, is_borrowing: bool
) -> dict[str, WeekPlan]:
    """Each branch by itself, then those that miss people with their neighbours' free ones."""
    anew = {request.branch for request in requests}
    alone = [
        msgspec.structs.replace(r, others=tuple(p for p in r.others if p.branch not in anew))
        for r in requests
    ]
    made = {each.branch: each for each in crew(alone)}
    if is_borrowing:
        for round_ in borrowing(bank, requests, made):
            for again in crew([with_others(request, made) for request in round_]):
                made[again.branch] = again
    return made


def _checked(bank: Bank, request: PlanRequest, made: dict[str, WeekPlan]) -> Planned:
    own = made[request.branch]
    others = [each for branch, each in made.items() if branch != request.branch]
    return Planned(own, violations(bank, own, (*request.earlier, *request.others, *others)))


def _export(bank: Bank, found: Sequence[Planned], folder: Path) -> None:
    from openhall.app import plan_exports

    folder.mkdir(parents=True, exist_ok=True)
    for each in found:
        name = f"{each.plan.branch}-{each.plan.first.isoformat()}"
        (folder / f"{name}.json").write_bytes(msgspec.json.format(msgspec.json.encode(each.plan)))
        (folder / f"{name}.csv").write_text(plan_exports.as_csv(bank, each.plan), encoding="utf-8-sig")
        (folder / f"{name}.ics").write_bytes(plan_exports.as_calendar(bank, each.plan))
        (folder / f"{name}.pdf").write_bytes(plan_exports.as_pdf(bank, each.plan))


__all__ = ["one_day", "plan", "week"]

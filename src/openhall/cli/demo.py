"""`demo`: a bank's halls in a surge, in time lapse, with screens to look at and buttons to press."""

from __future__ import annotations

import asyncio
import logging
import secrets
import shutil
from datetime import date
from pathlib import Path

import click
import msgspec
from rich.table import Table

from openhall.access.devices import SETTINGS_OF, DeviceKind
from openhall.app import planning
from openhall.app.build import ROOMS, App, build
from openhall.app.clocks import SPEED_MAX, LapseClock
from openhall.app.folder import Folder, FolderInUse
from openhall.app.read_models import PROJECTIONS
from openhall.cli.language import _
from openhall.cli.main import Doors, out, program
from openhall.cli.serving import DEFAULT_PORT, create_accounts
from openhall.kernel.clock import MINUTE_MS
from openhall.kernel.refusal import Refusal
from openhall.log import plans
from openhall.log.ownership import Ownership
from openhall.log.rebuild import Projector
from openhall.network.calendar import moments_on
from openhall.network.model import Branch
from openhall.network.sample import sample_bank, sample_files
from openhall.rehearsal.invented import InventedParameters
from openhall.rehearsal.live import live_day
from openhall.rehearsal.past import write_past
from openhall.workers import twin
from openhall.workers.planning import plan_week
from openhall.workers.pool import Workers

MARK = "this-is-a-demo"
"""Only a folder with this file in it is ever removed."""
SURGE_DAY = date(2027, 1, 18)
"""The sample bank's first day under prevention rules: entry checks, few people inside at a time, a surge."""
NOON_PAUSE_MINUTES = 20
PAST_DAYS = 6
"""Ordinary ones, before the surge: so many of each branch."""
PLAN_SECONDS = 3.0
PLAN_SECONDS_AT_MOST = 120.0
"""The first plan of a worker waits for numba and HiGHS to load."""
START_BEFORE_MS = 2 * MINUTE_MS
SHOWN_ROLES = ("manager", "lobby", "teller", "guard")
DEVICES: tuple[tuple[DeviceKind, str], ...] = (
    ("kiosk", "取号机 Ticket machine"),
    ("display", "叫号屏 Hall display"),
)
"""Of the branch that is shown: in every other respect they are paired as anywhere else."""


def fresh_folder(path: Path) -> Folder:
    """A new folder for the demo; what an earlier demo left is removed, anything else is not touched.

    Raises `FolderInUse` for a folder that is no demo's, `AlreadyOpen` while another demo runs in it.
    """
    folder = Folder(path)
    if path.exists() and any(path.iterdir()):
        if not (path / MARK).is_file():
            raise FolderInUse(f"{path} is no demo's folder", place=str(path))
        Ownership.take(folder.database).release()
        shutil.rmtree(path)
    # Made beside and moved, so that a Ctrl-C halfway leaves no folder that the next demo would not know.
    beside = path.with_name(path.name + ".new")
    shutil.rmtree(beside, ignore_errors=True)
    Folder(beside).create(sample_files())
    (beside / MARK).touch()
    beside.replace(path)
    return folder


async def publish_week(app: App, branch: Branch) -> None:
    """Plan the surge's week as on any other week, and publish it: the manager's signature stands for ours."""
    request = planning.gather(app.store, app.bank, app.version.version, branch.id, SURGE_DAY)
    quick = msgspec.structs.replace(request, seconds=PLAN_SECONDS)
    assert app.plan_making.workers is not None
    plan = await app.plan_making.workers.ask(plan_week, quick, seconds=PLAN_SECONDS_AT_MOST)
    now_ms = app.wall.now_ms()
    draft = plans.save_draft(app.store, plan, seen=None, now_ms=now_ms, by="openhall")
    plans.publish(app.store, branch.id, SURGE_DAY, seen=draft.revision, now_ms=now_ms, by="openhall")


def pair_devices(app: App, branch: Branch) -> dict[str, str]:
    """Pairing codes of the shown branch's screens, as its Devices page would give them."""
    codes: dict[str, str] = {}
    for kind, name in DEVICES:
        made = app.devices.records.make(kind, branch.id, kind, name, SETTINGS_OF[kind](), by="openhall")
        assert not isinstance(made, Refusal), made
        given = app.devices.records.new_code(made.id)
        assert not isinstance(given, Refusal), given
        codes[kind] = given[1]
    return codes


def show_accounts(app: App, address: str, password: str) -> None:
    """Where to look, and as whom."""
    table = Table(
        _("screen"),
        _("address"),
        _("account"),
        title=_("Open in a browser and sign in"),
        title_justify="left",
    )
    branch = app.bank.branches[1]
    screens = {"manager": "branch", "lobby": "lobby", "teller": "counter"}
    for role in SHOWN_ROLES:
        found = next((a for a in app.accounts.every() if a.branch == branch.id and a.role == role), None)
        if found:
            table.add_row(_(role), f"{address}/b/{branch.id}/{screens.get(role, role)}", found.name)
    for kind, code in pair_devices(app, branch).items():
        table.add_row(_(kind), f"{address}/pair#{code}", _("pairs itself once"))
    table.add_row(_("head office"), f"{address}/", "operations")
    out.print(table)
    out.print(f"{_('Password of every account:')} [bold]{password}[/]")
    out.print(
        _("The manager's and the lobby's screens have the speed of the day at the bottom. Ctrl-C ends it.")
    )


@program.command()
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".openhall-demo"),
    show_default=True,
    help="Folder of the demo, made anew at each start.",
)
@click.option(
    "--port",
    default=DEFAULT_PORT,
    show_default=True,
    type=click.IntRange(1, 65_535),
    help="Port to listen at.",
)
@click.option(
    "--speed",
    default=30.0,
    show_default=True,
    type=click.FloatRange(0, SPEED_MAX),
    help="Seconds of the day a second.",
)
@click.option(
    "--surge",
    default=2.85,
    show_default=True,
    type=click.FloatRange(0.1, 20),
    help="Times a normal day's customers.",
)
@click.option("--seed", default=1, show_default=True, help="The same seed brings the same people.")
@click.pass_obj
def demo(doors: Doors, folder: Path, port: int, speed: float, surge: float, seed: int) -> None:
    """Watch the sample bank work through the surge of a reopening, in the browser.

    Everybody in it is invented, but they use the same commands, rules and log as a real hall, and you can act
    among them: call a customer, hold a place, pause the hall. It keeps to its folder, which it makes anew at
    each start, and listens on this machine only.
    """
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    place = fresh_folder(folder)
    bank = sample_bank()
    opening = [m.checkin_ms for b in bank.branches if (m := moments_on(bank, b, SURGE_DAY))]
    assert opening, "the sample bank is open on its surge day"
    clock = LapseClock(min(opening) - START_BEFORE_MS, speed=speed)
    password = f"hall-{secrets.randbelow(9000) + 1000}-{secrets.randbelow(9000) + 1000}"
    address = f"http://127.0.0.1:{port}"
    parameters = InventedParameters(surge_factor=surge, seed=seed, noon_pause_minutes=NOON_PAUSE_MINUTES)

    async def run() -> None:
        app = build(place, clock, workers=Workers(prepare=twin.prepare), planners=Workers(2))
        create_accounts(app, password)
        # An app writes its log by commands only; this log is written before anybody uses it.
        with out.status(
            _("Inventing {days} past days of each branch, for the twin to learn from …", days=PAST_DAYS)
        ):
            usual = InventedParameters(surge_factor=1.0, seed=seed)
            write_past(app.store, app.version, SURGE_DAY, PAST_DAYS, usual)
            await app.nights.learn_once()
            await app.nights.record_once()
            await asyncio.to_thread(Projector(app.store, ROOMS, PROJECTIONS).catch_up)
        with out.status(_("Planning the week, as a bank that knows nothing of the surge …")):
            await asyncio.gather(*(publish_week(app, branch) for branch in bank.branches))

        async def days() -> None:
            await asyncio.gather(*(live_day(app, clock, branch, parameters) for branch in app.bank.branches))
            clock.pause()
            out.print(_("The day has ended everywhere. The screens stay open; Ctrl-C ends the demo."))
            await asyncio.Event().wait()

        await doors.serve(
            app,
            host="127.0.0.1",
            port=port,
            on_ready=lambda: show_accounts(app, address, password),
            beside=days,
        )

    asyncio.run(run())

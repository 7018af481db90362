"""Does the demo's day run on a real installation, beside people who press buttons?"""

import asyncio
from datetime import date
from pathlib import Path

from openhall.app.build import ROOMS, App, build
from openhall.app.clocks import SPEED_MAX, LapseClock
from openhall.app.folder import Folder
from openhall.hall.model.state import TicketStatus
from openhall.kernel.clock import MINUTE_MS
from openhall.kernel.refusal import Refusal
from openhall.log.sqlite import SqliteStore
from openhall.log.verify import verify
from openhall.network.calendar import moments_on
from openhall.network.sample import sample_bank, sample_files
from openhall.rehearsal.invented import InventedParameters
from openhall.rehearsal.live import live_day

DAY = date(2027, 1, 18)
BRANCH = "lanqiao"
SMALL = InventedParameters(surge_factor=0.6, visitors_daily=60)


class Hurry:
    """Seconds that go by whenever somebody looks, so that a day in time lapse needs none of ours."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 0.02
        return self.now


def installed(folder: Path) -> tuple[App, LapseClock]:
    place = Folder(folder)
    place.create(sample_files())
    branch = sample_bank().branch(BRANCH)
    assert branch is not None
    moments = moments_on(sample_bank(), branch, DAY)
    assert moments is not None
    clock = LapseClock(moments.checkin_ms - MINUTE_MS, speed=SPEED_MAX, seconds=Hurry())
    return build(place, clock), clock


async def run_day(app: App, clock: LapseClock) -> None:
    branch = app.bank.branch(BRANCH)
    assert branch is not None
    await app.start()
    try:
        await live_day(app, clock, branch, SMALL)
    finally:
        await app.stop()


def test_an_invented_day_on_a_running_installation_ends_with_nobody_pending(tmp_path: Path) -> None:
    app, clock = installed(tmp_path / "bank")
    asyncio.run(run_day(app, clock))
    stream = next(s for s in app.book._streams if s.place == BRANCH)
    state = app.hall(stream)
    assert state is not None
    assert state.is_ended
    assert state.pending_count == 0
    assert sum(t.status is TicketStatus.SERVED for t in state.tickets.values()) > 20
    with SqliteStore.open(app.folder.database) as store:
        report = verify(store, ROOMS, is_each_command_checked=True)
    assert report.is_sound, report.faults


def test_a_closed_branch_has_no_day_to_show(tmp_path: Path) -> None:
    app, _ = installed(tmp_path / "bank")
    branch = app.bank.branch(BRANCH)
    assert branch is not None
    sunday = LapseClock(app.clock.now_ms() - 24 * 60 * MINUTE_MS, speed=SPEED_MAX)
    app.clock = sunday

    async def nothing() -> None:
        await app.start()
        assert isinstance(await app.open_day(branch, "test"), Refusal)
        await live_day(app, sunday, branch, SMALL)
        await app.stop()

    asyncio.run(nothing())

"""Does what must not be kept go by itself?"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from openhall.app.build import App, build
from openhall.app.folder import Folder
from openhall.kernel.clock import DAY_MS, ManualClock
from openhall.log.accounts import Accounts, SignedIn
from openhall.network.sample import sample_files
from tests.places import at

PASSWORD = "a long enough password"


def app_of(folder: Path) -> App:
    place = Folder(folder)
    place.create(sample_files())
    return build(place, ManualClock(at(9)))


def leave_something_behind(app: App, clock: ManualClock) -> tuple[str, str]:
    """A sealed record and a session, written by a clock of the past."""
    records = app.personal
    records.clock = clock
    ref = records.put_once("lanqiao", "feedback", {"text": "13800000000"}, "li", key="1")
    assert isinstance(ref, str)
    accounts = Accounts(app.store, clock, bytes)
    accounts.create("li", "lobby", PASSWORD, branch="lanqiao")
    signed_in = accounts.sign_in("li", PASSWORD)
    assert isinstance(signed_in, SignedIn)
    app.accounts = accounts
    return ref, signed_in.token


def test_the_hourly_chore_erases_what_has_expired_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app = app_of(tmp_path / "bank")
    clock = ManualClock(app.wall.now_ms())
    ref, token = leave_something_behind(app, clock)
    with caplog.at_level(logging.INFO, logger="openhall.app.build"):
        asyncio.run(app.run_chores_once())
        assert app.personal.get(ref, "li", "call_customer") == {"text": "13800000000"}
        clock.advance(15 * DAY_MS)
        asyncio.run(app.run_chores_once())
    assert app.personal.get(ref, "li", "call_customer") is None
    assert [line.action for line in app.personal.accesses(ref)] == ["written", "read", "expired"]
    assert app.accounts.who(token) is None
    said = [record.getMessage() for record in caplog.records if record.name == "openhall.app.build"]
    assert said[0].startswith("Chores: 0 personal records")
    assert said[1].startswith("Chores: 1 personal records")
    assert said[1].endswith("1 sessions dropped")
    app.store.close()


class Heard(logging.Handler):
    """Tells an event loop that something was logged."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self._words = words
        self._loop = asyncio.get_running_loop()
        self.event = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if self._words in record.getMessage():
            self._loop.call_soon_threadsafe(self.event.set)


def test_an_app_does_its_chores_from_the_start(tmp_path: Path) -> None:
    app = app_of(tmp_path / "bank")
    clock = ManualClock(app.wall.now_ms())
    leave_something_behind(app, clock)
    clock.advance(15 * DAY_MS)

    async def live_shortly() -> None:
        heard = Heard("1 personal records")
        log = logging.getLogger("openhall.app.build")
        log.addHandler(heard)
        log.setLevel(logging.INFO)
        await app.start()
        await asyncio.wait_for(heard.event.wait(), 30)
        await app.stop()
        log.removeHandler(heard)

    asyncio.run(live_shortly())


def test_stopping_waits_for_chores_that_have_begun(tmp_path: Path) -> None:
    app = app_of(tmp_path / "bank")

    async def stop_amid_chores() -> None:
        await app.writer.start()
        chores = asyncio.create_task(app.run_chores_once())
        await asyncio.sleep(0)
        await app.stop()
        await chores

    asyncio.run(stop_amid_chores())
    with build(Folder(tmp_path / "bank")).store as store:
        assert store.check_integrity() == []

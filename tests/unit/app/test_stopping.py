"""Does the installation let its file go, whatever became of what ran beside it?"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from threading import Event

import pytest

from openhall.app.build import App, build
from openhall.app.folder import Folder
from openhall.kernel.clock import ManualClock
from openhall.log.ownership import Ownership
from openhall.log.personal import Expired
from openhall.log.rebuild import Projector
from openhall.network.sample import sample_files
from tests.places import at

PATIENT_SECONDS = 20


@pytest.fixture
def app(tmp_path: Path) -> App:
    place = Folder(tmp_path / "bank")
    place.create(sample_files())
    return build(place, ManualClock(at(3)))


async def lived(app: App, begun: Event, may_end: Event) -> None:
    """Started, stopped once something has begun, which may end only then."""
    await app.start()
    assert await asyncio.to_thread(begun.wait, PATIENT_SECONDS)
    stopping = asyncio.create_task(app.stop())
    await asyncio.sleep(0)
    may_end.set()
    await stopping


def test_a_part_that_failed_in_its_own_way_keeps_nothing_open(
    app: App, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    begun = Event()

    def faulty(_: Projector) -> int:
        begun.set()
        raise ZeroDivisionError

    monkeypatch.setattr(Projector, "catch_up", faulty)
    with caplog.at_level(logging.ERROR, logger="openhall.app.build"):
        asyncio.run(lived(app, begun, Event()))
    Ownership.take(app.folder.database).release()


def test_a_chore_under_way_is_waited_for(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its thread cannot be cancelled, and must not find the file let go."""
    begun, may_end = Event(), Event()
    done: list[Expired] = []
    really = app.personal.expire

    def slow() -> Expired:
        begun.set()
        may_end.wait(PATIENT_SECONDS)
        done.append(really())
        return done[0]

    monkeypatch.setattr(app.personal, "expire", slow)
    asyncio.run(lived(app, begun, may_end))
    assert len(done) == 1

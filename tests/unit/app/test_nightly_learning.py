"""When the halls are closed the installation learns from the days that ended, and believes it then on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from openhall.app.build import App, build
from openhall.app.folder import Folder
from openhall.kernel.clock import ManualClock
from openhall.log.day_records import STAFFING_DAYS
from openhall.log.sqlite import SqliteStore
from openhall.log.troubles import DiskFull
from openhall.network.sample import sample_files
from openhall.rehearsal.invented import InventedParameters
from openhall.rehearsal.past import write_past
from openhall.workers.pool import WorkerLate, Workers
from tests.places import DAY, at

pytestmark = pytest.mark.unit


class Here(Workers):
    """Answers in this process, or not at all."""

    def __init__(self) -> None:
        super().__init__()
        self.is_late = False
        self.asked: list[str] = []

    async def ask(  # type: ignore[override]
        self, question: Callable[..., object], *about: object, seconds: float
    ) -> object:
        """At once."""
        self.asked.append(question.__name__)
        if self.is_late:
            raise WorkerLate(f"no answer within {seconds:g} s", place="workers")
        return question(*about)


class Filling(SqliteStore):
    """A database on a disk that has no room for a while."""

    is_full = False

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        if self.is_full:
            raise DiskFull("no space left", place="disk")
        with super().transaction() as connection:
            yield connection


@pytest.fixture
def workers() -> Here:
    return Here()


@pytest.fixture
def app(tmp_path: Path, workers: Here) -> App:
    place = Folder(tmp_path / "bank")
    place.create(sample_files())
    return build(place, ManualClock(at(3)), workers=workers)


def test_what_ended_is_learned_from_once_and_believed(app: App, workers: Here) -> None:
    usual = InventedParameters(visitors_daily=60, surge_factor=1.0)
    assert write_past(app.store, app.version, DAY, 2, usual) == 6
    assert app.believed("wutong") == b""
    asyncio.run(app.nights.learn_once())
    assert b'"cash"' in app.believed("wutong")
    asyncio.run(app.nights.learn_once())
    assert workers.asked == ["work_out"], "nothing has ended since"
    app.store.close()


def test_a_night_without_an_answer_is_made_up_for(app: App, workers: Here) -> None:
    workers.is_late = True
    with pytest.raises(WorkerLate):
        asyncio.run(app.nights.learn_once())
    workers.is_late = False
    asyncio.run(app.nights.learn_once())
    assert workers.asked == ["work_out", "work_out"]
    app.store.close()


def test_the_days_that_ended_are_recorded_once_for_the_review(app: App, workers: Here) -> None:
    usual = InventedParameters(visitors_daily=40, surge_factor=1.0)
    write_past(app.store, app.version, DAY, 2, usual)
    asyncio.run(app.nights.record_once())
    asyncio.run(app.nights.record_once())
    assert workers.asked == ["work_out"]
    kept = STAFFING_DAYS.between(app.store, ["wutong", "lanqiao"], DAY - timedelta(days=30), DAY)
    assert len(kept) == 4
    assert [day.day for day in kept] == sorted(day.day for day in kept)
    assert all(day.joined_count > 0 and day.staff_count > 0 for day in kept)


def test_a_night_without_an_answer_leaves_the_record_to_the_next(app: App, workers: Here) -> None:
    write_past(app.store, app.version, DAY, 1, InventedParameters(visitors_daily=20, surge_factor=1.0))
    workers.is_late = True
    with pytest.raises(WorkerLate):
        asyncio.run(app.nights.record_once())
    workers.is_late = False
    asyncio.run(app.nights.record_once())
    assert STAFFING_DAYS.between(app.store, ["wutong"], DAY - timedelta(days=30), DAY)


def test_a_disk_that_was_full_that_night_loses_neither(tmp_path: Path, workers: Here) -> None:
    """What a worker found out and nobody could write down is found out again."""
    place = Folder(tmp_path / "bank")
    place.create(sample_files())
    app = build(place, ManualClock(at(3)), workers=workers, open_store=lambda f: Filling.open(f.database))
    assert isinstance(app.store, Filling)
    write_past(app.store, app.version, DAY, 2, InventedParameters(visitors_daily=60, surge_factor=1.0))
    app.store.is_full = True
    for turn in (app.nights.learn_once, app.nights.record_once):
        with pytest.raises(DiskFull):
            asyncio.run(turn())
    app.store.is_full = False
    asyncio.run(app.nights.learn_once())
    asyncio.run(app.nights.record_once())
    assert app.believed("wutong") != b""
    assert len(STAFFING_DAYS.between(app.store, ["wutong"], DAY - timedelta(days=9), DAY)) == 2
    app.store.close()

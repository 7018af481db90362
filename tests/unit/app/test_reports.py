"""A day's report found: kept, or worked out so far; and nothing brought into memory for it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from openhall.app.build import App, build
from openhall.app.folder import Folder
from openhall.app.reports import compared
from openhall.kernel.clock import ManualClock
from openhall.network.sample import sample_files
from openhall.rehearsal.invented import InventedParameters
from openhall.rehearsal.past import write_past
from tests.places import DAY, at


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    place = Folder(tmp_path / "bank")
    place.create(sample_files())
    made = build(place, ManualClock(at(3)))
    yield made
    made.store.close()


def test_a_day_that_is_over_is_told_without_being_brought_into_memory(app: App) -> None:
    write_past(app.store, app.version, DAY, 2, InventedParameters(visitors_daily=20, surge_factor=1.0))
    loaded, branch = app.book.streams_loaded_count, app.bank.branches[0]
    last = max(stream.day for stream in app.store.streams() if stream.place == branch.id)
    found = asyncio.run(compared(app, branch, last))
    assert found is not None
    assert found.report.all.joined > 0
    for ahead in (-30, 1, 400):
        assert asyncio.run(compared(app, branch, DAY + timedelta(days=ahead))) is None
    assert app.book.streams_loaded_count == loaded

"""What most tests of the records stand on: an empty database, a clock that stands still, drawn bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from openhall.kernel.clock import ManualClock
from openhall.log.sqlite import SqliteStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with SqliteStore.open(tmp_path / "bank.db") as store:
        yield store


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_800_000_000_000)


@pytest.fixture
def random_bytes() -> Callable[[int], bytes]:
    return Random(7).randbytes

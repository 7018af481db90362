"""What is written down of devices, and how often."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from random import Random

import pytest
from sqlalchemy import Connection

from openhall.access.devices import Device, DisplaySettings
from openhall.kernel.clock import MINUTE_MS, ManualClock
from openhall.log.devices import Devices
from openhall.log.sqlite import SqliteStore

START_MS = 1_800_000_000_000


class Counted:
    """A database that counts its transactions."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self.count = 0

    def reading(self) -> AbstractContextManager[Connection]:
        return self._store.reading()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        self.count += 1
        with self._store.transaction() as connection:
            yield connection


@pytest.fixture
def records(store: SqliteStore) -> Counted:
    return Counted(store)


def made(records: Counted, count: int) -> Devices:
    devices = Devices(records, ManualClock(START_MS), Random(1).randbytes)
    for number in range(count):
        found = devices.make(f"d{number}", "north", "display", f"Screen {number}", DisplaySettings(), by="me")
        assert isinstance(found, Device)
    records.count = 0
    return devices


def test_a_minute_of_every_screen_takes_one_transaction(records: Counted) -> None:
    """Each syncs the disk, and holds up the commits of the halls meanwhile."""
    devices = made(records, 40)
    devices.keep_seen({f"d{number}": START_MS + number for number in range(40)})
    assert records.count == 1
    again = Devices(records, ManualClock(START_MS), Random(1).randbytes)
    assert [again.find(f"d{number}") for number in range(40)] == [
        devices.find(f"d{number}") for number in range(40)
    ]
    assert {device.seen_ms for device in again.every()} == {START_MS + number for number in range(40)}


def test_who_was_heard_of_a_moment_ago_is_not_written_again(records: Counted) -> None:
    devices = made(records, 2)
    devices.keep_seen({"d0": START_MS, "d1": START_MS, "unknown": START_MS})
    devices.keep_seen({"d0": START_MS + MINUTE_MS - 1, "d1": START_MS + MINUTE_MS - 1})
    assert records.count == 1
    devices.keep_seen({"d0": START_MS + MINUTE_MS, "d1": START_MS + MINUTE_MS - 1})
    assert records.count == 2
    assert [device.seen_ms for device in devices.every()] == [START_MS + MINUTE_MS, START_MS]

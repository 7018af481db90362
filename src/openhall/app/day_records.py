"""Ended days as they were staffed: worked out in a worker process, kept by the one that owns the database."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from openhall.flows.staffing_day import StaffingDay, staffing_day
from openhall.kernel.event import StreamId
from openhall.log import staffing_days
from openhall.log.records import Records
from openhall.log.sqlite import SqliteStore


def work_out(database: str, streams: Sequence[StreamId]) -> bytes:
    """Read some streams of a log that another process owns; the days among them that have ended, as JSON."""
    with SqliteStore.open_to_read(Path(database)) as store:
        found = (staffing_day(stream, store.read(stream=stream)) for stream in streams)
        return msgspec.json.encode([day for day in found if day is not None])


def keep_worked_out(records: Records, answer: bytes) -> int:
    """Keep what `work_out` handed back; how many days it was."""
    return staffing_days.keep(records, msgspec.json.decode(answer, type=list[StaffingDay]))

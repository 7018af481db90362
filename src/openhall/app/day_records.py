"""What is kept of ended days: worked out in a worker process, kept by the one that owns the database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from openhall.flows.day_report import day_report
from openhall.flows.staffing_day import StaffingDay, staffing_day
from openhall.kernel.event import StreamId
from openhall.log.day_records import DAY_REPORTS, STAFFING_DAYS
from openhall.log.records import Records
from openhall.log.sqlite import SqliteStore
from openhall.review.report import DayReport


class WorkedOut(msgspec.Struct, frozen=True):
    """What some days came to."""

    staffing: list[StaffingDay]
    reports: list[DayReport]


def due(records: Records, streams: Iterable[StreamId]) -> list[StreamId]:
    """Those of some streams of which something is not kept yet."""
    listed = list(streams)
    wanted = {*STAFFING_DAYS.missing(records, listed), *DAY_REPORTS.missing(records, listed)}
    return [stream for stream in listed if stream in wanted]


def work_out(database: str, streams: Sequence[StreamId]) -> bytes:
    """Read some streams of a log that another process owns; the days among them that have ended, as JSON."""
    found = WorkedOut([], [])
    with SqliteStore.open_to_read(Path(database)) as store:
        for stream in streams:
            recorded = list(store.read(stream=stream))
            staffed, report = staffing_day(stream, recorded), day_report(stream, recorded)
            if staffed is not None and report is not None:
                found.staffing.append(staffed)
                found.reports.append(report)
    return msgspec.json.encode(found)


def keep_worked_out(records: Records, answer: bytes) -> int:
    """Keep what `work_out` handed back; how many days it was."""
    found = msgspec.json.decode(answer, type=WorkedOut)
    STAFFING_DAYS.keep(records, found.staffing)
    return DAY_REPORTS.keep(records, found.reports)

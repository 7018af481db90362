"""How each ended day was staffed, kept for the review [D7]: one row a branch and day, worked out from the
log once the day has ended; worked out again it is the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

import msgspec
from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert

from openhall.flows.staffing_day import StaffingDay
from openhall.kernel.event import StreamId
from openhall.log.records import Records
from openhall.log.schema import staffing_days

_decoder = msgspec.json.Decoder(StaffingDay)


def missing(records: Records, streams: Iterable[StreamId]) -> list[StreamId]:
    """Those of some streams whose day is not kept."""
    table = staffing_days
    with records.reading() as connection:
        kept = {(row.branch, row.day) for row in connection.execute(select(table.c.branch, table.c.day))}
    return [stream for stream in streams if (stream.place, stream.day.isoformat()) not in kept]


def keep(records: Records, days: Iterable[StaffingDay]) -> int:
    """Keep some days; how many there were."""
    rows = [
        {
            "branch": day.branch,
            "day": day.day.isoformat(),
            "plan_version": day.plan_version,
            "body": msgspec.json.encode(day),
        }
        for day in days
    ]
    if rows:
        with records.transaction() as connection:
            connection.execute(insert(staffing_days).on_conflict_do_nothing(), rows)
    return len(rows)


def between(records: Records, branches: Sequence[str], first: date, last: date) -> list[StaffingDay]:
    """The kept days of some branches, both dates included, by day and branch."""
    table = staffing_days
    query = (
        select(table.c.body)
        .where(
            table.c.branch.in_(branches), table.c.day >= first.isoformat(), table.c.day <= last.isoformat()
        )
        .order_by(table.c.day, table.c.branch)
    )
    with records.reading() as connection:
        return [_decoder.decode(body) for (body,) in connection.execute(query)]

"""What is kept of each ended day for the review [D7, H2]: one row a branch and day, worked out from the log
once the day has ended; worked out again it is the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final, Generic, Protocol, TypeVar

import msgspec
from sqlalchemy import Table, func, select
from sqlalchemy.dialects.sqlite import insert

from openhall.flows.staffing_day import StaffingDay
from openhall.kernel.event import StreamId
from openhall.log.records import Records
from openhall.log.schema import day_reports, staffing_days
from openhall.review.report import DayReport


class _OfDay(Protocol):
    @property
    def branch(self) -> str: ...
    @property
    def day(self) -> date: ...


Record = TypeVar("Record", bound=_OfDay)


class DayRecords(Generic[Record]):
    """One kind of record. Every method blocks on the database: call it in a thread."""

    def __init__(self, table: Table, kind: type[Record]) -> None:
        self._table = table
        self._decoder = msgspec.json.Decoder(kind)
        self._also = [c.name for c in table.columns if c.name not in {"branch", "day", "body"}]

    def missing(self, records: Records, streams: Iterable[StreamId]) -> list[StreamId]:
        """Those of some streams whose day is not kept."""
        columns = self._table.c
        with records.reading() as connection:
            kept = {(row.branch, row.day) for row in connection.execute(select(columns.branch, columns.day))}
        return [stream for stream in streams if (stream.place, stream.day.isoformat()) not in kept]

    def keep(self, records: Records, days: Iterable[Record]) -> int:
        """Keep some days; how many there were."""
        rows = [
            {
                "branch": day.branch,
                "day": day.day.isoformat(),
                "body": msgspec.json.encode(day),
                **{name: getattr(day, name) for name in self._also},
            }
            for day in days
        ]
        if rows:
            with records.transaction() as connection:
                connection.execute(insert(self._table).on_conflict_do_nothing(), rows)
        return len(rows)

    def between(self, records: Records, branches: Sequence[str], first: date, last: date) -> list[Record]:
        """The kept days of some branches, both dates included, by day and branch."""
        columns = self._table.c
        dates = (columns.day >= first.isoformat(), columns.day <= last.isoformat())
        query = select(columns.body).where(columns.branch.in_(branches), *dates)
        with records.reading() as connection:
            found = connection.execute(query.order_by(columns.day, columns.branch))
            return [self._decoder.decode(body) for (body,) in found]

    def last(self, records: Records, until: date, branch: str = "") -> date | None:
        """The last kept day up to a date, of one branch or of any."""
        columns = self._table.c
        wanted = [columns.day <= until.isoformat(), *([columns.branch == branch] if branch else [])]
        with records.reading() as connection:
            found = connection.execute(select(func.max(columns.day)).where(*wanted)).scalar()
        return date.fromisoformat(found) if found else None


STAFFING_DAYS: Final = DayRecords(staffing_days, StaffingDay)
"""How each day was staffed."""
DAY_REPORTS: Final = DayRecords(day_reports, DayReport)
"""What each day came to."""

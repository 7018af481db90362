"""Reads one queue's day from the Warsaw files: five-minute snapshots and the tickets reconstructed from them.

What the files say, and what is made of it here:

- A ticket was issued in (issued_after, issued_by]. The n tickets of one such interval join at its n middle
  points, in ticket order: the k-th at issued_after + (2k - 1) / 2n of its length.
- A snapshot's count of open counters holds till the next snapshot. Counts have no identities: the counters
  are numbered from 1, the lowest free number opens, the highest open number closes, after its customer.
- The counters are shared between queues, so after the last recorded call the counts no longer speak of this
  queue: the counters that were open then stay till nobody is pending.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from openhall.kernel.clock import MINUTE_MS, from_datetime
from openhall.kernel.trouble import Trouble
from openhall.rehearsal.recorded.day import Interval, RecordedDay, RecordedTicket, Spell

SNAPSHOTS_FILE = "snapshots.parquet"
TICKETS_FILE = "tickets_reconstructed.parquet"
TIMEZONE = "Europe/Warsaw"
DOORS_CLOSE_AFTER_MS = MINUTE_MS
"""Doors close this long after the last ticket: the files show no doors."""


class RecordingMissing(Trouble):
    """The files do not hold what was asked for."""

    code = "recording_missing"
    remedy = "Check the folder, the office, the queue and the date."


class Reading:
    """One snapshot of the queue."""

    __slots__ = ("at_ms", "called", "open_counters", "waiting")

    def __init__(
        self, at: datetime, open_counters: int | None, waiting: int | None, called: int | None
    ) -> None:
        self.at_ms = from_datetime(at.replace(tzinfo=ZoneInfo(TIMEZONE)))
        self.open_counters = max(0, open_counters or 0)
        self.waiting = max(0, waiting or 0)
        self.called = called or 0


def read_warsaw(folder: Path, *, office: str, queue: int, day: date) -> RecordedDay:
    """One queue's day, with the other days of the same queue beside it.

    Raises `RecordingMissing` when the folder lacks the files or the files lack the queue or the day.
    """
    for name in (SNAPSHOTS_FILE, TICKETS_FILE):
        if not (folder / name).is_file():
            raise RecordingMissing(f"There is no {name} in {folder}", place=str(folder))
    readings = _readings(folder, office, queue)
    tickets = _tickets(folder, office, queue, day)
    if day not in readings or not tickets:
        known = ", ".join(str(d) for d in readings) or "none"
        raise RecordingMissing(
            f"No tickets of {office} queue {queue} on {day}; days with readings: {known}", place=str(folder)
        )
    of_day = readings[day]
    intervals = intervals_of(of_day)
    spells = spells_of(intervals)
    service = tickets[0].service
    return RecordedDay(
        source="warsaw_hall",
        place=office,
        day=day,
        timezone=TIMEZONE,
        tickets=tuple(tickets),
        spells=tuple(spells),
        services_at={spell.counter: (service,) for spell in sorted(spells, key=lambda s: int(s.counter[1:]))},
        intervals=tuple(intervals),
        other_days=tuple(
            tuple(intervals_of(other)) for other_day, other in readings.items() if other_day != day
        ),
        opens_ms=min(of_day[0].at_ms, tickets[0].joined_ms),
        closes_ms=tickets[-1].joined_ms + DOORS_CLOSE_AFTER_MS,
    )


def _readings(folder: Path, office: str, queue: int) -> dict[date, list[Reading]]:
    frame = (
        pl.scan_parquet(folder / SNAPSHOTS_FILE)
        .filter((pl.col("office") == office) & (pl.col("queue_id") == queue))
        .select("ts", "open_counters", "waiting", "called_no")
        .collect()
        .sort("ts")
    )
    days: dict[date, list[Reading]] = {}
    for at, open_counters, waiting, called in frame.iter_rows():
        days.setdefault(at.date(), []).append(Reading(at, open_counters, waiting, called))
    return days


def _tickets(folder: Path, office: str, queue: int, day: date) -> list[RecordedTicket]:
    frame = (
        pl.scan_parquet(folder / TICKETS_FILE)
        .filter(
            (pl.col("office") == office) & (pl.col("queue_id") == queue) & (pl.col("date").dt.date() == day)
        )
        .select(
            pl.col("service").cast(pl.String),
            "ticket_no",
            "issued_after",
            "issued_by",
            "called_after",
            "called_by",
            "wait_min_mid",
        )
        .collect()
        .sort("ticket_no")
    )
    rows = frame.rows(named=True)
    joined = spread([(row["issued_after"], row["issued_by"]) for row in rows])
    return [
        RecordedTicket(
            number=str(row["ticket_no"]),
            joined_ms=joined_ms,
            service=row["service"],
            called_ms=(_ms(row["called_after"]) + _ms(row["called_by"])) // 2,
            wait_minutes=row["wait_min_mid"],
        )
        for row, joined_ms in zip(rows, joined, strict=True)
    ]


def spread(bounds: list[tuple[datetime | None, datetime]]) -> list[int]:
    """A moment of joining for each ticket, in ticket order; an interval without a beginning is a moment."""
    groups: dict[tuple[datetime | None, datetime], int] = {}
    for bound in bounds:
        groups[bound] = groups.get(bound, 0) + 1
    seen: dict[tuple[datetime | None, datetime], int] = {}
    moments: list[int] = []
    for after, by in bounds:
        seen[after, by] = k = seen.get((after, by), 0) + 1
        from_ms = _ms(after or by)
        moment = from_ms + (_ms(by) - from_ms) * (2 * k - 1) // (2 * groups[after, by])
        moments.append(max(moment, moments[-1]) if moments else moment)
    return moments


def intervals_of(readings: list[Reading]) -> list[Interval]:
    """What happened between each two readings; a number called that falls counts as no call."""
    intervals, called = [], 0
    for before, after in pairwise(readings):
        called = max(called, before.called)
        intervals.append(
            Interval(
                before.at_ms,
                after.at_ms,
                before.open_counters,
                max(0, after.called - called),
                before.waiting,
                after.waiting,
            )
        )
    return intervals


def spells_of(intervals: Iterable[Interval]) -> list[Spell]:
    """Counters with identities, from counts without: last opened, first closed.

    The counters of the last interval with calls stay (at least one). An interval with calls and no counter
    has one.
    """
    seen = list(intervals)
    last = max((n for n, i in enumerate(seen) if i.calls), default=len(seen) - 1)
    open_since: list[int] = []
    spells: list[Spell] = []
    for number, interval in enumerate(seen[: last + 1]):
        needed = interval.open_counters
        if (interval.calls or number == last) and not needed:
            needed = 1
        while len(open_since) > needed:
            spells.append(Spell(f"C{len(open_since)}", open_since.pop(), interval.from_ms))
        while len(open_since) < needed:
            open_since.append(interval.from_ms)
    spells += [Spell(f"C{number}", since, None) for number, since in enumerate(open_since, 1)]
    return sorted(spells, key=lambda spell: (spell.opens_ms, int(spell.counter[1:])))


def _ms(moment: datetime) -> int:
    return from_datetime(moment.replace(tzinfo=ZoneInfo(TIMEZONE)))

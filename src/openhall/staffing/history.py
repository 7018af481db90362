"""Who came on past days: plain counts that travel to a worker, and how they are read from a file.

A file has the columns `date`, `time`, `service`, `count`; a branch's own log needs none.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import date, timedelta

import msgspec

from openhall.kernel.trouble import Trouble
from openhall.network.calendar import hours_on, services_at
from openhall.network.model import Bank, Branch

COLUMNS = ("date", "time", "service", "count")
DAYS_USED = 400
DAYS_LEAST = 10
"""With fewer days the assumptions hold: a forecast of less is a guess that looks like knowledge."""


class HistoryUnusable(Trouble):
    """A line of the history is not as expected."""

    code = "history_unusable"
    remedy = "Correct the line that is named, or leave its day out: a day without lines is not observed."


def _unusable(what: str, place: str) -> HistoryUnusable:
    return HistoryUnusable(f"{place}: {what}", place=place)


class DayCounts(msgspec.Struct, frozen=True):
    """Who joined on one day, by service, interval by interval from the opening."""

    day: date
    counts: dict[str, tuple[int, ...]]


class PastDays(msgspec.Struct, frozen=True):
    """A branch's past.

    `service_minutes` and `green_share` are what the counters showed, where they showed enough.
    """

    days: tuple[DayCounts, ...] = ()
    service_minutes: dict[str, float] = {}
    green_share: float | None = None

    @property
    def is_enough(self) -> bool:
        """Whether a forecast can be made of it."""
        return len(self.days) >= DAYS_LEAST


def day_counts(bank: Bank, branch: Branch, day: date, joined: Mapping[str, list[int]]) -> DayCounts | None:
    """Moments of joining, as minutes of the day by service, on the day's intervals; None for a closed day.

    Who is given a ticket before the doors open counts in the first interval, and after closing in the last.
    """
    hours = hours_on(branch, day)
    if hours is None:
        return None
    step = bank.staffing.interval_minutes
    count = -(-hours.minutes // step)
    found = {}
    for service in services_at(bank, branch):
        row = [0] * count
        for minute in joined.get(service.id, []):
            row[min(count - 1, max(0, (minute - hours.opens_minute) // step))] += 1
        found[service.id] = tuple(row)
    return DayCounts(day, found)


def holes(branch: Branch, past: PastDays) -> int:
    """Open days between the first and the last that have no counts."""
    if not past.days:
        return 0
    known = {each.day for each in past.days}
    first, last = min(known), max(known)
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return sum(hours_on(branch, day) is not None and day not in known for day in days)


def read_history(text: str, bank: Bank, branch: Branch) -> PastDays:
    """The past of a branch from a file's text. Raises `HistoryUnusable` with the line at fault."""
    rows = csv.DictReader(io.StringIO(text))
    if tuple(rows.fieldnames or ()) != COLUMNS:
        raise _unusable(f"Expected the columns {','.join(COLUMNS)}", "line 1")
    services = {service.id for service in services_at(bank, branch)}
    joined: dict[date, dict[str, list[int]]] = {}
    seen: set[tuple[str, str, str]] = set()
    for line, row in enumerate(rows, start=2):
        place = f"line {line}"
        try:
            day = date.fromisoformat(row["date"])
            hour, minute = (int(part) for part in row["time"].split(":"))
            count = int(row["count"])
        except (TypeError, ValueError) as error:
            raise _unusable(
                f"Expected a date as 2026-11-23, a time as 09:15 and a whole number: {error}", place
            ) from error
        if row["service"] not in services:
            known = ", ".join(sorted(services))
            raise _unusable(f"Expected one of {known}, got {row['service']}", place)
        key = (row["date"], row["time"], row["service"])
        if key in seen:
            raise _unusable("This interval is given twice", place)
        seen.add(key)
        if count < 0 or not (0 <= hour < 24 and 0 <= minute < 60):
            raise _unusable("Expected nobody or more, between 00:00 and 23:59", place)
        if count and hours_on(branch, day) is None:
            raise _unusable(f"People are counted while the branch is closed: {day}", place)
        joined.setdefault(day, {}).setdefault(row["service"], []).extend([hour * 60 + minute] * count)
    days = [day_counts(bank, branch, day, by_service) for day, by_service in sorted(joined.items())]
    return PastDays(tuple(each for each in days if each is not None)[-DAYS_USED:])

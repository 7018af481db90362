"""Time as whole milliseconds since 1970-01-01 UTC, and the business day it falls on."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


class Clock(Protocol):
    """Tells the time. The only source of "now" below the doors."""

    def now_ms(self) -> int:
        """Milliseconds since the epoch, UTC."""
        ...


class ManualClock:
    """A clock that stands still until somebody moves it: rehearsals and tests."""

    def __init__(self, start_ms: int) -> None:
        self._now_ms = start_ms

    def now_ms(self) -> int:
        """The time it was last set to."""
        return self._now_ms

    def set(self, now_ms: int) -> None:
        """Jump to a moment, forwards or (to rehearse a broken clock) backwards."""
        self._now_ms = now_ms

    def advance(self, by_ms: int) -> None:
        """Move on by so many milliseconds."""
        self._now_ms += by_ms


def to_datetime(at_ms: int, zone: ZoneInfo) -> datetime:
    """Local, aware datetime of a moment; for the doors only."""
    return datetime.fromtimestamp(at_ms / SECOND_MS, tz=zone)


def from_datetime(moment: datetime) -> int:
    """Milliseconds of an aware datetime."""
    if moment.tzinfo is None:
        raise ValueError("Expected an aware datetime, got one without a time zone")
    return round(moment.astimezone(UTC).timestamp() * SECOND_MS)


def local_ms(day: date, minute_of_day: int, zone: ZoneInfo) -> int:
    """The moment of a wall-clock minute (0-1440) on a local day."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    hours, minutes = divmod(minute_of_day, 60)
    if hours == 24:
        return local_ms(date.fromordinal(day.toordinal() + 1), minutes, zone)
    return from_datetime(midnight.replace(hour=hours, minute=minutes))


def business_day(at_ms: int, zone: ZoneInfo) -> date:
    """The branch's calendar day on which a moment falls."""
    return to_datetime(at_ms, zone).date()

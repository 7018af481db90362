"""What holds on a day: hours, regime, limits, and the moments at which the doors move."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import msgspec

from openhall.kernel.clock import MINUTE_MS, local_ms
from openhall.network.hours import Hours
from openhall.network.model import Bank, Branch, DayException, Regime, Service


class Moments(msgspec.Struct, frozen=True):
    """The planned moments of an open day, in milliseconds since the epoch."""

    checkin_ms: int
    """Check-in at the door begins [B4]; that order holds at opening."""
    opens_ms: int
    closes_ms: int


def exception_on(branch: Branch, day: date) -> DayException | None:
    """What makes the day differ from its weekday, if anything does."""
    return next((e for e in branch.exceptions if e.date == day), None)


def hours_on(branch: Branch, day: date) -> Hours | None:
    """The hours of a day; None on a closed day."""
    exception = exception_on(branch, day)
    return exception.hours if exception else branch.week[day.weekday()]


def is_open_on(branch: Branch, day: date) -> bool:
    """Does the branch open at all on that day?"""
    return hours_on(branch, day) is not None


def regime_on(bank: Bank, branch_id: str, day: date) -> Regime:
    """The regime of a branch on a day: its own period, else the whole bank's, else the first regime."""
    regimes = {regime.id: regime for regime in bank.regimes}
    on_day = [p for p in bank.periods if p.first <= day <= p.last]
    for period in on_day:
        if branch_id in period.branches:
            return regimes[period.regime]
    for period in on_day:
        if not period.branches:
            return regimes[period.regime]
    return bank.regimes[0]


def inside_limit(branch: Branch, regime: Regime) -> int | None:
    """People inside at one time; None without a limit.

    Of two limits the smaller holds: a branch knows its room, a regime knows the danger.
    """
    limits = [n for n in (branch.inside_limit, regime.entry.inside_limit) if n is not None]
    return min(limits, default=None)


def tickets_daily(branch: Branch, regime: Regime) -> int | None:
    """The cap on tickets of a day [C10]: the branch's own, else the regime's; None without one."""
    return branch.tickets_daily if branch.tickets_daily is not None else regime.capacity.tickets_daily


def services_at(bank: Bank, branch: Branch) -> tuple[Service, ...]:
    """The services that a branch offers: those of its counters, in the bank's order."""
    offered = {service_id for counter in branch.counters for service_id in counter.services}
    return tuple(service for service in bank.services if service.id in offered)


def moments_on(bank: Bank, branch: Branch, day: date) -> Moments | None:
    """When check-in begins and the doors open and close; None on a closed day.

    Doors follow the clock on the wall, also on the day on which it is put forward or back. Check-in begins so
    many real minutes before the doors.
    """
    hours = hours_on(branch, day)
    if hours is None:
        return None
    zone = ZoneInfo(branch.timezone)
    opens_ms = local_ms(day, hours.opens_minute, zone)
    lead_ms = regime_on(bank, branch.id, day).entry.checkin_minutes_before * MINUTE_MS
    return Moments(opens_ms - lead_ms, opens_ms, local_ms(day, hours.closes_minute, zone))

"""Appointments as arithmetic: which slots there are, what they count for in the order, their codes [C17].

The hall keeps a share of its windows' time for those who walk in, and gives who booked a head start of a
stated length and no more: so both sides know what they can rely on (record 0023).
"""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from itertools import pairwise
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec

from openhall.kernel.clock import HOUR_MS, MINUTE_MS, local_ms, to_datetime
from openhall.network.calendar import Moments
from openhall.network.hall_policies import AppointmentPolicy
from openhall.network.model import Branch, Service

CODE_DIGITS = 5
"""After the four digits of the day: among a hundred bookings of a day a guess is right once in a thousand."""

STILL_USEFUL_MS = 30 * MINUTE_MS
"""A reminder that comes later than so long before the appointment is none."""
BEFORE_QUIET_MS = 15 * MINUTE_MS
"""What the night would swallow goes out so long before it begins."""

_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
_Moment = Annotated[int, msgspec.Meta(ge=0, le=4_102_444_800_000)]


class ServicePlaces(msgspec.Struct, frozen=True):
    """How many can book a service, slot by slot."""

    service_id: _Id
    places: Annotated[tuple[Annotated[int, msgspec.Meta(ge=0, le=1_000)], ...], msgspec.Meta(max_length=300)]


class BookingTerms(msgspec.Struct, frozen=True):
    """What can be booked on one day. Times are ms since the epoch."""

    first_ms: _Moment
    slot_ms: Annotated[int, msgspec.Meta(ge=MINUTE_MS, le=8 * 60 * MINUTE_MS)]
    services: Annotated[tuple[ServicePlaces, ...], msgspec.Meta(max_length=50)]

    def slots_ms(self) -> tuple[int, ...]:
        """When the slots begin."""
        count = max((len(service.places) for service in self.services), default=0)
        return tuple(self.first_ms + number * self.slot_ms for number in range(count))

    def places(self, service_id: str, at_ms: int) -> int | None:
        """How many can book a service at a moment; None where there is no such slot."""
        number, rest = divmod(at_ms - self.first_ms, self.slot_ms)
        places = next((each.places for each in self.services if each.service_id == service_id), ())
        return places[number] if not rest and 0 <= number < len(places) else None


def terms_of(
    policy: AppointmentPolicy, branch: Branch, services: tuple[Service, ...], moments: Moments
) -> BookingTerms | None:
    """What a branch offers on a day with these hours; None where nothing can be booked.

    A window that serves several services counts for each of them in equal parts, so that the booked work of
    all services together stays within the share. Elastic windows and those of single classes do not count.
    Of a service for which a slot's share is less than one customer, one is bookable every so many slots: up
    to the end of any slot at most share * time * windows / mean service time have been booked.
    """
    slot_ms = policy.slot_minutes * MINUTE_MS
    count = (moments.closes_ms - moments.opens_ms) // slot_ms
    windows = dict.fromkeys((service.id for service in services), 0.0)
    for counter in branch.counters:
        if not counter.is_elastic and not counter.classes:
            for service_id in counter.services:
                windows[service_id] += 1 / len(counter.services)
    found = []
    for service in services:
        if policy.services and service.id not in policy.services:
            continue
        rate = policy.share_percent / 100 * policy.slot_minutes * windows[service.id] / service.mean_minutes
        # A little is added because a third of a window, thrice, must make a whole one.
        upto = [int(rate * number + 1e-9) for number in range(count + 1)]
        places = tuple(after - before for before, after in pairwise(upto))
        if any(places):
            found.append(ServicePlaces(service.id, places))
    return BookingTerms(moments.opens_ms, slot_ms, tuple(found)) if found else None


def counts_from_ms(policy: AppointmentPolicy, *, at_ms: int, arrived_ms: int) -> int:
    """From when on somebody with an appointment counts in the order, who came at that moment; 0 when the
    appointment gives nothing.

    On time it is the appointment less the head start, which nobody gains by coming early. A late minute moves
    it on by two, so that what is left of the head start shrinks by one and never exceeds what was stated.
    """
    head_start_ms, late_ms = policy.head_start_minutes * MINUTE_MS, arrived_ms - at_ms
    if late_ms <= 0:
        return at_ms - head_start_ms
    if late_ms > policy.late_minutes * MINUTE_MS or policy.when_late == "walk_in":
        return 0
    if policy.when_late == "keep":
        return at_ms - head_start_ms
    return arrived_ms - max(0, head_start_ms - late_ms)


def head_start_most_ms(policy: AppointmentPolicy) -> int:
    """The longest by which an appointment counts as having come before its holder really did."""
    if not policy.share_percent:
        return 0
    late = policy.late_minutes if policy.when_late == "keep" else 0
    return (policy.head_start_minutes + late) * MINUTE_MS


def reminders(
    policy: AppointmentPolicy, *, at_ms: int, booked_ms: int, zone: ZoneInfo
) -> list[tuple[int, int]]:
    """(moment, hours before) of each reminder of an appointment, in order; none that lies before the booking.

    A moment in the quiet hours moves to their end where that is still of use, else to before they begin.
    """
    each = {(_in_waking_hours(policy, at_ms - h * HOUR_MS, at_ms, zone), h) for h in policy.reminder_hours}
    return sorted(found for found in each if found[0] > booked_ms)


def _in_waking_hours(policy: AppointmentPolicy, moment_ms: int, at_ms: int, zone: ZoneInfo) -> int:
    awake_ms = waking_ms(policy, moment_ms, zone)
    if awake_ms <= at_ms - STILL_USEFUL_MS:
        return awake_ms
    moment = to_datetime(moment_ms, zone)
    is_morning = moment.hour < policy.reminders_from_hour
    evening = moment.date() - timedelta(days=is_morning)
    return local_ms(evening, policy.reminders_until_hour * 60, zone) - BEFORE_QUIET_MS


def waking_ms(policy: AppointmentPolicy, moment_ms: int, zone: ZoneInfo) -> int:
    """The moment itself, or when the quiet hours that it lies in end."""
    moment = to_datetime(moment_ms, zone)
    if moment.hour < policy.reminders_from_hour:
        return local_ms(moment.date(), policy.reminders_from_hour * 60, zone)
    if moment.hour < policy.reminders_until_hour:
        return moment_ms
    return local_ms(moment.date() + timedelta(days=1), policy.reminders_from_hour * 60, zone)


def code_of(salt: str, day: date, number: int) -> str:
    """The code of a day's so-manieth booking: the day's month and day, and five digits that do not follow
    from those of another."""
    digest = hashlib.sha256(f"{salt}/{day.isoformat()}/{number}".encode()).digest()
    return f"{day:%m%d}{int.from_bytes(digest[:8]) % 10**CODE_DIGITS:0{CODE_DIGITS}d}"


def read_code(text: str) -> str:
    """A code as somebody typed it, without blanks and hyphens; empty when it cannot be one."""
    digits = "".join(text.split()).replace("-", "")
    return digits if len(digits) == 4 + CODE_DIGITS and digits.isascii() and digits.isdigit() else ""

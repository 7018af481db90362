"""A recorded day as data, whatever file it came from, and what can be asked of it."""

from __future__ import annotations

import re
from datetime import date
from typing import Literal

import msgspec

from openhall.hall.policy import DayRules, Staff
from openhall.kernel.text import Text
from openhall.network.model import (
    Branch,
    CallPolicy,
    Counter,
    EntryPolicy,
    HoldPolicy,
    Need,
    OrderPolicy,
    PriorityClass,
    Regime,
    Service,
)

PaceKind = Literal["interval", "day_mean", "other_days"]
Ending = Literal["served", "no_show", "reneged", "diverted"]

COUNTERS_MAX = 200
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


class RecordedTicket(msgspec.Struct, frozen=True):
    """One ticket as recorded. Times are ms since the epoch; None means that the record does not say."""

    number: str
    joined_ms: int
    service: str
    class_code: str = ""
    outcome: Ending = "served"
    called_ms: int | None = None
    service_ms: int | None = None
    """Its own time at the counter."""
    ended_ms: int | None = None
    wait_minutes: float | None = None
    """The recorded wait, as precisely as the record knows it."""


class Spell(msgspec.Struct, frozen=True):
    """A counter that was open for a while. No closing time: till nobody is pending."""

    counter: str
    opens_ms: int
    closes_ms: int | None


class Interval(msgspec.Struct, frozen=True):
    """What was seen between two readings: counters open, calls made, people waiting at both ends."""

    from_ms: int
    to_ms: int
    open_counters: int
    calls: int
    waiting_before: int
    waiting_after: int

    @property
    def counter_ms(self) -> int:
        """Counter time in it."""
        return (self.to_ms - self.from_ms) * self.open_counters

    @property
    def is_busy(self) -> bool:
        """People were waiting all through, as far as the readings show: only then is counter time work."""
        return self.waiting_before > 0 and self.waiting_after > 0


class RecordedDay(msgspec.Struct, frozen=True):
    """A day ready to be rehearsed."""

    source: str
    place: str
    day: date
    timezone: str
    tickets: tuple[RecordedTicket, ...]
    """In order of joining."""
    spells: tuple[Spell, ...]
    services_at: dict[str, tuple[str, ...]]
    """Services of each counter."""
    intervals: tuple[Interval, ...]
    other_days: tuple[tuple[Interval, ...], ...] = ()
    """The intervals of the same queue's other days, from which another pace can be learned."""
    opens_ms: int = 0
    closes_ms: int = 0
    """After the last ticket was issued."""

    @property
    def services(self) -> tuple[str, ...]:
        """Services in order of their first ticket."""
        return tuple(dict.fromkeys(ticket.service for ticket in self.tickets))

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes in order of their first ticket, the ordinary one (no code) first."""
        return tuple(dict.fromkeys(["", *(ticket.class_code for ticket in self.tickets)]))


class RecordedParameters(msgspec.Struct, frozen=True):
    """How a recorded day is rehearsed.

    Parameters
    ----------
    pace : where service times come from for tickets that have none of their own. `interval`: the day's own
        calling pace about the moment of the call. `day_mean`: one mean for the whole day. `other_days`: the
        pace of the same queue's other days at that time of day.
    window_minutes : width of the window, centred on the call, over which the pace is taken (`interval`) and
        width of the steps of the day (`other_days`).
    window_calls_at_least : calls that a window needs; it is widened until it has them.
    extra_counters : counters opened besides the recorded ones, for every service.
    extra_from : local time HH:MM at which they open; they stay till nobody is pending.
    head_start_minutes : by class code, for a ticket log with classes; a class that is not named has none.
    """

    pace: PaceKind = "interval"
    window_minutes: int = 30
    window_calls_at_least: int = 4
    extra_counters: int = 0
    extra_from: str = "09:00"
    head_start_minutes: dict[str, int] = {}

    def __post_init__(self) -> None:
        if self.pace not in ("interval", "day_mean", "other_days"):
            raise ValueError(f"Expected pace interval, day_mean or other_days, got {self.pace!r}")
        if not 1 <= self.window_minutes <= 240:
            raise ValueError(f"Expected window_minutes between 1 and 240, got {self.window_minutes}")
        if self.window_calls_at_least < 1:
            raise ValueError(f"Expected window_calls_at_least of 1 or more, got {self.window_calls_at_least}")
        if not 0 <= self.extra_counters <= COUNTERS_MAX:
            raise ValueError(
                f"Expected extra_counters between 0 and {COUNTERS_MAX}, got {self.extra_counters}"
            )
        if not _TIME.fullmatch(self.extra_from):
            raise ValueError(f"Expected extra_from as HH:MM, got {self.extra_from!r}")
        if any(not 0 <= minutes <= 240 for minutes in self.head_start_minutes.values()):
            raise ValueError(f"Expected head_start_minutes between 0 and 240, got {self.head_start_minutes}")

    @property
    def extra_minute(self) -> int:
        """Minute of the local day at which extra counters open."""
        hours, minutes = self.extra_from.split(":")
        return int(hours) * 60 + int(minutes)


ORDINARY = "ordinary"


def class_code(recorded: str) -> str:
    """The class of the hall that a recorded class becomes."""
    return recorded or ORDINARY


def rules_of(day: RecordedDay, parameters: RecordedParameters, spells: tuple[Spell, ...]) -> DayRules:
    """Rules under which the recorded day can be gone through: its counters, its services, its classes.

    A record shows neither names nor policies: there is one teller a counter, no cap, no entry check.
    """
    services_at = day.services_at | {
        spell.counter: day.services for spell in spells if spell.counter not in day.services_at
    }
    counters = tuple(
        Counter(counter, number, services_at[counter]) for number, counter in enumerate(services_at, 1)
    )
    return DayRules(
        network_version="recorded",
        branch=Branch(day.place, same(day.place), same(""), day.timezone, (None,) * 7, counters),
        services=tuple(
            Service(name, letter(number), same(name), (Need("any", same("any")),), 5.0)
            for number, name in enumerate(day.services)
        ),
        classes=tuple(
            PriorityClass(
                class_code(name),
                same(class_code(name)),
                head_start_minutes=parameters.head_start_minutes.get(name, 0),
            )
            for name in day.classes
        ),
        staff=tuple(Staff(teller_of(counter.id), counter.services, ("teller",)) for counter in counters),
        regime=Regime("recorded", same("recorded"), EntryPolicy(is_check_required=False)),
        triage=(),
        order=OrderPolicy(),
        hold=HoldPolicy(),
        call=CallPolicy(),
        checkin_opens_ms=min(day.opens_ms, day.tickets[0].joined_ms),
        opens_ms=day.opens_ms,
        closes_ms=day.closes_ms,
    )


def teller_of(counter_id: str) -> str:
    """The one who sits at a recorded counter."""
    return f"teller-{counter_id}"


def same(name: str) -> Text:
    """A recorded name, which is in one language only."""
    return Text(en=name, zh=name)


def letter(number: int) -> str:
    """A, B, ..., Z, AA, AB, ...: the letters of the services, from 0.

    >>> letter(0), letter(25), letter(26)
    ('A', 'Z', 'AA')
    """
    above, below = divmod(number, 26)
    return (letter(above - 1) if above else "") + chr(ord("A") + below)

"""The hall's decisions as pure functions: the order, the limits, the offers, the wait."""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt

import msgspec

from openhall.hall.booking import head_start_most_ms
from openhall.hall.told import WaitSource
from openhall.kernel.clock import MINUTE_MS
from openhall.network import calendar
from openhall.network.hall_policies import AppointmentPolicy, AutoCallPolicy, RingPolicy
from openhall.network.model import (
    Branch,
    CallPolicy,
    Counter,
    Handling,
    HoldPolicy,
    OrderPolicy,
    Person,
    Post,
    PriorityClass,
    Regime,
    Service,
    TriageRule,
    WaitPolicy,
)

Key = tuple[int, int, int]
"""A place in the order: (rank, effective time of joining in ms, sequence number of the joining event)."""

FETCHED: frozenset[Handling] = frozenset({"escort", "step_free", "accompany", "written"})
"""Handlings for which a colleague goes to fetch the customer when the number is called [C5]."""


class Staff(msgspec.Struct, frozen=True):
    """Somebody on duty, without the name: the log knows ids only."""

    id: str
    skills: tuple[str, ...]
    posts: tuple[Post, ...]
    can_be_lent: bool = False

    @classmethod
    def of(cls, person: Person) -> Staff:
        """The part of a person that the day's rules need."""
        return cls(person.id, person.skills, person.posts, person.can_be_lent)


class DayRules(msgspec.Struct, frozen=True):
    """Everything the hall's decisions depend on, bound to a day when it opens.

    It travels inside `DayOpened`, so that a day can be replayed without anything else.
    Times are milliseconds since the epoch.
    """

    network_version: str
    branch: Branch
    services: tuple[Service, ...]
    classes: tuple[PriorityClass, ...]
    staff: tuple[Staff, ...]
    regime: Regime
    triage: tuple[TriageRule, ...]
    order: OrderPolicy
    hold: HoldPolicy
    call: CallPolicy
    checkin_opens_ms: int
    opens_ms: int
    closes_ms: int
    pause_reasons: tuple[str, ...] = ()
    lessons: tuple[str, ...] = ()
    waits: WaitPolicy = WaitPolicy()
    appointments: AppointmentPolicy = AppointmentPolicy()
    auto_call: AutoCallPolicy = AutoCallPolicy()
    ring: RingPolicy = RingPolicy()

    @property
    def tickets_daily(self) -> int | None:
        """How many tickets the day may have."""
        return calendar.tickets_daily(self.branch, self.regime)

    @property
    def inside_limit(self) -> int | None:
        """People inside at one time."""
        return calendar.inside_limit(self.branch, self.regime)


def place_in_order(
    order: OrderPolicy,
    class_: PriorityClass,
    *,
    joined_ms: int,
    joined_seq: int,
    counts_from_ms: int = 0,
) -> Key:
    """The key of a ticket: smaller is called first.

    Under head starts the key is the time of joining minus the class's head start. It follows that a customer
    can be overtaken only by somebody who joined less than `overtaking_bound_ms` later: arithmetic,
    not of luck. Under strict classes the rank comes first and there is no such bound.
    Who has an appointment counts from `counts_from_ms` where that is sooner; the two are never added.
    Ties go to the smaller sequence number, which is unique in a branch-day, so the order is total.
    """
    is_strict = order.kind == "strict"
    own_ms = joined_ms if is_strict else joined_ms - class_.head_start_minutes * MINUTE_MS
    from_ms = min(own_ms, counts_from_ms) if counts_from_ms else own_ms
    return (class_.rank if is_strict else 0, from_ms, joined_seq)


def overtaking_bound_ms(
    order: OrderPolicy,
    classes: Iterable[PriorityClass],
    own: PriorityClass,
    appointments: AppointmentPolicy,
) -> int | None:
    """Nobody who joins that much later than a customer of class `own` is called earlier by the order, with
    an appointment or without; who has one joins when checking in.

    None means that there is no bound (strict classes, with a class of smaller rank).
    """
    booked_ms = head_start_most_ms(appointments)
    if order.kind == "strict":
        return None if any(c.rank < own.rank for c in classes) else booked_ms
    longest_ms = max(booked_ms, *(c.head_start_minutes * MINUTE_MS for c in classes))
    return max(0, longest_ms - own.head_start_minutes * MINUTE_MS)


def calls_by_itself(rules: DayRules, counter: Counter) -> bool:
    """Whether a free counter gets its next customer without a key pressed: as the counter says, else the
    branch, else the bank."""
    own = (counter.is_auto_call, rules.branch.is_auto_call)
    return next((each for each in own if each is not None), rules.auto_call.is_on)


def is_fetched(handling: Iterable[Handling]) -> bool:
    """Whether a call first makes an escort task."""
    return not FETCHED.isdisjoint(handling)


def grace_ms(call: CallPolicy, handling: Iterable[Handling]) -> int:
    """How long a called customer may take to appear."""
    return (call.grace_seconds_flagged if is_fetched(handling) else call.grace_seconds) * 1_000


def shown_ms(call: CallPolicy, handling: Iterable[Handling]) -> int:
    """How long a call stays in sight at least."""
    return (call.shown_seconds_written if "written" in handling else call.shown_seconds) * 1_000


def offers(
    rules: Iterable[TriageRule], *, need: str, has_card: bool, amount_minor: int | None
) -> list[TriageRule]:
    """The triage rules whose conditions all hold. An unknown amount never satisfies a limit."""
    return [
        rule
        for rule in rules
        if need in rule.needs
        and (has_card or not rule.requires_card)
        and (
            rule.amount_at_most_minor is None
            or (amount_minor is not None and amount_minor <= rule.amount_at_most_minor)
        )
    ]


class Wait(msgspec.Struct, frozen=True):
    """What a customer is told: people ahead, and an interval in which the call is likely to come."""

    people_ahead: int
    low_ms: int
    high_ms: int
    source: WaitSource
    middle_ms: int = 0
    """As likely sooner as later."""
    age_ms: int = 0
    """How long ago the twin last confirmed it; 0 for the plain rules."""


PACE_WINDOW_MS = 30 * MINUTE_MS
PACE_CALLS_AT_LEAST = 4
SPREAD = 1.3
"""About the 10 % and 90 % points of a sum of exponential gaps, by the normal approximation."""


def wait_from_pace(
    *, people_ahead: int, calls: int, over_ms: int, open_counters: int, mean_service_ms: float
) -> Wait:
    """A plain interval from the recent pace of calls.

    Parameters
    ----------
    people_ahead : waiting people who compete for the same counters and are before this one.
    calls, over_ms : calls from that line in the window just past, and the window's length.
    open_counters : counters that can serve this customer and are calling.
    mean_service_ms : usual service time, for when there were too few calls to speak of a pace.
    """
    if calls >= PACE_CALLS_AT_LEAST and over_ms > 0:
        gap_ms, source = over_ms / calls, "pace"
    elif open_counters > 0:
        gap_ms, source = mean_service_ms / open_counters, "typical"
    else:
        return Wait(people_ahead, 0, 0, "none")
    turns = people_ahead + 1
    middle, spread = turns * gap_ms, SPREAD * sqrt(turns) * gap_ms
    low = max(0, round(middle - spread)) if people_ahead else 0
    high = round(middle + spread)
    return Wait(people_ahead, low, high, "pace" if source == "pace" else "typical", round(middle))

"""Named places for tests: the rules of one day in a branch that somebody could walk into.

Each place answers with fresh rules; `with_rules` bends one for a table test. Times are local: 09:00 opens.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from zoneinfo import ZoneInfo

import msgspec

from openhall.hall.booking import BookingTerms, terms_of
from openhall.hall.policy import DayRules, Staff
from openhall.kernel.clock import ManualClock, local_ms
from openhall.kernel.event import StreamId
from openhall.kernel.text import Text
from openhall.network.calendar import Moments
from openhall.network.hall_policies import AppointmentPolicy, AutoCallPolicy
from openhall.network.hours import Hours
from openhall.network.model import (
    Branch,
    CallPolicy,
    CapacityPolicy,
    Counter,
    EntryPolicy,
    HoldPolicy,
    Need,
    OrderPolicy,
    PriorityClass,
    Regime,
    Service,
    TriageRule,
)

ZONE = ZoneInfo("Asia/Shanghai")
DAY = date(2026, 11, 23)
"""A Monday."""
LANE = StreamId("lane", DAY)
OPENS_MINUTE, CLOSES_MINUTE, CHECKIN_MINUTES_BEFORE = 9 * 60, 17 * 60, 30
HOURS = Hours(OPENS_MINUTE, CLOSES_MINUTE)


def on(day: date, hours: int, minutes: int = 0) -> int:
    """A moment of some day, in ms, from the clock on the wall."""
    return local_ms(day, hours * 60 + minutes, ZONE)


def at(hours: int, minutes: int = 0) -> int:
    """A moment of the day, in ms, from the clock on the wall."""
    return on(DAY, hours, minutes)


def morning_clock() -> ManualClock:
    """A clock that stands at nine."""
    return ManualClock(at(9))


def _text(english: str) -> Text:
    return Text(en=english, zh=english)


def _need(code: str) -> Need:
    return Need(code, _text(code))


ORDINARY = PriorityClass("ordinary", _text("Ordinary"), rank=9)
GREEN = PriorityClass(
    "green",
    _text("Green channel"),
    head_start_minutes=20,
    rank=1,
    needs_confirmation=True,
    is_counted_in_diversion=False,
)
FRONTLINE = PriorityClass(
    "frontline", _text("Front line"), head_start_minutes=15, rank=2, needs_confirmation=True
)

SERVICES = (
    Service("cash", "A", _text("Cash"), (_need("withdraw"), _need("deposit")), mean_minutes=5),
    Service("accounts", "B", _text("Accounts"), (_need("new_card"), _need("password")), mean_minutes=9),
    Service("corporate", "C", _text("Corporate"), (_need("payroll"),), mean_minutes=12),
)

COUNTERS = (
    Counter("C1", 1, ("cash", "accounts")),
    Counter("C2", 2, ("cash", "accounts"), is_elastic=True),
    Counter("C3", 3, ("accounts", "corporate")),
    Counter("C4", 4, ("cash",), classes=("green", "frontline")),
)

STAFF = (
    Staff("chen", (), ("manager", "authoriser")),
    Staff("li", (), ("lobby",)),
    Staff("wang", (), ("guard",)),
    Staff("zhao", ("cash", "accounts"), ("teller",)),
    Staff("qian", ("cash", "accounts", "corporate"), ("teller", "lobby")),
    Staff("sun", ("cash",), ("teller",), can_be_lent=True),
    Staff("zhou", ("accounts", "corporate"), ("teller",)),
)

TRIAGE = (
    TriageRule("machine", ("withdraw",), "atm", _text("The machine?"), True, 2_000_000),
    TriageRule("remote", ("password",), "cloud", _text("A remote teller?")),
)

NORMAL = Regime("normal", _text("Normal"), EntryPolicy(is_check_required=False))
PENSION_DAY = Regime(
    "pension_day",
    _text("Pension day"),
    EntryPolicy(is_check_required=True, is_temperature_read=True, inside_limit=5),
)


def quiet_branch() -> DayRules:
    """Three counters for all and one for the priority classes; no check at the door; bounded head starts."""
    return DayRules(
        network_version="0" * 12,
        branch=Branch(
            LANE.place,
            _text("Lane branch"),
            _text("1 Lane"),
            str(ZONE),
            week=(HOURS,) * 5 + (None, None),
            counters=COUNTERS,
        ),
        services=SERVICES,
        classes=(ORDINARY, GREEN, FRONTLINE),
        staff=STAFF,
        regime=NORMAL,
        triage=TRIAGE,
        order=OrderPolicy("head_start"),
        hold=HoldPolicy(window_minutes=30, when_late="confirm", times_at_most=2),
        call=CallPolicy(
            grace_seconds=60, grace_seconds_flagged=240, recalls_at_least=1, reinstate_minutes=60
        ),
        checkin_opens_ms=at(8, 30),
        opens_ms=at(9),
        closes_ms=at(17),
        pause_reasons=("break", "disinfection"),
        lessons=("scan_to_pay",),
    )


def pension_day_branch() -> DayRules:
    """The quiet branch with a check and a thermometer at the door, and five people inside at most."""
    return msgspec.structs.replace(quiet_branch(), regime=PENSION_DAY)


def strict_branch() -> DayRules:
    """The quiet branch with strict classes: every green before every frontline before every ordinary."""
    return msgspec.structs.replace(quiet_branch(), order=OrderPolicy("strict"))


def booked_branch() -> DayRules:
    """The quiet branch where four tenths of the windows' time can be booked ahead, in quarters of an hour."""
    return msgspec.structs.replace(quiet_branch(), appointments=AppointmentPolicy(share_percent=40))


def self_calling_branch() -> DayRules:
    """The quiet branch in which every window but the third calls its next customer after ten seconds."""
    rules = quiet_branch()
    counters = tuple(
        msgspec.structs.replace(counter, is_auto_call=False if counter.number == 3 else None)
        for counter in rules.branch.counters
    )
    branch = msgspec.structs.replace(rules.branch, counters=counters)
    return msgspec.structs.replace(rules, branch=branch, auto_call=AutoCallPolicy(is_on=True))


def terms_at(rules: DayRules) -> BookingTerms | None:
    """What can be booked under the rules of a day."""
    hours = Moments(rules.checkin_opens_ms, rules.opens_ms, rules.closes_ms)
    return terms_of(rules.appointments, rules.branch, rules.services, hours)


PLACES: dict[str, Callable[[], DayRules]] = {
    "quiet_branch": quiet_branch,
    "pension_day_branch": pension_day_branch,
    "strict_branch": strict_branch,
    "booked_branch": booked_branch,
    "self_calling_branch": self_calling_branch,
}


def with_rules(
    rules: DayRules,
    *,
    tickets_daily: int | None = None,
    waiting_at_most: int | None = None,
    inside_limit: int | None = None,
    when_late: str = "",
    share_percent: int | None = None,
    when_late_booked: str = "",
    rings_at_most: int | None = None,
) -> DayRules:
    """The same place with one rule of its own."""
    regime, hold = rules.regime, rules.hold
    capacity = CapacityPolicy(
        tickets_daily if tickets_daily is not None else regime.capacity.tickets_daily,
        waiting_at_most if waiting_at_most is not None else regime.capacity.waiting_at_most,
    )
    entry = regime.entry
    if inside_limit is not None:
        entry = msgspec.structs.replace(entry, inside_limit=inside_limit)
    if when_late:
        hold = msgspec.convert({**msgspec.to_builtins(hold), "when_late": when_late}, HoldPolicy)
    booked, ring = rules.appointments, rules.ring
    if share_percent is not None:
        booked = msgspec.structs.replace(booked, share_percent=share_percent)
    if when_late_booked:
        booked = msgspec.convert(
            {**msgspec.to_builtins(booked), "when_late": when_late_booked}, AppointmentPolicy
        )
    if rings_at_most is not None:
        ring = msgspec.structs.replace(ring, times_at_most=rings_at_most)
    rules = msgspec.structs.replace(rules, appointments=booked, ring=ring)
    return msgspec.structs.replace(
        rules, regime=msgspec.structs.replace(regime, capacity=capacity, entry=entry), hold=hold
    )

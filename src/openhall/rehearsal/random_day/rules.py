"""The rules of a random day: a small branch that differs in everything the rules can differ in."""

from __future__ import annotations

from datetime import date
from random import Random
from zoneinfo import ZoneInfo

from openhall.hall.booking import BookingTerms, ServicePlaces, terms_of
from openhall.hall.policy import DayRules, Staff
from openhall.kernel.clock import MINUTE_MS, local_ms
from openhall.kernel.text import Text
from openhall.network.calendar import Moments
from openhall.network.hall_policies import AppointmentPolicy, AutoCallPolicy, RingPolicy
from openhall.network.model import (
    Branch,
    CallPolicy,
    CapacityPolicy,
    Counter,
    EntryPolicy,
    HoldPolicy,
    Need,
    OrderPolicy,
    Post,
    PriorityClass,
    Regime,
    Service,
    TriageRule,
)

PLACE = "random"
DAY = date(2026, 3, 2)
ZONE = "Asia/Shanghai"
ANY_COUNTER, ANY_TELLER = "C1", "p1"
"""They can serve everybody, so that every random day can be brought to an end."""

POSTS: tuple[tuple[Post, ...], ...] = (("teller",), ("teller", "lobby"), ("lobby",), ("guard",), ("manager",))


def random_rules(rng: Random) -> DayRules:
    """Two to five counters, one to three services and classes, and policies of every kind."""
    services = _services(rng)
    ids = [service.id for service in services]
    classes = _classes(rng)
    codes = [class_.code for class_ in classes]
    zone = ZoneInfo(ZONE)
    opens_ms = local_ms(DAY, 9 * 60, zone)
    return DayRules(
        network_version="random",
        branch=Branch(PLACE, _text("Random"), _text(""), ZONE, (None,) * 7, _counters(rng, ids, codes)),
        services=services,
        classes=classes,
        staff=(
            Staff(ANY_TELLER, tuple(ids), ("teller", "lobby")),
            *(
                Staff(f"p{number}", _some(rng, ids), rng.choice(POSTS), can_be_lent=rng.random() < 0.5)
                for number in range(2, rng.randint(4, 7))
            ),
        ),
        regime=Regime("random", _text("Random"), _entry(rng), _capacity(rng)),
        triage=(TriageRule("to_atm", ("need1",), "atm", _text("ATM"), requires_card=rng.random() < 0.5),),
        order=OrderPolicy("strict" if rng.random() < 0.25 else "head_start"),
        hold=HoldPolicy(
            window_minutes=rng.choice((1, 5, 30)),
            when_late=rng.choice(("keep", "confirm", "lapse")),
            times_at_most=rng.choice((1, 3)),
        ),
        call=CallPolicy(
            grace_seconds=rng.choice((0, 30, 60)),
            grace_seconds_flagged=rng.choice((60, 240)),
            recalls_at_least=rng.choice((0, 1, 2)),
            reinstate_minutes=rng.choice((5, 60)),
        ),
        checkin_opens_ms=opens_ms - 30 * MINUTE_MS,
        opens_ms=opens_ms,
        closes_ms=opens_ms + 4 * 60 * MINUTE_MS,
        pause_reasons=("break", "other"),
        lessons=("lesson1",),
        appointments=_appointments(rng),
        auto_call=AutoCallPolicy(is_on=rng.random() < 0.3, after_seconds=rng.choice((0, 10, 60))),
        ring=RingPolicy(escalate_seconds=rng.choice((10, 90)), times_at_most=rng.choice((1, 5))),
    )


def random_terms(rules: DayRules) -> BookingTerms:
    """What can be booked; something at least, also where the bank offers nothing."""
    moments = Moments(rules.checkin_opens_ms, rules.opens_ms, rules.closes_ms)
    offered = terms_of(rules.appointments, rules.branch, rules.services, moments)
    nothing = BookingTerms(rules.opens_ms, 60 * MINUTE_MS, (ServicePlaces("s1", (1,)),))
    return offered or nothing


def _appointments(rng: Random) -> AppointmentPolicy:
    return AppointmentPolicy(
        share_percent=rng.choice((20, 80)),
        slot_minutes=rng.choice((10, 15)),
        head_start_minutes=rng.choice((0, 15, 60)),
        early_minutes=rng.choice((10, 240)),
        late_minutes=rng.choice((5, 120)),
        when_late=rng.choice(("shrink", "keep", "walk_in")),
    )


def _services(rng: Random) -> tuple[Service, ...]:
    count = rng.randint(1, 3)
    shares_letter = rng.random() < 0.2
    return tuple(
        Service(
            f"s{number}",
            "A" if shares_letter else "ABC"[number - 1],
            _text(f"Service {number}"),
            (Need(f"need{number}", _text("")),),
            float(number + 2),
        )
        for number in range(1, count + 1)
    )


def _classes(rng: Random) -> tuple[PriorityClass, ...]:
    ordinary = PriorityClass("ordinary", _text("Ordinary"), rank=9)
    others = [
        PriorityClass(
            f"class{number}",
            _text(f"Class {number}"),
            head_start_minutes=rng.choice((0, 5, 20, 60)),
            rank=rng.randint(1, 9),
            needs_confirmation=rng.random() < 0.5,
        )
        for number in range(1, rng.randint(1, 3))
    ]
    return (ordinary, *others)


def _counters(rng: Random, services: list[str], classes: list[str]) -> tuple[Counter, ...]:
    others = (
        Counter(
            f"C{number}",
            number,
            _some(rng, services),
            _some(rng, classes) if rng.random() < 0.3 else (),
            is_auto_call=rng.choice((None, None, True, False)),
        )
        for number in range(2, rng.randint(3, 6))
    )
    return (Counter(ANY_COUNTER, 1, tuple(services)), *others)


def _entry(rng: Random) -> EntryPolicy:
    return EntryPolicy(
        is_check_required=rng.random() < 0.4,
        is_temperature_read=rng.random() < 0.3,
        inside_limit=rng.choice((None, None, 3, 10)),
    )


def _capacity(rng: Random) -> CapacityPolicy:
    return CapacityPolicy(
        tickets_daily=rng.choice((None, None, 15)), waiting_at_most=rng.choice((2_000, 2_000, 8))
    )


def _some(rng: Random, values: list[str]) -> tuple[str, ...]:
    """At least one of them, in their order."""
    chosen = set(rng.sample(values, rng.randint(1, len(values))))
    return tuple(value for value in values if value in chosen)


def _text(name: str) -> Text:
    return Text(en=name, zh=name)

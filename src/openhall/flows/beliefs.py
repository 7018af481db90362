"""What is believed of a branch, in figures that a person can read: for the screen and the command line.

It needs no numpy: the process that serves tickets shows it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import date
from statistics import NormalDist

import msgspec

from openhall.kernel.clock import MINUTE_MS, SECOND_MS
from openhall.science.believed import (
    ASSUMED_COMING_CV,
    ASSUMED_COMING_MS,
    ASSUMED_SHOW_SHARE,
    EARLIEST_MS,
    BookedHabits,
    GroupHabits,
    Habits,
    Seen,
)
from openhall.science.quantile_table import Durations

LEAVING_MINUTES = (30, 60)
"""After how long a wait it is said how many have left."""
SHARES = (0.1, 0.5, 0.9)


class ServiceBelief(msgspec.Struct, frozen=True):
    """Service times of one group, in minutes.

    `count` is how many of the branch's own they rest on, `own_share` how much of them is the branch's own,
    and `change` by what share the mean differs from the version before (None: there was none).
    """

    service: str
    class_code: str
    need: str
    count: int
    own_share: float
    p10_minutes: float
    p50_minutes: float
    p90_minutes: float
    mean_minutes: float
    change: float | None = None


class ClassBelief(msgspec.Struct, frozen=True):
    """How the customers of a class behave, over all services.

    `left_share` is how many have left after so many minutes (the key) of waiting.
    """

    class_code: str
    customers: int
    walk_seconds: float
    gap_seconds: float
    left_share: dict[str, float]
    absent_share: float
    reinstated_share: float
    out_share: float
    away_minutes: float
    second_share: float
    takes_share: float
    done_share: float


class HourBelief(msgspec.Struct, frozen=True):
    """People expected between two moments of the day, minutes from local midnight."""

    from_minute: int
    to_minute: int
    people: float


class BookedBelief(msgspec.Struct, frozen=True):
    """Those with an appointment: how many come, and when they join the line, in minutes after their time,
    below 0 before it. Learned from the `expected` of the branch's own, of whom `came` came; the rest is
    borrowed, or assumed as long as no branch has seen anybody with an appointment.
    """

    is_assumed: bool
    expected: int
    came: int
    show_share: float
    p10_late_minutes: float
    p50_late_minutes: float
    p90_late_minutes: float


class Beliefs(msgspec.Struct, frozen=True):
    """All that is believed of a branch. `customers` is how many of its own it rests on."""

    branch: str
    version: str
    learned_ms: int
    first_day: date | None
    last_day: date | None
    days: int
    customers: int
    own_share: float
    services: tuple[ServiceBelief, ...]
    classes: tuple[ClassBelief, ...]
    hours: tuple[HourBelief, ...]
    booked: BookedBelief


def beliefs(habits: Habits, before: Habits | None = None) -> Beliefs:
    """The figures of a version, beside the version before if there was one."""
    seen = habits.seen or tuple(Seen() for _ in habits.groups)
    earlier = {(g.service, g.class_code, g.need): g for g in before.groups} if before else {}
    pairs = list(zip(habits.groups, seen, strict=True))
    codes = list(dict.fromkeys(g.class_code for g in habits.groups))
    times = [g.service_time for g in habits.groups]
    total = sum(t.count for t in times)
    return Beliefs(
        branch=habits.branch,
        version=habits.version,
        learned_ms=habits.learned_ms,
        first_day=habits.first_day,
        last_day=habits.last_day,
        days=habits.days,
        customers=sum(s.joined for s in seen),
        own_share=round(sum(t.own_share * t.count for t in times) / total, 4) if total else 0.0,
        services=tuple(_service(g, earlier.get((g.service, g.class_code, g.need))) for g in habits.groups),
        classes=tuple(
            _class(code, [(g, s) for g, s in pairs if g.class_code == code and not g.need]) for code in codes
        ),
        hours=_hours(habits),
        booked=booked_belief(habits.booked),
    )


def booked_belief(booked: BookedHabits | None) -> BookedBelief:
    """What the twin goes by of those with an appointment, learned or assumed."""
    coming_ms = [
        booked.coming.quantile_ms(share) if booked else _assumed_coming_ms(share) for share in SHARES
    ]
    p10, p50, p90 = (round((each - EARLIEST_MS) / MINUTE_MS, 1) for each in coming_ms)
    return BookedBelief(
        is_assumed=booked is None,
        expected=booked.expected if booked else 0,
        came=booked.came if booked else 0,
        show_share=round(booked.show_share if booked else ASSUMED_SHOW_SHARE, 4),
        p10_late_minutes=p10,
        p50_late_minutes=p50,
        p90_late_minutes=p90,
    )


def _assumed_coming_ms(share: float) -> float:
    """A quantile of `science.habits.assumed_booked`, whose table needs numpy to be made."""
    variance = math.log1p(ASSUMED_COMING_CV**2)
    away = NormalDist().inv_cdf(share) * math.sqrt(variance) - variance / 2
    return ASSUMED_COMING_MS * math.exp(away)


def _service(group: GroupHabits, before: GroupHabits | None) -> ServiceBelief:
    table = group.service_time
    p10, p50, p90 = (round(table.quantile_ms(share) / MINUTE_MS, 2) for share in SHARES)
    change = None
    if before is not None and before.service_time.mean_ms:
        change = round(table.mean_ms / before.service_time.mean_ms - 1, 4)
    return ServiceBelief(
        group.service,
        group.class_code,
        group.need,
        table.count,
        round(table.own_share, 4),
        p10,
        p50,
        p90,
        round(table.mean_ms / MINUTE_MS, 2),
        change,
    )


def _class(code: str, pairs: Sequence[tuple[GroupHabits, Seen]]) -> ClassBelief:
    """The services of a class together, each by its customers; equally where nobody came."""
    weights = [float(s.joined) for _, s in pairs]
    if not sum(weights):
        weights = [1.0] * len(pairs)

    def mean(value: Callable[[GroupHabits], float]) -> float:
        return sum(w * value(g) for w, (g, _) in zip(weights, pairs, strict=True)) / sum(weights)

    return ClassBelief(
        class_code=code,
        customers=sum(s.joined for _, s in pairs),
        walk_seconds=round(mean(lambda g: g.walk.quantile_ms(0.5)) / SECOND_MS, 1),
        gap_seconds=round(mean(lambda g: g.gap.quantile_ms(0.5)) / SECOND_MS, 1),
        left_share={
            str(minutes): round(mean(lambda g, m=minutes: _left(g.patience, m)), 4)  # type: ignore[misc]
            for minutes in LEAVING_MINUTES
        },
        absent_share=round(mean(lambda g: g.absent_share), 4),
        reinstated_share=round(mean(lambda g: g.reinstated_share), 4),
        out_share=round(mean(lambda g: g.out_share), 4),
        away_minutes=round(mean(lambda g: g.away.quantile_ms(0.5)) / MINUTE_MS, 1),
        second_share=round(mean(lambda g: g.second_share), 4),
        takes_share=round(mean(lambda g: g.takes_share), 4),
        done_share=round(mean(lambda g: g.done_share), 4),
    )


def _left(patience: Durations | None, minutes: int) -> float:
    return 0.0 if patience is None else patience.share_below(minutes * MINUTE_MS)


def _hours(habits: Habits) -> tuple[HourBelief, ...]:
    """Expected people by the hour: quarters of an hour are for the engine."""
    arrivals = habits.arrivals
    if arrivals is None:
        return ()
    people: dict[int, float] = {}
    for number, expected in enumerate(arrivals.expected):
        minute = (arrivals.from_ms + number * arrivals.width_ms) // MINUTE_MS
        people[minute // 60 * 60] = people.get(minute // 60 * 60, 0.0) + expected
    return tuple(HourBelief(minute, minute + 60, round(n, 1)) for minute, n in sorted(people.items()))

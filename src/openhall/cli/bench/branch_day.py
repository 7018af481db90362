"""The day that the twin's bench plays: what a busy branch's hall is like, with all that the engine knows.

500 customers over 17 half-hours, three services in three classes of which the green channel comes first, ten
counters with skills of their own of which four to nine are open, lognormal services (cv 0.8), patience,
stepping out, no-shows, second services, and offers of another way once the line is long.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from openhall.kernel.clock import MINUTE_MS, SECOND_MS
from openhall.science import durations, engine
from openhall.science.engine import Ints, Model
from openhall.science.habits import Arrivals, GroupHabits, GroupRules, base_of, model_of

SERVICES = (("cash", 5.5, 0.5), ("accounts", 9.0, 0.3), ("business", 7.0, 0.2))
"""Name, mean minutes, share of the customers."""
CLASSES = (("ordinary", 0, 0.7), ("green", 20, 0.2), ("frontline", 15, 0.1))
"""Name, head start in minutes, share of the customers."""

HALF_HOURS = 17
OPENS_MS = 60 * MINUTE_MS
CLOSES_MS = OPENS_MS + HALF_HOURS * 30 * MINUTE_MS
PROFILE = (0.7, 1.1, 1.4, 1.5, 1.4, 1.2, 0.9, 0.7, 0.7, 0.9, 1.1, 1.2, 1.1, 1.0, 0.8, 0.7, 0.6)
OPEN = (5, 6, 8, 9, 9, 8, 6, 4, 4, 6, 7, 8, 8, 7, 6, 5, 5)
"""Counters open in each half-hour; the first ones of the list."""
SKILLS = (
    ("cash", "accounts", "business"),
    ("cash",),
    ("cash", "accounts"),
    ("accounts", "business"),
    ("cash", "business"),
    ("cash", "accounts", "business"),
    ("cash",),
    ("accounts",),
    ("cash", "accounts"),
    ("cash", "accounts", "business"),
)
PATIENCE_MINUTES = 90
WALK_SECONDS, GAP_SECONDS = 20, 9
PLAIN_MINUTES = sum(share * minutes for _, minutes, share in SERVICES) + (WALK_SECONDS + GAP_SECONDS) / 60
"""Of the counter's time that a customer takes on average."""

PLAIN_RANKS = {"green": 0, "frontline": 1, "ordinary": 2}
DIVERT_ABOVE = 15
"""People in line from which on somebody who enters is offered another way."""


class BranchDay(NamedTuple):
    """What `engine.days` takes."""

    model: Model
    counters: Ints
    schedule: Ints


def _group(service: str, mean_minutes: float, class_code: str) -> GroupHabits:
    return GroupHabits(
        service=service,
        class_code=class_code,
        service_time=durations.lognormal(mean_minutes * MINUTE_MS, 0.8),
        walk=durations.lognormal(WALK_SECONDS * SECOND_MS, 0.6),
        gap=durations.exponential(GAP_SECONDS * SECOND_MS),
        lost=durations.constant(130 * SECOND_MS),
        reinstated_after=durations.exponential(10 * MINUTE_MS),
        out_after=durations.exponential(8 * MINUTE_MS),
        away=durations.exponential(15 * MINUTE_MS),
        elsewhere=durations.exponential(7 * MINUTE_MS),
        patience=durations.exponential(PATIENCE_MINUTES * MINUTE_MS),
        absent_share=0.03,
        reinstated_share=0.3,
        out_share=0.05,
        second_share=0.08,
        takes_share=0.4,
        done_share=0.85,
    )


def mask_of(services: tuple[str, ...]) -> int:
    """The groups of some services: all classes of each."""
    return sum(0b111 << 3 * n for n, (name, _, _) in enumerate(SERVICES) if name in services)


def branch_day(customers: float = 500) -> BranchDay:
    """The day, with everything."""
    groups = [_group(service, mean, code) for service, mean, _ in SERVICES for code, _, _ in CLASSES]
    rules = [GroupRules(head_start_ms=start * MINUTE_MS) for _ in SERVICES for _, start, _ in CLASSES]
    mix = tuple(share * part for _, _, share in SERVICES for _, _, part in CLASSES)
    model = model_of(groups, rules, _arrivals(customers, mix))
    return BranchDay(model, np.zeros((len(SKILLS), 2), np.int64), _schedule([mask_of(s) for s in SKILLS]))


def plain_day(customers: float = 500) -> BranchDay:
    """The same day as far as Ciw can play it: every counter serves everybody, strict classes, one service a
    visit with all that surrounds it, patience, and nothing in between."""
    nothing = durations.constant(0)
    group = GroupHabits(
        service="",
        class_code="",
        service_time=durations.lognormal(PLAIN_MINUTES * MINUTE_MS, 0.8),
        walk=nothing,
        gap=nothing,
        lost=nothing,
        reinstated_after=nothing,
        out_after=nothing,
        away=nothing,
        elsewhere=nothing,
        patience=durations.exponential(PATIENCE_MINUTES * MINUTE_MS),
    )
    rules = [GroupRules(rank=PLAIN_RANKS[code]) for code, _, _ in CLASSES]
    mix = tuple(part for _, _, part in CLASSES)
    model = model_of([group] * len(CLASSES), rules, _arrivals(customers, mix))
    everybody = (1 << len(CLASSES)) - 1
    return BranchDay(model, np.zeros((len(SKILLS), 2), np.int64), _schedule([everybody] * len(SKILLS)))


def _arrivals(customers: float, mix: tuple[float, ...]) -> Arrivals:
    expected = tuple(customers * weight / sum(PROFILE) for weight in PROFILE)
    return Arrivals(OPENS_MS, 30 * MINUTE_MS, expected, (mix,) * HALF_HOURS)


def _schedule(masks: Sequence[int]) -> Ints:
    """The first so many counters are open in each half-hour."""
    events = [
        (OPENS_MS + half_hour * 30 * MINUTE_MS, counter, mask if is_open else 0)
        for half_hour, count in enumerate(OPEN)
        for counter, mask in enumerate(masks)
        for is_open in [counter < count]
        if half_hour == 0 or is_open is not (counter < OPEN[half_hour - 1])
    ]
    return np.array(events, np.int64)


def play(day: BranchDay, *, first: int, count: int, branch: int = 0) -> engine.Days:
    """Some replications of it."""
    return engine.days(
        day.model,
        day.counters,
        day.schedule,
        closes_ms=CLOSES_MS,
        seed=1,
        branch=branch,
        first=first,
        count=count,
        divert_above=DIVERT_ABOVE,
    )


WAITING = 30
HORIZON_MS = 60 * MINUTE_MS
NOW_MS = OPENS_MS + 90 * MINUTE_MS


def busy_hall() -> engine.Fork:
    """The hall an hour and a half after opening: every open counter busy, 30 people waiting."""
    head_starts = [start * MINUTE_MS for _ in SERVICES for _, start, _ in CLASSES]
    people = np.zeros((WAITING, engine.PERSON_COLUMNS), np.int64)
    for row, person in enumerate(people):
        joined_ms = NOW_MS - (WAITING - row) * 40 * SECOND_MS
        group = row * 5 % len(head_starts)
        base = base_of(GroupRules(head_starts[group]), max(head_starts))
        person[engine.HERE_GROUP] = group
        person[engine.HERE_PLACE] = base + (joined_ms << engine.ORDER_SHIFT) + row
        person[engine.JOINED] = joined_ms
        person[engine.CUSTOMER] = row
        person[engine.NEXT] = -1
    counters = np.zeros((len(SKILLS), engine.SEAT_COLUMNS), np.int64)
    for number, seat in enumerate(counters[: OPEN[2]]):
        seat[engine.SEAT_MASK] = mask_of(SKILLS[number])
        seat[engine.STAGE] = engine.SERVING
        seat[engine.SEAT_GROUP] = 3 * [name for name, _, _ in SERVICES].index(SKILLS[number][0])
        seat[engine.SEAT_FLOOR] = number << 26
        seat[engine.ELAPSED] = number * 20 * SECOND_MS
        seat[engine.SEAT_CUSTOMER] = 10_000 + number
    return engine.Fork(people, counters, np.zeros((0, 3), np.int64), NOW_MS, WAITING)


def look_ahead(day: BranchDay, hall: engine.Fork, *, count: int) -> engine.Futures:
    """So many futures of that hall for an hour: as it is, and with one more counter now."""
    one_more = OPEN[2]
    actions = np.array(
        [[engine.NOTHING, 0, 0, 0], [engine.SET_MASK, one_more, mask_of(SKILLS[one_more]), NOW_MS]], np.int64
    )
    return engine.futures(
        day.model,
        hall,
        actions,
        count=count,
        seed=1,
        branch=0,
        arrive_until_ms=NOW_MS + HORIZON_MS,
        until_ms=NOW_MS + HORIZON_MS,
        number=WAITING,
    )

"""When the twin is asked for moves: every few minutes, and at once when something happened that a plan cannot
wait for [D5, W10]. Cheap enough to be asked twice a second of every hall.
"""

from __future__ import annotations

from enum import StrEnum
from math import sqrt
from typing import NamedTuple

from openhall.hall.model.state import HallState, Presence, TicketStatus
from openhall.kernel.clock import MINUTE_MS, SECOND_MS

EVERY_MS = 4 * MINUTE_MS + 30 * SECOND_MS
"""A little less than the five minutes for which advice can be taken, so that it is renewed in time."""

BURST_EVERY_MS = MINUTE_MS
AT_MOST_EVERY_MS = 30 * SECOND_MS
"""Not more often than this, whatever happens."""

SURPRISE = 3.0
"""Standard deviations by which the people who came since the last look have to differ from what the day so
far made expect; with a variance of twice the mean, as halls show."""

PRIOR_PEOPLE = 10
"""The plan counts as much as so many people who were seen."""

NEVER_ASKED = 0


class Because(StrEnum):
    """Why the twin is asked."""

    TIME = "time"
    BURST = "burst"
    STAFF = "staff"
    LATE = "late"
    ARRIVALS = "arrivals"


class Look(NamedTuple):
    """What was the case when the twin was asked last."""

    at_ms: int = NEVER_ASKED
    joined: int = 0
    missing: frozenset[str] = frozenset()
    is_burst: bool = False
    is_late: bool = False


def look(state: HallState, now_ms: int) -> Look:
    """What is the case now."""
    gone = {Presence.ABSENT, Presence.LEFT, Presence.LENT}
    return Look(
        now_ms,
        len(state.tickets),
        frozenset(person for person, presence in state.presence.items() if presence in gone),
        bool(state.burst_since_ms),
        _is_late(state),
    )


def why(state: HallState, last: Look, now_ms: int) -> Because | None:
    """The reason to ask now; None for none."""
    since_ms = now_ms - last.at_ms
    if last.at_ms == NEVER_ASKED or since_ms >= EVERY_MS:
        return Because.TIME
    if since_ms < AT_MOST_EVERY_MS:
        return None
    now = look(state, now_ms)
    if now.is_burst and (not last.is_burst or since_ms >= BURST_EVERY_MS):
        return Because.BURST
    if now.missing != last.missing:
        return Because.STAFF
    if now.is_late and not last.is_late:
        return Because.LATE
    return Because.ARRIVALS if _is_surprising(state, last, now) else None


def _is_late(state: HallState) -> bool:
    """Whether somebody in line is told a wait beyond the bank's limit, or has waited so long."""
    limit_ms = state.day_rules.waits.late_after_minutes * MINUTE_MS
    waiting = (t for t in state.tickets.values() if t.status is TicketStatus.WAITING and t.told is not None)
    return any(t.told is not None and t.told.middle_at_ms - t.joined_ms > limit_ms for t in waiting)


def _is_surprising(state: HallState, last: Look, now: Look) -> bool:
    """Whether many more or far fewer came since than the plan says, made more or less by the day so far."""
    before, since = _planned(state, 0, last.at_ms), _planned(state, last.at_ms, now.at_ms)
    if before is None or since is None:
        return False
    expected = since * (last.joined + PRIOR_PEOPLE) / (before + PRIOR_PEOPLE)
    return abs(now.joined - last.joined - expected) > SURPRISE * sqrt(2 * max(expected, 1.0))


def _planned(state: HallState, from_ms: int, until_ms: int) -> float | None:
    """People whom the plan expects between two moments; None without a plan."""
    plan = state.plan
    if plan is None or not plan.expected:
        return None
    total = 0.0
    for number, people in enumerate(plan.expected):
        begins_ms = plan.from_ms + number * plan.interval_ms
        part_ms = min(until_ms, begins_ms + plan.interval_ms) - max(from_ms, begins_ms)
        total += people * max(0, part_ms) / plan.interval_ms
    return total

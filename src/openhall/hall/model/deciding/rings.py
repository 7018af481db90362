"""Rings for a colleague: once, to somebody by name, and to the manager when nobody goes."""

from __future__ import annotations

from openhall.hall.model import commands as c
from openhall.hall.model import events as e
from openhall.hall.model.asked import Ring
from openhall.hall.model.deciding.dispatch import (
    Decision,
    counter_of,
    decides,
    known_person,
    refuse,
    ticket_of,
)
from openhall.hall.model.state import HallState
from openhall.kernel.clock import MINUTE_MS, SECOND_MS
from openhall.kernel.event import Stamp

COUNTED_MS = 10 * MINUTE_MS
"""A device rings only so often within this time."""


@decides(c.RingForColleague)
def ring_for_colleague(state: HallState, command: c.RingForColleague, now: Stamp) -> Decision:
    """One ring at a time from each device, window or number, and not without end: a storm helps nobody."""
    ticket_id = ticket_of(state, command.ticket_id).id if command.ticket_id else ""
    counter_id = counter_of(state, command.counter_id).id if command.counter_id else ""
    source = ticket_id or counter_id or now.actor
    own = [ring for ring in state.rings.values() if ring.source == source]
    if any(not ring.finished_ms for ring in own):
        raise refuse("ring_open")
    limit = state.day_rules.ring.times_at_most
    if sum(now.at_ms - ring.rung_ms < COUNTED_MS for ring in own) >= limit:
        raise refuse("rings_too_many", "", limit=limit)
    ring_id = f"n{len(state.rings) + 1}"
    return [e.ColleagueRung(ring_id, command.place, command.reason, ticket_id, counter_id)]


def _ring(state: HallState, ring_id: str) -> Ring:
    ring = state.rings.get(ring_id)
    if ring is None:
        raise refuse("ring_unknown", "ring_id", ring=ring_id)
    if ring.finished_ms:
        raise refuse("ring_finished", "ring_id")
    return ring


@decides(c.TakeRing)
def take_ring(state: HallState, command: c.TakeRing, _: Stamp) -> Decision:
    """By name, so that the others need not go."""
    ring = _ring(state, command.ring_id)
    known_person(state, command.person_id)
    return [e.RingTaken(ring.id, command.person_id)]


@decides(c.FinishRing)
def finish_ring(state: HallState, command: c.FinishRing, _: Stamp) -> Decision:
    """Whoever was there says so."""
    return [e.RingFinished(_ring(state, command.ring_id).id)]


def unanswered(state: HallState, now_ms: int) -> list[Ring]:
    """Rings that nobody took in time and that the manager does not know of yet."""
    longest_ms = state.day_rules.ring.escalate_seconds * SECOND_MS
    return [
        ring
        for ring in state.rings.values()
        if not (ring.taken_ms or ring.finished_ms or ring.escalated_ms)
        and now_ms - ring.rung_ms >= longest_ms
    ]

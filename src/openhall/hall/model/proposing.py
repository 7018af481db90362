"""What the plan says should happen now, as proposals with names and times: nobody is moved by a plan.

A proposal is one of the hall's own commands, filled in; it is gone when it was followed, when its time is
over, or when the person is not here.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from openhall.hall.model.planning import stint_at
from openhall.hall.model.state import HallState
from openhall.hall.plan import PlannedStint
from openhall.kernel.clock import MINUTE_MS
from openhall.network.staffing import PlannedPost

AHEAD_MS = 2 * MINUTE_MS
"""Said a little early, so that people can walk over."""


class Proposal(msgspec.Struct, frozen=True):
    """Open, close or hand over a counter. `next_post` is what the person does afterwards, for a closing."""

    kind: Literal["open", "close", "hand_over"]
    counter_id: str
    person_id: str
    from_ms: int
    until_ms: int
    """0 where the plan says nothing more of it."""
    next_post: PlannedPost | Literal["home"] = "window"


def proposals(state: HallState, now_ms: int) -> list[Proposal]:
    """What is due, closings first: they set people free."""
    if not state.stints or state.is_ended:
        return []
    at_ms = now_ms + AHEAD_MS
    planned = {p.person_id: p for p in state.stints if p.from_ms <= at_ms < p.until_ms}
    closings = _closings(state, planned, at_ms)
    leaving = {each.counter_id for each in closings}
    openings = [
        found
        for stint in planned.values()
        if (found := _opening(state, stint, leaving)) is not None and now_ms < stint.until_ms
    ]
    handed_over = {each.counter_id for each in openings if each.kind == "hand_over"}
    kept = [each for each in closings if each.counter_id not in handed_over]
    return [*kept, *sorted(openings, key=lambda each: (each.from_ms, each.counter_id))]


def _closings(state: HallState, planned: dict[str, PlannedStint], at_ms: int) -> list[Proposal]:
    """Counters whose person is to be elsewhere by now. Somebody the plan knows nothing of stays."""
    found = []
    in_plan = {stint.person_id for stint in state.stints}
    for counter in state.counters.values():
        if not counter.is_open or counter.is_closing or counter.person_id not in in_plan:
            continue
        stint = planned.get(counter.person_id)
        if stint is not None and stint.counter_id == counter.id:
            continue
        own = [s for s in state.stints if s.person_id == counter.person_id]
        if stint is None and at_ms < min(s.from_ms for s in own):
            continue  # Came before the plan begins, and helps already.
        post = stint.post if stint is not None else "home"
        from_ms = stint.from_ms if stint else max(s.until_ms for s in own)
        until_ms = stint.until_ms if stint else 0
        found.append(Proposal("close", counter.id, counter.person_id, from_ms, until_ms, post))
    return found


def _opening(state: HallState, stint: PlannedStint, leaving: set[str]) -> Proposal | None:
    """The seat that a stint asks for, where it can be taken; a customer who is there stays through it."""
    if stint.post != "window" or not state.is_here(stint.person_id):
        return None
    counter = state.counters[stint.counter_id]
    if counter.person_id == stint.person_id:
        return None
    if any(k.person_id == stint.person_id for k in state.counters.values()):
        return None  # Still at another counter, whose closing is proposed.
    about = (counter.id, stint.person_id, stint.from_ms, stint.until_ms)
    if not counter.is_open:
        return Proposal("open", *about)
    return Proposal("hand_over", *about) if counter.id in leaving else None


def post_now(state: HallState, person_id: str, now_ms: int) -> PlannedPost | None:
    """What the plan has somebody do now."""
    stint = stint_at(state.stints, person_id, now_ms)
    return stint.post if stint else None

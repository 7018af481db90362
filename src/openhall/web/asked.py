"""What the hall's screens show of rings for a colleague, and of appointments that are near."""

from __future__ import annotations

from typing import Any, Final

from openhall.access import rights
from openhall.hall import views_asked
from openhall.hall.model.state import HallState
from openhall.kernel.clock import MINUTE_MS
from openhall.web import people, phone
from openhall.web.api import actor_of
from openhall.web.signing_in import OpenhallRequest

RING_REASONS: Final = ("staff_needed", "authorise", "papers", "unwell", "calm")
"""For what staff rings: few, so that nobody reads a list while somebody waits. The first is the key's own."""
NEAR_MS = 45 * MINUTE_MS
"""Appointments of the next three quarters of an hour are in sight in the hall and at the door."""


def asked_context(
    request: OpenhallRequest, state: HallState, now_ms: int, *, escalated_only: bool = False
) -> dict[str, Any]:
    """For the lobby and the door, and for the manager when nobody went."""
    here = people.here_for(state, "lobby", "guard")
    rings = views_asked.open_rings(state, escalated_only=escalated_only)
    near = [a for a in views_asked.expected(state) if a.at_ms - NEAR_MS <= now_ms]
    may_take = rights.may(request.user.role, "TakeRing") and not state.is_ended
    return {
        "own_ring": None if state.is_ended else phone.ring_of(state, actor_of(request)),
        "ring_reasons": RING_REASONS,
        "rings": rings if not state.is_ended else [],
        "goes": request.user.person_id or (here[0].id if here else ""),
        "may_take_rings": may_take,
        "near": near,
        "any_appointments": bool(state.appointments),
    }

"""Late minutes: the time that people wait beyond the bank's limit."""

from __future__ import annotations

from openhall.hall.model.state import HallState
from openhall.kernel.clock import MINUTE_MS


def late_ms(state: HallState, from_ms: int, until_ms: int, now_ms: int) -> int:
    """Milliseconds that people waited beyond the limit between two moments, up to `now_ms`.

    A wait is from joining till the first call, or till the visit ended without one. Time away by the
    customer's own wish is not taken off: whether the turn would have come meanwhile, nobody saw.
    """
    limit_ms = state.day_rules.waits.late_after_minutes * MINUTE_MS
    total = 0
    for ticket in state.tickets.values():
        ends_ms = ticket.first_called_ms or ticket.ended_ms or now_ms
        begins_ms = ticket.joined_ms + limit_ms
        total += max(0, min(ends_ms, until_ms) - max(begins_ms, from_ms))
    return total

"""Everything that tickets were told about their waits, as rows: beside what happened, the record of
honesty."""

from __future__ import annotations

from openhall.hall.model.events import TicketIssued, WaitsTold
from openhall.kernel.event import Event, Stamp


def told_values(event: Event, stamp: Stamp) -> list[tuple[str, int, dict[str, int]]]:
    """(ticket id, moment of telling, columns) for each ticket that the event tells a wait.

    Columns: low_at_ms, middle_at_ms, high_at_ms, the moments of the call that were told.
    """
    at_ms = stamp.at_ms
    if isinstance(event, TicketIssued) and event.told is not None and event.told.source == "twin":
        told = event.told
        return [(event.ticket_id, at_ms, _moments(at_ms, told.low_ms, told.middle_ms, told.high_ms))]
    if not isinstance(event, WaitsTold):
        return []
    since = event.as_of_ms
    return [(w.ticket_id, at_ms, _moments(since, w.low_ms, w.middle_ms, w.high_ms)) for w in event.tickets]


def _moments(since_ms: int, low_ms: int, middle_ms: int, high_ms: int) -> dict[str, int]:
    return {
        "low_at_ms": since_ms + low_ms,
        "middle_at_ms": since_ms + middle_ms,
        "high_at_ms": since_ms + high_ms,
    }

"""What time alone does: nothing here waits for somebody to press a key."""

from __future__ import annotations

from openhall.hall.model import auto_calling
from openhall.hall.model import commands as c
from openhall.hall.model import events as e
from openhall.hall.model.deciding.appointments import missed
from openhall.hall.model.deciding.calling import call
from openhall.hall.model.deciding.day import lapsed_holds
from openhall.hall.model.deciding.dispatch import Decision, decides
from openhall.hall.model.deciding.rings import unanswered
from openhall.hall.model.state import HallState
from openhall.kernel.event import Event, Stamp


@decides(c.Tick)
def tick(state: HallState, _: c.Tick, now: Stamp) -> Decision:
    """Holds that ran out end, appointments are missed, rings go to the manager, free counters call."""
    now_ms = now.at_ms
    events: list[Event] = [
        e.HoldLapsed(ticket.id, ticket.held_ms_by(now_ms)) for ticket in lapsed_holds(state, now_ms)
    ]
    events += [e.AppointmentMissed(booked.id) for booked in missed(state, now_ms)]
    events += [e.RingEscalated(ring.id) for ring in unanswered(state, now_ms)]
    tasks_count = len(state.escorts)
    for due in auto_calling.due(state, now_ms):
        counter, ticket = state.counters[due.counter_id], state.tickets[due.ticket_id]
        made = call(state, counter, ticket, is_automatic=True, tasks_count=tasks_count)
        tasks_count += sum(isinstance(event, e.EscortOpened) for event in made)
        events += made
    return events


def is_due(state: HallState, now_ms: int) -> bool:
    """Whether time has something to do now."""
    return bool(
        lapsed_holds(state, now_ms)
        or missed(state, now_ms)
        or unanswered(state, now_ms)
        or auto_calling.due(state, now_ms)
    )

"""The people whom every rehearsed day has: who opens and closes the house, and the tellers.

They act on what they see. A teller who finds somebody at the counter looks after that customer, whoever
pressed the button; one whose call is refused waits a moment and looks again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from openhall.hall.model import commands as c
from openhall.hall.model.state import CounterState, Doors, HallState, Ticket, TicketStatus
from openhall.hall.policy import DayRules
from openhall.kernel.clock import MINUTE_MS, SECOND_MS
from openhall.kernel.event import SYSTEM
from openhall.kernel.refusal import Refusal
from openhall.rehearsal.cast import Scene, Steps, ask, until

GLANCE_MS = 10 * SECOND_MS
"""How often somebody who waits for something looks up, besides at every event of the own cast."""

TICK_MS = MINUTE_MS
"""How often the clock lets holds run out."""


class Behaviour(Protocol):
    """How customers behave once they are called."""

    def walk_ms(self, ticket: Ticket) -> int:
        """From the call to the counter."""
        ...

    def service_ms(self, ticket: Ticket) -> int:
        """How long the present service of a ticket takes; the same each time it is asked."""
        ...

    def is_absent(self, ticket: Ticket) -> bool:
        """Whether the customer does not come when called; the same each time it is asked."""
        ...


@dataclass(frozen=True, slots=True)
class Seat:
    """A person at a counter for a stretch of the day. No closing time: till nobody is pending."""

    counter_id: str
    person_id: str
    opens_ms: int
    closes_ms: int | None = None


def is_over(state: HallState) -> bool:
    """Whether nobody is left and nobody can come."""
    return state.is_ended or (
        state.doors is Doors.CLOSED and not state.pending_count and not state.pending_visit_count
    )


def house(scene: Scene, rules: DayRules, *, outside_count: int = 0) -> Steps[None]:
    """Opens the day and the doors, closes the doors, and ends the day when nobody is pending."""
    if scene.state.rules is None:
        yield from ask("manager", c.OpenDay(rules))
    yield from until(rules.opens_ms)
    if scene.state.doors is Doors.NOT_YET:
        yield from ask("guard", c.OpenDoors())
    yield from until(rules.closes_ms)
    if scene.state.doors is Doors.OPEN:
        yield from ask("guard", c.CloseDoors(outside_count=outside_count))
    while not is_over(scene.state):
        yield from until(scene.now_ms + MINUTE_MS, or_news=True)
    while not scene.state.is_ended:
        yield from ask("manager", c.EndDay())
        yield from until(scene.now_ms + GLANCE_MS)


def clock(scene: Scene) -> Steps[None]:
    """Lets time do its work, as the server's own clock does."""
    while not scene.state.is_ended:
        if scene.state.rules is not None:
            held = [t for t in scene.state.tickets.values() if t.status is TicketStatus.HELD]
            if any(t.held_until_ms < scene.now_ms for t in held):
                yield from ask(SYSTEM, c.Tick())
        yield from until(scene.now_ms + TICK_MS)


def seats(scene: Scene, seat: Seat, behaviour: Behaviour) -> Steps[None]:
    """Somebody sits down at a counter, works, and (told by `leaves`) goes.

    When somebody else closed the counter meanwhile, the teller comes back only for whom nobody serves.
    """
    has_sat = False
    while not is_over(scene.state):
        counter = scene.state.counters[seat.counter_id]
        if not counter.is_open and (not has_sat or is_missed(scene.state, seat)):
            result = yield from ask(seat.person_id, c.OpenCounter(seat.counter_id, seat.person_id))
            if not isinstance(result, Refusal):
                has_sat = True
                yield from works(scene, seat, behaviour)
                continue
        elif counter.person_id == seat.person_id and counter.is_closing:
            # Still closing from the stretch before: the teller stays.
            yield from ask(seat.person_id, c.ResumeCounter(seat.counter_id))
            return
        if seat.closes_ms is not None and scene.now_ms >= seat.closes_ms:
            return
        yield from until(scene.now_ms + GLANCE_MS, or_news=True)


def leaves(scene: Scene, seat: Seat) -> Steps[None]:
    """At the end of the stretch the counter closes after the customer who is there."""
    counter = scene.state.counters[seat.counter_id]
    if counter.person_id == seat.person_id and not counter.is_closing:
        yield from ask(seat.person_id, c.CloseCounter(seat.counter_id))


def works(scene: Scene, seat: Seat, behaviour: Behaviour) -> Steps[None]:
    """A teller: calls, serves, finishes, until the counter is closed or somebody else sits there."""
    while not scene.state.is_ended:
        counter = scene.state.counters[seat.counter_id]
        if counter.person_id != seat.person_id:
            return
        if counter.ticket_id:
            yield from attends(scene, seat, behaviour)
        elif has_customer(scene.state, counter):
            result = yield from ask(seat.person_id, c.CallNext(seat.counter_id))
            if isinstance(result, Refusal):
                yield from until(scene.now_ms + GLANCE_MS, or_news=True)
        elif not counter.is_calling and is_over_for_newcomers(scene.state) and is_missed(scene.state, seat):
            yield from ask(seat.person_id, c.ResumeCounter(seat.counter_id))
            yield from until(scene.now_ms + GLANCE_MS)
        else:
            yield from until(scene.now_ms + GLANCE_MS, or_news=True)


def is_over_for_newcomers(state: HallState) -> bool:
    """The doors are closed: whoever is in line still must be served, so nobody stays paused for long."""
    return state.doors is Doors.CLOSED


def is_missed(state: HallState, seat: Seat) -> bool:
    """Whether somebody in line can be served at this seat and at no counter that is calling."""
    own = CounterState(seat.counter_id, seat.person_id)
    calling = [k for k in state.counters.values() if k.is_calling]
    line = (state.tickets[ticket_id] for _, ticket_id in state.line)
    return any(state.serves(own, t) and not any(state.serves(k, t) for k in calling) for t in line)


def has_customer(state: HallState, counter: CounterState) -> bool:
    """Whether the display shows anybody for this counter; who it is, the hall says."""
    is_calling = counter.is_calling and not state.pause_reason and state.doors is not Doors.NOT_YET
    return is_calling and any(state.serves(counter, state.tickets[tid]) for _, tid in state.line)


def attends(scene: Scene, seat: Seat, behaviour: Behaviour) -> Steps[None]:
    """One look at the customer at the counter, and the next thing to do for them."""
    ticket = scene.state.tickets[scene.state.counters[seat.counter_id].ticket_id]
    if ticket.status is TicketStatus.SERVING:
        due_ms, wish = ticket.started_ms + behaviour.service_ms(ticket), c.FinishService(seat.counter_id)
    elif not behaviour.is_absent(ticket):
        yield from _welcomes(scene, seat, ticket, behaviour)
        return
    else:
        yield from _misses(scene, seat, ticket)
        return
    if scene.now_ms < due_ms:
        yield from until(due_ms)
        return
    result = yield from ask(seat.person_id, wish)
    if isinstance(result, Refusal):
        yield from until(scene.now_ms + GLANCE_MS, or_news=True)


def _welcomes(scene: Scene, seat: Seat, ticket: Ticket, behaviour: Behaviour) -> Steps[None]:
    due_ms = ticket.called_ms + behaviour.walk_ms(ticket)
    if scene.now_ms < due_ms:
        yield from until(due_ms)
        return
    result = yield from ask(seat.person_id, c.StartService(seat.counter_id))
    if isinstance(result, Refusal):
        yield from until(scene.now_ms + GLANCE_MS, or_news=True)


def _misses(scene: Scene, seat: Seat, ticket: Ticket) -> Steps[None]:
    """Nobody comes: call again, wait for the grace to pass, mark the no-show."""
    due_ms = ticket.last_called_ms + ticket.grace_ms
    if scene.now_ms < due_ms:
        yield from until(due_ms)
        return
    is_recalled = ticket.recall_count >= scene.state.day_rules.call.recalls_at_least
    again = c.MarkNoShow(seat.counter_id) if is_recalled else c.Recall(seat.counter_id)
    result = yield from ask(seat.person_id, again)
    if isinstance(result, Refusal):
        yield from until(scene.now_ms + GLANCE_MS)


def at_work(scene: Scene, plan: Sequence[Seat], behaviour: Behaviour) -> list[tuple[int, Steps[None]]]:
    """The processes of a staffing plan with the moments at which they begin."""
    entries: list[tuple[int, Steps[None]]] = []
    for seat in plan:
        entries.append((seat.opens_ms, seats(scene, seat, behaviour)))
        if seat.closes_ms is not None:
            entries.append((seat.closes_ms, leaves(scene, seat)))
    return entries

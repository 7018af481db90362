"""How a random day is brought to its end: for everybody who is pending, the next step."""

from __future__ import annotations

from collections.abc import Iterator

from openhall.hall.model import commands as c
from openhall.hall.model.state import CounterState, Doors, HallState, Ticket, TicketStatus
from openhall.hall.policy import DayRules
from openhall.kernel.event import Command
from openhall.rehearsal.random_day.rules import ANY_COUNTER, ANY_TELLER

Step = tuple[str, Command]


def next_steps(state: HallState, rules: DayRules) -> list[Step]:
    """One round of sensible commands, from the state at its beginning; some may be refused by then."""
    steps: list[Step] = [
        (counter.person_id, _serve(state.tickets[counter.ticket_id], counter))
        for counter in state.counters.values()
        if counter.ticket_id
    ]
    if state.pause_reason:
        steps.append(("manager", c.ResumeHall()))
    if state.doors is Doors.NOT_YET:
        steps.append(("guard", c.OpenDoors()))
    elif state.doors is Doors.OPEN:
        steps.append(("guard", c.CloseDoors()))
    steps += _staff_any_counter(state)
    for ticket in state.tickets.values():
        if ticket.status is TicketStatus.HELD:
            steps.append((ANY_TELLER, c.ResumeTicket(ticket.id, ANY_TELLER)))
        elif ticket.status is TicketStatus.DIVERTING:
            steps.append((ANY_TELLER, c.FailDiversion(ticket.diversion_id, "closing")))
    for visit in state.visits.values():
        if visit.is_pending:
            steps += _see_off(rules, visit.id)
    if state.line:
        steps.append((ANY_TELLER, c.CallNext(ANY_COUNTER)))
    if not state.pending_count and not state.pending_visit_count:
        steps.append(("manager", c.EndDay()))
    return steps


def _serve(ticket: Ticket, counter: CounterState) -> Command:
    is_serving = ticket.status is TicketStatus.SERVING
    return c.FinishService(counter.id) if is_serving else c.StartService(counter.id)


def _staff_any_counter(state: HallState) -> Iterator[Step]:
    """Get the one who can serve everybody to the counter that can serve everybody."""
    counter = state.counters[ANY_COUNTER]
    seat = next((k for k in state.counters.values() if k.person_id == ANY_TELLER), None)
    if seat is not None and seat is not counter and not seat.ticket_id:
        yield ANY_TELLER, c.CloseCounter(seat.id)
    if counter.pause_reason or counter.is_closing:
        yield ANY_TELLER, c.ResumeCounter(ANY_COUNTER)
    if not state.is_here(ANY_TELLER):  # Never lent: only absent, or gone home too early.
        yield ANY_TELLER, c.ReportPerson(ANY_TELLER, "present")
    if not counter.is_open:
        yield ANY_TELLER, c.OpenCounter(ANY_COUNTER, ANY_TELLER)
    elif counter.person_id != ANY_TELLER and not counter.ticket_id:
        yield ANY_TELLER, c.HandOverCounter(ANY_COUNTER, ANY_TELLER)


def _see_off(rules: DayRules, visit_id: str) -> Iterator[Step]:
    """A ticket for whoever has none, after the check or a reason; whom the hall still refuses leaves."""
    if rules.regime.entry.is_check_required:
        yield "guard", c.AdmitWithoutCheck("closing_roll", ANY_TELLER, visit_id=visit_id)
    wish = c.IssueTicket(rules.services[0].id, visit_id=visit_id, override_reason="closing_roll")
    yield "lobby", wish

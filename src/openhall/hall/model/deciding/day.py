"""The day and the doors: opening, pausing, closing, ending [B4, C11, C13]."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from openhall.hall.model import commands as c
from openhall.hall.model import events as e
from openhall.hall.model.deciding.dispatch import Decision, decides, known_person, refuse
from openhall.hall.model.state import Doors, HallState, Ticket, TicketStatus, Visit
from openhall.kernel.clock import business_day
from openhall.kernel.event import Event, Stamp


@decides(c.OpenDay)
def open_day(state: HallState, command: c.OpenDay, _: Stamp) -> Decision:
    """One day, one set of rules."""
    if state.rules is not None:
        raise refuse("day_already_open")
    if command.rules.branch.id != state.stream.place:
        raise refuse("rules_of_another_branch", "rules", branch=command.rules.branch.id)
    day = business_day(command.rules.opens_ms, ZoneInfo(command.rules.branch.timezone))
    if day != state.stream.day:
        raise refuse("rules_of_another_day", "rules", day=day.isoformat())
    return [e.DayOpened(command.rules)]


@decides(c.OpenDoors)
def open_doors(state: HallState, _: c.OpenDoors, __: Stamp) -> Decision:
    """Once a day; who joined before the doors opened comes in, in that order, while there is room [B4]."""
    if state.doors is Doors.OPEN:
        raise refuse("doors_already_open")
    if state.doors is Doors.CLOSED:
        raise refuse("doors_closed")
    return [e.DoorsOpened(), *(e.VisitLetIn(visit.id) for visit in _first_inside(state))]


def _first_inside(state: HallState) -> list[Visit]:
    """Who comes in when the doors open: in the order of joining, nobody past a party that does not fit."""
    limit = state.day_rules.inside_limit
    room = None if limit is None else limit - state.inside_count
    coming: list[Visit] = []
    for visit in sorted(state.visits.values(), key=lambda v: (v.joined_ms, v.joined_seq)):
        ticket = state.tickets.get(visit.ticket_id)
        is_away = visit.has_left or (ticket is not None and ticket.status is TicketStatus.HELD)
        if not visit.is_admitted or visit.is_inside or is_away:
            continue
        if room is not None:
            room -= visit.party_size
            if room < 0:
                break
        coming.append(visit)
    return coming


@decides(c.CloseDoors)
def close_doors(state: HallState, command: c.CloseDoors, _: Stamp) -> Decision:
    """Take the roll: everybody in line outside gets a place on it."""
    if state.doors is Doors.NOT_YET:
        raise refuse("doors_not_open")
    if state.doors is Doors.CLOSED:
        raise refuse("doors_closed")
    first = len(state.visits) + 1
    roll: list[Event] = [e.RollVisitAdded(f"v{first + n}") for n in range(command.outside_count)]
    return [
        *roll,
        e.DoorsClosed(
            waiting_count=state.pending_count, visit_count=state.pending_visit_count + command.outside_count
        ),
    ]


@decides(c.EndDay)
def end_day(state: HallState, _: c.EndDay, now: Stamp) -> Decision:
    """Only when everybody's visit has an end."""
    if state.doors is Doors.NOT_YET:
        raise refuse("doors_not_open")
    if state.doors is Doors.OPEN:
        raise refuse("doors_still_open")
    pending = state.pending_count + state.pending_visit_count
    if pending:
        raise refuse("day_pending", pending=pending)
    return [*_everybody_up(state), e.DayEnded(overtime_ms=max(0, now.at_ms - state.day_rules.closes_ms))]


def _everybody_up(state: HallState) -> list[Event]:
    """Who sits where is on record till the last minute, so the day's end closes what is still open."""
    return [e.CounterClosed(counter.id) for counter in state.counters.values() if counter.is_open]


@decides(c.ForceEndDay)
def force_end_day(state: HallState, command: c.ForceEndDay, _: Stamp) -> Decision:
    """A name and a reason stand for everybody who was not served."""
    known_person(state, command.approved_by, "approved_by")
    pending = state.pending_count + state.pending_visit_count
    unserved = tuple(ticket.id for ticket in state.tickets.values() if ticket.is_pending)
    return [
        e.DayForceEnded(command.reason, command.approved_by, pending, unserved),
        *_everybody_up(state),
    ]


@decides(c.PauseHall)
def pause_hall(state: HallState, command: c.PauseHall, now: Stamp) -> Decision:
    """A pause again changes the time at which calls go on."""
    if command.reason not in state.day_rules.pause_reasons:
        known = ", ".join(state.day_rules.pause_reasons)
        raise refuse("reason_unknown", "reason", reason=command.reason, known=known)
    if command.resume_ms <= now.at_ms:
        raise refuse("time_not_ahead", "resume_ms")
    return [e.HallPaused(command.reason, command.resume_ms)]


@decides(c.ResumeHall)
def resume_hall(state: HallState, _: c.ResumeHall, __: Stamp) -> Decision:
    """A person ends the pause, not the clock: the hall may not be ready."""
    if not state.pause_reason:
        raise refuse("hall_not_paused")
    return [e.HallResumed()]


def lapsed_holds(state: HallState, now_ms: int) -> list[Ticket]:
    """Held tickets whose window has passed and that time alone may end: where the bank wants it so, and
    everywhere once the doors are closed, or nobody could go home."""
    if state.day_rules.hold.when_late != "lapse" and state.doors is not Doors.CLOSED:
        return []
    return [t for t in state.tickets.values() if t.status is TicketStatus.HELD and t.held_until_ms < now_ms]

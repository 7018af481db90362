"""The door: the check that comes before the ticket [B1-B4]."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from openhall.hall.model import commands as c
from openhall.hall.model import events as e
from openhall.hall.model.deciding.dispatch import (
    Decision,
    decides,
    known_person,
    next_visit_id,
    refuse,
    visit_known,
    visit_of,
)
from openhall.hall.model.state import Doors, HallState, Visit
from openhall.kernel.clock import to_datetime
from openhall.kernel.event import Stamp


def joining_open(state: HallState, now: Stamp) -> None:
    """People may join: from the opening of the check-in till the doors close."""
    rules = state.day_rules
    if state.doors is Doors.CLOSED:
        raise refuse("doors_closed")
    if state.doors is Doors.NOT_YET and now.at_ms < rules.checkin_opens_ms:
        from_time = to_datetime(rules.checkin_opens_ms, ZoneInfo(rules.branch.timezone))
        raise refuse("checkin_not_open", opens=from_time.strftime("%H:%M"))


def checked(state: HallState, visit: Visit) -> None:
    """The second step never without the first, where the regime asks for it: on the closing roll too [B1]."""
    if state.day_rules.regime.entry.is_check_required and not visit.is_checked:
        raise refuse("check_required", "visit_id")


def fits_inside(state: HallState, party_size: int) -> bool:
    """Whether so many more people may be inside. Before the doors open everybody waits outside."""
    limit = state.day_rules.inside_limit
    return state.doors is not Doors.NOT_YET and (limit is None or state.inside_count + party_size <= limit)


def _visit_to_check(state: HallState, visit_id: str, now: Stamp) -> str:
    """A new visit's id; or that of somebody with a place and no check yet, or referred and measured again."""
    if not visit_id:
        joining_open(state, now)
        return next_visit_id(state)
    visit = visit_known(state, visit_id)
    if visit.has_left:
        raise refuse("visit_has_left", "visit_id")
    if visit.ticket_id or (visit.is_checked and visit.is_admitted):
        raise refuse("visit_checked", "visit_id")
    return visit.id


@decides(c.RecordEntryCheck)
def record_entry_check(state: HallState, command: c.RecordEntryCheck, now: Stamp) -> Decision:
    """A person decides; the rule only refuses to admit a measured fever [B2]. No degrees are kept."""
    visit_id = _visit_to_check(state, command.visit_id, now)
    if state.day_rules.regime.entry.is_temperature_read and command.temperature is None:
        raise refuse("temperature_missing", "temperature")
    if command.temperature == "at_limit_or_above" and command.result == "admit":
        raise refuse("fever_needs_referral", "result")
    is_admitted = command.result == "admit"
    return [
        e.EntryChecked(
            visit_id,
            command.method,
            is_assisted=command.method == "staff_form",
            is_admitted=is_admitted,
            is_inside=is_admitted and fits_inside(state, command.party_size),
            party_size=command.party_size,
        )
    ]


@decides(c.AdmitWithoutCheck)
def admit_without_check(state: HallState, command: c.AdmitWithoutCheck, now: Stamp) -> Decision:
    """A reason and a name instead of the check."""
    visit_id = _visit_to_check(state, command.visit_id, now)
    known_person(state, command.approved_by, "approved_by")
    return [
        e.AdmittedWithoutCheck(
            visit_id,
            command.reason,
            command.approved_by,
            is_inside=fits_inside(state, command.party_size),
            party_size=command.party_size,
        )
    ]


@decides(c.LetIn)
def let_in(state: HallState, command: c.LetIn, _: Stamp) -> Decision:
    """Whoever waits outside comes in when there is room; the place in the order is the same either way."""
    visit = visit_known(state, command.visit_id)
    if not visit.is_admitted:
        raise refuse("visit_referred", "visit_id")
    if visit.has_left:
        raise refuse("visit_has_left", "visit_id")
    if visit.is_inside:
        raise refuse("visit_is_inside", "visit_id")
    if state.doors is Doors.NOT_YET:
        raise refuse("doors_not_open")
    checked(state, visit)
    if not fits_inside(state, visit.party_size):
        raise refuse("hall_full", limit=state.day_rules.inside_limit or 0)
    return [e.VisitLetIn(visit.id)]


@decides(c.LeaveVisit)
def leave_visit(state: HallState, command: c.LeaveVisit, _: Stamp) -> Decision:
    """Gone before taking a ticket."""
    return [e.VisitLeft(visit_of(state, command.visit_id).id)]

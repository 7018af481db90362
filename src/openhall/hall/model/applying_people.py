"""How the plan, and who is here, change a hall's day."""

from __future__ import annotations

from openhall.hall.model import events as e
from openhall.hall.model.applying import applies
from openhall.hall.model.planning import in_order, without
from openhall.hall.model.state import Colleague, HallState, Loan, PeopleRequest, Presence
from openhall.hall.policy import Staff
from openhall.kernel.event import Stamp


@applies(e.PlanTaken)
def _plan_taken(state: HallState, event: e.PlanTaken, _: Stamp) -> None:
    state.plan, state.stints = event.plan, in_order(event.plan.stints)


@applies(e.PersonReported)
def _person_reported(state: HallState, event: e.PersonReported, _: Stamp) -> None:
    state.presence[event.person_id] = Presence(event.status)


@applies(e.BurstDeclared)
def _burst_declared(state: HallState, event: e.BurstDeclared, stamp: Stamp) -> None:
    state.burst_since_ms, state.burst_reason = stamp.at_ms, event.reason


@applies(e.BurstEnded)
def _burst_ended(state: HallState, _: e.BurstEnded, __: Stamp) -> None:
    state.burst_since_ms, state.burst_reason = 0, ""


@applies(e.PeopleAsked)
def _people_asked(state: HallState, event: e.PeopleAsked, stamp: Stamp) -> None:
    state.requests[event.request_id] = PeopleRequest(
        event.request_id,
        event.count,
        event.skills,
        event.from_branch,
        event.person_id,
        stamp.at_ms,
        event.until_ms,
    )


@applies(e.RequestClosed)
def _request_closed(state: HallState, event: e.RequestClosed, _: Stamp) -> None:
    state.requests[event.request_id].outcome = event.outcome


@applies(e.PersonLent)
def _person_lent(state: HallState, event: e.PersonLent, stamp: Stamp) -> None:
    state.loans[event.person_id] = Loan(
        event.person_id,
        event.to_branch,
        event.request_id,
        event.skills,
        event.posts,
        event.arrives_ms,
        event.until_ms,
    )
    state.presence[event.person_id] = Presence.LENT
    state.stints = without(state.stints, event.person_id, stamp.at_ms)


@applies(e.PersonReceived)
def _person_received(state: HallState, event: e.PersonReceived, _: Stamp) -> None:
    state.join_staff(Staff(event.person_id, event.skills, event.posts))
    state.presence[event.person_id] = Presence.COMING
    state.colleagues[event.person_id] = Colleague(
        event.person_id, event.from_branch, event.request_id, event.arrives_ms, event.until_ms
    )
    if event.request_id in state.requests:
        state.requests[event.request_id].sent.append(event.person_id)


@applies(e.PersonReturned)
def _person_returned(state: HallState, event: e.PersonReturned, stamp: Stamp) -> None:
    state.leave_staff(event.person_id)
    state.colleagues[event.person_id].has_left = True
    state.presence.pop(event.person_id)
    state.stints = without(state.stints, event.person_id, stamp.at_ms)


@applies(e.PersonBack)
def _person_back(state: HallState, event: e.PersonBack, _: Stamp) -> None:
    state.loans.pop(event.person_id)
    state.presence[event.person_id] = Presence.PRESENT

"""People and the plan: who is here, who is lent and borrowed, and when more come than was planned for
[D5, D6, W10, W24]."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from openhall.hall.model import commands as c
from openhall.hall.model import events as e
from openhall.hall.model.deciding.dispatch import (
    Decision,
    counter_of,
    decides,
    known_person,
    known_service,
    refuse,
)
from openhall.hall.model.planning import in_order, overlapping
from openhall.hall.model.state import HallState, PeopleRequest, Presence
from openhall.hall.plan import PlannedColleague, PlannedDay
from openhall.kernel.clock import HOUR_MS
from openhall.kernel.event import Event, Stamp

DAY_AT_MOST_MS = 30 * HOUR_MS
"""A stint lies in its day: the longest day has 25 hours, and overtime may run past midnight."""

HELPING_POSTS: tuple[Literal["teller", "lobby"], ...] = ("teller", "lobby")
"""What a colleague from another branch may do: never approve, manage or guard."""


@decides(c.TakePlan)
def take_plan(state: HallState, command: c.TakePlan, now: Stamp) -> Decision:
    """A plan for people and counters that exist, in which nobody has two posts at once."""
    plan = command.plan
    _check_plan(state, plan)
    coming = [each for each in plan.colleagues if state.staff(each.person_id) is None]
    received = [_received(plan, each, now.at_ms) for each in coming]
    return [e.PlanTaken(plan), *received]


def _check_plan(state: HallState, plan: PlannedDay) -> None:
    known = {each.person_id for each in plan.colleagues}
    for stint in plan.stints:
        if stint.person_id not in known:
            known_person(state, stint.person_id, "plan.stints")
        if stint.post == "window":
            counter_of(state, stint.counter_id)
        is_of_day = abs(stint.from_ms - state.day_rules.opens_ms) < DAY_AT_MOST_MS
        if stint.from_ms >= stint.until_ms or not is_of_day:
            raise refuse("plan_of_another_day", "plan.stints", person=stint.person_id)
    twice = overlapping(in_order(plan.stints))
    if twice is not None:
        raise refuse("person_planned_twice", "plan.stints", person=twice.person_id)


def _received(plan: PlannedDay, colleague: PlannedColleague, now_ms: int) -> e.PersonReceived:
    own = [s for s in plan.stints if s.person_id == colleague.person_id]
    return e.PersonReceived(
        colleague.person_id,
        colleague.from_branch,
        colleague.skills,
        _helping(colleague.posts),
        min((s.from_ms for s in own), default=now_ms),
        max((s.until_ms for s in own), default=now_ms),
    )


def _helping(posts: Iterable[str]) -> tuple[Literal["teller", "lobby"], ...]:
    return tuple(post for post in HELPING_POSTS if post in posts)


def not_seated(state: HallState, person_id: str) -> None:
    """The person sits at no counter."""
    counter = next((k.id for k in state.counters.values() if k.person_id == person_id), "")
    if counter:
        raise refuse("person_elsewhere", "person_id", person=person_id, counter=counter)


@decides(c.ReportPerson)
def report_person(state: HallState, command: c.ReportPerson, _: Stamp) -> Decision:
    """Said again, it changes nothing; who sits at a counter is plainly here."""
    known_person(state, command.person_id)
    presence = state.presence.get(command.person_id)
    if presence is Presence.LENT:
        raise refuse("person_lent", "person_id", person=command.person_id)
    if command.status != "present":
        not_seated(state, command.person_id)
    if presence is not None and presence.value == command.status:
        return []
    return [e.PersonReported(command.person_id, command.status)]


@decides(c.DeclareBurst)
def declare_burst(state: HallState, command: c.DeclareBurst, _: Stamp) -> Decision:
    """A person says it, whatever the forecast thinks."""
    if state.burst_since_ms:
        raise refuse("burst_already")
    return [e.BurstDeclared(command.reason)]


@decides(c.EndBurst)
def end_burst(state: HallState, _: c.EndBurst, __: Stamp) -> Decision:
    """A person says that too."""
    if not state.burst_since_ms:
        raise refuse("no_burst")
    return [e.BurstEnded()]


@decides(c.AskForPeople)
def ask_for_people(state: HallState, command: c.AskForPeople, now: Stamp) -> Decision:
    """Head office and the neighbours see it at once."""
    if command.until_ms <= now.at_ms:
        raise refuse("time_not_ahead", "until_ms")
    for skill in command.skills:
        known_service(state, skill)
    asked = e.PeopleAsked(
        next_request_id(state),
        command.count,
        command.until_ms,
        command.skills,
        command.from_branch,
        command.person_id,
    )
    return [asked]


def next_request_id(state: HallState) -> str:
    """The id of the next request for colleagues."""
    return f"r{len(state.requests) + 1}"


def _standing_request(state: HallState, request_id: str) -> PeopleRequest:
    request = state.requests.get(request_id)
    if request is None:
        raise refuse("request_unknown", "request_id", request=request_id)
    if request.outcome:
        raise refuse("request_closed", "request_id", request=request_id)
    return request


@decides(c.CloseRequest)
def close_request(state: HallState, command: c.CloseRequest, _: Stamp) -> Decision:
    """Every request has an end [H3]."""
    _standing_request(state, command.request_id)
    return [e.RequestClosed(command.request_id, command.outcome)]


@decides(c.LendPerson)
def lend_person(state: HallState, command: c.LendPerson, now: Stamp) -> Decision:
    """Somebody who may be lent, is here and sits nowhere; one branch at a time."""
    person_id = command.person_id
    known_person(state, person_id)
    person = state.staff(person_id)
    assert person is not None
    if person_id in state.colleagues or not person.can_be_lent:
        raise refuse("person_not_lendable", "person_id", person=person_id)
    if command.to_branch == state.stream.place:
        raise refuse("branch_is_own", "to_branch")
    if person_id in state.loans:
        raise refuse("person_lent", "person_id", person=person_id)
    if not state.is_here(person_id):
        raise refuse("person_not_here", "person_id", person=person_id)
    not_seated(state, person_id)
    if not now.at_ms <= command.arrives_ms < command.until_ms:
        raise refuse("time_not_ahead", "arrives_ms")
    lent = e.PersonLent(
        person_id,
        command.to_branch,
        person.skills,
        _helping(person.posts),
        command.arrives_ms,
        command.until_ms,
        command.request_id,
    )
    return [lent]


@decides(c.ReceivePerson)
def receive_person(state: HallState, command: c.ReceivePerson, _: Stamp) -> Decision:
    """Once, however often the other branch says so. A request that is filled by it is closed."""
    colleague = state.colleagues.get(command.person_id)
    if colleague is not None and not colleague.has_left:
        return []
    if state.staff(command.person_id) is not None:
        raise refuse("person_is_own", "person_id", person=command.person_id)
    received = e.PersonReceived(
        command.person_id,
        command.from_branch,
        command.skills,
        command.posts,
        command.arrives_ms,
        command.until_ms,
        command.request_id,
    )
    events: list[Event] = [received]
    request = state.requests.get(command.request_id)
    if request is not None and not request.outcome and len(request.sent) + 1 >= request.count:
        events.append(e.RequestClosed(request.id, "filled"))
    return events


@decides(c.ReturnPerson)
def return_person(state: HallState, command: c.ReturnPerson, _: Stamp) -> Decision:
    """From no counter, back to the own branch."""
    colleague = state.colleagues.get(command.person_id)
    if colleague is None or colleague.has_left:
        raise refuse("person_unknown", "person_id", person=command.person_id)
    not_seated(state, command.person_id)
    return [e.PersonReturned(command.person_id)]


@decides(c.TakeBackPerson)
def take_back_person(state: HallState, command: c.TakeBackPerson, _: Stamp) -> Decision:
    """Once, however often the other branch says so."""
    return [e.PersonBack(command.person_id)] if command.person_id in state.loans else []

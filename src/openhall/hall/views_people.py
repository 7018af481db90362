"""The plan and the people at one moment, as the screens show them: what is due, who is here, who is asked for
[D5, D6, W9, W10, W24].

A view decides nothing. What the hall would refuse is not offered, or says what it waits for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from openhall.hall.model.proposing import AHEAD_MS, Proposal, proposals
from openhall.hall.model.state import HallState, PeopleRequest, Presence
from openhall.hall.policy import Staff
from openhall.kernel.clock import MINUTE_MS
from openhall.network.model import Bank
from openhall.network.staffing import PlannedPost

COMING_CHANGES_MS = 60 * MINUTE_MS
"""How far ahead changes are shown: long enough to walk over and say it, short enough to be read."""

Where = PlannedPost | Literal["home", ""]
"""A post of the plan, the way home after the last one, or nothing that the plan knows of."""

Step = Literal["has_come", "absent", "left", "goes_back", "does_not_come"]


class ChangeView(msgspec.Struct, frozen=True):
    """Somebody goes to another post at a moment; `counter_number` is 0 away from a window."""

    person_id: str
    at_ms: int
    post: Where
    counter_number: int
    until_ms: int
    """0 where the plan says nothing more of it: the way home."""


class ProposalView(msgspec.Struct, frozen=True):
    """One of the hall's own commands, filled in by the plan."""

    kind: Literal["open", "close", "hand_over"]
    counter_id: str
    counter_number: int
    person_id: str
    """Who is to sit there; for a closing, who is to leave."""
    from_ms: int
    until_ms: int
    leaving: ChangeView | None
    """Where the person goes who sits there now; None where nobody does."""
    waits_for: str
    """The number of a customer who must be finished first, because the new person cannot serve them."""


class PersonView(msgspec.Struct, frozen=True):
    """Somebody on duty today. Times are ms, 0 for none."""

    person_id: str
    presence: Presence
    is_reported: bool
    """Somebody said so, or it is plain from the window; else it is only taken to be so."""
    post: Where
    """As planned for now."""
    post_number: int
    """The window of that post."""
    post_until_ms: int
    counter_number: int
    """Where they sit, 0 for nowhere."""
    next: ChangeView | None
    from_branch: str
    """Empty for the branch's own people."""
    arrives_ms: int
    to_branch: str
    """Where they help out, for those who are lent."""
    stays_until_ms: int
    """Of a colleague, and of somebody who is lent."""
    steps: tuple[Step, ...]
    """What can be said of them now."""


class RequestView(msgspec.Struct, frozen=True):
    """A request for colleagues. It stands while `outcome` is empty."""

    id: str
    count: int
    skills: tuple[str, ...]
    from_branch: str
    person_id: str
    asked_ms: int
    until_ms: int
    sent: tuple[str, ...]
    outcome: str
    is_over: bool
    """Nobody ended it, and the time that it was about has passed."""

    @property
    def open_count(self) -> int:
        """People who are still asked for."""
        return 0 if self.outcome or self.is_over else max(0, self.count - len(self.sent))


class PlanView(msgspec.Struct, frozen=True):
    """The plan and the people of one moment."""

    is_planned: bool
    """A plan was published for today, or a move with a time was accepted."""
    proposals: tuple[ProposalView, ...]
    changes: tuple[ChangeView, ...]
    """Of the next hour, earliest first, without what is due already."""
    own: tuple[PersonView, ...]
    """The branch's people on duty today."""
    unplanned: tuple[PersonView, ...]
    """Its people of whom the plan knows nothing today."""
    guests: tuple[PersonView, ...]
    """Colleagues from other branches who are here or on the way."""
    here_count: int
    absent_count: int
    coming_count: int
    requests: tuple[RequestView, ...]
    """Today's, latest first."""
    burst_since_ms: int
    burst_reason: str


class HelperView(msgspec.Struct, frozen=True):
    """Somebody who could be sent, and what they would leave."""

    person_id: str
    branch: str
    travel_minutes: int
    arrives_ms: int
    skills: tuple[str, ...]
    """Those of the services asked for; all of theirs where none was named."""
    lacks: tuple[str, ...]
    """Services asked for that they cannot do."""
    post: Where
    post_number: int
    post_until_ms: int
    is_wanted: bool
    """The request names this person."""
    is_burst: bool
    """Their own branch has more people than its plan can bear."""

    @property
    def is_easily_spared(self) -> bool:
        """They leave no window, and no branch in a burst."""
        return self.post != "window" and not self.is_burst


class HelpView(msgspec.Struct, frozen=True):
    """A standing request of a branch, with those who could be sent."""

    branch: str
    request: RequestView
    choices: tuple[HelperView, ...]


def plan_view(state: HallState, now_ms: int) -> PlanView:
    """The plan and the people now."""
    seats = _seats(state)
    people = [_person(state, each, seats, now_ms) for each in state.staff_today]
    # Who is lent stays on the staff; a colleague joined it. A plan names who is on duty, else everybody is.
    named = {s.person_id for s in state.stints} | state.presence.keys() | seats.keys()
    is_planned = bool(state.stints)
    own = [p for p in people if not p.from_branch]
    on_duty = [p for p in own if not is_planned or p.person_id in named]
    guests = tuple(p for p in people if p.from_branch)
    counted = [*on_duty, *guests]
    return PlanView(
        is_planned=is_planned or state.plan is not None,
        proposals=tuple(_proposal(state, each, now_ms) for each in _due(state, now_ms)),
        changes=_changes(state, now_ms),
        own=tuple(on_duty),
        unplanned=tuple(p for p in own if p not in on_duty),
        guests=guests,
        here_count=sum(p.presence is Presence.PRESENT for p in counted),
        absent_count=sum(p.presence is Presence.ABSENT for p in counted),
        coming_count=sum(p.presence is Presence.COMING for p in counted),
        requests=tuple(_request(r, now_ms) for r in reversed(state.requests.values())),
        burst_since_ms=state.burst_since_ms,
        burst_reason=state.burst_reason,
    )


def proposals_due(state: HallState, now_ms: int) -> int:
    """How many proposals of the plan wait for somebody."""
    return len(_due(state, now_ms))


def next_change(state: HallState, person_id: str, now_ms: int) -> ChangeView | None:
    """Where the plan has somebody go next; None when it says nothing more."""
    return next((each for each in _changes_of(state, person_id) if each.at_ms > now_ms), None)


def change_due(state: HallState, counter_id: str, now_ms: int) -> ChangeView | None:
    """Where who sits at a counter is to be by now; None while that is here, or nothing is planned."""
    counter = state.counters[counter_id]
    change = _last_change(state, counter.person_id, now_ms) if counter.is_open else None
    if change is None or (change.post == "window" and change.counter_number == _number(state, counter_id)):
        return None
    return change


def relief(state: HallState, counter_id: str, after: ChangeView) -> str:
    """Who is planned to take over a counter when somebody leaves it; empty for nobody."""
    found = (
        s.person_id
        for s in state.stints
        if s.counter_id == counter_id and s.from_ms == after.at_ms and s.person_id != after.person_id
    )
    return next(found, "")


def help_wanted(
    bank: Bank, halls: Mapping[str, HallState], now_ms: int, *, lender: str = ""
) -> tuple[HelpView, ...]:
    """The standing requests of all halls, oldest first, with those who could be sent, best first.

    With a `lender`, those of the branches that it is near enough to, and its own people only; without one, as
    head office sees it, all of them, also where nobody is near or free.
    """
    found = []
    for branch, helped in halls.items():
        views = (_request(r, now_ms) for r in helped.requests.values())
        wanted = [view for view in views if view.open_count and not helped.is_ended]
        reach = _reach(bank, branch) if wanted else {}
        near = [other for other in reach if other in halls and lender in {"", other}]
        for view in wanted if near or not lender else ():
            choices = [h for other in near for h in _lendable(halls[other], view, reach[other], now_ms)]
            found.append(HelpView(branch, view, tuple(sorted(choices, key=_preference))))
    return tuple(sorted(found, key=lambda each: (each.request.asked_ms, each.branch)))


def _reach(bank: Bank, branch: str) -> dict[str, int]:
    """Minutes of travel to the branches that are near enough to lend."""
    ways = {n.other: n.travel_minutes for n in bank.neighbours if n.branch == branch}
    ways |= {n.branch: n.travel_minutes for n in bank.neighbours if n.other == branch}
    return {other: m for other, m in ways.items() if m <= bank.staffing.travel_minutes_most}


def _lendable(
    lender: HallState, request: RequestView, travel_minutes: int, now_ms: int
) -> Iterable[HelperView]:
    """Who is here, sits nowhere, may be lent, and can do some of what is asked for."""
    # Up to the whole minute: what is on the button is what is sent.
    arrives_ms = -(-(now_ms + travel_minutes * MINUTE_MS) // MINUTE_MS) * MINUTE_MS
    if lender.is_ended or arrives_ms >= request.until_ms:
        return
    seats = _seats(lender)
    for person in lender.staff_today:
        is_free = person.can_be_lent and person.id not in seats and lender.is_here(person.id)
        skills = tuple(s for s in person.skills if not request.skills or s in request.skills)
        post, number, until_ms = _planned_now(lender, person.id, now_ms)
        # Who has no duty now is at home, whatever the hall takes for granted, unless somebody saw them.
        is_on_duty = not lender.stints or bool(post) or person.id in lender.presence
        if not is_free or not is_on_duty or person.id in lender.colleagues or not skills:
            continue
        yield HelperView(
            person_id=person.id,
            branch=lender.stream.place,
            travel_minutes=travel_minutes,
            arrives_ms=arrives_ms,
            skills=skills,
            lacks=tuple(s for s in request.skills if s not in person.skills),
            post=post,
            post_number=number,
            post_until_ms=until_ms,
            is_wanted=person.id == request.person_id,
            is_burst=bool(lender.burst_since_ms),
        )


def _preference(helper: HelperView) -> tuple[object, ...]:
    """Who was asked for by name, who can do all of it, who is easily spared, who is near."""
    return (
        not helper.is_wanted,
        len(helper.lacks),
        not helper.is_easily_spared,
        helper.travel_minutes,
        helper.branch,
        helper.person_id,
    )


def _seats(state: HallState) -> dict[str, str]:
    """Counter id by who sits there."""
    return {k.person_id: k.id for k in state.counters.values() if k.person_id}


def _number(state: HallState, counter_id: str) -> int:
    return state.counter_rules(counter_id).number if counter_id in state.counters else 0


def _planned_now(state: HallState, person_id: str, now_ms: int) -> tuple[Where, int, int]:
    """Post, window number and end of what somebody is to do now."""
    change = _last_change(state, person_id, now_ms)
    if change is None or change.post == "home":
        return "", 0, 0
    return change.post, change.counter_number, change.until_ms


def _changes_of(state: HallState, person_id: str) -> list[ChangeView]:
    """Each post of somebody's day from its beginning, holes as free time, and the way home at the end."""
    found: list[ChangeView] = []
    for stint in state.stints:
        if stint.person_id != person_id:
            continue
        number = _number(state, stint.counter_id)
        last = found[-1] if found else None
        if (
            last
            and last.until_ms == stint.from_ms
            and (last.post, last.counter_number)
            == (
                stint.post,
                number,
            )
        ):
            found[-1] = msgspec.structs.replace(last, until_ms=stint.until_ms)
            continue
        if last and last.until_ms < stint.from_ms:
            found.append(ChangeView(person_id, last.until_ms, "gap", 0, stint.from_ms))
        found.append(ChangeView(person_id, stint.from_ms, stint.post, number, stint.until_ms))
    if found:
        found.append(ChangeView(person_id, found[-1].until_ms, "home", 0, 0))
    return found


def _changes(state: HallState, now_ms: int) -> tuple[ChangeView, ...]:
    """Of those who are here or on the way."""
    away = {Presence.ABSENT, Presence.LEFT, Presence.LENT}
    planned = {s.person_id for s in state.stints if state.presence.get(s.person_id) not in away}
    found = [
        change
        for person_id in planned
        for change in _changes_of(state, person_id)
        if now_ms + AHEAD_MS < change.at_ms <= now_ms + COMING_CHANGES_MS
    ]
    return tuple(sorted(found, key=lambda c: (c.at_ms, c.counter_number or 10_000, c.person_id)))


def _due(state: HallState, now_ms: int) -> list[Proposal]:
    """Who sits down before the plan begins for them is not asked to leave."""
    return [each for each in proposals(state, now_ms) if each.from_ms <= now_ms + AHEAD_MS]


def _proposal(state: HallState, due: Proposal, now_ms: int) -> ProposalView:
    counter = state.counters[due.counter_id]
    ticket, person = state.tickets.get(counter.ticket_id), state.staff(due.person_id)
    is_unable = ticket is not None and person is not None and ticket.service_id not in person.skills
    return ProposalView(
        kind=due.kind,
        counter_id=due.counter_id,
        counter_number=_number(state, due.counter_id),
        person_id=due.person_id,
        from_ms=due.from_ms,
        until_ms=due.until_ms,
        leaving=_last_change(state, counter.person_id, now_ms + AHEAD_MS) if counter.is_open else None,
        waits_for=ticket.number if due.kind == "hand_over" and ticket is not None and is_unable else "",
    )


def _last_change(state: HallState, person_id: str, at_ms: int) -> ChangeView | None:
    """Where somebody is to be at a moment, home at the end included; None before the plan begins for them."""
    planned = [c for c in _changes_of(state, person_id) if c.at_ms <= at_ms]
    return planned[-1] if planned else None


def _person(state: HallState, person: Staff, seats: Mapping[str, str], now_ms: int) -> PersonView:
    reported = state.presence.get(person.id)
    presence = reported or Presence.PRESENT
    counter_id = seats.get(person.id, "")
    colleague, loan = state.colleagues.get(person.id), state.loans.get(person.id)
    is_guest = colleague is not None and not colleague.has_left
    post, number, until_ms = _planned_now(state, person.id, now_ms)
    return PersonView(
        person_id=person.id,
        presence=presence,
        is_reported=reported is not None or bool(counter_id),
        post=post,
        post_number=number,
        post_until_ms=until_ms,
        counter_number=_number(state, counter_id),
        next=next_change(state, person.id, now_ms),
        from_branch=colleague.from_branch if colleague and is_guest else "",
        arrives_ms=colleague.arrives_ms if colleague and is_guest else loan.arrives_ms if loan else 0,
        to_branch=loan.to_branch if loan else "",
        stays_until_ms=colleague.until_ms if colleague and is_guest else loan.until_ms if loan else 0,
        steps=() if counter_id or state.is_ended else _steps(presence, is_guest=is_guest),
    )


def _steps(presence: Presence, *, is_guest: bool) -> tuple[Step, ...]:
    """Who sits at a window is plainly here, and who is lent is for the other branch to say."""
    if presence is Presence.LENT:
        return ()
    if is_guest:
        return ("goes_back",) if presence is Presence.PRESENT else ("has_come", "does_not_come")
    return ("has_come", "absent", "left")


def _request(request: PeopleRequest, now_ms: int) -> RequestView:
    return RequestView(
        id=request.id,
        count=request.count,
        skills=request.skills,
        from_branch=request.from_branch,
        person_id=request.person_id,
        asked_ms=request.asked_ms,
        until_ms=request.until_ms,
        sent=tuple(request.sent),
        outcome=request.outcome,
        is_over=not request.outcome and request.until_ms <= now_ms,
    )

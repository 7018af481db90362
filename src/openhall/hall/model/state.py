"""A hall's day as it stands: visits, tickets, counters, tasks, and the line itself."""

from __future__ import annotations

import copy
from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum

from openhall.hall.booking import BookingTerms
from openhall.hall.model.asked import Appointment, Ring
from openhall.hall.plan import PlannedDay, PlannedStint
from openhall.hall.policy import DayRules, Key, Staff
from openhall.hall.told import JoiningWait, Move, RoomLeft, Told, ToldAtIssue
from openhall.kernel.clock import MINUTE_MS
from openhall.kernel.event import StreamId
from openhall.network.model import Counter, Handling, Post, PriorityClass, Service

PACE_CALLS_KEPT = 4_000

ADVICE_GOOD_FOR_MS = 5 * MINUTE_MS
"""Older advice is about another hall."""


class TicketStatus(StrEnum):
    """Where a ticket is. The first five are pending; the others are ends."""

    WAITING = "waiting"
    CALLED = "called"
    SERVING = "serving"
    HELD = "held"
    DIVERTING = "diverting"
    SERVED = "served"
    DIVERTED = "diverted"
    NO_SHOW = "no_show"
    RENEGED = "reneged"
    LAPSED = "lapsed"
    UNSERVED = "unserved"


PENDING = frozenset(
    {
        TicketStatus.WAITING,
        TicketStatus.CALLED,
        TicketStatus.SERVING,
        TicketStatus.HELD,
        TicketStatus.DIVERTING,
    }
)
AT_COUNTER = frozenset({TicketStatus.CALLED, TicketStatus.SERVING})
REINSTATABLE = frozenset({TicketStatus.NO_SHOW, TicketStatus.RENEGED, TicketStatus.LAPSED})

MOVES: dict[TicketStatus, frozenset[TicketStatus]] = {
    TicketStatus.WAITING: frozenset(
        {
            TicketStatus.CALLED,
            TicketStatus.HELD,
            TicketStatus.DIVERTING,
            TicketStatus.RENEGED,
            TicketStatus.WAITING,  # entered from paper, with a further service to do
            TicketStatus.SERVED,  # entered from paper
            TicketStatus.NO_SHOW,  # entered from paper
            TicketStatus.UNSERVED,
        }
    ),
    TicketStatus.CALLED: frozenset(
        {
            TicketStatus.SERVING,
            TicketStatus.NO_SHOW,
            TicketStatus.HELD,
            TicketStatus.WAITING,  # transferred
            TicketStatus.RENEGED,
            TicketStatus.UNSERVED,
        }
    ),
    TicketStatus.SERVING: frozenset({TicketStatus.SERVED, TicketStatus.WAITING, TicketStatus.UNSERVED}),
    TicketStatus.HELD: frozenset(
        {TicketStatus.WAITING, TicketStatus.LAPSED, TicketStatus.RENEGED, TicketStatus.UNSERVED}
    ),
    TicketStatus.DIVERTING: frozenset({TicketStatus.DIVERTED, TicketStatus.WAITING, TicketStatus.UNSERVED}),
    TicketStatus.NO_SHOW: frozenset({TicketStatus.WAITING}),
    TicketStatus.RENEGED: frozenset({TicketStatus.WAITING}),
    TicketStatus.LAPSED: frozenset({TicketStatus.WAITING}),
    TicketStatus.SERVED: frozenset(),
    TicketStatus.DIVERTED: frozenset(),
    TicketStatus.UNSERVED: frozenset(),
}
"""The whole life of a ticket. `HallState.move` is the one function that walks it."""


class Doors(StrEnum):
    """The doors over the day."""

    NOT_YET = "not_yet"
    OPEN = "open"
    CLOSED = "closed"


@dataclass(slots=True)
class Visit:
    """Somebody (or a party) who has joined, from the entry check to the ticket or to leaving without one."""

    id: str
    joined_ms: int
    joined_seq: int
    is_admitted: bool = True
    is_inside: bool = True
    party_size: int = 1
    ticket_id: str = ""
    has_left: bool = False
    is_checked: bool = False
    """Has passed the entry check, or was let past it by name."""

    @property
    def is_pending(self) -> bool:
        """Admitted, still here, and without a ticket."""
        return self.is_admitted and not self.has_left and not self.ticket_id


@dataclass(slots=True)
class Ticket:
    """A number, a place, and what became of it. Times are ms; 0 means not yet."""

    id: str
    number: str
    visit_id: str
    service_id: str
    class_code: str
    key: Key
    joined_ms: int
    joined_seq: int
    issued_ms: int
    status: TicketStatus = TicketStatus.WAITING
    claimed_class: str = ""
    need: str = ""
    handling: tuple[Handling, ...] = ()
    party_size: int = 1
    later_services: tuple[str, ...] = ()
    counter_id: str = ""
    person_id: str = ""
    called_ms: int = 0
    first_called_ms: int = 0
    last_called_ms: int = 0
    recall_count: int = 0
    grace_ms: int = 0
    started_ms: int = 0
    ended_ms: int = 0
    held_since_ms: int = 0
    held_until_ms: int = 0
    held_total_ms: int = 0
    hold_count: int = 0
    contact_person: str = ""
    diversion_id: str = ""
    escort_id: str = ""
    services_done: int = 0
    told_at_issue: ToldAtIssue | None = None
    told: Told | None = None
    """The latest that was said about the wait; None when nothing was."""
    appointment_ms: int = 0
    """When the appointment is, for who has one."""
    counts_from_ms: int = 0
    """From when on the place counts by the appointment; 0 where it does not."""

    @property
    def is_pending(self) -> bool:
        """Whether the day may not end because of it."""
        return self.status in PENDING

    def held_ms_by(self, now_ms: int) -> int:
        """Time away by the customer's own wish, with the present hold."""
        return self.held_total_ms + (now_ms - self.held_since_ms if self.held_since_ms else 0)

    @property
    def next_service(self) -> str:
        """What the visit goes on with after the present service; empty when that is the last."""
        return self.later_services[0] if self.later_services else ""


@dataclass(slots=True)
class CounterState:
    """A counter and who sits there. No person means closed."""

    id: str
    person_id: str = ""
    ticket_id: str = ""
    pause_reason: str = ""
    is_closing: bool = False
    free_since_ms: int = 0
    """Since when somebody sits there with nobody to serve."""
    auto_call_from_ms: int = 0
    """No customer is called by itself before; 0 for no wish."""
    auto_call_reason: str = ""

    @property
    def is_open(self) -> bool:
        """Somebody sits there."""
        return bool(self.person_id)

    @property
    def is_calling(self) -> bool:
        """Open, and taking further customers."""
        return bool(self.person_id) and not self.pause_reason and not self.is_closing


class TaskStatus(StrEnum):
    """An escort task."""

    OPEN = "open"
    TAKEN = "taken"
    DONE = "done"


@dataclass(slots=True)
class EscortTask:
    """Somebody is to be fetched to a counter."""

    id: str
    ticket_id: str
    counter_id: str
    opened_ms: int
    status: TaskStatus = TaskStatus.OPEN
    person_id: str = ""


class DiversionStatus(StrEnum):
    """An offer and what came of it."""

    OFFERED = "offered"
    ACCEPTED = "accepted"
    STARTED = "started"
    DECLINED = "declined"
    COMPLETED = "completed"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"


@dataclass(slots=True)
class Diversion:
    """One offer to one ticket."""

    id: str
    ticket_id: str
    channel: str
    is_counted: bool
    offered_ms: int
    status: DiversionStatus = DiversionStatus.OFFERED
    helper: str = ""


@dataclass(slots=True)
class Advice:
    """What could be done, what was decided, and what came of it. Times are ms."""

    id: str
    given_ms: int
    horizon_ms: int
    late_ms: int
    moves: tuple[Move, ...]
    taken: dict[int, int] = field(default_factory=dict)
    """Moment of the decision, by move."""
    declined: dict[int, str] = field(default_factory=dict)
    """Reason, by move."""
    is_reviewed: bool = False
    expected_with_moves_ms: int = 0
    seen_ms: int = 0


class Presence(StrEnum):
    """What is known of somebody on the staff today. Who was never reported is taken to be there."""

    PRESENT = "present"
    ABSENT = "absent"
    LEFT = "left"
    COMING = "coming"
    """A colleague from another branch who is on the way."""
    LENT = "lent"
    """At another branch."""


@dataclass(slots=True)
class Colleague:
    """Somebody of another branch who helps out here [D6]. Times are ms."""

    person_id: str
    from_branch: str
    request_id: str
    arrives_ms: int
    until_ms: int
    has_left: bool = False


@dataclass(slots=True)
class Loan:
    """Somebody of this branch who helps out elsewhere. Times are ms."""

    person_id: str
    to_branch: str
    request_id: str
    skills: tuple[str, ...]
    posts: tuple[Post, ...]
    arrives_ms: int
    until_ms: int


@dataclass(slots=True)
class PeopleRequest:
    """Other branches and head office are asked for people [D6]. Times are ms."""

    id: str
    count: int
    skills: tuple[str, ...]
    from_branch: str
    """Where help was advised to come from; empty is anywhere."""
    person_id: str
    asked_ms: int
    until_ms: int
    sent: list[str] = field(default_factory=list)
    outcome: str = ""
    """Empty while it stands."""


@dataclass(slots=True)
class HallState:
    """One branch-day. Only `model.applying` changes it."""

    stream: StreamId
    rules: DayRules | None = None
    doors: Doors = Doors.NOT_YET
    is_ended: bool = False
    doors_opened_ms: int = 0
    doors_closed_ms: int = 0
    pause_reason: str = ""
    pause_since_ms: int = 0
    pause_until_ms: int = 0
    pauses: list[tuple[int, int]] = field(default_factory=list)
    """(from, to) of each pause of the whole hall that is over."""
    visits: dict[str, Visit] = field(default_factory=dict)
    tickets: dict[str, Ticket] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)
    """Ticket id by number."""
    issued_by_letter: dict[str, int] = field(default_factory=dict)
    line: list[tuple[Key, str]] = field(default_factory=list)
    """(key, ticket id) of every waiting ticket, sorted: the one line of the hall [C2]."""
    counters: dict[str, CounterState] = field(default_factory=dict)
    escorts: dict[str, EscortTask] = field(default_factory=dict)
    diversions: dict[str, Diversion] = field(default_factory=dict)
    calls: deque[tuple[int, str]] = field(default_factory=lambda: deque(maxlen=PACE_CALLS_KEPT))
    """(moment, service) of each call, latest last."""
    pending_count: int = 0
    inside_count: int = 0
    baulk_count: int = 0
    referred_count: int = 0
    told_ms: int = 0
    """When the twin last said something, be it that all still holds."""
    joining: dict[tuple[str, str], JoiningWait] = field(default_factory=dict)
    """What somebody joining is told, by service and class."""
    room: RoomLeft | None = None
    room_tickets: int = 0
    """Tickets of people without an appointment that there were when `room` was told."""
    advices: dict[str, Advice] = field(default_factory=dict)
    """The last one is the one that holds; of older ones those on which something was decided."""
    advice_count: int = 0
    """Given today."""
    plan: PlannedDay | None = None
    """As published; what was decided since is in `stints`."""
    stints: tuple[PlannedStint, ...] = ()
    """Who is to be where and when: the plan with the moves that were taken, by person and time."""
    presence: dict[str, Presence] = field(default_factory=dict)
    colleagues: dict[str, Colleague] = field(default_factory=dict)
    loans: dict[str, Loan] = field(default_factory=dict)
    requests: dict[str, PeopleRequest] = field(default_factory=dict)
    burst_since_ms: int = 0
    """Since when a burst has been declared; 0 for none [W10]."""
    burst_reason: str = ""
    terms: BookingTerms | None = None
    """What can be booked for the day; None while nobody said so."""
    code_salt: str = ""
    appointments: dict[str, Appointment] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)
    """Appointment id by code."""
    rings: dict[str, Ring] = field(default_factory=dict)
    _services: dict[str, Service] = field(default_factory=dict)
    _classes: dict[str, PriorityClass] = field(default_factory=dict)
    _staff: dict[str, Staff] = field(default_factory=dict)
    _counters: dict[str, Counter] = field(default_factory=dict)

    # -- the rules of the day, looked up --------------------------------------------------------------

    def bind(self, rules: DayRules) -> None:
        """Take the day's rules and make the look-up tables they give."""
        self.rules = rules
        self._services = {s.id: s for s in rules.services}
        self._classes = {c.code: c for c in rules.classes}
        self._staff = {p.id: p for p in rules.staff}
        self._counters = {c.id: c for c in rules.branch.counters}
        self.counters = {c.id: CounterState(c.id) for c in rules.branch.counters}

    @property
    def day_rules(self) -> DayRules:
        """The rules of an opened day."""
        assert self.rules is not None, "the day has not been opened"
        return self.rules

    def service(self, service_id: str) -> Service | None:
        """A service offered today."""
        return self._services.get(service_id)

    def class_(self, code: str) -> PriorityClass | None:
        """A priority class."""
        return self._classes.get(code)

    def staff(self, person_id: str) -> Staff | None:
        """Somebody on the branch's staff."""
        return self._staff.get(person_id)

    def join_staff(self, person: Staff) -> None:
        """A colleague from another branch works here today."""
        self._staff[person.id] = person

    def leave_staff(self, person_id: str) -> None:
        """A colleague from another branch has gone home."""
        self._staff.pop(person_id, None)

    @property
    def staff_today(self) -> tuple[Staff, ...]:
        """The branch's own people, then colleagues from elsewhere, in the order in which they came."""
        return tuple(self._staff.values())

    def is_here(self, person_id: str) -> bool:
        """Whether somebody can be given a post now."""
        return self.presence.get(person_id, Presence.PRESENT) is Presence.PRESENT

    def counter_rules(self, counter_id: str) -> Counter:
        """A counter as configured."""
        return self._counters[counter_id]

    def keep_advice(self, advice: Advice) -> None:
        """Take new advice, and forget what is too old to be decided on: it comes by the minute."""
        self.advices = {
            id_: old
            for id_, old in self.advices.items()
            if old.taken or old.declined or advice.given_ms - old.given_ms <= ADVICE_GOOD_FOR_MS
        }
        self.advices[advice.id] = advice
        self.advice_count += 1

    def has_forgotten(self, advice_id: str) -> bool:
        """Whether it was given today, and nothing was decided on it while it was good."""
        number = advice_id.removeprefix("a")
        is_given = number.isdecimal() and 1 <= int(number) <= self.advice_count
        return is_given and advice_id not in self.advices

    def find_ticket(self, id_or_number: str) -> Ticket | None:
        """A ticket by its id or by the number printed on it."""
        return self.tickets.get(id_or_number) or self.tickets.get(self.numbers.get(id_or_number.upper(), ""))

    @property
    def unbooked_count(self) -> int:
        """Tickets of people without an appointment: the others' time was promised before they came."""
        return len(self.tickets) - sum(bool(booked.ticket_id) for booked in self.appointments.values())

    # -- the line -------------------------------------------------------------------------------------

    def move(self, ticket: Ticket, to: TicketStatus) -> None:
        """Change a ticket's status, and the line with it. The only way to do either."""
        assert to in MOVES[ticket.status], f"{ticket.id}: {ticket.status} -> {to}"
        if ticket.status is TicketStatus.WAITING:
            self._take_from_line(ticket)
        was_pending = ticket.is_pending
        ticket.status = to
        if to is TicketStatus.WAITING:
            insort(self.line, (ticket.key, ticket.id))
        self._count(ticket, was_pending=was_pending)

    def _count(self, ticket: Ticket, *, was_pending: bool) -> None:
        if ticket.is_pending and not was_pending:
            self.pending_count += 1
        elif was_pending and not ticket.is_pending:
            self.pending_count -= 1
            ticket.told = None  # nobody waits by it any more, and a day has hundreds of them
        else:
            return
        visit = self.visits[ticket.visit_id]
        visit.has_left = not ticket.is_pending
        if visit.is_inside:
            self.inside_count += visit.party_size if ticket.is_pending else -visit.party_size

    def join_line(self, ticket: Ticket) -> None:
        """Put a new ticket into the line."""
        self.tickets[ticket.id] = ticket
        self.numbers[ticket.number] = ticket.id
        self.pending_count += 1
        insort(self.line, (ticket.key, ticket.id))

    def rekey(self, ticket: Ticket, key: Key) -> None:
        """Give a ticket another key: only after an audited correction of its class."""
        is_waiting = ticket.status is TicketStatus.WAITING
        if is_waiting:
            self._take_from_line(ticket)
        ticket.key = key
        if is_waiting:
            insort(self.line, (ticket.key, ticket.id))

    def _take_from_line(self, ticket: Ticket) -> None:
        index = bisect_left(self.line, (ticket.key, ticket.id))
        assert self.line[index][1] == ticket.id, f"{ticket.id} is not in the line"
        del self.line[index]

    def services_of(self, counter: CounterState) -> frozenset[str]:
        """The services that this counter can do with who sits there."""
        person = self.staff(counter.person_id)
        if person is None:
            return frozenset()
        return frozenset(self.counter_rules(counter.id).services).intersection(person.skills)

    def serves(self, counter: CounterState, ticket: Ticket) -> bool:
        """Whether this counter, with who sits there, can take this ticket."""
        classes = self.counter_rules(counter.id).classes
        return ticket.service_id in self.services_of(counter) and (
            not classes or ticket.class_code in classes
        )

    def next_for(self, counter: CounterState) -> Ticket | None:
        """The first in line that this counter can take."""
        services = self.services_of(counter)
        classes = self.counter_rules(counter.id).classes
        tickets = self.tickets
        for _, ticket_id in self.line:
            ticket = tickets[ticket_id]
            if ticket.service_id in services and (not classes or ticket.class_code in classes):
                return ticket
        return None

    # -- what is said about it ------------------------------------------------------------------------

    @property
    def pending_visit_count(self) -> int:
        """Admitted people still without a ticket."""
        return sum(visit.is_pending for visit in self.visits.values())


def fork(state: HallState) -> HallState:
    """An independent copy: what is done to it does not touch the original."""
    twin = copy.copy(state)
    twin.visits = {k: copy.copy(v) for k, v in state.visits.items()}
    twin.tickets = {k: copy.copy(v) for k, v in state.tickets.items()}
    twin.counters = {k: copy.copy(v) for k, v in state.counters.items()}
    twin.escorts = {k: copy.copy(v) for k, v in state.escorts.items()}
    twin.diversions = {k: copy.copy(v) for k, v in state.diversions.items()}
    twin.numbers = state.numbers.copy()
    twin.issued_by_letter = state.issued_by_letter.copy()
    twin.line = state.line.copy()
    twin.calls = state.calls.copy()
    twin.pauses = state.pauses.copy()
    twin.joining = state.joining.copy()
    twin.advices = {k: copy.copy(v) for k, v in state.advices.items()}
    twin._staff = state._staff.copy()
    twin.presence = state.presence.copy()
    twin.colleagues = {k: copy.copy(v) for k, v in state.colleagues.items()}
    twin.loans = state.loans.copy()
    twin.appointments = {k: copy.copy(v) for k, v in state.appointments.items()}
    twin.codes = state.codes.copy()
    twin.rings = {k: copy.copy(v) for k, v in state.rings.items()}
    twin.requests = {k: copy.copy(v) for k, v in state.requests.items()}
    for request in twin.requests.values():
        request.sent = request.sent.copy()
    for advice in twin.advices.values():
        advice.taken, advice.declined = advice.taken.copy(), advice.declined.copy()
    return twin

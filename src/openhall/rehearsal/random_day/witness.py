"""Somebody who watches a random day and believes nothing: keeps an account of its own from the events alone.

It shares no code with the hall's `apply`, `policy` and `check`; where its account and the hall's state
differ, or an event breaks a promise of the house, the day is `Broken`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from openhall.hall.model import events as e
from openhall.hall.model.state import HallState
from openhall.hall.policy import DayRules
from openhall.kernel.clock import MINUTE_MS
from openhall.kernel.event import Event, Stamp
from openhall.rehearsal.random_day.account import WHERE, At, Broken, Person, Seat


@dataclass
class Witness:
    """The account, and the promises it is held against."""

    rules: DayRules
    people: dict[str, Person] = field(default_factory=dict)
    seats: dict[str, Seat] = field(default_factory=dict)
    joined: dict[str, tuple[int, int]] = field(default_factory=dict)
    """By visit."""
    waiting_at_door: set[str] = field(default_factory=set)
    """Admitted visits without a ticket."""
    diversions: dict[str, str] = field(default_factory=dict)
    numbers: set[str] = field(default_factory=set)
    advised: dict[str, set[int]] = field(default_factory=dict)
    """Moves that nobody has decided on, by advice."""
    skills: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Of everybody who may sit here today."""
    away: set[str] = field(default_factory=set)
    """Not here: absent, gone home, lent, or still on the way."""
    slots: dict[str, int] = field(default_factory=dict)
    """The moment of each appointment that can still be used."""
    arriving: dict[str, int] = field(default_factory=dict)
    """The appointment's moment by the id of the ticket that is about to be issued for it."""
    codes: set[str] = field(default_factory=set)
    ringing: dict[str, str] = field(default_factory=dict)
    """Who rang, by ring that is not dealt with."""
    now_ms: int = 0
    quiet_till_ms: int = 0
    """When calls began last: the doors opened or a pause of the hall ended."""
    is_burst: bool = False
    is_paused: bool = False
    is_closed: bool = False
    is_ended: bool = False
    calls_count: int = 0

    # -- events -------------------------------------------------------------------------------------------

    def see(self, event: Event, stamp: Stamp) -> None:
        """Take the next event into the account; `Broken` when it breaks a promise."""
        self.promise(not self.is_ended or _is_last_word(event), f"{event} after the end of the day")
        self.now_ms = stamp.at_ms
        handler = _HANDLERS.get(type(event))
        if handler is not None:
            handler(self, event, stamp)

    def promise(self, is_kept: bool, otherwise: str) -> None:
        """Break the day unless the promise is kept."""
        if not is_kept:
            raise Broken(otherwise)

    def key(self, person: Person) -> tuple[int, int, int]:
        """The place in the order: reckoned here anew."""
        class_ = next(k for k in self.rules.classes if k.code == person.class_code)
        is_strict = self.rules.order.kind == "strict"
        own_ms = person.joined_ms - (0 if is_strict else class_.head_start_minutes * MINUTE_MS)
        from_ms = min(own_ms, person.booked_ms or own_ms)
        return (class_.rank if is_strict else 0, from_ms, person.joined_seq)

    def booked_place(self, at_ms: int, joined_ms: int) -> int:
        """From when on an appointment counts, reckoned here anew."""
        policy = self.rules.appointments
        head_ms, late_ms = policy.head_start_minutes * MINUTE_MS, max(0, joined_ms - at_ms)
        is_walk_in = policy.when_late == "walk_in" or late_ms > policy.late_minutes * MINUTE_MS
        if late_ms and is_walk_in:
            return 0
        if policy.when_late != "shrink":
            return at_ms - head_ms
        return at_ms + late_ms - (head_ms - min(late_ms, head_ms))

    def may_call_alone(self, counter_id: str) -> bool:
        """Whether the clock may call somebody to a counter now."""
        counter = next(k for k in self.rules.branch.counters if k.id == counter_id)
        seat, rules = self.seats[counter_id], self.rules
        is_on = rules.auto_call.is_on if counter.is_auto_call is None else counter.is_auto_call
        free_ms = max(seat.free_since_ms, self.quiet_till_ms) + rules.auto_call.after_seconds * 1_000
        return is_on and self.now_ms >= max(free_ms, seat.alone_till_ms)

    def can_serve(self, counter_id: str, person: Person) -> bool:
        """Whether the counter and who sits there are able to."""
        counter = next(k for k in self.rules.branch.counters if k.id == counter_id)
        return (
            person.service in counter.services
            and person.service in self.skills.get(self.seats[counter_id].person, ())
            and (not counter.classes or person.class_code in counter.classes)
        )

    # -- comparison ---------------------------------------------------------------------------------------

    def compare(self, state: HallState) -> None:
        """The hall's state must say what the events say: nobody lost, nobody twice, every place kept."""
        self.promise(
            state.tickets.keys() == self.people.keys(),
            f"tickets {sorted(state.tickets.keys() ^ self.people.keys())} are on one side only",
        )
        for ticket_id, person in self.people.items():
            ticket = state.tickets[ticket_id]
            where = WHERE.get(ticket.status, At.GONE)
            self.promise(
                where is person.at, f"{ticket_id} is {ticket.status}, but was left {person.at.value}"
            )
            self.promise(
                tuple(ticket.key) == self.key(person),
                f"{ticket_id} has the place {ticket.key}, but was given {self.key(person)}",
            )
        line = sorted((self.key(p), i) for i, p in self.people.items() if p.at is At.LINE)
        self.promise([i for _, i in state.line] == [i for _, i in line], "the line is not in its order")
        held = {i: seat.ticket for i, seat in self.seats.items()}
        self.promise(held == {i: k.ticket_id for i, k in state.counters.items()}, "counters differ")
        sitting = {i: seat.person for i, seat in self.seats.items()}
        self.promise(sitting == {i: k.person_id for i, k in state.counters.items()}, "seats differ")
        self.promise(state.is_ended == self.is_ended, "the day's end differs")

    # -- what handlers share ------------------------------------------------------------------------------

    def person(self, ticket_id: str, *places: At) -> Person:
        """Somebody who must be in one of these places."""
        self.promise(ticket_id in self.people, f"{ticket_id} does not exist")
        person = self.people[ticket_id]
        self.promise(person.at in places, f"{ticket_id} is {person.at.value}, not {places[0].value}")
        return person

    def leaves_counter(self, person: Person) -> None:
        """The counter is free of them."""
        if person.counter:
            self.seats[person.counter].ticket = ""
            self.seats[person.counter].free_since_ms = self.now_ms
            person.counter = ""

    def goes(self, person: Person, at: At, *, is_final: bool = False) -> None:
        """Somewhere else."""
        self.leaves_counter(person)
        person.at, person.is_final = at, is_final

    def goes_on(self, person: Person, next_service: str) -> None:
        """To the next service at the same place, or home."""
        if next_service:
            person.service = next_service
            self.goes(person, At.LINE)
        else:
            self.goes(person, At.GONE, is_final=True)

    def goes_away(self, person_id: str) -> None:
        """Somebody of the staff; nobody leaves a counter without closing it."""
        seat = next((i for i, seat in self.seats.items() if seat.person == person_id), None)
        self.promise(seat is None, f"{person_id} goes away from {seat}")
        self.away.add(person_id)

    def joins(self, ticket_id: str, visit_id: str, person: Person) -> None:
        """A new ticket."""
        self.promise(ticket_id not in self.people, f"{ticket_id} was issued twice")
        self.promise(person.number not in self.numbers, f"the number {person.number} was given twice")
        self.numbers.add(person.number)
        self.waiting_at_door.discard(visit_id)
        self.people[ticket_id] = person


def _is_last_word(event: Event) -> bool:
    return isinstance(event, e.CounterClosed)


# --- one function an event ------------------------------------------------------------------------------


def _day_opened(w: Witness, event: e.DayOpened, _: Stamp) -> None:
    w.seats = {counter.id: Seat() for counter in event.rules.branch.counters}
    w.skills = {person.id: person.skills for person in event.rules.staff}


def _checked(w: Witness, event: e.EntryChecked, stamp: Stamp) -> None:
    w.joined.setdefault(event.visit_id, (stamp.at_ms, stamp.seq))
    (w.waiting_at_door.add if event.is_admitted else w.waiting_at_door.discard)(event.visit_id)


def _admitted(w: Witness, event: e.AdmittedWithoutCheck | e.RollVisitAdded, stamp: Stamp) -> None:
    w.joined.setdefault(event.visit_id, (stamp.at_ms, stamp.seq))
    w.waiting_at_door.add(event.visit_id)


def _issued(w: Witness, event: e.TicketIssued, stamp: Stamp) -> None:
    is_known = event.visit_id in w.joined
    w.promise(not w.is_closed or is_known, f"{event.ticket_id} joined after the doors had closed")
    joined = w.joined.setdefault(event.visit_id, (stamp.at_ms, stamp.seq))
    person = Person(event.number, event.service_id, event.class_code, *joined)
    is_arriving = event.ticket_id in w.arriving
    w.promise(is_arriving is bool(event.appointment_id), f"{event.ticket_id} is for no appointment")
    if is_arriving:
        person.booked_ms = w.booked_place(w.arriving.pop(event.ticket_id), joined[0])
    w.joins(event.ticket_id, event.visit_id, person)


def _paper_issued(w: Witness, event: e.PaperTicketEntered, stamp: Stamp) -> None:
    joined = w.joined.setdefault(event.visit_id, (event.joined_ms, stamp.seq))
    w.joins(
        event.ticket_id,
        event.visit_id,
        Person(event.number, event.service_id, event.class_code, *joined),
    )


def _left_door(w: Witness, event: e.VisitLeft, _: Stamp) -> None:
    w.waiting_at_door.discard(event.visit_id)


def _corrected(w: Witness, event: e.ClassCorrected, _: Stamp) -> None:
    w.people[event.ticket_id].class_code = event.class_code


def _transferred(w: Witness, event: e.ServiceTransferred, _: Stamp) -> None:
    person = w.person(event.ticket_id, At.LINE, At.COUNTER)
    person.service = event.service_id
    w.goes(person, At.LINE)


def _called(w: Witness, event: e.TicketCalled, _: Stamp) -> None:
    person, seat = w.person(event.ticket_id, At.LINE), w.seats[event.counter_id]
    w.calls_count += 1
    w.promise(not seat.ticket, f"{event.ticket_id} is called to {event.counter_id}, which has {seat.ticket}")
    is_calling = bool(seat.person) and not seat.is_paused and not seat.is_closing and not w.is_paused
    w.promise(is_calling, f"{event.counter_id} calls {event.ticket_id} though it is not calling")
    able = w.can_serve(event.counter_id, person)
    w.promise(able, f"{event.counter_id} calls {event.ticket_id}, which it cannot serve")
    if event.is_automatic:
        w.promise(w.may_call_alone(event.counter_id), f"{event.counter_id} calls by itself too soon")
    if not event.out_of_order_reason:
        # The promise that matters most: of all whom this counter can serve, nobody in line has a smaller key.
        in_line = (
            (i, p) for i, p in w.people.items() if p.at is At.LINE and w.can_serve(event.counter_id, p)
        )
        first = min(in_line, key=lambda pair: w.key(pair[1]))[0]
        w.promise(first == event.ticket_id, f"{event.ticket_id} is called before {first}")
    person.at, person.counter = At.COUNTER, event.counter_id
    seat.ticket = event.ticket_id


def _started(w: Witness, event: e.ServiceStarted, _: Stamp) -> None:
    person = w.person(event.ticket_id, At.COUNTER)
    w.promise(person.counter == event.counter_id, f"{event.ticket_id} starts at another counter")


def _finished(w: Witness, event: e.ServiceFinished, _: Stamp) -> None:
    w.goes_on(w.person(event.ticket_id, At.COUNTER), event.next_service)


def _absent(w: Witness, event: e.TicketAbsent, _: Stamp) -> None:
    w.goes(w.person(event.ticket_id, At.COUNTER), At.GONE)


def _held(w: Witness, event: e.TicketHeld, _: Stamp) -> None:
    w.goes(w.person(event.ticket_id, At.LINE, At.COUNTER), At.AWAY)


def _resumed(w: Witness, event: e.TicketResumed, _: Stamp) -> None:
    w.goes(w.person(event.ticket_id, At.AWAY), At.LINE)


def _lapsed(w: Witness, event: e.HoldLapsed, _: Stamp) -> None:
    w.goes(w.person(event.ticket_id, At.AWAY), At.GONE)


def _reneged(w: Witness, event: e.TicketReneged, _: Stamp) -> None:
    w.goes(w.person(event.ticket_id, At.LINE, At.COUNTER, At.AWAY), At.GONE)


def _reinstated(w: Witness, event: e.TicketReinstated, _: Stamp) -> None:
    person = w.person(event.ticket_id, At.GONE)
    w.promise(not person.is_final, f"{event.ticket_id} was served and is back in line")
    w.goes(person, At.LINE)


def _paper_called(w: Witness, event: e.PaperCallEntered, _: Stamp) -> None:
    person = w.person(event.ticket_id, At.LINE)
    if event.outcome == "served":
        w.goes_on(person, event.next_service)
    else:
        w.goes(person, At.GONE)


def _opened(w: Witness, event: e.CounterOpened, _: Stamp) -> None:
    seated = [i for i, seat in w.seats.items() if seat.person == event.person_id]
    w.promise(not seated, f"{event.person_id} sits at {seated} and at {event.counter_id}")
    w.promise(not w.seats[event.counter_id].person, f"{event.counter_id} was open already")
    w.promise(event.person_id not in w.away, f"{event.person_id} sits down, but is not here")
    w.seats[event.counter_id] = Seat(event.person_id, free_since_ms=w.now_ms)


def _handed_over(w: Witness, event: e.CounterHandedOver, _: Stamp) -> None:
    seat = w.seats[event.counter_id]
    seat.person, seat.free_since_ms, seat.alone_till_ms = event.person_id, w.now_ms, 0


def _seat_paused(w: Witness, event: e.CounterPaused, _: Stamp) -> None:
    w.seats[event.counter_id].is_paused = True


def _seat_resumed(w: Witness, event: e.CounterResumed, _: Stamp) -> None:
    w.seats[event.counter_id].is_paused = w.seats[event.counter_id].is_closing = False
    w.seats[event.counter_id].free_since_ms = w.now_ms


def _seat_closing(w: Witness, event: e.CounterClosing, _: Stamp) -> None:
    w.seats[event.counter_id].is_closing = True


def _seat_closed(w: Witness, event: e.CounterClosed, _: Stamp) -> None:
    left = w.seats[event.counter_id].ticket
    w.promise(not left, f"{event.counter_id} closes on {left}")
    w.seats[event.counter_id] = Seat()


def _offered(w: Witness, event: e.DiversionOffered, _: Stamp) -> None:
    w.person(event.ticket_id, At.LINE)
    w.diversions[event.diversion_id] = event.ticket_id


def _accepted(w: Witness, event: e.DiversionAccepted, _: Stamp) -> None:
    w.goes(w.person(w.diversions[event.diversion_id], At.LINE), At.ELSEWHERE)


def _completed(w: Witness, event: e.DiversionCompleted, _: Stamp) -> None:
    w.goes_on(w.person(w.diversions[event.diversion_id], At.ELSEWHERE), event.next_service)


def _failed(w: Witness, event: e.DiversionFailed, _: Stamp) -> None:
    w.goes(w.person(w.diversions[event.diversion_id], At.ELSEWHERE), At.LINE)


def _told(w: Witness, event: e.WaitsTold, _: Stamp) -> None:
    for wait in event.tickets:
        person = w.people.get(wait.ticket_id)
        w.promise(person is not None and person.at is At.LINE, f"{wait.ticket_id} is told a wait it has not")
        w.promise(wait.low_ms <= wait.high_ms, f"{wait.ticket_id} is told a wait that ends before it begins")


def _advised(w: Witness, event: e.AdviceGiven, _: Stamp) -> None:
    w.promise(event.advice_id not in w.advised, f"{event.advice_id} is given twice")
    w.advised[event.advice_id] = set(range(len(event.moves)))


def _decided(w: Witness, event: e.AdviceTaken | e.AdviceDeclined, _: Stamp) -> None:
    undecided = w.advised.get(event.advice_id, set())
    w.promise(event.move in undecided, f"{event.advice_id}: move {event.move} was not there to decide on")
    undecided.discard(event.move)


def _reported(w: Witness, event: e.PersonReported, _: Stamp) -> None:
    if event.status == "present":
        w.away.discard(event.person_id)
    else:
        w.goes_away(event.person_id)


def _lent(w: Witness, event: e.PersonLent, _: Stamp) -> None:
    w.promise(event.person_id not in w.away, f"{event.person_id} is lent, but not here")
    w.goes_away(event.person_id)


def _received(w: Witness, event: e.PersonReceived, _: Stamp) -> None:
    w.promise(event.person_id not in w.skills, f"{event.person_id} is received, but was here already")
    w.promise(not {"authoriser", "manager"} & set(event.posts), f"{event.person_id} comes with every right")
    w.skills[event.person_id] = event.skills
    w.away.add(event.person_id)


def _returned(w: Witness, event: e.PersonReturned, _: Stamp) -> None:
    w.goes_away(event.person_id)
    w.skills.pop(event.person_id)
    w.away.discard(event.person_id)


def _back(w: Witness, event: e.PersonBack, _: Stamp) -> None:
    w.away.discard(event.person_id)


def _burst(w: Witness, event: e.BurstDeclared | e.BurstEnded, _: Stamp) -> None:
    w.promise(w.is_burst is isinstance(event, e.BurstEnded), f"{event} when it was so already")
    w.is_burst = not w.is_burst


def _hall_paused(w: Witness, _: e.HallPaused, __: Stamp) -> None:
    w.is_paused = True


def _hall_resumed(w: Witness, _: e.HallResumed, __: Stamp) -> None:
    w.is_paused = False
    w.quiet_till_ms = w.now_ms


def _doors_opened(w: Witness, _: e.DoorsOpened, __: Stamp) -> None:
    w.quiet_till_ms = w.now_ms


def _booked(w: Witness, event: e.AppointmentBooked, _: Stamp) -> None:
    w.promise(event.appointment_id not in w.slots, f"{event.appointment_id} is booked twice")
    w.promise(event.code not in w.codes, f"the code {event.code} was given twice")
    w.codes.add(event.code)
    w.slots[event.appointment_id] = event.at_ms


def _given_up(w: Witness, event: e.AppointmentCancelled, _: Stamp) -> None:
    w.promise(event.appointment_id in w.slots, f"{event.appointment_id} is given up, but was over")
    del w.slots[event.appointment_id]


def _arrived(w: Witness, event: e.AppointmentCheckedIn, _: Stamp) -> None:
    w.promise(event.appointment_id in w.slots, f"{event.appointment_id} is used, but was over")
    w.arriving[event.ticket_id] = w.slots.pop(event.appointment_id)


def _delayed(w: Witness, event: e.AutoCallDelayed, _: Stamp) -> None:
    w.seats[event.counter_id].alone_till_ms = event.until_ms


def _allowed(w: Witness, event: e.AutoCallAllowed, _: Stamp) -> None:
    w.seats[event.counter_id].alone_till_ms = 0


def _rung(w: Witness, event: e.ColleagueRung, stamp: Stamp) -> None:
    source = event.ticket_id or stamp.actor
    w.promise(source not in w.ringing.values(), f"{source} rings twice")
    w.ringing[event.ring_id] = source


def _went(w: Witness, event: e.RingFinished, _: Stamp) -> None:
    w.promise(event.ring_id in w.ringing, f"{event.ring_id} is dealt with twice")
    del w.ringing[event.ring_id]


def _doors_closed(w: Witness, _: e.DoorsClosed, __: Stamp) -> None:
    w.is_closed = True


def _ended(w: Witness, _: e.DayEnded, __: Stamp) -> None:
    left = [i for i, person in w.people.items() if person.at is not At.GONE]
    w.promise(not left, f"the day ends with {left} pending")
    w.promise(not w.waiting_at_door, f"the day ends with {sorted(w.waiting_at_door)} at the door")
    w.is_ended = True


def _force_ended(w: Witness, _: e.DayForceEnded, __: Stamp) -> None:
    for person in w.people.values():
        if person.at is not At.GONE:
            w.goes(person, At.GONE, is_final=True)
    w.waiting_at_door.clear()
    w.is_ended = True


_HANDLERS: dict[type[Event], Callable[[Witness, Any, Stamp], None]] = {
    e.DayOpened: _day_opened,
    e.EntryChecked: _checked,
    e.AdmittedWithoutCheck: _admitted,
    e.RollVisitAdded: _admitted,
    e.VisitLeft: _left_door,
    e.TicketIssued: _issued,
    e.PaperTicketEntered: _paper_issued,
    e.ClassCorrected: _corrected,
    e.ServiceTransferred: _transferred,
    e.TicketCalled: _called,
    e.ServiceStarted: _started,
    e.ServiceFinished: _finished,
    e.TicketAbsent: _absent,
    e.TicketHeld: _held,
    e.TicketResumed: _resumed,
    e.HoldLapsed: _lapsed,
    e.TicketReneged: _reneged,
    e.TicketReinstated: _reinstated,
    e.PaperCallEntered: _paper_called,
    e.CounterOpened: _opened,
    e.CounterHandedOver: _handed_over,
    e.CounterPaused: _seat_paused,
    e.CounterResumed: _seat_resumed,
    e.CounterClosing: _seat_closing,
    e.CounterClosed: _seat_closed,
    e.DiversionOffered: _offered,
    e.DiversionAccepted: _accepted,
    e.DiversionCompleted: _completed,
    e.DiversionFailed: _failed,
    e.WaitsTold: _told,
    e.AdviceGiven: _advised,
    e.AdviceTaken: _decided,
    e.AdviceDeclined: _decided,
    e.PersonReported: _reported,
    e.PersonLent: _lent,
    e.PersonReceived: _received,
    e.PersonReturned: _returned,
    e.PersonBack: _back,
    e.BurstDeclared: _burst,
    e.BurstEnded: _burst,
    e.HallPaused: _hall_paused,
    e.HallResumed: _hall_resumed,
    e.DoorsClosed: _doors_closed,
    e.DoorsOpened: _doors_opened,
    e.AppointmentBooked: _booked,
    e.AppointmentCancelled: _given_up,
    e.AppointmentCheckedIn: _arrived,
    e.AutoCallDelayed: _delayed,
    e.AutoCallAllowed: _allowed,
    e.ColleagueRung: _rung,
    e.RingFinished: _went,
    e.DayEnded: _ended,
    e.DayForceEnded: _force_ended,
}

PASSED_OVER: frozenset[type[Event]] = frozenset(
    {
        e.VisitLetIn,
        e.AppointmentsOffered,
        e.AppointmentMissed,
        e.RingTaken,
        e.RingEscalated,
        e.Triaged,
        e.ServiceAdded,
        e.HandlingSet,
        e.Baulked,
        e.EscortOpened,
        e.EscortTaken,
        e.EscortFinished,
        e.TicketRecalled,
        e.DiversionDeclined,
        e.DiversionStarted,
        e.AdviceReviewed,
        e.PlanTaken,
        e.PeopleAsked,
        e.RequestClosed,
        e.CareGiven,
        e.FeedbackGiven,
    }
)
"""Events that change nobody's place. A test checks that every event is here or has a handler."""

HANDLED = frozenset(_HANDLERS)

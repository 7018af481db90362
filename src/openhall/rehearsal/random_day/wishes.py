"""What people ask for on a random day: every command of the hall, sensible and senseless."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random
from typing import Literal

from openhall.hall.booking import BookingTerms
from openhall.hall.model import commands as c
from openhall.hall.model.state import HallState, TicketStatus
from openhall.hall.plan import PlannedColleague, PlannedDay, PlannedStint
from openhall.hall.policy import DayRules
from openhall.hall.told import JoiningWait, Move, RoomLeft, TicketWait
from openhall.kernel.clock import MINUTE_MS
from openhall.kernel.event import Command
from openhall.network.model import Channel, Handling
from openhall.rehearsal.random_day.rules import random_terms

NONSENSE_SHARE = 0.05
HANDLINGS: tuple[tuple[Handling, ...], ...] = ((), (), (), ("seat",), ("escort",), ("written", "accompany"))
CHANNELS: tuple[Channel, ...] = ("atm", "mobile", "cloud", "phone", "branch", "another_day")


DECLINED: tuple[Literal["person_busy", "not_needed"], ...] = ("person_busy", "not_needed")
TEMPERATURES: tuple[Literal["below_limit", "at_limit_or_above"] | None, ...] = (
    "below_limit",
    "below_limit",
    "below_limit",
    "at_limit_or_above",
    None,
)


@dataclass(frozen=True, slots=True)
class Dice:
    """Chance, and the hall to look at. Now and then a choice is nonsense."""

    rng: Random
    state: HallState
    rules: DayRules
    now_ms: int
    is_sane: bool

    def of(self, values: Iterable[str]) -> str:
        """One of them; seldom, or for want of any, something that does not exist."""
        known = list(values)
        if not known or (not self.is_sane and self.rng.random() < NONSENSE_SHARE):
            return "nonsense"
        return self.rng.choice(known)

    def ticket(self, *statuses: TicketStatus) -> str:
        """Usually a ticket in one of these statuses, by its id or its number."""
        tickets = self.state.tickets.values()
        fitting = [t for t in tickets if t.status in statuses] if self.rng.random() < 0.9 else list(tickets)
        return self.of([t.number if self.rng.random() < 0.1 else t.id for t in fitting])

    def counter(self) -> str:
        """Any counter."""
        return self.of(self.state.counters)

    def busy_counter(self) -> str:
        """Usually one with somebody at it."""
        return self.of([k.id for k in self.state.counters.values() if k.ticket_id] or self.state.counters)

    def open_counter(self) -> str:
        """Usually one at which somebody sits."""
        return self.of([k.id for k in self.state.counters.values() if k.is_open] or self.state.counters)

    def closed_counter(self) -> str:
        """Usually one at which nobody sits."""
        return self.of([k.id for k in self.state.counters.values() if not k.is_open] or self.state.counters)

    def teller(self) -> str:
        """Usually a teller who sits nowhere."""
        seated = {k.person_id for k in self.state.counters.values()}
        staff = self.state.staff_today or self.rules.staff
        free = [p.id for p in staff if "teller" in p.posts and p.id not in seated]
        return self.of(free) if free and self.rng.random() < 0.8 else self.person()

    def person(self) -> str:
        """Anybody on the staff."""
        return self.of(p.id for p in self.rules.staff)

    def service(self) -> str:
        """Any service."""
        return self.of(s.id for s in self.rules.services)

    def class_code(self) -> str:
        """A class, or none, which is the ordinary one."""
        return self.of(k.code for k in self.rules.classes) if self.rng.random() < 0.5 else ""

    def visit(self) -> str:
        """Usually somebody who has no ticket yet."""
        pending = [v.id for v in self.state.visits.values() if v.is_pending]
        return self.of(pending or self.state.visits)

    def chance(self, share: float) -> bool:
        """True in so many of all cases."""
        return self.rng.random() < share


Wish = Callable[[Dice], Command]
W = TicketStatus.WAITING


def _issue(d: Dice) -> Command:
    needs_visit = d.rules.regime.entry.is_check_required or d.chance(0.3)
    pending = any(v.is_pending for v in d.state.visits.values())
    return c.IssueTicket(
        d.service(),
        visit_id=d.visit() if needs_visit and pending else "",
        class_code=d.class_code(),
        class_basis=d.rng.choice(("claimed", "staff", "document")),
        handling=d.rng.choice(HANDLINGS),
        party_size=d.rng.choice((1, 1, 1, 3)),
        override_reason="asked_for" if d.chance(0.1) else None,
    )


def _check(d: Dice) -> Command:
    visit_id = d.visit() if d.state.visits and d.chance(0.2) else ""
    temperature = d.rng.choice(TEMPERATURES)
    result: Literal["admit", "refer"] = "admit" if d.chance(0.75) else "refer"
    return c.RecordEntryCheck("gate", result, temperature, d.rng.choice((1, 1, 4)), visit_id)


def _triage(d: Dice) -> Command:
    need = d.of(f"need{n}" for n in range(1, len(d.rules.services) + 1))
    ticket_id = d.ticket(W) if d.chance(0.5) else ""
    return c.RecordTriage(need, d.chance(0.5), ticket_id=ticket_id, has_card=True)


def _paper_ticket(d: Dice) -> Command:
    joined_ms = d.now_ms - d.rng.randrange(-2, 60) * MINUTE_MS
    return c.EnterPaperTicket(d.rng.randint(1, 30), d.service(), joined_ms, class_code=d.class_code())


def _paper_call(d: Dice) -> Command:
    called_ms = d.now_ms - d.rng.randrange(0, 30) * MINUTE_MS
    ended_ms = called_ms + d.rng.randrange(-1, 10) * MINUTE_MS
    outcome: Literal["served", "no_show"] = "served" if d.chance(0.7) else "no_show"
    return c.EnterPaperCall(d.ticket(W), d.counter(), d.person(), called_ms, ended_ms, outcome)


def _feedback(d: Dice) -> Command:
    score = d.rng.choice((None, 1, 5))
    return c.RecordFeedback(d.rng.choice(("praise", "complaint", "rating")), d.ticket(W), score=score)


def _tell(d: Dice) -> Command:
    def spread() -> tuple[int, int, int]:
        low, middle, high = sorted(d.rng.randrange(90) * MINUTE_MS for _ in range(3))
        return low, middle, high

    tickets = tuple(TicketWait(d.ticket(W), *spread()) for _ in range(d.rng.randrange(4)))
    joining = (JoiningWait(d.service(), d.class_code() or "ordinary", *spread()),) if d.chance(0.5) else ()
    room = RoomLeft(by_closing := d.rng.randrange(40), by_closing + 5) if d.chance(0.3) else None
    return c.TellWaits(d.now_ms - d.rng.randrange(7) * MINUTE_MS, tickets, joining, room)


def _advise(d: Dice) -> Command:
    def worth() -> tuple[int, int, int, int]:
        saved = d.rng.randrange(200) * MINUTE_MS
        return saved, saved // 2, saved * 2, MINUTE_MS

    later_ms = d.now_ms + d.rng.randrange(1, 60) * MINUTE_MS
    end_ms = later_ms if d.chance(0.5) else 0
    moves = (
        Move("open", *worth(), counter_id=d.closed_counter(), person_id=d.teller(), until_ms=end_ms),
        Move("close", *worth(), counter_id=d.open_counter()),
        Move("offer", *worth(), ticket_id=d.ticket(W), channel=d.rng.choice(CHANNELS)),
        Move("lunch", *worth(), person_id=d.person(), from_ms=later_ms, until_ms=later_ms + 30 * MINUTE_MS),
        Move("borrow", *worth(), person_id="x2", from_branch="elsewhere", until_ms=later_ms),
    )
    return c.GiveAdvice(5, 60 * MINUTE_MS, moves)


def _plan(d: Dice) -> Command:
    """Everybody somewhere for an hour from about now; a colleague from elsewhere among them."""
    from_ms = d.now_ms - d.rng.randrange(30) * MINUTE_MS
    until_ms = from_ms + 60 * MINUTE_MS
    people = {d.person() for _ in range(3)}
    stints = [PlannedStint(who, "window", from_ms, until_ms, d.counter()) for who in sorted(people)]
    if d.chance(0.3):
        stints.append(PlannedStint(d.person(), "break", from_ms, until_ms))
    visitor = PlannedColleague("x1", "elsewhere", (d.service(),), ("teller", "authoriser"))
    colleagues = (visitor,) if d.chance(0.2) else ()
    return c.TakePlan(
        PlannedDay("p1", from_ms, 15 * MINUTE_MS, (3.0,) * 4, (2,) * 4, tuple(stints), colleagues)
    )


def _colleague(d: Dice) -> str:
    return d.of(d.state.colleagues)


def _request(d: Dice) -> str:
    return d.of(d.state.requests) if d.state.requests else ""


def _lend(d: Dice) -> Command:
    lendable = [p.id for p in d.rules.staff if p.can_be_lent]
    return c.LendPerson(d.of(lendable), "elsewhere", *_journey(d))


def _journey(d: Dice) -> tuple[int, int]:
    arrives_ms = d.now_ms + d.rng.randrange(-1, 30) * MINUTE_MS
    return arrives_ms, arrives_ms + 60 * MINUTE_MS


def _receive(d: Dice) -> Command:
    who = d.rng.choice(("x1", "x2"))
    return c.ReceivePerson(who, "elsewhere", (d.service(),), ("teller",), *_journey(d), _request(d))


def _advice(d: Dice) -> str:
    """Usually the last."""
    given = list(d.state.advices)
    return given[-1] if given and d.chance(0.7) else d.of(given)


def _offer_slots(d: Dice) -> Command:
    terms = random_terms(d.rules)
    fewer = terms.services[:1] if d.chance(0.2) else terms.services
    return c.OfferAppointments(BookingTerms(terms.first_ms, terms.slot_ms, fewer), "0123456789abcdef")


def _book(d: Dice) -> Command:
    """Usually ahead, soon, and at a time that there is."""
    terms = random_terms(d.rules)
    ahead = [at_ms for at_ms in terms.slots_ms() if at_ms > d.now_ms] or list(terms.slots_ms())
    at_ms = d.rng.choice(ahead[:12]) + (0 if d.chance(0.95) else MINUTE_MS)
    return c.BookAppointment(d.service(), at_ms, d.rng.choice(("staff", "web")))


def _appointment(d: Dice) -> str:
    """Usually one of which the time is near, by its id or its code."""
    near_ms = 40 * MINUTE_MS
    booked = [a for a in d.state.appointments.values() if abs(a.at_ms - d.now_ms) < near_ms]
    listed = booked if booked and d.chance(0.8) else list(d.state.appointments.values())
    if d.chance(0.05):
        return d.rng.choice(("123412345", "030200000", "nothing"))
    return d.of([a.code if d.chance(0.5) else a.id for a in listed])


def _arrive(d: Dice) -> Command:
    pending = any(v.is_pending for v in d.state.visits.values())
    visit_id = d.visit() if d.rules.regime.entry.is_check_required and pending else ""
    return c.CheckInAppointment(
        _appointment(d),
        visit_id=visit_id,
        class_code=d.class_code(),
        class_basis=d.rng.choice(("claimed", "staff")),
        handling=d.rng.choice(HANDLINGS),
    )


def _ring(d: Dice) -> Command:
    ticket_id = d.ticket(W) if d.chance(0.5) else ""
    return c.RingForColleague(d.rng.choice(("kiosk", "phone")), "cannot_read", ticket_id)


def _diversion(d: Dice) -> str:
    return d.of(d.state.diversions)


WISHES: dict[str, tuple[tuple[float, Wish], ...]] = {
    "tickets": ((6.0, _issue),),
    "calls": (
        (6.0, lambda d: c.CallNext(d.open_counter())),
        (4.0, lambda d: c.StartService(d.busy_counter())),
        (5.0, lambda d: c.FinishService(d.busy_counter())),
    ),
    "counters": (
        (2.5, lambda d: c.OpenCounter(d.closed_counter(), d.teller())),
        (0.5, lambda d: c.CloseCounter(d.open_counter())),
    ),
    "doors": (
        (1.2, lambda _: c.OpenDoors()),
        (0.02, lambda d: c.CloseDoors(d.rng.choice((0, 0, 3)))),
    ),
    "checks": (
        (3.0, _check),
        (0.3, lambda d: c.AdmitWithoutCheck("known_here", d.person())),
        (1.0, lambda d: c.LetIn(d.of(v.id for v in d.state.visits.values() if not v.is_inside))),
        (0.3, lambda d: c.LeaveVisit(d.visit())),
    ),
    "triage": ((1.0, _triage),),
    "classes": (
        (
            0.7,
            lambda d: c.ConfirmClass(
                d.of(t.id for t in d.state.tickets.values() if t.claimed_class), "staff"
            ),
        ),
        (0.4, lambda d: c.CorrectClass(d.ticket(W), d.class_code() or "ordinary", "document", "card_shown")),
        (0.3, lambda d: c.SetHandling(d.ticket(W), d.rng.choice(HANDLINGS))),
    ),
    "services": (
        (0.6, lambda d: c.AddService(d.ticket(W, TicketStatus.SERVING), d.service())),
        (
            0.6,
            lambda d: c.TransferService(d.ticket(W, TicketStatus.SERVING, TicketStatus.CALLED), d.service()),
        ),
    ),
    "holds": (
        (1.2, lambda d: c.HoldTicket(d.ticket(W, TicketStatus.CALLED), d.person())),
        (1.2, lambda d: c.ResumeTicket(d.ticket(TicketStatus.HELD), d.person() if d.chance(0.5) else "")),
        (0.5, lambda _: c.Tick()),
    ),
    "reneging": (
        (0.5, lambda d: c.MarkReneged(d.ticket(W, TicketStatus.CALLED, TicketStatus.HELD))),
        (0.2, lambda d: c.RecordBaulk(d.service() if d.chance(0.5) else "")),
    ),
    "absences": (
        (1.0, lambda d: c.Recall(d.busy_counter())),
        (1.0, lambda d: c.MarkNoShow(d.busy_counter())),
        (
            0.8,
            lambda d: c.Reinstate(
                d.ticket(TicketStatus.NO_SHOW, TicketStatus.RENEGED, TicketStatus.LAPSED), "came_back"
            ),
        ),
    ),
    "out_of_order": ((0.6, lambda d: c.CallTicket(d.open_counter(), d.ticket(W), "urgent_case")),),
    "escorts": (
        (1.5, lambda d: c.SetHandling(d.ticket(W), d.rng.choice(HANDLINGS))),
        (0.5, lambda d: c.TakeEscort(d.of(d.state.escorts), d.person())),
        (0.5, lambda d: c.FinishEscort(d.of(d.state.escorts), d.chance(0.8))),
    ),
    "seats": (
        (0.5, lambda d: c.HandOverCounter(d.open_counter(), d.teller())),
        (0.5, lambda d: c.PauseCounter(d.open_counter(), d.of(d.rules.pause_reasons))),
        (1.0, lambda d: c.ResumeCounter(d.open_counter())),
    ),
    "hall_pause": (
        (0.2, lambda d: c.PauseHall("other", d.now_ms + d.rng.randrange(-1, 20) * MINUTE_MS)),
        (0.8, lambda _: c.ResumeHall()),
    ),
    "diversion": (
        (1.0, lambda d: c.OfferDiversion(d.ticket(W), d.rng.choice(CHANNELS))),
        (1.0, lambda d: c.AcceptDiversion(_diversion(d), d.person() if d.chance(0.8) else "")),
        (0.2, lambda d: c.DeclineDiversion(_diversion(d))),
        (0.5, lambda d: c.StartDiversion(_diversion(d))),
        (0.5, lambda d: c.CompleteDiversion(_diversion(d), is_customer_operated=d.chance(0.9))),
        (0.4, lambda d: c.FailDiversion(_diversion(d), "did_not_work")),
    ),
    "waits": ((1.0, _tell),),
    "advice": (
        (1.0, _advise),
        (0.6, lambda d: c.TakeAdvice(_advice(d), d.rng.randrange(5))),
        (0.4, lambda d: c.DeclineAdvice(_advice(d), d.rng.randrange(5), d.rng.choice(DECLINED))),
        (0.5, lambda d: c.ReviewAdvice(_advice(d))),
    ),
    "plan": ((0.3, _plan),),
    "presence": (
        (0.5, lambda d: c.ReportPerson(d.person(), d.rng.choice(("present", "present", "absent", "left")))),
    ),
    "bursts": ((0.2, lambda _: c.DeclareBurst("crowd")), (0.3, lambda _: c.EndBurst())),
    "colleagues": (
        (0.3, lambda d: c.AskForPeople(d.rng.choice((1, 2)), d.now_ms + d.rng.randrange(-1, 60) * MINUTE_MS)),
        (0.2, lambda d: c.CloseRequest(_request(d) or "r1", "withdrawn")),
        (0.4, _lend),
        (0.4, lambda d: c.TakeBackPerson(d.of(d.state.loans))),
        (0.4, _receive),
        (0.4, lambda d: c.ReportPerson(_colleague(d), "present")),
        (0.4, lambda d: c.ReturnPerson(_colleague(d))),
    ),
    "appointments": (
        (0.3, _offer_slots),
        (2.0, _book),
        (0.3, lambda d: c.CancelAppointment(_appointment(d))),
        (2.0, _arrive),
        (0.5, lambda _: c.Tick()),
    ),
    "auto_calls": (
        (3.0, lambda _: c.Tick()),
        (0.3, lambda d: c.DelayAutoCall(d.open_counter(), d.rng.choice((10, 600)))),
        (0.3, lambda d: c.AllowAutoCall(d.open_counter())),
    ),
    "rings": (
        (0.4, _ring),
        (0.3, lambda d: c.TakeRing(d.of(d.state.rings), d.person())),
        (0.4, lambda d: c.FinishRing(d.of(d.state.rings))),
        (0.2, lambda _: c.Tick()),
    ),
    "paper": ((0.6, _paper_ticket), (0.4, _paper_call)),
    "care": (
        (0.2, lambda d: c.RecordCare(d.rng.choice(("seat", "water", "lesson")), d.ticket(W), "lesson1")),
        (0.2, _feedback),
    ),
    "early_end": ((0.2, lambda _: c.EndDay()), (0.1, lambda d: c.OpenDay(d.rules))),
    "forced_end": ((0.25, lambda d: c.ForceEndDay("power_cut", d.person())),),
}
"""Behaviours by name, each a list of (weight, wish)."""

ALWAYS = ("tickets", "calls", "counters", "doors")
"""Without these there is no hall to test."""

ACTORS = ("kiosk", "lobby", "guard", "manager", "teller")

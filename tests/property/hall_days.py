"""Whole days in the hall made from drawn numbers, and what was seen on the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

from openhall.hall.model import ROOM, HallState
from openhall.hall.model import commands as c
from openhall.hall.model import events as e
from openhall.hall.model.commands import COMMANDS
from openhall.hall.model.state import REINSTATABLE, TicketStatus
from openhall.hall.policy import DayRules, Key
from openhall.kernel.clock import MINUTE_MS
from openhall.kernel.event import Command, Event, Stamp
from openhall.kernel.refusal import Refusal
from tests.places import (
    LANE,
    at,
    booked_branch,
    pension_day_branch,
    quiet_branch,
    self_calling_branch,
    strict_branch,
    terms_at,
    with_rules,
)

CLASSES = ("", "green", "frontline", "ordinary")
SERVICES = ("cash", "accounts", "corporate", "cash")
TELLERS = ("zhao", "qian", "zhou", "sun")
"""Each fits the counter of the same rank."""
COUNTERS = ("C1", "C2", "C3", "C4")


@dataclass(frozen=True)
class Call:
    """A call in order, and everybody whom the counter could have called instead."""

    called: str
    key: Key
    passed_over: tuple[str, ...]


@dataclass
class Day:
    """A hall under test: decides, applies, and keeps what the properties ask about."""

    rules: DayRules
    state: HallState = field(default_factory=lambda: ROOM.initial(LANE))
    now_ms: int = field(default_factory=lambda: at(8, 30))
    log: list[tuple[Event, Stamp]] = field(default_factory=list)
    watchers: list[Callable[[Day, Command, Sequence[Event]], None]] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.do(c.OpenDay(self.rules))

    def do(self, command: Command) -> Sequence[Event] | Refusal:
        """Ask; apply what is answered; let the watchers look."""
        seq = len(self.log) + 1
        result = ROOM.decide(self.state, command, Stamp(seq, self.now_ms, "somebody"))
        if isinstance(result, Refusal):
            self.refused.add(result.code)
            return result
        for number, event in enumerate(result, start=seq):
            stamp = Stamp(number, self.now_ms, "somebody")
            ROOM.apply(self.state, event, stamp)
            self.log.append((event, stamp))
        for watch in self.watchers:
            watch(self, command, result)
        return result


def replayed(day: Day) -> HallState:
    """The state that the log alone gives, each event through its stored form."""
    state = ROOM.initial(LANE)
    for event, stamp in day.log:
        kind = type(event).__name__
        ROOM.apply(state, ROOM.read(kind, ROOM.version_of(kind), msgspec.json.encode(event)), stamp)
    return state


# --- meaningful steps: a kind and two numbers, read against the day as it stands -------------------------

Intent = Callable[[Day, int, int], Command | None]
INTENTS: dict[str, tuple[int, Intent]] = {}
"""Weight and reading of each kind of step."""


def intent(name: str, weight: int = 1) -> Callable[[Intent], Intent]:
    """Register a kind of step."""

    def register(read: Intent) -> Intent:
        INTENTS[name] = (weight, read)
        return read

    return register


def _pick(items: Sequence[str], n: int) -> str:
    return items[n % len(items)] if items else "none"


def _tickets(day: Day, *statuses: TicketStatus) -> list[str]:
    return [t.id for t in day.state.tickets.values() if t.status in statuses]


@intent("issue", 20)
def _issue(day: Day, a: int, b: int) -> Command:
    visits = [v.id for v in day.state.visits.values() if v.is_pending]
    return c.IssueTicket(
        _pick(SERVICES, a),
        visit_id=_pick(visits, b) if visits else "",
        class_code=_pick(CLASSES, b),
        class_basis="claimed" if a % 3 == 0 else "staff",
        handling=("escort",) if a % 5 == 0 else (),
        party_size=1 + b % 2,
    )


@intent("check", 5)
def _check(day: Day, a: int, b: int) -> Command:
    unchecked = [v.id for v in day.state.visits.values() if not v.is_checked]
    return c.RecordEntryCheck(
        "place_code",
        "refer" if a % 7 == 0 else "admit",
        "at_limit_or_above" if a % 7 == 0 else "below_limit",
        party_size=1 + b % 3,
        visit_id=_pick(unchecked, b) if unchecked and b % 2 else "",
    )


@intent("work", 40)
def _work(day: Day, a: int, _: int) -> Command:
    """The natural next thing at a counter."""
    counter = day.state.counters[_pick(COUNTERS, a)]
    ticket = day.state.tickets.get(counter.ticket_id)
    if not counter.is_open:
        return c.OpenCounter(counter.id, _pick(TELLERS, a))
    if ticket is None:
        return c.CallNext(counter.id)
    if ticket.status is TicketStatus.CALLED:
        return c.StartService(counter.id)
    return c.FinishService(counter.id)


@intent("doors", 3)
def _doors(_: Day, a: int, b: int) -> Command:
    if a % 20 == 19:
        return c.CloseDoors(b % 3)
    return c.OpenDoors()


@intent("counter", 5)
def _counter(_: Day, a: int, b: int) -> Command:
    kinds = (
        c.PauseCounter,
        c.ResumeCounter,
        c.ResumeCounter,
        c.CloseCounter,
        c.HandOverCounter,
        c.OpenCounter,
    )
    kind, counter = kinds[b % len(kinds)], _pick(COUNTERS, a)
    if kind is c.PauseCounter:
        return c.PauseCounter(counter, "break")
    if kind is c.HandOverCounter:
        return c.HandOverCounter(counter, _pick(TELLERS, a + b))
    if kind is c.OpenCounter:
        return c.OpenCounter(counter, _pick(TELLERS, a + b))
    return c.ResumeCounter(counter) if kind is c.ResumeCounter else c.CloseCounter(counter)


@intent("absent", 7)
def _absent(day: Day, a: int, b: int) -> Command:
    called = [k.id for k in day.state.counters.values() if k.ticket_id]
    counter = _pick(called, a)
    ticket = day.state.tickets.get(day.state.counters[counter].ticket_id) if called else None
    is_recalled = ticket is not None and ticket.recall_count > 0
    return c.MarkNoShow(counter) if is_recalled or b % 4 == 0 else c.Recall(counter)


@intent("out", 4)
def _out(day: Day, a: int, b: int) -> Command:
    waiting = _tickets(day, TicketStatus.WAITING, TicketStatus.CALLED)
    return c.MarkReneged(_pick(waiting, a)) if b % 4 == 0 else c.HoldTicket(_pick(waiting, a), "li")


@intent("back", 6)
def _back(day: Day, a: int, b: int) -> Command:
    ended, held = _tickets(day, *REINSTATABLE), _tickets(day, TicketStatus.HELD)
    if ended and b % 2:
        return c.Reinstate(_pick(ended, a), "came_back")
    return c.ResumeTicket(_pick(held, a), "li" if b % 3 else "")


@intent("service", 5)
def _service(day: Day, a: int, b: int) -> Command:
    pending = [t.id for t in day.state.tickets.values() if t.is_pending]
    kind = c.TransferService if b % 2 else c.AddService
    return kind(_pick(pending, a), _pick(SERVICES, b))


@intent("class", 4)
def _class(day: Day, a: int, b: int) -> Command:
    pending = [t.id for t in day.state.tickets.values() if t.is_pending]
    if b % 2:
        return c.ConfirmClass(_pick(pending, a), "staff")
    return c.CorrectClass(_pick(pending, a), _pick(CLASSES[1:], b), "staff", "seen_by_staff")


@intent("divert", 10)
def _divert(day: Day, a: int, b: int) -> Command:
    under_way = [d for d in day.state.diversions.values() if d.status in {"offered", "accepted", "started"}]
    if not under_way or b % 4 == 0:
        return c.OfferDiversion(_pick(_tickets(day, TicketStatus.WAITING), a), "another_day")
    diversion = under_way[a % len(under_way)]
    if diversion.status == "offered":
        return c.DeclineDiversion(diversion.id) if b % 5 == 1 else c.AcceptDiversion(diversion.id, "li")
    if b % 3 == 0:
        return c.StartDiversion(diversion.id)
    return (
        c.FailDiversion(diversion.id, "not_today") if b % 3 == 1 else c.CompleteDiversion(diversion.id, True)
    )


@intent("paper", 4)
def _paper(day: Day, a: int, b: int) -> Command:
    waiting = _tickets(day, TicketStatus.WAITING)
    then_ms = day.now_ms - a * MINUTE_MS
    if b % 3 and waiting:
        outcome = "served" if b % 2 else "no_show"
        return msgspec.convert(
            {
                "type": "EnterPaperCall",
                "ticket_id": _pick(waiting, a),
                "counter_id": _pick(COUNTERS, b),
                "person_id": _pick(TELLERS, b),
                "called_ms": then_ms,
                "ended_ms": day.now_ms,
                "outcome": outcome,
            },
            c.EnterPaperCall,
        )
    return c.EnterPaperTicket(b + 1, _pick(SERVICES, a), then_ms, "", _pick(CLASSES, b), "staff")


@intent("hall", 2)
def _hall(day: Day, a: int, b: int) -> Command:
    if day.state.pause_reason or b % 2:
        return c.ResumeHall()
    return c.PauseHall("disinfection", day.now_ms + (1 + a) * MINUTE_MS)


@intent("visit", 4)
def _visit(day: Day, a: int, b: int) -> Command:
    visits = list(day.state.visits)
    return c.LeaveVisit(_pick(visits, a)) if b % 3 == 0 else c.LetIn(_pick(visits, a))


@intent("needs", 4)
def _needs(day: Day, a: int, b: int) -> Command:
    tasks = list(day.state.escorts)
    if tasks and b % 2:
        return c.FinishEscort(_pick(tasks, a), b % 3 == 0) if b % 4 == 1 else c.TakeEscort(tasks[-1], "li")
    return c.SetHandling(_pick(list(day.state.tickets), a), ("escort",) if b % 4 else ())


@intent("book", 6)
def _book(day: Day, a: int, b: int) -> Command:
    terms = terms_at(day.rules)
    if terms is None:
        return c.Tick()
    if day.state.terms is None:
        return c.OfferAppointments(terms, "0" * 16)
    ahead = [each for each in terms.slots_ms() if each > day.now_ms]
    return c.BookAppointment(_pick(SERVICES, a), ahead[b % min(6, len(ahead))] if ahead else 0)


@intent("arrive", 8)
def _arrive(day: Day, a: int, b: int) -> Command:
    """Usually whose time it is about."""
    booked = sorted(
        (k for k in day.state.appointments.values() if k.status in {"booked", "missed"}),
        key=lambda k: abs(k.at_ms - day.now_ms),
    )
    if b == 30:
        return c.CancelAppointment(_pick([k.id for k in booked], a))
    return c.CheckInAppointment(
        _pick([k.id for k in booked[:3]], a), class_code=_pick(CLASSES, b), class_basis="staff"
    )


@intent("ring", 2)
def _ring(day: Day, a: int, b: int) -> Command:
    rings = list(day.state.rings)
    if rings and b % 2:
        return c.FinishRing(_pick(rings, a)) if b % 4 == 1 else c.TakeRing(_pick(rings, a), "li")
    return c.RingForColleague("kiosk")


@intent("clock", 3)
def _clock(_: Day, a: int, __: int) -> Command | None:
    return c.EndDay() if a == 30 else c.Tick()


# --- arbitrary commands: every type, with ids that may or may not exist ----------------------------------

_IDS = ("t1", "t2", "A001", "a002", "v1", "v2", "C1", "C2", "k1", "d1", "zhao", "li", "cash", "green", "")
_TIMES = (0, at(8, 30), at(9), at(12), at(20))


def _values(kind: inspect.Type, rules: DayRules) -> st.SearchStrategy[Any]:
    match kind:
        case inspect.LiteralType(values=values):
            return st.sampled_from(values)
        case inspect.BoolType():
            return st.booleans()
        case inspect.NoneType():
            return st.none()
        case inspect.IntType(ge=low, le=high):
            return st.integers(low or 0, high) if high else st.sampled_from(_TIMES)
        case inspect.FloatType(ge=low, le=high):
            return st.floats(low, high)
        case inspect.StrType(pattern=pattern) if pattern and pattern.startswith("^[a-z]["):
            return st.just("a_reason")
        case inspect.StrType(min_length=least):
            return st.sampled_from([text for text in _IDS if text or not least])
        case inspect.UnionType(types=types):
            return st.one_of([_values(one, rules) for one in types])
        case inspect.VarTupleType(item_type=item, min_length=least):
            return st.lists(_values(item, rules), min_size=least or 0, max_size=2).map(tuple)
        case inspect.StructType(cls=cls) if cls is DayRules:
            return st.just(rules)
        case inspect.StructType():
            return _built(kind, rules)
        case _:
            raise AssertionError(f"no values for {kind}")


def _built(kind: inspect.StructType, rules: DayRules) -> st.SearchStrategy[Any]:
    return st.builds(kind.cls, **{f.name: _values(f.type, rules) for f in kind.fields})


def any_command(rules: DayRules) -> st.SearchStrategy[Command]:
    """Any well-formed command of the hall."""

    kinds = [inspect.type_info(kind) for kind in COMMANDS if kind is not c.ForceEndDay]
    return st.one_of([_built(kind, rules) for kind in kinds if isinstance(kind, inspect.StructType)])


# --- days ------------------------------------------------------------------------------------------------

_KINDS = [name for name, (weight, _) in INTENTS.items() for _ in range(weight)]
_MINUTES = (0, 0, 0, 0, 0, 1, 1, 1, 2, 3, 5, 31)
Step = tuple[str, int, int, int]


def _drawn(seed: int, step_count: int) -> list[Step]:
    rng = Random(seed)
    return [
        (rng.choice(_KINDS), rng.randrange(31), rng.randrange(31), rng.choice(_MINUTES))
        for _ in range(step_count)
    ]


STEPS: st.SearchStrategy[list[Step]] = st.builds(_drawn, st.integers(0, 2**32), st.integers(0, 200))
"""From a seed, because lists drawn step by step stay too short to be a day; fewer steps are simpler."""

PLACES: st.SearchStrategy[DayRules] = st.sampled_from(
    [
        quiet_branch(),
        with_rules(quiet_branch(), inside_limit=3, when_late="lapse"),
        with_rules(quiet_branch(), when_late="keep", tickets_daily=12),
        pension_day_branch(),
        strict_branch(),
        booked_branch(),
        with_rules(strict_branch(), share_percent=40, when_late_booked="keep"),
        with_rules(self_calling_branch(), share_percent=60),
    ]
)


def opened(rules: DayRules) -> Day:
    """A day at nine with two counters open, so that most steps mean something."""
    day = Day(rules)
    for command in (c.OpenDoors(), c.OpenCounter("C1", "zhao"), c.OpenCounter("C3", "zhou")):
        day.now_ms = max(day.now_ms, at(9))
        day.do(command)
    return day


def play(day: Day, steps: Sequence[Step]) -> Day:
    """Take the steps, one after another."""
    for kind, a, b, minutes in steps:
        day.now_ms += minutes * MINUTE_MS
        command = INTENTS[kind][1](day, a, b)
        if command is not None:
            day.do(command)
    return day


def finish(day: Day) -> None:
    """Bring the day to its end as staff would, without force: everybody pending gets an end."""
    day.do(c.ResumeHall())
    day.do(c.OpenDoors())
    day.do(c.CloseDoors())
    for visit in list(day.state.visits.values()):
        if visit.is_pending:
            day.do(c.LeaveVisit(visit.id))
    for diversion in list(day.state.diversions.values()):
        day.do(c.FailDiversion(diversion.id, "day_ends"))
    for counter in list(day.state.counters):
        day.do(c.StartService(counter))
        for _ in range(2):
            day.do(c.FinishService(counter))
    for ticket in list(day.state.tickets.values()):
        day.do(c.MarkReneged(ticket.id))
    day.do(c.EndDay())


def pending_by_ledger(log: Sequence[tuple[Event, Stamp]]) -> int:
    """Tickets pending, counted from the events alone: begun less ended plus brought back."""
    count = 0
    for event, _ in log:
        match event:
            case e.TicketIssued() | e.PaperTicketEntered() | e.TicketReinstated():
                count += 1
            case e.TicketAbsent() | e.TicketReneged() | e.HoldLapsed():
                count -= 1
            case e.ServiceFinished(next_service="") | e.DiversionCompleted(next_service=""):
                count -= 1
            case e.PaperCallEntered(next_service=""):
                count -= 1
            case _:
                pass
    return count

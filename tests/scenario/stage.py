"""Plays a story on the real hall and the real book, and holds each line to what it says."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from openhall.hall.model import ROOM, HallState
from openhall.hall.model import events as e
from openhall.hall.model.auto_calling import auto_calls
from openhall.hall.model.commands import FinishService, StartService
from openhall.hall.model.proposing import post_now, proposals
from openhall.hall.model.waits import Waits
from openhall.hall.policy import DayRules
from openhall.hall.views import counter_view, recent_calls
from openhall.hall.views_asked import slots
from openhall.kernel.clock import MINUTE_MS, to_datetime
from openhall.kernel.event import Command, Event, Request
from openhall.kernel.refusal import Refusal
from openhall.log.book import Book
from openhall.log.memory import MemoryStore
from tests.places import LANE, PLACES, ZONE, at, morning_clock, with_rules
from tests.scenario.script import Line, ScriptError, Story, Words, minute_of_day, read_stories, span_ms
from tests.scenario.verbs import VERBS, command_of

QUERIES: dict[str, Callable[[HallState, Words, Stage], str]] = {}
"""What can be asked of the state: the answer is compared with what stands after the arrow."""

CLOCK_VERBS = ("branch", "at", "wait", "serve")


class Stage:
    """One story in play."""

    def __init__(self) -> None:
        self.clock = morning_clock()
        self.store = MemoryStore()
        self.book = Book(self.store, [ROOM], self.clock)
        self.rules: DayRules | None = None
        self.ids: dict[str, str] = {}
        self.asked_count = 0

    @property
    def state(self) -> HallState:
        state: HallState = self.book.committed(LANE, "hall")
        return state

    def id_of(self, name: str) -> str:
        """The id behind a name of the script; a name that nothing bears stands for itself."""
        return self.ids.get(name, name.lower() if re.fullmatch(r"[KD]\d+", name) else name)

    def play(self, story: Story) -> None:
        """Every line of a story."""
        for line in story.lines:
            self.play_line(line)

    def play_line(self, line: Line) -> None:
        """One line: a change of place or time, a question, or a command."""
        words = Words(line)
        if line.verb in CLOCK_VERBS:
            self._move_on(words)
        elif line.verb in QUERIES:
            self._answer(words)
        elif line.verb in VERBS:
            self._act(words)
        else:
            raise ScriptError(line, f"there is no verb {line.verb}")

    def _move_on(self, words: Words) -> None:
        match words.line.verb:
            case "branch":
                place = PLACES[words.take("a place")]
                changes: dict[str, Any] = {k: int(v) if v.isdigit() else v for k, v in words.rest().items()}
                self.rules = with_rules(place(), **changes)
            case "at":
                self.clock.set(at(*minute_of_day(words, words.take("a time of day"))))
            case "wait":
                self.clock.advance(span_ms(words, words.take("a time")))
            case _:
                counter_id = words.take("a counter")
                self._ask(words.line, StartService(counter_id), ())
                self._ask(words.line, FinishService(counter_id), words.line.expected)
        words.end()

    def _answer(self, words: Words) -> None:
        answer = QUERIES[words.line.verb](self.state, words, self)
        words.end()
        if answer.split() != list(words.line.expected):
            raise AssertionError(f"line {words.line.number}: {words.line.text}: it is {answer!r}")

    def _act(self, words: Words) -> None:
        if self.rules is None:
            raise ScriptError(words.line, "expected `branch <place>` first")
        command = command_of(words, self.id_of, self.rules)
        self._ask(words.line, command, words.line.expected)

    def _ask(self, line: Line, command: Command, expected: Sequence[str]) -> None:
        before = self.book.committed_seq(LANE)
        self.asked_count += 1
        result = self.book.execute(Request(LANE, f"line-{self.asked_count}", "script", command))
        if isinstance(result, Refusal):
            assert list(expected) == [result.code], f"line {line.number}: {line.text}: refused, {result}"
            text = ROOM.refusals[result.code]
            text.sentence.format(**result.detail)
            text.remedy.format(**result.detail)
            assert self.book.committed_seq(LANE) == before, "a refusal leaves no event"
            return
        self._name(line, result.events)
        for token in expected:
            assert self._is_in(token, result.events), f"line {line.number}: {line.text}: {result.events}"
        self._hold_to_the_log(line)

    def _hold_to_the_log(self, line: Line) -> None:
        """Nothing is broken, and the log alone gives the same state."""
        assert ROOM.check(self.state) == [], f"line {line.number}: {line.text}"
        replayed = Book(self.store, [ROOM], self.clock)
        assert replayed.committed(LANE, "hall") == self.state, f"line {line.number}: {line.text}"

    def _name(self, line: Line, events: Sequence[Event]) -> None:
        """The first word of `issue`, `check`, `offer` names what came into being; the roll adds R1, R2."""
        for event in events:
            match event:
                case e.TicketIssued(ticket_id=made) | e.PaperTicketEntered(ticket_id=made):
                    self.ids[line.words[0]] = made
                case e.EntryChecked(visit_id=made) | e.AdmittedWithoutCheck(visit_id=made):
                    self.ids[line.words[0]] = made
                case e.DiversionOffered(diversion_id=made) | e.AppointmentBooked(appointment_id=made):
                    self.ids[line.words[0]] = made
                case e.ColleagueRung(ring_id=made):
                    self.ids[line.words[0]] = made
                case _:
                    pass
        added = [event for event in events if isinstance(event, e.RollVisitAdded)]
        self.ids.update({f"R{n}": event.visit_id for n, event in enumerate(added, start=1)})

    def _is_in(self, token: str, events: Sequence[Event]) -> bool:
        """Whether the events are, name or hold what the token says."""
        if token == "nothing":
            return not events
        if token in {type(event).__name__ for event in events}:
            return True
        fields: list[dict[str, Any]] = [msgspec.structs.asdict(event) for event in events]
        if "=" in token:
            key, value = token.split("=", 1)
            return any(key in f and _shown(f[key]) == value for f in fields)
        wanted = {token, self.id_of(token), self.state.numbers.get(token, token)}
        return any(value in wanted for f in fields for value in f.values() if isinstance(value, str))


def _shown(value: object) -> str:
    """A list as its parts with commas between, so that a script needs no brackets."""
    return (",".join(map(str, value)) or "none") if isinstance(value, tuple) else str(value)


def query(name: str) -> Callable[[Callable[..., str]], Callable[..., str]]:
    """Register a question."""

    def register(answer: Callable[..., str]) -> Callable[..., str]:
        QUERIES[name] = answer
        return answer

    return register


@query("line")
def _line(state: HallState, _: Words, stage: Stage) -> str:
    names = {made: name for name, made in stage.ids.items()}
    return " ".join(names[ticket_id] for _, ticket_id in state.line) or "empty"


@query("pending")
def _pending(state: HallState, _: Words, __: Stage) -> str:
    return str(state.pending_count + state.pending_visit_count)


@query("inside")
def _inside(state: HallState, _: Words, __: Stage) -> str:
    return str(state.inside_count)


@query("counts")
def _counts(state: HallState, words: Words, _: Stage) -> str:
    return str({"baulked": state.baulk_count, "referred": state.referred_count}[words.take("a count")])


@query("status")
def _status(state: HallState, words: Words, stage: Stage) -> str:
    return state.tickets[stage.id_of(words.take("a ticket"))].status.value


@query("diversion")
def _diversion(state: HallState, words: Words, stage: Stage) -> str:
    return state.diversions[stage.id_of(words.take("a diversion"))].status.value


@query("escort")
def _escort(state: HallState, words: Words, stage: Stage) -> str:
    task = state.escorts[stage.id_of(words.take("a task"))]
    return f"{task.status.value} {task.person_id}"


@query("counter")
def _counter(state: HallState, words: Words, _: Stage) -> str:
    view = counter_view(state, state.counters[words.take("a counter")])
    return f"{view.status} {view.person_id}"


@query("proposals")
def _proposals(state: HallState, _: Words, stage: Stage) -> str:
    """What the plan says should happen now."""
    due = proposals(state, stage.clock.now_ms())
    return " ".join(f"{p.kind}:{p.counter_id}:{p.person_id}" for p in due) or "none"


@query("post")
def _post(state: HallState, words: Words, stage: Stage) -> str:
    """What the plan has somebody do now."""
    return post_now(state, words.take("a person"), stage.clock.now_ms()) or "none"


@query("request")
def _request(state: HallState, words: Words, _: Stage) -> str:
    request = state.requests[words.take("a request")]
    return f"{request.outcome or 'standing'} {' '.join(request.sent)}"


@query("told")
def _told(state: HallState, words: Words, stage: Stage) -> str:
    """What a waiting customer is told: people ahead, and from how many to how many minutes."""
    wait = Waits(state, stage.clock.now_ms()).of_ticket(stage.id_of(words.take("a ticket")))
    assert wait is not None, words.line.text
    return f"{wait.people_ahead} ahead {wait.low_ms // MINUTE_MS}-{-(-wait.high_ms // MINUTE_MS)} minutes"


@query("appointment")
def _appointment(state: HallState, words: Words, stage: Stage) -> str:
    return state.appointments[stage.id_of(words.take("an appointment"))].status.value


@query("code")
def _code(state: HallState, words: Words, stage: Stage) -> str:
    return state.appointments[stage.id_of(words.take("an appointment"))].code


@query("places")
def _places(state: HallState, words: Words, stage: Stage) -> str:
    """Free places of a service: `places cash` slot by slot, till noon."""
    service, noon = words.take("a service"), at(12)
    shown = slots(state, state.terms, stage.clock.now_ms(), service)
    times = {s.at_ms: to_datetime(s.at_ms, ZONE).strftime("%H:%M") for s in shown}
    return " ".join(f"{times[s.at_ms]}={s.free}" for s in shown if s.at_ms < noon) or "none"


@query("asked")
def _asked(state: HallState, words: Words, stage: Stage) -> str:
    """What became of a ring."""
    ring = state.rings[stage.id_of(words.take("a ring"))]
    return "finished" if ring.finished_ms else f"open {ring.person_id} {'manager' * bool(ring.escalated_ms)}"


@query("next_call")
def _next_call(state: HallState, words: Words, stage: Stage) -> str:
    """Whom a counter will call by itself as things stand, and in how many seconds."""
    counter, names = words.take("a counter"), {made: name for name, made in stage.ids.items()}
    call = next(
        (call for call in auto_calls(state, stage.clock.now_ms()) if call.counter_id == counter), None
    )
    return f"{names[call.ticket_id]} {(call.due_ms - stage.clock.now_ms()) // 1_000}s" if call else "none"


@query("display")
def _display(state: HallState, words: Words, stage: Stage) -> str:
    """How a call is shown and said."""
    number = state.tickets[stage.id_of(words.take("a ticket"))].number
    call = next(call for call in recent_calls(state) if call.number == number)
    seconds = (call.shown_until_ms - call.called_ms) // 1_000
    return f"{seconds}s {'large' * call.is_written} {'bilingual' * call.is_bilingual}"


def play_text(text: str) -> Stage:
    """Play lines without a story around them, for the runner's own tests."""
    stage = Stage()
    stage.play(read_stories(f"story untitled\n{text}")[0])
    return stage

"""The people of a rehearsed day as processes, and the stepper that lets them act one at a time.

A process is a generator. It yields what it needs, an instant to wait for (`until`) or a command to ask of the
hall (`ask`), and looks at the committed state whenever it goes on. It decides nothing that the hall decides.

Whoever owns the clock drives a cast in three steps, in a loop under a `ManualClock` as `driver.drive` does,
or in time lapse beside a running server::

    while (due_ms := cast.due_ms()) is not None:
        ...                                          # let time pass until due_ms
        while (request := cast.request(now_ms, state)) is not None:
            cast.told(book.execute(request))         # or: await writer.submit(request)

Somebody else may press buttons in between: every process looks at the state after each wait, and takes a
refusal for an answer. With `is_side_by_side` the people of the cast ask without waiting for each other, and
each answer is told with the id of its command.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import TypeAlias, TypeVar

from openhall.hall.model.state import HallState
from openhall.kernel.event import Answer, Command, Request, StreamId
from openhall.kernel.refusal import Refusal

PROCESSES_MAX = 100_000
"""People in one rehearsed day; more is a mistake in its parameters."""


@dataclass(frozen=True, slots=True)
class Until:
    """Go on at this moment, or earlier when something has happened in the hall."""

    at_ms: int
    or_news: bool = False


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask this of the hall, as this actor."""

    actor: str
    command: Command


Result: TypeAlias = Answer | Refusal
T = TypeVar("T")
Steps: TypeAlias = Generator[Until | Ask, Result | None, T]
"""A process, or a part of one, that ends with a T."""


def until(at_ms: int, *, or_news: bool = False) -> Steps[None]:
    """Wait till a moment; with `or_news` also till something has happened."""
    yield Until(at_ms, or_news)


def ask(actor: str, command: Command) -> Steps[Result]:
    """Ask something of the hall and hear its answer."""
    result = yield Ask(actor, command)
    assert result is not None, "an asking process goes on with the hall's answer"
    return result


@dataclass(slots=True)
class Scene:
    """What everybody can see: the time, and the day as committed."""

    state: HallState
    now_ms: int


@dataclass(slots=True)
class _Process:
    steps: Steps[None]
    turn: int = 0
    """Counts its appointments; one in the agenda with another number is void."""
    answer: Result | None = None
    """What it was told and has not heard yet."""


@dataclass
class Cast:
    """Everybody who acts on one branch-day.

    Command ids are `<prefix>-<number>`: two casts on one stream need two prefixes.
    """

    stream: StreamId
    scene: Scene
    prefix: str = "rehearsal"
    is_side_by_side: bool = False
    _agenda: list[tuple[int, int, int, int]] = field(default_factory=list)
    """(moment, order of entry, process, its turn)."""
    _live: dict[int, _Process] = field(default_factory=dict)
    _listening: dict[int, None] = field(default_factory=dict)
    _asking: dict[str, int] = field(default_factory=dict)
    """Who waits for the answer to a command, by its id."""
    _process_count: int = 0
    _entry_count: int = 0
    _request_count: int = 0

    def enter(self, at_ms: int, steps: Steps[None]) -> None:
        """Somebody begins to act at a moment; the process does not run before."""
        if self._process_count >= PROCESSES_MAX:
            raise ValueError(f"Expected at most {PROCESSES_MAX} people in a day, got more")
        self._process_count += 1
        self._live[self._process_count] = _Process(steps)
        self._appoint(self._process_count, at_ms)

    def due_ms(self) -> int | None:
        """When somebody next has something to do; None when everybody is done."""
        while self._agenda:
            at_ms, _, number, turn = self._agenda[0]
            if number in self._live and self._live[number].turn == turn:
                return at_ms
            heappop(self._agenda)
        return None

    def request(self, now_ms: int, state: HallState) -> Request | None:
        """The next thing that somebody asks by now; None when nobody has anything to ask yet.

        `state` is the hall as committed at this moment.
        """
        assert self.is_side_by_side or not self._asking, "the last request has no answer: call told() first"
        self.scene.now_ms, self.scene.state = now_ms, state
        if state.is_ended:
            self._live.clear()  # whoever still waits for something has gone home
        while (due_ms := self.due_ms()) is not None and due_ms <= now_ms:
            _, _, number, _ = heappop(self._agenda)
            wish = self._resume(number)
            if wish is not None:
                self._request_count += 1
                command_id = f"{self.prefix}-{self._request_count}"
                self._asking[command_id] = number
                return Request(self.stream, command_id, wish.actor, wish.command)
        return None

    def told(self, result: Result, command_id: str = "") -> None:
        """What the hall answered to a command, or to the last one when it is not named.

        Call `request` again before letting time pass.
        """
        assert self._asking, "nothing was asked"
        number = self._asking.pop(command_id) if command_id else self._asking.popitem()[1]
        if number not in self._live:
            return  # gone home when the day ended
        self._live[number].answer = result
        self._appoint(number, self.scene.now_ms)
        if isinstance(result, Answer) and result.events:
            self.news()

    def news(self) -> None:
        """Something happened in the hall: whoever watches it looks up now.

        `told` calls it; call it too when somebody outside the cast changed the hall.
        """
        for number in list(self._listening):
            self._appoint(number, self.scene.now_ms)

    def _resume(self, number: int) -> Ask | None:
        """Let somebody act until the next wait or wish."""
        process = self._live[number]
        self._listening.pop(number, None)
        answer, process.answer = process.answer, None
        try:
            need = process.steps.send(answer)
        except StopIteration:
            del self._live[number]
            return None
        if isinstance(need, Ask):
            return need
        self._appoint(number, max(need.at_ms, self.scene.now_ms))
        if need.or_news:
            self._listening[number] = None
        return None

    def _appoint(self, number: int, at_ms: int) -> None:
        process = self._live[number]
        process.turn += 1
        self._entry_count += 1
        heappush(self._agenda, (at_ms, self._entry_count, number, process.turn))

"""Keeps every open hall's waits, room and advice fresh: asks the twin, and puts its answers on record.

The answers come from worker processes. When they are slow or dead, what was told last goes on being shown
with its age, and after some minutes the plain pace rule takes over (`hall.model.waits`). Nothing here can
hold up a customer. When there are more halls than the workers can keep up with, the hall that was told
longest ago goes first, and moves wait rather than waits.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from openhall.hall.due import EVERY_MS, Look, look, why
from openhall.hall.model import HallState
from openhall.hall.model.advising import worth_saying
from openhall.hall.model.commands import GiveAdvice, ReviewAdvice, TellWaits
from openhall.hall.model.state import ADVICE_GOOD_FOR_MS, Doors
from openhall.hall.plain_moves import plain_advice
from openhall.hall.snapshot import Helper, snapshot
from openhall.hall.told import Move
from openhall.kernel.clock import MINUTE_MS, SECOND_MS, Clock
from openhall.kernel.event import SYSTEM, Answer, Command, Recorded, Request, StreamId
from openhall.kernel.refusal import Refusal
from openhall.kernel.trouble import Trouble
from openhall.workers import twin
from openhall.workers.pool import Workers

REFRESH_MS = 15 * SECOND_MS
"""A wait is never older than this while the workers answer."""

EVENTS_GATHER_MS = 2 * SECOND_MS
"""After an event that matters the twin is asked again, but not more often than this."""

AGAIN_MS = MINUTE_MS
"""When the twin had no moves in time, the plain rule's are shown, and it is asked again after this."""

PAUSE_SECONDS = 0.5
"""Between two looks at the halls. In a time lapse it bounds how often a hall is asked about."""

WAITS_SECONDS = 5.0
ADVICE_SECONDS = 2.0
"""Deadlines. An answer takes a twentieth of a second, moves in a full hall a fifth; the worker itself stops
looking for more of them a little earlier."""

HALLS_A_WORKER = 2
"""So many halls are asked about beside each other for each worker: one is answered, one is on its way. More
would only wait in the pool, and a question that waits there is out of date when it is read."""

QUIET_AFTER_FAILURES = 3
REST_MS = 30 * SECOND_MS
"""After some failures in a row a hall is asked about only so often, by the real clock."""

OWN = frozenset({"WaitsTold", "AdviceGiven", "AdviceReviewed"})
"""Events that the twin's own answers make: they change nothing that it would be asked about again."""

_log = logging.getLogger(__name__)


class Halls(Protocol):
    """What the desk needs of the installation."""

    @property
    def clock(self) -> Clock:
        """The hall's time, which may run fast."""
        ...

    @property
    def wall(self) -> Clock:
        """The real time."""
        ...

    def open_days(self) -> Iterable[StreamId]:
        """Days that have begun and not ended."""
        ...

    def hall(self, stream: StreamId) -> HallState | None:
        """A hall as committed."""
        ...

    def next_seq(self, stream: StreamId) -> int:
        """Above the number of every event of a day so far."""
        ...

    def believed(self, branch: str) -> bytes:
        """A branch's latest habits as JSON; empty for none."""
        ...

    async def submit(self, request: Request) -> Answer | Refusal:
        """Carry out a command."""
        ...


@dataclass
class _Desk:
    """What is going on about one hall."""

    is_news: bool = True
    asked_ms: int = 0
    asked_real_ms: int = 0
    looked: Look = field(default_factory=Look)
    """What was the case when moves were asked for last."""
    is_asking: bool = False
    failures: int = 0


class TwinHealth(msgspec.Struct, frozen=True):
    """How the twin is doing."""

    is_ok: bool
    answered_count: int
    failed_count: int
    trouble_code: str = ""
    trouble: str = ""


@dataclass
class TwinDesk:
    """One for all branches."""

    halls: Halls
    workers: Workers
    lendable: Callable[[StreamId], tuple[Helper, ...]] = lambda _stream: ()
    """Who of the neighbouring branches could help out at this one now."""
    _desks: dict[StreamId, _Desk] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _due: deque[StreamId] = field(default_factory=deque)
    """Halls to ask about, the longest untold first."""
    _advising_count: int = 0
    _answered_count: int = 0
    _failed_count: int = 0
    _trouble: Trouble | None = None

    @property
    def health(self) -> TwinHealth:
        """Counts since the start, and the trouble of the last question if it had any."""
        trouble = self._trouble
        return TwinHealth(
            trouble is None,
            self._answered_count,
            self._failed_count,
            trouble.code if trouble else "",
            str(trouble) if trouble else "",
        )

    @property
    def due_count(self) -> int:
        """Halls that wait for their turn to be asked about."""
        return len(self._due)

    @property
    def age_ms(self) -> int:
        """Since the hall that was asked about longest ago, by the hall's clock; 0 where none is open."""
        asked = [desk.asked_ms for desk in self._desks.values() if desk.asked_ms]
        return self.halls.clock.now_ms() - min(asked) if asked else 0

    def note(self, events: Sequence[Recorded]) -> None:
        """Something happened: is it a reason to ask again? Called by the book after each commit."""
        for recorded in events:
            if recorded.type not in OWN and recorded.stream in self._desks:
                self._desks[recorded.stream].is_news = True

    async def run(self) -> None:
        """Look at every hall again and again, till cancelled."""
        try:
            while True:
                self.look()
                await asyncio.sleep(PAUSE_SECONDS)
        finally:
            for task in self._tasks:
                task.cancel()
            self.workers.stop()

    def look(self) -> None:
        """Ask about each hall that is due, some beside each other."""
        now_ms, real_ms = self.halls.clock.now_ms(), self.halls.wall.now_ms()
        open_days = set(self.halls.open_days())
        for gone in self._desks.keys() - open_days:
            del self._desks[gone]
        due = []
        for stream in open_days:
            desk = self._desks.setdefault(stream, _Desk())
            if not desk.is_asking and self._is_due(desk, now_ms, real_ms):
                due.append((desk.asked_ms, str(stream), stream))
        self._due = deque(stream for *_, stream in sorted(due))
        self._ask_next()

    def _ask_next(self) -> None:
        while self._due and len(self._tasks) < HALLS_A_WORKER * self.workers.count:
            stream = self._due.popleft()
            desk = self._desks.get(stream)
            if desk is not None and not desk.is_asking:
                desk.is_asking = True
                self._start(self.refresh(stream, desk))

    def _is_due(self, desk: _Desk, now_ms: int, real_ms: int) -> bool:
        if desk.failures >= QUIET_AFTER_FAILURES and real_ms - desk.asked_real_ms < REST_MS:
            return False
        since_ms = now_ms - desk.asked_ms
        return since_ms >= REFRESH_MS or (desk.is_news and since_ms >= EVENTS_GATHER_MS)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="openhall-twin")
        self._tasks.add(task)
        task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            self._ask_next()

    async def refresh(self, stream: StreamId, desk: _Desk) -> None:
        """Ask about one hall, and put the answers on record."""
        try:
            await self._tell(stream, desk)
            await self._advise(stream, desk)
            await self._review(stream)
            if self._trouble is not None:
                _log.info("The twin answers again")
            self._trouble, desk.failures = None, 0
        except Trouble as trouble:
            desk.failures += 1
            self._failed_count += 1
            if self._trouble is None or self._trouble.code != trouble.code:
                _log.warning("The twin does not answer: %s (%s)", trouble, trouble.code)
            self._trouble = trouble
        except Exception:  # noqa: BLE001 - a fault about one hall must not end the others' waits
            desk.failures += 1
            self._failed_count += 1
            _log.exception("Asking the twin about %s failed", stream)
        finally:
            desk.is_asking = False

    async def _tell(self, stream: StreamId, desk: _Desk) -> None:
        state = self.halls.hall(stream)
        desk.asked_ms, desk.asked_real_ms = self.halls.clock.now_ms(), self.halls.wall.now_ms()
        desk.is_news = False
        if state is None or not (state.line or state.doors is not Doors.CLOSED):
            return
        shot = snapshot(state, desk.asked_ms, self.halls.next_seq(stream))
        told: TellWaits = await self.workers.ask(
            twin.waits, shot, self.halls.believed(stream.place), seconds=WAITS_SECONDS
        )
        self._answered_count += 1
        await self._submit(stream, "waits", told)

    async def _advise(self, stream: StreamId, desk: _Desk) -> None:
        state, now_ms = self.halls.hall(stream), self.halls.clock.now_ms()
        is_calling = state is not None and not state.pause_reason and state.doors is not Doors.NOT_YET
        if state is None or not is_calling or why(state, desk.looked, now_ms) is None:
            return
        if self._advising_count and self._due:
            return  # moves take as long as the waits of several halls
        self._advising_count += 1
        try:
            await self._find_moves(stream, desk, state, now_ms)
        finally:
            self._advising_count -= 1

    async def _find_moves(self, stream: StreamId, desk: _Desk, state: HallState, now_ms: int) -> None:
        seen = look(state, now_ms)
        shot = snapshot(state, now_ms, self.halls.next_seq(stream), self.lendable(stream))
        try:
            found: GiveAdvice = await self.workers.ask(
                twin.advice, shot, self.halls.believed(stream.place), seconds=ADVICE_SECONDS
            )
        except Trouble:
            desk.looked = seen._replace(at_ms=now_ms - EVERY_MS + AGAIN_MS)
            await self._give(stream, plain_advice(shot), now_ms)
            raise
        self._answered_count += 1
        desk.looked = seen
        await self._give(stream, found, now_ms)

    async def _give(self, stream: StreamId, found: GiveAdvice, now_ms: int) -> None:
        state = self.halls.hall(stream)
        if state is not None and is_advice_news(state, found, now_ms):
            await self._submit(stream, "advice", found)

    async def _review(self, stream: StreamId) -> None:
        state, now_ms = self.halls.hall(stream), self.halls.clock.now_ms()
        if state is None:
            return
        for advice in list(state.advices.values()):
            is_decided = bool(advice.taken or advice.declined)
            is_over = now_ms - advice.given_ms >= advice.horizon_ms
            if is_decided and is_over and not advice.is_reviewed:
                await self._submit(stream, f"review-{advice.id}", ReviewAdvice(advice.id))

    async def _submit(self, stream: StreamId, name: str, command: Command) -> None:
        command_id = f"{SYSTEM} {name} {self.halls.clock.now_ms()} {self._answered_count}"
        answer = await self.halls.submit(Request(stream, command_id, SYSTEM, command))
        if isinstance(answer, Refusal):
            _log.debug("The hall took no %s from the twin: %s", name, answer.code)


def is_advice_news(state: HallState, found: GiveAdvice, now_ms: int) -> bool:
    """Whether advice says something else than what stands: other moves, or another order of magnitude.

    Advice that still holds is given anew before it is too old to be taken.
    """
    last = list(state.advices.values())[-1] if state.advices else None
    moves = worth_saying(state, found.moves, now_ms)
    if last is None or now_ms - last.given_ms > ADVICE_GOOD_FOR_MS - MINUTE_MS:
        return bool(moves) or bool(last and last.moves)
    undecided = [m for n, m in enumerate(last.moves) if n not in last.taken and n not in last.declined]
    before = {_subject(m): m.saved_ms for m in worth_saying(state, undecided, now_ms)}
    if {_subject(m) for m in moves} != before.keys():
        return True
    return any(abs(m.saved_ms - before[_subject(m)]) > max(MINUTE_MS, m.saved_ms // 4) for m in moves)


def _subject(move: Move) -> tuple[str, str, str, str]:
    return move.kind, move.counter_id, move.person_id, move.ticket_id

"""One random day: a phase in which anything may happen, then one in which everything must end.

Safety first: seeded commands of every kind, retries under the same id, batches, crashes, commits that fail
before or after they are kept, a clock that stumbles. After each step a witness compares the hall with its
own account. Then liveness: the faults stop, the doors close, and everybody who is pending must come to an
end.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable
from random import Random
from typing import Any

import msgspec

from openhall.hall.model import ROOM
from openhall.hall.model import commands as c
from openhall.hall.model.state import HallState
from openhall.kernel.clock import MINUTE_MS, SECOND_MS, ManualClock
from openhall.kernel.event import CHAIN_START, Answer, Command, Recorded, Request, Room, StreamId, chain_hash
from openhall.kernel.refusal import Refusal
from openhall.kernel.trouble import Trouble
from openhall.log.book import Book
from openhall.log.memory import MemoryStore
from openhall.log.store import Store
from openhall.log.troubles import ClockMovedBack, CommandFailed
from openhall.rehearsal.driver import pending
from openhall.rehearsal.random_day.account import Broken
from openhall.rehearsal.random_day.ending import next_steps
from openhall.rehearsal.random_day.faults import FaultyStore
from openhall.rehearsal.random_day.rules import DAY, PLACE, random_rules
from openhall.rehearsal.random_day.wishes import ACTORS, ALWAYS, WISHES, Dice
from openhall.rehearsal.random_day.witness import Witness

FAULTS = ("retries", "reused_ids", "batches", "crashes", "failed_commits", "clock_back")
RETRIES_MAX = 8
ROUNDS_MAX = 400
"""Rounds of the liveness phase; a day of this size needs far fewer."""

Result = Answer | Refusal


class RandomDayParameters(msgspec.Struct, frozen=True):
    """How a random day is drawn.

    Parameters
    ----------
    commands : commands of the safety phase, without retries.
    behaviour_share : probability that a behaviour takes part in a day (swarm testing: days that lack one find
        what days with everything hide).
    retry_share, reuse_share, batch_share, crash_share, failed_commit_share : per command, where the fault
        takes part in the day.
    """

    commands: int = 220
    behaviour_share: float = 0.6
    retry_share: float = 0.08
    reuse_share: float = 0.02
    batch_share: float = 0.1
    crash_share: float = 0.03
    failed_commit_share: float = 0.05

    def __post_init__(self) -> None:
        if not 1 <= self.commands <= 100_000:
            raise ValueError(f"Expected commands between 1 and 100000, got {self.commands}")
        for name in self.__struct_fields__[1:]:
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"Expected {name} between 0 and 1, got {getattr(self, name)}")


class DayReport(msgspec.Struct, frozen=True):
    """What happened on a random day on which nothing broke."""

    seed: int
    behaviours: tuple[str, ...]
    requests: int
    accepted: dict[str, int]
    refused: dict[str, int]
    """By refusal code."""
    tickets: int
    calls: int
    retries: int
    crashes: int
    failed_commits: int
    events: int


def random_day(
    seed: int,
    *,
    parameters: RandomDayParameters | None = None,
    room: Room[Any] = ROOM,
    open_store: Callable[[], Store] | None = None,
) -> DayReport:
    """Live through the day of a seed; `Broken`, with a line to repeat it, when it breaks.

    `open_store` is called at the start and after each crash, and must find what was committed before;
    without it the log is in memory. `room` is another hall, to see whether its faults are found.
    """
    day = _Day(seed, parameters or RandomDayParameters(), room, open_store)
    try:
        day.live()
        day.end()
        day.audit()
    except AssertionError as error:
        raise Broken(
            f"{error}\n  seed {seed}, step {day.steps}, after {day.last}\n"
            f"  repeat it: OPENHALL_SEED={seed} .venv/bin/pytest tests/rehearsal -k seed_of_the_environment"
        ) from error
    return day.report()


class _Day:
    """Everything that one random day holds together."""

    def __init__(
        self,
        seed: int,
        parameters: RandomDayParameters,
        room: Room[Any],
        open_store: Callable[[], Store] | None,
    ) -> None:
        self.seed, self.parameters, self.room = seed, parameters, room
        self.rng = Random(seed)  # noqa: S311 - a rehearsal
        memory = MemoryStore()
        self.open_store = open_store or (lambda: memory)
        self.rules = random_rules(self.rng)
        self.stream = StreamId(PLACE, DAY)
        self.clock = ManualClock(self.rules.checkin_opens_ms - 10 * MINUTE_MS)
        self.behaviours = self._swarm()
        self.witness = Witness(self.rules)
        self.seen: list[Recorded] = []
        self.answered: list[tuple[Request, Result]] = []
        self.accepted: Tally[str] = Tally()
        self.refused: Tally[str] = Tally()
        self.steps = self.retries = self.crashes = self.failed_commits = self.ids = 0
        self.last: object = "nothing"
        self.is_calm = False
        self._boot()

    def _swarm(self) -> frozenset[str]:
        optional = [*WISHES, *FAULTS, "nonsense"]
        chosen = {name for name in optional if self.rng.random() < self.parameters.behaviour_share}
        if self.rng.random() < 0.8:
            chosen.discard("forced_end")
        return frozenset({*chosen, *ALWAYS})

    # -- the phases ---------------------------------------------------------------------------------------

    def live(self) -> None:
        """The safety phase. Appointments are made before the day opens."""
        if "appointments" in self.behaviours:
            early = [WISHES["appointments"][0][1], *[WISHES["appointments"][1][1]] * self.rng.randrange(8)]
            for wish in early:
                self.ask(self._request(wish(self._dice())))
        self.ask(self._request(c.OpenDay(self.rules)))
        wishes = [wish for name in WISHES if name in self.behaviours for wish in WISHES[name]]
        weights = [weight for weight, _ in wishes]
        for _ in range(self.parameters.commands):
            self._let_time_pass()
            size = self.rng.randint(2, 5) if self._happens("batches", self.parameters.batch_share) else 1
            requests = []
            for _, wish in self.rng.choices(wishes, weights, k=size):
                requests.append(self._request(wish(self._dice())))
            if size > 1:
                self.ask_together(requests)
            else:
                self.ask(requests[0])
            self._stumble()

    def end(self) -> None:
        """The liveness phase: whatever was left must come to an end."""
        self.is_calm = True
        self._crash()
        for _ in range(ROUNDS_MAX):
            if self.state.is_ended:
                return
            self.clock.advance(MINUTE_MS)
            for actor, command in next_steps(self.state, self.rules):
                self.ask(self._request(command, actor))
        reasons = "; ".join(pending(self.state)[:5])
        raise Broken(f"the day does not end: {reasons}")

    def audit(self) -> None:
        """The log must give the same day again, unbroken, with every answer that was given."""
        before = CHAIN_START
        for number, recorded in enumerate(self.seen, 1):
            fields = {
                name: getattr(recorded, name)
                for name in ("stream", "seq", "room", "version", "at_ms", "actor", "command_id", "body")
            }
            before = chain_hash(before, type_=recorded.type, **fields)
            self._promise(recorded.seq == number, f"event {number} has the number {recorded.seq}")
            self._promise(recorded.hash == before, f"event {number} breaks the chain")
        for request, result in self.answered:
            if isinstance(result, Answer):
                kept = self.seen[result.seq - len(result.events) : result.seq]
                is_kept = [r.command_id for r in kept] == [request.command_id] * len(result.events)
                self._promise(is_kept, f"{request.command_id} was acknowledged and is not in the log")
        live = self.room.fork(self.state)
        self._crash()
        self._promise(live == self.state, "a restart makes another day of the same log")
        for request, result in self.rng.sample(self.answered, min(10, len(self.answered))):
            self._promise(self.book.execute(request) == result, f"another answer for {request.command_id}")
        stored = [r.seq for r in self.store.read(stream=self.stream)]
        self._promise(stored == [r.seq for r in self.seen], "a retry left a trace")

    def report(self) -> DayReport:
        """What happened."""
        return DayReport(
            self.seed,
            tuple(sorted(self.behaviours)),
            self.steps,
            dict(self.accepted),
            dict(self.refused),
            len(self.witness.people),
            self.witness.calls_count,
            self.retries,
            self.crashes,
            self.failed_commits,
            len(self.seen),
        )

    # -- the hall -----------------------------------------------------------------------------------------

    @property
    def state(self) -> HallState:
        """The hall as committed."""
        state: HallState = self.book.committed(self.stream, self.room.name)
        return state

    def _boot(self) -> None:
        self.store = FaultyStore(self.open_store())
        self.book = Book(self.store, [self.room], self.clock)

    def _crash(self) -> None:
        """Lose everything that is not in the store."""
        self.crashes += 1
        self._boot()
        self._look()

    def ask(self, request: Request) -> Result:
        """Ask as a client does: after trouble, again under the same id."""
        self.last = request.command
        for attempt in range(RETRIES_MAX):
            self.steps += 1
            if attempt < RETRIES_MAX // 2:
                self._arm()
            try:
                result = self.book.execute(request)
            except Trouble as trouble:
                self._survive(trouble)
                continue
            self._hear(request, result)
            return result
        raise Broken(f"{request.command} was never answered")

    def ask_together(self, requests: list[Request]) -> None:
        """Several commands with one commit, one perhaps twice; what meets trouble is asked again alone."""
        if self.rng.random() < 0.3:
            requests = [*requests, self.rng.choice(requests)]
        self.last = [request.command for request in requests]
        self.steps += len(requests)
        self._arm()
        results = self.book.execute_many(requests)
        again: list[Request] = []
        for request, result in zip(requests, results, strict=True):
            if isinstance(result, Trouble):
                self._promise(
                    not isinstance(result, CommandFailed), f"a fault in the hall: {request.command}"
                )
                again.append(request)
            else:
                self._note(request, result)
        if not again:
            self._look()
            return
        self.failed_commits += 1
        if self._happens("crashes", 0.5):
            self._crash()
        for request in again:
            self.ask(request)

    def _survive(self, trouble: Trouble) -> None:
        """Only rehearsed trouble may come; afterwards nobody knows what was kept."""
        self._promise(not isinstance(trouble, CommandFailed), f"a fault in the hall: {trouble}")
        self.retries += 1
        if isinstance(trouble, ClockMovedBack):
            self.clock.advance(10 * MINUTE_MS)
            return
        self.failed_commits += 1
        if self._happens("crashes", 0.5):
            self._crash()

    def _hear(self, request: Request, result: Result) -> None:
        self._note(request, result)
        self._look()

    def _note(self, request: Request, result: Result) -> None:
        if isinstance(result, Refusal):
            self.refused[result.code] += 1
            self._promise(
                result.code in self.room.refusals or result.code == "command_id_reused",
                f"the refusal {result.code} is not documented",
            )
        else:
            self.accepted[type(request.command).__name__] += 1
        if not isinstance(result, Refusal) or result.code != "command_id_reused":
            self.answered.append((request, result))

    def _look(self) -> None:
        """Show the witness what is new in the store, and compare."""
        after = self.seen[-1].position if self.seen else 0
        for recorded in self.store.inner.read(after=after, stream=self.stream):
            self.seen.append(recorded)
            self.witness.see(ROOM.read(recorded.type, recorded.version, recorded.body), recorded.stamp)
        self.witness.compare(self.state)
        for sentence in self.room.check(self.state):
            raise Broken(sentence)

    # -- chance -------------------------------------------------------------------------------------------

    def _happens(self, fault: str, share: float) -> bool:
        return not self.is_calm and fault in self.behaviours and self.rng.random() < share

    def _dice(self) -> Dice:
        is_sane = "nonsense" not in self.behaviours
        return Dice(self.rng, self.state, self.rules, self.clock.now_ms(), is_sane)

    def _request(self, command: Command, actor: str = "") -> Request:
        self.ids += 1
        return Request(self.stream, f"c{self.ids}", actor or self.rng.choice(ACTORS), command)

    def _arm(self) -> None:
        if self._happens("failed_commits", self.parameters.failed_commit_share):
            self.store.fault = self.rng.choice(("before", "after"))

    def _let_time_pass(self) -> None:
        if self._happens("clock_back", 0.03):
            self.clock.advance(-self.rng.choice((2, 4, 60)) * SECOND_MS)
            return
        chance = self.rng.random()
        if chance < 0.8:
            self.clock.advance(self.rng.randrange(0, 90) * SECOND_MS)
        elif chance < 0.85:
            self.clock.advance(self.rng.randrange(2, 40) * MINUTE_MS)

    def _stumble(self) -> None:
        """Between commands: a client repeats itself, reuses an id, or the process dies."""
        if self.answered and self._happens("retries", self.parameters.retry_share):
            request, result = self.rng.choice(self.answered)
            self.retries += 1
            count = self.store.inner.head()
            again = self.ask_again(request)
            self._promise(again == result, f"{request.command_id}: {result} at first, then {again}")
            self._promise(self.store.inner.head() == count, f"{request.command_id}: the retry left a trace")
        if self.answered and self._happens("reused_ids", self.parameters.reuse_share):
            request, _ = self.rng.choice(self.answered)
            other = c.RecordBaulk("s1") if not isinstance(request.command, c.RecordBaulk) else c.Tick()
            result = self.ask_again(Request(self.stream, request.command_id, request.actor, other))
            self._promise(getattr(result, "code", "") == "command_id_reused", "an id stood for two commands")
        if self._happens("crashes", self.parameters.crash_share):
            self._crash()

    def ask_again(self, request: Request) -> Result:
        """A repeated request; a stumbling clock must not keep it from its answer."""
        self.steps += 1
        return self.book.execute(request)

    def _promise(self, is_kept: bool, otherwise: str) -> None:
        self.witness.promise(is_kept, otherwise)

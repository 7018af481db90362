"""A small hall that tests put into a state with commands, and habits without chance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from openhall.hall.model import ROOM, HallState
from openhall.hall.model import commands as c
from openhall.hall.plan import PlannedDay, PlannedStint
from openhall.hall.policy import DayRules
from openhall.hall.snapshot import Snapshot, snapshot
from openhall.kernel.clock import MINUTE_MS, SECOND_MS, ManualClock
from openhall.kernel.event import Answer, Command, Request
from openhall.kernel.refusal import Refusal
from openhall.log.book import Book
from openhall.log.memory import MemoryStore
from openhall.log.store import Store
from openhall.science import durations
from openhall.science.habits import GroupHabits, Habits, assumed_habits
from tests.places import LANE, at, quiet_branch


class Hall:
    """The lane branch at work under a clock that the test moves."""

    def __init__(self, rules: DayRules | None = None, store: Store | None = None) -> None:
        self.rules = rules or quiet_branch()
        self.clock = ManualClock(at(8, 40))
        self.book = Book(store or MemoryStore(), [ROOM], self.clock)
        self._count = 0
        self.do(c.OpenDay(self.rules))

    @property
    def state(self) -> HallState:
        """As committed."""
        state: HallState = self.book.committed(LANE, ROOM.name)
        return state

    def do(self, command: Command, actor: str = "test") -> Answer:
        """Carry out a command that must be possible."""
        self._count += 1
        answer = self.book.execute(Request(LANE, f"test-{self._count}", actor, command))
        assert isinstance(answer, Answer), answer
        return answer

    def refuses(self, command: Command) -> str:
        """The code with which a command is refused."""
        self._count += 1
        refusal = self.book.execute(Request(LANE, f"test-{self._count}", "test", command))
        assert isinstance(refusal, Refusal), refusal
        return refusal.code

    def open(self, *seats: str) -> Hall:
        """The doors, and counters with people: `open("C1:zhao")`."""
        self.clock.set(at(9))
        self.do(c.OpenDoors())
        for seat in seats:
            self.do(c.OpenCounter(*seat.split(":")))
        return self

    def issue(self, service: str = "cash", class_code: str = "", need: str = "") -> str:
        """A ticket; its id."""
        self.do(c.IssueTicket(service, need=need, class_code=class_code, class_basis="staff"))
        return f"t{len(self.state.tickets)}"

    def call_and_start(self, counter: str) -> None:
        """The next customer, who is there at once."""
        self.do(c.CallNext(counter))
        self.do(c.StartService(counter))

    def wait(self, minutes: float) -> None:
        """Time passes."""
        self.clock.advance(round(minutes * MINUTE_MS))

    @property
    def shot(self) -> Snapshot:
        """The hall as the twin sees it."""
        return snapshot(self.state, self.clock.now_ms(), self.book.committed_seq(LANE) + 1)


def busy_hall() -> Hall:
    """Twelve people, one window, twenty minutes after opening."""
    hall = Hall().open("C1:zhao")
    for number in range(12):
        hall.issue("cash", need="withdraw" if number % 2 else "")
    hall.call_and_start("C1")
    hall.wait(20)
    return hall


def a_plan(*stints: PlannedStint, expected: tuple[float, ...] = (), **terms: Any) -> PlannedDay:
    """A plan for the lane branch from nine to five, in quarters of an hour."""
    return PlannedDay(
        "plan", at(9), 15 * MINUTE_MS, expected, (1,) * len(expected), stints, **{"lobby_least": 0, **terms}
    )


def stint(words: str) -> PlannedStint:
    """`zhao C1 9:00 12:00` or `zhao lobby 9:00 12:00`."""
    person, where, begins, ends = words.split()
    from_ms, until_ms = (at(*(int(part) for part in moment.split(":"))) for moment in (begins, ends))
    if where.startswith("C"):
        return PlannedStint(person, "window", from_ms, until_ms, where)
    return PlannedStint(person, where, from_ms, until_ms)  # type: ignore[arg-type]


def clockwork(shot: Snapshot, *, service_minutes: float = 10.0, walk_seconds: int = 30) -> Habits:
    """Everybody is served for the same time, nobody leaves, nobody is absent."""

    def plain(group: GroupHabits) -> GroupHabits:
        return msgspec.structs.replace(
            group,
            service_time=durations.constant(round(service_minutes * MINUTE_MS)),
            walk=durations.constant(walk_seconds * SECOND_MS),
            gap=durations.constant(0),
            absent_share=0.0,
            out_share=0.0,
            second_share=0.0,
            patience=None,
        )

    return change(assumed_habits(shot.branch, shot.services, [code for code, _, _ in shot.classes]), plain)


def change(habits: Habits, how: Callable[[GroupHabits], GroupHabits]) -> Habits:
    """The same habits with each group changed."""
    return msgspec.structs.replace(habits, groups=tuple(how(g) for g in habits.groups))

"""Plays a day through the real hall: its own commands, decided and applied by the room, with a manager who
acts on what a policy says. Who came and what they need is a table of the engine's, the same under every
policy.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

import numpy as np

from openhall.hall.course import SIT_DOWN_MS
from openhall.hall.model import ROOM, HallState
from openhall.hall.model import commands as c
from openhall.hall.model.proposing import proposals
from openhall.hall.model.state import TicketStatus
from openhall.hall.policy import DayRules
from openhall.hall.snapshot import Snapshot, snapshot
from openhall.kernel.clock import MINUTE_MS, to_datetime
from openhall.kernel.event import SYSTEM, Command, Event, Stamp, StreamId
from openhall.kernel.refusal import Refusal
from openhall.rehearsal.elastic.day import ElasticDay
from openhall.science import engine
from openhall.science.engine import Ints

LOOKS_EVERY_MS = MINUTE_MS
"""How often the manager looks up."""


class Sitting(NamedTuple):
    """Somebody called at a counter. Times are ms since the epoch."""

    person_id: str
    counter_id: str
    from_ms: int
    until_ms: int


class Policy(Protocol):
    """Says each minute what to do besides what the plan proposes."""

    def act(self, hall: ElasticHall) -> None:
        """Do it, by the hall's own commands."""
        ...


class Played(NamedTuple):
    """A day that is over."""

    late_ms: int
    """Time waited beyond the limit, by everybody who came; of who left, till the turn would have come."""
    window_ms: int
    """Time of people at windows between the opening and the closing of the doors."""
    overtime_ms: int
    """... and after closing, till the last customer had gone."""
    sittings: tuple[Sitting, ...]
    state: HallState
    live_late_ms: int
    """The same late time from the hall's own tickets; of who left, till they left."""


class ElasticHall:
    """One day in the hall."""

    def __init__(self, day: ElasticDay, policy: Policy) -> None:
        self.day, self.policy = day, policy
        self.state: HallState = ROOM.initial(_stream(day.rules, day.origin_ms))
        self.now_ms = day.rules.checkin_opens_ms
        self.seq = 0
        self.changes: list[tuple[int, int, int]] = []
        """(engine's time, counter, mask): the schedule that came of it."""
        self._agenda: list[tuple[int, int, int, Callable[[], None]]] = []
        self._added = 0
        self._rows: dict[str, int] = {}
        self._free_from: dict[str, int] = {}
        self._numbers = {k.id: n for n, k in enumerate(day.rules.branch.counters)}
        self._since: dict[str, tuple[str, int]] = {}
        self._sittings: list[Sitting] = []

    # -- what a policy may look at and do -----------------------------------------------------------------

    def shot(self) -> Snapshot:
        """What the twin is given."""
        return snapshot(self.state, self.now_ms, self.seq + 1)

    @property
    def waiting(self) -> int:
        """People in line."""
        return len(self.state.line)

    def ask(self, command: Command, actor: str = "manager") -> list[Event] | Refusal:
        """A command that may be refused."""
        result = ROOM.decide(self.state, command, Stamp(self.seq + 1, self.now_ms, actor))
        if isinstance(result, Refusal):
            return result
        for event in result:
            self.seq += 1
            ROOM.apply(self.state, event, Stamp(self.seq, self.now_ms, actor))
        self._note_counters()
        return list(result)

    def do(self, command: Command, actor: str = "manager") -> list[Event]:
        """A command that must be possible."""
        result = self.ask(command, actor)
        assert not isinstance(result, Refusal), f"{command} at {self.now_ms}: {result}"
        return result

    def sits_down(self, counter_id: str) -> None:
        """Whoever has just opened this counter needs a moment before the first call."""
        self._later(counter_id, self.now_ms + SIT_DOWN_MS)
        number = self._numbers[counter_id]
        last = next(n for n in reversed(range(len(self.changes))) if self.changes[n][1] == number)
        at, _, mask = self.changes[last]
        self.changes[last] = (at + SIT_DOWN_MS, number, mask)

    # -- the day ------------------------------------------------------------------------------------------

    def play(self) -> Played:
        """The whole day."""
        rules = self.day.rules
        self.do(c.OpenDay(rules))
        self.do(c.TakePlan(self.day.plan), SYSTEM)
        self._add(rules.opens_ms, 0, lambda: self._quietly(c.OpenDoors()))
        self._add(rules.closes_ms, 0, lambda: self._quietly(c.CloseDoors()))
        for row in range(len(self.day.table)):
            self._add(self._enters(row), 3, lambda row=row: self._enter(row))  # type: ignore[misc]
        for at_ms in range(rules.opens_ms, rules.closes_ms, LOOKS_EVERY_MS):
            self._add(at_ms, 1, self._look)
        while self._agenda:
            self.now_ms = self._agenda[0][0]
            while self._agenda and self._agenda[0][0] == self.now_ms:
                heapq.heappop(self._agenda)[3]()
            self._press_next()
        assert not self.state.pending_count, f"{self.day.name}: {self.state.pending_count} are pending"
        return self._played()

    def _look(self) -> None:
        """The manager: first what the plan proposes, then what the policy says."""
        for proposal in proposals(self.state, self.now_ms):
            if proposal.from_ms > self.now_ms:
                continue
            if proposal.kind == "close":
                self.ask(c.CloseCounter(proposal.counter_id))
            elif proposal.kind == "open":
                self.ask(c.OpenCounter(proposal.counter_id, proposal.person_id))
            else:
                self.ask(c.HandOverCounter(proposal.counter_id, proposal.person_id))
        self.policy.act(self)

    def _press_next(self) -> None:
        for counter in self.state.counters.values():
            if not counter.is_calling or counter.ticket_id:
                continue
            if self._free_from.get(counter.id, 0) <= self.now_ms and not isinstance(
                self.ask(c.CallNext(counter.id), counter.person_id), Refusal
            ):
                self._called(counter.id)

    def _called(self, counter_id: str) -> None:
        row = self.day.table[self._rows[self.state.counters[counter_id].ticket_id]]
        starts_ms = self.now_ms + int(row[engine.WALK])
        ends_ms = starts_ms + int(row[engine.WORK])
        self._add(starts_ms, 0, lambda: self._quietly(c.StartService(counter_id)))
        self._add(ends_ms, 0, lambda: self._quietly(c.FinishService(counter_id)))
        self._later(counter_id, ends_ms + int(row[engine.GAP]))

    def _later(self, counter_id: str, at_ms: int) -> None:
        self._free_from[counter_id] = max(at_ms, self._free_from.get(counter_id, 0))
        self._add(at_ms, 2, lambda: None)  # a moment to press Next at

    def _enters(self, row: int) -> int:
        return self.day.origin_ms + int(self.day.table[row, engine.ENTER])

    def _enter(self, row: int) -> None:
        group = self.day.groups.habits[int(self.day.table[row, engine.GROUP])]
        self.do(c.IssueTicket(group.service, class_code=group.class_code, class_basis="staff"), "kiosk")
        ticket_id = next(reversed(self.state.tickets))
        self._rows[ticket_id] = row
        gone = int(self.day.table[row, engine.GONE])
        if gone < engine.NEVER:
            self._add(self.day.origin_ms + gone, 4, lambda: self._leave(ticket_id))

    def _leave(self, ticket_id: str) -> None:
        if self.state.tickets[ticket_id].status is TicketStatus.WAITING:
            self.do(c.MarkReneged(ticket_id), "lobby")

    def _quietly(self, command: Command) -> None:
        self.do(command)

    def _add(self, at_ms: int, phase: int, happen: Callable[[], None]) -> None:
        self._added += 1
        heapq.heappush(self._agenda, (at_ms, phase, self._added, happen))

    # -- what came of it ----------------------------------------------------------------------------------

    def _note_counters(self) -> None:
        """Who sits where has changed: the engine's schedule, and the times at windows."""
        for counter in self.state.counters.values():
            person = counter.person_id if counter.is_calling else ""
            before, since_ms = self._since.get(counter.id, ("", 0))
            if person == before:
                continue
            if before:
                self._sittings.append(Sitting(before, counter.id, since_ms, self.now_ms))
            self._since[counter.id] = (person, self.now_ms)
            self.changes.append(
                (self.now_ms - self.day.origin_ms, self._numbers[counter.id], self._mask(counter.id))
            )

    def _mask(self, counter_id: str) -> int:
        counter = self.state.counters[counter_id]
        if not counter.is_calling:
            return 0
        person = self.state.staff(counter.person_id)
        assert person is not None
        return self.day.mask(self.state.counter_rules(counter_id), person.skills)

    def _played(self) -> Played:
        over_ms = max(self.day.rules.closes_ms, *(t.ended_ms for t in self.state.tickets.values()))
        for counter_id, (person, since_ms) in self._since.items():
            if person:
                self._sittings.append(Sitting(person, counter_id, since_ms, over_ms))
        closes_ms, opens_ms = self.day.rules.closes_ms, self.day.rules.opens_ms
        window_ms = sum(max(0, min(s.until_ms, closes_ms) - max(s.from_ms, opens_ms)) for s in self._sittings)
        overtime_ms = sum(max(0, s.until_ms - max(s.from_ms, closes_ms)) for s in self._sittings)
        late_ms = late_of(self.day, served(self.day, self.schedule()))
        return Played(
            late_ms, window_ms, overtime_ms, tuple(self._sittings), self.state, self._live_late_ms()
        )

    def schedule(self) -> Ints:
        """Who could call when, for the engine."""
        opens = self.day.rules.opens_ms - self.day.origin_ms
        events = [(max(at, opens), counter, mask) for at, counter, mask in self.changes]
        return np.array(sorted(events, key=lambda e: e[0]), np.int64).reshape(-1, 3)

    def _live_late_ms(self) -> int:
        limit_ms = self.day.rules.waits.late_after_minutes * MINUTE_MS
        ends = ((t.joined_ms, t.first_called_ms or t.ended_ms) for t in self.state.tickets.values())
        return sum(max(0, end_ms - joined_ms - limit_ms) for joined_ms, end_ms in ends)


def _stream(rules: DayRules, origin_ms: int) -> StreamId:
    zone = ZoneInfo(rules.branch.timezone)
    return StreamId(rules.branch.id, to_datetime(origin_ms, zone).date())


def first_look(rules: DayRules, origin_ms: int) -> Snapshot:
    """The hall before anybody has come."""
    state: HallState = ROOM.initial(_stream(rules, origin_ms))
    stamp = Stamp(1, rules.checkin_opens_ms, SYSTEM)
    events = ROOM.decide(state, c.OpenDay(rules), stamp)
    assert not isinstance(events, Refusal), events
    for event in events:
        ROOM.apply(state, event, stamp)
    return snapshot(state, rules.checkin_opens_ms, 2)


def served(day: ElasticDay, schedule: Ints) -> Ints:
    """Who is called when under a schedule, by the engine: (n, engine.RESULTS)."""
    counters = np.zeros((len(day.rules.branch.counters), 2), np.int64)
    return engine.serve(day.table, counters, schedule, groups=len(day.groups.habits))


def late_of(day: ElasticDay, result: Ints) -> int:
    """Ms that everybody together waited beyond the limit, till the turn came, there or not."""
    limit_ms = day.rules.waits.late_after_minutes * MINUTE_MS
    waits = result[:, engine.REACHED] - day.table[:, engine.ENTER]
    assert (result[:, engine.REACHED] >= 0).all(), "somebody's turn never came"
    return int(np.maximum(0, waits - limit_ms).sum())

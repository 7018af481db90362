"""A live hall of the bench's branch: the same services, classes and skills, with 30 people in line.

Advice about it is asked for as the server does: a snapshot of the state, a question to a worker process, an
answer back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date
from time import perf_counter
from zoneinfo import ZoneInfo

import msgspec

from openhall.cli.bench import branch_day
from openhall.cli.bench.installation import BenchFailed
from openhall.hall.model import ROOM, HallState
from openhall.hall.model import commands as c
from openhall.hall.policy import DayRules, Staff
from openhall.hall.snapshot import Snapshot, snapshot
from openhall.kernel.clock import MINUTE_MS, local_ms
from openhall.kernel.event import Command, Stamp, StreamId
from openhall.kernel.refusal import Refusal
from openhall.kernel.text import Text
from openhall.network.hours import Hours
from openhall.network.model import (
    Branch,
    CallPolicy,
    Counter,
    EntryPolicy,
    HoldPolicy,
    OrderPolicy,
    PriorityClass,
    Regime,
    Service,
)
from openhall.science.habits import Arrivals, assumed_habits
from openhall.workers import twin
from openhall.workers.pool import Workers

DAY = date(2026, 11, 23)
ZONE = ZoneInfo("Asia/Shanghai")
HOURS = Hours(9 * 60, 17 * 60 + 30)
OPENED = 8
"""Of ten counters; the others are what advice could open."""

ASK_SECONDS = 60.0


def _text(words: str) -> Text:
    return Text(en=words, zh=words)


def rules() -> DayRules:
    """The branch's rules of one day."""
    counters = tuple(Counter(f"C{n}", n, skills) for n, skills in enumerate(branch_day.SKILLS, 1))
    return DayRules(
        network_version="0" * 12,
        branch=Branch("bench", _text("Bench"), _text("1 Bench Road"), str(ZONE), (HOURS,) * 7, counters),
        services=tuple(
            Service(name, letter, _text(name), (), minutes)
            for letter, (name, minutes, _) in zip("ABC", branch_day.SERVICES, strict=True)
        ),
        classes=tuple(PriorityClass(code, _text(code), start) for code, start, _ in branch_day.CLASSES),
        staff=tuple(
            Staff(f"p{n}", skills, ("teller",)) for n, skills in enumerate((*branch_day.SKILLS, ("cash",)), 1)
        ),
        regime=Regime("normal", _text("Normal"), EntryPolicy(is_check_required=False)),
        triage=(),
        order=OrderPolicy(),
        hold=HoldPolicy(),
        call=CallPolicy(),
        checkin_opens_ms=_at(8 * 60 + 30),
        opens_ms=_at(HOURS.opens_minute),
        closes_ms=_at(HOURS.closes_minute),
    )


def _at(minute: float) -> int:
    return local_ms(DAY, 0, ZONE) + round(minute * MINUTE_MS)


class LiveHall:
    """The hall at half past ten: every open counter serves, thirty people wait."""

    def __init__(self) -> None:
        self._state: HallState = ROOM.initial(StreamId("bench", DAY))
        self._seq = 0
        self._minute = float(HOURS.opens_minute)
        self._do(c.OpenDay(rules()))
        self._do(c.OpenDoors())
        for number in range(1, OPENED + 1):
            self._do(c.OpenCounter(f"C{number}", f"p{number}"))
        self._minute += 60
        for skills in branch_day.SKILLS[:OPENED]:
            self._do(c.IssueTicket(skills[0]))
        for number in range(1, OPENED + 1):
            self._do(c.CallNext(f"C{number}"))
            self._do(c.StartService(f"C{number}"))
        services, classes = [s for s, _, _ in branch_day.SERVICES], [k for k, _, _ in branch_day.CLASSES]
        for number in range(branch_day.WAITING):
            self._minute += 30 / branch_day.WAITING
            self._do(
                c.IssueTicket(services[number % 3], class_code=classes[number // 3 % 3], class_basis="staff")
            )

    def _do(self, command: Command) -> None:
        result = ROOM.decide(self._state, command, Stamp(self._seq + 1, _at(self._minute), "bench"))
        if isinstance(result, Refusal):
            raise BenchFailed(f"{command} was refused: {result.code}", place="bench")
        for event in result:
            self._seq += 1
            ROOM.apply(self._state, event, Stamp(self._seq, _at(self._minute), "bench"))

    def shot(self) -> Snapshot:
        """What the twin is given."""
        return snapshot(self._state, _at(self._minute), self._seq + 1)


def believed(shot: Snapshot) -> bytes:
    """The branch's habits as they come from the log's database, with the arrivals of the bench's day."""
    habits = assumed_habits(shot.branch, shot.services, [code for code, _, _ in shot.classes])
    shares = tuple(s * k for _, _, s in branch_day.SERVICES for _, _, k in branch_day.CLASSES)
    mixes = (shares,) * branch_day.HALF_HOURS
    expected = tuple(500 * weight / sum(branch_day.PROFILE) for weight in branch_day.PROFILE)
    arrivals = Arrivals(HOURS.opens_minute * MINUTE_MS, 30 * MINUTE_MS, expected, mixes)
    return msgspec.json.encode(msgspec.structs.replace(habits, arrivals=arrivals))


def advice_ms(count: int, note: Callable[[], None]) -> list[float]:
    """Milliseconds from the hall's state to advice about it, so many times; the workers have been warmed."""
    return asyncio.run(_ask(count, note))


async def _ask(count: int, note: Callable[[], None]) -> list[float]:
    hall = LiveHall()
    habits = believed(hall.shot())
    workers = Workers(prepare=twin.prepare)
    try:
        # Both workers at once, so that neither is started within a measurement.
        await asyncio.gather(
            *(workers.ask(twin.advice, hall.shot(), habits, seconds=ASK_SECONDS) for _ in range(4))
        )
        found, has_advice = [], False
        for _ in range(count):
            began = perf_counter()
            answer = await workers.ask(twin.advice, hall.shot(), habits, seconds=ASK_SECONDS)
            found.append(1_000 * (perf_counter() - began))
            has_advice |= bool(
                answer.moves
            )  # what was not weighed in time is left out: on a busy machine all
            note()
        if not has_advice:
            raise BenchFailed("the twin has no advice for a busy hall", place="bench")
        return found
    finally:
        workers.stop()

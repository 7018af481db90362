"""The loop that takes a cast through a day, under a clock that it moves itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from openhall.hall.model import ROOM
from openhall.hall.model.state import HallState, TicketStatus
from openhall.kernel.clock import HOUR_MS, ManualClock
from openhall.kernel.event import Request, Room, StreamId
from openhall.kernel.trouble import Trouble
from openhall.log.book import Book
from openhall.log.memory import MemoryStore
from openhall.log.store import Store
from openhall.rehearsal.cast import Cast, Result, Scene

Progress = Callable[[float], None]
"""Told now and then how much of the day is done, from 0 to 1."""

PROGRESS_STEPS = 100


class Limits(msgspec.Struct, frozen=True):
    """When a rehearsal is given up.

    Parameters
    ----------
    hours : hours of the rehearsed clock, from its start; days of a queue that never ends are cut off here.
    requests : commands asked of the hall.
    """

    hours: int = 72
    requests: int = 500_000

    def __post_init__(self) -> None:
        if self.hours < 1:
            raise ValueError(f"Expected hours of 1 or more, got {self.hours}")
        if self.requests < 1:
            raise ValueError(f"Expected requests of 1 or more, got {self.requests}")


class RehearsalStuck(Trouble):
    """The day did not come to its end within the limits."""

    code = "rehearsal_stuck"
    remedy = "Open more counters, shorten the service times, or raise the limits."


@dataclass(frozen=True)
class Stage:
    """A hall to rehearse in: a clock, a log, and the book between them."""

    stream: StreamId
    clock: ManualClock
    book: Book

    @classmethod
    def build(
        cls, stream: StreamId, start_ms: int, *, store: Store | None = None, room: Room[Any] = ROOM
    ) -> Stage:
        """A stage over a store, by default one in memory."""
        clock = ManualClock(start_ms)
        return cls(stream, clock, Book(store or MemoryStore(), [room], clock))

    @property
    def state(self) -> HallState:
        """The hall as committed."""
        state: HallState = self.book.committed(self.stream, ROOM.name)
        return state

    def scene(self) -> Scene:
        """What the cast sees first."""
        return Scene(self.state, self.clock.now_ms())


Watch = Callable[[Request, Result, HallState], None]
"""Is shown each request, its answer, and the hall as committed after it."""


def drive(
    cast: Cast,
    stage: Stage,
    *,
    limits: Limits | None = None,
    watch: Watch | None = None,
    progress: Progress | None = None,
    progress_until_ms: int = 0,
) -> int:
    """Take everybody through the day; the number of requests.

    Raises `RehearsalStuck` when the day runs over its limits, with what is pending and why.
    """
    limits = limits or Limits()
    start_ms = stage.clock.now_ms()
    count, reported = 0, 0.0
    while (due_ms := cast.due_ms()) is not None:
        if due_ms - start_ms > limits.hours * HOUR_MS:
            raise stuck(stage, f"after {limits.hours} hours")
        stage.clock.set(max(due_ms, stage.clock.now_ms()))
        while (request := cast.request(stage.clock.now_ms(), stage.state)) is not None:
            count += 1
            if count > limits.requests:
                raise stuck(stage, f"after {limits.requests} requests")
            result = stage.book.execute(request)
            cast.told(result)
            if watch is not None:
                watch(request, result, stage.state)
        share = _share(start_ms, stage.clock.now_ms(), progress_until_ms)
        if progress is not None and share - reported >= 1 / PROGRESS_STEPS:
            reported = share
            progress(share)
    if progress is not None:
        progress(1.0)
    return count


def stuck(stage: Stage, when: str) -> RehearsalStuck:
    """The trouble of a day that does not end, with its reasons."""
    reasons = "; ".join(pending(stage.state)[:5]) or "everybody has ended, but somebody still acts"
    return RehearsalStuck(f"The day had not ended {when}: {reasons}", place=str(stage.stream))


def pending(state: HallState) -> list[str]:
    """Why the day cannot end yet: a sentence for everybody who is pending."""
    reasons = [_why(state, ticket_id) for ticket_id, ticket in state.tickets.items() if ticket.is_pending]
    reasons += [f"visit {v.id} was admitted and has no ticket" for v in state.visits.values() if v.is_pending]
    return reasons


def _why(state: HallState, ticket_id: str) -> str:
    ticket = state.tickets[ticket_id]
    if ticket.status is TicketStatus.WAITING:
        able = [k for k in state.counters.values() if k.is_open and state.serves(k, ticket)]
        if state.pause_reason:
            return f"{ticket.number} waits: the hall is paused ({state.pause_reason})"
        if not able:
            return (
                f"{ticket.number} waits: no open counter serves {ticket.service_id} for {ticket.class_code}"
            )
        if all(not k.is_calling for k in able):
            return f"{ticket.number} waits: every counter that serves it is paused or closing"
        return f"{ticket.number} waits: {len(able)} counters serve it"
    if ticket.status is TicketStatus.HELD:
        return f"{ticket.number} is on hold till {ticket.held_until_ms}"
    if ticket.status is TicketStatus.DIVERTING:
        return f"{ticket.number} is being diverted ({ticket.diversion_id})"
    return f"{ticket.number} is {ticket.status.value} at counter {ticket.counter_id}"


def _share(start_ms: int, now_ms: int, until_ms: int) -> float:
    return min(1.0, (now_ms - start_ms) / (until_ms - start_ms)) if until_ms > start_ms else 0.0

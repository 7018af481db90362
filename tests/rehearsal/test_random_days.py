"""A thousand random days: nothing lost, nobody called twice, no shared number, the order kept, everyone ends.

OPENHALL_DAYS=20000 makes it more days; OPENHALL_SEED=123 repeats one.
"""

from __future__ import annotations

import os
from collections import Counter as Tally
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from openhall.hall.model import ROOM, HallState
from openhall.hall.model import commands as c
from openhall.hall.model import events as e
from openhall.hall.model.state import Ticket
from openhall.kernel.event import Command, Event, Room, Stamp
from openhall.kernel.refusal import Refusal
from openhall.log.memory import MemoryStore
from openhall.log.sqlite import SqliteStore
from openhall.rehearsal.random_day import Broken, RandomDayParameters, random_day
from openhall.rehearsal.random_day.day import FAULTS
from openhall.rehearsal.random_day.wishes import WISHES
from openhall.rehearsal.random_day.witness import HANDLED, PASSED_OVER

DAYS = int(os.environ.get("OPENHALL_DAYS", "1000"))
SEED = os.environ.get("OPENHALL_SEED")
BLOCKS = 20
SOAK_DAYS = 20_000
SEEDS_UNTIL_FOUND = 30

Decision = Sequence[Event] | Refusal


@pytest.mark.parametrize("block", range(BLOCKS))
def test_nothing_breaks_on_a_random_day(block: int) -> None:
    for seed in range(block, DAYS, BLOCKS):
        random_day(seed)


@pytest.mark.soak
@pytest.mark.parametrize("block", range(BLOCKS))
def test_nothing_breaks_on_many_more_and_longer_random_days(block: int) -> None:
    for seed in range(1_000_000 + block, 1_000_000 + SOAK_DAYS, BLOCKS):
        random_day(seed, parameters=RandomDayParameters(commands=400))


if SEED is not None:

    def test_the_day_of_the_seed_of_the_environment() -> None:
        random_day(int(str(SEED)))


def test_nothing_breaks_on_a_random_day_that_is_kept_in_a_file(tmp_path: Path) -> None:
    for seed in range(12):
        path, opened = tmp_path / f"{seed}.db", list[SqliteStore]()

        def open_store(path: Path = path, opened: list[SqliteStore] = opened) -> SqliteStore:
            for store in opened:
                store.close()
            opened[:] = [SqliteStore.open(path)]
            return opened[0]

        random_day(seed, parameters=RandomDayParameters(commands=80), open_store=open_store)
        opened[0].close()


def test_the_same_seed_is_the_same_day() -> None:
    assert random_day(7) == random_day(7)
    assert random_day(7) != random_day(8)


def test_random_days_reach_every_command_every_fault_and_most_refusals() -> None:
    accepted: Tally[str] = Tally()
    refused: Tally[str] = Tally()
    behaviours: set[str] = set()
    for seed in range(100):
        report = random_day(seed)
        accepted.update(report.accepted)
        refused.update(report.refused)
        behaviours |= set(report.behaviours)
    assert {kind.__name__ for kind in ROOM.commands} - accepted.keys() == set()
    assert behaviours == {*WISHES, *FAULTS, "nonsense"}
    assert len(refused.keys() & ROOM.refusals.keys()) > 0.7 * len(ROOM.refusals)


def test_the_witness_has_an_opinion_on_every_event() -> None:
    assert set(ROOM.events) == HANDLED | PASSED_OVER
    assert not HANDLED & PASSED_OVER


# --- the checker is checked: a broken hall must be found ------------------------------------------------


def decided(
    room: Room[HallState], change: Callable[[HallState, Any, Stamp, Decision], Decision]
) -> Room[Any]:
    """The hall with its decisions changed on the way out."""

    def decide(state: HallState, command: Command, now: Stamp) -> Decision:
        return change(state, command, now, room.decide(state, command, now))

    return replace(room, decide=decide)


def applied(room: Room[HallState], change: Callable[[HallState, Event, Stamp], bool]) -> Room[Any]:
    """The hall with `apply` replaced where `change` says that it has done it."""

    def apply(state: HallState, event: Event, stamp: Stamp) -> None:
        if not change(state, event, stamp):
            room.apply(state, event, stamp)

    return replace(room, apply=apply)


def second_in_line(state: HallState, command: Any, _: Stamp, decision: Decision) -> Decision:
    if not isinstance(command, c.CallNext) or isinstance(decision, Refusal):
        return decision
    counter = state.counters[command.counter_id]
    able = [i for _, i in state.line if state.serves(counter, state.tickets[i])]
    if len(able) < 2:
        return decision
    return [
        msgspec.structs.replace(event, ticket_id=able[1]) if isinstance(event, e.TicketCalled) else event
        for event in decision
    ]


def number_used_twice(state: HallState, _: Any, __: Stamp, decision: Decision) -> Decision:
    if isinstance(decision, Refusal) or len(state.tickets) != 3:
        return decision
    taken = next(iter(state.tickets.values())).number
    return [
        msgspec.structs.replace(event, number=taken) if isinstance(event, e.TicketIssued) else event
        for event in decision
    ]


def called_to_two_counters(state: HallState, command: Any, _: Stamp, decision: Decision) -> Decision:
    """CallNext takes somebody who is at another counter; the hall's own table of moves stops it."""
    elsewhere: list[Ticket] = [state.tickets[k.ticket_id] for k in state.counters.values() if k.ticket_id]
    if not isinstance(command, c.CallNext) or isinstance(decision, Refusal) or not elsewhere:
        return decision
    return [
        msgspec.structs.replace(event, ticket_id=elsewhere[0].id)
        if isinstance(event, e.TicketCalled)
        else event
        for event in decision
    ]


def day_ends_with_people_pending(state: HallState, command: Any, _: Stamp, decision: Decision) -> Decision:
    is_early = isinstance(command, c.EndDay) and isinstance(decision, Refusal) and state.pending_count > 0
    return [e.DayEnded()] if is_early else decision


def hold_that_never_ends(_: HallState, command: Any, __: Stamp, decision: Decision) -> Decision:
    """Nobody on hold can come back, so somebody never ends."""
    return Refusal("ticket_not_held", "ticket_id") if isinstance(command, c.ResumeTicket) else decision


def a_fault_in_the_program(_: HallState, command: Any, __: Stamp, decision: Decision) -> Decision:
    if isinstance(command, c.HoldTicket):
        raise ZeroDivisionError
    return decision


def place_lost_on_return(state: HallState, event: Event, stamp: Stamp) -> bool:
    """Who comes back from a hold goes to the end of the line."""
    if not isinstance(event, e.TicketResumed):
        return False
    ticket = state.tickets[event.ticket_id]
    ROOM.apply(state, event, stamp)
    state.rekey(ticket, (ticket.key[0], stamp.at_ms, stamp.seq))
    return True


def ticket_lost_on_transfer(state: HallState, event: Event, stamp: Stamp) -> bool:
    """A transferred ticket is forgotten."""
    if not isinstance(event, e.ServiceTransferred):
        return False
    ROOM.apply(state, event, stamp)
    ticket = state.tickets.pop(event.ticket_id)
    state.line = [entry for entry in state.line if entry[1] != ticket.id]
    return True


BROKEN_ROOMS = [
    pytest.param(decided(ROOM, second_in_line), "is called before", id="second-in-line"),
    pytest.param(decided(ROOM, number_used_twice), "was given twice", id="number-used-twice"),
    pytest.param(decided(ROOM, called_to_two_counters), "a fault in the hall", id="called-to-two-counters"),
    pytest.param(decided(ROOM, day_ends_with_people_pending), "the day ends with", id="ends-early"),
    pytest.param(decided(ROOM, hold_that_never_ends), "the day does not end", id="never-ends"),
    pytest.param(decided(ROOM, a_fault_in_the_program), "a fault in the hall", id="program-fault"),
    pytest.param(applied(ROOM, place_lost_on_return), "has the place", id="place-lost"),
    pytest.param(applied(ROOM, ticket_lost_on_transfer), "on one side only", id="ticket-lost"),
]


@pytest.mark.parametrize(("room", "finding"), BROKEN_ROOMS)
def test_a_broken_hall_is_found_and_the_seed_is_named(room: Room[Any], finding: str) -> None:
    findings = [broken_by(seed, room) for seed in range(SEEDS_UNTIL_FOUND)]
    assert [text for text in findings if finding in text] != []
    for seed, text in enumerate(findings):
        assert not text or f"OPENHALL_SEED={seed} " in text


def broken_by(seed: int, room: Room[Any], store: MemoryStore | None = None) -> str:
    """What a random day finds wrong with a hall; nothing when it finds nothing."""
    kept = store or MemoryStore()
    try:
        random_day(seed, room=room, open_store=lambda: kept)
    except Broken as broken:
        return str(broken)
    return ""


class ForgetfulStore(MemoryStore):
    """Acknowledges what it does not keep, every so often."""

    def commit(self, events: Sequence[Any], outcomes: Sequence[Any]) -> int:
        if self.head() > 40 and self.head() % 7 == 0:
            return self.head() + len(events)
        return super().commit(events, outcomes)


def test_a_log_that_loses_what_it_acknowledged_is_found() -> None:
    assert any(broken_by(seed, ROOM, ForgetfulStore()) for seed in range(SEEDS_UNTIL_FOUND))


@pytest.mark.parametrize(
    ("field", "value"), [("commands", 0), ("behaviour_share", 1.1), ("crash_share", -0.1)]
)
def test_parameters_out_of_range_are_refused(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"Expected {field} between"):
        RandomDayParameters(**{field: value})  # type: ignore[arg-type]

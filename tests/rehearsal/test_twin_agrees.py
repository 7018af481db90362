"""Does the twin call whom the live hall calls, where and when, ticket by ticket?"""

from __future__ import annotations

import os
from collections import Counter as Tally

import numpy as np
import pytest

from openhall.hall.model.state import TicketStatus
from openhall.hall.snapshot import snapshot
from openhall.hall.twin import twin_of
from openhall.science import engine
from openhall.science.engine import Ints
from openhall.science.habits import assumed_habits
from tests.rehearsal.table_days import MIDNIGHT, TableDay, table_day
from tests.rehearsal.table_hall import Call, TableHall

CHUNKS = 20
DAYS_PER_CHUNK = 50

ENDS = {
    TicketStatus.SERVED: engine.SERVED,
    TicketStatus.RENEGED: engine.LEFT,
    TicketStatus.DIVERTED: engine.DIVERTED,
    TicketStatus.NO_SHOW: engine.NO_SHOW,
}


def served(day: TableDay, until_ms: int = engine.NEVER - 1) -> Ints:
    return engine.serve(
        day.table, day.counters, day.schedule, groups=day.groups, divert_above=0, until_ms=until_ms
    )


def by_row(calls: list[Call]) -> dict[int, list[Call]]:
    found: dict[int, list[Call]] = {}
    for call in calls:
        found.setdefault(call.row, []).append(call)
    return found


def agree(day: TableDay) -> TableHall:
    """The live hall after its day, if the twin says the same of it."""
    hall = TableHall(day)
    hall.live()
    twin, live = served(day), by_row(hall.calls)
    for row, result in enumerate(twin):
        first = live[row][0].at_ms if row in live else -1
        last = live[row][-1].counter if row in live else -1
        assert (result[engine.CALLED], result[engine.COUNTER]) == (first, last), f"row {row}: {live.get(row)}"
    for row, calls in live.items():
        if len(calls) > 1:
            every_call_is_the_twins(day, row, calls)
    for row, ticket in hall.tickets.items():
        status = hall.state.tickets[ticket].status
        # Who went while no counter could serve any more is a place whose turn never comes (again).
        is_place = status in {TicketStatus.RENEGED, TicketStatus.DIVERTED}
        if status in ENDS and not (is_place and twin[row, engine.OUTCOME] == engine.PENDING):
            assert twin[row, engine.OUTCOME] == ENDS[status], f"row {row}"
    return hall


def every_call_is_the_twins(day: TableDay, row: int, calls: list[Call]) -> None:
    """A result holds a customer's first call and last counter; what lies between is seen by stopping there.

    The end of what the last call began changes with each call: before each of the hall's it is the one of the
    call before, after the last of them it is the final one.
    """
    before = -1
    for number, call in enumerate(calls):
        if number + 1 < len(calls) and calls[number + 1].at_ms == call.at_ms:
            continue  # nothing lies between: the later one tells
        if number == 0 or calls[number - 1].at_ms < call.at_ms:
            assert served(day, call.at_ms - 1)[row, engine.END] == before, f"row {row}: {call}"
        after = served(day, call.at_ms)[row]
        assert after[engine.COUNTER] == call.counter, f"row {row}: {call}"
        before = int(after[engine.END])
    assert served(day)[row, engine.END] == before, f"row {row}"


def random_days(seeds: range) -> Tally[str]:
    """Compares so many days; what happened on them."""
    seen: Tally[str] = Tally()
    for seed in seeds:
        day = table_day(seed)
        try:
            hall = agree(day)
        except AssertionError as error:
            raise AssertionError(f"{error}\n  repeat it: OPENHALL_TABLE_DAY={seed}") from error
        seen["calls"] += len(hall.calls)
        seen["handed over"] += sum(bool(c.person) for c in day.changes)
        seen["called twice"] += len(hall.calls) - len(by_row(hall.calls))
        seen["same moment"] += len(hall.calls) - len({call.at_ms for call in hall.calls})
        seen["everybody served"] += hall.state.is_ended
        for ticket in hall.state.tickets.values():
            seen[ticket.status.value] += 1
            seen["held"] += ticket.hold_count
    return seen


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_the_twin_calls_whom_the_hall_calls_on_a_random_day(chunk: int) -> None:
    seen = random_days(range(chunk * DAYS_PER_CHUNK, (chunk + 1) * DAYS_PER_CHUNK))
    wanted = {
        "calls",
        "called twice",
        "everybody served",
        "same moment",
        "held",
        "served",
        "reneged",
        "diverted",
        "no_show",
    }
    assert {what for what in wanted if seen[what]} == wanted, "a chunk has some of everything"


@pytest.mark.parametrize("seed", [int(s) for s in [os.environ.get("OPENHALL_TABLE_DAY", "0")]])
def test_the_twin_agrees_on_the_day_of_the_environment(seed: int) -> None:
    agree(table_day(seed))


def test_a_difference_of_one_place_is_found() -> None:
    """The control: two customers of one group who change places in the table, not in the hall."""
    found = 0
    for seed in range(40):
        day = table_day(seed)
        groups = day.table[:, engine.GROUP]
        pairs = [(a, b) for a, b in zip(np.argsort(groups), np.argsort(groups)[1:], strict=False)]
        a, b = next((a, b) for a, b in pairs if groups[a] == groups[b])
        table = day.table.copy()
        table[[a, b], engine.PLACE] = table[[b, a], engine.PLACE]
        other = TableDay(**{**vars(day), "table": table})
        try:
            agree(other)
        except AssertionError:
            found += 1
    assert found > 10


class Mirror:
    """Forks the twin from the hall now and then: the same line, and the same counters for each in it."""

    def __init__(self) -> None:
        self.compared = 0
        self._looked = 0

    def __call__(self, hall: TableHall) -> None:
        self._looked += 1
        if self._looked % 7 or not hall.state.line:
            return
        state = hall.state
        shot = snapshot(state, MIDNIGHT + hall.now, hall.seq + 1)
        believed = assumed_habits(shot.branch, shot.services, [code for code, _, _ in shot.classes])
        twin = twin_of(shot, believed, with_probes=False)
        people = twin.fork.people[: twin.fork.watched]
        waiting = [one.ticket_id for one in shot.people if one.kind == "waiting"]
        by_place = [waiting[n] for n in np.argsort(people[:, engine.HERE_PLACE], kind="stable")]
        assert by_place == [ticket for _, ticket in state.line]
        for counter, seat in zip(state.counters.values(), twin.fork.counters, strict=True):
            for ticket, person in zip(waiting, people, strict=True):
                can = counter.is_calling and state.serves(counter, state.tickets[ticket])
                assert bool(seat[engine.SEAT_MASK] >> person[engine.HERE_GROUP] & 1) is can
        self.compared += 1


def test_the_fork_has_the_halls_line_and_counters() -> None:
    mirror = Mirror()
    for seed in range(60):
        TableHall(table_day(seed), mirror).live()
    assert mirror.compared > 300


@pytest.mark.soak
def test_the_twin_agrees_on_days_nobody_has_seen() -> None:
    start = int.from_bytes(os.urandom(4))
    assert random_days(range(start, start + 5_000))["calls"] > 0

"""The invariants find what they are there to find: each is broken by hand once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from openhall.hall.model import ROOM, HallState
from openhall.hall.model import commands as c
from openhall.hall.model.state import (
    MOVES,
    PENDING,
    REINSTATABLE,
    DiversionStatus,
    TaskStatus,
    TicketStatus,
)
from tests.places import at, quiet_branch
from tests.property.hall_days import Day


def _busy_hall() -> HallState:
    """T1 called with an escort, T2 being served, T3 and T4 waiting, T5 at a machine, T6 gone."""
    day = Day(quiet_branch(), now_ms=at(9))
    for command in (
        c.OpenDoors(),
        c.OpenCounter("C1", "zhao"),
        c.OpenCounter("C2", "sun"),
        c.IssueTicket("cash", handling=("escort",)),
        *[c.IssueTicket("cash") for _ in range(5)],
        c.CallNext("C1"),
        c.CallNext("C2"),
        c.StartService("C2"),
        c.OfferDiversion("t5", "phone"),
        c.AcceptDiversion("d1"),
        c.MarkReneged("t6"),
    ):
        day.do(command)
    assert day.refused == set()
    return day.state


def _swap_line(state: HallState) -> None:
    state.line.reverse()


def _lose_from_line(state: HallState) -> None:
    state.line.pop()


def _close_under_customer(state: HallState) -> None:
    state.counters["C1"].person_id = ""


def _two_counters(state: HallState) -> None:
    state.counters["C2"].ticket_id = "t1"


def _no_counter(state: HallState) -> None:
    state.counters["C2"].ticket_id = ""


def _closing_for_nobody(state: HallState) -> None:
    state.counters["C3"].is_closing = True


def _two_seats(state: HallState) -> None:
    state.counters["C2"].person_id = "zhao"


def _share_number(state: HallState) -> None:
    state.numbers.pop("A002")


def _miscount(state: HallState) -> None:
    state.pending_count += 1


def _miscount_inside(state: HallState) -> None:
    state.inside_count -= 1


def _share_place(state: HallState) -> None:
    state.tickets["t6"].key = state.tickets["t1"].key


def _end_too_soon(state: HallState) -> None:
    state.is_ended = True


def _forget_escort(state: HallState) -> None:
    state.tickets["t1"].escort_id = ""


def _reopen_escort(state: HallState) -> None:
    state.tickets["t1"].escort_id = "k2"
    state.escorts["k1"].status = TaskStatus.TAKEN


def _forget_diversion(state: HallState) -> None:
    state.diversions["d1"].status = DiversionStatus.WITHDRAWN


def _steal_visit(state: HallState) -> None:
    state.visits["v3"].ticket_id = "t4"


@pytest.mark.parametrize(
    ("break_it", "says"),
    [
        (_swap_line, "in the order of their keys"),
        (_lose_from_line, "not exactly the waiting tickets"),
        (_close_under_customer, "counter C1 is closed but has t1"),
        (_two_counters, "t1 is at 2 counters"),
        (_no_counter, "t2 is serving at no counter"),
        (_closing_for_nobody, "counter C3 is closing but has nobody"),
        (_two_seats, "zhao sits at 2 counters"),
        (_share_number, "two tickets share a number"),
        (_miscount, "the count of pending tickets is off"),
        (_miscount_inside, "people are counted inside"),
        (_share_place, "two tickets share a place"),
        (_end_too_soon, "ended with people pending"),
        (_forget_escort, "escort task k1 is open"),
        (_reopen_escort, "escort task k1 is open"),
        (_forget_diversion, "t5 is diverting, which does not fit"),
        (_steal_visit, "t3 is not the ticket of its visit"),
    ],
)
def test_a_broken_hall_is_found_out(break_it: Callable[[HallState], None], says: str) -> None:
    state = _busy_hall()
    assert ROOM.check(state) == []
    break_it(state)
    assert any(says in finding for finding in ROOM.check(state)), ROOM.check(state)


def test_every_status_of_a_ticket_has_its_moves() -> None:
    assert set(MOVES) == set(TicketStatus)


@pytest.mark.parametrize("status", sorted(set(TicketStatus) - PENDING))
def test_an_ended_ticket_moves_only_by_reinstatement_and_only_back_into_the_line(
    status: TicketStatus,
) -> None:
    assert MOVES[status] == (frozenset({TicketStatus.WAITING}) if status in REINSTATABLE else frozenset())


@pytest.mark.parametrize("status", sorted(PENDING))
def test_every_pending_ticket_can_be_left_unserved_by_a_forced_end(status: TicketStatus) -> None:
    assert TicketStatus.UNSERVED in MOVES[status]

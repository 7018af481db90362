"""What was told beside what came, in worked examples."""

from __future__ import annotations

import pytest

from openhall.hall.honesty import DayAccuracy, day_accuracy
from openhall.hall.model import HallState
from openhall.hall.model import commands as c
from openhall.hall.told import ToldAtIssue, WaitSource
from openhall.kernel.clock import MINUTE_MS
from tests.places import at, quiet_branch
from tests.property.hall_days import Day


def hall() -> tuple[Day, HallState]:
    """A001 to A004 and B001 issued at nine; told 4 to 12 minutes, most likely 8."""
    day = Day(quiet_branch(), now_ms=at(9))
    for command in (
        c.OpenDoors(),
        c.OpenCounter("C1", "zhao"),
        *[c.IssueTicket("cash") for _ in range(4)],
        c.IssueTicket("accounts"),
    ):
        day.do(command)
    assert day.refused == set()
    for ticket in day.state.tickets.values():
        ticket.told_at_issue = told("twin")
    return day, day.state


def told(source: WaitSource, low: int = 4, middle: int = 8, high: int = 12) -> ToldAtIssue:
    return ToldAtIssue(low * MINUTE_MS, middle * MINUTE_MS, high * MINUTE_MS, source)


def called(state: HallState, ticket_id: str, minutes: float) -> None:
    ticket = state.tickets[ticket_id]
    ticket.first_called_ms = ticket.issued_ms + round(minutes * MINUTE_MS)
    state.line = [entry for entry in state.line if entry[1] != ticket_id]


def accuracy(state: HallState, *, minutes_later: int = 60) -> DayAccuracy:
    return day_accuracy(state, at(9) + minutes_later * MINUTE_MS)


def test_error_bias_and_share_are_those_of_the_called_tickets() -> None:
    _, state = hall()
    for ticket_id, minutes in (("t1", 2), ("t2", 8), ("t3", 12), ("t4", 18)):
        called(state, ticket_id, minutes)
    found = accuracy(state)
    assert found.whole.called_count == 4
    assert found.whole.told_count == 5, "the fifth still waits, and its interval is over"
    assert found.whole.inside_count == 2, "at the interval's very end is inside"
    assert found.whole.error_ms == (6 + 0 + 4 + 10) * MINUTE_MS / 4
    assert found.whole.bias_ms == (-6 + 0 + 4 + 10) * MINUTE_MS / 4
    assert [s.service_id for s in found.services] == ["cash", "accounts"]


@pytest.mark.parametrize(
    ("minutes", "told", "inside", "reason"),
    [
        (11, 0, 0, "early calls alone would look as if all were told too much"),
        (12, 4, 4, "the last minute of the one who still waits"),
        (13, 5, 4, "a miss, though nobody has called it yet"),
    ],
)
def test_a_ticket_counts_once_its_interval_is_over(minutes: int, told: int, inside: int, reason: str) -> None:
    _, state = hall()
    for ticket_id in ("t1", "t2", "t3", "t4"):
        called(state, ticket_id, 8)
    found = accuracy(state, minutes_later=minutes).whole
    assert (found.told_count, found.inside_count) == (told, inside), reason


def test_who_left_uncalled_is_no_miss() -> None:
    day, state = hall()
    day.do(c.MarkReneged("t1"))
    assert accuracy(state).whole.told_count == 4


def test_who_stepped_out_counts_nowhere() -> None:
    day, state = hall()
    day.do(c.HoldTicket("t1", "li"))
    day.do(c.ResumeTicket("t1"))
    called(state, "t1", 40)
    assert accuracy(state).whole.told_count == 4
    assert accuracy(state).whole.called_count == 0


def test_each_source_answers_for_itself_and_no_promise_is_no_error() -> None:
    _, state = hall()
    state.tickets["t2"].told_at_issue = told("pace")
    state.tickets["t3"].told_at_issue = told("none", 0, 0, 0)
    state.tickets["t4"].told_at_issue = None  # entered from paper: nobody told anything
    for ticket_id in ("t1", "t2", "t3", "t4"):
        called(state, ticket_id, 30)
    found = accuracy(state)
    assert [(s.source, s.accuracy.called_count) for s in found.sources] == [("twin", 1), ("pace", 1)]
    assert [s.accuracy.told_count for s in found.sources] == [2, 1]
    assert found.no_promise_count == 1
    assert found.whole.called_count == 2


def test_the_service_is_the_one_that_was_told_for() -> None:
    _, state = hall()
    called(state, "t5", 8)
    state.tickets["t5"].service_id = "cash"  # it goes on with another service after the first
    services = {s.service_id: s.accuracy.called_count for s in accuracy(state).services}
    assert services == {"cash": 0, "accounts": 1}


def test_a_day_without_tickets_has_nothing_to_say() -> None:
    found = accuracy(Day(quiet_branch(), now_ms=at(9)).state)
    assert (found.whole.called_count, found.sources, found.services) == (0, (), ())

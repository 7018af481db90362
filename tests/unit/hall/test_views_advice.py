"""The panel shows what can still be done, and says why there is nothing."""

from __future__ import annotations

import msgspec
import pytest

from openhall.hall.model import commands as c
from openhall.hall.told import Move, TicketWait
from openhall.hall.views_advice import advice_view
from openhall.kernel.clock import MINUTE_MS
from openhall.kernel.event import Command
from tests.places import at, quiet_branch
from tests.property.hall_days import Day

LATE_MS = 90 * MINUTE_MS


def move(kind: str, saved: int, **subject: str) -> Move:
    saved_ms = saved * MINUTE_MS
    return Move(kind, saved_ms, saved_ms - MINUTE_MS, saved_ms + MINUTE_MS, 0, **subject)  # type: ignore[arg-type]


MOVES = (
    move("open", 30, counter_id="C2", person_id="sun"),
    move("open", 40, counter_id="C2", person_id="qian"),
    move("open", 60, counter_id="C3", person_id="zhou"),
    move("offer", 5, ticket_id="t1", channel="atm"),
    move("close", 0, counter_id="C1"),
)


def advised(*after: Command, moves: tuple[Move, ...] = MOVES) -> Day:
    """Ten o'clock; one window, two people waiting, advice given just now, then what happens after it."""
    day = Day(quiet_branch(), now_ms=at(9))
    day.do(c.OpenDoors())
    day.do(c.OpenCounter("C1", "zhao"))
    day.do(c.IssueTicket("cash", need="withdraw"))
    day.do(c.IssueTicket("cash"))
    day.now_ms = at(10)
    day.do(c.TellWaits(at(10)))
    day.do(c.GiveAdvice(60, LATE_MS, moves))
    for command in after:
        day.do(command)
    assert day.refused == set()
    return day


def test_openings_are_grouped_by_window_and_the_best_comes_first() -> None:
    found = advice_view(advised().state, at(10, 1))
    assert (found.status, found.late_ms, found.horizon_ms) == ("given", LATE_MS, 60 * MINUTE_MS)
    seats = [(o.counter_number, [m.person_id for m in o.choices]) for o in found.openings]
    assert seats == [(3, ["zhou"]), (2, ["qian", "sun"])]
    assert [m.move for o in found.openings for m in o.choices] == [2, 1, 0], "numbers as in the advice"
    assert [m.ticket_number for m in found.offers] == ["A001"]
    assert [m.counter_number for m in found.closings] == [1]


@pytest.mark.parametrize(
    ("after", "gone"),
    [
        (c.OpenCounter("C2", "sun"), {0, 1}),
        (c.OpenCounter("C3", "qian"), {1, 2}),
        (c.CallNext("C1"), {3}),
        (c.OfferDiversion("t1", "atm"), {3}),
        (c.CloseCounter("C1"), {4}),
        (c.TakeAdvice("a1", 2), {2}),
        (c.DeclineAdvice("a1", 4, "not_needed"), {4}),
        (c.DeclineAdvice("a1", 1, "person_busy"), {1}),
        (c.DeclineAdvice("a1", 1, "not_needed"), {0, 1}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Command) else "",
)
def test_what_the_hall_would_refuse_now_is_not_offered(after: Command, gone: set[int]) -> None:
    found = advice_view(advised(after).state, at(10, 1))
    shown = {m.move for o in found.openings for m in o.choices}
    shown |= {m.move for m in (*found.offers, *found.closings)}
    assert shown == set(range(len(MOVES))) - gone


def test_what_was_declined_is_not_asked_again_for_a_quarter_of_an_hour() -> None:
    day = advised(c.DeclineAdvice("a1", 2, "not_needed"), c.DeclineAdvice("a1", 1, "person_busy"))
    for minute, shown in ((14, {0, 3, 4}), (16, {0, 1, 2, 3, 4})):
        day.now_ms = at(10, minute)
        day.do(c.GiveAdvice(60, LATE_MS, MOVES))
        given = list(day.state.advices.values())[-1].moves
        assert {MOVES.index(move) for move in given} == shown
        found = advice_view(day.state, day.now_ms)
        moves = {m.move for o in found.openings for m in o.choices}
        assert moves | {m.move for m in (*found.offers, *found.closings)} == set(range(len(shown)))


def test_the_quiet_and_the_silent_state_are_told_apart() -> None:
    day = advised(moves=())
    assert advice_view(day.state, at(10, 1)).status == "quiet"
    assert advice_view(day.state, at(10, 6)).status == "silent", "nothing heard for five minutes"
    assert advice_view(advised().state, at(10, 5)).status == "given", "the last advice holds as long"
    day = advised()
    day.now_ms = at(10, 6)
    day.do(c.TellWaits(at(10, 6)))
    assert advice_view(day.state, at(10, 6)).status == "quiet", "old advice is about another hall"
    untold = Day(quiet_branch(), now_ms=at(9))
    assert advice_view(untold.state, at(9)).status == "silent"


def test_advice_that_nobody_decided_on_is_forgotten_when_it_is_too_old_and_what_was_decided_stays() -> None:
    """By the minute, with ten moves each, it would be most of a day's memory."""
    day = advised(c.TakeAdvice("a1", 0))
    for minute in range(1, 61):
        day.now_ms = at(10, minute) if minute < 60 else at(11)
        day.do(c.GiveAdvice(60, LATE_MS, MOVES))
    assert len(day.state.advices) <= 1 + 6
    assert next(iter(day.state.advices)) == "a1"
    assert list(day.state.advices)[-1] == "a61"
    day.do(c.TakeAdvice("a30", 0))
    assert day.refused == {"advice_too_old"}
    day.do(c.TakeAdvice("a62", 0))
    assert day.refused == {"advice_too_old", "advice_unknown"}


def test_a_move_that_would_be_over_by_now_is_too_old_though_the_advice_is_not() -> None:
    brief = msgspec.structs.replace(MOVES[0], until_ms=at(10, 2))
    day = advised(moves=(brief,))
    day.now_ms = at(10, 2)
    day.do(c.TakeAdvice("a1", 0))
    assert day.refused == {"advice_too_old"}


def test_what_was_told_is_let_go_with_who_has_left() -> None:
    day = advised()
    first = day.state.find_ticket("A001")
    assert first is not None
    day.do(c.TellWaits(at(10), tickets=(TicketWait(first.id, 60_000, 120_000, 180_000),)))
    assert first.told is not None
    day.do(c.MarkReneged(first.id))
    assert first.told is None


def test_decisions_stand_beside_what_came_of_them() -> None:
    day = advised(c.TakeAdvice("a1", 2), c.DeclineAdvice("a1", 3, "customer_first"))
    open_still = advice_view(day.state, at(10, 1)).decisions
    assert [(d.decision, d.move.kind, d.reason) for d in open_still] == [
        ("taken", "open", ""),
        ("declined", "offer", "customer_first"),
    ]
    assert not open_still[0].is_reviewed
    day.now_ms = at(11)
    day.do(c.ReviewAdvice("a1"))
    reviewed = advice_view(day.state, at(11)).decisions[0]
    assert reviewed.is_reviewed
    assert reviewed.expected_ms == LATE_MS
    assert reviewed.expected_with_moves_ms == 30 * MINUTE_MS
    assert reviewed.seen_ms == 2 * 60 * MINUTE_MS, "two people waited an hour beyond the half hour"

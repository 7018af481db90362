"""The door's list: who is to be let in, with or without a ticket, in the order of joining."""

from __future__ import annotations

import msgspec

from openhall.hall import views
from openhall.hall.model import commands as c
from openhall.kernel.clock import MINUTE_MS
from tests.places import quiet_branch
from tests.unit.hall.halls import Hall

LIMIT = 1


def narrow_hall() -> Hall:
    """Room for one inside, and the doors are open."""
    rules = quiet_branch()
    branch = msgspec.structs.replace(rules.branch, inside_limit=LIMIT)
    return Hall(msgspec.structs.replace(rules, branch=branch)).open("C1:zhao")


def outside(hall: Hall) -> list[tuple[str, bool]]:
    return [(v.ticket_number or v.id, v.is_called) for v in views.outside(hall.state)]


def test_who_takes_a_number_in_a_full_hall_waits_outside_until_let_in() -> None:
    hall = narrow_hall()
    for _ in range(3):
        hall.do(c.IssueTicket("cash"))
        hall.clock.advance(MINUTE_MS)
    second, third = list(hall.state.tickets.values())[1:]
    assert outside(hall) == [(second.number, False), (third.number, False)]
    assert hall.refuses(c.LetIn(second.visit_id)) == "hall_full"
    hall.call_and_start("C1")
    hall.do(c.FinishService("C1"))
    hall.do(c.CallNext("C1"))
    assert outside(hall) == [(second.number, True), (third.number, False)], "called at the door: it is said"
    hall.do(c.LetIn(second.visit_id))
    assert outside(hall) == [(third.number, False)]


def test_who_steps_out_by_their_own_wish_is_not_kept_at_the_door_till_they_are_back() -> None:
    hall = narrow_hall()
    for _ in range(2):
        hall.do(c.IssueTicket("cash"))
    first, second = hall.state.tickets.values()
    hall.do(c.HoldTicket(first.id, "zhao"))
    assert outside(hall) == [(second.number, False)]
    hall.do(c.LetIn(second.visit_id))
    assert outside(hall) == []
    hall.do(c.ResumeTicket(first.id))
    assert outside(hall) == [(first.number, False)], "the hall is full again"
    hall.do(c.MarkReneged(first.id))
    assert outside(hall) == []


def test_at_closing_the_roll_stands_at_the_door() -> None:
    hall = narrow_hall()
    hall.do(c.CloseDoors(outside_count=2))
    roll = views.outside(hall.state)
    assert [v.id for v in roll] == ["v1", "v2"]
    assert not any(v.is_to_check for v in roll), "no check is required on an ordinary day"
    hall.do(c.LeaveVisit("v1"))
    assert outside(hall) == [("v2", False)]

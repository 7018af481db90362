"""When moves are asked for, what is shown when the twin is silent, and who can be borrowed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from openhall.hall import moves
from openhall.hall.due import EVERY_MS, Because, Look, look, why
from openhall.hall.lending import helpers_of
from openhall.hall.model import HallState
from openhall.hall.model import commands as c
from openhall.hall.plain_moves import plain_advice
from openhall.hall.told import TicketWait
from openhall.hall.twin import waits
from openhall.kernel.clock import MINUTE_MS, SECOND_MS
from openhall.kernel.event import SYSTEM
from openhall.network.staffing import Neighbour
from tests.places import at
from tests.unit.hall.halls import Hall, a_plan, busy_hall, clockwork, stint

pytestmark = pytest.mark.unit

PLANNED = tuple([4.0] * 32)


def planned() -> tuple[Hall, Look]:
    """Half past ten on an ordinary day: four people a quarter of an hour, as planned; the twin has just been
    asked."""
    hall = Hall().open("C1:zhao", "C2:qian")
    hall.do(c.TakePlan(a_plan(stint("zhao C1 9:00 17:00"), stint("qian C2 9:00 17:00"), expected=PLANNED)))
    for quarter in range(6):
        hall.clock.set(at(9, 15 * quarter))
        for _ in range(4):
            hall.issue()
    hall.clock.set(at(10, 30))
    return hall, look(hall.state, hall.clock.now_ms())


def because(hall: Hall, last: Look) -> Because | None:
    return why(hall.state, last, hall.clock.now_ms())


def test_moves_are_asked_for_at_first_and_every_five_minutes() -> None:
    hall, last = planned()
    assert because(hall, Look()) is Because.TIME
    for seconds, reason in ((0, None), (4 * 60, None), (EVERY_MS // SECOND_MS, Because.TIME)):
        assert why(hall.state, last, hall.clock.now_ms() + seconds * SECOND_MS) is reason, seconds


@pytest.mark.parametrize(
    ("happens", "reason"),
    [
        (lambda _: None, None),
        (lambda hall: [hall.issue() for _ in range(3)], None),
        (lambda hall: [hall.issue() for _ in range(14)], Because.ARRIVALS),
        (lambda hall: hall.do(c.ReportPerson("sun", "absent")), Because.STAFF),
        (lambda hall: hall.do(c.ReportPerson("sun", "present")), None),
        (lambda hall: hall.do(c.DeclareBurst("crowd")), Because.BURST),
        (lambda hall: tell(hall, 20), None),
        (lambda hall: tell(hall, 50), Because.LATE),
    ],
    ids=["nothing", "as many as planned", "a bus", "no-show", "present", "burst", "in time", "too late"],
)
def test_something_that_a_plan_cannot_wait_for_is_a_reason_at_once(
    happens: object, reason: Because | None
) -> None:
    hall = Hall().open("C1:zhao", "C2:qian")
    hall.do(c.TakePlan(a_plan(stint("zhao C1 9:00 17:00"), stint("qian C2 9:00 17:00"), expected=PLANNED)))
    hall.issue()
    last = look(hall.state, hall.clock.now_ms())
    hall.wait(1)
    assert callable(happens)
    happens(hall)
    assert because(hall, last) is reason
    assert why(hall.state, last._replace(at_ms=hall.clock.now_ms() - SECOND_MS), hall.clock.now_ms()) is None


def tell(hall: Hall, minutes: int) -> None:
    """The twin tells everybody in line this wait."""
    wait = minutes * MINUTE_MS
    waits = tuple(TicketWait(t, wait, wait, wait) for _, t in hall.state.line)
    hall.do(c.TellWaits(hall.clock.now_ms(), waits), SYSTEM)


def test_in_a_burst_the_twin_is_asked_every_minute() -> None:
    hall, _ = planned()
    hall.do(c.DeclareBurst("crowd"))
    last = look(hall.state, hall.clock.now_ms())
    assert because(hall, last) is None
    hall.wait(1)
    assert because(hall, last) is Because.BURST
    hall.do(c.EndBurst())
    assert because(hall, look(hall.state, hall.clock.now_ms())) is None


def test_without_the_twin_the_plain_rule_names_windows_and_people_by_the_same_rules() -> None:
    hall = busy_hall()
    told = plain_advice(hall.shot)
    assert told.late_ms > 0
    assert {(m.kind, m.counter_id) for m in told.moves} == {("open", "C2")}, "the others serve nobody in line"
    assert all(0 <= m.saved_low_ms <= m.saved_ms <= m.saved_high_ms <= 2 * told.late_ms for m in told.moves)
    hall.do(told, SYSTEM)
    hall.do(c.TakeAdvice("a1", 0))
    quiet = plain_advice(Hall().open("C1:zhao").shot)
    assert (quiet.late_ms, quiet.moves) == (0, ())


NEAR = Neighbour("lane", "harbour", 20)
FAR = Neighbour("hill", "lane", 55)


def other_branch(*stints: str, **terms: Any) -> HallState:
    hall = Hall().open("C1:zhao")
    if stints:
        hall.do(c.TakePlan(a_plan(*(stint(each) for each in stints), **terms)))
    return hall.state


@pytest.mark.parametrize(
    ("stints", "terms", "until", "reason"),
    [
        ((), {}, at(16, 40), "no plan: till its doors close, less the way back"),
        (("sun lobby 9:00 16:00",), {}, at(15, 40), "till the end of the shift"),
        (("sun lobby 9:00 12:00", "sun C2 12:00 13:00"), {}, at(11, 40), "till a window is planned"),
        (("sun lobby 9:00 10:00", "sun break 10:00 11:00"), {}, None, "less than an hour of help"),
        (("sun C2 9:00 12:00",), {}, None, "to be at a window now"),
        (("sun lobby 9:00 16:00",), {"lobby_least": 1}, None, "the lobby would be empty"),
        (("sun lobby 9:00 16:00", "li lobby 9:00 16:00"), {"lobby_least": 1}, at(15, 40), "somebody stays"),
        (("qian lobby 9:00 16:00",), {}, None, "not at work today"),
    ],
)
def test_who_can_be_borrowed_and_till_when(
    stints: tuple[str, ...], terms: dict[str, int], until: int | None, reason: str
) -> None:
    state = other_branch(*stints, **terms)
    found = helpers_of("lane", [FAR, NEAR], {"harbour": state}, at(9), travel_minutes_most=60)
    assert [h.person_id for h in found] == ([] if until is None else ["sun"]), reason
    if until is not None:
        assert (found[0].from_branch, found[0].travel_ms, found[0].until_ms) == (
            "harbour",
            20 * MINUTE_MS,
            until,
        )


def test_nobody_is_borrowed_from_too_far_from_a_burst_or_from_a_branch_that_is_not_open() -> None:
    state = other_branch()
    halls = {"harbour": state, "hill": other_branch()}
    near_only = helpers_of("lane", [FAR, NEAR], halls, at(9), travel_minutes_most=30)
    assert {h.from_branch for h in near_only} == {"harbour"}
    both = helpers_of("lane", [FAR, NEAR], halls, at(9), travel_minutes_most=60)
    assert [h.from_branch for h in both] == ["harbour"], (
        "one person is asked for once, from where it is nearer"
    )
    state.burst_since_ms = at(8)
    assert {h.from_branch for h in helpers_of("lane", [FAR, NEAR], halls, at(9), travel_minutes_most=60)} == {
        "hill"
    }
    assert helpers_of("lane", [NEAR], {}, at(9), travel_minutes_most=60) == ()


def test_a_snapshot_with_all_of_it_is_plain_data() -> None:
    hall, _ = planned()
    shot = hall.shot
    assert msgspec.convert(msgspec.to_builtins(shot), type(shot)) == shot
    assert shot.joined_today == 24
    assert sum(shot.joined) == 24
    assert shot.foreseen is not None
    assert shot.foreseen.expected == PLANNED


def test_a_hall_in_which_nobody_sits_anywhere_can_be_asked_about() -> None:
    hall = Hall()
    hall.do(c.OpenDoors())
    hall.issue()
    told = waits(hall.shot, clockwork(hall.shot), futures=16)
    assert (told.tickets, told.room) == ((), None)
    advice = moves.advice(hall.shot, clockwork(hall.shot), moves.MoveParameters(futures=8, told_futures=8))
    assert {m.counter_id for m in advice.moves if m.kind == "open"}

"""Which moves would help, under which rules, and does what is told of them come true?"""

from __future__ import annotations

import msgspec
import pytest

from openhall.hall import moves
from openhall.hall.candidates import MoveRules, closings, course_of, helping, switches, worked
from openhall.hall.model import commands as c
from openhall.hall.model.planning import with_move
from openhall.hall.moves import MoveParameters
from openhall.hall.plan import PlannedColleague, PlannedDay
from openhall.hall.snapshot import Helper
from openhall.hall.told import Move
from openhall.kernel.clock import HOUR_MS, MINUTE_MS
from openhall.kernel.event import SYSTEM
from openhall.science.habits import assumed_habits
from tests.places import at
from tests.unit.hall.halls import Hall, a_plan, busy_hall, clockwork, stint

pytestmark = pytest.mark.unit

FEW = MoveParameters(futures=32, told_futures=64)


def test_advice_names_each_window_and_each_person_who_could_sit_there_and_what_it_saves() -> None:
    hall = busy_hall()
    found = moves.advice(hall.shot, clockwork(hall.shot), FEW)
    opens = {(m.counter_id, m.person_id): m for m in found.moves if m.kind == "open"}
    # C2 is for cash and accounts: sun has cash, qian both; zhou has accounts, for which nobody waits.
    assert {("C2", "qian"), ("C2", "sun")} <= set(opens)
    assert not any(person in {"zhou", "zhao", "li"} for _, person in opens)
    move = opens["C2", "qian"]
    assert found.late_ms > 0
    assert 0 < move.saved_low_ms <= move.saved_high_ms <= found.late_ms * 1.2
    assert 0 < move.saved_ms <= move.saved_high_ms
    offers = [m for m in found.moves if m.kind == "offer"]
    assert offers
    assert all(m.channel == "atm" for m in offers)
    assert max(m.saved_ms for m in offers) < move.saved_ms
    assert list(found.moves) == sorted(found.moves, key=lambda m: -m.saved_ms)


def test_the_elderly_are_never_proposed_for_an_offer() -> None:
    hall = Hall().open("C1:zhao")
    for _ in range(8):
        hall.issue("cash", "green", need="withdraw")
    hall.wait(40)
    assert all(one.channel is None for one in hall.shot.people)
    assert not [m for m in moves.advice(hall.shot, clockwork(hall.shot), FEW).moves if m.kind == "offer"]


def test_a_window_without_work_may_be_spared_and_one_with_work_may_not() -> None:
    idle = Hall().open("C1:zhao", "C2:qian", "C3:zhou")
    idle.issue()
    idle.call_and_start("C1")
    spared = moves.advice(idle.shot, clockwork(idle.shot), FEW).moves
    assert {m.kind for m in spared} == {"close"}
    busy = Hall().open("C1:zhao", "C2:qian")
    for _ in range(14):
        busy.issue()
    busy.wait(25)
    assert "close" not in {m.kind for m in moves.advice(busy.shot, clockwork(busy.shot), FEW).moves}


def a_day_of_five() -> Hall:
    """Zhao at the window till noon and again after lunch, Qian in the lobby, Sun at the window at noon, and
    twelve people in line at ten."""
    hall = Hall().open("C1:zhao")
    plan = a_plan(
        stint("zhao C1 9:00 12:00"),
        stint("zhao break 12:00 13:00"),
        stint("zhao C1 13:00 17:00"),
        stint("qian lobby 9:00 13:00"),
        stint("qian break 13:00 14:00"),
        stint("qian lobby 14:00 17:00"),
        stint("sun lobby 9:00 12:00"),
        stint("sun C1 12:00 13:00"),
        stint("sun lobby 13:00 17:00"),
        stint("li lobby 9:00 17:00"),
        lobby_least=1,
        windows_least=1,
    )
    hall.do(c.TakePlan(plan))
    hall.clock.set(at(10))
    for _ in range(12):
        hall.issue("cash")
    hall.call_and_start("C1")
    return hall


def plan_of(hall: Hall) -> PlannedDay:
    """The plan as published."""
    assert hall.state.plan is not None
    return hall.state.plan


def found(hall: Hall, **rules: object) -> list[Move]:
    """Every move that could be made."""
    shot = hall.shot
    return [each.move for each in helping(shot, course_of(shot), MoveRules(**rules))]  # type: ignore[arg-type]


def test_whoever_is_sent_to_a_window_is_here_on_duty_trained_and_spared() -> None:
    hall = a_day_of_five()
    people = {m.person_id for m in found(hall) if m.kind == "open"}
    # Li has no skills, Zhou is not in the plan today; Zhao is at the window, and can stay longer at most.
    assert people == {"qian", "sun"}
    hall.do(c.ReportPerson("qian", "left"))
    assert {m.person_id for m in found(hall) if m.kind == "open"} == {"sun"}
    hall.do(c.ReportPerson("zhou", "present"))
    assert "zhou" not in {m.person_id for m in found(hall) if m.kind == "open"}, "has no hours in the plan"


@pytest.mark.parametrize(
    ("person", "latest", "reason"),
    [("qian", at(13), "till the meal break"), ("sun", at(12), "till the planned window")],
)
def test_nobody_misses_a_meal_or_a_planned_window(person: str, latest: int, reason: str) -> None:
    hall = a_day_of_five()
    until = {
        m.until_ms for m in found(hall, lasts_minutes=(30, 600)) if m.person_id == person and m.kind == "open"
    }
    assert until, reason
    assert max(until) == latest, reason


def test_the_lobby_keeps_its_least() -> None:
    hall = a_day_of_five()
    plan = msgspec.structs.replace(plan_of(hall), lobby_least=3)
    hall.do(c.TakePlan(plan))
    assert not [m for m in found(hall) if m.kind == "open"], "three are in the lobby, and three are needed"
    hall.do(c.TakePlan(msgspec.structs.replace(plan, lobby_least=2)))
    both = [m for m in found(hall) if m.kind == "open" and not m.from_ms]
    assert {m.person_id for m in both} == {"qian", "sun"}
    hall.do(c.GiveAdvice(60, 0, (both[0],)), SYSTEM)
    hall.do(c.TakeAdvice("a1", 0))
    other = {"qian", "sun"} - {both[0].person_id}
    during = [m for m in found(hall) if m.kind == "open" and m.person_id in other and not m.from_ms]
    assert not during, "the second one would leave one in the lobby too few"


def test_changes_and_stretches_keep_their_bounds() -> None:
    hall = a_day_of_five()
    for most in (0, 1, 2, 3, 4):
        hall.do(c.TakePlan(msgspec.structs.replace(plan_of(hall), switches_most=most)))
        shot = hall.shot
        for move in found(hall):
            if move.kind != "open":
                continue
            mine = [s for s in with_move(shot.stints, move, shot.now_ms) if s.person_id == move.person_id]
            before = [s for s in shot.stints if s.person_id == move.person_id]
            assert switches(mine) <= max(most, switches(before))
            assert min(ms for _, _, ms in worked(mine)) >= 30 * MINUTE_MS


def test_a_meal_moves_once_within_its_bounds_and_nobody_shares_a_counter_for_it() -> None:
    hall = a_day_of_five()
    hall.clock.set(at(11, 30))
    lunches = [m for m in found(hall) if m.kind == "lunch"]
    # Zhao's hour is covered by Sun at the same window, so an hour's move would seat two at it.
    assert {m.person_id for m in lunches} == {"qian"}
    assert all(abs(m.from_ms - at(13)) <= 90 * MINUTE_MS for m in lunches)
    assert all(m.until_ms - m.from_ms == HOUR_MS for m in lunches)
    hall.do(c.GiveAdvice(60, 0, (lunches[0],)), SYSTEM)
    hall.do(c.TakeAdvice("a1", 0))
    assert not [m for m in found(hall) if m.kind == "lunch" and m.person_id == "qian"], "not again and again"


def test_a_window_that_is_about_to_close_can_be_kept_open() -> None:
    hall = Hall().open("C1:zhao")
    hall.do(c.TakePlan(a_plan(stint("zhao C1 9:00 10:30"), stint("zhao lobby 10:30 13:00"))))
    hall.clock.set(at(10))
    kept = [m for m in found(hall) if m.kind == "open" and m.counter_id == "C1"]
    assert {(m.from_ms, m.until_ms) for m in kept if m.from_ms == at(10, 30)} == {
        (at(10, 30), at(11)),
        (at(10, 30), at(11, 30)),
        (at(10, 30), at(12, 30)),
    }


def test_somebody_of_a_neighbouring_branch_can_be_asked_for_once() -> None:
    hall = busy_hall()
    for person in ("qian", "sun"):
        hall.do(c.ReportPerson(person, "absent"))
    helper = Helper("wu", "harbour", ("cash",), 20 * MINUTE_MS, at(12))
    shot = msgspec.structs.replace(hall.shot, helpers=(helper,))
    loan = next(
        each.move for each in helping(shot, course_of(shot), MoveRules()) if each.move.kind == "borrow"
    )
    assert (loan.person_id, loan.from_branch, loan.from_ms, loan.until_ms) == (
        "wu",
        "harbour",
        at(9, 40),
        at(12),
    )
    advice = moves.advice(shot, clockwork(shot), FEW)
    worth = next(m for m in advice.moves if m.kind == "borrow")
    assert worth.saved_ms > HOUR_MS
    hall.do(advice, SYSTEM)
    hall.do(c.TakeAdvice("a1", next(n for n, m in enumerate(advice.moves) if m.kind == "borrow")))
    assert hall.state.requests["r1"].person_id == "wu"
    assert hall.shot.helpers == ()


def test_a_colleague_on_the_way_is_counted_from_when_they_come() -> None:
    hall = a_day_of_five()
    plan = msgspec.structs.replace(
        plan_of(hall),
        stints=(*plan_of(hall).stints, stint("wu C2 10:30 12:00")),
        colleagues=(PlannedColleague("wu", "harbour", ("cash",), ("teller",)),),
    )
    hall.do(c.TakePlan(plan))
    shot = hall.shot
    assert {w.person_id: w.here_from_ms for w in shot.workers}["wu"] == at(10, 30)
    spells = course_of(shot).spells(shot)
    assert [(s.person_id, s.from_ms) for s in spells if s.counter == 1] == [("wu", at(10, 30))]


def test_what_was_declined_is_left_out_from_the_beginning_so_that_the_others_stand_alone() -> None:
    hall = a_day_of_five()
    first = moves.advice(hall.shot, clockwork(hall.shot), FEW)
    best = next(m for m in first.moves if m.kind == "open")
    hall.do(first, SYSTEM)
    hall.do(c.DeclineAdvice("a1", first.moves.index(best), "not_needed"))
    again = moves.advice(hall.shot, clockwork(hall.shot), FEW)
    assert best.counter_id not in {m.counter_id for m in again.moves if m.kind == "open"}
    assert again.late_ms == first.late_ms


def test_a_colleague_who_is_busy_is_left_out_and_somebody_else_is_named() -> None:
    hall = a_day_of_five()
    first = moves.advice(hall.shot, clockwork(hall.shot), FEW)
    best = next(m for m in first.moves if m.kind == "open")
    hall.do(first, SYSTEM)
    hall.do(c.DeclineAdvice("a1", first.moves.index(best), "person_busy"))
    again = moves.advice(hall.shot, clockwork(hall.shot), FEW)
    there = {m.person_id for m in again.moves if m.counter_id == best.counter_id}
    assert there == {"qian", "sun"} - {best.person_id}


def test_savings_add_up_and_come_true_in_the_futures_they_were_told_from() -> None:
    hall = a_day_of_five()
    habits = clockwork(hall.shot)
    shot = hall.shot
    told = moves.advice(shot, habits, FEW)
    main: dict[tuple[str, str], Move] = {}
    for move in told.moves:
        if move.kind in {"open", "lunch"}:
            main.setdefault((move.kind, move.counter_id or move.person_id), move)
    stints = shot.stints
    for move in main.values():
        stints = with_move(stints, move, shot.now_ms)
    after = moves.advice(msgspec.structs.replace(shot, stints=stints), habits, FEW).late_ms
    saved = sum(move.saved_ms for move in main.values())
    assert told.late_ms - after == pytest.approx(saved, rel=0.15)


def test_a_quiet_hall_is_asked_for_nothing_that_helps() -> None:
    hall = Hall().open("C1:zhao", "C2:qian")
    told = moves.advice(hall.shot, clockwork(hall.shot), FEW)
    assert told.late_ms == 0
    assert {m.kind for m in told.moves} <= {"close"}


def test_a_counter_is_not_spared_below_the_least_or_before_its_person_has_sat_long_enough() -> None:
    hall = Hall().open("C1:zhao", "C2:qian")
    plan = a_plan(stint("zhao C1 9:00 17:00"), stint("qian C2 9:00 17:00"), windows_least=2)
    hall.do(c.TakePlan(plan))
    hall.clock.set(at(10))
    assert not list(closings(hall.shot, course_of(hall.shot), MoveRules()))
    hall.do(c.TakePlan(msgspec.structs.replace(plan, windows_least=1)))
    assert len(list(closings(hall.shot, course_of(hall.shot), MoveRules()))) == 2
    hall.clock.set(at(9, 20))
    assert not list(closings(hall.shot, course_of(hall.shot), MoveRules()))


def test_when_time_is_up_what_was_found_by_then_is_told() -> None:
    hall = a_day_of_five()
    asked = 0

    def soon() -> bool:
        nonlocal asked
        asked += 1
        return asked > 20

    told = moves.advice(hall.shot, clockwork(hall.shot), FEW, is_over=soon)
    assert told.late_ms > 0
    everything = moves.advice(hall.shot, clockwork(hall.shot), FEW)
    assert len(told.moves) <= len(everything.moves)
    assert asked < 60


def test_what_is_on_the_screen_stays_there_when_it_is_about_as_good() -> None:
    hall = busy_hall()
    habits = assumed_habits(hall.shot.branch, hall.shot.services, [k for k, _, _ in hall.shot.classes])
    first = moves.advice(hall.shot, habits, FEW)
    hall.do(first, SYSTEM)
    hall.wait(1)
    then = moves.advice(hall.shot, habits, FEW)
    opens = [{(m.counter_id, m.person_id) for m in told.moves if m.kind == "open"} for told in (first, then)]
    assert opens[0] == opens[1]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"futures": 4}, "Expected futures of 8 or more"),
        ({"futures": 64, "told_futures": 32}, "Expected futures of 8 or more"),
        ({"moves_most": 0}, "Expected moves_most of 1 or more"),
        ({"stays_share": 2.0}, "Expected stays_share between 0 and 1"),
    ],
)
def test_a_parameter_outside_its_range_is_refused(values: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MoveParameters(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"horizon_minutes": 0}, "Expected horizon_minutes of 1 or more"),
        ({"lasts_minutes": ()}, "Expected lasts_minutes of rising numbers"),
        ({"starts_minutes": (30, 0)}, "Expected starts_minutes of rising numbers"),
        ({"offers_most": -1}, "Expected offers_most and lunch_notice_minutes of 0 or more"),
    ],
)
def test_a_rule_outside_its_range_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MoveRules(**values)  # type: ignore[arg-type]

"""Do plans keep the rules, stay as they were set by hand, and say why they fall short?"""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from openhall.network.staffing import Leave, Wish
from openhall.science.roster.week import Rostered
from openhall.science.roster.week_greedy import greedy
from openhall.staffing import planning
from openhall.staffing.checking import broken, violations
from openhall.staffing.cross_training import cross_posts
from openhall.staffing.plan import DayPlan, WeekPlan
from openhall.staffing.roster import Translation
from openhall.staffing.sentences import NOTES
from openhall.workers.planning import Timed, cross_training, effect, plan_week
from tests.unit.staffing.branches import MONDAY, good_week, request, small_bank

pytestmark = pytest.mark.unit

change = msgspec.structs.replace


@pytest.fixture(scope="module")
def planned() -> WeekPlan:
    return plan_week(request())


def test_a_plan_keeps_every_rule_and_names_what_it_leaves_open(planned: WeekPlan) -> None:
    found = violations(small_bank(), planned)
    assert broken(found) == ()
    assert [day.is_open for day in planned.days] == [True] * 3
    assert {duty.person_id for day in planned.days for duty in day.duties} <= {
        "ann",
        "bob",
        "cat",
        "dan",
        "eve",
    }
    missed = {v.day for v in found}
    assert {note.day for note in planned.notes if note.code.startswith("short_")} >= missed - {None}
    assert {note.code for note in planned.notes} <= set(NOTES)
    assert "demand_assumed" in {note.code for note in planned.notes}


def test_a_day_is_needed_and_carried_by_the_same_promise(planned: WeekPlan) -> None:
    for day in planned.days:
        people = sum(day.expected)
        is_enough = all(there >= need for there, need in zip(day.windows, day.needed, strict=True))
        assert day.carries >= people or not is_enough, "who has all windows that are needed carries the day"
        assert day.carries > 0
        pairs = zip(day.needed[::2], day.needed[1::2], strict=False)
        assert all(one == other for one, other in pairs), "nobody is sent to and fro for a quarter of an hour"


def test_the_same_request_has_the_same_plan(planned: WeekPlan) -> None:
    assert plan_week(request()) == planned


def test_who_is_on_leave_is_not_planned_and_the_cause_is_told() -> None:
    away = tuple(Leave(who, MONDAY, MONDAY) for who in ("ann", "bob"))
    plan = plan_week(request(change(small_bank(), leaves=away), days=1))
    assert {d.person_id for d in plan.days[0].duties}.isdisjoint({"ann", "bob"})
    lobby = next(n for n in plan.notes if n.code == "short_of_lobby")
    assert lobby.detail["until_minute"] == "1020"
    assert {n.person_id for n in plan.notes if n.code == "cause_leave"} == {"ann", "bob"}
    assert any(n.code == "short_of_key_holder" for n in plan.notes)


def test_what_is_pinned_stays_as_it_is(planned: WeekPlan) -> None:
    day = planned.days[0]
    duty = change(day.duties[0], is_pinned=True)
    current = change(planned, days=(change(day, duties=(duty,)), *planned.days[1:]))
    again = plan_week(request(current=current, seed=7))
    assert duty.stints == next(d for d in again.days[0].duties if d.person_id == duty.person_id).stints
    assert broken(violations(small_bank(), again)) == ()


def test_pinned_on_leave_is_kept_and_said(planned: WeekPlan) -> None:
    duty = change(planned.days[0].duties[0], is_pinned=True)
    current = change(planned, days=(change(planned.days[0], duties=(duty,)), *planned.days[1:]))
    bank = change(small_bank(), leaves=(Leave(duty.person_id, MONDAY, MONDAY),))
    again = plan_week(request(bank, current=current))
    assert ("pinned_on_leave", duty.person_id) in {(n.code, n.person_id) for n in again.notes}
    assert "on_leave" in {v.code for v in broken(violations(bank, again))}


def test_one_day_is_planned_anew_and_the_others_stay(planned: WeekPlan) -> None:
    again = plan_week(request(current=planned, only_days=(MONDAY + timedelta(days=1),), seed=3))
    assert again.days[0] == planned.days[0]
    assert again.days[2] == planned.days[2]
    assert broken(violations(small_bank(), again)) == ()


def test_a_free_colleague_is_borrowed_with_time_for_the_way() -> None:
    bank = small_bank()
    away = tuple(Leave(who, MONDAY, MONDAY) for who in ("bob", "cat", "eve"))
    short = change(bank, leaves=away, staffing=change(bank.staffing, late_minutes_per_paid_hour=1.0))
    south = WeekPlan("south", MONDAY, (DayPlan(MONDAY, is_open=True),), "", "optimal", 0.0)
    plan = plan_week(request(short, days=1, others=(south,)))
    fay = next(d for d in plan.days[0].duties if d.person_id == "fay")
    assert fay.from_branch == "south"
    assert [s.until_minute - s.from_minute for s in fay.stints if s.post == "travel"] == [20, 20]
    assert broken(violations(short, plan, (south,))) == ()
    at_home = change(south, days=(DayPlan(MONDAY, is_open=True, duties=(change(fay, from_branch=""),)),))
    busy = plan_week(request(short, days=1, others=(at_home,)))
    assert "fay" not in {d.person_id for d in busy.days[0].duties}, "who works at home is not borrowed"


def test_a_wish_is_kept_where_it_costs_nothing_much() -> None:
    bank = small_bank()
    lenient = change(bank.staffing, windows_at_least=1)
    bank = change(bank, wishes=(Wish("dan", MONDAY, "off"),), staffing=lenient)
    quiet = request(
        bank, assumptions=msgspec.structs.replace(request().assumptions, visitors_per_counter_daily=2.0)
    )
    plan = plan_week(quiet)
    assert "dan" not in {d.person_id for d in plan.days[0].duties}


def test_without_an_answer_of_the_solver_the_plain_rule_plans(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(week: object, **_: object) -> Rostered:
        from openhall.science.roster.week_solving import _by_plain_rule

        return _by_plain_rule(week, greedy(week))  # type: ignore[arg-type]

    monkeypatch.setattr(planning, "roster", silent)
    plan = planning.plan_days(request(), Timed)
    assert plan.status == "fallback"
    assert "solver_silent" in {n.code for n in plan.notes}
    assert broken(violations(small_bank(), plan)) == ()


def test_rules_that_nobody_can_keep_are_said() -> None:
    bank = small_bank()
    strict = change(bank, labour=(change(bank.labour[0], minutes_without_break=60),))
    plan = plan_week(request(strict, days=1))
    assert plan.days[0].duties == ()
    assert {n.person_id for n in plan.notes if n.code == "no_shift_fits"} == {
        "ann",
        "bob",
        "cat",
        "dan",
        "eve",
    }
    nothing = plan_week(request(change(bank, shifts=()), days=1))
    assert "no_shifts" in {n.code for n in nothing.notes}


def test_the_effect_of_a_change_is_worked_out_anew(planned: WeekPlan) -> None:
    day = planned.days[0]
    emptier = change(planned, days=(change(day, duties=()), *planned.days[1:]))
    after = effect(request(), emptier, MONDAY)
    assert set(after.windows) == {0}
    assert after.late_minutes > day.late_minutes
    assert {s.what for s in after.shortfalls} >= {"windows", "lobby", "key_holder"}


def test_the_cross_post_rate_counts_who_is_trained_and_who_served() -> None:
    bank = small_bank()
    found = cross_posts(bank, "north", [good_week()])
    assert (found.staff_count, found.trained, found.served) == (5, ("bob",), ())
    days = good_week().days
    bob = days[0].duties[1]
    moved = change(bob, stints=(change(bob.stints[0], post="lobby", counter_id=""), *bob.stints[1:]))
    both = change(good_week(), days=(change(days[0], duties=(days[0].duties[0], moved)),))
    assert cross_posts(bank, "north", [both]).served == ("bob",)


def test_training_that_helps_most_comes_first() -> None:
    bank = small_bank()
    only_cash = change(
        bank,
        people=tuple(change(p, skills=p.skills[:1]) if p.id in ("cat", "dan") else p for p in bank.people),
    )
    plan = plan_week(request(only_cash))
    found = cross_training(request(only_cash), plan)
    saved = [c.saved_minutes for c in found.candidates]
    assert saved == sorted(saved, reverse=True)
    assert saved[0] > 0


def test_numbers_and_words_agree_on_who_can_work() -> None:
    demands = planning.demands_of(request())
    translation = Translation(request(), demands)
    names = [member.person.id for member in translation.members]
    assert names == ["ann", "bob", "cat", "dan", "eve"]
    part_time = translation.week.workers[names.index("eve")]
    patterns = [translation.patterns[s].shift for s in part_time.shifts[0]]
    assert {shift.id for shift in patterns if shift} == {"morning", "late"}

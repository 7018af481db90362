"""Does a change by hand do what was asked, or say why not?"""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from openhall.kernel.refusal import Refusal
from openhall.staffing.changing import Change, MoveStint, SetPinned, SetShift, SetStint, changed
from openhall.staffing.checking import broken, violations
from openhall.staffing.plan import Duty, WeekPlan
from openhall.staffing.refusals import REFUSALS
from tests.unit.staffing.branches import MONDAY, good_week, small_bank

pytestmark = pytest.mark.unit

REFUSED: list[tuple[str, Change, str]] = [
    ("plan_day_unknown", SetShift(MONDAY + timedelta(days=9), "bob", "full"), "another week"),
    ("plan_person_unknown", SetShift(MONDAY, "zoe", "full"), "nobody of that name"),
    ("plan_shift_unknown", SetShift(MONDAY, "dan", "night"), "no such shift"),
    ("plan_no_duty", SetStint(MONDAY, "dan", "lobby", 540, 600), "dan is free"),
    ("plan_times_crossed", SetStint(MONDAY, "bob", "lobby", 600, 540), "ends before it begins"),
    ("plan_outside_duty", SetStint(MONDAY, "bob", "lobby", 400, 540), "before the shift"),
    ("plan_counter_unknown", SetStint(MONDAY, "bob", "window", 540, 600, "C9"), "no such window"),
    ("plan_no_stint", MoveStint(MONDAY, "bob", 541, "cat", 600, 660), "nothing begins then"),
    ("plan_no_duty", MoveStint(MONDAY, "bob", 540, "dan", 540, 690), "dan is free"),
    ("plan_person_unknown", SetPinned(MONDAY, "zoe", is_pinned=True), "nobody of that name"),
]


def after(change: Change) -> WeekPlan:
    found = changed(good_week(), change, small_bank())
    assert not isinstance(found, Refusal), found
    return found


def duty_of(plan: WeekPlan, person: str) -> Duty | None:
    return next((d for d in plan.days[0].duties if d.person_id == person), None)


@pytest.mark.parametrize(("code", "change", "reason"), REFUSED)
def test_what_cannot_be_done_is_refused(code: str, change: Change, reason: str) -> None:
    found = changed(good_week(), change, small_bank())
    assert isinstance(found, Refusal), reason
    assert found.code == code, reason
    text = REFUSALS[code]
    assert text.sentence.format(**found.detail), "the detail fills the blanks"
    assert text.remedy.format(**found.detail)


def test_a_shift_is_given_with_its_meal_and_a_free_window() -> None:
    bank = small_bank()
    plan = after(SetShift(MONDAY, "cat", ""))
    assert duty_of(plan, "cat") is None
    again = changed(plan, SetShift(MONDAY, "dan", "full"), bank)
    assert isinstance(again, WeekPlan)
    dan = duty_of(again, "dan")
    assert dan is not None
    assert dan.is_pinned
    assert {s.counter_id for s in dan.stints if s.post == "window"} == {"C2"}
    assert broken(violations(bank, again)) == ()
    assert again.status == "by_hand"


def test_a_stint_takes_the_place_of_what_was_there() -> None:
    bob = duty_of(after(SetStint(MONDAY, "bob", "lobby", 600, 660)), "bob")
    assert bob is not None
    assert [(s.post, s.from_minute, s.until_minute) for s in bob.stints][:3] == [
        ("window", 540, 600),
        ("lobby", 600, 660),
        ("window", 660, 690),
    ]
    assert bob.is_pinned


def test_a_stint_goes_to_somebody_else() -> None:
    plan = after(MoveStint(MONDAY, "bob", 540, "cat", 540, 690))
    bob, cat = duty_of(plan, "bob"), duty_of(plan, "cat")
    assert bob is not None
    assert cat is not None
    assert min(s.from_minute for s in bob.stints) == 690
    assert (cat.stints[0].counter_id, cat.stints[0].until_minute) == ("C1", 690)


def test_who_eats_later_works_till_then() -> None:
    bob = duty_of(after(MoveStint(MONDAY, "bob", 690, "bob", 750, 810)), "bob")
    assert bob is not None
    assert [(s.post, s.from_minute, s.until_minute) for s in bob.stints] == [
        ("window", 540, 750),
        ("break", 750, 810),
        ("window", 810, 1_020),
    ]


def test_a_day_is_let_go_again() -> None:
    pinned = after(SetPinned(MONDAY, "bob", is_pinned=True))
    bob = duty_of(pinned, "bob")
    assert bob is not None
    assert bob.is_pinned


def test_a_change_is_read_from_json_by_its_type() -> None:
    body = b'{"type":"SetShift","day":"2026-12-07","person_id":"dan","shift_id":"full"}'
    assert msgspec.json.decode(body, type=Change) == SetShift(MONDAY, "dan", "full")

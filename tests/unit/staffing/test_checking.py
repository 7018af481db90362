"""Does the checker find every broken rule, and nothing in a plan that breaks none?"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest

from openhall.network.hours import Hours
from openhall.network.model import Bank, DayException
from openhall.network.staffing import Leave
from openhall.staffing.checking import MINIMUMS, broken, violations
from openhall.staffing.plan import DayPlan, Duty, Stint, WeekPlan
from openhall.staffing.sentences import VIOLATIONS
from tests.unit.staffing.branches import FULL, MONDAY, at_window, full, good_day, good_week, small_bank

pytestmark = pytest.mark.unit

change = msgspec.structs.replace
Edit = Callable[[Bank, DayPlan], tuple[Bank, DayPlan]]


def duties(*edits: Callable[[Duty], Duty | None]) -> Edit:
    """Each duty through each edit; None takes it away."""

    def edited(bank: Bank, day: DayPlan) -> tuple[Bank, DayPlan]:
        found: list[Duty] = list(day.duties)
        for edit in edits:
            found = [after for duty in found if (after := edit(duty)) is not None]
        return bank, change(day, duties=tuple(found))

    return edited


def of(person: str, edit: Callable[[Duty], Duty | None]) -> Callable[[Duty], Duty | None]:
    """An edit of one person's duty."""
    return lambda duty: edit(duty) if duty.person_id == person else duty


def adding(*more: Duty) -> Edit:
    return lambda bank, day: (bank, change(day, duties=(*day.duties, *more)))


def with_bank(**changes: object) -> Edit:
    return lambda bank, day: (change(bank, **changes), day)


def on_leave(bank: Bank, day: DayPlan) -> tuple[Bank, DayPlan]:
    return change(bank, leaves=(Leave("bob", MONDAY, MONDAY),)), day


def closed(bank: Bank, day: DayPlan) -> tuple[Bank, DayPlan]:
    exception = DayException(MONDAY, bank.name)
    north = change(bank.branches[0], exceptions=(exception,))
    return change(bank, branches=(north, bank.branches[1])), day


def labour(**changes: object) -> Edit:
    def edited(bank: Bank, day: DayPlan) -> tuple[Bank, DayPlan]:
        return change(bank, labour=(change(bank.labour[0], **changes),)), day

    return edited


FAY = Duty(
    "fay",
    "full",
    510,
    1_050,
    (Stint("travel", 510, 530), Stint("break", 690, 750), Stint("travel", 1_030, 1_050)),
    from_branch="south",
)
DAN = full("dan")

BROKEN: list[tuple[str, Edit, str]] = [
    ("twice_a_day", adding(full("bob")), "bob has two duties"),
    ("person_unknown", adding(full("zoe")), "nobody of that name"),
    ("on_leave", on_leave, "away and rostered"),
    ("branch_closed", closed, "a duty on a closed day"),
    ("lent_to_own_branch", duties(of("bob", lambda d: change(d, from_branch="south"))), "from elsewhere?"),
    ("not_to_be_lent", adding(change(FAY, person_id="gus")), "gus may not be lent"),
    ("too_far_away", lambda b, d: adding(FAY)(change(b, neighbours=()), d), "no way is known"),
    ("travel_missing", adding(change(FAY, stints=FAY.stints[1:2])), "no time for the way"),
    ("shift_not_agreed", adding(change(full("eve"), person_id="eve")), "a part-timer on a full day"),
    ("shift_unknown", duties(of("bob", lambda d: change(d, shift_id="night"))), "no such shift"),
    ("hours_not_of_shift", duties(of("bob", lambda d: change(d, until_minute=1_060))), "stays longer"),
    (
        "meal_not_of_shift",
        adding(full("dan", meal=Hours(660, 720))),
        "eats at a time that the shift does not have",
    ),
    ("stint_outside", duties(of("ann", lambda d: change(d, from_minute=570))), "begins before the shift"),
    (
        "stints_overlap",
        duties(of("ann", lambda d: change(d, stints=(*d.stints, Stint("lobby", 600, 660))))),
        "twice in the hall",
    ),
    ("not_trained", adding(full("dan", Stint("lobby", 540, 600))), "dan is no lobby manager"),
    ("counter_unknown", adding(full("dan", Stint("window", 540, 600, "C9"))), "no such window"),
    ("counter_taken", adding(full("dan", Stint("window", 540, 600, "C2"))), "cat sits there"),
    (
        "skill_missing",
        lambda b, d: (
            change(
                b, people=tuple(change(p, skills=("business",)) if p.id == "cat" else p for p in b.people)
            ),
            d,
        ),
        "no skill for that window",
    ),
    (
        "stint_short",
        duties(
            of(
                "bob",
                lambda d: change(
                    d,
                    stints=(Stint("lobby", 540, 555), Stint("window", 555, 690, "C1"), *d.stints[1:]),
                ),
            )
        ),
        "a quarter of an hour in the hall",
    ),
    (
        "too_many_switches",
        lambda b, d: duties(
            of(
                "bob",
                lambda duty: change(
                    duty,
                    stints=tuple(
                        Stint(
                            "lobby" if n % 2 else "window", 540 + 30 * n, 570 + 30 * n, "" if n % 2 else "C1"
                        )
                        for n in range(6)
                    )
                    + duty.stints[1:],
                ),
            )
        )(b, duties(lambda duty: duty)(b, d)[1]),
        "window, hall, window, hall, window, hall",
    ),
    (
        "day_too_long",
        labour(minutes_daily=240, overtime_minutes_daily=60),
        "eight hours where five are allowed",
    ),
    ("break_too_late", labour(minutes_without_break=120), "three hours and no meal"),
    (
        "gap_not_of_shift",
        duties(of("cat", lambda d: change(d, stints=(*d.stints, Stint("gap", 1_020, 1_050))))),
        "free hours of its own",
    ),
]


def codes(bank: Bank, plan: WeekPlan, *earlier: WeekPlan) -> set[str]:
    return {each.code for each in broken(violations(bank, plan, earlier))}


def test_a_good_day_breaks_no_rule() -> None:
    found = violations(small_bank(), good_week())
    assert broken(found) == ()
    assert {each.code for each in found} == {"windows_below", "lobby_below"}, "at meals, and said so"


@pytest.mark.parametrize(("code", "edit", "reason"), BROKEN)
def test_each_broken_rule_is_found(code: str, edit: Edit, reason: str) -> None:
    bank, day = edit(small_bank(), good_day())
    assert code in codes(bank, change(good_week(), days=(day,))), reason


def test_minimums_are_told_with_their_times() -> None:
    bank = small_bank()
    empty = change(good_week(), days=(change(good_day(), duties=()),))
    found = {(v.code, v.from_minute, v.until_minute) for v in violations(bank, empty)}
    assert ("windows_below", 540, 1_020) in found
    assert ("lobby_below", 540, 1_020) in found
    assert {("key_holders_below", 540, 540), ("key_holders_below", 1_020, 1_020)} <= found


def test_weeks_are_counted_with_the_plans_before() -> None:
    bank = small_bank()
    assert codes(bank, good_week(5)) == set()
    assert codes(bank, good_week(6)) == {"week_too_long", "days_not_agreed"}
    monday_to_friday = good_week(5)
    saturday = WeekPlan(
        "north", MONDAY + timedelta(days=5), (good_day(MONDAY + timedelta(days=5)),), "", "optimal", 0.0
    )
    assert codes(bank, saturday, monday_to_friday) == {"week_too_long", "days_not_agreed"}
    agreed = change(bank.contracts[0], days_weekly=7, minutes_weekly=2_400, overtime_minutes_weekly=600)
    lenient = change(bank, contracts=(agreed, bank.contracts[1]))
    sunday = change(good_day(MONDAY + timedelta(days=6)), is_open=True)
    week = change(good_week(6), days=(*good_week(6).days, sunday))
    assert {"rest_day_missing", "too_many_days_in_row"} <= codes(lenient, week)


def test_rest_is_counted_between_plans_and_overtime_over_a_month() -> None:
    bank = small_bank()
    night = change(full("bob"), until_minute=1_439, is_pinned=True)
    sunday = WeekPlan(
        "south",
        MONDAY - timedelta(days=1),
        (DayPlan(MONDAY - timedelta(days=1), is_open=True, duties=(night,)),),
        "",
        "by_hand",
        0.0,
    )
    assert "rest_too_short" in codes(bank, good_week(), sunday)
    tired = change(good_day(), duties=tuple(change(d, overtime_minutes=2_161) for d in good_day().duties))
    assert "month_overtime" in codes(bank, change(good_week(), days=(tired,)))


def test_nobody_is_in_two_branches() -> None:
    bank = small_bank()
    elsewhere = change(good_week(), branch="south")
    assert "in_two_branches" in codes(bank, good_week(), elsewhere)
    assert codes(bank, good_week(), good_week()) == set(), "an older plan of the same days does not count"


def test_every_code_has_a_sentence() -> None:
    tested = {code for code, _, _ in BROKEN} | MINIMUMS
    assert tested <= set(VIOLATIONS)
    assert "{" not in VIOLATIONS["on_leave"].replace("{person}", "")


def test_a_plan_of_another_bank_is_said_to_be_one() -> None:
    assert codes(small_bank(), change(good_week(), branch="west")) == {"branch_unknown"}


def test_at_window_is_a_day() -> None:
    assert [s.until_minute - s.from_minute for s in at_window("C1", FULL.lunches[0])] == [150, 270]

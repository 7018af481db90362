"""Is a plan drawn where its hours are?"""

from __future__ import annotations

from datetime import date

import pytest

from openhall.staffing.plan import DayPlan, Duty, Shortfall, Stint, Violation
from openhall.web.plan_drawing import picture

pytestmark = pytest.mark.unit

DAY = date(2026, 12, 14)


def day(**changes: object) -> DayPlan:
    fields: dict[str, object] = {
        "from_minute": 540,
        "interval_minutes": 60,
        "expected": (10.0, 20.0),
        "low": (5.0, 10.0),
        "high": (15.0, 40.0),
        "needed": (1, 2),
        "windows": (2, 2),
    }
    return DayPlan(DAY, is_open=True, **{**fields, **changes})  # type: ignore[arg-type]


def duty(person: str, since: int, until: int, *stints: Stint) -> Duty:
    return Duty(person, "full", since, until, stints or (Stint("lobby", since, until),))


def test_charts_and_rows_share_one_scale() -> None:
    drawn = picture(day(duties=(duty("a", 510, 660, Stint("window", 540, 600, "C1")),)))
    assert (drawn.begins, drawn.ends) == (480, 660), (
        "from the full hour before the first to the one after the last"
    )
    assert drawn.hours == [(0.0, 480), (33.333, 540), (66.667, 600), (100.0, 660)]
    bar = drawn.rows[0].bars[0]
    assert (bar.left, bar.width) == (33.333, 33.334)
    assert drawn.needed == "M333.3,50L333.3,50L666.7,50L666.7,0L1000,0"
    assert drawn.windows == "M333.3,100L333.3,0L666.7,0L666.7,0L1000,0L1000,100Z"


def test_people_are_drawn_in_the_middle_of_their_interval_under_a_readable_top() -> None:
    drawn = picture(day())
    assert drawn.people_most == 40
    assert drawn.mean == "250,75 750,50"
    assert drawn.band == "250,62.5 750,0 750,75 250,87.5"


def test_a_plan_without_a_band_has_a_line_alone() -> None:
    drawn = picture(day(low=(), high=()))
    assert drawn.band == ""
    assert drawn.people_most == 20


def test_the_windows_that_were_open_are_drawn_over_those_that_were_planned() -> None:
    drawn = picture(day(), windows_open=(2.5, 1.0))
    assert drawn.windows_most == 3
    assert drawn.lived == "M0,16.7L0,16.7L500,16.7L500,66.7L1000,66.7"
    assert picture(day()).lived == ""


def test_tellers_stand_above_the_lobby_and_the_early_above_the_late() -> None:
    seat = Stint("window", 600, 660, "C1")
    drawn = picture(
        day(duties=(duty("hall", 500, 660), duty("late", 600, 660, seat), duty("early", 540, 660, seat)))
    )
    assert [row.duty.person_id for row in drawn.rows] == ["early", "late", "hall"]


def test_a_rule_that_is_broken_stands_at_the_person() -> None:
    broken = Violation("rest_too_short", DAY, "a")
    drawn = picture(day(duties=(duty("a", 540, 660), duty("b", 540, 660))), [broken])
    assert {row.duty.person_id: row.violations for row in drawn.rows} == {"a": [broken], "b": []}


def test_what_is_missing_is_marked_where_it_is() -> None:
    drawn = picture(day(shortfalls=(Shortfall("windows", 600, 630, 1),)))
    assert [(left, width) for left, width, _ in drawn.gaps] == [(50.0, 25.0)]


def test_a_closed_day_can_be_drawn_too() -> None:
    drawn = picture(DayPlan(DAY, is_open=False))
    assert (drawn.begins, drawn.ends, drawn.rows, drawn.mean) == (540, 1020, [], "")

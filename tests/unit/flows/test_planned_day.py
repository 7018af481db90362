"""Does the hall get of a plan what it needs, in its own terms?"""

from __future__ import annotations

from datetime import date

import pytest

from openhall.flows.planned_day import DAY_CV_UNKNOWN, planned_day
from openhall.hall.plan import PlannedColleague, PlannedStint
from openhall.kernel.clock import MINUTE_MS
from openhall.network.sample import sample_bank
from openhall.staffing.plan import DayPlan, Duty, Stint, WeekPlan
from tests.places import on

pytestmark = pytest.mark.unit

BANK = sample_bank()
BRANCH = BANK.branches[0]
DAY = date(2026, 12, 14)


def week(**changes: object) -> WeekPlan:
    duties = (
        Duty(
            "zhou-yan",
            "full",
            510,
            1050,
            (Stint("window", 510, 720, "C1"), Stint("break", 720, 780), Stint("lobby", 780, 1050)),
        ),
        Duty("gao-fei", "morning", 510, 750, (Stint("window", 510, 750, "C2"),), from_branch="wutong"),
    )
    fields = {"from_minute": 540, "expected": (4.0, 9.0), "needed": (2, 3), "duties": duties, **changes}
    days = (DayPlan(DAY, is_open=True, **fields), DayPlan(date(2026, 12, 20), is_open=False))  # type: ignore[arg-type]
    return WeekPlan(BRANCH.id, DAY, days, "0" * 12, "optimal", 0.0)


def test_minutes_become_moments_and_names_of_elsewhere_bring_their_skills() -> None:
    found = planned_day(week(), "v1", BANK, BRANCH, DAY)
    assert found is not None
    assert (found.version, found.from_ms, found.interval_ms) == ("v1", on(DAY, 9), 15 * MINUTE_MS)
    assert found.stints == (
        PlannedStint("zhou-yan", "window", on(DAY, 8, 30), on(DAY, 12), "C1"),
        PlannedStint("zhou-yan", "break", on(DAY, 12), on(DAY, 13)),
        PlannedStint("zhou-yan", "lobby", on(DAY, 13), on(DAY, 17, 30)),
        PlannedStint("gao-fei", "window", on(DAY, 8, 30), on(DAY, 12, 30), "C2"),
    )
    assert found.colleagues == (
        PlannedColleague("gao-fei", "wutong", ("cash", "pension"), ("teller", "lobby")),
    )
    assert (found.windows_least, found.lobby_least, found.stint_least_ms) == (2, 1, 30 * MINUTE_MS)


@pytest.mark.parametrize("day", [date(2026, 12, 20), date(2026, 12, 15)], ids=["closed", "not in the plan"])
def test_a_day_that_the_plan_has_nothing_for_is_none(day: date) -> None:
    assert planned_day(week(), "v1", BANK, BRANCH, day) is None


def test_the_days_doubt_is_what_the_band_holds_beyond_chance() -> None:
    spread = 1.2816 * (100 + 0.04 * 10_000) ** 0.5  # mean 100, and a day's factor of 20 %
    found = planned_day(
        week(expected=(100.0, 100.0), low=(100 - spread,) * 2, high=(100 + spread,) * 2),
        "v1",
        BANK,
        BRANCH,
        DAY,
    )
    assert found is not None
    assert found.day_cv == pytest.approx(0.2)
    chance = 1.2816 * 10
    found = planned_day(
        week(expected=(100.0, 100.0), low=(100 - chance,) * 2, high=(100 + chance,) * 2),
        "v1",
        BANK,
        BRANCH,
        DAY,
    )
    assert found is not None
    assert found.day_cv == pytest.approx(0, abs=1e-6)
    unknown = planned_day(week(), "v1", BANK, BRANCH, DAY)
    assert unknown is not None
    assert unknown.day_cv == DAY_CV_UNKNOWN

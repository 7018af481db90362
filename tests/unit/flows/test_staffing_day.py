"""Is a day's record what the day was?"""

from __future__ import annotations

import pytest

from openhall.flows.staffing_day import StaffingDay, staffing_day
from openhall.kernel.clock import MINUTE_MS
from tests.places import LANE
from tests.scenario.stage import Stage, play_text

pytestmark = pytest.mark.unit

DAY = """
branch quiet_branch
open_day
open_doors
plan zhao/window/09:00/10:00/C1 zhao/lobby/10:00/11:00 qian/lobby/09:00/10:00 qian/window/10:00/11:00/C1
open C1 zhao
issue T1
issue T2
issue T3
report sun absent
burst crowd
call C1              -> T1
at 09:30
calm
serve C1
at 09:45
call C1              -> T2
serve C1
at 10:15
hand_over C1 qian
call C1              -> T3
serve C1
at 10:30
issue T4
renege T4
issue T5
offer D1 T5 atm
accept D1 helper=qian
complete D1
close_doors
at 11:00
"""


def of(stage: Stage) -> StaffingDay | None:
    return staffing_day(LANE, stage.store.read(stream=LANE))


def test_a_day_that_goes_on_has_no_record_yet() -> None:
    assert of(play_text(DAY)) is None


def test_waits_windows_and_people_are_as_they_were() -> None:
    found = of(play_text(DAY + "end_day"))
    assert found is not None
    assert (found.joined_count, found.called_count) == (5, 3)
    # T1 0, T2 45, T3 75 min; T4 left at once; T5 was helped at the machine.
    assert found.late_or_left_count == 3, "two waited more than half an hour, one left"
    assert found.late_ms == (15 + 45) * MINUTE_MS
    assert found.wait_mean_ms == (45 + 75) * MINUTE_MS // 5
    assert found.wait_p90_ms == 75 * MINUTE_MS
    assert found.joined[0] == 3
    assert found.joined[6] == 2
    assert sum(found.joined) == 5
    assert found.windows_open[:9] == (1, 1, 1, 1, 1, 1, 1, 1, 0)
    assert found.windows_planned[:9] == (1, 1, 1, 1, 1, 1, 1, 1, 0)
    assert found.windows_needed[:2] == (2, 2)
    assert (found.planned_ms, found.kept_ms) == (120 * MINUTE_MS, 105 * MINUTE_MS), (
        "a quarter of an hour late"
    )
    assert found.trained_for_two == ("qian",)
    assert found.served_in_two == ("qian",), "at a window, and with a customer to the machine"
    assert (found.staff_count, found.absent_count, found.burst_ms) == (2, 1, 30 * MINUTE_MS)
    assert found.plan_version == "p1"


def test_a_day_without_a_plan_has_its_hours_as_intervals() -> None:
    found = of(play_text("branch quiet_branch\nopen_day\nopen_doors\nclose_doors\nend_day"))
    assert found is not None
    assert (found.plan_version, found.planned_ms, found.joined_count) == ("", 0, 0)
    assert len(found.joined) == len(found.windows_open) == 32
    assert (found.wait_mean_ms, found.wait_p90_ms, found.windows_needed) == (0, 0, ())


def test_moves_that_were_taken_are_counted_with_what_they_promised() -> None:
    found = of(
        play_text(
            """
branch quiet_branch
open_day
open_doors
open C1 zhao
issue T1
issue T2
advise late=120 open:C2:qian:90 offer:T2:atm:12
take a1 0
turn_down a1 1 customer_first
call C1
serve C1
call C2
serve C2
burst news
close_doors
wait 5m
end_day
"""
        )
    )
    assert found is not None
    assert (found.moves_taken_count, found.moves_declined_count) == (1, 1)
    assert found.moves_saved_ms == 90 * MINUTE_MS
    assert found.burst_ms == 5 * MINUTE_MS, "a burst that nobody ended, ended with the day"

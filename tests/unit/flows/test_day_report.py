"""Is a day's report what the day was?"""

from __future__ import annotations

import pytest

from openhall.flows.day_report import day_report
from openhall.kernel.clock import MINUTE_MS
from openhall.review.report import DayReport
from tests.places import LANE, at
from tests.scenario.stage import Stage, play_text

pytestmark = pytest.mark.unit

DAY = """
branch quiet_branch
open_day
at 09:05
open_doors
open C1 zhao
open C2 sun
issue T1 cash
issue T2 cash
at 09:06
issue G1 cash class=green basis=staff
issue T3 accounts
call C1              -> G1
start C1
at 09:15
finish C1
hold T2
call C1              -> T1
start C1
at 09:25
finish C1
resume T2
at 09:35
call C2              -> T2
start C2
at 09:40
finish C2
pause C2 break
renege T3
at 09:50
continue C2
issue T4 cash
offer D1 T4 atm
accept D1 helper=qian
complete D1
issue G2 cash class=green basis=staff
offer D2 G2 atm
accept D2 helper=qian
complete D2
issue T5 cash
close_doors
at 10:05
call C1              -> T5
recall C1
at 10:10
no_show C1
close C1
close C2
"""


def of(stage: Stage, now_ms: int = 0) -> DayReport:
    found = day_report(LANE, stage.store.read(stream=LANE), now_ms=now_ms)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def ended() -> DayReport:
    return of(play_text(DAY + "end_day"))


def test_a_day_that_was_never_opened_has_no_report() -> None:
    assert day_report(LANE, []) is None


def test_everybody_is_somewhere(ended: DayReport) -> None:
    everybody = ended.all
    assert (everybody.joined, everybody.called, everybody.served) == (7, 4, 3)
    assert (everybody.elsewhere, everybody.no_show, everybody.reneged) == (2, 1, 1)
    assert everybody.pending == everybody.unserved == 0
    assert sum(group.tally.joined for group in ended.classes) == 7
    assert sum(group.tally.joined for group in ended.services) == 7


def test_time_away_is_no_wait_and_is_told_beside_it(ended: DayReport) -> None:
    # G1 at once, T1 10 minutes, T2 30 of which 10 away, T5 15.
    assert ended.all.waits.total_ms == (0 + 10 + 20 + 15) * MINUTE_MS
    assert ended.all.waits_with_holds.total_ms == (0 + 10 + 30 + 15) * MINUTE_MS
    assert ended.all.waits.longest_ms == 20 * MINUTE_MS
    assert ended.all.waits.within(15) == 0.75


LATE = """
branch quiet_branch
open_day
open_doors
open C1 zhao
at 16:50
issue T1 cash
at 17:00
close_doors
at 17:30
call C1              -> T1
start C1
at 18:00
finish C1
close C1
end_day
"""


def test_who_stays_after_closing_opens_no_window_in_the_hours() -> None:
    """One of the windows for all of the eight hours, and another hour besides."""
    found = of(play_text(LATE))
    assert found.windows[0].open_ms == 9 * 60 * MINUTE_MS
    assert found.open_rate == pytest.approx(1 / len(found.windows))


def test_windows_are_measured_while_somebody_sits_there(ended: DayReport) -> None:
    windows = {window.counter: window for window in ended.windows}
    assert windows["C1"].open_ms == 65 * MINUTE_MS
    assert windows["C2"].paused_ms == 10 * MINUTE_MS
    assert windows["C3"].open_ms == 0
    assert windows["C3"].utilisation is None
    assert windows["C1"].served == 2
    assert 0 < (ended.utilisation or 0) < 1
    assert ended.windows_configured == 4


def test_the_elderly_are_in_no_share_of_diversion(ended: DayReport) -> None:
    diversion = ended.diversion
    assert diversion.arrivals == 5, "the two of the green channel are not counted"
    assert [(c.channel, c.offered, c.completed) for c in diversion.channels] == [("atm", 1, 1)]
    assert diversion.rate == 0.2
    assert (diversion.uncounted_offered, diversion.uncounted_completed) == (1, 1)


def test_the_head_start_kept_its_bound(ended: DayReport) -> None:
    green = ended.green
    assert green.broken == 0
    assert green.bound_ms == 20 * MINUTE_MS
    assert green.passed == 2, "T1 and T2 were passed by G1"
    assert green.ordinary_longest_ms == 20 * MINUTE_MS


def test_the_ends_of_the_day_are_as_they_were(ended: DayReport) -> None:
    assert ended.ends.late_opening_ms == 5 * MINUTE_MS
    assert ended.ends.doors_closed_ms == at(9, 50)
    assert ended.ends.in_line_at_closing == 1
    assert not ended.ends.is_forced
    assert [hour.joined for hour in ended.hours] == [7, 0]
    assert [hour.called for hour in ended.hours] == [3, 1]


def test_a_day_that_goes_on_is_measured_up_to_now() -> None:
    stage = play_text(DAY.split("at 09:15")[0])
    found = of(stage, at(9, 30))
    assert not found.is_ended
    assert found.as_of_ms == at(9, 30)
    assert found.all.pending == 4
    assert found.waiting_longest_ms == 25 * MINUTE_MS, "since five past nine"
    assert found.windows[0].open_ms == 25 * MINUTE_MS


def test_opinions_and_a_forced_end_are_told() -> None:
    stage = play_text(
        DAY.split("at 09:15")[0]
        + "feedback rating score=5\nfeedback rating score=1\nfeedback complaint\nforce_end power_cut"
    )
    found = of(stage)
    assert found.opinions.scores == (1, 0, 0, 0, 1)
    assert found.opinions.complaints == 1
    assert found.complaints_per_ten_thousand == 2_500
    assert found.ends.is_forced
    assert found.all.unserved == 4

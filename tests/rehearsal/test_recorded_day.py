"""A recorded surge through the real hall, against what was recorded."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from openhall.hall.model import ROOM
from openhall.kernel.clock import MINUTE_MS, ManualClock, local_ms
from openhall.kernel.event import StreamId
from openhall.log.book import Book
from openhall.log.memory import MemoryStore
from openhall.log.sqlite import SqliteStore
from openhall.rehearsal.driver import Limits, RehearsalStuck
from openhall.rehearsal.recorded import RecordedDay, RecordedParameters, read_warsaw, rehearse_recorded
from openhall.rehearsal.recorded.warsaw import TIMEZONE, RecordingMissing
from openhall.rehearsal.results import RehearsalResult, compare

WARSAW = Path(__file__).resolve().parents[3] / "shared" / "data" / "warsaw_hall"
BIELANY = {"office": "UD_Bielany", "queue": 158, "day": date(2019, 12, 30)}
WITHIN = 0.20

pytestmark = pytest.mark.skipif(
    not WARSAW.is_dir(), reason="the recorded days are not here: ../shared/data/warsaw_hall"
)


@pytest.fixture(scope="module")
def surge_day() -> RecordedDay:
    return read_warsaw(WARSAW, **BIELANY)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def surge(surge_day: RecordedDay) -> RehearsalResult:
    return rehearse_recorded(surge_day).result


def test_all_453_tickets_of_the_surge_are_served_and_nobody_is_pending(surge: RehearsalResult) -> None:
    assert (surge.issued, surge.served, surge.pending) == (453, 453, 0)
    assert surge.no_show + surge.reneged + surge.diverted + surge.lapsed == 0


def test_the_surge_lands_within_a_fifth_of_the_recorded_waits(surge: RehearsalResult) -> None:
    assert surge.recorded_wait_minutes_median == 145.0
    assert surge.recorded_wait_minutes_p90 == pytest.approx(195.4)
    assert surge.wait_minutes_median == pytest.approx(145.0, rel=WITHIN)
    assert surge.wait_minutes_p90 == pytest.approx(195.0, rel=WITHIN)


@pytest.mark.parametrize("window_minutes", [10, 20, 30, 45, 60])
def test_the_bars_do_not_hang_on_the_width_of_the_window(surge_day: RecordedDay, window_minutes: int) -> None:
    result = rehearse_recorded(surge_day, RecordedParameters(window_minutes=window_minutes)).result
    assert result.wait_minutes_median == pytest.approx(145.0, rel=WITHIN)
    assert result.wait_minutes_p90 == pytest.approx(195.0, rel=WITHIN)


def test_one_mean_for_the_whole_day_lands_at_about_half_the_recorded_wait(surge_day: RecordedDay) -> None:
    result = rehearse_recorded(surge_day, RecordedParameters(pace="day_mean")).result
    assert result.pending == 0
    assert result.wait_minutes_median == pytest.approx(145.0 / 2, rel=WITHIN)


def test_the_pace_of_other_days_is_slower_than_a_surge_and_still_serves_everybody(
    surge_day: RecordedDay, surge: RehearsalResult
) -> None:
    result = rehearse_recorded(surge_day, RecordedParameters(pace="other_days")).result
    assert (result.served, result.pending) == (453, 0)
    assert (result.wait_minutes_median or 0) > (surge.wait_minutes_median or 0)


def test_two_more_counters_from_nine_shorten_the_wait(surge_day: RecordedDay, surge: RehearsalResult) -> None:
    parameters = RecordedParameters(extra_counters=2, extra_from="09:00")
    more = rehearse_recorded(surge_day, parameters).result
    assert (more.served, more.pending) == (453, 0)
    rows = {row.measure: row for row in compare(surge, more).rows}
    assert (rows["wait_minutes_median"].difference or 0) < -30
    assert (rows["longest_queue"].difference or 0) < 0
    assert {"X1", "X2"} <= more.counters.keys()


def test_the_same_day_twice_is_the_same_result(surge_day: RecordedDay) -> None:
    first, second = (rehearse_recorded(surge_day, timer=lambda: 0.0).result for _ in range(2))
    assert first == second


def test_the_day_in_a_file_is_the_day_in_memory(surge_day: RecordedDay, tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path / "day.db")
    in_file = rehearse_recorded(surge_day, store=store, timer=lambda: 0.0).result
    assert in_file == rehearse_recorded(surge_day, timer=lambda: 0.0).result
    assert store.check_integrity() == []
    store.close()


def test_a_day_that_is_in_the_store_already_is_not_run_into(surge_day: RecordedDay) -> None:
    store = MemoryStore()
    rehearse_recorded(surge_day, store=store)
    with pytest.raises(ValueError, match="Expected a store without the day"):
        rehearse_recorded(surge_day, store=store)


def test_tickets_join_in_order_inside_the_interval_in_which_they_were_issued(surge_day: RecordedDay) -> None:
    joined = [ticket.joined_ms for ticket in surge_day.tickets]
    assert joined == sorted(joined)
    opens_ms = local_ms(surge_day.day, 8 * 60, ZoneInfo(TIMEZONE))
    first_interval = [at_ms for at_ms in joined if at_ms < opens_ms + 4 * MINUTE_MS]
    assert len(first_interval) == 21
    assert min(first_interval) > opens_ms


def test_progress_is_told_and_ends_at_one(surge_day: RecordedDay) -> None:
    told: list[float] = []
    rehearse_recorded(surge_day, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert 50 < len(told) <= 110


def test_a_day_that_cannot_end_within_its_limits_says_who_is_pending(surge_day: RecordedDay) -> None:
    with pytest.raises(RehearsalStuck, match=r"after 3 hours: A\d+ is serving at counter C1; "):
        rehearse_recorded(surge_day, limits=Limits(hours=3))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"office": "UD_Nowhere"}, "days with readings: none"),
        ({"queue": 999_999}, "days with readings: none"),
        ({"day": date(2020, 1, 6)}, "days with readings: 2019-12-30"),
    ],
)
def test_what_is_not_in_the_files_is_said(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(RecordingMissing, match=reason):
        read_warsaw(WARSAW, **(BIELANY | changes))  # type: ignore[arg-type]


def test_a_folder_without_the_files_is_said(tmp_path: Path) -> None:
    with pytest.raises(RecordingMissing, match=r"There is no snapshots\.parquet"):
        read_warsaw(tmp_path, **BIELANY)  # type: ignore[arg-type]


def test_a_quiet_day_of_the_same_queue_ends_too() -> None:
    quiet = read_warsaw(WARSAW, office="UD_Bielany", queue=158, day=date(2020, 1, 9))
    result = rehearse_recorded(quiet).result
    assert (result.issued, result.served, result.pending) == (129, 129, 0)


def test_every_event_of_the_day_is_in_the_log_and_replays(surge_day: RecordedDay) -> None:
    store = MemoryStore()
    rehearse_recorded(surge_day, store=store)
    state = Book(store, [ROOM], ManualClock(0)).committed(StreamId(surge_day.place, surge_day.day), ROOM.name)
    assert state.is_ended
    assert ROOM.check(state) == []

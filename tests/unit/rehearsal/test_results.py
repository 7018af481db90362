"""Results as JSON, as files and side by side; charts on machines with and without Chinese letters."""

from __future__ import annotations

from pathlib import Path

import msgspec
import polars as pl
import pytest

from openhall.kernel.clock import MINUTE_MS
from openhall.rehearsal import chart as chart_module
from openhall.rehearsal.chart import Chart, Line, cjk_font, draw
from openhall.rehearsal.recorded import RecordedParameters, rehearse_recorded
from openhall.rehearsal.recorded.day import RecordedDay, RecordedTicket, Spell
from openhall.rehearsal.results import Rehearsal, compare, draw_chart, load_result, store_result
from tests.unit.rehearsal.halls import NINE_MS, QUIET_DAY

PROMISED_KEYS = {
    "issued",
    "served",
    "no_show",
    "reneged",
    "diverted",
    "pending",
    "wait_minutes_mean",
    "wait_minutes_median",
    "wait_minutes_p90",
    "wait_minutes_max",
    "recorded_wait_minutes_median",
    "recorded_wait_minutes_p90",
    "seconds",
}
LINE = Line("a day", (NINE_MS, NINE_MS + MINUTE_MS), (0, 3), (1, 1))


def small_day() -> RecordedDay:
    tickets = tuple(
        RecordedTicket(
            str(n), NINE_MS + n * MINUTE_MS, "cash", service_ms=3 * MINUTE_MS, wait_minutes=2.0 * n
        )
        for n in range(10)
    )
    return msgspec.structs.replace(QUIET_DAY, tickets=tickets, spells=(Spell("C1", NINE_MS, None),))


@pytest.fixture(scope="module")
def rehearsal() -> Rehearsal:
    return rehearse_recorded(small_day())


def test_the_json_has_the_promised_keys(rehearsal: Rehearsal) -> None:
    fields = msgspec.json.decode(rehearsal.to_json())
    assert fields.keys() >= PROMISED_KEYS
    assert fields["recorded_wait_minutes_median"] == 9.0
    assert fields["wait_minutes_median"] == 9.0


def test_a_run_is_stored_in_a_folder_named_by_its_content(rehearsal: Rehearsal, tmp_path: Path) -> None:
    folder = store_result(tmp_path, rehearsal)
    assert folder.name.startswith("2026-03-02-random-")
    assert {path.name for path in folder.iterdir()} == {
        "result.json",
        "tickets.parquet",
        "tickets.csv",
        "queue.svg",
        "queue.png",
    }
    assert load_result(folder) == rehearsal.result
    assert pl.read_parquet(folder / "tickets.parquet").height == 10
    assert (folder / "queue.png").read_bytes().startswith(b"\x89PNG")


def test_the_same_run_again_is_the_same_folder_and_another_run_another(tmp_path: Path) -> None:
    again, other = (
        rehearse_recorded(small_day(), RecordedParameters(extra_counters=extra)) for extra in (0, 1)
    )
    folders = [store_result(tmp_path, run).name for run in (rehearse_recorded(small_day()), again, other)]
    assert folders[0] == folders[1] != folders[2]


def test_two_runs_stand_side_by_side(rehearsal: Rehearsal) -> None:
    more = rehearse_recorded(small_day(), RecordedParameters(extra_counters=1)).result
    comparison = compare(rehearsal.result, more, names=("as it was", "one more"))
    rows = {row.measure: row for row in comparison.rows}
    assert (comparison.first, comparison.second) == ("as it was", "one more")
    assert rows["issued"].difference == 0
    assert rows["wait_minutes_mean"].first == 9.0
    assert (rows["wait_minutes_mean"].difference or 0) < 0
    assert "share_over_10_minutes" in rows


def test_two_runs_are_overlaid_in_one_chart(rehearsal: Rehearsal, tmp_path: Path) -> None:
    draw_chart([rehearsal, rehearsal], tmp_path / "two.svg", names=("as it was", "one more"))
    text = (tmp_path / "two.svg").read_text()
    assert "as it was" in text
    assert "one more" in text
    assert "09:00" in text


@pytest.mark.parametrize(
    ("language", "words"), [("en", "people waiting"), ("zh", "等候人数"), ("both", "开放窗口")]
)
def test_a_chart_speaks_the_language_that_was_asked_for(language: str, words: str, tmp_path: Path) -> None:
    if language != "en" and cjk_font() is None:
        pytest.skip("this machine has no font with Chinese letters")
    draw([LINE], tmp_path / "a.svg", Chart(language=language))  # type: ignore[arg-type]
    assert words in (tmp_path / "a.svg").read_text()


def test_a_machine_without_chinese_letters_gets_english(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chart_module, "CJK_FONTS", ())
    draw([LINE], tmp_path / "a.svg", Chart(language="zh"))
    assert "people waiting" in (tmp_path / "a.svg").read_text()


def test_equal_charts_are_equal_files(tmp_path: Path) -> None:
    for name in ("a.svg", "b.svg"):
        draw([LINE], tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


@pytest.mark.parametrize(
    ("lines", "name", "reason"),
    [
        (0, "a.svg", "Expected 1 to 4 lines"),
        (5, "a.svg", "Expected 1 to 4 lines"),
        (1, "a.gif", "Expected a path that ends in"),
    ],
)
def test_a_chart_that_cannot_be_drawn_is_refused(lines: int, name: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=reason):
        draw([LINE] * lines, tmp_path / name)


@pytest.mark.parametrize(
    ("field", "value"), [("width_inches", 0), ("height_inches", 99), ("dots_per_inch", 5)]
)
def test_a_chart_out_of_range_is_refused(field: str, value: int) -> None:
    with pytest.raises(ValueError, match=f"Expected {field} between"):
        Chart(**{field: value})  # type: ignore[arg-type]

"""Can a manager read what the day came to, and take it along?"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import timedelta

import httpx
import polars as pl
import pytest
from playwright.sync_api import expect
from pypdf import PdfReader

from tests.browser.conftest import OpenScreen
from tests.browser.reported import LAST_DAY, MORNING_AFTER, serving_reported
from tests.browser.served import BRANCH, Served

REPORT = f"/b/{BRANCH}/report"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving_reported(tmp_path_factory.mktemp("reported") / "hall") as running:
        running.set_time(MORNING_AFTER, 8)
        yield running


def get(served: Served, path: str, account: str = "manager", language: str = "en") -> httpx.Response:
    headers = {"Authorization": f"Bearer {served.token(account)}", "Accept-Language": language}
    return httpx.get(served.url + path, headers=headers, timeout=30)


def test_a_manager_reads_the_last_day_beside_the_same_weekday(screen: OpenScreen) -> None:
    shown = screen("manager", REPORT, language="en")
    expect(shown.locator("h1")).to_have_text("Monday 23 November 2026")
    waiting = shown.locator("section", has_text="wait, longest").first
    expect(waiting.locator("thead th")).to_have_count(4)
    expect(
        waiting.locator("tbody tr", has_text="called within 30 minutes").locator("td").first
    ).to_contain_text("%")
    classes = shown.locator("section", has_text="By class").last
    expect(classes.locator(".report-earlier").first).to_contain_text("·")
    shown.get_by_role("link", name="The day before").click()
    expect(shown.locator("h1")).to_have_text("Sunday 22 November 2026")
    expect(shown.locator(".report-hours li").first).to_be_visible()


def test_head_office_reads_all_branches_and_goes_to_one(screen: OpenScreen) -> None:
    shown = screen("operations", "/head/report", language="zh")
    expect(shown.locator("tbody tr")).to_have_count(3)
    shown.locator("tbody a").first.click()
    expect(shown.locator("h1")).to_contain_text("2026年11月23日")


def test_the_table_the_columns_and_the_paper_say_the_same(served: Served) -> None:
    day = f"?day={LAST_DAY.isoformat()}"
    table = list(
        csv.DictReader(io.StringIO(get(served, f"{REPORT}/export/csv{day}").content.decode("utf-8-sig")))
    )
    columns = pl.read_parquet(io.BytesIO(get(served, f"{REPORT}/export/parquet{day}").content))
    assert len(table) == len(columns) > 100
    assert {row["before_day"] for row in table} == {(LAST_DAY - timedelta(days=1)).isoformat()}
    by_class = [row for row in table if row["group"] == "class" and row["indicator"] == "joined"]
    assert any(row["before_value"] not in {"", row["value"]} for row in by_class), "a class against yesterday"
    joined = next(row for row in table if (row["group"], row["indicator"]) == ("all", "joined"))
    assert columns.filter(pl.col("group") == "all", pl.col("indicator") == "joined")["value"].item() == float(
        joined["value"]
    )
    assert columns["day"].unique().to_list() == [LAST_DAY]
    for language, words in (("en", "customers"), ("zh", "客户")):
        paper = get(served, f"{REPORT}/export/pdf{day}", language=language)
        assert paper.headers["content-type"] == "application/pdf"
        text = "".join(sheet.extract_text() for sheet in PdfReader(io.BytesIO(paper.content)).pages)
        assert words in text
        assert f"{int(joined['value']):,}" in text
    everywhere = get(served, f"/head/report/export/csv{day}", "operations").content.decode("utf-8-sig")
    assert len({row["branch"] for row in csv.DictReader(io.StringIO(everywhere))}) == 3


def test_a_day_that_nobody_worked_is_an_empty_page_with_a_way_on(screen: OpenScreen) -> None:
    shown = screen("manager", f"{REPORT}?day=2026-01-01", language="en")
    expect(shown.get_by_text("There is no report of this day.")).to_be_visible()
    expect(shown.get_by_role("link", name="The day after")).to_be_visible()


def test_a_day_without_a_report_is_said_plainly(served: Served) -> None:
    missing = get(served, f"/api/branches/{BRANCH}/report?day=2020-01-01")
    assert (missing.status_code, missing.json()["code"]) == (404, "report_unknown")


def test_a_teller_reads_no_report(served: Served) -> None:
    assert get(served, REPORT, "teller").status_code == 403


def test_a_day_that_goes_on_is_told_so_far(served: Served, screen: OpenScreen) -> None:
    served.set_time(MORNING_AFTER, 9)
    served.open_day()
    served.do("IssueTicket", "lobby", service_id="cash")
    shown = screen("manager", REPORT, language="en")
    expect(shown.get_by_text("The day goes on")).to_be_visible()
    expect(shown.locator(".report-tiles b").first).to_have_text("1")

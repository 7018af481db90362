"""Can a manager answer a customer who asks what is kept? And does the content policy hold in a browser?"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser import days
from tests.browser.conftest import OpenScreen, Watch
from tests.browser.served import BRANCH, Served

LOBBY = f"/b/{BRANCH}/lobby"

PHONE = "555 0177 88"
MANAGER = "manager"


_days = (n for n in (days.NORMAL_DAY + timedelta(days=n) for n in range(140, 160)) if n.weekday() < 5)


@pytest.fixture
def day() -> date:
    """A business day that no other test has used."""
    return next(_days)


@pytest.fixture
def open_hall(served: Served, day: date) -> Served:
    """Nine o'clock, doors open, nobody waiting."""
    days.open_hall(served, day)
    return served


def test_a_customer_asks_what_is_kept_gets_it_and_has_it_erased(
    open_hall: Served, screen: OpenScreen, tmp_path: Path
) -> None:
    number = open_hall.issue("cash")["number"]
    lobby = screen("lobby", LOBBY)
    lobby.get_by_label(f"{number}号的更多操作").click()
    sheet = lobby.locator("#sheet")
    sheet.get_by_label("电话（客户自愿）").fill(PHONE)
    # Without the customer's agreement nothing is kept, and nothing that was typed is lost.
    sheet.get_by_role("button", name="保留位置30分钟").click()
    expect(lobby.get_by_text("须先向客户说明留存的用途")).to_be_visible()
    expect(sheet.get_by_label("电话（客户自愿）")).to_have_value(PHONE)
    sheet.get_by_label("已向客户宣读或出示，客户同意").check()
    sheet.get_by_role("button", name="保留位置30分钟").click()
    expect(sheet).to_be_hidden()

    page = screen(MANAGER, LOBBY.replace("/lobby", "/personal"), language="en")
    page.get_by_label("Telephone number or mail address").fill("+86 555-0177-88")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("button", name="Erase all 1 for good")).to_be_visible()
    assert "0177" not in page.url
    with page.expect_download() as taken:
        page.get_by_role("button", name="Take along as data").click()
    taken.value.save_as(tmp_path / "data.json")
    assert PHONE in (tmp_path / "data.json").read_text(encoding="utf-8")
    with page.expect_popup() as opened:
        page.get_by_role("button", name="Open to print").click()
    expect(opened.value.get_by_text(PHONE)).to_be_visible()
    expect(opened.value.get_by_text("You agreed to")).to_be_visible()
    opened.value.screenshot(path=tmp_path / "printed.png")
    page.screenshot(path=tmp_path / "found.png", full_page=True)
    page.get_by_role("button", name="Erase all 1 for good").click()
    expect(page.get_by_text("1 records are erased for good.")).to_be_visible()
    page.get_by_role("link", name="Who has seen what").click()
    expect(page.get_by_role("cell", name="erased", exact=True).first).to_be_visible()
    expect(page.get_by_role("cell", name="handed out").first).to_be_visible()


@pytest.mark.usefixtures("open_hall")
def test_the_browser_runs_nothing_that_is_not_a_file_of_ours(screen: OpenScreen, watch: Watch) -> None:
    watch.allow("Content Security Policy")
    page = screen("lobby", LOBBY)
    refused: list[dict[str, Any]] = page.evaluate(
        """() => new Promise((done) => {
            const refused = [];
            document.addEventListener("securitypolicyviolation", (event) => {
                refused.push({ directive: event.effectiveDirective, blocked: event.blockedURI });
                if (refused.length === 3) done(refused);
            });
            const script = document.createElement("script");
            script.textContent = "window.ran = true";
            document.body.append(script);
            const other = document.createElement("img");
            other.src = "https://evil.example/pixel.png";
            document.body.append(other);
            const styled = document.createElement("style");
            styled.textContent = "body { display: none }";
            document.body.append(styled);
        })"""
    )
    assert {each["directive"] for each in refused} == {"script-src-elem", "img-src", "style-src-elem"}
    assert page.evaluate("() => window.ran") is None

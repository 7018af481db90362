"""Appointments, windows that call by themselves and rings, by hand on the screens of those who use them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.browser import days
from tests.browser.conftest import OpenScreen
from tests.browser.customers import NARROW_TARGETS, SMALL_TEXT, TARGET_PX_AT_LEAST, axe
from tests.browser.served import BRANCH, Served, serving
from tests.browser.test_screens import TEXT_PX_AT_LEAST

DAY = days.NORMAL_DAY
TOMORROW = DAY + timedelta(days=1)


pytestmark = pytest.mark.usefixtures("served")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The sample bank, with windows that call by themselves: nine o'clock, two windows staffed."""
    folder = tmp_path_factory.mktemp("bank") / "hall"
    with serving(folder, {"is_on = false\nafter_seconds": "is_on = true\nafter_seconds"}) as running:
        days.open_hall(running, DAY)
        for counter in ("C2", "C4"):
            running.do("OpenCounter", counter_id=counter, person_id=days.TELLERS[counter])
        yield running


def book_by_phone(page: Page, day_words: str, *names: str) -> str:
    """From branch to code, tapping; the appointment's own address."""
    for name in names:
        page.get_by_role("link", name=re.compile(name)).click()
    page.get_by_role("link", name=re.compile(day_words)).click()
    page.locator(".book-times a").first.click()
    page.locator("form[data-id=send] button.primary").click()
    expect(page.locator(".book-code")).to_have_text(re.compile(r"^\d{4}-\d{5}$"))
    return page.url


def test_a_customer_books_by_phone_and_the_lobby_checks_them_in_by_the_code(screen: OpenScreen) -> None:
    phone = screen("kiosk", "/book", size="guard")
    own = book_by_phone(phone, f"{DAY.month}月{DAY.day}日", "梧桐路支行", "现金业务")
    code = phone.locator(".book-code").inner_text()
    lobby = screen("lobby", f"/b/{BRANCH}/appointments")
    expect(lobby.get_by_text(code)).to_be_visible()
    lobby.get_by_label("预约码").fill(code)
    lobby.get_by_label("预约码").press("Enter")
    expect(lobby.locator(".appointment-checked_in")).to_contain_text(re.compile(r"A\d{3}"))
    phone.goto(own)
    expect(phone.locator(".phone-say")).to_contain_text("您已签到")
    phone.get_by_role("link", name="看我的号码").click()
    expect(phone.locator(".phone-number")).to_have_text(re.compile(r"A\d{3}"))


def test_staff_book_move_and_cancel_on_the_page(screen: OpenScreen) -> None:
    page = screen("teller", f"/b/{BRANCH}/appointments?day={TOMORROW}", language="en")
    page.get_by_role("button", name="Book", exact=True).click()
    code = page.locator("[data-booked-code]")
    expect(code).to_have_text(re.compile(rf"^{TOMORROW:%m%d}-\d{{5}}$"))
    first = code.inner_text()
    page.get_by_role("button", name="Done").click()
    row = page.locator("li.appointment-booked", has_text=first)
    row.get_by_text("Change").click()
    row.get_by_role("button", name="Move").click()
    expect(code).not_to_have_text(first)
    second = code.inner_text()
    page.get_by_role("button", name="Done").click()
    expect(page.locator("li.appointment-booked", has_text=first)).to_have_count(0)
    row = page.locator("li.appointment-booked", has_text=second)
    row.get_by_text("Change").click()
    row.get_by_role("button", name="Cancel the appointment").click()
    page.get_by_role("button", name="Yes").click()
    expect(row).to_have_count(0)


def test_a_window_counts_down_calls_by_itself_and_waits_when_the_teller_says_so(
    served: Served, screen: OpenScreen
) -> None:
    for counter in ("C2", "C4"):
        served.do("DelayAutoCall", counter_id=counter, seconds=3_600)
    for left_over in served.read("/tickets"):
        served.do("MarkReneged", ticket_id=left_over["id"])
    served.do("OpenCounter", counter_id="C3", person_id=days.TELLERS["C3"])
    teller = screen("teller", f"/b/{BRANCH}/counter?counter=C3", language="en")
    teller.keyboard.press("x")
    expect(teller.locator("[data-id=delayed]")).to_contain_text("one moment")
    number = served.issue("cash", handling=["written"])["number"]
    served.pass_minutes(0.5)
    expect(teller.locator("[data-id=delayed]")).to_be_visible()
    teller.keyboard.press("y")
    expect(teller.locator(".ticket-number")).to_have_text(number)
    expect(teller.locator("[data-id=grace]")).to_contain_text("the number stands large on the screen")
    counters = served.read("/hall")["counters"]
    assert [k["id"] for k in counters if k["ticket_number"] == number] == ["C3"]


def test_a_ring_is_seen_taken_by_name_and_done_and_an_unanswered_one_reaches_the_manager(
    served: Served, screen: OpenScreen
) -> None:
    lobby, guard = screen("lobby", f"/b/{BRANCH}/lobby"), screen("guard", f"/b/{BRANCH}/guard")
    lobby.evaluate("document.addEventListener('colleague-rung', () => (document.body.dataset.rang = 'yes'))")
    manager = screen("manager", f"/b/{BRANCH}/branch")
    served.do("RingForColleague", "kiosk", place="kiosk", reason="cannot_read")
    expect(guard.locator(".rings")).to_contain_text("看不清")
    expect(lobby.locator("body")).to_have_attribute("data-rang", "yes")
    lobby.get_by_role("button", name="我过去").click()
    expect(guard.locator(".rings")).to_contain_text("钱立新")
    expect(manager.locator(".rings")).to_have_count(0)
    lobby.locator(".rings").get_by_role("button", name="完成").click()
    expect(guard.locator(".rings")).to_have_count(0)
    served.do("RingForColleague", "kiosk", place="kiosk")
    served.pass_minutes(1.6)
    expect(manager.locator(".rings")).to_contain_text("还没有人去")


@pytest.mark.parametrize(("language", "scheme"), [("zh", "light"), ("en", "dark")])
def test_every_page_is_open_to_everybody_and_large_enough_for_customers(
    served: Served, screen: OpenScreen, language: str, scheme: str
) -> None:
    phone = screen("kiosk", "/book", language=language, scheme=scheme, size="guard")
    found = []
    at = f"/book/{BRANCH}"
    slots = served.read(f"/appointments?day={TOMORROW}", "lobby")["slots"]
    at_ms = next(s["at_ms"] for s in slots if s["free"] and s["service_id"] == "accounts")
    paths = ["/book", at, f"{at}?service=accounts", f"{at}?service=accounts&day={TOMORROW}"]
    paths.append(f"{paths[-1]}&at={at_ms}")
    for path in (*paths, "/a/nothing"):
        phone.goto(served.url + path)
        found += [f"{path}: {each}" for each in axe(phone)]
        found += [f"{path}: small {t}" for t in phone.evaluate(SMALL_TEXT, TEXT_PX_AT_LEAST)]
        found += [f"{path}: narrow {t}" for t in phone.evaluate(NARROW_TARGETS, TARGET_PX_AT_LEAST)]
    phone.goto(served.url + paths[-1])
    phone.locator("form[data-id=send] button.primary").click()
    own = phone.url
    for path in (own, f"{own}?do=move", f"{own}?do=cancel", f"{own}?elder=40"):
        phone.goto(path)
        found += [f"{path}: {each}" for each in axe(phone)]
        width = phone.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        found += [f"{path}: {width} px too wide"] if width > 0 else []
    staff = screen("lobby", f"/b/{BRANCH}/appointments?day={TOMORROW}", language=language, scheme=scheme)
    found += [f"staff: {each}" for each in axe(staff)]
    assert found == []

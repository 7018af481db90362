"""What the simulator says, on the screens: waits, a page of one's own, room that is used up, advice."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from openhall.hall.model.commands import GiveAdvice, ReviewAdvice
from tests.browser import days
from tests.browser.conftest import OpenScreen, Watch
from tests.browser.customers import AXE, AXE_RULES, NARROW_TARGETS, SMALL_TEXT
from tests.browser.served import BRANCH, Served
from tests.browser.test_screens import TARGET_PX_AT_LEAST, TEXT_PX_AT_LEAST

KIOSK, LOBBY, DISPLAY, BRANCH_VIEW = (
    f"/b/{BRANCH}/{name}" for name in ("kiosk", "lobby", "display", "branch")
)
PHONE = {"width": 390, "height": 844}
_days = iter(
    unused
    for n in range(60, 95)
    if (unused := days.NORMAL_DAY - timedelta(days=90) + timedelta(days=n)).weekday() < 5
    and unused.day not in {15, 16}
)


@pytest.fixture
def day() -> date:
    """A business day that no other test has used."""
    return next(_days)


@pytest.fixture
def open_hall(served: Served, day: date) -> Served:
    """Nine o'clock: doors open, windows 2 and 3 staffed, four people waiting for cash."""
    days.open_hall(served, day)
    for counter in ("C2", "C3"):
        served.do("OpenCounter", counter_id=counter, person_id=days.TELLERS[counter])
    for _ in range(4):
        served.issue("cash", need="withdraw_cash")
    return served


def advise(served: Served) -> None:
    """Window 7 with Gao Fei or, nearly as good, with Han Xue; the machine for the third in line."""
    served.twin_tells(minutes=(8, 14, 22))
    moves = (
        days.move("open", 120, 90, 160, counter_id="C7", person_id="gao-fei"),
        days.move("open", 95, 60, 130, counter_id="C7", person_id="han-xue"),
        days.move("offer", 6, 2, 9, ticket_id="t3", channel="atm"),
    )
    served.twin_says(GiveAdvice(60, days.minutes(340), moves))


def own_page(browser: Browser, served: Served, watch: Watch, lobby: Page, number: str, language: str) -> Page:
    """The page behind the code on a ticket's sheet, on a phone that never signed in."""
    lobby.locator(f'.line [data-sheet$="/{number}"]').click()
    address = lobby.locator(".sheet-code a").get_attribute("href")
    assert address is not None
    assert address.startswith(served.url + "/t/")
    lobby.keyboard.press("Escape")
    page = browser.new_page(
        viewport={"width": 390, "height": 844}, locale="zh-CN" if language == "zh" else "en-GB"
    )
    page.on("console", watch.console)
    page.on("pageerror", lambda error: watch.note(f"page error: {error}"))
    page.goto(address)
    return page


def large_enough(page: Page) -> None:
    assert page.evaluate(SMALL_TEXT, TEXT_PX_AT_LEAST) == []
    assert page.evaluate(NARROW_TARGETS, TARGET_PX_AT_LEAST) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def axe(page: Page) -> list[Any]:
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found: dict[str, Any] = page.evaluate("(rules) => axe.run(document, rules)", AXE_RULES)
    return [(v["id"], [n["target"] for n in v["nodes"]]) for v in found["violations"]]


# --- D5 -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "worth", "open_"),
    [("zh", "约减少120个超时分钟", "开启"), ("en", "saves about 120 late minutes", "Open")],
)
def test_one_tap_on_advice_opens_the_window(
    open_hall: Served, screen: OpenScreen, language: str, worth: str, open_: str
) -> None:
    lobby = screen("lobby", LOBBY, language=language)
    expect(lobby.locator('[data-id="silent"]')).to_be_visible()
    advise(open_hall)
    row = lobby.locator('[data-id="help open C7"]')
    # An event that falls between drawing a screen and hearing the stream is seen with the next redraw.
    expect(row).to_contain_text(worth, timeout=20_000)
    assert open_hall.read("/hall")["counters"][6]["status"] == "closed", "it never acts by itself"
    row.get_by_role("button", name=open_, exact=True).first.click()
    expect(row).to_be_hidden()
    window = open_hall.read("/hall")["counters"][6]
    assert (window["status"], window["person_id"]) == ("idle", "gao-fei")
    lobby.locator('[data-id="decisions"] summary').click()
    expect(lobby.locator('[data-id="a1 0"]')).to_contain_text("高飞 Gao Fei")


def test_somebody_else_can_be_chosen_for_the_window(open_hall: Served, screen: OpenScreen) -> None:
    advise(open_hall)
    manager = screen("manager", BRANCH_VIEW, language="en")
    row = manager.locator('[data-id="help open C7"]')
    row.get_by_text("Somebody else").click()
    expect(row.get_by_label("Who sits at window 7?")).to_contain_text("saves about 95 late minutes")
    row.locator("form").first.get_by_role("button", name="Open").click()
    expect(row).to_be_hidden()
    assert open_hall.read("/hall")["counters"][6]["person_id"] == "han-xue"


def test_advice_is_left_with_a_reason_and_stands_beside_what_came_of_it(
    open_hall: Served, screen: OpenScreen
) -> None:
    advise(open_hall)
    lobby = screen("lobby", LOBBY, language="en")
    row = lobby.locator('[data-id="help offer t3"]')
    row.get_by_text("Not now").click()
    row.get_by_label("Because").select_option("customer_first")
    row.get_by_role("button", name="Leave it").click()
    expect(row).to_be_hidden()
    window = lobby.locator('[data-id="help open C7"]')
    window.get_by_text("Not now").click()
    window.get_by_label("Because").select_option("not_needed")
    window.get_by_role("button", name="Leave it").click()
    expect(lobby.locator('[data-id="quiet"]')).to_have_text("Nothing would help much just now.")
    assert open_hall.read("/hall")["counters"][6]["status"] == "closed"
    open_hall.pass_minutes(61)
    open_hall.twin_says(ReviewAdvice("a1"))
    lobby.locator('[data-id="decisions"] summary').click()
    came = lobby.locator('[data-id="a1 2"]')
    expect(came).to_contain_text("not taken: the customer would not like it")
    expect(came).to_contain_text(re.compile(r"340 expected without, 340 with what was taken, \d+ seen"))


def test_who_may_not_decide_sees_the_advice_without_a_button(open_hall: Served, screen: OpenScreen) -> None:
    advise(open_hall)
    teller = screen("teller", BRANCH_VIEW, language="en")
    expect(teller.locator('[data-id="help open C7"]')).to_contain_text("Open window 7 with")
    expect(teller.locator('[data-id="advice"] button')).to_have_count(0)


# --- C16 ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_customer_s_own_page_follows_the_ticket_from_waiting_to_called(
    open_hall: Served, screen: OpenScreen, browser: Browser, watch: Watch, language: str
) -> None:
    open_hall.twin_tells(minutes=(18, 27, 36), each=0)
    lobby = screen("lobby", LOBBY, language=language)
    phone = own_page(browser, open_hall, watch, lobby, "A001", language)
    expect(phone.locator(".phone-facts")).to_contain_text(
        "20到35分钟" if language == "zh" else "20 to 35 minutes"
    )
    large_enough(phone)
    assert axe(phone) == []
    assert open_hall.call_next("C2") == "A001"
    call = phone.locator(".phone-now [data-call]")
    expect(call).to_have_text(
        "请现在到2号窗口。" if language == "zh" else "Please come to window 2 now.", timeout=15_000
    )
    expect(phone).to_have_title(call.inner_text())
    large_enough(phone)
    assert axe(phone) == []
    phone.get_by_role("link", name=re.compile("English|中文")).click()
    expect(call).to_have_text("请现在到2号窗口。" if language == "en" else "Please come to window 2 now.")
    phone.close()


@pytest.mark.usefixtures("open_hall")
def test_the_kiosk_shows_the_code_of_the_number_just_taken(screen: OpenScreen) -> None:
    kiosk = screen("kiosk", KIOSK, language="en")
    for role, name in (("link", "Cash"), ("link", "Withdraw cash"), ("button", "Take a number")):
        kiosk.get_by_role(role, name=name).first.click()  # type: ignore[arg-type]
    expect(kiosk.locator(".kiosk-code svg")).to_be_visible()
    box = kiosk.locator(".kiosk-code svg").bounding_box()
    assert box is not None
    assert box["width"] >= 200, "read by an old phone from arm's length"
    large_enough(kiosk)


def test_above_the_bank_s_limit_every_screen_says_more_than(
    open_hall: Served, screen: OpenScreen, browser: Browser, watch: Watch
) -> None:
    open_hall.twin_tells(minutes=(130, 160, 200))
    kiosk = screen("kiosk", f"{KIOSK}?ticket=t4", language="en")
    expect(kiosk.locator(".facts")).to_contain_text("more than 120 minutes")
    expect(kiosk.locator(".facts")).not_to_contain_text("probably")
    expect(screen("display", DISPLAY).locator(".tv-minutes").first).to_have_text("> 120")
    lobby = screen("lobby", LOBBY, language="en")
    expect(lobby.locator('[data-id="joining cash"]')).to_contain_text("> 120")
    expect(lobby.locator('[data-id="line"] li').first).to_contain_text("> 120 more")
    phone = own_page(browser, open_hall, watch, lobby, "A004", "en")
    expect(phone.locator(".phone-facts")).to_contain_text("more than 120 minutes")
    phone.close()


def test_an_old_answer_says_how_old_it_is(open_hall: Served, screen: OpenScreen) -> None:
    open_hall.twin_tells(minutes=(20, 30, 40))
    open_hall.pass_minutes(2)
    kiosk = screen("kiosk", f"{KIOSK}?ticket=t4", language="en")
    expect(kiosk.locator(".facts")).to_contain_text("as of 2 min ago")
    display = screen("display", DISPLAY)
    expect(display.locator(".tv-rule").first).to_contain_text("2分钟前的估计")
    assert display.evaluate("document.documentElement.scrollHeight <= innerHeight")
    open_hall.pass_minutes(4)
    kiosk.reload()
    expect(kiosk.locator(".facts")).not_to_contain_text("ago")


def test_the_branch_sees_how_true_the_waits_were(open_hall: Served, screen: OpenScreen) -> None:
    for _ in range(2):
        open_hall.call_next("C2")
        open_hall.do("StartService", counter_id="C2")
        open_hall.pass_minutes(5)
        open_hall.do("FinishService", counter_id="C2")
    open_hall.pass_minutes(60)
    manager = screen("manager", BRANCH_VIEW, language="en")
    row = manager.locator('[data-id="accuracy"] tbody tr').first
    expect(row).to_contain_text("of 10")
    accuracy = open_hall.read("/waits/accuracy")
    assert accuracy["whole"]["told_count"] >= 2
    assert [s["source"] for s in accuracy["sources"]] == ["typical"]


# --- C10 ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["zh", "en"])
def test_when_the_room_is_used_up_the_machine_offers_other_ways_and_a_person(
    open_hall: Served, screen: OpenScreen, language: str
) -> None:
    open_hall.twin_tells(room=(0, 0))
    kiosk = screen("kiosk", KIOSK, language=language)
    expect(kiosk.locator(".note")).to_be_visible()
    kiosk.goto(f"{open_hall.url}{KIOSK}?need=withdraw_cash")
    full = kiosk.locator('[data-step="full"]')
    expect(full).to_contain_text("自助机" if language == "zh" else "machine here in the hall")
    expect(full).to_contain_text("星期" if language == "zh" else "Here again on")
    expect(kiosk.locator("[data-command=IssueTicket]")).to_have_count(0)
    large_enough(kiosk)
    assert axe(kiosk) == []
    full.get_by_role("link").first.click()
    expect(kiosk.locator('[data-step="person"]')).to_contain_text(
        "工作人员仍可以为您发号" if language == "zh" else "a colleague can still give you one"
    )


def test_a_refusal_at_the_machine_leads_to_what_is_possible(
    open_hall: Served, screen: OpenScreen, watch: Watch
) -> None:
    watch.allow("htmx")
    watch.allow("net::ERR_FAILED")
    open_hall.twin_tells(room=(0, 1))
    kiosk = screen("kiosk", f"{KIOSK}?need=withdraw_cash", language="en")
    expect(kiosk.locator("main")).to_contain_text("after we close at 17:00. You are served all the same.")
    take = kiosk.locator('[data-id="take"]')
    expect(take).to_be_visible()
    # Before the tap somebody else takes the last place, and the screen has not heard of it.
    kiosk.route("**/kiosk/live**", lambda route: route.abort())
    open_hall.issue("cash")
    take.click()
    expect(kiosk.locator('[data-step="full"]')).to_be_visible()
    kiosk.get_by_role("button", name="I choose another way today").click()
    expect(kiosk.locator('[data-step="service"]')).to_be_visible()
    assert open_hall.read("/hall")["baulk_count"] == 1


@pytest.mark.parametrize(("language", "give"), [("zh", "发号"), ("en", "Give a number")])
def test_staff_give_a_number_all_the_same_with_a_reason(
    open_hall: Served, screen: OpenScreen, language: str, give: str
) -> None:
    lobby = screen("lobby", LOBBY, language=language)
    open_hall.twin_tells(room=(0, 0))
    expect(lobby.locator('[data-id="room"]')).to_contain_text(
        "今日已无余量" if language == "zh" else "No room left"
    )
    form = lobby.locator("[data-triage]")
    reason = form.locator("[name=override_reason]")
    expect(reason).to_be_hidden()
    form.locator("[name=need]").select_option("withdraw_cash")
    form.get_by_role("button", name=give).click()
    expect(lobby.locator(".toast-problem")).to_be_visible()
    reason.select_option("came_from_afar")
    form.get_by_role("button", name=give).click()
    expect(lobby.locator("[data-result-number]")).to_have_text("A005")
    said = [e["event"] for e in open_hall.read("/events?limit=1000")]
    issued = [e for e in said if e["type"] == "TicketIssued" and e["number"] == "A005"]
    assert issued[-1]["override_reason"] == "came_from_afar"
    today = said[max(n for n, e in enumerate(said) if e["type"] == "DayOpened") :]
    assert sum(e["type"] == "Triaged" for e in today) == 1, "one customer is asked once"

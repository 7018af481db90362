"""Customers' own screens: what they say and do, without a mouse, without scripts, on a bad line."""

from __future__ import annotations

import gzip
import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser import customers, days
from tests.browser.conftest import OpenScreen, Watch
from tests.browser.served import BRANCH, Served

KIOSK, LOBBY = f"/b/{BRANCH}/kiosk", f"/b/{BRANCH}/lobby"
FIRST_LOAD_BYTES_AT_MOST = 60_000
"""Of a number's page with its styles and scripts, as they go over the line."""
PACKED_FROM_BYTES = 500
TEXT_PX_AT_LEAST = 24


@pytest.fixture(scope="module")
def hall(served: Served) -> Served:
    """The doors are open, window 2 is staffed, and twelve people wait."""
    days.open_hall(served, days.NORMAL_DAY)
    served.do("OpenCounter", counter_id="C2", person_id="xu-jing")
    for _ in range(12):
        served.issue("cash", need="withdraw_cash")
    return served


def last(served: Served) -> str:
    """A new number at the end of the line."""
    return str(served.issue("cash")["number"])


def served_at_two(served: Served, number: str) -> None:
    """Call one number out of order and serve it."""
    served.do("CallTicket", counter_id="C2", ticket_id=served.ticket(number)["id"], reason="asked")
    served.do("StartService", counter_id="C2")
    served.do("FinishService", counter_id="C2")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_before_the_day_the_machine_says_so_and_where_help_is(
    served: Served, screen: OpenScreen, language: str
) -> None:
    kiosk = screen("kiosk", KIOSK, language=language)
    said = {"zh": "现在还不能取号", "en": "Numbers cannot be taken yet"}[language]
    expect(kiosk.locator('[data-id="rest"]')).to_contain_text(said)
    expect(kiosk.locator(".kiosk-person")).to_be_visible()
    assert customers.axe(kiosk) == []
    assert served.call("GET", "/hall").json()["code"] == "day_not_open", "as it was before any hall opened"


# --- what can be done on the phone --------------------------------------------------------------------

WORDS = {
    "zh": ("我出去一会儿", "是的，我现在出去", "您的联系人|您在厅堂的联系人", "我回来了", "前面还有"),
    "en": ("I step out for a while", "Yes, I step out now", "Your contact", "I am back", "People ahead"),
}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_stepping_out_and_coming_back_agrees_with_what_staff_see(
    hall: Served, browser: Any, watch: Watch, screen: OpenScreen, language: str
) -> None:
    out, yes, contact, back, ahead = WORDS[language]
    number = last(hall)
    lobby = screen("lobby", LOBBY, language=language)
    with customers.phone(browser, hall, watch, customers.address(hall, number), language=language) as page:
        page.get_by_role("link", name=out).click()
        expect(page.locator("main")).to_contain_text(re.compile(contact))
        expect(page.locator("main")).to_contain_text("30")
        assert customers.axe(page) == []
        page.get_by_role("button", name=yes).click()
        expect(page.get_by_role("button", name=back)).to_be_visible()
        assert hall.ticket(number)["status"] == "held"
        expect(lobby.locator('[data-id="held"]')).to_contain_text(number)
        assert customers.axe(page) == []
        page.get_by_role("button", name=back).click()
        expect(page.locator("main")).to_contain_text(ahead)
        assert hall.ticket(number)["status"] == "waiting"
        expect(lobby.locator('[data-id="held"]')).to_be_hidden()


def test_a_number_is_given_up_only_after_a_question(hall: Served, browser: Any, watch: Watch) -> None:
    number = last(hall)
    with customers.phone(browser, hall, watch, customers.address(hall, number), language="en") as page:
        page.get_by_role("link", name="I need it no more").click()
        page.get_by_role("link", name="No, I keep it").click()
        assert hall.ticket(number)["status"] == "waiting"
        page.get_by_role("link", name="I need it no more").click()
        page.get_by_role("button", name="Yes, I need it no more").click()
        expect(page.locator("main")).to_contain_text("you can come back into the line")
        assert hall.ticket(number)["status"] == "reneged"


def test_a_person_is_a_tap_away(hall: Served, browser: Any, watch: Watch, screen: OpenScreen) -> None:
    number = last(hall)
    with customers.phone(browser, hall, watch, customers.address(hall, number), language="en") as page:
        page.get_by_role("button", name="Please send a colleague to me").click()
        expect(page.locator('[data-id="rung"]')).to_have_text("A colleague has been asked to come to you.")
        expect(page.get_by_role("button", name="Please send a colleague to me")).to_be_hidden()
    kiosk = screen("kiosk", f"{KIOSK}?person=1", language="en")
    kiosk.get_by_role("button", name="Ask a colleague to come").click()
    expect(kiosk.locator('[data-id="rung"]')).to_contain_text("A colleague has been asked to come to you.")
    assert customers.axe(kiosk) == []


@pytest.mark.parametrize("language", ["zh", "en"])
def test_after_the_service_they_say_how_it_was_once(
    hall: Served, browser: Any, watch: Watch, language: str
) -> None:
    number = last(hall)
    path = customers.address(hall, number)
    served_at_two(hall, number)
    with customers.phone(browser, hall, watch, path, language=language) as page:
        page.get_by_label("4", exact=True).check()
        page.locator("summary").click()
        page.locator("textarea").fill("Patient and clear")
        assert customers.axe(page) == []
        assert page.evaluate(customers.NARROW_TARGETS, customers.TARGET_PX_AT_LEAST) == []
        page.locator("form[data-press=feedback] button").click()
        expect(page.locator('[data-id="rated"]')).to_be_visible()
        expect(page.locator("textarea")).to_have_count(0)


def test_who_was_called_sees_the_window_hears_and_is_not_moved_about(
    hall: Served, browser: Any, watch: Watch
) -> None:
    number = last(hall)
    with customers.phone(
        browser, hall, watch, customers.address(hall, number), language="en", permissions=["notifications"]
    ) as page:
        page.evaluate(WATCH_SHIFTS)
        page.get_by_role("button", name="Ring this phone").click()
        expect(page.get_by_role("button", name="Do not ring any more")).to_be_visible()
        before = page.evaluate(PLACE, ".phone-number")
        hall.do("CallTicket", counter_id="C2", ticket_id=hall.ticket(number)["id"], reason="asked")
        page.evaluate("window.openhall.refreshSoon(0)")
        expect(page.locator(".phone-window")).to_have_text("2")
        expect(page).to_have_title("Please come to window 2 now.")
        size = page.locator(".phone-window").evaluate("(e) => parseFloat(getComputedStyle(e).fontSize)")
        assert size >= 100, "read at arm's length"
        assert page.evaluate("navigator.vibrated.length") >= 2, "upon the press, and upon the call"
        for _ in range(3):
            page.evaluate("window.openhall.refreshSoon(0)")
            page.wait_for_timeout(300)
        assert page.evaluate(PLACE, ".phone-number") == before
        assert page.evaluate("scrollY") == 0, "the window is in sight"
        assert page.evaluate("window.shifted") == [], "no part of the number moved"
        assert customers.axe(page) == []
        assert page.evaluate(customers.SMALL_TEXT, TEXT_PX_AT_LEAST) == []
    hall.do("MarkReneged", "lobby", ticket_id=hall.ticket(number)["id"])


PLACE = """(selector) => {
  const box = document.querySelector(selector).getBoundingClientRect();
  return [box.left + scrollX, box.top + scrollY, box.width, box.height];
}"""
WATCH_SHIFTS = """() => {
  navigator.vibrated = [];
  navigator.vibrate = (pattern) => navigator.vibrated.push(pattern);
  window.shifted = [];
  new PerformanceObserver((list) => {
    for (const { node } of list.getEntries().flatMap((entry) => entry.sources ?? [])) {
      const element = node?.nodeType === 1 ? node : node?.parentElement;
      if (element?.matches('[class$="-number"]')) window.shifted.push(element.textContent);
    }
  }).observe({ type: 'layout-shift', buffered: true });
}"""


def test_it_rings_when_so_many_are_ahead_and_not_twice(hall: Served, browser: Any, watch: Watch) -> None:
    number = last(hall)
    ahead = hall.ticket(number)["wait"]["people_ahead"]
    with customers.phone(browser, hall, watch, customers.address(hall, number), language="en") as page:
        page.evaluate(WATCH_SHIFTS)
        page.locator("[data-ring-at]").select_option("10")
        page.locator("[data-ring]").click()
        assert ahead > 10
        while ahead > 10:
            first = hall.read("/tickets")[0]
            hall.do("MarkReneged", "lobby", ticket_id=first["id"])
            ahead = hall.ticket(number)["wait"]["people_ahead"]
        page.evaluate("window.openhall.refreshSoon(0)")
        expect(page.locator("[data-ring-said]")).to_have_text("Soon your turn: 10 ahead of you")
        rung = page.evaluate("navigator.vibrated.length")
        page.evaluate("window.openhall.refreshSoon(0)")
        page.wait_for_timeout(400)
        assert page.evaluate("navigator.vibrated.length") == rung


# --- without a mouse, without scripts, on a bad line ----------------------------------------------------


def by_keys(page: Page, name: str) -> None:
    """Go to a control with the Tab key alone, and press Enter."""
    for _ in range(60):
        page.keyboard.press("Tab")
        text = page.evaluate("document.activeElement.textContent")
        if name in text:
            ring = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert ring != "none", f"{name} shows that it has the focus"
            page.keyboard.press("Enter")
            return
    raise AssertionError(f"no way to {name} by keys")


def test_the_machine_is_worked_by_keys_alone(hall: Served, screen: OpenScreen) -> None:
    kiosk = screen("kiosk", KIOSK, language="en")
    by_keys(kiosk, "Accounts and cards")
    expect(kiosk.locator('[data-step="need"]')).to_be_visible()
    by_keys(kiosk, "Open an account")
    expect(kiosk.locator('[data-step="class"]')).to_be_visible()
    by_keys(kiosk, "Take a number")
    number = kiosk.locator(".ticket-number").inner_text()
    assert hall.ticket(number)["status"] == "waiting"
    by_keys(kiosk, "Done")
    expect(kiosk.locator('[data-step="service"]')).to_be_visible()


def test_the_phone_is_worked_by_keys_alone(hall: Served, browser: Any, watch: Watch) -> None:
    number = last(hall)
    with customers.phone(browser, hall, watch, customers.address(hall, number), language="en") as page:
        by_keys(page, "I step out for a while")
        expect(page.get_by_role("button", name="Yes, I step out now")).to_be_visible()
        by_keys(page, "Yes, I step out now")
        expect(page.get_by_role("button", name="I am back")).to_be_visible()
        by_keys(page, "I am back")
        expect(page.locator(".phone-facts")).to_be_visible()
        for name in (
            "Guides, step by step",
            "Draw cash at the machine",
            "I do not know how it goes",
            "Next step",
        ):
            expect(page.get_by_role("link", name=name)).to_be_visible()
            by_keys(page, name)
        expect(page.locator(".guide-count")).to_have_text("Step 2 of 5")


def test_without_scripts_the_phone_does_all_the_same(hall: Served, browser: Any, watch: Watch) -> None:
    number = last(hall)
    path = customers.address(hall, number)
    with customers.phone(browser, hall, watch, path, language="en", java_script_enabled=False) as page:
        expect(page.locator(".phone-number")).to_have_text(number)
        expect(page.locator(".phone-facts")).to_contain_text("People ahead of you")
        expect(page.locator("#ring")).to_be_hidden()
        page.get_by_role("link", name="I step out for a while").click()
        page.get_by_role("button", name="Yes, I step out now").click()
        expect(page.get_by_role("button", name="I am back")).to_be_visible()
        page.get_by_role("button", name="I am back").click()
        expect(page.locator(".phone-facts")).to_be_visible()


@pytest.mark.usefixtures("browser")  # in the order of this file
def test_on_a_slow_line_the_first_look_is_small(hall: Served) -> None:
    path = customers.address(hall, last(hall))
    page = httpx.get(hall.url + path, headers={"Accept": "text/html"})
    files = re.findall(r'(?:src|href)="(/static/[^"?]+\.(?:js|css|svg))', page.text)
    assert {"/static/customers.css", "/static/phone.js", "/static/openhall.js"} <= set(files)
    bytes_in_all = 0
    for name in [path, *files]:
        with httpx.stream("GET", hall.url + name, headers={"Accept-Encoding": "gzip"}) as answer:
            content = b"".join(answer.iter_raw())
            is_packed = answer.headers.get("content-encoding") == "gzip"
            assert is_packed or len(content) < PACKED_FROM_BYTES, f"{name} goes over the line as it is"
            assert not is_packed or gzip.decompress(content)
            bytes_in_all += len(content)
    assert bytes_in_all < FIRST_LOAD_BYTES_AT_MOST


def test_when_the_line_is_cut_the_phone_says_since_when_and_what_still_holds(
    hall: Served, browser: Any, watch: Watch
) -> None:
    watch.allow("ERR_")
    watch.allow("htmx:")
    number = last(hall)
    with customers.phone(browser, hall, watch, customers.address(hall, number), language="en") as page:
        page.context.set_offline(True)
        lost = page.locator("#lost")
        expect(lost).to_contain_text(
            re.compile(r"No connection since \d\d:\d\d\. Your number and your place")
        )
        assert customers.axe(page) == []
        page.context.set_offline(False)
        expect(lost).to_be_hidden()
        expect(page.locator(".phone-number")).to_have_text(number)


def test_a_press_on_a_bad_line_is_sent_again_and_counts_once(
    hall: Served, browser: Any, watch: Watch
) -> None:
    watch.allow("ERR_FAILED")
    number = last(hall)
    with customers.phone(browser, hall, watch, customers.address(hall, number), language="en") as page:
        page.get_by_role("link", name="I step out for a while").click()
        tries = []

        def cut(route: Any) -> None:
            tries.append(route.request.post_data)
            if len(tries) == 1:
                route.fetch()  # it arrives, and the answer is lost
                route.abort()
            else:
                route.continue_()

        page.route("**/hold", cut)
        page.get_by_role("button", name="Yes, I step out now").click()
        expect(page.get_by_role("button", name="I am back")).to_be_visible()
    assert len(tries) == 2
    assert tries[0] == tries[1], "the same key"


# --- the machine ----------------------------------------------------------------------------------------


def test_a_number_on_the_machine_stays_where_it_is(hall: Served, screen: OpenScreen) -> None:
    ticket = hall.issue("cash")
    kiosk = screen("kiosk", f"{KIOSK}?ticket={ticket['ticket_id']}", language="en")
    kiosk.evaluate(WATCH_SHIFTS)
    before = kiosk.evaluate(PLACE, ".ticket-number")
    for _ in range(3):
        hall.issue("pension")
        kiosk.wait_for_timeout(400)
    assert kiosk.evaluate(PLACE, ".ticket-number") == before
    assert kiosk.evaluate("window.shifted") == []


# --- guides ---------------------------------------------------------------------------------------------

GUIDES = [
    "/g",
    "/g/atm",
    "/g/atm?step=3&why=how",
    "/g/fraud?step=1&why=how",
    "/g/atm?why=rather_not",
    "/g/atm?all=1",
]


@pytest.mark.parametrize(("language", "scheme"), [("zh", "dark"), ("en", "light")])
def test_guides_pass_axe_and_fit_a_phone(
    served: Served, browser: Any, watch: Watch, language: str, scheme: str
) -> None:
    with customers.phone(
        browser, served, watch, "/g", language=language, size=customers.SMALL, color_scheme=scheme
    ) as page:
        found = []
        for path in GUIDES:
            page.goto(served.url + path)
            found += [f"{path}: {each}" for each in customers.axe(page)]
            found += page.evaluate(customers.SMALL_TEXT, TEXT_PX_AT_LEAST)
            if page.evaluate(customers.TOO_WIDE) > 0:
                found.append(f"{path} is too wide")
        assert found == []


def test_practice_has_no_consequences(served: Served, browser: Any, watch: Watch) -> None:
    with customers.phone(browser, served, watch, "/g/atm?step=3&why=how", language="en") as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(f"{request.method} {request.url}"))
        for key in ("1", "2"):
            page.locator(f'[data-practise="{key}"]').click()
        page.locator('[data-practise="done"]').click()
        expect(page.locator("[data-practice-said]")).to_contain_text("six figures")
        for key in "3456":
            page.locator(f'[data-practise="{key}"]').click()
        expect(page.locator(".practice-out")).to_have_text("●●●●●●")
        page.locator('[data-practise="done"]').click()
        expect(page.locator("[data-practice-said]")).to_contain_text("Nothing was sent")
        assert [each for each in asked if "/static/" not in each] == [], "and indeed nothing was"
        page.goto(served.url + "/g/fraud?step=1&why=how")
        page.get_by_text("I move the money, to be safe.").click()
        expect(page.get_by_text("There is no safe account.")).to_be_visible()


@pytest.mark.parametrize(
    ("reason", "answer"),
    [
        ("I do not know how it goes", "Step 1 of 5"),
        ("I cannot: eyes, hands, or no phone", "A teller at the window pays you the cash"),
        ("I would rather not", "Nobody has to use a machine here"),
        ("I do not dare", "You cannot break anything"),
    ],
)
def test_each_reason_for_help_gets_another_help(
    served: Served, browser: Any, watch: Watch, reason: str, answer: str
) -> None:
    with customers.phone(browser, served, watch, "/g/atm", language="en") as page:
        page.get_by_role("link", name=reason).click()
        expect(page.locator("main")).to_contain_text(answer)


def test_after_the_day_the_phone_and_the_machine_say_goodbye(
    hall: Served, browser: Any, watch: Watch, screen: OpenScreen
) -> None:
    path = customers.address(hall, last(hall))
    hall.do("CloseDoors")
    hall.do("ForceEndDay", reason="power_cut", approved_by="zhao-minzhi")
    kiosk = screen("kiosk", KIOSK, language="en")
    expect(kiosk.get_by_role("heading", name="We are closed for today. Goodbye.")).to_be_visible()
    assert customers.axe(kiosk) == []
    with customers.phone(browser, hall, watch, path, language="en") as page:
        expect(page.locator("main")).to_contain_text("You could not be served today. We are sorry.")
        expect(page.get_by_role("link", name="I step out for a while")).to_have_count(0)
        assert customers.axe(page) == []

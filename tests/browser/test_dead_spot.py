"""A customer's page where there is no line: the last state with its time, back by itself, nothing left."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser import customers, days
from tests.browser.conftest import Watch
from tests.browser.served import Served

SINCE = re.compile(r"No connection since \d\d:\d\d\. Your number and your place stay as they are\.")
NO_LINE = re.compile("ERR_INTERNET_DISCONNECTED|ERR_FAILED")
KEPT = """async () => {
  const pages = await caches.open("openhall-numbers");
  return (await pages.keys()).map((request) => new URL(request.url).pathname).sort();
}"""


@pytest.fixture(scope="module")
def hall(served: Served) -> Served:
    """Window 2 is staffed and five people wait."""
    days.open_hall(served, days.NORMAL_DAY)
    served.do("OpenCounter", counter_id="C2", person_id="xu-jing")
    for _ in range(5):
        served.issue("cash")
    return served


@pytest.fixture(autouse=True)
def cut_off(watch: Watch) -> None:
    """The browser and htmx say on the console that the server is not there."""
    watch.allow("ERR_")
    watch.allow("htmx:")


def kept(page: Page, *paths: str) -> None:
    """Wait until exactly these addresses are kept on the phone."""
    for _ in range(100):
        if page.evaluate(KEPT) == sorted(paths):
            return
        page.wait_for_timeout(100)
    assert page.evaluate(KEPT) == sorted(paths)


def away(context: BrowserContext, *, is_away: bool) -> None:
    """Walk into a dead spot, or out of it."""
    context.set_offline(is_away)


def test_a_reload_in_a_dead_spot_shows_the_last_state_and_its_time_and_comes_back_by_itself(
    hall: Served, browser: Any, watch: Watch
) -> None:
    number = str(hall.issue("cash")["number"])
    path = customers.address(hall, number)
    with customers.phone(browser, hall, watch, path, language="en") as page:
        kept(page, path)
        first = hall.read("/tickets")[0]
        hall.do("MarkReneged", "lobby", ticket_id=first["id"])
        ahead = hall.ticket(number)["wait"]["people_ahead"]
        page.evaluate("window.openhall.refreshSoon(0)")
        expect(page.locator(".phone-facts dd").first).to_have_text(str(ahead))
        kept(page, path, f"{path}/live")
        said = page.locator(".phone-time").inner_text()

        away(page.context, is_away=True)
        page.reload()
        expect(page.locator(".phone-number")).to_have_text(number)
        expect(page.locator(".phone-facts dd").first).to_have_text(str(ahead))
        expect(page.locator("#lost")).to_contain_text(SINCE)
        assert said.split()[-1] in page.locator("#lost").inner_text(), "the time of what is shown"
        assert page.locator(".code").count() == 1
        page.locator("summary", has_text="On another phone too").click()
        expect(page.locator(".code")).to_be_visible()
        live = page.evaluate("fetch(`${location.pathname}/live`).then(() => '', () => 'no line')")
        assert live == "no line", "what is asked anew is never answered from what was kept"
        assert customers.axe(page) == [], "with all of its styles"
        watch.allow("Content Security Policy")
        assert page.evaluate(BREAKS_THE_POLICY) == "script-src-elem", "the policy holds for a kept page too"

        hall.do("CallTicket", counter_id="C2", ticket_id=hall.ticket(number)["id"], reason="asked")
        away(page.context, is_away=False)
        expect(page.locator(".phone-window")).to_have_text("2")
        expect(page.locator("#lost")).to_be_hidden()
        hall.do("StartService", counter_id="C2")
        hall.do("FinishService", counter_id="C2")
        page.evaluate("window.openhall.refreshSoon(0)")
        expect(page.locator("main")).to_contain_text("You have been served.")
        kept(page)


BREAKS_THE_POLICY = """() => new Promise((done) => {
  document.addEventListener("securitypolicyviolation", (event) => done(event.effectiveDirective));
  const script = document.createElement("script");
  script.textContent = "window.broken = true";
  document.body.append(script);
})"""


def test_a_line_that_carries_nothing_is_not_waited_for_without_end(
    hall: Served, browser: Any, watch: Watch
) -> None:
    number = str(hall.issue("cash")["number"])
    path = customers.address(hall, number)
    with customers.phone(browser, hall, watch, path, language="en") as page:
        kept(page, path)
        hall.freeze(is_frozen=True)
        try:
            page.reload()
            expect(page.locator("#lost")).to_contain_text(SINCE)
            expect(page.locator(".phone-number")).to_have_text(number)
        finally:
            hall.freeze(is_frozen=False)
        expect(page.locator("#lost")).to_be_hidden()


def test_a_number_is_forgotten_at_the_holders_word(hall: Served, browser: Any, watch: Watch) -> None:
    number = str(hall.issue("cash")["number"])
    other = str(hall.issue("cash")["number"])
    path, beside = customers.address(hall, number), customers.address(hall, other)
    with customers.phone(browser, hall, watch, beside, language="en") as page:
        kept(page, beside)
        page.goto(hall.url + path)
        kept(page, beside, path)
        page.get_by_role("button", name="Forget this number on this phone").click()
        page.locator("#ask button[value=yes]").click()
        expect(page).to_have_url(f"{hall.url}/g")
        kept(page, beside)
        away(page.context, is_away=True)
        with pytest.raises(Exception, match=NO_LINE):
            page.goto(hall.url + path)


def test_a_number_that_is_over_leaves_nothing_even_if_its_page_was_closed(
    hall: Served, browser: Any, watch: Watch
) -> None:
    number = str(hall.issue("cash")["number"])
    path = customers.address(hall, number)
    with customers.phone(browser, hall, watch, path, language="en") as page:
        kept(page, path)
        hall.do("MarkReneged", "lobby", ticket_id=hall.ticket(number)["id"])
        page.goto(hall.url + "/g")
        page.goto(hall.url + path)
        expect(page.locator("main")).to_contain_text("you can come back into the line")
        kept(page)
        page.evaluate(AN_OLD_ONE, path)
        away(page.context, is_away=True)
        with pytest.raises(Exception, match=NO_LINE):
            page.reload()
        away(page.context, is_away=False)
        page.goto(hall.url + "/g")
        kept(page)


AN_OLD_ONE = """async (path) => {
  const headers = { "x-kept-at": String(Date.now() - 13 * 3600 * 1000), "content-type": "text/html" };
  const answer = new Response("<body data-status='waiting'>", { headers });
  await (await caches.open("openhall-numbers")).put(path, answer);
}"""

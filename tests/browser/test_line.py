"""What happens when the line between a screen and the server is cut, and how many screens it carries."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser import days
from tests.browser.conftest import OpenScreen, Watch
from tests.browser.served import BRANCH, Served

LOST_SECONDS = 5
COUNTER, DISPLAY, LOBBY = (f"/b/{BRANCH}/{name}" for name in ("counter?counter=C2", "display", "lobby"))


@pytest.fixture(scope="module")
def hall(served: Served) -> Served:
    """Window 2 is staffed and forty people wait."""
    days.open_hall(served, days.NORMAL_DAY)
    served.do("OpenCounter", counter_id="C2", person_id="xu-jing")
    for _ in range(40):
        served.issue("cash")
    return served


def allow_being_cut_off(watch: Watch) -> None:
    """The browser and htmx say on the console that the server is gone: it is."""
    watch.allow("ERR_")
    watch.allow("htmx:")


@pytest.fixture
def frozen(served: Served) -> Iterator[Served]:
    """A server that a test may freeze; it goes on afterwards whatever happens."""
    yield served
    served.freeze(is_frozen=False)


def test_eight_screens_in_one_browser_hear_the_same_event_and_can_still_write(
    hall: Served, screen: OpenScreen
) -> None:
    pages = [screen("manager", DISPLAY)]
    pages += [screen("manager", DISPLAY, context=pages[0].context) for _ in range(6)]
    counter = screen("manager", COUNTER, context=pages[0].context)
    number = hall.call_next("C2")
    for page in pages:
        expect(page.locator(f'.tv-now[data-number="{number}"]')).to_be_visible(timeout=5_000)
    expect(counter.locator(".ticket-number")).to_have_text(number)
    counter.keyboard.press("s")
    expect(counter.locator(".pill").first).to_have_text("办理中")
    counter.keyboard.press("f")
    expect(counter.locator(".ticket-number")).to_be_hidden()


@pytest.mark.parametrize("path", [DISPLAY, "/"], ids=["with a stream", "without one"])
def test_a_screen_that_the_server_cannot_draw_says_so_though_its_line_is_up(
    hall: Served, screen: OpenScreen, watch: Watch, path: str
) -> None:
    allow_being_cut_off(watch)
    watch.allow("500")
    shown = screen("manager", path)
    expect(shown.locator("#lost")).to_be_hidden()
    shown.route("**/live*", lambda route: route.fulfill(status=500, body=""))
    hall.call_next("C2")
    expect(shown.locator("#lost")).to_contain_text(re.compile(r"\d\d:\d\d"), timeout=15_000)
    shown.unroute("**/live*")
    expect(shown.locator("#lost")).to_be_hidden(timeout=15_000)
    hall.do("StartService", counter_id="C2")
    hall.do("FinishService", counter_id="C2")


def test_a_hanging_server_is_seen_within_five_seconds_and_healed_by_itself(
    hall: Served, frozen: Served, screen: OpenScreen
) -> None:
    display = screen("display", DISPLAY)
    expect(display.locator("#lost")).to_be_hidden()
    display.wait_for_timeout(2_500)  # a beat has been heard
    frozen.freeze(is_frozen=True)
    expect(display.locator("#lost")).to_be_visible(timeout=LOST_SECONDS * 1_000)
    expect(display.locator("#lost")).to_contain_text(re.compile(r"\d\d:\d\d"))
    frozen.freeze(is_frozen=False)
    expect(display.locator("#lost")).to_be_hidden(timeout=15_000)
    number = hall.call_next("C2")
    expect(display.locator(f'.tv-now[data-number="{number}"]')).to_be_visible()
    hall.do("StartService", counter_id="C2")
    hall.do("FinishService", counter_id="C2")


def test_what_happened_while_the_server_was_away_is_on_the_screens_when_it_is_back(
    hall: Served, screen: OpenScreen, watch: Watch
) -> None:
    allow_being_cut_off(watch)
    display, lobby = screen("display", DISPLAY), screen("lobby", LOBBY, language="en")
    expect(display.locator(".tv-calls li").first).to_be_visible()
    hall.stop()
    for page in (display, lobby):
        expect(page.locator("#lost")).to_be_visible(timeout=LOST_SECONDS * 1_000)
    hall.start()
    number = hall.call_next("C2")
    hall.do("StartService", counter_id="C2")
    for page in (display, lobby):
        expect(page.locator("#lost")).to_be_hidden(timeout=15_000)
    expect(display.locator(f'.tv-calls [data-number="{number}"]')).to_be_visible()
    expect(lobby.locator(f'[data-id="line"] b:text-is("{number}")')).to_have_count(0)
    hall.do("FinishService", counter_id="C2")


def test_next_pressed_while_the_server_is_down_calls_one_customer_once(
    hall: Served, screen: OpenScreen, watch: Watch
) -> None:
    allow_being_cut_off(watch)
    teller = screen("teller", COUNTER)
    expect(teller.get_by_role("button", name="叫下一位")).to_be_enabled()
    keys: list[str] = []
    teller.on(
        "request",
        lambda request: (
            keys.append(request.headers["idempotency-key"]) if "CallNext" in request.url else None
        ),
    )
    before = len(hall.read("/tickets"))
    hall.stop()
    teller.keyboard.press("n")
    teller.keyboard.press("n")
    expect(teller.locator(".toast")).to_contain_text("正在重试")
    starting = threading.Thread(target=hall.start)
    starting.start()
    expect(teller.locator(".ticket-number")).to_be_visible(timeout=20_000)
    starting.join()
    assert len(keys) > 1, "it was tried again"
    assert len(set(keys)) == 1, "under one key"
    assert len(hall.read("/tickets")) == before - 1, "and one customer was called"
    hall.do("StartService", counter_id="C2")
    hall.do("FinishService", counter_id="C2")


def test_sixty_events_a_second_take_no_click_no_focus_and_no_open_menu(
    hall: Served, screen: OpenScreen
) -> None:
    manager = screen("manager", f"/b/{BRANCH}/branch")
    window = manager.locator('.window[data-id="C7"]')
    window.locator("select").select_option("ma-yongan")
    window.locator("select").focus()
    manager.locator('[data-id="force"] summary').click()
    window.locator("select").focus()
    manager.evaluate("window.kept = document.querySelector('.window[data-id=C7] select')")
    stop = threading.Event()

    def rush() -> None:
        ids = [t["id"] for t in hall.read("/tickets")]
        while not stop.is_set():
            for ticket in ids:
                hall.call("POST", "/commands/RecordCare", json={"kind": "water", "ticket_id": ticket})
                if stop.is_set():
                    return

    rushing = [threading.Thread(target=rush) for _ in range(3)]
    for thread in rushing:
        thread.start()
    try:
        manager.wait_for_timeout(4_000)
        assert manager.evaluate("document.activeElement === window.kept && window.kept.value") == "ma-yongan"
        expect(manager.locator('[data-id="force"]')).to_have_attribute("open", "")
        window.get_by_role("button", name="开启").click()
        expect(window.locator(".pill")).to_have_text("空闲")
        drawn = manager.evaluate(
            "performance.getEntriesByType('resource').filter(r => r.name.endsWith('/live')).length"
        )
        assert drawn <= 40, "drawn at most a few times a second, however much happens"
    finally:
        stop.set()
        for thread in rushing:
            thread.join()


def test_a_called_number_never_moves_on_the_screen(hall: Served, screen: OpenScreen) -> None:
    teller = screen("teller", COUNTER)
    teller.keyboard.press("n")
    shown = teller.locator(".ticket-number")
    expect(shown).to_be_visible()
    teller.evaluate(
        """window.shifts = 0;
        new PerformanceObserver((list) => list.getEntries().forEach((e) => { window.shifts += e.value; }))
          .observe({ type: "layout-shift", buffered: false })"""
    )
    before = shown.bounding_box()
    for _ in range(3):
        teller.keyboard.press("r")
        hall.issue("cash")
        teller.wait_for_timeout(400)
    hall.do("StartService", counter_id="C2")
    expect(teller.locator(".pill").first).to_have_text("办理中")
    assert shown.bounding_box() == before
    assert teller.evaluate("window.shifts") < 0.1

"""Between the drawing of a screen and the opening of its event stream nothing is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser import days
from tests.browser.conftest import PATIENT_MS, OpenScreen
from tests.browser.served import BRANCH, Served

DISPLAY = f"/b/{BRANCH}/display"
NOT_FROM_TIME_TO_TIME = "window.setInterval = () => 0"
"""Without the redraw that comes every ten seconds whatever happens, a screen shows what it heard of."""
WITHOUT_SHARED_WORKERS = "delete window.SharedWorker"


@pytest.fixture(scope="module")
def hall(served: Served) -> Served:
    """Three windows are staffed and twelve people wait."""
    days.open_hall(served, days.NORMAL_DAY, counters=3)
    for _ in range(12):
        served.issue("cash")
    return served


def opened_while(page: Page, address: str, something_happens: Callable[[], None]) -> None:
    """Open a screen; something happens once it is drawn, and before its script opens the stream."""

    def first(route: Any) -> None:
        something_happens()
        route.continue_()

    page.route("**/static/openhall.js*", first)
    page.goto(address)


def fresh(screen: OpenScreen, *scripts: str) -> Page:
    """A page of a display that has not gone to its screen yet."""
    page = screen("display", "/healthz")
    for script in scripts:
        page.add_init_script(script)
    return page


@pytest.mark.parametrize("scripts", [[], [WITHOUT_SHARED_WORKERS]], ids=["shared worker", "own stream"])
def test_a_call_before_the_stream_is_opened_is_heard(
    hall: Served, screen: OpenScreen, scripts: list[str]
) -> None:
    page = fresh(screen, NOT_FROM_TIME_TO_TIME, *scripts)
    called: list[str] = []
    opened_while(page, hall.url + DISPLAY, lambda: called.append(hall.call_next("C2")))
    expect(page.locator(f'.tv-now[data-number="{called[0]}"]')).to_be_visible()
    finish(hall, "C2")


def test_a_page_that_joins_a_stream_late_looks_again(hall: Served, screen: OpenScreen) -> None:
    first = screen("display", DISPLAY)
    first.wait_for_timeout(2_500)  # a beat has been heard: the stream stands
    second = first.context.new_page()
    second.set_default_timeout(PATIENT_MS)
    second.add_init_script(NOT_FROM_TIME_TO_TIME)
    called: list[str] = []

    def heard_by_the_first() -> None:
        called.append(hall.call_next("C3"))
        expect(first.locator(f'.tv-now[data-number="{called[0]}"]')).to_be_visible()

    opened_while(second, hall.url + DISPLAY, heard_by_the_first)
    expect(second.locator(f'.tv-now[data-number="{called[0]}"]')).to_be_visible()
    finish(hall, "C3")


def finish(hall: Served, counter: str) -> None:
    """Serve who was called, so that the next test can call."""
    hall.do("StartService", counter_id=counter)
    hall.do("FinishService", counter_id=counter)

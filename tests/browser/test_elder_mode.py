"""Elder mode, measured in the browser: type, lines, contrast, targets, choices, speech, and no hurry [F5]."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser import customers, days
from tests.browser.conftest import OpenScreen, Watch
from tests.browser.served import BRANCH, Served

KIOSK = f"/b/{BRANCH}/kiosk"
SIZES = (28, 34, 40)
CHOICES_AT_MOST = 6
"""Three to choose from and the way to more, back, and an appointment or a colleague."""
LINES_AT_LEAST = 1.3


@pytest.fixture(scope="module")
def hall(served: Served) -> Served:
    """Ten in the morning of a hard day."""
    days.busy_hall(served, days.NORMAL_DAY)
    days.advised_hall(served)
    return served


def kiosk_paths(served: Served) -> Iterator[str]:
    """Every step of the ticket machine."""
    yield KIOSK
    yield f"{KIOSK}?service=cash"
    yield f"{KIOSK}?service=cash&page=1"
    yield f"{KIOSK}?need=withdraw_cash"
    yield f"{KIOSK}?need=withdraw_cash&care=none"
    yield f"{KIOSK}?person=1"
    yield f"{KIOSK}?appointment=1"
    yield f"{KIOSK}?need=withdraw_cash&care=none&full=1"
    yield f"{KIOSK}?ticket={served.read('/tickets')[-1]['id']}"
    yield f"/g?from={KIOSK}"


def phone_paths(served: Served) -> Iterator[str]:
    """Every state of a customer's phone, and of a guide on it."""
    line, counters = served.read("/tickets"), served.read("/hall")["counters"]
    own = customers.address(served, line[-1]["number"])
    yield own
    yield f"{own}?do=out"
    yield f"{own}?do=leave"
    yield customers.address(served, next(k["ticket_number"] for k in counters if k["status"] == "called"))
    yield f"/g?from={own}"
    yield f"/g/atm?from={own}"
    yield f"/g/atm?step=3&why=how&from={own}"
    yield f"/g/atm?why=afraid&from={own}"
    yield f"/g/fraud?step=1&why=how&from={own}"
    yield f"{own}x"


def measured(page: Page, path: str, px: int) -> list[str]:
    """What a screen in elder mode gets wrong."""
    found = [f"small: {e}" for e in page.evaluate(customers.SMALL_TEXT, px - 0.5)]
    found += [f"tight: {e}" for e in page.evaluate(customers.TIGHT_LINES, LINES_AT_LEAST - 0.001)]
    found += [f"narrow: {e}" for e in page.evaluate(customers.NARROW_TARGETS, customers.TARGET_PX_AT_LEAST)]
    if (wide := page.evaluate(customers.TOO_WIDE)) > 0:
        found.append(f"{wide} px too wide")
    if (choices := page.evaluate(customers.CHOICES)) > CHOICES_AT_MOST:
        found.append(f"{choices} choices")
    if page.locator(".elder-tools").count():
        expect(page.locator("[data-speak]")).to_be_visible()
        if not page.locator("[data-read]").get_attribute("data-say"):
            found.append("nothing is said aloud")
    return [f"{path} at {px}: {each}" for each in found]


RUNS = [("zh", 28, "light", True), ("en", 40, "dark", True), ("zh", 40, "light", False)]
"""Both languages, both schemes, the smallest and the largest type; axe looks once at each language."""


@pytest.mark.parametrize(("language", "px", "scheme", "is_axed"), RUNS)
def test_the_machine_is_large_simple_and_speaks(
    hall: Served, screen: OpenScreen, language: str, px: int, scheme: str, is_axed: bool
) -> None:
    page = screen("kiosk", f"/elder/{px}?to={KIOSK}", language=language, scheme=scheme)
    found = []
    for path in kiosk_paths(hall):
        page.goto(hall.url + path)
        found += measured(page, path, px) + (customers.axe(page) if is_axed else [])
        if path.startswith(KIOSK) and "person" not in path:
            expect(page.locator(".kiosk-person")).to_be_in_viewport()
    assert found == []


@pytest.mark.parametrize(("language", "px", "scheme", "is_axed"), RUNS)
def test_the_phone_and_the_guides_are_large_simple_and_speak(
    hall: Served, browser: Any, watch: Watch, language: str, px: int, scheme: str, is_axed: bool
) -> None:
    size = customers.PHONE if language == "zh" else customers.SMALL
    options: dict[str, Any] = {"language": language, "elder": px, "size": size, "color_scheme": scheme}
    found = []
    with customers.phone(browser, hall, watch, "/g", **options) as page:
        for path in phone_paths(hall):
            page.goto(hall.url + path)
            found += measured(page, path, px) + (customers.axe(page) if is_axed else [])
    assert found == []


TAKEN_BY_BARS = """() => {
  const box = (selector) => document.querySelector(selector).getBoundingClientRect();
  return (box('.kiosk-top').bottom + innerHeight - box('.kiosk-foot').top) / innerHeight;
}"""


@pytest.mark.parametrize("language", ["zh", "en"])
def test_on_a_small_machine_the_step_itself_has_most_of_the_height(
    hall: Served, screen: OpenScreen, language: str
) -> None:
    page = screen("kiosk", KIOSK, language=language)
    page.set_viewport_size({"width": 768, "height": 1024})
    for px in ("off", *SIZES):
        page.goto(f"{hall.url}/elder/{px}?to={KIOSK}")
        assert page.evaluate(TAKEN_BY_BARS) <= 1 / 3, px
        expect(page.locator(".kiosk-person")).to_be_in_viewport()
        assert page.evaluate(customers.TOO_WIDE) <= 0


def test_what_says_that_the_line_is_cut_does_not_hide_the_number(
    hall: Served, browser: Any, watch: Watch
) -> None:
    watch.allow("ERR_")
    watch.allow("htmx:")
    own = customers.address(hall, hall.read("/tickets")[-1]["number"])
    for px in (0, 40):
        with customers.phone(browser, hall, watch, own, elder=px, size=customers.SMALL) as page:
            page.context.set_offline(True)
            expect(page.locator("#lost")).to_be_visible()
            lost, number = page.locator("#lost").bounding_box(), page.locator(".phone-number").bounding_box()
            assert lost is not None
            assert number is not None
            assert lost["y"] + lost["height"] <= number["y"], px


@pytest.mark.usefixtures("hall")
def test_one_tap_makes_it_large_and_the_visit_ends_it(screen: OpenScreen) -> None:
    kiosk = screen("kiosk", KIOSK)
    kiosk.get_by_role("link", name="长辈版").click()
    for size in SIZES[:-1]:
        expect(kiosk.locator(f"html.elder-{size}")).to_have_count(1)
        kiosk.get_by_role("link", name="字大些").click()
    expect(kiosk.locator("html.elder-40")).to_have_count(1)
    kiosk.get_by_role("link", name="现金业务").click()
    expect(kiosk.locator("html.elder-40")).to_have_count(1)
    kiosk.get_by_role("link", name="返回").click()
    kiosk.get_by_role("link", name="English").click()
    kiosk.goto(kiosk.url.split("?")[0] + "/start")
    expect(kiosk.locator("html.elder")).to_have_count(0)
    expect(kiosk.get_by_role("link", name="长辈版")).to_be_visible()


def test_a_link_can_choose_it_and_the_device_remembers(hall: Served, browser: Any, watch: Watch) -> None:
    own = customers.address(hall, hall.read("/tickets")[-1]["number"])
    with customers.phone(browser, hall, watch, f"{own}?elder=34") as page:
        expect(page.locator("html.elder-34")).to_have_count(1)
        page.goto(hall.url + own)
        expect(page.locator("html.elder-34")).to_have_count(1)
        page.get_by_role("link", name="普通版").click()
        expect(page.locator("html.elder")).to_have_count(0)


def test_an_elder_takes_a_number_step_by_step_with_few_choices_each(hall: Served, screen: OpenScreen) -> None:
    kiosk = screen("kiosk", f"/elder/on?to={KIOSK}", language="en")
    kiosk.get_by_role("link", name="Cash").first.click()
    kiosk.get_by_role("link", name="More").click()
    kiosk.get_by_role("link", name="The first ones again").click()
    kiosk.get_by_role("link", name="Withdraw cash").click()
    kiosk.get_by_role("link", name="Please come and fetch me").click()
    kiosk.get_by_role("button", name="Take a number").click()
    number = kiosk.locator(".ticket-number").inner_text()
    assert hall.ticket(number)["handling"] == ["step_free"]
    assert "Your number. " + number in str(kiosk.locator("[data-read]").get_attribute("data-say"))
    kiosk.get_by_role("link", name="Done").click()
    expect(kiosk.locator("html.elder")).to_have_count(0)


@pytest.mark.usefixtures("hall")
def test_nobody_is_hurried_and_nothing_half_chosen_is_dropped(screen: OpenScreen) -> None:
    kiosk = screen("kiosk", f"/elder/on?to={KIOSK}", language="en")
    kiosk.clock.install()
    kiosk.goto(kiosk.url + "?need=withdraw_cash&care=none")
    kiosk.clock.fast_forward(3 * 60_000)
    expect(kiosk.locator("#still")).to_be_hidden()
    kiosk.clock.fast_forward(2 * 60_000)
    expect(kiosk.locator("#still")).to_be_visible()
    expect(kiosk.locator("#still")).to_contain_text("What you have chosen stays until you decide.")
    assert kiosk.locator("#still [data-say]").get_attribute("data-say")
    kiosk.clock.fast_forward(int(timedelta(hours=1).total_seconds() * 1000))
    expect(kiosk.locator("#still")).to_be_visible()
    kiosk.get_by_role("button", name="Yes, go on").click()
    expect(kiosk.get_by_role("button", name="Take a number")).to_be_visible()
    expect(kiosk.locator("html.elder")).to_have_count(1)


@pytest.mark.usefixtures("hall")
def test_reading_aloud_says_the_step_and_stops_when_pressed_again(screen: OpenScreen) -> None:
    kiosk = screen("kiosk", f"/elder/on?to={KIOSK}?person=1", language="en")
    button = kiosk.locator("[data-speak]")
    with kiosk.expect_request("**/api/speech") as asked:
        button.click()
    assert "Our colleague stands in the hall" in str(asked.value.post_data)
    expect(button).to_have_attribute("aria-pressed", "true")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "false")

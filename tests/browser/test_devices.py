"""Devices in a real browser: a code typed by hand, a TV that calls aloud untouched, a dead one noticed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect

from tests.browser.conftest import FLAGS, OpenScreen, Watch
from tests.browser.days import open_hall
from tests.browser.served import BRANCH, Served

DAY = date(2026, 11, 24)
DISPLAY, DEVICES = f"/b/{BRANCH}/display", f"/b/{BRANCH}/devices"
UNTOUCHED = "--autoplay-policy=no-user-gesture-required"
LOUD_ENOUGH = 0.01
"""Root mean square of what a page plays, of 1."""
LISTEN = """() => {
  // Beside the loudspeaker: what is played is measured, sample by sample.
  window.heard = [];
  const start = AudioBufferSourceNode.prototype.start;
  AudioBufferSourceNode.prototype.start = function (...when) {
    const wave = this.buffer.getChannelData(0);
    let sum = 0;
    for (const sample of wave) sum += sample * sample;
    window.heard.push({ seconds: this.buffer.duration, rms: Math.sqrt(sum / wave.length) });
    return start.apply(this, when);
  };
}"""


@pytest.fixture(scope="module", autouse=True)
def opened(served: Served) -> None:
    """A branch in the morning, some windows open."""
    open_hall(served, DAY, counters=4)


@pytest.fixture(autouse=True)
def free_windows(served: Served) -> Iterator[None]:
    """Nobody is left at a window."""
    yield
    for counter in ("C2", "C3"):
        if served.call("POST", "/commands/StartService", json={"counter_id": counter}).status_code == 200:
            served.do("FinishService", counter_id=counter)


@pytest.fixture(scope="module")
def untouched(playwright: Playwright) -> Iterator[Browser]:
    """A browser started as docs/devices.md says for a TV."""
    path = shutil.which("chromium")
    browser = playwright.chromium.launch(executable_path=path, args=[*FLAGS, UNTOUCHED])
    yield browser
    browser.close()


def tv(browser: Browser, served: Served, watch: Watch, token: str = "") -> Page:
    context = browser.new_context(viewport={"width": 1920, "height": 1080}, locale="zh-CN")
    context.add_cookies(
        [{"name": "openhall_session", "value": token or served.token("display"), "url": served.url}]
    )
    context.add_init_script(f"({LISTEN})()")
    page = context.new_page()
    page.on("console", watch.console)
    page.on("pageerror", lambda error: watch.note(f"page error: {error}"))
    page.goto(served.url + DISPLAY)
    expect(page.locator("[data-spot]")).to_be_visible()
    return page


def health(served: Served, device_id: str) -> dict[str, Any]:
    found: dict[str, Any] = next(d for d in served.read("/devices") if d["id"] == device_id)
    return found


# --- pairing ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_device_is_added_and_paired_by_hand_and_goes_dark_when_it_is_revoked(
    served: Served, screen: OpenScreen, browser: Browser, language: str
) -> None:
    manager = screen("manager", DEVICES, language=language)
    form = manager.locator("[data-device-new]")
    form.locator("[name=kind]").select_option("display")
    form.locator("[name=name]").fill(f"TV {language}")
    form.locator("button.primary").click()
    code = manager.locator("[data-code]")
    expect(code).to_be_visible()
    letters = code.inner_text()
    manager.keyboard.press("Escape")

    context = browser.new_context(viewport={"width": 1920, "height": 1080}, locale="zh-CN")
    device = context.new_page()
    device.goto(f"{served.url}/pair")
    sizes = device.locator("[data-letter]").evaluate_all(
        "(keys) => keys.map((k) => Math.min(k.offsetWidth, k.offsetHeight))"
    )
    assert min(sizes) >= 60, "keys for a finger"
    for letter in letters.replace("-", ""):
        device.locator(f'[data-letter="{letter}"]').click()
    device.locator("[data-pair] button.primary").click()
    expect(device.locator("[data-spot]")).to_be_visible()
    assert device.url.endswith(DISPLAY)

    card = manager.locator(".device", has_text=f"TV {language}")
    expect(card).to_have_attribute("data-state", "ok")
    card.locator("summary").click()
    card.locator("[data-device-revoke]").click()
    manager.locator("#ask button[value=yes]").click()
    expect(card).to_be_hidden()
    expect(device.locator("[data-pair]")).to_be_visible(timeout=15_000)
    context.close()


def test_a_wrong_code_is_told_and_can_be_mended(served: Served, browser: Browser) -> None:
    page = browser.new_page(locale="en-GB")
    page.goto(f"{served.url}/pair")
    page.keyboard.type("aaaa-bbbb")
    page.keyboard.press("Enter")
    expect(page.locator("#pair-error")).to_contain_text("This code opens nothing")
    expect(page.locator("[name=code]")).to_have_value("AAAA-BBBB")
    page.close()


# --- the TV ----------------------------------------------------------------------------------------------


def test_an_untouched_tv_chimes_and_calls_in_both_languages_twice(
    served: Served, untouched: Browser, watch: Watch
) -> None:
    page = tv(untouched, served, watch)
    served.issue("cash")
    with page.expect_response("**/api/speech"):
        number = served.call_next("C2")
    expect(page.locator(".tv-spot-calling [data-spot-number]")).to_have_text(number)
    expect(page.locator("[data-spot-window]")).to_have_text("2")
    wanted = 2 * (1 + 2)
    for _ in range(100):
        heard = page.evaluate("window.heard")
        if len(heard) >= wanted:
            break
        page.wait_for_timeout(300)
    assert len(heard) == wanted, "two chimes, each followed by Chinese and English"
    chime, chinese, english = heard[:3]
    assert chime["seconds"] == pytest.approx(1.1, abs=0.05)
    assert all(2 < said["seconds"] < 8 for said in (chinese, english))
    assert all(each["rms"] > LOUD_ENOUGH for each in heard)
    assert health(served, "display")["health"]["code"] == "ok"
    expect(page.locator("[data-muted]")).to_be_hidden()
    page.context.close()


def test_a_browser_that_lets_no_sound_through_says_so_here_and_there(
    served: Served, browser: Browser, screen: OpenScreen, watch: Watch
) -> None:
    page = tv(browser, served, watch)
    expect(page.locator("[data-muted]")).to_be_visible()
    lobby = screen("lobby", f"/b/{BRANCH}/lobby", language="en")
    panel = lobby.locator(".device-panel")
    expect(panel).to_contain_text("Its browser lets no sound through.")
    expect(panel).to_contain_text(UNTOUCHED)
    page.mouse.click(500, 500)
    expect(page.locator("[data-muted]")).to_be_hidden()
    page.context.close()


def test_two_calls_at_once_are_both_shown_and_nothing_moves(
    served: Served, browser: Browser, watch: Watch
) -> None:
    page = tv(browser, served, watch)
    served.issue("cash")
    served.issue("cash")
    spot, place = page.locator("[data-spot-number]"), page.locator("[data-spot]")
    before = place.bounding_box()
    numbers = [served.call_next("C2"), served.call_next("C3")]
    for number in numbers:
        expect(spot).to_have_text(number)
        assert place.bounding_box() == before
        expect(page.locator(f'.tv-now[data-id="{number}"]')).to_be_visible()
    page.context.close()


def test_a_written_call_is_said_once_for_those_beside_them_and_not_again(
    served: Served, untouched: Browser, watch: Watch
) -> None:
    page = tv(untouched, served, watch)
    served.issue("cash", handling=["written"])
    number = served.call_next("C2")
    expect(page.locator(".tv-spot-written [data-spot-number]")).to_have_text(number)
    for _ in range(100):
        heard = page.evaluate("window.heard")
        if len(heard) >= 3:
            break
        page.wait_for_timeout(300)
    page.wait_for_timeout(round(1_000 * heard[-1]["seconds"]) + 3_000)  # a call that is repeated would begin
    assert len(page.evaluate("window.heard")) == 3, "a chime, Chinese, English"
    expect(page.locator(".tv-spot-written")).to_be_visible()
    page.context.close()


def test_who_may_not_hear_is_called_over_the_whole_screen(
    served: Served, browser: Browser, watch: Watch
) -> None:
    page = tv(browser, served, watch)
    served.issue("cash", handling=["written"])
    number = served.call_next("C2")
    whole = page.locator(".tv-spot-written")
    expect(whole.locator("[data-spot-number]")).to_have_text(number)
    box = whole.bounding_box()
    assert box is not None
    assert (round(box["width"]), round(box["height"])) == (1920, 1080)
    assert "written" not in page.locator("body").inner_text()
    page.context.close()


def test_a_display_of_one_floor_shows_its_own_windows_alone(
    served: Served, browser: Browser, watch: Watch
) -> None:
    change = {"name": "display", "settings": {"counters": ["C3"], "services": ["cash"], "volume_percent": 0}}
    assert served.call("POST", "/devices/display/change", json=change).status_code == 200
    page = tv(browser, served, watch)
    served.issue("cash")
    served.issue("cash")
    elsewhere, here = served.call_next("C2"), served.call_next("C3")
    expect(page.locator("[data-spot-number]")).to_have_text(here)
    expect(page.locator(f'[data-id="{elsewhere}"]')).to_have_count(0)
    expect(page.locator(".tv-count")).to_have_count(1)
    page.context.close()
    usual = {"name": "display", "settings": {}}
    assert served.call("POST", "/devices/display/change", json=usual).status_code == 200


def test_a_tv_that_is_switched_off_is_noticed_in_the_lobby(
    served: Served, browser: Browser, screen: OpenScreen, watch: Watch
) -> None:
    page = tv(browser, served, watch)
    lobby = screen("lobby", f"/b/{BRANCH}/lobby", language="en")
    row = lobby.locator('.device-panel [data-id="display"]')
    expect(row).not_to_contain_text("Nothing is heard")
    page.context.close()
    expect(row).to_contain_text("Nothing is heard from it.", timeout=20_000)
    served.issue("cash")
    assert served.call_next("C2"), "the hall goes on"


def test_a_ticket_machine_whose_screen_stands_still_is_behind_and_one_with_a_guide_is_not(
    served: Served, screen: OpenScreen, watch: Watch
) -> None:
    watch.allow("Failed to load resource")
    watch.allow("htmx:")
    kiosk = screen("kiosk", f"/b/{BRANCH}/kiosk", language="en")
    manager = screen("manager", DEVICES, language="en")
    card = manager.locator('.device[data-id="kiosk"]')
    expect(card).to_have_attribute("data-state", "ok")
    kiosk.route("**/kiosk/live**", lambda route: route.abort())
    served.issue("cash")
    expect(card).to_contain_text("Is behind: it shows an old state of the hall.")
    kiosk.get_by_role("link", name="Guides, step by step").click()
    expect(card).to_have_attribute("data-state", "ok")


def test_a_test_number_is_shown_and_calls_nobody(served: Served, browser: Browser, watch: Watch) -> None:
    page = tv(browser, served, watch)
    assert served.call("POST", "/devices/display/test", json={"what": "number"}).status_code == 200
    expect(page.locator("[data-spot-number]")).to_have_text("A000")
    expect(page.locator("[data-spot-test]")).to_be_visible()
    page.context.close()

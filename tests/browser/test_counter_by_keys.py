"""A window worked through a whole day without touching anything but keys."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.browser import days
from tests.browser.conftest import OpenScreen
from tests.browser.served import BRANCH, Served

COUNTER = f"/b/{BRANCH}/counter?counter=C3"
_days = iter(days.NORMAL_DAY + timedelta(days=n) for n in (0, 1, 2, 3, 6))


@pytest.fixture
def hall(served: Served) -> Served:
    """Nine o'clock, nobody waits, no window is open."""
    days.open_hall(served, next(_days))
    return served


def is_focused_inside(page: Page, where: str) -> bool:
    """Whether the focus is somewhere in a part of the page, or is that part."""
    found: bool = page.evaluate("(where) => document.activeElement.closest(where) !== null", where)
    return found


def says(teller: Page, status: str) -> None:
    expect(teller.locator(".pill").first).to_have_text(status)


def test_a_whole_day_at_a_window_needs_no_mouse(hall: Served, screen: OpenScreen) -> None:
    numbers = [hall.issue("cash")["number"] for _ in range(5)]
    teller = screen("teller", COUNTER, language="en")
    press, shown = teller.keyboard.press, teller.locator(".ticket-number")
    press("o")
    says(teller, "free")
    press("n")
    expect(shown).to_have_text(numbers[0])
    press("r")
    expect(teller.locator(".at-counter")).to_contain_text("called again 1 times")
    press("s")
    says(teller, "being served")
    # One more service for afterwards: chosen by key, sent by Enter, and then the keys press buttons again.
    press("d")
    press("B")
    press("Enter")
    expect(teller.locator(".toast")).to_contain_text("Noted for afterwards.")
    press("f")
    expect(shown).to_be_hidden()
    assert hall.ticket(numbers[0])["status"] == "waiting", "and goes on to the next service"

    press("n")
    expect(shown).to_have_text(numbers[1])
    press("k")
    expect(shown).to_be_hidden()
    assert hall.ticket(numbers[1])["status"] == "held"

    press("n")
    expect(shown).to_have_text(numbers[2])
    press("a")
    expect(teller.locator(".toast-problem")).to_contain_text("Call the customer again before")
    press("r")
    expect(teller.locator(".at-counter")).to_contain_text("called again")
    press("a")
    expect(teller.locator(".toast-problem")).to_contain_text("The customer still has")
    hall.pass_minutes(2)
    press("a")
    expect(shown).to_be_hidden()
    assert hall.ticket(numbers[2])["status"] == "no_show"

    press("n")
    expect(shown).to_have_text(numbers[3])
    press("t")
    expect(teller.locator('[data-id="transfer"] select')).to_be_focused()
    expect(shown).to_have_text(numbers[3])
    press("A")  # accounts and cards
    press("Enter")
    expect(shown).to_be_hidden()
    assert hall.ticket(numbers[3])["service_id"] == "accounts"

    press("p")
    says(teller, "paused")
    press("g")
    says(teller, "free")
    press("n")
    expect(shown).to_have_text(numbers[4])
    press("c")
    says(teller, "closing after this customer")
    press("s")
    expect(teller.get_by_role("button", name="Finish")).to_be_visible()
    press("f")
    says(teller, "closed")
    assert hall.ticket(numbers[4])["status"] == "served"


def test_a_slip_of_the_finger_sends_nobody_away(hall: Served, screen: OpenScreen) -> None:
    number = hall.issue("cash")["number"]
    hall.do("OpenCounter", counter_id="C3", person_id="ma-yongan")
    teller = screen("teller", COUNTER)
    teller.keyboard.press("n")
    shown = teller.locator(".ticket-number")
    expect(shown).to_have_text(number)
    for key, form in (("t", "transfer"), ("d", "add"), ("h", "hand-over")):
        teller.keyboard.press(key)
        expect(teller.locator(f'[data-id="{form}"] select')).to_be_focused()
        teller.keyboard.press("Enter")
        expect(shown).to_have_text(number)
        teller.keyboard.press("Escape")
    assert hall.ticket(number)["status"] == "called"
    assert hall.ticket(number)["service_id"] == "cash"
    teller.keyboard.press("s")
    says(teller, "办理中")


def test_after_a_redraw_the_focus_is_where_the_button_was_and_enter_twice_presses_once(
    hall: Served, screen: OpenScreen
) -> None:
    for _ in range(2):
        hall.issue("cash")
    hall.do("OpenCounter", counter_id="C3", person_id="ma-yongan")
    teller = screen("teller", COUNTER, language="en")
    for name, then in (("Next customer", "called"), ("Start", "being served"), ("Finish", "free")):
        button = teller.get_by_role("button", name=name)
        button.focus()
        teller.keyboard.press("Enter")
        says(teller, then)
        assert is_focused_inside(teller, ".actions-main"), "not at the top of the page"
        teller.keyboard.press("Enter")
        says(teller, then)
    teller.keyboard.press("Tab")
    expect(teller.get_by_role("button", name="Next customer")).to_be_focused()


def test_a_refusal_says_why_and_what_to_do_at_the_window_itself(hall: Served, screen: OpenScreen) -> None:
    hall.issue("cash")
    hall.do("OpenCounter", counter_id="C3", person_id="ma-yongan")
    teller = screen("teller", COUNTER, language="en")
    expect(teller.get_by_role("button", name="Next customer")).to_be_enabled()
    hall.do("PauseHall", reason="disinfection", resume_ms=hall.now_ms + 1_800_000)
    teller.keyboard.press("n")
    toast = teller.locator(".toast-problem")
    expect(toast).to_contain_text("The hall is paused; nobody is called.")
    expect(toast).to_contain_text("Wait for the pause to end, or end it.")
    expect(toast).to_be_in_viewport()

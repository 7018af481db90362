"""The door in a hall that is full, before the doors open, and when they close with people in line."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.browser import days
from tests.browser.conftest import OpenScreen
from tests.browser.served import BRANCH, Served

GUARD, LOBBY, COUNTER, BRANCH_VIEW = (
    f"/b/{BRANCH}/{name}" for name in ("guard", "lobby", "counter", "branch")
)
LIMIT = 30
TABLET = {"width": 1024, "height": 768}
_prevention = iter(days.PREVENTION_DAY + timedelta(days=n) for n in (1, 2, 3, 6, 7))


@pytest.fixture
def strict(served: Served) -> Served:
    """A morning under prevention rules: checks at the door, thirty people inside at the most."""
    days.morning(served, next(_prevention), 8, 31)
    return served


def on_a_tablet(screen: OpenScreen) -> Page:
    door = screen("guard", GUARD, language="en")
    door.set_viewport_size({"width": 1024, "height": 768})
    return door


def check_in(door: Page, button: str) -> str:
    """The guard's three taps; the entry number on the slip."""
    door.get_by_label("below 37.3 °C").click()
    door.get_by_role("button", name=button).click()
    expect(door.locator("#slip")).to_be_visible()
    number = door.locator("[data-slip-number]").inner_text()
    door.locator("#slip").get_by_role("button", name="Next").click()
    return number


def test_at_closing_on_an_ordinary_day_who_is_outside_is_given_a_number_too(
    served: Served, screen: OpenScreen
) -> None:
    days.open_hall(served, days.NORMAL_DAY)
    served.do("OpenCounter", counter_id="C2", person_id="xu-jing")
    door = on_a_tablet(screen)
    door.get_by_label("Outside without a number").fill("1")
    door.get_by_role("button", name="Close the doors").click()
    door.locator("#ask").get_by_role("button", name="Yes").click()
    door.locator('[data-id="outside"]').get_by_role("button", name="Let in").click()
    expect(door.locator('[data-id="outside"]')).to_be_hidden()
    serve_the_list(served, screen, 1)


@pytest.mark.usefixtures("strict")
def test_who_is_checked_before_the_doors_open_is_told_to_wait_and_comes_in_with_them(
    screen: OpenScreen,
) -> None:
    door = on_a_tablet(screen)
    door.get_by_label("below 37.3 °C").click()
    door.get_by_role("button", name="In order: waits outside").click()
    slip = door.locator("#slip")
    expect(slip).to_contain_text("Please wait here and keep the number")
    expect(slip).not_to_contain_text("Please take it to the ticket machine", use_inner_text=True)
    slip.get_by_role("button", name="Next").click()
    outside = door.locator('[data-id="outside"]')
    expect(outside.get_by_role("listitem")).to_have_count(1)
    expect(outside.get_by_role("button", name="Let in")).to_have_count(0)
    door.get_by_role("button", name="Open the doors").click()
    expect(outside).to_be_hidden()
    expect(door.locator(".guard-head")).to_contain_text("1 inside / 30")
    door.get_by_label("below 37.3 °C").click()
    door.get_by_role("button", name="Let in").click()
    expect(slip).to_contain_text("Please take it to the ticket machine", use_inner_text=True)


def test_in_a_full_hall_people_wait_outside_and_come_in_one_by_one(
    strict: Served, screen: OpenScreen
) -> None:
    strict.pass_minutes(30)
    strict.do("OpenDoors", "guard")
    for _ in range(LIMIT):
        strict.do("RecordEntryCheck", "guard", method="place_code", result="admit", temperature="below_limit")
    strict.do("DeclareBurst", "manager", reason="crowd")
    door = on_a_tablet(screen)
    expect(door.locator('[data-id="full"]')).to_be_visible()
    last = door.get_by_role("button", name="Serve another way").bounding_box()
    assert last is not None
    assert last["y"] + last["height"] <= TABLET["height"], "the three taps stay in sight under burst and note"
    number = check_in(door, "In order: waits outside")
    outside = door.locator('[data-id="outside"]')
    outside.get_by_role("button", name="Let in").click()
    expect(door.locator(".toast-problem")).to_contain_text("The hall is full: 30 people are inside.")
    door.locator('[data-id="visits"] summary').click()
    first = door.locator('[data-id="visits"] li').first
    first.get_by_role("button", name="Left").click()
    door.locator("#ask").get_by_role("button", name="No").click()
    expect(door.locator(".guard-head")).to_contain_text("30 inside")
    first.get_by_role("button", name="Left").click()
    door.locator("#ask").get_by_role("button", name="Yes").click()
    expect(door.locator(".guard-head")).to_contain_text("29 inside")
    expect(outside).to_contain_text(number)
    outside.get_by_role("button", name="Let in").click()
    expect(outside).to_be_hidden()


def test_a_measured_fever_is_never_let_in_and_the_slip_says_where_it_is_served(
    strict: Served, screen: OpenScreen
) -> None:
    strict.pass_minutes(30)
    strict.do("OpenDoors", "guard")
    door = on_a_tablet(screen)
    door.get_by_label("37.3 °C or above").click()
    door.get_by_role("button", name="Let in").click()
    expect(door.locator(".toast-problem")).to_contain_text("Choose to refer")
    expect(door.get_by_label("37.3 °C or above")).to_be_checked()
    door.get_by_role("button", name="Serve another way").click()
    expect(door.locator("#slip")).to_contain_text("We serve you another way")
    assert strict.read("/hall")["referred_count"] == 1


def test_at_closing_who_is_outside_is_checked_let_in_given_a_number_and_served(
    strict: Served, screen: OpenScreen
) -> None:
    strict.pass_minutes(30)
    strict.do("OpenDoors", "guard")
    strict.do("OpenCounter", counter_id="C2", person_id="xu-jing")
    door = on_a_tablet(screen)
    door.get_by_label("Outside without a number").fill("2")
    door.get_by_role("button", name="Close the doors").click()
    door.locator("#ask").get_by_role("button", name="Yes").click()
    expect(door.locator('[data-id="next-check"]')).to_contain_text("number 1")
    first = check_in(door, "Let in")
    second = check_in(door, "Let in")
    assert (first, second) == ("1", "2")
    expect(door.locator('[data-id="next-check"]')).to_be_hidden()
    serve_the_list(strict, screen, 2)


def serve_the_list(served: Served, screen: OpenScreen, count: int) -> None:
    """The lobby gives the numbers, the window serves them, and the day can end."""
    lobby = screen("lobby", LOBBY, language="en")
    for _ in range(count):
        lobby.locator("[data-take-visit]").first.click()
        lobby.get_by_label("What is needed?").select_option("withdraw_cash")
        lobby.get_by_role("button", name="Give a number").click()
        expect(lobby.locator("[data-result]")).to_be_visible()
        lobby.locator("[data-clear-result]").click()
    expect(lobby.locator('[data-id="visits"]')).to_be_hidden()
    teller = screen("teller", f"{COUNTER}?counter=C2", language="en")
    for _ in range(count):
        for key, pill in (("n", "called"), ("s", "being served"), ("f", "free")):
            teller.keyboard.press(key)
            expect(teller.locator(".pill").first).to_have_text(pill)
    teller.keyboard.press("c")
    expect(teller.locator(".pill").first).to_have_text("closed")
    manager = screen("manager", BRANCH_VIEW, language="en")
    manager.get_by_role("button", name="End the day").first.click()
    expect(manager.locator('[data-id="day"]')).to_contain_text("The day has ended.")
    assert served.read("/hall")["status_counts"]["served"] == count

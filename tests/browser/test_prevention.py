"""The two steps at the door under prevention rules, by the guard's and the customer's own hands."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from playwright.sync_api import expect

from tests.browser import days
from tests.browser.conftest import OpenScreen
from tests.browser.served import BRANCH, Served

KIOSK, GUARD = f"/b/{BRANCH}/kiosk", f"/b/{BRANCH}/guard"
_days = iter(days.PREVENTION_DAY + timedelta(days=n) for n in range(4))


@pytest.fixture
def guarded_hall(served: Served) -> date:
    """Prevention rules: who comes in is checked, and the temperature is read."""
    day = next(_days)
    days.open_hall(served, day)
    return day


WORDS = {
    "zh": ("低于37.3℃", "放行", "下一位", "现金业务", "存现金", "取号"),
    "en": ("below 37.3 °C", "Let in", "Next", "Cash", "Pay in cash", "Take a number"),
}


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.usefixtures("guarded_hall")
def test_three_taps_a_slip_and_the_kiosk_gives_a_number_for_it(
    served: Served, screen: OpenScreen, language: str
) -> None:
    below, let_in, next_one, service, need, take = WORDS[language]
    guard = screen("guard", GUARD, language=language)
    guard.get_by_label(below).check()
    guard.get_by_role("button", name=let_in, exact=True).click()
    slip = guard.locator("#slip")
    expect(slip).to_be_visible()
    entry = slip.locator("[data-slip-number]").inner_text()
    slip.get_by_role("button", name=next_one).click()
    expect(guard.locator("[name=temperature]:checked")).to_have_count(0)
    expect(guard.locator('[data-id="visits"]')).to_contain_text(entry)

    kiosk = screen("kiosk", KIOSK, language=language)
    kiosk.get_by_role("link", name=service).first.click()
    kiosk.get_by_role("link", name=need, exact=True).click()
    for digit in entry:
        kiosk.locator(f'[data-digit="{digit}"]').click()
    kiosk.evaluate("htmx.trigger(document.body, 'refresh')")
    kiosk.wait_for_timeout(500)
    expect(kiosk.locator(".keypad-out")).to_have_text(entry)  # what happens meanwhile takes nothing away
    kiosk.locator(".keys .primary").click()
    kiosk.get_by_role("button", name=take, exact=True).click()
    number = kiosk.locator(".ticket-number").inner_text()
    assert served.ticket(number)["visit_id"] == f"v{entry}"
    expect(guard.locator('[data-id="visits"]')).to_be_hidden()


@pytest.mark.usefixtures("guarded_hall")
def test_somebody_with_fever_is_served_another_way_and_never_just_sent_off(screen: OpenScreen) -> None:
    guard = screen("guard", GUARD)
    guard.get_by_label("37.3℃及以上").check()
    guard.get_by_role("button", name="另行接待").click()
    slip = guard.locator("#slip")
    expect(slip).to_contain_text("我们另行为您办理")
    expect(slip).to_contain_text("接待室")
    expect(slip.locator("[data-slip-number]")).to_be_hidden()


@pytest.mark.usefixtures("guarded_hall")
def test_a_wrong_entry_number_is_said_at_once_and_a_person_is_near(screen: OpenScreen) -> None:
    kiosk = screen("kiosk", f"{KIOSK}?need=withdraw_cash&visit=v999")
    expect(kiosk.get_by_role("alert").filter(has_text="今天没有入场号999")).to_be_visible()
    expect(kiosk.get_by_role("link", name="我想请工作人员帮忙")).to_be_visible()
    expect(kiosk.locator(".keypad")).to_be_visible()

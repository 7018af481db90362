"""Somebody of 82 books on a phone, is reminded, moves, cancels, and comes: early, in time and late [C17]."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from openhall.kernel.clock import to_datetime
from tests.browser import customers, days
from tests.browser.conftest import OpenScreen, Watch
from tests.browser.gateways import Gateway
from tests.browser.served import BRANCH, ZONE, Served, free_port, install

DAY = days.NORMAL_DAY
TOMORROW = DAY + timedelta(days=1)
NUMBER = "13812345678"
PUBLIC = "https://hall.bank.example"
KIOSK = f"/b/{BRANCH}/kiosk"
CHOICES_AT_MOST = 7
"""Three, the way to more and to all, back, and a person."""
TEXT_PX, TOUCH_PX = 24, customers.TARGET_PX_AT_LEAST


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    found = Gateway()
    yield found
    found.stop()


@pytest.fixture(scope="module")
def served(gateway: Gateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A bank with text messages and an app; nine o'clock, one window staffed."""
    folder = tmp_path_factory.mktemp("booked") / "hall"
    install(folder)
    server = f'[server]\npublic_address = "{PUBLIC}"\n'
    (folder / "openhall.toml").write_text(server + gateway.settings("sms", "app"), encoding="utf-8")
    running = Served(folder, free_port())
    running.start()
    try:
        days.open_hall(running, DAY, counters=1)
        yield running
    finally:
        running.stop()


def large_and_open(page: Page) -> None:
    """What elder mode promises of every page."""
    assert page.evaluate(customers.SMALL_TEXT, TEXT_PX) == [], page.url
    assert page.evaluate(customers.NARROW_TARGETS, TOUCH_PX) == [], page.url
    assert page.evaluate(customers.TOO_WIDE) <= 0, page.url
    assert customers.axe(page) == [], page.url


def steps(page: Page, *names: str | re.Pattern[str]) -> None:
    """One question a page, answered by a tap, each page measured."""
    for name in names:
        large_and_open(page)
        while not page.get_by_role("link", name=name).count():
            tap(page, page.locator("[data-id=more]"))
        tap(page, page.get_by_role("link", name=name).first)
    large_and_open(page)


def tap(page: Page, control: Locator) -> None:
    """And wait for the page that comes of it."""
    with page.expect_navigation():
        control.tap()


def words_of(day: date, language: str) -> str:
    return f"{day.month}月{day.day}日" if language == "zh" else f"{day.day} {day:%B}"


def test_booked_told_moved_reminded_and_cancelled_with_a_phone_in_large_type(
    served: Served, gateway: Gateway, browser: Browser, watch: Watch
) -> None:
    with customers.phone(browser, served, watch, "/book", elder=34) as phone:
        steps(phone, re.compile("梧桐路支行"), "现金业务", re.compile(words_of(TOMORROW, "zh")))
        assert phone.evaluate(customers.CHOICES) <= CHOICES_AT_MOST
        tap(phone, phone.locator("[data-id=every]"))
        tap(phone, phone.locator(".book-times a").last)
        steps(phone, "要，发短信")
        phone.get_by_label("手机号码").fill("138 1234 5678")
        phone.get_by_label("我同意").check()
        tap(phone, phone.locator("form[data-id=send] button.primary"))
        expect(phone.locator("main")).to_contain_text("按您的要求")
        code = phone.locator(".book-code").inner_text()
        large_and_open(phone)
        told = gateway.next("sms", "appointment.booked")
        assert (told["to"], told["blanks"]["code"]) == ({"contact": NUMBER}, code)
        assert words_of(TOMORROW, "zh") in told["text"]
        # The message is opened later, on any phone: its link is the whole right.
        link = re.search(rf"{PUBLIC}(/a/\S+)", told["text"])
        assert link
        phone.goto(served.url + link[1])
        steps(phone, "换个时间", re.compile(words_of(TOMORROW, "zh")))
        phone.locator(".book-times button").nth(1).tap()
        expect(phone.locator(".book-code")).not_to_have_text(code)
        moved = gateway.next("sms", "appointment.booked")
        served.set_time(TOMORROW, 8, 45)
        reminder = gateway.next("sms", "appointment.reminder")
        assert reminder["blanks"]["code"] == moved["blanks"]["code"], "of the new time, and of nothing else"
        link = re.search(rf"{PUBLIC}(/a/\S+)", reminder["text"])
        assert link
        phone.goto(served.url + link[1])
        steps(phone, "取消预约")
        phone.get_by_role("button", name="是，取消").tap()
        expect(phone.get_by_text("这个预约已取消")).to_be_visible()
        large_and_open(phone)
    assert gateway.rest() == []


def test_without_scripts_in_english_by_the_banks_app_and_a_wrong_name_is_said(
    served: Served, gateway: Gateway, browser: Browser, watch: Watch
) -> None:
    after = TOMORROW + timedelta(days=1)
    at = f"/book/{BRANCH}"
    with customers.phone(browser, served, watch, at, language="en", java_script_enabled=False) as phone:
        for name in ("Cash", re.compile(words_of(after, "en"))):
            phone.get_by_role("link", name=name).first.tap()
        phone.locator(".book-times a").first.tap()
        phone.get_by_role("link", name="Yes, in the bank's app").tap()
        phone.get_by_label("Your user name in the bank's app").fill("li xiulan")
        phone.get_by_label("I agree").check()
        phone.get_by_role("button", name="Book this time").tap()
        expect(phone.get_by_role("alert")).to_contain_text("not a number or an address")
        phone.get_by_label("Your user name in the bank's app").fill("li.xiulan")
        phone.get_by_label("I agree").check()
        phone.get_by_role("button", name="Book this time").tap()
        expect(phone.locator(".book-code")).to_be_visible()
        expect(phone.locator("main")).not_to_contain_text("li.xiulan")
    told = gateway.next("app")
    assert (told["to"], told["language"]) == ({"contact": "li.xiulan"}, "en")


def test_a_notice_about_the_number_goes_to_the_banks_app_beside_text_messages(
    served: Served, gateway: Gateway, browser: Browser, watch: Watch
) -> None:
    number = str(served.issue("cash")["number"])
    with customers.phone(browser, served, watch, customers.address(served, number), elder=28) as phone:
        panel = phone.locator("#notice")
        panel.locator("summary").tap()
        expect(panel).to_contain_text("我们只用它向您发送今天号码的提醒")
        panel.get_by_text("本行手机应用", exact=True).tap()
        panel.locator("input[name=to]").fill("li.xiulan")
        large_and_open(phone)
        panel.get_by_role("button", name="同意并提醒我").tap()
        expect(panel).to_contain_text("会给您发消息")
    told = gateway.next("app", "notice.ahead")
    assert (told["to"], told["blanks"]["number"]) == ({"contact": "li.xiulan"}, number)
    served.do("MarkReneged", ticket_id=served.ticket(number)["id"])


# --- at the ticket machine ----------------------------------------------------------------------------


def booked(served: Served, day: date, hour: int, minute: int, branch: str = BRANCH) -> str:
    """The code of an appointment that staff made for a moment."""
    token = served.token("operations")
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"{branch}-{day}-{hour}-{minute}"}
    path = f"{served.url}/api/branches/{branch}/appointments"
    slots = httpx.get(f"{path}?day={day}", headers=headers).json()["slots"]
    wanted = f"{hour:02}:{minute:02}"
    slot = next(s for s in slots if s["free"] and moment(s["at_ms"]) >= wanted)
    body = {"day": day.isoformat(), "service_id": slot["service_id"], "at_ms": slot["at_ms"]}
    answer = httpx.post(path, headers=headers, json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return str(made["code"]) + " " + moment(int(made["at_ms"]))


def moment(at_ms: int) -> str:
    return to_datetime(at_ms, ZONE).strftime("%H:%M")


def type_code(kiosk: Page, code: str, language: str) -> None:
    """By touch, digit by digit, as shown on the slip."""
    kiosk.goto(kiosk.url.split("/b/")[0] + KIOSK)
    kiosk.locator('[data-id="appointment"]').click()
    for digit in code:
        kiosk.locator(f'[data-digit="{digit}"]').click()
    expect(kiosk.locator(".keypad-out")).to_have_text(code)
    kiosk.get_by_role("button", name="我到了" if language == "zh" else "I am here").click()


@pytest.mark.parametrize(("language", "elder"), [("zh", 40), ("en", 0)])
def test_a_code_is_typed_at_the_ticket_machine_early_in_time_late_unknown_and_elsewhere(
    served: Served, screen: OpenScreen, language: str, elder: int
) -> None:
    day = TOMORROW + timedelta(days=1 if language == "zh" else 4)
    served.set_time(day, 8, 50)
    served.open_day()
    served.do("OpenDoors", "guard")
    first, at = booked(served, day, 10, 0).split()
    late, late_at = booked(served, day, 9, 0).split()
    elsewhere = booked(served, day, 11, 0, branch="qingdu").split()[0]
    another_day = booked(served, day + timedelta(days=1), 9, 0).split()[0]
    kiosk = screen("kiosk", KIOSK, language=language)
    if elder:
        kiosk.context.add_cookies([{"name": "openhall_elder", "value": str(elder), "url": served.url}])
    said = kiosk.locator("#said")
    zh = language == "zh"

    type_code(kiosk, first, language)
    expect(said).to_contain_text("开始签到" if zh else "Checking in for this appointment begins at")
    if elder:
        assert kiosk.evaluate(customers.SMALL_TEXT, TEXT_PX) == []
        assert kiosk.evaluate(customers.NARROW_TARGETS, TOUCH_PX) == []
    assert customers.axe(kiosk) == []
    hour, minute = (int(part) for part in at.split(":"))
    served.set_time(day, hour - 1, minute + 50 if minute < 10 else 59)
    kiosk.reload()
    type_code(kiosk, first, language)
    expect(kiosk.locator(".ticket-number")).to_have_text(re.compile(r"^[A-Z]\d{3}$"))
    number = kiosk.locator(".ticket-number").inner_text()
    assert served.ticket(number)["status"] == "waiting"

    type_code(kiosk, first, language)
    expect(said).to_contain_text(number)
    type_code(kiosk, f"{day:%m%d}{(int(first[4:]) + 1) % 100_000:05}", language)
    expect(said).to_contain_text("这里没有这个预约码" if zh else "There is no appointment with this code")
    type_code(kiosk, elsewhere, language)
    expect(said).to_contain_text("清渡" if zh else "Qingdu")
    type_code(kiosk, another_day, language)
    expect(said).to_contain_text("这个预约是" if zh else "This appointment is for")
    assert late_at < at
    type_code(kiosk, late, language)
    expect(kiosk.locator(".ticket-number")).to_have_text(re.compile(r"^[A-Z]\d{3}$"))
    walked_in = served.ticket(kiosk.locator(".ticket-number").inner_text())
    assert walked_in["joined_ms"] > served.ticket(number)["joined_ms"]


# --- a colleague ---------------------------------------------------------------------------------------


def test_a_teller_rings_by_one_key_and_sees_who_comes(screen: OpenScreen) -> None:
    teller = screen("teller", f"/b/{BRANCH}/counter?counter=C3", language="en")
    lobby, guard = screen("lobby", f"/b/{BRANCH}/lobby"), screen("guard", f"/b/{BRANCH}/guard")
    teller.keyboard.press("b")
    expect(teller.locator("[data-id=own-ring]")).to_contain_text("A colleague has been asked to come to you.")
    assert customers.axe(teller) == []
    expect(guard.locator(".rings")).to_contain_text("3号窗口")
    expect(lobby.locator(".rings")).to_contain_text("需要同事")
    lobby.locator(".rings").get_by_role("button", name="我过去").click()
    expect(teller.locator("[data-id=own-ring]")).to_contain_text("is coming to you")
    teller.get_by_role("button", name="Was here").click()
    expect(teller.locator("[data-id=own-ring]")).to_have_count(0)
    expect(guard.locator(".rings")).to_have_count(0)
    teller.locator("[data-id=ring] select").select_option("authorise")
    teller.locator("[data-id=ring] button").click()
    expect(lobby.locator(".rings")).to_contain_text("需要授权")
    lobby.locator(".rings").get_by_role("button", name="完成").click()


def test_hall_and_door_ring_for_each_other(screen: OpenScreen) -> None:
    lobby, guard = screen("lobby", f"/b/{BRANCH}/lobby"), screen("guard", f"/b/{BRANCH}/guard")
    guard.locator("[data-id=ring] select").select_option("calm")
    guard.locator("[data-id=ring] button").click()
    expect(guard.locator("[data-id=own-ring]")).to_be_visible()
    expect(guard.locator(".rings").get_by_role("button", name="我过去")).to_have_count(0)
    expect(lobby.locator(".rings")).to_contain_text("情绪激动")
    lobby.locator(".rings").get_by_role("button", name="我过去").click()
    expect(guard.locator("[data-id=own-ring]")).to_contain_text("钱立新")
    assert customers.axe(guard) == []
    assert customers.axe(lobby) == []
    lobby.locator(".rings").get_by_role("button", name="完成").click()
    lobby.locator("[data-id=ring] button").click()
    expect(guard.locator(".rings")).to_contain_text("厅堂")
    guard.locator(".rings").get_by_role("button", name="完成").click()

"""The hall's workflows, done by hand on the screens of the people who do them."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.browser import days
from tests.browser.conftest import OpenScreen
from tests.browser.served import BRANCH, Served

KIOSK, GUARD, LOBBY, DISPLAY, COUNTER, BRANCH_VIEW = (
    f"/b/{BRANCH}/{name}" for name in ("kiosk", "guard", "lobby", "display", "counter", "branch")
)
PENSION_DAYS = {date(2026, 12, 15), date(2026, 12, 16)}
"""They check in an hour before opening, not half an hour: left out here."""
_days = iter(
    unused
    for n in range(35)
    if (unused := days.NORMAL_DAY + timedelta(days=n)).weekday() < 5 and unused not in PENSION_DAYS
)


@pytest.fixture
def day() -> date:
    """A business day that no other test has used: its own hall, from the first number on."""
    return next(_days)


@pytest.fixture
def open_hall(served: Served, day: date) -> Served:
    """Nine o'clock: doors open, windows 2, 3 and 4 staffed, nobody waiting."""
    days.open_hall(served, day)
    for counter in ("C2", "C3", "C4"):
        served.do("OpenCounter", counter_id=counter, person_id=days.TELLERS[counter])
    return served


def take_number(kiosk: Page, *choices: str) -> str:
    """Tap through the kiosk; the number on the last page."""
    for choice in choices:
        kiosk.get_by_role("link", name=choice).or_(kiosk.get_by_role("button", name=choice)).first.click()
    return kiosk.locator(".ticket-number").inner_text()


# --- W2 -----------------------------------------------------------------------------------------------


def test_who_checks_in_before_opening_is_called_first_when_the_doors_open(
    served: Served, day: date, screen: OpenScreen
) -> None:
    days.morning(served, day)
    kiosk = screen("kiosk", KIOSK)
    expect(kiosk.get_by_role("heading", name="08:30开始取号")).to_be_visible()
    served.set_time(day, 8, 31)
    kiosk.reload()
    expect(kiosk.locator(".note")).to_contain_text("09:00开门")
    first = take_number(kiosk, "现金业务", "取现金", "取号")
    served.set_time(day, 9, 0)
    guard = screen("guard", GUARD)
    guard.get_by_role("button", name="打开大门").click()
    expect(guard.locator(".guard-head")).to_contain_text("大门已打开")
    served.issue("cash")
    served.do("OpenCounter", counter_id="C2", person_id="xu-jing")
    teller = screen("teller", f"{COUNTER}?counter=C2")
    teller.keyboard.press("n")
    expect(teller.locator(".ticket-number")).to_have_text(first)


# --- W4 -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "give", "offered"), [("zh", "发号", "自助机"), ("en", "Give a number", "cash machine")]
)
def test_the_lobby_manager_triages_a_customer_and_offers_the_machine(
    open_hall: Served, screen: OpenScreen, language: str, give: str, offered: str
) -> None:
    lobby = screen("lobby", LOBBY, language=language)
    form = lobby.locator("[data-triage]")
    form.locator("[name=need]").select_option("withdraw_cash")
    form.locator("[name=has_card]").check()
    form.locator("[name=amount]").fill("3,000")
    form.get_by_role("button", name=give).click()
    number = lobby.locator("[data-result-number]")
    expect(number).to_have_text("A001")
    lobby.locator("[data-result]").get_by_role("button", name=offered).click()
    expect(lobby.locator('[data-id="diversions"]')).to_contain_text("A001")
    assert open_hall.ticket("A001")["status"] == "waiting", "an offer moves nobody"


# --- W5 -----------------------------------------------------------------------------------------------


def test_a_customer_steps_out_and_comes_back_to_the_same_place(open_hall: Served, screen: OpenScreen) -> None:
    first, second = (open_hall.issue("cash")["number"] for _ in range(2))
    lobby = screen("lobby", LOBBY)
    lobby.get_by_label(f"{first}号的更多操作").click()
    sheet = lobby.locator("#sheet")
    sheet.get_by_label("电话（客户自愿）").fill("555 0134")
    sheet.get_by_label("已向客户宣读或出示，客户同意").check()
    sheet.get_by_role("button", name="保留位置30分钟").click()
    expect(sheet).to_be_hidden()
    held = lobby.locator('[data-id="held"]')
    expect(held).to_contain_text(first)

    # The contact is sealed: a look needs a reason, and it can be erased.
    held.get_by_role("button", name="更多").click()
    sheet.get_by_role("button", name="查看").click()
    expect(sheet.locator(".sealed-shown")).to_have_text("555 0134")
    sheet.get_by_role("button", name="删除").click()
    lobby.locator("#ask").get_by_role("button", name="是").click()
    expect(sheet).to_contain_text("已删除")
    sheet.get_by_role("button", name="关闭").click()

    held.get_by_role("button", name="已返回").click()
    expect(held).to_be_hidden()
    expect(lobby.locator('[data-id="line"] li').first).to_contain_text(first)
    assert [t["number"] for t in open_hall.read("/tickets")] == [first, second]
    log = str(open_hall.read("/events?limit=1000"))
    # As it was typed, and without the blank; four digits alone stand in some moment or hash by chance.
    assert "555 0134" not in log, "nothing personal is in the log"
    assert "5550134" not in log


def test_who_comes_back_late_is_let_back_in_by_name(open_hall: Served, screen: OpenScreen) -> None:
    number = open_hall.issue("cash")["number"]
    lobby = screen("lobby", LOBBY, language="en")
    lobby.get_by_label(f"More about {number}").click()
    lobby.get_by_role("button", name="Keep the place for 30 minutes").click()
    expect(lobby.locator('[data-id="held"]')).to_contain_text(number)
    open_hall.pass_minutes(40)
    lobby.reload()
    expect(lobby.locator('[data-id="held"]')).to_contain_text("late")
    lobby.get_by_role("button", name="Is back").click()
    expect(lobby.locator('[data-id="line"]')).to_contain_text(number)


# --- W6, W7 -------------------------------------------------------------------------------------------


def test_a_helper_goes_along_to_the_machine_and_the_customer_does_it(
    open_hall: Served, screen: OpenScreen
) -> None:
    number = open_hall.issue("cash", need="withdraw_cash")["number"]
    lobby = screen("lobby", LOBBY)
    lobby.get_by_label(f"{number}号的更多操作").click()
    lobby.locator("#sheet").get_by_role("button", name="自助机", exact=True).click()
    offers = lobby.locator('[data-id="diversions"]')
    offers.get_by_role("button", name="客户同意").click()
    expect(offers).to_contain_text("钱立新")
    offers.get_by_role("button", name="已到现场").click()
    expect(offers).to_contain_text("进行中")
    offers.get_by_role("button", name="客户本人操作完成").click()
    expect(offers).to_be_hidden()
    assert open_hall.ticket(number)["status"] == "diverted"


def test_when_the_video_teller_cannot_help_the_customer_is_back_at_the_old_place(
    open_hall: Served, screen: OpenScreen
) -> None:
    first = open_hall.issue("accounts", need="reset_password")["number"]
    open_hall.issue("accounts")
    lobby = screen("lobby", LOBBY, language="en")
    lobby.get_by_label(f"More about {first}").click()
    lobby.locator("#sheet").get_by_role("button", name="video teller").click()
    offers = lobby.locator('[data-id="diversions"]')
    offers.get_by_role("button", name="Accepted").click()
    offers.get_by_role("button", name="There now").click()
    offers.get_by_role("button", name="Did not work: back in line").click()
    expect(lobby.locator('[data-id="line"] li').first).to_contain_text(first)


# --- W8 -----------------------------------------------------------------------------------------------


def test_a_green_channel_is_claimed_at_the_kiosk_and_confirmed_by_a_person(
    open_hall: Served, screen: OpenScreen
) -> None:
    for _ in range(3):
        open_hall.issue("pension")
    open_hall.pass_minutes(5)
    kiosk = screen("kiosk", KIOSK)
    number = take_number(kiosk, "养老金与存折", "领取养老金", "绿色通道")
    expect(kiosk.locator("main")).to_contain_text("工作人员会来为您确认，号码现在就有效")
    assert open_hall.read("/tickets")[-1]["number"] == number, "a claim alone overtakes nobody"
    lobby = screen("lobby", LOBBY)
    claims = lobby.locator('[data-id="claims"]')
    expect(claims).to_contain_text(number)
    claims.get_by_role("button", name="已核实").click()
    expect(claims).to_be_hidden()
    assert open_hall.read("/tickets")[0]["number"] == number


def test_somebody_who_cannot_choose_gets_a_number_and_a_person(open_hall: Served, screen: OpenScreen) -> None:
    kiosk = screen("kiosk", KIOSK, language="en")
    number = take_number(
        kiosk, "I would like a person to help me", "Take a number, a colleague helps me", "Take a number"
    )
    assert open_hall.ticket(number)["handling"] == ["accompany"]
    teller = screen("teller", f"{COUNTER}?counter=C2", language="en")
    teller.keyboard.press("n")
    lobby = screen("lobby", LOBBY, language="en")
    lobby.locator('[data-id="escorts"]').get_by_role("button", name="I go").click()
    lobby.locator('[data-id="escorts"]').get_by_role("button", name="Arrived").click()
    expect(lobby.locator('[data-id="escorts"]')).to_be_hidden()


# --- W9 -----------------------------------------------------------------------------------------------


def test_a_window_is_worked_by_keyboard_alone(served: Served, day: date, screen: OpenScreen) -> None:
    days.open_hall(served, day)
    first, second, third = (served.issue("cash")["number"] for _ in range(3))
    teller = screen("teller", f"{COUNTER}?counter=C3")
    shown = teller.locator(".ticket-number")
    teller.keyboard.press("o")
    expect(teller.locator(".pill").first).to_have_text("空闲")
    teller.keyboard.press("n")
    expect(shown).to_have_text(first)
    teller.keyboard.press("s")
    expect(teller.locator(".pill").first).to_have_text("办理中")
    teller.keyboard.press("f")
    expect(shown).to_be_hidden()
    teller.keyboard.press("n")
    expect(shown).to_have_text(second)
    teller.keyboard.press("r")
    expect(teller.locator(".at-counter")).to_contain_text("重复叫号1次")
    teller.keyboard.press("a")
    expect(teller.locator(".toast-problem")).to_contain_text("到场时间")
    served.pass_minutes(2)
    teller.keyboard.press("a")
    expect(shown).to_be_hidden()
    assert served.ticket(second)["status"] == "no_show"
    teller.keyboard.press("n")
    expect(shown).to_have_text(third)
    teller.keyboard.press("t")
    teller.locator('[data-id="transfer"] select').select_option("accounts")
    teller.keyboard.press("Enter")
    expect(shown).to_be_hidden()
    assert served.ticket(third)["service_id"] != "cash"
    teller.keyboard.press("p")
    expect(teller.locator(".pill").first).to_have_text("暂停")
    teller.keyboard.press("g")
    expect(teller.locator(".pill").first).to_have_text("空闲")
    teller.keyboard.press("c")
    expect(teller.get_by_role("heading", name="本窗口未开启")).to_be_visible()


def test_a_key_pressed_into_a_field_presses_no_button(open_hall: Served, screen: OpenScreen) -> None:
    open_hall.issue("cash")
    manager = screen("manager", f"{COUNTER}?counter=C2", language="en")
    manager.locator('[data-id="pause"] select').focus()
    manager.keyboard.press("n")
    manager.wait_for_timeout(300)
    assert open_hall.read("/tickets"), "nobody was called"


def test_a_manager_opens_hands_over_and_closes_a_window(open_hall: Served, screen: OpenScreen) -> None:
    manager = screen("manager", BRANCH_VIEW)
    seven = manager.locator('.window[data-id="C7"]')
    seven.locator("select").select_option("gao-fei")
    seven.get_by_role("button", name="开启").click()
    expect(seven).to_contain_text("高飞")
    seven.locator("summary").click()
    seven.locator("select").select_option("su-wan")
    seven.get_by_role("button", name="交接").click()
    expect(seven.locator(".window-person")).to_have_text("苏婉 Su Wan")
    seven.get_by_role("button", name="关闭").click()
    expect(seven.locator(".pill")).to_have_text("已关闭")
    assert open_hall.read("/hall")["counters"][6]["status"] == "closed"


# --- W10, W11, W12 ------------------------------------------------------------------------------------


def test_paper_numbers_and_calls_by_voice_are_entered_afterwards(
    open_hall: Served, screen: OpenScreen
) -> None:
    open_hall.pass_minutes(60)
    lobby = screen("lobby", LOBBY)
    lobby.get_by_text("手写补录").click()
    number = lobby.locator('[data-command="EnterPaperTicket"]')
    number.locator("[name=paper_number]").fill("7")
    number.locator("[name=joined_ms]").fill("09:10")
    number.get_by_role("button", name="补录号码").click()
    entered = lobby.locator('[data-id="line"] b').first
    expect(entered).to_be_visible()
    called = lobby.locator('[data-command="EnterPaperCall"]')
    called.locator("[name=ticket_id]").fill(entered.inner_text().lower())
    called.locator("[name=counter_id]").select_option("C2")
    called.locator("[name=person_id]").select_option("xu-jing")
    called.locator("[name=called_ms]").fill("09:20")
    called.locator("[name=ended_ms]").fill("09:31")
    called.get_by_role("button", name="补录叫号").click()
    expect(lobby.locator('[data-id="nobody"]')).to_be_visible()
    assert open_hall.read("/hall")["status_counts"]["served"] == 1


def test_at_the_noon_pause_everybody_is_told_when_it_goes_on(open_hall: Served, screen: OpenScreen) -> None:
    open_hall.issue("cash")
    open_hall.pass_minutes(180)
    display, kiosk = screen("display", DISPLAY), screen("kiosk", KIOSK, language="en")
    manager = screen("manager", BRANCH_VIEW, language="en")
    pause = manager.locator('[data-id="pause"]')
    pause.locator("select").select_option("disinfection")
    pause.locator("[name=resume_ms]").fill("45")
    pause.get_by_role("button", name="Pause").click()
    expect(manager.locator('[data-id="day"]')).to_contain_text("The hall is paused until 12:4")
    expect(display.locator(".tv-notice")).to_contain_text("您的排队位置保留")
    expect(display.locator(".tv-notice")).to_contain_text("Your place is kept. We go on at 12:4")
    expect(kiosk.locator(".note")).to_contain_text("The windows go on at 12:4")
    teller = screen("teller", f"{COUNTER}?counter=C2", language="en")
    teller.keyboard.press("n")
    expect(teller.locator(".toast-problem")).to_contain_text("The hall is paused; nobody is called.")
    manager.get_by_role("button", name="End the pause").click()
    expect(display.locator(".tv-notice")).to_be_hidden()


def test_when_the_doors_close_everybody_in_line_is_served_and_then_the_day_ends(
    open_hall: Served, screen: OpenScreen
) -> None:
    number = open_hall.issue("cash")["number"]
    guard, display, kiosk = screen("guard", GUARD), screen("display", DISPLAY), screen("kiosk", KIOSK)
    guard.get_by_role("button", name="关闭大门").click()
    guard.locator("#ask").get_by_role("button", name="是").click()
    expect(guard.locator('[data-id="late"]')).to_be_visible()
    expect(display.locator(".tv-notice")).to_contain_text("厅内客户都会办理")
    expect(kiosk.locator("main")).to_contain_text("今日已停止取号")
    manager = screen("manager", BRANCH_VIEW)
    manager.get_by_role("button", name="结束营业日").first.click()
    expect(manager.locator(".toast-problem")).to_contain_text("还有1人未办理")
    teller = screen("teller", f"{COUNTER}?counter=C2")
    teller.keyboard.press("n")
    expect(teller.locator(".ticket-number")).to_have_text(number)
    teller.keyboard.press("s")
    expect(teller.locator(".pill").first).to_have_text("办理中")
    teller.keyboard.press("f")
    expect(teller.locator(".ticket-number")).to_be_hidden()
    for counter in ("C2", "C3", "C4"):
        open_hall.do("CloseCounter", counter_id=counter)
    manager.get_by_role("button", name="结束营业日").first.click()
    expect(display.locator(".tv-whole")).to_contain_text(re.compile("再见.*Goodbye", re.DOTALL))


def test_after_a_power_cut_the_day_is_ended_by_force_with_a_reason_and_a_name(
    open_hall: Served, screen: OpenScreen
) -> None:
    numbers = [open_hall.issue("cash")["number"] for _ in range(2)]
    manager = screen("manager", BRANCH_VIEW, language="en")
    manager.locator('[data-id="force"] summary').click()
    force = manager.locator('[data-command="ForceEndDay"]')
    force.locator("[name=reason]").select_option("power_cut")
    force.locator("[name=approved_by]").select_option("deng-zhigang")
    force.get_by_role("button", name="End by force").click()
    manager.locator("#ask").get_by_role("button", name="No").click()
    assert not open_hall.read("/hall")["is_ended"], "a question first"
    force.get_by_role("button", name="End by force").click()
    manager.locator("#ask").get_by_role("button", name="Yes").click()
    expect(manager.locator('[data-id="day"]')).to_contain_text("The day has ended.")
    assert [open_hall.ticket(number)["status"] for number in numbers] == ["unserved", "unserved"]
    ended = open_hall.read("/events?limit=1000")
    assert any("power_cut" in str(event) and "deng-zhigang" in str(event) for event in ended)


def test_what_a_customer_says_is_sealed_and_the_rating_is_not(open_hall: Served, screen: OpenScreen) -> None:
    number = open_hall.issue("cash")["number"]
    lobby = screen("lobby", LOBBY)
    lobby.get_by_text("表扬、投诉、评分").click()
    form = lobby.locator('[data-command="RecordFeedback"]')
    form.locator("[name=kind]").select_option("praise")
    form.locator("[name=ticket_id]").fill(number.lower())
    form.locator("textarea").fill("许师傅很耐心")
    form.get_by_role("button", name="提交").click()
    expect(lobby.locator(".toast")).to_contain_text("已记录")
    lobby.get_by_role("link", name="加密留存").click()
    expect(lobby.locator(".panel h3")).to_contain_text(number)
    lobby.get_by_role("button", name="查看").click()
    expect(lobby.locator(".sealed-shown")).to_have_text("许师傅很耐心")

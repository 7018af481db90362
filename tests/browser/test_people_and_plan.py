"""The day by its plan: one tap for what is due [W9], a burst on every screen [W10], colleagues lent [W24]."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import planned
from tests.browser.conftest import PATIENT_MS, OpenScreen
from tests.browser.customers import AXE, AXE_RULES
from tests.browser.served import BRANCH, Served
from tests.browser.test_screens import said_in_english

LOBBY, BRANCH_VIEW, GUARD, COUNTER = (
    f"/b/{BRANCH}/{name}" for name in ("lobby", "branch", "guard", "counter?counter=C1")
)
THERE = f"/b/{planned.OTHER}/branch"
HE, BAI = "he-xiaozhou", "bai-xiao"

# What is shown at once, and a name or a button there.
SMALL_TARGETS = """(least) => [...document.querySelectorAll('main button, main select, main summary')]
  .filter((e) => e.offsetParent !== null)
  .filter((e) => e.getBoundingClientRect().height < least || e.getBoundingClientRect().width < least)
  .map((e) => e.outerHTML.slice(0, 80))"""
CUT_OFF = """() => [...document.querySelectorAll('.plan-now *, .people *, .more-people *, .help *, .burst *')]
  .filter((e) => e.offsetParent !== null && e.tagName !== 'SELECT' && e.scrollWidth > e.clientWidth + 1)
  .filter((e) => getComputedStyle(e).display !== 'inline')
  .map((e) => e.outerHTML.slice(0, 80))"""
TARGET_PX = 44
SIZES = {
    "tablet": {"width": 1024, "height": 768},
    "tablet upright": {"width": 768, "height": 1024},
    "phone": {"width": 390, "height": 844},
    "laptop": {"width": 1440, "height": 900},
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Two branches with published plans."""
    with planned.serving_planned(tmp_path_factory.mktemp("bank") / "hall") as running:
        yield running


def row(page: Page | Locator, data_id: str) -> Locator:
    return page.locator(f'[data-id="{data_id}"]')


def seat(served: Served, counter: str) -> str:
    """Who sits at a counter."""
    found = next(k for k in served.read("/hall")["counters"] if k["id"] == counter)
    return str(found["person_id"])


def test_the_plans_proposals_are_followed_with_one_tap(served: Served, screen: OpenScreen) -> None:
    planned.morning(served, 9, 0)
    lobby = screen("lobby", LOBBY, size="lobby")
    first = row(lobby, "due open C1 su-wan")
    expect(first).to_contain_text("开1号窗口，由苏婉 Su Wan坐席")
    expect(first).to_contain_text("09:00–12:00")
    first.get_by_role("button", name="开启").click()
    expect(first).to_have_count(0)
    assert seat(served, "C1") == "su-wan"

    manager = screen("manager", BRANCH_VIEW, language="en")
    second = row(manager, "due open C2 xu-jing")
    expect(second).to_contain_text("Open window 2 with 徐静 Xu Jing")
    second.get_by_role("button", name="Open").click()
    expect(second).to_have_count(0)
    assert seat(served, "C2") == "xu-jing"

    counter = screen("teller", COUNTER, language="en")
    expect(row(counter, "own-next")).to_have_text("Lunch break at 12:00 · 高飞 Gao Fei takes over")
    head_office = screen("operations", "/", language="en")
    expect(row(head_office, BRANCH)).to_contain_text("Proposals of the plan: 2")

    served.set_time(planned.DAY, 11, 59)
    manager.reload()
    expect(row(manager, "coming")).to_contain_text("1")
    over = row(manager, "due hand_over C1 gao-fei")
    expect(over).to_contain_text("Hand window 1 over to 高飞 Gao Fei 12:00–13:00")
    expect(over).to_contain_text("苏婉 Su Wan goes to lunch till 13:00")
    served.set_time(planned.DAY, 12, 4)
    counter.reload()
    expect(row(counter, "own-next")).to_contain_text("Now: lunch break till 13:00")
    over.get_by_role("button", name="Hand over").click()
    expect(over).to_have_count(0)
    assert seat(served, "C1") == "gao-fei"
    expect(row(counter, "own-next")).to_have_text("At 13:00 to window 2")


def test_who_has_not_come_is_not_proposed_until_somebody_sees_them(
    served: Served, screen: OpenScreen
) -> None:
    planned.morning(served, 13, 10)
    lobby = screen("lobby", LOBBY, language="en")
    due = row(lobby, "due open C4 xie-yutong")
    expect(due).to_have_count(1)
    people = row(lobby, "people")
    people.get_by_text("Everybody today").click()
    row(people, "xie-yutong").get_by_role("button", name="Not come").click()
    expect(row(people, "heed")).to_contain_text("谢雨桐 Xie Yutong has not come")
    expect(people).to_contain_text("1 not come")
    expect(due).to_have_count(0)
    here = row(people, "xie-yutong").get_by_role("button", name="Here")
    expect(here).to_have_attribute("aria-pressed", "false")
    here.click()
    expect(here).to_have_attribute("aria-pressed", "true")
    expect(due).to_have_count(1)
    expect(row(people, "gao-fei")).to_contain_text(re.compile(r"at window \d|the lobby|window 2"))


def test_a_burst_is_declared_with_one_tap_stands_on_every_staff_screen_and_is_ended(
    served: Served, screen: OpenScreen
) -> None:
    planned.morning(served, 13, 20)
    lobby, counter = screen("lobby", LOBBY), screen("teller", COUNTER)
    guard, manager = screen("guard", GUARD), screen("manager", BRANCH_VIEW, language="en")
    for page in (lobby, counter, guard, manager):
        expect(row(page, "burst")).to_have_count(0)
    declare = row(lobby, "declare")
    declare.get_by_label("原因").select_option("news")
    declare.get_by_role("button", name="宣布客流突增").click()
    expect(row(counter, "burst")).to_contain_text("13:20起客流突增：新闻消息影响")
    expect(row(counter, "burst")).to_contain_text("请先和大堂经理说一声")
    expect(row(guard, "burst")).to_contain_text("维持门外秩序")
    expect(row(lobby, "burst")).to_contain_text("先发纸质号")
    expect(row(lobby, "declare")).to_have_count(0)
    expect(row(manager, "burst")).to_contain_text("Burst since 13:20: something in the news")
    expect(row(counter, "burst").get_by_role("button")).to_have_count(0)
    head_office = screen("operations", "/", language="en")
    expect(row(head_office, BRANCH)).to_contain_text("Burst: something in the news")
    row(manager, "burst").get_by_role("button", name="The burst is over").click()
    for page in (lobby, counter, guard, manager):
        expect(row(page, "burst")).to_have_count(0)
    expect(row(head_office, BRANCH)).not_to_contain_text("Burst")


def ask(page: Page, *, count: str, services: tuple[str, ...], words: tuple[str, str, str]) -> None:
    """Fill in the form for colleagues, till half past four."""
    open_, how_many, button = words
    asking = row(page, "ask")
    asking.get_by_text(open_).click()
    asking.get_by_label(how_many).fill(count)
    asking.locator("select").select_option(label="16:30")
    for service in services:
        asking.locator(f'[value="{service}"]').check()
    asking.get_by_role("button", name=button).click()


def test_a_colleague_is_asked_for_sent_by_the_neighbour_comes_serves_and_goes_back(
    served: Served, screen: OpenScreen
) -> None:
    planned.morning(served, 13, 40)
    lobby = screen("lobby", LOBBY)
    there = screen("lanqiao-manager", THERE, language="en", size="manager")
    expect(row(there, "help-wanted")).to_have_count(0)
    ask(lobby, count="1", services=("cash", "accounts"), words=("请求支援", "人数", "提出请求"))
    requests = row(lobby, "requests")
    expect(requests).to_contain_text("请求支援：1人")
    expect(requests).to_contain_text("现金业务、账户与银行卡")
    there.reload()
    wanted = row(there, "help-wanted")
    expect(wanted).to_contain_text("Wutong Road Branch")
    expect(wanted).to_contain_text("can do all of it")
    send = wanted.get_by_role("button", name="Send 何小舟 He Xiaozhou")
    expect(send).to_have_text(re.compile(r"arrives 14:0\d"))
    send.click()
    expect(wanted).to_have_count(0)
    expect(row(there, "people")).to_contain_text("helps at Wutong Road Branch till 16:30")

    guest = row(lobby, HE)
    expect(guest).to_contain_text("正在赶来")
    expect(guest).to_contain_text("来自兰桥支行，至16:30")
    expect(requests).to_contain_text("已全部派出 · 已派： 何小舟 He Xiaozhou")
    served.set_time(planned.DAY, 14, 2)
    guest.get_by_role("button", name="已到").click()
    expect(guest.get_by_role("button", name="返回原网点")).to_be_visible()

    manager = screen("manager", BRANCH_VIEW, language="en")
    window = row(manager, "C8")
    window.locator("select").select_option(label="何小舟 He Xiaozhou")
    window.get_by_role("button", name="Open").click()
    expect(window).to_contain_text("何小舟 He Xiaozhou")
    assert seat(served, "C8") == HE
    counter = screen("manager", f"/b/{BRANCH}/counter?counter=C8")
    expect(counter.locator(".console-head")).to_contain_text("何小舟 He Xiaozhou")
    expect(guest).to_contain_text("在8号窗口")
    expect(guest.get_by_role("button")).to_have_count(0)

    counter.keyboard.press("c")
    expect(window).to_contain_text("closed")
    guest.get_by_role("button", name="返回原网点").click()
    expect(guest).to_have_count(0)
    there.reload()
    expect(row(there, "people")).not_to_contain_text("helps at")


def test_head_office_sends_a_colleague_or_says_that_nobody_can_be_sent(
    served: Served, screen: OpenScreen
) -> None:
    planned.morning(served, 14, 10)
    manager = screen("manager", BRANCH_VIEW, language="en")
    ask(manager, count="2", services=(), words=("Ask for colleagues", "How many", "Ask"))
    expect(row(manager, "requests")).to_contain_text("Colleagues asked for: 2")
    head_office = screen("operations", "/")
    wanted = row(head_office, "help-wanted")
    expect(wanted).to_contain_text("梧桐路支行")
    expect(wanted).to_contain_text("还需2人")
    if row(wanted, f"send {BAI}").is_hidden():
        wanted.get_by_text("换人").click()
    row(wanted, f"send {BAI}").click()
    expect(wanted).to_contain_text("还需1人")
    guest = row(manager, BAI)
    expect(guest).to_contain_text("白晓 Bai Xiao")
    expect(guest).to_contain_text("from Qingdu Square Branch, till 16:30")
    wanted.get_by_role("button", name="派不出人").click()
    expect(wanted).to_have_count(0)
    expect(row(manager, "requests")).to_contain_text("nobody can be sent · sent: 白晓 Bai Xiao")
    guest.get_by_role("button", name="Does not come").click()
    expect(guest).to_have_count(0)


def everything_at_once(served: Served) -> None:
    """A burst, proposals, a colleague on the way, requests here and there, somebody who has not come."""
    planned.morning(served, 15, 0)
    declared = served.call("POST", "/commands/DeclareBurst", "lobby", json={"reason": "system_down"})
    assert declared.status_code == 200 or declared.json()["code"] == "burst_already"
    served.do("ReportPerson", "lobby", person_id="luo-dan", status="absent")
    until_ms = served.now_ms + 90 * 60_000
    served.do("AskForPeople", "lobby", count=2, until_ms=until_ms, skills=["cash", "pension"])
    planned.do_there(served, "AskForPeople", count=1, until_ms=until_ms, skills=["accounts"])
    planned.do_there(
        served,
        "LendPerson",
        person_id=HE,
        to_branch=BRANCH,
        arrives_ms=served.now_ms + 60_000,
        until_ms=until_ms,
    )


OPENED = ('[data-id="everybody"]', '[data-id="unplanned"]', '[data-id="coming"]', '[data-id="ask"]')
LOOKED_AT = (
    ("lobby", LOBBY),
    ("manager", BRANCH_VIEW),
    ("operations", BRANCH_VIEW),
    ("operations", "/"),
    ("manager", "/"),
    ("guard", GUARD),
    ("teller", COUNTER),
)


@pytest.fixture(scope="module")
def full(served: Served) -> Served:
    everything_at_once(served)
    return served


STAYS_WIDER = """(patience) => new Promise((tell) => {
  const till = performance.now() + patience;
  const look = () => {
    const wider = document.documentElement.scrollWidth - document.documentElement.clientWidth;
    if (wider <= 0 || performance.now() > till) tell(wider);
    else requestAnimationFrame(look);
  };
  look();
})"""


def is_too_wide(page: Page) -> bool:
    """Whether it stays so: a chart takes a moment to follow the window."""
    wider: int = page.evaluate(STAYS_WIDER, PATIENT_MS)
    return wider > 0


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize(("language", "scheme"), [("zh", "dark"), ("en", "light")])
def test_the_panels_are_open_to_everybody_at_every_size(
    screen: OpenScreen, language: str, scheme: str
) -> None:
    source, found = AXE.read_text(encoding="utf-8"), []
    for account, path in LOOKED_AT:
        page = screen(account, path, language=language, scheme=scheme)
        for details in OPENED:
            for summary in page.locator(f"{details} > summary").all():
                summary.click()
        for size, viewport in SIZES.items():
            page.set_viewport_size(viewport)  # type: ignore[arg-type]
            if is_too_wide(page):
                found.append(f"{account} {path} {size}: too wide")
            found += [f"{account} {path} {size}: small {e}" for e in page.evaluate(SMALL_TARGETS, TARGET_PX)]
            found += [f"{account} {path} {size}: cut off {e}" for e in page.evaluate(CUT_OFF)]
        page.evaluate(source)
        result: dict[str, Any] = page.evaluate("(rules) => axe.run(document, rules)", AXE_RULES)
        assert result["passes"], "axe looked at something"
        found += [f"{account} {path}: {v['id']} {v['nodes'][0]['target']}" for v in result["violations"]]
    assert found == []


def test_no_chinese_panel_says_anything_in_english(full: Served) -> None:
    shown = {f"{a} {p}": said_in_english(full, a, p, "zh") for a, p in LOOKED_AT}
    assert {k: v for k, v in shown.items() if v} == {}


@pytest.mark.usefixtures("full")
def test_who_may_not_decide_is_shown_and_not_asked(screen: OpenScreen) -> None:
    teller = screen("teller", BRANCH_VIEW, language="en")
    expect(row(teller, "plan")).to_contain_text("window 4")
    for panel in ("plan", "people", "help-wanted", "more-people", "burst"):
        expect(row(teller, panel).get_by_role("button")).to_have_count(0)

"""A notice from the customer's phone to the gateway, and an alert from raising to acknowledgement."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import customers, days
from tests.browser.conftest import PATIENT_MS, OpenScreen, Watch
from tests.browser.customers import AXE, AXE_RULES
from tests.browser.gateways import Gateway
from tests.browser.served import BRANCH, Served, free_port, install

NUMBER = "13812345678"


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    found = Gateway()
    yield found
    found.stop()


@pytest.fixture(scope="module")
def served(gateway: Gateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A bank whose text messages and staff messages go to the gateway."""
    folder = tmp_path_factory.mktemp("messages") / "hall"
    install(folder)
    (folder / "openhall.toml").write_text(gateway.settings("sms", "staff"), encoding="utf-8")
    running = Served(folder, free_port())
    running.start()
    try:
        days.open_hall(running, days.NORMAL_DAY)
        running.do("OpenCounter", counter_id="C2", person_id="xu-jing")
        yield running
    finally:
        running.stop()


def serve_next(served: Served) -> None:
    served.do("CallNext", counter_id="C2")
    served.do("StartService", counter_id="C2")
    served.do("FinishService", counter_id="C2")


def axe(page: Page) -> list[str]:
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("(rules) => axe.run(document, rules)", AXE_RULES)
    return [
        f"{v['id']}: {n['target']} {n['failureSummary']}" for v in found["violations"] for n in v["nodes"]
    ]


@pytest.fixture
def phone(browser: Browser, served: Served, watch: Watch) -> Iterator[Page]:
    context = browser.new_context(viewport=customers.PHONE, locale="zh-CN")
    page = context.new_page()
    page.set_default_timeout(PATIENT_MS)
    page.on("console", watch.console)
    page.goto(f"{served.url}/sign-in")  # a first page, so that a relative address can be opened
    yield page
    context.close()


def test_from_the_phone_to_the_gateway_and_the_number_is_gone_after_the_visit(
    served: Served, gateway: Gateway, phone: Page
) -> None:
    numbers = [str(served.issue("cash")["number"]) for _ in range(3)]
    phone.goto(served.url + customers.address(served, numbers[-1]))
    panel = phone.locator("#notice")
    panel.get_by_text("留下号码或邮箱").click()
    expect(panel).to_contain_text("我们只用它向您发送今天号码的提醒")
    assert axe(phone) == []
    panel.get_by_label("手机号码").fill("138 1234 5678")
    panel.get_by_label("前面还有几人时提醒我").select_option("1")
    panel.get_by_role("button", name="同意并提醒我").click()
    expect(panel).to_contain_text("前面还有1人时会给您发消息")
    expect(panel).not_to_contain_text("1234")
    assert axe(phone) == []
    serve_next(served)
    ahead = gateway.next("sms")
    assert (ahead["to"], ahead["template"], ahead["language"]) == ({"contact": NUMBER}, "notice.ahead", "zh")
    assert ahead["text"].startswith("梧桐")
    assert f"您的号码{numbers[-1]}，前面还有1人" in ahead["text"]
    serve_next(served)
    served.do("CallNext", counter_id="C2")
    called = gateway.next("sms")
    assert (called["template"], called["blanks"]["window"]) == ("notice.called", 2)
    served.do("StartService", counter_id="C2")
    served.do("FinishService", counter_id="C2")
    phone.reload()
    expect(phone.locator("#notice")).to_have_count(0)
    headers = {"Authorization": f"Bearer {served.token('manager')}"}
    events = httpx.get(f"{served.url}/api/branches/{BRANCH}/events", headers=headers).text
    assert "TicketIssued" in events
    assert NUMBER not in events, "nothing personal is in the log"


def test_without_scripts_and_in_elder_mode_it_works_as_well(
    served: Served, browser: Browser, gateway: Gateway
) -> None:
    number = [str(served.issue("cash")["number"]) for _ in range(2)][-1]
    context = browser.new_context(viewport=customers.SMALL, locale="en-GB", java_script_enabled=False)
    page = context.new_page()
    page.goto(served.url + customers.address(served, number) + "?elder=40")
    page.locator("#notice summary").click()
    page.get_by_label("Mobile number").fill("12")
    page.get_by_role("button", name="I agree, tell me").click()
    expect(page.get_by_role("alert")).to_contain_text("not a number or an address")
    page.locator("#notice summary").click()
    page.get_by_label("Mobile number").fill("+86 138 1234 5678")
    page.get_by_role("button", name="I agree, tell me").click()
    expect(page.locator("#notice")).to_contain_text("You get a message when so many are ahead of you: 5")
    assert gateway.next("sms")["to"] == {"contact": "+8613812345678"}
    page.get_by_role("button", name="No messages any more").click()
    expect(page.locator("#notice summary")).to_be_visible()
    context.close()
    serve_next(served)
    serve_next(served)


@pytest.mark.parametrize(("language", "size"), [("zh", 28), ("en", 40)])
def test_in_elder_mode_the_panel_is_large_and_fits(
    served: Served, browser: Browser, language: str, size: int
) -> None:
    number = str(served.issue("cash")["number"])
    context = browser.new_context(viewport=customers.SMALL, locale="zh-CN" if language == "zh" else "en-GB")
    page = context.new_page()
    page.goto(served.url + customers.address(served, number) + f"?elder={size}")
    page.locator("#notice summary").click()
    assert page.evaluate(customers.SMALL_TEXT, 24) == []
    assert page.evaluate(customers.NARROW_TARGETS, customers.TARGET_PX_AT_LEAST) == []
    assert page.evaluate(customers.TOO_WIDE) <= 0
    assert axe(page) == []
    context.close()
    served.do("MarkReneged", ticket_id=served.ticket(number)["id"])


def test_a_colleague_asks_for_a_customer_with_an_old_phone(
    served: Served, screen: OpenScreen, gateway: Gateway
) -> None:
    number = str(served.issue("cash")["number"])
    lobby = screen("lobby", f"/b/{BRANCH}/lobby", language="en")
    lobby.get_by_role("button", name=f"More about {number}").click()
    sheet = lobby.locator("#sheet")
    section = sheet.locator('[data-id="notice"]')
    section.get_by_label("Number, address or user name").fill(NUMBER)
    section.get_by_label("Read out or shown to the customer, who agrees").check()
    section.get_by_role("button", name="Tell the customer").click()
    expect(lobby.locator("#said")).to_contain_text("The customer will be told.")
    assert gateway.next("sms")["blanks"]["number"] == number
    lobby.get_by_role("button", name=f"More about {number}").click()
    sheet.get_by_role("button", name="No messages any more").click()
    expect(lobby.locator("#said")).to_contain_text("the number is erased")
    served.do("MarkReneged", ticket_id=served.ticket(number)["id"])


def axe_in_light_and_dark(page: Page) -> list[str]:
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found += axe(page)
    return found


def test_an_alert_from_raising_to_acknowledgement(
    served: Served, screen: OpenScreen, gateway: Gateway
) -> None:
    number = str(served.issue("cash")["number"])
    lobby = screen("lobby", f"/b/{BRANCH}/lobby")
    head = screen("operations", "/head/alerts")
    row = lobby.locator(".alert-row", has_text="等候超时")
    above = head.locator(".alert-row", has_text="等候超时")
    expect(head.locator('[data-id="standing"]')).to_be_visible()
    expect(above).to_have_count(0)
    served.pass_minutes(21)
    expect(row).to_contain_text("橙色")
    told = gateway.next("staff", "alert.wait_over_limit")
    assert told["to"] == {"roles": ["lobby", "manager"]}
    assert "等候超时，橙色告警。当前2" in told["text"]
    assert axe_in_light_and_dark(lobby) == []
    expect(above).to_be_visible()
    assert axe_in_light_and_dark(head) == []
    row.locator("select").select_option("opened_window")
    row.get_by_role("button", name="我来处理").click()
    expect(row).to_contain_text("已加开窗口")
    expect(row.get_by_role("button")).to_have_count(0)
    expect(above).to_contain_text("已接手")
    served.do("MarkReneged", ticket_id=served.ticket(number)["id"])
    served.pass_minutes(1)
    expect(row).to_have_count(1)  # over, but for how long?
    expect(row).to_contain_text("当前0")
    served.pass_minutes(10)
    page = screen("manager", f"/b/{BRANCH}/alerts")
    expect(page.locator('[data-id="over"] li', has_text="等候超时").first).to_contain_text("已加开窗口")
    assert axe_in_light_and_dark(page) == []
    expect(row).to_have_count(0)

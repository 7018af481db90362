"""Can people sign in, look after accounts and decide on what others propose, without a mouse?"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pyotp
import pytest
from playwright.sync_api import Browser, Page, Route, ViewportSize, expect

from openhall.app.build import build
from openhall.app.folder import Folder
from openhall.network.model import Role
from tests.browser.conftest import SIZES, OpenScreen
from tests.browser.customers import AXE, AXE_RULES
from tests.browser.served import BRANCH, PASSWORD, Served, free_port, install

OWN_WORDS = "three green lamps"
PHONE: ViewportSize = {"width": 390, "height": 844}
EXTRA: dict[str, tuple[Role, bool]] = {
    "administrator": ("administrator", False),
    "second": ("administrator", False),
    "newcomer": ("teller", True),
    "careful": ("lobby", False),
    "forgetful": ("lobby", False),
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("access") / "hall"
    install(folder)
    app = build(Folder(folder))
    for name, (role, must_change) in EXTRA.items():
        branch = None if role == "administrator" else BRANCH
        made = app.accounts.create(name, role, PASSWORD, branch=branch, must_change=must_change)
        assert not hasattr(made, "code"), made
    app.store.close()
    running = Served(folder, free_port())
    running.start()
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
def visitor(browser: Browser, served: Served) -> Iterator[Page]:
    """A browser in which nobody is signed in, at the width of a telephone."""
    context = browser.new_context(viewport=PHONE, locale="en-GB")
    context.add_cookies([{"name": "openhall_language", "value": "en", "url": served.url}])
    yield context.new_page()
    context.close()


def type_in(page: Page, *texts: str) -> None:
    """By keyboard alone: the first field has the focus, Tab leads to the next, Enter sends."""
    for number, text in enumerate(texts):
        if number:
            page.keyboard.press("Tab")
        page.keyboard.type(text)
    page.keyboard.press("Enter")


def propose(served: Served, name: str) -> dict[str, Any]:
    """The administrator asks for another manager."""
    wish = {"name": name, "role": "manager", "branch": BRANCH}
    headers = {
        "Authorization": f"Bearer {served.token('administrator')}",
        "Idempotency-Key": secrets.token_hex(8),
    }
    answer = httpx.post(f"{served.url}/api/accounts", json=wish, headers=headers).raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


def test_an_initial_password_is_changed_by_keyboard_on_a_telephone(served: Served, visitor: Page) -> None:
    visitor.goto(f"{served.url}/b/{BRANCH}/counter")
    type_in(visitor, "newcomer", PASSWORD)
    expect(visitor.get_by_role("heading", name="Choose a password of your own")).to_be_visible()
    type_in(visitor, OWN_WORDS, "something else")
    expect(visitor.get_by_role("alert").filter(has_text="The two are not the same.")).to_be_visible()
    visitor.get_by_label("New password again").fill(OWN_WORDS)
    visitor.keyboard.press("Enter")
    visitor.wait_for_url(f"{served.url}/b/{BRANCH}/counter")


def test_one_time_codes_are_set_up_and_a_recovery_code_signs_in(served: Served, visitor: Page) -> None:
    visitor.goto(f"{served.url}/account")
    type_in(visitor, "careful", PASSWORD)
    visitor.wait_for_url(f"{served.url}/account")
    wish = visitor.locator("[data-begin-codes]")
    wish.get_by_label("Password now").fill(PASSWORD)
    wish.get_by_role("button").click()
    expect(visitor.get_by_alt_text("QR code with the secret for the authenticator")).to_be_visible()
    secret = visitor.locator("[data-secret]").inner_text().replace(" ", "")
    type_in(visitor, pyotp.TOTP(secret).at(int(time.time())))
    codes = visitor.locator(".access-recovery li")
    expect(codes).to_have_count(8)
    kept = codes.first.inner_text()
    visitor.get_by_role("button", name="I have kept them").click()
    expect(visitor.get_by_text("Recovery codes left: 8.")).to_be_visible()
    visitor.get_by_role("button", name="Sign out").first.click()
    visitor.wait_for_url(re.compile("/sign-in"))
    type_in(visitor, "careful", PASSWORD)
    expect(visitor.get_by_role("heading", name="One-time code")).to_be_visible()
    expect(visitor.get_by_label("Six digits from your authenticator")).to_be_focused()
    type_in(visitor, "000000")
    expect(visitor.get_by_role("alert").filter(has_text="That code is not right")).to_be_visible()
    visitor.keyboard.press("Control+a")
    type_in(visitor, kept)
    expect(visitor.get_by_role("heading", name="Your screens")).to_be_visible()


def test_an_initial_password_is_shown_once_and_power_waits_for_a_second_person(
    served: Served, screen: OpenScreen
) -> None:
    page = screen("administrator", "/head/accounts", language="en", size="manager")
    page.get_by_text("New account", exact=True).click()
    form = page.locator(".access-new form")
    form.get_by_label("Name").fill("li-na")
    form.get_by_label("Role").select_option("operations")
    expect(form.locator("[name=branch]")).to_be_hidden()
    expect(form.get_by_text("a second person has to approve it")).to_be_visible()
    form.get_by_role("button", name="Make the account").click()
    dialog = page.locator("#initial")
    expect(dialog.get_by_text("This waits for a second person")).to_be_visible()
    password = dialog.locator("[data-password]").inner_text()
    dialog.get_by_role("button", name="Noted").click()
    expect(page.locator('[data-id="li-na"]')).to_have_count(0)
    assert password not in page.content()

    own = screen("administrator", "/head/approvals", language="en", size="manager")
    expect(own.get_by_text("Waits for somebody else").first).to_be_visible()
    expect(own.get_by_role("button", name="Approve")).to_have_count(0)

    other = screen("operations", "/", language="en")
    other.get_by_role("link", name="Waiting for your decision: 1").click()
    waiting = other.locator("article").filter(has_text="New account li-na")
    waiting.get_by_role("button", name="Refuse").click()
    expect(waiting.get_by_role("alert")).to_contain_text("A refusal needs a reason")
    waiting.get_by_role("button", name="Approve").click()
    expect(other.locator(".access-decided").get_by_text("New account li-na")).to_be_visible()
    answer = httpx.post(f"{served.url}/api/session", json={"name": "li-na", "password": password})
    assert answer.json()["step"] == "password"


def test_a_manager_gives_a_new_initial_password_by_keyboard(screen: OpenScreen) -> None:
    page = screen("manager", f"/b/{BRANCH}/accounts", language="zh")
    row = page.locator('[data-id="forgetful"]')
    row.locator("summary").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")  # the question's first answer is yes
    dialog = page.locator("#initial")
    expect(dialog).to_be_visible()
    assert re.fullmatch(r"(\w{4}-){3}\w{4}", dialog.locator("[data-password]").inner_text())
    page.keyboard.press("Enter")
    expect(row.locator(".badge").get_by_text("初始密码")).to_be_visible()


def test_what_is_typed_outlives_the_end_of_a_session(served: Served, visitor: Page) -> None:
    visitor.goto(f"{served.url}/b/{BRANCH}/lobby")
    type_in(visitor, "lobby", PASSWORD)
    visitor.wait_for_url(f"{served.url}/b/{BRANCH}/lobby")
    visitor.goto(f"{served.url}/account")
    field = visitor.get_by_label("New password", exact=True)
    field.fill("half typed, not sent")
    mine = {"Authorization": f"Bearer {served.token('lobby')}"}
    for each in httpx.get(f"{served.url}/api/account/sessions", headers=mine).json():
        if not each["is_this"]:
            httpx.delete(f"{served.url}/api/account/sessions/{each['id']}", headers=mine)
    visitor.get_by_label("Password now").first.click()
    again = visitor.locator("#session-again")
    expect(again).to_be_visible()
    visitor.keyboard.press("Escape")
    expect(again).to_be_visible()
    again.get_by_label("Password").fill("not the password")
    visitor.keyboard.press("Enter")
    expect(again.get_by_role("alert")).to_contain_text("is not right")
    again.get_by_label("Password").fill(PASSWORD)
    visitor.keyboard.press("Enter")
    expect(again).to_be_hidden()
    expect(field).to_have_value("half typed, not sent")


def test_a_screen_asks_before_it_closes(screen: OpenScreen) -> None:
    left = {"left_ms": 60_000, "name": "manager", "is_external": False}

    def soon_over(route: Route) -> None:
        route.fulfill(status=200, content_type="application/json", body=json.dumps(left))

    page = screen("manager", "/account", language="en")
    page.route("**/api/session/left", soon_over)
    page.reload()
    question = page.locator("#session-ends")
    expect(question).to_be_visible()
    question.get_by_role("button", name="I am still here").click()
    expect(question).to_be_hidden()


@pytest.mark.parametrize(("language", "scheme"), [("zh", "light"), ("en", "dark")])
def test_axe_finds_nothing_and_nothing_is_too_wide(
    served: Served, screen: OpenScreen, language: str, scheme: str
) -> None:
    propose(served, f"manager-{language}-{scheme}")
    source, found = AXE.read_text(encoding="utf-8"), []
    shown: dict[str, Page] = {}
    for account, path in (
        ("administrator", "/head/accounts"),
        ("administrator", "/head/access?check=true"),
        ("administrator", "/head/approvals"),
        ("second", "/head/approvals"),
        ("manager", f"/b/{BRANCH}/approvals"),
        ("manager", f"/b/{BRANCH}/accounts"),
        ("manager", "/account"),
    ):
        if account not in shown:
            shown[account] = screen(account, path, language=language, scheme=scheme, size="manager")
        page = shown[account]
        page.goto(served.url + path)
        for summary in page.locator("main summary").all()[:3]:
            summary.click()
        page.evaluate(source)
        for size in (SIZES["manager"], PHONE):
            page.set_viewport_size(size)
            result: dict[str, Any] = page.evaluate("(rules) => axe.run(document, rules)", AXE_RULES)
            assert result["passes"], "axe looked at something"
            found += [
                f"{path}: {v['id']}: {n['target']}" for v in result["violations"] for n in v["nodes"][:3]
            ]
            width = page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            found += [f"{path} at {size['width']}: {width} px too wide"] if width > 0 else []
    assert found == []

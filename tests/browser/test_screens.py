"""Every screen in both languages: open to everybody, nothing untranslated, large where it must be."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser import customers, days
from tests.browser.conftest import OpenScreen, Watch
from tests.browser.customers import AXE, AXE_RULES
from tests.browser.gallery import Scheme, is_of, load, opened, pages, views
from tests.browser.served import BRANCH, ROOT, Served
from tools import catalogue

TEXT_PX_AT_LEAST = 24
TARGET_PX_AT_LEAST = 60


@pytest.fixture(scope="module")
def busy_branch(served: Served) -> Served:
    """Ten in the morning of a hard day."""
    days.busy_hall(served, days.NORMAL_DAY)
    days.advised_hall(served)
    return served


def test_every_page_of_the_site_is_looked_at(busy_branch: Served) -> None:
    looked_at = [view.path for view in views(busy_branch)]
    missing = [page for page in sorted(pages()) if not any(is_of(path, page) for path in looked_at)]
    # The page of one appointment has an address that only its holder knows: see test_appointments.
    assert missing == ["/a/{token:str}"]


@pytest.mark.parametrize(("language", "scheme"), [("zh", "light"), ("en", "dark")])
def test_axe_finds_nothing_on_any_screen(
    busy_branch: Served, browser: Any, watch: Watch, language: str, scheme: Scheme
) -> None:
    source = AXE.read_text(encoding="utf-8")
    found = []
    for view in views(busy_branch):
        page = opened(browser, busy_branch, view, language, scheme)
        watch.over(page)
        load(page, busy_branch, view)
        page.evaluate(source)
        result: dict[str, Any] = page.evaluate("(rules) => axe.run(document, rules)", AXE_RULES)
        assert result["passes"], "axe looked at something"
        found += [
            f"{view.path} {view.press}: {v['id']}: {node['target']} {node['failureSummary']}"
            for v in result["violations"]
            for node in v["nodes"][:3]
        ]
        width = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if width > 0:
            found.append(f"{view.path}: {width} px too wide")
        page.context.close()
    assert found == []


def test_the_sign_in_page_passes_axe_says_no_politely_and_lets_in(served: Served, browser: Any) -> None:
    page = browser.new_page(locale="zh-CN")
    page.goto(served.url)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    assert page.evaluate("(rules) => axe.run(document, rules)", AXE_RULES)["violations"] == []
    page.get_by_label("账号").fill("lobby")
    page.get_by_label("密码").fill("not-the-password")
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("alert")).to_contain_text("账号或密码不正确")
    page.get_by_label("密码").fill("browser-tests-only")
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("heading", name="工作页面")).to_be_visible()
    page.close()


def english_sentences() -> list[str]:
    """Sentences long enough that they cannot be a name or a code."""
    return [s for s in catalogue.sentences() if " " in s.strip() and not s.startswith("{")]


def said_in_english(served: Served, account: str, path: str, language: str) -> list[str]:
    """Our English sentences that a page shows, markup and addresses left out."""
    cookies = {"openhall_language": language}
    if account:
        cookies["openhall_session"] = served.token(account)
    answer = httpx.get(
        served.url + path, cookies=cookies, headers={"Accept": "text/html"}, follow_redirects=True
    )
    text = answer.text
    if language != "en":  # what is said in both languages names the language of each
        text = re.sub(r'<(\w+) lang="en">.*?</\1>', "", text)
    shown = re.sub(r"\s+", " ", re.sub(r"<[^>]*?(href|src|content)=[^>]*>", "", text))
    return [
        sentence
        for sentence in english_sentences()
        if any(len(part) > 8 and part in shown for part in re.split(r"\{\w+\}", sentence))
    ]


def test_no_chinese_page_shows_a_sentence_in_english(busy_branch: Served) -> None:
    shown = {
        view.path: said_in_english(busy_branch, view.account, view.path, "zh")
        for view in views(busy_branch)
        # The display speaks both languages at once; a draft shows the texts of the configuration in both.
        if not view.path.endswith("/display") and "configuration" not in view.path
    }
    assert {path: left for path, left in shown.items() if left} == {}
    control = said_in_english(busy_branch, "lobby", f"/b/{BRANCH}/lobby", "en")
    assert len(control) > 20, "the same look at an English page finds its sentences"


def test_problems_come_in_the_readers_language(busy_branch: Served) -> None:
    path = f"{busy_branch.url}/api/branches/{BRANCH}/commands/CallNext"
    headers = {"Authorization": f"Bearer {busy_branch.token('manager')}", "Idempotency-Key": "one"}
    answers = {
        language: httpx.post(
            path, headers={**headers, "Accept-Language": language}, json={"counter_id": "C2"}
        ).json()
        for language in ("zh-CN", "en-GB")
    }
    assert answers["zh-CN"]["title"].startswith("2号窗口正在办理")
    assert answers["en-GB"]["title"].startswith("Counter 2 has ticket")
    assert answers["zh-CN"]["code"] == answers["en-GB"]["code"] == "counter_busy"


KIOSK_STEPS = ["", "?service=accounts", "?need=open_account", "?person=1"]


@pytest.mark.parametrize("step", KIOSK_STEPS, ids=["services", "needs", "class", "person"])
@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.usefixtures("busy_branch")
def test_at_the_kiosk_text_and_targets_are_large_and_a_person_is_a_tap_away(
    screen: OpenScreen, language: str, step: str
) -> None:
    kiosk = screen("kiosk", f"/b/{BRANCH}/kiosk{step}", language=language)
    small = kiosk.evaluate(customers.SMALL_TEXT, TEXT_PX_AT_LEAST)
    assert small == []
    narrow = kiosk.evaluate(customers.NARROW_TARGETS, TARGET_PX_AT_LEAST)
    assert narrow == []
    if step != "?person=1":
        expect(kiosk.locator(".kiosk-person")).to_be_in_viewport()
    assert kiosk.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.usefixtures("busy_branch")
def test_on_the_display_nothing_is_too_small_for_five_metres(screen: OpenScreen) -> None:
    display = screen("display", f"/b/{BRANCH}/display")
    least = 1080 * 0.025  # of a screen 68 cm high, some 17 mm
    small = display.evaluate(customers.SMALL_TEXT, least)
    assert small == []
    assert display.evaluate("document.documentElement.scrollHeight <= innerHeight")
    clipped = display.evaluate(
        """() => [...document.querySelectorAll('.tv-calls li, .tv-next li, .tv-rule')]
          .filter((e) => e.getBoundingClientRect().bottom > innerHeight).map((e) => e.textContent.trim())"""
    )
    assert clipped == []


@pytest.mark.parametrize(
    ("account", "path"),
    [("guard", "guard"), ("teller", "counter?counter=C2"), ("lobby", "lobby"), ("manager", "branch")],
)
@pytest.mark.parametrize("size", ["guard", "lobby"], ids=["phone", "tablet"])
@pytest.mark.usefixtures("busy_branch")
def test_no_screen_is_wider_than_a_phone_or_a_tablet(
    screen: OpenScreen, account: str, path: str, size: str
) -> None:
    page = screen(account, f"/b/{BRANCH}/{path}", language="en", size=size)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_session_that_ended_is_asked_for_in_place_and_leads_to_the_sign_in_page(
    busy_branch: Served, screen: OpenScreen, watch: Watch
) -> None:
    watch.allow("Response Status Error Code 401")
    path = f"/b/{BRANCH}/branch"
    manager = screen("manager", path)
    manager.context.clear_cookies()
    busy_branch.issue("cash")
    expect(manager.locator("#session-again")).to_be_visible()
    manager.goto(busy_branch.url + path)
    expect(manager).to_have_url(re.compile(r"/sign-in\?to=%2Fb%2F"))


@pytest.mark.usefixtures("busy_branch")
def test_two_language_links_lead_back_to_the_same_step(screen: OpenScreen) -> None:
    kiosk = screen("kiosk", f"/b/{BRANCH}/kiosk?need=open_account")
    kiosk.get_by_role("link", name="English").click()
    expect(kiosk.get_by_role("heading", name="Open an account")).to_be_visible()
    kiosk.get_by_role("link", name="中文").click()
    expect(kiosk.get_by_role("heading", name="开户办卡")).to_be_visible()


def test_axe_is_the_one_of_the_lock_file() -> None:
    version = json.loads((Path(AXE).parent / "package.json").read_text())["version"]
    assert version.startswith("4.")


def test_each_picture_of_the_gallery_is_in_the_documentation_in_both_languages(busy_branch: Served) -> None:
    gallery = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    wanted = {
        f"{view.picture}-{lang}" for view in views(busy_branch) if view.picture for lang in ("en", "zh")
    }
    shown = set(re.findall(r"pictures/([\w-]+)\.png", gallery))
    assert shown == wanted
    assert [name for name in wanted if not (ROOT / "docs" / "pictures" / f"{name}.png").is_file()] == []

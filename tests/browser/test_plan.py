"""A branch manager plans a week: made, changed by hand, checked, published, taken along."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenScreen
from tests.browser.customers import AXE, AXE_RULES
from tests.browser.served import BRANCH, Served, serving

DAY = date(2026, 11, 23)
"""A Monday."""
PLANNED_MS = 90_000
"""A plan of a week takes a dozen seconds of a machine that has nothing else to do."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("planning") / "hall") as running:
        running.set_time(DAY, 8)
        running.open_day()
        yield running


@pytest.fixture(scope="module")
def planned(served: Served) -> Served:
    """With a draft of this week."""
    path = f"/plans/{DAY.isoformat()}"
    made = served.call("POST", f"{path}/draft")
    assert (made.status_code, made.json()["is_running"]) == (202, True)
    return served


def plan_page(planned: Served, screen: OpenScreen, account: str = "manager", **options: Any) -> Page:
    """The page, once the plan is on it."""
    assert planned.process is not None
    page = screen(account, f"/b/{BRANCH}/plan", **options)
    expect(page.locator(".plan-days")).to_be_visible(timeout=PLANNED_MS)
    return page


def window_stint(page: Page) -> Locator:
    """The first block at a window that is long enough to be shortened."""
    return page.locator('[data-stint][data-post="window"]').first


def test_a_week_is_made_at_a_press_and_shows_who_sits_where(screen: OpenScreen) -> None:
    page = screen("manager", f"/b/{BRANCH}/plan?first=2026-11-30", language="en")
    expect(page.get_by_text("There is no plan of these days yet.")).to_be_visible()
    page.get_by_role("button", name="Make a plan").click()
    expect(page.get_by_text("The plan is being made")).to_be_visible()
    expect(page.locator(".plan-days li")).to_have_count(7, timeout=PLANNED_MS)
    expect(page.get_by_role("img", name="people expected over the day")).to_be_visible()
    assert page.locator("[data-stint]").count() > 10
    expect(page.get_by_text("Every rule is kept")).to_be_visible()


def test_a_block_drawn_to_another_time_is_checked_and_its_effect_said(
    planned: Served, screen: OpenScreen
) -> None:
    page = plan_page(planned, screen, language="en")
    stint = window_stint(page)
    until = int(stint.get_attribute("data-until") or 0)
    box = stint.bounding_box()
    row = page.locator(".plan-row").first
    width = row.bounding_box()
    assert box is not None
    assert width is not None
    span = int(row.get_attribute("data-ends") or 0) - int(row.get_attribute("data-begins") or 0)
    page.mouse.move(box["x"] + box["width"] - 4, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 4 - width["width"] * 60 / span, box["y"] + 10, steps=8)
    page.mouse.up()
    expect(page.locator("#said")).to_contain_text("Late minutes on that day")
    expect(window_stint(page)).to_have_attribute("data-until", str(until - 60))
    expect(page.locator('[data-id="facts"]')).to_contain_text("made by hand")


def test_who_uses_keys_picks_a_block_and_says_the_change(planned: Served, screen: OpenScreen) -> None:
    page = plan_page(planned, screen, language="zh")
    stint = window_stint(page)
    person = stint.locator("xpath=ancestor::*[@data-person][1]").get_attribute("data-person")
    stint.focus()
    page.keyboard.press("Enter")
    form = page.locator('[data-change="stint"]')
    expect(form.locator("[name=person_id]")).to_have_value(person or "")
    form.locator("[name=until]").fill("09:30")
    form.locator("[name=where]").select_option("lobby")
    form.get_by_role("button").click()
    own = page.locator(f'[data-person="{person}"]')
    expect(own.locator('[data-stint][data-post="lobby"][data-until="570"]')).to_be_visible()
    page.locator('[data-change="duty"] [name=person_id]').select_option(person or "")
    page.locator('[data-change="duty"] [name=shift_id]').select_option("full")
    page.locator('[data-change="duty"] button').click()
    expect(page.locator(f'[data-id="name {person}"]')).to_contain_text("08:30–17:30")
    expect(own.locator('[data-stint][data-post="lobby"][data-until="570"]')).to_have_count(0)


def test_what_cannot_be_is_refused_and_nothing_changes(planned: Served, screen: OpenScreen) -> None:
    page = plan_page(planned, screen, language="en")
    before = page.locator("[data-revision]").get_attribute("data-revision")
    form = page.locator('[data-change="stint"]')
    form.locator("[name=from]").fill("12:00")
    form.locator("[name=until]").fill("11:00")
    form.get_by_role("button").click()
    expect(page.locator("#said")).to_contain_text("The end must come after the beginning.")
    expect(page.locator("[data-revision]")).to_have_attribute("data-revision", before or "")


def test_a_change_on_top_of_somebody_elses_is_not_made_blindly(planned: Served, screen: OpenScreen) -> None:
    plan_page(planned, screen)
    path = f"/plans/{DAY.isoformat()}"
    draft = planned.call("GET", path).json()
    change = {"type": "SetShift", "day": DAY.isoformat(), "person_id": "xu-jing", "shift_id": ""}
    body = {"seen": draft["revision"], "change": change}
    done = planned.call("POST", f"{path}/changes", json=body)
    assert done.status_code == 200, done.text
    late = planned.call("POST", f"{path}/changes", json=body)
    assert (late.status_code, late.json()["code"]) == (409, "plan_changed")


def test_a_published_plan_is_the_halls_plan_at_once(planned: Served, screen: OpenScreen) -> None:
    page = plan_page(planned, screen, language="en")
    page.get_by_role("button", name="Publish").click()
    page.get_by_role("button", name="Yes").click()
    expect(page.get_by_role("button", name="Published")).to_be_disabled()
    expect(page.locator('[data-id="facts"]')).to_contain_text("published by")
    planned.set_time(DAY, 8, 59)
    lobby = screen("lobby", f"/b/{BRANCH}/lobby", language="en")
    expect(lobby.get_by_text("Open window 1").first).to_be_visible()


def test_the_lobby_may_look_and_nobody_else(planned: Served, screen: OpenScreen) -> None:
    page = plan_page(planned, screen, "lobby", language="en")
    expect(page.get_by_role("button", name="Publish")).to_have_count(0)
    expect(page.locator('[data-stint][role="button"]')).to_have_count(0)
    path = f"/plans/{DAY.isoformat()}"
    for account in ("lobby", "teller", "guard"):
        assert planned.call("POST", f"{path}/draft", account).status_code == 403
    assert planned.call("GET", path, "teller").status_code == 403
    assert planned.call("GET", path, "lobby").status_code == 200


@pytest.mark.parametrize(
    ("kind", "begins"), [("pdf", b"%PDF-"), ("ics", b"BEGIN:VCALENDAR"), ("csv", b"\xef\xbb\xbfdate,")]
)
def test_a_plan_is_taken_along(planned: Served, screen: OpenScreen, kind: str, begins: bytes) -> None:
    plan_page(planned, screen)
    headers = {"Authorization": f"Bearer {planned.token('manager')}"}
    path = f"/b/{BRANCH}/plan/export/{kind}?first={DAY.isoformat()}"
    found = httpx.get(planned.url + path, headers=headers, timeout=20)
    assert found.status_code == 200
    assert found.content.startswith(begins)
    assert f".{kind}" in found.headers["content-disposition"]


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("size", ["manager", "guard"])
def test_axe_finds_nothing_and_nothing_is_too_wide(
    planned: Served, screen: OpenScreen, language: str, size: str
) -> None:
    page = plan_page(planned, screen, language=language, size=size)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    result: dict[str, Any] = page.evaluate("(rules) => axe.run(document, rules)", AXE_RULES)
    found = [
        f"{v['id']}: {node['target']} {node['failureSummary']}"
        for v in result["violations"]
        for node in v["nodes"][:3]
    ]
    assert found == []
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0

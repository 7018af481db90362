"""A change of the configuration by two people in two browsers, from a typing mistake to the next day."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenScreen
from tests.browser.customers import AXE, AXE_RULES
from tests.browser.served import BRANCH, Served

HEAD_START = "[data-path='classes[1].head_start_minutes']"
DRAFT = re.compile(r"draft=(\w+)")


def begun(page: Page, name: str, *, words: tuple[str, str] = ("Name of the draft", "Begin a draft")) -> str:
    page.get_by_label(words[0]).fill(name)
    page.get_by_role("button", name=words[1]).click()
    page.wait_for_url(DRAFT)
    found = DRAFT.search(page.url)
    assert found
    return found[1]


def kept(page: Page, words: str = "Kept in the draft.") -> None:
    expect(page.locator("[data-keep-state]")).to_have_text(words)


def violations(page: Page) -> list[Any]:
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found: dict[str, Any] = page.evaluate("(rules) => axe.run(document, rules)", AXE_RULES)
    assert found["passes"], "axe looked at something"
    return [
        f"{v['id']}: {node['target']} {node['failureSummary']}"
        for v in found["violations"]
        for node in v["nodes"][:3]
    ]


def test_one_person_proposes_and_another_approves_and_the_next_day_has_it(
    served: Served, screen: OpenScreen
) -> None:
    served.open_day()
    maker = screen("operations", "/head/configuration", language="en")
    draft = begun(maker, "More time for the elderly")
    maker.goto(f"{served.url}/head/configuration/classes?draft={draft}")
    maker.locator("summary", has_text="Green channel").click()
    field = maker.locator(HEAD_START)
    field.fill("twenty-five")
    field.press("Tab")
    expect(maker.get_by_text("Expected a whole number from 0 to 120")).to_be_visible()
    expect(maker.locator("[data-mistake-count]")).to_have_text("Mistakes: 1")
    expect(field).to_have_attribute("aria-invalid", "true")
    assert violations(maker) == []
    field.fill("25")
    expect(maker.get_by_text("came more than 25 minutes later")).to_be_visible()
    field.press("Tab")
    expect(maker.locator("[data-mistake-count]")).to_have_text("No mistakes.")
    expect(maker.get_by_text("Expected a whole number")).to_have_count(0)

    maker.get_by_role("link", name="What it does").click()
    said = "The head start of Green channel changes from 20 to 25 minutes"
    expect(maker.get_by_text(said)).to_be_visible()
    expect(maker.get_by_text("Today's open day goes on under the rules")).to_be_visible()
    maker.get_by_label("Why").fill("Decided on Monday")
    assert violations(maker) == []
    maker.get_by_role("button", name="Propose to a second person").click()
    expect(maker.get_by_text("It waits for a second person at head office.")).to_be_visible()

    checker = screen("checker", "/head/approvals", language="zh")
    checker.get_by_role("link", name="配置：More time for the elderly").click()
    expect(checker.get_by_text("绿色通道的提前量由20分钟改为25分钟")).to_be_visible()
    assert violations(checker) == []
    checker.goto(f"{served.url}/head/approvals")
    checker.get_by_role("button", name="同意", exact=True).click()
    expect(checker.get_by_role("button", name="同意", exact=True)).to_have_count(0)

    maker.goto(f"{served.url}/head/configuration")
    expect(maker.get_by_text("approved by checker")).to_be_visible()
    expect(maker.get_by_text("Decided on Monday")).to_be_visible()
    text = (Path(served.folder) / "bank" / "bank.toml").read_text(encoding="utf-8")
    assert "head_start_minutes = 25" in text
    assert "# the elderly, the disabled, the pregnant: the ticket does not say which" in text


def test_a_branch_manager_changes_hours_and_windows_by_keyboard_in_chinese(screen: OpenScreen) -> None:
    page = screen("manager", f"/b/{BRANCH}/configuration", language="zh")
    begun(page, "周日提前关门", words=("草稿名称", "新建草稿"))
    closes = page.get_by_label("周日 · 关门")
    expect(closes).to_be_editable()
    closes.fill("15:00")
    closes.press("Tab")
    kept(page, "已存入草稿。")
    box = page.locator("#list-counters ~ .table-wide .configuration-boxes input:not(:checked)").first
    box.focus()
    page.keyboard.press("Space")
    kept(page, "已存入草稿。")
    page.reload()
    expect(page.get_by_label("周日 · 关门")).to_have_value("15:00")
    assert violations(page) == []
    page.get_by_role("link", name="改动的影响").click()
    expect(page.get_by_text("周日：由09:30-16:00改为09:30-15:00")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="放弃").click()
    page.get_by_role("button", name="是", exact=True).click()
    page.wait_for_url(re.compile(rf"/b/{BRANCH}/configuration$"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_forms_of_a_draft_are_open_to_everybody(
    served: Served, screen: OpenScreen, language: str, scheme: str
) -> None:
    made = httpx.post(
        f"{served.url}/api/configuration/drafts",
        json={"name": f"{language} {scheme}", "branch": ""},
        headers={
            "Authorization": f"Bearer {served.token('operations')}",
            "Idempotency-Key": f"{language}-{scheme}",
        },
    ).json()
    page = screen("operations", "/head/configuration", language=language, scheme=scheme)
    found = []
    for path in ("services", "classes", "regimes", "people", "staffing", "bank", "files"):
        page.goto(f"{served.url}/head/configuration/{path}?draft={made['id']}")
        page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
        found += [f"{path}: {each}" for each in violations(page)]
    assert found == []


def started(served: Served, account: str, name: str, branch: str = "") -> str:
    """A draft of its own."""
    made = httpx.post(
        f"{served.url}/api/configuration/drafts",
        json={"name": name, "branch": branch},
        headers={"Authorization": f"Bearer {served.token(account)}", "Idempotency-Key": name},
    ).json()
    return str(made["id"])


def test_rows_from_a_spreadsheet_are_looked_at_one_by_one_before_they_are_taken(
    served: Served, screen: OpenScreen
) -> None:
    draft = started(served, "manager", "rows", BRANCH)
    page = screen("manager", f"/b/{BRANCH}/configuration?draft={draft}", language="en")
    page.locator("summary", has_text="Take the whole list from a spreadsheet").first.click()
    form = page.locator("form[data-rows=counters]")
    with page.expect_download() as started_download:
        form.get_by_role("button", name="Download the rows").click()
    assert started_download.value.suggested_filename == "counters.csv"
    area = form.get_by_label("Rows of: Windows")
    expect(area).to_have_value(re.compile("wutong,C1,1,"))
    lines = area.input_value().splitlines()
    changed = lines[1].replace("cash pension", "cash")
    new = lines[2].replace("C2,2,cash", "C9,9,cahs")
    area.fill("\n".join([lines[0], changed, *lines[3:], new]))
    form.get_by_role("button", name="Look at the rows").click()
    looked = form.locator("[data-looked]")
    for words in ("Mistake 1", "New 1", "Changed 1", "Taken out 1"):
        expect(looked.get_by_text(words, exact=True)).to_be_visible()
    first = looked.locator("tbody tr").first
    expect(first).to_contain_text("Window 9")
    expect(first).to_contain_text("Services: Expected a service")
    expect(first).to_contain_text("Choose something that exists, or add it first.")
    expect(first.locator("td").first).to_have_text(str(len(lines)))
    expect(looked.get_by_text("Cash, Pension and passbook → Cash")).to_be_visible()
    assert violations(page) == []
    area.fill("\n".join([lines[0], changed, *lines[3:], new.replace("cahs", "cash")]))
    form.get_by_role("button", name="Look at the rows").click()
    expect(looked.get_by_text("Mistake 1")).to_have_count(0)
    looked.get_by_role("button", name="Take the rows").click()
    expect(page.locator("code", has_text=re.compile("^C9$"))).to_be_visible()
    expect(page.locator("code", has_text=re.compile("^C2$"))).to_have_count(0)


def test_a_file_as_spreadsheets_in_china_save_it_is_read(
    served: Served, screen: OpenScreen, tmp_path: Path
) -> None:
    draft = started(served, "operations", "gbk")
    page = screen("operations", f"/head/configuration/people?draft={draft}", language="zh")
    page.locator("summary", has_text="从电子表格导入整个列表").click()
    file = tmp_path / "people.csv"
    file.write_bytes("id,name\ngao-fei,高飞飞\n".encode("gb18030"))
    form = page.locator("form[data-rows=people]")
    form.locator("input[type=file]").set_input_files(file)
    expect(form.locator("textarea")).to_have_value(re.compile("高飞飞"))


def test_windows_are_put_in_order_by_keyboard_alone(served: Served, screen: OpenScreen) -> None:
    draft = started(served, "manager", "order", BRANCH)
    page = screen("manager", f"/b/{BRANCH}/configuration?draft={draft}", language="en")
    ids = page.locator("#list-counters ~ .table-wide tbody code")
    before = ids.all_text_contents()
    page.get_by_label("Move Window 3 up").focus()
    page.keyboard.press("Enter")
    expect(ids.nth(1)).to_have_text(before[2])
    expect(page.get_by_label("Move Window 3 up")).to_be_focused()
    page.keyboard.press("Enter")
    expect(ids.first).to_have_text(before[2])
    expect(page.get_by_label("Move Window 3 down")).to_be_focused()
    size = page.get_by_label("Move Window 3 down").bounding_box()
    assert size is not None
    assert min(size["width"], size["height"]) >= 40


def test_services_are_put_in_order_and_what_a_day_brings_is_looked_up(
    served: Served, screen: OpenScreen
) -> None:
    draft = started(served, "operations", "days")
    page = screen("operations", f"/head/configuration/services?draft={draft}", language="en")
    page.get_by_label("Move Accounts and cards up").click()
    expect(page.locator("[data-item] summary b").first).to_have_text("Accounts and cards")
    page.goto(f"{served.url}/b/{BRANCH}/configuration?draft={draft}")
    page.locator("input[data-day=mon]").fill("10:00")
    page.keyboard.press("Tab")
    kept(page)
    page.get_by_role("link", name="What it does").click()
    chosen = page.locator("section", has=page.get_by_role("heading", name="On a chosen day"))
    expect(chosen.get_by_text("Opening hours: 10:00-17:00 instead of 09:00-17:00")).to_be_visible()
    day = chosen.get_by_label("Day").input_value()
    page.goto(re.sub(r"\?.*", "", page.url) + f"?on={day[:-2]}28")
    expect(chosen.get_by_label("Day")).to_have_value(f"{day[:-2]}28")
    chosen.get_by_role("link").first.click()
    expect(chosen.get_by_text("Opening hours: 10:00-17:00")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Simulate").click()
    expect(page.get_by_text("nothing was learned of this branch yet")).to_be_visible(timeout=60_000)
    expect(page.get_by_role("columnheader", name="Leave unserved")).to_be_visible()


def test_a_wrong_id_of_somebody_new_can_be_mended(served: Served, screen: OpenScreen) -> None:
    draft = started(served, "manager", "new", BRANCH)
    page = screen("manager", f"/b/{BRANCH}/configuration?draft={draft}", language="en")
    page.locator("summary", has_text="Add to: Colleagues").click()
    form = page.locator("form[data-add]", has=page.locator("[name=posts]"))
    form.locator("[name=id]").fill("Bo Lin")
    form.locator("[name=name]").fill("Bo Lin")
    form.locator("input[name=posts][value=guard]").check()
    form.get_by_role("button", name="Add").click()
    expect(page.get_by_role("link", name="Wutong Road Branch › Bo Lin › Id")).to_be_visible()
    field = page.locator("input[data-path=id]")
    field.fill("bo-lin")
    field.press("Tab")
    expect(page.locator("[data-mistake-count]")).to_have_text("No mistakes.")

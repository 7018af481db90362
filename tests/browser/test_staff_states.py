"""Staff screens when there is nothing to show, too much of it, or no right to it any more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser import days
from tests.browser.conftest import SIZES, OpenScreen, Watch
from tests.browser.served import BRANCH, Served, serving

SCREENS = {"guard": "guard", "teller": "counter", "lobby": "lobby", "manager": "branch"}
NEW_YEAR = date(2027, 1, 1)
WINDOWS = 40
MANY = {
    "wutong,C8,8,accounts business cash,,,yes\n": "wutong,C8,8,accounts business cash,,,yes\n"
    + "".join(f"wutong,C{n},{n},cash accounts,,,yes\n" for n in range(9, WINDOWS + 1)),
    'en = "Wutong Road Branch", zh = "梧桐路支行"': 'en = "Wutong Road and Old Railway Station Branch",'
    ' zh = "梧桐路与老火车站广场北侧综合业务旗舰支行"',
    'en = "Cash", zh = "现金业务"': 'en = "Cash, notes, coins and foreign currency at the counter",'
    ' zh = "现金与零钞残损币兑换及外币现钞综合业务"',
    "徐静 Xu Jing": "欧阳阿依古丽·买买提江 Ouyang-Ayguli Maimaitijiang-Featherstonehaugh",
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A branch with forty windows and long names."""
    with serving(tmp_path_factory.mktemp("bank") / "hall", MANY) as running:
        yield running


@pytest.mark.parametrize(("language", "size"), [("en", "lobby"), ("en", "teller"), ("zh", "lobby")])
def test_the_pages_of_a_branch_stand_on_one_line_however_long_its_name(
    served: Served, screen: OpenScreen, language: str, size: str
) -> None:
    served.set_time(days.NORMAL_DAY, 7)
    manager = screen("manager", f"/b/{BRANCH}/branch", language=language, size=size)
    box = manager.locator(".screens").bounding_box()
    assert box is not None
    assert box["height"] < 60
    manager.locator(".screens-more summary").click()
    expect(manager.locator(".screens-menu a")).to_have_count(7)
    assert manager.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_forty_windows_and_a_long_line_stay_readable_also_at_twice_the_size(
    served: Served, screen: OpenScreen
) -> None:
    days.open_hall(served, days.NORMAL_DAY, counters=3)
    for _ in range(30):
        served.issue("cash")
    number = served.call_next("C2")
    for account, path in [("teller", "counter?counter=C2"), ("lobby", "lobby"), ("manager", "branch")]:
        page = screen(account, f"/b/{BRANCH}/{path}", language="en")
        size = SIZES[account]
        page.set_viewport_size({"width": size["width"] // 2, "height": size["height"] // 2})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), account
    teller = screen("teller", f"/b/{BRANCH}/counter?counter=C2", language="en")
    expect(teller.locator(".ticket-number")).to_have_text(number)
    expect(teller.get_by_role("button", name="Start")).to_be_in_viewport()
    manager = screen("manager", f"/b/{BRANCH}/branch", language="en")
    expect(manager.locator(".window:visible")).to_have_count(3)
    manager.locator('[data-id="closed-windows"] summary').click()
    expect(manager.locator(".window:visible")).to_have_count(WINDOWS)
    window = manager.locator('.window[data-id="C40"]')
    window.locator("select").select_option("gao-fei")
    window.get_by_role("button", name="Open").click()
    expect(manager.locator('.window[data-id="C40"] .pill')).to_have_text("free")
    lobby = screen("lobby", f"/b/{BRANCH}/lobby", language="en")
    expect(lobby.locator('[data-id="line"] li:visible')).to_have_count(12)
    lobby.locator('[data-id="line-on"] summary').click()
    expect(lobby.locator('[data-id="line"] li:visible')).to_have_count(29)


def test_a_tablet_that_stays_on_overnight_has_the_next_days_forms(served: Served, screen: OpenScreen) -> None:
    lobby, door = screen("lobby", f"/b/{BRANCH}/lobby"), screen("guard", f"/b/{BRANCH}/guard")
    for page in (lobby, door):
        expect(page.locator("body")).to_have_attribute("data-open-day", days.NORMAL_DAY.isoformat())
    served.set_time(date(2026, 11, 27), 3)
    expect(lobby.get_by_role("heading", name="营业日尚未开启")).to_be_visible()
    expect(lobby.locator("[data-triage]")).to_have_count(0)
    served.open_day()
    expect(lobby.locator("[data-triage]")).to_be_visible()
    expect(lobby.locator('[data-command="EnterPaperCall"]')).to_have_attribute("data-day", "2026-11-27")
    expect(door.locator("body")).to_have_attribute("data-open-day", "2026-11-27")


@pytest.mark.parametrize("account", SCREENS)
def test_on_a_day_on_which_the_branch_is_closed_every_screen_says_why_and_till_when(
    served: Served, screen: OpenScreen, account: str
) -> None:
    served.set_time(NEW_YEAR, 10)
    page = screen(account, f"/b/{BRANCH}/{SCREENS[account]}", language="en")
    expect(page.get_by_role("heading", name="The branch is closed today.")).to_be_visible()
    expect(page.locator("main")).to_contain_text("New Year's Day")
    expect(page.locator("main")).to_contain_text("It opens again on Saturday 2 January at 09:30.")
    expect(page.get_by_role("button", name="Open the day")).to_have_count(0)


def test_whose_right_was_taken_away_is_told_so_and_not_shown_an_old_hall(
    served: Served, screen: OpenScreen, watch: Watch
) -> None:
    watch.allow("htmx:")
    watch.allow("Response Status Error Code 40")
    days.open_hall(served, date(2027, 1, 4))
    lobby = screen("lobby", f"/b/{BRANCH}/lobby", language="en")
    expect(lobby.locator("[data-triage]")).to_be_visible()
    change_role(served, "lobby", "guard")
    lobby.locator("#session-again [name=password]").fill("browser-tests-only")
    lobby.locator("#session-again").get_by_role("button", name="Go on").click()
    served.do("OpenCounter", counter_id="C2", person_id="xu-jing")
    expect(lobby.get_by_role("heading", name="Your role may not do this.")).to_be_visible()
    lobby.get_by_role("link", name="Back to the start").click()
    expect(lobby.get_by_role("link", name="Door")).to_be_visible()


def change_role(served: Served, name: str, role: str) -> None:
    """As an administrator does; whether that ends the session is theirs to say."""
    headers = {"Authorization": f"Bearer {served.token('checker')}", "Idempotency-Key": "role"}
    body = {"what": "role", "role": role, "branch": BRANCH, "person_id": "qian-lixin"}
    answer = httpx.post(f"{served.url}/api/accounts/{name}", headers=headers, json=body)
    assert answer.status_code == 200, answer.text

"""Can a manager read what the simulator believes, and does it say how much of it is the branch's own?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from litestar.testing import TestClient

from openhall.app.build import App, build
from openhall.app.folder import Folder
from openhall.flows.beliefs import beliefs
from openhall.log import learned
from openhall.network.model import Role
from openhall.network.sample import sample_files
from openhall.science.habits import Arrivals, Habits, assumed_habits
from openhall.web.learned import bars_of, drawn
from openhall.web.site import create_site
from tests.places import DAY

PASSWORD = "unit-tests-only"
ROLES: dict[str, tuple[Role, str | None]] = {
    "manager": ("manager", "wutong"),
    "operations": ("operations", None),
    "kiosk": ("kiosk", "wutong"),
    "elsewhere": ("manager", "qingdu"),
}
HAN = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient[Any]]:
    place = Folder(tmp_path_factory.mktemp("bank") / "hall")
    place.create(sample_files())
    app = build(place)
    for name, (role, branch) in ROLES.items():
        app.accounts.create(name, role, PASSWORD, branch=branch)
    learned.keep(app.store, some_days(app), now_ms=1_790_000_000_000)
    with TestClient(create_site(app)) as opened:
        opened.app.state.tokens = {
            name: app.accounts.sign_in(name, PASSWORD).token  # type: ignore[union-attr]
            for name in ROLES
        }
        yield opened


def some_days(app: App) -> Habits:
    """Habits of wutong that say they rest on days."""
    services = [(s.id, s.mean_minutes * 60_000) for s in app.bank.services]
    habits = assumed_habits("wutong", services, [k.code for k in app.bank.classes])
    needed = msgspec.structs.replace(habits.groups[0], need=app.bank.services[0].needs[0].code)
    arrivals = Arrivals(32_400_000, 900_000, (4.0, 6.0, 2.0), ((1.0,) * 12 + (0.0,),) * 3)
    return msgspec.structs.replace(
        habits,
        days=20,
        first_day=DAY,
        last_day=DAY,
        groups=(*habits.groups, needed),
        seen=(*habits.seen, habits.seen[0]),
        arrivals=arrivals,
    )


def get(client: TestClient[Any], path: str, account: str, language: str = "en") -> Any:
    headers = {"Authorization": f"Bearer {client.app.state.tokens[account]}"}
    return client.get(f"{path}?lang={language}", headers=headers)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_manager_reads_it_in_both_languages(client: TestClient[Any], language: str) -> None:
    answer = get(client, "/b/wutong/learned", "manager", language)
    assert answer.status_code == 200
    body = answer.text
    assert ("模拟" in body) == (language == "zh")
    assert body.count('<svg class="span"') == 13
    assert body.count('<svg class="hour"') == 1, "three quarters of an hour in one hour"
    assert "style=" not in body, "the site's policy forbids it"
    assert "<script>" not in body
    if language == "en":
        assert not HAN.search(re.sub(r'<a class="language".*?</a>', "", body))


def test_a_branch_of_which_nothing_was_learned_says_so(client: TestClient[Any]) -> None:
    body = get(client, "/b/qingdu/learned", "elsewhere").text
    assert "Nothing has been learned about this branch yet" in body
    assert "<svg" not in body


def test_it_is_for_those_who_may_see_the_branch(client: TestClient[Any]) -> None:
    assert get(client, "/b/wutong/learned", "operations").status_code == 200
    assert get(client, "/b/wutong/learned", "kiosk").status_code == 403
    assert get(client, "/b/wutong/learned", "elsewhere").status_code == 403


def test_the_branch_screen_leads_there(client: TestClient[Any]) -> None:
    assert '/b/wutong/learned"' in get(client, "/b/wutong/branch", "manager").text


def test_drawings_stay_inside_their_frame() -> None:
    found = beliefs(assumed_habits("lane", [("cash", 300_000), ("accounts", 900_000)], ["ordinary"]))
    for rows in drawn(found)["by_service"].values():
        for _, span in rows:
            assert 0 <= span.left <= span.middle <= span.left + span.width <= 100.2
    assert bars_of(found) == [], "no arrivals are known"

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
from openhall.flows.beliefs import beliefs, booked_belief
from openhall.log import learned
from openhall.network.model import Role
from openhall.network.sample import sample_files
from openhall.science.believed import EARLIEST_MS
from openhall.science.durations import Durations
from openhall.science.habits import Arrivals, BookedHabits, Habits, assumed_booked, assumed_habits
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


def booked_rows(client: TestClient[Any], branch: str, account: str) -> list[str]:
    """What the page says of those with an appointment, in the order of the page."""
    body = get(client, f"/b/{branch}/learned", account).text
    section = body.split('data-id="with-appointments"')[1].split("</section>")[0]
    return [
        " ".join(found.split())
        for found in re.findall(r"<(?:p|td)[^>]*>(.*?)</(?:p|td)>", section, re.DOTALL)
    ]


def booked(expected: int, came: int) -> BookedHabits:
    """Three of four come, between half an hour before their time and ten minutes after it."""
    minute = 60_000
    return BookedHabits(0.75, Durations((30 * minute, 50 * minute, 70 * minute)), expected, came)


BOOKED: list[tuple[BookedHabits | None, str, list[str], str]] = [
    (
        booked(400, 300),
        "Learned from 400 appointments here; to 300 of them the customer came.",
        ["75 %", "26 min before their time", "10 min before their time", "6 min after their time"],
        "seen here",
    ),
    (
        booked(0, 0),
        "Borrowed from other branches",
        ["75 %", "26 min before their time", "10 min before their time", "6 min after their time"],
        "seen in other branches alone",
    ),
    (
        None,
        "Assumed: nobody with an appointment has been seen yet",
        ["85 %", "19 min before their time", "9 min before their time", "4 min after their time"],
        "seen nowhere",
    ),
]


@pytest.mark.parametrize(("known", "origin", "figures", "reason"), BOOKED)
def test_it_says_who_comes_to_an_appointment_and_when_and_from_how_many_that_is_known(
    client: TestClient[Any], known: BookedHabits | None, origin: str, figures: list[str], reason: str
) -> None:
    app: App = client.app.state.openhall
    before = learned.latest(app.store, "wutong")
    assert before is not None
    changed = msgspec.structs.replace(before, booked=known)
    learned.keep(app.store, changed, now_ms=before.learned_ms + 1)
    said, *shown = booked_rows(client, "wutong", "manager")
    assert said.startswith(origin), reason
    assert shown == figures, reason


def test_where_nothing_was_learned_yet_the_assumption_stands_there() -> None:
    found, table = booked_belief(None), assumed_booked()
    assert found.show_share == table.show_share
    shown = (found.p10_late_minutes, found.p50_late_minutes, found.p90_late_minutes)
    drawn_from = [(table.coming.quantile_ms(share) - EARLIEST_MS) / 60_000 for share in (0.1, 0.5, 0.9)]
    assert shown == pytest.approx(drawn_from, abs=0.3), "the page says what the simulator draws from"


def test_of_a_branch_of_which_nothing_was_learned_it_says_what_is_assumed(client: TestClient[Any]) -> None:
    assert booked_rows(client, "qingdu", "elsewhere")[0].startswith("Assumed")


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

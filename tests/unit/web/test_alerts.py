"""Alerts over real halls: raised, shown, told, taken on, over; kept through a restart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar.testing import TestClient

from openhall.app.alerts import ROUND_TURNS, AlertDesk
from openhall.app.build import App, build
from openhall.app.folder import Folder
from openhall.app.settings import Settings, SmtpSettings, WebhookSettings
from openhall.hall.model import commands as c
from openhall.kernel.clock import MINUTE_MS, ManualClock
from openhall.log import alerts as alerts_log
from openhall.log import outbox
from openhall.network.model import Role
from openhall.network.sample import sample_files
from openhall.review.alerts import Alert
from openhall.web.site import create_site
from tests.places import on
from tests.unit.messages.receivers import SECRET
from tests.unit.web.halls import BRANCH, Behind

DAYS = (day for n in range(60) if (day := date(2026, 11, 24) + timedelta(days=n)).weekday() < 5)
SETTINGS = Settings(
    staff=WebhookSettings(url="http://127.0.0.1:9/", secret=SECRET),
    smtp=SmtpSettings(host="127.0.0.1", port=9, security="none", sender="hall@bank.example"),
)
PASSWORD = "a long enough password"
OURS = {"Sec-Fetch-Site": "same-origin"}
ACCOUNTS: dict[str, tuple[Role, str | None, str | None]] = {
    "lobby": ("lobby", BRANCH, "qian-lixin"),
    "manager": ("manager", BRANCH, "zhao-minzhi"),
    "elsewhere": ("manager", "lanqiao", None),
    "teller": ("teller", BRANCH, "gao-fei"),
    "operations": ("operations", None, None),
    "administrator": ("administrator", None, None),
}


class Hall(Behind):
    """A branch in the morning; time and turns are the test's."""

    def __init__(self, app: App, clock: ManualClock, client: TestClient[Any]) -> None:
        super().__init__(app, clock, client)
        self.tokens: dict[str, str] = {}

    def begin(self, day: date) -> Hall:
        """With two people waiting; what was the matter on the day before is over."""
        self.clock.set(on(day, 8))
        self.turn(ROUND_TURNS)
        self.open_morning(day, waiting_count=2)
        return self

    def turn(self, turns: int = 1) -> None:
        for _ in range(turns):
            self.run(self.app.alerts.run_once)

    def look(self, after: float = 0) -> list[Alert]:
        """Look at the hall some minutes later; what is the case then."""
        self.clock.advance(round(after * MINUTE_MS))
        self.run(self.app.alerts.look, self.stream)
        return self.app.alerts.standing(BRANCH)

    def told(self) -> list[tuple[str, str, str]]:
        """(channel, template, level) of the messages of this day's alerts, in order."""
        due = outbox.due(self.app.store, ["staff", "email"], 2**60, 1_000)
        own = [m for m in due if str(self.stream.day) in m.cause]
        return [(m.channel, m.template, str(m.blanks["level"])) for m in sorted(own, key=lambda m: m.cause)]

    def token(self, name: str) -> str:
        if name not in self.tokens:
            role, branch, person = ACCOUNTS[name]
            self.app.accounts.create(name, role, PASSWORD, branch=branch, person_id=person)
            self.client.cookies.clear()  # another person's browser
            signed_in = self.client.post(
                "/api/session", json={"name": name, "password": PASSWORD}, headers=OURS
            )
            assert signed_in.status_code == 200, signed_in.text
            self.tokens[name] = signed_in.json()["token"]
        return self.tokens[name]

    def ask(self, method: str, path: str, name: str = "lobby", **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token(name)}", "Accept-Language": "en"}
        return self.client.request(method, path, headers=headers, **options)

    def take(self, alert: Alert, name: str = "lobby", action: str = "opened_window") -> httpx.Response:
        path = f"/api/branches/{BRANCH}/alerts/{alert.id}/acknowledge"
        return self.ask("POST", path, name, json={"action": action})


@contextmanager
def serving(folder: Path) -> Iterator[Hall]:
    place = Folder(folder / "hall")
    place.create(sample_files())
    clock = ManualClock(on(date(2026, 11, 23), 3))
    app = build(place, clock, settings=SETTINGS)
    # Turns are the test's own.
    app.messages.turns = list  # type: ignore[method-assign]
    own, app.alerts.run_once = app.alerts.run_once, _nothing  # type: ignore[method-assign]
    technical, app.technical.run_once = app.technical.run_once, _nothing  # type: ignore[method-assign]
    with TestClient(create_site(app)) as client:
        app.alerts.run_once = own  # type: ignore[method-assign]
        app.technical.run_once = technical  # type: ignore[method-assign]
        yield Hall(app, clock, client)


async def _nothing() -> None:
    return None


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    with serving(tmp_path_factory.mktemp("alerts")) as hall:
        yield hall


@pytest.fixture
def hall(served: Hall) -> Hall:
    """On a day that no other test has used."""
    return served.begin(next(DAYS))


def test_a_wait_that_grows_is_raised_gets_worse_and_is_over_once_people_are_called(hall: Hall) -> None:
    assert hall.look() == []
    (alert,) = hall.look(after=16)
    assert (alert.kind, alert.level, alert.limit) == ("wait_over_limit", "yellow", 15)
    (alert,) = hall.look(after=5)
    assert alert.level == "orange"
    for _ in range(2):
        hall.do(c.CallNext("C2"))
        hall.do(c.StartService("C2"))
        hall.do(c.FinishService("C2"))
    assert len(hall.look()) == 1, "over, but for how long?"
    assert hall.look(after=5) == []
    kept = alerts_log.of_day(hall.app.store, hall.stream.day, BRANCH)
    assert [a.id for a in kept] == [alert.id]
    changes = alerts_log.changes(hall.app.store, [alert.id])[alert.id]
    assert [line.change for line in changes] == ["raised", "worse", "cleared"]


def test_recipients_hear_of_what_concerns_them_by_their_channels(hall: Hall) -> None:
    hall.look(after=16)
    assert hall.told() == [("staff", "alert.wait_over_limit", "yellow")]
    hall.look(after=15)
    levels = [(channel, level) for channel, _, level in hall.told()]
    assert sorted(levels) == [
        ("email", "red"),  # head office hears of what is red
        ("staff", "red"),
        ("staff", "red"),
        ("staff", "yellow"),
    ]


def test_told_again_only_until_somebody_takes_it_on_and_nobody_takes_it_twice(hall: Hall) -> None:
    (alert,) = hall.look(after=16)
    hall.look(after=3)
    assert len(hall.told()) == 1
    answer = hall.take(alert)
    assert (answer.status_code, answer.json()["acknowledged_by"]) == (200, "qian-lixin")
    assert hall.take(alert).json() == answer.json(), "a retry is the same answer"
    other = hall.take(alert, "manager")
    assert (other.status_code, other.json()["code"]) == (409, "alert_acknowledged")
    assert hall.take(alert, "teller").status_code == 403
    assert hall.take(alert, "elsewhere").status_code == 403
    told = len(hall.told())
    hall.do(c.HoldTicket("t1", "qian-lixin"))
    hall.do(c.HoldTicket("t2", "qian-lixin"))
    hall.do(c.IssueTicket("cash"))
    hall.look(after=14)
    assert len(hall.told()) == told, "it is somebody's: nobody shouts about it"


def test_an_alert_that_is_over_or_unknown_is_not_taken_on(hall: Hall) -> None:
    (alert,) = hall.look(after=16)
    for ticket in ("t1", "t2"):
        hall.do(c.MarkReneged(ticket))
    hall.look(after=1)
    assert hall.look(after=5) == []
    assert hall.take(alert).json()["code"] == "alert_over"
    unknown = hall.ask("POST", f"/api/branches/{BRANCH}/alerts/x/acknowledge", json={"action": "looking"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "alert_unknown")
    wrong = hall.ask("POST", f"/api/branches/{BRANCH}/alerts/x/acknowledge", json={"action": "shout"})
    assert wrong.status_code == 400


def test_a_restart_raises_nothing_anew_and_forgets_nothing(hall: Hall) -> None:
    (alert,) = hall.look(after=16)
    hall.take(alert)
    hall.do(c.RecordFeedback("rating", score=1))
    before = hall.told()
    fresh = AlertDesk(hall.app, hall.app.outward.telling)
    hall.run(fresh.look, hall.stream)
    again = {a.kind: a for a in fresh.standing(BRANCH)}
    assert again["wait_over_limit"].id == alert.id
    assert again["wait_over_limit"].acknowledged_by == "qian-lixin"
    assert again["bad_ratings"].level == "yellow", "a rating from before the restart is known from the log"
    assert [m for m in hall.told() if m[1] == "alert.wait_over_limit"] == before


def test_with_the_day_its_alerts_end(hall: Hall) -> None:
    hall.look(after=16)
    hall.do(c.ForceEndDay("power_cut", "zhao-minzhi"))
    hall.turn(ROUND_TURNS)
    assert hall.app.alerts.standing(BRANCH) == []
    (kept,) = alerts_log.of_day(hall.app.store, hall.stream.day, BRANCH)
    assert kept.cleared_ms


def test_every_open_hall_is_looked_at_in_one_round(hall: Hall) -> None:
    hall.clock.advance(16 * MINUTE_MS)
    hall.turn(ROUND_TURNS)
    assert [a.kind for a in hall.app.alerts.standing(BRANCH)] == ["wait_over_limit"]


def test_when_the_outbox_is_full_alerts_are_kept_and_shown_all_the_same(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "WAITING_AT_MOST", 0)
    (alert,) = hall.look(after=16)
    assert alerts_log.find(hall.app.store, alert.id) == alert
    assert hall.told() == []


def test_pages_show_what_is_the_case_and_what_was(hall: Hall) -> None:
    (alert,) = hall.look(after=16)
    for path, name in (
        (f"/b/{BRANCH}/lobby", "lobby"),
        (f"/b/{BRANCH}/branch", "manager"),
        (f"/b/{BRANCH}/alerts", "lobby"),
        ("/head/alerts", "operations"),
    ):
        shown = hall.ask("GET", path, name).text
        assert "Wait over the limit" in shown, path
        assert "now 16 min, limit 15 min" in shown, path
        assert "I take it on" in shown, path
    hall.take(alert)
    shown = hall.ask("GET", f"/b/{BRANCH}/alerts").text
    assert "a window was opened" in shown
    assert "data-acknowledge" not in shown
    assert hall.ask("GET", f"/b/{BRANCH}/alerts", "elsewhere").status_code == 403
    listed = hall.ask("GET", f"/api/branches/{BRANCH}/alerts").json()
    assert [each["id"] for each in listed] == [alert.id]


def test_head_office_looks_by_branch_by_level_and_at_earlier_days(hall: Hall) -> None:
    hall.look(after=16)

    def shown(query: str) -> bool:
        return 'data-id="wutong-' in hall.ask("GET", f"/head/alerts/live{query}", "operations").text

    assert shown("")
    assert shown("?branch=wutong&level=yellow")
    assert not shown("?branch=lanqiao")
    assert not shown("?level=red")
    assert not shown("?day=2026-01-05")


def test_the_page_of_messages_shows_ways_and_what_is_stuck_without_saying_to_whom(hall: Hall) -> None:
    hall.look(after=16)
    hall.run(hall.app.messages.run_once, "staff")  # nobody is there
    shown = hall.ask("GET", "/head/messages", "administrator").text
    for part in ("nobody answers there", "not_reached", "Send again", "http://127.0.0.1:9", "Not set up"):
        assert part in shown, part
    body = hall.ask("GET", "/api/messages", "administrator").json()
    assert {way["channel"]: way["is_set_up"] for way in body["ways"]} == {
        "sms": False,
        "email": True,
        "app": False,
        "staff": True,
    }
    stuck = outbox.unsent(hall.app.store, 1)[0]
    assert hall.ask("POST", f"/api/messages/{stuck.id}/retry", "lobby").status_code == 403
    assert hall.ask("POST", f"/api/messages/{stuck.id}/retry", "administrator").status_code == 204
    assert hall.ask("POST", f"/api/messages/{stuck.id}/drop", "administrator").status_code == 204
    again = hall.ask("POST", f"/api/messages/{stuck.id}/drop", "administrator")
    assert (again.status_code, again.json()["code"]) == (404, "message_unknown")

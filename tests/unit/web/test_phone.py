"""A customer's own page: only for who holds its address, and it says what the hall knows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import pytest
from litestar.testing import TestClient

from openhall.app.build import App, build
from openhall.app.folder import Folder
from openhall.hall.model import commands as c
from openhall.hall.told import TicketWait
from openhall.kernel.clock import MINUTE_MS, ManualClock, from_datetime
from openhall.kernel.event import SYSTEM, Answer, Command, Request, StreamId
from openhall.network.sample import sample_files
from openhall.web import phone
from openhall.web.site import create_site
from tests.places import ZONE

DAY = date(2026, 11, 24)
STREAM = StreamId("wutong", DAY)


def at(hours: int, minutes: int = 0) -> int:
    return from_datetime(datetime(DAY.year, DAY.month, DAY.day, hours, minutes, tzinfo=ZONE))


class Hall:
    """A branch in the morning, and the pages of its customers."""

    def __init__(self, app: App, clock: ManualClock, client: TestClient[Any]) -> None:
        self.app, self.clock, self.client = app, clock, client
        self.sent = 0

    def do(self, command: Command) -> None:
        self.sent += 1
        request = Request(STREAM, f"k{self.sent}", SYSTEM, command)
        answer = self.client.blocking_portal.call(self.app.submit, request)
        assert isinstance(answer, Answer), answer

    def page(self, ticket_id: str, *, language: str = "en", live: str = "") -> str:
        path = f"/t/{self.app.links.token(STREAM, ticket_id)}{live}"
        answer = self.client.get(path, headers={"Accept-Language": language})
        assert answer.status_code == 200, answer.text
        return str(answer.text)


def open_hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    """Nine in the morning: one window, three people in line."""
    place = Folder(tmp_path_factory.mktemp("bank") / "hall")
    place.create(sample_files())
    clock = ManualClock(at(8))
    app = build(place, clock)
    with TestClient(create_site(app)) as client:
        hall = Hall(app, clock, client)
        branch = app.bank.branch("wutong")
        assert branch is not None
        client.blocking_portal.call(app.open_day, branch, SYSTEM)
        clock.advance(60 * MINUTE_MS)
        hall.do(c.OpenDoors())
        hall.do(c.OpenCounter("C2", "xu-jing"))
        for _ in range(3):
            hall.do(c.IssueTicket("cash"))
        yield hall


@pytest.fixture
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    yield from open_hall(tmp_path_factory)


def test_a_page_tells_the_place_the_wait_and_the_way_to_a_person(hall: Hall) -> None:
    waits = tuple(TicketWait(f"t{n}", *(m * MINUTE_MS for m in (18, 27, 36))) for n in (1, 2, 3))
    hall.do(c.TellWaits(hall.clock.now_ms(), waits))
    shown = hall.page("t3")
    for part in ("A003", "<dd>2</dd>", "20 to 35 minutes", "probably about 25 minutes", "speak to a person"):
        assert part in shown
    assert "min ago" not in shown
    assert "20到35分钟" in hall.page("t3", language="zh")
    hall.clock.advance(2 * MINUTE_MS)
    assert "as of 2 min ago" in hall.page("t3", live="/live")


def test_a_page_follows_the_ticket_to_its_end(hall: Hall) -> None:
    hall.do(c.HoldTicket("t3", "qian-lixin"))
    assert "Stepped out until 09:" in hall.page("t3")
    hall.do(c.CallNext("C2"))
    assert "Please come to window 2 now." in hall.page("t1", live="/live")
    assert "请现在到2号窗口。" in hall.page("t1", language="zh")
    hall.do(c.StartService("C2"))
    assert "You are being served at window 2." in hall.page("t1")
    hall.do(c.FinishService("C2"))
    assert "You have been served." in hall.page("t1")
    hall.do(c.MarkReneged("t2"))
    assert "you can come back into the line" in hall.page("t2")
    hall.clock.advance(90 * MINUTE_MS)
    assert "This number has ended." in hall.page("t2")
    assert "we find a way" in hall.page("t3"), "the time for coming back is over, and nobody is scolded"


def test_in_a_pause_the_page_says_when_it_goes_on(hall: Hall) -> None:
    hall.do(c.PauseHall("other", at(9, 40)))
    assert "We go on at 09:40" in hall.page("t1")


def test_nothing_on_a_page_is_about_a_person_or_can_be_pressed(hall: Hall) -> None:
    hall.do(c.IssueTicket("pension", class_code="green", class_basis="staff", handling=("written",)))
    shown = hall.page("t4")
    assert "Green" not in shown
    assert "pension" not in shown.lower()
    assert "data-command" not in shown
    assert 'http-equiv="refresh"' in shown, "it goes on without scripts"


def test_a_wrong_address_gets_a_friendly_page_and_guessing_is_slowed_down(hall: Hall) -> None:
    good = hall.app.links.token(STREAM, "t1")
    for language, words in (("en", "We do not know this number."), ("zh", "没有找到这个号码。")):
        answer = hall.client.get(f"/t/{good[:-2]}xx", headers={"Accept-Language": language})
        assert (answer.status_code, words in answer.text) == (404, True)
    for _ in range(phone.WRONG_PER_MINUTE_AT_MOST):
        answer = hall.client.get(f"/t/{good[:-2]}xx/live")
    assert answer.status_code == 429
    assert "A001" in hall.page("t1"), "who has an address is not kept out by who guesses beside them"


def test_another_day_s_number_is_told_so(hall: Hall) -> None:
    before = StreamId("wutong", date(2026, 11, 20))
    answer = hall.client.get(f"/t/{hall.app.links.token(before, 't1')}", headers={"Accept-Language": "en"})
    assert answer.status_code == 404
    assert "This number was for another day." in answer.text


def test_one_ticket_is_not_asked_about_without_end(hall: Hall) -> None:
    path = f"/t/{hall.app.links.token(STREAM, 't1')}/live"
    at_most = phone.LOOKS_PER_MINUTE_AT_MOST
    # More than the limit: on a slow machine some of it grows back meanwhile.
    answers = [hall.client.get(path).status_code for _ in range(2 * at_most)]
    assert set(answers[:at_most]) == {200}
    assert 429 in answers


def test_a_code_has_no_style_that_our_headers_would_refuse() -> None:
    drawn = str(phone.code_of("https://hall.example/t/lane.20261123.t1.abc"))
    assert drawn.startswith("<svg")
    assert "style" not in drawn


def test_the_worker_of_these_pages_reaches_these_pages_alone(hall: Hall) -> None:
    answer = hall.client.get("/static/phone-worker.js")
    assert answer.status_code == 200
    assert answer.headers["service-worker-allowed"] == "/t/"
    other = hall.client.get("/static/openhall.js")
    assert "service-worker-allowed" not in other.headers

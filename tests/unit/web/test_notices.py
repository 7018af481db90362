"""Customers who ask to be told by message: what is taken, what they are told, and that nothing stays."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from openhall.app.build import build
from openhall.app.folder import Folder
from openhall.app.settings import ServerSettings, Settings, WebhookSettings
from openhall.hall.model import commands as c
from openhall.hall.told import TicketWait
from openhall.kernel.clock import MINUTE_MS, ManualClock
from openhall.kernel.event import Command
from openhall.log import notices as notices_log
from openhall.log import outbox
from openhall.log.sqlite import SqliteStore
from openhall.network.model import Role
from openhall.network.sample import sample_files
from openhall.web.notices import WRITES_PER_MINUTE_AT_MOST
from openhall.web.site import create_site
from tests.places import on
from tests.unit.messages.receivers import SECRET, Gateway, content, gateway
from tests.unit.web.halls import Behind

DAYS = (day for n in range(60) if (day := date(2026, 11, 24) + timedelta(days=n)).weekday() < 5)
NUMBER = "13812345678"
OURS = {"Sec-Fetch-Site": "same-origin"}
"""What a browser says of a page of ours."""
SETTINGS = Settings(
    server=ServerSettings(public_address="https://hall.bank.example"),
    sms=WebhookSettings(url="http://127.0.0.1:9/", secret=SECRET),
)


class Hall(Behind):
    """A branch in the morning with a gateway for text messages; time and turns are the test's."""

    def begin(self, day: date) -> Hall:
        """With four people waiting."""
        self.open_morning(day, waiting_count=4)
        return self

    def do(self, command: Command) -> None:
        super().do(command)
        self.look()

    def look(self) -> None:
        self.run(self.app.notices.run_once)

    def pass_minutes(self, minutes: float) -> None:
        self.clock.advance(round(minutes * MINUTE_MS))
        self.look()

    def token(self, ticket_id: str) -> str:
        return self.app.links.token(self.stream, ticket_id)

    def ask(self, ticket_id: str, **given: Any) -> Any:
        consent = self.app.personal.consent("notice")
        data = {
            "channel": "sms",
            "to": NUMBER,
            "ahead": 1,
            "key": "0" * 16,
            "consent": consent.version if consent else "",
        } | given
        # A page of ours asks, as a browser says by itself.
        headers = OURS | {"Accept-Language": "en"}
        answer = self.client.post(f"/t/{self.token(ticket_id)}/notice", data=data, headers=headers)
        self.look()
        return answer

    def page(self, ticket_id: str, language: str = "en") -> str:
        answer = self.client.get(f"/t/{self.token(ticket_id)}", headers={"Accept-Language": language})
        return str(answer.text)

    def told(self) -> list[str]:
        """Names of the messages that are in the outbox, in order."""
        return [m.template for m in self.messages()]

    def messages(self) -> list[outbox.Message]:
        due = outbox.due(self.app.store, ["sms"], 2**60, 1_000)
        found = [message for message in due if str(self.stream) in message.cause]
        return sorted(found, key=lambda m: (m.created_ms, m.template))

    def kept(self) -> int:
        """Sealed records of the branch."""
        return len(self.app.personal.kept("wutong"))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    with serving(tmp_path_factory.mktemp("notices"), SETTINGS) as hall:
        yield hall


@pytest.fixture
def hall(served: Hall) -> Hall:
    """On a day that no other test has used; what is left of the day before is gone."""
    return served.begin(next(DAYS))


@contextmanager
def serving(folder: Path, settings: Settings) -> Iterator[Hall]:
    place = Folder(folder / "hall")
    place.create(sample_files())
    clock = ManualClock(on(date(2026, 11, 23), 3))
    app = build(place, clock, settings=settings)
    # The turns are the test's own: nothing is sent while it looks.
    app.messages.turns = list  # type: ignore[method-assign]
    with TestClient(create_site(app)) as client:
        yield Hall(app, clock, client)


def test_of_two_wishes_at_once_one_stands_and_the_other_contact_is_erased(hall: Hall) -> None:
    consent = hall.app.personal.consent("notice")
    asked = partial(
        hall.app.notices.ask,
        hall.stream,
        "t4",
        channel="sms",
        ahead=1,
        language="zh",
        consent=consent.version if consent else "",
        actor="customer",
    )

    async def both() -> None:
        await asyncio.gather(asked(to="13800000001", key="one"), asked(to="13800000002", key="two"))

    before = hall.kept()
    hall.run(both)
    assert hall.kept() == before + 1


def test_somebody_is_told_when_so_many_are_ahead_and_at_the_call_once_each(hall: Hall) -> None:
    assert hall.ask("t3").status_code == 200
    assert hall.told() == []
    for _ in range(2):
        hall.do(c.CallNext("C2"))
        hall.do(c.StartService("C2"))
        hall.do(c.FinishService("C2"))
    assert hall.told() == ["notice.ahead"]
    assert hall.messages()[0].blanks["ahead"] == 1
    hall.do(c.CallNext("C2"))
    hall.do(c.Recall("C2"))
    hall.pass_minutes(2)
    assert hall.told() == ["notice.ahead", "notice.called"]
    assert hall.messages()[1].blanks["window"] == 2


def test_when_the_visit_ends_the_number_is_erased_and_nothing_more_is_sent(hall: Hall) -> None:
    hall.ask("t1", ahead=5)
    assert (hall.told(), hall.kept()) == (["notice.ahead"], 1)
    hall.do(c.CallNext("C2"))
    hall.do(c.StartService("C2"))
    hall.do(c.FinishService("C2"))
    assert (hall.told(), hall.kept()) == ([], 0)
    assert notices_log.every(hall.app.store) == []
    assert outbox.unsent(hall.app.store, 10) == [], "given up without a trace of a failure"


ENDS: list[tuple[Callable[[Hall], None], str]] = [
    (lambda hall: hall.do(c.MarkReneged("t4")), "the customer has left"),
    (lambda hall: hall.do(c.ForceEndDay("power_cut", "zhao-minzhi")), "the day ended"),
    (lambda hall: hall.pass_minutes(24 * 60), "the night came"),
]


@pytest.mark.parametrize(("ending", "reason"), ENDS)
def test_however_a_visit_ends_the_number_is_erased(
    hall: Hall, ending: Callable[[Hall], None], reason: str
) -> None:
    hall.ask("t4")
    assert hall.kept() == 1
    ending(hall)
    assert hall.kept() == 0, reason


def test_the_wait_that_changes_a_lot_is_told_once(hall: Hall) -> None:
    def tell(minutes: int) -> None:
        spans = tuple(
            TicketWait(f"t{n}", *(m * MINUTE_MS for m in (minutes - 5, minutes, minutes + 5))) for n in (3, 4)
        )
        hall.do(c.TellWaits(hall.clock.now_ms(), spans))

    tell(20)
    hall.ask("t4")
    tell(30)
    assert hall.told() == [], "ten minutes are no news"
    tell(40)
    tell(60)
    assert hall.told() == ["notice.wait_changed"]
    assert hall.messages()[0].blanks["minutes"] == 40


def test_before_the_time_for_coming_back_ends_the_customer_is_told(hall: Hall) -> None:
    hall.ask("t4")
    hall.do(c.HoldTicket("t4", "qian-lixin"))
    hall.pass_minutes(24)
    assert hall.told() == []
    hall.pass_minutes(2)
    assert hall.told() == ["notice.hold_ends"]
    assert hall.messages()[0].blanks["time"] == "09:30"


def test_a_restart_tells_nobody_twice_and_forgets_nobody(hall: Hall) -> None:
    hall.ask("t2", ahead=1)
    assert hall.told() == ["notice.ahead"]
    fresh = type(hall.app.notices)(
        hall.app, hall.app.store, hall.app.personal, lambda: ("sms",), hall.app.messages._blocking
    )
    hall.run(fresh.run_once)
    assert hall.told() == ["notice.ahead"]
    hall.do(c.CallNext("C2"))
    hall.run(fresh.run_once)
    hall.do(c.StartService("C2"))
    hall.do(c.FinishService("C2"))
    hall.do(c.CallNext("C2"))
    hall.clock.advance(2 * MINUTE_MS)
    hall.run(fresh.run_once)
    assert hall.told() == ["notice.ahead", "notice.called"]


def test_the_page_offers_takes_and_takes_back(hall: Hall) -> None:
    shown = hall.page("t4")
    for part in ("Tell me by message", "We use this only to send you messages", 'type="tel"', "I agree"):
        assert part in shown
    assert "发消息提醒我" in hall.page("t4", "zh")
    hall.ask("t4", ahead=3)
    shown = hall.page("t4")
    assert "No messages any more" in shown
    assert NUMBER not in shown, "what was typed is not shown again, to whoever holds the phone"
    answer = hall.client.post(f"/t/{hall.token('t4')}/notice/cancel", headers=OURS)
    assert answer.status_code == 200
    assert hall.kept() == 0
    assert "Leave a number or an address" in hall.page("t4")


def test_another_number_takes_the_place_of_the_first_which_is_erased(hall: Hall) -> None:
    hall.ask("t4")
    hall.ask("t4", to="13900000000", key="1" * 16)
    assert hall.kept() == 1
    (notice,) = notices_log.every(hall.app.store)
    assert hall.app.personal.get(notice.contact_ref, "test", "customer_request") == {"to": "13900000000"}


REFUSED: list[tuple[dict[str, Any], int, str, str]] = [
    ({"to": "12"}, 400, "contact_invalid", "too short for a number"),
    ({"to": "call me"}, 400, "contact_invalid", "no number at all"),
    ({"to": "13812345678\r\nX: y"}, 400, "contact_invalid", "a line break"),
    ({"channel": "email", "to": "li@mail.example"}, 409, "notices_not_offered", "no mail is set up"),
    ({"consent": ""}, 409, "consent_missing", "without consent nothing is kept"),
    ({"consent": "0" * 12}, 409, "consent_outdated", "the wording has changed since"),
    ({"ahead": 0}, 400, "input_invalid", "nobody ahead is the call"),
    ({"channel": "staff"}, 400, "input_invalid", "that is for colleagues"),
]


@pytest.mark.parametrize(("given", "status", "code", "reason"), REFUSED)
def test_what_cannot_be_taken_is_said_and_nothing_is_kept(
    hall: Hall, given: dict[str, Any], status: int, code: str, reason: str
) -> None:
    answer = hall.ask("t4", **given)
    assert answer.status_code == status, reason
    assert answer.json()["code"] == code
    assert hall.kept() == 0


def test_numbers_are_taken_as_people_write_them(hall: Hall) -> None:
    hall.ask("t4", to=" +86 138-1234 5678 ")
    (notice,) = notices_log.every(hall.app.store)
    assert hall.app.personal.get(notice.contact_ref, "test", "customer_request") == {"to": "+8613812345678"}


def test_a_number_that_is_served_is_not_taken_any_more(hall: Hall) -> None:
    hall.do(c.CallNext("C2"))
    assert hall.ask("t1").json()["code"] == "notice_too_late"
    assert 'id="notice"' not in hall.page("t1")


def test_who_asks_too_often_has_to_wait(hall: Hall) -> None:
    for n in range(WRITES_PER_MINUTE_AT_MOST):
        assert hall.ask("t4", key=f"{n:016x}").status_code == 200
    assert hall.ask("t4", key="f" * 16).json()["code"] == "too_many_requests"
    assert hall.ask("t3").status_code == 200, "others are not slowed down"


def test_with_no_way_out_nothing_is_offered(tmp_path: Path) -> None:
    with serving(tmp_path, Settings()) as served:
        hall = served.begin(date(2026, 11, 24))
        assert 'id="notice"' not in hall.page("t4")
        assert hall.ask("t4").json()["code"] == "notices_not_offered"


def test_a_colleague_can_ask_for_a_customer_with_an_old_phone(hall: Hall) -> None:
    roles: tuple[tuple[str, Role], ...] = (("qian", "lobby"), ("tell", "teller"))
    for name, role in roles:
        hall.app.accounts.create(name, role, "a long enough password", branch="wutong")
    consent = hall.app.personal.consent("notice")
    body = {"channel": "sms", "to": NUMBER, "ahead": 2, "consent": consent.version if consent else ""}
    path = "/api/branches/wutong/tickets/A004/notice"

    def headers(name: str, key: str) -> dict[str, str]:
        answer = hall.client.post(
            "/api/session", json={"name": name, "password": "a long enough password"}, headers=OURS
        )
        assert answer.status_code == 200, answer.text
        return {"Authorization": f"Bearer {answer.json()['token']}", "Idempotency-Key": key}

    assert hall.client.post(path, json=body, headers=headers("tell", "k")).status_code == 403
    own = headers("qian", "k")
    for _ in range(2):  # a retry is the same
        answer = hall.client.post(path, json=body, headers=own)
        assert (answer.status_code, answer.json()) == (200, {"channel": "sms", "ahead": 2})
    assert hall.kept() == 1
    assert hall.client.delete(path, headers=own).status_code == 204
    assert hall.kept() == 0
    assert hall.client.delete(path, headers=own).json()["code"] == "notice_unknown"


def test_what_a_gateway_gets_names_the_hall_the_number_and_the_page(hall: Hall) -> None:
    hall.ask("t2", ahead=1)

    async def send() -> Gateway:
        async with AsyncExitStack() as stack:
            found = await stack.enter_async_context(gateway())
            adapter = hall.app.messages._adapters["sms"]
            adapter._url = found.url  # type: ignore[attr-defined]
            await hall.app.messages.run_once("sms")
            return found

    found = hall.run(send)
    (received,) = found.received
    data = received.verified()["data"]
    assert data["to"] == {"contact": NUMBER}
    assert data["text"].startswith("Wutong")
    assert "number A002. People ahead of you: 1." in data["text"]
    assert f"https://hall.bank.example/t/{hall.token('t2')}" in data["text"]
    assert data["blanks"] == {"branch": "wutong", "number": "A002", "ahead": 1}
    assert content(received)["template"] == "notice.ahead"


def test_the_number_is_in_no_event_no_log_and_no_table_in_clear(
    hall: Hall, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG"):
        hall.ask("t2", ahead=1)
        hall.do(c.CallNext("C2"))
        hall.run(hall.app.messages.run_once, "sms")  # nobody is there
    assert NUMBER not in caplog.text
    assert all(NUMBER.encode() not in event.body for event in hall.app.store.read())
    assert isinstance(hall.app.store, SqliteStore)
    database = hall.app.folder.database
    for path in database.parent.glob(database.name + "*"):
        assert NUMBER.encode() not in path.read_bytes(), path

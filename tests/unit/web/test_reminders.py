"""Customers who are reminded of an appointment: when, once, by which way, and never of one that is not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from datetime import date, timedelta
from itertools import count
from typing import Any

import msgspec
import pytest
from litestar.testing import TestClient

from openhall.app.build import App, build
from openhall.app.folder import Folder
from openhall.app.reminders import CANCELLED, ReminderDesk
from openhall.app.settings import ServerSettings, Settings, WebhookSettings
from openhall.flows.day import day_rules
from openhall.hall.model import commands as c
from openhall.kernel.clock import HOUR_MS, MINUTE_MS, ManualClock
from openhall.kernel.event import SYSTEM, Answer, Request, StreamId
from openhall.log import outbox
from openhall.log import reminders as reminders_log
from openhall.network.hall_policies import AppointmentPolicy
from openhall.network.model import NetworkVersion
from openhall.network.sample import sample_files
from openhall.web.rates import Rates
from openhall.web.site import create_site
from tests.places import on
from tests.unit.messages.receivers import SECRET, Gateway, gateway

TUESDAYS = (date(2026, 11, 24) + timedelta(weeks=4 * n) for n in range(60))
"""So far apart that no test sees what another has booked."""
NUMBER = "13812345678"
WAY = WebhookSettings(url="http://127.0.0.1:9/", secret=SECRET)
SETTINGS = Settings(
    server=ServerSettings(public_address="https://hall.bank.example"), sms=WAY, app=WAY, staff=WAY
)


class Desk:
    """Customers who book from outside; time and turns are the test's."""

    def __init__(self, app: App, clock: ManualClock, client: TestClient[Any]) -> None:
        self.app, self.clock, self.client = app, clock, client
        self.keys = count()
        self.today = date.min
        self.bank = app.bank

    @property
    def day(self) -> date:
        """The day that is booked."""
        return self.today + timedelta(days=2)

    def begin(self) -> Desk:
        """Ten o'clock of a Tuesday of its own; nothing is left of the test before."""
        self.app.take_bank(NetworkVersion("sample", self.bank))
        for record in self.app.personal.kept("wutong"):
            self.app.personal.erase(record.ref, "test", "customer_request")
        for message in outbox.due(self.app.store, ["sms", "app"], 2**60, 1_000):
            outbox.drop(self.app.store, message.id, now_ms=0)
        self.today = next(day for day in TUESDAYS if self.is_open(day) and self.is_open(day + timedelta(2)))
        self.clock.set(on(self.today, 10))
        self.look()
        return self

    def is_open(self, day: date) -> bool:
        """Open, and whoever comes needs no check at the door first."""
        rules = day_rules(self.app.version, "wutong", day)
        return rules is not None and not rules.regime.entry.is_check_required

    def run(self, work: Callable[..., Awaitable[Any]], *args: Any) -> Any:
        assert self.client.blocking_portal is not None
        return self.client.blocking_portal.call(work, *args)

    def at(self, day: date, hour: int, minute: int = 0) -> None:
        """Time passes till then, with a look each half hour, as a server looks all the time."""
        until_ms = on(day, hour, minute)
        while self.clock.now_ms() < until_ms:
            self.clock.set(min(until_ms, self.clock.now_ms() + 30 * MINUTE_MS))
            self.look()

    def look(self) -> None:
        self.run(self.app.outward.reminders.run_once)

    def free(self, day: date) -> list[int]:
        branch = self.app.bank.branch("wutong")
        assert branch is not None
        terms, state = self.app.appointments.terms(branch, day), self.app.appointments.state(stream(day))
        assert terms is not None
        places = {s.service_id: s.places for s in terms.services}["cash"]
        taken = {a.at_ms for a in state.appointments.values() if a.holds_slot}
        times = zip(terms.slots_ms(), places, strict=True)
        return [at for at, place in times if place and at not in taken and at > self.clock.now_ms()]

    def send(self, path: str, **fields: Any) -> Any:
        self.client.app.state.rates = Rates()
        headers = {"Accept": "text/html", "Accept-Language": "en", "Sec-Fetch-Site": "same-origin"}
        data = {"key": f"{next(self.keys):016x}", **fields}
        answer = self.client.post(path, data=data, headers=headers, follow_redirects=False)
        self.look()
        return answer

    def ask(self, day: date, at_ms: int, **more: Any) -> Any:
        consent = self.app.personal.consent("appointment")
        assert consent is not None
        fields = {"channel": "sms", "to": NUMBER, "consent": consent.version} | more
        return self.send("/book/wutong", service="cash", at=at_ms, day=day.isoformat(), **fields)

    def books(self, day: date, at_ms: int, **more: Any) -> str:
        """The address of a new appointment."""
        answer = self.ask(day, at_ms, **more)
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"])

    def told(self, template: str = "appointment.reminder") -> list[outbox.Message]:
        """Of the messages that are in the outbox those that wait, in order."""
        due = outbox.due(self.app.store, ["sms", "app"], 2**60, 1_000)
        return [m for m in sorted(due, key=lambda m: m.created_ms) if m.template == template]

    def deliver(self, *channels: str) -> Gateway:
        """All that is due goes to a gateway."""

        async def send() -> Gateway:
            async with AsyncExitStack() as stack:
                found = await stack.enter_async_context(gateway())
                for channel in channels:
                    adapter: Any = self.app.messages._adapters[channel]  # type: ignore[index]
                    adapter._url = found.url
                    await self.app.messages.run_once(channel)  # type: ignore[arg-type]
                return found

        found: Gateway = self.run(send)
        return found


def stream(day: date) -> StreamId:
    return StreamId("wutong", day)


def policy(desk: Desk, **changes: Any) -> None:
    """The bank decides otherwise."""
    appointments = msgspec.structs.replace(desk.app.bank.appointments, **changes)
    bank = msgspec.structs.replace(desk.app.bank, appointments=appointments)
    desk.app.take_bank(NetworkVersion("changed", bank))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    place = Folder(tmp_path_factory.mktemp("reminders") / "hall")
    place.create(sample_files())
    clock = ManualClock(on(date(2026, 11, 23), 10))
    app = build(place, clock, settings=SETTINGS)
    # The turns are the test's own: nothing is looked at or sent between two looks.
    app.outward.turns = list  # type: ignore[method-assign]
    with TestClient(create_site(app)) as client:
        yield Desk(app, clock, client)


@pytest.fixture
def desk(served: Desk) -> Desk:
    return served.begin()


def test_somebody_is_told_at_once_and_reminded_a_day_and_two_hours_before(desk: Desk) -> None:
    at_ms = next(at for at in desk.free(desk.day) if at >= on(desk.day, 13))
    own = desk.books(desk.day, at_ms)
    (said,) = desk.told("appointment.booked")
    assert said.blanks["date"] == desk.day.isoformat()
    assert desk.told() == []
    desk.clock.set(at_ms - 24 * HOUR_MS - MINUTE_MS)
    desk.look()
    assert desk.told() == []
    desk.clock.set(at_ms - 24 * HOUR_MS)
    desk.look()
    desk.look()
    assert len(desk.told()) == 1
    desk.clock.set(at_ms - 2 * HOUR_MS)
    desk.look()
    assert len(desk.told()) == 2
    desk.clock.set(at_ms + MINUTE_MS)
    desk.look()
    assert len(desk.told()) == 2
    assert own.startswith("/a/")


def test_what_a_gateway_gets_has_the_time_the_code_and_the_page_to_move_or_cancel(desk: Desk) -> None:
    at_ms = desk.free(desk.day)[-1]
    own = desk.books(desk.day, at_ms, channel="app", to="li.xiulan")
    found = desk.deliver("app")
    (received,) = found.received
    data = received.verified()["data"]
    assert (data["kind"], data["channel"], data["to"]) == ("appointment", "app", {"contact": "li.xiulan"})
    (booked,) = desk.app.appointments.state(stream(desk.day)).appointments.values()
    assert data["blanks"] == {
        "branch": "wutong",
        "date": desk.day.isoformat(),
        "time": data["blanks"]["time"],
        "code": f"{booked.code[:4]}-{booked.code[4:]}",
    }
    for part in (f"Thursday {desk.day:%-d %B}", data["blanks"]["code"], f"https://hall.bank.example{own}"):
        assert part in data["text"], part


def test_nobody_is_reminded_of_what_was_booked_after_the_reminder_was_due(desk: Desk) -> None:
    at_ms = next(at for at in desk.free(desk.today) if at >= on(desk.today, 13))
    desk.books(desk.today, at_ms)
    assert desk.told() == []
    desk.clock.set(at_ms - 2 * HOUR_MS)
    desk.look()
    assert len(desk.told()) == 1


def test_after_hours_without_a_server_only_the_last_reminder_goes_out(desk: Desk) -> None:
    at_ms = next(at for at in desk.free(desk.day) if at >= on(desk.day, 14))
    desk.books(desk.day, at_ms)
    desk.clock.set(at_ms - HOUR_MS)
    desk.look()
    assert [m.cause.rsplit(maxsplit=1)[-1] for m in desk.told()] == ["2h"]


def fresh(desk: Desk) -> ReminderDesk:
    app = desk.app
    return ReminderDesk(
        app,
        app.appointments.state,
        app.store,
        app.personal,
        lambda: app.messages.channels,
        app.messages._blocking,
    )


def test_a_restart_reminds_nobody_twice_and_forgets_nobody(desk: Desk) -> None:
    first, second = desk.free(desk.day)[-2:]
    desk.books(desk.day, first)
    desk.books(desk.day, second)
    desk.clock.set(first - 24 * HOUR_MS)
    desk.look()
    assert len(desk.told()) == 1
    desk.deliver("sms")
    for _ in range(2):
        again = fresh(desk)
        desk.run(again.run_once)
        assert desk.told() == [], "sent before the restart, and not written anew"
    desk.clock.set(second - 24 * HOUR_MS)
    desk.run(fresh(desk).run_once)
    assert len(desk.told()) == 1, "the other one, of whom only the database knows"


def test_a_cancelled_appointment_reminds_nobody_and_its_number_is_gone(desk: Desk) -> None:
    at_ms = desk.free(desk.day)[-1]
    own = desk.books(desk.day, at_ms)
    desk.clock.set(at_ms - 24 * HOUR_MS)
    desk.look()
    assert len(desk.told()) == 1, "waits for a gateway that is slow"
    assert desk.send(f"{own}/cancel").status_code == 303
    found = desk.deliver("sms")
    assert found.received == []
    assert desk.told() == []
    assert desk.told(CANCELLED) == [], "who cancels knows it"
    assert desk.app.personal.kept("wutong") == []
    assert reminders_log.every(desk.app.store) == []
    desk.clock.set(at_ms - 2 * HOUR_MS)
    desk.look()
    assert desk.told() == []


def test_a_moved_appointment_reminds_of_the_new_time_alone(desk: Desk) -> None:
    at_ms = desk.free(desk.day)[-1]
    own = desk.books(desk.day, at_ms)
    desk.deliver("sms")
    desk.clock.set(at_ms - 24 * HOUR_MS)
    desk.look()
    assert len(desk.told()) == 1, "written, and not sent yet"
    day = next(d for d in (desk.today + timedelta(days=n) for n in range(4, 14)) if desk.free(d))
    later = desk.free(day)[-1]
    assert desk.send(f"{own}/move", at=later, day=day.isoformat()).status_code == 303
    sent = [r.verified()["data"] for r in desk.deliver("sms").received]
    assert [(d["template"], d["blanks"]["date"]) for d in sent] == [("appointment.booked", day.isoformat())]
    desk.clock.set(at_ms - 2 * HOUR_MS)
    desk.look()
    assert desk.told() == [], "nothing of the old time"
    desk.clock.set(later - 24 * HOUR_MS)
    desk.look()
    assert [m.blanks["date"] for m in desk.told()] == [day.isoformat()]
    (kept,) = (record.ref for record in desk.app.personal.kept("wutong"))
    assert "prolonged" in [line.action for line in desk.app.personal.accesses(kept)]


def test_who_has_come_is_not_reminded(desk: Desk) -> None:
    at_ms = next(at for at in desk.free(desk.today) if at >= on(desk.today, 13))
    desk.books(desk.today, at_ms)
    branch = desk.app.bank.branch("wutong")
    desk.run(desk.app.open_day, branch, SYSTEM)
    desk.run(desk.app.submit, Request(stream(desk.today), "doors", SYSTEM, c.OpenDoors()))
    desk.clock.set(at_ms - 20 * MINUTE_MS)
    (booked,) = desk.app.appointments.state(stream(desk.today)).appointments.values()
    done = desk.run(
        desk.app.submit, Request(stream(desk.today), "in", SYSTEM, c.CheckInAppointment(booked.code))
    )
    assert isinstance(done, Answer), done
    desk.look()
    assert desk.told() == []


def test_the_quiet_hours_are_kept_also_by_a_gateway_that_comes_back_in_the_night(desk: Desk) -> None:
    first = desk.free(desk.day)[0]
    policy(desk, reminder_hours=(12,), reminders_from_hour=9)
    desk.books(desk.day, first)
    desk.deliver("sms")
    before = desk.day - timedelta(days=1)
    desk.at(before, 20, 44)
    assert desk.told() == []
    desk.at(before, 21, 30)
    assert len(desk.told()) == 1, "due at nine in the evening or later: written before the quiet hours"
    assert desk.deliver("sms").received == [], "and not sent in them"
    (waiting,) = desk.told()
    assert waiting.attempts == 0, "that was no failure"
    assert waiting.due_ms > desk.app.wall.now_ms() + 10 * HOUR_MS


def test_with_reminders_off_or_no_way_out_nothing_is_asked(desk: Desk) -> None:
    at = f"/book/wutong?service=cash&day={desk.day}&at={desk.free(desk.day)[0]}"
    headers = {"Accept": "text/html", "Accept-Language": "en"}
    shown = desk.client.get(at, headers=headers).text
    for part in ("Shall we remind you?", "Yes, by text message", "the bank&#39;s app", "No, thank you"):
        assert part in shown, part
    assert "Yes, by e-mail" not in shown, "no mail server is set up"
    assert (
        "We use this only for your appointment" in desk.client.get(f"{at}&remind=app", headers=headers).text
    )
    refused = desk.client.get(f"{at}&remind=none", headers=headers).text
    assert 'name="to"' not in refused
    policy(desk, reminder_hours=())
    assert "Shall we remind you?" not in desk.client.get(at, headers=headers).text
    assert "Reminders are not sent this way here." in desk.ask(desk.day, desk.free(desk.day)[0]).text
    assert desk.app.personal.kept("wutong") == []


REFUSED: list[tuple[dict[str, Any], int, str, str]] = [
    ({"to": ""}, 400, "That is not a number or an address", "a way and no number"),
    ({"to": "12"}, 400, "That is not a number or an address", "too short"),
    ({"channel": "email", "to": "li@mail.example"}, 409, "Reminders are not sent this way", "no mail"),
    ({"consent": ""}, 409, "has to be shown what it is kept for", "without consent nothing is kept"),
    ({"consent": "0" * 12}, 409, "is not the present one", "the wording has changed since"),
]


@pytest.mark.parametrize(("given", "status", "words", "reason"), REFUSED)
def test_what_cannot_be_taken_is_said_on_the_page_and_nothing_is_kept_or_booked(
    desk: Desk, given: dict[str, Any], status: int, words: str, reason: str
) -> None:
    answer = desk.ask(desk.day, desk.free(desk.day)[0], **given)
    assert answer.status_code == status, reason
    assert words in answer.text, reason
    assert desk.app.personal.kept("wutong") == []
    assert not desk.app.appointments.state(stream(desk.day)).appointments


def test_staff_ask_for_a_customer_at_the_desk(desk: Desk) -> None:
    desk.app.accounts.create("qian", "lobby", "a long enough password", branch="wutong")
    token = desk.app.accounts.sign_in("qian", "a long enough password").token  # type: ignore[union-attr]
    consent = desk.app.personal.consent("appointment")
    assert consent is not None
    body = {
        "day": desk.day.isoformat(),
        "service_id": "cash",
        "at_ms": desk.free(desk.day)[0],
        "channel": "sms",
        "to": "138 1234 5678",
        "language": "zh",
        "consent": consent.version,
    }
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "k", "Accept-Language": "en"}
    path = "/api/branches/wutong/appointments"
    for _ in range(2):  # a retry is the same
        assert desk.client.post(path, json=body, headers=headers).status_code == 201
    desk.look()
    (data,) = [r.verified()["data"] for r in desk.deliver("sms").received]
    assert (data["to"], data["language"]) == ({"contact": NUMBER}, "zh")
    assert f"{desk.day.month}月{desk.day.day}日" in data["text"]
    refused = desk.client.post(path, json=body | {"to": "x"}, headers=headers | {"Idempotency-Key": "k2"})
    assert (refused.status_code, refused.json()["code"]) == (400, "contact_invalid")


def test_the_number_is_sealed_until_the_day_is_over_and_the_wish_goes_with_it(desk: Desk) -> None:
    far = desk.today + timedelta(days=desk.app.bank.appointments.days_ahead)
    day = next(d for d in (far - timedelta(days=n) for n in range(5)) if desk.free(d))
    desk.books(day, desk.free(day)[0])
    (kept,) = (record.ref for record in desk.app.personal.kept("wutong"))
    found = desk.app.personal.export(kept, "test", "customer_request")
    assert found is not None
    over_ms = on(day + timedelta(days=1), 0) - desk.clock.now_ms() + desk.app.wall.now_ms()
    assert abs(found.expires_ms - over_ms) < HOUR_MS, "neither before the appointment nor long after it"
    assert all(NUMBER.encode() not in event.body for event in desk.app.store.read())
    desk.clock.set(on(day + timedelta(days=1), 1))
    desk.look()
    assert reminders_log.every(desk.app.store) == []


def test_the_policy_is_off_by_an_empty_list_and_sensible_by_default() -> None:
    assert AppointmentPolicy().reminder_hours == (24, 2)

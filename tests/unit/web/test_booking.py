"""Appointments at the doors: booked by staff and from outside, moved, given up, checked in [C17]."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

import msgspec
import pytest
from icalendar import Calendar

from openhall.access import rights
from openhall.app.appointments import KIND
from openhall.hall.model.events import AppointmentBooked
from openhall.kernel.clock import MINUTE_MS, from_datetime
from openhall.kernel.event import Event, StreamId
from openhall.kernel.text import Text
from openhall.log.verify import verify
from openhall.network.hours import Hours
from openhall.network.model import DayException, NetworkVersion, Role
from openhall.web import booking, phone
from openhall.web.rates import Rates
from tests.places import ZONE
from tests.unit.web import test_phone
from tests.unit.web.test_phone import DAY, STREAM, Hall, at

PASSWORD = "unit-tests-only"
ROLES: dict[str, tuple[Role, str | None]] = {
    "lobby": ("lobby", "wutong"),
    "teller": ("teller", "wutong"),
    "guard": ("guard", "wutong"),
    "elsewhere": ("lobby", "qingdu"),
}


def on(day: date, hours: int, minutes: int = 0) -> int:
    return from_datetime(datetime(day.year, day.month, day.day, hours, minutes, tzinfo=ZONE))


class Desk:
    """Customers with a telephone, and staff."""

    def __init__(self, hall: Hall) -> None:
        self.hall, self.app, self.client = hall, hall.app, hall.client
        self.tokens: dict[str, str] = {}
        self.keys = count()
        self.days = 1
        for name, (role, branch) in ROLES.items():
            self.app.accounts.create(name, role, PASSWORD, branch=branch)

    @property
    def day(self) -> date:
        """The day that this test books on."""
        return DAY + timedelta(days=self.days)

    @property
    def stream(self) -> StreamId:
        return StreamId("wutong", self.day)

    def ask(self, method: str, path: str, account: str = "lobby", key: str = "", **body: Any) -> Any:
        """The API as staff uses it."""
        if account not in self.tokens:
            self.tokens[account] = self.app.accounts.sign_in(account, PASSWORD).token  # type: ignore[union-attr]
        headers = {
            "Authorization": f"Bearer {self.tokens[account]}",
            "Idempotency-Key": key or f"k{next(self.keys)}",
            "Accept-Language": "en",
        }
        json = body if method == "POST" else None
        return self.client.request(method, path, headers=headers, json=json)

    def staff_books(self, at_ms: int, day: date = DAY, **more: Any) -> Any:
        path = "/api/branches/wutong/appointments"
        fields = {"day": day.isoformat(), "service_id": "cash", "at_ms": at_ms}
        return self.ask("POST", path, **{**fields, **more})

    def send(self, path: str, language: str = "en", **fields: Any) -> Any:
        """A form of the public pages, from a browser without an account."""
        headers = {"Accept": "text/html", "Accept-Language": language, "Sec-Fetch-Site": "same-origin"}
        data = {"key": f"{next(self.keys):016x}", **fields}
        return self.client.post(path, data=data, headers=headers, follow_redirects=False)

    def look(self, path: str, language: str = "en") -> Any:
        headers = {"Accept": "text/html", "Accept-Language": language}
        return self.client.get(path, headers=headers)

    def books(self, at_ms: int, day: date = DAY, **more: Any) -> str:
        """The address of a new appointment."""
        sent = self.send("/book/wutong", service="cash", at=at_ms, day=day.isoformat(), **more)
        assert sent.status_code == 303, sent.text
        return str(sent.headers["location"])

    def log(self, day: date = DAY) -> list[Event]:
        found = self.app.store.read(stream=StreamId("wutong", day))
        return [self.app.book.rooms["hall"].read(r.type, r.version, r.body) for r in found]

    def free(self, day: date = DAY) -> list[int]:
        """The times at which cash can be booked."""
        branch = self.app.bank.branch("wutong")
        assert branch is not None
        return [slot.at_ms for slot in booking.free_slots(self.app, branch, "cash", day)]


@pytest.fixture(scope="module")
def one_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    for hall in test_phone.open_hall(tmp_path_factory):
        yield Desk(hall)


@pytest.fixture
def desk(one_desk: Desk) -> Desk:
    """One branch for all, each test with a day of its own and as if nobody had asked before."""
    one_desk.days += 1
    one_desk.client.app.state.rates = Rates()
    return one_desk


@pytest.fixture
def moving_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """For tests in which time passes."""
    for hall in test_phone.open_hall(tmp_path_factory):
        yield Desk(hall)


@pytest.mark.parametrize(
    ("change", "status", "code", "reason"),
    [
        ({"account": "guard"}, 403, "role_may_not", "a guard books nothing"),
        ({"account": "elsewhere"}, 403, "branch_not_yours", "another branch's account"),
        ({"service_id": "nothing"}, 409, "service_not_bookable", "no such service"),
        ({"day": date(2026, 12, 20)}, 409, "day_not_bookable", "farther ahead than the bank offers"),
        ({"day": date(2026, 11, 23)}, 409, "day_not_bookable", "yesterday"),
        ({"at_ms": at(10, 1)}, 404, "slot_unknown", "a time of another day"),
        ({"at_ms": 0}, 404, "slot_unknown", "no time at all"),
    ],
)
def test_a_booking_that_cannot_be_is_refused_with_its_code(
    one_desk: Desk, change: dict[str, Any], status: int, code: str, reason: str
) -> None:
    desk = one_desk
    answer = desk.staff_books(**{"at_ms": desk.free(desk.day)[0], "day": desk.day, **change})
    assert (answer.status_code, answer.json()["code"]) == (status, code), reason
    assert not [e for e in desk.log(desk.day) if isinstance(e, AppointmentBooked)], reason


def test_a_customer_books_from_outside_one_question_a_page(desk: Desk) -> None:
    assert 'href="/book/wutong"' in desk.look("/book").text
    assert 'href="/book/wutong?service=cash"' in desk.look("/book/wutong").text
    days = desk.look("/book/wutong?service=cash").text
    assert f"day={desk.day.isoformat()}" in days
    times = desk.look(f"/book/wutong?service=cash&day={desk.day}").text
    at_ms = int(re.findall(r"at=(\d+)", times)[0])
    sure = desk.look(f"/book/wutong?service=cash&day={desk.day}&at={at_ms}").text
    assert "Is this right?" in sure
    assert str(desk.day.day) in sure
    own = desk.look(desk.books(at_ms, desk.day))
    assert own.status_code == 200
    code = re.findall(rf"{desk.day:%m%d}-\d{{5}}", own.text)[0]
    state = desk.app.appointments.state(desk.stream)
    assert [a.code for a in state.appointments.values()] == [code.replace("-", "")]
    assert state.rules is None, "the day itself has not been opened"
    assert desk.app.hall(desk.stream) is None


def test_the_pages_are_in_chinese_too(desk: Desk) -> None:
    own = desk.books(desk.free(desk.day)[0], desk.day)
    for path in ("/book", "/book/wutong", "/book/wutong?service=cash", own, f"{own}?do=move"):
        shown = desk.look(path, "zh").text
        assert re.search("预约|业务|哪|时间", shown), path


def test_the_last_place_goes_to_one_and_the_other_is_asked_again(desk: Desk) -> None:
    at_ms = desk.free(desk.day)[0]
    desk.books(at_ms, desk.day)
    second = desk.send("/book/wutong", service="cash", at=at_ms, day=desk.day.isoformat())
    assert second.status_code == 409
    assert "That time is taken by now." in second.text
    assert f"at={at_ms}" not in second.text
    assert "What time?" in second.text, "the other times are there to choose from"


def test_sending_twice_is_one_appointment(desk: Desk) -> None:
    at_ms, fields = desk.free(desk.day)[0], {"key": "00000000000000ff"}
    assert desk.books(at_ms, desk.day, **fields) == desk.books(at_ms, desk.day, **fields)


def test_nothing_personal_is_in_the_log_or_the_address(desk: Desk) -> None:
    consent = desk.app.personal.consent(KIND)
    given = {"consent": consent.version} if consent else {}
    own = desk.books(desk.free(desk.day)[0], desk.day, name="王秀英", phone="13900001234", **given)
    raw = b"".join(r.body for r in desk.app.store.read(stream=desk.stream))
    for part in ("王秀英", "13900001234"):
        assert part.encode() not in raw
        assert part not in own
        assert part not in desk.look(own).text, "not even on the customer's own page"
    booked = next(iter(desk.app.appointments.state(desk.stream).appointments.values()))
    assert booked.contact_ref in [r.ref for r in desk.app.personal.kept("wutong")]
    desk.send(f"{own}/cancel")
    assert booked.contact_ref not in [r.ref for r in desk.app.personal.kept("wutong")], (
        "erased with the appointment"
    )


def test_the_customer_gives_up_or_moves_by_the_address_alone(desk: Desk) -> None:
    first, other = desk.free(desk.day)[:2]
    own = desk.books(first, desk.day)
    assert "Which day?" in desk.look(f"{own}?do=move").text
    assert "What time?" in desk.look(f"{own}?do=move&day={desk.day}").text
    moved = desk.send(f"{own}/move", at=other, day=desk.day.isoformat())
    assert moved.status_code == 303
    assert "This appointment is cancelled." in desk.look(own).text
    new = moved.headers["location"]
    assert "Cancel this appointment?" in desk.look(f"{new}?do=cancel").text
    assert desk.send(f"{new}/cancel").status_code == 303
    assert "This appointment is cancelled." in desk.look(new).text
    assert set(desk.free(desk.day)) >= {first, other}
    assert desk.send(f"{new}/cancel").status_code == 409


def test_an_address_that_is_not_ours_opens_nothing_and_guessing_is_slowed_down(desk: Desk) -> None:
    own = desk.books(desk.free(desk.day)[0], desk.day)
    other = own.replace(".b1.", ".b2.")
    assert desk.look(other).status_code == 404
    ticket = f"/a/{desk.app.links.token(STREAM, 't1')}"
    assert desk.look(ticket).status_code == 404, "a ticket's address is no appointment's"
    codes = {desk.look(f"/a/{n}").status_code for n in range(phone.WRONG_PER_MINUTE_AT_MOST)}
    assert codes == {404, 429}


def test_too_many_bookings_from_one_place_are_slowed_down(desk: Desk) -> None:
    at_ms = desk.free(desk.day)[0]
    sent = [
        desk.send("/book/wutong", service="cash", at=at_ms, day=desk.day.isoformat()).status_code
        for _ in range(booking.BOOKINGS_PER_MINUTE_AT_MOST + 1)
    ]
    assert sent == [303, *[409] * (booking.BOOKINGS_PER_MINUTE_AT_MOST - 1), 429]


def test_the_appointment_goes_into_the_customers_own_calendar(desk: Desk) -> None:
    at_ms = desk.free(desk.day)[0]
    own = desk.books(at_ms, desk.day)
    answer = desk.look(f"{own}/calendar.ics", "zh")
    assert answer.headers["content-type"].startswith("text/calendar")
    event = Calendar.from_ical(answer.text).walk("VEVENT")[0]
    assert from_datetime(event.decoded("dtstart")) == at_ms
    assert from_datetime(event.decoded("dtend")) == at_ms + 15 * MINUTE_MS
    assert "梧桐路支行" in str(event["location"])


def test_who_is_here_checks_in_with_the_telephone_but_not_from_afar(moving_desk: Desk) -> None:
    desk = moving_desk
    at_ms = next(each for each in desk.free() if each >= at(10))
    own = desk.books(at_ms)
    assert "I am here" not in desk.look(own).text
    early = desk.send(f"{own}/here")
    assert early.status_code == 409
    assert "Checking in for this appointment begins at" in early.text
    desk.hall.clock.set(at_ms - 10 * MINUTE_MS)
    assert "Are you in the branch now?" in desk.look(f"{own}?do=here").text
    here = desk.send(f"{own}/here")
    assert here.status_code == 303
    assert here.headers["location"].startswith("/t/")
    assert desk.send(f"{own}/here").headers["location"] == here.headers["location"], "pressed again"
    assert "A004" in desk.look(own).text
    ticket = desk.app.hall(STREAM).tickets["t4"]  # type: ignore[union-attr]
    assert ticket.key[1] == at_ms - 15 * MINUTE_MS
    checked_in = [r.actor for r in desk.app.store.read(stream=STREAM) if r.type == "AppointmentCheckedIn"]
    assert checked_in == [rights.HOLDER]


def test_staff_book_for_a_customer_and_see_the_day(desk: Desk) -> None:
    at_ms = desk.free(desk.day)[0]
    booked = desk.staff_books(at_ms, desk.day, account="teller")
    assert booked.status_code == 201, booked.text
    code = booked.json()["code"]
    seen = desk.ask("GET", f"/api/branches/wutong/appointments?day={desk.day}").json()
    assert [a["code"] for a in seen["appointments"]] == [code]
    assert next(s for s in seen["slots"] if s["at_ms"] == at_ms and s["service_id"] == "cash")["free"] == 0
    page = desk.ask("GET", f"/b/wutong/appointments?day={desk.day}").text
    assert f"{code[:4]}-{code[4:]}" in page
    assert "of the windows" in page


def test_a_retry_of_staff_is_the_same_booking(desk: Desk) -> None:
    at_ms = desk.free(desk.day)[0]
    first, again = (desk.staff_books(at_ms, desk.day, key="once").json() for _ in range(2))
    assert first == again


def test_staff_move_and_cancel(desk: Desk) -> None:
    first, day = desk.free(desk.day)[0], desk.day
    booked = desk.staff_books(first, desk.day).json()
    path = f"/api/branches/wutong/appointments/{day}/{booked['appointment_id']}"
    later = desk.day + timedelta(days=1)
    desk.days += 1
    at_ms = desk.free(later)[0]
    moved = desk.ask("POST", f"{path}/move", day=later.isoformat(), at_ms=at_ms).json()
    assert moved["code"].startswith(f"{later:%m%d}"), "a code tells its day"
    again = desk.ask("POST", f"{path}/move", day=later.isoformat(), at_ms=desk.free(later)[0])
    assert again.json()["code"] == "appointment_cancelled"
    state = desk.app.appointments.state(StreamId("wutong", later))
    assert [a.status for a in state.appointments.values()] == ["booked", "cancelled"], "nobody has two"
    new = f"/api/branches/wutong/appointments/{later}/{moved['appointment_id']}"
    assert desk.ask("POST", f"{new}/cancel").json()["status"] == "cancelled"
    assert desk.ask("POST", f"{new}/cancel").json()["code"] == "appointment_cancelled"
    assert desk.ask("POST", f"{path[:-2]}b9/cancel").status_code == 404


def test_what_is_booked_before_the_day_opens_is_there_when_it_opens(moving_desk: Desk) -> None:
    desk = moving_desk
    at_ms = desk.free(desk.day)[1]
    code = desk.staff_books(at_ms, desk.day).json()["code"]
    desk.hall.clock.set(on(desk.day, 8, 40))
    branch = desk.app.bank.branch("wutong")
    assert branch is not None
    desk.client.blocking_portal.call(desk.app.open_day, branch, "system")
    desk.hall.clock.set(at_ms)
    path = "/api/branches/wutong/commands/CheckInAppointment"
    assert desk.ask("POST", path, code=code).status_code == 200
    report = verify(desk.app.store, [*desk.app.book.rooms.values()])
    assert report.is_sound, report


def test_a_code_of_another_branch_names_that_branch(moving_desk: Desk) -> None:
    desk = moving_desk
    at_ms = desk.free(desk.day)[1]
    code = desk.staff_books(at_ms, desk.day).json()["code"]
    desk.hall.clock.set(on(desk.day, 8, 40))
    for branch in desk.app.bank.branches:
        desk.client.blocking_portal.call(desk.app.open_day, branch, "system")
    path = "/api/branches/qingdu/commands/CheckInAppointment"
    refused = desk.ask("POST", path, account="elsewhere", code=code).json()
    assert (refused["code"], refused["title"]) == (
        "appointment_elsewhere",
        "This appointment is at Wutong Road Branch.",
    )
    nowhere = f"{code[:4]}{(int(code[4:]) + 1) % 100_000:05d}"
    assert desk.ask("POST", path, account="elsewhere", code=nowhere).json()["code"] == "appointment_unknown"


def test_changed_hours_leave_a_booking_standing_and_say_so(moving_desk: Desk) -> None:
    desk = moving_desk
    bank = desk.app.bank
    at_ms = desk.free(desk.day)[-1]
    desk.staff_books(at_ms, desk.day)
    short = msgspec.structs.replace(bank.branches[1], week=(Hours(9 * 60, 12 * 60),) * 7)
    assert short.id == "wutong"
    changed = msgspec.structs.replace(bank, branches=(bank.branches[0], short, bank.branches[2]))
    desk.app.take_bank(NetworkVersion("changed", changed))
    page = desk.ask("GET", f"/b/wutong/appointments?day={desk.day}").text
    assert "These times are not offered any more" in page
    assert desk.staff_books(at_ms, desk.day).json()["code"] == "slot_unknown"
    assert [a.status for a in desk.app.appointments.state(desk.stream).appointments.values()] == ["booked"]


def test_a_day_that_the_branch_closes_is_shown_with_everybody_who_is_booked_for_it(moving_desk: Desk) -> None:
    desk, bank, day = moving_desk, moving_desk.app.bank, moving_desk.day
    desk.staff_books(desk.free(day)[-1], day)
    desk.staff_books(desk.free(day)[0], day)
    assert "Other days with times" not in desk.ask("GET", "/b/wutong/appointments").text
    own = next(b for b in bank.branches if b.id == "wutong")
    closed = DayException(day, Text(zh="停电", en="No power"))
    shut = msgspec.structs.replace(own, exceptions=(*own.exceptions, closed))
    branches = tuple(shut if b.id == "wutong" else b for b in bank.branches)
    desk.app.take_bank(NetworkVersion("closed", msgspec.structs.replace(bank, branches=branches)))
    other = next(each for each in desk.app.appointments.days(shut) if each != day)
    leading = desk.ask("GET", f"/b/wutong/appointments?day={other}").text
    assert "Other days with times that are not offered any more" in leading
    assert f'/b/wutong/appointments?day={day}"' in leading, "no list of open days leads there any more"
    page = desk.ask("GET", f"/b/wutong/appointments?day={day}").text
    assert page.count('data-id="off b') == 2
    assert "No message can be sent: please tell the customer yourself" in page


def test_a_service_that_is_gone_leaves_the_appointment_its_time_and_staff_the_choice(
    moving_desk: Desk,
) -> None:
    desk, day = moving_desk, moving_desk.day
    at_ms = desk.free(day)[1]
    own = desk.books(at_ms, day)
    without = tuple(s for s in desk.app.bank.services if s.id != "cash")
    branches = tuple(
        msgspec.structs.replace(
            b,
            counters=tuple(
                msgspec.structs.replace(
                    k, services=tuple(s for s in k.services if s != "cash") or ("pension",)
                )
                for k in b.counters
            ),
        )
        for b in desk.app.bank.branches
    )
    changed = msgspec.structs.replace(desk.app.bank, services=without, branches=branches)
    desk.app.take_bank(NetworkVersion("changed", changed))
    for path in (own, f"{own}?do=move", f"{own}?do=cancel"):
        assert desk.look(path).status_code == 200, path
    assert "What you booked is not offered any more." in desk.look(own).text
    calendar = desk.look(f"{own}/calendar.ics")
    assert calendar.status_code == 200
    assert "not offered any more" in str(Calendar.from_ical(calendar.text).walk("VEVENT")[0]["summary"])
    page = desk.ask("GET", f"/b/wutong/appointments?day={day}").text
    assert "These times are not offered any more" in page
    desk.hall.clock.set(on(day, 8, 40))
    branch = desk.app.bank.branch("wutong")
    assert branch is not None
    desk.client.blocking_portal.call(desk.app.open_day, branch, "system")
    desk.hall.clock.set(at_ms)
    assert "Please speak to a colleague" in desk.send(f"{own}/here").text
    for path in ("/b/wutong/appointments", "/b/wutong/lobby"):
        assert desk.ask("GET", path).status_code == 200, path
    page = desk.ask("GET", "/b/wutong/appointments").text
    assert 'name="service_id"' in page
    command = "/api/branches/wutong/commands/CheckInAppointment"
    assert desk.ask("POST", command, code="b1").json()["code"] == "appointment_service_gone"
    assert desk.ask("POST", command, code="b1", service_id="accounts").status_code == 200
    (ticket,) = desk.app.hall(StreamId("wutong", day)).tickets.values()  # type: ignore[union-attr]
    assert (ticket.service_id, ticket.key[1]) == ("accounts", at_ms - 15 * MINUTE_MS)

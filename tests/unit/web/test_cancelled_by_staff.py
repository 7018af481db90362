"""A customer whose appointment a colleague cancels: told once, in their language, and then forgotten."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from openhall.app.reminders import CANCELLED
from openhall.hall.model import commands as c
from openhall.kernel.clock import HOUR_MS, MINUTE_MS
from openhall.kernel.event import Answer, Request
from openhall.log import reminders as reminders_log
from tests.places import on
from tests.unit.web.test_reminders import NUMBER, Desk, fresh, stream
from tests.unit.web.test_reminders import desk as desk
from tests.unit.web.test_reminders import served as served

PASSWORD = "a long enough password"
API = "/api/branches/wutong/appointments"


def staff(desk: Desk, path: str, key: str, body: dict[str, Any] | None = None) -> Any:
    """A colleague in the hall asks for something; nobody looks after messages meanwhile."""
    if desk.app.accounts.find("lan") is None:
        desk.app.accounts.create("lan", "lobby", PASSWORD, branch="wutong")
    signed = desk.app.accounts.sign_in("lan", PASSWORD)
    headers = {
        "Authorization": f"Bearer {signed.token}",  # type: ignore[union-attr]
        "Idempotency-Key": f"{desk.day}-{key}",
        "Accept-Language": "en",
    }
    return desk.client.post(API + path, json=body or {}, headers=headers)


def from_the_page(desk: Desk) -> None:
    for _ in range(2):  # a retry is the same
        assert staff(desk, f"/{desk.day}/b1/cancel", "cancel").status_code == 200
    assert staff(desk, f"/{desk.day}/b1/cancel", "again").json()["code"] == "appointment_cancelled"


def by_a_command(desk: Desk) -> None:
    request = Request(stream(desk.day), "give up", "lan", c.CancelAppointment("b1"))
    assert isinstance(desk.run(desk.app.submit, request), Answer)


def is_forgotten(desk: Desk) -> bool:
    """Is neither a contact left nor a wish to be reached?"""
    return not desk.app.personal.kept("wutong") and not reminders_log.every(desk.app.store)


def later(desk: Desk) -> None:
    """A minute passes, with a look."""
    desk.clock.set(desk.clock.now_ms() + MINUTE_MS)
    desk.look()


@pytest.mark.parametrize("cancel", [from_the_page, by_a_command])
def test_the_customer_is_told_once_in_their_language_and_then_forgotten(
    desk: Desk, cancel: Callable[[Desk], None]
) -> None:
    own = desk.books(desk.day, desk.free(desk.day)[-1])
    desk.deliver("sms")
    cancel(desk)
    later(desk)
    assert not is_forgotten(desk), "the customer is not told yet"
    (data,) = [r.verified()["data"] for r in desk.deliver("sms").received]
    assert (data["template"], data["to"]["contact"]) == (CANCELLED, NUMBER)
    for part in ("is cancelled", f"{desk.day:%-d %B}", data["blanks"]["time"], f"hall.bank.example{own}"):
        assert part in data["text"], part
    person, alone = data["text"].index("A colleague in the hall"), data["text"].index("by yourself")
    assert data["text"].index("welcome without one") < person < alone, "a person first"
    assert "is cancelled" in data["subject"]
    later(desk)
    assert is_forgotten(desk)
    desk.run(fresh(desk).run_once)
    assert desk.told(CANCELLED) == []
    assert desk.deliver("sms").received == []
    shown = desk.client.get(own, headers={"Accept": "text/html", "Accept-Language": "en"}).text
    assert "/book/wutong" in shown, "from where the message leads one can book anew"


def test_who_booked_in_chinese_is_told_in_chinese(desk: Desk) -> None:
    consent = desk.app.personal.consent("appointment")
    assert consent is not None
    body = {
        "day": desk.day.isoformat(),
        "service_id": "cash",
        "at_ms": desk.free(desk.day)[0],
        "channel": "sms",
        "to": NUMBER,
        "language": "zh",
        "consent": consent.version,
    }
    assert staff(desk, "", "book", body).status_code == 201
    assert staff(desk, f"/{desk.day}/b1/cancel", "cancel").status_code == 200
    desk.look()
    (data,) = [r.verified()["data"] for r in desk.deliver("sms").received]
    assert data["language"] == "zh"
    assert "已取消" in data["text"]
    assert "已取消" in data["subject"]
    assert "cancelled" not in data["text"]


def test_a_restart_between_cancelling_and_telling_loses_nobody_and_tells_nobody_twice(desk: Desk) -> None:
    desk.books(desk.day, desk.free(desk.day)[-1])
    desk.deliver("sms")
    assert staff(desk, f"/{desk.day}/b1/cancel", "cancel").status_code == 200
    for _ in range(2):
        desk.run(fresh(desk).run_once)
        assert len(desk.told(CANCELLED)) == 1
    assert len(desk.deliver("sms").received) == 1
    desk.run(fresh(desk).run_once)
    assert desk.told(CANCELLED) == []
    assert is_forgotten(desk), "also after a restart between telling and forgetting"


def test_nothing_else_of_a_cancelled_appointment_goes_out(desk: Desk) -> None:
    desk.books(desk.day, desk.free(desk.day)[-1])
    assert len(desk.told("appointment.booked")) == 1, "waits for a gateway that is slow"
    assert staff(desk, f"/{desk.day}/b1/cancel", "cancel").status_code == 200
    desk.look()
    sent = [r.verified()["data"]["template"] for r in desk.deliver("sms").received]
    assert sent == [CANCELLED]


def test_an_appointment_that_staff_move_is_not_told_as_cancelled(desk: Desk) -> None:
    first, *_, last = desk.free(desk.day)
    desk.books(desk.day, last)
    desk.deliver("sms")
    body = {"day": desk.day.isoformat(), "at_ms": first}
    assert staff(desk, f"/{desk.day}/b1/move", "move", body).status_code == 200
    later(desk)
    assert desk.told(CANCELLED) == []
    assert not is_forgotten(desk), "the new one is reminded of"
    assert staff(desk, f"/{desk.day}/b2/cancel", "cancel").status_code == 200
    later(desk)
    assert [m.blanks["appointment_id"] for m in desk.told(CANCELLED)] == ["b2"]


def test_who_cannot_be_reached_till_the_appointment_is_forgotten_then(desk: Desk) -> None:
    at_ms = desk.free(desk.day)[-1]
    desk.books(desk.day, at_ms)
    assert staff(desk, f"/{desk.day}/b1/cancel", "cancel").status_code == 200
    desk.clock.set(at_ms - MINUTE_MS)
    desk.look()
    assert not is_forgotten(desk)
    desk.clock.set(at_ms)
    desk.look()
    assert is_forgotten(desk)
    assert desk.deliver("sms").received == [], "too late to be of use"


def test_nobody_is_woken_for_it_but_who_has_to_leave_by_then(desk: Desk) -> None:
    desk.books(desk.day, desk.free(desk.day)[0])
    desk.deliver("sms")
    assert staff(desk, f"/{desk.day}/b1/cancel", "cancel").status_code == 200
    desk.clock.set(on(desk.day - timedelta(days=1), 23))
    desk.look()
    assert desk.deliver("sms").received == []
    (waiting,) = desk.told(CANCELLED)
    assert waiting.due_ms > desk.app.wall.now_ms() + 8 * HOUR_MS, "till eight in the morning"


def test_without_a_way_to_be_told_what_was_left_is_erased_at_once(desk: Desk) -> None:
    consent = desk.app.personal.consent("appointment")
    assert consent is not None
    at_ms = desk.free(desk.day)[0]
    body = {"day": desk.day.isoformat(), "service_id": "cash", "at_ms": at_ms, "phone": NUMBER}
    assert staff(desk, "", "book", body | {"consent": consent.version}).status_code == 201
    assert desk.app.personal.kept("wutong")
    assert staff(desk, f"/{desk.day}/b1/cancel", "cancel").status_code == 200
    assert is_forgotten(desk)

"""Customers step out, come back, give up and say how it was, by their own page, for their own number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from openhall.access import rights
from openhall.hall.model import commands as c
from openhall.hall.model.state import TicketStatus
from openhall.kernel.clock import MINUTE_MS
from openhall.kernel.event import Command
from openhall.web import holder
from tests.unit.web import test_phone
from tests.unit.web.test_phone import STREAM, Hall

KEY = "0123456789abcdef"


@pytest.fixture
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    yield from test_phone.open_hall(tmp_path_factory)


def press(hall: Hall, ticket_id: str, what: str, /, *, is_script: bool = False, **fields: str) -> Any:
    """As the form of the page does it, or the page's script."""
    path = f"/t/{hall.app.links.token(STREAM, ticket_id)}/{what}"
    accept = "application/json" if is_script else "text/html"
    headers = {"Accept": accept, "Accept-Language": "en", "Sec-Fetch-Site": "same-origin"}
    return hall.client.post(path, data=fields or {"key": KEY}, headers=headers, follow_redirects=False)


def status(hall: Hall, ticket_id: str) -> TicketStatus:
    state = hall.app.hall(STREAM)
    assert state is not None
    return state.tickets[ticket_id].status


def events(hall: Hall, kind: str) -> list[Any]:
    """What was recorded of one type, with who did it."""
    return [recorded for recorded in hall.app.store.read(stream=STREAM) if recorded.type == kind]


def test_stepping_out_is_explained_done_and_undone_by_the_customer_alone(hall: Hall) -> None:
    asked = hall.page("t3", live="?do=out")
    for part in (
        "You can be away for 30 minutes",
        "a colleague in the hall has to confirm it",
        "3 more times",
    ):
        assert part in asked
    gone = press(hall, "t3", "hold")
    assert gone.status_code == 303
    assert status(hall, "t3") is TicketStatus.HELD
    assert "I am back" in hall.page("t3")
    assert press(hall, "t3", "resume", is_script=True).json() == {"done": True}
    assert status(hall, "t3") is TicketStatus.WAITING
    assert [e.actor for e in events(hall, "TicketHeld")] == [rights.HOLDER]


def test_pressing_twice_is_once(hall: Hall) -> None:
    first, second = press(hall, "t3", "hold"), press(hall, "t3", "hold")
    assert (first.status_code, second.status_code) == (303, 303)
    assert len(events(hall, "TicketHeld")) == 1


def test_a_number_is_given_up_after_a_question_and_a_colleague_can_bring_it_back(hall: Hall) -> None:
    assert "Give up your number A002?" in hall.page("t2", live="?do=leave")
    assert press(hall, "t2", "leave").status_code == 303
    assert status(hall, "t2") is TicketStatus.RENEGED
    hall.do(c.Reinstate("t2", "came_back"))
    assert status(hall, "t2") is TicketStatus.WAITING


def test_a_person_is_asked_to_come_once(hall: Hall) -> None:
    assert press(hall, "t2", "person").status_code == 303
    assert "A colleague has been asked to come to you." in hall.page("t2")
    again = press(hall, "t2", "person", is_script=True, key=f"{1:016x}")
    assert again.json()["code"] == "ring_open"
    hall.do(c.TakeRing("n1", "qian-lixin"))
    assert "is coming to you." in hall.page("t2")


REFUSED = [
    ("resume", [], "ticket_not_held", "nobody stepped out"),
    ("hold", [c.CallNext("C2"), c.StartService("C2")], "ticket_not_waiting", "at the window already"),
    ("leave", [c.CallNext("C2"), c.StartService("C2")], "ticket_not_waiting", "at the window already"),
    ("leave", [c.MarkReneged("t1")], "ticket_not_waiting", "given up before"),
]


@pytest.mark.parametrize(("what", "before", "code", "why"), REFUSED)
def test_what_the_hall_refuses_is_said_on_the_page(
    hall: Hall, what: str, before: list[Command], code: str, why: str
) -> None:
    for command in before:
        hall.do(command)
    problem = press(hall, "t1", what, is_script=True)
    assert (problem.status_code, problem.json()["code"]) == (409, code), why
    page = press(hall, "t1", what)
    assert page.status_code == 409
    assert 'role="alert"' in page.text
    assert "A001" in page.text, "and the number is still there"


def test_who_is_late_is_vouched_for_by_a_colleague_and_never_by_the_phone(hall: Hall) -> None:
    press(hall, "t3", "hold")
    hall.clock.advance(31 * MINUTE_MS)
    late = press(hall, "t3", "resume", is_script=True)
    assert late.json()["code"] == "hold_window_passed"
    assert "I am back" not in hall.page("t3"), "no button that cannot work"


def test_after_the_last_time_stepping_out_is_not_offered(hall: Hall) -> None:
    for turn in range(3):
        assert press(hall, "t3", "hold", key=f"{turn:016x}").status_code == 303
        assert press(hall, "t3", "resume", key=f"{turn:016x}").status_code == 303
    assert "I step out for a while" not in hall.page("t3")
    assert press(hall, "t3", "hold", is_script=True, key=f"{9:016x}").json()["code"] == "holds_too_many"


BAD = [
    ("hold", {"key": "no key"}, "not a key"),
    ("hold", {"key": KEY, "ticket_id": "t1"}, "another's number smuggled in"),
    ("feedback", {"score": "6"}, "beyond the scale"),
    ("feedback", {"score": "5", "kind": "advert"}, "no such kind"),
    ("feedback", {"score": "5", "text": "x" * 501}, "too long"),
    ("feedback", {"kind": "praise"}, "no score"),
]


@pytest.mark.parametrize(("what", "fields", "why"), BAD)
def test_a_bent_form_is_refused_and_changes_nothing(
    hall: Hall, what: str, fields: dict[str, str], why: str
) -> None:
    before = hall.app.book.position
    assert press(hall, "t1", what, is_script=True, **fields).status_code == 400, why
    assert hall.app.book.position == before


def test_a_bent_address_reaches_no_ticket(hall: Hall) -> None:
    own = hall.app.links.token(STREAM, "t1")
    bent = own.replace(".t1.", ".t2.")
    answer = hall.client.post(f"/t/{bent}/leave", data={"key": KEY}, headers={"Accept": "text/html"})
    assert answer.status_code == 404
    assert status(hall, "t2") is TicketStatus.WAITING


def test_another_site_presses_nothing(hall: Hall) -> None:
    path = f"/t/{hall.app.links.token(STREAM, 't1')}/leave"
    answer = hall.client.post(path, data={"key": KEY}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert status(hall, "t1") is TicketStatus.WAITING


def test_a_phone_gone_wild_is_slowed_down(hall: Hall) -> None:
    answers = [
        press(hall, "t1", "resume", is_script=True, key=f"{n:016x}").status_code
        for n in range(holder.WRITES_PER_MINUTE_AT_MOST + 1)
    ]
    assert set(answers[:-1]) == {409}
    assert answers[-1] == 429


# --- how it was ---------------------------------------------------------------------------------------


def served(hall: Hall) -> None:
    for command in (c.CallNext("C2"), c.StartService("C2"), c.FinishService("C2")):
        hall.do(command)


def sealed(hall: Hall) -> list[str]:
    return sorted(found.ref for found in hall.app.personal.kept("wutong"))


@pytest.mark.parametrize("is_script", [False, True], ids=["form", "script"])
def test_a_rating_is_kept_once_and_its_words_sealed(hall: Hall, *, is_script: bool) -> None:
    assert press(hall, "t1", "feedback", is_script=True, score="5").json()["code"] == "feedback_too_early"
    served(hall)
    fields = {"score": "4", "kind": "praise", "text": "Very patient, thank you"}
    said = press(hall, "t1", "feedback", is_script=is_script, **fields)
    assert said.status_code == (200 if is_script else 303)
    assert "openhall_rated" in said.headers["set-cookie"]
    event = events(hall, "FeedbackGiven")[0]
    assert b"patient" not in event.body
    assert len(sealed(hall)) == 1
    assert "How was it?" not in hall.page("t1"), "the browser remembers that this page had its say"


def test_a_second_opinion_is_refused_and_leaves_no_words_behind(hall: Hall) -> None:
    served(hall)
    press(hall, "t1", "feedback", score="4", text="Very patient")
    kept = sealed(hall)
    for fields in ({"score": "1", "text": "changed my mind"}, {"score": "1"}, {"score": "4", "text": "more"}):
        again = press(hall, "t1", "feedback", is_script=True, **fields)
        assert (again.status_code, again.json()["code"]) == (409, "feedback_given"), fields
    assert press(hall, "t1", "feedback", score="4", text="Very patient").status_code == 303, "a retry"
    assert sealed(hall) == kept
    assert len(events(hall, "FeedbackGiven")) == 1


# --- the right ----------------------------------------------------------------------------------------

HOLDERS = [
    (c.HoldTicket("t1", "qian-lixin"), "", "their own"),
    (c.ResumeTicket("t1"), "", "their own"),
    (c.MarkReneged("t1"), "", "their own"),
    (c.RecordFeedback("rating", "t1", score=5), "", "their own"),
    (c.RingForColleague("phone", "question", "t1"), "", "a person for themselves"),
    (c.RingForColleague("window", "staff_needed", "t1"), "place", "they are at no window"),
    (c.MarkReneged("t2"), "ticket_id", "another's"),
    (c.ResumeTicket("t1", "qian-lixin"), "confirmed_by", "nobody vouches for themselves"),
    (c.HoldTicket("t1", "qian-lixin", "abc"), "contact_ref", "no reference of others"),
    (c.RecordFeedback("rating", "t1", person_id="gao-fei", score=1), "person_id", "only who served them"),
    (c.CallTicket("C1", "t1", "because"), "CallTicket", "not a customer's"),
    (c.SetHandling("t1", ("seat",)), "SetHandling", "not a customer's"),
]


@pytest.mark.parametrize(("command", "place", "why"), HOLDERS)
def test_the_holder_of_a_page_may_do_five_things_to_one_ticket(
    command: Command, place: str, why: str
) -> None:
    refusal = rights.refuse_holder("t1", command)
    assert (refusal.place if refusal else "") == place, why

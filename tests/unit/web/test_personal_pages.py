"""Can a manager answer a customer who asks what is kept, and show who has seen it?"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import date
from functools import partial
from typing import Any

import pytest
from litestar.testing import TestClient

from openhall.app.appointments import Contact
from openhall.app.build import App, build
from openhall.app.clocks import SystemClock
from openhall.app.folder import Folder
from openhall.hall.model.commands import BookAppointment
from openhall.kernel.clock import HOUR_MS, ManualClock
from openhall.kernel.refusal import Refusal
from openhall.log.sessions import SignedIn
from openhall.network.model import Branch
from openhall.network.sample import sample_files
from openhall.web.site import create_site

PASSWORD = "unit-tests-only"
PHONE, WRITTEN = "13900000000", "139 0000 0000"
BRANCH, OTHER = "wutong", "lanqiao"


class Door:
    def __init__(self, app: App, client: TestClient[Any], clock: ManualClock) -> None:
        self.app, self.client, self.clock = app, client, clock
        self.tokens: dict[str, str] = {}
        for name, role, branch in (
            ("manager", "manager", BRANCH),
            ("lobby", "lobby", BRANCH),
            ("elsewhere", "manager", OTHER),
            ("officer", "privacy", None),
            ("root", "administrator", None),
        ):
            app.accounts.create(name, role, PASSWORD, branch=branch)  # type: ignore[arg-type]
            signed_in = app.accounts.sign_in(name, PASSWORD)
            assert isinstance(signed_in, SignedIn)
            self.tokens[name] = signed_in.token

    def ask(self, path: str, who: str = "manager", form: dict[str, str] | None = None) -> Any:
        headers = {"authorization": f"Bearer {self.tokens[who]}", "accept-language": "en"}
        address = path if path.startswith(("/b/", "/head/")) else f"/b/{BRANCH}/personal{path}"
        return (
            self.client.get(address, headers=headers)
            if form is None
            else self.client.post(address, headers=headers, data=form)
        )

    def person(self, deed: str, contact: str = WRITTEN, who: str = "manager", at: str = "") -> Any:
        form = {"contact": contact, "reason": "customer_request", "deed": deed}
        return self.ask(f"{at}/person", who, form)

    def on_record(self) -> list[tuple[str, str, str, str]]:
        """What the access record says was done about people: what, who, in which branch, to how many."""
        entries = reversed(self.app.accounts.record.entries())
        return [(e.action, e.actor, e.branch, e.detail) for e in entries if e.action.startswith("personal_")]

    def keep(self, branch: str, kind: str, **data: str) -> str:
        shown = self.app.personal.consent(kind)
        version = shown.version if shown else ""
        key = f"{branch} {kind} {data}"
        ref = self.app.personal.put_once(branch, kind, data, "lobby", key=key, consent=version)
        assert isinstance(ref, str)
        return ref


@pytest.fixture
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    place = Folder(tmp_path_factory.mktemp("bank") / "hall")
    place.create(sample_files())
    clock = ManualClock(SystemClock().now_ms())
    app = build(place, clock)
    with TestClient(create_site(app)) as client:
        yield Door(app, client, clock)


def test_all_that_is_kept_of_one_person_is_found_printed_taken_along_and_erased(door: Door) -> None:
    refs = [
        door.keep(BRANCH, "contact", name="王桂兰", phone=PHONE),
        door.keep(BRANCH, "notice", phone="+86 139-0000-0000"),
        door.keep(BRANCH, "feedback", text=f"Call me at {PHONE}, please <b>soon</b>"),
    ]
    door.keep(BRANCH, "contact", phone="13911111111")
    door.keep(OTHER, "contact", phone=PHONE)
    found = door.person("find")
    assert found.status_code == 200
    assert "Erase all 3 for good" in found.text
    assert "王桂兰" not in found.text, "a search opens nothing"

    printed = door.person("print").text
    assert "王桂兰" in printed
    assert "&lt;b&gt;soon&lt;/b&gt;" in printed
    assert door.app.personal.consent("contact").text.en in printed  # type: ignore[union-attr]

    taken = door.person("data")
    assert taken.headers["content-disposition"] == 'attachment; filename="personal-data.json"'
    records = taken.json()["records"]
    assert {r["ref"] for r in records} == set(refs)
    assert {"name": "王桂兰", "phone": PHONE} in [r["data"] for r in records]

    erased = door.person("erase")
    assert "3 records are erased for good." in erased.text
    assert "keeps nothing" in door.person("find").text
    assert len(door.app.personal.kept(OTHER)) == 1, "another branch's is not the manager's to erase"
    assert door.on_record() == [
        ("personal_searched", "manager", BRANCH, "3"),
        ("personal_searched", "manager", BRANCH, "3"),
        ("personal_handed_out", "manager", BRANCH, "3"),
        ("personal_searched", "manager", BRANCH, "3"),
        ("personal_handed_out", "manager", BRANCH, "3"),
        ("personal_erased", "manager", BRANCH, "3"),
        ("personal_searched", "manager", BRANCH, "0"),
    ]
    done = [a.action for a in door.app.personal.accesses(refs[0])]
    assert done == ["written", "found", "found", "exported", "found", "exported", "erased"]


KINDS = ("contact", "notice", "appointment", "feedback")


def test_the_privacy_officer_finds_hands_out_and_erases_one_person_over_the_whole_bank(door: Door) -> None:
    branches = [branch.id for branch in door.app.bank.branches]
    assert len(branches) >= 3
    for branch in branches:
        for kind in KINDS:
            door.keep(branch, kind, text=f"{kind} 139-0000-0000")
        door.keep(branch, "contact", phone="13911111111")
    shown = door.ask("/head/personal", "officer")
    assert shown.status_code == 200
    assert "over the whole bank" in shown.text

    found = door.person("find", who="officer", at="/head/personal").text
    count = len(branches) * len(KINDS)
    assert f"Erase all {count} for good" in found
    for each in door.app.bank.branches:
        assert f"<td>{each.name.en}</td>" in found, "whose each record is"

    printed = door.person("print", who="officer", at="/head/personal").text
    assert printed.count("139-0000-0000") == count
    assert 'href="/head/personal"' in printed
    taken = door.person("data", who="officer", at="/head/personal").json()
    assert {record["branch"] for record in taken["records"]} == set(taken["branches"]) == set(branches)

    erased = door.person("erase", who="officer", at="/head/personal").text
    assert f"{count} records are erased for good." in erased
    assert "No branch keeps anything" in door.person("find", who="officer", at="/head/personal").text
    assert [len(door.app.personal.kept(branch)) for branch in branches] == [1] * len(branches)
    deeds = door.on_record()
    assert ("personal_handed_out", "officer", "", str(count)) in deeds
    assert ("personal_erased", "officer", "", str(count)) in deeds
    assert door.app.accounts.record.faults() == []
    seen = door.ask("/access", "manager").text
    assert "officer" in seen, "the branch sees who had its records"
    everywhere = door.ask("/head/personal/access", "officer", {"actor": "officer", "action": "erased"}).text
    assert everywhere.count("<td>officer</td>") == count


@pytest.mark.parametrize("who", ["manager", "lobby", "root"])
def test_nobody_else_looks_over_the_whole_bank(door: Door, who: str) -> None:
    door.keep(OTHER, "contact", phone=PHONE)
    answers = [
        door.ask("/head/personal", who),
        door.ask("/head/personal/access", who),
        door.person("find", who=who, at="/head/personal"),
        door.person("data", who=who, at="/head/personal"),
        door.person("erase", who=who, at="/head/personal"),
    ]
    assert [answer.status_code for answer in answers] == [403] * 5
    assert len(door.app.personal.kept(OTHER)) == 1
    assert door.on_record() == []


def test_however_much_is_kept_of_somebody_all_of_it_is_erased(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("openhall.log.personal.RECORDS_OF_ONE_AT_MOST", 4)
    monkeypatch.setattr("openhall.web.personal_pages.RECORDS_OF_ONE_AT_MOST", 4)
    for number in range(10):
        door.keep(BRANCH, "feedback", text=f"nr{number}: {PHONE}")
    found = door.person("find").text
    assert "Only the first 4 are listed" in found
    assert "Erase all for good" in found
    assert "10 records are erased for good." in door.person("erase").text
    assert door.app.personal.kept(BRANCH) == []


def test_what_is_sealed_for_an_appointment_or_a_message_is_on_the_page_of_its_day(door: Door) -> None:
    app, call = door.app, door.client.blocking_portal.call
    branch = app.bank.branch(BRANCH)
    assert branch is not None
    wish, day = bookable(app, branch)
    shown = app.personal.consent("appointment")
    contact = Contact(name="王桂兰", phone=PHONE, consent=shown.version if shown else "")
    booked = call(partial(app.appointments.book, branch, day, wish, actor="lobby", key="b", contact=contact))
    assert not isinstance(booked, Refusal), booked
    left = door.keep(BRANCH, "notice", to=PHONE)
    text = door.ask("").text
    assert f'data-look="{left}"' in text, "left today"
    assert f'data-look="{booked.contact_ref}"' in text, "left today, for another day"
    door.clock.set(booked.at_ms - HOUR_MS)
    text = door.ask("").text
    assert f'data-look="{booked.contact_ref}"' in text, "on the day itself"
    assert booked.code in text, "by the code that the customer has"


def bookable(app: App, branch: Branch) -> tuple[BookAppointment, date]:
    """The first slot that there is from tomorrow on."""
    for day in app.appointments.days(branch)[1:]:
        terms = app.appointments.terms(branch, day)
        for each in terms.services if terms is not None else ():
            for at_ms, places in zip(terms.slots_ms(), each.places, strict=False):  # type: ignore[union-attr]
                if places:
                    return BookAppointment(each.service_id, at_ms), day
    raise AssertionError("Expected something to book")


def test_neither_number_nor_name_is_ever_in_an_address(door: Door) -> None:
    door.keep(BRANCH, "contact", phone=PHONE)
    pages = [door.person("find").text, door.ask("").text, door.ask("/access").text]
    for text in pages:
        for part in text.split('"'):
            if part.startswith(("/", "?", "http")):
                assert PHONE not in part
                assert "139" not in part


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"contact": "王桂兰", "reason": "customer_request", "deed": "find"}, "contact_unreadable"),
        ({"contact": "", "reason": "customer_request", "deed": "find"}, "input_invalid"),
        ({"contact": "1" * 500, "reason": "customer_request", "deed": "find"}, "input_invalid"),
        ({"contact": PHONE, "reason": "curiosity", "deed": "find"}, "input_invalid"),
        ({"contact": PHONE, "reason": "customer_request", "deed": "sell"}, "input_invalid"),
        ({"contact": PHONE, "deed": "find"}, "input_invalid"),
    ],
)
def test_a_search_that_is_none_is_refused_and_says_nothing_of_what_was_asked(
    door: Door, form: dict[str, str], code: str
) -> None:
    answer = door.ask("/person", form=form)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert PHONE not in answer.text


def test_who_may_not_hand_out_may_not_search_and_sees_no_form(door: Door) -> None:
    assert door.person("find", who="lobby").json()["code"] == "role_may_not"
    assert door.ask("/access", "lobby").json()["code"] == "role_may_not"
    assert door.person("erase", who="elsewhere").json()["code"] == "branch_not_yours"
    assert "Everything about one person" not in door.ask("", "lobby").text
    assert "Everything about one person" in door.ask("").text


def test_the_access_list_is_filtered_by_colleague_deed_and_record(door: Door) -> None:
    ref = door.keep(BRANCH, "contact", phone=PHONE)
    door.app.personal.get(ref, "manager", "complaint")
    everything = door.ask("/access").text
    assert everything.count(ref) == 2
    assert "to answer a complaint" in everything
    assert door.ask("/access", form={"action": "read"}).text.count(f"<code>{ref}") == 1
    assert f"<code>{ref}" not in door.ask("/access", form={"actor": "somebody"}).text
    assert f"<code>{ref}" not in door.ask("/access", form={"ref": "0" * 32}).text


def test_the_evidence_of_clean_ups_is_on_the_page(door: Door) -> None:
    door.keep(BRANCH, "contact", phone=PHONE)
    asyncio.run(asyncio.to_thread(door.app.personal.expire))
    text = door.ask("").text
    assert "Erased by time" in text
    assert '<td class="number">0</td>' in text

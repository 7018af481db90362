"""Can a manager answer a customer who asks what is kept, and show who has seen it?"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from litestar.testing import TestClient

from openhall.app.build import App, build
from openhall.app.folder import Folder
from openhall.log.sessions import SignedIn
from openhall.network.sample import sample_files
from openhall.web.site import create_site

PASSWORD = "unit-tests-only"
PHONE, WRITTEN = "13900000000", "139 0000 0000"
BRANCH, OTHER = "wutong", "lanqiao"


class Door:
    def __init__(self, app: App, client: TestClient[Any]) -> None:
        self.app, self.client = app, client
        self.tokens: dict[str, str] = {}
        for name, role, branch in (
            ("manager", "manager", BRANCH),
            ("lobby", "lobby", BRANCH),
            ("elsewhere", "manager", OTHER),
        ):
            app.accounts.create(name, role, PASSWORD, branch=branch)  # type: ignore[arg-type]
            signed_in = app.accounts.sign_in(name, PASSWORD)
            assert isinstance(signed_in, SignedIn)
            self.tokens[name] = signed_in.token

    def ask(self, path: str, who: str = "manager", form: dict[str, str] | None = None) -> Any:
        headers = {"authorization": f"Bearer {self.tokens[who]}", "accept-language": "en"}
        address = f"/b/{BRANCH}/personal{path}"
        return (
            self.client.get(address, headers=headers)
            if form is None
            else self.client.post(address, headers=headers, data=form)
        )

    def person(self, deed: str, contact: str = WRITTEN, who: str = "manager") -> Any:
        form = {"contact": contact, "reason": "customer_request", "deed": deed}
        return self.ask("/person", who, form)

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
    app = build(place)
    with TestClient(create_site(app)) as client:
        yield Door(app, client)


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
    done = [a.action for a in door.app.personal.accesses(refs[0])]
    assert done == ["written", "found", "found", "exported", "found", "exported", "erased"]


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

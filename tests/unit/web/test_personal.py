"""Sealed records at the door: who may, with what reason, and only in their own branch."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from litestar.testing import TestClient

from openhall.app.build import App, build
from openhall.app.folder import Folder
from openhall.log.accounts import Accounts
from openhall.network.model import Role
from openhall.network.sample import sample_files
from openhall.web.site import create_site

PASSWORD = "unit-tests-only"
ROLES: dict[str, tuple[Role, str]] = {
    "lobby": ("lobby", "wutong"),
    "manager": ("manager", "wutong"),
    "teller": ("teller", "wutong"),
    "kiosk": ("kiosk", "wutong"),
    "elsewhere": ("lobby", "qingdu"),
}


class Door:
    """The API as an account sees it."""

    def __init__(self, app: App, client: TestClient[Any]) -> None:
        self.app = app
        self.client = client
        self.tokens: dict[str, str] = {}
        self.keys = count()

    def ask(self, method: str, path: str, account: str = "lobby", **options: Any) -> Any:
        if account not in self.tokens:
            signed_in = self.app.accounts.sign_in(account, PASSWORD)
            self.tokens[account] = signed_in.token  # type: ignore[union-attr]
        headers = {
            "Authorization": f"Bearer {self.tokens[account]}",
            "Idempotency-Key": options.pop("key", None) or f"k{next(self.keys)}",
        }
        return self.client.request(method, f"/api/branches/{path}", headers=headers, **options)

    def contact(self, **data: str) -> dict[str, Any]:
        """A contact, given after the present wording was shown."""
        shown = self.app.personal.consent("contact")
        assert shown is not None
        return {"kind": "contact", "data": data, "consent": shown.version}

    def keep(self, **data: str) -> str:
        answer = self.ask("POST", "wutong/personal", json=self.contact(**data))
        assert answer.status_code == 201, answer.text
        return str(answer.json()["ref"])


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    place = Folder(tmp_path_factory.mktemp("bank") / "hall")
    place.create(sample_files())
    app = build(place)
    accounts: Accounts = app.accounts
    for name, (role, branch) in ROLES.items():
        accounts.create(name, role, PASSWORD, branch=branch)
    with TestClient(create_site(app)) as client:
        yield Door(app, client)


def test_what_is_kept_is_read_with_a_reason_and_the_look_is_written_down(door: Door) -> None:
    ref = door.keep(name="王秀英", phone="555 0134")
    shown = door.ask("GET", f"wutong/personal/{ref}?reason=call_customer", "manager")
    assert shown.json() == {"ref": ref, "data": {"name": "王秀英", "phone": "555 0134"}}
    accesses = [(a.actor, a.action, a.reason) for a in door.app.personal.accesses(ref)]
    assert accesses == [("lobby", "written", "contact"), ("manager", "read", "call_customer")]


def test_a_look_without_a_reason_from_the_list_is_refused_and_shows_nothing(door: Door) -> None:
    ref = door.keep(phone="555 0135")
    for query in ("", "?reason=curious", "?reason="):
        answer = door.ask("GET", f"wutong/personal/{ref}{query}")
        assert answer.status_code == 400
        assert "0135" not in answer.text
    assert len(door.app.personal.accesses(ref)) == 1


def test_erased_is_erased_and_a_second_time_finds_nothing(door: Door) -> None:
    ref = door.keep(phone="555 0136")
    assert door.ask("DELETE", f"wutong/personal/{ref}?reason=customer_request").status_code == 204
    for method in ("GET", "DELETE"):
        answer = door.ask(method, f"wutong/personal/{ref}?reason=customer_request")
        assert (answer.status_code, answer.json()["code"]) == (404, "record_unknown")


@pytest.mark.parametrize("account", ["teller", "kiosk"])
def test_only_the_lobby_and_the_manager_open_sealed_records(door: Door, account: str) -> None:
    ref = door.keep(phone="555 0137")
    body = {"kind": "contact", "data": {"phone": "1"}}
    answers = [
        door.ask("GET", f"wutong/personal/{ref}?reason=complaint", account),
        door.ask("DELETE", f"wutong/personal/{ref}?reason=complaint", account),
        door.ask("POST", "wutong/personal", account, json=body),
    ]
    assert [(a.status_code, a.json()["code"]) for a in answers] == [(403, "role_may_not")] * 3


def test_a_reference_opens_nothing_through_another_branch(door: Door) -> None:
    ref = door.keep(phone="555 0138")
    own = door.ask("GET", f"wutong/personal/{ref}?reason=complaint", "elsewhere")
    theirs = door.ask("GET", f"qingdu/personal/{ref}?reason=complaint", "elsewhere")
    gone = door.ask("DELETE", f"qingdu/personal/{ref}?reason=complaint", "elsewhere")
    assert [a.status_code for a in (own, theirs, gone)] == [403, 404, 404]
    assert len(door.app.personal.accesses(ref)) == 1, "nobody has looked"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"kind": "diary", "data": {"text": "x"}}, id="a kind that is not on the list"),
        pytest.param({"kind": "contact", "data": {}}, id="nothing to keep"),
        pytest.param({"kind": "contact", "data": {"phone": ""}}, id="an empty value"),
        pytest.param({"kind": "contact", "data": {"phone": "1" * 1_001}}, id="too long"),
        pytest.param({"kind": "contact", "data": {"Phone no.": "1"}}, id="a key that is no word"),
    ],
)
def test_what_cannot_be_kept_is_refused(door: Door, body: dict[str, Any]) -> None:
    assert door.ask("POST", "wutong/personal", json=body).status_code == 400


@pytest.mark.parametrize(("consent", "code"), [("", "consent_missing"), ("000000000000", "consent_outdated")])
def test_a_contact_is_kept_only_after_the_present_wording_was_shown(
    door: Door, consent: str, code: str
) -> None:
    body = door.contact(phone="555 0140") | {"consent": consent}
    answer = door.ask("POST", "wutong/personal", json=body)
    assert (answer.status_code, answer.json()["code"], answer.json()["place"]) == (409, code, "consent")
    assert "0140" not in answer.text


def test_too_much_in_all_is_refused_before_it_is_sealed(door: Door) -> None:
    body = {"kind": "feedback", "data": {"a": "好" * 1_000, "b": "好" * 1_000}}
    answer = door.ask("POST", "wutong/personal", json=body)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_a_retry_is_the_same_record_and_other_data_under_its_key_is_refused(door: Door) -> None:
    body = door.contact(phone="0134")
    first, second = (door.ask("POST", "wutong/personal", json=body, key="retried") for _ in range(2))
    assert (first.status_code, second.json()) == (201, first.json())
    assert len(door.app.personal.accesses(first.json()["ref"])) == 1
    other = door.ask("POST", "wutong/personal", json={**body, "data": {"phone": "0135"}}, key="retried")
    assert (other.status_code, other.json()["code"]) == (422, "command_id_reused")

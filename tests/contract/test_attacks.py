"""What somebody would try who means ill. THREAT_MODEL.md names these tests beside what they are about."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest
from msgspec import inspect

from openhall.cli.bench.installation import PASSWORD as INSTALLED_PASSWORD
from openhall.kernel.event import Command
from openhall.web.cookies import PLAIN_NAME
from tests.race.served import Reply, Served, serving
from tests.race.staffed import BRANCH, COMMANDS, OTHER_BRANCH, PASSWORD, Staffed, example_of, staffed
from tests.race.test_rush import open_branch

OURS: Final = {"sec-fetch-site": "same-origin"}
SERVER_FAULT: Final = 500


@dataclass(frozen=True)
class Hall:
    served: Served
    staff: Staffed

    def ask(self, method: str, path: str, role: str = "manager", **more: Any) -> Reply:
        return self.served.ask(method, path, token=self.staff.tokens[role], **more)

    def events(self, branch: str) -> list[dict[str, Any]]:
        path = f"/api/branches/{branch}/events?limit=1000"
        found: list[dict[str, Any]] = self.ask("GET", path, "operations").json
        return found


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    staff = staffed(tmp_path_factory.mktemp("attacks") / "bank")
    with serving(staff.folder) as served:
        open_branch(served, BRANCH, staff.manager)
        yield Hall(served, staff)


# --- a session that is not one's own -----------------------------------------------------------------


def forged(token: str) -> list[tuple[str, str]]:
    """(token, what was done to it)."""
    other = "A" if token[-1] != "A" else "B"
    return [
        (token[:-1] + other, "its last character changed"),
        (token[:-1], "cut"),
        (token + "A", "longer"),
        (token.swapcase(), "in the other case"),
        (token[::-1], "backwards"),
        ("A" * len(token), "made up"),
        ("\t", "white space"),
        ("x" * 4_000, "very long"),
    ]


@pytest.mark.parametrize("role", ["kiosk", "display", "gate"])
def test_a_forged_device_is_nobody(hall: Hall, role: str) -> None:
    for token, reason in forged(hall.staff.tokens[role]):
        reply = hall.served.ask("GET", f"/api/branches/{BRANCH}/hall", token=token)
        assert reply.status == 401, reason


@pytest.mark.parametrize("role", ["kiosk", "display", "gate"])
def test_a_stolen_device_can_do_no_more_than_its_kind(hall: Hall, role: str) -> None:
    before = len(hall.events(BRANCH))
    for name in ("CallNext", "ConfirmClass", "EndDay", "OpenCounter", "MarkReneged", "SetHandling"):
        kind = next(kind for kind in COMMANDS if kind.__name__ == name)
        path = f"/api/branches/{BRANCH}/commands/{name}"
        reply = hall.ask("POST", path, role, body=example_of(kind), headers={"idempotency-key": name})
        assert (reply.status, reply.json["code"]) == (403, "role_may_not"), name
    for path in (f"/api/branches/{BRANCH}/events", "/head/configuration", f"/b/{BRANCH}/personal"):
        assert hall.ask("GET", path, role).status in {403, 404}, path
    assert len(hall.events(BRANCH)) == before


def test_a_session_that_was_planted_before_the_sign_in_is_not_the_one_after_it(hall: Hall) -> None:
    planted = "planted-by-somebody-else-0123456789abcdefgh"
    cookie = {"cookie": f"{PLAIN_NAME}={planted}", **OURS}
    body = {"name": "guard", "password": PASSWORD}
    first, second = (hall.served.ask("POST", "/api/session", body=body, headers=cookie) for _ in range(2))
    assert first.status == second.status == 200
    tokens = {first.json["token"], second.json["token"], planted}
    assert len(tokens) == 3, "each sign-in has a token of its own"
    assert hall.served.ask("GET", "/api/session", token=planted).status == 401
    again = {"cookie": f"{PLAIN_NAME}={second.json['token']}", **OURS}
    hall.served.ask("DELETE", "/api/session", headers=again)
    assert hall.served.ask("GET", "/api/session", headers=again).status == 401, "the end is at the server"


@pytest.mark.parametrize("place", ["query", "body", "other header"])
def test_a_token_counts_only_where_it_belongs(hall: Hall, place: str) -> None:
    token = hall.staff.manager
    path, headers, body = f"/api/branches/{BRANCH}/hall", {}, None
    if place == "query":
        path += f"?token={token}&{PLAIN_NAME}={token}&access_token={token}"
    elif place == "body":
        body = {"token": token}
    else:
        headers = {"x-authorization": f"Bearer {token}", "x-auth-token": token}
    assert hall.served.ask("GET", path, body=body, headers=headers).status == 401


# --- another site ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "is_let_in", "reason"),
    [
        ({"sec-fetch-site": "cross-site", "origin": "https://evil.example"}, False, "a form of another site"),
        ({"sec-fetch-site": "same-site"}, False, "another host of the bank"),
        ({"origin": "https://evil.example"}, False, "an older browser"),
        ({"origin": "null"}, False, "a frame without an origin"),
        ({"origin": "http://127.0.0.1.evil.example"}, False, "a name that begins like ours"),
        ({"origin": "http://127.0.0.1:1"}, False, "another port of this machine"),
        ({}, False, "nothing said, and yet a cookie"),
        ({"sec-fetch-site": "same-origin"}, True, "a page of ours"),
        ({"origin": "OWN"}, True, "a page of ours in an older browser"),
    ],
)
def test_no_other_site_makes_a_browser_write_with_somebodys_cookie(
    hall: Hall, headers: dict[str, str], is_let_in: bool, reason: str
) -> None:
    sent = {name: hall.served.url if value == "OWN" else value for name, value in headers.items()}
    cookie = {"cookie": f"{PLAIN_NAME}={hall.staff.manager}", "idempotency-key": reason.replace(" ", "-")}
    path = f"/api/branches/{BRANCH}/commands/RecordBaulk"
    before = len(hall.events(BRANCH))
    reply = hall.served.ask("POST", path, body={}, headers=sent | cookie)
    if is_let_in:
        assert reply.status == 200, reason
    else:
        assert (reply.status, reply.json["code"]) == (403, "other_site"), reason
        assert len(hall.events(BRANCH)) == before


@pytest.mark.parametrize("word", ["Basic eDp5", "Negotiate YII=", "", "Bearer"])
def test_a_word_that_browsers_send_by_themselves_does_not_excuse_a_cookie(hall: Hall, word: str) -> None:
    cookie = {"cookie": f"{PLAIN_NAME}={hall.staff.manager}", "sec-fetch-site": "cross-site"}
    reply = hall.served.ask("POST", "/api/session/activity", headers=cookie | {"authorization": word})
    assert (reply.status, reply.json["code"]) == (403, "other_site")


def test_nobody_makes_an_account_in_the_name_of_somebody_of_another_branch(hall: Hall) -> None:
    body = {"name": "ghost", "role": "teller", "branch": BRANCH, "person_id": f"{OTHER_BRANCH}-boss"}
    reply = hall.ask("POST", "/api/accounts", body=body, headers={"idempotency-key": "ghost"})
    assert (reply.status, reply.json["code"]) == (404, "plan_person_unknown")


@pytest.mark.parametrize("headers", [{"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}])
def test_no_other_site_signs_somebody_in_or_out(hall: Hall, headers: dict[str, str]) -> None:
    body = {"name": "guard", "password": PASSWORD}
    signed_in = hall.served.ask("POST", "/api/session", body=body, headers=headers)
    assert (signed_in.status, "set-cookie" in signed_in.headers) == (403, False)
    cookie = {"cookie": f"{PLAIN_NAME}={hall.staff.manager}"}
    assert hall.served.ask("DELETE", "/api/session", headers=headers | cookie).status == 403
    assert hall.ask("GET", "/api/session").status == 200


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""],
)
def test_what_a_plain_form_can_send_is_not_taken_for_json(hall: Hall, content_type: str) -> None:
    raw = json.dumps({"name": "guard", "password": PASSWORD}).encode()
    reply = hall.served.ask("POST", "/api/session", raw=raw, headers={"content-type": content_type} | OURS)
    assert (reply.status, reply.json["code"]) == (415, "json_expected")


@pytest.mark.parametrize("name", ["x-http-method-override", "x-method-override", "x-http-method"])
def test_a_read_is_not_turned_into_a_write(hall: Hall, name: str) -> None:
    before = len(hall.events(BRANCH))
    path = f"/api/branches/{BRANCH}/commands/RecordBaulk"
    assert hall.ask("GET", path, headers={name: "POST", "idempotency-key": "x"}).status == 405
    assert len(hall.events(BRANCH)) == before


# --- another branch ----------------------------------------------------------------------------------

NAMED: Final = frozenset({"ticket_id", "visit_id"})
"""Fields by which a command names somebody of a hall's day."""


def takes(kind: type[Command]) -> set[str]:
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    return {field.encode_name for field in info.fields} & NAMED


@pytest.fixture(scope="module")
def elsewhere(hall: Hall) -> dict[str, str]:
    """Somebody who stands in line in the other branch, while nobody stands in ours."""
    credentials = {"name": f"{OTHER_BRANCH}-boss", "password": INSTALLED_PASSWORD}
    token = hall.served.ask("POST", "/api/session", body=credentials).json["token"]
    open_branch(hall.served, OTHER_BRANCH, token)
    found: dict[str, str] = {}
    for name, fields in (("RecordEntryCheck", {}), ("IssueTicket", {"service_id": "cash"})):
        kind = next(kind for kind in COMMANDS if kind.__name__ == name)
        reply = hall.served.command(OTHER_BRANCH, name, example_of(kind) | fields, token=token)
        assert reply.status == 200, reply.body
        for event in reply.json["events"]:
            found |= {field: event[field] for field in NAMED & set(event) if event[field]}
    assert set(found) == NAMED
    return found


@pytest.mark.parametrize("kind", [k for k in COMMANDS if takes(k)], ids=lambda kind: kind.__name__)
def test_no_command_takes_another_branchs_ticket(
    hall: Hall, elsewhere: dict[str, str], kind: type[Command]
) -> None:
    body = example_of(kind) | {name: elsewhere[name] for name in takes(kind)}
    before = hall.events(OTHER_BRANCH)
    path = f"/api/branches/{BRANCH}/commands/{kind.__name__}"
    reply = hall.ask("POST", path, body=body, headers={"idempotency-key": f"other-{kind.__name__}"})
    assert reply.status in {404, 409}, reply.body
    assert hall.events(OTHER_BRANCH) == before
    there = hall.served.command(OTHER_BRANCH, kind.__name__, body, token=hall.staff.manager)
    assert there.json["code"] == "branch_not_yours"


# --- too much ----------------------------------------------------------------------------------------


def deep(depth: int, opening: bytes, closing: bytes, middle: bytes = b"") -> bytes:
    return opening * depth + middle + closing * depth


@pytest.mark.parametrize(
    ("raw", "status", "reason"),
    [
        (deep(20_000, b"[", b"]"), {400}, "lists in lists"),
        (deep(10_000, b'{"a":', b"}", b"1"), {400}, "tables in tables"),
        (b'{"counter_id": ' + deep(5_000, b"[", b"]") + b"}", {400}, "depth in a field"),
        (b'{"counter_id": "' + b"x" * 60_000 + b'"}', {400}, "a long text"),
        (b'{"counter_id": "' + b"x" * 200_000 + b'"}', {413}, "longer than any body may be"),
        (b'{"counter_id": ' + b"9" * 50_000 + b"}", {400}, "a long number"),
        (b"{" + b",".join(b'"k%d": 1' % n for n in range(5_000)) + b"}", {400}, "thousands of fields"),
        (b'{"counter_id": "\\u0000"}', {400, 404}, "a null character"),
        (b'{"counter_id": "' + "\u202e\u2066".encode() + b'"}', {400, 404}, "text backwards"),
    ],
)
def test_too_long_and_too_deep_is_refused_without_a_fault(
    hall: Hall, raw: bytes, status: set[int], reason: str
) -> None:
    path = f"/api/branches/{BRANCH}/commands/CallNext"
    reply = hall.ask("POST", path, raw=raw, headers={"idempotency-key": f"long-{abs(hash(reason))}"})
    assert reply.status in status, reason
    assert len(reply.body) < 4_000, "what was sent is not sent back"
    assert hall.ask("GET", "/healthz").status == 200


@pytest.mark.parametrize(
    ("path", "headers", "reason"),
    [
        ("/api/branches/" + "x" * 20_000 + "/hall", {}, "a long address"),
        ("/t/" + "y" * 20_000, {}, "a long ticket"),
        ("/api/branches?" + "a=1&" * 10_000, {}, "a long query"),
        ("/api/session", {"accept-language": "zh;q=0.9," * 5_000}, "a long language"),
        ("/api/session", {"cookie": "a=b; " * 5_000}, "many cookies"),
        ("/sign-in?to=" + "/x" * 5_000, {}, "a long way back"),
    ],
)
def test_a_long_address_or_header_is_no_fault(
    hall: Hall, path: str, headers: dict[str, str], reason: str
) -> None:
    reply = hall.ask("GET", path, headers=headers)
    assert reply.status < SERVER_FAULT, reason


# --- guessing ----------------------------------------------------------------------------------------


def test_ticket_pages_are_not_found_by_guessing_and_guessing_is_slowed_down(hall: Hall) -> None:
    statuses = [
        hall.served.ask("GET", f"/t/{BRANCH}.20261123.t{number}.AAAAAAAAAAAA").status for number in range(40)
    ]
    assert set(statuses) == {404, 429}
    assert statuses[0] == 404
    assert statuses[-1] == 429


def test_passwords_are_not_guessed_without_end(tmp_path: Path) -> None:
    staff = staffed(tmp_path / "bank")
    with serving(staff.folder) as served:
        codes = [
            served.ask("POST", "/api/session", body={"name": "teller", "password": f"guess {n}"}).json["code"]
            for n in range(40)
        ]
        assert set(codes) <= {"sign_in_failed", "sign_in_paused", "too_many_requests"}
        assert codes[-1] != "sign_in_failed"


@pytest.mark.parametrize(
    "to",
    ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "/\t/evil.example"],
)
def test_no_link_of_ours_leads_to_another_site(hall: Hall, to: str) -> None:

    reply = hall.served.ask("GET", f"/language/en?to={quote(to)}", headers={"accept": "text/html"})
    location = reply.headers.get("location", "/")
    assert location.startswith("/")
    assert not location.startswith(("//", "/\\"))
    assert "evil" not in location

"""Does each answer of the API say what it must: who may, what is wrong, and what to do?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from openhall.access import rights
from openhall.app.build import refusal_texts
from openhall.kernel.event import Command
from openhall.web.api import KIOSK_TICKETS_PER_MINUTE_AT_MOST
from openhall.web.problems import MEDIA_TYPE, REFUSALS, status_of
from tests.race.served import Reply, Served, serving
from tests.race.staffed import BRANCH, COMMANDS, OTHER_BRANCH, PASSWORD, Staffed, example_of, staffed
from tests.race.test_rush import open_branch


@dataclass(frozen=True)
class Hall:
    served: Served
    staff: Staffed

    def command(self, name: str, fields: dict[str, Any], role: str = "manager", key: str = "") -> Reply:
        return self.served.command(BRANCH, name, fields, token=self.staff.tokens[role], key=key or None)


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    """A branch with open doors and counters."""
    staff = staffed(tmp_path_factory.mktemp("answers") / "bank")
    with serving(staff.folder) as served:
        open_branch(served, BRANCH, staff.manager)
        yield Hall(served, staff)


def check_problem(reply: Reply, code: str, status: int | None = None) -> dict[str, Any]:
    """RFC 9457: the media type, the status in the body too, and our own code, place and remedy."""
    assert reply.headers["content-type"] == MEDIA_TYPE
    problem: dict[str, Any] = reply.json
    assert problem["code"] == code, problem
    assert problem["status"] == reply.status == (status or status_of(code))
    assert problem["type"] == f"urn:openhall:problem:{code}"
    assert problem["title"]
    assert problem["remedy"]
    assert "place" in problem
    return problem


# --- who may -----------------------------------------------------------------------------------------


ENDINGS = frozenset({"EndDay", "ForceEndDay", "CloseDoors"})
"""Whoever may issue these would end the day of the other tests."""


@pytest.mark.parametrize(
    "kind", [k for k in COMMANDS if k.__name__ not in ENDINGS], ids=lambda kind: kind.__name__
)
def test_each_role_may_issue_a_command_if_and_only_if_its_row_of_rights_says_so(
    hall: Hall, kind: type[Command]
) -> None:
    name = kind.__name__
    for role in rights.ROLES:
        kept = rights.FIELDS_KEPT.get((role, name), {})
        reply = hall.command(name, example_of(kind) | kept, role)
        if rights.may(role, name):
            assert reply.status != 403, (role, reply.body)
        else:
            assert check_problem(reply, "role_may_not")["place"] == name


@pytest.mark.parametrize("name", sorted(ENDINGS))
def test_who_may_not_end_a_day_is_refused(hall: Hall, name: str) -> None:
    kind = next(kind for kind in COMMANDS if kind.__name__ == name)
    for role in rights.ROLES:
        if not rights.may(role, name):
            check_problem(hall.command(name, example_of(kind), role), "role_may_not")


def test_a_kiosk_may_not_confirm_a_class(hall: Hall) -> None:
    for basis in ("staff", "document"):
        body = {"service_id": "cash", "class_basis": basis}
        assert check_problem(hall.command("IssueTicket", body, "kiosk"), "role_may_not")["place"] == (
            "class_basis"
        )
    beyond = {"service_id": "cash", "override_reason": "goodwill"}
    check_problem(hall.command("IssueTicket", beyond, "kiosk"), "role_may_not")
    confirm = {"ticket_id": "t1", "basis": "staff"}
    check_problem(hall.command("ConfirmClass", confirm, "kiosk"), "role_may_not")
    assert hall.command("IssueTicket", {"service_id": "cash"}, "kiosk").status == 200


def test_a_session_ends_with_signing_out(hall: Hall) -> None:
    credentials = {"name": "guard", "password": PASSWORD}
    signed_in = hall.served.ask("POST", "/api/session", body=credentials)
    assert signed_in.status == 200
    token = signed_in.json["token"]
    assert hall.served.ask("GET", "/api/session", token=token).json["role"] == "guard"
    ended = hall.served.ask("DELETE", "/api/session", token=token)
    assert (ended.status, ended.json) == (200, {"to": ""})
    check_problem(hall.served.ask("GET", "/api/session", token=token), "sign_in_required")


def test_cookies_are_kept_from_scripts_and_from_other_sites(hall: Hall) -> None:
    signed_in = hall.served.ask("POST", "/api/session", body={"name": "guard", "password": PASSWORD})
    ended = hall.served.ask("DELETE", "/api/session", token=signed_in.json["token"])
    for reply in (signed_in, ended):
        cookie = reply.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert "path=/" in cookie
    assert signed_in.json["token"] in signed_in.headers["set-cookie"]
    chosen = hall.served.ask("GET", "/language/en", headers={"accept": "text/html"})
    assert "samesite=lax" in chosen.headers["set-cookie"].lower()


def test_a_wrong_password_and_an_unknown_name_are_told_apart_by_nothing(hall: Hall) -> None:
    wrong = hall.served.ask("POST", "/api/session", body={"name": "guard", "password": "not the password"})
    unknown = hall.served.ask("POST", "/api/session", body={"name": "nobody", "password": PASSWORD})
    check_problem(wrong, "sign_in_failed", 401)
    assert wrong.body == unknown.body
    assert "set-cookie" not in wrong.headers


# --- the same key, the same answer -------------------------------------------------------------------


@pytest.mark.parametrize("name", [kind.__name__ for kind in COMMANDS])
def test_every_write_needs_an_idempotency_key(hall: Hall, name: str) -> None:
    kind = next(kind for kind in COMMANDS if kind.__name__ == name)
    path = f"/api/branches/{BRANCH}/commands/{name}"
    reply = hall.served.ask("POST", path, token=hall.staff.manager, body=example_of(kind))
    assert check_problem(reply, "idempotency_key_missing", 400)["place"] == "Idempotency-Key"


def test_opening_a_day_needs_an_idempotency_key(hall: Hall) -> None:
    reply = hall.served.ask("POST", f"/api/branches/{BRANCH}/day", token=hall.staff.manager)
    check_problem(reply, "idempotency_key_missing", 400)


@pytest.mark.parametrize(
    ("key", "reason"),
    [("", "empty"), ("x" * 129, "too long"), ("two words", "a space"), ("schlüssel", "not ASCII")],
)
def test_a_key_that_is_no_key_is_refused(hall: Hall, key: str, reason: str) -> None:
    reply = hall.served.ask(
        "POST",
        f"/api/branches/{BRANCH}/commands/RecordBaulk",
        token=hall.staff.manager,
        body={},
        headers={"idempotency-key": key},
    )
    assert reply.status == 400, reason


def test_the_same_key_gets_the_same_answer_and_changes_nothing_twice(hall: Hall) -> None:
    first = hall.command("IssueTicket", {"service_id": "cash"}, key="same-key")
    before = hall.served.ask("GET", "/healthz").json["position"]
    again = hall.command("IssueTicket", {"service_id": "cash"}, key="same-key")
    assert (again.status, again.body) == (first.status, first.body) == (200, first.body)
    assert hall.served.ask("GET", "/healthz").json["position"] == before


def test_a_refusal_is_kept_under_its_key_too(hall: Hall) -> None:
    first = hall.command("CallTicket", {"counter_id": "C1", "ticket_id": "t999", "reason": "vip"}, key="no")
    check_problem(first, "ticket_unknown", 404)
    again = hall.command("CallTicket", {"counter_id": "C1", "ticket_id": "t999", "reason": "vip"}, key="no")
    assert again.body == first.body


@pytest.mark.parametrize(
    ("name", "fields", "role", "reason"),
    [
        ("RecordBaulk", {"service_id": "cash"}, "manager", "another body"),
        ("RecordCare", {"kind": "water"}, "manager", "another command"),
        ("RecordBaulk", {}, "kiosk", "another person: nobody reads an answer by guessing its key"),
    ],
)
def test_another_request_under_a_used_key_is_refused(
    hall: Hall, name: str, fields: dict[str, Any], role: str, reason: str
) -> None:
    assert hall.command("RecordBaulk", {}, key=f"used-{role}-{name}").status == 200
    reply = hall.command(name, fields, role, key=f"used-{role}-{name}")
    assert check_problem(reply, "command_id_reused", 422)["place"] == "command_id", reason


# --- what is wrong -----------------------------------------------------------------------------------


def test_a_refusal_is_told_in_the_readers_language(hall: Hall) -> None:
    path = f"/api/branches/{BRANCH}/commands/CallNext"
    told = {}
    for language, accept in (("en", "en-GB,en;q=0.8"), ("zh", "zh-CN"), ("default", "fr")):
        reply = hall.served.ask(
            "POST",
            path,
            token=hall.staff.manager,
            body={"counter_id": "C99"},
            headers={"idempotency-key": f"language-{language}", "accept-language": accept},
        )
        told[language] = check_problem(reply, "counter_unknown", 404)
        assert told[language]["place"] == "counter_id"
        assert told[language]["detail"]["counter"] == "C99"
    assert told["en"]["title"] == "There is no counter C99 in this branch."
    assert told["zh"]["title"] != told["en"]["title"]
    assert told["zh"]["remedy"] != told["en"]["remedy"]
    assert told["default"]["title"] == told["zh"]["title"], "the house speaks Chinese first"


def test_each_code_has_a_status_that_says_who_must_act() -> None:
    for code in {**refusal_texts(), **REFUSALS}:
        assert status_of(code) in {400, 401, 403, 404, 405, 409, 413, 415, 422, 429, 500, 503}, code
        assert not (code.endswith("_unknown") and status_of(code) != 404), code


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "nothing"),
        (b"{", "cut off"),
        (b"[]", "a list"),
        (b"null", "null"),
        (b'{"counter_id": "C1", "more": 1}', "an unknown field"),
        (b'{"counter_id": 1}', "a number for a text"),
        (b'{"counter_id": ""}', "empty"),
        (b'{"counter_id": "' + b"x" * 65 + b'"}', "too long"),
        (b'{"counter_id": "\xff\xfe"}', "not UTF-8"),
        (b'{"counter_id": "\\ud800"}', "half a letter"),
        (b'{"type": "EndDay", "counter_id": "C1"}', "the tag of another command"),
        (b'{"type": "NoSuchCommand", "counter_id": "C1"}', "a tag of nothing"),
        (b'{"type": 1, "counter_id": "C1"}', "a tag that is no text"),
    ],
)
def test_a_body_that_is_no_command_is_refused_with_its_place(hall: Hall, raw: bytes, reason: str) -> None:
    path = f"/api/branches/{BRANCH}/commands/CallNext"
    reply = hall.served.ask(
        "POST", path, token=hall.staff.manager, raw=raw, headers={"idempotency-key": "raw"}
    )
    assert check_problem(reply, "input_invalid", 400), reason


@pytest.mark.parametrize(
    ("name", "raw", "reason"),
    [
        ("CloseDoors", b'{"outside_count": 99999999999999999999999999}', "more than any integer holds"),
        ("PauseHall", b'{"reason": "break", "resume_ms": 9223372036854775808}', "one more than 64 bits"),
        ("PauseHall", b'{"reason": "break", "resume_ms": 1e400}', "infinity"),
        ("PauseHall", b'{"reason": "free text about a person", "resume_ms": 1}', "no code"),
        (
            "SetHandling",
            b'{"ticket_id": "t1", "handling": ["seat","seat","seat","seat","seat","seat","seat"]}',
            "7",
        ),
    ],
)
def test_a_value_out_of_bounds_is_refused(hall: Hall, name: str, raw: bytes, reason: str) -> None:
    path = f"/api/branches/{BRANCH}/commands/{name}"
    reply = hall.served.ask(
        "POST",
        path,
        token=hall.staff.manager,
        raw=raw,
        headers={"idempotency-key": f"bounds-{reason}"[:20].replace(" ", "-")},
    )
    assert reply.status in {400, 409}, (reason, reply.body)


@pytest.mark.parametrize("resume_ms", [4_102_444_800_001, 2**63 - 1, -(2**63), -1, 2**63])
def test_a_moment_that_no_calendar_holds_is_refused(hall: Hall, resume_ms: int) -> None:
    reply = hall.command("PauseHall", {"reason": "break", "resume_ms": resume_ms})
    assert check_problem(reply, "input_invalid", 400)["place"] == "resume_ms"


@pytest.mark.parametrize(
    "branch", ["..", "%2e%2e", "..%2f..%2fetc%2fpasswd", "b01%00", "b01+b02", "%ff", "b01%2Fx", "*", "b" * 65]
)
def test_an_address_that_names_no_branch_is_refused(hall: Hall, branch: str) -> None:
    for path in (f"/api/branches/{branch}/hall", f"/api/branches/{branch}/commands/CallNext"):
        method = "GET" if path.endswith("hall") else "POST"
        body = None if method == "GET" else {"counter_id": "C1"}
        reply = hall.served.ask(
            method, path, token=hall.staff.manager, body=body, headers={"idempotency-key": "x"}
        )
        assert reply.status in {400, 403, 404, 405}, (path, reply.body)


@pytest.mark.parametrize(
    "ticket", ["%00", "..", "A001+", "%ff%fe", "'; DROP TABLE events; --".replace(" ", "%20")]
)
def test_a_ticket_that_is_none_is_refused(hall: Hall, ticket: str) -> None:
    reply = hall.served.ask("GET", f"/api/branches/{BRANCH}/tickets/{ticket}", token=hall.staff.manager)
    assert reply.status in {400, 404}, reply.body


@pytest.mark.parametrize(
    "query", ["after=-1", "after=x", "limit=0", "limit=1001", f"after={2**70}", "after=%00"]
)
def test_a_query_out_of_bounds_is_refused(hall: Hall, query: str) -> None:
    reply = hall.served.ask("GET", f"/api/branches/{BRANCH}/events?{query}", token=hall.staff.manager)
    check_problem(reply, "input_invalid", 400)


def test_a_name_with_a_null_character_is_kept_from_the_log_or_kept_whole(hall: Hall) -> None:
    reply = hall.command("CallTicket", {"counter_id": "C1\0", "ticket_id": "t1", "reason": "vip"})
    check_problem(reply, "counter_unknown", 404)
    events = hall.served.ask("GET", f"/api/branches/{BRANCH}/events", token=hall.staff.manager)
    assert events.status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/static/../openhall.key",
        "/static/%2e%2e/%2e%2e/%2e%2e/pyproject.toml",
        "/static/..%2f..%2fapi.py",
        "/static//etc/passwd",
        "/static/%00",
    ],
)
def test_the_static_files_end_at_their_folder(hall: Hall, path: str) -> None:
    reply = hall.served.ask("GET", path)
    assert reply.status in {400, 404}, reply.body[:200]


def test_a_body_beyond_the_limit_is_refused(hall: Hall) -> None:
    path = f"/api/branches/{BRANCH}/commands/CallNext"
    raw = b'{"counter_id": "' + b"x" * 100_000 + b'"}'
    reply = hall.served.ask(
        "POST", path, token=hall.staff.manager, raw=raw, headers={"idempotency-key": "large"}
    )
    check_problem(reply, "too_large", 413)


def test_a_body_of_another_kind_is_refused(hall: Hall) -> None:
    path = f"/api/branches/{BRANCH}/commands/CallNext"
    reply = hall.served.ask(
        "POST",
        path,
        token=hall.staff.manager,
        raw=b"counter_id=C1",
        headers={"idempotency-key": "form", "content-type": "application/x-www-form-urlencoded"},
    )
    assert 400 <= reply.status < 500, reply.body


def test_an_unknown_address_and_a_wrong_method_are_problems(hall: Hall) -> None:
    check_problem(hall.served.ask("GET", "/api/nothing", token=hall.staff.manager), "not_found", 404)
    wrong = hall.served.ask("GET", "/api/noop", token=hall.staff.manager)
    check_problem(wrong, "method_not_allowed", 405)
    assert "POST" in wrong.headers["allow"]
    tick = hall.served.command(BRANCH, "Tick", {}, token=hall.staff.manager)
    check_problem(tick, "not_found", 404)


# --- what goes with every answer ---------------------------------------------------------------------

SECURITY_HEADERS = (
    "content-security-policy",
    "x-content-type-options",
    "referrer-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "permissions-policy",
)


@pytest.mark.parametrize(
    ("method", "path", "status", "reason"),
    [
        ("GET", "/healthz", 200, "a plain answer"),
        ("GET", f"/api/branches/{BRANCH}/hall", 200, "data"),
        ("GET", "/api/openapi.json", 200, "the description"),
        ("GET", "/sign-in", 200, "a page"),
        ("GET", "/static/openhall.css", 200, "a file"),
        ("GET", "/static/none.css", 404, "no such file"),
        ("GET", "/language/en", 302, "a redirect"),
        ("GET", "/nothing", 404, "no such page"),
        ("GET", f"/api/branches/{BRANCH}/tickets/none", 404, "a refusal"),
        ("POST", "/api/session", 415, "a body that is none"),
        ("PUT", "/api/noop", 405, "a wrong method"),
        ("GET", f"/api/branches/{OTHER_BRANCH}/hall", 403, "another branch"),
    ],
)
def test_every_answer_carries_the_security_headers(
    hall: Hall, method: str, path: str, status: int, reason: str
) -> None:
    reply = hall.served.ask(method, path, token=hall.staff.manager)
    assert reply.status == status, reason
    for name in SECURITY_HEADERS:
        assert reply.headers.get(name), f"{name} on {reason}"
    assert "unsafe" not in reply.headers["content-security-policy"]


def test_an_answer_that_asks_to_sign_in_carries_the_security_headers(hall: Hall) -> None:
    for path, accept in (("/api/branches", "application/json"), ("/", "text/html")):
        reply = hall.served.ask("GET", path, headers={"accept": accept})
        assert reply.status in {302, 401}
        for name in SECURITY_HEADERS:
            assert reply.headers.get(name), f"{name} on {path}"


def test_what_the_api_says_is_not_cached(hall: Hall) -> None:
    reply = hall.served.ask("GET", f"/api/branches/{BRANCH}/hall", token=hall.staff.manager)
    assert reply.headers.get("cache-control") == "no-store"


def test_a_kiosk_gives_no_more_tickets_a_minute_than_people_can_ask_for(hall: Hall) -> None:
    fields = {"service_id": "cash"}
    replies = [
        hall.command("IssueTicket", fields, "kiosk") for _ in range(KIOSK_TICKETS_PER_MINUTE_AT_MOST + 1)
    ]
    assert [r.status for r in replies].count(429) >= 1
    problem = check_problem(replies[-1], "kiosk_too_fast")
    assert problem["detail"] == {"limit": KIOSK_TICKETS_PER_MINUTE_AT_MOST}
    assert hall.command("IssueTicket", fields, "lobby").status == 200

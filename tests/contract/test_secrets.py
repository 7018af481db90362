"""Does a secret, or anything about a person, get out: into the log, an event, a number, an error?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyotp
import pytest

from openhall.app.build import build
from openhall.app.folder import Folder
from openhall.log.sqlite import SqliteStore
from tests.race.served import Reply, Served, serving
from tests.race.staffed import BRANCH, PASSWORD, Staffed, staffed
from tests.race.test_rush import open_branch

PHONE, MAIL, NAME = "13987654321", "wang.guilan@example.cn", "王桂兰测试"
WORDS = "Zutiefst enttaeuscht vom dritten Schalter"
WRONG_PASSWORD, WRONG_TOKEN = "wrong-password-38291", "forged-token-7f3a91c2d4e5"
METRICS_TOKEN = "metrics-token-91b7c4d2e8f0"
KEY_PASSWORD = "key-password-5512"
MESSAGES_SECRET = "whsec_c2VjcmV0LW9mLXRoZS10ZXh0LWdhdGV3YXktMTIzNA=="


@dataclass
class Day:
    """A served day in which every secret was used, and all that the server said."""

    served: Served
    staff: Staffed
    folder: Path
    secrets: dict[str, str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    said: str = ""

    def ask(self, method: str, path: str, **more: Any) -> Reply:
        reply = self.served.ask(method, path, **more)
        if reply.status >= 400:
            self.errors.append(reply.body.decode(errors="replace") + str(reply.headers))
        return reply


def live(day: Day) -> None:
    """Sign in, with a code too; keep a contact; ask for it; do it wrong; be refused."""
    manager = day.staff.manager
    for name, password in (("lobby", PASSWORD), ("lobby", WRONG_PASSWORD), (NAME, WRONG_PASSWORD)):
        day.ask("POST", "/api/session", body={"name": name, "password": password})
    token = day.ask("POST", "/api/session", body={"name": "guard", "password": PASSWORD}).json["token"]
    begun = day.ask("POST", "/api/session/codes", token=token, body={"password": PASSWORD})
    if begun.status == 200:
        day.secrets["secret of one-time codes"] = begun.json["secret"]
        code = pyotp.TOTP(begun.json["secret"]).now()
        confirmed = day.ask("POST", "/api/session/codes/confirmation", token=token, body={"code": code})
        assert confirmed.status == 200, confirmed.body
        day.secrets["recovery code"] = confirmed.json["recovery_codes"][0]
        day.secrets["token after the code"] = confirmed.json["session"]["token"]
    day.secrets["token of a session"] = token
    day.ask("GET", f"/api/branches/{BRANCH}/hall", token=WRONG_TOKEN)
    day.ask("GET", f"/api/branches/{BRANCH}/hall?token={WRONG_TOKEN}")
    open_branch(day.served, BRANCH, manager)
    ticket = day.served.command(BRANCH, "IssueTicket", {"service_id": "cash"}, token=manager)
    ticket_id = next(e["ticket_id"] for e in ticket.json["events"] if "ticket_id" in e)
    sealed = f"/api/branches/{BRANCH}/personal"
    consent = day.secrets.pop("consent")
    data = {"name": NAME, "phone": PHONE, "mail": MAIL}
    bodies: list[dict[str, Any]] = [
        {"kind": "contact", "data": data, "consent": consent},
        {"kind": "feedback", "data": {"text": WORDS}},
        {"kind": "contact", "data": data, "consent": "old"},
        {"kind": "diary", "data": data},
        {"kind": "contact", "data": data | {"much": "x" * 5_000}},
    ]
    for number, body in enumerate(bodies):
        kept = day.ask("POST", sealed, token=manager, body=body, headers={"idempotency-key": f"s{number}"})
        if kept.status == 201 and body["kind"] == "contact":
            ref = kept.json["ref"]
            held = {"ticket_id": ticket_id, "contact_person": f"{BRANCH}-boss", "contact_ref": ref}
            assert day.served.command(BRANCH, "HoldTicket", held, token=manager).status == 200
            assert PHONE in day.ask("GET", f"{sealed}/{ref}?reason=complaint", token=manager).body.decode()
    form = {"content-type": "application/x-www-form-urlencoded"}
    for deed in ("find", "print", "data", "sell", "erase"):
        raw = f"contact={PHONE}&reason=customer_request&deed={deed}".encode()
        day.ask("POST", f"/b/{BRANCH}/personal/person", token=manager, raw=raw, headers=form)
    day.ask("GET", "/metrics", token=WRONG_TOKEN)
    day.said += day.ask("GET", "/metrics", token=METRICS_TOKEN).body.decode()


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    staff = staffed(tmp_path_factory.mktemp("secrets") / "bank")
    app = build(Folder(staff.folder))
    consent = app.personal.consent("contact")
    app.store.close()
    assert consent is not None
    environment = {
        **os.environ,
        "OPENHALL_LOG_LEVEL": "debug",
        "OPENHALL_LOG_ACCESS": "true",
        "OPENHALL_METRICS_TOKEN": METRICS_TOKEN,
        "OPENHALL_TLS_KEY_PASSWORD": KEY_PASSWORD,
        "OPENHALL_SMS_URL": "https://gateway.example/messages",
        "OPENHALL_SMS_SECRET": MESSAGES_SECRET,
    }
    with serving(staff.folder, environment=environment) as served:
        found = Day(served, staff, staff.folder, {"consent": consent.version})
        live(found)
        assert served.stop() == 0
        assert served.process.stdout is not None
        found.said += served.process.stdout.read().decode() + served.log.read_text(errors="replace")
        found.secrets |= {
            "password": PASSWORD,
            "a wrong password": WRONG_PASSWORD,
            "a forged token": WRONG_TOKEN,
            "token of the metrics": METRICS_TOKEN,
            "password of the server's key": KEY_PASSWORD,
            "secret of the text gateway": MESSAGES_SECRET,
            "telephone number": PHONE,
            "mail address": MAIL,
            "name of a customer": NAME,
            "words of a complaint": WORDS,
            **{f"token of {role}": token for role, token in staff.tokens.items()},
            **{
                f"key {number}": line
                for number, line in enumerate((staff.folder / "openhall.key").read_text().split())
            },
        }
        yield found


def test_the_day_was_lived_and_the_server_logged_it(day: Day) -> None:
    assert "secret of one-time codes" in day.secrets
    assert len(day.errors) >= 8
    assert len(day.said) > 1_000
    assert "openhall" in day.said


def test_no_secret_is_in_the_log_or_among_the_numbers(day: Day) -> None:
    found = [what for what, secret in day.secrets.items() if secret in day.said]
    assert found == []


def test_no_secret_is_in_an_answer_that_refuses(day: Day) -> None:
    found = [what for what, secret in day.secrets.items() if any(secret in e for e in day.errors)]
    assert found == []


def test_no_secret_is_in_an_event_or_the_answer_to_a_command(day: Day) -> None:
    with SqliteStore.open_to_read(Folder(day.folder).database) as store:
        events = b"".join(recorded.body for recorded in store.read()).decode()
        actors = {recorded.actor for recorded in store.read()}
    assert "TicketHeld" in events
    assert [what for what, secret in day.secrets.items() if secret in events] == []
    assert not actors & {PHONE, NAME, MAIL}


def test_no_secret_is_anywhere_on_the_disk_in_clear(day: Day) -> None:
    keys = {f"key {n}" for n in range(10)}
    for path in sorted(p for p in day.folder.rglob("*") if p.is_file() and p.name != "openhall.key"):
        body = path.read_bytes()
        found = [w for w, secret in day.secrets.items() if w not in keys and secret.encode() in body]
        assert found == [], path.name

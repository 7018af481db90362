"""Does the server say how it is doing: ids, log, metrics; and does a service manager hear from it?"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from openhall.app.folder import Folder
from openhall.web.supervision import Supervisor
from tests.contract.test_http_life import held_write_lock
from tests.race.served import Served, serving
from tests.race.staffed import BRANCH, Staffed, staffed
from tests.race.test_rush import open_branch

pytestmark = pytest.mark.contract

TOKEN = "a-token-of-a-collector"
ENVIRONMENT = {
    "OPENHALL_LOG_FORMAT": "json",
    "OPENHALL_LOG_ACCESS": "true",
    "OPENHALL_METRICS_TOKEN": TOKEN,
    "WATCHDOG_USEC": "300000",
}


class Manager:
    """A service manager's ear."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._ear.bind(str(path))
        self._ear.settimeout(20)
        self.heard: list[str] = []

    def close(self) -> None:
        self._ear.close()

    def hears(self, word: str) -> bool:
        """Whether the word comes, sooner or later."""
        while not any(word in said for said in self.heard):
            self.heard.append(self._ear.recv(4_096).decode())
        return True


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Staffed, Manager]]:
    folder = tmp_path_factory.mktemp("running")
    staff, manager = staffed(folder / "bank"), Manager(folder / "notify")
    environment = {**os.environ, **ENVIRONMENT, "NOTIFY_SOCKET": str(manager.path)}
    with serving(staff.folder, environment=environment) as served:
        open_branch(served, BRANCH, staff.manager)
        yield served, staff, manager
    manager.close()


def lines(served: Served) -> list[dict[str, Any]]:
    return [json.loads(line) for line in served.log.read_text().splitlines()]


def samples(text: str) -> dict[str, float]:
    return {
        f"{s.name}{sorted(s.labels.items())}": s.value
        for family in text_string_to_metric_families(text)
        for s in family.samples
    }


def test_an_answer_a_problem_and_the_log_carry_the_same_id(running: tuple[Served, Staffed, Manager]) -> None:
    served, staff, _ = running
    given = {"x-request-id": "proxy-0123456789", "idempotency-key": "k1"}
    path = f"/api/branches/{BRANCH}/commands/CallNext"
    refused = served.ask("POST", path, token=staff.manager, body={"counter_id": "C9"}, headers=given)
    assert refused.headers["x-request-id"] == "proxy-0123456789"
    (line,) = [each for each in lines(served) if each.get("request_id") == "proxy-0123456789"]
    assert line["route"] == "/api/branches/{branch_id}/commands/CallNext"
    assert (line["event"], line["status"], line["branch"]) == ("request", refused.status, BRANCH)
    assert line["actor"] == "manager"


@pytest.mark.parametrize(
    ("given", "why"),
    [("", "none was given"), ("short", "too short to tell apart"), ("a b\tc <script>", "no id at all")],
)
def test_a_request_without_a_usable_id_gets_one(
    running: tuple[Served, Staffed, Manager], given: str, why: str
) -> None:
    found = running[0].ask("GET", "/nowhere", headers={"x-request-id": given} if given else None)
    assert found.status == 404
    assert re.fullmatch("[0-9a-f]{16}", found.headers["x-request-id"]), why


def test_the_log_names_no_address_no_token_and_no_path_of_a_customer(
    running: tuple[Served, Staffed, Manager],
) -> None:
    served, staff, _ = running
    served.ask("GET", "/t/b01.20270118.t7.SECRETSECRET")
    served.ask("GET", f"/api/branches/{BRANCH}/tickets/A007?who=somebody", token=staff.manager)
    served.ask("POST", "/api/session", body={"name": "Wang Xiuying", "password": "hunter2-hunter2"})
    contact = {"kind": "contact", "fields": {"phone": "13812345678", "name": "Wang Xiuying"}}
    served.ask("POST", f"/api/branches/{BRANCH}/personal", token=staff.manager, body=contact)
    served.ask(
        "POST", f"/api/branches/{BRANCH}/personal", token=staff.manager, raw=b'{"phone": "13812345678"'
    )
    served.command(BRANCH, "IssueTicket", {"service_id": "Wang Xiuying"}, token=staff.manager)
    text = served.log.read_text()
    secrets = ("SECRETSECRET", "A007", "somebody", staff.manager, TOKEN, "127.0.0.1")
    for secret in (*secrets, "13812345678", "Xiuying", "hunter2"):
        assert secret not in text


def test_a_line_that_a_request_caused_says_where_and_by_which_account_without_the_access_log(
    tmp_path: Path,
) -> None:
    staff = staffed(tmp_path / "bank")
    with serving(staff.folder, environment={**os.environ, "OPENHALL_LOG_FORMAT": "json"}) as served:
        open_branch(served, BRANCH, staff.manager)
        given = {"x-request-id": "proxy-0123456789", "idempotency-key": "k1"}
        with held_write_lock(Folder(staff.folder).database):
            path = f"/api/branches/{BRANCH}/commands/RecordBaulk"
            refused = served.ask("POST", path, token=staff.tokens["lobby"], body={}, headers=given)
            assert refused.status == 503
            unsigned = served.ask("GET", "/healthz")
            assert unsigned.status == 503
        served.stop()
    said = lines(served)
    (line,) = [each for each in said if each.get("request_id") == "proxy-0123456789"]
    assert line["level"] == "error"
    assert "database_locked" in line["event"]
    assert (line["branch"], line["actor"]) == (BRANCH, "lobby")
    assert "request" not in {each["event"] for each in said}, "the access log is off"
    own = [each for each in said if "request_id" not in each]
    assert own, "the server's own lines"
    assert all(each.keys().isdisjoint({"branch", "actor"}) for each in own), "nothing is left of a request"


@pytest.mark.parametrize(
    ("role", "status", "why"),
    [
        ("", 403, "nobody is signed in"),
        ("kiosk", 403, "no business of a machine"),
        ("manager", 403, "no business of a branch"),
        ("operations", 403, "runs the halls, not the machine"),
        ("administrator", 200, "runs the machine"),
        ("token", 200, "the collector's token"),
    ],
)
def test_metrics_are_for_administrators_and_collectors(
    running: tuple[Served, Staffed, Manager], role: str, status: int, why: str
) -> None:
    served, staff, _ = running
    token = TOKEN if role == "token" else staff.tokens.get(role, "")
    assert served.ask("GET", "/metrics", token=token).status == status, why


def test_whoever_makes_methods_up_makes_no_new_series(running: tuple[Served, Staffed, Manager]) -> None:
    """Nobody need be signed in to ask, and a series once made is kept as long as the server runs."""
    served, _, _ = running
    for number in range(5):
        served.ask(f"BREW{number}", "/healthz")
    series = served.ask("GET", "/metrics", token=TOKEN).body.decode()
    assert "BREW" not in series
    assert 'method="other"' in series


def test_metrics_count_commands_commits_people_and_requests(running: tuple[Served, Staffed, Manager]) -> None:
    served, staff, _ = running
    before = samples(served.ask("GET", "/metrics", token=TOKEN).body.decode())
    for number in range(3):
        served.command(BRANCH, "IssueTicket", {"service_id": "cash"}, token=staff.manager, key=f"m{number}")
    served.command(BRANCH, "CallNext", {"counter_id": "nowhere"}, token=staff.manager, key="m-refused")
    after = samples(served.ask("GET", "/metrics", token=TOKEN).body.decode())

    def grown(name: str, **labels: str) -> float:
        key = f"{name}{sorted(labels.items())}"
        return after[key] - before.get(key, 0.0)

    assert grown("openhall_commands_total", command="IssueTicket", outcome="accepted") == 3
    assert grown("openhall_commands_total", command="CallNext", outcome="refused") == 1
    assert grown("openhall_refusals_total", code="counter_unknown") == 1
    assert grown("openhall_command_seconds_count") >= 4
    assert grown("openhall_commit_seconds_count") >= 1
    assert grown("openhall_waiting", branch=BRANCH) == 3
    assert grown("openhall_requests_total", method="GET", route="/metrics", status="200") == 1
    assert after["openhall_days_open[]"] >= 1
    assert "process_resident_memory_bytes[]" in after
    labels = " ".join(after)
    assert "b01-boss" not in labels, "no account is in a label"


def test_a_service_manager_that_does_not_read_holds_up_nobody(tmp_path: Path) -> None:
    manager = Manager(tmp_path / "notify")
    supervisor = Supervisor({"NOTIFY_SOCKET": str(manager.path)})
    for _ in range(1_000):
        supervisor.tell("WATCHDOG=1")
    assert manager.hears("WATCHDOG=1")
    manager.close()
    supervisor.tell("STOPPING=1")


def test_the_service_manager_hears_ready_and_alive_and_stopping(
    running: tuple[Served, Staffed, Manager],
) -> None:
    served, _, manager = running
    assert manager.hears("READY=1")
    assert manager.hears("WATCHDOG=1")
    assert served.stop(signal.SIGTERM) == 0
    assert manager.hears("STOPPING=1")

"""The gate's protocol against a running server, as the simulator speaks it [B3]: passes, cuts, rules."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import date
from typing import Any

import httpx
import pytest

from openhall.cli.gate import Gate, GateRefused, paired, play
from tests.browser.served import BRANCH, Served, serving

PREVENTION_DAY = date(2027, 1, 18)
"""The sample bank's first day under prevention rules: entry checks, temperatures, few people inside."""
DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("gate") / "hall") as running:
        running.set_time(PREVENTION_DAY, 9, 0)
        running.open_day()
        running.do("OpenDoors", "guard")
        yield running


def new_code(served: Served, name: str = "") -> str:
    """A gate's pairing code."""
    name = name or f"Gate {secrets.token_hex(3)}"
    made = served.call("POST", "/devices", json={"kind": "gate", "name": name})
    assert made.status_code == 200, made.text
    return str(made.json()["code"])


@pytest.fixture(scope="module")
def gate(served: Served) -> Iterator[Gate]:
    """A gate that is paired and has asked what is to be checked."""
    with httpx.Client(base_url=served.url, timeout=20) as client:
        made = Gate(client, paired(client, new_code(served), None), seed=secrets.randbelow(10**6))
        made.look()
        yield made


def send(gate: Gate, **fields: Any) -> httpx.Response:
    """A pass as a maker's device would send it."""
    found = {
        "pass_id": secrets.token_hex(4),
        "result": "pass",
        "at_ms": gate.now_ms,
        "temperature": "below_limit",
    } | fields
    body = {name: value for name, value in found.items() if value is not None}
    return gate.client.post(f"/api/branches/{BRANCH}/gate/passes", json=body)


def inside(served: Served) -> int:
    """People inside, as the hall counts them."""
    return int(served.read("/hall")["inside_count"])


def test_the_gate_learns_what_the_rules_ask(gate: Gate) -> None:
    assert gate.branch == BRANCH
    assert gate.rules["is_check_required"]
    assert gate.rules["is_temperature_read"]
    assert gate.rules["inside_limit"]


def test_a_pass_is_an_entry_check_of_the_hall_and_opens(gate: Gate, served: Served) -> None:
    before = inside(served)
    said = send(gate).json()
    assert (said["is_admitted"], said["is_open"], said["reason"]) == (True, True, "")
    assert said["entry_number"].isdigit()
    assert said["says"]["zh"]
    assert said["says"]["en"]
    assert inside(served) == before + 1
    last = served.read("/events?limit=1000")[-1]
    assert last["event"]["type"] == "EntryChecked"
    assert last["event"]["method"] == "gate"
    assert "temperature" not in str(last["event"]), "no measure is kept, not even its side"
    ticket = served.call(
        "POST", "/commands/IssueTicket", "kiosk", json={"service_id": "cash", "visit_id": said["visit_id"]}
    )
    assert ticket.status_code == 200, "the entry number opens the ticket machine"


def test_sent_again_it_is_answered_again_and_counted_once(gate: Gate) -> None:
    fields = {"pass_id": "once", "at_ms": gate.now_ms}
    first, second = send(gate, **fields).json(), send(gate, **fields).json()
    assert first["visit_id"] == second["visit_id"]
    other = send(gate, **fields | {"result": "refer"})
    assert (other.status_code, other.json()["code"]) == (422, "command_id_reused")


def test_who_is_referred_is_told_where_to_go_and_the_gate_stays_shut(gate: Gate, served: Served) -> None:
    before = inside(served)
    said = send(gate, result="refer", temperature="at_limit_or_above").json()
    assert (said["is_admitted"], said["is_open"], said["reason"]) == (False, False, "referred")
    assert said["says"]["en"].startswith("Please")
    assert inside(served) == before


@pytest.mark.parametrize(
    ("fields", "status", "code", "why"),
    [
        ({"temperature": None}, 409, "temperature_missing", "today's rules have it read"),
        ({"temperature": "at_limit_or_above"}, 409, "fever_needs_referral", "a machine admits no fever"),
        ({"temperature": "37.2"}, 400, "input_invalid", "never the degrees"),
        ({"pass_id": "a b"}, 400, "input_invalid", "an id without spaces"),
        ({"result": "maybe"}, 400, "input_invalid", "no third way"),
        ({"name": "somebody"}, 400, "input_invalid", "nothing about who"),
        ({"at_ms": -DAY_MS}, 409, "gate_pass_too_old", "another day's pass"),
        ({"at_ms": 600_000}, 409, "gate_clock_wrong", "a clock that runs ahead"),
    ],
)
def test_what_cannot_be_is_refused_with_a_code(
    gate: Gate, served: Served, fields: dict[str, Any], status: int, code: str, why: str
) -> None:
    before = inside(served)
    if "at_ms" in fields:
        fields = fields | {"at_ms": gate.now_ms + fields["at_ms"]}
    answer = send(gate, **fields)
    assert (answer.status_code, answer.json()["code"]) == (status, code), why
    assert answer.json()["remedy"]
    assert inside(served) == before


def test_only_a_gate_reports_and_a_gate_does_nothing_else(gate: Gate, served: Served) -> None:
    assert served.call("POST", "/gate/passes", "manager", json={}).status_code == 403
    for path in ("/hall", "/tickets", "/events"):
        assert gate.client.get(f"/api/branches/lanqiao{path}").status_code == 403
    path, headers = f"/api/branches/{BRANCH}/commands/IssueTicket", {"Idempotency-Key": "k"}
    assert gate.client.post(path, json={"service_id": "cash"}, headers=headers).status_code == 403


def test_a_walk_with_cuts_loses_nobody_and_keeps_the_order(served: Served) -> None:
    with httpx.Client(base_url=served.url, timeout=20) as client:
        gate = Gate(client, paired(client, new_code(served), None), seed=7, cut_every=6, cut_for=4)
        walk = play(gate, rate=600, people=25, refer_share=0.2, pause=lambda _seconds: None)
    assert walk.people == 25
    assert walk.kept == 8  # after each six, four in a row
    assert walk.opened + walk.waiting + walk.referred == 25
    assert walk.referred > 0
    assert dict(walk.refused) == {}
    assert not gate.memory
    ids = [
        e["command_id"].rsplit("-", 1)[-1]
        for e in served.read("/events?limit=1000")
        if "-g7-" in e["command_id"]
    ]
    assert ids == [str(n) for n in range(1, 26)], "in the order in which they came"


def test_over_the_limit_the_gate_stays_shut_and_the_place_counts(served: Served) -> None:
    with httpx.Client(base_url=served.url, timeout=20) as client:
        gate = Gate(client, paired(client, new_code(served), None), seed=11)
        gate.look()
        limit = gate.rules["inside_limit"]
        walk = play(gate, rate=600, people=limit + 5, refer_share=0, pause=lambda _seconds: None)
    assert inside(served) == limit
    assert walk.waiting >= 5
    assert walk.opened + walk.waiting == limit + 5


def test_a_code_works_once_and_a_revoked_gate_is_out(served: Served) -> None:
    code = new_code(served, "Revoked")
    with httpx.Client(base_url=served.url, timeout=20) as client:
        gate = Gate(client, paired(client, code, None), seed=3)
        with httpx.Client(base_url=served.url) as other, pytest.raises(GateRefused):
            paired(other, code, None)
        device = next(d for d in served.read("/devices") if d["name"] == "Revoked")
        assert served.call("POST", f"/devices/{device['id']}/revocation").status_code == 200
        with pytest.raises(GateRefused):
            gate.meet(0)

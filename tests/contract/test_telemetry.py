"""Do traces reach a collector, and do they say nothing of anybody?"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from openhall.app.service_settings import TelemetrySettings
from openhall.app.tracing import TelemetryMissing, masked, tracing_of
from tests.race.served import serving
from tests.race.staffed import BRANCH, staffed
from tests.race.test_rush import open_branch

pytestmark = pytest.mark.contract


class Collector(ThreadingHTTPServer):
    """Takes what an OpenTelemetry collector takes at /v1/traces."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        super().__init__(("127.0.0.1", 0), _Take)

    @property
    def spans(self) -> list[Any]:
        """All spans, of whatever batch."""
        found = []
        for body in self.bodies:
            request = ExportTraceServiceRequest()
            request.ParseFromString(body)
            found += [s for r in request.resource_spans for scope in r.scope_spans for s in scope.spans]
        return found


class _Take(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        assert self.path == "/v1/traces"
        self.server.bodies.append(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_requests_commands_and_commits_are_traced_without_anybody_in_them(
    collector: Collector, tmp_path: Path
) -> None:
    staff = staffed(tmp_path / "bank")
    environment = {
        **os.environ,
        "OPENHALL_TELEMETRY_ENDPOINT": f"http://127.0.0.1:{collector.server_port}",
        "OPENHALL_TELEMETRY_SAMPLE_SHARE": "1",
    }
    with serving(staff.folder, environment=environment) as served:
        open_branch(served, BRANCH, staff.manager)
        parent = {
            "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "idempotency-key": "k",
        }
        path = f"/api/branches/{BRANCH}/commands/IssueTicket"
        assert (
            served.ask("POST", path, token=staff.manager, body={"service_id": "cash"}, headers=parent).status
            == 200
        )
        served.ask("GET", f"/api/branches/{BRANCH}/tickets/A001?who=somebody", token=staff.manager)
        served.ask("GET", "/t/b01.20270118.t1.SECRETSECRET")
        assert served.stop() == 0
    by_name = {span.name for span in collector.spans}
    assert {"command", "commit"} <= by_name
    own = [s for s in collector.spans if s.trace_id.hex() == "0af7651916cd43dd8448eb211c80319c"]
    request = next(span for span in own if span.name != "command")
    (command,) = [span for span in own if span.name == "command"]
    assert command.parent_span_id == request.span_id, "the command is part of the caller's trace"
    about = {a.key: a.value.string_value for a in command.attributes}
    assert about == {"openhall.command": "IssueTicket", "openhall.branch": BRANCH}
    everything = b"".join(collector.bodies)
    for personal in (b"SECRETSECRET", b"A001", b"somebody", b"Bearer", b"127.0.0.1", staff.manager.encode()):
        assert personal not in everything


@pytest.mark.parametrize(
    ("path", "shown", "why"),
    [
        ("/b/lanqiao/counter", "/b/lanqiao/counter", "words of ours"),
        ("/t/lanqiao.20261124.t7.xYz", "/t/*", "a customer's ticket"),
        ("/api/branches/b01/tickets/A007", "/api/branches/*/tickets/*", "a ticket's number"),
        ("/x/" + "a" * 25, "/x/*", "too long for a word of ours"),
    ],
)
def test_an_address_is_masked(path: str, shown: str, why: str) -> None:
    assert masked(path) == shown, why


def test_a_collector_without_the_extra_is_said_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk", None)
    with pytest.raises(TelemetryMissing) as caught:
        tracing_of(TelemetrySettings(endpoint="http://127.0.0.1:4318"))
    assert "openhall[telemetry]" in caught.value.remedy


def test_without_a_collector_nothing_is_traced() -> None:
    assert tracing_of(TelemetrySettings()) is None

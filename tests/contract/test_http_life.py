"""Does a server start, resume, fall ill, recover and stop as it promises?"""

from __future__ import annotations

import http.client
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pysqlite3 import dbapi2  # type: ignore[import-untyped]

from openhall.app.folder import Folder
from openhall.hall.model import ROOM as HALL
from openhall.log.sqlite import SqliteStore
from openhall.log.verify import verify
from tests.crash import disk
from tests.race.served import HOST, Reply, Served, free_port, serve_command, serving
from tests.race.staffed import BRANCH, Staffed, staffed
from tests.race.test_rush import open_branch
from tests.style.house import ROOT

START_SECONDS = 60
FRAME = re.compile(rb"id: (\d+)\nevent: (\w+)\ndata: (.*)\n\n")


@pytest.fixture
def staff(tmp_path: Path) -> Staffed:
    return staffed(tmp_path / "bank")


class Stream:
    """An open event stream; reads whole frames as they come."""

    def __init__(self, served: Served, token: str, last_event_id: int | None = None) -> None:
        self._connection = http.client.HTTPConnection(HOST, served.port, timeout=30)
        headers = {"authorization": f"Bearer {token}"}
        if last_event_id is not None:
            headers["last-event-id"] = str(last_event_id)
        self._connection.request("GET", f"/api/branches/{BRANCH}/stream", headers=headers)
        self._answer = self._connection.getresponse()
        assert self._answer.status == 200
        self._read = b""

    def positions(self, count: int) -> list[int]:
        """Positions of the next events, so many of them."""
        found: list[int] = []
        while len(found) < count:
            frame = self._frame()
            matched = FRAME.search(frame)
            if matched and matched[2] == b"hall":
                found.append(int(matched[1]))
            assert matched is None or matched[2] != b"resync"
        return found

    def first_id(self) -> int:
        """Where the stream stands when it opens."""
        matched = FRAME.search(self._frame())
        assert matched is not None
        return int(matched[1])

    def rest(self) -> bytes:
        """Everything until the server ends the stream."""
        return self._answer.read()

    def _frame(self) -> bytes:
        while b"\n\n" not in self._read:
            read = self._answer.read1()
            assert read, "the stream has ended"
            self._read += read
        frame, _, self._read = self._read.partition(b"\n\n")
        return frame + b"\n\n"

    def close(self) -> None:
        self._connection.close()


def baulks(served: Served, staff: Staffed, count: int) -> None:
    """So many events, one for each command."""
    for _ in range(count):
        assert served.command(BRANCH, "RecordBaulk", {}, token=staff.manager).status == 200


def positions_in_log(staff: Staffed) -> list[int]:
    with SqliteStore.open_to_read(Folder(staff.folder).database) as store:
        return [event.position for event in store.read(place=BRANCH)]


def check_sound(staff: Staffed) -> None:
    with SqliteStore.open_to_read(Folder(staff.folder).database) as store:
        report = verify(store, [HALL], is_each_command_checked=True)
        assert report.is_sound, report.faults


# --- streams over a restart --------------------------------------------------------------------------


def test_a_stream_resumes_over_a_restart_without_a_gap_or_a_repetition(staff: Staffed) -> None:
    with serving(staff.folder) as served:
        open_branch(served, BRANCH, staff.manager)
        stream = Stream(served, staff.tokens["display"])
        opened_at = stream.first_id()
        baulks(served, staff, 3)
        seen = stream.positions(3)
        baulks(served, staff, 4)  # while this screen does not listen any more
        stream.close()
        assert served.stop() == 0
    with serving(staff.folder) as served:
        baulks(served, staff, 2)
        stream = Stream(served, staff.tokens["display"], last_event_id=seen[-1])
        seen += stream.positions(6)
        baulks(served, staff, 2)
        seen += stream.positions(2)
        stream.close()
        served.stop()
    assert seen == [position for position in positions_in_log(staff) if position > opened_at]


def test_an_answer_outlives_the_server_that_gave_it(staff: Staffed) -> None:
    with serving(staff.folder) as served:
        open_branch(served, BRANCH, staff.manager)
        body = {"service_id": "cash"}
        issued = served.command(BRANCH, "IssueTicket", body, token=staff.manager, key="before")
        refused = served.command(BRANCH, "CallNext", {"counter_id": "C9"}, token=staff.manager, key="refused")
        served.stop()
    with serving(staff.folder) as served:
        again = served.command(BRANCH, "IssueTicket", body, token=staff.manager, key="before")
        assert (again.status, again.body) == (200, issued.body)
        still = served.command(BRANCH, "CallNext", {"counter_id": "C9"}, token=staff.manager, key="refused")
        assert (still.status, still.body) == (refused.status, refused.body) == (404, refused.body)
        reused = served.command(BRANCH, "RecordBaulk", {}, token=staff.manager, key="before")
        assert reused.status == 422
        served.stop()


# --- illness and recovery ----------------------------------------------------------------------------


@contextmanager
def held_write_lock(database: Path) -> Iterator[None]:
    """Another program writes to the database and does not finish."""
    connection = dbapi2.connect(database, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
    finally:
        connection.close()


def test_the_health_check_goes_through_the_writer_and_leaves_no_event(staff: Staffed) -> None:
    with serving(staff.folder) as served:
        before = served.ask("GET", "/healthz")
        assert before.status == 200
        assert before.json["is_ok"]
        for _ in range(5):
            assert served.ask("GET", "/healthz").json["is_ok"]
        served.stop()
    with SqliteStore.open_to_read(Folder(staff.folder).database) as store:
        written = [event.type for event in store.read()]
    # The clock may have opened a day at each branch meanwhile, and the twin may have told its first waits.
    assert set(written) <= {"DayOpened", "WaitsTold"}


def test_a_locked_database_is_said_and_service_resumes_by_itself(staff: Staffed) -> None:
    with serving(staff.folder) as served:
        open_branch(served, BRANCH, staff.manager)
        with held_write_lock(Folder(staff.folder).database):
            refused = served.command(
                BRANCH, "IssueTicket", {"service_id": "cash"}, token=staff.manager, key="locked"
            )
            assert (refused.status, refused.json["code"]) == (503, "database_locked")
            assert refused.headers["retry-after"]
            assert str(staff.folder) not in refused.body.decode(), "paths are for the server's log"
            ill = served.ask("GET", "/healthz")
            assert (ill.status, ill.json["trouble_code"]) == (503, "database_locked")
            assert not ill.json["is_ok"]
            assert ill.json["remedy"]
            reading = served.ask("GET", f"/api/branches/{BRANCH}/hall", token=staff.manager)
            assert reading.status == 200, "screens go on"
        assert served.ask("GET", "/healthz").status == 200
        again = served.command(
            BRANCH, "IssueTicket", {"service_id": "cash"}, token=staff.manager, key="locked"
        )
        assert again.status == 200
        assert again.json["events"][0]["number"] == "A001"
        assert served.stop() == 0
    check_sound(staff)


@pytest.mark.skipif(shutil.which("gcc") is None, reason="the disk's shim is built with gcc")
def test_a_full_disk_is_said_and_service_resumes_by_itself(staff: Staffed, tmp_path: Path) -> None:
    fault = staff.folder / "fault"
    watched = disk.environment(disk.build_shim(tmp_path), staff.folder, tmp_path / "journal")
    with serving(staff.folder, environment=watched) as served:
        open_branch(served, BRANCH, staff.manager)

        def issue(key: str) -> Reply:
            return served.command(BRANCH, "IssueTicket", {"service_id": "cash"}, token=staff.manager, key=key)

        assert issue("before").status == 200
        position = served.ask("GET", "/healthz").json["position"]
        fault.write_text("W")  # every write to the folder finds no space left
        refused = issue("during")
        assert (refused.status, refused.json["code"]) == (503, "disk_full")
        assert refused.headers["retry-after"]
        for _ in range(3):
            ill = served.ask("GET", "/healthz")
            assert (ill.status, ill.json["trouble_code"]) == (503, "disk_full")
            assert ill.json["remedy"]
        fault.unlink()
        well = served.ask("GET", "/healthz")
        assert (well.status, well.json["position"]) == (200, position)
        assert issue("during").json["events"][0]["number"] == "A002", "what was refused left nothing behind"
        assert issue("before").json["events"][0]["number"] == "A001"
        assert served.stop() == 0
    check_sound(staff)


# --- stopping ----------------------------------------------------------------------------------------

STOP_SECONDS_AT_MOST = 10
"""A service manager kills after thirty; here the line is drawn earlier, on a machine that is busy."""


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT])
def test_a_server_with_open_streams_stops_within_seconds(staff: Staffed, kind: signal.Signals) -> None:
    with serving(staff.folder) as served:
        open_branch(served, BRANCH, staff.manager)
        streams = [Stream(served, staff.tokens["display"]) for _ in range(5)]
        for stream in streams:
            stream.first_id()
        served.process.send_signal(kind)
        assert served.process.wait(STOP_SECONDS_AT_MOST) == 0
        for stream in streams:
            stream.rest()
            stream.close()
    check_sound(staff)


HALF = (
    b"POST /api/session HTTP/1.1\r\nhost: hall\r\ncontent-type: application/json\r\n"
    b"content-length: 100\r\n\r\n{"
)


def test_a_request_that_was_sent_by_half_holds_up_no_stop(staff: Staffed) -> None:
    with serving(staff.folder) as served, socket.create_connection((HOST, served.port)) as half:
        open_branch(served, BRANCH, staff.manager)
        half.sendall(HALF)
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(STOP_SECONDS_AT_MOST) == 0
        said = served.log.read_text()
        assert "Requests were still open" in said
        assert "Traceback" not in said
    check_sound(staff)


def test_a_second_signal_while_stopping_harms_nothing(staff: Staffed) -> None:
    with serving(staff.folder) as served:
        open_branch(served, BRANCH, staff.manager)
        stream = Stream(served, staff.tokens["display"])
        stream.first_id()
        acknowledged = [
            served.command(BRANCH, "IssueTicket", {"service_id": "cash"}, token=staff.manager, key=f"k{n}")
            for n in range(10)
        ]
        served.process.send_signal(signal.SIGTERM)
        served.process.send_signal(signal.SIGTERM)
        served.process.send_signal(signal.SIGINT)
        assert served.process.wait(STOP_SECONDS_AT_MOST) in {0, -signal.SIGTERM, -signal.SIGINT}
        stream.close()
    check_sound(staff)
    with serving(staff.folder) as served:
        for number, reply in enumerate(acknowledged):
            again = served.command(
                BRANCH, "IssueTicket", {"service_id": "cash"}, token=staff.manager, key=f"k{number}"
            )
            assert again.body == reply.body
        served.stop()


# --- starting ----------------------------------------------------------------------------------------


def start_and_fail(folder: Path, port: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        serve_command(folder, port),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )


def test_a_second_server_on_the_same_folder_is_refused_and_told_who_has_it(staff: Staffed) -> None:
    with serving(staff.folder) as served:
        failed = start_and_fail(staff.folder, free_port())
        assert failed.returncode == 1
        assert "already_open" in failed.stderr
        assert str(served.process.pid) in failed.stderr
        assert "What to do" in failed.stderr
        assert served.ask("GET", "/healthz").status == 200
        served.stop()


def test_a_port_that_is_taken_is_said_with_a_remedy(staff: Staffed, tmp_path: Path) -> None:
    other = staffed(tmp_path / "other" / "bank")
    with serving(staff.folder) as served:
        failed = start_and_fail(other.folder, served.port)
        assert failed.returncode == 1
        assert "port_in_use" in failed.stderr
        assert "--port" in failed.stderr
        assert served.ask("GET", "/healthz").status == 200
        served.stop()
    with serving(other.folder) as later:
        assert later.ask("GET", "/healthz").status == 200, "nothing was left behind"
        later.stop()

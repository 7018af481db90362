"""Does a server that is told to stop under load keep what it answered, and do its screens find the next one?

The screens are real connections that do what a browser's EventSource does: note the last event's id and the
time after which to come back, and ask again until somebody answers.
"""

from __future__ import annotations

import asyncio
import http.client
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from openhall.app.folder import Folder
from openhall.app.settings import Settings
from openhall.hall.model import ROOM as HALL
from openhall.kernel.event import Recorded
from openhall.log.sqlite import SqliteStore
from openhall.log.verify import verify
from openhall.web.stream import RETRY_MS, RETURNS_OVER_MS
from tests.race.served import HOST, Served, free_port, serve_command, started
from tests.race.staffed import BRANCH, Staffed, staffed
from tests.race.test_rush import open_branch

pytestmark = pytest.mark.contract

OPENED_AT_ONCE = 100
CALLERS = 8
ANSWERS_BEFORE = 200
"""So many commands are answered before the signal, and others are under way when it comes."""
SECONDS_AT_MOST = 60.0
STOP_SECONDS_AT_MOST = 2 * Settings().service.stop_seconds
"""What is configured, and as long again for the log and the file; half of what the unit's manager waits."""
UNLIMITED = {f"OPENHALL_LIMITS_{who}_PER_SECOND": "0" for who in ("ACCOUNT", "DEVICE", "ADDRESS")}

RETRY = re.compile(rb"retry: (\d+)\n")
ID = re.compile(rb"id: (\d+)\n")
HALL_EVENT = re.compile(rb"id: (\d+)\nevent: hall\n")


class Screen:
    """One event stream, as a browser keeps it: over any number of connections."""

    def __init__(self, port: int, token: str) -> None:
        self._port, self._token = port, token
        self.since = -1
        """Where the first connection began."""
        self.last = -1
        self.heard: list[int] = []
        self.retries: list[int] = []
        self.resyncs = 0
        self.connections = 0
        self.opened = asyncio.Event()
        self.ended = asyncio.Event()
        self.wanted = 0
        """A position; `has_wanted` is set once this screen has come so far."""
        self.has_wanted = asyncio.Event()

    async def listen(self) -> None:
        """Connect, hear until it breaks off, wait as told, and again; until cancelled."""
        while True:
            try:
                reader, writer = await asyncio.open_connection(HOST, self._port)
            except OSError:
                await self._wait()
                continue
            try:
                writer.write(self._request())
                await self._hear(reader)
            except (OSError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()
            self.ended.set()
            await self._wait()

    async def _wait(self) -> None:
        await asyncio.sleep(self.retries[-1] / 1_000)

    def _request(self) -> bytes:
        resumed = f"last-event-id: {self.last}\r\n" if self.last >= 0 else ""
        return (
            f"GET /api/branches/{BRANCH}/stream HTTP/1.1\r\nhost: {HOST}\r\n"
            f"authorization: Bearer {self._token}\r\naccept: text/event-stream\r\n{resumed}\r\n"
        ).encode()

    async def _hear(self, reader: asyncio.StreamReader) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        assert b" 200 " in head.split(b"\r\n", 1)[0], head
        while size := int(await reader.readline(), 16):
            self._take(await reader.readexactly(size))
            await reader.readexactly(2)

    def _take(self, chunk: bytes) -> None:
        """The server sends whole frames in a chunk."""
        self.retries += map(int, RETRY.findall(chunk))
        if b"retry" in chunk and (found := ID.search(chunk)):
            self.since = self.since if self.connections else int(found[1])
            self.connections += 1
            self.opened.set()
        self.heard += map(int, HALL_EVENT.findall(chunk))
        self.resyncs += chunk.count(b"event: resync")
        self.last = max([self.last, *map(int, ID.findall(chunk))])
        if self.wanted and self.last >= self.wanted:
            self.has_wanted.set()


class Callers:
    """Threads that give tickets one after another, until the server is there no more."""

    def __init__(self, served: Served, token: str) -> None:
        self._served, self._token = served, token
        self._loop, self.has_answers = asyncio.get_running_loop(), asyncio.Event()
        self.answered: dict[str, bytes] = {}
        self.refused: list[int] = []
        self._threads = [threading.Thread(target=self._call, args=(n,)) for n in range(CALLERS)]
        for thread in self._threads:
            thread.start()

    def _call(self, number: int) -> None:
        for turn in range(1_000_000):
            key = f"caller-{number}-{turn}"
            try:
                reply = self._served.command(BRANCH, "RecordBaulk", {}, token=self._token, key=key)
            except (OSError, http.client.HTTPException):
                return
            if reply.status != 200:
                self.refused.append(reply.status)
                return
            self.answered[key] = reply.body
            if len(self.answered) >= ANSWERS_BEFORE:
                self._loop.call_soon_threadsafe(self.has_answers.set)

    def end(self) -> None:
        for thread in self._threads:
            thread.join(SECONDS_AT_MOST)


@contextmanager
def server(staff: Staffed, port: int) -> Iterator[Served]:
    log = staff.folder.parent / "server.log"
    with started(serve_command(staff.folder, port), port, log, {**os.environ, **UNLIMITED}) as served:
        yield served


def events_in(staff: Staffed) -> list[Recorded]:
    with SqliteStore.open_to_read(Folder(staff.folder).database) as store:
        assert verify(store, [HALL], is_each_command_checked=True).is_sound
        return list(store.read(place=BRANCH))


async def _until_all(moments: list[asyncio.Event]) -> None:
    async with asyncio.timeout(SECONDS_AT_MOST):
        for moment in moments:
            await moment.wait()


async def _play(staff: Staffed, count: int) -> tuple[list[Screen], dict[str, bytes], dict[str, float]]:
    """Screens open, commands come, the server is told to stop, another one starts; what everybody saw."""
    port, token = free_port(), staff.tokens["display"]
    screens = [Screen(port, token) for _ in range(count)]
    tasks: list[asyncio.Task[None]] = []
    figures: dict[str, float] = {"streams": count}
    with server(staff, port) as served:
        await asyncio.to_thread(open_branch, served, BRANCH, staff.manager)
        for first in range(0, count, OPENED_AT_ONCE):
            batch = screens[first : first + OPENED_AT_ONCE]
            tasks += [asyncio.create_task(screen.listen()) for screen in batch]
            await _until_all([screen.opened for screen in batch])
        callers = Callers(served, staff.manager)
        await _until_all([callers.has_answers])
        began = time.monotonic()
        served.process.send_signal(signal.SIGTERM)
        code = await asyncio.to_thread(served.process.wait, STOP_SECONDS_AT_MOST)
        figures["stop_seconds"] = round(time.monotonic() - began, 2)
        await asyncio.to_thread(callers.end)
        assert code == 0, served.log.read_text()[-2_000:]
        await _until_all([screen.ended for screen in screens])
    figures["answered"] = len(callers.answered)
    figures["refused"] = len(callers.refused)
    assert set(callers.refused) <= {503}, "whoever came too late is told to come again"
    for screen in screens:
        screen.opened.clear()
    with server(staff, port) as served:
        began = time.monotonic()
        await _until_all([screen.opened for screen in screens])
        figures["back_seconds"] = round(time.monotonic() - began, 2)
        for key, body in list(callers.answered.items())[-20:]:
            again = await asyncio.to_thread(
                served.command, BRANCH, "RecordBaulk", {}, token=staff.manager, key=key
            )
            assert again.body == body
        position = served.ask("GET", "/healthz").json["position"]
        for screen in screens:
            screen.wanted = position + 1
        await asyncio.to_thread(served.command, BRANCH, "RecordBaulk", {}, token=staff.manager)
        await _until_all([screen.has_wanted for screen in screens])
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert await asyncio.to_thread(served.stop) == 0
    return screens, callers.answered, figures


@pytest.mark.timeout(180)
@pytest.mark.parametrize("count", [300, pytest.param(2_000, marks=pytest.mark.soak)])
def test_a_stop_under_load_loses_no_answer_and_no_event(
    tmp_path: Path, count: int, capsys: pytest.CaptureFixture[str]
) -> None:
    staff = staffed(tmp_path / "bank")
    screens, answered, figures = asyncio.run(_play(staff, count))
    with capsys.disabled():
        sys.stdout.write(f"{figures}\n")  # what `pytest -m soak` is run for
    log = events_in(staff)
    assert answered.keys() <= {event.command_id for event in log}, "what was answered is in the log"
    positions = [event.position for event in log]
    for screen in screens:
        assert screen.heard == [p for p in positions if screen.since < p <= screen.heard[-1]]
        assert screen.resyncs == 0
        assert screen.connections == 2, "one connection to each server"
        assert RETRY_MS <= screen.retries[1] <= RETRY_MS + RETURNS_OVER_MS, "told when to come back"
    assert len({screen.retries[1] for screen in screens}) > count / 10, "not all at the same moment"

"""The client process of the bench: `python -m openhall.cli.bench.client PORT`, jobs in, reports out.

Cheap on purpose, so that on two cores the server is what is measured: no tasks and no futures while it runs,
requests made of prepared bytes, and of an answer only its status and length are read.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from time import perf_counter, perf_counter_ns, process_time
from typing import Any, Protocol, cast

import msgspec

from openhall.cli.bench import jobs

HOST = "127.0.0.1"
HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length: "
LISTENERS_AT_ONCE = 50
"""Streams opened together: the server's queue of new connections is finite."""

_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Prepared:
    """A request whose bytes are ready but for the key."""

    _count = 0

    def __init__(self, path: str, token: str, body: dict[str, Any]) -> None:
        encoded = msgspec.json.encode(body)
        self._before = (
            f"POST {path} HTTP/1.1\r\nhost: {HOST}\r\nauthorization: Bearer {token}\r\n"
            f"content-type: application/json\r\naccept: application/json\r\n"
            f"content-length: {len(encoded)}\r\nidempotency-key: bench-{os.getpid()}-"
        ).encode()
        self._after = HEAD_END + encoded

    def bytes(self) -> bytes:
        """The request under a fresh key."""
        Prepared._count += 1
        return b"%b%d%b" % (self._before, Prepared._count, self._after)


def command(seat: jobs.Seat, name: str, **fields: str) -> Prepared:
    """A command to a seat's branch."""
    return Prepared(f"/api/branches/{seat.branch}/commands/{name}", seat.token, fields)


class Script(Protocol):
    """What one connection does: the next request after each answer, or None when it is done."""

    refused: int
    """Answers that say no where none should."""

    def ask(self) -> bytes | None:
        """The next request."""
        ...

    def hear(self, status: int, body: bytes, latency_ns: int) -> None:
        """An answer came."""
        ...


class Line(asyncio.Protocol):
    """One keep-alive connection that carries out one script after another."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._script: Script | None = None
        self._on_done: Callable[[], None] = lambda: None
        self._on_hung_up: Callable[[], None] | None = None
        self._part = b""
        self._sent_ns = 0

    @property
    def is_open(self) -> bool:
        """Whether the server has not hung up: it does on a line that is idle for some time."""
        return self._transport is not None and not self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way to send."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, error: Exception | None) -> None:
        """A line that breaks in the middle of a script ends the bench, where nobody sends it again."""
        if self._script is None:
            return
        if self._on_hung_up is None or self._part:
            sys.exit(f"the server closed a connection: {error}")
        self._on_hung_up()

    def run(
        self, script: Script, on_done: Callable[[], None], on_hung_up: Callable[[], None] | None = None
    ) -> None:
        """Begin a script. On a line that was idle it may cross with the server's hanging up: `on_hung_up`."""
        self._script, self._on_done, self._on_hung_up = script, on_done, on_hung_up
        self._go_on()

    def _go_on(self) -> None:
        assert self._script is not None
        assert self._transport is not None
        request = self._script.ask()
        if request is None:
            self._script = None
            self._on_done()
            return
        self._sent_ns = perf_counter_ns()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Part of an answer, or all of it."""
        heard_ns = perf_counter_ns()
        if self._part:
            data, self._part = self._part + data, b""
        head = data.find(HEAD_END)
        at = data.find(LENGTH, 0, head)
        if head < 0 or len(data) < head + 4 + int(data[at + len(LENGTH) : data.find(b"\r", at)]):
            self._part = data
            return
        assert self._script is not None
        self._script.hear(int(data[9:12]), data[head + 4 :], heard_ns - self._sent_ns)
        self._go_on()


class Until:
    """Goes round and round its requests until a moment; the next run goes on where this one ended.

    Without a moment it goes on to the end of the round, so that every customer has left the counter.
    """

    def __init__(self, requests: Sequence[Prepared]) -> None:
        self._requests = requests
        self._index = 0
        self.until_ns = 0
        self.latencies_us: list[int] = []
        self.refused = 0

    def begin(self, until_ns: int) -> None:
        """Count anew."""
        self.until_ns, self.latencies_us, self.refused = until_ns, [], 0

    def ask(self) -> bytes | None:
        """The next request while there is time."""
        if perf_counter_ns() >= self.until_ns and (self.until_ns or self._index == 0):
            return None
        request = self._requests[self._index]
        self._index = (self._index + 1) % len(self._requests)
        return request.bytes()

    def hear(self, status: int, body: bytes, latency_ns: int) -> None:
        """Count."""
        del body
        self.latencies_us.append(latency_ns // 1_000)
        self.refused += status != 200


class Kiosk:
    """Issues so many tickets and notes their numbers."""

    def __init__(self, seat: jobs.Seat, count: int) -> None:
        self._request = command(seat, "IssueTicket", service_id="cash")
        self._left = count
        self.numbers: list[str] = []
        self.refused = 0

    def ask(self) -> bytes | None:
        """The next ticket."""
        self._left -= 1
        return self._request.bytes() if self._left >= 0 else None

    def hear(self, status: int, body: bytes, latency_ns: int) -> None:
        """Note the number."""
        del latency_ns
        if status == 200:
            self.numbers += [event["number"] for event in _decode(body)["events"]]
        else:
            self.refused += 1


class Caller:
    """Presses Next, Start and Finish at one counter until nobody waits."""

    def __init__(self, seat: jobs.Seat) -> None:
        steps = ("CallNext", "StartService", "FinishService")
        self._requests = [command(seat, name, counter_id=seat.counter) for name in steps]
        self._step = 0
        self._is_over = False
        self.called: list[str] = []
        self.next_us: list[int] = []
        self.refused = 0

    def ask(self) -> bytes | None:
        """The next step."""
        return None if self._is_over else self._requests[self._step].bytes()

    def hear(self, status: int, body: bytes, latency_ns: int) -> None:
        """Note who was called and how long it took."""
        if status == 200:
            if self._step == 0:
                self.called += [event["ticket_id"] for event in _decode(body)["events"]]
                self.next_us.append(latency_ns // 1_000)
            self._step = (self._step + 1) % len(self._requests)
            return
        self._is_over = True
        self.refused += _decode(body).get("code") != "nobody_waiting"


class Listener(asyncio.Protocol):
    """One event stream: counts the events and keeps nothing."""

    def __init__(self, request: bytes, on_event: Callable[[], None], ready: asyncio.Future[None]) -> None:
        self._request = request
        self._on_event = on_event
        self._ready = ready
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the stream."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Count events; the first beat says that the stream stands."""
        if not self._ready.done() and b"retry:" in data:
            self._ready.set_result(None)
        for _ in range(data.count(b"event: hall")):
            self._on_event()

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.abort()


class Client:
    """Carries out jobs, one at a time."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._lines: dict[str, list[Line]] = {}
        self._noops: dict[str, list[Until]] = {}
        self._mixes: dict[str, list[Until]] = {}
        self._listeners: list[Listener] = []
        self._heard_count = 0
        self._all_heard: asyncio.Future[None] | None = None

    async def carry_out(self, job: jobs.Job) -> jobs.Report:
        """One job."""
        match job:
            case jobs.Connect():
                return await self._connect(job)
            case jobs.Run():
                return await self._run_group(job)
            case jobs.Drain():
                return await self._drain(job)
            case jobs.Listen():
                return await self._listen(job)
            case jobs.Tell():
                return await self._tell(job)
            case jobs.Hang():
                return self._hang()

    async def _open(self, count: int) -> list[Line]:
        loop = asyncio.get_running_loop()
        return [(await loop.create_connection(Line, HOST, self._port))[1] for _ in range(count)]

    async def _play(self, lines: Sequence[Line], scripts: Sequence[Script]) -> None:
        """Run a script on each line; back when the last is done."""
        left = len(scripts)
        finished = asyncio.get_running_loop().create_future()

        def one_done() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                finished.set_result(None)

        for line, script in zip(lines, scripts, strict=True):
            line.run(script, one_done)
        await finished

    async def _connect(self, job: jobs.Connect) -> jobs.Report:
        self._lines[job.group] = await self._open(len(job.seats))
        self._noops[job.group] = [
            Until([Prepared("/api/noop", seats[0].token, {"counter_id": seats[0].counter})])
            for seats in job.seats
        ]
        self._mixes[job.group] = [Until(_mix(seats)) for seats in job.seats]
        return jobs.Done()

    async def _run_group(self, job: jobs.Run) -> jobs.Report:
        scripts = (self._noops if job.is_noop else self._mixes)[job.group]
        cpu, began = process_time(), perf_counter()
        until_ns = perf_counter_ns() + int(job.seconds * 1e9) if job.seconds else 0
        for script in scripts:
            script.begin(until_ns)
        await self._play(self._lines[job.group], scripts)
        return jobs.Ran(
            seconds=perf_counter() - began,
            latencies_us=[us for script in scripts for us in script.latencies_us],
            refused=sum(script.refused for script in scripts),
            client_cpu_seconds=process_time() - cpu,
        )

    async def _drain(self, job: jobs.Drain) -> jobs.Report:
        lines = await self._open(max(job.kiosks_count, len(job.counters)))
        share = -(-job.tickets_count // job.kiosks_count)
        counts = [min(share, max(0, job.tickets_count - share * index)) for index in range(job.kiosks_count)]
        kiosks = [Kiosk(jobs.Seat(job.branch, "", job.token), count) for count in counts]
        await self._play(lines[: len(kiosks)], kiosks)
        callers = [Caller(jobs.Seat(job.branch, counter, job.token)) for counter in job.counters]
        await self._play(lines[: len(callers)], callers)
        return jobs.Drained(
            numbers=[number for kiosk in kiosks for number in kiosk.numbers],
            called=[ticket for caller in callers for ticket in caller.called],
            next_us=[caller.next_us for caller in callers],
            refused=sum(kiosk.refused for kiosk in kiosks) + sum(caller.refused for caller in callers),
        )

    async def _listen(self, job: jobs.Listen) -> jobs.Report:
        loop = asyncio.get_running_loop()
        request = (
            f"GET /api/branches/{job.branch}/stream HTTP/1.1\r\nhost: {HOST}\r\n"
            f"authorization: Bearer {job.token}\r\naccept: text/event-stream\r\n\r\n"
        ).encode()
        for start in range(0, job.listeners_count, LISTENERS_AT_ONCE):
            ready = []
            for _ in range(min(LISTENERS_AT_ONCE, job.listeners_count - start)):
                ready.append(loop.create_future())
                listener = Listener(request, self._note_event, ready[-1])
                await loop.create_connection(lambda listener=listener: listener, HOST, self._port)  # type: ignore[misc]
                self._listeners.append(listener)
            await asyncio.gather(*ready)
        return jobs.Done()

    def _note_event(self) -> None:
        self._heard_count -= 1
        if self._heard_count == 0 and self._all_heard is not None:
            self._all_heard.set_result(None)

    async def _tell(self, job: jobs.Tell) -> jobs.Report:
        (line,) = await self._open(1)
        for _ in range(job.events_count):
            self._heard_count = len(self._listeners)
            self._all_heard = asyncio.get_running_loop().create_future()
            door = _Once(command(jobs.Seat(job.branch, "", job.token), "RecordBaulk"))
            await self._play([line], [door])
            if door.refused:
                sys.exit("an event was refused")
            if self._listeners:
                await self._all_heard
        return jobs.Done()

    def _hang(self) -> jobs.Report:
        for listener in self._listeners:
            listener.close()
        self._listeners = []
        return jobs.Done()


class _Once:
    """One request."""

    def __init__(self, request: Prepared) -> None:
        self._request: Prepared | None = request
        self.refused = 0

    def ask(self) -> bytes | None:
        request, self._request = self._request, None
        return request.bytes() if request else None

    def hear(self, status: int, body: bytes, latency_ns: int) -> None:
        del body, latency_ns
        self.refused += status != 200


def _mix(seats: Sequence[jobs.Seat]) -> list[Prepared]:
    """Issue, call, start, finish at each seat in turn: as many leave the line as join it."""
    requests = []
    for seat in seats:
        requests.append(command(seat, "IssueTicket", service_id="cash"))
        requests += [
            command(seat, name, counter_id=seat.counter)
            for name in ("CallNext", "StartService", "FinishService")
        ]
    return requests


async def _serve(port: int) -> None:
    client = Client(port)
    while job := await asyncio.to_thread(sys.stdin.buffer.readline):
        report = await client.carry_out(jobs.job_decoder.decode(job))
        sys.stdout.buffer.write(jobs.encode(report) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))

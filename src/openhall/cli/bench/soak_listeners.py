"""The screens of the soak: `python -m openhall.cli.bench.soak_listeners`, jobs in, reports out.

Each stream is a real one over its own connection. A listener keeps the positions that it was sent, and in the
end they must be those of the log: none left out, none twice, none out of order.
"""

from __future__ import annotations

import asyncio
import re
import sys
from array import array
from bisect import bisect_right
from time import process_time
from typing import cast

from openhall.cli.bench import soak_jobs as jobs
from openhall.cli.bench.client import HOST

AT_ONCE = 50
"""Streams opened together: the server's queue of new connections is finite."""
CONNECT_SECONDS = 30.0
LOOK_SECONDS = 0.1
FRAME_END = b"\n\n"
BEGUN = re.compile(rb"retry: \d+\nid: (\d+)\n")
EVENT = re.compile(rb"id: (\d+)\nevent: hall\n")
RESYNC = re.compile(rb"id: (\d+)\nevent: resync\n")


class Listener(asyncio.Protocol):
    """One event stream of one branch."""

    def __init__(self, branch: str, request: bytes) -> None:
        self.branch = branch
        self.begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.since = 0
        """Position after which events were to come."""
        self.positions = array("q")
        self.resyncs = 0
        self.is_broken = False
        self.deliveries = 0
        self._request = request
        self._part = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the stream."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Note the positions of whole frames; the beginning of the next one waits for its rest.

        The server sends each frame in one chunk, so no chunk's length stands inside one.
        """
        self.deliveries += 1
        if self._part:
            data = self._part + data
        end = data.rfind(FRAME_END)
        if end < 0:
            self._part = data
            return
        self._part = data[end + 2 :]
        if not self.begun.done() and (found := BEGUN.search(data)):
            self.since = int(found[1])
            self.begun.set_result(None)
        self.positions.extend(map(int, EVENT.findall(data, 0, end)))
        self.resyncs += len(RESYNC.findall(data, 0, end))

    def connection_lost(self, error: Exception | None) -> None:
        """The server has ended it."""
        del error
        self.is_broken = True
        if not self.begun.done():
            self.begun.set_exception(ConnectionError(f"no stream of {self.branch}"))

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.abort()


def compare(heard: array[int], since: int, log: list[int]) -> tuple[int, int]:
    """How many positions of the log after `since` were not heard, and how many came again or too late."""
    expected = set(log[bisect_right(log, since) :])
    last, missed, repeated = log[-1] if log else 0, expected, 0
    latest = since
    for position in heard:
        if position <= latest:
            repeated += 1
        else:
            latest = position
        if position <= last:
            missed.discard(position)
    return len(missed), repeated


class Listeners:
    """All streams of this process."""

    def __init__(self) -> None:
        self._every: list[Listener] = []

    async def carry_out(self, job: jobs.Job) -> jobs.Report:
        """One job."""
        if isinstance(job, jobs.Listen):
            await self._open(job)
        elif isinstance(job, jobs.Compare):
            return await self._compare(job)
        return jobs.Done()

    async def _open(self, job: jobs.Listen) -> None:
        loop = asyncio.get_running_loop()
        for first in range(0, job.count, AT_ONCE):
            fresh = []
            for number in range(first, min(first + AT_ONCE, job.count)):
                post = job.posts[number % len(job.posts)]
                request = (
                    f"GET /api/branches/{post.branch}/stream HTTP/1.1\r\nhost: {HOST}\r\n"
                    f"authorization: Bearer {post.tokens['display']}\r\naccept: text/event-stream\r\n\r\n"
                ).encode()
                listener = Listener(post.branch, request)
                await loop.create_connection(lambda made=listener: made, HOST, job.port)  # type: ignore[misc]
                fresh.append(listener)
            async with asyncio.timeout(CONNECT_SECONDS):
                await asyncio.gather(*(listener.begun for listener in fresh))
            self._every += fresh

    async def _compare(self, job: jobs.Compare) -> jobs.Heard:
        """What is still under way has some seconds to come."""
        for _look in range(round(job.wait_seconds / LOOK_SECONDS)):
            if all(_is_complete(each, job) for each in self._every):
                break
            await asyncio.sleep(LOOK_SECONDS)
        broken = sum(listener.is_broken for listener in self._every)
        found = [compare(each.positions, each.since, job.positions[each.branch]) for each in self._every]
        for listener in self._every:
            listener.close()
        return jobs.Heard(
            deliveries=sum(listener.deliveries for listener in self._every),
            missed=sum(missed for missed, _ in found),
            repeated=sum(repeated for _, repeated in found),
            resyncs=sum(listener.resyncs for listener in self._every),
            broken=broken,
            cpu_seconds=process_time(),
        )


def _is_complete(listener: Listener, job: jobs.Compare) -> bool:
    log = job.positions[listener.branch]
    latest = listener.positions[-1] if listener.positions else listener.since
    return listener.is_broken or not log or latest >= log[-1]


async def _serve() -> None:
    listeners = Listeners()
    while job := await asyncio.to_thread(sys.stdin.buffer.readline):
        report = await listeners.carry_out(jobs.job_decoder.decode(job))
        sys.stdout.buffer.write(jobs.encode(report) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    asyncio.run(_serve())

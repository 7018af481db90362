"""The writer: one inbox, one loop, one commit for whatever has gathered.

All branches of a process share it. A branch-day so has one writer by construction, and one sync of the disk
serves every branch that asked for something meanwhile. Deciding happens in the event loop, between awaits;
only `store.commit` and replays run in the writer's one thread.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Self, TypeVar

import msgspec

from openhall.kernel.event import Answer, Request, StreamId
from openhall.kernel.refusal import Refusal
from openhall.kernel.trouble import Trouble
from openhall.log.book import Book, Result
from openhall.log.troubles import CommandFailed, WriterBusy, WriterStopped

INBOX_MAX = 10_000
"""Commands that may wait; one more is told to come again."""

BATCH_MAX = 512
"""Commands decided together: bounds how long the loop is held and how long the first of them waits."""

T = TypeVar("T")
_log = logging.getLogger(__name__)


class Health(msgspec.Struct, frozen=True):
    """How the writer is doing: whether a command sent now would be kept, and if not, why."""

    is_ok: bool
    position: int
    waiting_count: int
    streams_loaded_count: int
    trouble_code: str = ""
    trouble: str = ""
    remedy: str = ""


class Writer:
    """Puts requests through a book, in order of arrival, and answers each one."""

    def __init__(
        self,
        book: Book,
        *,
        inbox_max: int = INBOX_MAX,
        batch_max: int = BATCH_MAX,
        seconds: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._book = book
        self._seconds = seconds
        self._inbox_max = inbox_max
        self._batch_max = batch_max
        self._inbox: deque[tuple[Request, asyncio.Future[Result]]] = deque()
        self._pings: list[asyncio.Future[Health]] = []
        self._wake = asyncio.Event()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="openhall-log")
        self._task: asyncio.Task[None] | None = None
        self._is_stopping = False
        self._trouble: Trouble | None = None
        self.on_commit: Callable[[float, int], None] = lambda _seconds, _commands_count: None
        """Is told how long each commit took, and how many commands shared it."""

    async def start(self) -> None:
        """Begin to take commands."""
        self._task = asyncio.create_task(self._run(), name="openhall-log-writer")

    async def stop(self) -> None:
        """Take no more commands, carry out those that wait, and end."""
        self._is_stopping = True
        self._wake.set()
        if self._task is not None:
            await self._task
        self._thread.shutdown()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def waiting_count(self) -> int:
        """Commands in the inbox."""
        return len(self._inbox)

    async def submit(self, request: Request) -> Answer | Refusal:
        """Carry out one command; it is on disk when this returns. Raises `Trouble`.

        Who stops waiting (a client that hangs up) does not stop the command: a retry learns its outcome.
        """
        self._refuse_when_stopping()
        if len(self._inbox) >= self._inbox_max:
            raise WriterBusy(f"{len(self._inbox)} commands are waiting", place="writer")
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._inbox.append((request, future))
        self._wake.set()
        result = await future
        if isinstance(result, Trouble):
            raise result
        return result

    async def check_health(self) -> Health:
        """Go the way of a command, through the loop, the thread and the store's write lock.

        It leaves no event. After a failed commit it also writes and syncs, so that it says when service
        has resumed. Never raises: what is wrong is in the answer.
        """
        if self._is_stopping or self._task is None or self._task.done():
            return self._health(WriterStopped("the writer is not running", place="writer"))
        future: asyncio.Future[Health] = asyncio.get_running_loop().create_future()
        self._pings.append(future)
        self._wake.set()
        return await future

    def _refuse_when_stopping(self) -> None:
        if self._is_stopping or self._task is None:
            raise WriterStopped("the writer is not running", place="writer")

    async def _run(self) -> None:
        while True:
            if not self._inbox and not self._pings:
                if self._is_stopping:
                    return
                self._wake.clear()
                await self._wake.wait()
                continue
            if self._inbox:
                await self._supervise_batch()
            if self._pings:
                await self._answer_pings()

    async def _supervise_batch(self) -> None:
        """One batch; whatever happens in it, each of its callers is answered and the loop goes on."""
        count = min(len(self._inbox), self._batch_max)
        taken = [self._inbox.popleft() for _ in range(count)]
        try:
            results = await self._carry_out([request for request, _ in taken])
        except Exception:  # noqa: BLE001 - the writer must outlive any fault; this is its supervisor
            _log.exception("A batch of %s commands failed", count)
            self._book.doubt()
            trouble = CommandFailed("the batch failed by a fault in the program", place="writer")
            results = [trouble] * count
        except BaseException:
            for _, future in taken:
                future.cancel()
            raise
        for (_, future), result in zip(taken, results, strict=True):
            if not future.done():
                future.set_result(result)

    async def _carry_out(self, requests: list[Request]) -> list[Result]:
        book = self._book
        for stream in {request.stream for request in requests}:
            if not book.is_loaded(stream):
                # A replay of a long day beside the loop, not in it. Trouble in it comes up again below.
                await self._in_thread(partial(_load, book, stream))
        try:
            batch = book.prepare(requests)
        except Trouble as trouble:
            self._trouble = trouble
            return [trouble] * len(requests)
        if not batch.has_news:
            return book.finish(batch, book.position)
        began = self._seconds()
        try:
            head = await self._in_thread(lambda: book.store.commit(batch.events, batch.outcomes))
        except Trouble as trouble:
            if self._trouble is None:
                _log.error("Commits fail: %s (%s)", trouble, trouble.code)
            self._trouble = trouble
            return book.abandon(batch, trouble)
        if self._trouble is not None:
            _log.warning("Commits work again")
        self._trouble = None
        self.on_commit(self._seconds() - began, len(batch.outcomes))
        return book.finish(batch, head)

    async def _answer_pings(self) -> None:
        pings, self._pings = self._pings, []
        is_durable = self._trouble is not None
        try:
            await self._in_thread(lambda: self._book.store.ping(is_durable=is_durable))
            self._trouble = None
        except Trouble as trouble:
            self._trouble = trouble
        except Exception as error:  # noqa: BLE001 - a health check reports; it must not end the writer
            _log.exception("A health check failed")
            self._trouble = CommandFailed(f"the health check failed: {error}", place="writer")
        health = self._health(self._trouble)
        for future in pings:
            if not future.done():
                future.set_result(health)

    def _health(self, trouble: Trouble | None) -> Health:
        return Health(
            is_ok=trouble is None,
            position=self._book.position,
            waiting_count=len(self._inbox),
            streams_loaded_count=self._book.streams_loaded_count,
            trouble_code=trouble.code if trouble else "",
            trouble=str(trouble) if trouble else "",
            remedy=trouble.remedy if trouble else "",
        )

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _load(book: Book, stream: StreamId) -> None:
    with suppress(Trouble):
        book.load(stream)

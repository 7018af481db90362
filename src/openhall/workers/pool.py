"""A few worker processes that answer questions within a deadline, or are replaced.

The serving process asks and goes on serving. A question that takes too long costs its worker the life, a
worker that dies is made anew, and the asker gets a `Trouble` either way.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import signal
from collections.abc import Callable
from concurrent.futures import CancelledError
from typing import TypeVar

from pebble import ProcessExpired, ProcessPool

from openhall.kernel.trouble import Trouble

WORKERS = 2
QUESTIONS_AT_MOST = 64
"""Questions under way; one more is refused: an answer that comes too late is no answer."""

STOP_SECONDS = 2.0
NICE = 10
"""Who serves people comes first: on a full machine a worker gets what the server leaves over."""

Answer = TypeVar("Answer")
_log = logging.getLogger(__name__)


class WorkerTrouble(Trouble):
    """No answer from a worker process. Nothing that people do depends on one."""

    code = "worker_trouble"
    remedy = "Nothing needs to be done: the plain rules answer until a worker does."


class WorkerLate(WorkerTrouble):
    """The answer did not come within the deadline; that worker was ended, and another is made."""

    code = "worker_late"


class WorkerDied(WorkerTrouble):
    """The worker ended before it answered; another is made."""

    code = "worker_died"


class WorkerFailed(WorkerTrouble):
    """The question could not be answered."""

    code = "worker_failed"
    remedy = "Look at the log of the server; the plain rules answer until a worker does."


class WorkersBusy(WorkerTrouble):
    """Too many questions are under way."""

    code = "workers_busy"


class Workers:
    """Worker processes, started with the first question."""

    def __init__(self, count: int = WORKERS, *, prepare: Callable[[], None] | None = None) -> None:
        self._count = count
        self._prepare = prepare
        self._pool: ProcessPool | None = None
        self._under_way = 0

    @property
    def count(self) -> int:
        """So many questions are answered beside each other."""
        return self._count

    async def ask(self, question: Callable[..., Answer], *about: object, seconds: float) -> Answer:
        """The answer of `question(*about)` from another process. All of it must be picklable.

        Raises `WorkerLate`, `WorkerDied`, `WorkerFailed` or `WorkersBusy`.
        """
        if self._under_way >= QUESTIONS_AT_MOST:
            raise WorkersBusy(f"{self._under_way} questions are under way", place="workers")
        name = question.__name__
        self._under_way += 1
        try:
            future = self._started().schedule(question, args=list(about), timeout=seconds)
            return await asyncio.wrap_future(future)
        except TimeoutError as error:
            raise WorkerLate(f"{name}: no answer within {seconds:g} s", place="workers") from error
        except ProcessExpired as error:
            raise WorkerDied(f"{name}: {error}", place="workers") from error
        except asyncio.CancelledError:
            raise
        except (CancelledError, RuntimeError) as error:
            # The pool itself is gone: the next question gets a new one.
            self._drop()
            raise WorkerDied(f"{name}: the workers are gone ({error})", place="workers") from error
        except Exception as error:
            raise WorkerFailed(f"{name}: {error!r}", place="workers") from error
        finally:
            self._under_way -= 1

    def stop(self) -> None:
        """End the processes, whatever they are at. A later question starts new ones."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.stop()  # type: ignore[no-untyped-call]
            pool.join(STOP_SECONDS)

    def _started(self) -> ProcessPool:
        if self._pool is None:
            # A fresh interpreter: a fork of a server with threads and an event loop would be a trap.
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPool(
                self._count, initializer=_begin, initargs=(self._prepare,), context=context
            )
        return self._pool

    def _drop(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.stop()  # type: ignore[no-untyped-call]


def _begin(prepare: Callable[[], None] | None) -> None:
    """In the worker: let the server go first, leave Ctrl-C to it, and have everything ready before the first
    question."""
    os.nice(NICE)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if prepare is not None:
        prepare()

"""Carry a study out: batches of replications on some crew, until its precision is reached."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from types import TracebackType
from typing import Protocol, Self

import msgspec

from openhall.kernel.trouble import Trouble
from openhall.science.study import plan as plans
from openhall.science.study import tasks
from openhall.science.study.plan import Plan
from openhall.science.study.precision import Precision, Verdict, judge
from openhall.science.study.sums import Sums
from openhall.science.study.tasks import Task
from openhall.workers.parts import PartsFile

POOLS_AT_MOST = 3
"""Processes that die again and again die of the study, not of an accident."""
TASKS_IN_HAND = 3
"""Tasks given out for each worker: the next is there when one is done, and little is lost with a worker."""


class WorkersLost(Trouble):
    """The worker processes of a study died again and again."""

    code = "workers_lost"
    remedy = "Most often memory ran out: use fewer --jobs. The finished parts are kept: go on with --resume."


class StudyInterrupted(Trouble):
    """The study was interrupted; there are no results yet."""

    code = "study_interrupted"
    remedy = "The finished parts are kept: the same command with --resume goes on from there."


class Crew(Protocol):
    """Whoever computes tasks of one plan. The order in which results come does not matter."""

    def results(self, wanted: Iterable[Task]) -> Iterator[bytes]:
        """The part of each task, as `tasks.to_bytes`, as they get done. Raises `Trouble`."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class InProcess:
    """This process itself."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def results(self, wanted: Iterable[Task]) -> Iterator[bytes]:
        """One task after the other."""
        for task in wanted:
            yield tasks.to_bytes(tasks.run(self._plan, task))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


# The plan of a worker process: sent once, when the process starts.
_plan: Plan | None = None


def _start(body: bytes) -> None:
    global _plan
    # Ctrl-C reaches the whole group of processes; only the one that a person looks at answers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _plan = plans.from_bytes(body)


def _work(task: Task) -> bytes:
    if _plan is None:
        raise AssertionError("Expected a plan before a task")
    return tasks.to_bytes(tasks.run(_plan, task))


class Processes:
    """Processes of this machine. One that dies is replaced, its tasks are done again."""

    def __init__(self, plan: Plan, count: int) -> None:
        self._body = plans.to_bytes(plan)
        self._count = count
        self._pools_left = POOLS_AT_MOST
        # The machine code is made once and kept on disk, before every process would make its own.
        tasks.run(plan, Task(0, 1, 0, 1))
        self._pool = self._new_pool()

    def _new_pool(self) -> ProcessPoolExecutor:
        self._pools_left -= 1
        return ProcessPoolExecutor(
            self._count,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_start,
            initargs=(self._body,),
        )

    def results(self, wanted: Iterable[Task]) -> Iterator[bytes]:
        """As they get done."""
        left = list(wanted)
        while left:
            done: set[Task] = set()
            try:
                for task, body in self._round(left):
                    done.add(task)
                    yield body
            except BrokenProcessPool as error:
                self._pool.shutdown(wait=True, cancel_futures=True)
                if not self._pools_left:
                    raise WorkersLost(str(error), place="worker processes") from error
                self._pool = self._new_pool()
            left = [task for task in left if task not in done]

    def _round(self, wanted: Sequence[Task]) -> Iterator[tuple[Task, bytes]]:
        waiting = iter(wanted)
        running: dict[Future[bytes], Task] = {}
        while True:
            for task in waiting:
                running[self._pool.submit(_work, task)] = task
                if len(running) >= self._count * TASKS_IN_HAND:
                    break
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                yield running.pop(future), future.result()

    def pids(self) -> list[int]:
        """Of the processes that work now."""
        return list(getattr(self._pool, "_processes", None) or ())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            # Nobody waits for what is being computed any more.
            for pid in self.pids():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
        self._pool.shutdown(wait=True, cancel_futures=True)


# --- the whole study ---------------------------------------------------------------------------------


class Progress(msgspec.Struct, frozen=True):
    """How far a study is: of the replications that it may take at most, and its precision so far."""

    branch_days: int
    branch_days_at_most: int
    replications: int
    verdict: Verdict | None


def carry_out(
    plan: Plan,
    precision: Precision,
    crew: Crew,
    *,
    parts: PartsFile | None = None,
    note: Callable[[Progress], None] = lambda _: None,
    customers_per_task: int = tasks.CUSTOMERS_PER_TASK,
) -> tuple[Sums, Verdict]:
    """Replications in batches, all policies on the same customers, until the precision or the maximum.

    The result depends on the plan and the precision only, not on the crew. Raises `Trouble`; on Ctrl-C
    `StudyInterrupted`.
    """
    sums = Sums.of(plan, precision.maximum)
    at_most = plan.branch_count * precision.maximum
    verdict: Verdict | None = None
    done = branch_days = 0
    try:
        while count := precision.next_batch(done):
            wanted = list(tasks.split(plan, first=done, count=count, customers_per_task=customers_per_task))
            for body in _bodies(wanted, crew, parts):
                part = tasks.from_bytes(body)
                sums.add(part)
                branch_days += part.task.branches * part.task.count
                note(Progress(branch_days, at_most, done, verdict))
            done += count
            verdict = judge(sums, precision, plan.policies)
            note(Progress(branch_days, at_most, done, verdict))
            if verdict.is_reached:
                break
    except KeyboardInterrupt as error:
        kept = str(parts.path) if parts else ""
        raise StudyInterrupted(f"{branch_days} of at most {at_most} branch-days done", place=kept) from error
    if verdict is None:
        raise AssertionError("Expected a precision that asks for replications")
    return sums, verdict


def _bodies(wanted: Sequence[Task], crew: Crew, parts: PartsFile | None) -> Iterator[bytes]:
    """What an earlier run has kept, then what is still missing."""
    kept = parts.kept if parts else {}
    missing = []
    for task in wanted:
        if body := kept.get(task.name):
            yield body
        else:
            missing.append(task)
    for body in crew.results(missing):
        if parts:
            parts.keep(body)
        yield body

"""Workers answer within a deadline or are replaced, and the asker is never left hanging."""

from __future__ import annotations

import asyncio
import faulthandler
import operator
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from openhall.workers import pool
from openhall.workers.pool import WorkerDied, WorkerFailed, WorkerLate, Workers, WorkersBusy

pytestmark = pytest.mark.unit
PATIENT = 60.0


@asynccontextmanager
async def one_worker() -> AsyncIterator[Workers]:
    workers = Workers(1, prepare=faulthandler.enable)
    try:
        yield workers
    finally:
        workers.stop()


def test_a_worker_is_prepared_answers_from_another_process_and_leaves_interrupts_to_the_server() -> None:
    async def ask() -> None:
        async with one_worker() as workers:
            assert await workers.ask(operator.mul, 2, 21, seconds=PATIENT) == 42
            assert await workers.ask(faulthandler.is_enabled, seconds=PATIENT)
            assert await workers.ask(signal.getsignal, signal.SIGINT, seconds=PATIENT) is signal.SIG_IGN
            assert await workers.ask(os.getpid, seconds=PATIENT) != psutil.Process().pid

    asyncio.run(ask())


def test_a_late_worker_costs_one_answer_and_its_life_and_the_next_question_is_answered() -> None:
    async def ask() -> None:
        async with one_worker() as workers:
            first = await workers.ask(os.getpid, seconds=PATIENT)
            with pytest.raises(WorkerLate, match=r"sleep: no answer within 0\.2 s"):
                await workers.ask(time.sleep, 30.0, seconds=0.2)
            assert await workers.ask(os.getpid, seconds=PATIENT) != first
            assert not psutil.pid_exists(first)

    asyncio.run(ask())


@pytest.mark.parametrize(
    ("question", "about", "trouble", "says"),
    [(os._exit, 7, WorkerDied, "_exit"), (int, "no such hall", WorkerFailed, "no such hall")],
)
def test_what_goes_wrong_in_a_worker_is_told_and_the_next_question_is_answered(
    question: Callable[[object], object], about: object, trouble: type[Exception], says: str
) -> None:
    async def ask() -> None:
        async with one_worker() as workers:
            with pytest.raises(trouble, match=says):
                await workers.ask(question, about, seconds=PATIENT)
            assert await workers.ask(operator.mul, 2, 4, seconds=PATIENT) == 8

    asyncio.run(ask())


def test_the_asker_goes_on_meanwhile_and_too_many_questions_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pool, "QUESTIONS_AT_MOST", 2)

    async def ask() -> None:
        async with one_worker() as workers:
            await workers.ask(os.getpid, seconds=PATIENT)
            slow = [asyncio.create_task(workers.ask(time.sleep, 0.3, seconds=PATIENT)) for _ in range(2)]
            turns = 0
            while not all(task.done() for task in slow):
                turns += 1
                if turns == 3:
                    with pytest.raises(WorkersBusy):
                        await workers.ask(os.getpid, seconds=PATIENT)
                await asyncio.sleep(0.01)
            assert turns > 20
            assert [task.result() for task in slow] == [None, None]

    asyncio.run(ask())


def test_stopping_ends_the_processes_and_a_later_question_starts_new_ones() -> None:
    async def ask() -> None:
        async with one_worker() as workers:
            before = await workers.ask(os.getpid, seconds=PATIENT)
            workers.stop()
            assert not psutil.pid_exists(before)
            assert await workers.ask(operator.mul, 2, 1, seconds=PATIENT) == 2

    asyncio.run(ask())


ORPHANING = """
import asyncio, os, signal
from openhall.workers.pool import Workers

async def ask():
    workers = Workers(2)
    print(await workers.ask(os.getpid, seconds=60), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    asyncio.run(ask())
"""


@pytest.mark.crash
def test_a_server_that_is_killed_leaves_no_worker_behind(tmp_path: Path) -> None:
    script = tmp_path / "orphaning.py"
    script.write_text(ORPHANING)
    ran = subprocess.run(
        [sys.executable, script],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PYTHONPATH": "."},
        check=False,
    )
    worker = int(ran.stdout)
    _, alive = psutil.wait_procs([psutil.Process(worker)] if psutil.pid_exists(worker) else [], timeout=20)
    assert not alive


def test_the_serving_process_does_not_carry_the_engine() -> None:
    """numpy and numba belong to the workers: a hundred megabytes and a second that no customer waits for."""
    code = (
        "import sys, openhall.app.build, openhall.web.site, openhall.workers.twin, openhall.app.twin_desk;"
        "print([m for m in ('numba', 'numpy', 'sklearn', 'scipy') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"

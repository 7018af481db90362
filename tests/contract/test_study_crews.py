"""Is a study equal to the bit on every crew: this process, processes, a Dask cluster that loses a worker?"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from openhall.science.study import tasks
from openhall.science.study.precision import Precision
from openhall.science.study.tasks import Task
from openhall.workers import cluster as clusters
from openhall.workers.cluster import Cluster, ClusterExtraMissing, ClusterUnreachable, ClusterWithoutWorkers
from openhall.workers.likeness import Likeness, likeness
from openhall.workers.parts import PartsFile
from openhall.workers.studies import InProcess, Processes, Progress, StudyInterrupted, WorkersLost, carry_out
from tests.studied import plan

PRECISION = Precision(half_width=1e-6, minimum=20, batch=20, maximum=60)
"""Never reached: three batches, so that there is a halfway."""
CUSTOMERS_PER_TASK = 500
READY_SECONDS = 60

Note = Callable[[Progress], None]


def digest_of(crew: Any, note: Note = lambda _: None, **more: Any) -> str:
    with crew:
        sums, verdict = carry_out(
            plan(), PRECISION, crew, note=note, customers_per_task=CUSTOMERS_PER_TASK, **more
        )
    assert verdict.replications == PRECISION.maximum
    assert not verdict.is_reached
    digest: str = sums.digest()
    return digest


@cache
def expected() -> str:
    return digest_of(InProcess(plan()))


class Halfway:
    """Does something once, when half of the study is done."""

    def __init__(self, what: Callable[[], None]) -> None:
        self.what, self.is_done = what, False

    def __call__(self, progress: Progress) -> None:
        if not self.is_done and progress.branch_days * 2 >= progress.branch_days_at_most:
            self.is_done = True
            self.what()


# --- processes ---------------------------------------------------------------------------------------


def test_processes_that_lose_one_halfway_give_what_one_process_gives() -> None:
    crew = Processes(plan(), 2)
    killed: list[int] = []

    def kill() -> None:
        killed.append(crew.pids()[0])
        os.kill(killed[0], signal.SIGKILL)

    assert digest_of(crew, Halfway(kill)) == expected()
    assert killed


def test_processes_that_die_again_and_again_are_given_up() -> None:
    crew = Processes(plan(), 1)

    def kill(_: Progress) -> None:
        for pid in crew.pids():
            os.kill(pid, signal.SIGKILL)

    with pytest.raises(WorkersLost):
        digest_of(crew, kill)


# --- a real cluster ----------------------------------------------------------------------------------


NOT_INSTALLED = """
import importlib.metadata, sys

known = importlib.metadata.version

def version(name):
    if name == "openhall":
        raise importlib.metadata.PackageNotFoundError(name)
    return known(name)

importlib.metadata.version = version
sys.modules["openhall"] = None
"""


class DaskCluster:
    """A scheduler and workers as processes of their own, bound to the loopback address.

    `without_openhall` is the program on whose machine openhall is not installed.
    """

    def __init__(self, folder: Path, workers: int, without_openhall: str = "") -> None:
        self._folder, self._without_openhall = folder, without_openhall
        file = folder / "scheduler.json"
        self._scheduler = self._start(
            "dask_scheduler", "--no-dashboard", "--port", "0", "--scheduler-file", file
        )
        self.address = self._address(file)
        self.workers = [self.start_worker() for _ in range(workers)]

    def start_worker(self) -> "subprocess.Popen[bytes]":
        return self._start(
            "dask_worker", self.address, "--no-nanny", "--no-dashboard", "--nthreads", "1",
            "--local-directory", self._folder, "--death-timeout", READY_SECONDS,
        )  # fmt: skip

    def _start(self, program: str, *words: object) -> "subprocess.Popen[bytes]":
        code = f"from distributed.cli.{program} import main; main()"
        if program == self._without_openhall:
            code = NOT_INSTALLED + code
        command = [sys.executable, "-c", code, "--host", "127.0.0.1"]
        log = (self._folder / f"{program}.log").open("ab")
        with log:
            return subprocess.Popen([*command, *map(str, words)], stdout=log, stderr=log, cwd=self._folder)

    def _address(self, file: Path) -> str:
        while self._scheduler.poll() is None:
            try:
                found: str = json.loads(file.read_text(encoding="utf-8"))["address"]
            except (FileNotFoundError, json.JSONDecodeError):
                # Nothing tells that the file is written: it has to be tried.
                os.sched_yield()
            else:
                return found
        raise AssertionError((self._folder / "dask_scheduler.log").read_text(encoding="utf-8"))

    def end_scheduler(self) -> None:
        self._scheduler.kill()

    def end(self) -> None:
        for process in (*self.workers, self._scheduler):
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    """Two workers."""
    found = DaskCluster(tmp_path_factory.mktemp("dask"), workers=2)
    try:
        yield found
    finally:
        found.end()


@pytest.mark.xdist_group("dask")
def test_a_cluster_gives_what_one_process_gives_though_a_worker_dies_halfway(dask: DaskCluster) -> None:
    crew = Cluster(plan(), dask.address)
    crew.wait_for(2)
    victim = dask.workers[0]

    def kill() -> None:
        os.kill(victim.pid, signal.SIGKILL)

    assert digest_of(crew, Halfway(kill)) == expected()
    assert victim.wait() == -signal.SIGKILL
    dask.workers[0] = dask.start_worker()


@pytest.mark.xdist_group("dask")
def test_a_worker_with_another_version_is_refused(dask: DaskCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = likeness()
    other = Likeness("0.0.0", ours.numba, ours.numpy, ours.python, ours.source)
    monkeypatch.setattr(clusters, "likeness", lambda: other)
    with pytest.raises(clusters.WorkerUnlike, match=r"tcp://127.* openhall: 0\.0\.0 here, "):
        digest_of(Cluster(plan(), dask.address))


def test_a_cluster_that_does_not_answer_is_trouble() -> None:
    with pytest.raises(ClusterUnreachable):
        Cluster(plan(), "tcp://127.0.0.1:9", connect_seconds=0.5)
    with pytest.raises(ClusterUnreachable):
        Cluster(plan(), "carrier-pigeon://loft", connect_seconds=0.5)


def test_a_cluster_without_workers_is_trouble(tmp_path: Path) -> None:
    dask = DaskCluster(tmp_path, workers=0)
    try:
        with pytest.raises(ClusterWithoutWorkers):
            Cluster(plan(), dask.address, without_workers_seconds=0.5)
    finally:
        dask.end()


@pytest.mark.parametrize("program", ["dask_worker", "dask_scheduler"])
def test_a_cluster_without_openhall_is_refused(tmp_path: Path, program: str) -> None:
    dask = DaskCluster(tmp_path, workers=1, without_openhall=program)
    try:
        with pytest.raises(clusters.WorkerUnlike):
            digest_of(Cluster(plan(), dask.address))
    finally:
        dask.end()


def test_a_scheduler_that_goes_away_halfway_is_trouble(tmp_path: Path) -> None:
    dask = DaskCluster(tmp_path, workers=1)
    try:
        with pytest.raises(clusters.ClusterLost):
            digest_of(Cluster(plan(), dask.address), Halfway(dask.end_scheduler))
    finally:
        dask.end()


def test_a_missing_extra_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ClusterExtraMissing):
        Cluster(plan(), "tcp://127.0.0.1:9")


# --- interrupted -------------------------------------------------------------------------------------


class Counting(InProcess):
    """Notes what it is asked for."""

    def __init__(self) -> None:
        super().__init__(plan())
        self.computed: list[Task] = []

    def results(self, wanted: Iterable[Task]) -> Iterator[bytes]:
        for task in wanted:
            self.computed.append(task)
            yield tasks.to_bytes(tasks.run(plan(), task))


def test_an_interrupted_study_goes_on_where_it_was(tmp_path: Path) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    path, first, second = tmp_path / "study.parts", Counting(), Counting()
    with PartsFile(path, "plan", resume=True) as parts, pytest.raises(StudyInterrupted):
        digest_of(first, Halfway(interrupt), parts=parts)
    with PartsFile(path, "plan", resume=True) as parts:
        assert digest_of(second, parts=parts) == expected()
    assert not set(first.computed) & set(second.computed)
    alone = Counting()
    digest_of(alone)
    assert sorted(first.computed + second.computed) == sorted(alone.computed)


def test_a_study_stops_at_the_first_look_that_is_precise_enough() -> None:
    with InProcess(plan()) as crew:
        sums, verdict = carry_out(plan(), Precision(half_width=60.0, minimum=20, maximum=60), crew)
    assert verdict.is_reached
    assert sums.whole_replications == 20

"""A study on a Dask cluster: the same tasks, the same parts, on machines of somebody else's."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from functools import lru_cache
from importlib import import_module
from importlib.metadata import version
from types import TracebackType
from typing import Any, Self

import msgspec

from openhall.kernel.trouble import Trouble
from openhall.science.study import plan as plans
from openhall.science.study import tasks
from openhall.science.study.plan import Plan
from openhall.science.study.tasks import Task
from openhall.workers.likeness import Likeness, likeness

CONNECT_SECONDS = 10
WITHOUT_WORKERS_SECONDS = 60
"""So long a cluster may have no worker at all, at the start or in the middle of a study."""
TASKS_IN_HAND = 3
"""Tasks given out for each thread of the cluster."""
PLANS_KEPT = 2
"""Plans that a worker keeps ready."""


class ClusterExtraMissing(Trouble):
    """Studies on a cluster need the package `distributed`, which is not installed."""

    code = "cluster_extra_missing"
    remedy = (
        "Install openhall with its extra `cluster`, or leave --cluster out to use this machine's processes."
    )


class ClusterUnreachable(Trouble):
    """The scheduler of the cluster does not answer."""

    code = "cluster_unreachable"
    remedy = "Check the address (`tcp://HOST:PORT` or `tls://HOST:PORT`), the certificates, and that it runs."


class ClusterWithoutWorkers(Trouble):
    """The cluster has no worker."""

    code = "cluster_without_workers"
    remedy = "Start workers with `dask worker ADDRESS`; the finished parts are kept: go on with --resume."


class ClusterLost(Trouble):
    """The cluster lost a task for good: its workers died with it again and again, or the scheduler went."""

    code = "cluster_lost"
    remedy = "Look at the workers' logs, most often memory ran out; then go on with --resume."


class WorkerUnlike(Trouble):
    """A worker of the cluster runs another version of the program, so its results could differ."""

    code = "worker_unlike"
    remedy = "Install the same openhall, numba, numpy and Python on all workers, and start them again."


class _Unlike(Exception):
    """Raised on a worker; pickled on its way here."""


@lru_cache(maxsize=PLANS_KEPT)
def _plan_of(body: bytes) -> Plan:
    return plans.from_bytes(body)


def _passed_on(body: bytes) -> bytes:
    """The plan as a result of the cluster: should the worker that holds it die, another gets it again."""
    return body


def _work(body: bytes, task: Task, expected: Likeness) -> bytes:
    """On a worker: a part, or a refusal. Checked with each task, because workers come at any time."""
    if differences := expected.differences(likeness()):
        worker = import_module("distributed").get_worker().address
        raise _Unlike(f"{worker}: {'; '.join(differences)}")
    return tasks.to_bytes(tasks.run(_plan_of(body), task))


def connect(address: str, seconds: float = CONNECT_SECONDS) -> tuple[Any, Any]:
    """Dask's module and a client of a scheduler. Raises ClusterExtraMissing, ClusterUnreachable."""
    try:
        # It has types in part only, and is not installed everywhere.
        distributed: Any = import_module("distributed")
    except ImportError as error:
        raise ClusterExtraMissing(str(error), place="distributed") from error
    # What goes wrong is said once, as `Trouble`.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    try:
        return distributed, distributed.Client(address, timeout=seconds, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        # An address of an unknown kind is a ValueError, one without certificates a TypeError.
        raise ClusterUnreachable(str(error), place=address) from error


def wait_for_workers(client: Any, count: int, address: str, patience: float) -> None:
    """Return when there are so many workers. Raises ClusterWithoutWorkers when they do not come."""
    try:
        client.wait_for_workers(count, timeout=patience)
    except TimeoutError as error:
        raise ClusterWithoutWorkers(str(error), place=address) from error


class Cluster:
    """The workers of a Dask scheduler. A worker may come or die at any time."""

    def __init__(
        self,
        plan: Plan,
        address: str,
        *,
        connect_seconds: float = CONNECT_SECONDS,
        without_workers_seconds: float = WITHOUT_WORKERS_SECONDS,
    ) -> None:
        self._address, self._patience = address, without_workers_seconds
        self._likeness = likeness()
        self._distributed, self._client = connect(address, connect_seconds)
        try:
            self.wait_for(1)
            self._require_openhall()
        except Trouble:
            self._client.close()
            raise
        # Names of tasks on the cluster: of this plan and this code, so that nothing else can answer to them.
        self._key = (
            "openhall-"
            + hashlib.sha256(msgspec.json.encode((plans.name_of(plan), self._likeness))).hexdigest()
        )
        self._body = self._client.submit(_passed_on, plans.to_bytes(plan), key=f"{self._key}-plan")

    def wait_for(self, workers: int) -> None:
        """Return when there are so many workers. Raises ClusterWithoutWorkers when they do not come."""
        wait_for_workers(self._client, workers, self._address, self._patience)

    def _require_openhall(self) -> None:
        """A worker without openhall cannot even read a task, and ends without a word. The question is put in
        terms of the standard library; versions are compared with each task."""
        with self._in_words():
            self._client.run(version, "openhall")

    def results(self, wanted: Iterable[Task]) -> Iterator[bytes]:
        """As they get done; lost workers' tasks are done again by others."""
        waiting = iter(wanted)
        running: set[Any] = set()
        try:
            while True:
                room = max(1, self._threads()) * TASKS_IN_HAND - len(running)
                while room > 0 and (task := next(waiting, None)) is not None:
                    running.add(self._submit(task))
                    room -= 1
                if not running:
                    return
                for future in self._next(running):
                    running.discard(future)
                    yield self._result(future)
                    future.release()
        finally:
            for future in running:
                future.cancel()

    def _submit(self, task: Task) -> Any:
        return self._client.submit(
            _work,
            self._body,
            task,
            self._likeness,
            key=f"{self._key}-{task.name}",
        )

    def _threads(self) -> int:
        with self._in_words():
            return sum(self._client.nthreads().values())

    def _next(self, running: set[Any]) -> set[Any]:
        """Those that are done, one at least. Raises `Trouble` when there is nobody to do them."""
        while True:
            # `wait` asks the current client, whatever client the futures are of.
            with self._in_words(), self._client.as_current(), suppress(TimeoutError):
                done: set[Any] = self._distributed.wait(
                    running, timeout=self._patience, return_when="FIRST_COMPLETED"
                ).done
                return done
            if not self._threads():
                raise ClusterWithoutWorkers(f"no worker for {self._patience:g} s", place=self._address)

    def _result(self, future: Any) -> bytes:
        with self._in_words():
            body: bytes = future.result()
            return body

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        """What goes wrong on a cluster, as `Trouble`."""
        try:
            yield
        except (_Unlike, ImportError) as error:
            raise WorkerUnlike(str(error), place=self._address) from error
        except RuntimeError as error:
            # A scheduler or worker without our modules cannot read a task.
            if "deserializ" not in str(error):
                raise
            raise WorkerUnlike(str(error), place=self._address) from error
        except (OSError, CancelledError, self._distributed.KilledWorker) as error:
            raise ClusterLost(str(error), place=self._address) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

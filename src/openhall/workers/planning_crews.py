"""Many branches' plans at once: in processes of this machine, or on a Dask cluster.

With a request's `work_limit` both give the same plans, to the minute, if all workers have the same build of
openhall, HiGHS and numpy. With the clock as the limit no two runs have to agree, not even on one machine.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool

from openhall.staffing.asking import PlanRequest
from openhall.staffing.plan import WeekPlan
from openhall.workers.cluster import (
    CONNECT_SECONDS,
    WITHOUT_WORKERS_SECONDS,
    ClusterLost,
    connect,
    wait_for_workers,
)
from openhall.workers.planning import plan_week
from openhall.workers.studies import WorkersLost

Crew = Callable[[Sequence[PlanRequest]], Iterator[WeekPlan]]
"""Makes plans, in the order in which they get done."""


def _begin() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def in_processes(jobs: int) -> Crew:
    """Processes of this machine; with one job, this process itself."""

    def made(requests: Sequence[PlanRequest]) -> Iterator[WeekPlan]:
        if jobs == 1 or len(requests) == 1:
            yield from (plan_week(request) for request in requests)
            return
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin) as pool:
            futures = [pool.submit(plan_week, request) for request in requests]
            try:
                for future in as_completed(futures):
                    yield future.result()
            except BrokenProcessPool as error:
                raise WorkersLost(str(error), place="worker processes") from error
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    return made


def on_cluster(
    address: str, *, connect_seconds: float = CONNECT_SECONDS, patience: float = WITHOUT_WORKERS_SECONDS
) -> Crew:
    """The workers of a Dask scheduler. Raises `Trouble` when it cannot be reached or loses a task."""

    def made(requests: Sequence[PlanRequest]) -> Iterator[WeekPlan]:
        distributed, client = connect(address, connect_seconds)
        with client:
            wait_for_workers(client, 1, address, patience)
            futures = [client.submit(plan_week, request, pure=False) for request in requests]
            try:
                # As the futures get done; the client is named, for there may be another current one.
                for future in distributed.as_completed(futures, loop=client.loop):
                    yield future.result()
            except (OSError, CancelledError, distributed.KilledWorker) as error:
                raise ClusterLost(str(error), place=address) from error
            finally:
                for future in futures:
                    future.cancel()

    return made

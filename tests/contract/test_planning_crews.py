"""Are plans by steps of work equal in this process, in processes and on a Dask cluster?"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from openhall.staffing.asking import PlanRequest
from openhall.staffing.plan import WeekPlan
from openhall.workers.cluster import ClusterUnreachable
from openhall.workers.planning_crews import Crew, in_processes, on_cluster
from tests.contract.test_study_crews import DaskCluster
from tests.unit.staffing.branches import request

pytestmark = pytest.mark.contract


def requests() -> list[PlanRequest]:
    """Two branches, a day each."""
    return [request(days=1), msgspec.structs.replace(request(days=1), branch="south", seed=4)]


def made_by(crew: Crew) -> dict[str, WeekPlan]:
    return {plan.branch: plan for plan in crew(requests())}


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    found = DaskCluster(tmp_path_factory.mktemp("dask"), workers=1)
    try:
        yield found
    finally:
        found.end()


def test_processes_make_the_plans_that_one_process_makes() -> None:
    alone = made_by(in_processes(1))
    assert set(alone) == {"north", "south"}
    assert made_by(in_processes(2)) == alone


@pytest.mark.xdist_group("dask")
def test_a_cluster_makes_the_plans_that_one_process_makes(dask: DaskCluster) -> None:
    assert made_by(on_cluster(dask.address)) == made_by(in_processes(1))


def test_a_cluster_that_does_not_answer_is_trouble() -> None:
    with pytest.raises(ClusterUnreachable):
        made_by(on_cluster("tcp://127.0.0.1:9", connect_seconds=0.5))

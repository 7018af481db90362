"""Small studies for tests: three branches of a morning, two policies."""

from functools import cache

from openhall.rehearsal.study.model import CustomerClass, Network, Policy, Service, Study
from openhall.rehearsal.study.planning import Planned, plan_of
from openhall.science.study import tasks
from openhall.science.study.plan import Plan
from openhall.science.study.sums import Sums
from openhall.science.study.tasks import Part, Task

BRANCHES, REPLICATIONS = 3, 6

STUDY = Study(
    name="three branches",
    seed=5,
    network=Network(branches=BRANCHES, customers=40.0, customers_spread=0.6, hours="09:00-12:00"),
    services=(Service("cash", 0.7, minutes=6.0), Service("loans", 0.3, minutes=9.0, counters=0.5)),
    classes=(
        CustomerClass("ordinary", 0.6, patience_minutes=90.0),
        CustomerClass("green", 0.4, head_start_minutes=20),
    ),
    policy=(Policy("as it is", open=(0.6,)), Policy("all", open=(1.0,), divert_above=6)),
)


@cache
def planned() -> Planned:
    """The plan of it."""
    return plan_of(STUDY, None, file="study.toml")


def plan() -> Plan:
    return planned().plan


@cache
def part(task: Task) -> Part:
    """Each task is computed once, however many examples need it."""
    return tasks.run(plan(), task)


def sums_of(wanted: list[Task]) -> Sums:
    found = Sums.of(plan(), REPLICATIONS)
    for task in wanted:
        found.add(part(task))
    return found

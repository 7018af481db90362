"""Do the intervals of studies that stop when they are precise enough hold the truth 95 times in a hundred?"""

import msgspec
import pytest

from openhall.science.study import figures, tasks
from openhall.science.study.plan import Plan
from openhall.science.study.precision import Precision, judge
from openhall.science.study.sums import Sums
from openhall.science.study.tasks import Task
from tests.studied import plan

SEEDS, LONG_RUN = 1_000, 6_000
PRECISION = Precision(relative=0.12, minimum=30, batch=30, maximum=2_000)


def network_days(of: Plan, precision: Precision) -> figures.Floats:
    """x and y of the wait, (policies, replications, 2), of a study that stops when it may."""
    sums, done = Sums.of(of, precision.maximum), 0
    while count := precision.next_batch(done):
        sums.add(tasks.run(of, Task(0, of.branch_count, done, count)))
        done += count
        if judge(sums, precision, of.policies).is_reached:
            break
    return figures.network_values(sums)[:, :, 0]


@pytest.mark.soak
def test_intervals_of_studies_that_stop_early_hold_the_truth() -> None:
    """Looking again and again at intervals makes them a little too narrow; this says how little.

    0.915 to 0.975: of 1,000 studies a true coverage of 0.94 to 0.95 stays inside but once in a thousand.
    """
    long_run = network_days(
        msgspec.structs.replace(plan(), seed=999_983),
        Precision(half_width=1e-9, minimum=LONG_RUN, maximum=LONG_RUN),
    )
    truths = [figures.estimate(values).mean for values in long_run]
    truths.append(figures.difference(long_run[1], long_run[0]).estimate.mean)
    held = [0, 0, 0]
    for seed in range(SEEDS):
        values = network_days(msgspec.structs.replace(plan(), seed=seed), PRECISION)
        found = [figures.estimate(v) for v in values]
        found.append(figures.difference(values[1], values[0]).estimate)
        for index, (truth, estimate) in enumerate(zip(truths, found, strict=True)):
            assert truth is not None
            assert estimate.low is not None
            assert estimate.high is not None
            held[index] += estimate.low <= truth <= estimate.high
    assert all(0.915 * SEEDS <= count <= 0.975 * SEEDS for count in held), held

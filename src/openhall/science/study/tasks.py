"""A piece of a study that any worker can compute: some branches over some replications, every policy."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from openhall.science import engine
from openhall.science.engine import Ints
from openhall.science.study.plan import ENCODER, HALL, NUMBER, SIZE_UNIT, Plan, decoder_of

CUSTOMERS_PER_TASK = 5_000_000
"""About a second: long beside the sending, short beside the patience of who presses Ctrl-C."""

METRICS: Final = ("wait_minutes", "late_share", "late_minutes_daily", "overtime_minutes", "left_share")
"""What is estimated with an interval; each is a sum over days divided by another.

wait_minutes: mean wait of those who were called. late_share: waited longer than the limit, of all who were
not helped elsewhere. late_minutes_daily: minutes beyond the limit, a branch and day. overtime_minutes: from
closing till the last customer is done, a branch and day. left_share: left unserved, of all who came.
"""

QUIET_DAY_CUSTOMERS = 100.0
"""A day of fewer people is reckoned as that much work: its row of results takes memory all the same."""

_LIMB: Final = 32


class Task(msgspec.Struct, frozen=True, order=True):
    """Branches `branch` to `branch + branches - 1` over replications `first` to `first + count - 1`."""

    branch: int
    branches: int
    first: int
    count: int

    @property
    def name(self) -> str:
        """A short name, unique within a plan."""
        return f"b{self.branch}+{self.branches}-r{self.first}+{self.count}"


class Part(msgspec.Struct, frozen=True, eq=False):
    """What a task found: whole numbers that add up in any order.

    Shapes: p policies, b branches and n replications of the task, g groups, m METRICS.

    Parameters
    ----------
    totals : (p, g, engine.TOTALS) by group, over all branches.
    waits : (p, g, engine.WAIT_BINS) by group, over all branches.
    days : (p, n, engine.DAY_COLUMNS) each replication of the network's day.
    branch_totals : (p, b, engine.DAY_COLUMNS) over the replications.
    branch_waits : (p, b, engine.WAIT_BINS), uint32.
    sums : (p, b, m, 2) of a metric's numerator x and denominator y; times in whole seconds a day.
    squares : (p, b, m, 3, 2) sums of xx, xy, yy, each as its low 32 bits and the rest, so that none
        overflows.
    products : (p, b, m, 4, 2) sums of x x', x y', y x', y y' with ' the baseline, in two limbs too.
    """

    task: Task
    totals: Ints
    waits: Ints
    days: Ints
    branch_totals: Ints
    branch_waits: NDArray[np.uint32]
    sums: Ints
    squares: Ints
    products: Ints


def split(
    plan: Plan, *, first: int, count: int, customers_per_task: int = CUSTOMERS_PER_TASK
) -> Iterator[Task]:
    """Tasks of about equal work that together are all branches over `count` replications from `first` on."""
    daily = plan.sizes.sum(axis=1) / SIZE_UNIT
    begin, load = 0, 0.0
    for branch, customers in enumerate(daily):
        work = max(QUIET_DAY_CUSTOMERS, customers) * count
        if load and load + work > customers_per_task:
            yield Task(begin, branch - begin, first, count)
            begin, load = branch, 0.0
        if work > customers_per_task:
            # A branch on its own is already too long: its replications are split.
            each = max(1, int(customers_per_task / max(QUIET_DAY_CUSTOMERS, customers)))
            for start in range(first, first + count, each):
                yield Task(branch, 1, start, min(each, first + count - start))
            begin, load = branch + 1, 0.0
        else:
            load += work
    if begin < plan.branch_count:
        yield Task(begin, plan.branch_count - begin, first, count)


def run(plan: Plan, task: Task) -> Part:
    """Compute a task. Raises ValueError when a day has more customers than a plan can mean."""
    policies, groups = len(plan.policies), len(plan.groups)
    totals = np.zeros((policies, groups, engine.TOTALS), np.int64)
    waits = np.zeros((policies, groups, engine.WAIT_BINS), np.int64)
    branch_waits = np.zeros((policies, task.branches, engine.WAIT_BINS), np.uint32)
    days = np.zeros((policies, task.branches, task.count, engine.DAY_COLUMNS), np.int64)
    for index in range(task.branches):
        branch = task.branch + index
        row = plan.branches[branch]
        hall = plan.halls[row[HALL]]
        counters = np.zeros((hall.counters, 2), np.int64)
        for policy in range(policies):
            at_most = plan.room_for(branch, policy)
            found = engine.days(
                plan.model(branch, policy),
                counters,
                hall.schedules[policy],
                closes_ms=hall.closes_ms,
                seed=plan.seed,
                branch=int(row[NUMBER]),
                first=task.first,
                count=task.count,
                divert_above=int(hall.divert_above[policy]),
                at_most=at_most,
            )
            if int(found.per_day[:, engine.DAY_ARRIVED].max()) >= at_most:
                raise ValueError(f"Expected fewer than {at_most} customers in branch {branch} on any day")
            totals[policy] += found.totals
            waits[policy] += found.waits
            branch_waits[policy, index] = found.waits.sum(axis=0)
            days[policy, index] = found.per_day
    values = seconds_of(fractions_of(days))
    return Part(
        task=task,
        totals=totals,
        waits=waits,
        days=days.sum(axis=1),
        branch_totals=days.sum(axis=2),
        branch_waits=branch_waits,
        sums=values.sum(axis=2),
        squares=_squares(values),
        products=_products(values),
    )


def fractions_of(days: Ints, branches: int = 1) -> Ints:
    """Numerator and denominator of each metric, times in ms: (..., METRICS, 2).

    `days` is (..., engine.DAY_COLUMNS), each row of so many `branches` together.
    """
    found = np.empty((*days.shape[:-1], len(METRICS), 2), np.int64)
    helped_elsewhere = days[..., engine.DAY_DIVERTED] + days[..., engine.DAY_PENDING]
    found[..., 0, 0], found[..., 0, 1] = days[..., engine.DAY_WAIT], days[..., engine.DAY_CALLED]
    found[..., 1, 0] = days[..., engine.DAY_LATE]
    found[..., 1, 1] = days[..., engine.DAY_ARRIVED] - helped_elsewhere
    found[..., 2, 0], found[..., 2, 1] = days[..., engine.DAY_LATE_MS], branches
    found[..., 3, 0], found[..., 3, 1] = days[..., engine.DAY_OVERTIME], branches
    found[..., 4, 0], found[..., 4, 1] = days[..., engine.DAY_LEFT], days[..., engine.DAY_ARRIVED]
    return found


IS_TIME: Final = np.array([True, False, True, True, False])
"""Which metrics have a time as numerator."""


def seconds_of(fractions: Ints) -> Ints:
    """The same with whole seconds for ms, so that 32 bits hold a branch's day and 64 its square."""
    found = fractions.copy()
    found[..., IS_TIME, 0] //= 1_000
    return found


def _limbs(products: Ints) -> Ints:
    """Sums over replications (the third axis) as (..., 2): of the low 32 bits, and of the rest."""
    return np.stack([(products & ((1 << _LIMB) - 1)).sum(axis=2), (products >> _LIMB).sum(axis=2)], axis=-1)


def _squares(values: Ints) -> Ints:
    x, y = values[..., 0], values[..., 1]
    return np.stack([_limbs(x * x), _limbs(x * y), _limbs(y * y)], axis=-2)


def _products(values: Ints) -> Ints:
    x, y = values[..., 0], values[..., 1]
    return np.stack([_limbs(x * x[:1]), _limbs(x * y[:1]), _limbs(y * x[:1]), _limbs(y * y[:1])], axis=-2)


def whole(limbs: Ints) -> NDArray[np.float64]:
    """What two limbs stand for."""
    found: NDArray[np.float64] = limbs[..., 0].astype(float) + limbs[..., 1].astype(float) * (1 << _LIMB)
    return found


# --- bytes -------------------------------------------------------------------------------------------

_PARTS = decoder_of(Part)


def to_bytes(part: Part) -> bytes:
    """A part as it is sent and kept: mostly zeros, so it is compressed."""
    return zlib.compress(ENCODER.encode(part), 1)


def from_bytes(body: bytes) -> Part:
    """A part that was sent."""
    part: Part = _PARTS.decode(zlib.decompress(body))
    return part

"""The parts of a study put together: additions of whole numbers, so that no order of arrival can show."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from openhall.science import engine
from openhall.science.engine import Ints
from openhall.science.study.plan import Plan
from openhall.science.study.tasks import METRICS, Part, Task


class Sums:
    """What is known of a study so far; shapes as in `tasks.Part`, over all branches.

    `days` has room for `replications`; which of them are whole is `whole_replications`.
    """

    def __init__(self, *, policies: int, groups: int, branches: int, replications: int) -> None:
        self.totals: Ints = np.zeros((policies, groups, engine.TOTALS), np.int64)
        self.waits: Ints = np.zeros((policies, groups, engine.WAIT_BINS), np.int64)
        self.days: Ints = np.zeros((policies, replications, engine.DAY_COLUMNS), np.int64)
        self.branch_totals: Ints = np.zeros((policies, branches, engine.DAY_COLUMNS), np.int64)
        self.branch_waits: NDArray[np.uint32] = np.zeros((policies, branches, engine.WAIT_BINS), np.uint32)
        self.sums: Ints = np.zeros((policies, branches, len(METRICS), 2), np.int64)
        self.squares: Ints = np.zeros((policies, branches, len(METRICS), 3, 2), np.int64)
        self.products: Ints = np.zeros((policies, branches, len(METRICS), 4, 2), np.int64)
        self.covered: Ints = np.zeros(replications, np.int64)
        """(replications,) branches of each that are in."""
        self.tasks: set[Task] = set()

    @classmethod
    def of(cls, plan: Plan, replications: int) -> Sums:
        """Nothing yet of a plan, with room for so many replications."""
        return cls(
            policies=len(plan.policies),
            groups=len(plan.groups),
            branches=plan.branch_count,
            replications=replications,
        )

    @property
    def branch_count(self) -> int:
        """How many branches."""
        return int(self.sums.shape[1])

    @property
    def whole_replications(self) -> int:
        """How many replications, from the first on, have all their branches. Raises ValueError when others
        have some: an interval over half a day of the network would mean nothing."""
        whole = int((self.covered == self.branch_count).sum())
        if self.covered[whole:].any() or (self.covered[:whole] != self.branch_count).any():
            raise ValueError("Expected whole replications from the first on")
        return whole

    def add(self, part: Part) -> None:
        """Take a part in. Raises ValueError for one that is in already."""
        task = part.task
        if task in self.tasks:
            raise ValueError(f"Expected each part once, got {task.name} again")
        self.tasks.add(task)
        branches = slice(task.branch, task.branch + task.branches)
        replications = slice(task.first, task.first + task.count)
        self.totals += part.totals
        self.waits += part.waits
        self.days[:, replications] += part.days
        self.branch_totals[:, branches] += part.branch_totals
        self.branch_waits[:, branches] += part.branch_waits
        self.sums[:, branches] += part.sums
        self.squares[:, branches] += part.squares
        self.products[:, branches] += part.products
        self.covered[replications] += task.branches

    def merge(self, other: Sums) -> None:
        """Take in what somebody else put together of the same plan."""
        if both := self.tasks & other.tasks:
            raise ValueError(f"Expected each part once, got {min(both).name} again")
        self.tasks |= other.tasks
        for mine, its in zip(self.arrays(), other.arrays(), strict=True):
            mine += its

    def arrays(self) -> Sequence[NDArray[np.int64 | np.uint32]]:
        """All numbers, in a fixed order."""
        return (
            self.totals,
            self.waits,
            self.days,
            self.branch_totals,
            self.branch_waits,
            self.sums,
            self.squares,
            self.products,
            self.covered,
        )

    def digest(self) -> str:
        """SHA-256 of all numbers, without the empty room: equal results have equal digests."""
        last = int(np.flatnonzero(self.covered)[-1]) + 1 if self.covered.any() else 0
        found = hashlib.sha256(str((last, *(a.shape for a in (self.totals, self.sums)))).encode())
        for array in self.arrays():
            kept = self.days[:, :last] if array is self.days else array
            kept = self.covered[:last] if array is self.covered else kept
            found.update(np.ascontiguousarray(kept, kept.dtype.newbyteorder("<")).tobytes())
        return found.hexdigest()

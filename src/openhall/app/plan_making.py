"""Plans made, changed, published at somebody's wish; the work itself is done in worker processes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

import msgspec

from openhall.kernel.clock import Clock
from openhall.kernel.trouble import Trouble
from openhall.log import plans
from openhall.log.plans import Draft
from openhall.log.records import Records
from openhall.staffing.asking import PlanRequest
from openhall.staffing.cross_training import CrossTraining
from openhall.staffing.plan import WeekPlan
from openhall.workers import planning
from openhall.workers.pool import Workers

SECONDS = 12.0
"""For one branch's week."""
GRACE_SECONDS = 30.0
"""Beyond that a worker is taken to be lost: its imports and the rest of the work."""

EFFECT_SECONDS = 10.0
"""Deadline; an answer takes well under a second, the first of a worker some seconds more."""

_log = logging.getLogger(__name__)


class NoPlanners(Trouble):
    """This server has no worker processes to plan with."""

    code = "no_planners"
    remedy = "Start the server with its workers, or make the plan with `openhall plan week`."


@dataclass
class Job:
    """A plan that is being made, or how that ended."""

    is_running: bool = True
    trouble: Trouble | None = None


@dataclass
class PlanMaking:
    """One for all branches: at most one plan of the same days is in the making."""

    records: Records
    clock: Clock
    workers: Workers | None
    gather: Callable[[str, date], PlanRequest]
    """Everything known about a branch and some days; reads the log, so it runs in a thread."""
    jobs: dict[tuple[str, date], Job] = field(default_factory=dict)
    training: dict[tuple[str, date], CrossTraining] = field(default_factory=dict)
    """Whose training would help, by the plan made last."""
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def start(self, branch: str, first: date, by: str) -> Job:
        """Begin to make a plan, or say that it is being made. Raises `NoPlanners`."""
        if self.workers is None:
            raise NoPlanners("No workers", place="workers")
        job = self.jobs.get((branch, first))
        if job is not None and job.is_running:
            return job
        job = self.jobs[branch, first] = Job()
        task = asyncio.create_task(self._make(branch, first, by, job), name=f"openhall-plan-{branch}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return job

    async def _make(self, branch: str, first: date, by: str, job: Job) -> None:
        """The last good plan stays where it is when this one does not come about."""
        assert self.workers is not None
        try:
            before = await asyncio.to_thread(plans.draft, self.records, branch, first)
            request = await asyncio.to_thread(self.gather, branch, first)
            plan: WeekPlan = await self.workers.ask(
                planning.plan_week, request, seconds=request.seconds + GRACE_SECONDS
            )
            seen = before.revision if before else 0
            await asyncio.to_thread(self._save, plan, seen, by)
            self.training[branch, first] = await self.workers.ask(
                planning.cross_training, request, plan, request.earlier, seconds=GRACE_SECONDS
            )
        except Trouble as trouble:
            job.trouble = trouble
            _log.warning("No plan of %s from %s: %s (%s)", branch, first, trouble, trouble.code)
        finally:
            job.is_running = False

    async def with_effect(self, plan: WeekPlan, day: date) -> WeekPlan:
        """The plan with the figures of a day worked out anew; as it is, where no worker answers in time."""
        if self.workers is None:
            return plan
        request = await asyncio.to_thread(self.gather, plan.branch, plan.first)
        try:
            found = await self.workers.ask(planning.effect, request, plan, day, seconds=EFFECT_SECONDS)
        except Trouble as trouble:
            _log.warning("No effect of a change at %s: %s (%s)", plan.branch, trouble, trouble.code)
            return plan
        days = tuple(found if each.day == day else each for each in plan.days)
        return msgspec.structs.replace(plan, days=days)

    @property
    def seconds(self) -> float:
        """About how long a plan takes."""
        return SECONDS

    def _save(self, plan: WeekPlan, seen: int, by: str) -> Draft:
        return plans.save_draft(self.records, plan, seen=seen, now_ms=self.clock.now_ms(), by=by)

    def stop(self) -> None:
        """Nothing is made any more."""
        for task in self._tasks:
            task.cancel()
        if self.workers is not None:
            self.workers.stop()

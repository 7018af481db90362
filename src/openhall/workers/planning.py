"""The questions of planning, answered in a worker process.

Importing this brings neither numpy nor HiGHS: that happens in the worker, when it is asked.
"""

from __future__ import annotations

import time
from datetime import date

from openhall.staffing.asking import PlanRequest
from openhall.staffing.cross_training import CrossTraining
from openhall.staffing.plan import DayPlan, WeekPlan


class Timed:
    """Stops after so many seconds from now."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds

    def seconds_left(self) -> float:
        """Till it stops."""
        return self._until - time.monotonic()


def plan_week(request: PlanRequest) -> WeekPlan:
    """A branch's days, planned within the request's seconds."""
    from openhall.staffing.planning import plan_days

    return plan_days(request, Timed)


def effect(request: PlanRequest, plan: WeekPlan, day: date) -> DayPlan:
    """One day of a plan after a change by hand: windows, late minutes and shortfalls anew."""
    from openhall.staffing import planning

    return planning.effect(request, plan, day)


def cross_training(request: PlanRequest, plan: WeekPlan, earlier: tuple[WeekPlan, ...] = ()) -> CrossTraining:
    """Who is trained for two posts, who served in two, and whose training would save most [D4]."""
    from openhall.staffing.training_plan import training

    return training(request, plan, earlier)

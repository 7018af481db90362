"""What planning is asked: a branch, some days, all that is known. Plain values that travel to a worker."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec

from openhall.network.model import Bank, Branch
from openhall.science.forecast.result import Forecast
from openhall.staffing.demand import Assumptions
from openhall.staffing.history import PastDays
from openhall.staffing.plan import WeekPlan

DAYS_AT_MOST = 28


class PlanRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One branch's days to be planned.

    Parameters
    ----------
    past : what the branch's past days showed; with too few of them `assumptions` hold.
    forecasts : one for each service, where they were made already; they are used instead of `past`.
    earlier : plans of this branch and of others for days before `first`: habits, fairness, hours worked.
    others : plans of other branches for the same days. Their people who can be lent are borrowed from them on
        days on which they are free; and who is borrowed from here is away.
    current : the plan as it is. What is pinned in it stays; with `only_days`, so does every other day.
    only_days : the days to be planned anew; empty for all.
    seconds : wall time for all rounds together.
    work_limit : steps of work for each round instead of the clock, so that the same request has the same
        answer; 0 for the clock.
    rounds_most : how often sizing and roster are run till they agree.
    """

    bank: Bank
    network_version: str
    branch: str
    first: date
    days: int = 7
    past: PastDays = PastDays()
    forecasts: tuple[Forecast, ...] = ()
    assumptions: Assumptions = Assumptions()
    earlier: tuple[WeekPlan, ...] = ()
    others: tuple[WeekPlan, ...] = ()
    current: WeekPlan | None = None
    only_days: tuple[date, ...] = ()
    seconds: float = 10.0
    seed: int = 0
    work_limit: int = 0
    rounds_most: int = 2

    def __post_init__(self) -> None:
        if not 1 <= self.days <= DAYS_AT_MOST:
            raise ValueError(f"Expected days between 1 and {DAYS_AT_MOST}, got {self.days}")
        if not 0.0 < self.seconds <= 3_600.0:
            raise ValueError(f"Expected seconds above 0 to 3600, got {self.seconds}")
        if self.work_limit < 0:
            raise ValueError(f"Expected a work_limit of 0 or more, got {self.work_limit}")
        if not 1 <= self.rounds_most <= 10:
            raise ValueError(f"Expected rounds_most between 1 and 10, got {self.rounds_most}")
        if self.bank.branch(self.branch) is None:
            raise ValueError(f"Expected a branch of the bank, got {self.branch}")

    @property
    def place(self) -> Branch:
        """The branch."""
        found = self.bank.branch(self.branch)
        if found is None:
            raise AssertionError("checked when it was made")
        return found

    @property
    def dates(self) -> tuple[date, ...]:
        """The days, in order."""
        return tuple(self.first + timedelta(days=n) for n in range(self.days))

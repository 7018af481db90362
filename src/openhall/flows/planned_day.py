"""From a published plan to what the hall needs of it: one day, in moments instead of minutes."""

from __future__ import annotations

from datetime import date
from math import sqrt
from zoneinfo import ZoneInfo

from openhall.hall.plan import PlannedColleague, PlannedDay, PlannedStint
from openhall.kernel.clock import MINUTE_MS, local_ms
from openhall.network.model import Bank, Branch
from openhall.staffing.plan import DayPlan, Duty, WeekPlan


def planned_day(plan: WeekPlan, version: str, bank: Bank, branch: Branch, day: date) -> PlannedDay | None:
    """The day of a plan as the hall takes it; None where the plan has nothing for it.

    Minutes of the plan follow the clock on the wall, also on the day on which it is put forward or back.
    """
    found = next((each for each in plan.days if each.day == day and each.is_open), None)
    if found is None:
        return None
    zone, policy = ZoneInfo(branch.timezone), bank.staffing

    def at(minute: int) -> int:
        return local_ms(day, minute, zone)

    stints = tuple(
        PlannedStint(
            duty.person_id, stint.post, at(stint.from_minute), at(stint.until_minute), stint.counter_id
        )
        for duty in found.duties
        for stint in duty.stints
    )
    return PlannedDay(
        version,
        at(found.from_minute),
        found.interval_minutes * MINUTE_MS,
        found.expected,
        found.needed,
        stints,
        _colleagues(bank, found),
        day_cv=_day_cv(found),
        stint_least_ms=policy.stint_minutes_least * MINUTE_MS,
        switches_most=policy.switches_daily_most,
        lobby_least=policy.lobby_at_least,
        windows_least=min(policy.windows_at_least, len(branch.counters)),
    )


def _colleagues(bank: Bank, plan: DayPlan) -> tuple[PlannedColleague, ...]:
    """Those of other branches, with their skills."""
    people = {person.id: person for person in bank.people}
    return tuple(_colleague(duty, people[duty.person_id].skills) for duty in plan.duties if duty.from_branch)


def _colleague(duty: Duty, skills: tuple[str, ...]) -> PlannedColleague:
    return PlannedColleague(duty.person_id, duty.from_branch, skills, ("teller", "lobby"))


P90_IN_SPREADS = 1.2816
"""The 90 % point of a normal distribution, in standard deviations from its middle."""


def _day_cv(plan: DayPlan) -> float:
    """How uncertain the day as a whole is, read off the forecast's band.

    The variance of an interval is that of its own chance, about its mean, and that of the day's factor, which
    is the same factor in all of them: what is left after the former adds up over the day.
    """
    total = sum(plan.expected)
    if not total or len(plan.low) != len(plan.expected):
        return DAY_CV_UNKNOWN
    shared = 0.0
    for low, mean, high in zip(plan.low, plan.expected, plan.high, strict=True):
        spread = (high - low) / (2 * P90_IN_SPREADS)
        shared += sqrt(max(0.0, spread * spread - mean))
    return min(1.0, shared / total)


DAY_CV_UNKNOWN = 0.15
"""Of a branch whose forecast says nothing of its own doubt."""

"""What people worked, as plans say it: by person and day, over all branches."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

import msgspec

from openhall.kernel.text import Text
from openhall.network.hours import Hours
from openhall.network.model import Bank, Branch, Person
from openhall.network.staffing import Contract, LabourRules, Shift
from openhall.staffing.plan import Duty, WeekPlan

PLAIN_CONTRACT = Contract("", Text(en="Full time", zh="全日制"), minutes_weekly=2_400)
PLAIN_LABOUR = LabourRules("", Text(en="Labour Law", zh="劳动法"), first=date.min)


class Worked(msgspec.Struct, frozen=True):
    """A day that somebody works or worked, and where."""

    branch: str
    duty: Duty


Record = dict[str, dict[date, Worked]]
"""By person, by day."""


def record_of(plans: Iterable[WeekPlan]) -> Record:
    """All duties of some plans; a later plan of the list wins."""
    found: Record = {}
    for plan in plans:
        for day in plan.days:
            for duty in day.duties:
                found.setdefault(duty.person_id, {})[day.day] = Worked(plan.branch, duty)
    return found


def contract_of(bank: Bank, person: Person) -> Contract:
    """What somebody has agreed to; the first contract without a word, a plain one without any."""
    if person.contract:
        return next(c for c in bank.contracts if c.id == person.contract)
    return bank.contracts[0] if bank.contracts else PLAIN_CONTRACT


def labour_on(bank: Bank, day: date) -> LabourRules:
    """The rule pack in force: the latest that has begun."""
    begun = [pack for pack in bank.labour if pack.first <= day]
    return max(begun, key=lambda pack: pack.first, default=PLAIN_LABOUR)


def is_on_leave(bank: Bank, person_id: str, day: date) -> bool:
    """Whether somebody is away."""
    return any(leave.person == person_id and leave.first <= day <= leave.last for leave in bank.leaves)


def week_of(day: date) -> tuple[date, ...]:
    """The seven days of a day's week, from Monday."""
    monday = day - timedelta(days=day.weekday())
    return tuple(monday + timedelta(days=n) for n in range(7))


def paid_minutes(duty: Duty) -> int:
    """Of a duty: all but the meal and the gap. Travel is paid."""
    free = sum(s.until_minute - s.from_minute for s in duty.stints if s.post in ("break", "gap"))
    return duty.until_minute - duty.from_minute - free


def shifts_of(bank: Bank, branch: Branch) -> tuple[Shift, ...]:
    """The shifts that a branch uses."""
    return tuple(s for s in bank.shifts if not s.branches or branch.id in s.branches)


def keeps_daily_rules(shift: Shift, labour: LabourRules, contract: Contract) -> bool:
    """Whether a shift is short enough, and has its break in time."""
    overtime = min(labour.overtime_minutes_daily, contract.overtime_minutes_weekly)
    return (
        shift.paid_minutes <= labour.minutes_daily + overtime
        and longest_stretch(shift) <= labour.minutes_without_break
    )


def longest_stretch(shift: Shift) -> int:
    """Minutes at work without a break, at best: with the meal that parts the day most evenly."""
    return min((stretch_with(shift, meal) for meal in shift.lunches), default=stretch_with(shift, None))


def stretch_with(shift: Shift, meal: Hours | None) -> int:
    """Minutes at work without a break, with that meal."""
    edges = [shift.hours.opens_minute, shift.hours.closes_minute]
    for free in (shift.gap, meal):
        if free:
            edges += [free.opens_minute, free.closes_minute]
    edges.sort()
    return max(until - since for since, until in zip(edges[::2], edges[1::2], strict=True))


def burden(bank: Bank, branch: Branch, day: date, shift: Shift | None) -> float:
    """How unpleasant a shift is: one for a weekend or a public holiday, half for the day's latest end, half
    for a split shift."""
    if shift is None:
        return 0.0
    exception = any(e.date == day for e in branch.exceptions)
    weight = 1.0 if day.weekday() >= 5 or exception else 0.0
    latest = max(s.hours.closes_minute for s in shifts_of(bank, branch) or (shift,))
    earliest = (
        min(s.hours.closes_minute for s in shifts_of(bank, branch) if s.lunches)
        if any(s.lunches for s in shifts_of(bank, branch))
        else latest
    )
    if shift.hours.closes_minute == latest and latest > earliest:
        weight += 0.5
    return weight + (0.5 if shift.gap else 0.0)

"""Does a plan keep every rule? Asked of the bank's own words, minute by minute.

Shares nothing with how plans are made: it reads the bank, the plan and the plans before, and no more. Pure,
and quick enough to run in the serving process after every change by hand.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Protocol

import msgspec

from openhall.kernel.text import Text
from openhall.network.calendar import hours_on
from openhall.network.hours import Hours
from openhall.network.model import Bank, Branch, Person
from openhall.network.staffing import Contract, LabourRules
from openhall.staffing.plan import DayPlan, Duty, Stint, Violation, WeekPlan

FREE = ("break", "gap")
"""Unpaid, and rest from work."""
AT_WORK = ("window", "lobby", "guard", "remote")
MINIMUMS = frozenset({"windows_below", "lobby_below", "guard_below", "remote_below", "key_holders_below"})
"""What a branch may have to leave open when people are missing; every other code is a broken rule."""
TRAINED_AS = {"window": "teller"}


class Broke(Protocol):
    """Notes a broken rule of one duty; of all of it without minutes."""

    def __call__(self, code: str, since: int = ..., until: int = ..., **detail: str) -> None:
        """The code and its figures."""


class _Day(msgspec.Struct, frozen=True):
    """Somebody's day, wherever it is."""

    day: date
    branch: str
    duty: Duty


def violations(bank: Bank, plan: WeekPlan, earlier: Sequence[WeekPlan] = ()) -> tuple[Violation, ...]:
    """Every rule that the plan breaks, by day and person.

    Parameters
    ----------
    earlier : plans of any branch and of any other days; of the same days only other branches' count.
    """
    branch = bank.branch(plan.branch)
    if branch is None:
        return (Violation("branch_unknown", plan.first, detail={"branch": plan.branch}),)
    found: list[Violation] = []
    for day in plan.days:
        found += _day(bank, branch, day)
    found += _people(bank, plan, earlier)
    return tuple(sorted(found, key=lambda v: (v.day, v.person_id, v.from_minute, v.code)))


def broken(found: Iterable[Violation]) -> tuple[Violation, ...]:
    """Those that are no missed minimum."""
    return tuple(each for each in found if each.code not in MINIMUMS)


# --- one day --------------------------------------------------------------------------------------------


def _day(bank: Bank, branch: Branch, plan: DayPlan) -> list[Violation]:
    hours = hours_on(branch, plan.day)
    found: list[Violation] = []
    for person_id, count in Tally(duty.person_id for duty in plan.duties).items():
        if count > 1:
            found.append(Violation("twice_a_day", plan.day, person_id))
    for duty in plan.duties:
        found += _duty(bank, branch, plan.day, duty, is_open=hours is not None)
    found += _counters(plan)
    if hours is not None:
        found += _minimums(bank, branch, plan, hours)
    return found


def _duty(bank: Bank, branch: Branch, day: date, duty: Duty, *, is_open: bool) -> list[Violation]:
    person = next((p for p in bank.people if p.id == duty.person_id), None)
    if person is None:
        return [Violation("person_unknown", day, duty.person_id)]
    found: list[Violation] = []

    def broke(
        code: str, since: int = duty.from_minute, until: int = duty.until_minute, **detail: str
    ) -> None:
        found.append(Violation(code, day, person.id, since, until, detail))

    if not is_open:
        broke("branch_closed")
    if any(leave.person == person.id and leave.first <= day <= leave.last for leave in bank.leaves):
        broke("on_leave")
    _belonging(bank, branch, person, duty, broke)
    contract = _contract(bank, person)
    if contract and contract.shifts and duty.shift_id and duty.shift_id not in contract.shifts:
        broke("shift_not_agreed", shift=duty.shift_id)
    _hours(bank, branch, duty, broke)
    _stints(bank, branch, person, duty, broke)
    labour = _labour(bank, day)
    if (paid := _paid(duty)) > labour.minutes_daily + labour.overtime_minutes_daily:
        broke("day_too_long", minutes=str(paid))
    longest, since, until = _longest_stretch(duty)
    if longest > labour.minutes_without_break:
        broke("break_too_late", since, until, minutes=str(longest))
    return found


def _belonging(bank: Bank, branch: Branch, person: Person, duty: Duty, broke: Broke) -> None:
    """Who works away from home may be lent, and has the time to come."""
    if person.branch == branch.id:
        if duty.from_branch:
            broke("lent_to_own_branch")
        return
    links = [
        link.travel_minutes
        for link in bank.neighbours
        if {link.branch, link.other} == {person.branch, branch.id}
    ]
    if not person.can_be_lent or duty.from_branch != person.branch:
        broke("not_to_be_lent")
    if not links or min(links) > bank.staffing.travel_minutes_most:
        broke("too_far_away")
        return
    ways = [s.until_minute - s.from_minute for s in duty.stints if s.post == "travel"]
    if sum(ways) < 2 * min(links):
        broke("travel_missing", minutes=str(2 * min(links)))


def _hours(bank: Bank, branch: Branch, duty: Duty, broke: Broke) -> None:
    """A duty has the hours, the meal and the gap of its shift, unless it was drawn by hand."""
    shift = next((s for s in bank.shifts if s.id == duty.shift_id), None)
    if shift is None:
        if duty.shift_id or not duty.is_pinned:
            broke("shift_unknown", shift=duty.shift_id)
        return
    if shift.branches and branch.id not in shift.branches:
        broke("shift_not_here", shift=shift.id)
    if duty.is_pinned:
        return
    if (duty.from_minute, duty.until_minute) != (shift.hours.opens_minute, shift.hours.closes_minute):
        broke("hours_not_of_shift", shift=shift.id)
    meals = {(s.from_minute, s.until_minute) for s in duty.stints if s.post == "break"}
    if (len(meals) != 1 if shift.lunches else bool(meals)) or not meals <= _stretches(shift.lunches):
        broke("meal_not_of_shift", shift=shift.id)
    gaps = {(s.from_minute, s.until_minute) for s in duty.stints if s.post == "gap"}
    if gaps != _stretches((shift.gap,) if shift.gap else ()):
        broke("gap_not_of_shift", shift=shift.id)


def _stretches(hours: Iterable[Hours]) -> set[tuple[int, int]]:
    return {(each.opens_minute, each.closes_minute) for each in hours}


def _stints(bank: Bank, branch: Branch, person: Person, duty: Duty, broke: Broke) -> None:
    rooms = {c.id: c for c in branch.counters}
    for stint in duty.stints:
        since, until = stint.from_minute, stint.until_minute
        if not duty.from_minute <= since < until <= duty.until_minute:
            broke("stint_outside", since, until)
        if stint.post in AT_WORK and TRAINED_AS.get(stint.post, stint.post) not in person.posts:
            broke("not_trained", since, until, post=stint.post)
        if stint.post == "window":
            room = rooms.get(stint.counter_id)
            if room is None:
                broke("counter_unknown", since, until, counter=stint.counter_id)
            elif not set(room.services) & set(person.skills):
                broke("skill_missing", since, until, counter=stint.counter_id)
    for one, other in pairwise(sorted(duty.stints, key=lambda s: s.from_minute)):
        if other.from_minute < one.until_minute:
            broke("stints_overlap", other.from_minute, one.until_minute)
    _moves(bank, duty, broke)


def _moves(bank: Bank, duty: Duty, broke: Broke) -> None:
    """Not too many changes of post or counter in a day, and none for a short while."""
    work = [s for s in sorted(duty.stints, key=lambda s: s.from_minute) if s.post in AT_WORK]
    switches = 0
    for one, other in pairwise(work):
        if (one.post, one.counter_id) == (other.post, other.counter_id):
            continue
        switches += 1
        if one.until_minute != other.from_minute:
            continue
        for stint in (one, other):
            if stint.until_minute - stint.from_minute < bank.staffing.stint_minutes_least:
                broke("stint_short", stint.from_minute, stint.until_minute, post=stint.post)
    if switches > bank.staffing.switches_daily_most:
        broke("too_many_switches", switches=str(switches))


def _counters(plan: DayPlan) -> list[Violation]:
    """One person at a counter."""
    at: dict[str, list[tuple[Stint, str]]] = defaultdict(list)
    for duty in plan.duties:
        for stint in duty.stints:
            if stint.post == "window":
                at[stint.counter_id].append((stint, duty.person_id))
    found = []
    for counter, sat in at.items():
        ordered = sorted(sat, key=lambda each: each[0].from_minute)
        for (one, _), (other, person) in pairwise(ordered):
            if other.from_minute < one.until_minute:
                detail = {"counter": counter}
                found.append(
                    Violation("counter_taken", plan.day, person, other.from_minute, one.until_minute, detail)
                )
    return found


def _minimums(bank: Bank, branch: Branch, plan: DayPlan, hours: Hours) -> list[Violation]:
    policy = bank.staffing
    wanted = {
        "windows_below": ("window", min(policy.windows_at_least, len(branch.counters))),
        "lobby_below": ("lobby", policy.lobby_at_least),
        "guard_below": ("guard", policy.guards_at_least),
        "remote_below": ("remote", policy.remote_at_least),
    }
    found: list[Violation] = []
    for code, (post, least) in wanted.items():
        there = [0] * (hours.minutes + 1)
        for duty in plan.duties:
            for stint in duty.stints:
                if stint.post == post:
                    first = max(0, stint.from_minute - hours.opens_minute)
                    for minute in range(first, min(hours.minutes, stint.until_minute - hours.opens_minute)):
                        there[minute] += 1
        found += _below(code, plan.day, there[:-1], least, hours.opens_minute)
    holders = {p.id for p in bank.people if p.is_key_holder and p.branch == branch.id}
    own = [d for d in plan.duties if d.person_id in holders]
    for minute, is_closing in ((hours.opens_minute, False), (hours.closes_minute, True)):
        if is_closing:
            count = sum(d.from_minute < minute <= d.until_minute for d in own)
        else:
            count = sum(d.from_minute <= minute < d.until_minute for d in own)
        if count < policy.key_holders_at_least:
            detail = {"there": str(count), "least": str(policy.key_holders_at_least)}
            found.append(Violation("key_holders_below", plan.day, "", minute, minute, detail))
    return found


def _below(code: str, day: date, there: Sequence[int], least: int, opens: int) -> list[Violation]:
    found: list[Violation] = []
    for minute, count in enumerate(there):
        if count >= least:
            continue
        last = found[-1] if found else None
        detail = {"there": str(count), "least": str(least)}
        if last and last.until_minute == opens + minute and last.detail == detail:
            found[-1] = msgspec.structs.replace(last, until_minute=opens + minute + 1)
        else:
            found.append(Violation(code, day, "", opens + minute, opens + minute + 1, detail))
    return found


# --- weeks ----------------------------------------------------------------------------------------------


def _people(bank: Bank, plan: WeekPlan, earlier: Sequence[WeekPlan]) -> list[Violation]:
    planned = {day.day for day in plan.days}
    days: dict[str, dict[date, list[_Day]]] = defaultdict(lambda: defaultdict(list))
    for other in earlier:
        for day in other.days:
            if day.day in planned and other.branch == plan.branch:
                continue
            for duty in day.duties:
                days[duty.person_id][day.day] = [_Day(day.day, other.branch, duty)]
    found: list[Violation] = []
    for day in plan.days:
        for duty in day.duties:
            sofar = days[duty.person_id][day.day]
            if any(each.branch != plan.branch for each in sofar):
                found.append(Violation("in_two_branches", day.day, duty.person_id))
            sofar.append(_Day(day.day, plan.branch, duty))
    people = {p.id: p for p in bank.people}
    mine = {duty.person_id for day in plan.days for duty in day.duties}
    for person_id in sorted(mine & set(people)):
        worked = {day: each for day, each in days[person_id].items() if each}
        found += _weeks(bank, people[person_id], worked, planned)
        found += _rest(bank, person_id, worked, planned)
    return found


def _weeks(bank: Bank, person: Person, worked: dict[date, list[_Day]], planned: set[date]) -> list[Violation]:
    contract = _contract(bank, person)
    found: list[Violation] = []
    for monday in sorted({day - timedelta(days=day.weekday()) for day in planned}):
        week = [monday + timedelta(days=n) for n in range(7)]
        days = [each for day in week for each in worked.get(day, [])]
        if not days:
            continue
        labour = _labour(bank, monday)
        paid = sum(_paid(each.duty) for each in days)
        count = len({each.day for each in days})
        last = max(each.day for each in days)
        most = labour.minutes_weekly
        if contract:
            most = min(contract.minutes_weekly, most) + contract.overtime_minutes_weekly
            if count > contract.days_weekly:
                found.append(Violation("days_not_agreed", last, person.id, detail={"days": str(count)}))
        if paid > most:
            found.append(
                Violation("week_too_long", last, person.id, detail={"minutes": str(paid), "most": str(most)})
            )
        if count > 7 - labour.rest_days_weekly:
            found.append(Violation("rest_day_missing", last, person.id, detail={"days": str(count)}))
        over = sum(
            each.duty.overtime_minutes
            for day, all_ in worked.items()
            if (day.year, day.month) == (last.year, last.month)
            for each in all_
        )
        if over > labour.overtime_minutes_monthly:
            found.append(Violation("month_overtime", last, person.id, detail={"minutes": str(over)}))
    return found


def _rest(bank: Bank, person_id: str, worked: dict[date, list[_Day]], planned: set[date]) -> list[Violation]:
    found: list[Violation] = []
    for day in sorted(planned & set(worked)):
        labour = _labour(bank, day)
        for before, after in ((day - timedelta(days=1), day), (day, day + timedelta(days=1))):
            if before not in worked or after not in worked or (after in planned and after != day):
                continue
            ends = max(each.duty.until_minute for each in worked[before])
            begins = min(each.duty.from_minute for each in worked[after]) + 1_440
            if begins - ends < labour.rest_minutes:
                detail = {"minutes": str(begins - ends), "least": str(labour.rest_minutes)}
                found.append(Violation("rest_too_short", after, person_id, detail=detail))
        run = 1
        while day - timedelta(days=run) in worked:
            run += 1
        if run > labour.days_in_row:
            found.append(Violation("too_many_days_in_row", day, person_id, detail={"days": str(run)}))
    return found


# --- words of the bank ----------------------------------------------------------------------------------


def _contract(bank: Bank, person: Person) -> Contract | None:
    if person.contract:
        return next((c for c in bank.contracts if c.id == person.contract), None)
    return bank.contracts[0] if bank.contracts else None


def _labour(bank: Bank, day: date) -> LabourRules:
    begun = sorted((p for p in bank.labour if p.first <= day), key=lambda p: p.first)
    if begun:
        return begun[-1]
    return LabourRules("", Text(en="Labour Law", zh="劳动法"), date.min)


def _paid(duty: Duty) -> int:
    return sum(
        1
        for minute in range(duty.from_minute, duty.until_minute)
        if not any(s.post in FREE and s.from_minute <= minute < s.until_minute for s in duty.stints)
    )


def _longest_stretch(duty: Duty) -> tuple[int, int, int]:
    """(minutes, from, until) of the longest time without a meal or a gap."""
    free = sorted((s.from_minute, s.until_minute) for s in duty.stints if s.post in FREE)
    edges = [(duty.from_minute, duty.from_minute), *free, (duty.until_minute, duty.until_minute)]
    stretches = [(after[0] - before[1], before[1], after[0]) for before, after in pairwise(edges)]
    return max(stretches)

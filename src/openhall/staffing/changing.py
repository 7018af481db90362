"""Changes of a plan by hand. Each is one function of the plan; `checking` says afterwards what it breaks.

What somebody sets by hand is pinned: planning again leaves that person's day as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from itertools import pairwise

import msgspec

from openhall.kernel.refusal import Refusal
from openhall.network.model import Bank, Branch, Person
from openhall.network.staffing import PlannedPost, Shift
from openhall.staffing.plan import DayPlan, Duty, Stint, WeekPlan
from openhall.staffing.records import labour_on, shifts_of, stretch_with


class SetShift(msgspec.Struct, frozen=True, tag=True):
    """Somebody gets a shift, or with an empty one the day off."""

    day: date
    person_id: str
    shift_id: str = ""


class SetStint(msgspec.Struct, frozen=True, tag=True):
    """Somebody is at a post for some time, whatever was planned for them then."""

    day: date
    person_id: str
    post: PlannedPost
    from_minute: int
    until_minute: int
    counter_id: str = ""


class MoveStint(msgspec.Struct, frozen=True, tag=True):
    """A stint goes to another time, or to somebody else."""

    day: date
    person_id: str
    from_minute: int
    """Of the stint as it is."""
    to_person_id: str
    new_from_minute: int
    new_until_minute: int


class SetPinned(msgspec.Struct, frozen=True, tag=True):
    """Somebody's day stays as it is when the plan is made anew, or does not."""

    day: date
    person_id: str
    is_pinned: bool


Change = SetShift | SetStint | MoveStint | SetPinned


def changed(plan: WeekPlan, change: Change, bank: Bank) -> WeekPlan | Refusal:
    """The plan after a change. Figures of the day are as before: `workers.planning.effect` works them out."""
    day = next((each for each in plan.days if each.day == change.day), None)
    if day is None:
        return Refusal("plan_day_unknown", "day", {"day": change.day.isoformat()})
    branch = bank.branch(plan.branch)
    if branch is None:
        raise AssertionError(f"Expected a branch of the bank, got {plan.branch}")
    match change:
        case SetShift():
            after = _set_shift(day, change, bank, branch)
        case SetStint():
            stint = Stint(change.post, change.from_minute, change.until_minute, change.counter_id)
            after = _put(day, change.person_id, stint, bank, branch)
        case MoveStint():
            after = _move(day, change, bank, branch)
        case SetPinned():
            after = _of_duty(day, change.person_id, bank, lambda d: _pinned(d, is_pinned=change.is_pinned))
    if isinstance(after, Refusal):
        return after
    days = tuple(after if each.day == change.day else each for each in plan.days)
    return msgspec.structs.replace(plan, days=days, status="by_hand")


def _person(bank: Bank, person_id: str) -> Person | Refusal:
    found = next((p for p in bank.people if p.id == person_id), None)
    return found or Refusal("plan_person_unknown", "person_id", {"person": person_id})


def _of_duty(day: DayPlan, person_id: str, bank: Bank, of: Callable[[Duty], Duty]) -> DayPlan | Refusal:
    person = _person(bank, person_id)
    if isinstance(person, Refusal):
        return person
    if not any(d.person_id == person_id for d in day.duties):
        return Refusal("plan_no_duty", "person_id", {"person": person.name})
    duties = tuple(of(d) if d.person_id == person_id else d for d in day.duties)
    return msgspec.structs.replace(day, duties=duties)


def _pinned(duty: Duty, *, is_pinned: bool) -> Duty:
    return msgspec.structs.replace(duty, is_pinned=is_pinned)


# --- shifts ---------------------------------------------------------------------------------------------


def _set_shift(day: DayPlan, change: SetShift, bank: Bank, branch: Branch) -> DayPlan | Refusal:
    person = _person(bank, change.person_id)
    if isinstance(person, Refusal):
        return person
    others = tuple(d for d in day.duties if d.person_id != person.id)
    if not change.shift_id:
        return msgspec.structs.replace(day, duties=others)
    shifts = {s.id: s for s in shifts_of(bank, branch)}
    if change.shift_id not in shifts:
        known = ", ".join(shifts)
        return Refusal("plan_shift_unknown", "shift_id", {"shift": change.shift_id, "known": known})
    duty = _duty(bank, branch, person, shifts[change.shift_id], change.day)
    duty = msgspec.structs.replace(duty, stints=_seated(day, others, duty, person, branch))
    return msgspec.structs.replace(day, duties=(*others, duty))


def _duty(bank: Bank, branch: Branch, person: Person, shift: Shift, day: date) -> Duty:
    """A shift's hours, with its gap, the first meal that comes in time, and the way of somebody borrowed."""
    begin, end = shift.hours.opens_minute, shift.hours.closes_minute
    free: list[Stint] = []
    if shift.gap:
        free.append(Stint("gap", shift.gap.opens_minute, shift.gap.closes_minute))
    if shift.lunches:
        longest = labour_on(bank, day).minutes_without_break
        timely = [meal for meal in shift.lunches if stretch_with(shift, meal) <= longest]
        meal = (timely or list(shift.lunches))[0]
        free.append(Stint("break", meal.opens_minute, meal.closes_minute))
    away = "" if person.branch == branch.id else person.branch
    ways = [link.travel_minutes for link in bank.neighbours if {link.branch, link.other} == {away, branch.id}]
    if away and ways:
        free += [Stint("travel", begin, begin + min(ways)), Stint("travel", end - min(ways), end)]
    stints = tuple(sorted(free, key=lambda s: s.from_minute))
    return Duty(person.id, shift.id, begin, end, stints, from_branch=away, is_pinned=True)


def _seated(
    day: DayPlan, others: Sequence[Duty], duty: Duty, person: Person, branch: Branch
) -> tuple[Stint, ...]:
    """What the free hours of a new duty are for: a window that is free, else the lobby."""
    closes = day.from_minute + len(day.expected) * day.interval_minutes
    found = list(duty.stints)
    edges = sorted(
        {duty.from_minute, duty.until_minute, *(m for s in found for m in (s.from_minute, s.until_minute))}
    )
    for since, until in pairwise(edges):
        since, until = max(since, day.from_minute), min(until, closes)
        if since >= until or any(s.from_minute <= since < s.until_minute for s in duty.stints):
            continue
        room = next(
            (
                c.id
                for c in branch.counters
                if "teller" in person.posts
                and set(c.services) & set(person.skills)
                and not _is_taken(others, c.id, since, until)
            ),
            "",
        )
        if room:
            found.append(Stint("window", since, until, room))
        elif "lobby" in person.posts:
            found.append(Stint("lobby", since, until))
    return tuple(sorted(found, key=lambda s: s.from_minute))


def _is_taken(duties: Sequence[Duty], counter_id: str, since: int, until: int) -> bool:
    return any(
        s.counter_id == counter_id and s.from_minute < until and since < s.until_minute
        for d in duties
        for s in d.stints
    )


# --- stints ---------------------------------------------------------------------------------------------


def _put(day: DayPlan, person_id: str, stint: Stint, bank: Bank, branch: Branch) -> DayPlan | Refusal:
    person = _person(bank, person_id)
    if isinstance(person, Refusal):
        return person
    rooms = {c.id for c in branch.counters}
    if stint.from_minute >= stint.until_minute:
        return Refusal("plan_times_crossed", "until_minute")
    if stint.post == "window" and stint.counter_id not in rooms:
        known = ", ".join(c.id for c in branch.counters)
        return Refusal("plan_counter_unknown", "counter_id", {"counter": stint.counter_id, "known": known})
    if stint.post != "window":
        stint = msgspec.structs.replace(stint, counter_id="")
    duty = next((d for d in day.duties if d.person_id == person_id), None)
    if duty is not None and not (
        duty.from_minute <= stint.from_minute and stint.until_minute <= duty.until_minute
    ):
        return Refusal("plan_outside_duty", "from_minute", {"person": person.name})
    return _of_duty(
        day,
        person_id,
        bank,
        lambda d: msgspec.structs.replace(d, stints=carved(d.stints, stint), is_pinned=True),
    )


def carved(stints: Sequence[Stint], new: Stint) -> tuple[Stint, ...]:
    """The stints with a new one among them; what it covers of the others goes."""
    found = [new]
    for old in stints:
        if old.from_minute < new.from_minute:
            end = min(old.until_minute, new.from_minute)
            found.append(msgspec.structs.replace(old, until_minute=end))
        if old.until_minute > new.until_minute:
            begin = max(old.from_minute, new.until_minute)
            found.append(msgspec.structs.replace(old, from_minute=begin))
    return tuple(sorted(found, key=lambda s: s.from_minute))


def _move(day: DayPlan, change: MoveStint, bank: Bank, branch: Branch) -> DayPlan | Refusal:
    person = _person(bank, change.person_id)
    if isinstance(person, Refusal):
        return person
    duty = next((d for d in day.duties if d.person_id == change.person_id), None)
    stint = next((s for s in duty.stints if s.from_minute == change.from_minute), None) if duty else None
    if duty is None or stint is None:
        return Refusal("plan_no_stint", "from_minute", {"person": person.name})
    new = msgspec.structs.replace(
        stint, from_minute=change.new_from_minute, until_minute=change.new_until_minute
    )
    left = tuple(s for s in duty.stints if s is not stint)
    if change.to_person_id == change.person_id and stint.post == "break":
        # Who eats later works on till then, at what the meal has pushed aside.
        aside = next(
            (s for s in left if s.from_minute < new.until_minute and new.from_minute < s.until_minute), None
        )
        if aside is not None:
            here = msgspec.structs.replace(
                aside, from_minute=stint.from_minute, until_minute=stint.until_minute
            )
            left = carved(left, here)
    without = _of_duty(
        day,
        change.person_id,
        bank,
        lambda d: msgspec.structs.replace(d, stints=_joined(left), is_pinned=True),
    )
    if isinstance(without, Refusal):
        return without
    return _put(without, change.to_person_id, new, bank, branch)


def _joined(stints: Sequence[Stint]) -> tuple[Stint, ...]:
    """Neighbours at the same post as one."""
    found: list[Stint] = []
    for stint in sorted(stints, key=lambda s: s.from_minute):
        last = found[-1] if found else None
        if last and (last.post, last.counter_id, last.until_minute) == (
            stint.post,
            stint.counter_id,
            stint.from_minute,
        ):
            found[-1] = msgspec.structs.replace(last, until_minute=stint.until_minute)
        else:
            found.append(stint)
    return tuple(found)

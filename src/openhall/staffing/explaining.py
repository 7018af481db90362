"""Why a plan falls short, by name: who could have come, and what keeps each of them away."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Literal

from openhall.network.calendar import services_at
from openhall.network.model import Bank, Branch, Person
from openhall.staffing.asking import PlanRequest
from openhall.staffing.plan import DayPlan, Duty, Note, Shortfall, WeekPlan
from openhall.staffing.records import (
    Worked,
    contract_of,
    is_on_leave,
    keeps_daily_rules,
    labour_on,
    paid_minutes,
    record_of,
    shifts_of,
    week_of,
)

What = Literal["windows", "lobby", "guard", "remote", "key_holder"]
CAUSES_SHOWN = 12
"""Names to one shortfall, at most."""


def shortfalls_of(bank: Bank, branch: Branch, plan: DayPlan, until: int) -> tuple[Shortfall, ...]:
    """Minimums that a day does not reach, services that nobody serves, and windows below what is needed."""
    policy = bank.staffing
    least = min(policy.windows_at_least, len(branch.counters))
    stretches = [
        (since, min(since + plan.interval_minutes, until))
        for since in range(plan.from_minute, until, plan.interval_minutes)
    ]
    found: list[Shortfall] = []
    for post, what, count in (
        ("lobby", "lobby", policy.lobby_at_least),
        ("guard", "guard", policy.guards_at_least),
        ("remote", "remote", policy.remote_at_least),
    ):
        missing = [count - _at(plan.duties, post, since, stop) for since, stop in stretches]
        found += _runs(what, stretches, missing)  # type: ignore[arg-type]
    wanted = [max(least, n) for n in plan.needed] or [least] * len(stretches)
    found += _runs("windows", stretches, [w - n for w, n in zip(wanted, plan.windows, strict=True)])
    found += _unserved(bank, branch, plan, stretches)
    keys = policy.key_holders_at_least
    holders = {p.id for p in bank.people if p.is_key_holder and p.branch == branch.id}
    own = [d for d in plan.duties if d.person_id in holders]
    opening = sum(d.from_minute <= plan.from_minute < d.until_minute for d in own)
    closing = sum(d.from_minute < until <= d.until_minute for d in own)
    if opening < keys:
        found.append(Shortfall("key_holder", plan.from_minute, plan.from_minute, keys - opening))
    if closing < keys:
        found.append(Shortfall("key_holder", until, until, keys - closing))
    return tuple(found)


def _at(duties: Sequence[Duty], post: str, since: int, until: int) -> int:
    return sum(
        s.post == post and s.from_minute <= since and until <= s.until_minute
        for duty in duties
        for s in duty.stints
    )


def _runs(
    what: What, stretches: Sequence[tuple[int, int]], missing: Sequence[int], service: str = ""
) -> list[Shortfall]:
    """Neighbouring intervals with the same lack, as one."""
    found: list[Shortfall] = []
    for (since, until), lack in zip(stretches, missing, strict=True):
        if lack <= 0:
            continue
        last = found[-1] if found else None
        if last and last.until_minute == since and last.missing == lack:
            found[-1] = Shortfall(what, last.from_minute, until, lack, service=service)
        else:
            found.append(Shortfall(what, since, until, lack, service=service))
    return found


def _unserved(
    bank: Bank, branch: Branch, plan: DayPlan, stretches: Sequence[tuple[int, int]]
) -> list[Shortfall]:
    """Services of the branch that no window serves."""
    skills = {p.id: set(p.skills) for p in bank.people}
    rooms = {c.id: set(c.services) for c in branch.counters}
    found: list[Shortfall] = []
    for service in services_at(bank, branch):
        missing = []
        for since, until in stretches:
            count = sum(
                s.post == "window"
                and s.from_minute <= since
                and until <= s.until_minute
                and service.id in rooms.get(s.counter_id, set()) & skills.get(duty.person_id, set())
                for duty in plan.duties
                for s in duty.stints
            )
            missing.append(0 if count else 1)
        found += _runs("windows", stretches, missing, service.id)
    return found


def notes_on(request: PlanRequest, plan: WeekPlan) -> tuple[Note, ...]:
    """Each minimum that is missed with whom it could have been, and shifts that no rule allows."""
    found: list[Note] = []
    record = record_of([*request.earlier, *request.others, plan])
    for day in plan.days:
        for lack in day.shortfalls:
            if lack.what == "windows" and not lack.service and not _is_minimum(request, day, lack):
                continue
            found.append(_short(day.day, lack))
            able = [p for p in request.bank.people if p.branch == request.branch and _is_able(p, lack)]
            if not able:
                found.append(
                    Note("nobody_trained", day=day.day, from_minute=lack.from_minute, detail=_of(lack))
                )
            for person in able[:CAUSES_SHOWN]:
                cause = cause_of(request, record, person, day, lack)
                if cause:
                    found.append(
                        Note(cause, person.id, day.day, lack.from_minute, detail={"what": lack.what})
                    )
    return (*found, *_impossible(request))


def _is_minimum(request: PlanRequest, day: DayPlan, lack: Shortfall) -> bool:
    least = min(request.bank.staffing.windows_at_least, len(request.place.counters))
    first = (lack.from_minute - day.from_minute) // day.interval_minutes
    return day.windows[first] < least


def _short(day: date, lack: Shortfall) -> Note:
    code = "service_unserved" if lack.service else f"short_of_{lack.what}"
    return Note(code, day=day, from_minute=lack.from_minute, detail=_of(lack))


def _of(lack: Shortfall) -> dict[str, str]:
    return {
        "what": lack.what,
        "missing": str(lack.missing),
        "until_minute": str(lack.until_minute),
        "service": lack.service,
    }


def _is_able(person: Person, lack: Shortfall) -> bool:
    if lack.what == "key_holder":
        return person.is_key_holder
    if lack.what == "windows":
        return "teller" in person.posts and (not lack.service or lack.service in person.skills)
    return lack.what in person.posts


def cause_of(
    request: PlanRequest,
    record: dict[str, dict[date, Worked]],
    person: Person,
    day: DayPlan,
    lack: Shortfall,
) -> str:
    """What keeps somebody from filling a gap; empty for whoever is there."""
    bank, worked = request.bank, record.get(person.id, {})
    if is_on_leave(bank, person.id, day.day):
        return "cause_leave"
    mine = worked.get(day.day)
    if mine is not None and mine.branch != request.branch:
        return "cause_lent"
    if mine is not None:
        return _while_at_work(mine.duty, lack)
    contract = contract_of(bank, person)
    shifts = [s for s in shifts_of(bank, request.place) if not contract.shifts or s.id in contract.shifts]
    until = max(lack.until_minute, lack.from_minute + 1)
    if not any(s.hours.opens_minute < until and lack.from_minute < s.hours.closes_minute for s in shifts):
        return "cause_no_shift"
    labour = labour_on(bank, day.day)
    days = [d for d in week_of(day.day) if d in worked]
    most = min(contract.days_weekly, 7 - labour.rest_days_weekly)
    away = sum(is_on_leave(bank, person.id, d) for d in week_of(day.day))
    if len(days) + min(away, contract.days_weekly) >= most:
        return "cause_days_full"
    minutes = sum(paid_minutes(worked[d].duty) for d in days)
    agreed = (
        contract.minutes_weekly
        - contract.minutes_weekly * min(away, contract.days_weekly) // contract.days_weekly
    )
    shortest = min((s.paid_minutes for s in shifts), default=0)
    if minutes + shortest > agreed + contract.overtime_minutes_weekly:
        return "cause_hours_full"
    run = 0
    while day.day - timedelta(days=run + 1) in worked:
        run += 1
    if run >= labour.days_in_row:
        return "cause_days_in_row"
    return "cause_free"


def _while_at_work(duty: Duty, lack: Shortfall) -> str:
    until = max(lack.until_minute, lack.from_minute + 1)
    if not (duty.from_minute <= lack.from_minute and until <= duty.until_minute):
        if lack.what == "key_holder" and lack.from_minute == duty.until_minute:
            return ""
        return "cause_other_hours"
    for stint in duty.stints:
        if stint.from_minute < until and lack.from_minute < stint.until_minute:
            if stint.post in ("break", "gap", "travel"):
                return "cause_break"
            if lack.what != "key_holder" and (stint.post == "window") != (lack.what == "windows"):
                return "cause_other_post"
    return ""


def _impossible(request: PlanRequest) -> list[Note]:
    """People whom no shift fits, and leave that a day drawn by hand forgets."""
    bank, found = request.bank, []
    labour = labour_on(bank, request.first)
    shifts = shifts_of(bank, request.place)
    if not shifts:
        return [Note("no_shifts")]
    for person in bank.people:
        if person.branch != request.branch:
            continue
        contract = contract_of(bank, person)
        own = [s for s in shifts if not contract.shifts or s.id in contract.shifts]
        if not any(keeps_daily_rules(s, labour, contract) for s in own):
            found.append(Note("no_shift_fits", person.id))
    for plan in request.current.days if request.current else ():
        found += [
            Note("pinned_on_leave", duty.person_id, plan.day)
            for duty in plan.duties
            if duty.is_pinned and is_on_leave(bank, duty.person_id, plan.day)
        ]
    return found

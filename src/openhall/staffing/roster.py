"""From the bank to numbers and back: who can work when, and what the answer means for people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import msgspec

from openhall.network.calendar import services_at
from openhall.network.model import Person
from openhall.network.staffing import Contract, LabourRules, Shift
from openhall.science.roster.week import (
    POSTS,
    Bound,
    DayNumbers,
    Fixed,
    Flow,
    Group,
    Post,
    Prices,
    Segment,
    ShiftNumbers,
    Week,
    Worker,
)
from openhall.staffing.asking import PlanRequest
from openhall.staffing.demand import DayDemand
from openhall.staffing.plan import Duty, WeekPlan
from openhall.staffing.records import (
    Record,
    Worked,
    burden,
    contract_of,
    is_on_leave,
    keeps_daily_rules,
    labour_on,
    paid_minutes,
    record_of,
    shifts_of,
    stretch_with,
    week_of,
)

WISH_PRICE = 30.0
"""Late minutes: a wish is broken if it costs the customers more."""
HABIT_PRICE = 1.0
"""Another shift than on this weekday last week."""
DAY_MINUTES = 1_440


class Pattern(msgspec.Struct, frozen=True):
    """One column of `Week.shifts`, in words."""

    shift: Shift | None
    """None for a given duty, which may have been drawn by hand."""
    starts: int
    ends: int
    paid_minutes: int
    away: tuple[tuple[int, int], ...]
    """Gap, travel, and for a given duty its meal: not at a post."""
    lunches: tuple[tuple[int, int], ...] = ()
    is_elsewhere: bool = False
    travel_minutes: int = 0


class Member(msgspec.Struct, frozen=True):
    """Somebody who can be rostered here."""

    person: Person
    contract: Contract
    travel_minutes: int = 0
    from_branch: str = ""


class Translation:
    """A week in numbers, with the way back."""

    def __init__(self, request: PlanRequest, demands: Sequence[DayDemand]) -> None:
        self.request = request
        self.demands = demands
        self.bank, self.branch = request.bank, request.place
        self.given = _given(request)
        self.record = _record(request)
        self.members = _members(request)
        self.patterns: list[Pattern] = []
        self._pattern_index: dict[Pattern, int] = {}
        self._services = tuple(s.id for s in services_at(self.bank, self.branch))
        self._groups: dict[Group, int] = {}
        self._last_week = _last_week(request)
        workers = tuple(self._worker(member) for member in self.members)
        self._grid()
        self.week = Week(
            interval_minutes=self._step,
            segments=self._segments,
            shifts=tuple(self._numbers(pattern) for pattern in self.patterns),
            groups=tuple(self._groups),
            workers=workers,
            days=tuple(self._day(demand) for demand in demands),
            counters=len(self.branch.counters),
            counters_by_service=tuple(
                sum(service in c.services for c in self.branch.counters) for service in self._services
            ),
            rest_minutes=max(labour_on(self.bank, d).rest_minutes for d in request.dates),
            prices=Prices(overtime_hour=self.bank.staffing.late_minutes_per_paid_hour),
        )

    # --- people --------------------------------------------------------------------------------------

    def _worker(self, member: Member) -> Worker:
        bank, request, person = self.bank, self.request, member.person
        shifts, costs, burdens, idle, fixed = [], [], [], [], []
        for day in request.dates:
            given = self.given.get((person.id, day))
            allowed: list[tuple[int, Shift | None]] = [] if given else [*self._allowed(member, day)]
            if given:
                allowed = [(self._index(_pattern_of(given, request.branch)), None)]
            price = [self._cost(member, day, shift, pattern) for pattern, shift in allowed]
            shifts.append(tuple(pattern for pattern, _ in allowed))
            costs.append((0.0,) if given else tuple(price))
            burdens.append(tuple(burden(bank, self.branch, day, shift) for _, shift in allowed))
            wants_work = any(
                w.person == person.id and w.date == day and w.wants in ("work", "shift") for w in bank.wishes
            )
            idle.append(WISH_PRICE if wants_work and allowed and not given else 0.0)
            fixed.append(Fixed(allowed[0][0], -1) if given else None)
        before = self.record.get(person.id, {})
        first = request.first
        yesterday = before.get(first - timedelta(days=1))
        return Worker(
            group=self._group(person),
            shifts=tuple(shifts),
            costs=tuple(costs),
            idle_costs=tuple(idle),
            bounds=self._bounds(member),
            is_key_holder=person.is_key_holder and not member.from_branch,
            days_in_row_most=labour_on(bank, first).days_in_row,
            days_in_row_before=_days_before(before, first),
            ended_before=yesterday.duty.until_minute if yesterday else -1,
            fixed=tuple(fixed),
            burden_before=self._burden_before(before),
            burdens=tuple(burdens),
            is_fair=not member.from_branch and bool({"teller", "lobby"} & set(person.posts)),
            is_borrowed=bool(member.from_branch),
        )

    def _group(self, person: Person) -> int:
        posts: tuple[Post, ...] = tuple(
            post for post in POSTS if ("teller" if post == "window" else post) in person.posts
        )
        skills = tuple(i for i, service in enumerate(self._services) if service in person.skills)
        if not skills:
            posts = tuple(post for post in posts if post != "window")
        group = Group(posts, skills if "window" in posts else ())
        return self._groups.setdefault(group, len(self._groups))

    def _allowed(self, member: Member, day: date) -> list[tuple[int, Shift]]:
        """Shifts that somebody may have on a day, as (pattern, shift)."""
        person, demand = member.person, self._demand(day)
        if not demand.load.is_open or is_on_leave(self.bank, person.id, day):
            return []
        if self.request.only_days and day not in self.request.only_days:
            return []
        labour = labour_on(self.bank, day)
        found = []
        for shift in shifts_of(self.bank, self.branch):
            if member.contract.shifts and shift.id not in member.contract.shifts:
                continue
            if not keeps_daily_rules(shift, labour, member.contract):
                continue
            found.append((self._index(_pattern(shift, member.travel_minutes, labour)), shift))
        return found

    def _cost(self, member: Member, day: date, shift: Shift | None, pattern: int) -> float:
        bank, person, cost = self.bank, member.person, 0.0
        if shift is None:
            return 0.0
        for wish in bank.wishes:
            if wish.person == person.id and wish.date == day:
                is_against = wish.wants == "off" or (wish.wants == "shift" and wish.shift != shift.id)
                cost += WISH_PRICE if is_against else 0.0
        usual = self._last_week.get((person.id, day.weekday()))
        if usual and usual != shift.id:
            cost += HABIT_PRICE
        if member.from_branch:
            hours = self.patterns[pattern].paid_minutes / 60.0
            cost += hours * bank.staffing.late_minutes_per_paid_hour
        return cost

    def _bounds(self, member: Member) -> tuple[Bound, ...]:
        """Of each week that the days touch: what is left of the hours and days agreed."""
        dates = self.request.dates
        found = []
        for monday in dict.fromkeys(week_of(day)[0] for day in dates):
            week = week_of(monday)
            inside = tuple(i for i, day in enumerate(dates) if day in week)
            labour, contract = labour_on(self.bank, monday), member.contract
            before = [
                worked
                for day, worked in self.record.get(member.person.id, {}).items()
                if day in week and day not in dates
            ]
            leave = sum(is_on_leave(self.bank, member.person.id, day) for day in week)
            leave = min(leave, contract.days_weekly)
            minutes = min(contract.minutes_weekly, labour.minutes_weekly)
            agreed = minutes - minutes * leave // contract.days_weekly
            overtime = min(contract.overtime_minutes_weekly, self._overtime_left(member.person, monday))
            overtime = max(0, overtime - sum(w.duty.overtime_minutes for w in before))
            done = sum(paid_minutes(w.duty) - w.duty.overtime_minutes for w in before)
            days_most = min(contract.days_weekly - leave, 7 - labour.rest_days_weekly)
            found.append(Bound(inside, max(0, agreed - done), overtime, max(0, days_most - len(before))))
        return tuple(found)

    def _overtime_left(self, person: Person, monday: date) -> int:
        """Of the month in which the week begins."""
        used = sum(
            worked.duty.overtime_minutes
            for day, worked in self.record.get(person.id, {}).items()
            if (day.year, day.month) == (monday.year, monday.month) and day < monday
        )
        return max(0, labour_on(self.bank, monday).overtime_minutes_monthly - used)

    def _burden_before(self, before: dict[date, Worked]) -> float:
        earliest = self.request.first - timedelta(weeks=self.bank.staffing.fairness_weeks - 1)
        shifts = {shift.id: shift for shift in self.bank.shifts}
        return sum(
            burden(self.bank, self.branch, day, shifts.get(worked.duty.shift_id))
            for day, worked in before.items()
            if earliest <= day < self.request.first and worked.branch == self.branch.id
        )

    # --- the grid ------------------------------------------------------------------------------------

    def _index(self, pattern: Pattern) -> int:
        if pattern not in self._pattern_index:
            self._pattern_index[pattern] = len(self.patterns)
            self.patterns.append(pattern)
        return self._pattern_index[pattern]

    def _grid(self) -> None:
        """Intervals from the earliest opening to the latest closing, gathered where nothing changes."""
        opened = [d.load for d in self.demands if d.load.is_open]
        self._step = self.bank.staffing.interval_minutes
        self._origin = min((load.from_minute for load in opened), default=0)
        end = max((load.until_minute for load in opened), default=0)
        count = -(-(end - self._origin) // self._step)
        marks = [
            (
                *(self._is_open(d, i) for d in self.demands),
                *(self._covers(p, i) for p in self.patterns),
                *(self._overlaps(meal, i) for p in self.patterns for meal in p.lunches),
            )
            for i in range(count)
        ]
        segments: list[Segment] = []
        for index, mark in enumerate(marks):
            if segments and marks[segments[-1].first] == mark:
                segments[-1] = Segment(segments[-1].first, index + 1)
            else:
                segments.append(Segment(index, index + 1))
        self._segments = tuple(segments)

    def _demand(self, day: date) -> DayDemand:
        return self.demands[(day - self.request.first).days]

    def minute(self, interval: int) -> int:
        """At which an interval of the grid begins."""
        return self._origin + interval * self._step

    def _is_open(self, demand: DayDemand, interval: int) -> bool:
        minute = self.minute(interval)
        return demand.load.from_minute < minute + self._step and minute < demand.load.until_minute

    def _covers(self, pattern: Pattern, interval: int) -> bool:
        """At a post for the whole interval, the meal left aside. A last interval ends at closing."""
        minute = self.minute(interval)
        return (
            not pattern.is_elsewhere
            and pattern.starts <= minute
            and minute + self._step <= pattern.ends
            and not any(self._overlaps(away, interval) for away in pattern.away)
        )

    def _overlaps(self, stretch: tuple[int, int], interval: int) -> bool:
        minute = self.minute(interval)
        return stretch[0] < minute + self._step and minute < stretch[1]

    @property
    def minutes_daily(self) -> int:
        """Normal hours of a day."""
        return labour_on(self.bank, self.request.first).minutes_daily

    def _numbers(self, pattern: Pattern) -> ShiftNumbers:
        firsts = [segment.first for segment in self._segments]
        return ShiftNumbers(
            starts=pattern.starts,
            ends=pattern.ends,
            paid_minutes=pattern.paid_minutes,
            overtime_minutes=max(0, pattern.paid_minutes - self.minutes_daily),
            span=tuple(self._covers(pattern, i) for i in firsts),
            lunches=tuple(tuple(self._overlaps(meal, i) for i in firsts) for meal in pattern.lunches),
            is_elsewhere=pattern.is_elsewhere,
        )

    # --- demand --------------------------------------------------------------------------------------

    def _late(self, demand: DayDemand) -> tuple[tuple[float, ...], ...]:
        rows = []
        for segment in self._segments:
            total: list[float] = []
            for index in self._inside(demand, segment):
                late = demand.late[index]
                total = [a + b for a, b in zip(total, late, strict=True)] if total else list(late)
            rows.append(tuple(total) or (0.0,))
        return tuple(rows)

    def _shares(self, demand: DayDemand) -> tuple[tuple[float, ...], ...]:
        rows = []
        for segment in self._segments:
            inside = self._inside(demand, segment)
            work = {
                each.service: sum(each.mean[i] for i in inside) * each.minutes for each in demand.load.loads
            }
            total = sum(work.values())
            rows.append(tuple(work.get(s, 0.0) / total if total > 0 else 0.0 for s in self._services))
        return tuple(rows)

    def _inside(self, demand: DayDemand, segment: Segment) -> list[int]:
        """The day's own intervals in a segment."""
        first = (demand.load.from_minute - self._origin) // self._step
        return [i - first for i in range(*segment) if 0 <= i - first < demand.load.count]

    def _day(self, demand: DayDemand) -> DayNumbers:
        policy = self.bank.staffing
        is_open = tuple(self._is_open(demand, segment.first) for segment in self._segments)
        least: dict[Post, int] = {
            "window": min(policy.windows_at_least, len(self.branch.counters)),
            "lobby": policy.lobby_at_least,
            "guard": policy.guards_at_least,
            "remote": policy.remote_at_least,
        }
        return DayNumbers(
            is_open=is_open,
            least=least,
            key_holders=policy.key_holders_at_least,
            opens=demand.load.from_minute,
            closes=demand.load.until_minute,
            late=self._late(demand),
            shares=self._shares(demand),
            flow=self._flow(demand) if demand.load.is_open else None,
        )

    def _flow(self, demand: DayDemand) -> Flow:
        load = demand.load
        work = [sum(each.mean[i] * each.minutes for each in load.loads) for i in range(load.count)]
        people = sum(load.total())
        return Flow(
            work=tuple(sum(work[i] for i in self._inside(demand, segment)) for segment in self._segments),
            service_minutes=max(0.1, sum(work) / people) if people > 0 else 1.0,
            limit_minutes=demand.limit_minutes,
        )


def _pattern(shift: Shift, travel: int, labour: LabourRules) -> Pattern:
    """With the meals that come in time. Somebody who is borrowed comes later and goes earlier by the way."""
    starts, ends = shift.hours.opens_minute, shift.hours.closes_minute
    away = [(shift.gap.opens_minute, shift.gap.closes_minute)] if shift.gap else []
    if travel:
        away += [(starts, starts + travel), (ends - travel, ends)]
    lunches = tuple(
        (meal.opens_minute, meal.closes_minute)
        for meal in shift.lunches
        if stretch_with(shift, meal) <= labour.minutes_without_break
    )
    return Pattern(shift, starts, ends, shift.paid_minutes, tuple(away), lunches, travel_minutes=travel)


def _pattern_of(worked: Worked, here: str) -> Pattern:
    duty = worked.duty
    away = tuple((s.from_minute, s.until_minute) for s in duty.stints if s.post in ("break", "gap", "travel"))
    return Pattern(
        None,
        duty.from_minute,
        duty.until_minute,
        paid_minutes(duty),
        away,
        is_elsewhere=worked.branch != here,
    )


def _members(request: PlanRequest) -> list[Member]:
    """The branch's own people, and those of neighbours who can be lent and whose own plan is known."""
    bank = request.bank
    found = [Member(p, contract_of(bank, p)) for p in bank.people if p.branch == request.branch]
    planned = {plan.branch for plan in request.others}
    for link in bank.neighbours:
        other = link.beyond(request.branch)
        if other not in planned or link.travel_minutes > bank.staffing.travel_minutes_most:
            continue
        found += [
            Member(p, contract_of(bank, p), link.travel_minutes, other)
            for p in bank.people
            if p.branch == other and p.can_be_lent
        ]
    return found


def _given(request: PlanRequest) -> dict[tuple[str, date], Worked]:
    """Days that are settled: pinned here, kept here, or worked at another branch."""
    found: dict[tuple[str, date], Worked] = {}
    for plan in request.others:
        for day in plan.days:
            for duty in day.duties:
                if plan.branch != request.branch:
                    found[duty.person_id, day.day] = Worked(plan.branch, duty)
    if request.current is not None:
        for day in request.current.days:
            for duty in day.duties:
                is_kept = bool(request.only_days) and day.day not in request.only_days
                if day.day in request.dates and (duty.is_pinned or is_kept):
                    found[duty.person_id, day.day] = Worked(request.branch, duty)
    return found


def _record(request: PlanRequest) -> Record:
    """What is known of days outside the request."""
    inside = set(request.dates)
    plans = [*request.earlier, *request.others]
    if request.current is not None:
        plans.append(request.current)
    return {
        person: {day: worked for day, worked in days.items() if day not in inside}
        for person, days in record_of(plans).items()
    }


def _days_before(worked: dict[date, Worked], first: date) -> int:
    count = 0
    while first - timedelta(days=count + 1) in worked:
        count += 1
    return count


def _last_week(request: PlanRequest) -> dict[tuple[str, int], str]:
    """Each person's shift of each weekday in the latest plan before."""
    before: list[WeekPlan] = [
        p for p in request.earlier if p.branch == request.branch and p.first < request.first
    ]
    latest = max(before, key=lambda p: p.first, default=None)
    if latest is None:
        return {}
    return {(duty.person_id, day.day.weekday()): duty.shift_id for day in latest.days for duty in day.duties}


def overtime_of(duties: Sequence[tuple[date, Duty]], bounds: Bound, minutes_daily: int) -> dict[date, int]:
    """Overtime of a week's duties: beyond the day's normal hours, then the week's, latest day first."""
    beyond = {day: max(0, paid_minutes(duty) - minutes_daily) for day, duty in duties}
    over = sum(paid_minutes(duty) for _, duty in duties) - bounds.minutes_agreed
    rest = over - sum(beyond.values())
    for day, duty in sorted(duties, key=lambda each: each[0], reverse=True):
        if rest <= 0:
            break
        taken = min(rest, paid_minutes(duty) - beyond[day])
        beyond[day] += taken
        rest -= taken
    return beyond

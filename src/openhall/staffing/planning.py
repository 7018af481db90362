"""A branch's days planned: load, prices, roster, seats, and again till the prices agree.

Brings numpy, numba and HiGHS along: for worker processes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

import msgspec
import numpy as np

from openhall.network.staffing import PlannedPost
from openhall.science.roster.search import Stop
from openhall.science.roster.week import Fixed, Prices, Rostered
from openhall.science.roster.week_greedy import Work
from openhall.science.roster.week_solving import WeekParameters, roster
from openhall.science.sizing.finite_day import Day
from openhall.staffing import sizing
from openhall.staffing.asking import PlanRequest
from openhall.staffing.demand import DayDemand, DayLoad, assumed_load, forecast_load
from openhall.staffing.explaining import notes_on, shortfalls_of
from openhall.staffing.forecasting import forecasts
from openhall.staffing.history import holes
from openhall.staffing.plan import DayPlan, Duty, Note, Stint, WeekPlan
from openhall.staffing.records import paid_minutes, week_of
from openhall.staffing.roster import Member, Pattern, Translation, overtime_of
from openhall.staffing.seating import Seating, Sitter, windows_of

FIRST_SHARE = 0.3
"""Of the time, for each round before the last: its roster only shows where prices are wrong."""
WHOLE_SHARE = 0.4
"""Of the last round's time, to prove how good its roster is."""
SEATING_SECONDS = 10.0
EARLIER_KEPT = 1.1
"""The last round's plan is the one that is proved; an earlier one is kept if it is better by so much."""
AGREED_MINUTES = 30.0
"""Late minutes of a week; prices that are off by less are right."""

Watchmaker = Callable[[float], Stop]
"""Gives a stop that says so after so many seconds."""


def loads_of(request: PlanRequest) -> tuple[DayLoad, ...]:
    """Who is expected, from the forecasts, or assumed where there is none."""
    bank, branch, past = request.bank, request.place, request.past
    ahead = request.forecasts
    if not ahead and past.is_enough:
        ahead = forecasts(bank, branch, past, request.dates)
    if not ahead:
        return tuple(assumed_load(bank, branch, day, request.assumptions) for day in request.dates)
    share = past.green_share if past.green_share is not None else request.assumptions.green_share
    return tuple(
        forecast_load(bank, branch, day, ahead, service_minutes=past.service_minutes, green_share=share)
        for day in request.dates
    )


def demands_of(request: PlanRequest) -> list[DayDemand]:
    """The days, sized."""
    return [sizing.size(request.bank, request.place, load) for load in loads_of(request)]


def plan_days(request: PlanRequest, watch: Watchmaker) -> WeekPlan:
    """The plan of a request, within its time."""
    whole = watch(request.seconds)
    generator = np.random.default_rng(request.seed)
    demands = demands_of(request)
    finite = [sizing.day_of(request.bank, d.load) if d.load.is_open else None for d in demands]
    best: tuple[float, WeekPlan] | None = None
    work: Work | None = None
    is_agreed = False
    for number in range(1, request.rounds_most + 1):
        is_last = is_agreed or number == request.rounds_most
        translation = Translation(request, demands)
        share = 1.0 if is_last else FIRST_SHARE
        answer = roster(
            translation.week,
            stop=watch(max(0.05, share * whole.seconds_left())),
            generator=generator,
            before=work,
            parameters=WeekParameters(steps=request.work_limit, whole_share=WHOLE_SHARE if is_last else 0.0),
        )
        work = answer.work
        duties = seats(translation, answer)
        plan = _assembled(translation, answer, demands, finite, duties, number)
        cost = _cost(request, plan)
        if best is None or cost < best[0] * (EARLIER_KEPT if is_last else 1.0):
            best = (cost, plan)
        if is_last:
            break
        demands, error = _repriced(request, demands, finite, duties)
        is_agreed = error < AGREED_MINUTES
    if best is None:
        raise AssertionError("Expected one round at least")
    return msgspec.structs.replace(best[1], rounds=number)


def _cost(request: PlanRequest, plan: WeekPlan) -> float:
    """What a plan costs by the finite day, in late minutes: what the rounds are compared by."""
    prices = Prices()
    total = 0.0
    for day in plan.days:
        total += day.late_minutes
        for duty in day.duties:
            paid = paid_minutes(duty) if duty.from_branch else duty.overtime_minutes
            total += paid / 60.0 * request.bank.staffing.late_minutes_per_paid_hour
        for lack in day.shortfalls:
            if lack.what == "key_holder":
                total += lack.missing * prices.missing_key_holder
            elif lack.what != "windows" or lack.service:
                minutes = lack.until_minute - lack.from_minute
                total += lack.missing * minutes * prices.missing_minute
    return total


def _repriced(
    request: PlanRequest,
    demands: Sequence[DayDemand],
    finite: Sequence[Day | None],
    duties: Sequence[tuple[Duty, ...]],
) -> tuple[list[DayDemand], float]:
    """Prices as the finite day has them, and by how much they were off."""
    found, error = [], 0.0
    for demand, day, of_day in zip(demands, finite, duties, strict=True):
        if day is None or not demand.late:
            found.append(demand)
            continue
        windows = windows_of(demand, of_day)
        most = len(request.place.counters)
        saved = sizing.savings(day, windows, most)
        late = demand.late
        for i, n in enumerate(windows):
            at = min(n, len(late[i]) - 2)
            error += abs(saved[i] - (late[i][at] - late[i][at + 1])) if at >= 0 else 0.0
        found.append(sizing.repriced(demand, windows, saved))
    return found, error


# --- the answer, for people ----------------------------------------------------------------------------


def seats(translation: Translation, answer: Rostered) -> list[tuple[Duty, ...]]:
    """Each day's duties, with stints and overtime."""
    request, found = translation.request, []
    for index, day in enumerate(request.dates):
        sitters = []
        for w, member in enumerate(translation.members):
            chosen = answer.work[w][index]
            if chosen is None:
                continue
            pattern = translation.patterns[chosen.shift]
            if not pattern.is_elsewhere:
                given = translation.given.get((member.person.id, day))
                sitters.append(_sitter(member, pattern, chosen, given.duty if given else None))
        demand = translation.demands[index]
        found.append(
            Seating(request.bank, request.place, demand, sitters).duties(SEATING_SECONDS)
            if demand.load.is_open
            else tuple(s.given for s in sitters if s.given is not None)
        )
    return _with_overtime(translation, found)


def _sitter(member: Member, pattern: Pattern, chosen: Fixed, given: Duty | None) -> Sitter:
    away: list[Stint] = []
    free: list[tuple[PlannedPost, tuple[int, int]]] = []
    if pattern.shift is not None and pattern.shift.gap:
        free.append(("gap", pattern.away[0]))
    if pattern.travel_minutes:
        free += [("travel", stretch) for stretch in pattern.away[-2:]]
    if chosen.lunch >= 0:
        free.append(("break", pattern.lunches[chosen.lunch]))
    away = [Stint(post, since, until) for post, (since, until) in free]
    return Sitter(
        person=member.person,
        shift_id=pattern.shift.id if pattern.shift else "",
        from_minute=pattern.starts,
        until_minute=pattern.ends,
        away=tuple(sorted(away, key=lambda s: s.from_minute)),
        from_branch=member.from_branch,
        given=given,
    )


def _with_overtime(translation: Translation, days: list[tuple[Duty, ...]]) -> list[tuple[Duty, ...]]:
    """Overtime goes to the latest days of a week."""
    request = translation.request
    over: dict[tuple[str, date], int] = {}
    daily = translation.minutes_daily
    for w, member in enumerate(translation.members):
        for bound in translation.week.workers[w].bounds:
            mine = [
                (request.dates[i], duty)
                for i in bound.days
                for duty in days[i]
                if duty.person_id == member.person.id
            ]
            elsewhere = sum(
                paid_minutes(worked.duty)
                for (person, day), worked in translation.given.items()
                if person == member.person.id
                and worked.branch != request.branch
                and week_of(day) == week_of(request.dates[bound.days[0]])
            )
            left = msgspec.structs.replace(bound, minutes_agreed=max(0, bound.minutes_agreed - elsewhere))
            for day, minutes in overtime_of(mine, left, daily).items():
                over[member.person.id, day] = minutes
    return [
        tuple(
            msgspec.structs.replace(duty, overtime_minutes=over.get((duty.person_id, request.dates[i]), 0))
            for duty in duties
        )
        for i, duties in enumerate(days)
    ]


def _assembled(
    translation: Translation,
    answer: Rostered,
    demands: Sequence[DayDemand],
    finite: Sequence[Day | None],
    duties: Sequence[tuple[Duty, ...]],
    rounds: int,
) -> WeekPlan:
    request = translation.request
    days = []
    for day, demand, exact, of_day in zip(request.dates, demands, finite, duties, strict=True):
        days.append(day_plan(request, day, demand, exact, of_day))
    kept = _kept_days(request)
    days = [kept.get(plan.day, plan) for plan in days]
    plan = WeekPlan(
        branch=request.branch,
        first=request.first,
        days=tuple(days),
        network_version=request.network_version,
        status=answer.status,
        gap_percent=round(answer.gap_percent, 3),
        gap_minutes=round(max(0.0, answer.objective - max(0.0, answer.bound)), 1),
        rounds=rounds,
    )
    notes: list[Note] = []
    if any(demand.load.is_assumed for demand in demands):
        notes.append(Note("demand_assumed"))
    if gone := holes(request.place, request.past):
        notes.append(Note("history_holes", detail={"days": str(gone)}))
    if request.past.days and not request.past.is_enough:
        notes.append(Note("history_short", detail={"days": str(len(request.past.days))}))
    notes += [Note("target_out_of_reach", day=d.load.day) for d in demands if not d.is_target_kept]
    if answer.status == "fallback":
        notes.append(Note("solver_silent"))
    return msgspec.structs.replace(plan, notes=(*notes, *notes_on(request, plan)))


def _kept_days(request: PlanRequest) -> dict[date, DayPlan]:
    if request.current is None or not request.only_days:
        return {}
    return {plan.day: plan for plan in request.current.days if plan.day not in request.only_days}


def day_plan(
    request: PlanRequest, day: date, demand: DayDemand, exact: Day | None, duties: Sequence[Duty]
) -> DayPlan:
    """One day with its figures."""
    load = demand.load
    if not load.is_open or exact is None:
        return DayPlan(day, is_open=False, duties=tuple(duties))
    windows = windows_of(demand, duties)
    figures = sizing.figures(exact, windows)
    plan = DayPlan(
        day=day,
        is_open=True,
        from_minute=load.from_minute,
        interval_minutes=load.interval_minutes,
        expected=tuple(round(x, 3) for x in load.total()),
        low=tuple(round(x, 3) for x in load.total("low")),
        high=tuple(round(x, 3) for x in load.total("high")),
        needed=demand.needed,
        windows=windows,
        late_minutes=round(figures.late_minutes_total, 1),
        carries=sizing.carries(request.bank, load, windows),
        duties=tuple(duties),
    )
    shortfalls = shortfalls_of(request.bank, request.place, plan, load.until_minute)
    return msgspec.structs.replace(plan, shortfalls=_priced(shortfalls, plan, figures.late_minutes))


def _priced(shortfalls: Sequence, plan: DayPlan, late: Sequence[float]) -> tuple:  # type: ignore[type-arg]
    found = []
    for each in shortfalls:
        if each.what == "windows":
            first = (each.from_minute - plan.from_minute) // plan.interval_minutes
            until = -(-(each.until_minute - plan.from_minute) // plan.interval_minutes)
            each = msgspec.structs.replace(each, late_minutes=round(sum(late[first:until]), 1))
        found.append(each)
    return tuple(found)


def effect(request: PlanRequest, plan: WeekPlan, day: date) -> DayPlan:
    """The day as it is after a change by hand: windows, late minutes and shortfalls anew."""
    of_day = next(each for each in plan.days if each.day == day)
    single = msgspec.structs.replace(request, first=day, days=1)
    demand = demands_of(single)[0]
    exact = sizing.day_of(request.bank, demand.load) if demand.load.is_open else None
    return day_plan(single, day, demand, exact, of_day.duties)

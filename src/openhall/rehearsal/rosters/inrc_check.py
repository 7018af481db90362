"""What a roster of the nurse rostering competition costs and which hard rules it breaks, counted row by row.

A weekend of which only some days are worked counts for the rule of identical shifts too, as the competition's
own evaluator does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby

from openhall.rehearsal.rosters.inrc import ANY, NONE, Contract, Limit, Pattern, Person, Problem

Row = Sequence[int | None]


def violations(problem: Problem, roster: Sequence[Row]) -> list[str]:
    """The hard rules that are broken: each shift has exactly the people it asks for."""
    if len(roster) != len(problem.people) or any(len(row) != problem.days for row in roster):
        return [f"the roster is not {len(problem.people)} people by {problem.days} days"]
    found = []
    for day in range(problem.days):
        there = Counter(row[day] for row in roster)
        for index, shift in enumerate(problem.shifts):
            wanted = problem.wanted[day][index]
            if there[index] != wanted:
                found.append(f"day {day}, {shift.name}: {there[index]} of {wanted}")
    return found


def cost(problem: Problem, roster: Sequence[Row]) -> int:
    """The weights of all soft rules that are broken, each as often as it is."""
    total = sum(
        sum(weight for _rule, weight in of_person(problem, person, row))
        for person, row in zip(problem.people, roster, strict=True)
    )
    for request in problem.requests_off:
        shift = roster[request.person][request.day]
        total += request.weight * (shift is not None if request.shift is None else shift == request.shift)
    for request in problem.requests_on:
        shift = roster[request.person][request.day]
        total += request.weight * (shift is None if request.shift is None else shift != request.shift)
    return total


def of_person(problem: Problem, person: Person, row: Row) -> Iterator[tuple[str, int]]:
    """The soft rules of the contract that the row breaks, with what each costs."""
    contract = person.contract
    works = [shift is not None for shift in row]
    yield from _amount(
        "assignments", sum(works), contract.limits.assignments_most, contract.limits.assignments_least
    )
    for is_work, length in _lengths(works):
        if is_work:
            yield from _amount("work", length, contract.limits.work_most, contract.limits.work_least)
        else:
            yield from _amount("rest", length, contract.limits.rest_most, contract.limits.rest_least)
    weekends = problem.weekends(contract)
    worked = [any(works[day] for day in days) for days in weekends]
    for is_work, length in _lengths(worked):
        if is_work:
            yield from _amount(
                "weekends", length, contract.limits.weekends_most, contract.limits.weekends_least
            )
    for first in range(len(worked) - 3):
        most = contract.limits.weekends_of_four_most
        yield from _amount("weekends of four", sum(worked[first : first + 4]), most, Limit(0, 0))
    for days in weekends:
        yield from _weekend(problem, contract, days, row)
    for day, shift in enumerate(row):
        if shift is not None:
            missing = problem.shifts[shift].skills - person.skills
            yield "skill", contract.weights.other_skill * bool(missing)
            if problem.shifts[shift].is_night:
                yield "after night", contract.weights.two_free_after_night * _is_soon_back(problem, row, day)
    for pattern in contract.patterns:
        count = sum(_fits(problem, pattern, day, row) for day in range(problem.days))
        yield "pattern", pattern.weight * count


def _lengths(flags: Sequence[bool]) -> Iterator[tuple[bool, int]]:
    for flag, run in groupby(flags):
        yield flag, len(list(run))


def _amount(rule: str, count: int, most: Limit, least: Limit) -> Iterator[tuple[str, int]]:
    yield f"{rule} most", most.weight * max(0, count - most.value)
    yield f"{rule} least", least.weight * max(0, least.value - count)


def _weekend(
    problem: Problem, contract: Contract, days: Sequence[int], row: Row
) -> Iterator[tuple[str, int]]:
    shifts = [row[day] for day in days if row[day] is not None]
    if shifts:
        missing = len(days) - len(shifts)
        yield "complete weekend", contract.weights.complete_weekends * missing
        yield "identical weekend", contract.weights.identical_weekends * (missing + len(set(shifts)) - 1)
    elif days[0] > 0:
        before = row[days[0] - 1]
        if before is not None and problem.shifts[before].is_night:
            yield "night before free weekend", contract.weights.night_before_free_weekend


def _is_soon_back(problem: Problem, row: Row, day: int) -> bool:
    """Whether another kind of shift comes on one of the two days after this night."""
    for shift in row[day + 1 : day + 3]:
        if shift is not None:
            return not problem.shifts[shift].is_night
    return False


def _fits(problem: Problem, pattern: Pattern, first: int, row: Row) -> bool:
    if first + len(pattern.steps) > problem.days:
        return False
    for day, step in enumerate(pattern.steps, start=first):
        shift = row[day]
        if step.weekday is not None and step.weekday != problem.weekday(day):
            return False
        if step.shift == NONE:
            is_fitting = shift is None
        elif step.shift == ANY:
            is_fitting = shift is not None
        else:
            is_fitting = shift is not None and problem.shifts[shift].name == step.shift
        if not is_fitting:
            return False
    return True

"""What a roster for a Curtois-Qu problem costs and which rules it breaks, as a person would check."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from openhall.rehearsal.rosters.curtois import FIRST_SATURDAY, Person, Problem

Row = Sequence[int | None]


def violations(problem: Problem, roster: Sequence[Row]) -> list[str]:
    """The hard rules that are broken, a sentence for each."""
    found = []
    if len(roster) != len(problem.people):
        return [f"{len(roster)} rows for {len(problem.people)} people"]
    for person, row in zip(problem.people, roster, strict=True):
        if len(row) != problem.days:
            found.append(f"{person.name}: {len(row)} days of {problem.days}")
        else:
            found += [f"{person.name}: {what}" for what in _of_person(problem, person, row)]
    return found


def _of_person(problem: Problem, person: Person, row: Row) -> Iterator[str]:
    worked = [None if shift is None else problem.shifts[shift] for shift in row]
    for day, shift in enumerate(worked):
        following = worked[day + 1] if day + 1 < len(worked) else None
        if shift and day in person.days_off:
            yield f"works on day {day}, a day off"
        if shift and following and following.name in shift.not_followed_by:
            yield f"{following.name} after {shift.name} on day {day + 1}"
    for name, most in person.shifts_most.items():
        count = sum(1 for shift in worked if shift and shift.name == name)
        if count > most:
            yield f"{count} times {name}, at most {most}"
    minutes = sum(shift.minutes for shift in worked if shift)
    if not person.minutes_least <= minutes <= person.minutes_most:
        yield f"{minutes} minutes, not between {person.minutes_least} and {person.minutes_most}"
    yield from _runs(problem, person, row)
    weekends = sum(
        any(shift is not None for shift in row[saturday : saturday + 2])
        for saturday in range(FIRST_SATURDAY, problem.days, 7)
    )
    if weekends > person.weekends_most:
        yield f"{weekends} weekends, at most {person.weekends_most}"


def _runs(problem: Problem, person: Person, row: Row) -> Iterator[str]:
    day = 0
    for works, run in groupby(row, key=lambda shift: shift is not None):
        length = len(list(run))
        is_inside = day > 0 and day + length < problem.days
        if works and length > person.consecutive_shifts_most:
            yield f"{length} shifts in a row from day {day}, at most {person.consecutive_shifts_most}"
        if works and is_inside and length < person.consecutive_shifts_least:
            yield f"{length} shifts in a row from day {day}, at least {person.consecutive_shifts_least}"
        if not works and is_inside and length < person.consecutive_off_least:
            yield f"{length} days off in a row from day {day}, at least {person.consecutive_off_least}"
        day += length


def cost(problem: Problem, roster: Sequence[Row]) -> int:
    """The weights of the wishes not met and of the cover missed or exceeded."""
    total = sum(w.weight for w in problem.wishes_on if roster[w.person][w.day] != w.shift)
    total += sum(w.weight for w in problem.wishes_off if roster[w.person][w.day] == w.shift)
    for cover in problem.covers:
        there = sum(row[cover.day] == cover.shift for row in roster)
        total += cover.weight_under * max(0, cover.wanted - there)
        total += cover.weight_over * max(0, there - cover.wanted)
    return total

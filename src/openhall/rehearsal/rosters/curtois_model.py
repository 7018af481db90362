"""A Curtois-Qu problem as a mixed-integer program.

The rules about consecutive days use a column for each start and each end of a run of work: with those, the
rules of one person over time describe the convex hull (Rajan and Takriti 2005, for units that run and rest).
"""

from __future__ import annotations

import numpy as np

from openhall.rehearsal.rosters.curtois import FIRST_SATURDAY, Person, Problem
from openhall.science.roster.annealing import Regulations
from openhall.science.roster.mip import Builder, Floats, Mip
from openhall.science.roster.stages import Ward

Roster = tuple[tuple[int | None, ...], ...]
"""For each person and day the shift, or None for a day off."""


class Model:
    """The program of a problem, and what its solutions mean."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self._builder = Builder()
        # Of each person, day and shift; -1 where the person may not.
        shape = (len(problem.people), problem.days, len(problem.shifts))
        self._work = np.full(shape, -1, dtype=np.int64)
        self._assignments()
        for number, person in enumerate(problem.people):
            self._amounts(number, person)
            self._successions(number)
            self._runs(number, person)
            self._weekends(number, person)
        self._covers()
        self.mip: Mip = self._builder.mip()
        self.rules = _regulations(problem)
        self.ward = Ward(self.rules, self._work)

    def roster(self, values: Floats) -> Roster:
        """The shifts that a solution, (n,), gives."""
        return tuple(
            tuple(
                next(
                    (shift for shift, column in enumerate(day) if column >= 0 and values[column] > 0.5), None
                )
                for day in person
            )
            for person in self._work.tolist()
        )

    def _columns(self, person: int, day: int) -> list[tuple[int, float]]:
        return [(int(column), 1.0) for column in self._work[person, day] if column >= 0]

    def _assignments(self) -> None:
        problem = self.problem
        cost = np.zeros(self._work.shape)
        for wish in problem.wishes_off:
            cost[wish.person, wish.day, wish.shift] += wish.weight
        for wish in problem.wishes_on:
            cost[wish.person, wish.day, wish.shift] -= wish.weight
            self._builder.offset += wish.weight
        for number, person in enumerate(problem.people):
            for day in range(problem.days):
                for index, shift in enumerate(problem.shifts):
                    if day not in person.days_off and person.shifts_most.get(shift.name, problem.days):
                        self._work[number, day, index] = self._builder.column(
                            cost=float(cost[number, day, index]), cell=(number, day)
                        )
                self._builder.row(self._columns(number, day), upper=1.0)

    def _amounts(self, number: int, person: Person) -> None:
        days = range(self.problem.days)
        minutes = []
        for index, shift in enumerate(self.problem.shifts):
            columns = [int(self._work[number, day, index]) for day in days]
            entries = [(column, 1.0) for column in columns if column >= 0]
            minutes += [(column, float(shift.minutes)) for column, _ in entries]
            most = person.shifts_most.get(shift.name, self.problem.days)
            if 0 < most < len(entries):
                self._builder.row(entries, upper=float(most))
        self._builder.row(minutes, lower=float(person.minutes_least), upper=float(person.minutes_most))

    def _successions(self, number: int) -> None:
        """A shift and all that may not follow it: at most one of them, and of those that forbid as much."""
        shifts = self.problem.shifts
        index = {shift.name: position for position, shift in enumerate(shifts)}
        cliques = {
            (
                frozenset(first.name for first in shifts if first.not_followed_by >= shift.not_followed_by),
                shift.not_followed_by,
            )
            for shift in shifts
            if shift.not_followed_by
        }
        for before, after in sorted(cliques, key=lambda clique: (sorted(clique[0]), sorted(clique[1]))):
            for day in range(self.problem.days - 1):
                columns = [int(self._work[number, day, index[name]]) for name in sorted(before)]
                columns += [int(self._work[number, day + 1, index[name]]) for name in sorted(after)]
                entries = [(column, 1.0) for column in columns if column >= 0]
                if len(entries) > 1:
                    self._builder.row(entries, upper=1.0)

    def _runs(self, number: int, person: Person) -> None:
        """`start` is 1 where work begins and `end` where rest begins, not counting the first day."""
        days = self.problem.days
        builder = self._builder
        work = [self._columns(number, day) for day in range(days)]
        start, end = [-1], [-1]
        for day in range(1, days):
            begins, ends = builder.column(integer=False), builder.column(integer=False)
            start.append(begins)
            end.append(ends)
            less = [(column, -1.0) for column, _ in work[day - 1]]
            builder.row([*work[day], *less, (begins, -1.0), (ends, 1.0)], lower=0.0, upper=0.0)
            builder.row([(begins, 1.0), *((column, -1.0) for column, _ in work[day])], upper=0.0)
            builder.row([(begins, 1.0), *work[day - 1]], upper=1.0)
        for day in range(1, days):
            recent = [
                (column, 1.0) for column in start[max(1, day - person.consecutive_shifts_least + 1) : day + 1]
            ]
            builder.row([*recent, *((column, -1.0) for column, _ in work[day])], upper=0.0)
            recent = [
                (column, 1.0) for column in end[max(1, day - person.consecutive_off_least + 1) : day + 1]
            ]
            builder.row([*recent, *work[day]], upper=1.0)
        most = person.consecutive_shifts_most
        for day in range(most, days):
            recent = [(column, -1.0) for column in start[day - most + 1 : day + 1]]
            builder.row([*work[day], *recent], upper=0.0)

    def _weekends(self, number: int, person: Person) -> None:
        weekends = []
        for saturday in range(FIRST_SATURDAY, self.problem.days, 7):
            column = self._builder.column(integer=False)
            weekends.append((column, 1.0))
            for day in range(saturday, min(saturday + 2, self.problem.days)):
                self._builder.row([*self._columns(number, day), (column, -1.0)], upper=0.0)
        self._builder.row(weekends, upper=float(person.weekends_most))

    def _covers(self) -> None:
        for cover in self.problem.covers:
            people = len(self.problem.people)
            under = self._builder.column(cost=float(cover.weight_under), upper=float(cover.wanted))
            over = self._builder.column(cost=float(cover.weight_over), upper=float(people))
            columns = self._work[:, cover.day, cover.shift]
            entries = [(int(column), 1.0) for column in columns if column >= 0]
            wanted = float(cover.wanted)
            self._builder.row([*entries, (under, 1.0), (over, -1.0)], lower=wanted, upper=wanted)


def _regulations(problem: Problem) -> Regulations:
    """The same problem for the annealing."""
    shape = (len(problem.people), problem.days, len(problem.shifts))
    index = {shift.name: number for number, shift in enumerate(problem.shifts)}
    may, wish = np.ones(shape, dtype=np.bool_), np.zeros(shape)
    wanted, under, over = np.zeros(shape[1:]), np.zeros(shape[1:]), np.zeros(shape[1:])
    most = np.full((shape[0], shape[2]), problem.days, dtype=np.int64)
    limits = np.zeros((shape[0], 6), dtype=np.int64)
    for number, person in enumerate(problem.people):
        for name, count in person.shifts_most.items():
            most[number, index[name]] = count
            may[number, :, index[name]] &= count > 0
        may[number, sorted(person.days_off), :] = False
        limits[number] = (
            person.minutes_least,
            person.minutes_most,
            person.consecutive_shifts_least,
            person.consecutive_shifts_most,
            person.consecutive_off_least,
            person.weekends_most,
        )
    for wish_on in problem.wishes_on:
        wish[wish_on.person, wish_on.day, wish_on.shift] -= wish_on.weight
    for wish_off in problem.wishes_off:
        wish[wish_off.person, wish_off.day, wish_off.shift] += wish_off.weight
    for cover in problem.covers:
        cell = (cover.day, cover.shift)
        wanted[cell], under[cell], over[cell] = cover.wanted, cover.weight_under, cover.weight_over
    return Regulations(
        may=may,
        wish=wish,
        wanted=wanted,
        under=under,
        over=over,
        minutes=np.array([shift.minutes for shift in problem.shifts], dtype=np.int64),
        bars=np.array([[b.name in a.not_followed_by for b in problem.shifts] for a in problem.shifts]),
        most=most,
        limits=limits,
        weekend=np.array([d // 7 if d % 7 >= FIRST_SATURDAY else -1 for d in range(problem.days)]),
    )

"""A problem of the nurse rostering competition as a mixed-integer program.

Every soft rule gets columns that pay for it. A run of work or of rest that is too short pays a day at a time,
from its start on: that is nearly the convex hull, where a row for each short window is far from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from openhall.rehearsal.rosters.inrc import ANY, NONE, Contract, Limit, Pattern, Problem, Step
from openhall.rehearsal.rosters.inrc_rules import soft_rules
from openhall.science.roster.mip import Builder, Floats, Mip
from openhall.science.roster.stages import Ward

Roster = tuple[tuple[int | None, ...], ...]


class Sum:
    """A constant and a sum of columns: an affine expression."""

    def __init__(self, entries: Sequence[tuple[int, float]] = (), constant: float = 0.0) -> None:
        self.entries = list(entries)
        self.constant = constant

    def __add__(self, other: Sum) -> Sum:
        return Sum(self.entries + other.entries, self.constant + other.constant)

    def __sub__(self, other: Sum) -> Sum:
        return self + other.times(-1.0)

    def plus(self, constant: float) -> Sum:
        """With a constant more."""
        return Sum(self.entries, self.constant + constant)

    def times(self, factor: float) -> Sum:
        """So many times."""
        return Sum([(column, factor * value) for column, value in self.entries], factor * self.constant)


class Model:
    """The program of a problem, and what its solutions mean."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._builder = Builder()
        shape = (len(problem.people), problem.days, len(problem.shifts))
        self._work = np.zeros(shape, dtype=np.int64)
        self._assignments()
        for number, person in enumerate(problem.people):
            self._amounts(number, person.contract)
            self._runs_of_days(number, person.contract)
            self._weekends(number, person.contract)
            self._nights(number, person.contract)
            self._patterns(number, person.contract)
        self._covers()
        self.mip: Mip = self._builder.mip()
        self.ward = Ward(soft_rules(problem), self._work)

    def roster(self, values: Floats) -> Roster:
        """The shifts that a solution, (n,), gives."""
        return tuple(
            tuple(next((s for s, column in enumerate(day) if values[column] > 0.5), None) for day in person)
            for person in self._work.tolist()
        )

    def column(self, person: int, day: int, shift: int) -> int:
        """Of giving somebody a shift on a day."""
        return int(self._work[person, day, shift])

    # --- expressions -------------------------------------------------------------------------------

    def _works(self, person: int, day: int) -> Sum:
        return Sum([(int(column), 1.0) for column in self._work[person, day]])

    def _has(self, person: int, day: int, shift: int) -> Sum:
        return Sum([(int(self._work[person, day, shift]), 1.0)])

    def _at_most(self, left: Sum, right: float = 0.0) -> None:
        self._builder.row(left.entries, upper=right - left.constant)

    def _excess(self, amount: Sum, weight: float, most: float = 1.0) -> Sum:
        """A new column of at least `amount` and at least 0, which costs `weight` a unit."""
        column = Sum([(self._builder.column(cost=weight, upper=most), 1.0)])
        self._at_most(amount - column)
        return column

    # --- rules -------------------------------------------------------------------------------------

    def _assignments(self) -> None:
        problem = self._problem
        cost = np.zeros(self._work.shape)
        for request in problem.requests_off:
            shifts = slice(None) if request.shift is None else request.shift
            cost[request.person, request.day, shifts] += request.weight
        for request in problem.requests_on:
            shifts = slice(None) if request.shift is None else request.shift
            cost[request.person, request.day, shifts] -= request.weight
            self._builder.offset += request.weight
        for number, person in enumerate(problem.people):
            for index, shift in enumerate(problem.shifts):
                if shift.skills - person.skills:
                    cost[number, :, index] += person.contract.weights.other_skill
            for day in range(problem.days):
                for index in range(len(problem.shifts)):
                    self._work[number, day, index] = self._builder.column(
                        cost=float(cost[number, day, index]), cell=(number, day)
                    )
                self._at_most(self._works(number, day), 1.0)

    def _covers(self) -> None:
        for day, wanted in enumerate(self._problem.wanted):
            for shift, count in enumerate(wanted):
                entries = [(int(column), 1.0) for column in self._work[:, day, shift]]
                self._builder.row(entries, lower=float(count), upper=float(count))

    def _amounts(self, person: int, contract: Contract) -> None:
        days = self._problem.days
        total = sum((self._works(person, day) for day in range(days)), Sum())
        for limit, sign in (
            (contract.limits.assignments_most, 1.0),
            (contract.limits.assignments_least, -1.0),
        ):
            if limit.weight:
                beyond = total.times(sign).plus(-sign * limit.value)
                self._excess(beyond, limit.weight, float(days))

    def _runs_of_days(self, person: int, contract: Contract) -> None:
        works = [self._works(person, day) for day in range(self._problem.days)]
        rests = [work.times(-1.0).plus(1.0) for work in works]
        begins = self._begins(works)
        ends = [
            begin + before - work for begin, (before, work) in zip(begins[1:], pairwise(works), strict=True)
        ]
        # The first day begins a rest unless it begins work.
        rest_begins = [rests[0], *ends]
        self._runs(works, begins, contract.limits.work_most, contract.limits.work_least)
        self._runs(rests, rest_begins, contract.limits.rest_most, contract.limits.rest_least)

    def _begins(self, flags: list[Sum]) -> list[Sum]:
        """1 where a run of ones begins."""
        found = [flags[0]]
        for before, now in pairwise(flags):
            begin = Sum([(self._builder.column(integer=False), 1.0)])
            self._at_most(now - before - begin)
            self._at_most(begin - now)
            self._at_most(begin + before, 1.0)
            found.append(begin)
        return found

    def _runs(self, flags: list[Sum], begins: list[Sum], most: Limit, least: Limit) -> None:
        """Each unit by which a run is too long or too short is paid for."""
        if most.weight:
            for last in range(most.value, len(flags)):
                recent = sum(begins[last - most.value + 1 : last + 1], Sum())
                self._excess(flags[last] - recent, most.weight)
        if least.weight:
            for first, begin in enumerate(begins):
                earlier: Sum | None = None
                for after in range(first + 1, first + least.value):
                    # A run that is over by then pays for this unit and for all later ones.
                    lacking = begin if after >= len(flags) else begin - flags[after]
                    column = self._excess(lacking, least.weight)
                    if earlier is not None:
                        self._at_most(earlier - column)
                    earlier = column

    def _weekends(self, person: int, contract: Contract) -> None:
        worked = []
        weight = contract.weights.complete_weekends + contract.weights.identical_weekends
        for days in self._problem.weekends(contract):
            # Paying for the whole weekend, and getting back each day worked: the days missing.
            column = self._builder.column(
                cost=float(weight * len(days) - contract.weights.identical_weekends)
            )
            any_day = Sum([(column, 1.0)])
            works = [self._works(person, day) for day in days]
            for work in works:
                self._at_most(work - any_day)
            self._at_most(any_day - sum(works, Sum()))
            self._pay(sum(works, Sum()), -float(weight))
            self._identical(person, contract, days)
            if contract.weights.night_before_free_weekend and days[0] > 0:
                night = self._nights_of(person, days[0] - 1)
                self._excess(night - any_day, contract.weights.night_before_free_weekend)
            worked.append(any_day)
        if not worked:
            return
        if contract.limits.weekends_most.weight or contract.limits.weekends_least.weight:
            self._runs(
                worked, self._begins(worked), contract.limits.weekends_most, contract.limits.weekends_least
            )
        limit = contract.limits.weekends_of_four_most
        for first in range(len(worked) - 3):
            if limit.weight:
                four = sum(worked[first : first + 4], Sum())
                self._excess(four.plus(-limit.value), limit.weight, 4.0)

    def _pay(self, amount: Sum, weight: float) -> None:
        """Each unit of `amount` costs `weight`, which may be negative."""
        column = self._builder.column(cost=weight, upper=float(len(amount.entries)))
        self._builder.row([*amount.entries, (column, -1.0)], lower=-amount.constant, upper=-amount.constant)

    def _identical(self, person: int, contract: Contract, days: Sequence[int]) -> None:
        """Each kind of shift of a weekend pays; the first is paid back with the weekend."""
        if not contract.weights.identical_weekends:
            return
        for shift in range(len(self._problem.shifts)):
            kind = Sum([(self._builder.column(cost=float(contract.weights.identical_weekends)), 1.0)])
            for day in days:
                self._at_most(self._has(person, day, shift) - kind)

    def _nights_of(self, person: int, day: int) -> Sum:
        nights = (
            self._has(person, day, index)
            for index, shift in enumerate(self._problem.shifts)
            if shift.is_night
        )
        return sum(nights, Sum())

    def _nights(self, person: int, contract: Contract) -> None:
        """Another kind of shift on the day after a night, or after a night and a free day."""
        if not contract.weights.two_free_after_night:
            return
        for day in range(self._problem.days - 1):
            night = self._nights_of(person, day)
            next_day = self._works(person, day + 1)
            other = next_day - self._nights_of(person, day + 1)
            self._excess(night + other.plus(-1.0), contract.weights.two_free_after_night)
            if day + 2 < self._problem.days:
                later = self._works(person, day + 2) - self._nights_of(person, day + 2)
                self._excess(night - next_day + later.plus(-1.0), contract.weights.two_free_after_night)

    def _patterns(self, person: int, contract: Contract) -> None:
        """Unwanted days in a row. Patterns of two shifts with the same first one share their columns."""
        followers: dict[tuple[str, int], list[int]] = {}
        shifts = {shift.name: index for index, shift in enumerate(self._problem.shifts)}
        for pattern in contract.patterns:
            first = pattern.steps[0].shift
            if self._is_succession(pattern):
                followers.setdefault((first, pattern.weight), []).append(shifts[pattern.steps[1].shift])
            else:
                self._pattern(person, pattern)
        for (name, weight), after in followers.items():
            for day in range(self._problem.days - 1):
                later = sum((self._has(person, day + 1, shift) for shift in after), Sum())
                self._excess(self._has(person, day, shifts[name]) + later.plus(-1.0), weight)

    @staticmethod
    def _is_succession(pattern: Pattern) -> bool:
        return len(pattern.steps) == 2 and all(
            step.weekday is None and step.shift not in (ANY, NONE) for step in pattern.steps
        )

    def _pattern(self, person: int, pattern: Pattern) -> None:
        length = len(pattern.steps)
        for first in range(self._problem.days - length + 1):
            days = range(first, first + length)
            if any(
                step.weekday not in (None, self._problem.weekday(day))
                for day, step in zip(days, pattern.steps, strict=True)
            ):
                continue
            steps = (self._fits(person, day, step) for day, step in zip(days, pattern.steps, strict=True))
            self._excess(sum(steps, Sum()).plus(1.0 - length), pattern.weight)

    def _fits(self, person: int, day: int, step: Step) -> Sum:
        if step.shift == ANY:
            return self._works(person, day)
        if step.shift == NONE:
            return self._works(person, day).times(-1.0).plus(1.0)
        shifts = [shift.name for shift in self._problem.shifts]
        return self._has(person, day, shifts.index(step.shift))

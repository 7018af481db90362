"""A branch's week as a mixed-integer program.

Who works which shift is decided by name; which meal break is taken, and who of those trained for several
posts stands in the lobby, by group: people of a group are alike there, and the program is much smaller so.
Windows are counted by pools of services. With n people at windows who have a skill of the pool U, the
customers of U lose at least f_U(n) late minutes, however the others are used; so each partition of the
services bounds the loss of a segment from below, as Hall's condition does for matchings.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from openhall.science.roster.mip import Builder, Floats, Mip
from openhall.science.roster.week import AT_CLOSING, AT_OPENING, POSTS, Fixed, Missing, Post, Rostered, Week

Entries = list[tuple[int, float]]
Counts = NDArray[np.int64]
SAVING_LEAST = 0.1
"""Late minutes; a window that saves less is not looked at."""


FEW = 3
"""So many people with a skill are counted whole."""
FEW_AT_MOST = 6
"""Of more people the first three say nothing worth a row."""


class WeekModel:
    """Columns and rows of a week, and what their values mean."""

    def __init__(self, week: Week) -> None:
        self.week = week
        self._builder = Builder()
        self._work: dict[tuple[int, int, int], int] = {}
        """(worker, day, shift) -> column."""
        self._lunch: dict[tuple[int, int, int, int], int] = {}
        """(group, day, shift, meal) -> column."""
        self._moved: dict[tuple[int, int, int, Post], int] = {}
        """(group, day, segment, post) -> column: people of several posts who are not at a window."""
        self._missing: dict[tuple[int, int, str], int] = {}
        self._loss: dict[tuple[int, int, int], int] = {}
        self._late_line: dict[tuple[int, int], tuple[int, float]] = {}
        self._windows_at: dict[tuple[int, int], int] = {}
        self._few_covers: dict[frozenset[tuple[bool, ...]], list[Counts]] = {}
        self._members = [
            [w for w, worker in enumerate(week.workers) if worker.group == g] for g in range(len(week.groups))
        ]
        self._people()
        for day in range(len(week.days)):
            self._lunches(day)
            for segment in range(len(week.segments)):
                if week.days[day].is_open[segment]:
                    self._segment(day, segment)
            if any(week.days[day].is_open):
                self._keys(day)
                self._line(day)
                for services in self._few_sets():
                    self._meals_of_few(day, services)
        self._fairness()
        self.mip: Mip = self._builder.mip()

    def _few_sets(self) -> list[tuple[int, ...]]:
        """Services that are looked at together: each, and each two."""
        every = range(len(self.week.counters_by_service))
        return [*((s,) for s in every), *combinations(every, 2)]

    # --- people --------------------------------------------------------------------------------------

    def _people(self) -> None:
        build, week = self._builder, self.week
        for w, worker in enumerate(week.workers):
            for day in range(len(week.days)):
                build.offset += worker.idle_costs[day]
                columns = []
                given = worker.fixed_on(day)
                for shift, cost in zip(worker.shifts[day], worker.costs[day], strict=True):
                    if given is not None and shift != given.shift:
                        continue
                    column = build.column(
                        cost=cost - worker.idle_costs[day], lower=float(given is not None), cell=(w, day)
                    )
                    self._work[w, day, shift] = column
                    columns.append(column)
                if len(columns) > 1:
                    build.row([(c, 1.0) for c in columns], upper=1.0)
            self._weeks(w)
            self._rows_of_days(w)
            self._rest(w)

    def _days_of(self, w: int, day: int) -> Entries:
        return [
            (self._work[w, day, s], 1.0)
            for s in self.week.workers[w].shifts[day]
            if (w, day, s) in self._work
        ]

    def _weeks(self, w: int) -> None:
        """Hours and days of each week; what is given by hand may exceed them, and nothing is added then."""
        build, week, worker = self._builder, self.week, self.week.workers[w]
        hour = 1.0 / 60.0
        for bound in worker.bounds:
            paid: Entries = []
            beyond: Entries = []
            count: Entries = []
            given = given_beyond = given_days = 0
            for day in bound.days:
                for shift in worker.shifts[day]:
                    if (column := self._work.get((w, day, shift))) is None:
                        continue
                    numbers = week.shifts[shift]
                    count.append((column, 1.0))
                    paid.append((column, float(numbers.paid_minutes)))
                    if numbers.overtime_minutes:
                        beyond.append((column, float(numbers.overtime_minutes)))
                    if worker.fixed_on(day) is not None:
                        given += numbers.paid_minutes
                        given_beyond += numbers.overtime_minutes
                        given_days += 1
            if not count:
                continue
            most = max(float(bound.overtime_most), float(given - bound.minutes_agreed), float(given_beyond))
            agreed = float(max(0, bound.minutes_agreed))
            longest = max(value for _, value in paid)
            over = build.column(cost=week.prices.overtime_hour * hour, upper=max(0.0, most), integer=False)
            price = 0.0 if worker.is_borrowed else week.prices.idle_hour
            idle = build.column(cost=price * hour, upper=agreed + longest * len(bound.days), integer=False)
            build.row([*paid, (over, -1.0), (idle, 1.0)], lower=agreed, upper=agreed)
            if beyond:
                build.row([*beyond, (over, -1.0)], upper=0.0)
            build.row(count, upper=float(max(0, bound.days_most, given_days)))

    def _rows_of_days(self, w: int) -> None:
        """Not more worked days in a row than allowed."""
        worker = self.week.workers[w]
        most, before = worker.days_in_row_most, worker.days_in_row_before
        days = len(self.week.days)
        for first in range(-min(before, most), days - most):
            inside = list(range(max(0, first), first + most + 1))
            allowed = most - max(0, -first)
            given = sum(worker.fixed_on(day) is not None for day in inside)
            entries = [entry for day in inside for entry in self._days_of(w, day)]
            if entries and allowed < len(inside):
                self._builder.row(entries, upper=float(max(allowed, given)))

    def _rest(self, w: int) -> None:
        """Hours between going home and coming again."""
        week, worker = self.week, self.week.workers[w]
        for day in range(len(week.days)):
            for shift in worker.shifts[day]:
                if (column := self._work.get((w, day, shift))) is None:
                    continue
                begin = week.shifts[shift].starts + 1_440 - week.rest_minutes
                if day == 0:
                    if worker.ended_before > begin and worker.fixed_on(0) is None:
                        self._builder.row([(column, 1.0)], upper=0.0)
                    continue
                clash = [
                    (self._work[w, day - 1, before], 1.0)
                    for before in worker.shifts[day - 1]
                    if (w, day - 1, before) in self._work and week.shifts[before].ends > begin
                ]
                both = worker.fixed_on(day) is not None and worker.fixed_on(day - 1) is not None
                if clash and not both:
                    self._builder.row([(column, 1.0), *clash], upper=1.0)

    def _fairness(self) -> None:
        """The burden of whoever bears most, linear: a square would take for ever to prove."""
        week, build = self.week, self._builder
        fair = [w for w, worker in enumerate(week.workers) if worker.is_fair and worker.burdens]
        if len(fair) < 2 or not week.prices.unfair_slot:
            return
        least = min(week.workers[w].burden_before for w in fair)
        most = build.column(cost=week.prices.unfair_slot, upper=1e6, integer=False)
        for w in fair:
            worker = week.workers[w]
            entries: Entries = [
                (self._work[w, day, shift], burden)
                for day in range(len(week.days))
                for shift, burden in zip(worker.shifts[day], worker.burdens[day], strict=True)
                if burden and (w, day, shift) in self._work
            ]
            build.row([(most, 1.0), *((c, -v) for c, v in entries)], lower=worker.burden_before - least)

    # --- a day ---------------------------------------------------------------------------------------

    def _lunches(self, day: int) -> None:
        """How many of each group on each shift take which meal break."""
        week, build = self.week, self._builder
        on_shift: dict[tuple[int, int], Entries] = defaultdict(list)
        given: dict[tuple[int, int], list[int]] = defaultdict(list)
        for (w, d, shift), column in self._work.items():
            if d != day or not week.shifts[shift].lunches:
                continue
            worker = week.workers[w]
            on_shift[worker.group, shift].append((column, 1.0))
            if (fixed := worker.fixed_on(day)) is not None and fixed.lunch >= 0:
                given[worker.group, shift].append(fixed.lunch)
        for (group, shift), entries in on_shift.items():
            meals = []
            for lunch in range(len(week.shifts[shift].lunches)):
                least = given[group, shift].count(lunch)
                column = build.column(lower=float(least), upper=float(len(entries)))
                self._lunch[group, day, shift, lunch] = column
                meals.append((column, -1.0))
            build.row([*entries, *meals], lower=0.0, upper=0.0)

    def _on_duty(self, group: int, day: int, segment: int) -> Entries:
        """People of a group at work in a segment."""
        week = self.week
        entries: Entries = []
        for w in self._members[group]:
            for shift in week.workers[w].shifts[day]:
                column = self._work.get((w, day, shift))
                if column is not None and week.shifts[shift].span[segment]:
                    entries.append((column, 1.0))
        for shift, numbers in enumerate(week.shifts):
            for lunch, away in enumerate(numbers.lunches):
                column = self._lunch.get((group, day, shift, lunch))
                if column is not None and away[segment] and numbers.span[segment]:
                    entries.append((column, -1.0))
        if len(entries) <= 2:
            return entries
        # Many rows ask for it: one column keeps them short.
        there = self._builder.column(upper=float(len(self._members[group])), integer=False)
        self._builder.row([*entries, (there, -1.0)], lower=0.0, upper=0.0)
        return [(there, 1.0)]

    def _segment(self, day: int, segment: int) -> None:
        """Posts, windows and what they lose."""
        week, build = self.week, self._builder
        at_window: list[Entries] = [[] for _ in week.groups]
        at_post: dict[Post, Entries] = {post: [] for post in POSTS}
        for g, group in enumerate(week.groups):
            duty = self._on_duty(g, day, segment)
            if not duty or not group.posts:
                continue
            least = week.days[day].least
            others: list[Post] = [p for p in group.posts if p != "window" and least.get(p, 0) > 0]
            if group.posts == ("window",) or not others:
                at_window[g] = duty if "window" in group.posts else []
                continue
            moved: Entries = []
            for post in others:
                if "window" not in group.posts and len(others) == 1:
                    at_post[post] += duty
                    continue
                most = min(len(self._members[g]), least[post])
                # Who stands there is named later, and whole; here half a person now and half later will do.
                column = build.column(upper=float(most), integer=False)
                self._moved[g, day, segment, post] = column
                moved.append((column, -1.0))
                at_post[post].append((column, 1.0))
            if moved:
                # What stays for the windows is not negative.
                build.row([*duty, *moved], lower=0.0)
            if "window" in group.posts:
                at_window[g] = [*duty, *moved]
        for each in POSTS[1:]:
            count = week.days[day].least.get(each, 0)
            if count > 0:
                self._least(day, segment, each, at_post[each], count)
        self._windows(day, segment, at_window)

    def _least(self, day: int, segment: int, what: str, entries: Entries, least: int) -> None:
        if segment >= 0:
            price = self.week.prices.missing_minute * self.week.minutes_of(segment)
        else:
            price = self.week.prices.missing_key_holder
        slack = self._builder.column(cost=price, upper=float(least), integer=False)
        self._missing[day, segment, what] = slack
        self._builder.row([*entries, (slack, 1.0)], lower=float(least))

    def _windows(self, day: int, segment: int, at_window: list[Entries]) -> None:
        week, build = self.week, self._builder
        least = min(week.days[day].least.get("window", 0), week.counters)
        everybody = [entry for entries in at_window for entry in entries]
        if least > 0:
            self._least(day, segment, "window", everybody, least)
        windows = build.column(upper=float(week.counters), integer=False)
        build.row([(windows, 1.0), *((c, -v) for c, v in everybody)], upper=0.0)
        self._windows_at[day, segment] = windows
        self._prices(day, segment, at_window, windows)

    def _prices(self, day: int, segment: int, at_window: list[Entries], windows: int) -> None:
        """Each service loses what it would in a share of a hall that serves everything.

        With a share p of the work and c windows to itself that is p f(c / p). It is convex in c, and adds up
        to f of all windows where skills let them be shared out evenly; where they do not, to more. Windows
        are shared out from people to the services they know, so nobody's time is spent twice.
        """
        week, build, numbers = self.week, self._builder, self.week.days[day]
        late = numbers.late[segment]
        savings = [a - b for a, b in pairwise(late[: week.counters + 1])]
        savings = savings[: next((i for i, s in enumerate(savings) if s < SAVING_LEAST), len(savings))]
        given: list[Entries] = [[] for _ in week.counters_by_service]
        by_skills: dict[tuple[int, ...], Entries] = defaultdict(list)
        for g, group in enumerate(week.groups):
            wanted = tuple(s for s in group.skills if numbers.shares[segment][s] > 0.0)
            if wanted and at_window[g]:
                by_skills[wanted] += at_window[g]
        for skills, people in by_skills.items():
            columns = [build.column(upper=float(week.counters), integer=False) for _ in skills]
            for skill, column in zip(skills, columns, strict=True):
                given[skill].append((column, 1.0))
            build.row([*((c, 1.0) for c in columns), *((c, -v) for c, v in people)], upper=0.0)
        everything = [entry for entries in given for entry in entries]
        build.row([*everything, (windows, -1.0)], upper=0.0)
        for service, share in enumerate(numbers.shares[segment]):
            if share <= 0.0:
                continue
            loss = build.column(cost=1.0, upper=1e9, integer=False)
            self._loss[day, segment, service] = loss
            steps = [(build.column(upper=share, integer=False), saving) for saving in savings]
            build.row([(loss, 1.0), *steps], lower=share * late[0])
            filled = [(column, 1.0) for column, _ in steps]
            build.row([*filled, *((c, -v) for c, v in given[service])], upper=0.0)
            if steps:
                build.row(filled, upper=float(week.counters_by_service[service]))
            self._few(late, share, [e for k, p in by_skills.items() if service in k for e in p], loss)

    def _few(self, late: tuple[float, ...], share: float, people: Entries, loss: int) -> None:
        """The same by whole people who know the service: the line between two whole numbers, which lies above
        the curve, so that half of a specialist is not worth more than half."""
        most = len(late) - 1
        points = [share * _between(late, min(float(most), n / share)) for n in range(FEW + 1)]
        savings = [a - b for a, b in pairwise(points)]
        build = self._builder
        steps = [(build.column(integer=False), saving) for saving in savings if saving >= SAVING_LEAST]
        if not steps:
            return
        build.row([(loss, 1.0), *steps], lower=points[0] - sum(s for s in savings if s < SAVING_LEAST))
        build.row([*((c, 1.0) for c, _ in steps), *((c, -v) for c, v in people)], upper=0.0)

    def _meals_of_few(self, day: int, services: tuple[int, ...]) -> None:
        """With one, two or three people who know some services the day loses at least so much, whatever
        shifts and meals they take: one alone has to eat some time. Broken people would share out a meal."""
        week, build, numbers = self.week, self._builder, self.week.days[day]
        able = [
            w
            for w, worker in enumerate(week.workers)
            if "window" in week.groups[worker.group].posts
            and set(services) & set(week.groups[worker.group].skills)
        ]
        people = [entry for w in able for entry in self._days_of(w, day)]
        rows = [
            (s, sum(numbers.shares[s][service] for service in services), numbers.late[s])
            for s, is_open in enumerate(numbers.is_open)
            if is_open
        ]
        rows = [row for row in rows if row[1] > 0.0]
        if not rows or not people or len(able) > FEW_AT_MOST:
            return
        price = np.array(
            [
                [share * _between(late, min(len(late) - 1.0, n / share)) for n in range(FEW + 1)]
                for _, share, late in rows
            ]
        )
        grid = np.arange(len(rows))
        points = [float(price[:, 0].sum())]
        covers = self._covers_of_few(day, able, tuple(s for s, _, _ in rows))
        points += [float(price[grid, sums].sum(axis=1).min()) for sums in covers]
        # Of more people nothing is said: they may lose nothing.
        savings = _hull_savings([*points, 0.0])
        steps = [(build.column(integer=False), saving) for saving in savings if saving >= SAVING_LEAST]
        if not steps:
            return
        rest = sum(saving for saving in savings if saving < SAVING_LEAST)
        total = [
            (loss, 1.0)
            for s, _, _ in rows
            for service in services
            if (loss := self._loss.get((day, s, service))) is not None
        ]
        build.row([*total, *steps], lower=points[0] - rest)
        build.row([*((c, 1.0) for c, _ in steps), *((c, -v) for c, v in people)], upper=0.0)

    def _covers_of_few(self, day: int, able: list[int], segments: tuple[int, ...]) -> list[Counts]:
        """Every way in which one, two, three of some people can be at work: (ways, segments) each."""
        shifts = self.week.shifts
        patterns = {
            tuple(shifts[k].span[s] and not (lunch >= 0 and shifts[k].lunches[lunch][s]) for s in segments)
            for w in able
            for k in self.week.workers[w].shifts[day]
            if (w, day, k) in self._work
            for lunch in (range(len(shifts[k].lunches)) if shifts[k].lunches else (-1,))
        }
        key = frozenset(patterns)
        if key not in self._few_covers:
            cover = np.array(sorted(patterns), dtype=np.int64)
            found, sums = [], np.zeros((1, len(segments)), dtype=np.int64)
            for _ in range(FEW):
                sums = np.unique((sums[:, None, :] + cover[None]).reshape(-1, len(segments)), axis=0)
                found.append(sums)
            self._few_covers[key] = found
        return self._few_covers[key]

    def _line(self, day: int) -> None:
        """Work that windows do not get done stays in line, and its people are late after the limit."""
        week, build, flow = self.week, self._builder, self.week.days[day].flow
        if flow is None:
            return
        before: Entries = []
        for segment in range(len(week.segments)):
            windows = self._windows_at.get((day, segment))
            if windows is None:
                continue
            minutes = float(week.minutes_of(segment))
            line = build.column(upper=1e9, integer=False)
            kept = [(column, -1.0) for column, _ in before]
            build.row([(line, 1.0), *kept, (windows, minutes)], lower=flow.work[segment])
            price = minutes / flow.service_minutes
            late = build.column(cost=price, upper=1e9, integer=False)
            self._late_line[day, segment] = (late, price)
            middle = [(column, -0.5) for column, _ in [(line, 1.0), *before]]
            build.row([(late, 1.0), *middle, (windows, flow.limit_minutes)], lower=0.0)
            before = [(line, 1.0)]
        left = build.column(cost=week.prices.left_minutes / flow.service_minutes, upper=1e9, integer=False)
        build.row([(left, 1.0), *((column, -1.0) for column, _ in before)], lower=0.0)

    def _keys(self, day: int) -> None:
        """Key holders there when the doors open and when they close."""
        week, numbers = self.week, self.week.days[day]
        if numbers.key_holders <= 0:
            return
        opening: Entries = []
        closing: Entries = []
        for (w, d, shift), column in self._work.items():
            if d != day or not week.workers[w].is_key_holder or week.shifts[shift].is_elsewhere:
                continue
            if week.shifts[shift].starts <= numbers.opens < week.shifts[shift].ends:
                opening.append((column, 1.0))
            if week.shifts[shift].starts < numbers.closes <= week.shifts[shift].ends:
                closing.append((column, 1.0))
        self._least(day, AT_OPENING, "key_holder", opening, numbers.key_holders)
        self._least(day, AT_CLOSING, "key_holder", closing, numbers.key_holders)

    # --- there and back ------------------------------------------------------------------------------

    def start(self, work: tuple[tuple[Fixed | None, ...], ...]) -> Floats | None:
        """The whole cells of a roster as values, for the solver to complete; None if a cell has no column."""
        values = np.full(self.mip.column_count, np.nan)
        for (w, day, shift), column in self._work.items():
            given = work[w][day]
            values[column] = float(given is not None and given.shift == shift)
        for column in self._lunch.values():
            values[column] = 0.0
        for w, days in enumerate(work):
            for day, given in enumerate(days):
                if given is None:
                    continue
                if (w, day, given.shift) not in self._work:
                    return None
                if given.lunch >= 0:
                    values[self._lunch[self.week.workers[w].group, day, given.shift, given.lunch]] += 1.0
        return values

    def work_of(self, values: Floats) -> tuple[tuple[Fixed | None, ...], ...]:
        """Named shifts and meals; those of a group are handed out in the order of its members."""
        left: dict[tuple[int, int, int], list[int]] = defaultdict(list)
        for (group, day, shift, lunch), column in self._lunch.items():
            left[group, day, shift] += [lunch] * round(float(values[column]))
        chosen: list[list[Fixed | None]] = [[None] * len(self.week.days) for _ in self.week.workers]
        free = []
        for (w, day, shift), column in sorted(self._work.items()):
            if values[column] < 0.5:
                continue
            worker = self.week.workers[w]
            given = worker.fixed_on(day)
            if given is not None:
                chosen[w][day] = given
                if given.lunch >= 0:
                    left[worker.group, day, shift].remove(given.lunch)
            else:
                free.append((w, day, shift))
        for w, day, shift in free:
            meals = left[self.week.workers[w].group, day, shift]
            chosen[w][day] = Fixed(shift, meals.pop(0) if meals else -1)
        return tuple(tuple(days) for days in chosen)

    def missing_of(self, values: Floats) -> tuple[Missing, ...]:
        """Minimums that are not reached."""
        return tuple(
            Missing(day, segment, what, round(float(values[column])))  # type: ignore[arg-type]
            for (day, segment, what), column in self._missing.items()
            if values[column] > 0.5
        )

    def late_minutes_of(self, values: Floats) -> float:
        """What the curves expect."""
        line = sum(values[column] * price for column, price in self._late_line.values())
        return float(sum(values[column] for column in self._loss.values()) + line)


def _hull_savings(points: list[float]) -> list[float]:
    """Savings of the largest convex curve below some points at 0, 1, 2, ...: each at most the one before."""
    found: list[float] = []
    at = 0
    while at < len(points) - 1:
        slopes = [(points[at] - points[n]) / (n - at) for n in range(at + 1, len(points))]
        best = int(np.argmax(slopes))
        found += [slopes[best]] * (best + 1)
        at += best + 1
    return found


def _between(late: tuple[float, ...], windows: float) -> float:
    """The curve between two whole numbers of windows."""
    low = min(int(windows), len(late) - 1)
    high = min(low + 1, len(late) - 1)
    return late[low] + (windows - low) * (late[high] - late[low])


def empty(week: Week) -> tuple[tuple[Fixed | None, ...], ...]:
    """Nobody but those who are given."""
    days = range(len(week.days))
    return tuple(tuple(worker.fixed_on(day) for day in days) for worker in week.workers)


__all__ = ["Rostered", "WeekModel", "empty"]

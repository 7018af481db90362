"""The plain rule: day after day, give the next shift to whom it saves most.

It needs no solver, so there is always a plan; and it is where the solver begins.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from openhall.science.roster.week import POSTS, Bound, Fixed, Week

Work = tuple[tuple[Fixed | None, ...], ...]
Floats = NDArray[np.float64]


class DayCosts:
    """What a day loses with so many of each group at work, for many such counts at once."""

    def __init__(self, week: Week, day: int) -> None:
        self._week = week
        self._numbers = week.days[day]
        self._open = np.array(self._numbers.is_open)
        self._minutes = np.array([week.minutes_of(s) for s in range(len(week.segments))], dtype=np.float64)
        most = week.counters
        self._late = np.zeros((len(week.segments), most + 1))
        for segment, late in enumerate(self._numbers.late):
            kept = late[: most + 1]
            self._late[segment, : len(kept)] = kept
            self._late[segment, len(kept) :] = kept[-1]
        self._shares = np.array(self._numbers.shares).reshape(len(week.segments), -1)

    def losses(self, counts: Floats) -> tuple[Floats, Floats]:
        """(late minutes, price of what is missing) of each of (k, groups, segments) counts."""
        week, prices = self._week, self._week.prices
        left = counts.copy()
        missing = np.zeros(counts.shape[0])
        weight = self._open * self._minutes * prices.missing_minute
        for post in POSTS[1:]:
            need = np.full((counts.shape[0], counts.shape[2]), float(self._numbers.least.get(post, 0)))
            able = [g for g, group in enumerate(week.groups) if post in group.posts]
            for g in sorted(
                able, key=lambda g: ("window" in week.groups[g].posts, len(week.groups[g].skills))
            ):
                taken = np.minimum(need, left[:, g])
                left[:, g] -= taken
                need -= taken
            missing += need @ weight
        windows = np.zeros((counts.shape[0], counts.shape[2]))
        skilled = np.zeros((self._shares.shape[1], *windows.shape))
        for g, group in enumerate(week.groups):
            if "window" in group.posts:
                windows += left[:, g]
                for service in group.skills:
                    skilled[service] += left[:, g]
        least = min(self._numbers.least.get("window", 0), week.counters)
        missing += np.maximum(0.0, least - windows) @ weight
        apart = np.zeros_like(windows)
        for service, there in enumerate(skilled):
            share = self._shares[:, service]
            there = np.minimum(there, week.counters_by_service[service])
            apart += share * self._price(there / np.maximum(share, 1e-6))
        worst = np.maximum(self._price(np.minimum(windows, week.counters)), apart)
        return worst @ self._open.astype(np.float64) + self._line(windows), missing

    def _price(self, windows: Floats) -> Floats:
        """Late minutes with so many windows, (k, segments), whole or not."""
        most = self._late.shape[1] - 1
        low = np.clip(windows.astype(np.int64), 0, most)
        high = np.minimum(low + 1, most)
        part = np.clip(windows - low, 0.0, 1.0)
        grid = np.arange(windows.shape[1])
        price: Floats = self._late[grid, low] * (1.0 - part) + self._late[grid, high] * part
        return price

    def _line(self, windows: Floats) -> Floats:
        """Late minutes of the fluid line."""
        flow, late = self._numbers.flow, np.zeros(windows.shape[0])
        if flow is None:
            return late
        line = np.zeros(windows.shape[0])
        for segment in np.flatnonzero(self._open).tolist():
            minutes = self._minutes[segment]
            there = np.minimum(windows[:, segment], self._week.counters)
            after = np.maximum(0.0, line + flow.work[segment] - minutes * there)
            waiting = np.maximum(0.0, (line + after) / 2.0 - flow.limit_minutes * there)
            late += waiting * minutes / flow.service_minutes
            line = after
        return late + line * self._week.prices.left_minutes / flow.service_minutes


def may_work(week: Week, worker: int, days: list[Fixed | None], day: int, shift: int) -> bool:
    """Whether somebody with these days may also work that shift, overtime left aside."""
    who = week.workers[worker]
    if days[day] is not None or shift not in who.shifts[day] or who.fixed_on(day) is not None:
        return False
    numbers = week.shifts[shift]
    begin = numbers.starts + 1_440 - week.rest_minutes
    ended = who.ended_before if day == 0 else _ends(week, days[day - 1])
    if ended > begin:
        return False
    after = days[day + 1] if day + 1 < len(days) else None
    if after is not None and numbers.ends > week.shifts[after.shift].starts + 1_440 - week.rest_minutes:
        return False
    return _in_row(days, day, who.days_in_row_before) <= who.days_in_row_most and all(
        _fits(week, bound, days, numbers.paid_minutes) for bound in who.bounds if day in bound.days
    )


def _ends(week: Week, given: Fixed | None) -> int:
    return -1 if given is None else week.shifts[given.shift].ends


def _in_row(days: list[Fixed | None], day: int, before: int) -> int:
    first = day
    while first > 0 and days[first - 1] is not None:
        first -= 1
    last = day
    while last + 1 < len(days) and days[last + 1] is not None:
        last += 1
    return last - first + 1 + (before if first == 0 else 0)


def _fits(week: Week, bound: Bound, days: list[Fixed | None], paid: int) -> bool:
    worked = [given for d in bound.days if (given := days[d]) is not None]
    minutes = sum(week.shifts[given.shift].paid_minutes for given in worked)
    return len(worked) < bound.days_most and minutes + paid <= bound.minutes_agreed


def greedy(week: Week) -> Work:
    """A roster by the plain rule: every labour rule kept, no overtime."""
    chosen: list[list[Fixed | None]] = [
        [worker.fixed_on(day) for day in range(len(week.days))] for worker in week.workers
    ]
    costs = [DayCosts(week, day) for day in range(len(week.days))]
    counts = [_counts(week, chosen, day) for day in range(len(week.days))]
    pain = [
        _pain(costs[day], counts[day]) if any(week.days[day].is_open) else 0.0 for day in range(len(costs))
    ]
    is_done = [not any(numbers.is_open) for numbers in week.days]
    while not all(is_done):
        day = max((d for d in range(len(is_done)) if not is_done[d]), key=lambda d: pain[d])
        found = _best(week, chosen, day, costs[day], counts[day])
        if found is None:
            is_done[day] = True
            continue
        worker, given = found
        chosen[worker][day] = given
        counts[day][week.workers[worker].group] += presence(week, given)
        pain[day] = _pain(costs[day], counts[day])
    return tuple(tuple(days) for days in chosen)


def presence(week: Week, given: Fixed) -> Floats:
    """For each segment, 1 where somebody on this shift with this meal is at work."""
    numbers = week.shifts[given.shift]
    span = np.array(numbers.span, dtype=np.float64)
    if given.lunch >= 0:
        span *= 1.0 - np.array(numbers.lunches[given.lunch], dtype=np.float64)
    return span


def _counts(week: Week, chosen: list[list[Fixed | None]], day: int) -> Floats:
    counts = np.zeros((len(week.groups), len(week.segments)))
    for worker, days in enumerate(chosen):
        if (given := days[day]) is not None:
            counts[week.workers[worker].group] += presence(week, given)
    return counts


def _pain(costs: DayCosts, counts: Floats) -> float:
    late, missing = costs.losses(counts[None])
    return float(late[0] + missing[0])


def _best(
    week: Week, chosen: list[list[Fixed | None]], day: int, costs: DayCosts, counts: Floats
) -> tuple[int, Fixed] | None:
    """Who takes which shift that day: most saved, keys counted; of those alike, who has worked least."""
    options: dict[tuple[int, int, bool], int] = {}
    for worker in sorted(range(len(week.workers)), key=lambda w: sum(g is not None for g in chosen[w])):
        who = week.workers[worker]
        for shift in who.shifts[day]:
            key = (who.group, shift, who.is_key_holder)
            if key not in options and may_work(week, worker, chosen[worker], day, shift):
                options[key] = worker
    tries = [
        (worker, Fixed(shift, lunch))
        for (_, shift, _), worker in options.items()
        for lunch in (range(len(week.shifts[shift].lunches)) if week.shifts[shift].lunches else (-1,))
    ]
    if not tries:
        return None
    more = np.repeat(counts[None], len(tries), axis=0)
    gains = np.zeros(len(tries))
    for index, (worker, given) in enumerate(tries):
        who = week.workers[worker]
        more[index, who.group] += presence(week, given)
        price = who.costs[day][who.shifts[day].index(given.shift)] - who.idle_costs[day]
        paid_hours = week.shifts[given.shift].paid_minutes / 60.0
        gains[index] = week.prices.idle_hour * paid_hours - price + _keys(week, chosen, day, worker, given)
    late, missing = costs.losses(more)
    gains += _pain(costs, counts) - late - missing
    best = int(np.argmax(gains))
    return tries[best] if gains[best] > 0.0 else None


def _keys(week: Week, chosen: list[list[Fixed | None]], day: int, worker: int, given: Fixed) -> float:
    """What a key holder is worth where keys are missing."""
    if not week.workers[worker].is_key_holder:
        return 0.0
    numbers, worth = week.days[day], 0.0
    for moment, inside in ((numbers.opens, 0), (numbers.closes, 1)):
        there = [
            days[day]
            for w, days in enumerate(chosen)
            if week.workers[w].is_key_holder and days[day] is not None
        ]
        count = sum(_is_there(week, each, moment, inside) for each in there if each is not None)
        if count < numbers.key_holders and _is_there(week, given, moment, inside):
            worth += week.prices.missing_key_holder
    return worth


def _is_there(week: Week, given: Fixed, moment: int, closing: int) -> bool:
    numbers = week.shifts[given.shift]
    if numbers.is_elsewhere:
        return False
    if closing:
        return numbers.starts < moment <= numbers.ends
    return numbers.starts <= moment < numbers.ends

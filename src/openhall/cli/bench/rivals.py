"""The same day by others: a dispatcher in SimPy with all that the engine knows, and Ciw without skills.

SimPy and Ciw are there for development only. The dispatcher shares no rule with the engine, only the columns
of its tables: a test holds the two against each other on a thousand random days.
"""

from __future__ import annotations

import heapq
from collections.abc import Generator
from typing import Any

import ciw
import numpy as np
import simpy
from simpy.events import EventPriority

from openhall.cli.bench.branch_day import (
    CLASSES,
    HALF_HOURS,
    OPEN,
    PATIENCE_MINUTES,
    PLAIN_MINUTES,
    PLAIN_RANKS,
    PROFILE,
)
from openhall.science import engine
from openhall.science.engine import Ints

Steps = Generator[simpy.Event, None, None]
_ARRIVALS, _CALLS = 2, 3
"""Behind SimPy's own NORMAL in one moment: first what ends and returns, then who arrives, then the calls."""


class _Later(simpy.Event):
    """A timeout with a priority, so that one moment has an order."""

    def __init__(self, env: simpy.Environment, delay: float, priority: int) -> None:
        super().__init__(env)
        self._ok, self._value = True, None
        env.schedule(self, priority=EventPriority(priority), delay=delay)


class _Customer:
    """A row of the table, with what is still to come."""

    def __init__(self, row: int, values: list[int]) -> None:
        self.row = row
        self.enter, self.place, self.group, self.walk, self.work, self.gap, self.gone = values[:7]
        self.out, self.back, self.offered, self.absent, self.reinstated = values[7:12]
        self.next_group, self.next_work = values[12:14]
        self.is_called = False

    def __lt__(self, other: _Customer) -> bool:
        return self.place < other.place


class SimpyHall:
    """One day of a table; `run` gives what `engine.serve` gives."""

    def __init__(self, table: Ints, counters: Ints, schedule: Ints, groups: int, divert_above: int) -> None:
        self.env = simpy.Environment()
        self.customers = [_Customer(row, values) for row, values in enumerate(table.tolist())]
        self.skills = [self._groups_in(mask) for mask in counters[:, engine.MASK].tolist()]
        self.is_busy = [until > 0 for until in counters[:, engine.BUSY_UNTIL].tolist()]
        self.lines: list[list[_Customer]] = [[] for _ in range(groups)]
        self.divert_above = divert_above
        self.is_paused = False
        self.will_call = False
        self.result = np.full((len(table), engine.RESULTS), -1, np.int64)
        self.result[:, engine.OUTCOME] = engine.PENDING
        for number, until in enumerate(counters[:, engine.BUSY_UNTIL].tolist()):
            if until > 0:
                self.env.process(self._becomes_free(number, until))
        self.env.process(self._keep_schedule(schedule.tolist()))
        self.env.process(self._arrive())
        self._look()

    def run(self) -> Ints:
        """(n, RESULTS)"""
        self.env.run()
        return self.result

    @staticmethod
    def _groups_in(mask: int) -> list[int]:
        return [group for group in range(mask.bit_length()) if mask >> group & 1]

    def _becomes_free(self, counter: int, delay: int) -> Steps:
        yield self.env.timeout(delay)
        self.is_busy[counter] = False
        self._look()

    def _keep_schedule(self, events: list[list[int]]) -> Steps:
        for at, counter, mask in events:
            if at > self.env.now:
                yield self.env.timeout(at - self.env.now)
            if counter == engine.WHOLE_HALL:
                self.is_paused = mask == 0
            else:
                self.skills[counter] = self._groups_in(mask)
            self._look()

    def _arrive(self) -> Steps:
        for one in self.customers:
            if one.enter > self.env.now:
                yield _Later(self.env, one.enter - self.env.now, _ARRIVALS)
            is_long = sum(map(len, self.lines)) >= self.divert_above
            if is_long and one.offered >= 0 and one.next_group < 0:
                one.out, one.back = one.enter, min(engine.NEVER, one.enter + one.offered)
            self._line_up(one)

    def _line_up(self, one: _Customer) -> None:
        heapq.heappush(self.lines[one.group], one)
        self._look()

    def _come_back(self, one: _Customer, delay: float) -> Steps:
        yield self.env.timeout(delay)
        self._line_up(one)

    def _look(self) -> None:
        """Let the counters look at the line once all else of this moment has happened."""
        if not self.will_call:
            self.will_call = True
            _Later(self.env, 0, _CALLS).callbacks.append(self._call)

    def _call(self, _: simpy.Event) -> None:
        self.will_call = False
        if self.is_paused:
            return
        for counter, is_busy in enumerate(self.is_busy):
            if not is_busy and self.skills[counter]:
                one = self._next_for(counter)
                if one is not None:
                    self.is_busy[counter] = True
                    self.env.process(self._serve(one, counter))

    def _next_for(self, counter: int) -> _Customer | None:
        while True:
            heads = [self.lines[group][0] for group in self.skills[counter] if self.lines[group]]
            if not heads:
                return None
            one = heapq.heappop(self.lines[min(heads).group])
            row, now = self.result[one.row], self.env.now
            if row[engine.REACHED] < 0:
                row[engine.REACHED] = now
            if one.is_called or self._is_there(one, row, now):
                return one

    def _is_there(self, one: _Customer, row: Ints, now: float) -> bool:
        """Whether somebody whose first turn has come stands there; if not, why."""
        is_out = one.out <= now < one.back
        if one.gone <= now and not (is_out and one.out < one.gone):
            row[engine.OUTCOME], row[engine.END] = engine.LEFT, one.gone
        elif is_out and one.back >= engine.NEVER:
            row[engine.OUTCOME], row[engine.END] = engine.DIVERTED, one.out
        elif is_out:
            self.env.process(self._come_back(one, one.back - now))
        else:
            return True
        return False

    def _serve(self, one: _Customer, counter: int) -> Steps:
        row = self.result[one.row]
        if not one.is_called:
            one.is_called = True
            row[engine.CALLED] = self.env.now
        row[engine.COUNTER] = counter
        if one.absent:
            lost, one.absent = one.absent, 0
            row[engine.OUTCOME], row[engine.END] = engine.NO_SHOW, self.env.now + lost
            yield self.env.timeout(lost)
            if one.reinstated < engine.NEVER:
                self.env.process(self._come_back(one, one.reinstated))
        else:
            row[engine.OUTCOME], row[engine.END] = engine.SERVED, self.env.now + one.walk + one.work
            yield self.env.timeout(one.walk + one.work)
            if one.next_group >= 0:
                one.group, one.work, one.next_group = one.next_group, one.next_work, -1
                self._line_up(one)
            if one.gap:
                yield self.env.timeout(one.gap)
        self.is_busy[counter] = False
        self._look()


def ciw_customers(customers: float, *, days: int, seed: int) -> int:
    """Play `branch_day.plain_day` in Ciw; how many came.

    Ciw has no skills inside a node, so every counter serves everybody, and there is no stepping out, no offer
    and no reinstatement; times are minutes. A counter that closes finishes its customer in Ciw too, but its
    successor works beside it (its shift change brings a whole new crew), so waits are a little shorter.
    """
    came = 0
    for day in range(days):
        ciw.seed(seed + day)
        # Anew for each day: the moments of arrival are drawn with the network.
        simulation = ciw.Simulation(_ciw_network(customers))
        simulation.simulate_until_max_time(_CIW_ENDS[-1] + 60)
        came += len({record.id_number for record in simulation.get_all_records()})
    return came


_CIW_ENDS = [30.0 * (half_hour + 1) for half_hour in range(HALF_HOURS)]


def _ciw_network(customers: float) -> Any:
    sigma = float(np.sqrt(np.log(1 + 0.8**2)))
    rates = [customers * weight / sum(PROFILE) / 30 for weight in PROFILE]
    names = [name for name, _, _ in CLASSES]
    return ciw.create_network(
        arrival_distributions={
            name: [ciw.dists.PoissonIntervals([r * share for r in rates], _CIW_ENDS, _CIW_ENDS[-1])]
            for name, _, share in CLASSES
        },
        service_distributions={
            name: [ciw.dists.Lognormal(float(np.log(PLAIN_MINUTES)) - sigma**2 / 2, sigma)] for name in names
        },
        reneging_time_distributions={name: [ciw.dists.Exponential(1 / PATIENCE_MINUTES)] for name in names},
        priority_classes=PLAIN_RANKS,
        number_of_servers=[ciw.Schedule(numbers_of_servers=list(OPEN), shift_end_dates=_CIW_ENDS)],
    )

"""A bank's day exactly, from the crowd at the doors to the last customer served after closing.

The model is M(t)/M/c(t) with first come, first served or a strict green channel: arrivals by a Poisson
process whose rate is constant within an interval, times a gamma factor for the whole day; exponential
services of one mean; counters that finish their customer before they close; doors that close while
everybody in line is served. Within it nothing is approximated but the gamma factor, of which
`DayParameters.edges` makes scenarios.

Definitions. The share of an interval is over all who come in it, and counts whoever waits longer than the
limit whenever that wait ends. A customer of the crowd comes at the opening. Nobody is lost: who would have
left counts by the wait till the turn would have come. Late minutes count when they pass, those after
closing in the last interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.special import gammainc, gammaincinv

from openhall.science.sizing import day_equations
from openhall.science.sizing.demand import Demand, Targets
from openhall.science.sizing.result import DayFigures

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class DayParameters(msgspec.Struct, frozen=True):
    """How finely a day is looked at.

    Parameters
    ----------
    edges : quantiles between the scenarios of the day's factor; between two of them the factor is its mean
        there. Finer at the top, for the busy days are those on which people are late.
    nodes : moments at which waits are worked out in each piece of an interval (Gauss-Legendre).
    states_at_most : people in the hall that are told apart.
    green_at_most : green customers in line that are told apart.
    """

    edges: tuple[float, ...] = (0.0, 0.3, 0.55, 0.75, 0.88, 0.95, 0.985, 1.0)
    nodes: int = 3
    states_at_most: int = 1_200
    green_at_most: int = 40

    def __post_init__(self) -> None:
        is_ascending = all(low < high for low, high in pairwise(self.edges))
        if len(self.edges) < 2 or self.edges[0] != 0 or self.edges[-1] != 1 or not is_ascending:
            raise ValueError(f"Expected ascending edges from 0 to 1, got {self.edges}")
        if not 2 <= self.nodes <= 12:
            raise ValueError(f"Expected 2 to 12 nodes, got {self.nodes}")
        if not 50 <= self.states_at_most <= 20_000:
            raise ValueError(f"Expected states_at_most between 50 and 20,000, got {self.states_at_most}")
        if not 5 <= self.green_at_most <= 500:
            raise ValueError(f"Expected green_at_most between 5 and 500, got {self.green_at_most}")


class Moment(NamedTuple):
    """The hall between two intervals, in every scenario."""

    people: Floats
    """(s, k) distribution of people in the hall."""
    high: Ints
    """(s,) last states that matter."""
    counters: int
    """Open till now."""


class Passed(NamedTuple):
    """The hall at the nodes of an interval."""

    nodes: Floats
    """(s, m, k)"""
    high: Ints
    """(s, m)"""


def factors(cv: float, edges: Sequence[float]) -> tuple[Floats, Floats]:
    """Scenarios of a gamma factor of unit mean: (factors, probabilities); one of 1 for cv 0.

    Each is the mean between two quantiles, E[X; a < X < b] = F_{k+1}(b) - F_{k+1}(a) with k = 1 / cv^2, so
    the scenarios keep the mean.
    """
    if cv == 0:
        return np.ones(1), np.ones(1)
    shape = 1.0 / cv**2
    shares = np.asarray(edges, float)
    cuts = gammaincinv(shape, shares[1:-1])
    below = np.concatenate([[0.0], gammainc(shape + 1.0, cuts), [1.0]])
    chances = np.diff(shares)
    return np.diff(below) / chances, chances


class Day:
    """A demand with its targets, ready to be looked at under any plan.

    Parameters
    ----------
    demand, targets : what is expected and promised.
    parameters : how finely.
    """

    def __init__(self, demand: Demand, targets: Targets, parameters: DayParameters | None = None) -> None:
        self.demand, self.targets = demand, targets
        self.parameters = parameters or DayParameters()
        self.intervals = len(demand.ordinary)
        self.width = float(demand.interval_minutes)
        self.departures = 1.0 / demand.service_minutes
        self.factors, self.probabilities = factors(demand.day_cv, self.parameters.edges)
        self.chances = self.factors * self.probabilities
        total = np.asarray(demand.arrivals) / self.width
        green = np.asarray(demand.green or (0.0,) * self.intervals) / self.width
        self.rates = self.factors[:, None] * total
        """(s, intervals) arrivals a minute."""
        self.green_rates = self.factors[:, None] * green
        self.has_green = bool(green.any())
        self.lag = -int(-targets.limit_minutes // self.width)
        """So many intervals later it is known who was late."""
        self._offsets, self._weights, self._gaps = self._moments()
        self.states = self._states(float(self.rates.max(initial=0.0)))
        self._work = np.zeros((2, self.states + 2))
        self._waits = np.zeros(self.states + 2)
        self._people = np.zeros((len(self.factors), self.states))
        self._nodes = np.zeros((len(self.factors), len(self._offsets), self.states))
        self._no_lines = np.zeros((0, 0))
        self._kept: dict[tuple[int, bool, bool, float, bytes], Floats] = {}

    def _moments(self) -> tuple[Floats, Floats, Floats]:
        """Offsets and weights of the nodes of an interval, and the gaps between them.

        A deadline that falls on a change of counters breaks the share as a function of the arrival, so an
        interval is cut where one can.
        """
        limits = {self.targets.limit_minutes, self.targets.green_limit_minutes if self.has_green else 0.0}
        cuts = sorted({0.0, self.width, *(self.width - limit % self.width for limit in limits)})
        points, weights = np.polynomial.legendre.leggauss(self.parameters.nodes)
        offsets, shares = [], []
        for low, high in pairwise(cuts):
            if high - low > 1e-9:
                offsets.append(low + (high - low) * (points + 1.0) / 2.0)
                shares.append(weights * (high - low) / 2.0)
        found = np.concatenate(offsets)
        gaps = np.diff(np.concatenate([[0.0], found, [self.width]]))
        return found, np.concatenate(shares) / self.width, gaps

    def _states(self, rate: float) -> int:
        """Enough that nobody who can be here is not told apart, up to the limit."""
        expected = float(self.rates.sum(axis=1).max(initial=0.0)) * self.width + self.demand.crowd
        enough = int(expected + 9.0 * np.sqrt(expected + 1.0) + 40 + rate)
        return min(self.parameters.states_at_most, enough) + self.demand.crowd

    # --- forward ------------------------------------------------------------------------------------

    def opening(self) -> Moment:
        """As the doors open: the crowd, and nobody else."""
        people = np.zeros((len(self.factors), self.demand.crowd + 1))
        people[:, self.demand.crowd] = 1.0
        return Moment(people, np.full(len(self.factors), self.demand.crowd, np.int64), 0)

    def step(self, moment: Moment, interval: int, counters: int) -> tuple[Moment, Passed]:
        """One interval with so many counters; the given moment is left as it is."""
        seats = moment.people.shape[1]
        self._people[:, :seats] = moment.people
        self._people[:, seats:] = 0.0
        high, node_high = moment.high.copy(), np.empty(self._nodes.shape[:2], np.int64)
        day_equations.step(
            self._people,
            high,
            self.rates[:, interval].copy(),
            self.departures,
            moment.counters if interval else counters,
            counters,
            self._gaps,
            self._nodes,
            node_high,
            self._work,
        )
        people = self._people[:, : int(high.max()) + 1].copy()
        nodes = self._nodes[:, :, : int(node_high.max()) + 1].copy()
        return Moment(people, high, counters), Passed(nodes, node_high)

    def late_share(self, passed: Passed, interval: int, plan: Ints, lines: Floats | None = None) -> float:
        """Of the ordinary customers who come in an interval, the share that waits longer than the limit.

        `plan` is at least known till the limit after the interval's end; what is beyond its last is as its
        last.
        """
        expected = self.demand.ordinary[interval]
        crowd = self.demand.crowd if interval == 0 else 0
        if expected + crowd == 0 and lines is None:
            return 0.0
        share = day_equations.late(
            passed.nodes,
            passed.high,
            int(plan[interval]),
            self._tables(interval, plan, self.targets.limit_minutes),
            self._weights,
            self.chances,
            self._no_lines if lines is None else lines,
        )
        if not expected + crowd:
            return 0.0
        if not crowd:
            return share
        return (expected * share + self._crowd_late(plan)) / (expected + crowd)

    def _crowd_late(self, plan: Ints) -> float:
        """How many of the crowd wait longer than the limit: those beyond the counters wait their turn."""
        table = self._tables(0, plan, self.targets.limit_minutes, at_opening=True)[:, 0]
        ahead = np.arange(max(0, self.demand.crowd - int(plan[0])))
        late = np.where(ahead < table.shape[1], table[:, np.minimum(ahead, table.shape[1] - 1)], 1.0)
        return float(self.probabilities[: len(table)] @ late.sum(axis=1)) / float(
            self.probabilities[: len(table)].sum()
        )

    def _tables(
        self, interval: int, plan: Ints, limit: float, *, is_green: bool = False, at_opening: bool = False
    ) -> Floats:
        """P(still waiting after the limit | k ahead) at the nodes of an interval: (s or 1, m, k), 1 beyond.

        Nobody overtakes a green customer. Where nobody overtakes, the scenarios have one table. Kept, for a
        search asks for the same few counters again and again.
        """
        reach = interval + 1 + max(0, -int(-limit // self.width))
        key = (interval, is_green, at_opening, limit, plan[interval:reach].tobytes())
        found = self._kept.get(key)
        if found is None:
            overtaking = self.green_rates[:1] * 0.0 if is_green or not self.has_green else self.green_rates
            offsets = np.zeros(1) if at_opening else self._offsets
            made = np.empty((len(overtaking), len(offsets), self.states + 2))
            size = day_equations.waits_at(
                plan[:reach],
                interval,
                offsets,
                limit,
                self.width,
                self.departures,
                overtaking,
                made,
                self._work,
            )
            found = self._kept[key] = made[:, :, :size].copy()
        return found

    def mean_people(self, moment: Moment) -> float:
        """People in the hall, on average."""
        return float(self.probabilities @ (moment.people @ np.arange(moment.people.shape[1])))

    # --- the classes told apart ---------------------------------------------------------------------

    def green_lines(self, plan: Ints) -> tuple[Floats, Floats]:
        """P(all busy and g green customers in line): at every node (intervals, s, m, g), and at closing
        (s, g)."""
        scenarios, nodes, rows = len(self.factors), len(self._offsets), self.parameters.green_at_most
        columns = min(self.states, 400)
        most = int(plan.max())
        idle, line = np.zeros((scenarios, most + 1)), np.zeros((scenarios, rows, columns))
        crowd = self.demand.crowd
        if crowd < plan[0]:
            idle[:, crowd] = 1.0
        else:
            line[:, 0, min(columns - 1, crowd - plan[0])] = 1.0
        found = np.zeros((self.intervals, scenarios, nodes, rows))
        work_idle, work_line = np.zeros((2, most + 1)), np.zeros((2, rows, columns))
        before = int(plan[0])
        for interval, counters in enumerate(plan.tolist()):
            green = np.ascontiguousarray(self.green_rates[:, interval])
            ordinary = self.rates[:, interval] - green
            day_equations.green_step(
                idle,
                line,
                ordinary,
                green,
                self.departures,
                before,
                counters,
                self._gaps,
                found[interval],
                work_idle,
                work_line,
            )
            before = counters
        return found, line.sum(axis=2)

    def _green_figures(self, plan: Ints, greens: Floats) -> tuple[Floats, Floats]:
        """Of the green channel: late share by interval, and mean late ones in line by (interval, node)."""
        shares, lines = np.zeros(self.intervals), np.zeros((self.intervals, len(self._offsets)))
        rows = greens.shape[3]
        for interval in range(self.intervals):
            table = self._tables(interval, plan, self.targets.green_limit_minutes, is_green=True)
            waits = _padded(table, rows)[0]
            if self.demand.green[interval]:
                seen = np.einsum("smg,mg->sm", greens[interval], waits)
                shares[interval] = self.chances @ seen @ self._weights
            lines[interval] = np.einsum("s,smg,mg->m", self.probabilities, greens[interval], _before(waits))
        return shares, lines

    def figures(self, plan: Sequence[int]) -> DayFigures:
        """All that a plan gives.

        Parameters
        ----------
        plan : open counters of each interval, at least 1.

        Raises
        ------
        ValueError : for a plan of another length, or an interval without a counter.
        """
        if len(plan) != self.intervals or min(plan) < 1:
            raise ValueError(f"Expected {self.intervals} intervals of 1 counter or more, got {list(plan)}")
        counters = np.asarray(plan, np.int64)
        moment, passed, in_line = self.opening(), [], []
        for interval in range(self.intervals):
            moment, one = self.step(moment, interval, int(counters[interval]))
            passed.append(one)
            in_line.append(self._mean_line(moment))
        lines = np.zeros((self.intervals, len(self.factors), len(self._offsets)))
        shares = [
            self.late_share(one, interval, counters, lines[interval]) for interval, one in enumerate(passed)
        ]
        late_lines = np.einsum("s,ism->im", self.probabilities, lines)
        green_shares: tuple[float, ...] = ()
        after = self._late_after(moment, self.targets.limit_minutes)
        minutes = self._by_clock(late_lines, self.targets.limit_minutes, after)
        if self.has_green:
            green_shares, minutes = self._with_green(counters, minutes)
        return DayFigures(
            late_share=tuple(shares),
            late_minutes=tuple(float(m) for m in minutes),
            in_line=tuple(in_line),
            overtime_minutes=self.overtime_minutes(moment),
            done_by_overtime_share=self.done_by_overtime(moment),
            green_late_share=green_shares,
        )

    def _with_green(self, plan: Ints, minutes: Floats) -> tuple[tuple[float, ...], Floats]:
        """Green late shares, and late minutes of both classes.

        Late ordinary ones in line are those of the whole line with the ordinary limit, less those that
        were green: E[F(line)] - E[F(green in line)], F(n) the mean number of n who are still in line at
        the deadline.
        """
        greens, closing = self.green_lines(plan)
        shares, lines = self._green_figures(plan, greens)
        taken = np.zeros_like(lines)
        for interval in range(self.intervals):
            table = self._tables(interval, plan, self.targets.limit_minutes)
            waits = _before(_padded(table, greens.shape[3]))
            taken[interval] = np.einsum("s,smg,smg->m", self.probabilities, greens[interval], waits)
        rate = self.departures * int(plan[-1])
        mean = self.probabilities @ closing
        own, other = (
            day_equations.late_after_closing(mean, rate, limit, self._waits)
            for limit in (self.targets.green_limit_minutes, self.targets.limit_minutes)
        )
        minutes = minutes - self._by_clock(taken, self.targets.limit_minutes, other)
        return tuple(float(s) for s in shares), minutes + self._by_clock(
            lines, self.targets.green_limit_minutes, own
        )

    def _by_clock(self, lines: Floats, limit: float, after: float) -> Floats:
        """Late minutes by the interval in which they pass: who is in line a limit after a node is late
        then."""
        minutes = np.zeros(self.intervals)
        last = self.intervals - 1
        for interval in range(self.intervals):
            for node, offset in enumerate(self._offsets):
                at = min(last, interval + int((offset + limit) // self.width))
                minutes[at] += lines[interval, node] * self._weights[node] * self.width
        minutes[last] += after
        return minutes

    def late_line_minutes(self, passed: Passed, interval: int, plan: Ints) -> float:
        """Late minutes that pass a limit after an interval's moments, when all have the ordinary limit."""
        lines = np.zeros((len(self.factors), len(self._offsets)))
        self.late_share(passed, interval, plan, lines)
        return float(self.probabilities @ lines @ self._weights) * self.width

    def late_after(self, moment: Moment) -> float:
        """Late minutes that pass later than a limit after closing, when all have the ordinary limit."""
        return self._late_after(moment, self.targets.limit_minutes)

    def _late_after(self, moment: Moment, limit: float) -> float:
        line = self._line(moment)
        return day_equations.late_after_closing(line, self.departures * moment.counters, limit, self._waits)

    def _line(self, moment: Moment) -> Floats:
        """P(so many are in line)."""
        people = self.probabilities @ moment.people
        busy = min(moment.counters, len(people) - 1)
        return np.concatenate([[people[: busy + 1].sum()], people[busy + 1 :]])

    def _mean_line(self, moment: Moment) -> float:
        line = self._line(moment)
        return float(line @ np.arange(len(line)))

    def overtime_minutes(self, moment: Moment) -> float:
        """From closing till the last one is done, on average."""
        minutes = [
            day_equations.minutes_till_empty(people, high, self.departures, moment.counters)
            for people, high in zip(moment.people, moment.high.tolist(), strict=True)
        ]
        return float(np.dot(self.probabilities, minutes))

    def done_by_overtime(self, moment: Moment) -> float:
        """Share of days on which everybody is done by the permitted overtime."""
        shares = [
            day_equations.empty_share(
                people, high, self.departures, moment.counters, self.targets.overtime_minutes, self._work
            )
            for people, high in zip(moment.people, moment.high.tolist(), strict=True)
        ]
        return float(np.dot(self.probabilities, shares))


def _padded(table: Floats, size: int) -> Floats:
    """A table of waits in so many places, certain beyond what it has."""
    found = np.ones((*table.shape[:2], size))
    found[:, :, : table.shape[2]] = table[:, :, :size]
    return found


def _before(waits: Floats) -> Floats:
    """Sums of all before, along the last axis: of n in line so many are in line still."""
    return np.asarray(np.cumsum(waits, axis=-1) - waits, float)

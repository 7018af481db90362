"""Simulated annealing, compiled, where each shift has exactly its people and every other rule only costs.

A change trades some days in a row between two persons, or two such stretches: the cover of a day stays. What
a person's row costs is counted anew for the two rows touched: up to a million changes a second.
Temperature as in Kirkpatrick, Gelatt and Vecchi (1983). Unwanted patterns are found by the shift-and way of
Baeza-Yates and Gonnet (1992): a bit for each step of a pattern, all patterns moved on by a day at once.

All kernels are in this file: numba does not notice a change of a callee in another.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar, cast

import msgspec
import numpy as np
from numba import njit
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]

OFF = -1

WORD_BITS = 64

# Rows of a contract's limits; each has a weight and a value.
(
    AMOUNT_MOST,
    AMOUNT_LEAST,
    WORK_MOST,
    WORK_LEAST,
    REST_MOST,
    REST_LEAST,
    WEEKENDS_MOST,
    WEEKENDS_LEAST,
    FOUR_MOST,
) = range(9)
# Columns of a contract's weights.
COMPLETE, IDENTICAL, NIGHT_BEFORE, AFTER_NIGHT = range(4)


class SoftRules(NamedTuple):
    """What a roster costs: persons P, days D, shifts S, contracts C, weekends W, words of pattern bits B.

    Tables by shift have S + 1 entries, the first for a day off.

    Attributes
    ----------
    wanted : (D, S) int
        So many people exactly.
    given : (P, D, S + 1) int
        What it costs to give it: requests and skills.
    contract : (P,) int
        Of each person.
    limits : (C, 9, 2) int
        Weight and value: shifts in all at most and at least, shifts in a row, days off in a row and weekends
        worked in a row likewise, and worked weekends of any four at most. Runs at the edge of the period
        count as they stand.
    weights : (C, 4) int
        Of each day missing from a worked weekend, each further kind of shift in it (a day missing is one), a
        night before a free weekend, and another shift within two days after a night.
    weekends : (C, W, 2) int
        First day of each weekend and the day after its last; equal where a contract has fewer weekends.
    is_night : (S + 1,) bool
    steps : (C, B, D, S + 1) uint64
        The bits of the steps that a shift fits on a day.
    begins, ends : (C, B) uint64
        The bits of first and of last steps.
    prices : (C, B, 64) int
        Of the bits of last steps; 0 for others.
    """

    wanted: Ints
    given: Ints
    contract: Ints
    limits: Ints
    weights: Ints
    weekends: Ints
    is_night: NDArray[np.bool_]
    steps: Words
    begins: Words
    ends: Words
    prices: Ints


class SoftAnnealingParameters(msgspec.Struct, frozen=True):
    """How the temperature falls.

    Attributes
    ----------
    hot, cold : float
        First and last temperature, in units of cost; between them it falls by equal factors.
    changes : int
        At one temperature, before the clock is looked at.
    """

    hot: float = 3.0
    cold: float = 0.17
    changes: int = 50_000

    def __post_init__(self) -> None:
        if not 0.0 < self.cold <= self.hot:
            raise ValueError(f"Expected 0 < cold <= hot, got {self.cold} and {self.hot}")
        if not 1 <= self.changes <= 10**9:
            raise ValueError(f"Expected changes between 1 and 10**9, got {self.changes}")


_F = TypeVar("_F", bound=Callable[..., object])


def _compiled(function: _F) -> _F:
    """Machine code without the interpreter's lock, kept on disk."""
    return cast(_F, njit(cache=True, nogil=True, error_model="numpy")(function))


def covering(rules: SoftRules, generator: np.random.Generator) -> Ints | None:
    """A roster, (P, D), with each shift's people drawn at random; None if a day wants more than there are."""
    people, (days, shifts) = len(rules.contract), rules.wanted.shape
    if rules.wanted.sum(axis=1).max(initial=0) > people:
        return None
    roster = np.full((people, days), OFF, dtype=np.int64)
    for day in range(days):
        given = np.repeat(np.arange(shifts), rules.wanted[day])
        roster[generator.permutation(people)[: len(given)], day] = given
    return roster


def anneal(
    rules: SoftRules,
    start: Ints,
    *,
    elapsed: Callable[[], float],
    generator: np.random.Generator,
    parameters: SoftAnnealingParameters | None = None,
) -> tuple[Ints, int]:
    """The best roster found and its cost.

    Parameters
    ----------
    start : (P, D) int
        Shift of each person and day, or -1. The numbers of each shift on a day stay as they are here.
    elapsed : function
        The share of the time that has passed, from 0 to 1: the temperature follows it, and at 1 it ends.
    """
    parameters = parameters or SoftAnnealingParameters()
    roster = start.astype(np.int64).copy()
    costs = row_costs(rules, roster)
    best, found = roster.copy(), np.array([costs.sum()], dtype=np.int64)
    share = elapsed()
    while share < 1.0:
        temperature = parameters.hot * (parameters.cold / parameters.hot) ** share
        _anneal(rules, roster, costs, best, found, generator, temperature, parameters.changes)
        share = elapsed()
    return best, int(found[0])


def row_costs(rules: SoftRules, roster: Ints) -> Ints:
    """What each person's row costs, (P,)."""
    return np.array([_row_cost(rules, row, person) for person, row in enumerate(roster)], dtype=np.int64)


def warm() -> None:
    """Make the machine code, or read it from the disk: some seconds once, before any clock runs."""
    rules = SoftRules(
        wanted=np.ones((7, 1), dtype=np.int64),
        given=np.zeros((2, 7, 2), dtype=np.int64),
        contract=np.zeros(2, dtype=np.int64),
        limits=np.ones((1, 9, 2), dtype=np.int64),
        weights=np.ones((1, 4), dtype=np.int64),
        weekends=np.array([[[5, 7]]], dtype=np.int64),
        is_night=np.array([False, True]),
        steps=np.zeros((1, 1, 7, 2), dtype=np.uint64),
        begins=np.zeros((1, 1), dtype=np.uint64),
        ends=np.zeros((1, 1), dtype=np.uint64),
        prices=np.zeros((1, 1, WORD_BITS), dtype=np.int64),
    )
    generator, shares = np.random.default_rng(1), iter((0.0, 1.0))
    start = covering(rules, generator)
    if start is not None:
        parameters = SoftAnnealingParameters(changes=10)
        anneal(rules, start, elapsed=lambda: next(shares), generator=generator, parameters=parameters)


# --- compiled ----------------------------------------------------------------------------------------


@_compiled
def _outside(limits: Ints, most: int, count: int) -> int:
    """What `count` costs by the limit at row `most` and the one at least that follows it."""
    if count > limits[most, 1]:
        return int(limits[most, 0] * (count - limits[most, 1]))
    if count < limits[most + 1, 1]:
        return int(limits[most + 1, 0] * (limits[most + 1, 1] - count))
    return 0


@_compiled
def _row_cost(rules: SoftRules, row: Ints, person: int) -> int:
    contract = rules.contract[person]
    limits = rules.limits[contract]
    total = _of_days(rules, row, person, contract, limits) + _of_weekends(rules, row, contract, limits)
    for word in range(rules.begins.shape[1]):
        total += _of_patterns(rules, row, contract, word)
    return total


@_compiled
def _of_days(rules: SoftRules, row: Ints, person: int, contract: int, limits: Ints) -> int:
    days, after_night = len(row), rules.weights[contract, AFTER_NIGHT]
    total = amount = run = 0
    for day in range(days):
        shift = row[day]
        total += rules.given[person, day, shift + 1]
        works = shift >= 0
        if works:
            amount += 1
            if after_night > 0 and rules.is_night[shift + 1] and day + 1 < days:
                later = day + 1
                if row[later] < 0 and later + 1 < days:
                    later += 1
                if row[later] >= 0 and not rules.is_night[row[later] + 1]:
                    total += after_night
        run += 1
        if day == days - 1 or (row[day + 1] >= 0) != works:
            total += _outside(limits, WORK_MOST if works else REST_MOST, run)
            run = 0
    return total + _outside(limits, AMOUNT_MOST, amount)


@_compiled
def _of_weekend(rules: SoftRules, row: Ints, contract: int, first: int, end: int) -> int:
    """Of one weekend; -1 less what it costs if it is free."""
    worked = kinds = 0
    for day in range(first, end):
        if row[day] < 0:
            continue
        worked += 1
        kinds += 1
        for before in range(first, day):
            if row[before] == row[day]:
                kinds -= 1
                break
    if worked == 0:
        if first > 0 and rules.is_night[row[first - 1] + 1]:
            return int(-1 - rules.weights[contract, NIGHT_BEFORE])
        return -1
    missing = end - first - worked
    weights = rules.weights[contract]
    return int(weights[COMPLETE] * missing + weights[IDENTICAL] * (missing + kinds - 1))


@_compiled
def _of_weekends(rules: SoftRules, row: Ints, contract: int, limits: Ints) -> int:
    """Weekends one by one, in a row and of any four."""
    total = run = 0
    recent = 0  # a bit for each weekend, the last one lowest
    weekends = rules.weekends[contract]
    for number in range(len(weekends)):
        first, end = weekends[number, 0], weekends[number, 1]
        if first == end:
            break
        cost = _of_weekend(rules, row, contract, first, end)
        recent = (recent << 1) & 15
        if cost >= 0:
            total += cost
            run += 1
            recent |= 1
        else:
            total += -1 - cost
            if run > 0:
                total += _outside(limits, WEEKENDS_MOST, run)
            run = 0
        if number >= 3 and limits[FOUR_MOST, 0] > 0:
            four = (recent & 1) + (recent >> 1 & 1) + (recent >> 2 & 1) + (recent >> 3 & 1)
            total += limits[FOUR_MOST, 0] * max(0, four - limits[FOUR_MOST, 1])
    if run > 0:
        total += _outside(limits, WEEKENDS_MOST, run)
    return total


@_compiled
def _of_patterns(rules: SoftRules, row: Ints, contract: int, word: int) -> int:
    total = 0
    under_way, one = np.uint64(0), np.uint64(1)
    begins, ends = rules.begins[contract, word], rules.ends[contract, word]
    steps, prices = rules.steps[contract, word], rules.prices[contract, word]
    for day in range(len(row)):
        under_way = ((under_way << one) | begins) & steps[day, row[day] + 1]
        bits, bit = under_way & ends, 0
        while bits:
            if bits & one:
                total += prices[bit]
            bits >>= one
            bit += 1
    return total


@_compiled
def _trade(roster: Ints, first: int, second: int, day: int, width: int) -> bool:
    """Trade days in a row; whether that changed anything."""
    is_other = False
    for at in range(day, day + width):
        mine = roster[first, at]
        is_other = is_other or mine != roster[second, at]
        roster[first, at] = roster[second, at]
        roster[second, at] = mine
    return is_other


@_compiled
def _anneal(
    rules: SoftRules,
    roster: Ints,
    costs: Ints,
    best: Ints,
    found: Ints,
    generator: np.random.Generator,
    temperature: float,
    changes: int,
) -> None:
    """So many changes at one temperature; the best is written to `best` and `found`."""
    people, days = roster.shape
    now = costs.sum()
    if people < 2:
        return
    for _ in range(changes):
        first, second = int(generator.random() * people), int(generator.random() * (people - 1))
        if second >= first:
            second += 1
        day, width = int(generator.random() * days), 1
        other_day = other_width = 0
        if generator.random() < 0.35:
            # Two stretches: what one person gives on some days comes back on others.
            other_width = 1
            other_day = int(generator.random() * days)
        while width < 7 and generator.random() < 0.5:
            width += 1
            other_width += other_width > 0
        width = min(width, days - day)
        other_width = min(other_width, days - other_day)
        is_other = _trade(roster, first, second, day, width)
        is_other |= _trade(roster, first, second, other_day, other_width)
        if not is_other:
            continue
        bearable = costs[first] + costs[second] - temperature * np.log(1.0 - generator.random())
        # No row costs less than nothing: often the first one alone is too dear.
        mine = _row_cost(rules, roster[first], first)
        yours = _row_cost(rules, roster[second], second) if mine <= bearable else 0
        if mine + yours > bearable:
            _trade(roster, first, second, other_day, other_width)
            _trade(roster, first, second, day, width)
            continue
        now += mine + yours - costs[first] - costs[second]
        costs[first], costs[second] = mine, yours
        if now < found[0]:
            found[0] = now
            best[:] = roster

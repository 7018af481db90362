"""Simulated annealing on a roster of persons by days by shifts, compiled: millions of small changes a second.

A change gives one person another shift on a day, trades some days in a row between two persons, or trades two
stretches of one person's days. Cover and wishes cost what they cost; a rule of a person that is broken costs
`breach`, so that the way between two good rosters may lead through a bad one (Kirkpatrick, Gelatt and Vecchi
1983). A `Mip` search goes on from what is found here.

All kernels are in this file: numba does not notice a change of a callee in another.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar, cast

import msgspec
import numpy as np
from numba import njit
from numpy.typing import NDArray

Shifts = NDArray[np.int64]
"""Of each person and day; -1 for a day off."""

OFF = -1

BREACH_MINUTES = 240
"""So many minutes too few or too many are one unit of breach."""

# Columns of a person's limits.
MINUTES_LEAST, MINUTES_MOST, WORK_LEAST, WORK_MOST, REST_LEAST, WEEKENDS_MOST = range(6)


class Regulations(NamedTuple):
    """What a roster is judged by: persons P, days D, shifts S.

    Attributes
    ----------
    may : (P, D, S) bool
        Whom a shift may be given to on a day.
    wish : (P, D, S) float
        What it costs to give it; negative if it is wished for.
    wanted, under, over : (D, S) float
        Cover, and what each missing and each too many costs.
    minutes : (S,) int
        How long a shift is.
    bars : (S, S) bool
        Whether the second must not come on the day after the first.
    most : (P, S) int
        How often each shift at most.
    limits : (P, 6) int
        Minutes at least and at most, shifts in a row at least and at most, days off in a row at least,
        weekends at most. Runs at the edge of the period are never too short.
    weekend : (D,) int
        Number of the weekend that a day is in, or -1.
    """

    may: NDArray[np.bool_]
    wish: NDArray[np.float64]
    wanted: NDArray[np.float64]
    under: NDArray[np.float64]
    over: NDArray[np.float64]
    minutes: NDArray[np.int64]
    bars: NDArray[np.bool_]
    most: NDArray[np.int64]
    limits: NDArray[np.int64]
    weekend: NDArray[np.int64]


class AnnealingParameters(msgspec.Struct, frozen=True):
    """How the temperature falls and what a broken rule costs.

    Attributes
    ----------
    hot, cold : float
        First and last temperature, in units of cost; between them it falls by equal factors.
    breach, breach_cold : float
        Cost of each unit by which a person's rule is broken, when hot and when cold. Not much above the cost
        of a missing person at first, so that ways through broken rules are open.
    """

    hot: float = 25.0
    cold: float = 0.4
    breach: float = 100.0
    breach_cold: float = 300.0
    changes: int = 100_000

    def __post_init__(self) -> None:
        if not 0.0 < self.cold <= self.hot:
            raise ValueError(f"Expected 0 < cold <= hot, got {self.cold} and {self.hot}")
        if not 0.0 < self.breach <= self.breach_cold:
            raise ValueError(f"Expected 0 < breach <= breach_cold, got {self.breach} and {self.breach_cold}")
        if not 1 <= self.changes <= 10**9:
            raise ValueError(f"Expected changes between 1 and 10**9, got {self.changes}")


_F = TypeVar("_F", bound=Callable[..., object])


def _compiled(function: _F) -> _F:
    """Machine code without the interpreter's lock, kept on disk."""
    return cast(_F, njit(cache=True, nogil=True, error_model="numpy")(function))


def anneal(
    rules: Regulations,
    start: Shifts,
    *,
    elapsed: Callable[[], float],
    seed: int,
    parameters: AnnealingParameters | None = None,
) -> tuple[Shifts, float, int]:
    """The best roster found in which no rule is broken, its cost, and 0; or the last, and the units broken.

    Parameters
    ----------
    start : (P, D) int
        Shift of each person and day, or -1.
    elapsed : function
        The share of the time that has passed, from 0 to 1: the temperature follows it, and at 1 it ends.
    seed : int
        Of the compiled generator.
    """
    parameters = parameters or AnnealingParameters()
    hand = _hand(rules, start)
    best, found = hand.roster.copy(), np.array([np.inf])
    state = np.array([seed * 2 + 1], dtype=np.uint64)
    share = elapsed()
    while share < 1.0:
        temperature = parameters.hot * (parameters.cold / parameters.hot) ** share
        breach = parameters.breach * (parameters.breach_cold / parameters.breach) ** share
        _anneal(rules, hand, best, found, state, temperature, breach, parameters.changes)
        share = elapsed()
    if np.isfinite(found[0]):
        return best, float(found[0]), 0
    return hand.roster, cost(rules, hand.roster), int(hand.broken.sum())


def cost(rules: Regulations, roster: Shifts) -> float:
    """Of cover and wishes."""
    return float(_cost(rules, roster, _hand(rules, roster).there))


def breaches(rules: Regulations, roster: Shifts) -> NDArray[np.int64]:
    """By how many units each person's rules are broken, (P,)."""
    return _hand(rules, roster).broken


def warm() -> None:
    """Make the machine code, or read it from the disk: some seconds once, before any clock runs."""
    rules = Regulations(
        may=np.ones((2, 7, 1), dtype=np.bool_),
        wish=np.zeros((2, 7, 1)),
        wanted=np.ones((7, 1)),
        under=np.ones((7, 1)),
        over=np.ones((7, 1)),
        minutes=np.array([480], dtype=np.int64),
        bars=np.zeros((1, 1), dtype=np.bool_),
        most=np.full((2, 1), 7, dtype=np.int64),
        limits=np.array([[0, 3_360, 1, 7, 1, 1]] * 2, dtype=np.int64),
        weekend=np.array([-1, -1, -1, -1, -1, 0, 0], dtype=np.int64),
    )
    shares = iter((0.0, 1.0))
    start = np.full((2, 7), OFF, dtype=np.int64)
    anneal(rules, start, elapsed=lambda: next(shares), seed=1, parameters=AnnealingParameters(changes=10))


class _Hand(NamedTuple):
    """What is in hand while annealing: the roster, what follows from it, and the change under way."""

    roster: Shifts
    there: NDArray[np.float64]  # (D, S) how many have each shift
    broken: NDArray[np.int64]  # (P,)
    counts: NDArray[np.int64]  # (S,) scratch
    before: Shifts  # (2, D) rows of the two persons before the change
    move: NDArray[np.int64]  # the change, by the columns below


FIRST, SECOND, DAY, OTHER_DAY, WIDTH, KIND, SHIFT = range(7)
GIVE, TRADE, MOVE = range(3)


def _hand(rules: Regulations, roster: Shifts) -> _Hand:
    people, days = roster.shape
    shifts = len(rules.minutes)
    hand = _Hand(
        roster=roster.astype(np.int64).copy(),
        there=np.zeros((days, shifts)),
        broken=np.zeros(people, dtype=np.int64),
        counts=np.zeros(shifts, dtype=np.int64),
        before=np.zeros((2, days), dtype=np.int64),
        move=np.zeros(7, dtype=np.int64),
    )
    for person in range(people):
        for day in range(days):
            if roster[person, day] >= 0:
                hand.there[day, roster[person, day]] += 1.0
        hand.broken[person] = _breaches(rules, hand.roster[person], person, hand.counts)
    return hand


# --- compiled ----------------------------------------------------------------------------------------


@_compiled
def _random(state: NDArray[np.uint64]) -> float:
    """xorshift64*: the top 32 bits as a float below 1."""
    x = state[0]
    x ^= x >> np.uint64(12)
    x ^= x << np.uint64(25)
    x ^= x >> np.uint64(27)
    state[0] = x
    return float((x * np.uint64(2685821657736338717)) >> np.uint64(32)) / 4294967296.0


@_compiled
def _below(state: NDArray[np.uint64], count: int) -> int:
    return int(_random(state) * count)


@_compiled
def _breaches(rules: Regulations, row: Shifts, person: int, counts: NDArray[np.int64]) -> int:
    days = len(row)
    limits, most = rules.limits[person], rules.most[person]
    counts[:] = 0
    found = total = weekends = run = 0
    last_weekend = -1
    for day in range(days):
        shift = row[day]
        works = shift >= 0
        if works:
            total += rules.minutes[shift]
            counts[shift] += 1
            if day > 0 and row[day - 1] >= 0 and rules.bars[row[day - 1], shift]:
                found += 1
            if rules.weekend[day] >= 0 and rules.weekend[day] != last_weekend:
                weekends += 1
                last_weekend = rules.weekend[day]
        run += 1
        if day == days - 1 or (row[day + 1] >= 0) != works:
            is_inside = run <= day and day < days - 1
            if works:
                if run > limits[WORK_MOST]:
                    found += run - limits[WORK_MOST]
                elif is_inside and run < limits[WORK_LEAST]:
                    found += limits[WORK_LEAST] - run
            elif is_inside and run < limits[REST_LEAST]:
                found += limits[REST_LEAST] - run
            run = 0
    found += max(0, weekends - limits[WEEKENDS_MOST])
    for shift in range(len(counts)):
        found += max(0, counts[shift] - most[shift])
    lacking = max(limits[MINUTES_LEAST] - total, total - limits[MINUTES_MOST], 0)
    return int(found + (lacking + BREACH_MINUTES - 1) // BREACH_MINUTES)


@_compiled
def _of_cover(rules: Regulations, day: int, shift: int, there: float) -> float:
    lacking = rules.wanted[day, shift] - there
    if lacking > 0.0:
        return float(lacking * rules.under[day, shift])
    return float(-lacking * rules.over[day, shift])


@_compiled
def _cost(rules: Regulations, roster: Shifts, there: NDArray[np.float64]) -> float:
    people, days = roster.shape
    total = 0.0
    for day in range(days):
        for person in range(people):
            if roster[person, day] >= 0:
                total += rules.wish[person, day, roster[person, day]]
        for shift in range(there.shape[1]):
            total += _of_cover(rules, day, shift, there[day, shift])
    return total


@_compiled
def _put(rules: Regulations, hand: _Hand, person: int, day: int, shift: int) -> float:
    """Give somebody another shift; what that changes in cover and wishes."""
    old = hand.roster[person, day]
    if old == shift:
        return 0.0
    there = hand.there[day]
    change = 0.0
    if old >= 0:
        change -= _of_cover(rules, day, old, there[old]) + rules.wish[person, day, old]
        there[old] -= 1.0
        change += _of_cover(rules, day, old, there[old])
    if shift >= 0:
        change -= _of_cover(rules, day, shift, there[shift]) - rules.wish[person, day, shift]
        there[shift] += 1.0
        change += _of_cover(rules, day, shift, there[shift])
    hand.roster[person, day] = shift
    return change


@_compiled
def _pick(hand: _Hand, state: NDArray[np.uint64]) -> bool:
    """Choose a change; False if what was chosen is none."""
    people, days = hand.roster.shape
    move, kind = hand.move, _random(state)
    first, day = _below(state, people), _below(state, days)
    second, other_day, width = first, day, 1
    if kind < 0.3:
        move[KIND], move[SHIFT] = GIVE, _below(state, len(hand.counts) + 1) - 1
        if _random(state) < 0.3:
            width = 1 + _below(state, 4)
    elif kind < 0.8:
        move[KIND], second = TRADE, _below(state, people)
        if second == first:
            return False
        while width < 14 and _random(state) < 0.7:
            width += 1
    else:
        move[KIND], other_day = MOVE, _below(state, days)
        while width < 7 and _random(state) < 0.5:
            width += 1
        width = min(width, abs(other_day - day))
    width = min(width, days - max(day, other_day))
    move[FIRST], move[SECOND], move[WIDTH] = first, second, width
    move[DAY], move[OTHER_DAY] = day, other_day
    return bool(width >= 1)


@_compiled
def _is_allowed(rules: Regulations, hand: _Hand) -> bool:
    """Whether everybody may have what the change gives them."""
    move = hand.move
    for step in range(move[WIDTH]):
        day, other_day = move[DAY] + step, move[OTHER_DAY] + step
        mine = hand.roster[move[FIRST], day]
        yours = hand.roster[move[SECOND], other_day] if move[KIND] != GIVE else move[SHIFT]
        if yours >= 0 and not rules.may[move[FIRST], day, yours]:
            return False
        if move[KIND] != GIVE and mine >= 0 and not rules.may[move[SECOND], other_day, mine]:
            return False
    return True


@_compiled
def _make(rules: Regulations, hand: _Hand) -> float:
    """Make the change; what it changes in cover and wishes."""
    move = hand.move
    hand.before[0] = hand.roster[move[FIRST]]
    hand.before[1] = hand.roster[move[SECOND]]
    change = 0.0
    for step in range(move[WIDTH]):
        day, other_day = move[DAY] + step, move[OTHER_DAY] + step
        if move[KIND] == GIVE:
            change += _put(rules, hand, move[FIRST], day, move[SHIFT])
        else:
            mine = hand.roster[move[FIRST], day]
            change += _put(rules, hand, move[FIRST], day, hand.roster[move[SECOND], other_day])
            change += _put(rules, hand, move[SECOND], other_day, mine)
    return change


@_compiled
def _undo(rules: Regulations, hand: _Hand) -> None:
    move = hand.move
    for step in range(move[WIDTH]):
        day, other_day = move[DAY] + step, move[OTHER_DAY] + step
        _put(rules, hand, move[FIRST], day, hand.before[0, day])
        _put(rules, hand, move[SECOND], other_day, hand.before[1, other_day])


@_compiled
def _anneal(
    rules: Regulations,
    hand: _Hand,
    best: Shifts,
    found: NDArray[np.float64],
    state: NDArray[np.uint64],
    temperature: float,
    breach: float,
    changes: int,
) -> None:
    """So many changes at one temperature; the best without a breach is written to `best` and `found`."""
    now, all_broken = _cost(rules, hand.roster, hand.there), hand.broken.sum()
    for _ in range(changes):
        if not _pick(hand, state) or not _is_allowed(rules, hand):
            continue
        first, second = hand.move[FIRST], hand.move[SECOND]
        was_broken = hand.broken[first] + (hand.broken[second] if second != first else 0)
        # What may be lost at most; whoever would lose more even with every rule kept need not look at rules.
        bearable = -temperature * np.log(1.0 - _random(state))
        change = _make(rules, hand)
        if change - breach * was_broken > bearable:
            _undo(rules, hand)
            continue
        broken_first = _breaches(rules, hand.roster[first], first, hand.counts)
        broken_second = 0
        if second != first:
            broken_second = _breaches(rules, hand.roster[second], second, hand.counts)
        more = broken_first + broken_second - was_broken
        if change + breach * more > bearable:
            _undo(rules, hand)
            continue
        hand.broken[first] = broken_first
        if second != first:
            hand.broken[second] = broken_second
        now, all_broken = now + change, all_broken + more
        if all_broken == 0 and now < found[0] - 1e-6:
            found[0] = now
            best[:] = hand.roster

"""A problem of the nurse rostering competition as tables for the annealing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from openhall.rehearsal.rosters.inrc import ANY, NONE, Contract, Pattern, Problem
from openhall.rehearsal.rosters.lines import RosterFileBad
from openhall.science.roster.soft_annealing import WORD_BITS, SoftRules


def soft_rules(problem: Problem) -> SoftRules:
    """The tables of all soft rules of a problem."""
    contracts = list({id(person.contract): person.contract for person in problem.people}.values())
    numbers = {id(contract): number for number, contract in enumerate(contracts)}
    steps, begins, ends, prices = _patterns(problem, contracts)
    return SoftRules(
        wanted=np.array(problem.wanted, dtype=np.int64).reshape(problem.days, len(problem.shifts)),
        given=_given(problem),
        contract=np.array([numbers[id(person.contract)] for person in problem.people], dtype=np.int64),
        limits=np.array([_limits(contract) for contract in contracts], dtype=np.int64),
        weights=np.array([_weights(contract) for contract in contracts], dtype=np.int64),
        weekends=_weekends(problem, contracts),
        is_night=np.array([False, *(shift.is_night for shift in problem.shifts)]),
        steps=steps,
        begins=begins,
        ends=ends,
        prices=prices,
    )


def _given(problem: Problem) -> NDArray[np.int64]:
    given = np.zeros((len(problem.people), problem.days, len(problem.shifts) + 1), dtype=np.int64)
    for request in problem.requests_off:
        shifts = slice(1, None) if request.shift is None else request.shift + 1
        given[request.person, request.day, shifts] += request.weight
    for request in problem.requests_on:
        shifts = slice(1, None) if request.shift is None else request.shift + 1
        given[request.person, request.day, :] += request.weight
        given[request.person, request.day, shifts] -= request.weight
    for number, person in enumerate(problem.people):
        for index, shift in enumerate(problem.shifts):
            if shift.skills - person.skills:
                given[number, :, index + 1] += person.contract.weights.other_skill
    return given


def _limits(contract: Contract) -> list[tuple[int, int]]:
    limits = contract.limits
    ordered = (
        limits.assignments_most,
        limits.assignments_least,
        limits.work_most,
        limits.work_least,
        limits.rest_most,
        limits.rest_least,
        limits.weekends_most,
        limits.weekends_least,
        limits.weekends_of_four_most,
    )
    return [(limit.weight, limit.value) for limit in ordered]


def _weights(contract: Contract) -> tuple[int, int, int, int]:
    weights = contract.weights
    return (
        weights.complete_weekends,
        weights.identical_weekends,
        weights.night_before_free_weekend,
        weights.two_free_after_night,
    )


def _weekends(problem: Problem, contracts: Sequence[Contract]) -> NDArray[np.int64]:
    spans = [[(days[0], days[-1] + 1) for days in problem.weekends(contract)] for contract in contracts]
    most = max((len(span) for span in spans), default=0)
    return np.array([span + [(0, 0)] * (most - len(span)) for span in spans], dtype=np.int64).reshape(
        len(contracts), most, 2
    )


def _patterns(
    problem: Problem, contracts: Sequence[Contract]
) -> tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.uint64], NDArray[np.int64]]:
    """The bits of all steps, of first and of last ones, and the prices of the last."""
    packed = [
        _packed([pattern for pattern in contract.patterns if len(pattern.steps) <= problem.days])
        for contract in contracts
    ]
    words = max((len(word) for word in packed), default=0)
    steps = np.zeros((len(contracts), words, problem.days, len(problem.shifts) + 1), dtype=np.uint64)
    begins, ends = np.zeros((2, len(contracts), words), dtype=np.uint64)
    prices = np.zeros((len(contracts), words, WORD_BITS), dtype=np.int64)
    for number, places in enumerate(packed):
        for word, patterns in enumerate(places):
            bit = 0
            for pattern in patterns:
                begins[number, word] |= np.uint64(1 << bit)
                for offset, step in enumerate(pattern.steps):
                    for day in range(problem.days):
                        if step.weekday in (None, problem.weekday(day)):
                            fits = _fitting(problem, step.shift)
                            steps[number, word, day, fits] |= np.uint64(1 << (bit + offset))
                bit += len(pattern.steps)
                ends[number, word] |= np.uint64(1 << (bit - 1))
                prices[number, word, bit - 1] = pattern.weight
    return steps, begins, ends, prices


def _packed(patterns: Sequence[Pattern]) -> list[list[Pattern]]:
    """Patterns by word; none crosses from one word to the next.

    Raises `RosterFileBad` for a pattern longer than a word.
    """
    words: list[list[Pattern]] = []
    used = WORD_BITS
    for pattern in patterns:
        if len(pattern.steps) > WORD_BITS:
            raise RosterFileBad(f"Expected at most {WORD_BITS} days in a pattern", place="PATTERNS")
        used += len(pattern.steps)
        if used > WORD_BITS:
            words.append([])
            used = len(pattern.steps)
        words[-1].append(pattern)
    return words


def _fitting(problem: Problem, shift: str) -> list[int]:
    """Entries of a table by shift, of which the first is a day off."""
    if shift == NONE:
        return [0]
    return [number for number, other in enumerate(problem.shifts, start=1) if shift in (ANY, other.name)]

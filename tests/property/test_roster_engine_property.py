"""Do the program, the annealing's own count and the checker always give a roster the same cost?"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openhall.rehearsal.rosters import curtois, curtois_check, inrc, inrc_check, inrc_model
from openhall.rehearsal.rosters.curtois_model import Model
from openhall.rehearsal.rosters.inrc_rules import soft_rules
from openhall.science.roster import annealing, soft_annealing
from openhall.science.roster.mip import solve
from openhall.science.roster.parts import Structure
from tests.unit.rehearsal.roster_texts import CURTOIS, INRC

pytestmark = pytest.mark.property

CURTOIS_MODEL = Model(curtois.read(CURTOIS, "tiny"))
INRC_PROBLEM = inrc.read(INRC, "tiny")
INRC_MODEL = inrc_model.Model(INRC_PROBLEM)

rosters = st.lists(st.lists(st.integers(-1, 1), min_size=7, max_size=7), min_size=2, max_size=2).map(
    lambda rows: np.array(rows, dtype=np.int64)
)


def as_rows(roster: np.ndarray) -> list[list[int | None]]:
    return [[None if shift < 0 else int(shift) for shift in row] for row in roster]


@given(rosters)
@settings(deadline=None, max_examples=200)
def test_annealing_counts_as_the_checker_does(roster: np.ndarray) -> None:
    problem, rules = CURTOIS_MODEL.problem, CURTOIS_MODEL.rules
    rows = as_rows(roster)
    assert annealing.cost(rules, roster) + CURTOIS_MODEL.mip.offset == curtois_check.cost(problem, rows)
    # The annealing never gives what nobody may have, so that it need not count it as broken.
    may = all(rules.may[p, d, s] for (p, d), s in np.ndenumerate(roster) if s >= 0)
    broken = bool(annealing.breaches(rules, roster).sum())
    assert (broken or not may) == bool(curtois_check.violations(problem, rows))


@given(rosters)
@settings(deadline=None, max_examples=60)
def test_the_program_of_the_competition_costs_what_the_checker_counts(roster: np.ndarray) -> None:
    rows = as_rows(roster)
    mip = INRC_MODEL.mip
    values = np.zeros(mip.column_count)
    for (person, day), shift in np.ndenumerate(roster):
        if shift >= 0:
            values[INRC_MODEL.column(person, day, int(shift))] = 1.0
    part = Structure(mip).part(mip.person < 0, values)
    solution = solve(part.mip, seconds=20.0)
    if inrc_check.violations(INRC_PROBLEM, rows):
        # Rows of cover have no column of their own, so that the part does not see them.
        assert mip.misses(part.whole(solution.values if solution.values is not None else part.start)) >= 1.0
    assert solution.objective == pytest.approx(inrc_check.cost(INRC_PROBLEM, rows))


MONTH = (
    INRC.replace("2010-01-07;\nSKILLS", "2010-01-28;\nSKILLS")
    .replace("(0|9|3), (0|0|2), (0|0|0), SaturdaySunday", "(1|9|2), (1|3|2), (1|2|1), FridaySaturdaySunday")
    .replace("(0|0), (1|6), 1, 0;", "(1|5), (1|6), 4, 0 1 2 3;")
    .replace(
        "PATTERNS = 1;\n",
        "PATTERNS = 4;\n1, 3, 3 (None|Friday) (Any|Saturday) (Any|Sunday);\n2, 2, 2 (D|Any) (None|Any);\n"
        "3, 9, 70 " + " ".join(["(Any|Any)"] * 70) + ";\n",
    )
)
"""Four weeks with every rule of the format, long weekends, and a pattern longer than the period."""


def test_a_pattern_longer_than_the_period_is_left_out() -> None:
    problem = inrc.read(MONTH, "month")
    assert soft_rules(problem).begins.shape == (1, 1)


months = st.lists(st.lists(st.integers(-1, 1), min_size=28, max_size=28), min_size=2, max_size=2).map(
    lambda rows: np.array(rows, dtype=np.int64)
)


@given(months)
@settings(deadline=None, max_examples=300)
def test_soft_annealing_counts_as_the_checker_does(roster: np.ndarray) -> None:
    problem = inrc.read(MONTH, "month")
    counted = soft_annealing.row_costs(soft_rules(problem), roster).sum()
    assert counted == inrc_check.cost(problem, as_rows(roster))


@given(rosters)
@settings(deadline=None, max_examples=60)
def test_the_program_of_curtois_allows_what_the_checker_allows(roster: np.ndarray) -> None:
    rows, mip = as_rows(roster), CURTOIS_MODEL.mip
    values = np.zeros(mip.column_count)
    for (person, day), shift in np.ndenumerate(roster):
        if shift >= 0:
            column = CURTOIS_MODEL.ward.columns[person, day, shift]
            if column < 0:
                return
            values[column] = 1.0
    part = Structure(mip).part(mip.person < 0, values)
    solution = solve(part.mip, seconds=20.0)
    is_kept = solution.values is not None and mip.misses(part.whole(solution.values)) <= 1e-6
    assert is_kept == (not curtois_check.violations(CURTOIS_MODEL.problem, rows))
    if is_kept:
        assert solution.objective == pytest.approx(curtois_check.cost(CURTOIS_MODEL.problem, rows))

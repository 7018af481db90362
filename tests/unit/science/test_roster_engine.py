"""Do programs, parts, search and annealing do what they say, on programs whose answer is known?"""

from __future__ import annotations

import numpy as np
import pytest

from openhall.science.roster import annealing, soft_annealing
from openhall.science.roster.annealing import AnnealingParameters
from openhall.science.roster.mip import INFINITY, Builder, Mip, SolverParameters, Status, solve
from openhall.science.roster.parts import Structure
from openhall.science.roster.search import SearchParameters, search
from openhall.science.roster.soft_annealing import SoftAnnealingParameters, covering
from openhall.science.roster.stages import StagesParameters, carry_out, completed
from tests.unit.science.roster_programs import Tries, knapsack, soft_ward, ward, week

pytestmark = pytest.mark.unit

QUICK = AnnealingParameters(changes=2_000)
SOFT_QUICK = SoftAnnealingParameters(changes=500)
NO_WHOLE = SearchParameters(whole_share=0.0, slice_seconds=2.0)


def test_a_knapsack_is_solved_and_its_relaxation_is_better() -> None:
    mip = knapsack()
    solution = solve(mip, seconds=10.0)
    assert solution.status is Status.OPTIMAL
    assert solution.values is not None
    assert solution.values.tolist() == [1.0, 1.0, 0.0]
    assert solution.objective == solution.bound == -9.0
    assert solution.gap == 0.0
    relaxed = solve(mip, seconds=10.0, relax=True)
    assert relaxed.bound == relaxed.objective == pytest.approx(-9.0 - 5.0 / 3.0)


def test_the_first_solution_and_no_time_are_told_apart() -> None:
    mip, _best = week()
    assert solve(mip, seconds=0.0).status is Status.NOTHING
    first = solve(mip, seconds=10.0, until_first=True)
    assert first.values is not None
    assert mip.misses(first.values) <= 1e-6


def test_a_program_without_a_solution_says_so() -> None:
    builder = Builder()
    column = builder.column()
    builder.row([(column, 1.0)], lower=2.0)
    assert solve(builder.mip(), seconds=10.0).status is Status.INFEASIBLE
    outcome = search(builder.mip(), stop=Tries(50), generator=np.random.default_rng(1))
    assert outcome.solution.status is Status.INFEASIBLE
    assert outcome.solution.gap == INFINITY


@pytest.mark.parametrize(("lower", "status"), [(0.0, Status.OPTIMAL), (1.0, Status.INFEASIBLE)])
def test_a_program_without_columns_has_an_answer(lower: float, status: Status) -> None:
    builder = Builder()
    builder.row([], lower=lower)
    assert solve(builder.mip(), seconds=1.0).status is status


def test_an_unbounded_program_is_the_callers_mistake() -> None:
    builder = Builder()
    builder.column(cost=-1.0, upper=INFINITY, integer=False)
    with pytest.raises(ValueError, match="bounded below"):
        solve(builder.mip(), seconds=10.0)


BAD_COLUMNS = [
    ({"cost": INFINITY}, "Expected a finite cost"),
    ({"lower": 2.0}, "Expected lower at most upper"),
    ({"cell": (-1, 0)}, "Expected a cell"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD_COLUMNS)
def test_a_bad_column_is_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Builder().column(**arguments)  # type: ignore[arg-type]


BAD_ROWS = [
    ([(1, 1.0)], 0.0, "Expected a column below 1"),
    ([(0, INFINITY)], 0.0, "Expected a finite coefficient"),
    ([(0, 1.0)], INFINITY, None),
    ([(0, 1.0)], 2.0, "Expected lower at most upper"),
]


@pytest.mark.parametrize(("entries", "lower", "message"), BAD_ROWS)
def test_a_bad_row_is_refused(entries: list[tuple[int, float]], lower: float, message: str | None) -> None:
    builder = Builder()
    builder.column()
    upper = INFINITY if message is None else 1.0
    if message is None:
        assert builder.row(entries, lower=lower, upper=upper) == 0
    else:
        with pytest.raises(ValueError, match=message):
            builder.row(entries, lower=lower, upper=upper)


def test_columns_that_repeat_in_a_row_add_up() -> None:
    builder = Builder()
    column = builder.column(cost=1.0, upper=10.0)
    builder.row([(column, 1.0), (column, 1.0)], lower=5.0)
    mip = builder.mip()
    assert mip.rows_of(np.array([3.0])).tolist() == [6.0]
    assert solve(mip, seconds=5.0).objective == 3.0
    assert mip.misses(np.array([2.0])) == 1.0, "the row lacks 1"
    assert mip.misses(np.array([2.5])) == 0.5, "2.5 is not whole"


PARAMETERS = [
    (lambda: SolverParameters(threads=0), "threads"),
    (lambda: SolverParameters(gap=1.0), "gap"),
    (lambda: SolverParameters(seed=-1), "seed"),
    (lambda: SearchParameters(whole_share=2.0), "whole_share"),
    (lambda: SearchParameters(slice_seconds=0.0), "slice_seconds"),
    (lambda: SearchParameters(slice_aim=0.0), "slice_aim"),
    (lambda: SearchParameters(memory=1.0), "memory"),
    (lambda: StagesParameters(annealing_share=-0.1), "annealing_share"),
    (lambda: AnnealingParameters(hot=0.1, cold=1.0), "cold <= hot"),
    (lambda: AnnealingParameters(breach=5.0, breach_cold=1.0), "breach"),
    (lambda: AnnealingParameters(changes=0), "changes"),
    (lambda: StagesParameters(rounds=0), "rounds"),
    (lambda: SoftAnnealingParameters(hot=0.1, cold=1.0), "cold <= hot"),
    (lambda: SoftAnnealingParameters(changes=0), "changes"),
]


@pytest.mark.parametrize(("make", "word"), PARAMETERS)
def test_parameters_out_of_range_are_refused(make: object, word: str) -> None:
    assert callable(make)
    with pytest.raises(ValueError, match=f"Expected.*{word}"):
        make()


def test_a_part_keeps_the_rest_and_its_cost_is_that_of_the_whole() -> None:
    mip, _best = week()
    first = solve(mip, seconds=10.0, until_first=True).values
    assert first is not None
    structure = Structure(mip)
    cells = np.zeros((mip.person_count, mip.day_count), dtype=np.bool_)
    cells[:, 2] = True
    free = structure.free(cells)
    assert free[mip.day == 2].all()
    assert not free[(mip.day >= 0) & (mip.day != 2)].any()
    part = structure.part(free, first)
    assert part.mip.objective(part.start) == pytest.approx(mip.objective(first))
    better = solve(part.mip, seconds=10.0, start=part.start)
    assert better.values is not None
    whole = part.whole(better.values)
    assert mip.misses(whole) <= 1e-6
    assert mip.objective(whole) == pytest.approx(better.objective)
    assert better.objective <= mip.objective(first)
    assert (whole[~free] == first[~free]).all()


def test_heat_is_where_cover_is_missed() -> None:
    mip, _best = week()
    heat = Structure(mip).heat(np.zeros(mip.column_count) + (mip.cost > 100.0))
    assert heat.shape == (mip.person_count, mip.day_count)
    assert (heat > 100.0).all(), "every day lacks somebody"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_neighbourhoods_alone_come_to_the_optimum_of_a_small_week(seed: int) -> None:
    mip, best = week()
    outcome = search(mip, stop=Tries(400), generator=np.random.default_rng(seed), parameters=NO_WHOLE)
    assert outcome.solution.objective == pytest.approx(best)
    costs = [moment.objective for moment in outcome.trace]
    assert costs == sorted(costs, reverse=True), "an incumbent never gets worse"


def test_a_start_is_used_if_it_keeps_the_rules_and_ignored_if_not() -> None:
    mip, best = week()
    optimum = solve(mip, seconds=20.0).values
    assert optimum is not None
    good = search(mip, stop=Tries(3), generator=np.random.default_rng(1), start=optimum, parameters=NO_WHOLE)
    assert good.trace[0].by == "start"
    assert good.solution.objective == pytest.approx(best)
    bad = search(mip, stop=Tries(3), generator=np.random.default_rng(1), start=optimum + 5.0)
    assert all(moment.by != "start" for moment in bad.trace)


class Elsewhere:
    """Another search that knows one solution."""

    def __init__(self, mip: Mip, values: np.ndarray) -> None:
        self.values = values
        self.objective = mip.objective(values)
        self.offered: list[float] = []

    def offer(self, values: np.ndarray, objective: float) -> None:
        assert self.values.shape == values.shape
        self.offered.append(objective)

    def better(self, objective: float) -> np.ndarray | None:
        return self.values if self.objective < objective else None


def test_searches_tell_each_other_what_they_found() -> None:
    mip, best = week()
    optimum = solve(mip, seconds=20.0).values
    assert optimum is not None
    elsewhere = Elsewhere(mip, optimum)
    outcome = search(
        mip, stop=Tries(60), generator=np.random.default_rng(1), exchange=elsewhere, parameters=NO_WHOLE
    )
    assert outcome.solution.objective == pytest.approx(best)
    assert elsewhere.offered, "the first roster was offered"


def test_no_time_at_all_finds_nothing_and_knows_nothing() -> None:
    mip, _best = week()
    outcome = search(mip, stop=Tries(0), generator=np.random.default_rng(1))
    assert outcome.solution.status is Status.NOTHING
    assert outcome.solution.values is None


def test_annealing_and_program_agree_on_a_roster_and_its_cost() -> None:
    mip, columns, rules, best = ward()
    shares = iter(np.linspace(0.0, 1.0, 40))
    start = np.full(columns.columns.shape[:2], annealing.OFF, dtype=np.int64)
    roster, cost, broken = annealing.anneal(
        rules, start, elapsed=lambda: float(next(shares)), seed=3, parameters=QUICK
    )
    assert broken == 0
    values = completed(mip, columns, roster)
    assert values is not None
    assert mip.objective(values) == pytest.approx(cost + mip.offset)
    assert mip.objective(values) == pytest.approx(best), "a small week is annealed to its optimum"


def test_a_roster_that_breaks_rules_is_mended_person_by_person() -> None:
    mip, columns, rules, _best = ward()
    always = np.zeros(columns.columns.shape[:2], dtype=np.int64)
    assert (annealing.breaches(rules, always) > 0).all(), "nobody may work all week"
    values = completed(mip, columns, always)
    assert values is not None
    assert mip.misses(values) <= 1e-6


def test_soft_annealing_keeps_cover_and_comes_to_the_optimum_of_a_small_week() -> None:
    mip, columns, rules, best = soft_ward()
    shares = iter(np.linspace(0.0, 1.0, 40))
    generator = np.random.default_rng(3)
    start = covering(rules, generator)
    assert start is not None
    roster, cost = soft_annealing.anneal(
        rules, start, elapsed=lambda: float(next(shares)), generator=generator, parameters=SOFT_QUICK
    )
    there = [[int((roster[:, day] == shift).sum()) for shift in range(2)] for day in range(roster.shape[1])]
    assert there == rules.wanted.tolist()
    assert cost == soft_annealing.row_costs(rules, roster).sum(), "rows counted one by one add up"
    values = completed(mip, columns, roster)
    assert values is not None
    assert mip.objective(values) == pytest.approx(cost)
    assert cost == pytest.approx(best)


def test_nobody_can_cover_a_day_that_wants_more_than_there_are() -> None:
    _mip, _columns, rules, _best = soft_ward()
    many = rules._replace(wanted=rules.wanted + 2)
    assert covering(many, np.random.default_rng(1)) is None


def test_rounds_of_soft_annealing_are_told_to_others_and_searched_on() -> None:
    mip, columns, _rules, best = soft_ward()
    optimum = solve(mip, seconds=20.0).values
    assert optimum is not None
    others = Elsewhere(mip, optimum)
    parameters = StagesParameters(soft_annealing=SOFT_QUICK, rounds=2)
    outcome = carry_out(
        mip,
        stop=Tries(60),
        generator=np.random.default_rng(5),
        ward=columns,
        exchange=others,
        parameters=parameters,
    )
    assert others.offered, "what annealing found"
    assert outcome.solution.objective == pytest.approx(best)


def test_all_stages_together_come_to_the_optimum() -> None:
    mip, columns, _rules, best = ward()
    parameters = StagesParameters(annealing=QUICK)
    outcome = carry_out(
        mip, stop=Tries(60), generator=np.random.default_rng(5), ward=columns, parameters=parameters
    )
    assert outcome.solution.objective == pytest.approx(best)

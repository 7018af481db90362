"""A mixed-integer program as plain arrays, made by a small builder and solved by HiGHS.

Whoever rosters describes the problem with a `Builder`: a column for each decision, a row for each rule. A
column may belong to a cell, which is one person on one day: `search` frees some cells and keeps the rest.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from enum import Enum
from typing import Protocol

import highspy
import msgspec
import numpy as np
from highspy import cb
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]

INFINITY = math.inf
FEASIBILITY = 1e-6
"""By how much a row, a bound or wholeness may be missed, as HiGHS counts."""


class Mip(msgspec.Struct, frozen=True):
    """Minimise `cost . x + offset` over `lower <= x <= upper`, `row_lower <= A x <= row_upper`.

    Attributes
    ----------
    cost, lower, upper : (n,) float
        Of each column.
    is_integer : (n,) bool
        Columns that must be whole.
    person, day : (n,) int32
        The cell of each column, or -1 in both: a column without a cell follows from the cells around it.
    row_lower, row_upper : (m,) float
        Of each row; either may be infinite.
    starts : (m + 1,) int32
        Where each row begins in `indices` and `values`.
    indices : (k,) int32
        Column of each entry.
    values : (k,) float
        Coefficient of each entry.
    offset : float
        Added to the cost of every solution.
    """

    cost: Floats
    lower: Floats
    upper: Floats
    is_integer: Bools
    person: Ints
    day: Ints
    row_lower: Floats
    row_upper: Floats
    starts: Ints
    indices: Ints
    values: Floats
    offset: float = 0.0

    @property
    def column_count(self) -> int:
        """How many columns."""
        return len(self.cost)

    @property
    def row_count(self) -> int:
        """How many rows."""
        return len(self.row_lower)

    @property
    def person_count(self) -> int:
        """How many persons have cells: one more than the greatest."""
        return int(self.person.max(initial=-1)) + 1

    @property
    def day_count(self) -> int:
        """How many days have cells: one more than the greatest."""
        return int(self.day.max(initial=-1)) + 1

    def objective(self, values: Floats) -> float:
        """The cost of `values`, (n,)."""
        return float(self.cost @ values) + self.offset

    def rows_of(self, values: Floats) -> Floats:
        """`A x`, (m,)."""
        of_row = np.repeat(np.arange(self.row_count), np.diff(self.starts))
        products = self.values * values[self.indices]
        return np.bincount(of_row, weights=products, minlength=self.row_count).astype(np.float64)

    def misses(self, values: Floats) -> float:
        """By how much `values`, (n,), misses the worst bound, row or wholeness: 0 if it is a solution."""
        rows = self.rows_of(values)
        whole = values[self.is_integer]
        parts = (
            self.lower - values,
            values - self.upper,
            self.row_lower - rows,
            rows - self.row_upper,
            np.abs(whole - np.round(whole)),
        )
        return max((float(part.max(initial=0.0)) for part in parts), default=0.0)


class Builder:
    """Columns and rows, one after the other."""

    def __init__(self) -> None:
        self._columns: list[tuple[float, float, float, bool, int, int]] = []
        self._bounds: list[tuple[float, float]] = []
        self._starts: list[int] = [0]
        self._indices: list[int] = []
        self._values: list[float] = []
        self.offset = 0.0

    def column(
        self,
        *,
        cost: float = 0.0,
        lower: float = 0.0,
        upper: float = 1.0,
        integer: bool = True,
        cell: tuple[int, int] | None = None,
    ) -> int:
        """A new column; its index. `cell` is (person, day), both from 0.

        Raises ValueError for a cost that is not finite, bounds that cross, or a negative cell.
        """
        if not math.isfinite(cost):
            raise ValueError(f"Expected a finite cost, got {cost}")
        if not lower <= upper:
            raise ValueError(f"Expected lower at most upper, got {lower} and {upper}")
        person, day = cell if cell is not None else (-1, -1)
        if cell is not None and (person < 0 or day < 0):
            raise ValueError(f"Expected a cell (person, day) from 0 on, got {cell}")
        self._columns.append((cost, lower, upper, integer, person, day))
        return len(self._columns) - 1

    def row(
        self, entries: Iterable[tuple[int, float]], *, lower: float = -INFINITY, upper: float = INFINITY
    ) -> int:
        """A new row `lower <= sum of coefficient x column <= upper`; its index. Columns may repeat.

        Raises ValueError for bounds that cross, an unknown column or a coefficient that is not finite.
        """
        if not lower <= upper:
            raise ValueError(f"Expected lower at most upper, got {lower} and {upper}")
        merged: dict[int, float] = {}
        for index, value in entries:
            if not 0 <= index < len(self._columns):
                raise ValueError(f"Expected a column below {len(self._columns)}, got {index}")
            if not math.isfinite(value):
                raise ValueError(f"Expected a finite coefficient, got {value}")
            merged[index] = merged.get(index, 0.0) + value
        self._bounds.append((lower, upper))
        self._indices.extend(merged)
        self._values.extend(merged.values())
        self._starts.append(len(self._indices))
        return len(self._bounds) - 1

    def mip(self) -> Mip:
        """What has been described so far."""
        columns = list(zip(*self._columns, strict=True)) or [()] * 6
        bounds = np.array(self._bounds, dtype=np.float64).reshape(-1, 2)
        return Mip(
            cost=np.array(columns[0], dtype=np.float64),
            lower=np.array(columns[1], dtype=np.float64),
            upper=np.array(columns[2], dtype=np.float64),
            is_integer=np.array(columns[3], dtype=np.bool_),
            person=np.array(columns[4], dtype=np.int32),
            day=np.array(columns[5], dtype=np.int32),
            row_lower=bounds[:, 0].copy(),
            row_upper=bounds[:, 1].copy(),
            starts=np.array(self._starts, dtype=np.int32),
            indices=np.array(self._indices, dtype=np.int32),
            values=np.array(self._values, dtype=np.float64),
            offset=self.offset,
        )


# --- solving -----------------------------------------------------------------------------------------


class Status(Enum):
    """How a solve or a search ended."""

    OPTIMAL = "optimal"
    """The best solution is known to be the best, within the gap asked for."""
    FEASIBLE = "feasible"
    """There is a solution; time ran out before it was known to be the best."""
    INFEASIBLE = "infeasible"
    """There is no solution."""
    NOTHING = "nothing"
    """Time ran out before any solution was found; there may be one."""


class Solution(msgspec.Struct, frozen=True):
    """What is known at the end.

    Attributes
    ----------
    status : Status
    values : (n,) float or None
        The best solution, whole numbers rounded; None without one.
    objective : float
        Its cost; infinite without one.
    bound : float
        No solution costs less; minus infinity if nothing is known.
    """

    status: Status
    values: Floats | None = None
    objective: float = INFINITY
    bound: float = -INFINITY

    @property
    def gap(self) -> float:
        """(objective - bound) / objective: 0 at the optimum, infinite if either is unknown."""
        if not (math.isfinite(self.objective) and math.isfinite(self.bound)):
            return INFINITY
        return max(0.0, self.objective - self.bound) / max(1e-9, abs(self.objective))


class SolverParameters(msgspec.Struct, frozen=True):
    """How HiGHS works.

    Attributes
    ----------
    threads : int
        At most so many; one keeps a run repeatable and leaves the other cores to other processes.
    gap : float
        Stop when (objective - bound) / objective is at most this.
    seed : int
        Of HiGHS's own choices.
    nodes_most : int
        Stop after so many nodes of the search tree: with one thread the same program then has the same
        answer, however busy the machine. 0 is no limit.
    """

    threads: int = 1
    gap: float = 1e-6
    seed: int = 0
    nodes_most: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.threads <= 256:
            raise ValueError(f"Expected threads between 1 and 256, got {self.threads}")
        if not 0.0 <= self.gap < 1.0:
            raise ValueError(f"Expected gap from 0 to less than 1, got {self.gap}")
        if not 0 <= self.seed < 2**31:
            raise ValueError(f"Expected seed between 0 and 2**31 - 1, got {self.seed}")
        if not 0 <= self.nodes_most < 2**31:
            raise ValueError(f"Expected nodes_most between 0 and 2**31 - 1, got {self.nodes_most}")


class Watch(Protocol):
    """Looks on while HiGHS works on one program."""

    def improved(self, values: Floats, objective: float) -> None:
        """HiGHS found a better solution."""

    def better(self, objective: float) -> Floats | None:
        """A solution from elsewhere that costs less than `objective`, or None."""


def solve(
    mip: Mip,
    *,
    seconds: float,
    start: Floats | None = None,
    parameters: SolverParameters | None = None,
    relax: bool = False,
    until_first: bool = False,
    watch: Watch | None = None,
) -> Solution:
    """The best solution that HiGHS finds within `seconds` of its own run time.

    Parameters
    ----------
    start : (n,) float, optional
        A solution to begin with; the answer is never worse. One that breaks a rule is ignored by HiGHS.
    relax : bool
        Leave wholeness aside: the linear program.
    until_first : bool
        Stop at the first solution.
    watch : Watch, optional
        Told of better solutions, and asked for some.
    """
    parameters = parameters or SolverParameters()
    if seconds <= 0.0:
        return Solution(Status.NOTHING)
    if mip.column_count == 0:
        return _empty(mip)
    solver = highspy.Highs()  # type: ignore[no-untyped-call]
    for name, value in (
        ("output_flag", False),
        ("time_limit", float(seconds)),
        ("threads", parameters.threads),
        ("parallel", "off" if parameters.threads == 1 else "choose"),
        ("mip_rel_gap", parameters.gap),
        ("random_seed", parameters.seed),
        ("solve_relaxation", relax),
        ("mip_max_nodes", parameters.nodes_most or 2**31 - 1),
        ("mip_max_improving_sols", 1 if until_first else 2**31 - 1),
    ):
        solver.setOptionValue(name, value)
    solver.passModel(_model(mip))
    if start is not None:
        solution = highspy.HighsSolution()
        solution.col_value = start.tolist()
        solver.setSolution(solution)
    if watch is not None and not relax:
        _watch(solver, watch)
    solver.run()
    return _read(mip, solver, relax=relax)


def _model(mip: Mip) -> highspy.HighsLp:
    lp = highspy.HighsLp()
    lp.num_col_ = mip.column_count
    lp.num_row_ = mip.row_count
    lp.col_cost_ = mip.cost
    lp.col_lower_ = mip.lower
    lp.col_upper_ = mip.upper
    lp.row_lower_ = mip.row_lower
    lp.row_upper_ = mip.row_upper
    lp.offset_ = mip.offset
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.num_col_ = mip.column_count
    lp.a_matrix_.num_row_ = mip.row_count
    lp.a_matrix_.start_ = mip.starts
    lp.a_matrix_.index_ = mip.indices
    lp.a_matrix_.value_ = mip.values
    whole, broken = highspy.HighsVarType.kInteger, highspy.HighsVarType.kContinuous
    lp.integrality_ = [whole if integer else broken for integer in mip.is_integer.tolist()]
    return lp


def _read(mip: Mip, solver: highspy.Highs, *, relax: bool) -> Solution:
    status, info = solver.getModelStatus(), solver.getInfo()
    if status in (highspy.HighsModelStatus.kInfeasible, highspy.HighsModelStatus.kUnboundedOrInfeasible):
        return Solution(Status.INFEASIBLE)
    if status == highspy.HighsModelStatus.kUnbounded:
        raise ValueError("Expected a program whose cost is bounded below, got an unbounded one")
    is_optimal = status == highspy.HighsModelStatus.kOptimal
    bound = -INFINITY if relax else float(info.mip_dual_bound)
    if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
        return Solution(Status.NOTHING, bound=bound)
    values = np.array(solver.getSolution().col_value, dtype=np.float64)
    if not relax:
        values[mip.is_integer] = np.round(values[mip.is_integer])
    objective = mip.objective(values)
    if relax and is_optimal:
        bound = objective
    return Solution(Status.OPTIMAL if is_optimal else Status.FEASIBLE, values, objective, bound)


def _empty(mip: Mip) -> Solution:
    """HiGHS has no answer to a program without columns."""
    if (mip.row_lower > FEASIBILITY).any() or (mip.row_upper < -FEASIBILITY).any():
        return Solution(Status.INFEASIBLE)
    return Solution(Status.OPTIMAL, np.zeros(0), mip.offset, mip.offset)


def _watch(solver: highspy.Highs, watch: Watch) -> None:
    """HiGHS calls back at each better solution, and now and then to ask for one."""

    def called(
        kind: cb.HighsCallbackType,
        _message: str,
        told: cb.HighsCallbackOutput,
        answer: cb.HighsCallbackInput,
        _data: object,
    ) -> None:
        if kind == cb.HighsCallbackType.kCallbackMipImprovingSolution:
            watch.improved(np.array(told.mip_solution), told.objective_function_value)
        elif kind == cb.HighsCallbackType.kCallbackMipUserSolution:
            values = watch.better(told.mip_primal_bound)
            if values is not None:
                answer.setSolution(values)

    solver.setCallback(called, None)
    solver.startCallback(cb.HighsCallbackType.kCallbackMipImprovingSolution)
    solver.startCallback(cb.HighsCallbackType.kCallbackMipUserSolution)

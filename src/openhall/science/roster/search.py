"""Large-neighbourhood search: free some persons on some days, let HiGHS do its best, keep what is no worse.

The search knows a roster only as a `Mip` with cells, so that a benchmark and a bank's week are searched by
the same code. Shaw (1998) has the idea of the large neighbourhood, Ropke and Pisinger (2006) the choice of
its kind by what each has gained.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import msgspec
import numpy as np

from openhall.science.roster.mip import (
    FEASIBILITY,
    INFINITY,
    Floats,
    Mip,
    Solution,
    SolverParameters,
    Status,
    solve,
)
from openhall.science.roster.neighbourhoods import Kind, Neighbourhoods
from openhall.science.roster.parts import Structure

IMPROVES = 1e-6
"""A solution is better if it costs less by more than this."""


class Stop(Protocol):
    """Says how long there is left. Whoever searches gives one: this room has no clock."""

    def seconds_left(self) -> float:
        """Wall seconds till the search must be over; 0 or less when it must stop."""


class Exchange(Protocol):
    """Where searches of the same program tell each other what they found."""

    def offer(self, values: Floats, objective: float) -> None:
        """A solution better than what this search had."""

    def better(self, objective: float) -> Floats | None:
        """Somebody's solution that costs less than `objective`, or None."""


class SearchParameters(msgspec.Struct, frozen=True):
    """How the search divides its time.

    Attributes
    ----------
    whole_share : float
        Of the time, for HiGHS on the whole program before the neighbourhoods: it gives the bound, and a small
        program is solved there.
    slice_seconds : float
        At most so long on one neighbourhood.
    slice_aim : float
        Neighbourhoods grow till they take about this share of a slice.
    memory : float
        How much of a kind's record is kept at each use of it.
    solver : SolverParameters
        Of HiGHS.
    """

    whole_share: float = 0.3
    slice_seconds: float = 3.0
    slice_aim: float = 0.15
    memory: float = 0.85
    solver: SolverParameters = SolverParameters()

    def __post_init__(self) -> None:
        if not 0.0 <= self.whole_share <= 1.0:
            raise ValueError(f"Expected whole_share between 0 and 1, got {self.whole_share}")
        if not 0.0 < self.slice_seconds <= 3_600.0:
            raise ValueError(f"Expected slice_seconds above 0 to 3600, got {self.slice_seconds}")
        if not 0.0 < self.slice_aim <= 1.0:
            raise ValueError(f"Expected slice_aim above 0 to 1, got {self.slice_aim}")
        if not 0.0 <= self.memory < 1.0:
            raise ValueError(f"Expected memory from 0 to less than 1, got {self.memory}")


class Moment(NamedTuple):
    """After `seconds` the best cost was `objective`; `by` found it."""

    seconds: float
    objective: float
    by: str


class Outcome(msgspec.Struct, frozen=True):
    """The best that was found, and how the search went."""

    solution: Solution
    trace: tuple[Moment, ...] = ()
    tried: int = 0


def search(
    mip: Mip,
    *,
    stop: Stop,
    generator: np.random.Generator,
    start: Floats | None = None,
    exchange: Exchange | None = None,
    parameters: SearchParameters | None = None,
) -> Outcome:
    """The best solution found till `stop` says so, or till one is known to be the best.

    Parameters
    ----------
    start : (n,) float, optional
        A solution to begin with, such as last week's roster; ignored if it breaks a rule.
    exchange : Exchange, optional
        Other searches of the same program.

    Returns
    -------
    Outcome
        `INFEASIBLE` if there is no solution at all, `NOTHING` if none was found in time.
    """
    run = _Run(mip, stop, generator, exchange, parameters or SearchParameters())
    if start is not None and len(start) == mip.column_count and mip.misses(start) <= FEASIBILITY:
        run.take(start, "start")
    run.begin()
    run.whole()
    run.neighbourhoods()
    return run.outcome()


class _Run:
    """One search under way."""

    def __init__(
        self,
        mip: Mip,
        stop: Stop,
        generator: np.random.Generator,
        exchange: Exchange | None,
        parameters: SearchParameters,
    ) -> None:
        self._mip = mip
        self._stop = stop
        self._generator = generator
        self._exchange = exchange
        self._parameters = parameters
        self._structure = Structure(mip)
        self._seconds = stop.seconds_left()
        self._values: Floats | None = None
        self._objective = INFINITY
        self._bound = -INFINITY
        self._is_over = False
        self._is_infeasible = False
        self._trace: list[Moment] = []
        self._tried = 0

    # --- the incumbent -----------------------------------------------------------------------------

    def take(self, values: Floats, by: str, *, offer: bool = True) -> None:
        """These values are the incumbent now, better or just as good as before."""
        objective = self._mip.objective(values)
        if objective < self._objective - IMPROVES:
            self._trace.append(Moment(self._seconds - self._stop.seconds_left(), objective, by))
            if offer and self._exchange is not None:
                self._exchange.offer(values, objective)
        self._values, self._objective = values, objective
        self._note_gap()

    def _note_gap(self) -> None:
        slack = self._parameters.solver.gap * abs(self._objective) + IMPROVES
        self._is_over = self._values is not None and self._objective <= self._bound + slack

    def _raise_bound(self, bound: float) -> None:
        self._bound = max(self._bound, bound)
        self._note_gap()

    def outcome(self) -> Outcome:
        """What is known now."""
        status = Status.OPTIMAL if self._is_over else Status.FEASIBLE
        if self._values is None:
            status = Status.INFEASIBLE if self._is_infeasible else Status.NOTHING
        solution = Solution(status, self._values, self._objective, self._bound)
        return Outcome(solution, tuple(self._trace), self._tried)

    # --- the stages --------------------------------------------------------------------------------

    def begin(self) -> None:
        """The linear program's bound, and a first incumbent from it."""
        relaxed = self._solve(self._mip, relax=True)
        if relaxed.status is Status.INFEASIBLE:
            self._is_infeasible = self._is_over = True
            return
        self._raise_bound(relaxed.bound)
        if self._values is None and relaxed.values is not None:
            self._one_by_one(relaxed.values)
        if self._values is None:
            self._whole(self._stop.seconds_left(), until_first=True)

    def _one_by_one(self, values: Floats) -> None:
        """Give each person in turn a whole schedule, while the others keep what they have."""
        shape = (self._mip.person_count, self._mip.day_count)
        for person in self._generator.permutation(shape[0]).tolist():
            cells = np.zeros(shape, dtype=np.bool_)
            cells[person] = True
            part = self._structure.part(self._structure.free(cells), values, whole_cells_only=True)
            solution = self._solve(part.mip)
            if solution.values is None:
                return
            values = part.whole(solution.values)
        part = self._structure.part(self._mip.person < 0, values)
        solution = self._solve(part.mip)
        if solution.values is not None:
            values = part.whole(solution.values)
            if self._mip.misses(values) <= FEASIBILITY:
                self.take(values, "one by one")

    def whole(self) -> None:
        """HiGHS on everything, for its share of the time."""
        self._whole(self._parameters.whole_share * self._seconds)

    def _whole(self, seconds: float, *, until_first: bool = False) -> None:
        seconds = min(seconds, self._stop.seconds_left())
        if self._is_over or seconds <= 0.0:
            return
        solution = solve(
            self._mip,
            seconds=seconds,
            start=self._values,
            parameters=self._parameters.solver,
            until_first=until_first,
            watch=None if self._exchange is None else _Watching(self, self._exchange),
        )
        self._tried += 1
        if solution.status is Status.INFEASIBLE:
            self._is_infeasible = self._is_over = True
            return
        if solution.values is not None and solution.objective < self._objective - IMPROVES:
            self.take(solution.values, "whole")
        self._raise_bound(solution.bound)

    def neighbourhoods(self) -> None:
        """Free some cells, solve, keep what is no worse; again till the time is over."""
        kinds = Neighbourhoods(self._parameters.memory)
        aim = self._parameters.slice_seconds * self._parameters.slice_aim
        while self._values is not None and not self._is_over:
            before = self._stop.seconds_left()
            if before <= 0.0:
                return
            self._hear()
            kind = kinds.pick(self._generator)
            gained = self._try(kind)
            seconds = before - self._stop.seconds_left()
            kinds.note(kind, gained=gained, seconds=seconds, aim=aim, limit=self._parameters.slice_seconds)

    def _hear(self) -> None:
        if self._exchange is not None:
            values = self._exchange.better(self._objective - IMPROVES)
            if values is not None:
                self.take(values, "elsewhere", offer=False)

    def _try(self, kind: Kind) -> float:
        """What the neighbourhood gained, in cost."""
        values, before = self._values, self._objective
        if values is None:
            raise AssertionError("Expected an incumbent")
        free = self._structure.free(kind.choose(self._structure.heat(values), self._generator))
        part = self._structure.part(free, values)
        solution = self._solve(part.mip, start=part.start)
        self._tried += 1
        if solution.values is not None and solution.objective <= before + IMPROVES:
            self.take(part.whole(solution.values), kind.name)
            if free.all():
                self._raise_bound(solution.bound)
        return before - self._objective

    def _solve(self, mip: Mip, *, start: Floats | None = None, relax: bool = False) -> Solution:
        """HiGHS on a part within a slice, or on the whole linear program within what is left."""
        seconds = self._stop.seconds_left()
        if not relax:
            seconds = min(seconds, self._parameters.slice_seconds)
        seed = int(self._generator.integers(0, 2**31))
        parameters = msgspec.structs.replace(self._parameters.solver, seed=seed)
        return solve(mip, seconds=seconds, start=start, parameters=parameters, relax=relax)


class _Watching:
    """Passes solutions between HiGHS at work on the whole program and the other searches."""

    def __init__(self, run: _Run, exchange: Exchange) -> None:
        self._run = run
        self._exchange = exchange

    def improved(self, values: Floats, objective: float) -> None:
        """Tell the others at once: HiGHS may go on for long."""
        self._exchange.offer(values, objective)

    def better(self, objective: float) -> Floats | None:
        """Take over what another search found."""
        return self._exchange.better(objective - IMPROVES)

"""Several searches for one roster in processes of their own, which tell each other what they find."""

from __future__ import annotations

import multiprocessing
import signal
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.sharedctypes import Synchronized, SynchronizedArray
from typing import NamedTuple, cast

import msgspec
import numpy as np

from openhall.kernel.trouble import Trouble
from openhall.science.roster.mip import INFINITY, Floats, Mip, Solution, Status
from openhall.science.roster.search import Moment, Outcome, SearchParameters
from openhall.science.roster.soft_annealing import SoftRules
from openhall.science.roster.stages import StagesParameters, Ward, carry_out

PROCESSES_AT_MOST = 64
SECONDS_AT_MOST = 86_400.0
WHOLE_COLUMNS_MOST = 5_000
"""Of larger programs HiGHS alone finds neither good rosters nor the optimum in minutes."""
LARGE_PARTS_COLUMNS_MOST = 3_000
"""Where cover is soft: of larger programs short slices and more annealing did better."""


class RosterSearchLost(Trouble):
    """The processes that searched have died."""

    code = "roster_search_lost"
    remedy = "Most often memory ran out: search with fewer processes."


class Searches(msgspec.Struct, frozen=True):
    """How much is spent on one roster.

    Attributes
    ----------
    seconds : float
        Wall time of everything, with the start of the processes.
    processes : int
        Searches beside each other.
    seed : int
        Of their choices; what the clock cuts off is not repeatable to the last move.
    """

    seconds: float = 60.0
    processes: int = 2
    seed: int = 1

    def __post_init__(self) -> None:
        if not 0.0 < self.seconds <= SECONDS_AT_MOST:
            raise ValueError(f"Expected seconds above 0 to {SECONDS_AT_MOST:g}, got {self.seconds}")
        if not 1 <= self.processes <= PROCESSES_AT_MOST:
            raise ValueError(f"Expected processes between 1 and {PROCESSES_AT_MOST}, got {self.processes}")
        if not 0 <= self.seed < 2**31:
            raise ValueError(f"Expected seed between 0 and 2**31 - 1, got {self.seed}")


class Deadline:
    """Stops at a moment, by a clock that all processes of a machine share."""

    def __init__(self, moment: float) -> None:
        self._moment = moment

    def seconds_left(self) -> float:
        """Till the moment; 0 once it is over, for whatever reason."""
        if _board is not None and _board.over.value:
            return 0.0
        return max(0.0, self._moment - time.monotonic())


class Board(NamedTuple):
    """What the processes share: the best solution, its cost, and whether all is done."""

    values: SynchronizedArray[float]
    objective: Synchronized[float]
    over: Synchronized[bool]


class _Shared:
    """The board as a search sees it."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def _values(self) -> Floats:
        # The typed stubs do not know that a shared array is a buffer.
        return np.frombuffer(cast(memoryview, self._board.values.get_obj()), dtype=np.float64)

    def offer(self, values: Floats, objective: float) -> None:
        """Write it down, if nobody had a better one meanwhile."""
        board = self._board
        with board.objective.get_lock():
            if objective < board.objective.value:
                self._values()[:] = values
                board.objective.value = objective

    def better(self, objective: float) -> Floats | None:
        """What is written there, if it costs less."""
        board = self._board
        with board.objective.get_lock():
            if board.objective.value >= objective:
                return None
            return self._values().copy()


# Of a worker process: sent once, when it starts.
_board: Board | None = None
_given: tuple[Mip, Ward | None] | None = None


def _start(mip: Mip, ward: Ward | None, board: Board) -> None:
    global _board, _given
    # Ctrl-C reaches the whole group of processes; only the one that a person looks at answers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _board, _given = board, (mip, ward)


def _search(number: int, moment: float, seed: int) -> Outcome:
    if _board is None or _given is None:
        raise AssertionError("Expected a program before a search")
    outcome = _carry_out(*_given, number, moment, seed, exchange=_Shared(_board))
    if outcome.solution.status in (Status.OPTIMAL, Status.INFEASIBLE):
        _board.over.value = True
    return outcome


def _carry_out(
    mip: Mip, ward: Ward | None, number: int, moment: float, seed: int, *, exchange: _Shared | None
) -> Outcome:
    return carry_out(
        mip,
        stop=Deadline(moment),
        generator=np.random.default_rng((seed, number)),
        ward=ward,
        exchange=exchange,
        parameters=_parameters(mip, ward, number, is_alone=exchange is None),
    )


def _parameters(mip: Mip, ward: Ward | None, number: int, *, is_alone: bool) -> StagesParameters:
    """How a search divides its time: what measuring found, see `docs/rostering-benchmarks.md`.

    Of a small program HiGHS solves large parts, so that annealing earns little where cover is soft, and
    beside others the first search leaves it to them; the first alone tries a small program as a whole.
    """
    is_soft = ward is not None and isinstance(ward.rules, SoftRules)
    is_small = mip.column_count <= (WHOLE_COLUMNS_MOST if is_soft else LARGE_PARTS_COLUMNS_MOST)
    is_first = number == 0 and is_small
    whole_share = 0.25 if is_first else 0.0
    search = SearchParameters(whole_share=whole_share)
    if is_small and not is_soft:
        search = SearchParameters(whole_share=whole_share, slice_seconds=6.0, slice_aim=0.33)
    if is_soft:
        share, rounds = (0.5, 2) if is_first else (0.75, 3)
        return StagesParameters(annealing_share=share, rounds=rounds, search=search)
    if is_first and not is_alone:
        return StagesParameters(annealing_share=0.0, search=search)
    return StagesParameters(annealing_share=0.1 if is_small else 0.4, search=search)


def search_roster(mip: Mip, searches: Searches, *, ward: Ward | None = None) -> Outcome:
    """The best solution of all searches, in a time box.

    Returns
    -------
    Outcome
        With the trace of the search that did best; `INFEASIBLE` or `NOTHING` without a solution.

    Raises
    ------
    RosterSearchLost
        If the processes die.
    """
    moment = time.monotonic() + searches.seconds
    if searches.processes == 1:
        return _carry_out(mip, ward, 0, moment, searches.seed, exchange=None)
    context = multiprocessing.get_context("spawn")
    board = Board(
        context.Array("d", max(1, mip.column_count)), context.Value("d", INFINITY), context.Value("b", False)
    )
    pool = ProcessPoolExecutor(
        searches.processes, mp_context=context, initializer=_start, initargs=(mip, ward, board)
    )
    try:
        with pool:
            futures = [
                pool.submit(_search, number, moment, searches.seed) for number in range(searches.processes)
            ]
            outcomes = [future.result() for future in futures]
    except BrokenProcessPool as error:
        raise RosterSearchLost(str(error), place="roster search") from error
    return _together(outcomes)


def _together(outcomes: list[Outcome]) -> Outcome:
    """The best solution under the best bound, with all searches' moments in order."""
    best = min(outcomes, key=lambda outcome: outcome.solution.objective)
    sure = [outcome for outcome in outcomes if outcome.solution.status in (Status.OPTIMAL, Status.INFEASIBLE)]
    solution = min(sure, key=lambda outcome: outcome.solution.objective).solution if sure else best.solution
    bound = max(outcome.solution.bound for outcome in outcomes)
    solution = Solution(solution.status, solution.values, solution.objective, bound)
    moments: list[Moment] = sorted(moment for outcome in outcomes for moment in outcome.trace)
    return Outcome(solution, tuple(moments), sum(outcome.tried for outcome in outcomes))

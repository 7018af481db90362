"""A whole search: annealing where the rules allow it, then the program as a whole, then neighbourhoods."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
from numpy.typing import NDArray

from openhall.science.roster.annealing import OFF, AnnealingParameters, Regulations, anneal, breaches
from openhall.science.roster.mip import FEASIBILITY, INFINITY, Floats, Mip, solve
from openhall.science.roster.parts import Structure
from openhall.science.roster.search import Exchange, Outcome, SearchParameters, Stop, search
from openhall.science.roster.soft_annealing import SoftAnnealingParameters, SoftRules, covering
from openhall.science.roster.soft_annealing import anneal as anneal_soft

COMPLETING_SECONDS = 20.0


class Ward(msgspec.Struct, frozen=True):
    """The same roster in two forms.

    Attributes
    ----------
    rules : Regulations or SoftRules
        For the annealing: hard rules and soft cover, or soft rules and hard cover.
    columns : (P, D, S) int
        The column of each person, day and shift in the program; -1 where the person may not.
    """

    rules: Regulations | SoftRules
    columns: NDArray[np.int64]


class StagesParameters(msgspec.Struct, frozen=True):
    """How the time is divided.

    Attributes
    ----------
    annealing_share : float
        Of the time; the annealing needs a `Ward`.
    rounds : int
        Of annealing from a new start each, where all rules are soft. The best goes on.
    annealing : AnnealingParameters
    soft_annealing : SoftAnnealingParameters
    search : SearchParameters
        Of what comes after.
    """

    annealing_share: float = 0.4
    rounds: int = 4
    annealing: AnnealingParameters = AnnealingParameters()
    soft_annealing: SoftAnnealingParameters = SoftAnnealingParameters()
    search: SearchParameters = SearchParameters()

    def __post_init__(self) -> None:
        if not 0.0 <= self.annealing_share <= 1.0:
            raise ValueError(f"Expected annealing_share between 0 and 1, got {self.annealing_share}")
        if not 1 <= self.rounds <= 1_000:
            raise ValueError(f"Expected rounds between 1 and 1000, got {self.rounds}")


def carry_out(
    mip: Mip,
    *,
    stop: Stop,
    generator: np.random.Generator,
    ward: Ward | None = None,
    start: Floats | None = None,
    exchange: Exchange | None = None,
    parameters: StagesParameters | None = None,
) -> Outcome:
    """The best roster found till `stop` says so; see `search.search` for what comes back."""
    parameters = parameters or StagesParameters()
    if ward is not None and start is None and parameters.annealing_share > 0.0:
        start = annealed(mip, ward, stop=stop, generator=generator, exchange=exchange, parameters=parameters)
    return search(
        mip, stop=stop, generator=generator, start=start, exchange=exchange, parameters=parameters.search
    )


def annealed(
    mip: Mip,
    ward: Ward,
    *,
    stop: Stop,
    generator: np.random.Generator,
    parameters: StagesParameters,
    exchange: Exchange | None = None,
) -> Floats | None:
    """A solution, (n,), from annealing for its share of the time; None if some rule stayed broken.

    Others are told of it at once.
    """
    seconds = parameters.annealing_share * stop.seconds_left()
    rounds = parameters.rounds if isinstance(ward.rules, SoftRules) else 1
    best, least = None, INFINITY
    for _ in range(rounds):
        roster = _round(ward, _elapsed(stop, seconds / rounds), generator, parameters)
        values = None if roster is None else completed(mip, ward, roster)
        if values is not None and mip.objective(values) < least:
            best, least = values, mip.objective(values)
            if exchange is not None:
                exchange.offer(best, least)
    return best


def _elapsed(stop: Stop, seconds: float) -> Callable[[], float]:
    """The share that has passed of so many seconds from now."""
    from_now = stop.seconds_left()

    def share() -> float:
        left = stop.seconds_left()
        return (from_now - left) / seconds if seconds > 0.0 and left > 0.0 else 1.0

    return share


def _round(
    ward: Ward, elapsed: Callable[[], float], generator: np.random.Generator, parameters: StagesParameters
) -> NDArray[np.int64] | None:
    if isinstance(ward.rules, SoftRules):
        start = covering(ward.rules, generator)
        if start is None:
            return None
        return anneal_soft(
            ward.rules, start, elapsed=elapsed, generator=generator, parameters=parameters.soft_annealing
        )[0]
    people, days, _shifts = ward.columns.shape
    return anneal(
        ward.rules,
        np.full((people, days), OFF, dtype=np.int64),
        elapsed=elapsed,
        seed=int(generator.integers(0, 2**31)),
        parameters=parameters.annealing,
    )[0]


def completed(mip: Mip, ward: Ward, roster: NDArray[np.int64]) -> Floats | None:
    """The solution, (n,), with these shifts, (persons, days), and what follows from them.

    Whose rules are broken gets the best schedule beside the others'. None if there is none.
    """
    values = np.zeros(mip.column_count)
    for person, day in zip(*np.nonzero(roster >= 0), strict=True):
        values[ward.columns[person, day, roster[person, day]]] = 1.0
    free = mip.person < 0
    if isinstance(ward.rules, Regulations):
        free |= (breaches(ward.rules, roster) > 0)[mip.person]
    part = Structure(mip).part(free, values)
    solution = solve(part.mip, seconds=COMPLETING_SECONDS)
    if solution.values is None:
        return None
    values = part.whole(solution.values)
    return values if mip.misses(values) <= FEASIBILITY else None

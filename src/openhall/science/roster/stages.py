"""A whole search: annealing where the rules allow it, then the program as a whole, then neighbourhoods."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from openhall.science.roster.annealing import OFF, AnnealingParameters, Regulations, anneal, breaches
from openhall.science.roster.mip import FEASIBILITY, Floats, Mip, solve
from openhall.science.roster.parts import Structure
from openhall.science.roster.search import Exchange, Outcome, SearchParameters, Stop, search

COMPLETING_SECONDS = 20.0


class Ward(msgspec.Struct, frozen=True):
    """The same roster in two forms.

    Attributes
    ----------
    rules : Regulations
        For the annealing.
    columns : (P, D, S) int
        The column of each person, day and shift in the program; -1 where the person may not.
    """

    rules: Regulations
    columns: NDArray[np.int64]


class StagesParameters(msgspec.Struct, frozen=True):
    """How the time is divided.

    Attributes
    ----------
    annealing_share : float
        Of the time; the annealing needs a `Ward`.
    annealing : AnnealingParameters
    search : SearchParameters
        Of what comes after.
    """

    annealing_share: float = 0.4
    annealing: AnnealingParameters = AnnealingParameters()
    search: SearchParameters = SearchParameters()

    def __post_init__(self) -> None:
        if not 0.0 <= self.annealing_share <= 1.0:
            raise ValueError(f"Expected annealing_share between 0 and 1, got {self.annealing_share}")


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
        start = annealed(mip, ward, stop=stop, generator=generator, parameters=parameters)
        if start is not None and exchange is not None:
            exchange.offer(start, mip.objective(start))
    return search(
        mip, stop=stop, generator=generator, start=start, exchange=exchange, parameters=parameters.search
    )


def annealed(
    mip: Mip, ward: Ward, *, stop: Stop, generator: np.random.Generator, parameters: StagesParameters
) -> Floats | None:
    """A solution, (n,), from annealing for its share of the time; None if some rule stayed broken."""
    seconds = stop.seconds_left()
    share = parameters.annealing_share * seconds

    def elapsed() -> float:
        return (seconds - stop.seconds_left()) / share if share > 0.0 else 1.0

    people, days, _shifts = ward.columns.shape
    roster, _cost, _broken = anneal(
        ward.rules,
        np.full((people, days), OFF, dtype=np.int64),
        elapsed=elapsed,
        seed=int(generator.integers(0, 2**31)),
        parameters=parameters.annealing,
    )
    return completed(mip, ward, roster)


def completed(mip: Mip, ward: Ward, roster: NDArray[np.int64]) -> Floats | None:
    """The solution, (n,), with these shifts, (persons, days), and what follows from them.

    Whose rules are broken gets the best schedule beside the others'. None if there is none.
    """
    values = np.zeros(mip.column_count)
    for person, day in zip(*np.nonzero(roster >= 0), strict=True):
        values[ward.columns[person, day, roster[person, day]]] = 1.0
    is_broken = breaches(ward.rules, roster) > 0
    free = (mip.person < 0) | is_broken[mip.person]
    part = Structure(mip).part(free, values)
    solution = solve(part.mip, seconds=COMPLETING_SECONDS)
    if solution.values is None:
        return None
    values = part.whole(solution.values)
    return values if mip.misses(values) <= FEASIBILITY else None

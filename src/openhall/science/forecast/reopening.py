"""Scenarios that history cannot show: the burst after a closure [A9] and a closed neighbour's customers [A7].

People who could not come while a branch was closed come when it opens again, some of them, over several days.
How many is not known before the first of those days: `burst` says it under an assumption, and `deferred_seen`
puts what the days showed in its place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import msgspec
import numpy as np

from openhall.science.forecast.calendar import DayFacts


class Reopening(msgspec.Struct, frozen=True):
    """What is assumed of a burst.

    Parameters
    ----------
    deferral_share : of the people who would have come during the closure, those who come afterwards, 0-1.
    first_day_share : of those, the ones who come on the first day; each later day gets the same share of the
        rest.
    trust_days : days of observation that the assumption is worth. Small, because a single day shows far more
        than an assumption: at 0.1, the first day's people set 91 % of it.
    """

    deferral_share: float = 0.35
    first_day_share: float = 0.4
    trust_days: float = 0.1

    def __post_init__(self) -> None:
        if not 0 <= self.deferral_share <= 2:
            raise ValueError(f"Expected deferral_share between 0 and 2, got {self.deferral_share}")
        if not 0 < self.first_day_share <= 1:
            raise ValueError(f"Expected first_day_share above 0 and at most 1, got {self.first_day_share}")
        if not 0 < self.trust_days <= 100:
            raise ValueError(f"Expected trust_days above 0 and at most 100, got {self.trust_days}")


def burst(closure_days: float, day: int, assumed: Reopening) -> float:
    """What an open day after a closure is multiplied by.

    Parameters
    ----------
    closure_days : usual days that the closure took away.
    day : 1 for the first open day after it, then 2, 3, ...

    Returns
    -------
    1 + closure_days x deferral_share x first_day_share x (1 - first_day_share)**(day - 1); 1 on day 0.
    """
    if day < 1:
        return 1.0
    waiting = closure_days * assumed.deferral_share
    return 1 + waiting * assumed.first_day_share * (1 - assumed.first_day_share) ** (day - 1)


def multipliers(facts: Sequence[DayFacts], assumed: Reopening) -> dict[date, float]:
    """The burst of each coming day that follows a closure."""
    return {
        day.date: burst(day.closure_days, day.reopening_day, assumed) for day in facts if day.reopening_day
    }


def deferred_seen(
    assumed: Reopening, *, closure_days: float, came: Sequence[float], usual: Sequence[float]
) -> Reopening:
    """The assumption after some open days: the deferral share that they showed has nearly replaced it.

    Parameters
    ----------
    closure_days : usual days that the closure took away, above 0.
    came, usual : people of the open days after it so far, and what those days usually bring.
    """
    if not closure_days > 0:
        raise ValueError(f"Expected closure_days above 0, got {closure_days}")
    if len(came) != len(usual):
        raise ValueError(f"Expected as many usual days as days that came, got {len(usual)} and {len(came)}")
    one = msgspec.structs.replace(assumed, deferral_share=1.0)
    weights = [burst(closure_days, number, one) - 1 for number in range(1, len(came) + 1)]
    expected = sum(weight * day for weight, day in zip(weights, usual, strict=True))
    if expected <= 0:
        return assumed
    shown = (sum(came) - sum(usual)) / expected
    trust = len(came) / (len(came) + assumed.trust_days)
    share = trust * float(np.clip(shown, 0, 2)) + (1 - trust) * assumed.deferral_share
    return msgspec.structs.replace(assumed, deferral_share=share)


def spill_over(usual: Mapping[str, float], moves: Mapping[str, float]) -> dict[str, float]:
    """The neighbour share of each branch that takes a closed one's customers [A7].

    Parameters
    ----------
    usual : people of a usual day, by branch; the branches that stay open.
    moves : people of the closed branch who are expected at each of them.

    Returns
    -------
    People who move, as a share of the branch's own; branches without usual people are left out.
    """
    return {branch: moves[branch] / usual[branch] for branch in sorted(moves) if usual.get(branch, 0) > 0}

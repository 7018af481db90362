"""Choosing moves one after another, each by what it adds to those chosen before: the greedy method, lazily.

What a capacity move saves falls with every other one (waiting time is convex in capacity), so the greedy
choice is near the best set, at least 63 % of it where that holds exactly (Nemhauser, Wolsey and Fisher,
Math. Programming 14, 1978, 265). Where gains only fall, one that was too small before need not be worked out
again: Minoux's accelerated greedy algorithm (1978) looks at candidates in the order of their last known gain
and stops as soon as a fresh gain is above all other old ones.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Hashable, Mapping
from typing import Generic, NamedTuple, TypeVar

Key = TypeVar("Key", bound=Hashable)
Item = TypeVar("Item")


class Chosen(NamedTuple, Generic[Item]):
    """One step of the choice."""

    item: Item
    gain: float
    """What it adds to the ones before, less what it costs."""


class Choice(NamedTuple, Generic[Item]):
    """What was chosen, in order, and how."""

    steps: tuple[Chosen[Item], ...]
    evaluations: int
    is_complete: bool
    """False when the time was over before no candidate was left that gains."""


def choose(
    pool: Callable[[], Mapping[Key, Item]],
    gain: Callable[[Item], float],
    take: Callable[[Item], None],
    *,
    at_most: int,
    least: float = 0.0,
    is_over: Callable[[], bool] = lambda: False,
) -> Choice[Item]:
    """Take the candidate of largest gain, again and again.

    Parameters
    ----------
    pool : the candidates that fit to what has been taken, by a key that stays the same between rounds.
    gain : what a candidate adds to what has been taken; any unit. It should not grow when more is taken:
        where it does, a candidate may be overlooked for a round, never counted wrongly.
    take : told each candidate that is chosen, before the next round.
    at_most : how many are chosen, 0 or more.
    least : a gain has to be above this.
    is_over : the stop criterion; asked before each evaluation. What has been chosen by then stands.

    Raises
    ------
    ValueError : for a negative `at_most`.
    """
    if at_most < 0:
        raise ValueError(f"Expected at_most of 0 or more, got {at_most}")
    known: dict[Key, float] = {}
    steps: list[Chosen[Item]] = []
    evaluations = 0
    while len(steps) < at_most:
        items = pool()
        queue = [(-known.get(key, float("inf")), number, key) for number, key in enumerate(items)]
        heapq.heapify(queue)
        fresh: set[Key] = set()
        best: Key | None = None
        while queue:
            minus, number, key = heapq.heappop(queue)
            if key in fresh or -minus <= least:
                best = key if key in fresh and -minus > least else None
                break
            if is_over():
                return Choice(tuple(steps), evaluations, is_complete=False)
            known[key] = gain(items[key])
            evaluations += 1
            fresh.add(key)
            heapq.heappush(queue, (-known[key], number, key))
        if best is None:
            return Choice(tuple(steps), evaluations, is_complete=True)
        steps.append(Chosen(items[best], known[best]))
        take(items[best])
    return Choice(tuple(steps), evaluations, is_complete=True)

"""Who sits at which counter: skills that fit, people who stay where they are."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Floats = NDArray[np.float64]
FORBIDDEN = -1e6
ROUNDS = 6
"""How often the weight of a service that no window serves is raised."""


class CounterParameters(msgspec.Struct, frozen=True):
    """What staying is worth, against a fit that sums to 1 over all services.

    Attributes
    ----------
    stay : for staying at a counter.
    stint_least : intervals that somebody stays at a counter at least.
    switches_most : changes of counter in a day.
    """

    stay: float = 0.5
    stint_least: int = 2
    switches_most: int = 4

    def __post_init__(self) -> None:
        if self.stint_least < 1 or self.switches_most < 0 or self.stay < 0.0:
            raise ValueError(f"Expected a stint of 1 or more and nothing negative, got {self}")


def counters(
    at_window: NDArray[np.bool_],
    fits: NDArray[np.bool_],
    weights: Floats,
    taken: NDArray[np.bool_],
    parameters: CounterParameters | None = None,
) -> NDArray[np.int64]:
    """The counter of each person in each interval, -1 for none.

    Parameters
    ----------
    at_window : (people, intervals) who is to sit at one.
    fits : (people, counters, services) what somebody can serve there.
    weights : (intervals, services) work that comes, in minutes.
    taken : (counters, intervals) given away by hand.
    """
    parameters = parameters or CounterParameters()
    people, intervals = at_window.shape
    found = np.full((people, intervals), -1, dtype=np.int64)
    held = np.full(people, -1, dtype=np.int64)
    since = np.zeros(people, dtype=np.int64)
    last = np.full(people, -1, dtype=np.int64)
    switches = np.zeros(people, dtype=np.int64)
    left = _left(at_window)
    for i in range(intervals):
        who = np.flatnonzero(at_window[:, i])
        held[~at_window[:, i]] = -1
        changed = (
            i == 0 or (at_window[:, i] != at_window[:, i - 1]).any() or (taken[:, i] != taken[:, i - 1]).any()
        )
        if not changed:
            found[who, i] = held[who]
            continue
        for person in who:
            if held[person] >= 0 and taken[held[person], i]:
                held[person] = -1
        is_kept = np.array(
            [
                held[p] >= 0
                and (
                    i - since[p] < parameters.stint_least
                    or left[p, i] < parameters.stint_least
                    or switches[p] >= parameters.switches_most
                )
                for p in who
            ],
            dtype=np.bool_,
        )
        seats = _seats(who, is_kept, held, fits, weights[i], taken[:, i], last, switches, parameters)
        for person, counter in zip(who, seats, strict=True):
            if counter != held[person]:
                since[person] = i
            if counter >= 0:
                if last[person] >= 0 and counter != last[person]:
                    switches[person] += 1
                last[person] = counter
            held[person] = counter
            found[person, i] = counter
    return found


def _left(at_window: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many intervals somebody stays at windows from each interval on."""
    left = np.zeros(at_window.shape, dtype=np.int64)
    for i in range(at_window.shape[1] - 1, -1, -1):
        after = left[:, i + 1] if i + 1 < at_window.shape[1] else 0
        left[:, i] = np.where(at_window[:, i], after + 1, 0)
    return left


def _seats(
    who: NDArray[np.int64],
    is_kept: NDArray[np.bool_],
    held: NDArray[np.int64],
    fits: NDArray[np.bool_],
    weights: Floats,
    taken: NDArray[np.bool_],
    last: NDArray[np.int64],
    switches: NDArray[np.int64],
    parameters: CounterParameters,
) -> NDArray[np.int64]:
    """One counter for each, by assignment; the weight of what nobody serves is raised, and tried again."""
    seats = np.where(is_kept, held[who], -1)
    free = np.flatnonzero(~is_kept)
    is_taken = taken.copy()
    is_taken[seats[seats >= 0]] = True
    rooms = np.flatnonzero(~is_taken)
    if not len(free) or not len(rooms):
        return seats
    total = weights.sum()
    share = weights / total if total > 0 else np.full(len(weights), 1.0 / max(1, len(weights)))
    best, best_missing = seats, np.inf
    raised = share.copy()
    for _ in range(ROUNDS):
        tried = seats.copy()
        value = fits[who[free]][:, rooms] @ raised
        able = fits[who[free]][:, rooms].any(axis=2)
        was = np.where(held[who[free]] >= 0, held[who[free]], last[who[free]])
        value += parameters.stay * (rooms[None, :] == was[:, None])
        is_tired = switches[who[free]] >= parameters.switches_most
        value = np.where(able, value + 1.0, FORBIDDEN)
        elsewhere = is_tired[:, None] & (was[:, None] >= 0) & (rooms[None, :] != was[:, None])
        value = np.where(elsewhere, FORBIDDEN, value)
        rows, columns = linear_sum_assignment(value, maximize=True)
        is_right = value[rows, columns] > FORBIDDEN / 2
        tried[free[rows[is_right]]] = rooms[columns[is_right]]
        served = np.zeros(len(weights), dtype=np.bool_)
        for person, counter in zip(who, tried, strict=True):
            if counter >= 0:
                served |= fits[person, counter]
        missing = float(share[~served].sum()) + 10.0 * float((tried < 0).sum())
        if missing < best_missing - 1e-12:
            best, best_missing = tried, missing
        if served[weights > 0].all():
            break
        raised = np.where(served, raised, 3.0 * np.maximum(raised, 0.05))
    return best

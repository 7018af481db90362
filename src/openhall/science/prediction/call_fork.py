"""What may happen next in a call centre: futures of the line and the agents as they stand, played out.

A future draws, for each agent with a caller, how long the service goes on given how long it has gone; then
the pause till the agent takes the next call, or that the agent is gone; for each caller ahead the patience
left, given the patience shown; and the priority callers who join within their head start of the one who asks
and so overtake. The wait is the moment at which an agent looks for a caller and finds the one who asks.

The one who asks never hangs up in a future. As the log tells the waits of those who stayed, a future counts
by the chance that the caller is still there at its end: the quantiles are those of a caller who is served.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from openhall.science.prediction.call_centre import (
    CALLED_BACK,
    HEAD_START_SECONDS,
    INTERNET,
    NOBODY,
    PRIORITY,
    PROSPECT,
    STOCKS,
    Asking,
    CallDay,
    Chosen,
    Counts,
    Seconds,
    is_ahead,
    places,
)
from openhall.science.prediction.call_features import Agents
from openhall.science.survival import product_limit

WAIT_SECONDS_MAX = 1_800
"""A future that lasts longer ends here: the longest wait of February 1999 is half of it."""
OVERTAKERS_MAX = 16
ARRIVALS_SEEN_SECONDS = 900.0
"""The rate of priority callers is that of the last quarter of an hour."""
GONE = 1e9
SERVICES = 4
"""Regular and the rest, prospects, stocks, called back."""
PATIENCES = 3
"""Regular and the rest, prospects, priority callers."""
# Columns of the people of a future, one row each.
_PLACE, _JOINS, _LEAVES, _SERVICE = 0, 1, 2, 3
SHARES = (0.1, 0.25, 0.5, 0.75, 0.9)


class CallHabits(NamedTuple):
    """How long services, pauses and patience last.

    Parameters
    ----------
    services : (n,) seconds, ascending within each of `SERVICES` groups.
    service_from : (SERVICES + 1,) where each group begins in `services`.
    patience_left : (PATIENCES, WAIT_SECONDS_MAX + 1) share that has not hung up after so many seconds.
    pause_left : (WAIT_SECONDS_MAX + 1,) share of agents who have not yet taken the next call so many seconds
        after ending one, while somebody waits.
    service_mean : seconds, over all groups.
    hang_up_rate : hang-ups by second of waiting.
    """

    services: Seconds
    service_from: Counts
    patience_left: NDArray[np.float64]
    pause_left: NDArray[np.float64]
    service_mean: float
    hang_up_rate: float


def call_habits(days: Iterable[CallDay]) -> CallHabits:
    """Learn from whole days. Raises ValueError when they hold no service or nobody in the shared line."""
    services: list[list[Seconds]] = [[] for _ in range(SERVICES)]
    in_line: list[list[Seconds]] = [[] for _ in range(PATIENCES)]
    hung_up: list[list[Chosen]] = [[] for _ in range(PATIENCES)]
    pauses: list[tuple[Seconds, Chosen]] = []
    for day in days:
        # A missing moment is NaN, and no comparison with NaN holds; a few recorded spells are negative.
        served = (day.ended >= day.started) & (day.kind != INTERNET)
        queued = (day.left >= day.joined) & (day.kind != INTERNET)
        for group in range(SERVICES):
            chosen = served & (_service_of(day.kind) == group)
            services[group].append((day.ended - day.started)[chosen])
        for group in range(PATIENCES):
            chosen = queued & (_patience_of(day.kind, day.priority) == group)
            in_line[group].append((day.left - day.joined)[chosen])
            hung_up[group].append(np.isnan(day.started)[chosen])
        pauses.append(_pauses(day))
    everyone = np.concatenate([np.zeros(0), *(part for group in services for part in group)])
    if not len(everyone) or not any(len(part) for group in in_line for part in group):
        raise ValueError("Expected days with services and a line, got none")
    # A kind that never came is served like everybody.
    groups = [np.sort(np.concatenate(group)) for group in services]
    groups = [group if len(group) else np.sort(everyone) for group in groups]
    return CallHabits(
        np.concatenate(groups),
        np.cumsum([0, *(len(group) for group in groups)]),
        np.vstack(
            [
                _still_there(np.concatenate(s), np.concatenate(e))
                for s, e in zip(in_line, hung_up, strict=True)
            ]
        ),
        _still_there(np.concatenate([p for p, _ in pauses]), np.concatenate([e for _, e in pauses])),
        float(everyone.mean()),
        float(sum(e.sum() for g in hung_up for e in g) / sum(s.sum() for g in in_line for s in g)),
    )


def _still_there(seconds: Seconds, is_ended: Chosen) -> NDArray[np.float64]:
    """The share that lasts longer than each whole second; all of it where nothing was seen."""
    curve = product_limit(seconds, is_ended)
    after = np.searchsorted(curve.moments_ms, np.arange(WAIT_SECONDS_MAX + 1), side="right")
    return np.concatenate(([1.0], 1.0 - curve.left))[after]


def _pauses(day: CallDay) -> tuple[Seconds, Chosen]:
    """Seconds from the end of a call to the agent's next one; cut short where the line ran empty first.

    Only from ends at which somebody waited: an agent without work says nothing about pauses.
    """
    queued = (day.left >= day.joined) & (day.kind != INTERNET)
    moments = np.concatenate((day.joined[queued], day.left[queued]))
    steps = np.repeat((1, -1), np.count_nonzero(queued))
    order = np.lexsort((-steps, moments))
    moments, length = moments[order], np.cumsum(steps[order])
    empty_from = moments[length == 0]
    seconds: list[float] = []
    is_ended: list[bool] = []
    for agent in np.unique(day.agent[day.agent != NOBODY]):
        own = (day.agent == agent) & ~np.isnan(day.ended)
        starts = np.sort(day.started[own])
        for end in np.sort(day.ended[own]):
            now = np.searchsorted(moments, end, side="right") - 1
            if now < 0 or length[now] == 0:
                continue
            empty = empty_from[np.searchsorted(empty_from, end)]
            # Clocks of line and agent differ by a second or two: a start just before the end is the next one.
            following = np.searchsorted(starts, end - 2.0)
            start = starts[following] if following < len(starts) else np.inf
            is_ended.append(bool(start <= empty + 1.0))
            seconds.append(
                float(max(0.0, start - end) if is_ended[-1] else min(empty - end, WAIT_SECONDS_MAX))
            )
    return np.array(seconds, dtype=np.float64), np.array(is_ended, dtype=np.bool_)


def _service_of(kind: Counts) -> Counts:
    return np.select([kind == PROSPECT, kind == STOCKS, kind == CALLED_BACK], [1, 2, 3], 0)


def _patience_of(kind: Counts, priority: Counts) -> Counts:
    return np.select([kind == PROSPECT, priority == PRIORITY], [1, 2], 0)


def fork(
    asking: Asking, agents: Agents, habits: CallHabits, uniforms: NDArray[np.float64]
) -> dict[str, float]:
    """The wait of a caller who stays till served, over futures.

    Parameters
    ----------
    asking : the caller and what is known.
    agents : who answers, as known.
    habits : of other days.
    uniforms : (futures, draws) in [0, 1); the same for every caller, so that two callers differ by what is
        known and not by chance. A future that needs more draws than there are begins again with the first.

    Returns
    -------
    dict of str to float
        `fork_p10`, ..., `fork_p90` and `fork_mean`, seconds. With no agent known, one is imagined who has
        just ended a call.
    """
    day, moment = asking.day, asking.moment
    ahead = np.flatnonzero(is_ahead(asking))
    ahead = ahead[np.lexsort((day.menu_entered[ahead], day.joined[ahead], places(day)[ahead]))]
    recent = (
        (day.priority == PRIORITY) & (day.kind != INTERNET) & (day.joined >= moment - ARRIVALS_SEEN_SECONDS)
    )
    idle = moment - agents.free_since
    if not len(agents.busy) + len(idle):
        # The first callers of a morning: the log shows an agent only from the first call on.
        idle = np.zeros(1)
    lasts = _play(
        (moment - agents.busy_since, _service_of(agents.busy_kind), idle),
        (
            places(day)[ahead] - asking.place,
            moment - day.joined[ahead],
            _patience_of(day.kind[ahead], day.priority[ahead]),
            _service_of(day.kind[ahead]),
        ),
        0.0 if asking.priority == PRIORITY else np.count_nonzero(recent) / ARRIVALS_SEEN_SECONDS,
        (habits.services, habits.service_from, habits.patience_left, habits.pause_left),
        uniforms,
    )
    own = _patience_of(np.array([asking.kind]), np.array([asking.priority]))[0]
    stays = np.maximum(habits.patience_left[own][lasts.astype(np.int64)], 1e-9)
    order = np.argsort(lasts, kind="stable")
    reached = np.cumsum(stays[order]) / stays.sum()
    at = np.minimum(np.searchsorted(reached, SHARES), len(lasts) - 1)
    points = {
        f"fork_p{round(100 * share)}": float(lasts[order][k]) for share, k in zip(SHARES, at, strict=True)
    }
    return points | {"fork_mean": float((lasts * stays).sum() / stays.sum())}


def _jit(function):  # type: ignore[no-untyped-def]
    """Machine code without the interpreter's lock, kept on disk; every callee is in this file."""
    return njit(cache=True, nogil=True, error_model="numpy")(function)


@_jit
def _lasts_on(left, age, uniform):  # type: ignore[no-untyped-def]
    """How much longer something lasts that has lasted `age`, by the shares that last so many seconds."""
    last = len(left) - 1
    low = min(int(age), last - 1)
    if left[low] <= 0.0:
        return 0.0
    target = left[low] * uniform
    if left[last] > target:
        return GONE
    high = last
    while high - low > 1:
        middle = (low + high) // 2
        if left[middle] > target:
            low = middle
        else:
            high = middle
    return max(high - age, 0.0)


@_jit
def _goes_on(services, first, end, age, uniform):  # type: ignore[no-untyped-def]
    """The rest of a service that has lasted `age`: as of those that lasted longer, else in proportion."""
    longer = first + np.searchsorted(services[first:end], age, side="right")
    if longer >= end:
        return -np.log(1.0 - uniform) * age * 0.4
    return services[longer + int(uniform * (end - longer))] - age


@_jit
def _set_free(agents, lasting, row, free_at):  # type: ignore[no-untyped-def]
    """When each agent looks for the next caller, into `free_at`; the number of draws used."""
    busy_age, busy_service, idle_age = agents
    services, service_from, _, pause_left = lasting
    busy, draws, draw = len(busy_age), len(row), 0
    for b in range(busy):
        g = busy_service[b]
        rest = _goes_on(services, service_from[g], service_from[g + 1], busy_age[b], row[draw % draws])
        free_at[b] = rest + _lasts_on(pause_left, 0.0, row[(draw + 1) % draws])
        draw += 2
    for i in range(len(idle_age)):
        free_at[busy + i] = _lasts_on(pause_left, idle_age[i], row[draw % draws])
        draw += 1
    return draw


@_jit
def _line_up(line, overtaking_rate, lasting, row, draw, people):  # type: ignore[no-untyped-def]
    """Who is ahead, and who joins in time to overtake, into `people`; their number and the next draw."""
    place, age, patience, service = line
    patience_left, draws, count = lasting[2], len(row), len(place)
    for a in range(count):
        people[a, _PLACE], people[a, _JOINS], people[a, _SERVICE] = place[a], 0.0, service[a]
        people[a, _LEAVES] = _lasts_on(patience_left[patience[a]], age[a], row[draw % draws])
        draw += 1
    joins = 0.0
    while overtaking_rate > 0.0 and count < len(people):
        joins -= np.log(1.0 - row[draw % draws]) / overtaking_rate
        if joins >= HEAD_START_SECONDS:
            break
        people[count, _PLACE], people[count, _JOINS], people[count, _SERVICE] = (
            joins - HEAD_START_SECONDS,
            joins,
            0.0,
        )
        people[count, _LEAVES] = joins + _lasts_on(patience_left[2], 0.0, row[(draw + 1) % draws])
        count += 1
        draw += 2
    return count, draw


@_jit
def _turn(free_at, people, count, lasting, row, draw):  # type: ignore[no-untyped-def]
    """The moment at which an agent finds nobody of `people` left to serve."""
    services, service_from, _, pause_left = lasting
    draws = len(row)
    while len(free_at) > 0:
        agent = np.argmin(free_at)
        now = free_at[agent]
        if now >= WAIT_SECONDS_MAX:
            break
        chosen = -1
        for p in range(count):
            # Whoever was served or has hung up stays in the table as somebody who has left.
            if people[p, _JOINS] > now or people[p, _LEAVES] < now:
                continue
            if chosen < 0 or people[p, _PLACE] < people[chosen, _PLACE]:
                chosen = p
        if chosen < 0:
            return now
        people[chosen, _LEAVES] = -1.0
        g = int(people[chosen, _SERVICE])
        work = _goes_on(services, service_from[g], service_from[g + 1], 0.0, row[draw % draws])
        free_at[agent] = now + work + _lasts_on(pause_left, 0.0, row[(draw + 1) % draws])
        draw += 2
    return float(WAIT_SECONDS_MAX)


@_jit
def _play(agents, line, overtaking_rate, lasting, uniforms):  # type: ignore[no-untyped-def]
    """The wait in each future, one a row of `uniforms`."""
    free_at = np.empty(len(agents[0]) + len(agents[2]))
    people = np.empty((len(line[0]) + OVERTAKERS_MAX, 4))
    lasts = np.empty(len(uniforms))
    for future in range(len(uniforms)):
        row = uniforms[future]
        draw = _set_free(agents, lasting, row, free_at)
        count, draw = _line_up(line, overtaking_rate, lasting, row, draw, people)
        lasts[future] = _turn(free_at, people, count, lasting, row, draw)
    return lasts

"""The compiled part of the finite day: how the number of people in a hall moves, and how long one will wait.

Between two moments at which something changes, the number in the hall is a birth and death process with
constant rates. It is carried forward by uniformisation (Jensen 1953): a mixture over a Poisson number of
jumps, positive terms only, cut where less than 1e-11 is left. There is no step size that an error could
come from.

Opening c' of c counters: the first c' - c in line begin at once. Closing: a counter finishes its customer and
calls nobody else, an idle one is closed first. So whoever is in line keeps the place, and the counters
that go on have no more to do than before: of n in the hall n' = n - (c - c') stay with them when all were
busy.

All compiled functions of the finite day are in this file: numba does not notice a change in a callee
elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from math import lgamma
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_F = TypeVar("_F", bound=Callable[..., Any])

_CUT = 1e-11
_NOTHING = 1e-13


def _jit(function: _F) -> _F:
    """Machine code without the interpreter's lock, kept on disk."""
    return cast(
        _F, njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "reassoc"})(function)
    )


# --- the hall -------------------------------------------------------------------------------------------


@_jit
def _change(people: Floats, high: int, counters: int, changed: int) -> int:
    """Open or close counters in a distribution of people in the hall, in place; its new last state."""
    closed = counters - changed
    if closed <= 0:
        return high
    for n in range(changed + 1, min(counters, high + 1)):
        people[changed] += people[n]
    for n in range(counters, high + 1):
        if n == counters:
            people[changed] += people[n]
        else:
            people[n - closed] = people[n]
    first = changed + 1 if high <= counters else high - closed + 1
    for n in range(max(first, changed + 1), high + 1):
        people[n] = 0.0
    return min(high, max(changed, high - closed))


@_jit
def _pass(
    people: Floats, high: int, arrivals: float, departures: float, counters: int, minutes: float, work: Floats
) -> int:
    """Let minutes pass over a distribution of people, in place; its new last state.

    `arrivals` a minute, `departures` a minute of a busy counter. `work` is (2, states). The last state
    stands for itself and all above.
    """
    rate = arrivals + departures * counters
    mean = rate * minutes
    if mean <= 0.0:
        return high
    parts = 1 + int(mean / 300.0)
    mean /= parts
    up, one = arrivals / rate, departures / rate
    down = one * counters
    states = people.shape[0]
    for _ in range(parts):
        weight = np.exp(-mean)
        left = 1.0 - weight
        now, then = work[0], work[1]
        for n in range(high + 1):
            now[n] = people[n]
            people[n] *= weight
        top, jumps = high, 0
        while left > _CUT and jumps < mean + 40.0 + 12.0 * np.sqrt(mean):
            jumps += 1
            weight *= mean / jumps
            left -= weight
            last = top
            if top + 1 < states and up * now[top] > _NOTHING:
                top += 1
                now[top] = 0.0
                people[top] = 0.0 if top > high else people[top]
                high = max(high, top)
            # With a free counter the ends are fewer: what is missing to the rate is a jump to nowhere.
            then[0] = one * counters * now[0] + (one * now[1] if top > 0 and counters > 0 else 0.0)
            for n in range(1, min(counters, top + 1)):
                then[n] = up * now[n - 1] + one * (counters - n) * now[n]
                if n < top:
                    then[n] += one * (n + 1) * now[n + 1]
            if 0 < counters <= top:
                then[counters] = up * now[counters - 1]
                if counters < top:
                    then[counters] += down * now[counters + 1]
            for n in range(counters + 1, top):
                then[n] = up * now[n - 1] + down * now[n + 1]
            if top > counters:
                then[top] = up * now[top - 1]
            if last == top:
                then[top] += up * now[top]
            for n in range(top + 1):
                people[n] += weight * then[n]
            now, then = then, now
    while high > 0 and people[high] < _NOTHING:
        people[high - 1] += people[high]
        people[high] = 0.0
        high -= 1
    return high


@_jit
def step(
    people: Floats,
    high: Ints,
    arrivals: Floats,
    departures: float,
    counters_before: int,
    counters: int,
    gaps: Floats,
    nodes: Floats,
    node_high: Ints,
    work: Floats,
) -> None:
    """One interval of every scenario, in place.

    people : (s, k) distribution of people at its start; at its end afterwards. high : (s,) last states.
    arrivals : (s,) a minute. gaps : (m + 1,) minutes from the start to the first node, between nodes, to
        the end.
    nodes, node_high : (s, m, k), (s, m) the distributions at the nodes, to be filled up to their last states.
    """
    for s in range(people.shape[0]):
        top = _change(people[s], high[s], counters_before, counters)
        for node in range(gaps.shape[0]):
            top = _pass(people[s], top, arrivals[s], departures, counters, gaps[node], work)
            if node < nodes.shape[1]:
                node_high[s, node] = top
                for n in range(top + 1):
                    nodes[s, node, n] = people[s, n]
        high[s] = top


# --- one customer ---------------------------------------------------------------------------------------


@_jit
def _poisson_shares(mean: float, shares: Floats) -> None:
    """P(Poisson(mean) <= k) for each k."""
    total = 0.0
    term = np.exp(-mean) if mean < 600.0 else 0.0
    for k in range(shares.shape[0]):
        if mean >= 600.0:
            term = np.exp(k * np.log(mean) - mean - lgamma(k + 1.0))
        elif k > 0:
            term *= mean / k
        total += term
        shares[k] = min(1.0, total)


@_jit
def _ahead(
    plan: Ints, interval: int, offset: float, limit: float, width: float, departures: float
) -> tuple[float, int]:
    """Expected departures within the limit while all are busy, and counters that open within it."""
    now, end = offset, offset + limit
    at, mean, opened = interval, 0.0, 0
    boundary = width
    while True:
        is_last = at + 1 >= plan.shape[0]
        until = end if is_last else min(end, boundary)
        mean += (until - now) * departures * plan[at]
        now = until
        if is_last or end < boundary - 1e-9:
            return mean, opened
        opened += max(0, plan[at + 1] - plan[at])
        at += 1
        boundary += width


@_jit
def _overtaken_back(
    waits: Floats, overtaking: float, departures: float, minutes: float, work: Floats
) -> None:
    """Carry P(still waiting at the deadline | k ahead) back over minutes of constant rates, in place.

    `overtaking` green arrivals a minute go ahead, `departures` a minute leave; who has nobody ahead begins at
    the next departure.
    """
    rate = overtaking + departures
    mean = rate * minutes
    if mean <= 0.0:
        return
    size = waits.shape[0]
    up, down = overtaking / rate, departures / rate
    now, then = work[0], work[1]
    weight = np.exp(-mean)
    left = 1.0 - weight
    for k in range(size):
        now[k] = waits[k]
        waits[k] *= weight
    jumps = 0
    while left > _CUT and jumps < mean + 40.0 + 12.0 * np.sqrt(mean):
        jumps += 1
        weight *= mean / jumps
        left -= weight
        then[0] = up * now[1]
        for k in range(1, size - 1):
            then[k] = up * now[k + 1] + down * now[k - 1]
        then[size - 1] = up * now[size - 1] + down * now[size - 2]
        for k in range(size):
            waits[k] += weight * then[k]
        now, then = then, now


@_jit
def _overtaken(
    plan: Ints,
    interval: int,
    offset: float,
    limit: float,
    width: float,
    departures: float,
    overtaking: Floats,
    waits: Floats,
    work: Floats,
) -> None:
    """P(wait > limit | k ahead in line) of an ordinary customer whom later green ones overtake.

    overtaking : (intervals,) green arrivals a minute; none after closing.
    """
    end = offset + limit
    last = plan.shape[0] - 1
    at = interval
    while at < last and (at + 1 - interval) * width <= end + 1e-9:
        at += 1
    for k in range(waits.shape[0]):
        waits[k] = 1.0
    now = end
    closing = (plan.shape[0] - interval) * width
    if now > closing:
        begin = max(offset, closing)
        _overtaken_back(waits, 0.0, departures * plan[last], now - begin, work)
        now = begin
    while True:
        begin = max(offset, (at - interval) * width)
        _overtaken_back(waits, overtaking[at], departures * plan[at], max(0.0, now - begin), work)
        now = begin
        if at == interval:
            return
        opened = max(0, plan[at] - plan[at - 1])
        if opened > 0:
            for k in range(waits.shape[0] - 1, -1, -1):
                waits[k] = waits[k - opened] if k >= opened else 0.0
        at -= 1


@_jit
def still_waiting(
    plan: Ints,
    interval: int,
    offset: float,
    limit: float,
    width: float,
    departures: float,
    overtaking: Floats,
    waits: Floats,
    work: Floats,
) -> int:
    """P(wait > limit | k ahead in line) for each k below the answer; beyond it is 1.

    First come, first served it is P(departures and openings within the limit <= k), as every one of them
    takes one step off the way to the front.
    """
    mean, opened = _ahead(plan, interval, offset, limit, width, departures)
    extra = 0.0
    for at in range(interval, plan.shape[0]):
        extra = max(extra, overtaking[at])
    size = max(3, min(len(waits), opened + 16 + int(mean + 8.5 * np.sqrt(mean + 4.0))))
    if extra > 0.0:
        _overtaken(plan, interval, offset, limit, width, departures, overtaking, waits[:size], work)
        return size
    for k in range(min(opened, size)):
        waits[k] = 0.0
    if size > opened:
        _poisson_shares(mean, waits[opened:size])
    return size


@_jit
def waits_at(
    plan: Ints,
    interval: int,
    offsets: Floats,
    limit: float,
    width: float,
    departures: float,
    overtaking: Floats,
    tables: Floats,
    work: Floats,
) -> int:
    """`still_waiting` at each of some moments of an interval; the least length that all of them need.

    overtaking : (s, intervals). tables : (s, m, k), 1 where k is beyond what was filled.
    """
    longest = 1
    for s in range(tables.shape[0]):
        for node in range(offsets.shape[0]):
            waits = tables[s, node]
            size = still_waiting(
                plan, interval, offsets[node], limit, width, departures, overtaking[s], waits, work
            )
            waits[size:] = 1.0
            longest = max(longest, size)
    return longest


@_jit
def late(
    nodes: Floats,
    node_high: Ints,
    counters: int,
    tables: Floats,
    weights: Floats,
    chances: Floats,
    lines: Floats,
) -> float:
    """Share of those who come in an interval that waits longer than the limit, averaged over the scenarios.

    nodes : (s, m, k) distributions of people, up to node_high : (s, m).
    tables : (s or 1, m, k) of `waits_at`.
    weights : (m,) of the nodes, summing to 1.
    chances : (s,) of each scenario as those who come see it: probability times its factor.
    lines : (s, m) mean number of those in line at the node who are in line still when the limit has passed,
        to be filled unless it is empty.
    """
    total = 0.0
    size = tables.shape[2]
    for s in range(nodes.shape[0]):
        for node in range(nodes.shape[1]):
            waits = tables[min(s, tables.shape[0] - 1), node]
            people = nodes[s, node]
            share, line, sofar = 0.0, 0.0, 0.0
            for n in range(counters, node_high[s, node] + 1):
                k = n - counters
                chance = waits[k] if k < size else 1.0
                line += people[n] * sofar
                share += people[n] * chance
                sofar += chance
            total += weights[node] * chances[s] * share
            if lines.shape[0]:
                lines[s, node] = line
    return total


# --- green ----------------------------------------------------------------------------------------------


@_jit
def _change_green(idle: Floats, line: Floats, counters: int, changed: int) -> None:
    """Open or close counters where the classes in line are told apart, in place.

    idle : (c + 1,) people in the hall while a counter is free. line : (g, o) green and ordinary in line
    with all counters busy.
    """
    for n in range(changed, counters):
        line[0, 0] += idle[n]
        idle[n] = 0.0
    opened = changed - counters
    if opened <= 0:
        return
    for g in range(line.shape[0]):
        for o in range(line.shape[1]):
            value = line[g, o]
            if value == 0.0:
                continue
            line[g, o] = 0.0
            if g + o < opened:
                idle[counters + g + o] += value
            else:
                served = min(g, opened)
                line[g - served, o - (opened - served)] += value


@_jit
def _jump_green(
    now_idle: Floats,
    now: Floats,
    then_idle: Floats,
    then: Floats,
    come: float,
    jump: float,
    one: float,
    counters: int,
    top_g: int,
    top_o: int,
) -> None:
    """One jump, by the chances of an ordinary arrival, a green one, and one counter's departure."""
    end = one * counters
    for n in range(counters):
        value = one * (counters - n) * now_idle[n]
        if n > 0:
            value += (come + jump) * now_idle[n - 1]
        if n + 1 < counters:
            value += one * (n + 1) * now_idle[n + 1]
        then_idle[n] = value
    if counters > 0:
        then_idle[counters - 1] += end * now[0, 0]
    for g in range(top_g + 1):
        for o in range(top_o + 1):
            then[g, o] = end * now[g + 1, o] if g < top_g else 0.0
        for o in range(1, top_o + 1):
            then[g, o] += come * now[g, o - 1]
        then[g, top_o] += come * now[g, top_o]
        if g > 0:
            for o in range(top_o + 1):
                then[g, o] += jump * now[g - 1, o]
    for o in range(top_o + 1):
        then[top_g, o] += jump * now[top_g, o]
    for o in range(top_o):
        then[0, o] += end * now[0, o + 1]
    if counters > 0:
        then[0, 0] += (come + jump) * now_idle[counters - 1]


@_jit
def _pass_green(
    idle: Floats,
    line: Floats,
    ordinary: float,
    green: float,
    departures: float,
    counters: int,
    minutes: float,
    work_idle: Floats,
    work_line: Floats,
) -> None:
    """Let minutes pass where the classes are told apart, in place; the last row and column stand for all
    above."""
    rate = ordinary + green + departures * counters
    mean = rate * minutes
    if mean <= 0.0:
        return
    rows, columns = line.shape
    come, jump = ordinary / rate, green / rate
    now_idle, then_idle = work_idle[0], work_idle[1]
    now, then = work_line[0], work_line[1]
    weight = np.exp(-mean)
    left = 1.0 - weight
    top_g, top_o = _extent(line)
    for n in range(counters):
        now_idle[n] = idle[n]
        idle[n] *= weight
    for g in range(top_g + 1):
        for o in range(top_o + 1):
            now[g, o] = line[g, o]
            line[g, o] *= weight
    jumps = 0
    while left > _CUT and jumps < mean + 40.0 + 12.0 * np.sqrt(mean):
        jumps += 1
        weight *= mean / jumps
        left -= weight
        # One row and column more can be reached; of a full table the last ones keep what would leave it.
        if top_g + 1 < rows and now[top_g, : top_o + 1].sum() * jump > _NOTHING:
            top_g += 1
            now[top_g, : top_o + 1] = 0.0
        if top_o + 1 < columns and now[: top_g + 1, top_o].sum() * come > _NOTHING:
            top_o += 1
            now[: top_g + 1, top_o] = 0.0
        _jump_green(now_idle, now, then_idle, then, come, jump, departures / rate, counters, top_g, top_o)
        for n in range(counters):
            idle[n] += weight * then_idle[n]
        for g in range(top_g + 1):
            for o in range(top_o + 1):
                line[g, o] += weight * then[g, o]
        now_idle, then_idle = then_idle, now_idle
        now, then = then, now


@_jit
def _extent(line: Floats) -> tuple[int, int]:
    """Last row and column that matter; what is beyond is dropped."""
    rows, columns = line.shape
    top_g, top_o = 0, 0
    for g in range(rows):
        for o in range(columns):
            if line[g, o] > _NOTHING:
                top_g = g
                top_o = max(top_o, o)
            elif line[g, o] != 0.0:
                line[g, o] = 0.0
    return top_g, top_o


@_jit
def green_step(
    idle: Floats,
    line: Floats,
    ordinary: Floats,
    green: Floats,
    departures: float,
    counters_before: int,
    counters: int,
    gaps: Floats,
    greens: Floats,
    work_idle: Floats,
    work_line: Floats,
) -> None:
    """One interval of every scenario with the classes told apart, in place.

    idle : (s, c + 1), line : (s, g, o). ordinary, green : (s,) a minute.
    greens : (s, m, g) P(all busy and g green in line) at the nodes, to be filled.
    """
    for s in range(idle.shape[0]):
        _change_green(idle[s], line[s], counters_before, counters)
        for node in range(gaps.shape[0]):
            _pass_green(
                idle[s],
                line[s],
                ordinary[s],
                green[s],
                departures,
                counters,
                gaps[node],
                work_idle,
                work_line,
            )
            if node < greens.shape[1]:
                for g in range(line.shape[1]):
                    greens[s, node, g] = line[s, g].sum()


# --- after closing --------------------------------------------------------------------------------------


@_jit
def empty_share(
    people: Floats, high: int, departures: float, counters: int, minutes: float, work: Floats
) -> float:
    """Share of days on which everybody is done that many minutes after closing."""
    rest = people.copy()
    _pass(rest, high, 0.0, departures, counters, minutes, work)
    return float(rest[0])


@_jit
def minutes_till_empty(people: Floats, high: int, departures: float, counters: int) -> float:
    """Mean minutes from closing till the last one is done: a pure death process."""
    total, minutes = 0.0, 0.0
    for n in range(1, high + 1):
        minutes += 1.0 / (min(n, counters) * departures)
        total += people[n] * minutes
    return total


@_jit
def late_after_closing(line: Floats, departures: float, limit: float, shares: Floats) -> float:
    """Minutes beyond the limit of those in line, counted from a limit after closing on.

    line : P(so many are in line). `departures` a minute, all counters together. Who has k ahead waits an
    Erlang time R of k + 1 stages from closing on: E[(R - T)+] = (k + 1) / r P(N <= k + 1) - T P(N <= k), N
    Poisson(r T).
    """
    _poisson_shares(departures * limit, shares)
    total, sofar = 0.0, 0.0
    for k in range(line.shape[0]):
        total += line[k] * sofar
        more = shares[k + 1] if k + 1 < shares.shape[0] else 1.0
        share = shares[k] if k < shares.shape[0] else 1.0
        sofar += (k + 1) / departures * more - limit * share
    return total

"""What queueing theory says exactly, and the engine's days to hold against it."""

from __future__ import annotations

from collections.abc import Sequence
from math import factorial, sqrt
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from openhall.kernel.clock import MINUTE_MS
from openhall.science import durations, engine
from openhall.science.durations import Durations
from openhall.science.engine import Ints, Model
from openhall.science.habits import Arrivals, GroupHabits, GroupRules, model_of

Floats = NDArray[np.float64]

FAMILY_WISE = 1e-4
"""A test of theory fails by chance once in so many runs of all of them together."""

TESTS_AT_MOST = 20
Z_AT_MOST = NormalDist().inv_cdf(1 - FAMILY_WISE / TESTS_AT_MOST / 2)

UNIT_MS = MINUTE_MS
"""The mean service time: theory's unit of time."""


def z_of(samples: Sequence[float] | Floats, exact: float) -> float:
    """How many standard errors the mean of independent samples is from the exact value."""
    found = np.asarray(samples, float)
    return float((found.mean() - exact) / (found.std(ddof=1) / sqrt(len(found))))


def erlang_c(servers: int, load: float) -> float:
    """Probability of waiting in M/M/c (Erlang 1917)."""
    above = load**servers / factorial(servers) * servers / (servers - load)
    return above / (sum(load**n / factorial(n) for n in range(servers)) + above)


def cobham(servers: int, loads: Sequence[float]) -> list[float]:
    """Mean waits of the classes of M/M/c with non-preemptive priority, in service times (Cobham 1954)."""
    waits, below = [], 0.0
    for load in loads:
        upto = below + load
        waits.append(erlang_c(servers, sum(loads)) / servers / ((1 - below / servers) * (1 - upto / servers)))
        below = upto
    return waits


def abandoned_share(servers: int, load: float, impatience: float, states: int = 400) -> float:
    """P(ab) of M/M/c+M with patience of rate `impatience` (Erlang A, Palm 1957), by its birth-death chain."""
    weights = np.ones(states)
    for n in range(1, states):
        weights[n] = weights[n - 1] * load / (min(n, servers) + max(0, n - servers) * impatience)
    shares = weights / weights.sum()
    return float((shares * np.maximum(np.arange(states) - servers, 0)).sum() * impatience / load)


class Transient(NamedTuple):
    """Expectations of one day."""

    abandoned: float
    waited: float
    """Time in line of all together, in service times."""


def forward_equations(
    rates: Sequence[float], servers: Sequence[int], width: float, impatience: float, states: int = 160
) -> Transient:
    """M(t)/M/s(t)+M from empty: the Kolmogorov forward equations, and on without arrivals till all have gone.

    Right only for counters that are added: one that closes finishes its customer here.
    """
    people = np.arange(states)
    chances = np.zeros(states + 2)
    chances[0] = 1.0
    for rate, count, last in [
        *((r, s, width) for r, s in zip(rates, servers, strict=True)),
        (0.0, servers[-1], 60.0),
    ]:
        waiting = np.maximum(people - count, 0)
        leaving = np.minimum(people, count) + waiting * impatience

        def change(
            _: float, y: Floats, rate: float = rate, waiting: Floats = waiting, leaving: Floats = leaving
        ) -> Floats:
            p, flow = y[:-2], np.zeros(states + 2)
            flow[:-2] -= p * leaving
            flow[: states - 1] += (p * leaving)[1:]
            flow[: states - 1] -= p[:-1] * rate
            flow[1:states] += p[:-1] * rate
            flow[-2], flow[-1] = (p * waiting).sum() * impatience, (p * waiting).sum()
            return flow

        chances = solve_ivp(change, (0.0, last), chances, rtol=1e-9, atol=1e-11, method="LSODA").y[:, -1]
    return Transient(float(chances[-2]), float(chances[-1]))


def habits_of(class_code: str = "k", patience: Durations | None = None) -> GroupHabits:
    """Customers of theory: exponential service, and nothing else."""
    never = durations.constant(0)
    return GroupHabits(
        service="s",
        class_code=class_code,
        service_time=durations.exponential(UNIT_MS),
        walk=never,
        gap=never,
        lost=never,
        reinstated_after=never,
        out_after=never,
        away=never,
        elsewhere=never,
        patience=patience,
    )


def steady(load: float, customers: float, groups: Sequence[GroupHabits], shares: Sequence[float]) -> Model:
    """Poisson arrivals at a constant rate, in stretches of some thousand; ranks in the order of groups."""
    stretches = max(1, round(customers / 4_000))
    width_ms = round(customers / stretches / load * UNIT_MS)
    expected = (width_ms / UNIT_MS * load,) * stretches
    rules = [GroupRules(rank=rank) for rank in range(len(groups))]
    return model_of(groups, rules, Arrivals(0, width_ms, expected, (tuple(shares),) * stretches))


def served(model: Model, servers: int, replication: int, seed: int) -> tuple[Ints, Ints]:
    """The table of one replication and what became of it."""
    table = engine.draw(model, seed=seed, replication=replication, until_ms=engine.NEVER, at_most=60_000)
    counters = np.tile(np.array([(1 << len(model.groups)) - 1, 0], np.int64), (servers, 1))
    nothing = np.zeros((0, 3), np.int64)
    return table, engine.serve(table, counters, nothing, groups=len(model.groups))

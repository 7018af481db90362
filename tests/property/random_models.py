"""Random branches for the engine: habits, counters, a schedule, drawn from a seed."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

import numpy as np

from openhall.kernel.clock import HOUR_MS, MINUTE_MS
from openhall.science import engine
from openhall.science.durations import Durations
from openhall.science.engine import Ints, Model
from openhall.science.habits import Arrivals, GroupHabits, GroupRules, model_of

CLOSES_MS = 4 * HOUR_MS


class RandomBranch(NamedTuple):
    """What `engine.days` takes, and a table of one day of it."""

    model: Model
    counters: Ints
    schedule: Ints
    groups: int
    divert_above: int
    table: Ints


def _durations(rng: Random, longest_ms: int) -> Durations:
    return Durations(tuple(sorted(rng.randrange(longest_ms + 1) for _ in range(5))))


def _habits(rng: Random, number: int) -> GroupHabits:
    absent, out, second = (rng.choice((0.0, rng.random() / 3)) for _ in range(3))
    return GroupHabits(
        service=f"s{number // 3}",
        class_code=f"k{number % 3}",
        service_time=_durations(rng, 15 * MINUTE_MS),
        walk=_durations(rng, MINUTE_MS),
        gap=_durations(rng, MINUTE_MS),
        lost=_durations(rng, 3 * MINUTE_MS),
        reinstated_after=_durations(rng, 30 * MINUTE_MS),
        out_after=_durations(rng, 30 * MINUTE_MS),
        away=_durations(rng, 30 * MINUTE_MS),
        elsewhere=_durations(rng, 30 * MINUTE_MS),
        patience=_durations(rng, 2 * HOUR_MS) if rng.random() < 0.5 else None,
        absent_share=absent,
        out_share=out,
        second_share=second,
        reinstated_share=rng.random(),
        takes_share=rng.random(),
        done_share=rng.random(),
    )


def random_branch(seed: int) -> RandomBranch:
    """The branch of a seed, with a table whose times are on a coarse grid as often as not."""
    rng = Random(seed)
    groups = rng.randint(1, 9)
    rules = [GroupRules(rng.choice((0, 10, 20)) * MINUTE_MS, rng.choice((0, 0, 1))) for _ in range(groups)]
    shares = [rng.random() + 0.05 for _ in range(groups)]
    mix = tuple(share / sum(shares) for share in shares)
    expected = tuple(rng.choice((0.0, rng.random() * 25)) for _ in range(8))
    arrivals = Arrivals(0, CLOSES_MS // 8, expected, (mix,) * 8, rng.choice((1.0, 2.0)))
    model = model_of([_habits(rng, n) for n in range(groups)], rules, arrivals)
    table = engine.draw(model, seed=seed, until_ms=CLOSES_MS)
    grid_ms = rng.choice((1, 1_000, 60_000))
    for column in (engine.ENTER, engine.WALK, engine.WORK, engine.GAP, engine.GONE, engine.OUT, engine.BACK):
        is_real = table[:, column] < engine.NEVER
        table[is_real, column] //= grid_ms
        table[is_real, column] *= grid_ms
    every = (1 << groups) - 1
    counters = np.array(
        [
            (rng.choice((0, rng.randint(1, every))), rng.choice((0, rng.randrange(1, 30 * MINUTE_MS))))
            for _ in range(rng.randint(1, 8))
        ],
        np.int64,
    )
    moments = sorted(rng.randrange(0, CLOSES_MS, grid_ms) for _ in range(rng.randint(0, 25)))
    events = [
        (at, rng.randrange(-1, len(counters)), rng.choice((0, rng.randint(1, every), every)))
        for at in moments
    ]
    events += [(CLOSES_MS, engine.WHOLE_HALL, 1), (CLOSES_MS, rng.randrange(len(counters)), every)]
    schedule = np.array(events, np.int64)
    return RandomBranch(model, counters, schedule, groups, rng.choice((0, 2, 5, engine.NEVER)), table)

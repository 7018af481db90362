"""An independent dispatcher in SimPy calls the same customers at the same moments at the same counters."""

from __future__ import annotations

from collections import Counter as Tally

import numpy as np
import pytest

from openhall.cli.bench.rivals import SimpyHall
from openhall.science import engine
from tests.property.random_models import random_branch

CHUNKS = 20
DAYS_PER_CHUNK = 50


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_simpy_gives_the_same_day(chunk: int) -> None:
    seen: Tally[int] = Tally()
    called_twice = 0
    for seed in range(chunk * DAYS_PER_CHUNK, (chunk + 1) * DAYS_PER_CHUNK):
        one = random_branch(seed)
        ours = engine.serve(
            one.table, one.counters, one.schedule, groups=one.groups, divert_above=one.divert_above
        )
        theirs = SimpyHall(one.table, one.counters, one.schedule, one.groups, one.divert_above).run()
        differ = np.nonzero((ours != theirs).any(axis=1))[0]
        assert not len(differ), f"day {seed}, row {differ[0]}: {ours[differ[0]]}, {theirs[differ[0]]}"
        seen.update(ours[:, engine.OUTCOME].tolist())
        called_twice += int((one.table[:, engine.NEXT_GROUP] >= 0).sum())
    assert set(seen) == {engine.SERVED, engine.LEFT, engine.DIVERTED, engine.NO_SHOW}
    assert called_twice

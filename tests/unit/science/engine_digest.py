"""One number for all that the engine's kernels answer: run here, and in processes with other settings."""

from __future__ import annotations

import sys
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from openhall.cli.bench import branch_day
from openhall.science import engine

CUSTOMERS = 80
REPLICATIONS = 3
FUTURES = 3


def hall_of_all_kinds() -> engine.Fork:
    """The bench's hall with somebody of each kind, and counters in each stage."""
    hall = branch_day.busy_hall()
    people, counters = hall.people[:18].copy(), hall.counters.copy()
    people[9, engine.KIND] = engine.PROBE
    others = (engine.AWAY, engine.HELPED, engine.COMING, engine.AT_A_COUNTER, engine.HELPED, engine.AWAY)
    for row, kind in zip(people[10:16], others, strict=True):
        row[engine.KIND], row[engine.NEXT] = kind, 4
        row[engine.FLOOR] = 1 << 29
    people[16:, engine.KIND], people[16:, engine.NEXT] = engine.BOOKED, -1
    people[16:, engine.JOINED] = branch_day.NOW_MS + 600_000
    people[16, engine.AT_COUNTER], people[17, engine.FLOOR] = 1 << 30, 1 << 31
    booked = np.array([1_200_000, 900_000, 900_000, 2], np.int64)
    coming = np.linspace(0, 2_400_000, engine.QUANTILES).astype(np.int64).reshape(1, -1)
    people[2:4, engine.FLOOR] = 1 << 31, 3 << 30
    counters[:4, engine.STAGE] = engine.WALKING, engine.BETWEEN, engine.FREE, engine.SERVING
    counters[3, engine.ELAPSED] = 1 << 40
    return hall._replace(people=people, counters=counters, watched=10, booked=booked, coming=coming)


def answers() -> list[NDArray[np.int64]]:
    """What each public function says of a small day, with everything in it."""
    day, hall = branch_day.branch_day(CUSTOMERS), hall_of_all_kinds()
    table = engine.draw(day.model, seed=7, branch=2, replication=5, until_ms=branch_day.CLOSES_MS)
    served = engine.serve(table, day.counters, day.schedule, groups=len(day.model.groups), divert_above=3)
    days = branch_day.play(day, first=4, count=REPLICATIONS)
    futures = branch_day.look_ahead(day, hall, count=FUTURES)
    deadlines_ms = np.array([branch_day.NOW_MS + branch_day.HORIZON_MS], np.int64)
    room = engine.room(
        day.model, hall, count=FUTURES, seed=1, branch=0, joiners=40, number=99, deadlines_ms=deadlines_ms
    )
    return [*day.model, table, served, *days, *futures, room]


def digest() -> str:
    """Of all of it."""
    found = sha256()
    for answer in answers():
        assert answer.dtype == np.int64
        found.update(str(answer.shape).encode() + np.ascontiguousarray(answer).tobytes())
    return found.hexdigest()


if __name__ == "__main__":
    np.seterr(all="raise")
    sys.stdout.write(digest())

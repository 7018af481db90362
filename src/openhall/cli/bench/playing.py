"""The measures of `openhall bench twin`. All of them but advice are seconds of CPU of this process."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import process_time

from openhall.cli.bench import advised, branch_day, rivals
from openhall.cli.bench.branch_day import BranchDay
from openhall.cli.bench.measuring import percentile
from openhall.science import engine

Note = Callable[[], None]

ENGINE_DAYS = 400
RIVAL_DAYS = 2
"""By turn. A turn of each lasts some tenths of a second, so that noise on the machine hits all alike."""

FORKS = 15
FUTURES = 1_000


def _simpy_days(day: BranchDay, first: int) -> int:
    """Plays days of the same tables in SimPy; how many customers. Drawing is not counted against it."""
    came = 0
    for replication in range(first, first + RIVAL_DAYS):
        table = engine.draw(day.model, seed=1, replication=replication, until_ms=branch_day.CLOSES_MS)
        groups = len(day.model.groups)
        rivals.SimpyHall(table, day.counters, day.schedule, groups, branch_day.DIVERT_ABOVE).run()
        came += len(table)
    return came


def _engine_days(day: BranchDay, turn: int) -> int:
    played = branch_day.play(day, first=turn * ENGINE_DAYS, count=ENGINE_DAYS)
    return int(played.totals[:, engine.ARRIVED].sum())


def rates(customers: float, turns: int, note: Note) -> dict[str, float]:
    """Customers a second of CPU of the engine, of SimPy and of Ciw, in turns."""
    day, plain = branch_day.branch_day(customers), branch_day.plain_day(customers)
    players: dict[str, Callable[[int], int]] = {
        "engine": lambda turn: _engine_days(day, turn),
        "simpy": lambda turn: _simpy_days(day, turn * RIVAL_DAYS),
        "plain": lambda turn: _engine_days(plain, turn),
        "ciw": lambda turn: rivals.ciw_customers(customers, days=RIVAL_DAYS, seed=turn * RIVAL_DAYS),
    }
    came, spent = dict.fromkeys(players, 0), dict.fromkeys(players, 0.0)
    for player in players.values():
        player(0)
    for turn in range(turns):
        for name, player in players.items():
            began = process_time()
            came[name] += player(turn)
            spent[name] += process_time() - began
        note()
    rate = {name: came[name] / spent[name] for name in players}
    return {
        "customers_per_s": rate["engine"],
        "simpy_per_s": rate["simpy"],
        "ratio_simpy": rate["engine"] / rate["simpy"],
        "plain_per_s": rate["plain"],
        "ciw_per_s": rate["ciw"],
        "ratio_ciw": rate["plain"] / rate["ciw"],
    }


def fork_ms(note: Note) -> float:
    """CPU ms of a thousand futures of a busy hall for an hour under two policies: the median of some."""
    day, hall = branch_day.branch_day(), branch_day.busy_hall()
    branch_day.look_ahead(day, hall, count=FUTURES)
    found = []
    for _ in range(FORKS):
        began = process_time()
        branch_day.look_ahead(day, hall, count=FUTURES)
        found.append(1_000 * (process_time() - began))
        note()
    return median(found)


def network_seconds(customers: float, branches: int, replications: int, note: Note) -> float:
    """CPU seconds of a whole network's days, each branch with random numbers of its own."""
    day = branch_day.branch_day(customers)
    began = process_time()
    for branch in range(branches):
        branch_day.play(day, first=0, count=replications, branch=branch)
        note()
    return process_time() - began


def advice_p95_ms(questions: int, note: Note) -> float:
    """From a live hall's state to advice about it, by a worker process: not CPU but waiting time."""
    return percentile([round(1_000 * ms) for ms in advised.advice_ms(questions, note)], 0.95) / 1_000

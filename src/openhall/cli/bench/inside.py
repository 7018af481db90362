"""The two measures that need no server: raw group commit, and the replay of a day."""

from __future__ import annotations

import os
import time
from pathlib import Path
from statistics import median
from zoneinfo import ZoneInfo

from pysqlite3 import dbapi2  # type: ignore[import-untyped]

from openhall.app.build import settle_memory
from openhall.app.clocks import SystemClock
from openhall.app.folder import Folder
from openhall.cli.bench.installation import counter_ids
from openhall.flows.day import day_rules
from openhall.hall.model import ROOM as HALL
from openhall.hall.model import commands as c
from openhall.kernel.clock import ManualClock, business_day
from openhall.kernel.event import Command, Request, StreamId
from openhall.log.book import Book
from openhall.log.sqlite import SqliteStore
from openhall.network.version import version_of

GROUP_COMMANDS = 64
"""Commands in one raw commit: what 64 clients can have waiting at most."""

REPLAY_EVENTS = 5_000
REPLAY_ROUNDS = 7
BODY_BYTES = 120
"""About the body of an event of the mix."""


def raw_commits_per_second(folder: Path, *, seconds: float, group: int) -> float:
    """Commands a second that plain SQLite keeps, synced, so many at a time: the disk's own ceiling."""
    connection = dbapi2.connect(folder / f"raw-{group}.db", isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE events (position INTEGER PRIMARY KEY, stream TEXT, body BLOB)")
        connection.execute("CREATE TABLE commands (id TEXT PRIMARY KEY, fingerprint BLOB)")
        body, count, began = os.urandom(BODY_BYTES), 0, time.perf_counter()
        while time.perf_counter() - began < seconds:
            numbers = range(count, count + group)
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                "INSERT INTO events VALUES (?, 'b01/2026-11-22', ?)", [(number, body) for number in numbers]
            )
            connection.executemany(
                "INSERT INTO commands VALUES (?, ?)", [(f"bench-{number}", body[:32]) for number in numbers]
            )
            connection.execute("COMMIT")
            count += group
        return count / (time.perf_counter() - began)
    finally:
        connection.close()


def _day(folder: Folder) -> tuple[StreamId, list[Command]]:
    """The commands of a day of `REPLAY_EVENTS` events, one event each."""
    bank = folder.read_bank()
    branch = bank.branches[0]
    day = business_day(SystemClock().now_ms(), ZoneInfo(branch.timezone))
    rules = day_rules(version_of(bank), branch.id, day)
    assert rules is not None, "the bench bank is open every day"
    seats = list(zip(counter_ids(), (p.id for p in rules.staff if "teller" in p.posts), strict=True))
    commands: list[Command] = [c.OpenDay(rules), c.OpenDoors()]
    commands += [c.OpenCounter(counter, person) for counter, person in seats]
    while len(commands) < REPLAY_EVENTS:
        for counter, _ in seats:
            commands += [
                c.IssueTicket("cash"),
                c.CallNext(counter),
                c.StartService(counter),
                c.FinishService(counter),
            ]
    return StreamId(branch.id, day), commands[:REPLAY_EVENTS]


def replayed_events_per_second(folder: Folder) -> float:
    """The median rate at which a day of `REPLAY_EVENTS` events becomes a hall again, from the file.

    A second is one of CPU: the bar is absolute, and other programs on the machine do not belong into it.
    """
    stream, commands = _day(folder)
    clock = ManualClock(SystemClock().now_ms())
    rates = []
    settle_memory()  # as the server does
    with SqliteStore.open(folder.path.parent / "replay.db") as store:
        book = Book(store, [HALL], clock)
        requests = [Request(stream, f"c{n}", "bench", command) for n, command in enumerate(commands)]
        book.execute_many(requests)
        assert book.committed_seq(stream) == REPLAY_EVENTS, "each command of the day makes one event"
        for _ in range(REPLAY_ROUNDS):
            fresh = Book(store, [HALL], clock)
            began = time.process_time()
            fresh.load(stream)
            rates.append(REPLAY_EVENTS / (time.process_time() - began))
    return median(rates)

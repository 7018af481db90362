"""How `first_schema.sql` was made, once, by the first release: `python -m tests.migration.make_first_schema`.

The dump is never made again: it stands for the databases that are out there. This file says what is in it.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from openhall.kernel.clock import ManualClock
from openhall.kernel.event import Event, Room
from openhall.log.book import Book
from openhall.log.migrate import upgrade
from openhall.log.ownership import Ownership
from openhall.log.sqlite import SqliteSettings, SqliteStore
from tests.toy_room import BACK_GATE, GATE, MORNING_MS, TURNSTILE, Enter, Leave, Left, Look, Turnstile, ask


class EnteredOfOld(Event, frozen=True, tag="Entered"):
    """The first version of the event, which called the number of people `n`."""

    n: int = 1


def turnstile_of_old() -> Room[Turnstile]:
    """The room as the first release had it: one event for a group of people."""

    def decide(state: Turnstile, command: object, _now: object) -> list[Event]:
        if isinstance(command, Enter):
            return [EnteredOfOld(command.people_count)]
        return [Left()] if isinstance(command, Leave) and state.inside_count else []

    def apply(state: Turnstile, event: object, _stamp: object) -> None:
        state.passed_count += 1
        state.inside_count += event.n if isinstance(event, EnteredOfOld) else -1

    return replace(
        TURNSTILE, decide=decide, apply=apply, events=(EnteredOfOld, Left), versions={}, upcasts={}
    )


def dump() -> Iterator[str]:
    """A database of revision 0001 with two days of the turnstile, as SQL."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hall.db"
        path.touch()
        store = SqliteStore(path, SqliteSettings(), Ownership.take(path))
        with store.transaction() as schema:
            upgrade(schema, place=str(path), revision="0001")
        clock = ManualClock(MORNING_MS)
        book = Book(store, [turnstile_of_old()], clock)
        for stream in (GATE, BACK_GATE):
            for number, command in enumerate((Enter(3), Leave(), Enter(2), Look(), Enter())):
                clock.advance(60_000)
                book.execute(ask(command, f"c{number}", stream=stream))
        store.close()
        # The bundled build has no `iterdump`; the store is closed, so the standard library's may look.
        with closing(sqlite3.connect(path)) as connection:
            yield from connection.iterdump()


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in dump())

"""Are read models the same rows whether folded as the log grows, after a crash, or again from the start?"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from openhall.kernel.clock import ManualClock
from openhall.kernel.event import Event, Recorded
from openhall.log import rebuild
from openhall.log.book import Book
from openhall.log.hub import Hub
from openhall.log.rebuild import Projector, Row
from openhall.log.schema import accounts, tickets
from openhall.log.sqlite import SqliteStore
from tests.toy_room import BACK_GATE, GATE, MORNING_MS, TURNSTILE, Enter, Entered, Leave, ask


class Passages:
    """One row a person who came in; the first to come in is the first to leave."""

    name = "passages"
    tables = (tickets,)

    def rows(self, recorded: Recorded, event: Event) -> Iterable[Row]:
        key = {"stream": str(recorded.stream), "ticket_id": recorded.command_id}
        if isinstance(event, Entered):
            return [
                Row(
                    "tickets",
                    key,
                    {"issued_ms": recorded.at_ms, "number": f"G{recorded.seq}", "service": "进门"},
                )
            ]
        entry = {**key, "ticket_id": recorded.command_id.replace("leave", "enter")}
        return [Row("tickets", entry, {"ended_ms": recorded.at_ms})]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with SqliteStore.open(tmp_path / "hall.db") as opened:
        yield opened


def pass_through(book: Book, clock: ManualClock, count: int, name: str = "") -> None:
    for number in range(count):
        for stream in (GATE, BACK_GATE):
            clock.advance(1_000)
            book.execute(ask(Enter(), f"enter{name}{number}", stream=stream))
            if number % 3 == 0:
                book.execute(ask(Leave(), f"leave{name}{number}", stream=stream))


def rows(store: SqliteStore) -> list[Any]:
    query = select(tickets).order_by(tickets.c.stream, tickets.c.ticket_id)
    with store.reading() as connection:
        return [tuple(row) for row in connection.execute(query)]


def test_rebuilding_gives_the_same_rows(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuild, "PAGE_EVENTS", 7)
    clock = ManualClock(MORNING_MS)
    book = Book(store, [TURNSTILE], clock)
    projector = Projector(store, [TURNSTILE], [Passages()])
    pass_through(book, clock, 9, "a")
    assert projector.catch_up() == 24
    pass_through(book, clock, 4, "b")
    projector.catch_up()
    grown = rows(store)
    told: list[int] = []
    assert projector.rebuild(progress=told.append) == store.head() == told[-1]
    assert rows(store) == grown
    assert len(grown) == 26
    assert grown[0][:3] == (str(BACK_GATE), "entera0", "G1")
    assert [row[9] is not None for row in grown].count(True) == 10


def test_nothing_is_folded_twice(store: SqliteStore) -> None:
    clock = ManualClock(MORNING_MS)
    pass_through(Book(store, [TURNSTILE], clock), clock, 3)
    projector = Projector(store, [TURNSTILE], [Passages()])
    assert projector.catch_up() == 8
    assert projector.catch_up() == 0
    assert Projector(store, [TURNSTILE], [Passages()]).position(Passages()) == 8


def test_rows_and_checkpoint_move_together_or_not_at_all(store: SqliteStore) -> None:
    class Mistaken(Passages):
        def rows(self, recorded: Recorded, event: Event) -> Iterable[Row]:
            made = list(super().rows(recorded, event))
            return [*made, Row("tickets", made[0].key, {"no_such_column": 1})]

    clock = ManualClock(MORNING_MS)
    pass_through(Book(store, [TURNSTILE], clock), clock, 3)
    projector = Projector(store, [TURNSTILE], [Mistaken()])
    with pytest.raises(ValueError, match="Expected columns of tickets"):
        projector.catch_up()
    assert (rows(store), projector.position(Mistaken())) == ([], 0)


def test_a_rebuild_leaves_records_alone(store: SqliteStore) -> None:
    with store.transaction() as connection:
        values = {"name": "mei", "role": "guard", "password_hash": "x", "created_ms": 1}
        connection.execute(accounts.insert().values(values))
    Projector(store, [TURNSTILE], [Passages()]).rebuild()
    with store.reading() as connection:
        assert connection.execute(select(accounts.c.name, accounts.c.is_disabled)).all() == [("mei", False)]


def test_a_running_projector_follows_the_log(store: SqliteStore) -> None:
    async def scene() -> None:
        clock = ManualClock(MORNING_MS)
        book = Book(store, [TURNSTILE], clock)
        pass_through(book, clock, 2, "before")
        hub = Hub(book)
        running = asyncio.create_task(Projector(store, [TURNSTILE], [Passages()]).run(hub, settle_seconds=0))
        async with hub.subscribe() as subscription:
            await asyncio.sleep(0)
            pass_through(book, clock, 2, "after")
            await anext(subscription)
        hub.close()
        await running
        assert len(rows(store)) == 8

    asyncio.run(scene())


def test_a_projector_that_meets_trouble_says_so_and_goes_on(
    store: SqliteStore, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        clock = ManualClock(MORNING_MS)
        book = Book(store, [TURNSTILE], clock)
        pass_through(book, clock, 1)
        hub = Hub(book)
        projector = Projector(store, [], [Passages()])  # knows no room, so it can read no event
        running = asyncio.create_task(projector.run(hub, settle_seconds=0))
        await asyncio.sleep(0)
        hub.close()
        await running

    with caplog.at_level(logging.ERROR):
        asyncio.run(scene())
    assert "event_unreadable" in caplog.text

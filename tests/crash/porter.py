"""A process of its own that lets people in and says so; the tests cut its power, its disk or its life.

`python -m tests.crash.porter steadily DATABASE ACKS COUNT SYNCHRONOUS` commits one command after another and
appends each one's id to ACKS. `... busily DATABASE NAME` serves 16 clients through the writer without end and
prints each command's id and answer. `... stubbornly DATABASE` takes ids from its input and prints the answer
or the code of the trouble. `... hold DATABASE` opens it and waits.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

from openhall.kernel.event import Answer
from openhall.kernel.trouble import Trouble
from openhall.log.book import Book
from openhall.log.sqlite import SqliteSettings, SqliteStore
from openhall.log.writer import Writer
from tests.toy_room import BACK_GATE, GATE, TURNSTILE, Enter, ask

CLIENTS_COUNT = 16


class WallClock:
    """The machine's time."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


def steadily(database: str, acks: str, count: str, synchronous: str) -> None:
    store = SqliteStore.open(database, SqliteSettings(synchronous=synchronous))
    book = Book(store, [TURNSTILE], WallClock())
    descriptor = os.open(acks, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for number in range(int(count)):
        book.execute_many(
            [ask(Enter(1 + number % 3), f"c{number}"), ask(Enter(), f"c{number}", stream=BACK_GATE)]
        )
        os.write(descriptor, b"c%d\n" % number)
    os._exit(0)  # the power fails: nothing is closed, nothing tidied up


def busily(database: str, name: str) -> None:
    async def serve() -> None:
        store = SqliteStore.open(database)

        async def client(number: int, writer: Writer) -> None:
            count = 0
            while True:
                count += 1
                command_id = f"{name}-{number}-{count}"
                answer = await writer.submit(
                    ask(Enter(), command_id, stream=BACK_GATE if number % 2 else GATE)
                )
                assert isinstance(answer, Answer)
                os.write(1, f"{command_id} {answer.seq}\n".encode())

        async with Writer(Book(store, [TURNSTILE], WallClock())) as writer:
            await asyncio.gather(*(client(number, writer) for number in range(CLIENTS_COUNT)))

    asyncio.run(serve())


def stubbornly(database: str) -> None:
    with SqliteStore.open(database) as store:
        book = Book(store, [TURNSTILE], WallClock())
        for line in sys.stdin:
            try:
                answer = book.execute(ask(Enter(), line.strip()))
                said = f"ok {answer.seq}" if isinstance(answer, Answer) else answer.code
            except Trouble as trouble:
                said = trouble.code
            os.write(1, f"{said} {store.head()}\n".encode())


def hold(database: str) -> None:
    store = SqliteStore.open(Path(database))
    os.write(1, b"open\n")
    sys.stdin.read()
    store.close()


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])

"""Is the writer right: one order, one commit for what has gathered, and nobody left without an answer?"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Sequence

import pytest

from openhall.kernel.clock import ManualClock
from openhall.kernel.event import Answer, Recorded
from openhall.kernel.refusal import Refusal
from openhall.log.book import Book
from openhall.log.memory import MemoryStore
from openhall.log.store import Outcome, Store
from openhall.log.troubles import CommandFailed, DiskFull, WriterBusy, WriterStopped
from openhall.log.writer import Writer
from tests.faulty_store import FaultyStore
from tests.toy_room import (
    BACK_GATE,
    GATE,
    MORNING_MS,
    TURNSTILE,
    Break,
    Enter,
    Entered,
    Leave,
    Look,
    ask,
    turnstile,
)


class SlowStore(MemoryStore):
    """A disk whose commits take until somebody lets them go."""

    def __init__(self) -> None:
        super().__init__()
        self.is_committing = threading.Event()
        self.may_go_on = threading.Event()
        self.batch_sizes: list[int] = []

    def commit(self, events: Sequence[Recorded], outcomes: Sequence[Outcome]) -> int:
        self.batch_sizes.append(len(outcomes))
        self.is_committing.set()
        assert self.may_go_on.wait(30)
        return super().commit(events, outcomes)


def book_over(store: Store) -> Book:
    return Book(store, [TURNSTILE], ManualClock(MORNING_MS))


def run(scene: Callable[[], Awaitable[None]]) -> None:
    async def within_a_minute() -> None:
        async with asyncio.timeout(60):
            await scene()

    asyncio.run(within_a_minute())


def test_a_command_is_answered_when_it_is_kept() -> None:
    store = MemoryStore()

    async def scene() -> None:
        async with Writer(book_over(store)) as writer:
            assert await writer.submit(ask(Enter(), "c1")) == Answer(1, (Entered(),))
            assert store.head() == 1
            assert await writer.submit(ask(Leave(), "c2", stream=BACK_GATE)) == Refusal(
                "nobody_inside", "gate"
            )

    run(scene)


def test_what_gathers_during_a_commit_shares_the_next_one() -> None:
    store = SlowStore()

    async def scene() -> None:
        async with Writer(book_over(store)) as writer:
            first = asyncio.create_task(writer.submit(ask(Enter(), "first")))
            await asyncio.to_thread(store.is_committing.wait)
            others = [asyncio.create_task(writer.submit(ask(Enter(), f"c{i}"))) for i in range(20)]
            await asyncio.sleep(0)
            assert writer.waiting_count == 20
            store.may_go_on.set()
            assert [await other for other in others] == [Answer(i + 2, (Entered(),)) for i in range(20)]
            await first

    run(scene)
    assert store.batch_sizes == [1, 20]


def test_nobody_is_answered_and_no_screen_moves_before_the_commit_is_through() -> None:
    store = SlowStore()

    async def scene() -> None:
        book = book_over(store)
        async with Writer(book) as writer:
            task = asyncio.create_task(writer.submit(ask(Enter(), "c1")))
            await asyncio.to_thread(store.is_committing.wait)
            assert not task.done()
            assert book.committed(GATE, "turnstile").inside_count == 0
            store.may_go_on.set()
            await task
            assert book.committed(GATE, "turnstile").inside_count == 1

    run(scene)


def test_a_batch_has_a_limit() -> None:
    store = SlowStore()
    store.may_go_on.set()

    async def scene() -> None:
        async with Writer(book_over(store), batch_max=7) as writer:
            await asyncio.gather(*(writer.submit(ask(Enter(), f"c{i}")) for i in range(20)))

    run(scene)
    assert store.batch_sizes == [7, 7, 6]


def test_a_full_inbox_says_so_at_once() -> None:
    store = SlowStore()

    async def scene() -> None:
        async with Writer(book_over(store), inbox_max=3) as writer:
            first = asyncio.create_task(writer.submit(ask(Enter(), "first")))
            await asyncio.to_thread(store.is_committing.wait)
            waiting = [asyncio.create_task(writer.submit(ask(Enter(), f"c{i}"))) for i in range(3)]
            await asyncio.sleep(0)
            with pytest.raises(WriterBusy) as caught:
                await writer.submit(ask(Enter(), "one too many"))
            assert caught.value.code == "writer_busy"
            store.may_go_on.set()
            await asyncio.gather(first, *waiting)
            assert await writer.submit(ask(Enter(), "one too many")) == Answer(5, (Entered(),))

    run(scene)


def test_64_clients_at_one_gate_never_pass_it_together() -> None:
    async def scene() -> None:
        book = Book(MemoryStore(), [turnstile(10)], ManualClock(MORNING_MS))
        async with Writer(book) as writer:
            results = await asyncio.gather(*(writer.submit(ask(Enter(), f"c{i}")) for i in range(64)))
        answers = [result for result in results if isinstance(result, Answer)]
        assert [answer.seq for answer in answers] == list(range(1, 11))
        assert all(result.code == "full" for result in results if isinstance(result, Refusal))

    run(scene)


def test_a_client_that_hangs_up_does_not_stop_its_command() -> None:
    store = SlowStore()

    async def scene() -> None:
        async with Writer(book_over(store)) as writer:
            task = asyncio.create_task(writer.submit(ask(Enter(), "c1")))
            await asyncio.to_thread(store.is_committing.wait)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            store.may_go_on.set()
            assert await writer.submit(ask(Enter(), "c1")) == Answer(1, (Entered(),))

    run(scene)
    assert store.head() == 1


def test_one_bad_command_fails_alone(caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        async with Writer(book_over(MemoryStore())) as writer:
            commands = [Enter(), Break("decide"), Enter(), Break("apply"), Enter()]
            results = await asyncio.gather(
                *(writer.submit(ask(command, f"c{i}")) for i, command in enumerate(commands)),
                return_exceptions=True,
            )
        assert [type(result) for result in results] == [Answer, CommandFailed, Answer, CommandFailed, Answer]

    with caplog.at_level(logging.ERROR):
        run(scene)


def test_a_fault_in_the_store_fails_the_batch_and_the_writer_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = FaultyStore()

    async def scene() -> None:
        async with Writer(book_over(store)) as writer:
            store.fault = "bug"
            with pytest.raises(CommandFailed):
                await writer.submit(ask(Enter(), "c1"))
            store.fault = None
            assert await writer.submit(ask(Enter(), "c1")) == Answer(1, (Entered(),))

    with caplog.at_level(logging.ERROR):
        run(scene)
    assert "a fault in the store" in caplog.text


def test_health_goes_through_the_writer_and_leaves_no_event() -> None:
    store = MemoryStore()

    async def scene() -> None:
        async with Writer(book_over(store)) as writer:
            await writer.submit(ask(Look(), "c1"))
            health = await writer.check_health()
            assert (health.is_ok, health.position, health.streams_loaded_count) == (True, 0, 1)

    run(scene)
    assert store.head() == 0


def test_health_names_the_trouble_and_clears_by_itself(caplog: pytest.LogCaptureFixture) -> None:
    store = FaultyStore()

    async def scene() -> None:
        async with Writer(book_over(store)) as writer:
            store.fault = "before"
            with pytest.raises(DiskFull):
                await writer.submit(ask(Enter(), "c1"))
            for _ in range(2):
                health = await writer.check_health()
                assert (health.is_ok, health.trouble_code) == (False, "disk_full")
                assert health.remedy
            store.fault = None
            assert (await writer.check_health()).is_ok

    with caplog.at_level(logging.ERROR):
        run(scene)
    assert "disk_full" in caplog.text


def test_health_waits_behind_a_commit_that_hangs() -> None:
    store = SlowStore()

    async def scene() -> None:
        async with Writer(book_over(store)) as writer:
            command = asyncio.create_task(writer.submit(ask(Enter(), "c1")))
            await asyncio.to_thread(store.is_committing.wait)
            health = asyncio.create_task(writer.check_health())
            await asyncio.sleep(0)
            assert not health.done()
            store.may_go_on.set()
            await command
            assert (await health).is_ok

    run(scene)


def test_stopping_carries_out_what_waits_and_takes_no_more() -> None:
    store = SlowStore()

    async def scene() -> None:
        writer = Writer(book_over(store))
        await writer.start()
        tasks = [asyncio.create_task(writer.submit(ask(Enter(), f"c{i}"))) for i in range(5)]
        await asyncio.to_thread(store.is_committing.wait)
        stopping = asyncio.create_task(writer.stop())
        await asyncio.sleep(0)
        with pytest.raises(WriterStopped):
            await writer.submit(ask(Enter(), "late"))
        store.may_go_on.set()
        await stopping
        assert [await task for task in tasks] == [Answer(i + 1, (Entered(),)) for i in range(5)]
        health = await writer.check_health()
        assert (health.is_ok, health.trouble_code) == (False, "writer_stopped")

    run(scene)
    assert store.head() == 5


def test_a_writer_that_has_not_started_refuses() -> None:
    async def scene() -> None:
        writer = Writer(book_over(MemoryStore()))
        with pytest.raises(WriterStopped):
            await writer.submit(ask(Enter(), "c1"))
        await writer.stop()

    run(scene)

"""Is the hub right: every event once and in order, and a slow screen that holds nobody up?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from openhall.kernel.clock import ManualClock
from openhall.kernel.event import Recorded
from openhall.log.book import Book
from openhall.log.hub import ITEMS_PER_DELIVERY_MAX, Hub, Item, Resync, Subscription
from openhall.log.memory import MemoryStore
from openhall.log.troubles import TooManyListeners
from tests.toy_room import BACK_GATE, MORNING_MS, TURNSTILE, Enter, ask


@pytest.fixture
def book() -> Book:
    return Book(MemoryStore(), [TURNSTILE], ManualClock(MORNING_MS))


def run(scene: Callable[[], Awaitable[None]]) -> None:
    async def within_a_minute() -> None:
        async with asyncio.timeout(60):
            await scene()

    asyncio.run(within_a_minute())


def enter(book: Book, name: str, count: int = 1) -> None:
    book.execute(ask(Enter(count), name))


def enter_at_the_back(book: Book, name: str) -> None:
    book.execute(ask(Enter(), name, stream=BACK_GATE))


async def take(subscription: Subscription, count: int) -> list[int]:
    """The positions of the next so many events; fails on a resynchronisation."""
    positions: list[int] = []
    while len(positions) < count:
        delivery = await anext(subscription)
        assert isinstance(delivery, list)
        positions.extend(item.position for item in delivery)
    return positions


async def everything(subscription: AsyncIterator[list[Item] | Resync]) -> list[int]:
    positions: list[int] = []
    async for delivery in subscription:
        assert isinstance(delivery, list)
        positions.extend(item.position for item in delivery)
    return positions


def test_a_listener_hears_what_happens_from_now_on(book: Book) -> None:
    async def scene() -> None:
        hub = Hub(book)
        enter(book, "before")
        async with hub.subscribe() as subscription:
            enter(book, "c1", 2)
            enter_at_the_back(book, "c1")
            assert await take(subscription, 3) == [2, 3, 4]

    run(scene)


def test_a_listener_to_a_place_hears_no_other(book: Book) -> None:
    async def scene() -> None:
        hub = Hub(book)
        async with hub.subscribe("gate") as gate, hub.subscribe("back-gate") as back:
            enter(book, "c1")
            enter_at_the_back(book, "c1")
            enter(book, "c2")
            assert await take(gate, 2) == [1, 3]
            assert await take(back, 1) == [2]

    run(scene)


def test_a_waiting_listener_is_woken(book: Book) -> None:
    async def scene() -> None:
        async with Hub(book).subscribe("gate") as subscription:
            waiting = asyncio.create_task(take(subscription, 1))
            await asyncio.sleep(0)
            enter(book, "c1")
            assert await waiting == [1]

    run(scene)


def test_resuming_reads_what_was_missed_and_goes_live_without_gap_or_repetition(book: Book) -> None:
    async def scene() -> None:
        hub = Hub(book)
        for number in range(2 * ITEMS_PER_DELIVERY_MAX):
            enter(book, f"g{number}")
            enter_at_the_back(book, f"b{number}")
        async with hub.subscribe("gate", after=3) as subscription:
            first = await take(subscription, 1)
            for number in range(50):  # happens while the backlog is still being read
                enter(book, f"later{number}")
                enter_at_the_back(book, f"later{number}")
            expected = [e.position for e in book.store.read(after=3) if e.stream.place == "gate"]
            assert first + await take(subscription, len(expected) - len(first)) == expected

    run(scene)


class CountedReads(MemoryStore):
    """A store that counts how often it is read."""

    read_count = 0

    def read(self, **how: Any) -> Iterator[Recorded]:
        self.read_count += 1
        return super().read(**how)


@pytest.mark.parametrize(
    ("after", "expected", "read_count", "why"),
    [
        (9, [], 0, "nothing was missed"),
        (8, [9], 0, "one event, which the window still has"),
        (5, [7, 9], 0, "just so far back: what left the window was before"),
        (4, [5, 7, 9], 1, "one more than the window holds"),
        (0, [1, 3, 5, 7, 9], 1, "all of the day"),
    ],
)
def test_who_was_away_for_a_moment_is_served_from_the_window_and_the_store_is_spared(
    after: int, expected: list[int], read_count: int, why: str
) -> None:
    async def scene() -> None:
        store = CountedReads()
        book = Book(store, [TURNSTILE], ManualClock(MORNING_MS))
        hub = Hub(book, window_events=2)
        async with hub.subscribe("gate"):
            for number in range(4):
                enter(book, f"g{number}")
                enter_at_the_back(book, f"b{number}")
            enter(book, "last")
            store.read_count = 0
            async with hub.subscribe("gate", after=after) as resumed:
                assert await take(resumed, len(expected)) == expected, why
                enter(book, "later")
                assert await take(resumed, 1) == [10], why
            assert store.read_count == read_count, why

    run(scene)


def test_the_first_listener_of_a_place_reads_the_store_because_no_window_was_kept(book: Book) -> None:
    async def scene() -> None:
        hub = Hub(book)
        enter(book, "c1")
        async with hub.subscribe("gate", after=0) as first, hub.subscribe("gate", after=1) as second:
            enter(book, "c2")
            assert await take(first, 2) == [1, 2]
            assert await take(second, 1) == [2]

    run(scene)


def test_resuming_at_the_end_waits_for_the_next_event(book: Book) -> None:
    async def scene() -> None:
        hub = Hub(book)
        enter(book, "c1", 3)
        async with hub.subscribe("gate", after=3) as subscription:
            enter(book, "c2")
            assert await take(subscription, 1) == [4]

    run(scene)


def test_a_resume_with_a_backlog_of_other_places_only_goes_live(book: Book) -> None:
    async def scene() -> None:
        hub = Hub(book)
        enter_at_the_back(book, "c1")
        async with hub.subscribe("gate", after=0) as subscription:
            waiting = asyncio.create_task(take(subscription, 1))
            await asyncio.sleep(0)
            enter(book, "c2")
            assert await waiting == [2]

    run(scene)


def test_a_listener_that_falls_behind_is_resynchronised_and_holds_nobody_up(book: Book) -> None:
    async def scene() -> None:
        hub = Hub(book, window_events=8)
        async with hub.subscribe("gate") as slow, hub.subscribe("gate") as quick:
            for number in range(20):
                enter(book, f"c{number}")
                assert await take(quick, 1) == [number + 1]
            assert await anext(slow) == Resync(20)
            enter(book, "after")
            assert await take(slow, 1) == [21]

    run(scene)


def test_a_window_that_is_exactly_full_loses_nothing(book: Book) -> None:
    async def scene() -> None:
        hub = Hub(book, window_events=8)
        async with hub.subscribe("gate") as subscription:
            enter(book, "c1", 8)
            assert await take(subscription, 8) == list(range(1, 9))
            enter(book, "c2", 9)
            assert await anext(subscription) == Resync(17)

    run(scene)


def test_a_listener_that_resumes_from_too_far_back_is_resynchronised(book: Book) -> None:
    async def scene() -> None:
        hub = Hub(book, backlog_events_max=ITEMS_PER_DELIVERY_MAX)
        enter(book, "c1", ITEMS_PER_DELIVERY_MAX + 1)
        async with hub.subscribe("gate", after=0) as subscription:
            deliveries = [await anext(subscription), await anext(subscription)]
            assert deliveries[1] == Resync(ITEMS_PER_DELIVERY_MAX + 1)
            enter(book, "c2")
            assert await take(subscription, 1) == [ITEMS_PER_DELIVERY_MAX + 2]

    run(scene)


def test_a_listener_from_the_future_of_a_restored_log_is_resynchronised(book: Book) -> None:
    async def scene() -> None:
        hub = Hub(book)
        enter(book, "c1", 2)
        async with hub.subscribe("gate", after=9_000) as subscription:
            assert await anext(subscription) == Resync(2)
            enter(book, "c2")
            assert await take(subscription, 1) == [3]

    run(scene)


def test_a_thousand_listeners_get_every_event_and_share_its_bytes(book: Book) -> None:
    encoded: list[int] = []

    def encode(recorded: Recorded) -> bytes:
        encoded.append(recorded.position)
        return b"id: %d\n\n" % recorded.position

    async def scene() -> None:
        hub = Hub(book, encode)

        async def screen(subscription: Subscription) -> bytes:
            data = b""
            async with subscription:
                async for delivery in subscription:
                    assert isinstance(delivery, list)
                    data += b"".join(item.data for item in delivery)
            return data

        screens = [asyncio.create_task(screen(hub.subscribe("gate"))) for _ in range(1_000)]
        assert hub.listener_count == 1_000
        await asyncio.sleep(0)
        for number in range(5):
            enter(book, f"c{number}")
            await asyncio.sleep(0)
        hub.close()
        assert set(await asyncio.gather(*screens)) == {b"".join(b"id: %d\n\n" % i for i in range(1, 6))}
        assert hub.listener_count == 0

    run(scene)
    assert encoded == [1, 2, 3, 4, 5]


def test_bytes_that_nobody_asks_for_are_not_made(book: Book) -> None:
    def encode(_: Recorded) -> bytes:
        raise AssertionError("nobody asked")

    async def scene() -> None:
        async with Hub(book, encode).subscribe() as subscription:
            enter(book, "c1")
            assert await take(subscription, 1) == [1]

    run(scene)


def test_listeners_have_a_limit_and_leaving_makes_room(book: Book) -> None:
    hub = Hub(book, listeners_max=1)
    first = hub.subscribe("gate")
    with pytest.raises(TooManyListeners):
        hub.subscribe("gate")
    first.close()
    first.close()
    hub.subscribe("back-gate").close()
    assert hub.listener_count == 0


def test_a_cancelled_listener_does_not_disturb_the_others(book: Book) -> None:
    async def scene() -> None:
        hub = Hub(book)
        async with hub.subscribe("gate") as stays:
            leaves = asyncio.create_task(take(hub.subscribe("gate"), 1))
            waiting = asyncio.create_task(take(stays, 1))
            await asyncio.sleep(0)
            leaves.cancel()
            enter(book, "c1")
            assert await waiting == [1]
            with pytest.raises(asyncio.CancelledError):
                await leaves

    run(scene)


def test_a_beat_reaches_who_waits_and_loses_nothing(book: Book) -> None:
    async def scene() -> None:
        hub = Hub(book)
        async with hub.subscribe("gate") as waits, hub.subscribe("gate") as busy:
            waiting = asyncio.create_task(anext(waits))
            await asyncio.sleep(0)
            hub.beat()
            assert await waiting == []
            enter(book, "c1")
            hub.beat()
            assert await take(waits, 1) == await take(busy, 1) == [1]

    run(scene)


def test_closing_the_hub_ends_every_iteration_after_what_is_left(book: Book) -> None:
    async def scene() -> None:
        hub = Hub(book)
        subscription = hub.subscribe("gate")
        enter(book, "c1", 3)
        hub.close()
        assert await everything(subscription) == [1, 2, 3]

    run(scene)

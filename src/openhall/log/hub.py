"""The hub: hands each committed event to whoever listens, without ever waiting for a listener.

Listeners of one place share one bounded window of recent events and keep only an index into it, so an event
costs the same memory for one screen as for a thousand, and its bytes are made once. Who falls out of the
window is told so (`Resync`) and reads again from a committed state.

All of it belongs to the thread of the event loop; only the reading of a backlog leaves it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from itertools import chain, islice, takewhile
from typing import Self

import msgspec

from openhall.kernel.event import Recorded
from openhall.log.book import Book
from openhall.log.troubles import TooManyListeners

WINDOW_EVENTS = 256
"""Events that a place's window holds: how far a listener may fall behind. A busy hall makes so many in some
minutes; hundreds of halls keep a window each."""

BACKLOG_EVENTS_MAX = 10_000
"""A listener that resumes from further back than this is better served by a fresh state."""

LISTENERS_MAX = 10_000
"""Listeners of one hub."""

ITEMS_PER_DELIVERY_MAX = 256
"""Items handed over at once, so that one listener that catches up cannot hold the loop."""


def encode_plainly(recorded: Recorded) -> bytes:
    """The event's body as it is stored."""
    return recorded.body


class Item:
    """One event on its way to the listeners of a hub, with bytes that they share."""

    __slots__ = ("_data", "_encode", "_recorded", "position")

    def __init__(self, recorded: Recorded, encode: Callable[[Recorded], bytes]) -> None:
        self.position = recorded.position
        self._recorded: Recorded | None = recorded
        self._encode = encode
        self._data = b""

    @property
    def data(self) -> bytes:
        """The encoded event; made when the first listener asks for it, and then kept alone."""
        if self._recorded is not None:
            self._data, self._recorded = self._encode(self._recorded), None
        return self._data


class Resync(msgspec.Struct, frozen=True):
    """Events were left out: show the committed state again, which is at least as new as `position`.

    Everything after `position` follows.
    """

    position: int


class _Channel:
    """The window of recent events of one place, and the futures of those who wait at its end."""

    def __init__(self, window_events: int, position: int) -> None:
        self.items: deque[Item] = deque(maxlen=window_events)
        self.complete_after = position
        """Every event of the place after this position is in the window."""
        self.end = 0
        """Index after the newest item; the oldest kept one is at `end - len(items)`."""
        self.waiting: list[asyncio.Future[bool]] = []
        self.listener_count = 0

    def push(self, items: Sequence[Item]) -> None:
        assert self.items.maxlen is not None
        if (left_out := len(self.items) + len(items) - self.items.maxlen) > 0:
            self.complete_after = next(islice(chain(self.items, items), left_out - 1, None)).position
        self.items.extend(items)
        self.end += len(items)
        self.wake(is_beat=False)

    def wake(self, *, is_beat: bool) -> None:
        waiting, self.waiting = self.waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(is_beat)

    def index_after(self, position: int) -> int | None:
        """Index of the first item after a position; None when something after it is not in the window."""
        if position < self.complete_after:
            return None
        return self.end - sum(
            1 for _ in takewhile(lambda item: item.position > position, reversed(self.items))
        )

    def since(self, index: int) -> list[Item] | None:
        """Items from an index on, at most one delivery's worth; None when some have left the window."""
        first = self.end - len(self.items)
        if index < first:
            return None
        start = index - first
        return list(islice(self.items, start, start + ITEMS_PER_DELIVERY_MAX))


class Hub:
    """Subscriptions to a book's commits, by place or to everything."""

    def __init__(
        self,
        book: Book,
        encode: Callable[[Recorded], bytes] = encode_plainly,
        *,
        window_events: int = WINDOW_EVENTS,
        backlog_events_max: int = BACKLOG_EVENTS_MAX,
        listeners_max: int = LISTENERS_MAX,
    ) -> None:
        self._book = book
        self._encode = encode
        self._window_events = window_events
        self._backlog_events_max = backlog_events_max
        self._listeners_max = listeners_max
        self._channels: dict[str | None, _Channel] = {}
        self._listener_count = 0
        self._subscription_count = 0
        self._is_closed = False
        self.resync_count = 0
        """Listeners that were told to look again, since the start."""
        book.listen(self._publish)

    @property
    def listener_count(self) -> int:
        """Open subscriptions."""
        return self._listener_count

    @property
    def behind_count(self) -> int:
        """Subscriptions that have not taken everything yet."""
        return self._listener_count - sum(len(channel.waiting) for channel in self._channels.values())

    def subscribe(self, place: str | None = None, after: int | None = None) -> Subscription:
        """Listen to one place or to all.

        Without `after`, from now on. With it, from the event after that position, without a gap and without a
        repetition: from the window where that reaches back so far, else from the store first. Use it as an
        async context manager and iterate.
        """
        if self._listener_count >= self._listeners_max:
            raise TooManyListeners(f"{self._listener_count} listeners are connected", place="hub")
        channel = self._channels.get(place)
        if channel is None:
            channel = self._channels[place] = _Channel(self._window_events, self._book.position)
        channel.listener_count += 1
        self._listener_count += 1
        self._subscription_count += 1
        return Subscription(self, channel, place=place, after=after)

    def beat(self) -> None:
        """Hand an empty delivery to each listener that waits: a silent line can be told from a cut one.

        One call for all: a timer of its own for each of a thousand listeners costs more than the events.
        """
        for channel in self._channels.values():
            channel.wake(is_beat=True)

    def close(self) -> None:
        """End every subscription: iteration stops after what is already in the window."""
        self._is_closed = True
        for channel in self._channels.values():
            channel.push([])

    def _publish(self, events: Sequence[Recorded]) -> None:
        if not self._channels:
            return
        items = [Item(recorded, self._encode) for recorded in events]
        by_place: dict[str | None, list[Item]] = {}
        for recorded, item in zip(events, items, strict=True):
            by_place.setdefault(recorded.stream.place, []).append(item)
        by_place[None] = items
        for place, listed in by_place.items():
            if (channel := self._channels.get(place)) is not None:
                channel.push(listed)

    def _forget(self, place: str | None) -> None:
        self._listener_count -= 1
        channel = self._channels[place]
        channel.listener_count -= 1
        if channel.listener_count == 0:
            del self._channels[place]

    def _read_backlog(self, place: str | None, after: int, limit: int) -> list[Item]:
        read = self._book.store.read(after=after, place=place, limit=limit)
        return [Item(recorded, self._encode) for recorded in read]


class Subscription:
    """An async iterator over `list[Item]` (empty for a beat) and `Resync`.

    Close it, or use it as an async context manager.
    """

    def __init__(self, hub: Hub, channel: _Channel, *, place: str | None, after: int | None) -> None:
        self._hub = hub
        self._channel = channel
        self._place = place
        self.number = hub._subscription_count
        """Of all subscriptions since the start."""
        self._horizon = hub._book.position
        """Up to here the store is read; everything after it comes through the channel from `_index` on."""
        self._index, self._backlog_after = channel.end, self._horizon
        if after is not None and after != self._horizon:
            # Screens that all come back at once, or are opened, were away for a moment: they spare the store.
            index = channel.index_after(after) if after < self._horizon else None
            self._index, self._backlog_after = (
                (channel.end, after) if index is None else (index, self._horizon)
            )
        self._backlog_count = 0
        self._is_open = True

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening; a second close does nothing."""
        if self._is_open:
            self._is_open = False
            self._hub._forget(self._place)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> list[Item] | Resync:
        if self._backlog_after > self._horizon:
            # The listener has seen a log longer than this one: it was restored from a backup.
            return self._resync()
        while self._backlog_after < self._horizon:
            delivery = await self._next_backlog()
            if delivery:
                return delivery
        while self._is_open:
            items = self._channel.since(self._index)
            if items is None:
                return self._resync()
            if items:
                self._index += len(items)
                return items
            if self._hub._is_closed:
                break
            future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
            self._channel.waiting.append(future)
            if await future:
                return []
        raise StopAsyncIteration

    async def _next_backlog(self) -> list[Item] | Resync | None:
        """The next page from the store; None when no event of this place is left before the horizon."""
        page = await asyncio.to_thread(
            self._hub._read_backlog, self._place, self._backlog_after, ITEMS_PER_DELIVERY_MAX
        )
        is_last = len(page) < ITEMS_PER_DELIVERY_MAX or page[-1].position >= self._horizon
        page = [item for item in page if item.position <= self._horizon]
        self._backlog_after = self._horizon if is_last else page[-1].position
        self._backlog_count += len(page)
        if self._backlog_count > self._hub._backlog_events_max:
            return self._resync()
        return page or None

    def _resync(self) -> Resync:
        self._hub.resync_count += 1
        self._index = self._channel.end
        self._horizon = self._backlog_after = self._hub._book.position
        return Resync(self._horizon)

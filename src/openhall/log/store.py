"""What the book needs from a place that keeps events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec

from openhall.kernel.event import Recorded, StreamId
from openhall.kernel.refusal import Refusal

READ_PAGE_EVENTS = 1_000
"""Events that a store holds in memory at a time while it reads."""


class Outcome(msgspec.Struct, frozen=True):
    """How a command was answered: by its events `first_seq` to `last_seq`, or by a refusal.

    An accepted command that changed nothing has `last_seq == first_seq - 1`.
    """

    stream: StreamId
    command_id: str
    fingerprint: bytes
    at_ms: int
    first_seq: int | None = None
    last_seq: int | None = None
    refusal: Refusal | None = None


class Tail(msgspec.Struct, frozen=True):
    """The last event of a stream, as far as the next one depends on it."""

    seq: int
    at_ms: int
    hash: bytes


class Store(Protocol):
    """Keeps events and outcomes. One writer at a time; readers at any time, from any thread.

    Each method raises a `LogTrouble` and nothing else when the medium fails.
    """

    def commit(self, events: Sequence[Recorded], outcomes: Sequence[Outcome]) -> int:
        """Keep all of it or nothing; it is on the disk when this returns.

        The store gives the events consecutive positions after its head, in their order, and returns the
        new head: event `i` of `n` is at `head - n + 1 + i`, whatever position it came with.
        `LogConflict` when a sequence number or a command id is taken.
        """
        ...

    def read(
        self,
        *,
        after: int = 0,
        stream: StreamId | None = None,
        place: str | None = None,
        limit: int | None = None,
    ) -> Iterator[Recorded]:
        """Events in order of position, of one stream or one place if given, read page by page."""
        ...

    def read_seqs(self, stream: StreamId, first_seq: int, last_seq: int) -> list[Recorded]:
        """A stretch of one stream, both ends included."""
        ...

    def tail(self, stream: StreamId) -> Tail | None:
        """The end of a stream; None while it has no event."""
        ...

    def outcome(self, stream: StreamId, command_id: str) -> Outcome | None:
        """How one command was answered."""
        ...

    def outcomes(self, stream: StreamId) -> Iterator[Outcome]:
        """How each command of a stream was answered, by command id."""
        ...

    def streams(self) -> Iterator[StreamId]:
        """Every stream that has an event or an outcome, in order of its stored name."""
        ...

    def head(self) -> int:
        """The last position; 0 while the log is empty."""
        ...

    def ping(self, *, is_durable: bool = False) -> None:
        """Take the write lock and let it go; if durable, write and sync something that means nothing."""
        ...

    def check_integrity(self) -> list[str]:
        """What the medium itself says is broken; empty when it is sound."""
        ...

"""A store that fails when it is told to: before anything is kept, or after everything is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from openhall.kernel.event import Recorded, StreamId
from openhall.log.store import Outcome, Store, Tail
from openhall.log.troubles import DatabaseIO

Fault = Literal["", "before", "after"]


class FaultyStore:
    """The `Store` protocol over another store. `fault` is used up by the next commit."""

    def __init__(self, inner: Store) -> None:
        self.inner = inner
        self.fault: Fault = ""
        self.faults_count = 0

    def commit(self, events: Sequence[Recorded], outcomes: Sequence[Outcome]) -> int:
        """Fail before or after the real commit, as told; the caller cannot know which."""
        fault, self.fault = self.fault, ""
        self.faults_count += bool(fault)
        if fault == "before":
            raise DatabaseIO("rehearsed: the disk failed", place="rehearsal")
        head = self.inner.commit(events, outcomes)
        if fault == "after":
            raise DatabaseIO("rehearsed: the disk failed after all was kept", place="rehearsal")
        return head

    def read(
        self,
        *,
        after: int = 0,
        stream: StreamId | None = None,
        place: str | None = None,
        limit: int | None = None,
    ) -> Iterator[Recorded]:
        """As the inner store."""
        return self.inner.read(after=after, stream=stream, place=place, limit=limit)

    def read_seqs(self, stream: StreamId, first_seq: int, last_seq: int) -> list[Recorded]:
        """As the inner store."""
        return self.inner.read_seqs(stream, first_seq, last_seq)

    def tail(self, stream: StreamId) -> Tail | None:
        """As the inner store."""
        return self.inner.tail(stream)

    def outcome(self, stream: StreamId, command_id: str) -> Outcome | None:
        """As the inner store."""
        return self.inner.outcome(stream, command_id)

    def outcomes(self, stream: StreamId) -> Iterator[Outcome]:
        """As the inner store."""
        return self.inner.outcomes(stream)

    def streams(self) -> Iterator[StreamId]:
        """As the inner store."""
        return self.inner.streams()

    def head(self) -> int:
        """As the inner store."""
        return self.inner.head()

    def ping(self, *, is_durable: bool = False) -> None:
        """As the inner store."""
        self.inner.ping(is_durable=is_durable)

    def check_integrity(self) -> list[str]:
        """As the inner store."""
        return self.inner.check_integrity()

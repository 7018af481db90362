"""A store in memory: for rehearsals and tests. It keeps the same contract, except across a power cut."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from operator import attrgetter

import msgspec

from openhall.kernel.event import Recorded, StreamId
from openhall.log.store import Outcome, Tail
from openhall.log.troubles import LogConflict


class MemoryStore:
    """Lists and dictionaries behind the `Store` protocol."""

    def __init__(self) -> None:
        self._events: list[Recorded] = []
        self._by_stream: dict[StreamId, list[Recorded]] = {}
        self._outcomes: dict[StreamId, dict[str, Outcome]] = {}

    def commit(self, events: Sequence[Recorded], outcomes: Sequence[Outcome]) -> int:
        """Keep all of it or nothing."""
        self._refuse_conflicts(events, outcomes)
        head = len(self._events)
        for position, event in enumerate(events, head + 1):
            kept = event if event.position == position else msgspec.structs.replace(event, position=position)
            self._events.append(kept)
            self._by_stream.setdefault(event.stream, []).append(kept)
        for outcome in outcomes:
            self._outcomes.setdefault(outcome.stream, {})[outcome.command_id] = outcome
        return len(self._events)

    def read(
        self,
        *,
        after: int = 0,
        stream: StreamId | None = None,
        place: str | None = None,
        limit: int | None = None,
    ) -> Iterator[Recorded]:
        """Events in order of position."""
        source = self._events if stream is None else self._by_stream.get(stream, [])
        start = bisect_right(source, after, key=attrgetter("position"))
        left = len(source) if limit is None else limit
        for index in range(start, len(source)):
            if left <= 0:
                return
            if place is None or source[index].stream.place == place:
                left -= 1
                yield source[index]

    def read_seqs(self, stream: StreamId, first_seq: int, last_seq: int) -> list[Recorded]:
        """A stretch of one stream."""
        return self._by_stream.get(stream, [])[first_seq - 1 : max(last_seq, 0)]

    def tail(self, stream: StreamId) -> Tail | None:
        """The end of a stream."""
        kept = self._by_stream.get(stream)
        return Tail(kept[-1].seq, kept[-1].at_ms, kept[-1].hash) if kept else None

    def outcome(self, stream: StreamId, command_id: str) -> Outcome | None:
        """How one command was answered."""
        return self._outcomes.get(stream, {}).get(command_id)

    def outcomes(self, stream: StreamId) -> Iterator[Outcome]:
        """How each command of a stream was answered."""
        kept = self._outcomes.get(stream, {})
        return iter([kept[command_id] for command_id in sorted(kept)])

    def streams(self) -> Iterator[StreamId]:
        """Every stream, in order of its stored name."""
        return iter(sorted({*self._by_stream, *self._outcomes}, key=str))

    def head(self) -> int:
        """The last position."""
        return len(self._events)

    def ping(self, *, is_durable: bool = False) -> None:
        """Memory is always there."""

    def check_integrity(self) -> list[str]:
        """Memory is taken at its word."""
        return []

    def _refuse_conflicts(self, events: Sequence[Recorded], outcomes: Sequence[Outcome]) -> None:
        ends: dict[StreamId, int] = {}
        for event in events:
            end = ends.get(event.stream, len(self._by_stream.get(event.stream, ())))
            if event.seq != end + 1:
                raise LogConflict(f"{event.stream}: seq {event.seq} after {end}", place=str(event.stream))
            ends[event.stream] = event.seq
        fresh: set[tuple[StreamId, str]] = set()
        for outcome in outcomes:
            key = (outcome.stream, outcome.command_id)
            if key in fresh or self.outcome(*key) is not None:
                place = str(outcome.stream)
                raise LogConflict(f"{place}: command {outcome.command_id} was answered before", place=place)
            fresh.add(key)

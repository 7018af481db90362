"""Recomputes a log from its first event and names the first thing that is wrong in each stream.

What it can show: any change, removal, insertion or reordering of events before the end of a stream; an event
that no room can read; a state that breaks a room's invariants; an answer that points to events that are not
there. What it cannot show by itself: that the newest events of a stream were cut off together with their
answers, or that somebody who can write the file has recomputed the whole chain after a change. Against both
there are anchors: the tails that an earlier report printed, kept elsewhere and given to a later run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from openhall.kernel.event import CHAIN_START, Recorded, Room, StreamId, chain_hash
from openhall.log.book import read_event
from openhall.log.store import Store, Tail
from openhall.log.troubles import DatabaseCorrupt, EventUnreadable

PROGRESS_EVERY_EVENTS = 1_000


class Fault(msgspec.Struct, frozen=True):
    """The first bad thing in a stream.

    `code` is `chain`, `seq`, `position`, `time`, `unreadable`, `invariant`, `outcome`, `anchor` or
    `integrity`; `seq` and `position` are 0 where no single event is at fault.
    """

    code: str
    stream: str
    seq: int
    position: int
    expected: str
    found: str

    def __str__(self) -> str:
        where = f"{self.stream} seq {self.seq} (position {self.position})" if self.seq else self.stream
        return f"{where}: {self.code}: expected {self.expected}, found {self.found}"


class Anchor(msgspec.Struct, frozen=True):
    """The end of a stream when somebody noted it: a later log must still contain it."""

    stream: str
    seq: int
    hash: str


class Report(msgspec.Struct, frozen=True):
    """What a verification looked at and what it found: at most one fault a stream, the first."""

    streams_count: int
    events_count: int
    outcomes_count: int
    faults: tuple[Fault, ...]
    anchors: tuple[Anchor, ...]

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults


class _Bad(Exception):
    """Ends the reading of a stream at its first fault."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


def verify(
    store: Store,
    rooms: Sequence[Room[Any]] | None = None,
    *,
    is_each_command_checked: bool = False,
    anchors: Sequence[Anchor] = (),
    progress: Callable[[int], None] | None = None,
) -> Report:
    """Read the whole log, stream by stream, holding one stream's state at a time.

    Parameters
    ----------
    rooms
        Who reads the events and knows the invariants. Without rooms only the chain, the order and the
        answers are looked at.
    is_each_command_checked
        Check the invariants after every command instead of at the end of each stream: slower, and names the
        command by its last event.
    anchors
        Ends of streams as an earlier report printed them.
    progress
        Called with the number of events read so far, every `PROGRESS_EVERY_EVENTS`.
    """
    faults = [
        Fault("integrity", "the whole file", 0, 0, "a sound file", line) for line in store.check_integrity()
    ]
    pinned: dict[str, list[Anchor]] = {}
    for anchor in anchors:
        pinned.setdefault(anchor.stream, []).append(anchor)
    found: list[Anchor] = []
    events_count = outcomes_count = 0
    try:
        for stream in store.streams():
            reading = _StreamReading(stream, rooms, is_each_command_checked, pinned.pop(str(stream), []))
            try:
                for recorded in store.read(stream=stream):
                    reading.take(recorded)
                    events_count += 1
                    if progress is not None and events_count % PROGRESS_EVERY_EVENTS == 0:
                        progress(events_count)
                reading.end()
                outcomes_count += _check_outcomes(store, stream, reading.tail.seq)
            except _Bad as bad:
                faults.append(bad.fault)
            except (EventUnreadable, DatabaseCorrupt) as trouble:
                code = "unreadable" if isinstance(trouble, EventUnreadable) else "integrity"
                faults.append(Fault(code, str(stream), reading.tail.seq + 1, 0, "an event", str(trouble)))
            found.append(Anchor(str(stream), reading.tail.seq, reading.tail.hash.hex()))
    except (EventUnreadable, DatabaseCorrupt) as trouble:
        code = "unreadable" if isinstance(trouble, EventUnreadable) else "integrity"
        faults.append(Fault(code, trouble.place, 0, 0, "the next stream", str(trouble)))
    faults += [
        Fault("anchor", name, 0, 0, f"at least {missing[0].seq} events", "no such stream")
        for name, missing in pinned.items()
    ]
    return Report(len(found), events_count, outcomes_count, tuple(faults), tuple(found))


class _StreamReading:
    """One stream on its way past: what the next event must link to, and the states so far."""

    def __init__(
        self,
        stream: StreamId,
        rooms: Sequence[Room[Any]] | None,
        is_each_command_checked: bool,
        anchors: Sequence[Anchor],
    ) -> None:
        self._stream = stream
        self._rooms: Mapping[str, Room[Any]] | None = (
            None if rooms is None else {room.name: room for room in rooms}
        )
        self._states = {name: room.initial(stream) for name, room in (self._rooms or {}).items()}
        self._is_each_command_checked = is_each_command_checked
        self._anchors = {anchor.seq: anchor for anchor in anchors if anchor.seq > 0}
        self._position = 0
        self._last: Recorded | None = None
        self.tail = Tail(0, 0, CHAIN_START)

    def take(self, recorded: Recorded) -> None:
        """The next event in order; `_Bad` at the first thing that is wrong with it."""
        if self._is_each_command_checked and self._last and recorded.command_id != self._last.command_id:
            # Within one command an event may go before the one that completes it; after it all must hold.
            self._check_all(self._last)
        tail = self.tail
        self._expect(recorded, "seq", recorded.seq == tail.seq + 1, tail.seq + 1, recorded.seq)
        self._expect(
            recorded,
            "position",
            recorded.position > self._position,
            f"after {self._position}",
            recorded.position,
        )
        self._expect(
            recorded,
            "time",
            recorded.at_ms >= tail.at_ms,
            f"at_ms of {tail.at_ms} or later",
            recorded.at_ms,
        )
        link = hash_of(tail.hash, recorded)
        self._expect(recorded, "chain", recorded.hash == link, link.hex(), recorded.hash.hex())
        if (anchor := self._anchors.pop(recorded.seq, None)) is not None:
            self._expect(recorded, "anchor", link.hex() == anchor.hash, anchor.hash, link.hex())
        if self._rooms is not None:
            self._apply(recorded, self._rooms)
        self._position = recorded.position
        self.tail = Tail(recorded.seq, recorded.at_ms, recorded.hash)
        self._last = recorded

    def end(self) -> None:
        """After the last event: the invariants, and the anchors that lie beyond it."""
        self._check_all(self._last)
        if self._anchors:
            wanted = f"at least {max(self._anchors)} events"
            raise _Bad(
                Fault("anchor", str(self._stream), 0, 0, wanted, f"{self.tail.seq}: the end is cut off")
            )

    def _apply(self, recorded: Recorded, rooms: Mapping[str, Room[Any]]) -> None:
        try:
            event = read_event(rooms, recorded)
        except EventUnreadable as trouble:
            raise _Bad(self._fault(recorded, "unreadable", "an event of this release", trouble)) from trouble
        room = rooms[recorded.room]
        state = self._states[room.name]
        try:
            room.apply(state, event, recorded.stamp)
        except Exception as error:
            # A tampered event may break a room in any way; that is a finding, not our failure.
            found = f"{type(error).__name__}: {error}"
            raise _Bad(self._fault(recorded, "invariant", "an event that applies", found)) from error

    def _check_all(self, last: Recorded | None) -> None:
        """The invariants of every room after an event, the last of its command."""
        for name, room in (self._rooms or {}).items():
            if last is not None and (broken := room.check(self._states[name])):
                raise _Bad(self._fault(last, "invariant", f"a sound {name}", "; ".join(broken)))

    def _expect(self, recorded: Recorded, code: str, is_right: bool, expected: object, found: object) -> None:
        if not is_right:
            raise _Bad(self._fault(recorded, code, expected, found))

    def _fault(self, recorded: Recorded, code: str, expected: object, found: object) -> Fault:
        return Fault(code, str(self._stream), recorded.seq, recorded.position, str(expected), str(found))


def verify_streams(store: Store, rooms: Sequence[Room[Any]], streams: Iterable[StreamId]) -> list[Fault]:
    """The first fault of each of some days, invariants at the end included."""
    faults = []
    for stream in streams:
        reading = _StreamReading(stream, rooms, False, [])
        try:
            for recorded in store.read(stream=stream):
                reading.take(recorded)
            reading.end()
            _check_outcomes(store, stream, reading.tail.seq)
        except _Bad as bad:
            faults.append(bad.fault)
        except (EventUnreadable, DatabaseCorrupt) as trouble:
            code = "unreadable" if isinstance(trouble, EventUnreadable) else "integrity"
            faults.append(Fault(code, str(stream), reading.tail.seq + 1, 0, "an event", str(trouble)))
    return faults


def hash_of(before: bytes, recorded: Recorded) -> bytes:
    """The hash that an event must have after the one before it."""
    return chain_hash(
        before,
        stream=recorded.stream,
        seq=recorded.seq,
        room=recorded.room,
        type_=recorded.type,
        version=recorded.version,
        at_ms=recorded.at_ms,
        actor=recorded.actor,
        command_id=recorded.command_id,
        body=recorded.body,
    )


def _check_outcomes(store: Store, stream: StreamId, last_seq: int) -> int:
    """Count the answers; each must point to events that are there, and each event belongs to one."""
    count, answered_seqs = 0, 0
    for outcome in store.outcomes(stream):
        count += 1
        if outcome.first_seq is None or outcome.last_seq is None:
            continue
        answered_seqs += outcome.last_seq - outcome.first_seq + 1
        if outcome.last_seq > last_seq:
            expected = f"events up to {outcome.last_seq}, which answered command {outcome.command_id}"
            raise _Bad(Fault("outcome", str(stream), 0, 0, expected, f"{last_seq} events"))
    if answered_seqs != last_seq:
        raise _Bad(
            Fault("outcome", str(stream), 0, 0, f"{last_seq} events in answers", f"{answered_seqs} events")
        )
    return count

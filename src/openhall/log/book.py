"""The book: decides commands against state in memory and keeps what follows from them, or nothing.

Two states a stream. The *working* one takes each event of a batch as it is decided, so that the next command
of the batch sees it. The *committed* one takes the batch once the store has it on disk; screens read that one
and so never show what a power cut could take back. Between batches the two are equal.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from openhall.kernel.clock import HOUR_MS, Clock
from openhall.kernel.event import (
    CHAIN_START,
    Answer,
    Event,
    Recorded,
    Request,
    Room,
    Stamp,
    StreamId,
    chain_hash,
)
from openhall.kernel.refusal import Refusal, RefusalText, refusals
from openhall.kernel.trouble import Trouble
from openhall.log.answered import AnsweredIds
from openhall.log.store import Outcome, Store
from openhall.log.troubles import ClockMovedBack, CommandFailed, EventUnreadable, LogConflict

CLOCK_STEP_BACK_MAX_MS = 5_000
"""A step back up to this (a time server's correction) is absorbed; a larger one is trouble."""

STREAMS_LOADED_MAX = 1_024
"""Streams whose state is kept in memory; beyond it those used longest ago go."""

STREAM_UNUSED_MS = HOUR_MS
"""A stream that nobody asked for in so long leaves memory: a day that is over, a day ahead that somebody
booked on. A hall that is open is looked at each second."""

EVENTS_PER_COMMAND_MAX = 10_000
"""More events from one command than this is a fault in its room."""

REFUSALS: dict[str, RefusalText] = refusals(
    command_id_reused=(
        "This command id was used before for something else.",
        "Send the command again under a new id.",
    ),
    unknown_command=("No room knows this command.", "Check the command's name and the server's release."),
)
"""The book's own refusals; each room has its own besides."""

Result = Answer | Refusal | Trouble
"""What becomes of one request of a batch; trouble is returned in its place so that the others go on."""

Listener = Callable[[Sequence[Recorded]], None]
"""Is handed the events of each commit, in order, after it."""

_log = logging.getLogger(__name__)


@dataclass
class _Side:
    """A stream as of some event: the rooms' states, and what the next event must link to."""

    states: dict[str, Any]
    seq: int = 0
    at_ms: int = 0
    hash: bytes = CHAIN_START


@dataclass
class _Stream:
    committed: _Side
    working: _Side
    answered: AnsweredIds
    used_ms: int = 0
    is_stale: bool = False
    """Whether a commit failed, so that the working side is ahead of the disk."""


@dataclass
class Batch:
    """Commands decided together, not yet on disk."""

    results: list[Result | None]
    events: list[Recorded] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    decoded: list[Event] = field(default_factory=list)
    """The events themselves, one for each of `events`."""
    answers: dict[tuple[StreamId, str], tuple[bytes, Result]] = field(default_factory=dict)
    """What this batch has answered already: a retry may overtake its original's commit."""
    waiting: set[int] = field(default_factory=set)
    """Which results stand on this batch's commit; the others stand on earlier ones or on nothing."""

    @property
    def has_news(self) -> bool:
        """Whether there is anything to commit."""
        return bool(self.outcomes)


def fingerprint(request: Request) -> bytes:
    """SHA-256 of who asked and what: the same id with another of these is not a retry.

    The actor is part of it so that nobody reads another's answer by guessing an id.
    """
    digest = hashlib.sha256(b"%d:" % len(request.actor.encode()) + request.actor.encode())
    digest.update(msgspec.json.encode(request.command))
    return digest.digest()


class Book:
    """The synchronous core of the log: rehearsals drive it directly, servers by the `Writer`."""

    def __init__(
        self,
        store: Store,
        rooms: Sequence[Room[Any]],
        clock: Clock,
        *,
        streams_loaded_max: int = STREAMS_LOADED_MAX,
    ) -> None:
        self.store = store
        self.rooms = {room.name: room for room in rooms}
        self._clock = clock
        self._streams_loaded_max = streams_loaded_max
        self._room_of = {command: room for room in rooms for command in room.commands}
        if len(self.rooms) != len(rooms) or len(self._room_of) != sum(len(room.commands) for room in rooms):
            raise ValueError("Expected rooms with names and commands of their own, got one twice")
        self._streams: dict[StreamId, _Stream] = {}
        self._listeners: list[Listener] = []
        self._position = store.head()
        self._is_behind = False

    # What readers see ----------------------------------------------------------------------------------

    @property
    def position(self) -> int:
        """The last position that committed states and listeners have seen."""
        return self._position

    @property
    def streams_loaded_count(self) -> int:
        """Streams whose state is in memory."""
        return len(self._streams)

    def committed(self, stream: StreamId, room_name: str) -> Any:
        """A room's state as of the last commit. Look, do not keep: it changes, and may be unloaded."""
        return self._stream(stream).committed.states[room_name]

    def committed_seq(self, stream: StreamId) -> int:
        """The number of the stream's last committed event; 0 before the first."""
        return self._stream(stream).committed.seq

    def fork(self, stream: StreamId, room_name: str) -> Any:
        """A copy of a room's committed state, to try things on."""
        return self.rooms[room_name].fork(self.committed(stream, room_name))

    def listen(self, listener: Listener) -> None:
        """Hand each commit's events to a listener from now on."""
        self._listeners.append(listener)

    def read_event(self, recorded: Recorded) -> Event:
        """The event in its current version; `EventUnreadable` when no room knows it."""
        return read_event(self.rooms, recorded)

    # Commands ------------------------------------------------------------------------------------------

    def execute(self, request: Request) -> Answer | Refusal:
        """Carry out one command; it is on disk when this returns. Raises `Trouble`."""
        result = self.execute_many([request])[0]
        if isinstance(result, Trouble):
            raise result
        return result

    def execute_many(self, requests: Sequence[Request]) -> list[Result]:
        """Carry out commands in turn with one commit; trouble is returned in the place of its command."""
        try:
            batch = self.prepare(requests)
        except Trouble as trouble:
            return [trouble] * len(requests)
        if not batch.has_news:
            return self.finish(batch, self._position)
        try:
            head = self.store.commit(batch.events, batch.outcomes)
        except Trouble as trouble:
            return self.abandon(batch, trouble)
        return self.finish(batch, head)

    def is_loaded(self, stream: StreamId) -> bool:
        """Whether `prepare` would find the stream's state in memory."""
        return stream in self._streams

    def load(self, stream: StreamId) -> None:
        """Replay a stream into memory; may run in another thread while nothing is being prepared."""
        if stream not in self._streams:
            self._streams.setdefault(stream, self._replay(stream))

    def prepare(self, requests: Sequence[Request]) -> Batch:
        """Decide commands in turn against the working states; nothing is kept yet.

        `finish` or `abandon` follows, before the next `prepare`. Raises `Trouble` when, after a failed
        commit, the store still cannot be read.
        """
        if self._is_behind:
            self._catch_up()
        batch = Batch(results=[None] * len(requests))
        for index, request in enumerate(requests):
            batch.results[index] = self._decide_guarded(batch, request)
            if (request.stream, request.command_id) in batch.answers:
                batch.waiting.add(index)
        return batch

    def finish(self, batch: Batch, head: int) -> list[Result]:
        """The store has the batch: show it to readers and listeners, and give the answers."""
        first = head - len(batch.events) + 1
        recorded = [
            event if event.position == position else msgspec.structs.replace(event, position=position)
            for position, event in enumerate(batch.events, first)
        ]
        for event, decoded in zip(recorded, batch.decoded, strict=True):
            self._apply_committed(event, decoded)
        for outcome in batch.outcomes:
            if (stream := self._streams.get(outcome.stream)) is not None:
                stream.answered.add(outcome.command_id)
        self._position = max(self._position, head)
        if recorded:
            self._announce(recorded)
        self._unload({outcome.stream for outcome in batch.outcomes})
        return [_present(result) for result in batch.results]

    def abandon(self, batch: Batch, trouble: Trouble) -> list[Result]:
        """The commit failed: nothing is acknowledged, and the working states are made anew before use.

        Answers that stand on earlier commits (a retry's, say) are given all the same.
        """
        self._is_behind = True
        for outcome in batch.outcomes:
            self._streams[outcome.stream].is_stale = True
        return [
            trouble if index in batch.waiting and not isinstance(result, Trouble) else _present(result)
            for index, result in enumerate(batch.results)
        ]

    def doubt(self) -> None:
        """Make every working state anew before the next use: somebody left a batch between two states."""
        self._is_behind = True
        for stream in self._streams.values():
            stream.is_stale = True

    # Deciding ------------------------------------------------------------------------------------------

    def _decide_guarded(self, batch: Batch, request: Request) -> Result:
        try:
            return self._decide(batch, request)
        except Trouble as trouble:
            return trouble
        except Exception:  # noqa: BLE001 - a fault in one command must not take the others with it
            name = type(request.command).__name__
            _log.exception("Command %s %s on %s failed", name, request.command_id, request.stream)
            return CommandFailed(f"{name} failed by a fault in the program", place=str(request.stream))

    def _decide(self, batch: Batch, request: Request) -> Result:
        room = self._room_of.get(type(request.command))
        if room is None:
            return Refusal("unknown_command", type(request.command).__name__)
        stream = self._stream(request.stream)
        print_ = fingerprint(request)
        repeated = self._repeated(batch, stream, request, print_)
        if repeated is not None:
            return repeated
        side = stream.working
        now = Stamp(side.seq + 1, self._time(request.stream, side.at_ms), request.actor)
        decided = room.decide(side.states[room.name], request.command, now)
        result: Answer | Refusal
        if isinstance(decided, Refusal):
            result, first_seq, last_seq, refusal = decided, None, None, decided
        else:
            self._append(batch, stream, room, request, tuple(decided), now)
            result = Answer(side.seq, tuple(decided))
            first_seq, last_seq, refusal = now.seq, side.seq, None
        outcome = Outcome(request.stream, request.command_id, print_, now.at_ms, first_seq, last_seq, refusal)
        batch.outcomes.append(outcome)
        batch.answers[(request.stream, request.command_id)] = (print_, result)
        return result

    def _repeated(self, batch: Batch, stream: _Stream, request: Request, print_: bytes) -> Result | None:
        """The answer that this command id has had before, in this batch or long ago."""
        reused = Refusal("command_id_reused", "command_id", {"command_id": request.command_id})
        pending = batch.answers.get((request.stream, request.command_id))
        if pending is not None:
            return pending[1] if pending[0] == print_ else reused
        if request.command_id not in stream.answered:
            return None
        outcome = self.store.outcome(request.stream, request.command_id)
        if outcome is None:
            return None  # another id of the same hash
        if outcome.fingerprint != print_:
            return reused
        if outcome.refusal is not None:
            return outcome.refusal
        first_seq, last_seq = outcome.first_seq or 0, outcome.last_seq or 0
        stored = self.store.read_seqs(request.stream, first_seq, last_seq) if last_seq >= first_seq else []
        return Answer(last_seq, tuple(self.read_event(event) for event in stored))

    def _time(self, stream: StreamId, last_ms: int) -> int:
        now_ms = self._clock.now_ms()
        if now_ms >= last_ms:
            return now_ms
        if last_ms - now_ms <= CLOCK_STEP_BACK_MAX_MS:
            return last_ms
        raise ClockMovedBack(
            f"the clock is {last_ms - now_ms} ms behind the last event of {stream}", place=str(stream)
        )

    def _append(
        self,
        batch: Batch,
        stream: _Stream,
        room: Room[Any],
        request: Request,
        events: tuple[Event, ...],
        now: Stamp,
    ) -> None:
        """Link the events to the chain and apply them to the working side; all of them or none."""
        if len(events) > EVENTS_PER_COMMAND_MAX:
            raise ValueError(f"Expected at most {EVENTS_PER_COMMAND_MAX} events, got {len(events)}")
        if foreign := {type(event) for event in events}.difference(room.events):
            raise ValueError(f"Expected events of {room.name}, got {sorted(map(repr, foreign))}")
        linked = self._link(stream.working, room, request, events, now)
        state = stream.working.states[room.name]
        try:
            for recorded, event in zip(linked, events, strict=True):
                room.apply(state, event, recorded.stamp)
        except Exception:
            # `apply` may have changed half of the state: make it anew from what is known to be good.
            self._remake_working(stream, batch, request.stream)
            raise
        batch.events.extend(linked)
        batch.decoded.extend(events)
        if linked:
            _advance(stream.working, linked[-1])

    def _link(
        self, side: _Side, room: Room[Any], request: Request, events: tuple[Event, ...], now: Stamp
    ) -> list[Recorded]:
        linked, before = [], side.hash
        for seq, event in enumerate(events, now.seq):
            type_ = type(event).__struct_config__.tag
            fields = {
                "stream": request.stream,
                "seq": seq,
                "room": room.name,
                "version": room.version_of(str(type_)),
                "at_ms": now.at_ms,
                "actor": request.actor,
                "command_id": request.command_id,
                "body": msgspec.json.encode(event),
            }
            before = chain_hash(before, type_=str(type_), **fields)  # type: ignore[arg-type]
            linked.append(Recorded(position=0, type=str(type_), hash=before, **fields))  # type: ignore[arg-type]
        return linked

    def _remake_working(self, stream: _Stream, batch: Batch, stream_id: StreamId) -> None:
        stream.working = self._fork_side(stream.committed)
        for recorded, event in zip(batch.events, batch.decoded, strict=True):
            if recorded.stream == stream_id:
                self._apply(stream.working, recorded, event)

    # State ---------------------------------------------------------------------------------------------

    def _stream(self, stream_id: StreamId) -> _Stream:
        found = self._streams.pop(stream_id, None) or self._replay(stream_id)
        found.used_ms = self._clock.now_ms()
        self._streams[stream_id] = found  # at the end: the order of this dictionary is the order of use
        return found

    def _replay(self, stream_id: StreamId) -> _Stream:
        side = _Side({name: room.initial(stream_id) for name, room in self.rooms.items()})
        for recorded in self.store.read(stream=stream_id):
            self._apply(side, recorded, self.read_event(recorded))
        return _Stream(committed=side, working=self._fork_side(side), answered=self._answered(stream_id))

    def _answered(self, stream_id: StreamId) -> AnsweredIds:
        return AnsweredIds(outcome.command_id for outcome in self.store.outcomes(stream_id))

    def _fork_side(self, side: _Side) -> _Side:
        states = {name: self.rooms[name].fork(state) for name, state in side.states.items()}
        return _Side(states, side.seq, side.at_ms, side.hash)

    def _apply(self, side: _Side, recorded: Recorded, event: Event) -> None:
        if recorded.seq != side.seq + 1:
            raise LogConflict(
                f"{recorded.stream}: seq {recorded.seq} after {side.seq}", place=str(recorded.stream)
            )
        self.rooms[recorded.room].apply(side.states[recorded.room], event, recorded.stamp)
        _advance(side, recorded)

    def _apply_committed(self, recorded: Recorded, event: Event | None = None) -> None:
        stream = self._streams.get(recorded.stream)
        if stream is None or recorded.seq <= stream.committed.seq:
            return
        try:
            self._apply(stream.committed, recorded, event or self.read_event(recorded))
        except Exception:  # noqa: BLE001 - it is on disk, so it has happened; the replay will tell
            _log.exception(
                "Position %s could not be applied; %s is unloaded", recorded.position, recorded.stream
            )
            del self._streams[recorded.stream]

    def _catch_up(self) -> None:
        """After a failed commit: take in what the store has kept after all, and drop what it has not.

        A commit whose last sync failed may or may not be on disk, so the store is asked.
        """
        page: list[Recorded] = []
        for recorded in self.store.read(after=self._position):
            self._apply_committed(recorded)
            page.append(recorded)
        for stream_id, stream in self._streams.items():
            if stream.is_stale:
                stream.working = self._fork_side(stream.committed)
                stream.answered = self._answered(stream_id)
                stream.is_stale = False
        if page:
            self._position = page[-1].position
            self._announce(page)
        self._is_behind = False

    def _unload(self, in_use: set[StreamId]) -> None:
        """Drop the streams that nobody uses, and beyond the limit those used longest ago; a later use replays
        them.

        Only between batches: what is under way stands on a state that must not be made anew.
        """
        surplus = len(self._streams) - self._streams_loaded_max
        unused_ms = self._clock.now_ms() - STREAM_UNUSED_MS
        dropped: list[StreamId] = []
        for stream_id, stream in self._streams.items():
            if len(dropped) >= surplus and stream.used_ms >= unused_ms:
                break
            if stream_id not in in_use:
                dropped.append(stream_id)
        for stream_id in dropped:
            del self._streams[stream_id]

    def _announce(self, recorded: Sequence[Recorded]) -> None:
        for listener in self._listeners:
            try:
                listener(recorded)
            except Exception:  # noqa: BLE001 - what is committed stays committed, whoever stumbles over it
                _log.exception("A listener failed on positions from %s", recorded[0].position)


def read_event(rooms: Mapping[str, Room[Any]], recorded: Recorded) -> Event:
    """The event in its current version; `EventUnreadable` when none of the rooms knows it."""
    what = f"position {recorded.position}: {recorded.type} version {recorded.version} of {recorded.room}"
    room = rooms.get(recorded.room)
    if room is None:
        raise EventUnreadable(f"{what}: no such room", place=str(recorded.stream))
    try:
        return room.read(recorded.type, recorded.version, recorded.body)
    except (msgspec.MsgspecError, KeyError, UnicodeError) as error:
        raise EventUnreadable(f"{what}: {error}", place=str(recorded.stream)) from error


def _advance(side: _Side, recorded: Recorded) -> None:
    side.seq, side.at_ms, side.hash = recorded.seq, recorded.at_ms, recorded.hash


def _present(result: Result | None) -> Result:
    assert result is not None, "every request of a finished batch has a result"
    return result

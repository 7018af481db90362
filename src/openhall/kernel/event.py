"""Commands, events, the envelope they travel in, and the chain that binds them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any, Generic, TypeVar, Union

import msgspec

from openhall.kernel.refusal import Refusal, RefusalText

CHAIN_START = bytes(32)
"""The hash before the first event of a stream."""

SYSTEM = "system"
"""The actor of what happens by the clock alone."""


class StreamId(msgspec.Struct, frozen=True, order=True):
    """One place on one business day: the unit of order, of writing and of the hash chain."""

    place: str
    day: date

    def __str__(self) -> str:
        return f"{self.place}/{self.day.isoformat()}"

    @classmethod
    def parse(cls, text: str) -> StreamId:
        """Read back what `str` wrote; ValueError when it is no stream."""
        place, _, day = text.rpartition("/")
        if not place:
            raise ValueError(f"Expected PLACE/YYYY-MM-DD, got {text!r}")
        return cls(place, date.fromisoformat(day))


class Command(msgspec.Struct, frozen=True, tag_field="type", tag=True, forbid_unknown_fields=True):
    """What somebody asks for. Each command is a subclass; its class name is its public name."""


class Event(msgspec.Struct, frozen=True, tag_field="type", tag=True, omit_defaults=True):
    """What has happened. Each event is a subclass; its class name is its public name."""


class Request(msgspec.Struct, frozen=True):
    """A command on its way: for which stream, under which id, by whom.

    The same `command_id` on the same stream gets the same answer, for as long as the stream is kept.
    """

    stream: StreamId
    command_id: str
    actor: str
    command: Command


class Stamp(msgspec.Struct, frozen=True):
    """When, by whom and as the how-manieth something happens in its stream."""

    seq: int
    at_ms: int
    actor: str


class Recorded(msgspec.Struct, frozen=True):
    """An event as the log keeps it.

    `position` counts over the whole log (from 1, gaps possible), `seq` within the stream (from 1, no gaps).
    `body` is the event's own JSON, kept to the byte because the hash covers it.
    """

    position: int
    stream: StreamId
    seq: int
    room: str
    type: str
    version: int
    at_ms: int
    actor: str
    command_id: str
    body: bytes
    hash: bytes

    @property
    def stamp(self) -> Stamp:
        """The part that `apply` may look at."""
        return Stamp(self.seq, self.at_ms, self.actor)


def chain_hash(
    before: bytes,
    *,
    stream: StreamId,
    seq: int,
    room: str,
    type_: str,
    version: int,
    at_ms: int,
    actor: str,
    command_id: str,
    body: bytes,
) -> bytes:
    """SHA-256 over the hash before and every recorded field.

    Each field is led by its length, so that none can run into the next.
    """
    digest = hashlib.sha256(before)
    for part in (
        str(stream).encode(),
        b"%d" % seq,
        room.encode(),
        type_.encode(),
        b"%d" % version,
        b"%d" % at_ms,
        actor.encode(),
        command_id.encode(),
        body,
    ):
        digest.update(b"%d:" % len(part))
        digest.update(part)
    return digest.digest()


class Answer(msgspec.Struct, frozen=True):
    """What an accepted command did: its events, and the stream's length after it."""

    seq: int
    events: tuple[Event, ...]


S = TypeVar("S")
Upcast = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Room(Generic[S]):
    """A room as a decider: a state, how to decide a command, how an event changes the state.

    `decide(state, command, now)` changes nothing and answers with events or a Refusal.
    `apply(state, event, stamp)` changes the state that the writer owns and cannot fail on an event that
    `decide` produced. `fork(state)` copies it. `check(state)` lists broken invariants, for `openhall verify`.
    `upcasts[(type, version)]` turns the body of an old event into the next version's.
    """

    name: str
    initial: Callable[[StreamId], S]
    decide: Callable[[S, Any, Stamp], Sequence[Event] | Refusal]
    apply: Callable[[S, Any, Stamp], None]
    fork: Callable[[S], S]
    check: Callable[[S], Sequence[str]]
    commands: tuple[type[Command], ...]
    events: tuple[type[Event], ...]
    refusals: dict[str, RefusalText]
    versions: dict[str, int] = field(default_factory=dict)
    upcasts: dict[tuple[str, int], Upcast] = field(default_factory=dict)

    @cached_property
    def event_decoder(self) -> msgspec.json.Decoder[Event]:
        """Reads the JSON body of any of this room's events, at the current version."""
        return msgspec.json.Decoder(Union[self.events])  # noqa: UP007

    def version_of(self, type_: str) -> int:
        """The version in which this room writes an event type today."""
        return self.versions.get(type_, 1)

    def read(self, type_: str, version: int, body: bytes) -> Event:
        """An event from its stored body, brought up from whatever version it was written in."""
        current = self.version_of(type_)
        if version == current:
            return self.event_decoder.decode(body)
        fields: dict[str, Any] = msgspec.json.decode(body)
        for step in range(version, current):
            fields = self.upcasts[(type_, step)](fields)
        return self.event_decoder.decode(msgspec.json.encode(fields))

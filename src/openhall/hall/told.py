"""What the twin tells the hall: values that are in commands, events and the state alike.

All durations are whole milliseconds. `low` and `high` are the 10 % and 90 % points of the simulated futures
and `middle` their median.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from openhall.network.model import Channel

_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
_OptionalId = Annotated[str, msgspec.Meta(max_length=64)]
_Duration = Annotated[int, msgspec.Meta(ge=0, le=7 * 86_400_000)]
_Difference = Annotated[int, msgspec.Meta(ge=-(10**12), le=10**12)]
_Moment = Annotated[int, msgspec.Meta(ge=0, le=4_102_444_800_000)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=100_000)]

FromPost = Literal["", "lobby", "guard", "remote", "break", "gap", "travel"]
"""What somebody does before a move; empty for nothing in particular."""

MoveKind = Literal["open", "close", "offer", "lunch", "borrow"]

WaitSource = Literal["twin", "pace", "typical", "none"]
"""From the twin; from the last half hour's calls; from the services' usual times; or no open counter, so no
promise."""


class TicketWait(msgspec.Struct, frozen=True):
    """How long a waiting ticket will go on waiting for its call."""

    ticket_id: _Id
    low_ms: _Duration
    middle_ms: _Duration
    high_ms: _Duration


class JoiningWait(msgspec.Struct, frozen=True):
    """How long somebody who joined now would wait."""

    service_id: _Id
    class_code: _Id
    low_ms: _Duration
    middle_ms: _Duration
    high_ms: _Duration


class RoomLeft(msgspec.Struct, frozen=True):
    """How many more people can still be served today with the bank's stated probability [C10]."""

    by_closing: _Count
    with_overtime: _Count


class ToldAtIssue(msgspec.Struct, frozen=True):
    """What a customer was told on taking the ticket."""

    low_ms: int
    middle_ms: int
    high_ms: int
    source: WaitSource


class Told(msgspec.Struct, frozen=True):
    """What a ticket was told last, as moments of its call, ms since the epoch."""

    told_ms: int
    low_at_ms: int
    middle_at_ms: int
    high_at_ms: int


class Move(msgspec.Struct, frozen=True):
    """Something that could be done, by whom, where and when, and what it is worth [D5].

    `open`: this person sits down at this counter, `from_ms` (0: now) until `until_ms` (0: for the rest of the
    day's plan), coming from `from_post`. `close`: the counter is let go. `offer`: another way for one
    customer. `lunch`: the person's meal break is moved to these times. `borrow`: a colleague of `from_branch`
    is asked for, who would be there at `from_ms`.

    `saved_ms` is the mean over the simulated futures of the time that people would wait beyond the limit
    within the horizon without the move, less that with it; `saved_low_ms` and `saved_high_ms` are its 10 %
    and 90 % points, and `error_ms` the standard error of the mean. Closing a counter saves less than
    nothing: it costs.
    """

    kind: MoveKind
    saved_ms: _Difference
    saved_low_ms: _Difference
    saved_high_ms: _Difference
    error_ms: _Difference
    counter_id: _OptionalId = ""
    person_id: _OptionalId = ""
    ticket_id: _OptionalId = ""
    channel: Channel | None = None
    from_ms: _Moment = 0
    until_ms: _Moment = 0
    from_post: FromPost = ""
    from_branch: _OptionalId = ""

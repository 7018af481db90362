"""What the bench asks of its client process, and what it hears back: one JSON line each way."""

from __future__ import annotations

import msgspec


class Seat(msgspec.Struct, frozen=True):
    """A counter that a client works at, and the token that it signs in with."""

    branch: str
    counter: str
    token: str


class Connect(msgspec.Struct, frozen=True, tag=True):
    """Open a group of keep-alive connections, one for each list of seats; they stay open under the name."""

    group: str
    seats: list[list[Seat]]


class Run(msgspec.Struct, frozen=True, tag=True):
    """Keep a group busy for so long: the no-op, or the mix of issue, call, start and finish.

    For no time: go on to the end of the round.
    """

    group: str
    seconds: float
    is_noop: bool


class Drain(msgspec.Struct, frozen=True, tag=True):
    """Issue tickets from some kiosks at once, then let every counter press Next until nobody waits."""

    branch: str
    counters: list[str]
    token: str
    tickets_count: int
    kiosks_count: int


class Listen(msgspec.Struct, frozen=True, tag=True):
    """Open that many event streams of one branch, and say so once each has its first beat."""

    branch: str
    token: str
    listeners_count: int


class Tell(msgspec.Struct, frozen=True, tag=True):
    """Make events, one after another, each once every open stream has the one before."""

    branch: str
    token: str
    events_count: int


class Hang(msgspec.Struct, frozen=True, tag=True):
    """Close the event streams."""


Job = Connect | Run | Drain | Listen | Tell | Hang


class Done(msgspec.Struct, frozen=True, tag=True):
    """A job without figures is done."""


class Ran(msgspec.Struct, frozen=True, tag=True):
    """What a group did. `latencies_us` has one entry an operation; `refused` counts answers but 200."""

    seconds: float
    latencies_us: list[int]
    refused: int
    client_cpu_seconds: float


class Drained(msgspec.Struct, frozen=True, tag=True):
    """What the clients of a drain were told: numbers on tickets, tickets called, time of each Next."""

    numbers: list[str]
    called: list[str]
    next_us: list[list[int]]
    """For each counter the time of each of its calls."""
    refused: int


Report = Done | Ran | Drained

encode = msgspec.json.encode
job_decoder = msgspec.json.Decoder(Job)
report_decoder = msgspec.json.Decoder(Report)

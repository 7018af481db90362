"""What the soak asks of the processes that play its people and its listeners: one JSON line each way."""

from __future__ import annotations

import time

import msgspec

from openhall.app.clocks import LapseClock
from openhall.cli.bench.soak_bank import Post


class Pace(msgspec.Struct, frozen=True):
    """The hall's time, the same in every process of the soak: this moment of the day at that one of ours."""

    start_ms: int
    since_s: float
    """By the machine's monotonic clock."""
    speed: float

    def clock(self) -> LapseClock:
        """A clock of this pace; before `since_s` it is earlier than `start_ms`."""
        gone_ms = (time.monotonic() - self.since_s) * self.speed * 1_000
        return LapseClock(self.start_ms + int(gone_ms), speed=self.speed)


class Play(msgspec.Struct, frozen=True, tag=True):
    """Be the customers and the staff of these branches from now on."""

    port: int
    posts: list[Post]
    pace: Pace
    surge: float
    seed: int


class Listen(msgspec.Struct, frozen=True, tag=True):
    """Open so many event streams, spread over the branches."""

    port: int
    posts: list[Post]
    count: int


class Mark(msgspec.Struct, frozen=True, tag=True):
    """Measure from now on."""


class Stop(msgspec.Struct, frozen=True, tag=True):
    """Ask for nothing more, wait for what was asked, and report."""


class Compare(msgspec.Struct, frozen=True, tag=True):
    """Compare what each listener has heard with the log's positions by branch, and report."""

    positions: dict[str, list[int]]
    wait_seconds: float


Job = Play | Listen | Mark | Stop | Compare


class Done(msgspec.Struct, frozen=True, tag=True):
    """A job without figures is done."""


class Called(msgspec.Struct, frozen=True, array_like=True):
    """An answer to somebody who pressed Next, or called a ticket."""

    branch: str
    seq: int
    ticket_id: str
    counter_id: str


class Played(msgspec.Struct, frozen=True, tag=True):
    """What the people were told since the mark; `called` and `faults` since the beginning."""

    latencies_us: list[int]
    cpu_seconds: float
    refused: dict[str, int]
    """Refusals by code: people look at their screens and sometimes press too late."""
    again: dict[str, int]
    """Answers after which the same command was sent again, by status."""
    tickets_before: int
    """Issued before the mark."""
    called: list[Called]
    faults: list[str]


class Heard(msgspec.Struct, frozen=True, tag=True):
    """What the listeners got, since the beginning."""

    deliveries: int
    missed: int
    """Positions of the log that a listener did not get, over all listeners."""
    repeated: int
    """Positions that a listener got again, or behind a later one."""
    resyncs: int
    broken: int
    """Streams that the server ended."""
    cpu_seconds: float


Report = Done | Played | Heard

encode = msgspec.json.encode
job_decoder = msgspec.json.Decoder(Job)
report_decoder = msgspec.json.Decoder(Report)

"""Whatever fails, is retried or restarted: does the book keep what it said?"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from openhall.kernel.clock import ManualClock
from openhall.kernel.event import Answer, Command, Recorded, Request
from openhall.kernel.refusal import Refusal
from openhall.kernel.trouble import Trouble
from openhall.log.book import Book
from openhall.log.verify import verify
from tests.faulty_store import FaultyStore
from tests.toy_room import (
    BACK_GATE,
    GATE,
    MORNING_MS,
    Break,
    Enter,
    Leave,
    Look,
    Turnstile,
    ask,
    turnstile,
)

CAPACITY_COUNT = 6
STREAMS = (GATE, BACK_GATE)

commands: st.SearchStrategy[Command] = st.one_of(
    st.builds(Enter, st.integers(0, 4)),
    st.just(Leave()),
    st.just(Look()),
    st.builds(Break, st.sampled_from(["decide", "apply"])),
)
# Few ids, so that retries, also with another body, are common.
requests = st.builds(
    lambda command, id_, stream: ask(command, f"c{id_}", stream=stream),
    commands,
    st.integers(0, 12),
    st.sampled_from(STREAMS),
)
Step = list[Request] | Literal["before", "after", "mend", "restart", "back", "on", "unload"]
steps: st.SearchStrategy[Step] = st.one_of(
    st.lists(requests, min_size=1, max_size=6),
    st.sampled_from(["before", "after", "mend", "restart", "back", "on", "unload"]),
)


class Porter:
    """Carries out the steps and holds the book to every answer that it gives."""

    def __init__(self) -> None:
        self.room = turnstile(CAPACITY_COUNT)
        self.store = FaultyStore()
        self.clock = ManualClock(MORNING_MS)
        self.said: dict[tuple[object, str, Command], Answer | Refusal] = {}
        self.open()

    def open(self, streams_loaded_max: int = 10) -> None:
        self.heard: list[int] = []
        self.book = Book(self.store, [self.room], self.clock, streams_loaded_max=streams_loaded_max)
        self.opened_at = self.store.head()
        self.book.listen(self.hear)

    def hear(self, events: Sequence[Recorded]) -> None:
        self.heard.extend(event.position for event in events)

    def do(self, step: Step) -> None:
        match step:
            case "before" | "after":
                self.store.fault = step
            case "mend":
                self.store.fault = None
            case "restart":
                self.open()
            case "unload":
                self.open(streams_loaded_max=1)
            case "back":
                self.clock.advance(-4_000)
            case "on":
                self.clock.advance(60_000)
            case asked:
                assert isinstance(asked, list)
                self.ask(asked)
        self.check()

    def ask(self, asked: Sequence[Request]) -> None:
        for request, result in zip(asked, self.book.execute_many(asked), strict=True):
            key = (request.stream, request.command_id, request.command)
            if isinstance(result, Trouble):
                continue
            if isinstance(result, Refusal) and result.code == "command_id_reused":
                assert key not in self.said, "a retry is no reuse"
                continue
            assert self.said.setdefault(key, result) == result, "the same id gets the same answer"
            assert self.store.outcome(request.stream, request.command_id) is not None

    def check(self) -> None:
        """After every step: kept means kept, and screens show what is kept, no more."""
        report = verify(self.store, [self.room], is_each_command_checked=True)
        assert report.is_sound, report.faults
        expected = range(self.opened_at + 1, self.opened_at + 1 + len(self.heard))
        assert self.heard == list(expected), "each event once, in order"
        assert self.book.position == self.opened_at + len(self.heard) <= self.store.head()
        for stream in STREAMS:
            state: Turnstile = self.book.committed(stream, "turnstile")
            assert 0 <= state.inside_count <= CAPACITY_COUNT
            assert state.passed_count == self.book.committed_seq(stream)

    def finish(self) -> None:
        """The faults stop: everything goes on, and nothing that was said is unsaid."""
        self.store.fault = None
        self.clock.advance(60_000)
        self.do([ask(Look(), "last", stream=stream) for stream in STREAMS])
        assert self.book.position == self.store.head()
        self.open()
        for (stream, command_id, command), answer in self.said.items():
            assert isinstance(stream, type(GATE))
            assert self.book.execute(ask(command, command_id, stream=stream)) == answer


@settings(max_examples=150, deadline=None)
@given(st.lists(steps, max_size=30))
def test_what_was_acknowledged_stays_and_what_failed_left_nothing_half_done(script: list[Step]) -> None:
    logging.disable(logging.CRITICAL)  # the faults are meant
    try:
        porter = Porter()
        for step in script:
            porter.do(step)
        porter.finish()
    finally:
        logging.disable(logging.NOTSET)

"""Do all stores behave alike? A further one is a line in `STORES`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path

import msgspec
import pytest

from openhall.kernel.event import CHAIN_START, Recorded, StreamId
from openhall.kernel.refusal import Refusal
from openhall.log.memory import MemoryStore
from openhall.log.sqlite import SqliteStore
from openhall.log.store import READ_PAGE_EVENTS, Outcome, Store, Tail
from openhall.log.troubles import LogConflict
from tests.toy_room import BACK_GATE, GATE, MORNING_MS

STORES: dict[str, Callable[[Path], Store]] = {
    "memory": lambda _: MemoryStore(),
    "sqlite": lambda folder: SqliteStore.open(folder / "hall.db"),
}


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made = STORES[request.param](tmp_path)
    yield made
    if isinstance(made, SqliteStore):
        made.close()


def entered(seq: int, stream: StreamId = GATE, body: bytes = b'{"type":"Entered"}') -> Recorded:
    return Recorded(
        position=0,
        stream=stream,
        seq=seq,
        room="turnstile",
        type="Entered",
        version=1,
        at_ms=MORNING_MS + seq,
        actor="porter",
        command_id=f"c{seq}",
        body=body,
        hash=CHAIN_START,
    )


def run(first: int, last: int, stream: StreamId = GATE) -> list[Recorded]:
    return [entered(seq, stream) for seq in range(first, last + 1)]


def accepted(command_id: str, stream: StreamId = GATE) -> Outcome:
    return Outcome(stream, command_id, b"\x00\xff" * 16, MORNING_MS, first_seq=1, last_seq=2)


def seqs(events: Iterator[Recorded] | Sequence[Recorded]) -> list[int]:
    return [event.seq for event in events]


def test_an_empty_log_has_no_head_no_streams_and_no_tail(store: Store) -> None:
    assert store.head() == 0
    assert list(store.streams()) == []
    assert list(store.read()) == []
    assert store.tail(GATE) is None
    assert store.outcome(GATE, "c1") is None
    assert list(store.outcomes(GATE)) == []


def test_events_are_read_back_to_the_byte_with_their_positions(store: Store) -> None:
    body = '{"name":"王小明 \\u0000 \\"quoted\\" 🎫"}'.encode()
    written = [entered(1, body=body), entered(2)]
    assert store.commit(written, []) == 2
    expected = [msgspec.structs.replace(event, position=i) for i, event in enumerate(written, 1)]
    assert list(store.read()) == expected


def test_positions_go_on_across_streams_and_commits(store: Store) -> None:
    store.commit([entered(1), entered(1, BACK_GATE)], [])
    head = store.commit([entered(2)], [])
    assert head == store.head() == 3
    assert [(event.position, event.stream, event.seq) for event in store.read()] == [
        (1, GATE, 1),
        (2, BACK_GATE, 1),
        (3, GATE, 2),
    ]


def test_a_commit_of_outcomes_alone_moves_no_position(store: Store) -> None:
    store.commit([entered(1)], [])
    assert store.commit([], [accepted("c9")]) == 1
    assert store.commit([], []) == 1


def test_reading_can_start_after_a_position_and_stop_at_a_limit(store: Store) -> None:
    store.commit(run(1, 9), [])
    assert seqs(store.read(after=4)) == [5, 6, 7, 8, 9]
    assert seqs(store.read(after=4, limit=2)) == [5, 6]
    assert seqs(store.read(limit=0)) == []
    assert seqs(store.read(after=9)) == []


def test_one_stream_is_read_without_the_others(store: Store) -> None:
    for seq in range(1, 5):
        store.commit([entered(seq), entered(seq, BACK_GATE)], [])
    assert {event.stream for event in store.read(stream=GATE)} == {GATE}
    assert seqs(store.read(stream=GATE)) == [1, 2, 3, 4]
    assert seqs(store.read(stream=GATE, after=3, limit=2)) == [3, 4]


def test_a_place_is_read_over_its_days_and_not_its_namesakes(store: Store) -> None:
    tuesday = StreamId("gate", date(2026, 1, 6))
    namesakes = [StreamId(place, GATE.day) for place in ("gate-2", "gat", "gate/inner", "gate0", "gate.")]
    for stream in (GATE, *namesakes, tuesday):
        store.commit([entered(1, stream)], [])
    assert [event.stream for event in store.read(place="gate")] == [GATE, tuesday]
    assert [event.stream for event in store.read(place="gate", limit=2)] == [GATE, tuesday]


def test_reading_goes_over_the_edge_of_a_page(store: Store) -> None:
    count = READ_PAGE_EVENTS + 1
    store.commit(run(1, count), [accepted(f"c{i:05}") for i in range(count)])
    assert seqs(store.read()) == list(range(1, count + 1))
    assert seqs(store.read(stream=GATE)) == list(range(1, count + 1))
    assert seqs(store.read(place="gate")) == list(range(1, count + 1))
    assert len(list(store.outcomes(GATE))) == count


def test_a_page_that_is_exactly_full_is_not_read_twice(store: Store) -> None:
    store.commit(run(1, READ_PAGE_EVENTS), [])
    assert len(list(store.read())) == READ_PAGE_EVENTS
    assert len(list(store.read(stream=GATE))) == READ_PAGE_EVENTS


def test_a_stretch_of_a_stream_has_both_its_ends(store: Store) -> None:
    store.commit(run(1, 9), [])
    assert seqs(store.read_seqs(GATE, 3, 5)) == [3, 4, 5]
    assert store.read_seqs(GATE, 6, 5) == []


def test_the_tail_is_the_last_event(store: Store) -> None:
    store.commit(run(1, 3), [])
    assert store.tail(GATE) == Tail(3, MORNING_MS + 3, CHAIN_START)
    assert store.tail(BACK_GATE) is None


def test_outcomes_come_back_as_they_were_given(store: Store) -> None:
    refused = Outcome(
        GATE,
        "c2",
        b"\x01" * 32,
        MORNING_MS,
        refusal=Refusal("full", "门口", {"inside_count": 7, "why": "满"}),
    )
    store.commit(run(1, 2), [refused, accepted("c1")])
    assert store.outcome(GATE, "c1") == accepted("c1")
    assert store.outcome(GATE, "c2") == refused
    assert store.outcome(BACK_GATE, "c1") is None
    assert list(store.outcomes(GATE)) == [accepted("c1"), refused]


def test_streams_are_listed_once_also_those_that_only_refused(store: Store) -> None:
    store.commit(run(1, 2), [accepted("c1", BACK_GATE)])
    assert list(store.streams()) == [BACK_GATE, GATE]


@pytest.mark.parametrize(
    ("events", "outcomes"),
    [
        pytest.param([entered(1)], [], id="a sequence number that is taken"),
        pytest.param([entered(3), entered(3)], [], id="one sequence number twice in a commit"),
        pytest.param([entered(3)], [accepted("c1")], id="a command that was answered before"),
        pytest.param([entered(3)], [accepted("c3"), accepted("c3")], id="one command twice in a commit"),
        pytest.param(
            [entered(1, BACK_GATE), entered(2)], [accepted("c3")], id="the conflict is not the first"
        ),
    ],
)
def test_a_conflict_keeps_nothing_of_the_commit(
    store: Store, events: list[Recorded], outcomes: list[Outcome]
) -> None:
    store.commit(run(1, 2), [accepted("c1")])
    with pytest.raises(LogConflict) as caught:
        store.commit(events, outcomes)
    assert caught.value.code == "log_conflict"
    assert store.head() == 2
    assert seqs(store.read()) == [1, 2]
    assert list(store.outcomes(GATE)) == [accepted("c1")]
    assert store.commit([entered(3)], []) == 3


def test_a_reader_that_began_before_a_commit_is_not_disturbed_by_it(store: Store) -> None:
    store.commit(run(1, 3), [])
    reading = store.read()
    assert next(reading).seq == 1
    store.commit([entered(4)], [])
    assert seqs(reading)[:2] == [2, 3]


def test_a_ping_leaves_no_trace_in_the_log(store: Store) -> None:
    store.commit(run(1, 2), [])
    store.ping()
    store.ping(is_durable=True)
    store.ping(is_durable=True)
    assert store.head() == 2
    assert store.check_integrity() == []

"""Is the book right: what is decided, kept, shown and repeated?"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest

from openhall.kernel.clock import HOUR_MS, ManualClock
from openhall.kernel.event import (
    CHAIN_START,
    Answer,
    Command,
    Event,
    Recorded,
    Room,
    Stamp,
    StreamId,
    chain_hash,
)
from openhall.kernel.refusal import Refusal
from openhall.log.answered import FRESH_AT_MOST
from openhall.log.book import CLOCK_STEP_BACK_MAX_MS, REFUSALS, STREAM_UNUSED_MS, Book
from openhall.log.memory import MemoryStore
from openhall.log.troubles import (
    ClockMovedBack,
    CommandFailed,
    DatabaseIO,
    DiskFull,
    EventUnreadable,
    LogConflict,
)
from openhall.log.verify import verify
from tests.faulty_store import FaultyStore
from tests.toy_room import (
    BACK_GATE,
    GATE,
    MORNING_MS,
    TURNSTILE,
    Break,
    Broken,
    Enter,
    Entered,
    Knock,
    Leave,
    Left,
    Look,
    Turnstile,
    ask,
    turnstile,
)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(MORNING_MS)


@pytest.fixture
def store() -> FaultyStore:
    return FaultyStore()


@pytest.fixture
def book(store: FaultyStore, clock: ManualClock) -> Book:
    return Book(store, [TURNSTILE], clock)


def inside(book: Book, stream: StreamId = GATE) -> int:
    state: Turnstile = book.committed(stream, "turnstile")
    return state.inside_count


def test_an_accepted_command_is_kept_applied_and_answered(book: Book, store: FaultyStore) -> None:
    assert book.execute(ask(Enter(2), "c1")) == Answer(2, (Entered(), Entered()))
    assert [(event.seq, event.type, event.version, event.actor) for event in store.read()] == [
        (1, "Entered", 2, "porter"),
        (2, "Entered", 2, "porter"),
    ]
    assert inside(book) == 2


def test_each_event_holds_the_hash_of_the_one_before(book: Book, store: FaultyStore) -> None:
    book.execute(ask(Enter(2), "c1"))
    book.execute(ask(Leave(), "c2"))
    before = CHAIN_START
    for event in store.read():
        before = chain_hash(
            before,
            stream=event.stream,
            seq=event.seq,
            room=event.room,
            type_=event.type,
            version=event.version,
            at_ms=event.at_ms,
            actor=event.actor,
            command_id=event.command_id,
            body=event.body,
        )
        assert event.hash == before


def test_a_batch_is_one_commit_and_each_command_sees_the_one_before(book: Book, store: FaultyStore) -> None:
    results = book.execute_many([ask(Leave(), "c1"), ask(Enter(), "c2"), ask(Leave(), "c3")])
    assert results == [Refusal("nobody_inside", "gate"), Answer(1, (Entered(),)), Answer(2, (Left(),))]
    assert store.commit_count == 1


def test_a_command_that_changes_nothing_is_accepted_and_remembered(book: Book, store: FaultyStore) -> None:
    assert book.execute(ask(Look(), "c1")) == Answer(0, ())
    book.execute(ask(Enter(), "c2"))
    assert Book(store, [TURNSTILE], ManualClock(MORNING_MS)).execute(ask(Look(), "c1")) == Answer(0, ())


def test_streams_do_not_touch_each_other(book: Book) -> None:
    book.execute_many([ask(Enter(3), "c1"), ask(Enter(), "c1", stream=BACK_GATE)])
    assert (inside(book), inside(book, BACK_GATE)) == (3, 1)
    assert book.committed_seq(GATE) == 3


def test_two_rooms_share_a_stream_its_numbers_and_its_chain(store: FaultyStore, clock: ManualClock) -> None:
    class Ring(Command, frozen=True, tag="Ring"):
        """Somebody rings."""

    class Rang(Event, frozen=True, tag="Rang"):
        """The bell rang."""

    def apply(heard: list[int], _: Event, stamp: Stamp) -> None:
        heard.append(stamp.seq)

    bell: Room[list[int]] = Room(
        name="bell",
        initial=lambda _: [],
        decide=lambda *_: [Rang()],
        apply=apply,
        fork=list,
        check=lambda _: [],
        commands=(Ring,),
        events=(Rang,),
        refusals={},
    )
    rooms: list[Room[Any]] = [TURNSTILE, bell]
    book = Book(store, rooms, clock)
    book.execute_many([ask(Enter(), "c1"), ask(Ring(), "c2"), ask(Leave(), "c3"), ask(Ring(), "c4")])
    assert [event.room for event in store.read()] == ["turnstile", "bell", "turnstile", "bell"]
    for reader in (book, Book(store, rooms, clock)):
        assert reader.committed(GATE, "bell") == [2, 4]
        assert inside(reader) == 0
    assert verify(store, rooms).is_sound


# The same id again ----------------------------------------------------------------------------------


def test_the_same_command_again_gets_the_same_answer_and_changes_nothing(book: Book) -> None:
    first = book.execute(ask(Enter(2), "c1"))
    book.execute(ask(Leave(), "c2"))
    assert book.execute(ask(Enter(2), "c1")) == first
    assert inside(book) == 1


def test_the_same_answer_comes_after_a_restart(book: Book, store: FaultyStore) -> None:
    requests = [ask(Leave(), "c1"), ask(Enter(2), "c2"), ask(Look(), "c3")]
    answers = book.execute_many(requests)
    later = Book(store, [TURNSTILE], ManualClock(MORNING_MS + HOUR_MS))
    assert later.execute_many(requests) == answers
    assert store.head() == 2


def test_a_retry_in_the_same_batch_is_answered_like_its_original(book: Book, store: FaultyStore) -> None:
    first, again = book.execute_many([ask(Enter(), "c1"), ask(Enter(), "c1")])
    assert first == again == Answer(1, (Entered(),))
    assert store.head() == 1


def test_a_refusal_is_repeated_even_when_the_command_would_now_succeed(book: Book) -> None:
    refused = book.execute(ask(Leave(), "c1"))
    book.execute(ask(Enter(), "c2"))
    assert book.execute(ask(Leave(), "c1")) == refused == Refusal("nobody_inside", "gate")


@pytest.mark.parametrize("is_same_batch", [True, False])
def test_an_id_that_is_used_for_something_else_is_refused(book: Book, is_same_batch: bool) -> None:
    reused = Refusal("command_id_reused", "command_id", {"command_id": "c1"})
    requests = [ask(Enter(), "c1"), ask(Enter(2), "c1"), ask(Enter(), "c1", actor="guard")]
    if is_same_batch:
        assert book.execute_many(requests)[1:] == [reused, reused]
    else:
        assert [book.execute(request) for request in requests][1:] == [reused, reused]
    assert inside(book) == 1


def test_the_same_id_on_another_stream_is_another_command(book: Book) -> None:
    book.execute(ask(Enter(), "c1"))
    assert book.execute(ask(Enter(5), "c1", stream=BACK_GATE)).__class__ is Answer


def test_a_command_of_no_room_is_refused_and_not_remembered(book: Book, store: FaultyStore) -> None:
    assert book.execute(ask(Knock(), "c1")) == Refusal("unknown_command", "Knock")
    assert list(store.outcomes(GATE)) == []


def test_the_books_refusals_have_a_sentence_and_a_remedy() -> None:
    assert {"command_id_reused", "unknown_command"} == set(REFUSALS)
    assert all(text.sentence and text.remedy for text in REFUSALS.values())


# Faults in a room -----------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["decide", "apply"])
def test_a_fault_in_a_room_fails_its_command_alone(
    book: Book, store: FaultyStore, where: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        results = book.execute_many([ask(Enter(2), "c1"), ask(Break(where), "c2"), ask(Enter(), "c3")])
    failed = results[1]
    assert isinstance(failed, CommandFailed)
    assert (failed.code, failed.place) == ("command_failed", str(GATE))
    assert [results[0], results[2]] == [Answer(2, (Entered(), Entered())), Answer(3, (Entered(),))]
    assert inside(book) == 3
    assert store.head() == 3
    assert f"a fault in {where}" in caplog.text


def test_a_command_that_failed_by_a_fault_may_be_tried_again(book: Book) -> None:
    for _ in range(2):
        with pytest.raises(CommandFailed):
            book.execute(ask(Break("apply"), "c1"))
    assert inside(book) == 0


def test_an_event_that_its_room_does_not_own_is_never_kept(store: FaultyStore) -> None:
    class Stranger(Event, frozen=True, tag="Stranger"):
        """No event of the turnstile."""

    def decide(*_: object) -> Sequence[Event]:
        return [Stranger()]

    room = Room(
        name="turnstile",
        initial=lambda _: Turnstile(),
        decide=decide,
        apply=TURNSTILE.apply,
        fork=TURNSTILE.fork,
        check=TURNSTILE.check,
        commands=(Enter,),
        events=(Entered,),
        refusals={},
    )
    with pytest.raises(CommandFailed):
        Book(store, [room], ManualClock(MORNING_MS)).execute(ask(Enter(), "c1"))
    assert store.head() == 0


def test_two_rooms_may_not_share_a_name_or_a_command(store: FaultyStore, clock: ManualClock) -> None:
    with pytest.raises(ValueError, match="Expected rooms with names and commands of their own"):
        Book(store, [TURNSTILE, turnstile(5)], clock)


# Commits that fail ----------------------------------------------------------------------------------


def test_nothing_of_a_failed_commit_is_acknowledged_or_shown(book: Book, store: FaultyStore) -> None:
    book.execute(ask(Enter(), "c1"))
    announced: list[Recorded] = []
    book.listen(announced.extend)
    store.fault = "before"
    results = book.execute_many([ask(Enter(), "c2"), ask(Enter(), "c3", stream=BACK_GATE)])
    assert [type(result) for result in results] == [DiskFull, DiskFull]
    assert (inside(book), book.position, announced) == (1, 1, [])


def test_service_resumes_when_the_cause_is_gone(book: Book, store: FaultyStore) -> None:
    book.execute(ask(Enter(), "c1"))
    store.fault = "before"
    for _ in range(3):
        with pytest.raises(DiskFull):
            book.execute(ask(Enter(), "c2"))
    store.fault = None
    assert book.execute(ask(Enter(), "c2")) == Answer(2, (Entered(),))
    assert (inside(book), store.head()) == (2, 2)


def test_a_commit_that_failed_but_was_kept_is_found_and_announced(book: Book, store: FaultyStore) -> None:
    announced: list[Recorded] = []
    book.listen(announced.extend)
    store.fault = "after"
    with pytest.raises(DatabaseIO):
        book.execute(ask(Enter(), "c1"))
    assert announced == []
    store.fault = None
    assert book.execute(ask(Enter(), "c1")) == Answer(1, (Entered(),))
    assert book.execute(ask(Enter(), "c2")) == Answer(2, (Entered(),))
    assert [event.position for event in announced] == [1, 2]
    assert (inside(book), book.position) == (2, 2)


def test_a_retry_of_something_kept_before_is_answered_while_commits_fail(
    book: Book, store: FaultyStore
) -> None:
    kept = book.execute(ask(Enter(), "c1"))
    store.fault = "before"
    results = book.execute_many([ask(Enter(), "c1"), ask(Enter(), "c2"), ask(Enter(), "c2")])
    assert results[0] == kept
    assert [type(result) for result in results[1:]] == [DiskFull, DiskFull]


def test_while_the_store_cannot_be_read_after_a_failure_every_command_gets_the_trouble(
    book: Book, store: FaultyStore
) -> None:
    store.fault = "before"
    book.execute_many([ask(Enter(), "c1")])
    store.fault, store.is_unreadable = None, True
    assert [type(result) for result in book.execute_many([ask(Enter(), "c1"), ask(Look(), "c2")])] == [
        DatabaseIO,
        DatabaseIO,
    ]
    store.is_unreadable = False
    assert book.execute(ask(Enter(), "c1")) == Answer(1, (Entered(),))


def test_a_stream_that_cannot_be_read_does_not_stop_the_others(book: Book, store: FaultyStore) -> None:
    book.execute(ask(Enter(), "c1"))
    store.is_unreadable = True
    unreadable, fine = book.execute_many([ask(Enter(), "c2", stream=BACK_GATE), ask(Enter(), "c2")])
    assert isinstance(unreadable, DatabaseIO)
    assert fine == Answer(2, (Entered(),))


def test_two_writers_of_one_log_are_found_out(store: FaultyStore) -> None:
    clock = ManualClock(MORNING_MS)
    one, other = Book(store, [TURNSTILE], clock), Book(store, [TURNSTILE], clock)
    other.execute(ask(Look(), "c0"))
    one.execute(ask(Enter(), "c1"))
    with pytest.raises(LogConflict):
        other.execute(ask(Enter(), "c2"))
    assert other.execute(ask(Enter(), "c2")) == Answer(2, (Entered(),))
    assert inside(other) == 2


# The clock ------------------------------------------------------------------------------------------


def test_a_small_step_back_of_the_clock_is_absorbed(
    book: Book, clock: ManualClock, store: FaultyStore
) -> None:
    book.execute(ask(Enter(), "c1"))
    clock.advance(-CLOCK_STEP_BACK_MAX_MS)
    book.execute(ask(Enter(), "c2"))
    assert [event.at_ms for event in store.read()] == [MORNING_MS, MORNING_MS]


def test_a_larger_step_back_is_trouble_until_the_clock_has_caught_up(book: Book, clock: ManualClock) -> None:
    book.execute(ask(Enter(), "c1"))
    clock.advance(-CLOCK_STEP_BACK_MAX_MS - 1)
    with pytest.raises(ClockMovedBack) as caught:
        book.execute(ask(Enter(), "c2"))
    assert (caught.value.code, caught.value.place) == ("clock_moved_back", str(GATE))
    assert book.execute(ask(Enter(), "c1")) == Answer(1, (Entered(),)), "a retry needs no clock"
    clock.set(MORNING_MS)
    assert book.execute(ask(Enter(), "c2")) == Answer(2, (Entered(),))


def test_a_clock_that_is_behind_after_a_restart_is_noticed(book: Book, store: FaultyStore) -> None:
    book.execute(ask(Enter(), "c1"))
    with pytest.raises(ClockMovedBack):
        Book(store, [TURNSTILE], ManualClock(MORNING_MS - HOUR_MS)).execute(ask(Enter(), "c2"))


# What readers see -----------------------------------------------------------------------------------


def test_readers_do_not_see_a_batch_before_it_is_on_disk(book: Book, store: FaultyStore) -> None:
    batch = book.prepare([ask(Enter(4), "c1")])
    assert (inside(book), book.committed_seq(GATE)) == (0, 0)
    book.finish(batch, store.commit(batch.events, batch.outcomes))
    assert (inside(book), book.committed_seq(GATE)) == (4, 4)


def test_a_fork_may_be_changed_without_touching_the_hall(book: Book) -> None:
    book.execute(ask(Enter(), "c1"))
    book.fork(GATE, "turnstile").inside_count = 99
    assert inside(book) == 1


def test_listeners_get_each_commit_in_order_and_one_that_fails_harms_nobody(
    book: Book, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: Sequence[Recorded]) -> None:
        raise RuntimeError("a listener stumbles")

    seen: list[tuple[int, int]] = []
    book.listen(fail)
    book.listen(lambda events: seen.extend((event.position, book.committed_seq(GATE)) for event in events))
    with caplog.at_level(logging.ERROR):
        book.execute(ask(Enter(2), "c1"))
    assert seen == [(1, 2), (2, 2)], "a listener finds the committed state up to date"
    assert "a listener stumbles" in caplog.text


def test_a_restart_replays_to_the_same_state(book: Book, store: FaultyStore, clock: ManualClock) -> None:
    for number in range(20):
        book.execute_many([ask(Enter(number % 3), f"e{number}"), ask(Leave(), f"l{number}")])
    again = Book(store, [TURNSTILE], clock)
    assert again.committed(GATE, "turnstile") == book.committed(GATE, "turnstile")
    assert again.position == book.position


def test_an_old_event_is_brought_up_to_the_present_version(store: FaultyStore, clock: ManualClock) -> None:
    body = b'{"type":"Entered","n":7}'
    recorded = Recorded(0, GATE, 1, "turnstile", "Entered", 1, MORNING_MS, "porter", "c1", body, CHAIN_START)
    store.commit([recorded], [])
    assert inside(Book(store, [TURNSTILE], clock)) == 7


@pytest.mark.parametrize(
    ("room", "type_", "version", "body"),
    [
        pytest.param("ballroom", "Entered", 2, b'{"type":"Entered"}', id="a room of a newer release"),
        pytest.param("turnstile", "Danced", 1, b'{"type":"Danced"}', id="an event of a newer release"),
        pytest.param("turnstile", "Entered", 0, b'{"type":"Entered"}', id="a version without an upcast"),
        pytest.param("turnstile", "Entered", 2, b'{"type":', id="half an event"),
    ],
)
def test_an_event_that_cannot_be_read_is_named(
    store: FaultyStore, clock: ManualClock, room: str, type_: str, version: int, body: bytes
) -> None:
    store.commit(
        [Recorded(0, GATE, 1, room, type_, version, MORNING_MS, "porter", "c1", body, CHAIN_START)], []
    )
    with pytest.raises(EventUnreadable, match="position 1") as caught:
        Book(store, [TURNSTILE], clock).execute(ask(Enter(), "c2"))
    assert caught.value.place == str(GATE)


def test_an_event_that_is_on_disk_has_happened_even_if_it_cannot_be_applied(
    store: FaultyStore, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    book = Book(store, [TURNSTILE], clock)
    batch = book.prepare([ask(Enter(), "c1")])
    batch.decoded[0] = Broken()
    with caplog.at_level(logging.ERROR):
        answers = book.finish(batch, store.commit(batch.events, batch.outcomes))
    assert answers == [Answer(1, (Entered(),))]
    assert not book.is_loaded(GATE)
    assert inside(book) == 1, "the replay tells"


def test_beyond_the_limit_the_stream_used_longest_ago_leaves_memory(clock: ManualClock) -> None:
    book = Book(MemoryStore(), [TURNSTILE], clock, streams_loaded_max=2)
    yesterday = StreamId("gate", date(2026, 1, 4))
    book.execute(ask(Enter(), "c1", stream=yesterday))
    book.execute(ask(Enter(), "c1"))
    book.execute(ask(Enter(), "c1", stream=BACK_GATE))
    assert [book.is_loaded(stream) for stream in (GATE, yesterday, BACK_GATE)] == [True, False, True]
    assert book.execute(ask(Enter(), "c2", stream=yesterday)) == Answer(2, (Entered(),))
    assert book.streams_loaded_count == 2


def test_a_day_that_nobody_asks_for_leaves_memory_and_comes_back_when_somebody_does(
    clock: ManualClock,
) -> None:
    book = Book(MemoryStore(), [TURNSTILE], clock)
    yesterday = StreamId(GATE.place, GATE.day - timedelta(days=1))
    book.execute(ask(Enter(), "c1", stream=yesterday))
    book.execute(ask(Enter(), "c1"))
    clock.advance(STREAM_UNUSED_MS + 1)
    assert inside(book, GATE) == 1, "looked at, as an open hall is"
    book.execute(ask(Enter(), "c1", stream=BACK_GATE))
    assert [book.is_loaded(stream) for stream in (yesterday, GATE, BACK_GATE)] == [False, True, True]
    assert inside(book, yesterday) == 1


def test_who_books_on_a_day_to_come_does_not_send_the_hall_of_today_out_of_memory(
    clock: ManualClock,
) -> None:
    """To replay a busy day takes a fifth of a second, in which nobody is called."""
    book = Book(MemoryStore(), [TURNSTILE], clock)
    book.execute(ask(Enter(), "c1"))
    for ahead in range(1, 10):
        book.execute(ask(Enter(), "c1", stream=StreamId(GATE.place, GATE.day + timedelta(days=ahead))))
    assert book.is_loaded(GATE)


def test_a_retry_is_known_however_many_commands_came_between(book: Book) -> None:
    first = book.execute(ask(Enter(), "first"))
    for number in range(3 * FRESH_AT_MOST):
        book.execute(ask(Look(), f"between-{number}"))
    assert book.execute(ask(Enter(), "first")) == first
    assert inside(book) == 1

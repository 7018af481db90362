"""Does verification name the first bad event of each stream, and say what it expected and found?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from pysqlite3 import dbapi2 as sqlite3  # type: ignore[import-untyped]

from openhall.kernel.clock import ManualClock
from openhall.log.book import Book
from openhall.log.memory import MemoryStore
from openhall.log.sqlite import SqliteStore
from openhall.log.verify import Anchor, Report, hash_of, verify
from tests.toy_room import BACK_GATE, GATE, MORNING_MS, TURNSTILE, Enter, Leave, Look, ask

ROOMS = [TURNSTILE]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Two gates with five events each, a refusal and a command without effect."""
    path = tmp_path / "hall.db"
    clock = ManualClock(MORNING_MS)
    with SqliteStore.open(path) as store:
        book = Book(store, ROOMS, clock)
        for stream in (GATE, BACK_GATE):
            book.execute(ask(Leave(), "too early", stream=stream))
            for number in range(5):
                clock.advance(1_000)
                book.execute(ask(Enter() if number < 4 else Leave(), f"c{number}", stream=stream))
            book.execute(ask(Look(), "look", stream=stream))
    return path


@pytest.fixture
def store(database: Path) -> Iterator[SqliteStore]:
    with SqliteStore.open_to_read(database) as opened:
        yield opened


def tamper(database: Path, statement: str, **values: object) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(statement, {"gate": str(GATE), "back_gate": str(BACK_GATE), **values})
        connection.commit()


def only_fault(report: Report) -> tuple[str, str, int, int]:
    (fault,) = report.faults
    assert str(fault)
    return fault.code, fault.stream, fault.seq, fault.position


def test_a_sound_log_is_counted_and_its_ends_are_printed(store: SqliteStore) -> None:
    report = verify(store, ROOMS, is_each_command_checked=True)
    assert report.is_sound
    assert (report.streams_count, report.events_count, report.outcomes_count) == (2, 10, 14)
    tail = store.tail(GATE)
    assert tail is not None
    assert report.anchors[1] == Anchor(str(GATE), 5, tail.hash.hex())


def test_an_empty_log_is_sound() -> None:
    assert verify(MemoryStore(), ROOMS) == Report(0, 0, 0, (), ())


def test_progress_is_told(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openhall.log.verify.PROGRESS_EVERY_EVENTS", 4)
    told: list[int] = []
    verify(store, ROOMS, progress=told.append)
    assert told == [4, 8]


@pytest.mark.parametrize(
    ("statement", "code", "seq"),
    [
        pytest.param(
            'SET body = CAST(\'{"type":"Entered","people_count":9}\' AS BLOB)', "chain", 3, id="body"
        ),
        pytest.param("SET actor = 'nobody'", "chain", 3, id="actor"),
        pytest.param("SET command_id = 'other'", "chain", 3, id="command id"),
        pytest.param("SET type = 'Left'", "chain", 3, id="type"),
        pytest.param("SET room = 'ballroom'", "chain", 3, id="room"),
        pytest.param("SET version = 3", "chain", 3, id="version"),
        pytest.param("SET hash = zeroblob(32)", "chain", 3, id="hash"),
        pytest.param("SET at_ms = at_ms + 500", "chain", 3, id="a later time"),
        pytest.param("SET at_ms = at_ms - 5000", "time", 3, id="an earlier time"),
        pytest.param("SET seq = 33", "seq", 4, id="a number out of the row"),
        pytest.param("SET position = 99", "position", 4, id="a position out of the row"),
    ],
)
def test_a_change_of_any_field_is_found_at_its_event(
    database: Path, store: SqliteStore, statement: str, code: str, seq: int
) -> None:
    tamper(database, f"UPDATE events {statement} WHERE stream = :gate AND seq = 3")
    found_code, stream, found_seq, _ = only_fault(verify(store, ROOMS))
    assert (found_code, stream, found_seq) == (code, str(GATE), seq)
    assert verify(store).faults, "the rooms are not needed to see it"


def test_a_removed_event_leaves_a_gap(database: Path, store: SqliteStore) -> None:
    tamper(database, "DELETE FROM events WHERE stream = :back_gate AND seq = 2")
    report = verify(store, ROOMS)
    assert only_fault(report) == ("seq", str(BACK_GATE), 3, 8)
    assert (report.faults[0].expected, report.faults[0].found) == ("2", "3")
    assert report.events_count == 6, "the other stream was read to its end"


def test_two_exchanged_events_are_found(database: Path, store: SqliteStore) -> None:
    for old, new in ((2, 99), (3, 2), (99, 3)):
        tamper(database, "UPDATE events SET seq = :new WHERE stream = :gate AND seq = :old", new=new, old=old)
    assert only_fault(verify(store, ROOMS))[:3] == ("chain", str(GATE), 2)


def test_a_cut_off_end_shows_in_the_answers_that_remain(database: Path, store: SqliteStore) -> None:
    tamper(database, "DELETE FROM events WHERE stream = :gate AND seq = 5")
    assert only_fault(verify(store, ROOMS))[:2] == ("outcome", str(GATE))


def test_an_end_cut_off_with_its_answers_shows_only_against_an_anchor(
    database: Path, store: SqliteStore
) -> None:
    """The limit of a hash chain, kept here so that nobody promises more."""
    anchors = verify(store, ROOMS).anchors
    tamper(database, "DELETE FROM events WHERE stream = :gate AND seq = 5")
    tamper(database, "DELETE FROM commands WHERE stream = :gate AND last_seq = 5")
    assert verify(store, ROOMS).is_sound
    assert only_fault(verify(store, ROOMS, anchors=anchors))[:2] == ("anchor", str(GATE))


def test_a_stream_that_is_gone_shows_only_against_an_anchor(database: Path, store: SqliteStore) -> None:
    anchors = verify(store, ROOMS).anchors
    tamper(database, "DELETE FROM events WHERE stream = :gate")
    tamper(database, "DELETE FROM commands WHERE stream = :gate")
    assert verify(store, ROOMS).is_sound
    assert only_fault(verify(store, ROOMS, anchors=anchors)) == ("anchor", str(GATE), 0, 0)


def test_a_wrong_anchor_is_named_with_its_event(store: SqliteStore) -> None:
    report = verify(store, ROOMS, anchors=[Anchor(str(GATE), 4, "00" * 32)])
    assert only_fault(report) == ("anchor", str(GATE), 4, 4)


def test_an_older_anchor_still_holds(store: SqliteStore) -> None:
    (event,) = store.read_seqs(GATE, 2, 2)
    assert verify(store, ROOMS, anchors=[Anchor(str(GATE), 2, event.hash.hex())]).is_sound


def test_an_answer_without_its_event_and_an_event_without_an_answer_are_found(
    database: Path, store: SqliteStore
) -> None:
    tamper(database, "DELETE FROM commands WHERE stream = :gate AND command_id = 'c2'")
    report = verify(store, ROOMS)
    assert only_fault(report)[:2] == ("outcome", str(GATE))
    assert (report.faults[0].expected, report.faults[0].found) == ("5 events in answers", "4 events")


def rewrite(database: Path, body: str) -> None:
    """Somebody who can write the file changes event 3 and recomputes every hash after it."""
    tamper(database, "UPDATE events SET body = :body WHERE stream = :gate AND seq = 3", body=body.encode())
    with SqliteStore.open_to_read(database) as store:
        before = bytes(32)
        for event in store.read(stream=GATE):
            before = hash_of(before, event)
            tamper(
                database,
                "UPDATE events SET hash = :hash WHERE position = :at",
                hash=before,
                at=event.position,
            )


@pytest.mark.parametrize(("is_each_command_checked", "seq"), [(True, 3), (False, 5)])
def test_a_rewritten_chain_that_breaks_an_invariant_is_found(
    database: Path, store: SqliteStore, is_each_command_checked: bool, seq: int
) -> None:
    rewrite(database, '{"type":"Entered","people_count":-50}')
    report = verify(store, ROOMS, is_each_command_checked=is_each_command_checked)
    assert only_fault(report) == ("invariant", str(GATE), seq, seq)
    assert verify(store).is_sound, "the chain alone cannot know"


@pytest.mark.parametrize(
    ("body", "code"), [('{"type":"Danced"}', "unreadable"), ('{"type":"Broken"}', "invariant")]
)
def test_an_event_that_no_room_can_take_is_found(
    database: Path, store: SqliteStore, body: str, code: str
) -> None:
    rewrite(database, body)
    assert only_fault(verify(store, ROOMS)) == (code, str(GATE), 3, 3)


def test_a_stream_without_a_readable_name_is_found(database: Path, store: SqliteStore) -> None:
    tamper(database, "UPDATE events SET stream = 'gate/someday' WHERE stream = :gate AND seq = 5")
    assert ("unreadable", "gate/someday") in {(f.code, f.stream) for f in verify(store, ROOMS).faults}


def test_a_damaged_index_is_found_by_the_file_itself(database: Path, store: SqliteStore) -> None:
    with closing(sqlite3.connect(database)) as connection:
        page, size = (
            connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'sqlite_autoindex_events_1'"),
            connection.execute("PRAGMA page_size"),
        )
        offset = (page.fetchone()[0] - 1) * size.fetchone()[0]
    with database.open("r+b") as file:
        file.seek(offset + 3)
        file.write(b"\x00\x02")  # the index page says that it holds two entries
    assert any(fault.code == "integrity" for fault in verify(store, ROOMS).faults)

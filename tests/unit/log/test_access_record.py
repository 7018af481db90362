"""Can somebody who writes to the database change, shorten or empty the access record without being seen?"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from openhall.kernel.clock import DAY_MS, HOUR_MS, ManualClock
from openhall.log import access_record as module
from openhall.log.access_record import AccessRecord, Entry, RecordFault
from openhall.log.keys import KEY_BYTES, KeyRing
from openhall.log.schema import access_record as table
from openhall.log.sqlite import SqliteStore
from openhall.log.troubles import LogTrouble

START_MS = 1_800_000_000_000
KEYS = KeyRing([b"k" * KEY_BYTES])
OTHER_KEYS = KeyRing([b"o" * KEY_BYTES])


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START_MS)


@pytest.fixture
def record(store: SqliteStore, clock: ManualClock) -> AccessRecord:
    """Five rows; the first says that the end is kept under a seal from there on."""
    made = AccessRecord(store, clock, KEYS)
    write(made, store, clock, 4)
    return made


def write(record: AccessRecord, store: SqliteStore, clock: ManualClock, count: int) -> None:
    for _ in range(count):
        clock.advance(HOUR_MS)
        with store.transaction() as connection:
            record.note(connection, "signed_in", actor="mei", account="mei", branch="north")


def tamper(store: SqliteStore, *changes: str) -> None:
    """What somebody does who has the file and no scruples."""
    with store.transaction() as connection:
        for table in ("access_record", "access_record_cuts"):
            for change in ("update", "delete"):
                connection.execute(text(f"DROP TRIGGER IF EXISTS {table}_{change}"))
        for each in changes:
            connection.execute(text(each))


def rows(record: AccessRecord) -> list[Entry]:
    return list(reversed(record.entries()))


def test_a_new_record_begins_with_its_seal_and_is_whole(record: AccessRecord) -> None:
    assert [entry.action for entry in rows(record)] == ["chain_sealed", *["signed_in"] * 4]
    assert record.faults() == []
    assert record.fault_at_end() is None


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE access_record SET actor = 'nobody'",
        "DELETE FROM access_record",
        "DELETE FROM access_record WHERE id = 5",
        "UPDATE access_record_cuts SET count = 0",
    ],
)
def test_the_record_is_only_added_to(record: AccessRecord, store: SqliteStore, change: str) -> None:
    record.trim(START_MS + 2 * HOUR_MS)
    with pytest.raises(LogTrouble, match="only added to"), store.transaction() as connection:
        connection.execute(text(change))
    assert record.faults() == []


@pytest.mark.parametrize(
    ("change", "row", "code", "why"),
    [
        ("UPDATE access_record SET actor = 'nobody' WHERE id = 2", 2, "changed", "another name in a row"),
        ("DELETE FROM access_record WHERE id = 2", 2, "missing", "a row taken out"),
        ("DELETE FROM access_record WHERE id < 3", 1, "missing", "the beginning taken away"),
        ("DELETE FROM access_record WHERE id > 3", 4, "cut_off", "the end cut off"),
        ("DELETE FROM access_record", 1, "cut_off", "everything taken away"),
        ("UPDATE access_record SET hash = x'00' WHERE id = 5", 5, "changed", "the last row's hash"),
        ("UPDATE access_record_head SET last_id = 4", 5, "forged", "the head moved without the key"),
        ("UPDATE access_record_head SET seal = x'00'", 5, "forged", "a seal that is none"),
    ],
)
def test_whoever_takes_the_triggers_away_is_found(
    record: AccessRecord, store: SqliteStore, change: str, row: int, code: str, why: str
) -> None:
    tamper(store, change)
    assert record.faults()[0] == RecordFault(row, code), why  # type: ignore[arg-type]


@given(keep=st.integers(0, 4), then=st.integers(1, 3))
@settings(max_examples=10, deadline=None)
def test_an_end_that_was_cut_off_shows_for_good_whatever_is_written_afterwards(
    tmp_path_factory: pytest.TempPathFactory, keep: int, then: int
) -> None:
    clock = ManualClock(START_MS)
    with SqliteStore.open(tmp_path_factory.mktemp("cut") / "bank.db") as store:
        record = AccessRecord(store, clock, KEYS)
        write(record, store, clock, 4)
        tamper(store, f"DELETE FROM access_record WHERE id > {keep}")  # noqa: S608 - a number
        assert record.fault_at_end() == RecordFault(keep + 1, "cut_off")
        write(record, store, clock, then)
        assert record.faults() == [RecordFault(keep + 1, "missing")], "nobody closes the gap"
        assert rows(record)[-1].id == 5 + then, "numbers go on"


def test_an_end_cut_off_with_its_head_shows_because_it_is_sealed_a_second_time(
    record: AccessRecord, store: SqliteStore, clock: ManualClock
) -> None:
    tamper(store, "DELETE FROM access_record WHERE id > 3", "DELETE FROM access_record_head")
    write(record, store, clock, 1)
    assert record.faults() == [RecordFault(4, "sealed_again")]


def test_a_head_made_without_the_key_is_not_believed(
    record: AccessRecord, store: SqliteStore, clock: ManualClock
) -> None:
    tamper(store, "DELETE FROM access_record WHERE id > 3")
    forger = AccessRecord(store, clock, OTHER_KEYS)
    write(forger, store, clock, 1)
    assert forger.fault_at_end() is None
    assert record.fault_at_end() == RecordFault(5, "forged")


def test_a_key_that_was_rotated_goes_on_fitting(store: SqliteStore, clock: ManualClock) -> None:
    write(AccessRecord(store, clock, KEYS), store, clock, 2)
    rotated = AccessRecord(store, clock, KeyRing([b"n" * KEY_BYTES, b"k" * KEY_BYTES]))
    write(rotated, store, clock, 1)
    assert rotated.faults() == []


def test_rows_of_an_older_release_are_taken_over_under_one_seal(
    record: AccessRecord, store: SqliteStore, clock: ManualClock
) -> None:
    tamper(store, "DELETE FROM access_record_head", "DELETE FROM access_record")
    before = module.CHAIN_START
    for number in (1, 2):
        entry = Entry(number, START_MS, "mei", "signed_in", "mei", "", "", "")
        before = module._hash(before, entry)
        with store.transaction() as connection:
            values = {name: getattr(entry, name) for name in Entry.__struct_fields__} | {"hash": before}
            connection.execute(table.insert().values(values))
    assert record.fault_at_end() is None
    write(record, store, clock, 1)
    assert [entry.action for entry in rows(record)] == ["signed_in", "signed_in", "chain_sealed", "signed_in"]
    assert record.faults() == []
    record.trim(clock.now_ms())
    assert record.faults() == [], "also once the rows of before are gone"


def test_a_fault_that_was_looked_into_is_on_record_and_not_reported_again(
    record: AccessRecord, store: SqliteStore
) -> None:
    tamper(store, "DELETE FROM access_record WHERE id > 3")
    assert not record.accept(2, "command-line"), "there is none"
    assert record.accept(4, "command-line")
    assert record.faults() == []
    assert record.fault_at_end() is None
    assert [(e.action, e.actor, e.detail) for e in rows(record)[-1:]] == [
        ("fault_accepted", "command-line", "4")
    ]
    tamper(store, "UPDATE access_record SET actor = 'x' WHERE id = 2")
    assert record.faults() == [RecordFault(2, "changed")], "the next one is"


def test_an_accepted_forged_head_is_whole_again(record: AccessRecord, store: SqliteStore) -> None:
    tamper(store, "UPDATE access_record_head SET seal = x'00'")
    assert record.accept(5, "command-line")
    assert record.faults() == []


# -- time passing -----------------------------------------------------------------------------------------


def test_what_is_too_old_goes_and_the_rest_still_fits(
    record: AccessRecord, store: SqliteStore, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TRIM_ROWS", 2)
    assert record.trim(START_MS + 3 * HOUR_MS) == 3, "the seal and two rows, in two steps"
    assert [(e.id, e.action, e.detail) for e in rows(record)] == [
        (4, "signed_in", ""),
        (5, "signed_in", ""),
        (6, "record_trimmed", "2"),
        (7, "record_trimmed", "1"),
    ]
    assert record.faults() == []
    write(record, store, clock, 2)
    assert record.faults() == []
    assert record.trim(START_MS + 3 * HOUR_MS) == 0


def test_a_record_that_is_too_old_as_a_whole_still_says_what_became_of_it(
    record: AccessRecord, clock: ManualClock
) -> None:
    clock.advance(4_000 * DAY_MS)
    assert record.trim(clock.now_ms()) == 5
    assert {entry.action for entry in rows(record)} == {"record_trimmed"}
    assert record.faults() == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("UPDATE access_record_cuts SET last_id = 4", "forged"),
        ("UPDATE access_record_cuts SET count = 9", "forged"),
        ("DELETE FROM access_record_cuts", "missing"),
        ("DELETE FROM access_record WHERE id = 4", "missing"),
    ],
)
def test_more_than_the_statement_covers_cannot_be_taken_away(
    record: AccessRecord, store: SqliteStore, change: str, code: str
) -> None:
    record.trim(START_MS + 3 * HOUR_MS)
    tamper(store, change)
    assert record.faults()[0].code == code


def test_rows_with_a_fault_among_them_are_kept_as_evidence(record: AccessRecord, store: SqliteStore) -> None:
    tamper(store, "UPDATE access_record SET actor = 'nobody' WHERE id = 2")
    assert record.trim(START_MS + 3 * HOUR_MS) == 0
    assert len(rows(record)) == 5


def test_an_anchor_is_missed_when_its_row_is_and_not_when_it_was_too_old(
    record: AccessRecord, store: SqliteStore, clock: ManualClock
) -> None:
    early = record.end()
    write(record, store, clock, 3)
    late = record.end()
    assert record.holds(early)
    record.trim(START_MS + 5 * HOUR_MS)
    assert record.holds(early)
    assert record.holds(late)
    tamper(store, "DELETE FROM access_record WHERE id >= 8", "DELETE FROM access_record_head")
    assert not record.holds(late)


def test_an_older_database_put_back_is_whole_by_itself_and_missed_by_an_anchor(
    record: AccessRecord, store: SqliteStore, clock: ManualClock, tmp_path: Path
) -> None:
    """The limit that heads kept elsewhere are for."""
    store.copy_into(tmp_path / "older.db")
    write(record, store, clock, 3)
    anchor = record.end()
    store.close()
    shutil.copy(tmp_path / "older.db", tmp_path / "put-back.db")
    with closing(sqlite3.connect(tmp_path / "put-back.db")) as connection:
        assert connection.execute("SELECT count(*) FROM access_record").fetchone() == (5,)
    with SqliteStore.open(tmp_path / "put-back.db") as older:
        again = AccessRecord(older, clock, KEYS)
        assert again.faults() == []
        assert not again.holds(anchor)

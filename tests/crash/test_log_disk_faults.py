"""Does trouble with the file give a clear error, leave nothing half done, and pass when its cause is gone?"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from pysqlite3 import dbapi2 as sqlite3  # type: ignore[import-untyped]

from openhall.kernel.clock import ManualClock
from openhall.kernel.event import Answer, Request
from openhall.log.book import Book
from openhall.log.migrate import HEAD_REVISION
from openhall.log.sqlite import SqliteSettings, SqliteStore, check_sqlite_version
from openhall.log.troubles import (
    AlreadyOpen,
    DatabaseCorrupt,
    DatabaseIO,
    DatabaseLocked,
    DiskFull,
    LogTrouble,
    SchemaMissing,
    SchemaNewer,
    SqliteTooOld,
)
from openhall.log.verify import verify
from tests.crash import disk
from tests.toy_room import GATE, MORNING_MS, TURNSTILE, Enter, ask

IMPATIENT = SqliteSettings(busy_timeout_ms=10)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "hall.db"


@contextmanager
def opened(database: Path) -> Iterator[tuple[SqliteStore, Book]]:
    with SqliteStore.open(database, IMPATIENT) as store:
        yield store, Book(store, [TURNSTILE], ManualClock(MORNING_MS))


def crowd(name: str) -> list[Request]:
    return [ask(Enter(100), f"{name}-{number}") for number in range(20)]


def assert_untouched(store: SqliteStore, book: Book, events_count: int) -> None:
    """Nothing of the failed commit is on the disk or on a screen."""
    assert {store.head(), book.position, book.committed_seq(GATE)} == {events_count}
    assert verify(store, [TURNSTILE]).is_sound


def assert_clear(trouble: LogTrouble, code: str, place: Path) -> None:
    assert (trouble.code, trouble.place) == (code, str(place))
    assert str(trouble)
    assert trouble.remedy != LogTrouble.remedy


def test_a_full_database_refuses_and_goes_on_when_there_is_room(database: Path) -> None:
    with opened(database) as (store, book):
        book.execute(ask(Enter(), "before"))
        with store.transaction() as connection:
            limit = connection.exec_driver_sql("PRAGMA max_page_count").scalar_one()
            connection.exec_driver_sql("PRAGMA max_page_count = 1")  # SQLite takes the present size
        results = book.execute_many(crowd("full"))
        for trouble in results:
            assert isinstance(trouble, DiskFull)
            assert_clear(trouble, "disk_full", database)
        assert_untouched(store, book, 1)
        with store.transaction() as connection:
            connection.exec_driver_sql(f"PRAGMA max_page_count = {limit}")
        assert all(isinstance(answer, Answer) for answer in book.execute_many(crowd("full")))
        assert store.head() == 2_001


@pytest.mark.skipif(shutil.which("gcc") is None, reason="the disk's shim is built with gcc")
@pytest.mark.parametrize(("letter", "code"), [("W", "disk_full"), ("S", "database_io")])
def test_a_write_or_a_sync_that_the_system_refuses_is_not_acknowledged(
    database: Path, tmp_path: Path, letter: str, code: str
) -> None:
    shim = disk.build_shim(tmp_path)
    fault = tmp_path / "fault"
    with subprocess.Popen(
        disk.porter("stubbornly", str(database)),
        cwd=disk.ROOT,
        env=disk.environment(shim, tmp_path, tmp_path / "journal"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None

        def enter(command_id: str) -> str:
            assert child.stdin is not None
            assert child.stdout is not None
            child.stdin.write(f"{command_id}\n".encode())
            child.stdin.flush()
            return child.stdout.readline().decode().strip()

        assert enter("c1") == "ok 1 1"
        fault.write_text(letter)
        assert [enter("c2"), enter("c3")] == [f"{code} 1", f"{code} 1"]
        fault.unlink()
        assert [enter("c2"), enter("c2"), enter("c3")] == ["ok 2 2", "ok 2 2", "ok 3 3"]
        child.stdin.close()
    with SqliteStore.open(database) as store:
        assert verify(store, [TURNSTILE]).is_sound


def test_a_locked_database_refuses_and_goes_on_when_it_is_let_go(database: Path) -> None:
    with opened(database) as (store, book), closing(sqlite3.connect(database)) as other:
        book.execute(ask(Enter(), "before"))
        other.execute("BEGIN IMMEDIATE")
        (trouble,) = book.execute_many([ask(Enter(), "during")])
        assert isinstance(trouble, DatabaseLocked)
        assert_clear(trouble, "database_locked", database)
        with pytest.raises(DatabaseLocked):
            store.ping()
        assert_untouched(store, book, 1)
        other.rollback()
        store.ping()
        assert book.execute(ask(Enter(), "during")).__class__ is Answer


def test_a_corrupt_page_is_named_and_other_pages_still_serve(database: Path) -> None:
    with opened(database) as (store, book):
        for number in range(20):
            book.execute_many(crowd(f"c{number}"))
    with closing(sqlite3.connect(database)) as connection:
        size = connection.execute("PRAGMA page_size").fetchone()[0]
        root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'events'").fetchone()[0]
    with database.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(os.urandom(size))
    with SqliteStore.open_to_read(database) as store:
        with pytest.raises(DatabaseCorrupt) as caught:
            list(store.read())
        assert_clear(caught.value, "database_corrupt", database)
        assert store.outcome(GATE, "c1-1") is not None
        assert {fault.code for fault in verify(store, [TURNSTILE]).faults} == {"integrity"}
    with SqliteStore.open(database) as store, pytest.raises(DatabaseCorrupt):
        Book(store, [TURNSTILE], ManualClock(MORNING_MS)).execute(ask(Enter(), "next"))


def test_a_file_that_is_no_database_is_left_as_it_is(database: Path) -> None:
    database.write_text("A shopping list, not a bank. " * 400)
    with pytest.raises(DatabaseCorrupt) as caught:
        SqliteStore.open(database)
    assert_clear(caught.value, "database_corrupt", database)
    assert database.read_text().startswith("A shopping list")


def test_a_database_of_something_else_is_left_as_it_is(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE shopping (item)")
    for open_ in (SqliteStore.open, SqliteStore.open_to_read):
        with pytest.raises(SchemaMissing) as caught:
            open_(database)
        assert_clear(caught.value, "schema_missing", database)
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("shopping",)]


def test_a_database_of_a_newer_release_is_left_alone(database: Path) -> None:
    with SqliteStore.open(database) as store, store.transaction() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    for open_ in (SqliteStore.open, SqliteStore.open_to_read):
        with pytest.raises(SchemaNewer, match=rf"9999.*{HEAD_REVISION}") as caught:
            open_(database)
        assert_clear(caught.value, "schema_newer", database)


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatabaseIO, match="No such file") as caught:
        SqliteStore.open(tmp_path / "nowhere" / "hall.db")
    assert "nowhere" in caught.value.place


def test_a_second_server_is_told_who_holds_the_database(database: Path) -> None:
    with subprocess.Popen(
        disk.porter("hold", str(database)), cwd=disk.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        with pytest.raises(AlreadyOpen, match=f"process {holder.pid}$") as caught:
            SqliteStore.open(database)
        assert_clear(caught.value, "already_open", database)
        with SqliteStore.open_to_read(database) as reader:
            assert reader.head() == 0, "verify and backup may still look"
            with pytest.raises(DatabaseIO, match="opened to read"):
                reader.commit([], [])
        holder.kill()
    with opened(database) as (_, book):
        assert book.execute(ask(Enter(), "after")) == Answer(1, (TURNSTILE.events[0](),))


def test_a_database_that_was_closed_can_be_opened_again(database: Path) -> None:
    with SqliteStore.open(database):
        pass
    with SqliteStore.open(database):
        pass
    assert database.stat().st_mode & 0o077 == 0


def test_an_old_library_of_sqlite_is_refused() -> None:
    with pytest.raises(SqliteTooOld, match=r"3\.40\.1 is in use, 3\.51\.3 or newer"):
        check_sqlite_version((3, 40, 1))
    check_sqlite_version()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"synchronous": "SOMETIMES"}, "Expected synchronous EXTRA, FULL, NORMAL or OFF"),
        ({"busy_timeout_ms": -1}, "Expected busy_timeout_ms of 0 or more"),
        ({"read_connections_count": 0}, "Expected read_connections_count of 1 or more"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SqliteSettings(**settings)  # type: ignore[arg-type]

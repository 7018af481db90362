"""Is a backup whole, made beside a running writer, and does a restore replace nothing by something worse?"""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from openhall.kernel.clock import ManualClock
from openhall.log.backup import backup, restore
from openhall.log.book import Book
from openhall.log.sqlite import SqliteStore
from openhall.log.troubles import AlreadyOpen, BackupTrouble, DatabaseCorrupt, SchemaMissing
from tests.toy_room import MORNING_MS, TURNSTILE, Enter, ask

ROOMS = [TURNSTILE]


def enter(store: SqliteStore, first: int, last: int) -> None:
    book = Book(store, ROOMS, ManualClock(MORNING_MS))
    for number in range(first, last + 1):
        book.execute(ask(Enter(), f"c{number}"))


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "hall.db"
    with SqliteStore.open(path) as store:
        enter(store, 1, 20)
    return path


def head(path: Path) -> int:
    with SqliteStore.open_to_read(path) as store:
        return store.head()


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_backup_beside_a_busy_writer_is_one_moment_of_the_log(database: Path, tmp_path: Path) -> None:
    with SqliteStore.open(database) as store:
        is_enough = threading.Event()

        def serve() -> None:
            book = Book(store, ROOMS, ManualClock(MORNING_MS))
            number = 0
            while not is_enough.is_set():
                number += 1
                book.execute(ask(Enter(), f"busy {number}"))

        server = threading.Thread(target=serve)
        server.start()
        try:
            reports = [backup(database, tmp_path / f"copy{i}.db", ROOMS) for i in range(5)]
        finally:
            is_enough.set()
            server.join()
    counts = [report.report.events_count for report in reports]
    assert all(report.report.is_sound and report.size_bytes > 0 for report in reports)
    assert counts == sorted(counts)
    assert counts[0] >= 20


def test_a_backup_leaves_only_itself_behind(database: Path, tmp_path: Path) -> None:
    (tmp_path / "safe").mkdir()
    made = backup(database, tmp_path / "safe")
    assert made.path == str(tmp_path / "safe" / "hall.db")
    assert files(tmp_path / "safe") == {"hall.db"}
    assert (tmp_path / "safe" / "hall.db").stat().st_mode & 0o077 == 0, "it holds what the bank holds"


def test_an_older_backup_is_overwritten_only_when_forced(database: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    backup(database, target)
    with SqliteStore.open(database) as store:
        enter(store, 21, 25)
    with pytest.raises(BackupTrouble, match="only when forced"):
        backup(database, target)
    assert head(target) == 20
    backup(database, target, is_forced=True)
    assert head(target) == 25


def test_a_database_is_no_target_for_its_own_backup(database: Path) -> None:
    with pytest.raises(BackupTrouble, match="the database itself"):
        backup(database, database, is_forced=True)


def test_a_backup_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SchemaMissing):
        backup(tmp_path / "none.db", tmp_path / "copy.db")
    assert files(tmp_path) == set()


def test_a_backup_of_a_tampered_log_is_refused(database: Path, tmp_path: Path) -> None:
    with SqliteStore.open(database) as store, store.transaction() as connection:
        connection.exec_driver_sql("UPDATE events SET actor = 'nobody' WHERE seq = 7")
    with pytest.raises(BackupTrouble, match="seq 7"):
        backup(database, tmp_path / "copy.db", ROOMS)
    assert not (tmp_path / "copy.db").exists()


def test_a_restore_brings_the_saved_moment_back_and_keeps_the_old_file(
    database: Path, tmp_path: Path
) -> None:
    saved = tmp_path / "saved.db"
    backup(database, saved)
    with SqliteStore.open(database) as store:
        enter(store, 21, 30)
    restored = restore(saved, database, ROOMS)
    assert restored.report.events_count == head(database) == 20
    assert restored.kept_aside is not None
    assert head(Path(restored.kept_aside)) == 30
    with SqliteStore.open(database) as store:
        enter(store, 21, 22)
        assert store.head() == 22
    again = restore(saved, database)
    assert again.kept_aside != restored.kept_aside


def test_the_write_ahead_log_of_a_killed_server_stays_with_its_own_database(
    database: Path, tmp_path: Path
) -> None:
    saved = tmp_path / "saved.db"
    backup(database, saved)
    store = SqliteStore.open(database)
    enter(store, 21, 30)
    names = ("hall.db", "hall.db-wal", "hall.db-shm")
    left_behind = {name: (tmp_path / name).read_bytes() for name in names}
    store.close()
    for name, content in left_behind.items():
        (tmp_path / name).write_bytes(content)
    restored = restore(saved, database, ROOMS)
    assert head(database) == 20
    assert restored.kept_aside is not None
    assert head(Path(restored.kept_aside)) == 30


def test_a_restore_where_there_is_no_database_yet(database: Path, tmp_path: Path) -> None:
    fresh = tmp_path / "fresh.db"
    assert restore(database, fresh, ROOMS).kept_aside is None
    assert head(fresh) == 20


def test_a_restore_is_refused_while_a_server_holds_the_database(database: Path, tmp_path: Path) -> None:
    saved = tmp_path / "saved.db"
    backup(database, saved)
    with SqliteStore.open(database), pytest.raises(AlreadyOpen):
        restore(saved, database)


def test_a_damaged_backup_replaces_nothing(database: Path, tmp_path: Path) -> None:
    saved = tmp_path / "saved.db"
    backup(database, saved)
    content = bytearray(saved.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    saved.write_bytes(content)
    with pytest.raises((BackupTrouble, DatabaseCorrupt)):
        restore(saved, database, ROOMS)
    assert head(database) == 20
    assert {name for name in files(tmp_path) if "restore" in name or "part" in name} == set()

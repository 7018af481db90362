"""Does a database of the first release open under this one, with every event readable?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from pysqlite3 import dbapi2  # type: ignore[import-untyped]
from sqlalchemy import inspect

from openhall.kernel.clock import HOUR_MS, ManualClock
from openhall.kernel.event import Answer
from openhall.log import learned, migrate
from openhall.log.book import Book
from openhall.log.ownership import Ownership
from openhall.log.schema import metadata
from openhall.log.sqlite import SqliteSettings, SqliteStore
from openhall.log.verify import verify
from openhall.science.habits import assumed_habits
from tests.toy_room import BACK_GATE, GATE, MORNING_MS, TURNSTILE, Enter, Entered, Left, ask

FIRST_SCHEMA = Path(__file__).with_name("first_schema.sql")


@pytest.fixture
def old_database(tmp_path: Path) -> Path:
    """The file that a bank brings along from the first release."""
    path = tmp_path / "hall.db"
    with closing(dbapi2.connect(path)) as connection:
        connection.executescript(FIRST_SCHEMA.read_text(encoding="utf-8"))
    return path


@pytest.fixture
def upgraded(old_database: Path) -> Iterator[SqliteStore]:
    with SqliteStore.open(old_database) as store:
        yield store


def test_a_database_of_the_first_release_is_brought_up_to_date(upgraded: SqliteStore) -> None:
    with upgraded.reading() as connection:
        assert migrate.revision_of(connection) == migrate.HEAD_REVISION
        assert set(inspect(connection).get_table_names()) == {*metadata.tables, "alembic_version"}


def test_its_chain_and_its_answers_still_hold(upgraded: SqliteStore) -> None:
    report = verify(upgraded, [TURNSTILE], is_each_command_checked=True)
    assert report.is_sound, report.faults
    assert (report.streams_count, report.events_count, report.outcomes_count) == (2, 8, 10)


def test_it_takes_what_is_learned_from_now_on(upgraded: SqliteStore) -> None:
    habits = assumed_habits("gate", [("pass", 60_000)], ["ordinary"])
    assert learned.latest(upgraded, "gate") is None
    kept, _ = learned.keep(upgraded, habits, now_ms=1)
    assert learned.latest(upgraded, "gate") == kept


def test_its_old_events_are_read_in_their_present_version(upgraded: SqliteStore) -> None:
    book = Book(upgraded, [TURNSTILE], ManualClock(MORNING_MS + HOUR_MS))
    stored = list(upgraded.read(stream=GATE))
    assert stored[0].body == b'{"type":"Entered","n":3}', "the bytes that the hash covers stay as they were"
    assert [book.read_event(event) for event in stored] == [Entered(3), Left(), Entered(2), Entered(1)]
    assert book.committed(BACK_GATE, "turnstile").inside_count == 5


def test_its_commands_get_the_answers_they_had_and_new_events_join_its_chain(upgraded: SqliteStore) -> None:
    book = Book(upgraded, [TURNSTILE], ManualClock(MORNING_MS + HOUR_MS))
    assert book.execute(ask(Enter(3), "c0")) == Answer(1, (Entered(3),))
    assert book.execute(ask(Enter(), "new")) == Answer(5, (Entered(),))
    assert verify(upgraded, [TURNSTILE]).is_sound


def test_it_can_be_looked_at_before_it_is_upgraded(old_database: Path) -> None:
    with SqliteStore.open_to_read(old_database) as store:
        assert verify(store, [TURNSTILE]).is_sound
        with store.reading() as connection:
            assert migrate.revision_of(connection) == "0001"


def test_an_upgrade_that_fails_leaves_the_database_as_it_was(old_database: Path) -> None:
    with closing(dbapi2.connect(old_database)) as connection:
        connection.execute("CREATE TABLE tickets (mine)")  # in the way of the last revision
    with pytest.raises(Exception, match="tickets"):
        SqliteStore.open(old_database)
    with SqliteStore.open_to_read(old_database) as store, store.reading() as connection:
        assert migrate.revision_of(connection) == "0001"
        assert not inspect(connection).has_table("personal"), "the revision before it was taken back too"


def test_the_schema_in_code_is_the_schema_that_the_revisions_make(tmp_path: Path) -> None:
    with SqliteStore.open(tmp_path / "hall.db") as store, store.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_the_named_revisions_are_the_scripts_in_their_order() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    assert tuple(script.revision for script in scripts.walk_revisions())[::-1] == migrate.REVISIONS


@pytest.mark.parametrize("revision", migrate.REVISIONS)
def test_every_revision_opens_under_this_release(tmp_path: Path, revision: str) -> None:
    path = tmp_path / "hall.db"
    path.touch()
    store = SqliteStore(path, SqliteSettings(), Ownership.take(path))
    with store.transaction() as connection:
        migrate.upgrade(connection, place=str(path), revision=revision)
    store.close()
    with SqliteStore.open(path) as opened, opened.reading() as connection:
        assert migrate.revision_of(connection) == migrate.HEAD_REVISION

"""Does an installation of the release before open under this one, and can one go back?"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
from pysqlite3 import dbapi2  # type: ignore[import-untyped]

from openhall.app.build import ROOMS, App, build
from openhall.app.folder import Folder
from openhall.app.read_models import PROJECTIONS
from openhall.hall.model import HallState
from openhall.kernel.event import StreamId
from openhall.log import migrate, plans
from openhall.log.accounts import SignedIn
from openhall.log.backup import restore
from openhall.log.rebuild import Projector
from openhall.log.sqlite import SqliteStore
from openhall.log.troubles import SchemaNewer
from openhall.log.verify import verify

KEPT = Path(__file__).with_name("previous_release")
BRANCH, DAY, PLANNED = "lanqiao", date(2026, 11, 24), date(2026, 11, 30)
REVISION = "0006"
"""Of the release before."""
PASSWORD = "the password of then"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """The installation as that release left it."""
    found = Folder(tmp_path / "installation")
    shutil.copytree(KEPT / "bank", found.bank)
    found.path.chmod(0o700)
    shutil.copy(KEPT / "openhall.key", found.key)
    found.key.chmod(0o600)
    with closing(dbapi2.connect(found.database)) as connection:
        connection.executescript((KEPT / "openhall.sql").read_text(encoding="utf-8"))
    return found


@pytest.fixture
def upgraded(folder: Folder) -> Iterator[App]:
    app = build(folder)
    yield app
    app.store.close()


def test_it_is_brought_up_to_date_and_every_day_holds_together(upgraded: App) -> None:
    with upgraded.store.reading() as connection:
        assert migrate.revision_of(connection) == migrate.HEAD_REVISION
    report = verify(upgraded.store, ROOMS, is_each_command_checked=True)
    assert report.is_sound, report.faults
    assert (report.streams_count, report.events_count) == (1, 93)


def test_its_day_replays_to_its_end_and_its_tables_are_made_again(upgraded: App) -> None:
    state = upgraded.hall(StreamId(BRANCH, DAY))
    assert isinstance(state, HallState)
    assert state.is_ended
    assert len(state.tickets) > 5
    assert Projector(upgraded.store, ROOMS, PROJECTIONS).rebuild() >= 93


def test_who_was_signed_in_still_is_and_passwords_still_open(upgraded: App) -> None:
    account = upgraded.accounts.who((KEPT / "token.txt").read_text())
    assert account is not None
    assert (account.name, account.role, account.branch) == ("boss", "manager", BRANCH)
    assert isinstance(upgraded.accounts.sign_in("kiosk", PASSWORD), SignedIn)


def test_its_published_plan_is_still_the_plan(upgraded: App) -> None:
    found = plans.published_on(upgraded.store, BRANCH, PLANNED)
    assert found is not None
    assert found.plan.days


def test_a_copy_is_kept_first_and_the_release_before_finds_it_as_it_was(folder: Folder) -> None:
    build(folder).store.close()
    kept = folder.path / f"openhall.db.before-{migrate.HEAD_REVISION}"
    with SqliteStore.open_to_read(kept) as store:
        with store.reading() as connection:
            assert migrate.revision_of(connection) == REVISION
        assert verify(store, ROOMS).is_sound
    assert kept.stat().st_mode & 0o077 == 0, "it holds what the database holds"


def test_going_back_is_restoring_that_copy(folder: Folder) -> None:
    build(folder).store.close()
    restore(folder.path / f"openhall.db.before-{migrate.HEAD_REVISION}", folder.database, ROOMS)
    with SqliteStore.open_to_read(folder.database) as store, store.reading() as connection:
        assert migrate.revision_of(connection) == REVISION, "what the release before opens"


def test_a_database_of_a_later_release_is_refused_and_left_alone(folder: Folder) -> None:
    build(folder).store.close()
    with closing(dbapi2.connect(folder.database)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaNewer) as caught:
        build(folder)
    assert caught.value.code == "schema_newer"
    with closing(dbapi2.connect(folder.database)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("9999",)

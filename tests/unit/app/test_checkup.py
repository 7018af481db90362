"""Does doctor find what is wrong with an installation, and only that?"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from pysqlite3 import dbapi2  # type: ignore[import-untyped]

from openhall.app.build import build
from openhall.app.checkup import Checkup
from openhall.app.clocks import SystemClock
from openhall.app.findings import TEXTS, Finding
from openhall.app.folder import Folder, FolderMissing
from openhall.app.machine import LastBackup, note_backup
from openhall.kernel.clock import DAY_MS, ManualClock
from openhall.kernel.event import SYSTEM
from openhall.log.keys import create_key_file
from openhall.log.ownership import Ownership
from openhall.log.sqlite import SqliteStore
from openhall.log.troubles import DatabaseIO
from openhall.network.sample import sample_files

pytestmark = pytest.mark.unit

ENVIRONMENT = {"OPENHALL_SERVER_IS_NETWORK_TRUSTED": "true", "OPENHALL_DEVICES_SPEECH_PROGRAM": "true"}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    found = Folder(tmp_path / "bank")
    found.create(sample_files())
    build(found).store.close()
    note_backup(found.path, LastBackup(SystemClock().now_ms(), "elsewhere"))
    return found


def look(folder: Folder, **environment: str) -> dict[str, Finding]:
    environ = ENVIRONMENT | {f"OPENHALL_{name}": value for name, value in environment.items()}
    found = Checkup(folder.path, environ, SystemClock(), lambda _: None).findings()
    return {finding.part: finding for finding in found}


def test_nothing_is_wrong_with_a_new_installation(folder: Folder) -> None:
    found = look(folder, SERVER_PORT="0")
    assert {
        f.part: f.code for f in found.values() if f.state != "ok" and f.part not in {"font", "disk"}
    } == {}
    assert {"python", "sqlite", "key", "bank", "zones", "schema", "last_day", "clock"} <= found.keys()


def damage(folder: Folder) -> None:
    body = bytearray(folder.database.read_bytes())
    body[4_096:12_288] = b"\0" * 8_192
    folder.database.write_bytes(bytes(body))


def newer(folder: Folder) -> None:
    with closing(dbapi2.connect(folder.database)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")


def older(folder: Folder) -> None:
    with closing(dbapi2.connect(folder.database)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '0006'")


def stale(folder: Folder) -> None:
    note_backup(folder.path, LastBackup(SystemClock().now_ms() - 3 * DAY_MS, "elsewhere"))


def certified(folder: Folder) -> None:
    (folder.path / "tls").mkdir()
    for name in ("certificate.pem", "key.pem"):
        (folder.path / "tls" / name).write_text("nothing")
        (folder.path / "tls" / name).chmod(0o600)


def another_key(folder: Folder) -> None:
    app = build(folder)
    app.accounts.sign_in("nobody", "a wrong password")
    app.store.close()
    folder.key.unlink()
    create_key_file(folder.key, os.urandom)


@pytest.mark.parametrize(
    ("break_it", "part", "state", "code"),
    [
        (another_key, "key", "failed", "key_other"),
        (lambda f: f.path.chmod(0o755), "folder", "degraded", "folder_open"),
        (lambda f: f.key.chmod(0o644), "key", "failed", "key_wrong"),
        (lambda f: f.key.write_text("no key"), "key", "failed", "key_wrong"),
        (lambda f: (f.path / "openhall.toml").write_text("[sever]"), "settings", "failed", "settings_wrong"),
        (lambda f: (f.bank / "branches.toml").write_text("[["), "bank", "failed", "bank_wrong"),
        (lambda f: f.database.chmod(0o644), "database", "degraded", "database_open"),
        (lambda f: f.database.unlink(), "database", "ok", "database_none"),
        (damage, "database", "failed", "database_damaged"),
        (newer, "schema", "failed", "schema_newer"),
        (older, "schema", "degraded", "schema_older"),
        (lambda f: (f.path / "last-backup.json").unlink(), "backup", "degraded", "backup_none"),
        (stale, "backup", "degraded", "backup_old"),
        (certified, "certificate", "failed", "tls_wrong"),
    ],
)
def test_what_is_broken_is_named(
    folder: Folder, break_it: Callable[[Folder], object], part: str, state: str, code: str
) -> None:
    break_it(folder)
    found = look(folder)[part]
    assert (found.state, found.code) == (state, code)
    assert found.says("en")
    assert found.remedy("zh") != found.remedy("en"), "the remedy is in the reader's language"


@pytest.mark.parametrize(
    ("variable", "value", "part", "code"),
    [
        ("DEVICES_SPEECH_PROGRAM", "no-such-program", "speech", "speech_none"),
        ("DEVICES_FONT", "no-such-font.ttc", "font", "font_none"),
        ("SERVICE_FREE_DISK_MIB", "10000000", "disk", "disk_low"),
        ("SERVER_IS_NETWORK_TRUSTED", "false", "certificate", "tls_none"),
    ],
)
def test_what_the_machine_lacks_is_named(
    folder: Folder, variable: str, value: str, part: str, code: str
) -> None:
    assert look(folder, **{variable: value})[part].code == code


def test_a_port_that_another_program_holds_is_named(folder: Folder) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        found = look(folder, SERVER_PORT=str(other.getsockname()[1]))
    assert found["port"].code == "port_taken"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b'{"is_ok":true}', "fine"),
        (b'{"is_ok":false,"trouble_code":"disk_full"}', "server_ill"),
        (None, "server_silent"),
    ],
)
def test_a_server_that_runs_is_asked(folder: Folder, answer: bytes | None, code: str) -> None:
    held = Ownership.take(folder.database)
    try:
        found = Checkup(folder.path, ENVIRONMENT, SystemClock(), lambda _: answer).findings()
    finally:
        held.release()
    assert next(finding for finding in found if finding.part == "port").code == code


def test_a_clock_behind_the_log_is_named(folder: Folder) -> None:
    ahead = ManualClock(SystemClock().now_ms() + DAY_MS)
    app = build(folder, ahead)

    async def open_a_day() -> None:
        async with app.writer:
            await app.open_day(app.bank.branches[0], SYSTEM)

    asyncio.run(open_a_day())
    app.store.close()
    found = look(folder)["clock"]
    assert (found.state, found.code) == ("failed", "clock_behind")
    assert found.detail["seconds"] > 86_000  # type: ignore[operator]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_of_another_account_is_named(folder: Folder) -> None:
    os.chown(folder.database, 65_534, 65_534)
    found = look(folder)["folder"]
    assert (found.state, found.code, found.detail["place"]) == (
        "failed",
        "folder_foreign",
        str(folder.database),
    )


def test_a_disk_that_takes_nothing_is_not_called_damage(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise DatabaseIO("disk I/O error", place="database")

    monkeypatch.setattr(SqliteStore, "open_to_look", full)
    found = look(folder)["database"]
    assert (found.state, found.code) == ("failed", "database_unread")
    assert "restore" not in found.remedy("en")


def test_a_clock_that_was_never_set_is_named(folder: Folder) -> None:
    found = Checkup(folder.path, ENVIRONMENT, ManualClock(0), lambda _: None).findings()
    assert next(finding for finding in found if finding.part == "clock").code == "clock_wrong"


def test_a_folder_that_is_none_is_trouble(tmp_path: Path) -> None:
    with pytest.raises(FolderMissing):
        Checkup(tmp_path, ENVIRONMENT, SystemClock(), lambda _: None).findings()


def test_every_code_has_words_and_a_remedy() -> None:
    assert all(text.sentence and text.remedy for text in TEXTS.values())

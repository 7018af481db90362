"""Does each kind of finding about a running installation come when it should, and go when it is mended?"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
import trustme
from litestar.testing import TestClient
from pysqlite3 import dbapi2  # type: ignore[import-untyped]

from openhall.access.devices import Device, DisplaySettings
from openhall.app import machine
from openhall.app.build import App, build
from openhall.app.device_desk import Beat
from openhall.app.findings import PARTS, Finding
from openhall.app.folder import Folder
from openhall.app.health import SETTLED_SECONDS, HealthDesk
from openhall.app.machine import LastBackup, note_backup
from openhall.app.settings import Settings, WebhookSettings
from openhall.app.twin_desk import _Desk
from openhall.hall.model.commands import Tick
from openhall.kernel.clock import HOUR_MS, MINUTE_MS, ManualClock
from openhall.kernel.event import SYSTEM, Request, StreamId
from openhall.log.hub import LISTENERS_MAX
from openhall.log.writer import BATCH_MAX, INBOX_MAX
from openhall.network.sample import sample_files
from openhall.review.technical import LEVEL_OF
from openhall.web.site import create_site
from openhall.workers.pool import WorkerDied, Workers
from tests.places import on
from tests.unit.messages.receivers import SECRET

pytestmark = pytest.mark.unit

NOW_MS = on(date(2026, 11, 24), 9)
SETTINGS = Settings(staff=WebhookSettings(url="http://127.0.0.1:9/", secret=SECRET))


Answer = TypeVar("Answer")


class Installation:
    """An App whose clocks are the test's; its writer runs while it is looked at."""

    def __init__(self, folder: Path) -> None:
        place = Folder(folder)
        place.create(sample_files())
        note_backup(place.path, LastBackup(NOW_MS - HOUR_MS, "elsewhere"))
        certify(place.path, days=200)
        self.clock, self.seconds = ManualClock(NOW_MS), 0.0
        self.app: App = build(place, self.clock, workers=Workers(), settings=SETTINGS)
        self.app.wall = self.clock  # type: ignore[assignment]  # people's time is the test's too
        self.app.health = HealthDesk(self.app, lambda: self.seconds)
        self._runner = asyncio.Runner()

    def run(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        return self._runner.run(work)

    def look(self, commands: int = 0) -> dict[str, Finding]:
        """What is found now, by part, while so many commands come."""

        async def found() -> list[Finding]:
            stream = StreamId("wutong", date(2026, 11, 24))
            asked = [
                asyncio.ensure_future(self.app.writer.submit(Request(stream, f"k{n}", SYSTEM, Tick())))
                for n in range(commands)
            ]
            await asyncio.sleep(0)
            findings = await self.app.health.findings()
            await asyncio.gather(*asked)
            return findings

        return {finding.part: finding for finding in self.run(found())}

    def close(self) -> None:
        self.run(self.app.writer.stop())
        self._runner.close()
        self.app.store.close()


def certify(folder: Path, days: int) -> None:
    """A certificate that holds so many days from now on."""
    now = datetime.fromtimestamp(NOW_MS / 1_000, tz=UTC)
    begins, ends = now - timedelta(days=30), now + timedelta(days=days)
    issued = trustme.CA().issue_cert("hall.example.cn", not_before=begins, not_after=ends)
    place = folder / "tls"
    place.mkdir(exist_ok=True)
    for path in (place / "certificate.pem", place / "key.pem"):
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
    (place / "certificate.pem").write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    (place / "key.pem").write_bytes(issued.private_key_pem.bytes())


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Installation]:
    found = Installation(tmp_path / "hall")
    found.run(found.app.writer.start())
    yield found
    found.close()


def test_every_part_of_a_sound_installation_is_in_order(place: Installation) -> None:
    found = place.look()
    assert {each.part: each.code for each in found.values() if each.state != "ok"} == {}
    assert set(found) <= set(PARTS)


def free(mib: int) -> Callable[[Installation, pytest.MonkeyPatch], None]:
    usage = shutil.disk_usage("/")._replace(free=mib * machine.MIB)
    return lambda _, patch: patch.setattr(shutil, "disk_usage", lambda _: usage)


def backup(hours: int) -> Callable[[Installation, pytest.MonkeyPatch], None]:
    return lambda place, _: note_backup(place.app.folder.path, LastBackup(NOW_MS - hours * HOUR_MS, "there"))


def forget_backup(place: Installation, _: pytest.MonkeyPatch) -> None:
    (place.app.folder.path / machine.BACKUP_MARK).unlink()


def certificate(days: int) -> Callable[[Installation, pytest.MonkeyPatch], None]:
    return lambda place, _: certify(place.app.folder.path, days)


def no_certificate(place: Installation, _: pytest.MonkeyPatch) -> None:
    shutil.rmtree(place.app.folder.path / "tls")


def break_key(place: Installation, _: pytest.MonkeyPatch) -> None:
    (place.app.folder.path / "tls" / "key.pem").write_text("no key")


def move(seconds: int) -> Callable[[Installation, pytest.MonkeyPatch], None]:
    return lambda place, _: place.clock.set(NOW_MS + seconds * 1_000)


def fail_messages(count: int) -> Callable[[Installation, pytest.MonkeyPatch], None]:
    def fail(place: Installation, _: pytest.MonkeyPatch) -> None:
        place.app.messages.health["staff"].failures = count

    return fail


def twin_dies(place: Installation, _: pytest.MonkeyPatch) -> None:
    assert place.app.twin is not None
    place.app.twin._trouble = WorkerDied("the worker is gone", place="twin")


def twin_answers(place: Installation, _: pytest.MonkeyPatch) -> None:
    assert place.app.twin is not None
    place.app.twin._trouble = None


def twin_told(minutes: int) -> Callable[[Installation, pytest.MonkeyPatch], None]:
    def told(place: Installation, _: pytest.MonkeyPatch) -> None:
        assert place.app.twin is not None
        stream = StreamId("wutong", date(2026, 11, 24))
        place.app.twin._desks[stream] = _Desk(asked_ms=NOW_MS - minutes * MINUTE_MS)

    return told


def listen(count: int) -> Callable[[Installation, pytest.MonkeyPatch], None]:
    def listening(place: Installation, _: pytest.MonkeyPatch) -> None:
        for _each in range(count):
            place.app.hub.subscribe("wutong")

    return listening


def hang_up(place: Installation, _: pytest.MonkeyPatch) -> None:
    while place.app.hub.listener_count:
        place.app.hub._forget("wutong")


def add_display(place: Installation, _: pytest.MonkeyPatch) -> None:
    """Paired, and not heard of since."""
    desk = place.app.devices
    made = desk.records.make("d7", "wutong", "display", "By the door", DisplaySettings(), by="zhao-minzhi")
    assert isinstance(made, Device)
    coded = desk.records.new_code("d7")
    assert isinstance(coded, tuple)
    assert isinstance(desk.pair(coded[1]), tuple)
    desk._started_ms = 0
    place.clock.set(desk.records.find("d7").paired_ms + MINUTE_MS)  # type: ignore[union-attr]
    place.app.health = HealthDesk(place.app, lambda: 0.0)


def hear_display(place: Installation, _: pytest.MonkeyPatch) -> None:
    made = place.app.devices.records.find("d7")
    assert made is not None
    place.app.devices.hear(made, Beat(sound="ok", voices=("zh", "en")), "")


def cut_record(place: Installation, _: pytest.MonkeyPatch) -> None:
    """Somebody with other tools takes the last row away."""
    place.app.accounts.sign_in("nobody", "a wrong password")
    with dbapi2.connect(place.app.folder.database) as connection:
        triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'access_record'"
        for (name,) in connection.execute(triggers).fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("DELETE FROM access_record WHERE id = (SELECT max(id) FROM access_record)")
    connection.close()


Doing = Callable[[Installation, pytest.MonkeyPatch], None]
ROWS: list[tuple[str, str, str, Doing, Doing | None]] = [
    ("disk", "degraded", "disk_low", free(500), free(100_000)),
    ("disk", "failed", "disk_full", free(10), free(100_000)),
    ("backup", "degraded", "backup_none", forget_backup, backup(1)),
    ("backup", "degraded", "backup_old", backup(37), backup(36)),
    ("clock", "degraded", "clock_jumped", move(6), move(4)),
    ("clock", "failed", "clock_jumped", move(-6), move(0)),
    ("streams", "degraded", "streams_full", listen(LISTENERS_MAX * 9 // 10 + 1), hang_up),
    ("twin", "degraded", "twin_ill", twin_dies, twin_answers),
    ("twin", "degraded", "twin_late", twin_told(6), twin_told(5)),
    ("devices", "degraded", "devices_ill", add_display, hear_display),
    ("messages", "degraded", "messages_ill", fail_messages(3), fail_messages(2)),
    ("certificate", "degraded", "tls_none", no_certificate, certificate(200)),
    ("certificate", "degraded", "tls_soon", certificate(20), certificate(200)),
    ("certificate", "failed", "tls_over", certificate(-1), certificate(200)),
    ("certificate", "failed", "tls_wrong", break_key, certificate(200)),
    ("access_record", "failed", "record_cut_off", cut_record, None),  # nothing brings a row back
]


@pytest.mark.parametrize(
    ("part", "state", "code", "break_it", "mend_it"),
    ROWS,
    ids=[f"{code}-{state}" for _, state, code, *_ in ROWS],
)
def test_a_finding_comes_and_goes(
    place: Installation,
    monkeypatch: pytest.MonkeyPatch,
    part: str,
    state: str,
    code: str,
    break_it: Doing,
    mend_it: Doing | None,
) -> None:
    break_it(place, monkeypatch)
    found = place.look()[part]
    assert (found.state, found.code) == (state, code)
    assert "{" not in found.says("en") + found.says("zh"), "every blank is filled"
    assert found.remedy("en")
    if mend_it is not None:
        mend_it(place, monkeypatch)
        assert place.look()[part].state == "ok"


def test_a_writer_that_does_not_run_is_ill_and_one_with_much_to_do_is_busy(place: Installation) -> None:
    busy = place.look(commands=BATCH_MAX + INBOX_MAX // 10 + 1)["writer"]
    assert (busy.state, busy.code) == ("degraded", "writer_busy")
    assert place.look()["writer"].state == "ok"
    place.run(place.app.writer.stop())
    ill = place.look()["writer"]
    assert (ill.state, ill.code, ill.detail) == ("failed", "writer_ill", {"detail": "writer_stopped"})


def test_people_are_sent_here_only_while_commands_are_kept(tmp_path: Path) -> None:
    place = Folder(tmp_path / "hall")
    place.create(sample_files())
    app = build(place)
    with TestClient(create_site(app)) as client:
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()) == (200, {"is_ready": True})
        assert client.blocking_portal is not None
        client.blocking_portal.call(app.writer.stop)
        stopping = client.get("/readyz")
        assert (stopping.status_code, stopping.json()) == (503, {"is_ready": False})


def test_a_clock_that_stays_where_it_was_moved_to_is_right_after_an_hour(place: Installation) -> None:
    place.clock.advance(10 * MINUTE_MS)
    assert place.look()["clock"].detail == {"seconds": 600}
    place.clock.advance((SETTLED_SECONDS + 1) * 1_000)
    place.seconds += SETTLED_SECONDS + 1
    assert place.look()["clock"].code == "clock_jumped", "said a last time"
    assert place.look()["clock"].state == "ok"


def test_every_code_that_is_told_as_a_fault_is_shown_to_come() -> None:
    elsewhere = {
        "writer_ill",  # below, and over a locked and a full disk in tests/contract/test_http_life.py
        "writer_busy",
        "tls_kept",  # tests/contract/test_tls.py: a server that runs
        "database_unread",  # tests/unit/app/test_checkup.py
        "heads_lost",  # tests/unit: the statements of where the log ends
        "heads_unwritten",
        "record_changed",  # tests/unit/log: each way in which the record can be wrong
        "record_forged",
        "record_missing",
        "record_sealed_again",
    }
    shown = {code for _, _, code, *_ in ROWS}
    assert set(LEVEL_OF) - elsewhere <= shown
    told_otherwise = {"tls_none", "devices_ill"}  # a choice of the bank's; each device is told by itself
    assert shown - told_otherwise <= set(LEVEL_OF)

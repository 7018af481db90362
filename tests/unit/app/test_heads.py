"""Does it show that the log lost its end, or was put back, once the server has stated where it ended?"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from sqlalchemy import text

from openhall.app.build import App, build
from openhall.app.checkup import Checkup
from openhall.app.clocks import SystemClock
from openhall.app.folder import Folder
from openhall.app.heads import HeadDesk, place_of, state_anew
from openhall.app.service_settings import HeadSettings
from openhall.app.settings import Settings
from openhall.cli.main import EXIT_FOUND, program
from openhall.flows.day import day_rules
from openhall.hall.model.commands import IssueTicket, OpenDay, OpenDoors
from openhall.kernel.clock import HOUR_MS, ManualClock, local_ms
from openhall.kernel.event import Command, Request
from openhall.log import heads
from openhall.log.access_record import AccessRecord
from openhall.log.heads import HeadsUnwritten, Signed
from openhall.log.keys import KeyRing
from openhall.log.sqlite import SqliteStore
from openhall.log.verify import verify
from openhall.network.sample import sample_files
from tests.places import DAY, ZONE

PASSWORD = "a long enough password"


class Hall:
    """An installation whose server states where its log ends when it is told to."""

    def __init__(self, path: Path, elsewhere: str = "") -> None:
        self.folder, self.keys_used = Folder(path), count()
        if not path.exists():
            self.folder.create(sample_files())
        self.keys = KeyRing.read(self.folder.key)
        self.settings = Settings(heads=HeadSettings(folder=elsewhere))
        self.place = place_of(self.settings.heads, path)
        self.open()

    def open(self) -> None:
        self.app: App = build(self.folder, ManualClock(local_ms(DAY, 9 * 60, ZONE)), settings=self.settings)
        self.app.wall = ManualClock(SystemClock().now_ms())  # type: ignore[assignment]
        self.desk = HeadDesk(self.app, self.keys)

    def do(self, *commands: Command) -> None:
        stream = self.app.today(self.app.bank.branches[0])
        for command in commands:
            self.app.book.execute(Request(stream, f"c{next(self.keys_used)}", "test", command))

    def begin(self) -> None:
        branch = self.app.bank.branches[0]
        rules = day_rules(self.app.version, branch.id, DAY)
        assert rules is not None
        self.do(OpenDay(rules), OpenDoors())
        self.ticket = IssueTicket(rules.services[0].id)

    def state(self) -> None:
        self.app.wall.advance(HOUR_MS)  # type: ignore[attr-defined]
        self.desk.take_turn()

    def files(self) -> list[Path]:
        return sorted(self.place.glob("heads-*.json"))

    def tamper(self, *changes: str) -> None:
        with self.app.store.transaction() as connection:
            for trigger in ("access_record_update", "access_record_delete"):
                connection.execute(text(f"DROP TRIGGER IF EXISTS {trigger}"))
            for change in changes:
                connection.execute(text(change))

    def faults(self) -> list[str]:
        """What `verify` says, without its figures."""
        kept = heads.read(self.place, self.keys)
        report = verify(self.app.store, anchors=kept.anchors)
        return [fault.code for fault in (*report.faults, *kept.faults)]

    def health(self) -> str:
        """What the running server says after its next turn, and `doctor` beside it."""
        self.state()
        own = self.desk.finding().code
        environ = {"OPENHALL_HEADS_FOLDER": self.settings.heads.folder}
        looked = Checkup(self.folder.path, environ, SystemClock(), lambda _: b'"is_ok":true').findings()
        assert own in {"fine", *(f.code for f in looked if f.part == "heads")}
        return own


@pytest.fixture
def hall(tmp_path: Path) -> Iterator[Hall]:
    made = Hall(tmp_path / "bank")
    made.begin()
    made.state()
    yield made
    made.app.store.close()


def test_each_statement_covers_what_has_moved_and_names_the_one_before(hall: Hall) -> None:
    hall.do(hall.ticket)
    hall.app.accounts.create("mei", "administrator", PASSWORD)
    hall.state()
    kept = heads.read(hall.place, hall.keys)
    first, second = kept.statements
    assert (first.number, second.number, kept.faults) == (1, 2, ())
    assert second.before == heads.read(hall.place, hall.keys, last=None).statements[1].before != ""
    assert [day.stream for day in second.days] == [str(hall.app.today(hall.app.bank.branches[0]))]
    assert second.days[0].seq > first.days[0].seq
    assert second.access_end == hall.app.accounts.record.end()
    assert hall.faults() == []
    assert all(path.stat().st_mode & 0o077 == 0 for path in hall.files())


def test_nothing_is_stated_when_nothing_has_moved(hall: Hall) -> None:
    hall.state()
    assert len(hall.files()) == 1


def test_an_end_cut_off_with_its_answers_is_found_by_the_server_itself(hall: Hall) -> None:
    hall.do(hall.ticket, hall.ticket)
    hall.state()
    assert hall.health() == "fine"
    hall.tamper("DELETE FROM events WHERE seq > 3", "DELETE FROM commands WHERE last_seq > 3")
    assert verify(hall.app.store).is_sound, "by itself the chain does not show it"
    assert hall.health() == "heads_lost"
    assert hall.faults() == ["anchor"]


def test_an_access_record_emptied_with_its_head_is_found(hall: Hall) -> None:
    for name in ("mei", "lan"):
        hall.app.accounts.create(name, "administrator", PASSWORD)
    hall.state()
    hall.tamper("DELETE FROM access_record", "DELETE FROM access_record_head")
    assert hall.app.accounts.record.faults() == [], "by itself the record does not show it"
    assert hall.health() == "heads_lost"


def test_an_older_database_put_in_its_place_is_found(hall: Hall, tmp_path: Path) -> None:
    hall.app.store.copy_into(tmp_path / "older.db")
    hall.do(hall.ticket)
    hall.state()
    hall.app.store.close()
    hall.folder.database.unlink()
    shutil.copy(tmp_path / "older.db", hall.folder.database)
    hall.open()
    assert hall.health() == "heads_lost"


def test_a_backup_that_was_put_back_in_the_open_is_no_loss_afterwards(hall: Hall, tmp_path: Path) -> None:
    hall.app.store.copy_into(tmp_path / "older.db")
    hall.do(hall.ticket)
    hall.state()
    hall.app.store.close()
    shutil.copy(tmp_path / "older.db", hall.folder.database)
    with SqliteStore.open_to_read(hall.folder.database) as store:
        record = AccessRecord(store, SystemClock(), hall.keys)
        state_anew(hall.place, store, record, hall.keys, SystemClock().now_ms())
    hall.open()
    assert hall.health() == "fine"
    assert hall.faults() == []
    assert "anew" in {each.kind for each in heads.read(hall.place, hall.keys).statements}


# -- the statements themselves ------------------------------------------------------------------------------


def test_a_statement_that_was_changed_made_up_or_taken_out_is_found(hall: Hall) -> None:
    for _ in range(3):
        hall.do(hall.ticket)
        hall.state()
    path = hall.files()[1]
    body = path.read_bytes()
    path.write_bytes(body.replace(b'"number":2', b'"number":9'))
    assert hall.faults() == ["heads", "heads"], "no signature, and the next one does not follow"
    path.write_bytes(body[:40])
    assert hall.faults()[0] == "heads"
    path.unlink()
    assert hall.faults() == ["heads"], "the next one does not follow"
    path.write_bytes(body)
    assert hall.faults() == []
    others = KeyRing([b"o" * 32])
    statement = msgspec.json.decode(msgspec.json.decode(body, type=Signed).statement, type=heads.Heads)
    heads.write(hall.place, msgspec.structs.replace(statement, number=9), others)
    assert hall.faults() == ["heads"], "somebody else's signature"


def test_no_statement_covers_a_loss_until_somebody_has_accepted_it(hall: Hall) -> None:
    hall.files()[-1].write_bytes(b"{")
    hall.do(hall.ticket)
    for _ in range(3):
        assert hall.health() == "heads_lost"
    assert len(hall.files()) == 1
    done = CliRunner().invoke(program, ["verify", "--folder", str(hall.folder.path), "--accept-loss"])
    assert done.exit_code == EXIT_FOUND, done.output
    assert hall.health() == "fine"
    hall.do(hall.ticket)
    hall.state()
    assert [path.name for path in hall.files()] == [f"heads-{n:08d}.json" for n in (1, 2, 3)]
    assert heads.read(hall.place, hall.keys).in_force[0].kind == "anew"


def test_a_rotated_key_goes_on_proving_what_it_signed(hall: Hall) -> None:
    rotated = KeyRing([b"n" * 32, *hall.keys._listed])
    assert heads.read(hall.place, rotated).faults == ()


def test_a_folder_that_is_not_there_is_said_and_made_up_for_later(tmp_path: Path) -> None:
    elsewhere = tmp_path / "mounted"
    hall = Hall(tmp_path / "bank", str(elsewhere))
    hall.begin()
    with pytest.raises(HeadsUnwritten, match="No such file"):
        hall.state()
    assert hall.desk.finding().code == "heads_unwritten"
    assert not elsewhere.exists(), "what is not mounted is not made"
    elsewhere.mkdir()
    hall.state()
    assert hall.desk.finding().code == "fine"
    assert heads.read(elsewhere, hall.keys).newest.days, "nothing of what went before is left out"
    hall.app.store.close()

"""What of ours is broken reaches somebody: found, shown, told, taken on, over; also on a full disk."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, NamedTuple

import pytest

from openhall.access.devices import Device, DisplaySettings
from openhall.app import machine
from openhall.app.device_desk import Beat
from openhall.app.findings import TEXTS
from openhall.app.message_words import words_of
from openhall.app.technical import TechnicalDesk
from openhall.hall.model import commands as c
from openhall.kernel.clock import DAY_MS, MINUTE_MS, ManualClock
from openhall.log import alerts as alerts_log
from openhall.log import outbox
from openhall.log.troubles import DiskFull
from openhall.messages.outgoing import Outgoing, Sent
from openhall.network.alerts import AlertRecipients
from openhall.review.alerts import LEVELS, Alert
from openhall.review.technical import DEVICE_LEVEL, LEVEL_OF, Fault
from tests.unit.web.halls import BRANCH
from tests.unit.web.test_alerts import Hall, serving

DAYS = (day for n in range(60) if (day := date(2026, 11, 24) + timedelta(days=n)).weekday() < 5)

DISK = Fault("disk", "disk_low", "orange", detail={"mib": 700})
BACKUP = Fault("backup", "backup_old", "orange", detail={"hours": 40})
LOG = Fault("writer", "writer_ill", "red", detail={"detail": "disk_full"})
SCREEN = Fault("device", "silent", "orange", BRANCH, "d1", {"device": "Display 1", "device_kind": "display"})


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    with serving(tmp_path_factory.mktemp("technical")) as hall:
        yield hall


@pytest.fixture
def hall(served: Hall) -> Iterator[Hall]:
    """On a day that no other test has used, with everything in order."""
    yield served.begin(next(DAYS))
    look(served)
    look(served, after=2)
    assert served.app.technical.standing() == []
    for message in outbox.due(served.app.store, ["staff", "email"], 2**60, 1_000):
        outbox.drop(served.app.store, message.id, now_ms=0)


def look(hall: Hall, *faults: Fault, after: float = 0) -> list[Alert]:
    """Go by some faults some minutes later; what stands then."""
    hall.clock.advance(round(after * MINUTE_MS))
    hall.run(hall.app.technical.look, faults)
    return hall.app.technical.standing()


class Told(NamedTuple):
    channel: str
    recipients: str
    branch: str
    level: str
    code: str


def told(hall: Hall) -> list[Told]:
    """Messages about technical faults, the oldest first."""
    due = outbox.due(hall.app.store, ["staff", "email"], 2**60, 1_000)
    found = sorted((m for m in due if m.template == "alert.technical"), key=lambda m: m.cause)
    return [
        Told(m.channel, m.recipients, m.branch, str(m.blanks["level"]), str(m.blanks["code"])) for m in found
    ]


def take(hall: Hall, alert: Alert, name: str, *, is_head: bool = False) -> Any:
    of = "/api" if is_head else f"/api/branches/{BRANCH}"
    return hall.ask("POST", f"{of}/alerts/{alert.id}/acknowledge", name, json={"action": "help_called"})


# --- an alert's life ---------------------------------------------------------------------------------


def test_what_lasts_a_minute_is_raised_and_is_over_when_it_was_mended_for_one(hall: Hall) -> None:
    assert look(hall, SCREEN) == []
    assert look(hall, after=0.5) == [], "a page that was loaded again"
    assert look(hall, SCREEN, after=0.5) == [], "another time, so the minute begins anew"
    (alert,) = look(hall, SCREEN, after=1)
    assert (alert.kind, alert.level, alert.branch, alert.code) == ("technical", "orange", BRANCH, "silent")
    assert [each.id for each in look(hall, after=0.5)] == [alert.id], "answers, but for how long?"
    assert look(hall, after=1) == []
    changes = alerts_log.changes(hall.app.store, [alert.id])[alert.id]
    assert [line.change for line in changes] == ["raised", "cleared"]


def test_a_log_that_cannot_be_written_is_raised_at_once(hall: Hall) -> None:
    (alert,) = look(hall, LOG)
    assert (alert.level, alert.branch) == ("red", "")


def test_a_fault_that_gets_worse_is_news_and_stays_one_alert(hall: Hall) -> None:
    look(hall, DISK)
    (low,) = look(hall, DISK, after=1)
    (full,) = look(hall, Fault("disk", "disk_full", "red", detail={"mib": 10}), after=1)
    assert (full.id, full.level, full.code) == (low.id, "red", "disk_full")
    changes = alerts_log.changes(hall.app.store, [low.id])[low.id]
    assert [(line.change, line.level) for line in changes] == [("raised", "orange"), ("worse", "red")]


# --- who hears of it ---------------------------------------------------------------------------------


def test_a_hall_hears_of_its_devices_and_head_office_of_what_is_red_everywhere(hall: Hall) -> None:
    look(hall, SCREEN, DISK)
    look(hall, SCREEN, DISK, after=1)
    assert told(hall) == [Told("staff", "hall", BRANCH, "orange", "silent")]
    look(hall, SCREEN, LOG, after=1)
    assert {each for each in told(hall) if each.code == "writer_ill"} == {
        Told("staff", "head-office", "", "red", "writer_ill"),
        Told("email", "head-office", "", "red", "writer_ill"),
    }


def test_told_again_at_the_bank_s_interval_until_somebody_takes_it_on(hall: Hall) -> None:
    look(hall, SCREEN)
    (alert,) = look(hall, SCREEN, after=1)
    look(hall, SCREEN, after=59)
    assert len(told(hall)) == 1
    look(hall, SCREEN, after=1)
    assert len(told(hall)) == 2
    taken = take(hall, alert, "lobby")
    assert (taken.status_code, taken.json()["acknowledged_by"]) == (200, "qian-lixin")
    assert take(hall, alert, "lobby").json() == taken.json(), "a retry is the same answer"
    other = take(hall, alert, "manager")
    assert (other.status_code, other.json()["code"]) == (409, "alert_acknowledged")
    look(hall, SCREEN, after=600)
    assert len(told(hall)) == 2, "it is somebody's"


@pytest.mark.parametrize(
    ("fault", "name", "is_head", "status", "why"),
    [
        (SCREEN, "manager", False, 200, "the branch's own"),
        (SCREEN, "teller", False, 403, "has customers"),
        (SCREEN, "elsewhere", False, 403, "of another branch"),
        (SCREEN, "administrator", True, 200, "looks after all devices"),
        (DISK, "administrator", True, 200, "looks after the machine"),
        (DISK, "operations", True, 200, "looks after the halls"),
        (DISK, "manager", True, 403, "no business of a branch"),
        (DISK, "manager", False, 404, "not even in the name of the branch"),
    ],
)
def test_who_may_take_it_on(
    hall: Hall, fault: Fault, name: str, is_head: bool, status: int, why: str
) -> None:
    look(hall, fault)
    (alert,) = look(hall, fault, after=1)
    assert take(hall, alert, name, is_head=is_head).status_code == status, why


def test_recipients_of_some_kinds_and_branches_hear_of_these_alone() -> None:
    from openhall.app.alert_telling import concerns

    device = Alert("a", BRANCH, "2027-03-01", "technical", "orange", 2, 2, 0, 0)
    server = Alert("a", "", "2027-03-01", "technical", "orange", 2, 2, 0, 0)
    rows: list[tuple[AlertRecipients, bool, bool]] = [
        (AlertRecipients("all", ("staff",), roles=("operations",)), True, True),
        (AlertRecipients("lobby", ("staff",), roles=("lobby",)), True, False),
        (AlertRecipients("post", ("email",), mailboxes=("it@bank.example",)), True, True),
        (
            AlertRecipients("waits", ("staff",), roles=("operations",), kinds=("wait_over_limit",)),
            False,
            False,
        ),
        (AlertRecipients("it", ("staff",), roles=("operations",), kinds=("technical",)), True, True),
        (AlertRecipients("there", ("staff",), roles=("operations",), branches=("lanqiao",)), False, False),
        (AlertRecipients("red", ("staff",), roles=("operations",), from_level="red"), False, False),
    ]
    for recipients, hears_device, hears_server in rows:
        assert concerns(recipients, device) == hears_device, recipients.id
        assert concerns(recipients, server) == hears_server, recipients.id


# --- when nothing can be kept ------------------------------------------------------------------------


class Receiver:
    """A way out that takes everything."""

    place = "nowhere"

    def __init__(self) -> None:
        self.got: list[Outgoing] = []

    async def send(self, outgoing: Outgoing) -> Sent:
        self.got.append(outgoing)
        return Sent()

    async def close(self) -> None:
        """Nothing to let go."""


def test_on_a_full_disk_it_is_shown_and_told_without_the_outbox_and_kept_afterwards(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = Receiver()
    monkeypatch.setitem(hall.app.messages._adapters, "staff", receiver)
    monkeypatch.setitem(hall.app.messages._adapters, "email", receiver)
    keep = alerts_log.keep

    def full(*_: object, **__: object) -> None:
        raise DiskFull("no space left", place="log")

    monkeypatch.setattr(alerts_log, "keep", full)
    (alert,) = look(hall, LOG)
    assert [(m.channel, m.template) for m in receiver.got] == [
        ("staff", "alert.technical"),
        ("email", "alert.technical"),
    ]
    assert receiver.got[0].to.roles == ("operations",)
    assert "disk_full" in receiver.got[0].text
    look(hall, LOG, after=1)
    assert len(receiver.got) == 2, "told once, however often it is tried to keep it"
    assert take(hall, alert, "operations", is_head=True).status_code == 200
    assert alerts_log.find(hall.app.store, alert.id) is None
    monkeypatch.setattr(alerts_log, "keep", keep)
    look(hall, LOG, after=1)
    kept = alerts_log.find(hall.app.store, alert.id)
    assert kept is not None
    assert kept.acknowledged_by
    changes = alerts_log.changes(hall.app.store, [alert.id])[alert.id]
    assert [line.change for line in changes] == ["raised", "acknowledged"]
    assert told(hall) == [], "nobody is told a second time"


def test_a_restart_raises_nothing_anew_and_forgets_nothing(hall: Hall) -> None:
    look(hall, SCREEN)
    (alert,) = look(hall, SCREEN, after=1)
    take(hall, alert, "lobby")
    fresh = TechnicalDesk(hall.app, hall.app.outward.telling, hall.app.messages)
    hall.run(fresh.look, [SCREEN])
    (again,) = fresh.standing()
    assert (again.id, again.acknowledged_by) == (alert.id, "qian-lixin")


# --- where faults come from --------------------------------------------------------------------------


def test_a_display_that_falls_silent_is_found_while_its_branch_is_at_work(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, records = hall.app.devices, hall.app.devices.records
    made = records.make("d7", BRANCH, "display", "By the door", DisplaySettings(), by="zhao-minzhi")
    assert isinstance(made, Device)
    code = records.new_code("d7")
    assert isinstance(code, tuple)
    paired = desk.pair(code[1])
    assert isinstance(paired, tuple)
    wall = ManualClock(hall.app.wall.now_ms())
    monkeypatch.setattr(hall.app, "wall", wall)
    desk.hear(made, Beat(sound="ok", voices=("zh", "en")), "")

    def stand() -> list[tuple[str, str]]:
        hall.clock.advance(2 * MINUTE_MS)
        hall.run(hall.app.technical.run_once)
        return [(a.code, a.place) for a in hall.app.technical.standing() if a.part == "device"]

    assert stand() == stand() == []
    wall.advance(MINUTE_MS)
    assert stand() == [], "for a moment only, so far"
    assert stand() == [("silent", "d7")]
    desk.hear(made, Beat(sound="ok", voices=("zh", "en")), "")
    stand()
    assert stand() == []
    wall.advance(MINUTE_MS)
    hall.do(c.ForceEndDay("power_cut", "zhao-minzhi"))
    stand()
    assert stand() == [], "a branch that is closed needs no display"
    desk.revoke("d7")


def test_every_fault_has_words_in_both_languages(hall: Hall) -> None:
    assert set(LEVEL_OF) <= set(TEXTS)
    assert set(DEVICE_LEVEL.values()) < set(LEVELS)
    for language in ("en", "zh"):
        for fault in (DISK, BACKUP, LOG, SCREEN):
            blanks: dict[str, str | int] = {"branch": fault.branch, "level": fault.level, "code": fault.code}
            subject, text = words_of(hall.app.bank, "alert.technical", blanks | fault.detail, language)
            assert "{" not in subject + text


def test_a_disk_that_runs_full_and_an_old_backup_are_found(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = shutil.disk_usage("/")._replace(free=10 * machine.MIB)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    old = machine.LastBackup(hall.app.wall.now_ms() - 3 * DAY_MS, "elsewhere")
    machine.note_backup(hall.app.folder.path, old)
    hall.run(hall.app.technical.run_once)
    hall.clock.advance(2 * MINUTE_MS)
    hall.run(hall.app.technical.run_once)
    found = {alert.part: (alert.code, alert.level) for alert in hall.app.technical.standing()}
    assert (found["disk"], found["backup"]) == (("disk_full", "red"), ("backup_old", "orange"))
    (hall.app.folder.path / machine.BACKUP_MARK).unlink()


def test_a_new_installation_is_not_blamed_for_having_no_backup(hall: Hall) -> None:
    hall.run(hall.app.technical.run_once)
    assert "backup_none" in {finding.code for finding in hall.app.technical.findings}
    hall.clock.advance(2 * MINUTE_MS)
    hall.run(hall.app.technical.run_once)
    assert "backup" not in {alert.part for alert in hall.app.technical.standing()}


# --- where it is seen --------------------------------------------------------------------------------


def test_pages_show_it_as_technical_with_a_remedy_and_it_is_none_of_the_nine(hall: Hall) -> None:
    look(hall, SCREEN, DISK)
    look(hall, SCREEN, DISK, after=1)
    assert hall.app.alerts.standing(BRANCH) == []
    own = hall.ask("GET", f"/b/{BRANCH}/alerts", "lobby").text
    assert "Display 1: Nothing is heard from it." in own
    assert "See that it is switched on" in own
    assert "I take it on" in own
    assert "700 MiB" not in own, "a hall can do nothing about the disk"
    head = hall.ask("GET", "/head/alerts", "administrator").text
    assert "700 MiB are free on the disk." in head
    assert "Display 1" in head
    assert head.count("I take it on") == 2
    lobby = hall.ask("GET", f"/b/{BRANCH}/lobby", "lobby").text
    assert "Display 1" not in lobby, "the lobby has a panel of its devices beside it"
    listed = hall.ask("GET", f"/api/branches/{BRANCH}/alerts").json()
    assert [(each["kind"], each["code"], each["place"]) for each in listed] == [("technical", "silent", "d1")]


def test_what_is_over_stands_in_the_day_s_history(hall: Hall) -> None:
    look(hall, SCREEN)
    look(hall, SCREEN, after=1)
    look(hall, after=1)
    look(hall, after=1)
    shown = hall.ask("GET", f"/b/{BRANCH}/alerts", "lobby").text
    assert "Display 1: Nothing is heard from it." in shown.split('data-id="over"')[1]

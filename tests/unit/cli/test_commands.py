"""Does the command line do what its help says, and end with the code it promises?"""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from openhall.app.build import ROOMS, build
from openhall.app.folder import Folder
from openhall.cli.main import EXIT_FOUND, EXIT_TROUBLE, EXIT_USAGE, Doors, program
from openhall.flows.day import day_rules
from openhall.hall.model.commands import IssueTicket, OpenDay, OpenDoors
from openhall.kernel.clock import ManualClock, local_ms
from openhall.kernel.event import Request
from openhall.log.book import Book
from openhall.log.sqlite import SqliteStore
from openhall.network.sample import sample_bank
from tests.places import DAY, ZONE
from tests.style.house import ROOT

WARSAW = ROOT.parent / "shared" / "data" / "warsaw_hall"


async def no_server(*_: object, **__: object) -> None:
    """What these tests never start."""
    raise AssertionError


def openhall(*words: str) -> Result:
    return CliRunner().invoke(program, list(words), obj=Doors(serve=no_server), catch_exceptions=False)


def result(*words: str) -> dict[str, Any]:
    done = openhall(*words, "--json")
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    """An installation in which a day was opened and a few people came."""
    folder = tmp_path / "bank"
    openhall("init", "--folder", str(folder))
    app = build(Folder(folder), ManualClock(local_ms(DAY, 9 * 60, ZONE)))
    branch = app.bank.branches[0]
    stream = app.today(branch)
    rules = day_rules(app.version, branch.id, stream.day)
    assert rules is not None
    service = rules.services[0].id
    for number, command in enumerate(
        [OpenDay(rules), OpenDoors(), IssueTicket(service), IssueTicket(service)]
    ):
        app.book.execute(Request(stream, f"c{number}", "test", command))
    app.store.close()
    return folder


def test_init_makes_an_installation_with_accounts_that_can_sign_in(tmp_path: Path) -> None:
    made = result("init", "--folder", str(tmp_path / "new"))
    app = build(Folder(tmp_path / "new"))
    account = made["accounts"][0]
    assert {a["role"] for a in made["accounts"]} >= {"operations", "manager", "lobby", "teller", "guard"}
    assert app.accounts.sign_in(account["name"], account["password"]).__class__.__name__ == "SignedIn"
    app.store.close()


def test_init_never_writes_over_anything(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    done = openhall("init", "--folder", str(tmp_path))
    assert done.exit_code == EXIT_TROUBLE
    assert "folder_in_use" in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["letter.txt"]


def test_a_bank_with_mistakes_is_refused_with_each_place(tmp_path: Path) -> None:
    files = tmp_path / "files"
    files.mkdir()
    (files / "bank.toml").write_text('name = { en = "A", zh = "甲" }\ncurency = "CNY"\n', encoding="utf-8")
    done = openhall("init", "--folder", str(tmp_path / "new"), "--bank", str(files))
    assert done.exit_code == EXIT_TROUBLE
    assert "configuration_invalid" in done.stderr
    assert "curency" in done.stderr


def test_a_sound_log_is_verified(bank: Path) -> None:
    report = result("verify", "--folder", str(bank), "--every-command")
    assert report["faults"] == []
    assert report["events_count"] == 4


def test_a_changed_event_is_found_and_named(bank: Path) -> None:
    with sqlite3.connect(bank / "openhall.db") as connection:
        connection.execute("UPDATE events SET actor = 'somebody else' WHERE seq = 3")
    connection.close()
    done = openhall("verify", "--folder", str(bank), "--json")
    assert done.exit_code == EXIT_FOUND
    fault = json.loads(done.stdout)["faults"][0]
    assert (fault["code"], fault["seq"]) == ("chain", 3)


def test_a_day_cut_off_at_its_end_is_found_by_an_earlier_report(bank: Path, tmp_path: Path) -> None:
    anchors = tmp_path / "earlier.json"
    anchors.write_text(openhall("verify", "--folder", str(bank), "--json").stdout)
    with sqlite3.connect(bank / "openhall.db") as connection:
        connection.execute("DELETE FROM events WHERE seq = 4")
        connection.execute("DELETE FROM commands WHERE first_seq = 4")
    connection.close()
    assert openhall("verify", "--folder", str(bank)).exit_code == 0
    done = openhall("verify", "--folder", str(bank), "--anchors", str(anchors), "--json")
    assert done.exit_code == EXIT_FOUND
    assert json.loads(done.stdout)["faults"][0]["code"] == "anchor"


def test_a_backup_is_restored_with_what_it_held(bank: Path, tmp_path: Path) -> None:
    saved = tmp_path / "saved.db"
    result("backup", "--folder", str(bank), str(saved))
    with SqliteStore.open(bank / "openhall.db") as store:
        book = Book(store, ROOMS, ManualClock(local_ms(DAY, 10 * 60, ZONE)))
        assert book.store.head() == 4
    (bank / "openhall.db").unlink()
    restored = result("restore", "--folder", str(bank), str(saved))
    assert restored["report"]["events_count"] == 4
    assert result("verify", "--folder", str(bank))["events_count"] == 4


def test_a_backup_is_not_written_over_another_without_force(bank: Path, tmp_path: Path) -> None:
    saved = tmp_path / "saved.db"
    result("backup", "--folder", str(bank), str(saved))
    done = openhall("backup", "--folder", str(bank), str(saved))
    assert done.exit_code == EXIT_TROUBLE
    assert "backup_trouble" in done.stderr
    result("backup", "--folder", str(bank), str(saved), "--force")


def test_rebuilding_makes_the_same_rows_again(bank: Path) -> None:
    result("rebuild", "--folder", str(bank))
    first = rows_of(bank)
    with sqlite3.connect(bank / "openhall.db") as connection:
        connection.execute("UPDATE tickets SET outcome = 'nonsense'")
    connection.close()
    assert rows_of(bank) != first
    result("rebuild", "--folder", str(bank))
    assert rows_of(bank) == first
    assert len(first) == 2


def rows_of(bank: Path) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(bank / "openhall.db")
    rows = connection.execute("SELECT * FROM tickets ORDER BY stream, ticket_id").fetchall()
    connection.close()
    return rows


def test_a_folder_that_is_no_installation_is_said_so(tmp_path: Path) -> None:
    done = openhall("verify", "--folder", str(tmp_path))
    assert done.exit_code == EXIT_TROUBLE
    assert "folder_missing" in done.stderr


# --- rehearse ----------------------------------------------------------------------------------------


@pytest.mark.skipif(not WARSAW.is_dir(), reason="the Warsaw data set of ../shared is not here")
def test_the_recorded_surge_day_lands_near_its_record(tmp_path: Path) -> None:
    day = result(
        *("rehearse", "--recorded", str(WARSAW), "--office", "UD_Bielany", "--queue", "158"),
        *("--date", "2019-12-30", "--extra-counters", "2", "--extra-from", "09:00", "--store", str(tmp_path)),
    )
    keys = (
        "issued served no_show reneged diverted pending wait_minutes_mean wait_minutes_median"
        " wait_minutes_p90 wait_minutes_max recorded_wait_minutes_median recorded_wait_minutes_p90 seconds"
    )
    assert set(keys.split()) <= day.keys()
    assert day["issued"] == day["served"] + day["no_show"] + day["reneged"] + day["diverted"] == 453
    assert day["pending"] == 0
    assert day["recorded_wait_minutes_median"] == 145
    assert abs(day["wait_minutes_median"] - 145) <= 0.2 * 145
    assert abs(day["wait_minutes_p90"] - 195) <= 0.2 * 195
    more = day["extra_counters"]
    assert more["wait_minutes_median"] < 0.7 * day["wait_minutes_median"]
    assert {p.name for p in Path(day["stored_in"]).iterdir()} >= {"result.json", "queue.svg", "queue.png"}


def test_an_invented_day_serves_everybody_and_two_runs_stand_side_by_side(tmp_path: Path) -> None:
    first = result("rehearse", "--invented", "--set", "surge_factor=0.5", "--store", str(tmp_path))
    second = result("rehearse", "--invented", "--set", "surge_factor=1.5", "--store", str(tmp_path))
    assert first["pending"] == second["pending"] == 0
    compared = result("rehearse", "--compare", first["stored_in"], second["stored_in"])
    issued = next(row for row in compared["rows"] if row["measure"] == "issued")
    assert issued["difference"] == second["issued"] - first["issued"] > 0


def test_the_same_seed_invents_the_same_day(tmp_path: Path) -> None:
    words = ("rehearse", "--invented", "--set", "surge_factor=0.5", "--store", str(tmp_path))
    first, second = result(*words), result(*words)
    assert first["stored_in"] == second["stored_in"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["rehearse"], "one of --recorded"),
        (["rehearse", "--invented", "--set", "surge=2"], "Expected NAME=VALUE"),
        (["rehearse", "--invented", "--set", "surge_factor=-1"], "surge_factor"),
        (["rehearse", "--invented", "--branch", "nowhere"], "lanqiao"),
        (["rehearse", "--recorded", "."], "--office"),
    ],
)
def test_a_wrong_command_line_says_what_was_expected(words: list[str], says: str) -> None:
    done = openhall(*words)
    assert done.exit_code == EXIT_USAGE
    assert says in done.stderr


def test_each_command_has_help_that_teaches() -> None:
    for name, command in program.commands.items():
        assert command.help, name
        shown = openhall(name, "--help")
        assert shown.exit_code == 0
        assert len(shown.output) > 200, name


def test_the_sample_bank_is_what_init_starts_from(bank: Path) -> None:
    assert Folder(bank).read_bank() == sample_bank()

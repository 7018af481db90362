"""Does `openhall learn` say what it learned, keep it once, and stay out of a server's way?"""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from click.testing import CliRunner, Result

from openhall.app.folder import Folder
from openhall.app.learning import keep_worked_out, work_out
from openhall.cli.main import EXIT_TROUBLE, EXIT_USAGE, Doors, program
from openhall.flows.day import day_rules
from openhall.kernel.event import StreamId
from openhall.log import learned
from openhall.log.ownership import Ownership
from openhall.log.sqlite import SqliteSettings, SqliteStore
from openhall.network import version as versions
from openhall.network.sample import sample_bank, sample_files
from openhall.rehearsal.invented import InventedParameters, rehearse_invented

FIRST = date(2026, 11, 23)
"""A Monday."""


async def no_server(*_: object, **__: object) -> None:
    """What these tests never start."""
    raise AssertionError


def learn(folder: Path, *words: str) -> Result:
    line = ["learn", "--folder", str(folder), *words]
    return CliRunner().invoke(program, line, obj=Doors(serve=no_server), catch_exceptions=False)


def learned_json(folder: Path, *words: str) -> list[dict[str, Any]]:
    done = learn(folder, "--json", *words)
    assert done.exit_code == 0, done.output
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation in which one branch had two days."""
    place = Folder(tmp_path_factory.mktemp("bank") / "hall")
    place.create(sample_files())
    version = versions.version_of(sample_bank())
    with SqliteStore.open(place.database, SqliteSettings(synchronous="OFF")) as store:
        for number in range(2):
            day = FIRST + timedelta(days=number)
            rules = day_rules(version, "lanqiao", day)
            assert rules is not None
            parameters = InventedParameters(visitors_daily=40, patience_minutes_mean=60)
            rehearse_invented(StreamId("lanqiao", day), rules, parameters, store=store, rng=Random(number))
    return place.path


def test_it_learns_once_and_says_so(lived: Path) -> None:
    trial = learned_json(lived, "--dry-run")
    assert [(b["is_new"], b["is_stored"]) for b in trial] == [(True, False)] * 3
    first = learned_json(lived)
    assert [b["is_stored"] for b in first] == [True] * 3
    assert [b["beliefs"]["version"] for b in first] == [b["beliefs"]["version"] for b in trial]
    again = learned_json(lived)
    assert [b["is_new"] for b in again] == [False] * 3
    own = again[0]["beliefs"]
    assert (own["branch"], own["days"], own["first_day"], own["last_day"]) == (
        "lanqiao",
        2,
        "2026-11-23",
        "2026-11-24",
    )
    assert own["customers"] > 50
    assert again[1]["beliefs"]["days"] == 0, "another branch borrows"
    with SqliteStore.open_to_read(lived / "openhall.db") as store:
        assert learned.latest(store, "lanqiao") is not None


def test_fewer_days_are_another_version_with_its_change(lived: Path) -> None:
    learned_json(lived)
    [one] = learned_json(lived, "--dry-run", "--branch", "lanqiao", "--days", "1")
    assert one["is_new"]
    assert one["version_before"]
    assert one["beliefs"]["days"] == 1
    assert one["beliefs"]["services"][0]["change"] != 0
    [same] = learned_json(lived, "--dry-run", "--branch", "lanqiao", "--from", "2026-11-24")
    assert same["beliefs"]["version"] == one["beliefs"]["version"]


def test_a_person_reads_a_table(lived: Path) -> None:
    shown = learn(lived, "--dry-run", "--branch", "lanqiao").output
    for word in ("lanqiao", "2 days", "cash", "absent"):
        assert word in shown


@pytest.mark.parametrize(
    ("words", "exit_code", "says"),
    [
        (("--branch", "nowhere"), EXIT_TROUBLE, "branch_not_there"),
        (("--from", "2027-01-01"), EXIT_TROUBLE, "nothing_to_learn"),
        (("--from", "2027-01-01", "--to", "2026-01-01"), EXIT_USAGE, "not after the last"),
        (("--days", "0"), EXIT_USAGE, "range"),
        (("--from", "soon"), EXIT_USAGE, "soon"),
    ],
)
def test_what_cannot_be_learned_is_said(
    lived: Path, words: tuple[str, ...], exit_code: int, says: str
) -> None:
    done = learn(lived, *words)
    assert done.exit_code == exit_code
    assert says in done.output


def test_beside_a_server_it_says_who_learns_and_shows_what_it_would(lived: Path) -> None:
    owner = Ownership.take(lived / "openhall.db")
    try:
        done = learn(lived)
        assert done.exit_code == EXIT_TROUBLE
        assert "learning_held" in done.output
        assert "--dry-run" in done.output
        assert learn(lived, "--dry-run").exit_code == 0
    finally:
        owner.release()


def test_the_nightly_chore_learns_the_same(lived: Path, tmp_path: Path) -> None:
    by_hand = learned_json(lived, "--dry-run")
    answer = work_out(str(lived / "openhall.db"), versions.encode(Folder(lived).read_bank()))
    with SqliteStore.open(tmp_path / "other.db") as store:
        done = keep_worked_out(store, answer, now_ms=7)
        assert [each.habits.version for each in done] == [b["beliefs"]["version"] for b in by_hand]
        assert all(each.is_new and each.habits.learned_ms == 7 for each in done)
        nothing = work_out(str(tmp_path / "other.db"), versions.encode(sample_bank()))
        assert keep_worked_out(store, nothing, now_ms=8) == []

"""Does `openhall plan` show a plan, take one along, and say what is wrong with what it was given?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from openhall.app.folder import Folder
from openhall.cli.main import EXIT_TROUBLE, EXIT_USAGE, Doors, program
from openhall.network.sample import sample_files

pytestmark = pytest.mark.unit

WEEK = ("--first", "2026-12-14", "--days", "2", "--steps", "1", "--branch", "lanqiao", "--no-borrowing")


async def no_server(*_: object, **__: object) -> None:
    """What these tests never start."""
    raise AssertionError


def plan(*words: str) -> Result:
    return CliRunner().invoke(program, ["plan", *words], obj=Doors(serve=no_server), catch_exceptions=False)


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = Folder(tmp_path_factory.mktemp("bank") / "hall")
    place.create(sample_files())
    return place.path


@pytest.fixture(scope="module")
def taken(bank: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plans")
    done = plan("week", "--folder", str(bank), *WEEK, "--export", str(folder), "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert [each["plan"]["branch"] for each in found] == ["lanqiao"]
    return folder


def test_a_week_is_shown_and_taken_along(taken: Path) -> None:
    kinds = {path.suffix for path in taken.iterdir()}
    assert kinds == {".json", ".csv", ".ics", ".pdf"}


def test_one_day_is_planned_again_within_its_week(bank: Path, taken: Path) -> None:
    file = next(taken.glob("*.json"))
    words = ("day", "--folder", str(bank), "--branch", "lanqiao", "--date", "2026-12-15", "--steps", "1")
    done = plan(*words, "--plan", str(file), "--json")
    assert done.exit_code == 0, done.output
    before, after = json.loads(file.read_bytes()), json.loads(done.stdout)["plan"]
    assert after["days"][0] == before["days"][0]
    shown = plan(*words, "--plan", str(file))
    assert "Every rule is kept." in shown.output
    other = plan(*words[:-4], "--date", "2027-01-15", "--plan", str(file))
    assert other.exit_code == EXIT_USAGE


def test_bad_words_are_named(bank: Path, tmp_path: Path) -> None:
    nowhere = plan("week", "--folder", str(bank), "--branch", "nowhere")
    assert nowhere.exit_code == EXIT_TROUBLE
    assert "branch_not_there" in nowhere.output
    missing = plan("week", "--folder", str(bank), *WEEK, "--history", str(tmp_path / "no.csv"))
    assert missing.exit_code == EXIT_USAGE
    bad = tmp_path / "bad.csv"
    bad.write_text("date,time,service,count\n2026-12-01,09:00,loans,1\n", encoding="utf-8")
    wrong = plan("week", "--folder", str(bank), *WEEK, "--history", str(bad))
    assert wrong.exit_code == EXIT_TROUBLE
    assert "history_unusable" in wrong.output
    assert "line 2" in wrong.output
    no_plan = tmp_path / "no.json"
    no_plan.write_text("{}", encoding="utf-8")
    words = ("--branch", "lanqiao", "--date", "2026-12-15", "--plan", str(no_plan))
    assert plan("day", "--folder", str(bank), *words).exit_code == EXIT_USAGE

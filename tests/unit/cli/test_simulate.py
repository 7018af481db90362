"""Does `simulate` write what it says, where it says, and end with the code that it promises?"""

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from openhall.cli.main import EXIT_FOUND, EXIT_TROUBLE, EXIT_USAGE, Doors, program

STUDY = """
name = "two counters or three"
[network]
branches = 4
customers = 30
customers_spread = 0.5
hours = "09:00-11:00"
[[services]]
id = "cash"
share = 1.0
minutes = 6
[[policy]]
name = "fewer"
open = [0.5]
[[policy]]
name = "more"
open = [1.0]
[precision]
half_width = 40.0
minimum = 10
maximum = 20
[outputs]
charts = false
"""


async def no_server(*_: object, **__: object) -> None:
    """What these tests never start."""
    raise AssertionError


def simulate(*words: str) -> Result:
    return CliRunner().invoke(
        program, ["simulate", *words], obj=Doors(serve=no_server), catch_exceptions=False
    )


@pytest.fixture
def study(tmp_path: Path) -> Path:
    path = tmp_path / "study.toml"
    path.write_text(STUDY, encoding="utf-8")
    return path


def test_a_study_leaves_its_tables_its_pictures_and_how_it_was_made(study: Path) -> None:
    study.write_text(STUDY.replace("charts = false", "charts = true"), encoding="utf-8")
    done = simulate(str(study), "--json", "--language", "both")
    assert done.exit_code == 0, done.output
    folder = study.with_name("study-results")
    result = json.loads(done.stdout)
    assert result == json.loads((folder / "study.json").read_text(encoding="utf-8"))
    assert result["verdict"]["is_reached"]
    assert result["replications"] == 10
    tables = {path.stem: pl.read_parquet(path) for path in folder.glob("*.parquet")}
    assert {name: len(table) for name, table in tables.items() if name != "waits"} == {
        "policies": 2,
        "comparison": 5,
        "branches": 8,
        "days": 20,
    }
    days, policies = tables["days"], tables["policies"]
    of_first = days.filter(policy="fewer")
    assert policies["wait_minutes"][0] == pytest.approx(
        float(of_first["wait_ms"].sum()) / float(of_first["called"].sum()) / 60_000
    )
    assert tables["waits"]["count"].sum() == days["called"].sum()
    assert tables["branches"]["branch"].n_unique() == 4
    for name in ("policies", "differences", "waits"):
        with Image.open(folder / f"{name}.png") as picture:
            assert picture.width > picture.height
    assert sorted(path.name for path in study.parent.iterdir()) == ["study-results", "study.toml"]


def test_the_table_is_for_people_and_shows_differences(study: Path) -> None:
    done = simulate(str(study))
    assert "fewer" in done.stdout
    assert "mean wait" in done.stdout
    assert "Precision reached." in done.stdout
    assert done.stderr == "", "no bar without a terminal"


def test_the_same_study_is_the_same_result_and_takes_the_place_of_the_old(study: Path) -> None:
    first, second = (json.loads(simulate(str(study), "--json").stdout) for _ in range(2))
    assert first == second


def test_a_precision_that_is_not_reached_is_said_and_has_a_code(study: Path) -> None:
    study.write_text(STUDY.replace("half_width = 40.0", "half_width = 0.001"), encoding="utf-8")
    done = simulate(str(study))
    assert done.exit_code == EXIT_FOUND
    assert "Precision not reached." in done.stderr
    assert not json.loads((study.with_name("study-results") / "study.json").read_text())["verdict"][
        "is_reached"
    ]
    # With more replications allowed the first twenty are not computed again.
    study.write_text(STUDY.replace("40.0", "0.002").replace("maximum = 20", "maximum = 40"), encoding="utf-8")
    assert json.loads(simulate(str(study), "--resume", "--json").stdout)["replications"] == 40


def test_a_file_with_mistakes_writes_nothing(study: Path) -> None:
    study.write_text(STUDY.replace("share = 1.0", "share = 0.5").replace("hours", "hour"), encoding="utf-8")
    done = simulate(str(study))
    assert done.exit_code == EXIT_TROUBLE
    assert "study_invalid" in done.stderr
    assert "study.toml: services: expected shares of 1 together, found 0.5" in done.stderr
    assert "(did you mean 'hours'?)" in done.stderr
    assert [path.name for path in study.parent.iterdir()] == ["study.toml"]


def test_a_folder_of_something_else_is_left_alone(study: Path) -> None:
    folder = study.with_name("mine")
    folder.mkdir()
    (folder / "letter.txt").write_text("dear")
    done = simulate(str(study), "--out", str(folder))
    assert done.exit_code == EXIT_TROUBLE
    assert "results_in_use" in done.stderr
    assert [path.name for path in folder.iterdir()] == ["letter.txt"]


def test_notes_beside_old_results_are_not_swept_away(study: Path) -> None:
    simulate(str(study))
    (study.with_name("study-results") / "notes.txt").write_text("remember")
    assert simulate(str(study)).exit_code == EXIT_TROUBLE


def test_an_example_is_written_once(study: Path) -> None:
    path = study.with_name("example.toml")
    assert simulate("--example", "branch", str(path)).exit_code == 0
    assert "Every key is explained in docs/studies.md" in path.read_text(encoding="utf-8")
    assert simulate("--example", "branch", str(study)).exit_code == EXIT_TROUBLE
    assert study.read_text(encoding="utf-8") == STUDY, "a file of one's own is not written over"


def test_what_cannot_be_meant_is_a_usage_error(study: Path) -> None:
    done = simulate(str(study), "--jobs", "2", "--cluster", "tcp://127.0.0.1:9")
    assert done.exit_code == EXIT_USAGE
    assert simulate(str(study), "--jobs", "0").exit_code == EXIT_USAGE


def test_a_study_that_is_not_there_is_trouble(tmp_path: Path) -> None:
    done = simulate(str(tmp_path / "none.toml"))
    assert done.exit_code == EXIT_TROUBLE
    assert "study_unreadable" in done.stderr

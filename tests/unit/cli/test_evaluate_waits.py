"""Does `openhall evaluate waits` print what it promises, and say what is wrong with its folders?"""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from openhall.cli.main import EXIT_TROUBLE, program
from openhall.rehearsal.evaluation.scores import BASELINES
from tests.unit.rehearsal.warsaw_days import write_folder

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("recorded"), days=4)


def waits(fit: Path, test: Path, *words: str) -> Result:
    options = ["--fit", str(fit), "--test", str(test), "--format", "warsaw", *words]
    return CliRunner().invoke(program, ["evaluate", "waits", *options], catch_exceptions=False)


def test_the_result_is_json_with_the_promised_keys_or_a_table(
    recorded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    split = ("--fit-to", "2020-03-04", "--test-from", "2020-03-05")
    scores = json.loads(waits(recorded, recorded, *split, "--json").stdout)
    promised = {
        "mae_minutes",
        "rmse_minutes",
        "bias_minutes",
        "coverage",
        "unanswered_share",
        "bands",
        "baselines",
    }
    assert promised <= set(scores)
    assert set(BASELINES) <= set(scores["baselines"])
    assert (len(scores["fit_days"]), scores["test_days"]) == (3, ["2020-03-05"])
    monkeypatch.setenv("OPENHALL_LANGUAGE", "zh")
    shown = waits(recorded, recorded, *split)
    assert shown.exit_code == 0
    assert f"{scores['mae_minutes']:.2f}" in shown.stdout
    assert "每位分钟数" in shown.stdout
    assert "Note" not in shown.stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--fit-to", "2019-01-01"), "at least 2 days to learn from; got 0"),
        (("--test-from", "2030-01-01"), "No day is left to ask about"),
        ((), "is a day to learn from and a day to ask about"),
    ],
)
def test_a_split_that_leaves_nothing_ends_with_code_place_and_remedy(
    recorded: Path, words: tuple[str, ...], sentence: str
) -> None:
    done = waits(recorded, recorded, *words)
    assert done.exit_code == EXIT_TROUBLE
    assert "evaluation_impossible" in done.stderr
    assert sentence in done.stderr
    assert "Check both folders" in done.stderr


def test_a_folder_that_is_not_there_is_named(recorded: Path, tmp_path: Path) -> None:
    done = waits(tmp_path / "nowhere", recorded)
    assert done.exit_code == EXIT_TROUBLE
    assert "There is no snapshots.parquet in" in done.stderr
    assert "nowhere" in done.stderr

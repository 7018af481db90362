"""Does `openhall evaluate arrivals` print what it promises, and say what is wrong with its folders?"""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from openhall.cli.language import VARIABLES
from openhall.cli.main import EXIT_TROUBLE, program
from openhall.rehearsal.evaluation.arrivals import baselines
from tests.unit.rehearsal.test_evaluate_arrivals import bank_rows, write_bank, write_warsaw

pytestmark = pytest.mark.unit

PROMISED = {"wape", "wape_by_horizon", "pinball", "coverage", "intraday", "baselines"}


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(baselines, "installed", lambda: False)


def arrivals(folder: Path, *words: str) -> Result:
    options = ["--fit", str(folder), "--test", str(folder), *words]
    return CliRunner().invoke(program, ["evaluate", "arrivals", *options], catch_exceptions=False)


def test_the_result_is_json_with_the_promised_keys_or_tables(tmp_path: Path) -> None:
    folder = write_bank(tmp_path / "bank", bank_rows(12))
    words = ("--format", "bank-calls", "--test-from", "2003-03-17")
    scores = json.loads(arrivals(folder, *words, "--json").stdout)
    assert set(scores) >= PROMISED
    shown = arrivals(folder, *words).stdout
    # A table's cells are wrapped where the terminal is narrow: single words stay whole.
    assert {"forecast", "weekday", "07:00", "09:00"} <= set(shown.split())
    assert "statsforecast is not installed" in " ".join(shown.split())


def test_a_note_explains_queues_that_were_not_recorded(tmp_path: Path) -> None:
    shown = arrivals(write_warsaw(tmp_path / "warsaw"), "--format", "warsaw").stdout
    assert "Queues that a day's record lacks" in shown


def test_a_folder_without_the_files_is_explained(tmp_path: Path) -> None:
    result = arrivals(tmp_path, "--format", "warsaw")
    assert result.exit_code == EXIT_TROUBLE
    assert "tickets_reconstructed.parquet" in result.output

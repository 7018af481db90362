"""Are waits of the Warsaw files foretold from what was known at issue, and from nothing else?"""

from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from openhall.rehearsal.evaluation import warsaw
from openhall.rehearsal.evaluation.scores import BASELINES, EvaluationImpossible, WaitScores
from openhall.science.prediction.quantiles import ModelParameters
from tests.style.house import ROOT
from tests.unit.rehearsal.warsaw_days import FIRST_DAY, write_folder

pytestmark = pytest.mark.unit

QUICK = ModelParameters(rounds=6, learning_rate=0.3, leaves=6, leaf_tickets=20, spread_rounds=3, folds=2)
TEST_DAY = FIRST_DAY + timedelta(days=14)
WARSAW = ROOT.parent / "shared" / "data" / "warsaw_hall"


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("past"), days=6)


@pytest.fixture(scope="module")
def later(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("later"), days=2, seed=2, first=TEST_DAY)


@pytest.fixture(scope="module")
def scores(past: Path, later: Path) -> WaitScores:
    return warsaw.evaluate(past, later, parameters=QUICK)


def test_every_ticket_with_a_known_issue_is_answered_and_scored(scores: WaitScores, later: Path) -> None:
    tickets = pl.read_parquet(later / warsaw.TICKETS_FILE)
    assert scores.tickets == tickets["issued_after"].is_not_null().sum()
    assert scores.unanswered_share == 0
    assert scores.fit_days == [(FIRST_DAY + timedelta(days=n)).isoformat() for n in range(6)]
    assert scores.test_days == [(TEST_DAY + timedelta(days=n)).isoformat() for n in range(2)]
    assert set(BASELINES) < set(scores.baselines)
    assert sum(band.tickets for band in scores.bands.values()) == scores.tickets
    assert scores.coverage is not None
    assert 0.5 < scores.coverage < 1


def test_the_same_run_gives_the_same_figures(scores: WaitScores, past: Path, later: Path) -> None:
    assert warsaw.evaluate(past, later, parameters=QUICK) == scores


def test_nothing_after_issue_and_nothing_of_the_call_reaches_a_forecast(
    past: Path, later: Path, tmp_path: Path
) -> None:
    noon = datetime.combine(TEST_DAY, datetime.min.time()) + timedelta(hours=10)
    told = warsaw.foretell(past, later, parameters=QUICK).table.filter(pl.col("issued_by") <= noon)
    chance = np.random.default_rng(5)
    snapshots = pl.read_parquet(later / warsaw.SNAPSHOTS_FILE)
    lies = {
        name: pl.Series(chance.integers(0, 400, snapshots.height))
        for name in ("waiting", "called_no", "open_counters", "service_min_reported", "status")
    }
    snapshots = snapshots.with_columns(
        pl.when(pl.col("ts") > noon).then(values).otherwise(pl.col(name)).alias(name)
        for name, values in lies.items()
    )
    snapshots.write_parquet(tmp_path / warsaw.SNAPSHOTS_FILE)
    tickets = pl.read_parquet(later / warsaw.TICKETS_FILE)
    nonsense = pl.Series(chance.uniform(0, 500, tickets.height))
    tickets.with_columns(
        *(nonsense.alias(name) for name in ("wait_min_lo", "wait_min_hi", "wait_min_mid")),
        *(pl.lit(noon + timedelta(days=9)).alias(name) for name in ("called_after", "called_by")),
    ).write_parquet(tmp_path / warsaw.TICKETS_FILE)
    again = warsaw.foretell(past, tmp_path, parameters=QUICK).table.filter(pl.col("issued_by") <= noon)
    assert told.height > 30
    assert told.drop("wait").equals(again.drop("wait"))
    assert not told["wait"].equals(again["wait"])


def test_a_folder_can_be_parted_in_time(past: Path) -> None:
    scores = warsaw.evaluate(
        past,
        past,
        fit_to=FIRST_DAY + timedelta(days=3),
        test_from=FIRST_DAY + timedelta(days=5),
        parameters=QUICK,
    )
    assert len(scores.fit_days) == 4
    assert scores.test_days == [(FIRST_DAY + timedelta(days=5)).isoformat()]


def test_a_line_that_was_never_learnt_is_answered_too(past: Path, later: Path, tmp_path: Path) -> None:
    for name in (warsaw.SNAPSHOTS_FILE, warsaw.TICKETS_FILE):
        frame = pl.read_parquet(later / name)
        frame.with_columns(queue_id=pl.col("queue_id") + 100).write_parquet(tmp_path / name)
    assert warsaw.evaluate(past, tmp_path, parameters=QUICK).unanswered_share == 0


def test_a_wait_counts_240_minutes_at_most(past: Path, later: Path, tmp_path: Path) -> None:
    pl.read_parquet(later / warsaw.SNAPSHOTS_FILE).write_parquet(tmp_path / warsaw.SNAPSHOTS_FILE)
    tickets = pl.read_parquet(later / warsaw.TICKETS_FILE)
    tickets.with_columns(wait_min_mid=pl.lit(1000.0)).write_parquet(tmp_path / warsaw.TICKETS_FILE)
    assert warsaw.evaluate(past, tmp_path, parameters=QUICK).mean_wait_minutes == 240


@pytest.mark.parametrize(
    ("fit_to", "test_from", "sentence"),
    [
        (FIRST_DAY - timedelta(days=1), None, "2 days to learn from; got 0"),
        (FIRST_DAY, None, "2 days to learn from; got 1"),
        (None, date(2030, 1, 1), "No day is left to ask about"),
        (None, FIRST_DAY + timedelta(days=5), "part them by --fit-to and --test-from"),
    ],
)
def test_a_split_that_leaves_nothing_is_trouble(
    past: Path, fit_to: date | None, test_from: date | None, sentence: str
) -> None:
    with pytest.raises(EvaluationImpossible, match=sentence) as trouble:
        warsaw.evaluate(past, past, fit_to=fit_to, test_from=test_from, parameters=QUICK)
    assert trouble.value.place == str(past)


def test_a_missing_file_or_column_and_a_broken_file_are_trouble(past: Path, tmp_path: Path) -> None:
    with pytest.raises(EvaluationImpossible, match=r"There is no snapshots\.parquet"):
        warsaw.evaluate(tmp_path / "nowhere", past)
    for name in (warsaw.SNAPSHOTS_FILE, warsaw.TICKETS_FILE):
        pl.read_parquet(past / name).write_parquet(tmp_path / name)
    pl.read_parquet(past / warsaw.SNAPSHOTS_FILE).drop("waiting", "ts").write_parquet(
        tmp_path / warsaw.SNAPSHOTS_FILE
    )
    with pytest.raises(EvaluationImpossible, match="lacks the columns ts, waiting"):
        warsaw.evaluate(tmp_path, past)
    (tmp_path / warsaw.SNAPSHOTS_FILE).write_bytes(b"PAR1 and nothing else PAR1")
    with pytest.raises(EvaluationImpossible, match="cannot be read"):
        warsaw.evaluate(tmp_path, past)


@pytest.fixture
def busy_offices(tmp_path: Path) -> Path:
    """Five offices of the real files, from the second of January on: a third of a whole run's work."""
    if not WARSAW.is_dir():
        pytest.skip("the Warsaw files are not beside this repository")
    chosen = ("UD_Bielany", "UD_Mokotow_2", "UD_Praga_Poludnie", "UD_Targowek", "UD_Wola")
    for name, day in ((warsaw.SNAPSHOTS_FILE, "ts"), (warsaw.TICKETS_FILE, "date")):
        rows = pl.scan_parquet(WARSAW / name).filter(
            pl.col("office").cast(pl.String).is_in(chosen) & (pl.col(day) >= pl.datetime(2020, 1, 2))
        )
        rows.collect().write_parquet(tmp_path / name)
    return tmp_path


def test_real_waits_are_foretold_better_than_by_minutes_per_position(busy_offices: Path) -> None:
    small = ModelParameters(rounds=40, learning_rate=0.2, leaves=15, folds=2, spread_rounds=15)
    scores = warsaw.evaluate(
        busy_offices, busy_offices, fit_to=date(2020, 1, 10), test_from=date(2020, 1, 13), parameters=small
    )
    plain = scores.baselines["minutes_per_position"]
    assert scores.tickets > 10_000
    assert scores.mae_minutes is not None
    assert plain.mae_minutes is not None
    assert scores.mae_minutes < 0.85 * plain.mae_minutes
    assert scores.long_lines.mae_minutes is not None
    assert plain.long_lines.mae_minutes is not None
    assert scores.long_lines.mae_minutes < 0.85 * plain.long_lines.mae_minutes
    assert scores.coverage is not None
    assert 0.7 < scores.coverage < 0.92, "fewer days and a smaller model; docs/evaluation.md has the whole"

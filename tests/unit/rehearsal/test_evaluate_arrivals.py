"""Are arrivals foretold from the days before, and from nothing else, in every format?"""

import gzip
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from openhall.rehearsal.evaluation.arrivals import baselines
from openhall.rehearsal.evaluation.arrivals.reading import (
    QUEUES_FILE,
    TICKETS_FILE,
    read_bank_calls,
    read_technion_counts,
    read_warsaw,
)
from openhall.rehearsal.evaluation.arrivals.recorded import facts_of, joined, known_before
from openhall.rehearsal.evaluation.arrivals.rolling import evaluate
from openhall.rehearsal.evaluation.arrivals.scores import ArrivalScores
from openhall.rehearsal.evaluation.scores import EvaluationImpossible
from tests.style.house import ROOT

pytestmark = pytest.mark.unit

DATA = ROOT.parent / "shared" / "data"
FIRST = date(2003, 3, 3)
BANK = "bank_calls.csv.gz"


@pytest.fixture(autouse=True)
def _without_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """statsforecast takes seconds to import; one test has it."""
    monkeypatch.setattr(baselines, "installed", lambda: False)


def bank_rows(days: int, first: date = FIRST, seed: int = 1) -> list[tuple[str, float]]:
    rng = np.random.default_rng(seed)
    rows: list[tuple[str, float]] = []
    for number in range(days + 2 * (days // 5) + 2):
        day = first + timedelta(number)
        if day.weekday() > 4 or len(rows) >= days * 36:
            continue
        level = 20 * (1.3 if day.weekday() == 0 else 1.0) * np.exp(0.05 * rng.standard_normal())
        for slot in range(36):
            at = datetime.combine(day, datetime.min.time()) + timedelta(minutes=420 + 5 * slot)
            rows.append((at.isoformat(sep=" "), float(rng.poisson(level * (1 + np.sin(slot / 12))))))
    return rows


def write_bank(folder: Path, rows: list[tuple[str, float]]) -> Path:
    folder.mkdir(exist_ok=True)
    lines = "\n".join(["ts,calls", *(f"{ts},{calls:g}" for ts, calls in rows)])
    (folder / BANK).write_bytes(gzip.compress(lines.encode()))
    return folder


def write_warsaw(folder: Path, *, first: date = date(2020, 1, 7), days: int = 6, queues: bool = True) -> Path:
    """Two offices of two queues; the busy queue of the second is lost on the last day but one."""
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(3)
    tickets, followed = [], []
    open_days = [first + timedelta(n) for n in range(2 * days) if (first + timedelta(n)).weekday() < 5][:days]
    for at, day in enumerate(open_days):
        for office, queue, rate in (("North", 1, 6), ("North", 2, 2), ("South", 1, 9), ("South", 2, 3)):
            lost = office == "South" and queue == 1 and at == days - 2
            followed.append((office, queue, f"q{queue}", str(day), "jump in numbers" if lost else "ok"))
            if lost:
                continue
            opening = datetime.combine(day, datetime.min.time()) + timedelta(hours=8)
            for reading in range(36):
                after = opening + timedelta(minutes=10 * reading)
                by = after + timedelta(minutes=10)
                ticket = (office, queue, f"q{queue}", opening.replace(hour=0), after, by)
                tickets.extend([ticket] * rng.poisson(rate))
    names = ["office", "queue_id", "service", "date", "issued_after", "issued_by"]
    pl.DataFrame(tickets, schema=names, orient="row").write_parquet(folder / TICKETS_FILE)
    if queues:
        frame = pl.DataFrame(
            followed, schema=["office", "queue_id", "service", "date", "status"], orient="row"
        )
        (folder / QUEUES_FILE).write_bytes(gzip.compress(frame.write_csv().encode()))
    return folder


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bank(tmp_path_factory.mktemp("past"), bank_rows(16))


def test_every_promised_figure_is_there_and_the_run_repeats(past: Path) -> None:
    scores = evaluate(past, past, kind="bank-calls")
    assert len(scores.test_days) == 5, "the last third"
    assert scores.fit_days == 11
    assert scores.wape is not None
    assert scores.wape < 0.2
    assert set(scores.wape_by_horizon) >= {"1", "7"}
    assert scores.pinball.p50 == pytest.approx(scores.wape / 2, abs=1e-3)
    assert scores.coverage.interval is not None
    assert set(baselines.RULES) <= set(scores.baselines)
    assert set(scores.intraday) == {"07:00", "09:00"}
    assert set(scores.intraday["09:00"].ordinary) == {"openhall", "static", "ratio", "svd_pls"}
    assert scores.notes == ("statsforecast_not_installed",)
    assert evaluate(past, past, kind="bank-calls") == scores


def test_two_folders_are_one_record(past: Path, tmp_path: Path) -> None:
    rows = bank_rows(16)
    fit = write_bank(tmp_path / "fit", rows[: 11 * 36])
    test = write_bank(tmp_path / "test", rows[11 * 36 :])
    assert evaluate(fit, test, kind="bank-calls") == evaluate(past, past, kind="bank-calls")


def test_later_days_do_not_change_what_is_said_of_a_day(past: Path, tmp_path: Path) -> None:
    rows = bank_rows(16)
    changed = [*rows[: 12 * 36], *((ts, calls * 3) for ts, calls in rows[12 * 36 :])]
    other = write_bank(tmp_path / "other", changed)
    for folder in (past, other):
        recorded = read_bank_calls(folder)
        known = known_before(recorded, 11, facts_of(recorded, "US"))
        assert known.history.counts.shape[1] == 11
    day = date(2003, 3, 18)
    first = [_of_one_day(folder, tmp_path, day) for folder in (past, other)]
    assert first[0] == first[1]


def _of_one_day(folder: Path, place: Path, day: date) -> ArrivalScores:
    """The scores of one test day: the folder's days up to it are the test folder."""
    rows = gzip.decompress((folder / BANK).read_bytes()).decode().splitlines()[1:]
    kept = [row.split(",") for row in rows if row[:10] <= str(day)]
    one = write_bank(place / f"until {folder.name}", [(ts, float(calls)) for ts, calls in kept])
    return evaluate(one, one, kind="bank-calls", test_from=day)


def test_holes_and_a_folder_of_later_days_only_are_lived_with(tmp_path: Path) -> None:
    rows = [row for number, row in enumerate(bank_rows(12)) if not 100 < number < 110]
    folder = write_bank(tmp_path / "holes", rows)
    recorded = read_bank_calls(folder)
    assert np.isnan(recorded.counts).sum() in (2, 3)
    scores = evaluate(folder, folder, kind="bank-calls", test_from=date(2003, 3, 4))
    assert scores.fit_days == 1
    assert scores.wape is not None


Change = Callable[[list[tuple[str, float]]], list[tuple[str, float]]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: [*rows, (rows[0][0], rows[0][1] + 1)], "there twice"),
        (lambda rows: [(rows[0][0], -1.0), *rows[1:]], "fewer than no calls"),
        (lambda rows: [("2003-03-03 07:02:00", 5.0), *rows[1:]], "No 5 minutes begin here"),
        (lambda rows: [("yesterday", 5.0), *rows[1:]], "Expected columns ts and calls"),
        (lambda rows: rows[:0], "has no rows"),
        (lambda rows: rows[:36], "no day to test"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(tmp_path: Path, change: Change, message: str) -> None:
    folder = write_bank(tmp_path / "bad", change(bank_rows(3)))
    with pytest.raises(EvaluationImpossible, match=message):
        evaluate(folder, folder, kind="bank-calls")


@pytest.mark.parametrize("kind", ["bank-calls", "warsaw", "technion-counts"])
def test_an_empty_folder_is_refused(tmp_path: Path, kind: str) -> None:
    with pytest.raises(EvaluationImpossible, match="There is no"):
        evaluate(tmp_path, tmp_path, kind=kind)


def test_folders_that_contradict_each_other_are_refused(past: Path, tmp_path: Path) -> None:
    other = write_bank(tmp_path / "other", bank_rows(16, seed=2))
    with pytest.raises(EvaluationImpossible, match="different counts"):
        evaluate(past, other, kind="bank-calls")


def test_a_weekday_without_a_record_is_a_hole_and_a_holiday_a_closure(tmp_path: Path) -> None:
    rows = [
        row
        for row in bank_rows(12, first=date(2003, 5, 19))
        if row[0][:10] not in ("2003-05-26", "2003-05-29")
    ]
    recorded = read_bank_calls(write_bank(tmp_path / "gaps", rows))
    facts = {day.date: day for day in facts_of(recorded, "US")}
    assert facts[date(2003, 5, 27)].days_since_open == 4, "Memorial Day was closed"
    assert facts[date(2003, 5, 30)].days_since_open == 1, "29 May is only missing"


@pytest.mark.parametrize("queues", [True, False])
def test_a_queue_that_was_not_recorded_is_no_queue_without_people(tmp_path: Path, queues: bool) -> None:
    recorded = read_warsaw(write_warsaw(tmp_path / "warsaw", queues=queues))
    lost = recorded.places.index("South")
    assert np.isnan(recorded.counts[lost, -2]).all()
    assert np.isfinite(recorded.counts).sum() == recorded.counts.size - recorded.counts.shape[2]
    known = known_before(recorded, 6, facts_of(recorded, "PL"))
    south = known.history.counts[1].sum(axis=1)
    assert south[-2] == pytest.approx(np.median(south), rel=0.3)


def test_warsaw_offices_are_foretold_by_the_queues_that_are_recorded(tmp_path: Path) -> None:
    folder = write_warsaw(tmp_path / "warsaw")
    scores = evaluate(folder, folder, kind="warsaw", test_from=date(2020, 1, 9))
    assert scores.places == 2
    assert scores.wape is not None
    assert scores.wape < 0.35
    naive = scores.baselines["mean_of_days_as_recorded"].wape
    assert naive is not None
    assert scores.wape < naive
    assert "holes_in_parts" in scores.notes


def test_two_warsaw_folders_join_by_queue(tmp_path: Path) -> None:
    one, two = (
        write_warsaw(tmp_path / "one"),
        write_warsaw(tmp_path / "two", first=date(2020, 1, 20), queues=False),
    )
    both = joined(read_warsaw(one), read_warsaw(two))
    assert len(both.dates) == 12
    assert both.parts == ("1 q1", "2 q2", "1 q1", "2 q2")


@pytest.mark.soak
def test_statsforecast_is_asked_where_it_is_installed() -> None:
    pytest.importorskip("statsforecast")
    whole = np.random.default_rng(1).poisson(50, (1, 15, 4)).astype(float)
    dates = [FIRST + timedelta(n) for n in range(15)]
    days = [FIRST + timedelta(15 + n) for n in range(2)]
    for model in baselines.daily_models(7).values():
        told = baselines.by_daily_model(model, whole, dates, days, [1, 2])
        assert told.shape == (2, 1, 4)
        assert told.sum(axis=2) == pytest.approx(200, rel=0.2)


def test_a_rule_falls_back_to_what_it_has() -> None:
    whole = np.array([[[1.0, 2.0], [np.nan, 4.0]]])
    dates = [FIRST, FIRST + timedelta(1)]
    tuesday, wednesday = FIRST + timedelta(8), FIRST + timedelta(9)
    assert baselines.seasonal_naive(whole, dates, tuesday).tolist() == [[1.0, 4.0]], "a hole takes the mean"
    assert baselines.four_same_weekdays(whole, dates, wednesday).tolist() == [[1.0, 3.0]], "no Wednesday"
    assert baselines.mean_of_days(whole, dates, wednesday).tolist() == [[1.0, 3.0]]


# --- recorded days -----------------------------------------------------------------------------------


def _slice(kind: str, name: str, test_from: date) -> ArrivalScores:
    folder = DATA / name
    if not folder.is_dir():
        pytest.skip(f"{name} is not here")
    return evaluate(folder, folder, kind=kind, test_from=test_from)


def test_the_bank_is_foretold_within_the_bar() -> None:
    scores = _slice("bank-calls", "bank_calls_5min", date(2003, 9, 2))
    assert scores.surge_days == (date(2003, 9, 2),)
    four = scores.baselines["mean_of_four_same_weekdays"].wape
    assert scores.wape is not None
    assert four is not None
    assert scores.wape < 0.055 < four


def test_warsaw_is_foretold_better_than_by_the_mean_of_days() -> None:
    scores = _slice("warsaw", "warsaw_hall", date(2020, 1, 14))
    mean = scores.baselines["mean_of_days"].wape
    assert scores.wape is not None
    assert mean is not None
    assert scores.wape < 0.88 * mean


def test_the_call_centre_counts_are_read_to_the_last_half() -> None:
    folder = DATA / "technion_callcenter"
    if not folder.is_dir():
        pytest.skip("technion_callcenter is not here")
    recorded = read_technion_counts(folder)
    assert recorded.counts.shape[2] == 48
    assert not np.isnan(recorded.counts).any()

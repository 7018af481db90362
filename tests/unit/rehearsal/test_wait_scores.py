"""Do the figures of a wait forecast say what they are named for?"""

import numpy as np
import pytest

from openhall.rehearsal.evaluation.scores import EvaluationImpossible, Forecasts, WaitScores, score_waits

pytestmark = pytest.mark.unit

WAIT = np.array([2.0, 10.0, 20.0, 40.0])
AHEAD = np.array([0, 3, 5, 50])


def scored(
    point: list[float],
    *,
    plain: list[float] | None = None,
    wait: np.ndarray = WAIT,
    ahead: np.ndarray = AHEAD,
) -> WaitScores:
    told = np.array(point)
    return score_waits(
        format="warsaw",
        wait=wait,
        ahead=ahead,
        model=Forecasts(point=told, p10=told - 5, p90=told + 5),
        baselines={"plain": np.array(plain or point)},
        fit_days=["2020-01-02"],
        test_days=["2020-01-03"],
    )


def test_errors_are_forecast_minus_wait() -> None:
    scores = scored([3.0, 10.0, 17.0, 50.0])
    assert scores.mae_minutes == pytest.approx((1 + 0 + 3 + 10) / 4)
    assert scores.rmse_minutes == pytest.approx(((1 + 0 + 9 + 100) / 4) ** 0.5, abs=1e-4)
    assert scores.bias_minutes == pytest.approx((1 + 0 - 3 + 10) / 4)
    assert scores.mean_wait_minutes == 18


def test_coverage_is_told_over_long_lines_and_both_ends_count() -> None:
    scores = scored([90.0, 15.0, 25.0, 60.0])
    assert scores.long_lines.tickets == 3
    assert scores.coverage == pytest.approx(2 / 3, abs=1e-4)
    assert scores.bands["0"].coverage == 0
    assert scores.bands["3-5"].coverage == 1
    assert scores.bands["41+"].coverage == 0
    assert scores.bands["6-10"].coverage is None, "a band without tickets has no figures"


def test_no_answer_enters_no_error_and_its_share_is_told() -> None:
    scores = scored([np.nan, 10.0, 20.0, 44.0], plain=[2.0, np.nan, 20.0, 50.0])
    assert scores.unanswered_share == 0.25
    assert scores.mae_minutes == pytest.approx(4 / 3, abs=1e-4)
    plain = scores.baselines["plain"]
    assert plain.unanswered_share == 0.25
    assert plain.mae_minutes == pytest.approx(10 / 3, abs=1e-4)
    assert plain.model_mae_minutes == 2, "over the two tickets that both answered"
    assert plain.long_lines.mae_minutes == 5


def test_nothing_to_score_is_trouble_and_a_wrong_length_a_mistake() -> None:
    with pytest.raises(EvaluationImpossible):
        scored([], wait=np.array([]), ahead=np.array([], dtype=np.int64))
    with pytest.raises(ValueError, match="Expected point of shape"):
        scored([1.0])

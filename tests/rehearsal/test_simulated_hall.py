"""Does learning from a hall's log forecast its waits almost as well as knowing the hall?

Reduced: some past days and some test days. The figures of the whole run are in docs/learning.md.
"""

from __future__ import annotations

import pytest

from openhall.flows.behaviour import samples_of
from openhall.hall.model import ROOM
from openhall.rehearsal.evaluation.hidden import HiddenParameters, hidden_hall, play
from openhall.rehearsal.evaluation.scores import HEAD_OF_LINE, LAST_TO_ENTER_SERVICE, QUEUE_LENGTH, WaitScores
from openhall.rehearsal.evaluation.simulated import TRUE_PARAMETERS, evaluate_simulated
from openhall.science.samples import together


@pytest.fixture(scope="module")
def scores() -> WaitScores:
    return evaluate_simulated(HiddenParameters(past_days=12, test_days=8, futures=100))


def test_it_is_almost_as_good_as_knowing_the_hall(scores: WaitScores) -> None:
    truth = scores.baselines[TRUE_PARAMETERS]
    assert scores.mae_minutes is not None
    assert truth.mae_minutes is not None
    assert scores.mae_minutes <= 1.15 * truth.mae_minutes, "few days and few futures; 1.05 in the whole run"


@pytest.mark.parametrize(
    ("name", "at_most"), [(QUEUE_LENGTH, 0.85), (LAST_TO_ENTER_SERVICE, 0.6), (HEAD_OF_LINE, 0.6)]
)
def test_it_is_far_better_than_the_simple_rules(scores: WaitScores, name: str, at_most: float) -> None:
    other = scores.baselines[name]
    assert other.model_mae_minutes is not None
    assert other.mae_minutes is not None
    assert other.model_mae_minutes <= at_most * other.mae_minutes


def test_eight_of_ten_waits_are_inside_the_interval(scores: WaitScores) -> None:
    assert scores.coverage is not None
    assert 0.65 <= scores.coverage <= 0.92


def test_a_day_of_the_hall_leaves_a_log_like_any_other() -> None:
    hall = hidden_hall(HiddenParameters(patience_minutes_mean=30))
    stage = play(hall, 0)
    assert stage.state.is_ended
    assert ROOM.check(stage.state) == []
    found = samples_of(stage.stream, stage.book.store.read(stream=stage.stream))
    assert found is not None
    whole = together(found.groups.values())
    assert whole.joined > 200
    assert min(whole.reneged, whole.held, whole.absent, whole.second) > 0, "everything happens in it"


def test_the_same_seed_is_the_same_hall() -> None:
    parameters = HiddenParameters(past_days=1, test_days=1, futures=20)
    assert evaluate_simulated(parameters) == evaluate_simulated(parameters)

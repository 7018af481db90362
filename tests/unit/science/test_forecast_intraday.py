"""Is an ordinary morning left alone, and a surge caught?"""

from datetime import date

import msgspec
import numpy as np
import pytest

from openhall.science.forecast.days import fit
from openhall.science.forecast.intraday import Posterior
from openhall.science.forecast.straying import IntradayParameters
from openhall.science.forecast.today import IntradayModel, learn
from tests.unit.science.forecast_days import expected, invented, next_days

pytestmark = pytest.mark.unit

LEVEL = 4_000.0
TODAY = next_days(invented(60))[0]
NOON = 540 + 3 * 30


@pytest.fixture(scope="module")
def model() -> IntradayModel:
    return learn(fit(invented(60, (LEVEL,))))


def counted(factor: float, seed: int = 7) -> np.ndarray:
    return np.random.default_rng(seed).poisson(factor * expected(TODAY.date, LEVEL)).astype(float)


def read(model: IntradayModel, counts: np.ndarray, minute: int, *, reopening: int = 0) -> Posterior:
    ahead = model.model.predict({"A": [TODAY]})[0].days[0]
    facts = msgspec.structs.replace(TODAY, reopening_day=reopening)
    return model.read("A", "cash", ahead, counts, minute=minute, facts=facts)


def test_before_opening_the_forecast_of_the_day_before_stands(model: IntradayModel) -> None:
    ahead = model.model.predict({"A": [TODAY]})[0].days[0]
    rest = read(model, np.full(8, np.nan), 480).rest()
    assert rest.first_minute == 540
    assert rest.middle == pytest.approx(ahead.middle, rel=0.02)
    assert rest.surge_probability == pytest.approx(IntradayParameters().surge_share)


@pytest.mark.parametrize("factor", [1.0, 1.3, 1.6, 2.85, 0.6])
def test_a_day_of_another_size_is_caught_after_three_intervals(model: IntradayModel, factor: float) -> None:
    counts = counted(factor)
    posterior = read(model, counts, NOON)
    rest = posterior.rest()
    truth = factor * expected(TODAY.date, LEVEL)[3:]
    assert rest.total_middle == pytest.approx(truth.sum(), rel=0.08)
    assert (rest.surge_probability > 0.5) is (factor != 1.0)


def test_an_ordinary_morning_is_not_read_into(model: IntradayModel) -> None:
    for seed in range(20):
        assert read(model, counted(1.0, seed), 540 + 60).rest().surge_probability < 0.2


def test_a_surge_is_believed_sooner_on_the_day_after_a_closure(model: IntradayModel) -> None:
    counts = counted(1.22)
    plain, reopened = (read(model, counts, 570, reopening=day).surge_probability for day in (0, 1))
    assert reopened > plain


def test_counts_of_the_future_are_not_looked_at(model: IntradayModel) -> None:
    counts = counted(1.1)
    changed = counts.copy()
    changed[3:] = 99_999
    assert read(model, counts, NOON).rest() == read(model, changed, NOON).rest()


def test_an_interval_that_is_not_over_counts_with_its_part(model: IntradayModel) -> None:
    truth = expected(TODAY.date, LEVEL)
    counts = np.round(truth)
    counts[2] = round(truth[2] / 3)
    rest = read(model, counts, 540 + 70).rest()
    assert rest.first_minute == 600
    assert len(rest.middle) == 6
    assert rest.middle[0] == pytest.approx(truth[2] * 2 / 3, rel=0.1)
    assert rest.seen == counts[:3].sum()


def test_a_hole_in_the_morning_is_not_read_as_nobody(model: IntradayModel) -> None:
    counts = counted(1.0)
    counts[1] = np.nan
    assert read(model, counts, NOON).rest().surge_probability < 0.2


def test_after_closing_nothing_is_left(model: IntradayModel) -> None:
    rest = read(model, counted(1.0), 1_000).rest()
    assert rest.middle == ()
    assert rest.total_mean == rest.total_low == rest.total_high == 0


def test_scenarios_repeat_and_agree_with_the_quantiles(model: IntradayModel) -> None:
    posterior = read(model, counted(1.3), NOON)
    one, again, other = (posterior.scenarios(2_000, seed=seed) for seed in (3, 3, 4))
    assert one.shape == (2_000, 5)
    assert (one == again).all()
    assert (one != other).any()
    rest = posterior.rest()
    assert one.mean(axis=0) == pytest.approx(rest.mean, rel=0.05)
    assert np.median(one.sum(axis=1)) == pytest.approx(rest.total_middle, rel=0.05)


def test_a_branch_without_a_past_is_still_read() -> None:
    history = invented(60, (LEVEL,)).until(1)
    young = learn(fit(history))
    ahead = young.model.predict({"A": next_days(history)})[0].days[0]
    truth = 2 * np.array(ahead.middle)
    rest = young.read("A", "cash", ahead, truth, minute=NOON, facts=next_days(history)[0]).rest()
    assert rest.total_middle > 1.5 * sum(ahead.middle[3:])


def test_counts_of_another_day_shape_are_refused(model: IntradayModel) -> None:
    with pytest.raises(ValueError, match="Expected 8 counts"):
        read(model, np.zeros(5), NOON)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"surge_log_sd": 0.0}, "surge_log_sd"),
        ({"surge_share": 1.5}, "surge_share"),
        ({"factors": 0}, "factors"),
        ({"prior_days": 0.0}, "prior_days"),
        ({"days": 0}, "days"),
    ],
)
def test_impossible_parameters_are_refused(change: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=f"Expected {message}"):
        IntradayParameters(**change)  # type: ignore[arg-type]


def test_the_day_is_todays(model: IntradayModel) -> None:
    assert read(model, counted(1.0), NOON).rest().date == TODAY.date != date(2025, 3, 3)

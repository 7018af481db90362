"""What holds of every forecast, whatever the history."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openhall.science.forecast.counts import History
from openhall.science.forecast.days import fit
from openhall.science.forecast.today import learn
from tests.unit.science.forecast_days import invented, next_days

pytestmark = pytest.mark.property


@st.composite
def histories(draw: st.DrawFn) -> History:
    levels = draw(st.lists(st.sampled_from([0.0, 2.0, 30.0, 800.0]), min_size=1, max_size=3))
    history = invented(draw(st.integers(0, 12)), levels, seed=draw(st.integers(0, 1_000)))
    counts = history.counts.copy()
    holes = np.random.default_rng(draw(st.integers(0, 1_000))).random(counts.shape)
    counts[holes < draw(st.sampled_from([0.0, 0.1, 0.6]))] = np.nan
    return replace(history, counts=counts)


@settings(max_examples=25, deadline=None)
@given(history=histories(), factor=st.sampled_from([0.0, 0.5, 3.0]), minute=st.integers(500, 800))
def test_forecasts_are_bounded_ordered_and_add_up(history: History, factor: float, minute: int) -> None:
    coming = next_days(history, 3)
    branches = [one.branch for one in history.series]
    model = fit(history)
    told = model.predict(dict.fromkeys(branches, coming))
    assert [one.branch for one in told] == branches
    for one in told:
        for day in one.days:
            _in_order(day.low, day.middle, day.high, day.total_low, day.total_middle, day.total_high)
            assert sum(day.mean) == pytest.approx(day.total_mean)
            assert sum(day.middle) == pytest.approx(day.total_middle)
            assert 0 <= day.cv <= 3
            assert day.dispersion >= 1
    today = learn(model)
    ahead = told[0].days[0]
    counts = np.round(factor * np.array(ahead.middle))
    posterior = today.read(branches[0], "cash", ahead, counts, minute=minute, facts=coming[0])
    rest = posterior.rest()
    _in_order(rest.low, rest.middle, rest.high, rest.total_low, rest.total_middle, rest.total_high)
    assert sum(rest.mean) == pytest.approx(rest.total_mean)
    assert 0 <= rest.surge_probability <= 1
    drawn = posterior.scenarios(20, seed=1)
    assert drawn.shape == (20, len(rest.mean))
    assert (drawn >= 0).all()
    assert (drawn == np.round(drawn)).all()


def _in_order(
    low: tuple[float, ...],
    middle: tuple[float, ...],
    high: tuple[float, ...],
    total_low: float,
    total_middle: float,
    total_high: float,
) -> None:
    values = np.array([low, middle, high])
    assert np.isfinite(values).all()
    assert (values >= 0).all()
    assert (np.diff(values, axis=0) >= -1e-9).all()
    assert 0 <= total_low <= total_middle <= total_high


@settings(max_examples=10, deadline=None)
@given(scale=st.sampled_from([2.0, 5.0]), seed=st.integers(0, 50))
def test_a_busier_branch_is_forecast_busier_in_proportion(scale: float, seed: int) -> None:
    history = invented(20, (500.0,), seed=seed)
    more = replace(history, counts=history.counts * scale)
    days = next_days(history)
    plain, busy = (fit(one).predict({"A": days})[0].days[0] for one in (history, more))
    assert busy.total_middle == pytest.approx(scale * plain.total_middle, rel=0.03)

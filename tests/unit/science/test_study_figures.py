"""Are means, intervals and differences what the formulas say?"""

import numpy as np
import pytest
from scipy import stats

from openhall.science import engine
from openhall.science.study import figures
from openhall.science.study.precision import Precision, judge
from openhall.science.study.tasks import METRICS, Task, fractions_of
from tests.studied import BRANCHES, REPLICATIONS, part, plan, sums_of

WHOLE = Task(0, BRANCHES, 0, REPLICATIONS)


def test_the_interval_of_a_mean_is_students() -> None:
    values = np.array([[3.0, 1.0], [5.0, 1.0], [4.0, 1.0], [8.0, 1.0]])
    found = figures.estimate(values)
    expected = stats.t.interval(0.95, 3, loc=5.0, scale=stats.sem([3.0, 5.0, 4.0, 8.0]))
    assert (found.low, found.high) == pytest.approx(expected)


def test_the_interval_of_a_ratio_counts_both_of_its_sums() -> None:
    """A worked example: x = 2 y exactly leaves nothing uncertain, however y varies."""
    values = np.array([[2.0, 1.0], [8.0, 4.0], [4.0, 2.0]])
    assert figures.estimate(values) == figures.Estimate(2.0, 0.0, 3)
    values[0, 0] = 3.0  # R = 15/7; d = (6, -4, -2) / 7; s = 0.7559; mean of y = 7/3
    half_width = stats.t.ppf(0.975, 2) * np.std(np.array([6, -4, -2]) / 7, ddof=1) / (7 / 3) / 3**0.5
    assert figures.estimate(values).half_width == pytest.approx(half_width)


def test_little_is_said_of_little() -> None:
    assert figures.estimate(np.empty((0, 2))) == figures.Estimate(None, None, 0)
    assert figures.estimate(np.array([[1.0, 2.0]])) == figures.Estimate(0.5, None, 1)
    assert figures.estimate(np.zeros((5, 2))) == figures.Estimate(None, None, 5), "nobody came"
    assert figures.difference(np.zeros((5, 2)), np.ones((5, 2))).estimate.mean is None


def test_a_difference_on_the_same_customers_is_paired() -> None:
    rng = np.random.default_rng(1)
    base = np.stack([rng.normal(50, 10, 200), np.ones(200)], axis=1)
    other = base + np.stack([rng.normal(-3, 1, 200), np.zeros(200)], axis=1)
    found = figures.difference(other, base)
    paired = stats.ttest_rel(other[:, 0], base[:, 0]).confidence_interval()
    assert (found.estimate.low, found.estimate.high) == pytest.approx((paired.low, paired.high))
    assert found.variance_ratio == pytest.approx(200, rel=0.3), "10**2 + 10**2 against 1**2"


def test_of_one_branch_the_sums_say_what_its_days_say() -> None:
    """The moments of a branch in two limbs against the plain formula over its days."""
    sums = sums_of([WHOLE])
    days = np.stack([part(Task(b, 1, 0, REPLICATIONS)).days for b in range(BRANCHES)], axis=1)
    for policy in range(2):
        for metric in METRICS:
            own = figures.branch_estimates(sums, policy, metric)
            less = figures.branch_differences(sums, policy, metric)
            for branch in range(BRANCHES):
                ours, base = (values_of(days[p, branch], metric) for p in (policy, 0))
                one, other = figures.estimate(ours), figures.difference(ours, base).estimate
                assert own.mean[branch] == pytest.approx(one.mean, abs=1e-9)
                assert own.half_width[branch] == pytest.approx(one.half_width, rel=1e-2, abs=1e-2)
                assert less.mean[branch] == pytest.approx(other.mean, abs=1e-9)
                assert less.half_width[branch] == pytest.approx(other.half_width, rel=1e-2, abs=1e-2)


def values_of(days: engine.Ints, metric: str) -> figures.Floats:
    unit = 60_000.0 if "minutes" in metric else 1.0
    found = fractions_of(days).astype(float)[:, METRICS.index(metric)]
    found[:, 0] /= unit
    return found


def test_the_parts_of_a_network_add_up() -> None:
    sums = sums_of([WHOLE])
    assert (
        sums.totals[:, :, engine.ARRIVED].sum(axis=1) == sums.days[:, :, engine.DAY_ARRIVED].sum(axis=1)
    ).all()
    assert (sums.branch_totals.sum(axis=1) == sums.days.sum(axis=1)).all()
    assert (sums.branch_waits.sum(axis=1) == sums.waits.sum(axis=1)).all()


def test_both_policies_meet_the_same_customers() -> None:
    days = part(WHOLE).days
    assert (days[0, :, engine.DAY_ARRIVED] == days[1, :, engine.DAY_ARRIVED]).all()


@pytest.mark.parametrize(
    ("counts", "share", "minutes", "reason"),
    [
        ([4, 0, 0], 0.5, 0.25, "in the middle of the first half minute"),
        ([2, 2, 0], 0.5, 0.5, "on the edge of two"),
        ([0, 0, 2], 0.9, 1.45, "near the end of the third"),
    ],
)
def test_a_quantile_of_the_waits_is_linear_within_a_bin(
    counts: list[int], share: float, minutes: float, reason: str
) -> None:
    waits = np.zeros(engine.WAIT_BINS, np.int64)
    waits[:3] = counts
    assert figures.wait_quantile_minutes(waits, share) == pytest.approx(minutes), reason


def test_the_longest_waits_and_nobodys() -> None:
    waits = np.zeros(engine.WAIT_BINS, np.int64)
    assert figures.wait_quantile_minutes(waits, 0.5) is None
    assert figures.share_within(waits, 10) is None
    waits[-1] = 3
    assert figures.wait_quantile_minutes(waits, 0.5) == 240.0
    waits[19] = 1
    assert figures.share_within(waits, 10) == 0.25


POLICIES = ("as it is", "all")

# precision, reached, by which interval, reason
PRECISIONS = [
    (Precision(half_width=1_000.0), True, "a thousand minutes"),
    (Precision(half_width=1e-6), False, "a fraction of a millisecond"),
    (Precision(relative=0.9), True, "nine tenths of the mean"),
    (Precision(half_width=1e-6, of="difference"), False, "of the difference"),
    (Precision(half_width=1_000.0, level="branch"), True, "in every branch"),
    (Precision(half_width=1_000.0, level="branch", of="difference"), True, "in every branch's difference"),
]


@pytest.mark.parametrize(("precision", "is_reached", "reason"), PRECISIONS)
def test_a_study_stops_when_its_intervals_are_narrow(
    precision: Precision, is_reached: bool, reason: str
) -> None:
    verdict = judge(sums_of([WHOLE]), precision, POLICIES)
    assert verdict.is_reached == is_reached, reason
    assert verdict.replications == REPLICATIONS


def test_the_widest_interval_decides() -> None:
    sums = sums_of([WHOLE])
    widths = [figures.branch_estimates(sums, p, "wait_minutes").half_width for p in range(2)]
    verdict = judge(sums, Precision(half_width=0.01, level="branch"), POLICIES)
    assert verdict.half_width == pytest.approx(max(float(w.max()) for w in widths))
    assert verdict.branch == int(widths[POLICIES.index(verdict.policy)].argmax())


def test_a_precision_asks_for_what_can_be() -> None:
    for wrong in (
        {"metric": "wait", "half_width": 1.0},
        {},
        {"half_width": 1.0, "relative": 0.1},
        {"half_width": -1.0},
        {"half_width": 1.0, "minimum": 1},
        {"half_width": 1.0, "minimum": 9, "maximum": 8},
    ):
        with pytest.raises(ValueError, match="Expected"):
            Precision(**wrong)


def test_batches_end_at_the_maximum() -> None:
    precision = Precision(half_width=1.0, minimum=10, batch=20, maximum=45)
    assert [precision.next_batch(done) for done in (0, 10, 30, 45)] == [10, 20, 15, 0]


def test_the_plan_has_named_limits() -> None:
    with pytest.raises(ValueError, match="20000 customers"):
        type(plan())(
            **{f: getattr(plan(), f) for f in plan().__struct_fields__}
            | {"branches": plan().branches * 1_000}
        )

"""Is what is learned one's own where much was seen, and borrowed where little was?"""

from __future__ import annotations

from array import array
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openhall.science import durations, survival
from openhall.science.arriving import arrivals_of, dispersion_of, usual_dispersion
from openhall.science.believed import EARLIEST_MS
from openhall.science.durations import Durations
from openhall.science.habits import NOBODY, GroupRules, assumed, model_of
from openhall.science.learning import (
    LearningParameters,
    Network,
    Offered,
    blend,
    blend_share,
    learn,
    learn_branch,
    table_of,
)
from openhall.science.samples import (
    STRETCH_MS,
    BookedSamples,
    BranchSamples,
    DayArrivals,
    GroupSamples,
    Times,
)

LANE = Offered("lane", (("cash", 300_000.0), ("accounts", 540_000.0)), ("ordinary", "green"))
CASH = ("cash", "ordinary")


def times(*ended: int, cut: tuple[int, ...] = ()) -> Times:
    return Times(array("q", ended), array("q", cut))


def around(mean_ms: float, count: int, seed: int = 1) -> Times:
    found = np.random.default_rng(seed).gamma(2, mean_ms / 2, count)
    return times(*(int(x) + 1 for x in found))


def seen(service: Times, **counts: int) -> BranchSamples:
    group = GroupSamples(service=service, joined=len(service), called=len(service), served=len(service))
    for name, value in counts.items():
        setattr(group, name, value)
    day = DayArrivals(date(2026, 3, 2), 9 * 3_600_000, 17 * 3_600_000, {})
    return BranchSamples({CASH: group}, {("cash", "ordinary", ""): service}, [day])


# --- the product-limit estimate ----------------------------------------------------------------------


def test_the_estimate_of_a_worked_example() -> None:
    """Freireich's leukaemia trial, the 6-MP arm, as in every textbook (Cox and Oakes 1984, table 1.1)."""
    weeks = [(6, 1), (6, 1), (6, 1), (6, 0), (7, 1), (9, 0), (10, 1), (10, 0), (11, 0), (13, 1), (16, 1)]
    weeks += [(17, 0), (19, 0), (20, 0), (22, 1), (23, 1), (25, 0), (32, 0), (32, 0), (34, 0), (35, 0)]
    lasted, ended = (np.array(column, float) for column in zip(*weeks, strict=True))
    curve = survival.product_limit(lasted, ended == 1)
    assert curve.moments_ms.tolist() == [6, 7, 10, 13, 16, 22, 23]
    surviving = [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448]
    assert np.round(1 - curve.left, 3).tolist() == surviving
    assert curve.rate == pytest.approx(9 / lasted.sum())


def test_a_weight_of_two_is_the_same_as_two() -> None:
    lasted, ended = np.array([3.0, 5.0, 8.0]), np.array([True, False, True])
    once = survival.product_limit(lasted, ended, np.array([2.0, 1.0, 1.0]))
    twice = survival.product_limit(np.array([3.0, 3.0, 5.0, 8.0]), np.array([True, True, False, True]))
    assert once.left.tolist() == pytest.approx(twice.left.tolist())


def test_where_nobody_left_nobody_leaves() -> None:
    curve = survival.product_limit(np.array([5.0, 9.0]), np.array([False, False]))
    assert survival.patience(curve) is None


def test_beyond_what_was_seen_people_go_on_leaving_at_the_mean_rate() -> None:
    rng = np.random.default_rng(3)
    patience, called = rng.exponential(40 * 60_000, 20_000), rng.uniform(0, 30 * 60_000, 20_000)
    curve = survival.product_limit(
        np.minimum(patience, called), patience <= called, still_there_at_least=survival.STILL_THERE_AT_LEAST
    )
    table = survival.patience(curve)
    assert table is not None
    for minutes in (10, 25, 60, 120):
        assert table.share_below(minutes * 60_000) == pytest.approx(1 - np.exp(-minutes / 40), abs=0.03)
    assert table.points_ms[-1] == survival.FAR_MS


def test_durations_cut_short_do_not_make_the_others_short() -> None:
    rng = np.random.default_rng(4)
    gaps, until = rng.exponential(20_000, 5_000), rng.exponential(20_000, 5_000)
    is_cut = until < gaps
    table = table_of(times(*gaps[~is_cut].astype(int), cut=tuple(until[is_cut].astype(int))))
    assert table is not None
    assert table.quantile_ms(0.5) == pytest.approx(20_000 * np.log(2), rel=0.08)


# --- borrowing ---------------------------------------------------------------------------------------


def test_with_nothing_seen_it_is_all_borrowed() -> None:
    prior = durations.constant(60_000)
    assert blend(None, prior, 30).points_ms == prior.points_ms
    assert blend_share(0, 0, 0.03, 100) == 0.03


def test_with_as_many_as_k_it_is_half_and_half_quantile_by_quantile() -> None:
    own = durations.of_samples([100_000] * 30)
    mixed = blend(own, durations.constant(60_000), 30)
    assert set(mixed.points_ms) == {80_000}
    assert mixed.own_share == 0.5
    assert blend_share(10, 100, 0.0, 100) == 0.05


def test_with_very_many_it_is_ones_own() -> None:
    own = durations.of_samples(list(range(1, 100_000)))
    mixed = blend(own, durations.constant(10_000_000), 30)
    assert mixed.mean_ms == pytest.approx(own.mean_ms, rel=0.07)
    assert mixed.own_share > 0.999


def test_a_table_of_samples_keeps_their_mean_also_when_thinned() -> None:
    samples = np.random.default_rng(2).lognormal(10, 1, 4_000)
    table = durations.of_samples(samples)
    assert table.mean_ms == pytest.approx(samples.mean(), rel=1e-4)
    assert durations.thinned(table, 33).mean_ms == pytest.approx(samples.mean(), rel=1e-3)


def test_a_branch_of_its_own_pace_keeps_it_and_a_new_one_lives_on_the_others() -> None:
    own = seen(around(480_000, 3_000))
    others = {"far": seen(around(200_000, 3_000, 2)), "lane": own}
    lane, new = learn(others, [LANE, Offered("new", LANE.service_ms, LANE.classes)])
    assert lane.groups[0].service_time.mean_ms == pytest.approx(480_000, rel=0.04)
    assert lane.groups[0].service_time.own_share > 0.98
    assert (lane.days, new.days) == (1, 0)
    assert new.is_assumed
    assert new.arrivals is None
    assert new.groups[0].service_time.own_share == 0
    assert new.groups[0].service_time.mean_ms == pytest.approx(340_000, rel=0.05), "what the others show"


def test_another_class_of_the_service_borrows_from_the_service() -> None:
    [lane] = learn({"lane": seen(around(480_000, 3_000))}, [LANE])
    green = lane.groups[1]
    assert (green.service, green.class_code) == ("cash", "green")
    assert green.service_time.count == 0
    assert green.service_time.mean_ms == pytest.approx(480_000, rel=0.04)
    accounts = lane.groups[2]
    assert accounts.service_time.mean_ms == pytest.approx(540_000, rel=0.01), "nothing but the configuration"


def test_shares_lean_on_the_hall_where_few_were_called() -> None:
    samples = seen(around(300_000, 1_000), called=1_000, absent=100)
    samples.groups["accounts", "ordinary"] = GroupSamples(called=2, absent=0)
    [lane] = learn({"lane": samples}, [LANE])
    by_group = {(g.service, g.class_code): g.absent_share for g in lane.groups}
    assert by_group[CASH] == pytest.approx(0.1, abs=0.01)
    assert by_group["accounts", "ordinary"] == pytest.approx(0.09, abs=0.02)


def test_a_need_has_its_own_table_only_when_it_differs_and_was_seen_often() -> None:
    quick, usual, rare = around(100_000, 400), around(400_000, 400, 5), around(50_000, 40, 6)
    whole = Times()
    for part in (quick, usual, rare):
        whole.add(part)
    samples = seen(whole)
    samples.needs = {
        ("cash", "ordinary", "withdraw"): quick,
        ("cash", "ordinary", ""): usual,
        ("cash", "ordinary", "coins"): rare,
    }
    samples.days[0].joined_ms = {
        ("cash", "ordinary", "withdraw"): array("q", [9 * 3_600_000] * 3),
        ("cash", "ordinary", "coins"): array("q", [9 * 3_600_000]),
    }
    [lane] = learn({"lane": samples}, [LANE])
    assert [g.need for g in lane.groups] == ["", "", "", "", "withdraw"]
    assert lane.groups[4].service_time.mean_ms == pytest.approx(100_000, rel=0.2)
    assert lane.groups[0].service_time.mean_ms == pytest.approx(366_000, rel=0.12), "the others only"
    assert lane.arrivals is not None
    assert lane.arrivals.mix[0][4] == pytest.approx(0.75), "they come as often as they did"


def test_more_groups_than_the_engine_takes_are_refused() -> None:
    many = Offered("lane", tuple((f"s{n}", 60_000.0) for n in range(21)), ("a", "b", "c"))
    with pytest.raises(ValueError, match="got 63"):
        learn({"lane": seen(around(300_000, 10))}, [many])


@pytest.mark.parametrize(
    ("name", "value"),
    [("times_k", 0.0), ("shares_k", -1.0), ("need_count_at_least", 0), ("need_differs_by", -0.1)],
)
def test_parameters_are_checked(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"Expected {name}"):
        LearningParameters(**{name: value})  # type: ignore[arg-type]


# --- arrivals ----------------------------------------------------------------------------------------


def day_of(number: int, *per_stretch: int) -> DayArrivals:
    moments = array("q", [n * STRETCH_MS for n, count in enumerate(per_stretch) for _ in range(count)])
    day = date(2026, 3, 2) + timedelta(days=number)
    return DayArrivals(day, 0, len(per_stretch) * STRETCH_MS, {("cash", "ordinary", ""): moments})


def test_an_ordinary_day_is_the_mean_of_the_days() -> None:
    found = arrivals_of([day_of(0, 4, 0), day_of(1, 8, 2)], [("cash", "ordinary", ""), ("cash", "green", "")])
    assert found is not None
    assert found.expected == (6.0, 1.0)
    assert found.mix == ((1.0, 0.0), (1.0, 0.0))
    assert arrivals_of([], [("cash", "ordinary", "")]) is None


def test_a_stretch_counts_only_on_days_on_which_the_doors_were_open_then() -> None:
    found = arrivals_of([day_of(0, 4, 6), day_of(1, 8)], [("cash", "ordinary", "")])
    assert found is not None
    assert found.expected == (6.0, 6.0)


def test_dispersion_is_variance_by_mean_over_days() -> None:
    days = [day_of(n, count) for n, count in enumerate((2, 4, 6, 8))]
    dispersion, used = dispersion_of(days)
    assert used == 4
    assert dispersion == pytest.approx(20 / 3 / 5)
    assert usual_dispersion([days, days[:1]]) == pytest.approx(20 / 3 / 5)
    assert dispersion_of(days[:1]) == (None, 0)
    assert usual_dispersion([]) == 1.0


# --- for all samples ---------------------------------------------------------------------------------


def anything(seed: int) -> GroupSamples:
    """Samples of a few customers with any durations and any counts that can be."""
    rng = np.random.default_rng(seed)

    def some() -> Times:
        ended, cut = (rng.integers(0, 10 ** int(rng.integers(1, 9)), rng.integers(0, 12)) for _ in "ab")
        return times(*ended.tolist(), cut=tuple(cut.tolist()))

    called, offered = int(rng.integers(0, 50)), int(rng.integers(0, 20))
    absent, tried = int(rng.integers(0, called + 1)), int(rng.integers(0, offered + 1))
    found = GroupSamples(called, called, called - absent, absent, int(rng.integers(0, absent + 1)))
    found.offered, found.accepted, found.tried = offered, tried, tried
    found.done_elsewhere = int(rng.integers(0, tried + 1))
    found.second = int(rng.integers(0, called - absent + 1))
    for kind in (
        "service",
        "walk",
        "gap",
        "lost",
        "reinstated_after",
        "patience",
        "out",
        "away",
        "elsewhere",
    ):
        setattr(found, kind, some())
    return found


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_whatever_was_seen_gives_tables_that_the_engine_takes(seed: int) -> None:
    samples = BranchSamples({CASH: anything(seed), ("accounts", "green"): anything(seed + 1)}, {}, [])
    parameters = LearningParameters(shares_k=1.0)
    habits = learn_branch(LANE, samples, Network({"lane": samples}), parameters)
    model = model_of(habits.groups, [GroupRules()] * len(habits.groups), habits.arrivals or NOBODY)
    assert (np.diff(model.tables, axis=1) >= 0).all()
    for group in habits.groups:
        assert isinstance(group.service_time, Durations)
        for share in (group.absent_share, group.out_share, group.takes_share, group.done_share):
            assert 0 <= share <= 1
        assert group.absent_share + group.out_share + group.second_share <= 1 + 1e-9


def test_of_those_with_an_appointment_a_branch_is_believed_as_far_as_it_has_seen_some() -> None:
    minute = 60_000
    lane = BranchSamples(booked=BookedSamples(array("q", [-10 * minute] * 300), missed=100))
    few = BranchSamples(booked=BookedSamples(array("q", [5 * minute] * 3), missed=0))
    own, new = learn({"lane": lane, "new": few}, [LANE, Offered("new", LANE.service_ms, LANE.classes)])
    assert own.booked is not None
    assert new.booked is not None
    assert own.booked.show_share == pytest.approx(0.755, abs=0.01), (
        "three of four, and a little of what is usual"
    )
    assert own.booked.coming.quantile_ms(0.5) == pytest.approx(EARLIEST_MS - 10 * minute, abs=minute)
    assert own.booked.show_share < new.booked.show_share < 0.8, "leans on the others"
    assert own.booked.coming.quantile_ms(0.5) < new.booked.coming.quantile_ms(0.5) < EARLIEST_MS
    assert (own.booked.expected, own.booked.came) == (400, 300)
    assert (new.booked.expected, new.booked.came) == (3, 3), "of its own, whatever it leans on"
    [nobody] = learn({}, [LANE])
    assert nobody.booked is None


def test_an_assumed_group_is_what_remains_of_a_branch_without_anything() -> None:
    [habits] = learn({}, [LANE])
    assert (
        habits.groups[0].service_time.points_ms == assumed("cash", "ordinary", 300_000).service_time.points_ms
    )
    assert habits.groups[0].absent_share == 0.03
    assert habits.groups[0].patience is None

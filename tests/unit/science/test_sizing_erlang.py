"""Do Erlang's formulas give the exact values, and requirements the true minimum?"""

from __future__ import annotations

import numpy as np
import pytest

from openhall.science.sizing import erlang, priority, square_root

ERLANG_C = [
    (1, 0.5, 0.5, "one counter: the load itself"),
    (2, 1, 0.333333333333333, "two counters, a third"),
    (2, 1.8, 0.852631578947368, "nearly full"),
    (3, 2, 0.444444444444444, "four ninths"),
    (4, 1.8, 0.128533646782251, "half empty"),
    (4, 3, 0.509433962264151, "27/53"),
    (5, 4, 0.554112554112554, "128/231"),
    (8, 3.87, 0.0500851273875988, "the handbook's five per cent"),
    (8, 6, 0.35698108587868, "a branch"),
    (10, 8, 0.409180150796444, "a large branch"),
    (10, 9, 0.668731524107697, "the same, busy"),
    (12, 10, 0.449388224298271, "two above the load"),
    (14, 10, 0.17413193359505, "the example in the manual of pyworkforce"),
    (20, 18, 0.550769004816118, "ninety per cent busy"),
    (30, 25, 0.249893166886907, "a flagship"),
    (50, 45, 0.363864467206988, "ninety per cent busy, larger"),
    (100, 90, 0.216940480906366, "larger still"),
    (100, 95, 0.506456853913021, "ninety-five per cent"),
    (132, 123, 0.321116179261707, "the example in call-center-tools"),
    (200, 190, 0.365263856562546, "a call centre"),
    (1000, 970, 0.242823336180412, "a thousand"),
]


@pytest.mark.parametrize(("counters", "load", "share", "reason"), ERLANG_C)
def test_erlang_c_is_exact(counters: int, load: float, share: float, reason: str) -> None:
    assert erlang.wait_probability(counters, load) == pytest.approx(share, abs=1e-14, rel=3e-14), reason
    # Erlang B by the relation of the two.
    blocked = erlang.blocking(counters, load)
    assert counters * blocked / (counters - load * (1 - blocked)) == pytest.approx(share, rel=1e-12), reason


@pytest.mark.parametrize(
    ("counters", "rate", "service", "in_line", "source"),
    [
        (2, 9, 0.2, 7.674, "a lecture of ETH: 9 an hour, 5 served an hour"),
        (4, 9, 0.2, 0.105, "the same, 4 counters"),
    ],
)
def test_people_in_line_by_littles_law(
    counters: int, rate: float, service: float, in_line: float, source: str
) -> None:
    assert rate * erlang.mean_wait_minutes(counters, rate, service) == pytest.approx(in_line, abs=5e-4), (
        source
    )


TARGETS = ((0, 0.8), (5, 0.9), (10, 0.9), (10, 0.95), (20, 0.9))
MINIMUM = {
    0.5: (2, 2, 2, 2, 1),
    1: (3, 3, 2, 3, 2),
    2: (4, 4, 3, 4, 3),
    3: (6, 5, 4, 5, 4),
    5: (8, 7, 7, 7, 6),
    8: (12, 10, 10, 10, 9),
    12: (17, 14, 14, 14, 13),
    20: (26, 23, 22, 22, 21),
    40: (48, 43, 42, 42, 41),
}


@pytest.mark.parametrize(("load", "counters"), MINIMUM.items())
def test_the_table_of_minimum_counters_for_services_of_six_minutes(
    load: float, counters: tuple[int, ...]
) -> None:
    limits, shares = np.array(TARGETS).T
    assert tuple(erlang.required(load / 6, 6.0, limits, 1 - shares).tolist()) == counters


# Arrivals a minute, mean service, mean patience, counters, limit; waits, leaves, minutes in line, in time.
ERLANG_A = [
    (
        (10 / 3, 3, 5, 14, 1 / 3),
        (0.145260114296, 0.0139837441224, 0.069918720612, 0.916792091864),
        "pyworkforce's own test",
    ),
    (
        (2, 6, 30, 12, 10),
        (0.713581430635, 0.0709646533788, 2.12893960136, 0.92134824191),
        "as many counters as load",
    ),
    ((2, 6, 30, 13, 10), (0.556172465759, 0.0417819691186, 1.25345907356, 0.956758065739), "one more"),
    ((2, 6, 30, 14, 10), (0.40725290174, 0.0239414890494, 0.718244671481, 0.975817853845), "two more"),
    (
        (1, 6, 20, 5, 10),
        (0.861855201776, 0.208510525839, 4.17021051678, 0.719870361532),
        "fewer counters than load",
    ),
    ((1, 6, 20, 6, 10), (0.682452967544, 0.114444091786, 2.28888183572, 0.868913361105), "as many"),
    (
        (20, 3, 20, 58, 30),
        (0.860745761802, 0.0465684324141, 0.931368648283, 0.953431567586),
        "a long limit: others say 0.139",
    ),
    ((5, 8, 15, 36, 5), (0.847473719653, 0.115287749351, 1.72931624027, 0.85740018321), "overloaded"),
    (
        (100, 1, 1, 100, 0.25),
        (0.513298798279, 0.0398609968091, 0.0398609968091, 0.95338643649),
        "a hundred, impatient",
    ),
]


@pytest.mark.parametrize(("case", "values", "reason"), ERLANG_A)
def test_erlang_a_is_exact(
    case: tuple[float, float, float, int, float], values: tuple[float, ...], reason: str
) -> None:
    rate, service, patience, counters, limit = case
    found = erlang.impatient(counters, rate, service, patience, limit)
    got = (found.waits_share, found.left_share, found.queue_minutes_mean, found.served_in_time_share)
    # The values are given with 12 digits.
    assert got == pytest.approx(values, rel=5e-12, abs=1e-12), reason


@pytest.mark.parametrize(
    ("counters", "rate", "patience", "reason"),
    [
        (10_000, 10_000 / 6, 480.0, "as many counters as load, hours of patience"),
        (10_000, 1_600.0, 30.0, "much to spare"),
        (9_500, 10_000 / 6, 20.0, "too few"),
        (1, 1_700.0, 480.0, "hopeless"),
    ],
)
@pytest.mark.parametrize("limit", [0.0, 10.0, 480.0])
def test_nothing_overflows_at_ten_thousand_counters_and_eight_hours(
    counters: int, rate: float, patience: float, reason: str, limit: float
) -> None:
    found = erlang.impatient(counters, rate, 6.0, patience, limit)
    assert all(np.isfinite(found)), reason
    assert 0 <= found.left_share <= found.late_or_left_share <= 1, reason
    # Who comes leaves or is served: the served are as many as the busy counters end.
    assert 0 <= (1 - found.left_share) * rate * 6.0 <= counters * (1 + 1e-12), reason
    assert 0 <= erlang.late_share(counters, min(rate, 0.99 * counters / 6), 6.0, limit) <= 1, reason


def test_a_long_limit_leaves_only_those_who_leave() -> None:
    found = erlang.impatient(58, 20.0, 3.0, 20.0, 480.0)
    assert found.late_or_left_share == pytest.approx(found.left_share, abs=1e-12)


# What pyworkforce 0.5.4 gets wrong, by the notes on it.
@pytest.mark.parametrize(
    ("load", "service", "limit", "share", "minimum", "achieved"), [(0.5, 5.0, 10.0, 0.8, 1, 0.8161)]
)
def test_a_search_that_begins_above_the_load_would_overstaff(
    load: float, service: float, limit: float, share: float, minimum: int, achieved: float
) -> None:
    assert int(erlang.required(load / service, service, limit, 1 - share)) == minimum
    assert 1 - erlang.late_share(minimum, load / service, service, limit) == pytest.approx(achieved, abs=5e-5)


def test_the_minimum_is_found_where_a_search_from_the_rounded_load_misses_it() -> None:
    """1,920 cases of bank targets: a search from round(load + 1) up is too high in some of them."""
    loads = np.arange(1, 97) / 4
    grid = [
        (a, s, t, p)
        for a in loads
        for s in (3.0, 5.0, 6.0, 8.0, 12.0)
        for t, p in ((10.0, 0.2), (10.0, 0.1), (15.0, 0.2), (15.0, 0.1))
    ]
    a, s, t, p = np.array(grid).T
    found = erlang.required(a / s, s, t, p)
    missed = 0
    for load, service, limit, share, counters in zip(a, s, t, p, found.tolist(), strict=True):
        rate = load / service
        assert erlang.late_share(counters, rate, service, limit) <= share * (1 + 1e-12)
        assert counters == 1 or erlang.late_share(counters - 1, rate, service, limit) > share
        missed += counters < round(load + 1)
    assert len(grid) == 1_920
    assert missed >= 30


def test_with_patience_fewer_counters_than_load_can_be_enough() -> None:
    counters = int(erlang.required(2.0, 6.0, 10.0, 0.25, patience_minutes=30.0))
    assert counters < 12
    assert erlang.impatient(counters, 2.0, 6.0, 30.0, 10.0).late_or_left_share <= 0.25
    assert erlang.impatient(counters - 1, 2.0, 6.0, 30.0, 10.0).late_or_left_share > 0.25


def test_leaving_is_never_credited() -> None:
    """Who leaves at once is not late, and is counted all the same."""
    found = erlang.impatient(1, 2.0, 6.0, 0.1, 10.0)
    assert found.late_or_left_share == pytest.approx(found.left_share)
    assert found.left_share > 0.8


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"rate": -1.0}, "Expected rates of 0 or more arrivals per minute"),
        ({"rate": np.nan}, "Expected rates of 0 or more arrivals per minute"),
        ({"service_minutes": 0.0}, "Expected mean services above 0 minutes"),
        ({"limit_minutes": -1.0}, "Expected limits of 0 minutes or more"),
        ({"allowed_share": 0.0}, "Expected allowed shares between 0 and 1, both excluded"),
        ({"patience_minutes": 0.0}, "Expected a mean patience above 0 minutes"),
    ],
)
def test_a_number_out_of_its_range_is_refused(given: dict[str, float], message: str) -> None:
    plain = {"rate": 1.0, "service_minutes": 6.0, "limit_minutes": 10.0, "allowed_share": 0.1}
    with pytest.raises(ValueError, match=message):
        erlang.required(**{**plain, **given})  # type: ignore[arg-type]


def test_nobody_expected_needs_one_counter_and_too_many_none_that_there_is() -> None:
    assert erlang.required([0.0, 5.0], 6.0, 10.0, 0.1, at_most=20).tolist() == [1, 0]
    assert erlang.required([0.0, 5.0], 6.0, 10.0, 0.1, patience_minutes=30.0, at_most=20).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("ratio", "betas", "source"),
    [
        (0.0, (0.5061, 1.0615, 1.4202, 1.7398), "Halfin and Whitt"),
        (1.0, (0.0, 0.8416, 1.2816, 1.6449), "Garnett, patience as long as service: the normal quantiles"),
        (0.5, (0.1826, 0.9284, 1.3386, 1.6851), "Garnett, twice as long"),
        (0.2, (0.3377, 0.9978, 1.3825, 1.7152), "Garnett, five times"),
    ],
)
def test_square_root_staffing(ratio: float, betas: tuple[float, ...], source: str) -> None:
    for share, beta in zip((0.5, 0.2, 0.1, 0.05), betas, strict=True):
        assert square_root.beta_for(share, ratio) == pytest.approx(beta, abs=5.1e-5), source
        assert square_root.wait_probability(square_root.beta_for(share, ratio), ratio) == pytest.approx(share)


def test_the_square_root_start_is_near_the_exact_requirement() -> None:
    for load in (100.0, 1_000.0):
        exact = int(erlang.required(load, 1.0, 0.0, 0.2))
        assert abs(square_root.start(load, 0.2) - exact) <= 1.5


def test_a_green_channel_by_cobham() -> None:
    """Six counters, ninety per cent busy, a fifth green, services of one minute."""
    green, ordinary = 0.2 * 5.4, 0.8 * 5.4
    waits = priority.mean_waits_minutes(6, (green, ordinary), 1.0)
    assert waits == pytest.approx((0.1504, 1.5043), abs=5e-5)
    # Work is conserved: the mean over both is that without classes.
    together = (green * waits[0] + ordinary * waits[1]) / 5.4
    assert together == pytest.approx(erlang.mean_wait_minutes(6, 5.4, 1.0), rel=1e-12)
    assert priority.green_late_share(6, green, ordinary, 1.0, 0.5) == pytest.approx(0.0632, abs=5e-5)


@pytest.mark.parametrize(("ahead", "mean", "variance"), [(4, 1.0163, 0.2972), (9, 2.0325, 0.5945)])
def test_what_an_ordinary_ticket_still_waits_with_a_green_channel(
    ahead: int, mean: float, variance: float
) -> None:
    found = priority.ordinary_wait(ahead, 6, 0.2 * 5.4, 1.0)
    assert found == pytest.approx((mean, variance), abs=5.1e-5)


def test_the_ordinary_late_share_integrates_to_cobhams_mean() -> None:
    green, ordinary = 0.2 * 5.4, 0.8 * 5.4
    step = 0.05
    limits = (np.arange(600) + 0.5) * step
    tail = [priority.ordinary_late_share(6, green, ordinary, 1.0, float(limit)) for limit in limits]
    exact = priority.mean_waits_minutes(6, (green, ordinary), 1.0)[1]
    assert sum(tail) * step == pytest.approx(exact, rel=1e-3)
    # Without a green class it is Erlang C.
    plain = priority.ordinary_late_share(6, 0.0, 5.4, 1.0, 1.5)
    assert plain == pytest.approx(erlang.late_share(6, 5.4, 1.0, 1.5), abs=1e-11)


def test_both_classes_decide_how_many_counters_there_are() -> None:
    def needed(green_limit: float) -> int:
        return priority.required(
            0.3,
            0.6,
            6.0,
            green_limit_minutes=green_limit,
            green_allowed_share=0.02,
            limit_minutes=10.0,
            allowed_share=0.1,
        )

    assert needed(5.0) >= int(erlang.required(0.9, 6.0, 10.0, 0.1))
    assert needed(0.1) > needed(5.0)

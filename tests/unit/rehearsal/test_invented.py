"""Arrivals, staffing and the ranges of an invented day's parameters."""

from __future__ import annotations

from collections import Counter as Tally
from datetime import date
from random import Random
from statistics import fmean, pvariance

import msgspec
import pytest

from openhall.flows.day import day_rules
from openhall.hall.policy import DayRules
from openhall.kernel.clock import MINUTE_MS
from openhall.network.model import NetworkVersion
from openhall.network.sample import sample_bank
from openhall.rehearsal.invented.crowd import arrivals, draw_crowd, elderly_class
from openhall.rehearsal.invented.parameters import RANGES, SHARES, InventedParameters
from openhall.rehearsal.invented.staffing import able_to, placed, services_served, staffing

BRANCHES = ("lanqiao", "wutong", "qingdu")
HALF_HOUR_MS = 30 * MINUTE_MS


def rules_of(branch: str) -> DayRules:
    rules = day_rules(NetworkVersion("sample", sample_bank()), branch, date(2026, 12, 15))
    assert rules is not None
    return rules


@pytest.mark.parametrize(("dispersion", "low", "high"), [(1.0, 0.8, 1.25), (2.0, 1.6, 2.5), (4.0, 3.0, 5.2)])
def test_arrivals_of_a_half_hour_vary_as_the_dispersion_says(
    dispersion: float, low: float, high: float
) -> None:
    """Variance by mean over 600 days; the bounds are about four standard errors wide."""
    rules, rng = rules_of("wutong"), Random(11)
    parameters = InventedParameters(dispersion=dispersion, arrival_profile=(1.0,), surge_factor=1.0)
    counts = []
    for _ in range(600):
        by_interval = Tally(
            (at_ms - rules.checkin_opens_ms) // HALF_HOUR_MS for at_ms in arrivals(parameters, rules, rng)
        )
        counts.append(by_interval[3])
    assert low < pvariance(counts) / fmean(counts) < high


def test_as_many_people_come_as_expected_and_when_the_profile_says() -> None:
    rules, rng = rules_of("wutong"), Random(3)
    parameters = InventedParameters(visitors_daily=100, surge_factor=2.0, arrival_profile=(3.0, 1.0))
    days = [arrivals(parameters, rules, rng) for _ in range(200)]
    middle_ms = (rules.checkin_opens_ms + rules.closes_ms) / 2
    assert fmean(len(day) for day in days) == pytest.approx(200, rel=0.05)
    early = sum(at_ms < middle_ms for day in days for at_ms in day) / sum(len(day) for day in days)
    assert early == pytest.approx(0.75, abs=0.03)
    assert all(rules.checkin_opens_ms <= at_ms < rules.closes_ms for day in days for at_ms in day)
    assert all(day == sorted(day) for day in days)


def test_the_elderly_share_is_that_of_the_crowd() -> None:
    rules, rng = rules_of("qingdu"), Random(5)
    parameters = InventedParameters(elderly_share=0.4)
    crowd = draw_crowd(parameters, rules, services_served(placed(rules)), rng)
    green = elderly_class(parameters, rules)
    assert green == "green"
    assert sum(who.class_code == green for who in crowd) / len(crowd) == pytest.approx(0.4, abs=0.06)
    assert {who.need for who in crowd} <= {need.code for s in rules.services for need in s.needs}


def test_a_service_mix_that_names_nothing_offered_is_refused() -> None:
    rules = rules_of("lanqiao")
    with pytest.raises(ValueError, match="Expected service_mix to name one of"):
        draw_crowd(InventedParameters(service_mix={"haircut": 1.0}), rules, ("cash",), Random(1))


@pytest.mark.parametrize("branch", BRANCHES)
def test_the_people_who_open_first_serve_every_service(branch: str) -> None:
    rules = rules_of(branch)
    pairs = placed(rules)
    assert set(services_served(pairs)) == {service.id for service in rules.services}
    assert len({person.id for _, person in pairs}) == len(pairs)
    assert all(able_to(counter, person) and "teller" in person.posts for counter, person in pairs)


@pytest.mark.parametrize("branch", BRANCHES)
@pytest.mark.parametrize("profile", [(1.0,), (0.1, 1.0, 0.3), (0.0, 0.5)])
def test_no_service_is_ever_without_a_counter(branch: str, profile: tuple[float, ...]) -> None:
    rules = rules_of(branch)
    seats = staffing(rules, InventedParameters(staffing_profile=profile))
    pairs = {counter.id: (counter, person) for counter, person in placed(rules)}
    for at_ms in range(rules.opens_ms, rules.closes_ms, HALF_HOUR_MS):
        working = [
            pairs[seat.counter_id]
            for seat in seats
            if seat.opens_ms <= at_ms and (seat.closes_ms is None or at_ms < seat.closes_ms)
        ]
        assert set(services_served(working)) == {service.id for service in rules.services}


BAD = [
    *((name, value) for name in SHARES for value in (-0.1, 1.1)),
    *((name, low - 1) for name, (low, _) in RANGES.items()),
    *((name, high + 1) for name, (_, high) in RANGES.items()),
    ("visitors_daily", -1),
    ("baulk_line", 0),
    ("interval_minutes", 0),
    ("patience_minutes_mean", 0),
    ("arrival_profile", ()),
    ("arrival_profile", (0.0, 0.0)),
    ("staffing_profile", (0.5, 1.5)),
    ("service_mix", {"cash": -1.0}),
]


@pytest.mark.parametrize(("field", "value"), BAD)
def test_a_parameter_out_of_range_is_refused_with_what_was_expected(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"^Expected {field}"):
        InventedParameters(**{field: value})  # type: ignore[arg-type]


def test_shares_of_classes_must_fit_together() -> None:
    with pytest.raises(ValueError, match="Expected elderly_share and other_class_share"):
        InventedParameters(elderly_share=0.9, other_class_share=0.2)


def test_every_parameter_is_described_in_the_docstring() -> None:
    described = InventedParameters.__doc__ or ""
    assert [name for name in InventedParameters.__struct_fields__ if name not in described] == []


def test_parameters_travel_as_json() -> None:
    parameters = InventedParameters(seed=4, service_mix={"cash": 1.0})
    assert msgspec.json.decode(msgspec.json.encode(parameters), type=InventedParameters) == parameters

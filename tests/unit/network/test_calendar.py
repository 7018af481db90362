"""Do hours, regimes and moments hold on odd days too?"""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest

from openhall.kernel.clock import HOUR_MS, MINUTE_MS, from_datetime
from openhall.network.calendar import (
    hours_on,
    inside_limit,
    is_open_on,
    moments_on,
    regime_on,
    services_at,
    tickets_daily,
)
from openhall.network.hours import Hours
from openhall.network.model import Bank, Branch
from openhall.network.sample import sample_bank


@pytest.fixture
def bank() -> Bank:
    return sample_bank()


@pytest.fixture
def lanqiao(bank: Bank) -> Branch:
    branch = bank.branch("lanqiao")
    assert branch is not None
    return branch


@pytest.mark.parametrize(
    ("day", "hours", "why"),
    [
        (date(2026, 11, 23), Hours(540, 1020), "a Monday"),
        (date(2026, 11, 28), Hours(570, 960), "a Saturday"),
        (date(2026, 11, 29), None, "a Sunday, closed here"),
        (date(2026, 12, 5), None, "closed by an exception of its own"),
        (date(2027, 2, 5), Hours(570, 720), "shorter by an exception of the whole bank"),
    ],
)
def test_an_exception_goes_before_the_weekday(
    lanqiao: Branch, day: date, hours: Hours | None, why: str
) -> None:
    assert hours_on(lanqiao, day) == hours, why
    assert is_open_on(lanqiao, day) == (hours is not None)


@pytest.mark.parametrize(
    ("branch_id", "day", "regime", "why"),
    [
        ("lanqiao", date(2026, 11, 23), "normal", "no period: the first regime"),
        ("lanqiao", date(2026, 12, 16), "pension_day", "the last day counts"),
        ("lanqiao", date(2026, 12, 17), "normal", "the day after does not"),
        ("lanqiao", date(2027, 1, 25), "lockdown", "the branch's own period goes before the bank's"),
        ("wutong", date(2027, 1, 25), "prevention", "which holds everywhere else"),
        ("lanqiao", date(2027, 2, 4), "prevention", "and again afterwards"),
    ],
)
def test_the_more_specific_period_holds(bank: Bank, branch_id: str, day: date, regime: str, why: str) -> None:
    assert regime_on(bank, branch_id, day).id == regime, why


def test_the_smaller_limit_of_people_inside_holds(bank: Bank, lanqiao: Branch) -> None:
    assert inside_limit(lanqiao, regime_on(bank, "lanqiao", date(2026, 11, 23))) == 40
    assert inside_limit(lanqiao, regime_on(bank, "lanqiao", date(2027, 1, 25))) == 10
    roomy = msgspec.structs.replace(lanqiao, inside_limit=None)
    assert inside_limit(roomy, regime_on(bank, "lanqiao", date(2027, 3, 1))) == 30


def test_a_branch_overrides_the_daily_tickets_of_its_regime(bank: Bank, lanqiao: Branch) -> None:
    assert tickets_daily(lanqiao, regime_on(bank, "lanqiao", date(2027, 1, 25))) == 120
    assert tickets_daily(lanqiao, regime_on(bank, "lanqiao", date(2026, 11, 23))) is None
    small = msgspec.structs.replace(lanqiao, tickets_daily=80)
    assert tickets_daily(small, regime_on(bank, "lanqiao", date(2027, 1, 25))) == 80


def test_a_branch_offers_what_its_counters_serve(bank: Bank, lanqiao: Branch) -> None:
    cash_only = msgspec.structs.replace(lanqiao, counters=lanqiao.counters[:1])
    assert [s.id for s in services_at(bank, cash_only)] == ["cash", "pension"]


def test_check_in_begins_before_the_doors(bank: Bank, lanqiao: Branch) -> None:
    moments = moments_on(bank, lanqiao, date(2026, 11, 23))
    assert moments is not None
    opens = from_datetime(datetime(2026, 11, 23, 9, tzinfo=ZoneInfo("Asia/Shanghai")))
    assert (moments.checkin_ms, moments.opens_ms) == (opens - 30 * MINUTE_MS, opens)
    assert moments.closes_ms == opens + 8 * HOUR_MS


def test_a_closed_day_has_no_moments(bank: Bank, lanqiao: Branch) -> None:
    assert moments_on(bank, lanqiao, date(2026, 11, 29)) is None


@pytest.mark.parametrize(
    ("day", "open_hours", "why"),
    [
        (date(2026, 3, 28), 23, "an ordinary day"),
        (date(2026, 3, 29), 22, "the clock goes forward at two"),
        (date(2026, 10, 25), 24, "the clock goes back at three"),
    ],
)
def test_doors_follow_the_clock_on_the_wall(
    bank: Bank, lanqiao: Branch, day: date, open_hours: int, why: str
) -> None:
    always = (Hours(60, 1440),) * 7
    warsaw = msgspec.structs.replace(lanqiao, timezone="Europe/Warsaw", week=always, exceptions=())
    moments = moments_on(bank, warsaw, day)
    assert moments is not None
    assert moments.closes_ms - moments.opens_ms == open_hours * HOUR_MS, why
    assert moments.opens_ms - moments.checkin_ms == 30 * MINUTE_MS, why

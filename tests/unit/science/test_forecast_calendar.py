"""Is what is known of a day before it comes right?"""

from datetime import date, timedelta

import pytest

from openhall.science.forecast.calendar import CalendarParameters, DayFacts, HolidayKind, facts

pytestmark = pytest.mark.unit

DAYS = [date(2026, 9, 1) + timedelta(n) for n in range(60)]
NATIONAL_WEEK = [date(2026, 10, 1) + timedelta(n) for n in range(7)]
OPEN = [day for day in DAYS if day.weekday() < 5 and day not in NATIONAL_WEEK]


@pytest.fixture(scope="module")
def known() -> dict[date, DayFacts]:
    told = facts(
        DAYS,
        open_days=OPEN,
        pensions={date(2026, 9, 15): 120.0},
        regimes={date(2026, 9, 16): "prevention"},
        neighbour_shares={date(2026, 9, 17): 0.4},
        hours={date(2026, 9, 18): (540, 720)},
    )
    return {day.date: day for day in told}


@pytest.mark.parametrize(
    ("day", "kind", "why"),
    [
        (date(2026, 10, 1), HolidayKind.HOLIDAY, "National Day"),
        (date(2026, 9, 20), HolidayKind.SWAPPED_IN, "a Sunday worked for a bridge day"),
        (date(2026, 10, 10), HolidayKind.SWAPPED_IN, "a Saturday worked for a bridge day"),
        (date(2026, 9, 30), HolidayKind.DAY_BEFORE, "the last day before a holiday"),
        (date(2026, 10, 8), HolidayKind.DAY_AFTER, "the first day after a holiday"),
        (date(2026, 9, 16), HolidayKind.ORDINARY, "nothing near"),
    ],
)
def test_a_day_has_its_place_beside_holidays(
    known: dict[date, DayFacts], day: date, kind: HolidayKind, why: str
) -> None:
    assert known[day].holiday is kind, why


@pytest.mark.parametrize(
    ("day", "name", "value", "why"),
    [
        (date(2026, 9, 14), "days_since_open", 3, "a Monday follows Friday"),
        (date(2026, 9, 14), "extra_closed_days", 0, "and that is usual"),
        (date(2026, 10, 8), "days_since_open", 8, "30 September was the last open day"),
        (date(2026, 10, 8), "extra_closed_days", 7, "a Thursday usually follows Wednesday"),
        (date(2026, 10, 8), "reopening_day", 1, "five working days were lost"),
        (date(2026, 10, 8), "closure_days", 5, "1, 2, 5, 6 and 7 October"),
        (date(2026, 10, 9), "reopening_day", 2, "the second day of the same reopening"),
        (date(2026, 9, 16), "reopening_day", 0, "no closure near"),
        (date(2026, 9, 1), "business_day", 0, "the month's first"),
        (date(2026, 9, 30), "is_month_end", True, "the month's last working day"),
        (date(2026, 9, 15), "pension_cohort", 120.0, "pension day"),
        (date(2026, 9, 17), "pension_days_since", 2, "two days later"),
        (date(2026, 9, 14), "pension_days_since", None, "no pension day known before"),
        (date(2026, 9, 16), "regime", "prevention", "as given"),
        (date(2026, 9, 17), "neighbour_share", 0.4, "as given"),
        (date(2026, 9, 18), "closes_minute", 720, "as given"),
        (date(2026, 9, 19), "is_open", False, "a Saturday"),
        (date(2026, 9, 1), "days_since_open", 1, "before the first known day nothing counts as closed"),
    ],
)
def test_a_day_knows_its_facts(
    known: dict[date, DayFacts], day: date, name: str, value: object, why: str
) -> None:
    assert getattr(known[day], name) == value, why


def test_a_holiday_on_which_the_branch_opens_casts_no_shadow() -> None:
    days = [date(2003, 10, 9) + timedelta(n) for n in range(7)]
    everyday = [day for day in days if day.weekday() < 5]
    told = {
        day.date: day.holiday
        for day in facts(days, open_days=everyday, parameters=CalendarParameters(country="US"))
    }
    assert told[date(2003, 10, 13)] is HolidayKind.HOLIDAY
    assert told[date(2003, 10, 14)] is HolidayKind.ORDINARY


@pytest.mark.parametrize(
    ("country", "subdivision", "message"),
    [("XX", "", "Expected country"), ("US", "ZZ", "Expected subdivision"), ("cn", "", "Expected country")],
)
def test_an_unknown_calendar_is_refused(country: str, subdivision: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CalendarParameters(country=country, subdivision=subdivision)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"opens_minute": 600, "closes_minute": 500}, "opens_minute <= closes_minute"),
        ({"pension_cohort": -1.0}, "pension_cohort"),
        ({"neighbour_share": -0.1}, "neighbour_share"),
    ],
)
def test_impossible_facts_are_refused(given: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DayFacts(date=date(2026, 1, 5), weekday=0, **given)  # type: ignore[arg-type]

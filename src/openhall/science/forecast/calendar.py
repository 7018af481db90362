"""What is known of a day before it comes: the calendar of a branch as plain values.

No numpy here, and no reading of files: `holidays` computes its dates.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from enum import Enum
from functools import lru_cache

import msgspec

LOOK_BACK_DAYS = 120
"""The longest closure that is told apart from a branch without a past."""
WEEKEND = (5, 6)


class HolidayKind(Enum):
    """Where a day stands beside public holidays; the first that fits holds."""

    ORDINARY = "ordinary"
    HOLIDAY = "holiday"
    SWAPPED_IN = "swapped_in"
    """A weekend day that is worked in exchange for a bridge day."""
    DAY_BEFORE = "day_before"
    """The last day before a holiday that is itself none."""
    DAY_AFTER = "day_after"
    """The first day after a holiday that is itself none."""


class DayFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the forecast knows of one day of one branch.

    Attributes
    ----------
    date, weekday : the day; Monday is 0.
    is_open : whether the branch opens.
    opens_minute, closes_minute : hours, minutes of the day; people come in between only.
    holiday : where the day stands beside public holidays.
    days_since_open : calendar days since the branch was last open; 1 is yesterday.
    extra_closed_days : how many more of them than usual for the weekday: 0 on a Monday after a Friday.
    reopening_day : 0, or which open day it is (1-5) after a closure of `closure_days`.
    closure_days : working days that this closure took away; 0 without one.
    business_day : working days of the month before this one; 0 is the month's first.
    business_days_left : working days of the month after this one; 0 is its last.
    is_month_end, is_year_end : the month's last working day; one of the year's last two.
    pension_cohort : people whose pension is paid on the day [A1].
    pension_days_since : days since the last pension day, 0 on it; None without one in the last 31.
    regime : id of the operating regime [A2].
    neighbour_share : what closed neighbours add, as a share of the branch's own usual customers [A7].
    """

    date: date
    weekday: int
    is_open: bool = True
    opens_minute: int = 0
    closes_minute: int = 1440
    holiday: HolidayKind = HolidayKind.ORDINARY
    days_since_open: int = 1
    extra_closed_days: int = 0
    reopening_day: int = 0
    closure_days: int = 0
    business_day: int = 0
    business_days_left: int = 0
    is_month_end: bool = False
    is_year_end: bool = False
    pension_cohort: float = 0.0
    pension_days_since: int | None = None
    regime: str = ""
    neighbour_share: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.opens_minute <= self.closes_minute <= 1440:
            raise ValueError(
                f"Expected 0 <= opens_minute <= closes_minute <= 1440, got {self.opens_minute} and"
                f" {self.closes_minute}"
            )
        if self.pension_cohort < 0:
            raise ValueError(f"Expected a pension_cohort of 0 or more, got {self.pension_cohort}")
        if not 0 <= self.neighbour_share <= 20:
            raise ValueError(f"Expected neighbour_share between 0 and 20, got {self.neighbour_share}")


class CalendarParameters(msgspec.Struct, frozen=True):
    """Which holidays hold, and what counts as a closure.

    Parameters
    ----------
    country : two letters as `holidays` knows them; empty for no holidays at all.
    subdivision : state or province, where holidays differ by it.
    closure_days : working days in a row that must be lost for what follows to be a reopening.
    """

    country: str = "CN"
    subdivision: str = ""
    closure_days: int = 3

    def __post_init__(self) -> None:
        if self.country:
            _known(self.country, self.subdivision)
        if not 1 <= self.closure_days <= 60:
            raise ValueError(f"Expected closure_days between 1 and 60, got {self.closure_days}")


def facts(
    days: Sequence[date],
    *,
    open_days: Collection[date],
    parameters: CalendarParameters | None = None,
    hours: Mapping[date, tuple[int, int]] | None = None,
    pensions: Mapping[date, float] | None = None,
    regimes: Mapping[date, str] | None = None,
    neighbour_shares: Mapping[date, float] | None = None,
) -> tuple[DayFacts, ...]:
    """The facts of each day asked about.

    Parameters
    ----------
    days : the days, in any order.
    open_days : days on which the branch opened or will open, with those of some weeks before the first day
        asked about: what lies before the earliest of them counts as unknown, not as closed.
    parameters : holidays and closures; China by default.
    hours : opening and closing minute of days; a day without an entry has no limits.
    pensions : cohort size by pension day [A1].
    regimes : regime id by day [A2]; a day without an entry has the empty regime.
    neighbour_shares : extra share by day [A7].

    Returns
    -------
    One `DayFacts` for each of `days`, in their order.
    """
    chosen = parameters or CalendarParameters()
    known = set(open_days)
    opened = sorted(known)
    pension_days = sorted(pensions or {})
    return tuple(
        _facts_of(
            day,
            opened=opened,
            is_open=day in known,
            chosen=chosen,
            hours=(hours or {}).get(day, (0, 1440)),
            pensions=pensions or {},
            pension_days=pension_days,
            regime=(regimes or {}).get(day, ""),
            neighbour_share=(neighbour_shares or {}).get(day, 0.0),
        )
        for day in days
    )


def _facts_of(
    day: date,
    *,
    opened: Sequence[date],
    is_open: bool,
    chosen: CalendarParameters,
    hours: tuple[int, int],
    pensions: Mapping[date, float],
    pension_days: Sequence[date],
    regime: str,
    neighbour_share: float,
) -> DayFacts:
    before, left = _working_days(day)
    since = _days_since_open(day, opened)
    reopening_day, closure = _reopening(day, opened, chosen) if is_open else (0, 0)
    last_pension = bisect_left(pension_days, day + timedelta(1)) - 1
    pension_since = (day - pension_days[last_pension]).days if last_pension >= 0 else None
    return DayFacts(
        date=day,
        weekday=day.weekday(),
        is_open=is_open,
        opens_minute=hours[0],
        closes_minute=hours[1],
        holiday=_kind(day, chosen, opened),
        days_since_open=since,
        extra_closed_days=max(0, since - _usual_gap(day, opened)),
        reopening_day=reopening_day,
        closure_days=closure,
        business_day=before,
        business_days_left=left,
        is_month_end=left == 0 and day.weekday() not in WEEKEND,
        is_year_end=day.month == 12 and left < 2,
        pension_cohort=pensions.get(day, 0.0),
        pension_days_since=pension_since if pension_since is not None and pension_since <= 31 else None,
        regime=regime,
        neighbour_share=neighbour_share,
    )


# --- open days ---------------------------------------------------------------------------------------


def _days_since_open(day: date, opened: Sequence[date]) -> int:
    """Calendar days since the last open day; the usual gap where the past is unknown."""
    at = bisect_left(opened, day) - 1
    return min((day - opened[at]).days, LOOK_BACK_DAYS) if at >= 0 else _usual_gap(day, opened)


def _usual_gap(day: date, opened: Sequence[date]) -> int:
    """Days from the last weekday on which the branch opens at all: 3 on most Mondays."""
    gap = 1
    weekdays = {other.weekday() for other in opened} or set(range(5))
    while gap < 7 and (day.weekday() - gap) % 7 not in weekdays:
        gap += 1
    return gap


def _reopening(day: date, opened: Sequence[date], chosen: CalendarParameters) -> tuple[int, int]:
    """Which open day after a closure it is, and how many working days the closure took; (0, 0) for none."""
    at = bisect_left(opened, day)
    for back in range(min(5, at)):
        first, last = opened[at - back], opened[at - back - 1]
        lost = sum(
            (last + timedelta(k)).weekday() not in WEEKEND for k in range(1, min((first - last).days, 400))
        )
        if lost >= chosen.closure_days:
            return back + 1, lost
    return 0, 0


def _working_days(day: date) -> tuple[int, int]:
    """Weekdays of the month before the day, and after it."""
    first = day.replace(day=1)
    following = (first + timedelta(32)).replace(day=1)
    before = sum((first + timedelta(k)).weekday() not in WEEKEND for k in range((day - first).days))
    left = sum((day + timedelta(k)).weekday() not in WEEKEND for k in range(1, (following - day).days))
    return before, left


# --- holidays ----------------------------------------------------------------------------------------


def _kind(day: date, chosen: CalendarParameters, opened: Sequence[date]) -> HolidayKind:
    if not chosen.country:
        return HolidayKind.ORDINARY
    off = _days_off(chosen.country, chosen.subdivision, day.year)
    if day in off:
        return HolidayKind.HOLIDAY
    if day in _days_swapped_in(chosen.country, chosen.subdivision, day.year):
        return HolidayKind.SWAPPED_IN
    if _borders(day, 1, chosen, opened):
        return HolidayKind.DAY_BEFORE
    if _borders(day, -1, chosen, opened):
        return HolidayKind.DAY_AFTER
    return HolidayKind.ORDINARY


def _borders(day: date, step: int, chosen: CalendarParameters, opened: Sequence[date]) -> bool:
    """Whether a holiday on which the branch is closed comes next in a direction, weekends left out."""
    other = day + timedelta(step)
    for _hop in range(3):
        if other in _days_off(chosen.country, chosen.subdivision, other.year):
            at = bisect_left(opened, other)
            return at == len(opened) or opened[at] != other
        if other.weekday() not in WEEKEND:
            return False
        other += timedelta(step)
    return False


@lru_cache(maxsize=64)
def _days_off(country: str, subdivision: str, year: int) -> frozenset[date]:
    return frozenset(_calendar(country, subdivision, year))


@lru_cache(maxsize=64)
def _days_swapped_in(country: str, subdivision: str, year: int) -> frozenset[date]:
    swapped = getattr(_calendar(country, subdivision, year), "weekend_workdays", ())
    return frozenset(day for day in swapped if day.year == year)


def _calendar(country: str, subdivision: str, year: int) -> Mapping[date, str]:
    from holidays import country_holidays

    return country_holidays(country, subdiv=subdivision or None, years=year)


def _known(country: str, subdivision: str) -> None:
    from holidays import list_supported_countries

    known = list_supported_countries()
    if country not in known:
        raise ValueError(f"Expected country as two letters that `holidays` knows, got {country!r}")
    if subdivision and subdivision not in known[country]:
        raise ValueError(
            f"Expected subdivision as one of {country} that `holidays` knows, got {subdivision!r}"
        )

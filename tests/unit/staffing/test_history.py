"""Are past days read as they were, and bad lines named?"""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from openhall.staffing.history import DAYS_LEAST, HistoryUnusable, holes, read_history
from openhall.staffing.planning import loads_of
from openhall.workers.planning import plan_week
from tests.unit.staffing.branches import MONDAY, request, small_bank

pytestmark = pytest.mark.unit

HEAD = "date,time,service,count\n"
BAD: list[tuple[str, str, str]] = [
    ("day,time,service,count\n", "line 1", "another head"),
    (HEAD + "2026-11-32,09:00,cash,3\n", "line 2", "no such day"),
    (HEAD + "2026-11-30,9h,cash,3\n", "line 2", "no time"),
    (HEAD + "2026-11-30,09:00,cash,three\n", "line 2", "no number"),
    (HEAD + "2026-11-30,09:00,cash,-1\n", "line 2", "fewer than nobody"),
    (HEAD + "2026-11-30,25:00,cash,1\n", "line 2", "no such hour"),
    (HEAD + "2026-11-30,09:00,loans,1\n", "line 2", "no such service now"),
    (HEAD + "2026-11-30,09:00,cash,1\n2026-11-30,09:00,cash,2\n", "line 3", "the same interval twice"),
    (HEAD + "2026-11-29,09:00,cash,1\n", "line 2", "a Sunday, when the branch is closed"),
    (HEAD + "2026-11-30,09:00\n", "line 2", "too few columns"),
]


def past(days: int, *, without: int = -1) -> str:
    """So many days before Monday, twelve people an hour."""
    rows = []
    for back in range(1, days + 1):
        day = MONDAY - timedelta(days=back)
        if day.weekday() != 6 and back != without:
            rows += [f"{day},{minute // 60:02d}:{minute % 60:02d},cash,3" for minute in range(540, 1_020, 15)]
    return HEAD + "\n".join(rows) + "\n"


@pytest.mark.parametrize(("text", "place", "reason"), BAD)
def test_a_bad_line_is_named(text: str, place: str, reason: str) -> None:
    bank = small_bank()
    with pytest.raises(HistoryUnusable) as caught:
        read_history(text, bank, bank.branches[0])
    assert caught.value.place == place, reason


def test_people_before_the_doors_open_count_at_the_opening() -> None:
    bank = small_bank()
    found = read_history(HEAD + "2026-11-30,08:40,cash,5\n2026-11-30,17:10,cash,2\n", bank, bank.branches[0])
    assert found.days[0].day == date(2026, 11, 30)
    assert (found.days[0].counts["cash"][0], found.days[0].counts["cash"][-1]) == (5, 2)


def test_a_forecast_is_made_of_enough_days() -> None:
    bank = small_bank()
    known = read_history(past(28), bank, bank.branches[0])
    assert len(known.days) >= DAYS_LEAST
    load = loads_of(request(past=known))[0]
    assert not load.is_assumed
    assert sum(load.total()) == pytest.approx(96, rel=0.1), "three people in each of 32 quarters of an hour"


def test_too_few_days_and_holes_are_said() -> None:
    bank = small_bank()
    few = read_history(past(4), bank, bank.branches[0])
    assert {"history_short", "demand_assumed"} <= {n.code for n in plan_week(request(past=few, days=1)).notes}
    hole = read_history(past(20, without=3), bank, bank.branches[0])
    assert holes(bank.branches[0], hole) == 1

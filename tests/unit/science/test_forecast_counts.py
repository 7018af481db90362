"""Are bad counts refused with their place, and holes kept apart from days without people?"""

import math
from datetime import date

import msgspec
import numpy as np
import pytest

from openhall.science.forecast.counts import CountRow, CountsUnusable, History, exposed, history_of
from tests.unit.science.forecast_days import invented, plain_facts, working_days

pytestmark = pytest.mark.unit

DAYS = working_days(3)
FACTS = plain_facts(DAYS)
HOURS = tuple(msgspec.structs.replace(day, opens_minute=540, closes_minute=720) for day in FACTS)
GOOD = CountRow("A", "cash", DAYS[0], 540, 5.0)


def laid(*rows: CountRow, renamed: dict[str, str] | None = None) -> History:
    return history_of(
        rows,
        interval_minutes=30,
        facts={"A": HOURS},
        services=("cash", "advice"),
        renamed=renamed,
        first_minute=540,
        intervals=6,
    )


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (GOOD, "given twice"),
        (msgspec.structs.replace(GOOD, minute=570, count=-1.0), "Nobody can count -1.0"),
        (msgspec.structs.replace(GOOD, minute=570, count=math.nan), "Nobody can count nan"),
        (msgspec.structs.replace(GOOD, minute=555), "No interval of 30 minutes begins here"),
        (msgspec.structs.replace(GOOD, service="old cash"), "There is no service old cash now"),
        (msgspec.structs.replace(GOOD, branch="Z"), "There is no branch Z"),
        (msgspec.structs.replace(GOOD, date=date(2030, 1, 1)), "Nothing is known of this day"),
        (msgspec.structs.replace(GOOD, minute=750), "while the branch is closed"),
    ],
)
def test_a_bad_row_is_refused_with_its_place(row: CountRow, message: str) -> None:
    with pytest.raises(CountsUnusable, match=message) as caught:
        laid(GOOD, row)
    assert caught.value.place.startswith(f"{row.branch}, {row.service}, {row.date}")


def test_people_on_a_closed_day_are_refused() -> None:
    closed = tuple(msgspec.structs.replace(day, is_open=False) for day in FACTS)
    with pytest.raises(CountsUnusable, match="while the branch is closed"):
        history_of([GOOD], interval_minutes=30, facts={"A": closed}, services=("cash",))


def test_a_changed_service_code_is_joined_when_it_is_named() -> None:
    history = laid(msgspec.structs.replace(GOOD, service="old cash"), renamed={"old cash": "cash"})
    cash = next(row for row, one in enumerate(history.series) if one.service == "cash")
    assert history.counts[cash, 0, 0] == 5


def test_holes_stay_holes_and_observed_days_without_rows_are_nobody() -> None:
    history = laid(GOOD, CountRow("A", "cash", DAYS[1], 570, None))
    rows = {one.service: row for row, one in enumerate(history.series)}
    cash, advice = (history.counts[rows[name]] for name in ("cash", "advice"))
    assert cash[0, 1] == 0, "an interval without a row on an observed day"
    assert advice[0].sum() == 0, "another service on that day"
    assert np.isnan(cash[1, 1]), "an interval that nobody counted"
    assert np.isnan(cash[2]).all(), "an open day without any row"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"interval_minutes": 7}, "interval_minutes"),
        ({"first_minute": 1400}, "inside one day"),
        ({"counts": np.full((1, 5, 8), -1.0)}, "0 or more"),
        ({"counts": np.zeros((1, 4, 8))}, "shape"),
        ({"facts": {}}, "Expected facts of A"),
        ({"dates": working_days(5)[::-1]}, "dates in order"),
    ],
)
def test_a_history_whose_parts_do_not_fit_is_refused(change: dict[str, object], message: str) -> None:
    good = invented(5)
    parts = {name: getattr(good, name) for name in good.__dataclass_fields__} | change
    with pytest.raises(ValueError, match=message):
        History(**parts)


def test_a_door_that_opens_inside_an_interval_exposes_part_of_it() -> None:
    day = msgspec.structs.replace(FACTS[0], opens_minute=555, closes_minute=615)
    shares = exposed([day], first_minute=540, interval_minutes=30, intervals=4)
    assert shares.tolist() == [[0.5, 1.0, 0.5, 0.0]]

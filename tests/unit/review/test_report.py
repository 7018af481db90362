"""Are shares, quantiles and sums of waits what the definitions say?"""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openhall.kernel.clock import MINUTE_MS
from openhall.review.indicators import indicators
from openhall.review.report import (
    MINUTES_APART,
    DayReport,
    Diversion,
    Diverted,
    Ends,
    Green,
    Opinions,
    Tally,
    Waits,
    before,
    joined_tallies,
    joined_waits,
    same_weekday,
    waits_of,
)

WAITS_MS = st.lists(st.integers(0, 6 * 60 * MINUTE_MS), max_size=60)
MONDAY = date(2026, 11, 23)


def report_of(day: date, *, tally: Tally | None = None) -> DayReport:
    return DayReport(
        branch="lane",
        day=day,
        is_ended=True,
        as_of_ms=0,
        all=tally or Tally(joined=1),
        classes=(),
        services=(),
        windows=(),
        windows_configured=4,
        open_rate=None,
        diversion=Diversion(),
        green=Green(),
        opinions=Opinions(),
        ends=Ends(),
        hours=(),
    )


@pytest.mark.parametrize(
    ("wait_ms", "minutes", "is_within", "reason"),
    [
        (0, 10, True, "called at once"),
        (10 * MINUTE_MS, 10, True, "ten minutes are within ten minutes"),
        (10 * MINUTE_MS + 1, 10, False, "a moment longer is not"),
        (30 * MINUTE_MS, 20, False, "half an hour is not within twenty minutes"),
        (5 * 60 * MINUTE_MS, MINUTES_APART - 1, False, "beyond what is counted apart"),
    ],
)
def test_a_wait_is_within_a_threshold(wait_ms: int, minutes: int, is_within: bool, reason: str) -> None:
    assert waits_of([wait_ms]).within(minutes) == float(is_within), reason


def test_nobody_waiting_has_no_share() -> None:
    assert Waits().within(30) is None
    assert Waits().mean_ms == 0
    assert Waits().quantile_minutes(0.9) == 0


@given(WAITS_MS, st.integers(1, MINUTES_APART - 1))
def test_the_share_within_is_the_share_counted_one_by_one(waits_ms: list[int], minutes: int) -> None:
    found = waits_of(waits_ms)
    assert (found.count, found.total_ms) == (len(waits_ms), sum(waits_ms))
    if waits_ms:
        counted = sum(wait <= minutes * MINUTE_MS for wait in waits_ms)
        assert found.within(minutes) == counted / len(waits_ms)
        assert found.longest_ms == max(waits_ms)


@given(WAITS_MS, st.sampled_from([0.5, 0.9, 1.0]))
def test_a_quantile_is_the_first_minute_that_holds_the_share(waits_ms: list[int], share: float) -> None:
    found = waits_of(waits_ms)
    minute = found.quantile_minutes(share)
    if waits_ms:
        assert sum(found.minutes[:minute]) >= share * found.count
        assert sum(found.minutes[: minute - 1]) < share * found.count


@given(st.lists(WAITS_MS, max_size=5))
def test_groups_put_together_are_as_if_they_had_been_one(groups: list[list[int]]) -> None:
    together = waits_of([wait for group in groups for wait in group])
    assert joined_waits(waits_of(group) for group in groups) == together


def test_what_became_of_groups_adds_up() -> None:
    both = joined_tallies(
        [Tally(joined=3, called=2, served=2, reneged=1), Tally(joined=2, called=1, no_show=1, elsewhere=1)]
    )
    assert (both.joined, both.called, both.served, both.abandoned) == (5, 3, 2, 2)
    assert both.no_show_rate == 1 / 3, "of those called"
    assert both.renege_rate == 1 / 5, "of those who joined"
    assert both.abandon_rate == 2 / 5
    assert both.off_counter_rate == 1 / 3, "done elsewhere, of all that was done"


def test_diversion_counts_only_who_counts() -> None:
    found = Diversion(
        arrivals=10,
        channels=(
            Diverted("atm", offered=4, accepted=3, declined=1, completed=2, failed=1),
            Diverted("cloud", offered=1, accepted=1, completed=1),
        ),
        uncounted_offered=7,
        uncounted_completed=7,
    )
    assert found.rate == 0.3, "the seven of the elderly raise nothing"
    assert found.success_rate == 0.75
    assert Diversion().rate is None


def test_opinions_have_a_mean_and_a_bad_share() -> None:
    found = Opinions((1, 1, 0, 2, 4), praise=1, complaints=2)
    assert found.rated == 8
    assert found.score_mean == (1 + 2 + 8 + 20) / 8
    assert found.bad_share == 0.25
    assert Opinions().score_mean is None


def test_a_day_is_held_against_the_last_worked_day_and_the_last_same_weekday() -> None:
    friday, monday_before = date(2026, 11, 20), date(2026, 11, 16)
    closed = report_of(date(2026, 11, 22), tally=Tally())
    kept = [report_of(friday), report_of(monday_before), closed, report_of(MONDAY)]
    assert before(MONDAY, kept) == report_of(friday), "Sunday nobody came"
    assert same_weekday(MONDAY, kept) == report_of(monday_before)
    assert before(monday_before, kept) is None


def test_every_value_has_a_name_of_its_own_in_its_group() -> None:
    found = indicators(
        report_of(MONDAY, tally=Tally(joined=2, called=1, waits=waits_of([60_000]))), [20, 10, 10]
    )
    names = [(each.group, each.code, each.name) for each in found]
    assert len(names) == len(set(names))
    values = {each.name: each.value for each in found if each.group == "all"}
    assert values["within_10"] == 1.0
    assert values["wait_mean"] == 60.0
    assert "unserved" not in values, "nobody was sent home"

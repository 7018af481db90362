"""A day reckoned by hand: what the figures must say."""

from __future__ import annotations

import doctest

import pytest

from openhall.hall.model import commands as c
from openhall.kernel.clock import MINUTE_MS
from openhall.rehearsal import statistics
from openhall.rehearsal.statistics import DayStatistics, measure, play_back, quantile, summarise
from tests.unit.rehearsal.halls import NINE_MS, QuietBranch


@pytest.fixture
def morning() -> DayStatistics:
    """T1 is served at once, T2 holds 5 of 20 min, T3 is absent, T4 leaves, T5 is diverted, T6 waits."""
    hall = QuietBranch()
    hall.does(0, c.IssueTicket("cash"), c.CallNext("C1"), c.StartService("C1"))
    hall.does(1, c.IssueTicket("loans", class_code="gold", class_basis="staff"), c.IssueTicket("cash"))
    hall.does(2, c.IssueTicket("cash"), c.IssueTicket("cash"), c.HoldTicket("t2", "teller-C1"))
    hall.does(7, c.ResumeTicket("t2"), c.MarkReneged("t4"))
    hall.does(8, c.OfferDiversion("t5", "phone"), c.AcceptDiversion("d1"))
    hall.does(9, c.CompleteDiversion("d1", is_customer_operated=True), c.IssueTicket("cash"))
    hall.does(10, c.FinishService("C1"))
    hall.does(21, c.CallNext("C1"), c.StartService("C1"))
    hall.does(31, c.FinishService("C1"), c.CallNext("C1"), c.Recall("C1"))
    hall.does(33, c.MarkNoShow("C1"), c.RecordBaulk())
    hall.does(40, c.CloseCounter("C1"))
    store, stream = hall.stage.book.store, hall.stage.stream
    return measure(play_back(stream, store.read(stream=stream)))


def test_every_ticket_is_counted_once_by_what_became_of_it(morning: DayStatistics) -> None:
    assert morning.issued == 6
    assert morning.outcomes == {"served": 2, "diverted": 1, "no_show": 1, "reneged": 1, "pending": 1}
    assert morning.baulked == 1


def test_a_wait_is_from_joining_to_the_first_call_less_the_customers_own_hold(morning: DayStatistics) -> None:
    assert (morning.waits.count, morning.waits.max) == (3, 30.0)
    assert morning.waits_by_class["gold"].mean == 15.0
    assert morning.waits.mean == pytest.approx((0 + 15 + 30) / 3)
    assert morning.waits_with_holds.mean == pytest.approx((0 + 20 + 30) / 3, abs=0.01)
    assert morning.waits.median == 15.0
    assert morning.waits.p90 == pytest.approx(27.0)


def test_shares_count_waits_that_are_strictly_longer(morning: DayStatistics) -> None:
    assert morning.waits.share_over_minutes == {"10": 0.6667, "15": 0.3333, "20": 0.3333, "30": 0.0}


def test_waits_are_told_apart_by_service_and_class(morning: DayStatistics) -> None:
    assert {key: waits.count for key, waits in morning.waits_by_service.items()} == {"cash": 2, "loans": 1}
    assert {key: waits.count for key, waits in morning.waits_by_class.items()} == {"gold": 1, "ordinary": 2}


def test_the_longest_queue_and_its_moment(morning: DayStatistics) -> None:
    assert morning.longest_queue == 4
    assert morning.longest_queue_ms == NINE_MS + 2 * MINUTE_MS


def test_a_counter_is_busy_from_the_call_to_the_end(morning: DayStatistics) -> None:
    use = morning.counters["C1"]
    assert (use.open_minutes, use.busy_minutes, use.served) == (40.0, 22.0, 2)
    assert morning.counter_utilisation == pytest.approx(22 / 40)
    assert "C2" not in morning.counters


def test_the_last_to_leave_is_the_last_ticket_that_ended(morning: DayStatistics) -> None:
    assert morning.last_left_ms == NINE_MS + 33 * MINUTE_MS
    assert morning.overtime_minutes == 0


def test_a_day_on_which_nothing_happened_has_no_figures() -> None:
    hall = QuietBranch()
    figures = measure(play_back(hall.stage.stream, []))
    assert (figures.issued, figures.longest_queue, figures.last_left_ms) == (0, 0, None)
    assert figures.counter_utilisation is None


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([7], 0.9, 7), ([1, 2], 0.5, 1.5), ([10, 20, 30, 40, 50], 0.9, 46), ([1, 2, 3], 1.0, 3)],
)
def test_a_quantile_lies_between_its_neighbours(values: list[float], share: float, expected: float) -> None:
    assert quantile(values, share) == pytest.approx(expected)


def test_nobody_has_no_waits() -> None:
    waits = summarise([])
    assert (waits.count, waits.mean, waits.p90) == (0, None, None)
    with pytest.raises(ValueError, match="Expected at least one value"):
        quantile([], 0.5)


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(statistics).failed == 0

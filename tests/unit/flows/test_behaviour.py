"""Does a day show of its customers and counters what happened in it, and no more? Days written by hand."""

from __future__ import annotations

from itertools import count
from random import Random

import pytest

from openhall.flows.behaviour import samples_of
from openhall.flows.day import day_rules
from openhall.hall.booking import BookingTerms, ServicePlaces
from openhall.hall.model import ROOM
from openhall.hall.model import commands as c
from openhall.hall.policy import DayRules
from openhall.kernel.clock import MINUTE_MS, SECOND_MS, ManualClock
from openhall.kernel.event import Answer, Command, Request, StreamId
from openhall.log.book import Book
from openhall.log.memory import MemoryStore
from openhall.network.sample import sample_bank
from openhall.network.version import version_of
from openhall.rehearsal.invented import InventedParameters, rehearse_invented
from openhall.science.samples import BranchSamples, GroupSamples, together
from tests.places import DAY, LANE, at, booked_branch, quiet_branch

MINUTES = MINUTE_MS
CASH = ("cash", "ordinary")


class Hall:
    """A quiet branch at nine, with one teller at the first counter."""

    def __init__(self, rules: DayRules | None = None) -> None:
        self.clock = ManualClock(at(8, 59))
        self.store = MemoryStore()
        self.book = Book(self.store, [ROOM], self.clock)
        self._numbers = count()
        self.do(c.OpenDay(rules or quiet_branch()))
        self.clock.set(at(9))
        self.do(c.OpenDoors())

    def do(self, command: Command, after_ms: int = 0) -> Answer:
        """Let time pass, then do this; it is not refused."""
        self.clock.advance(after_ms)
        answer = self.book.execute(Request(LANE, f"c{next(self._numbers)}", "li", command))
        assert isinstance(answer, Answer), answer
        return answer

    def issue(self, service: str = "cash", need: str = "", class_code: str = "ordinary") -> str:
        """A ticket's id."""
        answer = self.do(c.IssueTicket(service, need=need, class_code=class_code, class_basis="staff"))
        return next(str(e.ticket_id) for e in answer.events if hasattr(e, "ticket_id"))

    def serve(self, minutes: int, *, walk_ms: int = 0, counter: str = "C1") -> None:
        """The next one, from the call to the end."""
        self.do(c.CallNext(counter))
        self.do(c.StartService(counter), walk_ms)
        self.do(c.FinishService(counter), minutes * MINUTES)

    def found(self) -> BranchSamples:
        """What the day showed, once it has been ended."""
        self.do(c.CloseDoors())
        self.do(c.EndDay())
        samples = samples_of(LANE, self.store.read(stream=LANE))
        assert samples is not None
        return samples

    def group(self) -> GroupSamples:
        """Of the ordinary customers who came for cash."""
        return self.found().groups[CASH]


@pytest.fixture
def hall() -> Hall:
    built = Hall()
    built.do(c.OpenCounter("C1", "zhao"))
    return built


def test_way_service_and_the_pause_between_two_customers(hall: Hall) -> None:
    for _ in range(3):
        hall.issue()
    hall.serve(4, walk_ms=20 * SECOND_MS)
    hall.clock.advance(15 * SECOND_MS)
    hall.serve(6, walk_ms=10 * SECOND_MS)
    hall.clock.advance(5 * SECOND_MS)
    hall.serve(2, walk_ms=30 * SECOND_MS)
    group = hall.group()
    assert list(group.service.ended) == [4 * MINUTES, 6 * MINUTES, 2 * MINUTES]
    assert list(group.walk.ended) == [20 * SECOND_MS, 10 * SECOND_MS, 30 * SECOND_MS]
    assert list(group.gap.ended) == [15 * SECOND_MS, 5 * SECOND_MS]
    assert (group.joined, group.called, group.served, group.reneged) == (3, 3, 3, 0)


def test_a_counter_without_a_customer_shows_no_pause(hall: Hall) -> None:
    hall.issue()
    hall.serve(4)
    hall.clock.advance(10 * MINUTES)
    hall.issue()
    hall.serve(4)
    group = hall.group()
    assert not group.gap.ended
    assert not group.gap.cut


def test_a_pause_is_cut_when_the_counter_stops_calling_or_the_line_runs_dry(hall: Hall) -> None:
    for _ in range(2):
        hall.issue()
    last = hall.issue()
    hall.serve(1)
    hall.do(c.PauseCounter("C1", "break"), 7 * SECOND_MS)
    hall.do(c.ResumeCounter("C1"), 10 * MINUTES)
    hall.serve(1)
    hall.do(c.MarkReneged(last), 9 * SECOND_MS)
    group = hall.group()
    assert list(group.gap.cut) == [7 * SECOND_MS, 9 * SECOND_MS]
    assert not group.gap.ended


def test_a_handover_goes_on_with_the_customer(hall: Hall) -> None:
    hall.issue()
    hall.do(c.CallNext("C1"))
    hall.do(c.StartService("C1"))
    hall.do(c.HandOverCounter("C1", "sun"), 3 * MINUTES)
    hall.do(c.FinishService("C1"), 2 * MINUTES)
    assert list(hall.group().service.ended) == [5 * MINUTES]


def test_needs_are_apart_and_together(hall: Hall) -> None:
    hall.issue(need="withdraw")
    hall.issue()
    hall.serve(2)
    hall.serve(8)
    found = hall.found()
    assert list(found.needs["cash", "ordinary", "withdraw"].ended) == [2 * MINUTES]
    assert list(found.needs["cash", "ordinary", ""].ended) == [8 * MINUTES]
    assert list(found.groups[CASH].service.ended) == [2 * MINUTES, 8 * MINUTES]
    assert list(found.days[0].joined_ms["cash", "ordinary", "withdraw"]) == [9 * 60 * MINUTES]


def test_somebody_absent_costs_the_counter_time_and_may_come_back(hall: Hall) -> None:
    ticket = hall.issue()
    hall.issue()
    hall.do(c.CallNext("C1"))
    hall.do(c.Recall("C1"), 60 * SECOND_MS)
    hall.do(c.MarkNoShow("C1"), 60 * SECOND_MS)
    hall.do(c.CallNext("C1"), 5 * SECOND_MS)
    hall.do(c.StartService("C1"))
    hall.do(c.Reinstate(ticket, "came_back"), 4 * MINUTES)
    hall.do(c.FinishService("C1"))
    hall.serve(3)
    group = hall.group()
    assert (group.called, group.absent, group.reinstated) == (2, 1, 1)
    assert list(group.lost.ended) == [125 * SECOND_MS], "till the next call"
    assert list(group.reinstated_after.ended) == [4 * MINUTES + 5 * SECOND_MS]


def test_patience_is_cut_by_the_call_and_shown_by_leaving(hall: Hall) -> None:
    hall.issue()
    leaver = hall.issue()
    hall.do(c.CallNext("C1"), 6 * MINUTES)
    hall.do(c.MarkReneged(leaver), 3 * MINUTES)
    hall.do(c.StartService("C1"))
    hall.do(c.FinishService("C1"), 1 * MINUTES)
    group = hall.group()
    assert list(group.patience.cut) == [6 * MINUTES]
    assert list(group.patience.ended) == [9 * MINUTES]
    assert group.reneged == 1


def test_stepping_out_and_coming_back(hall: Hall) -> None:
    ticket = hall.issue()
    hall.do(c.HoldTicket(ticket, "li"), 4 * MINUTES)
    hall.do(c.ResumeTicket(ticket), 11 * MINUTES)
    hall.serve(1)
    group = hall.group()
    assert group.held == 1
    assert list(group.out.ended) == [4 * MINUTES]
    assert list(group.away.ended) == [11 * MINUTES]
    assert list(group.patience.cut) == [15 * MINUTES]


def test_who_does_not_come_back_from_stepping_out_left_when_stepping_out(hall: Hall) -> None:
    ticket = hall.issue()
    hall.do(c.HoldTicket(ticket, "li"), 4 * MINUTES)
    hall.do(c.MarkReneged(ticket), 20 * MINUTES)
    group = hall.group()
    assert list(group.patience.ended) == [4 * MINUTES]
    assert (group.held, group.reneged) == (0, 1)
    assert not group.away.ended


def test_a_second_service_is_another_service_time(hall: Hall) -> None:
    ticket = hall.issue()
    hall.do(c.AddService(ticket, "accounts"))
    hall.serve(2)
    hall.serve(7)
    found = hall.found()
    assert list(found.groups[CASH].service.ended) == [2 * MINUTES]
    assert list(found.groups["accounts", "ordinary"].service.ended) == [7 * MINUTES]
    assert (found.groups[CASH].served, found.groups[CASH].second) == (1, 1)
    assert found.groups["accounts", "ordinary"].joined == 0, "came for the first"


def test_what_is_entered_from_paper_gives_no_way_no_service_time_and_no_pause(hall: Hall) -> None:
    ticket = hall.issue()
    hall.clock.advance(30 * MINUTES)
    hall.do(c.EnterPaperCall(ticket, "C1", "zhao", at(9, 10), at(9, 16), "served"))
    group = hall.group()
    assert (group.called, group.served) == (1, 1)
    assert list(group.patience.cut) == [10 * MINUTES]
    assert not group.service.ended
    assert not group.walk.ended


def test_a_service_at_a_forced_end_is_cut(hall: Hall) -> None:
    hall.issue()
    hall.issue()
    hall.do(c.CallNext("C1"))
    hall.do(c.StartService("C1"))
    hall.do(c.CloseDoors(), 5 * MINUTES)
    hall.do(c.ForceEndDay("power_cut", "chen"))
    samples = samples_of(LANE, hall.store.read(stream=LANE))
    assert samples is not None
    group = samples.groups[CASH]
    assert list(group.service.cut) == [5 * MINUTES]
    assert sorted(group.patience.cut) == [5 * MINUTES], "who was called at once has shown none"


def test_a_day_that_has_not_ended_or_had_nobody_says_nothing(hall: Hall) -> None:
    assert samples_of(LANE, hall.store.read(stream=LANE)) is None
    hall.do(c.CloseDoors())
    hall.do(c.EndDay())
    assert samples_of(LANE, hall.store.read(stream=LANE)) is None


def test_a_whole_invented_day_adds_up() -> None:
    rules = day_rules(version_of(sample_bank()), "lanqiao", DAY)
    assert rules is not None
    store, stream = MemoryStore(), StreamId("lanqiao", DAY)
    parameters = InventedParameters(
        surge_factor=1.5,
        hold_share=0.3,
        no_show_share=0.2,
        two_services_share=0.3,
        offer_share=0.8,
        patience_minutes_mean=60,
    )
    rehearse_invented(stream, rules, parameters, store=store, rng=Random(5))
    found = samples_of(stream, store.read(stream=stream))
    assert found is not None
    whole = together(found.groups.values())
    assert whole.joined == sum(len(m) for m in found.days[0].joined_ms.values())
    assert whole.called <= whole.joined
    assert len(whole.walk) == len(whole.service) >= whole.served
    assert len(whole.service) == sum(len(times) for times in found.needs.values())
    assert whole.reinstated <= whole.absent
    assert whole.done_elsewhere <= whole.tried <= whole.accepted <= whole.offered
    assert min(whole.service.ended) > 0


def test_who_has_booked_comes_in_time_or_late_or_not_and_who_cancels_shows_nothing() -> None:
    hall = Hall(booked_branch())
    terms = BookingTerms(at(9), 15 * MINUTES, (ServicePlaces("cash", (4,) * 32),))
    hall.do(c.OfferAppointments(terms, "00" * 8))
    for _ in range(4):
        hall.do(c.BookAppointment("cash", at(10)))
    hall.do(c.CancelAppointment("b4"))
    hall.clock.set(at(9, 52))
    hall.do(c.CheckInAppointment("b1"))
    hall.clock.set(at(10, 7))
    hall.do(c.CheckInAppointment("b2"))
    hall.clock.set(at(10, 16))
    hall.do(c.Tick())
    hall.do(c.OpenCounter("C1", "zhao"))
    hall.serve(5)
    hall.serve(5)
    found = hall.found().booked
    assert [late // MINUTES for late in found.late_ms] == [-8, 7]
    assert found.missed == 1

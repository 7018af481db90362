"""Those who have booked and are not here yet: in the waits, in the room left, and counted once."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from openhall.hall import awaited, twin
from openhall.hall.booking import BookingTerms, ServicePlaces, counts_from_ms
from openhall.hall.model import commands as c
from openhall.hall.snapshot import BookedTerms
from openhall.kernel.clock import MINUTE_MS
from openhall.network.hall_policies import AppointmentPolicy
from openhall.science import durations, engine
from openhall.science.believed import EARLIEST_MS
from openhall.science.habits import Arrivals, BookedHabits, Habits
from tests.places import at, booked_branch
from tests.unit.hall.halls import Hall, clockwork

TERMS = BookingTerms(at(9), 15 * MINUTE_MS, (ServicePlaces("cash", (20,) * 32),))


def booked_hall(count: int, at_ms: int = at(10), until: tuple[int, int] = (9, 55)) -> Hall:
    """One window, four people in line, and so many who have booked cash for a moment."""
    hall = Hall(booked_branch()).open("C1:zhao")
    hall.do(c.OfferAppointments(TERMS, "00" * 8))
    for _ in range(count):
        hall.do(c.BookAppointment("cash", at_ms))
    hall.clock.set(at(*until))
    for _ in range(4):
        hall.issue("cash")
    hall.call_and_start("C1")
    return hall


def punctual(hall: Hall, show_share: float = 1.0, early_minutes: int = 3) -> Habits:
    """Habits without chance; who has booked comes so many minutes early."""
    coming = durations.constant(EARLIEST_MS - early_minutes * MINUTE_MS)
    return msgspec.structs.replace(clockwork(hall.shot), booked=BookedHabits(show_share, coming))


def joining_minutes(hall: Hall, believed: Habits) -> float:
    """What somebody is told who walks in now for cash."""
    told = twin.waits(hall.shot, believed, futures=40)
    return next(w.middle_ms for w in told.joining if (w.service_id, w.class_code) == ("cash", "ordinary")) / (
        MINUTE_MS
    )


def test_ten_who_have_booked_for_ten_make_a_walk_in_of_five_to_wait_longer() -> None:
    none, ten = booked_hall(0), booked_hall(10)
    alone, among = joining_minutes(none, punctual(none)), joining_minutes(ten, punctual(ten))
    # Four are before; the first two services end before anybody booked is here. Then ten go first.
    assert alone == pytest.approx(42, abs=2)
    assert among == pytest.approx(alone + 10 * 10.5, abs=3)


def test_with_the_assumed_habits_too_the_wait_is_longer_and_honest_about_who_stays_away() -> None:
    none, ten = booked_hall(0), booked_hall(10)
    alone = joining_minutes(none, clockwork(none.shot))
    among = joining_minutes(ten, clockwork(ten.shot))
    # At five to, about six in ten of those who are not here yet come, and who is later than five past stands
    # behind somebody who is here now.
    assert alone + 25 < among < alone + 75


def awaited_count(hall: Hall) -> int:
    return len(hall.shot.booked)


def test_who_has_checked_in_is_in_line_and_no_more_among_the_awaited() -> None:
    hall = booked_hall(3)
    assert awaited_count(hall) == 3
    code = next(iter(hall.state.codes))
    before = joining_minutes(hall, punctual(hall))
    hall.do(c.CheckInAppointment(code))
    assert awaited_count(hall) == 2
    assert joining_minutes(hall, punctual(hall)) == pytest.approx(before, abs=1), "counted once"
    hall.do(c.CancelAppointment("b2"))
    assert awaited_count(hall) == 1
    hall.clock.set(at(10, 16))
    assert awaited_count(hall) == 0, "too late: walks in, if at all"


def test_the_room_left_falls_by_those_whose_time_was_promised() -> None:
    """Also of those who come hours later: an endless line now would be before them."""
    rooms = {}
    for count in (0, 10):
        hall = booked_hall(count, at_ms=at(14))
        told = twin.waits(hall.shot, punctual(hall), futures=20)
        assert told.room is not None
        rooms[count] = told.room
    assert rooms[0].by_closing - rooms[10].by_closing == pytest.approx(10, abs=1)
    assert rooms[0].with_overtime - rooms[10].with_overtime == pytest.approx(10, abs=1)


def test_nobody_who_surely_stays_away_takes_room_or_time() -> None:
    none, ten = booked_hall(0), booked_hall(10)
    assert joining_minutes(ten, punctual(ten, 0.0)) == joining_minutes(none, punctual(none))


@pytest.mark.parametrize("when_late", ["shrink", "keep", "walk_in"])
@pytest.mark.parametrize("late_minutes", [-30, -15, -3, 0, 4, 8, 15, 16, 40])
def test_the_place_of_somebody_awaited_is_what_the_hall_gives_at_check_in(
    when_late: str, late_minutes: int
) -> None:
    policy = msgspec.convert({"share_percent": 40, "when_late": when_late}, AppointmentPolicy)
    late = 0 if when_late == "walk_in" else policy.late_minutes * MINUTE_MS
    terms = BookedTerms(policy.head_start_minutes * MINUTE_MS, late, 2 if when_late == "shrink" else 0)
    hall = booked_hall(1)
    shot = msgspec.structs.replace(hall.shot, booked_terms=terms)
    joined_ms = at(10) + late_minutes * MINUTE_MS
    believed = punctual(hall)
    forked = twin.twin_of(shot, believed, with_probes=False)
    index = len(forked.fork.people) - 1
    place = engine._booked_place(forked.fork, index, joined_ms - shot.origin_ms)
    counts_from = counts_from_ms(policy, at_ms=at(10), arrived_ms=joined_ms) or joined_ms
    stands = min(joined_ms, counts_from) - shot.origin_ms
    group = forked.fork.people[index, engine.HERE_GROUP]
    base = forked.models[0].groups[group, engine.BASE]
    assert (place - base) >> engine.ORDER_SHIFT == stands


def test_who_is_awaited_by_name_is_taken_off_the_forecast_and_never_more_than_it_has() -> None:
    hall = booked_hall(10)
    believed = punctual(hall)
    groups = twin.groups_of(hall.shot, believed)
    share = tuple(1 / len(groups.habits) for _ in groups.habits)
    day = Arrivals(9 * 60 * MINUTE_MS, 15 * MINUTE_MS, (30.0,) * 32, (share,) * 32)
    walk_ins = awaited.walk_ins(day, hall.shot, groups, believed)
    taken = np.asarray(day.expected) - np.asarray(walk_ins.expected)
    cash = 30.0 / len(groups.habits)
    assert (taken > 1e-6).nonzero()[0].tolist() == [3], "they come between a quarter to ten and ten"
    assert taken[3] == pytest.approx(min(10.0, cash)), "and only what was expected for their service"
    assert sum(walk_ins.mix[3]) == pytest.approx(1.0)
    none = booked_hall(0)
    assert awaited.walk_ins(day, none.shot, groups, believed) is day
    total = sum(walk_ins.expected) + taken.sum()
    assert total == pytest.approx(sum(day.expected))


def test_the_longer_somebody_is_overdue_the_less_likely_they_come() -> None:
    hall = booked_hall(1)
    own = msgspec.structs.replace(clockwork(hall.shot), booked=None)
    absent = []
    for minutes in (0, 5, 10, 14):
        hall.clock.set(at(10, minutes))
        forked = twin.twin_of(hall.shot, own, with_probes=False)
        absent.append(int(forked.fork.people[-1, engine.AT_COUNTER]) / (1 << 32))
    assert absent == sorted(absent)
    assert absent[0] < 0.6
    assert absent[-1] > 0.85

"""Does the twin say what the hall then does?"""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from openhall.hall import twin
from openhall.hall.model import commands as c
from openhall.hall.model.state import TicketStatus
from openhall.kernel.clock import MINUTE_MS, SECOND_MS
from openhall.network.model import OrderPolicy
from openhall.science import durations, engine
from openhall.science.habits import Arrivals, assumed_habits
from tests.places import at, quiet_branch
from tests.unit.hall.halls import Hall, change, clockwork

pytestmark = pytest.mark.unit


def minutes(hall: Hall, **habits: float) -> dict[str, tuple[float, float, float]]:
    """What each waiting ticket is told, in minutes."""
    told = twin.waits(hall.shot, clockwork(hall.shot, **habits), futures=50)  # type: ignore[arg-type]
    return {
        w.ticket_id: (w.low_ms / MINUTE_MS, w.middle_ms / MINUTE_MS, w.high_ms / MINUTE_MS)
        for w in told.tickets
    }


def test_without_chance_the_wait_is_exact_and_counts_from_the_service_under_way() -> None:
    hall = Hall().open("C1:zhao")
    tickets = [hall.issue() for _ in range(4)]
    hall.call_and_start("C1")
    hall.wait(4)
    # 6 minutes are left of the first, then 10.5 each: half a minute to walk and ten to be served.
    assert minutes(hall) == {t: (w, w, w) for t, w in zip(tickets[1:], (6.0, 16.5, 27.0), strict=True)}


def test_two_windows_share_one_line_and_a_green_ticket_overtakes_by_its_head_start() -> None:
    hall = Hall().open("C1:zhao", "C2:qian")
    third = [hall.issue() for _ in range(3)][2]
    hall.call_and_start("C1")
    hall.call_and_start("C2")
    hall.wait(5)
    green = hall.issue(class_code="green")
    told = minutes(hall)
    assert told[green] == (5.0, 5.0, 5.0)
    # Of those who come within the next minutes, a green one would be before the third as well: one turn more.
    assert told[third] == (5.0, 5.0, 15.5)
    hall.do(c.CloseDoors())
    assert minutes(hall)[third] == (5.0, 5.0, 5.0)


def test_what_the_twin_says_without_chance_is_what_the_hall_then_does() -> None:
    hall = Hall().open("C1:zhao", "C3:zhou")
    for service in ("cash", "accounts", "cash", "corporate", "accounts", "cash"):
        hall.issue(service)
    hall.wait(1)
    told = minutes(hall, walk_seconds=0)
    begins = hall.clock.now_ms()
    called: dict[str, float] = {}
    free = {"C1": begins, "C3": begins}
    while hall.state.line:
        now = min(free.values())
        hall.clock.set(now)
        counter = min(k for k, at_ms in free.items() if at_ms == now)
        if hall.state.counters[counter].ticket_id:
            hall.do(c.FinishService(counter))
        ticket = hall.state.next_for(hall.state.counters[counter])
        if ticket is None:
            free[counter] = begins + 10**12
            continue
        called[ticket.id] = (now - begins) / MINUTE_MS
        hall.call_and_start(counter)
        free[counter] = now + 10 * MINUTE_MS
    # A free counter with people in line is between two customers: the twin gives it its gap, here none.
    assert {t: w[1] for t, w in told.items()} == pytest.approx(called, abs=0.001)


def test_a_pause_of_the_hall_and_the_time_before_opening_are_part_of_the_wait() -> None:
    hall = Hall().open("C1:zhao")
    ticket = hall.issue()
    hall.do(c.PauseHall("disinfection", at(9, 20)))
    assert minutes(hall)[ticket] == (20.0, 20.0, 20.0)
    early = Hall()
    early.do(c.OpenCounter("C1", "zhao"))
    ticket = early.issue()
    assert minutes(early)[ticket] == (20.0, 20.0, 20.0)


def test_a_closing_counter_calls_nobody_and_without_an_able_counter_nothing_is_promised() -> None:
    hall = Hall().open("C1:zhao", "C3:zhou")
    hall.issue("cash")
    waiting = hall.issue("cash")
    corporate = hall.issue("corporate")
    hall.call_and_start("C1")
    hall.do(c.CloseCounter("C1"))
    assert set(minutes(hall)) == {corporate}
    told = twin.waits(hall.shot, clockwork(hall.shot), futures=20)
    assert waiting not in {w.ticket_id for w in told.tickets}
    assert {(w.service_id, w.class_code) for w in told.joining} == {
        (service, code)
        for service in ("accounts", "corporate")
        for code in ("ordinary", "green", "frontline")
    }


def test_the_wait_is_for_somebody_who_stays_however_impatient_people_are() -> None:
    hall = Hall().open("C1:zhao")
    for _ in range(5):
        hall.issue()
    hall.call_and_start("C1")
    habits = clockwork(hall.shot)
    five = durations.exponential(5 * MINUTE_MS)
    patient = twin.waits(hall.shot, habits, futures=300)
    impatient = twin.waits(
        hall.shot,
        change(habits, lambda g: msgspec.structs.replace(g, patience=five)),
        futures=300,
    )
    last, hurried = patient.tickets[-1], impatient.tickets[-1]
    # Those ahead leave, so the turn comes sooner; but it comes in every future, the asker's own too.
    assert hurried.middle_ms < last.middle_ms
    assert hurried.low_ms >= patient.tickets[0].low_ms
    assert len(impatient.tickets) == 4


def test_asking_for_somebody_who_might_join_changes_nothing_for_those_who_wait() -> None:
    hall = Hall().open("C1:zhao")
    for _ in range(6):
        hall.issue()
    believed = assumed_habits(hall.shot.branch, hall.shot.services, [k for k, _, _ in hall.shot.classes])
    reached = []
    for with_probes in (True, False):
        ready = twin.twin_of(hall.shot, believed, with_probes=with_probes)
        found = engine.futures(
            ready.model,
            ready.fork,
            np.zeros((1, engine.ACTION_COLUMNS), np.int64),
            count=100,
            seed=1,
            branch=0,
            arrive_until_ms=0,
            number=1_000,
        )
        reached.append(found.reached[:, :6])
    assert (reached[0] == reached[1]).all()


def test_the_twins_order_is_the_halls_under_both_rules() -> None:
    for order in ("head_start", "strict"):
        rules = msgspec.structs.replace(quiet_branch(), order=OrderPolicy(order))
        hall = Hall(rules).open("C1:zhao")
        for class_code in ("", "", "frontline", "green", "", "green"):
            hall.issue("cash", class_code)
            hall.wait(4)
        ready = twin.twin_of(hall.shot, clockwork(hall.shot), with_probes=False)
        places = ready.fork.people[:6, engine.HERE_PLACE]
        assert list(places) == sorted(places), order


def test_who_stepped_out_or_is_helped_elsewhere_comes_back_or_not_and_is_not_told_a_wait() -> None:
    hall = Hall().open("C1:zhao")
    away, helped, behind = hall.issue(need="withdraw"), hall.issue(need="withdraw"), hall.issue()
    hall.do(c.HoldTicket(away, "li"))
    hall.do(c.OfferDiversion(helped, "atm"))
    hall.do(c.AcceptDiversion("d1", "li"))
    assert hall.state.tickets[helped].status is TicketStatus.DIVERTING
    assert {p.kind for p in hall.shot.people} == {"waiting", "away", "helped"}
    told = minutes(hall)
    assert set(told) == {behind}
    assert told[behind][0] == 0.0


def test_what_is_left_of_a_service_is_what_is_left_given_how_long_it_has_lasted() -> None:
    hall = Hall().open("C1:zhao")
    hall.issue()
    waiting = hall.issue()
    hall.call_and_start("C1")
    two_kinds = durations.Durations(
        (2 * MINUTE_MS, 2 * MINUTE_MS, 2 * MINUTE_MS, 20 * MINUTE_MS, 20 * MINUTE_MS)
    )
    habits = change(
        clockwork(hall.shot),
        lambda g: msgspec.structs.replace(g, service_time=two_kinds),
    )
    at_once = twin.waits(hall.shot, habits, futures=400).tickets[0]
    assert at_once.ticket_id == waiting
    assert at_once.low_ms == 2 * MINUTE_MS
    hall.wait(3)
    later = twin.waits(hall.shot, habits, futures=400).tickets[0]
    assert later.low_ms > 0
    assert later.high_ms == 17 * MINUTE_MS


def test_room_counts_what_the_windows_can_still_do_by_closing_and_with_overtime() -> None:
    hall = Hall().open("C1:zhao")
    hall.issue()
    hall.call_and_start("C1")
    hall.clock.set(at(16))
    for _ in range(2):
        hall.issue()
    told = twin.waits(hall.shot, clockwork(hall.shot), futures=20)
    # The service under way is overdue; two wait. An hour holds 5 of 10.5 minutes, an hour and a half 8.
    assert told.room is not None
    assert (told.room.by_closing, told.room.with_overtime) == (3, 6)
    leaving = change(
        clockwork(hall.shot),
        lambda g: msgspec.structs.replace(g, patience=durations.constant(MINUTE_MS)),
    )
    hurried = twin.waits(hall.shot, leaving, futures=20).room
    assert hurried is not None
    # The two in line leave and make room for two; nobody is counted as served by leaving.
    assert hurried.with_overtime == told.room.with_overtime + 2
    hall.do(c.OpenCounter("C2", "qian"))
    more = twin.waits(hall.shot, clockwork(hall.shot), futures=20).room
    assert more is not None
    assert more.with_overtime > told.room.with_overtime
    hall.do(c.CloseDoors())
    assert twin.waits(hall.shot, clockwork(hall.shot), futures=20).room is None


def busy_hall() -> Hall:
    hall = Hall().open("C1:zhao")
    for number in range(12):
        hall.issue("cash", need="withdraw" if number % 2 else "")
    hall.call_and_start("C1")
    hall.wait(20)
    return hall


def test_advice_names_each_window_and_each_person_who_could_sit_there_and_what_it_saves() -> None:
    hall = busy_hall()
    found = twin.advice(hall.shot, clockwork(hall.shot), futures=100)
    opens = {(m.counter_id, m.person_id): m for m in found.moves if m.kind == "open"}
    # C2 is for cash and accounts: sun has cash, qian both; zhou has accounts, for which nobody waits.
    assert {("C2", "qian"), ("C2", "sun")} <= set(opens)
    assert not any(person in {"zhou", "zhao", "li"} for _, person in opens)
    move = opens["C2", "qian"]
    assert found.late_ms > 0
    assert 0 < move.saved_low_ms <= move.saved_ms <= move.saved_high_ms <= found.late_ms * 1.2
    offers = [m for m in found.moves if m.kind == "offer"]
    assert offers
    assert all(m.channel == "atm" for m in offers)
    assert max(m.saved_ms for m in offers) < move.saved_ms
    assert list(found.moves) == sorted(found.moves, key=lambda m: -m.saved_ms)


def test_the_elderly_are_never_proposed_for_an_offer() -> None:
    hall = Hall().open("C1:zhao")
    for _ in range(8):
        hall.issue("cash", "green", need="withdraw")
    hall.wait(40)
    assert all(one.channel is None for one in hall.shot.people)
    assert not [
        m for m in twin.advice(hall.shot, clockwork(hall.shot), futures=50).moves if m.kind == "offer"
    ]


def test_a_window_without_work_may_be_spared_and_one_with_work_may_not() -> None:
    idle = Hall().open("C1:zhao", "C2:qian", "C3:zhou")
    idle.issue()
    idle.call_and_start("C1")
    spared = twin.advice(idle.shot, clockwork(idle.shot), futures=50).moves
    assert {m.kind for m in spared} == {"close"}
    busy = Hall().open("C1:zhao", "C2:qian")
    for _ in range(14):
        busy.issue()
    busy.wait(25)
    assert "close" not in {m.kind for m in twin.advice(busy.shot, clockwork(busy.shot), futures=50).moves}


def test_a_move_meets_the_same_futures_so_that_little_chance_is_left_in_what_it_saves() -> None:
    hall = busy_hall()
    believed = assumed_habits(hall.shot.branch, hall.shot.services, [k for k, _, _ in hall.shot.classes])
    ready = twin.twin_of(hall.shot, believed, with_probes=False)
    mask = ready.groups.mask(("cash", "accounts"), ())
    actions = np.array([[0, 0, 0, 0], [engine.SET_MASK, 1, mask, ready.now + 120 * SECOND_MS]], np.int64)

    def late(first: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
        return engine.futures(
            ready.model,
            ready.fork,
            actions,
            count=400,
            seed=1,
            branch=0,
            first=first,
            arrive_until_ms=ready.now + 60 * MINUTE_MS,
            until_ms=ready.now + 60 * MINUTE_MS,
            number=1_000,
        ).late

    paired, other = late(0), late(10_000)
    common = np.var(paired[:, 0] - paired[:, 1])
    independent = np.var(paired[:, 0] - other[:, 1])
    assert common < independent / 2


def test_more_people_than_expected_by_now_make_the_rest_of_the_day_busier_but_not_at_once() -> None:
    hall = Hall().open("C1:zhao")
    hall.clock.set(at(11))
    shot = hall.shot
    believed = clockwork(shot)
    groups = twin.groups_of(shot, believed)
    mix = tuple([1 / len(groups.habits)] * len(groups.habits))
    start = at(9) - shot.origin_ms
    learned = Arrivals(start, 15 * MINUTE_MS, (5.0,) * 32, (mix,) * 32)
    believed = msgspec.structs.replace(believed, arrivals=learned)
    for joined, factor in ((40, 1.0), (0, 0.2), (90, 2.0), (4, 0.28)):
        today = msgspec.structs.replace(shot, joined_today=joined)
        found = twin.arrivals_of(today, believed, groups)
        assert found.expected[20] == pytest.approx(5.0 * factor), joined


def test_a_service_that_is_new_in_the_configuration_is_assumed_and_an_old_one_forgotten() -> None:
    shot = Hall().open("C1:zhao").shot
    believed = clockwork(shot)
    fewer = msgspec.structs.replace(believed, groups=believed.groups[3:])
    groups = twin.groups_of(shot, fewer)
    assert {(g.service, g.class_code) for g in groups.habits} == {
        (s, k) for s, _ in shot.services for k, _, _ in shot.classes
    }
    now_only = msgspec.structs.replace(shot, services=shot.services[:1])
    assert {g.service for g in twin.groups_of(now_only, believed).habits} == {shot.services[0][0]}

"""Does the twin say what the hall then does?"""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from openhall.hall import twin
from openhall.hall.model import commands as c
from openhall.hall.model.state import TicketStatus
from openhall.hall.plan import PlannedStint
from openhall.kernel.clock import MINUTE_MS, SECOND_MS
from openhall.network.model import OrderPolicy
from openhall.science import durations, engine
from openhall.science.habits import Arrivals, assumed_habits
from tests.places import at, quiet_branch
from tests.unit.hall.halls import Hall, a_plan, busy_hall, change, clockwork, stint

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
            ready.models[0],
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


def test_a_move_meets_the_same_futures_so_that_little_chance_is_left_in_what_it_saves() -> None:
    hall = busy_hall()
    believed = assumed_habits(hall.shot.branch, hall.shot.services, [k for k, _, _ in hall.shot.classes])
    ready = twin.twin_of(hall.shot, believed, with_probes=False)
    mask = ready.groups.mask(("cash", "accounts"), ())
    actions = np.array([[0, 0, 0, 0], [engine.SET_MASK, 1, mask, ready.now + 120 * SECOND_MS]], np.int64)

    def late(first: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
        return engine.futures(
            ready.models[0],
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


@pytest.mark.parametrize(
    ("came_each_half_hour", "least", "most", "reason"),
    [
        (10, 0.95, 1.05, "as expected"),
        (11, 0.95, 1.15, "a few more are chance"),
        (28, 2.2, 3.2, "nearly three times as many are a surge"),
        (0, 0.0, 0.7, "nobody at all: the day is quieter"),
    ],
)
def test_the_rest_of_the_day_is_as_busy_as_what_came_so_far_makes_likely(
    came_each_half_hour: int, least: float, most: float, reason: str
) -> None:
    hall = Hall().open("C1:zhao")
    hall.clock.set(at(11))
    shot = hall.shot
    # From check-in at half past eight: six five-minute stretches before the doors, then four half hours.
    joined = (0,) * 6 + (came_each_half_hour, 0, 0, 0, 0, 0) * 4
    today = msgspec.structs.replace(shot, joined=joined)
    believed = clockwork(shot)
    groups = twin.groups_of(shot, believed)
    mix = tuple([1 / len(groups.habits)] * len(groups.habits))
    learned = Arrivals(at(9) - shot.origin_ms, 15 * MINUTE_MS, (5.0,) * 32, (mix,) * 32)
    coming = twin.arrivals_of(today, msgspec.structs.replace(believed, arrivals=learned), groups)
    assert list(coming.factors) == sorted(coming.factors)
    middle = (coming.factors[3] + coming.factors[4]) / 2
    assert least <= middle <= most, (reason, coming.factors)


def test_the_plans_people_are_expected_with_the_services_that_were_learned() -> None:
    hall = Hall().open("C1:zhao")
    plan = a_plan(PlannedStint("zhao", "window", at(9), at(17), "C1"), expected=(7.0,) * 32)
    hall.do(c.TakePlan(plan))
    shot = hall.shot
    believed = clockwork(shot)
    groups = twin.groups_of(shot, believed)
    first = tuple(float(n == 0) for n in range(len(groups.habits)))
    learned = Arrivals(at(9) - shot.origin_ms, 15 * MINUTE_MS, (5.0,) * 32, (first,) * 32)
    coming = twin.arrivals_of(shot, msgspec.structs.replace(believed, arrivals=learned), groups).arrivals
    assert coming.expected == plan.expected
    assert set(coming.mix) == {first}


def told_with(*stints: PlannedStint, line: int = 4) -> dict[str, float]:
    """The middle of what each is told, in minutes, where one window is open now and this is the plan."""
    hall = Hall().open("C1:zhao")
    hall.do(c.TakePlan(a_plan(*stints)))
    tickets = [hall.issue() for _ in range(line)]
    hall.call_and_start("C1")
    told = minutes(hall)
    return {ticket: told[ticket][1] if ticket in told else -1.0 for ticket in tickets[1:]}


@pytest.mark.parametrize(
    ("stints", "waits", "reason"),
    [
        ((), [10.0, 20.5, 31.0], "without a plan the counters stay as they are"),
        (("zhao C1 9:00 17:00",), [10.0, 20.5, 31.0], "the plan says the same"),
        (
            ("zhao C1 9:00 17:00", "qian C2 9:15 17:00"),
            [10.0, 15.0, 20.5],
            "another window opens in a quarter of an hour",
        ),
        (("zhao C1 9:00 9:15",), [10.0, -1.0, -1.0], "the window closes, and nobody comes"),
        (
            ("zhao C1 9:00 9:15", "qian C1 9:15 12:00"),
            [10.0, 20.5, 31.0],
            "somebody takes the window over",
        ),
        (
            ("zhao C1 9:00 17:00", "qian C2 9:00 17:00"),
            [2.0, 10.0, 12.5],
            "who should sit there by now needs two minutes",
        ),
    ],
)
def test_waits_know_the_planned_openings_and_closings(
    stints: tuple[str, ...], waits: list[float], reason: str
) -> None:
    if not stints:
        hall = Hall().open("C1:zhao")
        tickets = [hall.issue() for _ in range(4)]
        hall.call_and_start("C1")
        told = minutes(hall)
        assert [told[t][1] for t in tickets[1:]] == waits, reason
        return
    assert list(told_with(*(stint(each) for each in stints)).values()) == waits, reason


def test_who_is_absent_opens_no_window_and_what_is_long_overdue_is_not_believed() -> None:
    plan = (stint("zhao C1 9:00 17:00"), stint("qian C2 9:10 17:00"))
    hall = Hall().open("C1:zhao")
    hall.do(c.TakePlan(a_plan(*plan)))
    waiting = [hall.issue() for _ in range(3)][2]
    hall.call_and_start("C1")
    assert minutes(hall)[waiting][1] == 10.0
    hall.do(c.ReportPerson("qian", "absent"))
    assert minutes(hall)[waiting][1] == 20.5
    hall.do(c.ReportPerson("qian", "present"))
    hall.wait(9)
    assert minutes(hall)[waiting][1] == 1.0
    hall.wait(12)  # qian should have sat there for eleven minutes, and does not
    later = minutes(hall)[waiting][1]
    assert later > 5


def test_the_room_left_counts_the_windows_that_the_plan_will_open() -> None:
    hall = Hall().open("C1:zhao")
    hall.clock.set(at(15))
    alone = twin.waits(hall.shot, clockwork(hall.shot), futures=20).room
    hall.do(c.TakePlan(a_plan(stint("zhao C1 9:00 17:00"), stint("qian C2 16:00 17:00"))))
    more = twin.waits(hall.shot, clockwork(hall.shot), futures=20).room
    assert alone is not None
    assert more is not None
    # An hour and a half of one more window, the half hour of overtime included: eight of 10.5 minutes.
    assert more.with_overtime - alone.with_overtime in {8, 9}


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

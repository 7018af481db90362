"""A hall's state as the figures that alerts look at: what is counted, and what is not."""

from __future__ import annotations

from openhall.flows.alert_figures import REST_MS, WATCHED, Watched, hall_figures
from openhall.hall.model import ROOM
from openhall.hall.model import commands as c
from openhall.hall.model.state import TicketStatus
from openhall.hall.told import TicketWait
from openhall.kernel.clock import MINUTE_MS
from openhall.network.alerts import AlertPolicy
from openhall.review.alert_kinds import HallFigures
from tests.places import LANE, at
from tests.unit.hall.halls import Hall

POLICY = AlertPolicy()


def watched(hall: Hall) -> Watched:
    found = Watched()
    for recorded in hall.book.store.read(stream=LANE):
        if recorded.type in WATCHED:
            found.note(ROOM.read(recorded.type, recorded.version, recorded.body), recorded.at_ms)
    return found


def figures(hall: Hall) -> HallFigures:
    return hall_figures(hall.state, watched(hall), POLICY, hall.clock.now_ms())


def pass_minutes(hall: Hall, minutes: float) -> None:
    hall.clock.advance(round(minutes * MINUTE_MS))


def test_waits_are_from_joining_without_holds_and_without_time_before_opening() -> None:
    hall = Hall()
    hall.do(c.IssueTicket("cash"))  # t1 at 8:40
    hall.open("C1:zhao")  # at nine
    hall.do(c.IssueTicket("cash"))  # t2
    pass_minutes(hall, 10)
    found = figures(hall)
    assert found.longest_wait_ms == 10 * MINUTE_MS, "the branch opens at nine: nobody could be called before"
    hall.do(c.HoldTicket("t1", "li"))
    hall.do(c.HoldTicket("t2", "li"))
    pass_minutes(hall, 20)
    assert figures(hall).longest_wait_ms == 0, "who stepped out does not wait"
    hall.do(c.ResumeTicket("t1"))
    assert figures(hall).longest_wait_ms == 10 * MINUTE_MS, "and has not waited meanwhile"


def test_what_the_twin_foresees_counts_while_it_is_fresh() -> None:
    hall = Hall().open("C1:zhao")
    hall.do(c.IssueTicket("cash"))
    pass_minutes(hall, 5)
    waits = (TicketWait("t1", *(n * MINUTE_MS for n in (10, 20, 30))),)
    hall.do(c.TellWaits(hall.clock.now_ms(), waits))
    assert figures(hall).foreseen_wait_ms == 25 * MINUTE_MS
    pass_minutes(hall, 6)
    assert figures(hall).foreseen_wait_ms == 0, "old words are not held against the hall"


def test_the_share_over_the_limit_is_of_those_in_line_and_those_called_lately() -> None:
    hall = Hall().open("C1:zhao")
    for _ in range(3):
        hall.do(c.IssueTicket("cash"))
    pass_minutes(hall, 31)  # late after 30
    hall.do(c.CallNext("C1"))
    hall.do(c.StartService("C1"))
    hall.do(c.IssueTicket("cash"))
    found = figures(hall)
    assert (found.judged_count, found.over_limit_count) == (4, 3)
    pass_minutes(hall, 61)
    found = figures(hall)
    assert (found.judged_count, found.over_limit_count) == (3, 3), "the call was not lately"


def test_saturation_is_work_that_came_over_what_windows_can_do() -> None:
    hall = Hall().open("C1:zhao", "C3:zhou")
    for _ in range(6):
        hall.do(c.IssueTicket("cash"))  # five minutes each
    pass_minutes(hall, 10)
    found = figures(hall)
    assert (found.joined_count, found.joined_work_ms) == (6, 30 * MINUTE_MS)
    assert found.window_time_ms == 2 * 15 * MINUTE_MS, "just after opening a crowd is nobody's fault"
    pass_minutes(hall, 10)
    assert figures(hall).window_time_ms == 2 * 20 * MINUTE_MS, "two windows, since the doors opened"
    hall.do(c.PauseCounter("C3", "break"))
    assert figures(hall).window_time_ms == 20 * MINUTE_MS


def test_late_services_are_those_that_take_twice_the_usual_minutes() -> None:
    hall = Hall().open("C1:zhao")
    for _ in range(2):
        hall.do(c.IssueTicket("cash"))
    hall.do(c.CallNext("C1"))
    hall.do(c.StartService("C1"))
    pass_minutes(hall, 9.9)
    assert figures(hall).serving_late_count == 0
    pass_minutes(hall, 0.1)
    assert figures(hall).serving_late_count == 1
    hall.do(c.FinishService("C1"))
    found = figures(hall)
    assert (found.serving_late_count, found.finished_count, found.finished_late_count) == (0, 1, 1)


def test_who_was_absent_or_left_is_gone_and_who_came_back_is_not() -> None:
    hall = Hall().open("C1:zhao")
    for _ in range(3):
        hall.do(c.IssueTicket("cash"))
    hall.do(c.MarkReneged("t1"))
    hall.do(c.MarkReneged("t2"))
    assert (figures(hall).ended_count, figures(hall).abandoned_count) == (2, 2)
    hall.do(c.Reinstate("t2", "came_back"))
    found = figures(hall)
    assert (found.ended_count, found.abandoned_count) == (1, 1)


def test_who_is_served_elsewhere_is_in_no_share() -> None:
    hall = Hall().open("C1:zhao")
    hall.do(c.IssueTicket("cash", need="withdraw", class_code="green", class_basis="staff"))
    hall.do(c.OfferDiversion("t1", "atm"))
    diversion = next(iter(hall.state.diversions))
    hall.do(c.AcceptDiversion(diversion, "li"))
    hall.do(c.StartDiversion(diversion))
    hall.do(c.CompleteDiversion(diversion, is_customer_operated=True))
    assert hall.state.tickets["t1"].status is TicketStatus.DIVERTED
    found = figures(hall)
    assert (found.judged_count, found.ended_count, found.finished_count, found.abandoned_count) == (
        0,
        0,
        0,
        0,
    )


def test_bad_ratings_are_counted_for_an_hour() -> None:
    hall = Hall().open("C1:zhao")
    for score in (1, 2, 3, 5, None):
        hall.do(c.RecordFeedback("rating" if score else "praise", score=score))
    assert figures(hall).bad_ratings_count == 2
    pass_minutes(hall, 61)
    assert figures(hall).bad_ratings_count == 0


def test_work_goes_on_through_short_pauses_and_moves_and_ends_with_a_rest() -> None:
    hall = Hall().open("C1:zhao")
    pass_minutes(hall, 60)
    assert figures(hall).longest_work_ms == 60 * MINUTE_MS
    hall.do(c.PauseCounter("C1", "break"))
    assert figures(hall).longest_work_ms == 0, "nobody works"
    pass_minutes(hall, 5)
    hall.do(c.ResumeCounter("C1"))
    assert figures(hall).longest_work_ms == 65 * MINUTE_MS, "five minutes are no rest"
    hall.do(c.CloseCounter("C1"))
    hall.do(c.OpenCounter("C2", "zhao"))
    assert figures(hall).longest_work_ms == 65 * MINUTE_MS, "another window is the same work"
    hall.do(c.HandOverCounter("C2", "qian"))
    assert figures(hall).longest_work_ms == 0, "somebody fresh"
    pass_minutes(hall, REST_MS / MINUTE_MS)
    hall.do(c.HandOverCounter("C2", "zhao"))
    pass_minutes(hall, 3)
    assert figures(hall).longest_work_ms == 3 * MINUTE_MS, "rested"


def test_a_pause_of_the_whole_hall_is_a_rest() -> None:
    hall = Hall().open("C1:zhao")
    pass_minutes(hall, 60)
    hall.do(c.PauseHall("disinfection", hall.clock.now_ms() + 30 * MINUTE_MS))
    assert figures(hall).longest_work_ms == 0
    pass_minutes(hall, 30)
    hall.do(c.ResumeHall())
    pass_minutes(hall, 4)
    assert figures(hall).longest_work_ms == 4 * MINUTE_MS
    assert hall.clock.now_ms() == at(10, 34)

"""The panels show what the plan wants now, who is here and who could be sent, never what would be refused."""

from __future__ import annotations

import msgspec
import pytest

from openhall.hall.model import ROOM
from openhall.hall.model import commands as c
from openhall.hall.model.state import Presence
from openhall.hall.plan import PlannedDay, PlannedStint
from openhall.hall.views_people import (
    HelpView,
    change_due,
    help_wanted,
    next_change,
    plan_view,
    proposals_due,
    relief,
)
from openhall.kernel.clock import MINUTE_MS
from openhall.kernel.event import Command, StreamId
from openhall.network.model import Bank
from openhall.network.sample import sample_bank
from openhall.network.staffing import Neighbour, PlannedPost, StaffingPolicy
from tests.places import DAY, LANE, at, quiet_branch
from tests.property.hall_days import Day

NORTH, FAR = StreamId("north", DAY), StreamId("far", DAY)


def stint(person: str, post: PlannedPost, from_: int, until: int, counter: str = "") -> PlannedStint:
    """Whole hours; 1230 is half past twelve."""

    def moment(clock: int) -> int:
        return at(clock // 100, clock % 100)

    return PlannedStint(person, post, moment(from_), moment(until), counter)


PLAN = PlannedDay(
    "v1",
    at(9),
    15 * MINUTE_MS,
    (4.0,) * 32,
    (2,) * 32,
    (
        stint("li", "lobby", 900, 1700),
        stint("zhao", "window", 900, 1200, "C1"),
        stint("zhao", "break", 1200, 1300),
        stint("zhao", "window", 1300, 1500, "C1"),
        stint("zhao", "window", 1500, 1700, "C1"),
        stint("qian", "lobby", 900, 1200),
        stint("qian", "window", 1200, 1300, "C1"),
        stint("qian", "lobby", 1330, 1700),
        stint("sun", "window", 900, 1230, "C2"),
    ),
)


def planned(*commands: Command, hour: int = 9, minute: int = 0, stream: StreamId = LANE) -> Day:
    """A hall by the plan, with open doors, after these commands at that time."""
    rules = quiet_branch()
    rules = msgspec.structs.replace(rules, branch=msgspec.structs.replace(rules.branch, id=stream.place))
    day = Day(rules, state=ROOM.initial(stream), now_ms=at(8, 40))
    day.do(c.TakePlan(PLAN))
    day.do(c.OpenDoors())
    day.now_ms = at(hour, minute)
    for command in commands:
        day.do(command)
    assert day.refused == set()
    return day


OPEN_1, OPEN_2 = c.OpenCounter("C1", "zhao"), c.OpenCounter("C2", "sun")


@pytest.mark.parametrize(
    ("commands", "now", "due"),
    [
        pytest.param((), (8, 57), [], id="three minutes before is too early to be told"),
        pytest.param((), (8, 58), ["open 1 zhao", "open 2 sun"], id="two minutes before they walk over"),
        pytest.param((OPEN_1,), (9, 0), ["open 2 sun"], id="what was done is gone"),
        pytest.param((OPEN_1, OPEN_2), (11, 59), ["hand_over 1 qian"], id="lunch is covered by name"),
        pytest.param((OPEN_1, OPEN_2), (12, 30), ["close 2 sun", "hand_over 1 qian"], id="the shift is over"),
        pytest.param(
            (c.OpenCounter("C1", "qian"),), (12, 20), ["open 2 sun"], id="who was sent there early stays"
        ),
        pytest.param(
            (c.ReportPerson("sun", "absent"), OPEN_1), (9, 5), [], id="nobody is proposed who is not here"
        ),
    ],
)
def test_what_is_due_names_the_window_and_the_person(
    commands: tuple[Command, ...], now: tuple[int, int], due: list[str]
) -> None:
    state = planned(*commands).state
    found = plan_view(state, at(*now)).proposals
    assert [f"{p.kind} {p.counter_number} {p.person_id}" for p in found] == due
    assert proposals_due(state, at(*now)) == len(due)


def test_somebody_who_sits_down_before_the_plan_begins_is_not_sent_home() -> None:
    assert plan_view(planned(OPEN_1, hour=8, minute=50).state, at(8, 50)).proposals == ()


def test_a_handing_over_says_where_the_one_who_leaves_goes() -> None:
    [proposal] = plan_view(planned(OPEN_1, OPEN_2).state, at(11, 59)).proposals
    assert (proposal.from_ms, proposal.until_ms) == (at(12), at(13))
    assert proposal.leaving is not None
    leaving = proposal.leaving
    assert (leaving.person_id, leaving.post, leaving.until_ms) == ("zhao", "break", at(13))
    [closing] = plan_view(planned(OPEN_2, hour=12, minute=30).state, at(12, 30)).proposals[:1]
    assert closing.leaving is not None
    assert (closing.kind, closing.leaving.post) == ("close", "home")


def test_a_handing_over_waits_for_a_customer_whom_the_new_person_cannot_serve() -> None:
    plan = msgspec.structs.replace(
        PLAN, stints=(stint("zhao", "window", 900, 1200, "C1"), stint("sun", "window", 1200, 1300, "C1"))
    )
    for service, number in (("accounts", "B001"), ("cash", "")):
        day = planned(c.TakePlan(plan), OPEN_1, c.IssueTicket(service), c.CallNext("C1"))
        [proposal] = plan_view(day.state, at(12)).proposals
        assert proposal.waits_for == number
        day.now_ms = at(12)
        day.do(c.HandOverCounter("C1", "sun"))
        assert day.refused == ({"counter_cannot_serve"} if number else set()), "as the hall would have it"


def test_the_next_hour_is_told_in_order_without_what_is_due_and_without_who_is_away() -> None:
    def told(*commands: Command) -> list[tuple[int, str, str, int]]:
        found = plan_view(planned(*commands).state, at(11, 58)).changes
        return [(c.at_ms, c.person_id, c.post, c.counter_number) for c in found]

    assert told() == [(at(12, 30), "sun", "home", 0)], "what begins at twelve is due by now"
    assert told(c.ReportPerson("sun", "absent")) == []
    earlier = plan_view(planned().state, at(11, 30)).changes
    assert [(c.at_ms, c.person_id, c.post) for c in earlier] == [
        (at(12), "qian", "window"),
        (at(12), "zhao", "break"),
        (at(12, 30), "sun", "home"),
    ]


@pytest.mark.parametrize(
    ("person", "now", "change"),
    [
        ("zhao", (8, 0), ("window", 9, 0)),
        ("zhao", (9, 0), ("break", 12, 0)),
        ("zhao", (12, 30), ("window", 13, 0)),
        ("zhao", (14, 0), ("home", 17, 0)),  # Two stints at the same window are one.
        ("qian", (12, 30), ("gap", 13, 0)),  # A hole in the day is free time.
        ("qian", (13, 10), ("lobby", 13, 30)),
        ("zhao", (17, 0), None),
        ("wang", (9, 0), None),  # Nobody planned anything for the guard.
    ],
)
def test_everybody_has_one_next_change(
    person: str, now: tuple[int, int], change: tuple[str, int, int] | None
) -> None:
    found = next_change(planned().state, person, at(*now))
    assert (found and (found.post, found.at_ms)) == (change and (change[0], at(*change[1:])))


def test_a_window_knows_when_its_teller_was_due_elsewhere_and_who_takes_over() -> None:
    state = planned(OPEN_1).state
    assert change_due(state, "C1", at(11, 59)) is None
    due = change_due(state, "C1", at(12, 5))
    assert due is not None
    assert (due.post, relief(state, "C1", due)) == ("break", "qian")
    assert change_due(state, "C2", at(12, 5)) is None, "nobody sits there"
    assert change_due(planned(c.OpenCounter("C3", "qian")).state, "C3", at(8)) is None, "nothing planned yet"


def test_who_is_here_is_what_was_reported_or_is_plain_from_the_window() -> None:
    day = planned(OPEN_1, c.ReportPerson("sun", "absent"), c.ReportPerson("li", "left"))
    found = plan_view(day.state, at(9, 5))
    shown = {p.person_id: p for p in found.own}
    assert {k: (p.presence.value, p.is_reported) for k, p in shown.items()} == {
        "zhao": ("present", True),
        "qian": ("present", False),
        "sun": ("absent", True),
        "li": ("left", True),
    }
    assert (found.here_count, found.absent_count, found.coming_count) == (2, 1, 0)
    assert [p.person_id for p in found.unplanned] == ["chen", "wang", "zhou"]
    assert (shown["zhao"].counter_number, shown["zhao"].steps) == (1, ()), "who sits there is plainly here"
    assert shown["sun"].steps == ("has_come", "absent", "left")
    assert (shown["sun"].post, shown["sun"].post_number, shown["sun"].post_until_ms) == (
        "window",
        2,
        at(12, 30),
    )


def test_without_a_plan_everybody_is_on_duty_and_nothing_is_proposed() -> None:
    found = plan_view(Day(quiet_branch(), now_ms=at(9)).state, at(9))
    assert not found.is_planned
    assert len(found.own) == len(quiet_branch().staff)
    assert (found.unplanned, found.proposals, found.changes) == ((), (), ())


RECEIVE = c.ReceivePerson("wu", "north", ("cash",), ("teller",), at(9, 20), at(12), "r1")
ASK = c.AskForPeople(1, at(12), ("cash",))


@pytest.mark.parametrize(
    ("after", "presence", "steps"),
    [
        pytest.param((), Presence.COMING, ("has_come", "does_not_come"), id="on the way"),
        pytest.param((c.ReportPerson("wu", "present"),), Presence.PRESENT, ("goes_back",), id="has come"),
        pytest.param(
            (c.ReportPerson("wu", "present"), c.OpenCounter("C2", "wu")), Presence.PRESENT, (), id="seated"
        ),
        pytest.param((c.ReturnPerson("wu"),), None, (), id="has gone back"),
    ],
)
def test_a_colleague_from_elsewhere_has_the_steps_that_the_hall_allows(
    after: tuple[Command, ...], presence: Presence | None, steps: tuple[str, ...]
) -> None:
    found = plan_view(planned(ASK, RECEIVE, *after).state, at(9, 30))
    guests = {p.person_id: p for p in found.guests}
    if presence is None:
        assert guests == {}
        return
    wu = guests["wu"]
    assert (wu.presence, wu.steps, wu.from_branch) == (presence, steps, "north")
    assert (wu.arrives_ms, wu.stays_until_ms) == (at(9, 20), at(12))
    assert "wu" not in {p.person_id for p in found.own}


@pytest.mark.parametrize(
    ("after", "now", "state"),
    [
        pytest.param((), (9, 0), ("", False, 2), id="it stands"),
        pytest.param((RECEIVE,), (9, 0), ("", False, 1), id="one is on the way, one is missing"),
        pytest.param((c.CloseRequest("r1", "withdrawn"),), (9, 0), ("withdrawn", False, 0), id="withdrawn"),
        pytest.param((), (12, 0), ("", True, 0), id="its time is over"),
    ],
)
def test_a_request_says_how_it_stands(
    after: tuple[Command, ...], now: tuple[int, int], state: tuple[str, bool, int]
) -> None:
    [found] = plan_view(planned(c.AskForPeople(2, at(12), ("cash",)), *after).state, at(*now)).requests
    assert (found.outcome, found.is_over, found.open_count) == state


def test_a_burst_is_told_with_its_reason_and_its_beginning() -> None:
    day = planned(c.DeclareBurst("news"), hour=10)
    found = plan_view(day.state, at(10, 5))
    assert (found.burst_since_ms, found.burst_reason) == (at(10), "news")
    day.do(c.EndBurst())
    assert plan_view(day.state, at(10, 5)).burst_since_ms == 0


# --- lending ---------------------------------------------------------------------------------------------


def bank(*, minutes: int = 20, most: int = 60) -> Bank:
    """Lane and north are neighbours, the other way round in the file; far is a neighbour of nobody."""
    return msgspec.structs.replace(
        sample_bank(),
        staffing=StaffingPolicy(travel_minutes_most=most),
        neighbours=(Neighbour("north", "lane", minutes),),
    )


def lenders(*, lane: tuple[Command, ...] = (ASK,), north: tuple[Command, ...] = ()) -> dict[str, Day]:
    return {
        "lane": planned(*lane, hour=10),
        "north": planned(*north, hour=10, stream=NORTH),
        "far": planned(hour=10, stream=FAR),
    }


def wanted(days: dict[str, Day], known: Bank, lender: str = "") -> list[HelpView]:
    return list(help_wanted(known, {k: d.state for k, d in days.items()}, at(10, 0) + 500, lender=lender))


@pytest.mark.parametrize(
    ("lane", "north", "known", "people"),
    [
        pytest.param((ASK,), (), bank(), ["sun"], id="only sun may be lent"),
        pytest.param((ASK,), (OPEN_2,), bank(), [], id="not from a window"),
        pytest.param((ASK,), (c.ReportPerson("sun", "absent"),), bank(), [], id="not who is not here"),
        pytest.param(
            (ASK,),
            (c.LendPerson("sun", "far", at(10, 20), at(12)),),
            bank(),
            [],
            id="not who is lent already",
        ),
        pytest.param((ASK,), (), bank(minutes=61), [], id="not from too far away"),
        pytest.param((ASK,), (), bank(minutes=118, most=200), ["sun"], id="in time, if barely"),
        pytest.param((ASK,), (), bank(minutes=120, most=200), [], id="who comes at the end is too late"),
        pytest.param((c.AskForPeople(1, at(12)),), (), bank(), ["sun"], id="any service will do"),
        pytest.param((c.AskForPeople(1, at(12), ("corporate",)),), (), bank(), [], id="cannot do any of it"),
        pytest.param(
            (ASK,),
            (c.TakePlan(msgspec.structs.replace(PLAN, stints=PLAN.stints[:8])),),
            bank(),
            [],
            id="not who has no duty today, though the hall would take it for granted",
        ),
        pytest.param(
            (ASK,),
            (
                c.TakePlan(msgspec.structs.replace(PLAN, stints=PLAN.stints[:8])),
                c.ReportPerson("sun", "present"),
            ),
            bank(),
            ["sun"],
            id="unless somebody saw them",
        ),
    ],
)
def test_only_who_can_really_be_sent_is_offered(
    lane: tuple[Command, ...], north: tuple[Command, ...], known: Bank, people: list[str]
) -> None:
    days = lenders(lane=lane, north=north)
    [found] = wanted(days, known)
    assert [h.person_id for h in found.choices] == people
    for helper in found.choices:
        days["north"].do(
            c.LendPerson(helper.person_id, found.branch, helper.arrives_ms, found.request.until_ms, "r1")
        )
        assert days["north"].refused == set(), "the hall does what the button says"


def test_the_way_is_counted_and_rounded_up_to_the_minute_that_is_shown() -> None:
    [found] = wanted(lenders(), bank())
    [sun] = found.choices
    assert (sun.travel_minutes, sun.arrives_ms) == (20, at(10, 21))
    assert (sun.post, sun.post_number, sun.post_until_ms) == ("window", 2, at(12, 30)), "what is left behind"
    assert (sun.skills, sun.lacks) == (("cash",), ())
    [found] = wanted(lenders(lane=(c.AskForPeople(1, at(12), ("cash", "accounts")),)), bank())
    assert found.choices[0].lacks == ("accounts",)


@pytest.mark.parametrize(
    ("north", "is_easy"),
    [
        pytest.param((), False, id="a window stays without its teller"),
        pytest.param(
            (c.TakePlan(msgspec.structs.replace(PLAN, stints=(stint("sun", "lobby", 900, 1700),))),),
            True,
            id="the lobby can spare somebody",
        ),
        pytest.param(
            (
                c.TakePlan(msgspec.structs.replace(PLAN, stints=(stint("sun", "lobby", 900, 1700),))),
                c.DeclareBurst("crowd"),
            ),
            False,
            id="nobody is easily spared in a burst",
        ),
    ],
)
def test_who_is_easily_spared_is_told_from_who_is_not(north: tuple[Command, ...], is_easy: bool) -> None:
    [found] = wanted(lenders(north=north), bank())
    assert [h.is_easily_spared for h in found.choices] == [is_easy]


@pytest.mark.parametrize(
    ("lender", "branches"),
    [
        pytest.param("", ["lane"], id="head office sees every request"),
        pytest.param("north", ["lane"], id="a neighbour sees it"),
        pytest.param("far", [], id="who is too far away is left in peace"),
        pytest.param("lane", [], id="nobody is asked to help themselves"),
    ],
)
def test_a_request_reaches_who_can_answer_it(lender: str, branches: list[str]) -> None:
    assert [h.branch for h in wanted(lenders(), bank(), lender)] == branches


@pytest.mark.parametrize(
    "ended",
    [(c.CloseRequest("r1", "withdrawn"),), (RECEIVE,), (c.CloseDoors(), c.EndDay())],
    ids=["withdrawn", "filled", "the day has ended"],
)
def test_a_request_that_has_its_end_is_nobodys_concern(ended: tuple[Command, ...]) -> None:
    assert wanted(lenders(lane=(ASK, *ended)), bank()) == []

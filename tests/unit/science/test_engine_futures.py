"""Does a fork go on from where the hall stands? Worked examples in which every time is a constant."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from openhall.kernel.clock import MINUTE_MS
from openhall.science import durations, engine
from openhall.science.engine import Fork, Ints, Model
from openhall.science.habits import Arrivals, GroupHabits, GroupRules, model_of
from tests.unit.science.theory import habits_of

NOW = 60 * MINUTE_MS
WORK = 10 * MINUTE_MS
NUMBER = 1_000


def minutes(count: float) -> durations.Durations:
    return durations.constant(round(count * MINUTE_MS))


def habits(**own: Any) -> GroupHabits:
    """Ten minutes a customer, one between two; away and elsewhere for half an hour."""
    plain = msgspec.structs.replace(
        habits_of(), service_time=minutes(10), gap=minutes(1), away=minutes(30), elsewhere=minutes(30)
    )
    return msgspec.structs.replace(plain, **own)


def model(*groups: GroupHabits) -> Model:
    """Nobody comes."""
    own = groups or (habits(),)
    mix = (1 / len(own),) * len(own)
    return model_of(own, [GroupRules(late_after_ms=0)] * len(own), Arrivals(0, NOW, (0.0,) * 24, (mix,) * 24))


def person(number: int, kind: int = engine.WAITING, group: int = 0, **more: int) -> list[int]:
    row = [0] * engine.PERSON_COLUMNS
    joined = NOW - (100 - number) * MINUTE_MS // 10
    row[engine.KIND], row[engine.HERE_GROUP], row[engine.CUSTOMER] = kind, group, number
    row[engine.HERE_PLACE] = (joined << engine.ORDER_SHIFT) + number
    row[engine.JOINED], row[engine.NEXT] = joined, -1
    for name, value in more.items():
        row[getattr(engine, name)] = value
    return row


def seat(stage: int = engine.FREE, elapsed_ms: int = 0, mask: int = 0b11) -> list[int]:
    return [mask, stage, 0, 0, elapsed_ms, 900]


def fork(people: list[list[int]], seats: list[list[int]]) -> Fork:
    watched = sum(row[engine.KIND] in (engine.WAITING, engine.PROBE) for row in people)
    nothing = np.zeros((0, 3), np.int64)
    return Fork(np.array(people, np.int64), np.array(seats, np.int64), nothing, NOW, watched)


def look(
    hall: Fork, actions: list[list[int]] | None = None, of: Model | None = None, hours: int = 0
) -> engine.Futures:
    until = {"until_ms": NOW + hours * 60 * MINUTE_MS} if hours else {}
    return engine.futures(
        of or model(),
        hall,
        np.array(actions or [[engine.NOTHING, 0, 0, 0]], np.int64),
        count=3,
        seed=1,
        branch=0,
        arrive_until_ms=NOW + 600 * MINUTE_MS,
        number=NUMBER,
        **until,
    )


def turns(hall: Fork, of: Model | None = None) -> list[float]:
    """Minutes till each watched person's turn; the same in every future."""
    reached = look(hall, of=of).reached
    assert (reached == reached[0]).all()
    return [(at - NOW) / MINUTE_MS for at in reached[0].tolist()]


SEATS = [
    (seat(), [0, 11], "free: at once, and again after the service and the gap"),
    (seat(engine.SERVING, 4 * MINUTE_MS), [7, 18], "what is left of the service, and the gap"),
    (seat(engine.WALKING), [11, 22], "the service is still to come"),
    (seat(engine.BETWEEN, MINUTE_MS // 4), [0.75, 11.75], "what is left of the gap"),
    (seat(engine.SERVING, 60 * MINUTE_MS), [6, 17], "longer than ever: half of a fresh one"),
]


@pytest.mark.parametrize(("one", "expected", "reason"), SEATS)
def test_a_counter_goes_on_from_its_stage(one: list[int], expected: list[float], reason: str) -> None:
    assert turns(fork([person(1), person(2)], [one])) == pytest.approx(expected, abs=0.001), reason


def test_a_probe_has_a_turn_and_takes_nothing() -> None:
    busy = [seat(engine.SERVING, 4 * MINUTE_MS)]
    assert turns(fork([person(1), person(2, engine.PROBE), person(3)], busy)) == [7, 18, 18]


OTHERS = [
    (person(1, engine.AWAY, JOINED=NOW - 25 * MINUTE_MS), [18, 29], "comes back in 5, before all in line"),
    (person(1, engine.HELPED, JOINED=NOW - 25 * MINUTE_MS), [18, 29], "is back without having got it"),
    (person(1, engine.AT_A_COUNTER, AT_COUNTER=0), [18, 29], "is back when the service ends, in 6"),
    (person(9, engine.COMING), [7, 18], "is on the way, behind all in line"),
]


@pytest.mark.parametrize(("other", "expected", "reason"), OTHERS)
def test_who_is_not_in_line_comes_back_at_the_place(
    other: list[int], expected: list[int], reason: str
) -> None:
    hall = fork([person(5), person(6), other], [seat(engine.SERVING, 4 * MINUTE_MS)])
    assert turns(hall) == expected, reason


AWAITED = [
    (3, [7, 29, 40], "comes in three minutes, with a place before the second in line and behind the first"),
    (30, [7, 18, 29], "comes when the line is over"),
]


@pytest.mark.parametrize(("comes_minutes", "expected", "reason"), AWAITED)
def test_who_is_awaited_joins_at_the_place_that_was_promised(
    comes_minutes: int, expected: list[float], reason: str
) -> None:
    at = NOW + comes_minutes * MINUTE_MS
    place = (person(5)[engine.JOINED] + 1) << engine.ORDER_SHIFT
    # The first in line is called before anybody comes; the head start puts the awaited next.
    awaited = person(1, engine.BOOKED, JOINED=at, HERE_PLACE=place)
    hall = fork([person(5), person(6), person(7), awaited], [seat(engine.SERVING, 4 * MINUTE_MS)])
    assert turns(hall) == expected, reason


def test_who_surely_does_not_come_is_no_part_of_any_future_and_who_is_late_loses_the_head_start() -> None:
    busy, at = [seat(engine.SERVING, 4 * MINUTE_MS)], NOW + 5 * MINUTE_MS
    line = [person(5), person(6), person(7)]
    ahead = person(1, engine.BOOKED, JOINED=at, HERE_PLACE=person(5)[engine.HERE_PLACE] - 1)
    never = [*ahead]
    never[engine.AT_COUNTER] = 1 << 32
    assert turns(fork([*line, never], busy)) == [7, 18, 29]
    hall = fork([*line, ahead], busy)
    late = np.full((1, engine.QUANTILES), 6 * MINUTE_MS, np.int64)
    behind = np.array([0, 60 * MINUTE_MS, 10 * MINUTE_MS, 2], np.int64)
    assert turns(hall._replace(coming=late, booked=behind)) == [7, 18, 29], "twelve minutes behind by then"
    kept = np.array([0, 60 * MINUTE_MS, 10 * MINUTE_MS, 0], np.int64)
    assert turns(hall._replace(coming=late, booked=kept)) == [7, 29, 40], (
        "who is late keeps it where that holds"
    )


def test_those_who_are_awaited_are_served_before_an_endless_line() -> None:
    hours = NOW + 120 * MINUTE_MS
    awaited = [person(n, engine.BOOKED, JOINED=NOW + 60 * MINUTE_MS, HERE_PLACE=n) for n in (1, 2)]
    deadlines = np.array([hours], np.int64)

    def done(*people: list[int]) -> int:
        hall = fork([person(5), *people], [seat()])
        found = engine.room(
            model(), hall, count=1, seed=1, branch=0, joiners=40, number=NUMBER, deadlines_ms=deadlines
        )
        return int(found[0, 0])

    assert done() - done(*awaited) == 2


def test_who_is_helped_elsewhere_and_done_does_not_come_back_unless_there_is_more_to_do() -> None:
    done = model(habits(done_share=1.0), habits(class_code="other", service_time=minutes(3)))
    busy = [seat(engine.SERVING, 4 * MINUTE_MS)]
    helped = person(1, engine.HELPED, JOINED=NOW - 25 * MINUTE_MS)
    assert turns(fork([person(5), person(6), helped], busy), done) == [7, 18]
    more = person(1, engine.HELPED, JOINED=NOW - 25 * MINUTE_MS, NEXT=1)
    assert turns(fork([person(5), person(6), more], busy), done) == [11, 22]  # three minutes and the gap


def test_a_known_second_service_takes_its_own_time() -> None:
    of = model(habits(), habits(class_code="other", service_time=minutes(3)))
    assert turns(fork([person(5, NEXT=1), person(6)], [seat()]), of) == [0, 15]


def test_an_action_meets_the_same_people() -> None:
    people = [person(number) for number in range(10)]
    one_more = [[engine.NOTHING, 0, 0, 0], [engine.SET_MASK, 1, 0b1, NOW], [engine.SET_MASK, 0, 0, NOW]]
    found = look(fork(people, [seat(), seat(mask=0)]), one_more, hours=1)
    nothing, opened, closed = found.late[0].tolist()
    waits = [min(60, 11 * turn) for turn in range(10)]
    assert nothing == sum(waits) * MINUTE_MS
    assert opened == 2 * sum(waits[:5]) * MINUTE_MS
    assert closed == 10 * 60 * MINUTE_MS


def test_an_offer_counts_for_those_who_take_it() -> None:
    people = [person(number) for number in range(4)]
    offers = [[engine.NOTHING, 0, 0, 0], [engine.OFFER, 1, 0, 0]]
    for takes, done, saved in ((1.0, 1.0, 11 + 2 * 11), (0.0, 1.0, 0)):
        of = model(habits(takes_share=takes, done_share=done))
        late = look(fork(people, [seat()]), offers, of, hours=2).late[0]
        assert late[0] - late[1] == saved * MINUTE_MS
    second = [*people[:1], person(1, NEXT=0), *people[2:]]
    late = look(fork(second, [seat()]), offers, model(habits(takes_share=1.0, done_share=1.0)), hours=2).late[
        0
    ]
    assert late[0] == late[1], "who has two things to do is not sent elsewhere with one of them"


def test_patience_that_has_just_begun_is_not_over() -> None:
    """A product of 2**64 made it negative for every second customer."""
    of = model(habits(patience=minutes(300)))
    drawn = turns(fork([person(number) for number in range(20)], [seat()]), of)
    assert drawn == [11 * turn for turn in range(20)]


def test_an_offer_that_everybody_takes_and_gets_done() -> None:
    arrivals = Arrivals(0, NOW, (50.0,), ((1.0,),))
    of = model_of([habits(takes_share=1.0, done_share=1.0)], [GroupRules()], arrivals)
    table: Ints = engine.draw(of, seed=1, until_ms=NOW)
    assert len(table) > 20
    assert (table[:, engine.OFFERED] == engine.NEVER).all()


def test_room_is_what_the_counters_can_still_do() -> None:
    hall = fork([person(1), person(2)], [seat()])
    deadlines = np.array([NOW + 60 * MINUTE_MS, NOW + 120 * MINUTE_MS], np.int64)
    found = engine.room(
        model(), hall, count=2, seed=1, branch=0, joiners=50, number=NUMBER, deadlines_ms=deadlines
    )
    # Services end after 10, 21, 32 minutes and so on: 5 in the first hour, 11 in two, of two who were there.
    assert found.tolist() == [[3, 9]] * 2

"""A change tried out: what the branch's own days have shown is what its simulated day is made of."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec
import pytest

from openhall.kernel.clock import MINUTE_MS
from openhall.kernel.refusal import Refusal
from openhall.network.hours import Hours
from openhall.network.model import Bank
from openhall.network.sample import sample_bank
from openhall.rehearsal.change_study import (
    CUSTOMERS_PER_COUNTER,
    BranchEffect,
    Question,
    asked,
    compare,
    stretched,
)
from openhall.science import durations, habits
from openhall.science.believed import Arrivals, Habits

BANK = sample_bank()
SUNDAY, MONDAY = date(2027, 2, 28), date(2027, 3, 1)
BRANCH = "lanqiao"
STRETCH_MS = 15 * MINUTE_MS
NINE_TO_FIVE = Hours(9 * 60, 17 * 60)


def learned(
    *, people: float = 60.0, minutes: float = 4.0, patience_minutes: float | None = None, days: int = 20
) -> Habits:
    """A branch at which everything takes as long as said, with as many people in each quarter of an hour."""
    patience = durations.exponential(patience_minutes * MINUTE_MS) if patience_minutes else None
    groups = tuple(
        msgspec.structs.replace(
            habits.assumed(service.id, each.code, minutes * MINUTE_MS),
            service_time=durations.constant(round(minutes * MINUTE_MS)),
            patience=patience,
        )
        for service in BANK.services
        for each in BANK.classes
    )
    mix = tuple([1 / len(groups)] * len(groups))
    arrivals = Arrivals(9 * 60 * MINUTE_MS, STRETCH_MS, (people / 32,) * 32, (mix,) * 32)
    return Habits("", BRANCH, 1, date(2027, 2, 1), date(2027, 2, 26), days, groups, (), arrivals)


def compared(
    after: Bank = BANK, believed: Habits | None = None, branch: str = BRANCH, day: date | None = None
) -> BranchEffect:
    body = msgspec.json.encode(believed) if believed else b""
    question = asked(BANK, after, branch, SUNDAY, believed=body, day=day)
    assert isinstance(question, Question), question
    return compare(question)


def with_branch(**changes: object) -> Bank:
    """The sample with something else about its first branch."""
    first, *others = BANK.branches
    return msgspec.structs.replace(BANK, branches=(msgspec.structs.replace(first, **changes), *others))


def test_the_same_rules_give_the_same_day() -> None:
    for believed in (None, learned()):
        found = compared(believed=believed)
        assert found.before == found.after


def test_where_no_day_was_seen_customers_are_assumed_and_the_answer_says_so() -> None:
    for believed in (None, learned(days=0), msgspec.structs.replace(learned(), arrivals=None)):
        found = compared(believed=believed)
        assert (found.days_learned, found.learned_from, found.learned_to) == (0, "", "")
        assert found.before.customers == pytest.approx(CUSTOMERS_PER_COUNTER * 4, rel=0.05)


def test_who_comes_is_as_the_branchs_days_have_shown() -> None:
    found = compared(believed=learned(people=60))
    assert (found.days_learned, found.learned_from, found.learned_to) == (20, "2027-02-01", "2027-02-26")
    assert found.before.customers == pytest.approx(60, rel=0.05)


def test_how_long_things_take_and_who_walks_out_is_as_learned_too() -> None:
    waits = {}
    for minutes in (4.0, 12.0):
        (ordinary, *_) = compared(believed=learned(people=150, minutes=minutes)).before.classes
        assert ordinary.wait_mean is not None
        waits[minutes] = ordinary.wait_mean
    assert waits[12.0] > 3 * waits[4.0], "three times as slow, and the line grows"
    patient = compared(believed=learned(people=200, minutes=12.0)).before
    impatient = compared(believed=learned(people=200, minutes=12.0, patience_minutes=10)).before
    assert patient.left_share == 0.0 < 0.1 < impatient.left_share


def test_a_head_start_helps_its_class_with_learned_customers() -> None:
    ordinary, green, *rest = BANK.classes
    more = msgspec.structs.replace(green, head_start_minutes=90)
    after = msgspec.structs.replace(BANK, classes=(ordinary, more, *rest))
    found = compared(after, learned(people=200, minutes=9.0))
    before_by, after_by = (
        {c.class_code: c.wait_mean or 0.0 for c in day.classes} for day in (found.before, found.after)
    )
    assert after_by["green"] < before_by["green"]
    assert after_by["ordinary"] > before_by["ordinary"]


def test_people_of_a_service_that_is_taken_away_do_not_come() -> None:
    first = BANK.branches[0]
    gone = "business"
    counters = tuple(
        msgspec.structs.replace(c, services=tuple(s for s in c.services if s != gone)) for c in first.counters
    )
    kept = tuple(c for c in counters if c.services)
    offered = {s for c in first.counters for s in c.services}
    assert gone in offered
    found = compared(with_branch(counters=kept), learned(people=120))
    share = 1 - 1 / len(offered)
    assert found.after.customers == pytest.approx(found.before.customers * share, rel=0.06)


def test_what_the_bank_has_never_had_is_assumed_beside_what_was_learned() -> None:
    known = learned()
    fewer = msgspec.structs.replace(
        known,
        groups=tuple(g for g in known.groups if g.class_code != "frontline"),
        arrivals=msgspec.structs.replace(
            known.arrivals or Arrivals(0, 1, (), ()),
            mix=(tuple(1 / 8 for g in known.groups if g.class_code != "frontline"),) * 32,
        ),
    )
    found = compared(believed=fewer)
    assert found.days_learned == 20
    assert [c.class_code for c in found.before.classes] == [c.code for c in BANK.classes]
    assert found.before.classes[-1].wait_mean is None, "nobody of the class was ever seen"


@pytest.mark.parametrize(
    ("doors", "people", "first", "last_end", "why"),
    [
        (NINE_TO_FIVE, 40.0, "09:00", "17:00", "the same doors: nothing moves"),
        (Hours(9 * 60, 13 * 60), 40.0, "09:00", "13:00", "half the day: as many people, twice as dense"),
        (Hours(10 * 60, 18 * 60), 40.0, "10:00", "18:00", "the same length later"),
        (Hours(8 * 60, 20 * 60), 40.0, "08:00", "20:00", "a longer day is quieter, not busier"),
    ],
)
def test_a_days_shape_moves_with_the_doors(
    doors: Hours, people: float, first: str, last_end: str, why: str
) -> None:
    shape = Arrivals(9 * 60 * MINUTE_MS, STRETCH_MS, tuple([people / 32] * 32), ((1.0,),) * 32)
    found = stretched(shape, NINE_TO_FIVE, doors)
    assert sum(found.expected) == pytest.approx(people), why
    assert clock(found.from_ms) == first, why
    assert clock(found.from_ms + found.width_ms * len(found.expected)) == last_end, why
    assert len(found.mix) == len(found.expected)


def test_who_comes_early_comes_early_still_and_nobody_comes_after_closing() -> None:
    shape = Arrivals((8 * 60 + 30) * MINUTE_MS, STRETCH_MS, (1.0,) * 36, ((1.0,),) * 36)
    found = stretched(shape, NINE_TO_FIVE, NINE_TO_FIVE)
    assert clock(found.from_ms) == "08:30"
    assert found.expected[-1] == 3.0, "the two stretches after closing join the last one"
    assert sum(found.expected) == 36
    assert clock(found.from_ms + found.width_ms * len(found.expected)) == "17:00"


def clock(at_ms: int) -> str:
    minutes = at_ms // MINUTE_MS
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def test_the_first_day_on_which_it_opens_under_both_is_taken_or_the_day_that_was_chosen() -> None:
    late = MONDAY + timedelta(days=9)
    assert asked(BANK, BANK, BRANCH, SUNDAY) == asked(BANK, BANK, BRANCH, SUNDAY, day=MONDAY)
    chosen = asked(BANK, BANK, BRANCH, SUNDAY, day=late)
    assert isinstance(chosen, Question)
    assert chosen.day == late.isoformat()
    on_sunday = asked(BANK, BANK, BRANCH, SUNDAY, day=SUNDAY)
    assert isinstance(on_sunday, Refusal)
    assert (on_sunday.code, on_sunday.detail["day"]) == ("simulation_day_closed", "2027-02-28")
    never = with_branch(week=(None,) * 5 + (NINE_TO_FIVE, None))
    only_saturday = with_branch(week=(NINE_TO_FIVE,) * 5 + (None, None))
    apart = asked(never, only_saturday, BRANCH, SUNDAY)
    assert isinstance(apart, Refusal)
    assert apart.code == "simulation_not_possible"

"""The hall's policy as tables: what goes in, what comes out, and why it must."""

from __future__ import annotations

from typing import Literal

import msgspec
import pytest

from openhall.hall.policy import (
    Key,
    grace_ms,
    is_fetched,
    offers,
    overtaking_bound_ms,
    place_in_order,
    wait_from_pace,
)
from openhall.kernel.clock import MINUTE_MS, SECOND_MS
from openhall.kernel.text import Text
from openhall.network.hall_policies import AppointmentPolicy
from openhall.network.model import CallPolicy, Handling, OrderPolicy, PriorityClass, TriageRule
from tests.places import FRONTLINE, GREEN, ORDINARY, pension_day_branch, quiet_branch, with_rules

HEAD_START, STRICT = OrderPolicy("head_start"), OrderPolicy("strict")
CLASSES = (ORDINARY, GREEN, FRONTLINE)


def place(order: OrderPolicy, class_: PriorityClass, minute: int, seq: int) -> Key:
    return place_in_order(order, class_, joined_ms=minute * MINUTE_MS, joined_seq=seq)


@pytest.mark.parametrize(
    ("order", "first", "second", "reason"),
    [
        (HEAD_START, (ORDINARY, 0, 1), (ORDINARY, 1, 2), "who came first, first"),
        (HEAD_START, (GREEN, 19, 2), (ORDINARY, 0, 1), "nineteen minutes later is within the head start"),
        (HEAD_START, (ORDINARY, 0, 1), (GREEN, 20, 2), "exactly the head start later: the sequence decides"),
        (HEAD_START, (ORDINARY, 0, 1), (GREEN, 21, 2), "later than the head start: no overtaking"),
        (HEAD_START, (GREEN, 4, 2), (FRONTLINE, 0, 1), "twenty minutes beat fifteen by five"),
        (HEAD_START, (FRONTLINE, 0, 1), (GREEN, 6, 2), "but not by six"),
        (HEAD_START, (ORDINARY, 5, 1), (ORDINARY, 5, 2), "in the same millisecond the sequence decides"),
        (STRICT, (GREEN, 500, 9), (ORDINARY, 0, 1), "a smaller rank goes first, however late"),
        (STRICT, (FRONTLINE, 0, 1), (ORDINARY, 0, 2), "each rank before the next"),
        (STRICT, (GREEN, 0, 1), (GREEN, 1, 2), "within a class, who came first"),
        (STRICT, (GREEN, 0, 1), (GREEN, 0, 2), "and then the sequence"),
    ],
)
def test_the_order_of_two_customers(
    order: OrderPolicy,
    first: tuple[PriorityClass, int, int],
    second: tuple[PriorityClass, int, int],
    reason: str,
) -> None:
    assert place(order, *first) < place(order, *second), reason


@pytest.mark.parametrize(
    ("order", "own", "bound_minutes", "reason"),
    [
        (HEAD_START, ORDINARY, 20, "the longest head start less none"),
        (HEAD_START, FRONTLINE, 5, "less one's own"),
        (HEAD_START, GREEN, 0, "nobody overtakes the class with the longest head start"),
        (STRICT, ORDINARY, None, "a smaller rank can overtake without end"),
        (STRICT, FRONTLINE, None, "green can still overtake frontline"),
        (STRICT, GREEN, 0, "nobody overtakes the first rank"),
    ],
)
def test_the_bound_of_a_class(
    order: OrderPolicy, own: PriorityClass, bound_minutes: int | None, reason: str
) -> None:
    expected = None if bound_minutes is None else bound_minutes * MINUTE_MS
    assert overtaking_bound_ms(order, CLASSES, own, AppointmentPolicy()) == expected, reason


@pytest.mark.parametrize(
    ("handling", "fetched", "seconds", "reason"),
    [
        ((), False, 60, "nothing special"),
        (("seat",), False, 60, "a seat while waiting does not slow the walk"),
        (("language",), False, 60, "neither does another language"),
        (("escort",), True, 240, "a colleague has to go and come back"),
        (("step_free",), True, 240, "the way round takes longer"),
        (("written",), True, 240, "a call that may not be heard is fetched"),
        (("accompany",), True, 240, "who should not be alone is not left to walk alone"),
        (("seat", "escort"), True, 240, "one such need is enough"),
    ],
)
def test_who_is_fetched_and_how_long_they_may_take(
    handling: tuple[Handling, ...], fetched: bool, seconds: int, reason: str
) -> None:
    call = CallPolicy(grace_seconds=60, grace_seconds_flagged=240)
    assert is_fetched(handling) is fetched, reason
    assert grace_ms(call, handling) == seconds * SECOND_MS, reason


RULE = TriageRule("machine", ("withdraw", "pension"), "atm", Text(en="?", zh="?"), True, 2_000_000)
ANYBODY = msgspec.structs.replace(RULE, id="anybody", requires_card=False, amount_at_most_minor=None)


@pytest.mark.parametrize(
    ("need", "has_card", "amount", "offered", "reason"),
    [
        ("withdraw", True, 2_000_000, ["machine", "anybody"], "the limit itself is within the limit"),
        ("withdraw", True, 2_000_001, ["anybody"], "one over is over"),
        ("withdraw", True, None, ["anybody"], "an unknown amount satisfies no limit"),
        ("withdraw", False, 1, ["anybody"], "no card, no machine"),
        ("pension", True, 0, ["machine", "anybody"], "any of the rule's needs"),
        ("haircut", True, 1, [], "a need of no rule"),
    ],
)
def test_what_is_offered(
    need: str, has_card: bool, amount: int | None, offered: list[str], reason: str
) -> None:
    found = offers((RULE, ANYBODY), need=need, has_card=has_card, amount_minor=amount)
    assert [rule.id for rule in found] == offered, reason


@pytest.mark.parametrize(
    ("ahead", "calls", "counters", "low", "high", "source", "reason"),
    [
        (0, 0, 0, 0, 0, "none", "no counter is open: no promise"),
        (9, 3, 0, 0, 0, "none", "three calls are no pace, and no counter is open"),
        (0, 3, 1, 0, 23, "typical", "one turn of 10 minutes, up to 1.3 more of them"),
        (8, 3, 3, 17, 43, "typical", "nine turns of 10/3 minutes, 1.3 x 3 turns either way"),
        (0, 4, 1, 0, 17, "pace", "four calls in half an hour: 7.5 minutes each"),
        (8, 30, 3, 5, 13, "pace", "nine turns of a minute, 3.9 either way"),
        (99, 30, 3, 87, 113, "pace", "a hundred turns: the spread grows by the root"),
    ],
)
def test_what_a_customer_is_told(
    ahead: int,
    calls: int,
    counters: int,
    low: int,
    high: int,
    source: Literal["pace", "typical", "none"],
    reason: str,
) -> None:
    wait = wait_from_pace(
        people_ahead=ahead,
        calls=calls,
        over_ms=30 * MINUTE_MS,
        open_counters=counters,
        mean_service_ms=10 * MINUTE_MS,
    )
    assert (wait.people_ahead, wait.source) == (ahead, source), reason
    assert (round(wait.low_ms / MINUTE_MS), round(wait.high_ms / MINUTE_MS)) == (low, high), reason


def test_calls_in_no_time_at_all_are_no_pace() -> None:
    wait = wait_from_pace(people_ahead=1, calls=9, over_ms=0, open_counters=1, mean_service_ms=1_000)
    assert wait.source == "typical"


@pytest.mark.parametrize(
    ("branch", "regime", "limit", "reason"),
    [
        (None, None, None, "nobody sets a limit"),
        (7, None, 7, "the branch's own"),
        (None, 5, 5, "the regime's"),
        (7, 5, 5, "the regime is stricter"),
        (3, 5, 3, "the branch is smaller"),
    ],
)
def test_the_stricter_limit_of_people_inside_holds(
    branch: int | None, regime: int | None, limit: int | None, reason: str
) -> None:
    rules = with_rules(quiet_branch(), inside_limit=regime)
    own = msgspec.structs.replace(rules.branch, inside_limit=branch)
    assert msgspec.structs.replace(rules, branch=own).inside_limit == limit, reason


@pytest.mark.parametrize(
    ("branch", "regime", "limit", "reason"),
    [
        (None, None, None, "nobody sets a limit"),
        (None, 300, 300, "the regime's"),
        (500, 300, 500, "the branch knows better, even if it is more"),
        (0, 300, 0, "none at all is a limit too"),
    ],
)
def test_the_branch_s_own_daily_capacity_goes_before_the_regime_s(
    branch: int | None, regime: int | None, limit: int | None, reason: str
) -> None:
    rules = with_rules(pension_day_branch(), tickets_daily=regime)
    own = msgspec.structs.replace(rules.branch, tickets_daily=branch)
    assert msgspec.structs.replace(rules, branch=own).tickets_daily == limit, reason

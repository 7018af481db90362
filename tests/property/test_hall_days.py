"""What holds on every day that can be drawn, through the real decide and apply."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openhall.hall.model import ROOM
from openhall.hall.model import commands as c
from openhall.hall.model import events as e
from openhall.hall.model.state import PENDING, TicketStatus
from openhall.hall.policy import DayRules, Key, overtaking_bound_ms
from openhall.kernel.event import Command, Event, Stamp
from tests.places import GREEN, booked_branch, quiet_branch, self_calling_branch, strict_branch, with_rules
from tests.property.hall_days import (
    PLACES,
    STEPS,
    Call,
    Day,
    Step,
    any_command,
    finish,
    opened,
    pending_by_ledger,
    play,
    replayed,
)

DAYS = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
LONG = settings(max_examples=5_000, deadline=None, suppress_health_check=list(HealthCheck))


class CallsInOrder:
    """Watches each CallNext: whom it called, and whom the counter could have called instead."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def __call__(self, day: Day, command: Command, events: Sequence[Event]) -> None:
        if not isinstance(command, c.CallNext | c.Tick):
            return
        for called in (event for event in events if isinstance(event, e.TicketCalled)):
            counter = day.state.counters[called.counter_id]
            passed = [tid for _, tid in day.state.line if day.state.serves(counter, day.state.tickets[tid])]
            self.calls.append(Call(called.ticket_id, day.state.tickets[called.ticket_id].key, tuple(passed)))
            self.look(day, self.calls[-1])

    def look(self, day: Day, call: Call) -> None:
        """Nobody with a smaller key is passed over."""
        assert all(day.state.tickets[tid].key > call.key for tid in call.passed_over)


class BoundHolds(CallsInOrder):
    """Watches that nobody is overtaken by somebody who joined the bound, or more, later."""

    def look(self, day: Day, call: Call) -> None:
        tickets, rules = day.state.tickets, day.rules
        winner = tickets[call.called]
        for loser in (tickets[tid] for tid in call.passed_over):
            class_ = day.state.class_(loser.class_code)
            assert class_ is not None
            bound_ms = overtaking_bound_ms(rules.order, rules.classes, class_, rules.appointments)
            if bound_ms is None:
                continue
            later_ms = winner.joined_ms - loser.joined_ms
            # To the very millisecond the branch-day sequence decides, in which a paper number comes late.
            assert later_ms < bound_ms or (later_ms == bound_ms and winner.joined_seq < loser.joined_seq)
            assert later_ms < max(bound_ms, 1) or "P" in loser.number


class KeysStay:
    """Watches that a key never changes but through a correction of the class."""

    def __init__(self) -> None:
        self.keys: dict[str, Key] = {}

    def __call__(self, day: Day, _: Command, events: Sequence[Event]) -> None:
        corrected = {event.ticket_id for event in events if isinstance(event, e.ClassCorrected)}
        for ticket in day.state.tickets.values():
            if ticket.id not in corrected:
                assert self.keys.get(ticket.id, ticket.key) == ticket.key
            self.keys[ticket.id] = ticket.key


def check_holds(day: Day, _: Command, __: Sequence[Event]) -> None:
    assert ROOM.check(day.state) == []


def conservation_holds(day: Day, _: Command, __: Sequence[Event]) -> None:
    statuses = [ticket.status for ticket in day.state.tickets.values()]
    assert day.state.pending_count == sum(status in PENDING for status in statuses)
    assert day.state.pending_count == pending_by_ledger(day.log)
    assert len(day.state.line) == statuses.count(TicketStatus.WAITING)


@DAYS
@given(PLACES, st.booleans(), STEPS)
def test_nothing_is_broken_and_nobody_is_lost_at_any_moment(
    rules: DayRules, is_open: bool, steps: list[Step]
) -> None:
    day = opened(rules) if is_open else Day(rules)
    day.watchers += [check_holds, conservation_holds]
    play(day, steps)


BOUNDED = [
    quiet_branch(),
    booked_branch(),
    with_rules(booked_branch(), when_late_booked="keep"),
    with_rules(self_calling_branch(), share_percent=80),
]
"""Where nobody loses more than the arithmetic says, walk-ins to appointments included."""


@DAYS
@given(PLACES, STEPS)
def test_whoever_is_called_next_has_the_smallest_key_among_the_eligible(
    rules: DayRules, steps: list[Step]
) -> None:
    day = opened(rules)
    day.watchers.append(CallsInOrder())
    play(day, steps)


@DAYS
@given(st.sampled_from(BOUNDED), STEPS)
def test_nobody_is_overtaken_by_more_than_the_bound(rules: DayRules, steps: list[Step]) -> None:
    day = opened(rules)
    day.watchers.append(BoundHolds())
    play(day, steps)


@DAYS
@given(STEPS)
def test_under_strict_classes_a_smaller_rank_is_always_called_first(steps: list[Step]) -> None:
    day = opened(strict_branch())
    watch = BoundHolds()  # the top class still has a bound: it is nought
    day.watchers.append(watch)
    play(day, steps)
    ranks = {class_.code: class_.rank for class_ in day.rules.classes}
    assert all(call.key[0] in ranks.values() for call in watch.calls)
    assert ranks[GREEN.code] == min(ranks.values())


@DAYS
@given(PLACES, STEPS)
def test_a_place_is_given_once_and_only_a_corrected_class_changes_it(
    rules: DayRules, steps: list[Step]
) -> None:
    day = opened(rules)
    day.watchers.append(KeysStay())
    play(day, steps)


@DAYS
@given(PLACES, STEPS)
def test_the_log_alone_gives_the_same_state(rules: DayRules, steps: list[Step]) -> None:
    day = play(opened(rules), steps)
    assert replayed(day) == day.state


@settings(DAYS, max_examples=25)
@given(PLACES, STEPS, STEPS)
def test_what_is_done_to_a_fork_does_not_touch_the_original(
    rules: DayRules, steps: list[Step], further: list[Step]
) -> None:
    day = play(opened(rules), steps)
    before = copy.deepcopy(day.state)
    twin = copy.copy(day)
    twin.state, twin.log = ROOM.fork(day.state), list(day.log)
    play(twin, further)
    assert day.state == before
    assert play(day, further).state == twin.state  # and the fork lacked nothing that the decisions need


@settings(DAYS, max_examples=40)
@given(PLACES, STEPS, st.data())
def test_any_command_is_answered_and_deciding_changes_nothing(
    rules: DayRules, steps: list[Step], data: st.DataObject
) -> None:
    day = play(opened(rules), steps)
    for command in data.draw(st.lists(any_command(rules), min_size=1, max_size=12)):
        before = ROOM.fork(day.state)
        ROOM.decide(day.state, command, Stamp(len(day.log) + 1, day.now_ms, "somebody"))
        assert day.state == before
        day.do(command)
        assert ROOM.check(day.state) == []


@DAYS
@given(PLACES, STEPS)
def test_every_day_can_be_brought_to_its_end_without_force(rules: DayRules, steps: list[Step]) -> None:
    day = play(opened(rules), steps)
    finish(day)
    assert day.state.is_ended
    assert day.state.inside_count == 0
    assert not any(counter.is_open for counter in day.state.counters.values())


@settings(DAYS, max_examples=30)
@given(PLACES, STEPS)
def test_a_forced_end_leaves_nobody_pending(rules: DayRules, steps: list[Step]) -> None:
    day = play(opened(rules), steps)
    if not day.state.is_ended:
        day.do(c.ForceEndDay("power_cut", "chen"))
    assert day.state.is_ended
    assert ROOM.check(day.state) == []
    assert day.state.inside_count == 0
    assert not [task for task in day.state.escorts.values() if task.status != "done"]


@pytest.mark.soak
@LONG
@given(PLACES, st.lists(STEPS, min_size=1, max_size=6))
def test_a_long_day_keeps_every_promise(rules: DayRules, hours: list[list[Step]]) -> None:
    day = opened(rules)
    day.watchers += [check_holds, conservation_holds, KeysStay(), BoundHolds(), CallsInOrder()]
    for steps in hours:
        play(day, steps)
    assert replayed(day) == day.state
    finish(day)
    assert day.state.is_ended

"""Counters: who sits where, paused, closing, closed [C7]."""

from __future__ import annotations

from openhall.hall.model import commands as c
from openhall.hall.model import events as e
from openhall.hall.model.deciding.dispatch import (
    Decision,
    counter_of,
    decides,
    known_person,
    open_counter,
    refuse,
)
from openhall.hall.model.state import CounterState, HallState
from openhall.hall.policy import calls_by_itself
from openhall.kernel.clock import SECOND_MS
from openhall.kernel.event import Stamp


def _can_sit(state: HallState, counter_id: str, person_id: str) -> None:
    """One person, one seat; a teller; with a skill that the counter is for."""
    known_person(state, person_id)
    elsewhere = next((k.id for k in state.counters.values() if k.person_id == person_id), "")
    if elsewhere:
        raise refuse("person_elsewhere", "person_id", person=person_id, counter=elsewhere)
    if not state.is_here(person_id):
        raise refuse("person_not_here", "person_id", person=person_id)
    person = state.staff(person_id)
    assert person is not None
    if "teller" not in person.posts:
        raise refuse("person_not_a_teller", "person_id", person=person_id)
    if set(state.counter_rules(counter_id).services).isdisjoint(person.skills):
        raise refuse("person_without_skill", "person_id", person=person_id)


@decides(c.OpenCounter)
def open_(state: HallState, command: c.OpenCounter, _: Stamp) -> Decision:
    """A counter is open from the moment somebody sits there."""
    counter = counter_of(state, command.counter_id)
    if counter.is_open:
        raise refuse("counter_taken", "counter_id", counter=counter.id)
    _can_sit(state, counter.id, command.person_id)
    return [e.CounterOpened(counter.id, command.person_id)]


@decides(c.HandOverCounter)
def hand_over(state: HallState, command: c.HandOverCounter, _: Stamp) -> Decision:
    """The seat changes hands; the line and the customer do not notice."""
    counter = open_counter(state, command.counter_id)
    _can_sit(state, counter.id, command.person_id)
    ticket, person = state.tickets.get(counter.ticket_id), state.staff(command.person_id)
    if ticket and person and ticket.service_id not in person.skills:
        raise refuse("counter_cannot_serve", "person_id", counter=counter.id, number=ticket.number)
    return [e.CounterHandedOver(counter.id, command.person_id, counter.person_id)]


@decides(c.PauseCounter)
def pause(state: HallState, command: c.PauseCounter, _: Stamp) -> Decision:
    """With a reason from the bank's list, so that pauses can be understood afterwards."""
    counter = open_counter(state, command.counter_id)
    known = state.day_rules.pause_reasons
    if command.reason not in known:
        raise refuse("reason_unknown", "reason", reason=command.reason, known=", ".join(known))
    return [e.CounterPaused(counter.id, command.reason)]


@decides(c.ResumeCounter)
def resume(state: HallState, command: c.ResumeCounter, _: Stamp) -> Decision:
    """Ends a pause, and takes back an announced closing."""
    counter = open_counter(state, command.counter_id)
    if not counter.pause_reason and not counter.is_closing:
        raise refuse("counter_not_paused", "counter_id", counter=counter.id)
    return [e.CounterResumed(counter.id)]


@decides(c.CloseCounter)
def close(state: HallState, command: c.CloseCounter, _: Stamp) -> Decision:
    """Nobody is sent away from a counter that closes."""
    counter = open_counter(state, command.counter_id)
    if counter.is_closing:
        raise refuse("counter_closing", "counter_id", counter=counter.id)
    return [e.CounterClosing(counter.id) if counter.ticket_id else e.CounterClosed(counter.id)]


@decides(c.DelayAutoCall)
def delay_auto_call(state: HallState, command: c.DelayAutoCall, now: Stamp) -> Decision:
    """For a while and with a reason: the counter is open, and its teller can still call by hand."""
    counter = _calls_by_itself(state, command.counter_id)
    until_ms = now.at_ms + command.seconds * SECOND_MS
    return [e.AutoCallDelayed(counter.id, command.reason, until_ms)]


@decides(c.AllowAutoCall)
def allow_auto_call(state: HallState, command: c.AllowAutoCall, now: Stamp) -> Decision:
    """Before the time is over."""
    counter = _calls_by_itself(state, command.counter_id)
    if counter.auto_call_from_ms <= now.at_ms:
        raise refuse("auto_call_not_delayed", "counter_id", counter=counter.id)
    return [e.AutoCallAllowed(counter.id)]


def _calls_by_itself(state: HallState, counter_id: str) -> CounterState:
    counter = open_counter(state, counter_id)
    if not calls_by_itself(state.day_rules, state.counter_rules(counter_id)):
        raise refuse("auto_call_off", "counter_id", counter=counter.id)
    return counter

"""Which free counters call their next customer by themselves, whom, and when.

Counters share fairly: who has been free longest is first, and a counter that alone can do a service is left
free for it as long as another could serve this customer. Nobody is ever passed over: a counter that would
have to skip somebody whom another is about to call waits.
"""

from __future__ import annotations

from typing import NamedTuple

from openhall.hall.model.state import CounterState, Doors, HallState
from openhall.hall.policy import calls_by_itself
from openhall.kernel.clock import SECOND_MS

JUST_ISSUED_MS = 5 * SECOND_MS
"""Nobody is called by the clock before the number is in their hand."""


class AutoCall(NamedTuple):
    """A counter, the customer it is about to call, and when."""

    counter_id: str
    ticket_id: str
    due_ms: int


def auto_calls(state: HallState, now_ms: int) -> list[AutoCall]:
    """What the free counters will call as things stand, in the order in which they choose: those whose
    teller asked for a while take only whom nobody else would."""
    if state.rules is None or state.doors is Doors.NOT_YET or state.pause_reason or not state.line:
        return []
    free = [k for k in state.counters.values() if _is_armed(state, k)]
    if not free:
        return []
    calls_since_ms = max(state.doors_opened_ms, state.pauses[-1][1] if state.pauses else 0)
    found: list[AutoCall] = []
    chosen: set[str] = set()

    def rank(counter: CounterState) -> tuple[bool, int, int, str]:
        is_delayed = counter.auto_call_from_ms > now_ms
        return is_delayed, _scarce_count(state, counter), counter.free_since_ms, counter.id

    for counter in sorted(free, key=rank):
        ticket_id = _first(state, counter, chosen)
        if ticket_id:
            chosen.add(ticket_id)
            free_ms = max(counter.free_since_ms, calls_since_ms)
            due_ms = max(
                free_ms + state.day_rules.auto_call.after_seconds * SECOND_MS,
                state.tickets[ticket_id].issued_ms + JUST_ISSUED_MS,
                counter.auto_call_from_ms,
            )
            found.append(AutoCall(counter.id, ticket_id, due_ms))
    return found


def due(state: HallState, now_ms: int) -> list[AutoCall]:
    """Those whose time has come and who pass nobody over, in an order in which they can be made."""
    made: list[AutoCall] = []
    gone: set[str] = set()
    for call in auto_calls(state, now_ms):
        if call.due_ms <= now_ms and _first(state, state.counters[call.counter_id], gone) == call.ticket_id:
            made.append(call)
            gone.add(call.ticket_id)
    return made


def _is_armed(state: HallState, counter: CounterState) -> bool:
    """Free, calling, and meant to call by itself."""
    rules = state.counter_rules(counter.id)
    return counter.is_calling and not counter.ticket_id and calls_by_itself(state.day_rules, rules)


def _first(state: HallState, counter: CounterState, without: set[str]) -> str:
    """The first in line whom the counter can take, leaving some out; empty for nobody."""
    for _, ticket_id in state.line:
        if ticket_id not in without and state.serves(counter, state.tickets[ticket_id]):
            return ticket_id
    return ""


def _scarce_count(state: HallState, counter: CounterState) -> int:
    """Services that no other calling counter can do now."""
    others = (k for k in state.counters.values() if k is not counter and k.is_calling)
    elsewhere = frozenset().union(*(state.services_of(k) for k in others))
    return len(state.services_of(counter) - elsewhere)

"""What each customer is told about the wait: people ahead, and an interval from the recent pace [C16].

The simulator will answer here later, behind the same two methods.
"""

from __future__ import annotations

from collections import Counter as Tally
from dataclasses import dataclass
from functools import cached_property

from openhall.hall.model.state import Doors, HallState
from openhall.hall.policy import PACE_WINDOW_MS, Wait, wait_from_pace
from openhall.kernel.clock import MINUTE_MS


@dataclass(frozen=True)
class _Pace:
    """What the line of one service and class moves by."""

    competing: frozenset[str]
    """Services that wait for the same calling counters, this one included."""
    open_counters: int
    calls: int


class Waits:
    """The waits of one moment, worked out in one walk along the line; ask before the state moves on."""

    def __init__(self, state: HallState, now_ms: int) -> None:
        self._state = state
        is_before_opening = state.doors is Doors.NOT_YET
        since_ms = max(now_ms - PACE_WINDOW_MS, now_ms if is_before_opening else state.doors_opened_ms)
        self._over_ms = max(0, now_ms - since_ms - _paused_ms(state, since_ms, now_ms))
        calls_go_on_ms = state.day_rules.opens_ms if is_before_opening else state.pause_until_ms
        self._held_back_ms = max(0, calls_go_on_ms - now_ms)
        calls: Tally[str] = Tally()
        for moment_ms, service_id in reversed(state.calls):
            if moment_ms < since_ms:
                break
            calls[service_id] += 1
        rules = state.day_rules
        self._paces = {
            (s.id, k.code): self._pace(s.id, k.code, calls) for s in rules.services for k in rules.classes
        }
        self._whole_line = Tally(state.tickets[ticket_id].service_id for _, ticket_id in state.line)

    @cached_property
    def _by_ticket(self) -> dict[str, Wait]:
        """Only walked when a ticket is asked for: a board over a long line needs the services alone."""
        waits: dict[str, Wait] = {}
        ahead: Tally[str] = Tally()
        for _, ticket_id in self._state.line:
            ticket = self._state.tickets[ticket_id]
            waits[ticket_id] = self._wait(ticket.service_id, ticket.class_code, ahead)
            ahead[ticket.service_id] += 1
        return waits

    def of_ticket(self, ticket_id: str) -> Wait | None:
        """The wait of a waiting ticket; None for one that is not waiting."""
        return self._by_ticket.get(ticket_id)

    def of_joining(self, service_id: str) -> Wait:
        """The wait of somebody who would join the ordinary class now."""
        return self._wait(service_id, self._state.day_rules.classes[0].code, self._whole_line)

    def _pace(self, service_id: str, class_code: str, calls: Tally[str]) -> _Pace:
        competing, count = {service_id}, 0
        for counter in self._state.counters.values():
            classes = self._state.counter_rules(counter.id).classes
            if not counter.is_calling or (classes and class_code not in classes):
                continue
            able = self._state.services_of(counter)
            if service_id in able:
                competing |= able
                count += 1
        return _Pace(frozenset(competing), count, sum(calls[s] for s in competing))

    def _wait(self, service_id: str, class_code: str, ahead: Tally[str]) -> Wait:
        pace = self._paces[service_id, class_code]
        in_front = {s: n for s in pace.competing if (n := ahead[s])}
        people = sum(in_front.values())
        usual = in_front or {service_id: 1}
        minutes = sum(self._mean_minutes(s) * n for s, n in usual.items()) / sum(usual.values())
        wait = wait_from_pace(
            people_ahead=people,
            calls=pace.calls if pace.open_counters else 0,
            over_ms=self._over_ms,
            open_counters=pace.open_counters,
            mean_service_ms=minutes * MINUTE_MS,
        )
        if not self._held_back_ms or wait.source == "none":
            return wait
        late = self._held_back_ms
        return Wait(wait.people_ahead, wait.low_ms + late, wait.high_ms + late, wait.source)

    def _mean_minutes(self, service_id: str) -> float:
        service = self._state.service(service_id)
        return service.mean_minutes if service else 0.0


def _paused_ms(state: HallState, from_ms: int, to_ms: int) -> int:
    """How much of a stretch the hall was paused: a noon pause says nothing about the pace [C13]."""
    pauses = [*state.pauses, *([(state.pause_since_ms, to_ms)] if state.pause_reason else [])]
    return sum(max(0, min(end, to_ms) - max(start, from_ms)) for start, end in pauses)

"""What each customer is told about the wait: people ahead, and an interval [C16].

The twin's last word where it is good, else a plain interval from the recent pace of calls. Both are functions
of the day's log, so every screen says the same, and what was said can be looked up.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter as Tally
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from openhall.hall.model.state import Doors, HallState, Ticket
from openhall.hall.policy import PACE_WINDOW_MS, Key, Wait, wait_from_pace
from openhall.hall.told import RoomLeft, TicketWait, Told
from openhall.kernel.clock import MINUTE_MS, SECOND_MS

TOLD_GOOD_FOR_MS = 5 * MINUTE_MS
"""When the twin has been silent for so long, its last word gives way to the plain rule."""

ROOM_GOOD_FOR_MS = 10 * MINUTE_MS


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
        self._now_ms = now_ms
        self._is_told = bool(state.told_ms) and now_ms - state.told_ms <= TOLD_GOOD_FOR_MS
        is_before_opening = state.doors is Doors.NOT_YET
        since_ms = max(now_ms - PACE_WINDOW_MS, now_ms if is_before_opening else state.doors_opened_ms)
        self._since_ms = since_ms
        self._over_ms = max(0, now_ms - since_ms - _paused_ms(state, since_ms, now_ms))
        calls_go_on_ms = state.day_rules.opens_ms if is_before_opening else state.pause_until_ms
        self._held_back_ms = max(0, calls_go_on_ms - now_ms)
        self._paces: dict[tuple[str, str], _Pace] = {}

    @cached_property
    def _calls(self) -> Tally[str]:
        calls: Tally[str] = Tally()
        for moment_ms, service_id in reversed(self._state.calls):
            if moment_ms < self._since_ms:
                break
            calls[service_id] += 1
        return calls

    @cached_property
    def _whole_line(self) -> Tally[str]:
        return Tally(self._state.tickets[ticket_id].service_id for _, ticket_id in self._state.line)

    @cached_property
    def _by_ticket(self) -> dict[str, Wait]:
        """Only walked when a ticket is asked for: a board over a long line needs the services alone."""
        waits: dict[str, Wait] = {}
        ahead: Tally[str] = Tally()
        for _, ticket_id in self._state.line:
            ticket = self._state.tickets[ticket_id]
            pace = self._pace(ticket.service_id, ticket.class_code)
            waits[ticket_id] = self._told(ticket, pace, ahead) or self._wait(ticket.service_id, pace, ahead)
            ahead[ticket.service_id] += 1
        return waits

    def of_ticket(self, ticket_id: str) -> Wait | None:
        """The wait of a waiting ticket; None for one that is not waiting."""
        return self._by_ticket.get(ticket_id)

    def of_joining(self, service_id: str, class_code: str = "") -> Wait:
        """The wait of somebody who would join now; without a class, the ordinary one."""
        class_code = class_code or self._state.day_rules.classes[0].code
        pace = self._pace(service_id, class_code)
        told = self._state.joining.get((service_id, class_code)) if self._is_told else None
        if told is None or not pace.open_counters:
            return self._wait(service_id, pace, self._whole_line)
        people = sum(self._whole_line[s] for s in pace.competing)
        return Wait(people, told.low_ms, told.high_ms, "twin", told.middle_ms, self._age_ms)

    def of_place(self, service_id: str, class_code: str, key: Key) -> Wait:
        """The wait of somebody who would join now at a place of their own: who was checked in at the door is
        before those who came since. It is that of the next behind for the same service, else of joining."""
        line, tickets = self._state.line, self._state.tickets
        behind = (tickets[ticket_id] for _, ticket_id in islice(line, bisect_left(line, (key, "")), None))
        after = next((t for t in behind if t.service_id == service_id and t.told is not None), None)
        told = (
            None if after is None else self._told(after, self._pace(service_id, class_code), self._whole_line)
        )
        return told or self.of_joining(service_id, class_code)

    @property
    def _age_ms(self) -> int:
        return self._now_ms - self._state.told_ms

    def _told(self, ticket: Ticket, pace: _Pace, ahead: Tally[str]) -> Wait | None:
        """The twin's word; none when it is old, or when since then the last able counter closed."""
        told = ticket.told
        if told is None or not self._is_told or not pace.open_counters:
            return None
        left = (max(0, at - self._now_ms) for at in (told.low_at_ms, told.middle_at_ms, told.high_at_ms))
        low, middle, high = left
        if not high:  # it should have come by now: say so with the next answer, not with a guess
            return None
        return Wait(sum(ahead[s] for s in pace.competing), low, high, "twin", middle, self._age_ms)

    def _pace(self, service_id: str, class_code: str) -> _Pace:
        kept = self._paces.get((service_id, class_code))
        if kept is not None:
            return kept
        competing, count = {service_id}, 0
        for counter in self._state.counters.values():
            if not counter.is_calling:
                continue
            classes = self._state.counter_rules(counter.id).classes
            if classes and class_code not in classes:
                continue
            able = self._state.services_of(counter)
            if service_id in able:
                competing |= able
                count += 1
        pace = _Pace(frozenset(competing), count, sum(self._calls[s] for s in competing))
        self._paces[service_id, class_code] = pace
        return pace

    def _wait(self, service_id: str, pace: _Pace, ahead: Tally[str]) -> Wait:
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
        late = self._held_back_ms
        if not late or wait.source == "none":
            return wait
        return Wait(
            wait.people_ahead, wait.low_ms + late, wait.high_ms + late, wait.source, wait.middle_ms + late
        )

    def _mean_minutes(self, service_id: str) -> float:
        service = self._state.service(service_id)
        return service.mean_minutes if service else 0.0


def is_moved(told: Told, wait: TicketWait, since_ms: int, now_ms: int) -> bool:
    """Whether a new answer differs from what a ticket was told by more than a customer should be bothered
    with: 20 seconds, or a twelfth of what is left."""
    slack = max(20 * SECOND_MS, (told.middle_at_ms - now_ms) // 12)
    moments = (
        (told.low_at_ms, wait.low_ms),
        (told.middle_at_ms, wait.middle_ms),
        (told.high_at_ms, wait.high_ms),
    )
    # A lower bound that has passed says "any moment" whichever moment it was.
    return any(abs(max(at, now_ms) - max(since_ms + ms, now_ms)) > slack for at, ms in moments)


def room_left(state: HallState, now_ms: int) -> RoomLeft | None:
    """How many more can be served today, by the twin's last count less the tickets since; None when there is
    no count that is still good, or the doors are closed and everybody on the roll is served anyway [C10]."""
    if state.room is None or state.doors is not Doors.OPEN or now_ms - state.told_ms > ROOM_GOOD_FOR_MS:
        return None
    since = state.unbooked_count - state.room_tickets
    return RoomLeft(max(0, state.room.by_closing - since), max(0, state.room.with_overtime - since))


def _paused_ms(state: HallState, from_ms: int, to_ms: int) -> int:
    """How much of a stretch the hall was paused: a noon pause says nothing about the pace [C13]."""
    pauses = [*state.pauses, *([(state.pause_since_ms, to_ms)] if state.pause_reason else [])]
    return sum(max(0, min(end, to_ms) - max(start, from_ms)) for start, end in pauses)

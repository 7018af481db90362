"""A branch-day as it was staffed: waits, windows and people, as planned and as they were [D4, D7].

The day is folded through the hall itself. Waits are from joining to the first call, or to leaving without
one; shares are of everybody who joined, so that whoever gave up is not counted as a success.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

import msgspec

from openhall.hall.model import ROOM as HALL
from openhall.hall.model import events as e
from openhall.hall.model.late import late_ms
from openhall.hall.model.state import HallState, Presence, Ticket, TicketStatus
from openhall.hall.plan import PlannedDay, PlannedStint
from openhall.kernel.clock import MINUTE_MS
from openhall.kernel.event import Event, Recorded, Stamp, StreamId

INTERVAL_MS = 15 * MINUTE_MS
"""Of a day without a plan."""

LEFT = frozenset({TicketStatus.RENEGED, TicketStatus.LAPSED, TicketStatus.UNSERVED})


class StaffingDay(msgspec.Struct, frozen=True):
    """One ended day. Times are whole ms; tuples hold one entry an interval, the first at `from_ms`."""

    branch: str
    day: date
    plan_version: str
    """Of the plan that held last; empty for none."""
    joined_count: int
    called_count: int
    wait_mean_ms: int
    """Of all who joined."""
    wait_p90_ms: int
    late_or_left_count: int
    """Waited longer than the bank's limit, or left uncalled: the main measure, over `joined_count`."""
    late_ms: int
    """Waited beyond the limit, all customers together."""
    from_ms: int
    interval_ms: int
    expected: tuple[float, ...]
    joined: tuple[int, ...]
    windows_needed: tuple[int, ...]
    windows_planned: tuple[float, ...]
    windows_open: tuple[float, ...]
    """Means over the interval."""
    planned_ms: int
    """Time at windows that the plan asked for."""
    kept_ms: int
    """Of it, with the planned person at the planned window."""
    staff_count: int
    """People who served at a window or in the lobby."""
    trained_for_two: tuple[str, ...]
    """Of the staff: trained for window and lobby both."""
    served_in_two: tuple[str, ...]
    """Of those who served: at a window, and in the lobby as well."""
    absent_count: int
    borrowed_count: int
    lent_count: int
    moves_taken_count: int
    moves_declined_count: int
    moves_saved_ms: int
    """What the moves that were taken were expected to save."""
    burst_ms: int


def staffing_day(stream: StreamId, recorded: Iterable[Recorded]) -> StaffingDay | None:
    """What a stream says of its day; None for one that has not ended.

    `recorded` are all events of the stream in order.
    """
    watch = _Watch(HALL.initial(stream))
    for each in recorded:
        watch.take(HALL.read(each.type, each.version, each.body), each.stamp)
    return watch.found() if watch.state.is_ended else None


@dataclass(slots=True)
class _Watch:
    """One day as it is folded."""

    state: HallState
    at_ms: int = 0
    seats: list[tuple[str, str, int, int]] = field(default_factory=list)
    """(person, counter, from, until), in the order of their ends."""
    sitting: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Person and since when, by counter."""
    at_window: set[str] = field(default_factory=set)
    in_lobby: set[str] = field(default_factory=set)
    absent: set[str] = field(default_factory=set)
    lent: set[str] = field(default_factory=set)
    burst_ms: int = 0

    def take(self, event: Event, stamp: Stamp) -> None:
        """Look at an event, and let it change the hall."""
        self._look(event, stamp)
        HALL.apply(self.state, event, stamp)
        self.at_ms = stamp.at_ms

    def _look(self, event: Event, stamp: Stamp) -> None:
        match event:
            case e.CounterOpened(counter_id=counter, person_id=person):
                self.sitting[counter] = (person, stamp.at_ms)
            case e.CounterHandedOver(counter_id=counter, person_id=person):
                self._rise(counter, stamp.at_ms)
                self.sitting[counter] = (person, stamp.at_ms)
            case e.CounterClosed(counter_id=counter):
                self._rise(counter, stamp.at_ms)
            case e.ServiceStarted(counter_id=counter):
                self.at_window.add(self.sitting[counter][0])
            case e.Triaged() | e.TicketIssued():
                # Who gave the number: a person at work in the lobby, or a machine, which nobody is named for.
                self.in_lobby.add(stamp.actor)
            case e.EscortTaken(person_id=person) | e.DiversionAccepted(helper=person):
                self.in_lobby.add(person)
            case e.PersonReported(person_id=person, status=status):
                (self.absent.add if status == Presence.ABSENT else self.absent.discard)(person)
            case e.PersonLent(person_id=person):
                self.lent.add(person)
            case e.BurstEnded():
                self.burst_ms += stamp.at_ms - self.state.burst_since_ms
            case e.DayEnded() | e.DayForceEnded() if self.state.burst_since_ms:
                self.burst_ms += stamp.at_ms - self.state.burst_since_ms
            case _:
                pass

    def _rise(self, counter: str, at_ms: int) -> None:
        person, since_ms = self.sitting.pop(counter)
        self.seats.append((person, counter, since_ms, at_ms))

    # -- the sum of it --------------------------------------------------------------------------------

    def found(self) -> StaffingDay:
        """What it comes to."""
        state, plan = self.state, self.state.plan
        tickets = list(state.tickets.values())
        waits = sorted(_wait_ms(ticket, self.at_ms) for ticket in tickets)
        limit_ms = state.day_rules.waits.late_after_minutes * MINUTE_MS
        late = sum(_is_late_or_left(ticket, limit_ms, self.at_ms) for ticket in tickets)
        from_ms, interval_ms, count = self._grid(plan)
        windows = [s for s in state.stints if s.post == "window"]
        staff = {person.id: person for person in state.day_rules.staff}
        served = (self.at_window | self.in_lobby) & {*staff, *state.colleagues}
        taken = [advice.moves[n] for advice in state.advices.values() for n in advice.taken]
        return StaffingDay(
            branch=state.stream.place,
            day=state.stream.day,
            plan_version=plan.version if plan else "",
            joined_count=len(tickets),
            called_count=sum(ticket.first_called_ms > 0 for ticket in tickets),
            wait_mean_ms=round(sum(waits) / len(waits)) if waits else 0,
            wait_p90_ms=waits[(len(waits) * 9 - 1) // 10] if waits else 0,
            late_or_left_count=late,
            late_ms=late_ms(state, 0, self.at_ms, self.at_ms),
            from_ms=from_ms,
            interval_ms=interval_ms,
            expected=plan.expected if plan else (),
            joined=_tally([t.joined_ms for t in tickets], from_ms, interval_ms, count),
            windows_needed=plan.windows if plan else (),
            windows_planned=_means([(s.from_ms, s.until_ms) for s in windows], from_ms, interval_ms, count),
            windows_open=_means([seat[2:] for seat in self.seats], from_ms, interval_ms, count),
            planned_ms=sum(s.until_ms - s.from_ms for s in windows),
            kept_ms=sum(_kept_ms(stint, self.seats) for stint in windows),
            staff_count=len(served),
            trained_for_two=tuple(sorted(i for i, p in staff.items() if {"teller", "lobby"} <= set(p.posts))),
            served_in_two=tuple(sorted(self.at_window & self.in_lobby & served)),
            absent_count=len(self.absent),
            borrowed_count=len(state.colleagues),
            lent_count=len(self.lent),
            moves_taken_count=len(taken),
            moves_declined_count=sum(len(advice.declined) for advice in state.advices.values()),
            moves_saved_ms=sum(move.saved_ms for move in taken),
            burst_ms=self.burst_ms,
        )

    def _grid(self, plan: PlannedDay | None) -> tuple[int, int, int]:
        """Where the intervals begin, how long they are, and how many: the plan's, else those of the hours."""
        if plan is not None:
            return plan.from_ms, plan.interval_ms, max(len(plan.expected), len(plan.windows))
        rules = self.state.day_rules
        return rules.opens_ms, INTERVAL_MS, -((rules.opens_ms - rules.closes_ms) // INTERVAL_MS)


def _wait_ms(ticket: Ticket, now_ms: int) -> int:
    return (ticket.first_called_ms or ticket.ended_ms or now_ms) - ticket.joined_ms


def _is_late_or_left(ticket: Ticket, limit_ms: int, now_ms: int) -> bool:
    has_left = not ticket.first_called_ms and ticket.status in LEFT
    return has_left or _wait_ms(ticket, now_ms) > limit_ms


def _tally(moments: Iterable[int], from_ms: int, interval_ms: int, count: int) -> tuple[int, ...]:
    """How many moments are in each interval; those before the first and after the last are in these."""
    found = [0] * count
    for at_ms in moments:
        if count:
            found[min(count - 1, max(0, (at_ms - from_ms) // interval_ms))] += 1
    return tuple(found)


def _means(
    stretches: Iterable[tuple[int, int]], from_ms: int, interval_ms: int, count: int
) -> tuple[float, ...]:
    """How many stretches hold at a time, on average over each interval."""
    found = [0] * count
    for begins_ms, ends_ms in stretches:
        for number in range(count):
            left_ms = from_ms + number * interval_ms
            found[number] += max(0, min(ends_ms, left_ms + interval_ms) - max(begins_ms, left_ms))
    return tuple(round(total / interval_ms, 3) for total in found)


def _kept_ms(stint: PlannedStint, seats: Iterable[tuple[str, str, int, int]]) -> int:
    return sum(
        max(0, min(until_ms, stint.until_ms) - max(from_ms, stint.from_ms))
        for person, counter, from_ms, until_ms in seats
        if (person, counter) == (stint.person_id, stint.counter_id)
    )

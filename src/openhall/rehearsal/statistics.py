"""What a day was like: waits, the line, the counters, and what became of everybody.

Everything is read from the day's events, so a real branch's day can be measured like a rehearsed one.

Definitions
-----------
wait
    First call less joining, less the time for which the customer had stepped out before that call (a hold is
    the customer's own). Only tickets that were called have one. `wait_with_holds` leaves the holds in.
joining
    The completed entry check where there is one, else the ticket; on paper, the time written down.
median, p90
    Linear interpolation between order statistics: of n sorted values the one at index p * (n - 1).
share over 10, 15, 20, 30 minutes
    Waits strictly longer, as a share of all tickets that were called.
longest queue
    The most tickets that were waiting at one moment; those on hold or being diverted are not waiting.
counter utilisation
    Minutes with a ticket at the counter (from its call) by minutes with a person there.
last left
    When the last ticket ended.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from openhall.flows.series import QueueSeries
from openhall.hall.model import ROOM
from openhall.hall.model import events as e
from openhall.hall.model.state import HallState, Ticket, TicketStatus
from openhall.kernel.clock import MINUTE_MS
from openhall.kernel.event import Recorded, StreamId

OVER_MINUTES = (10, 15, 20, 30)
DECIMALS = 2


class Waits(msgspec.Struct, frozen=True):
    """A summary of waits, in minutes; None where nobody was called."""

    count: int
    mean: float | None
    median: float | None
    p90: float | None
    max: float | None
    share_over_minutes: dict[str, float]
    """Share (0 to 1) of waits longer than 10, 15, 20, 30 minutes."""


class CounterUse(msgspec.Struct, frozen=True):
    """One counter over the day."""

    open_minutes: float
    busy_minutes: float
    utilisation: float | None
    served: int


class TicketRow(msgspec.Struct, frozen=True):
    """One ticket at the end of the day. Times are ms since the epoch; None means never."""

    number: str
    service: str
    class_code: str
    outcome: str
    counter: str
    joined_ms: int
    first_called_ms: int | None
    ended_ms: int | None
    wait_minutes: float | None
    wait_with_holds_minutes: float | None


class DayStatistics(msgspec.Struct, frozen=True):
    """A day in figures."""

    issued: int
    outcomes: dict[str, int]
    """Tickets by what became of them; `pending` has not ended."""
    waits: Waits
    waits_with_holds: Waits
    waits_by_service: dict[str, Waits]
    waits_by_class: dict[str, Waits]
    longest_queue: int
    longest_queue_ms: int
    counter_utilisation: float | None
    counters: dict[str, CounterUse]
    last_left_ms: int | None
    overtime_minutes: float
    referred: int
    baulked: int


@dataclass(slots=True)
class DayTrace:
    """A day played back from its events."""

    state: HallState
    series: QueueSeries = field(default_factory=QueueSeries)
    longest_queue: int = 0
    longest_queue_ms: int = 0
    open_ms: Tally[str] = field(default_factory=Tally)
    busy_ms: Tally[str] = field(default_factory=Tally)
    served: Tally[str] = field(default_factory=Tally)
    held_before_call_ms: dict[str, int] = field(default_factory=dict)
    _at_ms: int = 0

    def take(self, recorded: Recorded) -> None:
        """The next event of the day."""
        event = ROOM.read(recorded.type, recorded.version, recorded.body)
        self._let_pass(recorded.at_ms)
        if isinstance(event, e.TicketCalled | e.PaperCallEntered):
            ticket = self.state.tickets[event.ticket_id]
            self.held_before_call_ms.setdefault(ticket.id, ticket.held_total_ms)
        if isinstance(event, e.ServiceFinished):
            self.served[event.counter_id] += 1
        ROOM.apply(self.state, event, recorded.stamp)
        self.series.note(self.state, recorded.at_ms)
        if len(self.state.line) > self.longest_queue:
            self.longest_queue, self.longest_queue_ms = len(self.state.line), recorded.at_ms

    def _let_pass(self, now_ms: int) -> None:
        passed_ms = now_ms - self._at_ms
        self._at_ms = now_ms
        if passed_ms == 0:
            return
        for counter in self.state.counters.values():
            if counter.person_id:
                self.open_ms[counter.id] += passed_ms
            if counter.ticket_id:
                self.busy_ms[counter.id] += passed_ms

    def rows(self) -> list[TicketRow]:
        """Every ticket in order of joining."""
        tickets = sorted(self.state.tickets.values(), key=lambda t: (t.joined_ms, t.joined_seq))
        return [self._row(ticket) for ticket in tickets]

    def _row(self, ticket: Ticket) -> TicketRow:
        wait_ms = ticket.first_called_ms - ticket.joined_ms
        net_ms = wait_ms - self.held_before_call_ms.get(ticket.id, 0)
        is_called = bool(ticket.first_called_ms)
        return TicketRow(
            ticket.number,
            ticket.service_id,
            ticket.class_code,
            "pending" if ticket.is_pending else ticket.status.value,
            ticket.counter_id,
            ticket.joined_ms,
            ticket.first_called_ms or None,
            ticket.ended_ms or None,
            net_ms / MINUTE_MS if is_called else None,
            wait_ms / MINUTE_MS if is_called else None,
        )


def play_back(stream: StreamId, events: Iterable[Recorded]) -> DayTrace:
    """A day from its events, in order; events of other rooms are passed over."""
    trace = DayTrace(ROOM.initial(stream))
    for recorded in events:
        if recorded.room == ROOM.name:
            trace.take(recorded)
    return trace


def measure(trace: DayTrace) -> DayStatistics:
    """The figures of a day that was played back."""
    rows = trace.rows()
    outcomes = Tally(row.outcome for row in rows)
    ends = [row.ended_ms for row in rows if row.ended_ms is not None]
    last_left_ms = max(ends, default=None)
    rules = trace.state.rules
    over_ms = (last_left_ms or 0) - rules.closes_ms if rules else 0
    return DayStatistics(
        issued=len(rows),
        outcomes={
            str(status.value): outcomes[status.value] for status in TicketStatus if outcomes[status.value]
        }
        | {"pending": outcomes["pending"]},
        waits=summarise(_waits(rows)),
        waits_with_holds=summarise(
            [r.wait_with_holds_minutes for r in rows if r.wait_with_holds_minutes is not None]
        ),
        waits_by_service={key: summarise(_waits(group)) for key, group in _grouped(rows, "service").items()},
        waits_by_class={key: summarise(_waits(group)) for key, group in _grouped(rows, "class_code").items()},
        longest_queue=trace.longest_queue,
        longest_queue_ms=trace.longest_queue_ms,
        counter_utilisation=_share(sum(trace.busy_ms.values()), sum(trace.open_ms.values())),
        counters={
            counter_id: CounterUse(
                round(open_ms / MINUTE_MS, DECIMALS),
                round(trace.busy_ms[counter_id] / MINUTE_MS, DECIMALS),
                _share(trace.busy_ms[counter_id], open_ms),
                trace.served[counter_id],
            )
            for counter_id, open_ms in trace.open_ms.items()
        },
        last_left_ms=last_left_ms,
        overtime_minutes=round(max(0, over_ms) / MINUTE_MS, DECIMALS),
        referred=trace.state.referred_count,
        baulked=trace.state.baulk_count,
    )


def summarise(minutes: Sequence[float]) -> Waits:
    """Mean, median, p90, longest, and the shares over the limits, rounded to hundredths.

    >>> summarise([1, 2, 3, 14]).median, summarise([1, 2, 3, 14]).share_over_minutes["10"]
    (2.5, 0.25)
    """
    if not minutes:
        return Waits(0, None, None, None, None, {str(limit): 0.0 for limit in OVER_MINUTES})
    ordered = sorted(minutes)
    return Waits(
        len(ordered),
        round(sum(ordered) / len(ordered), DECIMALS),
        round(quantile(ordered, 0.5), DECIMALS),
        round(quantile(ordered, 0.9), DECIMALS),
        round(ordered[-1], DECIMALS),
        {str(limit): round(sum(m > limit for m in ordered) / len(ordered), 4) for limit in OVER_MINUTES},
    )


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value at index `share * (n - 1)` of n sorted values, interpolated linearly.

    >>> quantile([10, 20, 30, 40], 0.5)
    25.0
    """
    if not ordered:
        raise ValueError("Expected at least one value, got none")
    index = share * (len(ordered) - 1)
    low = int(index)
    high = min(low + 1, len(ordered) - 1)
    return float(ordered[low] + (ordered[high] - ordered[low]) * (index - low))


def _waits(rows: Iterable[TicketRow]) -> list[float]:
    return [row.wait_minutes for row in rows if row.wait_minutes is not None]


def _grouped(rows: Iterable[TicketRow], key: str) -> dict[str, list[TicketRow]]:
    groups: dict[str, list[TicketRow]] = {}
    for row in rows:
        groups.setdefault(getattr(row, key), []).append(row)
    return dict(sorted(groups.items()))


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None

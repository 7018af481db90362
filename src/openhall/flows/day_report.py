"""A branch-day folded into its report: the hall's events in, the review's numbers out."""

from __future__ import annotations

from collections import Counter as Tallies
from collections.abc import Iterable
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from openhall.hall.model import ROOM as HALL
from openhall.hall.model import events as e
from openhall.hall.model.state import DiversionStatus, HallState, Ticket, TicketStatus
from openhall.hall.policy import overtaking_bound_ms
from openhall.kernel.clock import HOUR_MS, to_datetime
from openhall.kernel.event import Event, Recorded, Stamp, StreamId
from openhall.review.report import (
    DayReport,
    Diversion,
    Diverted,
    Ends,
    Green,
    Group,
    Hour,
    Opinions,
    Tally,
    Window,
    waits_of,
)

OUTCOMES = {
    TicketStatus.SERVED: "served",
    TicketStatus.DIVERTED: "elsewhere",
    TicketStatus.NO_SHOW: "no_show",
    TicketStatus.RENEGED: "reneged",
    TicketStatus.LAPSED: "lapsed",
    TicketStatus.UNSERVED: "unserved",
}
CAME_OF = {
    DiversionStatus.DECLINED: ("declined",),
    DiversionStatus.ACCEPTED: ("accepted",),
    DiversionStatus.STARTED: ("accepted",),
    DiversionStatus.COMPLETED: ("accepted", "completed"),
    DiversionStatus.FAILED: ("accepted", "failed"),
}


def day_report(stream: StreamId, recorded: Iterable[Recorded], *, now_ms: int = 0) -> DayReport | None:
    """What a stream's events come to; None for a day that was never opened.

    `recorded` are all events of the stream in order; `now_ms` is where a day that goes on is measured to.
    """
    watch = _Watch(HALL.initial(stream))
    for each in recorded:
        watch.take(HALL.read(each.type, each.version, each.body), each.stamp)
    return watch.found(max(now_ms, watch.at_ms)) if watch.state.rules is not None else None


@dataclass(slots=True)
class _Sums:
    """One window as the day goes by."""

    since_ms: int = 0
    paused_since_ms: int = 0
    serving_since_ms: int = 0
    ticket_id: str = ""
    stays_ms: list[tuple[int, int]] = field(default_factory=list)
    """From when to when somebody sat there."""
    paused_ms: int = 0
    serving_ms: int = 0
    served: int = 0


@dataclass(slots=True)
class _Watch:
    """One day as it is folded."""

    state: HallState
    at_ms: int = 0
    windows: dict[str, _Sums] = field(default_factory=dict)
    service_ms: dict[str, int] = field(default_factory=dict)
    """With a teller, by ticket."""
    first_service: dict[str, str] = field(default_factory=dict)
    waits: dict[str, tuple[int, int]] = field(default_factory=dict)
    """(without holds, with them) of each ticket that was called."""
    passed: set[str] = field(default_factory=set)
    passed_most_ms: int = 0
    broken: int = 0
    green_calls_ms: list[int] = field(default_factory=list)
    scores: list[int] = field(default_factory=lambda: [0] * 5)
    kinds: Tallies[str] = field(default_factory=Tallies)
    in_line_at_closing: int = 0
    overtime_ms: int = 0
    is_forced: bool = False

    def take(self, event: Event, stamp: Stamp) -> None:
        """Look at an event before and after it has changed the hall."""
        self._look(event, stamp.at_ms)
        HALL.apply(self.state, event, stamp)
        self._settle(stamp.at_ms)
        self.at_ms = stamp.at_ms

    def _look(self, event: Event, at_ms: int) -> None:
        match event:
            case e.TicketIssued() | e.PaperTicketEntered():
                self.first_service[event.ticket_id] = event.service_id
            case e.TicketCalled():
                self._called(event, at_ms)
            case e.PaperCallEntered():
                if event.ticket_id not in self.waits:
                    self._note_wait(self.state.tickets[event.ticket_id], event.called_ms)
                if event.outcome == "served":
                    self._served(event.ticket_id, event.ended_ms - event.called_ms)
            case e.ServiceStarted(ticket_id=ticket, counter_id=counter):
                sums = self.windows[counter]
                sums.serving_since_ms, sums.ticket_id = at_ms, ticket
            case e.ServiceFinished(counter_id=counter):
                self.windows[counter].served += 1
            case e.FeedbackGiven(kind=kind, score=score):
                self.kinds[kind] += 1
                if score is not None:
                    self.scores[score - 1] += 1
            case e.DoorsClosed(waiting_count=waiting, visit_count=visits):
                self.in_line_at_closing = waiting + visits
            case e.DayEnded(overtime_ms=overtime):
                self.overtime_ms = overtime
            case e.DayForceEnded():
                self.is_forced = True
            case _:
                self._look_at_window(event, at_ms)

    def _look_at_window(self, event: Event, at_ms: int) -> None:
        match event:
            case e.CounterOpened(counter_id=counter):
                self.windows.setdefault(counter, _Sums()).since_ms = at_ms
            case e.CounterPaused(counter_id=counter):
                self.windows[counter].paused_since_ms = at_ms
            case e.CounterResumed(counter_id=counter):
                _end_pause(self.windows[counter], at_ms)
            case e.CounterClosed(counter_id=counter):
                sums = self.windows[counter]
                _end_pause(sums, at_ms)
                sums.stays_ms.append((sums.since_ms, at_ms))
                sums.since_ms = 0
            case _:
                pass

    def _settle(self, at_ms: int) -> None:
        """Whoever is no longer at a window was there until now."""
        for sums in self.windows.values():
            if sums.ticket_id and self.state.tickets[sums.ticket_id].status is not TicketStatus.SERVING:
                took_ms = at_ms - sums.serving_since_ms
                sums.serving_ms += took_ms
                self._served(sums.ticket_id, took_ms)
                sums.ticket_id = ""

    def _served(self, ticket_id: str, took_ms: int) -> None:
        self.service_ms[ticket_id] = self.service_ms.get(ticket_id, 0) + took_ms

    def _called(self, event: e.TicketCalled, at_ms: int) -> None:
        state = self.state
        ticket = state.tickets[event.ticket_id]
        if event.is_first:
            self._note_wait(ticket, at_ms)
        ordinary = state.day_rules.classes[0].code
        if ticket.class_code != ordinary:
            self.green_calls_ms.append(at_ms)
        if event.out_of_order_reason:
            return
        counter = state.counters[event.counter_id]
        for _, other_id in state.line:
            other = state.tickets[other_id]
            later_ms = ticket.joined_ms - other.joined_ms
            if other_id == ticket.id or not state.serves(counter, other):
                continue
            self.broken += other.key < ticket.key
            if later_ms > 0 and other.class_code == ordinary:
                self.passed.add(other_id)
                self.passed_most_ms = max(self.passed_most_ms, later_ms)

    def _note_wait(self, ticket: Ticket, at_ms: int) -> None:
        whole_ms = max(0, at_ms - ticket.joined_ms)
        self.waits[ticket.id] = (max(0, whole_ms - ticket.held_ms_by(at_ms)), whole_ms)

    # -- the sum of it --------------------------------------------------------------------------------

    def found(self, now_ms: int) -> DayReport:
        """What it comes to."""
        state, rules = self.state, self.state.day_rules
        until_ms = self.at_ms if state.is_ended else now_ms
        tickets = list(state.tickets.values())
        windows = tuple(self._window(k.id, until_ms) for k in rules.branch.counters)
        hours_ms = max(0, min(until_ms, rules.closes_ms) - rules.opens_ms)
        may_ms = hours_ms * len(rules.branch.counters)
        return DayReport(
            branch=state.stream.place,
            day=state.stream.day,
            is_ended=state.is_ended,
            as_of_ms=until_ms,
            all=self._tally(tickets),
            classes=tuple(
                Group(k.code, self._tally([t for t in tickets if t.class_code == k.code]))
                for k in rules.classes
            ),
            services=tuple(
                Group(s.id, self._tally([t for t in tickets if self.first_service[t.id] == s.id]))
                for s in rules.services
            ),
            windows=windows,
            windows_configured=len(rules.branch.counters),
            open_rate=self._open_ms(rules.opens_ms, rules.closes_ms, until_ms) / may_ms if may_ms else None,
            diversion=self._diversion(tickets),
            green=self._green(tickets),
            opinions=self._opinions(),
            ends=self._ends(),
            hours=self._hours(tickets),
            waiting_longest_ms=0 if state.is_ended else self._waiting_longest_ms(until_ms),
        )

    def _waiting_longest_ms(self, until_ms: int) -> int:
        """Of those in line who were not called yet."""
        line = (self.state.tickets[ticket_id] for _, ticket_id in self.state.line)
        ages = (until_ms - t.joined_ms - t.held_ms_by(until_ms) for t in line if not t.first_called_ms)
        return max(ages, default=0)

    def _tally(self, tickets: list[Ticket]) -> Tally:
        outcomes = Tallies(OUTCOMES.get(ticket.status, "pending") for ticket in tickets)
        waits = [self.waits[ticket.id] for ticket in tickets if ticket.id in self.waits]
        return Tally(
            joined=len(tickets),
            called=len(waits),
            **{name: outcomes[name] for name in (*OUTCOMES.values(), "pending")},
            waits=waits_of(short for short, _ in waits),
            waits_with_holds=waits_of(whole for _, whole in waits),
            service_ms=sum(self.service_ms.get(ticket.id, 0) for ticket in tickets),
        )

    def _stays(self, sums: _Sums, until_ms: int) -> list[tuple[int, int]]:
        return [*sums.stays_ms, *([(sums.since_ms, until_ms)] if sums.since_ms else [])]

    def _open_ms(self, first_ms: int, last_ms: int, until_ms: int) -> int:
        """All windows together, between two moments: who stays after closing opens no window in the hours."""
        stays = (stay for sums in self.windows.values() for stay in self._stays(sums, until_ms))
        return sum(max(0, min(till_ms, last_ms) - max(from_ms, first_ms)) for from_ms, till_ms in stays)

    def _window(self, counter: str, until_ms: int) -> Window:
        sums = self.windows.get(counter, _Sums())
        paused_ms = until_ms - sums.paused_since_ms if sums.paused_since_ms else 0
        return Window(
            counter,
            open_ms=sum(till_ms - from_ms for from_ms, till_ms in self._stays(sums, until_ms)),
            paused_ms=sums.paused_ms + paused_ms,
            serving_ms=sums.serving_ms + (until_ms - sums.serving_since_ms if sums.ticket_id else 0),
            served=sums.served,
        )

    def _diversion(self, tickets: list[Ticket]) -> Diversion:
        counted = {k.code for k in self.state.day_rules.classes if k.is_counted_in_diversion}
        columns: dict[str, Tallies[str]] = {}
        uncounted: Tallies[str] = Tallies()
        for diversion in self.state.diversions.values():
            came_of = ("offered", *CAME_OF.get(diversion.status, ()))
            column = columns.setdefault(diversion.channel, Tallies()) if diversion.is_counted else uncounted
            column.update(came_of)
        return Diversion(
            arrivals=sum(ticket.class_code in counted for ticket in tickets),
            channels=tuple(Diverted(channel, **column) for channel, column in sorted(columns.items())),
            uncounted_offered=uncounted["offered"],
            uncounted_completed=uncounted["completed"],
        )

    def _green(self, tickets: list[Ticket]) -> Green:
        rules = self.state.day_rules
        ordinary = rules.classes[0]
        during = [
            self.waits[t.id][0]
            for t in tickets
            if t.class_code == ordinary.code and t.id in self.waits and self._met_green(t)
        ]
        return Green(
            bound_ms=overtaking_bound_ms(rules.order, rules.classes, ordinary, rules.appointments) or 0,
            passed=len(self.passed),
            passed_most_ms=self.passed_most_ms,
            broken=self.broken,
            ordinary_longest_ms=max(during, default=0),
        )

    def _met_green(self, ticket: Ticket) -> bool:
        return any(ticket.joined_ms <= at_ms <= ticket.first_called_ms for at_ms in self.green_calls_ms)

    def _opinions(self) -> Opinions:
        one, two, three, four, five = self.scores
        return Opinions((one, two, three, four, five), self.kinds["praise"], self.kinds["complaint"])

    def _ends(self) -> Ends:
        state, rules = self.state, self.state.day_rules
        return Ends(
            opens_ms=rules.opens_ms,
            closes_ms=rules.closes_ms,
            doors_opened_ms=state.doors_opened_ms,
            doors_closed_ms=state.doors_closed_ms,
            in_line_at_closing=self.in_line_at_closing,
            overtime_ms=self.overtime_ms,
            is_forced=self.is_forced,
            baulked=state.baulk_count,
            referred=state.referred_count,
        )

    def _hours(self, tickets: list[Ticket]) -> tuple[Hour, ...]:
        """Every hour in which somebody came or was called."""
        zone = ZoneInfo(self.state.day_rules.branch.timezone)
        joined = Tallies(_full_hour_ms(ticket.joined_ms, zone) for ticket in tickets)
        called: dict[int, list[int]] = {}
        for ticket in tickets:
            if ticket.id in self.waits:
                wait_ms, whole_ms = self.waits[ticket.id]
                called.setdefault(_full_hour_ms(ticket.joined_ms + whole_ms, zone), []).append(wait_ms)
        both = sorted({*joined, *called})
        hours = range(both[0], both[-1] + 1, HOUR_MS) if both else ()
        return tuple(
            Hour(at_ms, joined[at_ms], len(waits := called.get(at_ms, [])), sum(waits), max(waits, default=0))
            for at_ms in hours
        )


def _full_hour_ms(at_ms: int, zone: ZoneInfo) -> int:
    moment = to_datetime(at_ms, zone)
    return at_ms - (moment.minute * 60 + moment.second) * 1_000 - moment.microsecond // 1_000


def _end_pause(sums: _Sums, at_ms: int) -> None:
    if sums.paused_since_ms:
        sums.paused_ms += at_ms - sums.paused_since_ms
        sums.paused_since_ms = 0

"""What one day of a hall shows of how its customers and counters behave: samples for `science.learning`.

The day is folded through the hall itself, so that who could have been called when is asked of the same rules
that decided it. Each event is looked at before it changes the hall; then the free counters are looked at.

- A gap counts only while the counter was calling the whole time and somebody waited whom it could serve:
  a counter without a customer says nothing about how quick its teller is.
- Who was called or is pending at a forced end has shown patience at least so long, and no more. Who was
  served another way left the line for good when agreeing to it: to those behind it is all the same.
- A hold that nobody came back from is a leaving at the moment of stepping out.
- What was entered from a paper list has times by the wall clock and no start of service: it counts as a call,
  and as an end of waiting, and gives neither a walk nor a service time nor a gap.
- A handover goes on with the customer; a pause begins after the customer: neither cuts a service time.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import singledispatch
from zoneinfo import ZoneInfo

from openhall.hall.model import ROOM as HALL
from openhall.hall.model import events as e
from openhall.hall.model.asked import AppointmentStatus
from openhall.hall.model.state import HallState, Ticket, TicketStatus
from openhall.kernel.clock import local_ms
from openhall.kernel.event import Event, Recorded, Stamp, StreamId
from openhall.science.samples import BranchSamples, DayArrivals, GroupKey, GroupSamples, NeedKey, Times


def samples_of(stream: StreamId, recorded: Iterable[Recorded]) -> BranchSamples | None:
    """What a branch-day shows; None for one that has not ended, or had no customer.

    `recorded` are all events of the stream in order.
    """
    watch = DayWatch(HALL.initial(stream))
    for each in recorded:
        watch.take(HALL.read(each.type, each.version, each.body), each.stamp)
    return watch.samples() if watch.state.is_ended and watch.state.tickets else None


@dataclass(slots=True)
class _Free:
    """A counter between two customers."""

    since_ms: int
    key: GroupKey
    called_ms: int = 0
    """Of somebody absent: when; 0 after a service."""


@dataclass(slots=True)
class DayWatch:
    """One day as it is folded."""

    state: HallState
    found: BranchSamples = field(default_factory=BranchSamples)
    free: dict[str, _Free] = field(default_factory=dict)
    stepped_out: dict[str, int] = field(default_factory=dict)
    """When each ticket's customer first stepped out before being called."""
    left: dict[str, int] = field(default_factory=dict)
    """When each ticket's customer left for good, as far as is known."""
    agreed: dict[str, int] = field(default_factory=dict)
    """When each diversion was agreed to."""
    agreed_by: dict[str, int] = field(default_factory=dict)
    """When each ticket's customer last agreed to one."""
    asked_for: dict[str, tuple[str, str]] = field(default_factory=dict)
    """The service and the need (empty: not known) that each ticket was issued for."""

    known_to_go_on: set[str] = field(default_factory=set)
    """Tickets that named a further service when they were called."""

    def take(self, event: Event, stamp: Stamp) -> None:
        """Look at an event, let it change the hall, and look at who waits for whom."""
        look(event, self, stamp)
        HALL.apply(self.state, event, stamp)
        for counter_id in [k for k in self.free if not self._is_wanted(k)]:
            self.stop(counter_id, stamp.at_ms)

    def _is_wanted(self, counter_id: str) -> bool:
        """Whether a free counter could call somebody now."""
        counter = self.state.counters[counter_id]
        return counter.is_calling and not self.state.pause_reason and self.state.next_for(counter) is not None

    def group(self, ticket: Ticket) -> GroupSamples:
        """The samples of a ticket's present service and class."""
        return self.found.group((ticket.service_id, ticket.class_code))

    # -- counters ---------------------------------------------------------------------------------------

    def release(self, ticket: Ticket, at_ms: int, *, is_absent: bool = False) -> None:
        """The ticket's counter becomes free of it."""
        key = (ticket.service_id, ticket.class_code)
        self.free[ticket.counter_id] = _Free(at_ms, key, ticket.called_ms if is_absent else 0)

    def calls(self, counter_id: str, at_ms: int) -> None:
        """The counter calls the next one: what lay between is known."""
        free = self.free.pop(counter_id, None)
        if free is None:
            return
        samples = self.found.group(free.key)
        if free.called_ms:
            samples.lost.ended.append(at_ms - free.called_ms)
        else:
            samples.gap.ended.append(at_ms - free.since_ms)

    def stop(self, counter_id: str, at_ms: int) -> None:
        """Nobody to call, or no calls: the gap was at least so long, and what was lost is lost."""
        free = self.free.pop(counter_id, None)
        if free is None:
            return
        samples = self.found.group(free.key)
        if free.called_ms:
            samples.lost.ended.append(free.since_ms - free.called_ms)
        elif at_ms > free.since_ms:
            samples.gap.cut.append(at_ms - free.since_ms)

    # -- services ---------------------------------------------------------------------------------------

    def serves(self, ticket: Ticket, at_ms: int, *, is_cut: bool = False) -> None:
        """A service ends, or is cut short."""
        lasted = at_ms - ticket.started_ms
        key = (ticket.service_id, ticket.class_code, ticket.need)
        for times in (self.group(ticket).service, self.found.needs.setdefault(key, Times())):
            (times.cut if is_cut else times.ended).append(lasted)

    def has_had_service(self, ticket: Ticket, *, has_second: bool) -> None:
        """Counted once a customer, at the first service."""
        if ticket.services_done:
            return
        samples = self.group(ticket)
        samples.served += 1
        samples.second += has_second
        if ticket.id not in self.known_to_go_on:
            samples.single += 1
            samples.second_later += has_second

    # -- the end of the day -----------------------------------------------------------------------------

    def samples(self) -> BranchSamples:
        """All that the day showed, once it has ended."""
        for free_id, free in list(self.free.items()):
            self.stop(free_id, free.since_ms)
        for ticket in self.state.tickets.values():
            self._waited(ticket)
        self.found.days = [self._arrivals()]
        missed = (a.status is AppointmentStatus.MISSED for a in self.state.appointments.values())
        self.found.booked.missed = sum(missed)
        return self.found

    def _waited(self, ticket: Ticket) -> None:
        """How long a customer stayed in line, or in the hall, before the first call."""
        samples = self.found.group((self.asked_for[ticket.id][0], ticket.class_code))
        samples.joined += 1
        left_ms = self.left.get(ticket.id, 0)
        until_ms = ticket.first_called_ms or left_ms
        if not until_ms and ticket.status is TicketStatus.DIVERTED:
            until_ms = self.agreed_by.get(ticket.id, 0)
        until_ms = until_ms or ticket.ended_ms
        if until_ms <= ticket.joined_ms:
            return
        has_left = bool(left_ms) and not ticket.first_called_ms
        is_gone = has_left or (ticket.status is TicketStatus.DIVERTED and not ticket.first_called_ms)
        (samples.patience.ended if is_gone else samples.patience.cut).append(until_ms - ticket.joined_ms)
        samples.reneged += has_left
        out_ms = self.stepped_out.get(ticket.id)
        if out_ms is None:
            samples.out.cut.append(until_ms - ticket.joined_ms)
        elif out_ms > ticket.joined_ms:
            samples.held += 1
            samples.out.ended.append(out_ms - ticket.joined_ms)

    def _arrivals(self) -> DayArrivals:
        rules, day = self.state.day_rules, self.state.stream.day
        midnight_ms = local_ms(day, 0, ZoneInfo(rules.branch.timezone))
        joined: dict[NeedKey, array[int]] = {}
        for ticket in self.state.tickets.values():
            service, need = self.asked_for[ticket.id]
            key = (service, ticket.class_code, need)
            joined.setdefault(key, array("q")).append(ticket.joined_ms - midnight_ms)
        begins_ms, ends_ms = rules.checkin_opens_ms - midnight_ms, rules.closes_ms - midnight_ms
        return DayArrivals(day, begins_ms, ends_ms, joined)


@singledispatch
def look(event: Event, watch: DayWatch, stamp: Stamp) -> None:
    """Take from an event what it shows, before it changes the hall; most show nothing."""
    del event, watch, stamp


# --- joining and leaving -----------------------------------------------------------------------------


@look.register
def _issued(event: e.TicketIssued, watch: DayWatch, _: Stamp) -> None:
    watch.asked_for[event.ticket_id] = (event.service_id, event.need)


@look.register
def _checked_in(event: e.AppointmentCheckedIn, watch: DayWatch, _: Stamp) -> None:
    watch.found.booked.late_ms.append(event.late_ms)


@look.register
def _paper_ticket(event: e.PaperTicketEntered, watch: DayWatch, _: Stamp) -> None:
    watch.asked_for[event.ticket_id] = (event.service_id, "")


@look.register
def _reneged(event: e.TicketReneged, watch: DayWatch, stamp: Stamp) -> None:
    ticket = watch.state.tickets[event.ticket_id]
    watch.left[ticket.id] = ticket.held_since_ms or stamp.at_ms
    if ticket.held_since_ms == watch.stepped_out.get(ticket.id):
        watch.stepped_out.pop(ticket.id, None)


@look.register
def _lapsed(event: e.HoldLapsed, watch: DayWatch, stamp: Stamp) -> None:
    ticket = watch.state.tickets[event.ticket_id]
    watch.left[ticket.id] = ticket.held_since_ms or stamp.at_ms
    if ticket.held_since_ms == watch.stepped_out.get(ticket.id):
        del watch.stepped_out[ticket.id]


@look.register
def _reinstated(event: e.TicketReinstated, watch: DayWatch, stamp: Stamp) -> None:
    ticket = watch.state.tickets[event.ticket_id]
    left_ms = watch.left.pop(ticket.id, None)
    if ticket.status is TicketStatus.NO_SHOW:
        samples = watch.group(ticket)
        samples.reinstated += 1
        samples.reinstated_after.ended.append(max(0, stamp.at_ms - ticket.ended_ms))
    elif ticket.status is TicketStatus.LAPSED and left_ms is not None and not ticket.first_called_ms:
        # The customer came back after all: it was a long way out, not a leaving.
        watch.stepped_out.setdefault(ticket.id, left_ms)
        watch.group(ticket).away.ended.append(stamp.at_ms - left_ms)


@look.register
def _held(event: e.TicketHeld, watch: DayWatch, stamp: Stamp) -> None:
    ticket = watch.state.tickets[event.ticket_id]
    if ticket.status is TicketStatus.CALLED:
        watch.free.pop(ticket.counter_id, None)
    elif not ticket.first_called_ms:
        watch.stepped_out.setdefault(ticket.id, stamp.at_ms)


@look.register
def _resumed(event: e.TicketResumed, watch: DayWatch, stamp: Stamp) -> None:
    ticket = watch.state.tickets[event.ticket_id]
    if ticket.held_since_ms:
        watch.group(ticket).away.ended.append(stamp.at_ms - ticket.held_since_ms)


@look.register
def _force_ended(_: e.DayForceEnded, watch: DayWatch, stamp: Stamp) -> None:
    for counter_id in list(watch.free):
        watch.stop(counter_id, stamp.at_ms)
    for ticket in watch.state.tickets.values():
        if ticket.status is TicketStatus.SERVING:
            watch.serves(ticket, stamp.at_ms, is_cut=True)
        elif ticket.status is TicketStatus.HELD:
            watch.group(ticket).away.cut.append(stamp.at_ms - ticket.held_since_ms)


# --- at the counter ----------------------------------------------------------------------------------


@look.register
def _called(event: e.TicketCalled, watch: DayWatch, stamp: Stamp) -> None:
    ticket = watch.state.tickets[event.ticket_id]
    watch.group(ticket).called += event.is_first
    if ticket.next_service:
        watch.known_to_go_on.add(ticket.id)
    watch.calls(event.counter_id, stamp.at_ms)


@look.register
def _started(event: e.ServiceStarted, watch: DayWatch, stamp: Stamp) -> None:
    ticket = watch.state.tickets[event.ticket_id]
    watch.group(ticket).walk.ended.append(stamp.at_ms - ticket.called_ms)


@look.register
def _finished(event: e.ServiceFinished, watch: DayWatch, stamp: Stamp) -> None:
    ticket = watch.state.tickets[event.ticket_id]
    watch.serves(ticket, stamp.at_ms)
    watch.has_had_service(ticket, has_second=bool(event.next_service))
    watch.release(ticket, stamp.at_ms)


@look.register
def _transferred(event: e.ServiceTransferred, watch: DayWatch, stamp: Stamp) -> None:
    """Sent on from a counter: its time was used, and another service follows in the same visit."""
    ticket = watch.state.tickets[event.ticket_id]
    if ticket.status is TicketStatus.SERVING:
        watch.serves(ticket, stamp.at_ms)
        watch.has_had_service(ticket, has_second=True)
        watch.release(ticket, stamp.at_ms)


@look.register
def _absent(event: e.TicketAbsent, watch: DayWatch, stamp: Stamp) -> None:
    ticket = watch.state.tickets[event.ticket_id]
    watch.group(ticket).absent += ticket.called_ms == ticket.first_called_ms
    watch.release(ticket, stamp.at_ms, is_absent=True)


@look.register
def _paper_call(event: e.PaperCallEntered, watch: DayWatch, stamp: Stamp) -> None:
    ticket = watch.state.tickets[event.ticket_id]
    samples = watch.group(ticket)
    is_first = not ticket.first_called_ms
    samples.called += is_first
    if event.outcome == "served":
        watch.has_had_service(ticket, has_second=bool(event.next_service))
    else:
        samples.absent += is_first
    watch.free.pop(event.counter_id, None)
    del stamp


@look.register
def _handed_over(event: e.CounterHandedOver, watch: DayWatch, stamp: Stamp) -> None:
    watch.stop(event.counter_id, stamp.at_ms)


# --- another way -------------------------------------------------------------------------------------


@look.register
def _agreed(event: e.DiversionAccepted, watch: DayWatch, stamp: Stamp) -> None:
    ticket = watch.state.tickets[watch.state.diversions[event.diversion_id].ticket_id]
    samples = watch.group(ticket)
    samples.offered += 1
    samples.accepted += 1
    watch.agreed[event.diversion_id] = watch.agreed_by[ticket.id] = stamp.at_ms


@look.register
def _declined(event: e.DiversionDeclined, watch: DayWatch, _: Stamp) -> None:
    ticket = watch.state.tickets[watch.state.diversions[event.diversion_id].ticket_id]
    watch.group(ticket).offered += 1


@look.register
def _completed(event: e.DiversionCompleted, watch: DayWatch, stamp: Stamp) -> None:
    samples = _tried(event.diversion_id, watch, stamp)
    samples.done_elsewhere += 1


@look.register
def _failed(event: e.DiversionFailed, watch: DayWatch, stamp: Stamp) -> None:
    _tried(event.diversion_id, watch, stamp)


def _tried(diversion_id: str, watch: DayWatch, stamp: Stamp) -> GroupSamples:
    ticket = watch.state.tickets[watch.state.diversions[diversion_id].ticket_id]
    samples = watch.group(ticket)
    samples.tried += 1
    agreed_ms = watch.agreed.get(diversion_id)
    if agreed_ms is not None:
        samples.elsewhere.ended.append(stamp.at_ms - agreed_ms)
    return samples

"""How true it was: what customers were told on taking the ticket, beside what came [C16].

A pure function of the day. Counted are tickets whose interval is over, called or still waiting: during the
day the calls so far are those that came early, and alone they would say that everybody was told too much.
Not counted is who stepped out, as that makes a wait longer by the customer's own wish, and who left uncalled.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from openhall.hall.model.state import HallState, Ticket, TicketStatus
from openhall.hall.told import WaitSource


class Accuracy(msgspec.Struct, frozen=True):
    """Of some tickets. The errors are whole ms; without a called ticket they are 0 and say nothing."""

    told_count: int
    """Tickets whose interval is over."""
    inside_count: int
    """Of them, called neither earlier nor later than the interval said."""
    called_count: int
    """Of them, called at all; the errors are theirs."""
    error_ms: int
    """Mean distance of the call from the middle."""
    bias_ms: int
    """Mean of the call less the middle: above 0, people waited longer than they were told."""


class SourceAccuracy(msgspec.Struct, frozen=True):
    """Of the tickets whose wait came from one source."""

    source: WaitSource
    accuracy: Accuracy


class ServiceAccuracy(msgspec.Struct, frozen=True):
    """Of the tickets for one service."""

    service_id: str
    accuracy: Accuracy


class DayAccuracy(msgspec.Struct, frozen=True):
    """Of a day so far: all, by source and by the service that was asked for first."""

    whole: Accuracy
    sources: tuple[SourceAccuracy, ...]
    services: tuple[ServiceAccuracy, ...]
    no_promise_count: int
    """Tickets that were told nothing, because no window was open for them."""


@dataclass
class Judged:
    """Adds up tellings whose interval is over."""

    told: int = 0
    inside: int = 0
    called: int = 0
    error_ms: int = 0
    bias_ms: int = 0

    def add(self, waited_ms: int, low_ms: int, middle_ms: int, high_ms: int) -> None:
        """A call that came after so long, and what had been told of it; all from one moment on."""
        self.told += 1
        self.called += 1
        self.inside += low_ms <= waited_ms <= high_ms
        self.error_ms += abs(waited_ms - middle_ms)
        self.bias_ms += waited_ms - middle_ms

    def add_uncalled(self) -> None:
        """Still waiting although the interval is over."""
        self.told += 1

    def accuracy(self) -> Accuracy:
        """What it comes to."""
        count = max(1, self.called)
        error_ms, bias_ms = round(self.error_ms / count), round(self.bias_ms / count)
        return Accuracy(self.told, self.inside, self.called, error_ms, bias_ms)


def accuracy(tickets: Iterable[Ticket], now_ms: int) -> Accuracy:
    """Of these tickets, as far as they count."""
    judged = Judged()
    for ticket in tickets:
        told = ticket.told_at_issue
        if told is None or told.source == "none" or ticket.hold_count:
            continue
        if now_ms < ticket.issued_ms + told.high_ms:
            continue
        if ticket.first_called_ms:
            waited_ms = ticket.first_called_ms - ticket.issued_ms
            judged.add(waited_ms, told.low_ms, told.middle_ms, told.high_ms)
        elif ticket.status is TicketStatus.WAITING and now_ms > ticket.issued_ms + told.high_ms:
            judged.add_uncalled()
    return judged.accuracy()


def day_accuracy(state: HallState, now_ms: int) -> DayAccuracy:
    """Of a day so far, at a moment in ms since the epoch."""
    by_letter = {service.letter: service.id for service in state.day_rules.services}
    sources: dict[WaitSource, list[Ticket]] = {}
    services: dict[str, list[Ticket]] = {}
    no_promise_count = 0
    for ticket in state.tickets.values():
        if ticket.told_at_issue is None:
            continue
        if ticket.told_at_issue.source == "none":
            no_promise_count += 1
            continue
        sources.setdefault(ticket.told_at_issue.source, []).append(ticket)
        # The number keeps the letter of the service that the wait was told for, whatever came after it.
        services.setdefault(by_letter.get(ticket.number[:1], ticket.service_id), []).append(ticket)
    kinds: tuple[WaitSource, ...] = ("twin", "pace", "typical")
    return DayAccuracy(
        accuracy(state.tickets.values(), now_ms),
        tuple(SourceAccuracy(kind, accuracy(sources[kind], now_ms)) for kind in kinds if kind in sources),
        tuple(
            ServiceAccuracy(service.id, accuracy(services[service.id], now_ms))
            for service in state.day_rules.services
            if service.id in services
        ),
        no_promise_count,
    )

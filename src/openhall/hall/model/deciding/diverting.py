"""Diversion: an offer with an outcome, and the place kept till it has one [C8, C9]."""

from __future__ import annotations

from openhall.hall.model import commands as c
from openhall.hall.model import events as e
from openhall.hall.model.deciding.dispatch import (
    Decision,
    decides,
    known_person,
    refuse,
    waiting_ticket,
)
from openhall.hall.model.state import Diversion, DiversionStatus, HallState, Ticket, TicketStatus
from openhall.kernel.event import Event, Stamp
from openhall.network.model import Channel

ALWAYS_OFFERED: frozenset[Channel] = frozenset({"branch", "another_day", "phone"})
"""Channels behind which there is a person for any need."""
ACCOMPANIED = frozenset({"atm", "mobile"})
"""Channels to which a named helper comes along."""


def channels_for(state: HallState, ticket: Ticket) -> frozenset[Channel]:
    """Other ways that can do what a ticket is for: those behind which there is a person, and what the triage
    rules know to work for the need."""
    service = state.service(ticket.service_id)
    assert service is not None, ticket.service_id
    needs = {ticket.need} if ticket.need else {need.code for need in service.needs}
    return ALWAYS_OFFERED | {r.channel for r in state.day_rules.triage if needs.intersection(r.needs)}


@decides(c.OfferDiversion)
def offer(state: HallState, command: c.OfferDiversion, _: Stamp) -> Decision:
    """Only what the triage rules know to work for the need; always an offer."""
    ticket = waiting_ticket(state, command.ticket_id)
    if ticket.diversion_id:
        raise refuse("diversion_open", "ticket_id", number=ticket.number)
    possible = channels_for(state, ticket)
    if command.channel not in possible:
        known = ", ".join(sorted(possible))
        raise refuse("channel_not_offered", "channel", channel=command.channel, known=known)
    class_ = state.class_(ticket.claimed_class or ticket.class_code)
    assert class_ is not None
    return [
        e.DiversionOffered(
            f"d{len(state.diversions) + 1}",
            ticket.id,
            command.channel,
            is_counted=class_.is_counted_in_diversion,
        )
    ]


def _diversion(state: HallState, diversion_id: str, *allowed: DiversionStatus) -> Diversion:
    diversion = state.diversions.get(diversion_id)
    if diversion is None:
        raise refuse("diversion_unknown", "diversion_id", diversion=diversion_id)
    if diversion.status not in allowed:
        raise refuse("diversion_moved_on", "diversion_id", status=diversion.status.value)
    return diversion


@decides(c.AcceptDiversion)
def accept(state: HallState, command: c.AcceptDiversion, _: Stamp) -> Decision:
    """The customer's yes. To a machine nobody is sent alone."""
    diversion = _diversion(state, command.diversion_id, DiversionStatus.OFFERED)
    if diversion.channel in ACCOMPANIED and not command.helper:
        raise refuse("helper_needed", "helper")
    if command.helper:
        known_person(state, command.helper, "helper")
    return [e.DiversionAccepted(diversion.id, command.helper)]


@decides(c.DeclineDiversion)
def decline(state: HallState, command: c.DeclineDiversion, _: Stamp) -> Decision:
    """The customer's no, which costs nothing."""
    return [e.DiversionDeclined(_diversion(state, command.diversion_id, DiversionStatus.OFFERED).id)]


@decides(c.StartDiversion)
def start(state: HallState, command: c.StartDiversion, _: Stamp) -> Decision:
    """At the machine, or with the remote teller."""
    return [e.DiversionStarted(_diversion(state, command.diversion_id, DiversionStatus.ACCEPTED).id)]


@decides(c.CompleteDiversion)
def complete(state: HallState, command: c.CompleteDiversion, _: Stamp) -> Decision:
    """Done by the customer's own hand: a helper never operates an account. Where nobody noted the start, it
    is now; and what else the visit is for still waits."""
    diversion = _diversion(state, command.diversion_id, DiversionStatus.ACCEPTED, DiversionStatus.STARTED)
    if diversion.channel in ACCOMPANIED and not command.is_customer_operated:
        raise refuse("staff_must_not_operate", "is_customer_operated")
    is_started = diversion.status is DiversionStatus.STARTED
    start_: list[Event] = [] if is_started else [e.DiversionStarted(diversion.id)]
    next_service = state.tickets[diversion.ticket_id].next_service
    return [*start_, e.DiversionCompleted(diversion.id, diversion.ticket_id, next_service)]


@decides(c.FailDiversion)
def fail(state: HallState, command: c.FailDiversion, _: Stamp) -> Decision:
    """Back in line, where the customer would be had nothing been offered."""
    diversion = _diversion(state, command.diversion_id, DiversionStatus.ACCEPTED, DiversionStatus.STARTED)
    assert state.tickets[diversion.ticket_id].status is TicketStatus.DIVERTING
    return [e.DiversionFailed(diversion.id, command.reason)]

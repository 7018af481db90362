"""The tickets of all days as rows for reports: what each event says itself, and nothing else."""

from __future__ import annotations

from functools import singledispatch

from openhall.hall.model import events as e
from openhall.kernel.event import Event, Stamp

Values = dict[str, str | int | None]
Changes = list[tuple[str, Values]]


@singledispatch
def ticket_values(event: Event, stamp: Stamp) -> Changes:
    """(ticket id, columns that the event sets) for each ticket whose way the event is about.

    Columns: number, service, class_code, joined_ms, issued_ms, called_ms (of the first call), started_ms,
    ended_ms, held_ms, counter, person, outcome (`pending` till it ends), and what was told at issue:
    told_low_ms, told_middle_ms, told_high_ms, told_source.
    """
    del event, stamp
    return []


@ticket_values.register
def _issued(event: e.TicketIssued, stamp: Stamp) -> Changes:
    values = _new(event, event.joined_ms or stamp.at_ms, stamp.at_ms)
    if event.told is not None:
        values |= {
            "told_low_ms": event.told.low_ms,
            "told_middle_ms": event.told.middle_ms,
            "told_high_ms": event.told.high_ms,
            "told_source": event.told.source,
        }
    return [(event.ticket_id, values)]


@ticket_values.register
def _paper(event: e.PaperTicketEntered, _: Stamp) -> Changes:
    return [(event.ticket_id, _new(event, event.joined_ms, event.joined_ms))]


def _new(event: e.TicketIssued | e.PaperTicketEntered, joined_ms: int, issued_ms: int) -> Values:
    return {
        "number": event.number,
        "service": event.service_id,
        "class_code": event.class_code,
        "joined_ms": joined_ms,
        "issued_ms": issued_ms,
        "held_ms": 0,
        "outcome": "pending",
    }


_NOT_TOLD: Values = dict.fromkeys(("told_low_ms", "told_middle_ms", "told_high_ms", "told_source"))
"""What was told at issue was said of another line or class: it is no longer held against anybody."""


@ticket_values.register
def _class(event: e.ClassCorrected, _: Stamp) -> Changes:
    if event.class_code == event.was:
        return []
    return [(event.ticket_id, {"class_code": event.class_code, **_NOT_TOLD})]


@ticket_values.register
def _transferred(event: e.ServiceTransferred, _: Stamp) -> Changes:
    return [(event.ticket_id, {"service": event.service_id, **({} if event.counter_id else _NOT_TOLD)})]


@ticket_values.register
def _called(event: e.TicketCalled, stamp: Stamp) -> Changes:
    values: Values = {"counter": event.counter_id, "person": event.person_id}
    return [(event.ticket_id, values | ({"called_ms": stamp.at_ms} if event.is_first else {}))]


@ticket_values.register
def _started(event: e.ServiceStarted, stamp: Stamp) -> Changes:
    return [(event.ticket_id, {"started_ms": stamp.at_ms, "person": event.person_id})]


@ticket_values.register
def _finished(event: e.ServiceFinished, stamp: Stamp) -> Changes:
    if event.next_service:
        return [(event.ticket_id, {"service": event.next_service})]
    return [(event.ticket_id, {"ended_ms": stamp.at_ms, "outcome": "served"})]


@ticket_values.register
def _paper_call(event: e.PaperCallEntered, _: Stamp) -> Changes:
    values: Values = {
        "called_ms": event.called_ms,
        "started_ms": event.called_ms if event.outcome == "served" else None,
        "ended_ms": event.ended_ms,
        "counter": event.counter_id,
        "person": event.person_id,
        "outcome": event.outcome,
    }
    return [(event.ticket_id, values)]


@ticket_values.register
def _resumed(event: e.TicketResumed, _: Stamp) -> Changes:
    return [(event.ticket_id, {"held_ms": event.held_total_ms})]


@ticket_values.register
def _lapsed(event: e.HoldLapsed, stamp: Stamp) -> Changes:
    return [(event.ticket_id, {"held_ms": event.held_total_ms, "ended_ms": stamp.at_ms, "outcome": "lapsed"})]


@ticket_values.register
def _reneged(event: e.TicketReneged, stamp: Stamp) -> Changes:
    return [
        (event.ticket_id, {"held_ms": event.held_total_ms, "ended_ms": stamp.at_ms, "outcome": "reneged"})
    ]


@ticket_values.register
def _absent(event: e.TicketAbsent, stamp: Stamp) -> Changes:
    return [(event.ticket_id, {"ended_ms": stamp.at_ms, "outcome": "no_show"})]


@ticket_values.register
def _reinstated(event: e.TicketReinstated, _: Stamp) -> Changes:
    return [(event.ticket_id, {"ended_ms": None, "outcome": "pending"})]


@ticket_values.register
def _diverted(event: e.DiversionCompleted, stamp: Stamp) -> Changes:
    if event.next_service:
        return [(event.ticket_id, {"service": event.next_service})]
    return [(event.ticket_id, {"ended_ms": stamp.at_ms, "outcome": "diverted"})]


@ticket_values.register
def _force_ended(event: e.DayForceEnded, stamp: Stamp) -> Changes:
    return [(ticket_id, {"ended_ms": stamp.at_ms, "outcome": "unserved"}) for ticket_id in event.unserved]

"""Takes a recorded day through the hall."""

from __future__ import annotations

import time
from collections.abc import Callable
from zoneinfo import ZoneInfo

import msgspec

from openhall.hall.model import commands as c
from openhall.hall.model.events import DiversionOffered, TicketIssued
from openhall.hall.model.state import Ticket, TicketStatus
from openhall.kernel.clock import MINUTE_MS, local_ms
from openhall.kernel.event import Answer, StreamId
from openhall.log.store import Store
from openhall.rehearsal.cast import Cast, Scene, Steps, ask, until
from openhall.rehearsal.chart import Line
from openhall.rehearsal.driver import Limits, Progress, Stage, drive
from openhall.rehearsal.people import Seat, at_work, clock, house
from openhall.rehearsal.recorded.day import (
    RecordedDay,
    RecordedParameters,
    RecordedTicket,
    Spell,
    class_code,
    rules_of,
    teller_of,
)
from openhall.rehearsal.recorded.pace import Pace, pace_of
from openhall.rehearsal.results import Rehearsal, Run, result_of
from openhall.rehearsal.statistics import DECIMALS, quantile

START_BEFORE_MS = MINUTE_MS

NOTES = (
    "Service times are a calibration from the recorded calling pace, not a measurement.",
    "A ticket that was called counts as served unless the record says otherwise.",
)


class RecordedBehaviour:
    """Customers as recorded: their own service time where there is one, else the pace at their call."""

    def __init__(self, pace: Pace | None) -> None:
        self._pace = pace
        self.recorded: dict[str, RecordedTicket] = {}
        """By ticket id, once the ticket has been issued."""

    def walk_ms(self, ticket: Ticket) -> int:
        """None: the pace includes the walk."""
        del ticket
        return 0

    def service_ms(self, ticket: Ticket) -> int:
        """By the moment of the call, so that it is the same each time."""
        own = self.recorded[ticket.id].service_ms
        if own is not None:
            return own
        assert self._pace is not None, "a record without a pace has a service time for every ticket"
        return self._pace.at(ticket.called_ms)

    def is_absent(self, ticket: Ticket) -> bool:
        """As recorded; somebody who left or went elsewhere does not come either."""
        return self.recorded[ticket.id].outcome != "served"


def rehearse_recorded(
    day: RecordedDay,
    parameters: RecordedParameters | None = None,
    *,
    store: Store | None = None,
    progress: Progress | None = None,
    limits: Limits | None = None,
    timer: Callable[[], float] = time.perf_counter,
) -> Rehearsal:
    """Take a recorded day through the hall and measure it beside the record.

    `store` must not hold that branch-day yet; without one the day stays in memory. Raises `RehearsalStuck`
    when the day does not end, `ValueError` when the record does not carry what the parameters ask for.
    """
    parameters = parameters or RecordedParameters()
    started = timer()
    spells = staffed(day, parameters)
    rules = rules_of(day, parameters, spells)
    needs_pace = any(ticket.service_ms is None and ticket.outcome == "served" for ticket in day.tickets)
    behaviour = RecordedBehaviour(pace_of(day, parameters) if needs_pace else None)
    stream = StreamId(day.place, day.day)
    start_ms = min(rules.checkin_opens_ms, *(spell.opens_ms for spell in spells)) - START_BEFORE_MS
    stage = Stage.build(stream, start_ms, store=store)
    if stage.state.rules is not None:
        raise ValueError(f"Expected a store without the day {stream}, got one that has it")
    scene = stage.scene()
    cast = Cast(stream, scene)
    cast.enter(start_ms, house(scene, rules))
    cast.enter(start_ms, clock(scene))
    plan = [Seat(s.counter, teller_of(s.counter), s.opens_ms, s.closes_ms) for s in spells]
    for at_ms, steps in at_work(scene, plan, behaviour):
        cast.enter(at_ms, steps)
    for ticket in day.tickets:
        cast.enter(ticket.joined_ms, customer(scene, ticket, behaviour))
    last_ms = max([day.closes_ms, *(t.called_ms for t in day.tickets if t.called_ms)])
    requests = drive(cast, stage, limits=limits, progress=progress, progress_until_ms=last_ms)
    waits = sorted(t.wait_minutes for t in day.tickets if t.wait_minutes is not None)
    run = Run(
        kind="recorded" if day.source != "ticket_log" else "ticket_log",
        parameters=msgspec.to_builtins(parameters) | {"source": day.source},
        requests=requests,
        seconds=timer() - started,
        notes=NOTES,
        recorded_wait_minutes_median=round(quantile(waits, 0.5), DECIMALS) if waits else None,
        recorded_wait_minutes_p90=round(quantile(waits, 0.9), DECIMALS) if waits else None,
        recorded_line=Line(
            "recorded",
            tuple(interval.to_ms for interval in day.intervals),
            tuple(interval.waiting_after for interval in day.intervals),
            (),
        ),
    )
    return result_of(stream, stage.book.store, run)


def staffed(day: RecordedDay, parameters: RecordedParameters) -> tuple[Spell, ...]:
    """The recorded counters, and the extra ones: X1, X2, ..."""
    opens_ms = local_ms(day.day, parameters.extra_minute, ZoneInfo(day.timezone))
    extra = [Spell(f"X{number}", opens_ms, None) for number in range(1, parameters.extra_counters + 1)]
    return (*day.spells, *extra)


def customer(scene: Scene, recorded: RecordedTicket, behaviour: RecordedBehaviour) -> Steps[None]:
    """Takes a ticket; whom the record shows leaving or going elsewhere does so at the recorded moment."""
    command = c.IssueTicket(recorded.service, class_code=class_code(recorded.class_code), class_basis="staff")
    result = yield from ask("kiosk", command)
    if not isinstance(result, Answer):
        raise AssertionError(f"ticket {recorded.number} of the record was refused: {result.code}")
    issued = next(event for event in result.events if isinstance(event, TicketIssued))
    behaviour.recorded[issued.ticket_id] = recorded
    if recorded.outcome not in ("reneged", "diverted") or recorded.ended_ms is None:
        return
    yield from until(recorded.ended_ms)
    if scene.state.tickets[issued.ticket_id].status is not TicketStatus.WAITING:
        return
    if recorded.outcome == "reneged":
        yield from ask("lobby", c.MarkReneged(issued.ticket_id))
    else:
        yield from _goes_elsewhere(issued.ticket_id)


def _goes_elsewhere(ticket_id: str) -> Steps[None]:
    """The record names no channel; `another_day` can be offered for every need."""
    result = yield from ask("lobby", c.OfferDiversion(ticket_id, "another_day"))
    if not isinstance(result, Answer):
        return
    offered = next(event for event in result.events if isinstance(event, DiversionOffered))
    yield from ask("lobby", c.AcceptDiversion(offered.diversion_id))
    yield from ask("lobby", c.CompleteDiversion(offered.diversion_id, is_customer_operated=True))

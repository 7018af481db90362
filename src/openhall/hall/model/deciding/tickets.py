"""Tickets: triage, issuing, classes, services, stepping out and coming back [C1-C5, C9-C12, C18]."""

from __future__ import annotations

from typing import NamedTuple

from openhall.hall.model import commands as c
from openhall.hall.model import events as e
from openhall.hall.model.deciding.dispatch import (
    Decision,
    decides,
    freed,
    known_class,
    known_person,
    known_service,
    next_ticket_id,
    next_visit_id,
    pending_ticket,
    refuse,
    refuse_status,
    ticket_of,
    visit_of,
)
from openhall.hall.model.deciding.door import checked, fits_inside, joining_open
from openhall.hall.model.fields import ClassBasis
from openhall.hall.model.state import (
    AT_COUNTER,
    REINSTATABLE,
    Doors,
    HallState,
    Ticket,
    TicketStatus,
    Visit,
)
from openhall.hall.model.waits import Waits, room_left
from openhall.hall.policy import offers, place_in_order
from openhall.hall.told import ToldAtIssue
from openhall.kernel.clock import MINUTE_MS
from openhall.kernel.event import Stamp

SERVICES_AT_MOST = 5
"""Services in one visit: enough for every real one, few enough that a ticket cannot hoard counters [C18]."""


@decides(c.RecordTriage)
def record_triage(state: HallState, command: c.RecordTriage, _: Stamp) -> Decision:
    """The rules answer with offers; the amount that was asked for is not kept."""
    needs = {need.code for service in state.day_rules.services for need in service.needs}
    if command.need not in needs:
        raise refuse("need_unknown", "need", need=command.need)
    ticket_id = pending_ticket(state, command.ticket_id).id if command.ticket_id else ""
    if command.visit_id:
        visit_of(state, command.visit_id)
    shown = offers(
        state.day_rules.triage,
        need=command.need,
        has_card=command.has_card,
        amount_minor=command.amount_minor,
    )
    return [
        e.Triaged(
            command.need,
            command.is_documents_ready,
            tuple(rule.id for rule in shown),
            visit_id=command.visit_id,
            ticket_id=ticket_id,
        )
    ]


def _class_on_issue(state: HallState, code: str, basis: ClassBasis) -> tuple[str, str]:
    """(class to stand in, class claimed): a head start counts once staff or a document confirmed it [C18]."""
    wanted = known_class(state, code)
    class_ = state.class_(wanted)
    assert class_ is not None
    if class_.needs_confirmation and basis == "claimed":
        return state.day_rules.classes[0].code, wanted
    return wanted, ""


def _capacity(state: HallState, override_reason: str | None, now_ms: int) -> None:
    rules = state.day_rules
    line_limit = rules.regime.capacity.waiting_at_most
    if state.pending_count >= line_limit:
        raise refuse("line_full", limit=line_limit)
    if state.doors is Doors.CLOSED:  # who is on the roll is served, whatever the day was planned for [C11]
        return
    daily = rules.tickets_daily
    if daily is not None and len(state.tickets) >= daily and override_reason is None:
        raise refuse("daily_capacity_reached", limit=daily)
    room = room_left(state, now_ms) if rules.regime.capacity.is_computed else None
    if room is not None and room.with_overtime <= 0 and override_reason is None:
        raise refuse("room_used_up")


def _told(
    state: HallState, service_id: str, class_code: str, visit: Visit | None, now: Stamp, counts_from_ms: int
) -> ToldAtIssue:
    """What the customer reads on the ticket, for the record of honesty [C16]."""
    waits, class_ = Waits(state, now.at_ms), state.class_(class_code)
    if class_ is None or (visit is None and not counts_from_ms):
        wait = waits.of_joining(service_id, class_code)
    else:
        joined_ms, joined_seq = (visit.joined_ms, visit.joined_seq) if visit else (now.at_ms, now.seq)
        key = place_in_order(
            state.day_rules.order,
            class_,
            joined_ms=joined_ms,
            joined_seq=joined_seq,
            counts_from_ms=counts_from_ms,
        )
        wait = waits.of_place(service_id, class_code, key)
    return ToldAtIssue(wait.low_ms, wait.middle_ms, wait.high_ms, wait.source)


class Entitled(NamedTuple):
    """The appointment that a ticket is issued for: its id, its moment, and from when on it counts."""

    appointment_id: str = ""
    at_ms: int = 0
    counts_from_ms: int = 0


NOT_ENTITLED = Entitled()


@decides(c.IssueTicket)
def issue_ticket(state: HallState, command: c.IssueTicket, now: Stamp) -> Decision:
    """One visit, one ticket. At closing time only who is on the roll gets one."""
    return [issued(state, command, now)]


def _visit_for_ticket(
    state: HallState, command: c.IssueTicket, now: Stamp
) -> tuple[Visit | None, str, int, bool]:
    """(the visit if there is one, its id, people, whether they are inside)"""
    if command.visit_id:
        visit = visit_of(state, command.visit_id)
        checked(state, visit)
        return visit, visit.id, visit.party_size, True
    joining_open(state, now)
    if state.day_rules.regime.entry.is_check_required:
        raise refuse("check_required", "visit_id")
    return None, next_visit_id(state), command.party_size, fits_inside(state, command.party_size)


def issued(
    state: HallState, command: c.IssueTicket, now: Stamp, entitled: Entitled = NOT_ENTITLED
) -> e.TicketIssued:
    """The ticket, for somebody with an appointment or without."""
    visit, visit_id, party_size, is_inside = _visit_for_ticket(state, command, now)
    known_service(state, command.service_id)
    service = state.service(command.service_id)
    assert service is not None
    if command.need and command.need not in {need.code for need in service.needs}:
        raise refuse("need_unknown", "need", need=command.need)
    class_code, claimed = _class_on_issue(state, command.class_code, command.class_basis)
    _capacity(state, command.override_reason, now.at_ms)
    count = state.issued_by_letter.get(service.letter, 0) + 1
    return e.TicketIssued(
        next_ticket_id(state),
        f"{service.letter}{count:03d}",
        visit_id,
        command.service_id,
        class_code,
        claimed_class=claimed,
        need=command.need,
        handling=command.handling,
        party_size=party_size,
        override_reason=command.override_reason or "",
        is_inside=is_inside,
        joined_ms=visit.joined_ms if visit else now.at_ms,
        told=_told(state, service.id, class_code, visit, now, entitled.counts_from_ms),
        appointment_id=entitled.appointment_id,
        appointment_ms=entitled.at_ms,
        counts_from_ms=entitled.counts_from_ms,
    )


@decides(c.EnterPaperTicket)
def enter_paper_ticket(state: HallState, command: c.EnterPaperTicket, now: Stamp) -> Decision:
    """The paper's time of joining gives the place, so nobody loses by the outage [C12].

    Who has a paper number was let in by hand: no check is asked for afterwards, and no limit takes it back.
    """
    if command.visit_id:
        visit_of(state, command.visit_id)
    known_service(state, command.service_id)
    service = state.service(command.service_id)
    assert service is not None
    if not state.day_rules.checkin_opens_ms <= command.joined_ms <= now.at_ms:
        raise refuse("time_out_of_order", "joined_ms")
    is_late = state.doors is Doors.CLOSED and command.joined_ms > state.doors_closed_ms
    if is_late and not command.visit_id:  # a visit that is here after closing time is on the roll
        raise refuse("doors_closed")
    number = f"{service.letter}P{command.paper_number:02d}"
    if number in state.numbers:
        raise refuse("paper_number_used", "paper_number", number=number)
    class_code, claimed = _class_on_issue(state, command.class_code, command.class_basis)
    return [
        e.PaperTicketEntered(
            next_ticket_id(state),
            number,
            command.visit_id or next_visit_id(state),
            command.service_id,
            class_code,
            command.joined_ms,
            claimed_class=claimed,
            handling=command.handling,
            is_inside=fits_inside(state, 1),
        )
    ]


@decides(c.ConfirmClass)
def confirm_class(state: HallState, command: c.ConfirmClass, _: Stamp) -> Decision:
    """The claimed class counts from now on, as if it had counted from joining."""
    ticket = pending_ticket(state, command.ticket_id)
    if not ticket.claimed_class:
        raise refuse("class_not_claimed", "ticket_id")
    return [e.ClassCorrected(ticket.id, ticket.claimed_class, ticket.class_code, command.basis, "confirmed")]


@decides(c.CorrectClass)
def correct_class(state: HallState, command: c.CorrectClass, _: Stamp) -> Decision:
    """An audited correction: the only thing that changes a key."""
    ticket = pending_ticket(state, command.ticket_id)
    code = known_class(state, command.class_code)
    if code == ticket.class_code and not ticket.claimed_class:
        raise refuse("class_same", "class_code")
    return [e.ClassCorrected(ticket.id, code, ticket.class_code, command.basis, command.reason)]


@decides(c.AddService)
def add_service(state: HallState, command: c.AddService, _: Stamp) -> Decision:
    """Done in the same visit, without a second wait at the end of the line."""
    ticket = pending_ticket(state, command.ticket_id)
    known_service(state, command.service_id)
    if ticket.services_done + 1 + len(ticket.later_services) >= SERVICES_AT_MOST:
        raise refuse("services_too_many", limit=SERVICES_AT_MOST)
    return [e.ServiceAdded(ticket.id, command.service_id)]


@decides(c.TransferService)
def transfer_service(state: HallState, command: c.TransferService, _: Stamp) -> Decision:
    """The place and the number stay [C6]."""
    ticket = ticket_of(state, command.ticket_id)
    if ticket.status is not TicketStatus.WAITING and ticket.status not in AT_COUNTER:
        raise refuse_status("ticket_not_waiting", ticket)
    known_service(state, command.service_id)
    if command.service_id == ticket.service_id:
        raise refuse("service_same", "service_id")
    at = ticket.counter_id if ticket.status in AT_COUNTER else ""
    return [
        e.ServiceTransferred(ticket.id, command.service_id, ticket.service_id, at),
        *freed(state, ticket),
    ]


@decides(c.SetHandling)
def set_handling(state: HallState, command: c.SetHandling, _: Stamp) -> Decision:
    """How to treat, never why."""
    return [e.HandlingSet(pending_ticket(state, command.ticket_id).id, command.handling)]


@decides(c.RecordBaulk)
def record_baulk(state: HallState, command: c.RecordBaulk, _: Stamp) -> Decision:
    """Counted, so that the day's waits are not judged by those alone who stayed."""
    if command.service_id:
        known_service(state, command.service_id)
    return [e.Baulked(command.service_id)]


# --- stepping out ------------------------------------------------------------------------------------


@decides(c.HoldTicket)
def hold_ticket(state: HallState, command: c.HoldTicket, now: Stamp) -> Decision:
    """A return window, a named contact, and the place as it was [C4]."""
    ticket = ticket_of(state, command.ticket_id)
    if ticket.status not in {TicketStatus.WAITING, TicketStatus.CALLED}:
        raise refuse_status("ticket_not_waiting", ticket)
    known_person(state, command.contact_person, "contact_person")
    hold = state.day_rules.hold
    if ticket.hold_count >= hold.times_at_most:
        raise refuse("holds_too_many", "ticket_id", number=ticket.number, limit=hold.times_at_most)
    at = ticket.counter_id if ticket.status is TicketStatus.CALLED else ""
    until_ms = now.at_ms + hold.window_minutes * MINUTE_MS
    return [
        e.TicketHeld(ticket.id, until_ms, command.contact_person, at, command.contact_ref),
        *freed(state, ticket),
    ]


@decides(c.ResumeTicket)
def resume_ticket(state: HallState, command: c.ResumeTicket, now: Stamp) -> Decision:
    """In time: back at the place. Late: as the bank configured it."""
    ticket = ticket_of(state, command.ticket_id)
    if ticket.status is not TicketStatus.HELD:
        raise refuse_status("ticket_not_held", ticket)
    if command.confirmed_by:
        known_person(state, command.confirmed_by, "confirmed_by")
    is_late = now.at_ms > ticket.held_until_ms
    when_late = state.day_rules.hold.when_late
    if is_late and when_late == "lapse":
        return [e.HoldLapsed(ticket.id, ticket.held_ms_by(now.at_ms))]
    if is_late and when_late == "confirm" and not command.confirmed_by:
        raise refuse("hold_window_passed", "confirmed_by", number=ticket.number)
    return [
        e.TicketResumed(
            ticket.id,
            is_late=is_late,
            confirmed_by=command.confirmed_by,
            is_inside=fits_inside(state, ticket.party_size),
            held_total_ms=ticket.held_ms_by(now.at_ms),
        )
    ]


@decides(c.MarkReneged)
def mark_reneged(state: HallState, command: c.MarkReneged, now: Stamp) -> Decision:
    """Left while waiting, while away, or after being called."""
    ticket = ticket_of(state, command.ticket_id)
    if ticket.status not in {TicketStatus.WAITING, TicketStatus.CALLED, TicketStatus.HELD}:
        raise refuse_status("ticket_not_waiting", ticket)
    return [e.TicketReneged(ticket.id, ticket.held_ms_by(now.at_ms)), *freed(state, ticket)]


@decides(c.Reinstate)
def reinstate(state: HallState, command: c.Reinstate, now: Stamp) -> Decision:
    """Back at the original place, with a reason, while it is not too late."""
    ticket: Ticket = ticket_of(state, command.ticket_id)
    if ticket.status not in REINSTATABLE:
        raise refuse_status("ticket_not_reinstatable", ticket)
    minutes = state.day_rules.call.reinstate_minutes
    if now.at_ms - ticket.ended_ms > minutes * MINUTE_MS:
        raise refuse("reinstate_too_late", "ticket_id", number=ticket.number, minutes=minutes)
    is_inside = fits_inside(state, ticket.party_size)
    return [e.TicketReinstated(ticket.id, command.reason, is_inside)]


# --- care and opinion --------------------------------------------------------------------------------


@decides(c.RecordCare)
def record_care(state: HallState, command: c.RecordCare, _: Stamp) -> Decision:
    """Never at the cost of the place: it changes nothing in the line [C14]."""
    ticket_id = pending_ticket(state, command.ticket_id).id if command.ticket_id else ""
    if command.kind != "lesson":
        return [e.CareGiven(command.kind, ticket_id)]
    if command.lesson not in state.day_rules.lessons:
        known = ", ".join(state.day_rules.lessons)
        raise refuse("lesson_unknown", "lesson", lesson=command.lesson, known=known)
    return [e.CareGiven(command.kind, ticket_id, command.lesson)]


@decides(c.RecordFeedback)
def record_feedback(state: HallState, command: c.RecordFeedback, _: Stamp) -> Decision:
    """The service and the person come from the ticket where there is one [C15]."""
    if command.kind == "rating" and command.score is None:
        raise refuse("score_missing", "score")
    service_id, person_id, ticket_id = command.service_id, command.person_id, ""
    if command.ticket_id:
        ticket = ticket_of(state, command.ticket_id)
        ticket_id = ticket.id
        service_id, person_id = service_id or ticket.service_id, person_id or ticket.person_id
    if service_id:
        known_service(state, service_id)
    if person_id:
        known_person(state, person_id)
    return [e.FeedbackGiven(command.kind, ticket_id, service_id, person_id, command.score, command.text_ref)]

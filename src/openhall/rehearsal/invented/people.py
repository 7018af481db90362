"""What the customers, the lobby managers and the guard of an invented day do, one process each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from openhall.hall.model import commands as c
from openhall.hall.model.events import DiversionOffered, EntryChecked, TicketIssued, Triaged
from openhall.hall.model.state import DiversionStatus, Doors, HallState, TaskStatus, Ticket, TicketStatus
from openhall.hall.policy import DayRules
from openhall.kernel.clock import MINUTE_MS, SECOND_MS
from openhall.kernel.event import Event
from openhall.kernel.refusal import Refusal
from openhall.network.model import Channel, Post
from openhall.rehearsal.cast import Result, Scene, Steps, ask, until
from openhall.rehearsal.invented.crowd import NO_SHOW_BACK_MS, InventedBehaviour, Visitor
from openhall.rehearsal.invented.parameters import InventedParameters
from openhall.rehearsal.people import GLANCE_MS, Seat, is_over

CONFIRM_AFTER_MS = MINUTE_MS
OFFER_AFTER_MS = 2 * MINUTE_MS
HELPER_WAIT_MS = 30 * SECOND_MS
FETCH_MS = 30 * SECOND_MS
PEOPLE_OUTSIDE_AT_A_GLANCE = 20


@dataclass(frozen=True, slots=True)
class Setting:
    """What everybody in an invented day shares."""

    scene: Scene
    rules: DayRules
    parameters: InventedParameters
    behaviour: InventedBehaviour

    def on_post(self, post: Post) -> str:
        """Somebody with this post (whoever is first where nobody has it)."""
        staff = self.rules.staff
        return next((p.id for p in staff if post in p.posts), staff[0].id if staff else post)

    def ticket(self, ticket_id: str) -> Ticket:
        """A ticket as committed."""
        return self.scene.state.tickets[ticket_id]


def event_of(result: Result, kind: type[Event]) -> Event | None:
    """The first event of a kind in an answer; None in a refusal."""
    events = getattr(result, "events", ())
    return next((event for event in events if isinstance(event, kind)), None)


def visitor(setting: Setting, who: Visitor) -> Steps[None]:
    """From the door to the end of the visit, whatever the end is."""
    ticket_id, channels = yield from _joins(setting, who)
    if not ticket_id:
        return
    if who.is_absent:
        setting.behaviour.absent.add(ticket_id)
    if who.second_service:
        yield from ask(setting.on_post("lobby"), c.AddService(ticket_id, who.second_service))
    if setting.ticket(ticket_id).claimed_class:
        yield from until(setting.scene.now_ms + CONFIRM_AFTER_MS)
        if setting.ticket(ticket_id).claimed_class and setting.ticket(ticket_id).is_pending:
            yield from ask(setting.on_post("lobby"), c.ConfirmClass(ticket_id, "staff"))
    if channels and who.is_offered:
        yield from _is_offered(setting, who, ticket_id, channels[0])
    if who.steps_out_after_ms is not None:
        yield from _steps_out(setting, who, ticket_id)
    if who.is_absent and who.comes_back:
        yield from _comes_back(setting, ticket_id)
    yield from _loses_patience(setting, who, ticket_id)


def _joins(setting: Setting, who: Visitor) -> Steps[tuple[str, tuple[Channel, ...]]]:
    """Check, triage, ticket; the ticket's id and the channels that triage showed. No id: did not join."""
    state, parameters = setting.scene.state, setting.parameters
    if (
        who.is_easily_put_off
        and parameters.baulk_line is not None
        and len(state.line) >= parameters.baulk_line
    ):
        yield from ask("lobby", c.RecordBaulk())
        return "", ()
    visit_id = ""
    entry = setting.rules.regime.entry
    if entry.is_check_required:
        checked = yield from ask(setting.on_post("guard"), _check(who, is_read=entry.is_temperature_read))
        event = event_of(checked, EntryChecked)
        if not isinstance(event, EntryChecked) or not event.is_admitted:
            return "", ()
        visit_id = event.visit_id
    triage = c.RecordTriage(
        who.need, True, visit_id=visit_id, has_card=who.has_card, amount_minor=who.amount_minor
    )
    shown = event_of((yield from ask(setting.on_post("lobby"), triage)), Triaged)
    ids = shown.offers if isinstance(shown, Triaged) else ()
    channels = tuple(rule.channel for rule in setting.rules.triage if rule.id in ids)
    wish = c.IssueTicket(
        who.service,
        visit_id=visit_id,
        need=who.need,
        class_code=who.class_code,
        class_basis="claimed" if who.is_claimed else "staff",
        handling=who.handling,
    )
    issued = event_of((yield from ask("kiosk" if who.is_claimed else "lobby", wish)), TicketIssued)
    if isinstance(issued, TicketIssued):
        return issued.ticket_id, channels
    if visit_id:
        yield from ask(setting.on_post("guard"), c.LeaveVisit(visit_id))
    else:
        yield from ask("lobby", c.RecordBaulk())
    return "", ()


def _check(who: Visitor, *, is_read: bool) -> c.RecordEntryCheck:
    if is_read and who.is_feverish:
        return c.RecordEntryCheck("place_code", "refer", "at_limit_or_above")
    return c.RecordEntryCheck("place_code", "admit", "below_limit" if is_read else None)


def _is_offered(setting: Setting, who: Visitor, ticket_id: str, channel: Channel) -> Steps[None]:
    """A lobby manager offers another way; the place in line is kept meanwhile."""
    yield from until(setting.scene.now_ms + OFFER_AFTER_MS)
    if setting.ticket(ticket_id).status is not TicketStatus.WAITING:
        return
    lobby = setting.on_post("lobby")
    offered = event_of((yield from ask(lobby, c.OfferDiversion(ticket_id, channel))), DiversionOffered)
    if not isinstance(offered, DiversionOffered):
        return
    diversion_id = offered.diversion_id
    yield from until(setting.scene.now_ms + HELPER_WAIT_MS)
    if not _stands(setting.scene.state, diversion_id, DiversionStatus.OFFERED):
        return
    if not who.takes_offers:
        yield from ask(lobby, c.DeclineDiversion(diversion_id))
        return
    yield from ask(lobby, c.AcceptDiversion(diversion_id, lobby))
    if not _stands(setting.scene.state, diversion_id, DiversionStatus.ACCEPTED):
        return
    yield from ask(lobby, c.StartDiversion(diversion_id))
    yield from until(setting.scene.now_ms + who.elsewhere_ms)
    if not _stands(setting.scene.state, diversion_id, DiversionStatus.STARTED):
        return
    if who.succeeds_elsewhere:
        yield from ask(lobby, c.CompleteDiversion(diversion_id, is_customer_operated=True))
    else:
        yield from ask(lobby, c.FailDiversion(diversion_id, "did_not_work"))


def _stands(state: HallState, diversion_id: str, status: DiversionStatus) -> bool:
    return state.diversions[diversion_id].status is status


def _steps_out(setting: Setting, who: Visitor, ticket_id: str) -> Steps[None]:
    yield from until(setting.scene.now_ms + (who.steps_out_after_ms or 0))
    if setting.ticket(ticket_id).status is not TicketStatus.WAITING:
        return
    lobby = setting.on_post("lobby")
    yield from ask(lobby, c.HoldTicket(ticket_id, lobby))
    if setting.ticket(ticket_id).status is not TicketStatus.HELD:
        return
    yield from until(setting.scene.now_ms + who.away_ms)
    ticket = setting.ticket(ticket_id)
    if ticket.status is TicketStatus.HELD:
        is_late = setting.scene.now_ms > ticket.held_until_ms
        yield from ask(lobby, c.ResumeTicket(ticket_id, lobby if is_late else ""))


def _comes_back(setting: Setting, ticket_id: str) -> Steps[None]:
    """Absent when called, back some minutes later: reinstated at the original place."""
    while setting.ticket(ticket_id).is_pending:
        yield from until(setting.scene.now_ms + MINUTE_MS)
    if setting.ticket(ticket_id).status is not TicketStatus.NO_SHOW:
        return
    yield from until(setting.scene.now_ms + NO_SHOW_BACK_MS)
    if setting.scene.state.is_ended:
        return
    setting.behaviour.absent.discard(ticket_id)
    yield from ask(setting.on_post("lobby"), c.Reinstate(ticket_id, "came_back"))


def _loses_patience(setting: Setting, who: Visitor, ticket_id: str) -> Steps[None]:
    yield from until(who.arrives_ms + who.patience_ms)
    if setting.ticket(ticket_id).status is TicketStatus.WAITING:
        yield from ask(setting.on_post("lobby"), c.MarkReneged(ticket_id))


def guard(setting: Setting) -> Steps[None]:
    """Lets people in who wait outside, in the order in which they joined, while there is room."""
    scene = setting.scene
    while not scene.state.is_ended:
        if scene.state.doors is not Doors.NOT_YET:
            outside = [
                v.id
                for v in scene.state.visits.values()
                if v.is_admitted
                and (v.is_checked or not setting.rules.regime.entry.is_check_required)
                and not v.is_inside
                and not v.has_left
                and not _is_held(scene.state, v.ticket_id)
            ]
            for visit_id in outside[:PEOPLE_OUTSIDE_AT_A_GLANCE]:
                result = yield from ask(setting.on_post("guard"), c.LetIn(visit_id))
                if getattr(result, "code", "") == "hall_full":
                    break
        yield from until(scene.now_ms + GLANCE_MS * 3)


def _is_held(state: HallState, ticket_id: str) -> bool:
    return bool(ticket_id) and state.tickets[ticket_id].status is TicketStatus.HELD


def lobby(setting: Setting, services: tuple[str, ...]) -> Steps[None]:
    """Fetches customers who are called with an escort; after closing, tickets for those on the roll."""
    scene, me = setting.scene, setting.on_post("lobby")
    while not is_over(scene.state):
        task = next((t for t in scene.state.escorts.values() if t.status is TaskStatus.OPEN), None)
        roll = _without_ticket(scene.state)
        if task is not None:
            yield from ask(me, c.TakeEscort(task.id, me))
            yield from until(scene.now_ms + FETCH_MS)
            if scene.state.escorts[task.id].status is TaskStatus.TAKEN:
                yield from ask(me, c.FinishEscort(task.id, is_found=True))
        elif roll:
            yield from _serves_roll(setting, roll, services[0])
        else:
            yield from until(scene.now_ms + GLANCE_MS, or_news=True)


def _serves_roll(setting: Setting, visit_id: str, service_id: str) -> Steps[None]:
    """The two steps of the door for somebody who stood outside at closing; who cannot join is seen off."""
    entry = setting.rules.regime.entry
    if entry.is_check_required and not setting.scene.state.visits[visit_id].is_checked:
        temperature: Literal["below_limit"] | None = "below_limit" if entry.is_temperature_read else None
        check = c.RecordEntryCheck("staff_form", "admit", temperature, visit_id=visit_id)
        yield from ask(setting.on_post("guard"), check)
    wish = c.IssueTicket(service_id, visit_id=visit_id, override_reason="on_the_roll")
    result = yield from ask(setting.on_post("lobby"), wish)
    if isinstance(result, Refusal):
        yield from ask(setting.on_post("guard"), c.LeaveVisit(visit_id))
    yield from until(setting.scene.now_ms + GLANCE_MS)


def _without_ticket(state: HallState) -> str:
    """Somebody on the closing roll who has no ticket yet; before closing they are looked after otherwise."""
    if state.doors is not Doors.CLOSED:
        return ""
    return next((v.id for v in state.visits.values() if v.is_pending), "")


def takes_break(setting: Setting, seat: Seat) -> Steps[None]:
    """A teller's break, if the counter is theirs at that moment."""
    scene = setting.scene
    counter = scene.state.counters.get(seat.counter_id)
    if counter is None or counter.person_id != seat.person_id or not counter.is_calling:
        return
    yield from ask(seat.person_id, c.PauseCounter(seat.counter_id, "break"))
    yield from until(scene.now_ms + setting.parameters.break_minutes * MINUTE_MS)
    counter = scene.state.counters[seat.counter_id]
    if counter.person_id == seat.person_id and counter.pause_reason and not counter.is_closing:
        yield from ask(seat.person_id, c.ResumeCounter(seat.counter_id))


def noon_pause(setting: Setting, reason: str) -> Steps[None]:
    """The hall stops calling for a while; the line is kept."""
    scene, manager = setting.scene, setting.on_post("manager")
    resume_ms = scene.now_ms + setting.parameters.noon_pause_minutes * MINUTE_MS
    yield from ask(manager, c.PauseHall(reason, resume_ms))
    yield from until(resume_ms)
    if scene.state.pause_reason:
        yield from ask(manager, c.ResumeHall())

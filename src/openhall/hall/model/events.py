"""What happens in a hall. Names are past tense; nothing here says who a customer is, or why treated so."""

from __future__ import annotations

from openhall.hall.model.appointment_events import AppointmentBooked as AppointmentBooked
from openhall.hall.model.appointment_events import AppointmentCancelled as AppointmentCancelled
from openhall.hall.model.appointment_events import AppointmentCheckedIn as AppointmentCheckedIn
from openhall.hall.model.appointment_events import AppointmentMissed as AppointmentMissed
from openhall.hall.model.appointment_events import AppointmentsOffered as AppointmentsOffered
from openhall.hall.model.ring_events import ColleagueRung as ColleagueRung
from openhall.hall.model.ring_events import RingEscalated as RingEscalated
from openhall.hall.model.ring_events import RingFinished as RingFinished
from openhall.hall.model.ring_events import RingTaken as RingTaken
from openhall.hall.plan import PlannedDay
from openhall.hall.policy import DayRules
from openhall.hall.told import JoiningWait, Move, RoomLeft, TicketWait, ToldAtIssue
from openhall.kernel.event import Event
from openhall.network.model import Channel, Handling, Post

# --- the day -----------------------------------------------------------------------------------------


class DayOpened(Event, frozen=True):
    """The day began under these rules; they hold till its end whatever the configuration becomes."""

    rules: DayRules


class DoorsOpened(Event, frozen=True):
    """People may come in."""


class DoorsClosed(Event, frozen=True):
    """Nobody new; everybody on the roll is still served."""

    waiting_count: int
    visit_count: int


class DayEnded(Event, frozen=True):
    """Nobody was pending."""

    overtime_ms: int = 0
    """How long after the planned closing the day ended."""


class DayForceEnded(Event, frozen=True):
    """The day ended with people pending; their tickets end as unserved."""

    reason: str
    approved_by: str
    pending_count: int
    """People, with and without a ticket."""
    unserved: tuple[str, ...] = ()
    """Their tickets."""


class HallPaused(Event, frozen=True):
    """No calls till further notice; planned to go on at `resume_ms`."""

    reason: str
    resume_ms: int


class HallResumed(Event, frozen=True):
    """Calls go on."""


# --- the door ----------------------------------------------------------------------------------------


class EntryChecked(Event, frozen=True):
    """The entry check was completed. Joining counts from here, unless the visit had a place already."""

    visit_id: str
    method: str
    is_assisted: bool
    is_admitted: bool
    is_inside: bool
    party_size: int = 1


class AdmittedWithoutCheck(Event, frozen=True):
    """Somebody was let past the check."""

    visit_id: str
    reason: str
    approved_by: str
    is_inside: bool
    party_size: int = 1


class RollVisitAdded(Event, frozen=True):
    """Somebody in line outside at closing time has a place on the roll."""

    visit_id: str


class VisitLetIn(Event, frozen=True):
    """Somebody waiting outside came in."""

    visit_id: str


class VisitLeft(Event, frozen=True):
    """Somebody left without a ticket."""

    visit_id: str


# --- triage and tickets ------------------------------------------------------------------------------


class Triaged(Event, frozen=True):
    """A need was heard; the rules offered these channels."""

    need: str
    is_documents_ready: bool
    offers: tuple[str, ...] = ()
    """Ids of the triage rules whose offer was shown."""
    visit_id: str = ""
    ticket_id: str = ""


class TicketIssued(Event, frozen=True):
    """A number and a place."""

    ticket_id: str
    number: str
    visit_id: str
    service_id: str
    class_code: str
    claimed_class: str = ""
    need: str = ""
    handling: tuple[Handling, ...] = ()
    party_size: int = 1
    override_reason: str = ""
    is_inside: bool = True
    """Whether there was room inside, for a visit that begins with its ticket."""
    joined_ms: int = 0
    """When the place in the order counts from."""
    told: ToldAtIssue | None = None
    """What the customer was told about the wait [C16]."""
    appointment_id: str = ""
    appointment_ms: int = 0
    """When the appointment is, of somebody who has one."""
    counts_from_ms: int = 0
    """From when on the place counts by the appointment, where that is sooner; 0: it does not."""


class PaperTicketEntered(Event, frozen=True):
    """A number given on paper took its place in the order."""

    ticket_id: str
    number: str
    visit_id: str
    service_id: str
    class_code: str
    joined_ms: int
    claimed_class: str = ""
    handling: tuple[Handling, ...] = ()
    is_inside: bool = True


class ClassCorrected(Event, frozen=True):
    """A ticket's class was confirmed or corrected, and with it the key."""

    ticket_id: str
    class_code: str
    was: str
    basis: str
    reason: str


class ServiceAdded(Event, frozen=True):
    """One more service in the same visit."""

    ticket_id: str
    service_id: str


class ServiceTransferred(Event, frozen=True):
    """Another service, same place, same number."""

    ticket_id: str
    service_id: str
    was: str
    counter_id: str = ""
    """The counter that sent it on, if it was there."""


class HandlingSet(Event, frozen=True):
    """How a customer is to be treated."""

    ticket_id: str
    handling: tuple[Handling, ...]


class Baulked(Event, frozen=True):
    """Somebody did not join the line."""

    service_id: str = ""


# --- stepping out ------------------------------------------------------------------------------------


class TicketHeld(Event, frozen=True):
    """The place is kept until `until_ms`."""

    ticket_id: str
    until_ms: int
    contact_person: str
    counter_id: str = ""
    contact_ref: str = ""


class TicketResumed(Event, frozen=True):
    """Back in line at the original place."""

    ticket_id: str
    is_late: bool = False
    confirmed_by: str = ""
    is_inside: bool = True
    """False when the hall was full: the place is kept outside until the guard lets the customer in."""
    held_total_ms: int = 0
    """Time away by the customer's own wish so far, for the reports."""


class HoldLapsed(Event, frozen=True):
    """The window passed and the ticket ended; staff can still reinstate it."""

    ticket_id: str
    held_total_ms: int = 0


class TicketReneged(Event, frozen=True):
    """The customer left while waiting."""

    ticket_id: str
    held_total_ms: int = 0


class TicketReinstated(Event, frozen=True):
    """Back in line at the original place."""

    ticket_id: str
    reason: str
    is_inside: bool = True


# --- calling -----------------------------------------------------------------------------------------


class EscortOpened(Event, frozen=True):
    """Somebody is to be fetched: precedes the call it belongs to."""

    task_id: str
    ticket_id: str
    counter_id: str


class EscortTaken(Event, frozen=True):
    """A colleague is on the way."""

    task_id: str
    person_id: str


class EscortFinished(Event, frozen=True):
    """The colleague came to the counter with the customer, or without."""

    task_id: str
    is_found: bool


class TicketCalled(Event, frozen=True):
    """The hall calls a ticket to a counter."""

    ticket_id: str
    counter_id: str
    person_id: str
    grace_ms: int
    is_written: bool = False
    """Call with a large visual sign: the customer may not hear it."""
    out_of_order_reason: str = ""
    is_first: bool = True
    """The call that ends the wait: not a second service's, nor one after a reinstatement."""
    is_automatic: bool = False
    """By the clock, because the counter was free."""


class TicketRecalled(Event, frozen=True):
    """The same call again, with the grace of how the customer is to be treated by now."""

    ticket_id: str
    counter_id: str
    grace_ms: int


class ServiceStarted(Event, frozen=True):
    """The customer is at the counter."""

    ticket_id: str
    counter_id: str
    person_id: str


class ServiceFinished(Event, frozen=True):
    """One service is done. `next_service` waits at the same place."""

    ticket_id: str
    counter_id: str
    person_id: str
    next_service: str = ""


class TicketAbsent(Event, frozen=True):
    """A no-show."""

    ticket_id: str
    counter_id: str


class PaperCallEntered(Event, frozen=True):
    """A call made by voice, with its times as written down."""

    ticket_id: str
    counter_id: str
    person_id: str
    called_ms: int
    ended_ms: int
    outcome: str
    next_service: str = ""


# --- counters ----------------------------------------------------------------------------------------


class CounterOpened(Event, frozen=True):
    """A person sits at a counter."""

    counter_id: str
    person_id: str


class CounterHandedOver(Event, frozen=True):
    """Another person sits there now."""

    counter_id: str
    person_id: str
    was: str


class CounterPaused(Event, frozen=True):
    """No calls at this counter for a while."""

    counter_id: str
    reason: str


class CounterResumed(Event, frozen=True):
    """Calls again at this counter."""

    counter_id: str


class CounterClosing(Event, frozen=True):
    """Closes after the customer who is there."""

    counter_id: str


class CounterClosed(Event, frozen=True):
    """Nobody sits there."""

    counter_id: str


class AutoCallDelayed(Event, frozen=True):
    """No customer is called to this counter by itself until then."""

    counter_id: str
    reason: str
    until_ms: int


class AutoCallAllowed(Event, frozen=True):
    """Customers are called to this counter by themselves again."""

    counter_id: str


# --- diversion ---------------------------------------------------------------------------------------


class DiversionOffered(Event, frozen=True):
    """Another way was offered. `is_counted` is false for classes with elderly customers."""

    diversion_id: str
    ticket_id: str
    channel: Channel
    is_counted: bool


class DiversionAccepted(Event, frozen=True):
    """The customer agreed; the place is kept."""

    diversion_id: str
    helper: str = ""


class DiversionDeclined(Event, frozen=True):
    """The customer stays in line."""

    diversion_id: str


class DiversionStarted(Event, frozen=True):
    """Under way."""

    diversion_id: str


class DiversionCompleted(Event, frozen=True):
    """Done elsewhere, by the customer's own hand. `next_service` of the visit waits at the same place."""

    diversion_id: str
    ticket_id: str
    next_service: str = ""


class DiversionFailed(Event, frozen=True):
    """Back at the original place."""

    diversion_id: str
    reason: str


# --- care and opinion --------------------------------------------------------------------------------


class CareGiven(Event, frozen=True):
    """A seat, water, a lesson."""

    kind: str
    ticket_id: str = ""
    lesson: str = ""


class FeedbackGiven(Event, frozen=True):
    """Praise, a complaint or a rating."""

    kind: str
    ticket_id: str = ""
    service_id: str = ""
    person_id: str = ""
    score: int | None = None
    text_ref: str = ""


# --- what the twin says ------------------------------------------------------------------------------


class WaitsTold(Event, frozen=True):
    """From now on customers are told this. Who is not named is told what was told before; an event without
    anybody says that it all still holds."""

    as_of_ms: int
    tickets: tuple[TicketWait, ...] = ()
    joining: tuple[JoiningWait, ...] = ()
    room: RoomLeft | None = None


class AdviceGiven(Event, frozen=True):
    """What could be done, best first. It takes the place of earlier advice; nothing happens by it."""

    advice_id: str
    horizon_minutes: int
    late_ms: int
    moves: tuple[Move, ...] = ()


class AdviceTaken(Event, frozen=True):
    """Somebody decided to do it; what was done are the events after this one."""

    advice_id: str
    move: int


class AdviceDeclined(Event, frozen=True):
    """Somebody decided not to."""

    advice_id: str
    move: int
    reason: str


class AdviceReviewed(Event, frozen=True):
    """The horizon of advice is over. The three numbers are ms waited beyond the limit within it: expected
    when nothing was done, expected with the moves that were taken, and seen."""

    advice_id: str
    expected_ms: int
    expected_with_moves_ms: int
    seen_ms: int


# --- people and the plan -----------------------------------------------------------------------------


class PlanTaken(Event, frozen=True):
    """The day goes by this plan from now on."""

    plan: PlannedDay


class PersonReported(Event, frozen=True):
    """Somebody has come, has not come or has gone home."""

    person_id: str
    status: str


class BurstDeclared(Event, frozen=True):
    """More people come than the plan can bear."""

    reason: str


class BurstEnded(Event, frozen=True):
    """The plan can bear it again."""


class PeopleAsked(Event, frozen=True):
    """Colleagues are asked for."""

    request_id: str
    count: int
    until_ms: int
    skills: tuple[str, ...] = ()
    from_branch: str = ""
    person_id: str = ""


class RequestClosed(Event, frozen=True):
    """A request for colleagues has come to its end."""

    request_id: str
    outcome: str


class PersonLent(Event, frozen=True):
    """A colleague goes to another branch; what they may do there travels along."""

    person_id: str
    to_branch: str
    skills: tuple[str, ...]
    posts: tuple[Post, ...]
    arrives_ms: int
    until_ms: int
    request_id: str = ""


class PersonReceived(Event, frozen=True):
    """A colleague is on the way from another branch."""

    person_id: str
    from_branch: str
    skills: tuple[str, ...]
    posts: tuple[Post, ...]
    arrives_ms: int
    until_ms: int
    request_id: str = ""


class PersonReturned(Event, frozen=True):
    """A colleague from another branch has gone back."""

    person_id: str


class PersonBack(Event, frozen=True):
    """A colleague is back from another branch."""

    person_id: str


EVENTS: tuple[type[Event], ...] = tuple(
    kind
    for kind in list(globals().values())
    if isinstance(kind, type) and issubclass(kind, Event) and kind is not Event
)

"""What people can ask of the hall. One class, one intention; the docstring says who asks and when."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from openhall.hall.model.appointment_commands import BookAppointment as BookAppointment
from openhall.hall.model.appointment_commands import CancelAppointment as CancelAppointment
from openhall.hall.model.appointment_commands import CheckInAppointment as CheckInAppointment
from openhall.hall.model.appointment_commands import OfferAppointments as OfferAppointments
from openhall.hall.model.fields import (
    ClassBasis,
    HandlingList,
    Id,
    Moment,
    OptionalId,
    PartySize,
    Reason,
    TextRef,
)
from openhall.hall.model.ring_commands import FinishRing as FinishRing
from openhall.hall.model.ring_commands import RingForColleague as RingForColleague
from openhall.hall.model.ring_commands import TakeRing as TakeRing
from openhall.hall.plan import PlannedDay
from openhall.hall.policy import DayRules
from openhall.hall.told import JoiningWait, Move, RoomLeft, TicketWait
from openhall.kernel.event import Command
from openhall.network.model import Channel

EntryMethod = Literal["place_code", "gate", "identity_card", "staff_form"]

# --- the day -----------------------------------------------------------------------------------------


class OpenDay(Command, frozen=True):
    """Start a branch's day under one version of the bank's rules. The clock or the manager."""

    rules: DayRules


class OpenDoors(Command, frozen=True):
    """Let people in, as many as fit, in the order of joining. The guard or the manager, at opening time."""


class CloseDoors(Command, frozen=True):
    """Close the doors. Everybody in line, inside or outside, is put on the roll and will be served [C11]."""

    outside_count: Annotated[int, msgspec.Meta(ge=0, le=500)] = 0
    """People standing outside without a check or a ticket; each gets a place on the roll."""


class EndDay(Command, frozen=True):
    """End the day. Only possible when nobody is pending."""


class ForceEndDay(Command, frozen=True):
    """End the day although people are pending, with a reason and under a name (a power cut, say)."""

    reason: Reason
    approved_by: Id


class PauseHall(Command, frozen=True):
    """Stop calling for a while (noon disinfection); the line is kept, and people are told how long [C13]."""

    reason: Reason
    resume_ms: Moment


class ResumeHall(Command, frozen=True):
    """Call again."""


class Tick(Command, frozen=True):
    """Let time do its work: holds that ran out, missed appointments, rings that nobody took, and the next
    customer of a counter that calls by itself. The clock, when something is due."""


# --- the door ----------------------------------------------------------------------------------------


class RecordEntryCheck(Command, frozen=True):
    """The first of the two steps at the door [B1-B3]. The guard, in three taps, or a gate.

    `temperature` is the side of the limit, never the degrees; only where the regime has it read.
    `visit_id` checks somebody who has a place already: on the closing roll, or referred and measured again.
    """

    method: EntryMethod
    result: Literal["admit", "refer"]
    temperature: Literal["below_limit", "at_limit_or_above"] | None = None
    party_size: PartySize = 1
    visit_id: OptionalId = ""


class AdmitWithoutCheck(Command, frozen=True):
    """Let somebody past the check, with a reason and a name [B1]; on the closing roll, by `visit_id`."""

    reason: Reason
    approved_by: Id
    party_size: PartySize = 1
    visit_id: OptionalId = ""


class LetIn(Command, frozen=True):
    """Somebody who joined while the hall was full, or before the doors opened, comes in now. The guard."""

    visit_id: Id


class LeaveVisit(Command, frozen=True):
    """Somebody who was checked leaves without a ticket."""

    visit_id: Id


# --- triage and tickets ------------------------------------------------------------------------------


class RecordTriage(Command, frozen=True):
    """The lobby manager asks what is needed and what is ready; the rules answer with offers [C1, C9]."""

    need: Id
    is_documents_ready: bool
    visit_id: OptionalId = ""
    ticket_id: OptionalId = ""
    has_card: bool = False
    amount_minor: Annotated[int, msgspec.Meta(ge=0)] | None = None


class IssueTicket(Command, frozen=True):
    """The second step: a number and a place [C2]. The kiosk or the lobby manager.

    A class that must be confirmed and is only `claimed` waits for `ConfirmClass`; till then the ticket
    stands in the ordinary class [C18].
    """

    service_id: Id
    visit_id: OptionalId = ""
    need: OptionalId = ""
    class_code: OptionalId = ""
    class_basis: ClassBasis = "claimed"
    handling: HandlingList = ()
    party_size: PartySize = 1
    override_reason: Reason | None = None
    """Issue beyond the day's capacity; staff only [C10]."""


class ConfirmClass(Command, frozen=True):
    """Confirm the class a customer claimed. Staff, by sight or by document."""

    ticket_id: Id
    basis: Literal["staff", "document"]


class CorrectClass(Command, frozen=True):
    """Correct a ticket's class, with a reason. The only thing that ever changes a key."""

    ticket_id: Id
    class_code: Id
    basis: Literal["staff", "document"]
    reason: Reason


class AddService(Command, frozen=True):
    """One more thing to do in the same visit; done after the others, without a new wait at the end."""

    ticket_id: Id
    service_id: Id


class TransferService(Command, frozen=True):
    """The ticket belongs to another service and keeps its place and its number [C6]."""

    ticket_id: Id
    service_id: Id


class SetHandling(Command, frozen=True):
    """Note how a customer is to be treated [C5]."""

    ticket_id: Id
    handling: HandlingList


class RecordBaulk(Command, frozen=True):
    """Somebody looked at the line and went away without a ticket."""

    service_id: OptionalId = ""


# --- stepping out ------------------------------------------------------------------------------------


class HoldTicket(Command, frozen=True):
    """The customer steps out and keeps the place, until a time, with a named contact [C4]."""

    ticket_id: Id
    contact_person: Id
    contact_ref: TextRef = ""
    """Where the customer's own contact is kept, sealed, if the customer likes to leave one."""


class ResumeTicket(Command, frozen=True):
    """The customer is back. After the window, `confirmed_by` names the colleague who vouches."""

    ticket_id: Id
    confirmed_by: OptionalId = ""


class MarkReneged(Command, frozen=True):
    """The customer gave up waiting and left."""

    ticket_id: Id


class Reinstate(Command, frozen=True):
    """Bring a ticket back that was absent, had left, or whose hold ran out, at its original place [C6]."""

    ticket_id: Id
    reason: Reason


# --- calling -----------------------------------------------------------------------------------------


class CallNext(Command, frozen=True):
    """Call whoever is next for this counter. The teller."""

    counter_id: Id


class CallTicket(Command, frozen=True):
    """Call one ticket out of order, with a reason. The teller."""

    counter_id: Id
    ticket_id: Id
    reason: Reason


class Recall(Command, frozen=True):
    """Call the same ticket again."""

    counter_id: Id


class StartService(Command, frozen=True):
    """The customer is at the counter."""

    counter_id: Id


class FinishService(Command, frozen=True):
    """This service is done; the next of the visit, if any, waits at the same place."""

    counter_id: Id


class MarkNoShow(Command, frozen=True):
    """Called, called again, and absent after the grace."""

    counter_id: Id


class TakeEscort(Command, frozen=True):
    """A colleague goes to fetch a customer who was called [C5]."""

    task_id: Id
    person_id: Id


class FinishEscort(Command, frozen=True):
    """The customer has arrived with the colleague, or could not be found."""

    task_id: Id
    is_found: bool


# --- counters ----------------------------------------------------------------------------------------


class OpenCounter(Command, frozen=True):
    """Somebody sits down and opens a counter [C7]."""

    counter_id: Id
    person_id: Id


class HandOverCounter(Command, frozen=True):
    """Another person takes the seat; the customer at the counter stays."""

    counter_id: Id
    person_id: Id


class PauseCounter(Command, frozen=True):
    """No further calls for a while, with a reason. A customer at the counter is finished first."""

    counter_id: Id
    reason: Reason


class ResumeCounter(Command, frozen=True):
    """Call again at this counter."""

    counter_id: Id


class CloseCounter(Command, frozen=True):
    """Close after the current customer, or at once when there is none."""

    counter_id: Id


class DelayAutoCall(Command, frozen=True):
    """Not yet: no customer is called to this counter by itself for a while. The teller, with a reason."""

    counter_id: Id
    seconds: Annotated[int, msgspec.Meta(ge=10, le=3_600)]
    reason: Literal["one_moment", "paperwork", "counting_cash", "equipment", "other"] = "one_moment"


class AllowAutoCall(Command, frozen=True):
    """Customers may be called to this counter by themselves again."""

    counter_id: Id


# --- diversion ---------------------------------------------------------------------------------------


class OfferDiversion(Command, frozen=True):
    """Offer another way to get the same thing done [C8]. Always an offer."""

    ticket_id: Id
    channel: Channel


class AcceptDiversion(Command, frozen=True):
    """The customer says yes; the place in line is kept meanwhile. To an ATM a named helper comes along."""

    diversion_id: Id
    helper: OptionalId = ""


class DeclineDiversion(Command, frozen=True):
    """The customer would rather wait for a person."""

    diversion_id: Id


class StartDiversion(Command, frozen=True):
    """The helper and the customer are there, or the remote teller has taken over."""

    diversion_id: Id


class CompleteDiversion(Command, frozen=True):
    """Done elsewhere. `is_customer_operated`: the customer, not the helper, used the machine or the phone."""

    diversion_id: Id
    is_customer_operated: bool


class FailDiversion(Command, frozen=True):
    """It did not work; the customer is back in line at the original place."""

    diversion_id: Id
    reason: Reason


# --- by hand, care and opinion -----------------------------------------------------------------------


class EnterPaperTicket(Command, frozen=True):
    """A number that was given on paper while the machine was down, entered into the same order [C12].

    `visit_id` for somebody who had been checked in before: the place is that of the check.
    """

    paper_number: Annotated[int, msgspec.Meta(ge=1, le=9_999)]
    service_id: Id
    joined_ms: Moment
    visit_id: OptionalId = ""
    class_code: OptionalId = ""
    class_basis: ClassBasis = "claimed"
    handling: HandlingList = ()


class EnterPaperCall(Command, frozen=True):
    """A call that was made by voice while the machine was down, entered afterwards [C12]."""

    ticket_id: Id
    counter_id: Id
    person_id: Id
    called_ms: Moment
    ended_ms: Moment
    outcome: Literal["served", "no_show"]


class RecordCare(Command, frozen=True):
    """A seat, water or a short lesson while waiting; never at the cost of the place [C14]."""

    kind: Literal["seat", "water", "lesson"]
    ticket_id: OptionalId = ""
    lesson: OptionalId = ""


class RecordFeedback(Command, frozen=True):
    """Praise, a complaint or a rating, tied to the ticket, the service and the person [C15].

    What was said in words is kept apart under `text_ref`.
    """

    kind: Literal["praise", "complaint", "rating"]
    ticket_id: OptionalId = ""
    service_id: OptionalId = ""
    person_id: OptionalId = ""
    score: Annotated[int, msgspec.Meta(ge=1, le=5)] | None = None
    text_ref: TextRef = ""


# --- what the twin says ------------------------------------------------------------------------------


class TellWaits(Command, frozen=True):
    """Put on record what customers are told from now on about their waits, and how many more can be served
    today [C10, C16]. The clockwork, with the twin's answer."""

    as_of_ms: Moment
    """The moment that the hall was forked at: the waits count from it."""
    tickets: Annotated[tuple[TicketWait, ...], msgspec.Meta(max_length=5_000)] = ()
    joining: Annotated[tuple[JoiningWait, ...], msgspec.Meta(max_length=100)] = ()
    room: RoomLeft | None = None


class GiveAdvice(Command, frozen=True):
    """Put on record what could be done now and what it would save [D5]. The clockwork, with the twin's
    answer."""

    horizon_minutes: Annotated[int, msgspec.Meta(ge=5, le=480)]
    late_ms: Annotated[int, msgspec.Meta(ge=0)]
    """Expected waiting beyond the limit within the horizon when nothing is done."""
    moves: Annotated[tuple[Move, ...], msgspec.Meta(max_length=20)] = ()


class TakeAdvice(Command, frozen=True):
    """Do what is advised: open the window with this person, close it, make the offer. One tap, by a
    person."""

    advice_id: Id
    move: Annotated[int, msgspec.Meta(ge=0, le=19)]


class DeclineAdvice(Command, frozen=True):
    """Not now, and why: advice is measured too."""

    advice_id: Id
    move: Annotated[int, msgspec.Meta(ge=0, le=19)]
    reason: Literal["person_busy", "not_needed", "rather_other", "customer_first", "other"]


class ReviewAdvice(Command, frozen=True):
    """Put on record what became of advice when its horizon is over. The clockwork."""

    advice_id: Id


# --- people and the plan -----------------------------------------------------------------------------


class TakePlan(Command, frozen=True):
    """Work by this published plan from now on [D3]. The clockwork, when the day opens or a plan is published
    anew."""

    plan: PlannedDay


class ReportPerson(Command, frozen=True):
    """Say who has come, has not come or has gone home. The lobby or the manager [D5]."""

    person_id: Id
    status: Literal["present", "absent", "left"]


class DeclareBurst(Command, frozen=True):
    """Say that more people come than the plan can bear: every post looks for moves [W10]. The lobby or the
    manager."""

    reason: Literal["crowd", "news", "system_down", "payment_day", "other"]


class EndBurst(Command, frozen=True):
    """Say that the burst is over. The lobby or the manager."""


class AskForPeople(Command, frozen=True):
    """Ask neighbouring branches and head office for colleagues [D6, W24]. The manager or the lobby."""

    count: Annotated[int, msgspec.Meta(ge=1, le=20)]
    until_ms: Moment
    skills: Annotated[tuple[Id, ...], msgspec.Meta(max_length=20)] = ()
    """Services that they should be able to do; empty for any."""
    from_branch: OptionalId = ""
    person_id: OptionalId = ""
    """Somebody in particular, where the plan knows whom."""


class CloseRequest(Command, frozen=True):
    """Nobody needs to be sent any more, or nobody can be. Who asked, or head office."""

    request_id: Id
    outcome: Literal["withdrawn", "declined", "filled"]


class LendPerson(Command, frozen=True):
    """Send a colleague to another branch [D6]. The manager of the branch that lends, or head office."""

    person_id: Id
    to_branch: Id
    arrives_ms: Moment
    until_ms: Moment
    request_id: OptionalId = ""


class ReceivePerson(Command, frozen=True):
    """A colleague is on the way from another branch, with only the rights that the help needs. The clockwork,
    once the other branch has sent somebody."""

    person_id: Id
    from_branch: Id
    skills: Annotated[tuple[Id, ...], msgspec.Meta(max_length=50)]
    posts: Annotated[tuple[Literal["teller", "lobby"], ...], msgspec.Meta(min_length=1, max_length=2)]
    arrives_ms: Moment
    until_ms: Moment
    request_id: OptionalId = ""


class ReturnPerson(Command, frozen=True):
    """A colleague from another branch goes back. The manager or the lobby of the branch that was helped."""

    person_id: Id


class TakeBackPerson(Command, frozen=True):
    """A colleague is back from another branch. The clockwork, once that branch has let go."""

    person_id: Id


COMMANDS: tuple[type[Command], ...] = tuple(
    kind
    for kind in list(globals().values())
    if isinstance(kind, type) and issubclass(kind, Command) and kind is not Command
)

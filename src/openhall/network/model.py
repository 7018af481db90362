"""The bank as data. Every value here was checked by `network.loading`; nothing below re-checks it."""

from __future__ import annotations

from datetime import date
from typing import Literal

import msgspec

from openhall.kernel.text import Text
from openhall.network.alerts import AlertPolicy, NoticePolicy
from openhall.network.guides import Guide
from openhall.network.hall_policies import AppointmentPolicy, AutoCallPolicy, RingPolicy
from openhall.network.hours import Hours
from openhall.network.staffing import (
    Contract,
    LabourRules,
    Leave,
    Neighbour,
    PensionDay,
    Reopening,
    Shift,
    StaffingPolicy,
    Wish,
)

Channel = Literal["atm", "mobile", "cloud", "phone", "branch", "another_day"]
"""Where a customer can be sent instead of a counter [C8]."""

Handling = Literal["seat", "escort", "step_free", "written", "language", "accompany"]
"""How a person is to be treated, never why [C5]: `written` for a written card and a large visual call,
`accompany` for somebody who came alone and should not be left alone."""

Post = Literal["teller", "lobby", "guard", "manager", "authoriser", "remote"]
Role = Literal[
    "kiosk",
    "display",
    "gate",
    "guard",
    "teller",
    "lobby",
    "manager",
    "operations",
    "privacy",
    "administrator",
]
"""The first three are devices. `privacy` answers customers of every branch who ask what is kept of them.
`administrator` looks after accounts, devices and configuration at head office
and serves nobody."""


class PriorityClass(msgspec.Struct, frozen=True):
    """A queue class. `code` is opaque: it never says why somebody is in it [C3, C18]."""

    code: str
    name: Text
    head_start_minutes: int = 0
    rank: int = 0
    """Smaller is called first under strict classes; unused under head starts."""
    needs_confirmation: bool = False
    """A class chosen at a kiosk counts only after staff or a document confirmed it."""
    is_counted_in_diversion: bool = True
    """False for classes that elderly customers are in: they are never part of a diversion target."""


class Need(msgspec.Struct, frozen=True):
    """What a customer comes for: `withdraw_cash` under the service `cash`."""

    code: str
    name: Text
    documents: tuple[Text, ...] = ()
    """What to have ready; read out and printed at triage."""


class Service(msgspec.Struct, frozen=True):
    """A queue of the hall. Its letter leads the ticket number and stays with it for good."""

    id: str
    letter: str
    name: Text
    needs: tuple[Need, ...]
    mean_minutes: float
    """Service time to start from while the day has shown no pace of its own."""


class TriageRule(msgspec.Struct, frozen=True):
    """When all its conditions hold, a channel is offered. Always an offer, never an order [C9]."""

    id: str
    needs: tuple[str, ...]
    channel: Channel
    says: Text
    requires_card: bool = False
    amount_at_most_minor: int | None = None


class Counter(msgspec.Struct, frozen=True):
    """A physical service position ("window" in the interface) [C7]."""

    id: str
    number: int
    services: tuple[str, ...]
    classes: tuple[str, ...] = ()
    """Empty means every class."""
    equipment: tuple[str, ...] = ()
    is_elastic: bool = False
    is_auto_call: bool | None = None
    """Whether the next customer is called by itself; left out, as in the branch."""


class Person(msgspec.Struct, frozen=True):
    """Somebody on the staff, with the services they can serve and the posts they are trained for."""

    id: str
    name: str
    branch: str
    skills: tuple[str, ...]
    posts: tuple[Post, ...]
    contract: str = ""
    """Empty is the first contract."""
    is_key_holder: bool = False
    can_be_lent: bool = False
    """May help out at a neighbouring branch [D6]."""


class EntryPolicy(msgspec.Struct, frozen=True):
    """The rules at the door [B1-B4]."""

    is_check_required: bool
    checkin_minutes_before: int = 30
    is_temperature_read: bool = False
    fever_limit_celsius: float = 37.3
    fever_path: Text = Text(
        en="Please follow our colleague to the side room: we serve you there, or by phone.",
        zh="请随工作人员到旁边的接待室，我们在那里或通过电话为您办理。",
    )
    """Where somebody who is not admitted goes. Never a silent refusal."""
    inside_limit: int | None = None
    """People inside at one time; beyond it the line goes on outside."""


class HoldPolicy(msgspec.Struct, frozen=True):
    """Stepping out and coming back [C4]."""

    window_minutes: int = 30
    when_late: Literal["keep", "confirm", "lapse"] = "confirm"
    """After the window: the place stands as if in time; a named colleague must confirm it;
    or the ticket ends (and can still be reinstated with a reason)."""
    times_at_most: int = 3


class CallPolicy(msgspec.Struct, frozen=True):
    """Calling and no-shows [C5, C6]."""

    grace_seconds: int = 60
    grace_seconds_flagged: int = 240
    """For somebody who is called with an escort or in writing."""
    recalls_at_least: int = 1
    """A no-show needs that many further calls first."""
    reinstate_minutes: int = 60
    shown_seconds: int = 20
    """A called number stays in sight at least so long."""
    shown_seconds_written: int = 60
    """The same for somebody who may not hear the call: large, and by itself."""


class OrderPolicy(msgspec.Struct, frozen=True):
    """Who is before whom: head starts (bounded, the default) or strict classes."""

    kind: Literal["head_start", "strict"] = "head_start"


class CapacityPolicy(msgspec.Struct, frozen=True):
    """Limits of a day [C10]."""

    tickets_daily: int | None = None
    waiting_at_most: int = 2_000
    is_computed: bool = True
    """Whether somebody whom today's counters can hardly reach any more is offered another way first. Needs
    the twin; without it only the fixed numbers count."""
    overtime_minutes: int = 30
    """How long after closing the counters may go on for those who have a ticket."""
    sure_percent: int = 90
    """A ticket counts as reachable when that many of a hundred simulated days reach it."""


class WaitPolicy(msgspec.Struct, frozen=True):
    """What is said about waits [C16], and from when on one is late [D5]."""

    told_at_most_minutes: int = 120
    """A longer wait is told as "more than" so many minutes: nobody can promise it better."""
    late_after_minutes: int = 30


class ReportPolicy(msgspec.Struct, frozen=True):
    """What the day's report shows. No binding number for waits was found: the usual four are a start."""

    within_minutes: tuple[int, ...] = (10, 15, 20, 30)
    """Shares of customers called within so many minutes, smallest first."""


ConsentKind = Literal["contact", "notice", "appointment"]
"""What a customer is asked for: a contact for a place kept in line, for messages about a number, for an
appointment. Praise and complaint in words are given unasked."""


class ConsentText(msgspec.Struct, frozen=True):
    """What customers are told, word for word, before they leave something of one kind with the bank."""

    kind: ConsentKind
    text: Text


DEFAULT_CONSENTS: tuple[ConsentText, ...] = (
    ConsentText(
        "contact",
        Text(
            en="We keep this only to reach you about your place in line today. Nobody else gets it, it is"
            " not used for anything else, and it is deleted by itself, or at once if you ask us.",
            zh="我们只用它在今天就您的排队位置联系您，不提供给他人，不作其他用途；到期自动删除，您随时可以要求立即删除。",
        ),
    ),
    ConsentText(
        "notice",
        Text(
            en="We use this only to send you messages about your number today. Nobody else gets it, it is"
            " not used for anything else, and it is deleted by itself, or at once if you ask us.",
            zh="我们只用它向您发送今天号码的提醒，不提供给他人，不作其他用途；到期自动删除，您随时可以要求立即删除。",
        ),
    ),
    ConsentText(
        "appointment",
        Text(
            en="We use this only for your appointment: to remind you, and to tell you of changes. Nobody else"
            " gets it, it is not used for anything else, and it is deleted when the day is over, or at once"
            " if you ask us.",
            zh="我们只将它用于您的预约：提醒您，以及有变动时通知您。不提供给他人，不作其他用途；预约当天过后自动删除，您随时可以要求立即删除。",
        ),
    ),
)
"""What is shown where the bank has no words of its own for a kind."""


class PrivacyPolicy(msgspec.Struct, frozen=True):
    """How long what is known about a person is kept, and what the person is told before [B5]."""

    keep_days: int = 14
    consents: tuple[ConsentText, ...] = DEFAULT_CONSENTS
    """The bank's own, one a kind. Each wording is kept under its own version."""

    @property
    def wordings(self) -> tuple[ConsentText, ...]:
        """One of every kind: ours where the bank has none, so that nobody is asked for something unasked."""
        own = {text.kind for text in self.consents}
        return (*self.consents, *(text for text in DEFAULT_CONSENTS if text.kind not in own))


class Regime(msgspec.Struct, frozen=True):
    """An operating regime: what changes when the rules at the door change [A2]."""

    id: str
    name: Text
    entry: EntryPolicy
    capacity: CapacityPolicy = CapacityPolicy()


class RegimePeriod(msgspec.Struct, frozen=True):
    """From when to when (both included) a regime holds, and where (empty: everywhere)."""

    regime: str
    first: date
    last: date
    branches: tuple[str, ...] = ()


class DayException(msgspec.Struct, frozen=True):
    """A date on which a branch differs: closed (no hours) or other hours, with the reason [A4]."""

    date: date
    reason: Text
    hours: Hours | None = None


class Branch(msgspec.Struct, frozen=True):
    """One branch."""

    id: str
    name: Text
    address: Text
    timezone: str
    week: tuple[Hours | None, ...]
    """Seven entries, Monday first; None is a closed day."""
    counters: tuple[Counter, ...]
    exceptions: tuple[DayException, ...] = ()
    tickets_daily: int | None = None
    """Overrides the regime's daily capacity."""
    inside_limit: int | None = None
    is_auto_call: bool | None = None
    """Whether the next customer is called by itself; left out, as in the bank."""


class Bank(msgspec.Struct, frozen=True):
    """The whole bank, as one version of its configuration."""

    name: Text
    currency: str
    branches: tuple[Branch, ...]
    services: tuple[Service, ...]
    classes: tuple[PriorityClass, ...]
    """The first is the ordinary class."""
    people: tuple[Person, ...]
    regimes: tuple[Regime, ...]
    """The first holds where no period names another."""
    periods: tuple[RegimePeriod, ...] = ()
    triage: tuple[TriageRule, ...] = ()
    order: OrderPolicy = OrderPolicy()
    hold: HoldPolicy = HoldPolicy()
    call: CallPolicy = CallPolicy()
    waits: WaitPolicy = WaitPolicy()
    report: ReportPolicy = ReportPolicy()
    privacy: PrivacyPolicy = PrivacyPolicy()
    appointments: AppointmentPolicy = AppointmentPolicy()
    auto_call: AutoCallPolicy = AutoCallPolicy()
    ring: RingPolicy = RingPolicy()
    pause_reasons: tuple[str, ...] = ("break", "disinfection", "cash", "equipment", "other")
    lessons: tuple[Need, ...] = ()
    """Short lessons offered while waiting [C14]."""
    guides: tuple[Guide, ...] = ()
    """Step by step, for customers' phones, the ticket machine and the lobby's tablet [F6]."""
    holidays: str = ""
    """Country, and subdivision after a hyphen, whose public holidays move customers: "CN", "DE-BY"."""
    staffing: StaffingPolicy = StaffingPolicy()
    contracts: tuple[Contract, ...] = ()
    shifts: tuple[Shift, ...] = ()
    labour: tuple[LabourRules, ...] = ()
    leaves: tuple[Leave, ...] = ()
    wishes: tuple[Wish, ...] = ()
    pension_days: tuple[PensionDay, ...] = ()
    neighbours: tuple[Neighbour, ...] = ()
    reopenings: tuple[Reopening, ...] = ()
    alerts: AlertPolicy = AlertPolicy()
    notices: NoticePolicy = NoticePolicy()

    def branch(self, branch_id: str) -> Branch | None:
        """A branch by id."""
        return next((b for b in self.branches if b.id == branch_id), None)


class NetworkVersion(msgspec.Struct, frozen=True):
    """A bank and the name of its version: the first 12 hex digits of the SHA-256 of its canonical JSON."""

    version: str
    bank: Bank

"""The one table of rights. A command or screen that is not in a role's row is refused.

Commands are named by their class, as in the log and the HTTP interface, because rooms do not import each
other; a test holds the names against the hall's own list.
"""

from __future__ import annotations

from typing import Final, Literal

from openhall.kernel.event import SYSTEM, Command
from openhall.kernel.refusal import Refusal, refusals
from openhall.network.model import Role

Screen = Literal[
    "kiosk",
    "display",
    "guard",
    "counter",
    "lobby",
    "branch",
    "network",
    "personal",
    "plan",
    "appointments",
    "report",
    "alerts",
    "devices",
    "accounts",
    "configuration",
    "approvals",
    "messages",
    "health",
    "access",
]
"""`branch` is the live view of one hall, `network` the board over all, `personal` the sealed data,
`access` who signed in and who changed whose account, `plan` who works when, `report` the ended days in
numbers."""

Action = Literal[
    "accounts.manage",
    "alerts.acknowledge",
    "appointments.book",
    "approvals.decide",
    "configuration.change",
    "configuration.propose",
    "devices.manage",
    "gate.report",
    "messages.send",
    "metrics.read",
    "personal.export",
    "personal.keep",
    "plans.change",
]
"""What else somebody may do besides commands of the hall and looking at screens."""

REFUSALS: Final = refusals(
    role_may_not=(
        "Your role may not do this.",
        "Ask somebody with the role for it, such as the lobby manager.",
    ),
    branch_not_yours=("Your account belongs to another branch.", "Sign in with an account of this branch."),
)

_TICKETS: Final = frozenset({"IssueTicket", "RecordBaulk"})
_DOOR: Final = frozenset(
    {"RecordEntryCheck", "AdmitWithoutCheck", "LetIn", "LeaveVisit", "OpenDoors", "CloseDoors", "SetHandling"}
)
_ESCORT: Final = frozenset({"TakeEscort", "FinishEscort", "TakeRing", "FinishRing"})
_BOOKING: Final = frozenset({"BookAppointment", "CancelAppointment"})
_CALLING: Final = frozenset(
    {"CallNext", "CallTicket", "Recall", "StartService", "FinishService", "MarkNoShow", "EnterPaperCall"}
)
_COUNTERS: Final = frozenset(
    {
        "OpenCounter",
        "HandOverCounter",
        "PauseCounter",
        "ResumeCounter",
        "CloseCounter",
        "DelayAutoCall",
        "AllowAutoCall",
    }
)
_PLACE: Final = frozenset({"AddService", "TransferService", "HoldTicket", "ResumeTicket", "MarkReneged"})
_CLASSES: Final = frozenset({"ConfirmClass", "CorrectClass", "Reinstate"})
_DIVERSION: Final = frozenset(
    {
        "OfferDiversion",
        "AcceptDiversion",
        "DeclineDiversion",
        "StartDiversion",
        "CompleteDiversion",
        "FailDiversion",
    }
)
_CARE: Final = frozenset({"RecordTriage", "RecordCare", "RecordFeedback"})
_ADVICE: Final = frozenset({"TakeAdvice", "DeclineAdvice"})
_PEOPLE: Final = frozenset(
    {"ReportPerson", "DeclareBurst", "EndBurst", "AskForPeople", "CloseRequest", "ReturnPerson"}
)
_DAY: Final = frozenset({"OpenDay", "EndDay", "PauseHall", "ResumeHall"})

_LOBBY: Final = (
    _DOOR
    | _TICKETS
    | _ESCORT
    | _PLACE
    | _CLASSES
    | _DIVERSION
    | _CARE
    | _ADVICE
    | _PEOPLE
    | _BOOKING
    | {"EnterPaperTicket", "EnterPaperCall", "CheckInAppointment", "RingForColleague"}
)
_MANAGER: Final = _LOBBY | _CALLING | _COUNTERS | _DAY | {"ForceEndDay", "LendPerson"}

COMMANDS: Final[dict[Role, frozenset[str]]] = {
    "kiosk": _TICKETS | {"RecordFeedback", "CheckInAppointment", "RingForColleague"},
    "display": frozenset(),
    "gate": frozenset(),
    "guard": _DOOR | _ESCORT | {"RecordBaulk", "CheckInAppointment", "RingForColleague"},
    "teller": _CALLING
    | _COUNTERS
    | _PLACE
    | _ESCORT
    | _BOOKING
    | {"ConfirmClass", "Reinstate", "OfferDiversion", "DeclineDiversion", "SetHandling", "RecordFeedback"}
    | {"RingForColleague"},
    "lobby": _LOBBY | {"PauseHall", "ResumeHall", "OpenCounter", "HandOverCounter", "CloseCounter"},
    "manager": _MANAGER,
    # Head office opens and plans days; it calls nobody and moves nobody's place.
    "operations": _DAY
    | _BOOKING
    | {"OpenDoors", "CloseDoors", "ForceEndDay", "LendPerson", "AskForPeople", "CloseRequest"},
    "privacy": frozenset(),
    "administrator": frozenset(),
}
"""Which commands a role may issue."""

HOLDER: Final = "customer"
"""Who acts when the holder of a ticket's own page does, as the log names them: everybody alike."""

HOLDER_COMMANDS: Final[dict[str, dict[str, object]]] = {
    # Who comes back late is vouched for by a colleague, never by their own phone.
    "ResumeTicket": {"confirmed_by": ""},
    "HoldTicket": {"contact_ref": ""},
    "MarkReneged": {},
    "RingForColleague": {"place": "phone", "counter_id": ""},
    "RecordFeedback": {"service_id": "", "person_id": ""},
}
"""What the holder of a ticket's own page may ask for, and the fields that must be left at the value given
here. It reaches that one ticket and no other."""

FIELDS_KEPT: Final[dict[tuple[Role, str], dict[str, object]]] = {
    # A customer at the kiosk claims a class; only staff confirm one, or go beyond the day's capacity.
    ("kiosk", "IssueTicket"): {"class_basis": "claimed", "override_reason": None},
    ("kiosk", "CheckInAppointment"): {"class_basis": "claimed", "service_id": ""},
    ("kiosk", "RingForColleague"): {"place": "kiosk", "counter_id": ""},
}
"""Fields of a command that a role must leave at the value given here."""

BY_THE_CLOCK: Final = frozenset(
    {
        "Tick",
        "OpenDay",
        "OfferAppointments",
        "TellWaits",
        "GiveAdvice",
        "ReviewAdvice",
        "TakePlan",
        "ReceivePerson",
        "TakeBackPerson",
    }
)
"""Commands that openhall itself issues, as the actor `system`. Nobody else may let time pass."""

SCREENS: Final[dict[Role, frozenset[Screen]]] = {
    "kiosk": frozenset({"kiosk"}),
    "display": frozenset({"display"}),
    "gate": frozenset(),
    "guard": frozenset({"guard", "display"}),
    "teller": frozenset({"counter", "display", "branch", "appointments"}),
    "lobby": frozenset(
        {"kiosk", "lobby", "guard", "display", "branch", "personal", "plan", "appointments", "alerts"}
    ),
    "manager": frozenset(
        {
            "kiosk",
            "display",
            "guard",
            "counter",
            "lobby",
            "branch",
            "personal",
            "plan",
            "appointments",
            "report",
            "alerts",
            "devices",
            "accounts",
            "approvals",
            "configuration",
        }
    ),
    "operations": frozenset(
        {
            "display",
            "branch",
            "network",
            "plan",
            "appointments",
            "report",
            "alerts",
            "configuration",
            "approvals",
            "health",
        }
    ),
    "privacy": frozenset({"personal"}),
    "administrator": frozenset(
        {
            "access",
            "devices",
            "accounts",
            "configuration",
            "approvals",
            "report",
            "alerts",
            "messages",
            "health",
        }
    ),
}
"""Which screens a role may open."""

ACTIONS: Final[dict[Role, frozenset[Action]]] = {
    "kiosk": frozenset(),
    "display": frozenset(),
    "gate": frozenset({"gate.report"}),
    "guard": frozenset(),
    "teller": frozenset({"appointments.book"}),
    "lobby": frozenset({"appointments.book", "alerts.acknowledge", "personal.keep", "messages.send"}),
    "manager": frozenset(
        {
            "accounts.manage",
            "alerts.acknowledge",
            "appointments.book",
            "approvals.decide",
            "configuration.propose",
            "devices.manage",
            "messages.send",
            "personal.export",
            "personal.keep",
            "plans.change",
        }
    ),
    "operations": frozenset(
        {
            "alerts.acknowledge",
            "appointments.book",
            "approvals.decide",
            "configuration.change",
            "configuration.propose",
            "plans.change",
        }
    ),
    "privacy": frozenset({"personal.export", "personal.keep"}),
    "administrator": frozenset(
        {
            "accounts.manage",
            "approvals.decide",
            "configuration.change",
            "configuration.propose",
            "devices.manage",
            "metrics.read",
        }
    ),
}
"""What else a role may do."""

CHECKERS: Final[dict[str, Action]] = {"configuration": "configuration.change"}
"""What somebody must be allowed, besides `approvals.decide`, to decide on a proposal of that kind."""

ROLES: Final[tuple[Role, ...]] = tuple(COMMANDS)
BOUND_TO_NO_BRANCH: Final[frozenset[Role]] = frozenset({"operations", "privacy", "administrator"})


def may(role: Role, command_type: str) -> bool:
    """May this role issue the command of that class name?"""
    return command_type in COMMANDS[role]


def may_open(role: Role, screen: Screen) -> bool:
    """May this role open the screen?"""
    return screen in SCREENS[role]


def may_act(role: Role, action: Action) -> bool:
    """May this role do what the action names?"""
    return action in ACTIONS[role]


def refuse_reach(role: Role, own_branch: str | None, branch: str) -> Refusal | None:
    """Why an account has no business in a branch; None when it has."""
    return None if reaches(role, own_branch, branch) else Refusal("branch_not_yours", place=branch)


def refuse_action(role: Role, own_branch: str | None, *, action: Action, branch: str = "") -> Refusal | None:
    """Why somebody who is signed in may not do it, in a branch where one is named; None when they may."""
    if branch and (refusal := refuse_reach(role, own_branch, branch)):
        return refusal
    if not may_act(role, action):
        return Refusal("role_may_not", place=action, detail={"role": role})
    return None


def refuse_screen(role: Role, own_branch: str | None, *, screen: Screen, branch: str = "") -> Refusal | None:
    """Why somebody who is signed in may not look at a screen; None when they may."""
    if branch and (refusal := refuse_reach(role, own_branch, branch)):
        return refusal
    if not may_open(role, screen):
        return Refusal("role_may_not", place=screen, detail={"role": role})
    return None


def reaches(role: Role, own_branch: str | None, branch: str) -> bool:
    """Is the branch within an account's reach: its own, or any branch for head office?"""
    return role in BOUND_TO_NO_BRANCH or own_branch == branch


def refuse(role: Role, own_branch: str | None, *, branch: str, command: Command | str) -> Refusal | None:
    """Why somebody who is signed in may not issue a command in a branch; None when they may.

    Given the command itself, its fields are looked at too; given its name, only the name.
    """
    name = command if isinstance(command, str) else type(command).__name__
    if refusal := refuse_reach(role, own_branch, branch):
        return refusal
    if not may(role, name):
        return Refusal("role_may_not", place=name, detail={"role": role})
    for field, allowed in FIELDS_KEPT.get((role, name), {}).items():
        if getattr(command, field, allowed) != allowed:
            return Refusal("role_may_not", place=field, detail={"role": role})
    return None


def refuse_holder(ticket_id: str, command: Command) -> Refusal | None:
    """Why the holder of a ticket's page may not issue a command; None when they may."""
    name = type(command).__name__
    fields = HOLDER_COMMANDS.get(name)
    if fields is None:
        return Refusal("role_may_not", place=name, detail={"role": HOLDER})
    kept = {"ticket_id": ticket_id, **fields}
    wrong = next((field for field, value in kept.items() if getattr(command, field) != value), "")
    return Refusal("role_may_not", place=wrong, detail={"role": HOLDER}) if wrong else None


def may_system(actor: str, command_type: str) -> bool:
    """May openhall's own clockwork issue the command?"""
    return actor == SYSTEM and command_type in BY_THE_CLOCK

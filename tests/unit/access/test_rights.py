"""Has everybody the rights of their role, and only those?"""

import typing

import pytest

from openhall.access.rights import (
    BY_THE_CLOCK,
    COMMANDS,
    FIELDS_KEPT,
    ROLES,
    SCREENS,
    Screen,
    may,
    may_act,
    may_open,
    may_system,
    reaches,
    refuse,
)
from openhall.hall.model.commands import COMMANDS as HALL_COMMANDS
from openhall.hall.model.commands import IssueTicket
from openhall.kernel.event import SYSTEM
from openhall.network.model import Role

HALL_NAMES = {command.__name__ for command in HALL_COMMANDS}


@pytest.mark.parametrize("command", sorted(HALL_NAMES))
def test_every_command_of_the_hall_has_somebody_who_may_issue_it(command: str) -> None:
    assert command in BY_THE_CLOCK or any(may(role, command) for role in ROLES)


@pytest.mark.parametrize("role", ROLES)
def test_no_right_names_a_command_that_the_hall_does_not_know(role: Role) -> None:
    assert COMMANDS[role] <= HALL_NAMES


def test_every_role_has_its_row_in_both_tables() -> None:
    roles = set(typing.get_args(Role))
    assert set(COMMANDS) == roles
    assert set(SCREENS) == roles


def test_every_screen_can_be_opened_by_somebody() -> None:
    assert set(typing.get_args(Screen)) == set().union(*SCREENS.values())


@pytest.mark.parametrize(
    ("role", "command", "expected", "why"),
    [
        ("kiosk", "IssueTicket", True, "those who can help themselves"),
        ("kiosk", "ConfirmClass", False, "a class is confirmed by staff, never by a machine"),
        ("kiosk", "CallNext", False, "a machine in the hall calls nobody"),
        ("display", "CallNext", False, "a display only shows"),
        ("guard", "RecordEntryCheck", True, "three taps at the door"),
        ("guard", "CorrectClass", False, "the place in line is no matter for the door"),
        ("teller", "CallNext", True, "what a counter is for"),
        ("teller", "ForceEndDay", False, "a forced end needs the manager's name"),
        ("teller", "CorrectClass", False, "a correction changes the order of a line that the teller calls"),
        ("lobby", "CallNext", False, "who calls sits at a counter"),
        ("lobby", "HoldTicket", True, "hold and return"),
        ("manager", "CallNext", True, "a manager can stand in anywhere"),
        ("manager", "Tick", False, "nobody makes time pass"),
        ("operations", "OpenDay", True, "head office opens days"),
        ("operations", "CorrectClass", False, "head office moves nobody's place"),
    ],
)
def test_a_role_may_do_its_own_work(role: Role, command: str, expected: bool, why: str) -> None:
    assert may(role, command) == expected, why


def test_sealed_personal_data_is_for_staff_of_the_branch() -> None:
    assert {role for role in ROLES if may_open(role, "personal")} == {"lobby", "manager", "privacy"}
    over_all = {role for role in ROLES if may_act(role, "personal.export") and reaches(role, None, "any")}
    assert over_all == {"privacy"}


def test_an_account_reaches_its_own_branch_only() -> None:
    assert reaches("teller", "north", "north")
    assert not reaches("teller", "north", "south")
    assert not reaches("teller", None, "south")
    assert reaches("operations", None, "south")


def test_another_branch_is_refused_before_the_role_is_looked_at() -> None:
    refusal = refuse("display", "north", branch="south", command="CallNext")
    assert refusal is not None
    assert refusal.code == "branch_not_yours"


def test_a_refusal_names_the_command_and_the_role() -> None:
    refusal = refuse("guard", "north", branch="north", command="CallNext")
    assert refusal is not None
    assert (refusal.code, refusal.place, refusal.detail) == ("role_may_not", "CallNext", {"role": "guard"})


def test_what_a_role_may_do_is_not_refused() -> None:
    assert refuse("teller", "north", branch="north", command="CallNext") is None


@pytest.mark.parametrize(
    ("command", "field", "why"),
    [
        (IssueTicket(service_id="cash"), None, "a plain ticket"),
        (IssueTicket(service_id="cash", class_code="green"), None, "a class that is only claimed"),
        (IssueTicket(service_id="cash", class_basis="staff"), "class_basis", "a class confirms itself"),
        (IssueTicket(service_id="cash", override_reason="full"), "override_reason", "beyond the capacity"),
    ],
)
def test_a_kiosk_issues_tickets_but_vouches_for_nobody(
    command: IssueTicket, field: str | None, why: str
) -> None:
    refusal = refuse("kiosk", "north", branch="north", command=command)
    assert (refusal.place if refusal else None) == field, why
    assert refuse("lobby", "north", branch="north", command=command) is None, why


def test_every_field_that_is_kept_exists() -> None:
    """A renamed field must not open what its old name kept shut."""
    fields = {command.__name__: set(command.__struct_fields__) for command in HALL_COMMANDS}
    for (role, command), kept in FIELDS_KEPT.items():
        assert may(role, command)
        assert set(kept) <= fields[command]


def test_the_clockwork_lets_time_pass_and_passes_on_what_the_twin_and_other_places_say() -> None:
    the_twin = {"TellWaits", "GiveAdvice", "ReviewAdvice"}
    other_places = {"TakePlan", "ReceivePerson", "TakeBackPerson"}
    allowed = {"Tick", "OpenDay", "OfferAppointments"} | the_twin | other_places
    assert {name for name in HALL_NAMES if may_system(SYSTEM, name)} == allowed
    assert not may_system("chen-ruolan", "Tick")

"""Who may change whose account, and for which changes a second person is asked."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from openhall.access import rights
from openhall.access.approvals import Who
from openhall.kernel.refusal import Refusal, refusals
from openhall.network.model import Role

Change = Literal["create", "role", "password", "codes", "enable", "disable", "unlock"]
"""Make it; give it another role or branch; a new initial password; let it set up one-time codes anew; let it
sign in, or not; end a lock after failed sign-ins."""

RAISED: Final[frozenset[Role]] = frozenset({"manager", "operations", "privacy", "administrator"})
"""Roles that can change other people's rights or the bank's rules, or see
what customers of every branch left."""
GIVES_POWER: Final[frozenset[Change]] = frozenset({"create", "role", "password", "codes", "enable"})
"""Whoever does one of these to an account could act under it."""

REFUSALS = refusals(
    account_own=(
        "Nobody changes the rights of their own account.",
        "Ask a colleague who may change accounts; your own password is under your name, above.",
    ),
    account_above=(
        "A branch manager looks after the accounts of guards, tellers and lobby managers of the own branch.",
        "Ask the administrator.",
    ),
)


class AccountChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One change of one account, as it is carried out, or proposed to a second person.

    It holds the hash of an initial password and never the password.
    """

    what: Change
    name: str
    role: Role
    branch: str | None = None
    person_id: str | None = None
    password_hash: str = ""


def refuse_to_manage(who: Who, change: AccountChange, *, role: Role, branch: str | None) -> Refusal | None:
    """Why somebody may not make a change to an account that has `role` and `branch` now; None when they may.

    For a new account they are those that it is to have.
    """
    for place in {branch or "", change.branch or ""}:
        if refusal := rights.refuse_action(who.role, who.branch, action="accounts.manage", branch=place):
            return refusal
    if who.name == change.name:
        return Refusal("account_own", place="name")
    if who.role in rights.BOUND_TO_NO_BRANCH:
        return None
    if {role, change.role} & RAISED or who.branch != branch or change.branch != who.branch:
        return Refusal("account_above", place="role", detail={"role": change.role})
    return None


def needs_second(change: AccountChange, *, role: Role) -> bool:
    """Does a second person have to approve it? `role` is the account's present one."""
    if change.what == "role":
        return change.role in RAISED
    return change.what in GIVES_POWER and role in RAISED

"""What an account is, when it makes sense, and what signing in costs and allows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import Connection, select, update

from openhall.access import lock_out, passwords
from openhall.access.lock_out import LockOutPolicy
from openhall.access.managing import Change
from openhall.kernel.clock import DAY_MS, HOUR_MS, MINUTE_MS
from openhall.kernel.refusal import Refusal, refusals
from openhall.log.schema import accounts
from openhall.log.sessions import Account
from openhall.network.model import Role

NAME_PATTERN = r"[a-z0-9][a-z0-9._-]{0,63}"
UNATTENDED_ROLES: frozenset[Role] = frozenset({"kiosk", "display", "gate"})
"""Devices on which nobody can sign in again each morning."""
HEAD_OFFICE_ROLES: frozenset[Role] = frozenset({"operations", "privacy", "administrator"})
"""Roles that belong to no branch."""
STEP_MS = 10 * MINUTE_MS
"""So long somebody may take for the next step of signing in."""
NO_PASSWORD = ""
"""In place of a hash: nothing that is typed fits it."""

REFUSALS = {
    **passwords.REFUSALS,
    **lock_out.REFUSALS,
    **refusals(
        sign_in_failed=(
            "The name or the password is not right.",
            "Try again, or ask your manager for a new password.",
        ),
        code_wrong=(
            "That code is not right, or it was used before.",
            "Wait for the next code, or type one of your recovery codes.",
        ),
        step_over=("This step of signing in is over.", "Sign in from the beginning."),
        codes_exist=("This account has one-time codes already.", "Remove them first."),
        codes_missing=("This account has no one-time codes.", "Nothing needs to be done."),
        codes_required=(
            "Your role signs in with one-time codes.",
            "To change to another telephone, ask who looks after accounts to reset them.",
        ),
        account_exists=("There is already an account of this name.", "Choose another name."),
        account_unknown=("There is no account of this name.", "Check the name."),
        account_name_invalid=(
            "An account name has 1 to 64 small letters, digits, dots, '-' and '_'.",
            "Choose another name.",
        ),
        account_branch_wrong=(
            "This role belongs to a branch, or head office to none.",
            "Name the branch; leave it out for head office.",
        ),
        password_wrong=("The password is not right.", "Type the password that you have now."),
        account_without_password=(
            "This account signs in at the bank's own identity provider, or is a device.",
            "Change it there.",
        ),
    ),
}


@dataclass(frozen=True)
class AccountSettings:
    """Costs and limits. The hashing costs are OWASP's smaller choice for Argon2id: 19 MiB, two passes."""

    hash_memory_kib: int = 19_456
    hash_passes: int = 2
    hash_lanes: int = 1
    password_length_min: int = 10
    password_length_max: int = 256
    session_ms: int = 12 * HOUR_MS
    unattended_session_ms: int = 30 * DAY_MS
    sessions_per_account_at_most: int = 20
    lock_out: LockOutPolicy = field(default_factory=LockOutPolicy)
    idle_minutes: Mapping[Role, int] = field(default_factory=dict)
    """How long a session may lie idle, by role; a role that is not named never ends by that."""
    code_roles: frozenset[Role] = frozenset()
    """Roles that must sign in with one-time codes."""
    emergency_account: str = ""
    """When named, it is the only person's account that still signs in by a password."""

    def __post_init__(self) -> None:
        if not 1 <= self.password_length_min <= self.password_length_max:
            raise ValueError(
                f"Expected password lengths in order, got a minimum of {self.password_length_min}"
            )
        if min(self.session_ms, self.unattended_session_ms, self.sessions_per_account_at_most) < 1:
            raise ValueError("Expected session limits of 1 or more")

    def idle_ms(self, role: Role) -> int:
        """How long a session of a role may lie idle; 0 for as long as it lasts."""
        return 0 if role in UNATTENDED_ROLES else self.idle_minutes.get(role, 0) * MINUTE_MS


class AccountEntry(msgspec.Struct, frozen=True):
    """An account as whoever looks after accounts sees it."""

    account: Account
    must_change: bool
    has_codes: bool
    has_password: bool
    is_external: bool
    locked_until_ms: int
    signed_in_ms: int | None


ACTIONS: dict[Change, str] = {
    "create": "created",
    "role": "role_changed",
    "password": "password_reset",
    "codes": "codes_removed",
    "enable": "enabled",
    "disable": "disabled",
    "unlock": "unlocked",
}
"""What the access record says of each change."""


def refuse_account(name: str, role: Role, branch: str | None) -> Refusal | None:
    """Why an account makes no sense; None when it does."""
    if not re.fullmatch(NAME_PATTERN, name):
        return Refusal("account_name_invalid", place="name")
    if (branch is None) != (role in HEAD_OFFICE_ROLES):
        return Refusal("account_branch_wrong", place="branch")
    return None


def row_of(account: Account, password_hash: str, *, now_ms: int, must_change: bool = False) -> dict[str, Any]:
    """A new row of the table."""
    return {
        "name": account.name,
        "role": account.role,
        "branch": account.branch,
        "person_id": account.person_id,
        "password_hash": password_hash,
        "created_ms": now_ms,
        "is_disabled": account.is_disabled,
        "must_change": must_change,
    }


def find(connection: Connection, name: str) -> Any:
    """The row of a name, or None."""
    return connection.execute(select(accounts).where(accounts.c.name == name)).first()


def change_of(name: str) -> Any:
    """An update of the row of a name."""
    return update(accounts).where(accounts.c.name == name)

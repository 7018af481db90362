"""How people sign in here: the sections `[access]` and `[oidc]` of openhall.toml."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from openhall.access.lock_out import LockOutPolicy
from openhall.kernel.clock import HOUR_MS
from openhall.log.account_rows import AccountSettings
from openhall.network.model import Role

IDLE_MINUTES: dict[Role, int] = {
    "teller": 60,
    "lobby": 120,
    "manager": 60,
    "operations": 30,
    "privacy": 20,
    "administrator": 20,
}
"""Where nothing else is set. A guard's phone at the door stays signed in for the day; devices always do."""

Minutes = Annotated[int, msgspec.Meta(ge=0, le=1_440)]
SomeMinutes = Annotated[int, msgspec.Meta(ge=1, le=1_440)]


class AccessSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Passwords, codes, locks and sessions."""

    code_roles: tuple[Role, ...] = ()
    """Roles that must sign in with a one-time code besides the password."""
    idle_minutes: dict[Role, Minutes] = {}
    """How long a session may lie idle, by role; 0: as long as it lasts. Roles not named keep the usual."""
    session_hours: Annotated[int, msgspec.Meta(ge=1, le=24)] = 12
    """The longest that a person's session lasts."""
    password_length_min: Annotated[int, msgspec.Meta(ge=8, le=64)] = 10
    failures_at_most: Annotated[int, msgspec.Meta(ge=1, le=100)] = 5
    """Failed sign-ins under one name before it is locked."""
    lock_minutes_first: SomeMinutes = 1
    """The first lock; each further failure doubles it."""
    lock_minutes_longest: SomeMinutes = 30
    sign_ins_per_minute: Annotated[int, msgspec.Meta(ge=1, le=6_000)] = 240
    """Sign-ins that are looked at in a minute, over all: each costs some 25 ms of a core by design."""
    failures_per_address: Annotated[int, msgspec.Meta(ge=1, le=6_000)] = 30
    """Failed sign-ins from one network address in a minute before it has to wait."""
    record_keep_days: Annotated[int, msgspec.Meta(ge=180, le=36_500)] = 1_096
    """The access record, and who has seen which sealed record, are kept so long: three years."""
    local_accounts: Literal["everybody", "emergency"] = "everybody"
    """`emergency`: people sign in at the identity provider, and by a password only the account below."""
    emergency_account: str = "administrator"

    def __post_init__(self) -> None:
        """Raise `ValueError` for locks that shrink."""
        if self.lock_minutes_longest < self.lock_minutes_first:
            raise ValueError(
                f"Expected lock_minutes_longest of at least {self.lock_minutes_first},"
                f" got {self.lock_minutes_longest}"
            )


class OidcRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whoever has this value among their claims has this role, in this branch."""

    value: str
    role: Role
    branch: str = ""


class OidcSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The bank's own identity provider (OpenID Connect)."""

    issuer: str = ""
    """Its address, as it names itself; empty: there is none."""
    client_id: str = ""
    client_secret: str = ""
    scopes: str = "openid profile"
    role_claim: str = "groups"
    """The claim that the rules below look at: a text or a list of texts."""
    name_claim: str = "preferred_username"
    """The claim that names the account here."""
    person_claim: str = ""
    """The claim with the person's id in the bank's files, so that a teller finds their own window."""
    rules: tuple[OidcRule, ...] = ()
    """The first that fits counts. Whoever none fits does not get in."""
    ca_file: str = ""
    """Who signed the provider's certificate, where that is the bank's own authority."""

    def __post_init__(self) -> None:
        """Raise `ValueError` for a provider that could not be reached safely or knows nobody."""
        if not self.issuer:
            return
        is_here = self.issuer.startswith(("http://127.0.0.1:", "http://localhost:", "http://[::1]:"))
        if not self.issuer.startswith("https://") and not is_here:
            raise ValueError(f"Expected issuer to begin with https://, got {self.issuer!r}")
        if not self.client_id or not self.client_secret:
            raise ValueError("Expected client_id and client_secret beside issuer")
        if "openid" not in self.scopes.split():
            raise ValueError(f"Expected openid among scopes, got {self.scopes!r}")


def account_settings(access: AccessSettings) -> AccountSettings:
    """The settings as the accounts take them."""
    return AccountSettings(
        password_length_min=access.password_length_min,
        session_ms=access.session_hours * HOUR_MS,
        lock_out=LockOutPolicy(
            failures_at_most=access.failures_at_most,
            first_minutes=access.lock_minutes_first,
            longest_minutes=access.lock_minutes_longest,
        ),
        idle_minutes={**IDLE_MINUTES, **access.idle_minutes},
        code_roles=frozenset(access.code_roles),
        emergency_account=access.emergency_account if access.local_accounts == "emergency" else "",
    )

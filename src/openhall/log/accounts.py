"""Accounts and sessions: who may sign in, and who is signed in.

Signing in takes tens of milliseconds by design and writes to the database: call it in a thread. Asking who a
token belongs to happens with every request and looks only into memory: every valid session is held there,
bounded by `sessions_per_account_at_most`, and the table exists so that a restart signs nobody out.
"""

from __future__ import annotations

import base64
import hashlib
import re
import threading
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, delete, insert, select, update

from openhall.kernel.clock import DAY_MS, HOUR_MS, Clock
from openhall.kernel.refusal import Refusal, refusals
from openhall.log.records import Records
from openhall.log.schema import accounts, sessions
from openhall.network.model import Role

TOKEN_BYTES = 32
NAME_PATTERN = r"[a-z0-9][a-z0-9._-]{0,63}"
UNATTENDED_ROLES: frozenset[Role] = frozenset({"kiosk", "display", "gate"})
"""Devices on which nobody can sign in again each morning."""
HEAD_OFFICE_ROLES: frozenset[Role] = frozenset({"operations", "administrator"})
"""Roles that belong to no branch."""

REFUSALS = refusals(
    sign_in_failed=(
        "The name or the password is not right.",
        "Try again, or ask your manager for a new password.",
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
    password_too_short=("A password needs at least {length_min} characters.", "Choose a longer one."),
    password_too_long=("A password has at most {length_max} characters.", "Choose a shorter one."),
)


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

    def __post_init__(self) -> None:
        if not 1 <= self.password_length_min <= self.password_length_max:
            raise ValueError(
                f"Expected password lengths in order, got a minimum of {self.password_length_min}"
            )
        if min(self.session_ms, self.unattended_session_ms, self.sessions_per_account_at_most) < 1:
            raise ValueError("Expected session limits of 1 or more")


class Account(msgspec.Struct, frozen=True):
    """Somebody who may sign in. Bound to a branch, except head office."""

    name: str
    role: Role
    branch: str | None = None
    person_id: str | None = None
    is_disabled: bool = False


class Session(msgspec.Struct, frozen=True):
    """Somebody who is signed in."""

    account: Account
    created_ms: int
    expires_ms: int


class SignedIn(msgspec.Struct, frozen=True):
    """A fresh session with the token that stands for it. The token is nowhere else."""

    token: str
    session: Session


class Accounts:
    """The accounts of one database and their sessions."""

    def __init__(
        self,
        records: Records,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
        settings: AccountSettings | None = None,
    ) -> None:
        self._records = records
        self._clock = clock
        self._random_bytes = random_bytes
        self._settings = settings or AccountSettings()
        self._hasher = PasswordHasher(
            time_cost=self._settings.hash_passes,
            memory_cost=self._settings.hash_memory_kib,
            parallelism=self._settings.hash_lanes,
        )
        # Hashed once, so that an unknown name costs the same work as a wrong password.
        self._nobody_hash = self._hash(base64.b64encode(random_bytes(TOKEN_BYTES)).decode())
        self._lock = threading.Lock()
        self._sessions = self._load_sessions()

    # Accounts ------------------------------------------------------------------------------------------

    def create(
        self, name: str, role: Role, password: str, *, branch: str | None = None, person_id: str | None = None
    ) -> Account | Refusal:
        """Make an account."""
        if not re.fullmatch(NAME_PATTERN, name):
            return Refusal("account_name_invalid", place="name")
        if (branch is None) != (role in HEAD_OFFICE_ROLES):
            return Refusal("account_branch_wrong", place="branch")
        if refusal := self._check_password(password):
            return refusal
        row = {
            "name": name,
            "role": role,
            "branch": branch,
            "person_id": person_id,
            "password_hash": self._hash(password),
            "created_ms": self._clock.now_ms(),
            "is_disabled": False,
        }
        with self._lock, self._records.transaction() as connection:
            if _find(connection, name) is not None:
                return Refusal("account_exists", place="name")
            connection.execute(insert(accounts).values(row))
        return Account(name, role, branch, person_id)

    def set_password(self, name: str, password: str) -> Refusal | None:
        """Give a new password; whoever is signed in under the name is signed out."""
        if refusal := self._check_password(password):
            return refusal
        return self._change(name, {"password_hash": self._hash(password)})

    def disable(self, name: str) -> Refusal | None:
        """Let nobody sign in under the name, and sign out whoever is."""
        return self._change(name, {"is_disabled": True})

    def enable(self, name: str) -> Refusal | None:
        """Let the name sign in again."""
        return self._change(name, {"is_disabled": False})

    def every(self) -> list[Account]:
        """All accounts by name."""
        with self._records.reading() as connection:
            return [_account(row) for row in connection.execute(select(accounts).order_by(accounts.c.name))]

    # Sessions ------------------------------------------------------------------------------------------

    def sign_in(self, name: str, password: str) -> SignedIn | Refusal:
        """A new session, or one refusal for every way to fail, after the same work."""
        with self._records.reading() as connection:
            row = _find(connection, name)
        stored = self._nobody_hash if row is None else cast(str, row.password_hash)
        if not self._is_right(stored, password) or row is None:
            return Refusal("sign_in_failed")
        fresh = self._hash(password) if self._hasher.check_needs_rehash(stored) else stored
        token = base64.urlsafe_b64encode(self._random_bytes(TOKEN_BYTES)).decode().rstrip("=")
        # One lock from the second look to the memory: a sign-out or a disabling cannot slip in between.
        with self._lock:
            session = self._begin(name, token, stored=stored, fresh=fresh)
        return SignedIn(token, session) if session else Refusal("sign_in_failed")

    def who(self, token: str) -> Account | None:
        """Whose token this is; None for an unknown or expired one. Never touches the database."""
        session = self._sessions.get(_token_hash(token))
        if session is None or session.expires_ms <= self._clock.now_ms():
            return None
        return session.account

    def sign_out(self, token: str) -> None:
        """End a session; an unknown token is signed out already."""
        key = _token_hash(token)
        with self._lock:
            # Out of memory first: should the database fail, the token is dead at least until a restart.
            if self._sessions.pop(key, None) is None:
                return
            with self._records.transaction() as connection:
                connection.execute(delete(sessions).where(sessions.c.token_hash == key))

    def drop_expired(self) -> int:
        """Forget sessions that have run out; how many they were."""
        now_ms = self._clock.now_ms()
        with self._lock:
            expired = [key for key, session in self._sessions.items() if session.expires_ms <= now_ms]
            for key in expired:
                del self._sessions[key]
            with self._records.transaction() as connection:
                connection.execute(delete(sessions).where(sessions.c.expires_ms <= now_ms))
        return len(expired)

    # Inside --------------------------------------------------------------------------------------------

    def _begin(self, name: str, token: str, *, stored: str, fresh: str) -> Session | None:
        """Keep a new session; None when the account is disabled or its password has just changed."""
        key, surplus = _token_hash(token), self._surplus(name)
        with self._records.transaction() as connection:
            row = _find(connection, name)
            if row is None or row.is_disabled or row.password_hash != stored:
                return None
            if fresh != stored:
                connection.execute(_of(name).values(password_hash=fresh))
            session = self._session(_account(row), self._clock.now_ms())
            if surplus:
                connection.execute(delete(sessions).where(sessions.c.token_hash.in_(surplus)))
            times = {"created_ms": session.created_ms, "expires_ms": session.expires_ms}
            connection.execute(insert(sessions).values(token_hash=key, account=name, **times))
        for old in surplus:
            del self._sessions[old]
        self._sessions[key] = session
        return session

    def _load_sessions(self) -> dict[bytes, Session]:
        join = select(sessions, accounts).join(accounts, accounts.c.name == sessions.c.account)
        valid = join.where(sessions.c.expires_ms > self._clock.now_ms(), ~accounts.c.is_disabled)
        with self._records.reading() as connection:
            return {
                row._mapping[sessions.c.token_hash]: Session(
                    _account(row), row._mapping[sessions.c.created_ms], row._mapping[sessions.c.expires_ms]
                )
                for row in connection.execute(valid.order_by(sessions.c.created_ms))
            }

    def _session(self, account: Account, now_ms: int) -> Session:
        is_unattended = account.role in UNATTENDED_ROLES
        length_ms = self._settings.unattended_session_ms if is_unattended else self._settings.session_ms
        return Session(account, now_ms, now_ms + length_ms)

    def _surplus(self, name: str) -> list[bytes]:
        """The oldest sessions of an account that must go before one more comes."""
        own = [key for key, session in self._sessions.items() if session.account.name == name]
        return own[: max(0, len(own) + 1 - self._settings.sessions_per_account_at_most)]

    def _change(self, name: str, values: dict[str, object]) -> Refusal | None:
        with self._lock:
            with self._records.transaction() as connection:
                if connection.execute(_of(name).values(values)).rowcount == 0:
                    return Refusal("account_unknown", place="name")
                connection.execute(delete(sessions).where(sessions.c.account == name))
            for key in [k for k, session in self._sessions.items() if session.account.name == name]:
                del self._sessions[key]
        return None

    def _check_password(self, password: str) -> Refusal | None:
        lowest, highest = self._settings.password_length_min, self._settings.password_length_max
        if len(password) < lowest:
            return Refusal("password_too_short", place="password", detail={"length_min": lowest})
        if len(password) > highest:
            return Refusal("password_too_long", place="password", detail={"length_max": highest})
        return None

    def _hash(self, password: str) -> str:
        return self._hasher.hash(_normal(password))

    def _is_right(self, stored: str, password: str) -> bool:
        # A text of megabytes is not worth normalising; cut, it is as wrong as before.
        try:
            return self._hasher.verify(stored, _normal(password[: self._settings.password_length_max + 1]))
        except (VerificationError, InvalidHashError):
            return False


def _normal(password: str) -> str:
    """One password however it was typed: Chinese input methods write full-width letters and digits."""
    return unicodedata.normalize("NFKC", password)


def _token_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _find(connection: Connection, name: str) -> Any:
    return connection.execute(select(accounts).where(accounts.c.name == name)).first()


def _of(name: str) -> Any:
    return update(accounts).where(accounts.c.name == name)


def _account(row: Any) -> Account:
    found = row._mapping
    return Account(
        name=found[accounts.c.name],
        role=found[accounts.c.role],
        branch=found[accounts.c.branch],
        person_id=found[accounts.c.person_id],
        is_disabled=bool(found[accounts.c.is_disabled]),
    )

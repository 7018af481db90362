"""Who is signed in. Every valid session is held in memory, so that asking whose a token is costs no disk; the
table exists so that a restart signs nobody out.

Whoever calls holds the lock of the accounts: one lock from the last look at an account to the memory here.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from openhall.kernel.clock import Clock
from openhall.log.records import Records
from openhall.log.schema import accounts, sessions
from openhall.network.model import Role

TOKEN_BYTES = 32
ID_CHARACTERS = 16
DEVICE_CHARACTERS_MAX = 60

Step = Literal["", "code", "password", "enrol"]
"""What somebody must still do before the session opens anything: type a one-time code, choose a password of
their own, set up one-time codes. Empty when nothing is left."""


class Account(msgspec.Struct, frozen=True):
    """Somebody who may sign in. Bound to a branch, except head office."""

    name: str
    role: Role
    branch: str | None = None
    person_id: str | None = None
    is_disabled: bool = False


class Session(msgspec.Struct, frozen=True):
    """Somebody who is signed in, or on the way there."""

    account: Account
    created_ms: int
    expires_ms: int
    step: Step = ""
    device: str = ""
    is_external: bool = False
    id: str = ""


class SignedIn(msgspec.Struct, frozen=True):
    """A fresh session with the token that stands for it. The token is nowhere else."""

    token: str
    session: Session


class SeenSession(msgspec.Struct, frozen=True):
    """One of one's own sessions, as its owner may see it."""

    id: str
    device: str
    created_ms: int
    seen_ms: int
    expires_ms: int
    is_this: bool


class Sessions:
    """The sessions of one database."""

    def __init__(
        self,
        records: Records,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
        *,
        idle_ms: Callable[[Role], int],
    ) -> None:
        self._records = records
        self._clock = clock
        self._random_bytes = random_bytes
        self._idle_ms = idle_ms
        self._held: dict[bytes, Session] = {}
        self._seen_ms: dict[bytes, int] = {}
        self._unkept: set[bytes] = set()
        self._load()

    def find(self, token: str) -> Session | None:
        """The session of a token; None for an unknown, expired or idle one. Never touches the database."""
        key = token_hash(token)
        session = self._held.get(key)
        return session if session is not None and self.left_ms(key, session) > 0 else None

    def left_ms(self, key: bytes, session: Session) -> int:
        """How long it stays valid if its owner does nothing more."""
        now_ms, idle_ms = self._clock.now_ms(), self._idle_ms(session.account.role)
        left_ms = session.expires_ms - now_ms
        return min(left_ms, self._seen(key, session) + idle_ms - now_ms) if idle_ms else left_ms

    def _seen(self, key: bytes, session: Session) -> int:
        """When it was last used. Another thread may have ended it between the caller's look and this one."""
        return self._seen_ms.get(key, session.created_ms)

    def touch(self, token: str) -> None:
        """Its owner has done something. In memory; `keep_seen` writes it down."""
        key = token_hash(token)
        if key in self._held:
            self._seen_ms[key] = self._clock.now_ms()
            self._unkept.add(key)

    def begin(
        self,
        connection: Connection,
        account: Account,
        *,
        length_ms: int,
        step: Step,
        device: str,
        is_external: bool,
    ) -> tuple[SignedIn, bytes]:
        """Write a new session; from `hold` on it counts. Nobody has its token before the transaction is
        through, so that one that fails leaves a session behind that nobody can use."""
        token = base64.urlsafe_b64encode(self._random_bytes(TOKEN_BYTES)).decode().rstrip("=")
        key, now_ms = token_hash(token), self._clock.now_ms()
        session = Session(
            account,
            now_ms,
            now_ms + length_ms,
            step,
            device[:DEVICE_CHARACTERS_MAX],
            is_external,
            key.hex()[:ID_CHARACTERS],
        )
        row = {
            "token_hash": key,
            "account": account.name,
            "created_ms": now_ms,
            "expires_ms": session.expires_ms,
            "step": step,
            "device": session.device,
            "seen_ms": now_ms,
            "is_external": is_external,
        }
        connection.execute(insert(sessions).values(row))
        return SignedIn(token, session), key

    def hold(self, key: bytes, session: Session) -> None:
        """Let a written session count."""
        self._held[key] = session
        self._seen_ms[key] = session.created_ms

    def of(self, name: str) -> list[tuple[bytes, Session]]:
        """The sessions of an account, the oldest first."""
        held = list(self._held.items())  # in one step: others sign in meanwhile
        return [(key, session) for key, session in held if session.account.name == name]

    def listed(self, name: str, token: str) -> list[SeenSession]:
        """What its owner may see of their sessions, the latest seen first."""
        own = token_hash(token)
        found = [
            SeenSession(s.id, s.device, s.created_ms, self._seen(key, s), s.expires_ms, key == own)
            for key, s in self.of(name)
            if s.step == "" and self.left_ms(key, s) > 0
        ]
        return sorted(found, key=lambda each: (each.seen_ms, each.id), reverse=True)

    def forget(self, keys: list[bytes]) -> None:
        """Out of memory: the tokens open nothing from here on."""
        for key in keys:
            self._held.pop(key, None)
            self._seen_ms.pop(key, None)

    def remove(self, connection: Connection, keys: list[bytes]) -> None:
        """Out of the table."""
        if keys:
            connection.execute(delete(sessions).where(sessions.c.token_hash.in_(keys)))

    def over(self) -> list[bytes]:
        """Sessions that have run out or lain idle."""
        return [key for key, session in self._held.items() if self.left_ms(key, session) <= 0]

    def keep_seen(self, connection: Connection) -> None:
        """Write down when each session was last used, so that a restart does not make it look idle."""
        for key in list(self._unkept):
            self._unkept.discard(key)
            if key in self._seen_ms:
                is_this = sessions.c.token_hash == key
                connection.execute(update(sessions).where(is_this).values(seen_ms=self._seen_ms[key]))

    def _load(self) -> None:
        join = select(sessions, accounts).join(accounts, accounts.c.name == sessions.c.account)
        valid = join.where(sessions.c.expires_ms > self._clock.now_ms(), ~accounts.c.is_disabled)
        with self._records.reading() as connection:
            for row in connection.execute(valid.order_by(sessions.c.created_ms)):
                found = row._mapping
                key = bytes(found[sessions.c.token_hash])
                self._held[key] = Session(
                    account_of(row),
                    found[sessions.c.created_ms],
                    found[sessions.c.expires_ms],
                    found[sessions.c.step],
                    found[sessions.c.device],
                    bool(found[sessions.c.is_external]),
                    key.hex()[:ID_CHARACTERS],
                )
                self._seen_ms[key] = max(found[sessions.c.seen_ms], found[sessions.c.created_ms])


def token_hash(token: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).digest()


def account_of(row: Any) -> Account:
    """A row of the table of accounts."""
    found = row._mapping
    return Account(
        name=found[accounts.c.name],
        role=found[accounts.c.role],
        branch=found[accounts.c.branch],
        person_id=found[accounts.c.person_id],
        is_disabled=bool(found[accounts.c.is_disabled]),
    )

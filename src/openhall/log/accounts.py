"""Accounts: who there is, what is changed about them, and where they are signed in.

Hashing a password takes tens of milliseconds by design, and all of this writes to the database: call it in a
thread. Asking who a token belongs to happens with every request and looks only into memory.
"""

from __future__ import annotations

from sqlalchemy import Connection, insert, select

from openhall.access.managing import AccountChange, Change
from openhall.kernel.event import SYSTEM
from openhall.kernel.refusal import Refusal
from openhall.log.account_rows import (
    ACTIONS,
    NO_PASSWORD,
    REFUSALS,
    AccountEntry,
    AccountSettings,
    change_of,
    find,
    refuse_account,
    row_of,
)
from openhall.log.schema import accounts
from openhall.log.sessions import Account, SeenSession, Session, SignedIn, account_of, token_hash
from openhall.log.signing_in import SigningIn
from openhall.network.model import Role

__all__ = ["REFUSALS", "Account", "AccountEntry", "AccountSettings", "Accounts", "Session", "SignedIn"]


class Accounts(SigningIn):
    """The accounts of one database and their sessions."""

    # Accounts ------------------------------------------------------------------------------------------

    def create(
        self,
        name: str,
        role: Role,
        password: str,
        *,
        branch: str | None = None,
        person_id: str | None = None,
        must_change: bool = False,
        actor: str = SYSTEM,
    ) -> Account | Refusal:
        """Make an account. With `must_change` its owner chooses another password when they first sign in."""
        if refusal := refuse_account(name, role, branch) or self._refuse_password(password, name):
            return refusal
        change = AccountChange("create", name, role, branch, person_id, self._hash(password))
        return self.carry_out(change, actor=actor, must_change=must_change)

    def hash_of(self, password: str, name: str) -> str | Refusal:
        """What is kept of a password, if it may be one."""
        return self._refuse_password(password, name) or self._hash(password)

    def carry_out(self, change: AccountChange, *, actor: str, must_change: bool = True) -> Account | Refusal:
        """Make a change to an account; done twice it is the same. Who may ask for it is for `managing`.

        Whatever it is but the end of a lock, whoever is signed in under the name is signed out.
        """
        with self._lock, self._records.transaction() as connection:
            row = find(connection, change.name)
            if (row is None) != (change.what == "create"):
                is_done = row is not None and row.password_hash == change.password_hash
                if is_done and row.role == change.role and row.branch == change.branch:
                    return account_of(row)
                return Refusal("account_unknown" if row is None else "account_exists", place="name")
            if refusal := self._apply(connection, change, must_change):
                return refusal
            after = account_of(find(connection, change.name))
            action = ACTIONS[change.what]
            detail = change.role if change.what in {"create", "role"} else ""
            self.record.note(
                connection, action, actor=actor, account=change.name, branch=after.branch, detail=detail
            )
            gone = [] if change.what == "unlock" else [key for key, _ in self._sessions.of(change.name)]
            self._sessions.remove(connection, gone)
            self._sessions.forget(gone)
        return after

    def set_password(self, name: str, password: str, *, actor: str = SYSTEM) -> Refusal | None:
        """Give a password that needs no change; whoever is signed in under the name is signed out."""
        hash_ = self.hash_of(password, name)
        if isinstance(hash_, Refusal):
            return hash_
        return self._change(name, "password", hash_, actor=actor, must_change=False)

    def disable(self, name: str, *, actor: str = SYSTEM) -> Refusal | None:
        """Let nobody sign in under the name, and sign out whoever is."""
        return self._change(name, "disable", actor=actor)

    def enable(self, name: str, *, actor: str = SYSTEM) -> Refusal | None:
        """Let the name sign in again."""
        return self._change(name, "enable", actor=actor)

    def every(self) -> list[Account]:
        """All accounts by name."""
        with self._records.reading() as connection:
            return [account_of(row) for row in connection.execute(select(accounts).order_by(accounts.c.name))]

    def find(self, name: str) -> Account | None:
        """One account."""
        with self._records.reading() as connection:
            row = find(connection, name)
        return None if row is None else account_of(row)

    def entries(self, branch: str | None = None) -> list[AccountEntry]:
        """All accounts, or a branch's, with what matters to whoever looks after them."""
        query = select(accounts).order_by(accounts.c.name)
        if branch is not None:
            query = query.where(accounts.c.branch == branch)
        with self._records.reading() as connection:
            return [
                AccountEntry(
                    account=account_of(row),
                    must_change=bool(row.must_change),
                    has_codes=self._codes.has(connection, row.name),
                    has_password=row.password_hash != NO_PASSWORD,
                    is_external=row.identity is not None,
                    locked_until_ms=self._failures.of(connection, row.name).locked_until_ms,
                    signed_in_ms=row.signed_in_ms,
                )
                for row in connection.execute(query).all()
            ]

    # Sessions ------------------------------------------------------------------------------------------

    def who(self, token: str) -> Account | None:
        """Whose token this is; None for one that is unknown, expired, idle for too long or half way in."""
        session = self._sessions.find(token)
        return None if session is None or session.step else session.account

    def session(self, token: str) -> Session | None:
        """The session of a token, with steps left to do or without."""
        return self._sessions.find(token)

    def left_ms(self, token: str) -> int:
        """How long a session lasts if nobody does anything more under it."""
        session = self._sessions.find(token)
        return 0 if session is None else self._sessions.left_ms(token_hash(token), session)

    def touch(self, token: str) -> None:
        """Somebody has done something under this token."""
        self._sessions.touch(token)

    def sign_out(self, token: str) -> None:
        """End a session; an unknown token is signed out already."""
        with self._lock:
            session = self._sessions.find(token)
            # Out of memory first: should the database fail, the token is dead at least until a restart.
            self._sessions.forget([token_hash(token)])
            if session is None:
                return
            with self._records.transaction() as connection:
                self._sessions.remove(connection, [token_hash(token)])
                if not session.step:
                    who = session.account
                    self.record.note(
                        connection, "signed_out", actor=who.name, account=who.name, branch=who.branch
                    )

    def sessions_of(self, token: str) -> list[SeenSession]:
        """Where else the owner of a token is signed in."""
        account = self.who(token)
        return [] if account is None else self._sessions.listed(account.name, token)

    def end_session(self, token: str, session_id: str) -> bool:
        """End one of one's own sessions by its id; False when there is none of it."""
        account = self.who(token)
        with self._lock:
            own = [] if account is None else self._sessions.of(account.name)
            found = [key for key, session in own if session.id == session_id]
            self._sessions.forget(found)
            if not found or account is None:
                return False
            with self._records.transaction() as connection:
                self._sessions.remove(connection, found)
                self.record.note(
                    connection,
                    "sessions_ended",
                    actor=account.name,
                    account=account.name,
                    branch=account.branch,
                )
        return True

    def end_sessions(self, name: str, *, actor: str = SYSTEM) -> int:
        """Sign an account out everywhere; how many sessions that ended."""
        with self._lock:
            found = self._sessions.of(name)
            keys = [key for key, _ in found]
            self._sessions.forget(keys)
            if not found:
                return 0
            with self._records.transaction() as connection:
                self._sessions.remove(connection, keys)
                branch = found[0][1].account.branch
                self.record.note(connection, "sessions_ended", actor=actor, account=name, branch=branch)
        return len(keys)

    def change_password(self, token: str, old: str, new: str, *, address: str = "") -> SignedIn | Refusal:
        """The owner's own change: every session ends, and a new one begins for whoever made it."""
        with self._attempt, self._lock:
            session = self._sessions.find(token)
            if session is None or session.step:
                return Refusal("step_over")
            name = session.account.name
            row = self._row(name)
            if refusal := self._refuse_unless_own(row, old, address):
                return refusal
            if refusal := self._refuse_new(row, new):
                return refusal
            with self._records.transaction() as connection:
                connection.execute(change_of(name).values(password_hash=self._hash(new), must_change=False))
                gone = [key for key, _ in self._sessions.of(name)]
                self._sessions.remove(connection, gone)
                self._note(connection, "password_changed", row, address=address)
                self._sessions.forget(gone)
                return self._write(connection, find(connection, name), session, "")

    def remove_codes(self, token: str, password: str, *, address: str = "") -> Refusal | None:
        """The owner's own wish, where their role does not require codes."""
        with self._attempt, self._lock:
            session = self._sessions.find(token)
            if session is None or session.step:
                return Refusal("step_over")
            if session.account.role in self.settings.code_roles:
                return Refusal("codes_required")
            name = session.account.name
            row = self._row(name)
            if refusal := self._refuse_unless_own(row, password, address):
                return refusal
            with self._records.transaction() as connection:
                if not self._codes.has(connection, name):
                    return Refusal("codes_missing")
                self._codes.remove(connection, name)
                self._note(connection, "codes_removed", find(connection, name), address=address)
        return None

    def codes_left(self, name: str) -> int | None:
        """How many recovery codes an account has left; None when it has no one-time codes."""
        with self._records.reading() as connection:
            has = self._codes.has(connection, name)
            return self._codes.recovery_left(connection, name) if has else None

    def keep_seen(self) -> None:
        """Write down which sessions were in use, for a restart."""
        with self._lock, self._records.transaction() as connection:
            self._sessions.keep_seen(connection)

    def drop_expired(self) -> int:
        """Forget sessions that have run out or lain idle; how many they were."""
        with self._lock:
            over = self._sessions.over()
            self._sessions.forget(over)
            with self._records.transaction() as connection:
                self._sessions.remove(connection, over)
                self._failures.drop_old(connection, self._clock.now_ms())
        return len(over)

    # Inside --------------------------------------------------------------------------------------------

    def _change(
        self, name: str, what: Change, hash_: str = "", *, actor: str, must_change: bool = True
    ) -> Refusal | None:
        account = self.find(name)
        if account is None:
            return Refusal("account_unknown", place="name")
        change = AccountChange(what, name, account.role, account.branch, account.person_id, hash_)
        done = self.carry_out(change, actor=actor, must_change=must_change)
        return done if isinstance(done, Refusal) else None

    def _apply(self, connection: Connection, change: AccountChange, must_change: bool) -> Refusal | None:
        row = find(connection, change.name)
        values: dict[str, object] = {}
        if change.what in {"create", "role"} and (
            refusal := refuse_account(change.name, change.role, change.branch)
        ):
            return refusal
        if change.what == "create":
            account = Account(change.name, change.role, change.branch, change.person_id)
            made = row_of(account, change.password_hash, now_ms=self._clock.now_ms(), must_change=must_change)
            connection.execute(insert(accounts).values(made))
        elif change.what == "role":
            values = {"role": change.role, "branch": change.branch, "person_id": change.person_id}
        elif change.what == "password":
            if row.password_hash == NO_PASSWORD:
                return Refusal("account_without_password", place="name")
            values = {"password_hash": change.password_hash, "must_change": must_change}
        elif change.what == "codes":
            self._codes.remove(connection, change.name)
        elif change.what in {"enable", "disable"}:
            values = {"is_disabled": change.what == "disable"}
        if change.what in {"password", "unlock"}:
            self._failures.clear(connection, change.name)
        if values:
            connection.execute(change_of(change.name).values(values))
        return None

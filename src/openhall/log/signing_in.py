"""Each step of signing in: a password, a one-time code, a password of one's own, an authenticator.

After each step the session goes on under a new token, so that none that somebody planted or saw before is
ever worth anything afterwards.
"""

from __future__ import annotations

import base64
import threading
import unicodedata
from collections.abc import Callable
from typing import Any, cast

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, insert, select

from openhall.access import lock_out, passwords
from openhall.kernel.clock import Clock
from openhall.kernel.event import SYSTEM
from openhall.kernel.refusal import Refusal
from openhall.log.access_record import AccessRecord
from openhall.log.account_rows import (
    NO_PASSWORD,
    STEP_MS,
    UNATTENDED_ROLES,
    AccountSettings,
    change_of,
    find,
    refuse_account,
    row_of,
)
from openhall.log.failed_sign_ins import FailedSignIns
from openhall.log.keys import KEY_BYTES, KeyRing
from openhall.log.records import Records
from openhall.log.schema import accounts
from openhall.log.second_factors import Enrolment, SecondFactors
from openhall.log.sessions import (
    TOKEN_BYTES,
    Account,
    Session,
    Sessions,
    SignedIn,
    Step,
    account_of,
    token_hash,
)


class SigningIn:
    """How somebody comes to be signed in. `Accounts` is this and what is done with accounts besides."""

    def __init__(
        self,
        records: Records,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
        settings: AccountSettings | None = None,
        keys: KeyRing | None = None,
    ) -> None:
        """Without `keys` the secrets of one-time codes are sealed under a key that dies with this object."""
        self._records = records
        self._clock = clock
        self._random_bytes = random_bytes
        self.settings = settings or AccountSettings()
        self._hasher = PasswordHasher(
            time_cost=self.settings.hash_passes,
            memory_cost=self.settings.hash_memory_kib,
            parallelism=self.settings.hash_lanes,
        )
        # Hashed once, so that an unknown name costs the same work as a wrong password.
        self._nobody_hash = self._hash(base64.b64encode(random_bytes(TOKEN_BYTES)).decode())
        self._lock = threading.Lock()
        # One attempt at a time: a crowd of guesses at one name cannot overtake its own lock-out, and signing
        # in never takes more than one core.
        self._attempt = threading.Lock()
        self._failures = FailedSignIns(self.settings.lock_out)
        keys = keys or KeyRing([random_bytes(KEY_BYTES)])
        self._codes = SecondFactors(keys, clock, random_bytes)
        self.record = AccessRecord(records, clock, keys)
        self._sessions = Sessions(records, clock, random_bytes, idle_ms=self.settings.idle_ms)

    # Signing in, step by step --------------------------------------------------------------------------

    def sign_in(self, name: str, password: str, *, device: str = "", address: str = "") -> SignedIn | Refusal:
        """A new session, or one refusal for every way to fail, after the same work.

        The session may have a step left to do; until then `who` knows nobody by its token.
        """
        with self._attempt:
            with self._records.reading() as connection:
                row = find(connection, name)
                failures = self._failures.of(connection, name)
            if refusal := lock_out.refuse_locked(failures, self._clock.now_ms()):
                return refusal
            stored = cast(str, row.password_hash) if row is not None else NO_PASSWORD
            is_right = self._is_right(stored or self._nobody_hash, password)
            if not is_right or row is None or not stored or row.is_disabled or not self._is_local(row):
                self._note_failure(name, "sign_in_failed", row, address)
                return Refusal("sign_in_failed")
            fresh = self._hash(password) if self._hasher.check_needs_rehash(stored) else stored
            # One lock from the second look to the memory: a disabling cannot slip in between.
            with self._lock, self._records.transaction() as connection:
                row = find(connection, name)
                if row is None or row.is_disabled or row.password_hash != stored:
                    return Refusal("sign_in_failed")
                if fresh != stored:
                    connection.execute(change_of(name).values(password_hash=fresh))
                return self._begin(connection, row, device=device, address=address)

    def give_code(self, token: str, code: str, *, address: str = "") -> SignedIn | Refusal:
        """The step `code`: a one-time code, or a recovery code, which is spent by it."""
        with self._attempt, self._lock:
            session = self._at_step(token, "code")
            if isinstance(session, Refusal):
                return session
            name = session.account.name
            with self._records.transaction() as connection:
                failures = self._failures.of(connection, name)
                if refusal := lock_out.refuse_locked(failures, self._clock.now_ms()):
                    return refusal
                row = find(connection, name)
                if self._codes.check(connection, name, code):
                    return self._go_on(connection, token, session, row, address=address)
                if self._codes.use_recovery(connection, name, code):
                    self._note(connection, "recovery_code_used", row, address=address)
                    return self._go_on(connection, token, session, row, address=address)
            self._note_failure(name, "code_failed", row, address)
            return Refusal("code_wrong", place="code")

    def choose_password(self, token: str, password: str, *, address: str = "") -> SignedIn | Refusal:
        """The step `password`: one of the owner's own in place of the initial one."""
        with self._lock:
            session = self._at_step(token, "password")
            if isinstance(session, Refusal):
                return session
            name = session.account.name
            row = self._row(name)
            if refusal := self._refuse_new(row, password):
                return refusal
            with self._records.transaction() as connection:
                values = {"password_hash": self._hash(password), "must_change": False}
                connection.execute(change_of(name).values(values))
                self._note(connection, "password_changed", row, address=address)
                row = find(connection, name)
                return self._go_on(connection, token, session, row, address=address)

    def begin_codes(
        self, token: str, *, password: str = "", issuer: str, address: str = ""
    ) -> Enrolment | Refusal:
        """A secret for an authenticator: at the step `enrol`, or with the password for who is signed in."""
        with self._attempt, self._lock:
            session = self._sessions.find(token)
            if session is None or session.step not in {"", "enrol"}:
                return Refusal("step_over")
            name = session.account.name
            row = self._row(name)
            if session.step == "" and (refusal := self._refuse_unless_own(row, password, address)):
                return refusal
            with self._records.transaction() as connection:
                if self._codes.has(connection, name):
                    return Refusal("codes_exist")
                return self._codes.begin(connection, name, issuer=issuer)

    def confirm_codes(
        self, token: str, code: str, *, address: str = ""
    ) -> tuple[SignedIn, list[str]] | Refusal:
        """Set up what was begun, with a code that shows that it works: a new session, and recovery codes."""
        with self._lock:
            session = self._sessions.find(token)
            if session is None or session.step not in {"", "enrol"}:
                return Refusal("step_over")
            name = session.account.name
            with self._records.transaction() as connection:
                codes = self._codes.confirm(connection, name, code)
                if codes is None:
                    return Refusal("code_wrong", place="code")
                row = find(connection, name)
                self._note(connection, "codes_set_up", row, address=address)
                went = self._go_on(connection, token, session, row, address=address)
                return went, codes

    def sign_in_outside(
        self, identity: str, account: Account, *, device: str = "", address: str = ""
    ) -> SignedIn | Refusal:
        """A session for somebody whom the bank's identity provider vouches for.

        Their account is made when they first come, and follows what the provider says from then on. An
        account of that name which is not theirs stays as it is, and they are refused.
        """
        if refusal := refuse_account(account.name, account.role, account.branch):
            return refusal
        with self._lock, self._records.transaction() as connection:
            by_identity = select(accounts).where(accounts.c.identity == identity)
            row = connection.execute(by_identity).first()
            if row is None:
                if find(connection, account.name) is not None:
                    return Refusal("account_exists", place="name")
                made = row_of(account, NO_PASSWORD, now_ms=self._clock.now_ms()) | {"identity": identity}
                connection.execute(insert(accounts).values(made))
                self.record.note(
                    connection, "created", actor=SYSTEM, account=account.name, branch=account.branch
                )
            elif row.is_disabled:
                return Refusal("sign_in_failed")
            else:
                self._follow(connection, row, account)
            row = connection.execute(by_identity).one()
            return self._begin(connection, row, device=device, address=address, is_external=True)

    def note_refused_outside(self, *, address: str = "") -> None:
        """Somebody signed in at the bank's identity provider, and no rule here lets them in."""
        with self._records.transaction() as connection:
            self.record.note(connection, "refused_outside", actor=SYSTEM, address=address)

    def begin_device_session(self, account: Account, *, device: str = "") -> SignedIn:
        """A session for a device that was paired: no password, and none that could ever be typed.

        `account` has a device's role and a name of its own, such as `device-3f2a`; its row is made when it
        first comes. `end_sessions(name)` puts it out at once, `disable(name)` for good.
        """
        if account.role not in UNATTENDED_ROLES or refuse_account(account.name, account.role, account.branch):
            raise ValueError(f"Expected the account of a device, got {account}")
        with self._lock, self._records.transaction() as connection:
            row = find(connection, account.name)
            if row is None:
                connection.execute(
                    insert(accounts).values(row_of(account, NO_PASSWORD, now_ms=self._clock.now_ms()))
                )
            elif row.password_hash != NO_PASSWORD or row.identity is not None:
                raise ValueError(f"Expected a name that no person has, got {account.name}")
            else:
                values = {"role": account.role, "branch": account.branch, "is_disabled": False}
                connection.execute(change_of(account.name).values(values))
            row = find(connection, account.name)
            return self._begin(connection, row, device=device, address="")

    # Inside --------------------------------------------------------------------------------------------

    def _begin(
        self, connection: Connection, row: Any, *, device: str, address: str, is_external: bool = False
    ) -> SignedIn:
        """A session from a first step that went well."""
        session = Session(account_of(row), 0, 0, device=device, is_external=is_external)
        return self._next(connection, row, session, address=address, is_code_due=True)

    def _go_on(
        self, connection: Connection, token: str, session: Session, row: Any, *, address: str
    ) -> SignedIn:
        """The session after one more step, under a new token; the old one is worth nothing from here on."""
        key = token_hash(token)
        self._sessions.forget([key])
        self._sessions.remove(connection, [key])
        if session.step == "":
            return self._write(connection, row, session, "")
        return self._next(connection, row, session, address=address, is_code_due=False)

    def _next(
        self, connection: Connection, row: Any, session: Session, *, address: str, is_code_due: bool
    ) -> SignedIn:
        step: Step = ""
        if not session.is_external and row.role not in UNATTENDED_ROLES:
            step = self._step_left(connection, row, is_code_due=is_code_due)
        if step == "":
            self._failures.clear(connection, row.name)
            connection.execute(change_of(row.name).values(signed_in_ms=self._clock.now_ms()))
            action = "signed_in_outside" if session.is_external else "signed_in"
            self._note(connection, action, row, address=address, detail=session.device)
        return self._write(connection, row, session, step)

    def _write(self, connection: Connection, row: Any, session: Session, step: Step) -> SignedIn:
        account = account_of(row)
        own = [key for key, _ in self._sessions.of(account.name)]
        surplus = own[: max(0, len(own) + 1 - self.settings.sessions_per_account_at_most)]
        self._sessions.forget(surplus)
        self._sessions.remove(connection, surplus)
        is_unattended = account.role in UNATTENDED_ROLES
        length_ms = self.settings.unattended_session_ms if is_unattended else self.settings.session_ms
        made, key = self._sessions.begin(
            connection,
            account,
            length_ms=STEP_MS if step else length_ms,
            step=step,
            device=session.device,
            is_external=session.is_external,
        )
        self._sessions.hold(key, made.session)
        return made

    def _step_left(self, connection: Connection, row: Any, *, is_code_due: bool) -> Step:
        """What is to be done next: a code before anything is changed."""
        has_codes = self._codes.has(connection, row.name)
        if has_codes and is_code_due:
            return "code"
        if row.must_change:
            return "password"
        return "enrol" if row.role in self.settings.code_roles and not has_codes else ""

    def _row(self, name: str) -> Any:
        with self._records.reading() as connection:
            return find(connection, name)

    def _at_step(self, token: str, step: Step) -> Session | Refusal:
        session = self._sessions.find(token)
        return session if session is not None and session.step == step else Refusal("step_over")

    def _is_local(self, row: Any) -> bool:
        """May this account sign in by a password at all?"""
        only = self.settings.emergency_account
        return not only or row.name == only or row.role in UNATTENDED_ROLES

    def _follow(self, connection: Connection, row: Any, account: Account) -> None:
        """Give an outside account the rights that its provider says; a change ends its sessions."""
        values = {"role": account.role, "branch": account.branch, "person_id": account.person_id}
        if values == {name: getattr(row, name) for name in values}:
            return
        connection.execute(change_of(row.name).values(values))
        self.record.note(
            connection,
            "role_changed",
            actor=SYSTEM,
            account=row.name,
            branch=account.branch,
            detail=account.role,
        )
        gone = [key for key, _ in self._sessions.of(row.name)]
        self._sessions.forget(gone)
        self._sessions.remove(connection, gone)

    def _note(
        self, connection: Connection, action: str, row: Any, *, address: str = "", detail: str = ""
    ) -> None:
        """Something that the owner of an account did themselves."""
        self.record.note(
            connection,
            action,
            actor=row.name,
            account=row.name,
            branch=row.branch,
            address=address,
            detail=detail,
        )

    def _note_failure(self, name: str, action: str, row: Any, address: str) -> None:
        """Count it under the name that was typed; the record names it only if there is such an account."""
        known = row.name if row is not None else ""
        with self._records.transaction() as connection:
            before = self._failures.of(connection, name)
            after = self._failures.note(connection, name, self._clock.now_ms())
            branch = row.branch if row is not None else None
            self.record.note(connection, action, actor=known, account=known, branch=branch, address=address)
            if after.locked_until_ms > before.locked_until_ms:
                self.record.note(
                    connection, "locked", actor=SYSTEM, account=known, branch=branch, address=address
                )

    def _refuse_unless_own(self, row: Any, password: str, address: str) -> Refusal | None:
        """Why what somebody types is not taken as their own password; guesses count as at the door."""
        if row.password_hash == NO_PASSWORD:
            return Refusal("account_without_password")
        with self._records.reading() as connection:
            failures = self._failures.of(connection, row.name)
        if refusal := lock_out.refuse_locked(failures, self._clock.now_ms()):
            return refusal
        if not self._is_right(cast(str, row.password_hash), password):
            self._note_failure(row.name, "sign_in_failed", row, address)
            return Refusal("password_wrong", place="password")
        return None

    def _refuse_new(self, row: Any, password: str) -> Refusal | None:
        """Why a password is not taken in place of the present one."""
        if row.password_hash == NO_PASSWORD:
            return Refusal("account_without_password")
        if self._is_right(cast(str, row.password_hash), password):
            return Refusal("password_unchanged", place="password")
        return self._refuse_password(password, row.name)

    def _refuse_password(self, password: str, name: str) -> Refusal | None:
        return passwords.refuse_password(
            password,
            name,
            length_min=self.settings.password_length_min,
            length_max=self.settings.password_length_max,
        )

    def _hash(self, password: str) -> str:
        return self._hasher.hash(_normal(password))

    def _is_right(self, stored: str, password: str) -> bool:
        # A text of megabytes is not worth normalising; cut, it is as wrong as before.
        try:
            return self._hasher.verify(stored, _normal(password[: self.settings.password_length_max + 1]))
        except (VerificationError, InvalidHashError):
            return False


def _normal(password: str) -> str:
    """One password however it was typed: Chinese input methods write full-width letters and digits."""
    return unicodedata.normalize("NFKC", password)

"""Personal data outside the log [B5]: sealed, expiring, erasable, and every look at it written down.

An event carries a reference; what it refers to lies here, encrypted under a key from a file that stands apart
from the database. Erasing a record leaves the log and its hashes whole. A deleted row is overwritten in the
database file, because the store opens it with `secure_delete`; pages in the write-ahead log are overwritten
as it is reused, and a backup keeps a record, sealed, until the backup itself is thrown away.

Nothing personal is ever part of an error, a log line or a row of the access list.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select, update

from openhall.kernel.clock import DAY_MS, Clock
from openhall.kernel.event import SYSTEM
from openhall.kernel.refusal import Refusal
from openhall.kernel.text import Text
from openhall.log import consents
from openhall.log.access_record import AccessRecord
from openhall.log.consents import Consent
from openhall.log.contacts import contacts_in, normal
from openhall.log.keys import KEY_ID_BYTES, NONCE_BYTES, KeyRing, KeyWrong, RandomBytes
from openhall.log.records import Records
from openhall.log.schema import personal, personal_access, personal_clean_ups, personal_marks
from openhall.network.model import PrivacyPolicy

REF_BYTES = 16
DATA_BYTES_MAX = 4_096
EXPIRE_BATCH_ROWS = 500
"""Rows erased in one transaction, so that the log's own commits never wait long."""

MARK_BYTES = 16
MARK_PURPOSE = b"openhall personal marks"
RECORDS_OF_ONE_AT_MOST = 500
"""Of one person, listed or erased at a time: some a day while records are kept."""
CLEAN_UPS_KEPT = 20_000
"""Evidence of more than two years, an hour each."""

WORD_PATTERN = r"[a-z][a-z0-9_]{1,39}"
"""A kind and a reason are words from a list: free text about a person would itself be personal data."""

_data = msgspec.json.Decoder(dict[str, str])


class Access(msgspec.Struct, frozen=True):
    """One line of the access list: who did what to which record, when and why."""

    ref: str
    at_ms: int
    actor: str
    action: str
    reason: str
    branch: str = ""
    kind: str = ""


class Expired(msgspec.Struct, frozen=True):
    """Evidence of a clean-up: how many records went, when the oldest of them was written, how many are left
    and when the next of them is due."""

    at_ms: int
    count: int
    oldest_created_ms: int | None
    kept_count: int
    next_due_ms: int | None


class Found(msgspec.Struct, frozen=True):
    """A record about somebody, not opened."""

    ref: str
    branch: str
    kind: str
    created_ms: int
    expires_ms: int
    consent: str


class Export(msgspec.Struct, frozen=True):
    """All that is kept under a reference, for the person whom it is about."""

    ref: str
    branch: str
    kind: str
    created_ms: int
    expires_ms: int
    data: dict[str, str]
    accesses: tuple[Access, ...]
    consent: str = ""
    """The version of the wording that the customer agreed to; empty where none was asked for."""
    agreed_to: Text | None = None


@dataclass
class PersonalRecords:
    """The sealed records of one database. Every method blocks on the database: call it in a thread."""

    records: Records
    keys: KeyRing
    clock: Clock
    random_bytes: RandomBytes
    policy: PrivacyPolicy
    """Replace it when the configuration changes; records keep the expiry that they were written with."""

    def __post_init__(self) -> None:
        self._mark_keys = self.keys.derive(MARK_PURPOSE)
        self._record = AccessRecord(self.records, self.clock, self.keys)

    def consent(self, kind: str) -> Consent | None:
        """What a customer is shown before leaving something of the kind; None where nothing is asked for."""
        return consents.consent_of(self.policy, kind)

    def check_keys(self) -> None:
        """Raise `KeyWrong` now, at the start, when the key file does not fit what is sealed."""
        key_id = func.substr(personal.c.sealed, 1, KEY_ID_BYTES)
        with self.records.reading() as connection:
            for (found,) in connection.execute(select(key_id).distinct()):
                if not self.keys.knows(bytes(found)):
                    raise KeyWrong("The key file lacks a key that records were sealed with", place="key file")

    def put_once(
        self,
        branch: str,
        kind: str,
        data: Mapping[str, str],
        actor: str,
        *,
        key: str,
        consent: str = "",
        keep_until_ms: int = 0,
    ) -> str | Refusal:
        """Keep something about a person, under a key; the reference may go into an event.

        The same key again from the same actor is the same record, so that a retry leaves no second copy;
        with other data it is refused. `consent` is the version of the wording that the person agreed to
        (`consent(kind).version`), refused when it is not the present one. The doors check lengths before;
        here ValueError, without the data, for what is too long. Kept as long as the bank says unless it is
        known until when it is needed.

        The reference is made from the key alone, never from the data: what is short could be guessed.
        """
        policy = self.policy  # another may be published while this goes on
        if refusal := consents.refuse_consent(policy, kind, consent):
            return refusal
        named = "\n".join(("openhall record", branch, actor, key))
        ref = hashlib.sha256(named.encode()).digest()[:REF_BYTES].hex()
        row = self._sealed_row(ref, branch, kind, data, consent)
        if keep_until_ms:
            row["expires_ms"] = keep_until_ms
        with self.records.transaction() as connection:
            there = connection.execute(select(personal).where(personal.c.ref == ref)).first()
            if there is None:
                consents.keep_text(connection, policy, kind, now_ms=self.clock.now_ms())
                self._write(connection, row, actor, data)
            elif there.kind != kind or self._open(there) != dict(data):
                return Refusal("command_id_reused", "Idempotency-Key")
        return ref

    def _sealed_row(
        self, ref: str, branch: str, kind: str, data: Mapping[str, str], consent: str
    ) -> dict[str, object]:
        _check_word("kind", kind)
        plain = msgspec.json.encode(dict(data))
        if len(plain) > DATA_BYTES_MAX:
            raise ValueError(f"Expected personal data of at most {DATA_BYTES_MAX} bytes, got {len(plain)}")
        now_ms, bound_to = self.clock.now_ms(), _bound_to(ref, branch, kind)
        return {
            "ref": ref,
            "branch": branch,
            "kind": kind,
            "sealed": self.keys.seal(plain, bound_to=bound_to, nonce=self.random_bytes(NONCE_BYTES)),
            "created_ms": now_ms,
            "expires_ms": now_ms + self.policy.keep_days * DAY_MS,
            "consent": consent,
        }

    def _write(
        self, connection: Connection, row: Mapping[str, object], actor: str, data: Mapping[str, str]
    ) -> None:
        connection.execute(insert(personal).values(row))
        marks = {_mark(self._mark_keys[0], contact) for contact in contacts_in(data.values())}
        if marks:
            connection.execute(insert(personal_marks), [{"mark": m, "ref": row["ref"]} for m in marks])
        about = Found(**{name: row[name] for name in Found.__struct_fields__})  # type: ignore[arg-type]
        self._note(connection, [about], actor, "written", about.kind)

    def get(self, ref: str, actor: str, reason: str) -> dict[str, str] | None:
        """Look at a record, None when it is gone. The look is on disk before the data is given."""
        row = self._look(ref, actor, "read", reason)
        return None if row is None else self._open(row)

    def export(self, ref: str, actor: str, reason: str) -> Export | None:
        """Everything under a reference with the list of who looked at it, this time included."""
        row = self._look(ref, actor, "exported", reason)
        if row is None:
            return None
        return Export(
            ref=ref,
            branch=row.branch,
            kind=row.kind,
            created_ms=row.created_ms,
            expires_ms=row.expires_ms,
            data=self._open(row),
            accesses=tuple(self.accesses(ref)),
            consent=row.consent,
            agreed_to=consents.wording(self.records, row.consent) if row.consent else None,
        )

    def keep_until(self, ref: str, keep_until_ms: int, actor: str, reason: str) -> bool:
        """Keep a record till another moment; False when there is none."""
        _check_word("reason", reason)
        with self.records.transaction() as connection:
            found = self._found(connection, 1, personal.c.ref == ref)
            if found:
                is_it = personal.c.ref == ref
                connection.execute(update(personal).where(is_it).values(expires_ms=keep_until_ms))
                self._note(connection, found, actor, "prolonged", reason)
        return bool(found)

    def erase(self, ref: str, actor: str, reason: str, *, is_wish: bool = False) -> bool:
        """Erase a record before its time; False when there was none. A colleague who does so because somebody
        wishes it has it in the access record too."""
        _check_word("reason", reason)
        with self.records.transaction() as connection:
            found = self._found(connection, 1, personal.c.ref == ref)
            self._erase(connection, found, actor, "erased", reason)
            if found and is_wish:
                self._note_deed(connection, "personal_erased", actor, found[0].branch, 1)
        return bool(found)

    def _erase(
        self, connection: Connection, found: list[Found], actor: str, action: str, reason: str
    ) -> None:
        if found:
            refs = [each.ref for each in found]
            connection.execute(delete(personal).where(personal.c.ref.in_(refs)))
            self._note(connection, found, actor, action, reason)

    # -- one person -----------------------------------------------------------------------------------

    def find(self, contact: str, branch: str | None, actor: str, reason: str) -> list[Found]:
        """Every record of a branch, or of the whole bank, in which a number or an address stands, oldest
        first, none of them opened. The search is in the access list of each, and in the access record also
        when it found nothing."""
        _check_word("reason", reason)
        with self.records.transaction() as connection:
            is_due = personal.c.expires_ms <= self.clock.now_ms()
            found = self._of_one(connection, contact, branch, ~is_due)
            if found:
                self._note(connection, found, actor, "found", reason)
            self._note_deed(connection, "personal_searched", actor, branch, len(found))
        return found

    def export_all(self, contact: str, branch: str | None, actor: str, reason: str) -> list[Export]:
        """All that is kept of whoever has the number or the address, for that person."""
        refs = [each.ref for each in self.find(contact, branch, actor, reason)]
        exports = [export for ref in refs if (export := self.export(ref, actor, reason)) is not None]
        with self.records.transaction() as connection:
            self._note_deed(connection, "personal_handed_out", actor, branch, len(exports))
        return exports

    def erase_all(self, contact: str, branch: str | None, actor: str, reason: str) -> int:
        """Erase it all, however much it is; how many records it was."""
        _check_word("reason", reason)
        count = 0
        while True:
            with self.records.transaction() as connection:
                found = self._of_one(connection, contact, branch)
                self._erase(connection, found, actor, "erased", reason)
                if found or not count:
                    self._note_deed(connection, "personal_erased", actor, branch, len(found))
            count += len(found)
            if len(found) < RECORDS_OF_ONE_AT_MOST:
                return count

    def _note_deed(
        self, connection: Connection, action: str, actor: str, branch: str | None, count: int
    ) -> None:
        """What was done about one person, in the chain that nobody changes: by whom, to how many records."""
        detail = str(count)
        self._record.note(connection, action, actor=actor, account=actor, branch=branch, detail=detail)

    def _of_one(
        self, connection: Connection, contact: str, branch: str | None, *conditions: ColumnElement[bool]
    ) -> list[Found]:
        known_as = normal(contact)
        if known_as is None:
            return []
        marks = [_mark(key, known_as) for key in self._mark_keys]
        refs = select(personal_marks.c.ref).where(personal_marks.c.mark.in_(marks))
        within = [] if branch is None else [personal.c.branch == branch]
        is_theirs = personal.c.ref.in_(refs)
        return self._found(connection, RECORDS_OF_ONE_AT_MOST, is_theirs, *within, *conditions)

    def _found(self, connection: Connection, limit: int, *conditions: ColumnElement[bool]) -> list[Found]:
        columns = [personal.c[name] for name in Found.__struct_fields__]
        query = select(*columns).where(*conditions).order_by(personal.c.created_ms, personal.c.ref)
        return [Found(*row) for row in connection.execute(query.limit(limit))]

    # -- time passing ---------------------------------------------------------------------------------

    def expire(self) -> Expired:
        """Erase everything whose time has come, with a line in the access list for each record, and leave
        evidence of it."""
        count = 0
        oldest: int | None = None
        now_ms = self.clock.now_ms()
        while True:
            with self.records.transaction() as connection:
                batch = self._found(connection, EXPIRE_BATCH_ROWS, personal.c.expires_ms <= now_ms)
                self._erase(connection, batch, SYSTEM, "expired", "keep_days")
            count += len(batch)
            known = [each.created_ms for each in batch] + ([] if oldest is None else [oldest])
            oldest = min(known, default=None)
            if len(batch) < EXPIRE_BATCH_ROWS:
                return self._evidence(now_ms, count, oldest)

    def _evidence(self, now_ms: int, count: int, oldest: int | None) -> Expired:
        with self.records.transaction() as connection:
            kept, due = connection.execute(select(func.count(), func.min(personal.c.expires_ms))).one()
            done = Expired(now_ms, count, oldest, kept, due)
            connection.execute(insert(personal_clean_ups).values(msgspec.structs.asdict(done)))
            newest = select(func.max(personal_clean_ups.c.id)).scalar_subquery()
            old = personal_clean_ups.c.id <= newest - CLEAN_UPS_KEPT
            connection.execute(delete(personal_clean_ups).where(old))
        return done

    def clean_ups(self, limit: int) -> list[Expired]:
        """The evidence, latest first."""
        columns = [personal_clean_ups.c[name] for name in Expired.__struct_fields__]
        query = select(*columns).order_by(personal_clean_ups.c.id.desc()).limit(limit)
        with self.records.reading() as connection:
            return [Expired(*row) for row in connection.execute(query)]

    def trim_looks(self, before_ms: int) -> int:
        """Remove lines of the access list from before a moment whose records are gone; how many they were."""
        is_old = personal_access.c.at_ms < before_ms
        is_gone = personal_access.c.ref.not_in(select(personal.c.ref))
        ids = select(personal_access.c.id).where(is_old, is_gone).limit(EXPIRE_BATCH_ROWS)
        count = 0
        while True:
            with self.records.transaction() as connection:
                removed = connection.execute(
                    delete(personal_access).where(personal_access.c.id.in_(ids))
                ).rowcount
                if removed:
                    self._note_deed(connection, "looks_trimmed", SYSTEM, None, removed)
            count += removed
            if removed < EXPIRE_BATCH_ROWS:
                return count

    # -- who has seen what ----------------------------------------------------------------------------

    def owner(self, ref: str) -> str | None:
        """The branch that a record belongs to; None when there is none of that reference."""
        query = select(personal.c.branch).where(personal.c.ref == ref)
        with self.records.reading() as connection:
            found: str | None = connection.execute(query).scalar_one_or_none()
        return found

    def kept(self, branch: str) -> list[Found]:
        """The records of a branch that are still there, oldest first. Opens none of them."""
        columns = [personal.c[name] for name in Found.__struct_fields__]
        is_due = personal.c.expires_ms <= self.clock.now_ms()
        query = select(*columns).where(personal.c.branch == branch, ~is_due)
        with self.records.reading() as connection:
            rows = connection.execute(query.order_by(personal.c.created_ms, personal.c.ref))
            return [Found(*row) for row in rows]

    def accesses(self, ref: str) -> list[Access]:
        """Who has done what to a record, also after it is gone."""
        columns = [personal_access.c[name] for name in Access.__struct_fields__]
        query = select(*columns).where(personal_access.c.ref == ref).order_by(personal_access.c.id)
        with self.records.reading() as connection:
            return [Access(*row) for row in connection.execute(query)]

    def access_list(
        self, branch: str | None, *, actor: str = "", action: str = "", ref: str = "", limit: int
    ) -> list[Access]:
        """What was done to the records of a branch, or of all, latest first, as far as a filter lets
        through."""
        wanted = {"branch": branch, "actor": actor, "action": action, "ref": ref}
        conditions = [personal_access.c[name] == value for name, value in wanted.items() if value]
        query = (
            select(*(personal_access.c[name] for name in Access.__struct_fields__))
            .where(*conditions)
            .order_by(personal_access.c.id.desc())
            .limit(limit)
        )
        with self.records.reading() as connection:
            return [Access(*row) for row in connection.execute(query)]

    def _look(self, ref: str, actor: str, action: str, reason: str) -> Row[tuple[object, ...]] | None:
        _check_word("reason", reason)
        with self.records.transaction() as connection:
            found = personal.c.ref == ref
            is_due = personal.c.expires_ms <= self.clock.now_ms()
            row = connection.execute(select(personal).where(found, ~is_due)).first()
            if row is not None:
                about = Found(ref, row.branch, row.kind, row.created_ms, row.expires_ms, row.consent)
                self._note(connection, [about], actor, action, reason)
        return row

    def _note(self, connection: Connection, about: list[Found], actor: str, action: str, reason: str) -> None:
        line = {"at_ms": self.clock.now_ms(), "actor": actor, "action": action, "reason": reason}
        rows = [{"ref": each.ref, "branch": each.branch, "kind": each.kind, **line} for each in about]
        connection.execute(insert(personal_access), rows)

    def _open(self, row: Row[tuple[object, ...]]) -> dict[str, str]:
        bound_to = _bound_to(row.ref, row.branch, row.kind)
        return _data.decode(self.keys.open(bytes(row.sealed), bound_to=bound_to, ref=row.ref))


def _bound_to(ref: str, branch: str, kind: str) -> bytes:
    """What a seal is bound to: a record moved to another row, branch or kind does not open."""
    return "\n".join((ref, branch, kind)).encode()


def _mark(key: bytes, contact: str) -> bytes:
    return hmac.digest(key, contact.encode(), hashlib.sha256)[:MARK_BYTES]


def _check_word(name: str, value: str) -> None:
    if not re.fullmatch(WORD_PATTERN, value):
        raise ValueError(f"Expected {name} to be a word from a list, such as 'lost_property'")

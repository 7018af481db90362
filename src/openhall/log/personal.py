"""Personal data outside the log [B5]: sealed, expiring, erasable, and every look at it written down.

An event carries a reference; what it refers to lies here, encrypted under a key from a file that stands apart
from the database. Erasing a record leaves the log and its hashes whole. A deleted row is overwritten in the
database file, because the store opens it with `secure_delete`; pages in the write-ahead log are overwritten
as it is reused, and a backup keeps a record, sealed, until the backup itself is thrown away.

Nothing personal is ever part of an error, a log line or a row of the access list.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select, update

from openhall.kernel.clock import DAY_MS, Clock
from openhall.kernel.event import SYSTEM
from openhall.kernel.refusal import Refusal
from openhall.kernel.text import Text
from openhall.kernel.trouble import Trouble
from openhall.log import consents
from openhall.log.consents import Consent
from openhall.log.contacts import contacts_in, normal
from openhall.log.records import Records
from openhall.log.schema import personal, personal_access, personal_clean_ups, personal_marks
from openhall.network.model import PrivacyPolicy

KEY_BYTES = 32
KEY_ID_BYTES = 4
NONCE_BYTES = 12
REF_BYTES = 16
DATA_BYTES_MAX = 4_096
EXPIRE_BATCH_ROWS = 500
"""Rows erased in one transaction, so that the log's own commits never wait long."""

MARK_BYTES = 16
MARK_PURPOSE = b"openhall personal marks"
RECORDS_OF_ONE_AT_MOST = 500
"""Of one person: some a day while records are kept."""
CLEAN_UPS_KEPT = 20_000
"""Evidence of more than two years, an hour each."""

WORD_PATTERN = r"[a-z][a-z0-9_]{1,39}"
"""A kind and a reason are words from a list: free text about a person would itself be personal data."""

RandomBytes = Callable[[int], bytes]
_data = msgspec.json.Decoder(dict[str, str])


class KeyMissing(Trouble):
    """There is no key file where one is expected."""

    code = "key_missing"
    remedy = "Put the key file back from where you keep it; `openhall init` makes one for a new bank only."


class KeyWrong(Trouble):
    """The key file cannot be read as one, or it does not open what is sealed."""

    code = "key_wrong"
    remedy = "Put back the key file that belongs to this database; without it the sealed data stays closed."


class KeyExposed(Trouble):
    """Others on this machine may read the key file."""

    code = "key_exposed"
    remedy = "Make the file readable by its owner alone (chmod 600)."


class KeyExists(Trouble):
    """A new key file would overwrite another."""

    code = "key_exists"
    remedy = "Keep the file: data sealed with it cannot be opened without it."


class SealBroken(Trouble):
    """A sealed record was changed or moved since it was written."""

    code = "seal_broken"
    remedy = "Run `openhall verify`; the record can only be erased."


class KeyRing:
    """The keys of a key file: the first seals, all of them open."""

    def __init__(self, keys: Iterable[bytes], *, place: str = "key file") -> None:
        self._place = place
        listed = list(keys)
        if not listed or any(len(key) != KEY_BYTES for key in listed):
            raise KeyWrong(f"{place} holds no key of {KEY_BYTES} bytes", place=place)
        self._keys = {_key_id(key): AESGCM(key) for key in listed}
        self._current = _key_id(listed[0])
        self._listed = tuple(listed)

    @classmethod
    def read(cls, path: Path) -> KeyRing:
        """The keys of a file, one in base64 on each line, the current one first."""
        try:
            with path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                lines = file.read().split()
        except FileNotFoundError as error:
            raise KeyMissing(f"{path} does not exist", place=str(path)) from error
        except OSError as error:
            raise KeyMissing(f"{path}: {error.strerror}", place=str(path)) from error
        if mode & 0o077:
            raise KeyExposed(f"{path} may be read by others", place=str(path))
        try:
            keys = [base64.b64decode(line, validate=True) for line in lines]
        except binascii.Error as error:
            raise KeyWrong(f"{path} is no key file", place=str(path)) from error
        return cls(keys, place=str(path))

    def seal(self, plain: bytes, *, bound_to: bytes, nonce: bytes) -> bytes:
        """Encrypt, with the name of the key in front."""
        return self._current + nonce + self._keys[self._current].encrypt(nonce, plain, bound_to)

    def open(self, sealed: bytes, *, bound_to: bytes, ref: str) -> bytes:
        """Decrypt, or say whether the key or the record is at fault."""
        key = self._keys.get(sealed[:KEY_ID_BYTES])
        if key is None:
            raise KeyWrong(f"{self._place} has no key for {ref}", place=self._place)
        nonce, body = sealed[KEY_ID_BYTES:][:NONCE_BYTES], sealed[KEY_ID_BYTES + NONCE_BYTES :]
        try:
            return key.decrypt(nonce, body, bound_to)
        except (InvalidTag, ValueError) as error:
            raise SealBroken(f"Record {ref} does not open", place=ref) from error

    def derive(self, purpose: bytes) -> tuple[bytes, ...]:
        """A key for another purpose from each key of the file, the current one first (HKDF, RFC 5869).

        What is done with it tells nothing about the key that seals.
        """
        return tuple(HKDF(SHA256(), KEY_BYTES, salt=None, info=purpose).derive(key) for key in self._listed)

    def knows(self, key_id: bytes) -> bool:
        """Is the key of that name on the ring?"""
        return key_id in self._keys


def create_key_file(path: Path, random_bytes: RandomBytes) -> None:
    """Make a key file that only its owner can read; never over another one."""
    try:
        _write_keys(path, [random_bytes(KEY_BYTES)])
    except FileExistsError as error:
        raise KeyExists(f"{path} is there already", place=str(path)) from error


def rotate_key_file(path: Path, random_bytes: RandomBytes) -> None:
    """Put a new key first; the old ones go on opening what they sealed.

    An old line may be removed once everything sealed with it has expired.
    """
    KeyRing.read(path)
    old = [base64.b64decode(line) for line in path.read_bytes().split()]
    beside = path.with_name(path.name + ".new")
    with suppress(FileNotFoundError):  # Left by a rotation that was cut short.
        beside.unlink()
    _write_keys(beside, [random_bytes(KEY_BYTES), *old])
    beside.replace(path)
    _sync_folder(path.parent)


def _write_keys(path: Path, keys: list[bytes]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(b"".join(base64.b64encode(key) + b"\n" for key in keys))
        file.flush()
        os.fsync(file.fileno())
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _key_id(key: bytes) -> bytes:
    """A key's name: so much of its hash that two keys of one bank never share it, and nothing of the key."""
    return hashlib.sha256(b"openhall key id\0" + key).digest()[:KEY_ID_BYTES]


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

    def erase(self, ref: str, actor: str, reason: str) -> bool:
        """Erase a record before its time; False when there was none."""
        _check_word("reason", reason)
        with self.records.transaction() as connection:
            found = self._found(connection, 1, personal.c.ref == ref)
            self._erase(connection, found, actor, "erased", reason)
        return bool(found)

    def _erase(
        self, connection: Connection, found: list[Found], actor: str, action: str, reason: str
    ) -> None:
        if found:
            refs = [each.ref for each in found]
            connection.execute(delete(personal).where(personal.c.ref.in_(refs)))
            self._note(connection, found, actor, action, reason)

    # -- one person -----------------------------------------------------------------------------------

    def find(self, contact: str, branch: str, actor: str, reason: str) -> list[Found]:
        """Every record of a branch in which a number or an address stands, oldest first, none of them
        opened; the search is in the access list of each."""
        _check_word("reason", reason)
        with self.records.transaction() as connection:
            found = self._of_one(connection, contact, branch)
            if found:
                self._note(connection, found, actor, "found", reason)
        return found

    def export_all(self, contact: str, branch: str, actor: str, reason: str) -> list[Export]:
        """All that a branch keeps of whoever has the number or the address, for that person."""
        refs = [each.ref for each in self.find(contact, branch, actor, reason)]
        exports = (self.export(ref, actor, reason) for ref in refs)
        return [export for export in exports if export is not None]

    def erase_all(self, contact: str, branch: str, actor: str, reason: str) -> int:
        """Erase it all at once; how many records it was."""
        _check_word("reason", reason)
        count = 0
        while True:
            with self.records.transaction() as connection:
                found = self._of_one(connection, contact, branch)
                self._erase(connection, found, actor, "erased", reason)
            count += len(found)
            if len(found) < RECORDS_OF_ONE_AT_MOST:
                return count

    def _of_one(self, connection: Connection, contact: str, branch: str) -> list[Found]:
        known_as = normal(contact)
        if known_as is None:
            return []
        marks = [_mark(key, known_as) for key in self._mark_keys]
        refs = select(personal_marks.c.ref).where(personal_marks.c.mark.in_(marks))
        is_theirs = (personal.c.branch == branch) & personal.c.ref.in_(refs)
        return self._found(connection, RECORDS_OF_ONE_AT_MOST, is_theirs)

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

    # -- who has seen what ----------------------------------------------------------------------------

    def owner(self, ref: str) -> str | None:
        """The branch that a record belongs to; None when there is none of that reference."""
        query = select(personal.c.branch).where(personal.c.ref == ref)
        with self.records.reading() as connection:
            found: str | None = connection.execute(query).scalar_one_or_none()
        return found

    def present(self, branch: str) -> set[str]:
        """The references of a branch whose records are still there. Opens none of them."""
        is_due = personal.c.expires_ms <= self.clock.now_ms()
        query = select(personal.c.ref).where(personal.c.branch == branch, ~is_due)
        with self.records.reading() as connection:
            return set(connection.execute(query).scalars())

    def accesses(self, ref: str) -> list[Access]:
        """Who has done what to a record, also after it is gone."""
        columns = [personal_access.c[name] for name in Access.__struct_fields__]
        query = select(*columns).where(personal_access.c.ref == ref).order_by(personal_access.c.id)
        with self.records.reading() as connection:
            return [Access(*row) for row in connection.execute(query)]

    def access_list(
        self, branch: str, *, actor: str = "", action: str = "", ref: str = "", limit: int
    ) -> list[Access]:
        """What was done to the records of a branch, latest first, as far as a filter lets through."""
        wanted = {"actor": actor, "action": action, "ref": ref}
        conditions = [personal_access.c[name] == value for name, value in wanted.items() if value]
        query = (
            select(*(personal_access.c[name] for name in Access.__struct_fields__))
            .where(personal_access.c.branch == branch, *conditions)
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

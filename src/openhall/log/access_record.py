"""The access record: who signed in, who failed to, who changed which account, who handed out personal data.

Each row's hash covers the row and the hash before it, and triggers refuse changes: who alters the file with
other tools leaves a chain that does not fit. The end of the chain is kept in a table of its own under a seal
made with the installation's key, and the next row goes on from there: rows that were cut off at the end leave
a gap that is never closed again. What is too old goes from the beginning, under a sealed statement of where
the record now begins. Never in it: passwords, tokens, codes, what somebody looked for, or a name that belongs
to no account, because people type passwords into the wrong field.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator
from itertools import takewhile
from typing import Final, Literal, NamedTuple

import msgspec
from sqlalchemy import Connection, delete, insert, inspect, select
from sqlalchemy.dialects import sqlite

from openhall.kernel.clock import Clock
from openhall.kernel.event import SYSTEM
from openhall.log.keys import KeyRing
from openhall.log.records import Records
from openhall.log.schema import access_record as table
from openhall.log.schema import access_record_cuts as cuts
from openhall.log.schema import access_record_head as heads

CHAIN_START = bytes(32)
SEAL_PURPOSE: Final = b"openhall access record"
PAGE_ROWS = 200
FAULTS_AT_MOST: Final = 20
TRIM_ROWS: Final = 2_000
"""Rows removed in one transaction, so that the log's own commits never wait long."""
ACTIONS = (
    "signed_in",
    "signed_in_outside",
    "signed_out",
    "sign_in_failed",
    "code_failed",
    "recovery_code_used",
    "locked",
    "unlocked",
    "created",
    "disabled",
    "enabled",
    "role_changed",
    "password_changed",
    "password_reset",
    "codes_set_up",
    "codes_removed",
    "sessions_ended",
    "refused_outside",
    "personal_searched",
    "personal_handed_out",
    "personal_erased",
    "chain_sealed",
    "fault_accepted",
    "record_trimmed",
    "looks_trimmed",
)
"""Every word that a row may have for what happened. `chain_sealed`: from here on the end is kept under a
seal; `looks_trimmed`: old lines of who looked at which sealed record were removed."""

FaultCode = Literal["changed", "missing", "cut_off", "forged", "sealed_again"]


class Entry(msgspec.Struct, frozen=True):
    """One row: who did what to which account, from which network address."""

    id: int
    at_ms: int
    actor: str
    action: str
    account: str
    branch: str
    address: str
    detail: str


class RecordFault(msgspec.Struct, frozen=True):
    """A row at which the record does not hold together."""

    row: int
    code: FaultCode


class End(NamedTuple):
    """The last row of the chain; 0 before the first."""

    row: int
    hash: bytes


class Begin(NamedTuple):
    """The row before the first that is kept, how often the chain was sealed until then, and whether the
    statement that says so is ours."""

    end: End
    seals_count: int
    is_ours: bool


class AccessRecord:
    """The record of one installation."""

    def __init__(self, records: Records, clock: Clock, keys: KeyRing) -> None:
        self._records = records
        self._clock = clock
        self._keys = keys.derive(SEAL_PURPOSE)

    # -- adding ---------------------------------------------------------------------------------------

    def note(
        self,
        connection: Connection,
        action: str,
        *,
        actor: str,
        account: str = "",
        branch: str | None = None,
        address: str = "",
        detail: str = "",
    ) -> None:
        """Add a row in the transaction of what it is about: both are there or neither is."""
        if action not in ACTIONS:
            raise ValueError(f"Expected one of {ACTIONS}, got {action!r}")
        end = self._sealed_end(connection)
        if end is None:
            now_ms, last = self._clock.now_ms(), self._last(connection)
            end = self._add(connection, last, Entry(0, now_ms, SYSTEM, "chain_sealed", SYSTEM, "", "", ""))
        entry = Entry(
            0, self._clock.now_ms(), actor, action, account, branch or "", address[:64], detail[:200]
        )
        self._add(connection, end, entry)

    def _add(self, connection: Connection, end: End, entry: Entry) -> End:
        entry = msgspec.structs.replace(entry, id=end.row + 1)
        row = {name: getattr(entry, name) for name in Entry.__struct_fields__}
        after = End(entry.id, _hash(end.hash, entry))
        connection.execute(insert(table).values(row | {"hash": after.hash}))
        kept = {"last_id": after.row, "hash": after.hash, "seal": self._seal("end", after)}
        put = sqlite.insert(heads).values({"id": 1} | kept)
        connection.execute(put.on_conflict_do_update(index_elements=["id"], set_=kept))
        return after

    def _seal(self, what: str, end: End, *more: int) -> bytes:
        return _seals(self._keys[:1], what, end, *more)[0]

    def _is_sealed(self, seal: bytes, what: str, end: End, *more: int) -> bool:
        made = _seals(self._keys, what, end, *more)
        return any(hmac.compare_digest(seal, each) for each in made)

    def _sealed_end(self, connection: Connection) -> End | None:
        """Where the chain ends by its seal; None without one that is ours."""
        row = connection.execute(select(heads)).first()
        if row is None:
            return None
        end = End(row.last_id, bytes(row.hash))
        return end if self._is_sealed(bytes(row.seal), "end", end) else None

    def _last(self, connection: Connection) -> End:
        """Where the rows that are there end."""
        last = connection.execute(
            select(table.c.id, table.c.hash).order_by(table.c.id.desc()).limit(1)
        ).first()
        return End(last.id, bytes(last.hash)) if last else self._begin(connection).end

    def _begin(self, connection: Connection) -> Begin:
        """Where the rows that are kept begin, by the last statement of a trimming."""
        cut = connection.execute(select(cuts).order_by(cuts.c.last_id.desc()).limit(1)).first()
        if cut is None:
            return Begin(End(0, CHAIN_START), 0, True)
        end = End(cut.last_id, bytes(cut.hash))
        is_ours = self._is_sealed(
            bytes(cut.seal), "cut", end, cut.at_ms, cut._mapping["count"], cut.seals_count
        )
        return Begin(end, cut.seals_count, is_ours)

    # -- reading --------------------------------------------------------------------------------------

    def entries(
        self, *, account: str = "", action: str = "", branch: str | None = None, before: int | None = None
    ) -> list[Entry]:
        """The latest rows first, at most a page; of one account, action or branch, below an id."""
        query = select(table).order_by(table.c.id.desc()).limit(PAGE_ROWS)
        if account:
            query = query.where((table.c.account == account) | (table.c.actor == account))
        if action:
            query = query.where(table.c.action == action)
        if branch is not None:
            query = query.where(table.c.branch == branch)
        if before is not None:
            query = query.where(table.c.id < before)
        with self._records.reading() as connection:
            return [_entry(row) for row in connection.execute(query)]

    def end(self) -> End:
        """The last row, for an anchor that is kept elsewhere."""
        with self._records.reading() as connection:
            return self._last(connection)

    def holds(self, end: End) -> bool:
        """Is a row that an anchor names there as it was? One that was removed for its age is not missed."""
        with self._records.reading() as connection:
            if end.row <= self._begin(connection).end.row:
                return True
            found = connection.execute(select(table.c.hash).where(table.c.id == end.row)).scalar()
        return found is not None and bytes(found) == end.hash

    # -- is it whole? ---------------------------------------------------------------------------------

    def fault_at_end(self) -> RecordFault | None:
        """A look at the end alone, which costs nothing: are the last rows there, under a seal of ours?"""
        with self._records.reading() as connection:
            end, last = self._sealed_end(connection), self._last(connection)
            has_head = connection.execute(select(heads.c.id)).first() is not None
        return _fault_at(end, last, has_head=has_head)

    def faults(self) -> list[RecordFault]:
        """Every place at which the record does not hold together, the first ones first, but for those that
        somebody has looked into and accepted. Reads all of it."""
        with self._records.reading() as connection:
            begin = self._begin(connection)
            accepted = self._accepted(connection)
        found = [*_faults_of_rows(begin, self._every()), self.fault_at_end()]
        return [fault for fault in found if fault and fault.row not in accepted][:FAULTS_AT_MOST]

    def _accepted(self, connection: Connection) -> set[int]:
        details = select(table.c.detail).where(table.c.action == "fault_accepted")
        return {int(detail) for detail in connection.execute(details).scalars() if detail.isdecimal()}

    def accept(self, row: int, actor: str) -> bool:
        """Somebody has looked into a fault: it is not reported again, and who did so is on record. False when
        there is no such fault."""
        if row not in {fault.row for fault in self.faults()}:
            return False
        with self._records.transaction() as connection:
            rows = [row]
            if self._sealed_end(connection) is None:
                rows.append(self._last(connection).row + 1)  # The row that seals it anew is no further fault.
            for each in rows:
                self.note(connection, "fault_accepted", actor=actor, account=actor, detail=str(each))
        return True

    def _every(self) -> Iterator[tuple[Entry, bytes]]:
        after = -1
        while True:
            query = select(table).where(table.c.id > after).order_by(table.c.id).limit(PAGE_ROWS * 10)
            with self._records.reading() as connection:
                rows = connection.execute(query).all()
            for row in rows:
                yield _entry(row), bytes(row.hash)
            if not rows:
                return
            after = rows[-1].id

    # -- time passing ---------------------------------------------------------------------------------

    def trim(self, before_ms: int) -> int:
        """Remove the rows from before a moment, from the beginning on; how many they were.

        Rows with a fault among them are left as they are: they are evidence. The last row always stays.
        """
        count = 0
        while removed := self._trim_once(before_ms):
            count += removed
        return count

    def _trim_once(self, before_ms: int) -> int:
        with self._records.reading() as connection:
            begin, accepted = self._begin(connection), self._accepted(connection)
            last = self._last(connection)
            rows = connection.execute(select(table).order_by(table.c.id).limit(TRIM_ROWS)).all()
        known = ((_entry(row), bytes(row.hash)) for row in rows)
        old = list(takewhile(lambda row: row[0].at_ms < before_ms and row[0].id < last.row, known))
        if not old or {fault.row for fault in _faults_of_rows(begin, old)} - accepted:
            return 0
        entry, hash_ = old[-1]
        self._cut(End(entry.id, hash_), begin, [entry for entry, _ in old])
        return len(old)

    def _cut(self, end: End, begin: Begin, gone: list[Entry]) -> None:
        seals_count = begin.seals_count + sum(entry.action == "chain_sealed" for entry in gone)
        with self._records.transaction() as connection:
            now_ms = self._clock.now_ms()
            cut = {
                "last_id": end.row,
                "at_ms": now_ms,
                "count": len(gone),
                "seals_count": seals_count,
                "hash": end.hash,
                "seal": self._seal("cut", end, now_ms, len(gone), seals_count),
            }
            connection.execute(insert(cuts).values(cut))
            connection.execute(delete(table).where(table.c.id <= end.row))
            self.note(connection, "record_trimmed", actor=SYSTEM, account=SYSTEM, detail=str(len(gone)))


def has_seals(records: Records) -> bool:
    """Is the database of a release that seals the record? One that is only read may be older."""
    with records.reading() as connection:
        return inspect(connection).has_table(heads.name)


def _faults_of_rows(begin: Begin, rows: Iterable[tuple[Entry, bytes]]) -> list[RecordFault]:
    found = [] if begin.is_ours else [RecordFault(begin.end.row, "forged")]
    before, seals_count = begin.end, begin.seals_count
    for entry, hash_ in rows:
        if entry.id != before.row + 1:
            found.append(RecordFault(before.row + 1, "missing"))
        elif hash_ != _hash(before.hash, entry):
            found.append(RecordFault(entry.id, "changed"))
        seals_count += entry.action == "chain_sealed"
        if entry.action == "chain_sealed" and seals_count > 1:
            found.append(RecordFault(entry.id, "sealed_again"))
        before = End(entry.id, hash_)
        if len(found) >= FAULTS_AT_MOST:
            break
    return found


def _fault_at(sealed: End | None, last: End, *, has_head: bool) -> RecordFault | None:
    if sealed is None:
        # Without a head nothing was ever sealed: rows of an older release wait for the next one.
        return RecordFault(last.row, "forged") if has_head else None
    if sealed.row > last.row:
        return RecordFault(last.row + 1, "cut_off")
    return None if sealed == last else RecordFault(last.row, "forged")


def _seals(keys: tuple[bytes, ...], what: str, end: End, *more: int) -> list[bytes]:
    said = msgspec.json.encode([what, end.row, end.hash.hex(), *more])
    return [hmac.digest(key, said, hashlib.sha256) for key in keys]


def _entry(row: object) -> Entry:
    return Entry(*(getattr(row, name) for name in Entry.__struct_fields__))


def _hash(before: bytes, entry: Entry) -> bytes:
    return hashlib.sha256(before + msgspec.json.encode(entry)).digest()

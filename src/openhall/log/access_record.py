"""The access record: who signed in, who failed to, who changed which account. Only ever added to.

Each row's hash covers the row and the hash before it, and triggers refuse changes: who alters the file
with other tools leaves a chain that does not fit. Never in it: passwords, tokens, codes, or a name that
belongs to no account, because people type passwords into the wrong field.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import msgspec
from sqlalchemy import Connection, insert, select

from openhall.kernel.clock import Clock
from openhall.log.records import Records
from openhall.log.schema import access_record as table

CHAIN_START = bytes(32)
PAGE_ROWS = 200
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
)
"""Every word that a row may have for what happened."""


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


class AccessRecord:
    """The record of one installation."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock

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
        last = connection.execute(
            select(table.c.id, table.c.hash).order_by(table.c.id.desc()).limit(1)
        ).first()
        before, number = (bytes(last.hash), last.id) if last else (CHAIN_START, 0)
        entry = Entry(
            number + 1, self._clock.now_ms(), actor, action, account, branch or "", address[:64], detail[:200]
        )
        row = {name: getattr(entry, name) for name in Entry.__struct_fields__}
        connection.execute(insert(table).values(row | {"hash": _hash(before, entry)}))

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

    def first_broken(self) -> int | None:
        """The id of the first row that does not fit the chain; None when the record is whole."""
        before, expected = CHAIN_START, 1
        for entry, hash_ in self._every():
            if entry.id != expected or hash_ != _hash(before, entry):
                return entry.id
            before, expected = hash_, expected + 1
        return None

    def _every(self) -> Iterator[tuple[Entry, bytes]]:
        after = 0
        while True:
            query = select(table).where(table.c.id > after).order_by(table.c.id).limit(PAGE_ROWS * 10)
            with self._records.reading() as connection:
                rows = connection.execute(query).all()
            for row in rows:
                yield _entry(row), bytes(row.hash)
            if not rows:
                return
            after = rows[-1].id


def _entry(row: object) -> Entry:
    return Entry(*(getattr(row, name) for name in Entry.__struct_fields__))


def _hash(before: bytes, entry: Entry) -> bytes:
    return hashlib.sha256(before + msgspec.json.encode(entry)).digest()

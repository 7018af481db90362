"""Failed sign-ins by the name that was typed: kept over a restart, bounded however many names are tried."""

from __future__ import annotations

import hashlib

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects.sqlite import insert

from openhall.access.lock_out import Failures, LockOutPolicy, after_failure
from openhall.kernel.clock import MINUTE_MS
from openhall.log.schema import sign_in_failures as table

NAMES_AT_MOST = 10_000
"""Beyond it the oldest are forgotten: at the rate that sign-ins are taken, long after their locks ended."""


class FailedSignIns:
    """What went wrong, by name. Each call takes the caller's connection."""

    def __init__(self, policy: LockOutPolicy) -> None:
        self._policy = policy

    def of(self, connection: Connection, name: str) -> Failures:
        """The failures under a name."""
        row = connection.execute(select(table).where(table.c.name_hash == _hash(name))).first()
        return Failures() if row is None else Failures(*row[1:])

    def note(self, connection: Connection, name: str, now_ms: int) -> Failures:
        """One more."""
        after = after_failure(self.of(connection, name), now_ms, self._policy)
        row = {
            "name_hash": _hash(name),
            "count": after.count,
            "last_ms": after.last_ms,
            "locked_until_ms": after.locked_until_ms,
        }
        statement = insert(table).values(row)
        connection.execute(statement.on_conflict_do_update(index_elements=["name_hash"], set_=row))
        return after

    def clear(self, connection: Connection, name: str) -> None:
        """Somebody has signed in, or was let in again."""
        connection.execute(delete(table).where(table.c.name_hash == _hash(name)))

    def drop_old(self, connection: Connection, now_ms: int) -> None:
        """Forget what counts no more, and the oldest beyond the limit."""
        old_ms = now_ms - self._policy.window_minutes * MINUTE_MS
        connection.execute(delete(table).where(table.c.last_ms < old_ms, table.c.locked_until_ms < old_ms))
        surplus = connection.execute(select(func.count()).select_from(table)).scalar_one() - NAMES_AT_MOST
        if surplus > 0:
            oldest = select(table.c.name_hash).order_by(table.c.last_ms).limit(surplus)
            connection.execute(delete(table).where(table.c.name_hash.in_(oldest)))


def _hash(name: str) -> bytes:
    """A hash: what people type into the field of the name is at times their password."""
    return hashlib.sha256(name.encode()).digest()

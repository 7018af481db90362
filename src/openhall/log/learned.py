"""The versions of what was learned of each branch: kept for good, so that what somebody was told can be
explained by what was believed then. A version is named by its content; learning the same again adds nothing.
"""

from __future__ import annotations

import hashlib

import msgspec
from sqlalchemy import func, select
from sqlalchemy.dialects.sqlite import insert as insert_or_leave

from openhall.log.records import Records
from openhall.log.schema import learned_habits
from openhall.log.troubles import DatabaseCorrupt
from openhall.science.believed import Habits

VERSION_LENGTH = 12
"""Hex digits, as of a version of the bank."""


_decoder = msgspec.json.Decoder(Habits)


class LearnedVersion(msgspec.Struct, frozen=True):
    """One version of a branch, without its content."""

    branch: str
    version: str
    learned_ms: int
    days: int


def named(habits: Habits) -> Habits:
    """The same habits under the name of their content, whatever name and moment they had."""
    return msgspec.structs.replace(habits, version=_name_of(_encode(habits)))


def keep(records: Records, habits: Habits, *, now_ms: int) -> tuple[Habits, bool]:
    """Store what was learned; the habits as stored, and whether they are new.

    The same as the branch's latest version is not new and keeps its moment.
    """
    body = _encode(habits)
    version = _name_of(body)
    before = latest(records, habits.branch)
    if before is not None and before.version == version:
        return before, False
    row = {
        "branch": habits.branch,
        "version": version,
        "learned_ms": now_ms,
        "days": habits.days,
        "body": body,
    }
    statement = insert_or_leave(learned_habits).values(row)
    with records.transaction() as connection:
        # A bank that goes back to an earlier state of knowledge believes it from now on.
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["branch", "version"], set_={"learned_ms": statement.excluded.learned_ms}
            )
        )
    return msgspec.structs.replace(habits, version=version, learned_ms=now_ms), True


def latest(records: Records, branch: str) -> Habits | None:
    """What is believed of a branch now; None while nothing was learned."""
    table = learned_habits
    query = (
        select(table.c.version, table.c.learned_ms, table.c.body)
        .where(table.c.branch == branch)
        .order_by(table.c.learned_ms.desc(), table.c.version)
        .limit(1)
    )
    with records.reading() as connection:
        row = connection.execute(query).first()
    return None if row is None else _habits(branch, *row)


def latest_of_all(records: Records) -> dict[str, Habits]:
    """What is believed of each branch now, by branch; those of which nothing was learned are not in it."""
    return {row[0]: _habits(*row) for row in _latest_rows(records)}


def bodies(records: Records) -> dict[str, bytes]:
    """What is believed of each branch now, as it is stored: JSON for somebody else to read."""
    return {branch: body for branch, _, _, body in _latest_rows(records)}


def _latest_rows(records: Records) -> list[tuple[str, str, int, bytes]]:
    """(branch, version, learned_ms, body) of each branch's latest version."""
    table = learned_habits
    newest = (
        select(table.c.branch, func.max(table.c.learned_ms).label("learned_ms"))
        .group_by(table.c.branch)
        .subquery()
    )
    query = (
        select(table.c.branch, table.c.version, table.c.learned_ms, table.c.body)
        .join(newest, (table.c.branch == newest.c.branch) & (table.c.learned_ms == newest.c.learned_ms))
        .order_by(table.c.branch, table.c.version.desc())
    )
    with records.reading() as connection:
        return [(row.branch, row.version, row.learned_ms, row.body) for row in connection.execute(query)]


def find(records: Records, branch: str, version: str) -> Habits | None:
    """One version of a branch; None when there is none of that name."""
    table = learned_habits
    query = select(table.c.version, table.c.learned_ms, table.c.body).where(
        table.c.branch == branch, table.c.version == version
    )
    with records.reading() as connection:
        row = connection.execute(query).first()
    return None if row is None else _habits(branch, *row)


def versions(records: Records, branch: str, limit: int = 100) -> list[LearnedVersion]:
    """The versions of a branch, the latest first."""
    table = learned_habits
    query = (
        select(table.c.branch, table.c.version, table.c.learned_ms, table.c.days)
        .where(table.c.branch == branch)
        .order_by(table.c.learned_ms.desc(), table.c.version)
        .limit(limit)
    )
    with records.reading() as connection:
        return [LearnedVersion(*row) for row in connection.execute(query)]


def _encode(habits: Habits) -> bytes:
    """Canonical JSON of the content: without name and moment."""
    return msgspec.json.encode(msgspec.structs.replace(habits, version="", learned_ms=0), order="sorted")


def _name_of(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:VERSION_LENGTH]


def _habits(branch: str, version: str, learned_ms: int, body: bytes) -> Habits:
    try:
        found = _decoder.decode(body)
    except msgspec.DecodeError as error:
        raise DatabaseCorrupt(
            f"What was learned of {branch} ({version}) cannot be read: {error}", place=branch
        ) from error
    return msgspec.structs.replace(found, version=version, learned_ms=learned_ms)

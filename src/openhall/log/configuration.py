"""Versions of the configuration and drafts of the next: records beside the log, each version with its files.

Publishing is two writes with the files between them. First the version is kept with all of its files and
`is_written` false, then the files go to the disk, then it is marked as written. A process that dies between
finds the version at its next start and writes the same files again.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, func, insert, select, update

from openhall.kernel.refusal import Refusal
from openhall.kernel.trouble import Trouble
from openhall.log.records import Records
from openhall.log.schema import configuration_drafts as drafts_table
from openhall.log.schema import configuration_versions as versions_table

LISTED_AT_MOST = 500
ID_CHARACTERS = 16
"""Of a draft's id: so many for who began it with which key, so many for what it began with."""

Files = dict[str, bytes]
Changes = dict[str, bytes | None]
"""Files that differ from those of a version; None for one that is taken away."""

_files = msgspec.msgpack.Decoder(dict[str, bytes | None])


class DraftChanged(Trouble):
    """Somebody else has changed the draft in the meantime."""

    code = "draft_changed"
    remedy = "Look at the draft as it is now, and make the change again."


class Origin(StrEnum):
    """Where a version or a draft comes from."""

    FIRST = "first"
    PAGE = "page"
    FILES = "files"
    BY_HAND = "by_hand"
    RESTORED = "restored"


class DraftState(StrEnum):
    """How far a draft has come."""

    OPEN = "open"
    PROPOSED = "proposed"
    PUBLISHED = "published"
    DROPPED = "dropped"


class Version(msgspec.Struct, frozen=True):
    """A configuration that is or was in force. `checker` is empty where one person may do both."""

    number: int
    version: str
    origin: Origin
    published_ms: int
    maker: str
    checker: str
    reason: str
    proposal: str
    is_written: bool


class Draft(msgspec.Struct, frozen=True):
    """Somebody's work on the next configuration. `branch` is empty for the whole bank."""

    id: str
    name: str
    branch: str
    origin: Origin
    base: int
    revision: int
    state: DraftState
    proposal: str
    created_ms: int
    created_by: str
    changed_ms: int
    changed_by: str
    changes: Changes = {}


def digest_of(files: Mapping[str, bytes]) -> str:
    """What names the content of files, whatever bank they make."""
    found = hashlib.sha256()
    for name in sorted(files):
        found.update(f"{name}\0{len(files[name])}\0".encode())
        found.update(files[name])
    return found.hexdigest()


def changes_between(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> Changes:
    """The files that are not the same."""
    return {
        name: after.get(name) for name in sorted({*before, *after}) if before.get(name) != after.get(name)
    }


def with_changes(files: Mapping[str, bytes], changes: Changes) -> Files:
    """The files after some of them changed."""
    found = {**files, **changes}
    return {name: body for name, body in found.items() if body is not None}


def _packed(files: Mapping[str, bytes | None]) -> bytes:
    return zlib.compress(msgspec.msgpack.encode(dict(sorted(files.items()))))


def _unpacked(body: bytes) -> Changes:
    return _files.decode(zlib.decompress(body))


# --- versions ---------------------------------------------------------------------------------------------

_VERSION = [c for c in versions_table.c if c.name != "files"]


def head(records: Records) -> Version | None:
    """The version in force; None in an installation that has none yet."""
    found = versions(records, limit=1)
    return found[0] if found else None


def versions(records: Records, limit: int = LISTED_AT_MOST) -> list[Version]:
    """The latest versions, the last one first."""
    query = select(*_VERSION).order_by(versions_table.c.number.desc()).limit(limit)
    with records.reading() as connection:
        return [_version(row) for row in connection.execute(query)]


def version(records: Records, number: int) -> Version | None:
    """One version by its number."""
    with records.reading() as connection:
        row = connection.execute(select(*_VERSION).where(versions_table.c.number == number)).first()
    return _version(row) if row is not None else None


def version_of_proposal(records: Records, proposal: str) -> Version | None:
    """The version that an approved proposal made."""
    with records.reading() as connection:
        row = connection.execute(select(*_VERSION).where(versions_table.c.proposal == proposal)).first()
    return _version(row) if row is not None else None


def version_with(records: Records, maker: str, key: str) -> Version | None:
    """The version that one person published alone under a key."""
    is_this = (versions_table.c.proposal == key) & (versions_table.c.maker == maker)
    with records.reading() as connection:
        row = connection.execute(select(*_VERSION).where(is_this, versions_table.c.checker == "")).first()
    return _version(row) if row is not None else None


def _version(row: Any) -> Version:
    return Version(row[0], row[1], Origin(row[2]), *row[3:])


def files_of(records: Records, number: int) -> Files:
    """The files of a version."""
    query = select(versions_table.c.files).where(versions_table.c.number == number)
    with records.reading() as connection:
        body = connection.execute(query).scalar_one()
    return {name: content for name, content in _unpacked(body).items() if content is not None}


def begin(records: Records, made: Version, files: Mapping[str, bytes]) -> None:
    """Keep a version that is about to be written. From here on it is the one in force."""
    row = msgspec.structs.asdict(made) | {"origin": made.origin.value, "files": _packed(files)}
    with records.transaction() as connection:
        connection.execute(insert(versions_table).values(row))


def finish(records: Records, number: int) -> None:
    """All of its files are on the disk."""
    with records.transaction() as connection:
        connection.execute(
            update(versions_table).where(versions_table.c.number == number).values(is_written=True)
        )


# --- drafts -----------------------------------------------------------------------------------------------

_DRAFT = [c for c in drafts_table.c if c.name != "change_key"]


def draft(records: Records, draft_id: str) -> Draft | None:
    """One draft with its changes."""
    with records.reading() as connection:
        row = connection.execute(select(*_DRAFT).where(drafts_table.c.id == draft_id)).first()
    return _draft(row) if row is not None else None


def drafts(records: Records, *states: DraftState) -> list[Draft]:
    """The drafts in some states, with their changes, the latest changed first."""
    query = (
        select(*_DRAFT)
        .where(drafts_table.c.state.in_([s.value for s in states]))
        .order_by(drafts_table.c.changed_ms.desc(), drafts_table.c.id)
        .limit(LISTED_AT_MOST)
    )
    with records.reading() as connection:
        return [_draft(row) for row in connection.execute(query)]


def _draft(row: Any) -> Draft:
    values = dict(row._mapping)
    changes = _unpacked(values.pop("files"))
    values["origin"], values["state"] = Origin(values["origin"]), DraftState(values["state"])
    return Draft(**values, changes=changes)


def add_draft(records: Records, made: Draft) -> Draft:
    """Keep a new draft; the one that is there already under its id stands."""
    with records.transaction() as connection:
        row = connection.execute(select(*_DRAFT).where(drafts_table.c.id == made.id)).first()
        if row is None:
            connection.execute(insert(drafts_table).values(_row(made, "")))
    return made if row is None else _draft(row)


def draft_id_of(maker: str, key: str, content: Mapping[str, bytes]) -> str:
    """The id of a draft that is begun: what it begins with, after what its maker's key is."""
    return f"{_stem(maker, key)}{digest_of(content)[:ID_CHARACTERS]}"


def begun_draft(records: Records, maker: str, key: str, draft_id: str) -> Draft | Refusal | None:
    """The draft that was begun under a key; refused where that key stands for other content."""
    with records.reading() as connection:
        return _begun(connection, maker, key, draft_id)


def begin_draft(records: Records, made: Draft, *, maker: str, key: str, at_most: int) -> Draft | Refusal:
    """Keep a new draft unless so many are worked on or wait already. The same key again is the same draft."""
    working = [DraftState.OPEN.value, DraftState.PROPOSED.value]
    counting = select(func.count()).select_from(drafts_table).where(drafts_table.c.state.in_(working))
    with records.transaction() as connection:
        if (before := _begun(connection, maker, key, made.id)) is not None:
            return before
        if connection.execute(counting).scalar_one() >= at_most:
            return Refusal("drafts_full", detail={"limit": at_most})
        connection.execute(insert(drafts_table).values(_row(made, key)))
    return made


def _begun(connection: Connection, maker: str, key: str, draft_id: str) -> Draft | Refusal | None:
    is_of_key = drafts_table.c.id.startswith(_stem(maker, key))
    row = connection.execute(select(*_DRAFT).where(is_of_key)).first()
    if row is None:
        return None
    found = _draft(row)
    return found if found.id == draft_id else Refusal("command_id_reused", "Idempotency-Key")


def _stem(maker: str, key: str) -> str:
    return digest_of({"key": f"{maker} {key}".encode()})[:ID_CHARACTERS]


def save_draft(records: Records, made: Draft, *, seen: int, key: str = "") -> Draft:
    """Put a draft in the place of revision `seen`; the same key again is a retry and changes nothing.

    Raises `DraftChanged` when another revision is there; nothing is lost then.
    """
    is_this = drafts_table.c.id == made.id
    with records.transaction() as connection:
        found = connection.execute(
            select(drafts_table.c.revision, drafts_table.c.change_key).where(is_this)
        ).first()
        if found is None:
            raise DraftChanged("The draft is gone", place=made.id)
        is_retry = bool(key) and found.change_key == key
        if not is_retry:
            if found.revision != seen:
                raise DraftChanged(f"The draft is at revision {found.revision}, not {seen}", place=made.id)
            saved = msgspec.structs.replace(made, revision=seen + 1)
            connection.execute(delete(drafts_table).where(is_this))
            connection.execute(insert(drafts_table).values(_row(saved, key)))
    kept = draft(records, made.id)
    assert kept is not None, "drafts are never removed"
    return kept


def mark_draft(records: Records, draft_id: str, state: DraftState, *, proposal: str | None = None) -> None:
    """Move a draft on, whatever its revision."""
    values: dict[str, Any] = {"state": state.value}
    if proposal is not None:
        values["proposal"] = proposal
    with records.transaction() as connection:
        connection.execute(update(drafts_table).where(drafts_table.c.id == draft_id).values(values))


def _row(made: Draft, key: str) -> dict[str, Any]:
    values = msgspec.structs.asdict(made)
    values["files"] = _packed(values.pop("changes"))
    return values | {"origin": made.origin.value, "state": made.state.value, "change_key": key}

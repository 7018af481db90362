"""The log in one SQLite file: write-ahead log, synced at every commit, one writing connection.

Why one statement a commit. The writer commits in a thread beside a busy event loop, and each call into
SQLite gives the interpreter lock away and queues for it again, up to 5 ms. Thirty commands a batch beside
a loop that never rests (two shared cores, read as ratios): BEGIN, executemany, COMMIT took 184 ms; two
inserts from `json_each` 22 ms; one insert into a view whose trigger fills both tables 6.5 ms. With the loop
at rest the three are alike (0.7, 0.9 and 1.1 ms). Reading asks for a page as one JSON row, for the same
reason.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

import msgspec
from pysqlite3 import dbapi2  # type: ignore[import-untyped]
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from openhall.kernel.event import Recorded, StreamId
from openhall.kernel.refusal import Refusal
from openhall.log.migrate import HEAD_REVISION, REVISIONS, check_revision, revision_of, upgrade
from openhall.log.ownership import Ownership
from openhall.log.store import READ_PAGE_EVENTS, Outcome, Tail
from openhall.log.troubles import (
    DatabaseIO,
    EventUnreadable,
    SchemaMissing,
    SqliteTooOld,
    translate,
)

SQLITE_VERSION_MIN = (3, 51, 3)
"""Before this, a reset of the write-ahead log could corrupt the database (3.7.0 to 3.51.2)."""


@dataclass(frozen=True)
class SqliteSettings:
    """How the file is used. The defaults are for a bank; NORMAL and OFF are for showing what they lose."""

    synchronous: str = "FULL"
    busy_timeout_ms: int = 2_000
    read_connections_count: int = 4

    def __post_init__(self) -> None:
        if self.synchronous not in ("EXTRA", "FULL", "NORMAL", "OFF"):
            raise ValueError(f"Expected synchronous EXTRA, FULL, NORMAL or OFF, got {self.synchronous!r}")
        if self.busy_timeout_ms < 0:
            raise ValueError(f"Expected busy_timeout_ms of 0 or more, got {self.busy_timeout_ms}")
        if self.read_connections_count < 1:
            raise ValueError(
                f"Expected read_connections_count of 1 or more, got {self.read_connections_count}"
            )


_BATCH_VIEW = "CREATE TEMP VIEW batch AS SELECT '' AS new_events, '' AS new_commands"
_BATCH_TRIGGER = """
CREATE TEMP TRIGGER batch_insert INSTEAD OF INSERT ON batch BEGIN
  INSERT INTO events (position, stream, seq, room, type, version, at_ms, actor, command_id, body, hash)
    SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6, value->>7, value->>8,
           CAST(value->>9 AS BLOB), unhex(value->>10)
    FROM json_each(NEW.new_events);
  INSERT INTO commands (stream, command_id, fingerprint, at_ms, first_seq, last_seq, refusal)
    SELECT value->>0, value->>1, unhex(value->>2), value->>3, value->>4, value->>5, CAST(value->>6 AS BLOB)
    FROM json_each(NEW.new_commands);
END"""
_BATCH_INSERT = "INSERT INTO batch VALUES (?, ?)"

_EVENT_JSON = (
    "json_array(position, stream, seq, room, type, version, at_ms, actor, command_id, hex(body), hex(hash))"
)
_READ_LOG = text(
    f"SELECT json_group_array({_EVENT_JSON}) FROM"  # noqa: S608 - made of constants
    " (SELECT * FROM events WHERE position > :after ORDER BY position LIMIT :limit)"
)
_READ_STREAM = text(
    f"SELECT json_group_array({_EVENT_JSON}) FROM"  # noqa: S608 - made of constants
    " (SELECT * FROM events WHERE stream = :stream AND seq > :seq AND position > :after"
    " ORDER BY seq LIMIT :limit)"
)
# '0' is the character after '/', so the range holds the streams that begin with PLACE/; the length leaves
# out those of a place PLACE/MORE.
_READ_PLACE = text(
    f"SELECT json_group_array({_EVENT_JSON}) FROM"  # noqa: S608 - made of constants
    " (SELECT * FROM events WHERE position > :after AND stream >= :low AND stream < :high"
    " AND length(stream) = length(:low) + 10"
    " ORDER BY position LIMIT :limit)"
)
_READ_SEQS = text(
    f"SELECT json_group_array({_EVENT_JSON}) FROM"  # noqa: S608 - made of constants
    " (SELECT * FROM events WHERE stream = :stream AND seq BETWEEN :first AND :last ORDER BY seq)"
)
_TAIL = text("SELECT seq, at_ms, hash FROM events WHERE stream = :stream ORDER BY seq DESC LIMIT 1")
_HEAD = text("SELECT coalesce(max(position), 0) FROM events")
_OUTCOME_JSON = "json_array(command_id, hex(fingerprint), at_ms, first_seq, last_seq, CAST(refusal AS TEXT))"
_OUTCOME = text(
    f"SELECT json_group_array({_OUTCOME_JSON}) FROM commands"  # noqa: S608 - made of constants
    " WHERE stream = :stream AND command_id = :command_id"
)
_OUTCOMES = text(
    f"SELECT json_group_array({_OUTCOME_JSON}) FROM"  # noqa: S608 - made of constants
    " (SELECT * FROM commands WHERE stream = :stream AND command_id > :after"
    " ORDER BY command_id LIMIT :limit)"
)
# A stream may have refusals and no event yet. One seek a stream, not one row an event.
_NEXT_STREAM = text(
    "SELECT min(stream) FROM (SELECT min(stream) AS stream FROM events WHERE stream > :after"
    " UNION ALL SELECT min(stream) FROM commands WHERE stream > :after)"
)
_HEARTBEAT = text(
    "INSERT INTO heartbeats (id, beat_count) VALUES (1, 1)"
    " ON CONFLICT (id) DO UPDATE SET beat_count = beat_count + 1"
)

_EventRow = tuple[int, str, int, str, str, int, int, str, str, str, str]
_OutcomeRow = tuple[str, str, int, int | None, int | None, str | None]
_event_rows = msgspec.json.Decoder(list[_EventRow])
_outcome_rows = msgspec.json.Decoder(list[_OutcomeRow])
_refusal = msgspec.json.Decoder(Refusal)


@lru_cache(maxsize=4_096)
def _stream(name: str) -> StreamId:
    return StreamId.parse(name)


def _recorded(row: _EventRow) -> Recorded:
    try:
        stream = _stream(row[1])
    except ValueError as error:
        raise EventUnreadable(f"position {row[0]}: {error}", place=row[1]) from error
    return Recorded(row[0], stream, *row[2:9], body=bytes.fromhex(row[9]), hash=bytes.fromhex(row[10]))


def _outcome(stream: StreamId, row: _OutcomeRow) -> Outcome:
    command_id, fingerprint, at_ms, first_seq, last_seq, refusal = row
    return Outcome(
        stream=stream,
        command_id=command_id,
        fingerprint=bytes.fromhex(fingerprint),
        at_ms=at_ms,
        first_seq=first_seq,
        last_seq=last_seq,
        refusal=None if refusal is None else _refusal.decode(refusal),
    )


def _engine(path: Path, settings: SqliteSettings, *, is_writer: bool) -> Engine:
    """An engine in driver autocommit: transactions are begun by hand, immediately or not at all."""

    def connect() -> Any:
        # mode=rw: a mistyped path must not leave an empty database behind.
        return dbapi2.connect(
            f"{path.absolute().as_uri()}?mode=rw",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=settings.busy_timeout_ms / 1_000,
        )

    engine = create_engine(
        "sqlite+pysqlite://",
        module=dbapi2,
        creator=connect,
        poolclass=QueuePool,
        pool_size=1 if is_writer else settings.read_connections_count,
        max_overflow=0,
        pool_reset_on_return=None,
        isolation_level="AUTOCOMMIT",
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: object) -> None:
        for pragma in (
            "journal_mode = WAL",
            f"synchronous = {settings.synchronous}",
            "foreign_keys = ON",
            "secure_delete = ON",  # an erased personal record is overwritten, not only forgotten
            "cell_size_check = ON",
            f"query_only = {'OFF' if is_writer else 'ON'}",
        ):
            connection.execute(f"PRAGMA {pragma}")
        if is_writer:
            connection.execute(_BATCH_VIEW)
            connection.execute(_BATCH_TRIGGER)

    return engine


def check_sqlite_version(found: tuple[int, ...] = dbapi2.sqlite_version_info) -> None:
    """Refuse a SQLite library that can damage its write-ahead log."""
    if found < SQLITE_VERSION_MIN:
        wanted, got = (".".join(map(str, version)) for version in (SQLITE_VERSION_MIN, found))
        raise SqliteTooOld(f"SQLite {got} is in use, {wanted} or newer is needed", place="sqlite")


class SqliteStore:
    """The `Store` protocol over one SQLite file.

    `open` owns the file for this process and brings its schema up to date; `open_to_read` looks at a file
    that another process may own and changes nothing.
    """

    def __init__(self, path: Path, settings: SqliteSettings, ownership: Ownership | None) -> None:
        self.path = path
        self._ownership = ownership
        self._place = str(path)
        self._write_lock = threading.RLock()
        self._writer = _engine(path, settings, is_writer=True)
        self._readers = _engine(path, settings, is_writer=False)
        self._head: int | None = None

    @classmethod
    def open(cls, path: Path | str, settings: SqliteSettings | None = None) -> Self:
        """Own the file, make it if it is not there, and migrate it to this release's schema."""
        check_sqlite_version()
        path = Path(path)
        ownership = Ownership.take(path)
        try:
            _touch(path)
            store = cls(path, settings or SqliteSettings(), ownership)
            store._keep_before_upgrade()
            with store.transaction() as connection:
                upgrade(connection, place=str(path))
            with store._writing() as connection:
                # A killed process may have left commits that were written and not yet synced. Before anybody
                # is told of them, they go into the database itself, synced.
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        except BaseException:
            ownership.release()
            raise
        return store

    def _keep_before_upgrade(self) -> None:
        """A copy of an older database stays beside it, for the release before; it is made once."""
        with self.reading() as connection:
            found = revision_of(connection)
        if found is None or found == HEAD_REVISION or found not in REVISIONS:
            return
        kept = self.path.with_name(f"{self.path.name}.before-{HEAD_REVISION}")
        if kept.exists():
            return
        part = kept.with_name(f"{kept.name}.part")
        part.unlink(missing_ok=True)
        self.copy_into(part)
        part.replace(kept)

    @classmethod
    def open_to_read(cls, path: Path | str, settings: SqliteSettings | None = None) -> Self:
        """Look at a database as it is, whoever owns it."""
        check_sqlite_version()
        path = Path(path)
        if not path.is_file():
            raise SchemaMissing(f"{path} does not exist", place=str(path))
        store = cls(path, settings or SqliteSettings(), None)
        with store.reading() as connection:
            check_revision(connection, place=str(path))
        return store

    @classmethod
    def open_to_look(cls, path: Path | str) -> Self:
        """Look at a database of any schema, as one does at a patient."""
        check_sqlite_version()
        return cls(Path(path), SqliteSettings(), None)

    def close(self) -> None:
        """Close every connection and let the file go."""
        with self._write_lock:
            self._writer.dispose()
            self._readers.dispose()
            if self._ownership is not None:
                self._ownership.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Connections: also for the tables beside the log -------------------------------------------------

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that cannot write; errors leave as `LogTrouble`."""
        with self._translated(), self._readers.connect() as connection:
            yield connection

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A write transaction on the one writing connection: all or nothing, synced at its end.

        It keeps the log's commits waiting, so it is kept short and never held over an await.
        """
        with self._writing() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.exec_driver_sql("COMMIT")
            except BaseException:
                if connection.connection.in_transaction:
                    connection.exec_driver_sql("ROLLBACK")
                raise

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        if self._ownership is None:
            raise DatabaseIO(f"{self.path} was opened to read", place=self._place)
        with self._write_lock, self._translated(), self._writer.connect() as connection:
            yield connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, dbapi2.Error, OSError) as error:
            # The connection stays open, on purpose: it knows which frames of the write-ahead log were never
            # synced and overwrites them. A new connection would take them for committed.
            raise translate(error, place=self._place) from error

    # The store -----------------------------------------------------------------------------------------

    def commit(self, events: Sequence[Recorded], outcomes: Sequence[Outcome]) -> int:
        """Keep all of it or nothing; synced when this returns."""
        with self._write_lock:
            head = self.head() if self._head is None else self._head
            self._head = None  # unknown until the commit is known to have happened
            parameters = (_encode_events(events, head), _encode_outcomes(outcomes))
            with self._writing() as connection:
                connection.exec_driver_sql(_BATCH_INSERT, parameters)
            self._head = head + len(events)
            return self._head

    def read(
        self,
        *,
        after: int = 0,
        stream: StreamId | None = None,
        place: str | None = None,
        limit: int | None = None,
    ) -> Iterator[Recorded]:
        """Events in order of position (of sequence within one stream), a page at a time."""
        seq, left = 0, limit
        while left is None or left > 0:
            page_events = READ_PAGE_EVENTS if left is None else min(left, READ_PAGE_EVENTS)
            bound: dict[str, Any] = {"after": after, "limit": page_events}
            if stream is not None:
                page = self._page(_READ_STREAM, bound | {"stream": str(stream), "seq": seq})
            elif place is not None:
                page = self._page(_READ_PLACE, bound | {"low": f"{place}/", "high": f"{place}0"})
            else:
                page = self._page(_READ_LOG, bound)
            yield from page
            if len(page) < page_events:
                return
            left = None if left is None else left - len(page)
            seq, after = page[-1].seq, after if stream is not None else page[-1].position

    def read_seqs(self, stream: StreamId, first_seq: int, last_seq: int) -> list[Recorded]:
        """A stretch of one stream."""
        return self._page(_READ_SEQS, {"stream": str(stream), "first": first_seq, "last": last_seq})

    def tail(self, stream: StreamId) -> Tail | None:
        """The end of a stream."""
        with self.reading() as connection:
            row = connection.execute(_TAIL, {"stream": str(stream)}).first()
        return Tail(*row) if row else None

    def outcome(self, stream: StreamId, command_id: str) -> Outcome | None:
        """How one command was answered."""
        found = self._outcome_page(_OUTCOME, {"stream": str(stream), "command_id": command_id})
        return _outcome(stream, found[0]) if found else None

    def outcomes(self, stream: StreamId) -> Iterator[Outcome]:
        """How each command of a stream was answered, by command id."""
        after = ""
        while True:
            bound = {"stream": str(stream), "after": after, "limit": READ_PAGE_EVENTS}
            rows = self._outcome_page(_OUTCOMES, bound)
            for row in rows:
                yield _outcome(stream, row)
            if len(rows) < READ_PAGE_EVENTS:
                return
            after = rows[-1][0]

    def streams(self) -> Iterator[StreamId]:
        """Every stream, in order of its stored name."""
        name = ""
        while True:
            with self.reading() as connection:
                found = connection.execute(_NEXT_STREAM, {"after": name}).scalar()
            if found is None:
                return
            name = found
            try:
                yield _stream(name)
            except ValueError as error:
                raise EventUnreadable(str(error), place=name) from error

    def head(self) -> int:
        """The last position."""
        with self.reading() as connection:
            found: int = connection.execute(_HEAD).scalar_one()
        return found

    def ping(self, *, is_durable: bool = False) -> None:
        """Take the write lock; if durable, write one row that means nothing and sync it."""
        if not is_durable:
            with self._writing() as connection:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                connection.exec_driver_sql("ROLLBACK")
            return
        with self._writing() as connection:
            connection.execute(_HEARTBEAT)

    def check_integrity(self) -> list[str]:
        """What SQLite itself finds broken in the file."""
        with self.reading() as connection:
            found = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check(20)")]
        return [] if found == ["ok"] else found

    def check_quickly(self) -> list[str]:
        """What SQLite finds broken without comparing every index."""
        with self.reading() as connection:
            found = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA quick_check(20)")]
        return [] if found == ["ok"] else found

    def copy_into(self, path: Path) -> None:
        """Write a compact copy of this moment to a new file, beside a running writer."""
        _touch(path)
        with self.reading() as connection:
            connection.exec_driver_sql("PRAGMA query_only = OFF")  # it forbids VACUUM INTO as well
            try:
                connection.exec_driver_sql("VACUUM INTO ?", (str(path),))
            finally:
                connection.exec_driver_sql("PRAGMA query_only = ON")

    def _page(self, query: Any, bound: dict[str, Any]) -> list[Recorded]:
        with self.reading() as connection:
            page = connection.execute(query, bound).scalar_one()
        try:
            return [_recorded(row) for row in _event_rows.decode(page)]
        except (msgspec.DecodeError, UnicodeError) as error:
            raise EventUnreadable(f"{bound}: {error}", place=self._place) from error

    def _outcome_page(self, query: Any, bound: dict[str, Any]) -> list[_OutcomeRow]:
        with self.reading() as connection:
            return _outcome_rows.decode(connection.execute(query, bound).scalar_one())


def _touch(path: Path) -> None:
    """Make the file for its owner's eyes only; SQLite itself would follow the umask."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise translate(error, place=str(path)) from error


def _encode_events(events: Sequence[Recorded], head: int) -> str:
    rows = [
        (
            position,
            str(event_.stream),
            event_.seq,
            event_.room,
            event_.type,
            event_.version,
            event_.at_ms,
            event_.actor,
            event_.command_id,
            event_.body.decode(),
            event_.hash.hex(),
        )
        for position, event_ in enumerate(events, head + 1)
    ]
    return msgspec.json.encode(rows).decode()


def _encode_outcomes(outcomes: Sequence[Outcome]) -> str:
    rows = [
        (
            str(outcome.stream),
            outcome.command_id,
            outcome.fingerprint.hex(),
            outcome.at_ms,
            outcome.first_seq,
            outcome.last_seq,
            None if outcome.refusal is None else msgspec.json.encode(outcome.refusal).decode(),
        )
        for outcome in outcomes
    ]
    return msgspec.json.encode(rows).decode()

"""What can go wrong at the edge of the log, each with a stable code and a way on."""

from __future__ import annotations

import errno

from sqlalchemy.exc import DBAPIError

from openhall.kernel.trouble import Trouble


class LogTrouble(Trouble):
    """Any trouble of the event log."""

    code = "log_trouble"


class DiskFull(LogTrouble):
    """There is no room left for the log."""

    code = "disk_full"
    remedy = "Free space on the disk that holds the database; service resumes by itself."


class DatabaseLocked(LogTrouble):
    """Another program holds the database's write lock."""

    code = "database_locked"
    remedy = "Close the other program that writes to the database; service resumes by itself."


class DatabaseCorrupt(LogTrouble):
    """A page of the database makes no sense."""

    code = "database_corrupt"
    remedy = "Run `openhall verify` to see how far the damage goes, then `openhall restore` the last backup."


class DatabaseIO(LogTrouble):
    """Reading, writing or syncing the database failed."""

    code = "database_io"
    remedy = "Check the disk, its mount and the permissions of the database's folder."


class AlreadyOpen(LogTrouble):
    """Another process owns the database."""

    code = "already_open"
    remedy = "Stop the process that is named here, or use another database."


class ClockMovedBack(LogTrouble):
    """The clock is further behind the last event than a correction of the time explains."""

    code = "clock_moved_back"
    remedy = "Set the clock of this machine right; service resumes when it has passed the last event."


class SchemaNewer(LogTrouble):
    """A newer release has written this database."""

    code = "schema_newer"
    remedy = "Start the release that last used this database, or a newer one."


class SchemaMissing(LogTrouble):
    """The file is no database of ours, or none yet."""

    code = "schema_missing"
    remedy = "Check the path; `openhall init` makes a new database."


class SqliteTooOld(LogTrouble):
    """The SQLite library can damage its write-ahead log."""

    code = "sqlite_too_old"
    remedy = "Install the `pysqlite3` wheel that the lock file names."


class WriterBusy(LogTrouble):
    """More commands wait than the inbox holds."""

    code = "writer_busy"
    remedy = "Try again in a moment."


class WriterStopped(LogTrouble):
    """The writer takes no more commands."""

    code = "writer_stopped"
    remedy = "Start the server again."


class TooManyListeners(LogTrouble):
    """More screens listen than the server allows."""

    code = "too_many_listeners"
    remedy = "Close screens that nobody looks at, or raise the limit."


class CommandFailed(LogTrouble):
    """A fault in the program; this one command was not carried out and nothing else was touched."""

    code = "command_failed"
    remedy = "Report the fault with the server's log; other commands go on."


class EventUnreadable(LogTrouble):
    """A stored event is of no kind that this release knows."""

    code = "event_unreadable"
    remedy = "Run `openhall verify`; a newer release may have written the event."


class LogConflict(LogTrouble):
    """Somebody else has written to the same stream or position."""

    code = "log_conflict"
    remedy = "Make sure that one process alone writes this log."


class BackupTrouble(LogTrouble):
    """A backup or a restore was not carried out; what was there is still there."""

    code = "backup_trouble"
    remedy = "Read the message; nothing was replaced."


_FULL, _BUSY, _LOCKED, _CORRUPT, _NOTADB, _CONSTRAINT = 13, 5, 6, 11, 26, 19
_OF_CODE: dict[int, type[LogTrouble]] = {
    _FULL: DiskFull,
    _BUSY: DatabaseLocked,
    _LOCKED: DatabaseLocked,
    _CORRUPT: DatabaseCorrupt,
    _NOTADB: DatabaseCorrupt,
    _CONSTRAINT: LogConflict,
}


def translate(error: BaseException, *, place: str) -> LogTrouble:
    """The trouble that an error of SQLite, SQLAlchemy or the system stands for.

    SQLite's extended codes carry the primary one in their low byte; what is in no list is `database_io`.
    """
    if isinstance(error, LogTrouble):
        return error
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    if isinstance(cause, OSError):
        kind = DiskFull if cause.errno in (errno.ENOSPC, errno.EDQUOT) else DatabaseIO
        return kind(f"{place}: {cause.strerror or cause}", place=place)
    code = getattr(cause, "sqlite_errorcode", None)
    known = _OF_CODE.get(code & 0xFF, DatabaseIO) if isinstance(code, int) else DatabaseIO
    return known(f"{place}: {cause}", place=place)

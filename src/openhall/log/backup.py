"""Backup of a running bank, and its return.

A backup is made by `VACUUM INTO`: one consistent moment of the log, written beside the running server, and
without the free pages in which erased personal data might linger. A copy counts as a backup once it has been
read back whole. Nothing that was there is replaced before its replacement has passed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from openhall.kernel.event import Room
from openhall.log.ownership import Ownership
from openhall.log.sqlite import SqliteStore
from openhall.log.troubles import BackupTrouble, translate
from openhall.log.verify import Report, verify


class BackupReport(msgspec.Struct, frozen=True):
    """What was written where, and what reading it back has shown."""

    path: str
    size_bytes: int
    report: Report
    kept_aside: str | None = None
    """Where a restore has put the database that was there before."""


def backup(
    database: Path | str,
    target: Path | str,
    rooms: Sequence[Room[Any]] | None = None,
    *,
    is_forced: bool = False,
    progress: Callable[[int], None] | None = None,
) -> BackupReport:
    """Copy a database, whether or not a server runs on it; the copy is verified before it gets its name.

    Raises `BackupTrouble` when the target exists (unless forced) or the copy is not sound.
    """
    database, target = Path(database), Path(target)
    if target.is_dir():
        target = target / database.name
    if target.absolute() == database.absolute():
        raise BackupTrouble(f"{target} is the database itself", place=str(target))
    _refuse_to_overwrite(target, is_forced)
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        with SqliteStore.open_to_read(database) as store:
            store.copy_into(part)
        report = _check_copy(part, rooms, progress)
        _sync(part)
        _refuse_to_overwrite(target, is_forced)
        _replace(part, target)
    finally:
        _remove(part)
    return BackupReport(str(target), target.stat().st_size, report)


def restore(
    saved: Path | str,
    database: Path | str,
    rooms: Sequence[Room[Any]] | None = None,
    *,
    progress: Callable[[int], None] | None = None,
) -> BackupReport:
    """Put a backup in the place of a database; the old one is kept beside it under a new name.

    Raises `AlreadyOpen` while a server holds the database, `BackupTrouble` when the backup is not sound.
    """
    saved, database = Path(saved), Path(database)
    ownership = Ownership.take(database)
    part = database.with_name(f"{database.name}.{os.getpid()}.part")
    try:
        with SqliteStore.open_to_read(saved) as store:
            store.copy_into(part)
        report = _check_copy(part, rooms, progress)
        _sync(part)
        aside = _put_aside(database)
        _replace(part, database)
    finally:
        _remove(part)
        ownership.release()
    return BackupReport(
        str(database), database.stat().st_size, report, kept_aside=str(aside) if aside else None
    )


def _check_copy(
    path: Path, rooms: Sequence[Room[Any]] | None, progress: Callable[[int], None] | None
) -> Report:
    with SqliteStore.open_to_read(path) as copy:
        report = verify(copy, rooms, progress=progress)
    if not report.is_sound:
        raise BackupTrouble(f"the copy is not sound: {report.faults[0]}", place=str(path))
    return report


def _refuse_to_overwrite(target: Path, is_forced: bool) -> None:
    if target.exists() and not is_forced:
        raise BackupTrouble(f"{target} exists; it is overwritten only when forced", place=str(target))


def _put_aside(database: Path) -> Path | None:
    """Rename the old database with its write-ahead log, which belongs to it and to no other.

    The log goes first: were we stopped between the two, a new database beside an old log would be ruined.
    """
    if not database.exists():
        for suffix in ("-wal", "-shm"):
            _side_file(database, suffix).unlink(missing_ok=True)
        return None
    number = 1
    while (aside := database.with_name(f"{database.name}.before-restore-{number}")).exists():
        number += 1
    for suffix in ("-wal", "-shm", ""):
        side = _side_file(database, suffix)
        if side.exists():
            side.rename(_side_file(aside, suffix))
    return aside


def _side_file(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _replace(part: Path, target: Path) -> None:
    try:
        for suffix in ("-wal", "-shm"):  # of an older file of that name
            _side_file(target, suffix).unlink(missing_ok=True)
        part.replace(target)
        _sync(target.parent)
    except OSError as error:
        raise translate(error, place=str(target)) from error


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        raise translate(error, place=str(path)) from error
    finally:
        os.close(descriptor)


def _remove(part: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        _side_file(part, suffix).unlink(missing_ok=True)

"""One process owns a database: an operating-system lock that dies with its holder."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Self

from openhall.log.troubles import AlreadyOpen, translate


class Ownership:
    """The lock on `<database>.lock`, with the holder's process id inside for the person who is refused.

    The lock is the kernel's, so a killed process leaves nothing to clean up; the file itself stays, since
    removing it would let two processes hold locks on two files of one name.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor: int | None = descriptor

    @classmethod
    def take(cls, database: Path) -> Self:
        """Own the database or raise `AlreadyOpen` naming the process that does."""
        path = database.with_name(database.name + ".lock")
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise translate(error, place=str(path)) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(descriptor)
            raise AlreadyOpen(f"{database} is held by process {holder}", place=str(database)) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
        return cls(path, descriptor)

    def release(self) -> None:
        """Let the next process have it; a second release does nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

"""The finished parts of a study that is under way, so that an interrupted one can go on."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from openhall.kernel.trouble import Trouble
from openhall.science.study import tasks

_HEAD = struct.Struct(">II")
"""Length and CRC-32 of what follows."""
_MAGIC = b"openhall parts 1\n"


class PartsTrouble(Trouble):
    """The finished parts of a study could not be kept."""

    code = "parts_trouble"
    remedy = "Make room on the disk or choose another place with --out; what was kept before is still there."


class PartsFile:
    """An append-only file of the parts of one plan; `name` says of which plan and code they are.

    A record counts when it is whole, so a crash costs the last part at most. Parts of another plan or of
    another version of the code are never taken: the file is begun anew.
    """

    def __init__(self, path: Path, name: str, *, resume: bool) -> None:
        self.path = path
        self._head = _MAGIC + name.encode() + b"\n"
        self.kept: dict[str, bytes] = {}
        """By the name of the task, what an earlier run left."""
        try:
            end = self._read() if resume and path.is_file() else 0
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: BinaryIO = path.open("r+b" if end else "wb")
            if not end:
                self._file.write(self._head)
                end = len(self._head)
            self._file.seek(end)
            self._file.truncate()
        except OSError as error:
            raise PartsTrouble(str(error), place=str(path)) from error

    def _read(self) -> int:
        """Take in the whole records; where they end, 0 for a file of something else."""
        with self.path.open("rb") as file:
            if file.read(len(self._head)) != self._head:
                return 0
            end = file.tell()
            while len(head := file.read(_HEAD.size)) == _HEAD.size:
                length, check = _HEAD.unpack(head)
                body = file.read(length)
                if len(body) < length or zlib.crc32(body) != check:
                    break
                self.kept[tasks.from_bytes(body).task.name] = body
                end = file.tell()
            return end

    def keep(self, body: bytes) -> None:
        """Append a part. It is on disk when this returns."""
        try:
            self._file.write(_HEAD.pack(len(body), zlib.crc32(body)) + body)
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise PartsTrouble(str(error), place=str(self.path)) from error

    def close(self) -> None:
        """Leave the file for another time."""
        self._file.close()

    def remove(self) -> None:
        """The study is done: nobody needs its parts."""
        self.close()
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> PartsFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

"""The bank's files on the disk, and how the version in force and the files are kept the same.

The database holds every version with its files, and its last one is in force. The folder shows that version
to people and to other programs. Files that somebody changed by hand count once they were proposed and
approved; with `single_operator` set, also at the next start.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path

from openhall.app.folder import ConfigurationInvalid, Folder
from openhall.kernel.trouble import Trouble
from openhall.log import configuration as records
from openhall.log.configuration import Files, Origin, Version
from openhall.log.records import Records
from openhall.network.loading import load
from openhall.network.model import Bank
from openhall.network.version import version_of

ENDINGS = frozenset({".toml", ".csv"})
TEMPORARY = ".openhall-new"

_log = logging.getLogger(__name__)


class BankFilesTrouble(Trouble):
    """The bank's files could not be written. Nothing is lost: they are written at the next try."""

    code = "bank_files_trouble"
    remedy = "Make room on the disk, or let openhall write in the folder `bank`."


def read_files(folder: Path) -> Files:
    """The files of a configuration; others in the folder are left alone."""
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir()) if p.suffix in ENDINGS and p.is_file()}


def signature(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """What changes when a file does, quick enough to look at every few seconds."""
    found = []
    for path in sorted(folder.iterdir()):
        if path.suffix in ENDINGS:
            stat = path.stat()
            found.append((path.name, stat.st_mtime_ns, stat.st_size))
    return tuple(found)


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make the folder hold exactly these files, each replaced in one step and on the disk when this returns.

    Raises `BankFilesTrouble`; some files may be new by then, and doing it again puts the rest there.
    """
    try:
        for name, body in files.items():
            path = folder / name
            if path.is_file() and path.read_bytes() == body:
                continue
            fresh = folder / f"{name}{TEMPORARY}"
            with fresh.open("wb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
        for path in folder.iterdir():
            if path.suffix in ENDINGS and path.name not in files:
                path.unlink()
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise BankFilesTrouble(str(error), place=str(folder)) from error


def bank_of(files: Mapping[str, bytes], *, place: str) -> Bank:
    """The bank that files make. Raises `ConfigurationInvalid` with every mistake."""
    found = load(files)
    if isinstance(found, list):
        raise ConfigurationInvalid(found, place=place)
    return found


def bank_in_force(folder: Folder, store: Records, *, single_operator: bool, now_ms: int) -> Bank:
    """The bank that a starting process goes by.

    A publication that was cut off is brought to its end first. The first start takes the files as they are.
    Raises `ConfigurationInvalid`.
    """
    head = records.head(store)
    if head is None:
        files = read_files(folder.bank)
        bank = bank_of(files, place=str(folder.bank))
        keep(store, bank, files, number=1, origin=Origin.FIRST, now_ms=now_ms)
        return bank
    kept = records.files_of(store, head.number)
    if not head.is_written:
        _log.warning("The publication of configuration %s was cut off: it is finished now", head.number)
        write_files(folder.bank, kept)
        records.finish(store, head.number)
    found = read_files(folder.bank)
    if found == kept:
        return bank_of(kept, place=str(folder.bank))
    if single_operator:
        bank = bank_of(found, place=str(folder.bank))
        keep(store, bank, found, number=head.number + 1, origin=Origin.BY_HAND, now_ms=now_ms)
        return bank
    _log.warning(
        "Files in %s were changed by hand: they do not count until they are proposed and approved",
        folder.bank,
    )
    return bank_of(kept, place=f"configuration {head.number}")


def keep(
    store: Records,
    bank: Bank,
    files: Mapping[str, bytes],
    *,
    number: int,
    origin: Origin,
    now_ms: int,
) -> None:
    """Keep files that are on the disk already as a version of their own."""
    made = Version(number, version_of(bank).version, origin, now_ms, "", "", "", "", is_written=True)
    records.begin(store, made, files)

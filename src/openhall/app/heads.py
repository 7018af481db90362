"""Writes down where the log ends, again and again, and compares it with what was written before.

The statements are `log.heads`; here is when they are made, and what is said when the log has lost something.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Final

from openhall.app.findings import Finding, degraded, failed, fine
from openhall.app.service_settings import HeadSettings
from openhall.kernel.clock import MINUTE_MS
from openhall.log import heads
from openhall.log.access_record import CHAIN_START, AccessRecord, End, has_seals
from openhall.log.heads import HeadsUnwritten, Kept
from openhall.log.keys import KeyRing
from openhall.log.records import Records
from openhall.log.verify import Fault, Report

if TYPE_CHECKING:
    from openhall.app.build import App

TURN_SECONDS: Final = 60.0
OWN_FOLDER: Final = "heads"
LAST_READ: Final = 2
"""Statements; `verify` reads all of them."""

_log = logging.getLogger(__name__)


def place_of(settings: HeadSettings, folder: Path) -> Path:
    """Where the statements go: into the installation's own folder where nothing else is said."""
    return Path(settings.folder) if settings.folder else folder / OWN_FOLDER


class HeadDesk:
    """Makes the statements of one running installation."""

    def __init__(self, app: App, keys: KeyRing) -> None:
        self._app, self._keys = app, keys
        self._settings = app.settings.heads
        self._place = place_of(self._settings, app.folder.path)
        self._trouble = ""
        self._fault: Fault | None = None
        self._due_ms = 0

    async def run_once(self) -> None:
        """When it is time, compare with what was stated last and state anew. Raises `HeadsUnwritten`."""
        if self._settings.minutes and self._app.wall.now_ms() >= self._due_ms:
            await asyncio.to_thread(self.take_turn)

    def take_turn(self) -> None:
        """Compare and state, however long ago that was done; blocks on the disk."""
        try:
            if not self._settings.folder:
                # A folder elsewhere is never made: where it is missing, something is not mounted.
                self._place.mkdir(mode=0o700, exist_ok=True)
            kept = heads.read(self._place, self._keys, last=LAST_READ)
            self._compare(kept)
            # A new statement would cover what is lost: until somebody has looked into it none is made.
            if self._fault is None:
                self._write(kept)
        except OSError as error:
            self._trouble = f"{self._place}: {error.strerror}"
            raise HeadsUnwritten(self._trouble, place=str(self._place)) from error
        self._trouble = ""
        self._due_ms = self._app.wall.now_ms() + self._settings.minutes * MINUTE_MS

    def _compare(self, kept: Kept) -> None:
        found = next(iter(kept.faults), None) or _lost(self._app.store, self._app.accounts.record, kept)
        if found is not None and found != self._fault:
            _log.error("The log has lost something that was stated: %s", found)
        self._fault = found

    def _write(self, kept: Kept) -> None:
        newest, now_ms = kept.newest, self._app.wall.now_ms()
        end = self._app.accounts.record.end()
        statement = heads.next_statement(self._app.store, kept, end, at_ms=now_ms, is_anew=False)
        if statement.days or end != newest.access_end:
            heads.write(self._place, statement, self._keys)

    def finding(self) -> Finding:
        """For the health of the server."""
        if self._fault is not None:
            return failed("heads", "heads_lost", detail=str(self._fault))
        if self._trouble:
            return degraded("heads", "heads_unwritten", detail=self._trouble)
        return fine("heads") if self._settings.minutes else Finding("heads", "ok", "heads_off")


def _lost(records: Records, record: AccessRecord, kept: Kept) -> Fault | None:
    """The first thing that the newest statement says and the database does not."""
    if not kept.statements:
        return None
    newest = kept.newest
    anchor = heads.missed(records, newest.days[-heads.DAYS_LOOKED_AT :])
    if anchor is not None:
        wanted = f"event {anchor.seq} as it was stated"
        return Fault("heads", anchor.stream, anchor.seq, 0, wanted, "another, or none")
    holds = [record.holds(newest.access_end)]
    return next(iter(heads.access_faults([newest], holds)), None)


def look(place: Path, records: Records, record: AccessRecord, keys: KeyRing) -> Finding:
    """The database beside the newest statements, for who looks without a server."""
    try:
        kept = heads.read(place, keys, last=LAST_READ) if place.is_dir() else Kept((), ())
    except OSError as error:
        return degraded("heads", "heads_unwritten", detail=f"{place}: {error.strerror}")
    found = next(iter(kept.faults), None) or _lost(records, record, kept)
    return failed("heads", "heads_lost", detail=str(found)) if found else fine("heads")


def state_anew(place: Path, records: Records, record: AccessRecord, keys: KeyRing, now_ms: int) -> None:
    """From here on this is where the log ends: a backup was put back, or a loss was looked into. Raises
    `HeadsUnwritten`."""
    try:
        if place.is_dir():
            kept = heads.read(place, keys)
            end = record.end() if has_seals(records) else End(0, CHAIN_START)
            statement = heads.next_statement(records, kept, end, at_ms=now_ms, is_anew=True)
            heads.write(place, statement, keys)
    except OSError as error:
        raise HeadsUnwritten(f"{place}: {error.strerror}", place=str(place)) from error


def with_records(report: Report, record: AccessRecord, kept: Kept | None) -> Report:
    """What `verify` found in the log, and what there is to say of the access record and the statements."""
    faults = [
        Fault("access", heads.ACCESS_RECORD, fault.row, 0, "a whole chain", fault.code)
        for fault in record.faults()
    ]
    if kept is not None:
        faults += kept.faults
        holds = [record.holds(each.access_end) for each in kept.in_force]
        faults += heads.access_faults(kept.in_force, holds)[:1]
    return Report(
        report.streams_count,
        report.events_count,
        report.outcomes_count,
        (*report.faults, *faults),
        report.anchors,
    )

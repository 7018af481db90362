"""Everything about an installation that can be looked at without starting it, or beside its running server.

Nothing is changed, and each look ends in a finding: what cannot be looked at is a finding too.
"""

from __future__ import annotations

import os
import shutil
import socket
import stat
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from openhall.access.devices import Device
from openhall.app import heads, machine, reach
from openhall.app.build import ROOMS
from openhall.app.findings import Finding, degraded, failed, fine, of_record
from openhall.app.folder import ConfigurationInvalid, Folder
from openhall.app.settings import FILE, Settings, SettingsInvalid, read_settings
from openhall.devices.paper import FontMissing, font_of
from openhall.kernel.clock import SECOND_MS, Clock
from openhall.kernel.event import StreamId
from openhall.kernel.trouble import Trouble
from openhall.log.access_record import AccessRecord, has_seals
from openhall.log.devices import Devices
from openhall.log.keys import KeyRing
from openhall.log.migrate import HEAD_REVISION, REVISIONS, revision_of
from openhall.log.ownership import Ownership
from openhall.log.sqlite import SQLITE_VERSION_MIN, SqliteStore, check_sqlite_version
from openhall.log.troubles import AlreadyOpen, DatabaseCorrupt, LogTrouble, SqliteTooOld
from openhall.log.verify import verify_streams

PYTHON_MIN = (3, 11)
YEARS = (2026, 2100)
"""A clock outside of these was never set."""
DETAIL_AT_MOST = 300
FONT_DOTS = 24

Ask = Callable[[str], bytes | None]
"""What the running server answers at a path; None for no answer."""


class Checkup:
    """One look at one folder."""

    def __init__(self, folder: Path, environ: Mapping[str, str], clock: Clock, ask: Ask) -> None:
        self._folder = Folder(folder)
        self._environ = environ
        self._clock = clock
        self._ask = ask
        self._settings = Settings()
        self._printers: list[Device] = []
        self._is_serving = False

    def findings(self) -> list[Finding]:
        """Part by part. Raises `FolderMissing` where there is no installation."""
        self._folder.require()
        now_ms = self._clock.now_ms()
        found = [
            self._python(),
            self._sqlite(),
            self._access(),
            self._read_settings(),
            *self._bank(),
            self._key(),
        ]
        found += self._database()
        if any(each.code == "record_forged" for each in found) and fine("key") in found:
            # Without a seal of ours at its end the whole record is foreign, or the key is.
            found[found.index(fine("key"))] = failed("key", "key_other")
        path, settings = self._folder.path, self._settings
        found += [machine.disk(path, settings), self._port(), machine.certificate(path, settings, now_ms)]
        found += [self._speech(), self._font(), machine.backup(path, settings, now_ms)]
        found += reach.findings(settings, self._printers, is_serving=self._is_serving)
        return found

    def _python(self) -> Finding:
        if sys.version_info[:2] < PYTHON_MIN:
            found = ".".join(map(str, sys.version_info[:2]))
            return failed("python", "python_old", found=found, wanted=".".join(map(str, PYTHON_MIN)))
        return fine("python")

    def _sqlite(self) -> Finding:
        try:
            check_sqlite_version()
        except SqliteTooOld as trouble:
            wanted = ".".join(map(str, SQLITE_VERSION_MIN))
            return failed("sqlite", "sqlite_old", found=str(trouble)[:DETAIL_AT_MOST], wanted=wanted)
        return fine("sqlite")

    def _access(self) -> Finding:
        owner = self._folder.path.stat().st_uid
        for path in (self._folder.path / FILE, self._folder.key, self._folder.database):
            if path.exists() and path.stat().st_uid != owner:
                return failed("folder", "folder_foreign", place=str(path))
        if stat.S_IMODE(self._folder.path.stat().st_mode) & 0o077:
            return degraded("folder", "folder_open", place=str(self._folder.path))
        return fine("folder")

    def _read_settings(self) -> Finding:
        try:
            self._settings = read_settings(self._folder.path, self._environ)
        except SettingsInvalid as trouble:
            return failed("settings", "settings_wrong", detail=_short(trouble))
        return fine("settings")

    def _bank(self) -> list[Finding]:
        try:
            bank = self._folder.read_bank()
        except ConfigurationInvalid as trouble:
            return [failed("bank", "bank_wrong", detail=_short(trouble))]
        unknown = next((b.timezone for b in bank.branches if not _is_zone(b.timezone)), None)
        zones = failed("zones", "zone_none", zone=unknown) if unknown else fine("zones")
        return [fine("bank"), zones]

    def _key(self) -> Finding:
        try:
            KeyRing.read(self._folder.key)
        except Trouble as trouble:
            return failed("key", "key_wrong", detail=_short(trouble))
        return fine("key")

    # -- the database ---------------------------------------------------------------------------------

    def _database(self) -> list[Finding]:
        path = self._folder.database
        if not path.is_file():
            return [Finding("database", "ok", "database_none"), self._clock_by(None)]
        found = self._log()
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            exposed = degraded("database", "database_open", place=str(path))
            return [exposed if finding == fine("database") else finding for finding in found]
        return found

    def _log(self) -> list[Finding]:
        try:
            with SqliteStore.open_to_look(self._folder.database) as store:
                found = self._schema(store)
                if found == [fine("schema")]:
                    self._printers = Devices(store, self._clock, os.urandom).every(kind="printer")
                return [*found, *self._content(store)]
        except LogTrouble as trouble:
            # A disk that is full, or a file of another account, is no damage: a backup would mend nothing.
            code = "database_damaged" if isinstance(trouble, DatabaseCorrupt) else "database_unread"
            return [failed("database", code, detail=_short(trouble)), self._clock_by(None)]

    def _schema(self, store: SqliteStore) -> list[Finding]:
        with store.reading() as connection:
            found = revision_of(connection) or "-"
        if found == HEAD_REVISION:
            return [fine("schema")]
        kind, code = (degraded, "schema_older") if found in REVISIONS else (failed, "schema_newer")
        return [kind("schema", code, found=found, wanted=HEAD_REVISION)]

    def _content(self, store: SqliteStore) -> list[Finding]:
        damage = store.check_quickly()
        if damage:
            detail = "; ".join(damage)[:DETAIL_AT_MOST]
            return [failed("database", "database_damaged", detail=detail), self._clock_by(None)]
        streams = list(store.streams())
        last = max((stream.day for stream in streams), default=None)
        latest = [stream for stream in streams if stream.day == last]
        faults = verify_streams(store, ROOMS, latest)
        sound = fine("last_day")
        if faults:
            sound = failed("last_day", "log_unsound", detail=str(faults[0])[:DETAIL_AT_MOST])
        return [
            fine("database"),
            sound,
            *self._access_record(store),
            self._clock_by(_latest_ms(store, latest)),
        ]

    def _access_record(self, store: SqliteStore) -> list[Finding]:
        """All of it; without the key nobody can tell, and an older schema has no seals yet."""
        if not has_seals(store):
            return []
        try:
            keys = KeyRing.read(self._folder.key)
        except Trouble:
            return []
        record = AccessRecord(store, self._clock, keys)
        faults = record.faults()
        place = heads.place_of(self._settings.heads, self._folder.path)
        return [of_record(faults[0] if faults else None), heads.look(place, store, record, keys)]

    def _clock_by(self, last_event_ms: int | None) -> Finding:
        now_ms = self._clock.now_ms()
        year = 1970 + now_ms // (365 * 24 * 3_600 * SECOND_MS)
        if not YEARS[0] - 1 <= year <= YEARS[1]:
            return failed("clock", "clock_wrong", found=year)
        behind_ms = (last_event_ms or 0) - now_ms
        if behind_ms > 0:
            return failed("clock", "clock_behind", seconds=behind_ms // SECOND_MS + 1)
        return fine("clock")

    # -- what it needs of the machine ---------------------------------------------------------------------

    def _port(self) -> Finding:
        """Free, or held by the server of this very folder."""
        server = self._settings.server
        try:
            Ownership.take(self._folder.database).release()
        except AlreadyOpen:
            self._is_serving = True
            answer = self._ask("/healthz")
            if answer is None:
                return failed("port", "server_silent")
            is_well = b'"is_ok":true' in answer
            return (
                fine("port")
                if is_well
                else failed("port", "server_ill", detail=answer.decode()[:DETAIL_AT_MOST])
            )
        family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((server.host, server.port))
            except OSError:
                return failed("port", "port_taken", place=f"{server.host}:{server.port}")
        return fine("port")

    def _speech(self) -> Finding:
        program = self._settings.devices.speech_program
        if shutil.which(program) is None:
            return degraded("speech", "speech_none", program=program)
        return fine("speech")

    def _font(self) -> Finding:
        name = self._settings.devices.font
        try:
            font_of(name, FONT_DOTS)
        except FontMissing:
            return degraded("font", "font_none", font=name)
        return fine("font")


def _short(trouble: Trouble) -> str:
    return str(trouble).splitlines()[0][:DETAIL_AT_MOST]


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return False
    return True


def _latest_ms(store: SqliteStore, streams: list[StreamId]) -> int | None:
    return max((tail.at_ms for stream in streams if (tail := store.tail(stream)) is not None), default=None)

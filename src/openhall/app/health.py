"""How each part of a running installation is doing, each in a code with a remedy."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from openhall.app import machine
from openhall.app.findings import Finding, degraded, failed, fine, of_record
from openhall.kernel.clock import MINUTE_MS, SECOND_MS
from openhall.log.book import CLOCK_STEP_BACK_MAX_MS
from openhall.log.hub import LISTENERS_MAX
from openhall.log.troubles import LogTrouble
from openhall.log.writer import INBOX_MAX

if TYPE_CHECKING:
    from openhall.app.build import App

BUSY_SHARE: Final = 0.1
FULL_SHARE: Final = 0.9
JUMP_MS: Final = 5 * SECOND_MS
"""A time server corrects by less."""
SETTLED_SECONDS: Final = 3_600
"""So long it is said that the clock was moved; by then whoever looks after the machine has had the time."""
TWIN_LATE_MS: Final = 5 * MINUTE_MS
"""By then the plain rules have taken over."""
FAILURES_SHOWN: Final = 3
"""In a row: a gateway that answers badly once is not worth anybody's attention."""


class HealthDesk:
    """Asks every part of an app."""

    def __init__(self, app: App, seconds: Callable[[], float] = time.monotonic) -> None:
        self._app = app
        self._seconds = seconds
        self._begun = (app.wall.now_ms(), seconds())
        self._jumped: float | None = None
        """When it was first seen that the clock was moved."""

    async def findings(self) -> list[Finding]:
        """All of them; the writer is asked the way of a command."""
        app = self._app
        now_ms = app.wall.now_ms()
        return [
            await self._writer(),
            machine.disk(app.folder.path, app.settings),
            machine.backup(app.folder.path, app.settings, now_ms),
            self._clock(now_ms),
            self._streams(),
            self._twin(),
            self._devices(),
            self._messages(),
            self._certificate(now_ms),
            await self._access_record(),
            app.heads.finding(),
        ]

    async def _writer(self) -> Finding:
        health = await self._app.writer.check_health()
        if not health.is_ok:
            return failed("writer", "writer_ill", detail=health.trouble_code)
        if health.waiting_count > BUSY_SHARE * INBOX_MAX:
            return degraded("writer", "writer_busy", count=health.waiting_count)
        return fine("writer")

    async def _access_record(self) -> Finding:
        """Its end alone: all of it is for `doctor`, for `verify` and for the page."""
        try:
            return of_record(await asyncio.to_thread(self._app.accounts.record.fault_at_end))
        except LogTrouble as trouble:
            return failed("access_record", "database_unread", detail=trouble.code)

    def _clock(self, now_ms: int) -> Finding:
        """The wall's clock against one that nobody can set; a step that has stayed is the time."""
        wall_ms, began = self._begun
        seconds = self._seconds()
        moved_ms = now_ms - wall_ms - round((seconds - began) * SECOND_MS)
        if abs(moved_ms) <= JUMP_MS:
            self._jumped = None
            return fine("clock")
        self._jumped = seconds if self._jumped is None else self._jumped
        if seconds - self._jumped > SETTLED_SECONDS:
            self._begun, self._jumped = (now_ms, seconds), None
        kind = failed if moved_ms < -CLOCK_STEP_BACK_MAX_MS else degraded
        return kind("clock", "clock_jumped", seconds=round(moved_ms / SECOND_MS))

    def _streams(self) -> Finding:
        count = self._app.hub.listener_count
        if count > FULL_SHARE * LISTENERS_MAX:
            return degraded("streams", "streams_full", count=count)
        return fine("streams")

    def _twin(self) -> Finding:
        twin = self._app.twin
        if twin is None:
            return Finding("twin", "ok", "twin_off")
        if not twin.health.is_ok:
            return degraded("twin", "twin_ill", detail=twin.health.trouble_code)
        if twin.age_ms > TWIN_LATE_MS:
            return degraded("twin", "twin_late", seconds=twin.age_ms // SECOND_MS)
        return fine("twin")

    def _devices(self) -> Finding:
        down = [each for each in self._app.devices.troubles() if each.state == "down"]
        return degraded("devices", "devices_ill", count=len(down)) if down else fine("devices")

    def _messages(self) -> Finding:
        ill = [name for name, each in self._app.messages.health.items() if each.failures >= FAILURES_SHOWN]
        return degraded("messages", "messages_ill", ways=", ".join(ill)) if ill else fine("messages")

    def _certificate(self, now_ms: int) -> Finding:
        """The one that the port shows; what lies in the files may be another."""
        app = self._app
        if app.tls is None:
            return machine.certificate(app.folder.path, app.settings, now_ms)
        return machine.shown_certificate(app.tls, now_ms)

"""The devices of the halls while they run: who is heard of, what is wrong, and what is to be printed.

Nothing here can hold up a hall: printing has its own threads, a dead screen only makes a line on the Devices
page and in the lobby, and what is known about health is memory that a restart may forget.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol
from zoneinfo import ZoneInfo

import msgspec

from openhall.access.devices import Device, DisplaySettings, PrinterSettings
from openhall.app.device_words import DOWN, WARNED
from openhall.app.settings import Settings
from openhall.app.slips import ticket_slip
from openhall.app.ticket_links import TicketLinks
from openhall.devices.printing import JobState, Printing
from openhall.devices.slip import Slip
from openhall.devices.speech import Speech
from openhall.hall.model import HallState
from openhall.hall.model.events import TicketIssued
from openhall.hall.model.waits import Waits
from openhall.kernel.clock import DAY_MS, SECOND_MS, Clock, to_datetime
from openhall.kernel.event import Recorded, StreamId
from openhall.kernel.refusal import Refusal
from openhall.kernel.text import Language
from openhall.log.accounts import Accounts
from openhall.log.book import Book
from openhall.log.devices import Devices
from openhall.log.records import Records
from openhall.log.sessions import Account, SignedIn
from openhall.network.model import Bank

BEAT_SECONDS = 4
"""How often a screen says that it is there."""
SILENT_MS = 10 * SECOND_MS
"""Two beats missed, and a little for the way."""
BEHIND_MS = 10 * SECOND_MS
"""A screen that does not show, or has not heard, what happened so long ago is frozen, or its line is late."""
RULES_ASKED_MS = 60 * SECOND_MS
"""How often a gate asks what is to be checked."""
RULES_OLD_MS = 3 * RULES_ASKED_MS
"""A gate that is there and has not asked for so long works by old rules."""
CLOCK_WRONG_MS = 2 * 60 * SECOND_MS
"""A gate's clock that is off by more writes wrong times; five minutes ahead, its passes are refused."""
POSITIONS_KEPT = 8
TESTS_KEPT = 5
TEST_MS = 15 * SECOND_MS
"""A screen that comes back later does not try what somebody asked for before."""

HealthState = Literal["ok", "warning", "down", "waiting"]
Sound = Literal["ok", "blocked", "missing", "off", "unknown"]

_log = logging.getLogger(__name__)


class Beat(msgspec.Struct, frozen=True):
    """What a screen says about itself each few seconds."""

    position: int = 0
    """Up to where it shows the hall and has heard of it; 0 for what shows none, such as a gate or a guide."""
    shown: str = ""
    """The call that it shows, as a number of the hall."""
    sound: Sound = "unknown"
    voices: tuple[Language, ...] = ()
    """Languages for which the browser has a voice of its own."""
    clock_off_ms: int = 0
    """A gate's clock before the hall's; below 0 behind it."""
    kept_count: int = 0
    """Passes that a gate could not send yet."""


class DeviceHealth(msgspec.Struct, frozen=True):
    """How a device is. `code` names the sentence in `device_words.STATES`."""

    id: str
    branch: str
    kind: str
    name: str
    state: HealthState
    code: str
    seen_ms: int
    waiting_count: int = 0
    """Slips at a printer."""
    failed_count: int = 0
    shown: str = ""
    sound: str = ""
    kept_count: int = 0
    """Passes that a gate has not sent yet."""


class Test(msgspec.Struct, frozen=True):
    """Something that the Devices page asks a screen to do once."""

    id: int
    kind: Literal["sound", "number"]
    at_ms: int = 0


@dataclass
class Heard:
    """What is known of a paired device since the server was started."""

    at_ms: int
    since_ms: int
    site: str
    beat: Beat = field(default_factory=Beat)
    asked: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=POSITIONS_KEPT))
    """(moment, newest position of its branch then): what it should show a little later."""
    rules_ms: int = 0
    """When a gate last asked what is to be checked; at first, when it was heard of."""


class Halls(Protocol):
    """What the desk needs of the installation."""

    settings: Settings
    book: Book
    accounts: Accounts
    links: TicketLinks
    speech: Speech

    @property
    def bank(self) -> Bank:
        """The bank as configured now."""
        ...

    @property
    def wall(self) -> Clock:
        """The clock of people and machines."""
        ...

    def hall(self, stream: StreamId) -> HallState | None:
        """The committed state of a day."""
        ...

    def waits(self, stream: StreamId) -> Waits:
        """The waits of this second."""
        ...


class DeviceDesk:
    """All devices of the installation, at work."""

    def __init__(self, halls: Halls, records: Records) -> None:
        self._halls = halls
        self.records = Devices(records, halls.wall, os.urandom)
        self.printing = Printing(halls.settings.devices.font)
        self._heard: dict[str, Heard] = {}
        self._renewed_ms: dict[str, int] = {}
        self._tests: dict[str, deque[Test]] = {}
        self._test_count = 0
        self._newest: dict[str, int] = {}
        self._started_ms = halls.wall.now_ms()
        halls.book.listen(self.note)

    # Pairing -------------------------------------------------------------------------------------------

    def pair(self, code: str, *, browser: str = "") -> tuple[Device, SignedIn] | Refusal:
        """A session for the device that a code stands for; an earlier one of the same device ends.

        Writes to the database: call it in a thread.
        """
        device = self.records.use_code(code)
        if isinstance(device, Refusal):
            return device
        self._halls.accounts.end_sessions(device.account)
        return device, self._begin(device, browser)

    def renew(self, device: Device, browser: str) -> SignedIn | None:
        """A fresh session for a device whose own comes to its end; the old one goes with its time.

        Once a day: a device that does not take the new one would otherwise have so many that its own, the
        oldest, is ended for it.
        """
        now_ms = self._halls.wall.now_ms()
        if now_ms - self._renewed_ms.get(device.id, 0) < DAY_MS:
            return None
        fresh = self._begin(device, browser)
        self._renewed_ms[device.id] = now_ms
        return fresh

    def revoke(self, device_id: str) -> Device | Refusal:
        """Use a device no more: its session ends at once, and nobody can act under its name."""
        device = self.records.revoke(device_id)
        if not isinstance(device, Refusal):
            self._halls.accounts.disable(device.account)
            self._heard.pop(device_id, None)
            self._renewed_ms.pop(device_id, None)
        return device

    def _begin(self, device: Device, browser: str) -> SignedIn:
        assert device.kind != "printer", device
        account = Account(device.account, device.kind, device.branch)
        return self._halls.accounts.begin_device_session(account, device=browser)

    # Hearing -------------------------------------------------------------------------------------------

    def hear(self, device: Device, beat: Beat, site: str) -> list[Test]:
        """A device is there; what it is asked to try."""
        now_ms = self._halls.wall.now_ms()
        heard = self._heard.get(device.id)
        if heard is None or now_ms - heard.at_ms > SILENT_MS:
            heard = self._heard[device.id] = Heard(now_ms, now_ms, site, rules_ms=now_ms)
        heard.at_ms, heard.beat, heard.site = now_ms, beat, site
        heard.asked.append((now_ms, self.newest(device.branch)))
        return [test for test in self._tests.get(device.id, ()) if now_ms - test.at_ms <= TEST_MS]

    def hear_rules_asked(self, account: str) -> None:
        """A gate has asked what is to be checked, and so knows it again for a while."""
        device = self.records.of_account(account)
        heard = self._heard.get(device.id) if device is not None else None
        if heard is not None:
            heard.rules_ms = self._halls.wall.now_ms()

    def newest(self, branch: str) -> int:
        """The position of a branch's newest event since the server was started; 0 for none."""
        return self._newest.get(branch, 0)

    def ask(self, device_id: str, kind: Literal["sound", "number"]) -> Test:
        """Have a screen try something when it is heard of next."""
        self._test_count += 1
        # A restart begins anew, and a page that has lived through it must not take that for an old one.
        test = Test(self._started_ms + self._test_count, kind, self._halls.wall.now_ms())
        self._tests.setdefault(device_id, deque(maxlen=TESTS_KEPT)).append(test)
        return test

    def is_quiet(self, device: Device) -> bool:
        """Whether a display keeps silent at this hour of its branch."""
        if not isinstance(device.settings, DisplaySettings):
            return False
        branch = self._halls.bank.branch(device.branch)
        zone = ZoneInfo(branch.timezone if branch is not None else "UTC")
        return device.settings.is_quiet(to_datetime(self._halls.wall.now_ms(), zone).strftime("%H:%M"))

    def site_of(self, branch: str) -> str:
        """The address under which the screens of a branch reach this server; empty when none was heard of."""
        found = [
            (heard.at_ms, heard.site)
            for device_id, heard in self._heard.items()
            if (device := self.records.find(device_id)) is not None and device.branch == branch
        ]
        return max(found)[1] if found else ""

    async def run_once(self) -> None:
        """Have a thread for each printer, and write down now and then when devices were heard of."""
        self.printing.keep(
            {
                device.id: device.settings
                for device in self.records.every(kind="printer")
                if isinstance(device.settings, PrinterSettings)
            }
        )
        await asyncio.to_thread(
            self.records.keep_seen, {device_id: heard.at_ms for device_id, heard in self._heard.items()}
        )

    def stop(self) -> None:
        """Print no more."""
        self.printing.stop()

    # Health --------------------------------------------------------------------------------------------

    def health(self, branch: str = "") -> list[DeviceHealth]:
        """How every device is, of one branch or of all."""
        return [self.health_of(device) for device in self.records.every(branch)]

    def troubles(self, branch: str = "") -> list[DeviceHealth]:
        """Devices that somebody should look at."""
        return [found for found in self.health(branch) if found.state in {"down", "warning"}]

    def health_of(self, device: Device) -> DeviceHealth:
        """How one device is."""
        heard = self._heard.get(device.id)
        printer = self.printing.find(device.id)
        code = self._printer_code(device) if device.kind == "printer" else self._screen_code(device, heard)
        state: HealthState = "ok"
        if code in {"not_paired", "code_waiting", "not_used", "starting", "unknown"}:
            state = "waiting"
        elif code in DOWN:
            state = "down"
        elif code in WARNED:
            state = "warning"
        return DeviceHealth(
            id=device.id,
            branch=device.branch,
            kind=device.kind,
            name=device.name,
            state=state,
            code=code,
            seen_ms=heard.at_ms if heard else device.seen_ms,
            waiting_count=printer.waiting_count if printer else 0,
            failed_count=printer.failed_count if printer else 0,
            kept_count=heard.beat.kept_count if heard else 0,
            shown=heard.beat.shown if heard else "",
            sound=heard.beat.sound if heard else "",
        )

    def _printer_code(self, device: Device) -> str:
        assert isinstance(device.settings, PrinterSettings)
        printer = self.printing.find(device.id)
        if not device.settings.kiosks and not device.settings.is_for_lobby:
            return "not_used"
        return printer.state if printer else "unknown"

    def _screen_code(self, device: Device, heard: Heard | None) -> str:
        now_ms = self._halls.wall.now_ms()
        if not device.paired_ms:
            return "code_waiting" if device.code_until_ms > now_ms else "not_paired"
        if heard is None:
            since_ms = max(self._started_ms, device.paired_ms)
            return "starting" if now_ms - since_ms <= SILENT_MS else "silent"
        if now_ms - heard.at_ms > SILENT_MS:
            return "silent"
        if device.kind == "gate":
            return self._gate_code(heard)
        due = [position for at_ms, position in heard.asked if heard.at_ms - at_ms >= BEHIND_MS]
        if due and 0 < heard.beat.position < due[-1]:
            return "behind"
        return self._sound_code(device, heard.beat)

    def _gate_code(self, heard: Heard) -> str:
        if abs(heard.beat.clock_off_ms) > CLOCK_WRONG_MS:
            return "clock_wrong"
        if heard.at_ms - heard.rules_ms > RULES_OLD_MS:
            return "old_rules"
        return "passes_kept" if heard.beat.kept_count else "ok"

    def _sound_code(self, device: Device, beat: Beat) -> str:
        if not isinstance(device.settings, DisplaySettings) or not device.settings.volume_percent:
            return "ok"
        if beat.sound == "off":
            return "quiet"
        if beat.sound == "blocked":
            return "sound_blocked"
        silent = set(device.settings.languages) - set(beat.voices)
        if beat.sound == "missing" or (silent and not self._halls.speech.is_installed):
            return "sound_missing"
        return "ok"

    # Printing ------------------------------------------------------------------------------------------

    def note(self, events: Sequence[Recorded]) -> None:
        """Print the numbers that were given at a ticket machine which has a printer."""
        for recorded in events:
            self._newest[recorded.stream.place] = recorded.position
            if recorded.type != "TicketIssued":
                continue
            device = self.records.of_account(recorded.actor)
            printer = self.printer_of(device) if device is not None and device.kind == "kiosk" else None
            if printer is None:
                continue
            issued = self._halls.book.read_event(recorded)
            assert isinstance(issued, TicketIssued)
            self.print_ticket(printer, recorded.stream, issued.ticket_id)

    def printer_of(self, kiosk: Device) -> Device | None:
        """The printer on which a ticket machine prints."""
        return next(
            (
                device
                for device in self.records.every(kiosk.branch, "printer")
                if isinstance(device.settings, PrinterSettings) and kiosk.id in device.settings.kiosks
            ),
            None,
        )

    def lobby_printer(self, branch: str) -> Device | None:
        """The printer of the lobby; of several the one that can print."""
        own = [
            device
            for device in self.records.every(branch, "printer")
            if isinstance(device.settings, PrinterSettings) and device.settings.is_for_lobby
        ]
        return min(own, key=lambda device: self.health_of(device).state == "down", default=None)

    def print_ticket(self, printer: Device, stream: StreamId, ticket_id: str) -> str | Refusal:
        """Print a number as its place stands now; the key by which to ask what became of it."""
        state = self._halls.hall(stream)
        ticket = state.tickets.get(ticket_id) if state is not None else None
        if state is None or ticket is None:
            return Refusal("ticket_unknown", "ticket", {"ticket": ticket_id})
        address = self._halls.links.address(stream, ticket_id, self.site_of(stream.place))
        key = ticket_key(stream, ticket_id)
        slip = ticket_slip(state, ticket, self._halls.waits(stream), address)
        return self.print_slip(printer, key, slip)

    def print_slip(self, printer: Device, key: str, slip: Slip) -> str | Refusal:
        """Print any slip on a printer."""
        found = self.printing.find(printer.id)
        if found is None and isinstance(printer.settings, PrinterSettings):
            # Set up a moment ago: the next turn would begin its thread.
            self.printing.add(printer.id, printer.settings)
            found = self.printing.find(printer.id)
        if found is None:
            return Refusal("printer_missing")
        if not found.put(key, slip):
            return Refusal("printer_busy", detail={"waiting": found.waiting_count})
        return key

    def job(self, key: str) -> JobState | None:
        """What became of a slip."""
        return self.printing.job(key)


def ticket_key(stream: StreamId, ticket_id: str) -> str:
    """How a ticket's slip is named."""
    return f"{stream}/{ticket_id}"

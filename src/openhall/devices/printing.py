"""A queue and a thread for each printer: printing never holds the hall, and a dead printer is noticed.

A slip is sent when the printer says that it can print, and counts as printed when the printer still answers
after it (where it answers at all). What fails is tried again until it is too old to be of use to anybody; a
printer that dies in the middle of a slip therefore prints it twice rather than not at all.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from openhall.access.devices import PrinterSettings
from openhall.devices.links import PRINTS, Link, PrinterState, open_link
from openhall.devices.paper import FontMissing, bytes_of
from openhall.devices.slip import Slip
from openhall.kernel.trouble import Trouble

JobState = Literal["waiting", "printed", "failed"]
JOBS_REMEMBERED = 500

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PrintLimits:
    """How much waits at a printer, how long a slip is worth printing, and how often the printer is asked."""

    waiting_at_most: int = 20
    give_up_seconds: float = 90.0
    """By then its customer has read the number on the screen and sits down."""
    pause_seconds: float = 2.0
    look_seconds: float = 8.0
    """A printer that dies while nothing is printed is noticed within this and the answer's time-out."""

    def __post_init__(self) -> None:
        if self.waiting_at_most < 1 or min(self.give_up_seconds, self.pause_seconds, self.look_seconds) <= 0:
            raise ValueError("Expected limits above 0")


@dataclass(frozen=True)
class Job:
    """A slip on its way; `key` is how others ask after it."""

    key: str
    slip: Slip
    at_seconds: float


Connect = Callable[[PrinterSettings], Link]


class Printer:
    """One printer, its queue and its thread."""

    def __init__(
        self,
        name: str,
        settings: PrinterSettings,
        font: str,
        limits: PrintLimits = PrintLimits(),
        connect: Connect = open_link,
    ) -> None:
        self.settings = settings
        self.state: PrinterState = "unknown"
        self.failed_count = 0
        self._font = font
        self._limits = limits
        self._connect = connect
        self._jobs: queue.Queue[Job] = queue.Queue(limits.waiting_at_most)
        self._known: OrderedDict[str, JobState] = OrderedDict()
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"openhall-printer-{name}", daemon=True)
        self._thread.start()

    # From the event loop; never waits -----------------------------------------------------------------

    def put(self, key: str, slip: Slip) -> bool:
        """Print a slip when its turn comes; False when too many wait already."""
        with self._changed:
            before = self._known.get(key)
            self._note(key, "waiting")
        try:
            self._jobs.put_nowait(Job(key, slip, time.monotonic()))
        except queue.Full:
            with self._changed:
                self._note(key, before or "failed")
            return False
        return True

    def job(self, key: str) -> JobState | None:
        """What became of a slip; None for one that is not remembered."""
        return self._known.get(key)

    @property
    def waiting_count(self) -> int:
        """Slips that are not printed yet."""
        return sum(1 for state in list(self._known.values()) if state == "waiting")

    def stop(self) -> None:
        """Print no more. What waits is dropped: who runs this in a loop does not wait for the thread."""
        self._stopping.set()

    def join(self, seconds: float) -> bool:
        """Wait for the thread after `stop`; whether it has ended."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def wait(self, is_so: Callable[[], bool], seconds: float) -> bool:
        """Wait until something holds of this printer, as looked at whenever it changes."""
        with self._changed:
            return self._changed.wait_for(is_so, seconds)

    # The thread ----------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                job = self._jobs.get(timeout=self._limits.look_seconds)
            except queue.Empty:
                self._look()
                continue
            self._print(job)

    def _look(self) -> None:
        """See how the printer is when nothing is to be printed."""
        try:
            link = self._connect(self.settings)
            try:
                self._set(link.state() if self.settings.is_status_told else "ok")
            finally:
                link.close()
        except Trouble as trouble:
            self._set(_state_of(trouble))
        except Exception:  # noqa: BLE001 - a fault of a driver must not end the printer's thread
            if self.state != "unreachable":
                _log.exception("A printer could not be asked how it is")
            self._set("unreachable")

    def _print(self, job: Job) -> None:
        """Try until it is printed, or too old."""
        while not self._stopping.is_set():
            try:
                data = bytes_of(job.slip, self.settings, self._font)
                if self._send(data):
                    self._end(job, "printed")
                    return
            except Trouble as trouble:
                self._set(_state_of(trouble))
            except Exception:  # noqa: BLE001 - one slip that cannot be made must not end the printer's thread
                _log.exception("A slip could not be made")
                break
            if time.monotonic() - job.at_seconds > self._limits.give_up_seconds:
                break
            self._stopping.wait(self._limits.pause_seconds)
        self._end(job, "failed")

    def _send(self, data: bytes) -> bool:
        """Send a slip to a printer that can print; whether it did."""
        link = self._connect(self.settings)
        try:
            if self.settings.is_status_told:
                state = link.state()
                self._set(state)
                if state not in PRINTS:
                    return False
            link.send(data)
            # What was sent may still lie in the network when the printer dies: it must answer once more.
            after = link.state() if self.settings.is_status_told else "ok"
            self._set(after)
            return after in PRINTS
        finally:
            link.close()

    def _set(self, state: PrinterState) -> None:
        with self._changed:
            self.state = state
            self._changed.notify_all()

    def _end(self, job: Job, state: JobState) -> None:
        with self._changed:
            self._note(job.key, state)
            if state == "failed":
                self.failed_count += 1
            self._changed.notify_all()

    def _note(self, key: str, state: JobState) -> None:
        self._known[key] = state
        self._known.move_to_end(key)
        while len(self._known) > JOBS_REMEMBERED:
            self._known.popitem(last=False)


class Printing:
    """All printers of an installation, by the ids of their devices."""

    def __init__(self, font: str, limits: PrintLimits = PrintLimits(), connect: Connect = open_link) -> None:
        self._font = font
        self._limits = limits
        self._connect = connect
        self._printers: dict[str, Printer] = {}

    def keep(self, wanted: Mapping[str, PrinterSettings]) -> None:
        """Have exactly these printers; one whose settings changed begins anew."""
        for gone in [name for name, p in self._printers.items() if wanted.get(name) != p.settings]:
            self._printers.pop(gone).stop()
        for name, settings in wanted.items():
            self.add(name, settings)

    def add(self, name: str, settings: PrinterSettings) -> None:
        """Have this printer too."""
        if name not in self._printers:
            self._printers[name] = Printer(name, settings, self._font, self._limits, self._connect)

    def find(self, name: str) -> Printer | None:
        """A printer by its device's id."""
        return self._printers.get(name)

    def job(self, key: str) -> JobState | None:
        """What became of a slip, at whichever printer."""
        found = [state for p in self._printers.values() if (state := p.job(key)) is not None]
        return found[-1] if found else None

    def stop(self) -> None:
        """Print no more."""
        printers: Iterable[Printer] = list(self._printers.values())
        self._printers.clear()
        for printer in printers:
            printer.stop()


def _state_of(trouble: Trouble) -> PrinterState:
    if isinstance(trouble, FontMissing):
        return "font_missing"
    return "status_silent" if trouble.code == "status_silent" else "unreachable"

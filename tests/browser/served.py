"""A bank served by a process of its own, under a clock that a test moves: what the browser tests look at."""

from __future__ import annotations

import asyncio
import mmap
import secrets
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import msgspec

from openhall.access.devices import SETTINGS_OF
from openhall.access.rights import BOUND_TO_NO_BRANCH
from openhall.app.build import App, build
from openhall.app.clocks import SystemClock
from openhall.app.folder import Folder
from openhall.app.settings import read_settings
from openhall.hall.model.commands import GiveAdvice, ReviewAdvice, TellWaits
from openhall.hall.told import JoiningWait, RoomLeft, TicketWait
from openhall.kernel.clock import from_datetime
from openhall.kernel.event import SYSTEM, Request
from openhall.kernel.refusal import Refusal
from openhall.network.model import Role
from openhall.network.sample import sample_files
from openhall.web.serving import serve
from openhall.workers.pool import Workers

ROOT = Path(__file__).parents[2]
PASSWORD = "browser-tests-only"
ZONE = ZoneInfo("Asia/Shanghai")
BRANCH = "wutong"
ACCOUNTS: dict[str, tuple[Role, str]] = {
    "kiosk": ("kiosk", ""),
    "display": ("display", ""),
    "guard": ("guard", "peng-dayong"),
    "teller": ("teller", "gao-fei"),
    "lobby": ("lobby", "qian-lixin"),
    "manager": ("manager", "zhao-minzhi"),
    "operations": ("operations", ""),
    "privacy": ("privacy", ""),
    "checker": ("administrator", ""),
}
PAIRED = frozenset({"kiosk", "display"})
CLASSES = ("ordinary", "green", "frontline")
START_SECONDS = 30
OFFSET = struct.Struct("=q")


class MovedClock:
    """The clock of this machine, moved by an offset that the test writes into a file."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self._offset = mmap.mmap(file.fileno(), OFFSET.size, access=mmap.ACCESS_READ)

    def now_ms(self) -> int:
        """The moved time."""
        offset_ms: int = OFFSET.unpack_from(self._offset)[0]
        return SystemClock().now_ms() + offset_ms


def _child(folder: Path, port: int) -> None:
    settings = read_settings(folder, {})
    app = build(Folder(folder), MovedClock(_offset_file(folder)), planners=Workers(1), settings=settings)
    asyncio.run(serve(app, host="127.0.0.1", port=port, beside=lambda: _play_twin(app, _twin_folder(folder))))


async def _play_twin(app: App, said: Path) -> None:
    """Carry out what a test lets the twin say: nobody else may, and no address leads to it."""
    decoder = msgspec.json.Decoder(TellWaits | GiveAdvice | ReviewAdvice)
    branch = app.bank.branch(BRANCH)
    assert branch is not None
    while True:
        for path in sorted(await asyncio.to_thread(lambda: [*said.glob("*.json")])):
            command = decoder.decode(path.read_bytes())
            answer = await app.submit(Request(app.today(branch), f"twin-{path.stem}", SYSTEM, command))
            path.with_suffix(".done").write_text(answer.code if isinstance(answer, Refusal) else "")
            path.unlink()
        await asyncio.sleep(0.02)


def _offset_file(folder: Path) -> Path:
    return folder.with_name(folder.name + ".clock")


def _tokens_file(folder: Path) -> Path:
    return folder.with_name(folder.name + ".tokens")


def _twin_folder(folder: Path) -> Path:
    return folder.with_name(folder.name + ".twin")


def install(folder: Path, changed: Mapping[str, str] = MappingProxyType({})) -> None:
    """An installation of the sample bank, with some lines of its files changed, and one account of each role;
    the screens are paired devices."""
    place, files = Folder(folder), sample_files()
    for line, instead in changed.items():
        files = {name: body.replace(line.encode(), instead.encode()) for name, body in files.items()}
    place.create(files)
    app = build(place)
    tokens = {}
    for name, (role, person) in ACCOUNTS.items():
        if role in PAIRED:
            tokens[name] = pair(app, role, name)
            continue
        branch = None if role in BOUND_TO_NO_BRANCH else BRANCH
        made = app.accounts.create(name, role, PASSWORD, branch=branch, person_id=person or None)
        assert not hasattr(made, "code"), made
    _tokens_file(folder).write_bytes(msgspec.json.encode(tokens))
    app.store.close()


def pair(app: App, kind: Role, name: str) -> str:
    """A device of the branch, paired as a person would; the token of its session."""
    made = app.devices.records.make(name, BRANCH, kind, name, SETTINGS_OF[kind](), by="test")  # type: ignore[arg-type, index]
    assert not isinstance(made, Refusal), made
    code = app.devices.records.new_code(made.id)
    assert not isinstance(code, Refusal), code
    paired = app.devices.pair(code[1])
    assert not isinstance(paired, Refusal), paired
    return paired[1].token


def free_port() -> int:
    """A port that nobody listens at now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Served:
    """A running server, and what a test does to it."""

    folder: Path
    port: int
    offset_ms: int = 0
    tokens: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    said_count: int = 0

    @property
    def url(self) -> str:
        """The address of the site."""
        return f"http://127.0.0.1:{self.port}"

    # -- the process ----------------------------------------------------------------------------------

    def start(self) -> None:
        """Start serving, and wait until it does."""
        _offset_file(self.folder).write_bytes(OFFSET.pack(self.offset_ms))
        _twin_folder(self.folder).mkdir(exist_ok=True)
        arguments = [str(self.folder), str(self.port)]
        self.process = subprocess.Popen([sys.executable, "-m", "tests.browser.served", *arguments], cwd=ROOT)
        deadline = time.monotonic() + START_SECONDS
        while True:
            with suppress(httpx.TransportError):
                answer = httpx.get(f"{self.url}/sign-in", timeout=2)
                assert answer.status_code == 200, f"it serves {answer.status_code}: {answer.text[:500]}"
                return
            assert self.process.poll() is None, "the server has ended"
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.1)

    def stop(self) -> None:
        """End it as a service manager would."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        self.process.wait(timeout=START_SECONDS)

    def freeze(self, *, is_frozen: bool) -> None:
        """Let the server hang, connections and all, or go on."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP if is_frozen else signal.SIGCONT)

    # -- time -----------------------------------------------------------------------------------------

    def set_time(self, day: date, hour: int, minute: int = 0) -> None:
        """Move the hall's clock to a moment where the branch is; only ever forwards."""
        wanted = from_datetime(datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZONE))
        self._move(wanted - SystemClock().now_ms())

    def pass_minutes(self, minutes: float) -> None:
        """Let time go by."""
        self._move(self.offset_ms + round(minutes * 60_000))

    def _move(self, offset_ms: int) -> None:
        self.offset_ms = offset_ms
        with _offset_file(self.folder).open("r+b") as file:
            file.write(OFFSET.pack(offset_ms))

    @property
    def now_ms(self) -> int:
        """The hall's time."""
        return SystemClock().now_ms() + self.offset_ms

    # -- the twin -------------------------------------------------------------------------------------

    def twin_says(self, command: TellWaits | GiveAdvice | ReviewAdvice) -> None:
        """Let the simulator answer: what is not worked out here is what the screens make of it."""
        self.said_count += 1
        path = _twin_folder(self.folder) / f"{self.said_count:06}.json"
        beside = path.with_suffix(".new")
        beside.write_bytes(msgspec.json.encode(command))
        beside.rename(path)
        done, deadline = path.with_suffix(".done"), time.monotonic() + START_SECONDS
        while not done.exists():
            assert time.monotonic() < deadline, "the server took nothing from the twin"
            time.sleep(0.02)
        assert done.read_text() == "", done.read_text()

    def twin_tells(
        self,
        *,
        minutes: tuple[float, float, float] = (8, 14, 22),
        each: float = 2.5,
        room: tuple[int, int] | None = None,
        age_seconds: float = 0,
    ) -> None:
        """The simulator's word on everybody in line (the first so many minutes, each further one more), on
        who joins now, and on the room left."""
        line, board = self.read("/tickets?limit=2000"), self.read("/hall")
        span = [round(m * 60_000) for m in minutes]
        step = round(each * 60_000)
        tickets = [TicketWait(t["id"], *(ms + n * step for ms in span)) for n, t in enumerate(line)]
        joining = [
            JoiningWait(s["id"], code, *(ms + s["waiting_count"] * step for ms in span))
            for s in board["services"]
            for code in CLASSES
        ]
        left = RoomLeft(*room) if room else None
        as_of_ms = self.now_ms - round(age_seconds * 1_000)
        self.twin_says(TellWaits(as_of_ms, tuple(tickets), tuple(joining), left))

    # -- the API --------------------------------------------------------------------------------------

    def token(self, account: str) -> str:
        """The session of an account."""
        if account not in self.tokens and ACCOUNTS.get(account, ("", ""))[0] in PAIRED:
            self.tokens |= msgspec.json.decode(_tokens_file(self.folder).read_bytes())
        if account not in self.tokens:
            credentials = {"name": account, "password": PASSWORD}
            answer = httpx.post(f"{self.url}/api/session", json=credentials)
            self.tokens[account] = answer.raise_for_status().json()["token"]
        return self.tokens[account]

    def call(self, method: str, path: str, account: str = "manager", **options: Any) -> httpx.Response:
        """Any request under an account."""
        headers = {"Authorization": f"Bearer {self.token(account)}", "Idempotency-Key": secrets.token_hex(8)}
        return httpx.request(
            method, f"{self.url}/api/branches/{BRANCH}{path}", headers=headers, timeout=20, **options
        )

    def do(self, command: str, account: str = "manager", **fields: Any) -> list[dict[str, Any]]:
        """Carry out a command; its events."""
        answer = self.call("POST", f"/commands/{command}", account, json=fields)
        assert answer.status_code == 200, f"{command} {fields}: {answer.text}"
        events: list[dict[str, Any]] = answer.json()["events"]
        return events

    def read(self, path: str, account: str = "manager") -> Any:
        """What the API tells."""
        return self.call("GET", path, account).raise_for_status().json()

    def open_day(self) -> None:
        """Open the day unless the clock has done so already."""
        answer = self.call("POST", "/day")
        assert answer.status_code == 200 or answer.json()["code"] == "day_already_open", answer.text

    def call_next(self, counter: str) -> str:
        """Call at a counter; the number that was called."""
        self.do("CallNext", counter_id=counter)
        found = next(k for k in self.read("/hall")["counters"] if k["id"] == counter)
        return str(found["ticket_number"])

    def issue(self, service: str = "cash", **fields: Any) -> dict[str, Any]:
        """A ticket given by the lobby manager; its event."""
        basis = {"class_basis": "staff"} if "class_code" in fields else {}
        return next(
            e
            for e in self.do("IssueTicket", "lobby", service_id=service, **basis, **fields)
            if e["type"] == "TicketIssued"
        )

    def ticket(self, number: str) -> dict[str, Any]:
        """A ticket as staff see it."""
        found: dict[str, Any] = self.read(f"/tickets/{number}")
        return found


@contextmanager
def serving(folder: Path, changed: Mapping[str, str] = MappingProxyType({})) -> Iterator[Served]:
    """A bank installed in the folder and served for a while."""
    install(folder, changed)
    served = Served(folder, free_port())
    served.start()
    try:
        yield served
    finally:
        served.stop()


if __name__ == "__main__":
    _child(Path(sys.argv[1]), int(sys.argv[2]))

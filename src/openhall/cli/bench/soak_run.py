"""A soak from beginning to end: the processes, the day, and the comparison with the log."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

import msgspec

from openhall.cli.bench import processes, soak_bank
from openhall.cli.bench import soak_jobs as jobs
from openhall.cli.bench.installation import BenchFailed
from openhall.cli.bench.measuring import percentile
from openhall.cli.bench.soak_log import LogRead
from openhall.cli.language import _

LISTENER_PROCESSES = 2
WARM_SECONDS_AT_MOST = 120.0
WARM_SHARE = 0.25
LEAD_SECONDS = 3.0
LISTENERS_A_SECOND = 150
"""Streams opened before the first customer comes: the day waits for them."""
SAMPLE_SECONDS = 1.0
SAMPLES_AT_AN_END = 5
LATE_SECONDS = 30.0
"""After the end events that are under way may still arrive."""
MB = 1024 * 1024

R = TypeVar("R")


class Sizes(msgspec.Struct, frozen=True):
    """What is asked for."""

    seconds: float
    branches: int
    listeners: int
    speed: float
    surge: float
    seed: int
    is_twin_on: bool

    @property
    def warm_seconds(self) -> float:
        """So long the day runs before it is measured."""
        return min(WARM_SECONDS_AT_MOST, WARM_SHARE * self.seconds)

    @property
    def lead_seconds(self) -> float:
        """For the streams to be opened before the day begins."""
        return LEAD_SECONDS + self.listeners / LISTENERS_A_SECOND


class Helper:
    """A process that plays people or listeners."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def send(self, job: jobs.Job) -> None:
        """Ask for a job; `report` waits for it."""
        assert self._process.stdin is not None
        self._process.stdin.write(jobs.encode(job) + b"\n")
        self._process.stdin.flush()

    def report(self, kind: type[R]) -> R:
        """What became of the job."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise BenchFailed("a helper process ended; its message is above", place="soak")
        found = jobs.report_decoder.decode(line)
        assert isinstance(found, kind)
        return found

    def carry_out(self, job: jobs.Job, kind: type[R]) -> R:
        """One job, to its end."""
        self.send(job)
        return self.report(kind)


@contextmanager
def _helper(module: str) -> Iterator[Helper]:
    """A helper process; it ends with its input."""
    command = [sys.executable, "-m", module]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # noqa: S603
        try:
            yield Helper(process)
        finally:
            if process.stdin is not None:
                with suppress(BrokenPipeError):
                    process.stdin.close()
            try:
                process.wait(processes.STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


class Measured(msgspec.Struct):
    """The server as seen from outside while the day went on."""

    seconds: float
    cpu_seconds: float
    resident_mb: list[float]


def soak(place: Path, sizes: Sizes, note: Callable[[str, float], None]) -> dict[str, Any]:
    """Run it; the figures by name."""
    folder = place / "bank"
    bank, posts = soak_bank.install(folder, sizes.branches)
    pace = jobs.Pace(soak_bank.start_ms(bank), time.monotonic() + sizes.lead_seconds, sizes.speed)
    command = ["bench", "soak-server", "--pace", msgspec.json.encode(pace).decode()]
    command += [] if sizes.is_twin_on else ["--no-twin"]
    with ExitStack() as stack:
        server = stack.enter_context(processes.server_over(folder, *command))
        listeners = [
            stack.enter_context(_helper("openhall.cli.bench.soak_listeners"))
            for _number in range(LISTENER_PROCESSES)
        ]
        people = stack.enter_context(_helper("openhall.cli.bench.soak_people"))
        note(_("opening the streams"), 0.0)
        _open_streams(listeners, server.port, posts, sizes.listeners)
        play = jobs.Play(server.port, posts, pace, sizes.surge, sizes.seed)
        people.carry_out(play, jobs.Done)
        time.sleep(max(0.0, pace.since_s - time.monotonic()))
        _watch(server, sizes.warm_seconds, note, _("warming up"), 0.0)
        people.carry_out(jobs.Mark(), jobs.Done)
        measured = _watch(server, sizes.seconds, note, _("measuring"), sizes.warm_seconds)
        told = _twin(server)
        played = people.carry_out(jobs.Stop(), jobs.Played)
        note(_("reading the log"), sizes.seconds + sizes.warm_seconds)
        log = LogRead.of(folder / "openhall.db", [post.branch for post in posts])
        heard = _compare(listeners, log)
    return _figures(sizes, measured, played, heard, log) | told


def _open_streams(listeners: list[Helper], port: int, posts: list[soak_bank.Post], count: int) -> None:
    for number, process in enumerate(listeners):
        share = count // len(listeners) + (number < count % len(listeners))
        shifted = posts[number:] + posts[:number]
        process.send(jobs.Listen(port, shifted, share))
    for process in listeners:
        process.report(jobs.Done)


def _watch(
    server: processes.ServerProcess,
    seconds: float,
    note: Callable[[str, float], None],
    what: str,
    done: float,
) -> Measured:
    began, cpu = time.monotonic(), server.cpu_seconds()
    samples = [server.resident_bytes() / MB]
    while (gone := time.monotonic() - began) < seconds:
        note(what, done + gone)
        time.sleep(min(SAMPLE_SECONDS, seconds - gone))
        samples.append(server.resident_bytes() / MB)
    return Measured(time.monotonic() - began, server.cpu_seconds() - cpu, samples)


def _twin(server: processes.ServerProcess) -> dict[str, int]:
    """What the simulator did beside it all."""
    found = msgspec.json.decode(server.get("/healthz")).get("twin") or {}
    return {f"twin_{name}": found[name] for name in ("answered_count", "failed_count") if name in found}


def _compare(listeners: list[Helper], log: LogRead) -> list[jobs.Heard]:
    for process in listeners:
        process.send(jobs.Compare(log.positions, LATE_SECONDS))
    return [process.report(jobs.Heard) for process in listeners]


def _figures(
    sizes: Sizes, measured: Measured, played: jobs.Played, heard: list[jobs.Heard], log: LogRead
) -> dict[str, Any]:
    if not played.latencies_us or not log.events:
        raise BenchFailed(f"nobody asked for anything: {played.faults}", place="soak")
    first = median(measured.resident_mb[:SAMPLES_AT_AN_END])
    last = median(measured.resident_mb[-SAMPLES_AT_AN_END:])
    commands = len(played.latencies_us)
    return {
        "branches": sizes.branches,
        "speed": sizes.speed,
        "seconds": measured.seconds,
        "listeners": sizes.listeners,
        "is_twin_on": sizes.is_twin_on,
        "events": log.events,
        "tickets": log.people,
        "missed": sum(h.missed + h.repeated for h in heard) + sum(h.broken for h in heard),
        "resyncs": sum(h.resyncs for h in heard),
        "double_calls": log.double_calls,
        "calls": len(log.calls),
        "lost_answers": log.lost(played.called),
        "rss_mb": last,
        "rss_growth_mb": last - first,
        "rss_growth_mb_per_1000_tickets": 1_000 * (last - first) / max(1, log.people - played.tickets_before),
        "p50_ms": percentile(played.latencies_us, 0.5) / 1_000,
        "p99_ms": percentile(played.latencies_us, 0.99) / 1_000,
        "commands": commands,
        "commands_per_s": commands / measured.seconds,
        "deliveries": sum(h.deliveries for h in heard),
        "server_cpu_share": measured.cpu_seconds / measured.seconds,
        "server_cpu_ms_per_command": 1_000 * measured.cpu_seconds / commands,
        "people_cpu_share": played.cpu_seconds / measured.seconds,
        "listeners_cpu_s": sum(h.cpu_seconds for h in heard),
        "refused": played.refused,
        "sent_again": played.again,
        "faults": played.faults,
    }

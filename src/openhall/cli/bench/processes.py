"""The processes of a bench: the server under test and the client that drives it, with their CPU time."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from openhall.cli.bench import jobs
from openhall.cli.bench.client import HOST
from openhall.cli.bench.installation import BenchFailed

START_SECONDS = 60
STOP_SECONDS = 30
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


class ServerProcess:
    """`openhall serve` over a folder, in a process of its own."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self._process = process
        self.port = port

    @property
    def pid(self) -> int:
        """Its process id, for a profiler."""
        return self._process.pid

    def cpu_seconds(self) -> float:
        """User and system time of the process so far, all of its threads."""
        stat = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="ascii")
        user, system = stat.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / TICKS_PER_SECOND

    def resident_bytes(self) -> int:
        """Memory of this process alone, without its workers."""
        pages = Path(f"/proc/{self._process.pid}/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * PAGE_BYTES

    def get(self, path: str) -> bytes:
        """What anybody may read."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=START_SECONDS)
        try:
            connection.request("GET", path)
            return connection.getresponse().read()
        finally:
            connection.close()

    def post(self, seat: jobs.Seat, path: str, body: object = None, *, unless: bytes = b"") -> None:
        """One request outside the measurement; it must succeed, unless it is refused with that code."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=START_SECONDS)
        headers = {
            "authorization": f"Bearer {seat.token}",
            "content-type": "application/json",
            "idempotency-key": f"prepare-{time.perf_counter_ns()}",
        }
        try:
            connection.request(
                "POST", f"/api/branches/{seat.branch}{path}", msgspec.json.encode(body), headers
            )
            answer = connection.getresponse()
            said = answer.read()
        finally:
            connection.close()
        if answer.status != 200 and not (unless and unless in said):
            raise BenchFailed(f"{path} was answered with {answer.status}: {said[:500]!r}", place=seat.branch)


@contextmanager
def server_over(folder: Path, *command: str) -> Iterator[ServerProcess]:
    """A server that is ready, by `openhall serve` unless told otherwise; it is stopped at the end."""
    port = free_port()
    of_ours = command or ("serve",)
    arguments = [sys.executable, "-m", "openhall", *of_ours, "--folder", str(folder), "--port", str(port)]
    with (folder.parent / "server.log").open("wb") as log:
        process = subprocess.Popen(arguments, stdout=log, stderr=log)  # noqa: S603 - ourselves
        try:
            _wait_until_ready(process, port, Path(log.name))
            yield ServerProcess(process, port)
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    give_up = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up and process.poll() is None:
        try:
            connection = http.client.HTTPConnection(HOST, port, timeout=1)
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.05)
        finally:
            connection.close()
    raise BenchFailed(f"the server did not start: {log.read_text(errors='replace')[-2_000:]}", place="server")


class ClientProcess:
    """The process that plays the branches' kiosks, counters and screens."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def carry_out(self, job: jobs.Job) -> jobs.Report:
        """One job, to its end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(jobs.encode(job) + b"\n")
        self._process.stdin.flush()
        report = self._process.stdout.readline()
        if not report:
            raise BenchFailed("the client process ended; its message is above", place="client")
        decoded: jobs.Report = jobs.report_decoder.decode(report)
        return decoded


@contextmanager
def client_of(port: int) -> Iterator[ClientProcess]:
    """A client process; it ends with its input."""
    arguments = [sys.executable, "-m", "openhall.cli.bench.client", str(port)]
    with subprocess.Popen(  # noqa: S603 - ourselves
        arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            yield ClientProcess(process)
        finally:
            if process.stdin is not None:
                process.stdin.close()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()

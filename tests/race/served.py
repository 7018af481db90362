"""Servers as processes of their own, as a bank runs them; and the requests that the tests send them."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec

from tests.style.house import ROOT

HOST = "127.0.0.1"
REQUEST_SECONDS = 30
STOP_SECONDS = 20


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    """Names in small letters."""
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


@dataclass
class Served:
    """A server that has said that it serves."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def ask(
        self,
        method: str,
        path: str,
        *,
        token: str = "",
        body: Any = None,
        raw: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        """One request on a connection of its own."""
        sent = {"accept": "application/json", **(headers or {})}
        if token:
            sent["authorization"] = f"Bearer {token}"
        data = raw if raw is not None else None if body is None else msgspec.json.encode(body)
        if data is not None:
            sent.setdefault("content-type", "application/json")
        connection = http.client.HTTPConnection(HOST, self.port, timeout=REQUEST_SECONDS)
        try:
            connection.request(method, path, data, sent)
            answer = connection.getresponse()
            return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def command(
        self, branch: str, name: str, fields: dict[str, Any], *, token: str, key: str | None = None
    ) -> Reply:
        """A command under its key, a fresh one if none is given."""
        path = f"/api/branches/{branch}/commands/{name}"
        headers = {"idempotency-key": key or uuid4().hex}
        return self.ask("POST", path, token=token, body=fields, headers=headers)

    def stop(self, kind: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; the exit code."""
        self.process.send_signal(kind)
        return self.process.wait(STOP_SECONDS)


def serve_command(folder: Path, port: int) -> list[str]:
    return [sys.executable, "-m", "openhall", "serve", "--folder", str(folder), "--port", str(port)]


@contextmanager
def started(
    arguments: list[str], port: int, log: Path, environment: dict[str, str] | None = None
) -> Iterator[Served]:
    """Start a server and wait for the line in which it says so; it does not outlive the test."""
    with log.open("ab") as errors:
        process = subprocess.Popen(
            arguments,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**(environment or os.environ), "PYTHONUNBUFFERED": "1"},
        )
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        assert b"serving" in said, f"{said!r}: {log.read_text(errors='replace')}"
        yield Served(process, port, log)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(STOP_SECONDS)
        if process.stdout is not None:
            process.stdout.close()


@contextmanager
def serving(folder: Path, *, environment: dict[str, str] | None = None) -> Iterator[Served]:
    """`openhall serve` over an installation."""
    port, log = free_port(), folder.parent / "server.log"
    with started(serve_command(folder, port), port, log, environment) as served:
        yield served

"""Do the documents tell the truth? Their commands are run, their links followed."""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.style.house import ROOT

OPENHALL = Path(sys.executable).parent / "openhall"
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)(?:#[^)]*)?\)")
SHELL = re.compile(r"^```sh\n(.*?)^```", flags=re.MULTILINE | re.DOTALL)
SERVERS = ("serve", "demo")
READY_SECONDS = 60


def commands(document: Path) -> list[str]:
    """The lines of a page's shell blocks; a backslash goes on in the next line."""
    blocks = SHELL.findall(document.read_text(encoding="utf-8"))
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


def name_of(document: Path) -> str:
    return str(document.relative_to(ROOT))


@pytest.mark.parametrize("document", PAGES, ids=name_of)
def test_each_link_leads_somewhere(document: Path) -> None:
    missing = [
        target
        for target in LINK.findall(document.read_text(encoding="utf-8"))
        if not (document.parent / target).resolve().exists()
    ]
    assert missing == []


@pytest.mark.parametrize("document", [p for p in PAGES if commands(p)], ids=name_of)
def test_each_command_works_as_written(document: Path, tmp_path: Path) -> None:
    """All of a page's commands in turn, in one empty folder, as a reader would type them."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    data = ROOT.parent / "shared"
    if data.is_dir():
        (tmp_path / "shared").symlink_to(data)
    work = tmp_path / "work"
    work.mkdir()
    for line in commands(document):
        words = shlex.split(line, comments=True)
        if words[0] == "make":
            assert words[1] in targets, line
        elif words[0] == "openhall" and words[1] in SERVERS:
            serve_for_a_moment(words, work)
        elif "../shared" in line and not data.is_dir():
            pytest.skip("the data sets of ../shared are not here")
        else:
            run(words, work)


def run(words: list[str], work: Path) -> None:
    program = [str(OPENHALL)] if words[0] == "openhall" else [words[0]]
    done = subprocess.run(
        [*program, *words[1:]], cwd=work, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"{shlex.join(words)}\n{done.stdout}\n{done.stderr}"


def serve_for_a_moment(words: list[str], work: Path) -> None:
    """Start a server, wait till it answers, end it as Ctrl-C does."""
    port = free_port()
    if "--port" in words:
        words[words.index("--port") + 1] = str(port)
    else:
        words = [*words, "--port", str(port)]
    command = [str(OPENHALL), *words[1:]]
    with subprocess.Popen(command, cwd=work, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as server:
        try:
            assert any(answers(port) for _ in attempts(server)), server.stdout and server.stdout.read()
        finally:
            server.send_signal(signal.SIGINT)
        assert server.wait(timeout=30) == 0


def attempts(server: "subprocess.Popen[bytes]") -> Iterator[None]:
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until and server.poll() is None:
        yield
        # Nothing tells another process that a port is listened at: it has to be tried.
        os.sched_yield()


def answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

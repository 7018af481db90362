"""A disk that can lose its power: what a child process wrote and synced, replayed up to any moment."""

from __future__ import annotations

import os
import random
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
HEAD = struct.Struct("=cQQQ")


@dataclass(frozen=True)
class Step:
    """One thing that was done to one file: W write, T truncate, S synced, U unlinked."""

    op: str
    name: str
    offset: int
    data: bytes


@dataclass
class File:
    """What is surely on the disk, and what may or may not be."""

    durable: bytearray = field(default_factory=bytearray)
    pending: list[Step] = field(default_factory=list)


def build_shim(folder: Path) -> Path:
    """Compile the shim that writes the journal; `gcc` must be there."""
    compiler = shutil.which("gcc")
    assert compiler is not None
    library = folder / "disk_journal.so"
    source = Path(__file__).with_name("disk_journal.c")
    command = [
        compiler,
        "-shared",
        "-fPIC",
        "-O1",
        "-Wall",
        "-o",
        str(library),
        str(source),
        "-ldl",
        "-lpthread",
    ]
    subprocess.run(command, check=True)
    return library


def environment(shim: Path, folder: Path, journal: Path) -> dict[str, str]:
    """The environment of a child whose disk is watched."""
    return {
        **os.environ,
        "LD_PRELOAD": str(shim),
        "DISK_FOLDER": str(folder),
        "DISK_JOURNAL": str(journal),
        "DISK_FAULT": str(folder / "fault"),
    }


def porter(*arguments: str) -> list[str]:
    """The command line of the child process."""
    return [sys.executable, "-m", "tests.crash.porter", *arguments]


def read_journal(journal: Path) -> list[Step]:
    """Every step in order."""
    content, steps, at = journal.read_bytes(), [], 0
    while at < len(content):
        op, path_size, offset, size = HEAD.unpack_from(content, at)
        at += HEAD.size
        name = Path(content[at : at + path_size].decode()).name
        at += path_size
        data = content[at : at + size] if op == b"W" else b""
        at += len(data)
        steps.append(Step(op.decode(), name, offset, data))
    return steps


def cuts(steps: Sequence[Step], at: Sequence[int]) -> Iterator[tuple[int, dict[str, File], list[str]]]:
    """The disk and the acknowledgements given, as they are just before each of the steps `at` (ascending)."""
    files: dict[str, File] = {}
    acks: list[str] = []
    wanted = set(at)
    for index, step in enumerate(steps):
        if index in wanted:
            yield index, files, acks
        if step.name.endswith(".acks"):
            acks.extend(step.data.decode().split())
            continue
        file = files.setdefault(step.name, File())
        if step.op == "U":
            files[step.name] = File()
        elif step.op == "S":
            for pending in file.pending:
                carry_out(file.durable, pending)
            file.pending = []
        else:
            file.pending.append(step)


def carry_out(content: bytearray, step: Step) -> None:
    """Do to the content what the step did to the file."""
    if step.op == "T":
        del content[step.offset :]
        content.extend(bytes(step.offset - len(content)))
        return
    end = step.offset + len(step.data)
    content.extend(bytes(max(0, end - len(content))))
    content[step.offset : end] = step.data


def write_image(files: dict[str, File], folder: Path, rng: random.Random) -> None:
    """Put the files as a power cut leaves them: what was synced, and any of what was not, in any order."""
    folder.mkdir()
    for name, file in files.items():
        content = bytearray(file.durable)
        lucky = [step for step in file.pending if rng.random() < 0.5]
        rng.shuffle(lucky)
        for step in lucky:
            carry_out(content, step)
        if content:
            (folder / name).write_bytes(content)

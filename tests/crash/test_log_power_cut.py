"""Is anything acknowledged before it is on the disk? The disk's power is cut at many moments.

A child process commits while a preloaded shim writes down every write and sync of the database's files and
every acknowledgement, in order. From that journal the disk is put together as a power cut would leave it:
what was synced is there; of what was not, a random part. Killing a process cannot show this, since the
operating system still holds what the process has written. The control runs the same harness with less
syncing, and must lose what was acknowledged; else the harness proves nothing.
"""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from openhall.kernel.trouble import Trouble
from openhall.log.sqlite import SqliteStore
from openhall.log.verify import verify
from tests.crash import disk
from tests.toy_room import BACK_GATE, GATE, TURNSTILE

COMMITS_COUNT = 400
CUTS_COUNT = 60
SEED = 20260105

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="the disk's shim is built with gcc")


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return disk.build_shim(tmp_path_factory.mktemp("shim"))


def record(shim: Path, folder: Path, synchronous: str) -> list[disk.Step]:
    journal = folder.with_name(f"{folder.name}.journal")
    folder.mkdir()
    command = disk.porter(
        "steadily", str(folder / "hall.db"), str(folder / "hall.acks"), str(COMMITS_COUNT), synchronous
    )
    subprocess.run(command, check=True, cwd=disk.ROOT, env=disk.environment(shim, folder, journal))
    return disk.read_journal(journal)


def cut_moments(steps: list[disk.Step], rng: random.Random) -> list[int]:
    """Right after an acknowledgement, when most is at stake, and anywhere else."""
    acks = [index + 1 for index, step in enumerate(steps[:-1]) if step.name.endswith(".acks")]
    first = acks[0]
    anywhere = [rng.randrange(first, len(steps)) for _ in range(CUTS_COUNT // 2)]
    return sorted({*rng.sample(acks, CUTS_COUNT // 2), *anywhere})


def first_ack(steps: list[disk.Step]) -> int:
    return next(index for index, step in enumerate(steps) if step.name == "hall.acks")


def lost(folder: Path, acks: list[str]) -> set[str]:
    """Acknowledged commands that are not in the database, or not whole; fails when the log is not sound."""
    with SqliteStore.open(folder / "hall.db") as store:
        report = verify(store, [TURNSTILE])
        assert report.is_sound, report.faults
        kept = [{outcome.command_id for outcome in store.outcomes(stream)} for stream in (GATE, BACK_GATE)]
    assert kept[0] == kept[1], "a batch is kept for both gates or for neither"
    return set(acks) - kept[0]


def images(steps: list[disk.Step], tmp_path: Path, rng: random.Random) -> Iterator[tuple[Path, list[str]]]:
    for index, files, acks in disk.cuts(steps, cut_moments(steps, rng)):
        folder = tmp_path / f"image-{index}"
        disk.write_image(files, folder, rng)
        yield folder, acks
        shutil.rmtree(folder)


def test_no_power_cut_loses_what_was_acknowledged(shim: Path, tmp_path: Path) -> None:
    steps = record(shim, tmp_path / "disk", "FULL")
    synced = {step.name for step in steps[first_ack(steps) :] if step.op == "S"}
    assert synced == {"hall.db-wal", "hall.db"}, "commits and a checkpoint are in it"
    rng = random.Random(SEED)
    cut_count = 0
    for folder, acks in images(steps, tmp_path, rng):
        assert lost(folder, acks) == set(), f"seed {SEED}, {folder.name}"
        cut_count += 1
    assert cut_count > CUTS_COUNT // 2


def test_what_a_killed_process_left_unsynced_is_synced_before_anybody_is_told_of_it(
    shim: Path, tmp_path: Path
) -> None:
    folder, journal = tmp_path / "disk", tmp_path / "disk.journal"
    steps = record(shim, folder, "OFF")
    assert not any(step.op == "S" for step in steps[first_ack(steps) :])
    with subprocess.Popen(
        disk.porter("stubbornly", str(folder / "hall.db")),
        cwd=disk.ROOT,
        env=disk.environment(shim, folder, journal),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(b"c0\n")
        child.stdin.flush()
        assert child.stdout.readline().startswith(b"ok 1 "), "the retry finds the answer that was given"
        child.kill()
    steps = disk.read_journal(journal)
    for _, files, acks in disk.cuts(steps, [len(steps) - 1]):
        for file in files.values():
            file.pending = []
        disk.write_image(files, tmp_path / "image", random.Random(SEED))
        assert lost(tmp_path / "image", acks) == set()


@pytest.mark.parametrize("synchronous", ["NORMAL", "OFF"])
def test_the_control_with_less_syncing_loses_acknowledged_commands(
    shim: Path, tmp_path: Path, synchronous: str
) -> None:
    steps = record(shim, tmp_path / "disk", synchronous)
    losses = 0
    for folder, acks in images(steps, tmp_path, random.Random(SEED)):
        try:
            losses += bool(lost(folder, acks))
        except (Trouble, AssertionError):
            assert synchronous == "OFF", "NORMAL loses the newest commands, never the database"
            losses += 1
    assert losses > 0

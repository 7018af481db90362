"""Is anything acknowledged ever lost when the process is killed under load?"""

from __future__ import annotations

import random
import subprocess
from pathlib import Path
from typing import IO

from openhall.kernel.clock import ManualClock
from openhall.kernel.event import Answer, StreamId
from openhall.log.book import Book
from openhall.log.sqlite import SqliteStore
from openhall.log.verify import verify
from tests.crash import disk, porter
from tests.toy_room import BACK_GATE, GATE, MORNING_MS, TURNSTILE, Enter, ask

ROUNDS_COUNT = 20
ACKS_BEFORE_KILL_MAX = 400
SEED = 20260105
FAR_FUTURE_MS = MORNING_MS * 2


def gate_of(command_id: str) -> StreamId:
    return BACK_GATE if int(command_id.split("-")[1]) % 2 else GATE


def read_acks(output: IO[bytes], count: int | None = None) -> dict[str, int]:
    """Acknowledged commands and the answer's seq; a last line that was cut in half was not heard."""
    acks: dict[str, int] = {}
    while (count is None or len(acks) < count) and (line := output.readline()).endswith(b"\n"):
        command_id, seq = line.decode().split()
        acks[command_id] = int(seq)
    return acks


def serve_and_kill(database: Path, name: str, acks_count: int) -> dict[str, int]:
    with subprocess.Popen(
        disk.porter("busily", str(database), name), cwd=disk.ROOT, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        acks = read_acks(child.stdout, acks_count)
        child.kill()
        acks |= read_acks(child.stdout)
    return acks


def test_twenty_kills_under_load_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    database = tmp_path / "hall.db"
    heard: dict[str, int] = {}
    for round_ in range(ROUNDS_COUNT):
        acks = serve_and_kill(database, f"r{round_}", rng.randint(1, ACKS_BEFORE_KILL_MAX))
        assert acks, f"seed {SEED}, round {round_}"
        heard |= acks
        with SqliteStore.open(database) as store:
            for command_id, seq in acks.items():
                outcome = store.outcome(gate_of(command_id), command_id)
                assert outcome is not None, f"seed {SEED}, round {round_}: {command_id} is lost"
                assert outcome.last_seq == seq
    with SqliteStore.open(database) as store:
        report = verify(store, [TURNSTILE], is_each_command_checked=True)
        assert report.is_sound, report.faults
        assert report.events_count >= len(heard)
        assert report.events_count <= len(heard) + ROUNDS_COUNT * porter.CLIENTS_COUNT * 2
        retried = Book(store, [TURNSTILE], ManualClock(FAR_FUTURE_MS))
        for command_id, seq in rng.sample(sorted(heard.items()), 50):
            answer = retried.execute(ask(Enter(), command_id, stream=gate_of(command_id)))
            assert isinstance(answer, Answer)
            assert answer.seq == seq, "a retry after the crash gets the answer that was given"
        assert store.head() == report.events_count

"""Does the bench measure what it says, to the last key?"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec

from openhall.cli.bench.measuring import percentile

KEYS = [
    "noop_rps",
    "ops_rps",
    "ops_ratio",
    "p50_ms",
    "p99_ms",
    "cpu_ms_per_op",
    "double_calls",
    "shared_numbers",
    "counter_p99_ratio",
    "fanout_us_per_listener",
    "replay_events_per_s",
]


def test_a_short_bench_gives_every_promised_figure_and_no_double_call(tmp_path: Path) -> None:
    command = [
        "-m",
        "openhall",
        "bench",
        "hall",
        "--json",
        "--seconds",
        "0.5",
        "--clients",
        "2,4",
        "--branches",
        "1",
    ]
    done = subprocess.run(
        [sys.executable, *command], cwd=tmp_path, capture_output=True, timeout=200, check=True
    )
    figures = msgspec.json.decode(done.stdout, type=dict[str, float])
    assert set(KEYS) <= set(figures)
    assert {"ops_rps_at_2", "ops_rps_at_4"} <= set(figures)
    assert (figures["double_calls"], figures["shared_numbers"]) == (0, 0)
    assert figures["ops_rps"] == figures["ops_rps_at_4"] > 0
    assert list(tmp_path.iterdir()) == [], "nothing is left behind"


def test_a_percentile_is_the_smallest_value_that_covers_its_share() -> None:
    assert percentile([5, 1, 4, 2, 3], 0.5) == 3
    assert percentile(range(1, 101), 0.99) == 99
    assert percentile(range(1, 51), 0.99) == 50
    assert percentile([7], 0.99) == 7

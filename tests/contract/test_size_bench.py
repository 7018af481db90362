"""Does the sizing bench give every figure? How fast is for the bench to say, not for a test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

from openhall.cli.bench import sized

KEYS = {
    "erlang_c_per_s",
    "ratio_pyworkforce_c",
    "erlang_a_per_s",
    "ratio_pyworkforce_a",
    "finite_day_cases",
    "network_cpu_s",
    "is_minimum_always",
}
SMALL = ["--turns", "1", "--branches", "1", "--days", "20", "--checks", "20"]


def test_a_small_bench_gives_every_promised_figure(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "openhall", "bench", "size", "--json", *SMALL]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=200, check=True)
    figures = msgspec.json.decode(done.stdout, type=dict[str, Any])
    assert set(figures) >= KEYS
    assert figures["is_minimum_always"] is True
    assert [case["crowd"] for case in figures["finite_day_cases"]] == [0, 25, 0]
    assert all(case["worst_exact"] <= 0.1 for case in figures["finite_day_cases"])
    assert all(
        case["window_hours"] <= 0.98 * case["sipp_window_hours"] for case in figures["finite_day_cases"]
    )


def test_a_version_without_the_formula_is_told_from_one_with_it() -> None:
    assert sized.has(sys.executable, "ErlangC")
    assert not sized.has(sys.executable, "ErlangA"), "0.5.1, the newest for this Python, has no Erlang A"
    assert sized.theirs(sys.executable, "NoSuchFormula", [(1.0, 6.0, 20.0)]) is None

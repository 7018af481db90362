"""Does the twin's bench give every figure? How fast is for the bench to say, not for a test."""

from __future__ import annotations

import subprocess
import sys
from importlib import util
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from openhall.cli.bench import twin
from openhall.cli.main import EXIT_TROUBLE, program

KEYS = ["customers_per_s", "ratio_simpy", "ratio_ciw", "fork_ms", "network_core_s", "advice_p95_ms"]
SMALL = ["--turns", "1", "--branches", "2", "--replications", "2", "--customers", "40", "--questions", "2"]


def test_a_small_bench_gives_every_promised_figure(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "openhall", "bench", "twin", "--json", *SMALL]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=200, check=True)
    figures = msgspec.json.decode(done.stdout, type=dict[str, float])
    assert set(KEYS) <= {bar.key for bar in twin.BARS} <= set(figures)
    assert all(figure > 0 for figure in figures.values()), figures


def test_without_the_others_the_bench_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(twin, "find_spec", lambda name: None if name == "ciw" else util.find_spec(name))
    found = CliRunner().invoke(program, ["bench", "twin"])
    assert found.exit_code == EXIT_TROUBLE
    assert "rivals_missing" in found.stderr
    assert "ciw" in found.stderr

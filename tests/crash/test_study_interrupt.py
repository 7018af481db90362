"""Is an interrupted study never passed off as a whole one, and can it go on?"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

OPENHALL = Path(sys.executable).parent / "openhall"

STUDY = """
name = "long enough to be interrupted"
[network]
branches = 2
customers = 800
hours = "09:00-17:00"
[[services]]
id = "cash"
share = 1.0
minutes = 5
[[policy]]
name = "all"
open = [1.0]
[precision]
half_width = 0.0001
minimum = 50
batch = 50
maximum = 3_200
[outputs]
charts = false
branches = false
"""


def start(study: Path, *words: str) -> "subprocess.Popen[bytes]":
    # A session of its own, so that the signal reaches it and its workers as Ctrl-C in a terminal does.
    return subprocess.Popen(
        [OPENHALL, "simulate", study, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def test_ctrl_c_leaves_no_results_and_resume_gives_what_an_undisturbed_run_gives(tmp_path: Path) -> None:
    study = tmp_path / "study.toml"
    study.write_text(STUDY, encoding="utf-8")
    parts = tmp_path / "study-results.parts"
    first = start(study, "--jobs", "2")
    while first.poll() is None and not (parts.exists() and parts.stat().st_size > 10_000):
        os.sched_yield()
    os.killpg(first.pid, signal.SIGINT)
    _, said = first.communicate(timeout=60)
    assert first.returncode == 1
    assert said.startswith(b"study_interrupted: "), said
    assert b"Traceback" not in said
    assert sorted(p.name for p in tmp_path.iterdir()) == ["study-results.parts", "study.toml"]

    resumed = result_of(start(study, "--jobs", "1", "--resume", "--json"))
    undisturbed = result_of(start(study, "--jobs", "1", "--json", "--out", str(tmp_path / "other")))
    assert resumed == undisturbed


def result_of(process: "subprocess.Popen[bytes]") -> dict[str, Any]:
    body, said = process.communicate(timeout=120)
    # The precision is out of reach on purpose.
    assert process.returncode == 3, said
    found: dict[str, Any] = json.loads(body)
    return found

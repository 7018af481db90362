"""Would systemd take the units, and does it find them shut in?"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from openhall.app.settings import Settings
from tests.style.house import ROOT

pytestmark = [
    pytest.mark.contract,
    pytest.mark.skipif(
        shutil.which("systemd-analyze") is None,
        reason="systemd-analyze is not installed: `apt-get install systemd` (make test brings it)",
    ),
]

UNITS = ROOT / "deploy"
EXPOSURE_AT_MOST = 2.0
"""Of ten, by systemd's own reckoning; a service that takes part in a network does not come below one."""


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units as on a machine of this one's making: with its program and its account."""
    program = Path(sys.executable).with_name("openhall")
    for unit in UNITS.iterdir():
        if unit.suffix in {".service", ".timer"}:
            text = unit.read_text().replace("/opt/openhall/bin/openhall", str(program))
            (tmp_path / unit.name).write_text(re.sub(r"^(User|Group)=.*\n", "", text, flags=re.MULTILINE))
    return tmp_path


@pytest.mark.parametrize("name", ["openhall.service", "openhall-backup.service", "openhall-backup.timer"])
def test_systemd_takes_the_unit_without_a_warning(units: Path, name: str) -> None:
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(units / name)],
        capture_output=True,
        text=True,
        check=False,
    )
    said = [line for line in checked.stderr.splitlines() if str(units) in line or name in line]
    assert (checked.returncode, said) == (0, [])


def test_the_service_is_shut_in() -> None:
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(UNITS / "openhall.service")],
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"exposure level for \S+ ([\d.]+)", judged.stdout)
    assert found, judged.stdout + judged.stderr
    assert float(found[1]) <= EXPOSURE_AT_MOST


def test_the_manager_waits_longer_than_the_server_needs_to_stop() -> None:
    text = (UNITS / "openhall.service").read_text()
    found = re.search(r"^TimeoutStopSec=(\d+)$", text, flags=re.MULTILINE)
    assert found
    assert int(found[1]) >= 2 * Settings().service.stop_seconds

"""Would Prometheus take the rules, do they fire when they should, is there every metric that they name?"""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]
from prometheus_client.parser import text_string_to_metric_families

from openhall.app.build import build
from openhall.app.folder import Folder
from openhall.app.machine import LastBackup, note_backup
from openhall.app.settings import Settings, WebhookSettings
from openhall.network.sample import sample_files
from openhall.workers.pool import Workers
from tests.style.house import ROOT
from tests.unit.messages.receivers import SECRET

pytestmark = pytest.mark.contract

RULES = ROOT / "deploy" / "prometheus-rules.yml"
PLAYED = Path(__file__).with_name("prometheus_rules_test.yml")
OF_PROMETHEUS = {"up"}
WITH_TLS_ALONE = {"openhall_certificate_days_left"}
"""An installation without a certificate has none of these; `test_tls` looks at them."""
NAME = re.compile(r"\b(?:openhall|process)_[a-z_]+\b")

needs_promtool = pytest.mark.skipif(
    (PROMTOOL := shutil.which("promtool") or shutil.which("promtool", path=str(Path(sys.executable).parent)))
    is None,
    reason="promtool is not there (make units brings it)",
)


def rules() -> list[dict[str, object]]:
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    found: list[dict[str, object]] = group["rules"]
    return found


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    assert PROMTOOL is not None
    return subprocess.run([PROMTOOL, *arguments], capture_output=True, text=True, check=False)


@needs_promtool
def test_prometheus_takes_the_rules() -> None:
    checked = promtool("check", "rules", str(RULES))
    assert checked.returncode == 0, checked.stdout + checked.stderr


@needs_promtool
def test_rules_fire_when_they_should_and_not_before(tmp_path: Path) -> None:
    played = tmp_path / "played.yml"
    played.write_text(PLAYED.read_text().replace("RULES", str(RULES)))
    checked = promtool("test", "rules", str(played))
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_rule_says_how_grave_it_is_and_what_to_do() -> None:
    for rule in rules():
        assert rule["labels"] in ({"severity": "page"}, {"severity": "ticket"}), rule["alert"]
        assert set(rule["annotations"]) == {"summary", "do"}, rule["alert"]  # type: ignore[call-overload]


def test_the_guide_names_every_rule() -> None:
    guide = (ROOT / "docs" / "how-to" / "operate.md").read_text()
    assert [rule["alert"] for rule in rules() if f"`{rule['alert']}`" not in guide] == []


def names_told(folder: Path) -> set[str]:
    """The series of a server with everything set up but TLS."""
    place = Folder(folder)
    place.create(sample_files())
    note_backup(place.path, LastBackup(0, "elsewhere"))
    settings = Settings(staff=WebhookSettings(url="http://127.0.0.1:9/", secret=SECRET))
    app = build(place, workers=Workers(), settings=settings)

    async def look() -> None:
        await app.writer.start()
        app.personal.expire()
        await app.technical.run_once()
        await app.present.run_once()
        await app.writer.stop()

    try:
        asyncio.run(look())
        families = list(text_string_to_metric_families(app.measures.text().decode()))
        of_counters = {f"{family.name}_total" for family in families if family.type == "counter"}
        samples = {sample.name for family in families for sample in family.samples}
        return {family.name for family in families} | of_counters | samples
    finally:
        app.store.close()


def test_there_is_every_metric_that_a_rule_names(tmp_path: Path) -> None:
    told = names_told(tmp_path / "hall")
    named = {name for rule in rules() for name in NAME.findall(str(rule["expr"]))}
    assert named - told - OF_PROMETHEUS - WITH_TLS_ALONE == set()

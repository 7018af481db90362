"""Does the threat model name tests that are there?"""

from __future__ import annotations

import re

import pytest

from tests.style.house import ROOT

MODEL = (ROOT / "THREAT_MODEL.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`([a-z][a-z0-9]*(?:_[a-z0-9]+){3,})`", MODEL)))
TESTS = set(
    re.findall(
        r"^def test_(\w+)\(",
        "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")),
        re.MULTILINE,
    )
)


def test_many_attacks_are_named() -> None:
    assert len(NAMED) > 40


@pytest.mark.parametrize("name", NAMED)
def test_every_test_that_is_named_exists(name: str) -> None:
    assert name in TESTS


@pytest.mark.parametrize(
    "attack",
    [
        "forged device",
        "replayed command",
        "another branch's ticket",
        "script in a name",
        "too long, too deep",
        "guessing tickets",
        "session fixation",
        "downgrade",
        "log tampering",
    ],
)
def test_every_attack_that_a_bank_asks_about_has_a_row_with_tests(attack: str) -> None:
    rows = [line for line in MODEL.splitlines() if line.startswith(f"| {attack}")]
    assert rows
    assert all(line.count("`") >= 2 for line in rows)

"""Settings of an installation: file, environment, mistakes that are named, secrets shown to nobody."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from openhall.app.settings import MASK, SECRETS, Settings, SettingsInvalid, read_settings, shown

pytestmark = pytest.mark.unit

SECTIONS = msgspec.structs.fields(Settings)
KEYS = [(section.name, field.name) for section in SECTIONS for field in msgspec.structs.fields(section.type)]
NO_SECRET = {"password_length_min", "key"}
"""A number, and the name of a file."""


def test_the_environment_wins_over_the_file_and_a_file_can_hold_a_secret(tmp_path: Path) -> None:
    (tmp_path / "openhall.toml").write_text('[log]\nformat = "json"\nlevel = "debug"\n')
    (tmp_path / "token").write_text("a-token-of-a-collector\n")
    found = read_settings(
        tmp_path,
        {"OPENHALL_LOG_LEVEL": "warning", "OPENHALL_METRICS_TOKEN_FILE": str(tmp_path / "token")},
    )
    assert (found.log.format, found.log.level) == ("json", "warning")
    assert found.metrics.token == "a-token-of-a-collector"


@pytest.mark.parametrize(
    ("name", "value", "said", "why"),
    [
        ("OPENHALL_LOG_FROMAT", "json", "the nearest is OPENHALL_LOG_FORMAT", "a slip of the fingers"),
        ("OPENHALL_SERVER_LISTEN", "all", "OPENHALL_SERVER_LISTEN is no setting", "of another release"),
        ("OPENHALL_LOG_FORMAT", "xml", "log.format", "no such form"),
        ("OPENHALL_SERVER_PORT", "70000", "server.port", "no machine has it"),
        ("OPENHALL_SERVICE_STOP_SECONDS", "-1", "service.stop_seconds", "no time"),
        ("OPENHALL_METRICS_TOKEN", "short", "16 characters", "it could be guessed"),
        ("OPENHALL_TELEMETRY_ENDPOINT", "collector:4318", "http://", "no address"),
        ("OPENHALL_METRICS_TOKEN_FILE", "/nowhere", "OPENHALL_METRICS_TOKEN_FILE", "no such file"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, name: str, value: str, said: str, why: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        read_settings(tmp_path, {name: value})
    assert said in str(caught.value), why


def test_variables_of_others_are_left_alone(tmp_path: Path) -> None:
    environ = {"OPENHALL_FOLDER": "x", "OPENHALL_LANGUAGE": "zh", "OPENHALL_SEED": "7", "SERVER_PORT": "1"}
    assert read_settings(tmp_path, environ) == Settings()


@pytest.mark.parametrize(("section", "name"), KEYS)
def test_a_key_that_sounds_like_a_secret_is_masked(section: str, name: str) -> None:
    if re.search(r"secret|password|token|key$", name) and name not in NO_SECRET:
        assert name in SECRETS
    if name in SECRETS:
        own = getattr(Settings(), section)
        filled = msgspec.structs.replace(own, **{name: "whsec_or_something_like_it"})
        assert shown(msgspec.structs.replace(Settings(), **{section: filled}))[section][name] == MASK
        assert shown(Settings())[section][name] == "", "that none is set may be seen"

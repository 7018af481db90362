"""The way back in from the command line, when everybody is locked out."""

import shutil
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from openhall.app.build import build
from openhall.app.folder import Folder
from openhall.app.settings import read_settings
from openhall.cli.main import program
from openhall.log.sessions import SignedIn


def run(*arguments: str) -> Result:
    return CliRunner().invoke(program, [*arguments])


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("installed") / "bank"
    assert run("init", "--folder", str(path)).exit_code == 0
    return path


@pytest.fixture
def folder(tmp_path: Path, installed: Path) -> Path:
    return Path(shutil.copytree(installed, tmp_path / "bank"))


def test_init_asks_those_with_power_for_codes_and_everybody_for_a_password_of_their_own(folder: Path) -> None:
    assert read_settings(folder, {}).access.code_roles == (
        "manager",
        "operations",
        "privacy",
        "administrator",
    )
    listed = msgspec.json.decode(run("account", "list", "--folder", str(folder), "--json").output)
    assert len(listed) > 20
    assert all(entry["must_change"] for entry in listed)


def test_a_locked_out_administrator_gets_in_again_and_the_record_says_how(folder: Path) -> None:
    app = build(Folder(folder))
    for _ in range(6):
        app.accounts.sign_in("administrator", "wrong password")
    app.accounts.disable("administrator")
    app.store.close()
    said = run("account", "reset", "administrator", "--folder", str(folder))
    assert said.exit_code == 0, said.output
    password = said.output.split("administrator: ")[1].split()[0]
    app = build(Folder(folder))
    try:
        signed_in = app.accounts.sign_in("administrator", password)
        assert isinstance(signed_in, SignedIn)
        assert signed_in.session.step == "password"
        made = [entry.action for entry in app.accounts.record.entries() if entry.actor == "command-line"]
        assert made == ["enabled", "codes_removed", "password_reset"]
    finally:
        app.store.close()


def test_a_lock_is_ended_and_nothing_else(folder: Path) -> None:
    app = build(Folder(folder))
    for _ in range(6):
        app.accounts.sign_in("operations", "wrong password")
    app.store.close()
    assert run("account", "unlock", "operations", "--folder", str(folder)).exit_code == 0
    app = build(Folder(folder))
    refused = app.accounts.sign_in("operations", "wrong password")
    app.store.close()
    assert getattr(refused, "code", "") == "sign_in_failed"


def test_an_account_that_there_is_not_is_said_with_what_to_do(folder: Path) -> None:
    said = run("account", "reset", "nobody", "--folder", str(folder))
    assert said.exit_code == 1
    assert "account_refused" in said.output
    assert "openhall account list" in said.output

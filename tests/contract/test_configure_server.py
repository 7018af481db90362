"""`openhall configure` against a running server: looked at, proposed, fetched, with a password and a code."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pyotp
import pytest
from click.testing import CliRunner, Result

from openhall.app.bank_files import read_files
from openhall.cli.main import EXIT_TROUBLE, EXIT_USAGE, Doors, program
from tests.browser.served import PASSWORD, Served, serving


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("configured") / "hall") as running:
        yield running


@pytest.fixture
def bank(served: Served, tmp_path: Path) -> Path:
    """What is in force, with one rule changed."""
    copy = tmp_path / "new-bank"
    shutil.copytree(Path(served.folder) / "bank", copy)
    path = copy / "bank.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("window_minutes = 30", "window_minutes = 45"))
    return copy


async def no_server(*_: object, **__: object) -> None:
    """What these tests never start."""
    raise AssertionError


def openhall(*words: str, typed: str = "") -> Result:
    return CliRunner().invoke(program, list(words), obj=Doors(serve=no_server), input=typed)


def asked(served: Served, *words: str, account: str = "operations", typed: str = f"{PASSWORD}\n") -> Result:
    return openhall("configure", *words, "--server", served.url, "--account", account, "--json", typed=typed)


def said(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout[result.stdout.index("{") :])


def test_what_files_would_do_is_asked_of_the_server_and_nothing_is_kept(served: Served, bank: Path) -> None:
    found = said(asked(served, "diff", str(bank)))
    assert [e["sentence"] for e in found["effects"]] == [
        "Stepping out and coming back › May stay away, minutes: 45 instead of 30."
    ]
    assert "-window_minutes = 30" in found["files"]["bank.toml"]
    with httpx.Client(base_url=served.url) as http:
        headers = {"Authorization": f"Bearer {served.token('operations')}"}
        assert http.get("/api/configuration", headers=headers).json()["drafts"] == []


def test_what_is_in_force_is_fetched_to_the_byte(served: Served, tmp_path: Path) -> None:
    target = tmp_path / "fetched"
    found = said(asked(served, "fetch", str(target)))
    assert found["number"] == 1
    assert read_files(target) == read_files(Path(served.folder) / "bank")
    again = asked(served, "fetch", str(target))
    assert (again.exit_code, "target_in_use" in again.output) == (EXIT_TROUBLE, True)


def test_files_are_proposed_once_there_is_a_code_too(served: Served, bank: Path) -> None:
    with httpx.Client(base_url=served.url) as http:
        signed = http.post("/api/session", json={"name": "checker", "password": PASSWORD}).json()
        http.headers["Authorization"] = f"Bearer {signed['token']}"
        begun = http.post("/api/session/codes", json={"password": PASSWORD}).json()
        code = pyotp.TOTP(begun["secret"]).now()
        confirmed = http.post("/api/session/codes/confirmation", json={"code": code})
        spare = confirmed.json()["recovery_codes"][0]
    typed = f"{PASSWORD}\n{spare}\n"
    found = said(asked(served, "publish", str(bank), account="checker", typed=typed))
    assert found == {"state": "proposed"}
    wrong = asked(served, "publish", str(bank), account="checker", typed=f"{PASSWORD}\n000000\n")
    assert (wrong.exit_code, "code_wrong" in wrong.output) == (EXIT_TROUBLE, True), wrong.output


@pytest.mark.parametrize(
    ("words", "typed", "code", "why"),
    [
        (["--account", "operations"], "wrong\n", "server_refused", "another password"),
        (
            ["--account", "manager"],
            f"{PASSWORD}\n",
            "server_refused",
            "a branch's manager sees no whole bank",
        ),
    ],
)
def test_what_the_server_says_no_to_is_trouble(
    served: Served, bank: Path, words: list[str], typed: str, code: str, why: str
) -> None:
    result = openhall("configure", "diff", str(bank), "--server", served.url, "--json", *words, typed=typed)
    assert result.exit_code == EXIT_TROUBLE, why
    assert code in result.output, why


def test_who_asks_and_whom_is_needed(bank: Path) -> None:
    nobody = openhall("configure", "diff", str(bank), "--server", "http://127.0.0.1:9")
    assert nobody.exit_code == EXIT_USAGE
    words = ("configure", "diff", str(bank), "--server", "http://127.0.0.1:9", "--account", "x", "--json")
    nowhere = openhall(*words, typed="x\n")
    assert nowhere.exit_code == EXIT_TROUBLE
    assert "server_unreachable" in nowhere.output

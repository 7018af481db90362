"""Trying a way out from the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from click.testing import CliRunner, Result
from standardwebhooks import Webhook

from openhall.app.folder import Folder
from openhall.app.settings import SettingsInvalid, read_settings
from openhall.cli.main import program
from openhall.network.sample import sample_files
from tests.unit.messages.receivers import SECRET


class Answering(HTTPServer):
    """Takes webhooks and answers with one status."""

    status = 204
    came: list[Any]


class _Handler(BaseHTTPRequestHandler):
    server: Answering

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.came.append(Webhook(SECRET).verify(body, headers)["data"])
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing on the console."""


@pytest.fixture
def receiver() -> Iterator[Answering]:
    server = Answering(("127.0.0.1", 0), _Handler)
    server.came = []
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def folder(tmp_path: Path, receiver: Answering) -> Path:
    place = Folder(tmp_path / "bank")
    place.create(sample_files())
    ways = "".join(
        f'[{channel}]\nurl = "http://127.0.0.1:{receiver.server_port}/"\nsecret = "{SECRET}"\n'
        for channel in ("sms", "staff")
    )
    (place.path / "openhall.toml").write_text(ways, encoding="utf-8")
    return place.path


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(program, ["message", *map(str, arguments)])


def test_a_test_message_is_signed_and_says_that_it_is_a_test(folder: Path, receiver: Answering) -> None:
    done = run("test", "--folder", folder, "--channel", "sms", "--to", "13800000000")
    assert done.exit_code == 0, done.output
    assert f"Taken by http://127.0.0.1:{receiver.server_port}" in done.output
    (data,) = receiver.came
    assert (data["kind"], data["to"]) == ("test", {"contact": "13800000000"})
    assert "测试" in data["text"]
    assert "This is a test" in data["text"]


def test_a_colleague_is_named_by_id(folder: Path, receiver: Answering) -> None:
    done = run("test", "--folder", folder, "--channel", "staff", "--to", "qian-lixin", "--json")
    assert json.loads(done.output)["is_sent"] is True
    assert receiver.came[0]["to"] == {"people": ["qian-lixin"]}


def test_what_does_not_get_through_is_told_by_its_code_and_the_exit_code(
    folder: Path, receiver: Answering
) -> None:
    receiver.status = 401
    done = run("test", "--folder", folder, "--channel", "sms", "--to", "13800000000")
    assert (done.exit_code, "http_401" in done.output) == (3, True)


def test_a_way_out_that_is_not_set_up_is_trouble_with_a_remedy(folder: Path) -> None:
    done = run("test", "--folder", folder, "--channel", "email", "--to", "a@bank.example")
    assert done.exit_code == 1


def test_the_schema_describes_what_a_receiver_gets() -> None:
    schema = json.loads(run("schema").output)
    outgoing = schema["$defs"]["Outgoing"]
    assert set(outgoing["required"]) >= {"id", "channel", "to", "template", "blanks", "text", "expires_at"}


def test_secrets_come_from_files_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "sms").write_text(f"{SECRET}\n")
    (tmp_path / "mail").write_text("mail password\n")
    found = read_settings(
        tmp_path,
        {
            "OPENHALL_SMS_URL": "https://sms.bank.example/",
            "OPENHALL_SMS_SECRET_FILE": str(tmp_path / "sms"),
            "OPENHALL_SMTP_PORT": "2525",
            "OPENHALL_SMTP_PASSWORD_FILE": str(tmp_path / "mail"),
        },
    )
    assert (found.sms.secret, found.smtp.port, found.smtp.password) == (SECRET, 2525, "mail password")
    with pytest.raises(SettingsInvalid, match="security"):
        read_settings(tmp_path, {"OPENHALL_SMTP_SECURITY": "maybe"})

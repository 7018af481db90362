"""Does doctor say of each other system whether it answers, in time, and with nothing sent to it?"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink

from openhall.access.devices import Device, PrinterSettings
from openhall.app import reach
from openhall.app.access_settings import OidcSettings
from openhall.app.findings import Finding
from openhall.app.service_settings import TelemetrySettings
from openhall.app.settings import Settings, SmtpSettings, WebhookSettings
from tests.unit.messages.receivers import SECRET

pytestmark = pytest.mark.unit

HOST = "localhost"


class Port:
    """Takes connections, says nothing of its own accord, and keeps what it was told."""

    def __init__(self, context: ssl.SSLContext | None = None, answer: bytes = b"") -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.number: int = self._server.getsockname()[1]
        self.heard = b""
        self._context, self._answer = context, answer
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
                connection.settimeout(5)
                if self._context is not None:
                    connection = self._context.wrap_socket(connection, server_side=True)
                if self._answer:
                    connection.recv(4_096)
                    connection.sendall(self._answer)
                else:
                    self.heard += connection.recv(4_096)
                connection.close()
            except ssl.SSLError:
                continue
            except OSError:
                return

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join()


@pytest.fixture
def open_ports() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def port(stack: ExitStack, context: ssl.SSLContext | None = None, answer: bytes = b"") -> Port:
    found = Port(context, answer)
    stack.callback(found.close)
    return found


def closed() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


def authority(folder: Path) -> tuple[ssl.SSLContext, str]:
    """A server's side of TLS, and the file of who signed it."""
    signer = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    signer.issue_cert(HOST).configure_cert(context)
    signer.cert_pem.write_to_path(str(folder / "ca.pem"))
    return context, str(folder / "ca.pem")


def asked(settings: Settings, *printers: Device, is_serving: bool = False) -> list[Finding]:
    return reach.findings(settings, printers, is_serving=is_serving)


def codes(found: list[Finding]) -> dict[str, str]:
    return {str(each.detail.get("place", each.part)).split()[0]: each.code for each in found}


def webhook(number: int, scheme: str = "http", ca_file: str = "") -> WebhookSettings:
    return WebhookSettings(url=f"{scheme}://{HOST}:{number}/in?key=secret", secret=SECRET, ca_file=ca_file)


def printer(number: int) -> Device:
    settings = PrinterSettings(host="127.0.0.1", port=number)
    return Device(
        id="p1", branch="wutong", kind="printer", name="Lobby", settings=settings, made_ms=1, made_by=""
    )


def test_an_installation_on_its_own_asks_nobody() -> None:
    assert [each.code for each in asked(Settings())] == ["ways_none"]


def test_who_answers_and_who_does_not_is_told_apart(open_ports: ExitStack) -> None:
    there = port(open_ports)
    settings = Settings(
        sms=webhook(there.number),
        staff=webhook(closed()),
        telemetry=TelemetrySettings(endpoint=f"http://{HOST}:{there.number}"),
    )
    found = asked(settings)
    assert codes(found) == {
        "[sms]": "place_answers",
        "[staff]": "place_silent",
        "[telemetry]": "place_answers",
    }
    assert {each.state for each in found if each.code == "place_silent"} == {"degraded"}
    assert not any("secret" in str(each.detail) for each in found), "an address may carry a key"
    assert there.heard == b"", "nothing was sent"


def test_a_certificate_is_believed_with_its_authority_alone(open_ports: ExitStack, tmp_path: Path) -> None:
    context, ca_file = authority(tmp_path)
    there = port(open_ports, context)
    found = asked(
        Settings(
            sms=webhook(there.number, "https", ca_file),
            app=webhook(there.number, "https"),
        )
    )
    assert codes(found) == {"[sms]": "place_answers", "[app]": "place_untrusted"}


def test_a_mail_server_greets(open_ports: ExitStack) -> None:
    server = Controller(Sink(), hostname="127.0.0.1", port=closed())
    server.start()
    open_ports.callback(server.stop)
    own = SmtpSettings(host="127.0.0.1", port=server.port, security="none", sender="hall@bank.example")
    assert codes(asked(Settings(smtp=own))) == {"[smtp]": "place_answers"}
    protected = SmtpSettings(host="127.0.0.1", port=server.port, sender="hall@bank.example")
    assert codes(asked(Settings(smtp=protected))) == {"[smtp]": "place_silent"}, "it offers no protection"


@pytest.mark.parametrize(
    ("answer", "code"),
    [(b"200 OK", "place_answers"), (b"404 Not Found", "place_silent")],
)
def test_the_identity_provider_describes_itself(open_ports: ExitStack, answer: bytes, code: str) -> None:
    body = b"HTTP/1.1 " + answer + b"\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}"
    there = port(open_ports, answer=body)
    own = OidcSettings(issuer=f"http://{HOST}:{there.number}", client_id="openhall", client_secret="hush")
    assert codes(asked(Settings(oidc=own)))["[oidc]"] == code


def test_printers_are_asked_only_while_no_server_has_them(open_ports: ExitStack) -> None:
    there = port(open_ports)
    assert codes(asked(Settings(), printer(there.number)))["Lobby"] == "place_answers"
    assert codes(asked(Settings(), printer(closed())))["Lobby"] == "place_silent"
    assert codes(asked(Settings(), printer(there.number), is_serving=True))["printers"] == "printers_watched"


def test_what_would_keep_the_server_from_starting_fails() -> None:
    own = WebhookSettings(url="https://gateway.example/", secret="no secret")
    found = asked(Settings(sms=own))
    assert len(found) == 1, "a server that does not start asks nobody"
    assert ("messages", "failed", "settings_wrong") in {(each.part, each.state, each.code) for each in found}


def test_somebody_who_never_answers_is_given_up(
    open_ports: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reach, "SECONDS_AT_MOST", 0.2)
    silent = socket.create_server(("127.0.0.1", 0))
    open_ports.callback(silent.close)
    found = asked(Settings(sms=webhook(silent.getsockname()[1], "https")))
    assert codes(found) == {"[sms]": "place_silent"}

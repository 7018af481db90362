"""TLS for real: a server with a certificate, clients that check it, and the ways in which it must fail."""

from __future__ import annotations

import datetime
import http.client
import os
import signal
import socket
import ssl
import subprocess
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from openhall.web.cookies import PLAIN_NAME, SAFE_NAME
from tests.race.served import HOST, Served, free_port, serve_command, serving, started
from tests.race.staffed import BRANCH, PASSWORD, Staffed, staffed

SAID_SECONDS = 60
OUR_PAGE = {"sec-fetch-site": "same-origin"}


@dataclass(frozen=True)
class Safe:
    served: Served
    staff: Staffed
    authority: trustme.CA
    redirect_port: int

    def trust(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        return context

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.served.port}"


def tls_command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [*serve_command(folder, 0)[:3], "tls", arguments[0], "--folder", str(folder), *arguments[1:]]
    return subprocess.run(command, check=False, capture_output=True)


def signed(authority: trustme.CA, request: Path) -> bytes:
    """What the bank's authority answers to a request."""
    asked = x509.load_pem_x509_csr(request.read_bytes())
    own = x509.load_pem_x509_certificate(authority.cert_pem.bytes())
    key: Any = serialization.load_pem_private_key(authority.private_key_pem.bytes(), None)
    now = datetime.datetime.now(datetime.UTC)
    san = asked.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    built = (
        x509.CertificateBuilder()
        .subject_name(asked.subject)
        .issuer_name(own.subject)
        .public_key(asked.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=20))
        .add_extension(san, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.PEM) + authority.cert_pem.bytes()


@pytest.fixture(scope="module")
def safe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Safe]:
    """The whole way: request, answer, installation, start."""
    staff = staffed(tmp_path_factory.mktemp("tls") / "bank")
    authority = trustme.CA()
    asked = tls_command(staff.folder, "request", "--name", HOST, "--name", "hall.branch.example")
    assert asked.returncode == 0, asked.stderr
    answer = staff.folder / "answer.pem"
    answer.write_bytes(signed(authority, staff.folder / "tls" / "request.pem"))
    taken = tls_command(staff.folder, "install", str(answer))
    assert taken.returncode == 0, taken.stderr
    redirect_port = free_port()
    environment = {**os.environ, "OPENHALL_TLS_REDIRECT_PORT": str(redirect_port)}
    with serving(staff.folder, environment=environment) as served:
        yield Safe(served, staff, authority, redirect_port)


def test_a_whole_session_and_a_stream_go_over_tls(safe: Safe) -> None:
    with httpx.Client(base_url=safe.url, verify=safe.trust(), headers=OUR_PAGE, timeout=30) as client:
        credentials = {"name": "manager", "password": PASSWORD}
        signed_in = client.post("/api/session", json=credentials)
        assert signed_in.status_code == 200
        said = signed_in.headers["set-cookie"]
        assert said.startswith(f"{SAFE_NAME}=")
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=strict"} <= set(said.split("; "))
        assert "Domain" not in said
        assert "max-age=" in signed_in.headers["strict-transport-security"]
        assert client.get("/api/session").json()["role"] == "manager"
        with client.stream("GET", f"/api/branches/{BRANCH}/stream") as stream:
            lines = stream.iter_lines()
            assert next(lines).startswith("retry:")
            path = f"/api/branches/{BRANCH}/commands/OpenDoors"
            opened = client.post(path, json={}, headers={"idempotency-key": "tls"})
            assert opened.status_code == 200, opened.text
            assert any("DoorsOpened" in line for line in lines)
        assert client.delete("/api/session").status_code == 200
        assert client.get("/api/session").status_code == 401


def test_a_session_planted_under_the_plain_name_is_nothing_over_tls(safe: Safe) -> None:
    with httpx.Client(base_url=safe.url, verify=safe.trust()) as client:
        planted = {"cookie": f"{PLAIN_NAME}={safe.staff.manager}"}
        assert client.get("/api/session", headers=planted).status_code == 401
        own = {"cookie": f"{SAFE_NAME}={safe.staff.manager}"}
        assert client.get("/api/session", headers=own).status_code == 200


def test_a_client_that_does_not_know_the_banks_authority_does_not_connect(safe: Safe) -> None:
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"{safe.url}/healthz", verify=ssl.create_default_context())


def test_a_client_that_wanted_another_server_does_not_connect(safe: Safe) -> None:
    context = safe.trust()
    with (
        socket.create_connection((HOST, safe.served.port), timeout=10) as raw,
        pytest.raises(ssl.SSLCertVerificationError, match=r"other\.branch\.example"),
    ):
        context.wrap_socket(raw, server_hostname="other.branch.example")
    with (
        socket.create_connection((HOST, safe.served.port), timeout=10) as raw,
        context.wrap_socket(raw, server_hostname="hall.branch.example") as safely,
    ):
        assert safely.version() == "TLSv1.3"


@pytest.mark.parametrize(
    ("version", "is_taken"),
    [(ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_3, True)],
)
def test_nobody_talks_the_server_down_to_an_old_tls(
    safe: Safe, version: ssl.TLSVersion, is_taken: bool
) -> None:
    context = safe.trust()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = version
    # The client is made willing: what refuses has to be the server.
    context.set_ciphers("ALL:@SECLEVEL=0")
    with socket.create_connection((HOST, safe.served.port), timeout=10) as raw:
        if is_taken:
            with context.wrap_socket(raw, server_hostname=HOST) as safely:
                assert safely.version() == version.name.replace("_", ".")
        else:
            with pytest.raises(ssl.SSLError):
                context.wrap_socket(raw, server_hostname=HOST)


def test_the_port_of_tls_answers_nothing_in_clear(safe: Safe) -> None:
    connection = http.client.HTTPConnection(HOST, safe.served.port, timeout=10)
    connection.request("GET", "/healthz")
    with pytest.raises((http.client.HTTPException, OSError)):
        connection.getresponse()
    connection.close()


@pytest.mark.parametrize(
    ("method", "host", "status", "location"),
    [
        ("GET", "{own}:{plain}", 308, "https://{own}:{port}/sign-in?to=/"),
        ("GET", "hall.branch.example", 308, "https://hall.branch.example:{port}/sign-in?to=/"),
        ("GET", "evil.example", 308, "https://hall.branch.example:{port}/sign-in?to=/"),
        ("GET", "", 308, "https://hall.branch.example:{port}/sign-in?to=/"),
        ("POST", "{own}", 403, None),
    ],
)
def test_who_comes_without_tls_is_sent_over_and_never_served(
    safe: Safe, method: str, host: str, status: int, location: str | None
) -> None:
    blanks = {"own": HOST, "plain": safe.redirect_port, "port": safe.served.port}
    connection = http.client.HTTPConnection(HOST, safe.redirect_port, timeout=10)
    connection.putrequest(method, "/sign-in?to=/", skip_host=True)
    if host:
        connection.putheader("Host", host.format(**blanks))
    connection.endheaders()
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (status, b"")
    assert answer.headers.get("location") == (location.format(**blanks) if location else None)
    connection.close()


def test_a_certificate_that_is_due_is_said_and_one_that_is_over_does_not_serve(
    safe: Safe, tmp_path: Path
) -> None:
    shown = tls_command(safe.staff.folder, "show", "--json")
    found = msgspec.json.decode(shown.stdout)
    assert (shown.returncode, found["state"], found["days_left"]) == (3, "soon", 19)
    over = safe.authority.issue_cert(
        HOST, not_after=datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    )
    ended = refused_start(safe.staff.folder, over, tmp_path)
    assert b"certificate_wrong" in ended.stderr
    assert b"not now" in ended.stderr


def test_a_key_that_belongs_to_another_certificate_does_not_serve(safe: Safe, tmp_path: Path) -> None:
    own, other = (safe.authority.issue_cert(HOST) for _ in range(2))
    ended = refused_start(safe.staff.folder, own, tmp_path, key=other)
    assert b"another key" in ended.stderr
    assert b"PRIVATE" not in ended.stderr


def refused_start(
    folder: Path, own: trustme.LeafCert, tmp_path: Path, key: trustme.LeafCert | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Start a server with a certificate that will not do; what it says."""
    place = Path(str(tmp_path))
    own.cert_chain_pems[0].write_to_path(str(place / "c.pem"))
    (place / "k.pem").touch(0o600)
    (place / "k.pem").write_bytes((key or own).private_key_pem.bytes())
    copy = staffed(tmp_path / "bank").folder if (folder / "openhall.db").exists() else folder
    files = ["--tls-certificate", str(place / "c.pem"), "--tls-key", str(place / "k.pem")]
    ended = subprocess.run(
        [*serve_command(copy, free_port()), *files], check=False, capture_output=True, timeout=60
    )
    assert ended.returncode == 1
    return ended


def test_a_server_without_tls_talks_to_its_own_machine_alone_unless_the_bank_trusts_the_network(
    tmp_path: Path,
) -> None:
    staff = staffed(tmp_path / "bank")
    port = free_port()
    command = [*serve_command(staff.folder, port), "--host", "0.0.0.0"]  # noqa: S104 - it is to be refused
    ended = subprocess.run(command, check=False, capture_output=True, timeout=60)
    assert ended.returncode == 1
    assert b"plain_network" in ended.stderr
    log = tmp_path / "server.log"
    environment = {**os.environ, "OPENHALL_SERVER_IS_NETWORK_TRUSTED": "true"}
    with started(command, port, log, environment) as served:
        assert served.ask("GET", "/healthz").status == 200
    assert b"WITHOUT TLS" in log.read_bytes()


@pytest.mark.parametrize(
    ("proxies", "name", "reason"),
    [
        (HOST, SAFE_NAME, "a proxy on this machine, which the bank named"),
        ("10.9.8.7", PLAIN_NAME, "somebody who only says so"),
    ],
)
def test_only_a_proxy_that_was_named_is_believed(
    proxies: str, name: str, reason: str, tmp_path: Path
) -> None:
    staff = staffed(tmp_path / "bank")
    environment = {**os.environ, "OPENHALL_SERVER_TRUSTED_PROXIES": proxies}
    with serving(staff.folder, environment=environment) as served:
        forwarded = {"x-forwarded-proto": "https", "x-forwarded-for": "203.0.113.9"}
        body = {"name": "guard", "password": PASSWORD}
        reply = served.ask("POST", "/api/session", body=body, headers=forwarded)
        assert reply.headers["set-cookie"].startswith(f"{name}="), reason
        assert ("strict-transport-security" in reply.headers) == (name == SAFE_NAME)


# --- a renewed certificate while people are connected --------------------------------------------------


@pytest.fixture
def renewing(tmp_path: Path) -> Iterator[Safe]:
    """A server of its own, whose certificate is going to change."""
    staff = staffed(tmp_path / "bank")
    authority = trustme.CA()
    put_certificate(staff.folder, authority.issue_cert(HOST))
    environment = {**os.environ, "OPENHALL_METRICS_TOKEN": "a-token-of-the-metrics"}
    with serving(staff.folder, environment=environment) as served:
        yield Safe(served, staff, authority, 0)


def put_certificate(folder: Path, own: trustme.LeafCert, key: trustme.LeafCert | None = None) -> None:
    place = folder / "tls"
    place.mkdir(mode=0o700, exist_ok=True)
    for name, body in (
        ("key.pem", (key or own).private_key_pem.bytes()),
        ("certificate.pem", own.cert_chain_pems[0].bytes()),
    ):
        beside = place / f"{name}.new"
        beside.touch(0o600)
        beside.write_bytes(body)
        beside.replace(place / name)


def shown(safe: Safe) -> bytes:
    """What a client that checks everything is shown."""
    with (
        socket.create_connection((HOST, safe.served.port), timeout=10) as raw,
        safe.trust().wrap_socket(raw, server_hostname=HOST) as safely,
    ):
        found = safely.getpeercert(binary_form=True)
        assert found is not None
        return found


def numbers(safe: Safe) -> dict[str, float]:
    token = {"authorization": "Bearer a-token-of-the-metrics"}
    text = httpx.get(f"{safe.url}/metrics", headers=token, verify=safe.trust(), timeout=30).text
    lines = (line.split(" ") for line in text.splitlines() if line.startswith("openhall_certificate_"))
    return {name.removeprefix("openhall_certificate_"): float(value) for name, value in lines}


def until_said(safe: Safe, words: bytes) -> None:
    """The server's log is where it says what became of a certificate."""
    with httpx.Client(base_url=safe.url, verify=safe.trust(), timeout=30) as client:
        deadline = time.monotonic() + SAID_SECONDS
        while words not in safe.served.log.read_bytes():
            assert time.monotonic() < deadline, safe.served.log.read_text()
            # Asked on connections of before and of now alike: whatever happens, somebody answers.
            assert client.get("/healthz").status_code == 200


def der_of(own: trustme.LeafCert) -> bytes:
    found = x509.load_pem_x509_certificate(own.cert_chain_pems[0].bytes())
    return found.public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize("way", ["told by SIGHUP", "noticed by itself"])
def test_a_renewed_certificate_is_shown_and_an_open_stream_goes_on(renewing: Safe, way: str) -> None:
    before, after = shown(renewing), renewing.authority.issue_cert(HOST)
    bearer = {"authorization": f"Bearer {renewing.staff.manager}", **OUR_PAGE}
    with (
        httpx.Client(base_url=renewing.url, verify=renewing.trust(), headers=bearer, timeout=60) as old,
        old.stream("GET", f"/api/branches/{BRANCH}/stream") as stream,
    ):
        lines = stream.iter_lines()
        assert next(lines).startswith("retry:")
        put_certificate(renewing.staff.folder, after)
        if way == "told by SIGHUP":
            renewing.served.process.send_signal(signal.SIGHUP)
        until_said(renewing, b"A renewed certificate is in use")
        assert {shown(renewing) for _ in range(20)} == {der_of(after)} != {before}
        with httpx.Client(base_url=renewing.url, verify=renewing.trust(), headers=bearer) as new:
            path = f"/api/branches/{BRANCH}/commands/OpenDoors"
            opened = new.post(path, json={}, headers={"idempotency-key": "renewed"}, timeout=30)
            assert opened.status_code == 200, opened.text
        assert any("DoorsOpened" in line for line in lines), "over the connection of before"
    assert numbers(renewing)["renewals"] == 1
    assert numbers(renewing)["refused"] == 0
    assert renewing.served.stop() == 0


def test_a_broken_new_certificate_leaves_the_old_one_in_use_and_everybody_says_so(renewing: Safe) -> None:
    before = shown(renewing)
    left = numbers(renewing)["days_left"]
    own, other = (renewing.authority.issue_cert(HOST) for _ in range(2))
    put_certificate(renewing.staff.folder, own, key=other)
    renewing.served.process.send_signal(signal.SIGHUP)
    until_said(renewing, b"The new certificate is not taken (certificate_wrong)")
    assert {shown(renewing) for _ in range(5)} == {before}
    found = numbers(renewing)
    assert (found["refused"], found["renewals"]) == (1, 0)
    assert 0 <= left - found["days_left"] < 0.1
    admin = {"authorization": f"Bearer {renewing.staff.tokens['administrator']}", "accept-language": "en"}
    health = httpx.get(f"{renewing.url}/health", headers=admin, verify=renewing.trust(), timeout=30).json()
    part = next(part for part in health["parts"] if part["part"] == "certificate")
    assert (part["state"], part["code"]) == ("degraded", "tls_kept")
    assert "belongs to another key" in part["says"]
    doctor = [*serve_command(renewing.staff.folder, 0)[:3], "doctor", "--folder", str(renewing.staff.folder)]
    looked = msgspec.json.decode(subprocess.run([*doctor, "--json"], check=False, capture_output=True).stdout)
    assert "tls_wrong" in {line["code"] for line in looked["findings"]}

    put_certificate(renewing.staff.folder, other)
    until_said(renewing, b"A renewed certificate is in use")
    assert {shown(renewing) for _ in range(5)} == {der_of(other)}
    assert numbers(renewing)["refused"] == 0
    assert b"PRIVATE" not in renewing.served.log.read_bytes()

"""Is a certificate taken only when it would serve, and is nothing changed by one that would not?"""

from __future__ import annotations

import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from openhall.app import certificates
from openhall.app.certificates import (
    Certificate,
    CertificateMissing,
    CertificateWrong,
    TlsFiles,
    TlsKeyExposed,
    TlsNameInvalid,
)
from openhall.app.clocks import SystemClock
from openhall.app.settings import TlsSettings
from openhall.kernel.clock import DAY_MS

NAMES = ("hall.branch.example", "10.1.2.3")
NOW_MS = SystemClock().now_ms()
NOW = datetime.fromtimestamp(NOW_MS / 1_000, tz=UTC)


@dataclass
class Authority:
    """A bank's own certificate authority, which can be told to make mistakes."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    name: x509.Name = field(
        default_factory=lambda: x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Bank Authority")])
    )

    def itself(self) -> x509.Certificate:
        return self._sign(self.name, self.key.public_key(), -365, 3_650, None, [])

    def answer(
        self,
        request: Path,
        *,
        from_days: int = -1,
        until_days: int = 365,
        names: list[x509.GeneralName] | None = None,
        uses: list[x509.ObjectIdentifier] | None = None,
        key: object = None,
    ) -> x509.Certificate:
        asked = x509.load_pem_x509_csr(request.read_bytes())
        san = list(asked.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
        return self._sign(
            asked.subject,
            key or asked.public_key(),
            from_days,
            until_days,
            san if names is None else names,
            [ExtendedKeyUsageOID.SERVER_AUTH] if uses is None else uses,
        )

    def _sign(
        self,
        subject: x509.Name,
        key: object,
        from_days: int,
        until_days: int,
        names: list[x509.GeneralName] | None,
        uses: list[x509.ObjectIdentifier],
    ) -> x509.Certificate:
        built = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key)  # type: ignore[arg-type]
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW + timedelta(days=from_days))
            .not_valid_after(NOW + timedelta(days=until_days))
        )
        if names:
            built = built.add_extension(x509.SubjectAlternativeName(names), critical=False)
        if uses:
            built = built.add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        return built.sign(self.key, hashes.SHA256())


def written(path: Path, *chain: x509.Certificate) -> Path:
    path.write_bytes(b"".join(each.public_bytes(serialization.Encoding.PEM) for each in chain))
    return path


@pytest.fixture
def files(tmp_path: Path) -> TlsFiles:
    found = TlsFiles.of(tmp_path)
    certificates.make_request(found, NAMES, "Linjiang Bank")
    return found


def test_a_request_names_the_server_and_its_key_is_for_its_owner_alone(files: TlsFiles) -> None:
    asked = x509.load_pem_x509_csr(files.request.read_bytes())
    assert asked.is_signature_valid
    san = asked.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert san.get_values_for_type(x509.DNSName) == ["hall.branch.example"]
    assert [str(a) for a in san.get_values_for_type(x509.IPAddress)] == ["10.1.2.3"]
    assert stat.S_IMODE(files.key_to_come.stat().st_mode) == 0o600
    assert b"PRIVATE" not in files.request.read_bytes()


def test_an_answer_that_fits_is_taken_and_can_be_served_with(files: TlsFiles, tmp_path: Path) -> None:
    bank = Authority()
    answer = written(tmp_path / "answer.pem", bank.answer(files.request), bank.itself())
    found = certificates.install(files, answer, NOW_MS)
    assert set(found.names) == set(NAMES)
    assert certificates.read(files, NOW_MS) == found == certificates.look(files)
    assert stat.S_IMODE(files.key.stat().st_mode) == 0o600
    assert not files.key_to_come.exists()
    assert certificates.in_use(TlsSettings(), tmp_path) == files


Wrong = Callable[[Authority, TlsFiles], list[x509.Certificate]]


@pytest.mark.parametrize(
    ("made", "said", "reason"),
    [
        (lambda a, f: [a.answer(f.request, until_days=0)], "not now", "it has run out"),
        (lambda a, f: [a.answer(f.request, from_days=1)], "not now", "it begins tomorrow"),
        (lambda a, f: [a.answer(f.request, names=[])], "names no server", "no subjectAltName"),
        (
            lambda a, f: [a.answer(f.request, names=[x509.DNSName("hall.branch.example")])],
            "does not name 10.1.2.3",
            "a name is missing",
        ),
        (
            lambda a, f: [a.answer(f.request, key=ec.generate_private_key(ec.SECP256R1()).public_key())],
            "another key",
            "somebody else's",
        ),
        (
            lambda a, f: [a.answer(f.request, uses=[ExtendedKeyUsageOID.CLIENT_AUTH])],
            "not for servers",
            "a person's certificate",
        ),
        (
            lambda a, f: [a.answer(f.request), Authority().itself()],
            "not signed by",
            "the chain of another authority",
        ),
    ],
)
def test_an_answer_that_does_not_fit_is_refused_and_changes_nothing(
    made: Wrong, said: str, reason: str, files: TlsFiles, tmp_path: Path
) -> None:
    answer = written(tmp_path / "answer.pem", *made(Authority(), files))
    before = {path.name: path.read_bytes() for path in files.key.parent.iterdir()}
    with pytest.raises(CertificateWrong, match=said) as caught:
        certificates.install(files, answer, NOW_MS)
    assert caught.value.code == "certificate_wrong", reason
    assert {path.name: path.read_bytes() for path in files.key.parent.iterdir()} == before


@pytest.mark.parametrize("content", [b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_what_is_no_certificate_is_refused(content: bytes, files: TlsFiles, tmp_path: Path) -> None:
    answer = tmp_path / "answer.pem"
    answer.write_bytes(content)
    with pytest.raises(CertificateWrong, match="PEM"):
        certificates.install(files, answer, NOW_MS)


def test_a_weak_key_is_refused(tmp_path: Path) -> None:
    key = rsa.generate_private_key(65_537, 1_024)  # noqa: S505 - it is to be refused
    bank, files = Authority(), TlsFiles.of(tmp_path)
    certificates.make_request(files, NAMES, "Linjiang Bank")
    weak = bank.answer(files.request, key=key.public_key())
    files.key_to_come.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    with pytest.raises(CertificateWrong, match="1024 bits"):
        certificates.install(files, written(tmp_path / "answer.pem", weak), NOW_MS)


def test_an_answer_without_a_request_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CertificateMissing):
        certificates.install(TlsFiles.of(tmp_path), tmp_path / "answer.pem", NOW_MS)


@pytest.mark.parametrize("name", ["", "two words", "a_b.example", "https://hall.example", "-x.example", "*"])
def test_a_name_that_no_certificate_holds_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(TlsNameInvalid):
        certificates.make_request(TlsFiles.of(tmp_path), [name], "Linjiang Bank")
    assert not (tmp_path / "tls").exists()


def test_a_key_that_others_may_read_is_refused(files: TlsFiles, tmp_path: Path) -> None:
    certificates.install(files, written(tmp_path / "answer.pem", Authority().answer(files.request)), NOW_MS)
    files.key.chmod(0o640)
    with pytest.raises(TlsKeyExposed):
        certificates.read(files, NOW_MS)


def test_a_locked_key_opens_with_its_password_and_says_nothing_of_a_wrong_one(tmp_path: Path) -> None:
    issued = trustme.CA().issue_cert("hall.branch.example")
    key = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
    files = TlsFiles(tmp_path / "c.pem", tmp_path / "k.pem")
    issued.cert_chain_pems[0].write_to_path(str(files.certificate))
    files.key.touch(0o600)
    files.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"right"),
        )
    )
    assert certificates.read(files, NOW_MS, "right").names == ("hall.branch.example",)
    for wrong in ("", "wrong"):
        with pytest.raises(CertificateWrong, match="does not open"):
            certificates.read(files, NOW_MS, wrong)


@pytest.mark.parametrize(
    ("days", "state"),
    [(31, "good"), (30, "soon"), (8, "soon"), (7, "urgent"), (1, "urgent"), (0, "over"), (-1, "over")],
)
def test_its_end_is_announced_in_time(days: int, state: str) -> None:
    found = Certificate(("hall.example",), "CN=Bank", 0, days * DAY_MS + 10 * DAY_MS, "")
    assert found.state(10 * DAY_MS) == state
    assert found.days_left(10 * DAY_MS) == days


@pytest.mark.parametrize(
    ("names", "host", "expected"),
    [
        (("hall.bank.example",), "HALL.bank.example", True),
        (("*.bank.example",), "hall.bank.example", True),
        (("*.bank.example",), "a.hall.bank.example", False),
        (("*.bank.example",), "bank.example", False),
        (("10.1.2.3",), "10.1.2.3", True),
        (("hall.bank.example",), "", False),
        (("hall.bank.example",), "evil.example", False),
    ],
)
def test_a_star_stands_for_one_label(names: tuple[str, ...], host: str, expected: bool) -> None:
    assert certificates.covers(Certificate(names, "", 0, 1, ""), host) is expected

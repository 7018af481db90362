"""How a branch gets TLS: a key and a request for the bank's certificate authority, and the answer checked.

The key never leaves the machine. A certificate is taken only when it fits the key, names the server as it was
asked for, is valid now, and each certificate of its chain is signed by the next one.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final, Literal

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from openhall.app.settings import TlsSettings
from openhall.kernel.clock import DAY_MS, from_datetime
from openhall.kernel.trouble import Trouble

NAMES_AT_MOST: Final = 20
CHAIN_AT_MOST: Final = 10
RSA_BITS_AT_LEAST: Final = 2_048
SOON_DAYS: Final = 30
"""A bank's authority takes its time: from so long before the end on, the certificate is to be renewed."""
URGENT_DAYS: Final = 7

_HOST = re.compile(r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9-]{1,63})*")


class CertificateWrong(Trouble):
    """The certificate cannot be used by this server."""

    code = "certificate_wrong"
    remedy = "Ask the bank's certificate authority for one by FOLDER/tls/request.pem, and install its answer."


class CertificateMissing(Trouble):
    """There is no certificate, or no key to it, where one is expected."""

    code = "certificate_missing"
    remedy = "Make a request with `openhall tls request`, or name the files under [tls] in openhall.toml."


class TlsNameInvalid(Trouble):
    """A server's name is not one that a certificate can hold."""

    code = "tls_name_invalid"
    remedy = (
        "Give the names and addresses under which browsers reach the server: hall.branch.example, 10.1.2.3."
    )


class TlsKeyExposed(Trouble):
    """Others on this machine may read the server's key."""

    code = "tls_key_exposed"
    remedy = "Make the file readable by its owner alone (chmod 600)."


@dataclass(frozen=True)
class TlsFiles:
    """Where a server's certificate and its key are."""

    certificate: Path
    key: Path

    @classmethod
    def of(cls, folder: Path) -> TlsFiles:
        """Where `openhall tls` keeps them."""
        return cls(folder / "tls" / "certificate.pem", folder / "tls" / "key.pem")

    @property
    def stamp(self) -> tuple[tuple[int, int, int], ...]:
        """Changes when one of the files does; empty for one that is not there."""
        found = (path.stat() for path in (self.certificate, self.key) if path.exists())
        return tuple((each.st_ino, each.st_mtime_ns, each.st_size) for each in found)

    @property
    def request(self) -> Path:
        """What the bank's authority is given."""
        return self.certificate.with_name("request.pem")

    @property
    def key_to_come(self) -> Path:
        """The key of a request that is not answered yet."""
        return self.key.with_name("key-to-come.pem")


@dataclass(frozen=True)
class Certificate:
    """What a certificate says, and how long it holds."""

    names: tuple[str, ...]
    issuer: str
    from_ms: int
    until_ms: int
    fingerprint: str
    """SHA-256 of the certificate in DER: what a client sees is told apart by it."""

    def days_left(self, now_ms: int) -> int:
        """Whole days; negative when it has run out."""
        return (self.until_ms - now_ms) // DAY_MS

    def state(self, now_ms: int) -> Literal["good", "soon", "urgent", "over"]:
        """How urgent its renewal is: for `doctor`, the health and the metrics."""
        left_ms = self.until_ms - now_ms
        if left_ms <= 0 or now_ms < self.from_ms:
            return "over"
        if left_ms <= URGENT_DAYS * DAY_MS:
            return "urgent"
        return "soon" if left_ms <= SOON_DAYS * DAY_MS else "good"


@dataclass
class InUse:
    """What the running server shows to those who connect, and what became of the last attempt to renew it."""

    certificate: Certificate
    refused: str = ""
    """Why what lies in the files now is not taken; empty when it is."""
    renewals_count: int = 0


def in_use(settings: TlsSettings, folder: Path) -> TlsFiles | None:
    """The files that the server is to use; None when it is to serve without TLS."""
    if settings.certificate:
        return TlsFiles(Path(settings.certificate), Path(settings.key))
    kept = TlsFiles.of(folder)
    return kept if kept.certificate.exists() else None


def make_request(files: TlsFiles, names: Sequence[str], organisation: str) -> Path:
    """Make a new key and a request for a certificate of these names; the key in use stays in use."""
    if not 1 <= len(names) <= NAMES_AT_MOST:
        raise TlsNameInvalid(f"Expected 1 to {NAMES_AT_MOST} names, got {len(names)}", place="--name")
    general = [_general_name(name) for name in names]
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation[:64]),
            x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64]),
        ]
    )
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(subject)
        .add_extension(x509.SubjectAlternativeName(general), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files.request.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    body = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _write(files.key_to_come, body, 0o600)
    _write(files.request, request.public_bytes(serialization.Encoding.PEM), 0o644)
    return files.request


def install(files: TlsFiles, answer: Path, now_ms: int) -> Certificate:
    """Take the authority's answer, certificate first and then its chain, after checking that it fits.

    Raises `CertificateWrong` and leaves everything as it was when it does not.
    """
    if not files.key_to_come.is_file() or not files.request.is_file():
        raise CertificateMissing("There is no request that waits for an answer", place=str(files.request))
    chain = _chain(answer)
    key = serialization.load_pem_private_key(files.key_to_come.read_bytes(), None)
    found = _check(chain, key.public_key(), now_ms, place=str(answer))
    asked = _names(x509.load_pem_x509_csr(files.request.read_bytes()).extensions)
    missing = [name for name in asked if not _covers(found.names, name)]
    if missing:
        raise CertificateWrong(f"It does not name {', '.join(missing)}", place=str(answer))
    body = b"".join(each.public_bytes(serialization.Encoding.PEM) for each in chain)
    # The key first: a server that starts in between finds a pair that does not fit, and says so.
    files.key_to_come.replace(files.key)
    _write(files.certificate, body, 0o644)
    files.request.unlink()
    return found


def read(files: TlsFiles, now_ms: int, password: str = "") -> Certificate:
    """The certificate that a server is to use, checked with its key. Raises `Trouble` when it cannot be used.

    One that has run out is `CertificateWrong` too: browsers would turn everybody away.
    """
    for path in (files.certificate, files.key):
        if not path.is_file():
            raise CertificateMissing(f"{path} does not exist", place=str(path))
    if files.key.stat().st_mode & 0o077:
        raise TlsKeyExposed(f"{files.key} can be read by others", place=str(files.key))
    try:
        key = serialization.load_pem_private_key(
            files.key.read_bytes(), password.encode() if password else None
        )
    except OSError as error:
        raise CertificateWrong(f"The key cannot be read: {error.strerror}", place=str(files.key)) from error
    except (TypeError, ValueError) as error:
        # The library's own words may hold a part of the file.
        raise CertificateWrong("The key does not open", place=str(files.key)) from error
    return _check(_chain(files.certificate), key.public_key(), now_ms, place=str(files.certificate))


def look(files: TlsFiles) -> Certificate | None:
    """What the certificate in use says, whether or not it still holds; None where there is none."""
    if not files.certificate.is_file():
        return None
    return _said(_chain(files.certificate)[0])


def _chain(path: Path) -> list[x509.Certificate]:
    try:
        chain = x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as error:
        raise CertificateWrong("Expected certificates in PEM", place=str(path)) from error
    if len(chain) > CHAIN_AT_MOST:
        raise CertificateWrong(f"Expected a chain of at most {CHAIN_AT_MOST}", place=str(path))
    return chain


def _check(chain: list[x509.Certificate], key: object, now_ms: int, *, place: str) -> Certificate:
    own, found = chain[0], _said(chain[0])
    if _public(own.public_key()) != _public(key):
        raise CertificateWrong("It belongs to another key", place=place)
    if not found.names:
        raise CertificateWrong("It names no server (subjectAltName)", place=place)
    if not found.from_ms <= now_ms < found.until_ms:
        span = f"{own.not_valid_before_utc:%Y-%m-%d} to {own.not_valid_after_utc:%Y-%m-%d}"
        raise CertificateWrong(f"It holds from {span}, and not now", place=place)
    with suppress(x509.ExtensionNotFound):
        uses = own.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        if ExtendedKeyUsageOID.SERVER_AUTH not in uses:
            raise CertificateWrong("It is not for servers (extendedKeyUsage)", place=place)
    for lower, upper in pairwise(chain):
        try:
            lower.verify_directly_issued_by(upper)
        except (InvalidSignature, TypeError, ValueError) as error:
            who = lower.subject.rfc4514_string()
            raise CertificateWrong(f"{who} is not signed by the next one", place=place) from error
    for each in chain:
        _check_strength(each, place)
    return found


def _check_strength(certificate: x509.Certificate, place: str) -> None:
    key, algorithm = certificate.public_key(), certificate.signature_hash_algorithm
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < RSA_BITS_AT_LEAST:
        raise CertificateWrong(f"Its key has only {key.key_size} bits", place=place)
    if isinstance(algorithm, hashes.SHA1 | hashes.MD5) and certificate.subject != certificate.issuer:
        raise CertificateWrong(f"It is signed with {algorithm.name}, which is broken", place=place)


def _said(certificate: x509.Certificate) -> Certificate:
    return Certificate(
        names=tuple(_names(certificate.extensions)),
        issuer=certificate.issuer.rfc4514_string(),
        from_ms=from_datetime(certificate.not_valid_before_utc),
        until_ms=from_datetime(certificate.not_valid_after_utc),
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
    )


def _names(extensions: x509.Extensions) -> list[str]:
    try:
        found = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    addresses = [str(address) for address in found.get_values_for_type(x509.IPAddress)]
    return [*found.get_values_for_type(x509.DNSName), *addresses]


def _covers(names: Sequence[str], wanted: str) -> bool:
    """Does a certificate of these names hold for a host? A star stands for one label (RFC 6125)."""
    _, _, parent = wanted.lower().partition(".")
    known = {name.lower() for name in names}
    return wanted.lower() in known or (bool(parent) and f"*.{parent}" in known)


def covers(certificate: Certificate, host: str) -> bool:
    """Would a browser that was sent to that host be content?"""
    return _covers(certificate.names, host)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        if not _HOST.fullmatch(name):
            raise TlsNameInvalid(f"Expected a host's name or address, got {name!r}", place="--name") from None
        return x509.DNSName(name.lower())


def _public(key: object) -> bytes:
    return key.public_bytes(  # type: ignore[attr-defined, no-any-return]
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _write(path: Path, body: bytes, mode: int) -> None:
    """Write a file whole or not at all, with its rights from the first byte on."""
    beside = path.with_name(path.name + ".new")
    with suppress(FileNotFoundError):
        beside.unlink()
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)

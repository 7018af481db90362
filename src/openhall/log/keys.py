"""The key file: what seals personal data and the secrets of codes, and from which every other key is made.

It stands apart from the database, so that who has the one without the other has nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from openhall.kernel.trouble import Trouble

KEY_BYTES = 32
KEY_ID_BYTES = 4
NONCE_BYTES = 12

RandomBytes = Callable[[int], bytes]


class KeyMissing(Trouble):
    """There is no key file where one is expected."""

    code = "key_missing"
    remedy = "Put the key file back from where you keep it; `openhall init` makes one for a new bank only."


class KeyWrong(Trouble):
    """The key file cannot be read as one, or it does not open what is sealed."""

    code = "key_wrong"
    remedy = "Put back the key file that belongs to this database; without it the sealed data stays closed."


class KeyExposed(Trouble):
    """Others on this machine may read the key file."""

    code = "key_exposed"
    remedy = "Make the file readable by its owner alone (chmod 600)."


class KeyExists(Trouble):
    """A new key file would overwrite another."""

    code = "key_exists"
    remedy = "Keep the file: data sealed with it cannot be opened without it."


class SealBroken(Trouble):
    """A sealed record was changed or moved since it was written."""

    code = "seal_broken"
    remedy = "Run `openhall verify`; the record can only be erased."


class KeyRing:
    """The keys of a key file: the first seals, all of them open."""

    def __init__(self, keys: Iterable[bytes], *, place: str = "key file") -> None:
        self._place = place
        listed = list(keys)
        if not listed or any(len(key) != KEY_BYTES for key in listed):
            raise KeyWrong(f"{place} holds no key of {KEY_BYTES} bytes", place=place)
        self._keys = {_key_id(key): AESGCM(key) for key in listed}
        self._current = _key_id(listed[0])
        self._listed = tuple(listed)

    @classmethod
    def read(cls, path: Path) -> KeyRing:
        """The keys of a file, one in base64 on each line, the current one first."""
        try:
            with path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                lines = file.read().split()
        except FileNotFoundError as error:
            raise KeyMissing(f"{path} does not exist", place=str(path)) from error
        except OSError as error:
            raise KeyMissing(f"{path}: {error.strerror}", place=str(path)) from error
        if mode & 0o077:
            raise KeyExposed(f"{path} may be read by others", place=str(path))
        try:
            keys = [base64.b64decode(line, validate=True) for line in lines]
        except binascii.Error as error:
            raise KeyWrong(f"{path} is no key file", place=str(path)) from error
        return cls(keys, place=str(path))

    def seal(self, plain: bytes, *, bound_to: bytes, nonce: bytes) -> bytes:
        """Encrypt, with the name of the key in front."""
        return self._current + nonce + self._keys[self._current].encrypt(nonce, plain, bound_to)

    def open(self, sealed: bytes, *, bound_to: bytes, ref: str) -> bytes:
        """Decrypt, or say whether the key or the record is at fault."""
        key = self._keys.get(sealed[:KEY_ID_BYTES])
        if key is None:
            raise KeyWrong(f"{self._place} has no key for {ref}", place=self._place)
        nonce, body = sealed[KEY_ID_BYTES:][:NONCE_BYTES], sealed[KEY_ID_BYTES + NONCE_BYTES :]
        try:
            return key.decrypt(nonce, body, bound_to)
        except (InvalidTag, ValueError) as error:
            raise SealBroken(f"Record {ref} does not open", place=ref) from error

    def derive(self, purpose: bytes) -> tuple[bytes, ...]:
        """A key for another purpose from each key of the file, the current one first (HKDF, RFC 5869).

        What is done with it tells nothing about the key that seals.
        """
        return tuple(HKDF(SHA256(), KEY_BYTES, salt=None, info=purpose).derive(key) for key in self._listed)

    def knows(self, key_id: bytes) -> bool:
        """Is the key of that name on the ring?"""
        return key_id in self._keys


def create_key_file(path: Path, random_bytes: RandomBytes) -> None:
    """Make a key file that only its owner can read; never over another one."""
    try:
        _write_keys(path, [random_bytes(KEY_BYTES)])
    except FileExistsError as error:
        raise KeyExists(f"{path} is there already", place=str(path)) from error


def rotate_key_file(path: Path, random_bytes: RandomBytes) -> None:
    """Put a new key first; the old ones go on opening what they sealed.

    An old line may be removed once everything sealed with it has expired.
    """
    KeyRing.read(path)
    old = [base64.b64decode(line) for line in path.read_bytes().split()]
    beside = path.with_name(path.name + ".new")
    with suppress(FileNotFoundError):  # Left by a rotation that was cut short.
        beside.unlink()
    _write_keys(beside, [random_bytes(KEY_BYTES), *old])
    beside.replace(path)
    _sync_folder(path.parent)


def _write_keys(path: Path, keys: list[bytes]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(b"".join(base64.b64encode(key) + b"\n" for key in keys))
        file.flush()
        os.fsync(file.fileno())
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _key_id(key: bytes) -> bytes:
    """A key's name: so much of its hash that two keys of one bank never share it, and nothing of the key."""
    return hashlib.sha256(b"openhall key id\0" + key).digest()[:KEY_ID_BYTES]

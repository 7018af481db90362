"""Heads of the log: where each day and the access record ended at a moment, signed, kept in another place.

A chain of hashes shows what was changed in its middle. That its newest end was cut off, or that it was made
anew as a whole, shows only against something that lies elsewhere. So the server itself writes statements,
every hour and each in a file of its own, into a folder that best belongs to another machine. Each names the
hash of the one before, so none can be taken out between two others; each is signed (Ed25519) with a key made
from the installation's, so none can be made up by whoever has the folder and not the key.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text

from openhall.kernel.trouble import Trouble
from openhall.log.access_record import CHAIN_START, End
from openhall.log.keys import KeyRing
from openhall.log.records import Records
from openhall.log.verify import Anchor, Fault

PURPOSE: Final = b"openhall heads of the log"
NAME: Final = re.compile(r"heads-(\d{8})\.json")
DAYS_LOOKED_AT: Final = 2_000
"""Of a statement, when the next one is made; `verify` looks at all of them."""
WHERE: Final = "the heads"
ACCESS_RECORD: Final = "the access record"

_MOVED = text(
    "SELECT stream, seq, hash, position FROM events WHERE position IN"
    " (SELECT max(position) FROM events WHERE position > :after GROUP BY stream) ORDER BY stream"
)
_HASH_AT = text("SELECT hash FROM events WHERE stream = :stream AND seq = :seq")


class HeadsUnwritten(Trouble):
    """The statement of where the log ends could not be put into its folder."""

    code = "heads_unwritten"
    remedy = "See that the folder under [heads] is there and the server may write to it; it tries again."


class Heads(msgspec.Struct, frozen=True):
    """One statement."""

    number: int
    at_ms: int
    kind: Literal["regular", "anew"]
    """`anew`: a backup was put back, or a loss was looked into; what was stated before holds no more."""
    position: int
    """Of the last event that is covered."""
    days: tuple[Anchor, ...]
    """The ends of the days that moved since the statement before."""
    access_row: int
    access_hash: str
    before: str
    """SHA-256 of the statement before."""

    @property
    def access_end(self) -> End:
        """Where the access record ended."""
        return End(self.access_row, bytes.fromhex(self.access_hash))


class Signed(msgspec.Struct, frozen=True):
    """A file: the statement as it was signed, and by which key."""

    statement: msgspec.Raw
    key: str
    signature: str


FIRST: Final = Heads(0, 0, "regular", 0, (), 0, CHAIN_START.hex(), "")
_signed = msgspec.json.Decoder(Signed)
_statement = msgspec.json.Decoder(Heads)


@dataclass(frozen=True)
class Kept:
    """The statements of a folder in their order, and what is wrong with them."""

    statements: tuple[Heads, ...]
    faults: tuple[Fault, ...]
    newest_hash: str = ""
    last_number: int = 0
    """Of the last file, also of one that cannot be read."""

    @property
    def newest(self) -> Heads:
        """The last one, or the beginning of all."""
        return self.statements[-1] if self.statements else FIRST

    @property
    def in_force(self) -> tuple[Heads, ...]:
        """From where it was stated anew."""
        anew = [n for n, each in enumerate(self.statements) if each.kind == "anew"]
        return self.statements[anew[-1] :] if anew else self.statements

    @property
    def anchors(self) -> list[Anchor]:
        """What the log must still contain."""
        return [anchor for each in self.in_force for anchor in each.days]


def read(folder: Path, keys: KeyRing, *, last: int | None = None) -> Kept:
    """The statements of a folder, or its last ones, each signature and their chain looked at. Raises
    `OSError`."""
    known = {_public(key) for key in _private(keys)}
    statements: list[Heads] = []
    faults: list[Fault] = []
    before: str | None = "" if last is None else None
    paths = sorted(each for each in folder.iterdir() if NAME.fullmatch(each.name))
    for path in paths[-last:] if last else paths:
        try:
            signed = _signed.decode(path.read_bytes())
            found = _statement.decode(signed.statement)
            is_ours = signed.key in known and _is_signed(signed, keys)
        except (msgspec.DecodeError, ValueError) as error:
            faults.append(_fault(path, "a statement", str(error)))
            continue
        if not is_ours:
            faults.append(_fault(path, "a signature of this installation's key", "none"))
            continue
        if found.kind == "anew":
            faults.clear()  # Somebody has looked into whatever was wrong before.
        elif before is not None and found.before != before:
            faults.append(_fault(path, "the statement after the one before it", f"number {found.number}"))
        statements.append(found)
        before = hashlib.sha256(bytes(signed.statement)).hexdigest()
    last_number = int(paths[-1].stem.removeprefix("heads-")) if paths else 0
    return Kept(tuple(statements), tuple(faults), before or "", last_number)


def write(folder: Path, statement: Heads, keys: KeyRing) -> Path:
    """Put a statement into its folder, whole or not at all, and never over another one. Raises `OSError`."""
    body = msgspec.json.encode(statement)
    key = _private(keys)[0]
    signed = Signed(msgspec.Raw(body), _public(key), key.sign(body).hex())
    path = folder / f"heads-{statement.number:08d}.json"
    if path.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    part = path.with_suffix(".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(msgspec.json.encode(signed) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    return path


def next_statement(records: Records, kept: Kept, access: End, *, at_ms: int, is_anew: bool) -> Heads:
    """What is to be stated now; `is_anew`: about every day that there is."""
    newest = kept.newest
    with records.reading() as connection:
        rows = connection.execute(_MOVED, {"after": 0 if is_anew else newest.position}).all()
    days = tuple(Anchor(row.stream, row.seq, bytes(row.hash).hex()) for row in rows)
    return Heads(
        number=kept.last_number + 1,
        at_ms=at_ms,
        kind="anew" if is_anew else "regular",
        position=max((row.position for row in rows), default=0 if is_anew else newest.position),
        days=days,
        access_row=access.row,
        access_hash=access.hash.hex(),
        before=kept.newest_hash,
    )


def missed(records: Records, anchors: Sequence[Anchor]) -> Anchor | None:
    """The first of some ends of days that the log does not contain any more; None when it has them all."""
    with records.reading() as connection:
        for anchor in anchors:
            where = {"stream": anchor.stream, "seq": anchor.seq}
            found = connection.execute(_HASH_AT, where).scalar()
            if found is None or bytes(found).hex() != anchor.hash:
                return anchor
    return None


def _is_signed(signed: Signed, keys: KeyRing) -> bool:
    for key in _private(keys):
        if _public(key) == signed.key:
            try:
                key.public_key().verify(bytes.fromhex(signed.signature), bytes(signed.statement))
            except InvalidSignature:
                return False
            return True
    return False


def _private(keys: KeyRing) -> list[Ed25519PrivateKey]:
    return [Ed25519PrivateKey.from_private_bytes(key) for key in keys.derive(PURPOSE)]


def _public(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes_raw().hex()


def _fault(path: Path, expected: str, found: str) -> Fault:
    return Fault("heads", f"{WHERE}, {path.name}", 0, 0, expected, found)


def access_faults(statements: Iterable[Heads], holds: Sequence[bool]) -> list[Fault]:
    """What statements say of the access record and the record does not say any more."""
    return [
        Fault("heads", ACCESS_RECORD, each.access_row, 0, "the row that was stated", "another, or none")
        for each, is_there in zip(statements, holds, strict=True)
        if not is_there
    ]

"""One-time codes (TOTP, RFC 6238) and the recovery codes that stand in for a lost telephone.

The secret lies sealed under a key derived for this purpose alone. A code is good for its own half minute and
one before and after, because clocks differ, and never twice.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import msgspec
import pyotp
from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects.sqlite import insert

from openhall.kernel.clock import SECOND_MS, Clock
from openhall.log.keys import NONCE_BYTES, KeyRing
from openhall.log.schema import second_factors as table

PURPOSE = b"openhall second factors"
SECRET_BYTES = 20
STEP_SECONDS = 30
SKEW_STEPS = 1
RECOVERY_CODES = 8
RECOVERY_BYTES = 10


class Enrolment(msgspec.Struct, frozen=True):
    """A secret to put into an authenticator; it counts once a code made with it has been typed in."""

    secret: str
    address: str
    """`otpauth://...`, as a QR code shows it."""


class SecondFactors:
    """The one-time codes of the accounts of one database. Each call takes the caller's transaction."""

    def __init__(self, keys: KeyRing, clock: Clock, random_bytes: Callable[[int], bytes]) -> None:
        self._keys = KeyRing(keys.derive(PURPOSE))
        self._clock = clock
        self._random_bytes = random_bytes

    def has(self, connection: Connection, name: str) -> bool:
        """Does the account need a code to sign in?"""
        row = _find(connection, name)
        return row is not None and bool(row.is_confirmed)

    def begin(self, connection: Connection, name: str, *, issuer: str) -> Enrolment:
        """A new secret, unconfirmed; one that was begun before and never confirmed is thrown away."""
        secret = base64.b32encode(self._random_bytes(SECRET_BYTES)).decode()
        nonce = self._random_bytes(NONCE_BYTES)
        row = {
            "account": name,
            "sealed": self._keys.seal(secret.encode(), bound_to=_bound_to(name), nonce=nonce),
            "is_confirmed": False,
            "last_step": 0,
            "recovery": b"[]",
            "created_ms": self._clock.now_ms(),
        }
        statement = insert(table).values(row)
        connection.execute(statement.on_conflict_do_update(index_elements=["account"], set_=row))
        return Enrolment(secret, pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=issuer))

    def confirm(self, connection: Connection, name: str, code: str) -> list[str] | None:
        """The recovery codes, when the code shows that the authenticator has the secret; else None."""
        row = _find(connection, name)
        if row is None or row.is_confirmed or not self._take(connection, row, code):
            return None
        codes = [_grouped(self._random_bytes(RECOVERY_BYTES)) for _ in range(RECOVERY_CODES)]
        hashes = msgspec.json.encode([_recovery_hash(name, each) for each in codes])
        connection.execute(_of(name).values(is_confirmed=True, recovery=hashes))
        return codes

    def check(self, connection: Connection, name: str, code: str) -> bool:
        """Is it a right code that was not used before?"""
        row = _find(connection, name)
        return row is not None and bool(row.is_confirmed) and self._take(connection, row, code)

    def use_recovery(self, connection: Connection, name: str, code: str) -> bool:
        """Is it one of the recovery codes? It is spent by that."""
        row = _find(connection, name)
        if row is None or not row.is_confirmed:
            return False
        hashes: list[str] = msgspec.json.decode(row.recovery, type=list[str])
        given = _recovery_hash(name, code)
        left = [each for each in hashes if not hmac.compare_digest(each, given)]
        if len(left) == len(hashes):
            return False
        connection.execute(_of(name).values(recovery=msgspec.json.encode(left)))
        return True

    def recovery_left(self, connection: Connection, name: str) -> int:
        """How many recovery codes are unspent."""
        row = _find(connection, name)
        return 0 if row is None else len(msgspec.json.decode(row.recovery, type=list[str]))

    def remove(self, connection: Connection, name: str) -> None:
        """Let the account sign in without codes, or set them up anew."""
        connection.execute(delete(table).where(table.c.account == name))

    def _take(self, connection: Connection, row: Any, code: str) -> bool:
        """Accept a code of a later step than the last one accepted: a code seen over a shoulder is spent."""
        secret = self._keys.open(bytes(row.sealed), bound_to=_bound_to(row.account), ref="second factor")
        totp, now_step = pyotp.TOTP(secret.decode()), self._clock.now_ms() // (STEP_SECONDS * SECOND_MS)
        digits = "".join(code.split())
        for step in range(now_step - SKEW_STEPS, now_step + SKEW_STEPS + 1):
            if step > row.last_step and hmac.compare_digest(
                totp.generate_otp(step).encode(), digits.encode()
            ):
                connection.execute(_of(row.account).values(last_step=step))
                return True
        return False


def _find(connection: Connection, name: str) -> Any:
    return connection.execute(select(table).where(table.c.account == name)).first()


def _of(name: str) -> Any:
    return update(table).where(table.c.account == name)


def _bound_to(name: str) -> bytes:
    """A secret moved to another account does not open."""
    return f"second factor\n{name}".encode()


def _grouped(random: bytes) -> str:
    """80 bits as four groups of four letters and digits, easy to read and to type."""
    text = base64.b32encode(random).decode().lower()
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def _recovery_hash(name: str, code: str) -> str:
    # 80 random bits cannot be guessed from a plain hash; spaces, dashes and capitals do not matter.
    plain = "".join(sign for sign in code.lower() if sign.isalnum())
    return hashlib.sha256(f"{name}\n{plain}".encode()).hexdigest()

"""A version of the bank is named by its content, so a name can never mean two things."""

from __future__ import annotations

import hashlib

import msgspec

from openhall.network.model import Bank, NetworkVersion

VERSION_LENGTH = 12
"""Hex digits: 48 bits, enough for a bank that changes its configuration every hour for a century."""

_decoder = msgspec.json.Decoder(Bank)


def encode(bank: Bank) -> bytes:
    """The bank as canonical JSON: every field present, keys sorted, no spaces."""
    return msgspec.json.encode(bank, order="sorted")


def decode(body: bytes) -> Bank:
    """The bank that `encode` wrote, in this or an earlier release; msgspec.DecodeError when it is none."""
    return _decoder.decode(body)


def name_of(body: bytes) -> str:
    """The name of a stored version, from its bytes as they are: a later release may encode differently."""
    return hashlib.sha256(body).hexdigest()[:VERSION_LENGTH]


def version_of(bank: Bank) -> NetworkVersion:
    """The bank with the name of its version."""
    return NetworkVersion(version=name_of(encode(bank)), bank=bank)


def read_version(body: bytes) -> NetworkVersion:
    """A stored version under the name that it was stored by."""
    return NetworkVersion(version=name_of(body), bank=decode(body))

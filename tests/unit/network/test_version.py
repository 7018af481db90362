"""Does a version's name stand for its content?"""

import msgspec
import pytest

from openhall.network.sample import sample_bank
from openhall.network.version import decode, encode, name_of, read_version, version_of


def test_the_same_bank_has_the_same_name() -> None:
    again = decode(encode(sample_bank()))
    assert again == sample_bank()
    assert version_of(again).version == version_of(sample_bank()).version


def test_any_change_is_another_version() -> None:
    other = msgspec.structs.replace(sample_bank(), pause_reasons=("break",))
    assert version_of(other).version != version_of(sample_bank()).version


def test_the_name_is_twelve_hex_digits() -> None:
    assert int(version_of(sample_bank()).version, 16) >= 0
    assert len(version_of(sample_bank()).version) == 12


def test_a_stored_version_keeps_its_name_when_a_later_release_writes_more_fields() -> None:
    fields = msgspec.json.decode(encode(sample_bank()))
    del fields["lessons"]
    stored = msgspec.json.encode(fields)
    read = read_version(stored)
    assert read.version == name_of(stored)
    assert read.bank.lessons == ()


def test_what_is_no_bank_does_not_decode() -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(b"{}")

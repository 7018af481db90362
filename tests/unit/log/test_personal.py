"""Is what is known about a person sealed, seen only on the record, and gone in time?"""

import base64
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import select, update

from openhall.kernel.clock import DAY_MS, ManualClock
from openhall.log import personal as module
from openhall.log.personal import (
    KeyExists,
    KeyExposed,
    KeyMissing,
    KeyRing,
    KeyWrong,
    PersonalRecords,
    SealBroken,
    create_key_file,
    rotate_key_file,
)
from openhall.log.schema import personal as table
from openhall.log.sqlite import SqliteStore
from openhall.network.model import PrivacyPolicy

CONTACT = {"name": "王桂兰", "phone": "13900000000"}
START_MS = 1_800_000_000_000
random_bytes = Random(11).randbytes


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with SqliteStore.open(tmp_path / "bank.db") as store:
        yield store


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "personal.key"
    create_key_file(path, random_bytes)
    return path


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START_MS)


@pytest.fixture
def records(store: SqliteStore, key_file: Path, clock: ManualClock) -> PersonalRecords:
    return PersonalRecords(store, KeyRing.read(key_file), clock, random_bytes, PrivacyPolicy())


def with_keys(records: PersonalRecords, keys: KeyRing) -> PersonalRecords:
    return PersonalRecords(records.records, keys, records.clock, random_bytes, records.policy)


def test_what_is_put_can_be_got_with_a_reason(records: PersonalRecords) -> None:
    ref = records.put("north", "contact", CONTACT, "guard-1")
    assert records.get(ref, "lobby-1", "return_lost_card") == CONTACT


def test_every_look_is_written_down(records: PersonalRecords) -> None:
    ref = records.put("north", "contact", CONTACT, "guard-1")
    records.get(ref, "lobby-1", "return_lost_card")
    records.export(ref, "manager-1", "asked_by_customer")
    records.erase(ref, "manager-1", "asked_by_customer")
    assert [(a.actor, a.action, a.reason) for a in records.accesses(ref)] == [
        ("guard-1", "written", "contact"),
        ("lobby-1", "read", "return_lost_card"),
        ("manager-1", "exported", "asked_by_customer"),
        ("manager-1", "erased", "asked_by_customer"),
    ]


def test_the_database_file_holds_nothing_in_clear(records: PersonalRecords, tmp_path: Path) -> None:
    records.put("north", "contact", CONTACT, "guard-1")
    for path in tmp_path.glob("bank.db*"):
        content = path.read_bytes()
        assert all(value.encode() not in content for value in CONTACT.values()), path


def test_what_is_erased_is_gone(records: PersonalRecords) -> None:
    ref = records.put("north", "contact", CONTACT, "guard-1")
    assert records.erase(ref, "manager-1", "asked_by_customer")
    assert records.get(ref, "manager-1", "check") is None
    assert records.export(ref, "manager-1", "check") is None
    assert not records.erase(ref, "manager-1", "asked_by_customer")


def test_an_erased_record_is_overwritten_in_the_file(
    records: PersonalRecords, store: SqliteStore, tmp_path: Path
) -> None:
    ref = records.put("north", "contact", CONTACT, "guard-1")
    with store.reading() as connection:
        sealed = bytes(connection.execute(select(table.c.sealed)).scalar_one())
    records.erase(ref, "manager-1", "asked_by_customer")
    store.close()  # the last connection empties the write-ahead log into the file
    assert all(sealed not in path.read_bytes() for path in tmp_path.glob("bank.db*"))


def test_a_record_expires_after_fourteen_days(records: PersonalRecords, clock: ManualClock) -> None:
    ref = records.put("north", "contact", CONTACT, "guard-1")
    clock.advance(14 * DAY_MS - 1)
    assert records.get(ref, "lobby-1", "check") == CONTACT
    clock.advance(1)
    assert records.get(ref, "lobby-1", "check") is None, "before the clean-up has come by, too"
    found = records.expire()
    assert (found.count, found.oldest_created_ms) == (1, START_MS)
    assert [a.action for a in records.accesses(ref)] == ["written", "read", "expired"]


def test_a_clean_up_takes_all_that_is_due_and_nothing_else(
    records: PersonalRecords, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "EXPIRE_BATCH_ROWS", 3)
    for _ in range(7):
        records.put("north", "contact", CONTACT, "guard-1")
        clock.advance(1)
    clock.set(START_MS + 10 * DAY_MS)
    kept = records.put("north", "contact", CONTACT, "guard-1")
    clock.set(START_MS + 15 * DAY_MS)
    assert records.expire() == module.Expired(7, START_MS)
    assert records.expire() == module.Expired(0, None)
    assert records.get(kept, "lobby-1", "check") == CONTACT


def test_a_shorter_policy_holds_for_new_records(records: PersonalRecords, clock: ManualClock) -> None:
    records.policy = PrivacyPolicy(keep_days=1)
    records.put("north", "contact", CONTACT, "guard-1")
    clock.advance(DAY_MS)
    assert records.expire().count == 1


def test_an_export_holds_all_that_is_known(records: PersonalRecords) -> None:
    ref = records.put("north", "contact", CONTACT, "guard-1")
    found = records.export(ref, "manager-1", "asked_by_customer")
    assert found is not None
    assert (found.branch, found.kind, found.data) == ("north", "contact", CONTACT)
    assert found.expires_ms - found.created_ms == 14 * DAY_MS
    assert [a.action for a in found.accesses] == ["written", "exported"]


@pytest.mark.parametrize("column", ["ref", "branch", "kind"])
def test_a_record_that_was_moved_does_not_open(
    records: PersonalRecords, store: SqliteStore, column: str
) -> None:
    ref = records.put("north", "contact", CONTACT, "guard-1")
    with store.transaction() as connection:
        connection.execute(update(table).values({column: "elsewhere"}))
    with pytest.raises(SealBroken) as caught:
        records.get("elsewhere" if column == "ref" else ref, "lobby-1", "check")
    assert caught.value.code == "seal_broken"


def test_the_wrong_key_is_noticed_at_the_start_and_at_a_look(records: PersonalRecords) -> None:
    ref = records.put("north", "contact", CONTACT, "guard-1")
    wrong = with_keys(records, KeyRing([random_bytes(32)]))
    with pytest.raises(KeyWrong) as caught:
        wrong.check_keys()
    assert caught.value.code == "key_wrong"
    with pytest.raises(KeyWrong):
        wrong.get(ref, "lobby-1", "check")
    records.check_keys()


def test_after_a_rotation_old_records_open_and_new_ones_use_the_new_key(
    records: PersonalRecords, key_file: Path
) -> None:
    old_ref = records.put("north", "contact", CONTACT, "guard-1")
    rotate_key_file(key_file, random_bytes)
    rotated = with_keys(records, KeyRing.read(key_file))
    rotated.check_keys()
    new_ref = rotated.put("north", "contact", CONTACT, "guard-1")
    assert rotated.get(old_ref, "lobby-1", "check") == CONTACT
    assert rotated.get(new_ref, "lobby-1", "check") == CONTACT
    with pytest.raises(KeyWrong):
        records.get(new_ref, "lobby-1", "check")


def test_a_rotation_that_was_cut_short_can_be_done_again(key_file: Path) -> None:
    key_file.with_name("personal.key.new").write_bytes(b"half a li")
    before = key_file.read_bytes()
    rotate_key_file(key_file, random_bytes)
    assert key_file.read_bytes().endswith(before)
    assert len(key_file.read_bytes().split()) == 2


def test_a_key_file_is_for_its_owner_alone(key_file: Path) -> None:
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    rotate_key_file(key_file, random_bytes)
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600


def test_a_key_file_that_others_may_read_is_refused(key_file: Path) -> None:
    key_file.chmod(0o640)
    with pytest.raises(KeyExposed) as caught:
        KeyRing.read(key_file)
    assert "chmod 600" in caught.value.remedy


def test_a_key_file_is_never_overwritten(key_file: Path) -> None:
    before = key_file.read_bytes()
    with pytest.raises(KeyExists):
        create_key_file(key_file, random_bytes)
    assert key_file.read_bytes() == before


def test_a_missing_key_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyMissing) as caught:
        KeyRing.read(tmp_path / "gone.key")
    assert caught.value.code == "key_missing"
    assert "gone.key" in caught.value.place


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b"not base64!\n", "another kind of file"),
        (base64.b64encode(b"short") + b"\n", "a key of the wrong length"),
    ],
)
def test_a_file_that_is_no_key_file_is_refused_without_its_content(
    tmp_path: Path, content: bytes, why: str
) -> None:
    path = tmp_path / "odd.key"
    path.write_bytes(content)
    os.chmod(path, 0o600)
    with pytest.raises(KeyWrong) as caught:
        KeyRing.read(path)
    assert not content or content.decode().strip() not in str(caught.value), why


@pytest.mark.parametrize("reason", ["", "Mrs Wang forgot her card", "王桂兰", "x" * 80])
def test_a_reason_is_a_word_from_a_list(records: PersonalRecords, reason: str) -> None:
    ref = records.put("north", "contact", CONTACT, "guard-1")
    with pytest.raises(ValueError, match="Expected reason") as caught:
        records.get(ref, "lobby-1", reason)
    assert not reason or reason not in str(caught.value)
    assert len(records.accesses(ref)) == 1


def test_data_that_is_too_long_is_refused_without_being_shown(records: PersonalRecords) -> None:
    with pytest.raises(ValueError, match="at most 4096 bytes") as caught:
        records.put("north", "contact", {"name": "secret " * 1_000}, "guard-1")
    assert "secret" not in str(caught.value)

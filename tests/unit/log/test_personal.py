"""Is what is known about a person sealed, seen only on the record, and gone in time?"""

import base64
import hashlib
import os
import stat
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import delete, select, update

from openhall.kernel.clock import DAY_MS, ManualClock
from openhall.kernel.refusal import Refusal
from openhall.kernel.text import Text
from openhall.log import personal as module
from openhall.log.keys import (
    KeyExists,
    KeyExposed,
    KeyMissing,
    KeyRing,
    KeyWrong,
    SealBroken,
    create_key_file,
    rotate_key_file,
)
from openhall.log.personal import PersonalRecords
from openhall.log.schema import personal as table
from openhall.log.schema import personal_marks
from openhall.log.sqlite import SqliteStore
from openhall.network.model import ConsentText, PrivacyPolicy

CONTACT = {"name": "王桂兰", "phone": "13900000000"}
START_MS = 1_800_000_000_000
random_bytes = Random(11).randbytes


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


def put(
    records: PersonalRecords, branch: str, kind: str, data: dict[str, str], actor: str, consent: str = ""
) -> str:
    """Keep something that is not kept yet."""
    wording = records.consent(kind)
    version = consent or (wording.version if wording else "")
    ref = records.put_once(branch, kind, data, actor, key=random_bytes(8).hex(), consent=version)
    assert isinstance(ref, str), ref
    return ref


def with_keys(records: PersonalRecords, keys: KeyRing) -> PersonalRecords:
    return PersonalRecords(records.records, keys, records.clock, random_bytes, records.policy)


def test_what_is_put_can_be_got_with_a_reason(records: PersonalRecords) -> None:
    ref = put(records, "north", "contact", CONTACT, "guard-1")
    assert records.get(ref, "lobby-1", "return_lost_card") == CONTACT


def test_every_look_is_written_down(records: PersonalRecords) -> None:
    ref = put(records, "north", "contact", CONTACT, "guard-1")
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
    put(records, "north", "contact", CONTACT, "guard-1")
    for path in tmp_path.glob("bank.db*"):
        content = path.read_bytes()
        assert all(value.encode() not in content for value in CONTACT.values()), path


def test_what_is_erased_is_gone(records: PersonalRecords) -> None:
    ref = put(records, "north", "contact", CONTACT, "guard-1")
    assert records.erase(ref, "manager-1", "asked_by_customer")
    assert records.get(ref, "manager-1", "check") is None
    assert records.export(ref, "manager-1", "check") is None
    assert not records.erase(ref, "manager-1", "asked_by_customer")


def test_an_erased_record_is_overwritten_in_the_file(
    records: PersonalRecords, store: SqliteStore, tmp_path: Path
) -> None:
    ref = put(records, "north", "contact", CONTACT, "guard-1")
    with store.reading() as connection:
        sealed = bytes(connection.execute(select(table.c.sealed)).scalar_one())
    records.erase(ref, "manager-1", "asked_by_customer")
    store.close()  # the last connection empties the write-ahead log into the file
    assert all(sealed not in path.read_bytes() for path in tmp_path.glob("bank.db*"))


def test_a_record_expires_after_fourteen_days(records: PersonalRecords, clock: ManualClock) -> None:
    ref = put(records, "north", "contact", CONTACT, "guard-1")
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
        put(records, "north", "contact", CONTACT, "guard-1")
        clock.advance(1)
    clock.set(START_MS + 10 * DAY_MS)
    kept = put(records, "north", "contact", CONTACT, "guard-1")
    clock.set(START_MS + 15 * DAY_MS)
    now_ms, due_ms = clock.now_ms(), START_MS + 24 * DAY_MS
    assert records.expire() == module.Expired(now_ms, 7, START_MS, 1, due_ms)
    assert records.expire() == module.Expired(now_ms, 0, None, 1, due_ms)
    assert records.get(kept, "lobby-1", "check") == CONTACT


def test_a_shorter_policy_holds_for_new_records(records: PersonalRecords, clock: ManualClock) -> None:
    records.policy = PrivacyPolicy(keep_days=1)
    put(records, "north", "contact", CONTACT, "guard-1")
    clock.advance(DAY_MS)
    assert records.expire().count == 1


def test_an_export_holds_all_that_is_known(records: PersonalRecords) -> None:
    ref = put(records, "north", "contact", CONTACT, "guard-1")
    found = records.export(ref, "manager-1", "asked_by_customer")
    assert found is not None
    assert (found.branch, found.kind, found.data) == ("north", "contact", CONTACT)
    assert found.expires_ms - found.created_ms == 14 * DAY_MS
    assert [a.action for a in found.accesses] == ["written", "exported"]


@pytest.mark.parametrize("column", ["ref", "branch", "kind"])
def test_a_record_that_was_moved_does_not_open(
    records: PersonalRecords, store: SqliteStore, column: str
) -> None:
    ref = put(records, "north", "contact", CONTACT, "guard-1")
    with store.transaction() as connection:
        connection.execute(delete(personal_marks))
        connection.execute(update(table).values({column: "elsewhere"}))
    with pytest.raises(SealBroken) as caught:
        records.get("elsewhere" if column == "ref" else ref, "lobby-1", "check")
    assert caught.value.code == "seal_broken"


def test_the_wrong_key_is_noticed_at_the_start_and_at_a_look(records: PersonalRecords) -> None:
    ref = put(records, "north", "contact", CONTACT, "guard-1")
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
    old_ref = put(records, "north", "contact", CONTACT, "guard-1")
    rotate_key_file(key_file, random_bytes)
    rotated = with_keys(records, KeyRing.read(key_file))
    rotated.check_keys()
    new_ref = put(rotated, "north", "contact", CONTACT, "guard-1")
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
    ref = put(records, "north", "contact", CONTACT, "guard-1")
    with pytest.raises(ValueError, match="Expected reason") as caught:
        records.get(ref, "lobby-1", reason)
    assert not reason or reason not in str(caught.value)
    assert len(records.accesses(ref)) == 1


def test_data_that_is_too_long_is_refused_without_being_shown(records: PersonalRecords) -> None:
    with pytest.raises(ValueError, match="at most 4096 bytes") as caught:
        put(records, "north", "contact", {"name": "secret " * 1_000}, "guard-1")
    assert "secret" not in str(caught.value)


# --- consent -----------------------------------------------------------------------------------------


def test_a_contact_is_kept_with_the_version_of_the_wording_that_was_shown(records: PersonalRecords) -> None:
    shown = records.consent("contact")
    assert shown is not None
    ref = put(records, "north", "contact", CONTACT, "guard-1")
    found = records.export(ref, "manager-1", "asked_by_customer")
    assert found is not None
    assert (found.consent, found.agreed_to) == (shown.version, shown.text)


@pytest.mark.parametrize(
    ("version", "code", "reason"),
    [
        ("", "consent_missing", "nothing was shown"),
        ("000000000000", "consent_outdated", "another wording was shown"),
    ],
)
def test_nothing_is_kept_without_the_present_wording(
    records: PersonalRecords, store: SqliteStore, version: str, code: str, reason: str
) -> None:
    refused = records.put_once("north", "contact", CONTACT, "guard-1", key="1", consent=version)
    assert isinstance(refused, Refusal), reason
    assert refused.code == code
    with store.reading() as connection:
        assert connection.execute(select(table)).all() == []


def test_a_new_wording_is_a_new_version_and_the_old_one_can_still_be_read(records: PersonalRecords) -> None:
    ref = put(records, "north", "contact", CONTACT, "guard-1")
    old = records.consent("contact")
    policy = PrivacyPolicy(consents=(ConsentText("contact", Text(en="New words.", zh="新的说明。")),))
    changed = PersonalRecords(records.records, records.keys, records.clock, random_bytes, policy)
    new = changed.consent("contact")
    assert old is not None
    assert new is not None
    assert new.version != old.version
    found = changed.export(ref, "manager-1", "asked_by_customer")
    assert found is not None
    assert found.agreed_to == old.text
    assert isinstance(
        changed.put_once("north", "contact", CONTACT, "guard-1", key="2", consent=old.version), Refusal
    )


def test_a_wording_published_while_the_server_runs_can_be_read_for_good(records: PersonalRecords) -> None:
    """Published, agreed to, and replaced again, all without a restart."""
    words = Text(en="For this week only.", zh="仅限本周。")
    first = records.policy
    records.policy = PrivacyPolicy(consents=(ConsentText("contact", words),))
    ref = put(records, "north", "contact", CONTACT, "guard-1")
    records.policy = first
    found = records.export(ref, "manager-1", "asked_by_customer")
    assert found is not None
    assert found.agreed_to == words


def test_what_is_given_unasked_needs_no_consent(records: PersonalRecords) -> None:
    assert records.consent("feedback") is None
    assert isinstance(records.put_once("north", "feedback", {"text": "Thank you"}, "holder", key="1"), str)


# --- one person --------------------------------------------------------------------------------------


def test_erased_is_all_of_it_however_much_it_is(
    records: PersonalRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("openhall.log.personal.RECORDS_OF_ONE_AT_MOST", 3)
    for _ in range(7):
        put(records, "north", "contact", CONTACT, "guard-1")
    assert records.erase_all(CONTACT["phone"], "north", "manager-1", "customer_request") == 7
    assert records.find(CONTACT["phone"], "north", "manager-1", "customer_request") == []


def test_all_that_is_kept_of_one_person_is_found_by_number_or_address_however_it_is_written(
    records: PersonalRecords,
) -> None:
    mine = [
        put(records, "north", "contact", {"phone": "+86 139 0000 0000"}, "guard-1"),
        put(records, "north", "notice", {"phone": "13900000000", "mail": "Gui.Lan@Example.cn"}, "guard-1"),
        put(records, "north", "feedback", {"text": "Please call 139-0000-0000, thank you"}, "guard-1"),
    ]
    put(records, "north", "contact", {"phone": "13900000001"}, "guard-1")
    put(records, "south", "contact", CONTACT, "guard-2")
    found = records.find("１３９ 0000 0000", "north", "manager-1", "customer_request")
    assert {each.ref for each in found} == set(mine)
    assert [each.ref for each in records.find(" gui.lan@example.CN ", "north", "m", "check")] == [mine[1]]
    assert records.find("Wang", "north", "manager-1", "check") == [], "a name is no way to find somebody"


def test_a_search_an_export_and_an_erasure_are_in_the_access_list_of_every_record(
    records: PersonalRecords,
) -> None:
    refs = [put(records, "north", kind, CONTACT, "guard-1") for kind in ("contact", "notice")]
    exports = records.export_all(CONTACT["phone"], "north", "manager-1", "customer_request")
    assert [e.data for e in exports] == [CONTACT, CONTACT]
    assert records.erase_all(CONTACT["phone"], "north", "manager-1", "customer_request") == 2
    assert records.find(CONTACT["phone"], "north", "manager-1", "check") == []
    for ref in refs:
        said = [(a.action, a.branch) for a in records.accesses(ref)]
        assert said == [(name, "north") for name in ("written", "found", "exported", "erased")]


def test_the_search_keeps_no_number_in_clear_and_nothing_that_can_be_guessed_without_the_key(
    records: PersonalRecords, store: SqliteStore, tmp_path: Path
) -> None:
    put(records, "north", "contact", CONTACT, "guard-1")
    with store.reading() as connection:
        marks = list(connection.execute(select(personal_marks.c.mark)).scalars())
    assert len(marks) == 1
    assert hashlib.sha256(CONTACT["phone"].encode()).digest()[:16] != bytes(marks[0])
    store.close()
    assert all(CONTACT["phone"].encode() not in path.read_bytes() for path in tmp_path.glob("bank.db*"))


def test_records_are_found_after_the_key_was_rotated(records: PersonalRecords, key_file: Path) -> None:
    ref = put(records, "north", "contact", CONTACT, "guard-1")
    rotate_key_file(key_file, random_bytes)
    rotated = with_keys(records, KeyRing.read(key_file))
    assert [each.ref for each in rotated.find(CONTACT["phone"], "north", "manager-1", "check")] == [ref]


def test_marks_go_with_their_record(records: PersonalRecords, store: SqliteStore, clock: ManualClock) -> None:
    put(records, "north", "contact", CONTACT, "guard-1")
    clock.advance(15 * DAY_MS)
    records.expire()
    with store.reading() as connection:
        assert connection.execute(select(personal_marks)).all() == []


# --- evidence ----------------------------------------------------------------------------------------


def test_every_clean_up_leaves_evidence_also_one_that_found_nothing(
    records: PersonalRecords, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CLEAN_UPS_KEPT", 2)
    put(records, "north", "contact", CONTACT, "guard-1")
    records.expire()
    clock.advance(14 * DAY_MS)
    records.expire()
    clock.advance(DAY_MS)
    records.expire()
    assert records.clean_ups(10) == [
        module.Expired(START_MS + 15 * DAY_MS, 0, None, 0, None),
        module.Expired(START_MS + 14 * DAY_MS, 1, START_MS, 0, None),
    ]


def test_the_access_list_is_shown_by_branch_and_filtered(records: PersonalRecords) -> None:
    ref = put(records, "north", "contact", CONTACT, "guard-1")
    put(records, "south", "contact", CONTACT, "guard-2")
    records.get(ref, "lobby-1", "call_customer")
    assert [a.actor for a in records.access_list("north", limit=10)] == ["lobby-1", "guard-1"]
    assert [a.action for a in records.access_list("north", actor="lobby-1", limit=10)] == ["read"]
    assert [a.actor for a in records.access_list("north", action="written", limit=10)] == ["guard-1"]
    assert records.access_list("north", ref="no such", limit=10) == []
    assert len(records.access_list("north", limit=1)) == 1

"""Can only those sign in who may, and for as long as they may?"""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from openhall.kernel.clock import DAY_MS, HOUR_MS, ManualClock
from openhall.kernel.refusal import Refusal
from openhall.log.accounts import REFUSALS, Account, Accounts, AccountSettings, SignedIn
from openhall.log.schema import accounts as accounts_table
from openhall.log.schema import sessions as sessions_table
from openhall.log.sqlite import SqliteStore
from openhall.network.model import Role

PASSWORD = "correct horse 窗口"
CHEAP = AccountSettings(hash_memory_kib=8, hash_passes=1)
"""Argon2 at its lowest cost: these tests are about rules, not about attackers."""


@pytest.fixture
def accounts(store: SqliteStore, clock: ManualClock, random_bytes: Callable[[int], bytes]) -> Accounts:
    made = Accounts(store, clock, random_bytes, CHEAP)
    made.create("mei", "teller", PASSWORD, branch="north", person_id="p-mei")
    return made


def signed_in(accounts: Accounts, name: str = "mei", password: str = PASSWORD) -> SignedIn:
    found = accounts.sign_in(name, password)
    assert isinstance(found, SignedIn)
    return found


def stored_hash(store: SqliteStore) -> str:
    with store.reading() as connection:
        return str(connection.execute(select(accounts_table.c.password_hash)).scalar_one())


def test_who_signs_in_is_known_by_the_token(accounts: Accounts) -> None:
    token = signed_in(accounts).token
    assert accounts.who(token) == Account("mei", "teller", "north", "p-mei")


@pytest.mark.parametrize(
    ("name", "password", "why"),
    [
        ("mei", "wrong password", "a wrong password"),
        ("lan", PASSWORD, "an unknown name"),
        ("mei", "", "no password"),
        ("mei", PASSWORD * 100_000, "a password of megabytes"),
        ("MEI", PASSWORD, "names are in small letters"),
        ("mei' OR 1=1 --", PASSWORD, "a name is data, not a query"),
    ],
)
def test_every_failure_to_sign_in_looks_the_same(
    accounts: Accounts, name: str, password: str, why: str
) -> None:
    assert accounts.sign_in(name, password) == Refusal("sign_in_failed"), why


class CountingHasher(PasswordHasher):
    """Argon2 that remembers how much work it was asked to do."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.verified: list[str] = []

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002 - the library's name
        self.verified.append(str(hash))
        return super().verify(hash, password)


@pytest.mark.parametrize("name", ["mei", "lan"])
def test_an_unknown_name_costs_the_same_hashing_as_a_known_one(
    accounts: Accounts, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hasher = CountingHasher()
    monkeypatch.setattr(accounts, "_hasher", hasher)
    accounts.sign_in(name, "wrong password")
    assert len(hasher.verified) == 1
    assert "m=8,t=1,p=1" in hasher.verified[0]


def test_a_password_typed_in_full_width_is_the_same_password(accounts: Accounts) -> None:
    accounts.set_password("mei", "Hal1234567")
    assert signed_in(accounts, password="Ｈａｌ１２３４５６７")


def test_only_the_hash_of_a_token_is_stored(accounts: Accounts, store: SqliteStore) -> None:
    token = signed_in(accounts).token
    with store.reading() as connection:
        stored = connection.execute(select(sessions_table.c.token_hash)).scalar_one()
    assert stored == hashlib.sha256(token.encode()).digest()
    assert len(token) >= 43  # 256 bits in base64


def test_asking_who_somebody_is_does_not_touch_the_database(accounts: Accounts, store: SqliteStore) -> None:
    token = signed_in(accounts).token
    store.close()
    assert accounts.who(token) is not None
    assert accounts.who("no such token") is None


def test_a_restart_signs_nobody_out(
    accounts: Accounts, store: SqliteStore, clock: ManualClock, random_bytes: Callable[[int], bytes]
) -> None:
    token = signed_in(accounts).token
    assert Accounts(store, clock, random_bytes, CHEAP).who(token) == accounts.who(token)


def test_signing_out_ends_the_session_for_good(
    accounts: Accounts, store: SqliteStore, clock: ManualClock, random_bytes: Callable[[int], bytes]
) -> None:
    token, other = signed_in(accounts).token, signed_in(accounts).token
    accounts.sign_out(token)
    accounts.sign_out(token)
    for asked in (accounts, Accounts(store, clock, random_bytes, CHEAP)):
        assert asked.who(token) is None
        assert asked.who(other) is not None


@pytest.mark.parametrize(
    ("role", "length_ms"),
    [("teller", 12 * HOUR_MS), ("kiosk", 30 * DAY_MS), ("display", 30 * DAY_MS)],
)
def test_a_session_ends_by_itself(accounts: Accounts, clock: ManualClock, role: Role, length_ms: int) -> None:
    accounts.create("new", role, PASSWORD, branch="north")
    token = signed_in(accounts, "new").token
    clock.advance(length_ms - 1)
    assert accounts.who(token) is not None
    clock.advance(1)
    assert accounts.who(token) is None


def test_expired_sessions_are_forgotten(accounts: Accounts, store: SqliteStore, clock: ManualClock) -> None:
    signed_in(accounts)
    clock.advance(12 * HOUR_MS)
    assert accounts.drop_expired() == 1
    with store.reading() as connection:
        assert connection.execute(select(sessions_table)).all() == []


@pytest.mark.parametrize("change", ["disable", "set_password"])
def test_a_change_of_the_account_ends_its_sessions(accounts: Accounts, change: str) -> None:
    token = signed_in(accounts).token
    if change == "disable":
        accounts.disable("mei")
    else:
        accounts.set_password("mei", "another password")
    assert accounts.who(token) is None
    assert accounts.sign_in("mei", PASSWORD) == Refusal("sign_in_failed")


def test_a_disabled_account_can_be_enabled_again(accounts: Accounts) -> None:
    accounts.disable("mei")
    assert [account.is_disabled for account in accounts.every()] == [True]
    accounts.enable("mei")
    assert signed_in(accounts)


def test_the_oldest_session_gives_way_beyond_the_limit(
    store: SqliteStore, clock: ManualClock, random_bytes: Callable[[int], bytes]
) -> None:
    few = Accounts(store, clock, random_bytes, replace(CHEAP, sessions_per_account_at_most=2))
    few.create("mei", "teller", PASSWORD, branch="north")
    tokens = [signed_in(few).token for _ in range(3)]
    assert [few.who(token) is not None for token in tokens] == [False, True, True]


def test_a_password_is_hashed_anew_when_the_cost_has_changed(
    accounts: Accounts, store: SqliteStore, clock: ManualClock, random_bytes: Callable[[int], bytes]
) -> None:
    signed_in(accounts)
    before = stored_hash(store)
    dearer = Accounts(store, clock, random_bytes, replace(CHEAP, hash_passes=2))
    signed_in(dearer)
    after = stored_hash(store)
    assert "t=1" in before
    assert "t=2" in after
    signed_in(dearer)
    assert stored_hash(store) == after


@pytest.mark.parametrize(
    ("name", "role", "branch", "password", "code"),
    [
        ("mei", "teller", "north", PASSWORD, "account_exists"),
        ("Mei", "teller", "north", PASSWORD, "account_name_invalid"),
        ("", "teller", "north", PASSWORD, "account_name_invalid"),
        ("lan", "teller", None, PASSWORD, "account_branch_wrong"),
        ("lan", "operations", "north", PASSWORD, "account_branch_wrong"),
        ("lan", "teller", "north", "short", "password_too_short"),
        ("lan", "teller", "north", "x" * 257, "password_too_long"),
    ],
)
def test_an_account_that_makes_no_sense_is_refused(
    accounts: Accounts, name: str, role: Role, branch: str | None, password: str, code: str
) -> None:
    refusal = accounts.create(name, role, password, branch=branch)
    assert isinstance(refusal, Refusal)
    assert refusal.code == code
    assert code in REFUSALS
    assert PASSWORD not in repr(refusal)


def test_an_unknown_account_cannot_be_changed(accounts: Accounts) -> None:
    assert accounts.disable("lan") == Refusal("account_unknown", place="name")
    assert accounts.set_password("lan", PASSWORD) == Refusal("account_unknown", place="name")


@pytest.mark.parametrize(
    "wrong", [lambda: AccountSettings(password_length_min=0), lambda: AccountSettings(session_ms=0)]
)
def test_settings_out_of_range_are_named(wrong: Callable[[], AccountSettings]) -> None:
    with pytest.raises(ValueError, match="Expected"):
        wrong()

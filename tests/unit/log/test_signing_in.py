"""Signing in step by step: codes, locks, one's own passwords, sessions that lie idle, what is on record."""

import threading
from collections.abc import Callable
from dataclasses import replace

import pyotp
import pytest
from sqlalchemy import select, text

from openhall.access.lock_out import LockOutPolicy
from openhall.kernel.clock import HOUR_MS, MINUTE_MS, ManualClock
from openhall.kernel.refusal import Refusal
from openhall.log.accounts import REFUSALS, Account, Accounts, AccountSettings, SignedIn
from openhall.log.failed_sign_ins import NAMES_AT_MOST, FailedSignIns
from openhall.log.keys import KeyRing, SealBroken
from openhall.log.schema import second_factors, sign_in_failures
from openhall.log.second_factors import RECOVERY_CODES, STEP_SECONDS
from openhall.log.sqlite import SqliteStore

PASSWORD = "correct horse 窗口"
OTHER = "battery staple 柜台"
CHEAP = AccountSettings(
    hash_memory_kib=8,
    hash_passes=1,
    lock_out=LockOutPolicy(failures_at_most=3),
    idle_minutes={"teller": 30},
    code_roles=frozenset({"operations"}),
)
KEYS = KeyRing([bytes(range(32))])
STEP_MS = STEP_SECONDS * 1_000


@pytest.fixture
def accounts(store: SqliteStore, clock: ManualClock, random_bytes: Callable[[int], bytes]) -> Accounts:
    made = Accounts(store, clock, random_bytes, CHEAP, KEYS)
    made.create("mei", "teller", PASSWORD, branch="north", person_id="p-mei")
    return made


def went(answer: SignedIn | Refusal) -> SignedIn:
    assert isinstance(answer, SignedIn), answer
    return answer


def code(answer: object) -> str:
    return answer.code if isinstance(answer, Refusal) else ""


def with_codes(accounts: Accounts, clock: ManualClock, name: str = "mei") -> tuple[pyotp.TOTP, list[str]]:
    """Set up one-time codes; the authenticator, and the recovery codes."""
    token = went(accounts.sign_in(name, PASSWORD)).token
    begun = accounts.begin_codes(token, password=PASSWORD, issuer="Bank")
    assert not isinstance(begun, Refusal)
    totp = pyotp.TOTP(begun.secret)
    done = accounts.confirm_codes(token, totp.at(clock.now_ms() // 1_000))
    assert not isinstance(done, Refusal)
    clock.advance(STEP_MS)
    return totp, done[1]


def shown(totp: pyotp.TOTP, clock: ManualClock, *, steps: int = 0) -> str:
    """What the authenticator shows now, or showed so many half minutes ago."""
    return totp.at(clock.now_ms() // 1_000, counter_offset=steps)


def actions(accounts: Accounts) -> list[str]:
    return [entry.action for entry in reversed(accounts.record.entries())]


# Initial passwords -------------------------------------------------------------------------------------


def test_an_initial_password_opens_nothing_until_it_is_changed(accounts: Accounts) -> None:
    accounts.create("lan", "teller", PASSWORD, branch="north", must_change=True)
    first = went(accounts.sign_in("lan", PASSWORD))
    assert first.session.step == "password"
    assert accounts.who(first.token) is None
    assert code(accounts.choose_password(first.token, PASSWORD)) == "password_unchanged"
    assert code(accounts.choose_password(first.token, "1234567890")) == "password_too_common"
    then = went(accounts.choose_password(first.token, OTHER))
    assert accounts.who(then.token) == Account("lan", "teller", "north")
    assert accounts.session(first.token) is None, "the token of before is worth nothing"
    assert went(accounts.sign_in("lan", OTHER)).session.step == ""
    assert actions(accounts)[-4:] == ["created", "password_changed", "signed_in", "signed_in"]


def test_a_device_is_asked_for_nothing_more(accounts: Accounts) -> None:
    accounts.create("screen", "display", PASSWORD, branch="north", must_change=True)
    assert went(accounts.sign_in("screen", PASSWORD)).session.step == ""


# One-time codes ----------------------------------------------------------------------------------------


def test_with_codes_a_password_alone_opens_nothing(accounts: Accounts, clock: ManualClock) -> None:
    totp, _ = with_codes(accounts, clock)
    half = went(accounts.sign_in("mei", PASSWORD))
    assert (half.session.step, accounts.who(half.token)) == ("code", None)
    whole = went(accounts.give_code(half.token, shown(totp, clock)))
    assert accounts.who(whole.token) is not None
    assert accounts.session(half.token) is None


@pytest.mark.parametrize(
    ("steps", "is_right", "why"),
    [
        (0, True, "now"),
        (-1, True, "a telephone half a minute slow"),
        (1, True, "or fast"),
        (-2, False, "a minute old"),
        (2, False, "of a minute to come"),
    ],
)
def test_clocks_may_differ_by_one_step(
    accounts: Accounts, clock: ManualClock, steps: int, is_right: bool, why: str
) -> None:
    totp, _ = with_codes(accounts, clock)
    clock.advance(5 * STEP_MS)
    half = went(accounts.sign_in("mei", PASSWORD))
    given = accounts.give_code(half.token, shown(totp, clock, steps=steps))
    assert isinstance(given, SignedIn) == is_right, why


def test_a_code_seen_over_a_shoulder_is_spent(accounts: Accounts, clock: ManualClock) -> None:
    totp, _ = with_codes(accounts, clock)
    seen = shown(totp, clock)
    went(accounts.give_code(went(accounts.sign_in("mei", PASSWORD)).token, seen))
    again = went(accounts.sign_in("mei", PASSWORD))
    assert code(accounts.give_code(again.token, seen)) == "code_wrong"
    earlier = shown(totp, clock, steps=-1)
    assert code(accounts.give_code(again.token, earlier)) == "code_wrong", "nor one from before it"


def test_a_recovery_code_signs_in_once(accounts: Accounts, clock: ManualClock) -> None:
    _, recovery = with_codes(accounts, clock)
    assert len(set(recovery)) == RECOVERY_CODES
    half = went(accounts.sign_in("mei", PASSWORD))
    went(accounts.give_code(half.token, recovery[0].upper().replace("-", " ")))
    assert accounts.codes_left("mei") == RECOVERY_CODES - 1
    half = went(accounts.sign_in("mei", PASSWORD))
    assert code(accounts.give_code(half.token, recovery[0])) == "code_wrong"
    assert "recovery_code_used" in actions(accounts)


def test_wrong_codes_lock_as_wrong_passwords_do(accounts: Accounts, clock: ManualClock) -> None:
    totp, _ = with_codes(accounts, clock)
    half = went(accounts.sign_in("mei", PASSWORD))
    answers = [code(accounts.give_code(half.token, "000000")) for _ in range(4)]
    assert answers == ["code_wrong", "code_wrong", "code_wrong", "sign_in_paused"]
    assert code(accounts.give_code(half.token, shown(totp, clock))) == "sign_in_paused", "the right one too"


def test_a_role_that_needs_codes_sets_them_up_before_anything_else(
    accounts: Accounts, clock: ManualClock
) -> None:
    accounts.create("ops", "operations", PASSWORD, must_change=True)
    first = went(accounts.sign_in("ops", PASSWORD))
    second = went(accounts.choose_password(first.token, OTHER))
    assert second.session.step == "enrol"
    assert accounts.who(second.token) is None
    begun = accounts.begin_codes(second.token, issuer="Bank")
    assert not isinstance(begun, Refusal)
    assert begun.address.startswith("otpauth://totp/Bank:ops?")
    assert code(accounts.confirm_codes(second.token, "000000")) == "code_wrong"
    done = accounts.confirm_codes(second.token, pyotp.TOTP(begun.secret).at(clock.now_ms() // 1_000))
    assert not isinstance(done, Refusal)
    token = done[0].token
    assert accounts.who(token) is not None
    assert code(accounts.remove_codes(token, OTHER)) == "codes_required"


def test_codes_are_set_up_and_removed_with_the_password_only(accounts: Accounts, clock: ManualClock) -> None:
    token = went(accounts.sign_in("mei", PASSWORD)).token
    assert code(accounts.begin_codes(token, password="guessed once more", issuer="Bank")) == "password_wrong"
    with_codes(accounts, clock)
    half = went(accounts.sign_in("mei", PASSWORD))
    assert code(accounts.begin_codes(half.token, issuer="Bank")) == "step_over", "not at the step of the code"
    assert code(accounts.begin_codes(token, password=PASSWORD, issuer="Bank")) == "codes_exist"
    assert code(accounts.remove_codes(token, "guessed once more")) == "password_wrong"
    assert accounts.remove_codes(token, PASSWORD) is None
    assert went(accounts.sign_in("mei", PASSWORD)).session.step == ""


def test_the_secret_lies_sealed_and_opens_for_its_account_alone(
    accounts: Accounts, clock: ManualClock, store: SqliteStore, random_bytes: Callable[[int], bytes]
) -> None:
    totp, _ = with_codes(accounts, clock)
    with store.reading() as connection:
        row = connection.execute(select(second_factors)).one()
    assert totp.secret.encode() not in bytes(row.sealed)
    assert totp.secret not in str(row.recovery)
    restarted = Accounts(store, clock, random_bytes, CHEAP, KEYS)
    half = went(restarted.sign_in("mei", PASSWORD))
    went(restarted.give_code(half.token, shown(totp, clock)))
    with store.transaction() as connection:
        connection.execute(text("PRAGMA defer_foreign_keys = ON"))
        connection.execute(text("DELETE FROM sessions"))
        connection.execute(text("UPDATE second_factors SET account = 'lan'"))
        connection.execute(text("UPDATE accounts SET name = 'lan'"))
    clock.advance(STEP_MS)
    with pytest.raises(SealBroken):
        restarted.give_code(went(restarted.sign_in("lan", PASSWORD)).token, shown(totp, clock))


# Locks -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mei", "nobody-of-that-name"])
def test_a_lock_tells_nobody_whether_the_name_exists(
    accounts: Accounts, clock: ManualClock, name: str
) -> None:
    answers = [code(accounts.sign_in(name, "wrong password")) for _ in range(4)]
    assert answers == ["sign_in_failed"] * 3 + ["sign_in_paused"]
    clock.advance(MINUTE_MS)
    answers = [code(accounts.sign_in(name, "wrong password")) for _ in range(2)]
    assert answers == ["sign_in_failed", "sign_in_paused"], "the second lock is longer, in both cases"


def test_a_lock_holds_over_a_restart_and_keeps_out_the_right_password(
    accounts: Accounts, store: SqliteStore, clock: ManualClock, random_bytes: Callable[[int], bytes]
) -> None:
    for _ in range(3):
        accounts.sign_in("mei", "wrong password")
    restarted = Accounts(store, clock, random_bytes, CHEAP, KEYS)
    assert code(restarted.sign_in("mei", PASSWORD)) == "sign_in_paused"
    clock.advance(MINUTE_MS)
    assert went(restarted.sign_in("mei", PASSWORD))
    assert code(restarted.sign_in("mei", "wrong password")) == "sign_in_failed", (
        "counted from the start again"
    )


def test_a_crowd_of_guesses_does_not_overtake_the_lock(accounts: Accounts) -> None:
    answers: list[str] = []
    crowd = [
        threading.Thread(target=lambda: answers.append(code(accounts.sign_in("mei", "wrong password"))))
        for _ in range(12)
    ]
    for each in crowd:
        each.start()
    for each in crowd:
        each.join()
    assert answers.count("sign_in_failed") == 3


def test_guesses_at_ones_own_password_count_too(accounts: Accounts) -> None:
    token = went(accounts.sign_in("mei", PASSWORD)).token
    answers = [code(accounts.change_password(token, "guess number x", OTHER)) for _ in range(4)]
    assert answers == ["password_wrong"] * 3 + ["sign_in_paused"]


def test_however_many_names_are_tried_the_list_of_them_stays_short(store: SqliteStore) -> None:
    failures = FailedSignIns(LockOutPolicy())
    rows = [
        {"name_hash": b"%d" % n, "count": 1, "last_ms": n, "locked_until_ms": 0}
        for n in range(NAMES_AT_MOST + 5)
    ]
    with store.transaction() as connection:
        connection.execute(sign_in_failures.insert(), rows)
        failures.drop_old(connection, 0)
        left = connection.execute(select(sign_in_failures.c.last_ms)).scalars().all()
    assert (len(left), min(left)) == (NAMES_AT_MOST, 5)


# Sessions ----------------------------------------------------------------------------------------------


def test_a_session_that_lies_idle_ends_and_one_in_use_does_not(
    accounts: Accounts, clock: ManualClock
) -> None:
    used, idle = went(accounts.sign_in("mei", PASSWORD)).token, went(accounts.sign_in("mei", PASSWORD)).token
    for _ in range(4):
        clock.advance(20 * MINUTE_MS)
        accounts.touch(used)
    assert accounts.who(used) is not None
    assert accounts.who(idle) is None
    assert accounts.left_ms(used) == 30 * MINUTE_MS
    assert accounts.drop_expired() == 1


def test_a_device_never_lies_idle(accounts: Accounts, clock: ManualClock) -> None:
    token = accounts.begin_device_session(Account("device-1", "kiosk", "north")).token
    clock.advance(29 * 24 * HOUR_MS)
    assert accounts.who(token) == Account("device-1", "kiosk", "north")
    assert accounts.end_sessions("device-1") == 1
    assert accounts.who(token) is None
    assert code(accounts.sign_in("device-1", "")) == "sign_in_failed", "there is no password to type"


@pytest.mark.parametrize(
    "account", [Account("mei", "kiosk", "north"), Account("device-2", "teller", "north")]
)
def test_a_devices_session_is_for_devices_alone(accounts: Accounts, account: Account) -> None:
    with pytest.raises(ValueError, match="Expected"):
        accounts.begin_device_session(account)


def test_a_restart_does_not_forget_who_was_at_work(
    accounts: Accounts, store: SqliteStore, clock: ManualClock, random_bytes: Callable[[int], bytes]
) -> None:
    token = went(accounts.sign_in("mei", PASSWORD)).token
    clock.advance(25 * MINUTE_MS)
    accounts.touch(token)
    accounts.keep_seen()
    clock.advance(25 * MINUTE_MS)
    assert Accounts(store, clock, random_bytes, CHEAP, KEYS).who(token) is not None


class Interrupted(ManualClock):
    """Something else happens while somebody looks at the clock, as it does with threads."""

    def __init__(self, start_ms: int) -> None:
        super().__init__(start_ms)
        self.meanwhile: list[Callable[[], object]] = []

    def now_ms(self) -> int:
        while self.meanwhile:
            self.meanwhile.pop()()
        return super().now_ms()


@pytest.mark.parametrize("look", ["who", "sessions_of"])
def test_a_session_that_ends_while_somebody_looks_at_it_is_no_fault(
    store: SqliteStore, random_bytes: Callable[[int], bytes], look: str
) -> None:
    clock = Interrupted(1_800_000_000_000)
    accounts = Accounts(store, clock, random_bytes, CHEAP, KEYS)
    made = accounts.create("qing", "teller", PASSWORD, branch="north")
    assert isinstance(made, Account)
    token = went(accounts.sign_in("qing", PASSWORD)).token
    clock.meanwhile.append(lambda: accounts.end_sessions("qing"))
    getattr(accounts, look)(token)
    assert accounts.who(token) is None


def test_somebody_sees_where_they_are_signed_in_and_signs_out_there(accounts: Accounts) -> None:
    here = went(accounts.sign_in("mei", PASSWORD, device="Chrome, Windows"))
    there = went(accounts.sign_in("mei", PASSWORD, device="Safari, iPad"))
    listed = accounts.sessions_of(here.token)
    assert {(each.device, each.is_this) for each in listed} == {
        ("Chrome, Windows", True),
        ("Safari, iPad", False),
    }
    stranger = accounts.create("lan", "teller", PASSWORD, branch="north")
    assert isinstance(stranger, Account)
    lan = went(accounts.sign_in("lan", PASSWORD))
    assert not accounts.end_session(lan.token, there.session.id), "one's own only"
    assert accounts.end_session(here.token, there.session.id)
    assert accounts.who(there.token) is None
    assert accounts.who(here.token) is not None


def test_a_new_password_ends_every_session_but_gives_one_to_its_owner(accounts: Accounts) -> None:
    here, there = (went(accounts.sign_in("mei", PASSWORD)) for _ in range(2))
    renewed = went(accounts.change_password(here.token, PASSWORD, OTHER))
    assert [accounts.who(t) is not None for t in (here.token, there.token, renewed.token)] == [
        False,
        False,
        True,
    ]
    assert code(accounts.sign_in("mei", PASSWORD)) == "sign_in_failed"


def test_only_the_emergency_account_and_devices_have_passwords_where_the_bank_says_so(
    store: SqliteStore, clock: ManualClock, random_bytes: Callable[[int], bytes]
) -> None:
    accounts = Accounts(store, clock, random_bytes, replace(CHEAP, emergency_account="root"), KEYS)
    accounts.create("root", "administrator", PASSWORD)
    accounts.create("mei", "teller", PASSWORD, branch="north")
    assert went(accounts.sign_in("root", PASSWORD))
    assert code(accounts.sign_in("mei", PASSWORD)) == "sign_in_failed"


# The access record -------------------------------------------------------------------------------------


def test_the_record_says_what_happened_and_never_a_secret(accounts: Accounts) -> None:
    accounts.sign_in("mei", "a wrong password", address="10.0.0.7")
    accounts.sign_in("typed-my-password-here", "x", address="10.0.0.7")
    token = went(accounts.sign_in("mei", PASSWORD, address="10.0.0.8")).token
    accounts.disable("mei", actor="administrator")
    entries = accounts.record.entries()
    told = [(e.action, e.actor, e.account, e.address) for e in reversed(entries)][2:]
    assert told == [
        ("sign_in_failed", "mei", "mei", "10.0.0.7"),
        ("sign_in_failed", "", "", "10.0.0.7"),
        ("signed_in", "mei", "mei", "10.0.0.8"),
        ("disabled", "administrator", "mei", ""),
    ]
    for secret in (PASSWORD, token, "typed-my-password-here", "a wrong password"):
        assert secret not in repr(entries)
    assert [e.action for e in accounts.record.entries(account="mei", action="disabled")] == ["disabled"]
    assert len(accounts.record.entries(before=entries[0].id)) == len(entries) - 1


def test_every_code_here_has_its_words() -> None:
    assert {"code_wrong", "step_over", "password_wrong", "sign_in_paused"} <= set(REFUSALS)


def test_whom_the_provider_gives_a_branch_role_without_a_branch_is_refused_however_often_they_came(
    accounts: Accounts,
) -> None:
    """A rule that somebody changed: the account stays as it was, and nobody gets in by it."""
    first = Account("xu-jing", "teller", "north")
    assert isinstance(accounts.sign_in_outside("provider s-1", first), SignedIn)
    changed = Account("xu-jing", "teller", None)
    for identity in ("provider s-1", "provider s-2"):
        assert code(accounts.sign_in_outside(identity, changed)) == "account_branch_wrong"
    assert accounts.find("xu-jing") == first

"""Passwords, locks and who may change whose account: the rules alone."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openhall.access.lock_out import Failures, LockOutPolicy, after_failure, refuse_locked
from openhall.access.managing import REFUSALS, AccountChange, Change, needs_second, refuse_to_manage
from openhall.access.passwords import refuse_password
from openhall.kernel.clock import MINUTE_MS
from openhall.network.model import Role

POLICY = LockOutPolicy(failures_at_most=3, window_minutes=15, first_minutes=1, longest_minutes=8)


@dataclass(frozen=True)
class Somebody:
    name: str
    role: Role
    branch: str | None = None
    person_id: str | None = None


ADMINISTRATOR = Somebody("administrator", "administrator")
MANAGER = Somebody("boss", "manager", "north")


@pytest.mark.parametrize(
    ("password", "code", "why"),
    [
        ("correct horse 窗口", "", "words that belong together for nobody else"),
        ("kf3m-7qaz-pl2w", "", "as ours are made"),
        ("tooo-tiny", "password_too_short", "too short to hold out"),
        ("x" * 300, "password_too_long", "hashing has its limit"),
        ("Mei-Lan likes tea", "password_has_name", "the name is known to everybody"),
        ("ＭＥＩ-ＬＡＮ likes tea", "password_has_name", "full width is the same name"),
        ("1234567890", "password_too_common", "the commonest of all"),
        ("13800138000", "password_too_common", "a telephone number"),
        ("Password2026!", "password_too_common", "a common word with what everybody adds"),
        ("woaini1314520", "password_too_common", "the Chinese one"),
        ("我爱你1314520", "password_too_common", "and in letters of its own"),
        ("aaaaaaaaaaaa", "password_too_common", "one key held down"),
        ("passwordpassword", "password_too_common", "twice the same is once"),
        ("4716 8820 9913 5", "password_too_common", "a number in groups is still a number"),
        ("47168820991352678", "", "of so many digits nobody guesses"),
    ],
)
def test_a_password_is_long_and_nobody_elses(password: str, code: str, why: str) -> None:
    refusal = refuse_password(password, "mei-lan", length_min=10, length_max=256)
    assert (refusal.code if refusal else "") == code, why
    assert password not in repr(refusal)


def failed(times: int, *, apart_ms: int = 1_000) -> tuple[Failures, int]:
    """So many failures one after the other, each when the lock before is over; with the time of the last."""
    failures, now_ms = Failures(), 1_000_000
    for _ in range(times):
        now_ms = max(now_ms + apart_ms, failures.locked_until_ms)
        failures = after_failure(failures, now_ms, POLICY)
    return failures, now_ms


@pytest.mark.parametrize(
    ("times", "minutes", "why"),
    [
        (2, 0, "everybody mistypes"),
        (3, 1, "the first lock"),
        (4, 2, "it doubles"),
        (5, 4, "and doubles"),
        (9, 8, "up to the longest"),
    ],
)
def test_locks_grow_with_each_failure_more(times: int, minutes: int, why: str) -> None:
    failures, now_ms = failed(times)
    refusal = refuse_locked(failures, now_ms)
    assert (refusal.detail["minutes"] if refusal else 0) == minutes, why


def test_failures_far_apart_lock_nobody() -> None:
    failures, now_ms = failed(50, apart_ms=16 * MINUTE_MS)
    assert refuse_locked(failures, now_ms) is None


def test_a_lock_ends_at_its_minute() -> None:
    failures, now_ms = failed(3)
    assert refuse_locked(failures, now_ms + MINUTE_MS - 1) is not None
    assert refuse_locked(failures, now_ms + MINUTE_MS) is None


@given(st.integers(1, 60))
def test_whoever_guesses_without_end_gets_a_few_tries_an_hour(hours: int) -> None:
    failures, now_ms, tries = Failures(), 0, 0
    while now_ms < hours * 60 * MINUTE_MS:
        failures = after_failure(failures, now_ms, POLICY)
        tries += 1
        now_ms = max(now_ms + 1, failures.locked_until_ms)
    longest_pause = POLICY.longest_minutes
    assert tries <= POLICY.failures_at_most + 4 + hours * 60 / longest_pause + 1


@pytest.mark.parametrize(
    "wrong", [{"failures_at_most": 0}, {"first_minutes": 0}, {"first_minutes": 5, "longest_minutes": 4}]
)
def test_a_policy_that_makes_no_sense_is_named(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="Expected"):
        LockOutPolicy(**wrong)


@pytest.mark.parametrize(
    ("who", "change", "role", "branch", "code", "why"),
    [
        (
            ADMINISTRATOR,
            AccountChange("create", "lan", "teller", "north"),
            "teller",
            "north",
            "",
            "any branch",
        ),
        (
            ADMINISTRATOR,
            AccountChange("role", "administrator", "operations"),
            "administrator",
            None,
            "account_own",
            "nobody raises themselves",
        ),
        (MANAGER, AccountChange("create", "lan", "teller", "north"), "teller", "north", "", "the own branch"),
        (
            MANAGER,
            AccountChange("create", "lan", "teller", "south"),
            "teller",
            "south",
            "branch_not_yours",
            "another's branch",
        ),
        (
            MANAGER,
            AccountChange("role", "lan", "teller", "south"),
            "teller",
            "north",
            "branch_not_yours",
            "nobody is sent away either",
        ),
        (
            MANAGER,
            AccountChange("create", "lan", "manager", "north"),
            "manager",
            "north",
            "account_above",
            "a manager makes no manager",
        ),
        (
            MANAGER,
            AccountChange("password", "lin", "manager", "north"),
            "manager",
            "north",
            "account_above",
            "nor takes one over",
        ),
        (
            MANAGER,
            AccountChange("password", "administrator", "administrator"),
            "administrator",
            None,
            "account_above",
            "nor head office",
        ),
        (
            Somebody("mei", "teller", "north"),
            AccountChange("disable", "lan", "teller", "north"),
            "teller",
            "north",
            "role_may_not",
            "tellers look after nobody",
        ),
    ],
)
def test_everybody_looks_after_those_below_them_and_not_themselves(
    who: Somebody, change: AccountChange, role: Role, branch: str | None, code: str, why: str
) -> None:
    refusal = refuse_to_manage(who, change, role=role, branch=branch)
    assert (refusal.code if refusal else "") == code, why
    assert all(each.sentence for each in REFUSALS.values())


@pytest.mark.parametrize(
    ("what", "before", "after", "expected", "why"),
    [
        ("create", "teller", "teller", False, "gives no power over others"),
        ("create", "manager", "manager", True, "a new manager"),
        ("role", "teller", "operations", True, "raised"),
        ("role", "operations", "teller", False, "lowered: nobody gains"),
        ("role", "manager", "operations", True, "from one power to another"),
        ("password", "administrator", "administrator", True, "whoever sets it could use it"),
        ("codes", "operations", "operations", True, "the second half of taking over"),
        ("enable", "manager", "manager", True, "back in"),
        ("disable", "administrator", "administrator", False, "to stop somebody must be quick"),
        ("unlock", "administrator", "administrator", False, "gives nothing that they had not"),
        ("password", "teller", "teller", False, "every day's work"),
    ],
)
def test_what_gives_power_over_others_needs_two(
    what: Change, before: Role, after: Role, expected: bool, why: str
) -> None:
    assert needs_second(AccountChange(what, "x", after), role=before) == expected, why

"""Is an initial password the one that counts, however often and however fast somebody asks for it?"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from openhall.access.lock_out import LockOutPolicy
from openhall.access.managing import AccountChange
from openhall.app.account_desk import ANSWERS_KEPT_MS, AccountDesk, Asked
from openhall.kernel.clock import ManualClock
from openhall.kernel.refusal import Refusal
from openhall.log.accounts import Account, Accounts, AccountSettings, SignedIn
from openhall.log.approvals import Approvals
from openhall.log.sqlite import SqliteStore
from openhall.network.sample import sample_bank

ROOT = Account("root", "administrator")
CHEAP = AccountSettings(hash_memory_kib=8, hash_passes=1, lock_out=LockOutPolicy(failures_at_most=100))


@pytest.fixture
def accounts(tmp_path: Path) -> Iterator[Accounts]:
    with SqliteStore.open(tmp_path / "bank.db") as store:
        yield Accounts(store, ManualClock(1_800_000_000_000), Random(3).randbytes, CHEAP)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_800_000_000_000)


@pytest.fixture
def desk(accounts: Accounts, clock: ManualClock) -> AccountDesk:
    random_bytes, bank = Random(4).randbytes, sample_bank()
    approvals = Approvals(accounts._records, clock, random_bytes)
    return AccountDesk(accounts, approvals, lambda: bank, random_bytes, clock)


async def together(desk: AccountDesk, wish: AccountChange, keys: tuple[str, ...]) -> list[Asked | Refusal]:
    return await asyncio.gather(*(desk.ask(ROOT, wish, key=key) for key in keys))


@pytest.mark.parametrize("what", ["create", "password"])
def test_pressed_twice_at_once_it_is_one_password_and_that_one_counts(
    accounts: Accounts, desk: AccountDesk, what: str
) -> None:
    if what == "password":
        accounts.create("gao-fei", "teller", "a long enough word", branch="wutong")
    wish = AccountChange(what, "gao-fei", "teller", "wutong")  # type: ignore[arg-type]
    first, second = asyncio.run(together(desk, wish, ("k", "k")))
    assert isinstance(first, Asked)
    assert first == second
    assert isinstance(accounts.sign_in("gao-fei", first.password), SignedIn)


def test_two_keys_are_two_passwords_and_the_later_one_counts(accounts: Accounts, desk: AccountDesk) -> None:
    accounts.create("gao-fei", "teller", "a long enough word", branch="wutong")
    wish = AccountChange("password", "gao-fei", "teller", "wutong")
    first, second = asyncio.run(together(desk, wish, ("k1", "k2")))
    assert isinstance(first, Asked)
    assert isinstance(second, Asked)
    assert isinstance(accounts.sign_in("gao-fei", first.password), Refusal)
    assert isinstance(accounts.sign_in("gao-fei", second.password), SignedIn)


def test_an_initial_password_is_given_again_for_some_minutes_and_then_is_nowhere(
    accounts: Accounts, desk: AccountDesk, clock: ManualClock
) -> None:
    accounts.create("gao-fei", "teller", "a long enough word", branch="wutong")
    wish = AccountChange("password", "gao-fei", "teller", "wutong")

    async def work() -> None:
        first = await desk.ask(ROOT, wish, key="k")
        assert isinstance(first, Asked)
        clock.advance(ANSWERS_KEPT_MS - 1)
        await desk.run_once()
        assert await desk.ask(ROOT, wish, key="k") == first, "a retry"
        clock.advance(1)
        await desk.run_once()
        assert not desk._answers, "no request has to come for it to be forgotten"
        later = await desk.ask(ROOT, wish, key="k")
        assert isinstance(later, Asked)
        assert later.password != first.password

    asyncio.run(work())

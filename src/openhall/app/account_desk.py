"""Where accounts are changed: who may, whether a second person is asked, and the initial password.

A password is shown to whoever asked and never written down here: the records hold its hash alone. In memory
it stays for some minutes, for an answer that was lost on its way. For an account of a role that can change
other people's rights the change waits for a second person.
"""

from __future__ import annotations

import asyncio
import base64
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from openhall.access.approvals import Proposal
from openhall.access.managing import AccountChange, needs_second, refuse_to_manage
from openhall.kernel.clock import MINUTE_MS, Clock
from openhall.kernel.refusal import Refusal
from openhall.log.account_rows import refuse_account
from openhall.log.accounts import Account, Accounts
from openhall.log.approvals import Approvals
from openhall.network.model import Bank

KIND = "account"
"""Of the proposals."""
INITIAL_BYTES = 10
ANSWERS_AT_MOST = 1_000
"""Answers kept for retries: a password that was lost on the way is given again, not a second account."""
ANSWERS_KEPT_MS = 10 * MINUTE_MS

_changes = msgspec.json.Decoder(AccountChange)


@dataclass(frozen=True)
class _Answer:
    """What was wished under a key, what became of it, and when."""

    wish: AccountChange
    asked: Asked
    given_ms: int


@dataclass(frozen=True)
class Asked:
    """What became of a wish: done at once, or waiting for a second person."""

    account: Account | None
    proposal: Proposal | None
    password: str = ""


class AccountDesk:
    """Changes of accounts, by people."""

    def __init__(
        self,
        accounts: Accounts,
        approvals: Approvals,
        bank: Callable[[], Bank],
        random_bytes: Callable[[int], bytes],
        clock: Clock,
    ) -> None:
        self._accounts = accounts
        self._clock = clock
        self._approvals = approvals
        self._bank = bank
        self._random_bytes = random_bytes
        self._answers: OrderedDict[tuple[str, str], _Answer] = OrderedDict()
        # One wish at a time: of two that come with one key together, the second is the first one's answer.
        self._turn = asyncio.Lock()
        approvals.carry_out[KIND] = self._carry_out

    async def ask(self, who: Account, wish: AccountChange, *, key: str) -> Asked | Refusal:
        """Do what somebody wishes with an account, or propose it. `wish` has no password's hash yet.

        The same key again from the same person within some minutes is the same answer, the initial password
        included.
        """
        async with self._turn:
            self._forget_old()
            kept = self._answers.get((who.name, key))
            if kept is not None:
                return kept.asked if kept.wish == wish else Refusal("command_id_reused", "Idempotency-Key")
            asked = await self._ask(who, wish, key)
            if isinstance(asked, Asked):
                self._answers[(who.name, key)] = _Answer(wish, asked, self._clock.now_ms())
                if len(self._answers) > ANSWERS_AT_MOST:
                    self._answers.popitem(last=False)
            return asked

    async def run_once(self) -> None:
        """Forget passwords that nobody asks for again."""
        self._forget_old()

    def _forget_old(self) -> None:
        """Take out what is older than answers are kept: the oldest stand first."""
        until_ms = self._clock.now_ms() - ANSWERS_KEPT_MS
        while self._answers and next(iter(self._answers.values())).given_ms <= until_ms:
            self._answers.popitem(last=False)

    async def _ask(self, who: Account, wish: AccountChange, key: str) -> Asked | Refusal:
        now = await asyncio.to_thread(self._accounts.find, wish.name)
        if wish.what == "create":
            role, branch, change = wish.role, wish.branch, wish
            refusal = Refusal("account_exists", place="name") if now else self._refuse_new(wish)
        elif now is None:
            return Refusal("account_unknown", place="name")
        elif wish.what == "role":
            role, branch, change = now.role, now.branch, wish
            refusal = self._refuse_new(wish)
        else:
            role, branch, refusal = now.role, now.branch, None
            change = AccountChange(wish.what, now.name, now.role, now.branch, now.person_id)
        # Who may not change it learns nothing of whether it is there.
        if not_theirs := refuse_to_manage(who, change, role=role, branch=branch):
            return not_theirs
        if refusal:
            return refusal
        password = ""
        if change.what in {"create", "password"}:
            password = initial_password(self._random_bytes)
            hash_ = await asyncio.to_thread(self._accounts.hash_of, password, change.name)
            if isinstance(hash_, Refusal):
                return hash_
            change = msgspec.structs.replace(change, password_hash=hash_)
        if needs_second(change, role=role):
            body = msgspec.json.encode(change)
            made = await self._approvals.propose(KIND, body, who, branch=change.branch or "", key=key)
            return made if isinstance(made, Refusal) else Asked(None, made, password)
        done = await asyncio.to_thread(self._accounts.carry_out, change, actor=who.name)
        return done if isinstance(done, Refusal) else Asked(done, None, password)

    def _refuse_new(self, wish: AccountChange) -> Refusal | None:
        """Why an account as wished makes no sense at this bank."""
        bank = self._bank()
        if refusal := refuse_account(wish.name, wish.role, wish.branch):
            return refusal
        if wish.branch is not None and bank.branch(wish.branch) is None:
            return Refusal("account_branch_wrong", place="branch")
        # A branch's account is of somebody of that branch: what is done under it is in the log as theirs.
        known = {person.id for person in bank.people if wish.branch in {None, person.branch}}
        if wish.person_id and wish.person_id not in known:
            return Refusal("plan_person_unknown", "person_id", {"person": wish.person_id})
        return None

    async def _carry_out(self, proposal: Proposal) -> Refusal | None:
        """What an approved proposal does: its maker made the change, its checker let it happen."""
        change = change_in(proposal)
        done = await asyncio.to_thread(self._accounts.carry_out, change, actor=proposal.maker)
        return done if isinstance(done, Refusal) else None


def change_in(proposal: Proposal) -> AccountChange:
    """The change that a proposal of this kind is about."""
    return _changes.decode(proposal.body)


def initial_password(random_bytes: Callable[[int], bytes]) -> str:
    """80 bits in four groups that can be read out over a telephone."""
    text = base64.b32encode(random_bytes(INITIAL_BYTES)).decode().lower()
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))

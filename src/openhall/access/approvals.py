"""The two-person rule: somebody proposes (the maker), somebody else decides (the checker).

What may be proposed is not said here: a kind is a word, its content is bytes. Whoever builds openhall says
for each kind what is carried out on approval; `rights.CHECKERS` says what a checker must be allowed besides.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Protocol

import msgspec

from openhall.access import rights
from openhall.kernel.clock import DAY_MS
from openhall.kernel.refusal import Refusal, refusals
from openhall.network.model import Role

LAPSES_AFTER_DAYS: Final = 7
"""What nobody decided in a week rests on a state of things that is gone: propose it anew."""
REASON_CHARACTERS_MAX: Final = 500
BODY_BYTES_MAX: Final = 4 * 1024 * 1024
WAITING_AT_MOST: Final = 200
"""Proposals that wait in one branch, or at head office, for one kind."""

REFUSALS = refusals(
    approval_own=(
        "The two-person rule: nobody decides what they proposed themselves, under any account.",
        "Ask a colleague who may decide it.",
    ),
    approval_decided=("This has been decided already: {status}.", "Nothing needs to be done."),
    approval_lapsed=("Nobody decided this in {days} days, so it has lapsed.", "Propose it again."),
    approval_not_yours=("Only who proposed it can withdraw it.", "Refuse it instead, with a reason."),
    approval_unknown=("There is no such proposal.", "Look at the list of what waits."),
    approval_reason_missing=("A refusal needs a reason, for who proposed it.", "Say why in a few words."),
    approvals_full=(
        "{limit} proposals of this kind wait already.",
        "Have some of them decided or withdrawn first.",
    ),
)


class ProposalState(StrEnum):
    """How far a proposal has come."""

    WAITING = "waiting"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"


class Who(Protocol):
    """An account, as far as this rule looks at it."""

    @property
    def name(self) -> str:
        """The account."""
        ...

    @property
    def role(self) -> Role:
        """What it may do."""
        ...

    @property
    def branch(self) -> str | None:
        """Where; None for head office."""
        ...

    @property
    def person_id(self) -> str | None:
        """Who is behind it, where that is known."""
        ...


class Proposal(msgspec.Struct, frozen=True):
    """Something that waits for a second person, or waited.

    `branch` is empty for what concerns the whole bank. An approved one has been carried out when `carried_ms`
    is set; `failure` is the code of the refusal when a rule stood in the way by then.
    """

    id: str
    kind: str
    branch: str
    body: bytes
    maker: str
    maker_person: str | None
    made_ms: int
    state: ProposalState = ProposalState.WAITING
    checker: str | None = None
    decided_ms: int | None = None
    reason: str = ""
    carried_ms: int | None = None
    failure: str = ""

    @property
    def lapses_ms(self) -> int:
        """When it goes by itself, undecided."""
        return self.made_ms + LAPSES_AFTER_DAYS * DAY_MS


def seen_at(proposal: Proposal, now_ms: int) -> Proposal:
    """The proposal as it stands at a moment: what waited too long has lapsed."""
    if proposal.state is ProposalState.WAITING and now_ms >= proposal.lapses_ms:
        return msgspec.structs.replace(
            proposal, state=ProposalState.LAPSED, decided_ms=proposal.lapses_ms, reason=""
        )
    return proposal


def is_same_person(proposal: Proposal, who: Who) -> bool:
    """Is it the maker, be it under another account of the same person?"""
    return proposal.maker == who.name or (
        proposal.maker_person is not None and proposal.maker_person == who.person_id
    )


def refuse_to_check(proposal: Proposal, who: Who) -> Refusal | None:
    """Why somebody may not decide a proposal, whatever its state; None when they may.

    The person first: who proposed it learns that, and not that some other account lacks a right.
    """
    if is_same_person(proposal, who):
        return Refusal("approval_own", place=proposal.id)
    needed: list[rights.Action] = ["approvals.decide"]
    if proposal.kind in rights.CHECKERS:
        needed.append(rights.CHECKERS[proposal.kind])
    for action in needed:
        if refusal := rights.refuse_action(who.role, who.branch, action=action, branch=proposal.branch):
            return refusal
    if not proposal.branch and who.role not in rights.BOUND_TO_NO_BRANCH:
        return Refusal("branch_not_yours", place=proposal.id)
    return None


def decide(
    proposal: Proposal, who: Who, *, is_approved: bool, reason: str, now_ms: int
) -> Proposal | Refusal:
    """The proposal decided, or why not. The same decision again from the same checker is no second one."""
    if refusal := refuse_to_check(proposal, who):
        return refusal
    wanted = ProposalState.APPROVED if is_approved else ProposalState.REFUSED
    now = seen_at(proposal, now_ms)
    if now.state is wanted and now.checker == who.name:
        return now
    if refusal := _refuse_unless_waiting(now):
        return refusal
    if not is_approved and not reason.strip():
        return Refusal("approval_reason_missing", place="reason")
    return msgspec.structs.replace(
        proposal, state=wanted, checker=who.name, decided_ms=now_ms, reason=reason.strip()
    )


def withdraw(proposal: Proposal, who: Who, *, now_ms: int) -> Proposal | Refusal:
    """The proposal taken back by whoever made it, or why not."""
    if not is_same_person(proposal, who):
        return Refusal("approval_not_yours", place=proposal.id)
    now = seen_at(proposal, now_ms)
    if now.state is ProposalState.WITHDRAWN:
        return now
    if refusal := _refuse_unless_waiting(now):
        return refusal
    return msgspec.structs.replace(proposal, state=ProposalState.WITHDRAWN, decided_ms=now_ms)


def _refuse_unless_waiting(proposal: Proposal) -> Refusal | None:
    if proposal.state is ProposalState.LAPSED:
        return Refusal("approval_lapsed", place=proposal.id, detail={"days": LAPSES_AFTER_DAYS})
    if proposal.state is not ProposalState.WAITING:
        return Refusal("approval_decided", place=proposal.id, detail={"status": proposal.state.value})
    return None

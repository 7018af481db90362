"""Does everything that needs two people get two, and its effect once?"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from random import Random

import pytest
from sqlalchemy import text

from openhall.access.approvals import LAPSES_AFTER_DAYS, REFUSALS, Proposal, ProposalState
from openhall.kernel.clock import DAY_MS, ManualClock
from openhall.kernel.refusal import Refusal
from openhall.kernel.trouble import Trouble
from openhall.log.approvals import Approvals
from openhall.log.sqlite import SqliteStore
from openhall.log.troubles import LogTrouble
from openhall.network.model import Role


@dataclass(frozen=True)
class Somebody:
    name: str
    role: Role
    branch: str | None = None
    person_id: str | None = None


ADMINISTRATOR = Somebody("administrator", "administrator")
OPERATIONS = Somebody("operations", "operations")
MANAGER = Somebody("north-manager", "manager", "north", "p-lin")
SAME_PERSON = Somebody("lin-at-head-office", "operations", None, "p-lin")
SOUTH = Somebody("south-manager", "manager", "south", "p-qin")
TELLER = Somebody("mei", "teller", "north", "p-mei")


class Notes:
    """An effect that can be seen, refused, or cut short."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.refusal: Refusal | None = None
        self.is_broken = False

    async def __call__(self, proposal: Proposal) -> Refusal | None:
        if self.is_broken:
            raise Trouble("The disk is full")
        if self.refusal is None and proposal.id not in self.done:
            self.done.append(proposal.id)
        return self.refusal


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def approvals(store: SqliteStore, clock: ManualClock, notes: Notes) -> Approvals:
    made = Approvals(store, clock, Random(7).randbytes)
    made.carry_out |= {"note": notes, "configuration": notes}
    return made


def proposed(
    approvals: Approvals, maker: Somebody = ADMINISTRATOR, *, branch: str = "", kind: str = "note"
) -> Proposal:
    made = asyncio.run(approvals.propose(kind, b"a note", maker, branch=branch, key="k1"))
    assert isinstance(made, Proposal)
    return made


def decide(
    approvals: Approvals, proposal: Proposal, checker: Somebody, *, is_approved: bool = True, reason: str = ""
) -> Proposal | Refusal:
    return asyncio.run(approvals.decide(proposal.id, checker, is_approved=is_approved, reason=reason))


def code(answer: Proposal | Refusal) -> str:
    return answer.code if isinstance(answer, Refusal) else answer.state.value


@pytest.mark.parametrize(
    ("maker", "branch", "kind", "checker", "expected", "why"),
    [
        (ADMINISTRATOR, "", "note", OPERATIONS, "approved", "two people of head office"),
        (ADMINISTRATOR, "", "note", ADMINISTRATOR, "approval_own", "nobody checks their own"),
        (MANAGER, "north", "note", SAME_PERSON, "approval_own", "the person counts, not the account"),
        (SAME_PERSON, "north", "note", MANAGER, "approval_own", "in either direction"),
        (ADMINISTRATOR, "north", "note", MANAGER, "approved", "the branch's own manager"),
        (ADMINISTRATOR, "north", "note", SOUTH, "branch_not_yours", "another branch's manager"),
        (ADMINISTRATOR, "", "note", MANAGER, "branch_not_yours", "the whole bank is no branch's matter"),
        (ADMINISTRATOR, "north", "note", TELLER, "role_may_not", "tellers approve nothing"),
        (ADMINISTRATOR, "", "configuration", OPERATIONS, "approved", "who may change it may check it"),
        (ADMINISTRATOR, "north", "configuration", MANAGER, "role_may_not", "a kind can ask for a right"),
    ],
)
def test_only_a_second_person_with_the_right_decides(
    approvals: Approvals,
    notes: Notes,
    maker: Somebody,
    branch: str,
    kind: str,
    checker: Somebody,
    expected: str,
    why: str,
) -> None:
    proposal = proposed(approvals, maker, branch=branch, kind=kind)
    assert code(decide(approvals, proposal, checker)) == expected, why
    assert notes.done == ([proposal.id] if expected == "approved" else []), why


def test_a_retry_of_a_proposal_is_the_same_proposal(approvals: Approvals) -> None:
    assert proposed(approvals) == proposed(approvals)
    assert len(approvals.waiting()) == 1
    other = asyncio.run(approvals.propose("note", b"another", ADMINISTRATOR, key="k1"))
    assert isinstance(other, Refusal)
    assert other.code == "command_id_reused"


def test_an_approval_pressed_twice_has_its_effect_once(approvals: Approvals, notes: Notes) -> None:
    proposal = proposed(approvals)
    first, second = (decide(approvals, proposal, OPERATIONS) for _ in range(2))
    assert first == second
    assert notes.done == [proposal.id]


@pytest.mark.parametrize(
    ("before", "after", "expected", "why"),
    [
        (True, False, "approval_decided", "what is done is not refused afterwards"),
        (False, True, "approval_decided", "what was refused must be proposed anew"),
        (False, False, "refused", "the same answer twice is one answer"),
    ],
)
def test_a_decision_stands(approvals: Approvals, before: bool, after: bool, expected: str, why: str) -> None:
    proposal = proposed(approvals)
    decide(approvals, proposal, OPERATIONS, is_approved=before, reason="so")
    assert code(decide(approvals, proposal, OPERATIONS, is_approved=after, reason="so")) == expected, why


def test_a_refusal_says_why(approvals: Approvals) -> None:
    proposal = proposed(approvals)
    silent = decide(approvals, proposal, OPERATIONS, is_approved=False, reason="  ")
    assert code(silent) == "approval_reason_missing"
    refused = decide(approvals, proposal, OPERATIONS, is_approved=False, reason=" wrong branch ")
    assert isinstance(refused, Proposal)
    assert (refused.state, refused.reason) == (ProposalState.REFUSED, "wrong branch")


def test_what_nobody_decides_lapses(approvals: Approvals, clock: ManualClock, notes: Notes) -> None:
    proposal = proposed(approvals)
    clock.advance(LAPSES_AFTER_DAYS * DAY_MS)
    assert approvals.waiting() == []
    assert [p.state for p in approvals.decided()] == [ProposalState.LAPSED]
    assert code(decide(approvals, proposal, OPERATIONS)) == "approval_lapsed"
    assert notes.done == []


def test_the_maker_may_take_it_back_and_nobody_else(approvals: Approvals) -> None:
    proposal = proposed(approvals)
    assert code(asyncio.run(approvals.withdraw(proposal.id, OPERATIONS))) == "approval_not_yours"
    assert code(asyncio.run(approvals.withdraw(proposal.id, ADMINISTRATOR))) == "withdrawn"
    assert code(decide(approvals, proposal, OPERATIONS)) == "approval_decided"


def test_an_approval_whose_effect_met_trouble_is_carried_out_later(
    approvals: Approvals, notes: Notes, store: SqliteStore, clock: ManualClock
) -> None:
    """As after a crash between the approval and its effect."""
    proposal, notes.is_broken = proposed(approvals), True
    with pytest.raises(Trouble):
        decide(approvals, proposal, OPERATIONS)
    after_restart = Approvals(store, clock, Random(8).randbytes)
    after_restart.carry_out["note"] = notes
    notes.is_broken = False
    asyncio.run(after_restart.run_once())
    asyncio.run(after_restart.run_once())
    assert notes.done == [proposal.id]
    found = after_restart.get(proposal.id)
    assert found is not None
    assert (found.state, found.carried_ms) == (ProposalState.APPROVED, clock.now_ms())


def test_what_stands_in_the_way_of_one_proposal_holds_up_no_other(
    approvals: Approvals, notes: Notes, clock: ManualClock
) -> None:
    """The one that waits longest is carried out first, and cannot be."""

    async def broken(_: Proposal) -> Refusal | None:
        raise Trouble("There is no such folder")

    async def approved(kind: str) -> Proposal:
        made = await approvals.propose(kind, b"a note", ADMINISTRATOR, key=kind)
        assert isinstance(made, Proposal)
        clock.advance(1)
        with suppress(Trouble):
            await approvals.decide(made.id, OPERATIONS, is_approved=True)
        return made

    approvals.carry_out |= {"broken": broken}
    asyncio.run(approved("broken"))
    notes.is_broken = True
    behind = asyncio.run(approved("note"))
    notes.is_broken = False
    asyncio.run(approvals.run_once())
    assert notes.done == [behind.id]


def test_a_rule_that_stands_in_the_way_by_then_is_recorded(approvals: Approvals, notes: Notes) -> None:
    proposal, notes.refusal = proposed(approvals), Refusal("account_exists")
    carried = decide(approvals, proposal, OPERATIONS)
    assert isinstance(carried, Proposal)
    assert carried.failure == "account_exists"


def test_what_waits_for_somebody_leaves_out_their_own(approvals: Approvals) -> None:
    proposal = proposed(approvals)
    assert approvals.waiting_for(ADMINISTRATOR) == []
    assert approvals.waiting_for(OPERATIONS) == [proposal]
    assert approvals.waiting_for(MANAGER) == []


def test_a_kind_that_nobody_carries_out_cannot_be_proposed(approvals: Approvals) -> None:
    with pytest.raises(ValueError, match="Expected one of the kinds"):
        asyncio.run(approvals.propose("unheard-of", b"", ADMINISTRATOR, key="k1"))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("UPDATE approvals SET body = x'00'", "what was proposed stays"),
        ("UPDATE approvals SET state = 'refused'", "what was decided stays"),
        ("UPDATE approvals SET checker = 'somebody-else'", "who decided stays"),
        ("DELETE FROM approvals", "nothing is removed"),
    ],
)
def test_the_database_itself_keeps_what_was_decided(
    approvals: Approvals, store: SqliteStore, change: str, why: str
) -> None:
    decide(approvals, proposed(approvals), OPERATIONS)
    with pytest.raises(LogTrouble), store.transaction() as connection:
        connection.execute(text(change))
    found = approvals.decided()[0]
    assert (found.body, found.state, found.checker) == (b"a note", ProposalState.APPROVED, "operations"), why


def test_the_database_itself_knows_the_two_person_rule(approvals: Approvals, store: SqliteStore) -> None:
    proposed(approvals)
    with pytest.raises(LogTrouble), store.transaction() as connection:
        connection.execute(text("UPDATE approvals SET checker = maker, state = 'approved'"))


def test_every_refusal_has_its_words() -> None:
    assert all(each.sentence and each.remedy for each in REFUSALS.values())

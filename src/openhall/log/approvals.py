"""Proposals that wait for a second person: kept, decided, and carried out once.

How an effect and its record stay together over a crash:

1. the approval is on disk before anything is done, under the proposal's id;
2. `carry_out[kind]` does it. It must be the same done twice, by the proposal's id: an account that is there
   already, a version that is published already, is success;
3. that it was carried out, or the refusal that stood in the way by then, is on disk after it.

Killed between 1 and 3, the effect is done again at the next start by `run_once`. So nothing approved is ever
forgotten, and nothing has its effect twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from openhall.access import approvals as rules
from openhall.access.approvals import Proposal, ProposalState, Who
from openhall.kernel.clock import DAY_MS, Clock
from openhall.kernel.refusal import Refusal
from openhall.kernel.trouble import Trouble
from openhall.log.records import Records
from openhall.log.schema import approvals as table

ID_BYTES = 12
LISTED_AT_MOST = 200

CarryOut = Callable[[Proposal], Awaitable[Refusal | None]]
"""Does what was approved; a refusal when a rule stands in the way by now. `Trouble` means: try again."""

_log = logging.getLogger(__name__)


class Approvals:
    """The proposals of one installation."""

    def __init__(self, records: Records, clock: Clock, random_bytes: Callable[[int], bytes]) -> None:
        self._records = records
        self._clock = clock
        self._random_bytes = random_bytes
        self._turn = asyncio.Lock()
        self.carry_out: dict[str, CarryOut] = {}
        """What each kind does when it is approved. Filled where openhall is built; see the module."""

    # Proposing -----------------------------------------------------------------------------------------

    async def propose(
        self, kind: str, body: bytes, maker: Who, *, branch: str = "", key: str
    ) -> Proposal | Refusal:
        """Put something before a second person. The same key again from the same maker is the same proposal.

        Whether the maker may propose it is for the caller to know: it depends on the kind.
        """
        if kind not in self.carry_out:
            raise ValueError(f"Expected one of the kinds {sorted(self.carry_out)}, got {kind!r}")
        if len(body) > rules.BODY_BYTES_MAX:
            raise ValueError(f"Expected a body of at most {rules.BODY_BYTES_MAX} bytes, got {len(body)}")
        return await asyncio.to_thread(self._propose, kind, body, maker, branch, key)

    def _propose(self, kind: str, body: bytes, maker: Who, branch: str, key: str) -> Proposal | Refusal:
        now_ms = self._clock.now_ms()
        proposal = Proposal(
            id=self._random_bytes(ID_BYTES).hex(),
            kind=kind,
            branch=branch,
            body=body,
            maker=maker.name,
            maker_person=maker.person_id,
            made_ms=now_ms,
        )
        with self._records.transaction() as connection:
            is_this = (table.c.maker == maker.name) & (table.c.change_key == key)
            row = connection.execute(select(table).where(is_this)).first()
            if row is not None:
                before = rules.seen_at(_proposal(row), now_ms)
                is_same = (before.kind, before.branch, before.body) == (kind, branch, body)
                return before if is_same else Refusal("command_id_reused", "Idempotency-Key")
            is_like = _is_waiting(now_ms) & (table.c.kind == kind) & (table.c.branch == branch)
            count = connection.execute(select(func.count()).select_from(table).where(is_like)).scalar_one()
            if count >= rules.WAITING_AT_MOST:
                return Refusal("approvals_full", place=kind, detail={"limit": rules.WAITING_AT_MOST})
            connection.execute(insert(table).values(_row(proposal) | {"change_key": key}))
        return proposal

    # Deciding ------------------------------------------------------------------------------------------

    async def decide(
        self, proposal_id: str, checker: Who, *, is_approved: bool, reason: str = ""
    ) -> Proposal | Refusal:
        """Approve or refuse. An approved proposal has been carried out when this returns, unless there was
        trouble: that leaves here as `Trouble`, the approval stands, and `run_once` tries again.
        """
        async with self._turn:
            decided = await asyncio.to_thread(self._decide, proposal_id, checker, is_approved, reason)
            if isinstance(decided, Refusal):
                return decided
            return await self._carry_out(decided)

    async def withdraw(self, proposal_id: str, who: Who) -> Proposal | Refusal:
        """Take one's own proposal back."""
        return await asyncio.to_thread(self._withdraw, proposal_id, who)

    async def run_once(self) -> None:
        """Carry out what was approved and not carried out: after a crash, or after trouble."""
        async with self._turn:
            for proposal in await asyncio.to_thread(self._approved_only):
                if proposal.kind not in self.carry_out:
                    _log.warning("Nothing here carries out an approved proposal of kind %s", proposal.kind)
                    continue
                try:
                    await self._carry_out(proposal)
                except Trouble as trouble:
                    # What stands in the way of one must not keep those behind it for ever.
                    _log.warning("Proposal %s waits: %s (%s)", proposal.id, trouble, trouble.code)

    def _decide(self, proposal_id: str, who: Who, is_approved: bool, reason: str) -> Proposal | Refusal:
        now_ms = self._clock.now_ms()
        with self._records.transaction() as connection:
            before = _find(connection, proposal_id)
            if before is None:
                return Refusal("approval_unknown", place="proposal_id")
            after = rules.decide(before, who, is_approved=is_approved, reason=reason, now_ms=now_ms)
            if isinstance(after, Proposal) and after != before:
                _save(connection, after, checker_person=who.person_id)
            return after

    def _withdraw(self, proposal_id: str, who: Who) -> Proposal | Refusal:
        with self._records.transaction() as connection:
            before = _find(connection, proposal_id)
            if before is None:
                return Refusal("approval_unknown", place="proposal_id")
            after = rules.withdraw(before, who, now_ms=self._clock.now_ms())
            if isinstance(after, Proposal) and after != before:
                _save(connection, after, checker_person=None)
            return after

    async def _carry_out(self, proposal: Proposal) -> Proposal:
        if proposal.state is not ProposalState.APPROVED or proposal.carried_ms is not None:
            return proposal
        refusal = await self.carry_out[proposal.kind](proposal)
        return await asyncio.to_thread(self._note_carried, proposal.id, refusal)

    def _note_carried(self, proposal_id: str, refusal: Refusal | None) -> Proposal:
        values: dict[str, Any] = {
            "carried_ms": self._clock.now_ms(),
            "failure": refusal.code if refusal else "",
        }
        with self._records.transaction() as connection:
            connection.execute(update(table).where(table.c.id == proposal_id).values(values))
            found = _find(connection, proposal_id)
        assert found is not None, "proposals are never removed"
        return found

    # Looking -------------------------------------------------------------------------------------------

    def get(self, proposal_id: str) -> Proposal | None:
        """One proposal as it stands now."""
        with self._records.reading() as connection:
            found = _find(connection, proposal_id)
        return found and rules.seen_at(found, self._clock.now_ms())

    def made_with(self, maker: str, key: str) -> Proposal | None:
        """What somebody proposed under a key."""
        query = select(table).where((table.c.maker == maker) & (table.c.change_key == key))
        return next(iter(self._read(query)), None)

    def waiting(self, *, kind: str | None = None, branch: str | None = None) -> list[Proposal]:
        """What waits, the longest first; of one kind, of one branch ("" for the whole bank)."""
        query = select(table).where(_is_waiting(self._clock.now_ms()))
        if kind is not None:
            query = query.where(table.c.kind == kind)
        if branch is not None:
            query = query.where(table.c.branch == branch)
        return self._read(query.order_by(table.c.made_ms, table.c.id).limit(LISTED_AT_MOST))

    def decided(self, *, branch: str | None = None) -> list[Proposal]:
        """What does not wait any more, the latest first."""
        query = select(table).where(~_is_waiting(self._clock.now_ms()))
        if branch is not None:
            query = query.where(table.c.branch == branch)
        return self._read(query.order_by(table.c.made_ms.desc(), table.c.id).limit(LISTED_AT_MOST))

    def waiting_for(self, who: Who) -> list[Proposal]:
        """What waits for this very person: they may decide it and did not propose it."""
        return [p for p in self.waiting() if rules.refuse_to_check(p, who) is None]

    def _approved_only(self) -> list[Proposal]:
        is_open = (table.c.state == ProposalState.APPROVED.value) & table.c.carried_ms.is_(None)
        return self._read(select(table).where(is_open).order_by(table.c.decided_ms, table.c.id))

    def _read(self, query: Any) -> list[Proposal]:
        now_ms = self._clock.now_ms()
        with self._records.reading() as connection:
            return [rules.seen_at(_proposal(row), now_ms) for row in connection.execute(query)]


def _is_waiting(now_ms: int) -> Any:
    is_young = table.c.made_ms > now_ms - rules.LAPSES_AFTER_DAYS * DAY_MS
    return (table.c.state == ProposalState.WAITING.value) & is_young


def _find(connection: Connection, proposal_id: str) -> Proposal | None:
    row = connection.execute(select(table).where(table.c.id == proposal_id)).first()
    return None if row is None else _proposal(row)


def _save(connection: Connection, proposal: Proposal, *, checker_person: str | None) -> None:
    values = {
        "state": proposal.state.value,
        "checker": proposal.checker,
        "checker_person": checker_person if proposal.checker else None,
        "decided_ms": proposal.decided_ms,
        "reason": proposal.reason,
    }
    connection.execute(update(table).where(table.c.id == proposal.id).values(values))


def _row(proposal: Proposal) -> dict[str, Any]:
    row = {name: getattr(proposal, name) for name in Proposal.__struct_fields__}
    return row | {"state": proposal.state.value}


def _proposal(row: Any) -> Proposal:
    found = {name: getattr(row, name) for name in Proposal.__struct_fields__}
    return Proposal(**found | {"state": ProposalState(row.state)})

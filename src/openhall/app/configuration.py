"""Changing the configuration while the halls run: drafts, proposals, publication without a restart.

A draft holds the files that somebody changed since the version it began with. It is checked by the same
loader as files at a start, proposed, approved by a second person, and then written and taken at once. Days
that are open keep the rules that they opened with.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from typing import Final, Protocol

import msgspec

from openhall.access import rights
from openhall.access.approvals import Proposal, ProposalState, Who
from openhall.app.bank_files import read_files, signature, write_files
from openhall.app.folder import Folder
from openhall.app.settings import Settings
from openhall.kernel.clock import Clock
from openhall.kernel.event import StreamId
from openhall.kernel.refusal import Refusal, refusals
from openhall.log import configuration as records
from openhall.log.approvals import Approvals
from openhall.log.configuration import (
    Draft,
    DraftChanged,
    DraftState,
    Files,
    Origin,
    Version,
    changes_between,
    digest_of,
    with_changes,
)
from openhall.log.records import Records
from openhall.log.versions import keep_version
from openhall.network.editing import REFUSALS as EDITING_REFUSALS
from openhall.network.editing import Change, changed
from openhall.network.effect import Effect
from openhall.network.effects import effects
from openhall.network.loading import load
from openhall.network.merging import merged
from openhall.network.mistakes import Mistake
from openhall.network.model import Bank, NetworkVersion
from openhall.network.outline import beyond_branch, outline_of
from openhall.network.version import version_of

KIND: Final = "configuration"
"""Of the proposals."""
DRAFTS_AT_MOST: Final = 100
ID_BYTES: Final = 8
BY_HAND_NAME: Final = "Changed by hand in the folder"

REFUSALS = {
    **EDITING_REFUSALS,
    **refusals(
        draft_unknown=("There is no such draft.", "Look at the list of drafts."),
        draft_changed=(
            "Somebody else has changed this draft in the meantime.",
            "Look at the draft as it is now, and make the change again.",
        ),
        draft_not_open=(
            "This draft waits for a second person, or is done with: {state}.",
            "Withdraw the proposal first, or begin another draft.",
        ),
        draft_not_yours=(
            "This draft belongs to {branch}, or to the whole bank.",
            "A branch changes what is its own; head office changes the rest.",
        ),
        drafts_full=("{limit} drafts are open already.", "Drop some that nobody needs any more."),
        configuration_nothing_changed=(
            "The draft is the same as the configuration in force.",
            "Change something first.",
        ),
        configuration_has_mistakes=(
            "The draft has mistakes: {count}.",
            "Mend them at the places that are named, and propose it again.",
        ),
        configuration_moved=(
            "Another configuration was published since this draft began.",
            "Bring the draft up to date, look at what it does then, and propose it again.",
        ),
        configuration_collides=(
            "Others changed the same lines of {files} in the meantime.",
            "Begin a new draft and make your change there.",
        ),
        configuration_branch_open=(
            "{branch} has an open day and cannot be taken out of the bank now.",
            "Approve it after the day has ended.",
        ),
        configuration_version_unknown=(
            "There is no configuration of that number.",
            "Look at the history.",
        ),
    ),
}

_log = logging.getLogger(__name__)


class Installation(Protocol):
    """What the desk needs of the running installation."""

    folder: Folder
    settings: Settings
    approvals: Approvals
    version: NetworkVersion

    @property
    def wall(self) -> Clock:
        """The clock of people."""
        ...

    @property
    def bank(self) -> Bank:
        """As configured now."""
        ...

    def open_days(self) -> Sequence[StreamId]:
        """Days that have begun and not ended."""
        ...

    def take_bank(self, version: NetworkVersion) -> None:
        """Go by another bank from now on."""
        ...


class Asked(msgspec.Struct, frozen=True):
    """What a proposal says: this revision of this draft, with exactly these files."""

    draft: str
    revision: int
    base: int
    digest: str
    reason: str


_asked = msgspec.json.Decoder(Asked)


class Checked(msgspec.Struct, frozen=True):
    """Files as the loader sees them."""

    files: Files
    bank: Bank | None
    mistakes: tuple[Mistake, ...] = ()


def checked(files: Files) -> Checked:
    """The bank that files make, or their mistakes."""
    found = load(files)
    return Checked(files, None, tuple(found)) if isinstance(found, list) else Checked(files, found)


class ConfigurationDesk:
    """One for the installation. Everything that reads or writes is quick, or in a thread."""

    def __init__(self, home: Installation, store: Records) -> None:
        self._home = home
        self._store = store
        self._turn = asyncio.Lock()
        self._seen: object = None
        self._effects: dict[tuple[str, int], tuple[Effect, ...]] = {}
        """What waiting drafts would do, by draft and version in force."""
        home.approvals.carry_out[KIND] = self.carry_out

    # -- looking ----------------------------------------------------------------------------------------

    @property
    def is_single_operator(self) -> bool:
        """May one person propose and publish?"""
        return self._home.settings.configuration.single_operator

    def head(self) -> Version:
        """The version in force."""
        found = records.head(self._store)
        assert found is not None, "the first start keeps one"
        return found

    def files(self, number: int | None = None) -> Files:
        """The files of the version in force, or of another."""
        return records.files_of(self._store, number or self.head().number)

    def versions(self) -> list[Version]:
        """The history, the latest first."""
        return records.versions(self._store)

    def drafts(self, who: Who) -> list[Draft]:
        """What is worked on or waits, as far as it is this account's business."""
        found = records.drafts(self._store, DraftState.OPEN, DraftState.PROPOSED)
        return [self._settled(each) for each in found if may_see(who, each)]

    def find(self, draft_id: str, who: Who) -> Draft | Refusal:
        """A draft that this account may look at."""
        found = records.draft(self._store, draft_id)
        if found is None:
            return Refusal("draft_unknown", "draft_id")
        if not may_see(who, found):
            return Refusal("draft_not_yours", "draft_id", {"branch": found.branch or "-"})
        return self._settled(found)

    def draft_of(self, draft_id: str) -> Draft | None:
        """A draft whoever asks: for those who decide on it."""
        return records.draft(self._store, draft_id)

    def _settled(self, found: Draft) -> Draft:
        """A draft whose proposal was refused, withdrawn or has lapsed is open again."""
        if found.state is not DraftState.PROPOSED:
            return found
        proposal = self._home.approvals.get(found.proposal)
        is_waiting = proposal is not None and proposal.state is ProposalState.WAITING
        is_approved = proposal is not None and proposal.state is ProposalState.APPROVED
        if is_waiting or (is_approved and proposal is not None and not proposal.failure):
            return found
        records.mark_draft(self._store, found.id, DraftState.OPEN)
        return msgspec.structs.replace(found, state=DraftState.OPEN)

    def files_with(self, draft: Draft) -> Files:
        """All files as the draft has them."""
        return with_changes(self.files(draft.base), draft.changes)

    def files_before(self, draft: Draft) -> Files:
        """What the draft is compared with: what is in force. A branch's draft is compared with what it began
        with, because what others published since is not its doing and not the branch's business."""
        return self.files(draft.base if draft.branch else None)

    def bank_before(self, draft: Draft) -> Bank | None:
        """The bank of those files; None where this program reads an old version no longer."""
        if not draft.branch or draft.base == self.head().number:
            return self._home.bank
        return checked(self.files_before(draft)).bank

    def proposal_of(self, draft: Draft) -> Proposal | None:
        """The latest proposal of a draft."""
        return self._home.approvals.get(draft.proposal) if draft.proposal else None

    def looked_at(self, files: Files, name: str) -> Draft:
        """A draft with these files that is looked at and not kept."""
        head = self.head()
        changes = changes_between(self.files(head.number), files)
        return Draft("", name, "", Origin.FILES, head.number, 1, DraftState.OPEN, "", 0, "", 0, "", changes)

    # -- working on a draft -------------------------------------------------------------------------------

    def begin(
        self,
        who: Who,
        *,
        name: str,
        branch: str = "",
        by: str,
        key: str,
        files: Files | None = None,
        origin: Origin = Origin.PAGE,
    ) -> Draft | Refusal:
        """A new draft of the version in force; with `files` one that already differs. A retry is the same."""
        if refusal := refuse_scope(who, branch):
            return refusal
        name = name.strip()
        asked = {"asked": msgspec.json.encode([name, branch, origin, files is None]), **(files or {})}
        draft_id = records.draft_id_of(who.name, key, asked)
        if (before := records.begun_draft(self._store, who.name, key, draft_id)) is not None:
            return before
        now_ms, head = self._home.wall.now_ms(), self.head()
        now = self.files(head.number)
        made = Draft(
            id=draft_id,
            name=name,
            branch=branch,
            origin=origin,
            base=head.number,
            revision=1,
            state=DraftState.OPEN,
            proposal="",
            created_ms=now_ms,
            created_by=by,
            changed_ms=now_ms,
            changed_by=by,
            changes=changes_between(now, files) if files is not None else {},
        )
        if files is not None and (refusal := self._refuse_beyond(made, now, files)):
            return refusal
        return records.begin_draft(self._store, made, maker=who.name, key=key, at_most=DRAFTS_AT_MOST)

    def change(
        self, draft_id: str, changes: Sequence[Change], who: Who, *, seen: int, by: str, key: str
    ) -> Draft | Refusal:
        """All of the changes or none. The draft must be at the revision that was seen."""
        draft = self.find(draft_id, who)
        if isinstance(draft, Refusal):
            return draft
        if refusal := self._refuse_unless_open(draft, who):
            return refusal
        before = self.files(draft.base)
        files = with_changes(before, draft.changes)
        for each in changes:
            after = changed(files, each)
            if isinstance(after, Refusal):
                return after
            files = after
        if refusal := self._refuse_beyond(draft, before, files):
            return refusal
        return self._save(draft, changes_between(before, files), seen=seen, by=by, key=key)

    def _save(
        self, draft: Draft, changes: records.Changes, *, seen: int, by: str, key: str, base: int | None = None
    ) -> Draft | Refusal:
        made = msgspec.structs.replace(
            draft,
            changes=changes,
            base=draft.base if base is None else base,
            changed_ms=self._home.wall.now_ms(),
            changed_by=by,
        )
        try:
            return records.save_draft(self._store, made, seen=seen, key=key)
        except DraftChanged:
            return Refusal("draft_changed", "seen")

    def _refuse_unless_open(self, draft: Draft, who: Who) -> Refusal | None:
        if refusal := refuse_scope(who, draft.branch):
            return refusal
        if draft.state is not DraftState.OPEN:
            return Refusal("draft_not_open", "draft_id", {"state": draft.state.value})
        return None

    def _refuse_beyond(self, draft: Draft, before: Files, after: Files) -> Refusal | None:
        """A branch's draft changes nothing that is not the branch's own."""
        if not draft.branch or not beyond_branch(outline_of(before), outline_of(after), draft.branch):
            return None
        return Refusal("draft_not_yours", "changes", {"branch": draft.branch})

    def bring_up_to_date(self, draft_id: str, who: Who, *, seen: int, by: str) -> Draft | Refusal:
        """Make the draft's changes to the version in force, where others did not change the same lines."""
        draft = self.find(draft_id, who)
        if isinstance(draft, Refusal):
            return draft
        if refusal := self._refuse_unless_open(draft, who):
            return refusal
        head = self.head()
        base, now = self.files(draft.base), self.files(head.number)
        after, collisions = merged(base, with_changes(base, draft.changes), now)
        if collisions:
            return Refusal("configuration_collides", "draft_id", {"files": ", ".join(collisions)})
        if refusal := self._refuse_beyond(draft, now, after):
            return refusal
        return self._save(draft, changes_between(now, after), seen=seen, by=by, key="", base=head.number)

    def drop(self, draft_id: str, who: Who) -> Draft | Refusal:
        """Give a draft up. It stays in the records."""
        draft = self.find(draft_id, who)
        if isinstance(draft, Refusal):
            return draft
        if refusal := self._refuse_unless_open(draft, who):
            return refusal
        records.mark_draft(self._store, draft_id, DraftState.DROPPED)
        return msgspec.structs.replace(draft, state=DraftState.DROPPED)

    def restore(self, number: int, who: Who, *, name: str, by: str, key: str) -> Draft | Refusal:
        """A draft with the files of an earlier version: to go back is a change like any other."""
        if records.version(self._store, number) is None:
            return Refusal("configuration_version_unknown", "number")
        files = self.files(number)
        return self.begin(who, name=name, by=by, key=key, files=files, origin=Origin.RESTORED)

    # -- proposing and publishing ---------------------------------------------------------------------------

    async def propose(self, draft_id: str, who: Who, *, seen: int, reason: str, key: str) -> Draft | Refusal:
        """Put the draft before a second person; where one person may do both, publish it.

        The same key again from the same person is the first answer, and ends what was cut off.
        """
        async with self._turn:
            before = await asyncio.to_thread(self._proposed_before, draft_id, who, seen, reason.strip(), key)
            if isinstance(before, Version):
                await self._end(before, draft_id)
                return await self._again(draft_id)
            if before is not None:
                return before
            draft = await asyncio.to_thread(self._ready, draft_id, who, seen)
            if isinstance(draft, Refusal):
                return draft
            files = await asyncio.to_thread(self.files_with, draft)
            asked = Asked(draft.id, draft.revision, draft.base, digest_of(files), reason.strip())
            if self.is_single_operator:
                made = await self._publish(draft, asked, maker=who.name, checker="", proposal=key)
                return made if isinstance(made, Refusal) else await self._again(draft_id)
            body = msgspec.json.encode(asked)
            proposal = await self._home.approvals.propose(KIND, body, who, branch=draft.branch, key=key)
            if isinstance(proposal, Refusal):
                return proposal
            mark = partial(records.mark_draft, proposal=proposal.id)
            await asyncio.to_thread(mark, self._store, draft.id, DraftState.PROPOSED)
            await asyncio.to_thread(self._work_out_effects)
            return await self._again(draft_id)

    async def _again(self, draft_id: str) -> Draft:
        found = await asyncio.to_thread(records.draft, self._store, draft_id)
        assert found is not None, "drafts are never removed"
        return found

    def _proposed_before(
        self, draft_id: str, who: Who, seen: int, reason: str, key: str
    ) -> Draft | Version | Refusal | None:
        """What was done under this key already: the version that was published, or the draft that waits."""
        draft = self.find(draft_id, who)
        if isinstance(draft, Refusal):
            return draft
        reused = Refusal("command_id_reused", "Idempotency-Key")
        if (version := records.version_with(self._store, who.name, key)) is not None:
            is_same = (draft.base + 1, draft.revision, reason) == (version.number, seen, version.reason)
            return version if is_same and self.files_with(draft) == self.files(version.number) else reused
        if (proposal := self._home.approvals.made_with(who.name, key)) is None:
            return None
        asked = _asked.decode(proposal.body) if proposal.kind == KIND else None
        # A revision stands for its files: whatever changes them makes another.
        if asked is None or (asked.draft, asked.revision, asked.reason) != (draft_id, seen, reason):
            return reused
        return draft if draft.proposal == proposal.id else None

    def _ready(self, draft_id: str, who: Who, seen: int) -> Draft | Refusal:
        draft = self.find(draft_id, who)
        if isinstance(draft, Refusal):
            return draft
        if refusal := self._refuse_unless_open(draft, who):
            return refusal
        if draft.revision != seen:
            return Refusal("draft_changed", "seen")
        return self._refuse_to_publish(draft) or draft

    def _refuse_to_publish(self, draft: Draft) -> Refusal | None:
        if not draft.changes:
            return Refusal("configuration_nothing_changed", "draft_id")
        if draft.base != self.head().number:
            return Refusal("configuration_moved", "draft_id")
        found = checked(self.files_with(draft))
        if found.bank is None:
            return Refusal("configuration_has_mistakes", "draft_id", {"count": len(found.mistakes)})
        kept = {branch.id for branch in found.bank.branches}
        for day in self._home.open_days():
            if day.place not in kept:
                return Refusal("configuration_branch_open", "draft_id", {"branch": day.place})
        return None

    async def carry_out(self, proposal: Proposal) -> Refusal | None:
        """What happens on approval; done again after a crash it is done once."""
        asked = _asked.decode(proposal.body)
        async with self._turn:
            done = await asyncio.to_thread(records.version_of_proposal, self._store, proposal.id)
            if done is not None:
                await self._end(done, asked.draft)
                return None
            draft = await asyncio.to_thread(records.draft, self._store, asked.draft)
            if draft is None or draft.revision != asked.revision:
                return Refusal("draft_changed", "draft_id")
            maker, checker = proposal.maker, proposal.checker or ""
            made = await self._publish(draft, asked, maker=maker, checker=checker, proposal=proposal.id)
            return made if isinstance(made, Refusal) else None

    async def _end(self, done: Version, draft_id: str) -> None:
        """Finish a publication that was cut off after its version was kept."""
        await asyncio.to_thread(self._end_writing)
        await asyncio.to_thread(records.mark_draft, self._store, draft_id, DraftState.PUBLISHED)
        head = await asyncio.to_thread(self.head)
        if head.number == done.number and self._home.version.version != done.version:
            bank = await asyncio.to_thread(lambda: load(self.files(done.number)))
            assert isinstance(bank, Bank), "it was looked at before it was kept"
            self._home.take_bank(version_of(bank))

    async def _publish(
        self, draft: Draft, asked: Asked, *, maker: str, checker: str, proposal: str
    ) -> Version | Refusal:
        if refusal := await asyncio.to_thread(self._refuse_to_publish, draft):
            return refusal
        made, version = await asyncio.to_thread(self._write, draft, asked, maker, checker, proposal)
        self._home.take_bank(version)
        self._seen = None
        _log.info("Configuration %s (%s) is in force", made.number, made.version)
        return made

    def _write(
        self, draft: Draft, asked: Asked, maker: str, checker: str, proposal: str
    ) -> tuple[Version, NetworkVersion]:
        self._notice()
        files = self.files_with(draft)
        bank = load(files)
        assert isinstance(bank, Bank), "it was looked at a moment ago"
        now_ms = self._home.wall.now_ms()
        version = keep_version(self._store, bank, now_ms=now_ms)
        made = Version(
            number=draft.base + 1,
            version=version.version,
            origin=draft.origin,
            published_ms=now_ms,
            maker=maker,
            checker=checker,
            reason=asked.reason,
            proposal=proposal,
            is_written=False,
        )
        records.begin(self._store, made, files)
        self._end_writing()
        records.mark_draft(self._store, draft.id, DraftState.PUBLISHED)
        return made, version

    def _end_writing(self) -> None:
        head = self.head()
        if not head.is_written:
            write_files(self._home.folder.bank, self.files(head.number))
            records.finish(self._store, head.number)

    # -- what waits -----------------------------------------------------------------------------------------

    def effects_of(self, draft: Draft) -> tuple[Effect, ...]:
        """What a draft that waits would do; nothing until that was worked out."""
        return self._effects.get((draft.id, self.head().number), ())

    def _work_out_effects(self) -> None:
        """For those who decide: a bank of thousands of people takes a second to read."""
        head, found = self.head().number, {}
        for draft in records.drafts(self._store, DraftState.PROPOSED):
            known = self._effects.get((draft.id, head))
            before = self.bank_before(draft) if known is None else None
            after = checked(self.files_with(draft)).bank if before else None
            found[draft.id, head] = known or (tuple(effects(before, after)) if before and after else ())
        self._effects = found

    # -- files that somebody changed by hand ---------------------------------------------------------------

    async def run_once(self) -> None:
        """Look whether files were changed by hand; they become a draft that can be proposed."""
        async with self._turn:
            await asyncio.to_thread(self._notice)
            await asyncio.to_thread(self._work_out_effects)

    def _notice(self) -> None:
        seen = signature(self._home.folder.bank)
        if seen == self._seen:
            return
        head = self.head()
        before, found = self.files(head.number), read_files(self._home.folder.bank)
        if not head.is_written:
            return
        digest = digest_of(found)
        own_id = f"hand-{head.number}-{digest[: 2 * ID_BYTES]}"
        for draft in records.drafts(self._store, DraftState.OPEN):
            is_stale = draft.origin is Origin.BY_HAND and draft.id != own_id and draft.revision == 1
            if is_stale:
                records.mark_draft(self._store, draft.id, DraftState.DROPPED)
        if found != before:
            now_ms = self._home.wall.now_ms()
            made = Draft(
                id=own_id,
                name=BY_HAND_NAME,
                branch="",
                origin=Origin.BY_HAND,
                base=head.number,
                revision=1,
                state=DraftState.OPEN,
                proposal="",
                created_ms=now_ms,
                created_by="",
                changed_ms=now_ms,
                changed_by="",
                changes=changes_between(before, found),
            )
            kept = records.add_draft(self._store, made)
            if kept.state is DraftState.DROPPED:
                records.mark_draft(self._store, own_id, DraftState.OPEN)
            _log.warning("Files of the bank were changed by hand: they wait as a draft")
        self._seen = seen

    def put_files_back(self) -> None:
        """Let the folder show the version in force again; what was changed by hand stays as a draft."""
        self._notice()
        write_files(self._home.folder.bank, self.files())
        self._seen = None

    def changed_by_hand(self) -> bool:
        """Is something else in the folder than what is in force?"""
        return read_files(self._home.folder.bank) != self.files()


def may_see(who: Who, draft: Draft) -> bool:
    """Head office sees every draft, a branch its own."""
    return who.role in rights.BOUND_TO_NO_BRANCH or (bool(draft.branch) and draft.branch == who.branch)


def refuse_scope(who: Who, branch: str) -> Refusal | None:
    """Why an account may not work on a draft of that scope; None when it may."""
    if rights.may_act(who.role, "configuration.change"):
        return None
    if not branch or who.branch != branch:
        return Refusal("draft_not_yours", "branch", {"branch": branch or "-"})
    return rights.refuse_action(who.role, who.branch, action="configuration.propose", branch=branch)

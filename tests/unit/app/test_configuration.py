"""A change of the configuration: proposed, approved, published without a restart, and never half-done."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from openhall.access.approvals import ProposalState
from openhall.app import bank_files, configuration
from openhall.app.build import App, build
from openhall.app.folder import ConfigurationInvalid, Folder
from openhall.app.settings import ConfigurationSettings, Settings
from openhall.flows.day import day_rules
from openhall.hall.model import HallState
from openhall.kernel.clock import DAY_MS, ManualClock
from openhall.kernel.refusal import Refusal
from openhall.kernel.text import Text
from openhall.log import configuration as records
from openhall.log.accounts import Account
from openhall.log.configuration import Draft, DraftState, Origin
from openhall.network.editing import AddItem, Change, PutFile, RemoveItem, SetValue
from openhall.network.effect import OF_THE_DAY
from openhall.network.model import Bank
from openhall.network.sample import sample_bank, sample_files
from openhall.network.version import version_of
from tests.places import DAY, at

MAKER = Account("operations", "operations")
CHECKER = Account("administrator", "administrator")
MANAGER = Account("chen-ruolan", "manager", "lanqiao", "chen-ruolan")

LONGER_HOLD = SetValue("bank.toml", "hold.window_minutes", "45")
MORE_HEAD_START = SetValue("bank.toml", "classes[1].head_start_minutes", "25")
FEWER_PEOPLE_INSIDE = SetValue("branches.toml", "branches[0].inside_limit", "35")
SINGLE = Settings(configuration=ConfigurationSettings(single_operator=True))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(at(8, 30))


@pytest.fixture
def place(tmp_path: Path) -> Folder:
    found = Folder(tmp_path / "hall")
    found.create(sample_files())
    return found


def run(place: Folder, clock: ManualClock, work: Callable[[App], Awaitable[None]]) -> None:
    """With a writer, and stopped at the end."""

    async def whole() -> None:
        app = build(place, clock)
        await app.writer.start()
        try:
            await work(app)
        finally:
            await app.stop()

    asyncio.run(whole())


def begun(app: App, *changes: Change, who: Account = MAKER, key: str = "b1", branch: str = "") -> Draft:
    draft = app.configuration.begin(who, name="A change", branch=branch, by=who.name, key=key)
    assert isinstance(draft, Draft)
    changed = app.configuration.change(
        draft.id, changes, who, seen=draft.revision, by=who.name, key=f"{key}-1"
    )
    assert isinstance(changed, Draft), changed
    return changed


async def proposed(app: App, draft: Draft, who: Account = MAKER) -> Draft:
    found = await app.configuration.propose(
        draft.id, who, seen=draft.revision, reason="As agreed", key=f"p-{draft.id}-{draft.revision}"
    )
    assert isinstance(found, Draft), found
    return found


async def approved(app: App, draft: Draft, who: Account = CHECKER) -> str:
    """The failure of carrying it out; empty for none."""
    found = await app.approvals.decide(draft.proposal, who, is_approved=True)
    assert not isinstance(found, Refusal), found
    return found.failure


def test_a_change_needs_two_people_and_no_restart(place: Folder, clock: ManualClock) -> None:
    async def work(app: App) -> None:
        draft = await proposed(app, begun(app, LONGER_HOLD))
        assert app.bank.hold.window_minutes == 30, "proposed is not published"
        alone = await app.approvals.decide(draft.proposal, MAKER, is_approved=True)
        assert isinstance(alone, Refusal)
        assert alone.code == "approval_own"
        assert await approved(app, draft) == ""
        assert app.bank.hold.window_minutes == 45
        head = app.configuration.head()
        assert (head.number, head.maker, head.checker, head.reason) == (
            2,
            "operations",
            "administrator",
            "As agreed",
        )
        assert head.version == app.version.version
        assert b"window_minutes = 45" in (place.bank / "bank.toml").read_bytes()
        assert b"# head_start: a class counts as" in (place.bank / "bank.toml").read_bytes(), "comments stay"

    run(place, clock, work)
    run(place, clock, _holds_45)


async def _holds_45(app: App) -> None:
    assert app.bank.hold.window_minutes == 45, "after a restart too"


def test_a_day_that_is_open_keeps_its_version_and_the_next_has_the_new_one(
    place: Folder, clock: ManualClock
) -> None:
    async def work(app: App) -> None:
        branch = app.bank.branches[0]
        await app.open_day(branch, "manager")
        before = app.version.version
        draft = await proposed(app, begun(app, LONGER_HOLD, MORE_HEAD_START))
        await approved(app, draft)
        open_day = app.hall(app.today(branch))
        assert isinstance(open_day, HallState)
        assert open_day.day_rules.network_version == before
        assert open_day.day_rules.hold.window_minutes == 30
        clock.set(at(8, 30) + DAY_MS)
        await app.open_day(app.bank.branches[0], "manager")
        next_day = app.hall(app.today(app.bank.branches[0]))
        assert isinstance(next_day, HallState)
        assert next_day.stream.day == DAY + timedelta(days=1)
        assert next_day.day_rules.network_version == app.version.version != before
        assert next_day.day_rules.hold.window_minutes == 45
        assert next_day.day_rules.classes[1].head_start_minutes == 25

    run(place, clock, work)


def test_what_personal_data_is_kept_for_changes_at_once(place: Folder, clock: ManualClock) -> None:
    async def work(app: App) -> None:
        draft = await proposed(app, begun(app, SetValue("bank.toml", "privacy.keep_days", "7")))
        await approved(app, draft)
        assert app.personal.policy.keep_days == 7

    run(place, clock, work)


# --- crashes ------------------------------------------------------------------------------------------------


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize(
    "files_written", [0, 1, 2], ids=["before the files", "between two", "before the mark"]
)
def test_a_process_killed_while_it_publishes_ends_the_publication_at_its_next_start(
    place: Folder, clock: ManualClock, files_written: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(folder: Path, files: dict[str, bytes]) -> None:
        changed = [n for n in sorted(files) if (folder / n).read_bytes() != files[n]]
        for name in changed[:files_written]:
            (folder / name).write_bytes(files[name])
        raise Killed

    async def killed(app: App) -> None:
        draft = await proposed(app, begun(app, LONGER_HOLD, FEWER_PEOPLE_INSIDE))
        monkeypatch.setattr(configuration, "write_files", dies)
        with pytest.raises(Killed):
            await app.approvals.decide(draft.proposal, CHECKER, is_approved=True)
        assert app.bank.hold.window_minutes == 30
        app.store.close()

    async def again(app: App) -> None:
        assert app.bank.hold.window_minutes == 45
        assert app.configuration.head().is_written
        assert bank_files.read_files(place.bank) == app.configuration.files()
        await app.approvals.run_once()
        assert app.configuration.head().number == 2, "carried out once"
        assert app.configuration.drafts(MAKER) == [], "nobody goes on waiting for it"
        decided = app.approvals.decided()[0]
        assert (decided.state, decided.failure) == (ProposalState.APPROVED, "")
        assert decided.carried_ms is not None

    with pytest.MonkeyPatch.context():
        run(place, clock, killed)
    monkeypatch.undo()
    run(place, clock, again)


def test_a_folder_that_cannot_be_written_is_written_at_the_next_try(
    place: Folder, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(folder: Path, _: dict[str, bytes]) -> None:
        raise bank_files.BankFilesTrouble("No space left", place=str(folder))

    async def work(app: App) -> None:
        draft = await proposed(app, begun(app, LONGER_HOLD))
        with monkeypatch.context() as patch:
            patch.setattr(configuration, "write_files", full)
            with pytest.raises(bank_files.BankFilesTrouble):
                await app.approvals.decide(draft.proposal, CHECKER, is_approved=True)
        await app.approvals.run_once()
        assert app.configuration.head().is_written
        assert app.bank.hold.window_minutes == 45
        assert b"window_minutes = 45" in (place.bank / "bank.toml").read_bytes()

    run(place, clock, work)


# --- several drafts -----------------------------------------------------------------------------------------


def test_of_two_drafts_the_second_is_brought_up_to_date_and_keeps_both_changes(
    place: Folder, clock: ManualClock
) -> None:
    async def work(app: App) -> None:
        first, second = begun(app, LONGER_HOLD), begun(app, MORE_HEAD_START, key="b2")
        await approved(app, await proposed(app, first))
        stale = await app.configuration.propose(second.id, MAKER, seen=second.revision, reason="", key="p9")
        assert isinstance(stale, Refusal)
        assert stale.code == "configuration_moved"
        fresh = app.configuration.bring_up_to_date(second.id, MAKER, seen=second.revision, by="operations")
        assert isinstance(fresh, Draft)
        await approved(app, await proposed(app, fresh))
        assert (app.bank.hold.window_minutes, app.bank.classes[1].head_start_minutes) == (45, 25)

    run(place, clock, work)


def test_two_drafts_that_change_the_same_line_collide_and_neither_is_lost(
    place: Folder, clock: ManualClock
) -> None:
    async def work(app: App) -> None:
        first = begun(app, MORE_HEAD_START)
        other = begun(app, SetValue("bank.toml", "classes[1].head_start_minutes", "10"), key="b2")
        await approved(app, await proposed(app, first))
        found = app.configuration.bring_up_to_date(other.id, MAKER, seen=other.revision, by="operations")
        assert isinstance(found, Refusal)
        assert (found.code, found.detail) == ("configuration_collides", {"files": "bank.toml"})
        kept = app.configuration.find(other.id, MAKER)
        assert isinstance(kept, Draft)
        assert b"head_start_minutes = 10" in (kept.changes["bank.toml"] or b"")

    run(place, clock, work)


def test_an_approval_that_comes_after_another_publication_is_not_carried_out(
    place: Folder, clock: ManualClock
) -> None:
    async def work(app: App) -> None:
        first, second = begun(app, LONGER_HOLD), begun(app, MORE_HEAD_START, key="b2")
        first, second = await proposed(app, first), await proposed(app, second)
        assert await approved(app, first) == ""
        assert await approved(app, second) == "configuration_moved"
        assert app.bank.classes[1].head_start_minutes == 20
        open_again = app.configuration.find(second.id, MAKER)
        assert isinstance(open_again, Draft)
        assert open_again.state is DraftState.OPEN

    run(place, clock, work)


def test_who_has_not_seen_the_latest_revision_changes_nothing(place: Folder, clock: ManualClock) -> None:
    async def work(app: App) -> None:
        draft = begun(app, LONGER_HOLD)
        desk = app.configuration
        late = desk.change(draft.id, [MORE_HEAD_START], MAKER, seen=draft.revision - 1, by="x", key="k2")
        assert isinstance(late, Refusal)
        assert late.code == "draft_changed"
        retry = desk.change(draft.id, [LONGER_HOLD], MAKER, seen=draft.revision - 1, by="x", key="b1-1")
        assert retry == draft, "the same key is a retry"
        waiting = await proposed(app, draft)
        frozen = desk.change(draft.id, [MORE_HEAD_START], MAKER, seen=waiting.revision, by="x", key="k3")
        assert isinstance(frozen, Refusal)
        assert frozen.code == "draft_not_open"
        await app.approvals.withdraw(waiting.proposal, MAKER)
        assert isinstance(
            desk.change(draft.id, [MORE_HEAD_START], MAKER, seen=waiting.revision, by="x", key="k4"), Draft
        )

    run(place, clock, work)


# --- what is refused ------------------------------------------------------------------------------------


def test_proposed_by_two_at_once_a_draft_waits_once(place: Folder, clock: ManualClock) -> None:
    async def work(app: App) -> None:
        draft = begun(app, LONGER_HOLD)
        desk, seen = app.configuration, draft.revision
        both = await asyncio.gather(
            *(desk.propose(draft.id, MAKER, seen=seen, reason="", key=key) for key in ("k1", "k2"))
        )
        assert [type(each) for each in both] == [Draft, Refusal]
        waiting = app.approvals.waiting()
        assert len(waiting) == 1
        assert isinstance(both[0], Draft)
        assert both[0].proposal == waiting[0].id

    run(place, clock, work)


def test_a_draft_with_mistakes_is_kept_and_cannot_be_proposed(place: Folder, clock: ManualClock) -> None:
    async def work(app: App) -> None:
        draft = begun(app, SetValue("people.csv", "skills", ["cahs"], line=4))
        found = await app.configuration.propose(draft.id, MAKER, seen=draft.revision, reason="", key="p1")
        assert isinstance(found, Refusal)
        assert found.code == "configuration_has_mistakes"
        mistakes = configuration.checked(app.configuration.files_with(draft)).mistakes
        assert ("people.csv:4: skills", "cash") in [(str(m.place), m.suggestion) for m in mistakes]

    run(place, clock, work)


def test_a_branch_manager_changes_what_is_the_branchs_own_and_nothing_else(
    place: Folder, clock: ManualClock
) -> None:
    async def work(app: App) -> None:
        desk = app.configuration
        own = begun(app, FEWER_PEOPLE_INSIDE, who=MANAGER, branch="lanqiao")
        beyond: list[Change] = [
            LONGER_HOLD,
            SetValue("branches.toml", "branches[1].inside_limit", "35"),
            SetValue("counters.csv", "number", "9", line=2),
            AddItem("people.csv", "", {"id": "x", "name": "X", "branch": "wutong", "posts": ["guard"]}),
            RemoveItem("branches.toml", "branches[0]"),
            PutFile("more.toml", 'currency = "EUR"\n'),
        ]
        outcomes = []
        for index, change in enumerate(beyond):
            found = desk.change(own.id, [change], MANAGER, seen=own.revision, by="m", key=f"k{index}")
            outcomes.append(found.code if isinstance(found, Refusal) else "taken")
            own = own if isinstance(found, Refusal) else found
        refused = "draft_not_yours"
        assert outcomes == [refused, refused, "taken", refused, refused, refused]
        whole = desk.begin(MANAGER, name="All", by="m", key="w")
        other = desk.begin(MANAGER, name="Other", branch="wutong", by="m", key="o")
        assert [getattr(each, "code", "") for each in (whole, other)] == [refused, refused]

    run(place, clock, work)


def test_a_branch_managers_change_is_decided_at_head_office(place: Folder, clock: ManualClock) -> None:
    async def work(app: App) -> None:
        draft = await proposed(app, begun(app, FEWER_PEOPLE_INSIDE, who=MANAGER, branch="lanqiao"), MANAGER)
        deputy = Account("deputy", "manager", "lanqiao")
        found = await app.approvals.decide(draft.proposal, deputy, is_approved=True)
        assert isinstance(found, Refusal)
        assert found.code == "role_may_not"
        assert await approved(app, draft, MAKER) == ""
        assert app.bank.branches[0].inside_limit == 35

    run(place, clock, work)


def without_qingdu() -> list[Change]:
    """The sample without its largest branch, and without whatever names it or its people."""
    files = {name: body.decode() for name, body in sample_files().items()}
    gone = ["qingdu", *(p.id for p in sample_bank().people if p.branch == "qingdu")]
    lists = [n for n in files if n.endswith(".csv")]
    kept = {
        n: "".join(x for x in files[n].splitlines(keepends=True) if not any(word in x for word in gone))
        for n in lists
    }
    kept["branches.toml"] = files["branches.toml"].split('[[branches]]\nid = "qingdu"')[0]
    tables = re.split(r"(?m)^(?=\[)", files["bank.toml"])
    kept["bank.toml"] = "".join(table for table in tables if '"qingdu"' not in table)
    return [PutFile(name, text) for name, text in kept.items()]


@pytest.mark.parametrize(("is_open", "code"), [(True, "configuration_branch_open"), (False, "")])
def test_a_branch_with_an_open_day_is_not_taken_out(
    place: Folder, clock: ManualClock, is_open: bool, code: str
) -> None:
    async def work(app: App) -> None:
        draft = begun(app, *without_qingdu())
        assert configuration.checked(app.configuration.files_with(draft)).mistakes == ()
        if is_open:
            await app.open_day(next(b for b in app.bank.branches if b.id == "qingdu"), "manager")
        found = await app.configuration.propose(draft.id, MAKER, seen=draft.revision, reason="", key="p1")
        assert (found.code if isinstance(found, Refusal) else "") == code

    run(place, clock, work)


def test_a_branch_that_opens_while_its_end_waits_for_approval_stays(
    place: Folder, clock: ManualClock
) -> None:
    async def work(app: App) -> None:
        draft = await proposed(app, begun(app, *without_qingdu()))
        await app.open_day(next(b for b in app.bank.branches if b.id == "qingdu"), "manager")
        assert await approved(app, draft) == "configuration_branch_open"
        assert app.bank.branch("qingdu") is not None

    run(place, clock, work)


# --- files by hand ------------------------------------------------------------------------------------------


def by_hand(place: Folder, minutes: int = 50) -> None:
    path = place.bank / "bank.toml"
    path.write_bytes(path.read_bytes().replace(b"[hold]", f"[hold]\nwindow_minutes = {minutes}".encode()))


def without_hold(place: Folder) -> None:
    """The sample's [hold] with a window of its own would be there twice."""
    path = place.bank / "bank.toml"
    lines = [x for x in path.read_text().splitlines(keepends=True) if not x.startswith("window_minutes")]
    path.write_text("".join(lines))


def test_files_changed_by_hand_wait_as_a_draft_and_are_neither_taken_nor_lost(
    place: Folder, clock: ManualClock
) -> None:
    without_hold(place)

    async def work(app: App) -> None:
        by_hand(place)
        await app.configuration.run_once()
        assert app.bank.hold.window_minutes == 30
        (waiting,) = app.configuration.drafts(MAKER)
        assert waiting.origin is Origin.BY_HAND
        await approved(app, await proposed(app, begun(app, MORE_HEAD_START)))
        assert b"window_minutes = 50" not in (place.bank / "bank.toml").read_bytes()
        fresh = app.configuration.bring_up_to_date(waiting.id, MAKER, seen=1, by="operations")
        assert isinstance(fresh, Draft)
        await approved(app, await proposed(app, fresh))
        assert (app.bank.hold.window_minutes, app.bank.classes[1].head_start_minutes) == (50, 25)

    run(place, clock, work)


def test_a_restart_does_not_take_files_that_nobody_approved_even_broken_ones(
    place: Folder, clock: ManualClock
) -> None:
    run(place, clock, _nothing)
    (place.bank / "bank.toml").write_text("name = ")

    async def work(app: App) -> None:
        await app.configuration.run_once()
        (waiting,) = app.configuration.drafts(MAKER)
        assert [m.code for m in configuration.checked(app.configuration.files_with(waiting)).mistakes] == [
            "syntax"
        ]
        assert app.configuration.changed_by_hand()
        app.configuration.put_files_back()
        assert not app.configuration.changed_by_hand()
        await app.configuration.run_once()
        assert app.configuration.drafts(MAKER) == []

    run(place, clock, work)


async def _nothing(app: App) -> None:
    assert app.configuration.head().origin is Origin.FIRST


def test_where_one_person_runs_the_bank_files_count_at_the_next_start(
    place: Folder, clock: ManualClock
) -> None:
    without_hold(place)
    app = build(place, clock, settings=SINGLE)
    app.store.close()
    by_hand(place)
    app = build(place, clock, settings=SINGLE)
    assert app.bank.hold.window_minutes == 50
    assert app.configuration.head().origin is Origin.BY_HAND
    app.store.close()
    (place.bank / "bank.toml").write_text("name = ")
    with pytest.raises(ConfigurationInvalid):
        build(place, clock, settings=SINGLE)


def test_where_one_person_runs_the_bank_a_proposal_is_a_publication(
    place: Folder, clock: ManualClock
) -> None:
    async def work() -> None:
        app = build(place, clock, settings=SINGLE)
        draft = await proposed(app, begun(app, LONGER_HOLD))
        assert draft.state is DraftState.PUBLISHED
        assert app.bank.hold.window_minutes == 45
        assert (app.configuration.head().maker, app.configuration.head().checker) == ("operations", "")
        app.store.close()

    asyncio.run(work())


# --- going back ---------------------------------------------------------------------------------------------


def test_to_go_back_is_a_proposal_too_and_brings_the_files_back_to_the_byte(
    place: Folder, clock: ManualClock
) -> None:
    async def work(app: App) -> None:
        first = app.configuration.files(1)
        await approved(app, await proposed(app, begun(app, LONGER_HOLD, FEWER_PEOPLE_INSIDE)))
        back = app.configuration.restore(1, MAKER, name="Back", by="operations", key="r1")
        assert isinstance(back, Draft)
        await approved(app, await proposed(app, back))
        assert bank_files.read_files(place.bank) == first
        assert [v.number for v in app.configuration.versions()] == [3, 2, 1]
        assert app.configuration.versions()[0].version == app.configuration.versions()[2].version
        none = app.configuration.restore(99, MAKER, name="Back", by="operations", key="r2")
        assert isinstance(none, Refusal)

    run(place, clock, work)


# --- from when on -------------------------------------------------------------------------------------------


def test_what_is_said_to_count_from_the_next_day_is_what_a_days_rules_are_made_of() -> None:
    bank = sample_bank()
    changes: dict[str, Bank] = {
        "hold": msgspec.structs.replace(bank, hold=msgspec.structs.replace(bank.hold, times_at_most=9)),
        "call": msgspec.structs.replace(bank, call=msgspec.structs.replace(bank.call, grace_seconds=99)),
        "waits": msgspec.structs.replace(
            bank, waits=msgspec.structs.replace(bank.waits, late_after_minutes=9)
        ),
        "order": msgspec.structs.replace(bank, order=msgspec.structs.replace(bank.order, kind="strict")),
        "privacy": msgspec.structs.replace(bank, privacy=msgspec.structs.replace(bank.privacy, keep_days=3)),
        "staffing": msgspec.structs.replace(
            bank, staffing=msgspec.structs.replace(bank.staffing, windows_at_least=3)
        ),
        "name": msgspec.structs.replace(bank, name=Text(en="Other", zh="其他")),
        "pause_reasons": msgspec.structs.replace(bank, pause_reasons=("break",)),
        "people": msgspec.structs.replace(bank, people=bank.people[2:]),
        "classes": msgspec.structs.replace(bank, classes=bank.classes[:2]),
        "triage": msgspec.structs.replace(bank, triage=()),
        "leaves": msgspec.structs.replace(bank, leaves=()),
        "neighbours": msgspec.structs.replace(bank, neighbours=()),
        "holidays": msgspec.structs.replace(bank, holidays="DE"),
    }
    for key, after in changes.items():
        rules = [day_rules(version_of(b), "lanqiao", DAY) for b in (bank, after)]
        assert rules[0] is not None
        assert rules[1] is not None
        plain = [msgspec.structs.replace(r, network_version="") for r in rules if r is not None]
        assert (plain[0] != plain[1]) is (key in OF_THE_DAY), key


def test_the_records_name_files_by_their_content() -> None:
    one, other = {"a": b"1", "b": b""}, {"a": b"", "b": b"1"}
    assert records.digest_of(one) != records.digest_of(other)
    changes = records.changes_between(one, {"b": b"2", "c": b"3"})
    assert changes == {"a": None, "b": b"2", "c": b"3"}
    assert records.with_changes(one, changes) == {"b": b"2", "c": b"3"}

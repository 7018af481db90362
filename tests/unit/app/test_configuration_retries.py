"""A retry of a change of the configuration: the first answer whatever happened since, never other content."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import Connection

from openhall.app import configuration
from openhall.app.build import App, build
from openhall.app.folder import Folder
from openhall.app.settings import Settings
from openhall.kernel.clock import ManualClock
from openhall.kernel.refusal import Refusal
from openhall.log import configuration as records
from openhall.log.configuration import Draft, DraftState
from openhall.log.records import Records
from openhall.network.editing import SetValue
from openhall.network.sample import sample_files
from tests.places import at
from tests.unit.app.test_configuration import (
    CHECKER,
    LONGER_HOLD,
    MAKER,
    MORE_HEAD_START,
    SINGLE,
    approved,
    begun,
)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[[Settings], App]]:
    place = Folder(tmp_path / "hall")
    place.create(sample_files())
    apps = []

    def opening(settings: Settings) -> App:
        apps.append(build(place, ManualClock(at(8, 30)), settings=settings))
        return apps[-1]

    yield opening
    for app in apps:
        app.store.close()


@pytest.fixture
def app(opened: Callable[[Settings], App]) -> App:
    return opened(Settings())


@pytest.mark.parametrize("settings", [Settings(), SINGLE], ids=["with a second person", "alone"])
def test_a_proposal_sent_twice_is_answered_as_at_first(
    opened: Callable[[Settings], App], settings: Settings
) -> None:
    async def work() -> None:
        app = opened(settings)
        desk, draft = app.configuration, begun(app, LONGER_HOLD)
        first = await desk.propose(draft.id, MAKER, seen=draft.revision, reason="As agreed", key="p")
        assert isinstance(first, Draft)
        assert first.state is (DraftState.PUBLISHED if settings is SINGLE else DraftState.PROPOSED)
        assert await desk.propose(draft.id, MAKER, seen=draft.revision, reason="As agreed", key="p") == first
        assert len(app.approvals.waiting()) == (settings is not SINGLE)
        assert len(desk.versions()) == 1 + (settings is SINGLE)
        other = begun(app, MORE_HEAD_START, key="b2")
        for draft_id, seen, reason in (
            (draft.id, draft.revision, "Another reason"),
            (draft.id, draft.revision - 1, "As agreed"),
            (other.id, other.revision, "As agreed"),
        ):
            found = await desk.propose(draft_id, MAKER, seen=seen, reason=reason, key="p")
            assert getattr(found, "code", "") == "command_id_reused", (draft_id, seen, reason)
        theirs = await desk.propose(draft.id, CHECKER, seen=draft.revision, reason="As agreed", key="p")
        assert getattr(theirs, "code", "") == "draft_not_open", "somebody else's key is another key"

    asyncio.run(work())


def test_a_retry_after_the_approval_says_what_became_of_the_draft(app: App) -> None:
    async def work() -> None:
        desk, draft = app.configuration, begun(app, LONGER_HOLD)
        waiting = await desk.propose(draft.id, MAKER, seen=draft.revision, reason="", key="p")
        assert isinstance(waiting, Draft)
        assert await approved(app, waiting) == ""
        again = await desk.propose(draft.id, MAKER, seen=draft.revision, reason="", key="p")
        assert isinstance(again, Draft)
        assert again.state is DraftState.PUBLISHED

    asyncio.run(work())


def test_a_publication_alone_that_was_cut_off_is_ended_by_its_retry(
    opened: Callable[[Settings], App],
) -> None:
    async def work() -> None:
        app = opened(SINGLE)
        desk, draft = app.configuration, begun(app, LONGER_HOLD)
        first = await desk.propose(draft.id, MAKER, seen=draft.revision, reason="", key="p")
        records.mark_draft(app.store, draft.id, DraftState.OPEN)
        assert await desk.propose(draft.id, MAKER, seen=draft.revision, reason="", key="p") == first
        assert len(desk.versions()) == 2

    asyncio.run(work())


def test_a_draft_begun_again_is_the_same_even_when_no_more_may_be_begun(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(configuration, "DRAFTS_AT_MOST", 1)
    desk = app.configuration
    first = desk.begin(MAKER, name="One", by="x", key="k")
    assert isinstance(first, Draft)
    assert desk.begin(MAKER, name="One", by="x", key="k") == first
    full = desk.begin(MAKER, name="Two", by="x", key="k2")
    assert getattr(full, "code", "") == "drafts_full"


def test_a_key_stands_for_one_draft_with_one_content(app: App) -> None:
    desk = app.configuration
    files = {**desk.files(), "guides.toml": b""}
    first = desk.begin(MAKER, name="One", by="x", key="k", files=files)
    assert isinstance(first, Draft)
    changed = desk.change(first.id, [LONGER_HOLD], MAKER, seen=1, by="x", key="c")
    assert desk.begin(MAKER, name="One ", by="x", key="k", files=files) == changed, "as it is by now"
    others = [
        desk.begin(MAKER, name="Two", by="x", key="k", files=files),
        desk.begin(MAKER, name="One", by="x", key="k", branch="lanqiao", files=files),
        desk.begin(MAKER, name="One", by="x", key="k"),
        desk.begin(MAKER, name="One", by="x", key="k", files={**files, "guides.toml": b"# x"}),
    ]
    assert [getattr(each, "code", "") for each in others] == ["command_id_reused"] * 4
    assert isinstance(desk.begin(CHECKER, name="Two", by="y", key="k"), Draft), "another person's key"


class Overtaken:
    """Records in which somebody else writes just before each transaction."""

    def __init__(self, store: Records, first: Callable[[], object]) -> None:
        self._store, self._first = store, first

    def reading(self) -> AbstractContextManager[Connection]:
        return self._store.reading()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        self._first()
        with self._store.transaction() as connection:
            yield connection


def test_of_two_that_begin_one_draft_together_the_second_gets_the_firsts(app: App) -> None:
    like = app.configuration.begin(MAKER, name="One", by="x", key="k")
    assert isinstance(like, Draft)
    draft_id = records.draft_id_of("operations", "k2", {"asked": b"One"})
    made, later = (msgspec.structs.replace(like, id=draft_id, created_ms=at_ms) for at_ms in (1, 2))

    def beginning(store: Records, draft: Draft) -> Draft | Refusal:
        return records.begin_draft(store, draft, maker="operations", key="k2", at_most=9)

    store = Overtaken(app.store, lambda: beginning(app.store, made))
    assert beginning(store, later) == made
    by_hand, again = (msgspec.structs.replace(each, id="hand-1") for each in (made, later))
    store = Overtaken(app.store, lambda: records.add_draft(app.store, by_hand))
    assert records.add_draft(store, again) == by_hand


def test_a_draft_with_mistakes_is_refused_each_time_and_may_be_proposed_with_the_key_once_it_is_mended(
    app: App,
) -> None:
    async def work() -> None:
        desk, draft = app.configuration, begun(app, SetValue("people.csv", "skills", ["cahs"], line=4))
        for _ in range(2):
            found = await desk.propose(draft.id, MAKER, seen=draft.revision, reason="", key="p")
            assert getattr(found, "code", "") == "configuration_has_mistakes"
        mend = SetValue("people.csv", "skills", ["cash"], line=4)
        mended = desk.change(draft.id, [mend], MAKER, seen=draft.revision, by="x", key="c")
        assert isinstance(mended, Draft)
        found = await desk.propose(draft.id, MAKER, seen=mended.revision, reason="", key="p")
        assert isinstance(found, Draft)

    asyncio.run(work())

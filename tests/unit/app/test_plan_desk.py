"""Do published plans reach the halls, and colleagues the branch that they were sent to?"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path

import pytest

from openhall.app.build import App, build
from openhall.app.folder import Folder
from openhall.hall.model import HallState
from openhall.hall.model import commands as c
from openhall.hall.model.proposing import proposals
from openhall.hall.model.state import Presence
from openhall.kernel.clock import MINUTE_MS, ManualClock
from openhall.kernel.event import Answer, Command, Request
from openhall.log import plans
from openhall.network.sample import sample_files
from openhall.staffing.plan import DayPlan, Duty, Stint, WeekPlan
from openhall.workers.pool import Workers
from tests.places import DAY, at

pytestmark = pytest.mark.unit


def week(counter: str = "C1", person: str = "he-xiaozhou", day: date = DAY) -> WeekPlan:
    duty = Duty(person, "full", 540, 1020, (Stint("window", 540, 1020, counter),))
    days = (DayPlan(day, is_open=True, from_minute=540, expected=(5.0,) * 32, duties=(duty,)),)
    return WeekPlan("lanqiao", day, days, "0" * 12, "by_hand", 0.0)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(at(8, 30))


@pytest.fixture
def app(tmp_path: Path, clock: ManualClock) -> App:
    place = Folder(tmp_path / "bank")
    place.create(sample_files())
    return build(place, clock)


def run(app: App, work: Callable[[], Awaitable[None]]) -> None:
    """With the writer, and every branch's day open."""

    async def whole() -> None:
        await app.writer.start()
        try:
            for branch in app.bank.branches:
                await app.open_day(branch, "manager")
            await work()
        finally:
            await app.stop()

    asyncio.run(whole())


def hall(app: App, branch_id: str) -> HallState:
    branch = app.bank.branch(branch_id)
    assert branch is not None
    state = app.hall(app.today(branch))
    assert state is not None
    return state


def publish(app: App, plan: WeekPlan, now_ms: int) -> None:
    draft = plans.save_draft(app.store, plan, seen=None, now_ms=now_ms, by="chen")
    plans.publish(app.store, plan.branch, plan.first, seen=draft.revision, now_ms=now_ms, by="chen")
    app.plans.published_anew()


async def done(app: App, branch_id: str, command: Command) -> None:
    state = hall(app, branch_id)
    answer = await app.submit(Request(state.stream, f"test-{type(command).__name__}", "chen", command))
    assert isinstance(answer, Answer), answer


def test_an_open_hall_works_by_the_latest_published_plan(app: App) -> None:
    async def work() -> None:
        await app.plans.run_once()
        assert hall(app, "lanqiao").plan is None
        publish(app, week(), 5)
        await app.plans.run_once()
        due = proposals(hall(app, "lanqiao"), at(9))
        assert [(p.kind, p.counter_id, p.person_id) for p in due] == [("open", "C1", "he-xiaozhou")]
        before = app.book.committed_seq(hall(app, "lanqiao").stream)
        await app.plans.run_once()
        assert app.book.committed_seq(hall(app, "lanqiao").stream) == before, "taken once"
        publish(app, week("C2"), 6)
        await app.plans.run_once()
        assert [p.counter_id for p in proposals(hall(app, "lanqiao"), at(9))] == ["C2"]
        assert hall(app, "wutong").plan is None

    run(app, work)


def test_a_plan_that_the_hall_refuses_leaves_the_last_good_one(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        publish(app, week(), 5)
        await app.plans.run_once()
        publish(app, week(person="nobody-known"), 6)
        await app.plans.run_once()
        await app.plans.run_once()
        assert hall(app, "lanqiao").stints[0].person_id == "he-xiaozhou"

    run(app, work)
    assert [r.message for r in caplog.records if "person_unknown" in r.message] != []
    assert sum("person_unknown" in r.message for r in caplog.records) == 1, "said once"


def test_a_colleague_is_sent_comes_and_goes_back(app: App, clock: ManualClock) -> None:
    async def work() -> None:
        await done(app, "wutong", c.AskForPeople(1, at(12)))
        await done(app, "lanqiao", c.LendPerson("he-xiaozhou", "wutong", at(9), at(12), "r1"))
        await app.plans.run_once()
        helped = hall(app, "wutong")
        assert helped.presence["he-xiaozhou"] is Presence.COMING
        assert helped.requests["r1"].outcome == "filled"
        await app.plans.run_once()
        await done(app, "wutong", c.ReportPerson("he-xiaozhou", "present"))
        await done(app, "wutong", c.ReturnPerson("he-xiaozhou"))
        assert hall(app, "lanqiao").presence["he-xiaozhou"] is Presence.LENT
        await app.plans.run_once()
        assert hall(app, "lanqiao").is_here("he-xiaozhou")
        assert hall(app, "lanqiao").loans == {}
        clock.advance(MINUTE_MS)
        again = c.LendPerson("he-xiaozhou", "wutong", at(10), at(12))
        stream = hall(app, "lanqiao").stream
        assert isinstance(await app.submit(Request(stream, "again", "chen", again)), Answer)
        await app.plans.run_once()
        assert hall(app, "wutong").presence["he-xiaozhou"] is Presence.COMING, "a second time the same day"
        assert hall(app, "lanqiao").presence["he-xiaozhou"] is Presence.LENT

    run(app, work)


def test_the_twin_is_told_who_of_the_neighbours_could_come(tmp_path: Path, clock: ManualClock) -> None:
    place = Folder(tmp_path / "other")
    place.create(sample_files())
    app = build(place, clock, workers=Workers())

    async def work() -> None:
        assert app.twin is not None
        stream = hall(app, "wutong").stream
        assert app.twin.lendable(stream) == (), "the neighbour's doors are closed yet"
        await done(app, "lanqiao", c.OpenDoors())
        found = {helper.person_id: helper for helper in app.twin.lendable(stream)}
        near = found["he-xiaozhou"]
        assert (near.from_branch, near.travel_ms) == ("lanqiao", 20 * MINUTE_MS)
        assert "sun-tao" not in found, "may not be lent"

    run(app, work)

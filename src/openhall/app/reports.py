"""Finding a day's report: kept when the day has ended, worked out so far while it goes on."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from openhall.flows.day_report import day_report
from openhall.kernel.event import StreamId
from openhall.log.day_records import DAY_REPORTS
from openhall.log.sqlite import SqliteStore
from openhall.network.model import Branch
from openhall.review.report import DayReport, before, same_weekday

if TYPE_CHECKING:
    from openhall.app.build import App

LOOKED_BACK: Final = timedelta(days=35)
"""For the day before and the same weekday: five weeks of holidays at the most."""
SO_FAR_SECONDS: Final = 20.0


@dataclass(frozen=True)
class Compared:
    """A day and the two that it is held against."""

    report: DayReport
    before: DayReport | None
    same_weekday: DayReport | None

    @property
    def days(self) -> list[DayReport | None]:
        """This day, the worked day before, the same weekday."""
        return [self.report, self.before, self.same_weekday]


async def compared(app: App, branch: Branch, day: date) -> Compared | None:
    """The report of a day beside two earlier ones; None where the branch had no such day."""
    kept = await asyncio.to_thread(DAY_REPORTS.between, app.store, [branch.id], day - LOOKED_BACK, day)
    report = next((each for each in kept if each.day == day), None) or await so_far(app, branch, day)
    return Compared(report, before(day, kept), same_weekday(day, kept)) if report else None


async def so_far(app: App, branch: Branch, day: date) -> DayReport | None:
    """A day that goes on, or that nobody has worked out yet; None when it was never opened.

    Worked out by a worker process where there is one: a day is thousands of events.
    """
    stream, now_ms = StreamId(branch.id, day), app.clock.now_ms()
    # Any day can be asked for: looked up in the store, it need not come into memory with all its people.
    if await asyncio.to_thread(app.store.tail, stream) is None:
        return None
    answer = await app.work(work_out_one, str(app.folder.database), stream, now_ms, seconds=SO_FAR_SECONDS)
    return msgspec.json.decode(answer, type=DayReport | None)


def work_out_one(database: str, stream: StreamId, now_ms: int) -> bytes:
    """One day of a log that another process owns, as JSON."""
    with SqliteStore.open_to_read(Path(database)) as store:
        return msgspec.json.encode(day_report(stream, store.read(stream=stream), now_ms=now_ms))


async def compared_of_all(app: App, branches: list[Branch], day: date) -> list[Compared]:
    """The same beside the two days that each is held against."""
    return await asyncio.to_thread(_compared_of_all, app, [branch.id for branch in branches], day)


def _compared_of_all(app: App, branches: list[str], day: date) -> list[Compared]:
    kept: dict[str, list[DayReport]] = {branch: [] for branch in branches}
    for report in DAY_REPORTS.between(app.store, branches, day - LOOKED_BACK, day):
        kept[report.branch].append(report)
    return [
        Compared(own[-1], before(day, own), same_weekday(day, own))
        for own in kept.values()
        if own and own[-1].day == day
    ]


async def of_all(app: App, branches: list[Branch], day: date) -> list[DayReport]:
    """The kept reports of a day, in the order of the branches."""
    order = {branch.id: number for number, branch in enumerate(branches)}
    kept = await asyncio.to_thread(DAY_REPORTS.between, app.store, list(order), day, day)
    return sorted(kept, key=lambda report: order[report.branch])

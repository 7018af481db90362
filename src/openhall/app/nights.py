"""What is worked out once the halls are closed: what was learned, and what each ended day came to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from openhall.app import day_records, learning
from openhall.kernel.event import Recorded
from openhall.kernel.trouble import Trouble
from openhall.log import learned
from openhall.network.version import encode
from openhall.workers.pool import Workers

if TYPE_CHECKING:
    from openhall.app.build import App

TURN_SECONDS: Final = 60.0
WORKS_FOR_SECONDS: Final = 3_600.0
"""Deadline: two months of a large network take minutes."""
ENDS: Final = frozenset({"DayEnded", "DayForceEnded"})

_log = logging.getLogger(__name__)


class Nights:
    """Hears days end, and has the rest done by a worker process. Without one nothing is worked out."""

    def __init__(self, app: App, workers: Workers | None) -> None:
        self._app = app
        self._workers = workers
        self._is_to_learn = self._is_to_record = True
        self._believed = learned.bodies(app.store)

    def note(self, events: Sequence[Recorded]) -> None:
        """A day that has ended is news."""
        if any(recorded.type in ENDS for recorded in events):
            self._is_to_learn = self._is_to_record = True

    def believed(self, branch: str) -> bytes:
        """The latest habits of a branch as JSON; empty when none were learned."""
        return self._believed.get(branch, b"")

    async def learn_once(self) -> None:
        """Learn from the days that ended since the last time, unless a hall is open."""
        if self._workers is None or not self._is_to_learn or self._app.open_days():
            return
        self._is_to_learn = False
        try:
            await self._learn(self._workers)
        except Trouble:
            self._is_to_learn = True
            raise

    async def record_once(self) -> None:
        """Keep how the days that ended were staffed and what they came to, unless a hall is open [D7, H2]."""
        if self._workers is None or not self._is_to_record or self._app.open_days():
            return
        self._is_to_record = False
        try:
            await self._record(self._workers)
        except Trouble:
            self._is_to_record = True
            raise

    async def _learn(self, workers: Workers) -> None:
        """A worker reads the log and computes; only its result comes back here."""
        app = self._app
        about = (str(app.folder.database), encode(app.bank))
        answer = await workers.ask(learning.work_out, *about, seconds=WORKS_FOR_SECONDS)
        now_ms = app.clock.now_ms()
        kept = await asyncio.to_thread(learning.keep_worked_out, app.store, answer, now_ms=now_ms)
        self._believed = await asyncio.to_thread(learned.bodies, app.store)
        news = [each.habits.branch for each in kept if each.is_new]
        _log.info("Learning: %s branches looked at, news of %s", len(kept), ", ".join(news) or "none")

    async def _record(self, workers: Workers) -> None:
        app = self._app
        due = await asyncio.to_thread(lambda: day_records.due(app.store, app.store.streams()))
        if not due:
            return
        about = (str(app.folder.database), due)
        answer = await workers.ask(day_records.work_out, *about, seconds=WORKS_FOR_SECONDS)
        kept = await asyncio.to_thread(day_records.keep_worked_out, app.store, answer)
        _log.info("Day records: %s days kept", kept)

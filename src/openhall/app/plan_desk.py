"""Brings published plans into the halls, and colleagues from one hall to another."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from openhall.flows.lending import errands
from openhall.flows.planned_day import planned_day
from openhall.hall.model import HallState
from openhall.hall.model.commands import TakePlan
from openhall.kernel.event import SYSTEM, Answer, Request, StreamId
from openhall.kernel.refusal import Refusal
from openhall.log import plans
from openhall.log.plans import Published
from openhall.log.records import Records
from openhall.network.model import Bank

_log = logging.getLogger(__name__)


class Halls(Protocol):
    """What the desk needs of the installation."""

    @property
    def bank(self) -> Bank:
        """As configured now."""
        ...

    def open_days(self) -> Iterable[StreamId]:
        """Days that have begun and not ended."""
        ...

    def hall(self, stream: StreamId) -> HallState | None:
        """A hall as committed."""
        ...

    def open_halls(self) -> dict[str, HallState]:
        """The halls of those days, by branch."""
        ...

    async def submit(self, request: Request) -> Answer | Refusal:
        """Carry out a command."""
        ...


@dataclass
class PlanDesk:
    """One for all branches."""

    halls: Halls
    records: Records
    _published: dict[StreamId, Published | None] = field(default_factory=dict)
    """What was looked up, of today's days; empty again after a publication."""
    _refused: set[str] = field(default_factory=set)
    """Requests that a hall did not take: said once in the log, and not asked again."""

    def published_anew(self) -> None:
        """A plan was published: look again."""
        self._published.clear()

    async def run_once(self) -> None:
        """See that every open hall works by its latest plan, and that colleagues are where they were sent."""
        for stream in list(self.halls.open_days()):
            request = await self._plan_due(stream)
            if request is not None:
                await self._submit(request)
        halls = self.halls.open_halls()
        if any(state.loans for state in halls.values()):
            for request in errands(halls):
                await self._submit(request)

    async def _plan_due(self, stream: StreamId) -> Request | None:
        if stream not in self._published:
            look: Callable[..., Published | None] = plans.published_on
            self._published = {k: v for k, v in self._published.items() if k.day >= stream.day}
            self._published[stream] = await asyncio.to_thread(look, self.records, stream.place, stream.day)
        published, state = self._published[stream], self.halls.hall(stream)
        if published is None or state is None or state.is_ended:
            return None
        if state.plan is not None and state.plan.version == published.version:
            return None
        # The branch of the day's own rules: a plan for a window that the day does not know is refused anyway.
        day = planned_day(
            published.plan, published.version, self.halls.bank, state.day_rules.branch, stream.day
        )
        if day is None:
            return None
        name = f"{SYSTEM} plan {published.version} {published.published_ms}"
        return Request(stream, name, SYSTEM, TakePlan(day))

    async def _submit(self, request: Request) -> None:
        name = f"{request.stream} {request.command_id}"
        if name in self._refused:
            return
        answer = await self.halls.submit(request)
        if isinstance(answer, Refusal):
            self._refused.add(name)
            _log.warning(
                "%s took no %s: %s %s", request.stream, request.command_id, answer.code, answer.detail
            )

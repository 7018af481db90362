"""A branch behind a site, for tests whose time and turns are their own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

from litestar.testing import TestClient

from openhall.app.build import App
from openhall.hall.model import commands as c
from openhall.kernel.clock import MINUTE_MS, ManualClock
from openhall.kernel.event import SYSTEM, Answer, Command, Request, StreamId
from tests.places import on

BRANCH = "wutong"


class Behind:
    """What a test does behind the site, in its event loop."""

    def __init__(self, app: App, clock: ManualClock, client: TestClient[Any]) -> None:
        self.app, self.clock, self.client = app, clock, client
        self.stream = StreamId(BRANCH, date.min)
        self.done = 0

    def run(self, work: Callable[..., Awaitable[Any]], *args: Any) -> Any:
        """The outcome of a coroutine."""
        assert self.client.blocking_portal is not None
        return self.client.blocking_portal.call(work, *args)

    def do(self, command: Command) -> None:
        """A command that is accepted."""
        self.done += 1
        answer = self.run(self.app.submit, Request(self.stream, f"k{self.done}", SYSTEM, command))
        assert isinstance(answer, Answer), answer

    def open_morning(self, day: date, *, waiting_count: int) -> None:
        """Nine o'clock of a day of its own: doors open, one window, some people waiting for cash."""
        self.stream = StreamId(BRANCH, day)
        self.clock.set(on(day, 8))
        branch = self.app.bank.branch(BRANCH)
        assert branch is not None
        self.run(self.app.open_day, branch, SYSTEM)
        self.clock.advance(60 * MINUTE_MS)
        self.do(c.OpenDoors())
        self.do(c.OpenCounter("C2", "xu-jing"))
        for _ in range(waiting_count):
            self.do(c.IssueTicket("cash"))

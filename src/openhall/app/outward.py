"""What reaches people beside the screens: messages, customers' notices, alerts. Built and ended together."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from openhall.app import alerts, notices, technical
from openhall.app.alerts import AlertDesk
from openhall.app.blocking import Blocking
from openhall.app.messages import MessageDesk, adapters_of
from openhall.app.notices import NoticeDesk
from openhall.app.settings import Settings
from openhall.app.ticket_links import TicketLinks
from openhall.app.twin_desk import TwinDesk
from openhall.kernel.event import Recorded
from openhall.log.personal import PersonalRecords
from openhall.log.sqlite import SqliteStore
from openhall.network.alerts import MessageChannel

REFUSALS = {**alerts.REFUSALS, **notices.REFUSALS}
NOTICE_SECONDS = 1.0


class Installation(alerts.Halls, notices.Halls, Protocol):
    """What it is built from."""

    settings: Settings
    store: SqliteStore
    personal: PersonalRecords
    links: TicketLinks
    twin: TwinDesk | None


class Outward:
    """The three desks. Raises `MessagesMisconfigured`."""

    def __init__(self, app: Installation) -> None:
        self._blocking = Blocking()
        self.messages = MessageDesk(
            app.store,
            app.wall,
            random.SystemRandom().random,
            adapters_of(app.settings, app.wall),
            app.personal,
            app.links,
            lambda: app.bank,
            self._blocking,
        )

        def channels() -> Sequence[MessageChannel]:
            return self.messages.channels

        self.notices = NoticeDesk(app, app.store, app.personal, channels, self._blocking)
        self.alerts = AlertDesk(app, app.store, channels, self._blocking)
        self.alerts.sources.append(lambda: technical.troubles(app.twin, self.messages))

    @property
    def desks(self) -> tuple[MessageDesk, NoticeDesk, AlertDesk]:
        """Under the names that the doors use."""
        return self.messages, self.notices, self.alerts

    def note(self, events: Sequence[Recorded]) -> None:
        """Something happened in a hall."""
        self.notices.note(events)
        self.alerts.note(events)

    def turns(self) -> list[tuple[str, Callable[[], Awaitable[None]], float]]:
        """(name, turn, seconds) of everything that is done again and again."""
        return [
            ("notice", self.notices.run_once, NOTICE_SECONDS),
            ("alert", self.alerts.run_once, alerts.TURN_SECONDS),
            *self.messages.turns(),
        ]

    async def close(self) -> None:
        """Let connections go, and wait for what still writes."""
        await self.messages.close()
        await self._blocking.finish()

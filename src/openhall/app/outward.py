"""What reaches people beside the screens: messages, customers' notices and reminders, alerts.

Built and ended together.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from openhall.app import alerts, notices, reminders
from openhall.app.alert_telling import Telling
from openhall.app.alerts import AlertDesk
from openhall.app.appointments import AppointmentDesk
from openhall.app.blocking import Blocking
from openhall.app.messages import MessageDesk, adapters_of
from openhall.app.notices import NoticeDesk
from openhall.app.reminders import ReminderDesk
from openhall.app.settings import Settings
from openhall.app.ticket_links import TicketLinks
from openhall.app.twin_desk import TwinDesk
from openhall.kernel.event import Recorded
from openhall.log.personal import PersonalRecords
from openhall.log.sqlite import SqliteStore
from openhall.network.alerts import MessageChannel

REFUSALS = {**alerts.REFUSALS, **notices.REFUSALS}
NOTICE_SECONDS = 1.0


class Installation(alerts.Halls, notices.Halls, reminders.Days, Protocol):
    """What it is built from."""

    settings: Settings
    store: SqliteStore
    personal: PersonalRecords
    links: TicketLinks
    appointment_links: TicketLinks
    appointments: AppointmentDesk
    twin: TwinDesk | None


class Outward:
    """The desks. Raises `MessagesMisconfigured`."""

    def __init__(self, app: Installation) -> None:
        self._blocking = Blocking()
        self.messages = MessageDesk(
            app.store,
            app.wall,
            random.SystemRandom().random,
            adapters_of(app.settings, app.wall),
            app.personal,
            {"ticket_id": app.links, "appointment_id": app.appointment_links},
            lambda: app.bank,
            self._blocking,
        )

        def channels() -> Sequence[MessageChannel]:
            return self.messages.channels

        self.notices = NoticeDesk(app, app.store, app.personal, channels, self._blocking)
        self.reminders = ReminderDesk(
            app, app.appointments.state, app.store, app.personal, channels, self._blocking
        )
        self.messages.judges[reminders.KIND] = self.reminders.judge
        self.telling = Telling(app.store, app.wall, lambda: app.bank, channels, self._blocking)
        """What becomes of alerts, for whoever finds some."""
        self.alerts = AlertDesk(app, self.telling)

    @property
    def desks(self) -> tuple[MessageDesk, NoticeDesk, AlertDesk]:
        """Under the names that the doors use."""
        return self.messages, self.notices, self.alerts

    def note(self, events: Sequence[Recorded]) -> None:
        """Something happened in a hall."""
        self.notices.note(events)
        self.reminders.note(events)
        self.alerts.note(events)

    def turns(self) -> list[tuple[str, Callable[[], Awaitable[None]], float]]:
        """(name, turn, seconds) of everything that is done again and again."""
        return [
            ("notice", self.notices.run_once, NOTICE_SECONDS),
            ("reminder", self.reminders.run_once, reminders.TURN_SECONDS),
            ("alert", self.alerts.run_once, alerts.TURN_SECONDS),
            *self.messages.turns(),
        ]

    async def close(self) -> None:
        """Let connections go, and wait for what still writes."""
        await self.messages.close()
        await self._blocking.finish()

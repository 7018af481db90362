"""Watches every open hall for the nine kinds of alert, keeps them, and tells recipients through the outbox.

Some halls each second, each of them at least every ten seconds: what is looked at is plain arithmetic over a
hall's tickets. What an alert has become is on the disk before anybody is told; after a restart it goes on
from there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from sqlalchemy import select

from openhall.app.alert_telling import Telling, line_of
from openhall.app.message_words import ACTION_NAMES
from openhall.flows.alert_figures import WATCHED, Watched, hall_figures
from openhall.hall.model import ROOM as HALL
from openhall.hall.model.state import Doors, HallState
from openhall.kernel.clock import MINUTE_MS, Clock
from openhall.kernel.event import Recorded, StreamId
from openhall.kernel.refusal import Refusal, refusals
from openhall.log import alerts as alerts_log
from openhall.log.alerts import Changed
from openhall.log.schema import events
from openhall.network.alerts import AlertTopic
from openhall.network.model import Bank
from openhall.review.alert_kinds import MEASURES, HallFigures
from openhall.review.alerts import LEVELS, Alert, acknowledge, end, step

TURN_SECONDS: Final = 1.0
ROUND_TURNS: Final = 10
"""However many halls are open, each is looked at once in so many turns, that is seconds."""
HALLS_AT_LEAST: Final = 8
"""In one turn: a small bank's halls are looked at each second."""

REFUSALS: Final = refusals(
    alert_unknown=("There is no such alert.", "Look at the list as it is now."),
    alert_over=("This alert is over by now.", "Nothing needs to be done."),
    alert_acknowledged=("{person} has taken this on already.", "Ask them, or leave it to them."),
)


class Halls(Protocol):
    """What the desk needs of the installation."""

    @property
    def clock(self) -> Clock:
        """The hall's time."""
        ...

    @property
    def wall(self) -> Clock:
        """The real time."""
        ...

    @property
    def bank(self) -> Bank:
        """As configured now."""
        ...

    def open_days(self) -> list[StreamId]:
        """Days that have begun and not ended."""
        ...

    def hall(self, stream: StreamId) -> HallState | None:
        """A hall as committed."""
        ...


@dataclass
class _Watch:
    """What is known about one hall besides its state."""

    watched: Watched
    number: int
    """Alerts of the day so far."""
    seq: int = 0
    """The last event that was read from the log."""


class AlertDesk:
    """The alerts of every hall."""

    def __init__(self, halls: Halls, telling: Telling) -> None:
        self._halls, self._telling = halls, telling
        self._records, self._blocking = telling.records, telling.blocking
        self._watches: dict[StreamId, _Watch] = {}
        self._standing: dict[str, dict[AlertTopic, Alert]] = {}
        """By branch: what has not been cleared."""
        for alert in alerts_log.standing(self._records):
            if alert.kind != "technical":
                self._standing.setdefault(alert.branch, {})[alert.kind] = alert
        self._next = 0
        self._lock = asyncio.Lock()

    # -- looking --------------------------------------------------------------------------------------

    def note(self, committed: Sequence[Recorded]) -> None:
        """Take what a hall's state does not keep."""
        for recorded in committed:
            watch = self._watches.get(recorded.stream) if recorded.type in WATCHED else None
            if watch is not None and recorded.seq > watch.seq:
                event = HALL.read(recorded.type, recorded.version, recorded.body)
                watch.watched.note(event, recorded.at_ms)

    async def run_once(self) -> None:
        """Look at this turn's share of the open halls, and end what belongs to days that are over."""
        days = self._halls.open_days()
        share = max(HALLS_AT_LEAST, -(-len(days) // ROUND_TURNS))
        for stream in days[self._next : self._next + share]:
            await self.look(stream)
            # A third of a millisecond each: somebody who presses a button need not wait for all of them.
            await asyncio.sleep(0)
        self._next += share
        if self._next >= len(days):
            self._next = 0
            await self._end_others(days)

    async def look(self, stream: StreamId) -> None:
        """One hall, now."""
        watch = self._watches.get(stream) or self._begin(stream)
        state = self._halls.hall(stream)
        if state is None or state.is_ended or state.doors is Doors.NOT_YET:
            return
        now_ms, policy = self._halls.clock.now_ms(), self._halls.bank.alerts
        figures = hall_figures(state, watch.watched, policy, now_ms)
        async with self._lock:
            found = self._step_all(stream, watch, figures)
            changed = [(alert, line) for alert, line in found if line is not None]
            if changed:
                await self._telling.keep(changed)
            # Only now: when the disk takes nothing, the same is found again at the next look.
            self._take([alert for alert, _ in found])

    def _begin(self, stream: StreamId) -> _Watch:
        """The first look at a hall's day: what happened before comes from the log."""
        watched = Watched()
        wanted = (events.c.stream == str(stream)) & events.c.type.in_(WATCHED)
        columns = (events.c.seq, events.c.type, events.c.version, events.c.body, events.c.at_ms)
        seq = 0
        with self._records.reading() as connection:
            for row in connection.execute(select(*columns).where(wanted).order_by(events.c.seq)):
                watched.note(HALL.read(row.type, row.version, _bytes(row.body)), row.at_ms)
                seq = row.seq
        number = alerts_log.raised_count(self._records, stream.place, stream.day.isoformat())
        for other in [each for each in self._watches if each.place == stream.place]:
            del self._watches[other]
        watch = self._watches[stream] = _Watch(watched, number, seq)
        return watch

    def _step_all(
        self, stream: StreamId, watch: _Watch, figures: HallFigures
    ) -> list[tuple[Alert, Changed | None]]:
        policy, day = self._halls.bank.alerts, stream.day.isoformat()
        own = self._standing.get(stream.place, {})
        found: list[tuple[Alert, Changed | None]] = []
        for kind, measure in MEASURES.items():
            standing = own.get(kind)
            if standing is not None and standing.day != day:
                continue
            alert, change = step(
                standing,
                policy.rule(kind, stream.place),
                measure(figures),
                now_ms=figures.at_ms,
                calm_ms=policy.calm_minutes * MINUTE_MS,
                new=(f"{stream.place}-{day}-{watch.number + 1}", stream.place, day),
            )
            if alert is not None and alert != standing:
                watch.number += change == "raised"
                found.append((alert, line_of(alert, change, figures.at_ms) if change else None))
        return found

    def _take(self, alerts: Iterable[Alert]) -> None:
        for alert in alerts:
            own = self._standing.setdefault(alert.branch, {})
            if alert.is_standing:
                own[alert.kind] = alert
            else:
                own.pop(alert.kind, None)

    async def _end_others(self, days: Sequence[StreamId]) -> None:
        """A day that is over has no alerts any more."""
        open_now = {(day.place, day.day.isoformat()) for day in days}
        now_ms = self._halls.clock.now_ms()
        async with self._lock:
            over = [
                end(alert, now_ms)
                for own in self._standing.values()
                for alert in own.values()
                if (alert.branch, alert.day) not in open_now
            ]
            if over:
                await self._telling.keep([(alert, line_of(alert, "cleared", now_ms)) for alert in over])
                self._take(over)
        for stream in self._watches.keys() - set(days):
            del self._watches[stream]

    # -- what screens show ----------------------------------------------------------------------------

    def standing(self, branch: str = "") -> list[Alert]:
        """What is the case now, the worst first; of one branch, or of all."""
        own = [self._standing.get(branch, {})] if branch else self._standing.values()
        found = [alert for alerts in own for alert in alerts.values()]
        return sorted(
            found, key=lambda a: (bool(a.acknowledged_ms), -LEVELS.index(a.level), a.raised_ms, a.id)
        )

    # -- acknowledging --------------------------------------------------------------------------------

    async def acknowledge(self, branch: str, alert_id: str, *, by: str, action: str) -> Alert | Refusal:
        """Somebody takes an alert on. The same person again gets the same answer."""
        async with self._lock:
            alert = next((a for a in self._standing.get(branch, {}).values() if a.id == alert_id), None)
            if alert is None:
                found = await self._blocking.run(alerts_log.find, self._records, alert_id)
                is_known = found is not None and found.branch == branch
                return Refusal("alert_over" if is_known else "alert_unknown", "alert_id")
            if alert.acknowledged_ms:
                if alert.acknowledged_by == by:
                    return alert
                return Refusal("alert_acknowledged", "alert_id", {"person": alert.acknowledged_by})
            assert action in ACTION_NAMES, action
            now_ms = self._halls.clock.now_ms()
            taken = acknowledge(alert, by=by, action=action, now_ms=now_ms)
            line = line_of(taken, "acknowledged", now_ms, actor=by, action=action)
            await self._telling.keep([(taken, line)])
            self._take([taken])
            return taken


def _bytes(body: bytes | str) -> bytes:
    return body.encode() if isinstance(body, str) else body

"""Tells customers who asked for it that their time is booked, reminds them of it, and tells them when a
colleague had to cancel it [C17].

A wish names a day and a sealed contact; the day's own record says which appointment has that contact, and
what has become of it. So nothing has to be undone when somebody cancels or moves: what is not booked any more
is not found, and what waits to be sent is looked at once more before it goes. Each message is written under
its cause, so it goes out once however often the cause is looked at, also over restarts. Whose appointment a
colleague cancels is told before the wish and the sealed contact go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from openhall.access.rights import HOLDER
from openhall.app.blocking import Blocking
from openhall.hall.booking import reminders, waking_ms
from openhall.hall.model.asked import Appointment, AppointmentStatus
from openhall.hall.model.state import HallState
from openhall.kernel.clock import DAY_MS, HOUR_MS, Clock, to_datetime
from openhall.kernel.event import Recorded, StreamId
from openhall.log import outbox
from openhall.log import reminders as reminders_log
from openhall.log.outbox import Draft, Message
from openhall.log.personal import PersonalRecords
from openhall.log.records import Records
from openhall.log.reminders import Wish
from openhall.network.alerts import MessageChannel
from openhall.network.model import Bank, Branch

KIND: Final = "appointment"
"""Of the messages, and of the sealed records."""
MOVED: Final = "moved"
"""Why the old one of two appointments is cancelled: its holder has another, and is told of that."""
CANCELLED: Final = f"{KIND}.cancelled"
STILL_TO_GO: Final = frozenset({"waiting", "dead"})
"""Messages that go out, or do when somebody sends them again by hand."""
CONFIRMED_WITHIN_MS: Final = HOUR_MS
"""A booking is confirmed so soon after it or not at all."""
LOOK_MS: Final = 30_000
TURN_SECONDS: Final = 2.0


class Days(Protocol):
    """What the desk needs of the installation."""

    @property
    def clock(self) -> Clock:
        """The hall's time, which may run fast."""
        ...

    @property
    def wall(self) -> Clock:
        """The real time, by which messages live."""
        ...

    @property
    def bank(self) -> Bank:
        """As configured now."""
        ...

    def local_day(self, branch: Branch) -> date:
        """The branch's calendar day now."""
        ...


class ReminderDesk:
    """Keeps the wishes of those who have booked, and looks after them."""

    def __init__(
        self,
        days: Days,
        state: Callable[[StreamId], HallState],
        records: Records,
        personal: PersonalRecords,
        channels: Callable[[], Sequence[MessageChannel]],
        blocking: Blocking,
    ) -> None:
        """`state` is the committed state of any day, opened or not."""
        self._days, self._state, self._records = days, state, records
        self._personal, self._channels, self._blocking = personal, channels, blocking
        self._wishes: dict[StreamId, dict[str, Wish]] = {}
        for wish in reminders_log.every(records):
            self._wishes.setdefault(wish.stream, {})[wish.contact_ref] = wish
        self._moved = set(self._wishes)
        self._telling: set[StreamId] = set()
        """Days on which somebody is being told that their appointment is cancelled."""
        self._said: set[str] = set()
        """Causes that are in the outbox by now, so that looking writes nothing."""
        self._looked_ms = 0

    # -- wishes ---------------------------------------------------------------------------------------

    def offered(self) -> tuple[MessageChannel, ...]:
        """The channels by which somebody who books can be reminded now."""
        if not self._days.bank.appointments.reminder_hours:
            return ()
        return tuple(channel for channel in self._channels() if channel != "staff")

    def wish(self, stream: StreamId, contact_ref: str) -> Wish | None:
        """How the holder of an appointment is reached; None for nobody."""
        return self._wishes.get(stream, {}).get(contact_ref)

    async def keep(self, wish: Wish) -> None:
        """Remind somebody from now on."""
        await self._blocking.run(reminders_log.put, self._records, wish)
        self._wishes.setdefault(wish.stream, {})[wish.contact_ref] = wish
        self._moved.add(wish.stream)

    async def forget(self, stream: StreamId, contact_ref: str) -> None:
        """Remind somebody no more."""
        wish = self.wish(stream, contact_ref)
        if wish is not None:
            await self._blocking.run(reminders_log.remove, self._records, wish)
            self._wishes[stream].pop(contact_ref, None)

    async def given_up(self, stream: StreamId, appointment_id: str) -> None:
        """An appointment was cancelled: what was left to reach its holder by is erased, at once or when the
        holder was told."""
        gone = self._state(stream).appointments[appointment_id]
        if gone.cancelled_for == MOVED:
            return
        if _is_to_be_told(gone) and self.wish(stream, gone.contact_ref) is not None:
            self._moved.add(stream)
            return
        await self._erase(stream, gone)

    async def _erase(self, stream: StreamId, gone: Appointment) -> None:
        await self.forget(stream, gone.contact_ref)
        await self._blocking.run(
            self._personal.erase, gone.contact_ref, gone.cancelled_by, "appointment_given_up"
        )

    # -- looking after them ---------------------------------------------------------------------------

    def note(self, events: Sequence[Recorded]) -> None:
        """Something happened on a day with wishes."""
        if self._wishes:
            self._moved |= {recorded.stream for recorded in events} & self._wishes.keys()

    async def run_once(self) -> None:
        """Look at days that moved, and twice a minute at those that are near: time alone makes one due."""
        now_ms = self._days.clock.now_ms()
        if abs(now_ms - self._looked_ms) >= LOOK_MS:
            self._looked_ms = now_ms
            self._moved |= {stream for stream in self._wishes if self._is_near(stream)} | self._telling
        while self._moved:
            await self._look(self._moved.pop())

    def _is_near(self, stream: StreamId) -> bool:
        branch = self._days.bank.branch(stream.place)
        if branch is None:
            return True
        hours = max(self._days.bank.appointments.reminder_hours, default=0)
        # A night more, because a reminder may go out before the quiet hours in place of in them.
        return (stream.day - self._days.local_day(branch)).days <= hours * HOUR_MS // DAY_MS + 2

    async def _look(self, stream: StreamId) -> None:
        branch = self._days.bank.branch(stream.place)
        wishes = self._wishes.get(stream, {})
        if branch is None or stream.day < self._days.local_day(branch):
            for contact_ref in list(wishes):
                await self.forget(stream, contact_ref)
            self._wishes.pop(stream, None)
            return
        booked = list(self._state(stream).appointments.values())
        drafts = [
            draft
            for appointment in booked
            if appointment.status is AppointmentStatus.BOOKED
            and (wish := wishes.get(appointment.contact_ref)) is not None
            for draft in self._due(branch, appointment, wish)
            if draft.cause not in self._said
        ]
        if drafts:
            await self._blocking.run(outbox.put, self._records, drafts, self._days.wall.now_ms())
            self._said |= {draft.cause for draft in drafts}
        await self._look_at_gone(branch, stream, booked)

    async def _look_at_gone(self, branch: Branch, stream: StreamId, booked: Sequence[Appointment]) -> None:
        """Tell those whose appointment a colleague cancelled; who was told, or cancelled, leaves nothing."""
        self._telling.discard(stream)
        for contact_ref, wish in list(self._wishes.get(stream, {}).items()):
            own = [each for each in booked if each.contact_ref == contact_ref]
            gone = [each for each in own if not each.holds_slot and each.cancelled_for != MOVED]
            if not gone or any(each.holds_slot for each in own):
                continue
            if _is_to_be_told(gone[-1]) and await self._is_telling(branch, gone[-1], wish):
                self._telling.add(stream)
            else:
                await self._erase(stream, gone[-1])

    async def _is_telling(self, branch: Branch, gone: Appointment, wish: Wish) -> bool:
        """Write the message if it is new; is it still to go out?"""
        if gone.at_ms <= self._days.clock.now_ms():
            return False
        draft = self._draft(branch, gone, wish, "cancelled", gone.at_ms)
        if draft.cause not in self._said:
            await self._blocking.run(outbox.put, self._records, [draft], self._days.wall.now_ms())
            self._said.add(draft.cause)
        kept = await self._blocking.run(outbox.find, self._records, outbox.message_id(draft.cause))
        return kept is not None and kept.state in STILL_TO_GO

    def _due(self, branch: Branch, booked: Appointment, wish: Wish) -> Iterator[Draft]:
        """What the customer is to know now: of reminders that fell due meanwhile the last one alone."""
        now_ms, policy = self._days.clock.now_ms(), self._days.bank.appointments
        if booked.at_ms <= now_ms:
            return
        if now_ms - booked.booked_ms < CONFIRMED_WITHIN_MS:
            yield self._draft(branch, booked, wish, "booked", booked.at_ms)
        zone = ZoneInfo(branch.timezone)
        times = reminders(policy, at_ms=booked.at_ms, booked_ms=booked.booked_ms, zone=zone)
        due = [hours for moment_ms, hours in times if moment_ms <= now_ms]
        if due:
            until_ms = min([booked.at_ms, *(moment_ms for moment_ms, _ in times if moment_ms > now_ms)])
            yield self._draft(branch, booked, wish, "reminder", until_ms, turn=f"{due[-1]}h")

    def _draft(
        self, branch: Branch, booked: Appointment, wish: Wish, name: str, until_ms: int, *, turn: str = ""
    ) -> Draft:
        at = to_datetime(booked.at_ms, ZoneInfo(branch.timezone))
        good_for_ms = until_ms - self._days.clock.now_ms()
        return Draft(
            cause=f"{KIND} {wish.stream} {booked.id} {wish.contact_ref} {name} {turn}".strip(),
            kind=KIND,
            branch=branch.id,
            channel=wish.channel,
            template=f"{KIND}.{name}",
            expires_ms=self._days.wall.now_ms() + good_for_ms,
            contact_ref=wish.contact_ref,
            blanks={
                "branch": branch.id,
                "day": wish.stream.day.isoformat(),
                "appointment_id": booked.id,
                "date": wish.stream.day.isoformat(),
                "time": at.strftime("%H:%M"),
                "code": f"{booked.code[:4]}-{booked.code[4:]}",
            },
            language=wish.language,
        )

    # -- before one is sent ---------------------------------------------------------------------------

    def judge(self, message: Message) -> int | None:
        """When a message may go out, by the real clock: 0 now, or when the quiet hours end; None for one of
        an appointment that is not as the message says any more."""
        branch = self._days.bank.branch(message.branch)
        if branch is None:
            return None
        stream = StreamId(message.branch, date.fromisoformat(str(message.blanks["day"])))
        booked = self._state(stream).appointments.get(str(message.blanks["appointment_id"]))
        now_ms = self._days.clock.now_ms()
        is_of_cancelled = message.template == CANCELLED
        said_of = AppointmentStatus.CANCELLED if is_of_cancelled else AppointmentStatus.BOOKED
        if booked is None or booked.status is not said_of or booked.at_ms <= now_ms:
            return None
        if message.template == f"{KIND}.booked":
            return 0
        awake_ms = waking_ms(self._days.bank.appointments, now_ms, ZoneInfo(branch.timezone))
        if awake_ms <= now_ms or (is_of_cancelled and awake_ms >= booked.at_ms):
            return 0
        return self._days.wall.now_ms() + awake_ms - now_ms


def _is_to_be_told(gone: Appointment) -> bool:
    """Whether somebody else than its holder cancelled it."""
    return gone.cancelled_by != HOLDER

"""Appointments on any day that can be booked: what is offered, booking, giving up, moving [C17].

A booking is an event of the day that it is for, in that day's own log, also before the day opens. So a day's
hall replays from its own events alone, and two people who want the last place of a slot are told apart by the
one writer of that day.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, Literal
from zoneinfo import ZoneInfo

import msgspec
from icalendar import Calendar, Event

from openhall.app.reminders import MOVED
from openhall.hall import views_asked
from openhall.hall.booking import BookingTerms, terms_of
from openhall.hall.model import ROOM as HALL
from openhall.hall.model import HallState
from openhall.hall.model.asked import Appointment
from openhall.hall.model.commands import (
    BookAppointment,
    CancelAppointment,
    CheckInAppointment,
    OfferAppointments,
)
from openhall.hall.model.events import AppointmentBooked
from openhall.kernel.clock import MINUTE_MS, local_ms, to_datetime
from openhall.kernel.event import SYSTEM, Answer, Command, Request, StreamId
from openhall.kernel.refusal import Refusal, refusals
from openhall.kernel.text import Language
from openhall.log.reminders import Wish
from openhall.network.alerts import MessageChannel
from openhall.network.calendar import moments_on, services_at
from openhall.network.model import Branch

if TYPE_CHECKING:
    from openhall.app.build import App
    from openhall.app.reminders import ReminderDesk

PURPOSE: Final = b"openhall: a customer's own appointment"
SALT_BYTES: Final = 16
KIND: Final = "appointment"
"""Of what a customer leaves with us to be reached by."""
LOOKED_BACK_DAYS: Final = 31
DAYS_AHEAD_MOST: Final = 60
"""As the configuration's own limit."""

REFUSALS: Final = refusals(
    day_not_bookable=(
        "No appointments can be made for {day}.",
        "Choose one of the days on the list.",
    ),
    reminders_not_offered=(
        "Reminders are not sent this way here.",
        "Choose another way, or book without one: the code is all you need.",
    ),
    appointment_past=("The day of this appointment is over.", "Make another appointment."),
    appointment_elsewhere=(
        "This appointment is at {branch}.",
        "Go there, or take a number here.",
    ),
)


class Contact(msgspec.Struct, frozen=True):
    """What a customer leaves to be reached by; the door has checked it. Without a channel nobody is reminded,
    and a colleague calls when something changes."""

    name: str = ""
    phone: str = ""
    channel: MessageChannel | None = None
    to: str = ""
    language: Language = "zh"
    consent: str = ""
    """The version of the wording that the customer was shown and agreed to."""

    @property
    def data(self) -> dict[str, str]:
        """What is sealed."""
        given = {"name": self.name, "phone": self.phone, "to": self.to}
        return {name: value.strip() for name, value in given.items() if value.strip()}


class AppointmentDesk:
    """What the doors use to book; it keeps nothing of its own."""

    def __init__(self, app: App, random_bytes: Callable[[int], bytes]) -> None:
        self._app = app
        self._random_bytes = random_bytes

    # -- what there is --------------------------------------------------------------------------------

    def terms(self, branch: Branch, day: date) -> BookingTerms | None:
        """What the bank offers on a day as configured now; None for nothing."""
        bank = self._app.bank
        moments = moments_on(bank, branch, day)
        if moments is None:
            return None
        return terms_of(bank.appointments, branch, services_at(bank, branch), moments)

    def days(self, branch: Branch) -> list[date]:
        """The days on which something is offered, today first."""
        return list(self._days(branch))

    def is_offered(self, branch: Branch) -> bool:
        """Is there such a day? Found at the first one: customers ask this of every branch at once."""
        return next(self._days(branch), None) is not None

    def _days(self, branch: Branch) -> Iterator[date]:
        today = self._app.local_day(branch)
        ahead = (today + timedelta(days=n) for n in range(self._app.bank.appointments.days_ahead + 1))
        return (day for day in ahead if self.terms(branch, day) is not None)

    def days_off_the_list(self, branch: Branch) -> list[date]:
        """The days with appointments that are not offered any more, such as one that the branch is closed on
        now: nothing else leads to it."""
        today = self._app.local_day(branch)
        ahead = (today + timedelta(days=n) for n in range(self._app.bank.appointments.days_ahead + 1))
        return [
            day
            for day in ahead
            if views_asked.off_the_list(self.state(StreamId(branch.id, day)), self.terms(branch, day))
        ]

    def refuse_far(self, branch: Branch, day: date) -> Refusal | None:
        """Why a day is not looked at: nobody can have booked it, or it is long past."""
        ahead = (day - self._app.local_day(branch)).days
        if -LOOKED_BACK_DAYS <= ahead <= DAYS_AHEAD_MOST:
            return None
        return Refusal("day_not_bookable", "day", {"day": day.isoformat()})

    def state(self, stream: StreamId) -> HallState:
        """The committed state of any day, opened or not. Look, do not keep."""
        state: HallState = self._app.book.committed(stream, HALL.name)
        return state

    def find(self, stream: StreamId, appointment_id: str) -> Appointment | None:
        """An appointment of a day."""
        return self.state(stream).appointments.get(appointment_id)

    def told(self, branch: Branch, command: Command, refusal: Refusal) -> Refusal:
        """A refusal as it helps best: a code that another branch knows today names that branch."""
        if refusal.code != "appointment_unknown" or not isinstance(command, CheckInAppointment):
            return refusal
        others = (b for b in self._app.bank.branches if b.id != branch.id)
        found = next((b for b in others if command.code in self.state(self._app.today(b)).codes), None)
        return Refusal("appointment_elsewhere", "code", {"branch": found.id}) if found else refusal

    # -- what can be done -----------------------------------------------------------------------------

    async def book(
        self,
        branch: Branch,
        day: date,
        wish: BookAppointment,
        *,
        actor: str,
        key: str,
        contact: Contact | None = None,
    ) -> AppointmentBooked | Refusal:
        """Book; the same key again is the same booking. Raises `Trouble`.

        What a customer leaves to be reached by is sealed first, and erased when there is no booking after
        all.
        """
        terms = self.terms(branch, day)
        today = self._app.local_day(branch)
        ahead = (day - today).days
        if terms is None or not 0 <= ahead <= self._app.bank.appointments.days_ahead:
            return Refusal("day_not_bookable", "day", {"day": day.isoformat()})
        stream = StreamId(branch.id, day)
        ref = await self._seal(branch, stream, contact or Contact(), actor, key=f"{stream} {key}")
        if isinstance(ref, Refusal):
            return ref
        await self._offer(stream, terms)
        command = msgspec.structs.replace(wish, contact_ref=ref or wish.contact_ref)
        done = await self._app.submit(Request(stream, key, actor, command))
        if isinstance(done, Refusal):
            if ref:
                await self._reminders.forget(stream, ref)
                await asyncio.to_thread(self._app.personal.erase, ref, actor, "not_recorded")
            return done
        return _booked(done)

    async def cancel(
        self, stream: StreamId, appointment_id: str, *, reason: str, actor: str, key: str
    ) -> Answer | Refusal:
        """Give it up; what the customer left to be reached by goes with it, as soon as a customer who has to
        be told was told."""
        booked = self.find(stream, appointment_id)
        if booked is None:
            return Refusal("appointment_unknown", "appointment_id")
        branch = self._app.bank.branch(stream.place)
        if branch is None or stream.day < self._app.local_day(branch):
            return Refusal("appointment_past", "appointment_id")
        done = await self._app.submit(Request(stream, key, actor, CancelAppointment(appointment_id, reason)))
        if isinstance(done, Answer) and booked.contact_ref:
            await self._reminders.given_up(stream, appointment_id)
        return done

    async def move(
        self,
        stream: StreamId,
        appointment_id: str,
        *,
        day: date,
        at_ms: int,
        channel: Literal["staff", "web"],
        actor: str,
        key: str,
    ) -> AppointmentBooked | Refusal:
        """The new one first, then the old one is given up: nobody is left without. The same key goes on where
        a first try was cut short."""
        old, branch = self.find(stream, appointment_id), self._app.bank.branch(stream.place)
        if old is None or branch is None:
            return Refusal("appointment_unknown", "appointment_id")
        booking = BookAppointment(old.service_id, at_ms, channel, old.contact_ref)
        to, wish = StreamId(branch.id, day), self._reminders.wish(stream, old.contact_ref)
        if wish is not None:
            await self._reminders.keep(msgspec.structs.replace(wish, stream=to))
        new = await self.book(branch, day, booking, actor=actor, key=f"{key} book")
        if isinstance(new, Refusal):
            if to != stream:
                await self._reminders.forget(to, old.contact_ref)
            return new
        if old.contact_ref:
            until_ms, reason = self._over_ms(branch, day), "appointment_moved"
            await asyncio.to_thread(self._app.personal.keep_until, old.contact_ref, until_ms, actor, reason)
        given_up = await self.cancel(stream, appointment_id, reason=MOVED, actor=actor, key=f"{key} leave")
        if isinstance(given_up, Refusal):
            # Meanwhile it was used or given up: then there is nothing to move.
            await self.cancel(
                to,
                new.appointment_id,
                reason=MOVED,
                actor=actor,
                key=f"{key} back",
            )
            return given_up
        return new

    @property
    def _reminders(self) -> ReminderDesk:
        return self._app.outward.reminders

    async def _seal(
        self, branch: Branch, stream: StreamId, contact: Contact, actor: str, *, key: str
    ) -> str | Refusal:
        """The reference of what was left; empty where nothing was. Whom to remind is written down with it,
        before the appointment is: a crash in between leaves nobody without a reminder."""
        if not contact.data:
            return ""
        if contact.channel is not None and contact.channel not in self._reminders.offered():
            return Refusal("reminders_not_offered", "channel")
        put = partial(
            self._app.personal.put_once,
            key=key,
            consent=contact.consent,
            keep_until_ms=self._over_ms(branch, stream.day),
        )
        ref = await asyncio.to_thread(put, branch.id, KIND, contact.data, actor)
        if contact.channel is not None and isinstance(ref, str):
            await self._reminders.keep(Wish(stream, ref, contact.channel, contact.language))
        return ref

    def _over_ms(self, branch: Branch, day: date) -> int:
        """When a day is over, by the real clock: nothing about its appointments is needed then."""
        app = self._app
        over_ms = local_ms(day, 24 * 60, ZoneInfo(branch.timezone))
        return app.wall.now_ms() + over_ms - app.clock.now_ms()

    async def _offer(self, stream: StreamId, terms: BookingTerms) -> None:
        """Put on the day's record what can be booked, where that is new."""
        state = self.state(stream)
        if state.terms == terms or state.is_ended:
            return
        name = hashlib.sha256(msgspec.json.encode(terms)).hexdigest()[:16]
        key = f"{SYSTEM} offer {self._app.next_seq(stream)} {name}"
        command = OfferAppointments(terms, self._random_bytes(SALT_BYTES).hex())
        await self._app.submit(Request(stream, key, SYSTEM, command))


def _booked(answer: Answer) -> AppointmentBooked:
    return next(event for event in answer.events if isinstance(event, AppointmentBooked))


def calendar_file(
    *, uid: str, begins_ms: int, minutes: int, title: str, place: str, says: str, now_ms: int
) -> bytes:
    """The appointment for the customer's own calendar (RFC 5545)."""
    event = Event()
    event.add("uid", uid)
    event.add("dtstamp", to_datetime(now_ms, ZoneInfo("UTC")))
    event.add("dtstart", to_datetime(begins_ms, ZoneInfo("UTC")))
    event.add("dtend", to_datetime(begins_ms + minutes * MINUTE_MS, ZoneInfo("UTC")))
    event.add("summary", title)
    event.add("location", place)
    event.add("description", says)
    calendar = Calendar()
    calendar.add("prodid", "-//openhall//appointments//")
    calendar.add("version", "2.0")
    calendar.add_component(event)
    return bytes(calendar.to_ical())

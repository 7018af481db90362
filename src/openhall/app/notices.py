"""Tells customers who asked for it: so many are ahead, your window calls, the wait has changed, time is up.

A wish names a ticket and a sealed contact. It is looked at when its hall moved, and each minute by the clock;
each message is written under its cause, so it goes out once however often the cause is looked at. When the
visit ends the contact is erased and nothing more is sent.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final, Protocol
from zoneinfo import ZoneInfo

import msgspec

from openhall.app.blocking import Blocking
from openhall.hall.model.state import HallState, Ticket, TicketStatus
from openhall.hall.model.waits import Waits
from openhall.kernel.clock import MINUTE_MS, Clock, to_datetime
from openhall.kernel.event import SYSTEM, Recorded, StreamId
from openhall.kernel.refusal import Refusal, refusals
from openhall.kernel.text import Language
from openhall.log import notices as notices_log
from openhall.log import outbox
from openhall.log.notices import Notice
from openhall.log.outbox import Draft
from openhall.log.personal import PersonalRecords
from openhall.log.records import Records
from openhall.network.alerts import MessageChannel, NoticePolicy
from openhall.network.model import Bank, Branch

KIND: Final = "notice"
"""Of the sealed record, and of the messages."""
GOOD_FOR_MS: Final = {"ahead": 15 * MINUTE_MS, "called": 4 * MINUTE_MS, "wait_changed": 20 * MINUTE_MS}
"""Later than this, by the real clock, a message is of no use and is not sent."""
LOOK_MS: Final = MINUTE_MS
AHEAD_AT_MOST: Final = 50

REFUSALS: Final = refusals(
    notices_not_offered=(
        "Messages are not offered here.",
        "Your number is also on the screen in the hall and is called out; a colleague can fetch you.",
    ),
    notice_too_late=(
        "This number is not waiting any more.",
        "Please speak to a colleague: they find a way.",
    ),
    notice_unknown=("No message was asked for with this number.", "Nothing needs to be done."),
)

_log = logging.getLogger(__name__)


class Halls(Protocol):
    """What the watcher needs of the installation."""

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

    def today(self, branch: Branch) -> StreamId:
        """A branch's present day."""
        ...

    def hall(self, stream: StreamId) -> HallState | None:
        """A hall as committed."""
        ...

    def waits(self, stream: StreamId) -> Waits:
        """The waits of this second."""
        ...


class Offer(msgspec.Struct, frozen=True):
    """What a customer's page or a colleague's sheet can offer about messages of one ticket."""

    channels: tuple[MessageChannel, ...]
    ahead: int
    """So many ahead unless the customer chooses another number."""
    notice: Notice | None
    """The wish that stands."""


class NoticeDesk:
    """Keeps customers' wishes and looks after them."""

    def __init__(
        self,
        halls: Halls,
        records: Records,
        personal: PersonalRecords,
        channels: Callable[[], Sequence[MessageChannel]],
        blocking: Blocking,
    ) -> None:
        self._blocking = blocking
        self._halls, self._records, self._personal, self._channels = halls, records, personal, channels
        self._wishes: dict[StreamId, dict[str, Notice]] = {}
        for notice in notices_log.every(records):
            self._wishes.setdefault(notice.stream, {})[notice.ticket_id] = notice
        self._moved = set(self._wishes)
        self._said: dict[str, set[str]] = {}
        """Causes that are in the outbox by now, by contact: so that a hall's every move writes nothing."""
        self._looked_ms = 0
        # One wish at a time: of two for one ticket the second finds the first one's contact, and erases it.
        self._asking = asyncio.Lock()

    # -- wishes ---------------------------------------------------------------------------------------

    def offered(self) -> tuple[MessageChannel, ...]:
        """The channels that a customer can choose from now."""
        if not self._policy.is_offered:
            return ()
        return tuple(channel for channel in self._channels() if channel != "staff")

    def offer(self, stream: StreamId, ticket_id: str) -> Offer | None:
        """What can be offered with a ticket; None when nothing can: no channel is set up, or it is over."""
        notice = self._wishes.get(stream, {}).get(ticket_id)
        channels = self.offered()
        if (not channels and notice is None) or not self._is_on(stream, ticket_id):
            return None
        return Offer(channels, self._policy.people_ahead, notice)

    @property
    def _policy(self) -> NoticePolicy:
        return self._halls.bank.notices

    def _is_on(self, stream: StreamId, ticket_id: str) -> bool:
        state = self._halls.hall(stream)
        ticket = state.tickets.get(ticket_id) if state is not None else None
        return ticket is not None and ticket.status in {TicketStatus.WAITING, TicketStatus.HELD}

    async def ask(
        self,
        stream: StreamId,
        ticket_id: str,
        *,
        channel: MessageChannel,
        to: str,
        ahead: int,
        language: Language,
        consent: str,
        actor: str,
        key: str,
    ) -> Notice | Refusal:
        """Take a wish, in the place of an earlier one. `to` is checked by the door; it is sealed at once."""
        async with self._asking:
            if channel not in self.offered():
                return Refusal("notices_not_offered", "channel")
            if not self._is_on(stream, ticket_id):
                return Refusal("notice_too_late", "ticket")
            keep = partial(self._personal.put_once, key=f"{stream} {ticket_id} {key}", consent=consent)
            ref = await self._blocking.run(keep, stream.place, KIND, {"to": to}, actor)
            if isinstance(ref, Refusal):
                return ref
            before = self._wishes.get(stream, {}).get(ticket_id)
            notice = Notice(
                stream,
                ticket_id,
                channel,
                ref,
                ahead,
                language,
                self._expected_at_ms(stream, ticket_id),
                self._halls.wall.now_ms(),
            )
            await self._blocking.run(notices_log.put, self._records, notice)
            # From here on without a pause: whoever looks next sees the new wish or the old one, never half.
            self._wishes.setdefault(stream, {})[ticket_id] = notice
            self._moved.add(stream)
            if before is not None and before.contact_ref != ref:
                await self._blocking.run(self._forget_contact, before, "customer_request", actor)
            return notice

    async def cancel(self, stream: StreamId, ticket_id: str, actor: str) -> Refusal | None:
        """Take a wish back: the contact is erased at once."""
        notice = self._wishes.get(stream, {}).get(ticket_id)
        if notice is None:
            return Refusal("notice_unknown", "ticket")
        await self._blocking.run(self._remove, notice, "customer_request", actor)
        self._drop(notice)
        return None

    def _expected_at_ms(self, stream: StreamId, ticket_id: str) -> int:
        wait = self._halls.waits(stream).of_ticket(ticket_id)
        if wait is None or wait.source == "none":
            return 0
        return self._halls.clock.now_ms() + wait.middle_ms

    # -- looking after them ---------------------------------------------------------------------------

    def note(self, events: Sequence[Recorded]) -> None:
        """A hall with wishes has moved."""
        if self._wishes:
            self._moved |= {recorded.stream for recorded in events} & self._wishes.keys()

    async def run_once(self) -> None:
        """Look at halls that moved, and once a minute at all: time alone ends holds and days."""
        now_ms = self._halls.clock.now_ms()
        if abs(now_ms - self._looked_ms) >= LOOK_MS:
            self._looked_ms = now_ms
            self._moved |= self._wishes.keys()
        while self._moved:
            await self._look(self._moved.pop())

    async def _look(self, stream: StreamId) -> None:
        branch = self._halls.bank.branch(stream.place)
        is_today = branch is not None and stream == self._halls.today(branch)
        state = self._halls.hall(stream) if is_today else None
        for notice in list(self._wishes.get(stream, {}).values()):
            ticket = state.tickets.get(notice.ticket_id) if state is not None else None
            if state is None or ticket is None or not ticket.is_pending or state.is_ended:
                await self._blocking.run(self._remove, notice, "visit_ended", SYSTEM)
                self._drop(notice)
                continue
            said = self._said.setdefault(notice.contact_ref, set())
            drafts = [draft for draft in self._due(state, ticket, notice) if draft.cause not in said]
            if drafts:
                wall_ms = self._halls.wall.now_ms()
                await self._blocking.run(outbox.put, self._records, drafts, wall_ms)
                said |= {draft.cause for draft in drafts}

    def _due(self, state: HallState, ticket: Ticket, notice: Notice) -> Iterator[Draft]:
        """What the customer is to know now; what was said before is left out by its cause."""
        if ticket.status is TicketStatus.CALLED:
            window = state.counter_rules(ticket.counter_id).number
            yield self._draft(ticket, notice, "called", f"{ticket.services_done}", {"window": window})
        elif ticket.status is TicketStatus.HELD:
            policy, now_ms = self._policy, self._halls.clock.now_ms()
            if 0 < ticket.held_until_ms - now_ms <= policy.hold_ends_minutes * MINUTE_MS:
                zone = ZoneInfo(state.day_rules.branch.timezone)
                time = to_datetime(ticket.held_until_ms, zone).strftime("%H:%M")
                yield self._draft(ticket, notice, "hold_ends", f"{ticket.hold_count}", {"time": time})
        elif ticket.status is TicketStatus.WAITING:
            yield from self._due_waiting(ticket, notice)

    def _due_waiting(self, ticket: Ticket, notice: Notice) -> Iterator[Draft]:
        wait = self._halls.waits(notice.stream).of_ticket(ticket.id)
        if wait is None or ticket.services_done:
            return
        if wait.people_ahead <= notice.ahead:
            yield self._draft(ticket, notice, "ahead", "", {"ahead": wait.people_ahead})
        elif wait.source == "twin" and notice.expected_at_ms:
            expected_at_ms = self._halls.clock.now_ms() + wait.middle_ms
            moved_ms = abs(expected_at_ms - notice.expected_at_ms)
            if moved_ms > self._policy.wait_changed_minutes * MINUTE_MS:
                minutes = max(1, round(wait.middle_ms / MINUTE_MS))
                yield self._draft(ticket, notice, "wait_changed", "", {"minutes": minutes})

    def _draft(
        self, ticket: Ticket, notice: Notice, name: str, turn: str, blanks: dict[str, str | int]
    ) -> Draft:
        stream = notice.stream
        # A wish that was left anew, with another contact, is told anew.
        cause = f"{KIND} {stream} {ticket.id} {notice.contact_ref} {name} {turn}".strip()
        ours: dict[str, str | int] = {
            "branch": stream.place,
            "day": stream.day.isoformat(),
            "ticket_id": ticket.id,
            "number": ticket.number,
        }
        good_ms = GOOD_FOR_MS.get(name, self._policy.hold_ends_minutes * MINUTE_MS)
        return Draft(
            cause=cause,
            kind=KIND,
            branch=stream.place,
            channel=notice.channel,
            template=f"{KIND}.{name}",
            expires_ms=self._halls.wall.now_ms() + good_ms,
            contact_ref=notice.contact_ref,
            blanks=ours | blanks,
            language=notice.language,
        )

    # -- the end --------------------------------------------------------------------------------------

    def _remove(self, notice: Notice, reason: str, actor: str) -> None:
        """The contact first: a crash in between leaves a wish that is removed at the next look."""
        self._forget_contact(notice, reason, actor)
        notices_log.remove(self._records, notice.stream, notice.ticket_id)

    def _forget_contact(self, notice: Notice, reason: str, actor: str) -> None:
        outbox.withdraw(self._records, notice.contact_ref, self._halls.wall.now_ms())
        self._personal.erase(notice.contact_ref, actor, reason)

    def _drop(self, notice: Notice) -> None:
        self._said.pop(notice.contact_ref, None)
        wishes = self._wishes.get(notice.stream, {})
        if wishes.get(notice.ticket_id) is notice:
            del wishes[notice.ticket_id]
        if not wishes:
            self._wishes.pop(notice.stream, None)

"""Sends what is in the outbox: one try after another, each further apart, until it is taken or too late.

Each channel has a turn of its own, so that a mail server that hangs holds up no text message. When a receiver
fails, the whole channel rests a little and then tries a single message first: a gateway that is down is not
asked a thousand times.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import Any, Final

from openhall.access.rights import BOUND_TO_NO_BRANCH
from openhall.app.blocking import Blocking
from openhall.app.message_words import words_of
from openhall.app.settings import Settings, WebhookSettings
from openhall.app.ticket_links import TicketLinks
from openhall.kernel.clock import HOUR_MS, MINUTE_MS, SECOND_MS, Clock
from openhall.kernel.event import SYSTEM, StreamId
from openhall.kernel.trouble import Trouble
from openhall.log import outbox
from openhall.log.keys import KeyWrong, SealBroken
from openhall.log.outbox import Message
from openhall.log.personal import PersonalRecords
from openhall.log.records import Records
from openhall.messages.mail import MailAdapter
from openhall.messages.outgoing import Adapter, Later, Outcome, Outgoing, Sent, To
from openhall.messages.webhook import WebhookAdapter
from openhall.network.alerts import MESSAGE_CHANNELS, MessageChannel
from openhall.network.model import Bank

PAUSES_SECONDS: Final = (2, 10, 30, 60, 180, 600, 1_800, 3_600)
"""Between one try and the next, each drawn from half to one and a half times that."""
REST_SECONDS_MAX: Final = 60
SEND_SECONDS_MAX: Final = 45.0
"""For one try, whatever the receiver does slowly."""
AT_ONCE: Final = 4
PER_TURN: Final = 20
TURN_SECONDS: Final = 1.0
TEST_GOOD_FOR_MS: Final = 5 * MINUTE_MS
RETRY_GOOD_FOR_MS: Final = HOUR_MS
"""Somebody who sends a message again by hand wants it, also when its own time is over."""

Judge = Callable[[Message], int | None]
"""When a message may go out, by the real clock: 0 now; None when nobody needs it any more."""

_log = logging.getLogger(__name__)


@dataclass
class ChannelHealth:
    """How a way out is doing."""

    place: str
    failures: int = 0
    """In a row."""
    error_code: str = ""
    rests_until_ms: int = 0
    sent_ms: int = 0
    """When it last took something."""

    @property
    def is_ok(self) -> bool:
        """Whether its last try got through, or nothing was tried yet."""
        return not self.failures


def adapters_of(settings: Settings, clock: Clock) -> dict[MessageChannel, Adapter]:
    """The ways out that are set up. Raises `MessagesMisconfigured`."""
    found: dict[MessageChannel, Adapter] = {}
    webhooks: tuple[tuple[MessageChannel, WebhookSettings], ...] = (
        ("sms", settings.sms),
        ("app", settings.app),
        ("staff", settings.staff),
    )
    for channel, own in webhooks:
        if own.url:
            found[channel] = WebhookAdapter(
                channel,
                own.url,
                (own.secret, own.secret_before),
                clock,
                timeout_seconds=own.timeout_seconds,
                ca_file=own.ca_file,
            )
    smtp = settings.smtp
    if smtp.host:
        found["email"] = MailAdapter(
            smtp.host,
            smtp.port,
            smtp.sender,
            sender_name=smtp.sender_name,
            security=smtp.security,
            username=smtp.username,
            password=smtp.password,
            ca_file=smtp.ca_file,
            timeout_seconds=smtp.timeout_seconds,
        )
    return {channel: found[channel] for channel in MESSAGE_CHANNELS if channel in found}


class MessageDesk:
    """The sender over one outbox. `chance` draws from 0 to 1; messages live by the real clock.

    `pages` are the links to customers' own pages, by the blank that names what such a page is about.
    """

    def __init__(
        self,
        records: Records,
        clock: Clock,
        chance: Callable[[], float],
        adapters: Mapping[MessageChannel, Adapter],
        personal: PersonalRecords,
        pages: Mapping[str, TicketLinks],
        bank: Callable[[], Bank],
        blocking: Blocking,
    ) -> None:
        self._records, self._clock, self._chance = records, clock, chance
        self._adapters = dict(adapters)
        self._personal, self._pages, self._bank = personal, pages, bank
        self._blocking = blocking
        self.health = {channel: ChannelHealth(adapter.place) for channel, adapter in adapters.items()}
        self.judges: dict[str, Judge] = {}
        """By the kind of a message: asked right before it is sent."""

    @property
    def channels(self) -> tuple[MessageChannel, ...]:
        """The channels that are set up."""
        return tuple(self._adapters)

    def turns(self) -> list[tuple[str, Callable[[], Awaitable[None]], float]]:
        """(name, turn, seconds) of each channel, and of the outbox as a whole."""
        own: list[tuple[str, Callable[[], Awaitable[None]], float]] = [
            (f"messages-{channel}", partial(self.run_once, channel), TURN_SECONDS)
            for channel in self._adapters
        ]
        return [*own, ("outbox", self.tidy_once, MINUTE_MS / SECOND_MS)]

    async def tidy_once(self) -> None:
        """What is too late is not sent; what was settled long ago is forgotten."""
        now_ms = self._clock.now_ms()
        late = await self._blocking.run(outbox.expire, self._records, now_ms)
        await self._blocking.run(outbox.drop_old, self._records, now_ms)
        if late:
            _log.info("Messages: %s came too late to be of use and were not sent", late)

    async def run_once(self, channel: MessageChannel) -> None:
        """Try what is due on one channel."""
        now_ms, health = self._clock.now_ms(), self.health[channel]
        if now_ms < health.rests_until_ms:
            return
        limit = 1 if health.failures else PER_TURN
        due = await self._blocking.run(outbox.due, self._records, [channel], now_ms, limit)
        for start in range(0, len(due), AT_ONCE):
            await asyncio.gather(*(self._try(message) for message in due[start : start + AT_ONCE]))
            if health.failures:
                return

    async def _try(self, message: Message) -> None:
        if message.expires_ms <= self._clock.now_ms():
            await self._settle(message, "expired", "")
            return
        judge = self.judges.get(message.kind)
        due_ms = judge(message) if judge is not None else 0
        if due_ms is None:
            await self._settle(message, "dropped", "appointment_gone")
            return
        if due_ms:
            await self._blocking.run(outbox.wait, self._records, message.id, due_ms)
            return
        try:
            outgoing = await self._blocking.run(self._outgoing, message)
        except (KeyWrong, SealBroken) as trouble:
            await self._put_off(message, Later(trouble.code), self._clock.now_ms())
            return
        except Trouble:
            raise
        except Exception:  # noqa: BLE001 - one message that cannot be made must not hold up those behind it
            _log.exception("Message %s could not be made", message.id)
            await self._put_off(message, Later("not_made"), self._clock.now_ms())
            return
        if outgoing is None:
            await self._settle(message, "dropped", "contact_gone")
            return
        await self._note(message, await self.send(outgoing))

    async def send(self, outgoing: Outgoing) -> Outcome:
        """One try on the channel that a message names."""
        try:
            async with asyncio.timeout(SEND_SECONDS_MAX):
                return await self._adapters[outgoing.channel].send(outgoing)
        except TimeoutError:
            return Later("timed_out")

    async def send_unkept(self, draft: outbox.Draft) -> bool:
        """One try without the outbox, for what must be told while nothing can be kept. Kept and sent later it
        has the same id, and the receiver drops it."""
        if self._clock.now_ms() < self.health[draft.channel].rests_until_ms:
            return False
        outgoing = self._outgoing(outbox.unkept(draft, self._clock.now_ms()))
        return outgoing is not None and isinstance(await self.send(outgoing), Sent)

    async def _note(self, message: Message, outcome: Outcome) -> None:
        health, now_ms = self.health[message.channel], self._clock.now_ms()
        if isinstance(outcome, Later):
            health.error_code = outcome.code
            if now_ms >= health.rests_until_ms:
                # Of messages that were under way together the first failure counts.
                rest_ms = min(self._pause_ms(health.failures), REST_SECONDS_MAX * SECOND_MS)
                health.failures += 1
                health.rests_until_ms = now_ms + max(rest_ms, outcome.after_ms)
            await self._put_off(message, outcome, now_ms)
            return
        health.failures, health.rests_until_ms = 0, 0
        if isinstance(outcome, Sent):
            health.sent_ms, health.error_code = now_ms, ""
            await self._settle(message, "sent", "")
        else:
            health.error_code = outcome.code
            _log.warning("Message %s will not get through: %s", message.id, outcome.code)
            await self._settle(message, "dead", outcome.code)

    async def _put_off(self, message: Message, outcome: Later, now_ms: int) -> None:
        if message.attempts + 1 > len(PAUSES_SECONDS):
            _log.warning("Message %s is given up after %s tries", message.id, message.attempts + 1)
            await self._settle(message, "dead", outcome.code)
            return
        due_ms = now_ms + max(self._pause_ms(message.attempts), outcome.after_ms)
        await self._blocking.run(
            outbox.put_off, self._records, message.id, due_ms=due_ms, error_code=outcome.code
        )

    def _pause_ms(self, tries: int) -> int:
        seconds = PAUSES_SECONDS[min(tries, len(PAUSES_SECONDS) - 1)]
        return round(seconds * SECOND_MS * (0.5 + self._chance()))

    async def _settle(self, message: Message, state: outbox.State, code: str) -> None:
        now_ms = self._clock.now_ms()
        await self._blocking.run(
            outbox.settle, self._records, message.id, state, now_ms=now_ms, error_code=code
        )

    def _outgoing(self, message: Message) -> Outgoing | None:
        """The message with its words and whom it goes to; None when that is gone. The look at a sealed
        contact is in the access list before it leaves."""
        to = self._to(message)
        if to is None:
            return None
        address = self._address(message.blanks)
        subject, text = words_of(self._bank(), message.template, message.blanks, message.language, address)
        hidden = {"day", *self._pages}
        return Outgoing(
            id=message.id,
            kind=message.kind,  # type: ignore[arg-type]  # written by us from the same words
            channel=message.channel,
            to=to,
            template=message.template,
            blanks={name: value for name, value in message.blanks.items() if name not in hidden},
            language=message.language,
            subject=subject,
            text=text,
            branch=message.branch,
            created_at=_iso(message.created_ms),
            expires_at=_iso(message.expires_ms),
        )

    def _to(self, message: Message) -> To | None:
        if message.contact_ref:
            found = self._personal.get(message.contact_ref, SYSTEM, f"send_{message.kind}")
            return None if found is None else To(contact=found["to"])
        own = next((r for r in self._bank().alerts.recipients if r.id == message.recipients), None)
        if own is None:
            return None
        if message.channel == "email":
            return To(mailboxes=own.mailboxes)
        # What concerns the whole installation is for those who belong to no branch.
        roles = own.roles if message.branch else tuple(r for r in own.roles if r in BOUND_TO_NO_BRANCH)
        return To(roles=roles, people=own.people)

    def _address(self, blanks: Mapping[str, Any]) -> str:
        """Of the customer's own page that a message is about; empty where it is about none."""
        own = next((blank for blank in self._pages if blank in blanks), None)
        if own is None:
            return ""
        stream = StreamId(str(blanks["branch"]), date.fromisoformat(str(blanks["day"])))
        return self._pages[own].address(stream, str(blanks[own]))

    async def try_again(self, message_id: str) -> bool:
        """Send a message again that did not get through; False when there is none."""
        now_ms = self._clock.now_ms()
        again = partial(outbox.try_again, now_ms=now_ms, expires_ms=now_ms + RETRY_GOOD_FOR_MS)
        found = await self._blocking.run(again, self._records, message_id)
        for health in self.health.values():
            health.rests_until_ms = 0
        return found

    async def drop(self, message_id: str) -> bool:
        """Give a message up; False when there is none."""
        return await self._blocking.run(
            partial(outbox.drop, now_ms=self._clock.now_ms()), self._records, message_id
        )

    async def close(self) -> None:
        """Let connections go."""
        for adapter in self._adapters.values():
            await adapter.close()


def a_test(channel: MessageChannel, to: To, bank: Bank, *, message_id: str, now_ms: int) -> Outgoing:
    """A message that says that it is a test."""
    subject, text = words_of(bank, "test", {}, "zh")
    english = words_of(bank, "test", {}, "en")[1]
    return Outgoing(
        id=message_id,
        kind="test",
        channel=channel,
        to=to,
        template="test",
        blanks={},
        language="zh",
        subject=subject,
        text=f"{text}\n{english}",
        branch="",
        created_at=_iso(now_ms),
        expires_at=_iso(now_ms + TEST_GOOD_FOR_MS),
    )


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / SECOND_MS, tz=UTC).isoformat(timespec="seconds")

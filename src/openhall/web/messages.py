"""Messages at head office: the ways out, what waits, what did not get through; send again or give up."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final

import msgspec
from litestar import Response, get, post
from litestar.params import PathParameter

from openhall.app.build import App
from openhall.app.channel_words import CHANNEL_WORDS
from openhall.kernel.clock import DAY_MS
from openhall.kernel.refusal import Refusal
from openhall.log import outbox
from openhall.log.outbox import Queue
from openhall.network.alerts import MESSAGE_CHANNELS, MessageChannel
from openhall.web.frame import frame
from openhall.web.guarding import needs_screen
from openhall.web.problems import RESPONSES, Refused
from openhall.web.reading import language_of
from openhall.web.rendering import page
from openhall.web.signing_in import OpenhallRequest

SHOWN: Final = 50
RIGHT = needs_screen("messages")
"""Whoever looks after the ways out also clears them: there is nothing else on the page."""

STATE_WORDS: Final = {
    "waiting": "waiting",
    "sent": "sent",
    "expired": "too late, not sent",
    "dead": "not delivered",
    "dropped": "dropped",
}
KIND_WORDS: Final = {
    "notice": "notice to a customer",
    "appointment": "about an appointment",
    "alert": "alert",
    "test": "test",
}
CODE_WORDS: Final = {
    "not_reached": "nobody answers there",
    "timed_out": "no answer in time",
    "cut_off": "the line was cut",
    "tls_failed": "the certificate is not believed",
    "tls_missing": "the server offers no protection",
    "redirected": "sends us elsewhere, which we do not follow",
    "sign_in_refused": "name or password are refused",
    "http_401": "the signature is refused",
    "contact_gone": "the contact was erased",
    "appointment_gone": "the appointment is not booked any more",
    "dropped_by_hand": "given up by hand",
    "recipient_refused": "no such address",
}
"""What a code means; the code itself is shown beside it."""

MessageId = Annotated[str, PathParameter(pattern=r"^msg_[0-9a-f]{32}$", description="Id of a message")]


class Way(msgspec.Struct, frozen=True):
    """A way out and how it is doing."""

    channel: MessageChannel
    is_set_up: bool
    place: str = ""
    is_ok: bool = True
    error_code: str = ""
    sent_ms: int = 0


class MessagesBody(msgspec.Struct, frozen=True):
    """All ways out, and counts of the last day by channel and state."""

    ways: list[Way]
    queues: list[Queue]


def ways(app: App) -> list[Way]:
    """Every channel, also those that are not set up."""
    found = []
    for channel in MESSAGE_CHANNELS:
        health = app.messages.health.get(channel)
        found.append(
            Way(channel, is_set_up=False)
            if health is None
            else Way(channel, True, health.place, health.is_ok, health.error_code, health.sent_ms)
        )
    return found


async def _queues(app: App) -> list[Queue]:
    return await asyncio.to_thread(outbox.queues, app.store, app.wall.now_ms() - DAY_MS)


@get(
    "/api/messages", summary="Messages and their ways out", tags=["messages"], responses=RESPONSES, opt=RIGHT
)
async def messages(request: OpenhallRequest) -> MessagesBody:
    """No number, no address and no sentence: counts, codes and places."""
    app: App = request.app.state.openhall
    return MessagesBody(ways(app), await _queues(app))


@post(
    "/api/messages/{message_id:str}/retry",
    summary="Send a message again",
    tags=["messages"],
    status_code=204,
    responses=RESPONSES,
    opt=RIGHT,
)
async def retry(request: OpenhallRequest, message_id: MessageId) -> None:
    """One that did not get through, at once and for another hour."""
    app: App = request.app.state.openhall
    if not await app.messages.try_again(message_id):
        raise Refused(Refusal("message_unknown", "message_id"))


@post(
    "/api/messages/{message_id:str}/drop",
    summary="Give a message up",
    tags=["messages"],
    status_code=204,
    responses=RESPONSES,
    opt=RIGHT,
)
async def drop(request: OpenhallRequest, message_id: MessageId) -> None:
    """It is not sent any more."""
    app: App = request.app.state.openhall
    if not await app.messages.drop(message_id):
        raise Refused(Refusal("message_unknown", "message_id"))


async def _page(request: OpenhallRequest, template: str) -> Response[bytes]:
    app: App = request.app.state.openhall
    context = frame(request, "messages") | {
        "ways": ways(app),
        "counts": {(q.channel, q.state): q.count for q in await _queues(app)},
        "unsent": await asyncio.to_thread(outbox.unsent, app.store, SHOWN),
        "channel_words": CHANNEL_WORDS,
        "state_words": STATE_WORDS,
        "kind_words": KIND_WORDS,
        "code_words": CODE_WORDS,
        "branches": {branch.id: branch for branch in app.bank.branches},
    }
    return page(template, language_of(request), **context)


@get("/head/messages", include_in_schema=False, opt=RIGHT)
async def messages_page(request: OpenhallRequest) -> Response[bytes]:
    """The ways out and the queue."""
    return await _page(request, "messages.html")


@get("/head/messages/live", include_in_schema=False, opt=RIGHT)
async def messages_live(request: OpenhallRequest) -> Response[bytes]:
    """The part that changes, drawn anew."""
    return await _page(request, "messages_live.html")


HANDLERS: list[Any] = [messages, retry, drop, messages_page, messages_live]

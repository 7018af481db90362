"""The outbox: messages that are to leave the house, kept before anything is sent.

A message is written in one transaction and stays until a receiver has taken it, so a crash loses none. What a
crash can do is send one twice; each carries its id, made from its cause, and receivers drop the second by it.
Neither numbers nor addresses nor names are in here: whom it goes to is a reference into the sealed records,
or recipients of the bank's files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
from sqlalchemy import Connection, Row, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert

from openhall.kernel.clock import DAY_MS
from openhall.kernel.text import Language
from openhall.kernel.trouble import Trouble
from openhall.log.records import Records
from openhall.log.schema import messages
from openhall.network.alerts import MessageChannel as Channel

State = Literal["waiting", "sent", "expired", "dead", "dropped"]
"""`dead`: the receiver said never, or too many attempts; `expired`: too late to be of use, so not sent."""

WAITING_AT_MOST = 10_000
"""Messages not sent yet. A gateway that is down all day must not fill the disk."""
KEPT_MS = 30 * DAY_MS
"""Settled messages stay so long, to answer what was sent when."""
BLANKS_BYTES_MAX = 2_048
DROPPED_AT_ONCE = 500

_blanks = msgspec.json.Decoder(dict[str, str | int])


class OutboxFull(Trouble):
    """Too many messages wait to be sent."""

    code = "outbox_full"
    remedy = "See why the receivers take none (head office, Messages), and drop what is of no use any more."


class Draft(msgspec.Struct, frozen=True):
    """A message to be kept. `blanks` fill its template and say nothing about a person."""

    cause: str
    kind: str
    branch: str
    channel: Channel
    template: str
    expires_ms: int
    contact_ref: str = ""
    recipients: str = ""
    blanks: Mapping[str, str | int] = {}
    language: Language = "zh"


class Message(msgspec.Struct, frozen=True):
    """A message as it is kept. Times are ms by the real clock."""

    id: str
    cause: str
    kind: str
    branch: str
    channel: Channel
    contact_ref: str
    recipients: str
    template: str
    blanks: dict[str, str | int]
    language: Language
    created_ms: int
    due_ms: int
    expires_ms: int
    state: State
    attempts: int
    error_code: str
    settled_ms: int


class Queue(msgspec.Struct, frozen=True):
    """How many messages of a channel are in a state."""

    channel: Channel
    state: State
    count: int


class Backlog(msgspec.Struct, frozen=True):
    """What of a channel has not been sent yet."""

    channel: Channel
    count: int
    oldest_ms: int
    """When the message that has waited longest was written, by the real clock."""


def message_id(cause: str) -> str:
    """The id that a message goes under: the same for the same cause, whatever happened in between."""
    return "msg_" + hashlib.sha256(f"openhall message\n{cause}".encode()).hexdigest()[:32]


def put(records: Records, drafts: Sequence[Draft], now_ms: int) -> int:
    """Keep messages, all or none; how many were new. A cause that is there already is not kept again."""
    with records.transaction() as connection:
        return put_with(connection, drafts, now_ms)


def put_with(connection: Connection, drafts: Sequence[Draft], now_ms: int) -> int:
    """The same inside a transaction that does more, such as keeping what the message is about."""
    rows = [_row(draft, now_ms) for draft in drafts]
    if not rows:
        return 0
    is_waiting = messages.c.state == "waiting"
    waiting = connection.execute(select(func.count()).select_from(messages).where(is_waiting)).scalar_one()
    if waiting + len(rows) > WAITING_AT_MOST:
        raise OutboxFull(f"{waiting} messages wait", place="outbox")
    statement = insert(messages).on_conflict_do_nothing()
    return sum(connection.execute(statement.values(row)).rowcount for row in rows)


def _row(draft: Draft, now_ms: int) -> dict[str, object]:
    blanks = msgspec.json.encode(dict(draft.blanks))
    if len(blanks) > BLANKS_BYTES_MAX:
        raise ValueError(f"Expected blanks of at most {BLANKS_BYTES_MAX} bytes, got {len(blanks)}")
    return {
        "id": message_id(draft.cause),
        "cause": draft.cause,
        "kind": draft.kind,
        "branch": draft.branch,
        "channel": draft.channel,
        "contact_ref": draft.contact_ref,
        "recipients": draft.recipients,
        "template": draft.template,
        "blanks": blanks,
        "language": draft.language,
        "created_ms": now_ms,
        "due_ms": now_ms,
        "expires_ms": draft.expires_ms,
        "state": "waiting",
        "attempts": 0,
        "error_code": "",
        "settled_ms": 0,
    }


def unkept(draft: Draft, now_ms: int) -> Message:
    """A message as it would be kept."""
    row = _row(draft, now_ms)
    return Message(**(row | {"blanks": dict(draft.blanks)}))  # type: ignore[arg-type]  # a row of the table


def due(records: Records, channels: Sequence[Channel], now_ms: int, limit: int) -> list[Message]:
    """Messages of some channels whose turn has come, the one that has waited longest first."""
    query = (
        select(messages)
        .where(messages.c.state == "waiting", messages.c.due_ms <= now_ms, messages.c.channel.in_(channels))
        .order_by(messages.c.due_ms, messages.c.id)
        .limit(limit)
    )
    with records.reading() as connection:
        return [_message(row) for row in connection.execute(query)]


def settle(records: Records, message_id: str, state: State, *, now_ms: int, error_code: str = "") -> None:
    """An attempt came to an end for good."""
    with records.transaction() as connection:
        connection.execute(
            update(messages)
            .where(messages.c.id == message_id, messages.c.state == "waiting")
            .values(
                state=state,
                settled_ms=now_ms,
                error_code=error_code,
                attempts=messages.c.attempts + int(state in {"sent", "dead"}),
            )
        )


def put_off(records: Records, message_id: str, *, due_ms: int, error_code: str) -> None:
    """An attempt failed; there is another one later."""
    with records.transaction() as connection:
        connection.execute(
            update(messages)
            .where(messages.c.id == message_id, messages.c.state == "waiting")
            .values(due_ms=due_ms, error_code=error_code, attempts=messages.c.attempts + 1)
        )


def wait(records: Records, message_id: str, due_ms: int) -> None:
    """A message's hour has not come: it is looked at again then. No attempt was made."""
    with records.transaction() as connection:
        is_it = (messages.c.id == message_id) & (messages.c.state == "waiting")
        connection.execute(update(messages).where(is_it).values(due_ms=due_ms))


def expire(records: Records, now_ms: int) -> int:
    """Messages that would come too late are not sent; how many."""
    is_late = (messages.c.state == "waiting") & (messages.c.expires_ms <= now_ms)
    with records.reading() as connection:
        if not connection.execute(select(messages.c.id).where(is_late).limit(1)).first():
            return 0
    with records.transaction() as connection:
        values = {"state": "expired", "settled_ms": now_ms}
        return connection.execute(update(messages).where(is_late).values(values)).rowcount


def withdraw(records: Records, contact_ref: str, now_ms: int) -> None:
    """Whom the messages were for is not to be reached any more."""
    with records.transaction() as connection:
        withdraw_with(connection, contact_ref, now_ms)


def withdraw_with(connection: Connection, contact_ref: str, now_ms: int) -> None:
    """The same inside a transaction that does more."""
    is_theirs = (messages.c.contact_ref == contact_ref) & (messages.c.state == "waiting")
    values = {"state": "dropped", "settled_ms": now_ms, "error_code": "contact_gone"}
    connection.execute(update(messages).where(is_theirs).values(values))


def try_again(records: Records, message_id: str, *, now_ms: int, expires_ms: int) -> bool:
    """Put a message that did not get through back into the queue; False when there is none to put back."""
    is_it = (messages.c.id == message_id) & messages.c.state.in_(("dead", "expired", "waiting"))
    values = {
        "state": "waiting",
        "due_ms": now_ms,
        "expires_ms": func.max(messages.c.expires_ms, expires_ms),
        "attempts": 0,
        "settled_ms": 0,
    }
    with records.transaction() as connection:
        return connection.execute(update(messages).where(is_it).values(values)).rowcount > 0


def drop(records: Records, message_id: str, *, now_ms: int) -> bool:
    """Take a message out of the queue for good; False when there is none to take."""
    is_it = (messages.c.id == message_id) & messages.c.state.in_(("dead", "waiting"))
    values = {"state": "dropped", "settled_ms": now_ms, "error_code": "dropped_by_hand"}
    with records.transaction() as connection:
        return connection.execute(update(messages).where(is_it).values(values)).rowcount > 0


def find(records: Records, message_id: str) -> Message | None:
    """One message."""
    with records.reading() as connection:
        row = connection.execute(select(messages).where(messages.c.id == message_id)).first()
    return None if row is None else _message(row)


def queues(records: Records, since_ms: int) -> list[Queue]:
    """Counts by channel and state: of what waits, and of what was settled since a moment."""
    counted = func.count().label("count")
    query = (
        select(messages.c.channel, messages.c.state, counted)
        .where((messages.c.state == "waiting") | (messages.c.settled_ms >= since_ms))
        .group_by(messages.c.channel, messages.c.state)
        .order_by(messages.c.channel, messages.c.state)
    )
    with records.reading() as connection:
        return [Queue(*row) for row in connection.execute(query)]


def backlog(records: Records) -> list[Backlog]:
    """The channels with messages that wait."""
    counted, oldest = func.count(), func.min(messages.c.created_ms)
    query = select(messages.c.channel, counted, oldest).where(messages.c.state == "waiting")
    with records.reading() as connection:
        return [Backlog(*row) for row in connection.execute(query.group_by(messages.c.channel))]


def unsent(records: Records, limit: int) -> list[Message]:
    """What waits after a failure, and what did not get through, the latest first."""
    is_failed = messages.c.state.in_(("dead", "expired")) | (
        (messages.c.state == "waiting") & (messages.c.attempts > 0)
    )
    query = select(messages).where(is_failed).order_by(messages.c.created_ms.desc(), messages.c.id)
    with records.reading() as connection:
        return [_message(row) for row in connection.execute(query.limit(limit))]


def drop_old(records: Records, now_ms: int) -> int:
    """Forget messages that were settled long ago; how many."""
    old = (
        select(messages.c.id)
        .where(messages.c.settled_ms > 0, messages.c.settled_ms <= now_ms - KEPT_MS)
        .limit(DROPPED_AT_ONCE)
    )
    with records.transaction() as connection:
        return connection.execute(delete(messages).where(messages.c.id.in_(old))).rowcount


def _message(row: Row[tuple[object, ...]]) -> Message:
    values = dict(row._mapping)
    return Message(**(values | {"blanks": _blanks.decode(bytes(row.blanks))}))

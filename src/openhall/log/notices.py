"""Customers who asked to be told when their turn comes near: which ticket, which channel, how many ahead.

Where they can be reached is a sealed record. It goes in the same transaction as the row, when the visit ends.
"""

from __future__ import annotations

import msgspec
from sqlalchemy import Row, delete, select, update
from sqlalchemy.dialects.sqlite import insert

from openhall.kernel.event import StreamId
from openhall.kernel.text import Language
from openhall.log.records import Records
from openhall.log.schema import notices
from openhall.network.alerts import MessageChannel as Channel


class Notice(msgspec.Struct, frozen=True):
    """One customer's wish. `expected_at_ms` is when the call was expected as the wish was left; 0 unknown."""

    stream: StreamId
    ticket_id: str
    channel: Channel
    contact_ref: str
    ahead: int
    language: Language
    expected_at_ms: int
    created_ms: int


def put(records: Records, notice: Notice) -> None:
    """Keep a wish, in the place of an earlier one of the same ticket."""
    row = {name: getattr(notice, name) for name in Notice.__struct_fields__}
    row["stream"] = str(notice.stream)
    statement = insert(notices).values(row)
    with records.transaction() as connection:
        connection.execute(statement.on_conflict_do_update(index_elements=["stream", "ticket_id"], set_=row))


def expect(records: Records, notice: Notice, expected_at_ms: int) -> None:
    """From now on another moment of the call is expected: the customer was told so."""
    with records.transaction() as connection:
        connection.execute(
            update(notices)
            .where(notices.c.stream == str(notice.stream), notices.c.ticket_id == notice.ticket_id)
            .values(expected_at_ms=expected_at_ms)
        )


def remove(records: Records, stream: StreamId, ticket_id: str) -> bool:
    """Forget a wish; False when there is none."""
    is_it = (notices.c.stream == str(stream)) & (notices.c.ticket_id == ticket_id)
    with records.transaction() as connection:
        return connection.execute(delete(notices).where(is_it)).rowcount > 0


def every(records: Records) -> list[Notice]:
    """All wishes that stand, of every branch."""
    query = select(notices).order_by(notices.c.stream, notices.c.ticket_id)
    with records.reading() as connection:
        return [_notice(row) for row in connection.execute(query)]


def _notice(row: Row[tuple[object, ...]]) -> Notice:
    values = dict(row._mapping)
    return Notice(**(values | {"stream": StreamId.parse(str(row.stream))}))

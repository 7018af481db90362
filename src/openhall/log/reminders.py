"""Customers who are to be reminded of an appointment: which record has their contact, and by which way.

A wish is written before the appointment is booked, and names the day and the sealed record, which the
appointment names too. So there is no appointment whose wish was lost, and a wish without one reminds nobody.
"""

from __future__ import annotations

import msgspec
from sqlalchemy import Row, delete, select
from sqlalchemy.dialects.sqlite import insert

from openhall.kernel.event import StreamId
from openhall.kernel.text import Language
from openhall.log.records import Records
from openhall.log.schema import reminders
from openhall.network.alerts import MessageChannel as Channel


class Wish(msgspec.Struct, frozen=True):
    """How somebody with an appointment on a day is reached."""

    stream: StreamId
    contact_ref: str
    channel: Channel
    language: Language


def put(records: Records, wish: Wish) -> None:
    """Keep a wish, in the place of an earlier one of the same contact and day."""
    row = {name: getattr(wish, name) for name in Wish.__struct_fields__} | {"stream": str(wish.stream)}
    statement = insert(reminders).values(row)
    with records.transaction() as connection:
        connection.execute(
            statement.on_conflict_do_update(index_elements=["stream", "contact_ref"], set_=row)
        )


def remove(records: Records, wish: Wish) -> None:
    """Forget a wish."""
    is_it = (reminders.c.stream == str(wish.stream)) & (reminders.c.contact_ref == wish.contact_ref)
    with records.transaction() as connection:
        connection.execute(delete(reminders).where(is_it))


def every(records: Records) -> list[Wish]:
    """All wishes, of every branch and day."""
    query = select(reminders).order_by(reminders.c.stream, reminders.c.contact_ref)
    with records.reading() as connection:
        return [_wish(row) for row in connection.execute(query)]


def _wish(row: Row[tuple[object, ...]]) -> Wish:
    return Wish(**(dict(row._mapping) | {"stream": StreamId.parse(str(row.stream))}))

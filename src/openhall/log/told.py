"""What customers were told about their waits beside what happened: the error and coverage of every
branch-day.

Read from the read models `tickets` and `told_waits`. A ticket counts when it was called and never stepped
out: who is away by own wish makes the wait longer. What was told of a ticket that left before its call is not
judged, because nobody saw when its turn would have come. Nor is what was told at issue, once a ticket was
given another class or service before its call: it was said of another place.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import msgspec
from sqlalchemy import select

from openhall.hall.honesty import Accuracy, Judged
from openhall.kernel.event import StreamId
from openhall.log.records import Records
from openhall.log.schema import tickets, told_waits


class BranchDayTold(msgspec.Struct, frozen=True):
    """One day of one branch.

    `at_issue` is what customers read on taking the ticket, by the source of it (`twin`, `pace`, `typical`);
    `every_telling` is everything that the twin told tickets over the day, the same ticket many times.
    """

    branch: str
    day: date
    at_issue: dict[str, Accuracy]
    every_telling: Accuracy


def told_by_day(
    records: Records, branches: Sequence[str], *, first: date | None = None, last: date | None = None
) -> list[BranchDayTold]:
    """Every day of these branches on which somebody was told something, in order of day and branch."""
    at_issue: dict[StreamId, dict[str, Judged]] = {}
    tellings: dict[StreamId, Judged] = {}
    counted = tickets.c.called_ms.is_not(None) & (tickets.c.held_ms == 0)
    issued = select(
        tickets.c.stream,
        tickets.c.told_source,
        tickets.c.called_ms - tickets.c.issued_ms,
        tickets.c.told_low_ms,
        tickets.c.told_middle_ms,
        tickets.c.told_high_ms,
    ).where(counted & tickets.c.told_source.is_not(None) & (tickets.c.told_source != "none"))
    every = (
        select(
            told_waits.c.stream,
            tickets.c.called_ms,
            told_waits.c.low_at_ms,
            told_waits.c.middle_at_ms,
            told_waits.c.high_at_ms,
        )
        .join(
            tickets,
            (tickets.c.stream == told_waits.c.stream) & (tickets.c.ticket_id == told_waits.c.ticket_id),
        )
        .where(counted & (tickets.c.called_ms >= told_waits.c.told_ms))
    )
    wanted = set(branches)

    def stream_of(text: str) -> StreamId | None:
        stream = StreamId.parse(text)
        is_in = (first is None or stream.day >= first) and (last is None or stream.day <= last)
        return stream if stream.place in wanted and is_in else None

    with records.reading() as connection:
        for text, source, *times in connection.execute(issued):
            if (stream := stream_of(text)) is not None:
                at_issue.setdefault(stream, {}).setdefault(source, Judged()).add(*times)
        for text, *times in connection.execute(every):
            if (stream := stream_of(text)) is not None:
                tellings.setdefault(stream, Judged()).add(*times)
    found = sorted(at_issue.keys() | tellings.keys(), key=lambda s: (s.day, s.place))
    return [
        BranchDayTold(
            stream.place,
            stream.day,
            {source: figures.accuracy() for source, figures in sorted(at_issue.get(stream, {}).items())},
            tellings.get(stream, Judged()).accuracy(),
        )
        for stream in found
    ]

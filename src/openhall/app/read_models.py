"""The tables that are folded from the log; `openhall rebuild` drops them and makes the same rows again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Table

from openhall.flows.ticket_rows import ticket_values
from openhall.flows.told_rows import told_values
from openhall.kernel.event import Event, Recorded
from openhall.log.rebuild import Row
from openhall.log.schema import tickets, told_waits


class TicketRows:
    """One row a ticket, over all days and branches."""

    name = "tickets"
    tables: Sequence[Table] = (tickets,)

    def rows(self, recorded: Recorded, event: Event) -> Iterable[Row]:
        """The rows that an event touches."""
        stream = str(recorded.stream)
        for ticket_id, values in ticket_values(event, recorded.stamp):
            yield Row(tickets.name, {"stream": stream, "ticket_id": ticket_id}, values)


class ToldRows:
    """One row for each time that a ticket was told a wait."""

    name = "told_waits"
    tables: Sequence[Table] = (told_waits,)

    def rows(self, recorded: Recorded, event: Event) -> Iterable[Row]:
        """The rows that an event touches."""
        stream = str(recorded.stream)
        for ticket_id, told_ms, values in told_values(event, recorded.stamp):
            key = {"stream": stream, "ticket_id": ticket_id, "told_ms": told_ms}
            yield Row(told_waits.name, key, values)


PROJECTIONS = (TicketRows(), ToldRows())

"""What the log says in the end: the positions of every branch, and who was called where."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from openhall.cli.bench.soak_jobs import Called
from openhall.kernel.event import Recorded
from openhall.log.sqlite import SqliteStore

CALL = "TicketCalled"
LEAVES = frozenset({"ServiceFinished", "TicketAbsent", "TicketReneged", "TicketHeld", "ServiceTransferred"})
"""After one of these a customer is at no counter, and may rightly be called again."""


class _About(msgspec.Struct):
    ticket_id: str = ""
    counter_id: str = ""


_about = msgspec.json.Decoder(_About)


@dataclass
class LogRead:
    """A soak's log, read once from its beginning. Nothing in it is taken on the hall's word."""

    positions: dict[str, list[int]]
    events: int = 0
    people: int = 0
    double_calls: int = 0
    """Customers called while they were at a counter already, and counters that called a second one."""
    calls: dict[tuple[str, int], tuple[str, str]] = field(default_factory=dict)
    """(branch, seq) -> (ticket, counter)."""
    _at: dict[tuple[str, str], str] = field(default_factory=dict)
    _busy: dict[tuple[str, str], str] = field(default_factory=dict)

    @classmethod
    def of(cls, database: Path, branches: list[str]) -> LogRead:
        """Read the log of a running or ended soak."""
        found = cls({branch: [] for branch in branches})
        with SqliteStore.open_to_read(database) as store:
            for recorded in store.read():
                found.note(recorded)
        return found

    def lost(self, called: list[Called]) -> int:
        """Answers to a call that the log does not have as they were given."""
        return sum(self.calls.get((c.branch, c.seq)) != (c.ticket_id, c.counter_id) for c in called)

    def note(self, recorded: Recorded) -> None:
        """One more event, in the order of the log."""
        place = recorded.stream.place
        self.positions[place].append(recorded.position)
        self.events += 1
        self.people += recorded.type == "TicketIssued"
        if recorded.type == CALL:
            about = _about.decode(recorded.body)
            self.calls[(place, recorded.seq)] = (about.ticket_id, about.counter_id)
            ticket, counter = (place, about.ticket_id), (place, about.counter_id)
            self.double_calls += ticket in self._at or counter in self._busy
            self._at[ticket], self._busy[counter] = about.counter_id, about.ticket_id
        elif recorded.type in LEAVES:
            ticket_id = _about.decode(recorded.body).ticket_id
            counter_id = self._at.pop((place, ticket_id), "")
            self._busy.pop((place, counter_id), None)

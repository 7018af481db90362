"""A store whose medium fails when told to: before a commit is kept, or after it is kept but not yet known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from openhall.kernel.event import Recorded, StreamId
from openhall.kernel.trouble import Trouble
from openhall.log.memory import MemoryStore
from openhall.log.store import Outcome
from openhall.log.troubles import DatabaseIO, DiskFull

Fault = Literal["before", "after", "bug"]


class FaultyStore(MemoryStore):
    """Fails each commit as `fault` says, until that is None again; `is_unreadable` fails reading too."""

    def __init__(self) -> None:
        super().__init__()
        self.fault: Fault | None = None
        self.is_unreadable = False
        self.commit_count = 0

    def commit(self, events: Sequence[Recorded], outcomes: Sequence[Outcome]) -> int:
        self.commit_count += 1
        if self.fault == "before":
            raise DiskFull("no space left", place="hall.db")
        if self.fault == "bug":
            raise RuntimeError("a fault in the store")
        head = super().commit(events, outcomes)
        if self.fault == "after":
            raise DatabaseIO("the sync failed", place="hall.db")
        return head

    def read(
        self,
        *,
        after: int = 0,
        stream: StreamId | None = None,
        place: str | None = None,
        limit: int | None = None,
    ) -> Iterator[Recorded]:
        self._refuse()
        return super().read(after=after, stream=stream, place=place, limit=limit)

    def ping(self, *, is_durable: bool = False) -> None:
        if is_durable and self.fault is not None:
            raise DiskFull("no space left", place="hall.db")

    def _refuse(self) -> None:
        if self.is_unreadable:
            trouble: Trouble = DatabaseIO("cannot be read", place="hall.db")
            raise trouble

"""Which command ids a day has answered, in eight bytes each.

A busy day answers ten commands a visitor, and every one of its ids is asked for on each new command: a set of
the ids took more memory than the hall itself. Hashes are kept, old ones sorted in an array, so an id that is
said to be in may not be: what it was answered is in the store, and nothing is there for an id that is not.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable

FRESH_AT_MOST = 512
"""Ids that gather in a set before they go into the array: sorting two runs is linear."""


class AnsweredIds:
    """Says of an id whether it may have been answered; False is certain."""

    def __init__(self, ids: Iterable[str] = ()) -> None:
        self._fresh: set[int] = set()
        self._kept = array("q", sorted({hash(each) for each in ids}))

    def add(self, command_id: str) -> None:
        """It is answered."""
        self._fresh.add(hash(command_id))
        if len(self._fresh) >= FRESH_AT_MOST:
            self._kept = array("q", sorted([*self._kept, *sorted(self._fresh)]))
            self._fresh.clear()

    def __contains__(self, command_id: str) -> bool:
        sought = hash(command_id)
        if sought in self._fresh:
            return True
        at = bisect_left(self._kept, sought)
        return at < len(self._kept) and self._kept[at] == sought

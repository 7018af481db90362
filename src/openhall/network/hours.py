"""A stretch of a day."""

from __future__ import annotations

import msgspec


class Hours(msgspec.Struct, frozen=True):
    """From when to when, in minutes of the local day."""

    opens_minute: int
    closes_minute: int

    @property
    def minutes(self) -> int:
        """How long it is."""
        return self.closes_minute - self.opens_minute

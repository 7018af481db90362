"""What the records beside the log need of a database."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from sqlalchemy import Connection


class Records(Protocol):
    """Connections for the tables that `rebuild` leaves alone; `SqliteStore` is one."""

    def reading(self) -> AbstractContextManager[Connection]:
        """A connection to read with."""
        ...

    def transaction(self) -> AbstractContextManager[Connection]:
        """A transaction to write in: all or nothing, durable when it ends without an error."""
        ...

"""Read models: tables folded from the log, kept up as it grows, dropped and folded again on demand.

The fold is pure and comes from outside (`Projection`); here is what carries it out: pages of events, one
transaction a page that writes rows and checkpoint together, so that a crash neither loses nor repeats.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec
from sqlalchemy import Connection, Table, delete, select, text
from sqlalchemy.dialects.sqlite import insert

from openhall.kernel.event import Event, Recorded, Room
from openhall.kernel.trouble import Trouble
from openhall.log.book import read_event
from openhall.log.hub import Hub
from openhall.log.schema import read_model_positions
from openhall.log.sqlite import SqliteStore

PAGE_EVENTS = 500
"""Events folded in one transaction: bounds how long the log's own commits wait for it."""

SETTLE_SECONDS = 0.5
"""How long the running projector lets events gather before it folds them."""

_log = logging.getLogger(__name__)


class Row(msgspec.Struct, frozen=True):
    """Set these columns of the row with this key; the row is made if it is not there."""

    table: str
    key: Mapping[str, Any]
    values: Mapping[str, Any]


class Projection(Protocol):
    """A read model: its tables, and what an event does to their rows."""

    @property
    def name(self) -> str:
        """Under which its checkpoint is kept."""
        ...

    @property
    def tables(self) -> Sequence[Table]:
        """The tables that are its own; a rebuild empties them."""
        ...

    def rows(self, recorded: Recorded, event: Event) -> Iterable[Row]:
        """What the event sets. It looks at nothing else, so that folding again gives the same rows."""
        ...


class Projector:
    """Folds the log into read models, from wherever each one's checkpoint stands."""

    def __init__(
        self, store: SqliteStore, rooms: Sequence[Room[Any]], projections: Sequence[Projection]
    ) -> None:
        self._store = store
        self._rooms = {room.name: room for room in rooms}
        self._projections = projections

    def position(self, projection: Projection) -> int:
        """How far a read model has come."""
        query = select(read_model_positions.c.position).where(read_model_positions.c.name == projection.name)
        with self._store.reading() as connection:
            return connection.execute(query).scalar() or 0

    def catch_up(self, progress: Callable[[int], None] | None = None) -> int:
        """Fold what is new into every read model; returns the number of events folded."""
        folded = 0
        for projection in self._projections:
            while page := list(self._store.read(after=self.position(projection), limit=PAGE_EVENTS)):
                self._fold(projection, page)
                folded += len(page)
                if progress is not None:
                    progress(folded)
        return folded

    def rebuild(self, progress: Callable[[int], None] | None = None) -> int:
        """Empty the tables and fold again from the first event."""
        with self._store.transaction() as connection:
            for projection in self._projections:
                for table in projection.tables:
                    connection.execute(delete(table))
                connection.execute(
                    delete(read_model_positions).where(read_model_positions.c.name == projection.name)
                )
        return self.catch_up(progress)

    async def run(self, hub: Hub, settle_seconds: float = SETTLE_SECONDS) -> None:
        """Keep the read models up until cancelled or the hub closes; trouble is logged and tried again."""
        async with hub.subscribe() as subscription:
            await self._catch_up_in_thread()
            async for _ in subscription:
                await asyncio.sleep(settle_seconds)
                await self._catch_up_in_thread()

    async def _catch_up_in_thread(self) -> None:
        try:
            await asyncio.to_thread(self.catch_up)
        except Trouble as trouble:
            # The checkpoint has not moved, so the next event's turn takes this one with it.
            _log.error("Read models stand still: %s (%s)", trouble, trouble.code)

    def _fold(self, projection: Projection, page: Sequence[Recorded]) -> None:
        tables = {table.name: table for table in projection.tables}
        merged: dict[tuple[str, tuple[tuple[str, Any], ...]], dict[str, Any]] = {}
        for recorded in page:
            for row in projection.rows(recorded, read_event(self._rooms, recorded)):
                merged.setdefault((row.table, tuple(row.key.items())), {}).update(row.values)
        by_shape: dict[tuple[str, tuple[str, ...], tuple[str, ...]], list[dict[str, Any]]] = {}
        for (table, key), values in merged.items():
            shape = (table, tuple(name for name, _ in key), tuple(sorted(values)))
            by_shape.setdefault(shape, []).append({**dict(key), **values})
        with self._store.transaction() as connection:
            for (table, key_names, value_names), rows in by_shape.items():
                _upsert(connection, tables[table], key_names, value_names, rows)
            _set_position(connection, projection.name, page[-1].position)


def _upsert(
    connection: Connection,
    table: Table,
    key_names: Sequence[str],
    value_names: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
) -> None:
    """One statement for all rows of one shape: see `sqlite.py` for why the number of statements matters."""
    names = [*key_names, *value_names]
    unknown = set(names).difference(table.columns.keys())
    if unknown:
        raise ValueError(f"Expected columns of {table.name}, got {sorted(unknown)}")
    update = ", ".join(f'"{name}" = excluded."{name}"' for name in value_names)
    columns = ", ".join(f'"{name}"' for name in names)
    sources = ", ".join(f"value->>{index}" for index in range(len(names)))
    statement = text(
        f'INSERT INTO "{table.name}" ({columns}) SELECT {sources} FROM json_each(:rows) WHERE true'  # noqa: S608 - names of our own tables, checked above
        f" ON CONFLICT ({', '.join(key_names)}) DO {f'UPDATE SET {update}' if update else 'NOTHING'}"
    )
    encoded = msgspec.json.encode([[row[name] for name in names] for row in rows]).decode()
    connection.execute(statement, {"rows": encoded})


def _set_position(connection: Connection, name: str, position: int) -> None:
    statement = insert(read_model_positions).values(name=name, position=position)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["name"], set_={"position": statement.excluded.position}
        )
    )

"""Brings a database to the schema of this release, in one transaction."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from openhall.log.troubles import SchemaMissing, SchemaNewer

REVISIONS = (
    "0001",
    "0002",
    "0003",
    "0004",
    "0005",
    "0006",
    "0007",
    "0008",
    "0009",
    "0010",
    "0011",
    "0012",
    "0013",
    "0014",
    "0015",
    "0016",
)
"""Every revision in order. Named here so that opening a database need not load Alembic's scripts."""

HEAD_REVISION = REVISIONS[-1]


def revision_of(connection: Connection) -> str | None:
    """The revision that the database says it has; None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def check_revision(connection: Connection, *, place: str) -> str:
    """The revision of a database that is to be read as it is; older ones are fine, newer ones are not."""
    revision = revision_of(connection)
    if revision is None:
        raise SchemaMissing(f"{place} holds no openhall log", place=place)
    if revision not in REVISIONS:
        raise SchemaNewer(f"{place} has schema {revision}, this release knows {HEAD_REVISION}", place=place)
    return revision


def upgrade(connection: Connection, *, place: str, revision: str = HEAD_REVISION) -> None:
    """Run what is missing up to a revision. The caller holds the transaction, so it is all or nothing."""
    found = revision_of(connection)
    if found is not None and check_revision(connection, place=place) == revision:
        return
    if found is None and inspect(connection).get_table_names():
        raise SchemaMissing(f"{place} is a database of something else", place=place)
    # Loaded here because it takes longer than all the rest of opening a database that is up to date.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, revision)

"""Alembic's entry point: run the revisions on the connection that `migrate.upgrade` hands over."""

from __future__ import annotations

from alembic import context

from openhall.log.schema import metadata

# The caller began the transaction and commits it: a half-migrated bank must not exist.
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=False,
    render_as_batch=True,
)
context.run_migrations()

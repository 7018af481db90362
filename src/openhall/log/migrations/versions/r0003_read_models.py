"""Read models: one row a ticket, and how far each model has been folded.

Revision 0003, after 0002.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables of read models."""
    op.create_table(
        "tickets",
        sa.Column("stream", sa.Text, nullable=False),
        sa.Column("ticket_id", sa.Text, nullable=False),
        sa.Column("number", sa.Text),
        sa.Column("service", sa.Text),
        sa.Column("class_code", sa.Text),
        sa.Column("joined_ms", sa.BigInteger),
        sa.Column("issued_ms", sa.BigInteger),
        sa.Column("called_ms", sa.BigInteger),
        sa.Column("started_ms", sa.BigInteger),
        sa.Column("ended_ms", sa.BigInteger),
        sa.Column("held_ms", sa.BigInteger),
        sa.Column("counter", sa.Text),
        sa.Column("person", sa.Text),
        sa.Column("outcome", sa.Text),
        sa.PrimaryKeyConstraint("stream", "ticket_id", name="pk_tickets"),
    )
    op.create_table(
        "read_model_positions",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_read_model_positions"),
    )

"""Read models: what customers were told about their waits.

Revision 0005, after 0004.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add what was told at issue to each ticket, and a table of everything that was told."""
    for name in ("told_low_ms", "told_middle_ms", "told_high_ms"):
        op.add_column("tickets", sa.Column(name, sa.BigInteger))
    op.add_column("tickets", sa.Column("told_source", sa.Text))
    op.create_table(
        "told_waits",
        sa.Column("stream", sa.Text, nullable=False),
        sa.Column("ticket_id", sa.Text, nullable=False),
        sa.Column("told_ms", sa.BigInteger, nullable=False),
        sa.Column("low_at_ms", sa.BigInteger),
        sa.Column("middle_at_ms", sa.BigInteger),
        sa.Column("high_at_ms", sa.BigInteger),
        sa.PrimaryKeyConstraint("stream", "ticket_id", "told_ms", name="pk_told_waits"),
    )

"""Records: customers who are to be reminded of an appointment.

Revision 0014, after 0013.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "reminders",
        sa.Column("stream", sa.Text, nullable=False),
        sa.Column("contact_ref", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("stream", "contact_ref", name="pk_reminders"),
    )

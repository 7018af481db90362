"""What was learned of each branch: a record, kept for good.

Revision 0004, after 0003.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the table of what was learned."""
    op.create_table(
        "learned_habits",
        sa.Column("branch", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("learned_ms", sa.BigInteger, nullable=False),
        sa.Column("days", sa.Integer, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("branch", "version", name="pk_learned_habits"),
    )
    op.create_index("ix_learned_habits_branch_learned_ms", "learned_habits", ["branch", "learned_ms"])

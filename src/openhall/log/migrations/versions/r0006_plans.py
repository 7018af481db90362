"""Plans of people and windows, and what became of each planned day: records, kept for good.

Revision 0006, after 0005.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the three tables."""
    op.create_table(
        "plan_drafts",
        sa.Column("branch", sa.Text, nullable=False),
        sa.Column("first", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("changed_ms", sa.BigInteger, nullable=False),
        sa.Column("changed_by", sa.Text, nullable=False),
        sa.Column("change_key", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("branch", "first", name="pk_plan_drafts"),
    )
    op.create_table(
        "plans",
        sa.Column("branch", sa.Text, nullable=False),
        sa.Column("first", sa.Text, nullable=False),
        sa.Column("published_ms", sa.BigInteger, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("last", sa.Text, nullable=False),
        sa.Column("published_by", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("branch", "first", "published_ms", name="pk_plans"),
    )
    op.create_table(
        "staffing_days",
        sa.Column("branch", sa.Text, nullable=False),
        sa.Column("day", sa.Text, nullable=False),
        sa.Column("plan_version", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("branch", "day", name="pk_staffing_days"),
    )

"""Indexes for what is asked again and again of tables that grow for months.

Revision 0016, after 0015.
"""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Messages that were settled long ago, alerts that stand, what a branch keeps of people."""
    op.create_index("ix_messages_settled_ms", "messages", ["settled_ms"])
    op.create_index("ix_alerts_cleared_ms", "alerts", ["cleared_ms"])
    op.create_index("ix_personal_branch_created_ms", "personal", ["branch", "created_ms"])

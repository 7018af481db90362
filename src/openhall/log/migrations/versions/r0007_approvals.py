"""The two-person rule: what waits for a second person, and what was decided, for good.

Revision 0007, after 0006.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_NEVER = "SELECT RAISE(ABORT, 'a proposal is decided once and never changed or removed')"
_PROPOSED = ("id", "kind", "branch", "body", "maker", "maker_person", "made_ms", "change_key")
_CHANGED = " OR ".join(f"NEW.{name} IS NOT OLD.{name}" for name in _PROPOSED)


def upgrade() -> None:
    """Make the table and the triggers that keep it."""
    op.create_table(
        "approvals",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("branch", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("maker", sa.Text, nullable=False),
        sa.Column("maker_person", sa.Text),
        sa.Column("made_ms", sa.BigInteger, nullable=False),
        sa.Column("change_key", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("checker", sa.Text),
        sa.Column("checker_person", sa.Text),
        sa.Column("decided_ms", sa.BigInteger),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("carried_ms", sa.BigInteger),
        sa.Column("failure", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_approvals"),
        sa.UniqueConstraint("maker", "change_key", name="uq_approvals_maker_change_key"),
        sa.CheckConstraint(
            "checker <> maker AND checker_person <> maker_person", name="ck_approvals_two_people"
        ),
    )
    op.create_index("ix_approvals_state_made_ms", "approvals", ["state", "made_ms"])
    op.execute(f"CREATE TRIGGER approvals_stay BEFORE DELETE ON approvals BEGIN {_NEVER}; END")
    op.execute(
        f"CREATE TRIGGER approvals_keep BEFORE UPDATE ON approvals"
        f" WHEN {_CHANGED} OR (OLD.state <> 'waiting' AND (NEW.state <> OLD.state"
        f" OR NEW.checker IS NOT OLD.checker OR NEW.decided_ms IS NOT OLD.decided_ms"
        f" OR NEW.reason <> OLD.reason OR OLD.carried_ms IS NOT NULL))"
        f" BEGIN {_NEVER}; END"
    )

"""Consent, evidence of clean-ups, all that is kept of one person, and an access list by branch.

Revision 0011, after 0010.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Widen what there is, and make the tables beside it."""
    op.add_column("personal", sa.Column("consent", sa.Text, nullable=False, server_default=""))
    for name in ("branch", "kind"):
        op.add_column("personal_access", sa.Column(name, sa.Text, nullable=False, server_default=""))
        op.execute(
            f"UPDATE personal_access SET {name} = coalesce("  # noqa: S608 - two words of ours
            f"(SELECT personal.{name} FROM personal WHERE personal.ref = personal_access.ref), '')"
        )
    op.create_index("ix_personal_access_branch_at_ms", "personal_access", ["branch", "at_ms"])
    op.create_table(
        "personal_marks",
        sa.Column("mark", sa.LargeBinary, nullable=False),
        sa.Column("ref", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("mark", "ref", name="pk_personal_marks"),
        sa.ForeignKeyConstraint(["ref"], ["personal.ref"], name="fk_personal_marks_ref", ondelete="CASCADE"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_personal_marks_ref", "personal_marks", ["ref"])
    op.create_table(
        "personal_clean_ups",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("oldest_created_ms", sa.BigInteger),
        sa.Column("kept_count", sa.Integer, nullable=False),
        sa.Column("next_due_ms", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_personal_clean_ups"),
    )
    op.create_table(
        "consent_texts",
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("en", sa.Text, nullable=False),
        sa.Column("zh", sa.Text, nullable=False),
        sa.Column("since_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("version", name="pk_consent_texts"),
    )

"""Where the access record ends and where it begins, under seals.

Revision 0015, after 0014.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

_NEVER = "SELECT RAISE(ABORT, 'the access record is only added to')"
_IS_KEPT = "OLD.id > (SELECT coalesce(max(last_id), 0) FROM access_record_cuts)"


def upgrade() -> None:
    """Make two tables, and let go of rows that a statement covers."""
    op.create_table(
        "access_record_head",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("last_id", sa.Integer, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.Column("seal", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_access_record_head"),
    )
    op.create_table(
        "access_record_cuts",
        sa.Column("last_id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("seals_count", sa.Integer, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.Column("seal", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("last_id", name="pk_access_record_cuts"),
    )
    op.execute("DROP TRIGGER access_record_delete")
    op.execute(
        f"CREATE TRIGGER access_record_delete BEFORE DELETE ON access_record WHEN {_IS_KEPT}"
        f" BEGIN {_NEVER}; END"
    )
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER access_record_cuts_{change.lower()} BEFORE {change} ON access_record_cuts"
            f" BEGIN {_NEVER}; END"
        )

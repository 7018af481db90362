"""Access: steps of signing in, one-time codes, lock-out, outside identities, and the access record.

Revision 0009, after 0008.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_NEVER = "SELECT RAISE(ABORT, 'the access record is only added to')"


def upgrade() -> None:
    """Add columns to accounts and sessions, and make three tables."""
    op.add_column("accounts", sa.Column("must_change", sa.Boolean, nullable=False, server_default="0"))
    op.add_column("accounts", sa.Column("identity", sa.Text))
    op.add_column("accounts", sa.Column("signed_in_ms", sa.BigInteger))
    op.create_index("ix_accounts_identity", "accounts", ["identity"], unique=True)
    op.add_column("sessions", sa.Column("step", sa.Text, nullable=False, server_default=""))
    op.add_column("sessions", sa.Column("device", sa.Text, nullable=False, server_default=""))
    op.add_column("sessions", sa.Column("seen_ms", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("sessions", sa.Column("is_external", sa.Boolean, nullable=False, server_default="0"))
    op.create_table(
        "second_factors",
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("is_confirmed", sa.Boolean, nullable=False),
        sa.Column("last_step", sa.BigInteger, nullable=False),
        sa.Column("recovery", sa.LargeBinary, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("account", name="pk_second_factors"),
        sa.ForeignKeyConstraint(
            ["account"], ["accounts.name"], ondelete="CASCADE", name="fk_second_factors_account"
        ),
    )
    op.create_table(
        "sign_in_failures",
        sa.Column("name_hash", sa.LargeBinary, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("last_ms", sa.BigInteger, nullable=False),
        sa.Column("locked_until_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name_hash", name="pk_sign_in_failures"),
    )
    op.create_table(
        "access_record",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("branch", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_access_record"),
    )
    op.create_index("ix_access_record_account_at_ms", "access_record", ["account", "at_ms"])
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER access_record_{change.lower()} BEFORE {change} ON access_record"
            f" BEGIN {_NEVER}; END"
        )

"""The tables: the log itself, records that are left alone, read models that can be folded again.

Every time is whole milliseconds since the epoch, UTC. A stream is stored as `PLACE/YYYY-MM-DD`.
A change here needs a revision in `migrations/versions`; a test holds the two together.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# The log -----------------------------------------------------------------------------------------

events = Table(
    "events",
    metadata,
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("stream", Text, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("room", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("command_id", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    UniqueConstraint("stream", "seq"),
)
"""What happened. Rows are added and never changed."""

commands = Table(
    "commands",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("command_id", Text, primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("first_seq", Integer),
    Column("last_seq", Integer),
    Column("refusal", LargeBinary),
    sqlite_with_rowid=False,
)
"""How each command was answered, so that a retry after a restart gets the same answer."""

network_versions = Table(
    "network_versions",
    metadata,
    Column("version", Text, primary_key=True),
    Column("body", LargeBinary, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
)
"""The configured bank, each version that a day was ever opened with."""

heartbeats = Table(
    "heartbeats",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("beat_count", BigInteger, nullable=False),
)
"""One row that a health check may write to see whether writing works again; it means nothing else."""

# Records: `rebuild` leaves them alone ------------------------------------------------------------

personal = Table(
    "personal",
    metadata,
    Column("ref", Text, primary_key=True),
    Column("branch", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("consent", Text, nullable=False, server_default=""),
    Index(None, "expires_ms"),
    Index(None, "branch", "created_ms"),
)
"""Personal data, sealed, apart from the log so that erasing it leaves the hashes whole."""

personal_access = Table(
    "personal_access",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("ref", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("branch", Text, nullable=False, server_default=""),
    Column("kind", Text, nullable=False, server_default=""),
    Index(None, "ref", "at_ms"),
    Index(None, "branch", "at_ms"),
)
"""Who looked at, wrote or erased which personal record. It outlives the record that it is about."""

personal_marks = Table(
    "personal_marks",
    metadata,
    Column("mark", LargeBinary, primary_key=True),
    Column("ref", Text, ForeignKey("personal.ref", ondelete="CASCADE"), primary_key=True),
    Index(None, "ref"),
    sqlite_with_rowid=False,
)
"""Keyed hashes of the numbers and addresses in personal records, to find all that is kept of one person."""

personal_clean_ups = Table(
    "personal_clean_ups",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("count", Integer, nullable=False),
    Column("oldest_created_ms", BigInteger),
    Column("kept_count", Integer, nullable=False),
    Column("next_due_ms", BigInteger),
)
"""Evidence of each clean-up: what went, how old it was, what is left and when the next of it is due."""

consent_texts = Table(
    "consent_texts",
    metadata,
    Column("version", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("en", Text, nullable=False),
    Column("zh", Text, nullable=False),
    Column("since_ms", BigInteger, nullable=False),
)
"""Every wording that a customer agreed to before leaving something with us."""

accounts = Table(
    "accounts",
    metadata,
    Column("name", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("branch", Text),
    Column("person_id", Text),
    Column("password_hash", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("is_disabled", Boolean, nullable=False, server_default="0"),
    Column("must_change", Boolean, nullable=False, server_default="0"),
    Column("identity", Text),
    Column("signed_in_ms", BigInteger),
    Index(None, "identity", unique=True),
)
"""Who may sign in. Without a password hash nobody can by a password: devices, and accounts of the bank's own
identity provider, whose `identity` says which."""

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("account", Text, ForeignKey("accounts.name", ondelete="CASCADE"), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("step", Text, nullable=False, server_default=""),
    Column("device", Text, nullable=False, server_default=""),
    Column("seen_ms", BigInteger, nullable=False, server_default="0"),
    Column("is_external", Boolean, nullable=False, server_default="0"),
    Index(None, "expires_ms"),
)
"""Who is signed in; only the hash of the token is kept. With a `step` left to do it opens nothing else."""

second_factors = Table(
    "second_factors",
    metadata,
    Column("account", Text, ForeignKey("accounts.name", ondelete="CASCADE"), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("is_confirmed", Boolean, nullable=False),
    Column("last_step", BigInteger, nullable=False),
    Column("recovery", LargeBinary, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
)
"""The sealed secret of an account's one-time codes, the latest one used, and hashes of recovery codes."""

sign_in_failures = Table(
    "sign_in_failures",
    metadata,
    Column("name_hash", LargeBinary, primary_key=True),
    Column("count", Integer, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
    Column("locked_until_ms", BigInteger, nullable=False),
)
"""Failures by the name that was given, whether there is such an account or not: so a lock tells nothing."""

access_record = Table(
    "access_record",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("branch", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Index(None, "account", "at_ms"),
)
"""Who signed in, failed to, and changed which account, and who handed out personal data. Rows are chained by
their hashes; a trigger lets go only of those that a statement in `access_record_cuts` covers."""

access_record_head = Table(
    "access_record_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("last_id", Integer, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("seal", LargeBinary, nullable=False),
)
"""One row: where the access record ends, sealed with a key that is not in the database."""

access_record_cuts = Table(
    "access_record_cuts",
    metadata,
    Column("last_id", Integer, primary_key=True, autoincrement=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("count", Integer, nullable=False),
    Column("seals_count", Integer, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("seal", LargeBinary, nullable=False),
)
"""Evidence of each trimming of the access record: up to which row, how many, and the hash that the rest goes
on from, sealed. Rows are added and never changed."""

learned_habits = Table(
    "learned_habits",
    metadata,
    Column("branch", Text, primary_key=True),
    Column("version", Text, primary_key=True),
    Column("learned_ms", BigInteger, nullable=False),
    Column("days", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index(None, "branch", "learned_ms"),
)
"""What was learned of each branch, every version: what somebody was told rested on one of them."""

plan_drafts = Table(
    "plan_drafts",
    metadata,
    Column("branch", Text, primary_key=True),
    Column("first", Text, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    Column("changed_by", Text, nullable=False),
    Column("change_key", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
"""The plan of some days that somebody is working on: one a branch and first day."""

plans = Table(
    "plans",
    metadata,
    Column("branch", Text, primary_key=True),
    Column("first", Text, primary_key=True),
    Column("published_ms", BigInteger, primary_key=True),
    Column("version", Text, nullable=False),
    Column("last", Text, nullable=False),
    Column("published_by", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
"""Every plan that was ever published; of those that hold a day the latest one counts."""

staffing_days = Table(
    "staffing_days",
    metadata,
    Column("branch", Text, primary_key=True),
    Column("day", Text, primary_key=True),
    Column("plan_version", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
"""Waits, windows and people of each ended day, as planned and as they were [D7]."""

day_reports = Table(
    "day_reports",
    metadata,
    Column("branch", Text, primary_key=True),
    Column("day", Text, primary_key=True),
    Column("body", LargeBinary, nullable=False),
)
"""The indicators of each ended day [H2]."""

approvals = Table(
    "approvals",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("branch", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("maker", Text, nullable=False),
    Column("maker_person", Text),
    Column("made_ms", BigInteger, nullable=False),
    Column("change_key", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("checker", Text),
    Column("checker_person", Text),
    Column("decided_ms", BigInteger),
    Column("reason", Text, nullable=False),
    Column("carried_ms", BigInteger),
    Column("failure", Text, nullable=False),
    UniqueConstraint("maker", "change_key"),
    CheckConstraint("checker <> maker AND checker_person <> maker_person", name="ck_approvals_two_people"),
    Index(None, "state", "made_ms"),
)
"""What somebody proposed and somebody else decides. Triggers keep what was proposed and decided as it
is, and remove nothing."""

messages = Table(
    "messages",
    metadata,
    Column("id", Text, primary_key=True),
    Column("cause", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("branch", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("contact_ref", Text, nullable=False),
    Column("recipients", Text, nullable=False),
    Column("template", Text, nullable=False),
    Column("blanks", LargeBinary, nullable=False),
    Column("language", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("due_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("error_code", Text, nullable=False),
    Column("settled_ms", BigInteger, nullable=False),
    Index(None, "state", "due_ms"),
    Index(None, "settled_ms"),
)
"""Messages that leave the house. Whom a message goes to is named by a reference, never by number or address;
`cause` is what it is about, so that one cause sends one message."""

notices = Table(
    "notices",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("ticket_id", Text, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("contact_ref", Text, nullable=False),
    Column("ahead", Integer, nullable=False),
    Column("language", Text, nullable=False),
    Column("expected_at_ms", BigInteger, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
)
"""Customers who asked to be told; a row and its sealed contact go when the visit ends."""

reminders = Table(
    "reminders",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("contact_ref", Text, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("language", Text, nullable=False),
)
"""Customers who are reminded of an appointment on a day; rows go when the day is over."""

alerts = Table(
    "alerts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("branch", Text, nullable=False),
    Column("day", Text, nullable=False),
    Column("cleared_ms", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index(None, "day", "branch"),
    Index(None, "cleared_ms"),
)
"""Every alert as it stands, or stood when it was cleared."""

alert_changes = Table(
    "alert_changes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("alert", Text, ForeignKey("alerts.id", ondelete="CASCADE"), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("change", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("value", Float, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Index(None, "alert", "at_ms"),
)
"""What happened to each alert: raised, worse, better, repeated, acknowledged, cleared."""

devices = Table(
    "devices",
    metadata,
    Column("id", Text, primary_key=True),
    Column("branch", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("settings", LargeBinary, nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("paired_ms", BigInteger, nullable=False),
    Column("seen_ms", BigInteger, nullable=False),
    Column("revoked_ms", BigInteger, nullable=False),
    Column("code_hash", LargeBinary),
    Column("code_until_ms", BigInteger, nullable=False),
    Index(None, "branch"),
)
"""Ticket machines, displays, gates and printers; of a pairing code only its hash is kept."""

configuration_versions = Table(
    "configuration_versions",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("version", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("published_ms", BigInteger, nullable=False),
    Column("maker", Text, nullable=False),
    Column("checker", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("proposal", Text, nullable=False),
    Column("is_written", Boolean, nullable=False),
    Column("files", LargeBinary, nullable=False),
)
"""Every configuration that was ever in force, with its files; the last one is. `is_written` is false between
the decision and the last file on the disk."""

configuration_drafts = Table(
    "configuration_drafts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("branch", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("base", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("proposal", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    Column("changed_by", Text, nullable=False),
    Column("change_key", Text, nullable=False),
    Column("files", LargeBinary, nullable=False),
    Index(None, "state"),
)
"""Changes of the configuration that somebody is working on: the files that differ from the version `base`."""

# Read models: dropped and folded again by `rebuild` -----------------------------------------------

tickets = Table(
    "tickets",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("ticket_id", Text, primary_key=True),
    Column("number", Text),
    Column("service", Text),
    Column("class_code", Text),
    Column("joined_ms", BigInteger),
    Column("issued_ms", BigInteger),
    Column("called_ms", BigInteger),
    Column("started_ms", BigInteger),
    Column("ended_ms", BigInteger),
    Column("held_ms", BigInteger),
    Column("counter", Text),
    Column("person", Text),
    Column("outcome", Text),
    Column("told_low_ms", BigInteger),
    Column("told_middle_ms", BigInteger),
    Column("told_high_ms", BigInteger),
    Column("told_source", Text),
)
"""One row a ticket, for reports."""

told_waits = Table(
    "told_waits",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("ticket_id", Text, primary_key=True),
    Column("told_ms", BigInteger, primary_key=True),
    Column("low_at_ms", BigInteger),
    Column("middle_at_ms", BigInteger),
    Column("high_at_ms", BigInteger),
)
"""Every wait that a ticket was told by the twin, as moments of its call; what then happened is in
`tickets`."""

read_model_positions = Table(
    "read_model_positions",
    metadata,
    Column("name", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
)
"""How far into the log each read model has been folded."""

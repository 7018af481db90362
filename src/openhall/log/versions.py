"""The versions of the bank's configuration that days were opened with: kept for good, never changed."""

from __future__ import annotations

from sqlalchemy.dialects.sqlite import insert as insert_or_leave

from openhall.log.records import Records
from openhall.log.schema import network_versions
from openhall.network.model import Bank, NetworkVersion
from openhall.network.version import encode, version_of


def keep_version(records: Records, bank: Bank, *, now_ms: int) -> NetworkVersion:
    """Store a bank under the name of its version; the same bank again is the same version."""
    version = version_of(bank)
    row = {"version": version.version, "body": encode(bank), "created_ms": now_ms}
    with records.transaction() as connection:
        connection.execute(insert_or_leave(network_versions).values(row).on_conflict_do_nothing())
    return version

"""What can be said about the machine and the folder, whether or not a server runs."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec

from openhall.app import certificates
from openhall.app.findings import Finding, degraded, failed, fine
from openhall.app.settings import Settings
from openhall.kernel.clock import HOUR_MS, SECOND_MS
from openhall.kernel.trouble import Trouble

MIB = 1024 * 1024
FULL_MIB = 64
"""With less than this the log's own file may not grow through an hour of a busy network."""
BACKUP_MARK = "last-backup.json"


class LastBackup(msgspec.Struct, frozen=True):
    """When the last backup was made, and where it was put."""

    at_ms: int
    path: str


def note_backup(folder: Path, backup: LastBackup) -> None:
    """Remember it in the folder, for `health` and `doctor`."""
    part = folder / f"{BACKUP_MARK}.part"
    part.write_bytes(msgspec.json.encode(backup))
    part.replace(folder / BACKUP_MARK)


def last_backup(folder: Path) -> LastBackup | None:
    """The last one that was noted; None for none, or for a note that cannot be read."""
    try:
        return msgspec.json.decode((folder / BACKUP_MARK).read_bytes(), type=LastBackup)
    except (OSError, msgspec.DecodeError):
        return None


def is_new(key: Path, settings: Settings, now_ms: int) -> bool:
    """Was the installation made so lately that no backup could be too old? Its key is written once."""
    return now_ms - key.stat().st_mtime * SECOND_MS < settings.service.backup_hours * HOUR_MS


def disk(folder: Path, settings: Settings) -> Finding:
    """Is there room for the log to grow?"""
    free_mib = shutil.disk_usage(folder).free // MIB
    if free_mib < FULL_MIB:
        return failed("disk", "disk_full", mib=free_mib)
    if free_mib < settings.service.free_disk_mib:
        return degraded("disk", "disk_low", mib=free_mib)
    return fine("disk")


def backup(folder: Path, settings: Settings, now_ms: int) -> Finding:
    """How old is the last backup?"""
    found = last_backup(folder)
    if found is None:
        return degraded("backup", "backup_none")
    hours = (now_ms - found.at_ms) // HOUR_MS
    if hours > settings.service.backup_hours:
        return degraded("backup", "backup_old", hours=hours)
    return fine("backup")


def certificate(folder: Path, settings: Settings, now_ms: int) -> Finding:
    """Does the certificate hold, and how long still?"""
    files = certificates.in_use(settings.tls, folder)
    if files is None:
        if settings.server.is_network_trusted:
            return fine("certificate")
        return degraded("certificate", "tls_none")
    try:
        found = certificates.read(files, now_ms, settings.tls.key_password)
    except Trouble as trouble:
        looked = _looked(files)
        if looked is not None and looked.state(now_ms) == "over":
            return failed("certificate", "tls_over")
        return failed("certificate", "tls_wrong", detail=str(trouble))
    return holds(found, now_ms)


def shown_certificate(tls: certificates.InUse, now_ms: int) -> Finding:
    """Does the certificate that the running server shows hold, and was the one that is to follow it taken?"""
    found = holds(tls.certificate, now_ms)
    if not tls.refused or found.state == "failed":
        return found
    days = tls.certificate.days_left(now_ms)
    return degraded("certificate", "tls_kept", detail=tls.refused, days=days)


def holds(certificate: certificates.Certificate, now_ms: int) -> Finding:
    """How long still, and is that long enough?"""
    state = certificate.state(now_ms)
    if state == "good":
        return fine("certificate")
    if state == "over":
        return failed("certificate", "tls_over")
    kind = failed if state == "urgent" else degraded
    return kind("certificate", "tls_soon", days=certificate.days_left(now_ms))


def _looked(files: certificates.TlsFiles) -> certificates.Certificate | None:
    try:
        return certificates.look(files)
    except Trouble:
        return None

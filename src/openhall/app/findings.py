"""What is looked at in an installation and what is said of it: the same words for health and for doctor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from openhall.app.channel_words import CHANNEL_WORDS
from openhall.app.language import say
from openhall.kernel.refusal import RefusalText, refusals
from openhall.kernel.text import Language
from openhall.log.access_record import RecordFault

State = Literal["ok", "degraded", "failed"]
STATES: Final[tuple[State, ...]] = ("ok", "degraded", "failed")

PARTS: Final[dict[str, str]] = {
    "python": "Python",
    "sqlite": "SQLite",
    "folder": "Folder",
    "settings": "Settings",
    "bank": "The bank's files",
    "key": "Key",
    "database": "Database",
    "schema": "Schema",
    "last_day": "The last day's log",
    "access_record": "Access record",
    "heads": "Statements of the log's ends",
    "disk": "Disk",
    "port": "Port",
    "certificate": "Certificate",
    "speech": "Voice",
    "font": "Font for tickets",
    "zones": "Time zones",
    "clock": "Clock",
    "backup": "Backup",
    "writer": "Log",
    "streams": "Event streams",
    "twin": "Simulator",
    "devices": "Devices",
    "messages": "Messages",
    "identity": "Identity provider",
    "telemetry": "Traces",
    "printers": "Printers",
}
"""In the order in which they are shown."""

RECORD_REMEDY: Final = (
    "Keep a copy of the file, and find out who worked on it; then: openhall account accept-fault."
)

TEXTS: Final[dict[str, RefusalText]] = refusals(
    fine=("In order.", "Nothing needs to be done."),
    python_old=("Python {found} is in use, {wanted} or newer is needed.", "Install a newer Python."),
    sqlite_old=(
        "SQLite {found} can damage its log; {wanted} is needed.",
        "Install openhall's packages anew.",
    ),
    folder_foreign=(
        "{place} belongs to another account than the folder.",
        "Give everything in it to the account of the service: chown -R.",
    ),
    folder_open=("Others on this machine can look into {place}.", "Let only its owner in: chmod 700."),
    settings_wrong=("The settings have a mistake: {detail}", "Mend the place that is named."),
    bank_wrong=("The bank's files have mistakes: {detail}", "Mend them; `openhall serve` names every one."),
    key_other=(
        "The access record is sealed with another key.",
        "Bring back the key that belongs to this installation.",
    ),
    key_wrong=("The key cannot be used: {detail}", "Bring back the key that belongs to this installation."),
    database_none=("There is no database yet.", "It is made when the server starts first."),
    database_unread=(
        "The database cannot be looked at: {detail}",
        "Check the disk, its mount and who owns the files; it need not be damaged.",
    ),
    database_damaged=(
        "The database is damaged: {detail}",
        "Stop the server, keep the file, and restore the latest backup.",
    ),
    database_open=("Others on this machine can read {place}.", "Let only its owner read it: chmod 600."),
    schema_older=(
        "The database has schema {found}; this release brings it to {wanted} at its next start.",
        "Nothing needs to be done: a copy is kept beside it first.",
    ),
    schema_newer=(
        "The database has schema {found}, and this release knows {wanted}.",
        "Install the newer release, or restore the backup that was made before it.",
    ),
    log_unsound=(
        "The last day does not hold together: {detail}",
        "Run `openhall verify`, and keep the file.",
    ),
    record_changed=("Row {row} of the access record was changed with other tools.", RECORD_REMEDY),
    record_missing=("The access record has a gap from row {row} on.", RECORD_REMEDY),
    record_cut_off=("The end of the access record is cut off from row {row} on.", RECORD_REMEDY),
    record_forged=(
        "Where the access record begins or ends, at row {row}, has no seal of this installation's key.",
        RECORD_REMEDY,
    ),
    record_sealed_again=("At row {row} the access record was sealed a second time.", RECORD_REMEDY),
    heads_lost=(
        "The database lacks what was stated and signed before: {detail}",
        "Keep a copy of the file, and find out what became of it; then: openhall verify --accept-loss.",
    ),
    heads_unwritten=(
        "Where the log ends cannot be written down: {detail}",
        "See that the folder under [heads] is there and the server may write to it.",
    ),
    heads_off=("No statements are made of where the log ends.", "Set minutes under [heads]."),
    disk_low=("{mib} MiB are free on the disk.", "Make room: commands are refused when it is full."),
    disk_full=("{mib} MiB are free on the disk.", "Make room at once: soon nothing can be kept."),
    port_taken=("Another program listens at {place}.", "Stop it, or choose another port."),
    server_silent=("A server holds the database and does not answer.", "Look at its log; start it again."),
    server_ill=("The running server keeps no commands: {detail}", "Look at `/head/health` and at its log."),
    tls_none=("There is no certificate: only this machine may connect.", "Run `openhall tls request`."),
    tls_wrong=("The certificate cannot be used: {detail}", "Bring a certificate that belongs to the key."),
    tls_soon=("The certificate runs out in {days} days.", "Ask your authority for a new one now."),
    tls_kept=(
        "A new certificate is there and cannot be used: {detail}. The one before holds {days} more days.",
        "Mend what is named; the server takes it by itself.",
    ),
    tls_over=("The certificate has run out.", "Bring a new one; browsers refuse this one."),
    speech_none=("{program} is not there: only browsers speak.", "Install espeak-ng."),
    font_none=("The font {font} is not there.", "Install fonts-noto-cjk, or name another font."),
    zone_none=("The time zone {zone} is not known.", "Install tzdata, or mend the branch."),
    clock_behind=(
        "The clock is {seconds} s behind the log's last event.",
        "Set the clock; check its source.",
    ),
    clock_jumped=(
        "The clock was moved by {seconds} s while the server ran.",
        "Check the machine's time source.",
    ),
    clock_wrong=("The clock says {found}.", "Set the clock; check its source."),
    backup_none=("No backup was ever made here.", "Run `openhall backup`, every night."),
    backup_old=("The last backup is {hours} hours old.", "See why the nightly backup did not run."),
    writer_ill=(
        "Commands are not kept: {detail}",
        "Follow the remedy of that code; service resumes by itself.",
    ),
    writer_busy=("{count} commands wait to be kept.", "Look for what slows the disk."),
    streams_full=("{count} event streams are open.", "Spread the screens over more servers."),
    twin_ill=(
        "The simulator does not answer: {detail}",
        "Nothing is held up: the plain rules tell the waits.",
    ),
    twin_late=("A hall was told its waits {seconds} s ago.", "The machine is full: plain rules step in."),
    twin_off=("No simulator runs: the plain rules tell the waits.", "Nothing needs to be done."),
    devices_ill=("{count} devices are in trouble.", "Look at the page Devices."),
    ways_none=("No way out is set up: nobody is told by message.", "Nothing needs to be done."),
    place_answers=("{place} answers.", "Nothing needs to be done."),
    place_silent=(
        "{place} does not answer: {detail}",
        "Check the address, the firewall and the other side; then run this again.",
    ),
    place_untrusted=(
        "The certificate of {place} is not believed: {detail}",
        "Name the authority that signed it in ca_file, or have the certificate mended.",
    ),
    printers_watched=(
        "The running server watches the printers ({count}).",
        "Nothing needs to be done: the page Devices says how they are.",
    ),
    messages_ill=("Messages do not get through ({ways}).", "Look at the page Messages."),
)


class Finding(msgspec.Struct, frozen=True):
    """What was found about one part. `code` is stable; its words are in `TEXTS`."""

    part: str
    state: State
    code: str = "fine"
    detail: dict[str, str | int] = {}

    def says(self, language: Language) -> str:
        """A sentence."""
        return say(language, TEXTS[self.code].sentence, **readable(self.detail, language))

    def remedy(self, language: Language) -> str:
        """What somebody can do."""
        return say(language, TEXTS[self.code].remedy)


def readable(detail: Mapping[str, str | int], language: Language) -> dict[str, str | int]:
    """The blanks of a sentence, with words for the codes of ways that messages take."""
    ways = str(detail.get("ways", "")).split(", ")
    words = {str(channel): word for channel, word in CHANNEL_WORDS.items()}
    named = say(language, ", ").join(say(language, words.get(way, way)) for way in ways if way)
    return {**detail, "ways": named} if named else dict(detail)


def of_record(fault: RecordFault | None) -> Finding:
    """What is wrong with the access record, or that nothing is."""
    if fault is None:
        return fine("access_record")
    return failed("access_record", f"record_{fault.code}", row=fault.row)


def fine(part: str) -> Finding:
    """Nothing to say."""
    return Finding(part, "ok")


def degraded(part: str, code: str, **detail: str | int) -> Finding:
    """The hall goes on, and somebody should look."""
    return Finding(part, "degraded", code, detail)


def failed(part: str, code: str, **detail: str | int) -> Finding:
    """Something that people need does not work."""
    return Finding(part, "failed", code, detail)


def worst(findings: list[Finding]) -> State:
    """Of all of them."""
    return max((finding.state for finding in findings), key=STATES.index, default="ok")

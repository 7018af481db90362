"""`doctor` and `settings`: is this installation in order, and what does it go by?"""

from __future__ import annotations

import http.client
import os
import ssl
import sys
from pathlib import Path

import msgspec
from rich.table import Table

from openhall import __version__
from openhall.app.clocks import SystemClock
from openhall.app.findings import PARTS, Finding, worst
from openhall.app.folder import Folder
from openhall.app.settings import Settings, SettingsInvalid, read_settings, shown
from openhall.cli.language import _, language_of
from openhall.cli.main import EXIT_FOUND, folder_option, json_option, out, program, show_json

ASK_SECONDS = 5
MARKS = {"ok": "[green]ok[/]", "degraded": "[yellow]warn[/]", "failed": "[bold red]fail[/]"}


class Line(msgspec.Struct, frozen=True):
    """One line of the report, for programs."""

    part: str
    state: str
    code: str
    says: str
    remedy: str


class Report(msgspec.Struct, frozen=True):
    """Everything that was looked at."""

    version: str
    folder: str
    state: str
    findings: list[Line]


@program.command()
@folder_option
@json_option
def doctor(folder: Path, as_json: bool) -> None:
    """Look at everything about an installation, whether or not its server runs; nothing is changed.

    Machine, folder, settings, the bank's files, key, database with the last day's log, disk, port,
    certificate, voice, font, time zones, clock, backup, other systems: each line is ok, warn or fail, and
    says what to do.
    Exit code 0: nothing fails; 3: something does.
    """
    from openhall.app.checkup import Checkup  # its looks need the libraries of printing and of the log

    found = Checkup(folder, os.environ, SystemClock(), lambda path: _ask(folder, path)).findings()
    language = language_of(os.environ)
    if as_json:
        lines = [Line(f.part, f.state, f.code, f.says(language), f.remedy(language)) for f in found]
        show_json(Report(__version__, str(folder), worst(found), lines))
    else:
        _show(folder, found)
    if worst(found) == "failed":
        sys.exit(EXIT_FOUND)


def _show(folder: Path, found: list[Finding]) -> None:
    language = language_of(os.environ)
    table = Table(box=None, show_header=False, title=str(folder), title_justify="left", pad_edge=False)
    for column in ("state", "part", "says"):
        table.add_column(column, overflow="fold")
    for finding in found:
        says = finding.says(language)
        if finding.state != "ok":
            says = f"{says} {finding.remedy(language)} ({finding.code})"
        table.add_row(MARKS[finding.state], _(PARTS[finding.part]), says)
    out.print(table)
    if worst(found) == "ok":
        out.print(_("Everything is in order."))


def _ask(folder: Path, path: str) -> bytes | None:
    """What the server of this folder answers; None when nobody does."""
    try:
        settings = read_settings(folder, os.environ)
    except SettingsInvalid:
        settings = Settings()
    server = settings.server
    host = "127.0.0.1" if server.host in {"0.0.0.0", "localhost"} else server.host  # noqa: S104 - read, not bound
    for connection in _connections(host, server.port):
        try:
            connection.request("GET", path)
            return connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            continue
        finally:
            connection.close()
    return None


def _connections(host: str, port: int) -> list[http.client.HTTPConnection]:
    """With TLS first. Whose certificate it is does not matter here: nothing is sent but a question."""
    trusting = ssl.create_default_context()
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    return [
        http.client.HTTPSConnection(host, port, timeout=ASK_SECONDS, context=trusting),
        http.client.HTTPConnection(host, port, timeout=ASK_SECONDS),
    ]


@program.command("settings")
@folder_option
@json_option
def settings_command(folder: Path, as_json: bool) -> None:
    """Show the settings that the server would go by: openhall.toml, then the environment; secrets masked."""
    Folder(folder).require()
    found = shown(read_settings(folder, os.environ))
    if as_json:
        show_json(found)
        return
    for section, fields in found.items():
        out.print(f"[bold]\\[{section}][/]")
        for name, value in fields.items():
            out.print(f"{name} = {msgspec.json.encode(value).decode()}", markup=False)

"""`tls`: how a branch's server gets its certificate from the bank's own authority."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from openhall.app import certificates
from openhall.app.certificates import Certificate, TlsFiles
from openhall.app.clocks import SystemClock
from openhall.app.folder import Folder
from openhall.cli.language import _
from openhall.cli.main import EXIT_FOUND, folder_option, json_option, out, program, show_json
from openhall.kernel.clock import to_datetime


@program.group()
def tls() -> None:
    """Get, take and look at the server's certificate.

    \b
    openhall tls request --name NAME    a key, and a request for the bank's authority
    openhall tls install ANSWER.pem     the authority's answer, checked
    openhall tls show                   what it says, and how long it holds
    """


@tls.command()
@folder_option
@click.option(
    "--name",
    "names",
    multiple=True,
    required=True,
    help="A name or address under which browsers reach the server; as often as needed.",
)
@json_option
def request(folder: Path, names: tuple[str, ...], as_json: bool) -> None:
    """Make a key and a request (CSR) for the bank's certificate authority.

    The key stays in FOLDER/tls, for its owner alone. The certificate in use stays in use until the answer is
    installed.
    """
    place = Folder(folder)
    bank = place.read_bank()
    path = certificates.make_request(TlsFiles.of(folder), names, bank.name.en)
    if as_json:
        show_json({"request": str(path), "names": names})
        return
    out.print(_("The request is in {path}; give it to the bank's certificate authority.", path=str(path)))
    out.print(_("Then: {command}", command=f"openhall tls install --folder {folder} ANSWER.pem"))


@tls.command()
@folder_option
@click.argument("answer", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@json_option
def install(folder: Path, answer: Path, as_json: bool) -> None:
    """Take the authority's ANSWER: the certificate and, after it, its chain, in PEM.

    It is taken only when it fits the key and the names that were asked for, and is valid now. A running
    server takes it up by itself within half a minute; whoever is connected stays connected.
    """
    Folder(folder).require()
    now_ms = SystemClock().now_ms()
    found = certificates.install(TlsFiles.of(folder), answer, now_ms)
    if as_json:
        show_json(_as_data(found, now_ms))
        return
    _say(found, now_ms)
    out.print(_("A running server takes it up by itself within half a minute."))


@tls.command()
@folder_option
@json_option
def show(folder: Path, as_json: bool) -> None:
    """What the certificate in FOLDER/tls says, and how long it holds; exit code 3 when it is due."""
    Folder(folder).require()
    now_ms = SystemClock().now_ms()
    found = certificates.look(TlsFiles.of(folder))
    if found is None:
        if as_json:
            show_json(None)
        else:
            out.print(_("There is no certificate in this folder."))
        return
    if as_json:
        show_json(_as_data(found, now_ms))
    else:
        _say(found, now_ms)
    if found.state(now_ms) != "good":
        sys.exit(EXIT_FOUND)


def _as_data(found: Certificate, now_ms: int) -> dict[str, Any]:
    return {
        "names": found.names,
        "issuer": found.issuer,
        "from_ms": found.from_ms,
        "until_ms": found.until_ms,
        "days_left": found.days_left(now_ms),
        "state": found.state(now_ms),
    }


def _say(found: Certificate, now_ms: int) -> None:
    out.print(_("Names: {names}", names=", ".join(found.names)))
    out.print(_("Signed by: {issuer}", issuer=found.issuer))
    until = f"{to_datetime(found.until_ms, ZoneInfo('UTC')):%Y-%m-%d %H:%M} UTC"
    if found.state(now_ms) == "over":
        out.print(_("It does not hold now; it held until {moment}.", moment=until), style="bold red")
    else:
        left = found.days_left(now_ms)
        out.print(_("It holds until {moment}: {n} days.", moment=until, n=left))
    if found.state(now_ms) in {"soon", "urgent"}:
        out.print(_("Renew it now: `openhall tls request` and `install`."), style="bold")

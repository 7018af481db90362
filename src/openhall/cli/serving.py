"""`init` and `serve`: an installation, and the server over it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import click
import msgspec
from rich.table import Table

from openhall.app import certificates, logs
from openhall.app.account_desk import initial_password
from openhall.app.build import App, build
from openhall.app.folder import Folder
from openhall.app.settings import FILE as SETTINGS_FILE
from openhall.app.settings import ServerSettings, read_settings
from openhall.cli.language import _
from openhall.cli.main import Doors, folder_option, json_option, out, program, show_json
from openhall.kernel.refusal import Refusal
from openhall.log.accounts import Account
from openhall.network.model import Bank, Role
from openhall.network.sample import sample_files
from openhall.workers import twin
from openhall.workers.pool import Workers

FIRST_SETTINGS = """\
# How this installation runs: see docs/how-to/operate.md. What the bank is lies in the folder `bank`.

[access]
# Roles that sign in with a one-time code besides the password: see docs/how-to/accounts.md.
code_roles = ["manager", "operations", "privacy", "administrator"]
"""
DEFAULT_PORT = ServerSettings().port


def accounts_for(bank: Bank) -> list[Account]:
    """First accounts: for each branch its guard, tellers, lobby and manager; head office once. Devices are
    paired: see docs/devices.md."""
    found: list[Account] = [
        Account("administrator", "administrator"),
        Account("operations", "operations"),
        Account("privacy", "privacy"),
    ]
    for branch in bank.branches:
        seen: set[Role] = set()
        for person in bank.people:
            if person.branch != branch.id:
                continue
            role: Role | None = next(
                (p for p in ("manager", "guard", "lobby", "teller") if p in person.posts), None
            )
            if role is None or (role in seen and role != "teller"):
                continue
            seen.add(role)
            found.append(Account(person.id, role, branch.id, person.id))
    return found


def create_accounts(app: App, password: str | None = None) -> list[tuple[Account, str]]:
    """Make the first accounts, each with an initial password of its own that its owner must change.

    With a `password` it is everybody's and nobody has to change it: a demo's, and a test's.
    """
    made = []
    for account in accounts_for(app.bank):
        secret = password or initial_password(os.urandom)
        result = app.accounts.create(
            account.name,
            account.role,
            secret,
            branch=account.branch,
            person_id=account.person_id,
            must_change=password is None,
        )
        if not isinstance(result, Refusal):
            made.append((account, secret))
    return made


@program.command()
@folder_option
@click.option(
    "--bank",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Files of your bank; else a sample.",
)
@json_option
def init(folder: Path, bank: Path | None, as_json: bool) -> None:
    """Make a new installation: the bank's files, a database, a key, and first accounts.

    Without --bank it starts from a sample bank of three branches, to be edited in FOLDER/bank.
    Passwords are shown once, here; only their hashes are kept.
    """
    files = sample_files()
    if bank is not None:
        files = {p.name: p.read_bytes() for p in bank.iterdir() if p.suffix in {".toml", ".csv"}}
    place = Folder(folder)
    place.create(files)
    (folder / SETTINGS_FILE).touch(mode=0o600)  # It may come to hold secrets.
    (folder / SETTINGS_FILE).write_text(FIRST_SETTINGS, encoding="utf-8")
    app = build(place)
    try:
        made = create_accounts(app)
    finally:
        app.store.close()
    if as_json:
        show_json(
            {
                "folder": str(folder),
                "accounts": [
                    {"name": a.name, "role": a.role, "branch": a.branch, "password": p} for a, p in made
                ],
            }
        )
        return
    table = Table(
        _("account"),
        _("role"),
        _("branch"),
        _("password"),
        title=_("Installed in {folder}", folder=str(folder)),
        title_justify="left",
    )
    for account, secret in made:
        table.add_row(account.name, _(account.role), account.branch or "", secret)
    out.print(table)
    out.print(_("Next: {command}", command=f"openhall serve --folder {folder}"))


@program.command()
@folder_option
@click.option("--host", help="Address to listen at; else as openhall.toml says, else this machine alone.")
@click.option("--port", type=click.IntRange(1, 65_535), help="Port to listen at.")
@click.option(
    "--tls-certificate",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The server's certificate and its chain, in PEM; else as `openhall tls` left it in FOLDER.",
)
@click.option("--tls-key", type=click.Path(path_type=Path, dir_okay=False), help="The key to it, in PEM.")
@click.pass_obj
def serve(
    doors: Doors,
    folder: Path,
    host: str | None,
    port: int | None,
    tls_certificate: Path | None,
    tls_key: Path | None,
) -> None:
    """Serve an installation: the screens, the API, the event streams, in one process.

    Stops on Ctrl-C or SIGTERM: open streams end, waiting commands are carried out, the file is let go.
    """
    if (tls_certificate is None) != (tls_key is None):
        raise click.UsageError(_("Give --tls-certificate and --tls-key together."))

    async def run() -> None:
        settings = read_settings(folder, os.environ)
        logs.configure(settings.log)
        if tls_certificate is not None:
            given = msgspec.structs.replace(settings.tls, certificate=str(tls_certificate), key=str(tls_key))
            settings = msgspec.structs.replace(settings, tls=given)
        scheme = "https" if certificates.in_use(settings.tls, folder) else "http"
        own = settings.server
        address, at_port = host or own.host, port or own.port
        app = build(
            Folder(folder), workers=Workers(prepare=twin.prepare), planners=Workers(1), settings=settings
        )
        await doors.serve(
            app,
            host=address,
            port=at_port,
            on_ready=lambda: out.print(
                _("openhall is serving at {address}", address=f"{scheme}://{address}:{at_port}/")
            ),
        )

    asyncio.run(run())

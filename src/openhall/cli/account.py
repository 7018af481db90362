"""`account`: the way back in when everybody is locked out. It asks nobody, and the access record says so."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.table import Table

from openhall.access.managing import AccountChange, Change
from openhall.app.access_settings import account_settings
from openhall.app.account_desk import initial_password
from openhall.app.clocks import SystemClock
from openhall.app.folder import Folder
from openhall.app.settings import read_settings
from openhall.cli.language import _
from openhall.cli.main import folder_option, json_option, out, program, show_json
from openhall.kernel.clock import SECOND_MS
from openhall.kernel.refusal import Refusal
from openhall.kernel.trouble import Trouble
from openhall.log.account_rows import REFUSALS
from openhall.log.accounts import Accounts
from openhall.log.keys import KeyRing
from openhall.log.sqlite import SqliteStore

ACTOR = "command-line"
"""In the access record: whoever may work on the folder."""


class AccountRefused(Trouble):
    """The account cannot be changed like that."""

    code = "account_refused"
    remedy = "See the accounts there are: openhall account list."


class FaultUnknown(Trouble):
    """The access record has no such fault."""

    code = "fault_unknown"
    remedy = "See what is wrong with it: openhall verify."


@contextmanager
def _accounts(folder: Path, *, is_to_read: bool) -> Iterator[Accounts]:
    place = Folder(folder)
    place.require()
    settings = account_settings(read_settings(folder, os.environ).access)
    store = SqliteStore.open_to_read(place.database) if is_to_read else SqliteStore.open(place.database)
    try:
        yield Accounts(store, SystemClock(), os.urandom, settings, KeyRing.read(place.key))
    finally:
        store.close()


@program.group()
def account() -> None:
    """See accounts, and let somebody in again who is locked out.

    The server must not run meanwhile, except for `list`. Whoever may write to the folder may do this: guard
    it like a key. Each change is in the access record.
    """


@account.command("list")
@folder_option
@json_option
def list_(folder: Path, as_json: bool) -> None:
    """List the accounts. Also beside a running server."""
    with _accounts(folder, is_to_read=True) as accounts:
        entries = accounts.entries()
    if as_json:
        show_json(entries)
        return
    now_ms = SystemClock().now_ms()
    table = Table(_("account"), _("role"), _("branch"), _("state"), _("signed in"))
    for entry in entries:
        states = [
            word
            for word, is_so in (
                (_("switched off"), entry.account.is_disabled),
                (_("locked"), entry.locked_until_ms > now_ms),
                (_("initial password"), entry.must_change),
                (_("one-time codes"), entry.has_codes),
            )
            if is_so
        ]
        seen = "" if entry.signed_in_ms is None else _moment(entry.signed_in_ms)
        one = entry.account
        table.add_row(one.name, _(one.role), one.branch or "", ", ".join(states), seen)
    out.print(table)


@account.command()
@folder_option
@click.argument("name")
@click.option("--keep-codes", is_flag=True, help="Leave the one-time codes as they are.")
def reset(folder: Path, name: str, keep_codes: bool) -> None:
    """Give NAME a new initial password, shown once; without one-time codes, switched on, unlocked."""
    with _accounts(folder, is_to_read=False) as accounts:
        password = initial_password(os.urandom)
        hash_ = accounts.hash_of(password, name)
        if isinstance(hash_, Refusal):
            raise _refused(hash_)
        _change(accounts, name, "password", hash_)
        if not keep_codes:
            _change(accounts, name, "codes")
        found = accounts.find(name)
        if found is not None and found.is_disabled:
            _change(accounts, name, "enable")
    out.print(_("Initial password of {name}: {password}", name=name, password=password))
    out.print(_("It has to be changed at the first sign-in."))


@account.command()
@folder_option
@click.argument("name")
def unlock(folder: Path, name: str) -> None:
    """End the lock of NAME after failed sign-ins."""
    with _accounts(folder, is_to_read=False) as accounts:
        _change(accounts, name, "unlock")
    out.print(_("{name} may try again.", name=name))


@account.command("accept-fault")
@folder_option
@click.argument("row", type=click.IntRange(0))
def accept_fault(folder: Path, row: int) -> None:
    """Say that the fault at ROW of the access record was looked into; it is not reported again.

    That it was accepted, and when, is in the access record itself.
    """
    with _accounts(folder, is_to_read=False) as accounts:
        if not accounts.record.accept(row, ACTOR):
            raise FaultUnknown(f"There is no fault at row {row}", place=str(row))
    out.print(_("The fault at row {row} is not reported again.", row=row))


def _change(accounts: Accounts, name: str, what: Change, hash_: str = "") -> None:
    found = accounts.find(name)
    if found is None:
        raise _refused(Refusal("account_unknown", place="name"))
    change = AccountChange(what, name, found.role, found.branch, found.person_id, hash_)
    done = accounts.carry_out(change, actor=ACTOR)
    if isinstance(done, Refusal):
        raise _refused(done)


def _refused(refusal: Refusal) -> AccountRefused:
    return AccountRefused(f"{_(REFUSALS[refusal.code].sentence)} ({refusal.code})", place=refusal.place)


def _moment(at_ms: int) -> str:
    local = datetime.fromtimestamp(at_ms / SECOND_MS, tz=UTC).astimezone()
    return local.strftime("%Y-%m-%d %H:%M")

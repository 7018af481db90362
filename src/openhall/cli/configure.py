"""`configure`: check a bank's files, see what they would change, and put them before a second person."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from openhall.access.rights import REFUSALS as RIGHTS
from openhall.app.bank_files import read_files, write_files
from openhall.app.build import App, build, refusal_texts
from openhall.app.configuration import checked
from openhall.app.configuration_preview import preview, text_diff
from openhall.app.folder import ConfigurationInvalid, Folder
from openhall.app.language import explain, tell, tell_mistake
from openhall.app.settings import read_settings
from openhall.cli.language import _, language_of
from openhall.cli.main import EXIT_FOUND, folder_option, json_option, out, program, show_json
from openhall.cli.remote import (
    SignInUnfinished,
    account_options,
    answer,
    once,
    one_time_code,
    password_of,
    server_option,
    signed_in,
)
from openhall.kernel.refusal import Refusal
from openhall.kernel.trouble import Trouble
from openhall.log.configuration import DraftState, Files, Origin
from openhall.log.sessions import Account

Found = TypeVar("Found")

bank_argument = click.argument("bank", type=click.Path(path_type=Path, file_okay=False, exists=True))


class PublishRefused(Trouble):
    """The installation did not take the configuration. Nothing was changed."""

    code = "publish_refused"
    remedy = "See what it says; then correct it and try again."


class TargetInUse(Trouble):
    """`fetch` found something in its way. Nothing was written."""

    code = "target_in_use"
    remedy = "Choose a new or an empty folder."


class Line(msgspec.Struct, frozen=True):
    """One thing that files would do."""

    sentence: str
    is_warning: bool


class WouldDo(msgspec.Struct, frozen=True):
    """What files would change, as printed with --json, and as a server says it."""

    effects: tuple[Line, ...]
    besides: tuple[Line, ...]
    files: dict[str, tuple[str, ...]]


@program.group()
def configure() -> None:
    """Check and change a bank's configuration from files; the page does the same."""


@configure.command("check")
@bank_argument
@json_option
def check(bank: Path, as_json: bool) -> None:
    """Check the files in the folder BANK: every mistake with its place and what to do.

    Exit code 3 when there are mistakes.
    """
    found = checked(read_files(bank))
    language = language_of(os.environ)
    if as_json:
        mistakes = [
            {
                "code": m.code,
                "file": m.place.file,
                "path": m.place.path,
                "line": m.place.line,
                "sentence": tell_mistake(language, m),
                "remedy": _(m.remedy),
            }
            for m in found.mistakes
        ]
        show_json({"mistakes": mistakes})
    else:
        for m in found.mistakes:
            out.print(f"{tell_mistake(language, m)} {_(m.remedy)}", markup=False)
        if found.bank is not None:
            out.print(_("No mistakes."))
    if found.mistakes:
        raise SystemExit(EXIT_FOUND)


@configure.command("diff")
@bank_argument
@folder_option
@server_option
@account_options(is_required=False)
@json_option
def diff(**options: Any) -> None:
    """What the files in the folder BANK would change, in words. Nothing is kept.

    Of a running server with --server; without it of a stopped installation.
    """
    files = checked_files(options["bank"])
    found = _would_do_there(options, files) if options["server"] else _would_do_here(options, files)
    if options["as_json"]:
        show_json(found)
        return
    for line in (*found.effects, *found.besides):
        out.print(f"{'!' if line.is_warning else ' '} {line.sentence}", markup=False)
    if not found.effects:
        out.print(_("Nothing: it is the same as what is in force."))


def _would_do_here(options: dict[str, Any], files: Files) -> WouldDo:
    language = language_of(os.environ)
    with opened(options["folder"]) as app:
        found = preview(app, app.configuration.looked_at(files, "diff"))
        lines = text_diff(app.configuration.files(), files)
    effects, besides = (
        tuple(Line(tell(language, e.words), e.is_warning) for e in each)
        for each in (found.effects, found.besides)
    )
    return WouldDo(effects, besides, {name: tuple(diff) for name, diff in lines})


def _would_do_there(options: dict[str, Any], files: Files) -> WouldDo:
    with signed_in(options) as http:
        return msgspec.convert(
            answer(http.post("/api/configuration/preview", json={"files": as_text(files)})), WouldDo
        )


@configure.command("fetch")
@click.argument("target", type=click.Path(path_type=Path, file_okay=False))
@folder_option
@server_option
@account_options(is_required=False)
@json_option
def fetch(**options: Any) -> None:
    """Write the files that are in force into the new folder TARGET, to go on from.

    Of a running server with --server; without it of a stopped installation.
    """
    target: Path = options["target"]
    if target.exists() and any(target.iterdir()):
        raise TargetInUse("The folder holds something", place=str(target))
    if options["server"]:
        with signed_in(options) as http:
            head = answer(http.get("/api/configuration"))["head"]
            texts = answer(http.get(f"/api/configuration/versions/{head['number']}/files"))
        files, number = {name: text.encode() for name, text in texts.items()}, head["number"]
    else:
        with opened(options["folder"]) as app:
            number = app.configuration.head().number
            files = app.configuration.files(number)
    target.mkdir(parents=True, exist_ok=True)
    write_files(target, files)
    if options["as_json"]:
        show_json({"number": number, "files": sorted(files)})
    else:
        out.print(
            _("Number {number}: {files} files in {folder}.").format(
                number=number, files=len(files), folder=target
            )
        )


@configure.command("publish")
@bank_argument
@folder_option
@server_option
@account_options(is_required=True)
@click.option("--reason", default="", help="Why, for who decides and for the history.")
@click.option("--name", default="", help="Name of the draft; else that of the folder.")
@json_option
def publish(**options: Any) -> None:
    """Propose the files in the folder BANK as the new configuration.

    A second person approves it on the page. Where openhall.toml says `single_operator = true` under
    [configuration], it is published at once. Without --server the installation must be stopped.
    """
    files = checked_files(options["bank"])
    name = (options["name"] or options["bank"].resolve().name)[:80]
    state = _publish_there(options, files, name) if options["server"] else _publish_here(options, files, name)
    if options["as_json"]:
        show_json({"state": state})
    elif state == DraftState.PUBLISHED.value:
        out.print(_("Published."))
    else:
        out.print(_("Proposed: a second person at head office decides on the page of approvals."))


def checked_files(bank: Path) -> Files:
    """The files of a folder that make a bank. Raises `ConfigurationInvalid`."""
    files = read_files(bank)
    found = checked(files)
    if found.bank is None:
        raise ConfigurationInvalid(list(found.mistakes), place=str(bank))
    return files


def as_text(files: Files) -> dict[str, str]:
    """Files that were checked, for a request."""
    return {name: body.decode() for name, body in files.items()}


@contextmanager
def opened(folder: Path) -> Iterator[App]:
    """A stopped installation, for as long as a command takes."""
    app = build(Folder(folder), settings=read_settings(folder, os.environ))
    try:
        yield app
    finally:
        app.store.close()


def _publish_here(options: dict[str, Any], files: Files, name: str) -> str:
    password = password_of(options)
    with opened(options["folder"]) as app:
        account = _signed_in_here(app, options["account"], password)
        desk, key = app.configuration, uuid.uuid4().hex
        draft = taken(
            desk.begin(account, name=name, by=account.name, key=key, files=files, origin=Origin.FILES)
        )
        work = desk.propose(draft.id, account, seen=draft.revision, reason=options["reason"], key=key)
        after = asyncio.run(work)
        if isinstance(after, Refusal):
            desk.drop(draft.id, account)
        return taken(after).state.value


def _signed_in_here(app: App, name: str, password: str) -> Account:
    """The account, after all that its owner has to show."""
    found = taken(app.accounts.sign_in(name, password))
    if found.session.step == "code":
        found = taken(app.accounts.give_code(found.token, one_time_code()))
    app.accounts.sign_out(found.token)
    if found.session.step:
        raise SignInUnfinished(found.session.step, place=name)
    return found.session.account


def taken(found: Found | Refusal) -> Found:
    """What was asked for. Raises `PublishRefused`."""
    if isinstance(found, Refusal):
        texts = {**refusal_texts(), **RIGHTS}
        sentence, remedy = explain(found, texts, language_of(os.environ))
        raise PublishRefused(f"{found.code}: {sentence} {remedy}", place=found.place)
    return found


def _publish_there(options: dict[str, Any], files: Files, name: str) -> str:
    with signed_in(options) as http:
        body = {"name": name, "files": as_text(files)}
        draft = answer(http.post("/api/configuration/drafts", json=body, headers=once()))
        address = f"/api/configuration/drafts/{draft['id']}"
        wanted = {"seen": draft["revision"], "reason": options["reason"]}
        found = http.post(f"{address}/proposal", json=wanted, headers=once())
        if found.is_error:
            http.delete(address)
        state: str = answer(found)["state"]
        return state

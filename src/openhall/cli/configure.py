"""`configure`: check a bank's files, see what they would change, and put them before a second person."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import httpx
import msgspec

from openhall.access.rights import REFUSALS as RIGHTS
from openhall.app.bank_files import read_files
from openhall.app.build import App, build, refusal_texts
from openhall.app.configuration import checked
from openhall.app.configuration_preview import preview, text_diff
from openhall.app.folder import ConfigurationInvalid, Folder
from openhall.app.language import explain, tell, tell_mistake
from openhall.app.settings import read_settings
from openhall.cli.language import _, language_of
from openhall.cli.main import EXIT_FOUND, folder_option, json_option, out, program, show_json
from openhall.kernel.refusal import Refusal
from openhall.kernel.trouble import Trouble
from openhall.log.configuration import Draft, DraftState, Files, Origin, changes_between
from openhall.log.sessions import Account

HTTP_SECONDS = 60.0

bank_argument = click.argument("bank", type=click.Path(path_type=Path, file_okay=False, exists=True))


class PublishRefused(Trouble):
    """The installation did not take the configuration. Nothing was changed."""

    code = "publish_refused"
    remedy = "See what it says; then correct it and try again."


class ServerUnreachable(Trouble):
    """No openhall answers at that address."""

    code = "server_unreachable"
    remedy = "Check the address, and whether the server runs."


class Effects(msgspec.Struct, frozen=True):
    """What files would change, as printed with --json."""

    effects: list[dict[str, Any]]
    besides: list[dict[str, Any]]
    files: dict[str, list[str]]


class Said(msgspec.Struct, frozen=True):
    """What a server says when it says no: a part of RFC 9457."""

    code: str
    title: str
    remedy: str = ""
    place: str = ""


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
@json_option
def diff(bank: Path, folder: Path, as_json: bool) -> None:
    """What the files in the folder BANK would change in a stopped installation, in words.

    Nothing is kept. A running server says the same on its page of a draft.
    """
    with opened(folder) as app:
        files = read_files(bank)
        made = _draft(app, files, name="diff")
        found = preview(app, made)
        if found.bank is None:
            raise ConfigurationInvalid(list(found.mistakes), place=str(bank))
        lines = text_diff(app.configuration.files(), files)
    if as_json:
        language = language_of(os.environ)
        show_json(
            Effects(
                [{"sentence": tell(language, e.words), "is_warning": e.is_warning} for e in found.effects],
                [{"sentence": tell(language, e.words), "is_warning": e.is_warning} for e in found.besides],
                dict(lines),
            )
        )
        return
    for effect in (*found.effects, *found.besides):
        mark = "!" if effect.is_warning else " "
        out.print(f"{mark} {tell(language_of(os.environ), effect.words)}", markup=False)
    if not found.effects:
        out.print(_("Nothing: it is the same as what is in force."))


@configure.command("publish")
@bank_argument
@folder_option
@click.option("--account", required=True, help="Who proposes it: an account at head office.")
@click.option(
    "--password-file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="A file with its password; else it is asked for.",
)
@click.option("--reason", default="", help="Why, for who decides and for the history.")
@click.option("--name", default="", help="Name of the draft; else that of the folder.")
@click.option("--server", metavar="ADDRESS", help="A running server, such as http://127.0.0.1:8207.")
@json_option
def publish(**options: Any) -> None:
    """Propose the files in the folder BANK as the new configuration.

    A second person approves it on the page. Where openhall.toml says `single_operator = true` under
    [configuration], it is published at once. Without --server the installation must be stopped.
    """
    files = checked_files(options["bank"])
    password = _password(options["password_file"])
    name = (options["name"] or options["bank"].resolve().name)[:80]
    if options["server"]:
        state = _publish_over_http(options, files, name, password)
    else:
        state = _publish_here(options, files, name, password)
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


def _password(file: Path | None) -> str:
    if file is not None:
        return file.read_text(encoding="utf-8").strip()
    prompted: str = click.prompt(_("Password"), hide_input=True)
    return prompted


@contextmanager
def opened(folder: Path) -> Iterator[App]:
    """A stopped installation, for as long as a command takes."""
    app = build(Folder(folder), settings=read_settings(folder, os.environ))
    try:
        yield app
    finally:
        app.store.close()


def _draft(app: App, files: Files, *, name: str) -> Draft:
    """A draft that is looked at and not kept."""
    head = app.configuration.head()
    changes = changes_between(app.configuration.files(head.number), files)
    return Draft("", name, "", Origin.FILES, head.number, 1, DraftState.OPEN, "", 0, "", 0, "", changes)


def _publish_here(options: dict[str, Any], files: Files, name: str, password: str) -> str:
    with opened(options["folder"]) as app:
        signed_in = app.accounts.sign_in(options["account"], password)
        if isinstance(signed_in, Refusal):
            raise refused(signed_in)
        account: Account = signed_in.session.account
        app.accounts.sign_out(signed_in.token)
        desk, key = app.configuration, uuid.uuid4().hex
        draft = desk.begin(account, name=name, by=account.name, key=key, files=files, origin=Origin.FILES)
        if isinstance(draft, Refusal):
            raise refused(draft)
        work = desk.propose(draft.id, account, seen=draft.revision, reason=options["reason"], key=key)
        after = asyncio.run(work)
        if isinstance(after, Refusal):
            desk.drop(draft.id, account)
            raise refused(after)
        return after.state.value


def refused(refusal: Refusal) -> PublishRefused:
    """A refusal as trouble of the command line."""
    texts = {**refusal_texts(), **RIGHTS}
    sentence, remedy = explain(refusal, texts, language_of(os.environ))
    return PublishRefused(f"{refusal.code}: {sentence} {remedy}", place=refusal.place)


def _publish_over_http(options: dict[str, Any], files: Files, name: str, password: str) -> str:
    language = language_of(os.environ)
    headers = {"Accept-Language": language, "Idempotency-Key": uuid.uuid4().hex}
    try:
        with httpx.Client(base_url=options["server"], headers=headers, timeout=HTTP_SECONDS) as http:
            asked = {"name": options["account"], "password": password}
            http.headers["Authorization"] = (
                f"Bearer {_answer(http.post('/api/session', json=asked))['token']}"
            )
            body = {"name": name, "files": {n: b.decode("utf-8-sig") for n, b in files.items()}}
            draft = _answer(http.post("/api/configuration/drafts", json=body))
            address = f"/api/configuration/drafts/{draft['id']}"
            wanted = {"seen": draft["revision"], "reason": options["reason"]}
            found = http.post(f"{address}/proposal", json=wanted)
            if found.is_error:
                http.delete(address)
            state: str = _answer(found)["state"]
            http.delete("/api/session")
            return state
    except httpx.TransportError as error:
        raise ServerUnreachable(str(error), place=options["server"]) from error


def _answer(response: httpx.Response) -> Any:
    if response.is_error:
        try:
            problem = msgspec.json.decode(response.content, type=Said)
        except msgspec.DecodeError as error:
            raise PublishRefused(f"HTTP {response.status_code}", place=str(response.url)) from error
        raise PublishRefused(f"{problem.code}: {problem.title} {problem.remedy}", place=problem.place)
    return response.json()

"""Ask a running server: signed in as somebody, signed out again, and what it says no to as trouble."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import httpx
import msgspec

from openhall.cli.language import _, language_of
from openhall.kernel.trouble import Trouble

HTTP_SECONDS = 60.0

Command = Callable[..., Any]


class ServerUnreachable(Trouble):
    """No openhall answers at that address."""

    code = "server_unreachable"
    remedy = "Check the address, and whether the server runs."


class ServerRefused(Trouble):
    """The server said no. Nothing was changed."""

    code = "server_refused"
    remedy = "See what it says; then correct it and try again."


class SignInUnfinished(Trouble):
    """The account has something to do on the page before it can be used here."""

    code = "sign_in_unfinished"
    remedy = "Sign in on the page once, with this account, and follow what it asks."


class Said(msgspec.Struct, frozen=True):
    """What a server says when it says no: a part of RFC 9457."""

    code: str
    title: str
    remedy: str = ""
    place: str = ""


def server_option(command: Command) -> Command:
    """`--server`: which server is asked."""
    return click.option(
        "--server", metavar="ADDRESS", help="A running server, such as http://127.0.0.1:8207."
    )(command)


def account_options(*, is_required: bool) -> Callable[[Command], Command]:
    """`--account` and where its password is."""

    def add(command: Command) -> Command:
        command = click.option(
            "--password-file",
            type=click.Path(path_type=Path, dir_okay=False, exists=True),
            help="A file with its password; else it is asked for.",
        )(command)
        return click.option("--account", required=is_required, help="Who asks: an account at head office.")(
            command
        )

    return add


def password_of(options: dict[str, Any]) -> str:
    """From the file, or asked for."""
    file: Path | None = options["password_file"]
    if file is not None:
        return file.read_text(encoding="utf-8").strip()
    prompted: str = click.prompt(_("Password"), hide_input=True)
    return prompted


def one_time_code() -> str:
    """What the account's authenticator shows now."""
    prompted: str = click.prompt(_("One-time code"))
    return prompted


@contextmanager
def signed_in(options: dict[str, Any]) -> Iterator[httpx.Client]:
    """A client that is signed in for as long as a command takes.

    Raises `ServerUnreachable`, `ServerRefused`, `SignInUnfinished`.
    """
    if not options["account"]:
        raise click.UsageError(_("With --server say also --account: who asks."))
    credentials = {"name": options["account"], "password": password_of(options)}
    headers = {"Accept-Language": language_of(os.environ)}
    try:
        with httpx.Client(base_url=options["server"], headers=headers, timeout=HTTP_SECONDS) as http:
            session = answer(http.post("/api/session", json=credentials))
            http.headers["Authorization"] = f"Bearer {session['token']}"
            if session["step"] == "code":
                session = answer(http.post("/api/session/code", json={"code": one_time_code()}))
                http.headers["Authorization"] = f"Bearer {session['token']}"
            if session["step"]:
                raise SignInUnfinished(session["step"], place=options["account"])
            try:
                yield http
            finally:
                http.delete("/api/session")
    except httpx.TransportError as error:
        raise ServerUnreachable(str(error), place=options["server"]) from error


def once() -> dict[str, str]:
    """A header under which a request is carried out once."""
    return {"Idempotency-Key": uuid.uuid4().hex}


def answer(response: httpx.Response) -> Any:
    """What was asked for. Raises `ServerRefused`."""
    if response.is_error:
        try:
            problem = msgspec.json.decode(response.content, type=Said)
        except msgspec.DecodeError as error:
            raise ServerRefused(f"HTTP {response.status_code}", place=str(response.url)) from error
        raise ServerRefused(f"{problem.code}: {problem.title} {problem.remedy}", place=problem.place)
    return response.json()

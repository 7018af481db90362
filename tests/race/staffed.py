"""An installation with an account of each role, and an example of each command."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect

from openhall.access.rights import BOUND_TO_NO_BRANCH, ROLES
from openhall.app.build import build
from openhall.app.folder import Folder
from openhall.cli.bench.installation import install
from openhall.kernel.event import Command
from openhall.log.accounts import SignedIn
from openhall.web.api import COMMAND_KINDS

BRANCH, OTHER_BRANCH = "b01", "b02"
PASSWORD = "a long enough password"
COMMANDS = COMMAND_KINDS


@dataclass(frozen=True)
class Staffed:
    folder: Path
    tokens: dict[str, str]
    """By role, of the first branch."""

    @property
    def manager(self) -> str:
        return self.tokens["manager"]


def staffed(folder: Path) -> Staffed:
    """Two branches; in the first an account of each role, named after it."""
    install(folder, branches_count=2)
    app = build(Folder(folder))
    tokens: dict[str, str] = {}
    try:
        for role in ROLES:
            branch = None if role in BOUND_TO_NO_BRANCH else BRANCH
            app.accounts.create(role, role, PASSWORD, branch=branch)
            signed_in = app.accounts.sign_in(role, PASSWORD)
            assert isinstance(signed_in, SignedIn)
            tokens[role] = signed_in.token
    finally:
        app.store.close()
    return Staffed(folder, tokens)


def example_of(kind: type[Command]) -> dict[str, Any]:
    """A body that the command's type takes, with its required fields only."""
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    body = {field.encode_name: _example(field.type) for field in info.fields if field.required}
    msgspec.convert(body, kind)
    return body


def _example(type_: inspect.Type) -> Any:
    match type_:
        case inspect.LiteralType():
            return type_.values[0]
        case inspect.IntType():
            return type_.ge or 1
        case inspect.BoolType():
            return True
        case inspect.VarTupleType():
            return []
        case inspect.Metadata():
            return _example(type_.type)
        case _:
            return "break"

"""Who may use a route: each handler names its right in `opt`, and one guard holds everybody to it.

    @get("/b/{branch_id:str}/report", opt=needs_screen("report"))
    @post("/api/devices", opt=needs_action("devices.manage"))
    @get("/healthz", exclude_from_auth=True, opt=ANYONE)

A handler that names no right is a fault of ours: a test goes through every route.
"""

from __future__ import annotations

from typing import Any, Final

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from openhall.access import rights
from openhall.web.problems import Refused

RIGHT: Final = "right"
"""The key in a handler's `opt`."""

ANYONE: Final[dict[str, Any]] = {RIGHT: ("anyone", "")}
"""Also who is not signed in."""
SIGNED_IN: Final[dict[str, Any]] = {RIGHT: ("signed_in", "")}
"""Whoever is signed in: what the handler shows is the reader's own."""
IN_REACH: Final[dict[str, Any]] = {RIGHT: ("in_reach", "")}
"""Whoever is signed in and belongs to the branch in the address."""


def needs_action(action: rights.Action) -> dict[str, Any]:
    """Whoever may do this, in the branch in the address where it names one."""
    return {RIGHT: ("action", action)}


def needs_screen(screen: rights.Screen) -> dict[str, Any]:
    """Whoever may open this screen, in the branch in the address where it names one."""
    return {RIGHT: ("screen", screen)}


def needs_command(command: str) -> dict[str, Any]:
    """Whoever may issue the command of that class name in the branch in the address."""
    return {RIGHT: ("command", command)}


def hold_to_rights(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """The guard of every route: raises `Refused` when the account lacks the right."""
    kind, name = handler.opt.get(RIGHT, ("", ""))
    if kind in {"", "anyone", "signed_in"}:
        return
    account, branch = connection.user, str(connection.path_params.get("branch_id", ""))
    refusal = None
    if kind == "in_reach":
        refusal = rights.refuse_reach(account.role, account.branch, branch)
    elif kind == "action":
        refusal = rights.refuse_action(account.role, account.branch, action=name, branch=branch)
    elif kind == "screen":
        refusal = rights.refuse_screen(account.role, account.branch, screen=name, branch=branch)
    elif kind == "command":
        refusal = rights.refuse(account.role, account.branch, branch=branch, command=name)
    if refusal is not None:
        raise Refused(refusal)

"""Who may use a route: each handler names its right in `opt`, and one guard holds everybody to it.

    @get("/b/{branch_id:str}/report", opt=needs_screen("report"))
    @post("/api/devices", opt=needs_action("devices.manage"))
    @get("/healthz", opt=ANYONE)

A handler that names no right is a fault of ours, and the site does not start with one. A test asks every
route as every role, in its own branch and in another.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, get_args

from litestar import Litestar
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.routes import ASGIRoute, HTTPRoute, WebSocketRoute

from openhall.access import rights
from openhall.kernel.refusal import Refusal
from openhall.network.model import Role
from openhall.web.problems import Refused

RIGHT: Final = "right"
"""The key in a handler's `opt`."""
NO_SESSION: Final = "exclude_from_auth"
"""The key by which the session's middleware knows that nobody need be signed in."""

ANYONE: Final[dict[str, Any]] = {RIGHT: ("anyone", ""), NO_SESSION: True}
"""Also who is not signed in."""
SIGNED_IN: Final[dict[str, Any]] = {RIGHT: ("signed_in", "")}
"""Whoever is signed in: what the handler shows is the reader's own."""
IN_REACH: Final[dict[str, Any]] = {RIGHT: ("in_reach", "")}
"""Whoever is signed in and belongs to the branch in the address."""

KINDS: Final = frozenset({"anyone", "signed_in", "in_reach", "action", "screen", "command"})


HEAD: Final = "/head/"
"""Pages over all branches: for head office alone, whatever screen they show."""


class RightMissing(Exception):
    """A route of ours that anybody could use, because it says nothing of who may."""


def needs_action(action: rights.Action) -> dict[str, Any]:
    """Whoever may do this, in the branch in the address where it names one."""
    return {RIGHT: ("action", action)}


def needs_screen(screen: rights.Screen) -> dict[str, Any]:
    """Whoever may open this screen, in the branch in the address where it names one."""
    return {RIGHT: ("screen", screen)}


def needs_command(command: str) -> dict[str, Any]:
    """Whoever may issue the command of that class name in the branch in the address."""
    return {RIGHT: ("command", command)}


def right_of(handler: BaseRouteHandler) -> tuple[str, str]:
    """(kind, name) of the right that a handler asks for. Raises `RightMissing` without one that exists."""
    kind, name = handler.opt.get(RIGHT, ("", ""))
    is_known = {
        "action": name in get_args(rights.Action),
        "screen": name in get_args(rights.Screen),
        "command": any(name in row for row in rights.COMMANDS.values()),
    }.get(kind, kind in KINDS)
    if not is_known or bool(handler.opt.get(NO_SESSION)) != (kind == "anyone"):
        raise RightMissing(f"Expected a right in opt= of {handler}, got {kind!r} {name!r}")
    return kind, name


def refusal_of(kind: str, name: str, role: Role, own_branch: str | None, branch: str) -> Refusal | None:
    """Why an account may not use a route of that right with that branch in its address; None when it may."""
    if kind == "in_reach":
        return rights.refuse_reach(role, own_branch, branch)
    if kind == "action":
        return rights.refuse_action(role, own_branch, action=name, branch=branch)  # type: ignore[arg-type]
    if kind == "screen":
        return rights.refuse_screen(role, own_branch, screen=name, branch=branch)  # type: ignore[arg-type]
    if kind == "command":
        return rights.refuse(role, own_branch, branch=branch, command=name)
    return None


def hold_to_rights(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """The guard of every route: raises `Refused` when the account lacks the right."""
    if connection.scope.get("method") == "OPTIONS":
        return  # Litestar's own answer: which methods there are.
    kind, name = right_of(handler)
    if kind in {"anyone", "signed_in"}:
        return
    account, branch = connection.user, str(connection.path_params.get("branch_id", ""))
    refusal = refusal_of(kind, name, account.role, account.branch, branch)
    if connection.url.path.startswith(HEAD) and account.role not in rights.BOUND_TO_NO_BRANCH:
        refusal = refusal or Refusal("branch_not_yours", place="head")
    if refusal is not None:
        raise Refused(refusal)


def guarded(site: Litestar) -> Iterator[tuple[str, str, str, str]]:
    """(method, path, kind, name) of every route. Raises `RightMissing` for one that says nothing."""
    for route in site.routes:
        handlers: list[BaseRouteHandler] = []
        if isinstance(route, HTTPRoute):
            handlers = [h for h in route.route_handlers if h.http_methods != {"OPTIONS"}]
        elif isinstance(route, ASGIRoute | WebSocketRoute):
            handlers = [route.route_handler]
        for handler in handlers:
            kind, name = right_of(handler)
            if kind == "signed_in" and "{branch_id" in route.path:
                raise RightMissing(f"Expected IN_REACH or more of {route.path}, which names a branch")
            for method in sorted(getattr(handler, "http_methods", {"GET"})):
                yield method, route.path, kind, name

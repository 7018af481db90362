"""Each request is given an id, counted, and (where that is wanted) written down as one line.

The id is in the answer's header, in a problem's document and in every line of the log that the request
caused. What is written down is the pattern of the address: an address itself can be a customer's ticket.
"""

from __future__ import annotations

import re
import secrets
from typing import Any, Final

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from openhall.app.build import App

HEADER: Final = b"x-request-id"
GIVEN: Final = re.compile(rb"[A-Za-z0-9-]{8,64}")
"""What a proxy may have named the request; anything else is named anew."""
SEEN: Final = "openhall.seen"
"""Where in the scope the id and the beginning are."""
UNKNOWN: Final = "(none)"
"""The route of what no route of ours answers."""

_log = structlog.stdlib.get_logger("openhall.access")


class Observing:
    """The outermost middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Name the request, and let everything that is logged meanwhile carry the name."""
        if scope["type"] != ScopeType.HTTP:
            await self.app(scope, receive, send)
            return
        about = {"request_id": request_id_of(scope), "branch": branch_of(scope), "actor": ""}
        with structlog.contextvars.bound_contextvars(**about):
            await self.app(scope, receive, send)


def note_actor(account: str) -> None:
    """Let the lines of this request carry the account, which is known once its session is found."""
    structlog.contextvars.bind_contextvars(actor=account)


def branch_of(scope: Any) -> str:
    """The branch in a request's address; empty where none is."""
    return str(scope.get("path_params", {}).get("branch_id", ""))


def request_id_of(scope: Any) -> str:
    """The id of a request; one that no route of ours answers gets it now."""
    if SEEN not in scope:
        openhall: App = scope["litestar_app"].state.openhall
        scope[SEEN] = (_given(scope) or secrets.token_hex(8), openhall.measures.begin())
    request_id: str = scope[SEEN][0]
    return request_id


async def note_answer(message: Message, scope: Any) -> None:
    """An answer begins: put the id into its header, count it, write it down."""
    if message["type"] != "http.response.start":
        return
    app: App = scope["litestar_app"].state.openhall
    request_id = request_id_of(scope)
    began: float = scope[SEEN][1]
    message["headers"] = [*message["headers"], (HEADER, request_id.encode())]
    route = str(scope.get("path_template") or UNKNOWN)
    method, status = str(scope["method"]), int(message["status"])
    app.measures.note_request(method, route, status, began)
    if app.settings.log.access:
        account = scope.get("user")
        _log.info(
            "request",
            method=method,
            route=route,
            status=status,
            branch=branch_of(scope),
            actor=getattr(account, "name", ""),
            milliseconds=round((app.measures.begin() - began) * 1_000, 1),
        )


def _given(scope: Scope) -> str:
    found = next((value for name, value in scope["headers"] if name == HEADER), b"")
    return found.decode() if GIVEN.fullmatch(found) else ""

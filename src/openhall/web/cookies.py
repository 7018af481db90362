"""The session's cookie: out of reach of scripts, of other sites and, over TLS, of anything but this host.

Over TLS its name begins with `__Host-`, which browsers take from this very host over TLS alone: nobody on the
network can plant a session of their own, or read one after talking a browser out of TLS.
"""

from __future__ import annotations

from typing import Any

from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie

PLAIN_NAME = "openhall_session"
"""Where the server is reached without TLS: on the machine itself, or in a network that the bank trusts."""
BEARER = "bearer "
SAFE_NAME = f"__Host-{PLAIN_NAME}"


def is_safe(connection: ASGIConnection[Any, Any, Any, Any]) -> bool:
    """Did the request come over TLS, here or at a proxy that is believed?"""
    return connection.url.scheme == "https"


def token_of(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """The token that a request shows: in its Authorization header, else in the cookie; empty for none."""
    if is_by_bearer(connection):
        return connection.headers["authorization"][len(BEARER) :]
    return connection.cookies.get(_name(connection), "")


def is_by_bearer(connection: ASGIConnection[Any, Any, Any, Any]) -> bool:
    """Does the request show its token in the header, as programs do and no page of another site can?

    A browser sends other words in that header by itself (Basic, Negotiate), and the cookie beside them.
    """
    return connection.headers.get("authorization", "")[: len(BEARER)].lower() == BEARER


def is_by_cookie(connection: ASGIConnection[Any, Any, Any, Any]) -> bool:
    """Does the request lean on a cookie, which a browser sends along whoever made the request?"""
    return not is_by_bearer(connection) and _name(connection) in connection.cookies


def session_cookie(connection: ASGIConnection[Any, Any, Any, Any], token: str, length_ms: int) -> Cookie:
    """The cookie of a session that lasts so long; with no token and no length it ends the one there is."""
    return Cookie(
        _name(connection),
        value=token,
        httponly=True,
        samesite="strict",
        secure=is_safe(connection),
        path="/",
        max_age=length_ms // 1_000,
    )


def _name(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    return SAFE_NAME if is_safe(connection) else PLAIN_NAME

"""Who is asking: sessions by cookie or bearer token, and the sign-in itself."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, Response, delete, get, post
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.exceptions import NotAuthorizedException
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.params import JSONBody

from openhall.app.build import App
from openhall.kernel.clock import MINUTE_MS
from openhall.kernel.refusal import Refusal
from openhall.log.accounts import Account
from openhall.web.guarding import ANYONE, SIGNED_IN
from openhall.web.problems import RESPONSES, Refused
from openhall.web.reading import SESSION_COOKIE

ATTEMPTS_PER_MINUTE_AT_MOST = 30
"""Sign-ins that one process hashes in a minute: each costs tens of milliseconds of a core by design."""

OpenhallRequest = Request[Account, str, Any]


class SessionMiddleware(AbstractAuthenticationMiddleware):
    """Finds the account behind a token; says no when there is none."""

    async def authenticate_request(
        self, connection: ASGIConnection[Any, Any, Any, Any]
    ) -> AuthenticationResult:
        """Look the token up in memory."""
        bearer = connection.headers.get("authorization", "")
        token = bearer[7:] if bearer[:7].lower() == "bearer " else connection.cookies.get(SESSION_COOKIE, "")
        app: App = connection.app.state.openhall
        account = app.accounts.who(token) if token else None
        if account is None:
            raise NotAuthorizedException
        if not _is_by_itself(connection):
            app.accounts.touch(token)
        return AuthenticationResult(user=account, auth=token)


def _is_by_itself(connection: ASGIConnection[Any, Any, Any, Any]) -> bool:
    """Does a page ask by itself, with nobody there? Then the session goes on growing idle."""
    path = connection.url.path
    return "hx-request" in connection.headers or path.endswith(("/stream", "/live", "/session/left"))


@dataclass
class Attempts:
    """Counts what was tried in the last minute: sign-ins, so that guessing cannot take the machine from the
    hall; tickets of one kiosk, so that nobody hoards them [C18]."""

    at_most: int
    moments_ms: deque[int] = field(default_factory=deque)

    def note(self, now_ms: int) -> bool:
        """Count one more; False when there were too many."""
        while self.moments_ms and self.moments_ms[0] <= now_ms - MINUTE_MS:
            self.moments_ms.popleft()
        if len(self.moments_ms) >= self.at_most:
            return False
        self.moments_ms.append(now_ms)
        return True


class Credentials(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A name and a password."""

    name: Annotated[str, msgspec.Meta(max_length=64)]
    password: Annotated[str, msgspec.Meta(max_length=256)]


class SessionBody(msgspec.Struct, frozen=True):
    """Somebody who is signed in. `token` goes into an Authorization header where cookies are not used."""

    account: Account
    expires_ms: int
    token: str = ""


class SessionController(Controller):
    """Signing in and out."""

    path = "/api/session"
    tags = ("session",)

    @post(summary="Sign in", status_code=200, responses=RESPONSES, opt=ANYONE)
    async def sign_in(
        self, request: Request[Any, Any, Any], data: JSONBody[Credentials]
    ) -> Response[SessionBody]:
        """Sets a cookie for browsers and returns a token for programs."""
        app: App = request.app.state.openhall
        attempts: Attempts = request.app.state.attempts
        # Named by what it does, not by whom it hits: the account's own lock-out comes with access control.
        if not attempts.note(app.wall.now_ms()):
            raise Refused(Refusal("too_many_requests"))
        signed_in = await asyncio.to_thread(app.accounts.sign_in, data.name, data.password)
        if isinstance(signed_in, Refusal):
            raise Refused(signed_in)
        cookie = Cookie(
            SESSION_COOKIE,
            value=signed_in.token,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
            path="/",
            max_age=(signed_in.session.expires_ms - signed_in.session.created_ms) // 1_000,
        )
        body = SessionBody(signed_in.session.account, signed_in.session.expires_ms, signed_in.token)
        return Response(body, cookies=[cookie])

    @get(summary="Who am I?", responses=RESPONSES, opt=SIGNED_IN)
    async def who(self, request: OpenhallRequest) -> Account:
        """The account that this session belongs to."""
        return request.user

    @delete(
        summary="Sign out",
        status_code=204,
        opt=SIGNED_IN,
        responses=RESPONSES,
        response_cookies=[
            Cookie(SESSION_COOKIE, value="", max_age=0, path="/", httponly=True, samesite="strict")
        ],
    )
    async def sign_out(self, request: OpenhallRequest) -> None:
        """Ends this session at the server."""
        app: App = request.app.state.openhall
        await asyncio.to_thread(app.accounts.sign_out, request.auth)

"""Who is asking: sessions by cookie or bearer token, and signing in, step by step.

A name and a password may not be all: a one-time code, a password of one's own in place of the initial one,
setting up codes. Until the last step is done the session opens nothing else; after each it has another token.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Annotated, Any

import msgspec
import segno
from litestar import Controller, Request, Response, delete, get, post
from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.params import JSONBody, QueryParameter

from openhall.app.build import App
from openhall.app.language import say
from openhall.kernel.refusal import Refusal
from openhall.kernel.trouble import Trouble
from openhall.log.accounts import Account, SignedIn
from openhall.log.sessions import Step
from openhall.web.cookies import session_cookie, token_of
from openhall.web.guarding import ANYONE, SIGNED_IN
from openhall.web.observing import note_actor
from openhall.web.problems import RESPONSES, Refused, all_texts
from openhall.web.rates import Rates, network_address, require
from openhall.web.reading import language_of, own_path, site_of
from openhall.web.rendering import page

ADDRESSES_AT_MOST = 4_096
"""Network addresses whose failures are counted; beyond it the one that failed longest ago is forgotten."""

OpenhallRequest = Request[Account, str, Any]


class SessionMiddleware(AbstractAuthenticationMiddleware):
    """Finds the account behind a token; says no when there is none."""

    async def authenticate_request(
        self, connection: ASGIConnection[Any, Any, Any, Any]
    ) -> AuthenticationResult:
        """Look the token up in memory."""
        token = token_of(connection)
        app: App = connection.app.state.openhall
        account = app.accounts.who(token) if token else None
        if account is None:
            if token:
                limit = app.settings.limits.unknown_per_second
                require(connection, f"unknown {network_address(connection)}", limit)
            raise NotAuthorizedException
        note_actor(account.name)
        if not _is_by_itself(connection):
            app.accounts.touch(token)
        return AuthenticationResult(user=account, auth=token)


def _is_by_itself(connection: ASGIConnection[Any, Any, Any, Any]) -> bool:
    """Does a page ask by itself, with nobody there? Then the session goes on growing idle."""
    path = connection.url.path
    return "hx-request" in connection.headers or path.endswith(("/stream", "/live", "/api/session/left"))


class Doorkeeper:
    """Slows down whoever guesses: sign-ins of all together, and failures of each network address.

    Failures and not sign-ins of an address: the sixty tellers of a hall may come from one. The lock of an
    account that is guessed at is the accounts' own.
    """

    def __init__(self, *, sign_ins: int, failures: int) -> None:
        self._sign_ins, self._failures = sign_ins, failures
        self._rates = Rates(ADDRESSES_AT_MOST)

    def require(self, address: str, now_ms: int) -> None:
        """Raise `Refused` for one sign-in too many."""
        may_fail = self._rates.has_room(f"failure {address}", self._failures, now_ms)
        if not (may_fail and self._rates.note("sign-in", self._sign_ins, now_ms)):
            raise Refused(Refusal("too_many_requests"))

    def note_failure(self, address: str, now_ms: int) -> None:
        """One more that went wrong."""
        self._rates.note(f"failure {address}", self._failures, now_ms)


Password = Annotated[str, msgspec.Meta(max_length=256)]


class Credentials(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A name and a password."""

    name: Annotated[str, msgspec.Meta(max_length=64)]
    password: Password


class CodeBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A one-time code of six digits, or a recovery code."""

    code: Annotated[str, msgspec.Meta(max_length=40)]


class NewPassword(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A password of one's own."""

    password: Password


class EnrolmentWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The password again, where somebody who is signed in sets up codes."""

    password: Password = ""


class SessionBody(msgspec.Struct, frozen=True):
    """Somebody who is signed in, once no `step` is left. `token` goes into an Authorization header where
    cookies are not used."""

    account: Account
    expires_ms: int
    token: str = ""
    step: Step = ""


class EnrolmentBody(msgspec.Struct, frozen=True):
    """A secret for an authenticator, to be typed, or read from the picture of a QR code."""

    secret: str
    address: str
    picture: str
    """A data URI."""


class ConfirmedBody(msgspec.Struct, frozen=True):
    """One-time codes are set up. The recovery codes are shown this once."""

    session: SessionBody
    recovery_codes: list[str]


class SignedOut(msgspec.Struct, frozen=True):
    """Where to end the session at the bank's identity provider; empty when it offers no such place."""

    to: str


class Left(msgspec.Struct, frozen=True):
    """How long a session lasts if nobody does anything, and who it is of."""

    left_ms: int
    name: str
    is_external: bool


def device_words(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """Browser and system in two words, by which somebody knows their own devices again."""
    agent = connection.headers.get("user-agent", "")
    browsers = {"Edg": "Edge", "Firefox": "Firefox", "Chrome": "Chrome", "Safari": "Safari"}
    systems = {
        "Android": "Android",
        "iPhone": "iPhone",
        "iPad": "iPad",
        "Windows": "Windows",
        "Mac OS": "macOS",
        "Linux": "Linux",
    }
    found = [next((word for part, word in each.items() if part in agent), "") for each in (browsers, systems)]
    return ", ".join(word for word in found if word)


def with_session(request: Request[Any, Any, Any], signed_in: SignedIn, body: Any = None) -> Response[Any]:
    """An answer that gives a browser its new session."""
    length_ms = signed_in.session.expires_ms - signed_in.session.created_ms
    content = body if body is not None else session_body(signed_in)
    return Response(content, cookies=[session_cookie(request, signed_in.token, length_ms)])


def session_body(signed_in: SignedIn) -> SessionBody:
    """What a program is told of a new session."""
    session = signed_in.session
    return SessionBody(session.account, session.expires_ms, signed_in.token, session.step)


class SessionController(Controller):
    """Signing in and out."""

    path = "/api/session"
    tags = ("session",)

    @post(summary="Sign in", status_code=200, responses=RESPONSES, opt=ANYONE)
    async def sign_in(
        self, request: Request[Any, Any, Any], data: JSONBody[Credentials]
    ) -> Response[SessionBody]:
        """Sets a cookie for browsers and returns a token for programs. With a `step` in the answer the
        session opens nothing yet: go on with `code`, `password` or `codes` below."""
        app: App = request.app.state.openhall
        door: Doorkeeper = request.app.state.door
        address = network_address(request)
        door.require(address, app.wall.now_ms())
        signed_in = await asyncio.to_thread(
            app.accounts.sign_in, data.name, data.password, device=device_words(request), address=address
        )
        if isinstance(signed_in, Refusal):
            door.note_failure(address, app.wall.now_ms())
            raise Refused(signed_in)
        # Whoever was half way in, or signed in as somebody else, in this browser is not any more.
        await asyncio.to_thread(app.accounts.sign_out, token_of(request))
        return with_session(request, signed_in)

    @post("/code", summary="Give a one-time code", status_code=200, responses=RESPONSES, opt=ANYONE)
    async def give_code(
        self, request: Request[Any, Any, Any], data: JSONBody[CodeBody]
    ) -> Response[SessionBody]:
        """The step `code`."""
        app: App = request.app.state.openhall
        door: Doorkeeper = request.app.state.door
        address = network_address(request)
        door.require(address, app.wall.now_ms())
        went = await asyncio.to_thread(app.accounts.give_code, token_of(request), data.code, address=address)
        if isinstance(went, Refusal):
            door.note_failure(address, app.wall.now_ms())
            raise Refused(went)
        return with_session(request, went)

    @post("/password", summary="Choose a password", status_code=200, responses=RESPONSES, opt=ANYONE)
    async def choose_password(
        self, request: Request[Any, Any, Any], data: JSONBody[NewPassword]
    ) -> Response[SessionBody]:
        """The step `password`: one of one's own in place of the initial one."""
        app: App = request.app.state.openhall
        went = await asyncio.to_thread(
            app.accounts.choose_password, token_of(request), data.password, address=network_address(request)
        )
        if isinstance(went, Refusal):
            raise Refused(went)
        return with_session(request, went)

    @post(
        "/codes", summary="Begin to set up one-time codes", status_code=200, responses=RESPONSES, opt=ANYONE
    )
    async def begin_codes(
        self, request: Request[Any, Any, Any], data: JSONBody[EnrolmentWish]
    ) -> EnrolmentBody:
        """The step `enrol`, or for somebody who is signed in and gives their password again."""
        app: App = request.app.state.openhall
        begun = await asyncio.to_thread(
            app.accounts.begin_codes,
            token_of(request),
            password=data.password,
            issuer=app.bank.name.get(language_of(request)),
            address=network_address(request),
        )
        if isinstance(begun, Refusal):
            raise Refused(begun)
        picture = segno.make(begun.address, error="m", micro=False).svg_data_uri(scale=5, border=3)
        return EnrolmentBody(begun.secret, begun.address, picture)

    @post(
        "/codes/confirmation",
        summary="Set up one-time codes",
        status_code=200,
        responses=RESPONSES,
        opt=ANYONE,
    )
    async def confirm_codes(
        self, request: Request[Any, Any, Any], data: JSONBody[CodeBody]
    ) -> Response[ConfirmedBody]:
        """With a first code, which shows that the authenticator works. Recovery codes are in the answer."""
        app: App = request.app.state.openhall
        door: Doorkeeper = request.app.state.door
        door.require(network_address(request), app.wall.now_ms())
        went = await asyncio.to_thread(
            app.accounts.confirm_codes, token_of(request), data.code, address=network_address(request)
        )
        if isinstance(went, Refusal):
            door.note_failure(network_address(request), app.wall.now_ms())
            raise Refused(went)
        signed_in, codes = went
        return with_session(request, signed_in, ConfirmedBody(session_body(signed_in), codes))

    @get(summary="Who am I?", responses=RESPONSES, opt=SIGNED_IN)
    async def who(self, request: OpenhallRequest) -> Account:
        """The account that this session belongs to."""
        return request.user

    @get("/left", summary="How long am I signed in?", responses=RESPONSES, opt=SIGNED_IN)
    async def left(self, request: OpenhallRequest) -> Left:
        """If nobody does anything more. Asking does not make it longer."""
        return _left(request)

    @post("/activity", summary="I am still here", status_code=200, responses=RESPONSES, opt=SIGNED_IN)
    async def activity(self, request: OpenhallRequest) -> Left:
        """Somebody reads or types at a page that sends nothing else."""
        return _left(request)

    @delete("/step", summary="Begin again", status_code=204, responses=RESPONSES, opt=ANYONE)
    async def begin_again(self, request: Request[Any, Any, Any]) -> Response[None]:
        """Drops a session that has steps left to do, and no other."""
        app: App = request.app.state.openhall
        session = app.accounts.session(token_of(request))
        if session is None or not session.step:
            return Response(None)
        await asyncio.to_thread(app.accounts.sign_out, token_of(request))
        return Response(None, cookies=[session_cookie(request, "", 0)])

    @delete(summary="Sign out", status_code=200, opt=SIGNED_IN, responses=RESPONSES)
    async def sign_out(self, request: OpenhallRequest) -> Response[SignedOut]:
        """Ends this session at the server. With an address in the answer it began with the bank's account: to
        end the session at its provider too, go there."""
        app: App = request.app.state.openhall
        session = app.accounts.session(request.auth)
        await asyncio.to_thread(app.accounts.sign_out, request.auth)
        to = ""
        if app.identity is not None and session is not None and session.is_external:
            with suppress(Trouble):  # Signed out here all the same.
                back_to = f"{site_of(request)}/sign-in"
                to = await app.identity.sign_out_address(back_to)
        return Response(SignedOut(to), cookies=[session_cookie(request, "", 0)])


def _left(request: OpenhallRequest) -> Left:
    app: App = request.app.state.openhall
    session = app.accounts.session(request.auth)
    is_external = session is not None and session.is_external
    return Left(app.accounts.left_ms(request.auth), request.user.name, is_external)


To = Annotated[str, QueryParameter(max_length=500, description="Where to go on afterwards")]


@get("/sign-in", include_in_schema=False, opt=ANYONE)
async def sign_in_page(request: Request[Any, Any, Any], to: To = "/", refused: To = "") -> Response[bytes]:
    """The step of signing in that is due in this browser."""
    app: App = request.app.state.openhall
    session, language = app.accounts.session(token_of(request)), language_of(request)
    text = all_texts().get(refused)
    words = f"{say(language, text.sentence)} {say(language, text.remedy)}" if text else ""
    return page(
        "sign_in.html",
        language,
        bank=app.bank,
        account=None,
        step=session.step if session is not None else "",
        account_name=session.account.name if session is not None else "",
        length_min=app.accounts.settings.password_length_min,
        is_oidc=bool(app.settings.oidc.issuer),
        is_emergency_only=bool(app.accounts.settings.emergency_account),
        refused=words if text and "{" not in words else "",
        to=own_path(to),
    )

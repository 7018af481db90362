"""Signing in with the bank's account: to its identity provider and back.

Between the two lies nothing but what this process remembers of the sign-in it began, found by `state` and
bound to the browser by a cookie of its own. That cookie is `Lax` because the way back comes from another
site; the session's is `Strict`, so the way back ends at a page of ours that goes on by itself.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections import OrderedDict
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import msgspec
from litestar import Request, Response, get
from litestar.datastructures import Cookie
from litestar.exceptions import NotFoundException
from litestar.params import QueryParameter
from litestar.response import Redirect

from openhall.app.build import App
from openhall.app.identity import Begun, IdentityProvider, account_from, identity_of
from openhall.kernel.clock import MINUTE_MS
from openhall.kernel.refusal import Refusal
from openhall.web.cookies import is_safe
from openhall.web.guarding import ANYONE
from openhall.web.rates import network_address
from openhall.web.reading import language_of, own_path, site_of
from openhall.web.rendering import page
from openhall.web.signing_in import Doorkeeper, device_words, with_session

COOKIE: Final = "openhall_bank_sign_in"
PATH: Final = "/sign-in/bank"
WAITS_MS: Final = 10 * MINUTE_MS
WAITING_AT_MOST: Final = 1_000
"""Sign-ins under way; beyond it the oldest is forgotten, and its owner begins again."""

To = Annotated[str, QueryParameter(max_length=500, description="Where to go on afterwards")]
Word = Annotated[str, QueryParameter(max_length=4_096)]
State = Annotated[str, QueryParameter(name="state", max_length=4_096)]


class Waiting(msgspec.Struct, frozen=True):
    """A sign-in that is at the provider."""

    begun: Begun
    to: str
    browser_hash: bytes
    since_ms: int


class UnderWay:
    """The sign-ins that are at the provider, by their state. Each is good for one answer."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, Waiting] = OrderedDict()

    def put(self, waiting: Waiting) -> None:
        """Remember one."""
        self._waiting[waiting.begun.state] = waiting
        if len(self._waiting) > WAITING_AT_MOST:
            self._waiting.popitem(last=False)

    def take(self, state: str, browser: str, now_ms: int) -> Waiting | None:
        """The one that an answer is about, if it comes in the same browser and in time."""
        found = self._waiting.pop(state, None)
        if found is None or now_ms - found.since_ms > WAITS_MS:
            return None
        return found if hmac.compare_digest(found.browser_hash, _hash(browser)) else None


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _provider(request: Request[Any, Any, Any]) -> IdentityProvider:
    provider: IdentityProvider | None = request.app.state.openhall.identity
    if provider is None:
        raise NotFoundException
    return provider


def _cookie(request: Request[Any, Any, Any], value: str, seconds: int) -> Cookie:
    return Cookie(
        COOKIE,
        value=value,
        path=PATH,
        httponly=True,
        samesite="lax",
        secure=is_safe(request),
        max_age=seconds,
    )


@get(PATH, include_in_schema=False, opt=ANYONE)
async def begin(request: Request[Any, Any, Any], to: To = "/") -> Redirect:
    """Off to the provider."""
    app: App = request.app.state.openhall
    provider, door = _provider(request), request.app.state.door
    assert isinstance(door, Doorkeeper)
    now_ms = app.wall.now_ms()
    door.require(network_address(request), now_ms)
    begun = await provider.begin(f"{site_of(request)}{PATH}/answer")
    # The nonce goes to the provider; what binds the browser stays here.
    browser = hashlib.sha256(f"browser {begun.verifier}".encode()).hexdigest()
    request.app.state.under_way.put(Waiting(begun, own_path(to), _hash(browser), now_ms))
    return Redirect(begun.url, cookies=[_cookie(request, browser, WAITS_MS // 1_000)])


@get(f"{PATH}/answer", include_in_schema=False, opt=ANYONE)
async def answer(
    request: Request[Any, Any, Any], named: State = "", code: Word = "", iss: Word = "", error: Word = ""
) -> Response[Any]:
    """Back from the provider. What it says of an error stays out of our pages: anybody can write a link."""
    app: App = request.app.state.openhall
    provider, address = _provider(request), network_address(request)
    request.app.state.door.require(address, app.wall.now_ms())
    waiting = request.app.state.under_way.take(named, request.cookies.get(COOKIE, ""), app.wall.now_ms())
    if waiting is None or error or not code:
        return _refused(request, Refusal("outside_sign_in_failed"))
    claims = await provider.finish(waiting.begun, code, iss)
    if isinstance(claims, Refusal):
        return _refused(request, claims)
    account = account_from(provider.settings, claims)
    if isinstance(account, Refusal):
        await asyncio.to_thread(app.accounts.note_refused_outside, address=address)
        return _refused(request, account)
    signed_in = await asyncio.to_thread(
        app.accounts.sign_in_outside,
        identity_of(provider.settings, claims),
        account,
        device=device_words(request),
        address=address,
    )
    if isinstance(signed_in, Refusal):
        return _refused(request, signed_in)
    shown = page("signed_in.html", language_of(request), bank=app.bank, account=None, path="/", to=waiting.to)
    gone = with_session(request, signed_in, shown.content)
    gone.media_type, gone.headers = shown.media_type, shown.headers
    gone.cookies.append(_cookie(request, "", 0))
    return gone


def _refused(request: Request[Any, Any, Any], refusal: Refusal) -> Response[Any]:
    request.app.state.door.note_failure(network_address(request), request.app.state.openhall.wall.now_ms())
    return Redirect(f"/sign-in?{urlencode({'refused': refusal.code})}", cookies=[_cookie(request, "", 0)])


HANDLERS: list[Any] = [begin, answer]

"""How a device comes in, and says that it is there: `/pair`, `POST /api/pair`, `POST /api/device/beat`.

A person types the code that the Devices page shows; the device then has a session of its own, with its role's
rights and no password. What it can do is what that role can do in its branch, and it ends when it is revoked.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.params import JSONBody
from litestar.response import Redirect

from openhall.access.devices import CODE_ALPHABET, CODE_CHARACTERS, Device, DisplaySettings
from openhall.app.build import App
from openhall.app.device_desk import BEAT_SECONDS, Beat, Sound, Test
from openhall.kernel.clock import DAY_MS
from openhall.kernel.refusal import Refusal
from openhall.kernel.text import Language
from openhall.log.sessions import SignedIn
from openhall.web.cookies import token_of
from openhall.web.guarding import ANYONE, SIGNED_IN
from openhall.web.problems import RESPONSES, Refused
from openhall.web.rates import Rates, network_address
from openhall.web.reading import language_of, site_of
from openhall.web.rendering import page
from openhall.web.signing_in import OpenhallRequest, with_session

TRIES_PER_MINUTE_AT_MOST = 10
"""Codes typed at one place in the network: 40 bits are not guessed at this pace in fifteen minutes."""
TRIES_AT_ALL_PER_MINUTE_AT_MOST = 120
RENEWED_BELOW_MS = 15 * DAY_MS
"""A session that lasts less long than this is renewed by the way, so that no screen goes dark by itself."""
SCREENS = {"kiosk": "kiosk", "display": "display"}


class PairingCode(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The code as somebody typed it."""

    code: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]


class Paired(msgspec.Struct, frozen=True):
    """What a device is told when it has been paired. A browser has its session as a cookie besides."""

    id: str
    branch: str
    kind: str
    name: str
    screen: str
    """Where a browser goes on; empty for a device without one."""
    token: str
    """For an Authorization header, where there is no browser."""
    expires_ms: int
    beat_seconds: int = BEAT_SECONDS


class BeatBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a device says about itself; all of it may be left out."""

    position: Annotated[int, msgspec.Meta(ge=0, le=2**53)] = 0
    shown: Annotated[str, msgspec.Meta(max_length=16, pattern=r"^[A-Z0-9]*$")] = ""
    sound: Sound = "unknown"
    voices: Annotated[tuple[Language, ...], msgspec.Meta(max_length=2)] = ()
    clock_ms: Annotated[int, msgspec.Meta(ge=0, le=2**53)] = 0
    """A gate's clock, as it would write it into a pass; 0 for none."""
    kept_count: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 0
    """Passes that a gate has not been able to send."""


class BeatAnswer(msgspec.Struct, frozen=True):
    """What the device is asked to do, each of them once; `token` when its session was renewed."""

    tests: list[Test] = []
    volume_percent: int = 80
    repeats: int = 2
    languages: tuple[Language, ...] = ("zh", "en")
    is_quiet: bool = False
    token: str = ""


@get("/pair", include_in_schema=False, opt=ANYONE)
async def pair_page(request: Request[Any, Any, Any]) -> Response[bytes] | Redirect:
    """Big keys for a code; a device that is paired already goes to its screen."""
    app: App = request.app.state.openhall
    token = token_of(request)
    account = app.accounts.who(token) if token else None
    if account is not None and account.role in SCREENS:
        return Redirect(f"/b/{account.branch}/{SCREENS[account.role]}")
    return page(
        "pair.html",
        language_of(request),
        bank=app.bank,
        path="/pair",
        alphabet=CODE_ALPHABET,
        characters=CODE_CHARACTERS,
    )


@post(
    "/api/pair", summary="Pair a device", tags=["devices"], status_code=200, responses=RESPONSES, opt=ANYONE
)
async def pair(request: Request[Any, Any, Any], data: JSONBody[PairingCode]) -> Response[Paired]:
    """Spends a code. The device has a session from now on: a cookie in a browser, else the token."""
    app: App = request.app.state.openhall
    rates: Rates = request.app.state.rates
    now_ms, place = app.wall.now_ms(), network_address(request)
    is_slow = rates.note(f"pair {place}", TRIES_PER_MINUTE_AT_MOST, now_ms)
    if not is_slow or not rates.note("pair", TRIES_AT_ALL_PER_MINUTE_AT_MOST, now_ms):
        raise Refused(Refusal("too_many_requests", detail={"seconds": 60}))
    browser = request.headers.get("user-agent", "")
    paired = await asyncio.to_thread(lambda: app.devices.pair(data.code, browser=browser))
    if isinstance(paired, Refusal):
        raise Refused(paired)
    device, signed_in = paired
    screen = f"/b/{device.branch}/{SCREENS[device.kind]}" if device.kind in SCREENS else ""
    body = Paired(
        id=device.id,
        branch=device.branch,
        kind=device.kind,
        name=device.name,
        screen=screen,
        token=signed_in.token,
        expires_ms=signed_in.session.expires_ms,
    )
    answer: Response[Paired] = with_session(request, signed_in, body)
    return answer


def device_of(request: OpenhallRequest) -> Device:
    """The device whose session this is."""
    app: App = request.app.state.openhall
    device = app.devices.records.of_account(request.user.name)
    if device is None or device.revoked_ms:
        raise Refused(Refusal("device_unknown", "device"))
    return device


@post(
    "/api/device/beat",
    summary="I am here",
    tags=["devices"],
    status_code=200,
    responses=RESPONSES,
    opt=SIGNED_IN,
)
async def beat(request: OpenhallRequest, data: JSONBody[BeatBody]) -> Response[BeatAnswer]:
    """Each few seconds from every paired device: one that is not heard of is shown as silent."""
    app: App = request.app.state.openhall
    device = device_of(request)
    told = Beat(
        position=data.position,
        shown=data.shown,
        sound=data.sound,
        voices=data.voices,
        clock_off_ms=data.clock_ms - app.clock.now_ms() if data.clock_ms else 0,
        kept_count=data.kept_count,
    )
    site = site_of(request)
    tests = app.devices.hear(device, told, site)
    fresh = await _renewed(request, device)
    settings = device.settings if isinstance(device.settings, DisplaySettings) else DisplaySettings()
    body = BeatAnswer(
        tests=tests,
        volume_percent=settings.volume_percent,
        repeats=settings.repeats,
        languages=settings.languages,
        is_quiet=app.devices.is_quiet(device),
        token=fresh.token if fresh else "",
    )
    if fresh is None:
        return Response(body)
    answer: Response[BeatAnswer] = with_session(request, fresh, body)
    return answer


async def _renewed(request: OpenhallRequest, device: Device) -> SignedIn | None:
    app: App = request.app.state.openhall
    session = app.accounts.session(request.auth)
    if session is None or session.expires_ms - app.wall.now_ms() > RENEWED_BELOW_MS:
        return None
    browser = request.headers.get("user-agent", "")
    return await asyncio.to_thread(app.devices.renew, device, browser)


HANDLERS: list[Any] = [pair_page, pair, beat]

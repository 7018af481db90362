"""`/readyz` says whether to send people here, `/health` and its page how each part is doing."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.openapi.datastructures import ResponseSpec

from openhall import __version__
from openhall.app.build import App
from openhall.app.findings import PARTS, Finding, worst
from openhall.app.language import say
from openhall.kernel.text import Language
from openhall.web.frame import frame
from openhall.web.guarding import ANYONE, needs_screen
from openhall.web.problems import RESPONSES
from openhall.web.reading import language_of
from openhall.web.rendering import page
from openhall.web.signing_in import OpenhallRequest


class PartBody(msgspec.Struct, frozen=True):
    """How a part is doing, in words of the reader."""

    part: str
    name: str
    state: str
    code: str
    says: str
    remedy: str


class HealthDetails(msgspec.Struct, frozen=True):
    """All parts; `state` is that of the worst."""

    state: str
    version: str
    parts: list[PartBody]


class Ready(msgspec.Struct, frozen=True):
    """Whether to send people here."""

    is_ready: bool


@get(
    "/readyz",
    summary="May people be sent here?",
    tags=["service"],
    responses={503: ResponseSpec(Ready, description="Not now")},
    opt=ANYONE,
)
async def readyz(request: Request[Any, Any, Any]) -> Response[Ready]:
    """No while the server starts or stops, or when a command would not be kept."""
    app: App = request.app.state.openhall
    is_ready = not app.is_stopped and (await app.writer.check_health()).is_ok
    return Response(Ready(is_ready), status_code=200 if is_ready else 503)


@get(
    "/health",
    summary="How each part is doing",
    tags=["service"],
    responses=RESPONSES,
    opt=needs_screen("health"),
)
async def health(request: OpenhallRequest) -> HealthDetails:
    """Always 200: what is wrong is in the answer."""
    app: App = request.app.state.openhall
    found = await app.health.findings()
    return HealthDetails(worst(found), __version__, _bodies(found, language_of(request)))


def _bodies(found: list[Finding], language: Language) -> list[PartBody]:
    return [
        PartBody(
            each.part,
            say(language, PARTS[each.part]),
            each.state,
            each.code,
            each.says(language),
            each.remedy(language) if each.state != "ok" else "",
        )
        for each in found
    ]


@get("/head/health", include_in_schema=False, opt=needs_screen("health"))
async def health_page(request: OpenhallRequest) -> Response[bytes]:
    """How each part is doing, what to do about it, and what this server is."""
    return await _page(request, "health.html")


@get("/head/health/live", include_in_schema=False, opt=needs_screen("health"))
async def health_live(request: OpenhallRequest) -> Response[bytes]:
    """The part of the page that is redrawn."""
    return await _page(request, "health_live.html")


async def _page(request: OpenhallRequest, template: str) -> Response[bytes]:
    app: App = request.app.state.openhall
    language = language_of(request)
    found = await app.health.findings()
    context = frame(request, "health") | {
        "state": worst(found),
        "release": __version__,
        "parts": _bodies(found, language),
        "open_streams": app.hub.listener_count,
        "position": app.book.position,
    }
    return page(template, language, **context)


HANDLERS = [readyz, health, health_page, health_live]

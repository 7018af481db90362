"""The web application: routes, session, headers, errors, put together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

from litestar import Litestar, Request, Router
from litestar.config.compression import CompressionConfig
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.exceptions import NotFoundException
from litestar.handlers import BaseRouteHandler
from litestar.middleware import DefineMiddleware
from litestar.openapi import OpenAPIConfig
from litestar.static_files import create_static_files_router
from litestar.types import Message, Scope

from openhall import __version__
from openhall.app.build import App
from openhall.web import (
    accounts,
    alerts,
    api,
    appointments,
    approvals,
    booking,
    configuration,
    configuration_pages,
    demo,
    devices,
    elder,
    gate,
    guides,
    health,
    holder,
    kiosk,
    learned,
    messages,
    metrics,
    notices,
    oidc,
    pages,
    pairing,
    personal,
    personal_pages,
    phone,
    planning,
    printing,
    report,
    signing_in,
    speech,
    stream,
)
from openhall.web.crossing import refuse_other_sites
from openhall.web.description import DescriptionPlugin
from openhall.web.guarding import ANYONE, guarded, hold_to_rights
from openhall.web.observing import Observing, note_answer
from openhall.web.problems import HANDLERS as PROBLEM_HANDLERS
from openhall.web.rates import Rates, hold_to_rates
from openhall.web.signing_in import Doorkeeper, SessionMiddleware

BODY_BYTES_MAX = 64 * 1024
"""No command comes near it."""

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self' data:;"
        " connect-src 'self'; font-src 'self'; media-src 'self'; manifest-src 'self'; form-action 'self';"
        " frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
_SECURITY_HEADERS = [(name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
_NO_STORE = (b"cache-control", b"no-store")
_TLS_ONLY = (b"strict-transport-security", b"max-age=31536000")
"""A browser that came over TLS comes over TLS for a year; other hosts of the bank are their own matter."""


async def add_headers(message: Message, scope: Scope) -> None:
    """On every answer, also those that no handler of ours gives: files, errors, redirects.

    What is said about a hall is out of date a second later, so only files may be kept.
    """
    if message["type"] != "http.response.start":
        return
    headers = [*message["headers"], *_SECURITY_HEADERS]
    is_said = any(name == b"cache-control" for name, _ in headers)
    if not is_said and not scope["path"].startswith("/static/"):
        headers.append(_NO_STORE)
    if scope["path"] == phone.WORKER:
        headers.append((b"service-worker-allowed", phone.PAGES.encode()))
    if scope["scheme"] == "https":
        headers.append(_TLS_ONLY)
    message["headers"] = headers


def refuse_null(request: Request[Any, Any, Any]) -> None:
    """No file has a null character in its name, and the system takes one for a fault of ours."""
    if "\0" in request.scope["path"]:
        raise NotFoundException


async def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """The one guard of every route: how often, the right, then where the request comes from.

    One and async: Litestar gives a guard that is not async a thread, and copies the handler for each guard.
    """
    hold_to_rates(connection)
    hold_to_rights(connection, handler)
    refuse_other_sites(connection, handler)


HANDLERS: list[Any] = [
    *api.HANDLERS,
    signing_in.SessionController,
    signing_in.sign_in_page,
    *accounts.HANDLERS,
    *approvals.HANDLERS,
    *configuration.HANDLERS,
    *configuration_pages.HANDLERS,
    *oidc.HANDLERS,
    stream.stream,
    *learned.HANDLERS,
    *planning.HANDLERS,
    *report.HANDLERS,
    *alerts.HANDLERS,
    *messages.HANDLERS,
    *notices.HANDLERS,
    *appointments.HANDLERS,
    *booking.HANDLERS,
    *pages.HANDLERS,
    *personal.HANDLERS,
    *personal_pages.HANDLERS,
    *kiosk.HANDLERS,
    *elder.HANDLERS,
    *phone.HANDLERS,
    *holder.HANDLERS,
    *guides.HANDLERS,
    *speech.HANDLERS,
    *pairing.HANDLERS,
    *devices.HANDLERS,
    *printing.HANDLERS,
    *gate.HANDLERS,
    demo.set_speed,
    metrics.metrics,
    *health.HANDLERS,
]
"""Every route but the files."""


def _files() -> Router:
    """What is served as it lies on the disk."""
    return create_static_files_router(
        path="/static",
        directories=[Path(str(files("openhall.web"))) / "static"],
        include_in_schema=False,
        before_request=refuse_null,
        opt=ANYONE,
    )


def _state(app: App) -> State:
    """What every handler finds: the App, and what the doors themselves remember."""
    access = app.settings.access
    door = Doorkeeper(sign_ins=access.sign_ins_per_minute, failures=access.failures_per_address)
    return State({"openhall": app, "under_way": oidc.UnderWay(), "door": door, "rates": Rates()})


def _description() -> OpenAPIConfig:
    """The API described, at an address of its own: Litestar answers everything else under it, in HTML."""
    own = Router("/api/openapi.json", route_handlers=[], include_in_schema=False, opt=dict(ANYONE))
    return OpenAPIConfig(
        title="openhall",
        version=__version__,
        description="The halls of a bank: door, line and counters. Errors are RFC 9457 problems.",
        openapi_router=own,
        render_plugins=[DescriptionPlugin(path="/")],
        use_handler_docstrings=True,
    )


def create_site(app: App) -> Litestar:
    """The ASGI application over a built App; it starts and stops the App with itself."""

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        await app.start()
        try:
            yield
        finally:
            await app.stop()

    site = Litestar(
        route_handlers=[*HANDLERS, _files()],
        state=_state(app),
        lifespan=[lifespan],
        guards=[guard],
        middleware=[
            DefineMiddleware(Observing),
            DefineMiddleware(SessionMiddleware),
        ],
        exception_handlers=PROBLEM_HANDLERS,
        before_send=[add_headers, note_answer],
        request_max_body_size=BODY_BYTES_MAX,
        compression_config=CompressionConfig(backend="gzip", exclude=r"/stream$|^/api/branches/.*/commands/"),
        openapi_config=_description(),
        logging_config=None,
        debug=False,
    )
    for _ in guarded(site):
        pass  # Raises for a route that does not say who may use it.
    return site

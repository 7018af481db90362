"""`/metrics`: what the server counts about itself, for Prometheus."""

from __future__ import annotations

import hmac
from typing import Any

from litestar import Request, Response, get

from openhall.access import rights
from openhall.app.build import App
from openhall.app.measures import CONTENT_TYPE
from openhall.kernel.refusal import Refusal
from openhall.web.cookies import token_of
from openhall.web.guarding import ANYONE
from openhall.web.problems import RESPONSES, Refused

LOOPBACK = frozenset({"127.0.0.1", "::1"})


@get(
    "/metrics",
    summary="What the server counts about itself",
    description=(
        "In Prometheus' text form. For an administrator, for whoever sends the token of `[metrics]`, and,"
        " where the settings say so, for this machine."
    ),
    media_type=CONTENT_TYPE,
    tags=["service"],
    responses=RESPONSES,
    opt=ANYONE,
)
async def metrics(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Gauges are looked up now; counters have counted since the start."""
    app: App = request.app.state.openhall
    if not _may_read(app, request):
        raise Refused(Refusal("role_may_not", "metrics.read"))
    return Response(app.measures.text(), media_type=CONTENT_TYPE)


def _may_read(app: App, request: Request[Any, Any, Any]) -> bool:
    settings = app.settings.metrics
    token = token_of(request)
    if settings.token and token and hmac.compare_digest(token.encode(), settings.token.encode()):
        return True
    account = app.accounts.who(token) if token else None
    if account is not None and rights.may_act(account.role, "metrics.read"):
        return True
    is_here = request.client is not None and request.client.host in LOOPBACK
    # What a proxy on this machine passes on comes from anywhere.
    is_passed_on = any(name in request.headers for name in ("x-forwarded-for", "forwarded"))
    return settings.is_open_on_loopback and is_here and not is_passed_on

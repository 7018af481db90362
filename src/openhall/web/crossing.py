"""Requests that another site made a browser send are refused: the second line behind SameSite cookies.

A browser says where a request comes from, and no page can change what it says. Programs send a token in a
header that no page of another site can send, and say nothing of where they are.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection
from litestar.enums import RequestEncodingType
from litestar.handlers import BaseRouteHandler
from litestar.params import BodyKwarg

from openhall.app.build import App
from openhall.kernel.refusal import Refusal
from openhall.web.cookies import is_by_bearer, is_by_cookie, is_safe
from openhall.web.problems import Refused

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
OUR_SITE: Final = frozenset({"same-origin", "none"})
"""What Sec-Fetch-Site says of a page of ours, and of a person who typed the address."""


def refuse_other_sites(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """A guard: raises `Refused` for a write that comes from a page of another site, or that could have."""
    if connection.scope.get("method") in SAFE_METHODS:
        return
    if not is_from_our_site(connection):
        raise Refused(Refusal("other_site"))
    if wants_json(handler) and not _is_json(connection.headers.get("content-type", "")):
        # What a form of another site can send is never JSON by its own word.
        raise Refused(Refusal("json_expected", "Content-Type"))


def is_from_our_site(connection: ASGIConnection[Any, Any, Any, Any]) -> bool:
    """Does a page of ours ask, or a program?"""
    if is_by_bearer(connection):
        return True
    fetched_from = connection.headers.get("sec-fetch-site")
    if fetched_from is not None:
        return fetched_from in OUR_SITE
    origin = connection.headers.get("origin")
    if origin is None:
        # No browser of today writes without either; whoever leans on a cookie has to be one.
        return not is_by_cookie(connection)
    said = urlsplit(origin)
    if is_safe(connection) and said.scheme != "https":
        return False  # The same name without TLS: whoever is on the network writes that page.
    app: App = connection.app.state.openhall
    ours = {connection.headers.get("host", ""), urlsplit(app.settings.server.public_address).netloc}
    return said.netloc in ours - {""}


def wants_json(handler: BaseRouteHandler) -> bool:
    """Does a handler take a JSON body?"""
    field = getattr(handler, "parsed_data_field", None)
    about = field.kwarg_definition if field is not None else None
    return isinstance(about, BodyKwarg) and about.media_type == RequestEncodingType.JSON


def _is_json(content_type: str) -> bool:
    return content_type.split(";")[0].strip().lower() == "application/json"

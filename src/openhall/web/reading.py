"""What a request says about itself: its language, its account, its branch."""

from __future__ import annotations

import re
from typing import Any

from litestar.connection import ASGIConnection

from openhall.app.language import negotiate
from openhall.kernel.text import Language

LANGUAGE_COOKIE = "openhall_language"


def language_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Language:
    """The language chosen on the screen, else the browser's, else Chinese."""
    chosen = connection.query_params.get("lang") or connection.cookies.get(LANGUAGE_COOKIE)
    if chosen == "en":
        return "en"
    if chosen == "zh":
        return "zh"
    return negotiate(connection.headers.get("accept-language", ""))


def site_of(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """The site under which this server was reached. A proxy that the settings name was looked through by now;
    what anybody else says of proxies is only that."""
    return f"{connection.url.scheme}://{connection.url.netloc}"


def own_path(wanted: str) -> str:
    """A path of this site to go back to; the start for any other address."""
    # A browser takes `//`, `/\\` and a tab between the two for the address of another site.
    return wanted if re.fullmatch(r"/(?![/\\])[^\x00-\x20\x7f\\]*", wanted) else "/"

"""What a request says about itself: its language, its account, its branch."""

from __future__ import annotations

from typing import Any

from litestar.connection import ASGIConnection

from openhall.app.language import negotiate
from openhall.kernel.text import Language

LANGUAGE_COOKIE = "openhall_language"
SESSION_COOKIE = "openhall_session"


def language_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Language:
    """The language chosen on the screen, else the browser's, else Chinese."""
    chosen = connection.query_params.get("lang") or connection.cookies.get(LANGUAGE_COOKIE)
    if chosen == "en":
        return "en"
    if chosen == "zh":
        return "zh"
    return negotiate(connection.headers.get("accept-language", ""))

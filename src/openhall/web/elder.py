"""Elder mode: larger type, fewer choices a screen, everything read out, a person one tap away [F5].

Chosen by one tap, on every customer's screen, or by `?elder=34` in a link; kept by the device in a cookie
that says a size and nothing else. On the ticket machine it ends with the visit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

from litestar import Response, get
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.params import PathParameter, QueryParameter
from litestar.response import Redirect
from markupsafe import Markup

from openhall.app.build import App
from openhall.kernel.text import Language
from openhall.web.guarding import ANYONE
from openhall.web.reading import own_path
from openhall.web.speaking import spoken

SIZES = (28, 34, 40)
"""Main text in CSS pixels; 24 and 40 are what the norm for elder versions asks for at least and at most."""

CHOICES_A_SCREEN = 3
"""Besides the way to more of them, back and a person."""

COOKIE = "openhall_elder"
KEPT_SECONDS = 365 * 86_400

Size = Annotated[str, PathParameter(max_length=8)]


def elder_px_of(connection: ASGIConnection[Any, Any, Any, Any]) -> int:
    """The size of main text that this reader chose; 0 for the ordinary version."""
    chosen = connection.query_params.get("elder") or connection.cookies.get(COOKIE) or ""
    return _size(chosen)


def _size(chosen: str) -> int:
    if chosen == "on":
        return SIZES[0]
    return next((size for size in SIZES if str(size) == chosen), 0)


def cookie_for(size: int) -> Cookie:
    """Keeps a size on the device; 0 forgets it."""
    return Cookie(
        COOKIE, value=str(size) if size else "", max_age=KEPT_SECONDS if size else 0, samesite="lax"
    )


def remember(connection: ASGIConnection[Any, Any, Any, Any], shown: Response[Any]) -> None:
    """What a link's own parameter chose stays chosen on this device."""
    if "elder" in connection.query_params:
        shown.set_cookie(cookie_for(elder_px_of(connection)))


def elder_context(
    connection: ASGIConnection[Any, Any, Any, Any], app: App, language: Language
) -> dict[str, Any]:
    """What the templates of customers' screens use: the size, its neighbours, and what is read out."""
    size = elder_px_of(connection)
    place = SIZES.index(size) if size else -1
    return {
        "elder_px": size,
        "larger_px": SIZES[place + 1] if size and place + 1 < len(SIZES) else 0,
        "smaller_px": SIZES[place - 1] if place > 0 else 0,
        "read_out": reader(app, language),
    }


def reader(app: App, language: Language) -> Callable[..., Markup]:
    """For templates: `<section {{ read_out(title, *choices) }}>` is read out, a sentence each."""
    say = spoken(app, language)
    stop, ends = ("。", "。！？，；：") if language == "zh" else (". ", ".!?,;:")

    def read_out(*parts: object) -> Markup:
        said = [str(part).strip().rstrip(ends).strip() for part in parts if part]
        return say(stop.join(part for part in said if part) + stop.strip()) if any(said) else Markup("")

    return read_out


def paged(items: Sequence[Any], page: str, per_page: int) -> tuple[Sequence[Any], int]:
    """(a page of the choices, the number of the next page or 0 for the first again); -1 when all fit."""
    if len(items) <= per_page + 1:
        return items, -1
    pages = -(-len(items) // per_page)
    at = int(page) % pages if page.isascii() and page.isdigit() else 0
    return items[at * per_page : (at + 1) * per_page], (at + 1) % pages


@get("/elder/{size:str}", include_in_schema=False, opt=ANYONE)
async def choose_elder(size: Size, to: Annotated[str, QueryParameter(max_length=500)] = "/") -> Redirect:
    """Remember the size and go back; only to a path of this site."""
    return Redirect(own_path(to), cookies=[cookie_for(_size(size))])


HANDLERS: list[Any] = [choose_elder]

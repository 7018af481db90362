"""Guides, step by step, for everybody: one step a screen, read out, with harmless practice [F6].

What helps depends on why somebody would rather not: who does not know how gets the steps; who cannot or does
not want to is served by a person as ever; who does not dare hears first what cannot go wrong.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

from litestar import Request, Response, get
from litestar.params import PathParameter, QueryParameter

from openhall.app.build import App
from openhall.kernel.refusal import Refusal
from openhall.network.guides import Guide
from openhall.web import elder
from openhall.web.cookies import token_of
from openhall.web.guarding import ANYONE
from openhall.web.problems import Refused
from openhall.web.reading import language_of
from openhall.web.rendering import page

WHYS: Final = ("how", "cannot", "rather_not", "afraid")
"""The four reasons for help: does not know how, cannot, does not want to, does not dare."""

FROM_AT_MOST = 200

GuideId = Annotated[str, PathParameter(max_length=40)]
Step = Annotated[int, QueryParameter(ge=0, le=99)]
Why = Annotated[Literal["", "how", "cannot", "rather_not", "afraid"], QueryParameter()]
From = Annotated[str, QueryParameter(name="from", max_length=FROM_AT_MOST)]

_BACK_TO = re.compile(r"/t/[A-Za-z0-9._-]+|/b/(?P<branch>[A-Za-z0-9_-]{1,40})/(?P<screen>kiosk|lobby)")


def _context(request: Request[Any, Any, Any], back: str, **more: Any) -> dict[str, Any]:
    app: App = request.app.state.openhall
    found = _BACK_TO.fullmatch(back)
    is_kiosk = bool(found and found["screen"] == "kiosk")
    # A ticket machine on which somebody learns is there all the same.
    account = app.accounts.who(token_of(request)) if is_kiosk else None
    device = app.devices.records.of_account(account.name) if account is not None else None
    query = "&".join(
        f"{key}={value}" for key, value in request.query_params.items() if key in {"step", "why", "all"}
    )
    here = request.url.path + (f"?{query}" if query else "")
    return {
        "bank": app.bank,
        "back": back if found else "",
        "start": f"{back}/start" if is_kiosk else "",
        "device_account": device.account if device is not None else "",
        "here": f"{here}{'&' if query else '?'}from={back}" if found else here,
        **elder.elder_context(request, app, language_of(request)),
        **more,
    }


def _shown(request: Request[Any, Any, Any], template: str, back: str, **more: Any) -> Response[bytes]:
    made = page(template, language_of(request), **_context(request, back, **more))
    elder.remember(request, made)
    return made


def guide_of(app: App, guide_id: str) -> Guide:
    """The guide in an address. Raises `Refused`."""
    found = next((guide for guide in app.bank.guides if guide.id == guide_id), None)
    if found is None:
        known = ", ".join(guide.id for guide in app.bank.guides)
        raise Refused(Refusal("guide_unknown", "guide", {"known": known}))
    return found


@get("/g", include_in_schema=False, opt=ANYONE)
async def guides_page(
    request: Request[Any, Any, Any],
    back: From = "",
    part: Annotated[str, QueryParameter(name="page", max_length=3)] = "",
) -> Response[bytes]:
    """All guides."""
    app: App = request.app.state.openhall
    per_page = elder.CHOICES_A_SCREEN if elder.elder_px_of(request) else len(app.bank.guides)
    choices, next_page = elder.paged(app.bank.guides, part, per_page)
    return _shown(request, "guides.html", back, choices=choices, next_page=next_page)


@get("/g/{guide:str}", include_in_schema=False, opt=ANYONE)
async def guide_page(
    request: Request[Any, Any, Any],
    guide: GuideId,
    step: Step = 0,
    why: Why = "",
    whole: Annotated[bool, QueryParameter(name="all")] = False,
    back: From = "",
) -> Response[bytes]:
    """One guide: its beginning, one of its steps, or all of it to print."""
    shown = guide_of(request.app.state.openhall, guide)
    count = len(shown.steps)
    return _shown(
        request,
        "guide.html",
        back,
        guide=shown,
        step=min(step, count),
        count=count,
        why=why,
        is_whole=whole,
        whys=WHYS,
    )


HANDLERS: list[Any] = [guides_page, guide_page]

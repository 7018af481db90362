"""The customer's own page on a phone: place, wait and call of one number, for who holds its address [C16].

No sign-in, nothing personal; what can be pressed is in `holder`. The address cannot be guessed
(`app.ticket_links`); who tries is slowed down, while phones that share one address of a network are not.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any

import segno
from litestar import Request, Response, get
from litestar.params import PathParameter
from markupsafe import Markup

from openhall.app.build import App
from openhall.app.ticket_links import TOKEN_CHARACTERS_MAX
from openhall.hall import views, views_asked
from openhall.hall.model.state import HallState, Ticket, TicketStatus
from openhall.kernel.clock import MINUTE_MS
from openhall.kernel.event import StreamId
from openhall.network.model import Branch
from openhall.web import elder, notice_offers, people
from openhall.web.guarding import ANYONE
from openhall.web.names import names_of
from openhall.web.problems import Problem
from openhall.web.rates import network_address
from openhall.web.reading import language_of, site_of
from openhall.web.rendering import clock_words, page

REFRESH_SECONDS = 10
WRONG_PER_MINUTE_AT_MOST = 30
"""Addresses that open nothing, asked for from one place in the network."""

LOOKS_PER_MINUTE_AT_MOST = 120
"""At one ticket: a family's phones with every one of them asking each ten seconds."""

CODES_KEPT = 256
"""Drawn codes kept: a kiosk's screen is drawn again with each event of the hall."""

PAGES = "/t/"
WORKER = "/static/phone-worker.js"
"""Keeps the last state of these pages on a phone, for a reload where there is no line."""

ASKED = frozenset({"out", "leave"})
"""What the page asks about before it is done, by `?do=` in its address."""

RATED_COOKIE = "openhall_rated"

Token = Annotated[str, PathParameter(max_length=TOKEN_CHARACTERS_MAX)]


def address_of(request: Request[Any, Any, Any], stream: StreamId, ticket_id: str) -> str:
    """The whole address of a ticket's page: public where that is configured, else on the site that this
    request came to."""
    app: App = request.app.state.openhall
    return app.links.address(stream, ticket_id, site_of(request))


@lru_cache(CODES_KEPT)
def code_of(address: str) -> Markup:
    """An address as a QR code: an SVG without styles, which our own headers would not let in."""
    code = segno.make(address, error="m", micro=False)
    # Made by a library from an address of ours, whose every character is a letter, a digit or one of `:/._-`.
    return Markup(code.svg_inline(omitsize=True, border=3, svgclass="code", lineclass="code-dark"))  # noqa: S704


@dataclass(frozen=True)
class Own:
    """The ticket behind an address, in its hall."""

    stream: StreamId
    branch: Branch
    state: HallState
    ticket: Ticket


def own_ticket(request: Request[Any, Any, Any], token: str) -> Own | Response[bytes]:
    """What an address opens; else the page that says why it opens nothing."""
    app: App = request.app.state.openhall
    now_ms, looks = app.wall.now_ms(), request.app.state.rates
    found = app.links.read(token)
    if found is None:
        is_slow = looks.note(f"place {network_address(request)}", WRONG_PER_MINUTE_AT_MOST, now_ms)
        return _nothing(request, "unknown" if is_slow else "too_often", 404 if is_slow else 429)
    if not looks.note(f"ticket {token}", LOOKS_PER_MINUTE_AT_MOST, now_ms):
        return _nothing(request, "too_often", 429)
    stream, ticket_id = found
    branch = app.bank.branch(stream.place)
    is_today = branch is not None and stream == app.today(branch)
    state = app.hall(stream) if is_today else None
    ticket = state.tickets.get(ticket_id) if state is not None else None
    if branch is None or state is None or ticket is None:
        # Another day's number: its page goes with the day, and what became of it is nobody's business.
        return _nothing(request, "past", 404)
    return Own(stream, branch, state, ticket)


def shown(
    request: Request[Any, Any, Any], token: str, template: str, said: Problem | None = None
) -> Response[bytes]:
    """The page of an address; `said` is what the hall answered to a button that was pressed."""
    app: App = request.app.state.openhall
    own = own_ticket(request, token)
    if isinstance(own, Response):
        return own
    asked = request.query_params.get("do", "")
    made = page(
        template,
        language_of(request),
        bank=app.bank,
        branch=own.branch,
        path=f"{PAGES}{token}",
        code=code_of(address_of(request, own.stream, own.ticket.id)),
        now_ms=app.clock.now_ms(),
        hm=clock_words(own.branch.timezone),
        refresh_seconds=REFRESH_SECONDS,
        ask=asked if asked in ASKED else "",
        said=said,
        key=secrets.token_hex(8),
        is_rated=RATED_COOKIE in request.cookies,
        **elder.elder_context(request, app, language_of(request)),
        **notice_offers.offer_context(app, own.stream, own.ticket.id),
        **_what_it_says(app, own),
    )
    elder.remember(request, made)
    return made


def contact_of(state: HallState) -> str:
    """The colleague in the hall to whom somebody comes back who stepped out by their own phone."""
    here = people.here_for(state, "lobby", "guard") or people.here_for(state, "manager", "teller")
    return here[0].id if here else ""


def ring_of(state: HallState, source: str) -> views_asked.RingView | None:
    """The ring of a device or a number that nobody has dealt with."""
    return next((ring for ring in views_asked.open_rings(state) if ring.source == source), None)


def may_be_rated(ticket: Ticket) -> bool:
    """Whether there is something to say about it: it was served, here or another way."""
    return ticket.status in {TicketStatus.SERVED, TicketStatus.DIVERTED}


def _what_it_says(app: App, own: Own) -> dict[str, Any]:
    """The ticket as its holder may see it."""
    now_ms, state, ticket = app.clock.now_ms(), own.state, own.ticket
    rules = state.day_rules
    view = views.ticket_view(state, ticket, app.waits(own.stream))
    back_until_ms = ticket.ended_ms + rules.call.reinstate_minutes * MINUTE_MS
    is_here = ticket.status in {TicketStatus.WAITING, TicketStatus.CALLED}
    return {
        "rules": rules,
        "t": view,
        "pause_until_ms": state.pause_until_ms if state.pause_reason else 0,
        "is_not_open_yet": now_ms < rules.opens_ms and state.doors == "not_yet",
        "opens_ms": rules.opens_ms,
        "is_day_over": state.is_ended,
        "is_late": bool(view.held_until_ms) and view.held_until_ms < now_ms,
        "may_come_back": not state.is_ended and now_ms <= back_until_ms,
        "may_step_out": is_here and ticket.hold_count < rules.hold.times_at_most,
        "may_leave": is_here or ticket.status is TicketStatus.HELD,
        "may_be_rated": may_be_rated(ticket),
        "ring": ring_of(state, ticket.id),
        "feedback_consent": app.personal.consent("feedback"),
        "holds_left": max(0, rules.hold.times_at_most - ticket.hold_count),
        "people": names_of(app.bank),
        "contact": names_of(app.bank).get(ticket.contact_person or contact_of(state), ""),
    }


def _nothing(request: Request[Any, Any, Any], why: str, status: int) -> Response[bytes]:
    app: App = request.app.state.openhall
    language = language_of(request)
    large = elder.elder_context(request, app, language)
    made = page("phone_nothing.html", language, bank=app.bank, path=request.url.path, why=why, **large)
    made.status_code = status
    return made


@get("/t/{token:str}", include_in_schema=False, opt=ANYONE)
async def ticket_page(request: Request[Any, Any, Any], token: Token) -> Response[bytes]:
    """A number's page."""
    return shown(request, token, "phone.html")


@get("/t/{token:str}/live", include_in_schema=False, opt=ANYONE)
async def ticket_live(request: Request[Any, Any, Any], token: Token) -> Response[bytes]:
    """The part of it that changes."""
    return shown(request, token, "phone_live.html")


HANDLERS: list[Any] = [ticket_page, ticket_live]

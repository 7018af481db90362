"""The screens: what a kiosk, a guard, a TV, a teller, a lobby manager and a branch manager look at."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from litestar import Request, Response, get
from litestar.datastructures import Cookie
from litestar.params import Parameter
from litestar.response import Redirect

from openhall.access import rights
from openhall.app.build import App
from openhall.hall import views
from openhall.hall.model.state import HallState, TicketStatus
from openhall.hall.policy import offers
from openhall.kernel.clock import SECOND_MS, to_datetime
from openhall.kernel.refusal import Refusal
from openhall.network.model import Branch
from openhall.web.api import BranchId, readable_branch
from openhall.web.problems import Refused
from openhall.web.reading import LANGUAGE_COOKIE, language_of
from openhall.web.rendering import clock_words, page
from openhall.web.signing_in import OpenhallRequest

SCREENS: tuple[rights.Screen, ...] = ("kiosk", "guard", "display", "counter", "lobby", "branch")
LINE_SHOWN = 60
"""Waiting tickets listed on the lobby's and the manager's screens; the count is of all."""

TicketParameter = Annotated[str, Parameter(max_length=64)]


def _context(request: OpenhallRequest, branch: Branch, screen: str) -> dict[str, Any]:
    """What every screen's template can use."""
    app: App = request.app.state.openhall
    stream = app.today(branch)
    state = app.hall(stream)
    now_ms = app.clock.now_ms()
    context: dict[str, Any] = {
        "account": request.user,
        "bank": app.bank,
        "branch": branch,
        "screen": screen,
        "screens": _screens_of(request, branch),
        "path": request.url.path,
        "now_ms": now_ms,
        "hm": clock_words(branch.timezone),
        "speed": getattr(app.clock, "speed", 1.0),
        "is_demo": hasattr(app.clock, "speed"),
        "day": stream.day.isoformat(),
        "state": state,
        "board": None,
        "people": {p.id: p.name for p in app.bank.people if p.branch == branch.id},
        "services": {s.id: s for s in app.bank.services},
        "classes": {c.code: c for c in app.bank.classes},
        "numbers": {k.id: k.number for k in branch.counters},
    }
    if state is not None:
        waits = app.waits(stream)
        context["waits"] = waits
        context["board"] = views.board(state, now_ms, waits)
        context["rules"] = state.day_rules
    return context


def _screens_of(request: OpenhallRequest, branch: Branch) -> list[str]:
    """The screens that this account may open in this branch."""
    if not rights.reaches(request.user.role, request.user.branch, branch.id):
        return []
    return [s for s in SCREENS if rights.may_open(request.user.role, s)]


def _fold(context: dict[str, Any], state: HallState, screen: str, request: OpenhallRequest) -> None:
    """What one screen shows besides."""
    waits = context["waits"]
    if screen == "display":
        context["calls"] = views.recent_calls(state)
        context["next"] = views.waiting(state, waits, 12)
    elif screen == "counter":
        wanted = request.query_params.get("counter", "")
        own = next((k.id for k in state.counters.values() if k.person_id == request.user.person_id), "")
        counter = state.counters.get(wanted or own)
        context["counter"] = views.counter_view(state, counter) if counter else None
        ticket = state.tickets.get(counter.ticket_id) if counter else None
        context["ticket"] = views.ticket_view(state, ticket, waits) if ticket else None
        context["line"] = [
            t for t in views.waiting(state, waits) if counter and _is_for(state, counter.id, t)
        ][:8]
        context["tellers"] = _tellers(state)
    elif screen == "lobby":
        context["line"] = views.waiting(state, waits, LINE_SHOWN)
        context["held"] = views.in_status(state, waits, TicketStatus.HELD)
        context["claims"] = views.to_confirm(state, waits)
        context["escorts"] = views.escorts(state)
        context["diversions"] = views.diversions(state)
        context["visits"] = views.visits_without_ticket(state)
        context["gone"] = _latest_gone(state, waits)
        context["helpers"] = [p for p in state.day_rules.staff if "lobby" in p.posts or "guard" in p.posts]
        context["tellers"] = _tellers(state)
        zone = ZoneInfo(state.day_rules.branch.timezone)
        offset = to_datetime(context["now_ms"], zone).utcoffset() or timedelta()
        context["zone_offset_ms"] = int(offset.total_seconds()) * SECOND_MS
        language = language_of(request)
        context["triage_says"] = {rule.id: rule.says.get(language) for rule in state.day_rules.triage}
    elif screen == "guard":
        context["visits"] = views.visits_without_ticket(state)
        context["escorts"] = views.escorts(state)
        context["helpers"] = state.day_rules.staff
    elif screen == "branch":
        context["line"] = views.waiting(state, waits, LINE_SHOWN)
        context["tellers"] = _tellers(state)


def _is_for(state: HallState, counter_id: str, ticket: views.TicketView) -> bool:
    return state.serves(state.counters[counter_id], state.tickets[ticket.id])


def _tellers(state: HallState) -> list[str]:
    """Tellers who sit nowhere yet."""
    seated = {k.person_id for k in state.counters.values()}
    return [p.id for p in state.day_rules.staff if "teller" in p.posts and p.id not in seated]


def _latest_gone(state: HallState, waits: Any) -> list[views.TicketView]:
    """Tickets that could still be reinstated, latest first."""
    gone = views.in_status(state, waits, TicketStatus.NO_SHOW, TicketStatus.RENEGED, TicketStatus.LAPSED)
    return sorted(gone, key=lambda t: t.ended_ms, reverse=True)[:10]


def _screen(request: OpenhallRequest, branch_id: str, screen: str, *, is_live: bool) -> Response[bytes]:
    branch = readable_branch(request, branch_id)
    if screen not in SCREENS:
        raise Refused(Refusal("not_found"))
    if not rights.may_open(request.user.role, screen):
        raise Refused(Refusal("role_may_not", screen, {"role": request.user.role}))
    context = _context(request, branch, screen)
    state: HallState | None = context["state"]
    if state is not None:
        _fold(context, state, screen, request)
    context["is_live"] = is_live
    if screen == "kiosk" and not is_live:
        return _kiosk(request, context)
    template = f"{screen}_live.html" if is_live else f"{screen}.html"
    return page(template, language_of(request), **context)


def _kiosk(request: OpenhallRequest, context: dict[str, Any]) -> Response[bytes]:
    """The kiosk goes step by step by plain links, so that going back always works and nothing times out."""
    query = request.query_params
    state: HallState | None = context["state"]
    step, need, service = "need", None, None
    for candidate in state.day_rules.services if state else ():
        for known in candidate.needs:
            if known.code == query.get("need"):
                need, service, step = known, candidate, "class"
    visit_id = query.get("visit", "")
    if need and context["board"].is_check_required and not visit_id:
        step = "visit"
    ticket = state.tickets.get(query.get("ticket", "")) if state else None
    if ticket and state:
        step = "ticket"
        context["ticket"] = views.ticket_view(state, ticket, context["waits"])
        context["offers"] = offers(state.day_rules.triage, need=ticket.need, has_card=True, amount_minor=0)
    context |= {"step": step, "need": need, "service": service, "visit_id": visit_id}
    return page("kiosk.html", language_of(request), **context)


@get("/", include_in_schema=False)
async def home(request: OpenhallRequest) -> Response[bytes] | Redirect:
    """The screens of this account."""
    app: App = request.app.state.openhall
    own = [b for b in app.bank.branches if rights.reaches(request.user.role, request.user.branch, b.id)]
    language = language_of(request)
    listed = [{"branch": b, "state": app.hall(app.today(b)), "screens": _screens_of(request, b)} for b in own]
    if request.user.role in {"kiosk", "display"}:
        return Redirect(f"/b/{own[0].id}/{request.user.role}")
    return page(
        "home.html",
        language,
        account=request.user,
        bank=app.bank,
        listed=listed,
        path="/",
        is_demo=hasattr(app.clock, "speed"),
        speed=getattr(app.clock, "speed", 1.0),
    )


@get("/sign-in", exclude_from_auth=True, include_in_schema=False)
async def sign_in(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The sign-in page."""
    app: App = request.app.state.openhall
    return page("sign_in.html", language_of(request), bank=app.bank, path="/sign-in", account=None)


@get("/language/{code:str}", exclude_from_auth=True, include_in_schema=False)
async def choose_language(code: str, to: Annotated[str, Parameter(max_length=500)] = "/") -> Redirect:
    """Remember the language and go back; only to a path of this site."""
    target = to if to.startswith("/") and not to.startswith(("//", "/\\")) else "/"
    cookie = Cookie(
        LANGUAGE_COOKIE, value="en" if code == "en" else "zh", max_age=365 * 86_400, samesite="lax"
    )
    return Redirect(target, cookies=[cookie])


@get("/b/{branch_id:str}/{screen:str}", include_in_schema=False)
async def screen_page(request: OpenhallRequest, branch_id: BranchId, screen: str) -> Response[bytes]:
    """A screen."""
    return _screen(request, branch_id, screen, is_live=False)


@get("/b/{branch_id:str}/{screen:str}/live", include_in_schema=False)
async def screen_live(request: OpenhallRequest, branch_id: BranchId, screen: str) -> Response[bytes]:
    """The part of a screen that changes, drawn anew."""
    return _screen(request, branch_id, screen, is_live=True)


HANDLERS: list[Any] = [home, sign_in, choose_language, screen_page, screen_live]

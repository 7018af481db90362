"""The screens: what a kiosk, a guard, a TV, a teller, a lobby manager and a branch manager look at."""

from __future__ import annotations

import asyncio
from collections import Counter as Tally
from datetime import timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from litestar import Response, get
from litestar.datastructures import Cookie
from litestar.handlers import HTTPRouteHandler
from litestar.params import PathParameter, QueryParameter
from litestar.response import Redirect

from openhall.access import rights
from openhall.app.build import App
from openhall.app.language import say
from openhall.app.message_words import LEVEL_NAMES
from openhall.hall import honesty, views, views_advice
from openhall.hall.model.auto_calling import auto_calls
from openhall.hall.model.deciding.diverting import channels_for
from openhall.hall.model.state import CounterState, HallState, Ticket, TicketStatus
from openhall.hall.model.waits import room_left
from openhall.kernel.clock import SECOND_MS, to_datetime
from openhall.kernel.refusal import Refusal
from openhall.kernel.text import Language
from openhall.network.model import Branch
from openhall.web import alerts, asked, display, elsewhere, notice_offers, people, personal, phone
from openhall.web.api import BranchId, branch_of, hall_of, readable_branch
from openhall.web.frame import branch_links, frame, head_links
from openhall.web.guarding import ANYONE, SIGNED_IN, needs_screen
from openhall.web.guidance import spoken_guidance
from openhall.web.names import names_of, services_of
from openhall.web.problems import Refused
from openhall.web.reading import LANGUAGE_COOKIE, language_of, own_path
from openhall.web.rendering import REASONS_TO_LOOK, WORDS, page
from openhall.web.signing_in import OpenhallRequest
from openhall.web.speaking import spoken

SCREENS: tuple[rights.Screen, ...] = ("guard", "display", "counter", "lobby", "branch")
PLAN: rights.Screen = "plan"
"""A page with an address like theirs, and more to it: see `planning`."""
COUNTER_LINE_SHOWN = 8
LINE_SHOWN = 40
"""Waiting tickets listed on the lobby's and the manager's screens; the count is of all."""
CARDS_SHOWN = 24
"""Branches on the home page; of a larger network those that need somebody, the others by their name."""

BranchFind = Annotated[
    str, QueryParameter(max_length=64, description="Part of a branch's name, id or address")
]
TicketParameter = Annotated[str, PathParameter(max_length=64)]
Word = Annotated[str, PathParameter(max_length=32)]


def screen_context(request: OpenhallRequest, branch: Branch, screen: str) -> dict[str, Any]:
    """What every screen's template can use."""
    app: App = request.app.state.openhall
    stream = app.today(branch)
    state = app.hall(stream)
    now_ms = app.clock.now_ms()
    context: dict[str, Any] = frame(request, screen, branch) | {
        "spoken": spoken(app, language_of(request)),
        "day": stream.day.isoformat(),
        "open_day": stream.day.isoformat() if state is not None else "",
        "state": state,
        "shut": elsewhere.shut_today(app, branch) if state is None else None,
        "board": None,
        "counter": None,
        "services": services_of(app.bank.services),
        "needs": {n.code: n for s in app.bank.services for n in s.needs},
        "classes": {c.code: c for c in app.bank.classes},
        "numbers": {k.id: k.number for k in branch.counters},
    }
    if state is not None:
        waits = app.waits(stream)
        context["waits"] = waits
        board = context["board"] = views.board(state, now_ms, waits)
        # What the simulator told is of one age; a screen says it once.
        context["aged"] = next((s.wait for s in board.services if s.wait.source == "twin"), None)
        rules = context["rules"] = state.day_rules
        # A day that is open keeps what it opened with, whatever was published since.
        context["services"] |= {s.id: s for s in rules.services}
        context["needs"] |= {n.code: n for s in rules.services for n in s.needs}
        context["classes"] = {c.code: c for c in rules.classes}
        context["numbers"] |= {k.id: k.number for k in rules.branch.counters}
        is_counted = state.day_rules.regime.capacity.is_computed
        context["room"] = room_left(state, now_ms) if is_counted else None
        context["is_used_up"] = elsewhere.is_used_up(state, now_ms)
    return context


def _fold(context: dict[str, Any], state: HallState, screen: str, request: OpenhallRequest) -> None:
    """What one screen shows besides."""
    app: App = request.app.state.openhall
    waits, now_ms = context["waits"], context["now_ms"]
    if screen == "counter":
        context |= _at_the_counter(context, state, request)
    elif screen == "lobby":
        context |= _alerts(request)
        context |= people.plan_context(app, state, now_ms)
        context["advice"] = views_advice.advice_view(state, now_ms)
        context["line"] = views.waiting(state, waits, LINE_SHOWN)
        context["held"] = views.in_status(state, waits, TicketStatus.HELD)
        context["claims"] = views.to_confirm(state, waits)
        context["escorts"] = views.escorts(state)
        context["diversions"] = views.diversions(state)
        context["visits"] = views.visits_without_ticket(state)
        context["gone"] = _latest_gone(state, waits)
        context["helpers"] = people.here_for(state, "lobby", "guard")
        context |= asked.asked_context(request, state, now_ms)
    elif screen == "guard":
        context["visits"] = views.visits_without_ticket(state)
        context["outside"] = views.outside(state)
        context["escorts"] = views.escorts(state)
        context["helpers"] = people.here_for(state, "manager", "authoriser")
        context |= asked.asked_context(request, state, now_ms)
    elif screen == "branch":
        context |= _alerts(request)
        context |= people.plan_context(app, state, now_ms)
        context |= people.help_context(request, now_ms)
        context["advice"] = views_advice.advice_view(state, now_ms)
        context |= asked.asked_context(request, state, now_ms, escalated_only=True)
        context["accuracy"] = honesty.day_accuracy(state, now_ms)
        context["line"] = views.waiting(state, waits, LINE_SHOWN)
        context["tellers"] = people.free_tellers(state)


def _at_the_counter(context: dict[str, Any], state: HallState, request: OpenhallRequest) -> dict[str, Any]:
    """The window in the address, else the one at which whoever asks sits."""
    waits, now_ms = context["waits"], context["now_ms"]
    wanted = request.query_params.get("counter", "")
    own = next((k.id for k in state.counters.values() if k.person_id == request.user.person_id), "")
    counter = state.counters.get(wanted or own)
    ticket = state.tickets.get(counter.ticket_id) if counter else None
    line = _line_of(state, counter) if counter else []
    return people.own_change(state, counter.id if counter else "", now_ms) | {
        "counter": views.counter_view(state, counter, auto_calls(state, now_ms)) if counter else None,
        "ticket": views.ticket_view(state, ticket, waits) if ticket else None,
        "line": [views.ticket_view(state, t, waits) for t in line[:COUNTER_LINE_SHOWN]],
        "line_count": len(line),
        "tellers": people.free_tellers(state),
        "own_ring": phone.ring_of(state, counter.id) if counter else None,
        "ring_reasons": asked.RING_REASONS,
    }


def _beside_the_lobby(context: dict[str, Any], state: HallState, language: Language) -> dict[str, Any]:
    """What the lobby's forms need; they stand beside what is redrawn, and come with the page alone."""
    zone = ZoneInfo(state.day_rules.branch.timezone)
    offset = to_datetime(context["now_ms"], zone).utcoffset() or timedelta()
    return {
        "zone_offset_ms": int(offset.total_seconds()) * SECOND_MS,
        "triage_says": {
            rule.id: {
                "says": rule.says.get(language),
                "channel": rule.channel,
                "label": say(language, "Offer: {channel}", channel=say(language, WORDS[rule.channel])),
            }
            for rule in state.day_rules.triage
        },
    }


def _alerts(request: OpenhallRequest) -> dict[str, Any]:
    """What is the matter in the hall in the address."""
    app: App = request.app.state.openhall
    branch = branch_of(app, request.path_params["branch_id"])
    return alerts.alert_context(app, language_of(request), branch, request.user.role)


def _line_of(state: HallState, counter: CounterState) -> list[Ticket]:
    """Who waits for a window, first to be called first."""
    line = (state.tickets[ticket_id] for _, ticket_id in state.line)
    return [ticket for ticket in line if state.serves(counter, ticket)]


def _latest_gone(state: HallState, waits: Any) -> list[views.TicketView]:
    """Tickets that could still be reinstated, latest first."""
    gone = views.in_status(state, waits, TicketStatus.NO_SHOW, TicketStatus.RENEGED, TicketStatus.LAPSED)
    return sorted(gone, key=lambda t: t.ended_ms, reverse=True)[:10]


def _screen(request: OpenhallRequest, branch_id: str, screen: str, *, is_live: bool) -> Response[bytes]:
    app: App = request.app.state.openhall
    branch = readable_branch(request, branch_id)
    context = screen_context(request, branch, screen)
    state: HallState | None = context["state"]
    if state is not None:
        _fold(context, state, screen, request)
        if screen == "lobby" and not is_live:
            context |= _beside_the_lobby(context, state, language_of(request))
            context["spoken_guidance"] = spoken_guidance(app, state.day_rules, language_of(request))
    if screen == "display":
        context |= display.display_context(request, context)
    template = f"{screen}_live.html" if is_live else f"{screen}.html"
    return page(template, language_of(request), **context)


@get("/b/{branch_id:str}/ticket/{number:str}", include_in_schema=False, opt=needs_screen("lobby"))
async def ticket_sheet(
    request: OpenhallRequest, branch_id: BranchId, number: TicketParameter
) -> Response[bytes]:
    """All that the lobby can do with one ticket."""
    app: App = request.app.state.openhall
    branch = readable_branch(request, branch_id)
    stream, state = hall_of(app, branch)
    ticket = state.find_ticket(number)
    if ticket is None:
        raise Refused(Refusal("ticket_unknown", "ticket", {"ticket": number}))
    refs: list[str] = []
    if ticket.status is TicketStatus.HELD:
        kept = await personal.sealed_today(app, branch)
        refs = [item.ref for item in kept if item.ticket_id == ticket.id and item.kind == "contact"]
    context = screen_context(request, branch, "lobby")
    context |= {
        "t": views.ticket_view(state, ticket, context["waits"]),
        "helpers": people.here_for(state, "lobby", "guard"),
        "channels": [channel for channel in WORDS if channel in channels_for(state, ticket)],
        "refs": refs,
        "consent": app.personal.consent("contact"),
        **notice_offers.offer_context(app, stream, ticket.id),
        "address": phone.address_of(request, stream, ticket.id),
        "code": phone.code_of(phone.address_of(request, stream, ticket.id)),
        "reasons": REASONS_TO_LOOK.items(),
    }
    return page("ticket_sheet.html", language_of(request), **context)


@get("/", include_in_schema=False, opt=SIGNED_IN)
async def home(request: OpenhallRequest, q: BranchFind = "") -> Response[bytes] | Redirect:
    """The screens of this account; of a large network the branches that need somebody, or those asked for."""
    if request.user.role in {"kiosk", "display"}:
        return Redirect(f"/b/{request.user.branch}/{request.user.role}")
    return page("home.html", language_of(request), **await _home(request, q))


@get("/home/live", include_in_schema=False, opt=SIGNED_IN)
async def home_live(request: OpenhallRequest, q: BranchFind = "") -> Response[bytes]:
    """The part of it that changes, drawn anew."""
    return page("home_live.html", language_of(request), **await _home(request, q))


def _is_called(branch: Branch, wanted: str) -> bool:
    """Whether a part of its name, id or address is what somebody looks for."""
    names = (branch.name.en, branch.name.zh, branch.address.en, branch.address.zh)
    return any(wanted in word.casefold() for word in (branch.id, *names))


def _urgency(entry: dict[str, Any]) -> tuple[int, ...]:
    """Of a branch's card: what somebody at head office looks at first is largest."""
    alerts_ = entry["alerts"]
    return (alerts_.get("red", 0), bool(entry["burst_since_ms"]), entry["asked_count"], sum(alerts_.values()))


async def _home(request: OpenhallRequest, q: str) -> dict[str, Any]:
    app: App = request.app.state.openhall
    to_decide = []
    if rights.may_open(request.user.role, "approvals"):
        to_decide = await asyncio.to_thread(app.approvals.waiting_for, request.user)
    now_ms = app.clock.now_ms()
    own = [b for b in app.bank.branches if rights.reaches(request.user.role, request.user.branch, b.id)]
    wanted = q.strip().casefold()
    found = [b for b in own if _is_called(b, wanted)] if wanted else own
    may_see_alerts = rights.may_open(request.user.role, "alerts")
    listed = [
        {
            "branch": b,
            "state": state,
            "shut": state is None and elsewhere.shut_today(app, b),
            "links": branch_links(request.user.role, request.user.branch, b.id),
        }
        | people.home_entry(state, now_ms)
        | {"alerts": Tally(a.level for a in app.alerts.standing(b.id)) if may_see_alerts else {}}
        for b in found
        for state in [app.hall(app.today(b))]
    ]
    if len(found) > CARDS_SHOWN:
        listed = sorted(listed, key=_urgency, reverse=True)[:CARDS_SHOWN]
    # A branch manager lends on the branch screen, beside the own hall.
    helping = people.help_context(request, now_ms) if not request.user.branch else {"help_wanted": ()}
    return helping | {
        "account": request.user,
        "people": names_of(app.bank),
        "level_names": LEVEL_NAMES,
        "bank": app.bank,
        "zone": app.bank.branches[0].timezone,
        "now_ms": now_ms,
        "listed": listed,
        "found_count": len(found),
        "is_large": len(own) > CARDS_SHOWN,
        "q": q,
        "head_links": head_links(request.user.role),
        "to_decide_count": len(to_decide),
        "path": "/",
        "is_demo": hasattr(app.clock, "speed"),
        "speed": getattr(app.clock, "speed", 1.0),
    }


@get("/language/{code:str}", include_in_schema=False, opt=ANYONE)
async def choose_language(code: Word, to: Annotated[str, QueryParameter(max_length=500)] = "/") -> Redirect:
    """Remember the language and go back; only to a path of this site."""
    cookie = Cookie(
        LANGUAGE_COOKIE, value="en" if code == "en" else "zh", max_age=365 * 86_400, samesite="lax"
    )
    return Redirect(own_path(to), cookies=[cookie])


def _screen_route(screen: rights.Screen, *, is_live: bool) -> HTTPRouteHandler:
    """A screen, or the part of it that changes, drawn anew: an address each, because each has its right."""
    path = f"/b/{{branch_id:str}}/{screen}" + ("/live" if is_live else "")

    @get(path, include_in_schema=False, opt=needs_screen(screen), name=path)
    async def shown(request: OpenhallRequest, branch_id: BranchId) -> Response[bytes]:
        return _screen(request, branch_id, screen, is_live=is_live)

    return shown


HANDLERS: list[Any] = [
    home,
    home_live,
    choose_language,
    ticket_sheet,
    *(_screen_route(screen, is_live=is_live) for screen in SCREENS for is_live in (False, True)),
]

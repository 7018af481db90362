"""The ticket machine: one question a page, by plain links, so that going back always works [C1, C2]."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from litestar import Response, get
from litestar.datastructures import Cookie
from litestar.response import Redirect

from openhall.app.build import App, refusal_texts
from openhall.app.language import explain
from openhall.hall import views
from openhall.hall.model.state import HallState, TicketStatus
from openhall.hall.policy import offers
from openhall.kernel.refusal import Refusal
from openhall.web import elder, elsewhere, phone
from openhall.web.api import BranchId, actor_of, readable_branch
from openhall.web.guarding import needs_screen
from openhall.web.pages import screen_context
from openhall.web.reading import LANGUAGE_COOKIE, language_of
from openhall.web.rendering import page
from openhall.web.signing_in import OpenhallRequest

KIOSK_FIELDS = (
    "service",
    "need",
    "other",
    "care",
    "person",
    "visit",
    "ticket",
    "full",
    "page",
    "appointment",
)
QUERY_CHARACTERS = 64
ALL_CHOICES = 1_000
"""More than a bank has of services, needs or classes: the page scrolls."""

KIOSK_CARE = frozenset({"accompany", "step_free", "written"})
"""What a link of the kiosk itself may ask for: somebody to come along, to be fetched, to be shown it."""


def kiosk_context(request: OpenhallRequest, context: dict[str, Any]) -> dict[str, Any]:
    """The kiosk goes step by step by plain links, so that going back always works and nothing is lost."""
    query = {
        k: v for k, v in request.query_params.items() if k in KIOSK_FIELDS and len(v) <= QUERY_CHARACTERS
    }
    state: HallState | None = context["state"]
    devices = request.app.state.openhall.devices
    device = devices.records.of_account(request.user.name)
    found: dict[str, Any] = {
        "device_account": device.account if device is not None else "",
        "prints": device is not None and devices.printer_of(device) is not None,
        "step": "service",
        "need": None,
        "service": None,
        "visit_id": query.get("visit", ""),
        "visit_problem": "",
        "care": [query["care"]] if query.get("care") in KIOSK_CARE else [],
        "page": query.get("page", ""),
        "asked": {k: v for k, v in query.items() if k != "visit"},
        "query": "?" + urlencode(query) if query else "",
    }
    found["here"] = request.url.path.removesuffix("/live") + str(found["query"])
    if state is None:
        return found
    found["ring"] = phone.ring_of(state, actor_of(request))
    found["is_booked_ahead"] = state.day_rules.appointments.share_percent > 0
    if "appointment" in query and found["is_booked_ahead"]:
        found["step"] = "appointment"
    if "person" in query:
        found["step"] = "person"
    for service in state.day_rules.services:
        if service.id == query.get("service"):
            found |= {"service": service, "step": "class" if "other" in query else "need"}
        for need in service.needs:
            if need.code == query.get("need"):
                found |= {"need": need, "service": service, "step": "class"}
    if found["step"] == "class" and context["elder_px"] and "care" not in query:
        found["step"] = "care"
    if found["step"] in {"class", "care"} and (context["is_used_up"] or "full" in query):
        found |= _used_up_step(request, context, found)
    if found["step"] in {"class", "care", "appointment"} and context["board"].is_check_required:
        found |= _visit_step(request, state, found["visit_id"])
    ticket = state.tickets.get(query.get("ticket", ""))
    if ticket:
        found["step"] = "ticket"
        found["ticket"] = views.ticket_view(state, ticket, context["waits"])
        found["code"] = phone.code_of(phone.address_of(request, state.stream, ticket.id))
        is_waiting = ticket.status is TicketStatus.WAITING
        # The kiosk knows neither card nor amount: it tells what exists, and a colleague asks the rest.
        found["offers"] = (
            offers(state.day_rules.triage, need=ticket.need, has_card=True, amount_minor=0)
            if is_waiting
            else []
        )
    return found | _choices(found, state, context)


def _choices(found: dict[str, Any], state: HallState, context: dict[str, Any]) -> dict[str, Any]:
    """What a step lets one choose from; in elder mode a few at a time, the rest behind "more"."""
    per_page = elder.CHOICES_A_SCREEN if context["elder_px"] else ALL_CHOICES
    every: dict[str, Any] = {
        "service": state.day_rules.services,
        "need": (*found["service"].needs, None) if found["service"] else (),
        "class": context["bank"].classes[1:],
    }
    if found["step"] == "class":
        per_page -= 1  # besides the number itself
    choices, next_page = elder.paged(every.get(found["step"], ()), found["page"], per_page)
    return {"choices": choices, "next_page": next_page}


def _used_up_step(request: OpenhallRequest, context: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """No number from the machine any more: what is possible instead, and the way to a person."""
    app: App = request.app.state.openhall
    branch, need = context["branch"], found["need"]
    return {
        "step": "full",
        "next_open_ms": elsewhere.next_open_ms(app, branch),
        "others": elsewhere.other_branches(app, branch, found["service"].id),
        "offers": offers(
            context["rules"].triage, need=need.code if need else "", has_card=True, amount_minor=0
        ),
    }


def _visit_step(request: OpenhallRequest, state: HallState, visit_id: str) -> dict[str, Any]:
    """Ask for the entry number, and say at once when it cannot be right."""
    visit = state.visits.get(visit_id)
    if visit is not None and visit.is_pending:
        return {}
    problem = ""
    if visit_id:
        refusal = Refusal("visit_unknown", "visit", {"visit": visit_id[1:]})
        if visit is not None and visit.ticket_id:
            number = state.tickets[visit.ticket_id].number
            refusal = Refusal("visit_has_ticket", "visit", {"number": number})
        problem = " ".join(explain(refusal, refusal_texts(), language_of(request)))
    return {"step": "visit", "visit_id": "", "visit_problem": problem}


def _kiosk(request: OpenhallRequest, branch_id: str, template: str) -> Response[bytes]:
    app: App = request.app.state.openhall
    branch, language = readable_branch(request, branch_id), language_of(request)
    context = screen_context(request, branch, "kiosk") | elder.elder_context(request, app, language)
    context |= kiosk_context(request, context)
    return page(template, language, **context)


@get("/b/{branch_id:str}/kiosk", include_in_schema=False, opt=needs_screen("kiosk"))
async def kiosk(request: OpenhallRequest, branch_id: BranchId) -> Response[bytes]:
    """The ticket machine's page."""
    return _kiosk(request, branch_id, "kiosk.html")


@get("/b/{branch_id:str}/kiosk/live", include_in_schema=False, opt=needs_screen("kiosk"))
async def kiosk_live(request: OpenhallRequest, branch_id: BranchId) -> Response[bytes]:
    """The part of it that changes, drawn anew."""
    return _kiosk(request, branch_id, "kiosk_live.html")


@get("/b/{branch_id:str}/kiosk/start", include_in_schema=False, opt=needs_screen("kiosk"))
async def kiosk_start(branch_id: BranchId) -> Redirect:
    """For the next customer: the last one's type size and language end with the visit."""
    language = Cookie(LANGUAGE_COOKIE, value="", max_age=0, samesite="lax")
    return Redirect(f"/b/{branch_id}/kiosk", cookies=[elder.cookie_for(0), language])


HANDLERS: list[Any] = [kiosk, kiosk_live, kiosk_start]

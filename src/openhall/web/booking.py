"""Booking from outside, without an account: choose a service, a day, a time; keep, move or give up [C17].

One question a page, by plain links and forms, so that it works without scripts and going back always works.
The address of an appointment is the right to it: it cannot be guessed, and no cookie goes with it. Each form
carries a key made with the page: pressing twice, or again after a failure, is the same booking.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode

import msgspec
from litestar import Request, Response, get, post
from litestar.params import PathParameter, QueryParameter, URLEncodedBody
from litestar.response import Redirect

from openhall.access import rights
from openhall.app.appointments import Contact, calendar_file
from openhall.app.build import App
from openhall.app.language import say
from openhall.app.ticket_links import TOKEN_CHARACTERS_MAX
from openhall.hall import views_asked
from openhall.hall.model.asked import Appointment, AppointmentStatus
from openhall.hall.model.commands import BookAppointment, CheckInAppointment
from openhall.hall.model.events import AppointmentBooked
from openhall.hall.model.state import HallState
from openhall.kernel.clock import MINUTE_MS
from openhall.kernel.event import Request as CommandRequest
from openhall.kernel.event import StreamId
from openhall.kernel.refusal import Refusal
from openhall.network.model import Branch
from openhall.web import elder, phone
from openhall.web.api import BranchId, branch_of
from openhall.web.contacts import TO_CHARACTERS_MAX, CustomerChannel, contact_of
from openhall.web.guarding import ANYONE
from openhall.web.names import services_of
from openhall.web.problems import Problem, Refused, problem_of
from openhall.web.rates import network_address
from openhall.web.reading import language_of, site_of
from openhall.web.rendering import clock_words, page

BOOKINGS_PER_MINUTE_AT_MOST = 10
"""From one place in the network: a village may share one address, and nobody books faster by hand."""
LOOKS_PER_MINUTE_AT_MOST = 120
DAYS_SHOWN = 14
NO_REMINDER: Final = "none"
"""The answer of somebody who does not want to be reminded."""
ASKED = frozenset({"cancel", "move", "here"})
"""What the page of an appointment asks about before it is done, by `?do=`."""

Token = Annotated[str, PathParameter(max_length=TOKEN_CHARACTERS_MAX)]
FormKey = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16,32}$")]
Word = Annotated[str, QueryParameter(max_length=64)]
Day = Annotated[date | None, QueryParameter(description="A day")]
Moment = Annotated[int, QueryParameter(ge=0, le=4_102_444_800_000)]
Left = Annotated[str, msgspec.Meta(max_length=80)]


class Booking(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The last page was sent."""

    key: FormKey
    service: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    at: Annotated[int, msgspec.Meta(ge=0, le=4_102_444_800_000)]
    day: date
    name: Left = ""
    phone: Left = ""
    channel: CustomerChannel | Literal[""] = ""
    to: Annotated[str, msgspec.Meta(max_length=TO_CHARACTERS_MAX)] = ""
    consent: Annotated[str, msgspec.Meta(max_length=40)] = ""


class Press(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A button of the appointment's page was pressed."""

    key: FormKey


class Another(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another time was chosen."""

    key: FormKey
    at: Annotated[int, msgspec.Meta(ge=0, le=4_102_444_800_000)]
    day: date


@dataclass(frozen=True)
class Own:
    """The appointment behind an address."""

    stream: StreamId
    branch: Branch
    state: HallState
    booked: Appointment


def _around(request: Request[Any, Any, Any], branch: Branch | None) -> dict[str, Any]:
    """What every one of these pages has."""
    app: App = request.app.state.openhall
    language = language_of(request)
    zone = (branch or app.bank.branches[0]).timezone
    query = str(request.url.query)
    return {
        "bank": app.bank,
        "branch": branch,
        "here": request.url.path + (f"?{query}" if query else ""),
        "path": request.url.path,
        "now_ms": app.clock.now_ms(),
        "hm": clock_words(zone),
        "zone": zone,
        "services": services_of(app.bank.services),
        "policy": app.bank.appointments,
        "key": secrets.token_hex(8),
        "said": None,
        "typed": {"name": "", "phone": "", "to": ""},
        **elder.elder_context(request, app, language),
    }


def _rendered(
    request: Request[Any, Any, Any], template: str, context: dict[str, Any], status: int = 200
) -> Response[bytes]:
    shown = page(template, language_of(request), **context)
    shown.status_code = status
    elder.remember(request, shown)
    return shown


@get("/book", include_in_schema=False, opt=ANYONE)
async def choose_branch(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The branches that can be booked."""
    app: App = request.app.state.openhall
    offering = [branch for branch in app.bank.branches if app.appointments.is_offered(branch)]
    found = {"step": "branch"} | _few(request, offering)
    return _rendered(request, "book.html", _around(request, None) | found)


@get("/book/{branch_id:str}", include_in_schema=False, opt=ANYONE)
async def choose(
    request: Request[Any, Any, Any],
    branch_id: BranchId,
    service: Word = "",
    day: Day = None,
    at: Moment = 0,
    remind: Word = "",
) -> Response[bytes]:
    """Service, day, time, whether to remind, and the page that is sent."""
    branch = branch_of(request.app.state.openhall, branch_id)
    step = _step(request, branch, service, day, at, remind)
    return _rendered(request, "book.html", _around(request, branch) | step)


def _step(
    request: Request[Any, Any, Any], branch: Branch, service: str, day: date | None, at_ms: int, remind: str
) -> dict[str, Any]:
    """The first question that is still open."""
    app: App = request.app.state.openhall
    days, channels = app.appointments.days(branch), app.outward.reminders.offered()
    found: dict[str, Any] = {"service": service, "day": day, "at_ms": at_ms, "days": days}
    found |= {"channels": channels, "remind": remind if remind in channels else ""}
    offered = {each.service_id for d in days for each in _terms_services(app, branch, d)}
    if not days:
        return found | {"step": "nothing"}
    if service not in offered:
        return found | {"step": "service"} | _few(request, [s for s in app.bank.services if s.id in offered])
    if day not in days:
        return found | {"step": "day"} | _few(request, free_days(app, branch, service))
    free = free_slots(app, branch, service, day)
    if at_ms not in {slot.at_ms for slot in free}:
        return found | {"step": "time"} | _few_times(request, free, branch)
    if channels and remind not in {*channels, NO_REMINDER}:
        return found | {"step": "remind"}
    return found | {"step": "send", "consent": app.personal.consent("appointment")}


def _few(request: Request[Any, Any, Any], every: Sequence[Any]) -> dict[str, Any]:
    """What a page lets one choose from, and the way to the rest: in elder mode a few at a time."""
    query = dict(request.query_params)
    shown, next_page = every, -1
    if elder.elder_px_of(request):
        shown, next_page = elder.paged(every, query.get("page", ""), elder.CHOICES_A_SCREEN)
    more = f"{request.url.path}?{urlencode(query | {'page': str(next_page)})}" if next_page >= 0 else ""
    return {"choices": shown, "more": more, "is_last": next_page == 0, "every_time": ""}


def _few_times(
    request: Request[Any, Any, Any], free: list[views_asked.SlotView], branch: Branch
) -> dict[str, Any]:
    """The free times; in elder mode the first of each hour, and the way to all of them."""
    if not elder.elder_px_of(request) or "every" in request.query_params:
        return {"choices": free, "more": "", "is_last": False, "every_time": ""}
    hm = clock_words(branch.timezone)
    hours = {hm(slot.at_ms)[:2]: slot for slot in reversed(free)}
    query = {name: value for name, value in request.query_params.items() if name != "page"}
    every = f"{request.url.path}?{urlencode(query | {'every': '1'})}" if len(hours) < len(free) else ""
    return _few(request, list(reversed(hours.values()))) | {"every_time": every}


def _terms_services(app: App, branch: Branch, day: date) -> tuple[Any, ...]:
    terms = app.appointments.terms(branch, day)
    return terms.services if terms else ()


def free_slots(app: App, branch: Branch, service_id: str, day: date) -> list[views_asked.SlotView]:
    """The times of a day at which a service can still be booked."""
    state = app.appointments.state(StreamId(branch.id, day))
    terms = app.appointments.terms(branch, day)
    if state.is_ended:
        return []
    return [s for s in views_asked.slots(state, terms, app.clock.now_ms(), service_id) if s.free]


def free_days(app: App, branch: Branch, service_id: str) -> list[dict[str, Any]]:
    """The next days with a free time, and how many there are."""
    counted = ({"day": d, "free": len(free_slots(app, branch, service_id, d))} for d in _days(app, branch))
    return [each for each in counted if each["free"]]


def _days(app: App, branch: Branch) -> list[date]:
    return app.appointments.days(branch)[:DAYS_SHOWN]


@post("/book/{branch_id:str}", include_in_schema=False, status_code=200, opt=ANYONE)
async def book(
    request: Request[Any, Any, Any], branch_id: BranchId, data: URLEncodedBody[Booking]
) -> Response[Any]:
    """Booked: on to the appointment's own page. Refused: the question again, with what is free now."""
    app: App = request.app.state.openhall
    branch = branch_of(app, branch_id)
    place = network_address(request)
    if not request.app.state.rates.note(f"book {place}", BOOKINGS_PER_MINUTE_AT_MOST, app.wall.now_ms()):
        raise Refused(Refusal("too_many_requests"))
    booked = await _book(request, branch, data)
    if isinstance(booked, Refusal):
        step = _step(request, branch, data.service, data.day, data.at, data.channel or NO_REMINDER)
        context = _around(request, branch) | step | {"said": _problem(request, booked, branch.id)}
        context["typed"] = {"name": data.name, "phone": data.phone, "to": data.to}
        return _rendered(request, "book.html", context, context["said"].status)
    return Redirect(
        f"/a/{app.appointment_links.token(StreamId(branch.id, data.day), booked.appointment_id)}",
        status_code=303,
    )


async def _book(
    request: Request[Any, Any, Any], branch: Branch, data: Booking
) -> AppointmentBooked | Refusal:
    app: App = request.app.state.openhall
    channel = data.channel or None
    try:
        to = contact_of(channel, data.to) if channel is not None else ""
    except Refused as error:
        return error.refusal
    return await app.appointments.book(
        branch,
        data.day,
        BookAppointment(data.service, data.at, "web"),
        actor=rights.HOLDER,
        key=f"web {data.key}",
        contact=Contact(data.name, data.phone, channel, to, language_of(request), data.consent),
    )


def _problem(request: Request[Any, Any, Any], refusal: Refusal, branch_id: str) -> Problem:
    return problem_of(refusal, language_of(request), request.app.state.openhall.bank, branch_id)


# --- the appointment's own page ----------------------------------------------------------------------


def _own(request: Request[Any, Any, Any], token: str) -> Own | Response[bytes]:
    """What an address opens; else the page that says why it opens nothing."""
    app: App = request.app.state.openhall
    rates, now_ms = request.app.state.rates, app.wall.now_ms()
    found = app.appointment_links.read(token)
    if found is None:
        is_slow = rates.note(f"place {network_address(request)}", phone.WRONG_PER_MINUTE_AT_MOST, now_ms)
        return _nothing(request, "unknown" if is_slow else "too_often", 404 if is_slow else 429)
    if not rates.note(f"appointment {token}", LOOKS_PER_MINUTE_AT_MOST, now_ms):
        return _nothing(request, "too_often", 429)
    stream, appointment_id = found
    branch = app.bank.branch(stream.place)
    if branch is None or stream.day < app.local_day(branch):
        return _nothing(request, "past", 404)
    state = app.appointments.state(stream)
    booked = state.appointments.get(appointment_id)
    if booked is None:
        return _nothing(request, "past", 404)
    return Own(stream, branch, state, booked)


def _nothing(request: Request[Any, Any, Any], why: str, status: int) -> Response[bytes]:
    context = _around(request, None) | {"why": why, "path": "/book", "here": "/book"}
    return _rendered(request, "appointment_nothing.html", context, status)


def _shown(
    request: Request[Any, Any, Any], token: str, own: Own, said: Problem | None = None
) -> Response[bytes]:
    app: App = request.app.state.openhall
    asked = request.query_params.get("do", "")
    booked = own.booked
    address = _address(request, own)
    view = views_asked.appointment_view(own.state, booked)
    context = _around(request, own.branch) | {
        "path": f"/a/{token}",
        "a": view,
        "ask": asked if asked in ASKED else "",
        "said": said,
        "address": address,
        "code": phone.code_of(address),
        "is_today": own.stream.day == app.local_day(own.branch),
        "is_reminded": app.outward.reminders.wish(own.stream, booked.contact_ref) is not None,
        "is_gone": own.booked.service_id not in {s.id for s in app.bank.services},
        "may_check_in": _may_check_in(app, own) is None,
        "checks_at_door": own.state.rules is not None and own.state.rules.regime.entry.is_check_required,
        "ticket_path": f"/t/{app.links.token(own.stream, booked.ticket_id)}" if booked.ticket_id else "",
    }
    if context["ask"] == "move":
        context |= _moving(request, own)
    shown = _rendered(request, "appointment.html", context, said.status if said else 200)
    shown.headers["X-Hall-Now"] = str(context["now_ms"])
    return shown


def _moving(request: Request[Any, Any, Any], own: Own) -> dict[str, Any]:
    """Which day, and then which time."""
    app: App = request.app.state.openhall
    wanted = request.query_params.get("day", "")
    days = free_days(app, own.branch, own.booked.service_id)
    day = next((each["day"] for each in days if each["day"].isoformat() == wanted), None)
    if day is None:
        return {"day": None} | _few(request, days)
    free = free_slots(app, own.branch, own.booked.service_id, day)
    return {"day": day} | _few_times(request, free, own.branch)


def _address(request: Request[Any, Any, Any], own: Own) -> str:
    """The whole address, public where that is configured, else on the site that this request came to."""
    app: App = request.app.state.openhall
    return app.appointment_links.address(own.stream, own.booked.id, site_of(request))


@get("/a/{token:str}", include_in_schema=False, opt=ANYONE)
async def appointment_page(request: Request[Any, Any, Any], token: Token) -> Response[bytes]:
    """When, where, what to bring, the code; and what can be done about it."""
    own = _own(request, token)
    return own if isinstance(own, Response) else _shown(request, token, own)


@get("/a/{token:str}/calendar.ics", include_in_schema=False, opt=ANYONE)
async def appointment_calendar(request: Request[Any, Any, Any], token: Token) -> Response[bytes]:
    """The appointment for the customer's own calendar."""
    app: App = request.app.state.openhall
    own = _own(request, token)
    if isinstance(own, Response):
        return own
    language = language_of(request)
    what = services_of(app.bank.services)[own.booked.service_id].name.get(language)
    body = calendar_file(
        uid=f"{own.stream}/{own.booked.id}@openhall",
        begins_ms=own.booked.at_ms,
        minutes=app.bank.appointments.slot_minutes,
        title=f"{app.bank.name.get(language)}: {what}",
        place=f"{own.branch.name.get(language)}, {own.branch.address.get(language)}",
        says=say(language, "Code {code}", code=f"{own.booked.code[:4]}-{own.booked.code[4:]}"),
        now_ms=app.clock.now_ms(),
    )
    headers = {"Content-Disposition": 'attachment; filename="appointment.ics"'}
    return Response(body, media_type="text/calendar; charset=utf-8", headers=headers)


@post("/a/{token:str}/cancel", include_in_schema=False, status_code=200, opt=ANYONE)
async def give_up(
    request: Request[Any, Any, Any], token: Token, data: URLEncodedBody[Press]
) -> Response[Any]:
    """The customer does not come: the time is free for somebody else."""
    app: App = request.app.state.openhall
    own = _own(request, token)
    if isinstance(own, Response):
        return own
    key = f"{own.booked.id} cancel {data.key}"
    done = await app.appointments.cancel(
        own.stream, own.booked.id, reason="customer_asked", actor=rights.HOLDER, key=key
    )
    if isinstance(done, Refusal):
        return _shown(request, token, own, _problem(request, done, own.branch.id))
    return Redirect(f"/a/{token}", status_code=303)


@post("/a/{token:str}/move", include_in_schema=False, status_code=200, opt=ANYONE)
async def move(request: Request[Any, Any, Any], token: Token, data: URLEncodedBody[Another]) -> Response[Any]:
    """Another time: a new appointment with its own page and code."""
    app: App = request.app.state.openhall
    own = _own(request, token)
    if isinstance(own, Response):
        return own
    moved = await app.appointments.move(
        own.stream,
        own.booked.id,
        day=data.day,
        at_ms=data.at,
        channel="web",
        actor=rights.HOLDER,
        key=f"{own.booked.id} move {data.key}",
    )
    if isinstance(moved, Refusal):
        return _shown(request, token, own, _problem(request, moved, own.branch.id))
    new = app.appointment_links.token(StreamId(own.branch.id, data.day), moved.appointment_id)
    return Redirect(f"/a/{new}", status_code=303)


def _may_check_in(app: App, own: Own) -> Refusal | None:
    """Why the holder cannot check in with the phone now.

    Where the door checks people that comes first. And not before the head start begins: from there on it is
    the same whether somebody is in the hall or on the way, so nobody gains by pressing at home.
    """
    state, booked = own.state, own.booked
    if state.rules is None:
        return Refusal("day_not_open")
    if state.rules.regime.entry.is_check_required:
        return Refusal("check_required", "visit_id")
    if booked.status not in {AppointmentStatus.BOOKED, AppointmentStatus.MISSED}:
        return Refusal("appointment_cancelled", "code")
    if state.service(booked.service_id) is None:
        return Refusal("appointment_service_gone", "service_id")
    opens_ms = booked.at_ms - state.rules.appointments.head_start_minutes * MINUTE_MS
    if app.clock.now_ms() < opens_ms:
        opens = clock_words(own.branch.timezone)(opens_ms)
        return Refusal("appointment_too_early", "code", {"opens": opens})
    return None


@post("/a/{token:str}/here", include_in_schema=False, status_code=200, opt=ANYONE)
async def check_in(
    request: Request[Any, Any, Any], token: Token, data: URLEncodedBody[Press]
) -> Response[Any]:
    """The customer is in the branch: on to the number's own page."""
    app: App = request.app.state.openhall
    own = _own(request, token)
    if isinstance(own, Response):
        return own
    if not own.booked.ticket_id:
        if refusal := _may_check_in(app, own):
            return _shown(request, token, own, _problem(request, refusal, own.branch.id))
        key = f"{own.booked.id} here {data.key}"
        done = await app.submit(
            CommandRequest(own.stream, key, rights.HOLDER, CheckInAppointment(own.booked.id))
        )
        if isinstance(done, Refusal):
            return _shown(request, token, own, _problem(request, done, own.branch.id))
    ticket_id = app.appointments.state(own.stream).appointments[own.booked.id].ticket_id
    return Redirect(f"/t/{app.links.token(own.stream, ticket_id)}", status_code=303)


HANDLERS: list[Any] = [
    choose_branch,
    choose,
    book,
    appointment_page,
    appointment_calendar,
    give_up,
    move,
    check_in,
]

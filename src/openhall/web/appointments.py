"""Appointments for staff: a day with its slots, who is booked, who has come; booking for a customer [C17]."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import Annotated, Any, Literal

import msgspec
from babel.dates import format_date
from litestar import Controller, Response, get, post
from litestar.params import JSONBody, PathParameter, QueryParameter

from openhall.access import rights
from openhall.app.appointments import Contact
from openhall.app.build import App
from openhall.hall import views_asked
from openhall.hall.booking import BookingTerms
from openhall.hall.model.commands import BookAppointment
from openhall.hall.model.events import AppointmentBooked
from openhall.hall.model.state import HallState
from openhall.hall.views_asked import AppointmentView, SlotView
from openhall.kernel.event import StreamId
from openhall.kernel.refusal import Refusal
from openhall.kernel.text import Language
from openhall.network.model import Branch
from openhall.web.api import BranchId, Key, actor_of, readable_branch
from openhall.web.contacts import TO_CHARACTERS_MAX, CustomerChannel, contact_of
from openhall.web.guarding import needs_action, needs_screen
from openhall.web.pages import screen_context
from openhall.web.problems import RESPONSES, Refused
from openhall.web.reading import language_of
from openhall.web.rendering import REASONS_TO_LOOK, page
from openhall.web.signing_in import OpenhallRequest

BOOKED_SHOWN = 300
"""Of one day; more than a branch can offer."""

Day = Annotated[date | None, QueryParameter(description="A day; none is today")]
DayInPath = Annotated[date, PathParameter(description="The day of the appointment")]
AppointmentId = Annotated[str, PathParameter(max_length=64)]
Words = Annotated[str, msgspec.Meta(max_length=80)]
Moment = Annotated[int, msgspec.Meta(ge=0, le=4_102_444_800_000)]


class BookingBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A booking; what the customer leaves to be reached by is sealed, and never in the log."""

    day: date
    service_id: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    at_ms: Moment
    name: Words = ""
    phone: Words = ""
    channel: CustomerChannel | Literal[""] = ""
    """How the customer is told and reminded; empty for somebody who is called, or needs nothing."""
    to: Annotated[str, msgspec.Meta(max_length=TO_CHARACTERS_MAX)] = ""
    """The number, address or user name for it."""
    language: Language | Literal[""] = ""
    """Of the messages; the reader's own if left out."""
    consent: Annotated[str, msgspec.Meta(max_length=40)] = ""
    """The version of the wording that the customer was shown and agreed to."""


class MoveBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another time, also on another day."""

    day: date
    at_ms: Moment


class CancelBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why it is given up."""

    reason: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{1,39}$")] = "customer_asked"


class BookedAppointment(msgspec.Struct, frozen=True):
    """What the customer is told."""

    appointment_id: str
    code: str
    day: date
    at_ms: int
    service_id: str
    address: str
    """Of the customer's own page; empty where no public address is configured."""


class AppointmentDay(msgspec.Struct, frozen=True):
    """A day that can be booked: its slots, and its appointments."""

    day: date
    slots: list[SlotView]
    appointments: list[AppointmentView]


def told(app: App, branch: Branch, day: date, booked: AppointmentBooked) -> BookedAppointment:
    """A booking with its address."""
    stream = StreamId(branch.id, day)
    return BookedAppointment(
        booked.appointment_id,
        booked.code,
        day,
        booked.at_ms,
        booked.service_id,
        app.appointment_links.address(stream, booked.appointment_id),
    )


class AppointmentController(Controller):
    """Booking ahead for a customer who asks at the counter, in the hall or by phone."""

    path = "/api/branches/{branch_id:str}/appointments"
    tags = ("appointments",)

    @get(summary="A day's appointments", responses=RESPONSES, opt=needs_screen("appointments"))
    async def list_day(
        self, request: OpenhallRequest, branch_id: BranchId, day: Day = None
    ) -> AppointmentDay:
        """Every slot with its places, and everybody who is booked."""
        app: App = request.app.state.openhall
        branch = readable_branch(request, branch_id)
        wanted = day or app.local_day(branch)
        if refusal := app.appointments.refuse_far(branch, wanted):
            raise Refused(refusal)
        state = app.appointments.state(StreamId(branch.id, wanted))
        terms = app.appointments.terms(branch, wanted)
        return AppointmentDay(
            wanted,
            views_asked.slots(state, terms, app.clock.now_ms()),
            views_asked.appointments(state)[:BOOKED_SHOWN],
        )

    @post(
        summary="Book for a customer",
        status_code=201,
        responses=RESPONSES,
        opt=needs_action("appointments.book"),
    )
    async def book(
        self,
        request: OpenhallRequest,
        branch_id: BranchId,
        data: JSONBody[BookingBody],
        idempotency_key: Key,
    ) -> BookedAppointment:
        """A slot that is free; the answer holds the code that the customer is told."""
        app: App = request.app.state.openhall
        branch, channel = readable_branch(request, branch_id), data.channel or None
        contact = Contact(
            data.name,
            data.phone,
            channel,
            contact_of(channel, data.to) if channel is not None else "",
            data.language or language_of(request),
            data.consent,
        )
        booked = await app.appointments.book(
            branch,
            data.day,
            BookAppointment(data.service_id, data.at_ms),
            actor=actor_of(request),
            key=idempotency_key,
            contact=contact,
        )
        if isinstance(booked, Refusal):
            raise Refused(booked)
        return told(app, branch, data.day, booked)

    @post(
        "/{day:date}/{appointment_id:str}/cancel",
        summary="Give an appointment up",
        status_code=200,
        responses=RESPONSES,
        opt=needs_action("appointments.book"),
    )
    async def cancel(
        self,
        request: OpenhallRequest,
        branch_id: BranchId,
        day: DayInPath,
        appointment_id: AppointmentId,
        data: JSONBody[CancelBody],
        idempotency_key: Key,
    ) -> AppointmentView:
        """Its slot is free again. Who left a way to be told is told; then what was left is erased."""
        app: App = request.app.state.openhall
        branch = readable_branch(request, branch_id)
        if refusal := app.appointments.refuse_far(branch, day):
            raise Refused(refusal)
        stream = StreamId(branch.id, day)
        done = await app.appointments.cancel(
            stream, appointment_id, reason=data.reason, actor=actor_of(request), key=idempotency_key
        )
        if isinstance(done, Refusal):
            raise Refused(done)
        state = app.appointments.state(stream)
        return views_asked.appointment_view(state, state.appointments[appointment_id])

    @post(
        "/{day:date}/{appointment_id:str}/move",
        summary="Move an appointment",
        status_code=200,
        responses=RESPONSES,
        opt=needs_action("appointments.book"),
    )
    async def move(
        self,
        request: OpenhallRequest,
        branch_id: BranchId,
        day: DayInPath,
        appointment_id: AppointmentId,
        data: JSONBody[MoveBody],
        idempotency_key: Key,
    ) -> BookedAppointment:
        """The new time is booked before the old one is given up. The code is a new one: it tells its day."""
        app: App = request.app.state.openhall
        branch = readable_branch(request, branch_id)
        if refusal := app.appointments.refuse_far(branch, day):
            raise Refused(refusal)
        moved = await app.appointments.move(
            StreamId(branch.id, day),
            appointment_id,
            day=data.day,
            at_ms=data.at_ms,
            channel="staff",
            actor=actor_of(request),
            key=idempotency_key,
        )
        if isinstance(moved, Refusal):
            raise Refused(moved)
        return told(app, branch, data.day, moved)


def short_day(language: Language, day: date) -> str:
    """A day of the next weeks, short enough for a button."""
    pattern = "M月d日 EEE" if language == "zh" else "EEE d MMM"
    return format_date(day, pattern, locale="zh_CN" if language == "zh" else "en_GB")


def _rows(slots: list[SlotView], service_ids: list[str]) -> list[dict[str, Any]]:
    """Slots as a table: a row a time, a cell a service; None where it cannot be booked then."""
    rows: dict[int, dict[str, SlotView]] = {}
    for slot in slots:
        rows.setdefault(slot.at_ms, {})[slot.service_id] = slot
    return [
        {"at_ms": at_ms, "cells": [cells.get(service_id) for service_id in service_ids]}
        for at_ms, cells in rows.items()
    ]


def _context(request: OpenhallRequest, branch_id: str, day: date | None) -> dict[str, Any]:
    app: App = request.app.state.openhall
    branch = readable_branch(request, branch_id)
    context, today = screen_context(request, branch, "appointments"), app.local_day(branch)
    wanted = day or today
    if refusal := app.appointments.refuse_far(branch, wanted):
        raise Refused(refusal)
    stream, terms = StreamId(branch.id, wanted), app.appointments.terms(branch, wanted)
    booked_state: HallState = app.appointments.state(stream)
    slots = views_asked.slots(booked_state, terms, context["now_ms"])
    service_ids = _bookable(terms)
    days = app.appointments.days(branch)
    booked = views_asked.appointments(booked_state)[:BOOKED_SHOWN]
    reminders = app.outward.reminders
    return context | {
        "chosen": wanted,
        "short_day": partial(short_day, language_of(request)),
        "is_today": wanted == today,
        "is_ahead": wanted >= today,
        "days": days,
        "day_query": f"?day={wanted.isoformat()}",
        "service_ids": service_ids,
        "rows": _rows(slots, service_ids),
        "free": [slot for slot in slots if slot.free],
        "booked": booked,
        "counts": {
            status: sum(a.status == status for a in booked) for status in ("booked", "checked_in", "missed")
        },
        "off_the_list": views_asked.off_the_list(booked_state, terms) if wanted >= today else [],
        "days_off_the_list": [each for each in app.appointments.days_off_the_list(branch) if each != wanted],
        "is_told": {a.id: reminders.wish(stream, a.contact_ref) is not None for a in booked},
        "consent": app.personal.consent("appointment"),
        "channels": reminders.offered(),
        "policy": app.bank.appointments,
        "may_book": rights.may_act(request.user.role, "appointments.book"),
        "may_check_in": rights.may(request.user.role, "CheckInAppointment"),
        "may_look": rights.may_open(request.user.role, "personal"),
        "reasons": REASONS_TO_LOOK.items(),
    }


def _bookable(terms: BookingTerms | None) -> list[str]:
    return [each.service_id for each in terms.services] if terms else []


def _page(request: OpenhallRequest, branch_id: str, day: date | None, template: str) -> Response[bytes]:
    return page(template, language_of(request), **_context(request, branch_id, day))


@get("/b/{branch_id:str}/appointments", include_in_schema=False, opt=needs_screen("appointments"))
async def appointments_page(
    request: OpenhallRequest, branch_id: BranchId, day: Day = None
) -> Response[bytes]:
    """A day's slots, who is booked, and booking for a customer."""
    return _page(request, branch_id, day, "appointments.html")


@get("/b/{branch_id:str}/appointments/live", include_in_schema=False, opt=needs_screen("appointments"))
async def appointments_live(
    request: OpenhallRequest, branch_id: BranchId, day: Day = None
) -> Response[bytes]:
    """The part of it that changes, drawn anew."""
    return _page(request, branch_id, day, "appointments_live.html")


HANDLERS: list[Any] = [AppointmentController, appointments_page, appointments_live]

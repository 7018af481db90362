"""Sealed records at the door: kept, looked at with a reason, erased when the customer asks [B5].

What is sealed never enters the log. The log carries a reference, with a hold or with feedback.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import msgspec
from litestar import Controller, delete, get, post
from litestar.params import JSONBody, PathParameter, QueryParameter

from openhall.app.build import App
from openhall.hall.model import ROOM as HALL
from openhall.hall.model.appointment_events import AppointmentBooked
from openhall.hall.model.events import FeedbackGiven, TicketHeld
from openhall.kernel.clock import local_ms
from openhall.kernel.event import StreamId
from openhall.kernel.refusal import Refusal
from openhall.log import notices as notices_log
from openhall.log.personal import DATA_BYTES_MAX
from openhall.network.model import Branch
from openhall.web.api import BranchId, Key, actor_of, readable_branch
from openhall.web.guarding import needs_action, needs_screen
from openhall.web.problems import RESPONSES, Refused
from openhall.web.signing_in import OpenhallRequest

READ_BY = ("TicketHeld", "FeedbackGiven", "AppointmentBooked")

Ref = Annotated[
    str, PathParameter(pattern=r"^[0-9a-f]{32}$", description="The reference that keeping it returned")
]
Reason = Annotated[
    Literal["call_customer", "customer_request", "complaint"],
    QueryParameter(description="Why; it is written into the access list with the account's name"),
]


class PersonalBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody left with us."""

    kind: Literal["contact", "notice", "appointment", "feedback"]
    data: Annotated[
        dict[
            Annotated[str, msgspec.Meta(pattern=r"^[a-z]{1,20}$")],
            Annotated[str, msgspec.Meta(min_length=1, max_length=1_000)],
        ],
        msgspec.Meta(min_length=1, max_length=6),
    ]
    consent: Annotated[str, msgspec.Meta(max_length=40)] = ""
    """The version of the wording that the customer was shown and agreed to."""


class Kept(msgspec.Struct, frozen=True):
    """Where it lies; this may go into an event."""

    ref: str


class Opened(msgspec.Struct, frozen=True):
    """What was sealed."""

    ref: str
    data: dict[str, str]


class SealedToday(msgspec.Struct, frozen=True):
    """A record that is still there, and what today has to do with it: it was left today, or is of somebody
    who is expected or was here."""

    ref: str
    kind: str
    ticket_id: str
    at_ms: int
    code: str = ""
    """Of the appointment that it belongs to."""


async def sealed_today(app: App, branch: Branch) -> list[SealedToday]:
    """The records that a branch's present day has to do with, oldest first, without those that are erased."""
    return await asyncio.to_thread(_sealed_today, app, branch)


def _sealed_today(app: App, branch: Branch) -> list[SealedToday]:
    stream = app.today(branch)
    day_began_ms = local_ms(stream.day, 0, ZoneInfo(branch.timezone))
    kept = app.personal.kept(branch.id)
    named = {item.ref: item for item in _named_today(app, stream)}
    unnamed = (
        SealedToday(each.ref, each.kind, "", each.created_ms)
        for each in kept
        if each.created_ms >= day_began_ms and each.ref not in named
    )
    present = {each.ref for each in kept}
    found = [*(item for item in named.values() if item.ref in present), *unnamed]
    return sorted(found, key=lambda item: (item.at_ms, item.ref))


def _named_today(app: App, stream: StreamId) -> Iterator[SealedToday]:
    """What the day's log and the wishes to be told refer to; the latest word on a record comes last."""
    for recorded in app.store.read(stream=stream):
        if recorded.type not in READ_BY:
            continue
        event = HALL.read(recorded.type, recorded.version, recorded.body)
        at_ms = recorded.at_ms
        if isinstance(event, TicketHeld) and event.contact_ref:
            yield SealedToday(event.contact_ref, "contact", event.ticket_id, at_ms)
        elif isinstance(event, FeedbackGiven) and event.text_ref:
            yield SealedToday(event.text_ref, "feedback", event.ticket_id, at_ms)
        elif isinstance(event, AppointmentBooked) and event.contact_ref:
            yield SealedToday(event.contact_ref, "appointment", "", event.at_ms, event.code)
    for notice in notices_log.every(app.store):
        if notice.stream == stream:
            yield SealedToday(notice.contact_ref, "notice", notice.ticket_id, notice.created_ms)


def _require_own(app: App, branch_id: str, ref: str) -> None:
    """A reference opens nothing in a branch that it does not belong to."""
    if app.personal.owner(ref) != branch_id:
        raise Refused(Refusal("record_unknown", "ref"))


class PersonalController(Controller):
    """Personal data, apart from the log: encrypted, expiring, every look written down."""

    path = "/api/branches/{branch_id:str}/personal"
    tags = ("personal",)

    @post(
        summary="Keep something about a person",
        status_code=201,
        responses=RESPONSES,
        opt=needs_action("personal.keep"),
    )
    async def keep(
        self,
        request: OpenhallRequest,
        branch_id: BranchId,
        data: JSONBody[PersonalBody],
        idempotency_key: Key,
    ) -> Kept:
        """Sealed at once; the reference may go into a command. A retry is the same record."""
        app: App = request.app.state.openhall
        branch = readable_branch(request, branch_id)
        if len(msgspec.json.encode(data.data)) > DATA_BYTES_MAX:
            raise Refused(Refusal("too_large", "data"))
        put = partial(
            app.personal.put_once,
            branch.id,
            data.kind,
            data.data,
            actor_of(request),
            key=idempotency_key,
            consent=data.consent,
        )
        ref = await asyncio.to_thread(put)
        if isinstance(ref, Refusal):
            raise Refused(ref)
        return Kept(ref)

    @get("/{ref:str}", summary="Look at a record", responses=RESPONSES, opt=needs_screen("personal"))
    async def look(self, request: OpenhallRequest, branch_id: BranchId, ref: Ref, reason: Reason) -> Opened:
        """The look is in the access list before the data is given."""
        app: App = request.app.state.openhall
        branch = readable_branch(request, branch_id)

        def look() -> dict[str, str] | None:
            _require_own(app, branch.id, ref)
            return app.personal.get(ref, actor_of(request), reason)

        found = await asyncio.to_thread(look)
        if found is None:
            raise Refused(Refusal("record_unknown", "ref"))
        return Opened(ref, found)

    @delete(
        "/{ref:str}",
        summary="Erase a record",
        status_code=204,
        responses=RESPONSES,
        opt=needs_action("personal.keep"),
    )
    async def erase(self, request: OpenhallRequest, branch_id: BranchId, ref: Ref, reason: Reason) -> None:
        """Before its time, because the customer asks; the log and its hashes stay whole."""
        app: App = request.app.state.openhall
        branch = readable_branch(request, branch_id)

        def erase() -> bool:
            _require_own(app, branch.id, ref)
            return app.personal.erase(ref, actor_of(request), reason, is_wish=True)

        if not await asyncio.to_thread(erase):
            raise Refused(Refusal("record_unknown", "ref"))


HANDLERS: list[Any] = [PersonalController]

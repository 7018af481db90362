"""Sealed records at the door: kept, looked at with a reason, erased when the customer asks [B5].

What is sealed never enters the log. The log carries a reference, with a hold or with feedback.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated, Any, Literal

import msgspec
from litestar import Controller, delete, get, post
from litestar.params import JSONBody, PathParameter, QueryParameter

from openhall.app.build import App
from openhall.hall.model import ROOM as HALL
from openhall.hall.model.events import FeedbackGiven, TicketHeld
from openhall.kernel.event import StreamId
from openhall.kernel.refusal import Refusal
from openhall.log.personal import DATA_BYTES_MAX
from openhall.web.api import BranchId, Key, actor_of, readable_branch
from openhall.web.guarding import needs_action, needs_screen
from openhall.web.problems import RESPONSES, Refused
from openhall.web.signing_in import OpenhallRequest

READ_BY = ("TicketHeld", "FeedbackGiven")

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
    """A reference in today's log whose record is still there."""

    ref: str
    kind: str
    ticket_id: str
    at_ms: int


async def sealed_today(app: App, stream: StreamId) -> list[SealedToday]:
    """The references in a day's log, oldest first, without those that are erased by now."""
    return await asyncio.to_thread(_sealed_today, app, stream)


def _sealed_today(app: App, stream: StreamId) -> list[SealedToday]:
    found = []
    for recorded in app.store.read(stream=stream):
        if recorded.type not in READ_BY:
            continue
        event = HALL.read(recorded.type, recorded.version, recorded.body)
        if isinstance(event, TicketHeld) and event.contact_ref:
            found.append(SealedToday(event.contact_ref, "contact", event.ticket_id, recorded.at_ms))
        elif isinstance(event, FeedbackGiven) and event.text_ref:
            found.append(SealedToday(event.text_ref, "feedback", event.ticket_id, recorded.at_ms))
    present = app.personal.present(stream.place)
    return [item for item in found if item.ref in present]


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
            return app.personal.erase(ref, actor_of(request), reason)

        if not await asyncio.to_thread(erase):
            raise Refused(Refusal("record_unknown", "ref"))


HANDLERS: list[Any] = [PersonalController]

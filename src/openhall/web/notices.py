"""Messages about a number, asked for on the customer's own page or by a colleague for an old phone [C16].

On the page the address is the right, as with everything else there, and plain forms work without scripts.
What is typed is checked, sealed and never shown again; no event, log line or address of a page carries it.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from litestar import Controller, Request, Response, delete, post
from litestar.params import JSONBody, PathParameter, URLEncodedBody
from litestar.response import Redirect

from openhall.access import rights
from openhall.app.build import App
from openhall.app.notices import AHEAD_AT_MOST
from openhall.kernel.event import StreamId
from openhall.kernel.refusal import Refusal
from openhall.log.notices import Notice
from openhall.network.alerts import MessageChannel
from openhall.web import phone
from openhall.web.api import BranchId, Key, actor_of, branch_of, hall_of
from openhall.web.contacts import CustomerChannel, To, contact_of
from openhall.web.guarding import ANYONE, needs_action
from openhall.web.phone import Token
from openhall.web.problems import RESPONSES, Refused, answer, problem_of, wants_page
from openhall.web.reading import language_of
from openhall.web.signing_in import OpenhallRequest

WRITES_PER_MINUTE_AT_MOST: Final = 6
"""At one ticket: each may cost the bank a text message."""
Ahead = Annotated[int, msgspec.Meta(ge=1, le=AHEAD_AT_MOST)]
Version = Annotated[str, msgspec.Meta(max_length=64)]
Ticket = Annotated[str, PathParameter(description="Its id or its number", max_length=64)]
RIGHT = needs_action("messages.send")


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody wants to be told. `consent` is the version of the wording that was agreed to."""

    channel: CustomerChannel
    to: To
    ahead: Ahead
    consent: Version = ""


class AskedByForm(Asked, frozen=True, forbid_unknown_fields=True):
    """The same from the page's own form."""

    key: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16,32}$")] = "0" * 16


class Taken(msgspec.Struct, frozen=True):
    """What was agreed; where it goes is sealed and not said again."""

    channel: MessageChannel
    ahead: int


async def _ask(
    request: Request[Any, Any, Any], stream: StreamId, ticket_id: str, data: Asked, actor: str, key: str
) -> Notice:
    app: App = request.app.state.openhall
    taken = await app.notices.ask(
        stream,
        ticket_id,
        channel=data.channel,
        to=contact_of(data.channel, data.to),
        ahead=data.ahead,
        language=language_of(request),
        consent=data.consent,
        actor=actor,
        key=key,
    )
    if isinstance(taken, Refusal):
        raise Refused(taken)
    return taken


# -- the customer's own page ---------------------------------------------------------------------------


async def _own(request: Request[Any, Any, Any], token: str, data: AskedByForm | None) -> Response[Any]:
    """Take or take back a wish by the page's form, and lead back to the page."""
    app: App = request.app.state.openhall
    own = phone.own_ticket(request, token)
    if isinstance(own, Response):
        return own
    try:
        if not request.app.state.rates.note(f"notice {token}", WRITES_PER_MINUTE_AT_MOST, app.wall.now_ms()):
            raise Refused(Refusal("too_many_requests"))
        if data is not None:
            await _ask(request, own.stream, own.ticket.id, data, rights.HOLDER, data.key)
        elif refusal := await app.notices.cancel(own.stream, own.ticket.id, rights.HOLDER):
            raise Refused(refusal)
    except Refused as error:
        problem = problem_of(error.refusal, language_of(request), app.bank, own.stream.place)
        if not wants_page(request):
            return answer(request, problem)
        shown = phone.shown(request, token, "phone.html", said=problem)
        shown.status_code = problem.status
        return shown
    if not wants_page(request):
        return Response({"done": True})
    return Redirect(f"/t/{token}#notice", status_code=303)


@post("/t/{token:str}/notice", opt=ANYONE, status_code=200, include_in_schema=False)
async def ask_by_form(
    request: Request[Any, Any, Any], token: Token, data: URLEncodedBody[AskedByForm]
) -> Response[Any]:
    """The holder of a ticket's page wants to be told by message."""
    return await _own(request, token, data)


@post("/t/{token:str}/notice/cancel", opt=ANYONE, status_code=200, include_in_schema=False)
async def cancel_by_form(request: Request[Any, Any, Any], token: Token) -> Response[Any]:
    """And does not want it any more: the number or address is erased at once."""
    return await _own(request, token, None)


# -- a colleague, for somebody without a smartphone ----------------------------------------------------


class NoticeController(Controller):
    """Messages for a customer who stands at the desk."""

    path = "/api/branches/{branch_id:str}/tickets/{ticket:str}/notice"
    tags = ("messages",)
    opt = RIGHT

    @post(summary="Tell a customer by message", status_code=200, responses=RESPONSES)
    async def ask(
        self,
        request: OpenhallRequest,
        branch_id: BranchId,
        ticket: Ticket,
        data: JSONBody[Asked],
        idempotency_key: Key,
    ) -> Taken:
        """When so many are ahead, at the call, and when the wait changes a lot. The contact is sealed at once
        and erased when the visit ends."""
        stream, ticket_id = _ticket(request, branch_id, ticket)
        taken = await _ask(request, stream, ticket_id, data, actor_of(request), idempotency_key)
        return Taken(taken.channel, taken.ahead)

    @delete(summary="Tell a customer no more", status_code=204, responses=RESPONSES)
    async def cancel(self, request: OpenhallRequest, branch_id: BranchId, ticket: Ticket) -> None:
        """The contact is erased at once."""
        app: App = request.app.state.openhall
        stream, ticket_id = _ticket(request, branch_id, ticket)
        if refusal := await app.notices.cancel(stream, ticket_id, actor_of(request)):
            raise Refused(refusal)


def _ticket(request: OpenhallRequest, branch_id: str, ticket: str) -> tuple[StreamId, str]:
    app: App = request.app.state.openhall
    stream, state = hall_of(app, branch_of(app, branch_id))
    found = state.find_ticket(ticket)
    if found is None:
        raise Refused(Refusal("ticket_unknown", "ticket", {"ticket": ticket}))
    return stream, found.id


HANDLERS: list[Any] = [ask_by_form, cancel_by_form, NoticeController]

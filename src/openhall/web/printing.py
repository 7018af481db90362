"""Slips at the lobby's word: a number once more, or what was told at triage [C1].

A number given at a ticket machine that has a printer is printed by itself (`app.device_desk`). Whether it
was, the machine's page asks here; printed or not, the number is on the screen and counts.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from litestar import get, post
from litestar.params import JSONBody, PathParameter

from openhall.app.build import App
from openhall.app.device_desk import ticket_key
from openhall.app.slips import guidance_slip, ticket_slip
from openhall.devices.slip import Slip
from openhall.hall.model.state import HallState
from openhall.kernel.event import StreamId
from openhall.kernel.refusal import Refusal
from openhall.web.api import BranchId, Key, hall_of, readable_branch
from openhall.web.guarding import IN_REACH, needs_command
from openhall.web.phone import address_of
from openhall.web.problems import RESPONSES, Refused
from openhall.web.signing_in import OpenhallRequest

Word = Annotated[str, msgspec.Meta(max_length=64)]
PrintState = Literal["none", "waiting", "printed", "failed"]


class PrintBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to print: a ticket, or the guidance for a need with the other ways that were offered."""

    what: Literal["ticket", "guidance"]
    ticket: Word = ""
    """Its id or number; with guidance it may be left out."""
    need: Word = ""
    offers: Annotated[tuple[Word, ...], msgspec.Meta(max_length=10)] = ()
    """Triage rules whose offer was made; left out, none is printed."""


class PrintAnswer(msgspec.Struct, frozen=True):
    """What became of it so far."""

    key: str
    state: PrintState
    printer: str = ""
    """Its name on the Devices page."""


def _slip(request: OpenhallRequest, stream: StreamId, state: HallState, data: PrintBody) -> Slip:
    app: App = request.app.state.openhall
    ticket = state.find_ticket(data.ticket) if data.ticket else None
    if ticket is None and (data.ticket or data.what == "ticket"):
        raise Refused(Refusal("ticket_unknown", "ticket", {"ticket": data.ticket}))
    if data.what == "ticket" and ticket is not None:
        return ticket_slip(state, ticket, app.waits(stream), address_of(request, stream, ticket.id))
    rules = state.day_rules
    need = next((n for s in rules.services for n in s.needs if n.code == data.need), None)
    if need is None:
        raise Refused(Refusal("need_unknown", "need", {"need": data.need}))
    known = {rule.id: rule for rule in rules.triage if need.code in rule.needs}
    for wrong in set(data.offers) - set(known):
        raise Refused(Refusal("input_invalid", "offers", {"detail": wrong}))
    offers = tuple(known[rule_id] for rule_id in data.offers)
    return guidance_slip(rules, need, offers, ticket.number if ticket else "", app.clock.now_ms())


@post(
    "/api/branches/{branch_id:str}/print",
    summary="Print a number again, or guidance",
    tags=["devices"],
    status_code=200,
    responses=RESPONSES,
    opt=needs_command("RecordTriage"),
)
async def print_slip(
    request: OpenhallRequest,
    branch_id: BranchId,
    data: JSONBody[PrintBody],
    idempotency_key: Key,
) -> PrintAnswer:
    """At the lobby's printer. Answers at once; `GET …/print/{key}` says what became of it."""
    app: App = request.app.state.openhall
    branch = readable_branch(request, branch_id)
    stream, state = hall_of(app, branch)
    printer = app.devices.lobby_printer(branch.id)
    if printer is None:
        raise Refused(Refusal("printer_missing"))
    key = f"{branch.id} {request.user.name} {idempotency_key}"
    if app.devices.job(key) is None:
        put = app.devices.print_slip(printer, key, _slip(request, stream, state, data))
        if isinstance(put, Refusal):
            raise Refused(put)
    return PrintAnswer(idempotency_key, app.devices.job(key) or "waiting", printer.name)


@get(
    "/api/branches/{branch_id:str}/print/{key:str}",
    summary="What became of a slip",
    tags=["devices"],
    responses=RESPONSES,
    opt=IN_REACH,
)
async def print_state(
    request: OpenhallRequest,
    branch_id: BranchId,
    key: Annotated[str, PathParameter(max_length=128, description="A ticket's id, or the key of a request")],
) -> PrintAnswer:
    """Of the number that a ticket machine printed, by the ticket's id; of one's own request, by its key."""
    app: App = request.app.state.openhall
    branch = readable_branch(request, branch_id)
    named = (ticket_key(app.today(branch), key), f"{branch.id} {request.user.name} {key}")
    states = [state for name in named if (state := app.devices.job(name)) is not None]
    return PrintAnswer(key, states[0] if states else "none")


HANDLERS: list[Any] = [print_slip, print_state]

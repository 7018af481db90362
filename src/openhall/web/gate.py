"""The gate's API [B3]: a machine at the door says who went through, and hears whether to open.

A pass becomes the hall's own entry check, as a guard's would. The device's own id for it makes it safe to
send again; a pass of another day is refused, so that a device that was cut off can empty its memory in order.
The protocol is told for makers of gates in docs/devices/gate.md.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import msgspec
from litestar import get, post
from litestar.params import JSONBody

from openhall.app.build import App
from openhall.hall.model import commands as c
from openhall.hall.model.deciding.door import fits_inside
from openhall.hall.model.events import EntryChecked
from openhall.hall.model.fields import Moment, PartySize
from openhall.hall.model.state import HallState
from openhall.kernel.clock import MINUTE_MS, business_day
from openhall.kernel.event import Request
from openhall.kernel.refusal import Refusal
from openhall.kernel.text import Text
from openhall.network.model import Branch
from openhall.web.api import BranchId, branch_of, hall_of
from openhall.web.guarding import needs_action
from openhall.web.problems import RESPONSES, Refused
from openhall.web.rendering import both
from openhall.web.signing_in import OpenhallRequest

AHEAD_AT_MOST_MS = 5 * MINUTE_MS
"""How far a gate's clock may be before the hall's."""


class Pass(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody at the gate. It says nothing about who."""

    pass_id: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,48}$")]
    """The device's own, new for each person; the same one when it is sent again."""
    result: Literal["pass", "refer"]
    """What the device found; `refer` when a person should look."""
    at_ms: Moment
    """When, by the gate's clock, which it sets by `now_ms` of the answers."""
    method: Literal["gate", "place_code", "identity_card"] = "gate"
    temperature: Literal["below_limit", "at_limit_or_above"] | None = None
    """The side of the limit, never the degrees; only where `is_temperature_read`."""
    party_size: PartySize = 1


class GateAnswer(msgspec.Struct, frozen=True):
    """What the gate does now, and what it shows."""

    pass_id: str
    is_admitted: bool
    is_open: bool
    """Open the gate. False for who is referred, and while the hall is full."""
    visit_id: str
    entry_number: str
    """To show or print: the ticket machine asks for it where an entry check is required."""
    reason: Literal["", "hall_full", "referred"]
    says: Text
    """In both languages, for the gate's own screen."""
    inside_count: int
    inside_limit: int | None
    now_ms: int


class GateState(msgspec.Struct, frozen=True):
    """What the rules ask of a gate now."""

    is_check_required: bool
    is_temperature_read: bool
    fever_limit_celsius: float
    is_room_inside: bool
    """Whether one more person would be let in."""
    inside_count: int
    inside_limit: int | None
    now_ms: int


def _in_time(app: App, branch: Branch, at_ms: int) -> None:
    """Raise `Refused` for a pass of another day, or of a clock that is wrong."""
    now_ms, zone = app.clock.now_ms(), ZoneInfo(branch.timezone)
    if at_ms > now_ms + AHEAD_AT_MOST_MS:
        raise Refused(Refusal("gate_clock_wrong", "at_ms", {"minutes": (at_ms - now_ms) // MINUTE_MS}))
    if business_day(at_ms, zone) != business_day(now_ms, zone):
        raise Refused(Refusal("gate_pass_too_old", "at_ms"))


def _command(state: HallState, data: Pass) -> c.RecordEntryCheck:
    if data.temperature is not None and not state.day_rules.regime.entry.is_temperature_read:
        # What nobody asked for is not taken: health is never measured in passing.
        raise Refused(Refusal("temperature_not_asked", "temperature"))
    result: Literal["admit", "refer"] = "admit" if data.result == "pass" else "refer"
    return c.RecordEntryCheck(data.method, result, data.temperature, data.party_size)


@post(
    "/api/branches/{branch_id:str}/gate/passes",
    summary="Somebody at the gate",
    tags=["devices"],
    status_code=200,
    responses=RESPONSES,
    opt=needs_action("gate.report"),
)
async def record_pass(request: OpenhallRequest, branch_id: BranchId, data: JSONBody[Pass]) -> GateAnswer:
    """Records the entry check and says whether to open. Sent again with the same `pass_id` it is answered
    again and recorded once."""
    app: App = request.app.state.openhall
    branch = branch_of(app, branch_id)
    _in_time(app, branch, data.at_ms)
    stream, state = hall_of(app, branch)
    command_id = f"{request.user.name}-{data.pass_id}"
    answer = await app.submit(Request(stream, command_id, request.user.name, _command(state, data)))
    if isinstance(answer, Refusal):
        raise Refused(answer)
    checked = next(event for event in answer.events if isinstance(event, EntryChecked))
    reason: Literal["", "hall_full", "referred"] = ""
    if not checked.is_admitted:
        reason, says = "referred", state.day_rules.regime.entry.fever_path
    elif not checked.is_inside:
        reason = "hall_full"
        says = both("The hall is full. Please wait here a moment; your place counts already.")
    else:
        says = both("Welcome. Please come in.")
    return GateAnswer(
        pass_id=data.pass_id,
        is_admitted=checked.is_admitted,
        is_open=checked.is_inside,
        visit_id=checked.visit_id,
        entry_number=checked.visit_id.removeprefix("v"),
        reason=reason,
        says=says,
        inside_count=state.inside_count,
        inside_limit=state.day_rules.inside_limit,
        now_ms=app.clock.now_ms(),
    )


@get(
    "/api/branches/{branch_id:str}/gate",
    summary="What the gate has to check",
    tags=["devices"],
    responses=RESPONSES,
    opt=needs_action("gate.report"),
)
async def gate_state(request: OpenhallRequest, branch_id: BranchId) -> GateState:
    """Asked when the gate starts and each minute: rules change, and its clock is set by the answer."""
    app: App = request.app.state.openhall
    app.devices.hear_rules_asked(request.user.name)
    _, state = hall_of(app, branch_of(app, branch_id))
    entry = state.day_rules.regime.entry
    return GateState(
        is_check_required=entry.is_check_required,
        is_temperature_read=entry.is_temperature_read,
        fever_limit_celsius=entry.fever_limit_celsius,
        is_room_inside=fits_inside(state, 1),
        inside_count=state.inside_count,
        inside_limit=state.day_rules.inside_limit,
        now_ms=app.clock.now_ms(),
    )


HANDLERS: list[Any] = [record_pass, gate_state]

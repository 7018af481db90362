"""The demo's own control: how fast its day goes by."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import post
from litestar.params import JSONBody

from openhall.app.build import App
from openhall.app.clocks import SPEED_MAX, LapseClock
from openhall.kernel.refusal import Refusal
from openhall.web.guarding import SIGNED_IN
from openhall.web.problems import RESPONSES, Refused
from openhall.web.signing_in import OpenhallRequest


class Speed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Seconds of the day for each real second; 0 pauses it."""

    speed: Annotated[float, msgspec.Meta(ge=0, le=SPEED_MAX)]


class DemoTime(msgspec.Struct, frozen=True):
    """Where the demo's day stands."""

    now_ms: int
    speed: float


@post("/demo/speed", status_code=200, include_in_schema=False, responses=RESPONSES, opt=SIGNED_IN)
async def set_speed(request: OpenhallRequest, data: JSONBody[Speed]) -> DemoTime:
    """Run the day at another speed from now on."""
    app: App = request.app.state.openhall
    if not isinstance(app.clock, LapseClock):
        raise Refused(Refusal("not_found"))
    app.clock.set_speed(data.speed)
    return DemoTime(app.clock.now_ms(), app.clock.speed)

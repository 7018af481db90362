"""Events as they happen: one server-sent-event stream a screen, resumed where it broke off."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Annotated, Final

from litestar import get
from litestar.params import HeaderParameter, QueryParameter
from litestar.response import Stream

from openhall.app.build import App
from openhall.log.hub import Resync, Subscription
from openhall.web.api import BranchId, readable_branch
from openhall.web.guarding import IN_REACH
from openhall.web.problems import RESPONSES
from openhall.web.signing_in import OpenhallRequest

HEARTBEAT = b"event: beat\ndata: {}\n\n"
RETRY_MS: Final = 1_000
"""After so long a browser whose stream broke off asks again."""
RETURNS_OVER_MS: Final = 3_000
"""When the server stops, its screens are told to come back one after another within this time."""
RETURN_STEP_MS: Final = 10


def come_back_frame(number: int) -> bytes:
    """The stream's last word when the server stops: when to ask again. The event heard last stays as it is.

    Thousands of screens that all come back after the same second would be the restarted server's first load.
    """
    return b"retry: %d\n\n" % (RETRY_MS + number * RETURN_STEP_MS % RETURNS_OVER_MS)


def resync_frame(position: int) -> bytes:
    """Events were left out: show the present state, and go on from here."""
    return b"id: %d\nevent: resync\ndata: {}\n\n" % position


async def frames(
    subscription: Subscription, position: int, is_valid: Callable[[], bool] = lambda: True
) -> AsyncIterator[bytes]:
    """What goes over the wire: where the stream stands, then events, and a beat when nothing happens.

    With each beat it looks whether the session still stands: one that was ended hears no more.
    """
    async with subscription:
        yield b"retry: %d\nid: %d\nevent: beat\ndata: {}\n\n" % (RETRY_MS, position)
        async for delivery in subscription:
            if isinstance(delivery, Resync):
                yield resync_frame(delivery.position)
            elif delivery:
                yield delivery[0].data if len(delivery) == 1 else b"".join([item.data for item in delivery])
            elif is_valid():
                yield HEARTBEAT
            else:
                return
        yield come_back_frame(subscription.number)


@get(
    "/api/branches/{branch_id:str}/stream",
    summary="Events as they happen",
    description=(
        "Server-sent events: `hall` with the event, `resync` when some were left out, `beat` every two"
        " seconds. Resumes from `Last-Event-ID`, or from `after`."
    ),
    media_type="text/event-stream",
    responses=RESPONSES,
    tags=["branch"],
    opt=IN_REACH,
)
async def stream(
    request: OpenhallRequest,
    branch_id: BranchId,
    last_event_id: Annotated[
        int | None, HeaderParameter(name="Last-Event-ID", ge=0, le=2**53, required=False)
    ] = None,
    after: Annotated[int | None, QueryParameter(ge=0, le=2**53)] = None,
) -> Stream:
    """One subscription for as long as the connection lives."""
    app: App = request.app.state.openhall
    branch = readable_branch(request, branch_id)
    resume_from = last_event_id if last_event_id is not None else after
    subscription = app.hub.subscribe(branch.id, resume_from)
    position = app.book.position if resume_from is None else resume_from
    return Stream(
        frames(subscription, position, lambda: app.accounts.who(request.auth) is not None),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )

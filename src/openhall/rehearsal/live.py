"""An invented day beside a running hall: the people of a rehearsal, in time lapse, on the real log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from openhall.app.build import App
from openhall.app.clocks import LapseClock
from openhall.hall.model import HallState
from openhall.kernel.clock import SECOND_MS
from openhall.kernel.event import SYSTEM, Recorded
from openhall.kernel.trouble import Trouble
from openhall.network.model import Branch
from openhall.rehearsal.cast import Cast, Scene
from openhall.rehearsal.invented import InventedParameters, invented_cast
from openhall.rehearsal.people import Seat

NAP_SECONDS = 0.25
"""The longest wait before looking again: somebody may have changed the speed, or pressed a button."""

_log = logging.getLogger(__name__)


async def live_day(app: App, clock: LapseClock, branch: Branch, parameters: InventedParameters) -> None:
    """Let a branch's invented people act on its running hall until they are done.

    People at the screens may act at the same time; the invented ones look at the hall as it then is.
    """
    await app.open_day(branch, SYSTEM)
    await app.plans.run_once()
    stream = app.today(branch)
    state = app.hall(stream)
    if state is None:
        _log.info("%s is closed on %s", branch.id, stream.day)
        return
    scene, seats = Scene(state, clock.now_ms()), planned_seats(state)
    cast = invented_cast(stream, state.day_rules, parameters, scene, prefix="invented", seats=seats)

    def look_up(events: Sequence[Recorded]) -> None:
        if any(event.stream == stream for event in events):
            cast.news()

    app.book.listen(look_up)
    while (due_ms := cast.due_ms()) is not None and not _is_over(app, cast):
        wait_ms = due_ms - clock.now_ms()
        if wait_ms > 0:
            pace = max(clock.speed, 1.0)
            await asyncio.sleep(min(NAP_SECONDS, wait_ms / SECOND_MS / pace))
        else:
            await _act(app, cast, clock)


def planned_seats(state: HallState) -> list[Seat] | None:
    """Who sits where by the published plan; None without one. Who sits there at closing stays to the end."""
    if state.plan is None:
        return None
    closes_ms = state.day_rules.closes_ms
    return [
        Seat(s.counter_id, s.person_id, s.from_ms, s.until_ms if s.until_ms < closes_ms else None)
        for s in state.stints
        if s.post == "window"
    ]


def _is_over(app: App, cast: Cast) -> bool:
    state = app.hall(cast.stream)
    return state is None or state.is_ended


async def _act(app: App, cast: Cast, clock: LapseClock) -> None:
    """Everybody who has something to ask by now asks it."""
    while True:
        state = app.hall(cast.stream)
        request = cast.request(clock.now_ms(), state) if state else None
        if request is None:
            return
        while True:
            try:
                cast.told(await app.submit(request))
                break
            except Trouble as trouble:
                # The same request again, under the same id: whatever became of the first, it is done once.
                _log.warning("The demo waits: %s (%s)", trouble, trouble.code)
                await asyncio.sleep(1)

"""Where else somebody can be served when the day's room is used up: an honest offer, not a mere no [C10]."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from openhall.app.build import App
from openhall.hall.model import HallState
from openhall.hall.model.state import Doors
from openhall.hall.model.waits import room_left
from openhall.hall.policy import Wait
from openhall.kernel.event import StreamId
from openhall.kernel.text import Text
from openhall.network.calendar import moments_on, services_at
from openhall.network.model import Branch

DAYS_AHEAD = 14
"""So far the next open day is looked for."""

BRANCHES_AT_MOST = 3
"""More is no help to somebody who stands at a machine."""


class OtherBranch(msgspec.Struct, frozen=True):
    """A branch that is open and has room now."""

    branch: Branch
    closes_ms: int
    wait: Wait


def is_used_up(state: HallState, now_ms: int) -> bool:
    """Whether the machine gives no more numbers today: the planned ones are given, or there is no room."""
    if state.doors is Doors.CLOSED or state.is_ended:
        return False
    rules = state.day_rules
    if rules.tickets_daily is not None and len(state.tickets) >= rules.tickets_daily:
        return True
    room = room_left(state, now_ms) if rules.regime.capacity.is_computed else None
    return room is not None and room.with_overtime <= 0


def next_open_ms(app: App, branch: Branch) -> int:
    """When the branch opens on its next open day; 0 when none is planned."""
    today = app.local_day(branch)
    for ahead in range(1, DAYS_AHEAD + 1):
        moments = moments_on(app.bank, branch, today + timedelta(days=ahead))
        if moments is not None:
            return moments.opens_ms
    return 0


class Shut(msgspec.Struct, frozen=True):
    """A day on which the branch does not open."""

    reason: Text | None
    """Of a day that differs from the week."""
    next_open_ms: int
    """0 when none is planned."""


def shut_today(app: App, branch: Branch) -> Shut | None:
    """Why there is no day to open; None where there is one."""
    today = app.local_day(branch)
    if moments_on(app.bank, branch, today) is not None:
        return None
    reason = next((each.reason for each in branch.exceptions if each.date == today), None)
    return Shut(reason, next_open_ms(app, branch))


def other_branches(app: App, own: Branch, service_id: str) -> list[OtherBranch]:
    """Branches with open doors and room for this service now, the shortest wait first."""
    found = []
    for branch in app.bank.branches:
        stream: StreamId = app.today(branch)
        state = app.hall(stream) if branch.id != own.id else None
        if state is None or state.doors is not Doors.OPEN or is_used_up(state, app.clock.now_ms()):
            continue
        if service_id in {service.id for service in services_at(app.bank, branch)}:
            wait = app.waits(stream).of_joining(service_id)
            if wait.source != "none":
                found.append(OtherBranch(branch, state.day_rules.closes_ms, wait))
    return sorted(found, key=lambda other: (other.wait.high_ms, other.branch.id))[:BRANCHES_AT_MOST]

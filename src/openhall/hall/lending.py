"""Who of the neighbouring branches could be asked to help out here now [D6]: a look at their halls, by the
rules under which they would give somebody. Times are ms since the epoch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from openhall.hall.model.state import Doors, HallState
from openhall.hall.snapshot import Helper
from openhall.kernel.clock import HOUR_MS, MINUTE_MS
from openhall.network.staffing import Neighbour

STAYS_LEAST_MS = HOUR_MS
"""Nobody is sent for less at the place where the help is needed."""


def helpers_of(
    branch: str,
    neighbours: Iterable[Neighbour],
    halls: Mapping[str, HallState],
    now_ms: int,
    *,
    travel_minutes_most: int,
) -> tuple[Helper, ...]:
    """Nearest first. `halls` are the days going on, by branch; a neighbour without one lends nobody.

    Somebody can be lent who may be, is here, is a teller, sits nowhere and has no window to be at till an
    hour of help and both ways are over; while the neighbour keeps its own lobby and has declared no burst.
    """
    found: list[Helper] = []
    for pair in sorted(neighbours, key=lambda p: (p.travel_minutes, p.branch, p.other)):
        other = pair.beyond(branch)
        if not other or pair.travel_minutes > travel_minutes_most:
            continue
        state = halls.get(other)
        if state is not None and state.doors is Doors.OPEN and not state.burst_since_ms:
            found += _spare(state, other, pair.travel_minutes * MINUTE_MS, now_ms)
    return tuple({helper.person_id: helper for helper in reversed(found)}.values())[::-1]


def _spare(state: HallState, branch: str, travel_ms: int, now_ms: int) -> list[Helper]:
    seated = {counter.person_id for counter in state.counters.values()}
    in_lobby = {s.person_id for s in state.stints if s.post == "lobby" and s.from_ms <= now_ms < s.until_ms}
    lobby = {person for person in in_lobby if state.is_here(person)}
    least = state.plan.lobby_least if state.plan is not None else 0
    found = []
    for person in state.staff_today:
        can_go = person.can_be_lent and state.is_here(person.id) and "teller" in person.posts
        if not can_go or person.id in seated or person.id in state.colleagues:
            continue
        if person.id in lobby and len(lobby) - 1 < least:
            continue
        until_ms = _needed_from(state, person.id, now_ms) - travel_ms
        if until_ms - travel_ms - now_ms >= STAYS_LEAST_MS:
            found.append(Helper(person.id, branch, person.skills, travel_ms, until_ms))
    return found


def _needed_from(state: HallState, person_id: str, now_ms: int) -> int:
    """When somebody next has to be at their own branch for a window, a meal or to go home."""
    mine = [s for s in state.stints if s.person_id == person_id and s.until_ms > now_ms]
    if not mine:
        return state.day_rules.closes_ms if state.plan is None else now_ms
    busy = [s.from_ms for s in mine if s.post not in {"lobby", "remote"}]
    return min([max(s.until_ms for s in mine), *(max(at, now_ms) for at in busy)])

"""How the rest of a day goes at the counters if everybody keeps to the plan: who calls where, from when, till
when. Pure functions over a snapshot; times are ms since the epoch.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import groupby, pairwise
from typing import NamedTuple

from openhall.hall.model.planning import Stints
from openhall.hall.plan import PlannedStint
from openhall.hall.snapshot import Snapshot, Worker
from openhall.kernel.clock import MINUTE_MS

FAR_MS = 10**13
"""Nothing is known of an end."""

SIT_DOWN_MS = 2 * MINUTE_MS
"""From the decision to open a counter till it calls."""

OVERDUE_MS = 10 * MINUTE_MS
"""What the plan wanted so long ago, and nobody has done, is taken not to be wanted any more."""


class Spell(NamedTuple):
    """Somebody calls at a counter, without a break."""

    counter: int
    """Index of the seat."""
    person_id: str
    services: tuple[str, ...]
    from_ms: int
    until_ms: int


def spells_of(
    shot: Snapshot,
    stints: Stints,
    let_go: Collection[str] = (),
    workers: Sequence[Worker] | None = None,
) -> list[Spell]:
    """Who calls where from now on, by counter and time, if these stints are kept.

    Counters in `let_go` close now. Whoever sits at a counter when the doors close stays till nobody is in
    line. Whom the plan does not know stays. `workers` are the snapshot's unless given.
    """
    own = {person: list(group) for person, group in groupby(stints, key=lambda s: s.person_id)}
    seats = {seat.counter_id: number for number, seat in enumerate(shot.seats)}
    found: list[Spell] = []
    for worker in shot.workers if workers is None else workers:
        mine = own.get(worker.person_id, [])
        here = worker.counter_id
        if here and here not in let_go and (seat := shot.seats[seats[here]]).is_open:
            until_ms = stays_until(shot, mine, here)
            if seat.is_calling or seat.is_paused:
                found.append(Spell(seats[here], worker.person_id, seat.services, shot.now_ms, until_ms))
        else:
            here, until_ms = "", 0
        for stint in mine:
            begins_ms = _begins(shot, worker, stint)
            is_covered = stint.counter_id == here and stint.from_ms <= until_ms
            if (
                begins_ms is None
                or is_covered
                or (stint.counter_id in let_go and stint.from_ms <= shot.now_ms)
            ):
                continue
            number = seats[stint.counter_id]
            services = able(shot, number, worker.skills)
            found.append(Spell(number, worker.person_id, services, begins_ms, _end(shot, stint.until_ms)))
    return _one_at_a_time(found)


def able(shot: Snapshot, number: int, skills: Collection[str]) -> tuple[str, ...]:
    """What somebody with these skills can serve at a counter."""
    return tuple(s for s in shot.seats[number].could_serve if s in skills)


def stays_until(shot: Snapshot, mine: Sequence[PlannedStint], counter_id: str) -> int:
    """Till when somebody who sits at a counter stays there, by these stints of theirs."""
    now_ms, until_ms = shot.now_ms, 0
    for stint in mine:
        if (
            stint.counter_id == counter_id
            and stint.from_ms <= max(now_ms, until_ms)
            and stint.until_ms > now_ms
        ):
            until_ms = max(until_ms, stint.until_ms)
    if until_ms:
        return _end(shot, until_ms)
    left = [s.until_ms for s in mine if s.counter_id == counter_id and s.until_ms <= now_ms]
    if left and now_ms - max(left) <= OVERDUE_MS:
        return now_ms + SIT_DOWN_MS
    # At a counter that the plan does not have for them: till it has something else.
    following = [s.from_ms for s in mine if s.from_ms > now_ms and s.counter_id != counter_id]
    return min(following, default=FAR_MS)


def _begins(shot: Snapshot, worker: Worker, stint: PlannedStint) -> int | None:
    if stint.post != "window" or stint.until_ms <= shot.now_ms:
        return None
    if stint.from_ms > shot.now_ms:
        begins_ms = stint.from_ms
    elif shot.now_ms - stint.from_ms <= OVERDUE_MS:
        begins_ms = shot.now_ms + SIT_DOWN_MS
    else:
        return None
    begins_ms = max(begins_ms, worker.here_from_ms)
    return begins_ms if begins_ms < stint.until_ms else None


def _end(shot: Snapshot, until_ms: int) -> int:
    return FAR_MS if until_ms >= shot.closes_ms else until_ms


def _one_at_a_time(spells: Iterable[Spell]) -> list[Spell]:
    """By counter and time; who comes to a counter takes it over from who was there."""
    in_order = sorted(spells, key=lambda s: (s.counter, s.from_ms, s.until_ms))
    found = [
        one._replace(until_ms=min(one.until_ms, other.from_ms)) if one.counter == other.counter else one
        for one, other in pairwise([*in_order, Spell(-1, "", (), FAR_MS, FAR_MS)])
    ]
    return [spell for spell in found if spell.until_ms > spell.from_ms]

"""What every policy has to keep, checked on the day as it was lived and on every day that hindsight tries."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise

from openhall.hall.model.planning import Stints
from openhall.hall.plan import PlannedStint
from openhall.kernel.clock import MINUTE_MS
from openhall.rehearsal.elastic.day import ElasticDay

LUNCH_AWAY_MS = 90 * MINUTE_MS
WORK_MOST_MS = 300 * MINUTE_MS


def broken(day: ElasticDay, stints: Stints) -> list[str]:
    """The rules that a day's stints break, each as a sentence; none is a day that could be lived.

    Everybody covers their shift without a gap or an overlap, has the one meal break near its planned time and
    works no more than five hours on either side, changes post at most so often and stays at each for the
    least time; nobody shares a counter; the lobby and the windows keep their least.
    """
    found: list[str] = []
    duties = {duty.person_id: duty for duty in day.duties}
    planned = {s.person_id: s.from_ms for s in day.plan.stints if s.post == "break"}
    for person, group in groupby(stints, key=lambda s: s.person_id):
        mine, duty = list(group), duties[person]
        if any(a.until_ms != b.from_ms for a, b in pairwise(mine)):
            found.append(f"{person} has a gap or an overlap")
        if (mine[0].from_ms, mine[-1].until_ms) != (duty.from_ms, duty.until_ms):
            found.append(f"{person} works other hours")
        found += _of_person(day, person, mine, planned.get(person))
    return found + _of_branch(day, stints)


def _of_person(
    day: ElasticDay, person: str, mine: Sequence[PlannedStint], planned_ms: int | None
) -> list[str]:
    found = []
    meals = [s for s in mine if s.post == "break"]
    if len(meals) != (0 if planned_ms is None else 1):
        return [f"{person} has {len(meals)} meal breaks"]
    for meal in meals:
        assert planned_ms is not None
        if abs(meal.from_ms - planned_ms) > LUNCH_AWAY_MS:
            found.append(f"{person} eats too far from the planned time")
        if max(meal.from_ms - mine[0].from_ms, mine[-1].until_ms - meal.until_ms) > WORK_MOST_MS:
            found.append(f"{person} works too long without a break")
    worked: list[tuple[str, str, int]] = []
    for stint in mine:
        if stint.post == "break":
            continue
        length = stint.until_ms - stint.from_ms
        if worked and worked[-1][:2] == (stint.post, stint.counter_id):
            worked[-1] = (stint.post, stint.counter_id, worked[-1][2] + length)
        else:
            worked.append((stint.post, stint.counter_id, length))
    if len(worked) - 1 > day.plan.switches_most:
        found.append(f"{person} changes {len(worked) - 1} times")
    if any(length < day.plan.stint_least_ms for _, _, length in worked):
        found.append(f"{person} is somewhere for too short")
    return found


def _of_branch(day: ElasticDay, stints: Stints) -> list[str]:
    found = []
    opens_ms, closes_ms = day.rules.opens_ms, day.rules.closes_ms
    moments = sorted({opens_ms, *(s.from_ms for s in stints if opens_ms < s.from_ms < closes_ms)})
    for moment in moments:
        now = [s for s in stints if s.from_ms <= moment < s.until_ms]
        windows = [s.counter_id for s in now if s.post == "window"]
        lobby = sum(s.post == "lobby" for s in now)
        minute = (moment - opens_ms) // MINUTE_MS
        if len(windows) != len(set(windows)):
            found.append(f"two people at one counter, minute {minute}")
        if len(windows) < day.plan.windows_least:
            found.append(f"{len(windows)} windows, minute {minute}")
        if lobby < day.plan.lobby_least:
            found.append(f"{lobby} in the lobby, minute {minute}")
    return found

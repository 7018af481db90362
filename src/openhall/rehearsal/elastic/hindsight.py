"""The best day that search finds when everybody who came, and how long each took, is known beforehand.

A local search over who is where when, under the same rules as everybody else, started from each policy's own
day: so it is never worse than any of them, and what it finds can be lived. It is not proved to be the best
possible. `all_open` is for orientation: what every counter could do all day, which nobody can live.
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

import msgspec
import numpy as np

from openhall.hall.model.planning import Stints, with_lunch, with_stint
from openhall.hall.plan import PlannedStint
from openhall.kernel.clock import MINUTE_MS
from openhall.rehearsal.elastic.day import ElasticDay
from openhall.rehearsal.elastic.hall import late_of, served
from openhall.rehearsal.elastic.rules import broken
from openhall.science import engine
from openhall.science.engine import Ints

GRID_MS = 15 * MINUTE_MS


class HindsightParameters(msgspec.Struct, frozen=True):
    """How long is searched.

    Parameters
    ----------
    steps : changes tried from each start.
    seed : of the search.
    """

    steps: int = 4_000
    seed: int = 1

    def __post_init__(self) -> None:
        if self.steps < 0:
            raise ValueError(f"Expected steps of 0 or more, got {self.steps}")


class Hindsight(NamedTuple):
    """What the search found."""

    late_ms: int
    window_ms: int
    stints: Stints


def schedule_of(day: ElasticDay, stints: Stints) -> Ints:
    """The engine's schedule of a day that is kept to the minute; who sits at closing stays till the last
    customer has gone."""
    opens_ms, closes_ms = day.rules.opens_ms, day.rules.closes_ms
    counters = {k.id: (n, k) for n, k in enumerate(day.rules.branch.counters)}
    skills = {duty.person_id: duty.skills for duty in day.duties}
    windows = [s for s in stints if s.post == "window" and s.until_ms > opens_ms]
    begins = {(s.counter_id, s.from_ms) for s in windows}
    events = []
    for stint in windows:
        number, counter = counters[stint.counter_id]
        events.append((max(opens_ms, stint.from_ms), number, day.mask(counter, skills[stint.person_id])))
        if stint.until_ms < closes_ms and (stint.counter_id, stint.until_ms) not in begins:
            events.append((stint.until_ms, number, 0))
    found = np.array(sorted(events), np.int64).reshape(-1, 3)
    found[:, engine.AT_MS] -= day.origin_ms
    return found


def late_with(day: ElasticDay, stints: Stints) -> int:
    """Late ms of a day that is kept to the minute."""
    result = served(day, schedule_of(day, stints))
    if (result[:, engine.REACHED] < 0).any():
        return engine.NEVER
    return late_of(day, result)


def window_ms(day: ElasticDay, stints: Stints) -> int:
    """People's time at windows while the doors are open."""
    opens_ms, closes_ms = day.rules.opens_ms, day.rules.closes_ms
    return sum(
        max(0, min(s.until_ms, closes_ms) - max(s.from_ms, opens_ms)) for s in stints if s.post == "window"
    )


def hindsight(
    day: ElasticDay, starts: list[Stints], parameters: HindsightParameters | None = None
) -> Hindsight:
    """The best of a search from each start; of equal ones that with least time at windows.

    Raises ValueError for a start that breaks the rules.
    """
    parameters = parameters or HindsightParameters()
    found = []
    for number, start in enumerate(starts):
        if wrong := broken(day, start):
            raise ValueError(f"Expected starts that keep the rules, got one in which {wrong[0]}")
        rng = Random(f"hindsight/{parameters.seed}/{number}")  # noqa: S311 - a search
        found.append(_climb(day, start, parameters.steps, rng))
    return min(found, key=lambda each: (each.late_ms, each.window_ms))


def all_open(day: ElasticDay) -> int:
    """Late ms if every counter served everything it can from opening on, whoever sat there.

    Hardly anything can be better. It is no strict bound: with several services one counter more may take a
    customer whom a less able one was about to take.
    """
    opens = day.rules.opens_ms - day.origin_ms
    everything = {s.id for s in day.rules.services}
    events = [(opens, n, day.mask(k, sorted(everything))) for n, k in enumerate(day.rules.branch.counters)]
    return late_of(day, served(day, np.array(events, np.int64)))


def _climb(day: ElasticDay, stints: Stints, steps: int, rng: Random) -> Hindsight:
    best = (late_with(day, stints), window_ms(day, stints))
    for _ in range(steps):
        tried = _changed(day, stints, rng)
        if tried is None or broken(day, tried):
            continue
        found = (late_with(day, tried), window_ms(day, tried))
        if found <= best:
            stints, best = tried, found
    return Hindsight(*best, stints)


def _changed(day: ElasticDay, stints: Stints, rng: Random) -> Stints | None:
    """A window more, a window less, an edge moved, two people changed, or a meal at another time."""
    tellers = [duty for duty in day.duties if duty.is_teller]
    duty = rng.choice(tellers)
    at = rng.random()
    mine = [s for s in stints if s.person_id == duty.person_id]
    if at < 0.15:
        meal = next((s for s in mine if s.post == "break"), None)
        if meal is None:
            return None
        from_ms = meal.from_ms + rng.choice((-4, -3, -2, -1, 1, 2, 3, 4)) * GRID_MS
        return _tidy(with_lunch(stints, duty.person_id, from_ms, from_ms + meal.until_ms - meal.from_ms))
    meals = [s for s in mine if s.post == "break"]
    count = (duty.until_ms - duty.from_ms) // GRID_MS
    from_ms = duty.from_ms + rng.randrange(count) * GRID_MS
    until_ms = min(duty.until_ms, from_ms + rng.randrange(2, 20) * GRID_MS)
    if until_ms + 2 * GRID_MS > duty.until_ms:
        until_ms = duty.until_ms
    counter = rng.choice(day.rules.branch.counters)
    is_less = at < 0.4
    new = PlannedStint(duty.person_id, "lobby", from_ms, until_ms)
    if not is_less:
        new = PlannedStint(duty.person_id, "window", from_ms, until_ms, counter.id)
    others = stints
    if at > 0.7 and not is_less:
        # Somebody else who is there then goes to the lobby, or takes over what this person leaves.
        for stint in stints:
            if stint.counter_id == counter.id and stint.person_id != duty.person_id:
                a, b = max(stint.from_ms, from_ms), min(stint.until_ms, until_ms)
                if a < b:
                    others = with_stint(others, PlannedStint(stint.person_id, "lobby", a, b))
    tried = with_stint(others, new)
    for meal in meals:
        tried = with_stint(tried, meal)
    return _tidy(tried)


def _tidy(stints: Stints) -> Stints:
    """Stretches of the same without a seam."""
    found: list[PlannedStint] = []
    for stint in stints:
        last = found[-1] if found else None
        if (
            last is not None
            and last.person_id == stint.person_id
            and (last.post, last.counter_id, last.until_ms) == (stint.post, stint.counter_id, stint.from_ms)
        ):
            found[-1] = msgspec.structs.replace(last, until_ms=stint.until_ms)
        else:
            found.append(stint)
    return tuple(found)

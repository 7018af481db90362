"""The static plan: windows by Erlang C on an ordinary day's forecast, then named people, lunches, the lobby.

It is what a branch does without any re-planning: sized so that in each half hour of an ordinary day at most a
tenth of the customers would wait longer than ten minutes in steady state.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from openhall.hall.model.planning import in_order
from openhall.hall.plan import PlannedDay, PlannedStint
from openhall.hall.policy import DayRules
from openhall.kernel.clock import MINUTE_MS
from openhall.network.model import Counter
from openhall.science.sizing import erlang

LIMIT_MINUTES, ALLOWED_SHARE = 10.0, 0.1
WINDOWS_LEAST, LOBBY_LEAST = 2, 1
SWITCHES_MOST = 4
STINT_LEAST_MS = 30 * MINUTE_MS
DAY_CV = 0.15
LUNCH_MS = 30 * MINUTE_MS
LUNCH_AFTER_MS = 150 * MINUTE_MS
"""From the opening of the doors to the first lunch; the others follow one after another in rows."""
LUNCH_ROWS = 4


class Duty(NamedTuple):
    """Somebody's shift. Times are ms since the epoch."""

    person_id: str
    skills: tuple[str, ...]
    from_ms: int
    until_ms: int
    is_teller: bool


class Ordinary(NamedTuple):
    """The forecast of an ordinary day: people in each interval, and the counter minutes of one."""

    from_ms: int
    interval_ms: int
    expected: tuple[float, ...]
    service_minutes: float


def static_plan(rules: DayRules, duties: Sequence[Duty], ordinary: Ordinary) -> PlannedDay:
    """The published plan of an ordinary day."""
    minutes = ordinary.interval_ms / MINUTE_MS
    counters = len(rules.branch.counters)
    rates = [people / minutes for people in ordinary.expected]
    needed = erlang.required(rates, ordinary.service_minutes, LIMIT_MINUTES, ALLOWED_SHARE)
    windows = tuple(min(counters, max(WINDOWS_LEAST, int(n))) for n in needed)
    return PlannedDay(
        version="ordinary",
        from_ms=ordinary.from_ms,
        interval_ms=ordinary.interval_ms,
        expected=ordinary.expected,
        windows=windows,
        stints=_stints(rules, duties, ordinary, windows),
        day_cv=DAY_CV,
        stint_least_ms=STINT_LEAST_MS,
        switches_most=SWITCHES_MOST,
        lobby_least=LOBBY_LEAST,
        windows_least=WINDOWS_LEAST,
    )


def lunch_of(rules: DayRules, number: int) -> tuple[int, int]:
    """The planned meal break of the number-th person."""
    from_ms = rules.opens_ms + LUNCH_AFTER_MS + number % LUNCH_ROWS * LUNCH_MS
    return from_ms, from_ms + LUNCH_MS


def _stints(
    rules: DayRules, duties: Sequence[Duty], ordinary: Ordinary, windows: Sequence[int]
) -> tuple[PlannedStint, ...]:
    """Half hour by half hour: who sits stays, at lunch somebody else takes the counter over, the others are
    in the lobby. Counters with most services open first."""
    seats = sorted(rules.branch.counters, key=lambda k: (-len(k.services), k.number))
    lunches = {d.person_id: lunch_of(rules, n) for n, d in enumerate(duties)}
    sitting: dict[str, str] = {}
    pieces: list[PlannedStint] = []
    edges = sorted(
        {ordinary.from_ms + n * ordinary.interval_ms for n in range(len(windows))}
        | {moment for lunch in lunches.values() for moment in lunch}
        | {rules.opens_ms}
    )
    begins_ms, ends_ms = min(d.from_ms for d in duties), max(d.until_ms for d in duties)
    edges = [begins_ms, *(e for e in edges if begins_ms < e <= ends_ms - STINT_LEAST_MS), ends_ms]
    for from_ms, until_ms in pairwise(edges):
        here = [d for d in duties if d.from_ms <= from_ms and until_ms <= d.until_ms]
        eating = {d.person_id for d in here if lunches[d.person_id][0] <= from_ms < lunches[d.person_id][1]}
        slot = max(0, from_ms - ordinary.from_ms) // ordinary.interval_ms
        wanted = windows[min(slot, len(windows) - 1)] if from_ms >= rules.opens_ms else 0
        free = [d for d in here if d.is_teller and d.person_id not in eating]
        _seat(sitting, seats[:wanted] if wanted else [], free)
        for duty in here:
            post, counter_id = "lobby", ""
            if duty.person_id in eating:
                post = "break"
            elif duty.person_id in sitting.values():
                post = "window"
                counter_id = next(k for k, p in sitting.items() if p == duty.person_id)
            pieces.append(PlannedStint(duty.person_id, post, from_ms, until_ms, counter_id))  # type: ignore[arg-type]
    return _joined(pieces)


def _seat(sitting: dict[str, str], counters: Sequence[Counter], free: Sequence[Duty]) -> None:
    """Bring `sitting` (person by counter) to the wanted counters with the free people."""
    ids, able = {k.id for k in counters}, {d.person_id for d in free}
    for counter_id in [k for k, p in sitting.items() if k not in ids or p not in able]:
        del sitting[counter_id]
    for counter in counters:
        if counter.id in sitting:
            continue
        rest = [d for d in free if d.person_id not in sitting.values()]
        if not rest:
            return
        best = max(rest, key=lambda d: (len(set(d.skills) & set(counter.services)), -free.index(d)))
        sitting[counter.id] = best.person_id


def _joined(pieces: Sequence[PlannedStint]) -> tuple[PlannedStint, ...]:
    found: list[PlannedStint] = []
    for piece in in_order(pieces):
        last = found[-1] if found else None
        is_same = last and (last.person_id, last.post, last.counter_id, last.until_ms) == (
            piece.person_id,
            piece.post,
            piece.counter_id,
            piece.from_ms,
        )
        if last and is_same:
            found[-1] = PlannedStint(last.person_id, last.post, last.from_ms, piece.until_ms, last.counter_id)
        else:
            found.append(piece)
    return tuple(found)

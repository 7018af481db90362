"""Those who have booked for today and are not here yet, as the twin sees them [C10, C17].

Whether and when somebody comes is drawn from what was learned of those with appointments, given that they
have not come so far. The forecast of people counts everybody who joins, with an appointment or without: so of
what it expects, those who are awaited by name are taken off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from openhall.hall.snapshot import Booked, Snapshot
from openhall.science import engine, habits
from openhall.science.believed import EARLIEST_MS, Arrivals, BookedHabits, Habits
from openhall.science.engine import Ints, Model

if TYPE_CHECKING:
    from openhall.hall.twin import Groups

NUMBERS_FROM = 1 << 19
"""Those who are awaited are numbered from here on: above whoever is here, and below 2**20."""
CUSTOMERS_FROM = 1 << 23
SPREAD = 8
"""Equally likely moments of coming by which expected people are taken off the forecast."""


def _believed(all_habits: Habits) -> BookedHabits:
    return all_habits.booked or habits.assumed_booked()


def _odds(one: Booked, now_ms: int, own: BookedHabits) -> tuple[float, float]:
    """(share of the table of coming that is over, probability that they do not come any more)."""
    over = own.coming.share_below(max(0, now_ms - (one.at_ms - EARLIEST_MS)))
    still = own.show_share * (1 - over)
    return over, 1.0 - still / (1 - own.show_share + still) if still else 1.0


def rows(shot: Snapshot, groups: Groups, model: Model, believed: Habits) -> Ints:
    """(n, PERSON_COLUMNS) of the engine."""
    own, code = _believed(believed), shot.classes[0][0]
    found = np.zeros((len(shot.booked), engine.PERSON_COLUMNS), np.int64)
    for number, (row, one) in enumerate(zip(found, shot.booked, strict=True)):
        group = groups.number(one.service, code)
        over, absent = _odds(one, shot.now_ms, own)
        stands = max(0, one.at_ms - _head_ms(shot) - shot.origin_ms)
        row[engine.KIND], row[engine.HERE_GROUP], row[engine.NEXT] = engine.BOOKED, group, -1
        row[engine.JOINED] = one.at_ms - shot.origin_ms
        row[engine.HERE_PLACE] = (
            int(model.groups[group, engine.BASE]) + (stands << engine.ORDER_SHIFT) + NUMBERS_FROM + number
        )
        row[engine.FLOOR] = min(int(over * habits.WORD), habits.WORD - 1)
        row[engine.AT_COUNTER] = min(int(absent * habits.WORD), habits.WORD)
        row[engine.CUSTOMER] = CUSTOMERS_FROM + one.number
    return found


def _head_ms(shot: Snapshot) -> int:
    """By how much who is on time stands before the appointed moment; a class's own head start is in its
    group's place already."""
    return shot.booked_terms.head_start_ms - (0 if shot.is_strict else shot.classes[0][1])


def terms(shot: Snapshot) -> Ints:
    """(BOOKED_COLUMNS,) of the engine."""
    own = shot.booked_terms
    found = np.zeros(engine.BOOKED_COLUMNS, np.int64)
    found[engine.BOOKED_EARLY], found[engine.BOOKED_HEAD] = EARLIEST_MS, _head_ms(shot)
    found[engine.BOOKED_LATE], found[engine.BOOKED_SLOPE] = own.late_ms, own.slope
    return found


def coming(believed: Habits) -> Ints:
    """(1, QUANTILES) of the engine."""
    return _believed(believed).coming.expand(engine.QUANTILES).reshape(1, -1)


def walk_ins(arrivals: Arrivals, shot: Snapshot, groups: Groups, believed: Habits) -> Arrivals:
    """Who comes besides those who are awaited by name; never fewer than nobody."""
    if not shot.booked or not arrivals.expected:
        return arrivals
    now, people = shot.now_ms - shot.origin_ms, np.asarray(arrivals.expected)[:, None]
    left = people * np.asarray(arrivals.mix)
    code = shot.classes[0][0]
    kinds = [(g.service, g.class_code) for g in groups.habits]
    for one in shot.booked:
        alike = np.array([kind == (one.service, code) for kind in kinds])
        for stretch, share in _expected(one, shot, arrivals, _believed(believed)):
            begins = arrivals.from_ms + stretch * arrivals.width_ms
            rest = min(1.0, max(0.05, (begins + arrivals.width_ms - now) / arrivals.width_ms))
            among = left[stretch] * alike
            if among.sum():
                left[stretch] -= among / among.sum() * min(among.sum(), share / rest)
    totals = left.sum(axis=1)
    mixes = tuple(
        tuple(float(part) for part in row / total) if total > 0 else mix
        for row, total, mix in zip(left, totals, arrivals.mix, strict=True)
    )
    return msgspec.structs.replace(arrivals, expected=tuple(float(t) for t in totals), mix=mixes)


def _expected(one: Booked, shot: Snapshot, arrivals: Arrivals, own: BookedHabits) -> list[tuple[int, float]]:
    """In which stretches somebody is expected, and how much of a person."""
    over, absent = _odds(one, shot.now_ms, own)
    first = one.at_ms - shot.origin_ms - EARLIEST_MS
    found = []
    for number in range(SPREAD):
        at = first + own.coming.quantile_ms(over + (1 - over) * (number + 0.5) / SPREAD)
        stretch = int((at - arrivals.from_ms) // arrivals.width_ms)
        if 0 <= stretch < len(arrivals.expected):
            found.append((stretch, (1 - absent) / SPREAD))
    return found

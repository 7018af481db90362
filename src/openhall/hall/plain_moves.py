"""Moves by a plain rule, for when the twin does not answer: which window would shorten the line most, by a
line that flows like water. Runs where tickets are served, so without numpy and in a few milliseconds.

The line is taken as one; a window takes a customer every mean service time. What a window saves is the late
time with one more rate of service less that without, over the same two hours, for a pace of arrivals a
quarter below and above the last hour's too: the range that is told.
"""

from __future__ import annotations

from openhall.hall.candidates import MoveRules, course_of, helping
from openhall.hall.course import SIT_DOWN_MS, able
from openhall.hall.model.commands import GiveAdvice
from openhall.hall.snapshot import Snapshot
from openhall.hall.told import Move
from openhall.kernel.clock import HOUR_MS, MINUTE_MS
from openhall.science.backlog import late_ms

HORIZON_MINUTES = 120
SLOT_MS = 5 * MINUTE_MS
PACES = (0.75, 1.0, 1.25)
MOVES_MOST = 3
RULES = MoveRules(horizon_minutes=HORIZON_MINUTES, starts_minutes=(0,), lasts_minutes=(60,))


def plain_advice(shot: Snapshot) -> GiveAdvice:
    """The windows that could open at once, each with the person best spared; nothing where nobody is late."""
    waited = [shot.now_ms - one.joined_ms for one in shot.people if one.kind == "waiting"]
    calling = sum(seat.is_calling for seat in shot.seats)
    mean_ms = _mean_service_ms(shot)
    arriving = sum(count for _, _, count in shot.recent) / HOUR_MS if shot.is_open else 0.0
    slots = HORIZON_MINUTES * MINUTE_MS // SLOT_MS

    def late(pace: float, more_ms: tuple[int, int]) -> float:
        rates = []
        for slot in range(slots):
            begins, ends = slot * SLOT_MS, (slot + 1) * SLOT_MS
            part = max(0, min(ends, more_ms[1]) - max(begins, more_ms[0])) / SLOT_MS
            rates.append((calling + part) / mean_ms)
        return late_ms(waited, [arriving * pace] * slots, rates, slot_ms=SLOT_MS, limit_ms=shot.late_after_ms)

    without = [late(pace, (0, 0)) for pace in PACES]
    if not without[1] or not mean_ms:
        return GiveAdvice(HORIZON_MINUTES, round(without[1]))
    moves: list[Move] = []
    for candidate in helping(shot, course_of(shot), RULES):
        move = candidate.move
        is_known = any(m.counter_id == move.counter_id for m in moves)
        if move.kind != "open" or move.from_ms or is_known or not _serves_somebody(shot, move):
            continue
        lasts_ms = (move.until_ms - shot.now_ms) if move.until_ms else HORIZON_MINUTES * MINUTE_MS
        saved = [w - late(pace, (SIT_DOWN_MS, lasts_ms)) for w, pace in zip(without, PACES, strict=True)]
        moves.append(_worth(move, saved))
    best = sorted((m for m in moves if m.saved_ms >= MINUTE_MS), key=lambda m: -m.saved_ms)
    return GiveAdvice(HORIZON_MINUTES, round(without[1]), tuple(best[:MOVES_MOST]))


def _serves_somebody(shot: Snapshot, move: Move) -> bool:
    """Whether anybody in line could be served there by this person."""
    number = next(n for n, seat in enumerate(shot.seats) if seat.counter_id == move.counter_id)
    skills = next(w.skills for w in shot.workers if w.person_id == move.person_id)
    services, classes = able(shot, number, skills), shot.seats[number].classes
    return any(
        one.service in services and (not classes or one.class_code in classes)
        for one in shot.people
        if one.kind == "waiting"
    )


def _worth(move: Move, saved: list[float]) -> Move:
    low, middle, high = sorted(round(ms) for ms in saved)
    return Move(
        move.kind,
        middle,
        low,
        high,
        (high - low) // 2,
        move.counter_id,
        move.person_id,
        from_ms=move.from_ms,
        until_ms=move.until_ms,
        from_post=move.from_post,
    )


def _mean_service_ms(shot: Snapshot) -> float:
    """Of those in line; of all services where nobody is."""
    means = dict(shot.services)
    line = [means[one.service] for one in shot.people if one.kind == "waiting" and one.service in means]
    line = line or list(means.values())
    return sum(line) / len(line) if line else 0.0

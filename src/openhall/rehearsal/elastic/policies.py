"""What the manager goes by: the plan alone, a rule of thumb, or the twin's moves."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from openhall.hall import moves
from openhall.hall.candidates import Course, MoveRules, course_of, helping
from openhall.hall.model import commands as c
from openhall.hall.moves import MoveParameters
from openhall.hall.snapshot import Snapshot
from openhall.hall.told import Move
from openhall.kernel.clock import MINUTE_MS
from openhall.kernel.event import SYSTEM
from openhall.kernel.refusal import Refusal
from openhall.rehearsal.elastic.hall import ElasticHall, Policy

REPLAN_EVERY_MS = 5 * MINUTE_MS
DECIDED_AHEAD_MS = 5 * MINUTE_MS
"""A move that begins later than this is left to the next look; a meal break has to be settled half an hour
before."""
LUNCH_SETTLED_MS = 30 * MINUTE_MS


__all__ = ["REPLAN_EVERY_MS", "Ours", "Policy", "Static", "Thumb", "ThumbRule", "take"]


class Static:
    """Nobody does anything but what the plan proposes."""

    def act(self, hall: ElasticHall) -> None:
        """Nothing."""


class ThumbRule(msgspec.Struct, frozen=True):
    """Open one more window while more than `opens_above` people wait for each that calls, and look again
    after `pause_minutes`; after each half hour it goes on while more than `stays_above` do.

    Whole and half people per window: the queue's length is what anybody in the hall can see.
    """

    opens_above: float
    stays_above: float
    pause_minutes: int = 5

    def __post_init__(self) -> None:
        if not 0 <= self.stays_above <= self.opens_above:
            raise ValueError(
                "Expected stays_above between 0 and opens_above, got "
                f"{self.stays_above} and {self.opens_above}"
            )


@dataclass
class Thumb:
    """The rule of thumb, under the same rules for people as every other policy."""

    rule: ThumbRule
    _opened_ms: int = 0

    def act(self, hall: ElasticHall) -> None:
        """Open, or keep open."""
        calling = sum(k.is_calling for k in hall.state.counters.values())
        each = hall.waiting / max(1, calling)
        is_resting = hall.now_ms - self._opened_ms < self.rule.pause_minutes * MINUTE_MS
        opens, stays = each > self.rule.opens_above and not is_resting, each > self.rule.stays_above
        if not opens and not stays:
            return
        shot = hall.shot()
        for move in _windows(shot):
            is_kept = hall.state.counters[move.counter_id].person_id == move.person_id
            if is_kept and stays:
                take(hall, move)
            elif not is_kept and opens:
                take(hall, move)
                self._opened_ms, opens = hall.now_ms, False


def _windows(shot: Snapshot) -> list[Move]:
    """Windows that could stay open or open now, for half an hour; who serves most first."""
    rules = MoveRules(horizon_minutes=2, grid_minutes=1, starts_minutes=(0,), lasts_minutes=(30,))
    seats = {seat.counter_id: seat for seat in shot.seats}
    course: Course = course_of(shot)
    skills = {worker.person_id: set(worker.skills) for worker in shot.workers}
    found = [each.move for each in helping(shot, course, rules) if each.move.kind == "open"]
    return sorted(found, key=lambda m: -len(skills[m.person_id] & set(seats[m.counter_id].could_serve)))


@dataclass
class Ours:
    """The twin's moves, every five minutes; those of now are taken."""

    parameters: MoveParameters | None = None
    every_ms: int = REPLAN_EVERY_MS
    timer: Callable[[], float] = time.process_time
    asked: list[Snapshot] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    """Of the processor, for each answer."""
    taken: list[Move] = field(default_factory=list)

    def act(self, hall: ElasticHall) -> None:
        """Ask, and do what is for now."""
        if (hall.now_ms - hall.day.rules.opens_ms) % self.every_ms:
            return
        began, shot = self.timer(), hall.shot()
        found = moves.advice(shot, hall.day.believed, self.parameters)
        self.seconds.append(self.timer() - began)
        self.asked.append(shot)
        hall.do(found, SYSTEM)
        advice = list(hall.state.advices.values())[-1]
        decided: set[tuple[str, str]] = set()
        for number, move in enumerate(advice.moves):
            subject = (move.kind, move.counter_id or move.person_id)
            if subject in decided or not self._is_for_now(hall, move):
                continue
            if not isinstance(_take(hall, advice.id, number, move), Refusal):
                decided.add(subject)
                self.taken.append(move)

    @staticmethod
    def _is_for_now(hall: ElasticHall, move: Move) -> bool:
        if move.kind == "lunch":
            meal = next(s for s in hall.state.stints if s.person_id == move.person_id and s.post == "break")
            return min(move.from_ms, meal.from_ms) <= hall.now_ms + LUNCH_SETTLED_MS
        return move.kind == "open" and move.from_ms <= hall.now_ms + DECIDED_AHEAD_MS


def take(hall: ElasticHall, move: Move) -> None:
    """Put a move on record as advice and take it: the hall's own way of changing a plan."""
    hall.do(c.GiveAdvice(30, 0, (move,)), SYSTEM)
    advice = list(hall.state.advices.values())[-1]
    if advice.moves:
        _take(hall, advice.id, 0, move)


def _take(hall: ElasticHall, advice_id: str, number: int, move: Move) -> object:
    result = hall.ask(c.TakeAdvice(advice_id, number))
    if not isinstance(result, Refusal) and move.kind == "open" and move.from_ms <= hall.now_ms:
        hall.sits_down(move.counter_id)
    return result

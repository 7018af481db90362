"""The same days under four policies, side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from openhall.hall.moves import MoveParameters
from openhall.hall.snapshot import Snapshot
from openhall.kernel.clock import HOUR_MS, MINUTE_MS
from openhall.rehearsal.elastic.day import ElasticDay
from openhall.rehearsal.elastic.days import SURGE, invented_day, recorded_day
from openhall.rehearsal.elastic.hall import ElasticHall, Played
from openhall.rehearsal.elastic.hindsight import HindsightParameters, all_open, hindsight
from openhall.rehearsal.elastic.policies import (
    REPLAN_EVERY_MS,
    Ours,
    Policy,
    Static,
    Thumb,
    ThumbRule,
)
from openhall.rehearsal.elastic.rules import broken

__all__ = [
    "DayFigures",
    "ElasticParameters",
    "HindsightParameters",
    "days_of",
    "play",
    "totals",
    "tuned",
]

THUMB_OPENS = (0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 9.0)
THUMB_STAYS = (0.0, 1.0, 2.0, 4.0)
"""People per window that calls, among which the rule of thumb is tuned."""


class ElasticParameters(msgspec.Struct, frozen=True):
    """Which days are played.

    Parameters
    ----------
    seeds : of the invented days.
    tuning_seeds : of other invented days, on which the rule of thumb is tuned.
    surge : times the people for whom the plan was made.
    hindsight : how long is searched for the best day.
    moves : how the twin's moves are weighed.
    """

    seeds: tuple[int, ...] = (1, 2, 3, 4)
    tuning_seeds: tuple[int, ...] = (101, 102)
    surge: float = SURGE
    hindsight: HindsightParameters = HindsightParameters()
    moves: MoveParameters = MoveParameters()

    def __post_init__(self) -> None:
        if set(self.seeds) & set(self.tuning_seeds):
            raise ValueError(f"Expected tuning_seeds that are none of the seeds, got {self.tuning_seeds}")
        if not self.tuning_seeds:
            raise ValueError("Expected one of tuning_seeds or more, got none")
        if not 0 < self.surge <= 20:
            raise ValueError(f"Expected surge above 0 and at most 20, got {self.surge}")


class PolicyFigures(msgspec.Struct, frozen=True):
    """One policy on one day."""

    late_minutes: float
    window_hours: float
    """People's hours at windows while the doors were open."""
    overtime_hours: float
    """... and after closing, till the last customer had gone; not counted for hindsight."""


class DayFigures(msgspec.Struct, frozen=True):
    """One day. The paid hours are the shifts without the meal breaks: the same people for every policy."""

    day: str
    customers: int
    counters: int
    people: int
    paid_hours: float
    static: PolicyFigures
    rule: PolicyFigures
    openhall: PolicyFigures
    hindsight: PolicyFigures
    all_open_late_minutes: float
    """Every counter serving all it can all day, which nobody can live: for orientation."""
    regret_closed: float
    moves_taken: int
    replan_count: int


class DayPlayed(msgspec.Struct, frozen=True):
    """A day's figures, and what was asked of the twin on it."""

    figures: DayFigures
    asked: tuple[tuple[Snapshot, bytes], ...]
    seconds: tuple[float, ...]
    """Of the processor, for each answer."""


Note = Callable[[str], None]
"""Told what is being done."""


def tuned(parameters: ElasticParameters, note: Note = lambda _: None) -> ThumbRule:
    """The rule of thumb with fewest late minutes on the tuning days; of equal ones with least time at
    windows."""
    days = [invented_day(seed, surge=parameters.surge) for seed in parameters.tuning_seeds]
    found = []
    for opens in THUMB_OPENS:
        for stays in THUMB_STAYS:
            if stays > opens:
                continue
            rule = ThumbRule(opens, stays)
            played = [ElasticHall(day, Thumb(rule)).play() for day in days]
            found.append((sum(p.late_ms for p in played), sum(p.window_ms for p in played), opens, stays))
        note(f"n = {opens:g}")
    _, _, opens, stays = min(found)
    return ThumbRule(opens, stays)


def days_of(parameters: ElasticParameters, recorded: Path | None) -> list[Callable[[], ElasticDay]]:
    """What makes each day, the recorded one first."""
    made: list[Callable[[], ElasticDay]] = []
    if recorded is not None:
        made.append(lambda: recorded_day(recorded))
    made += [lambda seed=seed: invented_day(seed, surge=parameters.surge) for seed in parameters.seeds]  # type: ignore[misc]
    return made


def play(
    day: ElasticDay, rule: ThumbRule, parameters: ElasticParameters, *, every_ms: int = REPLAN_EVERY_MS
) -> DayPlayed:
    """One day under all four, the twin asked every so often.

    Raises ValueError where a policy's day breaks the rules for people.
    """
    static = _lived(day, Static())
    thumb = _lived(day, Thumb(rule))
    ours = Ours(parameters.moves, every_ms)
    moved = _lived(day, ours)
    starts = [each.state.stints for each in (static, thumb, moved)]
    best = hindsight(day, starts, parameters.hindsight)
    known = PolicyFigures(_minutes(best.late_ms), _hours(best.window_ms), 0.0)
    paid_ms = sum(d.until_ms - d.from_ms for d in day.duties)
    paid_ms -= sum(s.until_ms - s.from_ms for s in day.plan.stints if s.post == "break")
    figures = DayFigures(
        day=day.name,
        customers=day.customers,
        counters=len(day.rules.branch.counters),
        people=len(day.duties),
        paid_hours=_hours(paid_ms),
        static=_figures(static),
        rule=_figures(thumb),
        openhall=_figures(moved),
        hindsight=known,
        all_open_late_minutes=_minutes(all_open(day)),
        regret_closed=regret_closed(static.late_ms, moved.late_ms, best.late_ms),
        moves_taken=len(ours.taken),
        replan_count=len(ours.asked),
    )
    believed = msgspec.json.encode(day.believed)
    return DayPlayed(figures, tuple((shot, believed) for shot in ours.asked), tuple(ours.seconds))


def regret_closed(static: float, ours: float, best: float) -> float:
    """How much of the way from the static plan to hindsight was gone; 1 where there was no way to go."""
    return 1.0 if static <= best else round((static - ours) / (static - best), 4)


def _lived(day: ElasticDay, policy: Policy) -> Played:
    played = ElasticHall(day, policy).play()
    if wrong := broken(day, played.state.stints):
        raise ValueError(f"Expected a day that keeps the rules, got {day.name}, {policy}: {wrong[0]}")
    return played


def _figures(played: Played) -> PolicyFigures:
    return PolicyFigures(_minutes(played.late_ms), _hours(played.window_ms), _hours(played.overtime_ms))


def _minutes(ms: int) -> float:
    return round(ms / MINUTE_MS, 1)


def _hours(ms: int) -> float:
    return round(ms / HOUR_MS, 2)


def totals(days: Sequence[DayFigures]) -> dict[str, float]:
    """The bench's own keys, over all days."""
    late = {
        name: round(sum(getattr(day, name).late_minutes for day in days), 1)
        for name in ("static", "rule", "openhall", "hindsight")
    }
    return {
        **{f"late_minutes_{name}": minutes for name, minutes in late.items()},
        "regret_closed": regret_closed(late["static"], late["openhall"], late["hindsight"]),
        "saved_share": round(1 - late["openhall"] / late["static"], 4) if late["static"] else 0.0,
    }

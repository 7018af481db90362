"""Moves within the day: which would help, by how many late minutes, and which go together [D3, D5, D6].

Every move is played in the twin's futures of the coming two hours, all in the same ones, so that a difference
is the move's and not chance's. Moves are chosen one after another; what is told of each is what it saves on
top of those that save more, so savings add up. `docs/elastic-windows.md` has the whole of it.

Runs in a worker process, like the twin.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np

from openhall.hall.candidates import (
    Candidate,
    Course,
    MoveRules,
    closings,
    course_of,
    helping,
    hours_price_ms,
    offers,
)
from openhall.hall.model.commands import GiveAdvice
from openhall.hall.snapshot import Snapshot
from openhall.hall.told import Move
from openhall.hall.twin import SEED, Twin, schedule_of, twin_of
from openhall.kernel.clock import MINUTE_MS
from openhall.science import engine, replan
from openhall.science.engine import Ints
from openhall.science.habits import Habits


class MoveParameters(msgspec.Struct, frozen=True):
    """How moves are weighed.

    Parameters
    ----------
    rules : which moves are looked for.
    futures : in which a candidate is tried.
    told_futures : in which the chosen ones are played again, for what is told.
    moves_most : how many are proposed.
    saved_minutes_least : a move that saves fewer late minutes is not worth saying.
    late_minutes_per_hour : an hour of somebody's own time at a window has to save so many late minutes: it is
        missed in the lobby.
    late_minutes_per_borrowed_hour : the same for a colleague from elsewhere, on the way too.
    lunch_minutes : so many late minutes a meal break at another time has to save.
    stays_share : a move that is already on the screen counts so much more, so that the list stays calm.
    closing_costs_minutes_most : a counter can be spared that costs fewer late minutes in nine of ten futures.
    """

    rules: MoveRules = MoveRules()
    futures: int = 64
    told_futures: int = 256
    moves_most: int = 8
    saved_minutes_least: float = 1.0
    late_minutes_per_hour: float = 6.0
    late_minutes_per_borrowed_hour: float = 60.0
    lunch_minutes: float = 5.0
    stays_share: float = 0.1
    closing_costs_minutes_most: float = 1.0

    def __post_init__(self) -> None:
        if not 8 <= self.futures <= self.told_futures <= 100_000:
            raise ValueError(
                "Expected futures of 8 or more and told_futures of at least as many, got "
                f"{self.futures} and {self.told_futures}"
            )
        if self.moves_most < 1:
            raise ValueError(f"Expected moves_most of 1 or more, got {self.moves_most}")
        if not 0 <= self.stays_share <= 1:
            raise ValueError(f"Expected stays_share between 0 and 1, got {self.stays_share}")


def never() -> bool:
    """No limit of time."""
    return False


def advice(
    shot: Snapshot,
    believed: Habits,
    parameters: MoveParameters | None = None,
    *,
    is_over: Callable[[], bool] = never,
) -> GiveAdvice:
    """What could be done, most late minutes first, and what happens without it.

    When `is_over` says so, what has been found by then is told: a short list in time beats a long one late.
    """
    parameters = parameters or MoveParameters()
    weighing = _Weighing(shot, twin_of(shot, believed, with_probes=False), parameters)
    if not weighing.before.any():
        return weighing.told(_spared(weighing))
    replan.choose(
        weighing.pool,
        weighing.gain,
        weighing.take,
        at_most=parameters.moves_most,
        is_over=is_over,
    )
    moves = _told(weighing, is_over)
    return weighing.told(moves or _spared(weighing))


@dataclass
class _Weighing:
    """One hall, the moves taken so far, and the late time of each future with them."""

    shot: Snapshot
    twin: Twin
    parameters: MoveParameters
    taken: list[tuple[Candidate, tuple[Candidate, ...]]] = field(default_factory=list)
    """Each with those that would be at the same counter at the same time, with other skills."""
    course: Course = field(init=False)
    before: Ints = field(init=False)
    """(futures,) late ms without any move."""
    now: Ints = field(init=False)
    """(futures,) with those that were taken."""

    def __post_init__(self) -> None:
        self.course = course_of(self.shot)
        self.before = self.now = self.late(self.course, self.parameters.futures)
        self._pool: dict[tuple[object, ...], Candidate] = {}
        self._shown = {_asked(m) for m in self.shot.shown}

    @property
    def until(self) -> int:
        """End of the horizon, in the engine's time."""
        return self.twin.now + self.parameters.rules.horizon_minutes * MINUTE_MS

    def late(self, course: Course, futures: int, actions: Sequence[Sequence[int]] = ()) -> Ints:
        """Late ms within the horizon: (futures,), with actions (futures, 1 + actions)."""
        shot, twin = self.shot, self.twin
        schedule = schedule_of(shot, twin.groups, course.spells(shot), course.let_go)
        acted = np.array([[0, 0, 0, 0], *actions], np.int64)
        closes = shot.closes_ms - shot.origin_ms
        parts = [
            engine.futures(
                model,
                twin.fork._replace(schedule=schedule),
                acted,
                count=count,
                seed=SEED,
                branch=0,
                first=first,
                arrive_until_ms=min(self.until, closes) if shot.is_open else 0,
                until_ms=self.until,
                number=shot.next_seq,
            ).late
            for model, first, count in twin.shares(futures)
        ]
        late = np.concatenate(parts)
        return late if len(actions) else late[:, 0]

    def pool(self) -> dict[tuple[object, ...], Candidate]:
        """What fits to the moves that were taken."""
        self._pool = {each.key: each for each in helping(self.shot, self.course, self.parameters.rules)}
        return self._pool

    def gain(self, candidate: Candidate) -> float:
        """Late ms that a candidate saves on top, less what it costs; nothing where that could be chance."""
        saved = self.now - self.late(candidate.course, self.parameters.futures)
        mean, error = float(saved.mean()), float(saved.std()) / len(saved) ** 0.5
        if mean < self.parameters.saved_minutes_least * MINUTE_MS or mean <= 2 * error:
            return 0.0
        if _asked(candidate.move) in self._shown:
            mean *= 1 + self.parameters.stays_share
        return mean - self.price(candidate)

    def price(self, candidate: Candidate) -> float:
        """What a candidate takes, in late ms."""
        per_hour = self.parameters.late_minutes_per_hour
        if candidate.move.kind == "borrow":
            per_hour = self.parameters.late_minutes_per_borrowed_hour
        own = self.parameters.lunch_minutes * MINUTE_MS if candidate.move.kind == "lunch" else 0.0
        return own + hours_price_ms(candidate.staffed_ms, per_hour)

    def take(self, candidate: Candidate) -> None:
        """This one is chosen."""
        rivals = [each for each in self._pool.values() if _is_instead(each.move, candidate.move)]
        self.taken.append((candidate, tuple(rivals[:RIVALS_MOST])))
        self.course = candidate.course
        self.now = self.late(self.course, self.parameters.futures)

    def told(self, moves: Sequence[Move]) -> GiveAdvice:
        """As it is put on record."""
        horizon = self.parameters.rules.horizon_minutes
        return GiveAdvice(horizon, round(float(self.before.mean())), tuple(moves))


def _told(weighing: _Weighing, is_over: Callable[[], bool]) -> list[Move]:
    """The chosen moves in fresh futures, each on top of those before; then offers, on top of all of them."""
    count = weighing.parameters.told_futures if not is_over() else weighing.parameters.futures
    found: list[Move] = []
    last = weighing.late(course_of(weighing.shot), count)
    for candidate, rivals in weighing.taken:
        late = weighing.late(candidate.course, count)
        found += _worth([candidate.move, *candidate.others], last - late)
        for rival in rivals if not is_over() else ():
            found += _worth([rival.move], last - weighing.late(rival.course, count))
        last = late
    asked = list(offers(weighing.shot, weighing.parameters.rules))
    if asked and not is_over():
        actions = [(engine.OFFER, row, 0, 0) for row, _ in asked]
        late = weighing.late(weighing.course, count, actions)
        for number, (_, move) in enumerate(asked, 1):
            saved = late[:, 0] - late[:, number]
            found += [m for m in _worth([move], saved) if m.saved_ms > 2 * m.error_ms]
    least = weighing.parameters.saved_minutes_least * MINUTE_MS
    found = sorted((m for m in found if m.saved_ms >= least), key=lambda m: -m.saved_ms)
    return _at_most(found, weighing.parameters.moves_most)


def _at_most(moves: Sequence[Move], count: int) -> list[Move]:
    """The best so many, where the same window with somebody else counts as the same move."""
    kept: dict[tuple[str, ...], list[Move]] = {}
    for move in moves:
        kept.setdefault(_asked(move), []).append(move)
    return [move for same in list(kept.values())[:count] for move in same]


def _asked(move: Move) -> tuple[str, ...]:
    """What a move is about, whoever does it."""
    person = move.person_id if move.kind in {"lunch", "borrow"} else ""
    return move.kind, move.counter_id, person, move.ticket_id


def _worth(moves: Sequence[Move], saved: Ints) -> list[Move]:
    low, high = np.quantile(saved, (0.1, 0.9), method="nearest").astype(int).tolist()
    mean, error = round(float(saved.mean())), round(float(saved.std()) / len(saved) ** 0.5)
    worth = {"saved_ms": mean, "saved_low_ms": low, "saved_high_ms": high, "error_ms": error}
    return [msgspec.structs.replace(move, **worth) for move in moves]


def _is_instead(move: Move, chosen: Move) -> bool:
    """Whether a move puts somebody else where the chosen one puts somebody."""
    where = (move.kind, move.counter_id, move.from_ms, move.until_ms)
    return where == ("open", chosen.counter_id, chosen.from_ms, chosen.until_ms) and (
        chosen.kind == "open" and move.person_id != chosen.person_id
    )


RIVALS_MOST = 2
SPARED_AT_MOST = 2


def _spared(weighing: _Weighing) -> list[Move]:
    """Counters that could be let go without anybody noticing, the dearest first; only where nothing would
    help."""
    count = weighing.parameters.told_futures
    found: list[Move] = []
    candidates = list(closings(weighing.shot, weighing.course, weighing.parameters.rules))
    before = weighing.late(weighing.course, count) if candidates else weighing.before
    for candidate in candidates:
        found += _worth([candidate.move], before - weighing.late(candidate.course, count))
    most = weighing.parameters.closing_costs_minutes_most * MINUTE_MS
    spare = [move for move in found if -move.saved_low_ms <= most]
    return sorted(spare, key=lambda m: -m.saved_ms)[:SPARED_AT_MOST]

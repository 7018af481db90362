"""How a branch's customers and counters behave: what the twin has to know besides the hall as it stands.

Learned from the log of past days (`science.learning`), or assumed from the configuration where there is none.
`model_of` turns it into the tables that the engine draws from.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from openhall.science import believed, durations, engine
from openhall.science.believed import NOBODY, Arrivals, BookedHabits, GroupHabits, GroupRules, Habits, Seen
from openhall.science.durations import Durations

__all__ = [
    "NOBODY",
    "Arrivals",
    "BookedHabits",
    "GroupHabits",
    "GroupRules",
    "Habits",
    "Seen",
    "assumed",
    "assumed_booked",
    "assumed_habits",
    "base_of",
    "completed",
    "model_of",
]

WORD = 1 << 32
UNIT = 1 << engine.ORDER_SHIFT
FACTOR_UNIT = 1 << 16
RANK_SHIFT = 50


def model_of(groups: Sequence[GroupHabits], rules: Sequence[GroupRules], arrivals: Arrivals) -> engine.Model:
    """The engine's tables. `groups` and `rules` go in pairs; a group's number is its index.

    Raises ValueError: too many groups, shares outside [0, 1] or above 1 together, a mix of another length.
    """
    if not 0 < len(groups) <= engine.GROUPS_AT_MOST:
        raise ValueError(
            f"Expected 1 to {engine.GROUPS_AT_MOST} pairs of service and class, got {len(groups)}"
        )
    tables = _Tables()
    gaps = tables.number(durations.exponential(UNIT))
    factors = -1 if arrivals.dispersion <= 1 else tables.number(_factor(arrivals))
    longest = max(r.head_start_ms for r in rules)
    columns = np.zeros((len(groups), engine.GROUP_COLUMNS), np.int64)
    for row, habits, rule in zip(columns, groups, rules, strict=True):
        row[engine.T_WORK] = tables.number(habits.service_time)
        row[engine.T_WALK] = tables.number(habits.walk)
        row[engine.T_GAP] = tables.number(habits.gap)
        row[engine.T_PATIENCE] = -1 if habits.patience is None else tables.number(habits.patience)
        row[engine.T_OUT] = tables.number(habits.out_after)
        row[engine.T_AWAY] = tables.number(habits.away)
        row[engine.T_LOST] = tables.number(habits.lost)
        row[engine.T_BACK] = tables.number(habits.reinstated_after)
        row[engine.T_ELSEWHERE] = tables.number(habits.elsewhere)
        shares = np.cumsum([habits.absent_share, habits.out_share, habits.second_share])
        row[engine.W_ABSENT], row[engine.W_OUT], row[engine.W_NEXT] = (_word(share) for share in shares)
        row[engine.W_LATER] = _word(habits.absent_share + habits.out_share + habits.second_later_share)
        row[engine.W_REINSTATED] = _word(habits.reinstated_share)
        row[engine.W_TAKES], row[engine.W_DONE] = _word(habits.takes_share), _word(habits.done_share)
        row[engine.BASE] = base_of(rule, longest)
        row[engine.LIMIT] = rule.late_after_ms
    return engine.Model(
        tables=tables.stacked(),
        groups=columns,
        followings=_followings(groups, arrivals),
        bins=_bins(arrivals, len(groups)),
        clock=np.array([arrivals.from_ms, arrivals.width_ms, gaps, factors], np.int64),
    )


def base_of(rule: GroupRules, longest_head_start_ms: int) -> int:
    """What the order adds to the place of everybody in a group."""
    return (rule.rank << RANK_SHIFT) + ((longest_head_start_ms - rule.head_start_ms) << engine.ORDER_SHIFT)


def _word(share: float) -> int:
    if not 0 <= share <= 1 + 1e-9:
        raise ValueError(f"Expected shares between 0 and 1, also together, got {share}")
    return min(WORD, round(share * WORD))


def _factor(arrivals: Arrivals) -> Durations:
    """By how much a stretch is busier than expected: unit mean, and the variance that the dispersion leaves
    to it in a stretch of middling size (one table for all: the large ones vary a little too much)."""
    busy = [e for e in arrivals.expected if e > 0]
    middling = float(np.median(busy)) if busy else 1.0
    cv = float(np.sqrt((arrivals.dispersion - 1) / max(middling, 1.0)))
    return durations.lognormal(FACTOR_UNIT, cv)


def _bins(arrivals: Arrivals, groups: int) -> engine.Ints:
    bins = np.zeros((max(1, len(arrivals.expected)), 1 + groups), np.int64)
    bins[:, 1:] = WORD
    for row, expected, mix in zip(bins, arrivals.expected, arrivals.mix, strict=False):
        if len(mix) != groups:
            raise ValueError(f"Expected a mix of {groups} groups, got {len(mix)}")
        row[0] = round(expected * UNIT)
        row[1:] = [min(WORD, round(share * WORD)) for share in np.cumsum(mix)]
        row[groups] = WORD
    return bins


def _followings(groups: Sequence[GroupHabits], arrivals: Arrivals) -> engine.Ints:
    """A second service is in the same class, as often as services are asked for all day; never the same one
    where there is another."""
    found = np.full((len(groups), len(groups)), WORD, np.int64)
    weights = np.zeros(len(groups))
    for expected, mix in zip(arrivals.expected, arrivals.mix, strict=False):
        weights += expected * np.asarray(mix)
    for number, own in enumerate(groups):
        others = [g.class_code == own.class_code and g.service != own.service for g in groups]
        share = (weights + 1e-9) * others
        if not share.sum():
            share = np.eye(len(groups))[number]
        found[number] = [round(s * WORD) for s in np.cumsum(share / share.sum())]
        found[number, int(np.nonzero(share)[0][-1]) :] = WORD
    return found


class _Tables:
    """Each table once, numbered."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[int, ...], int] = {}
        self._expanded: list[engine.Ints] = []

    def number(self, table: Durations) -> int:
        """The number of a table."""
        if table.points_ms not in self._numbers:
            self._numbers[table.points_ms] = len(self._expanded)
            self._expanded.append(table.expand(engine.QUANTILES))
        return self._numbers[table.points_ms]

    def stacked(self) -> engine.Ints:
        """(tables, QUANTILES)"""
        return np.stack(self._expanded)


def assumed(service: str, class_code: str, mean_ms: float) -> GroupHabits:
    """A group of which nothing is known but the configured service time.

    The spread of service times (cv 0.8) is that of bank counters in the literature on call centres and halls;
    the others are modest assumptions, replaced by what the branch's own days show.
    """
    second = 1_000
    return GroupHabits(
        service=service,
        class_code=class_code,
        service_time=durations.lognormal(mean_ms, 0.8, durations.KEPT_POINTS),
        walk=durations.lognormal(20 * second, 0.6, durations.KEPT_POINTS),
        gap=durations.exponential(9 * second, durations.KEPT_POINTS),
        lost=durations.constant(130 * second),
        reinstated_after=durations.exponential(600 * second, durations.KEPT_POINTS),
        out_after=durations.exponential(480 * second, durations.KEPT_POINTS),
        away=durations.exponential(900 * second, durations.KEPT_POINTS),
        elsewhere=durations.exponential(420 * second, durations.KEPT_POINTS),
        absent_share=0.03,
        reinstated_share=0.3,
        out_share=0.04,
        takes_share=0.4,
        done_share=0.85,
    )


def assumed_booked() -> BookedHabits:
    """Those with an appointment, of whom nothing is known: most come, some minutes early, few late.

    17 of 20 come, on average eight minutes early with a spread of nine and a half: a modest assumption,
    replaced by what the branch's own days show.
    """
    coming = durations.lognormal(
        believed.ASSUMED_COMING_MS, believed.ASSUMED_COMING_CV, durations.KEPT_POINTS
    )
    return BookedHabits(believed.ASSUMED_SHOW_SHARE, coming)


def assumed_habits(branch: str, service_ms: Sequence[tuple[str, float]], classes: Sequence[str]) -> Habits:
    """A branch that has had no day: each service (id, configured mean service time in ms) with each class."""
    groups = tuple(assumed(service, code, mean_ms) for service, mean_ms in service_ms for code in classes)
    return Habits("", branch, 0, None, None, 0, groups, tuple(Seen() for _ in groups))


def completed(
    learned: Sequence[GroupHabits], service_ms: Sequence[tuple[str, float]], classes: Sequence[str]
) -> tuple[GroupHabits, ...]:
    """The groups of a configuration: learned ones first, as they are; what is new in it is assumed."""
    services = {service for service, _ in service_ms}
    known = [g for g in learned if g.service in services and g.class_code in classes]
    have = {(g.service, g.class_code) for g in known if not g.need}
    known = [g for g in known if (g.service, g.class_code) in have]
    new = [(service, code, mean) for service, mean in service_ms for code in classes]
    return (*known, *(assumed(*each) for each in new if each[:2] not in have))

"""From a study to its plan: everything that needs a logarithm or a decision is worked out here, once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import msgspec
import numpy as np

from openhall.kernel.clock import MINUTE_MS
from openhall.network.mistakes import Findings, Place
from openhall.network.model import Bank
from openhall.rehearsal.study import model as m
from openhall.rehearsal.study.branches import (
    Group,
    StudiedBranch,
    configured_branches,
    groups_of,
    invented_branches,
)
from openhall.rehearsal.study.reading import StudyInvalid, minutes_of
from openhall.science import durations, engine, habits
from openhall.science.durations import Durations
from openhall.science.engine import Ints
from openhall.science.study.plan import (
    CUSTOMERS_AT_MOST,
    PER_POLICY,
    SIZE_UNIT,
    Crowd,
    Hall,
    Plan,
)

STRETCH_MINUTES = 30
LATE_AFTER_MINUTES = 30
WEIGHT_UNIT = 1 << 20
LADDER_STEP = 1.25
"""Stretches of a similar number of people share a table of how much busier than expected they are."""
LADDER_AT_MOST = 40

CrowdKey = tuple[int, int, int]
"""Opening, closing, groups that are served."""
HallKey = tuple[int, int, tuple[int, ...]]
"""Opening, closing, what each counter serves."""


class Planned(msgspec.Struct, frozen=True, eq=False):
    """A plan, and what its whole numbers do not say.

    Parameters
    ----------
    branches : ids, in the plan's order.
    ordinary : expected customers of an ordinary day by branch.
    counters : of each branch.
    left_out : ids of the bank's branches that are closed on the day, or serve none of these customers.
    """

    plan: Plan
    branches: tuple[str, ...]
    ordinary: tuple[float, ...]
    counters: tuple[int, ...]
    left_out: tuple[str, ...] = ()


def plan_of(study: m.Study, bank: Bank | None, *, file: str) -> Planned:
    """The plan of a study that `reading` accepted. Raises StudyInvalid for what only shows now: a branch too
    large, nobody open."""
    groups = groups_of(study, bank)
    left_out: list[str] = []
    if bank is None:
        branches = invented_branches(study, groups)
    else:
        branches, left_out = configured_branches(study, bank, groups)
    _check_sizes(study, branches, file)
    tables = _Tables()
    crowds: dict[CrowdKey, int] = {}
    halls: dict[HallKey, int] = {}
    policies = len(study.policy)
    rows = np.zeros((len(branches), PER_POLICY + 2 * policies), np.int64)
    for number, branch in enumerate(branches):
        served = 0
        for mask in branch.masks:
            served |= mask
        crowd = crowds.setdefault((branch.opens_ms, branch.closes_ms, served), len(crowds))
        hall = halls.setdefault((branch.opens_ms, branch.closes_ms, branch.masks), len(halls))
        rows[number, :PER_POLICY] = number, crowd, hall
    made = tuple(_crowd(study, bank, groups, key, tables) for key in crowds)
    for number, branch in enumerate(branches):
        for index, policy in enumerate(study.policy):
            customers = branch.customers * surge_of(study, policy)
            rows[number, PER_POLICY + index] = round(customers * SIZE_UNIT)
            factor = _factor(study, customers, made[rows[number, 1]].weights, tables)
            rows[number, PER_POLICY + policies + index] = factor
    return Planned(
        plan=Plan(
            seed=study.seed,
            policies=tuple(p.name for p in study.policy),
            groups=tuple(g.name for g in groups),
            tables=tables.stacked(),
            crowds=made,
            halls=tuple(_hall(study, key) for key in halls),
            branches=rows,
            dispersion_percent=math.ceil(study.network.dispersion * 100),
        ),
        branches=tuple(b.id for b in branches),
        ordinary=tuple(b.customers for b in branches),
        counters=tuple(len(b.masks) for b in branches),
        left_out=tuple(left_out),
    )


def surge_of(study: m.Study, policy: m.Policy) -> float:
    """Times the customers of an ordinary day."""
    return study.network.surge_factor if policy.surge_factor is None else policy.surge_factor


def _check_sizes(study: m.Study, branches: Sequence[StudiedBranch], file: str) -> None:
    findings = Findings()
    if not branches:
        place = Place(file, "network.day")
        findings.add("nobody_open", place, expected="a day on which a branch serves them", found="none")
    largest = max((b.customers for b in branches), default=0.0)
    surge = max(surge_of(study, p) for p in study.policy)
    if largest * surge > CUSTOMERS_AT_MOST:
        findings.add(
            "too_many",
            Place(file, "network.customers" if study.network.bank is None else "network.customers_of"),
            expected=f"at most {CUSTOMERS_AT_MOST} customers a day in the largest branch, surge included",
            found=f"{largest * surge:.0f}",
        )
    counters = max((len(b.masks) for b in branches), default=0)
    if counters > engine.COUNTERS_AT_MOST:
        findings.add(
            "too_many",
            Place(file, "network.customers_per_counter"),
            expected=f"at most {engine.COUNTERS_AT_MOST} counters in the largest branch",
            found=f"more for its {largest:.0f} customers",
        )
    if len(findings):
        raise StudyInvalid(findings.in_order(), place=file)


class _Tables:
    """The tables of all models of a plan, each once."""

    def __init__(self) -> None:
        self._numbers: dict[bytes, int] = {}
        self._tables: list[Ints] = []

    def number(self, table: Ints) -> int:
        key = table.tobytes()
        if key not in self._numbers:
            self._numbers[key] = len(self._tables)
            self._tables.append(table)
        return self._numbers[key]

    def stacked(self) -> Ints:
        return np.stack(self._tables)


# --- customers ---------------------------------------------------------------------------------------


def _crowd(
    study: m.Study, bank: Bank | None, groups: Sequence[Group], key: CrowdKey, tables: _Tables
) -> Crowd:
    opens_ms, closes_ms, served = key
    stretches = math.ceil((closes_ms - opens_ms) / (STRETCH_MINUTES * MINUTE_MS))
    weights = spread(study.network.arrival_profile, stretches)
    shares = np.array([g.share if served >> i & 1 else 0.0 for i, g in enumerate(groups)])
    mix = tuple(float(s) for s in shares / shares.sum())
    arrivals = habits.Arrivals(
        from_ms=opens_ms,
        width_ms=(closes_ms - opens_ms) // stretches,
        expected=tuple(weights),
        mix=(mix,) * stretches,
    )
    models = [_model(study, bank, groups, policy, arrivals) for policy in study.policy]
    renumbered = np.stack([model.groups for model in models])
    for model, columns in zip(models, renumbered, strict=True):
        numbers = np.array([tables.number(table) for table in model.tables])
        kept = columns[:, : engine.T_ELSEWHERE + 1]
        columns[:, : engine.T_ELSEWHERE + 1] = np.where(kept < 0, kept, numbers[kept])
    gaps = models[0].tables[models[0].clock[2]]
    return Crowd(
        opens_ms=opens_ms,
        width_ms=arrivals.width_ms,
        weights=np.rint(np.array(weights) * WEIGHT_UNIT).astype(np.int64),
        mix=models[0].bins[:, 1:].copy(),
        groups=renumbered,
        followings=np.stack([model.followings for model in models]),
        gaps=tables.number(gaps),
    )


def spread(profile: Sequence[float], parts: int) -> list[float]:
    """A profile over equal parts of the day as shares of other equal parts, 1 together."""
    upto = np.concatenate([[0.0], np.cumsum(profile)]) / sum(profile)
    at = np.interp(np.linspace(0.0, 1.0, parts + 1), np.linspace(0.0, 1.0, len(profile) + 1), upto)
    return [float(b - a) for a, b in pairwise(at)]


def _model(
    study: m.Study,
    bank: Bank | None,
    groups: Sequence[Group],
    policy: m.Policy,
    arrivals: habits.Arrivals,
) -> engine.Model:
    order = policy.order or (bank.order.kind if bank else "head_start")
    late = study.network.late_after_minutes or (bank.waits.late_after_minutes if bank else LATE_AFTER_MINUTES)
    rules = []
    for group in groups:
        head_start = policy.head_start_minutes.get(group.class_code, group.head_start_minutes)
        is_strict = order == "strict"
        rules.append(
            habits.GroupRules(
                head_start_ms=0 if is_strict else head_start * MINUTE_MS,
                rank=group.rank if is_strict else 0,
                late_after_ms=late * MINUTE_MS,
            )
        )
    return habits.model_of([_habits(study, group, policy) for group in groups], rules, arrivals)


def _habits(study: m.Study, group: Group, policy: m.Policy) -> habits.GroupHabits:
    """A group as assumed, with everything that the file says otherwise."""
    mean_ms = group.minutes * policy.minutes_factor * MINUTE_MS
    asked = study.customers
    found = habits.assumed(group.service, group.class_code, mean_ms)
    changes: dict[str, object] = {"service_time": _lognormal(mean_ms, group.cv)}
    if group.patience_minutes is not None:
        changes["patience"] = durations.exponential(group.patience_minutes * MINUTE_MS)
    if asked.walk_seconds is not None:
        changes["walk"] = _lognormal(asked.walk_seconds * 1_000, 0.6)
    if asked.gap_seconds is not None:
        changes["gap"] = durations.exponential(asked.gap_seconds * 1_000)
    shares = {
        "absent_share": asked.no_show_share,
        "out_share": asked.hold_share,
        "second_share": asked.second_service_share,
        "takes_share": asked.accept_share if policy.accept_share is None else policy.accept_share,
        "done_share": asked.done_share,
    }
    changes |= {name: share for name, share in shares.items() if share is not None}
    return msgspec.structs.replace(found, **changes)


def _lognormal(mean_ms: float, cv: float) -> Durations:
    return durations.lognormal(mean_ms, cv) if cv else durations.constant(round(mean_ms))


def _factor(study: m.Study, customers: float, weights: Ints, tables: _Tables) -> int:
    """The table of how much busier than expected a stretch of such a branch is; -1 for Poisson."""
    dispersion = study.network.dispersion
    if dispersion <= 1:
        return -1
    middling = customers * float(np.median(weights[weights > 0])) / WEIGHT_UNIT
    step = min(LADDER_AT_MOST, max(0, round(math.log(max(middling, 1.0), LADDER_STEP))))
    cv = math.sqrt((dispersion - 1) / LADDER_STEP**step)
    return tables.number(durations.lognormal(habits.FACTOR_UNIT, cv).expand(engine.QUANTILES))


# --- counters ----------------------------------------------------------------------------------------


def _hall(study: m.Study, key: HallKey) -> Hall:
    opens_ms, closes_ms, masks = key
    order, at_least = opening_order(masks)
    schedules, open_ms, above = [], [], []
    for policy in study.policy:
        steps = open_counters(policy, opens_ms, closes_ms, counters=len(masks), at_least=at_least)
        schedules.append(schedule(steps, order, masks))
        ends = [at for at, _ in steps[1:]] + [closes_ms]
        open_ms.append(sum(count * (end - at) for (at, count), end in zip(steps, ends, strict=True)))
        line = policy.divert_above
        if policy.divert_above_per_counter is not None:
            line = max(1, round(policy.divert_above_per_counter * len(masks)))
        above.append(engine.NEVER if line is None else line)
    return Hall(
        counters=len(masks),
        closes_ms=closes_ms,
        schedules=tuple(schedules),
        divert_above=np.array(above, np.int64),
        open_ms=np.array(open_ms, np.int64),
    )


def opening_order(masks: Sequence[int]) -> tuple[list[int], int]:
    """In which order counters open, and how many of them serve whatever all together can serve.

    First those that add most to what is served (of equal ones the first), then the rest as they stand.
    """
    left = list(range(len(masks)))
    wanted = 0
    for mask in masks:
        wanted |= mask
    order: list[int] = []
    while wanted:
        best = max(left, key=lambda c: ((masks[c] & wanted).bit_count(), -c))
        wanted &= ~masks[best]
        order.append(best)
        left.remove(best)
    return order + left, len(order)


def open_counters(
    policy: m.Policy, opens_ms: int, closes_ms: int, *, counters: int, at_least: int
) -> list[tuple[int, int]]:
    """(moment, how many are open from then on) over the doors' hours; the last count stays till the end."""
    parts = len(policy.open)
    begins = [opens_ms + (closes_ms - opens_ms) * part // parts for part in range(parts)]
    extras = [(*(minute * MINUTE_MS for minute in minutes_of(e.hours)), e.counters) for e in policy.extra]
    moments = {*begins, *(moment for begin, end, _ in extras for moment in (begin, end))}
    steps: list[tuple[int, int]] = []
    for moment in sorted(moment for moment in moments if opens_ms <= moment < closes_ms):
        share = policy.open[sum(1 for begin in begins if begin <= moment) - 1]
        more = sum(count for begin, end, count in extras if begin <= moment < end)
        count = min(counters, max(at_least, math.floor(share * counters + 0.5) + more))
        if not steps or steps[-1][1] != count:
            steps.append((moment, count))
    return steps


def schedule(steps: Sequence[tuple[int, int]], order: Sequence[int], masks: Sequence[int]) -> Ints:
    """The events of `engine.serve`. The counters that opened last close first."""
    events: list[tuple[int, int, int]] = []
    now_open = 0
    for at_ms, count in steps:
        events += [(at_ms, order[i], masks[order[i]]) for i in range(now_open, count)]
        events += [(at_ms, order[i], 0) for i in range(count, now_open)]
        now_open = count
    return np.array(events, np.int64).reshape(-1, 3)

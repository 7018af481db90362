"""Days to be played: a hall, its people and their shifts, the plan of an ordinary day, and who then came."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from openhall.hall.policy import DayRules, Staff
from openhall.hall.twin import groups_of
from openhall.kernel.clock import MINUTE_MS, SECOND_MS, local_ms, to_datetime
from openhall.kernel.text import Text
from openhall.network.hours import Hours
from openhall.network.model import (
    Branch,
    CallPolicy,
    CapacityPolicy,
    Counter,
    EntryPolicy,
    HoldPolicy,
    OrderPolicy,
    PriorityClass,
    Regime,
    Service,
)
from openhall.rehearsal.elastic.day import ElasticDay
from openhall.rehearsal.elastic.hall import first_look
from openhall.rehearsal.elastic.planning import Duty, Ordinary, static_plan
from openhall.rehearsal.invented import InventedParameters
from openhall.rehearsal.invented.crowd import Visitor, draw_crowd
from openhall.rehearsal.invented.parameters import MORNING_RUSH
from openhall.rehearsal.recorded.day import RecordedDay, RecordedParameters
from openhall.rehearsal.recorded.pace import pace_of
from openhall.rehearsal.recorded.warsaw import read_warsaw
from openhall.science import durations, engine, habits
from openhall.science.habits import Arrivals, Habits

SURGE = 2.85
"""Times an ordinary day's people: the recorded surge's own ratio."""

SERVICE_CV = 0.7
WALK_MS = 20 * SECOND_MS
GAP_MS = 9 * SECOND_MS
PATIENCE_MINUTES, PATIENCE_LEAST_MINUTES = 240.0, 20.0
"""Mean (exponential) and least time after which somebody who still waits leaves, on invented days."""

INTERVAL_MINUTES = 30


# --- invented ----------------------------------------------------------------------------------------

ZONE = "Asia/Shanghai"
DAY = date(2026, 11, 23)
HOURS = Hours(9 * 60, 17 * 60)

SERVICES = (("cash", 4.0), ("accounts", 8.0), ("corporate", 10.0))
"""Ids and mean minutes."""

COUNTERS = (
    *(Counter(f"C{n}", n, ("cash", "accounts")) for n in range(1, 6)),
    *(Counter(f"C{n}", n, ("cash", "accounts", "corporate"), is_elastic=n == 8) for n in range(6, 9)),
)

TELLERS: tuple[tuple[str, ...], ...] = (
    *((("cash", "accounts", "corporate"),) * 4),
    *((("cash", "accounts"),) * 4),
    ("cash",),
)
"""Skills of the nine who are trained for the window and the lobby; two more are there for the lobby alone."""

VISITORS_ORDINARY = 165.0
SERVICE_MIX = {"cash": 0.55, "accounts": 0.33, "corporate": 0.12}


def _same(words: str) -> Text:
    return Text(en=words, zh=words)


def _rules(name: str, day: date, zone: str, counters: tuple[Counter, ...], **more: object) -> DayRules:
    open_regime = Regime(
        "normal",
        _same("Normal"),
        EntryPolicy(is_check_required=False),
        capacity=CapacityPolicy(is_computed=False),
    )
    base = DayRules(
        network_version="0" * 12,
        branch=Branch(name, _same(name), _same("1 Road"), zone, (HOURS,) * 7, counters),
        services=(),
        classes=(PriorityClass("ordinary", _same("ordinary")),),
        staff=(),
        regime=open_regime,
        triage=(),
        order=OrderPolicy(),
        hold=HoldPolicy(),
        call=CallPolicy(),
        checkin_opens_ms=local_ms(day, 0, ZoneInfo(zone)),
        opens_ms=0,
        closes_ms=0,
    )
    return msgspec.structs.replace(base, **more)


def invented_day(seed: int, *, surge: float = SURGE) -> ElasticDay:
    """A day at an invented branch of eight counters: planned for an ordinary number of people, met by
    `surge` times as many."""
    origin_ms = local_ms(DAY, 0, ZoneInfo(ZONE))
    opens_ms, closes_ms = (origin_ms + m * MINUTE_MS for m in (HOURS.opens_minute, HOURS.closes_minute))
    tellers = tuple(Staff(f"p{n}", skills, ("teller", "lobby")) for n, skills in enumerate(TELLERS, 1))
    rules = _rules(
        "invented",
        DAY,
        ZONE,
        COUNTERS,
        services=tuple(Service(s, s[0].upper(), _same(s), (), mean) for s, mean in SERVICES),
        classes=(
            PriorityClass("ordinary", _same("ordinary")),
            PriorityClass("green", _same("green"), 10, is_counted_in_diversion=False),
        ),
        staff=(*tellers, Staff("l1", (), ("lobby",)), Staff("l2", (), ("lobby",))),
        checkin_opens_ms=opens_ms - 30 * MINUTE_MS,
        opens_ms=opens_ms,
        closes_ms=closes_ms,
    )
    begins_ms = opens_ms - 30 * MINUTE_MS
    duties = tuple(Duty(p.id, p.skills, begins_ms, closes_ms, "teller" in p.posts) for p in rules.staff)
    profile = _profile(rules, MORNING_RUSH)
    mean = sum(SERVICE_MIX[s] * m for s, m in SERVICES) + (WALK_MS + GAP_MS) / MINUTE_MS
    ordinary = Ordinary(rules.checkin_opens_ms, INTERVAL_MINUTES * MINUTE_MS, profile, mean)
    rng = Random(f"elastic/{seed}")  # noqa: S311 - a rehearsal
    parameters = InventedParameters(
        visitors_daily=VISITORS_ORDINARY,
        surge_factor=surge,
        service_mix=SERVICE_MIX,
        elderly_class="green",
        patience_minutes_mean=PATIENCE_MINUTES,
        patience_minutes_at_least=PATIENCE_LEAST_MINUTES,
    )
    crowd = draw_crowd(parameters, rules, tuple(s for s, _ in SERVICES), rng)
    believed = _believed(rules, ordinary, origin_ms, parameters)
    return _day(f"invented {seed}", rules, duties, ordinary, believed, origin_ms, _rows(crowd, rng))


def _profile(rules: DayRules, weights: Sequence[float]) -> tuple[float, ...]:
    """People of an ordinary day in each interval from check-in to closing."""
    width = INTERVAL_MINUTES * MINUTE_MS
    count = -(-(rules.closes_ms - rules.checkin_opens_ms) // width)
    ends = np.linspace(rules.checkin_opens_ms, rules.closes_ms, len(weights) + 1)
    shares = np.concatenate([[0.0], np.cumsum(weights) / sum(weights)])
    edges = rules.checkin_opens_ms + np.minimum(
        np.arange(count + 1) * width, rules.closes_ms - rules.checkin_opens_ms
    )
    return tuple(float(n) for n in VISITORS_ORDINARY * np.diff(np.interp(edges, ends, shares)))


Row = tuple[int, str, str, int, int, int, int]
"""Comes at (epoch ms), service, class, way, service time, gap and patience (ms)."""


def _rows(crowd: Sequence[Visitor], rng: Random) -> list[Row]:
    means = dict(SERVICES)
    found = []
    for who in crowd:
        mean_ms = means[who.service] * MINUTE_MS
        work_ms = max(20 * SECOND_MS, round(rng.gammavariate(1 / SERVICE_CV**2, mean_ms * SERVICE_CV**2)))
        gap_ms = round(rng.expovariate(1 / GAP_MS))
        code = who.class_code or "ordinary"
        found.append((who.arrives_ms, who.service, code, WALK_MS, work_ms, gap_ms, who.patience_ms))
    return found


def _believed(
    rules: DayRules, ordinary: Ordinary, origin_ms: int, parameters: InventedParameters | None
) -> Habits:
    """What the branch has learned of its customers on ordinary days: how long they take and how patient they
    are, how many come when; nothing of a surge."""
    codes = [k.code for k in rules.classes]
    means = [(s.id, s.mean_minutes * MINUTE_MS) for s in rules.services]
    found = habits.assumed_habits(rules.branch.id, means, codes)
    groups = []
    for group in found.groups:
        mean_ms = dict(means)[group.service]
        own = msgspec.structs.replace(
            group,
            walk=durations.constant(WALK_MS if parameters else 0),
            gap=durations.exponential(GAP_MS, durations.KEPT_POINTS) if parameters else durations.constant(0),
            absent_share=0.0,
            out_share=0.0,
            second_share=0.0,
            second_later_share=0.0,
            takes_share=0.0,
        )
        if parameters:
            own = msgspec.structs.replace(
                own,
                service_time=durations.lognormal(mean_ms, SERVICE_CV, durations.KEPT_POINTS),
                patience=_patience(),
            )
        groups.append(own)
    if parameters:
        green = parameters.elderly_share
        mix = tuple(
            SERVICE_MIX[g.service] * (green if g.class_code == "green" else 1 - green) for g in groups
        )
    else:
        mix = tuple([1 / len(groups)] * len(groups))
    arrivals = Arrivals(
        ordinary.from_ms - origin_ms,
        ordinary.interval_ms,
        ordinary.expected,
        (mix,) * len(ordinary.expected),
        2.0,
    )
    return msgspec.structs.replace(found, days=20, groups=tuple(groups), arrivals=arrivals)


def _patience() -> durations.Durations:
    points = durations.exponential(PATIENCE_MINUTES * MINUTE_MS, durations.KEPT_POINTS).points_ms
    return durations.Durations(tuple(p + round(PATIENCE_LEAST_MINUTES * MINUTE_MS) for p in points))


# --- recorded ----------------------------------------------------------------------------------------

OFFICE, QUEUE, SURGE_DAY = "UD_Bielany", 158, date(2019, 12, 30)
RECORDED_COUNTERS = 7
"""The most that the record shows open at once on that day."""

RECORDED_PEOPLE = 9
CONFIGURED_MINUTES = 7.0
"""What an office would have configured; the calibration of the day has a mean of 6.6."""


def recorded_day(folder: Path) -> ElasticDay:
    """The recorded surge of 30 December 2019. Each customer brings the service time of the pace at which the
    record was being called when their turn came, under every policy the same."""
    recorded = read_warsaw(folder, office=OFFICE, queue=QUEUE, day=SURGE_DAY)
    zone = ZoneInfo(recorded.timezone)
    origin_ms = local_ms(SURGE_DAY, 0, zone)
    counters = tuple(Counter(f"C{n}", n, ("service",)) for n in range(1, RECORDED_COUNTERS + 1))
    staff = tuple(Staff(f"p{n}", ("service",), ("teller", "lobby")) for n in range(1, RECORDED_PEOPLE + 1))
    rules = _rules(
        recorded.place,
        SURGE_DAY,
        recorded.timezone,
        counters,
        services=(Service("service", "S", _same("service"), (), CONFIGURED_MINUTES),),
        staff=(*staff, Staff("l1", (), ("lobby",))),
        checkin_opens_ms=recorded.opens_ms,
        opens_ms=recorded.opens_ms,
        closes_ms=recorded.closes_ms,
    )
    # Nobody's day ends with the doors of that day: people were served till evening.
    duties = tuple(
        Duty(p.id, p.skills, rules.opens_ms, rules.closes_ms, "teller" in p.posts) for p in rules.staff
    )
    ordinary = _other_days(folder, recorded, rules)
    pace = pace_of(recorded, RecordedParameters())
    rows: list[Row] = []
    for ticket in recorded.tickets:
        work_ms = pace.at(ticket.called_ms or ticket.joined_ms)
        rows.append((ticket.joined_ms, "service", "ordinary", 0, work_ms, 0, -1))
    believed = _believed(rules, ordinary, origin_ms, None)
    return _day(f"{OFFICE} {QUEUE} {SURGE_DAY}", rules, duties, ordinary, believed, origin_ms, rows)


def _other_days(folder: Path, recorded: RecordedDay, rules: DayRules) -> Ordinary:
    """The mean of the queue's other recorded days, as the forecast of an ordinary one. They lie after the
    surge: the record has no days before it."""
    width = INTERVAL_MINUTES * MINUTE_MS
    count = -(-(rules.closes_ms - rules.opens_ms) // width)
    zone = ZoneInfo(recorded.timezone)
    opens = rules.opens_ms - local_ms(SURGE_DAY, 0, zone)
    counts = np.zeros(count)
    days = sorted({_date(intervals[0].from_ms, zone) for intervals in recorded.other_days})
    for day in days:
        other = read_warsaw(folder, office=OFFICE, queue=QUEUE, day=day)
        for ticket in other.tickets:
            slot = (ticket.joined_ms - local_ms(day, 0, zone) - opens) // width
            if slot < count:
                counts[max(0, slot)] += 1
    return Ordinary(rules.opens_ms, width, tuple(float(n) for n in counts / len(days)), CONFIGURED_MINUTES)


def _date(at_ms: int, zone: ZoneInfo) -> date:
    return to_datetime(at_ms, zone).date()


# --- both --------------------------------------------------------------------------------------------


def _day(
    name: str,
    rules: DayRules,
    duties: tuple[Duty, ...],
    ordinary: Ordinary,
    believed: Habits,
    origin_ms: int,
    rows: Sequence[Row],
) -> ElasticDay:
    plan = static_plan(rules, duties, ordinary)
    groups = groups_of(first_look(rules, origin_ms), believed)
    longest = max(rule.head_start_ms for rule in groups.rules)
    table = np.zeros((len(rows), engine.COLUMNS), np.int64)
    for number, (row, (at_ms, service, code, walk, work, gap, patience)) in enumerate(
        zip(table, sorted(rows), strict=True)
    ):
        enter, group = at_ms - origin_ms, groups.number(service, code)
        row[engine.ENTER], row[engine.GROUP] = enter, group
        row[engine.PLACE] = (
            habits.base_of(groups.rules[group], longest) + (enter << engine.ORDER_SHIFT) + number
        )
        row[engine.WALK], row[engine.WORK], row[engine.GAP] = walk, work, gap
        row[engine.GONE] = enter + patience if patience >= 0 else engine.NEVER
        row[engine.OUT] = row[engine.BACK] = row[engine.REINSTATED] = engine.NEVER
        row[engine.OFFERED] = row[engine.NEXT_GROUP] = -1
    return ElasticDay(name, rules, duties, plan, believed, groups, table, origin_ms)

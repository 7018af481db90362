"""The branches of a study, a bank's as configured or invented, in one form."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import msgspec
import numpy as np
from scipy.special import ndtri

from openhall.kernel.clock import MINUTE_MS
from openhall.network.calendar import hours_on
from openhall.network.model import Bank
from openhall.rehearsal.study import model as m
from openhall.rehearsal.study.reading import minutes_of
from openhall.science.engine import COUNTERS_AT_MOST


class Group(msgspec.Struct, frozen=True):
    """The customers of one service and class, all settings filled in."""

    service: str
    class_code: str
    share: float
    minutes: float
    cv: float
    head_start_minutes: int
    rank: int
    patience_minutes: float | None

    @property
    def name(self) -> str:
        """`service/class`."""
        return f"{self.service}/{self.class_code}"


class StudiedBranch(msgspec.Struct, frozen=True):
    """One branch.

    Parameters
    ----------
    id : for the tables.
    customers : expected on an ordinary day.
    opens_ms, closes_ms : of the doors, from midnight.
    masks : what each counter serves: bit g for group g.
    """

    id: str
    customers: float
    opens_ms: int
    closes_ms: int
    masks: tuple[int, ...]


def groups_of(study: m.Study, bank: Bank | None) -> list[Group]:
    """Every pair of service and class that occurs, in the file's order (else the bank's).

    A bank whose services are not listed has them in inverse proportion to their times; one whose classes are
    not listed has ordinary customers only.
    """
    classes = study.classes
    if not classes:
        classes = (m.CustomerClass(bank.classes[0].code if bank else "ordinary", 1.0),)
    known_classes = {c.code: c for c in bank.classes} if bank else {}
    found = []
    for service, share, minutes, cv in _services(study, bank):
        for each in classes:
            configured = known_classes.get(each.code)
            head_start = configured.head_start_minutes if configured else 0
            rank = configured.rank if configured else 0
            if share * each.share:
                found.append(
                    Group(
                        service=service,
                        class_code=each.code,
                        share=share * each.share,
                        minutes=minutes,
                        cv=cv,
                        head_start_minutes=(
                            head_start if each.head_start_minutes is None else each.head_start_minutes
                        ),
                        rank=rank if each.rank is None else each.rank,
                        patience_minutes=each.patience_minutes,
                    )
                )
    return found


def _services(study: m.Study, bank: Bank | None) -> list[tuple[str, float, float, float]]:
    """(id, share, mean minutes, cv)"""
    configured = {s.id: s.mean_minutes for s in bank.services} if bank else {}
    if study.services:
        return [(s.id, s.share, s.minutes or configured.get(s.id, 0.0), s.cv) for s in study.services]
    total = sum(1 / minutes for minutes in configured.values())
    return [(id_, 1 / minutes / total, minutes, 0.8) for id_, minutes in configured.items()]


def invented_branches(study: m.Study, groups: Sequence[Group]) -> list[StudiedBranch]:
    """Branches whose sizes are evenly spaced quantiles of a lognormal, the smallest first.

    Of a branch's counters the first serve the most services, so that those which open first serve everybody.
    """
    network = study.network
    count, mean = network.branches or 1, network.customers or 1.0
    sigma = np.sqrt(np.log1p(network.customers_spread**2))
    sizes = np.exp(ndtri((np.arange(count) + 0.5) / count) * sigma)
    sizes *= mean / sizes.mean()
    opens, closes = minutes_of(network.hours or "09:00-17:00")
    able = {s.id: s.counters for s in study.services}
    digits = len(str(count))
    found = []
    for number, size in enumerate(sizes, start=1):
        counters = max(1, int(np.ceil(size / network.customers_per_counter - 1e-9)))
        serving = {id_: max(1, int(np.ceil(share * counters - 1e-9))) for id_, share in able.items()}
        masks = [
            sum(1 << g for g, group in enumerate(groups) if index < serving[group.service])
            for index in range(min(counters, COUNTERS_AT_MOST + 1))
        ]
        found.append(
            StudiedBranch(
                f"b{number:0{digits}d}", float(size), opens * MINUTE_MS, closes * MINUTE_MS, tuple(masks)
            )
        )
    return found


def configured_branches(
    study: m.Study, bank: Bank, groups: Sequence[Group]
) -> tuple[list[StudiedBranch], list[str]]:
    """The bank's branches that are open on the study's day, and the ids of the others."""
    network = study.network
    day = date.fromisoformat(network.day or "")
    found, left_out = [], []
    for branch in bank.branches:
        hours = hours_on(branch, day)
        masks = tuple(
            sum(
                1 << g
                for g, group in enumerate(groups)
                if group.service in counter.services
                and (not counter.classes or group.class_code in counter.classes)
            )
            for counter in branch.counters
        )
        if hours is None or not any(masks):
            left_out.append(branch.id)
            continue
        customers = network.customers_of.get(branch.id, network.customers_per_counter * len(masks))
        opens_ms, closes_ms = hours.opens_minute * MINUTE_MS, hours.closes_minute * MINUTE_MS
        found.append(StudiedBranch(branch.id, customers, opens_ms, closes_ms, masks))
    return found, left_out

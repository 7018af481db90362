"""From samples to habits: what a branch's own days show, and what it borrows where they show little.

A table is a chain of levels from the most particular to the most general, each blended with what follows it:

    table(level) = w * own(level) + (1 - w) * table(next level),    w = n / (n + k)

quantile by quantile, so that the mean is blended with the same weight; n is how many durations the level has.
At the end of every chain stands the assumption of `habits.assumed`. The k of a duration is the ratio of the
variance of single times to the variance of means between branches (Buehlmann's credibility, ASTIN Bulletin
4, 1967): service times with a coefficient of variation of 0.8 and branches whose means differ by 15 % give
(0.8 / 0.15)**2 = 28.

A share is (seen + k * share of the next level) / (n + k): the mean of a beta distribution after n trials,
when the next level was worth k of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from openhall.science import durations, survival
from openhall.science.arriving import arrivals_of, usual_dispersion
from openhall.science.believed import EARLIEST_MS
from openhall.science.durations import KEPT_POINTS, Durations
from openhall.science.engine import GROUPS_AT_MOST
from openhall.science.habits import BookedHabits, GroupHabits, Habits, Seen, assumed, assumed_booked
from openhall.science.samples import (
    BookedSamples,
    BranchSamples,
    GroupKey,
    GroupSamples,
    NeedKey,
    Times,
    together,
)

Numbers = NDArray[np.float64]

HALL_KINDS = ("walk", "gap", "lost", "reinstated_after", "away", "elsewhere")
"""Durations that belong to a hall and its people more than to a service."""
HALL_POINTS = 33
"""Of their tables: they are short beside services, and a version is kept of every night."""


class LearningParameters(msgspec.Struct, frozen=True):
    """How far a branch's own days are believed.

    Parameters
    ----------
    times_k : durations at which one's own weigh as much as what is borrowed.
    shares_k : customers at which one's own share weighs as much as what is borrowed. Shares of some percent
        that differ by half between branches have (1 - p) / (p / 4) of them: 130 at 3 %, 36 at 10 %.
    need_count_at_least : service times of a need from which on it may have a table of its own.
    need_differs_by : by what share its mean must then differ from that of its service and class.
    """

    times_k: float = 30.0
    shares_k: float = 100.0
    need_count_at_least: int = 100
    need_differs_by: float = 0.2

    def __post_init__(self) -> None:
        for name in ("times_k", "shares_k"):
            if not 0 < getattr(self, name) <= 1e6:
                raise ValueError(f"Expected {name} above 0 and at most 1000000, got {getattr(self, name)}")
        if self.need_count_at_least < 1:
            raise ValueError(f"Expected need_count_at_least of 1 or more, got {self.need_count_at_least}")
        if not 0 <= self.need_differs_by <= 10:
            raise ValueError(f"Expected need_differs_by between 0 and 10, got {self.need_differs_by}")


class Offered(msgspec.Struct, frozen=True):
    """What a branch is configured to do: services (id, usual service time in ms) and classes, in order."""

    branch: str
    service_ms: tuple[tuple[str, float], ...]
    classes: tuple[str, ...]


# --- one level over the next -------------------------------------------------------------------------


def table_of(times: Times) -> Durations | None:
    """Durations as they were seen; None for none. What was cut short counts by the product-limit estimate."""
    if not len(times.ended):
        return None
    if not len(times.cut):
        return durations.of_samples(np.asarray(times.ended, float))
    seen = np.asarray([*times.ended, *times.cut], float)
    is_ended = np.arange(len(seen)) < len(times.ended)
    curve = survival.product_limit(seen, is_ended)
    return survival.settled(curve, float(seen.max()), len(times.ended), 1.0)


def blend(own: Durations | None, prior: Durations, k: float) -> Durations:
    """The quantiles of `own` and of what stands behind it, weighted n : k; the count is that of `own`.

    Its own share is that of both by their weights, so that a chain can say how much of it is the branch's.
    """
    if own is None or not own.count:
        return Durations(prior.points_ms, 0, prior.own_share)
    weight = own.count / (own.count + k)
    points = weight * own.expand(KEPT_POINTS) + (1 - weight) * prior.expand(KEPT_POINTS)
    share = weight * own.own_share + (1 - weight) * prior.own_share
    return Durations(tuple(int(p) for p in np.rint(points)), own.count, share)


def blend_share(seen: float, of: float, prior: float, k: float) -> float:
    """(seen + k prior) / (of + k)

    >>> blend_share(3, 100, 0.05, 100), blend_share(0, 0, 0.05, 100)
    (0.04, 0.05)
    """
    return (seen + k * prior) / (of + k)


def _chain(levels: Sequence[Durations | None], last: Durations, k: float) -> Durations:
    """The first level over the second over ... the last."""
    found = last
    for level in reversed(levels):
        found = blend(level, found, k) if level is not None else found
    count = levels[0].count if levels and levels[0] is not None else 0
    return Durations(found.points_ms, count, found.own_share)


def _marked(table: Durations | None, own_count: int) -> Durations | None:
    """A table of several branches, so many of its durations being this branch's own."""
    if table is None:
        return None
    return Durations(table.points_ms, table.count, min(1.0, own_count / max(1, table.count)))


# --- the network -------------------------------------------------------------------------------------


class Network:
    """What all branches together show: worked out once, then each branch borrows from it."""

    def __init__(self, branches: Mapping[str, BranchSamples]) -> None:
        self.groups: dict[GroupKey, GroupSamples] = {}
        self.needs: dict[tuple[str, str], Times] = {}
        for samples in branches.values():
            for key, found in samples.groups.items():
                self.groups.setdefault(key, GroupSamples()).add(found)
            for (service, _, need), times in samples.needs.items():
                self.needs.setdefault((service, need), Times()).add(times)
        self.booked = BookedSamples()
        for samples in branches.values():
            self.booked.add(samples.booked)
        self.dispersion = usual_dispersion(samples.days for samples in branches.values())
        self.services = _by(self.groups, lambda key: key[0])
        self.classes = _by(self.groups, lambda key: key[1])
        self.whole = together(self.groups.values())
        self._tables: dict[tuple[str, str, str], Durations | None] = {}

    def table(self, level: str, name: str, samples: GroupSamples | None, kind: str) -> Durations | None:
        """A table of a level of the network, kept: it is the same for every branch."""
        key = (level, name, kind)
        if key not in self._tables:
            self._tables[key] = None if samples is None else table_of(getattr(samples, kind))
        return self._tables[key]


def _by(
    groups: Mapping[GroupKey, GroupSamples], name_of: Callable[[GroupKey], str]
) -> dict[str, GroupSamples]:
    found: dict[str, GroupSamples] = {}
    for key, samples in groups.items():
        found.setdefault(name_of(key), GroupSamples()).add(samples)
    return found


# --- one branch --------------------------------------------------------------------------------------


class _Branch:
    """Learns one branch's groups."""

    def __init__(
        self, offered: Offered, samples: BranchSamples, network: Network, parameters: LearningParameters
    ) -> None:
        self.offered, self.own, self.network, self.parameters = offered, samples, network, parameters
        self.own_classes = _by(samples.groups, lambda key: key[1])
        self.own_whole = together(samples.groups.values())
        self._hall_tables = {kind: table_of(getattr(self.own_whole, kind)) for kind in HALL_KINDS}

    def group(self, service: str, class_code: str, mean_ms: float) -> tuple[GroupHabits, Seen]:
        """The habits of a service and class, and what was seen of it."""
        base = assumed(service, class_code, mean_ms)
        own = self.own.groups.get((service, class_code), GroupSamples())
        out_share, out_after = self._out(own, class_code, base)
        absent = self._share(own, class_code, "absent", "called", base.absent_share)
        second = self._share(own, class_code, "second", "served", base.second_share)
        later = self._share(own, class_code, "second_later", "single", base.second_later_share)
        # The engine gives a customer one of the three at most.
        together_at_most_one = max(1.0, absent + out_share + second)
        habits = GroupHabits(
            service=service,
            class_code=class_code,
            service_time=self._service(own, service, class_code, base),
            walk=self._hall("walk", own, class_code, base.walk),
            gap=self._hall("gap", own, class_code, base.gap),
            lost=self._hall("lost", own, class_code, base.lost),
            reinstated_after=self._hall("reinstated_after", own, class_code, base.reinstated_after),
            away=self._hall("away", own, class_code, base.away),
            elsewhere=self._hall("elsewhere", own, class_code, base.elsewhere),
            out_after=out_after,
            patience=self._patience(own, class_code),
            absent_share=absent / together_at_most_one,
            reinstated_share=self._share(own, class_code, "reinstated", "absent", base.reinstated_share),
            out_share=out_share / together_at_most_one,
            second_share=second / together_at_most_one,
            second_later_share=min(later, second) / together_at_most_one,
            takes_share=self._share(own, class_code, "accepted", "offered", base.takes_share),
            done_share=self._share(own, class_code, "done_elsewhere", "tried", base.done_share),
        )
        return habits, _seen(own)

    def _service(self, own: GroupSamples, service: str, class_code: str, base: GroupHabits) -> Durations:
        """Service times are alike where the service is: the same service and class, then the same service."""
        network, key = self.network, (service, class_code)
        same = network.table("group", f"{service}/{class_code}", network.groups.get(key), "service")
        near = network.table("service", service, network.services.get(service), "service")
        of_service = sum(len(s.service) for (name, _), s in self.own.groups.items() if name == service)
        levels = [table_of(own.service), _marked(same, len(own.service)), _marked(near, of_service)]
        return _chain(levels, base.service_time, self.parameters.times_k)

    def _hall(self, kind: str, own: GroupSamples, class_code: str, last: Durations) -> Durations:
        """What belongs to a hall is alike in the hall: the class there, all there, all everywhere."""
        here = self.own_classes.get(class_code, GroupSamples())
        everywhere = self.network.table("whole", "", self.network.whole, kind)
        levels = [
            table_of(getattr(own, kind)),
            table_of(getattr(here, kind)),
            self._hall_tables[kind],
            _marked(everywhere, len(getattr(self.own_whole, kind))),
        ]
        return durations.thinned(_chain(levels, last, self.parameters.times_k), HALL_POINTS)

    def _levels(self, own: GroupSamples, class_code: str) -> list[GroupSamples]:
        """From the group to all branches."""
        here = self.own_classes.get(class_code, GroupSamples())
        return [own, here, self.own_whole, self.network.whole]

    def _share(self, own: GroupSamples, class_code: str, seen: str, of: str, last: float) -> float:
        share = last
        for level in reversed(self._levels(own, class_code)):
            share = blend_share(getattr(level, seen), getattr(level, of), share, self.parameters.shares_k)
        return min(1.0, share)

    def _curve(self, kind: str, levels: Sequence[GroupSamples]) -> tuple[survival.Curve, float, float]:
        """The product-limit estimate over several levels, the weight of all, and the first one's share of it.

        A level's durations weigh 1 each but `shares_k` at most together, and so no more than one's own.
        """
        times, ended, weights = [], [], []
        for number, level in enumerate(levels):
            found: Times = getattr(level, kind)
            count = len(found.ended) + len(found.cut)
            times.append(np.asarray([*found.ended, *found.cut], float))
            ended.append(np.arange(count) < len(found.ended))
            each = 1.0 if number == 0 else min(1.0, self.parameters.shares_k / max(1, count))
            weights.append(np.full(count, each))
        total = float(sum(w.sum() for w in weights))
        curve = survival.product_limit(
            np.concatenate(times),
            np.concatenate(ended),
            np.concatenate(weights),
            still_there_at_least=survival.STILL_THERE_AT_LEAST,
        )
        return curve, total, float(weights[0].sum()) / total if total else 0.0

    def _patience(self, own: GroupSamples, class_code: str) -> Durations | None:
        curve, _, share = self._curve("patience", self._levels(own, class_code))
        return survival.patience(curve, len(own.patience), share)

    def _out(self, own: GroupSamples, class_code: str, base: GroupHabits) -> tuple[float, Durations]:
        """How many step out, if they have to wait as long as any did, and when."""
        curve, total, share = self._curve("out", self._levels(own, class_code))
        if not len(curve.left):
            return blend_share(0, total, base.out_share, self.parameters.shares_k), base.out_after
        table = durations.thinned(survival.ended_only(curve, len(own.out), share), HALL_POINTS)
        known = blend_share(float(curve.left[-1]) * total, total, base.out_share, self.parameters.shares_k)
        return known, table

    def booked(self) -> BookedHabits | None:
        """Those with an appointment: the branch's over the network's over the assumption."""
        every = self.network.booked
        if not len(every.late_ms) + every.missed:
            return None
        last, own = assumed_booked(), self.own.booked
        share = last.show_share
        for level in (every, own):
            came = len(level.late_ms)
            share = blend_share(came, came + level.missed, share, self.parameters.shares_k)
        levels = [_coming(own), _marked(_coming(every), len(own.late_ms))]
        table = _chain(levels, last.coming, self.parameters.times_k)
        came = len(own.late_ms)
        return BookedHabits(share, durations.thinned(table, HALL_POINTS), came + own.missed, came)

    def needs(self, groups: Mapping[GroupKey, GroupHabits]) -> list[tuple[NeedKey, GroupHabits]]:
        """The needs that deserve a table of their own, those with most customers first."""
        found: list[tuple[NeedKey, GroupHabits]] = []
        for key, times in self.own.needs.items():
            service, class_code, need = key
            group = groups.get((service, class_code))
            if not need or group is None or len(times) < self.parameters.need_count_at_least:
                continue
            network = _marked(table_of(self.network.needs[service, need]), len(times))
            table = _chain([table_of(times), network], group.service_time, self.parameters.times_k)
            if (
                abs(table.mean_ms / max(1.0, group.service_time.mean_ms) - 1)
                > self.parameters.need_differs_by
            ):
                found.append((key, msgspec.structs.replace(group, need=need, service_time=table)))
        return sorted(found, key=lambda pair: (-pair[1].service_time.count, pair[0]))

    def without(self, group: GroupHabits, needs: Sequence[NeedKey]) -> GroupHabits:
        """A group's habits for those of its customers who are in no group of a need."""
        key = (group.service, group.class_code)
        if not any((service, code) == key for service, code, _ in needs):
            return group
        rest = Times()
        for need, times in self.own.needs.items():
            if need[:2] == key and need not in needs:
                rest.add(times)
        table = _chain([table_of(rest)], group.service_time, self.parameters.times_k)
        return msgspec.structs.replace(group, service_time=table)


def _coming(samples: BookedSamples) -> Durations | None:
    """From the earliest that is looked at to joining, as it was seen."""
    found = Times()
    found.ended.extend(max(0, EARLIEST_MS + late_ms) for late_ms in samples.late_ms)
    return table_of(found)


def _seen(own: GroupSamples) -> Seen:
    return Seen(
        joined=own.joined,
        called=own.called,
        served=own.served,
        absent=own.absent,
        reinstated=own.reinstated,
        held=own.held,
        reneged=own.reneged,
        offered=own.offered,
        accepted=own.accepted,
        done_elsewhere=own.done_elsewhere,
        second=own.second,
    )


def learn_branch(
    offered: Offered,
    samples: BranchSamples,
    network: Network,
    parameters: LearningParameters | None = None,
) -> Habits:
    """All that is to be believed of a branch, from its own days and the network's.

    The version is left empty and `learned_ms` 0: who keeps it gives them. Raises ValueError for more pairs of
    service and class than the engine takes.
    """
    parameters = parameters or LearningParameters()
    branch = _Branch(offered, samples, network, parameters)
    pairs = [
        branch.group(service, code, mean) for service, mean in offered.service_ms for code in offered.classes
    ]
    if not 0 < len(pairs) <= GROUPS_AT_MOST:
        raise ValueError(f"Expected 1 to {GROUPS_AT_MOST} pairs of service and class, got {len(pairs)}")
    needs = branch.needs({(h.service, h.class_code): h for h, _ in pairs})[: GROUPS_AT_MOST - len(pairs)]
    apart = [key for key, _ in needs]
    groups = [*(branch.without(habits, apart) for habits, _ in pairs), *(habits for _, habits in needs)]
    seen = [*(s for _, s in pairs), *(Seen(served=h.service_time.count) for _, h in needs)]
    days = sorted(day.day for day in samples.days)
    return Habits(
        version="",
        branch=offered.branch,
        learned_ms=0,
        first_day=days[0] if days else None,
        last_day=days[-1] if days else None,
        days=len(days),
        groups=tuple(groups),
        seen=tuple(seen),
        arrivals=arrivals_of(
            samples.days,
            [(g.service, g.class_code, g.need) for g in groups],
            usual_dispersion=network.dispersion,
        ),
        booked=branch.booked(),
    )


def learn(
    branches: Mapping[str, BranchSamples],
    offered: Sequence[Offered],
    parameters: LearningParameters | None = None,
) -> list[Habits]:
    """Habits of every branch that is offered; one without samples lives on what the others show."""
    network = Network(branches)
    return [
        learn_branch(each, branches.get(each.branch, BranchSamples()), network, parameters)
        for each in offered
    ]

"""When a study has said enough: the half-widths of its 95 % intervals are as small as was asked for."""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np

from openhall.science.study import figures
from openhall.science.study.plan import REPLICATIONS_AT_MOST
from openhall.science.study.sums import Sums
from openhall.science.study.tasks import METRICS

Level = Literal["network", "branch"]
Of = Literal["policy", "difference"]


class Precision(msgspec.Struct, frozen=True):
    """How precise, and how many replications that may take.

    Parameters
    ----------
    metric : one of METRICS.
    half_width : of the 95 % interval, in the metric's unit; or
    relative : as a share of the mean (of a difference: of the baseline's mean). One of the two.
    level : every policy's mean over the network, or in every single branch too.
    of : the policies themselves, or their differences from the first.
    minimum, maximum, batch : replications before the first look, at most, and between two looks.
    """

    metric: str = "wait_minutes"
    half_width: float | None = None
    relative: float | None = None
    level: Level = "network"
    of: Of = "policy"
    minimum: int = 30
    maximum: int = 300
    batch: int = 30

    def __post_init__(self) -> None:
        _expect(self.metric in METRICS, f"one of {METRICS}, got {self.metric}")
        _expect((self.half_width is None) != (self.relative is None), "half_width or relative, one of them")
        _expect((self.half_width or self.relative or 0) > 0, "a precision above 0")
        _expect(
            2 <= self.minimum <= self.maximum <= REPLICATIONS_AT_MOST,
            f"2 <= minimum <= maximum <= {REPLICATIONS_AT_MOST}",
        )
        _expect(self.batch >= 1, f"a batch of 1 or more, got {self.batch}")

    def next_batch(self, done: int) -> int:
        """How many replications to do after `done`; 0 when there may be no more."""
        wanted = self.minimum if not done else self.batch
        return min(wanted, self.maximum - done)


class Verdict(msgspec.Struct, frozen=True):
    """The interval that is furthest from its aim; what a study that stopped says of its precision.

    `half_width` is None where there is none yet, `aim` where it cannot be told (a share of nothing).
    """

    is_reached: bool
    replications: int
    half_width: float | None
    aim: float | None
    policy: str
    branch: int | None = None


def judge(sums: Sums, precision: Precision, policies: tuple[str, ...]) -> Verdict:
    """Is it precise enough? Depends on nothing but whole numbers, so it is the same wherever it is asked."""
    count = sums.whole_replications
    looked_at = range(len(policies)) if precision.of == "policy" else range(1, len(policies))
    found: list[Verdict] = []
    for policy in looked_at:
        of_network = _network(sums, precision, policy)
        found.append(_verdict(precision, of_network, policies[policy], None))
        if precision.level == "branch":
            found.append(_worst_branch(sums, precision, policy, policies[policy]))
    if not found:
        return Verdict(is_reached=True, replications=count, half_width=0.0, aim=None, policy=policies[0])
    return max(found, key=_distance)


def _network(sums: Sums, precision: Precision, policy: int) -> tuple[figures.Estimate, float | None]:
    """The estimate and the mean that a relative aim is a share of."""
    metric = METRICS.index(precision.metric)
    values = figures.network_values(sums)[:, :, metric]
    if precision.of == "policy":
        estimate = figures.estimate(values[policy])
        return estimate, estimate.mean
    baseline = figures.estimate(values[0])
    return figures.difference(values[policy], values[0]).estimate, baseline.mean


def _worst_branch(sums: Sums, precision: Precision, policy: int, name: str) -> Verdict:
    own = figures.branch_estimates(sums, policy, precision.metric)
    base = own.mean
    if precision.of == "difference":
        own = figures.branch_differences(sums, policy, precision.metric)
        base = figures.branch_estimates(sums, 0, precision.metric).mean
    # A branch in which nobody came has nothing to be precise about.
    known = np.flatnonzero(~np.isnan(own.half_width))
    if not len(known):
        return _verdict(precision, (figures.Estimate(None, None, 0), None), name, None)
    aims = _aims(precision, base[known])
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.where(own.half_width[known] == 0, 0.0, own.half_width[known] / aims)
    branch = int(known[int(np.argmax(ratios))])
    estimate = figures.Estimate(
        float(own.mean[branch]), float(own.half_width[branch]), sums.whole_replications
    )
    return _verdict(precision, (estimate, float(base[branch])), name, branch)


def _aims(precision: Precision, means: figures.Floats) -> figures.Floats:
    if precision.half_width is not None:
        return np.full(len(means), precision.half_width)
    found: figures.Floats = np.abs(means) * (precision.relative or 0.0)
    return found


def _verdict(
    precision: Precision, found: tuple[figures.Estimate, float | None], policy: str, branch: int | None
) -> Verdict:
    estimate, mean = found
    aim = precision.half_width
    if aim is None and mean is not None:
        aim = abs(mean) * (precision.relative or 0.0)
    half_width = estimate.half_width
    return Verdict(
        # No spread at all is precise whatever was asked: every day was the same.
        is_reached=half_width is not None and (half_width == 0 or (aim is not None and half_width <= aim)),
        replications=estimate.count,
        half_width=half_width,
        aim=aim,
        policy=policy,
        branch=branch,
    )


def _distance(verdict: Verdict) -> float:
    """How many times too wide."""
    if verdict.half_width is None:
        return float("inf")
    if not verdict.half_width:
        return 0.0
    return verdict.half_width / verdict.aim if verdict.aim else float("inf")


def _expect(is_right: bool, what: str) -> None:
    if not is_right:
        raise ValueError(f"Expected {what}")

"""What a study computes, in whole numbers only: the same bytes give the same results wherever they are read.

Whatever needs logarithms or exponentials was worked out before: processors differ in the last bit of those.
"""

from __future__ import annotations

import hashlib
import zlib
from typing import Any

import msgspec
import numpy as np

from openhall.science import engine
from openhall.science.engine import Ints

BRANCHES_AT_MOST = 16_000
POLICIES_AT_MOST = 12
REPLICATIONS_AT_MOST = 10_000
CUSTOMERS_AT_MOST = 20_000
"""Expected in one branch on one day."""

# Columns of `Plan.branches`; then one column a policy of each of SIZE and FACTOR.
NUMBER, CROWD, HALL, PER_POLICY = 0, 1, 2, 3
SIZE_UNIT = 1_000


class Crowd(msgspec.Struct, frozen=True, eq=False):
    """Who comes, as far as branches have it in common.

    Parameters
    ----------
    opens_ms, width_ms : start of the first stretch from the day's origin, and the length of all of them.
    weights : (stretches,) share of the day's customers in each, times 2**20.
    mix : (stretches, groups) cumulative words of 2**32.
    groups : (policies, groups, engine.GROUP_COLUMNS) what a group draws from, tables numbered as in the plan.
    followings : (policies, groups, groups) cumulative words: the group of a second service.
    gaps : number of the table of unit-mean gaps.
    """

    opens_ms: int
    width_ms: int
    weights: Ints
    mix: Ints
    groups: Ints
    followings: Ints
    gaps: int


class Hall(msgspec.Struct, frozen=True, eq=False):
    """Counters and when they are open, as far as branches have it in common.

    Parameters
    ----------
    counters : physical positions.
    closes_ms : the doors close; counters then go on until the line is empty.
    schedules : for each policy (events, 3) as in `engine.serve`.
    divert_above : (policies,) from so many in line on, newcomers are offered another way.
    open_ms : (policies,) counter time from the opening to the closing of the doors, over all counters.
    """

    counters: int
    closes_ms: int
    schedules: tuple[Ints, ...]
    divert_above: Ints
    open_ms: Ints


class Plan(msgspec.Struct, frozen=True, eq=False):
    """A whole study.

    Parameters
    ----------
    seed : below 2**32.
    policies : names; the first is the baseline of every difference.
    groups : names of the pairs of service and class.
    tables : (tables, engine.QUANTILES).
    branches : (branches, 3 + 2 policies): random number stream, index of crowd and hall, then for each policy
        the expected customers times 1,000, then for each policy the table of a stretch's factor or -1.
    dispersion_percent : variance by mean of the people of one stretch, times 100; bounds the memory for a
        day.
    """

    seed: int
    policies: tuple[str, ...]
    groups: tuple[str, ...]
    tables: Ints
    crowds: tuple[Crowd, ...]
    halls: tuple[Hall, ...]
    branches: Ints
    dispersion_percent: int = 100

    def __post_init__(self) -> None:
        _expect(0 <= self.seed < 1 << 32, f"a seed from 0 to {(1 << 32) - 1}, got {self.seed}")
        policies = len(self.policies)
        _expect(0 < policies <= POLICIES_AT_MOST, f"1 to {POLICIES_AT_MOST} policies, got {policies}")
        _expect(len(set(self.policies)) == policies, f"policies of different names, got {self.policies}")
        count, columns = self.branches.shape
        _expect(0 < count <= BRANCHES_AT_MOST, f"1 to {BRANCHES_AT_MOST} branches, got {count}")
        _expect(columns == PER_POLICY + 2 * policies, f"{PER_POLICY + 2 * policies} columns, got {columns}")
        largest = int(self.sizes.max())
        _expect(
            largest <= CUSTOMERS_AT_MOST * SIZE_UNIT,
            f"at most {CUSTOMERS_AT_MOST} customers a branch and day, got {largest // SIZE_UNIT}",
        )

    @property
    def branch_count(self) -> int:
        """How many branches."""
        return len(self.branches)

    @property
    def sizes(self) -> Ints:
        """(branches, policies) expected customers a day, times 1,000."""
        return self.branches[:, PER_POLICY : PER_POLICY + len(self.policies)]

    def customers_daily(self) -> float:
        """Expected customers of one day of the whole network, all policies together."""
        return float(self.sizes.sum()) / SIZE_UNIT

    def model(self, branch: int, policy: int) -> engine.Model:
        """The engine's tables of a branch (a row) under a policy."""
        row = self.branches[branch]
        crowd = self.crowds[row[CROWD]]
        size, factor = row[PER_POLICY + policy], row[PER_POLICY + len(self.policies) + policy]
        bins = np.empty((len(crowd.weights), 1 + len(self.groups)), np.int64)
        bins[:, 0] = crowd.weights * size // SIZE_UNIT
        bins[:, 1:] = crowd.mix
        clock = np.array([crowd.opens_ms, crowd.width_ms, crowd.gaps, factor], np.int64)
        return engine.Model(self.tables, crowd.groups[policy], crowd.followings[policy], bins, clock)

    def room_for(self, branch: int, policy: int) -> int:
        """Rows that a day's customers fit in: twelve standard deviations above the mean."""
        mean = int(self.sizes[branch, policy]) / SIZE_UNIT
        spread = (mean * max(100, self.dispersion_percent) / 100) ** 0.5
        return int(mean + 12 * spread) + 200


def _expect(is_right: bool, what: str) -> None:
    if not is_right:
        raise ValueError(f"Expected {what}")


# --- bytes -------------------------------------------------------------------------------------------


def _flat(array: Any) -> Any:
    """An array as its type, its shape and its bytes, the lowest first."""
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return (little.dtype.str, little.shape, little.tobytes())


def _array(_kind: type, flat: Any) -> Any:
    """A writable array: numba compiles another version of everything for arrays that are read-only."""
    kind, shape, body = flat
    return np.frombuffer(body, np.dtype(kind)).astype(np.dtype(kind).newbyteorder("=")).reshape(shape)


ENCODER = msgspec.msgpack.Encoder(enc_hook=_flat)
_PLANS = msgspec.msgpack.Decoder(Plan, dec_hook=_array)


def decoder_of(kind: Any) -> msgspec.msgpack.Decoder[Any]:
    """A decoder of a struct with arrays in it."""
    return msgspec.msgpack.Decoder(kind, dec_hook=_array)


def to_bytes(plan: Plan) -> bytes:
    """The plan as it is sent to workers."""
    return zlib.compress(ENCODER.encode(plan), 1)


def from_bytes(body: bytes) -> Plan:
    """The plan that was sent."""
    plan: Plan = _PLANS.decode(zlib.decompress(body))
    return plan


def name_of(plan: Plan) -> str:
    """The SHA-256 of the plan's bytes before they are compressed: equal plans, equal results."""
    return hashlib.sha256(ENCODER.encode(plan)).hexdigest()

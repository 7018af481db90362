"""Does a plan say what the file means?"""

import msgspec
import numpy as np
import pytest

from openhall.kernel.clock import MINUTE_MS
from openhall.rehearsal.study.branches import groups_of, invented_branches
from openhall.rehearsal.study.model import Extra, Network, Policy, Service, Study
from openhall.rehearsal.study.planning import open_counters, opening_order, plan_of, spread
from openhall.science import engine
from openhall.science.study.plan import from_bytes, name_of, to_bytes

HOUR = 60 * MINUTE_MS

SMALL = Study(
    name="small",
    network=Network(branches=5, customers=100.0, customers_spread=0.5, hours="09:00-13:00"),
    services=(Service("cash", 0.75, minutes=5.0), Service("loans", 0.25, minutes=9.0, counters=0.5)),
    policy=(Policy("all", open=(1.0,)), Policy("half", open=(0.5,), surge_factor=2.0, order="strict")),
)

# what each counter serves, in which order they open, how many serve everybody
ORDERS = [
    ((0b11, 0b11), [0, 1], 1, "all alike: as they stand"),
    ((0b01, 0b11), [1, 0], 1, "one that serves everybody comes first"),
    ((0b01, 0b01, 0b10), [0, 2, 1], 2, "two are needed, the third is a repetition"),
    ((0b00, 0b10), [1, 0], 1, "one that serves nobody comes last"),
]  # fmt: skip


@pytest.mark.parametrize(("masks", "order", "at_least", "reason"), ORDERS)
def test_counters_open_so_that_everybody_is_served_soon(
    masks: tuple[int, ...], order: list[int], at_least: int, reason: str
) -> None:
    assert opening_order(masks) == (order, at_least), reason


# policy, (hour, counters open from then on), reason
STEPS = [
    (Policy("p", open=(0.5,)), [(9, 2)], "half of four all day"),
    (Policy("p", open=(0.5, 1.0)), [(9, 2), (11, 4)], "over equal parts"),
    (Policy("p", open=(0.0,)), [(9, 1)], "never fewer than serve everybody"),
    (Policy("p", open=(0.5,), extra=(Extra(1, "10:00-11:00"),)), [(9, 2), (10, 3), (11, 2)], "one more"),
    (Policy("p", open=(1.0,), extra=(Extra(3, "10:00-11:00"),)), [(9, 4)], "there are no more than four"),
    (Policy("p", open=(0.5,), extra=(Extra(1, "07:00-10:00"),)), [(9, 3), (10, 2)], "from the opening on"),
    (Policy("p", open=(0.5,), extra=(Extra(1, "12:00-20:00"),)), [(9, 2), (12, 3)], "stays till the end"),
]


@pytest.mark.parametrize(("policy", "expected", "reason"), STEPS)
def test_as_many_counters_open_as_the_policy_says(
    policy: Policy, expected: list[tuple[int, int]], reason: str
) -> None:
    steps = open_counters(policy, 9 * HOUR, 13 * HOUR, counters=4, at_least=1)
    assert steps == [(hour * HOUR, count) for hour, count in expected], reason


def test_a_profile_keeps_its_shape_over_other_parts() -> None:
    assert spread((1.0, 3.0), 4) == pytest.approx([0.125, 0.125, 0.375, 0.375])
    assert spread((1.0, 3.0, 2.0), 1) == pytest.approx([1.0])


def test_invented_branches_have_the_asked_mean_and_spread() -> None:
    study = msgspec.structs.replace(SMALL, network=msgspec.structs.replace(SMALL.network, branches=2_000))
    sizes = np.array([b.customers for b in invented_branches(study, groups_of(study, None))])
    assert sizes.mean() == pytest.approx(100.0)
    assert sizes.std() / sizes.mean() == pytest.approx(0.5, rel=0.02)


def test_every_counter_that_opens_first_serves_every_service() -> None:
    branches = invented_branches(SMALL, groups_of(SMALL, None))
    assert all(branch.masks[0] == 0b11 for branch in branches)
    largest = branches[-1]
    loans = sum(mask >> 1 & 1 for mask in largest.masks)
    assert loans == -(-len(largest.masks) // 2)


def test_the_expected_customers_come_and_all_are_served() -> None:
    plan = plan_of(SMALL, None, file="").plan
    hall = plan.halls[plan.branches[2, 2]]
    for policy, surge in ((0, 1.0), (1, 2.0)):
        found = engine.days(
            plan.model(2, policy),
            np.zeros((hall.counters, 2), np.int64),
            hall.schedules[policy],
            closes_ms=hall.closes_ms,
            seed=1,
            branch=2,
            first=0,
            count=400,
        )
        mean = found.totals[:, engine.ARRIVED].sum() / 400
        # Variance by mean is about 2: four standard errors.
        size = plan.sizes[2, 0] * surge / 1_000
        assert mean == pytest.approx(size, abs=4 * (2 * size / 400) ** 0.5)
        assert found.totals[:, engine.COUNT_PENDING].sum() == 0


def test_strict_order_has_ranks_and_no_head_starts() -> None:
    plan = plan_of(SMALL, None, file="").plan
    assert (plan.crowds[0].groups[1, :, engine.BASE] == 0).all()


def test_a_plan_is_the_same_after_a_journey_and_its_name_says_what_it_is() -> None:
    plan = plan_of(SMALL, None, file="").plan
    again = from_bytes(to_bytes(plan))
    assert name_of(again) == name_of(plan)
    other = msgspec.structs.replace(plan, seed=2)
    assert name_of(other) != name_of(plan)
    assert again.tables.flags.writeable, "numba would compile everything again for read-only arrays"

"""Is a study the same however it is cut, in whatever order its parts come, and whoever adds them up?"""

import copy
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openhall.science.study import tasks
from openhall.science.study.sums import Sums
from openhall.science.study.tasks import Task
from tests.studied import BRANCHES, REPLICATIONS, part, plan, sums_of

WHOLE = Task(0, BRANCHES, 0, REPLICATIONS)


@cache
def whole_digest() -> str:
    return sums_of([WHOLE]).digest()


@st.composite
def cuts(draw: st.DrawFn) -> list[Task]:
    """Any cut of the grid of branches and replications into rectangles, in any order."""
    done: list[Task] = []
    left = [WHOLE]
    while left:
        task = left.pop()
        how = draw(st.sampled_from(["keep", "branches", "replications"]))
        if how == "branches" and task.branches > 1:
            at = draw(st.integers(1, task.branches - 1))
            left += [
                Task(task.branch, at, task.first, task.count),
                Task(task.branch + at, task.branches - at, task.first, task.count),
            ]
        elif how == "replications" and task.count > 1:
            at = draw(st.integers(1, task.count - 1))
            left += [
                Task(task.branch, task.branches, task.first, at),
                Task(task.branch, task.branches, task.first + at, task.count - at),
            ]
        else:
            done.append(task)
    return draw(st.permutations(done))


@settings(max_examples=60, deadline=None)
@given(cuts())
def test_any_cut_in_any_order_gives_the_same_to_the_bit(wanted: list[Task]) -> None:
    assert sums_of(wanted).digest() == whole_digest()


@settings(max_examples=60, deadline=None)
@given(cuts(), st.data())
def test_merging_is_associative_and_commutative(wanted: list[Task], data: st.DataObject) -> None:
    shares = [data.draw(st.integers(0, 2)) for _ in wanted]
    one, two, three = (sums_of([t for t, s in zip(wanted, shares, strict=True) if s == n]) for n in range(3))
    left, right, swapped = (copy.deepcopy(s) for s in (one, two, three))
    left.merge(two)
    left.merge(three)
    right.merge(three)  # two + three
    first = copy.deepcopy(one)
    first.merge(right)
    swapped.merge(one)  # three + one
    swapped.merge(two)
    assert left.digest() == first.digest() == swapped.digest() == whole_digest()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 4), st.integers(1, 6), st.floats(1, 3_000))
def test_a_split_covers_everything_once(first: int, count: int, customers: float) -> None:
    wanted = list(tasks.split(plan(), first=first, count=count, customers_per_task=int(customers)))
    cells = [
        (branch, replication)
        for task in wanted
        for branch in range(task.branch, task.branch + task.branches)
        for replication in range(task.first, task.first + task.count)
    ]
    assert sorted(cells) == [(b, r) for b in range(BRANCHES) for r in range(first, first + count)]


def test_a_part_is_the_same_after_a_journey() -> None:
    found = Sums.of(plan(), REPLICATIONS)
    found.add(tasks.from_bytes(tasks.to_bytes(part(WHOLE))))
    assert found.digest() == whole_digest()


def test_a_part_counts_once() -> None:
    found = sums_of([WHOLE])
    with pytest.raises(ValueError, match="once"):
        found.add(part(WHOLE))
    with pytest.raises(ValueError, match="once"):
        found.merge(sums_of([WHOLE]))


def test_half_a_replication_gives_no_figures() -> None:
    with pytest.raises(ValueError, match="whole replications"):
        _ = sums_of([Task(0, 2, 0, REPLICATIONS)]).whole_replications


def test_another_seed_is_another_result() -> None:
    assert sums_of([Task(0, BRANCHES, 0, 5)]).digest() != whole_digest()

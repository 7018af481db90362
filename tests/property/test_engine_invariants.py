"""What holds on every day that the engine can serve.

"One more counter never lengthens the mean wait" is not among it: it is false on some days.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from openhall.science import engine
from openhall.science.engine import Ints
from tests.property.random_models import CLOSES_MS, RandomBranch, random_branch

SEEDS = st.integers(0, 2**31)
DAYS = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def serve(one: RandomBranch, until_ms: int = engine.NEVER - 1) -> Ints:
    return engine.serve(
        one.table,
        one.counters,
        one.schedule,
        groups=one.groups,
        divert_above=one.divert_above,
        until_ms=until_ms,
    )


def masks_at(one: RandomBranch, at_ms: int) -> list[int]:
    """What each counter serves right after the changes of a moment; nothing while the hall pauses."""
    masks, is_paused = one.counters[:, engine.MASK].tolist(), False
    for moment, counter, mask in one.schedule.tolist():
        if moment > at_ms:
            break
        if counter == engine.WHOLE_HALL:
            is_paused = mask == 0
        else:
            masks[counter] = mask
    return [0] * len(masks) if is_paused else masks


def present(one: RandomBranch, result: Ints, at_ms: int) -> NDArray[np.bool_]:
    """Rows that wait at a moment and go on waiting after it: in line, neither away nor gone."""
    table = one.table
    is_away = (table[:, engine.OUT] <= at_ms) & (at_ms < table[:, engine.BACK])
    not_called = (result[:, engine.CALLED] < 0) | (result[:, engine.CALLED] > at_ms)
    return (table[:, engine.ENTER] <= at_ms) & not_called & ~is_away & (table[:, engine.GONE] > at_ms)


def plain(one: RandomBranch) -> RandomBranch:
    """The same day with one call a customer and no offers: then the result says everything."""
    table = one.table.copy()
    table[:, engine.ABSENT], table[:, engine.NEXT_GROUP], table[:, engine.OFFERED] = 0, -1, -1
    return one._replace(table=table)


@DAYS
@given(SEEDS)
def test_everybody_has_one_end_and_nobody_is_lost(seed: int) -> None:
    one = random_branch(seed)
    result = serve(one)
    outcomes = result[:, engine.OUTCOME]
    assert np.isin(outcomes, (engine.SERVED, engine.LEFT, engine.DIVERTED, engine.NO_SHOW)).all()
    assert (result[:, engine.REACHED] >= one.table[:, engine.ENTER]).all()
    was_called = np.isin(outcomes, (engine.SERVED, engine.NO_SHOW))
    assert ((result[:, engine.CALLED] >= result[:, engine.REACHED]) == was_called).all()
    assert ((result[:, engine.COUNTER] >= 0) == was_called).all()


@DAYS
@given(SEEDS)
def test_nobody_is_called_before_arriving_nor_at_a_counter_that_cannot(seed: int) -> None:
    one = random_branch(seed)
    result = serve(one)
    for row in np.nonzero(result[:, engine.CALLED] >= 0)[0]:
        called, counter = int(result[row, engine.CALLED]), int(result[row, engine.COUNTER])
        assert called >= one.table[row, engine.ENTER]
        assert any(mask >> int(one.table[row, engine.GROUP]) & 1 for mask in masks_at(one, called))
        if one.table[row, engine.ABSENT] == 0 and one.table[row, engine.NEXT_GROUP] < 0:
            assert masks_at(one, called)[counter] >> int(one.table[row, engine.GROUP]) & 1


@DAYS
@given(SEEDS)
def test_no_counter_has_two_customers(seed: int) -> None:
    one = plain(random_branch(seed))
    result = serve(one)
    for counter, busy_until in enumerate(one.counters[:, engine.BUSY_UNTIL]):
        rows = np.nonzero(result[:, engine.COUNTER] == counter)[0]
        rows = rows[np.lexsort((result[rows, engine.END], result[rows, engine.CALLED]))]
        free = result[rows, engine.END] + one.table[rows, engine.GAP]
        assert (result[rows, engine.CALLED] >= np.concatenate(([busy_until], free))[:-1]).all()


@DAYS
@given(SEEDS)
def test_nobody_before_is_passed_over_and_a_place_is_kept_while_away(seed: int) -> None:
    one = plain(random_branch(seed))
    result = serve(one)
    groups, places = one.table[:, engine.GROUP], one.table[:, engine.PLACE]
    for row in np.nonzero(result[:, engine.CALLED] >= 0)[0]:
        called, counter = int(result[row, engine.CALLED]), int(result[row, engine.COUNTER])
        mask = masks_at(one, called)[counter]
        could = present(one, result, called) & ((mask >> groups) & 1).astype(bool)
        assert (places[could] > places[row]).all()


@DAYS
@given(SEEDS)
def test_no_counter_is_idle_while_somebody_waits_whom_it_can_serve(seed: int) -> None:
    one = plain(random_branch(seed))
    result = serve(one)
    moments = np.unique(
        np.concatenate([one.table[:, engine.ENTER], result[:, engine.END], one.schedule[:, engine.AT_MS]])
    )
    free_at = result[:, engine.END] + one.table[:, engine.GAP]
    for moment in moments[moments >= 0].tolist():
        waiting = present(one, result, moment)
        if not waiting.any():
            continue
        wanted = int(np.bitwise_or.reduce(np.int64(1) << one.table[waiting, engine.GROUP]))
        at_work = (result[:, engine.CALLED] >= 0) & (result[:, engine.CALLED] <= moment) & (free_at > moment)
        busy = set(result[at_work, engine.COUNTER].tolist())
        for counter, mask in enumerate(masks_at(one, moment)):
            is_idle = counter not in busy and one.counters[counter, engine.BUSY_UNTIL] <= moment
            assert not (is_idle and mask & wanted), f"counter {counter} at {moment}"


@DAYS
@given(SEEDS)
def test_everybody_in_line_at_closing_is_served_or_leaves(seed: int) -> None:
    one = random_branch(seed)
    result = serve(one)
    in_line = present(one, result, CLOSES_MS)
    ends = result[in_line, engine.OUTCOME]
    assert np.isin(ends, (engine.SERVED, engine.LEFT, engine.DIVERTED, engine.NO_SHOW)).all()


@DAYS
@given(SEEDS, st.integers(0, CLOSES_MS))
def test_what_has_happened_by_a_moment_does_not_depend_on_what_comes_after(seed: int, moment: int) -> None:
    one = random_branch(seed)
    table = one.table[one.table[:, engine.ENTER] <= moment]
    schedule = one.schedule[one.schedule[:, engine.AT_MS] <= moment]
    early = serve(one._replace(table=table, schedule=schedule), moment)
    late = serve(one, moment)[: len(table)]
    assert (early == late).all()


BAD_TABLES = {
    "a row before its time": (engine.ENTER, -1),
    "a group that there is not": (engine.GROUP, 9),
    "a next group that there is not": (engine.NEXT_GROUP, 9),
    "a negative time": (engine.WORK, -5),
    "a place given twice": (engine.PLACE, 7),
}


@pytest.mark.parametrize("what", BAD_TABLES)
def test_a_table_that_means_nothing_is_refused(what: str) -> None:
    column, value = BAD_TABLES[what]
    one = random_branch(3)
    table = one.table.copy()
    table[1:3, column] = value
    with pytest.raises(ValueError, match=r"^Expected "):
        serve(one._replace(table=table))


def test_a_second_service_of_somebody_who_is_done_elsewhere_is_refused() -> None:
    one = random_branch(3)
    table = one.table.copy()
    table[0, [engine.OUT, engine.BACK, engine.NEXT_GROUP]] = table[0, engine.ENTER], engine.NEVER, 0
    with pytest.raises(ValueError, match="second service"):
        serve(one._replace(table=table))

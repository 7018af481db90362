"""Choosing moves one after another, and the line that flows like water."""

from __future__ import annotations

import pytest

from openhall.science.backlog import late_ms
from openhall.science.replan import choose

pytestmark = pytest.mark.unit

MINUTE = 60_000

COVERS = {"a": {1, 2, 3, 4}, "b": {3, 4, 5}, "c": {5, 6}, "d": {1, 6}, "e": {7}}
"""Each covers some numbers; what a further one adds is what nobody covered before: gains only fall."""


class Cover:
    """A choice of sets."""

    def __init__(self, weight: float = 1.0) -> None:
        self.weight = weight
        self.taken: list[str] = []

    @property
    def covered(self) -> set[int]:
        """By what was taken."""
        return {number for name in self.taken for number in COVERS[name]}

    def pool(self) -> dict[str, str]:
        """What was not taken."""
        return {name: name for name in COVERS if name not in self.taken}

    def gain(self, name: str) -> float:
        """Numbers that nobody covered yet."""
        return self.weight * len(COVERS[name] - self.covered)


@pytest.mark.parametrize(
    ("at_most", "least", "names", "reason"),
    [
        (0, 0.0, [], "none is asked for"),
        (1, 0.0, ["a"], "the largest"),
        (2, 0.0, ["a", "c"], "the one that adds most to it, not the second largest"),
        (9, 0.0, ["a", "c", "e"], "the others add nothing"),
        (9, 1.0, ["a", "c"], "one number is not worth it"),
        (9, 9.0, [], "none is worth it"),
    ],
)
def test_the_largest_gain_is_taken_again_and_again(
    at_most: int, least: float, names: list[str], reason: str
) -> None:
    cover = Cover()
    choice = choose(cover.pool, cover.gain, cover.taken.append, at_most=at_most, least=least)
    assert [step.item for step in choice.steps] == names, reason
    assert choice.is_complete
    assert sum(step.gain for step in choice.steps) == len(cover.covered)


def test_fewer_gains_are_worked_out_than_by_trying_everything_each_time() -> None:
    cover = Cover()
    choice = choose(cover.pool, cover.gain, cover.taken.append, at_most=9)
    assert choice.evaluations < 5 + 4 + 3


def test_when_the_time_is_over_what_was_taken_stands() -> None:
    cover, asked = Cover(), 0

    def is_over() -> bool:
        nonlocal asked
        asked += 1
        return asked > 6

    choice = choose(cover.pool, cover.gain, cover.taken.append, at_most=9, is_over=is_over)
    assert [step.item for step in choice.steps] == ["a"]
    assert not choice.is_complete


def test_a_negative_number_of_choices_is_refused() -> None:
    cover = Cover()
    with pytest.raises(ValueError, match="Expected at_most of 0 or more, got -1"):
        choose(cover.pool, cover.gain, cover.taken.append, at_most=-1)


@pytest.mark.parametrize(
    ("waited", "arriving", "rate", "minutes", "reason"),
    [
        ([], 0.0, 0.0, 0.0, "nobody is there"),
        ([0], 0.0, 0.0, 90.0, "one person, nobody serves: late from the thirtieth minute of two hours on"),
        ([40], 0.0, 0.0, 120.0, "late already"),
        ([0, 0, 0, 0], 0.0, 1.0, 0.0, "four are taken in four minutes"),
        ([40], 0.0, 1 / 60, 30.0, "taken evenly over an hour: half an hour of late time"),
    ],
)
def test_late_time_of_a_line_that_flows(
    waited: list[int], arriving: float, rate: float, minutes: float, reason: str
) -> None:
    slots = 120
    found = late_ms(
        [each * MINUTE for each in waited],
        [arriving / MINUTE] * slots,
        [rate / MINUTE] * slots,
        slot_ms=MINUTE,
        limit_ms=30 * MINUTE,
    )
    assert found / MINUTE == pytest.approx(minutes, abs=0.51), reason


def test_the_late_time_of_a_steady_overload_is_the_triangle_of_theory() -> None:
    # Two a minute come, one is taken: who comes at t is taken at 2t, so late from t = 30 on. At minute u the
    # late ones are those who came by u - 30 and are not taken by u: 2(u - 30) - u = u - 60 from u = 60 on.
    found = late_ms([], [2 / MINUTE] * 120, [1 / MINUTE] * 120, slot_ms=MINUTE, limit_ms=30 * MINUTE)
    assert found / MINUTE == pytest.approx(60 * 60 / 2, rel=0.01)


@pytest.mark.parametrize(
    ("rates", "slot_ms", "message"),
    [([0.0], MINUTE, "as many rates as arrivals"), ([0.0, 0.0], 0, "Expected slot_ms above 0")],
)
def test_two_lengths_or_no_length_are_refused(rates: list[float], slot_ms: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        late_ms([], [0.0, 0.0], rates, slot_ms=slot_ms, limit_ms=0)
